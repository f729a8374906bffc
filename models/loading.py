# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""The SQL of loading: the books of uploads, staging by COPY, and set-based inserts inside one transaction.

Every function takes the caller's session and never commits. What is loaded is staged in temporary tables that
vanish with the transaction, so a load that dies leaves nothing. `lock_kinds` serialises loads of the same
kind; `recorded_at` is read from the clock after the lock, so that a later load is always the newer version
even where its transaction began first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, bindparam, func, insert, null, select, text, update
from sqlalchemy.orm import Session

from models.database import encode_json
from models.partitions import ensure_partitions
from models.tables import (
    KINDS,
    SCHEMA,
    VERSION_KEYS,
    VERSIONED,
    RejectedRow,
    SectionRegistryRow,
    UploadRow,
)

# Any fixed numbers: one advisory lock for each kind that is being loaded.
LOAD_LOCKS = {kind: 4_490_100 + place for place, kind in enumerate(KINDS)}
# Readings meet sections in the registry, and each may add to it.
LOAD_LOCKS["sections"] = LOAD_LOCKS["readings"]

NULL = "\\N"
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_COPY_BLOCK_ROWS = 10_000

READING_COLUMNS = (
    "source_row",
    "section_id",
    "parameter",
    "sampled_at",
    "station_type",
    "value",
    "full_value",
    "qualifier",
    "detection_limit",
    "raw",
    "method",
    "station_status",
)
STATUS_COLUMNS = ("source_row", "section_id", "observed_at", "status")


# -- the books -------------------------------------------------------------------------------------------


def record_upload(
    session: Session,
    *,
    kind: str,
    file_name: str,
    file_sha256: str,
    size_bytes: int,
    source: str | None,
    options: Mapping[str, Any],
) -> int:
    """Write down that a file arrived; returns the number of the upload."""
    statement = (
        insert(UploadRow)
        .values(
            kind=kind,
            file_name=file_name,
            file_sha256=file_sha256,
            size_bytes=size_bytes,
            source=source,
            options=dict(options),
            state="loading",
        )
        .returning(UploadRow.id)
    )
    return session.execute(statement).scalar_one()


def finish_upload(session: Session, upload_id: int, *, state: str, report: Mapping[str, Any] | None) -> None:
    """Write down what became of an upload; the counts are those of its report."""
    counts = {
        name: report[name] if report is not None else 0
        for name in ("rows_read", "rows_loaded", "rows_duplicate", "rows_rejected", "readings_loaded")
    }
    session.execute(
        update(UploadRow)
        .where(UploadRow.id == upload_id)
        .values(
            state=state,
            report=null() if report is None else dict(report),
            finished_at=func.greatest(func.clock_timestamp(), UploadRow.received_at),
            **counts,
        )
    )


def record_rejects(session: Session, upload_id: int, rejects: Sequence[Mapping[str, Any]]) -> None:
    """Keep the refused rows: each with `row`, `errors` (not empty) and `original` cells."""
    if rejects:
        session.execute(insert(RejectedRow), [{"upload_id": upload_id, **reject} for reject in rejects])


def lock_kinds(session: Session, kinds: Iterable[str]) -> datetime:
    """Wait for other loads of these kinds; returns the moment that everything of this load is recorded at."""
    for key in sorted({LOAD_LOCKS[kind] for kind in kinds}):
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment


# -- COPY ------------------------------------------------------------------------------------------------


def copy_text(value: str | None) -> str:
    """A text as COPY reads it."""
    return NULL if value is None else value.translate(_COPY_ESCAPES)


