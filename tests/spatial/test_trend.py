"""Mann–Kendall, seasonal Kendall and Sen's slope, and the trend of one parameter of a section."""

from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from itertools import combinations, permutations
from math import erfc, isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.assessment import assess_sections
from spatial.comparison_rules import load_comparison_rules, parse_comparison_rules
from spatial.errors import RuleFileError, SeriesTooShortError, SpanError, UnknownParameterError
from spatial.kendall import mann_kendall, seasonal_kendall
from spatial.period import parse_period
from spatial.trend import rising_meaning, section_trend, trend_periods
from spatial.vocabulary import Trend


def decimals(*texts):
    return [Decimal(str(text)) for text in texts]


# --- published examples ---


def test_the_example_of_epa_qa_g9s_with_ties():
    # EPA QA/G-9S (2006), page 109: S = 22, ties of 4 and 2, variance 155.33, Z = 1.685.
    found = mann_kendall(decimals(10, 10, 10, 5, 10, 20, 18, 17, 15, 24, 15))
    assert (found.s, round(found.variance, 2), round(found.z, 3), found.tied) == (22, 155.33, 1.685, 6)
    assert found.trend is Trend.NO_SIGNIFICANT_TREND  # two-sided at 0.05; one-sided it would be one


def test_the_small_example_of_epa_qa_g9():
    # EPA QA/G-9 (2000), box 4-16: five measurements with S = 6.
    found = mann_kendall(decimals(5, 6, 11, 8, 10))
    assert found.s == 6
    # By hand: the ten slopes are 1, 3, 1, 5/4, 5, 1, 4/3, -3, -1/2, 2; the median lies between 1 and 5/4.
    assert found.slope_per_year == 1.125
    # Gilbert (1987), table A18: the probability of S >= 6 with n = 5 is 0.117 on one side.
    assert (found.p_exact, round(float(found.p_exact) / 2, 3)) == (Fraction(28, 120), 0.117)
    assert [warning.code for warning in found.warnings] == ["few_values_for_normal_approximation"]


NOTTINGHAM = """
40.6 40.8 44.4 46.7 54.1 58.5 57.7 56.4 54.3 50.5 42.9 39.8
44.2 39.8 45.1 47.0 54.1 58.7 66.3 59.9 57.0 54.2 39.7 42.8
37.5 38.7 39.5 42.1 55.7 57.8 56.8 54.3 54.3 47.1 41.8 41.7
41.8 40.1 42.9 45.8 49.2 52.7 64.2 59.6 54.4 49.2 36.3 37.6
39.3 37.5 38.3 45.5 53.2 57.7 60.8 58.2 56.4 49.8 44.4 43.6
40.0 40.5 40.8 45.1 53.8 59.4 63.5 61.0 53.0 50.0 38.1 36.3
39.2 43.4 43.4 48.9 50.6 56.8 62.5 62.0 57.5 46.7 41.6 39.8
39.4 38.5 45.3 47.1 51.7 55.0 60.4 60.5 54.7 50.3 42.3 35.2
40.8 41.1 42.8 47.3 50.9 56.4 62.2 60.5 55.4 50.2 43.0 37.3
34.8 31.3 41.0 43.9 53.1 56.9 62.5 60.3 59.8 49.2 42.9 41.9
41.6 37.1 41.2 46.9 51.2 60.4 60.1 61.6 57.0 50.9 43.0 38.8
37.1 38.4 38.4 46.5 53.5 58.4 60.6 58.2 53.8 46.6 45.5 40.6
42.4 38.4 40.3 44.6 50.9 57.0 62.1 63.5 56.3 47.3 43.6 41.8
36.2 39.3 44.5 48.7 54.2 60.8 65.5 64.9 60.1 50.2 42.1 35.8
39.4 38.2 40.4 46.9 53.4 59.6 66.5 60.4 59.2 51.2 42.8 45.8
40.0 42.6 43.5 47.1 50.0 60.5 64.6 64.0 56.8 48.6 44.2 36.4
37.3 35.0 44.0 43.9 52.7 58.6 60.0 61.1 58.1 49.6 41.6 41.3
40.8 41.0 38.4 47.4 54.1 58.6 61.4 61.8 56.3 50.9 41.4 37.1
42.1 41.2 47.3 46.6 52.4 59.0 59.6 60.4 57.0 50.7 47.8 39.2
39.4 40.9 42.4 47.8 52.4 58.0 60.7 61.8 58.2 46.7 46.6 37.8
"""
"""Mean monthly air temperatures at Nottingham Castle, 1920 to 1939, in °F (Anderson 1976), a year a line."""


