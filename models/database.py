"""Engine, sessions, migrations, backup and restore: for the embedded cluster and for any PostGIS alike."""

import json
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session, sessionmaker

from models.errors import (
    BackupError,
    DatabaseUnreachableError,
    UnstorableError,
    UnsupportedServerError,
)
from models.installations import find_client
from models.tables import SCHEMA

MINIMUM_POSTGRESQL = 14
APPLICATION_NAME = "qingjiang"
CONNECT_TIMEOUT_S = 10

# Any fixed number: everyone who migrates takes this advisory lock first.
MIGRATION_LOCK = 4_490_000


def normalise_url(url: str | URL) -> URL:
    """The URL with the driver we use; `postgres://` and `postgresql://` are taken for it."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UnsupportedServerError(
            "the configured URL is none, such as postgresql+psycopg://user:password@host/name"
        ) from error
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
        if not math.isfinite(value):
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
    except CommandError as error:
        raise UnsupportedServerError(f"its schema is not one that this version knows ({error})") from error
    except OperationalError as error:
        raise DatabaseUnreachableError(
            engine.url.render_as_string(), str(error.orig).splitlines()[0]
        ) from error


# ------------------------------------------------------------------------------------ backup and restore


def backup(url: str, file: Path) -> None:
    """Write a consistent copy of the schema (pg_dump custom format, compressed) to `file`.

    The file appears under its name only when it is complete; one that was there is replaced then. Others may
    read and write meanwhile. API keys are in it, as hashes: keep it like the database.

    Raises
    ------
    BackupError, DatabaseUnreachableError
    """
    version, revision = inspect(url, "backup", file)
    if revision is None:
        raise BackupError("backup", str(file), "the database holds no schema of Qingjiang yet")
    program = client("pg_dump", version, "backup", file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # mode 0600
    except OSError as error:
        raise BackupError("backup", str(file), error.strerror or str(error)) from error
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            finished = subprocess.run(
                [
                    program,
                    "--format=custom",
                    "--no-owner",
                    "--no-privileges",
                    "--no-password",
                    f"--schema={SCHEMA}",
                    f"--dbname={connection_string(url)}",
                ],
                check=False,
                env=client_environment(url),
                stderr=subprocess.PIPE,
                stdout=stream,
            )
            os.fsync(stream.fileno())
        if finished.returncode != 0:
            raise BackupError("backup", str(file), last_line(finished.stderr))
        try:
            unfinished.replace(file)
        except OSError as error:
            raise BackupError("backup", str(file), error.strerror or str(error)) from error
    finally:
        unfinished.unlink(missing_ok=True)


def restore(url: str, file: Path) -> None:
    """Replace the schema and all its data by those of a backup, in one transaction.

    Whatever goes wrong, also `kill -9`, leaves the database as it was. A backup of an older version has its
    older schema afterwards: `migrate` brings it up.

    Raises
    ------
    BackupError, DatabaseUnreachableError, UnsupportedServerError
    """
    version, _ = inspect(url, "restore", file)
    program = client("pg_restore", version, "restore", file)
    listed = subprocess.run([program, "--list", str(file)], check=False, capture_output=True)
    if listed.returncode != 0:
        raise BackupError("restore", str(file), last_line(listed.stderr))
    if f" SCHEMA - {SCHEMA} ".encode() not in listed.stdout:
        raise BackupError("restore", str(file), "it is no backup of Qingjiang")
    engine = create_database_engine(url)
    try:
        with engine.begin() as connection:
            check_server(connection)
        pour(program, url, file)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    finally:
        engine.dispose()


def pour(program: str, url: str, file: Path) -> None:
    """Send the backup as SQL through psql in one transaction, which only our last word commits."""
    psql = str(Path(program).with_name("psql"))
    if not Path(psql).is_file():
        raise BackupError("restore", str(file), f"there is no psql beside {program}")
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            [program, "--no-owner", "--no-privileges", "--file=-", str(file)],
            stdout=subprocess.PIPE,
            stderr=complaints,
        ) as reader,
        subprocess.Popen(
            [
                psql,
                "--no-psqlrc",
                "--no-password",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                f"--dbname={connection_string(url)}",
            ],
            env=client_environment(url),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        ) as writer,
    ):
        complete = copy_all(reader, writer)
        if writer.stdin is not None and not writer.stdin.closed:
            close_quietly(writer.stdin)
        if writer.wait() != 0 or not complete:
            complaints.seek(0)
            raise BackupError("restore", str(file), last_line(complaints.read()))


def copy_all(reader: subprocess.Popen[bytes], writer: subprocess.Popen[bytes]) -> bool:
    """Send everything and commit; False where either side ended early, and nothing was committed then."""
    source, sink = reader.stdout, writer.stdin
    if source is None or sink is None:
        raise AssertionError("both programs were started with pipes")
    opening = (
        f"BEGIN; SELECT pg_advisory_xact_lock({MIGRATION_LOCK}); DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;\n"
    )
    try:
        sink.write(opening.encode())
        shutil.copyfileobj(source, sink, 1 << 20)
        if reader.wait() != 0:
            return False
        sink.write(b"COMMIT;\n")
        sink.flush()
    except BrokenPipeError:
        source.close()
        return False
    return True


def close_quietly(stream: IO[bytes]) -> None:
    """Close a pipe whose reader may be gone; that it is gone shows in its exit code."""
    try:
        stream.close()
    except BrokenPipeError:
        return


def inspect(url: str, action: str, file: Path) -> tuple[int, str | None]:
    """Major version of the server, and the revision of its schema."""
    if action == "restore" and not file.is_file():
        raise BackupError(action, str(file), "there is no such file")
    engine = create_database_engine(url)
    try:
        with engine.connect() as connection:
            number = int(connection.scalar(text("SHOW server_version_num")) or 0)
            return number // 10000, current_revision(connection)
    except OperationalError as error:
        raise DatabaseUnreachableError(
            engine.url.render_as_string(), str(error.orig).splitlines()[0]
        ) from error
    finally:
        engine.dispose()


def client(name: str, version: int, action: str, file: Path) -> str:
    """Path of a client program that is at least as new as the server."""
    found = find_client(name, version)
    if found is None:
        raise BackupError(
            action, str(file), f"{name} of PostgreSQL {version} or newer is not installed (postgresql-client)"
        )
    return str(found)


def connection_string(url: str) -> str:
    """The URL as a libpq connection string, without the password, which others could see."""
    parsed = normalise_url(url)
    parts = {
        "host": parsed.host,
        "port": None if parsed.port is None else str(parsed.port),
        "user": parsed.username,
        "dbname": parsed.database,
        "application_name": APPLICATION_NAME,
        **{
            name: value
            for name, value in parsed.query.items()
            if isinstance(value, str) and name != "password"
        },
    }
    return make_conninfo(**{name: value for name, value in parts.items() if value is not None})


def client_environment(url: str) -> dict[str, str]:
    """The environment of a client program: the password goes here, messages come in English."""
    parsed: URL = normalise_url(url)
    password = parsed.query.get("password") or parsed.password
    return {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "LC_MESSAGES": "C",
        **({"PGPASSWORD": str(password)} if password else {}),
    }


def last_line(output: bytes) -> str:
    """The first error line that a program printed, or its last line."""
    lines = [line.strip() for line in output.decode("utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line.lower()]
    return (errors or lines[-1:] or ["it ended without a message"])[0]