def copy_rows(session: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Send rows of texts, each already as COPY reads it, into a table."""
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    listed = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
        block: list[str] = []
        for row in rows:
            block.append("\t".join(row))
            if len(block) == _COPY_BLOCK_ROWS:
                copy.write("\n".join(block) + "\n")
                block.clear()
        if block:
            copy.write("\n".join(block) + "\n")


def copy_value(value: Any) -> str:
    """Any stored value as COPY reads it: JSON for objects, ISO for days, t and f for booleans."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dict | list):
        return copy_text(encode_json(value))
    return copy_text(str(value))


# -- versioned kinds -------------------------------------------------------------------------------------


def fact_columns(kind: str) -> list[str]:
    """Columns of a versioned kind that a file brings (the book-keeping ones are added here)."""
    own = {"id", "recorded_at", "upload_id"}
    columns: Iterable[Column[Any]] = _table(kind).columns
    return [column.name for column in columns if column.name not in own and column.computed is None]


def _table(kind: str) -> Table:
    table = VERSIONED[kind].__table__
    if not isinstance(table, Table):
        raise TypeError(kind)
    return table


def _matches(kind: str, left: str, right: str) -> str:
    """SQL: two rows speak of the same subject and the same first day."""
    pairs = [f'{left}."{name}" = {right}."{name}"' for name in _staged_key(kind)]
    return " AND ".join([*pairs, f"{left}.valid_from IS NOT DISTINCT FROM {right}.valid_from"])


def _staged_key(kind: str) -> tuple[str, ...]:
    return VERSION_KEYS[kind]


def insert_versions(
    session: Session,
    kind: str,
    upload_id: int,
    recorded_at: datetime,
    rows: Iterable[Mapping[str, Any]],
) -> set[int]:
    """Add the rows whose facts are new; returns the `source_row` of those that are known already.

    `rows` map the names of `fact_columns` to values; geometry is hexadecimal EWKB. A row is known where the
    newest version of the same key and `valid_from` says the same (shorelines: consists of the same pieces).
    The caller has locked the kind.
    """
    table = f"{SCHEMA}.{kind}"
    columns = fact_columns(kind)
    quoted = ", ".join(f'"{column}"' for column in columns)
    computed = ", line_name" if kind == "shorelines" else ""
    session.execute(text("DROP TABLE IF EXISTS staged_versions"))
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_versions ON COMMIT DROP AS"
            f" SELECT {quoted}{computed} FROM {table} WITH NO DATA"
        )
    )
    copy_rows(
        session, "staged_versions", columns, ([copy_value(row.get(name)) for name in columns] for row in rows)
    )
    if computed:
        session.execute(text("UPDATE staged_versions SET line_name = coalesce(name, '')"))
    mark = "version_hash" if kind == "shorelines" else "fact_hash"
    key = ", ".join(f't."{name}"' for name in _staged_key(kind))
    known = session.execute(
        text(
            f"WITH newest AS ("
            f" SELECT DISTINCT ON ({key}, t.valid_from) {key}, t.valid_from, t.{mark}"
            f" FROM {table} t WHERE EXISTS (SELECT FROM staged_versions s WHERE {_matches(kind, 's', 't')})"
            f" ORDER BY {key}, t.valid_from, t.recorded_at DESC, t.id DESC)"
            f" DELETE FROM staged_versions s USING newest t"
            f" WHERE {_matches(kind, 's', 't')} AND s.{mark} = t.{mark} RETURNING s.source_row"
        )
    ).scalars()
    duplicates = {int(row) for row in known}
    session.execute(
        text(
            f"INSERT INTO {table} ({quoted}, upload_id, recorded_at)"
            f" SELECT {quoted}, :upload_id, :recorded_at FROM staged_versions ORDER BY source_row"
        ),
        {"upload_id": upload_id, "recorded_at": recorded_at},
    )
    return duplicates


def insert_ledger_events(
    session: Session,
    upload_id: int,
    recorded_at: datetime,
    actor: str | None,
    rows: Sequence[Mapping[str, Any]],
) -> set[int]:
    """Add remediation events; returns the `source_row` of those that the ledger has already."""
    columns = (
        "subject_kind",
        "subject_code",
        "event",
        "occurred_on",
        "note",
        "evidence",
        "source_row",
        "fact_hash",
    )
    session.execute(text("DROP TABLE IF EXISTS staged_events"))
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_events ON COMMIT DROP AS"
            f" SELECT {', '.join(columns)} FROM {SCHEMA}.ledger_events WITH NO DATA"
        )
    )
    copy_rows(
        session, "staged_events", columns, ([copy_value(row.get(name)) for name in columns] for row in rows)
    )
    loaded = session.execute(
        text(
            f"INSERT INTO {SCHEMA}.ledger_events ({', '.join(columns)}, upload_id, recorded_at, actor)"
            f" SELECT {', '.join(columns)}, :upload_id, :recorded_at, :actor FROM staged_events"
            " ORDER BY source_row ON CONFLICT (fact_hash) DO NOTHING RETURNING source_row"
        ),
        {"upload_id": upload_id, "recorded_at": recorded_at, "actor": actor},
    ).scalars()
    return {int(row["source_row"]) for row in rows} - {int(row) for row in loaded}


# -- the registry of sections ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisteredSection:
    """One row of the registry."""

    id: int
    code: str
    province: str | None
    name: str | None
    provisional: bool


def registered_sections(session: Session) -> list[RegisteredSection]:
    """The whole registry, by id; a few thousand rows for the nation."""
    table = SectionRegistryRow
    rows = session.execute(
        select(table.id, table.code, table.province, table.name, table.provisional).order_by(table.id)
    )
    return [RegisteredSection(*row) for row in rows]


