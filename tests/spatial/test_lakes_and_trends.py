"""Trophic state, change, trend, flood intensity, design grade and rounding beyond the worked examples."""

from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.change import change_of_grade, change_of_proportions, larger_change
from spatial.errors import (
    QuantityError,
    SeriesTooShortError,
    UnitError,
    UnknownWaterBodyTypeError,
    WaterClassRangeError,
)
from spatial.flood_season import flood_intensity
from spatial.rounding import json_number, round_fraction, round_half_even
from spatial.standards import load_standard
from spatial.tailings import design_grade
from spatial.trend import critical_values, mean_ranks, rank_trend
from spatial.trophic import Concentration, trophic_index, trophic_state
from spatial.vocabulary import Change, Grade, Trend, TrophicState

STANDARD = load_standard()
LAKE = {
    "chl_a": Concentration(Decimal(10), "mg/m3"),
    "tp": Concentration(Decimal("0.05"), "mg/L"),
    "tn": Concentration(Decimal(1), "mg/L"),
    "transparency": Concentration(Decimal(1), "m"),
    "cod_mn": Concentration(Decimal(4), "mg/L"),
}


@pytest.mark.parametrize(
    ("tli", "state"),
    [
        ("29.99", TrophicState.OLIGOTROPHIC),
        ("30", TrophicState.MESOTROPHIC),
        ("50", TrophicState.MESOTROPHIC),
        ("50.01", TrophicState.LIGHT_EUTROPHIC),
        ("60", TrophicState.LIGHT_EUTROPHIC),
        ("60.01", TrophicState.MODERATE_EUTROPHIC),
        ("70", TrophicState.MODERATE_EUTROPHIC),
        ("70.01", TrophicState.HIGH_EUTROPHIC),
    ],
)
def test_the_upper_bound_of_a_trophic_state_belongs_to_it(tli, state):
    assert trophic_state(Decimal(tli)) is state


def test_the_unit_of_chlorophyll_does_not_change_the_index():
    other = LAKE | {
        "chl_a": Concentration(Decimal("0.010"), "mg/L"),
        "tp": Concentration(Decimal(50), "μg/L"),
    }
    assert trophic_index(other).tli == trophic_index(LAKE).tli


def test_transparency_may_come_in_centimetres():
    other = LAKE | {"transparency": Concentration(Decimal(100), "cm")}
    assert trophic_index(other).tli == trophic_index(LAKE).tli


@pytest.mark.parametrize("value", ["0", "-1", "NaN"])
def test_a_value_without_a_logarithm_is_refused(value):
    with pytest.raises(QuantityError) as caught:
        trophic_index(LAKE | {"tp": Concentration(Decimal(value), "mg/L")})
    assert caught.value.name == "tp"


def test_a_wrong_unit_is_refused():
    with pytest.raises(UnitError):
        trophic_index(LAKE | {"transparency": Concentration(Decimal(1), "mg/L")})


@pytest.mark.parametrize("missing", sorted(LAKE))
def test_all_five_indicators_are_needed(missing):
    rest = {code: value for code, value in LAKE.items() if code != missing}
    assert trophic_index(rest) is None
    assert trophic_index(rest, renormalise=True).missing == (missing,)


def test_nothing_at_all_has_no_index_even_when_renormalised():
    assert trophic_index({}, renormalise=True) is None


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (Grade.GOOD, Grade.GOOD, Change.NO_OBVIOUS_CHANGE),
        (Grade.GOOD, Grade.EXCELLENT, Change.SOMEWHAT_BETTER),
        (Grade.EXCELLENT, Grade.GOOD, Change.SOMEWHAT_WORSE),
        (Grade.LIGHT_POLLUTION, Grade.EXCELLENT, Change.MARKED_BETTER),
        (Grade.EXCELLENT, Grade.HEAVY_POLLUTION, Change.MARKED_WORSE),
        (None, Grade.GOOD, None),
        (Grade.GOOD, None, None),
    ],
)
def test_one_step_is_somewhat_and_two_are_marked(before, after, change):
    assert change_of_grade(before, after) == change


@given(shares=st.tuples(*[st.decimals(0, 100, places=1)] * 4))
def test_a_change_seen_backwards_is_its_opposite(shares):
    forth = change_of_proportions(*shares)
    back = change_of_proportions(shares[2], shares[3], shares[0], shares[1])
    assert list(Change).index(forth.change) == 4 - list(Change).index(back.change)
    assert forth.points == -back.points


def test_the_larger_change_is_reported_and_of_two_equals_the_worse():
    assert larger_change(Change.NO_OBVIOUS_CHANGE, Change.SOMEWHAT_BETTER) is Change.SOMEWHAT_BETTER
    assert larger_change(Change.MARKED_BETTER, Change.SOMEWHAT_WORSE) is Change.MARKED_BETTER
    assert larger_change(Change.SOMEWHAT_BETTER, Change.SOMEWHAT_WORSE) is Change.SOMEWHAT_WORSE


def test_four_periods_are_no_trend():
    with pytest.raises(SeriesTooShortError) as caught:
        rank_trend([Decimal(value) for value in range(4)])
    assert (caught.value.length, caught.value.minimum) == (4, 5)


def test_a_series_longer_than_the_table_is_not_judged():
    assert critical_values(31) is None
    assert rank_trend([Decimal(value) for value in range(31)]) is None


@pytest.mark.parametrize(
    ("periods", "exact", "at_0_05", "origin"),
    [
        (12, False, "0.506", "printed"),
        (12, True, "0.5035", "exact"),
        (11, False, "0.5364", "exact"),
        (15, False, "0.4405", "interpolated"),
        (29, False, "0.3115", "interpolated"),
    ],
)
def test_critical_values_are_printed_exact_or_between_two_printed_ones(periods, exact, at_0_05, origin):
    found = critical_values(periods, exact=exact)
    assert (found.at_0_05, found.origin) == (Decimal(at_0_05), origin)


