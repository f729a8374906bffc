"""Ways into EPSG:4490: what they cost, what they remember, and what the file's own columns betray.

The shifted coordinates of the basin's places come from public tables, those on old datums from PROJ used
directly; nothing here is computed by the code under test.
"""

import csv
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod, Proj, Transformer

from ingest.errors import CoordinateSystemError, ForeignFileError, IngestError, OptionError
from ingest.features import ParsedFeatures, parse_features
from ingest.labels import Label, compare_columns
from ingest.options import IngestOptions
from ingest.provinces import open_provinces
from ingest.systems import conventions
from tests.ingest.conftest import Write

ROOT = Path(__file__).parents[2]
OUTFALL = {"code": "P1", "name": "样例排污口"}
LON, LAT = 114.305, 30.5925
METRES = Geod(ellps="GRS80")


def one_row(parsed: ParsedFeatures) -> dict[str, Any]:
    assert parsed.problems == ()
    (row,) = parsed.frame.to_dict("records")
    return row


def metres_apart(point: shapely.Point, lon: float, lat: float) -> float:
    return float(METRES.inv(point.x, point.y, lon, lat)[2])


# -- what a way costs ------------------------------------------------------------------------------------


def test_the_assumed_accuracy_is_that_of_the_rules() -> None:
    rules = tomllib.loads((ROOT / "spatial" / "rules" / "settings.toml").read_text(encoding="utf-8"))
    assert conventions()["assumed"]["accuracy_m"] == rules["missing_accuracy_m"]["default"]


def test_every_convention_has_its_ground_and_its_day() -> None:
    for name, table in conventions().items():
        assert table["ground"], name
        assert table["set_on"], name


@pytest.mark.parametrize(
    ("crs", "stated", "expected"),
    [("gcj02", "10", 15.0), ("GCJ-02", "", 30.0), ("bd09", "10", 20.0), ("EPSG:4269", "", 29.0)],
)
def test_a_shifted_place_is_as_uncertain_as_its_own_accuracy_and_the_shift_together(
    write: Write, crs: str, stated: str, expected: float
) -> None:
    """An accuracy that nobody states counts 25 m, so that a shift never makes a place surer."""
    path = write("p.csv", [OUTFALL | {"lon": LON, "lat": LAT, "accuracy_m": stated}])
    parsed = parse_features("outfalls", path, IngestOptions(crs=crs))
    row = one_row(parsed)
    assert row["accuracy_m"] == expected
    assert row["original"]["crs"] == crs
    assert row["original"]["accuracy_m"] == (float(stated) if stated else None)
    assert [notice.code for notice in parsed.warnings] == ["accuracy_added"]


def test_a_section_has_no_accuracy_and_remembers_what_was_added(write: Write) -> None:
    path = write("s.csv", [OUTFALL | {"lon": LON, "lat": LAT}])
    original = one_row(parse_features("sections", path, IngestOptions(crs="gcj02")))["original"]
    assert original["added_accuracy_m"] == 5.0


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4326", "EPSG:4547"])
def test_exact_ways_cost_nothing(write: Write, crs: str) -> None:
    east, north = Proj(crs)(LON, LAT) if crs == "EPSG:4547" else (LON, LAT)
    path = write("p.csv", [OUTFALL | {"x": east, "y": north, "accuracy_m": "3"}])
    parsed = parse_features("outfalls", path, IngestOptions(crs=crs))
    assert one_row(parsed)["accuracy_m"] == 3.0
    assert parsed.warnings == ()


def test_the_published_gcj_places_of_a_station_list_come_back_to_their_wgs_places(shared_data: Path) -> None:
    """The list gives both; its own inverse is a single subtraction, which errs by metres."""
    path = shared_data / "stations" / "taihu_sections_geocoded_jiangsu-shanghai.csv"
    shifted = parse_features(
        "sections", path, IngestOptions(columns={"lon": "lon_gcj", "lat": "lat_gcj"}, crs="gcj02")
    )
    plain = parse_features("sections", path, IngestOptions(columns={"lon": "lon_wgs", "lat": "lat_wgs"}))
    assert {problem.code for problem in shifted.problems} == {"coordinate_zero"}
    assert len(shifted.problems) == 6
    wgs = dict(zip(plain.frame["code"], plain.frame.geometry, strict=True))
    apart = [
        metres_apart(wgs[code], point.x, point.y)
        for code, point in zip(shifted.frame["code"], shifted.frame.geometry, strict=True)
    ]
    assert max(apart) < 5


