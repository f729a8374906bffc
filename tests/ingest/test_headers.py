"""Headers as people write them, and the units in them."""

from decimal import Decimal

import pytest

from ingest.headers import map_headers, names_of, near_miss, synonyms
from ingest.kinds import KINDS
from ingest.readings import FIELDS
from ingest.units import conversion_factor, is_unit
from spatial.parameters import load_parameters

NAMES = names_of("readings", FIELDS, tuple(load_parameters()))


@pytest.mark.parametrize(
    ("header", "field", "unit"),
    [
        ("水温(℃)", "water_temp", "°C"),
        ("pH(无量纲)", "ph", "无量纲"),
        ("溶解氧（mg/L）", "do", "mg/L"),
        ("叶绿素α(mg/L)", "chl_a", "mg/L"),
        ("总磷（以P计）(mg/L)", "tp", "mg/L"),
        ("总磷/mg/L", "tp", "mg/L"),
        ("总 磷\n(mg/L)", "tp", "mg/L"),
        ("氨氮 (mg·L-1)", "nh3_n", "mg·L-1"),
        ("tp_ug_L", "tp", "ug_L"),
        ("铬（六价）", "cr6", None),
        ("化学需氧量(COD)(mg/L)", "cod_cr", "mg/L"),
        ("COD", "cod_cr", None),
        ("CODMn", "cod_mn", None),
        ("*监测时间(必填)", "sampled_at", None),
        ("抓取时间", "captured_at", None),
        ("断面编码", "section_code", None),
        ("总磷(吨)", "tp", "吨"),
    ],
)
def test_a_header_gives_its_field_and_keeps_its_unit(header: str, field: str, unit: str | None) -> None:
    (column,) = map_headers([header], NAMES)
    assert (column.field, column.unit) == (field, unit)


def test_symbols_of_elements_are_told_apart_by_their_case() -> None:
    fields = [column.field for column in map_headers(["Co", "CO", "Mn", "MN", "B"], NAMES)]
    assert fields == ["co", None, "mn", None, "b"]


def test_unrounded_columns_belong_to_their_parameter() -> None:
    (column,) = map_headers(["原始值_总磷(mg/L)"], NAMES)
    assert (column.field, column.full, column.unit) == ("tp", True, "mg/L")


def test_the_running_state_is_a_stations_in_readings_and_a_ponds_in_a_pond_list() -> None:
    pond = names_of("tailings_ponds", KINDS["tailings_ponds"].fields)
    assert NAMES.field_of("运行状态") == "station_status"
    assert pond.field_of("运行状态") == "status"


def test_a_slip_of_the_pen_gets_a_suggestion() -> None:
    assert near_miss("高锰酸钾盐指数(mg/L)", NAMES) == "cod_mn"
    assert near_miss("完全不同的列", NAMES) is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_column_of_every_kind_has_its_english_name_and_a_chinese_one(kind: str) -> None:
    spec = KINDS[kind]
    names = names_of(spec.name, spec.fields)
    chinese = {field for scope, field, word in synonyms() if scope in {"*", kind} and not word.isascii()}
    for column in spec.columns:
        assert names.field_of(column.name) == column.name
        assert column.name in chinese, column.name


@pytest.mark.parametrize("header", ["汇入水体编码", "汇入河流编码", "汇入水体", "汇入河流"])
def test_the_water_that_a_river_flows_into_is_not_the_water_that_it_is_part_of(header: str) -> None:
    names = names_of("water_bodies", KINDS["water_bodies"].fields)
    assert names.field_of(header) != "parent_code"
    assert names.field_of("上级水体编码") == "parent_code"


def test_every_parameter_of_the_feed_has_a_name_in_the_table() -> None:
    named = {field for scope, field, _ in synonyms() if scope == "parameter"}
    assert {"ph", "do", "cod_mn", "nh3_n", "tp", "tn", "chl_a"} <= named
    assert named <= load_parameters().keys(), named - load_parameters().keys()


@pytest.mark.parametrize(
    ("unit", "canonical", "factor"),
    [
        ("μg/L", "mg/L", "0.001"),
        ("µg/L", "mg/L", "0.001"),
        ("mg/m³", "mg/L", "0.001"),
        ("ng/L", "mg/L", "0.000001"),
        ("毫克/升", "mg/L", "1"),
        ("mS/cm", "μS/cm", "1000"),
        ("cm", "m", "0.01"),
        ("MPN/100mL", "count/L", "10"),
        ("万个/L", "count/L", "10000"),
        ("℃", "°C", "1"),
    ],
)
def test_units_convert_by_an_exact_decimal_factor(unit: str, canonical: str, factor: str) -> None:
    assert conversion_factor(unit, canonical) == Decimal(factor)


@pytest.mark.parametrize(
    ("unit", "canonical"), [("吨", "mg/L"), ("mol/L", "mg/L"), ("°F", "°C"), ("mg/L", "°C")]
)
def test_a_unit_without_an_exact_factor_has_none(unit: str, canonical: str) -> None:
    assert conversion_factor(unit, canonical) is None


def test_nitrogen_is_taken_as_nitrogen_and_never_as_nitrate() -> None:
    assert conversion_factor("mg/l as N", "mg/L", "nitrate") == 1
    assert conversion_factor("mg/L as NO3", "mg/L", "nitrate") is None
    assert conversion_factor("mg/L as P", "mg/L", "nitrate") is None


@pytest.mark.parametrize("parameter", sorted(load_parameters()))
def test_the_unit_of_every_parameter_is_known_here(parameter: str) -> None:
    unit = load_parameters()[parameter].unit
    assert is_unit(unit)
    assert conversion_factor(unit, unit, parameter) == 1