def test_the_seasonal_example_of_the_monthly_temperatures_at_nottingham():
    # Printed by the R package trend for its example: S = 224, variance 11364, z = 2.0919, p = 0.03645;
    # seasonal Sen's slope 0.05 °F a year.
    found = seasonal_kendall(decimals(*NOTTINGHAM.split()))
    assert (found.values, found.s, found.variance) == (240, 224, 11364)
    assert (round(found.z, 4), round(found.p, 5), found.slope_per_year) == (2.0919, 0.03645, 0.05)
    assert found.trend is Trend.SIGNIFICANT_INCREASE


# --- by hand ---


def test_variance_and_p_follow_the_formulas():
    found = mann_kendall(decimals(*range(12)))
    # n = 12, no ties: S = 66, variance 12·11·29/18, z = 65 / √variance, p two-sided.
    variance = 12 * 11 * 29 / 18
    assert found.s == 66
    assert isclose(found.variance, variance, rel_tol=1e-9)
    assert isclose(found.z, 65 / sqrt(variance), rel_tol=1e-9)
    assert isclose(found.p, erfc(found.z / sqrt(2)), rel_tol=1e-4)
    assert (found.trend, found.tau, found.slope_per_year) == (Trend.SIGNIFICANT_INCREASE, 1, 1)
    assert found.warnings == ()


def test_seasons_are_compared_with_themselves_only():
    # Two seasons over three years: 1, 3, 2 and 5, 6, 8. S = 1 + 3; the variance of each is 3·2·11/18.
    found = seasonal_kendall(decimals(1, 5, 3, 6, 2, 8), seasons=2)
    assert found.s == 4
    assert isclose(found.variance, 2 * 3 * 2 * 11 / 18, rel_tol=1e-9)
    assert isclose(found.z, 3 / sqrt(22 / 3), rel_tol=1e-9)
    # Slopes by year: 2, 1/2, -1 and 1, 3/2, 2; between 1 and 3/2 lies the median.
    assert found.slope_per_year == 1.25


