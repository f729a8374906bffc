"""The water-quality index of cities (城市水质指数, CWQI), and of anything else that has sections.

For each evaluated item, the mean over the sections is divided by the limit of class Ⅲ (for oxygen the other
way round, for pH by its distance from neutral); the sum is the index, and smaller is better. Rivers and lakes
have limits of their own: each has an index, and the city's is their mean weighted by the number of sections.
An index over fewer items is smaller without the water being better: the items missing are named, and an
index with any of them missing is never ranked with complete ones.

Source: 环办监测〔2017〕51号 (from memory, see `rules/comparisons.toml`); domain rule for pH and oxygen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal

from spatial.assessment import SectionAssessment
from spatial.comparison_rules import ComparisonRules, load_comparison_rules
from spatial.parameters import sort_by_registry
from spatial.rounding import json_number
from spatial.standards import (
    Direction,
    EvaluationMethod,
    Limit,
    Standard,
    load_evaluation_method,
    load_standard,
)
from spatial.vocabulary import WaterBodyType

RankingOf = Literal["section", "river", "city"]

# Directly administered counties and cities carry 90 in the place of the prefecture (429004 仙桃市).
_DIRECT: Final = "90"
_PH: Final = "ph"


@dataclass(frozen=True, slots=True)
class ItemIndex:
    """One item of an index: its mean over `sections` sections, the class Ⅲ limit, and mean over limit."""

    code: str
    mean: Fraction
    limit: tuple[Fraction, ...]
    sections: int
    value: Fraction

    def as_json(self) -> dict[str, object]:
        """Give the item with what it was computed from."""
        limit: object = [json_number(bound) for bound in self.limit]
        return {
            "code": self.code,
            "mean": json_number(self.mean),
            "limit": limit if len(self.limit) > 1 else json_number(self.limit[0]),
            "sections": self.sections,
            "index": json_number(self.value),
        }


@dataclass(frozen=True, slots=True)
class WaterIndex:
    """The index of the river sections, or of the lake sections, of one subject. `value` sums the items."""

    water_body: WaterBodyType
    section_codes: tuple[str, ...]
    items: tuple[ItemIndex, ...]
    missing: tuple[str, ...]

    @property
    def value(self) -> Fraction:
        """Sum over the items that are there."""
        return sum((item.value for item in self.items), Fraction(0))

    def as_json(self) -> dict[str, object]:
        """Give the sum, its items, and what is missing."""
        return {
            "water_body": self.water_body,
            "index": json_number(self.value),
            "sections": len(self.section_codes),
            "section_codes": list(self.section_codes),
            "items": [item.as_json() for item in self.items],
            "items_missing": list(self.missing),
        }


@dataclass(frozen=True, slots=True)
class QualityIndex:
    """The index of a subject: its river and lake parts, weighted by their sections."""

    parts: tuple[WaterIndex, ...]

    @property
    def sections(self) -> int:
        """Sections that enter."""
        return sum(len(part.section_codes) for part in self.parts)

    @property
    def value(self) -> Fraction:
        """The index; smaller is better."""
        weighted = (part.value * len(part.section_codes) for part in self.parts)
        return sum(weighted, Fraction(0)) / self.sections

    @property
    def missing(self) -> tuple[str, ...]:
        """Items that at least one part lacks."""
        return tuple(sort_by_registry({code for part in self.parts for code in part.missing}))

    @property
    def items(self) -> tuple[str, ...]:
        """Items that at least one part has."""
        return tuple(sort_by_registry({item.code for part in self.parts for item in part.items}))


def index_value(
    code: str, mean: Fraction, limit: Limit, water_class: int, rules: ComparisonRules | None = None
) -> Fraction | None:
    """Give the index of one item: mean / limit, limit / mean for oxygen, distance from neutral for pH.

    None where there is none: oxygen of zero, or an item whose limits are no limits of its value.
    """
    bounds = limit.bound_of(water_class)
    match limit.direction:
        case Direction.AT_MOST:
            return mean / Fraction(bounds[0])
        case Direction.AT_LEAST:
            return Fraction(bounds[0]) / mean if mean > 0 else None
        case Direction.WITHIN if code == _PH:
            neutral = Fraction((rules or load_comparison_rules()).ph_neutral)
            if mean <= neutral:
                return (neutral - mean) / (neutral - Fraction(bounds[0]))
            return (mean - neutral) / (Fraction(bounds[1]) - neutral)
        case _:
            return None


def quality_index(
    assessments: Sequence[SectionAssessment],
    *,
    items: Collection[str] | None = None,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
    rules: ComparisonRules | None = None,
) -> QualityIndex | None:
    """Compute the index over sections of one period; None where no section enters.

    Sections without enough samples, and those of which nobody knows whether they are river or lake, do not
    enter. An item is averaged over the sections that measured it.

    Parameters
    ----------
    items
        Codes of the items wanted; None takes the method's 21.
    """
    standard = standard or load_standard()
    method = method or load_evaluation_method()
    rules = rules or load_comparison_rules()
    wanted = sort_by_registry(set(method.evaluated if items is None else items))
    waters: dict[WaterBodyType, list[SectionAssessment]] = {}
    for found in assessments:
        kind = _water_of(found)
        if found.representative and kind is not None:
            waters.setdefault(kind, []).append(found)
    parts = []
    for water, members in sorted(waters.items()):
        limits = standard.limits_for(water)
        indices = []
        for code in wanted:
            means = [entry.mean for found in members if (entry := found.parameter(code)) is not None]
            limit = limits.get(code)
            if not means or limit is None:
                continue
            mean = sum(means, Fraction(0)) / len(means)
            value = index_value(code, mean, limit, method.reference_class, rules)
            if value is not None:
                bounds = tuple(Fraction(bound) for bound in limit.bound_of(method.reference_class))
                indices.append(ItemIndex(code, mean, bounds, len(means), value))
        there = {item.code for item in indices}
        parts.append(
            WaterIndex(
                water_body=water,
                section_codes=tuple(sorted(found.code for found in members)),
                items=tuple(indices),
                missing=tuple(code for code in wanted if code not in there),
            )
        )
    return QualityIndex(tuple(parts)) if parts else None


def _water_of(found: SectionAssessment) -> WaterBodyType | None:
    if found.judged_as is None:
        return None
    lakes = (WaterBodyType.LAKE, WaterBodyType.RESERVOIR)
    return WaterBodyType.LAKE if found.judged_as in lakes else WaterBodyType.RIVER


@dataclass(frozen=True, slots=True)
class IndexChange:
    """An index in two periods over what both have: the same sections with the same items.

    `per_cent` is the change of the index in per cent of the one before, negative where the water improved;
    None where the index before was zero.
    """

    before: QualityIndex
    after: QualityIndex
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    @property
    def per_cent(self) -> Fraction | None:
        """Change of the index in per cent, unrounded."""
        if self.before.value == 0:
            return None
        return 100 * (self.after.value - self.before.value) / self.before.value

    def as_json(self) -> dict[str, object]:
        """Give both indices, their change, and what they rest on."""
        return {
            "index_before": json_number(self.before.value),
            "index_after": json_number(self.after.value),
            "change_per_cent": json_number(self.per_cent),
            "items": list(self.after.items),
            "sections": self.after.sections,
            "section_codes": sorted(code for part in self.after.parts for code in part.section_codes),
            "sections_only_before": list(self.only_before),
            "sections_only_after": list(self.only_after),
        }


def index_change(
    before: Sequence[SectionAssessment],
    after: Sequence[SectionAssessment],
    *,
    items: Collection[str] | None = None,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
    rules: ComparisonRules | None = None,
) -> IndexChange | None:
    """Compare the index of two periods; None where they share no section with a common item.

    A section enters with the items that it has in both periods, and as the water that it is judged as.
    """
    method = method or load_evaluation_method()
    wanted = frozenset(method.evaluated if items is None else items)
    earlier, later = (
        {
            found.code: found
            for found in side
            if found.representative and _water_of(found) is not None and wanted & _measured(found)
        }
        for side in (before, after)
    )
    pairs = []
    for code in sorted(earlier.keys() & later.keys()):
        one, other = earlier[code], later[code]
        common = wanted & _measured(one) & _measured(other)
        if common and _water_of(one) is _water_of(other):
            pairs.append((_only(one, common), _only(other, common)))

    def index(place: int) -> QualityIndex | None:
        members = [pair[place] for pair in pairs]
        return quality_index(members, items=wanted, standard=standard, method=method, rules=rules)

    one_side, other_side = index(0), index(1)
    if one_side is None or other_side is None:
        return None
    kept = {pair[0].code for pair in pairs}
    return IndexChange(
        before=_shared(one_side, other_side),
        after=_shared(other_side, one_side),
        only_before=tuple(sorted(earlier.keys() - kept)),
        only_after=tuple(sorted(later.keys() - kept)),
    )


def _measured(found: SectionAssessment) -> frozenset[str]:
    return frozenset(entry.code for entry in found.parameters)


def _only(found: SectionAssessment, codes: Collection[str]) -> SectionAssessment:
    return replace(found, parameters=tuple(entry for entry in found.parameters if entry.code in codes))


def _shared(index: QualityIndex, other: QualityIndex) -> QualityIndex:
    """Leave out of one index the items that the same part of the other could not have (oxygen of zero)."""
    known = {part.water_body: {item.code for item in part.items} for part in other.parts}
    return QualityIndex(
        tuple(
            replace(part, items=tuple(item for item in part.items if item.code in known[part.water_body]))
            for part in index.parts
        )
    )


# --- subjects ---


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is ranked: a section, a river (or lake), or a city, with its sections of one period."""

    of: RankingOf
    code: str
    name: str | None
    members: tuple[SectionAssessment, ...]


