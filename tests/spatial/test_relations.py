"""Facilities in protection zones, places in regions, homes below ponds.

Distances are built with the geodesic direct problem (GeographicLib through pyproj), not with the code under
test. All places are made up.
"""

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from spatial.errors import CrsError, FrameColumnsError
from spatial.evaluators import Facts
from spatial.relations import Exposure, Side, relate_ponds, relate_regions, relate_zones
from spatial.rulebook import load_rulebook
from spatial.scoreboard import score_targets
from tests.spatial.rule_facts import judge, said

GRS80 = Geod(ellps="GRS80")
CORNER = (106.5, 29.5)
RULE = "CQ-5-1-5"
AS_OF = date(2024, 1, 1)


def at(bearing: float, metres: float, start: tuple[float, float] = CORNER) -> tuple[float, float]:
    """The point so many metres from another (0° is north)."""
    lon, lat, _ = GRS80.fwd(*start, bearing, metres)
    return lon, lat


def box(metres: float, start: tuple[float, float] = CORNER) -> shapely.Polygon:
    """An area whose western edge is a meridian through `start`, in its middle."""
    north, south = at(0, metres / 2, start), at(180, metres / 2, start)
    east = at(90, metres, start)[0]
    return shapely.box(start[0], south[1], east, north[1])


def frame(rows: list[dict[str, Any]], crs: int = 4490) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=crs)


def zone(shape: shapely.Geometry, grade: int = 1, code: str = "SY-1") -> dict[str, Any]:
    row = {"code": code, "name": "白沙水库", "zone_grade": grade, "region_code": "500101"}
    return {**row, "geometry": shape}


def place(code: str, shape: shapely.Geometry | tuple[float, float] | None, **facts: Any) -> dict[str, Any]:
    geometry = shapely.Point(shape) if isinstance(shape, tuple) else shape
    row = {
        "code": code,
        "name": f"{code}号",
        "region_code": "500101",
        "accuracy_m": 5.0,
        "geometry": geometry,
    }
    return row | facts


# --- protection zones ------------------------------------------------------------------------------------


@pytest.mark.parametrize("metres", [0.4, 30.0, 999.6])
def test_the_distance_to_a_zone_is_geodesic(metres: float) -> None:
    found = relate_zones(frame([place("F", at(270, metres))]), frame([zone(box(4000))]))
    assert found["inside"].tolist() == [False]
    assert found["edge_distance_m"].iloc[0] == pytest.approx(metres, abs=0.02)
    assert found["edge_lon"].iloc[0] == pytest.approx(CORNER[0], abs=1e-9)


@pytest.mark.parametrize("metres", [0.4, 30.0, 900.0])
def test_inside_a_zone_the_distance_is_to_its_edge(metres: float) -> None:
    found = relate_zones(frame([place("F", at(90, metres))]), frame([zone(box(4000))]))
    assert found["inside"].tolist() == [True]
    assert found["edge_distance_m"].iloc[0] == pytest.approx(metres, abs=0.02)


def test_facilities_far_from_every_zone_have_no_pair() -> None:
    facilities = frame([place("near", at(270, 990)), place("far", at(270, 1010)), place("nowhere", None)])
    assert relate_zones(facilities, frame([zone(box(4000))]))["code"].tolist() == ["near"]


def test_grades_of_one_source_are_told_apart() -> None:
    zones = frame([zone(box(4000), grade=2), zone(box(800), grade=1)])
    found = relate_zones(frame([place("F", at(90, 100))]), zones)
    assert found[["zone_grade", "inside"]].values.tolist() == [[1, True], [2, True]]


def test_an_area_reaches_as_deep_as_its_deepest_corner() -> None:
    """A park of 300 m on the edge of a zone: 200 m of it outside, 100 m inside."""
    park = box(300, at(270, 200))
    found = relate_zones(frame([place("F", park)]), frame([zone(box(4000))]))
    assert found["inside"].tolist() == [True]
    assert found["edge_distance_m"].iloc[0] == pytest.approx(100, abs=0.1)


def test_an_area_that_swallows_a_zone_is_inside_by_the_zones_own_corners() -> None:
    found = relate_zones(frame([place("F", box(4000))]), frame([zone(box(200, at(90, 1000)))]))
    assert found["inside"].tolist() == [True]
    assert found["edge_distance_m"].iloc[0] == pytest.approx(1200, abs=2)


