"""Apply the rules of a rule book to facts: one finding for each subject that a rule speaks of.

Verdicts are three-valued: what is missing or cannot be decided is undetermined. Each evaluator is a pure
function of rule, facts and the choices made for open points; which rules use it is data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from spatial.classification import Reason
from spatial.facts import (
    FRAMES,
    CleanedFacts,
    Facts,
    Row,
    covers,
    lies_in,
    require_distances,
)
from spatial.findings import Finding, is_located
from spatial.placement import (
    COORDINATE_DECIMALS,
    DISTANCE_DECIMALS,
    Place,
    Placement,
    place_facility,
    zones_in_use,
)
from spatial.rounding import round_fraction
from spatial.rulebook import (
    IDLE_COUNTED_ON,
    IDLE_OR_OWNERLESS,
    MISSING_ACCURACY,
    RATING_SECTIONS,
    SHARE_DECIMALS,
    BaseRule,
    ClassTarget,
    ClosureDeadline,
    OverallRating,
    RemediationDeadline,
    Rule,
    Rulebook,
    SectionTarget,
    SettingValue,
    ShareOfSections,
    SitingBan,
    SourceZoneClearance,
)
from spatial.vocabulary import (
    CLASS_LABELS,
    UNKNOWN_OPERATOR,
    Action,
    Grade,
    PondStatus,
    Rank,
    SectionLevel,
    State,
    Verdict,
    WaterClass,
)

__all__ = ["Facts", "evaluate_rules", "required_periods"]

Choices = Mapping[str, SettingValue]

STANDING_DAYS = (
    "built_on",
    "plan_on",
    "recognised_on",
    "disused_since",
    "treated_on",
    "closed_on",
    "relocated_on",
    "cancelled_on",
    "valid_from",
)
"""Dated evidence that an object stood on a day."""

REMOVAL_DAYS = {
    "tailings_pond": ("closed_on", "cancelled_on"),
    "chemical_site": ("relocated_on", "closed_on"),
}
"""Days after which a banned object is gone."""

GONE = frozenset({PondStatus.CLOSED.value, PondStatus.CANCELLED.value})
"""Statuses that say an object is gone, with or without a day."""


GONE_SITES = frozenset(
    {"relocated", "closed", "已搬迁", "搬迁完成", "完成搬迁", "已关闭", "已关停", "已退出", "关闭退出"}
)
"""Words of ``relocation_status``, which is free text, that say a site is gone."""

SHOWN_OF_ASSESSMENT = (
    "class_label",
    "class_range",
    "samples",
    "months",
    "limiting",
    "main_pollutants",
    "parameters",
    "reasons",
)
"""What a finding about a section repeats from its assessment."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule says about one subject, before it is dressed as a finding."""

    verdict: Verdict
    state: State
    reason: Reason
    measured: Mapping[str, Any] = field(default_factory=dict)
    limit: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


def _outcome(verdict: Verdict, state: State, code: str, /, **params: Any) -> Outcome:
    return Outcome(verdict, state, Reason(code, params))


def _undetermined(code: str, /, **params: Any) -> Outcome:
    return _outcome(Verdict.UNDETERMINED, State.OPEN, code, **params)


@dataclass(frozen=True, slots=True)
class Judged:
    """An outcome and the subject it is about."""

    subject_kind: str
    subject_code: str
    subject_name: str | None
    region_code: str | None
    outcome: Outcome
    geometry: Any = None

    @property
    def subject(self) -> tuple[str, str]:
        """Kind and code: two kinds may share a code."""
        return self.subject_kind, self.subject_code


def required_periods(
    rulebook: Rulebook, as_of: date, *, rule_ids: Collection[str] | None = None
) -> list[str]:
    """Periods that the rules in force look at on a day, as texts such as ``2024``, in order.

    The period of a rule is the last calendar year that was complete on `as_of`, but none after the year of
    the rule's deadline.
    """
    return sorted(
        {
            period_of(rule, as_of)
            for rule in _chosen(rulebook, rule_ids)
            if rule.holds_on(as_of)
            and isinstance(rule, (ClassTarget, SectionTarget, ShareOfSections, OverallRating))
        }
    )


def period_of(rule: BaseRule, as_of: date) -> str:
    """The year that a water-quality rule is judged by on a day."""
    year = as_of.year - 1
    return str(year if rule.deadline is None else min(year, rule.deadline.year))


def _chosen(rulebook: Rulebook, rule_ids: Collection[str] | None) -> tuple[Rule, ...]:
    if rule_ids is None:
        return rulebook.rules
    return tuple(rulebook.rule(rule_id) for rule_id in sorted(set(rule_ids)))


def evaluate_rules(
    rulebook: Rulebook, facts: Facts, *, rule_ids: Collection[str] | None = None
) -> list[Finding]:
    """Apply the rules in force on the day of the facts, or only some of them.

    Returns
    -------
    list of Finding
        Ordered by rule, kind and code of the subject. Subjects that a rule does not speak of have no finding.
        A rule about a region as a whole is left out where the facts cover only a part of that region.

    Raises
    ------
    UnknownRuleError
        If an id of `rule_ids` names no rule.
    AssessmentsMissingError
        If the facts lack a period of `required_periods`.
    FrameColumnsError, FrameValueError
        If facilities were never measured, a code is repeated, or a day is no day.
    """
    findings = [
        finding
        for rule in _chosen(rulebook, rule_ids)
        if rule.holds_on(facts.as_of)
        for finding in _apply(rule, rulebook, facts)
    ]
    return sorted(findings, key=lambda finding: finding.sort_key)


