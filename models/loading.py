# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""The SQL of loading: the books of uploads, staging by COPY, and set-based inserts inside one transaction.

Every function takes the caller's session and never commits. What is loaded is staged in temporary tables that
vanish with the transaction, so a load that dies leaves nothing. `lock_kinds` serialises loads of the same
kind; `recorded_at` is read from the clock after the lock, so that a later load is always the newer version
even where its transaction began first.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, func, insert, null, select, text, update
from sqlalchemy.orm import Session

from models.database import encode_json
from models.errors import UnstorableError
from models.partitions import Month, beijing_month, ensure_partitions, month_bounds, partition_name
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
_COPY_BLOCK_BYTES = 1 << 18
_REJECTS_AT_ONCE = 5_000
_STREAMED = {"yield_per": 5_000}
"""Rows that the server hands over a block at a time: there may be millions of them."""

READING_COLUMNS = (
    "source_row",
    "section_id",
    "sampled_at",
    "station_type",
    "station_status",
    "method",
    "parameter",
    "value",
    "qualifier",
    "detection_limit",
    "raw",
    "full_value",
)
LOADED_COLUMNS = (*READING_COLUMNS, "upload_id", "recorded_at", "quality", "quality_tests")
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
    actor: str | None = None,
    note: str | None = None,
) -> int:
    """Write down that a file arrived, from whom and why; returns the number of the upload."""
    statement = (
        insert(UploadRow)
        .values(
            kind=kind,
            file_name=file_name,
            file_sha256=file_sha256,
            size_bytes=size_bytes,
            source=source,
            options=dict(options),
            actor=actor,
            note=note,
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


def record_rejects(session: Session, upload_id: int, rejects: Iterable[Mapping[str, Any]]) -> None:
    """Keep the refused rows: each with `row`, `errors` (not empty) and `original` cells."""
    left = iter(rejects)
    while some := list(itertools.islice(left, _REJECTS_AT_ONCE)):
        session.execute(insert(RejectedRow), [{"upload_id": upload_id, **reject} for reject in some])


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
    """Any stored value as COPY reads it: JSON for objects and lists, arrays for tuples, ISO for days."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, tuple):
        return copy_text(_array(value))
    if isinstance(value, dict | list):
        return copy_text(encode_json(value))
    return copy_text(str(value))


def _array(values: Sequence[str]) -> str:
    """Texts as PostgreSQL writes an array of them, each in quotes."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time over which one section has readings in a load, both ends included."""

    section_id: int
    first: datetime
    last: datetime


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


def registered_section(session: Session, code: str) -> RegisteredSection | None:
    """The registry's row of a code; None where there is none."""
    table = SectionRegistryRow
    query = select(table.id, table.code, table.province, table.name, table.provisional)
    row = session.execute(query.where(table.code == code)).one_or_none()
    return None if row is None else RegisteredSection(*row)


def register_provisional(session: Session, sections: Sequence[tuple[str, str]]) -> list[RegisteredSection]:
    """Give numbers to sections that only a feed has named, as (province, name), in that order."""
    if not sections:
        return []
    rows = [
        {"code": f"{province}/{name}", "province": province, "name": name, "provisional": True}
        for province, name in sections
    ]
    numbers = session.scalars(
        insert(SectionRegistryRow).returning(SectionRegistryRow.id, sort_by_parameter_order=True), rows
    )
    return [
        RegisteredSection(number, f"{province}/{name}", province, name, provisional=True)
        for number, (province, name) in zip(numbers, sections, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Adoption:
    """A provisional section that turned out to be a known one. `left` records stay: both have them.

    Where readings moved to the number that the known one had, `moved` is the stretch over which they lie.
    """

    provisional_code: str
    code: str
    left: int
    moved: Stretch | None = None


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
        adoption = None if namesake is None else Adoption(namesake.code, code, 0)
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
            if namesake is not None and namesake.id != entry.id:
                adoption = adopt_readings(session, namesake, entry)
            if entry.provisional or (entry.province, entry.name) != (province, name):
                _rename(session, entry.id, code, province, name)
        if namesake is not None and place is not None:
            del provisional[place]
        if adoption is not None:
            adopted.append(adoption)
    return adopted


def adopt_readings(
    session: Session, provisional: RegisteredSection, known: RegisteredSection
) -> Adoption | None:
    """Move everything that hangs on a provisional section to a known one; None where nothing does."""
    first, last = session.execute(
        text(f"SELECT min(sampled_at), max(sampled_at) FROM {SCHEMA}.readings WHERE section_id = :number"),
        {"number": provisional.id},
    ).one()
    moved, left = _move_readings(session, provisional.id, known.id)
    if not moved and not left:
        return None
    stretch = None if first is None else Stretch(known.id, first, last)
    return Adoption(provisional.code, known.code, left, stretch)


def _rename(session: Session, number: int, code: str, province: str | None, name: str) -> None:
    session.execute(
        update(SectionRegistryRow)
        .where(SectionRegistryRow.id == number)
        .values(code=code, province=province, name=name, provisional=False)
    )


def _move_readings(session: Session, origin: int, target: int) -> tuple[int, int]:
    """Move readings and statuses to another number where that has none of its own; how many, how many not."""
    params = {"origin": origin, "target": target}
    moved = left = 0
    for table, same in (
        ("readings", "o.parameter = t.parameter AND o.sampled_at = t.sampled_at"),
        ("section_statuses", "o.observed_at = t.observed_at"),
    ):
        result = session.execute(
            text(
                f"UPDATE {SCHEMA}.{table} o SET section_id = :target WHERE o.section_id = :origin"
                f" AND NOT EXISTS (SELECT FROM {SCHEMA}.{table} t WHERE t.section_id = :target AND {same})"
            ),
            params,
        )
        moved += int(getattr(result, "rowcount", 0))
        left += session.execute(
            text(f"SELECT count(*) FROM {SCHEMA}.{table} WHERE section_id = :origin"), params
        ).scalar_one()
    return moved, left


# -- readings --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clash:
    """A staged value that differs from what the database has, and where that came from.

    `said` is the file's own cell; `stored` the value that is known.
    """

    source_row: int
    parameter: str
    said: str | None
    stored: str
    upload_id: int
    file_name: str
    stored_row: int | None


@dataclass(frozen=True, slots=True)
class FileClash:
    """One of several rows of a file that say different things; `subject` is the same for all of them."""

    source_row: int
    parameter: str
    value: str
    subject: int
    loaded: bool
    """Whether the row stands among the readings already, and not in the staging table."""


def copy_block(session: Session, table: str, columns: Sequence[str], payload: bytes | memoryview) -> None:
    """Send whole lines, as COPY reads them, into a table."""
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    listed = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
        for start in range(0, len(payload), _COPY_BLOCK_BYTES):
            copy.write(payload[start : start + _COPY_BLOCK_BYTES])


def create_staging(session: Session) -> None:
    """Make the temporary tables that hold what has to be compared; they go with the transaction."""
    listed = ", ".join(LOADED_COLUMNS)
    session.execute(text("DROP TABLE IF EXISTS staged_readings, staged_statuses"))
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_readings ON COMMIT DROP AS"
            f" SELECT {listed}, false AS loaded FROM {SCHEMA}.readings WITH NO DATA"
        )
    )
    session.execute(text("ALTER TABLE staged_readings ALTER COLUMN loaded SET DEFAULT false"))
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_statuses ON COMMIT DROP AS"
            f" SELECT {', '.join(STATUS_COLUMNS)} FROM {SCHEMA}.section_statuses WITH NO DATA"
        )
    )


