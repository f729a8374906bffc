"""Warnings (预警) from single readings: over a limit, a jump, a rise, a bloom, low oxygen, metals, sources.

A rule marks readings (or the means of days or months). Marks of one section, rule and parameter that lie near
each other in time are one warning: it begins with the first and lasts as long as the next one comes within
the rule's gap. What lies between them that is not over the threshold neither ends a warning nor begins one,
so a reading that complies never opens one. The identity of a warning is its section, rule, parameter and
beginning; the order and the pieces in which readings come do not matter.

Readings of stopped stations and of stations under maintenance, values that no water can have, and readings
that quality control failed (or doubts, by the dated setting) take no part. A detection limit above the
threshold decides nothing: such readings are counted, and warn of nothing. Readings of remote sensing take
part in the rules that name this station, and in no other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import ceil, floor
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from spatial.alert_limits import Bars, Duties, Threshold, day_number
from spatial.alert_rules import AlertRule, AlertRules, load_alert_rules
from spatial.classification import is_stopped, is_under_maintenance
from spatial.columns import MISSING, Amounts, IntArray, ReadingColumns
from spatial.errors import UnknownParameterError
from spatial.overlays import StandardBook, load_standards
from spatial.parameters import find_parameter, load_parameters
from spatial.period import BEIJING
from spatial.settings import AssessmentSettings
from spatial.vocabulary import Compare, StationType

Bools = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int8]

NO_LEVEL: Final = -1
_DAY_US: Final = 86_400_000_000
_HOUR_US: Final = 3_600_000_000
_BEIJING_US: Final = 8 * _HOUR_US
_SUSPECT: Final = 3
_UNUSABLE: Final = (4, 9)
_OBJECT: Final = np.dtype(object)
_SAFE: Final = 1 << 61
_BLOCK: Final = 1 << 17
_RANK_TOLERANCE: Final = Fraction(1, 2000)
"""Printed critical values are rounded fractions: compared as in `spatial.trend`."""


@dataclass(frozen=True, slots=True)
class AlertReading:
    """One reading (or mean) behind a warning; `value` is the detection limit where `censored`."""

    sampled_at: datetime
    value: Fraction
    censored: bool
    upload_id: int | None

    def as_json(self) -> dict[str, object]:
        """The reading as it stands in evidence."""
        return {
            "sampled_at": self.sampled_at.isoformat(),
            "value": _number(self.value),
            "censored": self.censored,
            "upload_id": self.upload_id,
        }


@dataclass(frozen=True, slots=True)
class Alert:
    """One warning: an episode of one section, rule and parameter.

    `id` is the identity (16 hexadecimal digits). `started_at` and `ended_at` are the moments of the first and
    the last reading behind it, in Beijing; of means the first moment of their period. `count` readings are
    behind it, of which `readings` lists the first and the last. `worst` is the most severe of them.
    `multiple` is how many times the limit is exceeded, None where there is no such number; `level` what it is
    compared with by a jump or a rise (median or first mean).
    """

    id: str
    rule_id: str
    kind: str
    section: str
    parameter: str
    severity: str
    started_at: datetime
    ended_at: datetime
    count: int
    worst: AlertReading
    multiple: Fraction | None
    level: Fraction | None
    threshold: Threshold | None
    readings: tuple[AlertReading, ...]
    upload_ids: tuple[int, ...]
    gap_us: int

    def as_json(self, rules: AlertRules) -> dict[str, Any]:
        """The warning in JSON, without state and place."""
        return {
            "id": self.id,
            "rule_id": self.rule_id,
            "kind": self.kind,
            "section": self.section,
            "parameter": self.parameter,
            "severity": self.severity,
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "readings": self.count,
            "measured": {
                **self.worst.as_json(),
                "multiple": _number(self.multiple),
                "compared_with": _number(self.level),
            },
            "limit": {} if self.threshold is None else self.threshold.as_json(),
            "evidence": {
                "rule": {**rules.rule(self.rule_id).as_json(), "sha256": rules.sha256},
                "data": {
                    "readings": [one.as_json() for one in self.readings],
                    "readings_left_out": self.count - len(self.readings),
                    "upload_ids": list(self.upload_ids),
                },
            },
        }


@dataclass(frozen=True, slots=True)
class Undecided:
    """Readings of which nobody can say whether they pass a threshold: their detection limit lies above it."""

    rule_id: str
    section: str
    parameter: str
    readings: int


@dataclass(frozen=True, slots=True)
class AlertResult:
    """Warnings by section, rule, parameter and beginning, and what was not decided."""

    alerts: tuple[Alert, ...]
    undecided: tuple[Undecided, ...]


def _number(value: Fraction | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value.denominator == 1 else float(value)


def alert_id(section: str, rule_id: str, parameter: str, started_at: datetime) -> str:
    """The identity of a warning: the first 16 digits of a SHA-256 over what it is about and its beginning."""
    moment = started_at.astimezone(UTC).isoformat()
    return sha256(f"{rule_id}|{section}|{parameter}|{moment}".encode()).hexdigest()[:16]


def find_alerts(
    columns: ReadingColumns,
    sections: pd.DataFrame,
    sources: pd.DataFrame,
    targets: pd.DataFrame,
    *,
    rules: AlertRules | None = None,
    only: Iterable[str] | None = None,
    settings: AssessmentSettings | None = None,
    book: StandardBook | None = None,
) -> AlertResult:
    """Find every warning that readings give.

    Parameters
    ----------
    columns : ReadingColumns
        The latest revision of each reading. A piece of a longer series gives the warnings of that piece.
    sections, sources, targets : DataFrame
        What sections are held to, by day: see `spatial.alert_limits.Duties`.
    only : names of rules, optional
        Leave out the others.

    Raises
    ------
    UnknownParameterError
        If no parameter of the registry has a code of the columns.
    """
    rules = rules or load_alert_rules()
    chosen = [rule for rule in rules.rules if only is None or rule.id in set(only)]
    series = _Series(columns, settings or AssessmentSettings())
    duties = Duties(sections, sources, targets, chosen, book or load_standards())
    profile = duties.place(columns.sections, series.section, series.day)
    alerts: list[Alert] = []
    undecided: list[Undecided] = []
    if len(series):
        for rule in chosen:
            bars = Bars(rule, duties.profiles, columns.parameters, columns.places, wide=series.wide)
            found = _RuleFinder(series, profile, bars, rule, rules)
            alerts.extend(found.alerts())
            undecided.extend(found.undecided())
    alerts.sort(key=lambda one: (one.section, one.rule_id, one.parameter, one.started_at))
    undecided.sort(key=lambda one: (one.section, one.rule_id, one.parameter))
    return AlertResult(tuple(alerts), tuple(undecided))


# --- the readings that take part ---


class _Series:
    """Readings that take part, by section, parameter and time; arrays of one length.

    `amount` is what is compared with limits (the shown or the unrounded value, by the dated setting; of a
    censored reading the detection limit), `exact` the unrounded value where there is one: for changes.
    """

    def __init__(self, columns: ReadingColumns, settings: AssessmentSettings) -> None:
        registry = load_parameters()
        for code in columns.parameters:
            if code not in registry:
                raise UnknownParameterError(code)
        self.columns = columns
        count = len(columns)
        day = (columns.moment + _BEIJING_US) // _DAY_US
        censored = np.zeros(count, dtype=bool) if columns.censored is None else columns.censored
        shown = columns.amount
        full = shown
        if columns.full_amount is not None:
            full = np.where(columns.full_amount == MISSING, shown, columns.full_amount)
        limit = shown
        if columns.limit_amount is not None:
            limit = np.where(columns.limit_amount == MISSING, shown, columns.limit_amount)
        takes_full = _takes_full(day, columns.moment, settings)
        amount = np.where(censored, limit, np.where(takes_full, full, shown))
        exact = np.where(censored, limit, full)
        self.wide = _OBJECT in (amount.dtype, exact.dtype)
        part = _taking_part(columns, amount, settings)
        group = columns.section.astype(np.int64) * len(columns.parameters) + columns.parameter
        rows = np.flatnonzero(part)
        # By amount and the rest at last, so that rows that say the same time have one order, too.
        keys = (
            _sortable(exact[rows]),
            _sortable(amount[rows]),
            censored[rows],
            columns.moment[rows],
            group[rows],
        )
        rows = rows[np.lexsort(keys)]
        self.section = columns.section[rows]
        self.parameter = columns.parameter[rows]
        self.moment: IntArray = columns.moment[rows]
        self.day: IntArray = day[rows]
        self.amount: Amounts = amount[rows]
        self.exact: Amounts = exact[rows]
        self.censored: Bools = censored[rows]
        self.group: IntArray = group[rows]
        self.automatic: Bools = (
            np.zeros(len(rows), dtype=bool) if columns.automatic is None else columns.automatic[rows]
        )
        self.remote: Bools = (
            np.zeros(len(rows), dtype=bool) if columns.remote is None else columns.remote[rows]
        )
        self.upload = None if columns.upload is None else columns.upload[rows]

    def __len__(self) -> int:
        return len(self.section)

    def doubled(self, rows: npt.NDArray[Any]) -> Amounts:
        """Twice the amounts; of what was not detected once the detection limit: half of it counts."""
        exact = self.exact[rows]
        if exact.dtype != _OBJECT and exact.size and int(np.abs(exact).max()) > (_SAFE >> 12):
            exact = exact.astype(object)
        doubled: Amounts = np.where(self.censored[rows], exact, 2 * exact)
        return doubled

    def of_items(self, rule: AlertRule, codes: Iterable[str]) -> npt.NDArray[np.int64]:
        """The rows of some parameters, of the station that a rule asks for, on the days that it holds.

        Remote sensing is looked at by the rules that ask for it, and by no other.
        """
        chosen = [number for number, code in enumerate(self.columns.parameters) if code in set(codes)]
        mask = np.isin(self.parameter, chosen)
        mask &= self.remote == (rule.station == StationType.REMOTE_SENSING)
        if rule.station in (StationType.AUTOMATIC, StationType.MANUAL):
            mask &= self.automatic == (rule.station == StationType.AUTOMATIC)
        mask &= self.day >= day_number(rule.source.in_force)
        if rule.source.valid_to is not None:
            mask &= self.day <= day_number(rule.source.valid_to)
        return np.flatnonzero(mask)

    def upload_of(self, row: int) -> int | None:
        """The upload of a reading, None where it is not known."""
        if self.upload is None or self.upload[row] < 0:
            return None
        return self.columns.uploads[int(self.upload[row])]


def _sortable(amounts: Amounts) -> Amounts:
    """Amounts as `lexsort` can take them: objects by their rank."""
    if amounts.dtype != _OBJECT:
        return amounts
    ranks: Amounts = np.unique(amounts, return_inverse=True)[1]
    return ranks


def _takes_full(day: IntArray, moment: IntArray, settings: AssessmentSettings) -> Bools:
    """Whether the unrounded value is compared, by Beijing day."""
    if settings.compare is not None:
        return np.full(len(day), settings.compare is Compare.FULL)
    found = np.full(len(day), settings.method.compare_undated is Compare.FULL)
    for entry in reversed(settings.method.compare_dated):
        inside = moment != MISSING
        if entry.start is not None:
            inside &= day >= day_number(entry.start)
        if entry.end is not None:
            inside &= day <= day_number(entry.end)
        found[inside] = entry.compare is Compare.FULL
    return found


def _taking_part(columns: ReadingColumns, amount: Amounts, settings: AssessmentSettings) -> Bools:
    """Mark the readings that take part (see the head of the module)."""
    part: Bools = (columns.moment != MISSING) & (columns.section >= 0) & (amount != MISSING)
    wide = amount.dtype == _OBJECT
    kind = _OBJECT if wide else np.dtype(np.int64)
    least, most = (0, 0) if wide else (-(1 << 63) + 1, (1 << 63) - 1)
    lows, highs = [], []
    for code, places in zip(columns.parameters, columns.places, strict=True):
        parameter = find_parameter(code)
        low = ceil(Fraction(parameter.gross_min) * 10**places)
        high = floor(Fraction(parameter.gross_max) * 10**places)
        lows.append(low if wide else max(low, least))
        highs.append(high if wide else min(high, most))
    if len(columns):
        part &= amount >= np.array(lows, dtype=kind).take(columns.parameter)
        part &= amount <= np.array(highs, dtype=kind).take(columns.parameter)
    if columns.status is not None:
        method = settings.method
        out = [is_stopped(word, method) or is_under_maintenance(word, method) for word in columns.statuses]
        part &= ~np.array([*out, False], dtype=bool)[columns.status]
    if columns.quality is not None:
        flags = _UNUSABLE if settings.use_suspect else (_SUSPECT, *_UNUSABLE)
        part &= ~np.isin(columns.quality, flags)
    return part


# --- marks ---


@dataclass(frozen=True, slots=True, eq=False)
class _Marks:
    """What a rule marks: arrays of one length, by group and time.

    `row` is a reading behind each mark; `severity` its place among the severities. `value` over `divisor` is
    the marked number, as an amount; `level` over `level_divisor` what it was compared with, None where that
    is the limit.
    """

    row: npt.NDArray[np.int64]
    moment: IntArray
    severity: Levels
    value: Amounts
    divisor: IntArray
    level: Amounts | None = None
    level_divisor: IntArray | None = None


def _no_marks() -> _Marks:
    nothing = np.empty(0, dtype=np.int64)
    return _Marks(nothing, nothing, np.empty(0, dtype=np.int8), nothing, nothing)


class _RuleFinder:
    """One rule over all readings."""

    def __init__(
        self,
        series: _Series,
        profile: npt.NDArray[np.int32],
        bars: Bars,
        rule: AlertRule,
        rules: AlertRules,
    ) -> None:
        self.series = series
        self.bars = bars
        self.rule = rule
        self.rules = rules
        self.profile = profile
        self._open = np.empty(0, dtype=np.int64)
        codes = [
            code
            for number, code in enumerate(series.columns.parameters)
            if bars.held.shape[0] and bars.held[:, number].any()
        ]
        match rule.test:
            case "jump":
                self.marks = self._jumps(series.of_items(rule, codes))
            case "rise":
                self.marks = self._rises(series.of_items(rule, codes))
            case "daily_swing":
                self.marks = self._swings()
            case _:
                self.marks = self._exceedances(series.of_items(rule, codes))

    # -- limits and levels -------------------------------------------------------------------------------

    def _cells(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Flat place of each reading in a table (profiles, parameters)."""
        width = self.bars.held.shape[1]
        cells: npt.NDArray[np.int64] = self.profile[rows].astype(np.int64) * width
        return cells + self.series.parameter[rows]

    def _exceedances(self, rows: npt.NDArray[np.int64]) -> _Marks:
        cells = self._cells(rows)
        held = self.bars.held.reshape(-1)[cells] if rows.size else np.empty(0, dtype=bool)
        rows, cells = rows[held], cells[held]
        if not rows.size:
            return _no_marks()
        amount, below = self.series.amount[rows], self.series.censored[rows]
        severity = np.full(len(rows), NO_LEVEL, dtype=np.int8)
        for place, step in enumerate(self.rule.steps):
            high, low, low_below = (
                table[place].reshape(-1)[cells]
                for table in (self.bars.high, self.bars.low, self.bars.low_below)
            )
            passed = np.where(below, amount <= low_below, (amount >= high) | (amount <= low))
            severity[passed.astype(bool)] = step.severity
        may = (amount >= self.bars.high_below.reshape(-1)[cells]) | self.bars.has_low.reshape(-1)[cells]
        self._open = rows[below & may.astype(bool) & (severity == NO_LEVEL)]
        marked = np.flatnonzero(severity != NO_LEVEL)
        rows = rows[marked]
        ones = np.ones(len(rows), dtype=np.int64)
        return _Marks(rows, self.series.moment[rows], severity[marked], self.series.amount[rows], ones)

    # -- jumps -------------------------------------------------------------------------------------------

    def _jumps(self, rows: npt.NDArray[np.int64]) -> _Marks:
        """Readings that are so many times the median of those before them, and reach the floor.

        The amounts are doubled (see `_Series.doubled`), and so is the median again by its two middle numbers.
        """
        test = self.rule.jump
        if test is None or not rows.size:
            return _no_marks()
        found = []
        # Blocks overlap by the readings that the first ones of a block look back to.
        for start in range(0, len(rows), _BLOCK):
            before = max(start - test.previous, 0)
            found.append(self._jumps_of(rows[before : start + _BLOCK], start - before))
        return _Marks(
            *(
                np.concatenate([getattr(part, name) for part in found])
                for name in ("row", "moment", "severity", "value", "divisor", "level", "level_divisor")
            )
        )

    def _jumps_of(self, rows: npt.NDArray[np.int64], skip: int) -> _Marks:
        test = self.rule.jump
        if test is None:
            raise ValueError(f"{self.rule.id} is no rule of jumps")
        series = self.series
        doubled = series.doubled(rows)
        group, moment = series.group[rows], series.moment[rows]
        last = np.iinfo(np.int64).max if doubled.dtype != _OBJECT else int(doubled.max()) + 1
        window = np.full((len(rows), test.previous), last, dtype=doubled.dtype)
        count = np.zeros(len(rows), dtype=np.int64)
        for back in range(1, min(test.previous, len(rows) - 1) + 1):
            near = (group[back:] == group[:-back]) & (moment[back:] - moment[:-back] <= test.within_us)
            # Two readings of one moment are no past of each other.
            near &= moment[back:] > moment[:-back]
            window[back:, back - 1][near] = doubled[:-back][near]
            count[back:] += near
        floor_of = self.bars.high[0].reshape(-1)[self._cells(rows)]
        asked = (count >= test.fewest) & ~series.censored[rows] & (series.exact[rows] >= floor_of)
        asked[:skip] = False
        asked = np.flatnonzero(asked.astype(bool))
        window = np.sort(window[asked], axis=1)
        middle = count[asked]
        twice = (
            np.take_along_axis(window, ((middle - 1) // 2)[:, None], axis=1)[:, 0]
            + np.take_along_axis(window, (middle // 2)[:, None], axis=1)[:, 0]
        )
        now = 2 * doubled[asked]
        severity = np.full(len(asked), NO_LEVEL, dtype=np.int8)
        for step in self.rule.steps:
            factor = Fraction(step.bound)
            if max(factor.numerator, factor.denominator) > 1 << 9:
                now, twice = now.astype(object), twice.astype(object)
            passed = now * factor.denominator >= twice * factor.numerator
            severity[passed.astype(bool)] = step.severity
        marked = np.flatnonzero(severity != NO_LEVEL)
        chosen = rows[asked[marked]]
        ones = np.ones(len(chosen), dtype=np.int64)
        return _Marks(
            chosen,
            moment[asked[marked]],
            severity[marked],
            series.exact[chosen],
            ones,
            twice[marked],
            4 * ones,
        )

    # -- rises -------------------------------------------------------------------------------------------

    def _rises(self, rows: npt.NDArray[np.int64]) -> _Marks:
        """Periods that end a rise of means; each stands at its first moment, on Beijing clocks."""
        test = self.rule.rise
        if test is None or not rows.size:
            return _no_marks()
        series = self.series
        period = series.day[rows]
        if test.period == "month":
            period = _month_of(period)
        group = series.group[rows]
        starts = np.flatnonzero(
            np.concatenate([[True], (group[1:] != group[:-1]) | (period[1:] != period[:-1])])
        )
        doubled = series.doubled(rows)
        if doubled.dtype != _OBJECT and int(np.abs(doubled).max()) > (1 << 20):
            doubled = doubled.astype(object)  # products of sums and counts must not overflow
        sums = np.add.reduceat(doubled, starts)
        counts = np.diff(np.concatenate([starts, [len(rows)]]))
        first_row = rows[starts]
        enough = counts >= test.fewest_per_period
        sums, counts, first_row = sums[enough], counts[enough], first_row[enough]
        group, period = group[starts][enough], period[starts][enough]
        width = test.periods
        if len(group) < width:
            return _no_marks()
        ends = np.arange(width - 1, len(group))
        begins = ends - width + 1
        # In one row without a gap: as many periods between the two ends as there are steps.
        whole = (group[ends] == group[begins]) & (period[ends] - period[begins] == width - 1)
        ends, begins = ends[whole], begins[whole]
        factor = Fraction(test.factor)
        grown = (
            sums[ends] * counts[begins] * factor.denominator >= sums[begins] * counts[ends] * factor.numerator
        )
        floor_of = self.bars.high[0].reshape(-1)[self._cells(first_row[ends])]
        grown = grown.astype(bool)
        ends, begins, floor_of = ends[grown], begins[grown], floor_of[grown]
        reached = sums[ends].astype(object) >= 2 * floor_of.astype(object) * counts[ends]
        ends, begins = ends[reached.astype(bool)], begins[reached.astype(bool)]
        if test.method == "consecutive":
            kept = np.ones(len(ends), dtype=bool)
            for back in range(width - 1):
                after, before = ends - back, ends - back - 1
                kept &= (sums[after] * counts[before] > sums[before] * counts[after]).astype(bool)
        else:
            kept = self._rank_rises(sums, counts, begins, width)
        ends, begins = ends[kept], begins[kept]
        first_day = period[ends] if test.period == "day" else _first_day_of(period[ends])
        only = np.full(len(ends), self.rule.steps[0].severity, dtype=np.int8)
        return _Marks(
            first_row[ends],
            first_day * _DAY_US - _BEIJING_US,
            only,
            sums[ends],
            2 * counts[ends],
            sums[begins],
            2 * counts[begins],
        )

    def _rank_rises(self, sums: Amounts, counts: IntArray, begins: IntArray, width: int) -> Bools:
        """Whether Spearman's coefficient reaches the critical value; ties take their mean rank."""
        test = self.rule.rise
        if test is None or test.at_least is None:
            raise ValueError(f"{self.rule.id} has no critical value")
        squares = np.zeros(len(begins), dtype=np.int64)
        for place in range(width):
            here = begins + place
            rank = np.ones(len(begins), dtype=np.int64)  # doubled: twice those below, once those equal
            for other in range(width):
                there = begins + other
                left, right = sums[there] * counts[here], sums[here] * counts[there]
                rank += 2 * (left < right).astype(np.int64) + (left == right).astype(np.int64)
            squares += (rank - 2 * (place + 1)) ** 2
        # rs = 1 - 6 Σ d² / (n³ - n), with d doubled.
        most = (1 - Fraction(test.at_least) + _RANK_TOLERANCE) * (width**3 - width) * 4 / 6
        return squares <= floor(most)

    # -- blooms by their days ----------------------------------------------------------------------------

    def _swings(self) -> _Marks:
        """Days on which oxygen and pH rise together from night to daylight, and oxygen reaches its peak."""
        test = self.rule.swing
        codes = self.series.columns.parameters
        if test is None or not {"do", "ph"} <= set(codes):
            return _no_marks()
        swings = {}
        for code in ("do", "ph"):
            swings[code] = self._swing_of(code)
        oxygen, ph = swings["do"], swings["ph"]
        _, left, right = np.intersect1d(oxygen.key, ph.key, assume_unique=True, return_indices=True)
        places = dict(zip(codes, self.series.columns.places, strict=True))

        def reached(amounts: Amounts, bound: Decimal, code: str) -> Bools:
            marked: Bools = np.asarray(amounts >= ceil(Fraction(bound) * 10 ** places[code]), dtype=bool)
            return marked

        kept = reached(oxygen.high[left] - oxygen.low[left], test.oxygen_rise, "do")
        kept &= reached(ph.high[right] - ph.low[right], test.ph_rise, "ph")
        kept &= reached(oxygen.high[left], test.oxygen_peak, "do")
        chosen = left[kept]
        row = oxygen.row[chosen]
        ones = np.ones(len(chosen), dtype=np.int64)
        return _Marks(
            row,
            self.series.day[row] * _DAY_US - _BEIJING_US,
            np.full(len(chosen), self.rule.steps[0].severity, dtype=np.int8),
            oxygen.high[chosen],
            ones,
            oxygen.low[chosen],
            ones,
        )

    def _swing_of(self, code: str) -> "_Swing":
        """Lowest amount at night and highest by day, for every section and day that has both."""
        test = self.rule.swing
        if test is None:
            raise ValueError(f"{self.rule.id} is no rule of daily swings")
        series = self.series
        rows = series.of_items(self.rule, [code])
        rows = rows[~series.censored[rows]]
        hour = (series.moment[rows] + _BEIJING_US) % _DAY_US // _HOUR_US
        parts = []
        for hours, take in ((test.night_hours, np.minimum), (test.day_hours, np.maximum)):
            chosen = rows[(hour >= hours[0]) & (hour < hours[1])]
            key = (series.section[chosen].astype(np.int64) << 24) + series.day[chosen] + (1 << 22)
            if not chosen.size:
                parts.append((key, series.exact[chosen], chosen))
                continue
            starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
            parts.append((key[starts], take.reduceat(series.exact[chosen], starts), chosen[starts]))
        (night_key, low, _), (day_key, high, row) = parts
        both, left, right = np.intersect1d(night_key, day_key, assume_unique=True, return_indices=True)
        return _Swing(both, low[left], high[right], row[right])

    # -- episodes ----------------------------------------------------------------------------------------

    def alerts(self) -> list[Alert]:
        """The warnings: marks of one group that lie near each other, where there are enough of them."""
        marks = self.marks
        if not len(marks.row):
            return []
        series, rule = self.series, self.rule
        group, automatic = series.group[marks.row], series.automatic[marks.row]
        order = np.lexsort((marks.moment, group))
        gap = np.where(automatic, self.rules.gap_automatic_us, self.rules.gap_manual_us)
        if rule.gap_us is not None:
            gap = np.full(len(order), rule.gap_us)
        group, moment, gap, automatic = group[order], marks.moment[order], gap[order], automatic[order]
        severity = marks.severity[order]
        far = moment[1:] - moment[:-1] > gap[:-1]
        starts = np.flatnonzero(np.concatenate([[True], (group[1:] != group[:-1]) | far]))
        ends = np.concatenate([starts[1:], [len(order)]])
        by_machine = np.add.reduceat(automatic.astype(np.int64), starts)
        kept = (by_machine >= rule.fewest_automatic) | (ends - starts - by_machine >= rule.fewest_manual)
        if rule.at_once is not None:
            kept |= np.maximum.reduceat(severity, starts) >= rule.at_once
        # The worst of each: the most severe, then what is farthest past its threshold, then the earliest.
        episode = np.repeat(np.arange(len(starts)), ends - starts)
        by_badness = np.lexsort((-moment, self._badness()[order], severity, episode))
        worst = order[by_badness[ends - 1]]
        return [
            self._alert(order[start:end], int(most), int(gap[end - 1]))
            for start, end, most in zip(
                starts[kept].tolist(), ends[kept].tolist(), worst[kept].tolist(), strict=True
            )
        ]

    def _badness(self) -> npt.NDArray[np.float64]:
        """How far each mark is past its threshold, only to choose one of them: as floats."""
        marks = self.marks
        value = marks.value.astype(np.float64) / marks.divisor
        if marks.level is not None and marks.level_divisor is not None:
            level = marks.level.astype(np.float64) / marks.level_divisor
            return np.where(level > 0, value / np.where(level > 0, level, 1.0), value)
        cells = self._cells(marks.row)
        high, low = (table[0].reshape(-1)[cells] for table in (self.bars.high, self.bars.low))
        is_low = np.asarray(marks.value <= low, dtype=bool)
        far = np.where(is_low, low - marks.value, marks.value - np.where(is_low, marks.value, high))
        return far.astype(np.float64)

    def _alert(self, marked: npt.NDArray[np.int64], worst: int, gap: int) -> Alert:
        """One warning from its marks, in time."""
        marks, series = self.marks, self.series
        most = marks.severity[worst]
        rows = marks.row[marked]
        section = series.columns.sections[int(series.section[rows[0]])]
        code = series.columns.parameters[int(series.parameter[rows[0]])]
        half = self.rules.readings_kept // 2
        listed = list(marked) if len(marked) <= 2 * half else [*marked[:half], *marked[-half:]]
        threshold = self._threshold(worst)
        value = self._reading(worst)
        started_at = _beijing(int(marks.moment[marked[0]]))
        uploads = [] if series.upload is None else np.unique(series.upload[rows]).tolist()
        return Alert(
            id=alert_id(section, self.rule.id, code, started_at),
            rule_id=self.rule.id,
            kind=self.rule.kind,
            section=section,
            parameter=code,
            severity=self.rules.severities[int(most)],
            started_at=started_at,
            ended_at=_beijing(int(marks.moment[marked[-1]])),
            count=len(marked),
            worst=value,
            multiple=_multiple(threshold, value)
            if marks.level is None and self.rule.test != "level"
            else None,
            level=self._level(worst),
            threshold=threshold,
            readings=tuple(self._reading(int(place)) for place in listed),
            upload_ids=tuple(sorted(series.columns.uploads[number] for number in uploads if number >= 0)),
            gap_us=gap,
        )

    def _threshold(self, mark: int) -> Threshold | None:
        row = self.marks.row[mark]
        return self.bars.thresholds.get((int(self.profile[row]), int(self.series.parameter[row])))

    def _reading(self, mark: int) -> AlertReading:
        marks, series = self.marks, self.series
        row = int(marks.row[mark])
        scale = 10 ** series.columns.places[int(series.parameter[row])]
        means = self.rule.rise is not None
        return AlertReading(
            sampled_at=_beijing(int(marks.moment[mark] if means else series.moment[row])),
            value=Fraction(int(marks.value[mark]), int(marks.divisor[mark]) * scale),
            censored=not means and bool(series.censored[row]),
            upload_id=series.upload_of(row),
        )

    def _level(self, mark: int) -> Fraction | None:
        marks = self.marks
        if marks.level is None or marks.level_divisor is None:
            return None
        scale = 10 ** self.series.columns.places[int(self.series.parameter[marks.row[mark]])]
        return Fraction(int(marks.level[mark]), int(marks.level_divisor[mark]) * scale)

    def undecided(self) -> list[Undecided]:
        """How many readings of each section and parameter could not be decided."""
        series = self.series
        groups, counts = np.unique(series.group[self._open], return_counts=True)
        width = len(series.columns.parameters)
        return [
            Undecided(
                self.rule.id,
                series.columns.sections[group // width],
                series.columns.parameters[group % width],
                count,
            )
            for group, count in zip(groups.tolist(), counts.tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class _Swing:
    """By section and day (`key`): lowest amount at night, highest by day, a reading of the day."""

    key: IntArray
    low: Amounts
    high: Amounts
    row: npt.NDArray[np.int64]


def _multiple(threshold: Threshold | None, reading: AlertReading) -> Fraction | None:
    """How many times a limit is exceeded; only upper limits have such a number."""
    if threshold is None or threshold.comparator not in ("<=", "<") or threshold.limit[0] <= 0:
        return None
    return reading.value / Fraction(threshold.limit[0]) - 1


def _beijing(moment: int) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).astimezone(BEIJING)


def _month_of(day: IntArray) -> IntArray:
    """Year * 12 + month - 1 of Beijing days, counted from 1970."""
    months: IntArray = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def _first_day_of(month: IntArray) -> IntArray:
    days: IntArray = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days


# --- how far a rule looks ---


def look_back(rules: Sequence[AlertRule]) -> timedelta:
    """How far before a reading another one can change what these rules say of it, in whole days."""
    days = 1
    for rule in rules:
        if rule.jump is not None:
            days = max(days, rule.jump.within_us // _DAY_US + 1)
        if rule.rise is not None:
            days = max(days, (31 if rule.rise.period == "month" else 1) * (rule.rise.periods + 1))
    return timedelta(days=days)


def margin(rules: AlertRules, chosen: Sequence[AlertRule]) -> timedelta:
    """How far marks that are too few for a warning of their own can reach from one that they belong to."""
    gaps = [rule.fewest_automatic * (rule.gap_us or rules.gap_automatic_us) for rule in chosen]
    by_hand = [
        rule.fewest_manual * (rule.gap_us or rules.gap_manual_us) for rule in chosen if rule.fewest_manual > 1
    ]
    return timedelta(microseconds=max([*gaps, *by_hand, _DAY_US]))