# -- old datums ------------------------------------------------------------------------------------------


def test_a_named_transformation_moves_beijing_1954_and_its_accuracy_is_kept(write: Write) -> None:
    """Expected: the three parameters of EPSG:15918, through PROJ's own Helmert step."""
    helmert = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=push +v_3"
        " +step +proj=cart +ellps=krass +step +proj=helmert +x=12.646 +y=-155.176 +z=-80.863"
        " +step +inv +proj=cart +ellps=WGS84 +step +proj=pop +v_3"
        " +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    lon, lat = helmert.transform(LON, LAT)
    options = IngestOptions(crs="EPSG:4214", transformation="EPSG:15918", transformation_accuracy_m=1.0)
    path = write("p.csv", [OUTFALL | {"lon": LON, "lat": LAT, "accuracy_m": "10"}])
    row = one_row(parse_features("outfalls", path, options))
    assert metres_apart(row["geometry"], lon, lat) < 0.001
    assert 50 < metres_apart(row["geometry"], LON, LAT) < 70
    assert row["accuracy_m"] == 11.0
    assert row["original"] == {
        "accuracy_m": 10.0,
        "added_accuracy_m": 1.0,
        "coordinates": {"wkt": "POINT (114.305 30.5925)"},
        "crs": "EPSG:4214",
        "transformation": "EPSG:15918",
        "transformation_accuracy_m": 1.0,
    }


def test_a_projected_place_on_xian_1980_goes_through_a_pipeline_of_the_callers_own(write: Write) -> None:
    shift = (
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=push +v_3"
        " +step +proj=cart +a=6378140 +rf=298.257 +step +proj=helmert +x=20 +y=-30 +z=40"
        " +step +inv +proj=cart +ellps=GRS80 +step +proj=pop +v_3"
        " +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )
    east, north = Proj("+proj=tmerc +lon_0=114 +x_0=500000 +a=6378140 +rf=298.257")(LON, LAT)
    lon, lat = Transformer.from_pipeline(shift).transform(LON, LAT)
    options = IngestOptions(crs="EPSG:2383", transformation=shift, transformation_accuracy_m=5)
    path = write("p.csv", [OUTFALL | {"横坐标": f"{east:.4f}", "纵坐标": f"{north:.4f}"}])
    row = one_row(parse_features("outfalls", path, options))
    assert metres_apart(row["geometry"], lon, lat) < 0.001
    assert row["accuracy_m"] == 30.0


@pytest.mark.parametrize(
    ("transformation", "accuracy"),
    [
        ("EPSG:15918", None),
        (None, 5.0),
        ("EPSG:15918", 0.0),
        ("EPSG:15918", float("nan")),
        ("EPSG:1188", 4.0),
        ("EPSG:4490", 1.0),
        ("no pipeline", 1.0),
        ("+proj=longlat", 1.0),
    ],
)
def test_a_transformation_that_cannot_be_meant_is_refused(
    write: Write, transformation: str | None, accuracy: float | None
) -> None:
    options = IngestOptions(
        crs="EPSG:4214", transformation=transformation, transformation_accuracy_m=accuracy
    )
    with pytest.raises(OptionError):
        parse_features("outfalls", write("p.csv", [OUTFALL | {"lon": LON, "lat": LAT}]), options)


# -- zones -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "epsg", "meridian"),
    [(38, "EPSG:4526", 114), (19, "EPSG:4497", 111), (41, "EPSG:4529", 123), (31, "EPSG:4519", 93)],
)
@pytest.mark.parametrize("northing_first", [False, True])
def test_a_zone_number_in_the_easting_is_enough(
    write: Write, zone: int, epsg: str, meridian: int, northing_first: bool
) -> None:
    lon = meridian - 0.305
    east, north = Proj(f"+proj=tmerc +lon_0={meridian} +x_0={zone}500000 +ellps=GRS80")(lon, LAT)
    pair = (north, east) if northing_first else (east, north)
    path = write("p.csv", [OUTFALL | {"X": f"{pair[0]:.4f}", "Y": f"{pair[1]:.4f}"}])
    parsed = parse_features("outfalls", path)
    row = one_row(parsed)
    assert metres_apart(row["geometry"], lon, LAT) < 0.001
    assert row["original"]["crs"] == epsg
    assert row["original"]["coordinates"] == {"X": f"{pair[0]:.4f}", "Y": f"{pair[1]:.4f}"}
    assert [(notice.code, notice.params["crs"]) for notice in parsed.warnings] == [
        ("zone_number_taken", epsg)
    ]


