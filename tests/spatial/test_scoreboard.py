"""The scoreboard: every target of the plans, with a verdict and the reason for it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api.catalogue import entries, placeholders
from spatial.errors import FrameValueError
from spatial.evaluators import Facts, evaluate_rules, required_periods
from spatial.rulebook import load_rulebook
from spatial.scoreboard import TargetScore, score_targets
from tests.spatial.rule_facts import AS_OF, Assessed, facility, near, pond, put_into_words, section

ROOT = Path(__file__).parents[2]
SHORELINES = pd.DataFrame(
    [
        {"water_body_code": f"W-{rank}", "name": rank, "rank": rank}
        for rank in ("mainstem", "important_tributary", "tributary", "important_lake", "lake")
    ]
)


def board(
    as_of: date = AS_OF, classes: Mapping[str, int] | None = None, **frames: Any
) -> dict[str, TargetScore]:
    """Scores by target; sections get their classes in every period that the rules look at."""
    rulebook = load_rulebook()
    periods = required_periods(rulebook, as_of)
    assessed = [Assessed(code, one) for code, one in (classes or {}).items()]
    facts = Facts(as_of=as_of, assessments=dict.fromkeys(periods, assessed), **frames)
    scores = score_targets(rulebook, facts, evaluate_rules(rulebook, facts))
    for score in scores:
        put_into_words(score.as_json()["evidence"]["reason"])
    return {score.target_id: score for score in scores}


def standing(score: TargetScore) -> tuple[str, str]:
    return (score.verdict.value, score.reason["code"])


def ponds(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([row | {"code": f"P{number}"} for number, row in enumerate(rows)])


def reported(target_id: str, value: object, **more: object) -> pd.DataFrame:
    row = {
        "target_id": target_id,
        "region_code": "yangtze",
        "period": "2023",
        "value": value,
        "unit": "%",
        "reported_by": "某局",
        "reported_on": "2023-12-28",
    }
    return pd.DataFrame([row | more])


def test_every_target_stands_on_the_board_once_with_a_verdict_and_a_reason() -> None:
    rulebook = load_rulebook()
    facts = Facts(as_of=AS_OF, assessments=dict.fromkeys(required_periods(rulebook, AS_OF), ()))
    scores = score_targets(rulebook, facts, evaluate_rules(rulebook, facts))
    assert [score.target_id for score in scores] == [target.id for target in rulebook.targets]
    assert len(scores) == 262
    for score in scores:
        assert score.verdict in {"met", "missed", "on_track", "undetermined"}
        put_into_words(score.as_json()["evidence"]["reason"])


def test_without_any_facts_nothing_is_met_and_nothing_missed() -> None:
    assert {score.verdict.value for score in board().values()} == {"undetermined"}


def test_a_row_that_is_not_computed_says_so() -> None:
    scores = board()
    assert standing(scores["CN-3-6"]) == ("undetermined", "no_reported_value")
    assert standing(scores["CN-10-2"]) == ("undetermined", "not_computed_yet")
    assert standing(scores["CN-14-1"]) == ("undetermined", "no_subjects")


def test_a_score_has_the_shape_of_the_contract() -> None:
    shown = board()["CQ-1-3-3"].as_json()
    assert list(shown) == [
        *("target_id", "document", "clause", "region_code", "subject", "metric", "comparator", "threshold"),
        *("unit", "deadline", "measured", "numerator", "denominator", "verdict", "evaluation", "evidence"),
        "as_of",
    ]
    assert shown["document"] == "chongqing_plan"
    assert shown["threshold"] == 97.3
    assert shown["deadline"] == "2025-12-31"
    assert shown["evidence"]["quote"] == "74个国控断面水质达到或优于Ⅲ类比例达到97.3%"
    assert shown["evidence"]["document"]["title"]["zh"] == "重庆市深入打好长江保护修复攻坚战行动方案"
    json.dumps(shown, allow_nan=False)


TREATED = {"treated_on": "2023-06-30"}


@pytest.mark.parametrize(
    ("as_of", "rows", "expected"),
    [
        (AS_OF, [pond(near("mainstem", 100), **TREATED)] * 2, ("met", "all_satisfied")),
        (
            AS_OF,
            [pond(near("mainstem", 100), **TREATED), pond(near("mainstem", 9))],
            ("missed", "not_reached"),
        ),
        (
            AS_OF,
            [pond(near("mainstem", 100), **TREATED), pond(near("mainstem", 2999))],
            ("undetermined", "findings_undetermined"),
        ),
        (AS_OF, [pond(near("mainstem", 9)), pond(near("mainstem", 2999))], ("missed", "not_reached")),
        (AS_OF, [pond(near("mainstem", 5000))], ("undetermined", "no_subjects")),
        (date(2023, 12, 31), [pond(near("mainstem", 9))], ("undetermined", "not_due_not_reached")),
        (date(2023, 12, 31), [pond(near("mainstem", 9), **TREATED)], ("met", "all_satisfied")),
    ],
)
def test_a_task_is_met_when_all_is_done_and_missed_when_anything_is_left_after_the_deadline(
    as_of: date, rows: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    score = board(as_of, tailings_ponds=ponds(*rows), shorelines=SHORELINES)["CN-14-1"]
    assert standing(score) == expected


def test_numerator_denominator_and_the_ponds_left_over_are_shown() -> None:
    rows = [pond(near("mainstem", 100), **TREATED)] * 3 + [pond(near("mainstem", 9))]
    score = board(tailings_ponds=ponds(*rows))["CN-14-1"]
    assert (score.numerator, score.denominator, score.measured) == (3, 4, 75.0)
    assert score.evidence["findings"] == {
        "compliant": 3,
        "violation": 1,
        "undetermined": 0,
        "violations": ["P3"],
        "undecided": [],
    }


def test_a_zone_without_any_shoreline_on_record_is_never_called_done() -> None:
    row = pond(near("important_tributary", 100), **TREATED)
    rivers = SHORELINES[SHORELINES["rank"] == "mainstem"]
    assert standing(board(tailings_ponds=ponds(row), shorelines=rivers)["CN-14-2"]) == (
        "undetermined",
        "no_shoreline_of_rank",
    )
    assert standing(board(tailings_ponds=ponds(row), shorelines=SHORELINES)["CN-14-2"]) == (
        "met",
        "all_satisfied",
    )


def test_a_part_of_the_region_can_miss_a_target_but_not_meet_it() -> None:
    done, left = pond(near("mainstem", 100), **TREATED), pond(near("mainstem", 9))
    assert standing(board(tailings_ponds=ponds(done), region_code="420000")["CN-14-1"]) == (
        "undetermined",
        "region_partly_covered",
    )
    assert standing(board(tailings_ponds=ponds(left), region_code="420000")["CN-14-1"]) == (
        "missed",
        "not_reached",
    )


def park(distance_m: float, **facts: object) -> pd.DataFrame:
    return pd.DataFrame(
        [facility(near("mainstem", distance_m), kind="park", action="new", region_code="500100", **facts)]
    )


@pytest.mark.parametrize(
    ("sites", "expected", "measured"),
    [
        (park(300, action_on="2023-08-01"), ("missed", "not_reached"), 1),
        (park(300, action_on="2019-08-01"), ("met", "all_satisfied"), 0),
        (park(300), ("undetermined", "findings_undetermined"), 0),
        (park(8000, action_on="2023-08-01"), ("met", "none_in_zone"), 0),
        (pd.DataFrame(), ("undetermined", "no_subjects"), None),
    ],
)
def test_a_standing_ban_is_met_while_nothing_on_record_breaks_it(
    sites: pd.DataFrame, expected: tuple[str, str], measured: int | None
) -> None:
    score = board(chemical_sites=sites)["CQ-5-2-1"]
    assert standing(score) == expected
    assert score.measured == measured


def test_a_plan_that_is_not_in_force_yet_is_undetermined() -> None:
    assert standing(board(date(2023, 6, 30))["CQ-5-2-1"]) == ("undetermined", "not_in_force")


@pytest.mark.parametrize(
    ("as_of", "classes", "expected"),
    [
        (AS_OF, [2, 2], ("on_track", "all_satisfied")),
        (AS_OF, [2, 3], ("undetermined", "not_due_not_reached")),
        (AS_OF, [2, None], ("undetermined", "findings_undetermined")),
        (date(2025, 12, 31), [2, 2], ("on_track", "all_satisfied")),
        (date(2026, 1, 1), [2, 2], ("met", "all_satisfied")),
        (date(2026, 1, 1), [2, 3], ("missed", "not_reached")),
        (date(2026, 1, 1), [3, None], ("missed", "not_reached")),
        (date(2026, 1, 1), [2, None], ("undetermined", "findings_undetermined")),
    ],
)
def test_a_class_that_must_last_is_on_track_before_the_deadline_and_met_after_it(
    as_of: date, classes: list[int | None], expected: tuple[str, str]
) -> None:
    codes = {f"S{number}": one for number, one in enumerate(classes)}
    sections = pd.DataFrame([section(code) for code in codes])
    score = board(as_of, codes, sections=sections)["CN-3-2"]
    assert standing(score) == expected
    assert score.denominator == 2


@pytest.mark.parametrize(
    ("as_of", "met", "expected"),
    [
        (AS_OF, 72, ("on_track", "share_reached")),
        (AS_OF, 71, ("undetermined", "not_due_not_reached")),
        (date(2026, 1, 1), 72, ("met", "share_reached")),
        (date(2026, 1, 1), 71, ("missed", "not_reached")),
    ],
)
def test_a_share_target_follows_its_finding(as_of: date, met: int, expected: tuple[str, str]) -> None:
    codes = {f"S{number:02d}": 3 if number < met else 4 for number in range(74)}
    sections = pd.DataFrame([section(code, region_code="500100", river="乌江") for code in codes])
    score = board(as_of, codes, sections=sections)["CQ-1-3-3"]
    assert standing(score) == expected
    assert (score.numerator, score.denominator) == (met, 74)
    assert score.measured == pytest.approx(100 * met / 74)


def test_a_fraction_target_is_measured_as_a_fraction() -> None:
    codes = {f"S{number:02d}": 3 if number < 8 else 4 for number in range(12)}
    rows = [section(code, region_code="430600", river="洞庭湖", water_body_type="lake") for code in codes]
    score = board(date(2026, 1, 1), codes, sections=pd.DataFrame(rows))["HN-3-6"]
    assert standing(score) == ("met", "share_reached")
    assert score.measured == pytest.approx(2 / 3)
    assert score.as_json()["threshold"] == "2/3"


@pytest.mark.parametrize(
    ("value", "as_of", "expected"),
    [
        ("97", AS_OF, ("on_track", "reported_reached")),
        ("96.99", AS_OF, ("undetermined", "reported_not_due")),
        ("97", date(2026, 1, 1), ("met", "reported_reached")),
        ("96.99", date(2026, 1, 1), ("missed", "reported_not_reached")),
        (Decimal("97.0"), date(2026, 1, 1), ("met", "reported_reached")),
    ],
)
def test_a_reported_value_is_compared_as_a_decimal_and_marked_as_reported(
    value: object, as_of: date, expected: tuple[str, str]
) -> None:
    score = board(as_of, indicators=reported("CN-3-6", value))["CN-3-6"]
    assert standing(score) == expected
    assert score.evidence["reported"]["reported_by"] == "某局"
    assert score.measured == Decimal(str(value))


@pytest.mark.parametrize(
    ("target_id", "value", "unit", "expected"),
    [
        ("HN-26-1", "33450000000", "m3/a", ("met", "reported_reached")),
        ("HN-26-1", "33450000000.5", "m3/a", ("missed", "reported_not_reached")),
        ("HN-26-1", "334.5", "亿立方米", ("undetermined", "unit_differs")),
        ("HN-15-5", "300", "座", ("met", "reported_reached")),
        ("HN-7-1", "100", "%", ("met", "reported_reached")),
        ("HN-7-1", "99", None, ("missed", "reported_not_reached")),
        ("HN-20-1", "1", "次", ("missed", "reported_not_reached")),
        ("HN-10-2", "80", "%", ("undetermined", "no_sharp_limit")),
        ("HN-9-1", "80", "%", ("undetermined", "no_sharp_limit")),
    ],
)
def test_what_a_reported_value_says_depends_on_comparator_and_unit(
    target_id: str, value: str, unit: str | None, expected: tuple[str, str]
) -> None:
    given = reported(target_id, value, unit=unit, region_code="430000")
    assert standing(board(date(2026, 1, 1), indicators=given)[target_id]) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"region_code": "500000"},
        {"reported_on": "2024-01-02"},
        {"period": "2024"},
    ],
)
def test_a_value_of_another_region_or_not_yet_reported_or_of_an_unfinished_period_is_not_used(
    more: dict[str, str],
) -> None:
    score = board(indicators=reported("CN-3-6", 98, **more))["CN-3-6"]
    assert standing(score) == ("undetermined", "no_reported_value")


def test_the_latest_period_counts_and_of_one_period_the_last_report() -> None:
    rows = [
        {"period": "2022", "value": 98, "reported_on": "2023-06-01"},
        {"period": "2023", "value": 95, "reported_on": "2023-12-20"},
        {"period": "2023", "value": 96, "reported_on": "2023-12-28"},
    ]
    given = pd.concat([reported("CN-3-6", **row) for row in rows])
    assert board(indicators=given)["CN-3-6"].measured == 96


@pytest.mark.parametrize(
    ("column", "value"), [("value", "many"), ("period", "last year"), ("reported_on", "someday")]
)
def test_an_indicator_that_is_no_number_no_period_or_no_day_is_an_error(column: str, value: str) -> None:
    given = reported("CN-3-6", 98)
    given[column] = value
    with pytest.raises(FrameValueError, match=column):
        board(indicators=given)


def test_a_target_with_an_alternative_is_met_by_either() -> None:
    rate = reported("CN-6-4", 60, period="2025", reported_on="2025-12-30")
    gain = reported("CN-6-5", 6, period="2025", reported_on="2025-12-30", unit="个百分点")
    after = date(2026, 1, 1)
    alone, both = board(after, indicators=rate), board(after, indicators=pd.concat([rate, gain]))
    assert standing(alone["CN-6-4"]) == ("undetermined", "alternative_undetermined")
    assert standing(both["CN-6-4"]) == ("met", "met_by_alternative")
    assert standing(both["CN-6-5"]) == ("met", "reported_reached")


def test_a_target_is_missed_where_its_alternative_is_missed_too() -> None:
    rate = reported("CN-6-4", 60, period="2025", reported_on="2025-12-30")
    gain = reported("CN-6-5", 4, period="2025", reported_on="2025-12-30", unit="个百分点")
    scores = board(date(2026, 1, 1), indicators=pd.concat([rate, gain]))
    assert {scores[target_id].verdict.value for target_id in ("CN-6-4", "CN-6-5")} == {"missed"}


def test_a_computed_target_shows_a_reported_value_beside_but_is_not_judged_by_it() -> None:
    score = board(date(2026, 1, 1), indicators=reported("CN-14-1", 100))["CN-14-1"]
    assert standing(score) == ("undetermined", "no_subjects")
    assert score.evidence["reported"]["value"] == 100


def test_targets_of_rules_that_were_not_run_are_undetermined() -> None:
    rulebook, facts = load_rulebook(), Facts(as_of=AS_OF)
    scores = {score.target_id: score for score in score_targets(rulebook, facts, [], rule_ids=["CN-14-1"])}
    assert standing(scores["CN-14-1"]) == ("undetermined", "no_subjects")
    assert standing(scores["CN-14-2"]) == ("undetermined", "rule_not_run")


def test_the_board_is_the_same_whatever_the_order_of_the_findings() -> None:
    rulebook = load_rulebook()
    facts = Facts(
        as_of=AS_OF,
        tailings_ponds=ponds(*[pond(near("mainstem", 9))] * 3),
        assessments=dict.fromkeys(required_periods(rulebook, AS_OF), ()),
    )
    findings = evaluate_rules(rulebook, facts)
    once = [score.as_json() for score in score_targets(rulebook, facts, findings)]
    assert once == [score.as_json() for score in score_targets(rulebook, facts, findings)]


def codes_in(module: str) -> set[str]:
    """Reason codes that a module of the engine writes down."""
    builders = {"Reason", "give_reason", "_outcome", "_undetermined", "_reached", "_unreached"}
    tree = ast.parse((ROOT / "spatial" / f"{module}.py").read_text(encoding="utf-8"))
    arguments = [
        argument
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in builders
        for argument in call.args
    ]
    choices = [part for one in arguments if isinstance(one, ast.IfExp) for part in (one.body, one.orelse)]
    return {
        one.value
        for one in (*arguments, *choices)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


@pytest.mark.parametrize("module", ["evaluators", "scoreboard", "assessment", "classification"])
def test_every_reason_code_has_words(module: str) -> None:
    known = {key.removeprefix("reasons.") for key in entries() if key.startswith("reasons.")}
    assert codes_in(module)
    assert codes_in(module) - known == set()


@pytest.mark.parametrize("namespace", ["reasons", "states"])
def test_both_languages_say_the_same_with_the_same_placeholders(namespace: str) -> None:
    texts = {key: entry for key, entry in entries().items() if key.startswith(f"{namespace}.")}
    assert texts
    for key, entry in texts.items():
        assert set(entry) == {"zh", "en"}, key
        assert placeholders(entry["zh"]) == placeholders(entry["en"]), key
