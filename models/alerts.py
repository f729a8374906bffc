# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""Warnings in the database: what they rest on, how they stand, and what happened to them.

A warning and its events are only ever added to. Its state at a moment is that after the last of its events up
to then. Every function takes the caller's session and never commits.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from psycopg import sql
from pyarrow import csv as arrow_csv
from sqlalchemy import func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.orm import Session, aliased

from models.database import encode_json
from models.errors import BadQueryError
from models.frames import fetch_frame
from models.loading import NULL, Stretch
from models.queries import (
    among,
    expression,
    feature_columns,
    inside_region,
    newest_versions,
    versioned_table,
    versions_in_force,
)
from models.tables import (
    SCHEMA,
    SectionRegistryRow,
    WarningEventRow,
    WarningRow,
)

PROGRAM = "qingjiang"
"""Who acts where no person does."""
LIVE = ("open", "acknowledged")

_LOCK = 5_117_230
# Only feeds of automatic stations say how a station is.
_KIND = "coalesce(r.station_type, s.kind, CASE WHEN r.station_status IS NOT NULL THEN 'automatic' END)"
_WORDS = pa.dictionary(pa.int32(), pa.string())
_READ = {
    "section_id": pa.int32(),
    "parameter": _WORDS,
    "sampled_at": pa.timestamp("us"),
    "value": _WORDS,
    "full_value": _WORDS,
    "qualifier": _WORDS,
    "detection_limit": _WORDS,
    "station_type": _WORDS,
    "station_status": _WORDS,
    "quality": pa.uint8(),
    "upload_id": pa.int64(),
}


# ------------------------------------------------------------------------------------- what they rest on


def section_numbers(session: Session, codes: Sequence[str] | None = None) -> dict[int, str]:
    """The registry's number and code of sections; of all where no codes are given."""
    query = select(SectionRegistryRow.id, SectionRegistryRow.code)
    if codes is not None:
        query = query.where(among(expression(SectionRegistryRow.code), codes))
    return {row.id: row.code for row in session.execute(query)}


def station_kinds(session: Session) -> dict[int, str | None]:
    """The station type of every section, as far as it is known: what only feeds have named is automatic."""
    section = newest_versions(versioned_table("sections"), None, [])
    registry = SectionRegistryRow
    rows = session.execute(
        select(registry.id, registry.provisional, section.c.station_type)
        .select_from(registry)
        .outerjoin(section, section.c.code == registry.code)
        .order_by(registry.id, section.c.valid_from.asc().nulls_first())
    )
    return {number: "automatic" if provisional else kind for number, provisional, kind in rows}


def sections_inside(session: Session, region_code: str | None, as_of: date) -> list[str]:
    """Codes of the sections in force in a region; of all that are registered where there is no region."""
    if not inside_region(versioned_table("sections").c.region_code, region_code):
        return sorted(section_numbers(session).values())
    section = versions_in_force(versioned_table("sections"), as_of, None, [])
    query = select(section.c.code).where(*inside_region(section.c.region_code, region_code))
    return sorted(session.scalars(query.order_by(section.c.code)))


def dated_versions(session: Session, kind: str, codes: Sequence[str] | None = None) -> pd.DataFrame:
    """Every version of a register that no later record replaced, with its days; columns as in force.

    `codes` are those of the leading key: `section` of section targets, else `code`.
    """
    table = versioned_table(kind)
    lead = table.c["section" if kind == "section_targets" else "code"]
    newest = newest_versions(table, None, [] if codes is None else [among(lead, codes)])
    columns = {name: column for name, column in feature_columns(newest).items() if name != "geometry"}
    return fetch_frame(session, select(newest), columns)


