"""Monthly partitions of `readings`, made when a reading of a new Beijing month arrives."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from models.errors import UnstorableError
from models.tables import SCHEMA

BEIJING = ZoneInfo("Asia/Shanghai")
FIRST_YEAR, LAST_YEAR = 1900, 2199

# Any fixed number: everyone who makes partitions takes this advisory lock first.
PARTITION_LOCK = 4_490_001

Month = tuple[int, int]


def beijing_month(instant: datetime) -> Month:
    """Year and month of an instant on Beijing clocks; refuses a time without a zone."""
    if instant.tzinfo is None:
        raise UnstorableError("a time without a zone", instant.isoformat())
    local = instant.astimezone(BEIJING)
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise UnstorableError(f"a sampling time outside {FIRST_YEAR} to {LAST_YEAR}", instant.isoformat())
    return local.year, local.month


def month_bounds(month: Month) -> tuple[datetime, datetime]:
    """First instant of a Beijing month, and of the next one: [start, end)."""
    year, number = month
    start = datetime(year, number, 1, tzinfo=BEIJING)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=BEIJING)
    return start, end


def partition_name(month: Month) -> str:
    """Name of the partition of a month, without its schema."""
    return f"readings_{month[0]:04d}_{month[1]:02d}"


def partitioned_months(connection: Connection) -> set[Month]:
    """Months that have a partition."""
    names = connection.scalars(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = CAST(:parent AS regclass)"
        ),
        {"parent": f"{SCHEMA}.readings"},
    )
    return {(int(name[-7:-3]), int(name[-2:])) for name in names}


def ensure_partitions(session: Session, times: Iterable[datetime]) -> list[str]:
    """Make the partitions that readings at `times` need; returns the names of those that were made.

    They are made and committed on a connection of their own, whatever becomes of the session: an empty
    partition harms nothing, and a load that runs for minutes must not keep others from making theirs.
    Safe for any number of processes at once, at any moment of a transaction: makers queue on one advisory
    lock, and attaching a finished table takes no lock that readers or writers of `readings`, `uploads` or
    `section_registry` hold. Many times of the same month cost nothing but the loop: pass distinct ones.

    Raises
    ------
    UnstorableError
        If a time has no zone, or lies outside the years 1900 to 2199.
    """
    wanted = {beijing_month(instant) for instant in times}
    missing = wanted - partitioned_months(session.connection())
    if not missing:
        return []
    bind = session.get_bind()
    engine = bind if isinstance(bind, Engine) else bind.engine
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PARTITION_LOCK})
        missing -= partitioned_months(connection)
        for month in sorted(missing):
            create_partition(connection, month)
    return [partition_name(month) for month in sorted(missing)]


def create_partition(connection: Connection, month: Month) -> None:
    """Make one partition and attach it; the caller holds the advisory lock."""
    name = partition_name(month)
    start, end = month_bounds(month)
    # LIKE and ATTACH instead of PARTITION OF: the latter would lock `readings` against every reader.
    connection.execute(text(f"CREATE TABLE {SCHEMA}.{name} (LIKE {SCHEMA}.readings INCLUDING ALL)"))
    connection.execute(
        text(
            f"ALTER TABLE {SCHEMA}.readings ATTACH PARTITION {SCHEMA}.{name}"
            f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
        )
    )
