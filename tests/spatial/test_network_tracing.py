"""What lies upstream and downstream: kilometres, rivers on the way, hours, braids, loops, lakes, suspects."""

import geopandas as gpd
import networkx as nx
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial.errors import QuantityError
from spatial.network import NetworkSettings, Velocity
from spatial.network_places import enter_areas, locate, position_of, snap
from spatial.network_tracing import (
    TraceItem,
    rank_suspects,
    trace_downstream,
    trace_lines,
    trace_many,
    trace_upstream,
)
from tests.spatial.network_drawing import area, at, draw, line, put

MAIN = [(0, 20), (0, 0)]
TREE = {"main": MAIN, "side": [(5, 12), (0, 12)], "twig": [(3, 15), (3, 12)], "low": [(-4, 3), (0, 3)]}


def met(trace) -> list[tuple[str, float]]:
    return [(item.code, round(item.river_km, 3)) for item in trace.items]


def start(snapped: pd.DataFrame, code: str):
    return position_of(snapped, "place", code)


# ------------------------------------------------------------------------------------- ways and kilometres


def test_upstream_are_the_places_from_which_water_comes():
    network = draw(TREE)
    places = {
        "section": (0, 5),
        "above": (0, 15.5),
        "side": (4, 12),
        "twig": (3, 14),
        "low": (-2, 3),
        "below": (0, 1),
    }
    snapped = snap(network, put(places))
    trace = trace_upstream(network, start(snapped, "section"), snapped)
    assert met(trace) == [("above", 10.5), ("side", 11.0), ("twig", 12.0)]
    assert [item.via for item in trace.items] == [("main",), ("main", "side"), ("main", "side", "twig")]


def test_downstream_are_the_places_that_water_comes_to():
    network = draw(TREE)
    snapped = snap(network, put({"twig": (3, 14), "side": (4, 12), "a": (0, 13), "b": (0, 5), "c": (0, 1)}))
    trace = trace_downstream(network, start(snapped, "twig"), snapped)
    assert met(trace) == [("b", 12.0), ("c", 16.0)]
    assert trace.items[0].via == ("twig", "side", "main")


def test_a_limit_in_kilometres_is_included():
    network = draw({"main": MAIN})
    snapped = snap(network, put({"o": (0, 15), "a": (0, 10), "b": (0, 9.99)}))
    assert met(trace_downstream(network, start(snapped, "o"), snapped, max_km=5.0)) == [("a", 5.0)]
    with pytest.raises(QuantityError):
        trace_downstream(network, start(snapped, "o"), snapped, max_km=0.0)


def test_a_gap_to_the_named_river_counts():
    network = draw({"main": MAIN, "side": [(5, 12), (0.8, 12)]}, {"side": "main"})
    snapped = snap(network, put({"o": (2.8, 12), "a": (0, 10)}))
    assert met(trace_downstream(network, start(snapped, "o"), snapped)) == [
        ("a", pytest.approx(4.8, abs=0.001))
    ]


def test_places_at_one_spot_are_both_upstream_and_downstream():
    network = draw({"main": MAIN})
    snapped = snap(network, put({"a": (0.1, 10), "b": (-0.1, 10)}))
    a = start(snapped, "a")
    assert (
        met(trace_downstream(network, a, snapped)) == met(trace_upstream(network, a, snapped)) == [("b", 0.0)]
    )


def test_a_place_at_a_confluence_is_downstream_of_both_rivers():
    network = draw({"a": [(-3, 5), (0, 3)], "b": [(3, 5), (0, 3)], "c": [(0, 3), (0, 0)]})
    snapped = snap(network, put({"here": (0, 3), "on_a": (-3, 5), "on_b": (3, 5)}))
    codes = [code for code, _ in met(trace_upstream(network, start(snapped, "here"), snapped))]
    assert codes == ["on_a", "on_b"]


def test_equal_kilometres_are_ordered_by_kind_and_code():
    network = draw({"main": MAIN})
    places = put({"o": (0, 15), "z": (0, 10), "y": (0, 10), "x": (0, 10)})
    places["kind"] = ["place", "pond", "section", "pond"]
    snapped = snap(network, places)
    trace = trace_downstream(network, start(snapped, "o"), snapped)
    assert [(item.kind, item.code) for item in trace.items] == [
        ("pond", "x"),
        ("pond", "z"),
        ("section", "y"),
    ]


