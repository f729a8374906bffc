"""Dates and times as Chinese files write them. A time without a zone is Beijing time (UTC+8).

A month alone (``2023-06``: a monthly result) stands for its first day, 00:00 Beijing; a day alone for its
00:00. Both lie in the period that they name, which is all that is known of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")

YEAR_RULE_DAYS = 180
"""A year-less time that would lie more days than this after its capture belongs to the year before (4.2)."""

CAPTURE_SLACK = timedelta(hours=12)
"""A reading may be stamped this much later than its capture (clocks; the round that is due)."""

STALE_AFTER = timedelta(days=2)
"""A feed comes every four hours: what a snapshot shows from longer before it, a station left standing."""

_WIDEST_OFFSET = timedelta(hours=14)
"""No place on earth keeps a clock further from UTC."""

_EARLIEST, _LATEST = 1900, 2100
_EXCEL_EPOCH = date(1899, 12, 30)
_EXCEL_FIRST, _EXCEL_LAST = date(1950, 1, 1), date(2100, 12, 31)
_EPOCH_1904_DAYS = 1462
"""A workbook in the 1904 system (early Macintosh) counts this many days less than one in the 1900 system."""


@dataclass(frozen=True, slots=True)
class ParsedTime:
    """A time, or the code of what is wrong with it; neither where the cell is empty or a missing mark."""

    at: datetime | None = None
    code: str | None = None

    @property
    def missing(self) -> bool:
        """Whether the cell said nothing at all."""
        return self.at is None and self.code is None


_MISSING = frozenset(
    {"", "*", "-", "--", "—", "——", "/", "\\", "无", "null", "none", "nan", "nat", "n/a", "-1"}
)
_ZONE = r"(?P<zone>z|[+-]\d{2}:?\d{2}|[+-]\d{1,2})?"
_CLOCK = (
    r"(?:[t ]*(?P<hour>\d{1,2})(?:(?::|时|点)(?:(?P<minute>\d{1,2})分?)?"
    r"(?:[:]?(?P<second>\d{1,2})(?:[.]\d+)?秒?)?)"
    rf"(?:整)? ?{_ZONE})?"
)
_FULL = re.compile(
    r"^(?P<year>\d{4})(?:[-/.]|年)(?P<month>\d{1,2})(?:[-/.]|月)(?P<day>\d{1,2})日?" + _CLOCK + "$"
)
_NO_YEAR = re.compile(r"^(?P<month>\d{1,2})(?:[-/.]|月)(?P<day>\d{1,2})日?" + _CLOCK + "$")
_MONTH = re.compile(r"^(?P<year>\d{4})(?:[-/.]|年)(?P<month>\d{1,2})月?$")
_COMPACT = re.compile(
    r"^(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?:(?P<day>\d{2})(?:[t]?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?)?)?$"
)
_SERIAL = re.compile(r"^(?P<days>\d{5})(?P<fraction>\.\d+)?$")


_WORDS = re.compile(r"[上下]午|晚上|[ap]m|北京时间|utc|gmt")
_UTC = re.compile(r" ?(?:utc|gmt)(?P<offset>[+-]\d{1,2}(?::?\d{2})?)?$")
_HALF_DAY = re.compile(
    r" ?(?P<before>上午|下午|晚上)? ?(?P<hour>\d{1,2})(?P<rest>(?::\d{1,2}){1,2}|[时点](?:\d{1,2}分)?)"
    r" ?(?P<after>am|pm)?$"
)


def fold_time(text: str) -> str:
    """Half-width, single spaces, lower case; spaces next to 年月日时分秒 are dropped."""
    folded = " ".join(unicodedata.normalize("NFKC", text).split()).casefold()
    folded = re.sub(r" ?([年月日号时点分秒]) ?", r"\1", folded).replace("号", "日").replace("时整", "时")
    if not _WORDS.search(folded):
        return folded
    folded = _UTC.sub(lambda match: match["offset"] or "z", folded.replace("北京时间", "").strip())
    return _HALF_DAY.sub(_whole_day, folded)


def _whole_day(match: re.Match[str]) -> str:
    """``下午2:00`` and ``2:00 pm`` by a clock of 24 hours; an hour that has no half stays impossible."""
    half, hour = match["before"] or match["after"], int(match["hour"])
    if not 0 < hour <= 12:
        hour = 99
    late = half in ("下午", "晚上", "pm")
    return f" {hour % 12 + 12 * late if hour <= 12 else hour}{match['rest']}"


def parse_time(text: str, *, captured: datetime | None = None, date_1904: bool = False) -> ParsedTime:
    """Read one time, aware, in Beijing time unless the text has an offset of its own.

    A text without a year takes it from `captured`, when the snapshot was taken: its year, or the year before
    where the time would lie more than 180 days after the capture. Without `captured` the code is
    ``time_without_year``. A bare number is a serial day of Excel, with `date_1904` of the 1904 system.
    """
    folded = fold_time(text)
    if folded in _MISSING:
        return ParsedTime()
    for pattern in (_FULL, _MONTH, _COMPACT):
        if (match := pattern.match(folded)) is not None:
            return _build(int(match["year"]), match.groupdict())
    if (match := _NO_YEAR.match(folded)) is not None:
        return _without_year(match.groupdict(), captured)
    if (match := _SERIAL.match(folded)) is not None:
        moment = _from_serial(int(match["days"]) + _EPOCH_1904_DAYS * date_1904, match["fraction"])
        if _EXCEL_FIRST <= moment.date() <= _EXCEL_LAST:
            return ParsedTime(moment)
    return ParsedTime(code="time_unreadable")


def parse_date(text: str) -> tuple[date | None, str | None]:
    """Read one date: (date, None), (None, code), or (None, None) for an empty cell. The hour is dropped."""
    parsed = parse_time(text)
    if parsed.code == "time_without_year":
        return None, "date_without_year"
    if parsed.code is not None:
        return None, parsed.code.replace("time_", "date_")
    return (None if parsed.at is None else parsed.at.date()), None


def _from_serial(days: int, fraction: str | None) -> datetime:
    """An Excel serial, counted as in the 1900 system; the fraction of the day is rounded to the second."""
    seconds = round(Decimal(fraction or "0") * 86_400)
    start = datetime.combine(_EXCEL_EPOCH + timedelta(days=days), datetime.min.time())
    return (start + timedelta(seconds=int(seconds))).replace(tzinfo=BEIJING)


def _build(year: int, parts: dict[str, str | None]) -> ParsedTime:
    hour, minute, second = (int(parts.get(part) or 0) for part in ("hour", "minute", "second"))
    # 24:00 is the end of the day in Chinese records.
    over = timedelta(days=1) if (hour, minute, second) == (24, 0, 0) else timedelta(0)
    try:
        naive = datetime(  # noqa: DTZ001 - the zone follows in the next step
            year, int(parts["month"] or 0), int(parts.get("day") or 1), 0 if over else hour, minute, second
        )
    except ValueError:
        return ParsedTime(code="time_impossible")
    if not _EARLIEST <= year <= _LATEST:
        return ParsedTime(code="time_out_of_range")
    try:
        return ParsedTime(_in_zone(naive + over, parts.get("zone")))
    except ValueError:
        return ParsedTime(code="time_impossible")


def _in_zone(naive: datetime, zone: str | None) -> datetime:
    """The Beijing time; ValueError for an offset that no place has."""
    if zone is None:
        return naive.replace(tzinfo=BEIJING)
    if zone == "z":
        return naive.replace(tzinfo=UTC).astimezone(BEIJING)
    digits = zone[1:].replace(":", "").zfill(2).ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if zone[0] == "-" else 1)
    if abs(offset) > _WIDEST_OFFSET or int(digits[2:]) > 59:
        raise ValueError(zone)
    return naive.replace(tzinfo=timezone(offset)).astimezone(BEIJING)


def _without_year(parts: dict[str, str | None], captured: datetime | None) -> ParsedTime:
    """Apply the 180-day rule. 29 February takes the capture's year if that has one, else the one before."""
    if captured is None:
        probe = _build(2000, parts)  # a leap year: only a date that no year has is impossible here
        return ParsedTime(code=probe.code or "time_without_year")
    same, before = (_build(year, parts) for year in (captured.year, captured.year - 1))
    if same.at is None:
        return before if before.at is not None else same
    if same.at - captured > timedelta(days=YEAR_RULE_DAYS):
        return before
    return same