def copy_readings(session: Session, payload: bytes | memoryview, month: datetime) -> None:
    """COPY readings of one Beijing month that clash with nothing (lines of `LOADED_COLUMNS`).

    They go straight into the partition that holds the moment `month`: a fifth faster than through the parent,
    whose trigger on references does not see them. `check_references` does the same once for a whole load.
    """
    ensure_partitions(session, [month])
    name = partition_name(beijing_month(month))
    copy_block(session, f"{SCHEMA}.{name}", LOADED_COLUMNS, payload)


def check_references(session: Session, upload_id: int, sections: set[int], parameters: set[str]) -> None:
    """Make sure that what copied readings refer to exists.

    Raises
    ------
    UnstorableError
        If a section, a parameter or the upload does not.
    """
    missing = session.execute(
        text(
            "SELECT 'section_id ' || n FROM unnest(CAST(:sections AS integer[])) n"
            f" WHERE NOT EXISTS (SELECT FROM {SCHEMA}.section_registry s WHERE s.id = n)"
            " UNION ALL SELECT 'parameter ' || n FROM unnest(CAST(:parameters AS text[])) n"
            f" WHERE NOT EXISTS (SELECT FROM {SCHEMA}.parameters p WHERE p.code = n)"
            " UNION ALL SELECT 'upload_id ' || :upload_id"
            f" WHERE NOT EXISTS (SELECT FROM {SCHEMA}.uploads u WHERE u.id = :upload_id) LIMIT 1"
        ),
        {"sections": sorted(sections), "parameters": sorted(parameters), "upload_id": upload_id},
    ).scalar_one_or_none()
    if missing is not None:
        raise UnstorableError("a reading that refers to what does not exist", missing)


