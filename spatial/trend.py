"""A trend over many periods: Spearman's rank correlation with time (环办〔2011〕22号, part 3 (3)).

For concentrations a rising trend is worsening, for dissolved oxygen improving. `rank_trend` says only which
way the numbers go; `section_trend` sets the tests of one parameter at one section side by side (Spearman,
Mann–Kendall, for months the seasonal Kendall test) and says what the direction means.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cache
from importlib import resources
from io import StringIO
from types import MappingProxyType
from typing import Final, Literal

from spatial.assessment import SectionAssessment
from spatial.classification import Reason, give_reason
from spatial.comparison_rules import ComparisonRules
from spatial.errors import RuleFileError, SeriesTooShortError, SpanError
from spatial.kendall import KendallTrend, mann_kendall, seasonal_kendall
from spatial.parameters import find_parameter
from spatial.period import Period, PeriodKind, parse_period
from spatial.rounding import json_number
from spatial.standards import (
    Direction,
    EvaluationMethod,
    Number,
    Standard,
    load_evaluation_method,
    load_standard,
)
from spatial.vocabulary import Trend, WaterBodyType

_FILE: Final = "spearman_critical.csv"
_PRECISION: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
_MOST_PERIODS: Final = 600  # fifty years of months
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


def _correlation(ranks: Sequence[Fraction]) -> Fraction:
    """Correlate ranks with time; exact without ties, to 28 digits with them, 0 where all are the same."""
    count = len(ranks)
    largest = Fraction(count**3 - count, 12)  # the sum of squares of ranks without ties, and of time
    centre = Fraction(count + 1, 2)
    squares = sum(((rank - centre) ** 2 for rank in ranks), Fraction(0))
    if squares == 0:
        return Fraction(0)
    product = sum(((rank - centre) * place for place, rank in enumerate(ranks, 1)), Fraction(0))
    if squares == largest:
        return product / largest
    ratio = product**2 / (squares * largest)
    root = _PRECISION.sqrt(_PRECISION.divide(Decimal(ratio.numerator), Decimal(ratio.denominator)))
    return Fraction(root) if product > 0 else -Fraction(root)


def rank_trend(
    values: Sequence[Number],
    *,
    exact: bool = False,
    method: EvaluationMethod | None = None,
) -> RankTrend | None:
    """Test a series in order of time, one value per period, for a rising or falling trend.

    rs = 1 - 6 Σ d² / (N³ - N). That holds where no two values are equal; with ties it leans upward, up
    to 0.5 for a series that never changes. Tied values take what it stands for: the correlation of their
    mean ranks with time. Reaching the critical value counts as significant, within half of the last printed
    digit, since the printed values are rounded fractions. None where no critical value is known for so many
    periods.

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
    rs = _correlation(ranks)
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


# --- one parameter of one section ---

