# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""Quality flags in the database: which stored readings neighbour a load, and what is thought of them.

Every function takes the caller's session and never commits. Only `quality` and `quality_tests` of readings
are ever changed here; what was measured the trigger `append_only` keeps as it is.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
from psycopg import sql
from pyarrow import csv as arrow_csv
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.frames import TIME_ZONE
from models.loading import NULL, Stretch, copy_rows
from models.tables import SCHEMA

_WORDS = pa.dictionary(pa.int32(), pa.string())
_NEAR_COLUMNS = {
    "section": pa.int64(),
    "parameter": _WORDS,
    "sampled_at": pa.timestamp("us"),
    "revision": pa.int16(),
    "value": pa.float64(),
    "full_value": pa.float64(),
    "qualifier": _WORDS,
    "station_type": _WORDS,
    "station_status": _WORDS,
    "quality": pa.int8(),
    "quality_tests": _WORDS,
    "own": pa.bool_(),
}


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
    """Readings of other uploads within `reach` of the stretches, those that no later revision replaced.

    Values come as floats, which is what is tested; a million readings take a second or two.

    Returns
    -------
    DataFrame
        section (registry number), parameter, sampled_at (Asia/Shanghai), revision, value, full_value (floats,
        NaN for none), qualifier, station_type, station_status, quality, quality_tests (an array as PostgreSQL
        writes it, missing for none); texts are categorical.
    """
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    bounds = _bounds(stretches, reach)
    statement = sql.SQL(
        "COPY (SELECT r.section_id, r.parameter, r.sampled_at AT TIME ZONE 'UTC', r.revision, r.value,"
        " r.full_value, r.qualifier, r.station_type, r.station_status, r.quality, r.quality_tests,"
        " r.upload_id = {other_than}"
        " FROM unnest(CAST({sections} AS integer[]), CAST({firsts} AS timestamptz[]),"
        " CAST({lasts} AS timestamptz[])) AS s(section_id, first, last)"
        f" JOIN {SCHEMA}.readings r ON r.section_id = s.section_id"
        " AND r.sampled_at BETWEEN s.first AND s.last"
        " WHERE r.sampled_at BETWEEN {first} AND {last}"
        " AND (r.upload_id <> {other_than} OR r.revision > 0)) TO STDOUT"
    ).format(**{name: sql.Literal(value) for name, value in bounds.items()}, other_than=other_than)
    received = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for block in copy:
            received.write(block)
    if not received.tell():
        return pd.DataFrame(columns=[name for name in _NEAR_COLUMNS if name != "own"])
    table = arrow_csv.read_csv(
        pa.py_buffer(received.getbuffer()),
        read_options=arrow_csv.ReadOptions(column_names=list(_NEAR_COLUMNS)),
        parse_options=arrow_csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=_NEAR_COLUMNS,
            null_values=[NULL],
            strings_can_be_null=True,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    frame: pd.DataFrame = table.to_pandas()
    frame["sampled_at"] = frame["sampled_at"].dt.tz_localize("UTC").dt.tz_convert(TIME_ZONE)
    if (frame["revision"] > 0).any():
        newest = frame.groupby(["section", "parameter", "sampled_at"], observed=True)["revision"]
        frame = frame[frame["revision"] == newest.transform("max")]
    return frame[~frame["own"]].drop(columns="own").reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of months of one section, and the whole days inside it that are not asked for.

    `start` and `from_day` belong to what they begin, `end` and `to_day` do not.
    """

    section_id: int
    start: datetime
    end: datetime
    from_day: datetime
    to_day: datetime


def monthly_counts(
    session: Session, gaps: Sequence[Gap], readings_per_day: int, *, other_than: int
) -> pd.DataFrame:
    """Readings of other uploads in some months, without those of some days, that no later revision replaced.

    Returns
    -------
    DataFrame
        section (registry number), parameter, month (Beijing months since 1970), daily (usable ones, of each
        day at most `readings_per_day`), usable (all of them), automatic, manual (whether any says so).
    """
    columns = ("section", "parameter", "month", "daily", "usable", "automatic", "manual")
    open_gaps = [gap for gap in gaps if gap.start < gap.from_day or gap.to_day < gap.end]
    if not open_gaps:
        return pd.DataFrame(columns=list(columns))
    rows = session.execute(
        text(
            "SELECT section_id, parameter,"
            " CAST((extract(year FROM day) - 1970) * 12 + extract(month FROM day) - 1 AS integer) AS month,"
            " CAST(sum(least(usable, :per_day)) AS bigint), CAST(sum(usable) AS bigint),"
            " bool_or(automatic), bool_or(manual) FROM ("
            "  SELECT r.section_id, r.parameter,"
            "  CAST(r.sampled_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day,"
            "  count(*) FILTER (WHERE r.quality IN (1, 2, 3)) AS usable,"
            "  coalesce(bool_or(r.station_type = 'automatic'), false) AS automatic,"
            "  coalesce(bool_or(r.station_type = 'manual'), false) AS manual"
            "  FROM unnest(CAST(:sections AS integer[]), CAST(:starts AS timestamptz[]),"
            "  CAST(:ends AS timestamptz[]), CAST(:from_days AS timestamptz[]),"
            "  CAST(:to_days AS timestamptz[])) AS g(section_id, start, stop, from_day, to_day)"
            f" JOIN {SCHEMA}.readings r ON r.section_id = g.section_id"
            "  AND r.sampled_at >= g.start AND r.sampled_at < g.stop"
            "  AND NOT (r.sampled_at >= g.from_day AND r.sampled_at < g.to_day)"
            "  WHERE r.sampled_at >= :first AND r.sampled_at < :last AND r.upload_id <> :other_than"
            f" AND NOT EXISTS (SELECT FROM {SCHEMA}.readings n WHERE n.revision > 0"
            "   AND n.section_id = r.section_id AND n.parameter = r.parameter"
            "   AND n.sampled_at = r.sampled_at AND n.revision > r.revision"
            "   AND n.sampled_at >= :first AND n.sampled_at < :last)"
            "  GROUP BY r.section_id, r.parameter, day) d GROUP BY section_id, parameter, month"
        ),
        {
            "per_day": readings_per_day,
            "sections": [gap.section_id for gap in open_gaps],
            "starts": [gap.start for gap in open_gaps],
            "ends": [gap.end for gap in open_gaps],
            "from_days": [gap.from_day for gap in open_gaps],
            "to_days": [gap.to_day for gap in open_gaps],
            "first": min(gap.start for gap in open_gaps),
            "last": max(gap.end for gap in open_gaps),
            "other_than": other_than,
        },
    )
    return pd.DataFrame(rows.all(), columns=list(columns))


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


def _bounds(stretches: Sequence[Stretch], reach: timedelta) -> dict[str, object]:
    """The arrays, widened by `reach`, and the whole window, by which the planner leaves out other months."""
    firsts = [stretch.first - reach for stretch in stretches]
    lasts = [stretch.last + reach for stretch in stretches]
    return {
        "sections": [stretch.section_id for stretch in stretches],
        "firsts": firsts,
        "lasts": lasts,
        "first": min(firsts),
        "last": max(lasts),
    }
