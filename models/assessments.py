# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""Stored assessments of sections: what a load touches, the versions of each, and what replaced what.

Every function takes the caller's session and never commits. Versions are added and never changed; of one
section and period the one that was stored last holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from models.loading import copy_rows, copy_text, copy_value
from models.partitions import partition_name, partitioned_months
from models.queries import among, expression
from models.tables import SCHEMA, SectionAssessmentRow, SectionRegistryRow, UploadRow

# Any fixed number: who adds versions takes this advisory lock first, so that each sees the ones before.
ASSESSMENT_LOCK = 4_490_002

STORED_COLUMNS = (
    "section",
    "period",
    "period_start",
    "period_end",
    "basis_hash",
    "input_hash",
    "readings",
    "result",
    "result_hash",
    "water_class",
    "verdict",
    "cause",
    "upload_id",
    "computed_at",
)


@dataclass(frozen=True, slots=True)
class TouchedMonth:
    """The readings of one section and Beijing month that an upload brought.

    `replaced` are revisions; `late` says that others have later readings of that section and month already.
    """

    section: str
    year: int
    month: int
    first: datetime
    last: datetime
    replaced: int
    late: bool


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """The version that holds of one section and period, without its result."""

    basis_hash: str
    input_hash: str
    result_hash: str
    water_class: int | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version to be stored; `result` is JSON text."""

    section: str
    period: str
    period_start: date
    period_end: date
    basis_hash: str
    input_hash: str
    readings: int
    result: str
    result_hash: str
    water_class: int | None
    verdict: str | None
    cause: str
    upload_id: int | None


def lock_assessments(session: Session) -> datetime:
    """Wait for others that store versions; returns the moment of everything that is stored now."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ASSESSMENT_LOCK})
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def upload_kind(session: Session, upload_id: int) -> str | None:
    """What an upload was of, without its errors; None where there is no such number."""
    return session.scalar(select(UploadRow.kind).where(UploadRow.id == upload_id))


def loaded_at(
    session: Session, upload_id: int, first: datetime | None, last: datetime | None
) -> datetime | None:
    """The moment at which what an upload brought was recorded; None where it brought nothing."""
    kind = session.execute(select(UploadRow.kind).where(UploadRow.id == upload_id)).scalar_one()
    window = "" if first is None else " AND sampled_at BETWEEN :first AND :last"
    condition = f"upload_id = :upload_id{window if kind == 'readings' else ''}"
    moment: datetime | None = session.execute(
        text(f"SELECT min(recorded_at) FROM {SCHEMA}.{kind} WHERE {condition}"),
        {"upload_id": upload_id, "first": first, "last": last},
    ).scalar_one()
    return moment


def touched_months(
    session: Session, upload_id: int, first: datetime | None = None, last: datetime | None = None
) -> list[TouchedMonth]:
    """Where the readings of an upload lie, by section and month; sections only feeds have named are left out.

    `first` and `last`, where all of them lie between, spare a look at the partitions of other months.
    """
    window = "" if first is None else " AND r.sampled_at BETWEEN :first AND :last"
    rows = session.execute(
        text(
            "SELECT g.code, m.year, m.month, m.first, m.last, m.replaced,"
            f" EXISTS (SELECT FROM {SCHEMA}.readings o WHERE o.section_id = m.section_id"
            " AND o.sampled_at > m.first AND o.sampled_at < make_timestamptz("
            "   m.year + m.month / 12, m.month % 12 + 1, 1, 0, 0, 0, 'Asia/Shanghai')"
            " AND o.upload_id <> :upload_id) AS late FROM ("
            " SELECT section_id, date_part('year', local)::int AS year,"
            " date_part('month', local)::int AS month, min(sampled_at) AS first, max(sampled_at) AS last,"
            " count(*) FILTER (WHERE revision > 0) AS replaced"
            " FROM (SELECT section_id, sampled_at, revision, sampled_at AT TIME ZONE 'Asia/Shanghai' AS local"
            f" FROM {SCHEMA}.readings r WHERE r.upload_id = :upload_id{window}) r GROUP BY 1, 2, 3) m"
            f" JOIN {SCHEMA}.section_registry g ON g.id = m.section_id AND NOT g.provisional"
            " ORDER BY g.code, m.year, m.month"
        ),
        {"upload_id": upload_id, "first": first, "last": last},
    )
    return [TouchedMonth(*row) for row in rows]


def touched_sections(session: Session, upload_id: int, *, known_before: bool = False) -> list[str]:
    """The sections of which an upload brought a version, or earlier names and codes.

    `known_before` leaves out those of which no earlier upload had a version.
    """
    rows = session.scalars(
        text(
            f"SELECT code FROM (SELECT code FROM {SCHEMA}.sections WHERE upload_id = :upload_id"
            f" UNION SELECT code FROM {SCHEMA}.section_aliases WHERE upload_id = :upload_id) s"
            f" WHERE NOT :known_before OR EXISTS (SELECT FROM {SCHEMA}.sections o"
            "  WHERE o.code = s.code AND o.upload_id < :upload_id) ORDER BY code"
        ),
        {"upload_id": upload_id, "known_before": known_before},
    )
    return list(rows)


