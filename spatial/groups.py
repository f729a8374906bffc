"""Water quality of rivers, lakes, basins, regions and the nation, from the assessments of their sections.

With five or more sections a group is graded by the shares of its classes; with fewer, the means over time of
its sections are averaged and classified. A lake is always averaged over its points: time first, then points.
Classes are never averaged, and shares are exact. Plans count the sections of one network (国控, 省控): every
group says how it divides by level, and the caller may leave the other levels out beforehand.

Source: 环办〔2011〕22号, part 2 (1) and (2).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

from spatial.assessment import ParameterAssessment, SectionAssessment
from spatial.class_text import class_label
from spatial.classification import Classification, Grader, ItemClass, Reason, give_reason
from spatial.errors import QuantityError
from spatial.parameters import find_parameter
from spatial.rounding import json_number
from spatial.standards import EvaluationMethod, Number, Standard, load_evaluation_method, load_standard
from spatial.trophic import TrophicIndex, registry_concentration, trophic_index
from spatial.vocabulary import Grade, SectionLevel, Verdict, WaterBodyType

GroupBy = Literal["river", "lake", "basin", "region", "nation"]

NATION_CODE: Final = "000000"
"""Code of the group of all sections, above the provinces of GB/T 2260."""
_LAKES: Final = (WaterBodyType.LAKE, WaterBodyType.RESERVOIR)
_SHARES: Final = (("share_1_3", (1, 2, 3)), ("share_2", (1, 2)), ("share_inferior", (6,)))


@dataclass(frozen=True, slots=True)
class ClassTally:
    """What there is of each class: sections or kilometres, by ``"1"`` to ``"6"`` and ``"none"``.

    Shares are in per cent of what is determined, unrounded, None where nothing is.
    """

    amounts: Mapping[str, int | Fraction]

    @property
    def determined(self) -> int | Fraction:
        """What has a class."""
        return self.amount(*range(1, 7))

    def amount(self, *classes: int) -> int | Fraction:
        """Add up what has any of the classes."""
        return sum(self.amounts[str(water_class)] for water_class in classes)

    def share(self, *classes: int) -> Fraction | None:
        """Give the share of classes in per cent, None where nothing is determined."""
        whole = Fraction(self.determined)
        return 100 * Fraction(self.amount(*classes)) / whole if whole else None

    def grade(self, method: EvaluationMethod) -> Grade | None:
        """Grade by the shares of Ⅰ–Ⅲ and worse than Ⅴ."""
        good, inferior = self.share(1, 2, 3), self.share(6)
        return None if good is None or inferior is None else grade_by_shares(good, inferior, method)

    def shares_json(self) -> dict[str, object]:
        """Give the three shares of the contracts, each beside its numerator and denominator."""
        shares: dict[str, object] = {}
        for name, classes in _SHARES:
            shares[name] = json_number(self.share(*classes))
            shares[f"{name}_numerator"] = _plain(self.amount(*classes))
            shares[f"{name}_denominator"] = _plain(self.determined)
        return shares


def _plain(amount: int | Fraction) -> int | float | None:
    return amount if isinstance(amount, int) else json_number(amount)


@dataclass(frozen=True, slots=True)
class LengthWeighting:
    """The shares of a group by kilometres of river instead of by sections; no part of the official method.

    `missing` are the determined sections whose length is not known: with any of them there is no grade.
    """

    tally: ClassTally
    grade: Grade | None
    missing: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Give kilometres by class, the shares, and what stands in the way of a grade."""
        reason = None
        if self.missing:
            reason = give_reason("section_length_missing", sections=len(self.missing)).as_json()
        return {
            "unit": "km",
            "amounts": {name: _plain(amount) for name, amount in self.tally.amounts.items()},
            **self.tally.shares_json(),
            "grade": self.grade,
            "sections_without_length": list(self.missing),
            "reason": reason,
        }


@dataclass(frozen=True, slots=True)
class GroupPollutant:
    """A main pollutant of a group: at how many of its sections it is over class Ⅲ.

    `multiple` is there for lakes, whose pollutants are those of the averaged water.
    """

    code: str
    sections_over: int
    sections: int
    multiple: Fraction | None = None

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
            "multiple": json_number(self.multiple),
        }


@dataclass(frozen=True, slots=True)
class SpaceMean:
    """One parameter averaged over sections: the mean, over how many, and its class in this water."""

    water_body: str
    mean: Fraction
    sections: int
    item: ItemClass

    def as_json(self) -> dict[str, object]:
        """Give the entry of `parameters` of a group."""
        item = self.item.as_json()
        return {
            "code": self.item.code,
            "water_body": self.water_body,
            "mean": json_number(self.mean),
            "sections": self.sections,
            "class": item["class"],
            "class_range": item["class_range"],
            "evaluated": self.item.evaluated,
            "exceedance_multiple": item["exceedance_multiple"],
        }


