"""Where a row is, however the file says it; everything in EPSG:4490 afterwards."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from ingest.errors import CoordinateSystemError
from ingest.features import ParsedFeatures, parse_features
from ingest.options import IngestOptions
from tests.ingest.conftest import Write

OUTFALL = {"code": "P1", "name": "样例排污口"}


def only_point(parsed: ParsedFeatures) -> tuple[float, float]:
    assert parsed.problems == ()
    point = parsed.frame.geometry.iloc[0]
    return point.x, point.y


@pytest.mark.parametrize(
    "cells",
    [
        {"经度": "114.305", "纬度": "30.5925"},
        {"lon": 114.305, "lat": 30.5925},
        {"东经": "114°18′18″", "北纬": "30°35′33″"},
        {"经度": "114度18分18秒", "纬度": "30度35分33秒"},
        {"经纬度": "东经114°18′18″，北纬30°35′33″"},
        {"坐标": "30.5925,114.305"},
        {"X": "114.305", "Y": "30.5925"},
        {"X": "30.5925", "Y": "114.305"},
        {"geometry": "POINT (114.305 30.5925)"},
        {"geometry": '{"type":"Point","coordinates":[114.305,30.5925]}'},
        {"geometry": "SRID=4490;POINT Z (114.305 30.5925 12)"},
    ],
)
def test_a_place_is_read_in_every_form(write: Write, cells: dict[str, str]) -> None:
    parsed = parse_features("outfalls", write("p.csv", [OUTFALL | cells]))
    assert only_point(parsed) == pytest.approx((114.305, 30.5925), abs=1e-9)
    assert str(parsed.frame.crs) == "EPSG:4490"


def test_degrees_minutes_and_seconds_are_remembered_as_they_stood(write: Write) -> None:
    path = write("p.csv", [OUTFALL | {"经度": "114°18′18″", "纬度": "30°35′33″"}])
    assert parse_features("outfalls", path).frame["original"].iloc[0] == {
        "coordinates": {"经度": "114°18′18″", "纬度": "30°35′33″"}
    }


def test_plain_degrees_have_nothing_to_remember(write: Write) -> None:
    path = write("p.csv", [OUTFALL | {"lon": "114.305", "lat": "30.5925"}])
    assert parse_features("outfalls", path).frame["original"].iloc[0] is None


def test_wgs84_keeps_its_numbers_and_the_row_remembers_its_name(write: Write) -> None:
    path = write("p.geojson", [OUTFALL | {"geometry": shapely.Point(114.305, 30.5925)}], crs="EPSG:4326")
    parsed = parse_features("outfalls", path)
    assert only_point(parsed) == (114.305, 30.5925)
    assert parsed.frame["original"].iloc[0] == {"crs": "EPSG:4326"}


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4526", "EPSG:32650"])
def test_projected_coordinates_come_back_to_the_same_place(write: Write, crs: str) -> None:
    east, north = Transformer.from_crs(4490 if crs != "EPSG:32650" else 4326, crs, always_xy=True).transform(
        114.305, 30.5925
    )
    path = write("p.csv", [OUTFALL | {"横坐标": f"{east:.4f}", "纵坐标": f"{north:.4f}"}])
    parsed = parse_features("outfalls", path, IngestOptions(crs=crs))
    assert only_point(parsed) == pytest.approx((114.305, 30.5925), abs=2e-9)
    assert parsed.frame["original"].iloc[0]["crs"] == crs


def test_survey_tables_call_the_northing_x_and_are_told_by_magnitude(write: Write) -> None:
    east, north = Transformer.from_crs(4490, 4547, always_xy=True).transform(114.305, 30.5925)
    path = write("p.csv", [OUTFALL | {"X坐标": f"{north:.4f}", "Y坐标": f"{east:.4f}"}])
    parsed = parse_features("outfalls", path, IngestOptions(crs="EPSG:4547"))
    assert only_point(parsed) == pytest.approx((114.305, 30.5925), abs=2e-9)


@pytest.mark.parametrize("crs", ["EPSG:4214", "EPSG:2437", "EPSG:4610", "EPSG:2349"])
def test_beijing_1954_and_xian_1980_are_refused(write: Write, crs: str) -> None:
    path = write("p.csv", [OUTFALL | {"lon": "114.305", "lat": "30.5925"}])
    with pytest.raises(CoordinateSystemError) as caught:
        parse_features("outfalls", path, IngestOptions(crs=crs))
    assert caught.value.code == "crs_refused"


def test_an_unknown_system_is_an_error(write: Write) -> None:
    path = write("p.csv", [OUTFALL | {"lon": "114.305", "lat": "30.5925"}])
    with pytest.raises(CoordinateSystemError) as caught:
        parse_features("outfalls", path, IngestOptions(crs="EPSG:99999999"))
    assert caught.value.code == "crs_unknown"


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        ("30.5925", "114.305", "coordinate_swapped"),
        ("0", "0", "coordinate_zero"),
        ("-111.9", "40.7", "coordinate_outside_china"),
        ("529300", "3386000", "coordinate_meridian_needed"),
        ("114.305", "", "coordinate_half"),
        ("east", "30.5", "coordinate_unreadable"),
        ("114°61′00″", "30.5", "coordinate_unreadable"),
        ("1e999", "30.5", "coordinate_projected"),
    ],
)
def test_an_impossible_place_is_a_problem_with_its_own_code(
    write: Write, lon: str, lat: str, code: str
) -> None:
    parsed = parse_features("outfalls", write("p.csv", [OUTFALL | {"lon": lon, "lat": lat}]))
    assert [(problem.row, problem.code) for problem in parsed.problems] == [(2, code)]
    assert parsed.frame.empty


def test_a_place_outside_the_basin_is_a_warning_that_names_its_rows(write: Write) -> None:
    rows = [
        OUTFALL | {"lon": "114.3", "lat": "30.6"},
        {"code": "P2", "name": "北京", "lon": "116.4", "lat": "39.9"},
    ]
    parsed = parse_features("outfalls", write("p.csv", rows))
    (notice,) = parsed.warnings
    assert (notice.code, notice.params) == ("outside_basin", {"count": 1, "rows": "3"})
    assert len(parsed.frame) == 2


def test_an_invalid_polygon_is_repaired_kept_and_reported(write: Write) -> None:
    bow_tie = shapely.Polygon([(111, 30), (111.1, 30.1), (111.1, 30), (111, 30.1)])
    parsed = parse_features("tailings-ponds", write("p.geojson", [OUTFALL | {"geometry": bow_tie}]))
    assert parsed.frame.geometry.iloc[0].is_valid
    assert parsed.frame.geometry.iloc[0].geom_type == "MultiPolygon"
    assert shapely.from_wkt(parsed.frame["original"].iloc[0]["geometry"]).equals_exact(bow_tie)
    assert [notice.code for notice in parsed.warnings] == ["geometry_repaired"]


def test_a_geometry_of_the_wrong_type_is_a_problem(write: Write) -> None:
    line = shapely.LineString([(111, 30), (112, 30)])
    parsed = parse_features("outfalls", write("p.geojson", [OUTFALL | {"geometry": line}]))
    assert [problem.code for problem in parsed.problems] == ["geometry_type"]


def test_a_required_geometry_that_is_null_is_a_problem_and_an_optional_one_is_not(write: Write) -> None:
    shore = {"water_body_code": "W", "rank": "mainstem", "geometry": None}
    assert [p.code for p in parse_features("shorelines", write("s.geojson", [shore])).problems] == [
        "geometry_missing"
    ]
    assert parse_features("outfalls", write("p.geojson", [OUTFALL | {"geometry": None}])).problems == ()


def test_real_map_places_keep_every_digit(shared_data: Path) -> None:
    path = shared_data / "outfalls" / "yangtze_estuary_named_points_l3.geojson"
    parsed = parse_features("facilities", path)
    assert len(parsed.frame) == parsed.rows_read == 657
    assert only_point_of(parsed, "1") == (120.94960361100004, 31.813863028000071)


def only_point_of(parsed: ParsedFeatures, code: str) -> tuple[float, float]:
    point = parsed.frame.geometry[np.flatnonzero(parsed.frame["code"] == code)[0]]
    return point.x, point.y
