"""What follows where shorelines of unlike accuracy, and centre lines, are near a limit.

A pond of 5 m accuracy stands on the 30th parallel, shorelines are meridians to the west of it: the distance
is the number that each was drawn with. The limit is that of CN-14-1: 3 km from the mainstem.
"""

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import LineString, Point

from spatial import margins
from spatial.distance import measure_distances, shorelines_in_force
from spatial.errors import FrameColumnsError
from spatial.facts import Facts
from spatial.findings import Finding
from spatial.margins import ShorelineClasses, limits_by_rank
from spatial.rulebook import Rulebook, load_rulebook
from spatial.vocabulary import Rank
from tests.spatial.rule_facts import judge

PLACE = (112.0, 30.0)
GEOD = Geod(ellps="GRS80")
RULE = "CN-14-1"
AFTER_THE_DEADLINE = date(2024, 1, 1)


def line(distance_m: float, accuracy_m: float | None = 5.0, **facts: Any) -> dict[str, Any]:
    """A shoreline of the mainstem that runs north and south, so many metres west of the pond."""
    lon, _, _ = GEOD.fwd(*PLACE, 270, distance_m)
    return {
        "water_body_code": "YL-CJ",
        "name": "",
        "rank": "mainstem",
        "kind": "waterside_line",
        "accuracy_m": accuracy_m,
        "half_width_m": None,
        "geometry": LineString([(lon, 29.8), (lon, 30.2)]),
        **facts,
    }


def centreline(distance_m: float, half_width_m: float | None = None, **facts: Any) -> dict[str, Any]:
    return line(distance_m, kind="centreline", half_width_m=half_width_m, **{"accuracy_m": 20.0, **facts})


def facts_of(
    *lines: dict[str, Any], accuracy_m: float | None = 5.0, rulebook: Rulebook | None = None
) -> Facts:
    """The facts as the jobs gather them: the nearest shoreline in the frame, the others on request."""
    shorelines = gpd.GeoDataFrame(list(lines), crs=4490)
    shorelines["version_id"] = range(1, len(lines) + 1)
    pond = gpd.GeoDataFrame(
        {"code": ["F-1"], "operator": ["某公司"], "status": ["in_use"], "region_code": ["420500"]},
        geometry=[Point(PLACE)],
        crs=4490,
    ).assign(accuracy_m=accuracy_m)
    measured = measure_distances(pond, shorelines)
    pond = pond.assign(**{name: measured[name].to_numpy() for name in measured if name != "code"})
    classes = ShorelineClasses.under(rulebook or load_rulebook(), shorelines)
    return Facts(
        as_of=AFTER_THE_DEADLINE,
        tailings_ponds=pond,
        shorelines=shorelines,
        lines_to=lambda _, rank, codes: classes.measure(pond, pond, rank, codes),
    )


def found(*lines: dict[str, Any], **more: Any) -> Finding | None:
    findings = judge(facts_of(*lines, **more), RULE)
    return findings[0] if findings else None


def said(finding: Finding | None) -> tuple[str, float] | None:
    """The verdict or the reason of an open one, and the distance of the line that decided."""
    if finding is None:
        return None
    open_one = finding.verdict == "undetermined"
    code = finding.evidence["reason"]["code"] if open_one else finding.verdict.value
    return code, round(finding.measured["distance_m"], 1)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # |3020 - 3000| = 20 is beyond 5 + 5: outside. |3050 - 3000| = 50 is within 5 + 100: undecided.
        ([line(3020)], None),
        ([line(3020), line(3050, 100)], ("position_uncertain", 3050)),
        ([line(3020), line(3110, 100)], None),
        # |2950 - 3000| = 50 is within 5 + 100. The better line shows it inside: 20 is beyond 5 + 5.
        ([line(2950, 100)], ("position_uncertain", 2950)),
        ([line(2950, 100), line(2980)], ("violation", 2980)),
        ([line(2950, 100), line(2995)], ("position_uncertain", 2950)),
        # Clearly inside by the nearest: nothing farther away matters.
        ([line(2500, 100), line(2999)], ("violation", 2500)),
        # A line without an accuracy counts 25 m: 20 is within 5 + 25.
        ([line(3015), line(3020, None)], ("position_uncertain", 3020)),
        ([line(3015), line(3031, None)], None),
    ],
)
def test_the_line_that_decides_need_not_be_the_nearest(
    lines: list[dict[str, Any]], expected: tuple[str, float] | None
) -> None:
    for drawn in (lines, lines[::-1]):
        assert said(found(*drawn)) == expected


def test_the_evidence_names_the_line_that_decided() -> None:
    finding = found(line(3020), line(3050, 100, water_body_code="YL-TX"))
    assert finding is not None
    assert finding.measured["water_body_code"] == "YL-TX"
    assert finding.measured["shoreline_version"] == 2
    assert finding.measured["shoreline_accuracy_m"] == 100
    assert finding.measured["margin_m"] == 105
    assert finding.evidence["data"]["shoreline_version"] == 2
    nearest = finding.measured["nearest_point"]
    assert GEOD.inv(*PLACE, nearest["lon"], nearest["lat"])[2] == pytest.approx(3050, abs=0.02)