@dataclass(frozen=True, slots=True)
class GroupAssessment:
    """A river, lake, basin, region or the nation over one period.

    `water_class` is there only where the sections were averaged: a lake, or fewer than five sections;
    `parameters` then holds the means. `tally` counts sections by class, `targets` the sections with a target
    by verdict, and `by_level` is the same group for each level of its sections. `section_level` names the
    only level that was let in, None for all of them.
    """

    level: GroupBy
    code: str | None
    name: str | None
    period: str
    section_codes: tuple[str, ...]
    tally: ClassTally
    targets: Mapping[Verdict, int]
    grade: Grade | None
    water_class: int | None
    main_pollutants: tuple[GroupPollutant, ...]
    parameters: tuple[SpaceMean, ...]
    trophic: TrophicIndex | None
    weighted: LengthWeighting | None
    section_level: str | None
    by_level: Mapping[str, "GroupAssessment"]
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]

    @property
    def counts(self) -> Mapping[str, int | Fraction]:
        """Sections by class."""
        return self.tally.amounts

    @property
    def sections(self) -> int:
        """All sections of the group."""
        return len(self.section_codes)

    @property
    def determined(self) -> int:
        """Sections with a class."""
        return int(self.tally.determined)

    def count(self, *classes: int) -> int:
        """Count the sections in any of the classes."""
        return int(self.tally.amount(*classes))

    def share(self, *classes: int) -> Fraction | None:
        """Give the share of classes in per cent of the determined sections, None where there is none."""
        return self.tally.share(*classes)

    @property
    def share_compliant(self) -> Fraction | None:
        """Sections that meet their target, in per cent of those with a verdict, None where there is none."""
        met, missed = self.targets[Verdict.COMPLIANT], self.targets[Verdict.VIOLATION]
        return Fraction(100 * met, met + missed) if met + missed else None

    def as_json(self) -> dict[str, object]:
        """Give the entry of the answer of `assess --by river|lake|basin|region|nation` (contracts)."""
        return {
            "level": self.level,
            "code": self.code,
            "name": self.name,
            "period": self.period,
            **self._figures(),
            "main_pollutants": [entry.as_json() for entry in self.main_pollutants],
            "class": self.water_class,
            "class_label": class_label(self.water_class),
            "parameters": [entry.as_json() for entry in self.parameters],
            "trophic": None if self.trophic is None else self.trophic.as_json(),
            "length_weighted": None if self.weighted is None else self.weighted.as_json(),
            "section_level": self.section_level,
            "by_level": {level: part._figures() for level, part in self.by_level.items()},  # noqa: SLF001
            "section_codes": list(self.section_codes),
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [warning.as_json() for warning in self.warnings],
        }

    def _figures(self) -> dict[str, object]:
        targets = self.targets
        return {
            "sections": self.sections,
            "counts": dict(self.counts),
            **self.tally.shares_json(),
            "share_compliant": json_number(self.share_compliant),
            "share_compliant_numerator": targets[Verdict.COMPLIANT],
            "share_compliant_denominator": targets[Verdict.COMPLIANT] + targets[Verdict.VIOLATION],
            "targets_undetermined": targets[Verdict.UNDETERMINED],
            "grade": self.grade,
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
    return grader.classify(entry.item for entry in _average_in_space(assessments, grader, water_body))


def _average_in_space(
    assessments: Sequence[SectionAssessment], grader: Grader, water_body: str
) -> list[SpaceMean]:
    entries: dict[str, list[ParameterAssessment]] = {}
    for assessment in assessments:
        if assessment.representative:
            for entry in assessment.parameters:
                entries.setdefault(entry.code, []).append(entry)
    means = []
    for code in sorted(entries, key=lambda code: find_parameter(code).order):
        found = entries[code]
        mean = sum((entry.mean for entry in found), Fraction(0)) / len(found)
        if all(entry.item.censored and entry.item.value is not None for entry in found):
            limits = sum((Fraction(entry.item.value or 0) for entry in found), Fraction(0))
            item = grader.grade_item(code, limits / len(found), censored=True)
        else:
            item = grader.grade_item(code, mean)
        means.append(SpaceMean(water_body, mean, len(found), item))
    return means


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
    section_level: str | None = None,
    lengths_km: Mapping[str, Number] | None = None,
    break_down: bool = True,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
) -> list[GroupAssessment]:
    """Assess rivers, lakes, basins, regions or the nation from their sections, all of one period.

    A river or lake is known by its water-body code, else by its name; a basin by its name. Rivers hold the
    sections that are not judged as lakes, lakes the others. Regions are nested: every province, prefecture
    and county (GB/T 2260) that holds a section has an entry with all sections inside it. Sections that name
    no river (basin, region) form one group without code and name. With fewer than five sections the
    concentrations are averaged and classified; river and lake sections in one such group are averaged apart,
    and the worse result holds. A lake is averaged whatever the number of its points.

    Parameters
    ----------
    section_level
        Only sections of this level (`national`, `provincial` …) enter.
    lengths_km
        River length that each section stands for, by section code. Where given, every group also has its
        shares by length; the official figures do not change.
    break_down
        Whether every group also comes for each level of its sections.

    Returns
    -------
    list of GroupAssessment, by code; the group without code last
    """
    rules = _Rules(standard or load_standard(), method or load_evaluation_method(), lengths_km, break_down)
    members: dict[str | None, list[SectionAssessment]] = {}
    names: dict[str | None, str | None] = {}
    for assessment in section_assessments:
        if section_level is not None and assessment.section_level != section_level:
            continue
        for code, name in _groups_of(assessment, by):
            members.setdefault(code, []).append(assessment)
            names[code] = names.get(code) or name
    codes = sorted(members, key=lambda code: (code is None, code or ""))
    return [_assess_group(by, code, names[code], members[code], section_level, rules) for code in codes]


