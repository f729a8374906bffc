"""The limits as data: every printed bound from both sides, and what the loaders refuse."""

import csv
import re
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from io import StringIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.errors import RuleFileError, UnknownWaterBodyTypeError, WaterClassRangeError
from spatial.parameters import load_parameters
from spatial.standards import (
    Direction,
    load_evaluation_method,
    load_standard,
    load_tailings_grades,
    parse_evaluation_method,
    parse_standard,
    parse_tailings_grades,
)
from spatial.vocabulary import Grade

STANDARD = load_standard()
METHOD = load_evaluation_method()

# Table 1 of the printed standard, typed here a second time on purpose.
TABLE_1 = """
river cod_mn 2 4 6 10 15
river cod_cr 15 15 20 30 40
river bod5 3 3 4 6 10
river nh3_n 0.15 0.5 1.0 1.5 2.0
river tp 0.02 0.1 0.2 0.3 0.4
lake tp 0.01 0.025 0.05 0.1 0.2
lake tn 0.2 0.5 1.0 1.5 2.0
river cu 0.01 1.0 1.0 1.0 1.0
river zn 0.05 1.0 1.0 2.0 2.0
river fluoride 1.0 1.0 1.0 1.5 1.5
river se 0.01 0.01 0.01 0.02 0.02
river arsenic 0.05 0.05 0.05 0.1 0.1
river hg 0.00005 0.00005 0.0001 0.001 0.001
river cd 0.001 0.005 0.005 0.005 0.01
river cr6 0.01 0.05 0.05 0.05 0.1
river pb 0.01 0.01 0.05 0.05 0.1
river cyanide 0.005 0.05 0.2 0.2 0.2
river volatile_phenol 0.002 0.002 0.005 0.01 0.1
river petroleum 0.05 0.05 0.05 0.5 1.0
river las 0.2 0.2 0.2 0.3 0.3
river sulfide 0.05 0.1 0.2 0.5 1.0
river fecal_coliform 200 2000 10000 20000 40000
"""
BOUNDS = [
    (water, code, place, Decimal(bound), tuple(Decimal(each) for each in bounds))
    for water, code, *bounds in (line.split() for line in TABLE_1.strip().splitlines())
    for place, bound in enumerate(bounds, 1)
]
JUST = Decimal("0.0000000001")


def limit_of(water, code):
    return STANDARD.limits_for(water)[code]


@pytest.mark.parametrize(("water", "code", "place", "bound", "bounds"), BOUNDS)
def test_a_value_on_a_bound_of_table_1_gets_the_best_class_with_that_bound(water, code, place, bound, bounds):
    assert limit_of(water, code).grade(bound) == bounds.index(bound) + 1


@pytest.mark.parametrize(("water", "code", "place", "bound", "bounds"), BOUNDS)
def test_a_value_just_above_a_bound_of_table_1_has_left_the_class(water, code, place, bound, bounds):
    worse = [each for each in bounds if each > bound]
    expected = bounds.index(worse[0]) + 1 if worse else 6
    assert limit_of(water, code).grade(bound + JUST) == expected


@pytest.mark.parametrize(("water", "code", "place", "bound", "bounds"), BOUNDS)
def test_exact_fractions_are_graded_like_decimals(water, code, place, bound, bounds):
    limit = limit_of(water, code)
    for value in (bound, bound + JUST, bound - JUST):
        assert limit.grade(Fraction(value)) == limit.grade(value)


@pytest.mark.parametrize(("mg_per_l", "expected"), [("7.5", 1), ("6", 2), ("5", 3), ("3", 4), ("2", 5)])
def test_oxygen_runs_the_other_way(mg_per_l, expected):
    oxygen = limit_of("river", "do")
    assert oxygen.grade(Decimal(mg_per_l)) == expected
    assert oxygen.grade(Decimal(mg_per_l) - JUST) == expected + 1


@pytest.mark.parametrize(("ph", "expected"), [("6", 1), ("9", 1), ("5.99", 6), ("9.01", 6), ("7", 1)])
def test_ph_meets_every_class_inside_six_to_nine_and_none_outside(ph, expected):
    assert limit_of("river", "ph").grade(Decimal(ph)) == expected


