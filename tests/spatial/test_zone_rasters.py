"""Rasters of zones: their structure as files, and their values against geodesics of GeographicLib."""

import tracemalloc
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from geographiclib.geodesic import Geodesic
from pyproj import CRS, Transformer
from shapely import LineString, Point, Polygon

from spatial.distance import measure_distances
from spatial.errors import (
    CrsError,
    DatumError,
    FrameColumnsError,
    GridBoxError,
    GridDomainError,
    GridResolutionError,
    GridSizeError,
    SearchRadiusError,
    ShorelineGeometryError,
)
from spatial.vocabulary import Rank
from spatial.zone_rasters import (
    DISTANCE_NODATA,
    MASK_NODATA,
    plan_grid,
    write_distance_raster,
    write_zone_mask,
)
from spatial.zones import buffer_zones

GRS80 = Geodesic(6_378_137.0, 1 / 298.257222101)
RIVER = LineString([(110.9, 30.8), (111.3, 30.7), (111.45, 30.3)])
LAKE = Polygon(
    [(111.5, 30.5), (111.9, 30.5), (111.9, 30.8), (111.5, 30.8)],
    [[(111.6, 30.6), (111.75, 30.6), (111.75, 30.7), (111.6, 30.7)]],
)
BOX = (110.8, 30.2, 112.0, 30.9)
SYSTEMS = [(4490, 1 / 1200), (4546, 90.0), (32649, 90.0)]


def shorelines() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"water_body_code": ["R", "L"], "rank": ["mainstem", "lake"]}, geometry=[RIVER, LAKE], crs=4490
    )