def months_with_readings(session: Session, codes: Sequence[str]) -> list[tuple[str, int, int]]:
    """(section, year, month) wherever sections have readings: one look into an index for each."""
    registry = SectionRegistryRow
    numbers = session.execute(
        select(registry.id, registry.code).where(among(expression(registry.code), codes))
    ).all()
    found: list[tuple[str, int, int]] = []
    names = {number: code for number, code in numbers}  # noqa: C416 - rows are no pairs to mypy
    for month in sorted(partitioned_months(session.connection())):
        there = session.scalars(
            text(
                "SELECT n FROM unnest(CAST(:numbers AS integer[])) n WHERE EXISTS"
                f" (SELECT FROM {SCHEMA}.{partition_name(month)} r WHERE r.section_id = n)"
            ),
            {"numbers": list(names)},
        )
        found.extend((names[number], *month) for number in there)
    return sorted(found)


def stored_periods(session: Session, codes: Sequence[str]) -> list[tuple[str, str]]:
    """(section, period) of every assessment that is stored of these sections."""
    row = SectionAssessmentRow
    query = select(row.section, row.period).where(among(expression(row.section), codes)).distinct()
    return [(section, period) for section, period in session.execute(query.order_by(row.section, row.period))]


def newest_assessments(
    session: Session, codes: Sequence[str], periods: Sequence[str]
) -> dict[tuple[str, str], KnownVersion]:
    """The versions that hold, by section and period."""
    row = SectionAssessmentRow
    query = (
        select(
            row.section,
            row.period,
            row.basis_hash,
            row.input_hash,
            row.result_hash,
            row.water_class,
            row.verdict,
        )
        .ext(distinct_on(row.section, row.period))
        .where(among(expression(row.section), codes), among(expression(row.period), periods))
        .order_by(row.section, row.period, row.id.desc())
    )
    return {(found[0], found[1]): KnownVersion(*found[2:]) for found in session.execute(query)}


def store_assessments(session: Session, computed_at: datetime, versions: Iterable[Version]) -> None:
    """Add versions, all at once."""
    copy_rows(
        session,
        f"{SCHEMA}.section_assessments",
        STORED_COLUMNS,
        (
            [
                copy_text(version.result)
                if name == "result"
                else copy_value(getattr(version, name, computed_at))
                for name in STORED_COLUMNS
            ]
            for version in versions
        ),
    )


def assessment_versions(
    session: Session, section: str, period: str, *, known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """Every version of one section and period, oldest first, with the upload behind it.

    `known_at` leaves out what was stored later. Beside the columns of the table there are file_name, source,
    actor, note, received_at and on_conflict of the upload, None where there is none.
    """
    row = SectionAssessmentRow
    query = (
        select(
            *row.__table__.columns,
            UploadRow.file_name,
            UploadRow.source,
            UploadRow.actor,
            UploadRow.note,
            UploadRow.received_at,
            UploadRow.options["on_conflict"].astext.label("on_conflict"),
        )
        .outerjoin(UploadRow, UploadRow.id == row.upload_id)
        .where(row.section == section, row.period == period)
        .order_by(row.id)
    )
    if known_at is not None:
        query = query.where(row.computed_at <= known_at)
    return [dict(found) for found in session.execute(query).mappings()]


def replaced_readings(
    session: Session, upload_id: int, section: str, start: datetime, end: datetime, *, limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """What an upload replaced at a section in [start, end): how many readings, and the first of them.

    Each has parameter, sampled_at, new, new_row (of the file), old, old_upload_id, old_file, old_row; a value
    below the detection limit begins with ``<``.
    """
    rows = session.execute(
        text(
            "SELECT count(*) OVER () AS total, n.parameter, n.sampled_at,"
            " CASE n.qualifier WHEN '<' THEN '<' ELSE '' END || n.value AS new, n.source_row AS new_row,"
            " CASE o.qualifier WHEN '<' THEN '<' ELSE '' END || o.value AS old, o.upload_id AS old_upload_id,"
            " u.file_name AS old_file, o.source_row AS old_row"
            f" FROM {SCHEMA}.readings n JOIN {SCHEMA}.section_registry g ON g.id = n.section_id"
            f" JOIN {SCHEMA}.readings o ON o.section_id = n.section_id AND o.parameter = n.parameter"
            " AND o.sampled_at = n.sampled_at AND o.revision = n.revision - 1"
            " AND o.sampled_at >= :start AND o.sampled_at < :end"
            f" JOIN {SCHEMA}.uploads u ON u.id = o.upload_id"
            " WHERE g.code = :section AND n.upload_id = :upload_id AND n.revision > 0"
            " AND n.sampled_at >= :start AND n.sampled_at < :end"
            " ORDER BY n.sampled_at, n.parameter LIMIT :limit"
        ),
        {"section": section, "upload_id": upload_id, "start": start, "end": end, "limit": limit},
    ).mappings()
    found = [dict(row) for row in rows]
    total = found[0]["total"] if found else 0
    for row in found:
        del row["total"]
    return total, found


def record_refresh(session: Session, upload_id: int, counts: Mapping[str, Any]) -> None:
    """Keep with the report of an upload what it changed of the assessments."""
    row = session.get_one(UploadRow, upload_id)
    row.report = {**(row.report or {}), "assessments": dict(counts)}


def uploads_since(session: Session, since: datetime) -> list[int]:
    """Loads of readings and sections that ended after a moment, in their order."""
    query = (
        select(UploadRow.id)
        .where(
            UploadRow.state == "loaded",
            UploadRow.kind.in_(("readings", "sections")),
            UploadRow.finished_at >= since,
        )
        .order_by(UploadRow.id)
    )
    return list(session.scalars(query))