def _apply(rule: Rule, rulebook: Rulebook, facts: Facts) -> Iterator[Finding]:
    """Judge with the choices in use, and again with each alternative to tell where it would differ."""
    names = rule.setting_names()
    choices = {name: rulebook.choice(name) for name in names}
    judged = list(_judge(rule, facts.cleaned, choices))
    others = [
        (name, value, {one.subject: one.outcome for one in _judge(rule, facts.cleaned, changed)})
        for name in names
        for value in rulebook.settings[name].alternatives
        for changed in [{**choices, name: value}]
    ]
    for one in judged:
        differing = [
            _alternative(name, value, outcomes.get(one.subject))
            for name, value, outcomes in others
            if _differs(one.outcome, outcomes.get(one.subject))
        ]
        yield _finding(
            rule,
            one,
            rule_set=rulebook.rule_set_hash,
            as_of=facts.as_of,
            choices=choices,
            alternatives=differing,
        )


def _judge(rule: Rule, facts: CleanedFacts, choices: Choices) -> Iterator[Judged]:
    match rule:
        case SitingBan():
            return _judge_facilities(rule, facts, choices, _siting)
        case RemediationDeadline():
            return _judge_facilities(rule, facts, choices, _remediation)
        case ClosureDeadline():
            return _judge_facilities(rule, facts, choices, _closure)
        case SourceZoneClearance():
            return _source_zones(rule, facts, choices)
        case ClassTarget():
            return _class_target(rule, facts)
        case SectionTarget():
            return _section_target(rule, facts)
        case ShareOfSections():
            return _share_of_sections(rule, facts, choices)
        case OverallRating():
            return _overall_rating(rule, facts, choices)


def _differs(outcome: Outcome, other: Outcome | None) -> bool:
    return other is None or (outcome.verdict, outcome.state) != (other.verdict, other.state)


def _alternative(name: str, value: SettingValue, outcome: Outcome | None) -> dict[str, Any]:
    """What another choice would give; without an outcome the rule would not speak of the subject."""
    if outcome is None:
        return {
            "setting": name,
            "value": value,
            "verdict": None,
            "state": None,
            "reason": Reason("out_of_scope", {}).as_json(),
        }
    return {
        "setting": name,
        "value": value,
        "verdict": outcome.verdict.value,
        "state": outcome.state.value,
        "reason": outcome.reason.as_json(),
    }


def _finding(
    rule: Rule,
    judged: Judged,
    *,
    rule_set: str,
    as_of: date,
    choices: Choices,
    alternatives: Sequence[Mapping[str, Any]],
) -> Finding:
    outcome = judged.outcome
    evidence: dict[str, Any] = {
        "reason": outcome.reason.as_json(),
        "rule": {
            "id": rule.id,
            "document": rule.document,
            "clause": rule.clause,
            "quote": rule.quote,
            "in_force": rule.in_force,
            "rule_set": rule_set,
        },
        "data": dict(outcome.data),
    }
    if choices:
        evidence["settings"] = dict(choices)
    if alternatives:
        evidence["alternatives"] = list(alternatives)
    return Finding(
        rule_id=rule.id,
        clause=rule.clause,
        subject_kind=judged.subject_kind,
        subject_code=judged.subject_code,
        subject_name=judged.subject_name,
        region_code=judged.region_code,
        verdict=outcome.verdict,
        state=outcome.state,
        measured=outcome.measured,
        limit=outcome.limit,
        deadline=rule.deadline,
        as_of=as_of,
        evidence=evidence,
        geometry=judged.geometry,
    )


# --- facilities ------------------------------------------------------------------------------------------


FacilityRule = SitingBan | RemediationDeadline | ClosureDeadline
FacilityJudge = Callable[[Any, Row, Placement, date, Choices], "Outcome | None"]

EVERYWHERE = Placement(Place.INSIDE, "no_zone", {}, {}, {})


def _judge_facilities(
    rule: FacilityRule, facts: CleanedFacts, choices: Choices, judge: FacilityJudge
) -> Iterator[Judged]:
    """Place each facility of the rule's region, and let the rule's own logic say what follows.

    A facility whose region is unknown gets a finding only where its verdict could be other than compliant.
    """
    frame = FRAMES[rule.subject]
    rows = facts.subjects(rule.subject)
    require_distances(rows, frame, {zone.rank for zone in rule.zones})
    zones = zones_in_use(rule.zones, choices)
    for row in rows:
        in_region = _in_region(row, rule, facts)
        if in_region is False or not _of_kind(rule, row):
            continue
        place = place_facility(row, zones, frame, facts, choices) if rule.zones else EVERYWHERE
        if place.place is Place.OUTSIDE:
            continue
        outcome = judge(rule, row, place, facts.facts.as_of, choices)
        if outcome is None:
            continue
        if in_region is None:
            if outcome.verdict is Verdict.COMPLIANT:
                continue
            outcome = replace(
                outcome,
                verdict=Verdict.UNDETERMINED,
                state=State.OPEN,
                reason=Reason("region_missing", {"region": rule.region.code}),
            )
        yield Judged(
            rule.subject,
            row["code"],
            row.get("name"),
            row.get("region_code"),
            replace(
                outcome,
                measured={**place.measured, **outcome.measured},
                limit={**place.limit, **outcome.limit},
                data={**_version(row), "shoreline_version": place.measured.get("shoreline_version")},
            ),
            row.get("geometry"),
        )


