"""A trend over many periods: Spearman's rank correlation with time (环办〔2011〕22号, part 3 (3)).

For concentrations a rising trend is worsening, for dissolved oxygen improving: the words here say only
which way the numbers go.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib import resources
from io import StringIO
from types import MappingProxyType
from typing import Final

from spatial.errors import RuleFileError, SeriesTooShortError
from spatial.rounding import json_number
from spatial.standards import EvaluationMethod, Number, load_evaluation_method
from spatial.vocabulary import Trend

_FILE: Final = "spearman_critical.csv"
_COLUMNS: Final = (
    "n",
    "table_one_sided_0_05",
    "table_one_sided_0_01",
    "exact_one_sided_0_05",
    "exact_one_sided_0_01",
)


@dataclass(frozen=True, slots=True)
class CriticalValues:
    """Critical values of |rs| for one number of periods, one-sided, and where they come from.

    `origin` is `printed`, `exact` (counted over all permutations) or `interpolated` between printed
    neighbours.
    """

    at_0_05: Decimal
    at_0_01: Decimal
    origin: str


@dataclass(frozen=True, slots=True)
class RankTrend:
    """Rank correlation of a series with time. `ties` says that equal values shared their mean rank."""

    ranks: tuple[Fraction, ...]
    rs: Fraction
    critical: CriticalValues
    trend: Trend
    significant_0_01: bool
    ties: bool

    def as_json(self) -> dict[str, object]:
        """Give the coefficient, what it was compared with, and the word."""
        return {
            "periods": len(self.ranks),
            "rs": json_number(self.rs),
            "critical_0_05": json_number(self.critical.at_0_05),
            "critical_0_01": json_number(self.critical.at_0_01),
            "critical_origin": self.critical.origin,
            "trend": self.trend,
            "significant_0_01": self.significant_0_01,
            "ties": self.ties,
        }


@cache
def load_critical_values() -> tuple[
    MappingProxyType[int, CriticalValues], MappingProxyType[int, CriticalValues]
]:
    """Read the packaged table once: (printed, exact) values by number of periods."""
    text = resources.files("spatial").joinpath("rules", _FILE).read_text(encoding="utf-8")
    reader = csv.DictReader(StringIO(text))
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        raise RuleFileError(_FILE, "header", f"must be {', '.join(_COLUMNS)}")
    printed: dict[int, CriticalValues] = {}
    exact: dict[int, CriticalValues] = {}
    for row in reader:
        for origin, found in (("table", printed), ("exact", exact)):
            low, high = row[f"{origin}_one_sided_0_05"], row[f"{origin}_one_sided_0_01"]
            if low and high:
                name = "printed" if origin == "table" else "exact"
                found[int(row["n"])] = CriticalValues(Decimal(low), Decimal(high), name)
    return MappingProxyType(printed), MappingProxyType(exact)


def critical_values(periods: int, *, exact: bool = False) -> CriticalValues | None:
    """Look up the critical values for a number of periods; None beyond the table (more than 30).

    The printed values agree with the authorities' reports. Where none is printed (odd numbers above 9) the
    exact ones are taken, and where there is none either, the mean of the two printed neighbours. `exact`
    prefers the exact ones everywhere.
    """
    printed_table, exact_table = load_critical_values()
    for table in (exact_table, printed_table) if exact else (printed_table, exact_table):
        if periods in table:
            return table[periods]
    below, above = printed_table.get(periods - 1), printed_table.get(periods + 1)
    if below is None or above is None:
        return None
    return CriticalValues(
        (below.at_0_05 + above.at_0_05) / 2,
        (below.at_0_01 + above.at_0_01) / 2,
        "interpolated",
    )


def mean_ranks(values: Sequence[Number]) -> tuple[Fraction, ...]:
    """Rank values from the smallest (1); equal values share the mean of their ranks."""
    exact = [Fraction(value) for value in values]
    ordered = sorted(exact)
    first = {value: place for place, value in reversed(list(enumerate(ordered, 1)))}
    last = {value: place for place, value in enumerate(ordered, 1)}
    return tuple(Fraction(first[value] + last[value], 2) for value in exact)


def rank_trend(
    values: Sequence[Number],
    *,
    exact: bool = False,
    method: EvaluationMethod | None = None,
) -> RankTrend | None:
    """Test a series in order of time, one value per period, for a rising or falling trend.

    rs = 1 - 6 Σ d² / (N³ - N). Reaching the critical value counts as significant, within half of the last
    printed digit, since the printed values are rounded fractions. None where no critical value is known for
    so many periods.

    Raises
    ------
    SeriesTooShortError
        With fewer periods than the method asks for (5).
    """
    method = method or load_evaluation_method()
    count = len(values)
    if count < method.trend_periods:
        raise SeriesTooShortError(count, method.trend_periods)
    critical = critical_values(count, exact=exact)
    if critical is None:
        return None
    ranks = mean_ranks(values)
    squares = sum(((rank - place) ** 2 for place, rank in enumerate(ranks, 1)), Fraction(0))
    rs = 1 - 6 * squares / (count**3 - count)
    reach = abs(rs) + Fraction(method.trend_tolerance)
    if reach < Fraction(critical.at_0_05):
        trend = Trend.NO_SIGNIFICANT_TREND
    else:
        trend = Trend.SIGNIFICANT_INCREASE if rs > 0 else Trend.SIGNIFICANT_DECREASE
    return RankTrend(
        ranks=ranks,
        rs=rs,
        critical=critical,
        trend=trend,
        significant_0_01=reach >= Fraction(critical.at_0_01),
        ties=len(set(ranks)) < count,
    )
