"""Tailings ponds with a deadline: treatment near shorelines, closure of idle and ownerless ponds."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from spatial.rulebook import load_rulebook
from tests.spatial.rule_facts import judge_pond, judge_ponds, near, pond

DUE = ("compliant", "due", "not_yet_due")
OVERDUE = ("violation", "overdue", "overdue")
DEADLINE = date(2023, 12, 31)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [(date(2023, 12, 30), DUE), (DEADLINE, DUE), (date(2024, 1, 1), OVERDUE), (date(2026, 1, 1), OVERDUE)],
)
def test_an_untreated_pond_is_due_until_the_deadline_and_overdue_after_it(
    as_of: date, expected: tuple[str, str, str]
) -> None:
    assert judge_pond("CN-14-1", pond(near("mainstem", 2000)), as_of=as_of) == expected


def test_days_left_and_days_late_are_counted_from_the_deadline() -> None:
    row = pond(near("mainstem", 2000))
    (due,) = judge_ponds("CN-14-1", row, as_of=date(2023, 12, 1))
    (overdue,) = judge_ponds("CN-14-1", row, as_of=date(2024, 1, 31))
    assert due.measured["days_left"] == 30
    assert overdue.measured["days_late"] == 31
    assert overdue.deadline == DEADLINE


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"treated_on": "2023-12-30"}, ("compliant", "resolved", "treated")),
        ({"treated_on": "2023-12-31"}, ("compliant", "resolved", "treated")),
        ({"treated_on": "2024-01-01"}, ("compliant", "resolved", "treated_late")),
        ({"treated_on": "2024-01-02"}, OVERDUE),
        ({"cancelled_on": "2023-12-30"}, None),
        ({"cancelled_on": "2023-12-31"}, ("compliant", "resolved", "cancelled")),
        ({"cancelled_on": "2024-01-01"}, ("compliant", "resolved", "cancelled_late")),
        ({"closed_on": "2023-06-01", "status": "closed"}, OVERDUE),
        ({"status": "cancelled"}, ("undetermined", "open", "closure_date_missing")),
        ({"action": "new", "action_on": "2024-01-01"}, None),
        ({"action": "new", "action_on": "2023-12-31"}, OVERDUE),
        ({"treated_on": pd.NaT}, OVERDUE),
    ],
)
def test_only_treatment_or_striking_off_by_the_evaluated_day_fulfils_the_duty(
    facts: dict[str, object], expected: tuple[str, str, str] | None
) -> None:
    assert judge_pond("CN-14-1", pond(near("mainstem", 2000), **facts)) == expected


def test_late_treatment_says_by_how_many_days() -> None:
    (finding,) = judge_ponds(
        "CN-14-1", pond(near("mainstem", 2000), treated_on="2024-02-29"), as_of=date(2024, 3, 1)
    )
    assert finding.measured["days_late"] == 60
    assert finding.evidence["reason"]["params"]["days_late"] == 60


@pytest.mark.parametrize(
    ("facts", "as_of", "expected"),
    [
        ({}, DEADLINE, DUE),
        ({}, date(2024, 1, 1), ("undetermined", "open", "position_uncertain")),
        ({"treated_on": "2023-04-15"}, date(2024, 1, 1), ("compliant", "resolved", "treated")),
    ],
)
def test_within_the_margin_only_an_untreated_pond_past_the_deadline_is_undetermined(
    facts: dict[str, str], as_of: date, expected: tuple[str, str, str]
) -> None:
    assert judge_pond("CN-14-1", pond(near("mainstem", 2995), **facts), as_of=as_of) == expected


def test_a_pond_without_a_position_is_undetermined_past_the_deadline() -> None:
    assert judge_pond("CN-14-1", pond(geometry=None)) == ("undetermined", "open", "position_missing")
    assert judge_pond("CN-14-1", pond(geometry=None), as_of=DEADLINE) is None
    assert judge_pond("CN-14-1", pond(geometry=None, treated_on="2023-01-01")) is None


@pytest.mark.parametrize(
    ("rule_id", "rank", "distance_m", "inside"),
    [
        ("CN-14-1", "mainstem", 2900, True),
        ("CN-14-1", "important_tributary", 100, False),
        ("CN-14-2", "important_tributary", 900, True),
        ("CN-14-2", "important_tributary", 2900, False),
        ("CN-14-2", "tributary", 100, False),
        ("CN-14-3", "lake", 900, True),
        ("CN-14-3", "important_lake", 900, True),
        ("CN-14-3", "mainstem", 100, False),
    ],
)
def test_each_clause_looks_at_its_own_waters(
    rule_id: str, rank: str, distance_m: float, inside: bool
) -> None:
    assert (judge_pond(rule_id, pond(near(rank, distance_m))) == OVERDUE) is inside


def test_all_lakes_count_unless_the_setting_says_important_ones() -> None:
    row = pond(near("lake", 600))
    important = load_rulebook().with_settings(which_lakes="important")
    assert judge_pond("CN-14-3", row) == OVERDUE
    assert judge_pond("CN-14-3", row, rulebook=important) is None


def test_where_the_reading_of_lakes_matters_the_evidence_says_so() -> None:
    (plain_lake,) = judge_ponds("CN-14-3", pond(near("lake", 600)))
    (important_lake,) = judge_ponds("CN-14-3", pond(near("important_lake", 600)))
    assert plain_lake.evidence["alternatives"] == [
        {
            "setting": "which_lakes",
            "value": "important",
            "verdict": None,
            "state": None,
            "reason": {"code": "out_of_scope", "params": {}},
        }
    ]
    assert "alternatives" not in important_lake.evidence


WATERS = pd.DataFrame(
    [
        {"code": "DTH", "name": "洞庭湖", "rank": "important_lake", "parent_code": None},
        {"code": "DTH-E", "name": "东湖区", "rank": "important_lake", "parent_code": "DTH"},
        {"code": "HGH", "name": "黄盖湖", "rank": "lake", "parent_code": None},
    ]
)


@pytest.mark.parametrize(
    ("waters", "expected"),
    [
        ([near("important_lake", 600, code="DTH")], OVERDUE),
        ([near("important_lake", 600, code="DTH-E")], OVERDUE),
        ([near("lake", 600, code="HGH")], ("undetermined", "open", "other_water_body_nearer")),
        ([near("lake", 1005, code="HGH")], ("undetermined", "open", "other_water_body_nearer")),
        ([near("lake", 1500, code="HGH")], None),
        ([near("lake", 600, code="HGH"), near("important_lake", 800, code="DTH")], OVERDUE),
        ([], None),
    ],
)
def test_hunan_names_only_dongting_lake(
    waters: list[dict[str, object]], expected: tuple[str, str, str] | None
) -> None:
    row = pond(*waters, region_code="430600")
    assert judge_pond("HN-15-3", row, water_bodies=WATERS) == expected


def test_an_unregistered_dongting_lake_decides_nothing() -> None:
    row = pond(near("lake", 600, code="X"), region_code="430600")
    assert judge_pond("HN-15-3", row) == ("undetermined", "open", "water_body_not_registered")


@pytest.mark.parametrize(("distance_m", "expected"), [(900.0, OVERDUE), (1500.0, None)])
def test_distances_to_dongting_alone_settle_a_nearer_other_lake(
    distance_m: float, expected: tuple[str, str, str] | None
) -> None:
    asked = []

    def distances_to(frame: str, codes: list[str]) -> pd.DataFrame:
        asked.append((frame, list(codes)))
        return pd.DataFrame([{"code": "F-1", **near("important_lake", distance_m, code="DTH")}])

    row = pond(near("lake", 600, code="HGH"), region_code="430600")
    assert judge_pond("HN-15-3", row, water_bodies=WATERS, distances_to=distances_to) == expected
    assert asked == [("tailings_ponds", ["DTH", "DTH-E"])]


def test_the_name_on_a_shoreline_registers_the_lake_too() -> None:
    shorelines = pd.DataFrame([{"water_body_code": "L-9", "name": "洞庭湖", "rank": "important_lake"}])
    row = pond(near("important_lake", 600, code="L-9"), region_code="430600")
    assert judge_pond("HN-15-3", row, shorelines=shorelines) == OVERDUE


IDLE_SINCE = "2018-05-01"
CLOSED = {"closed_on": "2022-10-20", "cancelled_on": "2023-05-30"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, None),
        ({"operator": None}, OVERDUE),
        ({"operator": " ", "status": "abandoned"}, OVERDUE),
        ({"operator": "未知"}, ("undetermined", "open", "operator_unknown")),
        ({"operator": "未知", "status": "out_of_use", "disused_since": IDLE_SINCE}, OVERDUE),
        ({"status": "out_of_use", "disused_since": IDLE_SINCE}, OVERDUE),
        ({"status": "out_of_use", "disused_since": "2021-06-01"}, None),
        ({"status": "out_of_use", "disused_since": "2024-06-01"}, None),
        ({"status": "out_of_use"}, ("undetermined", "open", "disuse_date_missing")),
        ({"status": None}, ("undetermined", "open", "disuse_date_missing")),
        ({"status": "in_use", "disused_since": IDLE_SINCE}, None),
        ({"operator": None, **CLOSED, "status": "cancelled"}, ("compliant", "resolved", "closed")),
        (
            {"operator": None, "closed_on": "2022-08-01", "cancelled_on": "2024-01-01"},
            ("compliant", "resolved", "closed_late"),
        ),
        ({"operator": None, "closed_on": "2023-09-30", "status": "closed"}, OVERDUE),
        ({"operator": None, "closed_on": "2023-09-30", "cancelled_on": "2024-01-02"}, OVERDUE),
        ({"operator": None, "status": "cancelled"}, ("undetermined", "open", "closure_date_missing")),
        (
            {"operator": None, "cancelled_on": "2023-06-01"},
            ("undetermined", "open", "closure_date_missing"),
        ),
        ({"operator": None, "action": "new", "action_on": "2024-01-01"}, None),
        ({"status": "closed", "closed_on": "2019-01-01"}, OVERDUE),
        ({"status": "closed", "closed_on": "2023-01-01"}, ("undetermined", "open", "disuse_date_missing")),
        ({"status": "cancelled", **CLOSED}, None),
    ],
)
def test_idle_or_ownerless_ponds_are_closed_and_struck_off(
    facts: dict[str, object], expected: tuple[str, str, str] | None
) -> None:
    assert judge_pond("CN-14-4", pond(**facts)) == expected


@pytest.mark.parametrize(
    ("disused_since", "as_of", "counted"),
    [
        ("2021-01-01", date(2024, 1, 1), False),  # three years to the day, not more
        ("2020-12-31", date(2024, 1, 1), True),
        ("2020-02-29", date(2024, 2, 28), True),
    ],
)
def test_more_than_three_years_means_more_than_three_years(
    disused_since: str, as_of: date, counted: bool
) -> None:
    row = pond(status="out_of_use", disused_since=disused_since)
    assert (judge_pond("CN-14-4", row, as_of=as_of) == OVERDUE) is counted


def test_an_idle_pond_is_due_until_the_deadline() -> None:
    assert judge_pond("CN-14-4", pond(operator=None), as_of=DEADLINE) == DUE


def test_idle_and_ownerless_both_is_the_other_reading() -> None:
    both = load_rulebook().with_settings(idle_or_ownerless="both")
    ownerless = pond(operator=None)
    either_way = pond(operator=None, status="out_of_use", disused_since=IDLE_SINCE)
    assert judge_pond("CN-14-4", ownerless, rulebook=both) is None
    assert judge_pond("CN-14-4", either_way, rulebook=both) == OVERDUE
    (finding,) = judge_ponds("CN-14-4", ownerless)
    assert [(one["setting"], one["value"], one["verdict"]) for one in finding.evidence["alternatives"]] == [
        ("idle_or_ownerless", "both", None)
    ]


def test_idleness_counted_to_the_deadline_is_the_other_reading() -> None:
    row = pond(status="out_of_use", disused_since="2022-01-01")
    as_of = date(2026, 1, 1)
    counted = load_rulebook().with_settings(idle_counted_on="deadline")
    assert judge_pond("CN-14-4", row, as_of=as_of) == OVERDUE
    assert judge_pond("CN-14-4", row, as_of=as_of, rulebook=counted) is None


@pytest.mark.parametrize(
    ("rule_id", "row", "expected"),
    [
        ("SC-3-1-23", pond(near("mainstem", 2000), operator=None, region_code="510500"), OVERDUE),
        ("SC-3-1-23", pond(near("mainstem", 4000), operator=None, region_code="510500"), None),
        ("SC-3-1-23", pond(near("mainstem", 2000), operator=None, region_code="500000"), None),
        (
            "SC-3-1-23",
            pond(near("mainstem", 2995), operator=None, region_code="510500"),
            ("undetermined", "open", "position_uncertain"),
        ),
        ("SC-3-1-24", pond(near("lake", 500), operator=None, region_code="510500"), OVERDUE),
        (
            "SC-3-1-24",
            pond(
                near("important_tributary", 500), operator=None, region_code="510500",
                status="closed", closed_on="2023-09-30",
            ),
            ("compliant", "resolved", "closed"),
        ),
    ],
)  # fmt: skip
def test_sichuan_asks_for_closure_only_and_inside_the_buffers_only(
    rule_id: str, row: dict[str, object], expected: tuple[str, str, str] | None
) -> None:
    assert judge_pond(rule_id, row) == expected


def test_hunan_repeats_the_closure_clause_in_its_own_region() -> None:
    assert judge_pond("HN-15-4", pond(operator=None, region_code="430726")) == OVERDUE
    assert judge_pond("HN-15-4", pond(operator=None, region_code="420500")) is None
