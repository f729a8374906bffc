"""Better or worse than before? Words for the change between two periods (环办〔2011〕22号, part 3 (2)).

The words are codes (`Change`); they rest on numbers, which come with them. The method compares the same items
and essentially the same sections. So a section is compared by the items that decided in both periods, and a
river or region by the sections that are determined in both; where that leaves something out, the result
says what, and gives the figures of all sections beside.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from spatial.assessment import SectionAssessment
from spatial.class_text import class_label
from spatial.classification import Grader, Reason, give_reason
from spatial.groups import GroupAssessment, GroupBy, assess_groups
from spatial.parameters import sort_by_registry
from spatial.period import parse_period
from spatial.rounding import json_number
from spatial.standards import EvaluationMethod, Number, Standard, load_evaluation_method, load_standard
from spatial.vocabulary import GRADE_ORDER, Change, Grade, Verdict

_STEPS: Final = {change: place for place, change in enumerate(reversed(Change), -2)}
"""From -2 (markedly worse) to 2 (markedly better)."""


@dataclass(frozen=True, slots=True)
class ProportionChange:
    """Change of the shares of Ⅰ–Ⅲ (ΔG) and worse than Ⅴ (ΔD), in percentage points; `points` is ΔG - ΔD."""

    delta_1_3: Fraction
    delta_inferior: Fraction
    points: Fraction
    change: Change

    def as_json(self) -> dict[str, object]:
        """Give the numbers with the word."""
        return {
            "delta_1_3": json_number(self.delta_1_3),
            "delta_inferior": json_number(self.delta_inferior),
            "points": json_number(self.points),
            "change": self.change,
        }


def change_of_grade(
    before: Grade | None,
    after: Grade | None,
    method: EvaluationMethod | None = None,
) -> Change | None:
    """Compare two grades of a section (Ⅰ and Ⅱ are one grade); None where either is undetermined."""
    if before is None or after is None:
        return None
    marked = (method or load_evaluation_method()).grade_steps_marked
    steps = GRADE_ORDER[before] - GRADE_ORDER[after]
    if steps == 0:
        return Change.NO_OBVIOUS_CHANGE
    if steps > 0:
        return Change.MARKED_BETTER if steps >= marked else Change.SOMEWHAT_BETTER
    return Change.MARKED_WORSE if -steps >= marked else Change.SOMEWHAT_WORSE


def change_of_proportions(
    before_1_3: Number,
    before_inferior: Number,
    after_1_3: Number,
    after_inferior: Number,
    method: EvaluationMethod | None = None,
) -> ProportionChange:
    """Compare the shares of a river or region in two periods, all in per cent, unrounded.

    Exactly 10 points are no obvious change, exactly 20 still a somewhat.
    """
    method = method or load_evaluation_method()
    delta_1_3 = Fraction(after_1_3) - Fraction(before_1_3)
    delta_inferior = Fraction(after_inferior) - Fraction(before_inferior)
    points = delta_1_3 - delta_inferior
    if abs(points) <= Fraction(method.points_somewhat_above):
        change = Change.NO_OBVIOUS_CHANGE
    elif abs(points) <= Fraction(method.points_marked_above):
        change = Change.SOMEWHAT_BETTER if points > 0 else Change.SOMEWHAT_WORSE
    else:
        change = Change.MARKED_BETTER if points > 0 else Change.MARKED_WORSE
    return ProportionChange(delta_1_3, delta_inferior, points, change)


def larger_change(by_grade: Change, by_proportions: Change) -> Change:
    """Choose what is reported where grade and proportions disagree: the larger change.

    Where the two are equally large in opposite directions, the worse one.
    """
    return max(by_grade, by_proportions, key=lambda change: (abs(_STEPS[change]), -_STEPS[change]))


# --- sections ---


@dataclass(frozen=True, slots=True)
class SectionChange:
    """One section in two periods, both judged by the items that were evaluated in both.

    `before` and `after` are those judgements, None where the section was not registered then; the classes by
    all items of each period stand beside them. `change` is None where either is undetermined.
    """

    code: str
    period: str
    compared_with: str
    before: SectionAssessment | None
    after: SectionAssessment | None
    class_before: int | None
    class_after: int | None
    common_items: tuple[str, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    change: Change | None
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]

    @property
    def is_comparable(self) -> bool:
        """Tell whether the section has a class in both periods by the same items."""
        return self.change is not None

    def as_json(self) -> dict[str, object]:
        """Give the entry of the answer of `compare --by section`."""
        known = self.after or self.before
        assert known is not None  # noqa: S101 - one of the two is there by construction
        return {
            "level": "section",
            "code": self.code,
            "name": known.name,
            "river": known.river,
            "basin": known.basin,
            "region_code": known.region_code,
            "section_level": known.section_level,
            "period": self.period,
            "with": self.compared_with,
            "before": _section_side(self.before, self.class_before),
            "after": _section_side(self.after, self.class_after),
            "change": self.change,
            "common_items": list(self.common_items),
            "items_only_before": list(self.only_before),
            "items_only_after": list(self.only_after),
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [warning.as_json() for warning in self.warnings],
        }


def _section_side(found: SectionAssessment | None, full_class: int | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "class": found.water_class,
        "class_label": class_label(found.water_class),
        "grade": found.grade,
        "class_by_all_items": full_class,
        "main_pollutants": list(found.main_pollutants),
        "samples": found.samples,
        "months": found.months,
        "tli": None if found.trophic is None else json_number(found.trophic.tli),
    }


def restrict_items(
    assessment: SectionAssessment,
    codes: Collection[str],
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
) -> SectionAssessment:
    """Judge a section again by some of its evaluated items; what is reported apart stays as it is.

    A section without enough samples stays undetermined; so does one of which nobody knows whether it is river
    or lake, unless all of its items are kept.
    """
    if set(assessment.evaluated) <= set(codes) or not assessment.representative:
        return assessment
    if assessment.judged_as is None:
        return replace(
            assessment,
            best_class=None,
            worst_class=None,
            water_class=None,
            grade=None,
            limiting=(),
            main_pollutants=(),
            verdict=None if assessment.target_class is None else Verdict.UNDETERMINED,
            reasons=(give_reason("water_body_type_unknown"),),
        )
    kept = tuple(entry for entry in assessment.parameters if not entry.item.evaluated or entry.code in codes)
    grader = Grader(
        standard or load_standard(),
        method or load_evaluation_method(),
        assessment.judged_as,
    )
    found = grader.classify(entry.item for entry in kept)
    target = assessment.target_class
    return replace(
        assessment,
        best_class=found.best_class,
        worst_class=found.worst_class,
        water_class=found.water_class,
        grade=found.grade,
        limiting=found.deciding,
        parameters=kept,
        main_pollutants=found.main_pollutants,
        verdict=None if target is None else found.verdict_for(target),
        reasons=() if found.water_class is not None else (assessment.reasons or found.reasons),
    )


def compare_sections(
    before: Sequence[SectionAssessment],
    after: Sequence[SectionAssessment],
    *,
    period: str,
    compared_with: str,
    method: EvaluationMethod | None = None,
) -> list[SectionChange]:
    """Compare the grade of every section in two periods: `after`, the `period` spoken of, with `before`.

    Returns
    -------
    list of SectionChange, by code; a section that stands in one of the two only has no change
    """
    method = method or load_evaluation_method()
    earlier, later = ({found.code: found for found in side} for side in (before, after))
    kinds = _kind_warnings(period, compared_with)
    return [
        _compare_section(code, earlier.get(code), later.get(code), (period, compared_with), kinds, method)
        for code in sorted(earlier.keys() | later.keys())
    ]


def _compare_section(
    code: str,
    before: SectionAssessment | None,
    after: SectionAssessment | None,
    periods: tuple[str, str],
    kinds: Sequence[Reason],
    method: EvaluationMethod,
) -> SectionChange:
    common: tuple[str, ...] = ()
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    change = None
    reasons: list[Reason] = []
    warnings = list(kinds)
    class_before = None if before is None else before.water_class
    class_after = None if after is None else after.water_class
    if before is None or after is None:
        reasons.append(give_reason("section_in_one_period_only"))
    else:
        items_before, items_after = set(before.evaluated), set(after.evaluated)
        common = tuple(sort_by_registry(items_before & items_after))
        only_before = tuple(sort_by_registry(items_before - items_after))
        only_after = tuple(sort_by_registry(items_after - items_before))
        if common:
            before = restrict_items(before, common, method=method)
            after = restrict_items(after, common, method=method)
        if before.judged_as != after.judged_as:
            reasons.append(give_reason("water_body_type_changed"))
        elif common:
            change = change_of_grade(before.grade, after.grade, method)
        if change is None and not reasons:
            lacking = after if after.grade is None else before
            reasons += lacking.reasons or (give_reason("no_common_item"),)
        elif only_before or only_after:
            warnings.append(
                give_reason(
                    "items_differ",
                    common=len(common),
                    only_before=", ".join(only_before) or "—",
                    only_after=", ".join(only_after) or "—",
                ),
            )
    return SectionChange(
        code=code,
        period=periods[0],
        compared_with=periods[1],
        before=before,
        after=after,
        class_before=class_before,
        class_after=class_after,
        common_items=common,
        only_before=only_before,
        only_after=only_after,
        change=change,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
    )


def _kind_warnings(period: str, compared_with: str) -> tuple[Reason, ...]:
    """Say where a month is compared with a year, or the like."""
    if parse_period(period).kind is parse_period(compared_with).kind:
        return ()
    return (give_reason("period_kinds_differ", period=period, compared_with=compared_with),)


# --- rivers, lakes, basins, regions, the nation ---


@dataclass(frozen=True, slots=True)
class GroupChange:
    """One group in two periods: what the word rests on, and the figures of all sections beside.

    `before` and `after` hold the common sections by their common items; `all_before` and `all_after` all
    sections of each period by all items. `only_before` and `only_after` are determined in that period and
    not compared. With fewer than five common sections, and for lakes, the word rests
    on the grades alone; else on whichever of grade and proportions changed more.
    """

    level: GroupBy
    code: str | None
    name: str | None
    period: str
    compared_with: str
    before: GroupAssessment | None
    after: GroupAssessment | None
    all_before: GroupAssessment | None
    all_after: GroupAssessment | None
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    proportions: ProportionChange | None
    by_grade: Change | None
    change: Change | None
    section_changes: Mapping[Change, int]
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]

    @property
    def delta_tli(self) -> Decimal | None:
        """Change of the trophic index of a lake over its common points; larger is more nutrients."""
        before = None if self.before is None else self.before.trophic
        after = None if self.after is None else self.after.trophic
        return None if before is None or after is None else after.tli - before.tli

    def as_json(self) -> dict[str, object]:
        """Give the entry of the answer of `compare --by river|lake|basin|region|nation`."""
        shares = self.proportions
        return {
            "level": self.level,
            "code": self.code,
            "name": self.name,
            "period": self.period,
            "with": self.compared_with,
            "before": _group_side(self.before),
            "after": _group_side(self.after),
            "all_before": _group_side(self.all_before),
            "all_after": _group_side(self.all_after),
            "common_sections": 0 if self.after is None else self.after.sections,
            "sections_only_before": list(self.only_before),
            "sections_only_after": list(self.only_after),
            "delta_1_3": None if shares is None else json_number(shares.delta_1_3),
            "delta_inferior": None if shares is None else json_number(shares.delta_inferior),
            "points": None if shares is None else json_number(shares.points),
            "change_by_proportions": None if shares is None else shares.change,
            "change_by_grade": self.by_grade,
            "change": self.change,
            "delta_tli": json_number(self.delta_tli),
            "section_changes": {change.value: self.section_changes.get(change, 0) for change in Change},
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [warning.as_json() for warning in self.warnings],
        }


def _group_side(found: GroupAssessment | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "sections": found.sections,
        "counts": dict(found.counts),
        **found.tally.shares_json(),
        "grade": found.grade,
        "class": found.water_class,
        "class_label": class_label(found.water_class),
        "main_pollutants": [entry.code for entry in found.main_pollutants],
        "tli": None if found.trophic is None else json_number(found.trophic.tli),
        "trophic_state": None if found.trophic is None else found.trophic.state,
    }


def compare_groups(
    before: Sequence[SectionAssessment],
    after: Sequence[SectionAssessment],
    by: GroupBy,
    *,
    period: str,
    compared_with: str,
    section_level: str | None = None,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
) -> list[GroupChange]:
    """Compare rivers, lakes, basins, regions or the nation: `after`, the `period` spoken of, with `before`.

    A section belongs where it stands in `after`; one that is there only before, where it stood then.
    """
    method = method or load_evaluation_method()
    later = {found.code: found for found in after}
    placed = [_placed_as(found, later.get(found.code)) for found in before]
    changes = {
        found.code: found
        for found in compare_sections(
            placed, after, period=period, compared_with=compared_with, method=method
        )
    }
    pairs = [
        (found.before, found.after)
        for found in changes.values()
        if found.is_comparable and found.before is not None and found.after is not None
    ]

    def groups(members: Sequence[SectionAssessment]) -> dict[str | None, GroupAssessment]:
        found = assess_groups(
            members,
            by,
            section_level=section_level,
            break_down=False,
            standard=standard,
            method=method,
        )
        return {group.code: group for group in found}

    common_before, common_after = groups([pair[0] for pair in pairs]), groups([pair[1] for pair in pairs])
    all_before, all_after = groups(placed), groups(after)
    kinds = _kind_warnings(period, compared_with)
    return [
        _compare_group(
            by,
            code,
            (period, compared_with),
            (common_before.get(code), common_after.get(code)),
            (all_before.get(code), all_after.get(code)),
            changes,
            kinds,
            method,
        )
        for code in sorted(all_before.keys() | all_after.keys(), key=lambda code: (code is None, code or ""))
    ]


def _placed_as(found: SectionAssessment, other: SectionAssessment | None) -> SectionAssessment:
    """Put a section of the period before where it belongs in the period spoken of."""
    if other is None:
        return found
    return replace(
        found,
        name=other.name,
        river=other.river,
        water_body_code=other.water_body_code,
        basin=other.basin,
        province=other.province,
        city=other.city,
        region_code=other.region_code,
        section_level=other.section_level,
    )


def _compare_group(
    by: GroupBy,
    code: str | None,
    periods: tuple[str, str],
    common: tuple[GroupAssessment | None, GroupAssessment | None],
    whole: tuple[GroupAssessment | None, GroupAssessment | None],
    changes: Mapping[str, SectionChange],
    kinds: Sequence[Reason],
    method: EvaluationMethod,
) -> GroupChange:
    before, after = common
    kept = frozenset(() if after is None else after.section_codes)
    left_before, left_after = (
        tuple(name for name in (() if side is None else side.section_codes) if name not in kept)
        for side in whole
    )
    # What has no class in a period counts in none of its shares, so it makes no difference between the two.
    left_before = tuple(name for name in left_before if changes[name].class_before is not None)
    left_after = tuple(name for name in left_after if changes[name].class_after is not None)
    proportions: ProportionChange | None = None
    by_grade: Change | None = None
    change: Change | None = None
    reasons: tuple[Reason, ...] = ()
    warnings = list(kinds)
    if before is None or after is None:
        reasons = (give_reason("no_common_section"),)
    else:
        by_grade = change = change_of_grade(before.grade, after.grade, method)
        if by != "lake" and after.sections >= method.few_sections:
            proportions = change_of_proportions(
                before.share(1, 2, 3) or Fraction(0),
                before.share(6) or Fraction(0),
                after.share(1, 2, 3) or Fraction(0),
                after.share(6) or Fraction(0),
                method,
            )
            change = proportions.change if by_grade is None else larger_change(by_grade, proportions.change)
        if change is None:
            reasons = after.reasons or before.reasons
        differing = sum(bool(changes[name].only_before or changes[name].only_after) for name in kept)
        if differing:
            warnings.append(give_reason("items_differ_at_sections", sections=differing, common=len(kept)))
    if left_before or left_after:
        warnings.append(
            give_reason(
                "section_sets_differ",
                common=len(kept),
                only_before=len(left_before),
                only_after=len(left_after),
            ),
        )
    known = whole[1] or whole[0]
    words = [changes[name].change for name in sorted(kept)]
    return GroupChange(
        level=by,
        code=code,
        name=None if known is None else known.name,
        period=periods[0],
        compared_with=periods[1],
        before=before,
        after=after,
        all_before=whole[0],
        all_after=whole[1],
        only_before=left_before,
        only_after=left_after,
        proportions=proportions,
        by_grade=by_grade,
        change=change,
        section_changes={word: words.count(word) for word in Change},
        reasons=reasons,
        warnings=tuple(warnings),
    )
