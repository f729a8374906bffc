"""The facts that rules are applied to: frames as a caller has them, and the same cleaned once.

Frames may mark a missing value as None, NaN, NaT, NA or blank text; here it becomes None, and days become
`datetime.date`. Nothing is filled in, reprojected or measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from spatial.classification import Reason
from spatial.errors import AssessmentsMissingError, FrameColumnsError, FrameValueError
from spatial.relations import NEAR_M, relate_zones
from spatial.rulebook import YANGTZE
from spatial.vocabulary import Rank, Verdict

Row = Mapping[str, Any]
"""One row of a cleaned frame: column → value, None where missing."""

DAY_COLUMNS = frozenset({"disused_since", "valid_from", "valid_to"})
"""Day columns beside those that end in ``_on``."""

FRAMES: Mapping[str, str] = {
    "section": "sections",
    "tailings_pond": "tailings_ponds",
    "chemical_site": "chemical_sites",
    "outfall": "outfalls",
    "water_source": "water_sources",
    "site": "sites",
}
"""Frame of `Facts` that holds the subjects of a kind."""

LAKE_RANKS = frozenset({Rank.IMPORTANT_LAKE.value, Rank.LAKE.value})
"""Ranks of standing water: a bay may be of another rank than its lake."""

DISTANCE_COLUMNS = ("distance_m", "lon", "lat", "water_body_code", "shoreline_accuracy_m", "shoreline_kind")
"""Per rank, prefixed with it: what `spatial.distance.measure_distances` adds and a zone needs."""


class AssessedSection(Protocol):
    """What the evaluators read of a section's assessment over a period."""

    @property
    def code(self) -> str:
        """Code of the section."""

    @property
    def water_class(self) -> int | None:
        """Class 1 to 6 that is shown to be met, None when undetermined."""

    @property
    def reasons(self) -> Sequence[Reason]:
        """Why the class is open, or open to one side; empty where it is exact."""

    def verdict_for(self, water_class: int, /) -> Verdict:
        """Judge against any class, three-valued: a range of classes may decide one and not another."""

    def as_json(self) -> Mapping[str, object]:
        """Shape of the contract."""


DistancesTo = Callable[[str, Sequence[str]], pd.DataFrame]
"""``(frame name, water-body codes)`` → distances of that frame's facilities to the shorelines of these waters
only,
one row per facility with ``code`` and the columns of `measure_distances`."""


