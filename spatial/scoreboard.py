"""The scoreboard: where every quantified target of the plans stands on one day, with the reason.

A target that a rule stands for is the sum of that rule's findings. Any other target is judged by the value
that a bureau reported, marked as reported, or is undetermined and says why. No row is ever left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from spatial.classification import Reason
from spatial.errors import FrameValueError, PeriodError
from spatial.evaluators import Facts
from spatial.facts import Row, covers, lies_in
from spatial.findings import Finding, plain
from spatial.period import parse_period
from spatial.rulebook import (
    BaseRule,
    ClosureDeadline,
    RemediationDeadline,
    Rule,
    Rulebook,
    SitingBan,
    SourceZoneClearance,
    Target,
)
from spatial.vocabulary import State, TargetVerdict, Verdict

REPORTED_COMPARATORS: Mapping[str, str] = {
    ">=": ">=",
    "<=": "<=",
    "==": "==",
    "complete": ">=",
    "prohibit": "<=",
}
"""How a reported value is compared: a completed share reaches its 100 %, a banned count stays at its 0."""

COUNT = "count"
COUNTING_WORDS = frozenset("个座处条家项次起组套人县市库")
"""Chinese counting words: a bare number of things."""

UNIT_WORDS: Mapping[str, str] = {
    "百分点": "percentagepoints",
    "个百分点": "percentagepoints",
    "公顷": "ha",
    "亩": "mu",
    "平方公里": "km2",
    "km²": "km2",
    "公里": "km",
    "千米": "km",
    "吨/年": "t/a",
    "吨/日": "t/d",
    "吨/天": "t/d",
    "立方米/年": "m3/a",
    "m³/a": "m3/a",
    "毫克/升": "mg/L",
    "mg/l": "mg/L",
    "吨": "t(asprinted)",
    "t": "t(asprinted)",
}
"""Chinese and other spellings of the targets' units of measurement, without spaces."""

MEASURES = frozenset(UNIT_WORDS.values()) | {"%"}
"""Units that no counting word stands for."""

COMPLETED = (RemediationDeadline, ClosureDeadline)
"""Rules whose target is a task: it is met by what was done, not by what may still wait."""


@dataclass(frozen=True, slots=True)
class TargetScore:
    """Where one target stands on one day.

    `measured` is in the unit of the target where a number says it (per cent, class, count), else a rating or
    None. `numerator` of `denominator` subjects satisfy it. `evidence` always has ``reason`` (code and
    params), ``document``, ``quote``, ``force`` and ``deadline_basis``, and what the verdict rests on:
    ``findings`` with the subjects in violation and undetermined, or ``reported`` with the value, its period
    and who reported it.
    """

    target: Target
    verdict: TargetVerdict
    measured: Decimal | float | str | None
    numerator: int | None
    denominator: int | None
    evidence: Mapping[str, Any]
    as_of: date

    @property
    def target_id(self) -> str:
        """Id of the target."""
        return self.target.id

    @property
    def reason(self) -> Mapping[str, Any]:
        """The reason of the verdict: ``{"code", "params"}``."""
        reason: Mapping[str, Any] = self.evidence["reason"]
        return reason

    def as_json(self) -> dict[str, Any]:
        """Shape of the contract."""
        threshold = self.target.numeric_threshold
        return {
            "target_id": self.target.id,
            "document": self.target.document,
            "clause": self.target.clause,
            "region_code": self.target.region_code,
            "subject": self.target.subject,
            "metric": self.target.metric,
            "comparator": self.target.comparator,
            "threshold": self.target.threshold if threshold is None else plain(threshold),
            "unit": self.target.unit,
            "deadline": plain(self.target.deadline),
            "measured": plain(self.measured),
            "numerator": self.numerator,
            "denominator": self.denominator,
            "verdict": self.verdict.value,
            "evaluation": self.target.evaluation,
            "evidence": plain(self.evidence),
            "as_of": plain(self.as_of),
        }