def test_the_error_about_another_zone_names_the_right_system(write: Write) -> None:
    path = write("p.csv", [OUTFALL | {"横坐标": "39529242.9", "纵坐标": "3385673.4"}])
    (problem,) = parse_features("outfalls", path, IngestOptions(crs="EPSG:4526")).problems
    assert (problem.code, problem.params["suggested"]) == ("coordinate_zone_contradicts", "EPSG:4527")
    path = write("q.csv", [OUTFALL | {"横坐标": "529242.9", "纵坐标": "3385673.4"}])
    (problem,) = parse_features("outfalls", path, IngestOptions(crs="EPSG:4526")).problems
    assert (problem.code, problem.params["suggested"]) == ("coordinate_zone_contradicts", "EPSG:4547")


def test_rows_of_several_zones_in_one_file_each_find_their_own(write: Write) -> None:
    rows = [
        {"code": f"P{zone}", "name": "甲", "横坐标": f"{zone}500000", "纵坐标": "3385000"}
        for zone in (38, 39, 40)
    ]
    parsed = parse_features("outfalls", write("p.csv", rows))
    assert [round(point.x, 9) for point in parsed.frame.geometry] == [114, 117, 120]


# -- forms, swaps, surroundings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "119°28'05\"",
        "119度28分5秒",
        "E119.468056",
        "119.28.05",
        "119°28’05”",
        "119°28′O5″",
        "１１９°２８′０５″",
    ],
)
def test_every_form_of_a_longitude_that_the_field_notes_list_is_read(write: Write, text: str) -> None:
    path = write("p.csv", [OUTFALL | {"经度": text, "纬度": "32°25′22.8″"}])
    point = one_row(parse_features("outfalls", path))["geometry"]
    assert point.x == pytest.approx(119 + 28 / 60 + 5 / 3600, abs=5e-7)
    assert point.y == pytest.approx(32.423, abs=1e-9)


def test_a_corrected_swap_is_told_and_remembered(write: Write) -> None:
    path = write("p.csv", [OUTFALL | {"lon": LAT, "lat": LON}])
    parsed = parse_features("outfalls", path, IngestOptions(swapped="correct", crs="gcj02"))
    row = one_row(parsed)
    assert 500 < metres_apart(row["geometry"], LON, LAT) < 650  # the shift at Wuhan is 587 m
    assert row["original"]["swapped"] is True
    assert row["original"]["coordinates"] == {"wkt": "POINT (30.5925 114.305)"}
    assert [notice.code for notice in parsed.warnings] == ["coordinate_swap_corrected", "accuracy_added"]


def test_a_whole_file_from_abroad_is_refused_in_one_sentence(shared_data: Path) -> None:
    path = shared_data / "tailings" / "chile_sernageomin_relaves_2025-10.csv"
    columns = {"code": "ID", "name": "NOMBRE_INSTALACION", "lon": "LONGITUD", "lat": "LATITUD"}
    with pytest.raises(ForeignFileError) as caught:
        parse_features("tailings_ponds", path, IngestOptions(columns=columns))
    assert caught.value.params["count"] == 836
    assert caught.value.params["around"] == "71.0°W, 30.2°S"


