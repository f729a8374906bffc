"""The network of HydroRIVERS round Taihu: against its own attributes, and built from the bare lines."""

from collections import defaultdict
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from spatial.network import NetworkSettings, RiverNetwork, build_network, list_confluences, read_hydrorivers
from spatial.network_places import position_of, snap
from spatial.network_tracing import trace_downstream, trace_many, trace_upstream

DATA = Path(__file__).parents[3] / "shared" / "data" / "geometry"
FILE = DATA / "hydrorivers_taihu" / "hydrorivers_taihu_bbox.shp"
RIVERS = DATA / "ne_10m_rivers_yangtze_bbox.geojson"

pytestmark = pytest.mark.skipif(
    not FILE.exists(), reason="the public river files are not beside the repository"
)


@pytest.fixture(scope="module")
def reaches() -> gpd.GeoDataFrame:
    return gpd.read_file(FILE)


@pytest.fixture(scope="module")
def network(reaches: gpd.GeoDataFrame) -> RiverNetwork:
    return build_network(read_hydrorivers(reaches))


@pytest.fixture(scope="module")
def middles(network: RiverNetwork):
    """A place half-way along every reach, named after it."""
    spots = [
        network.lines.place_at(line, float(network.lines.length_km[line]) / 2)
        for line in range(len(network.lines))
    ]
    codes = [network.codes[owner] for owner in network.lines.owner.tolist()]
    places = gpd.GeoDataFrame(
        {"code": codes, "kind": "reach", "river_code": codes}, geometry=shapely.points(spots), crs=4490
    )
    return snap(network, places)


def walk_up(reaches: gpd.GeoDataFrame) -> dict[str, set[str]]:
    """Per reach, all reaches from which ``NEXT_DOWN`` leads to it: each reach walked down to its outlet."""
    below = dict(zip(reaches["HYRIV_ID"].tolist(), reaches["NEXT_DOWN"].tolist(), strict=True))
    above: dict[str, set[str]] = defaultdict(set)
    for reach, first in below.items():
        at = first
        while at in below:
            above[str(at)].add(str(reach))
            at = below[at]
    return above


def test_every_reach_has_the_upstream_set_of_a_walk_along_next_down(reaches, network, middles):
    expected = walk_up(reaches)
    found: dict[str, set[str]] = defaultdict(set)
    many = trace_many(network, middles, middles, direction="upstream")
    for reach, above in zip(many["origin_code"], many["code"], strict=True):
        found[reach].add(above)
    assert len(middles) == len(reaches)
    for reach in middles["code"]:
        assert found[reach] == expected[reach]


def test_downstream_is_the_inverse_on_every_pair(network, middles):
    up = trace_many(network, middles, middles, direction="upstream")
    down = trace_many(network, middles, middles, direction="downstream")
    pairs = dict(zip(zip(up["code"], up["origin_code"], strict=True), up["river_km"], strict=True))
    back = dict(zip(zip(down["origin_code"], down["code"], strict=True), down["river_km"], strict=True))
    assert pairs.keys() == back.keys()
    keys = list(pairs)
    assert np.allclose([pairs[key] for key in keys], [back[key] for key in keys], rtol=0, atol=2e-6)


def test_kilometres_agree_with_the_published_distances(reaches, network, middles):
    """`DIST_DN_KM` counts from a reach's end to the sea, along lines of a coarser grid: within 2 per cent."""
    published = dict(zip(reaches["HYRIV_ID"].astype(str), reaches["DIST_DN_KM"], strict=True))
    length = dict(zip(reaches["HYRIV_ID"].astype(str), reaches["LENGTH_KM"], strict=True))
    down = trace_many(network, middles, middles)
    down = down[down["river_km"] > 50]
    theirs = [
        published[first] + length[first] / 2 - published[last] - length[last] / 2
        for first, last in zip(down["origin_code"], down["code"], strict=True)
    ]
    assert len(down) > 10_000
    assert np.abs(down["river_km"] / np.array(theirs) - 1).max() < 0.02


