"""Rankings: cities by water-quality index, who improved or worsened most, the worst floods of pollution.

Values are exact, so a tie is a tie: equal values share a rank and the next one counts on (1, 2, 2, 4). Rows
with the same rank stand in the order of their codes. What cannot be ranked has no rank and a reason, and
stands at the end; it is never placed as if it were good.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from spatial.assessment import SectionAssessment
from spatial.city_index import (
    IndexChange,
    QualityIndex,
    RankingOf,
    Subject,
    index_change,
    quality_index,
    subject_facts,
    subjects_of,
)
from spatial.classification import Reason, give_reason
from spatial.comparison_rules import ComparisonRules, load_comparison_rules
from spatial.rounding import json_number
from spatial.standards import EvaluationMethod, Standard

RankingWhat = Literal["cwqi", "improvement", "flood-intensity"]


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One place of a ranking. `rank` is None, with a reason, for what cannot be ranked.

    `value` is what the ranking goes by; `facts` the rest of the row, ready for JSON.
    """

    what: RankingWhat
    of: RankingOf
    rank: int | None
    ranked: int
    code: str
    name: str | None
    period: str
    value: Fraction | None
    facts: Mapping[str, object]
    reason: Reason | None

    def as_json(self) -> dict[str, object]:
        """Give the row of the answer of `ranking`; `ranked` says out of how many."""
        return {
            "what": self.what,
            "of": self.of,
            "rank": self.rank,
            "ranked": self.ranked,
            "code": self.code,
            "name": self.name,
            "period": self.period,
            "value": json_number(self.value),
            **self.facts,
            "reason": None if self.reason is None else self.reason.as_json(),
        }


@dataclass(frozen=True, slots=True)
class _Candidate:
    code: str
    name: str | None
    value: Fraction | None
    facts: Mapping[str, object]
    reason: Reason | None


def rank_values(values: Sequence[Fraction | None], *, largest_first: bool = False) -> list[int | None]:
    """Give the rank of every value, 1 the first; equal values share theirs, None has none."""
    known = sorted((value for value in values if value is not None), reverse=largest_first)
    first: dict[Fraction, int] = {}
    for place, value in enumerate(known, 1):
        first.setdefault(value, place)
    return [None if value is None else first[value] for value in values]


def _rank(
    what: RankingWhat,
    of: RankingOf,
    period: str,
    candidates: Sequence[_Candidate],
    *,
    largest_first: bool,
    most: int | None,
) -> list[RankingRow]:
    """Put candidates in order; with `most`, only the ranks up to it (all of those that tie there)."""
    ranks = rank_values([one.value for one in candidates], largest_first=largest_first)
    ranked = sum(rank is not None for rank in ranks)
    rows = [
        RankingRow(what, of, rank, ranked, one.code, one.name, period, one.value, one.facts, one.reason)
        for one, rank in zip(candidates, ranks, strict=True)
        if most is None or (rank is not None and rank <= most)
    ]
    return sorted(rows, key=lambda row: (row.rank is None, row.rank or 0, row.code))


# --- city water-quality index ---


def rank_by_index(
    assessments: Sequence[SectionAssessment],
    before: Sequence[SectionAssessment] | None = None,
    *,
    period: str,
    compared_with: str | None = None,
    of: RankingOf = "city",
    items: Collection[str] | None = None,
    most: int | None = None,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
    rules: ComparisonRules | None = None,
) -> list[RankingRow]:
    """Rank cities (rivers, sections) by their water-quality index, the best first.

    Only complete indices are ranked: one with an item missing would be smaller without the water being
    better. `items` narrows what counts as complete, such as the five items of automatic stations.

    Parameters
    ----------
    before
        The assessments of the period to compare with: each row then has the change of the index over what
        both periods have.

    Returns
    -------
    list of RankingRow, by rank, then code; those without a rank last
    """
    subjects, earlier = subjects_of(assessments, of, rules), subjects_of(before or (), of, rules)
    candidates = []
    for code, subject in subjects.items():
        index = quality_index(subject.members, items=items, standard=standard, method=method, rules=rules)
        change = None
        if code in earlier:
            change = index_change(
                earlier[code].members,
                subject.members,
                items=items,
                standard=standard,
                method=method,
                rules=rules,
            )
        candidates.append(_index_candidate(subject, index, change, compared_with))
    return _rank("cwqi", of, period, candidates, largest_first=False, most=most)


