"""Units and detection limits that stand beside a value, behind it, or in its header: used, or refused."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.options import IngestOptions
from ingest.readings import ParsedReadings, parse_readings
from ingest.values import unit_behind
from tests.ingest.conftest import Write

SECTION = {"省份": "湖北省", "断面名称": "沌口", "监测时间": "2023-07-01 08:00"}


def parse(path: Path, **options: Any) -> ParsedReadings:
    return parse_readings(path, IngestOptions(**options), for_loading=True)


def values(parsed: ParsedReadings) -> list[tuple[str, Decimal, str]]:
    frame = parsed.readings
    return list(zip(frame["parameter"], frame["value"], frame["qualifier"], strict=True))


def faults(parsed: ParsedReadings) -> list[tuple[int, str | None, str]]:
    return [(problem.row, problem.column, problem.code) for problem in parsed.problems]


# -- a column beside the values --------------------------------------------------------------------------


def test_a_column_of_units_holds_for_every_value_of_its_row(write: Write) -> None:
    rows = [
        SECTION | {"氨氮": "120", "总磷": "80", "单位": "μg/L"},
        SECTION | {"氨氮": "0.1", "单位": "mg/L"},
    ]
    parsed = parse(write("a.csv", rows))
    assert faults(parsed) == []
    assert values(parsed) == [
        ("nh3_n", Decimal("0.120"), "="),
        ("tp", Decimal("0.080"), "="),
        ("nh3_n", Decimal("0.1"), "="),
    ]


def test_a_unit_of_the_row_that_cannot_be_converted_is_refused_where_it_stands(write: Write) -> None:
    parsed = parse(write("a.csv", [SECTION | {"氨氮": "1", "水温": "20", "pH": "7.1", "单位": "mg/L"}]))
    assert faults(parsed) == [(2, "单位", "unit_not_convertible")]
    assert parsed.problems[0].params == {"canonical": "°C"}
    assert values(parsed) == [("nh3_n", Decimal(1), "="), ("ph", Decimal("7.1"), "=")]


def test_a_header_and_a_column_that_state_different_units_contradict_each_other(write: Write) -> None:
    parsed = parse(write("a.csv", [SECTION | {"氨氮(mg/L)": "1", "水温(℃)": "20", "单位": "μg/L"}]))
    assert faults(parsed) == [(2, "单位", "unit_contradicts")]
    assert values(parsed) == [("water_temp", Decimal(20), "=")]


def test_a_row_without_a_value_needs_no_unit_that_fits_it(write: Write) -> None:
    parsed = parse(write("a.csv", [SECTION | {"氨氮": "1", "水温": "--", "单位": "mg/L"}]))
    assert faults(parsed) == []


def test_the_unit_that_reports_is_no_unit_of_a_value_and_that_is_told(write: Write) -> None:
    parsed = parse(write("a.csv", [SECTION | {"氨氮": "1", "单位": "武汉市生态环境监测中心"}]))
    assert faults(parsed) == []
    assert values(parsed) == [("nh3_n", Decimal(1), "=")]
    assert [(notice.code, notice.column) for notice in parsed.warnings] == [("column_not_stored", "单位")]


def test_a_column_of_limits_holds_for_the_only_parameter_in_its_unit(write: Write) -> None:
    rows = [SECTION | {"铜(μg/L)": "未检出", "检出限": "2"}, SECTION | {"铜(μg/L)": "3", "检出限": "2"}]
    parsed = parse(write("a.csv", rows))
    assert faults(parsed) == []
    assert values(parsed) == [("cu", Decimal("0.002"), "<"), ("cu", Decimal("0.003"), "=")]


def test_a_column_of_limits_that_is_no_number_is_refused(write: Write) -> None:
    parsed = parse(write("a.csv", [SECTION | {"氨氮": "未检出", "检出限": "见附表"}]))
    assert faults(parsed) == [(2, "检出限", "detection_limit_unreadable")]


def test_one_column_of_limits_for_several_parameters_is_told_not_to_be_used(write: Write) -> None:
    parsed = parse(write("a.csv", [SECTION | {"氨氮": "0.1", "总磷": "未检出", "检出限": "0.01"}]))
    assert [(notice.code, notice.column) for notice in parsed.warnings] == [
        ("detection_limit_unassigned", "检出限")
    ]
    assert faults(parsed) == [(2, "总磷", "detection_limit_missing")]


def test_columns_of_parameters_in_a_file_of_one_value_a_row_are_told(write: Write) -> None:
    parsed = parse(write("a.csv", [SECTION | {"监测项目": "氨氮", "监测值": "0.1", "水温": "20"}]))
    assert values(parsed) == [("nh3_n", Decimal("0.1"), "=")]
    assert [(notice.code, notice.column) for notice in parsed.warnings] == [("column_not_stored", "水温")]


# -- a unit behind the value -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "text", "value", "qualifier"),
    [
        ("氨氮", "12.3 mg/L", "12.3", "="),
        ("氨氮", "12.3ｍｇ／Ｌ", "12.3", "="),
        ("氨氮(mg/L)", "120 μg/L", "0.120", "="),
        ("铜(μg/L)", "0.003 mg/L", "0.003", "="),
        ("总磷", "<0.01mg/L", "0.01", "<"),
        ("总磷", "＜10 µg/L", "0.010", "<"),
        ("总磷", "0.01L mg/L", "0.01", "<"),
        ("总磷", "ND(0.01mg/L)", "0.01", "<"),
        ("水温", "25.1℃", "25.1", "="),
        ("水温", "77 °F", "25", "="),
        ("粪大肠菌群", "2.4×10³个/L", "2400", "="),
        ("粪大肠菌群", "1.2E+04 个/L", "12000", "="),
        ("流量", "5L/s", "0.005", "="),
        ("硝酸盐", "4.4 mg/L as N", "4.4", "="),
    ],
)
def test_a_unit_behind_the_value_is_read_and_converted(
    write: Write, header: str, text: str, value: str, qualifier: str
) -> None:
    parsed = parse(write("a.csv", [SECTION | {header: text}]))
    assert faults(parsed) == []
    ((_, number, sign),) = values(parsed)
    assert (number, sign) == (Decimal(value), qualifier)
    assert parsed.readings["raw"].tolist() == [text]


@pytest.mark.parametrize(
    ("header", "text", "code"),
    [
        ("氨氮", "12.3 mg/kg", "unit_not_convertible"),
        ("总磷", "0.08 m", "unit_not_convertible"),
        ("浊度", "3 FNU", "unit_not_convertible"),
        ("氨氮", "12.3 约", "value_unreadable"),
        ("氨氮", "12.3 mg/L?", "value_unreadable"),
        ("氨氮", "1..2 mg/L", "value_unreadable"),
        ("氨氮", "7 8 mg/L", "value_unreadable"),
        ("氨氮", "-1.2 mg/L", "value_negative"),
        ("pH", "71 无量纲", "value_impossible"),
        ("总磷", "<0 mg/L", "detection_limit_unreadable"),
    ],
)
def test_what_stands_behind_a_value_and_is_no_unit_of_it_is_refused(
    write: Write, header: str, text: str, code: str
) -> None:
    parsed = parse(write("a.csv", [SECTION | {header: text}]))
    assert faults(parsed) == [(2, header, code)]


def test_a_cell_and_the_unit_of_its_row_must_agree(write: Write) -> None:
    long = SECTION | {"监测项目": "铅"}
    rows = [long | {"监测值": "2 μg/L", "单位": "mg/L"}, long | {"监测值": "2 μg/L", "单位": "ug/l"}]
    parsed = parse(write("a.csv", rows))
    assert faults(parsed) == [(2, "监测值", "unit_contradicts")]
    assert values(parsed) == [("pb", Decimal("0.002"), "=")]


@pytest.mark.parametrize("text", ["", "12.3", "0.05L", "未检出", "--", "mg/L", "<0.05"])
def test_a_cell_without_anything_behind_its_value_is_left_alone(text: str) -> None:
    assert unit_behind(text) is None
