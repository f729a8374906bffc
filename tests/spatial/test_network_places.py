"""How places are put on the river network: distance, kilometre, how sure, and why."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod

from spatial.errors import CoordinateRangeError, CrsError, FrameColumnsError, PlaceNotFoundError
from spatial.network import NetworkSettings
from spatial.network_places import enter_areas, locate, position_of, snap
from tests.spatial.network_drawing import area, at, draw, put

MAIN = [(0, 20), (0, 0)]
GEOD = Geod(ellps="GRS80")


def told(network, places, **columns):
    """What became of the only place."""
    return snap(network, put(places, **columns)).iloc[0]


def test_a_place_beside_a_river_gets_kilometre_distance_and_foot():
    found = told(draw({"main": MAIN}), {"p": (0.3, 5)})
    assert (found["river_code"], found["confidence"], found["reason"]) == ("main", "high", "nearest")
    assert found["river_km"] == pytest.approx(5.0, abs=1e-4)
    assert found["distance_m"] == pytest.approx(300, abs=0.01)
    assert (found["lon"], found["lat"]) == pytest.approx(at(0, 5), abs=1e-6)


def test_the_distance_is_the_geodesic_to_the_foot():
    network = draw({"main": [(0, 0), (7, 5)]})
    found = told(network, {"p": (1, 4)})
    assert found["distance_m"] == pytest.approx(GEOD.inv(*at(1, 4), found["lon"], found["lat"])[2], abs=1e-3)
    # No place on the line is nearer: a dense walk along it.
    walk = network.lines.geometry[0].interpolate(np.linspace(0, 1, 20_001), normalized=True)
    metres = GEOD.inv(
        np.full(20_001, at(1, 4)[0]), np.full(20_001, at(1, 4)[1]), shapely.get_x(walk), shapely.get_y(walk)
    )[2]
    assert found["distance_m"] == pytest.approx(metres.min(), abs=0.01)


def test_a_place_beyond_the_tolerance_is_not_placed_and_says_so():
    found = told(draw({"main": MAIN}), {"p": (5.2, 5)})
    assert (found["confidence"], found["reason"], found["river_code"]) == ("none", "beyond_tolerance", None)
    assert np.isnan(found["river_km"])


def test_a_place_far_from_the_river_is_placed_with_low_confidence():
    found = told(draw({"main": MAIN}), {"p": (1.5, 5)})
    assert (found["confidence"], found["reason"]) == ("low", "far")


@pytest.mark.parametrize("nothing", [None, shapely.Point(), shapely.Point(np.nan, np.nan)])
def test_a_place_without_coordinates_is_not_placed(nothing):
    frame = put({"p": (0, 0)})
    frame.geometry = [nothing]
    found = snap(draw({"main": MAIN}), frame.set_crs(4490, allow_override=True)).iloc[0]
    assert (found["confidence"], found["reason"]) == ("none", "not_located")


# ------------------------------------------------------------------------------------------- two rivers near


def test_a_place_equally_near_two_rivers_is_doubtful_and_goes_to_the_smaller_code():
    rivers = {"west": [(-0.4, 20), (-0.4, 0)], "east": [(0.4, 20), (0.4, 0)]}
    for drawn in (rivers, dict(reversed(rivers.items()))):
        found = told(draw(drawn), {"p": (0, 5)})
        assert found["river_code"] == "east"
        assert (found["confidence"], found["reason"], found["other_river"]) == ("low", "ambiguous", "west")


def test_a_place_clearly_nearer_to_one_of_two_rivers_is_sure():
    rivers = {"west": [(-0.4, 20), (-0.4, 0)], "east": [(0.4, 20), (0.4, 0)]}
    found = told(draw(rivers), {"p": (-0.3, 5)})
    assert (found["river_code"], found["confidence"]) == ("west", "high")


def test_a_place_on_a_confluence_belongs_to_the_river_that_leaves_it():
    network = draw({"a": [(-3, 5), (0, 3)], "b": [(3, 5), (0, 3)], "c": [(0, 3), (0, 0)]})
    found = told(network, {"p": (0, 3)})
    assert (found["river_code"], found["reason"], found["confidence"]) == ("c", "at_confluence", "high")
    assert found["river_km"] == pytest.approx(3.0, abs=1e-6)


def test_a_place_where_a_tributary_joins_on_the_way_belongs_to_the_river_that_goes_on():
    network = draw({"main": MAIN, "a_side": [(5, 12), (0, 12)]})
    found = told(network, {"p": (-0.2, 12)})
    assert (found["river_code"], found["confidence"]) == ("main", "high")


def test_a_place_on_a_tributary_above_its_mouth_stays_on_it():
    network = draw({"main": MAIN, "side": [(5, 12), (0, 12)]})
    found = told(network, {"p": (0.1, 12)})
    assert (found["river_code"], found["confidence"]) == ("side", "high")
    assert found["river_km"] == pytest.approx(0.1, abs=1e-4)


def test_a_river_that_goes_on_as_another_reach_is_no_rival():
    network = draw({"upper": [(0, 20), (0, 5)], "lower": [(0, 5), (0, 0)]})
    found = told(network, {"p": (0.5, 5.2)})
    assert (found["river_code"], found["confidence"], found["reason"]) == ("upper", "high", "nearest")


# -------------------------------------------------------------------------------------------- named waters


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("river_code", "main"),
        ("water_body_code", "main"),
        ("river", "长江"),
        ("receiving_water", "长江"),
        ("receiving_water", " 长 江 "),
        ("river", "长江干流"),
    ],
)
def test_the_water_that_a_place_names_counts_before_the_nearest(column, text):
    network = draw({"main": MAIN, "side": [(1.0, 20), (1.0, 0)]}, names={"main": "长江", "side": "清江"})
    found = told(network, {"p": (0.9, 5)}, **{column: {"p": text}})
    assert (found["river_code"], found["confidence"], found["reason"]) == ("main", "high", "named_river")
    assert found["distance_m"] == pytest.approx(900, abs=0.1)


def test_a_name_that_is_equal_counts_before_names_that_begin_alike():
    network = draw({"old": MAIN, "new": [(1.0, 20), (1.0, 0)]}, names={"old": "长江故道", "new": "长江"})
    assert told(network, {"p": (0.1, 5)}, river={"p": "长江"})["river_code"] == "new"


def test_a_code_counts_before_a_name():
    network = draw({"main": MAIN, "side": [(1.0, 20), (1.0, 0)]}, names={"main": "长江", "side": "清江"})
    found = told(network, {"p": (0.5, 5)}, water_body_code={"p": "side"}, river={"p": "长江"})
    assert found["river_code"] == "side"


def test_a_named_river_farther_than_is_sure_is_taken_with_low_confidence():
    network = draw({"main": MAIN, "side": [(2.0, 20), (2.0, 0)]}, names={"main": "长江", "side": "清江"})
    found = told(network, {"p": (1.9, 5)}, river={"p": "长江"})
    assert (found["river_code"], found["confidence"], found["reason"]) == ("main", "low", "named_river_far")


def test_a_named_river_out_of_reach_leaves_the_nearest_with_low_confidence():
    network = draw({"main": MAIN, "side": [(9, 20), (9, 0)]}, names={"main": "长江", "side": "清江"})
    found = told(network, {"p": (8.9, 5)}, river={"p": "长江"})
    assert (found["river_code"], found["confidence"], found["reason"]) == (
        "side",
        "low",
        "named_river_elsewhere",
    )


def test_a_name_that_nothing_has_leaves_the_nearest_with_low_confidence():
    network = draw({"main": MAIN}, names={"main": "长江"})
    found = told(network, {"p": (0.1, 5)}, receiving_water={"p": "无名沟"})
    assert (found["river_code"], found["confidence"], found["reason"]) == ("main", "low", "name_unknown")


def test_names_are_not_asked_of_a_network_without_names():
    found = told(draw({"main": MAIN}), {"p": (0.1, 5)}, receiving_water={"p": "无名沟"})
    assert (found["confidence"], found["reason"]) == ("high", "nearest")


# ------------------------------------------------------------------------------------- lines, areas, lakes


def test_a_polygon_counts_with_its_nearest_edge():
    network = draw({"main": MAIN})
    found = told(network, {"park": area((0.6, 4), (2, 4), (2, 6), (0.6, 5))})
    assert found["distance_m"] == pytest.approx(600, abs=0.1)
    assert 4 <= found["river_km"] <= 5.001


def test_a_polygon_that_a_river_crosses_touches_it():
    found = told(draw({"main": MAIN}), {"park": area((-1, 4), (1, 4), (1, 6), (-1, 6))})
    assert found["distance_m"] == 0
    assert 4 <= found["river_km"] <= 6


def test_a_place_in_a_lake_is_in_the_lake():
    lakes = {"lake": area((-2, 8), (2, 8), (2, 12), (-2, 12))}
    network = draw({"main": MAIN}, lakes=lakes)
    found = told(network, {"p": (1.5, 10)})
    assert (found["lake_code"], found["river_code"], found["reason"]) == ("lake", None, "in_lake")
    assert (found["distance_m"], found["confidence"]) == (0, "high")


def test_a_place_on_a_river_inside_a_lake_keeps_its_kilometre():
    network = draw({"main": MAIN}, lakes={"lake": area((-2, 8), (2, 8), (2, 12), (-2, 12))})
    found = told(network, {"p": (0.1, 9)}, river_code={"p": "main"})
    assert (found["lake_code"], found["river_code"]) == ("lake", "main")
    assert found["river_km"] == pytest.approx(9.0, abs=1e-4)


def test_a_place_beside_a_lake_belongs_to_it_when_it_is_nearest():
    network = draw({"main": MAIN}, lakes={"lake": area((3, 8), (6, 8), (6, 12), (3, 12))})
    found = told(network, {"p": (2.8, 10)})
    assert (found["lake_code"], found["reason"]) == ("lake", "nearest")
    assert found["distance_m"] == pytest.approx(200, abs=0.1)


# ------------------------------------------------------------------------------------------ single places


def test_a_spill_is_located_and_may_name_its_river():
    network = draw({"main": MAIN, "side": [(1.0, 20), (1.0, 0)]}, names={"main": "长江", "side": "清江"})
    lon, lat = at(0.9, 5)
    assert locate(network, lon, lat).river_code == "side"
    assert locate(network, lon, lat, river="长江").river_code == "main"
    assert not locate(network, 100.0, 30.0).placed


def test_a_place_off_the_earth_is_refused():
    with pytest.raises(CoordinateRangeError):
        locate(draw({"main": MAIN}), 30.0, 110.0)


def test_a_place_is_found_again_by_kind_and_code():
    network = draw({"main": MAIN})
    snapped = snap(network, put({"p": (0.1, 5), "q": (0.1, 7)}))
    assert position_of(snapped, "place", "q").river_km == pytest.approx(7.0, abs=1e-4)
    with pytest.raises(PlaceNotFoundError):
        position_of(snapped, "place", "r")


def test_projected_places_and_frames_without_codes_are_refused():
    network = draw({"main": MAIN})
    with pytest.raises(CrsError):
        snap(network, put({"p": (0, 5)}).to_crs(4544))
    with pytest.raises(FrameColumnsError):
        snap(network, put({"p": (0, 5)}).drop(columns="code"))


def test_rows_keep_their_order_and_what_they_discharge():
    network = draw({"main": MAIN})
    places = put({"b": (0, 5), "a": (0, 7), "c": None}, discharges={"b": ["tp", "nh3_n"], "a": None})
    snapped = snap(network, places)
    assert snapped["code"].tolist() == ["b", "a", "c"]
    assert snapped["discharges"].tolist() == [("tp", "nh3_n"), None, None]


def test_no_places_are_an_empty_frame():
    assert len(snap(draw({"main": MAIN}), put({}).set_geometry([]).set_crs(4490, allow_override=True))) == 0


# ------------------------------------------------------------------------------------------ areas on the way


def regions(**drawn):
    return gpd.GeoDataFrame({"code": list(drawn)}, geometry=list(drawn.values()), crs=4490)


def test_a_river_enters_a_region_where_it_flows_in_and_upstream_where_it_flows_out():
    network = draw({"main": MAIN})
    origin = locate(network, *at(0, 19))
    areas = regions(city=area((-5, 4), (5, 4), (5, 9), (-5, 9)))
    down = enter_areas(network, areas, origin)
    assert down["kind"].tolist() == ["region"]
    assert down["river_km"].tolist() == pytest.approx([9.0], abs=1e-4)
    up = enter_areas(network, areas, origin, direction="upstream")
    assert up["river_km"].tolist() == pytest.approx([4.0], abs=1e-4)


def test_a_region_that_holds_the_origin_is_entered_there():
    network = draw({"main": MAIN})
    origin = locate(network, *at(0.2, 6))
    down = enter_areas(network, regions(city=area((-5, 4), (5, 4), (5, 9), (-5, 9))), origin)
    assert sorted(down["river_km"]) == pytest.approx([6.0, 9.0], abs=1e-4)


def test_settings_say_how_near_is_near():
    network = draw({"main": MAIN}, settings=NetworkSettings(near_m=100, snap_m=1000))
    assert told(network, {"p": (0.2, 5)})["confidence"] == "low"
    assert told(network, {"p": (1.1, 5)})["confidence"] == "none"