def test_rivers_that_only_cross_are_not_followed():
    network = draw({"main": MAIN, "canal": [(-5, 10), (5, 10)]})
    snapped = snap(network, put({"o": (0, 15), "a": (0, 5), "b": (3, 10)}))
    assert met(trace_downstream(network, start(snapped, "o"), snapped)) == [("a", 10.0)]


def test_what_is_not_on_the_network_is_told():
    network = draw({"main": MAIN})
    snapped = snap(network, put({"o": (0, 15), "far": (40, 5), "none": None}))
    trace = trace_downstream(network, start(snapped, "o"), snapped)
    assert trace.unplaced == (("place", "far", "beyond_tolerance"), ("place", "none", "not_located"))
    nowhere = trace_downstream(network, start(snapped, "far"), snapped)
    assert nowhere.items == ()


# ------------------------------------------------------------------------------------------ braids and loops

BRAID = {"main": MAIN, "arm": [(0, 15), (4, 12), (0, 9)]}  # 10 km by the arm, 6 by the main river


def test_of_several_ways_the_shortest_counts_and_the_item_says_so():
    network = draw(BRAID)
    snapped = snap(network, put({"o": (0, 18), "main": (0, 12), "arm": (4, 12), "low": (0, 5)}))
    trace = trace_downstream(network, start(snapped, "o"), snapped)
    assert met(trace) == [("main", 6.0), ("arm", 8.0), ("low", 13.0)]
    assert [item.several_paths for item in trace.items] == [False, False, True]
    assert trace.items[2].via == ("main",)


def test_the_way_through_a_shorter_arm_names_the_arm():
    network = draw({"main": [(0, 20), (0, 15), (6, 12), (0, 9), (0, 0)], "cut": [(0, 15), (0, 9)]})
    snapped = snap(network, put({"o": (0, 18), "low": (0, 5)}))
    item = trace_downstream(network, start(snapped, "o"), snapped).items[0]
    assert (round(item.river_km, 3), item.via, item.several_paths) == (13.0, ("main", "cut", "main"), True)


def test_the_earliest_hours_are_those_of_the_fastest_way():
    # The cut is shorter, but the long way flows ten times as fast.
    rivers = {"main": [(0, 20), (0, 15), (6, 12), (0, 9), (0, 0)], "cut": [(0, 15), (0, 9)]}
    network = draw(rivers, velocities={"main": 2.0, "cut": 0.2}, settings=NetworkSettings(stated_spread=1.0))
    snapped = snap(network, put({"o": (0, 15), "low": (0, 9)}, river_code={"o": "main", "low": "main"}))
    item = trace_downstream(network, start(snapped, "o"), snapped).items[0]
    assert item.travel_hours == pytest.approx(6 / 3.6 / 0.2, abs=1e-3)
    assert item.earliest_hours == pytest.approx(2 * 45**0.5 / 3.6 / 2.0, abs=1e-2)


def test_two_arms_with_the_same_ends_are_two_ways():
    network = draw(
        {
            "up": [(0, 9), (0, 6)],
            "a": [(0, 6), (1, 4), (0, 3)],
            "b": [(0, 6), (-1, 5), (0, 3)],
            "d": [(0, 3), (0, 0)],
        }
    )
    snapped = snap(network, put({"o": (0, 8), "low": (0, 1)}))
    assert trace_downstream(network, start(snapped, "o"), snapped).items[0].several_paths


def test_a_spill_where_a_river_parts_goes_down_both_arms():
    network = draw(BRAID)
    snapped = snap(network, put({"o": (0, 15), "main": (0, 12), "arm": (4, 12)}, river_code={"o": "main"}))
    assert met(trace_downstream(network, start(snapped, "o"), snapped)) == [("main", 3.0), ("arm", 5.0)]
    assert met(trace_upstream(network, start(snapped, "arm"), snapped)) == [("o", 5.0)]


def test_a_section_at_the_mouth_of_a_tributary_measures_the_tributary_only():
    network = draw(TREE)
    places = put({"mouth": (0, 12), "above": (0, 16), "side": (4, 12)}, river_code={"mouth": "side"})
    snapped = snap(network, places)
    assert met(trace_upstream(network, start(snapped, "mouth"), snapped)) == [("side", 4.0)]


RING = {
    "in": [(-3, 0), (0, 0)],
    "a": [(0, 0), (4, 0)],
    "b": [(4, 0), (4, 3)],
    "c": [(4, 3), (0, 0)],
    "out": [(4, 3), (4, 8)],
}


