"""`shoreline extract` as a bureau officer uses it: scenes in, a layer that loads and measures out."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.shorelines import ExtractionOut
from models.queries import features_in_force
from tests.spatial.imagery_cases import (
    LAKE,
    ORIGIN,
    Look,
    coverage,
    lake_and_river,
    meander,
    reflectance,
    write_raster,
    write_scene,
)

DATA = Path(__file__).parents[3] / "shared" / "data" / "raster"
LAKE_CENTRE = (ORIGIN[0] + 603, ORIGIN[1] - 707)
COLUMNS = ["water_body_code", "name", "rank", "kind", "accuracy_m", "source", "valid_from", "geometry"]


@pytest.fixture(scope="module")
def share() -> np.ndarray:
    return coverage(lake_and_river(), (240, 240))


@pytest.fixture
def scene(tmp_path: Path, share: np.ndarray) -> Path:
    return write_scene(tmp_path / "S2A_MSIL2A_20200216T033829_T48RVV.tif", share)


def on_earth(pixels: shapely.Geometry) -> shapely.Geometry:
    """A shape in pixels of the made-up scene, in metres of UTM zone 48."""
    return shapely.transform(pixels, lambda xy: np.asarray(ORIGIN) + xy * (10, -10))


def known_waters(path: Path) -> Path:
    """The lake and the river as a register has them: roughly, and in longitude and latitude."""
    frame = gpd.GeoDataFrame(
        {
            "code": ["L-1", "R-1", "R-2"],
            "name": ["圆湖", "弯河", "别处的河"],
            "rank": ["lake", "tributary", "mainstem"],
        },
        geometry=[
            on_earth(LAKE.buffer(3)),
            on_earth(meander().simplify(4)),
            shapely.box(*ORIGIN, *np.add(ORIGIN, 900)),
        ],
        crs=32648,
    ).to_crs(4490)
    frame.to_file(path, driver="GPKG", engine="pyogrio")
    return path


def unbroken(text: str) -> str:
    """The text as it is whatever the width of the screen."""
    return "".join(text.split())


def reported(result: Any) -> ExtractionOut:
    assert result.exit_code == 0, result.stderr
    return ExtractionOut.model_validate(json.loads(result.stdout))


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "parquet", "zip"])
@pytest.mark.parametrize("to", [(), ("--to", "4490")])
def test_every_kind_of_layer_loads_and_measures(
    cli: Any, scene: Path, tmp_path: Path, fresh_database: Engine, ending: str, to: tuple[str, ...]
) -> None:
    out = tmp_path / f"岸线.{ending}"
    codes = ("--water-bodies", known_waters(tmp_path / "waters.gpkg"))
    done = cli("shoreline", "extract", scene, "--out", out, *codes, *to, "--format", "json")
    report = reported(done)
    assert {(water.water_body_code, water.name, water.rank) for water in report.waters} == {
        ("L-1", "圆湖", "lake"),
        ("R-1", "弯河", "tributary"),
    }
    loaded = cli("ingest", "shorelines", out, "--format", "json", database=fresh_database)
    assert loaded.exit_code == 0, loaded.stderr
    answer = json.loads(loaded.stdout)
    assert (answer["rows_loaded"], answer["warnings"]) == (2, [])
    with Session(fresh_database) as session:
        stored = features_in_force(session, "shorelines", date(2024, 1, 1))
        before = features_in_force(session, "shorelines", date(2020, 2, 15))
    assert before.empty  # the scene is of the next day
    assert set(stored["kind"]) == {"imagery"}
    assert stored.set_index("water_body_code")["accuracy_m"].to_dict() == pytest.approx(
        {water.water_body_code: water.accuracy_m for water in report.waters}
    )
    assert (
        stored["source"].str.startswith("Sentinel-2 · S2A_MSIL2A_20200216T033829_T48RVV.tif · NDWI > ").all()
    )
    # A point 500 m from the lake's centre: 312 m of them are water, and the UTM zone shortens by 0.9996.
    place = gpd.GeoSeries([shapely.Point(LAKE_CENTRE[0] - 500, LAKE_CENTRE[1])], crs=32648).to_crs(4490)[0]
    facility = tmp_path / "facility.csv"
    facility.write_text(f"code,lon,lat\nF1,{place.x},{place.y}\nF2,{place.x + 0.005},{place.y}\n")
    measured = json.loads(cli("distance", facility, "--shorelines", out, "--format", "json").stdout)
    assert measured[0]["nearest"]["lake"]["distance_m"] == pytest.approx(188, abs=2)
    assert measured[0]["nearest"]["lake"]["water_body_code"] == "L-1"
    assert measured[1]["nearest"]["lake"]["distance_m"] == 0  # in the water
    assert measured[0]["nearest"]["tributary"] is not None


def test_the_layer_has_the_columns_of_the_contract_and_details_on_request(
    cli: Any, scene: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.gpkg"
    command = ("shoreline", "extract", scene, "--out", out, "--water-body", "W", "--rank", "lake")
    assert cli(*command).exit_code == 0
    assert list(gpd.read_file(out).columns) == COLUMNS
    assert cli(*command, "--details").exit_code == 0
    frame = gpd.read_file(out)
    assert set(frame.columns) - set(COLUMNS) == {"area_m2", "shore_m", "open_m", "islands"}
    assert frame.crs.to_epsg() == 32648
    assert frame["valid_from"].astype(str).str.startswith("2020-02-16").all()
    assert (frame.geometry.area - frame["area_m2"]).abs().max() < 0.02 * frame["area_m2"].max()
    assert shapely.is_ccw(shapely.get_exterior_ring(frame.geometry.to_numpy())).all()


def test_an_outline_that_is_not_all_shore_says_so_in_its_source(
    cli: Any, scene: Path, tmp_path: Path
) -> None:
    out = tmp_path / "a.gpkg"
    command = (
        "shoreline",
        "extract",
        scene,
        "--out",
        out,
        "--water-bodies",
        known_waters(tmp_path / "w.gpkg"),
    )
    assert cli(*command).exit_code == 0
    sources = gpd.read_file(out).set_index("water_body_code")["source"]
    assert sources["R-1"].endswith(" · 0.3 km open")  # the river leaves the image on both sides
    assert sources["L-1"].endswith("(Otsu)")
    assert cli(*command, "--source", "省遥感中心").exit_code == 0
    assert set(gpd.read_file(out)["source"]) == {"省遥感中心"}


def test_lines_leave_the_edge_of_the_image_open(cli: Any, scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.gpkg"
    command = ("shoreline", "extract", scene, "--out", out, "--water-body", "W", "--rank", "lake", "--lines")
    report = reported(cli(*command, "--format", "json"))
    frame = gpd.read_file(out)
    assert set(frame.geom_type) == {"MultiLineString"}
    edge = shapely.boundary(on_earth(shapely.box(0, 0, 240, 240)))
    assert frame.geometry.intersection(edge.buffer(1)).length.max() < 50  # it meets the edge, and ends there
    assert frame.geometry.length.sum() == pytest.approx(
        sum(water.shore_m for water in report.waters), rel=0.02
    )
    assert sorted(len(one.geoms) for one in frame.geometry) == [2, 2]  # two banks; shore and island
    assert sorted(all(part.is_ring for part in one.geoms) for one in frame.geometry) == [False, True]


def test_the_mask_holds_land_water_and_the_unknown(
    cli: Any, scene: Path, tmp_path: Path, share: np.ndarray
) -> None:
    scl = np.full((1, 120, 120), 5, dtype=np.uint8)
    scl[0, :10, :10] = 8
    clouds = write_raster(tmp_path / "scl.tif", scl, pixel=20.0)
    out, mask = tmp_path / "a.gpkg", tmp_path / "mask.tif"
    result = cli(
        "shoreline", "extract", scene, "--clouds", clouds, "--out", out, "--mask", mask, "--format", "json"
    )
    report = reported(result)
    assert (report.pixels_clouded, report.clouded_percent) == (400, 0.7)
    with rasterio.open(mask) as file:
        classes = file.read(1)
        assert (file.nodata, file.crs.to_epsg()) == (255, 32648)
    assert (classes[:20, :20] == 255).all()
    known = classes != 255
    assert ((classes == 1) == (share > 0.5))[known].mean() > 0.995


def test_without_codes_ingest_refuses_and_the_command_says_so_before(
    cli: Any, scene: Path, tmp_path: Path, fresh_database: Engine
) -> None:
    out = tmp_path / "a.gpkg"
    result = cli("--lang", "en", "shoreline", "extract", scene, "--out", out)
    assert result.exit_code == 0
    assert "2 waters have no code and will be refused by ingest" in result.stderr
    loaded = cli("ingest", "shorelines", out, database=fresh_database)
    assert loaded.exit_code == 1
    numbered = ("--others", "number", "--rank", "tributary")
    assert cli("shoreline", "extract", scene, "--out", out, *numbered).exit_code == 0
    codes = set(gpd.read_file(out)["water_body_code"])
    assert codes == {f"S2A_MSIL2A_20200216T033829_T48RVV-{number:04d}" for number in (1, 2)}
    loaded = cli("ingest", "shorelines", out, database=fresh_database)
    assert loaded.exit_code == 0, loaded.stderr


def test_waters_outside_the_known_ones_may_be_dropped(cli: Any, scene: Path, tmp_path: Path) -> None:
    waters = gpd.read_file(known_waters(tmp_path / "all.gpkg"))
    lake, elsewhere = tmp_path / "lake.gpkg", tmp_path / "elsewhere.gpkg"
    waters[waters["code"] == "L-1"].to_file(lake, engine="pyogrio")
    waters[waters["code"] == "R-2"].to_file(elsewhere, engine="pyogrio")
    out = tmp_path / "a.geojson"
    result = cli("shoreline", "extract", scene, "--out", out, "--water-bodies", lake, "--others", "drop")
    assert result.exit_code == 0
    (feature,) = json.loads(out.read_text())["features"]
    assert feature["properties"]["water_body_code"] == "L-1"
    lon, lat = feature["geometry"]["coordinates"][0][0]
    assert 104 < lon < 105
    assert 31 < lat < 32
    out.unlink()
    result = cli("shoreline", "extract", scene, "--out", out, "--water-bodies", elsewhere, "--others", "drop")
    assert result.exit_code == 2
    assert "--others keep" in result.stderr
    assert not out.exists()


def test_registered_waters_give_their_codes_and_shared_ones_are_named(
    cli: Any, scene: Path, tmp_path: Path, fresh_database: Engine
) -> None:
    waters = gpd.read_file(known_waters(tmp_path / "waters.gpkg"))
    bay = waters[waters["code"] == "L-1"].copy()
    west, south, east, north = bay.total_bounds
    bay["code"] = "L-2"
    bay.geometry = [shapely.box(west, south, west + (east - west) / 3, north)]
    line = waters[waters["code"] == "R-1"].copy()
    line["code"] = "R-9"
    axis = shapely.LineString(shapely.get_coordinates(shapely.LineString([(0, 185), (100, 185)])))
    line.geometry = gpd.GeoSeries([on_earth(axis)], index=line.index, crs=32648).to_crs(4490)
    both = tmp_path / "register.geojson"
    gpd.pd.concat([waters[waters["code"] == "L-1"], bay, line]).to_file(both, engine="pyogrio")
    loaded = cli("ingest", "water-bodies", both, database=fresh_database)
    assert loaded.exit_code == 0, loaded.stderr
    out = tmp_path / "a.gpkg"
    command = ("shoreline", "extract", scene, "--out", out, "--registered", "--format", "json")
    report = reported(cli(*command, database=fresh_database))
    found = {water.water_body_code: water.shared_with for water in report.waters}
    assert found == {"L-1": ["L-2"], "R-9": []}  # the river is known by its line alone
    assert [notice.code for notice in report.notices if notice.code == "shared"] == ["shared"]


@pytest.mark.parametrize("lines", [False, True])
def test_a_lake_and_the_river_through_it_are_cut_apart_where_the_register_has_both(
    cli: Any, tmp_path: Path, lines: bool
) -> None:
    """A river 20 pixels wide enters and leaves a round lake: one water on the image, two in the register."""
    lake = shapely.Point(120, 120).buffer(50)
    river = shapely.box(0, 110, 240, 130)
    scene = write_scene(tmp_path / "scene_20200216.tif", coverage(lake.union(river), (240, 240)))
    register = gpd.GeoDataFrame(
        {"code": ["L", "R"], "name": ["湖", "河"], "rank": ["lake", "mainstem"]},
        geometry=[on_earth(lake.buffer(2)), on_earth(river.difference(lake).buffer(-1))],
        crs=32648,
    ).to_crs(4490)
    waters, out = tmp_path / "waters.gpkg", tmp_path / "a.gpkg"
    register.to_file(waters, engine="pyogrio")
    command = ("shoreline", "extract", scene, "--out", out, "--water-bodies", waters, "--format", "json")
    together = reported(cli(*command))
    assert [(water.water_body_code, water.shared_with) for water in together.waters] == [("L", ["R"])]
    report = reported(cli(*command, "--cut", *(["--lines"] if lines else [])))
    found = [(water.water_body_code, water.rank, water.shared_with) for water in report.waters]
    assert sorted(found) == [("L", "lake", []), ("R", "mainstem", []), ("R", "mainstem", [])]
    areas = {water.water_body_code: water.area_m2 for water in report.waters}
    # The round lake, and the two pixels of each river mouth that the register counts as lake.
    assert areas["L"] == pytest.approx((np.pi * 50**2 + 2 * 2 * 20) * 100, rel=0.01)
    assert report.area_m2 == pytest.approx(together.area_m2, rel=0.001)
    assert report.shore_m == pytest.approx(together.shore_m, rel=0.01)
    assert report.open_m == pytest.approx(together.open_m, abs=50)  # the cuts are neither shore nor open
    frame = gpd.read_file(out)
    assert len(frame) == 3
    if lines:
        assert frame.geometry.length.sum() == pytest.approx(report.shore_m, rel=0.02)
    else:
        whole = shapely.union_all(frame.geometry.buffer(0.001).to_numpy())
        assert whole.area == pytest.approx(report.area_m2, rel=0.002)
        assert frame.geometry.iloc[0].intersection(frame.geometry.iloc[1]).area < 1


def test_a_scene_without_a_date_needs_one(cli: Any, tmp_path: Path, share: np.ndarray) -> None:
    path = write_scene(tmp_path / "scene.tif", share)
    out = tmp_path / "a.gpkg"
    refused = cli("--lang", "en", "shoreline", "extract", path, "--out", out)
    assert refused.exit_code == 2
    assert refused.stderr.strip() == (
        "qingjiang: nothing tells of which day scene.tif is. "
        "Name it with --date 2024-05-01 (--date unknown if nobody knows)."
    )
    command = ("shoreline", "extract", path, "--out", out, "--format", "json", "--date")
    assert reported(cli(*command, "2021-05-01")).date == "2021-05-01"
    unknown = reported(cli(*command, "unknown"))
    assert unknown.date is None
    assert "no_date" in {notice.code for notice in unknown.notices}
    assert cli(*command, "yesterday").exit_code == 2


def test_the_date_of_a_tag_wins_over_the_name(cli: Any, tmp_path: Path, share: np.ndarray) -> None:
    path = write_scene(tmp_path / "map_20240101.tif", share, tags={"DATE_ACQUIRED": "2020-02-16"})
    report = reported(cli("shoreline", "extract", path, "--out", tmp_path / "a.gpkg", "--format", "json"))
    assert (report.date, report.date_from) == ("2020-02-16", "tags")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--out", "a.xyz"), ".gpkg .geojson .json .parquet .zip"),
        (("--out", "a.gpkg", "--mask", "b.png"), ".tif .tiff"),
        (("--out", "a.gpkg", "--water-body", "W"), "--rank"),
        (("--out", "a.gpkg", "--others", "number"), "--rank"),
        (("--out", "a.gpkg", "--to", "3857"), "4490"),
        (("--out", "a.gpkg", "--green", "7", "--nir", "2"), "1 to 2"),
        (("--out", "a.gpkg", "--index", "mndwi"), "--swir"),
        (("--out", "a.gpkg", "--threshold", "2"), "--threshold"),
        (("--out", "a.gpkg", "--clouds", "none.tif"), "no such file"),
        (("--out", "a.gpkg", "--water-body", "W", "--rank", "lake", "--registered"), "--water-bodies"),
        (("--out", "a.gpkg", "--min-water", "1e9"), "--min-water"),
        (("--out", "a.gpkg", "--geolocation", "inf"), "--geolocation"),
        (("--out", "a.gpkg", "--cut"), "--registered"),
    ],
)
def test_wrong_arguments_are_one_line_that_says_what_to_do(
    cli: Any, scene: Path, arguments: tuple[str, ...], told: str
) -> None:
    result = cli("--lang", "en", "shoreline", "extract", scene, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_the_raster_itself_is_never_written_over(cli: Any, tmp_path: Path, share: np.ndarray) -> None:
    path = write_scene(tmp_path / "scene_20200216.tif", share)
    before = path.read_bytes()
    result = cli("shoreline", "extract", path, "--out", tmp_path / "a.gpkg", "--mask", path)
    assert result.exit_code == 2
    assert path.read_bytes() == before


def test_the_known_waters_are_never_written_over(cli: Any, scene: Path, tmp_path: Path) -> None:
    known = tmp_path / "waters.geojson"
    known.write_text("{}")
    result = cli("shoreline", "extract", scene, "--water-bodies", known, "--out", known)
    assert result.exit_code == 2
    assert known.name in result.stderr
    assert known.read_text() == "{}"


def test_files_that_are_no_scene_are_one_line_each(cli: Any, tmp_path: Path) -> None:
    empty = write_raster(tmp_path / "empty_20200101.tif", np.zeros((2, 32, 32), np.uint16), nodata=0)
    many = np.arange(32 * 32, dtype=np.uint16).reshape(1, 32, 32)
    single = write_raster(tmp_path / "single_20200101.tif", many)
    nowhere = write_raster(tmp_path / "nowhere_20200101.tif", np.ones((2, 32, 32), np.uint16), crs=None)
    text = tmp_path / "text_20200101.tif"
    text.write_text("nothing")
    for path, options, told in (
        (empty, ("--green", "1", "--nir", "2"), "--nodata"),
        (single, (), "--water-value"),
        (nowhere, ("--green", "1", "--nir", "2"), "--crs"),
        (text, (), "GeoTIFF"),
    ):
        for language in ("en", "zh-CN"):
            command = (
                "--lang",
                language,
                "shoreline",
                "extract",
                path,
                "--out",
                tmp_path / "a.gpkg",
                *options,
            )
            result = cli(*command)
            assert result.exit_code == 2, path
            assert told in result.stderr
            assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "a.gpkg").exists()


@pytest.mark.parametrize(("language", "told"), [("zh-CN", "只有一条窄河"), ("en", "only a narrow river")])
def test_a_scene_with_only_a_narrow_river_needs_a_threshold_and_is_told_so(
    cli: Any, tmp_path: Path, language: str, told: str
) -> None:
    river = coverage(shapely.box(0, 100, 240, 107), (240, 240))  # 7 of 240 rows: 2.9 %
    path = write_scene(tmp_path / "river_20200216.tif", river)
    out = tmp_path / "a.gpkg"
    command = ("--lang", language, "shoreline", "extract", path, "--out", out, "--format", "json")
    refused = cli(*command)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert "--threshold" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    report = reported(cli(*command, "--threshold", "0"))
    (message,) = (one.message for one in report.notices if one.code == "not_bimodal")
    assert told in message
    assert report.area_m2 == pytest.approx(240 * 7 * 100, rel=0.02)


def test_a_band_name_alone_is_ambiguous_until_the_sensor_is_said(
    cli: Any, tmp_path: Path, share: np.ndarray
) -> None:
    path = write_scene(tmp_path / "scene_20200216.tif", share, names=("B3", "B8"))
    command = ("shoreline", "extract", path, "--out", tmp_path / "a.gpkg", "--format", "json")
    refused = cli(*command)
    assert refused.exit_code == 2
    assert "--sensor" in refused.stderr
    assert "1: B3, 2: B8" in refused.stderr
    assert reported(cli(*command, "--sensor", "sentinel2")).bands == ["B3", "B8"]


@pytest.mark.parametrize(
    ("language", "told"), [("zh-CN", "按 --green 2 以第 2 波段为 green"), ("en", "as --green 2 says")]
)
def test_a_stated_band_that_the_file_calls_another_is_told(
    cli: Any, tmp_path: Path, share: np.ndarray, language: str, told: str
) -> None:
    path = write_scene(tmp_path / "nan_20200216.tif", share)
    out = tmp_path / "a.gpkg"
    command = ("--lang", language, "shoreline", "extract", path, "--out", out, "--format", "json")
    swapped = cli(*command, "--green", "2", "--nir", "1")
    messages = [one.message for one in reported(swapped).notices if one.code == "band"]
    assert len(messages) == 2
    assert told in messages[0]
    assert "nan_20200216.tif" in messages[0]
    assert all(unbroken(message) in unbroken(swapped.stderr) for message in messages)
    right = cli(*command, "--green", "1", "--nir", "2")
    assert not [one for one in reported(right).notices if one.code == "band"]
    only_nir = reported(cli(*command, "--nir", "2"))
    assert not [one for one in only_nir.notices if one.code == "band"]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("epsg", [21418, 2332], ids=["Beijing 1954", "Xian 1980"])
def test_a_scene_on_an_old_datum_says_how_its_layer_is_loaded(
    cli: Any, tmp_path: Path, share: np.ndarray, fresh_database: Engine, language: str, epsg: int
) -> None:
    place = rasterio.transform.from_origin(18_400_000.0, 3_447_730.0, 10.0, 10.0)
    path = write_scene(tmp_path / "old_20200216.tif", share, crs=f"EPSG:{epsg}", transform=place)
    out = tmp_path / "old.gpkg"
    codes = ("--water-body", "W", "--rank", "lake")
    command = ("--lang", language, "shoreline", "extract", path, "--out", out, *codes)
    result = cli(*command, "--format", "json")
    (message,) = (one.message for one in reported(result).notices if one.code == "datum")
    assert "--transformation" in message
    assert unbroken(message) in unbroken(result.stderr)
    assert unbroken("ingest shorelines --transformation") in unbroken(result.stderr)
    refused = cli("ingest", "shorelines", out, database=fresh_database)
    assert refused.exit_code != 0
    assert "--transformation" in refused.output
    pipeline = "+proj=pipeline +step +proj=affine +xoff=0.0005 +yoff=-0.0002"
    shift = ("--transformation", pipeline, "--transformation-accuracy", "100")
    loaded = cli("ingest", "shorelines", out, *shift, database=fresh_database)
    assert loaded.exit_code == 0, loaded.output


@pytest.mark.parametrize(("language", "told"), [("zh-CN", "两景影像"), ("en", "two scenes")])
@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("green", "nir"), ()),
        (("green", "nir"), ("--green", "1", "--nir", "2")),
        ((None, None), ("--green", "3", "--nir", "4")),
        (("green", "nir"), ("--kind", "mask")),
    ],
)
def test_two_whole_scenes_at_once_are_refused(
    cli: Any,
    tmp_path: Path,
    share: np.ndarray,
    language: str,
    told: str,
    names: tuple[Any, ...],
    options: tuple[str, ...],
) -> None:
    one, other = (write_scene(tmp_path / f"{name}_20200216.tif", share, names=names) for name in "ab")
    command = ("--lang", language, "shoreline", "extract", one, other, "--out", tmp_path / "o.gpkg")
    result = cli(*command, *options)
    assert result.exit_code == 2
    assert told in result.stderr
    assert one.name in result.stderr
    assert other.name in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "o.gpkg").exists()


def test_bands_that_are_separate_or_coarser_are_one_scene(
    cli: Any, scene: Path, tmp_path: Path, share: np.ndarray
) -> None:
    bands = np.rint(reflectance(share, Look()) * 10_000).astype(np.uint16)
    files = [
        write_raster(tmp_path / f"{name}_20200216.tif", bands[[number]], nodata=0, names=(name,))
        for number, name in enumerate(("green", "nir"))
    ]
    coarse = write_raster(
        tmp_path / "R20m.tif", bands[::-1, ::2, ::2], nodata=0, names=("nir", "green"), pixel=20.0
    )
    command = ("shoreline", "extract", "--out", tmp_path / "o.gpkg", "--format", "json")
    for rasters, options in (
        (files, ()),
        (files, ("--green", "1", "--nir", "2")),
        ((scene, coarse), ()),
        ((scene, coarse), ("--green", "1", "--nir", "3")),
    ):
        assert len(reported(cli(*command, *rasters, *options)).waters) == 2


def test_a_ready_index_may_have_water_below(cli: Any, tmp_path: Path, share: np.ndarray) -> None:
    ndvi = (0.6 - 0.9 * share)[None].astype(np.float32)
    path = write_raster(tmp_path / "ndvi_20200216.tif", ndvi)
    command = (
        "shoreline",
        "extract",
        path,
        "--out",
        tmp_path / "a.gpkg",
        "--kind",
        "index",
        "--format",
        "json",
    )
    report = reported(cli(*command, "--water-below"))
    assert len(report.waters) == 2
    assert report.threshold is not None
    assert 0 < report.threshold.value < 0.5
    assert report.threshold.water_mean < report.threshold.land_mean


def test_the_table_for_people_speaks_both_languages(cli: Any, scene: Path, tmp_path: Path) -> None:
    command = (
        "shoreline",
        "extract",
        scene,
        "--out",
        tmp_path / "a.gpkg",
        "--water-body",
        "W",
        "--rank",
        "lake",
    )
    chinese = cli(*command)
    assert "岸线精度 accuracy_m（米）" in chinese.stdout
    assert "不是岸线" in chinese.stderr  # the river leaves the image
    english = cli("--lang", "en", *command)
    assert "position of the scene 12.5" in english.stdout
    assert "load it with qingjiang ingest shorelines" in english.stderr


@pytest.mark.skipif(not DATA.exists(), reason="the shared rasters are not here")
def test_the_river_at_deyang_loads_and_its_mask_comes_back(
    cli: Any, tmp_path: Path, fresh_database: Engine
) -> None:
    raster = DATA / "deyang_s2b_20200216" / "water_mask.tif"
    out, mask = tmp_path / "deyang.gpkg", tmp_path / "mask.tif"
    codes = ("--water-body", "旌湖", "--rank", "tributary", "--sensor", "sentinel2")
    result = cli("shoreline", "extract", raster, "--out", out, "--mask", mask, *codes, "--format", "json")
    report = reported(result)
    assert (report.date, report.date_from, report.kind) == ("2020-02-16", "folder name", "mask")
    assert report.area_m2 == pytest.approx(1_780_000, rel=0.01)
    with rasterio.open(raster) as before, rasterio.open(mask) as after:
        old, new = before.read(1) == 1, after.read(1) == 1
    assert (old & new).sum() / (old | new).sum() >= 0.95
    loaded = cli("ingest", "shorelines", out, "--format", "json", database=fresh_database)
    assert loaded.exit_code == 0, loaded.stderr
    assert json.loads(loaded.stdout)["rows_loaded"] == report.count