def test_a_yearly_cycle_hides_no_trend_from_the_seasonal_test():
    months = [Decimal(10 * (5 * place % 12) + place // 12) for place in range(60)]
    seasonal, plain = seasonal_kendall(months), mann_kendall(months, per_year=12)
    assert seasonal.trend is Trend.SIGNIFICANT_INCREASE
    assert seasonal.slope_per_year == 1
    assert plain.trend is Trend.NO_SIGNIFICANT_TREND


def test_a_gap_keeps_its_place_in_time():
    # 0, 1, gap, gap, 4, 5: one a year, though only four values are there.
    found = mann_kendall([*decimals(0, 1), None, None, *decimals(4, 5)])
    assert (found.values, found.s, found.slope_per_year) == (4, 6, 1)


def test_monthly_steps_give_a_slope_by_year():
    assert mann_kendall(decimals(0, 1, 2, 3, 4), per_year=12).slope_per_year == 12


def test_a_level_series_has_no_trend():
    found = mann_kendall(decimals(3, 3, 3, 3))
    assert (found.s, found.p, found.trend, found.tied) == (0, 1, Trend.NO_SIGNIFICANT_TREND, 4)


@pytest.mark.parametrize("values", [decimals(1, 2, 3), [*decimals(1, 2, 3), None, None]])
def test_three_values_are_too_few(values):
    with pytest.raises(SeriesTooShortError) as caught:
        mann_kendall(values)
    assert (caught.value.length, caught.value.minimum) == (3, 4)


def test_less_than_two_years_have_no_seasonal_test():
    with pytest.raises(SeriesTooShortError):
        seasonal_kendall(decimals(*range(23)))
    assert seasonal_kendall(decimals(*range(24))).s == 12


def test_seasons_that_never_repeat_cannot_be_compared():
    values = [Decimal(place) if place in (0, 13, 14, 15) else None for place in range(24)]
    with pytest.raises(SeriesTooShortError):
        seasonal_kendall(values)


def test_the_exact_probability_counts_every_order_of_short_series_without_ties():
    # Of the 24 orders of four values, one rises throughout and one falls throughout.
    assert mann_kendall(decimals(1, 2, 3, 4)).p_exact == Fraction(2, 24)
    assert mann_kendall(decimals(2, 1, 4, 3)).p_exact == Fraction(sum(_is_far(order) for order in ORDERS), 24)
    assert mann_kendall(decimals(1, 2, 2, 4)).p_exact is None
    assert mann_kendall(decimals(*range(11))).p_exact is None


ORDERS = list(permutations(range(4)))


def _is_far(order):
    pairs = combinations(order, 2)
    return abs(sum(1 if one < other else -1 for one, other in pairs)) >= 2


@given(values=st.lists(st.decimals(0, 9, places=1), min_size=4, max_size=24))
def test_a_series_turned_round_has_the_opposite_trend(values):
    found, turned = mann_kendall(values), mann_kendall(values[::-1])
    assert (found.s, found.z, found.p) == (-turned.s, -turned.z, turned.p)
    assert isclose(found.slope_per_year, -turned.slope_per_year, abs_tol=1e-9)


@given(values=st.lists(st.decimals(0, 9, places=1), min_size=4, max_size=24))
def test_two_runs_give_the_same_numbers_and_a_thousandfold_unit_the_same_verdict(values):
    found, again = mann_kendall(values), mann_kendall([1000 * value for value in values])
    assert (found.s, found.p, found.trend) == (again.s, again.p, again.trend)
    assert found.as_json() == mann_kendall(values).as_json()


# --- one parameter of one section ---


@pytest.fixture
def trend_of(sections_of, readings_of):
    """Test the phosphorus of one section from {period: text} by months or years."""

    def trend(by, first, last, values, parameter="tp", **facts):
        rows = []
        for period, text in values.items():
            months = [f"{period}-{month:02d}" for month in range(1, 13)] if len(period) == 4 else [period]
            rows += [("S", f"{month}-05", {parameter: text}) for month in months]
        sections, readings = sections_of({"code": "S"} | facts), readings_of(*rows)
        periods = trend_periods(parse_period(first), parse_period(last), by)
        found = [assess_sections(sections, readings, period)[0] for period in periods]
        return section_trend(found, parameter, by)

    return trend


def test_whole_months_and_years_inside_the_bounds_make_the_series():
    def texts(by, first, last):
        return [period.text for period in trend_periods(parse_period(first), parse_period(last), by)]

    assert texts("month", "2024-11", "2025-02") == ["2024-11", "2024-12", "2025-01", "2025-02"]
    assert texts("year", "2020", "2022") == ["2020", "2021", "2022"]
    assert texts("year", "2020-02", "2022-11") == ["2021"]
    for by, first, last, count in (
        ("year", "2020-02", "2020-11", 0),
        ("month", "2025-03", "2025-02", 0),
        ("month", "1900", "2000", 1212),
    ):
        with pytest.raises(SpanError) as caught:
            texts(by, first, last)
        assert caught.value.count == count
    assert texts("month", "2025-01-02/2025-01-03", "2025-02") == ["2025-02"]


def test_the_official_example_of_six_falling_years(trend_of):
    # Worked example E08: rs = -33/35, significant at 0.01.
    years = dict(zip(range(2019, 2025), ("0.32", "0.30", "0.31", "0.28", "0.27", "0.25"), strict=True))
    found = trend_of("year", "2019", "2024", {str(year): text for year, text in years.items()})
    assert found.spearman.rs == Fraction(-33, 35)
    assert found.meaning_of(found.spearman.trend) == "improving"
    # Fourteen of fifteen pairs fall, one rises.
    assert found.mann_kendall.s == -13
    assert found.seasonal_kendall is None
    assert found.reasons["seasonal_kendall"].code == "years_have_no_seasons"
    assert found.warnings == ()
    shown = found.as_json()
    assert (shown["from"], shown["to"], shown["unit"], shown["values"]) == ("2019", "2024", "mg/L", 6)
    assert shown["points"][0] == {
        "period": "2019",
        "mean": 0.32,
        "samples": 12,
        "months": 12,
        "non_detects": 0,
        "used": True,
        "reason": None,
    }


def test_rising_oxygen_is_improving_and_rising_phosphorus_worsening(trend_of):
    years = {str(2019 + place): f"{5 + place}" for place in range(5)}
    oxygen = trend_of("year", "2019", "2023", years, "do")
    assert (oxygen.rising_means, oxygen.meaning_of(oxygen.spearman.trend)) == ("improving", "improving")
    assert rising_meaning("tp") == rising_meaning("tn") == "worsening"
    assert rising_meaning("ph") is rising_meaning("conductivity") is None


def test_a_year_with_too_few_months_is_a_gap_and_says_so(trend_of):
    values = {str(year): "0.1" for year in (2019, 2020, 2022, 2023)} | {"2021-03": "0.1"}
    found = trend_of("year", "2019", "2023", values)
    assert found.points[2].as_json()["reason"] == {
        "code": "too_few_months",
        "params": {"found": 1, "needed": 12},
    }
    assert found.reasons["spearman"].as_json() == {
        "code": "series_too_short",
        "params": {"found": 4, "needed": 5},
    }
    assert [warning.code for warning in found.warnings] == ["series_has_gaps", "series_has_ties"]


def test_what_was_not_detected_enters_halved_and_is_noted(trend_of):
    found = trend_of("month", "2025-01", "2025-05", {f"2025-0{month}": "<0.02" for month in range(1, 6)})
    assert [point.value for point in found.points] == [Fraction(1, 100)] * 5
    assert found.warnings[0].as_json() == {
        "code": "series_has_non_detects",
        "params": {"periods": 5, "whole": 5},
    }


def test_half_of_changing_detection_limits_is_warned_of(trend_of):
    found = trend_of(
        "month", "2025-01", "2025-05", {f"2025-0{month}": f"<0.0{month}" for month in range(1, 6)}
    )
    assert [warning.code for warning in found.warnings] == [
        "series_has_non_detects",
        "detection_limits_differ",
    ]
    assert found.warnings[1].params == {"limits": 5}


def test_more_periods_than_the_table_has_leave_spearman_open(trend_of):
    months = {f"{2020 + place // 12}-{place % 12 + 1:02d}": f"0.{place + 10}" for place in range(36)}
    found = trend_of("month", "2020-01", "2022-12", months)
    assert (found.spearman, found.reasons["spearman"].code) == (None, "no_critical_value")
    assert found.mann_kendall.trend is found.seasonal_kendall.trend is Trend.SIGNIFICANT_INCREASE
    assert found.seasonal_kendall.slope_per_year == 0.12


def test_a_parameter_that_nobody_measured_has_no_trend(trend_of):
    found = trend_of("month", "2025-01", "2025-03", {"2025-01": "0.1"}, "tp")
    assert found.mann_kendall is None
    assert [point.value for point in found.points] == [Fraction(1, 10), None, None]
    with pytest.raises(UnknownParameterError):
        trend_of("month", "2025-01", "2025-03", {}, "gold")


# --- the rules as data ---


def test_the_rules_of_comparisons_have_sources():
    rules = load_comparison_rules()
    assert set(rules.sources) == {"city_index", "flood_ranking", "kendall", "flux"}
    assert (rules.kendall_alpha, rules.flood_ranking_most) == (Decimal("0.05"), 50)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('alpha = "0.05"', 'alpha = "1.5"'),
        ("few_values = 10", "few_values = 0"),
        ('non_detects = "zero"', 'non_detects = "lost"'),
        ("[flux]", "[floods]"),
        ("most = 50", "most = 50\nleast = 1"),
        ('basis = "memory"', 'basis = "rumour"'),
    ],
)
def test_a_wrong_rule_of_comparisons_is_refused(old, new):
    text = files("spatial").joinpath("rules", "comparisons.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(RuleFileError):
        parse_comparison_rules(text.replace(old, new, 1))