def test_a_loop_ends_a_trace_and_is_one_way_only():
    network = draw(RING)
    snapped = snap(network, put({"o": (-2, 0), "ring": (2, 1.5), "out": (4, 7)}))
    trace = trace_downstream(network, start(snapped, "o"), snapped)
    assert (
        met(trace) == [("out", 13.0), ("ring", pytest.approx(11.5, abs=0.01))] or met(trace)[0][0] == "ring"
    )
    assert not any(item.several_paths for item in trace.items)


def test_a_place_behind_the_origin_is_reached_round_the_loop():
    network = draw(RING)
    snapped = snap(network, put({"o": (3, 0), "behind": (1, 0)}))
    assert met(trace_downstream(network, start(snapped, "o"), snapped)) == [
        ("behind", pytest.approx(1 + 3 + 5 + 1, abs=0.001))
    ]


# ---------------------------------------------------------------------------------------------------- hours


def test_hours_follow_from_the_velocity_of_every_river_on_the_way():
    network = draw(TREE, velocities={"twig": 0.5, "side": 1.0, "main": 2.0})
    snapped = snap(network, put({"o": (3, 14), "b": (0, 5)}))
    item = trace_downstream(network, start(snapped, "o"), snapped).items[0]
    likely = (2 / 0.5 + 3 / 1.0 + 7 / 2.0) / 3.6
    assert item.travel_hours == pytest.approx(likely, abs=1e-3)
    assert item.earliest_hours == pytest.approx(likely / 1.5, abs=1e-3)
    assert item.latest_hours == pytest.approx(likely * 1.5, abs=1e-3)


def test_a_river_without_a_velocity_takes_the_default_with_its_range():
    network = draw({"main": MAIN}, settings=NetworkSettings(velocity=Velocity(0.1, 0.5, 2.0)))
    snapped = snap(network, put({"o": (0, 15), "a": (0, 6)}))
    item = trace_downstream(network, start(snapped, "o"), snapped).items[0]
    assert (item.earliest_hours, item.travel_hours, item.latest_hours) == pytest.approx(
        (1.25, 5.0, 25.0), abs=1e-4
    )


def test_a_velocity_given_for_the_trace_counts_before_those_of_the_rivers():
    network = draw({"main": MAIN}, velocities={"main": 0.1})
    snapped = snap(network, put({"o": (0, 15), "a": (0, 6)}))
    velocity = Velocity.around(1.0, 2.0)
    item = trace_downstream(network, start(snapped, "o"), snapped, velocity=velocity).items[0]
    assert (item.earliest_hours, item.travel_hours, item.latest_hours) == pytest.approx(
        (1.25, 2.5, 5.0), abs=1e-4
    )


# ---------------------------------------------------------------------------------------------------- lakes

LAKE = {"lake": area((-2, 8), (2, 8), (2, 12), (-2, 12))}
ROUND_LAKE = {"in": [(0, 20), (0, 12)], "side": [(9, 10), (2, 10)], "out": [(0, 8), (0, 0)]}


def test_through_a_lake_of_which_nothing_is_known_kilometres_are_told_and_hours_are_not():
    network = draw(ROUND_LAKE, lakes=LAKE)
    snapped = snap(network, put({"o": (0, 17), "s": (5, 10), "low": (0, 5)}))
    trace = trace_downstream(network, start(snapped, "o"), snapped)
    item = trace.items[0]
    assert met(trace) == [("low", 12.0)]
    assert (item.travel_hours, item.earliest_hours, item.latest_hours) == (None, None, None)
    assert item.travel_reason == "lake_residence_unknown"
    assert (item.via, item.lakes) == (("in", "out"), ("lake",))
    # From the side the lake is crossed as the crow flies: from (2, 10) to (0, 8).
    side = trace_downstream(network, start(snapped, "s"), snapped)
    assert met(side) == [("low", pytest.approx(3 + 8**0.5 + 3, abs=0.002))]


def test_a_lake_with_a_residence_time_holds_the_water_that_long():
    network = draw(ROUND_LAKE, lakes=LAKE, residence={"lake": 240.0}, velocities={"in": 1.0, "out": 1.0})
    snapped = snap(network, put({"o": (0, 17), "low": (0, 5)}))
    item = trace_downstream(network, start(snapped, "o"), snapped).items[0]
    assert item.travel_hours == pytest.approx(240 + 8 / 3.6, abs=1e-3)
    assert item.earliest_hours == pytest.approx((240 + 8 / 3.6) / 1.5, abs=1e-3)


