"""What quality control says decides which readings an assessment takes."""

from fractions import Fraction

import pytest

from spatial.assessment import AssessmentSettings, assess_sections
from spatial.period import parse_period

JUNE = parse_period("2025-06")
DAYS = ("2025-06-01 10:00", "2025-06-02 10:00")


@pytest.fixture
def assess(sections_of, readings_of):
    """Assess two readings of phosphorus, 0.1 and 0.3; the second has the flag."""

    def assess_two(flag, *, use_suspect=False, first=1):
        readings = readings_of(("S", DAYS[0], {"tp": "0.1"}), ("S", DAYS[1], {"tp": "0.3"}))
        readings["quality"] = [first, flag]
        settings = AssessmentSettings(use_suspect=use_suspect)
        (found,) = assess_sections(sections_of({"code": "S"}), readings, JUNE, None, settings)
        return found

    return assess_two


def said(found):
    return {
        warning.code: dict(warning.params)
        for warning in found.warnings
        if warning.code != "required_items_missing"
    }


@pytest.mark.parametrize("flag", [1, 2, None])
def test_what_passed_or_was_not_looked_at_enters_without_a_word(assess, flag):
    found = assess(flag)
    assert found.parameter("tp").mean == Fraction(2, 10)
    assert said(found) == {}


@pytest.mark.parametrize("flag", [4, 9])
@pytest.mark.parametrize("use_suspect", [False, True])
def test_what_failed_or_is_missing_never_enters_and_is_counted(assess, flag, use_suspect):
    found = assess(flag, use_suspect=use_suspect)
    assert found.parameter("tp").mean == Fraction(1, 10)
    assert said(found) == {
        "readings_excluded": {"readings_failed_quality": 1},
        "readings_failed_quality": {"count": 1},
    }


def test_what_is_suspect_stays_out_and_is_counted(assess):
    found = assess(3)
    assert found.parameter("tp").mean == Fraction(1, 10)
    assert said(found) == {
        "readings_excluded": {"readings_suspect": 1},
        "readings_suspect": {"count": 1},
        "suspect_readings_matter": {"class_without": "Ⅱ", "class_with": "Ⅲ"},
    }


def test_what_is_suspect_and_changes_no_class_raises_no_further_doubt(sections_of, readings_of):
    readings = readings_of(("S", DAYS[0], {"tp": "0.15"}), ("S", DAYS[1], {"tp": "0.16"}))
    readings["quality"] = [1, 3]
    (found,) = assess_sections(sections_of({"code": "S"}), readings, JUNE)
    assert set(said(found)) == {"readings_excluded", "readings_suspect"}


def test_what_is_suspect_enters_where_the_setting_says_so(assess):
    found = assess(3, use_suspect=True)
    assert found.parameter("tp").mean == Fraction(2, 10)
    assert said(found) == {}


def test_a_section_of_which_nothing_is_usable_has_no_class_and_says_why(assess):
    found = assess(3, first=4)
    assert found.water_class is None
    assert found.reasons[0].code == "no_usable_readings"
    assert dict(found.reasons[0].params) == {"readings_failed_quality": 1, "readings_suspect": 1}


def test_readings_without_a_column_of_flags_are_taken_as_they_are(sections_of, readings_of):
    readings = readings_of(("S", DAYS[0], {"tp": "0.1"}), ("S", DAYS[1], {"tp": "0.3"}))
    assert "quality" not in readings
    (found,) = assess_sections(sections_of({"code": "S"}), readings, JUNE)
    assert found.parameter("tp").mean == Fraction(2, 10)


def test_the_status_of_a_station_is_told_before_the_opinion_on_its_readings(sections_of, readings_of):
    readings = readings_of(("S", DAYS[0], {"tp": "0.1"}), ("S", DAYS[1], {"tp": "0.3", "status": "维护"}))
    readings["quality"] = [1, 3]
    (found,) = assess_sections(sections_of({"code": "S"}), readings, JUNE)
    assert said(found) == {"readings_excluded": {"station_under_maintenance": 1}}