def test_the_joints_of_the_attributes_are_all_made(reaches, network):
    """No reach that says where it goes is left unjoined: problems are those of the edge of the file only."""
    known = set(reaches["HYRIV_ID"])
    leaving = [(below not in known and below != 0) for below in reaches["NEXT_DOWN"]]
    dangling = [one for one in network.problems if one.code == "dangling_downstream_code"]
    assert len(dangling) == sum(leaving) == 55
    assert {one.code for one in network.problems} == {"dangling_downstream_code", "ends_meet", "isolated"}


def test_bare_lines_find_the_confluences_that_the_attributes_state(reaches):
    """No difference inside the file; on its edge ten pairs of reaches meet whose next one is cut off.

    | | attributes | bare lines |
    |---|---:|---:|
    | confluences inside the file | 990 | 990 |
    | ends that meet where the next reach is beyond the edge | 10 (20 reaches) | 10, listed as ``ends_meet`` |
    """
    rivers = read_hydrorivers(reaches)
    bare = build_network(rivers[["code", "geometry"]], settings=NetworkSettings(topology="lines"))
    confluences = list_confluences(bare)
    inflows: dict[str, set[str]] = defaultdict(set)
    cut_off: dict[int, set[str]] = defaultdict(set)
    known = set(rivers["code"])
    for code, below in zip(rivers["code"], reaches["NEXT_DOWN"], strict=True):
        (inflows[str(below)] if str(below) in known else cut_off[int(below)]).add(code)
    stated = {(tuple(sorted(found)), (below,)) for below, found in inflows.items() if len(found) > 1}
    assert set(zip(confluences["inflows"], confluences["outflows"], strict=True)) == stated
    assert len(stated) == 990
    beyond = {tuple(sorted(found)) for below, found in cut_off.items() if len(found) > 1 and below != 0}
    assert {one.rivers for one in bare.problems if one.code == "ends_meet"} == beyond
    assert len(beyond) == 10


def test_bare_lines_flow_as_the_attributes_say(reaches, network, middles):
    rivers = read_hydrorivers(reaches)
    bare = build_network(rivers[["code", "geometry"]], settings=NetworkSettings(topology="lines"))
    stated = trace_many(network, middles, middles)
    found = trace_many(bare, middles, middles)
    assert found.equals(stated)


def test_one_trace_says_the_same_as_many(network, middles):
    many = trace_many(network, middles, middles)
    for code in middles["code"][::400]:
        origin = position_of(middles, "reach", code)
        one = trace_downstream(network, origin, middles)
        rows = many[many["origin_code"] == code]
        assert [item.code for item in one.items] == rows["code"].tolist()
        assert [item.river_km for item in one.items] == pytest.approx(rows["river_km"].tolist(), abs=2e-6)
        assert not any(item.several_paths for item in one.items)
        above = trace_upstream(network, origin, middles)
        assert all(item.via[0] == code and item.via[-1] == item.code for item in above.items)


@pytest.mark.parametrize("tolerance_m", [50.0, 500.0, 2_000.0])
def test_messy_lines_of_a_small_map_become_a_network_with_its_problems(tolerance_m):
    """Natural Earth, 1:10 million: several parts under a name, wide gaps, no stated direction."""
    drawn = gpd.read_file(RIVERS)
    drawn["code"] = drawn["dissolve"]
    network = build_network(drawn, settings=NetworkSettings(tolerance_m=tolerance_m))
    assert len(network.lines) >= len(drawn)
    codes = [one.code for one in network.problems]
    assert all(set(one.rivers) <= set(network.codes) for one in network.problems)
    gaps = [one.params["gap_m"] for one in network.problems if one.code == "gap"]
    assert all(tolerance_m < gap <= 10 * tolerance_m for gap in gaps)
    # The wider the tolerance, the fewer the parts that stand alone.
    assert codes.count("isolated") <= {50.0: 47, 500.0: 26, 2_000.0: 19}[tolerance_m]
    middles = [network.lines.place_at(line, 0.0) for line in range(len(network.lines))]
    places = gpd.GeoDataFrame(
        {"code": [f"p{line}" for line in range(len(middles))]}, geometry=shapely.points(middles), crs=4490
    )
    snapped = snap(network, places)
    assert (snapped["distance_m"] < 1e-3).all()
    assert len(trace_many(network, snapped, snapped)) > 0
