"""Flows and levels: measured like any parameter, limited by what is approved, and no part of any class."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ingest.features import parse_features
from ingest.kinds import KINDS
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.readings import parse_readings
from spatial.classification import classify_samples
from spatial.standards import load_standard

Write = Callable[[str, Sequence[Mapping[str, Any]]], Path]


def limit(name: str, number: str, unit: str | None = None, header: str = "限值") -> dict[str, str]:
    row = {"断面编码": "S1", "监测项目": name, "比较符": "≥", header: number}
    return row if unit is None else row | {"单位": unit}


@pytest.mark.parametrize(
    ("row", "parameter", "expected"),
    [
        (limit("生态流量", "120", "m³/s"), "flow", "120"),
        (limit("生态基流", "1500", "L/s"), "flow", "1.5"),
        (limit("最小下泄流量", "86.4", "万m³/d"), "flow", "10"),  # 864 000 m³ in 86 400 s
        (limit("ecological flow", "100", "ft3/s"), "flow", "2.8316846592"),  # 0.3048³ m³
        (limit("流量", "3", "立方米/秒"), "flow", "3"),
        (limit("生态流量(m³/s)", "12"), "flow", "12"),
        (limit("生态水位", "2850", "cm"), "water_level", "28.5"),
        (limit("最低生态水位", "-0.4", "米"), "water_level", "-0.4"),
        (limit("ecological level", "28.5"), "water_level", "28.5"),
        (limit("总磷", "0.05", "mg/L"), "tp", "0.05"),
        (limit("总磷（μg/L）", "50"), "tp", "0.05"),
        (limit("锰", "100", None, "限值(μg/L)"), "mn", "0.1"),
        (limit("总磷", "0.05", "mg/L", "限值(μg/L)"), "tp", "0.05"),  # the row's own unit counts
    ],
)
def test_an_approved_limit_is_that_of_a_parameter_in_its_own_unit(
    write: Write, row: dict[str, str], parameter: str, expected: str
) -> None:
    parsed = parse_features("section_targets", write("t.csv", [row]))
    assert parsed.problems == ()
    (found,) = parsed.frame.to_dict("records")
    assert (found["parameter"], found["limit"], found["comparator"]) == (parameter, Decimal(expected), ">=")
    assert found["unit"] == {"flow": "m3/s", "water_level": "m"}.get(parameter, "mg/L")


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (limit("生态流量", "120", "m"), "unit_not_convertible", "单位"),
        (limit("生态水位", "28", "m³/s"), "unit_not_convertible", "单位"),
        (limit("总磷(kg)", "28"), "unit_not_convertible", "监测项目"),
        (limit("总磷", "28", None, "限值(m)"), "unit_not_convertible", "限值(m)"),
        (limit("生态流量（水位）", "28", "m"), "parameter_unknown", "监测项目"),
        (limit("生态流量", "-1", "m³/s"), "number_too_small", "限值"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused_where_it_stands(
    write: Write, row: dict[str, str], code: str, column: str
) -> None:
    (problem,) = parse_features("section_targets", write("t.csv", [row])).problems
    assert (problem.code, problem.column) == (code, column)


def test_what_is_approved_is_no_name_of_a_reading(write: Write) -> None:
    row = {"断面编码": "S1", "监测时间": "2023-06-30 08:00", "流量": "1", "生态流量": "5"}
    parsed = parse_readings(write("r.csv", [row]))
    assert parsed.readings["parameter"].tolist() == ["flow"]
    assert [notice.column for notice in parsed.warnings] == ["生态流量"]


SECTIONS = [{"断面编码": "S1", "断面名称": "老桥", "省份": "湖北省"}]
READINGS = [
    {
        "断面编码": "S1",
        "监测时间": "2023-06-30 08:00",
        "流量(L/s)": "1500",
        "水位(cm)": "2850",
        "总磷(mg/L)": "0.1",
    },
    {
        "断面编码": "S1",
        "监测时间": "2023-06-30 12:00",
        "流量(L/s)": "0",
        "水位(cm)": "-40",
        "总磷(mg/L)": "0.1",
    },
]


def test_flows_and_levels_are_stored_in_their_units(write: Write, fresh_database: Engine) -> None:
    load_files(fresh_database, "sections", [write("s.csv", SECTIONS)])
    (report,) = load_files(fresh_database, "readings", [write("r.csv", READINGS)])
    assert (report.rows_loaded, report.readings_loaded) == (2, 6)
    query = (
        "SELECT parameter, value, raw FROM qingjiang.readings WHERE parameter <> 'tp'"
        " ORDER BY parameter, sampled_at"
    )
    with fresh_database.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    assert found == [
        ("flow", Decimal("1.500"), "1500"),
        ("flow", Decimal(0), "0"),
        ("water_level", Decimal("28.50"), "2850"),
        ("water_level", Decimal("-0.40"), "-40"),
    ]


def test_a_row_with_a_name_and_a_value_may_be_a_flow_too(write: Write) -> None:
    rows = [
        {"断面编码": "S1", "监测时间": "2023-06-30", "监测项目": name, "监测值": value, "单位": unit}
        for name, value, unit in (("流量", "3.6", "m³/h"), ("水位", "28.5", "m"), ("discharge", "2", "m3/s"))
    ]
    frame = parse_readings(write("r.csv", rows)).readings
    assert frame["parameter"].tolist() == ["flow", "water_level", "flow"]
    assert frame["value"].tolist() == [Decimal("0.001"), Decimal("28.5"), Decimal(2)]


def test_a_negative_flow_is_refused_and_a_level_below_its_datum_is_not(write: Write) -> None:
    row = {"断面编码": "S1", "监测时间": "2023-06-30 08:00", "流量": "-1.5", "水位": "-1.5"}
    parsed = parse_readings(write("r.csv", [row]), for_loading=True)
    assert [(problem.column, problem.code) for problem in parsed.problems] == [("流量", "value_negative")]


def test_flows_and_levels_decide_no_class(write: Write) -> None:
    parsed = parse_readings(write("r.csv", READINGS))
    with_them = classify_samples(parsed.samples, parsed.readings, load_standard())
    water = parsed.readings[parsed.readings["parameter"] == "tp"]
    without = classify_samples(parsed.samples, water, load_standard())
    assert [one.as_json()["class"] for one in with_them] == [2, 2]
    assert [one.as_json()["class"] for one in without] == [2, 2]
    for one in with_them:
        classes = {item["code"]: item["class"] for item in one.as_json()["parameters"]}
        assert classes["tp"] == 2
        assert not {classes.get("flow"), classes.get("water_level")} - {None}


def test_approved_limits_of_flow_and_level_load(write: Write, fresh_database: Engine) -> None:
    assert "limit" in KINDS["section_targets"].required
    load_files(fresh_database, "sections", [write("s.csv", SECTIONS)])
    rows = [limit("生态流量", "120", "m³/s"), limit("生态水位", "2850", "cm")]
    (report,) = load_files(fresh_database, "section-targets", [write("t.csv", rows)], IngestOptions())
    assert (report.rows_loaded, report.rows_rejected) == (2, 0)
    query = 'SELECT parameter, comparator, "limit", unit FROM qingjiang.section_targets ORDER BY parameter'
    with fresh_database.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    assert found == [
        ("flow", ">=", Decimal(120), "m3/s"),
        ("water_level", ">=", Decimal("28.50"), "m"),
    ]


def test_a_negative_number_is_a_limit_only_where_nothing_negative_is_measured(write: Write) -> None:
    row = {"断面编码": "S1", "监测时间": "2023-06-30", "氨氮": "-0.05", "水位": "-0.4", "水温": "-0.3"}
    frame = parse_readings(write("r.csv", [row]), IngestOptions(negative_is_limit=True)).readings
    found = {item.parameter: (item.value, item.qualifier) for item in frame.itertuples()}
    assert found == {
        "nh3_n": (Decimal("0.05"), "<"),
        "water_level": (Decimal("-0.4"), "="),
        "water_temp": (Decimal("-0.3"), "="),
    }
