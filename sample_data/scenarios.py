"""The scenarios of ``scenarios.toml`` as frozen records.

The file states, by hand, the facts of each object and the findings of 2024-01-01 that follow from them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from geography import LonLat

COMPLIANT, VIOLATION, UNDETERMINED = "compliant", "violation", "undetermined"
STATE_OF_VERDICT = {COMPLIANT: "resolved", VIOLATION: "open", UNDETERMINED: "open"}
"""State where nothing is overdue: the class and share targets of the plans end on 2025-12-31."""

FOUR_RIVERS = ("湘江", "资水", "资江", "沅江", "澧水")
"""湘、资、沅、澧 of HN-3-3."""

ALL_MONTHS = tuple(range(1, 13))


@dataclass(frozen=True)
class Expect:
    """One finding that the evaluation of 2024-01-01 must give, and why."""

    rule_id: str
    verdict: str
    state: str
    why: str


@dataclass(frozen=True)
class Facility:
    """A tailings pond or chemical site placed by construction; the head of the file explains the fields."""

    code: str
    name: str
    region_code: str
    near: LonLat
    shore: str
    metres: float
    place: str
    form: str
    facts: Mapping[str, str | float]
    expects: tuple[Expect, ...]
    note: str


@dataclass(frozen=True)
class Section:
    """A section and the class that its readings of 2023 are made to give.

    None: undetermined, and `possible` may then name the best and worst class that it can have.
    """

    code: str
    name: str
    river: str
    water_body: str
    kind: str
    level: str
    station: str
    region_code: str
    place: LonLat
    target: int | None
    class_2023: int | None
    possible: tuple[int, ...]
    why: str
    means: Mapping[str, str]
    months_2022: tuple[int, ...]
    months_2023: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """A drinking-water source: what was measured at its section beside Table 1 in 2023, and the verdict."""

    code: str
    rounds: tuple[int, ...]
    metals: bool
    values: Mapping[str, str]
    in_month: Mapping[str, Mapping[str, str]]
    leave_out: tuple[str, ...]
    verdict_2023: str
    why: str

    def value(self, item: str, usual: str, month: int) -> str:
        """The value of one item in one month (mg/L; ``…L`` not detected), blank where it was not measured."""
        if item in self.leave_out:
            return ""
        return self.in_month.get(str(month), {}).get(item, self.values.get(item, usual))


@dataclass(frozen=True)
class Scenarios:
    """Everything that the sample is meant to show."""

    tailings_ponds: tuple[Facility, ...]
    chemical_sites: tuple[Facility, ...]
    sections: tuple[Section, ...]
    sources: tuple[Source, ...]
    regions: tuple[tuple[str, tuple[Expect, ...]], ...]
    in_zones: tuple[tuple[str, str, tuple[Expect, ...]], ...]


def _expects(entry: Mapping[str, Any]) -> tuple[Expect, ...]:
    return tuple(
        Expect(one["rule"], one["verdict"], one["state"], one["why"]) for one in entry.get("expects", ())
    )


def _lonlat(pair: list[float]) -> LonLat:
    return pair[0], pair[1]


def _facility(entry: Mapping[str, Any]) -> Facility:
    return Facility(
        code=entry["code"],
        name=entry["name"],
        region_code=entry["region_code"],
        near=_lonlat(entry["near"]),
        shore=entry.get("shore", ""),
        metres=entry["metres"],
        place=entry["place"],
        form=entry["form"],
        facts=entry["facts"],
        expects=_expects(entry),
        note=entry.get("note", ""),
    )


def _section(entry: Mapping[str, Any]) -> Section:
    return Section(
        code=entry["code"],
        name=entry["name"],
        river=entry["river"],
        water_body=entry.get("water_body", ""),
        kind=entry["kind"],
        level=entry["level"],
        station=entry["station"],
        region_code=entry["region_code"],
        place=_lonlat(entry["place"]),
        target=entry.get("target"),
        class_2023=entry["class_2023"] or None,
        possible=tuple(entry.get("possible", ())),
        why=entry["why"],
        means=entry.get("means", {}),
        months_2022=tuple(entry.get("months_2022", ALL_MONTHS)),
        months_2023=tuple(entry.get("months_2023", ALL_MONTHS)),
    )


def _source(entry: Mapping[str, Any]) -> Source:
    return Source(
        code=entry["code"],
        rounds=tuple(entry.get("rounds", ())),
        metals=entry.get("metals", False),
        values=entry.get("values", {}),
        in_month=entry.get("in_month", {}),
        leave_out=tuple(entry.get("leave_out", ())),
        verdict_2023=entry["verdict_2023"],
        why=entry["why"],
    )


@cache
def scenarios() -> Scenarios:
    """Read the file beside this module."""
    document = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return Scenarios(
        tailings_ponds=tuple(_facility(entry) for entry in document["tailings_pond"]),
        chemical_sites=tuple(_facility(entry) for entry in document["chemical_site"]),
        sections=tuple(_section(entry) for entry in document["section"]),
        sources=tuple(_source(entry) for entry in document["water_source"]),
        regions=tuple((entry["code"], _expects(entry)) for entry in document["region"]),
        in_zones=tuple((entry["kind"], entry["code"], _expects(entry)) for entry in document["in_zone"]),
    )