@given(bearing=st.floats(0, 359.9), metres=st.floats(0.01, 950))
def test_moving_a_point_by_its_edge_distance_never_crosses_more_than_the_edge(
    bearing: float, metres: float
) -> None:
    """The edge point told for a facility is a point of the edge, as far away as is told."""
    area = box(1000)
    found = relate_zones(frame([place("F", at(bearing, metres))]), frame([zone(area)]))
    row = found.iloc[0]
    edge_point = shapely.Point(row["edge_lon"], row["edge_lat"])
    assert shapely.distance(edge_point, area.boundary) < 1e-9
    lon, lat = at(bearing, metres)
    assert GRS80.inv(lon, lat, edge_point.x, edge_point.y)[2] == pytest.approx(
        row["edge_distance_m"], abs=1e-6
    )
    assert row["inside"] == shapely.intersects(area, shapely.Point(lon, lat))


def test_nothing_is_reprojected() -> None:
    facilities, zones = frame([place("F", CORNER)]), frame([zone(box(500))])
    with pytest.raises(CrsError):
        relate_zones(facilities.set_crs(3857, allow_override=True), zones)
    with pytest.raises(FrameColumnsError):
        relate_zones(facilities, zones.drop(columns="zone_grade"))


# --- the clause ------------------------------------------------------------------------------------------


def facts(*, outfalls: list[dict[str, Any]] | None = None, **frames: list[dict[str, Any]]) -> Facts:
    given = {"outfalls": outfalls or [], **frames}
    zones = frame([zone(box(4000), grade=2), zone(box(1000), grade=1)])
    return Facts(
        as_of=AS_OF,
        protection_zones=zones,
        **{name: frame(rows) for name, rows in given.items() if rows},
    )


def verdict_on(outfall: dict[str, Any]) -> tuple[str, str, str] | None:
    return said(judge(facts(outfalls=[outfall]), RULE))


def test_an_outfall_clearly_inside_a_zone_is_a_violation() -> None:
    (finding,) = judge(facts(outfalls=[place("W1", at(90, 400))]), RULE)
    assert said([finding]) == ("violation", "open", "inside_protection_zone")
    measured = finding.measured
    assert (measured["source_code"], measured["zone_grade"], measured["margin_m"]) == ("SY-1", 1, 30.0)
    assert measured["edge_distance_m"] == pytest.approx(400, abs=0.02)
    assert measured["zones"] == ["SY-1/1", "SY-1/2"]


@pytest.mark.parametrize(
    ("bearing", "metres", "expected"),
    [
        (90, 31, "violation"),  # accuracy 5 m, and 25 m assumed of the zone
        (90, 29, "undetermined"),
        (270, 29, "undetermined"),
        (270, 31, None),
    ],
)
def test_nearer_to_the_edge_than_the_accuracies_nobody_can_say(
    bearing: float, metres: float, expected: str | None
) -> None:
    found = verdict_on(place("W1", at(bearing, metres)))
    assert (found and found[0]) == expected


@pytest.mark.parametrize(
    ("said_of_it", "expected"),
    [
        ({"remediation": "banned", "completed_on": date(2023, 5, 1)}, ("compliant", "removed_from_zone")),
        ({"remediation": "merged", "cancelled_on": date(2023, 5, 1)}, ("compliant", "removed_from_zone")),
        (
            {"remediation": "banned", "completed_on": date(2024, 5, 1)},
            ("violation", "inside_protection_zone"),
        ),
        ({"remediation": "banned"}, ("undetermined", "removal_date_missing")),
        (
            {"remediation": "standardised", "cancelled_on": date(2023, 5, 1)},
            ("violation", "inside_protection_zone"),
        ),
        ({"cancelled_on": date(2023, 5, 1)}, ("undetermined", "removal_unknown")),
    ],
)
def test_only_an_outfall_that_was_banned_or_merged_is_cleared(
    said_of_it: dict[str, Any], expected: tuple[str, str]
) -> None:
    found = verdict_on(place("W1", at(90, 400), **said_of_it))
    assert found is not None
    assert (found[0], found[2]) == expected


