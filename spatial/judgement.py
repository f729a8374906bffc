"""Classes of all sections of a period at once, exactly: the single-factor method over arrays.

A mean is a quotient of whole numbers and a limit is a decimal, so that a mean of samples is compared with a
limit by multiplying crosswise. The mean of monthly means is a sum of quotients; it is compared as a float,
and where it lies nearer to a limit than the rounding of floats can reach, as an exact fraction.

The rules are those of `spatial.classification`, which judges one value at a time; a test compares both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spatial.columns import MISSING, Amounts, IntArray
from spatial.settings import AssessmentSettings
from spatial.standards import Direction, Limit, Standard
from spatial.sums import Evidence, exact_product
from spatial.vocabulary import MissingRequired, WaterBodyType

ClassArray = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]

UNKNOWN, RIVER, LAKE = range(3)
"""Waters as numbers: reservoirs are lakes here, since they take the lake limits."""

_HALF: Final = Fraction(1, 2)
_ULP: Final = 2.0**-52
_EXACT: Final = 1 << 53


class MeanColumn:
    """What is judged of one parameter at every section: its mean, or the mean detection limit if unseen.

    Sections without the parameter hold anything; ask `measured` first.
    """

    def __init__(self, evidence: Evidence, parameter: int) -> None:
        self._evidence = evidence
        self._parameter = parameter
        self._scale = evidence.scales[parameter]
        self._monthly_counts = evidence.counts[:, parameter]
        self.counts: IntArray = self._monthly_counts.sum(axis=0)
        self.non_detects: IntArray = evidence.below[:, parameter].sum(axis=0)
        self.months: IntArray = np.count_nonzero(self._monthly_counts, axis=0)
        self.measured: BoolArray = self.counts > 0
        self.unseen: BoolArray = self.measured & (self.non_detects == self.counts)
        self._sums = np.where(self.unseen, evidence.limits[:, parameter], evidence.numerators[:, parameter])
        self._of_ions = evidence.ions is not None and evidence.parameters[parameter] == "ph"
        self._fractions: dict[int, Fraction] = {}
        self._signs: dict[Fraction, ClassArray] = {}
        if not evidence.plain:
            self._approximate()

    def fraction(self, section: int) -> Fraction:
        """Give the judged value of one section, exactly."""
        found = self._fractions.get(section)
        if found is None:
            take = self._evidence.mean_limit if self.unseen[section] else self._evidence.mean
            found = self._fractions[section] = take(self._parameter, section)
        return found

    def sign(self, bound: Fraction) -> ClassArray:
        """Say on which side of a bound each section lies: 1 above, 0 at it, -1 below."""
        known = self._signs.get(bound)
        if known is None:
            known = self._signs[bound] = self._compare(bound)
        return known

    def floats(self) -> npt.NDArray[np.float64]:
        """Give the means as floats (of non-detects, half their limits), NaN where there is none.

        A mean of samples is the nearest float, a mean of monthly means is right to a few units of its last
        digit.
        """
        means = self._quotients(self._evidence.numerators[:, self._parameter])
        for section in np.flatnonzero(self.measured).tolist() if self._of_ions else ():
            means[section] = float(self._evidence.mean(self._parameter, section))
        return means

    def multiples(self, bound: Fraction, sections: IntArray) -> npt.NDArray[np.float64]:
        """Give (value - bound) / bound of some sections as the nearest floats."""
        if not self._evidence.plain:
            return np.array([float(self.fraction(section) / bound - 1) for section in sections.tolist()])
        # value = total / (count * scale), bound = p / q: (total q - p count scale) / (p count scale).
        total = exact_product(self._sums[:, sections].sum(axis=0), bound.denominator)
        limit = exact_product(self.counts[sections], bound.numerator * self._scale)
        return _divide(total - limit, limit)

    def _approximate(self) -> None:
        """Sum up the monthly means as floats.

        Each term is a quotient of two whole numbers, rounded three times at most, and M terms are added and
        divided twice more: the error is below (M + 6) / 2 units of 2**-52 of the sum of the terms' sizes.
        """
        counts = np.maximum(self._monthly_counts, 1)
        months = np.maximum(self.months, 1)
        terms = self._sums.astype(np.float64) / counts
        self._value = terms.sum(axis=0) / months / float(self._scale)
        size = np.abs(terms).sum(axis=0) / months / float(self._scale)
        self._error = (len(terms) + 8) * _ULP * size

    def _compare(self, bound: Fraction) -> ClassArray:
        if self._of_ions:
            return self._compare_each(
                bound, np.flatnonzero(self.measured), np.zeros(len(self.counts), np.int8)
            )
        if self._evidence.plain:
            left = exact_product(self._sums.sum(axis=0), bound.denominator)
            right = exact_product(self.counts, bound.numerator * self._scale)
            return (left > right).astype(np.int8) - (left < right).astype(np.int8)
        limit = float(bound)
        apart = self._value - limit
        signs = np.sign(apart).astype(np.int8)
        near = self.measured & (np.abs(apart) <= self._error + 2 * _ULP * abs(limit))
        return self._compare_each(bound, np.flatnonzero(near), signs)

    def _compare_each(self, bound: Fraction, sections: IntArray, signs: ClassArray) -> ClassArray:
        for section in sections.tolist():
            value = self.fraction(section)
            signs[section] = (value > bound) - (value < bound)
        return signs

    def _quotients(self, sums: Amounts) -> npt.NDArray[np.float64]:
        if self._evidence.plain:
            found = _divide(sums.sum(axis=0), exact_product(np.maximum(self.counts, 1), self._scale))
        else:
            terms = sums.astype(np.float64) / np.maximum(self._monthly_counts, 1)
            found = terms.sum(axis=0) / np.maximum(self.months, 1) / float(self._scale)
        found[~self.measured] = np.nan
        return found


def _divide(numerators: Amounts, denominators: Amounts) -> npt.NDArray[np.float64]:
    """Divide whole numbers to the nearest floats."""
    pair = (numerators, denominators)
    if all(part.dtype != object and (not part.size or np.abs(part).max() < _EXACT) for part in pair):
        found: npt.NDArray[np.float64] = numerators / denominators
        return found
    # Python divides integers of any length to the nearest float.
    quotients = zip(numerators.tolist(), denominators.tolist(), strict=True)
    return np.array([top / bottom for top, bottom in quotients], dtype=np.float64)


def _grade(column: MeanColumn, limit: Limit, *, rounded: bool) -> ClassArray:
    """Give the class of the judged value of each section; with `rounded`, of that value half-even rounded."""
    unit = Fraction(1, 10**limit.decimals)

    def exceeds(bound: Fraction) -> BoolArray:
        plain = column.sign(bound) > 0
        if not rounded:
            return plain
        # What rounds to the largest step within the bound lies at most half a step above it.
        step = floor(bound / unit)
        sign = column.sign((step + _HALF) * unit)
        return np.where(column.unseen, plain, (sign > 0) | ((sign == 0) & bool(step % 2)))

    def falls_short(bound: Fraction) -> BoolArray:
        sign = column.sign(bound)
        # Below a detection limit that is the bound lies below the bound.
        plain: BoolArray = (sign < 0) | (column.unseen & (sign == 0))
        if not rounded:
            return plain
        step = ceil(bound / unit)
        sign = column.sign((step - _HALF) * unit)
        return np.where(column.unseen, plain, (sign < 0) | ((sign == 0) & bool(step % 2)))

    bounds = [Fraction(bound) for bound in limit.bounds]
    if limit.direction is Direction.WITHIN:
        return np.where(falls_short(bounds[0]) | exceeds(bounds[1]), 6, 1).astype(np.int8)
    missed = exceeds if limit.direction is Direction.AT_MOST else falls_short
    found = np.ones(len(column.counts), dtype=np.int8)
    for bound in bounds:
        found += missed(bound)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class WaterJudgement:
    """All sections judged by the limits of one kind of water; 0 stands for no class.

    Arrays of parameters have the shape (P, S), those of sections (S,).
    """

    item_best: ClassArray
    item_worst: ClassArray
    evaluated: BoolArray
    short: BoolArray
    best: ClassArray
    worst: ClassArray
    water_class: ClassArray
    limiting: BoolArray
    pollutant: ClassArray
    multiple: npt.NDArray[np.float64]
    target_multiple: npt.NDArray[np.float64]


def shown_classes(best: ClassArray, worst: ClassArray, reference_class: int) -> ClassArray:
    """Give the class that each range of possible classes shows to be met (`shown_class`), 0 for none."""
    open_ = (worst == 6) | ((best <= reference_class) & (worst > reference_class))
    return np.where((best == worst) | ~open_, worst, 0).astype(np.int8)


class PeriodJudge:
    """Judges every section over one period."""

    def __init__(
        self,
        evidence: Evidence,
        settings: AssessmentSettings,
        minimum: IntArray,
        targets: ClassArray,
        *,
        by_samples: bool,
    ) -> None:
        self.evidence = evidence
        self.settings = settings
        self.minimum = minimum
        self.targets = targets
        self.by_samples = by_samples
        self.columns = [MeanColumn(evidence, place) for place in range(len(evidence.parameters))]
        self._classes: dict[tuple[int, int], ClassArray] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Parameters and sections."""
        return len(self.columns), len(self.evidence.codes)

    @cached_property
    def lacks_required(self) -> BoolArray:
        """Mark the sections where an item that the class should rest on was not measured."""
        measured = {
            code: column.measured for code, column in zip(self.evidence.parameters, self.columns, strict=True)
        }
        lacking = np.zeros(self.shape[1], dtype=bool)
        if self.settings.missing_required is not MissingRequired.ACCEPT:
            for code in self.settings.method.required:
                lacking |= ~measured[code] if code in measured else True
        return lacking

    def judge(self, limits: Mapping[str, Limit]) -> WaterJudgement:
        """Judge by the limits of one kind of water."""
        method = self.settings.method
        best, worst = np.zeros(self.shape, np.int8), np.zeros(self.shape, np.int8)
        evaluated, short = np.zeros(self.shape, bool), np.zeros(self.shape, bool)
        for place, (code, column) in enumerate(zip(self.evidence.parameters, self.columns, strict=True)):
            limit = limits.get(code)
            if limit is not None:
                evaluated[place] = column.measured & (code in method.evaluated)
            if limit is not None and limit.direction is not Direction.CHANGE:
                classes = self._grade(place, limit)
                at_zero = limit.grade(Fraction(0))
                least = np.minimum(classes, at_zero)
                if limit.direction is Direction.WITHIN:  # between zero and a high detection limit
                    least[column.sign(Fraction(limit.bounds[1])) > 0] = 1
                best[place] = np.where(column.unseen, least, classes)
                worst[place] = np.where(column.unseen, np.maximum(classes, at_zero), classes)
            if code in method.core:
                reached = column.counts if self.by_samples else column.months
                short[place] = column.measured & (reached < self.minimum)
                best[place][short[place]], worst[place][short[place]] = 1, 6
            best[place][~column.measured] = worst[place][~column.measured] = 0
        seen = np.array([~column.unseen for column in self.columns], dtype=bool).reshape(self.shape)
        sure = (best == worst) & (best > 0) & seen
        found = {
            "best": np.where(evaluated, best, 0).max(axis=0, initial=0),
            "worst": np.where(evaluated, worst, 0).max(axis=0, initial=0),
        }
        if self.settings.missing_required is MissingRequired.UNDETERMINED:
            found["worst"] = np.where(self.lacks_required & (found["best"] > 0), 6, found["worst"])
        shown = shown_classes(found["best"], found["worst"], method.reference_class)
        references = np.full(self.shape[1], method.reference_class, dtype=np.int8)
        multiple = self._multiples(limits, best, sure, references)
        return WaterJudgement(
            item_best=best,
            item_worst=worst,
            evaluated=evaluated,
            short=short,
            **found,
            water_class=shown,
            limiting=evaluated & (shown > 0) & (worst == shown),
            pollutant=self._rank_pollutants(limits, best, evaluated, multiple),
            multiple=multiple,
            target_multiple=self._multiples(limits, best, sure, self.targets),
        )

    def _grade(self, place: int, limit: Limit) -> ClassArray:
        key = place, id(limit)
        if key not in self._classes:
            self._classes[key] = _grade(self.columns[place], limit, rounded=bool(self.settings.round_means))
        return self._classes[key]

    def _multiples(
        self, limits: Mapping[str, Limit], best: ClassArray, sure: BoolArray, against: ClassArray
    ) -> npt.NDArray[np.float64]:
        """Give the exceedance multiples against a class of each section (0 for none), NaN where it is met."""
        found = np.full(self.shape, np.nan)
        for place, code in enumerate(self.evidence.parameters):
            limit = limits.get(code)
            if limit is None or limit.direction is not Direction.AT_MOST:
                continue
            over = sure[place] & (best[place] > against) & (against > 0)
            for water_class in np.unique(against[over]).tolist():
                sections = np.flatnonzero(over & (against == water_class))
                bound = Fraction(limit.bound_of(water_class)[0])
                if self.settings.round_means:
                    values = (self._rounded(place, section, limit) for section in sections.tolist())
                    found[place, sections] = [float(value / bound - 1) for value in values]
                else:
                    found[place, sections] = self.columns[place].multiples(bound, sections)
        return found

    def _rounded(self, place: int, section: int, limit: Limit) -> Fraction:
        step = 10**limit.decimals
        return Fraction(round(self.columns[place].fraction(section) * step), step)

    def _rank_pollutants(
        self,
        limits: Mapping[str, Limit],
        best: ClassArray,
        evaluated: BoolArray,
        multiple: npt.NDArray[np.float64],
    ) -> ClassArray:
        """Rank the main pollutants of each section from 1 (see `rank_pollutants`), 0 for the rest."""
        method = self.settings.method
        ranks = np.zeros(self.shape, dtype=np.int8)
        over = evaluated & (best > method.reference_class)
        sections = np.flatnonzero(over.any(axis=0))
        if sections.size == 0:
            return ranks
        over, best, multiple = over[:, sections].T, best[:, sections].T, multiple[:, sections].T
        first = np.array([code in method.priority_pollutants for code in self.evidence.parameters])
        none = np.isnan(multiple)
        size = np.where(none, 0, multiple)
        tier = [~over, np.broadcast_to(~first, over.shape), -best, none]
        # The sort is stable, and parameters stand in the order of the registry.
        order = np.lexsort((-size, *reversed(tier)), axis=-1)
        self._settle_ties(limits, order, sections, tier, size)
        for rank in range(min(method.most_pollutants, over.shape[1])):
            place = order[:, rank]
            named = over[np.arange(len(sections)), place]
            ranks[place[named], sections[named]] = rank + 1
        return ranks

    def _settle_ties(
        self,
        limits: Mapping[str, Limit],
        order: npt.NDArray[np.intp],
        sections: IntArray,
        tier: Sequence[npt.NDArray[Any]],
        size: npt.NDArray[np.float64],
    ) -> None:
        """Order by exact fractions where two multiples of one tier are the same, or nearly, as floats."""
        sorted_size = np.take_along_axis(size, order, axis=1)
        close = np.abs(np.diff(sorted_size, axis=1)) <= 4 * _ULP * np.abs(sorted_size[:, 1:])
        close &= sorted_size[:, 1:] > 0
        for key in tier:
            close &= np.diff(np.take_along_axis(key, order, axis=1).astype(np.int8), axis=1) == 0
        reference = self.settings.method.reference_class
        for row in np.flatnonzero(close.any(axis=1)).tolist():
            section = int(sections[row])

            def exact(place: int, section: int = section) -> Fraction:
                limit = limits.get(self.evidence.parameters[place])
                if limit is None or limit.direction is not Direction.AT_MOST:
                    return Fraction(0)
                value = self.columns[place].fraction(section)
                if self.settings.round_means:
                    value = self._rounded(place, section, limit)
                return value / Fraction(limit.bound_of(reference)[0])

            keys = {
                place: (
                    *(int(key[row, place]) for key in tier),
                    -exact(place) if size[row, place] else 0,
                    place,
                )
                for place in range(order.shape[1])
            }
            order[row] = sorted(keys, key=keys.__getitem__)