def test_equal_values_share_their_mean_rank_and_the_result_says_so():
    assert mean_ranks([Decimal(5), Decimal(1), Decimal(5)]) == (Fraction(5, 2), 1, Fraction(5, 2))
    assert rank_trend([Decimal(value) for value in (1, 2, 2, 4, 5)]).ties


def test_a_level_series_has_no_significant_trend():
    found = rank_trend([Decimal(value) for value in (3, 1, 4, 2, 5, 3)])
    assert found.trend is Trend.NO_SIGNIFICANT_TREND


def test_about_one_in_twenty_orders_of_six_is_significant():
    # Of the 720 orders of six values, those at or above the exact one-sided 0.05 value: 21 rise, 21 fall.
    values = [Decimal(value) for value in range(6)]
    found = [rank_trend(order).trend for order in permutations(values)]
    assert found.count(Trend.SIGNIFICANT_INCREASE) == found.count(Trend.SIGNIFICANT_DECREASE)
    assert Fraction(found.count(Trend.SIGNIFICANT_INCREASE), 720) <= Fraction(5, 100)


@given(values=st.lists(st.decimals(0, 9, places=0), min_size=5, max_size=14))
def test_a_series_turned_round_has_the_opposite_coefficient_with_ties_and_without(values):
    found, turned = rank_trend(values), rank_trend(values[::-1])
    assert found.rs == -turned.rs


@pytest.mark.parametrize("periods", [5, 12, 14, 30])
def test_a_series_that_never_changes_has_no_trend(periods):
    # By the short formula any constant series would have rs = 0.5, significant from 14 periods on.
    found = rank_trend([Decimal("0.005")] * periods)
    assert (found.rs, found.trend, found.significant_0_01) == (0, Trend.NO_SIGNIFICANT_TREND, False)


def test_the_coefficient_of_tied_values_is_the_correlation_of_their_mean_ranks():
    # Ranks 1.5, 1.5, 3, 4.5, 4.5 with 1 to 5: covariance 9, variances 9 and 10, so 9 / √90 = 0.948683.
    found = rank_trend([Decimal(value) for value in (1, 1, 2, 3, 3)])
    assert float(found.rs) == pytest.approx(9 / 90**0.5, abs=1e-15)
    assert (found.trend, found.ties) == (Trend.SIGNIFICANT_INCREASE, True)


def test_of_equal_ratios_the_earlier_item_of_table_1_is_the_first_pollutant():
    found = flood_intensity(
        {"tp": Decimal("0.2"), "nh3_n": Decimal(1)}, STANDARD, water_body="river", target_class=2
    )
    assert (found.code, found.value) == ("nh3_n", 2)


def test_other_items_have_no_flood_intensity():
    highest = {"do": Decimal(1), "tn": Decimal(9)}
    assert flood_intensity(highest, STANDARD, water_body="lake", target_class=2) is None


def test_the_intensity_of_a_lake_is_against_the_lake_limit():
    found = flood_intensity({"tp": Decimal("0.1")}, STANDARD, water_body="lake", target_class=3)
    assert found.value == 2


def test_an_intensity_needs_a_class_and_a_type_that_exist():
    with pytest.raises(WaterClassRangeError):
        flood_intensity({"tp": Decimal(1)}, STANDARD, water_body="river", target_class=6)
    with pytest.raises(UnknownWaterBodyTypeError):
        flood_intensity({"tp": Decimal(1)}, STANDARD, water_body="sea", target_class=2)


@pytest.mark.parametrize(
    ("capacity", "height", "grade"),
    [
        ("99.9", "29.9", 5),
        ("100", "29.9", 4),
        ("99.9", "60", 4),
        ("50000", "200", 1),
        ("50000", "199", 1),
        ("0", "200", 2),
    ],
)
def test_capacity_and_height_together_make_the_grade(capacity, height, grade):
    assert design_grade(Decimal(capacity), Decimal(height)).grade == grade


@pytest.mark.parametrize(
    ("capacity", "height", "grade"), [("80", "29", 4), ("10000", "100", 2), ("50000", "200", 1)]
)
def test_a_town_below_raises_the_grade_by_one_but_never_to_one(capacity, height, grade):
    assert design_grade(Decimal(capacity), Decimal(height), failure_hits=True).grade == grade


@pytest.mark.parametrize(("capacity", "height"), [("-1", "10"), ("NaN", "10"), ("10", "-0.1")])
def test_an_impossible_pond_is_refused(capacity, height):
    with pytest.raises(QuantityError):
        design_grade(Decimal(capacity), Decimal(height))


@given(
    capacity=st.decimals(0, 10**5, places=1),
    height=st.decimals(0, 300, places=1),
    more=st.decimals(0, 10**5, places=1),
)
def test_a_larger_pond_never_has_a_smaller_grade(capacity, height, more):
    before, after = design_grade(capacity, height), design_grade(capacity + more, height)
    assert after.by_capacity <= before.by_capacity


@given(value=st.decimals(-(10**9), 10**9, places=9), places=st.integers(0, 6))
def test_rounding_a_decimal_and_rounding_its_fraction_agree(value, places):
    rounded = round_half_even(value, places)
    assert rounded == round_fraction(Fraction(value), places)
    assert abs(rounded - value) * 2 <= Decimal(1).scaleb(-places)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), (Decimal("0.035"), 0.035), (Decimal("8.0"), 8), (Fraction(1, 4), 0.25), (Fraction(3), 3)],
)
def test_an_exact_number_is_printed_as_a_json_number(value, expected):
    found = json_number(value)
    assert found == expected
    assert type(found) is type(expected)
