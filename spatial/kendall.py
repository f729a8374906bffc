"""Monotonic trends without any assumption about the distribution: Mann–Kendall and seasonal Kendall.

The tests are those of pymannkendall; Sen's slope comes with them. They look only at which of two values is
larger, so the exact numbers of a series may become floats here: equal numbers stay equal. What is printed is
cut to ten significant digits, which every machine has in common.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

import numpy as np
import pymannkendall

from spatial.classification import Reason, give_reason
from spatial.comparison_rules import ComparisonRules, load_comparison_rules
from spatial.errors import SeriesTooShortError
from spatial.rounding import json_number
from spatial.standards import Number
from spatial.vocabulary import Trend

_TRENDS: Final = {
    "increasing": Trend.SIGNIFICANT_INCREASE,
    "decreasing": Trend.SIGNIFICANT_DECREASE,
    "no trend": Trend.NO_SIGNIFICANT_TREND,
}


@dataclass(frozen=True, slots=True)
class KendallTrend:
    """Result of one test. `s` counts the pairs that rise less those that fall; `slope_per_year` is Sen's.

    `variance` is corrected for ties, which `tied` counts: the values that share their number with another
    (for the seasonal test, with another of their season). `seasons` is None for the test without seasons.
    `p_exact` counts all orders of a short series without ties, None elsewhere; `p`, and with it the word, is
    that of the normal approximation.
    """

    test: Literal["mann_kendall", "seasonal_kendall"]
    values: int
    seasons: int | None
    s: int
    variance: float
    z: float
    p: float
    p_exact: Fraction | None
    tau: float
    slope_per_year: float
    alpha: Decimal
    trend: Trend
    tied: int
    warnings: tuple[Reason, ...]

    def as_json(self) -> dict[str, object]:
        """Give the numbers of the test, the slope, and the word."""
        return {
            "test": self.test,
            "values": self.values,
            "seasons": self.seasons,
            "s": self.s,
            "variance": self.variance,
            "z": self.z,
            "p": self.p,
            "p_exact": json_number(self.p_exact),
            "tau": self.tau,
            "sen_slope_per_year": self.slope_per_year,
            "alpha": json_number(self.alpha),
            "trend": self.trend,
            "tied_values": self.tied,
            "warnings": [warning.as_json() for warning in self.warnings],
        }


def mann_kendall(
    values: Sequence[Number | None],
    *,
    per_year: int = 1,
    rules: ComparisonRules | None = None,
) -> KendallTrend:
    """Test a series in order of time for a monotonic trend.

    Parameters
    ----------
    values
        One for each step of time, None where there is none: a gap keeps its place, so that slopes stay true.
    per_year
        Steps in a year: 1 for yearly values, 12 for monthly ones. Seasons are not told apart.

    Raises
    ------
    SeriesTooShortError
        With fewer values than the rules ask for.
    """
    rules = rules or load_comparison_rules()
    known = [value for value in values if value is not None]
    if len(known) < rules.kendall_fewest_values:
        raise SeriesTooShortError(len(known), rules.kendall_fewest_values)
    found = pymannkendall.original_test(_as_floats(values), alpha=float(rules.kendall_alpha))
    return _read_result(found, "mann_kendall", values, None, per_year, rules)


def seasonal_kendall(
    values: Sequence[Number | None],
    *,
    seasons: int = 12,
    rules: ComparisonRules | None = None,
) -> KendallTrend:
    """Test a series of months (quarters …) for a trend, each season compared with itself only.

    Parameters
    ----------
    values
        One for each season of each year in order, None where there is none; the first may be any season.
    seasons
        Seasons in a year: 12 for months.

    Raises
    ------
    SeriesTooShortError
        With less than the years that the rules ask for, with too few values, or where no season has two.
    """
    rules = rules or load_comparison_rules()
    known = [value for value in values if value is not None]
    needed = max(rules.kendall_fewest_years * seasons, rules.kendall_fewest_values)
    by_season = [[value for value in values[place::seasons] if value is not None] for place in range(seasons)]
    if len(values) < needed or len(known) < rules.kendall_fewest_values:
        raise SeriesTooShortError(min(len(values), len(known)), needed)
    if max(map(len, by_season)) < 2:
        raise SeriesTooShortError(1, 2)
    found = pymannkendall.seasonal_test(_as_floats(values), seasons, alpha=float(rules.kendall_alpha))
    return _read_result(found, "seasonal_kendall", values, seasons, 1, rules)


def exact_p(s: int, values: int) -> Fraction:
    """Give the two-sided probability of a score as far from zero or farther, over all orders of values."""
    orders = [1]  # by the number of falling pairs
    for length in range(2, values + 1):
        longer = [0] * (len(orders) + length - 1)
        for falling, count in enumerate(orders):
            for more in range(length):
                longer[falling + more] += count
        orders = longer
    pairs = values * (values - 1) // 2
    extreme = sum(count for falling, count in enumerate(orders) if abs(pairs - 2 * falling) >= abs(s))
    return Fraction(extreme, sum(orders))


def _as_floats(values: Sequence[Number | None]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _shown(number: float) -> float:
    return float(f"{float(number):.10g}")


def _count_ties(values: Sequence[Number]) -> int:
    counts = Counter(Fraction(value) for value in values)
    return sum(times if times > 1 else 0 for times in counts.values())


def _read_result(
    found: Any,
    test: Literal["mann_kendall", "seasonal_kendall"],
    values: Sequence[Number | None],
    seasons: int | None,
    per_year: int,
    rules: ComparisonRules,
) -> KendallTrend:
    parts = [
        [value for value in values[place :: seasons or 1] if value is not None]
        for place in range(seasons or 1)
    ]
    count = sum(map(len, parts))
    tied = sum(map(_count_ties, parts))
    warnings = []
    is_short = count <= rules.kendall_few_values
    if is_short:
        warnings.append(give_reason("few_values_for_normal_approximation", found=count))
    return KendallTrend(
        test=test,
        values=count,
        seasons=seasons,
        s=int(found.s),
        variance=_shown(found.var_s),
        z=_shown(found.z),
        p=_shown(found.p),
        p_exact=exact_p(int(found.s), count) if is_short and not tied and seasons is None else None,
        tau=_shown(found.Tau),
        slope_per_year=_shown(found.slope * per_year),
        alpha=rules.kendall_alpha,
        trend=_TRENDS[found.trend],
        tied=tied,
        warnings=tuple(warnings),
    )