@dataclass(frozen=True, slots=True)
class _Rules:
    """What every group of one call is assessed with."""

    standard: Standard
    method: EvaluationMethod
    lengths_km: Mapping[str, Number] | None
    break_down: bool


def _is_lake(assessment: SectionAssessment) -> bool:
    return assessment.judged_as in _LAKES


def _groups_of(assessment: SectionAssessment, by: GroupBy) -> list[tuple[str | None, str | None]]:
    if by in ("river", "lake"):
        if _is_lake(assessment) is not (by == "lake"):
            return []
        return [(assessment.water_body_code or assessment.river, assessment.river)]
    if by == "basin":
        return [(assessment.basin, assessment.basin)]
    if by == "nation":
        return [(NATION_CODE, None)]
    code = assessment.region_code
    if code is None:
        return [(None, None)]
    groups: list[tuple[str | None, str | None]] = [(f"{code[:2]}0000", assessment.province)]
    if code[2:4] != "00":
        groups.append((f"{code[:4]}00", assessment.city))
    if code[4:6] != "00":
        groups.append((code, None))
    return groups


def _tally(found: Sequence[SectionAssessment]) -> ClassTally:
    counts: dict[str, int | Fraction] = dict.fromkeys(map(str, range(1, 7)), 0)
    counts["none"] = 0
    for assessment in found:
        counts["none" if assessment.water_class is None else str(assessment.water_class)] += 1
    return ClassTally(counts)


def _weigh(found: Sequence[SectionAssessment], rules: _Rules) -> LengthWeighting | None:
    if rules.lengths_km is None:
        return None
    amounts: dict[str, int | Fraction] = dict.fromkeys(map(str, range(1, 7)), Fraction(0))
    amounts["none"] = Fraction(0)
    missing = []
    for assessment in found:
        length = rules.lengths_km.get(assessment.code)
        if length is not None:
            amounts["none" if assessment.water_class is None else str(assessment.water_class)] += Fraction(
                length
            )
        elif assessment.water_class is not None:
            missing.append(assessment.code)
    tally = ClassTally(amounts)
    return LengthWeighting(tally, None if missing else tally.grade(rules.method), tuple(missing))


def _assess_group(
    by: GroupBy,
    code: str | None,
    name: str | None,
    assessments: Sequence[SectionAssessment],
    section_level: str | None,
    rules: _Rules,
) -> GroupAssessment:
    found = sorted(assessments, key=lambda entry: entry.code)
    levels = {entry.section_level for entry in found}
    by_level: dict[str, GroupAssessment] = {}
    if section_level is None and rules.break_down:
        for level in (*SectionLevel, None):
            part = [entry for entry in found if entry.section_level == level]
            if part and len(levels) > 1:
                by_level[level or "none"] = _judge_group(by, code, name, part, level, rules, {})
            elif part and level is not None:
                by_level[level] = _judge_group(by, code, name, part, level, rules, {})
    return _judge_group(by, code, name, found, section_level, rules, by_level)