def test_a_velocity_of_lakes_gives_hours_through_them_and_into_them():
    settings_ = NetworkSettings(lake_velocity=Velocity(0.1, 0.1, 0.1), velocity=Velocity(1.0, 1.0, 1.0))
    network = draw(ROUND_LAKE, lakes=LAKE, settings=settings_)
    snapped = snap(network, put({"o": (0, 17), "mid": (0, 10), "low": (0, 5)}))
    trace = trace_downstream(network, start(snapped, "o"), snapped)
    assert met(trace) == [("mid", 7.0), ("low", 12.0)]
    hours = [item.travel_hours for item in trace.items]
    assert hours == pytest.approx([(5 + 2 / 0.1) / 3.6, (8 + 4 / 0.1) / 3.6], abs=1e-3)


def test_places_in_one_lake_are_up_and_down_of_each_other():
    network = draw(ROUND_LAKE, lakes=LAKE)
    snapped = snap(network, put({"a": (-1, 10), "b": (1, 10), "in": (0, 15), "out": (0, 5)}))
    a = start(snapped, "a")
    down, up = trace_downstream(network, a, snapped), trace_upstream(network, a, snapped)
    assert [item.code for item in down.items] == ["b", "out"]
    assert [item.code for item in up.items] == ["b", "in"]
    assert down.items[0].river_km == pytest.approx(2.0, abs=1e-3)
    assert down.items[0].travel_reason == "lake_residence_unknown"


def test_a_lake_that_a_line_runs_through_is_crossed_along_the_line():
    winding = {"main": [(0, 20), (0, 11), (1.5, 10), (0, 9), (0, 0)]}
    network = draw(winding, lakes=LAKE)
    snapped = snap(network, put({"o": (0, 17), "low": (0, 5)}))
    assert met(trace_downstream(network, start(snapped, "o"), snapped)) == [
        ("low", pytest.approx(10 + 2 * (1 + 1.5**2) ** 0.5, abs=0.002))
    ]


# ---------------------------------------------------------------------------------------------------- areas


def test_a_region_is_met_at_the_first_arrival():
    network = draw({"main": [(0, 20), (0, 12), (6, 9), (0, 6), (0, 0)]})
    origin = locate(network, *at(0, 19))
    regions = gpd.GeoDataFrame(
        {"code": ["west"]}, geometry=[area((-3, 2), (3, 2), (3, 15), (-3, 15))], crs=4490
    )
    trace = trace_downstream(network, origin, enter_areas(network, regions, origin))
    assert [(item.kind, item.code, round(item.river_km, 2)) for item in trace.items] == [
        ("region", "west", 4.0)
    ]


# ------------------------------------------------------------------------------------------------ answers


def test_the_answer_has_the_shape_of_the_contract():
    network = draw({"main": MAIN})
    snapped = snap(network, put({"o": (0, 15), "a": (0, 6)}))
    answer = trace_downstream(network, start(snapped, "o"), snapped, max_km=50).as_json()
    assert answer["direction"] == "downstream"
    assert answer["origin"]["code"] == "o"
    item = answer["items"][0]
    assert (item["kind"], item["code"], item["river_km"], item["via"]) == ("place", "a", 9.0, ["main"])
    assert item["travel_hours"] == pytest.approx(5.0)


def test_the_lines_of_a_trace_are_the_stretches_it_passes():
    network = draw(TREE)
    snapped = snap(network, put({"section": (0, 5)}))
    up = trace_lines(network, trace_upstream(network, start(snapped, "section"), snapped, max_km=10.0))
    # 7 km to the mouth of the side river, then 3 km up the main river and up the side (the twig's mouth).
    assert list(zip(up["river_code"], up["km_from"], up["km_to"], strict=True)) == [
        ("main", pytest.approx(0), pytest.approx(7, abs=1e-3)),
        ("main", pytest.approx(7, abs=1e-3), pytest.approx(10)),
        ("side", pytest.approx(7, abs=1e-3), pytest.approx(10, abs=1e-3)),
    ]
    assert up.geometry[0].coords[0] == pytest.approx(at(0, 12), abs=1e-6)
    assert up.geometry[0].coords[-1] == pytest.approx(at(0, 5), abs=1e-6)
    assert up["hours_to"][0] == pytest.approx(7 / 3.6 / 0.5, abs=1e-2)