@dataclass(frozen=True, slots=True)
class _Standing:
    """A verdict with its reason and numbers, before it is dressed as a score."""

    verdict: TargetVerdict
    reason: Reason
    measured: Decimal | float | str | None = None
    numerator: int | None = None
    denominator: int | None = None
    shown: Mapping[str, Any] | None = None


def score_targets(
    rulebook: Rulebook,
    facts: Facts,
    findings: Iterable[Finding],
    *,
    rule_ids: Collection[str] | None = None,
) -> list[TargetScore]:
    """Score every target of the rule book, in the order of its files.

    Parameters
    ----------
    rulebook, facts
        Those that the findings come from.
    findings : iterable of Finding
        Of `evaluate_rules`; their order does not matter.
    rule_ids : collection of str, optional
        The rules that were evaluated, when not all of them were: the targets of the others are undetermined.

    Raises
    ------
    FrameValueError
        If a reported indicator has a value that is no number, or a period that is none.
    """
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule_id, []).append(finding)
    rules = {rule.target_id: rule for rule in rulebook.rules if rule.target_id is not None}
    reported = _reported_values(rulebook.targets, facts)
    standings: dict[str, _Standing] = {}
    for target in rulebook.targets:
        rule = rules.get(target.id)
        if rule is None:
            standings[target.id] = _score_reported(target, reported.get(target.id), facts.as_of)
        elif rule_ids is not None and rule.id not in rule_ids:
            standings[target.id] = _undetermined("rule_not_run", rule=rule.id)
        else:
            standings[target.id] = _score_findings(target, rule, by_rule.get(rule.id, []), facts)
    standings = {target.id: _with_alternative(target, standings) for target in rulebook.targets}
    return [
        _score(
            target,
            standings[target.id],
            rulebook,
            facts,
            rule=rules.get(target.id),
            reported=reported.get(target.id),
        )
        for target in rulebook.targets
    ]


def _undetermined(code: str, /, **params: Any) -> _Standing:
    return _Standing(TargetVerdict.UNDETERMINED, Reason(code, params))


def _score(
    target: Target,
    standing: _Standing,
    rulebook: Rulebook,
    facts: Facts,
    *,
    rule: Rule | None,
    reported: Mapping[str, Any] | None,
) -> TargetScore:
    document = rulebook.documents[target.document]
    evidence: dict[str, Any] = {
        "reason": standing.reason.as_json(),
        "document": {
            "key": document.key,
            "title": {"zh": document.title.zh, "en": document.title.en},
            "number": document.number,
            "expires": document.expires,
        },
        "quote": target.evidence,
        "force": target.force,
        "deadline_basis": target.deadline_basis,
        "region": facts.region,
        "rule_set": rulebook.rule_set_hash,
    }
    if rule is not None:
        evidence["rule_id"] = rule.id
    if target.alternative_id is not None:
        evidence["alternative_target"] = target.alternative_id
    evidence |= standing.shown or {}
    if reported is not None:
        evidence["reported"] = dict(reported)
    return TargetScore(
        target=target,
        verdict=standing.verdict,
        measured=standing.measured,
        numerator=standing.numerator,
        denominator=standing.denominator,
        evidence=evidence,
        as_of=facts.as_of,
    )


# --- targets that a rule stands for ------------------------------------------------------------------------


def _score_findings(target: Target, rule: Rule, findings: Sequence[Finding], facts: Facts) -> _Standing:
    """Sum up the findings of one rule.

    One violation is enough to miss a target after its deadline; what is undetermined keeps a target from
    being met. Facts about a part of the region can show that a target is missed, never that it is met.
    """
    if not rule.holds_on(facts.as_of):
        return _undetermined("not_in_force", in_force=rule.in_force)
    if rule.subject == "region":
        return _score_region(target, rule, findings, facts)
    counts = Counter(finding.verdict for finding in findings)
    satisfied = [
        finding
        for finding in findings
        if finding.verdict is Verdict.COMPLIANT
        and not (isinstance(rule, COMPLETED) and finding.state is State.DUE)
    ]
    standing = replace(
        _verdict_of(target, rule, counts, len(satisfied), facts),
        numerator=len(satisfied),
        denominator=len(findings),
        measured=_measured(target, rule, findings, len(satisfied), facts),
        shown={"findings": _summary(findings, counts)},
    )
    if standing.verdict in (TargetVerdict.MET, TargetVerdict.ON_TRACK):
        doubt = _doubt(rule, facts)
        if doubt is not None:
            return replace(standing, verdict=TargetVerdict.UNDETERMINED, reason=doubt)
    return standing


