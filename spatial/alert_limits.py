"""Which thresholds of warnings hold at a section on a day, as whole numbers to compare readings with.

A section has other duties on other days: its target class changes, a water source is opened, an approved
limit is set. Sections and days with the same duties share one profile, so that thresholds are few.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from spatial.alert_rules import EVALUATED, SINGLE, AlertRule, evaluated_items
from spatial.classification import check_columns, list_cells
from spatial.columns import Amounts, IntArray
from spatial.errors import FrameValueError, StandardNotInForceError
from spatial.facts import lies_in
from spatial.overlays import StandardBook
from spatial.parameters import find_parameter
from spatial.source_rules import SOURCE_CLASS, load_source_rules
from spatial.standards import Direction, Limit, SingleLimit, Standard
from spatial.vocabulary import WaterBodyType

REFERENCE_CLASS: Final = 3
_EPOCH: Final = date(1970, 1, 1)
_DAY_BITS: Final = 20
_FIRST_DAY: Final = -(1 << 18)
_OBJECT: Final = np.dtype(object)
_LARGEST: Final = int(np.iinfo(np.int64).max)
_NEVER: Final = 10**4000
"""Beyond every amount that Python integers are kept for: no number of a reading has so many digits."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A bound that a reading passes: above or below it, the bound itself included or not."""

    bound: Fraction
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """What one item of a section is held against.

    `limit` and `comparator` are told to people; `highs` and `lows` are by step of the rule, None where the
    step has none. `water_class` and `table` say which limit of the standard it is.
    """

    parameter: str
    limit: tuple[Decimal, ...]
    comparator: str
    water_class: int | None
    table: int | None
    source: Mapping[str, str | None] | None
    highs: tuple[Edge | None, ...]
    lows: tuple[Edge | None, ...]

    def as_json(self) -> dict[str, object]:
        """The threshold as it stands in a warning; numbers as texts, exactly as the rules have them."""
        return {
            "comparator": self.comparator,
            "limit": [format(one, "f") for one in self.limit],
            "unit": find_parameter(self.parameter).unit,
            "water_class": self.water_class,
            "table": self.table,
            "source": None if self.source is None else dict(self.source),
        }


@dataclass(frozen=True, slots=True)
class Profile:
    """The duties that sections share. `narrow` are the rules for some rivers or regions that hold here."""

    standard: Standard | None = field(compare=False)
    standard_key: tuple[str, ...]
    water_body_type: str | None
    target_class: int | None
    serves_source: bool
    approved: tuple[tuple[str, str, Decimal, str | None], ...]
    narrow: frozenset[str]

    def takes(self, rule: AlertRule) -> bool:
        """Whether a rule holds at such a section."""
        if (rule.rivers or rule.region_code) and rule.id not in self.narrow:
            return False
        match rule.where:
            case "target":
                return self.target_class is not None and not self.serves_source
            case "no_target":
                return self.target_class is None and not self.serves_source
            case "source":
                return self.serves_source
            case "no_source":
                return not self.serves_source
            case _:
                return True

    def threshold(self, rule: AlertRule, code: str) -> Threshold | None:
        """What an item is held against under a rule, None where nothing is."""
        if not self.takes(rule):
            return None
        match rule.test:
            case "class_limit":
                listed = evaluated_items() if rule.items == EVALUATED else rule.items
                return self._by_class(rule, code) if code in listed else None
            case "single_limit":
                single = None if self.standard is None else self.standard.single.get(code)
                if single is None or not (rule.items == SINGLE or code in rule.items):
                    return None
                # What a section has a limit of its own for needs no borrowed one.
                if rule.where != "source" and any(entry[0] == code for entry in self.approved):
                    return None
                return _of_limit(rule, single, None)
            case "approved_limit":
                return next((_approved(rule, *entry) for entry in self.approved if entry[0] == code), None)
            case "level" if code in rule.items:
                return _of_levels(rule, code)
            case "jump" | "rise" if code in rule.items:
                return self._floor(rule, code)
            case _:
                return None

    def _by_class(self, rule: AlertRule, code: str) -> Threshold | None:
        match rule.against:
            case "target":
                water_class = self.target_class or REFERENCE_CLASS
            case "source":
                chosen = int(load_source_rules().choices[SOURCE_CLASS])
                water_class = min(self.target_class or chosen, chosen)
            case _:
                water_class = int(rule.against or REFERENCE_CLASS)
        limit = self._limit(code, water_class)
        return None if limit is None else _of_limit(rule, limit, water_class)

    def _floor(self, rule: AlertRule, code: str) -> Threshold | None:
        """The share of the section's limit below which a change is no concern; none where it has no limit."""
        water_class = self.target_class or REFERENCE_CLASS
        limit: Limit | SingleLimit | None = self._limit(code, water_class)
        if limit is None and self.standard is not None:
            limit = self.standard.single.get(code)
        if limit is None or rule.floor is None:
            return None
        of_class = None if isinstance(limit, SingleLimit) else water_class
        whole = _of_limit(rule, limit, of_class)
        first = whole.highs[0]
        if first is None:
            return None
        edge = Edge(first.bound * rule.floor, inclusive=True)
        return Threshold(
            code, whole.limit, whole.comparator, of_class, whole.table, whole.source, (edge,), (None,)
        )

    def _limit(self, code: str, water_class: int) -> Limit | None:
        """The limit of Table 1; where the type of the water is not known, the looser of river and lake."""
        if self.standard is None:
            return None
        kinds = (
            [self.water_body_type]
            if self.water_body_type is not None
            else [WaterBodyType.RIVER, WaterBodyType.LAKE]
        )
        limits = [self.standard.limits_for(kind).get(code) for kind in kinds]
        known = [one for one in limits if one is not None and one.direction is not Direction.CHANGE]
        if len(known) < len(kinds):
            return None
        if known[0].direction is Direction.AT_LEAST:
            return min(known, key=lambda one: one.bound_of(water_class)[0])
        return max(known, key=lambda one: one.bound_of(water_class)[-1])