def test_many_traces_at_once_are_the_same_as_one_by_one():
    network = draw(BRAID | {"side": [(5, 17), (0, 17)]})
    snapped = snap(
        network, put({"a": (0, 18), "b": (3, 17), "c": (4, 12), "d": (0, 5), "e": (0, 12), "f": (0, 19)})
    )
    for direction, one in (("downstream", trace_downstream), ("upstream", trace_upstream)):
        for max_km in (None, 7.5):
            many = trace_many(network, snapped, snapped, direction=direction, max_km=max_km)
            rows = [
                (code, item.code, item.river_km, item.travel_hours, item.earliest_hours, item.several_paths)
                for code in snapped["code"]
                for item in one(network, start(snapped, code), snapped, max_km=max_km).items
            ]
            columns = ["origin_code", "code", "river_km", "travel_hours", "earliest_hours", "several_paths"]
            for found, expected in zip(many[columns].itertuples(index=False), rows, strict=True):
                assert tuple(found)[:2] == expected[:2]
                assert tuple(found)[2:] == pytest.approx(expected[2:], abs=2e-6)


# ------------------------------------------------------------------------------------------------ suspects


def suspect(code: str, km: float, discharges: tuple[str, ...] | None) -> TraceItem:
    hours = (None, None, None, None)
    return TraceItem(
        "outfall",
        code,
        None,
        km,
        ("main",),
        *hours,
        False,
        "main",
        None,
        (),
        0.0,
        "high",
        "nearest",
        discharges,
    )


def test_what_was_removed_before_comes_last_whatever_it_lists():
    items = [suspect("gone", 1.0, ("tp",)), suspect("clean", 2.0, ()), suspect("far", 30.0, ("tp",))]
    ranked = rank_suspects(items, ["tp"], removed={("outfall", "gone")})
    assert [(one.rank, one.item.code, one.reason, one.matched) for one in ranked] == [
        (1, "far", "lists_parameter", ("tp",)),
        (2, "clean", "does_not_list", ()),
        (3, "gone", "removed", ("tp",)),
    ]


def test_suspects_are_ordered_by_what_they_discharge_and_then_by_distance():
    items = [
        suspect("near_clean", 1.0, ("cod_cr",)),
        suspect("near_unknown", 2.0, None),
        suspect("far_match", 30.0, ("tp",)),
        suspect("mid_match", 9.0, ("nh3_n", "tp")),
        suspect("empty_list", 0.5, ()),
        suspect("far_unknown", 20.0, None),
    ]
    ranked = rank_suspects(items, ["tp"])
    assert [(one.rank, one.item.code, one.reason, one.matched) for one in ranked] == [
        (1, "mid_match", "lists_parameter", ("tp",)),
        (2, "far_match", "lists_parameter", ("tp",)),
        (3, "near_unknown", "discharges_unknown", ()),
        (4, "far_unknown", "discharges_unknown", ()),
        (5, "empty_list", "does_not_list", ()),
        (6, "near_clean", "does_not_list", ()),
    ]


def test_one_of_several_exceeding_parameters_is_enough():
    ranked = rank_suspects([suspect("a", 1.0, ("tn",)), suspect("b", 2.0, ("tp", "tn"))], ["tp", "tn"])
    assert [(one.item.code, one.matched) for one in ranked] == [("a", ("tn",)), ("b", ("tp", "tn"))]


# -------------------------------------------------------------------- made-up networks against a plain walk

SIZE = 3  # the nodes are a grid of 4 × 4, one kilometre apart

Row = tuple[str, tuple[int, int], tuple[int, int]]


@st.composite
def networks(draw_: st.DrawFn) -> tuple[list[Row], list[tuple[str, str, float]]]:
    """Directed reaches between neighbours of a grid, with loops and braids, and places on them."""
    cells = [(x, y) for x in range(SIZE + 1) for y in range(SIZE + 1)]
    sides = [
        ((x, y), (x + dx, y + dy))
        for x, y in cells
        for dx, dy in ((1, 0), (0, 1))
        if max(x + dx, y + dy) <= SIZE
    ]
    chosen = draw_(st.lists(st.sampled_from(sides), min_size=2, max_size=14, unique=True))
    rows = []
    for number, (first, second) in enumerate(chosen):
        ends = (first, second) if draw_(st.booleans()) else (second, first)
        rows.append((f"r{number:02d}", *ends))
    count = draw_(st.integers(2, 6))
    codes = st.sampled_from([row[0] for row in rows])
    places = [
        (f"p{n}", draw_(codes), draw_(st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]))) for n in range(count)
    ]
    return rows, places