def _summary(findings: Sequence[Finding], counts: Mapping[Verdict, int]) -> dict[str, Any]:
    """Counts by verdict, and which subjects are in violation or undetermined."""
    return {
        **{verdict.value: counts.get(verdict, 0) for verdict in Verdict},
        "violations": [one.subject_code for one in findings if one.verdict is Verdict.VIOLATION],
        "undecided": [one.subject_code for one in findings if one.verdict is Verdict.UNDETERMINED],
    }


def _verdict_of(
    target: Target, rule: Rule, counts: Mapping[Verdict, int], satisfied: int, facts: Facts
) -> _Standing:
    total = sum(counts.values())
    if not total:
        if isinstance(rule, (SitingBan, SourceZoneClearance)) and _inventory(rule, facts):
            return _reached(target, facts.as_of, rule, "none_in_zone", total=_inventory(rule, facts))
        return _undetermined("no_subjects")
    if counts.get(Verdict.VIOLATION, 0):
        return _unreached(target, facts.as_of, satisfied=satisfied, total=total)
    if counts.get(Verdict.UNDETERMINED, 0):
        return _undetermined("findings_undetermined", undetermined=counts[Verdict.UNDETERMINED], total=total)
    if satisfied < total:
        return _unreached(target, facts.as_of, satisfied=satisfied, total=total)
    return _reached(target, facts.as_of, rule, "all_satisfied", total=total)


def _reached(target: Target, as_of: date, rule: BaseRule, code: str, /, **params: Any) -> _Standing:
    """A state that must last until the deadline is on track before it; a task that is done is done."""
    waiting = target.deadline is not None and as_of <= target.deadline and not isinstance(rule, COMPLETED)
    verdict = TargetVerdict.ON_TRACK if waiting else TargetVerdict.MET
    return _Standing(verdict, Reason(code, params))


def _unreached(target: Target, as_of: date, /, **params: Any) -> _Standing:
    """Missed after the deadline or under a standing rule; until then, or without a date, not yet lost."""
    if target.deadline is not None and as_of <= target.deadline:
        return _undetermined("not_due_not_reached", deadline=target.deadline, **params)
    if target.deadline is None and target.deadline_basis == "undated":
        return _undetermined("undated_not_reached", **params)
    return _Standing(TargetVerdict.MISSED, Reason("not_reached", params))


def _measured(
    target: Target, rule: Rule, findings: Sequence[Finding], satisfied: int, facts: Facts
) -> float | None:
    """The number that the target's threshold speaks of: violations, a per cent share, or the worst class."""
    if isinstance(rule, (SitingBan, SourceZoneClearance)):
        violations = sum(finding.verdict is Verdict.VIOLATION for finding in findings)
        return violations if findings or _inventory(rule, facts) else None
    if not findings:
        return None
    if rule.subject == "section":
        classes = [one.measured["class"] for one in findings if one.measured.get("class") is not None]
        return max(classes, default=None)
    return 100 * satisfied / len(findings) if target.numeric_threshold is not None else None


def _inventory(rule: SitingBan | SourceZoneClearance, facts: Facts) -> int:
    """Number of objects of the rule's kinds in its region, near any water or zone or not."""
    if isinstance(rule, SourceZoneClearance):
        return sum(
            1
            for subject in rule.subjects
            for row in facts.cleaned.subjects(subject)
            if lies_in(row.get("region_code"), rule.region.code)
            and (subject != "chemical_site" or not rule.kinds or row.get("kind") in rule.kinds)
            and (subject != "site" or row.get("category") in rule.site_categories)
        )
    rows = facts.cleaned.subjects(rule.subject)
    kinds = rule.kinds
    return sum(
        1
        for row in rows
        if lies_in(row.get("region_code"), rule.region.code) and (not kinds or row.get("kind") in kinds)
    )