def test_the_table_has_the_24_items_and_rivers_have_no_limit_of_total_nitrogen():
    assert len(STANDARD.lake) == 24
    assert set(STANDARD.lake) - set(STANDARD.river) == {"tn"}


def test_a_reservoir_takes_the_lake_limits():
    assert STANDARD.limits_for("reservoir") is STANDARD.lake


def test_the_type_of_the_water_is_never_guessed():
    with pytest.raises(UnknownWaterBodyTypeError) as caught:
        STANDARD.limits_for("湖泊")
    assert caught.value.value == "湖泊"


def test_twenty_one_indicators_decide_and_three_are_reported_apart():
    assert len(METHOD.evaluated) == 21
    assert set(METHOD.evaluated) | set(METHOD.reported_apart) == set(STANDARD.lake)
    assert set(METHOD.reported_apart) == {"water_temp", "tn", "fecal_coliform"}


def test_temperature_is_limited_by_its_change_and_no_value_can_be_graded():
    limit = limit_of("river", "water_temp")
    assert limit.direction is Direction.CHANGE
    with pytest.raises(ValueError, match="weekly change"):
        limit.grade(Decimal(20))


def test_twice_the_limit_is_a_multiple_of_one():
    assert limit_of("river", "nh3_n").exceedance_multiple(Decimal(2), 3) == 1


def test_a_value_at_the_limit_has_no_multiple():
    assert limit_of("river", "tp").exceedance_multiple(Decimal("0.2"), 3) is None


@pytest.mark.parametrize(("code", "value"), [("do", "1"), ("ph", "10"), ("water_temp", "40")])
def test_oxygen_ph_and_temperature_have_no_multiple(code, value):
    assert limit_of("river", code).exceedance_multiple(Decimal(value), 3) is None


@pytest.mark.parametrize("water_class", [0, 6, 7])
def test_worse_than_v_has_no_bound(water_class):
    with pytest.raises(WaterClassRangeError):
        limit_of("river", "tp").bound_of(water_class)


def test_tables_2_and_3_are_single_limits_met_by_their_own_value():
    thallium = STANDARD.single["tl"]
    assert thallium.is_met_by(Decimal("0.0001"))
    assert not thallium.is_met_by(Decimal("0.00011"))
    assert {limit.table for limit in STANDARD.single.values()} == {2, 3}
    assert STANDARD.single["sulfate"].limit == 250


@given(
    code=st.sampled_from(sorted(set(METHOD.evaluated) - {"ph", "do"})),
    value=st.decimals(0, 100, places=6),
    more=st.decimals(0, 100, places=6),
)
def test_more_of_a_pollutant_never_earns_a_better_class(code, value, more):
    limit = STANDARD.river[code]
    assert limit.grade(value + more) >= limit.grade(value)


@given(value=st.decimals(0, 20, places=3), more=st.decimals(0, 20, places=3))
def test_more_oxygen_never_earns_a_worse_class(value, more):
    limit = STANDARD.river["do"]
    assert limit.grade(value + more) <= limit.grade(value)


@given(code=st.sampled_from(sorted(METHOD.evaluated)), limit=st.decimals(0, 50, places=5))
def test_the_range_below_a_detection_limit_holds_every_class_below_it(code, limit):
    best, worst = STANDARD.river[code].grade_below(limit)
    for share in range(20):
        assert best <= STANDARD.river[code].grade(Fraction(limit) * share / 20) <= worst


def test_oxygen_below_a_bound_does_not_reach_it():
    assert STANDARD.river["do"].grade_below(Decimal(5)) == (4, 6)
    assert STANDARD.river["do"].grade_below(Decimal("5.01")) == (3, 6)
    assert STANDARD.river["do"].grade_below(Decimal(2)) == (6, 6)
    assert STANDARD.river["ph"].grade_below(Decimal(6)) == (6, 6)
    assert STANDARD.river["ph"].grade_below(Decimal("6.1")) == (1, 6)