def readings_of(
    session: Session,
    stretches: Sequence[Stretch],
    kinds: Mapping[int, str | None],
    *,
    most: int | None = None,
) -> pa.Table | None:
    """The latest revisions of readings of some sections, each over its own time, as an Arrow table.

    `kinds` is the station type of sections by number, for readings that do not say their own.

    Returns
    -------
    Table
        The columns of `spatial.columns.ReadingColumns.from_arrow`, ``section`` being the section's code;
        None where they are more than `most`.
    """
    codes = section_numbers(session)
    nothing = pa.table({name: pa.array([], kind) for name, kind in _READ.items()})
    if not stretches:
        return _as_readings(nothing, codes)
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    values = {
        "sections": [stretch.section_id for stretch in stretches],
        "firsts": [stretch.first for stretch in stretches],
        "lasts": [stretch.last for stretch in stretches],
        "kinds": [kinds.get(stretch.section_id) for stretch in stretches],
        "first": min(stretch.first for stretch in stretches),
        "last": max(stretch.last for stretch in stretches),
        "most": None if most is None else most + 1,
    }
    statement = sql.SQL(
        "COPY (SELECT r.section_id, r.parameter, r.sampled_at AT TIME ZONE 'UTC', r.value, r.full_value,"
        f" r.qualifier, r.detection_limit, {_KIND}, r.station_status, r.quality,"
        " r.upload_id FROM unnest(CAST({sections} AS integer[]), CAST({firsts} AS timestamptz[]),"
        " CAST({lasts} AS timestamptz[]), CAST({kinds} AS text[])) AS s(section_id, first, last, kind)"
        f" JOIN {SCHEMA}.readings r ON r.section_id = s.section_id"
        " AND r.sampled_at BETWEEN s.first AND s.last"
        " WHERE r.sampled_at BETWEEN {first} AND {last}"
        f" AND NOT EXISTS (SELECT FROM {SCHEMA}.readings n WHERE n.revision > 0"
        "  AND n.section_id = r.section_id AND n.parameter = r.parameter AND n.sampled_at = r.sampled_at"
        "  AND n.revision > r.revision AND n.sampled_at BETWEEN {first} AND {last}) LIMIT {most}) TO STDOUT"
    ).format(**{name: sql.Literal(value) for name, value in values.items()})
    received = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in copy:
            received.write(block)
    if not received.tell():
        return _as_readings(nothing, codes)
    table = arrow_csv.read_csv(
        pa.py_buffer(received.getbuffer()),
        read_options=arrow_csv.ReadOptions(column_names=list(_READ)),
        parse_options=arrow_csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=_READ, null_values=[NULL], strings_can_be_null=True
        ),
    )
    if most is not None and table.num_rows > most:
        return None
    return _as_readings(table, codes)


def manual_sections(
    session: Session, stretches: Sequence[Stretch], kinds: Mapping[int, str | None]
) -> set[int]:
    """Which of the stretches have readings that no automatic station gave; `kinds` as in `readings_of`."""
    if not stretches:
        return set()
    rows = session.execute(
        text(
            "SELECT s.section_id FROM unnest(CAST(:sections AS integer[]), CAST(:firsts AS timestamptz[]),"
            " CAST(:lasts AS timestamptz[]), CAST(:kinds AS text[])) AS s(section_id, first, last, kind)"
            f" WHERE EXISTS (SELECT FROM {SCHEMA}.readings r WHERE r.section_id = s.section_id"
            " AND r.sampled_at BETWEEN s.first AND s.last AND r.sampled_at BETWEEN :first AND :last"
            f" AND {_KIND} IS DISTINCT FROM 'automatic')"
        ),
        {
            "sections": [stretch.section_id for stretch in stretches],
            "firsts": [stretch.first for stretch in stretches],
            "lasts": [stretch.last for stretch in stretches],
            "kinds": [kinds.get(stretch.section_id) for stretch in stretches],
            "first": min(stretch.first for stretch in stretches),
            "last": max(stretch.last for stretch in stretches),
        },
    )
    return {number for (number,) in rows}


def stretches_between(
    session: Session, numbers: Sequence[int], start: datetime, end: datetime
) -> list[Stretch]:
    """Over which time sections have readings in [start, end)."""
    rows = session.execute(
        text(
            f"SELECT section_id, min(sampled_at), max(sampled_at) FROM {SCHEMA}.readings"
            " WHERE sampled_at >= :start AND sampled_at < :end"
            " AND section_id = ANY (CAST(:sections AS integer[])) GROUP BY section_id ORDER BY section_id"
        ),
        {"start": start, "end": end, "sections": list(numbers)},
    )
    return [Stretch(*row) for row in rows]