def _doubt(rule: Rule, facts: Facts) -> Reason | None:
    """What keeps a satisfied rule from being called satisfied everywhere it holds."""
    if not covers(facts.region, rule.region.code):
        return Reason("region_partly_covered", {"region": facts.region, "target_region": rule.region.code})
    if isinstance(rule, SourceZoneClearance) and not _has_zones(rule, facts):
        return Reason("no_protection_zones", {"region": rule.region.code})
    if isinstance(rule, (SitingBan, *COMPLETED)):
        known = facts.cleaned.shoreline_ranks
        missing = sorted({zone.rank.value for zone in rule.zones if known is not None} - set(known or ()))
        if missing:
            return Reason("no_shoreline_of_rank", {"ranks": missing})
    return None


def _has_zones(rule: SourceZoneClearance, facts: Facts) -> bool:
    """Whether a protection zone of the rule's region is known: without one nothing can be clear of them."""
    zones = facts.cleaned.rows("protection_zones")
    return any(lies_in(zone.get("region_code"), rule.region.code) for zone in zones)


def _score_region(target: Target, rule: Rule, findings: Sequence[Finding], facts: Facts) -> _Standing:
    """A rule about a region as a whole has one finding, or none where the facts cover only a part of it."""
    if not findings:
        return _undetermined("region_partly_covered", region=facts.region, target_region=rule.region.code)
    finding = findings[0]
    measured = finding.measured
    met, total = measured["met"], measured["total"]
    given = finding.evidence["reason"]
    if finding.verdict is Verdict.COMPLIANT:
        standing = _reached(target, facts.as_of, rule, str(given["code"]), **given["params"])
    elif finding.verdict is Verdict.VIOLATION:
        standing = _unreached(target, facts.as_of, satisfied=met, total=total)
    else:
        standing = _Standing(TargetVerdict.UNDETERMINED, Reason(str(given["code"]), given["params"]))
    shown: float | str | None
    if "rating" in measured:
        shown = measured["rating"]
    elif measured.get("share_percent") is None:
        shown = None
    else:
        shown = measured["share_percent"] / (1 if finding.limit["compare"] == "rounded_percent" else 100)
    return replace(
        standing,
        measured=shown,
        numerator=met,
        denominator=total,
        shown={
            "findings": _summary(findings, Counter([finding.verdict])),
            "period": measured["period"],
            "counts": {key: measured[key] for key in ("met", "missed", "undetermined", "total")},
            "sections_missed": finding.evidence["data"]["missed"],
            "sections_undetermined": finding.evidence["data"]["undetermined"],
        },
    )


# --- targets that are reported ------------------------------------------------------------------------------


def _reported_values(targets: Iterable[Target], facts: Facts) -> dict[str, Mapping[str, Any]]:
    """The reported value to use of each target that has one.

    It speaks of the target's own region and is known on the evaluated day (one without a day of report counts
    as known). Of several the one of the latest period is used that has ended and is not later than the year
    of the deadline; of one period the one reported last.
    """
    by_target: dict[str, list[Row]] = {}
    for row in facts.cleaned.rows("indicators"):
        by_target.setdefault(str(row["target_id"]), []).append(row)
    chosen: dict[str, Mapping[str, Any]] = {}
    for target in targets:
        usable = [
            (ends, row.get("reported_on") or date.min, str(_decimal(row)), row)
            for row in by_target.get(target.id, ())
            if row.get("region_code") == target.region_code
            and _known_on(row, facts.as_of)
            and (ends := _period_end(row)) <= facts.as_of
            and (target.deadline is None or ends.year <= target.deadline.year)
        ]
        if usable:
            ends, _, _, row = max(usable, key=lambda one: one[:3])
            chosen[target.id] = {
                "value": _decimal(row),
                "unit": row.get("unit"),
                "unit_assumed": row.get("unit") is None and target.unit is not None,
                "region_code": row.get("region_code"),
                "period": str(row["period"]),
                "period_ends": ends,
                "reported_by": row.get("reported_by"),
                "reported_on": row.get("reported_on"),
                "version_id": row.get("version_id"),
                "upload_id": row.get("upload_id"),
            }
    return chosen


