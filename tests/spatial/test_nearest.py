"""The compiled loops: distances through the Earth, feet on edges, trees, water areas, one cache for all."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon

from spatial import compilation, edges, nearest
from spatial.distance import ShorelineIndex, measure_distances
from spatial.vocabulary import Rank

ROOT = Path(__file__).parents[2]
GRS80 = Geodesic(6_378_137.0, 1 / 298.257222101)


# -- distances -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latitude", [-60, 0, 28, 35, 60, 84])
@pytest.mark.parametrize(
    ("length_m", "error_m"),
    [(0.001, 1e-8), (999.9996, 1e-8), (10_000, 1e-8), (100_000, 1e-6), (200_000, 2e-5)],
)
def test_the_chord_bent_to_its_arc_is_the_geodesic(latitude: float, length_m: float, error_m: float) -> None:
    for azimuth in range(0, 360, 15):
        there = GRS80.Direct(latitude, 110.0, azimuth, length_m)
        measured = nearest.measure_pair(110.0, float(latitude), there["lon2"], there["lat2"])
        assert measured == pytest.approx(length_m, abs=error_m)


def test_a_place_is_at_0_from_itself() -> None:
    assert nearest.measure_pair(110.123456789, 30.987654321, 110.123456789, 30.987654321) == 0.0


# -- cutting and sorting ---------------------------------------------------------------------------------


def test_lines_are_cut_into_pieces_that_join_and_stay_below_the_length() -> None:
    vertices = np.array([[110.0, 30.0], [110.5, 30.2], [110.5, 30.2001], [111.0, 29.0], [111.0, 29.0]])
    pieces, line = edges.cut_lines(vertices, np.array([0, 0, 0, 1, 1]), 10_000.0)
    first = pieces[line == 0]
    assert first[0, :2].tolist() == [110.0, 30.0]
    assert first[-1, 2:].tolist() == [110.5, 30.2001]
    assert np.array_equal(first[1:, :2], first[:-1, 2:])
    lengths = [GRS80.Inverse(y, x, end_y, end_x)["s12"] for x, y, end_x, end_y in first]
    assert max(lengths) < 10_100
    assert len(first) == 7  # 53 km in six, 11 m in one
    assert pieces[line == 1].tolist() == [[111.0, 29.0, 111.0, 29.0]]


@pytest.mark.parametrize("count", [0, 1, 8, 9, 64, 65, 1000])
def test_every_box_of_the_tree_covers_what_lies_below(count: int) -> None:
    ends = np.random.default_rng(count).uniform(0, 1, (count, 4))
    tree = edges.grow_tree(ends)
    level = np.hstack([np.minimum(ends[:, :2], ends[:, 2:]), np.maximum(ends[:, :2], ends[:, 2:])])
    for number in range(len(tree.levels) - 1):
        boxes = tree.boxes[tree.levels[number] : tree.levels[number + 1]]
        parent = np.arange(len(level)) // edges.FAN
        assert len(boxes) == -(-len(level) // edges.FAN)
        assert np.all(boxes[parent, :2] <= level[:, :2])
        assert np.all(boxes[parent, 2:] >= level[:, 2:])
        level = boxes
    assert len(level) == min(count, 1)


def test_the_curve_visits_every_place_once_and_neighbours_together() -> None:
    lon, lat = (side.ravel() for side in np.meshgrid(np.arange(32.0), np.arange(32.0)))
    order = edges.sort_along_curve(lon, lat)
    assert sorted(order.tolist()) == list(range(1024))
    steps = np.hypot(np.diff(lon[order]), np.diff(lat[order]))
    assert steps.mean() < 1.5


# -- whatever the order, the pieces, the threads ---------------------------------------------------------

degrees = st.tuples(
    st.floats(111.9, 112.1, allow_subnormal=False), st.floats(29.9, 30.1, allow_subnormal=False)
)
# A coarse grid makes ties, touches, doubles and edges of no length.
corners = st.one_of(
    degrees,
    st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda at: (112 + at[0] / 50, 30 + at[1] / 50)),
)
lines = st.lists(corners, min_size=2, max_size=6).map(LineString)
rings = st.lists(corners, min_size=3, max_size=6).map(Polygon)
waters = st.lists(st.one_of(lines, rings), min_size=1, max_size=5)
places = st.lists(
    st.one_of(
        corners.map(Point),
        lines,
        rings,
        st.tuples(rings, rings).map(MultiPolygon),
        st.tuples(corners.map(Point), lines).map(GeometryCollection),
    ),
    min_size=1,
    max_size=6,
)


def facilities(geometries) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"code": range(len(geometries))}, geometry=list(geometries), crs=4490)


def shorelines(geometries, codes=None) -> gpd.GeoDataFrame:
    codes = [f"W{number % 3}" for number in range(len(geometries))] if codes is None else codes
    return gpd.GeoDataFrame(
        {"water_body_code": codes, "rank": "mainstem"}, geometry=list(geometries), crs=4490
    )


@settings(max_examples=60, deadline=None)
@given(places=places, waters=waters, seed=st.integers(0, 999))
def test_the_order_of_facilities_changes_no_row(places, waters, seed: int) -> None:
    straight = measure_distances(facilities(places), shorelines(waters))
    order = np.random.default_rng(seed).permutation(len(places))
    shuffled = measure_distances(facilities(places).iloc[order], shorelines(waters))
    pd.testing.assert_frame_equal(shuffled, straight.iloc[order].reset_index(drop=True), check_exact=True)


@settings(max_examples=60, deadline=None)
@given(places=places, waters=waters, seed=st.integers(0, 999))
def test_the_order_of_shorelines_changes_nothing(places, waters, seed: int) -> None:
    codes = [f"W{number}" for number in range(len(waters))]
    straight = measure_distances(facilities(places), shorelines(waters, codes))
    order = np.random.default_rng(seed).permutation(len(waters))
    shuffled = measure_distances(facilities(places), shorelines(waters, codes).iloc[order])
    pd.testing.assert_frame_equal(shuffled, straight, check_exact=True)


@settings(max_examples=40, deadline=None)
@given(places=places, waters=waters, cut=st.integers(1, 5), threads=st.integers(1, 3))
def test_pieces_and_threads_give_the_rows_of_the_whole(places, waters, cut: int, threads: int) -> None:
    whole = measure_distances(facilities(places), shorelines(waters))
    index = ShorelineIndex(shorelines(waters))
    pieces = [
        index.measure(facilities(places).iloc[begin : begin + cut], threads=threads)
        for begin in range(0, len(places), cut)
    ]
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), whole, check_exact=True)


@settings(max_examples=60, deadline=None)
@given(places=places, waters=waters)
def test_shorelines_told_twice_or_backwards_change_nothing(places, waters) -> None:
    once = measure_distances(facilities(places), shorelines(waters, ["W"] * len(waters)))
    twice = [*waters, *(shapely.reverse(water) for water in waters)]
    again = measure_distances(facilities(places), shorelines(twice, ["W"] * len(twice)))
    pd.testing.assert_frame_equal(again, once, check_exact=True)
    backwards = [shapely.reverse(place) for place in places]
    pd.testing.assert_frame_equal(
        measure_distances(facilities(backwards), shorelines(waters, ["W"] * len(waters))),
        once,
        check_exact=True,
    )


@settings(max_examples=60, deadline=None)
@given(places=places, waters=waters, within_m=st.sampled_from([1.0, 1500.0, 50_000.0]))
def test_zones_do_not_depend_on_how_far_the_search_goes(places, waters, within_m: float) -> None:
    usual = measure_distances(facilities(places), shorelines(waters))
    other = measure_distances(facilities(places), shorelines(waters), within_m=within_m)
    assert other["zones"].tolist() == usual["zones"].tolist()
    both = (usual["mainstem_distance_m"] <= within_m).to_numpy()
    common = [column for column in usual if column != "zones"]
    pd.testing.assert_frame_equal(
        usual.loc[both, common], other.loc[both, common], check_exact=True, check_dtype=False
    )


def test_threads_write_the_rows_of_one_thread() -> None:
    random = np.random.default_rng(1)
    river = LineString(
        np.column_stack([np.linspace(110, 114, 20_000), 30 + np.cumsum(random.normal(0, 0.002, 20_000))])
    )
    lake = Point(112, 31).buffer(0.5, quad_segs=2_000)
    water = gpd.GeoDataFrame(
        {"water_body_code": ["R", "L"], "rank": ["mainstem", "lake"]}, geometry=[river, lake], crs=4490
    )
    points = shapely.points(random.uniform([110, 29], [114, 32], (80_000, 2)))
    ponds = [
        shapely.box(x, y, x + 0.02, y + 0.01) for x, y in random.uniform([110, 29], [114, 32], (2_000, 2))
    ]
    index = ShorelineIndex(water)
    alone = index.measure(facilities([*points, *ponds]), threads=1)
    for threads in (2, 5):
        pd.testing.assert_frame_equal(
            index.measure(facilities([*points, *ponds]), threads=threads), alone, check_exact=True
        )


# -- water areas -----------------------------------------------------------------------------------------


def test_inside_is_what_shapely_finds_inside() -> None:
    random = np.random.default_rng(3)
    around = np.linspace(0, 2 * np.pi, 3_000, endpoint=False)
    reach = 0.3 + 0.1 * np.sin(7 * around) + random.uniform(0, 0.02, 3_000)
    shell = np.column_stack([112 + reach * np.cos(around), 30 + reach * np.sin(around)])
    island = np.column_stack([112 + 0.1 * np.cos(around), 30 + 0.1 * np.sin(around)])
    lake = Polygon(shell, [island])
    comb = Polygon(
        [(111, 29), *((111 + n / 1000, 29.9 if n % 2 else 29.1) for n in range(1, 500)), (111.5, 29)]
    )
    places = random.uniform([110.9, 28.9], [112.6, 30.6], (20_000, 2))
    water = gpd.GeoDataFrame(
        {"water_body_code": ["L", "C"], "rank": ["lake", "important_lake"]}, geometry=[lake, comb], crs=4490
    )
    measured = measure_distances(facilities(shapely.points(places)), water)
    for rank, area in (("lake", lake), ("important_lake", comb)):
        inside = shapely.intersects_xy(area, *places.T)
        assert inside.sum() > 1_000
        assert np.array_equal(measured[f"{rank}_distance_m"] == 0, inside)


def test_places_level_with_vertices_are_sorted_in_and_out() -> None:
    # Every place is level with corners, spikes and level edges of the ring.
    ring = Polygon([(0, 0), (4, 0), (4, 2), (3, 1), (2, 2), (2, 1), (1, 1), (1, 2), (0, 1)])
    places = [(x / 4 + 0.125, y) for x in range(-2, 18) for y in (0, 0.5, 1, 1.5, 2)]
    moved = shapely.transform(ring, lambda at: at + np.array([110, 30]))
    water = gpd.GeoDataFrame({"water_body_code": ["L"], "rank": ["lake"]}, geometry=[moved], crs=4490)
    points = [Point(110 + x, 30 + y) for x, y in places]
    measured = measure_distances(facilities(points), water)["lake_distance_m"].to_numpy()
    assert ((measured == 0) == shapely.intersects(moved, points)).all()


def test_of_overlapping_waters_the_smaller_code_counts() -> None:
    square = shapely.box(112, 29, 113, 30)
    water = shorelines([square, square, LineString([(112.5, 29), (112.5, 30)])], ["B", "C", "A"])
    measured = measure_distances(facilities([Point(112.4, 29.5), Point(112.5, 29.5)]), water)
    assert measured["mainstem_distance_m"].tolist() == [0.0, 0.0]
    assert measured["mainstem_water_body_code"].tolist() == ["B", "A"]


def test_a_pond_around_an_island_of_its_own_is_apart_from_the_water_inside() -> None:
    ring = Polygon(
        [(112, 29), (113, 29), (113, 30), (112, 30)],
        [[(112.2, 29.2), (112.8, 29.2), (112.8, 29.8), (112.2, 29.8)]],
    )
    water = shorelines([shapely.box(112.49, 29.49, 112.51, 29.51)])
    measured = measure_distances(facilities([ring, Polygon(ring.exterior)]), water, within_m=50_000)
    expected = GRS80.Inverse(29.51, 112.5, 29.8, 112.5)["s12"]
    assert 0 < measured["mainstem_distance_m"][0] <= expected
    assert measured["mainstem_distance_m"][1] == 0


@pytest.mark.parametrize(
    "degenerate",
    [
        Polygon([(112, 30), (112, 30), (112, 30)]),
        Polygon([(112, 30), (112.1, 30), (112, 30)]),
        LineString([(112, 30), (112, 30)]),
        MultiPolygon([shapely.box(112, 30, 112.1, 30.1), shapely.box(112, 30, 112.1, 30.1)]),
    ],
)
def test_degenerate_waters_and_facilities_are_measured_to_what_there_is(degenerate) -> None:
    south = GRS80.Direct(30.0, 112.0, 180, 800.0)
    at = Point(south["lon2"], south["lat2"])
    to = measure_distances(facilities([at]), shorelines([degenerate]))["mainstem_distance_m"][0]
    back = measure_distances(facilities([degenerate]), shorelines([LineString([at, at])]))[
        "mainstem_distance_m"
    ][0]
    assert to == pytest.approx(800.0, abs=1e-5)
    assert back == pytest.approx(800.0, abs=1e-5)


# -- many edges ------------------------------------------------------------------------------------------


def test_the_same_edge_a_hundred_thousand_times_is_one_edge() -> None:
    edge = LineString([(112, 29), (112.001, 29.001)])
    many = shapely.MultiLineString([edge] * 100_000)
    place = facilities([Point(112.01, 29.0), shapely.box(112.01, 29, 112.02, 29.01)])
    pd.testing.assert_frame_equal(
        measure_distances(place, shorelines([many])),
        measure_distances(place, shorelines([edge])),
        check_exact=True,
    )


# -- compilation -----------------------------------------------------------------------------------------


def run_python(program: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_nothing_is_compiled_or_loaded_before_something_is_measured() -> None:
    program = "import sys, spatial.distance; print('numba' in sys.modules)"
    assert run_python(program) == "False"


def test_what_cannot_be_kept_on_disk_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compilation.numba, "njit", refuse)
    assert compilation.compiled(abs)(-1) == 1


def test_ranks_without_shorelines_cost_no_search() -> None:
    index = ShorelineIndex(shorelines([LineString([(112, 29), (112, 30)])]))
    assert [rank for rank, indexed in index._ranks.items() if indexed is not None] == [Rank.MAINSTEM]


def test_compiled_loops_take_nothing_from_our_other_files() -> None:
    # Kept machine code is thrown away when the file of the function changes, and only then.
    module = ast.parse(Path(nearest.__file__).read_text(encoding="utf-8"))
    taken = {
        name.name
        for statement in module.body
        if isinstance(statement, ast.ImportFrom) and str(statement.module).startswith("spatial")
        for name in statement.names
    }
    assert taken == {"compiled", "Floats"}  # a decorator and a type