def _as_readings(table: pa.Table, codes: Mapping[int, str]) -> pa.Table:
    """Numbers from their texts, each text read once; section numbers as codes; times with their zone."""
    known = sorted(codes)
    numbers = table["section_id"].combine_chunks().to_numpy(zero_copy_only=False)
    places = pa.array(np.searchsorted(np.array(known, dtype=np.int64), numbers).astype(np.int32))
    names = pa.array([codes[number] for number in known], pa.string())
    columns: dict[str, Any] = {"section": pa.DictionaryArray.from_arrays(places, names)}
    for name in table.schema.names:
        if name == "section_id":
            continue
        column = table[name]
        if name in ("value", "full_value", "detection_limit"):
            column = _decimals(column)
        elif name == "sampled_at":
            column = column.cast(pa.timestamp("us", "UTC"))
        columns[name] = column
    return pa.table(columns)


def _decimals(column: pa.ChunkedArray) -> pa.Array:
    """Exact decimals from a column of texts, as one dictionary of few distinct numbers."""
    column = column.unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], _WORDS)
    numbers = [None if word is None else Decimal(word) for word in column.dictionary.to_pylist()]
    if not any(number is not None for number in numbers):
        return pa.nulls(len(column), pa.decimal128(1, 0))
    return pa.DictionaryArray.from_arrays(column.indices, pa.array(numbers)).dictionary_decode()


# ----------------------------------------------------------------------------------------- how they stand


@dataclass(frozen=True, slots=True)
class StoredWarning:
    """A warning as it stands after its last event."""

    code: str
    section_id: int
    rule_id: str
    parameter: str
    started_at: datetime
    ended_at: datetime
    over_after: datetime
    severity: str
    state: str
    readings: int
    facts: Mapping[str, Any]


def _last_event(known_at: datetime | None) -> Any:
    """The last event of each warning, up to a moment."""
    event = aliased(WarningEventRow, name="newest_event")
    query = select(event).where(event.warning_code == WarningRow.code)
    if known_at is not None:
        query = query.where(event.recorded_at <= known_at)
    return query.order_by(event.id.desc()).limit(1).correlate(WarningRow).lateral("last")


def _last_facts(known_at: datetime | None) -> Any:
    """What readings said of each warning last, up to a moment."""
    event = aliased(WarningEventRow, name="telling_event")
    query = select(event.facts).where(event.warning_code == WarningRow.code, event.facts.is_not(None))
    if known_at is not None:
        query = query.where(event.recorded_at <= known_at)
    return query.order_by(event.id.desc()).limit(1).correlate(WarningRow).lateral("told")


def stored_warnings(
    session: Session, stretches: Sequence[Stretch] | None = None, *, codes: Sequence[str] | None = None
) -> list[StoredWarning]:
    """Warnings as they stand: those that lie in the stretches of their sections, or those of some codes.

    Withdrawn ones are left out of the former.
    """
    last, told = _last_event(None), _last_facts(None)
    query = (
        select(
            WarningRow.code,
            WarningRow.section_id,
            WarningRow.rule_id,
            WarningRow.parameter,
            WarningRow.started_at,
            last.c.ended_at,
            last.c.over_after,
            last.c.severity,
            last.c.state,
            last.c.readings,
            told.c.facts,
        )
        .select_from(WarningRow)
        .join(last, literal(value=True))
        .join(told, literal(value=True))
        .order_by(WarningRow.code)
    )
    if codes is not None:
        query = query.where(among(expression(WarningRow.code), codes))
    return [StoredWarning(*row) for row in _chosen(session, query, stretches, last)]


def _chosen(session: Session, query: Any, stretches: Sequence[Stretch] | None, last: Any) -> Any:
    if stretches is None:
        return session.execute(query)
    if not stretches:
        return []
    listed = text(
        "SELECT * FROM unnest(CAST(:sections AS integer[]), CAST(:firsts AS timestamptz[]),"
        " CAST(:lasts AS timestamptz[])) AS s(section_id, first, last)"
    ).bindparams(
        sections=[stretch.section_id for stretch in stretches],
        firsts=[stretch.first for stretch in stretches],
        lasts=[stretch.last for stretch in stretches],
    )
    asked = listed.columns(
        section_id=WarningRow.__table__.c.section_id.type,
        first=WarningRow.__table__.c.started_at.type,
        last=WarningRow.__table__.c.started_at.type,
    ).subquery("asked")
    return session.execute(
        query.join(asked, asked.c.section_id == WarningRow.section_id).where(
            last.c.state != "withdrawn",
            last.c.ended_at >= asked.c.first,
            WarningRow.started_at <= asked.c.last,
        )
    )


