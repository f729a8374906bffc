"""Drawn zones against geodesics: places made with GeographicLib's direct problem, and the distance engine."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from geographiclib.geodesic import Geodesic
from shapely import GeometryCollection, LineString, MultiPoint, Point, Polygon

from spatial.distance import measure_distances
from spatial.errors import (
    CrsError,
    FrameColumnsError,
    FrameValueError,
    SearchRadiusError,
    ShorelineGeometryError,
)
from spatial.zones import buffer_zones

DATA = Path(__file__).parents[3] / "shared" / "data"

GRS80 = Geodesic(6_378_137.0, 1 / 298.257222101)
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
    assert boundary_distances(zone, waters) == pytest.approx(width_m, abs=slack_of(width_m))
    assert boundary_distances(zone, waters, between=True) == pytest.approx(width_m, abs=slack_of(width_m))


def test_the_zones_of_the_real_mainstem_lie_at_their_widths() -> None:
    file = DATA / "geometry/yangtze_river_tnc.geojson"
    if not file.exists():
        pytest.skip(f"the real data are not here: {file}")
    waters = shorelines(*gpd.read_file(file).geometry)
    for zone in buffer_zones(waters).itertuples():
        assert zone.geometry.is_valid
        assert boundary_distances(zone.geometry, waters) == pytest.approx(zone.width_m, abs=0.5)


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


def slack_of(width_m: float) -> float:
    """What is promised of an outline."""
    return 0.5 if width_m <= 3000 else 1.0


def walk(lon: float, lat: float, azimuth: float, metres: float) -> Point:
    """The place that a geodesic reaches (GeographicLib's direct problem)."""
    reached = GRS80.Direct(lat, lon, azimuth, metres)
    return Point(reached["lon2"], reached["lat2"])


def walk_from_edge(start: tuple, end: tuple, share: float, metres: float) -> Point:
    """From a point of an edge that is straight in longitude/latitude, at right angles to it."""
    at = [first + share * (last - first) for first, last in zip(start, end, strict=True)]
    a_bit = 1e-6
    ahead = [value + a_bit * (last - first) for value, first, last in zip(at, start, end, strict=True)]
    azimuth = GRS80.Inverse(at[1], at[0], ahead[1], ahead[0])["azi1"]
    return walk(at[0], at[1], azimuth + 90, metres)


@pytest.mark.parametrize("width_m", [30, 1000, 3000, 20_000])
@pytest.mark.parametrize("azimuth", range(0, 360, 45))
def test_round_a_place_the_zone_is_a_geodesic_circle(width_m: int, azimuth: int) -> None:
    slack_m = slack_of(width_m)
    zone = buffer_zones(shorelines(LineString([(111.2, 30.4), (111.2, 30.4)])), [width_m]).geometry[0]
    assert zone.covers(walk(111.2, 30.4, azimuth, width_m - slack_m))
    assert not zone.covers(walk(111.2, 30.4, azimuth, width_m + slack_m))


@pytest.mark.parametrize("width_m", [30, 1000, 3000, 20_000])
@pytest.mark.parametrize(
    "edge",
    [
        ((110.0, 30.0), (110.003, 30.002)),
        ((108.0, 26.0), (112.7, 34.5)),  # 1 000 km: its geodesic runs kilometres beside it
        ((100.0, 35.0), (115.0, 35.0)),  # along a parallel, the geodesic 40 km to the north
        ((104.5, 25.0), (104.5, 34.0)),  # along a meridian that is a seam of the strips
    ],
    ids=["short", "oblique", "parallel", "meridian"],
)
def test_beside_an_edge_straight_in_degrees_the_zone_ends_at_its_width(edge: tuple, width_m: int) -> None:
    slack_m = slack_of(width_m)
    zone = buffer_zones(shorelines(LineString(edge)), [width_m]).geometry[0]
    for share in (0.13, 0.5, 0.87):
        for side in (1, -1):
            assert zone.covers(walk_from_edge(*edge, share, side * (width_m - slack_m)))
            assert not zone.covers(walk_from_edge(*edge, share, side * (width_m + slack_m)))


@pytest.mark.parametrize("width_m", [1000, 3000])
def test_at_the_seams_of_the_strips_nothing_is_lost(width_m: int) -> None:
    """A river that goes to and fro across 110° and 110.5° E, and one that runs along a seam."""
    for water in (
        LineString([(109.99, 30.0), (110.01, 30.001), (109.99, 30.002), (110.51, 30.003), (110.49, 30.2)]),
        LineString([(110.5, 29.0), (110.5, 29.5), (110.5000001, 29.7)]),
        Polygon([(109.9, 29.9), (110.6, 29.9), (110.6, 30.1), (110.5, 30.1), (110.5, 30.0), (109.9, 30.0)]),
    ):
        waters = shorelines(water)
        zone = buffer_zones(waters, [width_m]).geometry[0]
        assert zone.geom_type == "Polygon"
        assert not zone.interiors
        assert boundary_distances(zone, waters) == pytest.approx(width_m, abs=slack_of(width_m))
        assert boundary_distances(zone, waters, between=True) == pytest.approx(width_m, abs=slack_of(width_m))


def winding_shores() -> dict[str, shapely.Geometry]:
    """Shores whose offset curves cross themselves."""
    random = np.random.default_rng(26)
    angle = np.cumsum(random.normal(0, 0.3, 400))
    steps = 0.004 * np.column_stack([np.cos(angle), np.sin(angle)])
    along = np.linspace(0, 1, 800)
    waves = np.column_stack([110 + 0.8 * along, 30 + 0.02 * np.sin(along * 120)])
    return {
        "random walk": LineString(np.cumsum(steps, axis=0) + np.array([110, 30])),
        "narrow meanders": LineString(waves),
        "meandering river with banks": LineString(waves).buffer(0.004),
        "concave bay": Polygon(
            [(110, 30), (110.5, 30), (110.5, 30.3), (110.26, 30.3), (110.26, 30.02), (110.25, 30.02),
             (110.25, 30.3), (110, 30.3)]
        ),
        "there and back": LineString([(110, 30), (110.3, 30.1), (110, 30), (109.9, 30.2)]),
        "closed": LineString([(110, 30), (110.1, 30.0), (110.1, 30.1), (110, 30.1), (110, 30)]),
    }  # fmt: skip


@pytest.mark.parametrize("shore", winding_shores())
@pytest.mark.parametrize("width_m", [300, 3000, 20_000])
def test_of_a_winding_shore_nothing_within_the_width_is_left_out_and_nothing_beyond_is_in(
    shore: str, width_m: int
) -> None:
    waters = shorelines(winding_shores()[shore])
    zone = buffer_zones(waters, [width_m]).geometry[0]
    slack_m = slack_of(width_m)
    assert zone.is_valid
    assert boundary_distances(zone, waters) == pytest.approx(width_m, abs=slack_m)
    west, south, east, north = zone.bounds
    random = np.random.default_rng(27)
    places = random.uniform((west - 0.01, south - 0.01), (east + 0.01, north + 0.01), (4000, 2))
    frame = gpd.GeoDataFrame({"code": range(len(places))}, geometry=shapely.points(places), crs=4490)
    distance_m = measure_distances(frame, waters, within_m=100_000)["mainstem_distance_m"].to_numpy()
    inside = shapely.covers(zone, frame.geometry.to_numpy())
    assert not np.any(inside & ~(distance_m <= width_m + slack_m))
    assert not np.any(~inside & (distance_m < width_m - slack_m))


@pytest.mark.parametrize("seed", [139, *range(24)])
def test_zones_of_any_scribble_are_valid_and_end_at_their_width(seed: int) -> None:
    random = np.random.default_rng(seed)
    count, size = int(random.integers(2, 60)), 10 ** random.uniform(-4, 0.3)
    begin = np.array([100 + random.uniform() * 15, 24 + random.uniform() * 12])
    scribble = begin + np.cumsum(random.normal(0, size / np.sqrt(count), (count, 2)), axis=0)
    if random.uniform() < 0.3:
        scribble = np.round(scribble, 3)
    if (kind := random.integers(5)) < 2 or count < 4:
        water = LineString(scribble)
    elif kind == 2:
        water = Polygon(scribble)
    elif kind == 3:
        water = shapely.MultiLineString([scribble, scribble[::-1] + 0.001])
    else:
        closed = Polygon(np.vstack([scribble, scribble[:1] + np.array([0.01, 0.02])]))
        water = GeometryCollection([LineString(scribble), closed])
    width_m = float(random.choice([1.5, 30, 1000, 3000, 20000]))
    waters = shorelines(water)
    zone = buffer_zones(waters, [width_m]).geometry[0]
    assert zone.is_valid
    assert boundary_distances(zone, waters) == pytest.approx(width_m, abs=slack_of(width_m))


def test_an_island_wider_than_two_zones_keeps_its_dry_middle_and_no_slit_lies_along_the_shore() -> None:
    zone = buffer_zones(shorelines(LAKE), [1000]).geometry[0]
    assert len(zone.interiors) == 1
    assert zone.covers(LAKE)
    assert zone.covers(walk_from_edge((112.8, 29.2), (112.95, 29.2), 0.5, 999))
    assert not zone.covers(walk_from_edge((112.8, 29.2), (112.95, 29.2), 0.5, 1001))


@pytest.mark.parametrize(
    "water",
    [
        Polygon([(110, 30), (110.1, 30), (110.1, 30), (110, 30), (110, 30)]),
        Polygon([(110, 30), (110.1, 30), (110.05, 30), (110, 30)]),
        LineString([(110, 30), (110, 30), (110.1, 30), (110.1, 30)]),
        GeometryCollection([LineString([(110, 30), (110.05, 30)]), LineString([(110.05, 30), (110.1, 30)])]),
    ],
    ids=["polygon of two corners", "polygon without extent", "repeated vertices", "collection"],
)
def test_degenerate_water_has_the_zone_of_what_there_is_of_it(water: shapely.Geometry) -> None:
    zone = buffer_zones(shorelines(water), [1000]).geometry[0]
    expected = buffer_zones(shorelines(LineString([(110, 30), (110.1, 30)])), [1000]).geometry[0]
    # The outlines part by decimetres at most, the zone is 2 km wide.
    assert shapely.symmetric_difference(zone, expected).area < 1e-4 * expected.area


def test_a_polygon_that_is_one_place_has_the_zone_of_the_place() -> None:
    zone = buffer_zones(shorelines(Polygon([(110, 30)] * 4)), [1000]).geometry[0]
    assert zone.covers(walk(110, 30, 77, 999))
    assert not zone.covers(walk(110, 30, 77, 1001))


def test_a_bow_tie_is_water_on_both_sides_of_the_knot() -> None:
    tie = Polygon([(110, 30), (110.4, 30.4), (110.4, 30), (110, 30.4)])
    zone = buffer_zones(shorelines(tie), [1000]).geometry[0]
    assert zone.is_valid
    assert zone.covers(Point(110.1, 30.2))
    assert zone.covers(Point(110.3, 30.2))
    assert not zone.covers(Point(110.2, 30.3))


@pytest.mark.parametrize(
    "place", [Point(110, 30), MultiPoint([(110, 30)]), GeometryCollection([Point(110, 30), RIVER])]
)
def test_a_point_has_no_shore(place: shapely.Geometry) -> None:
    with pytest.raises(ShorelineGeometryError) as raised:
        buffer_zones(shorelines(RIVER, place))
    assert raised.value.water_body_code == "W1"


def test_the_zone_of_all_is_the_union_of_the_zones_of_each() -> None:
    other = LineString([(111.0, 30.0), (111.6, 30.75)])
    together = buffer_zones(shorelines(RIVER, other), [3000]).geometry[0]
    apart = [buffer_zones(shorelines(water), [3000]).geometry[0] for water in (RIVER, other)]
    assert shapely.symmetric_difference(together, shapely.union_all(apart)).area < 1e-4 * together.area