LinesTo = Callable[[str, Rank, Sequence[str] | None], pd.DataFrame]
"""``(frame name, rank, water-body codes or None for all)`` → what `ShorelineClasses.measure` gives for that
frame's facilities."""


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything the rules look at, as it stood on `as_of`.

    Parameters
    ----------
    as_of : date
        The evaluated day. Events dated later are taken as not yet happened.
    region_code : str or None
        What the frames cover: a GB/T 2260 code, or ``yangtze`` (None) for all that is known.
    sections, outfalls, tailings_ponds, chemical_sites, water_sources, sites, section_targets, indicators
        Frames with the columns of the contracts, one row per code (indicators: per target, region and
        period); geometry in EPSG:4490. Tailings ponds and chemical sites carry the distance columns. Optional
        extra columns ``version_id`` and ``upload_id`` go into the evidence.
    protection_zones : GeoDataFrame with ``code``, ``name``, ``zone_grade``
        Polygons of the protection zones of drinking-water sources, wherever facilities may stand in one.
    water_bodies : frame with ``code``, ``name``, ``rank``, ``parent_code``
        Names and ranks of waters, for rules that name one.
    shorelines : frame with ``water_body_code``, ``name``, ``rank``
        The shorelines that were measured to. Where it is given, a zone along a rank without any shoreline is
        never counted as empty.
    assessments : mapping of period text to assessments
        For every period of `required_periods`.
    distances_to : callable, optional
        Measures to named waters only. Without it, a facility whose nearest lake is another one is
        undetermined under a rule that names a lake, unless even that one lies beyond the zone.
    lines_to : callable, optional
        Measures near a limit to shorelines of every accuracy. Without it the nearest shoreline decides alone,
        and centre lines count as having no half-width.
    """

    as_of: date
    region_code: str | None = None
    sections: pd.DataFrame = field(default_factory=pd.DataFrame)
    outfalls: pd.DataFrame = field(default_factory=pd.DataFrame)
    tailings_ponds: pd.DataFrame = field(default_factory=pd.DataFrame)
    chemical_sites: pd.DataFrame = field(default_factory=pd.DataFrame)
    water_sources: pd.DataFrame = field(default_factory=pd.DataFrame)
    sites: pd.DataFrame = field(default_factory=pd.DataFrame)
    section_targets: pd.DataFrame = field(default_factory=pd.DataFrame)
    indicators: pd.DataFrame = field(default_factory=pd.DataFrame)
    protection_zones: gpd.GeoDataFrame = field(default_factory=gpd.GeoDataFrame)
    water_bodies: pd.DataFrame = field(default_factory=pd.DataFrame)
    shorelines: pd.DataFrame | None = None
    assessments: Mapping[str, Sequence[AssessedSection]] = field(default_factory=dict)
    distances_to: DistancesTo | None = None
    lines_to: LinesTo | None = None

    @property
    def region(self) -> str:
        """The region that the facts cover; never None."""
        return self.region_code or YANGTZE

    @cached_property
    def cleaned(self) -> CleanedFacts:
        """The same facts as plain rows, cleaned on first use."""
        return CleanedFacts(self)


class CleanedFacts:
    """Facts as plain rows, and the look-ups that evaluators share."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._rows: dict[str, tuple[Row, ...]] = {}
        self._assessed: dict[str, Mapping[str, AssessedSection]] = {}
        self._distances: dict[tuple[str, frozenset[str]], Mapping[str, Row]] = {}
        self._lines: dict[tuple[str, Rank, frozenset[str]], Mapping[str, list[Row]]] = {}
        self._zones: dict[str, Mapping[str, tuple[Row, ...]]] = {}

    def rows(self, frame: str) -> tuple[Row, ...]:
        """Rows of one frame of the facts, ordered by code."""
        if frame not in self._rows:
            self._rows[frame] = plain_rows(getattr(self.facts, frame), frame)
        return self._rows[frame]

    def subjects(self, kind: str) -> tuple[Row, ...]:
        """Rows of the subjects of one kind; raises FrameValueError on a repeated code."""
        frame = FRAMES[kind]
        rows = self.rows(frame)
        seen: set[str] = set()
        for row in rows:
            if row["code"] in seen:
                raise FrameValueError(frame, "code", row["code"])
            seen.add(row["code"])
        return rows

    def assessment(self, period: str, code: str) -> AssessedSection | None:
        """The assessment of a section over a period; raises AssessmentsMissingError for an unknown period."""
        if period not in self._assessed:
            if period not in self.facts.assessments:
                raise AssessmentsMissingError(period)
            self._assessed[period] = {one.code: one for one in self.facts.assessments[period]}
        return self._assessed[period].get(code)

    @cached_property
    def ranks_of_water_bodies(self) -> Mapping[str, str]:
        """Rank of each registered water body, by code."""
        return {row["code"]: row["rank"] for row in self.rows("water_bodies") if row.get("rank")}

    def codes_of(self, names: Iterable[str]) -> frozenset[str]:
        """Codes of the waters with one of these names, and of the waters that are part of them.

        A reach has the rank of its river: a river of another rank than its ``parent_code`` flows into that
        water and is no part of it.
        """
        wanted = frozenset(names)
        codes = {row["code"] for row in self.rows("water_bodies") if row.get("name") in wanted}
        if self.facts.shorelines is not None:
            codes |= {row["water_body_code"] for row in self.rows("shorelines") if row.get("name") in wanted}
        while True:
            parts = {
                row["code"]
                for row in self.rows("water_bodies")
                if row.get("parent_code") in codes and self._may_be_part(row)
            }
            if parts <= codes:
                return frozenset(codes)
            codes |= parts

    def _may_be_part(self, row: Row) -> bool:
        rank, whole = row.get("rank"), self.ranks_of_water_bodies.get(row["parent_code"])
        return rank in LAKE_RANKS or rank is None or whole is None or rank == whole

    def zones_near(self, frame: str) -> Mapping[str, tuple[Row, ...]]:
        """Protection zones that facilities of a frame stand in or near, by their code; see `relate_zones`."""
        if frame not in self._zones:
            facilities, zones = getattr(self.facts, frame), self.facts.protection_zones
            self._zones[frame] = {}
            if not facilities.empty and not zones.empty and "geometry" in facilities:
                coarse = pd.to_numeric(facilities.get("accuracy_m", pd.Series(dtype=float))).max()
                near_m = NEAR_M if pd.isna(coarse) else NEAR_M + float(coarse)
                related = relate_zones(gpd.GeoDataFrame(facilities), zones, near_m=near_m)
                found: dict[str, list[Row]] = {}
                for row in plain_rows(related, "protection zones"):
                    found.setdefault(row["code"], []).append(row)
                self._zones[frame] = {code: tuple(rows) for code, rows in found.items()}
        return self._zones[frame]

    @cached_property
    def shoreline_ranks(self) -> frozenset[str] | None:
        """Ranks that have a shoreline; None when the facts do not tell."""
        if self.facts.shorelines is None:
            return None
        return frozenset(row["rank"] for row in self.rows("shorelines") if row.get("rank"))

    def distances(self, frame: str, codes: frozenset[str]) -> Mapping[str, Row] | None:
        """Distances to these waters only, by facility code; None where the facts cannot measure them."""
        if self.facts.distances_to is None or not codes:
            return None
        if (frame, codes) not in self._distances:
            measured = plain_rows(self.facts.distances_to(frame, sorted(codes)), f"{frame} distances")
            self._distances[frame, codes] = {row["code"]: row for row in measured}
        return self._distances[frame, codes]

    def lines(self, frame: str, rank: Rank, codes: frozenset[str], code: str) -> Sequence[Row]:
        """The nearest shorelines of a facility near a limit, one of each class (see `spatial.margins`).

        `codes` narrows them to some water bodies; none is all. Empty where the nearest says all there is to
        say, or the facts cannot measure them.
        """
        if self.facts.lines_to is None:
            return ()
        key = (frame, rank, codes)
        if key not in self._lines:
            found: dict[str, list[Row]] = {}
            measured = self.facts.lines_to(frame, rank, sorted(codes) or None)
            for row in plain_rows(measured, f"{frame} lines"):
                found.setdefault(row["code"], []).append(row)
            self._lines[key] = found
        return self._lines[key].get(code, ())


