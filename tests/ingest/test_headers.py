"""Headers as people write them, and the units in them."""

from decimal import Decimal

import pytest

from ingest.headers import map_headers, names_of, near_miss, synonyms
from ingest.kinds import KINDS
from ingest.readings import FIELDS
from ingest.units import conversion, conversion_factor, is_unit
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
        ("ug/mL", "mg/L", "1"),
        ("个/100mL", "count/L", "10"),
        ("#/100ml", "count/L", "10"),
        ("10^4cells/L", "cells/L", "10000"),
        ("0.5 mg/L", "mg/L", "0.5"),
        ("mS/m", "μS/cm", "10"),
        ("umho/cm", "μS/cm", "1"),
        ("ft", "m", "0.3048"),
        ("英尺", "m", "0.3048"),
        ("L/s", "m3/s", "0.001"),
        ("mg L^-1", "mg/L", "1"),
        ("hm2", "km2", "0.01"),
    ],
)
def test_units_convert_by_an_exact_decimal_factor(unit: str, canonical: str, factor: str) -> None:
    assert conversion_factor(unit, canonical) == Decimal(factor)


@pytest.mark.parametrize(
    ("unit", "canonical"),
    [
        ("吨", "mg/L"),
        ("mol/L", "mg/L"),
        ("mg/L", "°C"),
        ("mg/kg", "mg/L"),
        ("MPN", "count/L"),
        ("FNU", "NTU"),
        ("无量纲", "%"),
        ("ug/cm3", "μS/cm"),
        ("mg/L as unobtainium", "mg/L"),
    ],
)
def test_a_unit_of_another_quantity_has_no_conversion(unit: str, canonical: str) -> None:
    assert conversion(unit, canonical) is None
    assert conversion_factor(unit, canonical) is None


@pytest.mark.parametrize(
    ("fahrenheit", "celsius"), [("32", "0"), ("68.0", "20"), ("-40", "-40"), ("50", "10")]
)
def test_fahrenheit_has_a_factor_and_an_offset(fahrenheit: str, celsius: str) -> None:
    found = conversion("°F", "°C")
    assert found is not None
    assert found.apply(Decimal(fahrenheit)) == Decimal(celsius)
    assert conversion_factor("°F", "°C") is None, "a single factor would be wrong"


@pytest.mark.parametrize(
    ("parameter", "unit", "ten_milligrams"),
    [
        # by hand: M(N) 14.007, M(O) 15.999, M(H) 1.008, M(P) 30.974, M(S) 32.06 g/mol (IUPAC 2021)
        ("nitrate", "mg/L as NO3", "2.25904780"),  # 140.07 / 62.004
        ("nitrate", "mg/l asNO3", "2.25904780"),
        ("nitrate", "mg/L（以NO3-计）", "2.25904780"),
        ("nh3_n", "mg/L as NH3", "8.22441430"),  # 140.07 / 17.031
        ("nh3_n", "mg/L as NH4", "7.76484284"),  # 140.07 / 18.039
        ("tp", "mg/L as PO4", "3.26145098"),  # 309.74 / 94.970
        ("tp", "mg/L as P2O5", "4.36428707"),  # 2 * 309.74 / 141.943
        ("sulfate", "mg/L as S", "29.9613225"),  # 960.56 / 32.06, with M(SO4) 96.056
        ("tp", "mg P/L", "10"),
    ],
)
def test_a_basis_is_converted_by_molar_mass(parameter: str, unit: str, ten_milligrams: str) -> None:
    found = conversion(unit, "mg/L", parameter)
    assert found is not None
    assert float(found.apply(Decimal(10))) == pytest.approx(float(ten_milligrams), rel=1e-6)


def test_a_basis_without_the_parameters_element_has_no_conversion() -> None:
    assert conversion_factor("mg/l as N", "mg/L", "nitrate") == 1
    assert conversion("mg/L as P", "mg/L", "nitrate") is None
    assert conversion("mg/L as N", "mg/L", "cu") is None


def test_a_plain_factor_keeps_the_trailing_zeros_of_a_measurement() -> None:
    found = conversion("μg/L", "mg/L")
    assert found is not None
    assert str(found.apply(Decimal("0.10"))) == "0.00010"


@pytest.mark.parametrize("parameter", sorted(load_parameters()))
def test_the_unit_of_every_parameter_is_known_here(parameter: str) -> None:
    unit = load_parameters()[parameter].unit
    assert is_unit(unit)
    assert conversion_factor(unit, unit, parameter) == 1