def live_warnings(session: Session, section_ids: Iterable[int]) -> list[StoredWarning]:
    """Open and acknowledged warnings of some sections."""
    ages = datetime(1, 1, 2).astimezone(), datetime(9999, 12, 30).astimezone()
    stretches = [Stretch(number, *ages) for number in sorted(set(section_ids))]
    return [one for one in stored_warnings(session, stretches) if one.state in LIVE]


def over_warnings(
    session: Session,
    warnings: Sequence[StoredWarning],
    *,
    unusable_flags: Sequence[int],
    status_words: Sequence[str],
) -> list[str]:
    """Codes of those that are over: a later reading of the item, beyond the gap, that decides and takes part.

    Of a reading below its detection limit nobody knows whether it lies over the threshold: it ends nothing,
    unless something else does.
    """
    if not warnings:
        return []
    pattern = "|".join(re.escape(word) for word in status_words) or "a^"
    rows = session.execute(
        text(
            "SELECT w.code FROM unnest(CAST(:codes AS text[]), CAST(:sections AS integer[]),"
            " CAST(:parameters AS text[]), CAST(:moments AS timestamptz[]))"
            " AS w(code, section_id, parameter, moment) WHERE EXISTS ("
            f" SELECT FROM {SCHEMA}.readings r WHERE r.section_id = w.section_id"
            " AND r.parameter = w.parameter AND r.sampled_at > w.moment AND r.sampled_at > :first"
            " AND r.qualifier = '=' AND r.quality <> ALL (CAST(:flags AS smallint[]))"
            " AND (r.station_status IS NULL OR lower(r.station_status) !~ :pattern))"
        ),
        {
            "codes": [one.code for one in warnings],
            "sections": [one.section_id for one in warnings],
            "parameters": [one.parameter for one in warnings],
            "moments": [one.over_after for one in warnings],
            "first": min(one.over_after for one in warnings),
            "flags": list(unusable_flags),
            "pattern": pattern,
        },
    )
    return [code for (code,) in rows]


# ------------------------------------------------------------------------------------ what happened to them


@dataclass(frozen=True, slots=True)
class WarningFact:
    """A warning as readings give it now; `facts` are measured, limit and evidence, as JSON."""

    code: str
    section_id: int
    rule_id: str
    kind: str
    parameter: str
    started_at: datetime
    ended_at: datetime
    over_after: datetime
    severity: str
    readings: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WarningEvent:
    """Something that is to be recorded of a warning; `to` is how it stands then."""

    event: str
    to: StoredWarning
    facts: Mapping[str, Any] | None = None
    note: str | None = None
    merged_into: str | None = None


