"""The sample data, loaded and evaluated once, and the doors that lead to it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from api.catalogue import Catalogue
from api.cli import app
from api.demo import load_sample, sample_manifest
from api.jobs import Evaluation, run_evaluation
from api.keys import issue_key
from api.settings import Settings
from api.web.app import create_app

Cli = Callable[..., Result]


@dataclass(frozen=True)
class Sample:
    """A database that holds the sample data, and its evaluation."""

    engine: Engine
    as_of: date
    evaluation: Evaluation

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)


class SilentTeller:
    def text(self, key: str, /, **params: Any) -> str:
        return Catalogue().text(key, **params)

    def working(self, line: str) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


@pytest.fixture(scope="session")
def sample(clone_database: Callable[[], Engine]) -> Sample:
    engine = clone_database()
    manifest = sample_manifest()
    for entry, report in load_sample(engine, manifest, SilentTeller()):
        assert report.rows_rejected == 0, entry.path
    return Sample(engine, manifest.as_of, run_evaluation(engine, manifest.as_of))


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run the command line; `database` is the engine it shall use."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, database: Engine | None = None) -> Result:
        if database is None:
            # Nothing listens there: a command that needs no database must not ask for one.
            url = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
        else:
            url = database.url.render_as_string(hide_password=False)
        monkeypatch.setenv("QINGJIANG_DATABASE_URL", url)
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def client(sample: Sample) -> Iterator[TestClient]:
    """A client of the application over the sample data."""
    application = create_app(Settings(database_url=sample.url, page_size_max=500), sample.engine)
    with TestClient(application, raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def empty_client(fresh_database: Engine) -> Iterator[TestClient]:
    """A client of the application over an empty database."""
    url = fresh_database.url.render_as_string(hide_password=False)
    application = create_app(Settings(database_url=url, upload_max_mb=1), fresh_database)
    with TestClient(application, raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def bureau_key(fresh_database: Engine) -> str:
    issued = issue_key(fresh_database, role="bureau", region_code="420000", name="test", expires=None)
    return str(issued["key"])


@pytest.fixture(scope="session")
def address(sample: Sample) -> Iterator[str]:
    """The application as a browser reaches it, on a free port of the loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    application = create_app(Settings(database_url=sample.url), sample.engine)
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)