def register_provisional(session: Session, sections: Sequence[tuple[str, str]]) -> list[RegisteredSection]:
    """Give numbers to sections that only a feed has named, as (province, name), in that order."""
    made = []
    for province, name in sections:
        code = f"{province}/{name}"
        number = session.execute(
            insert(SectionRegistryRow)
            .values(code=code, province=province, name=name, provisional=True)
            .returning(SectionRegistryRow.id)
        ).scalar_one()
        made.append(RegisteredSection(number, code, province, name, provisional=True))
    return made


@dataclass(frozen=True, slots=True)
class Adoption:
    """A provisional section that turned out to be a known one. `left` records stay: both have them."""

    provisional_code: str
    code: str
    left: int


def register_sections(
    session: Session, sections: Sequence[tuple[str, str | None, str]], same: Callable[[str], str]
) -> list[Adoption]:
    """Enter loaded sections, as (code, province, name), and let them adopt their provisional namesakes.

    `same` folds a name so that equal names compare equal. A provisional section whose province and name
    belong to exactly one code becomes that section; where the code has a number already, readings move to it.
    """
    registry = registered_sections(session)
    by_code = {entry.code: entry for entry in registry}
    provisional = {
        (same(entry.province or ""), same(entry.name or "")): entry for entry in registry if entry.provisional
    }
    claims: dict[tuple[str, str], set[str]] = {}
    for code, province, name in sections:
        if province is not None:
            claims.setdefault((same(province), same(name)), set()).add(code)
    adopted: list[Adoption] = []
    for code, province, name in sections:
        entry = by_code.get(code)
        place = (same(province), same(name)) if province is not None else None
        namesake = provisional.get(place) if place is not None and len(claims[place]) == 1 else None
        left = 0
        if namesake is not None and entry is None:
            _rename(session, namesake.id, code, province, name)
            by_code[code] = RegisteredSection(namesake.id, code, province, name, provisional=False)
        elif entry is None:
            number = session.execute(
                insert(SectionRegistryRow)
                .values(code=code, province=province, name=name, provisional=False)
                .returning(SectionRegistryRow.id)
            ).scalar_one()
            by_code[code] = RegisteredSection(number, code, province, name, provisional=False)
        else:
            if namesake is not None:
                left = _move_readings(session, namesake.id, entry.id)
            if (entry.province, entry.name) != (province, name):
                _rename(session, entry.id, code, province, name)
        if namesake is not None and place is not None:
            del provisional[place]
            adopted.append(Adoption(namesake.code, code, left))
    return adopted


def _rename(session: Session, number: int, code: str, province: str | None, name: str) -> None:
    session.execute(
        update(SectionRegistryRow)
        .where(SectionRegistryRow.id == number)
        .values(code=code, province=province, name=name, provisional=False)
    )


def _move_readings(session: Session, origin: int, target: int) -> int:
    """Move readings and statuses to another number where that has none of its own; returns how many stay."""
    params = {"origin": origin, "target": target}
    left = 0
    for table, same in (
        ("readings", "o.parameter = t.parameter AND o.sampled_at = t.sampled_at"),
        ("section_statuses", "o.observed_at = t.observed_at"),
    ):
        session.execute(
            text(
                f"UPDATE {SCHEMA}.{table} o SET section_id = :target WHERE o.section_id = :origin"
                f" AND NOT EXISTS (SELECT FROM {SCHEMA}.{table} t WHERE t.section_id = :target AND {same})"
            ),
            params,
        )
        left += session.execute(
            text(f"SELECT count(*) FROM {SCHEMA}.{table} WHERE section_id = :origin"), params
        ).scalar_one()
    return left


# -- readings --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clash:
    """A staged value that differs from what the database has, and where that came from."""

    source_row: int
    parameter: str
    stored: str
    upload_id: int
    file_name: str
    stored_row: int | None


def stage_readings(session: Session, rows: Iterable[Sequence[str]]) -> None:
    """COPY readings (texts in the order of `READING_COLUMNS`) into a temporary table."""
    listed = ", ".join(READING_COLUMNS)
    session.execute(text("DROP TABLE IF EXISTS staged_readings"))
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_readings ON COMMIT DROP AS"
            f" SELECT {listed} FROM {SCHEMA}.readings WITH NO DATA"
        )
    )
    copy_rows(session, "staged_readings", READING_COLUMNS, rows)
    session.execute(text("ANALYZE staged_readings"))


def stage_statuses(session: Session, rows: Iterable[Sequence[str]]) -> None:
    """COPY statuses (texts in the order of `STATUS_COLUMNS`) into a temporary table."""
    listed = ", ".join(STATUS_COLUMNS)
    session.execute(text("DROP TABLE IF EXISTS staged_statuses"))
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_statuses ON COMMIT DROP AS"
            f" SELECT {listed} FROM {SCHEMA}.section_statuses WITH NO DATA"
        )
    )
    copy_rows(session, "staged_statuses", STATUS_COLUMNS, rows)