def oracle(
    rows: list[Row], places: list[tuple[str, str, float]], origin: str
) -> dict[str, tuple[float, bool]]:
    """Kilometres to what is downstream, and whether several ways lead there: by listing all ways."""
    graph = nx.MultiDiGraph()
    reach = {}
    for code, first, second in rows:
        graph.add_edge(first, second, key=code)
        reach[code] = (first, second)
    spots = {place: (code, share) for place, code, share in places}
    code, share = spots[origin]
    found = {}
    for place, (other, at_share) in spots.items():
        if place == origin:
            continue
        ways = []
        tail, head = reach[other][0], reach[code][1] if share > 0 else reach[code][0]
        if tail == head:
            ways = [0]
        elif tail in graph and head in graph:
            ways = [len(way) for way in nx.all_simple_edge_paths(graph, head, tail)]
        direct = at_share - share if other == code and at_share >= share > 0 else None
        if direct is not None:
            found[place] = (direct, False)
        elif ways:
            found[place] = ((1 - share if share > 0 else 0) + min(ways) + at_share, len(ways) > 1)
    return found


def build(rows: list[Row], places: list[tuple[str, str, float]]):
    network = draw({code: [first, second] for code, first, second in rows})
    lines = {code: (first, second) for code, first, second in rows}
    spots = {
        place: tuple(a + share * (b - a) for a, b in zip(*lines[code], strict=True))
        for place, code, share in places
    }
    return network, snap(network, put(spots, river_code={place: code for place, code, _ in places}))


@settings(max_examples=150, deadline=None)
@given(networks())
def test_made_up_networks_give_the_same_as_a_list_of_all_ways(case):
    rows, places = case
    network, snapped = build(rows, places)
    for place, _, _ in places:
        expected = oracle(rows, places, place)
        trace = trace_downstream(network, start(snapped, place), snapped)
        assert {item.code: item.river_km for item in trace.items} == {
            other: pytest.approx(km, abs=1e-3) for other, (km, _) in expected.items()
        }
        for item in trace.items:
            assert item.several_paths == expected[item.code][1]


@settings(max_examples=100, deadline=None)
@given(networks(), st.sampled_from([None, 1.5, 3.0]))
def test_upstream_is_downstream_the_other_way_round(case, max_km):
    rows, places = case
    network, snapped = build(rows, places)
    down = {
        (place, item.code): item.river_km
        for place, _, _ in places
        for item in trace_downstream(network, start(snapped, place), snapped, max_km=max_km).items
    }
    up = {
        (item.code, place): item.river_km
        for place, _, _ in places
        for item in trace_upstream(network, start(snapped, place), snapped, max_km=max_km).items
    }
    assert down.keys() == up.keys()
    assert all(down[pair] == pytest.approx(up[pair], abs=2e-6) for pair in down)


@settings(max_examples=60, deadline=None)
@given(networks(), st.sampled_from(["upstream", "downstream"]), st.sampled_from([None, 2.5]))
def test_many_made_up_traces_at_once_are_the_same_as_one_by_one(case, direction, max_km):
    rows, places = case
    network, snapped = build(rows, places)
    one = trace_upstream if direction == "upstream" else trace_downstream
    many = trace_many(network, snapped, snapped, direction=direction, max_km=max_km)
    singles = [
        (place, item.code, item.river_km, item.travel_hours, item.earliest_hours, item.several_paths)
        for place in snapped["code"]
        for item in one(network, start(snapped, place), snapped, max_km=max_km).items
    ]
    columns = ["origin_code", "code", "river_km", "travel_hours", "earliest_hours", "several_paths"]
    found = sorted(many[columns].itertuples(index=False, name=None))
    for first, second in zip(found, sorted(singles), strict=True):
        assert first[:2] == second[:2]
        assert first[2:] == pytest.approx(second[2:], abs=3e-6)