def test_real_provinces_are_repaired_and_doubt_who_lies_ten_kilometres_outside(
    shared_data: Path, tmp_path: Path
) -> None:
    layer = shared_data / "geometry" / "china_admin" / "china_provinces.geojson"
    provinces = open_provinces(layer)
    assert (len(provinces.names), provinces.repaired) == (34, 4)
    assert bool(shapely.is_valid(provinces.shapes).all())
    stations = shared_data / "stations" / "taihu_sections_geocoded_jiangsu-shanghai.csv"
    path = tmp_path / "moved.csv"
    path.write_text(stations.read_text(encoding="utf-8-sig").replace("江苏省", "浙江省"), encoding="utf-8")
    options = IngestOptions(columns={"lon": "lon_wgs", "lat": "lat_wgs"}, provinces=layer, outside="warn")
    parsed = parse_features("sections", path, options)
    doubted = {notice.row for notice in parsed.warnings if notice.code == "outside_province"}
    assert doubted == places_outside(layer, path)
    assert len(doubted) > 20


def places_outside(layer: Path, path: Path) -> set[int]:
    """Rows more than 10 km outside their province, in a plane around each place."""
    shapes = {
        feature["properties"]["name"][:2]: shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
        for feature in json.loads(layer.read_text(encoding="utf-8"))["features"]
    }
    rows = set()
    for number, row in enumerate(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()), start=2):
        point = shapely.Point(float(row["lon_wgs"]), float(row["lat_wgs"]))
        if point.x == 0 or row["province"][:2] not in shapes:
            continue
        project = Transformer.from_crs(4326, f"+proj=aeqd +lon_0={point.x} +lat_0={point.y}", always_xy=True)
        plane = shapely.transform(shapes[row["province"][:2]], project.transform, interleaved=False)
        if plane.distance(shapely.Point(0, 0)) > 10_000:
            rows.add(number)
    return rows


# -- labels ----------------------------------------------------------------------------------------------


def test_the_estuary_places_are_wgs84_made_from_beijing_1954_by_a_published_transformation(
    shared_data: Path,
) -> None:
    """X, Y are EPSG:2437; on Krasovsky alone they miss the geometry by 70 m, by EPSG:15919 by 0.1 mm."""
    path = shared_data / "outfalls" / "yangtze_estuary_named_points_l3.geojson"
    parsed = parse_features("facilities", path)
    (notice,) = (notice for notice in parsed.warnings if notice.code == "label_transformed")
    assert notice.params == {"columns": "X, Y", "crs": "EPSG:2437", "operation": "EPSG:15919", "metres": "15"}
    assert set(parsed.frame["accuracy_m"]) == {40.0}
    assert parsed.frame["original"].iloc[0]["made_from"] == {
        "crs": "EPSG:2437",
        "transformation": "EPSG:15919",
    }


@pytest.mark.parametrize(
    ("ellipsoid", "datum", "crs"), [("krass", "EPSG:4214", "EPSG:2435"), ("IAU76", "EPSG:4610", "EPSG:2383")]
)
@pytest.mark.parametrize("zone", [0, 38_000_000])
@pytest.mark.parametrize("northing_first", [False, True])
def test_columns_on_an_old_ellipsoid_betray_the_datum_of_the_degrees(
    ellipsoid: str, datum: str, crs: str, zone: int, northing_first: bool
) -> None:
    lon, lat = np.linspace(113, 115, 7), np.linspace(29, 31, 7)
    east, north = Proj(f"+proj=tmerc +lon_0=114 +x_0=500000 +ellps={ellipsoid}")(lon, lat)
    pair = (north, east + zone) if northing_first else (east + zone, north)
    found = compare_columns(lon, lat, np.round(pair[0]), np.round(pair[1]))
    assert found is not None
    assert (found.label, found.datum, found.crs, found.compared) == (Label.WRONG, datum, crs, 7)


