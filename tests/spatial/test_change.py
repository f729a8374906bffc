"""Change between two periods: same items, common sections, the official words."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.assessment import assess_sections
from spatial.change import compare_groups, compare_sections, restrict_items
from spatial.period import parse_period
from spatial.vocabulary import Change, Grade

A, B = "2025-06", "2024-06"


@pytest.fixture(scope="module")
def assess_at(sections_of, readings_of):
    """Assess sections in one month from {code: values}; None registers a section without readings."""

    def assess(period, values, **facts):
        sections = sections_of(*({"code": code} | facts for code in values))
        readings = readings_of(
            *((code, f"{period}-01", found) for code, found in values.items() if found is not None)
        )
        return assess_sections(sections, readings, parse_period(period))

    return assess


@pytest.fixture
def compare(assess_at):
    """Compare two months of sections, from {code: values} before and after."""

    def found(before, after, by="section", **facts):
        sides = assess_at(B, before, **facts), assess_at(A, after, **facts)
        if by == "section":
            return compare_sections(*sides, period=A, compared_with=B)
        return compare_groups(*sides, by, period=A, compared_with=B)

    return found


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("0.3", "0.2", Change.SOMEWHAT_BETTER),  # Ⅳ to Ⅲ
        ("0.4", "0.2", Change.MARKED_BETTER),  # Ⅴ to Ⅲ
        ("0.1", "0.02", Change.NO_OBVIOUS_CHANGE),  # Ⅱ to Ⅰ are one grade
        ("0.1", "0.2", Change.SOMEWHAT_WORSE),
        ("0.1", "0.5", Change.MARKED_WORSE),
    ],
)
def test_a_section_is_compared_by_grade(compare, before, after, change):
    (found,) = compare({"S": {"tp": before}}, {"S": {"tp": after}})
    assert found.change is change
    assert (found.period, found.compared_with, found.warnings) == (A, B, ())


def test_a_section_is_compared_by_the_items_of_both_periods(compare):
    (found,) = compare({"S": {"tp": "0.1", "hg": "0.002"}}, {"S": {"tp": "0.2", "cod_mn": "16"}})
    # By all items worse than Ⅴ both times; by phosphorus alone Ⅱ and Ⅲ.
    assert (found.class_before, found.class_after) == (6, 6)
    assert (found.before.water_class, found.after.water_class) == (2, 3)
    assert found.change is Change.SOMEWHAT_WORSE
    assert (found.common_items, found.only_before, found.only_after) == (("tp",), ("hg",), ("cod_mn",))
    assert found.warnings[0].code == "items_differ"
    assert found.as_json()["after"]["class_by_all_items"] == 6


def test_without_a_common_item_nothing_is_compared(compare):
    (found,) = compare({"S": {"tp": "0.1"}}, {"S": {"cod_mn": "16"}})
    assert (found.change, found.reasons[0].code) == (None, "no_common_item")
    assert (found.before.water_class, found.after.water_class) == (2, 6)


def test_a_section_of_one_period_only_has_no_change(compare):
    new, old = compare({"OLD": {"tp": "0.1"}}, {"NEW": {"tp": "0.1"}})
    assert (new.code, new.before, new.change, new.class_after) == ("NEW", None, None, 2)
    assert (old.code, old.after, old.change, old.class_before) == ("OLD", None, None, 2)
    assert {one.reasons[0].code for one in (old, new)} == {"section_in_one_period_only"}
    assert old.as_json()["name"] == "断面"


def test_a_section_without_readings_in_one_period_says_so(compare):
    (found,) = compare({"S": {"tp": "0.1"}}, {"S": None})
    assert (found.change, found.reasons[0].code) == (None, "no_readings")
    # What the other period has is shown as it is.
    assert (found.before.water_class, found.after.water_class) == (2, None)
    (found,) = compare({"S": None}, {"S": {"tp": "0.1"}})
    assert (found.change, found.reasons[0].code) == (None, "no_readings")
    assert (found.before.water_class, found.after.water_class) == (None, 2)


def test_a_section_that_became_a_lake_point_is_not_compared(assess_at):
    before = assess_at(B, {"S": {"tp": "0.1"}})
    after = assess_at(A, {"S": {"tp": "0.1"}}, water_body_type="lake")
    (found,) = compare_sections(before, after, period=A, compared_with=B)
    assert (found.change, found.reasons[0].code) == (None, "water_body_type_changed")


def test_water_of_an_unknown_type_is_not_compared_by_river_limits(compare):
    # Phosphorus of 0.08 is class Ⅱ in a river and Ⅳ in a lake; the other items make the two lists differ.
    (found,) = compare(
        {"S": {"tp": "0.08", "hg": "0.00001"}}, {"S": {"tp": "0.3", "cod_mn": "1"}}, water_body_type=None
    )
    assert (found.change, found.reasons[0].code) == (None, "water_body_type_unknown")
    (found,) = compare({"S": {"nh3_n": "0.1"}}, {"S": {"nh3_n": "1.8"}}, water_body_type=None)
    assert found.change is Change.MARKED_WORSE


def test_a_month_beside_a_year_is_warned_of(assess_at):
    (found,) = compare_sections(
        assess_at(B, {"S": {"tp": "0.1"}}),
        assess_at(A, {"S": {"tp": "0.1"}}),
        period=A,
        compared_with="2024",
    )
    assert found.warnings[0].code == "period_kinds_differ"


def test_an_assessment_restricted_to_some_items_is_that_of_those_items(assess_at):
    (section,) = assess_at(A, {"S": {"tp": "0.1", "cod_mn": "7", "tn": "9"}})
    found = restrict_items(section, {"tp"})
    assert (section.grade, found.grade, found.verdict) == (
        Grade.LIGHT_POLLUTION,
        Grade.EXCELLENT,
        "compliant",
    )
    assert [entry.code for entry in found.parameters] == ["tp", "tn"]  # nitrogen is reported apart


def _river(*values):
    return {f"S{place}": None if value is None else {"tp": value} for place, value in enumerate(values)}


def test_a_river_is_compared_by_proportions_and_grade_and_the_larger_change_is_reported(compare):
    # 3 of 5 sections Ⅰ–Ⅲ (60 %, light pollution) become 5 of 5 (excellent): ΔG = 40, two grades.
    (river,) = compare(
        _river("0.1", "0.1", "0.1", "0.3", "0.3"), _river("0.1", "0.1", "0.1", "0.1", "0.1"), by="river"
    )
    assert (river.proportions.delta_1_3, river.proportions.points) == (40, 40)
    assert (river.by_grade, river.change) == (Change.MARKED_BETTER, Change.MARKED_BETTER)
    found = river.as_json()
    assert (found["before"]["share_1_3_numerator"], found["before"]["share_1_3_denominator"]) == (3, 5)
    assert found["section_changes"] == {
        "marked_better": 2,
        "somewhat_better": 0,
        "no_obvious_change": 3,
        "somewhat_worse": 0,
        "marked_worse": 0,
    }


def test_a_river_is_compared_on_the_common_sections_and_warns_of_the_others(compare):
    before = _river("0.1", "0.1", "0.1", "0.1", "0.3", "0.5")
    after = _river("0.1", "0.1", "0.1", "0.1", "0.1", None) | {"NEW": {"tp": "0.5"}}
    (river,) = compare(before, after, by="river")
    # Without S5 and NEW: 4 of 5 become 5 of 5, so ΔG = 20, still "somewhat"; good to excellent is one grade.
    assert (river.proportions.points, river.change) == (20, Change.SOMEWHAT_BETTER)
    assert (river.only_before, river.only_after) == (("S5",), ("NEW",))
    (warning,) = river.warnings
    assert warning.as_json() == {
        "code": "section_sets_differ",
        "params": {"common": 5, "only_before": 1, "only_after": 1},
    }
    # The figures of all sections stand beside: 4 of 6 before, 5 of 6 after.
    assert river.all_before.share(1, 2, 3) == Fraction(200, 3)
    assert river.all_after.share(1, 2, 3) == Fraction(250, 3)


def test_a_section_without_a_class_in_both_periods_makes_no_difference(compare):
    before, after = _river("0.1", "0.1", None), _river("0.1", "0.1", None)
    (river,) = compare(before, after, by="river")
    assert (river.warnings, river.only_before, river.only_after) == ((), (), ())
    assert (river.all_after.sections, river.after.sections) == (3, 2)


def test_fewer_than_five_sections_are_compared_by_the_grade_of_their_mean(compare):
    (river,) = compare(_river("0.1", "0.1", "0.1"), _river("0.1", "0.1", "0.7"), by="river")
    # The mean 0.3 is class Ⅳ: two grades worse. Proportions (one of three) are not asked.
    assert (river.proportions, river.change) == (None, Change.MARKED_WORSE)
    assert (river.before.water_class, river.after.water_class) == (2, 4)


def test_a_group_without_a_common_section_has_no_change(compare):
    (river,) = compare({"OLD": {"tp": "0.1"}}, {"NEW": {"tp": "0.1"}}, by="river")
    assert (river.change, river.reasons[0].code) == (None, "no_common_section")
    assert river.as_json()["common_sections"] == 0


def test_a_lake_is_compared_by_grade_and_shows_the_change_of_its_trophic_index(compare):
    values = {"chl_a": "0.01", "tp": "0.05", "tn": "1.0", "transparency": "1.0", "cod_mn": "4.0"}
    more = values | {"chl_a": "0.025", "tp": "0.08", "tn": "1.5", "transparency": "0.6", "cod_mn": "5.0"}
    (lake,) = compare({"L": values}, {"L": more}, by="lake", water_body_type="lake")
    assert (lake.by_grade, lake.proportions, lake.change) == (
        Change.SOMEWHAT_WORSE,
        None,
        Change.SOMEWHAT_WORSE,
    )
    # Worked examples D01 and D04: 56.238 - 48.018.
    assert round(lake.delta_tli, 2) == round(lake.after.trophic.tli - lake.before.trophic.tli, 2)
    assert abs(float(lake.delta_tli) - 8.22) < 0.002


def test_nobody_registered_before_is_an_empty_side(assess_at):
    (river,) = compare_groups([], assess_at(A, {"S": {"tp": "0.1"}}), "river", period=A, compared_with=B)
    assert (river.change, river.all_before) == (None, None)


def test_a_section_that_moved_to_another_river_is_compared_where_it_stands_now(assess_at):
    before = assess_at(B, {"S": {"tp": "0.1"}}, river="旧河")
    after = assess_at(A, {"S": {"tp": "0.3"}}, river="新河")
    (river,) = compare_groups(before, after, "river", period=A, compared_with=B)
    assert (river.code, river.change) == ("新河", Change.MARKED_WORSE)


VALUES = st.lists(
    st.tuples(*2 * [st.sampled_from(["0.1", "0.2", "0.3", "0.4", "0.5", None])]), min_size=1, max_size=7
)
OPPOSITE = dict(zip(Change, reversed(Change), strict=True)) | {None: None}


@given(values=VALUES)
def test_a_change_seen_from_the_other_side_is_its_opposite(assess_at, values):
    before, after = (
        assess_at(period, _river(*(pair[side] for pair in values))) for side, period in enumerate((B, A))
    )
    forth = compare_sections(before, after, period=A, compared_with=B)
    back = compare_sections(after, before, period=B, compared_with=A)
    assert [one.change for one in back] == [OPPOSITE[one.change] for one in forth]
    (river,) = compare_groups(before, after, "river", period=A, compared_with=B)
    (again,) = compare_groups(after, before, "river", period=B, compared_with=A)
    assert again.by_grade == OPPOSITE[river.by_grade]
    assert (again.only_before, again.only_after) == (river.only_after, river.only_before)


@given(values=VALUES)
def test_the_order_of_the_sections_changes_no_comparison(assess_at, values):
    before, after = (
        assess_at(period, _river(*(pair[side] for pair in values))) for side, period in enumerate((B, A))
    )
    for by in ("river", "region", "nation"):
        forth, turned = (
            [one.as_json() for one in compare_groups(*sides, by, period=A, compared_with=B)]
            for sides in ((before, after), (before[::-1], after[::-1]))
        )
        assert forth == turned
