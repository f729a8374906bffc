"""Drawn zones against the distance engine."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, Polygon

from spatial.distance import measure_distances
from spatial.errors import CrsError, FrameColumnsError, FrameValueError, SearchRadiusError
from spatial.zones import buffer_zones

DATA = Path(__file__).parents[3] / "shared" / "data"

RIVER = LineString([(110.9, 30.8), (111.3, 30.7), (111.45, 30.3), (112.2, 30.3), (113.1, 29.4)])
LAKE = Polygon(
    [(112.5, 28.8), (113.1, 28.9), (113.2, 29.4), (112.6, 29.5)],
    [[(112.8, 29.05), (112.95, 29.05), (112.95, 29.2), (112.8, 29.2)]],
)


def shorelines(*geometries, rank="mainstem") -> gpd.GeoDataFrame:
    codes = [f"W{number}" for number in range(len(geometries))]
    return gpd.GeoDataFrame({"water_body_code": codes, "rank": rank}, geometry=list(geometries), crs=4490)


def boundary_distances(
    zone: shapely.Geometry, waters: gpd.GeoDataFrame, *, between: bool = False
) -> np.ndarray:
    """Metres from the vertices of a zone's boundary (or the middles of its edges) to the waters."""
    lines = shapely.get_parts(shapely.boundary(zone))
    vertices, line = shapely.get_coordinates(lines, return_index=True)
    if between:
        vertices = (vertices[1:] + vertices[:-1])[line[1:] == line[:-1]] / 2
    places = gpd.GeoDataFrame({"code": range(len(vertices))}, geometry=shapely.points(vertices), crs=4490)
    return measure_distances(places, waters, within_m=30_000)["mainstem_distance_m"].to_numpy()


@pytest.mark.parametrize("width_m", [1000, 3000, 10_000])
@pytest.mark.parametrize("water", [RIVER, LAKE], ids=["river", "lake with an island"])
def test_the_boundary_of_a_zone_lies_at_its_width(water: shapely.Geometry, width_m: int) -> None:
    waters = shorelines(water)
    zone = buffer_zones(waters, [width_m]).geometry[0]
    assert boundary_distances(zone, waters) == pytest.approx(width_m, abs=1.0)
    assert boundary_distances(zone, waters, between=True) == pytest.approx(width_m, abs=1.5)


def test_the_zones_of_the_real_mainstem_lie_at_their_widths() -> None:
    file = DATA / "geometry/yangtze_river_tnc.geojson"
    if not file.exists():
        pytest.skip(f"the real data are not here: {file}")
    waters = shorelines(*gpd.read_file(file).geometry)
    for zone in buffer_zones(waters).itertuples():
        assert zone.geometry.is_valid
        assert boundary_distances(zone.geometry, waters) == pytest.approx(zone.width_m, abs=3.0)


def test_water_belongs_to_its_zone_and_a_small_island_vanishes_in_it() -> None:
    narrow, wide = buffer_zones(shorelines(LAKE), [3000, 20_000]).geometry
    assert narrow.covers(LAKE)
    assert not narrow.covers(Point(112.875, 29.125))
    assert wide.covers(Point(112.875, 29.125))


def test_a_wider_zone_covers_a_narrower_one() -> None:
    narrow, wide = buffer_zones(shorelines(RIVER)).geometry
    assert wide.covers(narrow)
    assert narrow.covers(RIVER)


def test_zones_are_dissolved_by_rank_in_the_order_of_the_law() -> None:
    waters = shorelines(LAKE, RIVER, RIVER, rank=["lake", "mainstem", "mainstem"])
    zones = buffer_zones(waters)
    assert list(zip(zones["rank"], zones["width_m"], strict=True)) == [
        ("mainstem", 1000),
        ("mainstem", 3000),
        ("lake", 1000),
        ("lake", 3000),
    ]
    assert zones.crs.to_epsg() == 4490
    assert zones.geometry.geom_type.tolist() == ["Polygon"] * 4


def test_waters_without_geometry_have_no_zone() -> None:
    assert len(buffer_zones(shorelines(None, LineString()))) == 0


def test_projected_shorelines_are_refused() -> None:
    with pytest.raises(CrsError):
        buffer_zones(shorelines(RIVER).to_crs(4547))


def test_shorelines_without_a_rank_are_refused() -> None:
    with pytest.raises(FrameColumnsError):
        buffer_zones(shorelines(RIVER).drop(columns="rank"))


@pytest.mark.parametrize("rank", ["river", None])
def test_an_unknown_rank_is_refused(rank: str | None) -> None:
    with pytest.raises(FrameValueError):
        buffer_zones(shorelines(RIVER, rank=[rank]))


@pytest.mark.parametrize("width_m", [0, -5, float("nan"), 20_001])
def test_a_width_must_be_drawable(width_m: float) -> None:
    with pytest.raises(SearchRadiusError):
        buffer_zones(shorelines(RIVER), [width_m])