def test_an_outfall_without_a_position_is_undetermined() -> None:
    assert verdict_on(place("W1", None)) == ("undetermined", "open", "zone_position_missing")


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("enterprise", {}, "violation"),
        ("enterprise", {"relocated_on": date(2023, 1, 1)}, "compliant"),
        ("enterprise", {"relocation_status": "已搬迁"}, "undetermined"),
        ("enterprise", {"action": "new", "action_on": date(2024, 6, 1)}, None),
        ("park", {}, None),
        (None, {}, "undetermined"),
    ],
)
def test_chemical_enterprises_count_as_industrial_ones(
    kind: str | None, more: dict[str, Any], expected: str | None
) -> None:
    found = judge(facts(chemical_sites=[place("H1", at(90, 400), kind=kind, **more)]), RULE)
    assert (found[0].verdict.value if found else None) == expected


@pytest.mark.parametrize(
    ("category", "more", "expected"),
    [
        ("规模化畜禽养殖场", {}, "violation"),
        ("规模化畜禽养殖场", {"closed_on": date(2023, 1, 1)}, "compliant"),
        ("规模化畜禽养殖场", {"built_on": date(2025, 1, 1)}, None),
        ("小水电站", {}, None),
    ],
)
def test_livestock_farms_count_and_other_sites_do_not(
    category: str, more: dict[str, Any], expected: str | None
) -> None:
    found = judge(facts(sites=[place("Z1", at(90, 400), category=category, **more)]), RULE)
    assert (found[0].verdict.value if found else None) == expected


@pytest.mark.parametrize(("region", "count"), [("500101", 1), ("510500", 0), (None, 1)])
def test_the_clause_holds_in_chongqing(region: str | None, count: int) -> None:
    found = judge(facts(outfalls=[place("W1", at(90, 400), region_code=region)]), RULE)
    assert len(found) == count
    if region is None:
        assert said(found) == ("undetermined", "open", "region_missing")


def test_before_the_plan_nothing_is_judged_and_without_zones_nothing_is_clear() -> None:
    outfalls = frame([place("W1", at(90, 400))])
    early = Facts(as_of=date(2023, 6, 30), outfalls=outfalls, protection_zones=frame([zone(box(1000))]))
    assert judge(early, RULE) == []
    assert judge(Facts(as_of=AS_OF, outfalls=outfalls), RULE) == []


def score_of(given: Facts) -> tuple[str, str, Any]:
    rulebook = load_rulebook()
    findings = judge(given, RULE)
    scores = score_targets(rulebook, given, findings, rule_ids=[RULE])
    (score,) = [one for one in scores if one.target_id == RULE]
    return score.verdict.value, score.reason["code"], score.measured


def test_the_target_counts_what_is_left_in_the_zones() -> None:
    inside, outside = place("W1", at(90, 400)), place("W2", at(270, 5000))
    assert score_of(facts(outfalls=[inside, outside])) == ("undetermined", "undated_not_reached", 1)
    assert score_of(facts(outfalls=[outside])) == ("met", "none_in_zone", 0)
    assert score_of(Facts(as_of=AS_OF, outfalls=frame([outside]))) == (
        "undetermined",
        "no_protection_zones",
        0,
    )


# --- regions ---------------------------------------------------------------------------------------------

WEST_HALF, EAST_HALF = shapely.box(106, 29, 107, 30), shapely.box(107, 29, 108, 30)
REGIONS = [
    {"region_code": "500000", "name": "重庆市", "geometry": shapely.box(106, 29, 108, 30)},
    {"region_code": "500101", "name": "西区", "geometry": WEST_HALF},
    {"region_code": "500102", "name": "东区", "geometry": EAST_HALF},
    {"region_code": "510500", "name": "邻市", "geometry": shapely.box(105, 29, 106, 30)},
]


@pytest.mark.parametrize(
    ("lon", "stated", "found", "answer"),
    [
        (106.5, None, "500101", "assigned"),
        (106.5, "500101", "500101", "agrees"),
        (106.5, "500000", "500101", "agrees"),  # the province that it is in
        (106.5, "500101005", "500101", "agrees"),  # a town of it
        (106.5, "500102", "500101", "contradicts"),
        (107.0, "500102", "500102", "agrees"),  # on the border both hold it
        (107.0, "500101", "500101", "agrees"),
        (109.0, "500101", None, "outside"),
        (109.0, None, None, "outside"),
    ],
)
def test_polygons_give_and_check_the_region(
    lon: float, stated: str | None, found: str | None, answer: str
) -> None:
    places = frame([{"code": "S1", "region_code": stated, "geometry": shapely.Point(lon, 29.5)}])
    row = relate_regions(places, frame(REGIONS)).iloc[0]
    region = row["found_region"]
    assert (None if pd.isna(region) else region, row["answer"]) == (found, answer)