def lock_warnings(session: Session) -> None:
    """Let nobody else record warnings until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def insert_warnings(session: Session, found: Sequence[WarningFact]) -> None:
    """Record warnings that are not known yet; their events come after."""
    if found:
        session.execute(
            postgresql_insert(WarningRow).on_conflict_do_nothing(index_elements=[WarningRow.code]),
            [
                {
                    "code": one.code,
                    "section_id": one.section_id,
                    "rule_id": one.rule_id,
                    "kind": one.kind,
                    "parameter": one.parameter,
                    "started_at": one.started_at,
                }
                for one in found
            ],
        )


def insert_events(
    session: Session, events: Sequence[WarningEvent], *, actor: str, upload_id: int | None = None
) -> None:
    """Record events, in this order."""
    if not events:
        return
    rows = [
        {
            "warning_code": one.to.code,
            "event": one.event,
            "state": one.to.state,
            "severity": one.to.severity,
            "ended_at": one.to.ended_at,
            "over_after": one.to.over_after,
            "readings": one.to.readings,
            "facts": None if one.facts is None else encode_json(dict(one.facts)),
            "actor": actor,
            "note": one.note,
            "merged_into": one.merged_into,
            "upload_id": upload_id,
        }
        for one in events
    ]
    columns = (
        "warning_code, event, state, severity, ended_at, over_after, readings, facts, actor, note,"
        " merged_into, upload_id"
    )
    session.execute(
        text(
            f"INSERT INTO {SCHEMA}.warning_events ({columns}) VALUES (:warning_code, :event, :state,"
            " :severity, :ended_at, :over_after, :readings, CAST(:facts AS jsonb), :actor, :note,"
            " :merged_into, :upload_id)"
        ),
        rows,
    )


# ---------------------------------------------------------------------------------------------- for reading


def warnings_page(
    session: Session,
    *,
    as_of: date,
    region_code: str | None = None,
    section: str | None = None,
    severities: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    kind: str | None = None,
    rule_id: str | None = None,
    since: datetime | None = None,
    known_at: datetime | None = None,
    code: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """A page of warnings, those that began last first; as they stood at `known_at` (default: now).

    Withdrawn ones are left out unless `states` or `code` asks for them. `since` leaves out those whose last
    reading is older; `after` is (started_at, code) of the last one of the page before. Names, regions and
    places of sections are those in force on `as_of`.
    """
    last, told = _last_event(known_at), _last_facts(known_at)
    section_row = versions_in_force(versioned_table("sections"), as_of, None, [])
    registry = SectionRegistryRow
    conditions: list[Any] = []
    if code is not None:
        conditions.append(WarningRow.code == code)
    elif states is None:
        conditions.append(last.c.state != "withdrawn")
    if states is not None:
        conditions.append(among(last.c.state, states))
    if severities is not None:
        conditions.append(among(last.c.severity, severities))
    if section is not None:
        conditions.append(registry.code == section)
    if kind is not None:
        conditions.append(WarningRow.kind == kind)
    if rule_id is not None:
        conditions.append(WarningRow.rule_id == rule_id)
    if since is not None:
        if since.tzinfo is None:
            raise BadQueryError("a time bound needs a time zone", since.isoformat())
        conditions.append(last.c.ended_at >= since)
    if after is not None:
        conditions.append(tuple_(WarningRow.started_at, WarningRow.code) < tuple_(*map(literal, after)))
    conditions += inside_region(section_row.c.region_code, region_code)
    query = (
        select(
            WarningRow.code.label("id"),
            WarningRow.rule_id,
            WarningRow.kind,
            registry.code.label("section"),
            func.coalesce(section_row.c.name, registry.name).label("name"),
            section_row.c.region_code,
            WarningRow.parameter,
            last.c.severity,
            last.c.state,
            WarningRow.started_at,
            last.c.ended_at,
            last.c.readings,
            told.c.facts,
            WarningRow.recorded_at.label("opened_at"),
            last.c.recorded_at.label("updated_at"),
            last.c.merged_into,
            func.ST_AsBinary(section_row.c.geometry).label("geometry"),
        )
        .select_from(WarningRow)
        .join(last, literal(value=True))
        .join(told, literal(value=True))
        .join(registry, registry.id == WarningRow.section_id)
        .outerjoin(section_row, section_row.c.code == registry.code)
        .where(*conditions)
        .order_by(WarningRow.started_at.desc(), WarningRow.code.desc())
        .limit(limit)
    )
    return [
        {**row, "geometry": None if row["geometry"] is None else shapely.from_wkb(bytes(row["geometry"]))}
        for row in session.execute(query).mappings()
    ]


def events_of(session: Session, code: str) -> list[dict[str, Any]]:
    """Everything that happened to a warning, in order."""
    event = WarningEventRow
    query = (
        select(
            event.event,
            event.state,
            event.severity,
            event.ended_at,
            event.readings,
            event.actor,
            event.note,
            event.merged_into,
            event.upload_id,
            event.recorded_at,
        )
        .where(event.warning_code == code)
        .order_by(event.id)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def events_of_upload(session: Session, upload_id: int) -> dict[str, int]:
    """How many events of each kind a load brought about."""
    event = WarningEventRow
    query = select(event.event, func.count()).where(event.upload_id == upload_id).group_by(event.event)
    return {str(name): int(count) for name, count in session.execute(query)}


def codes_beginning(session: Session, start: str, limit: int = 2) -> list[str]:
    """Codes of warnings that begin with some digits."""
    query = select(WarningRow.code).where(WarningRow.code.startswith(start, autoescape=True))
    return list(session.scalars(query.order_by(WarningRow.code).limit(limit)))