def end_of(day: date) -> datetime:
    """The last second of a Beijing day: when a snapshot of that day was taken at the latest."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=BEIJING)


_IN_NAME = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d{2})(?:[-_.年]?(?P<month>0[1-9]|1[0-2]))(?:[-_.月]?(?P<day>0[1-9]|[12]\d|3[01]))?(?!\d)"
)


def capture_from_name(file: str) -> datetime | None:
    """When a file was captured at the latest, by the dates in its name; None where there is none.

    ``…_2021-04.csv`` gives the end of April 2021; of several dates the last one counts.
    """
    latest: datetime | None = None
    for match in _IN_NAME.finditer(Path(file).name):
        year, month = int(match["year"]), int(match["month"])
        try:
            day = date(year, month, int(match["day"])) if match["day"] else _last_day(year, month)
        except ValueError:
            continue
        latest = end_of(day) if latest is None else max(latest, end_of(day))
    return latest


def names_a_day(file: str) -> bool:
    """Whether the last date in a file's name is a day, and not a month of captures."""
    found = list(_IN_NAME.finditer(Path(file).name))
    return bool(found) and found[-1]["day"] is not None


def _last_day(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return following - timedelta(days=1)


def capture_of(given: date | datetime) -> datetime:
    """`--captured-at` as a moment: a day means its end, a naive time is Beijing time."""
    if not isinstance(given, datetime):
        return end_of(given)
    return given if given.tzinfo is not None else given.replace(tzinfo=BEIJING)
