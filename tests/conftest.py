"""Shared fixtures: an embedded PostGIS cluster for each process of the run, databases cloned from a template.

Under `pytest -n` every worker has a cluster of its own, so that no test sees another's databases.
"""

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
# No test needs its data after a crash of the server, and a new database is mostly waiting for the disk.
CARELESS = ("fsync", "full_page_writes", "synchronous_commit")

CloneDatabase = Callable[[], Engine]


def execute(admin: Engine, statement: str) -> None:
    """Run a statement that cannot be part of a transaction."""
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def drop(admin: Engine, engine: Engine) -> None:
    """Remove the database of an engine."""
    engine.dispose()
    execute(admin, f"DROP DATABASE IF EXISTS {engine.url.database} WITH (FORCE)")


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """URL of the cluster of this test run; its own database is empty and belongs to nobody."""
    # Not under pytest's directories: those are closed to the user whom root lets run the server.
    home = Path(tempfile.mkdtemp(prefix="qingjiang-test-"))
    home.chmod(0o755)
    try:
        url = ensure_cluster(home)
        admin = create_database_engine(make_url(url).set(database="postgres"))
        for setting in CARELESS:
            execute(admin, f"ALTER SYSTEM SET {setting} = off")
        execute(admin, "SELECT pg_reload_conf()")
        admin.dispose()
        yield url
    finally:
        remove_cluster(home)
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def admin(cluster_url: str) -> Iterator[Engine]:
    """The engine of the cluster's maintenance database."""
    found = create_database_engine(make_url(cluster_url).set(database="postgres"))
    yield found
    found.dispose()


@pytest.fixture(scope="session")
def clone_database(admin: Engine) -> Iterator[CloneDatabase]:
    """Make a migrated, empty database and return its engine; all of them go when the run ends."""
    numbers = itertools.count(1)
    engines = []

    execute(admin, f"CREATE DATABASE {TEMPLATE}")
    template = create_database_engine(admin.url.set(database=TEMPLATE))
    migrate(template)
    template.dispose()
    # Copied as files, a tenth of the time where nobody waits for the disk; the only way before PostgreSQL 15.
    with admin.connect() as connection:
        newer = int(connection.scalar(text("SHOW server_version_num")) or 0) >= 150000
    copied = f"TEMPLATE {TEMPLATE}" + (" STRATEGY FILE_COPY" if newer else "")

    def clone() -> Engine:
        name = f"qingjiang_test_{next(numbers)}"
        execute(admin, f"CREATE DATABASE {name} {copied}")
        engine = create_database_engine(admin.url.set(database=name))
        engines.append(engine)
        return engine

    yield clone
    for engine in engines:
        drop(admin, engine)


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
def fresh_database(clone_database: CloneDatabase, admin: Engine) -> Iterator[Engine]:
    """The engine of a migrated database of the test's own, with nothing but the parameters in it."""
    engine = clone_database()
    yield engine
    drop(admin, engine)