def judge_waters(judge: PeriodJudge, standard: Standard, waters: IntArray) -> dict[int, WaterJudgement]:
    """Judge by the limits of each kind of water that any section needs; an unknown one needs both."""
    found = {}
    both = bool((waters == UNKNOWN).any()) or waters.size == 0
    for water, name in ((RIVER, WaterBodyType.RIVER), (LAKE, WaterBodyType.LAKE)):
        if both or (waters == water).any():
            found[water] = judge.judge(standard.limits_for(name))
    return found


def merge_waters(found: Mapping[int, WaterJudgement], waters: IntArray) -> tuple[WaterJudgement, BoolArray]:
    """Take for each section the result of its kind of water; where that is unknown, what both agree on.

    Returns also the sections of unknown kind on whose class river and lake limits do not agree.
    """
    if RIVER not in found or LAKE not in found:
        (only,) = found.values()
        return only, np.zeros(len(waters), dtype=bool)
    river, lake = found[RIVER], found[LAKE]
    merged = {
        name: np.where(waters == LAKE, getattr(lake, name), getattr(river, name))
        for name in WaterJudgement.__slots__
    }
    agree = (river.water_class == lake.water_class) & (river.water_class > 0)
    open_ = (waters == UNKNOWN) & ~agree & (river.best > 0) & (lake.best > 0)
    best, worst = np.minimum(river.best, lake.best), np.maximum(river.worst, lake.worst)
    merged["best"] = np.where(open_, best, merged["best"])
    merged["worst"] = np.where(open_, worst, merged["worst"])
    merged["water_class"] = np.where(open_, 0, merged["water_class"])
    merged["limiting"] = merged["limiting"] & ~open_
    shared = np.where(lake.pollutant > 0, river.pollutant, 0)
    for section in np.flatnonzero(open_ & (shared > 0).any(axis=0)).tolist():
        named = sorted(np.flatnonzero(shared[:, section]).tolist(), key=shared[:, section].__getitem__)
        shared[named, section] = np.arange(1, len(named) + 1)
    merged["pollutant"] = np.where(open_, shared, merged["pollutant"])
    return WaterJudgement(**merged), open_