def test_a_contradiction_says_how_far_the_stated_region_is() -> None:
    lon, lat, _ = GRS80.fwd(107.0, 29.5, 270, 250)
    places = frame([{"code": "S1", "region_code": "500102", "geometry": shapely.Point(lon, lat)}])
    row = relate_regions(places, frame(REGIONS)).iloc[0]
    assert row["answer"] == "contradicts"
    assert row["stated_distance_m"] == pytest.approx(250, abs=0.05)


def test_a_place_without_a_position_has_no_region() -> None:
    places = frame([{"code": "S1", "region_code": "500101", "geometry": None}])
    assert relate_regions(places, frame(REGIONS))["answer"].tolist() == ["unplaced"]


# --- people below ponds ----------------------------------------------------------------------------------


def pond(
    code: str = "P1", overhead: Any = None, residents: Any = None, shape: Any = CORNER
) -> dict[str, Any]:
    return place(code, shape, overhead=overhead, residents_downstream=residents)


def home(metres: float, code: str = "V1", people: int | None = 40) -> dict[str, Any]:
    return {"code": code, "name": "下村", "people": people, "geometry": shapely.Point(at(180, metres))}


def exposure(ponds: list[dict[str, Any]], homes: list[dict[str, Any]], **more: Any) -> tuple[str, str, bool]:
    empty = gpd.GeoDataFrame({"code": [], "name": [], "people": []}, geometry=[], crs=4490)
    (found,) = relate_ponds(frame(ponds), frame(homes) if homes else empty, within_m=1000, **more)
    return found.exposure.value, found.basis, found.contradiction


@pytest.mark.parametrize(
    ("overhead", "residents", "expected"),
    [
        (True, None, ("overhead", "stated", False)),
        (None, 126, ("overhead", "stated", False)),
        (False, 126, ("overhead", "stated", True)),
        (False, None, ("none_found", "stated", False)),
        (None, 0, ("none_found", "stated", False)),
        (None, None, ("unknown", "none", False)),
        (float("nan"), float("nan"), ("unknown", "none", False)),
    ],
)
def test_what_the_list_of_ponds_says_is_taken(
    overhead: Any, residents: Any, expected: tuple[str, str, bool]
) -> None:
    assert exposure([pond(overhead=overhead, residents=residents)], []) == expected


@pytest.mark.parametrize(
    ("metres", "expected"),
    [(999.6, ("possible", "distance", False)), (1000.4, ("unknown", "none", False))],
)
def test_without_a_river_network_a_home_within_a_kilometre_is_possible_only(
    metres: float, expected: tuple[str, str, bool]
) -> None:
    assert exposure([pond()], [home(metres)]) == expected


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (Side.DOWNSTREAM, ("overhead", "network", False)),
        (Side.UPSTREAM, ("none_found", "network", False)),
        (Side.UNKNOWN, ("possible", "distance", False)),
    ],
)
def test_the_river_network_says_which_homes_lie_downstream(
    side: Side, expected: tuple[str, str, bool]
) -> None:
    assert exposure([pond()], [home(600)], side_of=lambda _pond, _home: side) == expected


def test_a_list_that_denies_does_not_outweigh_people_who_live_there() -> None:
    found = exposure([pond(overhead=False)], [home(600)], side_of=lambda _pond, _home: Side.DOWNSTREAM)
    assert found == ("overhead", "network", True)


def test_the_register_counts_people_only_where_every_home_says_how_many() -> None:
    homes = [home(600, "V1", 40), home(700, "V2", 25)]
    (found,) = relate_ponds(frame([pond()]), frame(homes), within_m=1000)
    assert (found.people, [one.code for one in found.homes]) == (65, ["V1", "V2"])
    (found,) = relate_ponds(frame([pond()]), frame([*homes, home(800, "V3", None)]), within_m=1000)
    assert found.people is None


def test_distances_are_from_the_outline_of_a_pond() -> None:
    area = box(400, at(180, 300))
    (found,) = relate_ponds(frame([pond(shape=area)]), frame([home(1400)]), within_m=1000)
    assert found.homes[0].distance_m == pytest.approx(900, abs=1)
    assert found.exposure is Exposure.POSSIBLE