@pytest.mark.parametrize(
    ("distance_m", "half_width_m", "expected"),
    [
        # 3700 - 800 = 2900, clear of 5 + 20; 3810 - 800 = 3010 is not; 3830 - 800 = 3030 is outside.
        (3700, 800, ("violation", 3700)),
        (3780, 800, ("position_uncertain_by_half_width", 3780)),
        (3810, 800, ("position_uncertain_by_half_width", 3810)),
        (3830, 800, None),
        # Inside the river itself: the bank is no farther away than nothing.
        (500, 800, ("violation", 500)),
        # Without a half-width: inside where the middle is near enough, never outside nearer than 1500 m more.
        (2900, None, ("violation", 2900)),
        (2990, None, ("position_uncertain", 2990)),
        (3010, None, ("position_uncertain", 3010)),
        (3030, None, ("centreline_understates", 3030)),
        (4520, None, ("centreline_understates", 4520)),
        (4530, None, None),
    ],
)
def test_a_centre_line_understates_by_its_half_width(
    distance_m: float, half_width_m: float | None, expected: tuple[str, float] | None
) -> None:
    assert said(found(centreline(distance_m, half_width_m))) == expected


def test_the_evidence_shows_the_half_width_and_leaves_the_distance_as_measured() -> None:
    stated = found(centreline(3700, 800))
    bare = found(centreline(3700))
    bank = found(line(2700))
    assert stated is not None
    assert bare is not None
    assert bank is not None
    assert stated.measured["half_width_m"] == 800
    assert stated.measured["bank_distance_m"] == pytest.approx(2900, abs=0.01)
    assert stated.measured["distance_m"] == pytest.approx(3700, abs=0.01)
    assert bare.measured["half_width_m"] is None
    assert bare.evidence["reason"]["params"]["understated_m"] == 1500
    assert "half_width_m" not in bank.measured
    near = found(centreline(500, 800))  # inside by the line itself: its half-width was not looked at
    assert near is not None
    assert "half_width_m" not in near.measured


def test_what_other_widths_of_a_bare_centre_line_would_give_stands_in_the_evidence() -> None:
    finding = found(centreline(3700))
    assert finding is not None
    others = [one for one in finding.evidence["alternatives"] if one["setting"] == "centreline_understates_m"]
    assert {one["value"] for one in others} == {500, 0}


def test_a_centre_line_behind_the_bank_of_its_own_river_says_nothing() -> None:
    """3040 m is outside; the middle of the same river, 3646 m away, has nothing to add."""
    assert found(line(3040, name="左岸"), centreline(3646, name="中心线")) is None
    other = found(line(3040), centreline(3646, water_body_code="YL-TX"))
    assert said(other) == ("centreline_understates", 3646)
    # Before the bank it does: the bank of another stretch is drawn there, not that of this one.
    before = found(centreline(3646, name="中心线"), line(9000, name="左岸"))
    assert said(before) == ("centreline_understates", 3646)


def test_an_older_bank_behind_a_management_boundary_says_nothing() -> None:
    lines = (line(3020, kind="management_boundary", name="甲"), line(3050, 100, kind="imagery", name="乙"))
    assert found(*lines) is None
    turned = (line(3050, kind="management_boundary", name="甲"), line(3020, 100, kind="imagery", name="乙"))
    assert said(found(*turned)) == ("position_uncertain", 3020)


def test_only_facilities_near_a_limit_are_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(margins, "ShorelineIndex", refuse)
    assert said(found(line(500), line(600, 100))) == ("violation", 500)
    assert found(line(4000), line(4100, 100)) is None
    assert said(found(line(2995), line(3300))) == ("position_uncertain", 2995)  # one accuracy: one class
    with pytest.raises(AssertionError, match="measured again"):
        found(line(3020), line(3050, 100))


def test_without_a_way_to_measure_the_nearest_line_decides_alone() -> None:
    facts = facts_of(line(3020), line(3050, 100))
    alone = Facts(as_of=facts.as_of, tailings_ponds=facts.tailings_ponds, shorelines=facts.shorelines)
    assert judge(alone, RULE) == []
    facts = facts_of(centreline(3700, 600))
    bare = Facts(as_of=facts.as_of, tailings_ponds=facts.tailings_ponds, shorelines=facts.shorelines)
    (finding,) = judge(bare, RULE)
    assert said(finding) == ("centreline_understates", 3700)


def test_limits_are_those_of_the_rules() -> None:
    limits = limits_by_rank(load_rulebook())
    assert limits[Rank.MAINSTEM] == (1000, 3000)
    assert limits[Rank.TRIBUTARY] == (1000,)


def test_facilities_that_were_not_measured_are_refused() -> None:
    classes = ShorelineClasses.under(load_rulebook(), gpd.GeoDataFrame([line(100)], crs=4490))
    places = gpd.GeoDataFrame({"code": ["F-1"]}, geometry=[Point(PLACE)], crs=4490)
    with pytest.raises(FrameColumnsError):
        classes.measure(places, pd.DataFrame({"code": ["F-1"]}), Rank.MAINSTEM)


distances = st.floats(2800, 3200)
accuracies = st.sampled_from([0.5, 5.0, 40.0, 100.0])


@settings(deadline=None, max_examples=40)
@given(drawn=st.lists(st.tuples(distances, accuracies), min_size=1, max_size=5))
def test_every_set_of_lines_is_judged_as_the_rule_says(drawn: list[tuple[float, float]]) -> None:
    """Inside if any line is clear of its margin inside; else undecided if any is within it; else outside."""
    gaps = [(distance - 3000, 5 + accuracy) for distance, accuracy in drawn]
    if any(abs(abs(gap) - margin) < 0.01 for gap, margin in gaps):
        return  # the drawing is good to a millimetre
    finding = found(*(line(distance, accuracy) for distance, accuracy in drawn))
    if any(gap < 0 and -gap >= margin for gap, margin in gaps):
        expected = "violation"
    elif any(abs(gap) < margin for gap, margin in gaps):
        expected = "undetermined"
    else:
        expected = None
    assert (None if finding is None else finding.verdict.value) == expected


def test_lines_in_force_keep_their_half_width() -> None:
    frame = gpd.GeoDataFrame([centreline(3700, 800)], crs=4490)
    assert shorelines_in_force(frame)["half_width_m"].tolist() == [800]