def test_lake_limits_of_phosphorus_are_stricter_in_every_class():
    river, lake = STANDARD.river["tp"], STANDARD.lake["tp"]
    assert all(strict < mild for strict, mild in zip(lake.bounds, river.bounds, strict=True))


# --- what the loaders refuse ---

HEAD = """
[standard]
id = "test"
document = "T 1"
title_zh = "试"
title_en = "Test"
edition = "1"
in_force = 2002-06-01
"""
GOOD = """
[any.cod_mn]
unit = "mg/L"
decimals = 1
at_most = ["2", "4", "6", "10", "15"]
source = { document = "T 1", clause = "1", in_force = 2002-06-01 }
"""


def test_a_well_formed_rule_is_read():
    limit = parse_standard(HEAD + GOOD, "t.toml").river["cod_mn"]
    assert limit.bounds == (2, 4, 6, 10, 15)
    assert limit.source.as_json() == {
        "document": "T 1",
        "clause": "1",
        "in_force": "2002-06-01",
        "valid_to": None,
    }


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"4", "6"', '"6", "4"', "do not rise"),
        ('["2", "4", "6", "10", "15"]', '["2", "2", "2", "2", "2"]', "do not rise"),
        ('["2", "4", "6", "10", "15"]', '["2", "4", "6", "10"]', "five bounds"),
        ('at_most = ["2", "4"', 'at_least = ["2", "4"', "do not rise"),
        ('["2",', '["-2",', "negative"),
        ('["2",', '["two",', "no number"),
        ('["2",', '["NaN",', "no finite number"),
        ('["2",', "[2.0,", "decimals as texts"),
        (re.search(r"source = .*\n", GOOD).group(), "", "no source"),
        ('clause = "1", ', "", "clause"),
        ('clause = "1"', 'clause = ""', "empty"),
        (
            'clause = "1", in_force = 2002-06-01',
            'clause = "1", in_force = 2002-06-01, valid_to = 2001-01-01',
            "ends before",
        ),
        ('clause = "1"', 'clause = "1", page = 3', "unknown key 'page'"),
        ("decimals = 1", "decimals = 1\nlimt = 3", "unknown key 'limt'"),
        ("decimals = 1", "decimals = -1", "0 to 15"),
        ("decimals = 1", "decimals = true", "type int"),
        ('unit = "mg/L"', 'unit = "mg/l/h"', "unknown unit"),
        ('unit = "mg/L"', 'unit = "μg/L"', "registry keeps"),
        ("any.cod_mn", "any.cod_xy", "unknown parameter"),
        ("any.cod_mn", "sea.cod_mn", "unknown table"),
        ("at_most", "within", "two ends"),
        ("decimals = 1", 'decimals = 1\nwithin = ["1", "2"]', "one of at_most"),
        ('edition = "1"', 'edition = "1"\nauthor = "x"', "unknown key 'author'"),
        ('edition = "1"', "", "lacks the key 'edition'"),
        ("[any.cod_mn]", "[any.cod_mn", "no TOML"),
    ],
)
def test_a_standard_that_no_rule_can_be_is_refused(old, new, reason):
    text = HEAD + GOOD
    assert old in text
    with pytest.raises(RuleFileError, match=re.escape(reason)) as caught:
        parse_standard(text.replace(old, new), "t.toml")
    assert caught.value.file == "t.toml"


def test_limits_that_stand_for_all_waters_and_for_lakes_are_refused():
    with pytest.raises(RuleFileError, match="under any as well"):
        parse_standard(HEAD + GOOD + GOOD.replace("any.", "lake."), "t.toml")


def test_a_standard_without_limits_is_refused():
    with pytest.raises(RuleFileError, match="no limits"):
        parse_standard(HEAD, "t.toml")