def _known_on(row: Row, as_of: date) -> bool:
    reported_on = row.get("reported_on")
    return reported_on is None or bool(reported_on <= as_of)


def _period_end(row: Row) -> date:
    try:
        return parse_period(str(row["period"])).end
    except PeriodError as error:
        raise FrameValueError("indicators", "period", row["period"]) from error


def _decimal(row: Row) -> Decimal:
    try:
        return Decimal(str(row["value"]))
    except InvalidOperation as error:
        raise FrameValueError("indicators", "value", row["value"]) from error


def _score_reported(target: Target, reported: Mapping[str, Any] | None, as_of: date) -> _Standing:
    """Judge a target without a rule by the value that was reported, if there is one."""
    if reported is None:
        known = target.evaluation == "reported_indicator"
        return _undetermined(
            "no_reported_value" if known else "not_computed_yet", evaluation=target.evaluation
        )
    value: Decimal = reported["value"]
    comparator, threshold = REPORTED_COMPARATORS.get(target.comparator), target.numeric_threshold
    params = {"value": value, "period": reported["period"]}
    if comparator is None or threshold is None:
        standing = _undetermined("no_sharp_limit", comparator=target.comparator, **params)
    elif not _same_unit(reported["unit"], target.unit):
        standing = _undetermined("unit_differs", unit=reported["unit"], expected=target.unit, **params)
    else:
        satisfied = {">=": value >= threshold, "<=": value <= threshold, "==": value == threshold}[comparator]
        params |= {"comparator": comparator, "threshold": threshold}
        standing = _reported_standing(target, as_of, satisfied=satisfied, params=params)
    return replace(standing, measured=value)


def _reported_standing(
    target: Target, as_of: date, *, satisfied: bool, params: Mapping[str, Any]
) -> _Standing:
    waiting = target.deadline is not None and as_of <= target.deadline
    if satisfied:
        verdict = TargetVerdict.ON_TRACK if waiting and target.comparator != "complete" else TargetVerdict.MET
        return _Standing(verdict, Reason("reported_reached", params))
    if waiting or (target.deadline is None and target.deadline_basis == "undated"):
        return _Standing(TargetVerdict.UNDETERMINED, Reason("reported_not_due", params))
    return _Standing(TargetVerdict.MISSED, Reason("reported_not_reached", params))


def _same_unit(reported: str | None, expected: str | None) -> bool:
    """Whether two units are the same; nothing is converted.

    ``% of sections`` is per cent; a counting word (个, 座) fits every target that counts things. A value
    without a unit is in the target's (the evidence says that this was assumed).
    """
    if reported is None or expected is None:
        return True
    first, second = _unit(reported), _unit(expected)
    return first == second or (first == COUNT and second not in MEASURES)


def _unit(text: str) -> str:
    """Canonical spelling of a unit."""
    bare = text.replace(" ", "").replace("％", "%")
    if bare.startswith("%"):
        return "%"
    return COUNT if bare in COUNTING_WORDS else UNIT_WORDS.get(bare, bare)


def _with_alternative(target: Target, standings: Mapping[str, _Standing]) -> _Standing:
    """A target that names an alternative (或) is met by either: it is missed only where both are."""
    own = standings[target.id]
    if target.alternative_id is None or own.verdict in (TargetVerdict.MET, TargetVerdict.ON_TRACK):
        return own
    other = standings[target.alternative_id]
    params = {"alternative": target.alternative_id}
    if other.verdict in (TargetVerdict.MET, TargetVerdict.ON_TRACK):
        return replace(own, verdict=other.verdict, reason=Reason("met_by_alternative", params))
    if own.verdict is TargetVerdict.MISSED and other.verdict is TargetVerdict.UNDETERMINED:
        return replace(
            own, verdict=TargetVerdict.UNDETERMINED, reason=Reason("alternative_undetermined", params)
        )
    return own
