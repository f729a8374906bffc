"""Hand-made facts for the tests of the rules: one facility or a few sections, everything else missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from api.catalogue import Catalogue, Language
from spatial.classification import Reason, judge_range
from spatial.evaluators import Facts, evaluate_rules
from spatial.findings import Finding
from spatial.rulebook import Rulebook, load_rulebook
from spatial.vocabulary import CLASS_LABELS, Rank, Verdict

AS_OF = date(2024, 1, 1)
"""The day after the deadline of the tailings-pond clauses."""


@dataclass(frozen=True)
class Assessed:
    """A section's assessment over a period, given rather than computed: a class, or a range of classes."""

    code: str
    water_class: int | None
    reasons: tuple[Reason, ...] = ()
    class_range: tuple[int, int] | None = None

    def verdict_for(self, water_class: int) -> Verdict:
        """Judge the class, or the range of classes."""
        best, worst = self.class_range or (self.water_class, self.water_class)
        return judge_range(best, worst, water_class)

    def as_json(self) -> dict[str, Any]:
        """The part of the contract's shape that the rules read."""
        label = None if self.water_class is None else CLASS_LABELS[self.water_class]
        return {"class": self.water_class, "class_label": label, "samples": 12}


def near(
    rank: str, distance_m: float, *, accuracy_m: float | None = 5.0, code: str = "W-1"
) -> dict[str, Any]:
    """Distance columns of a facility near one water, as `measure_distances` gives them."""
    return {
        f"{rank}_distance_m": distance_m,
        f"{rank}_lon": 111.123456789,
        f"{rank}_lat": 30.5,
        f"{rank}_water_body_code": code,
        f"{rank}_shoreline_accuracy_m": accuracy_m,
        f"{rank}_shoreline_kind": "management_boundary",
        f"{rank}_shoreline_version": 7,
    }


def facility(*waters: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """A facility of code F-1 with an accuracy of 5 m, far from every water that is not given."""
    far = {key: value for rank in Rank for key, value in near(rank, float("nan"), code="").items()}
    row = {"code": "F-1", "name": "样例", "region_code": "420500", "accuracy_m": 5.0, **far}
    for water in waters:
        row |= water
    return row | facts


def pond(*waters: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """A tailings pond in use with an operator."""
    return facility(*waters, **{"operator": "某公司", "status": "in_use", **facts})


def judge(facts: Facts, rule_id: str, *, rulebook: Rulebook | None = None) -> list[Finding]:
    """Findings of one rule; each of their reasons has words in both languages."""
    findings = evaluate_rules(rulebook or load_rulebook(), facts, rule_ids=[rule_id])
    for finding in findings:
        shown = finding.as_json()["evidence"]
        for evidence in (shown, *shown.get("alternatives", ())):
            put_into_words(evidence["reason"])
    return findings


def put_into_words(reason: Mapping[str, Any]) -> None:
    """Raise UnknownMessageError where the catalogue has no words for a reason, or lacks a parameter."""
    for language in Language:
        assert Catalogue(language).text(f"reasons.{reason['code']}", **reason["params"])


def judge_ponds(
    rule_id: str,
    *ponds: Mapping[str, Any],
    as_of: date = AS_OF,
    rulebook: Rulebook | None = None,
    **more: Any,
) -> list[Finding]:
    """Findings of one rule about tailings ponds."""
    facts = Facts(as_of=as_of, tailings_ponds=pd.DataFrame(ponds), **more)
    return judge(facts, rule_id, rulebook=rulebook)


def judge_pond(rule_id: str, row: Mapping[str, Any], **more: Any) -> tuple[str, str, str] | None:
    """Verdict, state and reason code of the one finding about one pond, None without a finding."""
    return said(judge_ponds(rule_id, row, **more))


def judge_site(
    rule_id: str, row: Mapping[str, Any], as_of: date = AS_OF, **more: Any
) -> tuple[str, str, str] | None:
    """Verdict, state and reason code of the one finding about one chemical site."""
    facts = Facts(as_of=as_of, chemical_sites=pd.DataFrame([row]), **more)
    return said(judge(facts, rule_id))


def said(findings: Sequence[Finding]) -> tuple[str, str, str] | None:
    if not findings:
        return None
    (finding,) = findings
    return (finding.verdict.value, finding.state.value, finding.evidence["reason"]["code"])


def section(code: str, **facts: Any) -> dict[str, Any]:
    """A national section of the mainstem in Hubei with target class II."""
    return {
        "code": code,
        "name": f"{code}断面",
        "river": "长江",
        "water_body_type": "river",
        "region_code": "420500",
        "level": "national",
        "target_class": 2,
        **facts,
    }


def judge_sections(
    rule_id: str,
    classes: Sequence[int | str | None],
    *,
    as_of: date = AS_OF,
    period: str = "2023",
    rulebook: Rulebook | None = None,
    evaluated_region: str | None = None,
    **facts: Any,
) -> list[Finding]:
    """Findings of one rule about sections of these classes, which all have the same facts."""
    codes = [f"S{number:03d}" for number in range(len(classes))]
    given = Facts(
        as_of=as_of,
        region_code=evaluated_region,
        sections=pd.DataFrame([section(code, **facts) for code in codes]),
        assessments={
            period: [Assessed(code, one) for code, one in zip(codes, classes, strict=True)]  # type: ignore[arg-type]
        },
    )
    return judge(given, rule_id, rulebook=rulebook)
