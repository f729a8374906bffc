"""Exact sums of readings by section, parameter and stretch of time: what every mean and every count rests on.

A `Tally` takes readings in any number of pieces and in any order, and keeps whole numbers only, so that
neither the pieces, nor their order, nor the machine changes a result. The time that is asked about is cut
into stretches that lie within one month, within or outside every period, and on one side of every dated
setting; the sums of a period are the sums of its stretches.

Which readings enter is decided here: those of stopped stations and of stations under maintenance do not, nor
values that no water can have, nor those that failed quality control; suspect ones are kept apart. Readings of
remote sensing are not even counted, unless the settings let them in. Within a
month of the period, automatic data stand before manual data for the items of 环办监测函〔2020〕82号.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import ceil, floor, lcm
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spatial.classification import is_stopped, is_under_maintenance
from spatial.columns import MISSING, Amounts, IntArray, ReadingColumns, scale_amounts
from spatial.errors import UnknownParameterError
from spatial.parameters import find_parameter, load_parameters
from spatial.period import BEIJING, Period, PeriodKind
from spatial.settings import AssessmentSettings
from spatial.vocabulary import Compare, PhMean

REASONS: Final = (
    "detection_limit_unknown",
    "readings_failed_quality",
    "readings_suspect",
    "station_stopped",
    "station_under_maintenance",
    "value_impossible",
    "value_missing",
)
"""Why a reading does not enter, in the order in which counts are reported."""

SHORT_RANGE_DAYS: Final = 31

_LIMIT_UNKNOWN, _FAILED, _SUSPECT, _STOPPED, _MAINTENANCE, _IMPOSSIBLE, _ABSENT = range(1, 8)
# Flags of QARTOD; a reading without one is as usable as one that passed.
_SUSPECT_FLAG: Final = 3
_UNUSABLE_FLAGS: Final = (4, 9)

_SECOND: Final = 1_000_000
HOUR: Final = 3600 * _SECOND
_BLOCK: Final = 1 << 18
"""Readings at a time: few enough that the arrays of one step stay near the processor."""
_MOST_MARKS: Final = 1 << 27
_ROUND_HOURS: Final = 4
_MOST_MOMENTS: Final = 1 << 23
_SAFE: Final = float(1 << 60)
"""Two powers of two below the most: for the halves of detection limits, and the rounding of the bound."""
_LARGEST: Final = int(np.iinfo(np.int64).max)
_OBJECT: Final = np.dtype(object)
_PRECISION: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
# Hydrogen-ion activities, 10**-pH with 28 digits, are whole multiples of this power for any pH of water.
_ION_PLACES: Final = 60
_WIDE: Final = Context(prec=200)

_MANUAL, _AUTOMATIC = range(2)
_AUTOMATIC_BIT: Final = 1
_MANUAL_BIT: Final = 2
_FIRST_ITEM_BIT: Final = 4


def is_plain_mean(period: Period) -> bool:
    """Tell whether a period takes the mean of its samples; a longer one takes the mean of monthly means."""
    if period.kind is PeriodKind.RANGE:
        return period.days <= SHORT_RANGE_DAYS
    return period.kind in (PeriodKind.MONTH, PeriodKind.QUARTER)


def needed_evidence(period: Period, section: str, settings: AssessmentSettings) -> tuple[int, str]:
    """Give what a section needs in a period: how many, and of what (`samples` or `months`)."""
    method = settings.method
    if period.kind is PeriodKind.QUARTER:
        return method.quarter_samples, "samples"
    if is_plain_mean(period):
        return method.month_samples, "samples"
    if period.kind is PeriodKind.YEAR:
        if section in settings.interrupted_sections:
            return method.year_months_interrupted, "months"
        return method.year_months, "months"
    return ceil(len(period.months) * method.range_months_share), "months"


def _instant(day: date) -> int:
    """Give the first microsecond of a Beijing day."""
    moment = datetime.combine(day, time(), BEIJING)
    return int(moment.timestamp()) * _SECOND


class TimeGrid:
    """The time that some periods ask about, cut into stretches (see the head of the module).

    Attributes
    ----------
    base : int
        First microsecond of the earliest period.
    stretch_of_hour : int32 (hours + 1,)
        Stretch of each hour since `base`, -1 outside every period; the last entry stands for all later hours.
    months : int64 (stretches,)
        Year * 12 + month - 1 of each stretch.
    takes_full : bool (stretches,)
        Whether the unrounded value is compared in a stretch.
    slots : list, by period, of lists, by month, of stretch numbers
    """

    def __init__(self, periods: Sequence[Period], settings: AssessmentSettings) -> None:
        days: set[date] = set()
        for period in periods:
            days |= {period.start, period.end + timedelta(days=1)}
            days |= {date(year, month, 1) for year, month in period.months[1:]}
        if days:
            first, last = min(days), max(days)
            for entry in settings.method.compare_dated:
                changes = (entry.start, None if entry.end is None else entry.end + timedelta(days=1))
                days |= {day for day in changes if day is not None and first < day < last}
        bounds = sorted(days)
        starts = [
            (start, end)
            for start, end in pairwise(bounds)
            if any(period.start <= start and end <= period.end + timedelta(days=1) for period in periods)
        ]
        self.starts = [start for start, _ in starts]
        self.base = _instant(bounds[0]) if bounds else 0
        hours = (_instant(bounds[-1]) - self.base) // HOUR if bounds else 0
        self.stretch_of_hour = np.full(hours + 1, -1, dtype=np.int32)
        for number, (start, end) in enumerate(starts):
            begin, close = ((_instant(day) - self.base) // HOUR for day in (start, end))
            self.stretch_of_hour[begin:close] = number
        self.months = np.array([start.year * 12 + start.month - 1 for start, _ in starts], dtype=np.int64)
        self.takes_full = np.array(
            [(settings.compare or settings.method.compare_on(start)) is Compare.FULL for start, _ in starts],
            dtype=bool,
        )
        self.slots: list[list[list[int]]] = []
        for period in periods:
            inside = [
                number for number, start in enumerate(self.starts) if period.start <= start <= period.end
            ]
            self.slots.append(
                [
                    [number for number in inside if self.months[number] == year * 12 + month - 1]
                    for year, month in period.months
                ]
            )

    def __len__(self) -> int:
        return len(self.starts)

    def wet(self, flood_months: Iterable[int]) -> npt.NDArray[np.bool_]:
        """Mark the stretches of the flood months."""
        return np.isin(self.months % 12 + 1, list(flood_months))

    @cached_property
    def day_of_hour(self) -> npt.NDArray[np.int32]:
        """Number of the Beijing day of each hour since `base`; the day after the last for all later hours."""
        hours = len(self.stretch_of_hour) - 1
        day = datetime.fromtimestamp(self.base // _SECOND, BEIJING).date()
        found = np.empty(hours + 1, dtype=np.int32)
        number = begin = 0
        while begin < hours:
            day += timedelta(days=1)
            close = min(hours, (_instant(day) - self.base) // HOUR)
            found[begin:close] = number
            begin, number = close, number + 1
        found[hours] = number
        return found


class _Sum:
    """One exact sum for every cell: 64-bit integers, or Python integers before those could overflow."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.cells: Amounts = np.zeros(shape, dtype=np.int64)
        self._reach = 0.0

    def add(self, cells: npt.NDArray[Any], amounts: Amounts) -> None:
        """Add amounts to cells, by flat number; a cell may come any number of times."""
        if amounts.size == 0:
            return
        if amounts.dtype == _OBJECT:
            self._widen()
        elif self.cells.dtype != _OBJECT:
            more = max(float(amounts.max()), -float(amounts.min())) * amounts.size
            if self._reach + more > _SAFE:
                # The bound adds up the greatest amounts, wherever they stood: what the cells hold is less.
                self._reach = _greatest(self.cells)
            self._reach += more
            if self._reach > _SAFE:
                self._widen()
        np.add.at(self.cells.reshape(-1), cells, amounts.astype(self.cells.dtype, copy=False))

    def raise_places(self, slot: int, power: int) -> None:
        """Multiply the cells of one parameter by ten to a power."""
        if self.cells.dtype != _OBJECT:
            self._reach = max(self._reach, _greatest(self.cells[slot]) * 10.0**power)
            if self._reach > _SAFE:
                self._widen()
        self.cells[slot] *= 10**power

    def grow(self, parameters: int) -> None:
        """Make room for more parameters."""
        self.cells = _grown(self.cells, parameters, 0)

    def _widen(self) -> None:
        self.cells = self.cells.astype(object)