def stage_readings(session: Session, payload: bytes | memoryview) -> None:
    """COPY readings that have to be compared (lines of `LOADED_COLUMNS`) into the staging table."""
    copy_block(session, "staged_readings", LOADED_COLUMNS, payload)


def stage_statuses(session: Session, rows: Iterable[Sequence[str]]) -> None:
    """COPY statuses (texts in the order of `STATUS_COLUMNS`) into their staging table."""
    copy_rows(session, "staged_statuses", STATUS_COLUMNS, rows)


def stored_spans(session: Session, month: Month) -> list[tuple[int, datetime, datetime]]:
    """(section number, first, last time) of what is stored of a Beijing month: outside nothing can clash."""
    start, end = month_bounds(month)
    rows = session.execute(
        text(
            f"SELECT section_id, min(sampled_at), max(sampled_at) FROM {SCHEMA}.readings"
            " WHERE sampled_at >= :start AND sampled_at < :end GROUP BY section_id ORDER BY section_id"
        ),
        {"start": start, "end": end},
    )
    return [(number, first, last) for number, first, last in rows]


def stage_loaded(session: Session, upload_id: int) -> None:
    """Put beside the staged readings those that this upload has loaded already for the same moments."""
    listed = ", ".join(f"r.{column}" for column in LOADED_COLUMNS)
    session.execute(text("ANALYZE staged_readings"))
    session.execute(
        text(
            f"INSERT INTO staged_readings ({', '.join(LOADED_COLUMNS)}, loaded) SELECT {listed}, true"
            " FROM (SELECT DISTINCT section_id, sampled_at FROM staged_readings) s"
            f" JOIN {SCHEMA}.readings r USING (section_id, sampled_at) WHERE r.upload_id = :upload_id"
        ),
        {"upload_id": upload_id},
    )


def staged_clashes(session: Session) -> Iterator[FileClash]:
    """Staged readings of one section, parameter and time that differ, subject by subject, row by row.

    An unrounded value that only some of them have is no difference. They come as a stream, a block at a time:
    go through them before the session is used for anything else.
    """
    session.execute(text("ANALYZE staged_readings"))
    rows = session.execute(
        text(
            "SELECT source_row, parameter, CAST(value AS text), loaded,"
            " dense_rank() OVER (ORDER BY section_id, parameter, sampled_at) AS subject"
            " FROM (SELECT *, min(value) OVER same <> max(value) OVER same"
            "   OR min(qualifier) OVER same <> max(qualifier) OVER same"
            "   OR coalesce(min(full_value) OVER same <> max(full_value) OVER same, false) AS differs"
            "   FROM staged_readings WINDOW same AS (PARTITION BY section_id, parameter, sampled_at)) s"
            " WHERE differs ORDER BY subject, source_row"
        ),
        execution_options=_STREAMED,
    )
    for row, parameter, value, loaded, subject in rows:
        yield FileClash(row, parameter, value, subject, loaded)


def staged_status_clashes(session: Session) -> list[FileClash]:
    """Staged statuses of one section and time that differ."""
    rows = session.execute(
        text(
            "SELECT source_row, status, dense_rank() OVER (ORDER BY section_id, observed_at) AS subject"
            " FROM (SELECT *, min(status) OVER same <> max(status) OVER same AS differs"
            "   FROM staged_statuses WINDOW same AS (PARTITION BY section_id, observed_at)) s"
            " WHERE differs ORDER BY subject, source_row"
        )
    )
    return [FileClash(row, "station_status", status, subject, False) for row, status, subject in rows]


