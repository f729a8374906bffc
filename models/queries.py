"""What we know, as frames: registers as of a date, readings, the ledger, runs and findings.

Every function takes a session and never commits. Lists are ordered and paged by key, never counted.
Frames have the dtypes of `models.frames`; geometry is EPSG:4490.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
import shapely.geometry
from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    LargeBinary,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.orm import Session, aliased

from models.database import encode_json
from models.errors import BadQueryError, UnstorableError
from models.frames import fetch_frame
from models.partitions import BEIJING
from models.tables import (
    SRID,
    VERSION_KEYS,
    VERSIONED,
    Base,
    EvaluationRunRow,
    FindingRow,
    LedgerEventRow,
    ReadingRow,
    RejectedRow,
    RuleSetRow,
    SectionRegistryRow,
    SectionStatusRow,
    UploadRow,
)

BASIN = "yangtze"
BBox = tuple[float, float, float, float]

# Columns of the tables that are no facts of the contract.
BOOKKEEPING = frozenset(
    {
        "id",
        "valid_from",
        "valid_to",
        "recorded_at",
        "upload_id",
        "source_row",
        "fact_hash",
        "version_hash",
        "line_name",
        "original",
        "geometry",
    }
)
# `key` is a keyword of SQL; in frames the contract's name stands.
FRAME_NAMES = {"is_key": "key"}


# ------------------------------------------------------------------------------------ registers in force


def versioned_table(kind: str) -> Table:
    """The table of a versioned kind.

    Raises
    ------
    BadQueryError
        If there is no such kind.
    """
    if kind not in VERSIONED:
        raise BadQueryError("there is no versioned kind of that name", kind)
    return table_of(VERSIONED[kind])


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    table = model.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table")
    return table


def among(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Condition that a text is one of many: one array, so that any number of them fits into a query."""
    return column == any_(literal(list(values), ARRAY(Text)))


def region_prefix(region_code: str | None) -> str:
    """The digits that all codes inside a region begin with: trailing "00" pairs of GB/T 2260 go.

    `500000` gives `50`, `420500` gives `4205`; the basin (`yangtze`, or none) gives the empty text.
    """
    if region_code is None or region_code == BASIN:
        return ""
    if not region_code.isdigit() or not region_code.isascii():
        raise BadQueryError("a region is a GB/T 2260 code or yangtze", region_code)
    while len(region_code) > 2 and region_code.endswith("00"):
        region_code = region_code[:-2]
    return region_code


def inside_region(column: ColumnElement[Any], region_code: str | None) -> list[ColumnElement[bool]]:
    """Condition that a region code lies in a region; none for the basin."""
    prefix = region_prefix(region_code)
    return [column.startswith(prefix, autoescape=True)] if prefix else []


def inside_box(column: ColumnElement[Any], bbox: BBox | None) -> list[ColumnElement[bool]]:
    """Condition that a geometry touches a box (west, south, east, north), its edge included."""
    if bbox is None:
        return []
    return [func.ST_Intersects(column, func.ST_MakeEnvelope(*bbox, SRID))]


