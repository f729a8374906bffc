"""Rivers, lakes, basins and regions from their sections."""

from fractions import Fraction

import pytest

from spatial.assessment import assess_sections
from spatial.groups import assess_groups, average_sections
from spatial.period import parse_period
from spatial.vocabulary import Grade


@pytest.fixture
def group_of(sections_of, readings_of):
    """Assess one river from one phosphorus value per section, None for a section without readings."""

    def group(values, by="river", **section):
        rows = {f"S{place:03d}": value for place, value in enumerate(values)}
        sections = sections_of(*({"code": code} | section for code in rows))
        readings = readings_of(
            *((code, "2025-06-01", {"tp": value}) for code, value in rows.items() if value is not None)
        )
        return assess_groups(assess_sections(sections, readings, parse_period("2025-06")), by=by)

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
        "grade": "good",
        "main_pollutants": None,
        "class": None,
        "class_label": None,
        "reason": None,
        "reasons": [],
    }
    assert river.as_json()["main_pollutants"] == [
        {"code": "tp", "exceedance_rate": 20, "sections_over": 1, "sections": 5}
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
