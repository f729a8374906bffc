"""Inventories of every kind from every format: the same rows come out, and every fault is named at once."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import shapely

from ingest.errors import ColumnClashError, MissingColumnsError, UnitError
from ingest.features import parse_features
from ingest.kinds import KINDS
from ingest.options import IngestOptions
from tests.ingest.conftest import Write

POINT = shapely.Point(111.3, 30.7)
LINE = shapely.LineString([(111.0, 30.5), (111.5, 30.75)])
AREA = shapely.box(111.0, 30.5, 111.1, 30.6)

# One row of each kind under headers that a bureau would write, and what it must become.
SAMPLES: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "water_bodies": (
        {
            "水体编码": "YL-QJ",
            "水体名称": "清江",
            "级别": "重要支流",
            "水体类型": "河流",
            "流域面积(km²)": 17000,
        },
        {
            "code": "YL-QJ",
            "name": "清江",
            "rank": "important_tributary",
            "kind": "river",
            "catchment_km2": 17000.0,
        },
    ),
    "shorelines": (
        {"水体编码": "YL-CJ", "级别": "干流", "岸线类型": "管理范围线", "定位精度(m)": "5", "geometry": LINE},
        {"water_body_code": "YL-CJ", "rank": "mainstem", "kind": "management_boundary", "accuracy_m": 5.0},
    ),
    "rivers": (
        {"河流编码": "R2", "河流名称": "清江", "下游河流编码": "R1", "等级": "重要支流", "geometry": LINE},
        {"code": "R2", "name": "清江", "downstream_code": "R1", "rank": "important_tributary"},
    ),
    "sections": (
        {
            "断面编码": "S420500001",
            "断面名称": "南津关",
            "所在河流": "长江",
            "水体类型": "河流",
            "省份": "湖北省",
            "所在地市": "宜昌市",
            "行政区划代码": 420500,
            "断面级别": "国控",
            "监测方式": "自动",
            "水质目标": "Ⅱ类",
            "生效日期": "2021年1月1日",
            "geometry": POINT,
        },
        {
            "code": "S420500001",
            "region_code": "420500",
            "level": "national",
            "station_type": "automatic",
            "target_class": 2,
            "valid_from": date(2021, 1, 1),
        },
    ),
    "outfalls": (
        {
            "排污口编码": "FA-420500-0001-GY-00",
            "排污口名称": "样例排污口",
            "排污口类型": "工业排污口",
            "是否重点": "是",
            "整治方式": "规范整治",
            "一口一策": "2022.6.14",
            "销号日期": "45107",
            "geometry": POINT,
        },
        {
            "category": "industrial",
            "key": True,
            "remediation": "standardised",
            "plan_on": date(2022, 6, 14),
            "cancelled_on": date(2023, 6, 30),
        },
    ),
    "tailings_ponds": (
        {
            "尾矿库编码": "WKK-01",
            "尾矿库名称": "样例尾矿库",
            "运营管理单位": "无",
            "运行状态": "停用",
            "尾矿库等别": "三等",
            "环境监管等级": "一级",
            "建设性质": "改建",
            "改建目的": "提升安全",
            "建设日期": date(2022, 3, 1),
            "geometry": AREA,
        },
        {
            "operator": None,
            "status": "out_of_use",
            "grade": 3,
            "supervision_level": 1,
            "action": "rebuild",
            "purpose": "safety",
            "action_on": date(2022, 3, 1),
        },
    ),
    "chemical_sites": (
        {
            "园区编码": "HG-1",
            "园区名称": "样例园区",
            "类型": "化工园区",
            "建设性质": "新建",
            "geometry": AREA,
        },
        {"code": "HG-1", "kind": "park", "action": "new"},
    ),
    "water_sources": (
        {
            "水源地编码": "SY-1",
            "水源地名称": "样例水源地",
            "级别": "县级",
            "水源类型": "地表水",
            "保护区级别": "一级保护区",
            "geometry": AREA,
        },
        {"level": "county", "kind": "surface", "zone_grade": 1},
    ),
    "section_targets": (
        {"断面编码": "S1", "监测项目": "总磷", "比较符": "≤", "限值": "60", "单位": "μg/L"},
        {"section": "S1", "parameter": "tp", "comparator": "<=", "limit": Decimal("0.06"), "unit": "mg/L"},
    ),
    "sites": (
        {
            "编码": "HC-1",
            "名称": "样例黑臭水体",
            "类别": "black_odorous_water",
            "状态": "已消除",
            "属性": '{"length_km": 2.4}',
            "geometry": LINE,
        },
        {"category": "black_odorous_water", "status": "已消除", "attributes": {"length_km": 2.4}},
    ),
    "indicators": (
        {"目标编号": "CN-3-6", "行政区划代码": "yangtze", "时期": "2023", "数值": "98.20", "单位": "%"},
        {"target_id": "CN-3-6", "region_code": "yangtze", "period": "2023", "value": Decimal("98.20")},
    ),
    "ledger": (
        {"对象类型": "尾矿库", "对象编码": "WKK-1", "事件": "完成污染治理", "发生日期": "2023年6月30日"},
        {"subject_kind": "tailings_pond", "event": "完成污染治理", "occurred_on": date(2023, 6, 30)},
    ),
}


def test_there_is_a_sample_of_every_kind() -> None:
    assert SAMPLES.keys() == KINDS.keys() - {"facilities"}


@pytest.mark.parametrize("ending", ["csv", "xlsx", "geojson", "gpkg"])
@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_every_kind_is_read_from_every_format(write: Write, kind: str, ending: str) -> None:
    given, expected = SAMPLES[kind]
    parsed = parse_features(kind, write(f"{kind}.{ending}", [given]))
    assert parsed.problems == ()
    (row,) = parsed.frame.to_dict("records")
    assert {name: row[name] for name in expected} == expected
    if "geometry" in given:
        assert row["geometry"].equals(given["geometry"])
    assert parsed.rows_read == 1


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_the_format_does_not_change_the_facts(write: Write, kind: str) -> None:
    hashes = {
        parse_features(kind, write(f"{kind}.{ending}", [SAMPLES[kind][0]])).frame["fact_hash"].iloc[0]
        for ending in ("csv", "xlsx", "geojson", "gpkg")
    }
    assert len(hashes) == 1


def test_all_faults_of_all_rows_are_reported_at_once(write: Write) -> None:
    rows = [
        {
            "编码": "",
            "名称": "甲",
            "运行状态": "坏了",
            "尾矿库等别": "9",
            "行政区划代码": "42",
            "闭库日期": "2023-02-30",
        },
        {
            "编码": "W2",
            "名称": "乙",
            "运行状态": "在用",
            "定位精度(m)": "-1",
            "经度": "30.5",
            "纬度": "111.2",
        },
        {"编码": "W3", "名称": "丙"},
    ]
    parsed = parse_features("tailings_ponds", write("w.csv", rows))
    assert [(problem.row, problem.column, problem.code) for problem in parsed.problems] == [
        (2, "尾矿库等别", "choice_unknown"),
        (2, "编码", "value_missing"),
        (2, "行政区划代码", "region_unreadable"),
        (2, "运行状态", "choice_unknown"),
        (2, "闭库日期", "date_impossible"),
        (3, None, "coordinate_swapped"),
        (3, "定位精度(m)", "number_too_small"),
    ]
    assert parsed.frame["code"].tolist() == ["W3"]


def test_the_same_row_twice_is_a_repetition_and_two_stories_of_one_code_are_a_conflict(write: Write) -> None:
    first, other = {"code": "P1", "name": "甲"}, {"code": "P2", "name": "乙"}
    parsed = parse_features("outfalls", write("p.csv", [first, first, other, other | {"name": "丙"}]))
    assert parsed.repeated == (3,)
    assert [(p.row, p.code, p.params) for p in parsed.problems] == [
        (4, "key_conflict", {"others": "5"}),
        (5, "key_conflict", {"others": "4"}),
    ]
    assert parsed.frame["code"].tolist() == ["P1"]


def test_a_repetition_of_a_conflicting_row_is_refused_like_it(write: Write) -> None:
    rows = [{"code": "P1", "name": name} for name in ("甲", "甲", "乙")]
    parsed = parse_features("outfalls", write("p.csv", rows))
    assert [(p.row, p.params["others"]) for p in parsed.problems] == [(2, "4"), (3, "4"), (4, "2, 3")]
    assert parsed.repeated == ()


def test_a_row_without_the_name_that_codes_are_made_of_is_refused(write: Write) -> None:
    rows = [{"name": name, "geometry": "LINESTRING (108 31, 108.1 31)"} for name in ("甲河", "")]
    parsed = parse_features("rivers", write("r.csv", rows), IngestOptions(code_from="name"))
    assert [(p.row, p.column, p.code) for p in parsed.problems] == [(3, "name", "value_missing")]


def test_versions_of_one_code_from_different_days_stand_side_by_side(write: Write) -> None:
    rows = [{"code": "P1", "name": "甲", "valid_from": day} for day in ("2020-01-01", "2022-01-01")]
    assert len(parse_features("outfalls", write("p.csv", rows)).frame) == 2


def test_a_shoreline_may_come_in_pieces_but_has_one_rank(write: Write) -> None:
    piece = {"water_body_code": "W", "rank": "mainstem", "geometry": LINE}
    other = piece | {"geometry": shapely.transform(LINE, lambda pairs: pairs + 0.5)}
    assert len(parse_features("shorelines", write("s.geojson", [piece, other])).frame) == 2
    torn = parse_features("shorelines", write("t.geojson", [piece, other | {"rank": "lake"}]))
    assert {problem.code for problem in torn.problems} == {"key_conflict"}


def test_a_validity_that_ends_before_it_begins_is_refused(write: Write) -> None:
    row = {"code": "P1", "name": "甲", "valid_from": "2023-01-02", "valid_to": "2023-01-01"}
    assert [p.code for p in parse_features("outfalls", write("p.csv", [row])).problems] == [
        "validity_reversed"
    ]


def test_dates_in_an_odd_order_are_a_warning(write: Write) -> None:
    row = {"code": "W1", "name": "甲", "closed_on": "2023-05-01", "cancelled_on": "2022-05-01"}
    parsed = parse_features("tailings_ponds", write("w.csv", [row]))
    assert [(notice.row, notice.code) for notice in parsed.warnings] == [(2, "dates_out_of_order")]
    assert len(parsed.frame) == 1


def test_a_protection_zone_must_be_a_polygon(write: Write) -> None:
    row = {"code": "SY", "name": "甲", "zone_grade": "1", "geometry": POINT}
    assert [p.code for p in parse_features("water_sources", write("s.geojson", [row])).problems] == [
        "zone_without_polygon"
    ]


def test_a_target_worse_than_the_standard_is_refused(write: Write) -> None:
    row = {"code": "S1", "name": "甲", "target_class": "劣Ⅴ"}
    assert [p.code for p in parse_features("sections", write("s.csv", [row])).problems] == [
        "class_not_a_target"
    ]


def test_a_limit_in_a_foreign_unit_is_refused_by_its_row(write: Write) -> None:
    row = {"section": "S1", "parameter": "tp", "comparator": "<=", "limit": "1", "unit": "ppm"}
    assert [p.code for p in parse_features("section_targets", write("t.csv", [row])).problems] == [
        "unit_not_convertible"
    ]


def test_a_missing_column_two_columns_for_one_field_and_a_foreign_unit_end_the_file(write: Write) -> None:
    with pytest.raises(MissingColumnsError) as caught:
        parse_features("outfalls", write("p.csv", [{"名字": "甲"}]))
    assert caught.value.missing == ("code", "name")
    with pytest.raises(ColumnClashError):
        parse_features("outfalls", write("p.csv", [{"code": "1", "名称": "甲", "排污口名称": "乙"}]))
    with pytest.raises(UnitError):
        parse_features("outfalls", write("p.csv", [{"code": "1", "name": "甲", "精度(℃)": "5"}]))


def test_unknown_columns_are_named_with_a_suggestion(write: Write) -> None:
    parsed = parse_features(
        "outfalls", write("p.csv", [{"code": "1", "name": "甲", "销号曰期": "", "天气": "晴"}])
    )
    assert [(notice.code, notice.column) for notice in parsed.warnings] == [
        ("column_unknown_similar", "销号曰期"),
        ("column_unknown", "天气"),
    ]
    assert parsed.warnings[0].params["similar"] == "cancelled_on"


def test_names_with_control_characters_are_refused(write: Write) -> None:
    parsed = parse_features("outfalls", write("p.csv", [{"code": "1", "name": "甲\x07乙"}]))
    assert [problem.code for problem in parsed.problems] == ["text_control_character"]


def test_only_a_centre_line_has_a_half_width(write: Write) -> None:
    line = {
        "water_body_code": "YR",
        "name": "左岸",
        "rank": "干流",
        "geometry": "LINESTRING (111 30, 111 31)",
    }
    middle = line | {"岸线类型": "中心线", "河道半宽（km）": 0.75}
    parsed = parse_features("shorelines", write("middle.csv", [middle]))
    assert not parsed.problems
    assert parsed.frame["half_width_m"].tolist() == [Decimal(750)]
    bank = parse_features("shorelines", write("bank.csv", [middle | {"岸线类型": "imagery"}]))
    assert [problem.code for problem in bank.problems] == ["half_width_without_centreline"]
    nothing = parse_features("shorelines", write("nothing.csv", [middle | {"河道半宽（km）": 0}]))
    assert [problem.code for problem in nothing.problems] == ["number_too_small"]


def test_a_plain_line_file_becomes_shorelines_of_the_rank_that_is_given(shared_data: Path) -> None:
    options = IngestOptions(rank="mainstem")
    parsed = parse_features("shorelines", shared_data / "geometry" / "yangtze_river_tnc.geojson", options)
    assert parsed.problems == ()
    assert set(parsed.frame["rank"]) == {"mainstem"}
    assert parsed.frame["water_body_code"].tolist()[0] == "Chang Jiang (Yangtze)"


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("geometry/ne_10m_rivers_yangtze_bbox.geojson", 74),
        ("geometry/ne_10m_lakes_yangtze_bbox.geojson", 71),
        ("geometry/hydrorivers_taihu/hydrorivers_taihu_bbox.shp", 2082),
    ],
)
def test_real_line_files_can_be_measured_with(shared_data: Path, file: str, rows: int) -> None:
    parsed = parse_features("shorelines", shared_data / file, IngestOptions(rank="支流"))
    assert (parsed.problems, len(parsed.frame), parsed.rows_read) == ((), rows, rows)


def test_berths_with_a_null_behind_each_height_are_read_and_empty_ones_named(shared_data: Path) -> None:
    path = shared_data / "geometry" / "yangtze_estuary_dock_lines.geojson"
    parsed = parse_features("shorelines", path, IngestOptions(rank="tributary"))
    assert len(parsed.frame) + len(parsed.problems) == parsed.rows_read == 547
    assert {problem.code for problem in parsed.problems} == {"geometry_missing"}


def test_no_operator_and_nobody_knows_are_two_things(write: Write) -> None:
    rows = [
        {"code": code, "name": "甲库", "operator": operator}
        for code, operator in (("W1", ""), ("W2", "无主"), ("W3", "不明"), ("W4", "某矿业公司"))
    ]
    told = parse_features("tailings_ponds", write("ponds.csv", rows)).frame["operator"].tolist()
    assert told == [None, None, "未知", "某矿业公司"]
    silent = parse_features("tailings_ponds", write("silent.csv", [{"code": "W1", "name": "甲库"}])).frame
    assert silent["operator"].tolist() == ["未知"]


@pytest.mark.parametrize(
    "text", ["[1]", "{", '{"n": NaN}', '{"n": 1e999}', '{"n": "\\u0000"}', '{"n": "\\ud800"}', "[" * 100_000]
)
def test_attributes_that_the_database_cannot_hold_are_refused_in_their_row(write: Write, text: str) -> None:
    rows = [
        {"编码": "S1", "名称": "甲", "类别": "landfill", "attributes": text},
        {"编码": "S2", "名称": "乙", "类别": "landfill", "attributes": '{"面积": 1.5}'},
    ]
    parsed = parse_features("sites", write("sites.csv", rows))
    assert [(problem.row, problem.code) for problem in parsed.problems] == [(2, "json_unreadable")]
    assert parsed.frame["attributes"].tolist() == [{"面积": 1.5}]


@pytest.mark.parametrize(
    ("header", "text"), [("代表河长", "12.5"), ("河长(km)", "12.5"), ("河长(m)", "12500")]
)
def test_the_length_that_a_section_stands_for_is_kept_in_km_exactly(
    write: Write, header: str, text: str
) -> None:
    row = {"code": "S1", "name": "样例断面", header: text, "lon": "111.3", "lat": "30.7"}
    parsed = parse_features("sections", write("s.csv", [row]))
    assert parsed.frame["river_length_km"].tolist() == [Decimal("12.5")]