def _in_region(row: Row, rule: BaseRule, facts: CleanedFacts) -> bool | None:
    """Whether a subject lies both in the rule's region and in the region that is evaluated.

    A subject of unknown region may lie in the region of a rule, where all of that region is evaluated; else
    it is left to the evaluation of a larger region.
    """
    region_code, region = row.get("region_code"), facts.facts.region
    answers = (lies_in(region_code, rule.region.code), lies_in(region_code, region))
    if False in answers or (None in answers and not covers(region, rule.region.code)):
        return False
    return None if None in answers else True


def _of_kind(rule: FacilityRule, row: Row) -> bool:
    """Whether a chemical site is of a kind that the rule names; a missing kind may be any."""
    if not isinstance(rule, SitingBan) or not rule.kinds or row.get("kind") is None:
        return True
    return row["kind"] in rule.kinds


def _version(row: Row) -> dict[str, Any]:
    """The stored version that a row is, where the frame tells."""
    return {"version_id": row.get("version_id"), "upload_id": row.get("upload_id")}


def _happened(row: Row, column: str, as_of: date) -> date | None:
    """The day of an event, if it is known and not later than the evaluated day."""
    day: date | None = row.get(column)
    return day if day is not None and day <= as_of else None


def _siting(rule: SitingBan, row: Row, place: Placement, as_of: date, _choices: Choices) -> Outcome | None:
    """Article 26 and its like ban actions from a day on; they do not move what stood there before."""
    outcome = _banned_action(rule, row, as_of)
    if outcome is None:
        return None
    if place.place is Place.UNCERTAIN and outcome.verdict is not Verdict.COMPLIANT:
        outcome = _undetermined(place.code, **place.params)
    elif not place.measured:
        return None  # compliant wherever it stands, and nothing was measured that a reader could use
    return replace(
        outcome,
        measured={
            "action": row.get("action"),
            "action_on": row.get("action_on"),
            "purpose": row.get("purpose"),
        },
        limit={"actions": [action.value for action in rule.actions], "in_force": rule.in_force},
    )


def _banned_action(rule: SitingBan, row: Row, as_of: date) -> Outcome | None:
    """What follows for an object inside a zone: its action, the day, the purpose, what came later.

    None for an object that is still to be built on the evaluated day.
    """
    action, action_on, law = row.get("action"), row.get("action_on"), rule.in_force
    if action is None or (action_on is not None and action_on > as_of):
        return _stood_before(row, law)
    if action not in rule.actions:
        return _outcome(Verdict.COMPLIANT, State.RESOLVED, "action_not_banned", action=action)
    purpose = row.get("purpose")
    exemption = next((one for one in rule.exemptions if one.action == action), None)
    if exemption is not None and purpose in exemption.purposes:
        return _outcome(Verdict.COMPLIANT, State.RESOLVED, "exempt_purpose", action=action, purpose=purpose)
    if action_on is None:
        return _undetermined("action_date_missing", action=action)
    if action_on < law:
        return _outcome(
            Verdict.COMPLIANT, State.RESOLVED, "built_before_law", action=action, day=action_on, in_force=law
        )
    if row.get("kind") is None and rule.kinds:
        return _undetermined("kind_missing", action=action)
    if exemption is not None and purpose is None:
        return _undetermined("purpose_missing", action=action, day=action_on)
    removals = [
        day
        for column in REMOVAL_DAYS[rule.subject]
        if (day := _happened(row, column, as_of)) is not None and day >= action_on
    ]
    if removals:
        return _outcome(
            Verdict.COMPLIANT,
            State.RESOLVED,
            "removed_since",
            action=action,
            day=action_on,
            removed_on=min(removals),
        )
    if row.get("status") in GONE and all(row.get(column) is None for column in REMOVAL_DAYS[rule.subject]):
        return _undetermined("closure_date_missing", status=row["status"])
    if row.get("relocation_status") in GONE_SITES and row.get("relocated_on") is None:
        return _undetermined("relocation_date_missing", status=row["relocation_status"])
    return _outcome(
        Verdict.VIOLATION, State.OPEN, "banned_action", action=action, day=action_on, in_force=law
    )


def _stood_before(row: Row, law: date) -> Outcome | None:
    """Without an action, dated evidence may show that the object stood before the law."""
    known = [(day, column) for column in STANDING_DAYS if (day := row.get(column)) is not None and day < law]
    if known:
        day, column = min(known)
        return _outcome(
            Verdict.COMPLIANT, State.RESOLVED, "stood_before_law", day=day, column=column, in_force=law
        )
    if row.get("action") == Action.NEW:
        return None
    return _undetermined("action_unknown")


