"""How lines become a network: joints, kilometres, lakes, and the list of what does not fit."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from spatial.errors import CoordinateRangeError, CrsError, FrameColumnsError, FrameValueError, QuantityError
from spatial.network import NetworkSettings, Velocity, build_network, list_confluences, read_hydrorivers
from tests.spatial.network_drawing import at, draw, draw_rivers, line, problem_codes

MAIN = [(0, 20), (0, 0)]  # twenty kilometres, southwards


def confluences(network) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    found = list_confluences(network)
    return list(zip(found["inflows"], found["outflows"], strict=True))


# ------------------------------------------------------------------------------------------- joining lines


def test_a_tributary_that_touches_a_river_on_its_way_joins_it_there():
    network = draw({"main": MAIN, "side": [(5, 12), (0, 12)]})
    assert confluences(network) == [(("main", "side"), ("main",))]
    lon, lat = list_confluences(network).geometry[0].coords[0]
    assert (lon, lat) == pytest.approx(at(0, 12), abs=1e-7)
    assert network.problems == ()


@pytest.mark.parametrize("gap_km", [0.0, 0.03, 0.049])
def test_a_tributary_within_the_tolerance_joins(gap_km):
    network = draw({"main": MAIN, "side": [(5, 12), (gap_km, 12)]})
    assert confluences(network) == [(("main", "side"), ("main",))]
    assert network.problems == ()


def test_a_tributary_beyond_the_tolerance_is_listed_and_not_joined():
    network = draw({"main": MAIN, "side": [(5, 12), (0.08, 12)]})
    assert confluences(network) == []
    gap = next(problem for problem in network.problems if problem.code == "gap")
    assert gap.severity == "error"
    assert gap.rivers == ("side",)
    assert gap.params["other"] == "main"
    assert gap.params["gap_m"] == pytest.approx(80, abs=0.1)
    assert (gap.lon, gap.lat) == pytest.approx(at(0.08, 12), abs=1e-6)
    assert "isolated" in problem_codes(network)


def test_reaches_that_meet_end_to_start_join():
    network = draw({"a": [(-3, 5), (0, 3)], "b": [(3, 5), (0, 3)], "c": [(0, 3), (0, 0)]})
    assert confluences(network) == [(("a", "b"), ("c",))]
    assert network.problems == ()


def test_an_end_near_two_passing_rivers_joins_the_nearest_only():
    network = draw({"main": MAIN, "canal": [(0.04, 20), (0.04, 0)], "side": [(5, 12), (0.05, 12)]})
    assert confluences(network) == [(("canal", "side"), ("canal",))]


def test_rivers_that_cross_are_listed_and_not_joined():
    network = draw({"main": MAIN, "canal": [(-5, 10), (5, 10)]})
    assert confluences(network) == []
    crossing = network.problems[0]
    assert (crossing.code, crossing.severity, crossing.rivers) == ("crossing", "notice", ("canal", "main"))
    assert (crossing.lon, crossing.lat) == pytest.approx(at(0, 10), abs=1e-6)


def test_rivers_that_cross_in_a_common_vertex_are_not_joined_either():
    network = draw({"main": [(0, 20), (0, 10), (0, 0)], "canal": [(-5, 10), (0, 10), (5, 10)]})
    assert confluences(network) == []
    assert "crossing" in problem_codes(network)


def test_an_arm_leaves_a_river_on_its_way_and_comes_back():
    network = draw({"main": MAIN, "arm": [(0, 15), (3, 12), (0, 9)]})
    assert confluences(network) == [(("arm", "main"), ("main",))]
    assert network.problems == ()


# ------------------------------------------------------------------------------------------- named rivers


def test_the_named_river_is_joined_across_a_gap_that_is_counted():
    network = draw({"main": MAIN, "side": [(5, 12), (0.8, 12)]}, {"side": "main"})
    assert confluences(network) == [(("main", "side"), ("main",))]
    assert problem_codes(network) == ["gap_bridged"]
    assert network.problems[0].params == {"downstream_code": "main", "gap_m": pytest.approx(800, abs=0.5)}


def test_the_named_river_is_joined_even_where_another_is_nearer():
    rivers = {"main": MAIN, "canal": [(0.5, 20), (0.5, 0)], "side": [(5, 12), (0.5, 12)]}
    assert confluences(draw(rivers, {"side": "main"})) == [(("main", "side"), ("main",))]
    assert confluences(draw(rivers)) == [(("canal", "side"), ("canal",))]


def test_a_named_river_out_of_reach_is_listed():
    network = draw({"main": MAIN, "side": [(15, 12), (9, 12)]}, {"side": "main"})
    assert confluences(network) == []
    assert "gap_too_wide" in problem_codes(network)


def test_a_downstream_code_that_nothing_has_is_listed():
    network = draw({"main": MAIN}, {"main": "sea"})
    assert [(one.code, one.rivers, one.params) for one in network.problems] == [
        ("dangling_downstream_code", ("main",), {"downstream_code": "sea"})
    ]


def test_a_river_that_names_itself_is_listed():
    assert problem_codes(draw({"main": MAIN}, {"main": "main"})) == ["flows_into_itself"]


def test_a_line_drawn_upstream_is_listed_and_no_river_leaves_its_confluence_through_it():
    network = draw({"main": MAIN, "side": [(0, 12), (5, 12)]}, {"side": "main"})
    assert confluences(network) == []
    problem = next(one for one in network.problems if one.code == "drawn_upstream")
    assert (problem.severity, problem.rivers) == ("error", ("side",))
    assert (problem.lon, problem.lat) == pytest.approx(at(0, 12), abs=1e-7)
    # Drawn so without a downstream code it would be an arm that leaves the main river.
    assert "drawn_upstream" not in problem_codes(draw({"main": MAIN, "side": [(0, 12), (5, 12)]}))


def test_a_line_drawn_upstream_is_turned_round_on_request():
    settings = NetworkSettings(turn_reversed=True)
    network = draw({"main": MAIN, "side": [(0, 12), (5, 12)]}, {"side": "main"}, settings=settings)
    assert confluences(network) == [(("main", "side"), ("main",))]
    assert [(one.code, one.severity) for one in network.problems] == [("turned_round", "notice")]


def test_a_turned_line_flows_towards_the_river_it_names():
    settings = NetworkSettings(turn_reversed=True)
    network = draw({"main": MAIN, "side": [(0, 12), (5, 12)]}, {"side": "main"}, settings=settings)
    side = network.codes.index("side")
    assert tuple(network.lines.ends[side]) == pytest.approx(at(0, 12))


def test_codes_alone_join_nothing_that_they_do_not_name():
    rivers = {"main": MAIN, "side": [(5, 12), (0, 12)], "other": [(-5, 8), (0, 8)]}
    network = draw(rivers, {"side": "main"}, settings=NetworkSettings(topology="codes"))
    assert confluences(network) == [(("main", "side"), ("main",))]
    both = draw(rivers, {"side": "main"})
    assert len(confluences(both)) == 2


def test_lines_alone_need_no_codes():
    rivers = {"main": MAIN, "side": [(5, 12), (0, 12)]}
    network = draw(rivers, {"side": "nowhere"}, settings=NetworkSettings(topology="lines"))
    assert confluences(network) == [(("main", "side"), ("main",))]
    assert network.problems == ()


# -------------------------------------------------------------------------------------- what looks wrong


def test_rivers_that_flow_in_a_circle_are_listed():
    network = draw({"a": [(0, 0), (4, 0)], "b": [(4, 0), (2, 3)], "c": [(2, 3), (0, 0)]})
    problem = network.problems[0]
    assert (problem.code, problem.rivers) == ("cycle", ("a", "b", "c"))
    assert problem.params["length_km"] == pytest.approx(4 + 2 * 13**0.5, abs=0.01)


def test_rivers_that_end_head_to_head_are_listed():
    network = draw({"a": [(0, 5), (0, 0)], "b": [(0, -5), (0, 0)]})
    assert [(one.code, one.rivers) for one in network.problems] == [("ends_meet", ("a", "b"))]


def test_rivers_that_start_at_one_place_are_noted():
    network = draw({"a": [(0, 0), (0, 5)], "b": [(0, 0), (0, -5)]})
    assert [(one.code, one.severity) for one in network.problems] == [("starts_meet", "notice")]


def test_a_part_that_is_joined_with_nothing_is_noted_with_its_length():
    network = draw({"main": MAIN, "far": [(50, 10), (50, 4)]})
    assert [(one.code, one.rivers, one.params) for one in network.problems] == [
        ("isolated", ("far",), {"river_count": 1, "length_km": 6.0})
    ]


def test_a_line_that_crosses_itself_is_listed_with_the_place():
    network = draw({"loop": [(0, 10), (0, 0), (4, 0), (4, 5), (-4, 5)]})
    problem = network.problems[0]
    assert problem.code == "self_crossing"
    assert (problem.lon, problem.lat) == pytest.approx(at(0, 5), abs=1e-5)


@pytest.mark.parametrize(
    ("second", "code"), [(MAIN, "duplicate_line"), (MAIN[::-1], "duplicate_line_reversed")]
)
def test_the_same_line_twice_is_listed(second, code):
    network = draw({"one": MAIN, "two": second})
    assert (code, ("one", "two")) in [(one.code, one.rivers) for one in network.problems]


def test_lines_that_share_a_stretch_are_listed():
    network = draw({"one": [(0, 20), (0, 0)], "two": [(5, 12), (0, 12), (0, 9), (5, 9)]})
    overlap = next(one for one in network.problems if one.code == "overlap")
    assert overlap.rivers == ("one", "two")
    assert overlap.params["length_m"] == pytest.approx(3000, abs=1)


def test_a_river_without_a_line_is_listed():
    network = draw({"main": MAIN, "none": None, "dot": [(1, 1), (1, 1)]})
    assert [(one.code, one.rivers) for one in network.problems] == [
        ("no_line", ("dot",)),
        ("no_line", ("none",)),
    ]


def test_a_river_in_pieces_that_do_not_meet_is_listed():
    pieces = shapely.MultiLineString([line((0, 20), (0, 12)), line((0, 9), (0, 0))])
    network = draw({"main": pieces})
    problem = next(one for one in network.problems if one.code == "in_pieces")
    assert problem.params == {"pieces": 2, "shortest_km": 8.0}


def test_a_river_shorter_than_the_tolerance_passes_water_and_is_no_circle():
    network = draw({"a": [(0, 10), (0, 5.02)], "bit": [(0, 5.02), (0, 5)], "b": [(0, 5), (0, 0)]})
    assert problem_codes(network) == ["short_line"]


def test_problems_stand_in_one_order_whatever_the_order_of_the_rivers():
    rivers = {
        "main": MAIN,
        "side": [(5, 12), (0.08, 12)],
        "far": [(50, 10), (50, 4)],
        "canal": [(-5, 10), (5, 10)],
    }
    forward = draw(rivers)
    backward = draw(dict(reversed(rivers.items())))
    assert forward.problems == backward.problems


def test_a_frame_without_rivers_is_a_network_without_rivers():
    network = draw({})
    assert network.length_km == 0
    assert network.problems == ()
    assert len(list_confluences(network)) == 0


# ----------------------------------------------------------------------------------------------- kilometres


def test_kilometres_count_from_the_mouth():
    network = draw({"main": MAIN})
    assert network.length_km == pytest.approx(20.0, abs=1e-6)
    assert network.river_km(0, 0.0) == pytest.approx(20.0, abs=1e-6)
    assert network.river_km(0, 20.0) == pytest.approx(0.0, abs=1e-6)


def test_a_long_straight_edge_is_measured_along_the_line_and_not_along_the_geodesic():
    # Ten degrees of the 35th parallel, as GeoJSON means a straight edge: p·Δλ, p the radius of the parallel.
    parallel = gpd.GeoDataFrame(
        {"code": ["p"]}, geometry=[shapely.LineString([(100, 35), (110, 35)])], crs=4490
    )
    e2, a = 0.00669438002290, 6_378_137.0
    phi = np.radians(35)
    radius = a * np.cos(phi) / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    assert build_network(parallel).length_km == pytest.approx(radius * np.radians(10) / 1000, abs=1e-4)


def test_pieces_that_meet_count_their_kilometres_together():
    pieces = shapely.MultiLineString([line((0, 8), (0, 0)), line((0, 20), (0, 8.02))])
    network = draw({"main": pieces})
    upper = int(np.argmax(network.lines.starts[:, 1]))
    assert network.problems == ()
    assert network.river_km(upper, 0.0) == pytest.approx(19.98, abs=1e-5)


# ---------------------------------------------------------------------------------------------------- lakes

LAKE = shapely.Polygon([at(-2, 8), at(2, 8), at(2, 12), at(-2, 12)])


def test_a_lake_joins_what_enters_and_leaves_it():
    network = draw(
        {"in": [(0, 20), (0, 12)], "side": [(9, 10), (2.03, 10)], "out": [(0, 8), (0, 0)]},
        lakes={"lake": LAKE},
    )
    lake = network.lakes[0]
    assert len(lake.inflows) == 2
    assert len(lake.outflows) == 1
    assert network.problems == ()


def test_a_line_through_a_lake_is_cut_at_its_shore_and_keeps_its_kilometres():
    network = draw({"main": MAIN}, lakes={"lake": LAKE})
    lake = network.lakes[0]
    places = network.nodes[[*lake.inflows, *lake.outflows]]
    assert places[0] == pytest.approx(at(0, 12), abs=1e-6)
    assert places[1] == pytest.approx(at(0, 8), abs=1e-6)
    assert network.river_km(0, 0.0) == pytest.approx(20.0, abs=1e-6)


def test_pieces_of_a_river_on_both_sides_of_a_lake_hang_together():
    pieces = shapely.MultiLineString([line((0, 20), (0, 12)), line((0, 8), (0, 0))])
    network = draw({"main": pieces}, lakes={"lake": LAKE})
    assert network.problems == ()
    assert network.river_km(int(np.argmax(network.lines.starts[:, 1])), 0.0) == pytest.approx(20.0, abs=1e-5)


def test_a_river_may_name_the_lake_that_it_flows_into():
    network = draw(
        {"side": [(9, 10), (3, 10)], "out": [(0, 8), (0, 0)]}, {"side": "lake"}, lakes={"lake": LAKE}
    )
    assert len(network.lakes[0].inflows) == 1
    assert "dangling_downstream_code" not in problem_codes(network)


def test_a_river_that_only_brushes_a_lake_does_not_enter_it():
    network = draw({"main": [(5, 10.3), (1.99, 10), (5, 9.7)]}, lakes={"lake": LAKE})
    assert network.lakes[0].inflows == ()


def test_a_lake_that_no_river_reaches_is_noted():
    network = draw({"main": MAIN}, lakes={"lake": shapely.Polygon([at(5, 8), at(7, 8), at(7, 12)])})
    assert [(one.code, one.rivers, one.params) for one in network.problems] == [
        ("lake_apart", (), {"lake": "lake"})
    ]


# ------------------------------------------------------------------------------------------------ refusals


def test_a_code_that_stands_twice_is_refused():
    frame = draw_rivers({"a": MAIN, "b": MAIN})
    frame["code"] = "a"
    with pytest.raises(FrameValueError) as refusal:
        build_network(frame)
    assert (refusal.value.column, refusal.value.value) == ("code", "a")


def test_a_frame_without_codes_is_refused():
    with pytest.raises(FrameColumnsError):
        build_network(draw_rivers({"a": MAIN}).drop(columns="code"))


def test_points_are_no_rivers():
    frame = draw_rivers({"a": shapely.Point(110, 30)})
    with pytest.raises(FrameValueError, match="Point"):
        build_network(frame)


def test_projected_rivers_are_refused():
    with pytest.raises(CrsError):
        build_network(draw_rivers({"a": MAIN}).to_crs(4544))


def test_coordinates_off_the_earth_are_refused():
    with pytest.raises(CoordinateRangeError):
        build_network(draw_rivers({"a": shapely.LineString([(110, 30), (110, 95)])}))


@pytest.mark.parametrize("velocity", [0.0, -1.0, float("inf")])
def test_a_velocity_is_above_nothing(velocity):
    with pytest.raises(FrameValueError):
        draw({"a": MAIN}, velocities={"a": velocity})


def test_the_likely_velocity_lies_between_the_slowest_and_the_fastest():
    with pytest.raises(QuantityError):
        Velocity(1.0, 0.5, 2.0)


@pytest.mark.parametrize(
    "wrong", [{"tolerance_m": 0.0}, {"snap_m": -1.0}, {"stated_spread": 0.5}, {"topology": "x"}]
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(QuantityError):
        NetworkSettings(**wrong)


def test_hydrorivers_attributes_become_codes():
    reaches = gpd.GeoDataFrame(
        {"HYRIV_ID": [7, 8], "NEXT_DOWN": [8, 0], "DIS_AV_CMS": [1.5, 2.0], "UPLAND_SKM": [10.0, 20.0]},
        geometry=[line((0, 5), (0, 3)), line((0, 3), (0, 0))],
        crs=4326,
    )
    rivers = read_hydrorivers(reaches)
    assert rivers["code"].tolist() == ["7", "8"]
    assert rivers["downstream_code"].tolist() == ["8", None]
    assert rivers["discharge_m3_s"].tolist() == [1.5, 2.0]
    assert build_network(rivers).problems == ()
    with pytest.raises(FrameColumnsError):
        read_hydrorivers(reaches.drop(columns="NEXT_DOWN"))


@pytest.mark.parametrize(
    ("low", "likely", "high", "expected"),
    [
        (0.2, 0.5, 0.9, Velocity(0.2, 0.5, 0.9)),
        (None, 0.6, None, Velocity(0.6 / 1.5, 0.6, 0.6 * 1.5)),
        (0.2, None, 0.8, Velocity(0.2, 0.4, 0.8)),  # the geometric mean
        (0.2, None, None, None),
    ],
)
def test_a_river_states_its_velocity_with_or_without_bounds(low, likely, high, expected):
    frame = draw_rivers({"a": MAIN})
    frame["velocity_low_m_s"], frame["velocity_m_s"], frame["velocity_high_m_s"] = [low], [likely], [high]
    found = build_network(frame).velocities[0]
    if expected is None:
        assert found is None
    else:
        assert (found.slowest, found.likely, found.fastest) == pytest.approx(
            (expected.slowest, expected.likely, expected.fastest)
        )


def test_a_likely_velocity_outside_its_bounds_is_refused():
    frame = draw_rivers({"a": MAIN})
    frame["velocity_low_m_s"], frame["velocity_m_s"], frame["velocity_high_m_s"] = [0.5], [0.2], [0.9]
    with pytest.raises(FrameValueError):
        build_network(frame)