def _greatest(cells: Amounts) -> float:
    """The greatest magnitude of any cell, or somewhat more."""
    return 0.0 if cells.size == 0 else max(float(cells.max()), -float(cells.min()))


def _grown(cells: npt.NDArray[Any], parameters: int, filling: int) -> npt.NDArray[Any]:
    if cells.shape[0] == 0 and not filling:
        return np.zeros((parameters, *cells.shape[1:]), dtype=cells.dtype)
    more = np.full((parameters - cells.shape[0], *cells.shape[1:]), filling, dtype=cells.dtype)
    return np.concatenate([cells, more])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Readings that enter, in the numbers of the tally; arrays of one length."""

    place: npt.NDArray[Any]
    slot: npt.NDArray[Any]
    stretch: npt.NDArray[Any]
    hour: IntArray
    moment: IntArray
    automatic: npt.NDArray[np.bool_] | None
    entering: Amounts
    censored: npt.NDArray[np.bool_] | None
    upload: npt.NDArray[Any] | None

    def take(self, rows: npt.NDArray[Any]) -> "_Rows":
        """Give some of the rows."""
        arrays = {name: getattr(self, name) for name in self.__slots__}
        cut: Any = {name: None if array is None else array[rows] for name, array in arrays.items()}
        return _Rows(**cut)


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Distinct moments of sections; `bits` say what was sampled (see `Tally.sample_bits`)."""

    place: IntArray
    moment: IntArray
    bits: npt.NDArray[Any]

    def merged(self) -> "_Moments":
        """Put every moment of a section once, with all its bits, by section and moment."""
        if len(self.place) == 0:
            return self
        order = np.lexsort((self.moment, self.place))
        place, moment = self.place[order], self.moment[order]
        new = np.flatnonzero((place[1:] != place[:-1]) | (moment[1:] != moment[:-1])) + 1
        starts = np.concatenate([[0], new])
        return _Moments(place[starts], moment[starts], np.bitwise_or.reduceat(self.bits[order], starts))

    @staticmethod
    def joined(parts: Sequence["_Moments"]) -> "_Moments":
        """Put parts behind each other."""
        if not parts:
            return _Moments(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
        return _Moments(
            np.concatenate([part.place for part in parts]),
            np.concatenate([part.moment for part in parts]),
            np.concatenate([part.bits for part in parts]),
        )


class _Plane:
    """Sums of the readings that enter: of all, or of the suspect ones, which are kept apart.

    Cells have the shape (parameter, section, stretch, source), so that a new parameter moves no cell.
    """

    def __init__(self, tally: "Tally") -> None:
        self._tally = tally
        shape = tally.shape
        self.counts: IntArray = np.zeros(shape, dtype=np.int64)
        self.below: IntArray = np.zeros(shape, dtype=np.int64)
        self.sums = _Sum(shape)
        self.limits = _Sum(shape)
        self.peaks: Amounts = np.full(shape, MISSING, dtype=np.int64)
        self.days: dict[int, tuple[_Sum, IntArray]] = {}
        self.ions: Amounts | None = None
        self.step = _ROUND_HOURS
        self.marks: npt.NDArray[Any] | None = None
        self.moments: list[_Moments] = []
        self._uploads: dict[int, npt.NDArray[np.bool_]] = {}
        self._more_uploads: dict[int, list[IntArray]] = {}

    def grow(self) -> None:
        """Make room for the parameters that the tally has met."""
        parameters = self._tally.shape[0]
        self.counts, self.below = _grown(self.counts, parameters, 0), _grown(self.below, parameters, 0)
        self.sums.grow(parameters)
        self.limits.grow(parameters)
        self.peaks = _grown(self.peaks, parameters, MISSING)

    def raise_places(self, slot: int, power: int) -> None:
        """Count one parameter in finer units."""
        self.sums.raise_places(slot, power)
        self.limits.raise_places(slot, power)
        peaks = scale_amounts(self.peaks[slot], power)
        self.peaks = self.peaks.astype(peaks.dtype, copy=False)
        self.peaks[slot] = peaks
        if slot in self.days:
            self.days[slot][0].raise_places(0, power)

    def add(self, rows: _Rows, uploads: Sequence[int]) -> None:
        """Add readings."""
        tally = self._tally
        _, sections, stretches, _ = tally.shape
        cells = rows.slot * (sections * stretches * 2) + rows.place * (stretches * 2) + rows.stretch * 2
        if rows.automatic is not None:
            cells += rows.automatic
        np.add.at(self.counts.reshape(-1), cells, 1)
        censored = rows.censored if rows.censored is not None and rows.censored.any() else None
        self.sums.add(cells, rows.entering)
        if censored is not None:
            below, amounts = cells[censored], rows.entering[censored]
            self.sums.add(below, -amounts)
            self.limits.add(below, amounts)
            np.add.at(self.below.reshape(-1), below, 1)
        self._add_moments(rows)
        self._add_uploads(cells, rows.upload, uploads)
        if tally.peak_cells.any():
            peak = tally.peak_cells.reshape(-1).take(rows.slot * stretches + rows.stretch)
            chosen = np.flatnonzero(peak if censored is None else peak & ~censored)
            if tally.peaks_by_day:
                self._add_days(rows.take(chosen))
            else:
                self._raise_peaks(cells[chosen], rows.entering[chosen])
        if tally.takes_ions:
            self._add_ions(rows)

    def _add_moments(self, rows: _Rows) -> None:
        """Note the moments of each section: readings of one moment are one sample.

        Rounds of the national feed come every four hours: those are marked on a grid of such hours, or of
        all hours as soon as another one comes.
        """
        tally = self._tally
        hours = len(tally.grid.stretch_of_hour)
        kind = rows.slot * 2
        if rows.automatic is not None:
            kind += rows.automatic
        bits = tally.sample_bits.reshape(-1).take(kind)
        off = rows.moment - rows.hour * HOUR != tally.grid.base
        if tally.shape[1] * hours > _MOST_MARKS:
            off[:] = True
        if off.any():
            late = np.flatnonzero(off & (bits != 0))
            self.moments.append(
                _Moments(rows.place[late].astype(np.int64), rows.moment[late], bits[late]).merged()
            )
            if sum(len(part.place) for part in self.moments) > _MOST_MOMENTS:
                self.moments = [_Moments.joined(self.moments).merged()]
            if off.all():
                return
            whole = np.flatnonzero(~off)
            rows, bits = rows.take(whole), bits[whole]
        if self.step > 1 and (rows.hour % self.step).any():
            self.refine_marks()
        if self.marks is None:
            self.marks = np.zeros((tally.shape[1], -(-hours // self.step)), dtype=bits.dtype)
        hour = rows.hour // self.step if self.step > 1 else rows.hour
        np.bitwise_or.at(self.marks.reshape(-1), rows.place * self.marks.shape[1] + hour, bits)

    def refine_marks(self) -> None:
        """Mark every hour instead of every round."""
        if self.marks is not None and self.step > 1:
            hours = len(self._tally.grid.stretch_of_hour)
            finer = np.zeros((self.marks.shape[0], hours), dtype=self.marks.dtype)
            finer[:, :: self.step] = self.marks
            self.marks = finer
        self.step = 1

    def _add_uploads(self, cells: IntArray, upload: npt.NDArray[Any] | None, uploads: Sequence[int]) -> None:
        if upload is None or upload.size == 0:
            return
        one = int(upload.min()) if upload.min() == upload.max() else None
        found = np.flatnonzero(np.bincount(upload + 1)[1:]).tolist() if one is None else [one]
        for index in found:
            if index < 0:
                continue
            mine = cells if one is not None else cells[upload == index]
            number = uploads[index]
            marks = self._uploads.get(number)
            if marks is None and (len(self._uploads) + 1) * self.counts.size <= _MOST_MARKS:
                marks = self._uploads[number] = np.zeros(self.counts.size, dtype=bool)
            if marks is None:
                self._more_uploads.setdefault(number, []).append(np.unique(mine))
                continue
            if len(marks) < self.counts.size:
                marks = self._uploads[number] = np.concatenate(
                    [marks, np.zeros(self.counts.size - len(marks), dtype=bool)]
                )
            marks[mine] = True

    def uploads(self) -> Iterator[tuple[int, IntArray]]:
        """Give the cells that readings of each upload entered, as flat numbers."""
        for number, marks in self._uploads.items():
            yield number, np.flatnonzero(marks)
        for number, parts in self._more_uploads.items():
            yield number, np.unique(np.concatenate(parts))

    def _raise_peaks(self, cells: IntArray, entering: Amounts) -> None:
        if entering.dtype == _OBJECT:
            self.peaks = self.peaks.astype(object, copy=False)
        np.maximum.at(self.peaks.reshape(-1), cells, entering.astype(self.peaks.dtype, copy=False))

    def _add_days(self, rows: _Rows) -> None:
        tally = self._tally
        days = tally.grid.day_of_hour
        for slot in np.unique(rows.slot).tolist():
            part = rows.take(rows.slot == slot)
            shape = (1, tally.shape[1], int(days[-1]) + 1, 2)
            sums, counts = self.days.setdefault(slot, (_Sum(shape), np.zeros(shape, dtype=np.int64)))
            flat = (part.place * shape[2] + days.take(part.hour)) * 2
            if part.automatic is not None:
                flat += part.automatic
            sums.add(flat, part.entering)
            np.add.at(counts.reshape(-1), flat, 1)

    def _add_ions(self, rows: _Rows) -> None:
        """Add hydrogen-ion activities, 28 digits each, as whole multiples of 10**-ION_PLACES."""
        tally = self._tally
        slot = tally.slot_of.get("ph")
        if slot is None:
            return
        part = rows.take(np.flatnonzero(rows.slot == slot))
        amounts, inverse = np.unique(part.entering, return_inverse=True)
        activities = np.empty(len(amounts), dtype=object)
        for index, amount in enumerate(amounts.tolist()):
            value = Decimal(amount).scaleb(-tally.places[slot])
            activity = _PRECISION.power(Decimal(10), -value)
            activities[index] = int(activity.scaleb(_ION_PLACES, context=_WIDE))
        if self.ions is None:
            self.ions = np.zeros(tally.shape[1:], dtype=object)
        flat = (part.place * tally.shape[2] + part.stretch) * 2
        if part.automatic is not None:
            flat += part.automatic
        np.add.at(self.ions.reshape(-1), flat, activities[inverse])


def _distinct_moments(planes: Sequence[_Plane], sections: int, grid: TimeGrid) -> _Moments:
    """Give the distinct moments of all sections in some planes, each once."""
    parts = [part for plane in planes for part in plane.moments]
    marked = [plane for plane in planes if plane.marks is not None]
    if len({plane.step for plane in marked}) > 1:
        for plane in marked:
            plane.refine_marks()
    marks = [plane.marks for plane in marked if plane.marks is not None]
    if marks:
        union = (marks[0] if len(marks) == 1 else marks[0] | marks[1]).reshape(-1)
        found = np.flatnonzero(union)
        place, hour = np.divmod(found, marks[0].shape[1])
        parts.append(_Moments(place, grid.base + hour * (marked[0].step * HOUR), union[found]))
    joined = _Moments.joined(parts)
    joined = joined.merged() if len(parts) > 1 else joined
    asked = joined.place < sections
    return _Moments(joined.place[asked], joined.moment[asked], joined.bits[asked])


class Tally:
    """Takes readings in pieces, and gives what each period comes to.

    Parameters
    ----------
    codes
        The sections that are asked about, in the order of every result; readings of others are left alone.
    periods
        They may overlap; readings outside all of them are left alone.
    """

    def __init__(
        self, codes: Sequence[str], periods: Sequence[Period], settings: AssessmentSettings | None = None
    ) -> None:
        self.codes = tuple(codes)
        self.periods = tuple(periods)
        self.settings = settings or AssessmentSettings()
        self.grid = TimeGrid(self.periods, self.settings)
        self.parameters: list[str] = []
        self.places: list[int] = []
        self.slot_of: dict[str, int] = {}
        method = self.settings.method
        self.takes_ions = self.settings.ph_mean == PhMean.HYDROGEN
        self.peaks_by_day = self.settings.intensity_highest == "daily_mean"
        self._wet = self.grid.wet(method.flood_months)
        self.item_bits = {
            code: _FIRST_ITEM_BIT << place
            for place, code in enumerate(
                code for code in method.evaluated if code in method.automatic_precedence
            )
        }
        self._place_of = {code: place for place, code in enumerate(self.codes)}
        kind = np.min_scalar_type(_FIRST_ITEM_BIT << len(self.item_bits))
        self.sample_bits = np.zeros((0, 2), dtype=kind)
        self.peak_cells = np.zeros((0, len(self.grid)), dtype=bool)
        self.excluded: IntArray = np.zeros((len(self.codes), len(self.grid), len(REASONS)), dtype=np.int64)
        self._plane = _Plane(self)
        self._suspect: _Plane | None = None
        self._totals: dict[bool, _Totals] = {}

    def place_of(self, code: str) -> int:
        """Place of a section in every result; the place behind the last for one that is not asked about."""
        return self._place_of.get(code, len(self.codes))

    def enter(self, rows: _Rows, uploads: Sequence[int]) -> None:
        """Add readings that enter."""
        self._plane.add(rows, uploads)

    def suspect(self, rows: _Rows, uploads: Sequence[int]) -> None:
        """Add readings that would enter if they were not suspect."""
        if self._suspect is None:
            self._suspect = _Plane(self)
        self._suspect.add(rows, uploads)

    def uploads(self) -> Iterator[tuple[int, IntArray]]:
        """Give the cells that readings of each upload entered; a cell is a flat number of `shape`."""
        return self._plane.uploads()

    def totals(self, *, with_suspect: bool) -> "_Totals":
        """Give the sums of all pieces so far, parameters in the order of the registry."""
        with_suspect = with_suspect and self._suspect is not None
        if with_suspect not in self._totals:
            self._totals[with_suspect] = _Totals(self, self.planes if with_suspect else [self._plane])
        return self._totals[with_suspect]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Parameters met so far, sections, stretches, sources (manual, automatic).

        One section more than is asked about: what does not enter is added up there, and left alone. That is
        cheaper than picking out the rest.
        """
        return len(self.parameters), len(self.codes) + 1, len(self.grid), 2

    def add(self, columns: ReadingColumns) -> None:
        """Add a piece of the readings.

        Raises
        ------
        UnknownParameterError
            If a reading that is asked about is of a parameter that does not exist.
        """
        if columns.remote is not None and not self.settings.use_remote_sensing:
            columns = columns.take(~columns.remote)
        if len(self.grid) == 0 or not self.codes or len(columns) == 0:
            return
        self._totals.clear()
        piece = _Piece(self, columns)
        for block in columns.blocks(_BLOCK):
            piece.add(block)

    def meet(self, codes: Iterable[str], places: Iterable[int]) -> None:
        """Make room for parameters, and for the places that their amounts come with."""
        new = []
        for code, needed in zip(codes, places, strict=True):
            slot = self.slot_of.get(code)
            if slot is None:
                new.append((code, needed))
            elif needed > self.places[slot]:
                for plane in self.planes:
                    plane.raise_places(slot, needed - self.places[slot])
                self.places[slot] = needed
        if not new:
            return
        method = self.settings.method
        for code, needed in new:
            self.slot_of[code] = len(self.parameters)
            self.parameters.append(code)
            self.places.append(needed)
            manual = self.item_bits.get(code, _MANUAL_BIT)
            counts = code in method.evaluated
            bits = np.array([[manual * counts, _AUTOMATIC_BIT * counts]], dtype=self.sample_bits.dtype)
            self.sample_bits = np.concatenate([self.sample_bits, bits])
            wet = (self._wet if code in method.intensity_indicators else np.zeros(len(self.grid), bool))[None]
            self.peak_cells = np.concatenate([self.peak_cells, wet])
        for plane in self.planes:
            plane.grow()

    @property
    def planes(self) -> "list[_Plane]":
        """The sums of what enters, and of the suspect readings where there are any."""
        return [self._plane] if self._suspect is None else [self._plane, self._suspect]


class _Piece:
    """What the codes of one piece of readings mean to a tally."""

    def __init__(self, tally: Tally, columns: ReadingColumns) -> None:
        self._tally = tally
        self._columns = columns
        registry = load_parameters()
        # A stream names every parameter there is; room is made for those that are read.
        read = np.bincount(columns.parameter, minlength=len(columns.parameters)) > 0
        known = [
            code in registry and bool(there) for code, there in zip(columns.parameters, read, strict=True)
        ]
        tally.meet(
            (code for code, there in zip(columns.parameters, known, strict=True) if there),
            (places for places, there in zip(columns.places, known, strict=True) if there),
        )
        known_places = [*map(tally.place_of, columns.sections), len(tally.codes)]
        self._places = np.array(known_places, dtype=np.int64)
        self._slots = np.array([tally.slot_of.get(code, -1) for code in columns.parameters], dtype=np.int64)
        amounts = (columns.amount, columns.full_amount, columns.limit_amount)
        self._wide = any(array is not None and array.dtype == _OBJECT for array in amounts)
        bounds = []
        for code, places in zip(columns.parameters, columns.places, strict=True):
            if code in registry:
                low = ceil(Fraction(registry[code].gross_min) * 10**places)
                high = floor(Fraction(registry[code].gross_max) * 10**places)
                bounds.append((low, high))
            else:
                bounds.append((0, 0))
        if not self._wide:
            bounds = [(max(low, -_LARGEST), min(high, _LARGEST)) for low, high in bounds]
        kind = _OBJECT if self._wide else np.dtype(np.int64)
        self._lowest = np.array([low for low, _ in bounds], dtype=kind)
        self._highest = np.array([high for _, high in bounds], dtype=kind)
        self._powers = [
            tally.places[tally.slot_of[code]] - places if code in tally.slot_of else 0
            for code, places in zip(columns.parameters, columns.places, strict=True)
        ]
        method = tally.settings.method
        self._statuses = np.array(
            [
                _STOPPED if is_stopped(text, method) else _MAINTENANCE * is_under_maintenance(text, method)
                for text in columns.statuses
            ]
            + [0],
            dtype=np.uint8,
        )
        self._flags = np.zeros(256, dtype=np.uint8)
        self._flags[list(_UNUSABLE_FLAGS)] = _FAILED
        if not tally.settings.use_suspect:
            self._flags[_SUSPECT_FLAG] = _SUSPECT

    def add(self, block: ReadingColumns) -> None:
        """Add a block of the piece."""
        tally = self._tally
        grid = tally.grid
        last = len(grid.stretch_of_hour) - 1
        # As unsigned numbers, hours before the first are very late ones: one comparison serves both ends.
        since = ((block.moment - grid.base) // HOUR).view(np.uint64)
        hour: IntArray = np.minimum(since, np.uint64(last)).view(np.int64)
        stretch = grid.stretch_of_hour.take(hour)
        place = self._places.take(block.section)
        asked = (stretch >= 0) & (place < len(tally.codes))
        if not asked.all():
            chosen = np.flatnonzero(asked)
            if chosen.size == 0:
                return
            block, hour, stretch, place = block.take(chosen), hour[chosen], stretch[chosen], place[chosen]
        slot = self._slots.take(block.parameter)
        if slot.min() < 0:
            raise UnknownParameterError(block.parameters[block.parameter[np.argmin(slot)]])
        entering = self._choose_amounts(block, stretch)
        reason = self._refuse(block, entering)
        if any(self._powers):
            entering = self._raise_places(entering, block.parameter, reason)
        censored, refused = block.censored, np.flatnonzero(reason)
        if refused.size:
            cells = (place[refused] * len(grid) + stretch[refused]) * len(REASONS) + reason[refused] - 1
            np.add.at(tally.excluded.reshape(-1), cells, 1)
        rows = _Rows(
            place, slot, stretch, hour, block.moment, block.automatic, entering, censored, block.upload
        )
        doubtful = refused[reason[refused] == _SUSPECT]
        if doubtful.size:
            tally.suspect(rows.take(doubtful), block.uploads)
        if refused.size:
            place[refused] = len(tally.codes)
            rows = replace(rows, entering=entering.copy())
            rows.entering[refused] = 0
        tally.enter(rows, block.uploads)

    def _choose_amounts(self, block: ReadingColumns, stretch: npt.NDArray[Any]) -> Amounts:
        """Choose what enters: a detection limit, an unrounded value if it is compared, or the shown value."""
        entering = block.amount
        takes_full = self._tally.grid.takes_full
        if block.full_amount is not None and takes_full.any():
            use = takes_full.take(stretch) & (block.full_amount != MISSING)
            if block.censored is not None:
                use &= ~block.censored
            entering = np.where(use, block.full_amount, entering)
        if block.censored is not None and block.limit_amount is not None:
            use = block.censored & (block.limit_amount != MISSING)
            entering = np.where(use, block.limit_amount, entering)
        return entering

    def _refuse(self, block: ReadingColumns, entering: Amounts) -> npt.NDArray[np.uint8]:
        """Say for every reading why it does not enter (place in REASONS, from 1), 0 for one that does."""
        reason = (
            np.zeros(len(block), dtype=np.uint8)
            if block.status is None
            else self._statuses.take(block.status)
        )
        outside = entering < self._lowest.take(block.parameter)
        outside |= entering > self._highest.take(block.parameter)
        if self._wide:
            outside |= entering == MISSING  # otherwise it lies below every bound
        if outside.any():
            below = np.zeros(len(block), dtype=bool) if block.censored is None else block.censored
            gone = np.where(below, _LIMIT_UNKNOWN, _ABSENT)
            why = np.where(entering == MISSING, gone, _IMPOSSIBLE).astype(np.uint8)
            reason = np.where(outside & (reason == 0), why, reason)
        if block.quality is not None and block.quality.max() >= _SUSPECT_FLAG:
            reason = np.where(reason == 0, self._flags.take(block.quality), reason)
        return reason

    def _raise_places(
        self, entering: Amounts, parameter: npt.NDArray[Any], reason: npt.NDArray[np.uint8]
    ) -> Amounts:
        """Bring amounts to the places of the tally; those of refused readings do not matter."""
        for index, power in enumerate(self._powers):
            if power:
                rows = np.flatnonzero((parameter == index) & ((reason == 0) | (reason == _SUSPECT)))
                scaled = scale_amounts(entering[rows], power)
                entering = entering.astype(np.promote_types(entering.dtype, scaled.dtype))
                entering[rows] = scaled
        return entering


class _Totals:
    """The sums of a tally in the order of the registry; arrays (stretch, source, parameter, section)."""

    def __init__(self, tally: Tally, planes: Sequence[_Plane]) -> None:
        order = sorted(
            range(len(tally.parameters)), key=lambda slot: find_parameter(tally.parameters[slot]).order
        )
        self.slots = order
        self.parameters = tuple(tally.parameters[slot] for slot in order)
        self.places = tuple(tally.places[slot] for slot in order)

        def arranged(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
            asked = [part[:, : len(tally.codes)] for part in parts]
            whole = asked[0] if len(asked) == 1 else asked[0] + asked[1]
            return np.ascontiguousarray(whole[order].transpose(2, 3, 0, 1))

        self.counts = arranged([plane.counts for plane in planes])
        self.below = arranged([plane.below for plane in planes])
        self.sums = arranged([plane.sums.cells for plane in planes])
        self.limits = arranged([plane.limits.cells for plane in planes])
        peaks = [arranged([plane.peaks]) for plane in planes]
        self.peaks = peaks[0] if len(peaks) == 1 else np.maximum(peaks[0], peaks[1])
        ions = [
            plane.ions[: len(tally.codes)].transpose(1, 2, 0) for plane in planes if plane.ions is not None
        ]
        self.ions = sum(ions[1:], start=ions[0]) if ions else None
        self.days = {
            place: [plane.days[slot] for plane in planes if slot in plane.days]
            for place, slot in enumerate(order)
        }
        self._count_samples(tally, _distinct_moments(planes, len(tally.codes), tally.grid))

    def _count_samples(self, tally: Tally, moments: _Moments) -> None:
        """Count distinct moments by section and stretch.

        Where a section-month holds automatic samples and manual ones of items that automatic data supersede,
        what counts depends on the period: those moments are kept as they are.
        """
        grid = tally.grid
        hour = (moments.moment - grid.base) // HOUR
        stretch = grid.stretch_of_hour.take(hour)
        shape = (len(tally.codes), len(grid))
        flat = moments.place * len(grid) + stretch
        automatic = (moments.bits & _AUTOMATIC_BIT) != 0
        self.automatic_samples = np.bincount(flat[automatic], minlength=shape[0] * shape[1]).reshape(shape)
        items = moments.bits >= _FIRST_ITEM_BIT
        month = np.unique(grid.months, return_inverse=True)[1]
        of_month = (moments.place, month.take(stretch) if len(grid) else stretch)
        mixed = np.zeros((2, len(tally.codes), len(set(month.tolist()))), dtype=bool)
        mixed[0][of_month[0][automatic], of_month[1][automatic]] = True
        mixed[1][of_month[0][items], of_month[1][items]] = True
        open_months = mixed[0] & mixed[1]
        is_open = open_months[of_month]
        self.samples = np.bincount(flat[~is_open], minlength=shape[0] * shape[1]).reshape(shape)
        rows = np.flatnonzero(is_open)
        self.open_place, self.open_stretch = moments.place[rows], stretch[rows]
        self.open_bits = moments.bits[rows]
        self.item_bits = tally.item_bits


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the readings of one period came to, exactly: P parameters, S sections, M months.

    Attributes
    ----------
    parameters, places : by parameter, in the order of the registry
    plain : bool
        Whether means are those of all samples; else they are the means of monthly means.
    counts : int64 (M, P, S)
        Readings that enter.
    below : int64 (M, P, S)
        Those of them that are below their detection limit.
    numerators : (M, P, S)
        Their sum, non-detects as the share of their detection limit that the method says, in units of
        1 / `scales`.
    limits : (M, P, S)
        Sum of the detection limits of the non-detects, in the same units.
    scales : tuple of int, by parameter
    samples, automatic_samples, months : int64 (S,)
        Distinct moments with an evaluated item, those of automatic stations, and months with one.
    excluded : int64 (len(REASONS), S)
        Readings that do not enter, by reason.
    peaks, peak_scales : (P, S), (P, S)
        Highest detected value in the flood months of each intensity indicator, as peaks / peak_scales;
        `MISSING` for none.
    """

    period: Period
    codes: tuple[str, ...]
    parameters: tuple[str, ...]
    places: tuple[int, ...]
    plain: bool
    counts: IntArray
    below: IntArray
    numerators: Amounts
    limits: Amounts
    scales: tuple[int, ...]
    samples: IntArray
    automatic_samples: IntArray
    months: IntArray
    excluded: IntArray
    peaks: Amounts
    peak_scales: Amounts
    ions: Amounts | None
    led: npt.NDArray[np.bool_]

    def mean(self, parameter: int, section: int) -> Fraction:
        """Give the exact mean of a parameter (by place) at a section (by place) that measured it."""
        if self.ions is not None and self.parameters[parameter] == "ph":
            return self._hydrogen_mean(self.ions, parameter, section)
        return self._mean(self.numerators, parameter, section)

    def mean_limit(self, parameter: int, section: int) -> Fraction:
        """Give the exact mean detection limit, where nothing was detected."""
        return self._mean(self.limits, parameter, section)

    def is_unseen(self, parameter: int, section: int) -> bool:
        """Tell whether nothing was detected in all of the period."""
        return bool((self.below[:, parameter, section] == self.counts[:, parameter, section]).all())

    def _mean(self, sums: Amounts, parameter: int, section: int) -> Fraction:
        return self._quotient(sums[:, parameter, section], parameter, section, self.scales[parameter])

    def _hydrogen_mean(self, ions: Amounts, parameter: int, section: int) -> Fraction:
        """Give -log10 of the mean hydrogen-ion concentration, 28 digits."""
        mean = self._quotient(ions[:, section], parameter, section, 10**_ION_PLACES)
        activity = _PRECISION.divide(Decimal(mean.numerator), Decimal(mean.denominator))
        return Fraction(-_PRECISION.log10(activity))

    def _quotient(self, sums: Amounts, parameter: int, section: int, scale: int) -> Fraction:
        """Give the mean of all samples, or the mean of the monthly means, of sums in units of 1 / scale."""
        counts = self.counts[:, parameter, section]
        known = [(total, count) for total, count in zip(sums.tolist(), counts.tolist(), strict=True) if count]
        if self.plain:
            return Fraction(sum(total for total, _ in known), sum(count for _, count in known) * scale)
        shared = lcm(*(count for _, count in known))
        return Fraction(sum(total * (shared // count) for total, count in known), shared * len(known) * scale)


def exact_product(amounts: Amounts, factor: int) -> Amounts:
    """Multiply whole numbers; in Python integers where 64 bits might not hold the product."""
    if amounts.dtype != _OBJECT and amounts.size:
        largest = max(abs(int(amounts.max())), abs(int(amounts.min())))
        if max(largest, 1) * abs(factor) > _LARGEST // 4:
            amounts = amounts.astype(object)
    product: Amounts = amounts * factor
    return product


def gather_evidence(
    tally: Tally, number: int, *, with_suspect: bool = False, only: npt.NDArray[Any] | None = None
) -> Evidence:
    """Give what a period (by number) comes to.

    Parameters
    ----------
    with_suspect
        Let the suspect readings enter.
    only : int array
        Places of the sections wanted; all of them by default.
    """
    totals = tally.totals(with_suspect=with_suspect)
    method = tally.settings.method
    period, slots = tally.periods[number], tally.grid.slots[number]
    chosen: Any = slice(None) if only is None else only
    inside = [stretch for months in slots for stretch in months]
    first = np.array([code in method.automatic_precedence for code in totals.parameters], dtype=bool)

    def by_month(cells: Amounts) -> Amounts:
        cells = cells[..., chosen]
        return np.stack([_over(cells, months, np.add) for months in slots])

    counts = by_month(totals.counts)
    led = first[:, None] & (counts[:, _AUTOMATIC] > 0)

    def merged(cells: Amounts) -> Amounts:
        return cells[:, _AUTOMATIC] + np.where(led, 0, cells[:, _MANUAL])

    share = method.non_detect_share
    limits = merged(by_month(totals.limits))
    numerators = exact_product(merged(by_month(totals.sums)), share.denominator)
    numerators = numerators + exact_product(limits, share.numerator)
    entering = merged(counts)
    evaluated = np.array([code in method.evaluated for code in totals.parameters], dtype=bool)
    ions = None
    if totals.ions is not None and "ph" in totals.parameters:
        by_source = np.stack([_over(totals.ions[..., chosen], months, np.add) for months in slots])
        acid = totals.parameters.index("ph")
        ions = by_source[:, _AUTOMATIC] + np.where(led[:, acid], 0, by_source[:, _MANUAL])
    peaks, peak_scales = _peaks(tally, totals, slots, led, chosen)
    return Evidence(
        period=period,
        codes=tally.codes if only is None else tuple(tally.codes[place] for place in only.tolist()),
        parameters=totals.parameters,
        places=totals.places,
        plain=is_plain_mean(period),
        counts=entering,
        below=merged(by_month(totals.below)),
        numerators=numerators,
        limits=exact_product(limits, share.denominator),
        scales=tuple(10**places * share.denominator for places in totals.places),
        samples=_samples(totals, slots, led, only),
        automatic_samples=totals.automatic_samples[:, inside].sum(axis=1)[chosen],
        months=(entering[:, evaluated] > 0).any(axis=1).sum(axis=0),
        excluded=tally.excluded[:, inside].sum(axis=1).T[:, chosen],
        peaks=peaks,
        peak_scales=peak_scales,
        ions=ions,
        led=led,
    )


def _over(cells: Amounts, stretches: Sequence[int], take: np.ufunc) -> Amounts:
    """Add up (or take the largest of) stretches on the first axis."""
    found: Amounts = take.reduce(cells[list(stretches)], axis=0)
    return found


def _samples(
    totals: _Totals,
    slots: Sequence[Sequence[int]],
    led: npt.NDArray[np.bool_],
    only: npt.NDArray[Any] | None,
) -> IntArray:
    """Count the distinct moments of each section with an evaluated item that enters."""
    inside = [stretch for months in slots for stretch in months]
    samples: IntArray = totals.samples[:, inside].sum(axis=1)
    month_of = np.full(totals.samples.shape[1] + 1, -1, dtype=np.int64)
    for month, stretches in enumerate(slots):
        month_of[list(stretches)] = month
    inside_month = month_of.take(totals.open_stretch)
    rows = np.flatnonzero(inside_month >= 0)
    if only is not None:
        lookup = np.full(len(samples), -1, dtype=np.int64)
        lookup[only] = np.arange(len(only))
        rows = rows[lookup.take(totals.open_place[rows]) >= 0]
        place = lookup.take(totals.open_place[rows])
        samples = samples[only]
    else:
        place = totals.open_place[rows]
    months, bits = inside_month[rows], totals.open_bits[rows]
    enters = (bits & (_AUTOMATIC_BIT | _MANUAL_BIT)) != 0
    for code, bit in totals.item_bits.items():
        if code in totals.parameters:
            superseded = led[months, totals.parameters.index(code), place]
            enters |= ((bits & bit) != 0) & ~superseded
    # Each moment of a section stands once, so the moments that enter only have to be counted.
    found: IntArray = samples + np.bincount(place[enters], minlength=len(samples))
    return found


def _peaks(
    tally: Tally,
    totals: _Totals,
    slots: Sequence[Sequence[int]],
    led: npt.NDArray[np.bool_],
    chosen: Any,
) -> tuple[Amounts, Amounts]:
    """Give the highest detected reading, or daily mean, of each parameter and section, as a quotient."""
    shape = led.shape[1:]
    scales = np.array([10**places for places in totals.places], dtype=object)[:, None]
    scales = np.broadcast_to(_narrow(scales), shape)
    if not tally.peaks_by_day:
        by_source = np.stack([_over(totals.peaks[..., chosen], months, np.maximum) for months in slots])
        highest = np.maximum(by_source[:, _AUTOMATIC], np.where(led, MISSING, by_source[:, _MANUAL]))
        return highest.max(axis=0), scales
    highest = np.full(shape, MISSING, dtype=object)
    divisors = scales.astype(object)
    days = _days_of(tally.grid, slots)
    for place, parts in totals.days.items():
        if not parts:
            continue
        asked = slice(0, len(tally.codes))
        sums = sum((part[0].cells for part in parts[1:]), start=parts[0][0].cells)[0, asked][chosen]
        counts = sum((part[1] for part in parts[1:]), start=parts[0][1])[0, asked][chosen]
        manual = ~led[days[1], place].T
        total = sums[:, days[0], _AUTOMATIC] + sums[:, days[0], _MANUAL] * manual
        count = counts[:, days[0], _AUTOMATIC] + counts[:, days[0], _MANUAL] * manual
        for section in np.flatnonzero((count > 0).any(axis=1)).tolist():
            known = np.flatnonzero(count[section])
            means = [Fraction(int(total[section, day]), int(count[section, day])) for day in known.tolist()]
            peak = max(means)
            highest[place, section] = peak.numerator
            divisors[place, section] = peak.denominator * 10 ** totals.places[place]
    return highest, divisors


def _days_of(grid: TimeGrid, slots: Sequence[Sequence[int]]) -> tuple[IntArray, IntArray]:
    """Give the days of a period, and the month (by place) of each."""
    month_of = np.full(len(grid) + 1, -1, dtype=np.int64)
    for number, stretches in enumerate(slots):
        month_of[list(stretches)] = number
    month: IntArray = month_of.take(grid.stretch_of_hour[:-1])
    days, first = np.unique(grid.day_of_hour[:-1][month >= 0], return_index=True)
    return days.astype(np.int64), month[month >= 0][first]


def _narrow(amounts: Amounts) -> Amounts:
    return (
        amounts if any(amount > _LARGEST for amount in amounts.ravel().tolist()) else amounts.astype(np.int64)
    )


def gather_uploads(tally: Tally, number: int, evidence: Evidence) -> list[tuple[int, ...]]:
    """Give the uploads behind the readings of each section that enter a period, by section, ascending.

    `evidence` is that of the same period and of all sections, without suspect readings.
    """
    totals = tally.totals(with_suspect=False)
    _, sections, stretches, _ = tally.shape
    place_of = np.full(max(len(tally.parameters), 1), -1, dtype=np.int64)
    place_of[totals.slots] = np.arange(len(totals.slots))
    month_of = np.full(stretches, -1, dtype=np.int64)
    for month, inside in enumerate(tally.grid.slots[number]):
        month_of[inside] = month
    found: list[list[int]] = [[] for _ in tally.codes]
    for upload, cells in tally.uploads():
        rest, source = np.divmod(cells, 2)
        rest, stretch = np.divmod(rest, stretches)
        slot, place = np.divmod(rest, sections)
        months = month_of[stretch]
        asked = np.flatnonzero((months >= 0) & (place < len(found)))
        slot, place, source, months = slot[asked], place[asked], source[asked], months[asked]
        superseded = (source == _MANUAL) & evidence.led[months, place_of[slot], place]
        for section in np.unique(place[~superseded]).tolist():
            found[section].append(upload)
    return [tuple(sorted(uploads)) for uploads in found]