def _remediation(
    rule: RemediationDeadline, row: Row, place: Placement, as_of: date, _choices: Choices
) -> Outcome | None:
    """CN（十四） and its like: ponds within the distance are treated by the deadline.

    Closure is not treatment. A pond that was struck off before the deadline, or built after it, is no object
    of the clause.
    """
    cancelled_on = _happened(row, "cancelled_on", as_of)
    if (cancelled_on is not None and cancelled_on < rule.deadline) or _built_after(row, rule.deadline, as_of):
        return None
    done = [(day, column) for column in rule.done_by if (day := _happened(row, column, as_of)) is not None]
    if done:
        day, column = min(done)
        outcome = _done(day, rule.deadline, "treated" if column == "treated_on" else "cancelled")
    elif as_of <= rule.deadline:
        outcome = _due(rule.deadline, as_of)
    elif place.place is Place.UNCERTAIN:
        outcome = _undetermined(place.code, **place.params)
    elif (
        "cancelled_on" in rule.done_by
        and row.get("status") == PondStatus.CANCELLED
        and row.get("cancelled_on") is None
    ):
        outcome = _undetermined("closure_date_missing", status=row["status"])
    else:
        outcome = _overdue(rule.deadline, as_of)
    if not place.measured and outcome.verdict is Verdict.COMPLIANT:
        return None  # compliant wherever it stands, and nothing was measured that a reader could use
    days = {column: row.get(column) for column in ("treated_on", "cancelled_on")}
    return replace(
        outcome,
        measured={**days, "status": row.get("status"), **_days(outcome)},
        limit={"done_by": list(rule.done_by), "deadline": rule.deadline},
    )


def _built_after(row: Row, deadline: date, as_of: date) -> bool:
    """Whether the object was built after the deadline, or is still to be built on the evaluated day."""
    action_on = row.get("action_on")
    return (
        row.get("action") == Action.NEW
        and action_on is not None
        and (action_on > deadline or action_on > as_of)
    )


def _done(day: date, deadline: date, code: str) -> Outcome:
    late = (day - deadline).days
    if late > 0:
        return _outcome(
            Verdict.COMPLIANT, State.RESOLVED, f"{code}_late", day=day, deadline=deadline, days_late=late
        )
    return _outcome(Verdict.COMPLIANT, State.RESOLVED, code, day=day, deadline=deadline)


def _due(deadline: date, as_of: date) -> Outcome:
    return _outcome(
        Verdict.COMPLIANT, State.DUE, "not_yet_due", deadline=deadline, days_left=(deadline - as_of).days
    )


def _overdue(deadline: date, as_of: date) -> Outcome:
    return _outcome(
        Verdict.VIOLATION, State.OVERDUE, "overdue", deadline=deadline, days_late=(as_of - deadline).days
    )


def _days(outcome: Outcome) -> dict[str, Any]:
    """Days late or left, also as a measurement."""
    return {
        name: outcome.reason.params[name]
        for name in ("days_late", "days_left")
        if name in outcome.reason.params
    }


def _closure(
    rule: ClosureDeadline, row: Row, place: Placement, as_of: date, choices: Choices
) -> Outcome | None:
    """CN（十四） and its like: idle or ownerless ponds are closed (and struck off) by the deadline."""
    if _built_after(row, rule.deadline, as_of):
        return None
    operator = row.get("operator")
    ownerless = None if operator == UNKNOWN_OPERATOR else operator is None
    counted_on = as_of if choices[IDLE_COUNTED_ON] == "as_of" else min(as_of, rule.deadline)
    idle = _idle(rule, row, counted_on, as_of)
    in_scope = _either(idle, ownerless) if choices[IDLE_OR_OWNERLESS] == "either" else _both(idle, ownerless)
    if in_scope is False:
        return None
    days = {column: _happened(row, column, as_of) for column in rule.needs}
    claimed = {column for column in rule.needs if days[column] is None and _claimed(row, column, as_of)}
    open_needs = [column for column in rule.needs if days[column] is None and column not in claimed]
    if not open_needs and not claimed:
        if in_scope is None:
            return None  # done, so it does not matter whether it had to be
        last = max(day for day in days.values() if day is not None)
        outcome = _done(last, rule.deadline, "closed")
    elif as_of <= rule.deadline:
        outcome = _due(rule.deadline, as_of)
    elif in_scope is None:
        code = "operator_unknown" if ownerless is None else "disuse_date_missing"
        outcome = _undetermined(code, status=row.get("status"))
    elif place.place is Place.UNCERTAIN:
        outcome = _undetermined(place.code, **place.params)
    elif open_needs:
        outcome = _overdue(rule.deadline, as_of)
    else:
        outcome = _undetermined("closure_date_missing", status=row.get("status"))
    if place is not EVERYWHERE and not place.measured and outcome.verdict is Verdict.COMPLIANT:
        return None  # compliant wherever it stands, and nothing was measured that a reader could use
    return replace(
        outcome,
        measured={
            "status": row.get("status"),
            "operator": row.get("operator"),
            "disused_since": row.get("disused_since"),
            "idle": idle,
            "ownerless": ownerless,
            "idle_counted_on": counted_on,
            **{column: row.get(column) for column in ("closed_on", "cancelled_on")},
            **_days(outcome),
        },
        limit={"idle_years": rule.idle_years, "needs": list(rule.needs), "deadline": rule.deadline},
    )