def centres_of(raster: rasterio.DatasetReader, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Longitude and latitude of pixels' centres, by PROJ itself."""
    x = raster.transform.c + (columns + 0.5) * raster.transform.a
    y = raster.transform.f + (rows + 0.5) * raster.transform.e
    if raster.crs.is_geographic:
        return np.column_stack([x, y])
    system = CRS.from_user_input(raster.crs.to_epsg())
    to_degrees = Transformer.from_crs(system, system.geodetic_crs, always_xy=True)
    return np.column_stack(to_degrees.transform(x, y))


def require_cog(file: Path) -> None:
    """Tiled, compressed, overviews, and everything in the order that a reader over HTTP wants."""
    with rasterio.open(file) as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.block_shapes == [(512, 512)]
        assert raster.compression.value == "DEFLATE"
        sizes = [(raster.width // factor, raster.height // factor) for factor in raster.overviews(1)]
        assert sizes
        assert max(sizes[-1]) <= 512
    offsets = directory_offsets(file)
    assert len(offsets) == len(sizes) + 1
    assert offsets == sorted(offsets)
    # The pixels of the full picture come after those of every overview.
    full, *overviews = [first_pixels(file, offset) for offset in offsets]
    assert all(full > overview for overview in overviews)
    assert max(offsets) < min(full, *overviews)


def directory_offsets(file: Path) -> list[int]:
    """Where the image file directories of a classic little-endian TIFF stand (TIFF 6.0, section 2)."""
    data = file.read_bytes()
    assert data[:4] == b"II*\x00"
    offsets, at = [], int.from_bytes(data[4:8], "little")
    while at:
        offsets.append(at)
        end = at + 2 + 12 * int.from_bytes(data[at : at + 2], "little")
        at = int.from_bytes(data[end : end + 4], "little")
    return offsets


def first_pixels(file: Path, directory: int) -> int:
    """The least offset of a tile that is not left out (tag 324, TileOffsets)."""
    data = file.read_bytes()
    for entry in range(int.from_bytes(data[directory : directory + 2], "little")):
        at = directory + 2 + 12 * entry
        if int.from_bytes(data[at : at + 2], "little") == 324:
            count = int.from_bytes(data[at + 4 : at + 8], "little")
            start = at + 8 if count == 1 else int.from_bytes(data[at + 8 : at + 12], "little")
            tiles = np.frombuffer(data, "<u4", count, start)
            return int(tiles[tiles > 0].min())
    raise AssertionError("no tiles")


@pytest.mark.parametrize(("crs", "resolution"), SYSTEMS, ids=["degrees", "Gauss–Krüger", "UTM"])
def test_a_mask_holds_the_narrowest_zone_of_every_pixel_centre(
    tmp_path: Path, crs: int, resolution: float
) -> None:
    file = tmp_path / "mask.tif"
    write_zone_mask(
        file, buffer_zones(shorelines()), plan_grid(BOX, crs, resolution), {"as_of": "2024-01-01"}
    )
    require_cog(file)
    with rasterio.open(file) as raster:
        mask = raster.read(1)
        assert raster.crs.to_epsg() == crs
        assert raster.nodata == MASK_NODATA
        assert raster.tags()["legend"] == "0: outside; 1: <= 1000 m; 2: <= 3000 m"
        assert raster.tags()["as_of"] == "2024-01-01"
        assert raster.colormap(1)[1] != raster.colormap(1)[2]
        assert raster.colormap(1)[0] == (255, 255, 255, 255)
        random = np.random.default_rng(3)
        rows, columns = random.integers(mask.shape[0], size=6000), random.integers(mask.shape[1], size=6000)
        places = centres_of(raster, rows, columns)
    frame = gpd.GeoDataFrame({"code": range(len(places))}, geometry=shapely.points(places), crs=4490)
    measured = measure_distances(frame, shorelines())
    nearest = measured[["mainstem_distance_m", "lake_distance_m"]].min(axis=1).to_numpy()
    for value, distance_m, place in zip(mask[rows, columns], nearest, places, strict=True):
        inside = BOX[0] <= place[0] <= BOX[2] and BOX[1] <= place[1] <= BOX[3]
        if not inside:
            assert value == MASK_NODATA
        elif abs(distance_m - 1000) > 1 and abs(distance_m - 3000) > 1:
            assert value == (1 if distance_m < 1000 else 2 if distance_m < 3000 else 0)
    assert {0, 1, 2} <= set(np.unique(mask))


def test_blocks_together_are_what_one_rasterisation_gives(tmp_path: Path) -> None:
    zones = buffer_zones(shorelines(), [1000])
    grid = plan_grid(BOX, 4490, 1 / 1200)
    write_zone_mask(tmp_path / "mask.tif", zones, grid, {})
    with rasterio.open(tmp_path / "mask.tif") as raster:
        written = raster.read(1)
    whole = rasterio.features.rasterize(
        zones.geometry, out_shape=(grid.height, grid.width), transform=grid.transform, dtype="uint8"
    )
    assert np.array_equal(written, whole)


@pytest.mark.parametrize(("crs", "resolution"), SYSTEMS, ids=["degrees", "Gauss–Krüger", "UTM"])
def test_a_distance_raster_holds_the_geodesic_distance_of_every_pixel_centre(
    tmp_path: Path, crs: int, resolution: float
) -> None:
    """Against the direct search of GeographicLib along the edges, on a few hundred pixels."""
    file = tmp_path / "distance.tif"
    grid = plan_grid(BOX, crs, resolution * 4)
    write_distance_raster(file, shorelines(), grid, {}, within_m=8000, ranks=[Rank.MAINSTEM])
    require_cog_or_small(file)
    with rasterio.open(file) as raster:
        values = raster.read(1)
        assert raster.nodata == DISTANCE_NODATA
        assert raster.dtypes == ("float32",)
        assert raster.tags()["unit"] == "metre"
        assert raster.tags()["within_m"] == "8000"
        random = np.random.default_rng(4)
        rows, columns = random.integers(values.shape[0], size=250), random.integers(values.shape[1], size=250)
        places = centres_of(raster, rows, columns)
    vertices = np.array(RIVER.coords)
    near = 0
    for value, (lon, lat) in zip(values[rows, columns], places, strict=True):
        if not (BOX[0] <= lon <= BOX[2] and BOX[1] <= lat <= BOX[3]):
            assert value == DISTANCE_NODATA
            continue
        expected = min(search_edge(lon, lat, start, end) for start, end in pairwise(vertices))
        if expected < 8000:
            near += 1
            assert value == pytest.approx(expected, abs=0.01)
        else:
            assert value == DISTANCE_NODATA
    assert near > 20


def require_cog_or_small(file: Path) -> None:
    """A raster of one tile needs no overview."""
    with rasterio.open(file) as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.block_shapes == [(512, 512)]


def search_edge(lon: float, lat: float, start: np.ndarray, end: np.ndarray) -> float:
    """Least geodesic distance to an edge straight in degrees: ternary search, GeographicLib only."""

    def distance(share: float) -> float:
        at = start + share * (end - start)
        return GRS80.Inverse(lat, lon, at[1], at[0])["s12"]

    low, high = 0.0, 1.0
    for _ in range(60):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, second) if distance(first) < distance(second) else (first, high)
    return distance((low + high) / 2)


def test_cutting_shorelines_at_blocks_changes_no_distance(tmp_path: Path) -> None:
    """Coarse edges, water polygons larger than a block, an island: the same as in one measurement."""
    grid = plan_grid((111.4, 30.4, 112.0, 30.9), 4490, 1 / 1600)
    assert grid.width > 512
    write_distance_raster(tmp_path / "d.tif", shorelines(), grid, {}, within_m=3000)
    with rasterio.open(tmp_path / "d.tif") as raster:
        values = raster.read(1)
        rows, columns = np.indices(values.shape)
        places = centres_of(raster, rows.ravel()[::37], columns.ravel()[::37])
    frame = gpd.GeoDataFrame({"code": range(len(places))}, geometry=shapely.points(places), crs=4490)
    measured = measure_distances(frame, shorelines(), within_m=3000)
    expected = measured[["mainstem_distance_m", "lake_distance_m"]].min(axis=1).fillna(DISTANCE_NODATA)
    assert values.ravel()[::37] == pytest.approx(expected.to_numpy(), abs=1e-3)
    assert (values == 0).any()
    assert (values == DISTANCE_NODATA).any()


def test_a_line_that_only_touches_the_reach_of_a_block_does_not_disturb(tmp_path: Path) -> None:
    touching = LineString([(111.0, 30.0), (111.0, 31.0)])
    frame = gpd.GeoDataFrame({"water_body_code": ["T"], "rank": ["lake"]}, geometry=[touching], crs=4490)
    write_distance_raster(
        tmp_path / "d.tif", frame, plan_grid((111.3, 30.0, 111.6, 30.3), 4490, 0.001), {}, within_m=500
    )
    with rasterio.open(tmp_path / "d.tif") as raster:
        assert (raster.read(1) == DISTANCE_NODATA).all()


def test_pixels_lie_on_multiples_of_the_resolution_and_cover_the_box() -> None:
    grid = plan_grid((110.0005, 30.0, 110.1, 30.1), 4490, 0.001)
    assert grid.transform.c == pytest.approx(110.0)
    assert grid.transform.f == pytest.approx(30.1)
    assert (grid.width, grid.height) == (100, 100)


def test_memory_does_not_grow_with_the_raster(tmp_path: Path) -> None:
    zones = buffer_zones(shorelines(), [1000])
    grid = plan_grid((108.0, 28.0, 114.0, 33.0), 4490, 1 / 2400)
    assert grid.width * grid.height > 150_000_000
    tracemalloc.start()
    write_zone_mask(tmp_path / "mask.tif", zones, grid, {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_nothing_is_left_behind_where_a_raster_cannot_be_written(tmp_path: Path) -> None:
    point = gpd.GeoDataFrame(
        {"water_body_code": ["P"], "rank": ["lake"]}, geometry=[Point(111, 30.5)], crs=4490
    )
    with pytest.raises(ShorelineGeometryError):
        write_distance_raster(tmp_path / "d.tif", point, plan_grid(BOX, 4490, 0.01), {}, within_m=500)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "box", [(111, 30, 111, 31), (111, 31, 112, 30), (111, 30, float("nan"), 31), (0, 0, 200, 1)]
)
def test_a_box_must_rise_in_degrees(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(GridBoxError):
        plan_grid(box, 4490, 0.01)


@pytest.mark.parametrize("resolution", [0, -30, float("nan"), float("inf")])
def test_a_pixel_has_an_extent(resolution: float) -> None:
    with pytest.raises(GridResolutionError):
        plan_grid(BOX, 4490, resolution)


def test_a_raster_of_too_many_pixels_is_refused_before_anything_is_written() -> None:
    with pytest.raises(GridSizeError) as raised:
        plan_grid((100, 25, 122, 35), 4490, 1e-5)
    assert raised.value.maximum == 2_000_000_000


def test_systems_on_another_datum_or_unknown_ones_are_refused() -> None:
    with pytest.raises(DatumError):
        plan_grid(BOX, 2436, 30)  # Beijing 1954
    with pytest.raises(CrsError):
        plan_grid(BOX, "EPSG:999999", 30)


def test_a_projection_that_does_not_reach_the_box_is_refused() -> None:
    with pytest.raises(GridDomainError):
        plan_grid((-180, -80, -60, 80), "+proj=ortho +lat_0=30 +lon_0=110 +ellps=GRS80 +datum=WGS84", 1000)


def test_distances_reach_no_farther_than_zones() -> None:
    with pytest.raises(SearchRadiusError):
        write_distance_raster(Path("d.tif"), shorelines(), plan_grid(BOX, 4490, 0.01), {}, within_m=20_001)


def test_zones_without_widths_are_refused() -> None:
    zones = buffer_zones(shorelines()).drop(columns="width_m")
    with pytest.raises(FrameColumnsError):
        write_zone_mask(Path("mask.tif"), zones, plan_grid(BOX, 4490, 0.01), {})