def drop_staged(session: Session, refused_rows: Sequence[int]) -> None:
    """Take refused rows out of the staging tables."""
    if not refused_rows:
        return
    for table in ("staged_readings", "staged_statuses"):
        session.execute(
            text(f"DELETE FROM {table} WHERE source_row = ANY(CAST(:refused AS integer[]))"),
            {"refused": list(refused_rows)},
        )


def drop_known(session: Session, *, repeated: bool = True) -> None:
    """Take out of the staging table the readings that the newest stored revision says already.

    An unrounded value that only one of the two has is no difference. What is left is new or differs. Without
    `repeated` those stay of which several rows are staged: the last one of them is to be found.
    """
    session.execute(text("ANALYZE staged_readings"))
    bounds = _staged_bounds(session)
    if bounds is None:
        return
    revised = session.execute(
        text(
            f"SELECT EXISTS (SELECT FROM {SCHEMA}.readings WHERE revision > 0"
            " AND sampled_at BETWEEN :first AND :last)"
        ),
        bounds,
    ).scalar_one()
    newest = (
        f" AND NOT EXISTS (SELECT FROM {SCHEMA}.readings n WHERE n.section_id = r.section_id"
        " AND n.parameter = r.parameter AND n.sampled_at = r.sampled_at AND n.revision > r.revision"
        " AND n.revision > 0 AND n.sampled_at BETWEEN :first AND :last)"
    )
    several = ""
    if not repeated:
        session.execute(
            text(
                "CREATE TEMPORARY TABLE staged_repeats ON COMMIT DROP AS SELECT section_id, parameter,"
                " sampled_at FROM staged_readings GROUP BY section_id, parameter, sampled_at"
                " HAVING count(*) > 1"
            )
        )
        several = (
            " OR (s.section_id, s.parameter, s.sampled_at) IN (SELECT section_id, parameter, sampled_at"
            " FROM staged_repeats)"
        )
    session.execute(
        text(
            "CREATE TEMPORARY TABLE staged_rest ON COMMIT DROP AS SELECT * FROM staged_readings s"
            f" WHERE NOT EXISTS (SELECT FROM {SCHEMA}.readings r WHERE r.section_id = s.section_id"
            " AND r.parameter = s.parameter AND r.sampled_at = s.sampled_at"
            # The bounds let it skip other months.
            " AND r.sampled_at BETWEEN :first AND :last AND r.value = s.value AND r.qualifier = s.qualifier"
            f" AND coalesce(r.full_value = s.full_value, true){newest if revised else ''}){several}"
        ),
        bounds,
    )
    session.execute(text("DROP TABLE IF EXISTS staged_readings, staged_repeats"))
    session.execute(text("ALTER TABLE staged_rest RENAME TO staged_readings"))
    session.execute(text("ANALYZE staged_readings"))


def _staged_bounds(session: Session) -> dict[str, datetime] | None:
    """The first and last time of what is staged; None where nothing is."""
    first, last = session.execute(text("SELECT min(sampled_at), max(sampled_at) FROM staged_readings")).one()
    return None if first is None else {"first": first, "last": last}


def stored_clashes(session: Session) -> Iterator[Clash]:
    """Staged readings that differ from the newest stored revision, by row.

    An unrounded value that only one of the two has is no difference. A stream, as `staged_clashes`.
    """
    bounds = _staged_bounds(session)
    if bounds is None:
        return
    rows = session.execute(
        text(
            "SELECT k.source_row, k.parameter, k.said,"
            " CASE k.qualifier WHEN '<' THEN '<' ELSE '' END || k.value AS stored,"
            " k.upload_id, u.file_name, k.stored_row FROM ("
            "   SELECT DISTINCT ON (s.source_row, s.parameter) s.source_row, s.parameter, s.raw AS said,"
            "   r.value, r.qualifier, r.upload_id, r.source_row AS stored_row,"
            "   s.value <> r.value OR s.qualifier <> r.qualifier"
            "   OR coalesce(s.full_value <> r.full_value, false) AS differs"
            f"  FROM staged_readings s JOIN {SCHEMA}.readings r USING (section_id, parameter, sampled_at)"
            "   WHERE r.sampled_at BETWEEN :first AND :last"
            "   ORDER BY s.source_row, s.parameter, r.revision DESC"
            f") k JOIN {SCHEMA}.uploads u ON u.id = k.upload_id WHERE k.differs"
            " ORDER BY k.source_row, k.parameter"
        ),
        bounds,
        execution_options=_STREAMED,
    )
    for row in rows:
        yield Clash(*row)


