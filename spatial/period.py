"""Assessment periods: stretches of Beijing days with a stable spelling.

========================  ====================================================================
``2025-06``               a month
``2025-Q2``               a quarter
``2025``                  a calendar year
``2025-flood``            the flood season of a year, by the months of the method (May to October)
``2025-dry``              the dry season after it: November 2025 to April 2026
``2024-11-01/2025-02-28`` any range, both days included
========================  ====================================================================
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from spatial.errors import PeriodError
from spatial.standards import EvaluationMethod, load_evaluation_method

BEIJING: Final = ZoneInfo("Asia/Shanghai")
"""UTC+8 all year: days, months and years are Beijing days."""

_SPELLING: Final = re.compile(
    r"(?P<year>[12]\d{3})(?:-(?:(?P<month>0[1-9]|1[0-2])|Q(?P<quarter>[1-4])|(?P<season>flood|dry)))?",
)


class PeriodKind(StrEnum):
    """What a period is; each kind has its own rule for averages."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    FLOOD_SEASON = "flood_season"
    DRY_SEASON = "dry_season"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of Beijing days, `start` and `end` included. `text` is its canonical spelling."""

    text: str
    kind: PeriodKind
    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise PeriodError(self.text)

    @property
    def starts_at(self) -> datetime:
        """First moment, in Beijing time."""
        return datetime.combine(self.start, time(), BEIJING)

    @property
    def ends_before(self) -> datetime:
        """First moment after the period, in Beijing time."""
        return datetime.combine(self.end + timedelta(days=1), time(), BEIJING)

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.end - self.start).days + 1

    @property
    def months(self) -> tuple[tuple[int, int], ...]:
        """(year, month) of every calendar month that the period touches, in order."""
        first, last = self.start.year * 12 + self.start.month - 1, self.end.year * 12 + self.end.month - 1
        return tuple((count // 12, count % 12 + 1) for count in range(first, last + 1))

    def contains(self, moment: datetime) -> bool:
        """Tell whether a zoned moment lies in the period."""
        return self.starts_at <= moment < self.ends_before

    def __str__(self) -> str:
        return self.text


def _month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def parse_period(text: str, method: EvaluationMethod | None = None) -> Period:
    """Read the spelling of a period; the months of the seasons come from the method.

    Raises
    ------
    PeriodError
        If the text is no period, or a range ends before it begins.
    """
    bare = text.strip()
    if "/" in bare:
        first, _, last = bare.partition("/")
        try:
            start, end = date.fromisoformat(first.strip()), date.fromisoformat(last.strip())
        except ValueError as error:
            raise PeriodError(text) from error
        return Period(f"{start.isoformat()}/{end.isoformat()}", PeriodKind.RANGE, start, end)
    found = _SPELLING.fullmatch(bare)
    if found is None:
        raise PeriodError(text)
    year = int(found["year"])
    if found["month"]:
        month = int(found["month"])
        return Period(bare, PeriodKind.MONTH, date(year, month, 1), _month_end(year, month))
    if found["quarter"]:
        last_month = int(found["quarter"]) * 3
        return Period(bare, PeriodKind.QUARTER, date(year, last_month - 2, 1), _month_end(year, last_month))
    if found["season"]:
        months = (method or load_evaluation_method()).flood_months
        flood_start, flood_end = date(year, months[0], 1), _month_end(year, months[-1])
        if found["season"] == "flood":
            return Period(bare, PeriodKind.FLOOD_SEASON, flood_start, flood_end)
        next_flood = date(year + 1, months[0], 1)
        return Period(
            bare, PeriodKind.DRY_SEASON, flood_end + timedelta(days=1), next_flood - timedelta(days=1)
        )
    return Period(bare, PeriodKind.YEAR, date(year, 1, 1), date(year, 12, 31))


def period_before(period: Period) -> Period:
    """Give the period just before, of the same kind (环比): the month, quarter, year or season before.

    Before a range lies the range of as many days that ends the day before it begins.
    """
    year = period.start.year
    match period.kind:
        case PeriodKind.MONTH:
            last = period.start - timedelta(days=1)
            return parse_period(f"{last.year:04d}-{last.month:02d}")
        case PeriodKind.QUARTER:
            last = period.start - timedelta(days=1)
            return parse_period(f"{last.year:04d}-Q{(last.month + 2) // 3}")
        case PeriodKind.RANGE:
            end = period.start - timedelta(days=1)
            start = end - timedelta(days=period.days - 1)
            return parse_period(f"{start.isoformat()}/{end.isoformat()}")
        case _:
            return parse_period(f"{year - 1:04d}{period.text[4:]}")


def period_a_year_before(period: Period) -> Period:
    """Give the same period of the year before (同比); 29 February becomes 28 February."""
    if period.kind is PeriodKind.RANGE:
        start, end = (_a_year_before(day) for day in (period.start, period.end))
        return parse_period(f"{start.isoformat()}/{end.isoformat()}")
    return parse_period(f"{int(period.text[:4]) - 1:04d}{period.text[4:]}")


def _a_year_before(day: date) -> date:
    return date(day.year - 1, day.month, min(day.day, monthrange(day.year - 1, day.month)[1]))