def first_peaks(
    evidence: Evidence, limits: Mapping[str, Limit], targets: ClassArray, indicators: Sequence[str]
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Find the first pollutant of a flood season at every section (see `flood_intensity`).

    Returns
    -------
    place of the parameter (-1 for none) and intensity (NaN for none), by section
    """
    sections = len(evidence.codes)
    place, value = np.full(sections, -1, dtype=np.int64), np.full(sections, np.nan)
    for number, code in enumerate(evidence.parameters):  # in the order of the registry: ties go to the first
        limit = limits.get(code)
        if code not in indicators or limit is None or limit.direction is not Direction.AT_MOST:
            continue
        for target in np.unique(targets[targets > 0]).tolist():
            bound = Fraction(limit.bound_of(target)[0])
            known = np.flatnonzero((targets == target) & (evidence.peaks[number] != MISSING))
            top = exact_product(evidence.peaks[number, known], bound.denominator)
            scales = evidence.peak_scales[number, known]
            bottom = exact_product(scales, bound.numerator)
            ratio = _divide(top, bottom)
            ahead = np.isnan(value[known]) | (ratio > value[known])
            for row in np.flatnonzero(np.abs(ratio - value[known]) <= 4 * _ULP * ratio).tolist():
                ahead[row] = Fraction(int(top[row]), int(bottom[row])) > _ratio(
                    evidence, limits, int(place[known[row]]), int(known[row]), target
                )
            place[known[ahead]], value[known[ahead]] = number, ratio[ahead]
    return place, value


def _ratio(
    evidence: Evidence, limits: Mapping[str, Limit], parameter: int, section: int, target: int
) -> Fraction:
    bound = Fraction(limits[evidence.parameters[parameter]].bound_of(target)[0])
    peak = Fraction(int(evidence.peaks[parameter, section]), int(evidence.peak_scales[parameter, section]))
    return peak / bound