def insert_readings(session: Session, times: Iterable[datetime]) -> list[int]:
    """Insert what is staged and not stored yet; returns the row of each reading that came in.

    Of equal readings in several rows the first one is taken.
    """
    ensure_partitions(session, times)
    listed = ", ".join(LOADED_COLUMNS)
    return _returned_rows(
        session,
        f"INSERT INTO {SCHEMA}.readings ({listed})"
        f" SELECT DISTINCT ON (section_id, parameter, sampled_at) {listed}"
        " FROM staged_readings ORDER BY section_id, parameter, sampled_at, source_row"
        " ON CONFLICT (section_id, parameter, sampled_at, revision) DO NOTHING RETURNING source_row",
    )


def insert_revisions(session: Session, times: Iterable[datetime]) -> list[int]:
    """Insert what is staged and new or different from what is stored, as the next revision; returns the rows.

    Of several rows about one reading the last one is taken; where the newest stored revision says the same,
    nothing changes. The revisions below stay as they are.
    """
    ensure_partitions(session, times)
    listed = ", ".join(LOADED_COLUMNS)
    said = ", ".join(f"s.{column}" for column in LOADED_COLUMNS)
    return _returned_rows(
        session,
        f"INSERT INTO {SCHEMA}.readings ({listed}, revision)"
        f" SELECT {said}, coalesce(r.revision + 1, 0) FROM ("
        "   SELECT DISTINCT ON (section_id, parameter, sampled_at) * FROM staged_readings"
        "   ORDER BY section_id, parameter, sampled_at, source_row DESC) s"
        " LEFT JOIN LATERAL (SELECT revision, value, qualifier, full_value"
        f"  FROM {SCHEMA}.readings n WHERE n.section_id = s.section_id AND n.parameter = s.parameter"
        "   AND n.sampled_at = s.sampled_at ORDER BY revision DESC LIMIT 1) r ON true"
        " WHERE NOT s.loaded AND (r.revision IS NULL OR s.value <> r.value OR s.qualifier <> r.qualifier"
        "   OR coalesce(s.full_value <> r.full_value, false)) RETURNING source_row",
    )


def _returned_rows(session: Session, statement: str) -> list[int]:
    """What a statement returns in its only column, as a stream of a few bytes each."""
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    rows: list[int] = []
    with connection.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT") as copy:
        for block in copy:
            rows.extend(map(int, bytes(block).split()))
    return rows


def stored_status_clashes(session: Session) -> list[Clash]:
    """Staged statuses that differ from the stored ones."""
    rows = session.execute(
        text(
            "SELECT s.source_row, s.status AS said, t.status, t.upload_id, u.file_name,"
            f" t.source_row AS stored_row FROM staged_statuses s"
            f" JOIN {SCHEMA}.section_statuses t USING (section_id, observed_at)"
            f" JOIN {SCHEMA}.uploads u ON u.id = t.upload_id WHERE s.status <> t.status ORDER BY s.source_row"
        )
    )
    return [
        Clash(
            row.source_row,
            "station_status",
            row.said,
            row.status,
            row.upload_id,
            row.file_name,
            row.stored_row,
        )
        for row in rows
    ]


def insert_statuses(session: Session, upload_id: int) -> list[int]:
    """Insert the staged statuses that are not stored yet; returns the row of each that came in."""
    listed = ", ".join(STATUS_COLUMNS)
    return list(
        session.execute(
            text(
                f"INSERT INTO {SCHEMA}.section_statuses ({listed}, upload_id)"
                f" SELECT DISTINCT ON (section_id, observed_at) {listed}, :upload_id FROM staged_statuses"
                " ORDER BY section_id, observed_at, source_row"
                " ON CONFLICT (section_id, observed_at) DO NOTHING RETURNING source_row"
            ),
            {"upload_id": upload_id},
        ).scalars()
    )