def city_of(found: SectionAssessment, rules: ComparisonRules | None = None) -> tuple[str, str | None] | None:
    """Give code and name of the prefecture city of a section, None where nothing says.

    A municipality (北京, 天津, 上海, 重庆) is one city; a county that its province administers itself stands
    for itself. Without a region code the city is known by province and name, such as ``湖北省/宜昌市``.
    """
    rules = rules or load_comparison_rules()
    code = found.region_code
    if code is None or len(code) < 6:
        return None if found.city is None else (f"{found.province or ''}/{found.city}", found.city)
    if code[:2] in rules.municipalities:
        return f"{code[:2]}0000", found.province
    if code[2:4] == "00":
        return None if found.city is None else (f"{found.province or ''}/{found.city}", found.city)
    if code[2:4] == _DIRECT:
        return code[:6], found.city
    return f"{code[:4]}00", found.city


def subjects_of(
    assessments: Sequence[SectionAssessment], of: RankingOf, rules: ComparisonRules | None = None
) -> dict[str, Subject]:
    """Group the sections of one period by who is ranked, by code; sections that name nobody are left out."""
    members: dict[str, list[SectionAssessment]] = {}
    names: dict[str, str | None] = {}
    for found in sorted(assessments, key=lambda one: one.code):
        key: tuple[str, str | None] | None
        if of == "section":
            key = (found.code, found.name)
        elif of == "river":
            code = found.water_body_code or found.river
            key = None if code is None else (code, found.river)
        else:
            key = city_of(found, rules)
        if key is not None:
            members.setdefault(key[0], []).append(found)
            names[key[0]] = names.get(key[0]) or key[1]
    return {code: Subject(of, code, names[code], tuple(members[code])) for code in sorted(members)}


def subject_facts(subject: Subject) -> Mapping[str, object]:
    """Give the facts of a subject that its rows carry: for a section where it stands."""
    if subject.of != "section":
        return {}
    (section,) = subject.members
    return {
        "river": section.river,
        "region_code": section.region_code,
        "section_level": section.section_level,
    }