def _idle(rule: ClosureDeadline, row: Row, counted_on: date, as_of: date) -> bool | None:
    """Whether a pond was out of use for more than the years of the rule; None when nothing dates its disuse.

    A pond in use or in construction is not idle. A closed one has been out of use at least since its closure.
    """
    status = row.get("status")
    if status in (PondStatus.IN_USE, PondStatus.IN_CONSTRUCTION):
        return False
    disused_since = _happened(row, "disused_since", as_of)
    if disused_since is not None:
        return _years_after(disused_since, rule.idle_years) < counted_on
    if row.get("disused_since") is not None:
        return False
    closed_on = _happened(row, "closed_on", as_of)
    if closed_on is not None and _years_after(closed_on, rule.idle_years) < counted_on:
        return True
    return None


def _years_after(day: date, years: int) -> date:
    """The same day some years later; 29 February ends on 28 February (last day of the month)."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _claimed(row: Row, column: str, as_of: date) -> bool:
    """Whether a step without a day must have been taken: the status or a later step says so."""
    status = row.get("status")
    if row.get(column) is not None:
        return False
    if column == "closed_on":
        return status in GONE or _happened(row, "cancelled_on", as_of) is not None
    return status == PondStatus.CANCELLED


def _either(first: bool | None, second: bool | None) -> bool | None:
    if first or second:
        return True
    return None if first is None or second is None else False


def _both(first: bool | None, second: bool | None) -> bool | None:
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


# --- protection zones ------------------------------------------------------------------------------------


REMOVING = frozenset({"banned", "merged"})
"""Remediations after which an outfall is gone; a standardised one stays."""


def _source_zones(rule: SourceZoneClearance, facts: CleanedFacts, choices: Choices) -> Iterator[Judged]:
    """Judge what stands inside the protection zones of drinking-water sources, or may stand there.

    Facilities clear of every zone have no finding. Without any zone in the facts nothing is judged.
    """
    if facts.facts.protection_zones.empty:
        return
    for kind in rule.subjects:
        frame = FRAMES[kind]
        for row in facts.subjects(kind):
            in_region = _in_region(row, rule, facts)
            if in_region is False or not _of_cleared_kind(rule, kind, row):
                continue
            outcome = _in_zone(rule, kind, row, facts.zones_near(frame).get(row["code"], ()), facts, choices)
            if outcome is None:
                continue
            if in_region is None:
                if outcome.verdict is Verdict.COMPLIANT:
                    continue
                reason = Reason("region_missing", {"region": rule.region.code})
                outcome = replace(outcome, verdict=Verdict.UNDETERMINED, state=State.OPEN, reason=reason)
            yield Judged(
                kind, row["code"], row.get("name"), row.get("region_code"), outcome, row.get("geometry")
            )


def _of_cleared_kind(rule: SourceZoneClearance, kind: str, row: Row) -> bool:
    """Whether the clause names this kind of object; a chemical site without a kind may be one of them."""
    if kind == "chemical_site":
        return not rule.kinds or row.get("kind") is None or row["kind"] in rule.kinds
    return kind != "site" or row.get("category") in rule.site_categories


def _in_zone(
    rule: SourceZoneClearance,
    kind: str,
    row: Row,
    related: Sequence[Row],
    facts: CleanedFacts,
    choices: Choices,
) -> Outcome | None:
    """What the clause says of one object; of several zones a first-grade one that it surely stands in counts.

    The position of the object and the edge of the zone are known to an accuracy only; nearer to the edge than
    both together, nobody can say on which side it stands.
    """
    as_of = facts.facts.as_of
    if _is_planned(kind, row, as_of):
        return None
    limit = {"zone_grades": list(rule.grades), "inside": False}
    if not is_located(row.get("geometry")):
        missing = _undetermined("zone_position_missing")
        return replace(missing, limit=limit, data=_version(row))
    assumed = float(choices[MISSING_ACCURACY])
    accuracy = row.get("accuracy_m")
    margin = assumed + (assumed if accuracy is None else float(accuracy))
    zones = [zone for zone in related if zone["zone_grade"] in rule.grades]
    sure = [zone for zone in zones if zone["inside"] and zone["edge_distance_m"] >= margin]
    open_to_doubt = [zone for zone in zones if zone["edge_distance_m"] < margin]
    if not sure and not open_to_doubt:
        return None
    decisive = (sure or open_to_doubt)[0]
    params = {
        "source": decisive["source_name"],
        "grade": decisive["zone_grade"],
        "distance_m": round(decisive["edge_distance_m"], DISTANCE_DECIMALS),
        "margin_m": round(margin, DISTANCE_DECIMALS),
    }
    outcome = _left_zone(kind, row, as_of)
    if outcome is None and not sure:
        outcome = _undetermined("zone_position_uncertain", **params)
    elif outcome is None and kind == "chemical_site" and rule.kinds and row.get("kind") is None:
        outcome = _undetermined("zone_kind_missing", **params)
    elif outcome is None:
        outcome = _outcome(Verdict.VIOLATION, State.OPEN, "inside_protection_zone", **params)
    measured = {
        "source_code": decisive["source_code"],
        "source_name": decisive["source_name"],
        "zone_grade": decisive["zone_grade"],
        "inside": decisive["inside"],
        "edge_distance_m": params["distance_m"],
        "edge_point": {
            "lon": round(decisive["edge_lon"], COORDINATE_DECIMALS),
            "lat": round(decisive["edge_lat"], COORDINATE_DECIMALS),
        },
        "facility_accuracy_m": accuracy,
        "accuracies_assumed": [*(["facility"] if accuracy is None else []), "zone"],
        "margin_m": params["margin_m"],
        "zones": [f"{zone['source_code']}/{zone['zone_grade']}" for zone in (*sure, *open_to_doubt)],
    }
    return replace(outcome, measured=measured, limit=limit, data=_version(row))


def _is_planned(kind: str, row: Row, as_of: date) -> bool:
    """Whether the object is still to be built on the evaluated day."""
    built_on = row.get("built_on") if kind == "site" else None
    if row.get("action") == Action.NEW:
        built_on = row.get("action_on")
    return built_on is not None and bool(built_on > as_of)


def _left_zone(kind: str, row: Row, as_of: date) -> Outcome | None:
    """What follows for an object that was removed, or may have been; None where nothing says so."""
    columns = {
        "outfall": ("completed_on", "cancelled_on"),
        "chemical_site": ("relocated_on", "closed_on"),
        "site": ("closed_on",),
    }[kind]
    days = [day for column in columns if (day := _happened(row, column, as_of)) is not None]
    if kind == "outfall":
        remediation = row.get("remediation")
        if remediation in REMOVING and not days and all(row.get(column) is None for column in columns):
            return _undetermined("removal_date_missing", remediation=remediation)
        if remediation is None and _happened(row, "cancelled_on", as_of) is not None:
            return _undetermined("removal_unknown", day=row["cancelled_on"])
        if remediation not in REMOVING:
            return None
    if days:
        return _outcome(Verdict.COMPLIANT, State.RESOLVED, "removed_from_zone", day=min(days))
    if row.get("relocation_status") in GONE_SITES and row.get("relocated_on") is None:
        return _undetermined("relocation_date_missing", status=row["relocation_status"])
    return None


# --- sections --------------------------------------------------------------------------------------------


def _class_target(rule: ClassTarget, facts: CleanedFacts) -> Iterator[Judged]:
    """Judge each section of the rule's waters against one class."""
    period = period_of(rule, facts.facts.as_of)
    for row in facts.subjects("section"):
        member = _both(_in_region(row, rule, facts), _on_waters(row, rule, facts))
        if member is False:
            continue
        outcome = _section_outcome(row, rule.worst_class, period, rule, facts)
        if member is None:
            if outcome.verdict is Verdict.COMPLIANT:
                continue
            missing = "river_missing" if _on_waters(row, rule, facts) is None else "region_missing"
            reason = Reason(missing, {"region": rule.region.code})
            outcome = replace(outcome, verdict=Verdict.UNDETERMINED, state=State.OPEN, reason=reason)
        yield _judged_section(row, outcome)


