"""Bans on building near shorelines: Article 26 of the law, and the plans that repeat it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point

from spatial.errors import FrameColumnsError, FrameValueError
from spatial.evaluators import Facts, evaluate_rules
from spatial.rulebook import load_rulebook
from tests.spatial.rule_facts import (
    facility,
    judge_pond,
    judge_ponds,
    judge_site,
    near,
    pond,
    said,
)

MAINSTEM, TRIBUTARY, CHEMICAL = "YPL-26-3-mainstem", "YPL-26-3-tributary", "YPL-26-2-chemical"
AFTER = "2022-05-10"

VIOLATION = ("violation", "open", "banned_action")


def assert_ban(example: Any) -> None:
    inputs, purposes = example.inputs, [None]
    rank = {"other_tributary": "tributary"}.get(inputs["water"], inputs["water"])
    if "purpose" in inputs:
        assert inputs["purpose"] == "safety_or_ecology_upgrade"
        purposes = ["safety", "ecology"]
    for purpose in purposes:
        facts = {"action": inputs["action"], "action_on": AFTER} | ({"purpose": purpose} if purpose else {})
        place = near(rank, inputs["distance_m"])
        if inputs["thing"] == "tailings_pond":
            found = {judge_pond(rule_id, pond(place, **facts)) for rule_id in (MAINSTEM, TRIBUTARY)}
        else:
            found = {judge_site(CHEMICAL, facility(place, kind="project", **facts))}
        assert (VIOLATION in found) is example.expected["banned"], purpose


def test_i01_a_new_pond_within_three_kilometres_of_the_mainstem_is_banned(
    worked_examples: dict[str, Any],
) -> None:
    assert_ban(worked_examples["I01"])


def test_i02_rebuilding_a_pond_for_safety_or_ecology_is_not_banned(worked_examples: dict[str, Any]) -> None:
    assert_ban(worked_examples["I02"])


def test_i03_expanding_a_pond_is_banned_for_whatever_purpose(worked_examples: dict[str, Any]) -> None:
    assert_ban(worked_examples["I03"])


def test_i04_a_new_pond_within_one_kilometre_of_an_important_tributary_is_banned(
    worked_examples: dict[str, Any],
) -> None:
    assert_ban(worked_examples["I04"])


def test_i05_a_new_pond_beyond_one_kilometre_of_an_important_tributary_is_not_banned(
    worked_examples: dict[str, Any],
) -> None:
    assert_ban(worked_examples["I05"])


def test_i06_the_tailings_clause_names_no_other_tributary(worked_examples: dict[str, Any]) -> None:
    assert_ban(worked_examples["I06"])


def test_i08_a_chemical_project_beyond_one_kilometre_is_not_banned(worked_examples: dict[str, Any]) -> None:
    assert_ban(worked_examples["I08"])


def test_i09_rebuilding_is_not_in_the_chemical_clause(worked_examples: dict[str, Any]) -> None:
    assert_ban(worked_examples["I09"])


@pytest.mark.parametrize(
    ("action_on", "expected"),
    [
        ("2021-02-28", ("compliant", "resolved", "built_before_law")),
        ("2021-03-01", VIOLATION),
        ("2021-03-02", VIOLATION),
        ("2024-01-01", VIOLATION),
    ],
)
def test_the_ban_counts_from_the_day_the_law_came_into_force(
    action_on: str, expected: tuple[str, str, str]
) -> None:
    row = pond(near("mainstem", 100), action="new", action_on=action_on)
    assert judge_pond(MAINSTEM, row) == expected


def test_the_law_is_not_applied_before_it_came_into_force() -> None:
    row = pond(near("mainstem", 100), action="new", action_on="2020-01-01")
    assert judge_pond(MAINSTEM, row, as_of=date(2021, 2, 28)) is None
    assert judge_pond(MAINSTEM, row, as_of=date(2021, 3, 1)) == ("compliant", "resolved", "built_before_law")


@pytest.mark.parametrize(
    ("distance_m", "expected"),
    [
        (0.0, VIOLATION),
        (2989.99, VIOLATION),
        (2990.0, VIOLATION),  # exactly the margin of 5 m + 5 m away from the limit
        (2990.01, ("undetermined", "open", "position_uncertain")),
        (3000.0, ("undetermined", "open", "position_uncertain")),
        (3009.99, ("undetermined", "open", "position_uncertain")),
        (3010.0, None),
        (9999.0, None),
        (float("nan"), None),
    ],
)
def test_nearer_to_the_limit_than_both_accuracies_is_undetermined(
    distance_m: float, expected: tuple[str, str, str] | None
) -> None:
    row = pond(near("mainstem", distance_m), action="new", action_on=AFTER)
    assert judge_pond(MAINSTEM, row) == expected


@pytest.mark.parametrize(("distance_m", "expected"), [(3000.0, VIOLATION), (3000.01, None)])
def test_exactly_at_the_limit_is_inside_where_positions_are_exact(
    distance_m: float, expected: tuple[str, str, str] | None
) -> None:
    row = pond(near("mainstem", distance_m, accuracy_m=0.0), action="new", action_on=AFTER, accuracy_m=0.0)
    assert judge_pond(MAINSTEM, row) == expected


@pytest.mark.parametrize(
    ("own", "shoreline", "margin_m"),
    [(5.0, 5.0, 10.0), (None, 5.0, 30.0), (5.0, None, 30.0), (None, None, 50.0)],
)
def test_a_missing_accuracy_counts_as_25_m(
    own: float | None, shoreline: float | None, margin_m: float
) -> None:
    row = pond(near("mainstem", 2960, accuracy_m=shoreline), action="new", action_on=AFTER, accuracy_m=own)
    (finding,) = judge_ponds(MAINSTEM, row)
    assert finding.measured["margin_m"] == margin_m
    assert (finding.verdict == "undetermined") is (margin_m == 50.0)


def test_what_another_margin_would_give_stands_in_the_evidence() -> None:
    row = pond(near("mainstem", 2960, accuracy_m=None), action="new", action_on=AFTER, accuracy_m=None)
    (finding,) = judge_ponds(MAINSTEM, row)
    assert [(one["value"], one["verdict"]) for one in finding.evidence["alternatives"]] == [(0, "violation")]
    assert finding.evidence["settings"] == {"missing_accuracy_m": 25, "centreline_understates_m": 1500}


def test_a_finding_shows_what_was_measured_and_against_what() -> None:
    row = pond(
        near("mainstem", 2500.12345),
        action="new",
        action_on=AFTER,
        geometry=Point(111.2, 30.6),
        version_id=42,
    )
    (finding,) = judge_ponds(MAINSTEM, row)
    shown = finding.as_json(first_seen=date(2023, 5, 1))
    assert list(shown) == [
        *("rule_id", "clause", "subject_kind", "subject_code", "subject_name", "region_code"),
        *("verdict", "state", "measured", "limit", "deadline", "as_of", "first_seen", "evidence", "geometry"),
    ]
    assert shown["measured"] == {
        "distance_m": 2500.12,
        "rank": "mainstem",
        "water_body_code": "W-1",
        "nearest_point": {"lon": 111.1234568, "lat": 30.5},
        "shoreline_kind": "management_boundary",
        "shoreline_version": 7,
        "facility_accuracy_m": 5.0,
        "shoreline_accuracy_m": 5.0,
        "accuracies_assumed": [],
        "margin_m": 10.0,
        "place": "inside",
        "action": "new",
        "action_on": "2022-05-10",
        "purpose": None,
    }
    assert shown["limit"] == {
        "rank": "mainstem",
        "within_m": 3000,
        "actions": ["new", "rebuild", "expand"],
        "in_force": "2021-03-01",
    }
    assert shown["evidence"]["rule"]["clause"] == "第二十六条第三款"
    assert shown["evidence"]["rule"]["rule_set"] == load_rulebook().rule_set_hash
    assert shown["evidence"]["data"]["version_id"] == 42
    assert shown["geometry"] == {"type": "Point", "coordinates": [111.2, 30.6]}
    assert shown["as_of"] == "2024-01-01"
    assert shown["first_seen"] == "2023-05-01"


def test_of_several_ranks_the_nearest_counts() -> None:
    row = facility(
        near("mainstem", 900), near("tributary", 400, code="W-2"), kind="park", action="new", action_on=AFTER
    )
    facts = Facts(as_of=date(2024, 1, 1), chemical_sites=pd.DataFrame([row]))
    (finding,) = evaluate_rules(load_rulebook(), facts, rule_ids=[CHEMICAL])
    assert (finding.measured["rank"], finding.measured["distance_m"]) == ("tributary", 400.0)


def test_clear_inside_one_zone_is_not_made_uncertain_by_another() -> None:
    row = facility(
        near("mainstem", 960, accuracy_m=100.0), near("tributary", 980, accuracy_m=1.0),
        kind="park", action="new", action_on=AFTER,
    )  # fmt: skip
    assert judge_site(CHEMICAL, row) == VIOLATION


@pytest.mark.parametrize("rank", ["lake", "important_lake"])
def test_article_26_names_no_lakes(rank: str) -> None:
    assert judge_pond(MAINSTEM, pond(near(rank, 10), action="new", action_on=AFTER)) is None
    assert judge_site(CHEMICAL, facility(near(rank, 10), kind="park", action="new", action_on=AFTER)) is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"action": "new"}, ("undetermined", "open", "action_date_missing")),
        ({"action": "rebuild", "action_on": AFTER}, ("undetermined", "open", "purpose_missing")),
        ({"action": "rebuild", "action_on": AFTER, "purpose": "capacity"}, VIOLATION),
        ({"action": "rebuild", "purpose": "safety"}, ("compliant", "resolved", "exempt_purpose")),
        ({"action": "rebuild", "action_on": "2020-05-05"}, ("compliant", "resolved", "built_before_law")),
        ({"action": "repair", "action_on": AFTER}, ("compliant", "resolved", "action_not_banned")),
        ({}, ("undetermined", "open", "action_unknown")),
        ({"action": "", "plan_on": ""}, ("undetermined", "open", "action_unknown")),
        ({"plan_on": "2021-02-28"}, ("compliant", "resolved", "stood_before_law")),
        ({"plan_on": "2021-03-01"}, ("undetermined", "open", "action_unknown")),
        ({"valid_from": pd.Timestamp("2019-06-01")}, ("compliant", "resolved", "stood_before_law")),
        ({"disused_since": date(2015, 1, 1)}, ("compliant", "resolved", "stood_before_law")),
        (
            {"action": "expand", "action_on": "2024-06-01", "plan_on": "2019-01-01"},
            ("compliant", "resolved", "stood_before_law"),
        ),
        ({"action": "expand", "action_on": "2024-06-01"}, ("undetermined", "open", "action_unknown")),
        ({"action": "new", "action_on": "2024-06-01"}, None),
    ],
)
def test_what_follows_from_the_action_and_its_day(
    facts: dict[str, object], expected: tuple[str, str, str] | None
) -> None:
    assert judge_pond(MAINSTEM, pond(near("mainstem", 1000), **facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"closed_on": "2023-12-31"}, ("compliant", "resolved", "removed_since")),
        ({"cancelled_on": "2024-01-01"}, ("compliant", "resolved", "removed_since")),
        ({"closed_on": "2024-01-02"}, VIOLATION),
        ({"closed_on": "2020-01-01"}, VIOLATION),
        ({"status": "cancelled"}, ("undetermined", "open", "closure_date_missing")),
    ],
)
def test_a_banned_pond_that_is_gone_since_is_resolved(
    facts: dict[str, str], expected: tuple[str, str, str]
) -> None:
    row = pond(near("mainstem", 1000), action="expand", action_on=AFTER, **facts)
    assert judge_pond(MAINSTEM, row) == expected


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"relocation_status": "relocated"}, "relocation_date_missing"),
        ({"relocation_status": "已搬迁"}, "relocation_date_missing"),
        ({"relocation_status": "upgraded"}, "banned_action"),
        ({"relocation_status": "relocated", "relocated_on": "2024-01-02"}, "banned_action"),  # not yet
        ({"relocation_status": "relocated", "relocated_on": "2024-01-01"}, "removed_since"),
    ],
)
def test_a_site_that_is_said_to_be_gone_without_a_day_is_undetermined(
    facts: dict[str, str], code: str
) -> None:
    row = facility(near("tributary", 500), kind="project", action="new", action_on=AFTER, **facts)
    said_of_site = judge_site(CHEMICAL, row)
    assert said_of_site is not None
    assert said_of_site[2] == code


def test_a_banned_chemical_site_that_was_relocated_is_resolved() -> None:
    row = facility(near("tributary", 700), kind="enterprise", action="new", action_on=AFTER)
    assert judge_site(CHEMICAL, row) == VIOLATION
    assert judge_site(CHEMICAL, row | {"relocated_on": "2023-05-31"}) == (
        "compliant",
        "resolved",
        "removed_since",
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"action": "new", "action_on": "2010-07-01"}, ("compliant", "resolved", "built_before_law")),
        ({"action": "rebuild", "purpose": "safety"}, ("compliant", "resolved", "exempt_purpose")),
        ({"plan_on": "2019-01-01"}, ("compliant", "resolved", "stood_before_law")),
        ({"action": "new"}, ("undetermined", "open", "position_uncertain")),
        ({}, ("undetermined", "open", "position_uncertain")),
    ],
)
def test_within_the_margin_what_can_be_no_violation_is_compliant(
    facts: dict[str, str], expected: tuple[str, str, str]
) -> None:
    assert judge_pond(MAINSTEM, pond(near("mainstem", 2995), **facts)) == expected


def test_a_pond_without_a_position_is_undetermined_where_it_could_be_a_violation() -> None:
    row = pond(action="new", action_on=AFTER, geometry=None)
    assert judge_pond(MAINSTEM, row) == ("undetermined", "open", "position_missing")
    assert judge_pond(MAINSTEM, row | {"action_on": "2019-01-01"}) is None


@pytest.mark.parametrize("place", [Point(float("nan"), float("nan")), Point(111.0, float("nan")), Point()])
def test_a_point_of_no_numbers_is_no_position_and_not_far_away(place: Point) -> None:
    (finding,) = judge_ponds(MAINSTEM, pond(action="new", action_on=AFTER, geometry=place))
    assert said([finding]) == ("undetermined", "open", "position_missing")
    assert finding.as_json()["geometry"] is None


@pytest.mark.parametrize(
    ("accuracy_m", "expected"),
    [
        (6_900.0, None),  # beyond the 10 km that are measured, thus beyond 3 km by more than both accuracies
        (7_000.0, ("undetermined", "open", "position_too_coarse")),
        (20_000.0, ("undetermined", "open", "position_too_coarse")),
    ],
)
def test_a_position_that_could_be_anywhere_is_not_taken_as_far_away(
    accuracy_m: float, expected: tuple[str, str, str] | None
) -> None:
    row = pond(action="new", action_on=AFTER, accuracy_m=accuracy_m)
    assert judge_pond(MAINSTEM, row) == expected


def test_facilities_that_were_never_measured_are_an_error_not_far_away() -> None:
    with pytest.raises(FrameColumnsError, match="mainstem_distance_m"):
        judge_pond(MAINSTEM, {"code": "F-1", "action": "new", "action_on": AFTER})


@pytest.mark.parametrize("action_on", ["soon", 20220510])
def test_a_day_that_is_none_is_an_error(action_on: object) -> None:
    with pytest.raises(FrameValueError, match="action_on"):
        judge_pond(MAINSTEM, pond(near("mainstem", 100), action="new", action_on=action_on))


def test_a_code_that_stands_twice_is_an_error() -> None:
    row = pond(near("mainstem", 100), action="new", action_on=AFTER)
    with pytest.raises(FrameValueError, match="code"):
        judge_ponds(MAINSTEM, row, row)


@pytest.mark.parametrize(
    ("kind", "rule_id", "expected"),
    [
        ("park", "CQ-5-2-1", VIOLATION),
        ("park", "CQ-5-2-2", None),
        ("project", "CQ-5-2-1", None),
        ("project", "CQ-5-2-2", VIOLATION),
        ("enterprise", "CQ-5-2-2", VIOLATION),
        (None, "CQ-5-2-1", ("undetermined", "open", "kind_missing")),
    ],
)
def test_chongqing_tells_parks_from_projects(
    kind: str | None, rule_id: str, expected: tuple[str, str, str] | None
) -> None:
    row = facility(
        near("tributary", 300), kind=kind, action="new", action_on="2023-08-01", region_code="500237"
    )
    assert judge_site(rule_id, row) == expected


@pytest.mark.parametrize(
    ("action_on", "expected"),
    [("2023-06-30", ("compliant", "resolved", "built_before_law")), ("2023-07-01", VIOLATION)],
)
def test_the_chongqing_ban_counts_from_its_own_day(action_on: str, expected: tuple[str, str, str]) -> None:
    row = facility(
        near("mainstem", 300), kind="park", action="new", action_on=action_on, region_code="500000"
    )
    assert judge_site("CQ-5-2-1", row) == expected


@pytest.mark.parametrize(
    ("region_code", "expected"),
    [
        ("510000", VIOLATION),
        ("510500", VIOLATION),
        ("510502", VIOLATION),
        ("500000", None),
        ("420500", None),
        (None, ("undetermined", "open", "region_missing")),
    ],
)
def test_a_provincial_ban_holds_in_its_region_by_code_prefix(
    region_code: str | None, expected: tuple[str, str, str] | None
) -> None:
    row = pond(near("mainstem", 300), action="new", action_on=AFTER, region_code=region_code)
    assert judge_pond("SC-3-1-21", row) == expected


@pytest.mark.parametrize(
    ("rule_id", "evaluated", "expected"),
    [
        ("CQ-5-2-2", None, ("undetermined", "open", "region_missing")),
        ("CQ-5-2-2", "500000", ("undetermined", "open", "region_missing")),
        ("CQ-5-2-2", "500100", None),  # a part of the rule's region: the whole decides
        ("CQ-5-2-2", "420000", None),
        (CHEMICAL, None, ("violation", "open", "banned_action")),
        (CHEMICAL, "500000", None),  # a basin-wide rule: the evaluation of the basin decides
    ],
)
def test_a_site_of_unknown_region_is_judged_where_the_whole_of_the_rules_region_is_evaluated(
    rule_id: str, evaluated: str | None, expected: tuple[str, str, str] | None
) -> None:
    row = facility(
        near("tributary", 500), kind="project", action="new", action_on="2023-08-01", region_code=None
    )
    assert judge_site(rule_id, row, region_code=evaluated) == expected


def test_only_the_region_that_is_evaluated_has_findings() -> None:
    ponds = [
        pond(near("mainstem", 300), action="new", action_on=AFTER, code=code, region_code=code[:6])
        for code in ("420500-A", "500100-A")
    ]
    findings = judge_ponds(MAINSTEM, *ponds, region_code="500000")
    assert [finding.subject_code for finding in findings] == ["500100-A"]


def test_findings_are_ordered_and_the_same_bytes_whatever_the_order_of_the_rows() -> None:
    ponds = [pond(near("mainstem", 300), action="new", action_on=AFTER, code=code) for code in "CAB"]
    once, again = judge_ponds(MAINSTEM, *ponds), judge_ponds(MAINSTEM, *reversed(ponds))
    assert [finding.subject_code for finding in once] == ["A", "B", "C"]
    assert [finding.as_json() for finding in once] == [finding.as_json() for finding in again]


def test_the_identity_of_a_finding_is_rule_kind_and_code() -> None:
    (finding,) = judge_ponds(MAINSTEM, pond(near("mainstem", 300), action="new", action_on=AFTER))
    # printf 'YPL-26-3-mainstem|tailings_pond|F-1' | sha256sum
    assert finding.finding_key == "ccde96e2a838c467eaf0d2927e8f765c946cf143bceb18794f57c1c05a822c11"


@given(
    nearer=st.floats(0, 5000), further=st.floats(0, 5000), own=st.floats(0, 200), shoreline=st.floats(0, 200)
)
def test_moving_away_from_the_water_never_makes_a_verdict_worse(
    nearer: float, further: float, own: float, shoreline: float
) -> None:
    order = {None: 0, "undetermined": 1, "violation": 2}
    verdicts = []
    for distance_m in sorted((nearer, further)):
        row = pond(
            near("mainstem", distance_m, accuracy_m=shoreline), action="new", action_on=AFTER, accuracy_m=own
        )
        found = judge_pond(MAINSTEM, row)
        verdicts.append(order[None if found is None else found[0]])
    assert verdicts[0] >= verdicts[1]