TrendBy = Literal["month", "year"]
Meaning = Literal["improving", "worsening"]


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One period of a series: the mean with half the detection limit for what was not detected.

    `reason` says why the period does not enter the tests; None where it does.
    """

    period: str
    mean: Fraction | None
    samples: int
    months: int
    non_detects: int
    reason: Reason | None

    @property
    def value(self) -> Fraction | None:
        """What enters the tests; None for a gap."""
        return self.mean if self.reason is None else None

    def as_json(self) -> dict[str, object]:
        """Give the entry of `points`."""
        return {
            "period": self.period,
            "mean": json_number(self.mean),
            "samples": self.samples,
            "months": self.months,
            "non_detects": self.non_detects,
            "used": self.reason is None,
            "reason": None if self.reason is None else self.reason.as_json(),
        }


@dataclass(frozen=True, slots=True)
class SectionTrend:
    """The trend of one parameter at one section, by months or years, with every test that applies.

    A test that could not be made is None, and `reasons` says why under its name. `rising_means` is None for a
    parameter of which more is neither better nor worse (pH, temperature).
    """

    section: str
    name: str | None
    parameter: str
    by: TrendBy
    points: tuple[SeriesPoint, ...]
    rising_means: Meaning | None
    spearman: RankTrend | None
    mann_kendall: KendallTrend | None
    seasonal_kendall: KendallTrend | None
    reasons: MappingProxyType[str, Reason]
    warnings: tuple[Reason, ...]

    def meaning_of(self, trend: Trend) -> Meaning | None:
        """Say whether a significant trend is an improvement; None where it is not significant or open."""
        if trend is Trend.NO_SIGNIFICANT_TREND or self.rising_means is None:
            return None
        if trend is Trend.SIGNIFICANT_INCREASE:
            return self.rising_means
        return "improving" if self.rising_means == "worsening" else "worsening"

    def as_json(self) -> dict[str, object]:
        """Give the answer of `trend`: the series and every test, each with what it means."""
        tests = {
            "spearman": self.spearman,
            "mann_kendall": self.mann_kendall,
            "seasonal_kendall": self.seasonal_kendall,
        }
        return {
            "section": self.section,
            "name": self.name,
            "parameter": self.parameter,
            "unit": find_parameter(self.parameter).unit,
            "by": self.by,
            "from": self.points[0].period if self.points else None,
            "to": self.points[-1].period if self.points else None,
            "rising_means": self.rising_means,
            "values": sum(point.reason is None for point in self.points),
            **{
                name: {**test.as_json(), "meaning": self.meaning_of(test.trend)} if test else None
                for name, test in tests.items()
            },
            "reasons": {name: reason.as_json() for name, reason in self.reasons.items()},
            "warnings": [warning.as_json() for warning in self.warnings],
            "points": [point.as_json() for point in self.points],
        }


def trend_periods(first: Period, last: Period, by: TrendBy) -> list[Period]:
    """List the whole months or calendar years from the first day of one period to the last day of another.

    Raises
    ------
    SpanError
        If there is none, or more than 600.
    """
    months = [(year, month) for year in range(first.start.year, last.end.year + 1) for month in range(1, 13)]
    texts = (
        [f"{year:04d}" for year in range(first.start.year, last.end.year + 1)]
        if by == "year"
        else [f"{year:04d}-{month:02d}" for year, month in months]
    )
    periods = [parse_period(text) for text in texts]
    found = [period for period in periods if first.start <= period.start and period.end <= last.end]
    if not 0 < len(found) <= _MOST_PERIODS:
        raise SpanError(first.start.isoformat(), last.end.isoformat(), by, len(found), _MOST_PERIODS)
    return found


def rising_meaning(
    parameter: str, water_body: str | None = None, standard: Standard | None = None
) -> Meaning | None:
    """Say what a rise of a parameter means, from the direction of its limits; None where nothing says."""
    standard = standard or load_standard()
    find_parameter(parameter)
    for kind in (water_body or WaterBodyType.RIVER, WaterBodyType.LAKE):
        limit = standard.limits_for(kind).get(parameter)
        if limit is not None:
            meanings: dict[Direction, Meaning] = {
                Direction.AT_MOST: "worsening",
                Direction.AT_LEAST: "improving",
            }
            return meanings.get(limit.direction)
    return None


def series_of(
    assessments: Sequence[SectionAssessment], parameter: str, method: EvaluationMethod | None = None
) -> tuple[SeriesPoint, ...]:
    """Take the series of one parameter out of the assessments of one section, in order of time.

    A period enters where the section had enough samples in it, or where the parameter itself had.
    """
    method = method or load_evaluation_method()
    points = []
    for found in assessments:
        entry = found.parameter(parameter)
        if entry is None:
            points.append(SeriesPoint(found.period, None, 0, 0, 0, give_reason("no_readings")))
            continue
        is_year = parse_period(found.period).kind is PeriodKind.YEAR
        enough = entry.months >= method.year_months if is_year else entry.samples >= method.month_samples
        reason = None
        if not (enough or found.representative):
            needed = method.year_months if is_year else method.month_samples
            reached = entry.months if is_year else entry.samples
            kind = "too_few_months" if is_year else "too_few_samples"
            reason = give_reason(kind, found=reached, needed=needed)
        points.append(
            SeriesPoint(found.period, entry.mean, entry.samples, entry.months, entry.non_detects, reason)
        )
    return tuple(points)


def section_trend(
    assessments: Sequence[SectionAssessment],
    parameter: str,
    by: TrendBy,
    *,
    exact: bool = False,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
    rules: ComparisonRules | None = None,
) -> SectionTrend:
    """Test one parameter of one section for a trend.

    Parameters
    ----------
    assessments
        Of one section, one for each month or year without a gap, in order of time (`trend_periods`).
    exact
        Take the exact critical values of Spearman's coefficient before the printed ones.

    Raises
    ------
    UnknownParameterError
        If no parameter has this code.
    """
    points = series_of(assessments, parameter, method)
    known = [point.value for point in points if point.value is not None]
    series = [point.value for point in points]
    reasons: dict[str, Reason] = {}

    spearman = None
    try:
        spearman = rank_trend(known, exact=exact, method=method)
        if spearman is None:
            reasons["spearman"] = give_reason("no_critical_value", values=len(known))
    except SeriesTooShortError as error:
        reasons["spearman"] = _too_short(error)
    kendall = seasonal = None
    try:
        kendall = mann_kendall(series, per_year=1 if by == "year" else 12, rules=rules)
    except SeriesTooShortError as error:
        reasons["mann_kendall"] = _too_short(error)
    if by == "year":
        reasons["seasonal_kendall"] = give_reason("years_have_no_seasons")
    else:
        try:
            seasonal = seasonal_kendall(series, rules=rules)
        except SeriesTooShortError as error:
            reasons["seasonal_kendall"] = _too_short(error)
    last = assessments[-1] if assessments else None
    return SectionTrend(
        section="" if last is None else last.code,
        name=None if last is None else last.name,
        parameter=parameter,
        by=by,
        points=points,
        rising_means=rising_meaning(parameter, None if last is None else last.judged_as, standard),
        spearman=spearman,
        mann_kendall=kendall,
        seasonal_kendall=seasonal,
        reasons=MappingProxyType(reasons),
        warnings=tuple(_series_warnings(points, known)),
    )


def _too_short(error: SeriesTooShortError) -> Reason:
    return give_reason("series_too_short", found=error.length, needed=error.minimum)


def _series_warnings(points: Sequence[SeriesPoint], known: Sequence[Fraction]) -> list[Reason]:
    """Say what weakens the tests: gaps, values below the detection limit, limits that changed, ties."""
    used = [place for place, point in enumerate(points) if point.reason is None]
    warnings = []
    gaps = used[-1] - used[0] + 1 - len(used) if used else 0
    if gaps:
        warnings.append(give_reason("series_has_gaps", gaps=gaps))
    censored = [points[place] for place in used if points[place].non_detects]
    if censored:
        whole = sum(point.non_detects == point.samples for point in censored)
        warnings.append(give_reason("series_has_non_detects", periods=len(censored), whole=whole))
    halves = {points[place].mean for place in used if points[place].non_detects == points[place].samples}
    if len(halves) > 1:
        warnings.append(give_reason("detection_limits_differ", limits=len(halves)))
    if len(set(known)) < len(known):
        warnings.append(give_reason("series_has_ties", tied=len(known) - len(set(known))))
    return warnings