# The newest stored revision behind every staged reading; the bounds let it skip other months.
_STORED = f"""
    SELECT DISTINCT ON (s.source_row, s.parameter)
           s.source_row, s.parameter, r.value, r.qualifier, r.upload_id, r.source_row AS stored_row,
           s.value IS DISTINCT FROM r.value OR s.qualifier IS DISTINCT FROM r.qualifier
           OR (s.full_value IS NOT NULL AND r.full_value IS NOT NULL AND s.full_value <> r.full_value)
           AS differs
    FROM staged_readings s
    JOIN {SCHEMA}.readings r USING (section_id, parameter, sampled_at)
    WHERE r.sampled_at BETWEEN :first AND :last
    ORDER BY s.source_row, s.parameter, r.revision DESC
"""


def stored_clashes(
    session: Session, first: datetime, last: datetime
) -> tuple[list[Clash], set[tuple[int, str]]]:
    """Compare what is staged with what is stored between two instants.

    Returns the clashes, and (`source_row`, parameter) of the readings that are stored already with the same
    value. An unrounded value that only one of the two has is no difference.
    """
    clashes: list[Clash] = []
    known: set[tuple[int, str]] = set()
    rows = session.execute(
        text(
            f"SELECT k.source_row, k.parameter, k.differs,"
            f" CASE k.qualifier WHEN '<' THEN '<' ELSE '' END || k.value AS stored,"
            f" k.upload_id, u.file_name, k.stored_row"
            f" FROM ({_STORED}) k JOIN {SCHEMA}.uploads u ON u.id = k.upload_id"
            " ORDER BY k.source_row, k.parameter"
        ),
        {"first": first, "last": last},
    )
    for row in rows:
        if row.differs:
            clashes.append(
                Clash(row.source_row, row.parameter, row.stored, row.upload_id, row.file_name, row.stored_row)
            )
        else:
            known.add((row.source_row, row.parameter))
    return clashes, known


def insert_readings(
    session: Session,
    upload_id: int,
    recorded_at: datetime,
    refused_rows: Sequence[int],
    times: Iterable[datetime],
) -> int:
    """Insert what is staged and not stored yet, except for refused rows; returns how many readings.

    Of equal readings in several rows the first one is taken.
    """
    ensure_partitions(session, times)
    listed = ", ".join(READING_COLUMNS)
    statement = text(
        f"INSERT INTO {SCHEMA}.readings ({listed}, upload_id, recorded_at)"
        f" SELECT DISTINCT ON (section_id, parameter, sampled_at) {listed}, :upload_id, :recorded_at"
        " FROM staged_readings WHERE source_row NOT IN (SELECT unnest(CAST(:refused AS integer[])))"
        " ORDER BY section_id, parameter, sampled_at, source_row"
        " ON CONFLICT (section_id, parameter, sampled_at, revision) DO NOTHING"
    ).bindparams(bindparam("refused", list(refused_rows)))
    result = session.execute(statement, {"upload_id": upload_id, "recorded_at": recorded_at})
    return int(getattr(result, "rowcount", 0))


def stored_status_clashes(session: Session) -> tuple[list[Clash], set[int]]:
    """Staged statuses that differ from the stored ones, and the rows that are stored already."""
    rows = session.execute(
        text(
            f"SELECT s.source_row, t.status, s.status <> t.status AS differs, t.upload_id, u.file_name,"
            f" t.source_row AS stored_row FROM staged_statuses s"
            f" JOIN {SCHEMA}.section_statuses t USING (section_id, observed_at)"
            f" JOIN {SCHEMA}.uploads u ON u.id = t.upload_id ORDER BY s.source_row"
        )
    ).all()
    clashes = [
        Clash(row.source_row, "station_status", row.status, row.upload_id, row.file_name, row.stored_row)
        for row in rows
        if row.differs
    ]
    return clashes, {row.source_row for row in rows if not row.differs}


def insert_statuses(session: Session, upload_id: int, refused_rows: Sequence[int]) -> None:
    """Insert the staged statuses that are not stored yet, except for refused rows."""
    listed = ", ".join(STATUS_COLUMNS)
    session.execute(
        text(
            f"INSERT INTO {SCHEMA}.section_statuses ({listed}, upload_id)"
            f" SELECT DISTINCT ON (section_id, observed_at) {listed}, :upload_id FROM staged_statuses"
            " WHERE source_row NOT IN (SELECT unnest(CAST(:refused AS integer[])))"
            " ORDER BY section_id, observed_at, source_row"
            " ON CONFLICT (section_id, observed_at) DO NOTHING"
        ).bindparams(bindparam("refused", list(refused_rows))),
        {"upload_id": upload_id},
    )
