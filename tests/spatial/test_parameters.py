"""The parameter registry, its units, and how texts of units and classes are read."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.class_text import class_label, parse_water_class
from spatial.errors import (
    RuleFileError,
    UnitError,
    UnknownParameterError,
    WaterClassRangeError,
    WaterClassTextError,
)
from spatial.parameters import (
    KNOWN_UNITS,
    convert_unit,
    find_parameter,
    load_parameters,
    normalize_unit,
    parse_parameters,
    sort_by_registry,
)

HEADER = "code,name_zh,name_en,symbol,unit,gross_min,gross_max,listed_in\n"
ROW = "ph,pH值,pH,pH,dimensionless,0,14,GB\n"


def test_the_registry_begins_with_the_24_items_of_table_1_in_order():
    codes = list(load_parameters())
    assert codes[:8] == ["water_temp", "ph", "do", "cod_mn", "cod_cr", "bod5", "nh3_n", "tp"]
    assert codes[23] == "fecal_coliform"
    assert sort_by_registry(["tp", "ph", "tl"]) == ["ph", "tp", "tl"]


def test_permanganate_index_is_not_chemical_oxygen_demand():
    assert find_parameter("cod_mn").name_zh == "高锰酸盐指数"
    assert find_parameter("cod_cr").name_zh == "化学需氧量"


def test_an_unknown_code_is_an_error_that_names_it():
    with pytest.raises(UnknownParameterError) as caught:
        find_parameter("cod")
    assert caught.value.code == "cod"


@pytest.mark.parametrize(("value", "possible"), [("0", True), ("14", True), ("-0.1", False), ("14.1", False)])
def test_a_ph_is_possible_from_zero_to_fourteen(value, possible):
    assert find_parameter("ph").is_plausible(Decimal(value)) is possible


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ROW, "header"),
        (HEADER + ROW + ROW, "twice"),
        (HEADER + ROW.replace("dimensionless", "furlong"), "unknown unit"),
        (HEADER + ROW.replace("0,14", "14,0"), "do not rise"),
        (HEADER + ROW.replace("0,14", "low,14"), "no number"),
        (HEADER + ROW.replace("pH值", ""), "fill every column"),
        (HEADER + ROW.replace("GB", "GB,more"), "fill every column"),
    ],
)
def test_a_registry_that_cannot_be_is_refused(text, reason):
    with pytest.raises(RuleFileError, match=reason):
        parse_parameters(text)


@pytest.mark.parametrize(
    ("value", "unit", "to_unit", "expected"),
    [
        ("300", "μg/L", "mg/L", "0.3"),
        ("300", "µg/L", "mg/L", "0.3"),
        ("300", "ug/l", "mg/L", "0.3"),
        ("0.010", "mg/L", "mg/m³", "10"),
        ("50", "cm", "m", "0.5"),
        ("12", "mS/m", "μS/cm", "120"),
        ("23", "MPN/100mL", "count/L", "230"),
        ("20", "℃", "°C", "20"),
        ("7", "无量纲", "dimensionless", "7"),
    ],
)
def test_units_are_converted_exactly(value, unit, to_unit, expected):
    assert convert_unit(Decimal(value), unit, to_unit) == Decimal(expected)


@pytest.mark.parametrize(("unit", "to_unit"), [("mg/L", "m"), ("mg/kg", "mg/L"), ("mg/L", "ppm")])
def test_a_unit_of_something_else_is_refused(unit, to_unit):
    with pytest.raises(UnitError) as caught:
        convert_unit(Decimal(1), unit, to_unit, code="tp")
    assert (caught.value.code, caught.value.unit) == ("tp", unit)


@pytest.mark.parametrize("unit", sorted(KNOWN_UNITS))
def test_every_known_unit_is_read_as_itself(unit):
    assert normalize_unit(unit) == unit
    assert normalize_unit(f" {unit.upper()} ") == unit or re.search(r"[mM]", unit)


@given(value=st.decimals(0, 10**6, places=6))
def test_a_conversion_there_and_back_changes_nothing(value):
    assert convert_unit(convert_unit(value, "mg/L", "μg/L"), "μg/L", "mg/L") == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("第三类", 3),
        ("Ⅲ类水质", 3),
        ("Class IV", 4),
        ("ⅴ", 5),
        ("2.0", 2),
        (2.0, 2),
        (6, 6),
        ("劣Ⅴ类", 6),
        ("inferior V", 6),
        ("-1", None),
        (None, None),
        (float("nan"), None),
        ("停测", None),
        ("—", None),
    ],
)
def test_more_ways_to_write_a_class(text, expected):
    assert parse_water_class(text) == expected


@pytest.mark.parametrize("text", ["优Ⅲ", "8", "0", "劣", "好", "2.5", "VI"])
def test_a_text_that_names_no_single_class_is_refused(text):
    with pytest.raises(WaterClassTextError) as caught:
        parse_water_class(text)
    assert caught.value.value == text


@pytest.mark.parametrize("water_class", range(1, 7))
def test_the_printed_label_of_a_class_is_read_as_that_class(water_class):
    assert parse_water_class(class_label(water_class)) == water_class


def test_an_undetermined_class_has_no_label_and_seven_is_no_class():
    assert class_label(None) is None
    with pytest.raises(WaterClassRangeError):
        class_label(7)