def packaged(name):
    return resources.files("spatial").joinpath("rules", name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('basis = "document"', 'basis = "hearsay"', "basis must be one of"),
        ('"ph", "do", "cod_mn", "cod_cr"', '"ph", "do", "cod_mn", "oxygen"', "unknown parameter 'oxygen'"),
        ('class_1_3_at_least = "75"', 'class_1_3_at_least = "95"', "do not rise"),
        ('inferior_below = "40"', 'inferior_below = "10"', "do not rise"),
        ('{ grade = "heavy_pollution" }', '{ grade = "heavy_pollution", inferior_below = "90" }', "open"),
        ('at_most = "60"', 'at_most = "45"', "do not rise"),
        ('points_marked_above = "20"', 'points_marked_above = "5"', "do not rise"),
        ("from = 2022-01-01", "from = 2021-06-01", "without overlap"),
        ('undated = "reported"', 'undated = "shown"', "undated must be one of"),
        ("[5, 6, 7, 8, 9, 10]", "[5, 7, 6]", "rise"),
        ("[5, 6, 7, 8, 9, 10]", "[1, 6]", "one stretch"),
        ('"#68CFFE", "#49A1FE", "#37B70C"', '"#68CFFE", "#49A1FE"', "6 colours"),
        ("year_months = 12", "year_months = 0", "at least 1"),
        ('unit = "mg/m³"', 'unit = "barrel"', "unknown unit"),
        ("round_means = false", 'round_means = false\ninterrupted_sections = ["A", "A"]', "each once"),
        ("[seasons]", 'river_like_reservoirs = ["A", "A"]\n[seasons]', "each once"),
        ("[trend]", "[trends]", "unknown table 'trends'"),
        ("periods = 5", "", "lacks the key 'periods'"),
        ('range_months_share = ["2", "3"]', 'range_months_share = ["3", "2"]', "value above 0 and up to 1"),
    ],
)
def test_an_evaluation_method_that_no_method_can_be_is_refused(old, new, reason):
    text = packaged("evaluation_method_2011.toml")
    assert old in text
    with pytest.raises(RuleFileError, match=re.escape(reason)):
        parse_evaluation_method(text.replace(old, new), "m.toml")


def test_the_method_lists_sections_that_freeze_or_run_dry():
    text = packaged("evaluation_method_2011.toml")
    assert parse_evaluation_method(text, "m.toml").interrupted_sections == ()
    listed = text.replace("# interrupted_sections", "interrupted_sections", 1)
    assert parse_evaluation_method(listed, "m.toml").interrupted_sections == ("S420500001",)


def test_every_table_of_the_method_names_its_source():
    text = packaged("evaluation_method_2011.toml")
    for line in re.findall(r"source = .*\n", text):
        with pytest.raises(RuleFileError, match="no source"):
            parse_evaluation_method(text.replace(line, "", 1), "m.toml")


def test_design_grades_that_do_not_rise_are_refused():
    text = packaged("tailings_grade.toml")
    with pytest.raises(RuleFileError, match="do not rise"):
        parse_tailings_grades(text.replace('"200"', '"90"'), "g.toml")


def test_the_packaged_files_are_read():
    assert STANDARD.edition == "2002"
    assert STANDARD.in_force.isoformat() == "2002-06-01"
    assert METHOD.document == "环办〔2011〕22号"
    assert [bound.grade for bound in load_tailings_grades().bounds] == [1, 2, 3, 4, 5]


def test_every_limit_is_in_the_unit_of_the_registry():
    registry = load_parameters()
    for limit in [*STANDARD.lake.values(), *STANDARD.river.values(), *STANDARD.single.values()]:
        assert limit.unit == registry[limit.parameter].unit


def test_the_classes_have_six_colours_and_five_grades():
    assert len(set(METHOD.class_colours.values())) == 6
    assert [METHOD.class_grades[place] for place in range(1, 7)] == [Grade.EXCELLENT, *Grade]


def test_the_critical_values_fall_with_the_number_of_periods():
    rows = list(csv.DictReader(StringIO(packaged("spearman_critical.csv"))))
    printed = [Decimal(row["table_one_sided_0_05"]) for row in rows if row["table_one_sided_0_05"]]
    assert all(earlier > later for earlier, later in pairwise(printed))