def _index_candidate(
    subject: Subject, index: QualityIndex | None, change: IndexChange | None, compared_with: str | None
) -> _Candidate:
    reason = None
    if index is None:
        reason = give_reason("no_determined_section", sections=len(subject.members))
    elif index.missing:
        reason = give_reason("index_items_missing", items=", ".join(index.missing))
    left_out = [] if index is None else {code for part in index.parts for code in part.section_codes}
    return _Candidate(
        code=subject.code,
        name=subject.name,
        value=None if index is None or reason is not None else index.value,
        facts={
            **subject_facts(subject),
            "index": None if index is None else json_number(index.value),
            "sections": len(subject.members),
            "sections_left_out": [found.code for found in subject.members if found.code not in left_out],
            "items_missing": [] if index is None else list(index.missing),
            "parts": [] if index is None else [part.as_json() for part in index.parts],
            "with": compared_with,
            "change": None if change is None else change.as_json(),
        },
        reason=reason,
    )


# --- improvement ---


def rank_by_improvement(
    before: Sequence[SectionAssessment],
    assessments: Sequence[SectionAssessment],
    *,
    period: str,
    compared_with: str,
    of: RankingOf = "section",
    worst_first: bool = False,
    items: Collection[str] | None = None,
    most: int | None = None,
    standard: Standard | None = None,
    method: EvaluationMethod | None = None,
    rules: ComparisonRules | None = None,
) -> list[RankingRow]:
    """Rank sections, rivers or cities by the change of their index, the most improved first.

    The index of each is taken over the sections and items that it has in both periods, so that neither a new
    section nor a new item counts as a change of the water. `worst_first` ranks the most worsened first.

    Returns
    -------
    list of RankingRow, by rank, then code; those without a rank last
    """
    subjects, earlier = subjects_of(assessments, of, rules), subjects_of(before, of, rules)
    candidates = []
    for code in sorted(subjects.keys() | earlier.keys()):
        subject = subjects.get(code) or earlier[code]
        change = None
        if code in subjects and code in earlier:
            change = index_change(
                earlier[code].members,
                subjects[code].members,
                items=items,
                standard=standard,
                method=method,
                rules=rules,
            )
        value = None if change is None else change.per_cent
        reason = None
        if change is None:
            reason = give_reason("nothing_in_common")
        elif value is None:
            reason = give_reason("index_before_zero")
        facts: dict[str, Any] = {
            **subject_facts(subject),
            "with": compared_with,
            "direction": _direction(value),
            "class_before": _class_of(earlier.get(code)),
            "class_after": _class_of(subjects.get(code)),
            "change": None if change is None else change.as_json(),
        }
        candidates.append(_Candidate(code, subject.name, value, facts, reason))
    return _rank("improvement", of, period, candidates, largest_first=worst_first, most=most)


def _direction(value: Fraction | None) -> str | None:
    if value is None:
        return None
    return "unchanged" if value == 0 else "improved" if value < 0 else "worsened"


def _class_of(subject: Subject | None) -> int | None:
    """Class of a single section; a river or city has none of its own here."""
    if subject is None or subject.of != "section":
        return None
    return subject.members[0].water_class


# --- flood-season pollution intensity ---


def rank_by_flood_intensity(
    assessments: Sequence[SectionAssessment],
    *,
    period: str,
    most: int | None = None,
    every: bool = False,
    rules: ComparisonRules | None = None,
) -> list[RankingRow]:
    """Rank sections by their flood-season pollution intensity, the worst first.

    Parameters
    ----------
    most
        How many ranks are listed (all that tie on the last one); None takes the ministry's 50.
    every
        List every section instead, those without an intensity at the end with the reason.
    """
    if most is None:
        most = (rules or load_comparison_rules()).flood_ranking_most
    candidates = [_flood_candidate(found) for found in assessments]
    return _rank(
        "flood-intensity", "section", period, candidates, largest_first=True, most=None if every else most
    )


def _flood_candidate(found: SectionAssessment) -> _Candidate:
    intensity = found.flood_intensity
    reason = None
    if intensity is None:
        reason = give_reason("no_flood_readings")
        if found.target_class is None:
            reason = give_reason("target_class_missing")
        elif found.judged_as is None:
            reason = give_reason("water_body_type_unknown")
    return _Candidate(
        code=found.code,
        name=found.name,
        value=None if intensity is None else intensity.value,
        facts={
            "river": found.river,
            "region_code": found.region_code,
            "section_level": found.section_level,
            "target_class": found.target_class,
            "parameter": None if intensity is None else intensity.code,
            "highest": None if intensity is None else json_number(intensity.highest),
            "limit": None if intensity is None else json_number(intensity.limit),
            "ratios": {}
            if intensity is None
            else {code: json_number(ratio) for code, ratio in intensity.ratios.items()},
        },
        reason=reason,
    )
