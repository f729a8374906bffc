"""Classes of sections, shares of sections and overall ratings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.assessment import assess_sections
from spatial.classification import Reason
from spatial.errors import AssessmentsMissingError, UnknownRuleError
from spatial.evaluators import Facts, evaluate_rules, required_periods
from spatial.findings import Finding
from spatial.period import parse_period
from spatial.rulebook import load_rulebook
from tests.spatial.rule_facts import Assessed, judge, judge_sections, said, section


def judge_section(rule_id: str, water_class: int | None, **facts: object) -> tuple[str, str, str] | None:
    return said(judge_sections(rule_id, [water_class], **facts))


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2023, 6, 30), ["2022"]),
        (date(2024, 1, 1), ["2023"]),
        (date(2025, 12, 31), ["2024"]),
        (date(2026, 1, 1), ["2025"]),
        (date(2027, 3, 1), ["2025", "2026"]),  # targets stop at their deadline, the standard does not
    ],
)
def test_the_period_is_the_last_complete_year_but_none_after_the_deadline(
    as_of: date, expected: list[str]
) -> None:
    assert required_periods(load_rulebook(), as_of) == expected


def test_facts_without_a_required_period_are_an_error() -> None:
    facts = Facts(as_of=date(2024, 1, 1), sections=pd.DataFrame([section("S1")]))
    with pytest.raises(AssessmentsMissingError, match="2023"):
        judge(facts, "CN-3-2")


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(UnknownRuleError):
        evaluate_rules(load_rulebook(), Facts(as_of=date(2024, 1, 1)), rule_ids=["XX-1"])


@pytest.mark.parametrize(
    ("water_class", "expected"),
    [
        (1, ("compliant", "resolved", "class_reached")),
        (2, ("compliant", "resolved", "class_reached")),
        (3, ("violation", "open", "class_not_reached")),
        (6, ("violation", "open", "class_not_reached")),
        (None, ("undetermined", "open", "class_undetermined")),
    ],
)
def test_the_mainstem_is_at_class_2_or_better(
    water_class: int | None, expected: tuple[str, str, str]
) -> None:
    assert judge_section("CN-3-2", water_class) == expected


def test_an_unmet_class_is_overdue_after_the_deadline() -> None:
    assert judge_section("CN-3-2", 3, as_of=date(2025, 12, 31), period="2024") == (
        "violation",
        "open",
        "class_not_reached",
    )
    assert judge_section("CN-3-2", 3, as_of=date(2026, 1, 1), period="2025") == (
        "violation",
        "overdue",
        "class_not_reached",
    )


def test_an_undetermined_class_keeps_the_reason_of_the_assessment() -> None:
    reason = Reason("too_few_months", {"found": 5, "needed": 12})
    facts = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame([section("S1")]),
        assessments={"2023": [Assessed("S1", None, (reason,))]},
    )
    (finding,) = judge(facts, "CN-3-2")
    assert finding.verdict == "undetermined"
    assert finding.evidence["reason"] == {"code": "too_few_months", "params": {"found": 5, "needed": 12}}


@pytest.mark.parametrize(
    ("worst_class", "class_range", "verdict"),
    [(2, (2, 3), "undetermined"), (3, (2, 3), "compliant"), (1, (2, 3), "violation")],
)
def test_a_range_of_possible_classes_decides_what_lies_outside_it(
    worst_class: int, class_range: tuple[int, int], verdict: str
) -> None:
    # all mercury below a detection limit above the limit of class II but not of class III
    reason = Reason(
        "detection_limit_above_limit",
        {"parameter": "hg", "detection_limit": 0.0001, "best_class": 2, "worst_class": 3},
    )
    facts = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame([section("S1", target_class=worst_class)]),
        assessments={"2023": [Assessed("S1", 3, (reason,), class_range)]},
    )
    (finding,) = judge(facts, "GB3838-5.1")
    assert finding.verdict == verdict


def test_a_finding_names_the_uploads_that_its_readings_came_from() -> None:
    months = [datetime(2023, month, 5, 8, tzinfo=UTC) for month in range(1, 13)]
    readings = pd.DataFrame(
        {
            "section": "S1",
            "sampled_at": pd.to_datetime(months, utc=True),
            "parameter": "tp",
            "value": [Decimal("0.12")] * 12,
            "full_value": None,
            "qualifier": "=",
            "detection_limit": None,
            "station_type": None,
            "station_status": None,
            "upload_id": [9] * 6 + [4] * 6,
        }
    )
    sections = pd.DataFrame([section("S1", upload_id=2, version_id=5)])
    assessed = assess_sections(sections, readings, parse_period("2023"))
    facts = Facts(as_of=date(2024, 1, 1), sections=sections, assessments={"2023": assessed})
    (finding,) = judge(facts, "GB3838-5.1")
    assert finding.verdict == "violation"
    assert finding.as_json()["evidence"]["data"] == {
        "version_id": 5,
        "upload_id": 2,
        "period": "2023",
        "quality_flags": ["pass", "not_evaluated"],
        "reading_upload_ids": [4, 9],
    }


def test_a_section_without_any_assessment_is_undetermined() -> None:
    facts = Facts(as_of=date(2024, 1, 1), sections=pd.DataFrame([section("S1")]), assessments={"2023": []})
    assert said(judge(facts, "CN-3-2")) == (
        "undetermined",
        "open",
        "not_assessed",
    )


@pytest.mark.parametrize(
    ("facts", "judged"),
    [
        ({"river": "长江"}, True),
        ({"river": "长江干流"}, True),
        ({"river": " 长江 "}, True),
        ({"river": "清江"}, False),
        ({"river": "川江", "water_body_code": "YL-CJ"}, True),
        ({"river": None, "water_body_code": "YL-CJ"}, True),
        ({"river": None, "water_body_code": "YL-QJ"}, False),
        ({"river": None, "water_body_type": "lake"}, False),
    ],
)
def test_the_mainstem_is_known_by_the_river_or_by_the_rank_of_its_water_body(
    facts: dict[str, object], judged: bool
) -> None:
    given = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame([section("S1", **facts)]),
        water_bodies=pd.DataFrame(
            [
                {"code": "YL-CJ", "name": "长江", "rank": "mainstem"},
                {"code": "YL-QJ", "name": "清江", "rank": "x"},
            ]
        ),
        assessments={"2023": [Assessed("S1", 3)]},
    )
    assert bool(judge(given, "CN-3-2")) is judged


@pytest.mark.parametrize(
    ("rank", "judged"), [("mainstem", True), ("important_tributary", False), (None, True)]
)
def test_a_river_of_another_rank_than_its_parent_is_no_part_of_it(rank: str | None, judged: bool) -> None:
    given = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame([section("S1", river="川江", water_body_code="YL-X")]),
        water_bodies=pd.DataFrame(
            [
                {"code": "YL-CJ", "name": "长江", "rank": "mainstem", "parent_code": None},
                {"code": "YL-X", "name": "川江", "rank": rank, "parent_code": "YL-CJ"},
            ]
        ),
        assessments={"2023": [Assessed("S1", 3)]},
    )
    assert bool(judge(given, "CN-3-2")) is judged


def test_a_section_of_unknown_river_is_undetermined_unless_it_reaches_the_class() -> None:
    assert judge_section("CN-3-2", 3, river=None) == ("undetermined", "open", "river_missing")
    assert judge_section("CN-3-2", 2, river=None) is None


@pytest.mark.parametrize(
    ("rule_id", "region_code", "river", "judged"),
    [
        ("CQ-1-3-2", "500236", "长江", True),
        ("CQ-1-3-2", "420500", "长江", False),
        ("SC-2-3", "511500", "长江", True),
        ("HN-3-2", "430602", "长江", True),
        ("HN-3-2", "430602", "湘江", False),
        ("HN-3-3", "430602", "湘江", True),
        ("HN-3-3", "430902", "资水", True),
        ("HN-3-3", "430902", "资江", True),
        ("HN-3-3", "430703", "沅江", True),
        ("HN-3-3", "430781", "澧水", True),
        ("HN-3-3", "430602", "长江", False),
        ("HN-3-3", "360000", "湘江", False),
    ],
)
def test_each_province_looks_at_its_own_rivers(
    rule_id: str, region_code: str, river: str, judged: bool
) -> None:
    found = judge_section(rule_id, 3, region_code=region_code, river=river)
    assert (found == ("violation", "open", "class_not_reached")) is judged


@pytest.mark.parametrize(
    ("target", "water_class", "verdict"),
    [
        (2, 2, "compliant"),
        (2, 3, "violation"),
        (3, 3, "compliant"),
        (5, 6, "violation"),
        (1, None, "undetermined"),
    ],
)
def test_each_section_meets_its_own_target(target: int, water_class: int | None, verdict: str) -> None:
    (finding,) = judge_sections("GB3838-5.1", [water_class], target_class=target, river="清江")
    assert finding.verdict == verdict
    assert finding.limit["class"] == target


def test_a_section_without_a_target_is_not_judged_by_it() -> None:
    assert judge_section("GB3838-5.1", 6, target_class=None) is None


def in_chongqing(classes: list[int | None], **facts: object) -> Finding:
    given = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame(
            [section(f"S{i:03d}", **{"region_code": "500100", **facts}) for i in range(len(classes))]
        ),
        assessments={"2023": [Assessed(f"S{i:03d}", one) for i, one in enumerate(classes)]},
    )
    (finding,) = judge(given, "CQ-1-3-3")
    return finding


@pytest.mark.parametrize(
    ("met", "verdict", "compared"),
    [(71, "violation", 95.9), (72, "compliant", 97.3), (73, "compliant", 98.6)],
)
def test_97_3_per_cent_of_74_sections_are_72_after_rounding_to_one_decimal(
    met: int, verdict: str, compared: float
) -> None:
    finding = in_chongqing([3] * met + [4] * (74 - met))
    assert finding.verdict == verdict
    assert finding.measured["compared_percent"] == compared
    assert (finding.measured["met"], finding.measured["total"]) == (met, 74)


def test_72_of_74_would_miss_without_rounding_and_the_evidence_says_so() -> None:
    finding = in_chongqing([3] * 72 + [4] * 2)
    assert [(one["value"], one["verdict"]) for one in finding.evidence["alternatives"]] == [
        ("unrounded", "violation")
    ]
    assert "alternatives" not in in_chongqing([3] * 73 + [4]).evidence


@pytest.mark.parametrize(
    ("met", "missed", "unknown", "verdict"),
    [
        (73, 0, 1, "compliant"),
        (72, 1, 1, "compliant"),
        (71, 1, 2, "undetermined"),
        (71, 2, 1, "undetermined"),
        (70, 3, 1, "violation"),
        (0, 0, 5, "undetermined"),
        (0, 5, 0, "violation"),
    ],
)
def test_a_share_is_decided_only_where_the_undetermined_sections_cannot_change_it(
    met: int, missed: int, unknown: int, verdict: str
) -> None:
    finding = in_chongqing([2] * met + [4] * missed + [None] * unknown)
    assert finding.verdict == verdict
    assert finding.measured["undetermined"] == unknown
    assert len(finding.evidence["data"]["undetermined"]) == unknown


@pytest.mark.parametrize(
    ("met", "missed", "verdict"),
    [
        (10, 0, "undetermined"),  # 10 of 74 are known
        (9, 1, "undetermined"),  # 90 % of those known, but the other 64 may make it 73 of 74
        (72, 0, "compliant"),  # 72 of 74 even if the two others fail
        (71, 0, "undetermined"),
        (7, 3, "violation"),  # at best 71 of 74
        (75, 2, "compliant"),  # a longer list than the plan counted stands for itself
    ],
)
def test_sections_that_the_plan_counts_and_nobody_registered_are_open(
    met: int, missed: int, verdict: str
) -> None:
    finding = in_chongqing([3] * met + [4] * missed)
    assert finding.verdict == verdict
    assert finding.measured["unregistered"] == max(74 - met - missed, 0)
    assert finding.measured["total"] == met + missed


def test_no_sections_decide_no_share() -> None:
    finding = in_chongqing([3], level="provincial")
    assert finding.verdict == "undetermined"
    assert finding.evidence["reason"]["code"] == "no_sections"


def test_sections_that_may_or_may_not_count_leave_a_share_undecided() -> None:
    facts = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame(
            [section("A", region_code="500100"), section("B", region_code="500100", level=None)]
        ),
        assessments={"2023": [Assessed("A", 3), Assessed("B", 4)]},
    )
    (finding,) = judge(facts, "CQ-1-3-3")
    assert finding.verdict == "undetermined"
    assert finding.evidence["data"]["membership_unknown"] == ["B"]


@pytest.mark.parametrize(
    ("classes", "verdict"),
    [
        ([3] * 8 + [4] * 4, "compliant"),
        ([3] * 7 + [4] * 5, "violation"),
        ([3] * 7 + [4] * 4 + [None], "undetermined"),
    ],
)
def test_two_thirds_of_dongting_are_compared_as_counts(classes: list[int | None], verdict: str) -> None:
    facts = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame(
            [
                *(
                    section(f"S{i:02d}", region_code="430600", river="洞庭湖", water_body_type="lake")
                    for i in range(len(classes))
                ),
                section("X", region_code="430600", river="湘江"),
            ]
        ),
        assessments={
            "2023": [Assessed(f"S{i:02d}", one) for i, one in enumerate(classes)] + [Assessed("X", 6)]
        },
    )
    (finding,) = judge(facts, "HN-3-6")
    assert finding.verdict == verdict
    assert finding.limit["at_least"] == "2/3"
    assert finding.measured["total"] == len(classes)


@pytest.mark.parametrize(("levels", "total"), [({"SC-2-2": 2}, 2), ({"SC-2-7": 5}, 5), ({"SC-2-1": 6}, 6)])
def test_sichuan_counts_national_or_national_and_provincial_sections(
    levels: dict[str, int], total: int
) -> None:
    rows = [
        section(f"S{i}", region_code="510100", level=level)
        for i, level in enumerate(["national"] * 2 + ["provincial"] * 3 + ["county"])
    ]
    facts = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame(rows),
        assessments={"2023": [Assessed(row["code"], 2) for row in rows]},
    )
    (finding,) = judge(facts, *levels)
    assert finding.measured["total"] == total


def rate(classes: list[int | None]) -> Finding:
    (finding,) = judge_sections("CN-3-1", classes)
    return finding


@pytest.mark.parametrize(
    ("met", "missed", "verdict", "rating"),
    [
        (90, 10, "compliant", "excellent"),
        (89, 11, "compliant", "good"),
        (75, 25, "compliant", "good"),
        (74, 26, "violation", "below_good"),
    ],
)
def test_good_begins_at_75_per_cent_and_excellent_at_90(
    met: int, missed: int, verdict: str, rating: str
) -> None:
    finding = rate([3] * met + [4] * missed)
    assert (finding.verdict, finding.measured["rating"]) == (verdict, rating)


def test_a_rating_is_told_only_where_undetermined_sections_cannot_change_it() -> None:
    sure, unsure = rate([3] * 8 + [4] + [None]), rate([3] * 7 + [4] * 2 + [None])
    assert (sure.verdict, sure.measured["rating"]) == ("compliant", None)  # good or excellent
    assert (unsure.verdict, unsure.measured["rating"]) == ("undetermined", None)


def test_fewer_than_five_sections_are_not_rated_by_proportions() -> None:
    finding = rate([3] * 4)
    assert finding.verdict == "undetermined"
    assert finding.evidence["reason"] == {
        "code": "too_few_sections",
        "params": {"total": 4, "minimum": 5, "period": "2023"},
    }


def test_counting_national_sections_only_is_the_other_reading_of_a_rating() -> None:
    rows = [section(f"S{i}", level="national" if i < 5 else "county") for i in range(10)]
    facts = Facts(
        as_of=date(2024, 1, 1),
        sections=pd.DataFrame(rows),
        assessments={"2023": [Assessed(row["code"], 3 if i < 5 else 4) for i, row in enumerate(rows)]},
    )
    (finding,) = judge(facts, "CN-3-1")
    assert finding.verdict == "violation"
    assert [(one["value"], one["verdict"]) for one in finding.evidence["alternatives"]] == [
        ("national", "compliant")
    ]


def test_a_part_of_a_region_says_nothing_about_the_whole() -> None:
    assert judge_sections("CN-3-1", [3] * 9, evaluated_region="420500") == []


def test_plans_are_not_applied_before_they_came_into_force() -> None:
    assert judge_sections("CQ-1-3-2", [3], as_of=date(2023, 6, 30), period="2022") == []


@given(met=st.integers(0, 80), missed=st.integers(0, 80), unknown=st.integers(0, 5))
def test_one_more_good_section_never_turns_a_share_into_a_violation(
    met: int, missed: int, unknown: int
) -> None:
    order = {"violation": 0, "undetermined": 1, "compliant": 2}
    worse = in_chongqing([3] * met + [4] * (missed + 1) + [None] * unknown)
    better = in_chongqing([3] * (met + 1) + [4] * missed + [None] * unknown)
    assert order[better.verdict] >= order[worse.verdict]
