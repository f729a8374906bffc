"""Zones at the doors: what is in the files, what every one of them says of itself, what is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from fastapi.testclient import TestClient
from geographiclib.geodesic import Geodesic
from shapely import LineString, Point, Polygon
from shapely.geometry import shape
from typer.testing import Result

from api.catalogue import Catalogue, Language

Cli = Callable[..., Result]

GRS80 = Geodesic(6_378_137.0, 1 / 298.257222101)
RIVER = LineString([(110.9, 30.8), (111.3, 30.7), (111.45, 30.3)])
LAKE = Polygon(
    [(111.5, 30.5), (111.9, 30.5), (111.9, 30.8), (111.5, 30.8)],
    [[(111.6, 30.6), (111.75, 30.6), (111.75, 30.7), (111.6, 30.7)]],
)
NOTE_ZH, NOTE_EN = (Catalogue(one).text("zones.note") for one in (Language.CHINESE, Language.ENGLISH))


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    file = tmp_path / "岸线.geojson"
    gpd.GeoDataFrame(
        {"water_body_code": ["R", "L"], "rank": ["mainstem", "lake"], "source": "survey 2023"},
        geometry=[RIVER, LAKE],
        crs=4490,
    ).to_file(file)
    return file


def walk(lon: float, lat: float, azimuth: float, metres: float) -> Point:
    reached = GRS80.Direct(lat, lon, azimuth, metres)
    return Point(reached["lon2"], reached["lat2"])


def signed_area(ring: list[list[float]]) -> float:
    x, y = np.array(ring).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def geodesic_km2(zone: Any) -> float:
    """Area by GeographicLib, holes taken off."""

    def ring_m2(ring: Any) -> float:
        polygon = GRS80.Polygon()
        for lon, lat in ring.coords[:-1]:
            polygon.AddPoint(lat, lon)
        return abs(polygon.Compute()[2])

    return (
        sum(
            ring_m2(part.exterior) - sum(ring_m2(hole) for hole in part.interiors)
            for part in shapely.get_parts(zone)
        )
        / 1e6
    )


def test_geojson_holds_one_feature_for_each_rank_and_width(cli: Cli, lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "zones.geojson"
    result = cli("zones", "--shorelines", lines, "--out", out, "--width", 1000, "--width", 250.5)
    assert result.exit_code == 0, result.output
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["type"] == "FeatureCollection"
    assert document["note_zh"] == NOTE_ZH
    assert document["note_en"] == NOTE_EN
    assert document["widths_m"] == [1000, 250.5]
    assert document["source"] == "survey 2023"
    assert document["shoreline_versions"].startswith("岸线.geojson sha256:")
    assert document["as_of"] is None
    assert "crs" not in document
    found = {(f["properties"]["rank"], f["properties"]["width_m"]): f for f in document["features"]}
    assert list(found) == [("mainstem", 1000), ("mainstem", 250.5), ("lake", 1000), ("lake", 250.5)]
    for feature in document["features"]:
        assert feature["geometry"]["type"] == "MultiPolygon"
        zone = shape(feature["geometry"])
        assert zone.is_valid
        for polygon in feature["geometry"]["coordinates"]:
            assert signed_area(polygon[0]) > 0
            assert all(signed_area(hole) < 0 for hole in polygon[1:])
        assert feature["properties"]["area_km2"] == pytest.approx(geodesic_km2(zone), abs=0.002)
        assert (
            max(len(repr(float(number)).partition(".")[2]) for number in shapely.get_coordinates(zone).flat)
            <= 7
        )
    for (rank, width_m), start, azimuth in [
        (("mainstem", 1000), RIVER.coords[0], 300),
        (("mainstem", 250.5), RIVER.coords[-1], 170),
        (("lake", 1000), (111.7, 30.8), 0),
        (("lake", 250.5), (111.5, 30.6), 270),
    ]:
        zone = shape(found[rank, width_m]["geometry"])
        assert zone.covers(walk(*start, azimuth, width_m - 1))
        assert not zone.covers(walk(*start, azimuth, width_m + 1))


@pytest.mark.parametrize("ending", ["gpkg", "parquet", "pmtiles", "mbtiles", ""])
def test_every_vector_file_reads_back_as_the_same_zones(
    cli: Cli, lines: Path, tmp_path: Path, ending: str
) -> None:
    truth, out = tmp_path / "truth.geojson", tmp_path / (f"zones.{ending}" if ending else "tiles")
    assert cli("zones", "--shorelines", lines, "--out", truth).exit_code == 0
    result = cli("zones", "--shorelines", lines, "--out", out)
    assert result.exit_code == 0, result.output
    expected = gpd.read_file(truth).set_index(["rank", "width_m"]).geometry
    if ending == "parquet":
        read = gpd.read_parquet(out)
    elif ending == "gpkg":
        read = pyogrio.read_dataframe(out, layer="zones")
        assert pyogrio.list_layers(out)[:, 0].tolist() == ["zones", "shorelines"]
        assert set(pyogrio.read_dataframe(out, layer="shorelines")["water_body_code"]) == {"R", "L"}
    else:
        # The deepest tiles, put together: a tile's grid is about 2.4 m at zoom 12.
        read = pyogrio.read_dataframe(out / "12" if not ending else out, layer="zones").to_crs(4490)
        read = read.dissolve(["rank", "width_m"], as_index=False)
    assert len(read) == 4
    for row in read.itertuples():
        truth_zone = expected[row.rank, row.width_m]
        difference = shapely.symmetric_difference(row.geometry, truth_zone)
        # A band of at most 5 m along the outline; files other than tiles are exact.
        most = truth_zone.length * 5 / 100_000 if ending in ("pmtiles", "mbtiles", "") else 1e-12
        assert difference.area <= most
        assert NOTE_ZH in (getattr(row, "note", None) or row.note_zh)
        assert "survey 2023" in row.source
        assert row.shoreline_versions.startswith("岸线.geojson sha256:")


def test_tiles_in_mbtiles_are_packed_and_name_their_layer(cli: Cli, lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "zones.mbtiles"
    cli("zones", "--shorelines", lines, "--out", out, "--min-zoom", 5, "--max-zoom", 9)
    with sqlite3.connect(out) as tiles:
        facts = dict(tiles.execute("select name, value from metadata").fetchall())
        zooms = {row[0] for row in tiles.execute("select distinct zoom_level from tiles")}
    tiles.close()
    assert zooms == set(range(5, 10))
    assert facts["format"] == "pbf"
    assert NOTE_EN in facts["description"]
    assert NOTE_ZH in facts["description"]
    assert [layer["id"] for layer in json.loads(facts["json"])["vector_layers"]] == ["zones"]


def test_a_mask_and_a_distance_raster_carry_what_they_rest_on(cli: Cli, lines: Path, tmp_path: Path) -> None:
    mask, distance = tmp_path / "mask.tif", tmp_path / "distance.tif"
    box = ("--bbox", "111.2,30.4,111.8,30.9")
    assert cli("zones", "--shorelines", lines, "--out", mask, *box).exit_code == 0
    options = ("--raster", "distance", "--crs", "EPSG:4546", "--resolution", 60, "--rank", "lake")
    result = cli("zones", "--shorelines", lines, "--out", distance, *box, *options, "--width", 5000)
    assert result.exit_code == 0, result.output
    with rasterio.open(mask) as raster:
        assert raster.dtypes == ("uint8",)
        assert raster.crs.to_epsg() == 4490
        assert tuple(raster.bounds) == pytest.approx((111.2, 30.4, 111.8, 30.9))
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        tags = raster.tags()
        assert (tags["note_zh"], tags["note_en"]) == (NOTE_ZH, NOTE_EN)
        assert tags["widths_m"] == "1000, 3000"
        assert tags["source"] == "survey 2023"
        assert next(raster.sample([(111.6, 30.55)])) == [1]  # in the lake
        assert next(raster.sample([(111.48, 30.6)])) == [2]  # 1.9 km beside it
        assert next(raster.sample([(111.45, 30.55)])) == [0]
    with rasterio.open(distance) as raster:
        assert raster.crs.to_epsg() == 4546
        assert raster.tags()["ranks"] == "lake"
        assert raster.tags()["within_m"] == "5000"
        values = raster.read(1)
        assert values.max() <= 5000
        assert (values == 0).any()


@pytest.mark.parametrize("box", [(111.25, 30.65, 111.35, 30.75), (111.62, 30.62, 111.7, 30.68)])
def test_a_box_cuts_the_zones_and_changes_nothing_in_it(
    cli: Cli, lines: Path, tmp_path: Path, box: tuple[float, ...]
) -> None:
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    cli("zones", "--shorelines", lines, "--out", whole)
    result = cli("zones", "--shorelines", lines, "--out", cut, "--bbox", ",".join(map(str, box)))
    assert result.exit_code == 0, result.output
    for row in gpd.read_parquet(cut).itertuples():
        every = gpd.read_parquet(whole).set_index(["rank", "width_m"]).geometry
        expected = shapely.intersection(every[row.rank, row.width_m], shapely.box(*box))
        # Outlines are drawn to 0.6 m from other vertices.
        assert shapely.symmetric_difference(row.geometry, expected).area < expected.length * 1e-5
        assert shapely.box(*box).buffer(1e-7).covers(row.geometry)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--out", "zones.shp"), "zones.shp"),
        (("--out", "z.geojson", "--raster", "mask"), "--raster"),
        (("--out", "z.geojson", "--resolution", "30"), "--resolution"),
        (("--out", "z.tif", "--max-zoom", "9"), "--max-zoom"),
        (("--out", "z.pmtiles", "--min-zoom", "9", "--max-zoom", "5"), "--min-zoom"),
        (("--out", "z.tif", "--raster", "slope"), "slope"),
        (("--out", "z.tif", "--crs", "EPSG:999999"), "999999"),
        (("--out", "z.tif", "--crs", "EPSG:2436"), "1954"),
        (("--out", "z.tif", "--resolution", "0"), "0"),
        (("--out", "z.tif", "--resolution", "0.0000001"), "2000000000"),
        (("--out", "z.geojson", "--width", "0"), "20000"),
        (("--out", "z.geojson", "--width", "20001"), "20000"),
        (("--out", "z.geojson", "--bbox", "1,2,3"), "1,2,3"),
        (("--out", "z.geojson", "--bbox", "112,30,111,31"), "112,30,111,31"),
        (("--out", "z.geojson", "--bbox", "100,30,101,31"), "--bbox"),
        (("--out", "z.geojson", "--rank", "tributary"), "--rank"),
        (("--out", "z.geojson", "--region", "420000"), "--shorelines"),
        (("--out", "there"), "there"),
        (("--out", "there.gpkg"), "there.gpkg"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line_and_leaves_nothing(
    cli: Cli, lines: Path, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there.gpkg").mkdir()
    before = sorted(tmp_path.iterdir())
    result = cli("--lang", "en", "zones", "--shorelines", lines, *options)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("language", "told"), [("zh-CN", "坐标系“{}”不存在"), ("en", "no coordinate system '{}'")]
)
@pytest.mark.parametrize("crs", ["EPSG:99999", "99999", "高斯"])
def test_an_unknown_system_is_called_unknown_and_a_projected_one_is_named(
    cli: Cli, lines: Path, tmp_path: Path, language: str, told: str, crs: str
) -> None:
    out = tmp_path / "z.tif"
    result = cli("--lang", language, "zones", "--shorelines", lines, "--out", out, "--crs", crs)
    assert result.exit_code == 2
    assert told.format(crs) in result.stderr
    assert "EPSG:4547" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not out.exists()


def test_the_summary_is_one_json_document(cli: Cli, lines: Path, tmp_path: Path) -> None:
    result = cli("zones", "--shorelines", lines, "--out", tmp_path / "z.gpkg", "--format", "json")
    rows = json.loads(result.stdout)
    assert [(row["rank"], row["width_m"]) for row in rows] == [
        ("mainstem", 1000), ("mainstem", 3000), ("lake", 1000), ("lake", 3000)
    ]  # fmt: skip
    assert NOTE_ZH in result.stderr


def test_a_file_without_a_rank_takes_the_one_that_is_said(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lines.geojson"
    gpd.GeoDataFrame({"water_body_code": ["R"]}, geometry=[RIVER], crs=4490).to_file(file)
    out = tmp_path / "z.parquet"
    assert cli("zones", "--shorelines", file, "--out", out).exit_code == 2
    assert cli("zones", "--shorelines", file, "--shorelines-rank", "lake", "--out", out).exit_code == 0
    assert set(gpd.read_parquet(out)["rank"]) == {"lake"}


def test_a_file_whose_ranks_are_empty_takes_the_one_that_is_said(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lines.geojson"
    shores = {"water_body_code": ["R", "L"], "rank": [None, "lake"]}
    gpd.GeoDataFrame(shores, geometry=[RIVER, LAKE], crs=4490).to_file(file)
    out = tmp_path / "z.parquet"
    assert cli("zones", "--shorelines", file, "--shorelines-rank", "tributary", "--out", out).exit_code == 0
    assert set(gpd.read_parquet(out)["rank"]) == {"tributary", "lake"}


def test_the_shorelines_themselves_are_never_written_over(cli: Cli, lines: Path) -> None:
    before = lines.read_bytes()
    result = cli("zones", "--shorelines", lines, "--out", lines)
    assert result.exit_code == 2
    assert lines.name in result.stderr
    assert lines.read_bytes() == before


def test_shorelines_of_the_database_are_those_in_force_on_the_day(
    cli: Cli, sample: Any, tmp_path: Path
) -> None:
    zones = {}
    for day in ("2022-06-30", "2024-01-01"):
        out = tmp_path / f"{day}.parquet"
        result = cli("zones", "--out", out, "--as-of", day, "--width", 1000, database=sample.engine)
        assert result.exit_code == 0, result.output
        zones[day] = gpd.read_parquet(out).set_index("rank")
        assert set(zones[day]["as_of"]) == {day}
        assert zones[day]["shoreline_versions"].str.startswith("version_id ").all()
        assert zones[day]["source"].str.contains("sample_data").all()
    old, new = (zones[day].geometry["important_tributary"] for day in zones)
    assert shapely.symmetric_difference(old, new).area > 1e-4  # the line of the Lishui was replaced in 2023


def test_a_region_cuts_zones_at_its_polygon(cli: Cli, sample: Any, tmp_path: Path) -> None:
    out = tmp_path / "z.parquet"
    options = ("--as-of", "2024-01-01", "--region", "500235")
    assert cli("zones", "--out", out, *options, database=sample.engine).exit_code == 0
    regions = gpd.read_file(Path(__file__).parents[2] / "sample_data/regions.geojson")
    county = regions.set_index("行政区划代码").geometry["500235"]
    zones = gpd.read_parquet(out)
    assert len(zones) > 0
    assert all(county.buffer(2e-7).covers(zone) for zone in zones.geometry)
    unknown = cli(
        "--lang", "en", "zones", "--out", tmp_path / "u.parquet", "--region", "110000", database=sample.engine
    )
    assert unknown.exit_code == 2
    assert "110000" in unknown.stderr
    assert "--bbox" in unknown.stderr


# --------------------------------------------------------------------------------------------------- HTTP


def test_zones_over_http_are_those_of_the_command(
    cli: Cli, sample: Any, client: TestClient, tmp_path: Path
) -> None:
    out = tmp_path / "z.geojson"
    box = "108.4,30.6,109.2,31.2"
    cli("zones", "--out", out, "--as-of", "2024-01-01", "--bbox", box, "--rank", "mainstem",
        "--width", 1000, "--width", 500, database=sample.engine)  # fmt: skip
    answer = client.get(f"/api/v1/zones?as_of=2024-01-01&bbox={box}&rank=mainstem&width=1000&width=500")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.text == out.read_text(encoding="utf-8")
    document = answer.json()
    assert document["as_of"] == "2024-01-01"
    assert [feature["properties"]["width_m"] for feature in document["features"]] == [1000, 500]
    assert all(shapely.box(108.4, 30.6, 109.2, 31.2).buffer(1e-7).covers(shape(feature["geometry"]))
               for feature in document["features"])  # fmt: skip


def test_a_known_tag_is_answered_without_the_zones(client: TestClient) -> None:
    address = "/api/v1/zones?as_of=2024-01-01&bbox=108.4,30.6,108.6,31.2"
    first = client.get(address)
    tag = first.headers["etag"]
    again = client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    others = [
        client.get(address + more).headers["etag"] for more in ("&width=900", "&rank=lake", "&region=500235")
    ]
    assert len({tag, *others}) == 4
    assert client.get(address.replace("2024", "2022")).headers["etag"] != tag


def test_where_no_water_is_the_answer_is_an_empty_collection(client: TestClient) -> None:
    answer = client.get("/api/v1/zones?bbox=90,30,91,31")
    assert answer.status_code == 200
    assert answer.json()["features"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("width=0", 422),
        ("width=20001", 422),
        ("width=nan", 422),
        ("&".join(["width=5"] * 9), 422),
        ("rank=river", 422),
        ("bbox=1,2,3", 422),
        ("as_of=yesterday", 422),
        ("region=110000", 404),
    ],
)
def test_wrong_questions_are_problem_documents(client: TestClient, query: str, status: int) -> None:
    answer = client.get(f"/api/v1/zones?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_shorelines_the_collection_is_empty(empty_client: TestClient) -> None:
    answer = empty_client.get("/api/v1/zones")
    assert answer.status_code == 200
    assert answer.json()["features"] == []