def _of_limit(rule: AlertRule, limit: Limit | SingleLimit, water_class: int | None) -> Threshold:
    """The steps of a limit: past it, and so many times over it; pH and oxygen have the first step only."""
    count = len(rule.steps)
    nothing: list[Edge | None] = [None] * count
    highs, lows = list(nothing), list(nothing)
    if isinstance(limit, SingleLimit):
        bounds: tuple[Decimal, ...] = (limit.limit,)
        direction, table = Direction.AT_MOST, limit.table
    else:
        bounds = limit.bound_of(water_class or REFERENCE_CLASS)
        direction, table = limit.direction, 1
    comparator = {Direction.AT_MOST: "<=", Direction.AT_LEAST: ">="}.get(direction, "within")
    if direction is Direction.AT_MOST:
        highs = _multiples(rule, Fraction(bounds[0]), inclusive=False)
    else:
        lows[0] = Edge(Fraction(bounds[0]), inclusive=False)
        if direction is Direction.WITHIN:
            highs[0] = Edge(Fraction(bounds[1]), inclusive=False)
    return Threshold(
        limit.parameter,
        bounds,
        comparator,
        water_class,
        table,
        limit.source.as_json(),
        tuple(highs),
        tuple(lows),
    )


def _multiples(rule: AlertRule, limit: Fraction, *, inclusive: bool) -> list[Edge | None]:
    if rule.floor is not None:
        return [Edge(limit, inclusive)]
    return [
        Edge(limit * (1 + Fraction(step.bound)), inclusive if step.bound == 0 else True)
        for step in rule.steps
    ]


def _approved(
    rule: AlertRule, code: str, comparator: str, limit: Decimal, source: str | None
) -> Threshold | None:
    count = len(rule.steps)
    highs: list[Edge | None] = [None] * count
    lows: list[Edge | None] = [None] * count
    bound = Fraction(limit)
    match comparator:
        case "<=" | "<":
            highs = _multiples(rule, bound, inclusive=comparator == "<")
            if bound <= 0:
                highs[1:] = [None] * (count - 1)
        case ">=" | ">":
            lows[0] = Edge(bound, inclusive=comparator == ">")
        case _:
            return None
    said = None if source is None else {"document": source}
    return Threshold(code, (limit,), comparator, None, None, said, tuple(highs), tuple(lows))


def _of_levels(rule: AlertRule, code: str) -> Threshold:
    edges: tuple[Edge | None, ...] = tuple(Edge(Fraction(step.bound), rule.inclusive) for step in rule.steps)
    nothing: tuple[Edge | None, ...] = (None,) * len(edges)
    comparator = ("<" if rule.inclusive else "<=") if rule.above else (">" if rule.inclusive else ">=")
    return Threshold(
        code,
        (rule.steps[0].bound,),
        comparator,
        None,
        None,
        rule.source.as_json(),
        edges if rule.above else nothing,
        nothing if rule.above else edges,
    )