def _section_target(rule: SectionTarget, facts: CleanedFacts) -> Iterator[Judged]:
    """Judge each section that has a target class against it."""
    period = period_of(rule, facts.facts.as_of)
    for row in facts.subjects("section"):
        if row.get("target_class") is None or not _in_region(row, rule, facts):
            continue
        yield _judged_section(row, _section_outcome(row, int(row["target_class"]), period, rule, facts))


def _on_waters(row: Row, rule: ClassTarget | ShareOfSections, facts: CleanedFacts) -> bool | None:
    """Whether a section lies on the waters that a rule names.

    None when neither river nor water body is known; such a section is still known to be elsewhere when its
    water-body type is none of the rule's.
    """
    ranks: tuple[Rank, ...] = rule.ranks if isinstance(rule, ClassTarget) else ()
    if not rule.rivers and not ranks:
        return True
    river, code = row.get("river"), row.get("water_body_code")
    if river in rule.rivers:
        return True
    if code is not None and (
        code in facts.codes_of(rule.rivers) or facts.ranks_of_water_bodies.get(code) in ranks
    ):
        return True
    if river is not None or code is not None:
        return False
    kind = row.get("water_body_type")
    return False if rule.water_body_types and kind is not None and kind not in rule.water_body_types else None


def _section_outcome(row: Row, worst_class: int, period: str, rule: BaseRule, facts: CleanedFacts) -> Outcome:
    """Compare the class of one section over the period with the worst class allowed."""
    assessment = facts.assessment(period, row["code"])
    limit = {"class": worst_class, "class_label": CLASS_LABELS[worst_class], "period": period}
    data = _version(row)
    if assessment is None:
        outcome = _undetermined("not_assessed", period=period)
        return replace(outcome, measured={"class": None, "period": period}, limit=limit, data=data)
    shown = assessment.as_json()
    verdict = assessment.verdict_for(worst_class)
    measured = {
        "class": assessment.water_class,
        "period": period,
        **{name: shown[name] for name in SHOWN_OF_ASSESSMENT if name in shown},
    }
    if verdict is Verdict.UNDETERMINED:
        reason = next(iter(assessment.reasons), Reason("class_undetermined", {"period": period}))
    else:
        reason = Reason(
            "class_reached" if verdict is Verdict.COMPLIANT else "class_not_reached",
            {
                "class": assessment.water_class,
                "class_label": _class_label(shown),
                "limit": worst_class,
                "limit_label": CLASS_LABELS[worst_class],
                "period": period,
            },
        )
    states = {Verdict.COMPLIANT: State.RESOLVED, Verdict.VIOLATION: _missed_state(rule, facts.facts.as_of)}
    outcome = Outcome(verdict, states.get(verdict, State.OPEN), reason)
    data |= {
        "period": period,
        "reading_upload_ids": shown.get("upload_ids"),
        "quality_flags": shown.get("quality_flags"),
    }
    return replace(outcome, measured=measured, limit=limit, data=data)