def _judge_group(
    by: GroupBy,
    code: str | None,
    name: str | None,
    found: Sequence[SectionAssessment],
    section_level: str | None,
    rules: _Rules,
    by_level: Mapping[str, GroupAssessment],
) -> GroupAssessment:
    method = rules.method
    tally = _tally(found)
    determined = int(tally.determined)
    over: Counter[str] = Counter()
    for assessment in found:
        if assessment.water_class is not None:
            over.update(
                entry.code
                for entry in assessment.parameters
                if entry.item.evaluated and (entry.item.best_class or 0) > method.reference_class
            )
    outcome: dict[str, Any] = {"grade": None, "water_class": None, "parameters": (), "trophic": None}
    pollutants = rank_group_pollutants(over, determined, method) if determined else ()
    if determined == 0:
        outcome["reasons"] = (give_reason("no_determined_section", sections=len(found)),)
    elif by == "lake" or len(found) < method.few_sections:
        outcome |= _class_of_mean(found, rules)
        if by == "lake":
            pollutants = tuple(
                GroupPollutant(entry, over[entry], determined, multiple)
                for entry, multiple in outcome["pollutants"]
            )
        else:
            named = {entry for assessment in found for entry in assessment.main_pollutants}
            ranked = sorted(named, key=lambda entry: (-over[entry], find_parameter(entry).order))
            pollutants = tuple(
                GroupPollutant(entry, over[entry], determined) for entry in ranked if over[entry]
            )
    else:
        outcome["grade"] = tally.grade(method)
    if by == "lake":
        outcome |= _trophic_state(found, method)
    verdicts = Counter(entry.verdict for entry in found)
    return GroupAssessment(
        level=by,
        code=code,
        name=name,
        period=found[0].period,
        section_codes=tuple(entry.code for entry in found),
        tally=tally,
        targets={verdict: verdicts[verdict] for verdict in Verdict},
        grade=outcome["grade"],
        water_class=outcome["water_class"],
        main_pollutants=pollutants,
        parameters=outcome["parameters"],
        trophic=outcome["trophic"],
        weighted=_weigh(found, rules),
        section_level=section_level,
        by_level=by_level,
        reasons=outcome.get("reasons", ()),
        warnings=outcome.get("warnings", ()),
    )


def _class_of_mean(found: Sequence[SectionAssessment], rules: _Rules) -> dict[str, Any]:
    """Average the sections of one kind of water and classify; of two kinds, the worse result holds."""
    waters: dict[str, list[SectionAssessment]] = {}
    for assessment in found:
        if assessment.representative and assessment.water_class is not None:
            water = WaterBodyType.LAKE if _is_lake(assessment) else WaterBodyType.RIVER
            waters.setdefault(water, []).append(assessment)
    means: list[SpaceMean] = []
    results: list[Classification] = []
    for kind, part in sorted(waters.items()):
        grader = Grader(rules.standard, rules.method, kind)
        averaged = _average_in_space(part, grader, kind)
        means += averaged
        results.append(grader.classify(entry.item for entry in averaged))
    outcome: dict[str, Any] = {"parameters": tuple(means), "pollutants": ()}
    if any(result.water_class is None for result in results):
        outcome["reasons"] = tuple(reason for result in results for reason in result.reasons)
        return outcome
    water_class = max(result.water_class or 6 for result in results)
    multiples = {entry.item.code: entry.item.exceedance_multiple for entry in means}
    outcome["pollutants"] = [(code, multiples[code]) for result in results for code in result.main_pollutants]
    outcome["water_class"] = water_class
    outcome["grade"] = rules.method.class_grades[water_class]
    return outcome


def _trophic_state(found: Sequence[SectionAssessment], method: EvaluationMethod) -> dict[str, Any]:
    """Give TLI(Σ) of the means over the points of a lake, or the warning that says why there is none."""
    sums: dict[str, list[Fraction]] = {}
    for assessment in found:
        if assessment.representative:
            for entry in assessment.parameters:
                sums.setdefault(entry.code, []).append(entry.mean)
    values = {
        code: registry_concentration(code, sum(means, Fraction(0)) / len(means))
        for code, means in sums.items()
    }
    try:
        index = trophic_index(values, method=method)
    except QuantityError as error:
        return {"warnings": (give_reason("trophic_value_not_positive", parameter=error.name),)}
    if index is None:
        missing = [entry.parameter for entry in method.trophic_indicators if entry.parameter not in values]
        return {"warnings": (give_reason("trophic_indicators_missing", parameters=", ".join(missing)),)}
    return {"trophic": index}
