"""Distances on shorelines made for the purpose; expected metres come from the geodesic direct problem."""

from datetime import date
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, MultiPoint, Point, Polygon
from shapely.affinity import translate

from spatial import distance
from spatial.distance import distances_as_json, measure_distances, shorelines_in_force
from spatial.errors import (
    CoordinateRangeError,
    CrsError,
    FrameColumnsError,
    FrameValueError,
    SearchRadiusError,
    ShorelineGeometryError,
)
from spatial.geodesy import measure_geodesics
from spatial.vocabulary import Rank

GRS80 = Geodesic(6_378_137.0, 1 / 298.257222101)
CGCS2000 = 4490
GOLDEN = (np.sqrt(5) - 1) / 2


def facilities(*geometries, codes=None, crs=CGCS2000) -> gpd.GeoDataFrame:
    codes = [f"F{number}" for number in range(len(geometries))] if codes is None else codes
    return gpd.GeoDataFrame({"code": codes}, geometry=list(geometries), crs=crs)


def shorelines(*geometries, rank="mainstem", codes=None, crs=CGCS2000, **columns) -> gpd.GeoDataFrame:
    codes = [f"W{number}" for number in range(len(geometries))] if codes is None else codes
    return gpd.GeoDataFrame(
        {"water_body_code": codes, "rank": rank, **columns}, geometry=list(geometries), crs=crs
    )


def metres(places, waters, rank="mainstem", **options) -> list[float]:
    return measure_distances(places, waters, **options)[f"{rank}_distance_m"].tolist()


def tangent_azimuth(lon: float, lat: float, step_lon: float, step_lat: float) -> float:
    """Direction of a straight longitude/latitude edge, from two places 2 m apart on it."""
    scale = 1e-5 / np.hypot(step_lon, step_lat)
    return GRS80.Inverse(
        lat - scale * step_lat, lon - scale * step_lon, lat + scale * step_lat, lon + scale * step_lon
    )["azi1"]


def beside(edge: tuple[tuple[float, float], tuple[float, float]], along: float, offset_m: float) -> Point:
    """The point `offset_m` to the right of an edge, square to it."""
    (lon, lat), (end_lon, end_lat) = edge
    step = end_lon - lon, end_lat - lat
    at = lon + along * step[0], lat + along * step[1]
    place = GRS80.Direct(at[1], at[0], tangent_azimuth(*at, *step) + 90, offset_m)
    return Point(place["lon2"], place["lat2"])


