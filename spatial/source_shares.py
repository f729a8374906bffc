"""Shares of drinking-water sources that comply (水源达标率), by the level of the place served or by region.

The plans count sources; where every source states its volume, the share of the water is there too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from spatial.rounding import json_number
from spatial.source_water import SourceAssessment, WaterSource
from spatial.standards import Number
from spatial.vocabulary import Verdict, WaterSourceLevel

GroupSourcesBy = Literal["level", "region"]


@dataclass(frozen=True, slots=True)
class SourceShare:
    """How many sources of a group comply over a period.

    The share is in per cent of the `determined` sources, unrounded, None where there is none; `share_least`
    and `share_most` are what it would be of all sources if every undetermined one failed or passed. By
    volume it is there only where every source of the group states one.
    """

    by: GroupSourcesBy
    code: str | None
    period: str
    compliant: int
    violation: int
    undetermined: int
    volume_compliant: Decimal | None
    volume_determined: Decimal | None
    volume_total: Decimal | None
    sources: tuple[str, ...]

    @property
    def total(self) -> int:
        """All sources of the group."""
        return self.compliant + self.violation + self.undetermined

    @property
    def determined(self) -> int:
        """Sources with a verdict."""
        return self.compliant + self.violation

    @property
    def share(self) -> Fraction | None:
        """Compliant in per cent of the determined sources."""
        return Fraction(100 * self.compliant, self.determined) if self.determined else None

    @property
    def share_least(self) -> Fraction | None:
        """Per cent of all sources if none of the undetermined ones complied."""
        return Fraction(100 * self.compliant, self.total) if self.total else None

    @property
    def share_most(self) -> Fraction | None:
        """Per cent of all sources if all of the undetermined ones complied."""
        return Fraction(100 * (self.compliant + self.undetermined), self.total) if self.total else None

    @property
    def share_by_volume(self) -> Fraction | None:
        """Water of the compliant sources in per cent of the water of the determined ones."""
        if not self.volume_determined or self.volume_compliant is None:
            return None
        return 100 * Fraction(self.volume_compliant) / Fraction(self.volume_determined)

    def verdict_for(self, at_least: Number) -> Verdict:
        """Whether at least so many per cent comply, three-valued: undetermined where the open ones decide."""
        if self.share_least is None or self.share_most is None:
            return Verdict.UNDETERMINED
        if self.share_least >= Fraction(at_least):
            return Verdict.COMPLIANT
        if self.share_most < Fraction(at_least):
            return Verdict.VIOLATION
        return Verdict.UNDETERMINED

    def as_json(self) -> dict[str, object]:
        """Give the share with its numerator and denominator."""
        return {
            "by": self.by,
            "code": self.code,
            "period": self.period,
            "sources": self.total,
            "counts": {
                "compliant": self.compliant,
                "violation": self.violation,
                "undetermined": self.undetermined,
            },
            "share": json_number(self.share),
            "share_numerator": self.compliant,
            "share_denominator": self.determined,
            "share_least": json_number(self.share_least),
            "share_most": json_number(self.share_most),
            "share_by_volume": json_number(self.share_by_volume),
            "volume_numerator": json_number(self.volume_compliant),
            "volume_denominator": json_number(self.volume_determined),
            "volume_total": json_number(self.volume_total),
            "source_codes": list(self.sources),
        }


def share_sources(assessments: Sequence[SourceAssessment], by: GroupSourcesBy) -> list[SourceShare]:
    """Count the sources that comply, by the level of the place they serve or by region.

    Regions are nested: every province, prefecture and county (GB/T 2260) that holds a source has an entry
    with all sources inside it. Sources without a level (a region code) form one group without code, the last.
    """
    groups: dict[str | None, list[SourceAssessment]] = {}
    for assessment in assessments:
        for code in _groups_of(assessment.source, by):
            groups.setdefault(code, []).append(assessment)
    levels = list(WaterSourceLevel)

    def place(code: str | None) -> tuple[bool, int, str]:
        rank = levels.index(WaterSourceLevel(code)) if by == "level" and code is not None else 0
        return code is None, rank, code or ""

    return [_share(by, code, groups[code]) for code in sorted(groups, key=place)]


def _groups_of(source: WaterSource, by: GroupSourcesBy) -> list[str | None]:
    if by == "level":
        return [source.level]
    code = source.region_code
    if code is None:
        return [None]
    return list(dict.fromkeys((f"{code[:2]}0000", f"{code[:4]}00", code[:6])))


def _share(by: GroupSourcesBy, code: str | None, found: Sequence[SourceAssessment]) -> SourceShare:
    counts = {verdict: [one for one in found if one.verdict is verdict] for verdict in Verdict}
    volumes: dict[str, Decimal | None] = dict.fromkeys(("compliant", "determined", "total"))
    if all(one.source.annual_volume is not None for one in found):
        compliant = _volume(counts[Verdict.COMPLIANT])
        volumes = {
            "compliant": compliant,
            "determined": compliant + _volume(counts[Verdict.VIOLATION]),
            "total": _volume(found),
        }
    return SourceShare(
        by=by,
        code=code,
        period=found[0].period,
        compliant=len(counts[Verdict.COMPLIANT]),
        violation=len(counts[Verdict.VIOLATION]),
        undetermined=len(counts[Verdict.UNDETERMINED]),
        volume_compliant=volumes["compliant"],
        volume_determined=volumes["determined"],
        volume_total=volumes["total"],
        sources=tuple(sorted(one.source.code for one in found)),
    )


def _volume(found: Sequence[SourceAssessment]) -> Decimal:
    return sum((one.source.annual_volume or Decimal(0) for one in found), Decimal(0))
