"""Rivers, lakes, basins and regions from their sections."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.assessment import assess_sections
from spatial.groups import assess_groups, average_sections
from spatial.period import parse_period
from spatial.vocabulary import Grade


@pytest.fixture(scope="module")
def group_of(sections_of, readings_of):
    """Assess one river from one phosphorus value per section, None for a section without readings."""

    def group(values, by="river", **section):
        rows = {f"S{place:03d}": value for place, value in enumerate(values)}
        sections = sections_of(*({"code": code} | section for code in rows))
        readings = readings_of(
            *((code, "2025-06-01", {"tp": value}) for code, value in rows.items() if value is not None)
        )
        assessed = assess_sections(sections, readings, parse_period("2025-06"))
        return assessed if by is None else assess_groups(assessed, by=by)

    return group


def test_five_sections_are_graded_by_proportions(group_of):
    (river,) = group_of(["0.02", "0.1", "0.2", "0.2", "0.5"])
    assert river.as_json() | {"main_pollutants": None} == {
        "level": "river",
        "code": "清江",
        "name": "清江",
        "period": "2025-06",
        "sections": 5,
        "counts": {"1": 1, "2": 1, "3": 2, "4": 0, "5": 0, "6": 1, "none": 0},
        "share_1_3": 80,
        "share_1_3_numerator": 4,
        "share_1_3_denominator": 5,
        "share_2": 40,
        "share_2_numerator": 2,
        "share_2_denominator": 5,
        "share_inferior": 20,
        "share_inferior_numerator": 1,
        "share_inferior_denominator": 5,
        "share_compliant": 80,
        "share_compliant_numerator": 4,
        "share_compliant_denominator": 5,
        "targets_undetermined": 0,
        "grade": "good",
        "main_pollutants": None,
        "class": None,
        "class_label": None,
        "parameters": [],
        "trophic": None,
        "length_weighted": None,
        "section_level": None,
        "by_level": river.as_json()["by_level"],
        "section_codes": ["S000", "S001", "S002", "S003", "S004"],
        "reason": None,
        "reasons": [],
        "warnings": [],
    }
    assert river.as_json()["main_pollutants"] == [
        {"code": "tp", "exceedance_rate": 20, "sections_over": 1, "sections": 5, "multiple": None}
    ]


def test_four_sections_are_averaged(group_of):
    (river,) = group_of(["0.02", "0.02", "0.02", "0.5"])
    # 0.56 / 4 = 0.14: class Ⅲ, where proportions would give 75 % and "good" as well, but no class.
    assert (river.water_class, river.grade) == (3, Grade.GOOD)
    assert [entry.code for entry in river.main_pollutants] == ["tp"]


def test_shares_rest_on_determined_sections_and_the_others_are_counted(group_of):
    (river,) = group_of(["0.1", "0.1", "0.1", "0.1", "0.5", None])
    assert (river.sections, river.determined, river.counts["none"]) == (6, 5, 1)
    assert river.share(1, 2, 3) == 80


def test_shares_are_unrounded(group_of):
    (river,) = group_of(["0.1", "0.1", "0.5", "0.5", "0.5", "0.1", "0.1"])
    assert river.share(1, 2, 3) == Fraction(400, 7)


def test_a_river_without_any_determined_section_is_undetermined(group_of):
    (river,) = group_of([None, None])
    assert (river.grade, river.water_class, river.share(1, 2, 3)) == (None, None, None)
    assert river.reasons[0].as_json() == {"code": "no_determined_section", "params": {"sections": 2}}


def test_regions_are_nested(group_of):
    groups = group_of(["0.1"] * 5, by="region", region_code="420506")
    assert [(group.code, group.name, group.sections) for group in groups] == [
        ("420000", "湖北省", 5),
        ("420500", "宜昌市", 5),
        ("420506", None, 5),
    ]


def test_basins_go_by_name(group_of):
    (basin,) = group_of(["0.1"], by="basin")
    assert (basin.level, basin.code, basin.name) == ("basin", "长江流域", "长江流域")


def test_sections_of_no_river_form_a_group_without_a_name(group_of):
    (group,) = group_of(["0.1"], river=None)
    assert (group.code, group.name) == (None, None)


def test_lake_and_river_sections_of_one_small_group_are_averaged_apart(sections_of, readings_of):
    sections = sections_of({"code": "L", "water_body_type": "lake"}, {"code": "R"})
    readings = readings_of(("L", "2025-06-01", {"tp": "0.1"}), ("R", "2025-06-01", {"tp": "0.1"}))
    (basin,) = assess_groups(assess_sections(sections, readings, parse_period("2025-06")), by="basin")
    assert basin.water_class == 4


def test_points_of_a_lake_are_averaged_over_time_first(sections_of, readings_of):
    sections = sections_of({"code": "A", "water_body_type": "lake"}, {"code": "B", "water_body_type": "lake"})
    readings = readings_of(
        ("A", "2025-06-01 10:00", {"tp": "0.02"}),
        ("A", "2025-06-11 10:00", {"tp": "0.04"}),
        ("B", "2025-06-01 10:00", {"tp": "0.07"}),
    )
    points = assess_sections(sections, readings, parse_period("2025-06"))
    found = average_sections(points, water_body="lake", target=3)
    # The mean of 0.03 and 0.07, not of the three samples.
    assert found.items[0].value == Fraction(5, 100)
    assert found.water_class == 3


# --- lakes ---


@pytest.fixture
def lake_of(sections_of, readings_of):
    """Assess one lake from the values of its points in one month."""

    def lake(*points):
        sections = sections_of(
            *(
                {"code": f"L{place}", "water_body_type": "lake", "river": "滇池"}
                for place in range(len(points))
            )
        )
        readings = readings_of(*((f"L{place}", "2025-06-01", values) for place, values in enumerate(points)))
        return assess_groups(assess_sections(sections, readings, parse_period("2025-06")), by="lake")

    return lake


def test_a_lake_is_averaged_over_its_points_however_many_they_are(lake_of):
    (lake,) = lake_of(*({"tp": value} for value in ("0.02", "0.02", "0.02", "0.02", "0.02", "0.44")))
    # 0.54 / 6 = 0.09: class Ⅳ by the lake limit of 0.1; by proportions 5 of 6 would be "good".
    assert (lake.level, lake.code, lake.sections, lake.water_class) == ("lake", "滇池", 6, 4)
    assert lake.grade is Grade.LIGHT_POLLUTION
    (mean,) = lake.parameters
    assert (mean.mean, mean.sections, mean.water_body) == (Fraction(9, 100), 6, "lake")


def test_the_main_pollutant_of_a_lake_carries_the_multiple_of_the_mean(lake_of):
    (lake,) = lake_of({"tp": "0.05"}, {"tp": "0.13"})
    # The mean 0.09 over the limit 0.05: 0.8; one of two points is over it.
    (pollutant,) = lake.main_pollutants
    assert (pollutant.code, pollutant.multiple, pollutant.exceedance_rate) == ("tp", Fraction(4, 5), 50)


def test_the_trophic_index_of_a_lake_is_that_of_its_mean_water(lake_of):
    one = {"chl_a": "0.008", "tp": "0.04", "tn": "0.8", "transparency": "0.8", "cod_mn": "3.5"}
    other = {"chl_a": "0.012", "tp": "0.06", "tn": "1.2", "transparency": "1.2", "cod_mn": "4.5"}
    (lake,) = lake_of(one, other)
    # The means are the values of worked example D01: chlorophyll 10 mg/m³, 0.05, 1.0, 1.0, 4.0.
    assert round(lake.trophic.tli, 3) == Decimal("48.018")
    assert lake.trophic.state == "mesotrophic"


def test_a_lake_without_all_five_indicators_says_which_are_missing(lake_of):
    (lake,) = lake_of({"tp": "0.05", "cod_mn": "4"})
    assert lake.trophic is None
    assert lake.warnings[0].as_json() == {
        "code": "trophic_indicators_missing",
        "params": {"parameters": "chl_a, tn, transparency"},
    }


def test_rivers_and_lakes_are_told_apart(sections_of, readings_of):
    sections = sections_of({"code": "L", "water_body_type": "reservoir"}, {"code": "R"})
    readings = readings_of(("L", "2025-06-01", {"tp": "0.1"}), ("R", "2025-06-01", {"tp": "0.1"}))
    assessed = assess_sections(sections, readings, parse_period("2025-06"))
    for by, code, water_class in (("river", "R", 2), ("lake", "L", 4)):
        (group,) = assess_groups(assessed, by=by)
        assert (group.section_codes, group.water_class) == ((code,), water_class)


# --- the nation, levels, lengths ---


def test_the_nation_is_one_group_of_all_sections(group_of):
    (nation,) = group_of(["0.02", "0.1", "0.2", "0.2", "0.5", None], by="nation")
    assert (nation.level, nation.code, nation.name) == ("nation", "000000", None)
    assert (nation.sections, nation.determined, nation.share(1, 2, 3)) == (6, 5, 80)


@pytest.fixture
def two_networks(sections_of, readings_of):
    """Six national sections of class Ⅱ and four provincial ones worse than Ⅴ."""
    rows = {f"N{place}": ("national", "0.1") for place in range(6)}
    rows |= {f"P{place}": ("provincial", "0.5") for place in range(4)}
    sections = sections_of(*({"code": code, "level": level} for code, (level, _) in rows.items()))
    readings = readings_of(*((code, "2025-06-01", {"tp": value}) for code, (_, value) in rows.items()))
    return assess_sections(sections, readings, parse_period("2025-06"))


def test_a_group_shows_how_it_divides_by_level(two_networks):
    (basin,) = assess_groups(two_networks, by="basin")
    assert (basin.share(1, 2, 3), basin.grade) == (60, Grade.HEAVY_POLLUTION)
    parts = {level: (part.sections, part.share(1, 2, 3)) for level, part in basin.by_level.items()}
    assert parts == {"national": (6, 100), "provincial": (4, 0)}
    assert basin.as_json()["by_level"]["national"]["share_1_3_denominator"] == 6


def test_only_the_sections_of_an_asked_level_enter(two_networks):
    (basin,) = assess_groups(two_networks, by="basin", section_level="national")
    assert (basin.sections, basin.share(1, 2, 3), basin.section_level) == (6, 100, "national")
    assert basin.grade is Grade.EXCELLENT
    assert basin.by_level == {}


def test_a_level_that_no_section_has_gives_no_group(two_networks):
    assert assess_groups(two_networks, by="basin", section_level="county") == []


def test_lengths_weigh_the_shares_beside_the_official_ones(two_networks):
    lengths = {f"N{place}": Decimal("0.5") for place in range(6)} | {f"P{place}": 3 for place in range(4)}
    (basin,) = assess_groups(two_networks, by="basin", lengths_km=lengths)
    # 6 × 0.5 km of class Ⅱ beside 4 × 3 km worse than Ⅴ: 3 of 15 km are 20 %.
    weighted = basin.weighted.as_json()
    assert (weighted["share_1_3"], weighted["share_1_3_numerator"], weighted["share_1_3_denominator"]) == (
        20,
        3,
        15,
    )
    assert (weighted["grade"], weighted["reason"]) == ("heavy_pollution", None)
    assert basin.share(1, 2, 3) == 60


def test_without_every_length_there_are_weighted_shares_but_no_grade(two_networks):
    lengths = {f"N{place}": 1 for place in range(6)} | {"P0": 2}
    (basin,) = assess_groups(two_networks, by="basin", lengths_km=lengths)
    assert basin.weighted.missing == ("P1", "P2", "P3")
    assert (basin.weighted.tally.share(1, 2, 3), basin.weighted.grade) == (75, None)


def test_without_lengths_nothing_is_weighted(two_networks):
    (basin,) = assess_groups(two_networks, by="basin")
    assert basin.as_json()["length_weighted"] is None


def test_the_share_of_sections_that_meet_their_target_leaves_the_undecided_out(group_of):
    (river,) = group_of(["0.1", "0.1", "0.5", None])
    found = river.as_json()
    assert (found["share_compliant_numerator"], found["share_compliant_denominator"]) == (2, 3)
    assert found["targets_undetermined"] == 1


@given(values=st.lists(st.sampled_from(["0.02", "0.1", "0.2", "0.3", "0.4", "0.5", None]), min_size=1))
def test_the_order_of_the_sections_changes_nothing(group_of, values):
    def shown(order):
        return [group.as_json() for group in assess_groups(order, by="region")]

    assessed = group_of(values, by=None)
    assert shown(assessed) == shown(assessed[::-1])
