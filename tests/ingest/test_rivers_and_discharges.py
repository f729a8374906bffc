"""How rivers flow, what facilities discharge, who lives below a pond: read, checked, stored, given back."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from ingest.features import ParsedFeatures, parse_features
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.report import UploadReport
from models.queries import features_in_force
from tests.ingest.conftest import Write

HYDRORIVERS = (
    Path(__file__).parents[2] / "../shared/data/geometry/hydrorivers_taihu/hydrorivers_taihu_bbox.shp"
)
LINE = "LINESTRING (111 30, 111.1 30.1)"
HASH_BEFORE = "f25282ddc2ad5bbed56c870c8e9a97982bdbbc09cf833fa54c42dae0c77b9a02"
"""Of the river R1 with this line, taken before rivers had a velocity."""

OUTFALL = {"排污口编码": "W1", "排污口名称": "口", "经度": "111.3", "纬度": "30.6"}
POND = {"尾矿库编码": "P1", "尾矿库名称": "库", "经度": "111.3", "纬度": "30.6"}


def parsed(kind: str, path: Path) -> ParsedFeatures:
    return parse_features(kind, path, IngestOptions(), for_loading=True)


def load(engine: Engine, kind: str, path: Path) -> UploadReport:
    (report,) = load_files(engine, kind, [path], IngestOptions(), text=lambda key, **_: key)
    return report


def in_force(engine: Engine, kind: str) -> Any:
    with Session(engine) as session:
        return features_in_force(session, kind, date(2024, 1, 1))


# -- rivers ----------------------------------------------------------------------------------------------


def test_velocities_and_flows_are_converted_and_stored(fresh_database: Engine, write: Write) -> None:
    row = {
        "河流编码": "R1",
        "流速(cm/s)": "80",
        "流速下限": "0.4",
        "流速上限": "1.6",
        "平均流量(L/s)": "1500",
    }
    path = write("rows.csv", [{**row, "河长(m)": "12300", "stream order": "3", "geometry": LINE}])
    report = load(fresh_database, "rivers", path)
    assert (report.rows_loaded, tuple(report.problems)) == (1, ())
    stored = in_force(fresh_database, "rivers").iloc[0]
    names = ("velocity_m_s", "velocity_low_m_s", "velocity_high_m_s", "discharge_m3_s", "length_km")
    assert [stored[name] for name in names] == [0.8, 0.4, 1.6, 1.5, 12.3]
    assert stored["stream_order"] == 3


def test_rivers_without_the_new_columns_are_the_same_facts_as_before(write: Write) -> None:
    plain = parsed("rivers", write("old.csv", [{"code": "R1", "geometry": LINE}]))
    empty = parsed("rivers", write("new.csv", [{"code": "R1", "velocity_m_s": "", "geometry": LINE}]))
    assert plain.frame["fact_hash"].tolist() == empty.frame["fact_hash"].tolist()
    assert plain.frame["fact_hash"].iloc[0] == HASH_BEFORE


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"velocity_m_s": "0"}, "velocity_m_s", "number_too_small"),
        ({"velocity_m_s": "fast"}, "velocity_m_s", "number_unreadable"),
        ({"velocity_m_s": "1", "velocity_low_m_s": "2"}, "velocity_m_s", "number_out_of_order"),
        ({"velocity_low_m_s": "2", "velocity_high_m_s": "1"}, "velocity_high_m_s", "number_out_of_order"),
        ({"discharge_m3_s": "-1"}, "discharge_m3_s", "number_too_small"),
        ({"stream_order": "2.5"}, "stream_order", "number_not_whole"),
        ({"stream_order": "13"}, "stream_order", "number_too_large"),
    ],
)
def test_a_velocity_that_cannot_be_is_refused(
    write: Write, cells: dict[str, str], column: str, code: str
) -> None:
    found = parsed("rivers", write("rows.csv", [{"code": "R1", "geometry": LINE, **cells}]))
    assert [(problem.row, problem.column, problem.code) for problem in found.problems] == [(2, column, code)]
    assert found.frame.empty


def test_a_river_that_flows_out_of_the_file_is_a_notice(write: Write) -> None:
    rows = [{"code": "R1", "downstream_code": "R2"}, {"code": "R2", "downstream_code": "R3"}]
    rows.append({"code": "R4", "downstream_code": "0"})
    found = parsed("rivers", write("rows.csv", [{**row, "geometry": LINE} for row in rows]))
    assert found.problems == ()
    assert [(one.code, one.params) for one in found.warnings] == [
        ("downstream_elsewhere", {"count": 1, "codes": "R3"})
    ]
    assert found.frame["downstream_code"].tolist() == ["R2", "R3", None]


def test_hydrorivers_load_as_they_are_published(fresh_database: Engine) -> None:
    if not HYDRORIVERS.exists():
        pytest.skip("needs ../shared/data/geometry/hydrorivers_taihu, which is not part of the repository")
    report = load(fresh_database, "rivers", HYDRORIVERS)
    assert (report.rows_read, report.rows_loaded, report.rows_rejected) == (2082, 2082, 0)
    assert [(one.code, one.params["count"]) for one in report.notices] == [("downstream_elsewhere", 55)]
    stored = in_force(fresh_database, "rivers").set_index("code")
    assert stored["downstream_code"].isna().sum() == 24
    reach = stored.loc["40618366"]
    assert reach["downstream_code"] == "40618365"
    assert (reach["length_km"], reach["discharge_m3_s"], reach["stream_order"]) == (1.7, 0.142, 1)


# -- what is discharged ----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["特征污染物", "主要污染物", "discharges"])
@pytest.mark.parametrize("kind", ["outfalls", "tailings-ponds", "chemical-sites"])
def test_discharges_are_read_by_the_names_of_parameters(write: Write, kind: str, header: str) -> None:
    row = {"code": "X1", "name": "某处", "lon": "111.3", "lat": "30.6"}
    found = parsed(kind, write("rows.csv", [{**row, header: "氨氮、总磷"}]))
    assert found.problems == ()
    assert found.frame["discharges"].tolist() == [("nh3_n", "tp")]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("氨氮,总磷；COD", ("nh3_n", "tp", "cod_cr")),
        ("NH3-N/TP", ("nh3_n", "tp")),
        ("氨氮 总磷", ("nh3_n", "tp")),
        ("total phosphorus; TN", ("tp", "tn")),
        ("铬(六价)、氨氮、六价铬", ("cr6", "nh3_n")),
        ("铊、锑等", ("tl", "sb")),
        ("nh3_n", ("nh3_n",)),
        ("无", ()),
        ("--", None),
        ("", None),
    ],
)
def test_lists_of_parameters_are_taken_apart(write: Write, text: str, codes: tuple[str, ...] | None) -> None:
    found = parsed("outfalls", write("rows.csv", [{**OUTFALL, "特征污染物": text}]))
    assert found.problems == ()
    assert found.frame["discharges"].tolist() == [codes]


def test_unknown_words_are_one_error_that_names_them(write: Write) -> None:
    found = parsed("outfalls", write("rows.csv", [OUTFALL | {"特征污染物": "氨氮、重金属、VOCs"}]))
    (problem,) = found.problems
    assert (problem.row, problem.column, problem.code) == (2, "特征污染物", "parameters_unknown")
    assert problem.params == {"words": "重金属、VOCs"}


def test_discharges_come_back_from_the_database(fresh_database: Engine, write: Write) -> None:
    rows = [
        OUTFALL | {"排污口编码": code, "特征污染物": said}
        for code, said in (("W1", "氨氮、总磷"), ("W2", "无"), ("W3", ""))
    ]
    load(fresh_database, "outfalls", write("rows.csv", rows))
    assert in_force(fresh_database, "outfalls")["discharges"].tolist() == [["nh3_n", "tp"], [], None]
    again = load(fresh_database, "outfalls", write("again.csv", rows))
    assert (again.rows_loaded, again.rows_duplicate) == (0, 3)


# -- who lives below a pond ------------------------------------------------------------------------------


def test_overhead_ponds_and_their_residents_are_stored(fresh_database: Engine, write: Write) -> None:
    rows = [
        POND | {"尾矿库编码": code, "是否头顶库": flag, "下游1公里居民人数": people}
        for code, flag, people in (("P1", "是", "126"), ("P2", "否", "0"), ("P3", "", ""))
    ]
    assert load(fresh_database, "tailings-ponds", write("rows.csv", rows)).rows_loaded == 3
    stored = in_force(fresh_database, "tailings_ponds")
    assert stored["overhead"].tolist() == [True, False, None]
    assert stored["residents_downstream"].tolist() == [126, 0, None]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"下游1公里居民人数": "-3"}, "number_too_small"),
        ({"下游1公里居民人数": "约百人"}, "number_unreadable"),
        ({"下游1公里居民人数": "3.5"}, "number_not_whole"),
        ({"是否头顶库": "可能"}, "choice_unknown"),
    ],
)
def test_residents_that_are_no_number_are_refused(write: Write, cells: dict[str, str], code: str) -> None:
    found = parsed("tailings-ponds", write("rows.csv", [POND | cells]))
    assert [(problem.row, problem.column, problem.code) for problem in found.problems] == [
        (2, next(iter(cells)), code)
    ]