def _class_label(shown: Mapping[str, Any]) -> str:
    """The class as text, or the range of possible classes, such as ``Ⅳ–劣Ⅴ``."""
    if shown.get("class_label"):
        return str(shown["class_label"])
    return "–".join(CLASS_LABELS[one] for one in shown.get("class_range") or ())


def _missed_state(rule: BaseRule, as_of: date) -> State:
    """An unmet target is overdue once its deadline has passed."""
    return State.OVERDUE if rule.deadline is not None and as_of > rule.deadline else State.OPEN


def _judged_section(row: Row, outcome: Outcome) -> Judged:
    return Judged(
        "section", row["code"], row.get("name"), row.get("region_code"), outcome, row.get("geometry")
    )


# --- regions ---------------------------------------------------------------------------------------------


ANSWERS = {
    Verdict.COMPLIANT: "met",
    Verdict.VIOLATION: "missed",
    Verdict.UNDETERMINED: "undetermined",
}
"""How a section counts in a share."""


@dataclass(slots=True)
class Tally:
    """Sections of a region by what is known of them.

    `certain` counts those that surely belong (the region, level and water are known), `possible` those that
    may. `expected` is the number of sections that the clause itself counts: those that nobody registered are
    as open as those that nobody measured.
    """

    expected: int = 0
    certain: dict[str, int] = field(default_factory=lambda: {"met": 0, "missed": 0, "undetermined": 0})
    possible: dict[str, int] = field(default_factory=lambda: {"met": 0, "missed": 0, "undetermined": 0})
    inferior: int = 0
    missed: list[str] = field(default_factory=list)
    undetermined: list[str] = field(default_factory=list)
    without_membership: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Sections that surely belong."""
        return sum(self.certain.values())

    @property
    def unregistered(self) -> int:
        """Sections that the clause counts beyond those that belong or may belong."""
        return max(self.expected - self.total - sum(self.possible.values()), 0)

    @property
    def worst(self) -> Fraction | None:
        """Share if every open question is answered to the worse; None without sections."""
        open_sections = self.certain["undetermined"] + self.possible["missed"] + self.possible["undetermined"]
        total = max(self.certain["met"] + self.certain["missed"] + open_sections, self.expected)
        return Fraction(self.certain["met"], total) if total else None

    @property
    def best(self) -> Fraction | None:
        """Share if every open question is answered to the better; None without sections."""
        met = self.certain["met"] + self.certain["undetermined"]
        met += self.possible["met"] + self.possible["undetermined"]
        total = max(met + self.certain["missed"], self.expected)
        return Fraction(total - self.certain["missed"], total) if total else None

    @property
    def measured(self) -> dict[str, Any]:
        """The counts, the lowest and highest possible share in per cent, and the share where they agree.

        Shares are not rounded.
        """
        lowest, highest = (None if share is None else float(100 * share) for share in (self.worst, self.best))
        return {
            "met": self.certain["met"],
            "missed": self.certain["missed"],
            "undetermined": self.certain["undetermined"],
            "total": self.total,
            "unregistered": self.unregistered,
            "share_percent": lowest if lowest == highest else None,
            "lowest_share_percent": lowest,
            "highest_share_percent": highest,
        }

    @property
    def data(self) -> dict[str, Any]:
        """Codes of the sections that missed or could not be decided."""
        return {
            "missed": self.missed,
            "undetermined": self.undetermined,
            "membership_unknown": self.without_membership,
        }


def _tally(
    rule: ShareOfSections | OverallRating, levels: Collection[SectionLevel], period: str, facts: CleanedFacts
) -> Tally:
    tally = Tally(expected=(isinstance(rule, ShareOfSections) and rule.expected_sections) or 0)
    for row in facts.subjects("section"):
        level = row.get("level")
        in_level = True if not levels else None if level is None else level in levels
        on_waters = _on_waters(row, rule, facts) if isinstance(rule, ShareOfSections) else True
        member = _both(_both(_in_region(row, rule, facts), in_level), on_waters)
        if member is False:
            continue
        assessment = facts.assessment(period, row["code"])
        verdict = Verdict.UNDETERMINED if assessment is None else assessment.verdict_for(rule.worst_class)
        answer = ANSWERS[verdict]
        if member is None:
            tally.possible[answer] += 1
            tally.without_membership.append(row["code"])
            continue
        tally.certain[answer] += 1
        if assessment is not None and assessment.water_class == WaterClass.INFERIOR_V:
            tally.inferior += 1
        if answer == "missed":
            tally.missed.append(row["code"])
        elif answer == "undetermined":
            tally.undetermined.append(row["code"])
    return tally


def _judged_region(rule: BaseRule, outcome: Outcome) -> Judged:
    return Judged("region", rule.region.code, rule.region.name.zh, rule.region.code, outcome)


def _decide(
    tally: Tally, reached: Callable[[Fraction], bool], state: State, codes: tuple[str, str], **params: Any
) -> Outcome:
    """Take the verdict that holds however the open questions are answered."""
    if tally.worst is None or tally.best is None or not tally.total:
        return _undetermined("no_sections", **params)
    counts = {"met": tally.certain["met"], "total": tally.total, **params}
    if reached(tally.worst):
        return _outcome(Verdict.COMPLIANT, State.RESOLVED, codes[0], **counts)
    if not reached(tally.best):
        return _outcome(Verdict.VIOLATION, state, codes[1], **counts)
    return _undetermined(
        "share_undecided",
        undetermined=tally.certain["undetermined"],
        membership_unknown=len(tally.without_membership),
        unregistered=tally.unregistered,
        **counts,
    )


def _share_of_sections(rule: ShareOfSections, facts: CleanedFacts, choices: Choices) -> Iterator[Judged]:
    """Judge the share of a region's sections that reach a class.

    72 of 74 sections are 97.297 %: they reach 97.3 % after rounding to one decimal, as national releases
    print it. Fractions such as 2/3 are compared as counts: 8 of 12 reach them.
    """
    if not covers(facts.facts.region, rule.region.code):
        return
    period = period_of(rule, facts.facts.as_of)
    tally = _tally(rule, rule.levels, period, facts)
    decimals = choices.get(SHARE_DECIMALS)

    def reached(share: Fraction) -> bool:
        if rule.compare == "counts":
            return share >= rule.at_least
        percent = 100 * share
        return (
            Fraction(round_fraction(percent, decimals)) if isinstance(decimals, int) else percent
        ) >= rule.at_least

    threshold = str(rule.at_least) if rule.compare == "counts" else _decimal_text(rule.at_least)
    outcome = _decide(
        tally,
        reached,
        _missed_state(rule, facts.facts.as_of),
        ("share_reached", "share_not_reached"),
        threshold=threshold,
        period=period,
    )
    yield _judged_region(
        rule,
        replace(
            outcome,
            measured={
                **tally.measured,
                "expected_sections": rule.expected_sections,
                "compared_percent": _compared(tally, decimals),
                "period": period,
            },
            limit={
                "at_least": threshold,
                "compare": rule.compare,
                "class": rule.worst_class,
                "class_label": CLASS_LABELS[rule.worst_class],
                "levels": [level.value for level in rule.levels],
            },
            data={"period": period, **tally.data},
        ),
    )


def _compared(tally: Tally, decimals: SettingValue | None) -> float | None:
    """The share as it was compared, where every section was decided and it was rounded."""
    if tally.worst is None or tally.worst != tally.best or not isinstance(decimals, int):
        return None
    return float(round_fraction(100 * tally.worst, decimals))


def _decimal_text(value: Fraction) -> str:
    """An exact limit as it was written: 97.3, not 973/10."""
    return format(float(value), "g")


def _overall_rating(rule: OverallRating, facts: CleanedFacts, choices: Choices) -> Iterator[Judged]:
    """Judge whether a region is rated good or better by its proportions of classes (环办〔2011〕22号).

    Shares are compared exactly, without rounding. With too few sections the method does not use proportions.
    """
    if not covers(facts.facts.region, rule.region.code):
        return
    period = period_of(rule, facts.facts.as_of)
    levels = () if choices[RATING_SECTIONS] == "all" else (SectionLevel.NATIONAL,)
    tally = _tally(rule, levels, period, facts)
    if 0 < tally.total < rule.minimum_sections:
        outcome = _undetermined(
            "too_few_sections", total=tally.total, minimum=rule.minimum_sections, period=period
        )
    else:
        outcome = _decide(
            tally,
            lambda share: 100 * share >= rule.good_from,
            _missed_state(rule, facts.facts.as_of),
            ("rating_reached", "rating_not_reached"),
            threshold=_decimal_text(rule.good_from),
            period=period,
        )
    yield _judged_region(
        rule,
        replace(
            outcome,
            measured={
                **tally.measured,
                "inferior": tally.inferior,
                "rating": _rating(rule, tally),
                "period": period,
            },
            limit={
                "rating": Grade.GOOD.value,
                "good_from": _decimal_text(rule.good_from),
                "excellent_from": _decimal_text(rule.excellent_from),
                "class": rule.worst_class,
                "method": rule.method,
            },
            data={"period": period, **tally.data},
        ),
    )


def _rating(rule: OverallRating, tally: Tally) -> str | None:
    """The rating where no open question can change it; below good it is not told apart."""
    ratings = set()
    for share in (tally.worst, tally.best):
        if share is None or tally.total < rule.minimum_sections:
            return None
        percent = 100 * share
        ratings.add(
            Grade.EXCELLENT.value
            if percent >= rule.excellent_from
            else Grade.GOOD.value
            if percent >= rule.good_from
            else "below_good"
        )
    return ratings.pop() if len(ratings) == 1 else None
