"""Engine, sessions, migrations, backup and restore: for the embedded cluster and for any PostGIS alike."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session, sessionmaker

from models.errors import DatabaseUnreachableError, UnstorableError, UnsupportedServerError
from models.tables import SCHEMA

MINIMUM_POSTGRESQL = 14
APPLICATION_NAME = "qingjiang"
CONNECT_TIMEOUT_S = 10

# Any fixed number: everyone who migrates takes this advisory lock first.
MIGRATION_LOCK = 4_490_000


def normalise_url(url: str | URL) -> URL:
    """The URL with the driver we use; `postgres://` and `postgresql://` are taken for it."""
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "postgresql+psycopg":
        raise UnsupportedServerError(f"the URL names {parsed.drivername}, only PostgreSQL is supported")
    return parsed


def encode_json(value: object) -> str:
    """JSON text of a value for a JSONB column, decimals as exact numbers, dates as ISO text.

    Raises
    ------
    UnstorableError
        For NaN, infinity and types that have no JSON form: nothing is silently turned into null.
    """
    if value is None or isinstance(value, (bool, str, int)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise UnstorableError("a number that is not finite", str(value))
        return format(value, "f")
    if isinstance(value, float):
        if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - NaN is its own test
            raise UnstorableError("a number that is not finite", str(value))
        return repr(float(value))
    if isinstance(value, date):
        return json.dumps(value.isoformat())
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{encode_json(str(k))}:{encode_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (Sequence, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return "[" + ",".join(encode_json(item) for item in items) + "]"
    if hasattr(value, "item"):  # numpy scalars
        return encode_json(value.item())
    raise UnstorableError(f"a value of type {type(value).__name__} as JSON", repr(value))


def create_database_engine(url: str | URL) -> Engine:
    """An engine for the configured database; connects only when used.

    Sessions run in Asia/Shanghai, so that a day written in SQL is a Beijing day, and look for unqualified
    names in `public` only (where PostGIS is), whatever the role is called. Connections that died (restarted
    server) are replaced before use.
    """
    engine = create_engine(
        normalise_url(url),
        pool_pre_ping=True,
        pool_size=5,
        max_overflow=15,
        pool_recycle=1800,
        json_serializer=encode_json,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": APPLICATION_NAME},
    )

    @event.listens_for(engine, "connect", insert=True)
    def prepare_connection(connection: Any, _record: Any) -> None:
        """Set by statement, not by start-up option, which connection poolers refuse."""
        connection.execute("SET TIME ZONE 'Asia/Shanghai'")
        connection.execute("SET search_path TO public")
        connection.commit()

    return engine


def sessions(engine: Engine) -> sessionmaker[Session]:
    """The factory of sessions: `with sessions(engine).begin() as session: …` is one transaction."""
    return sessionmaker(engine)


# -------------------------------------------------------------------------------------------- migrations


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, from the package itself: no file beside an installed wheel is needed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """The revision that this version of the program works with."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise UnsupportedServerError("this installation has no migrations")
    return head


def current_revision(database: Engine | Connection) -> str | None:
    """The revision that the database is at; None where nothing was migrated yet."""
    if isinstance(database, Engine):
        with database.connect() as connection:
            return current_revision(connection)
    context = MigrationContext.configure(database, opts={"version_table_schema": SCHEMA})
    return context.get_current_revision()


def check_server(connection: Connection) -> None:
    """Refuse a server that is too old; make the schema and the extension where they are missing."""
    version = int(connection.scalar(text("SHOW server_version_num")) or 0) // 10000
    if version < MINIMUM_POSTGRESQL:
        raise UnsupportedServerError(f"it is PostgreSQL {version}, {MINIMUM_POSTGRESQL} or newer is needed")
    if connection.scalar(text("SELECT to_regtype('public.geography')")) is None:
        try:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public"))
        except (OperationalError, ProgrammingError) as error:
            raise UnsupportedServerError(
                f"PostGIS cannot be made available in its schema public ({str(error.orig).splitlines()[0]})"
            ) from error
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))


def migrate(engine: Engine, revision: str = "head") -> str | None:
    """Bring the schema to `revision` and return the revision it is at then; safe for many at once.

    All in one transaction under an advisory lock: a killed migration leaves the schema as it was. `base`
    removes every table, and its data with it.

    Raises
    ------
    DatabaseUnreachableError, UnsupportedServerError
    """
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            check_server(connection)
            config = alembic_config(connection)
            if revision == "base":
                command.downgrade(config, revision)
            elif current_revision(connection) != (newest_revision() if revision == "head" else revision):
                command.upgrade(config, revision)
            return current_revision(connection)
    except OperationalError as error:
        raise DatabaseUnreachableError(
            engine.url.render_as_string(), str(error.orig).splitlines()[0]
        ) from error
