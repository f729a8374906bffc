"""Shared fixtures: one embedded PostGIS cluster for the run, migrated databases cloned from a template."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.orm import Session

from models.cluster import ensure_cluster, remove_cluster
from models.database import create_database_engine, migrate

TEMPLATE = "qingjiang_template"

CloneDatabase = Callable[[], Engine]


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """URL of the cluster of this test run; its own database is empty and belongs to nobody."""
    # Not under pytest's directories: those are closed to the user whom root lets run the server.
    home = Path(tempfile.mkdtemp(prefix="qingjiang-test-"))
    home.chmod(0o755)
    try:
        yield ensure_cluster(home)
    finally:
        remove_cluster(home)
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def clone_database(cluster_url: str) -> Iterator[CloneDatabase]:
    """Make a migrated, empty database and return its engine; all of them go when the run ends."""
    url = make_url(cluster_url)
    admin = create_database_engine(url.set(database="postgres"))
    numbers = itertools.count(1)
    engines = []

    def execute(statement: str) -> None:
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))

    execute(f"CREATE DATABASE {TEMPLATE}")
    template = create_database_engine(url.set(database=TEMPLATE))
    migrate(template)
    template.dispose()

    def clone() -> Engine:
        name = f"qingjiang_test_{next(numbers)}"
        execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        engine = create_database_engine(url.set(database=name))
        engines.append(engine)
        return engine

    yield clone
    for engine in engines:
        engine.dispose()
        execute(f"DROP DATABASE IF EXISTS {engine.url.database} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="session")
def engine(clone_database: CloneDatabase) -> Engine:
    """A migrated database that all tests share; what they write goes through `session` and is rolled back."""
    return clone_database()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose work, commits included, is gone when the test ends."""
    with engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        outer.rollback()


@pytest.fixture
def fresh_database(clone_database: CloneDatabase) -> Iterator[Engine]:
    """The engine of a migrated database of the test's own, with nothing but the parameters in it."""
    engine = clone_database()
    yield engine
    engine.dispose()