@settings(max_examples=30, deadline=None)
@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_rivers_and_places_changes_no_kilometre(case, shuffler):
    rows, places = case
    network, snapped = build(rows, places)
    shuffled_rows, shuffled_places = list(rows), list(places)
    shuffler.shuffle(shuffled_rows)
    shuffler.shuffle(shuffled_places)
    again, snapped_again = build(shuffled_rows, shuffled_places)
    for place, _, _ in places:
        first = trace_downstream(network, start(snapped, place), snapped)
        second = trace_downstream(again, start(snapped_again, place), snapped_again)
        assert met(first) == met(second)
        assert [item.several_paths for item in first.items] == [item.several_paths for item in second.items]


def test_a_polygon_on_the_way_is_met_once():
    network = draw({"main": MAIN})
    park = shapely.Polygon([at(-1, 4), at(1, 4), at(1, 6), at(-1, 6)])
    snapped = snap(network, put({"o": (0, 15), "park": park}))
    assert [code for code, _ in met(trace_downstream(network, start(snapped, "o"), snapped))] == ["park"]


# ------------------------------------------------------------------------------ messy lines, lakes and codes

GRID = [0.0, 0.03, 1.0, 1.06, 2.0, 2.5, 3.0]
spots = st.tuples(st.sampled_from(GRID), st.sampled_from(GRID))


@st.composite
def messes(draw_: st.DrawFn):
    """Whatever lines: gaps round the tolerance, rings, crossings, parts, wrong codes; lakes over them."""
    count = draw_(st.integers(1, 6))
    codes = [f"r{number}" for number in range(count)]
    rivers: dict[str, shapely.Geometry] = {}
    for code in codes:
        parts = draw_(st.lists(st.lists(spots, min_size=2, max_size=5), min_size=1, max_size=2))
        rivers[code] = shapely.MultiLineString([line(*part) for part in parts])
    flows = {code: draw_(st.sampled_from([*codes, "lake0", "nowhere", None])) for code in codes}
    lakes = {}
    for number in range(draw_(st.integers(0, 2))):
        west, south = draw_(spots)
        lakes[f"lake{number}"] = area(
            (west, south), (west + 0.7, south), (west + 0.7, south + 0.9), (west, south + 0.9)
        )
    topology = draw_(st.sampled_from(["both", "codes", "lines"]))
    chosen = NetworkSettings(topology=topology, turn_reversed=draw_(st.booleans()), named_gap_m=1_500.0)
    places = {f"p{number}": draw_(spots) for number in range(draw_(st.integers(2, 5)))}
    return rivers, flows, lakes, chosen, places


@settings(max_examples=80, deadline=None)
@given(messes())
def test_a_mess_of_lines_is_traced_both_ways_alike(case):
    rivers, flows, lakes, chosen, places = case
    network = draw(rivers, flows, lakes=lakes, settings=chosen)
    snapped = snap(network, put(places))
    down = trace_many(network, snapped, snapped)
    up = trace_many(network, snapped, snapped, direction="upstream")
    pairs = {(a, b): km for a, b, km in zip(down["origin_code"], down["code"], down["river_km"], strict=True)}
    back = {(b, a): km for a, b, km in zip(up["origin_code"], up["code"], up["river_km"], strict=True)}
    assert pairs.keys() == back.keys()
    assert all(km == pytest.approx(back[pair], abs=3e-6) for pair, km in pairs.items())
    for place in places:
        origin = start(snapped, place)
        trace = trace_downstream(network, origin, snapped)
        rows = down[down["origin_code"] == place]
        assert [item.code for item in trace.items] == rows["code"].tolist()
        assert [item.river_km for item in trace.items] == pytest.approx(rows["river_km"].tolist(), abs=3e-6)
        assert [item.several_paths for item in trace.items] == rows["several_paths"].tolist()
        for item in trace.items:
            assert item.travel_hours is None or item.earliest_hours <= item.travel_hours <= item.latest_hours
        trace_lines(network, trace)


def test_a_ring_that_nothing_leaves_ends_every_trace():
    network = draw({"ring": [(0, 0), (2, 0), (2, 2), (0, 0)], "in": [(-3, 0), (0, 0)]})
    snapped = snap(network, put({"o": (-1, 0), "a": (1, 0), "b": (2, 1)}))
    assert met(trace_downstream(network, start(snapped, "o"), snapped)) == [("a", 2.0), ("b", 4.0)]
    many = trace_many(network, snapped, snapped)
    assert many.loc[many["origin_code"] == "o", "code"].tolist() == ["a", "b"]