# --- sections and days ---


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


@dataclass(frozen=True, slots=True)
class _Dated:
    """A fact with its days; both ends included."""

    first: int
    last: int
    fact: Any

    def holds_on(self, day: int) -> bool:
        return self.first <= day <= self.last


_LAST_DAY: Final = (1 << _DAY_BITS) + _FIRST_DAY - 2


def _dated(frame: pd.DataFrame, key: str, columns: Sequence[str]) -> dict[str, list[_Dated]]:
    """Rows of a frame by section, oldest first, with the named columns (None where there is none)."""
    check_columns(frame, "sections", {key})
    count = len(frame)

    def cells(name: str) -> list[Any]:
        return list_cells(frame[name]) if name in frame.columns else [None] * count

    found: dict[str, list[_Dated]] = {}
    rows = zip(cells(key), cells("valid_from"), cells("valid_to"), *map(cells, columns), strict=True)
    for code, start, end, *facts in rows:
        for day in (start, end):
            if day is not None and not isinstance(day, date):
                raise FrameValueError("sections", "valid_from", day)
        first = _FIRST_DAY if start is None else day_number(start)
        last = _LAST_DAY if end is None else day_number(end)
        found.setdefault(str(code), []).append(_Dated(first, last, tuple(facts)))
    for entries in found.values():
        entries.sort(key=lambda entry: entry.first)
    return found


class Duties:
    """The profile of every section on every day.

    Parameters
    ----------
    sections : DataFrame
        One row per version: code; where there, valid_from, valid_to (days, both included, None is open),
        target_class, water_body_type, river, region_code, basin. A section that is not there has no target,
        no known type of water and no region.
    sources : DataFrame
        One row per section that serves a drinking-water source: section, valid_from, valid_to.
    targets : DataFrame
        Approved limits: section, parameter, comparator, limit (Decimal), source, valid_from, valid_to.
    """

    def __init__(
        self,
        sections: pd.DataFrame,
        sources: pd.DataFrame,
        targets: pd.DataFrame,
        rules: Iterable[AlertRule],
        book: StandardBook,
    ) -> None:
        self._sections = _dated(
            sections, "code", ("target_class", "water_body_type", "river", "region_code", "basin")
        )
        self._sources = _dated(sources, "section", ())
        self._targets = _dated(targets, "section", ("parameter", "comparator", "limit", "source"))
        self._narrow = [rule for rule in rules if rule.rivers or rule.region_code]
        self._book = book
        self._standards: dict[tuple[Any, ...], Standard | None] = {}
        days = {edition.in_force for edition in book.editions}
        days |= {one.valid_to + timedelta(days=1) for one in book.editions if one.valid_to is not None}
        for overlay in book.overlays:
            spans = [(overlay.applied.in_force, overlay.applied.valid_to)]
            for limits in (overlay.limits.river, overlay.limits.lake, overlay.limits.single):
                spans += [(one.source.in_force, one.source.valid_to) for one in limits.values()]
            for start, end in spans:
                days.add(start)
                if end is not None:
                    days.add(end + timedelta(days=1))
        self._standard_days = {day_number(day) for day in days}
        self.profiles: list[Profile] = []
        self._places: dict[Profile, int] = {}

    def place(self, codes: Sequence[str], section: npt.NDArray[Any], day: IntArray) -> npt.NDArray[np.int32]:
        """Give the place in `profiles` of each reading: index of its section in `codes`, its Beijing day."""
        keys: list[int] = []
        places: list[int] = []
        for number, code in enumerate(codes):
            for start in self._starts(code):
                keys.append((number << _DAY_BITS) + start - _FIRST_DAY)
                places.append(self._profile_on(code, start))
        found = np.searchsorted(
            np.array(keys, dtype=np.int64),
            (section.astype(np.int64) << _DAY_BITS) + (day - _FIRST_DAY),
            side="right",
        )
        chosen: npt.NDArray[np.int32] = np.array([*places, 0], dtype=np.int32)[found - 1]
        return chosen

    def _starts(self, code: str) -> list[int]:
        facts = [
            *self._sections.get(code, ()),
            *self._sources.get(code, ()),
            *self._targets.get(code, ()),
        ]
        days = {entry.first for entry in facts} | {entry.last + 1 for entry in facts}
        days |= self._standard_days
        return sorted({_FIRST_DAY, *(day for day in days if _FIRST_DAY <= day <= _LAST_DAY)})

    def _profile_on(self, code: str, day: int) -> int:
        holding = [entry.fact for entry in self._sections.get(code, ()) if entry.holds_on(day)]
        target, water, river, region, basin = holding[-1] if holding else (None,) * 5
        approved: dict[str, tuple[str, str, Decimal, str | None]] = {}
        for entry in self._targets.get(code, ()):
            if entry.holds_on(day):
                approved[entry.fact[0]] = entry.fact
        standard = self._standard(region, basin, day)
        profile = Profile(
            standard=standard,
            standard_key=()
            if standard is None
            else (standard.id, *(f"{overlay.id}:{day}" for overlay in standard.overlays)),
            water_body_type=water,
            target_class=None if target is None else int(target),
            serves_source=any(entry.holds_on(day) for entry in self._sources.get(code, ())),
            approved=tuple(approved[name] for name in sorted(approved)),
            narrow=frozenset(rule.id for rule in self._narrow if _lies_here(rule, river, region)),
        )
        if profile not in self._places:
            self._places[profile] = len(self.profiles)
            self.profiles.append(profile)
        return self._places[profile]

    def _standard(self, region: str | None, basin: str | None, day: int) -> Standard | None:
        era = max((start for start in self._standard_days if start <= day), default=_FIRST_DAY)
        key = (region, basin, era)
        if key not in self._standards:
            try:
                moment = date.fromordinal(_EPOCH.toordinal() + era) if era != _FIRST_DAY else date.min
                self._standards[key] = self._book.standard_for(region, moment, basin=basin)
            except StandardNotInForceError:
                self._standards[key] = None
        return self._standards[key]