def foot_points(place: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The nearest points of edges by golden section on the chord through the Earth, all pairs at once."""
    low, high = np.zeros(len(place)), np.ones(len(place))
    here = to_chord_space(place)

    def chord(along: np.ndarray) -> np.ndarray:
        return np.linalg.norm(to_chord_space(start + along[:, None] * (end - start)) - here, axis=1)

    for _ in range(60):
        third = (high - low) * GOLDEN
        left, right = high - third, low + third
        nearer = chord(left) < chord(right)
        low, high = np.where(nearer, low, left), np.where(nearer, right, high)
    return start + ((low + high) / 2)[:, None] * (end - start)


def to_chord_space(degrees: np.ndarray) -> np.ndarray:
    """Earth-centred x, y, z in metres."""
    lam, phi = np.radians(degrees).T
    e2 = GRS80.f * (2 - GRS80.f)
    normal = GRS80.a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    level = normal * np.cos(phi)
    return np.column_stack([level * np.cos(lam), level * np.sin(lam), normal * (1 - e2) * np.sin(phi)])


EDGES = {
    "short": ((111.0, 30.5), (111.004, 30.503)),
    "along a parallel, 190 km": ((110.0, 30.0), (112.0, 30.0)),
    "along a meridian, 110 km": ((112.0, 29.0), (112.0, 30.0)),
    "slanting, 500 km": ((104.0, 28.0), (108.5, 30.5)),
    "slanting the other way, 350 km": ((116.0, 33.0), (119.0, 31.0)),
}


# ------------------------------------------------------------------------------------------ at the limits


@pytest.mark.parametrize("edge", EDGES.values(), ids=EDGES.keys())
@pytest.mark.parametrize("along", [0.31, 0.5, 0.83])
@pytest.mark.parametrize(
    "offset_m", [-3000.4, -2999.6, -1000.4, -999.6, 0.4, 999.6, 1000.4, 2999.6, 3000.4, 9999.0]
)
def test_a_point_square_to_an_edge_is_at_its_offset(edge, along: float, offset_m: float) -> None:
    if np.hypot(edge[1][0] - edge[0][0], edge[1][1] - edge[0][1]) < 0.1:
        edge = (edge[0], (edge[0][0] + 0.2, edge[0][1] + 0.15))  # the foot stays on the edge
    measured = measure_distances(facilities(beside(edge, along, offset_m)), shorelines(LineString(edge)))
    assert measured["mainstem_distance_m"][0] == pytest.approx(abs(offset_m), abs=1e-4)
    (lon, lat), (end_lon, end_lat) = edge
    assert measured["mainstem_lon"][0] == pytest.approx(lon + along * (end_lon - lon), abs=1e-6)
    assert measured["mainstem_lat"][0] == pytest.approx(lat + along * (end_lat - lat), abs=1e-6)


@pytest.mark.parametrize(
    ("offset_m", "zones"),
    [
        (999.6, ["mainstem_1km", "mainstem_3km"]),
        (1000.4, ["mainstem_3km"]),
        (2999.6, ["mainstem_3km"]),
        (3000.4, []),
    ],
)
@pytest.mark.parametrize("azimuth", [-80, -45, 0, 45, 80])
def test_zones_change_at_1_and_3_km_from_a_vertex(offset_m: float, zones: list[str], azimuth: float) -> None:
    headland = LineString([(110.99, 30.48), (111.0, 30.5), (111.01, 30.48)])
    place = GRS80.Direct(30.5, 111.0, azimuth / 2, offset_m)
    measured = measure_distances(facilities(Point(place["lon2"], place["lat2"])), shorelines(headland))
    assert measured["mainstem_distance_m"][0] == pytest.approx(offset_m, abs=1e-5)
    assert (measured["mainstem_lon"][0], measured["mainstem_lat"][0]) == (111.0, 30.5)
    assert measured["zones"][0] == zones


def test_a_long_edge_follows_its_straight_line_in_degrees_not_the_geodesic() -> None:
    parallel = shorelines(LineString([(110.0, 30.0), (114.0, 30.0)]))
    assert metres(facilities(Point(112.0, 30.0)), parallel) == [0.0]
    # The geodesic between its ends runs about 1.7 km north of the parallel here.
    line = GRS80.InverseLine(30.0, 110.0, 30.0, 114.0)
    middle = line.Position(line.s13 / 2)
    off = metres(facilities(Point(middle["lon2"], middle["lat2"])), parallel)[0]
    assert off == pytest.approx(GRS80.Inverse(30.0, 112.0, middle["lat2"], middle["lon2"])["s12"], abs=1e-3)
    assert off > 1600


def test_points_on_the_line_are_at_distance_0() -> None:
    line = LineString([(111.0, 30.0), (111.5, 30.2), (111.7, 30.1)])
    on = [(111.0, 30.0), (111.25, 30.1), (111.5, 30.2), (111.6, 30.15), (111.7, 30.1)]
    assert metres(facilities(*map(Point, on)), shorelines(line)) == [0.0] * 5


def test_beyond_the_search_everything_is_missing_and_zones_are_still_told() -> None:
    edge = EDGES["along a meridian, 110 km"]
    place = facilities(beside(edge, 0.5, 2500.0))
    near = measure_distances(place, shorelines(LineString(edge), codes=["长江"]), within_m=2000)
    assert near.filter(like="mainstem_").isna().all(axis=None)
    assert near["zones"][0] == ["mainstem_3km"]


def test_the_limit_of_the_search_is_inclusive() -> None:
    edge = EDGES["along a meridian, 110 km"]
    place, water = facilities(beside(edge, 0.5, 2500.0)), shorelines(LineString(edge))
    measured = metres(place, water)[0]
    assert metres(place, water, within_m=measured) == [measured]
    assert np.isnan(metres(place, water, within_m=measured - 1e-5)).all()


@pytest.mark.parametrize("latitude", [-60, -30, 0, 30, 52, 70])
@pytest.mark.parametrize("within_m", [10_000, 100_000])
def test_the_index_loses_no_nearer_edge(latitude: float, within_m: float) -> None:
    # Many short edges in all directions, every pair measured without any index.
    random = np.random.default_rng(latitude + 90)
    span = within_m / 25_000
    start = random.uniform([110, latitude], [110 + span, latitude + span], (400, 2))
    end = start + random.normal(0, span / 20, start.shape)
    places = random.uniform([110, latitude], [110 + span, latitude + span], (150, 2))
    pairs = np.repeat(places, 400, axis=0), np.tile(start, (150, 1)), np.tile(end, (150, 1))
    foot = foot_points(*pairs)
    every = measure_geodesics(*pairs[0].T, *foot.T).reshape(150, 400)
    waters = shorelines(*(LineString(edge) for edge in zip(start, end, strict=True)))
    measured = metres(facilities(*shapely.points(places)), waters, within_m=within_m)
    near = every.min(axis=1) <= within_m - 1
    assert near.sum() > 100
    assert np.array(measured)[near] == pytest.approx(every.min(axis=1)[near], abs=1e-5)


def test_a_search_far_beyond_10_km_still_finds_the_nearest() -> None:
    edge = EDGES["slanting, 500 km"]
    far = [beside(edge, 0.5, offset) for offset in (30_000, 100_000, 190_000)]
    measured = metres(facilities(*far), shorelines(LineString(edge)), within_m=200_000)
    assert measured == pytest.approx([30_000, 100_000, 190_000], abs=0.5)


# ------------------------------------------------------------------------------------------ water polygons

LAKE = Polygon(
    [(112.0, 29.0), (113.0, 29.0), (113.0, 30.0), (112.0, 30.0)],
    [[(112.4, 29.4), (112.6, 29.4), (112.6, 29.6), (112.4, 29.6)]],
)


def test_inside_water_and_on_its_edge_the_distance_is_0_at_the_facility_itself() -> None:
    measured = measure_distances(
        facilities(Point(112.2, 29.2), Point(112.0, 29.5)), shorelines(LAKE, rank="lake")
    )
    assert measured["lake_distance_m"].tolist() == [0.0, 0.0]
    assert measured["lake_lon"].tolist() == [112.2, 112.0]
    assert measured["lake_lat"].tolist() == [29.2, 29.5]
    assert measured["zones"].tolist() == [["lake_1km", "lake_3km"]] * 2


def test_an_island_is_measured_to_its_own_shore() -> None:
    island = Point(112.41, 29.5)
    expected = GRS80.Inverse(29.5, 112.41, 29.5, 112.4)["s12"]
    measured = measure_distances(facilities(island), shorelines(LAKE, rank="lake"))
    assert measured["lake_distance_m"][0] == pytest.approx(expected, abs=0.01)
    assert measured["lake_lon"][0] == 112.4


def test_a_facility_that_overlaps_water_or_encloses_it_is_at_0() -> None:
    across = Polygon([(111.99, 29.5), (112.01, 29.5), (112.01, 29.51), (111.99, 29.51)])
    within = shapely.box(112.1, 29.1, 112.2, 29.2)
    around = shapely.box(111.0, 28.0, 114.0, 31.0)
    touching = shapely.box(111.9, 29.5, 112.0, 29.6)
    measured = measure_distances(facilities(across, within, around, touching), shorelines(LAKE))
    assert measured["mainstem_distance_m"].tolist() == [0.0] * 4
    common = shapely.points(measured["mainstem_lon"], measured["mainstem_lat"])
    assert shapely.intersects(common, LAKE.buffer(1e-9)).all()
    assert shapely.intersects(common, shapely.buffer([across, within, around, touching], 1e-9)).all()


def test_a_facility_on_an_island_does_not_touch_the_water() -> None:
    plant = shapely.box(112.49, 29.49, 112.51, 29.51)
    expected = GRS80.Inverse(29.5, 112.49, 29.5, 112.4)["s12"]
    assert metres(facilities(plant), shorelines(LAKE)) == [pytest.approx(expected, abs=1.0)]


def test_rings_that_cross_themselves_are_read_by_the_even_odd_rule() -> None:
    bow_tie = Polygon([(112, 29), (113, 30), (113, 29), (112, 30)])
    inside, outside = Point(112.2, 29.5), Point(112.5, 29.6)
    measured = metres(facilities(inside, outside), shorelines(bow_tie), within_m=50_000)
    assert measured[0] == 0
    assert 5_000 < measured[1] < 15_000


# ------------------------------------------------------------------------------- lines and polygons on land


def test_a_line_that_crosses_the_shore_is_at_0_at_the_crossing() -> None:
    pipe = LineString([(111.9, 29.4), (112.1, 29.6)])
    measured = measure_distances(facilities(pipe), shorelines(LineString([(112, 29), (112, 30)])))
    assert measured.loc[0, ["mainstem_distance_m", "mainstem_lon", "mainstem_lat"]].tolist() == [0, 112, 29.5]


def test_a_long_facility_edge_is_measured_between_its_vertices() -> None:
    # A headland points at the middle of a 60 km wall.
    wall = LineString([(111.7, 30.1), (112.3, 30.1)])
    headland = LineString([(111.9, 29.9), (112.0, 30.09), (112.1, 29.9)])
    expected = GRS80.Inverse(30.09, 112.0, 30.1, 112.0)["s12"]
    measured = measure_distances(facilities(wall), shorelines(headland))
    assert measured["mainstem_distance_m"][0] == pytest.approx(expected, abs=0.01)
    assert (measured["mainstem_lon"][0], measured["mainstem_lat"][0]) == (112.0, 30.09)


def test_the_nearest_part_of_a_collection_counts() -> None:
    edge = EDGES["along a meridian, 110 km"]
    near, far = beside(edge, 0.5, 700.0), beside(edge, 0.4, 5000.0)
    mixed = shapely.GeometryCollection([far.buffer(0.001), MultiPoint([near, far])])
    assert metres(facilities(mixed), shorelines(LineString(edge))) == [pytest.approx(700.0, abs=1e-4)]


@settings(max_examples=25, deadline=None)
@given(
    corner=st.tuples(st.floats(111.9, 112.1), st.floats(30.0, 30.2)),
    size=st.tuples(st.floats(0.001, 0.1), st.floats(0.001, 0.1)),
    bend=st.floats(-0.1, 0.1),
)
def test_a_polygon_is_as_near_as_the_nearest_point_of_its_edge(corner, size, bend: float) -> None:
    plant = Polygon(
        [
            corner,
            (corner[0] + size[0], corner[1] + size[1] / 3),
            (corner[0] + size[0] / 2, corner[1] + size[1]),
        ]
    )
    water = shorelines(LineString([(111.5, 29.8), (112.0, 29.95 + bend), (112.5, 29.9)]))
    edge = shapely.segmentize(plant, 0.0002).exterior
    sampled = np.nanmin(metres(facilities(*map(Point, edge.coords)), water, within_m=50_000))
    whole = metres(facilities(plant), water, within_m=50_000)[0]
    if whole == 0:
        assert sampled < 25  # the samples are 20 m apart
    else:
        assert np.sqrt(max(sampled**2 - 12**2, 0)) - 0.01 <= whole <= sampled + 1e-6


# ---------------------------------------------------------------------------------- ranks, ties and columns


def test_every_rank_is_measured_on_its_own_waters() -> None:
    edge = EDGES["along a meridian, 110 km"]
    waters = shorelines(
        *(translate(LineString(edge), 0.01 * place) for place, _ in enumerate(Rank)),
        rank=[rank.value for rank in Rank],
    )
    measured = measure_distances(facilities(Point(111.99, 29.5)), waters)
    for place, rank in enumerate(Rank):
        expected = GRS80.Inverse(29.5, 111.99, 29.5, 112.0 + 0.01 * place)["s12"]
        assert measured[f"{rank}_distance_m"][0] == pytest.approx(expected, abs=0.01)
        assert measured[f"{rank}_water_body_code"][0] == f"W{place}"


def test_the_nearest_shoreline_gives_its_kind_accuracy_and_version() -> None:
    waters = shorelines(
        LineString([(112, 29), (112, 30)]),
        LineString([(112.1, 29), (112.1, 30)]),
        kind=["imagery", "outer_line"],
        accuracy_m=[10, None],
        version_id=[7, 8],
    )
    measured = measure_distances(facilities(Point(112.01, 29.5), Point(112.09, 29.5), Point(90, 29)), waters)
    assert measured["mainstem_shoreline_kind"].fillna("none").tolist() == ["imagery", "outer_line", "none"]
    assert measured["mainstem_shoreline_accuracy_m"].fillna(-1).tolist() == [10, -1, -1]
    assert measured["mainstem_shoreline_version"].fillna(-1).tolist() == [7, 8, -1]


def test_equal_distances_go_to_the_smaller_code_then_to_the_earlier_row() -> None:
    shore = LineString([(112, 29), (112, 30)])
    waters = shorelines(shore, shore, shore, codes=["B", "A", "A"], version_id=[1, 2, 3])
    measured = measure_distances(facilities(Point(112.01, 29.5), shapely.box(111.9, 29, 112.1, 29.5)), waters)
    assert measured["mainstem_water_body_code"].tolist() == ["A", "A"]
    assert measured["mainstem_shoreline_version"].tolist() == [2, 2]


def test_facilities_keep_their_order_and_their_doubles() -> None:
    water = shorelines(LineString([(112, 29), (112, 30)]))
    places = facilities(Point(112.02, 29.5), Point(112.01, 29.5), Point(112.02, 29.5), codes=["b", "a", "b"])
    measured = measure_distances(places.set_index(pd.Index([5, 5, 1])), water)
    assert measured["code"].tolist() == ["b", "a", "b"]
    assert list(measured.index) == [0, 1, 2]
    far, near = (GRS80.Inverse(29.5, lon, 29.5, 112)["s12"] for lon in (112.02, 112.01))
    assert measured["mainstem_distance_m"].tolist() == pytest.approx([far, near, far], abs=0.01)


def test_small_chunks_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    places = facilities(
        *shapely.points(random.uniform([111.9, 29], [112.1, 30], (60, 2))),
        *(
            shapely.box(x, y, x + 0.02, y + 0.02)
            for x, y in random.uniform([111.9, 29], [112.2, 30], (20, 2))
        ),
    )
    waters = shorelines(LineString([(112, 29), (112.1, 29.5), (112, 30)]), LAKE, rank=["mainstem", "lake"])
    whole = measure_distances(places, waters)
    monkeypatch.setattr(distance, "_PLACES_AT_ONCE", 7)
    monkeypatch.setattr(distance, "_OUTLINES_AT_ONCE", 3)
    pd.testing.assert_frame_equal(measure_distances(places, waters), whole, check_exact=True)


def test_the_json_has_every_rank_and_null_beyond_the_search() -> None:
    water = shorelines(LineString([(112, 29), (112, 30)]), codes=["长江"])
    measured = measure_distances(facilities(Point(112, 29.5), None, codes=["甲", "乙"]), water)
    nowhere = dict.fromkeys([rank.value for rank in Rank])
    assert distances_as_json(measured) == [
        {
            "code": "甲",
            "nearest": nowhere
            | {"mainstem": {"distance_m": 0.0, "lon": 112.0, "lat": 29.5, "water_body_code": "长江"}},
            "zones": ["mainstem_1km", "mainstem_3km"],
        },
        {"code": "乙", "nearest": nowhere, "zones": []},
    ]


# ------------------------------------------------------------------------------------------ odd input


def test_facilities_without_a_place_have_no_distance() -> None:
    water = shorelines(LineString([(112, 29), (112, 30)]))
    places = facilities(None, Point(), Polygon(), Point(np.nan, np.nan), Point(112.001, 29.5))
    measured = measure_distances(places, water)
    assert measured["mainstem_distance_m"].isna().tolist() == [True, True, True, True, False]


def test_no_facilities_and_no_shorelines_give_empty_answers() -> None:
    water = shorelines(LineString([(112, 29), (112, 30)]))
    place = facilities(Point(112, 29.5))
    assert len(measure_distances(place.iloc[:0], water)) == 0
    assert np.isnan(metres(place, water.iloc[:0])).all()
    assert np.isnan(metres(place, shorelines(None, LineString()))).all()
    assert list(measure_distances(place, water.iloc[:0]).columns) == list(
        measure_distances(place, water).columns
    )


def test_edges_of_no_length_and_repeated_vertices_change_nothing() -> None:
    plain = shorelines(LineString([(112, 29), (112, 29.2), (112.1, 29.4)]))
    doubled = shorelines(
        LineString([(112, 29), (112, 29), (112, 29.2), (112, 29.2), (112, 29.2), (112.1, 29.4)]),
    )
    places = facilities(Point(112.01, 29.1), Point(112.0, 29.41), shapely.box(112.05, 29.0, 112.06, 29.1))
    assert metres(places, plain) == metres(places, doubled)


def test_a_line_shrunk_to_one_place_is_measured_to_that_place() -> None:
    dot = shorelines(LineString([(112, 29), (112, 29)]))
    expected = GRS80.Inverse(29.01, 112.0, 29.0, 112.0)["s12"]
    assert metres(facilities(Point(112, 29.01)), dot) == [pytest.approx(expected, abs=1e-6)]
    stub = LineString([(112, 29.01), (112, 29.01)])
    assert metres(facilities(stub), dot) == [pytest.approx(expected, abs=1e-6)]


def test_heights_are_ignored() -> None:
    high = shorelines(LineString([(112, 29, 800), (112, 30, 900)]))
    flat = shorelines(LineString([(112, 29), (112, 30)]))
    assert metres(facilities(Point(112.01, 29.5, 50)), high) == metres(facilities(Point(112.01, 29.5)), flat)


@pytest.mark.parametrize("crs", ["EPSG:4326", "OGC:CRS84", "EPSG:4490"])
def test_degrees_of_wgs84_and_cgcs2000_are_taken_alike(crs: str) -> None:
    water = shorelines(LineString([(112, 29), (112, 30)]), crs=crs)
    assert metres(facilities(Point(112, 29.5), crs=crs), water) == [0.0]


@pytest.mark.parametrize("crs", [None, "EPSG:4547", "EPSG:3857", "EPSG:4214", "EPSG:4610"])
def test_every_other_coordinate_system_is_refused(crs: str | None) -> None:
    place, water = facilities(Point(112, 29.5)), shorelines(LineString([(112, 29), (112, 30)]))
    with pytest.raises(CrsError):
        measure_distances(place.set_crs(crs, allow_override=True), water)
    with pytest.raises(CrsError):
        measure_distances(place, water.set_crs(crs, allow_override=True))


@pytest.mark.parametrize(
    "place", [Point(30.5, 114.3), Point(529300, 3385869), LineString([(112, 29), (112, 95)])]
)
def test_swapped_and_projected_numbers_are_refused_with_the_facility_named(place) -> None:
    with pytest.raises(CoordinateRangeError, match="F1"):
        measure_distances(facilities(Point(112, 29), place), shorelines(LineString([(112, 29), (112, 30)])))


def test_what_the_frames_lack_is_named() -> None:
    place, water = facilities(Point(112, 29.5)), shorelines(LineString([(112, 29), (112, 30)]))
    with pytest.raises(FrameColumnsError) as error:
        measure_distances(place, water.drop(columns="rank"))
    assert error.value.missing == {"rank"}
    with pytest.raises(FrameColumnsError):
        measure_distances(place.drop(columns="code"), water)


@pytest.mark.parametrize(
    ("column", "value"), [("rank", "river"), ("rank", None), ("kind", "map"), ("water_body_code", None)]
)
def test_words_outside_the_vocabulary_are_refused(column: str, value: str | None) -> None:
    water = shorelines(LineString([(112, 29), (112, 30)])).assign(**{column: [value]})
    with pytest.raises(FrameValueError) as error:
        measure_distances(facilities(Point(112, 29.5)), water)
    assert error.value.column == column


def test_a_shoreline_of_points_is_refused() -> None:
    with pytest.raises(ShorelineGeometryError) as error:
        measure_distances(
            facilities(Point(112, 29)), shorelines(MultiPoint([(112, 29), (112, 30)]), codes=["W"])
        )
    assert error.value.water_body_code == "W"


@pytest.mark.parametrize("within_m", [0, -1, float("nan"), float("inf"), 200_001])
def test_a_search_must_have_a_radius_that_can_be_measured(within_m: float) -> None:
    with pytest.raises(SearchRadiusError):
        measure_distances(
            facilities(Point(112, 29)), shorelines(LineString([(112, 29), (112, 30)])), within_m=within_m
        )


# ------------------------------------------------------------------------------------------ properties

vertices = st.tuples(
    st.floats(111.9, 112.1, allow_subnormal=False), st.floats(29.9, 30.1, allow_subnormal=False)
)
lines = st.lists(vertices, min_size=2, max_size=6).map(LineString)
points = st.lists(vertices.map(Point), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(places=points, shores=st.lists(lines, min_size=1, max_size=3), more=lines)
def test_another_shoreline_never_makes_water_farther(places, shores, more) -> None:
    before = np.array(metres(facilities(*places), shorelines(*shores), within_m=50_000))
    after = np.array(metres(facilities(*places), shorelines(*shores, more), within_m=50_000))
    assert (before >= 0).all()
    assert (after <= before).all()


@settings(max_examples=60, deadline=None)
@given(places=points, shore=lines)
def test_the_direction_of_a_line_changes_nothing(places, shore) -> None:
    forth = measure_distances(facilities(*places), shorelines(shore))
    back = measure_distances(facilities(*places), shorelines(shapely.reverse(shore)))
    pd.testing.assert_frame_equal(forth, back, check_exact=True)


@settings(max_examples=30, deadline=None)
@given(places=points, shores=st.lists(lines, min_size=2, max_size=4))
def test_pieces_of_one_shoreline_are_as_near_as_the_whole(places, shores) -> None:
    pieces = metres(facilities(*places), shorelines(*shores))
    whole = metres(facilities(*places), shorelines(MultiLineString(shores)))
    assert np.array_equal(pieces, whole, equal_nan=True)


@settings(max_examples=30, deadline=None)
@given(places=points, shore=lines, rank=st.sampled_from(list(Rank)))
def test_the_rank_is_a_label_and_moves_nothing(places, shore, rank: Rank) -> None:
    as_mainstem = metres(facilities(*places), shorelines(shore))
    as_other = metres(facilities(*places), shorelines(shore, rank=rank.value), rank.value)
    assert np.array_equal(as_mainstem, as_other, equal_nan=True)


@settings(max_examples=30, deadline=None)
@given(place=vertices, shore=st.lists(vertices, min_size=2, max_size=4), more=st.integers(2, 5))
def test_more_vertices_on_a_straight_edge_change_less_than_a_micrometre(place, shore, more: int) -> None:
    coarse = LineString(shore)
    fine = LineString(
        np.concatenate([np.linspace(a, b, more)[:-1] for a, b in pairwise(shore)] + [[shore[-1]]])
    )
    here = facilities(Point(place))
    assert metres(here, shorelines(fine), within_m=50_000) == pytest.approx(
        metres(here, shorelines(coarse), within_m=50_000), abs=2e-6
    )


# ------------------------------------------------------------------------------------ shorelines in force


def versions(**columns) -> gpd.GeoDataFrame:
    count = len(columns["valid_from"])
    defaults = {"water_body_code": "W", "rank": "mainstem"}
    lines = [LineString([(112, 29), (112 + 0.1 * n, 30)]) for n in range(count)]
    return gpd.GeoDataFrame(defaults | columns, geometry=lines, crs=CGCS2000, index=range(count))


def test_the_newest_version_in_force_on_the_day_is_used_with_all_its_pieces() -> None:
    waters = versions(
        valid_from=[None, date(2022, 1, 1), date(2022, 1, 1), date(2024, 1, 1)],
        valid_to=[None, None, None, None],
    )
    assert list(shorelines_in_force(waters, date(2021, 12, 31)).index) == [0]
    assert list(shorelines_in_force(waters, date(2022, 1, 1)).index) == [1, 2]
    assert list(shorelines_in_force(waters, date(2024, 1, 1)).index) == [3]
    assert list(shorelines_in_force(waters).index) == [3]


def test_both_days_of_the_period_are_inclusive() -> None:
    waters = versions(valid_from=[date(2022, 1, 1)], valid_to=[date(2022, 12, 31)])
    days = [date(2021, 12, 31), date(2022, 1, 1), date(2022, 12, 31), date(2023, 1, 1)]
    assert [len(shorelines_in_force(waters, day)) for day in days] == [0, 1, 1, 0]


def test_names_of_one_water_body_have_their_own_versions() -> None:
    waters = versions(
        name=["左岸", "右岸", "右岸"], valid_from=[date(2020, 1, 1), date(2020, 1, 1), date(2023, 1, 1)]
    )
    assert list(shorelines_in_force(waters, date(2024, 1, 1)).index) == [0, 2]


@pytest.mark.parametrize("name", ["宜昌段", None, " "])
def test_one_shoreline_is_measured_on_its_best_kind_only(name: str | None) -> None:
    waters = versions(name=[name] * 4, kind=["centreline", "imagery", None, "imagery"], valid_from=[None] * 4)
    assert list(shorelines_in_force(waters).index) == [1, 3]


def test_the_better_kind_of_one_stretch_hides_no_other_stretch() -> None:
    waters = versions(
        name=["宜昌段", "荆州段", None],
        kind=["management_boundary", "centreline", "imagery"],
        valid_from=[None] * 3,
    )
    # The unnamed line is the whole water body: where it is better than a stretch's own line it stands for it.
    assert list(shorelines_in_force(waters).index) == [0, 2]
    assert list(shorelines_in_force(waters[:2]).index) == [0, 1]


def test_an_unnamed_line_of_the_best_kind_stands_for_every_stretch_of_its_own_water_only() -> None:
    waters = versions(
        water_body_code=["W", "W", "W", "V"],
        name=["宜昌段", "荆州段", "", "宜昌段"],
        kind=["centreline", "management_boundary", "management_boundary", "centreline"],
        valid_from=[None] * 4,
    )
    assert list(shorelines_in_force(waters).index) == [1, 2, 3]


def test_a_line_that_is_no_longer_in_force_hides_nothing() -> None:
    waters = versions(
        kind=["management_boundary", "centreline"],
        name=[None, "宜昌段"],
        valid_from=[None, None],
        valid_to=[date(2022, 12, 31), None],
    )
    assert list(shorelines_in_force(waters, date(2022, 12, 31)).index) == [0]
    assert list(shorelines_in_force(waters, date(2023, 1, 1)).index) == [1]


def test_of_two_versions_of_one_day_the_one_recorded_last_holds() -> None:
    recorded = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01"], utc=True)
    waters = versions(valid_from=[None] * 3, recorded_at=recorded, version_hash=["x", "y", "y"])
    assert list(shorelines_in_force(waters, date(2024, 6, 1)).index) == [1, 2]


def test_a_plain_file_without_versions_stays_whole() -> None:
    waters = shorelines(LineString([(112, 29), (112, 30)]), LAKE, codes=["W", "W"])
    assert list(shorelines_in_force(waters, date(2024, 1, 1)).index) == [0, 1]