@pytest.mark.parametrize(
    "columns", ["+proj=tmerc +lon_0=114 +x_0=500000 +ellps=GRS80", "+proj=utm +zone=49 +ellps=WGS84"]
)
def test_columns_on_the_files_own_datum_agree(columns: str) -> None:
    lon, lat = np.linspace(112.5, 113.5, 7), np.linspace(29, 31, 7)
    found = compare_columns(lon, lat, *Proj(columns)(lon, lat))
    assert found is not None
    assert (found.label, found.apart.any()) == (Label.AGREES, np.False_)


def test_numbers_that_are_no_coordinates_say_nothing() -> None:
    lon, lat = np.array([114.0, 114.1]), np.array([30.0, 30.1])
    assert compare_columns(lon, lat, np.array([np.nan, 0.0]), np.array([np.nan, 0.0])) is None
    assert compare_columns(lon, lat, np.array([7e7, 999.0]), np.array([1.0, 2.0])) is None


def test_columns_that_nothing_explains_are_told_with_their_rows(write: Write) -> None:
    rows = [
        {
            "code": f"P{n}",
            "name": "甲",
            "lon": 114.0 + n / 100,
            "lat": 30.0,
            "X": 500_000 + 7_000 * n,
            "Y": 3_300_000,
        }
        for n in range(3)
    ]
    (notice,) = parse_features("outfalls", write("p.csv", rows)).warnings
    assert (notice.code, notice.params["count"], notice.params["rows"]) == (
        "geometry_disagrees",
        3,
        "2, 3, 4",
    )


def test_a_wrong_label_says_how_to_load_the_file_all_the_same(write: Write) -> None:
    east, north = Proj("+proj=tmerc +lon_0=114 +x_0=500000 +ellps=krass")(LON, LAT)
    row = OUTFALL | {"X": east, "Y": north, "geometry": shapely.Point(LON, LAT)}
    path = write("p.geojson", [row], crs="EPSG:4326")
    with pytest.raises(CoordinateSystemError) as caught:
        parse_features("outfalls", path)
    assert caught.value.code == "crs_mislabelled"
    assert caught.value.params["remedy"] == (
        "--crs EPSG:4214 --transformation EPSG:… --transformation-accuracy M"
    )
    told = IngestOptions(crs="EPSG:4214", transformation="EPSG:15918", transformation_accuracy_m=1)
    assert 50 < metres_apart(one_row(parse_features("outfalls", path, told))["geometry"], LON, LAT) < 70


# -- anything at all -------------------------------------------------------------------------------------

_CELLS = st.one_of(
    st.text(max_size=12),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(
        ["114.305", "30.5925", "38529242.9", "529242.9", "3385673.4", "0", "114°18′18″", "-68.6"]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(_CELLS, _CELLS, _CELLS, _CELLS), min_size=1, max_size=4),
    st.sampled_from([None, "EPSG:4547", "EPSG:4526", "gcj02", "EPSG:4269", "EPSG:3857"]),
    st.sampled_from(["error", "correct"]),
    st.sampled_from([None, "warn", "error", "ignore"]),
)
def test_whatever_stands_in_the_cells_every_row_is_placed_or_told(
    write: Write, cells: list[tuple[str, str, str, str]], crs: str | None, swapped: Any, outside: Any
) -> None:
    rows = [
        {"code": f"P{n}", "name": "甲", "lon": a, "lat": b, "X": c, "Y": d}
        for n, (a, b, c, d) in enumerate(cells)
    ]
    options = IngestOptions(crs=crs, swapped=swapped, outside=outside)
    try:
        parsed = parse_features("outfalls", write("p.csv", rows), options)
    except IngestError:
        return
    told = {problem.row for problem in parsed.problems}
    assert len(parsed.frame) + len(told) + len(parsed.repeated) == parsed.rows_read
    for point in parsed.frame.geometry:
        assert point is None or (73 <= point.x <= 136 and 3 <= point.y <= 54)
