"""Water quality of rivers, basins and regions over a period, from the assessments of their sections.

With five or more sections a group is graded by the shares of its classes; with fewer, the means over time of
its sections are averaged and classified. Classes are never averaged, and shares are exact.

Source: 环办〔2011〕22号, part 2 (1) and (2).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from spatial.assessment import ParameterAssessment, SectionAssessment
from spatial.class_text import class_label
from spatial.classification import Classification, Grader, Reason, give_reason
from spatial.parameters import find_parameter
from spatial.rounding import json_number
from spatial.standards import EvaluationMethod, Standard, load_evaluation_method, load_standard
from spatial.vocabulary import Grade, WaterBodyType

GroupBy = Literal["river", "basin", "region"]


@dataclass(frozen=True, slots=True)
class GroupPollutant:
    """A main pollutant of a river, basin or region: at how many of its sections it is over class Ⅲ."""

    code: str
    sections_over: int
    sections: int

    @property
    def exceedance_rate(self) -> Fraction:
        """Sections over class Ⅲ in per cent of all determined sections."""
        return Fraction(100 * self.sections_over, self.sections)

    def as_json(self) -> dict[str, object]:
        """Give the entry of `main_pollutants` of a group."""
        return {
            "code": self.code,
            "exceedance_rate": json_number(self.exceedance_rate),
            "sections_over": self.sections_over,
            "sections": self.sections,
        }


@dataclass(frozen=True, slots=True)
class GroupAssessment:
    """A river, basin or region over one period.

    Shares are in per cent of the `determined` sections, unrounded, None where there is none; `share_2` counts
    class Ⅱ or better. `water_class` is there only with fewer than five sections.
    """

    level: GroupBy
    code: str | None
    name: str | None
    period: str
    section_codes: tuple[str, ...]
    counts: Mapping[str, int]
    grade: Grade | None
    water_class: int | None
    main_pollutants: tuple[GroupPollutant, ...]
    reasons: tuple[Reason, ...]

    @property
    def sections(self) -> int:
        """All sections of the group."""
        return len(self.section_codes)

    @property
    def determined(self) -> int:
        """Sections with a class."""
        return self.sections - self.counts["none"]

    def count(self, *classes: int) -> int:
        """Count the sections in any of the classes."""
        return sum(self.counts[str(water_class)] for water_class in classes)

    def share(self, *classes: int) -> Fraction | None:
        """Give the share of classes in per cent of the determined sections, None where there is none."""
        return Fraction(100 * self.count(*classes), self.determined) if self.determined else None

    def as_json(self) -> dict[str, object]:
        """Give the entry of the answer of `assess --by river|basin|region` (contracts)."""
        shares: dict[str, object] = {}
        for name, classes in (("share_1_3", (1, 2, 3)), ("share_2", (1, 2)), ("share_inferior", (6,))):
            shares[name] = json_number(self.share(*classes))
            shares[f"{name}_numerator"] = self.count(*classes)
            shares[f"{name}_denominator"] = self.determined
        return {
            "level": self.level,
            "code": self.code,
            "name": self.name,
            "period": self.period,
            "sections": self.sections,
            "counts": dict(self.counts),
            **shares,
            "grade": self.grade,
            "main_pollutants": [entry.as_json() for entry in self.main_pollutants],
            "class": self.water_class,
            "class_label": class_label(self.water_class),
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
        }


def grade_by_shares(
    share_1_3: Fraction | Decimal,
    share_inferior: Fraction | Decimal,
    method: EvaluationMethod | None = None,
) -> Grade:
    """Grade a river by its shares of classes Ⅰ–Ⅲ and of worse than Ⅴ, in per cent, unrounded.

    The table is tested from the top down; exactly 60 % and 40 %, which the printed rule leaves out, is heavy.

    Source: 环办〔2011〕22号, part 2 (1) 2.
    """
    for line in (method or load_evaluation_method()).river_grades:
        enough = line.class_1_3_at_least is None or Fraction(share_1_3) >= Fraction(line.class_1_3_at_least)
        little = line.inferior_below is None or Fraction(share_inferior) < Fraction(line.inferior_below)
        if enough and little:
            return line.grade
    raise AssertionError("the last line of the table is open")


def average_sections(
    assessments: Sequence[SectionAssessment],
    standard: Standard | None = None,
    *,
    water_body: str,
    target: int | None = None,
    method: EvaluationMethod | None = None,
) -> Classification:
    """Classify the mean over the sections of a short river, or over the points of a lake.

    Each section comes as its mean over time, so time is averaged first and space second. An item is averaged
    over the sections that measured it; one that was detected nowhere is judged by the mean detection limit.
    Sections without enough samples do not enter.

    Source: 环办〔2011〕22号, part 2 (1) 2 and (2) 1.
    """
    grader = Grader(standard or load_standard(), method or load_evaluation_method(), water_body, target)
    entries: dict[str, list[ParameterAssessment]] = {}
    for assessment in assessments:
        if assessment.representative:
            for entry in assessment.parameters:
                entries.setdefault(entry.code, []).append(entry)
    items = []
    for code, found in entries.items():
        if all(entry.item.censored and entry.item.value is not None for entry in found):
            limits = sum((Fraction(entry.item.value or 0) for entry in found), Fraction(0))
            items.append(grader.grade_item(code, limits / len(found), censored=True))
        else:
            mean = sum((entry.mean for entry in found), Fraction(0)) / len(found)
            items.append(grader.grade_item(code, mean))
    return grader.classify(items)


def rank_group_pollutants(
    over: Mapping[str, int], sections: int, method: EvaluationMethod | None = None
) -> tuple[GroupPollutant, ...]:
    """Name the main pollutants of a river with five or more sections: the three largest exceedance rates.

    `over` counts the sections over class Ⅲ by parameter; ties stand in the order of Table 1.

    Source: 环办〔2011〕22号, part 2 (1) 3.
    """
    method = method or load_evaluation_method()
    ranked = sorted(over.items(), key=lambda entry: (-entry[1], find_parameter(entry[0]).order))
    entries = [GroupPollutant(code, count, sections) for code, count in ranked if count > 0]
    return tuple(entries[: method.river_most_pollutants])


def assess_groups(
    section_assessments: Sequence[SectionAssessment],
    by: GroupBy,
    *,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
) -> list[GroupAssessment]:
    """Assess rivers, basins or regions from their sections, all of one period.

    A river is known by its water-body code, else by its name; a basin by its name. Regions are nested: every
    province, prefecture and county (GB/T 2260) that holds a section has an entry with all sections inside it.
    Sections that name no river (basin, region) form one group without code and name. With fewer than five
    sections the concentrations are averaged and classified; river and lake sections in one such group are
    averaged apart, and the worse result holds.

    Returns
    -------
    list of GroupAssessment, by code; the group without code last
    """
    method = method or load_evaluation_method()
    standard = standard or load_standard()
    members: dict[str | None, list[SectionAssessment]] = {}
    names: dict[str | None, str | None] = {}
    for assessment in section_assessments:
        for code, name in _groups_of(assessment, by):
            members.setdefault(code, []).append(assessment)
            names[code] = names.get(code) or name
    codes = sorted(members, key=lambda code: (code is None, code or ""))
    return [
        _assess_group(by, code, names[code], members[code], standard=standard, method=method)
        for code in codes
    ]


def _groups_of(assessment: SectionAssessment, by: GroupBy) -> list[tuple[str | None, str | None]]:
    if by == "river":
        return [(assessment.water_body_code or assessment.river, assessment.river)]
    if by == "basin":
        return [(assessment.basin, assessment.basin)]
    code = assessment.region_code
    if code is None:
        return [(None, None)]
    groups: list[tuple[str | None, str | None]] = [(f"{code[:2]}0000", assessment.province)]
    if code[2:4] != "00":
        groups.append((f"{code[:4]}00", assessment.city))
    if code[4:6] != "00":
        groups.append((code, None))
    return groups


def _assess_group(
    by: GroupBy,
    code: str | None,
    name: str | None,
    assessments: Sequence[SectionAssessment],
    *,
    standard: Standard,
    method: EvaluationMethod,
) -> GroupAssessment:
    found = sorted(assessments, key=lambda entry: entry.code)
    counts = {str(water_class): 0 for water_class in range(1, 7)} | {"none": 0}
    over: Counter[str] = Counter()
    for assessment in found:
        counts["none" if assessment.water_class is None else str(assessment.water_class)] += 1
        if assessment.water_class is not None:
            over.update(
                entry.code
                for entry in assessment.parameters
                if entry.item.evaluated and (entry.item.best_class or 0) > method.reference_class
            )
    determined = len(found) - counts["none"]
    grade: Grade | None = None
    water_class: int | None = None
    reasons: tuple[Reason, ...] = ()
    pollutants = rank_group_pollutants(over, determined, method) if determined else ()
    if determined == 0:
        reasons = (give_reason("no_determined_section", sections=len(found)),)
    elif len(found) < method.few_sections:
        water_class, reasons = _class_of_few(found, standard, method)
        grade = None if water_class is None else method.class_grades[water_class]
        named = {entry for assessment in found for entry in assessment.main_pollutants}
        ranked = sorted(named, key=lambda entry: (-over[entry], find_parameter(entry).order))
        pollutants = tuple(GroupPollutant(entry, over[entry], determined) for entry in ranked if over[entry])
    else:
        good = Fraction(100 * (counts["1"] + counts["2"] + counts["3"]), determined)
        grade = grade_by_shares(good, Fraction(100 * counts["6"], determined), method)
    return GroupAssessment(
        level=by,
        code=code,
        name=name,
        period=found[0].period,
        section_codes=tuple(entry.code for entry in found),
        counts=counts,
        grade=grade,
        water_class=water_class,
        main_pollutants=pollutants,
        reasons=reasons,
    )


def _class_of_few(
    found: Sequence[SectionAssessment], standard: Standard, method: EvaluationMethod
) -> tuple[int | None, tuple[Reason, ...]]:
    waters: dict[str, list[SectionAssessment]] = {}
    for assessment in found:
        if assessment.representative and assessment.water_class is not None:
            is_lake = assessment.judged_as in (WaterBodyType.LAKE, WaterBodyType.RESERVOIR)
            water = WaterBodyType.LAKE if is_lake else WaterBodyType.RIVER
            waters.setdefault(water, []).append(assessment)
    results = [
        average_sections(part, standard, water_body=water, method=method)
        for water, part in sorted(waters.items())
    ]
    if any(result.water_class is None for result in results):
        return None, tuple(reason for result in results for reason in result.reasons)
    return max(result.water_class or 6 for result in results), ()