def beijing_instant(moment: date, *, end: bool = False) -> datetime:
    """An instant from a bound: an aware datetime as it is, a day as its first instant (or its end)."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise BadQueryError("a time bound needs a time zone", moment.isoformat())
        return moment
    return datetime.combine(moment + timedelta(days=1) if end else moment, time(), BEIJING)


def newest_versions(
    table: Table, known_at: datetime | None, conditions: Iterable[ColumnElement[bool]]
) -> FromClause:
    """For each key and `valid_from` the version recorded last: what it replaced counts no more."""
    columns = table.c
    keys = [columns[name] for name in VERSION_KEYS[table.name]]
    known = [columns.recorded_at <= known_at] if known_at is not None else []
    return (
        select(table)
        .ext(distinct_on(*keys, columns.valid_from))
        .where(*known, *conditions)
        .order_by(
            *keys, columns.valid_from.desc().nulls_last(), columns.recorded_at.desc(), columns.id.desc()
        )
        .subquery("newest")
    )


def versions_in_force(
    table: Table, as_of: date, known_at: datetime | None, conditions: Iterable[ColumnElement[bool]]
) -> FromClause:
    """For each key the version in force on a day: of those that are, the one that began last."""
    newest = newest_versions(table, known_at, conditions)
    keys = [newest.c[name] for name in VERSION_KEYS[table.name]]
    return (
        select(newest)
        .ext(distinct_on(*keys))
        .where(
            or_(newest.c.valid_from.is_(None), newest.c.valid_from <= as_of),
            or_(newest.c.valid_to.is_(None), newest.c.valid_to >= as_of),
        )
        .order_by(*keys, newest.c.valid_from.desc().nulls_last())
        .subquery("in_force")
    )


def pieces_of(table: Table, chosen: FromClause) -> tuple[FromClause, FromClause]:
    """All rows of the chosen versions: a version of a shoreline has as many rows as it has pieces."""
    if table.name != "shorelines":
        return chosen, chosen
    pieces = table.alias("pieces")
    same = [pieces.c[name] == chosen.c[name] for name in VERSION_KEYS[table.name]]
    joined = pieces.join(
        chosen,
        and_(
            *same,
            pieces.c.valid_from.is_not_distinct_from(chosen.c.valid_from),
            pieces.c.recorded_at == chosen.c.recorded_at,
            pieces.c.version_hash == chosen.c.version_hash,
        ),
    )
    return joined, pieces


def feature_columns(rows: FromClause) -> dict[str, ColumnElement[Any]]:
    """Columns of a register's frame: the contract's, validity, the version and its origin, geometry."""
    facts = {
        FRAME_NAMES.get(column.name, column.name): column
        for column in rows.c
        if column.name not in BOOKKEEPING
    }
    return {
        **facts,
        "valid_from": rows.c.valid_from,
        "valid_to": rows.c.valid_to,
        "version_id": rows.c.id,
        "recorded_at": rows.c.recorded_at,
        "upload_id": rows.c.upload_id,
        **({"geometry": rows.c.geometry} if "geometry" in rows.c else {}),
    }


def features_in_force(
    session: Session,
    kind: str,
    as_of: date,
    *,
    region_code: str | None = None,
    bbox: BBox | None = None,
    codes: Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    after: str = "",
    limit: int | None = None,
    known_at: datetime | None = None,
) -> gpd.GeoDataFrame:
    """The versions of a kind in force on a day, ordered by code.

    Among the versions recorded by `known_at` (default: all), a later record of the same code and
    `valid_from` replaces an earlier one; of what is left and in force on `as_of`, the one that began last
    is taken (no `valid_from` = began first). The filters look at that version only.

    Parameters
    ----------
    region_code
        GB/T 2260 code or `yangtze`; rows without a region code are in no region. Kinds without the column
        (water bodies, shorelines, rivers, section targets) are not cut by it.
    bbox
        west, south, east, north in EPSG:4490; touching counts. Rows without geometry are in no box.
    codes
        Values of the leading key: `code`; `water_body_code` of shorelines; `section` of section targets;
        `target_id` of indicators.
    where
        Column of the table -> value that it must have.
    after, limit
        Page by the leading key: codes greater than `after`, and all rows of at most `limit` codes.

    Returns
    -------
    GeoDataFrame (DataFrame for section targets and indicators)
        The columns of the contract (`key` for outfalls; `zone_grade` for water sources, 0 = the source),
        `valid_from`, `valid_to`, `version_id`, `recorded_at`, `upload_id`, and `geometry` in EPSG:4490.

    Raises
    ------
    BadQueryError
        If the kind, a column of `where` or the region does not exist.
    """
    table = versioned_table(kind)
    lead = VERSION_KEYS[kind][0]
    early: list[ColumnElement[bool]] = []
    if after:
        early.append(table.c[lead] > after)
    if codes is not None:
        early.append(among(table.c[lead], codes))
    if bbox is not None and "geometry" in table.c:
        near = table.alias("near")
        # Codes that ever touched the box: what decides is the version in force, below.
        early.append(table.c[lead].in_(select(near.c[lead]).where(*inside_box(near.c.geometry, bbox))))
    source, rows = pieces_of(table, versions_in_force(table, as_of, known_at, early))
    query = select(rows.c[lead]).select_from(source)
    if "geometry" in rows.c:
        query = query.where(*inside_box(rows.c.geometry, bbox))
    if "region_code" in rows.c:
        query = query.where(*inside_region(rows.c.region_code, region_code))
    for column, value in (where or {}).items():
        if column not in rows.c:
            raise BadQueryError(f"{kind} have no column of that name", column)
        query = query.where(rows.c[column].is_not_distinct_from(value))
    order = [rows.c[name] for name in VERSION_KEYS[kind]]
    if limit is not None:
        query = limit_codes(query, rows.c[lead], limit, alone=len(order) == 1)
    if kind == "shorelines":
        order.append(rows.c.id)
    return fetch_frame(session, query.order_by(*order), feature_columns(rows))


def limit_codes(query: Select[Any], lead: ColumnElement[Any], limit: int, *, alone: bool) -> Select[Any]:
    """Keep the first `limit` codes with all their rows; where a code is one row, that is a plain limit."""
    if alone:
        return query.limit(limit)
    first = query.with_only_columns(lead, maintain_column_froms=True).distinct().order_by(lead).limit(limit)
    return query.where(lead.in_(first))


def feature_versions(session: Session, kind: str, code: str) -> gpd.GeoDataFrame:
    """Every version ever recorded of a code (of the leading key), oldest first; columns as in force.

    Ordered by `valid_from` (none first), then by when it was recorded.
    """
    table = versioned_table(kind)
    lead, *others = VERSION_KEYS[kind]
    query = (
        select(table.c[lead])
        .where(table.c[lead] == code)
        .order_by(
            *(table.c[name] for name in others),
            table.c.valid_from.asc().nulls_first(),
            table.c.recorded_at,
            table.c.id,
        )
    )
    return fetch_frame(session, query, feature_columns(table))


# ----------------------------------------------------------------------------------------------- readings


def reading_query(start: date, end: date, known_at: datetime | None) -> tuple[Select[Any], type[ReadingRow]]:
    """Latest revisions of readings between two bounds, joined to the registry."""
    reading = aliased(ReadingRow, name="reading")
    newer = aliased(ReadingRow, name="newer")
    window = (beijing_instant(start), beijing_instant(end, end=True))
    superseded = exists().where(
        newer.revision > 0,
        newer.section_id == reading.section_id,
        newer.parameter == reading.parameter,
        newer.sampled_at == reading.sampled_at,
        newer.revision > reading.revision,
        # Repeated for the planner, which then leaves out the partitions of other months.
        newer.sampled_at >= window[0],
        newer.sampled_at < window[1],
    )
    known = []
    if known_at is not None:
        superseded = superseded.where(newer.recorded_at <= known_at)
        known.append(reading.recorded_at <= known_at)
    query = (
        select(reading.section_id)
        .join(SectionRegistryRow, SectionRegistryRow.id == reading.section_id)
        .where(reading.sampled_at >= window[0], reading.sampled_at < window[1], ~superseded, *known)
    )
    return query, reading


def reading_columns(
    reading: type[ReadingRow], station_type: ColumnElement[Any]
) -> dict[str, ColumnElement[Any]]:
    """Columns of a frame of readings."""
    return {
        "section": expression(SectionRegistryRow.code),
        "sampled_at": expression(reading.sampled_at),
        "parameter": expression(reading.parameter),
        "value": expression(reading.value),
        "full_value": expression(reading.full_value),
        "qualifier": expression(reading.qualifier),
        "detection_limit": expression(reading.detection_limit),
        "station_type": station_type,
        "station_status": expression(reading.station_status),
        "method": expression(reading.method),
        "upload_id": expression(reading.upload_id),
        "quality": expression(reading.quality),
        "quality_tests": expression(reading.quality_tests),
    }


def expression(attribute: Any) -> ColumnElement[Any]:
    """The SQL expression of a mapped attribute."""
    element: ColumnElement[Any] = attribute.expression
    return element


def readings_between(
    session: Session,
    start: date,
    end: date,
    *,
    section_codes: Sequence[str] | None = None,
    known_at: datetime | None = None,
    origins: bool = False,
) -> pd.DataFrame:
    """Readings of a stretch of time, the latest revision of each, ordered by section, time, parameter.

    Days are Beijing days and both included; datetimes (with a zone) are [start, end). `known_at` leaves out
    what was recorded later.

    Returns
    -------
    DataFrame
        section (code), sampled_at (Asia/Shanghai), parameter, value, full_value, detection_limit (Decimal in
        the unit of the parameter; value is the detection limit where qualifier is '<'), qualifier,
        station_type (the reading's own, else that of the section's version in force on the last day),
        station_status, method, upload_id, quality (QARTOD: 1 pass, 2 not evaluated, 3 suspect, 4 fail,
        9 missing), quality_tests (list of ``test:flag``, None where there is none); with `origins` also
        source_row (as a person sees it in the file of the upload).
    """
    query, reading = reading_query(start, end, known_at)
    if section_codes is not None:
        query = query.where(among(expression(SectionRegistryRow.code), section_codes))
    last_day = (beijing_instant(end, end=True) - timedelta(microseconds=1)).astimezone(BEIJING).date()
    section = versions_in_force(versioned_table("sections"), last_day, known_at, [])
    query = query.outerjoin(section, section.c.code == SectionRegistryRow.code)
    columns = reading_columns(reading, func.coalesce(reading.station_type, section.c.station_type))
    if origins:
        columns["source_row"] = expression(reading.source_row)
    order = SectionRegistryRow.code, reading.sampled_at, reading.parameter
    return fetch_frame(session, query.order_by(*order), columns)


def upload_ids_between(
    session: Session, start: date, end: date, *, section_codes: Sequence[str] | None = None
) -> list[int]:
    """Numbers of the uploads that the readings of a stretch of time come from; see `readings_between`."""
    query, reading = reading_query(start, end, None)
    if section_codes is not None:
        query = query.where(among(expression(SectionRegistryRow.code), section_codes))
    return sorted(session.scalars(query.with_only_columns(reading.upload_id).distinct()))


def reading_page(
    session: Session,
    section: str,
    *,
    start: date,
    end: date,
    parameter: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> pd.DataFrame:
    """A page of one section's readings by time, then parameter; bounds and columns as `readings_between`.

    `after` is (sampled_at, parameter) of the last row of the page before; `station_type` is the reading's
    own.
    """
    query, reading = reading_query(start, end, None)
    query = query.where(SectionRegistryRow.code == section)
    if parameter is not None:
        query = query.where(reading.parameter == parameter)
    if after is not None:
        place = tuple_(reading.sampled_at, reading.parameter)
        # The first condition follows from the second; it lets the planner leave out earlier months.
        query = query.where(
            reading.sampled_at >= after[0], place > tuple_(cast(after[0], DateTime(timezone=True)), after[1])
        )
    columns = reading_columns(reading, expression(reading.station_type))
    return fetch_frame(session, query.order_by(reading.sampled_at, reading.parameter).limit(limit), columns)


def statuses_between(
    session: Session, start: date, end: date, *, section_codes: Sequence[str] | None = None
) -> pd.DataFrame:
    """Lines of feeds that carried a station status and no reading: section, observed_at, status, upload_id.

    Bounds as in `readings_between`; ordered by section and time.
    """
    status = SectionStatusRow
    query = (
        select(status.section_id)
        .join(SectionRegistryRow, SectionRegistryRow.id == status.section_id)
        .where(
            status.observed_at >= beijing_instant(start),
            status.observed_at < beijing_instant(end, end=True),
        )
        .order_by(SectionRegistryRow.code, status.observed_at)
    )
    if section_codes is not None:
        query = query.where(among(expression(SectionRegistryRow.code), section_codes))
    columns = {
        "section": expression(SectionRegistryRow.code),
        "observed_at": expression(status.observed_at),
        "status": expression(status.status),
        "upload_id": expression(status.upload_id),
    }
    return fetch_frame(session, query, columns)


# ----------------------------------------------------------------------------------- uploads and ledger


def upload_record(row: UploadRow) -> dict[str, Any]:
    """An upload as a record: its report, overlaid with what the books say."""
    return {
        **(row.report or {}),
        "upload_id": row.id,
        "kind": row.kind,
        "file_name": row.file_name,
        "file_sha256": row.file_sha256,
        "size_bytes": row.size_bytes,
        "source": row.source,
        "actor": row.actor,
        "note": row.note,
        "state": row.state,
        "rows_read": row.rows_read,
        "rows_loaded": row.rows_loaded,
        "rows_duplicate": row.rows_duplicate,
        "rows_rejected": row.rows_rejected,
        "readings_loaded": row.readings_loaded,
        "received_at": row.received_at,
        "finished_at": row.finished_at,
    }


def upload(session: Session, upload_id: int) -> dict[str, Any] | None:
    """One upload with its report; None where there is no such number."""
    row = session.get(UploadRow, upload_id, populate_existing=True)
    if row is None:
        return None
    found = upload_record(row)
    if found.pop("errors_left_out", 0):
        errors = [error for reject in rejected_rows(session, upload_id) for error in reject["errors"]]
        found["errors"] = [{name: error[name] for name in error if name != "params"} for error in errors]
    return found


def uploads(
    session: Session,
    *,
    kind: str | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Uploads, the newest first; `before` is the `upload_id` of the last one of the page before."""
    query = select(UploadRow).order_by(UploadRow.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(UploadRow.kind == kind)
    if state is not None:
        query = query.where(UploadRow.state == state)
    if before is not None:
        query = query.where(UploadRow.id < before)
    return [upload_record(row) for row in session.scalars(query)]


def rejected_rows(
    session: Session, upload_id: int, *, after: int = 0, limit: int | None = None
) -> list[dict[str, Any]]:
    """Refused rows of an upload in file order: row, errors, original. `after` is a row number."""
    query = (
        select(RejectedRow.row, RejectedRow.errors, RejectedRow.original)
        .where(RejectedRow.upload_id == upload_id, RejectedRow.row > after)
        .order_by(RejectedRow.row)
        .limit(limit)
    )
    return [dict(row._mapping) for row in session.execute(query)]  # noqa: SLF001 - public, despite its name


def ledger_of(session: Session, subject_kind: str, subject_code: str) -> list[dict[str, Any]]:
    """The ledger of one subject, oldest first."""
    event = LedgerEventRow
    query = (
        select(
            event.id,
            event.subject_kind,
            event.subject_code,
            event.event,
            event.occurred_on,
            event.note,
            event.evidence,
            event.evidence_sha256,
            event.actor,
            event.upload_id,
            event.recorded_at,
        )
        .where(event.subject_kind == subject_kind, event.subject_code == subject_code)
        .order_by(event.occurred_on, event.id)
    )
    return [dict(row._mapping) for row in session.execute(query)]  # noqa: SLF001 - public, despite its name


def data_hash(session: Session, as_of: date) -> str:
    """SHA-256 that names the data an evaluation of `as_of` rests on.

    Tables are append-only and every row comes from an upload or a ledger entry, so the data is what the
    loaded files and entries made it, in their order: the hash runs over their own hashes. The same files
    loaded in the same order into another database give the same hash. It costs as much as there are uploads,
    not as there are readings, and also changes when files are added that concern later days only.
    """
    digest = hashlib.sha256(f"qingjiang data 1 {as_of.isoformat()}\n".encode())
    files = select(
        UploadRow.kind,
        UploadRow.file_sha256,
        UploadRow.source,
        UploadRow.options,
        UploadRow.rows_loaded,
        UploadRow.readings_loaded,
    ).where(UploadRow.state == "loaded", UploadRow.rows_loaded > 0)
    for row in session.execute(files.order_by(UploadRow.id)):
        digest.update(canonical_json(list(row)).encode())
    entries = select(LedgerEventRow.fact_hash).where(LedgerEventRow.upload_id.is_(None))
    for fact_hash in session.scalars(entries.order_by(LedgerEventRow.fact_hash)):
        digest.update(fact_hash.encode())
    return digest.hexdigest()


# ------------------------------------------------------------------------------------- runs and findings


def canonical_json(value: object) -> str:
    """JSON text that is the same for the same content: keys sorted, no spaces."""
    return encode_json(sorted_keys(value))


def sorted_keys(value: object) -> object:
    """The value with the keys of all its mappings in order."""
    if isinstance(value, Mapping):
        return {str(key): sorted_keys(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [sorted_keys(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What is written down of an evaluation beside its findings.

    `region_code` None is the whole basin (`yangtze` is taken for it); `rule_ids` None is all rules.
    """

    as_of: date
    region_code: str | None
    rule_ids: Sequence[str] | None
    rule_set_hash: str
    data_hash: str
    started_at: datetime
    finished_at: datetime


def record_rule_set(session: Session, rule_set_hash: str, content: Mapping[str, Any]) -> None:
    """Keep a rule set under its hash; one that is known already stays as it is."""
    session.execute(
        postgresql_insert(RuleSetRow)
        .values(hash=rule_set_hash, content=dict(content))
        .on_conflict_do_nothing(index_elements=[RuleSetRow.hash])
    )


def finding_key(finding: Mapping[str, Any]) -> str:
    """Identity of a finding over time: SHA-256 of rule, kind and code of the subject, joined by `|`."""
    identity = f"{finding['rule_id']}|{finding['subject_kind']}|{finding['subject_code']}"
    return hashlib.sha256(identity.encode()).hexdigest()


def as_day(value: date | str | None) -> date | None:
    """A day from a date or its ISO text."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def as_wkb(geometry: Any) -> bytes | None:
    """WKB of a shapely geometry or a GeoJSON geometry; two dimensions."""
    if geometry is None:
        return None
    shape = shapely.geometry.shape(dict(geometry)) if isinstance(geometry, Mapping) else geometry
    return shapely.to_wkb(shapely.force_2d(shape), include_srid=False)


def store_run(session: Session, run: RunRecord, findings: Sequence[Mapping[str, Any]]) -> int:
    """Store an evaluation with its findings; returns the number of the run.

    `findings` have the shape of the contract; geometry may be shapely or GeoJSON, days dates or ISO texts.
    `first_seen` is computed here: the least `as_of` of all stored runs in which this rule gave this subject
    the same verdict, this run included.

    Raises
    ------
    UnstorableError
        If two findings are about the same rule and subject, or a value has no JSON form.
    """
    keys = [finding_key(finding) for finding in findings]
    if len(set(keys)) < len(keys):
        twice = next(finding for finding, key in zip(findings, keys, strict=True) if keys.count(key) > 1)
        raise UnstorableError(
            "two findings of one rule on one subject", f"{twice['rule_id']} {twice['subject_code']}"
        )
    region = None if run.region_code == BASIN else run.region_code
    run_id = session.execute(
        insert(EvaluationRunRow)
        .values(
            as_of=run.as_of,
            region_code=region,
            rule_ids=None if run.rule_ids is None else list(run.rule_ids),
            rule_set_hash=run.rule_set_hash,
            data_hash=run.data_hash,
            started_at=run.started_at,
            finished_at=run.finished_at,
        )
        .returning(EvaluationRunRow.id)
    ).scalar_one()
    if not findings:
        return run_id
    earlier = earliest_sightings(session, keys)
    plain = (
        "rule_id",
        "clause",
        "subject_kind",
        "subject_code",
        "subject_name",
        "region_code",
        "verdict",
        "state",
    )
    rows = [
        {
            **{name: finding[name] for name in plain},
            "run_id": run_id,
            "finding_key": key,
            "measured": finding["measured"],
            "limit": finding["limit"],
            "deadline": as_day(finding["deadline"]),
            "as_of": run.as_of,
            "first_seen": min(run.as_of, earlier.get((key, finding["verdict"]), run.as_of)),
            "evidence": finding["evidence"],
            "wkb": as_wkb(finding["geometry"]),
        }
        for finding, key in zip(findings, keys, strict=True)
    ]
    shape = func.ST_GeomFromWKB(bindparam("wkb", type_=LargeBinary), SRID)
    session.execute(insert(table_of(FindingRow)).values(geometry=shape), rows)
    return run_id


def earliest_sightings(session: Session, keys: Sequence[str]) -> dict[tuple[str, str], date]:
    """Least `as_of` of the stored findings of each key and verdict."""
    query = (
        select(FindingRow.finding_key, FindingRow.verdict, func.min(FindingRow.as_of))
        .where(among(expression(FindingRow.finding_key), keys))
        .group_by(FindingRow.finding_key, FindingRow.verdict)
    )
    return {(key, verdict): first for key, verdict, first in session.execute(query)}


def first_seen(session: Session, run_id: int) -> dict[str, date]:
    """`first_seen` of every finding of a run, by its `finding_key`."""
    query = select(FindingRow.finding_key, FindingRow.first_seen).where(FindingRow.run_id == run_id)
    return {row.finding_key: row.first_seen for row in session.execute(query)}


def latest_run(
    session: Session, as_of: date | None = None, region_code: str | None = None, *, complete: bool = True
) -> EvaluationRunRow | None:
    """The run stored last, of that day and region where they are given; None where there is none.

    `region_code` must be the run's own (`yangtze`: runs over the whole basin). `complete` leaves out runs of
    picked rules, which say nothing of the others.
    """
    query = select(EvaluationRunRow).order_by(EvaluationRunRow.id.desc()).limit(1)
    if as_of is not None:
        query = query.where(EvaluationRunRow.as_of == as_of)
    if region_code is not None:
        region = None if region_code == BASIN else region_code
        query = query.where(EvaluationRunRow.region_code.is_not_distinct_from(region))
    if complete:
        query = query.where(EvaluationRunRow.rule_ids.is_(None))
    return session.scalar(query)


def findings_page(
    session: Session,
    run_id: int,
    *,
    rule_id: str | None = None,
    subject_kind: str | None = None,
    subject_code: str | None = None,
    region_code: str | None = None,
    verdict: str | None = None,
    state: str | None = None,
    bbox: BBox | None = None,
    updated_since: datetime | None = None,
    after: int | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """A page of the findings of a run, in the order in which they were stored.

    `after` is the `id` of the last one of the page before; `region_code` takes in everything below it. Rows
    have the columns of the table, geometry as shapely (None where there is none).
    """
    finding = table_of(FindingRow)
    wanted = {
        "rule_id": rule_id,
        "subject_kind": subject_kind,
        "subject_code": subject_code,
        "verdict": verdict,
        "state": state,
    }
    conditions = [
        finding.c.run_id == run_id,
        *(finding.c[name] == value for name, value in wanted.items() if value is not None),
        *inside_region(finding.c.region_code, region_code),
        *inside_box(finding.c.geometry, bbox),
    ]
    if updated_since is not None:
        conditions.append(finding.c.recorded_at >= beijing_instant(updated_since))
    if after is not None:
        conditions.append(finding.c.id > after)
    columns = [column for column in finding.c if column.name != "geometry"]
    query = (
        select(*columns, func.ST_AsBinary(finding.c.geometry).label("geometry"))
        .where(*conditions)
        .order_by(finding.c.id)
        .limit(limit)
    )
    return [
        {**row, "geometry": None if row["geometry"] is None else shapely.from_wkb(row["geometry"])}
        for row in session.execute(query).mappings()
    ]
