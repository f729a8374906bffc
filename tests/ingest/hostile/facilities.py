"""Hostile files of facilities, shorelines, sections and the other kinds of places: one defect each.

Most hold a sound row first (row 2) and the defect after it (row 3), so that the sound one must survive. The
projected coordinates were worked out with PROJ from (114.305° E, 30.5925° N); the GCJ-02 pair is the first
row of a published station list.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyproj import Proj

from ingest.options import IngestOptions
from tests.ingest.hostile.cases import Case, as_csv, as_geojson, as_workbook

LON, LAT = 114.305, 30.5925
SOUND = {"编码": "P0", "名称": "甲排污口", "经度": "114.305", "纬度": "30.5925"}
POINT = {"type": "Point", "coordinates": [LON, LAT]}
SQUARE = {"type": "Polygon", "coordinates": [[[111, 30], [112, 30], [112, 31], [111, 31], [111, 30]]]}
BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[111, 30], [111.1, 30.1], [111.1, 30], [111, 30.1], [111, 30]]],
}
SPIKE = {"type": "Polygon", "coordinates": [[[111, 30], [111.5, 30.5], [112, 31], [111, 30]]]}
LINE = {"type": "LineString", "coordinates": [[111, 30.5], [111.5, 30.75]]}
HUBEI = {"type": "Polygon", "coordinates": [[[108, 29], [116, 29], [116, 33], [108, 33], [108, 29]]]}
PROVINCES = as_geojson((HUBEI, {"id": "42", "name": "湖北省"}))


def second(**cells: Any) -> bytes:
    """A sound outfall and one with these cells instead of its own."""
    return as_csv(SOUND, {**SOUND, "编码": "P1", **cells})


def metres(easting: str, northing: str) -> bytes:
    """One outfall in projected coordinates."""
    return as_csv({"编码": "P1", "名称": "甲排污口", "横坐标": easting, "纵坐标": northing})


def surveyed(ellipsoid: str) -> bytes:
    """Two points whose X, Y make their degrees on `ellipsoid` without a shift, labelled WGS 84."""
    gauss = Proj(proj="tmerc", lon_0=114, x_0=500_000, ellps=ellipsoid)
    features = []
    for number, lon in enumerate((114.305, 114.405)):
        east, north = gauss(lon, LAT)
        properties = {
            "编码": f"P{number}",
            "名称": f"排污口{number}",
            "X": round(east, 4),
            "Y": round(north, 4),
        }
        features.append(({"type": "Point", "coordinates": [lon, LAT]}, properties))
    return as_geojson(*features, crs="EPSG:4326")


def places(*, code: str = "P1", name: str = "甲", **more: Any) -> Mapping[str, Any]:
    """Properties of a feature."""
    return {"编码": code, "名称": name, **more}


def outfall(defect: str, content: bytes, **expected: Any) -> Case:
    """A case of an outfall list in CSV."""
    return Case(defect, "outfalls", "outfalls.csv", content, **expected)


COORDINATES = (
    outfall("swapped axes", second(经度="30.5925", 纬度="114.305"), loaded=1,
            faults=((3, None, "coordinate_swapped"),)),
    outfall("swapped axes, to be corrected", second(经度="30.5925", 纬度="114.305"), loaded=2,
            notices=((3, "coordinate_swap_corrected"),), options=IngestOptions(swapped="correct")),
    outfall("the place (0, 0)", second(经度="0", 纬度="0"), loaded=1, faults=((3, None, "coordinate_zero"),)),
    outfall("the place (0, 0), to be warned of", second(经度="0", 纬度="0"), loaded=2,
            notices=((3, "coordinate_zero_left_out"),), options=IngestOptions(outside="warn")),
    outfall("a longitude without a latitude", second(纬度=""), loaded=1,
            faults=((3, "纬度", "coordinate_half"),)),
    outfall("a word for a longitude", second(经度="江边"), loaded=1,
            faults=((3, "经度", "coordinate_unreadable"),)),
    outfall("61 minutes", second(经度="114°61′00″"), loaded=1,
            faults=((3, "经度", "coordinate_unreadable"),)),
    outfall("a latitude in the column of longitudes", second(经度="北纬30°35′33″"), loaded=1,
            faults=((3, "经度", "coordinate_unreadable"),)),
    outfall("two latitudes in one text",
            as_csv({"编码": "P1", "名称": "甲", "经纬度": "北纬30°35′33″，北纬114°18′18″"}),
            faults=((2, "经纬度", "coordinate_unreadable"),)),
    outfall("an easting without a zone", metres("529242.9", "3385673.4"),
            faults=((2, None, "coordinate_meridian_needed"),)),
    outfall("an easting with its zone and no system", metres("38529242.9", "3385673.4"), loaded=1,
            notices=((None, "zone_number_taken"),)),
    outfall("an easting of another zone", metres("39529242.9", "3385673.4"),
            faults=((2, None, "coordinate_zone_contradicts"),), options=IngestOptions(crs="EPSG:4526")),
    outfall("a zone number under a system without one", metres("38529242.9", "3385673.4"),
            faults=((2, None, "coordinate_zone_contradicts"),), options=IngestOptions(crs="EPSG:4547")),
    outfall("degrees under a projection", as_csv(SOUND),
            faults=((2, None, "coordinate_not_projected"),), options=IngestOptions(crs="EPSG:4547")),
    outfall("a number of no size", second(经度="1e300"), loaded=1,
            faults=((3, None, "coordinate_projected"),)),
    outfall("a place in Chile", second(经度="-68.604", 纬度="-20.943"), loaded=1,
            faults=((3, None, "coordinate_outside_china"),)),
    outfall("a file from Chile",
            as_csv(*({**SOUND, "编码": f"P{n}", "经度": "-68.6", "纬度": f"-20.{n}"} for n in range(12))),
            refused="file_outside_china"),
    outfall("a place outside the basin", second(经度="116.4", 纬度="39.9"), loaded=2,
            notices=((None, "outside_basin"),)),
    outfall("a place outside the basin, strictly", second(经度="116.4", 纬度="39.9"), loaded=1,
            faults=((3, None, "coordinate_outside_basin"),), options=IngestOptions(outside="error")),
    outfall("a place outside its province",
            as_csv({**SOUND, "行政区划代码": "420100"},
                   {**SOUND, "编码": "P1", "经度": "120.3", "行政区划代码": "420100"}),
            loaded=2, notices=((3, "outside_province"),), companions={"provinces.geojson": PROVINCES},
            options=IngestOptions(provinces=Path("provinces.geojson"))),
    outfall("a place outside its province, strictly",
            as_csv({**SOUND, "行政区划代码": "420100"},
                   {**SOUND, "编码": "P1", "经度": "120.3", "行政区划代码": "420100"}),
            loaded=1, faults=((3, None, "outside_province"),), companions={"provinces.geojson": PROVINCES},
            options=IngestOptions(provinces=Path("provinces.geojson"), outside="error")),
    Case("a layer of provinces for lines that claim none", "rivers", "r.geojson",
         as_geojson((LINE, {"code": "R1"})), refused="option_wrong",
         companions={"provinces.geojson": PROVINCES},
         options=IngestOptions(provinces=Path("provinces.geojson"))),
    outfall("a row without a province", as_csv({**SOUND, "行政区划代码": ""}), loaded=1,
            notices=((None, "provinces_unchecked"),), companions={"provinces.geojson": PROVINCES},
            options=IngestOptions(provinces=Path("provinces.geojson"))),
    outfall("a layer of provinces without polygons", as_csv(SOUND), refused="option_wrong",
            companions={"provinces.csv": b"name\n\xe6\xb9\x96\xe5\x8c\x97\n"},
            options=IngestOptions(provinces=Path("provinces.csv"))),
)  # fmt: skip

SYSTEMS = (
    outfall("Beijing 1954", as_csv(SOUND), refused="crs_refused", options=IngestOptions(crs="EPSG:4214")),
    outfall("Xian 1980 in a zone", metres("38529242.9", "3385673.4"), refused="crs_refused",
            options=IngestOptions(crs="EPSG:2362")),
    outfall("a system of nobody", as_csv(SOUND), refused="crs_unknown",
            options=IngestOptions(crs="EPSG:99999999")),
    outfall("a transformation without its accuracy", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(crs="EPSG:4214", transformation="EPSG:15918")),
    outfall("a transformation of another datum", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(crs="EPSG:4610", transformation="EPSG:15918", transformation_accuracy_m=1)),
    outfall("a transformation that is none", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(crs="EPSG:4610", transformation="+proj=helmert +x=9",
                                  transformation_accuracy_m=1)),
    outfall("a transformation where none is due", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(crs="EPSG:4326", transformation="EPSG:15918", transformation_accuracy_m=1)),
    outfall("coordinates of a web map", as_csv(SOUND), loaded=1, notices=((None, "accuracy_added"),),
            options=IngestOptions(crs="gcj02")),
    outfall("an American datum", as_csv(SOUND), loaded=1, notices=((None, "accuracy_added"),),
            options=IngestOptions(crs="EPSG:4269")),
    Case("degrees of Beijing 1954 labelled WGS 84", "outfalls", "p.geojson", surveyed("krass"),
         refused="crs_mislabelled"),
    Case("degrees of Xian 1980 labelled WGS 84", "outfalls", "p.geojson", surveyed("IAU76"),
         refused="crs_mislabelled"),
    Case("degrees of Beijing 1954 that somebody insists are WGS 84", "outfalls", "p.geojson",
         surveyed("krass"), loaded=2, notices=((None, "label_doubtful"),),
         options=IngestOptions(crs="EPSG:4326")),
    Case("GCJ-02 labelled WGS 84, with the true degrees beside it", "outfalls", "p.geojson",
         as_geojson(({"type": "Point", "coordinates": [121.785769, 31.193231]},
                     places(经度=121.781434, 纬度=31.195287)), crs="EPSG:4326"),
         refused="crs_mislabelled"),
    Case("a point a kilometre from its own columns", "outfalls", "p.geojson",
         as_geojson((POINT, places(code="P0", lon=LON, lat=LAT)),
                    (POINT, places(code="P1", lon=LON, lat=LAT)),
                    (POINT, places(code="P2", lon=LON, lat=LAT + 0.01))),
         loaded=3, notices=((None, "geometry_disagrees"),)),
    outfall("an X and a Y far from the text of the place",
            as_csv({"编码": "P1", "名称": "甲", "经纬度": "东经114°18′18″，北纬30°35′33″",
                    "X": "529242.9", "Y": "3395673.4"}),
            loaded=1, notices=((None, "geometry_disagrees"),)),
    Case("projected numbers in a GeoJSON without a system", "outfalls", "p.geojson",
         as_geojson(({"type": "Point", "coordinates": [529242.9, 3385673.4]}, places())),
         faults=((1, None, "coordinate_projected"),)),
)  # fmt: skip

GEOMETRIES = (
    Case("a polygon that crosses itself", "tailings-ponds", "p.geojson", as_geojson((BOW_TIE, places())),
         loaded=1, notices=((1, "geometry_repaired"),)),
    Case("a polygon without an area", "tailings-ponds", "p.geojson",
         as_geojson((SQUARE, places(code="P0")), (SPIKE, places())),
         loaded=1, faults=((2, None, "geometry_invalid"),)),
    Case("a line for an outfall", "outfalls", "p.geojson",
         as_geojson((POINT, places(code="P0")), (LINE, places())),
         loaded=1, faults=((2, None, "geometry_type"),)),
    Case("a null behind the height", "outfalls", "p.geojson",
         as_geojson(({"type": "Point", "coordinates": [LON, LAT, -2.6, None]}, places())), loaded=1),
    Case("a null for the height", "outfalls", "p.geojson",
         as_geojson(({"type": "Point", "coordinates": [LON, LAT, None]}, places())), loaded=1),
    Case("words for coordinates", "outfalls", "p.geojson",
         as_geojson(({"type": "Point", "coordinates": ["东", "北"]}, places())),
         faults=((1, None, "geometry_unreadable"),)),
    Case("a shoreline without a line", "shorelines", "s.geojson",
         as_geojson((LINE, {"water_body_code": "W", "rank": "mainstem"}),
                    (None, {"water_body_code": "V", "rank": "mainstem"})),
         loaded=1, faults=((2, None, "geometry_missing"),)),
    Case("a shoreline of two ranks", "shorelines", "s.geojson",
         as_geojson((LINE, {"water_body_code": "W", "rank": "mainstem"}),
                    (LINE, {"water_body_code": "W", "rank": "lake"})),
         faults=((1, "water_body_code", "key_conflict"), (2, "water_body_code", "key_conflict"))),
    outfall("a torn well-known text", as_csv({"编码": "P1", "名称": "甲", "geometry": "POINT (114.3 30.6"}),
            faults=((2, "geometry", "geometry_unreadable"),)),
    Case("a protection zone that is a point", "water-sources", "w.geojson",
         as_geojson((POINT, places(保护区级别="一级"))), faults=((1, "保护区级别", "zone_without_polygon"),)),
    Case("a river that flows into itself", "rivers", "r.geojson",
         as_geojson((LINE, {"code": "R1", "downstream_code": "R1"})),
         faults=((1, "downstream_code", "refers_to_itself"),)),
)  # fmt: skip

CELLS = (
    outfall("no code", second(编码=""), loaded=1, faults=((3, "编码", "value_missing"),)),
    outfall("one code for two outfalls", second(编码="P0", 名称="乙排污口"),
            faults=((2, "编码", "key_conflict"), (3, "编码", "key_conflict"))),
    outfall("a row twice", as_csv(SOUND, SOUND), loaded=1, duplicate=1),
    outfall("a line break and a control character in a name", second(名称="甲\x07乙"), loaded=1,
            faults=((3, "名称", "text_control_character"),)),
    outfall("an unknown category", second(排污口类型="养蜂"), loaded=1,
            faults=((3, "排污口类型", "choice_unknown"),)),
    outfall("a day that no calendar has", second(排查日期="2023-02-30"), loaded=1,
            faults=((3, "排查日期", "date_impossible"),)),
    outfall("a word for a day", second(排查日期="去年"), loaded=1,
            faults=((3, "排查日期", "date_unreadable"),)),
    outfall("a year before all records", second(排查日期="1823-06-30"), loaded=1,
            faults=((3, "排查日期", "date_out_of_range"),)),
    outfall("a validity that ends before it begins", second(valid_from="2023-01-02", valid_to="2023-01-01"),
            loaded=1, faults=((3, "valid_to", "validity_reversed"),)),
    outfall("dates in an odd order", second(排查日期="2023-05-01", 销号日期="2022-05-01"), loaded=2,
            notices=((3, "dates_out_of_order"),)),
    outfall("a negative accuracy", second(**{"定位精度(m)": "-5"}), loaded=1,
            faults=((3, "定位精度(m)", "number_too_small"),)),
    outfall("words in an accuracy", second(**{"定位精度(m)": "约5米左右"}), loaded=1,
            faults=((3, "定位精度(m)", "number_unreadable"),)),
    outfall("an accuracy in degrees Celsius", second(**{"定位精度(℃)": "5"}), refused="unit_unknown"),
    outfall("two digits of a region", second(行政区划代码="42"), loaded=1,
            faults=((3, "行政区划代码", "region_unreadable"),)),
    Case("a target worse than the standard", "sections", "s.csv",
         as_csv({"断面编码": "S1", "断面名称": "甲", "水质目标": "劣Ⅴ"}),
         faults=((2, "水质目标", "class_not_a_target"),)),
    Case("a class of nobody", "sections", "s.csv",
         as_csv({"断面编码": "S1", "断面名称": "甲", "水质目标": "优"}),
         faults=((2, "水质目标", "class_unreadable"),)),
    Case("attributes that are no JSON", "sites", "s.csv",
         as_csv({"编码": "HC", "名称": "甲", "类别": "x", "属性": "长 2.4 km"}),
         faults=((2, "属性", "json_unreadable"),)),
    Case("a limit of an unknown parameter", "section-targets", "t.csv",
         as_csv({"断面编码": "S1", "监测项目": "仙气", "比较符": "≤", "限值": "1"}),
         faults=((2, "监测项目", "parameter_unknown"),)),
)  # fmt: skip

TABLES = (
    outfall("no column of codes", as_csv({"名称": "甲", "经度": "114.3", "纬度": "30.6"}),
            refused="columns_missing"),
    outfall("two columns of names", as_csv({**SOUND, "排污口名称": "乙"}), refused="columns_clash"),
    outfall("a named column that is not there", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(columns={"code": "编号码"})),
    outfall("a field that outfalls do not have", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(columns={"grade": "名称"})),
    outfall("a rank for outfalls", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(rank="mainstem")),
    Case("a ranked line abroad", "shorelines", "s.geojson",
         as_geojson(({"type": "LineString", "coordinates": [[-111.9, 40.7], [-111.8, 40.8]]},
                     {"name": "甲"})),
         faults=((1, None, "coordinate_outside_china"),), options=IngestOptions(rank="支流")),
    Case("a rank that is none", "rivers", "r.geojson", as_geojson((LINE, {"code": "R1"})),
         refused="option_wrong", options=IngestOptions(rank="大河")),
    Case("a line without its rank, and the rank for it", "shorelines", "s.geojson",
         as_geojson((LINE, {"water_body_code": "W"})), loaded=1, options=IngestOptions(rank="干流")),
    outfall("a constant for a column that is there", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(constants={"name": "乙"})),
    outfall("a constant that is no word of its field", as_csv(SOUND), refused="option_wrong",
            options=IngestOptions(constants={"category": "养蜂"})),
    outfall("no column of categories, and a constant for it", as_csv(SOUND), loaded=1,
            options=IngestOptions(constants={"category": "工业"})),
    Case("no codes, and a name of two sections", "sections", "s.csv",
         as_csv({"断面名称": "临江", "省份": "上海市"}, {"断面名称": "临江", "省份": "江苏省"}),
         faults=((2, "code", "key_conflict"), (3, "code", "key_conflict")),
         options=IngestOptions(code_from="name")),
    Case("no codes, made of province and name", "sections", "s.csv",
         as_csv({"断面名称": "临江", "省份": "上海市"}, {"断面名称": "临江", "省份": "江苏省"}), loaded=2,
         options=IngestOptions(code_from="province/name")),
    Case("no codes, and no provinces to make them of", "sections", "s.csv", as_csv({"断面名称": "临江"}),
         refused="option_wrong", options=IngestOptions(code_from="province/name")),
    outfall("a row longer than its header",
            as_csv(("编码", "名称"), ("P0", "甲"), ("P1", "乙", "多出", "来的")),
            loaded=1, faults=((3, None, "row_too_long"),)),
    outfall("a header with a slip", as_csv({**SOUND, "销号曰期": ""}), loaded=1,
            notices=((None, "column_unknown_similar"),)),
    outfall("an empty file", b"", refused="file_empty"),
    outfall("a header and nothing below", as_csv(("编码", "名称")), refused="file_empty"),
    outfall("bytes of no encoding", as_csv(SOUND) + b"\xff\xff\x80", refused="encoding_wrong"),
    Case("a torn GeoJSON", "outfalls", "p.geojson", as_geojson((POINT, places()))[:-20],
         refused="format_unknown"),
    Case("a collection without features", "outfalls", "p.geojson", b'{"type": "FeatureCollection"}',
         refused="format_unknown"),
    Case("a torn workbook", "outfalls", "p.xlsx", as_workbook({"一": [["编码", "名称"], ["P1", "甲"]]})[:900],
         refused="format_unknown"),
    Case("a letter of a word processor", "outfalls", "p.docx", b"PK\x03\x04", refused="format_unsupported"),
    Case("a sheet that is not there", "outfalls", "p.xlsx",
         as_workbook({"一": [["编码", "名称"], ["P1", "甲"]]}), refused="sheet_missing",
         options=IngestOptions(sheet="二")),
)  # fmt: skip

FACILITIES = (*COORDINATES, *SYSTEMS, *GEOMETRIES, *CELLS, *TABLES)