def require_distances(rows: Sequence[Row], frame: str, ranks: Iterable[Rank]) -> None:
    """Raise FrameColumnsError when a facility frame was never measured: that is not the same as far away."""
    if not rows:
        return
    wanted = {f"{rank}_{column}" for rank in ranks for column in DISTANCE_COLUMNS}
    missing = wanted - rows[0].keys()
    if missing:
        raise FrameColumnsError(frame, frozenset(missing))


def plain_rows(frame: pd.DataFrame, name: str) -> tuple[Row, ...]:
    """Rows as mappings, ordered by code where there is one; missing marks become None and days `date`.

    Raises
    ------
    FrameValueError
        If a day column holds something that is no day.
    """
    if frame.empty:
        return ()
    columns = {
        str(column): [_clean(value, str(column), name) for value in frame[column].tolist()]
        for column in frame.columns
    }
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if "code" in columns:
        rows.sort(key=lambda row: str(row["code"]))
    return tuple(rows)


def _clean(value: Any, column: str, frame: str) -> Any:
    if value is None or isinstance(value, (BaseGeometry, list, tuple, dict, np.ndarray)):
        return value
    if bool(pd.isna(value)):
        return None
    if isinstance(value, str):
        value = value.strip() or None
    elif isinstance(value, np.generic):
        value = value.item()
    if value is not None and (column.endswith("_on") or column in DAY_COLUMNS):
        return _day(value, column, frame)
    if isinstance(value, float) and value.is_integer() and column.endswith(("version", "_id")):
        return int(value)  # a whole-number column with gaps arrives as float
    return value


def _day(value: Any, column: str, frame: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise FrameValueError(frame, column, value) from error


def region_prefix(code: str) -> str:
    """The digits of a GB/T 2260 code that name its level: 500000 → 50, 420500 → 4205; ``yangtze`` → none."""
    if code == YANGTZE:
        return ""
    while code.endswith("00"):
        code = code[:-2]
    return code


def lies_in(region_code: str | None, region: str) -> bool | None:
    """Whether a region lies in another, by code prefix; None when that cannot be known."""
    prefix = region_prefix(region)
    if not prefix:
        return True
    if region_code is None:
        return None
    return str(region_code).startswith(prefix)


def covers(covered: str, region: str) -> bool:
    """Whether facts about `covered` hold all of `region`."""
    if covered == YANGTZE:
        return True
    return region != YANGTZE and region_prefix(region).startswith(region_prefix(covered))
