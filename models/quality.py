# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""Quality flags in the database: which stored readings neighbour a load, and what is thought of them.

Every function takes the caller's session and never commits. Only `quality` and `quality_tests` of readings
are ever changed here; what was measured the trigger `append_only` keeps as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.orm import Session
from sqlalchemy.types import Integer

from models.frames import TIME_ZONE
from models.loading import copy_rows
from models.tables import SCHEMA


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time over which one section has readings in a load, both ends included."""

    section_id: int
    first: datetime
    last: datetime


def stored_stretches(session: Session, start: datetime, end: datetime) -> list[Stretch]:
    """Over which time each section has readings in [start, end)."""
    rows = session.execute(
        text(
            f"SELECT section_id, min(sampled_at), max(sampled_at) FROM {SCHEMA}.readings"
            " WHERE sampled_at >= :start AND sampled_at < :end GROUP BY section_id ORDER BY section_id"
        ),
        {"start": start, "end": end},
    )
    return [Stretch(number, first, last) for number, first, last in rows]


def readings_near(
    session: Session, stretches: Sequence[Stretch], reach: timedelta, *, other_than: int
) -> pd.DataFrame:
    """Readings of other uploads within `reach` of the stretches; of those, the ones no revision replaced.

    Returns
    -------
    DataFrame
        section (registry number), parameter, sampled_at (Asia/Shanghai), revision, value, full_value
        (Decimals), qualifier, station_type, station_status, quality, quality_tests (list or None).
    """
    names = (
        "section_id",
        "parameter",
        "sampled_at",
        "revision",
        "value",
        "full_value",
        "qualifier",
        "station_type",
        "station_status",
        "quality",
        "quality_tests",
    )
    rows = session.execute(
        _over_stretches(
            f"SELECT {', '.join(f'r.{name}' for name in names)} FROM {{stretches}}"
            f" JOIN {SCHEMA}.readings r ON r.section_id = s.section_id"
            " AND r.sampled_at BETWEEN s.first AND s.last"
            " WHERE r.sampled_at BETWEEN :from AND :to AND r.upload_id <> :other_than AND NOT EXISTS ("
            f" SELECT FROM {SCHEMA}.readings n WHERE n.revision > 0 AND n.section_id = r.section_id"
            " AND n.parameter = r.parameter AND n.sampled_at = r.sampled_at AND n.revision > r.revision"
            " AND n.sampled_at BETWEEN :from AND :to)"
        ),
        {**_bounds(stretches, reach), "other_than": other_than},
    ).all()
    received = list(zip(*rows, strict=True)) or [()] * len(names)
    frame = pd.DataFrame(
        {name: pd.Series(cells, dtype=object) for name, cells in zip(names, received, strict=True)}
    )
    frame["sampled_at"] = pd.to_datetime(frame["sampled_at"], utc=True).dt.tz_convert(TIME_ZONE)
    return frame.rename(columns={"section_id": "section"})


def change_flags(session: Session, rows: Iterable[Sequence[str]], *, upload_id: int | None = None) -> int:
    """Give readings other flags; where `upload_id` is given, that upload's, whatever their revision.

    Returns how many there were.

    `rows` are texts as COPY reads them: section_id, parameter, sampled_at, revision, quality, quality_tests.
    """
    columns = ("section_id", "parameter", "sampled_at", "revision", "quality", "quality_tests")
    listed = ", ".join(columns)
    session.execute(text("DROP TABLE IF EXISTS staged_flags"))
    session.execute(
        text(
            f"CREATE TEMPORARY TABLE staged_flags ON COMMIT DROP AS"
            f" SELECT {listed} FROM {SCHEMA}.readings WITH NO DATA"
        )
    )
    copy_rows(session, "staged_flags", columns, rows)
    session.execute(text("ANALYZE staged_flags"))
    window = session.execute(text("SELECT min(sampled_at), max(sampled_at) FROM staged_flags")).one()
    if window[0] is None:
        return 0
    result = session.execute(
        text(
            f"UPDATE {SCHEMA}.readings r SET quality = s.quality, quality_tests = s.quality_tests"
            " FROM staged_flags s WHERE r.section_id = s.section_id AND r.parameter = s.parameter"
            " AND r.sampled_at = s.sampled_at AND r.sampled_at BETWEEN :from AND :to"
            " AND CASE WHEN CAST(:upload_id AS bigint) IS NULL THEN r.revision = s.revision"
            " ELSE r.upload_id = :upload_id END"
        ),
        {"from": window[0], "to": window[1], "upload_id": upload_id},
    )
    return int(getattr(result, "rowcount", 0))


def _over_stretches(statement: str) -> TextClause:
    """A statement over `s` (section_id, first, last), given as three arrays."""
    unnested = "unnest(:sections, :firsts, :lasts) AS s(section_id, first, last)"
    instants = ARRAY(TIMESTAMP(timezone=True))
    return text(statement.replace("{stretches}", unnested)).bindparams(
        bindparam("sections", type_=ARRAY(Integer)),
        bindparam("firsts", type_=instants),
        bindparam("lasts", type_=instants),
    )


def _bounds(stretches: Sequence[Stretch], reach: timedelta) -> dict[str, object]:
    """The arrays, widened by `reach`, and the whole window, by which the planner leaves out other months."""
    firsts = [stretch.first - reach for stretch in stretches]
    lasts = [stretch.last + reach for stretch in stretches]
    return {
        "sections": [stretch.section_id for stretch in stretches],
        "firsts": firsts,
        "lasts": lasts,
        "from": min(firsts),
        "to": max(lasts),
    }