def _lies_here(rule: AlertRule, river: str | None, region: str | None) -> bool:
    """Whether a section lies where a narrow rule holds; one of no known region may, if its river does."""
    if rule.rivers and river not in rule.rivers:
        return False
    return rule.region_code is None or lies_in(region, rule.region_code) is not False


# --- thresholds as amounts ---


class Bars:
    """The thresholds of one rule as amounts, by profile and parameter; arrays (steps, profiles, parameters).

    A reading of amount a has passed step k where a >= `high[k]` or a <= `low[k]`. One below its detection
    limit d (an amount) has certainly passed it where d <= `low_below[k]`, and may have passed the first one,
    otherwise, where there is a low bound or d >= `high_below`.
    """

    def __init__(
        self,
        rule: AlertRule,
        profiles: Sequence[Profile],
        parameters: Sequence[str],
        places: Sequence[int],
        *,
        wide: bool,
    ) -> None:
        kind = _OBJECT if wide else np.dtype(np.int64)
        never = _NEVER if wide else _LARGEST
        steps = 1 if rule.floor is not None else len(rule.steps)
        shape = (steps, len(profiles), len(parameters))
        self.high: Amounts = np.full(shape, never, dtype=kind)
        self.low: Amounts = np.full(shape, -never, dtype=kind)
        self.low_below: Amounts = np.full(shape, -never, dtype=kind)
        self.high_below: Amounts = np.full(shape[1:], never, dtype=kind)
        self.has_low = np.zeros(shape[1:], dtype=bool)
        self.held = np.zeros(shape[1:], dtype=bool)
        self.thresholds: dict[tuple[int, int], Threshold] = {}
        for row, profile in enumerate(profiles):
            for column, code in enumerate(parameters):
                threshold = profile.threshold(rule, code)
                if threshold is not None:
                    self._set(row, column, threshold, 10 ** places[column], never)

    def _set(self, row: int, column: int, threshold: Threshold, scale: int, never: int) -> None:
        self.thresholds[row, column] = threshold
        self.held[row, column] = True

        def fitting(amount: int) -> int:
            return max(min(amount, never), -never)

        for step, edge in enumerate(threshold.highs):
            if edge is not None:
                scaled = edge.bound * scale
                self.high[step, row, column] = fitting(ceil(scaled) if edge.inclusive else floor(scaled) + 1)
        for step, edge in enumerate(threshold.lows):
            if edge is not None:
                scaled = edge.bound * scale
                self.low[step, row, column] = fitting(floor(scaled) if edge.inclusive else ceil(scaled) - 1)
                self.low_below[step, row, column] = fitting(floor(scaled))
                self.has_low[row, column] = True
        first = threshold.highs[0]
        if first is not None:
            self.high_below[row, column] = fitting(floor(first.bound * scale) + 1)
