"""Water in arrays of reflectance: index, threshold, water fraction, contour. Nothing here opens a file.

The line between water and land runs where half of a pixel is water. A normalised index is no measure of
that: beside a bright bank its own contour lies up to a third of a pixel too far in the water. The index
therefore only says which pixels are water; where the line runs inside the pixels between is found from
reflectance, which mixes linearly, between what pure water and pure land measure nearby.

Fields are float32 of shape (rows, columns); NaN is unknown. Positions are pixels: the first pixel's corner is
(0, 0), its centre (0.5, 0.5), x along columns, y along rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import shapely
from contourpy import FillType, contour_generator
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import disk

from spatial.errors import CloudClassError
from spatial.sensors import CloudKind

Floats32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Classes = NDArray[np.uint8]

LAND, WATER, UNKNOWN = 0, 1, 255

BINS = 256
HISTOGRAM_CELL = 256
"""Pixels on a side of the squares whose histograms are looked at one by one."""

# A cell takes part in the threshold where both kinds have this share of it at least.
_LEAST_SHARE = 0.05
# Between-class variance over total variance: 0.64 for one normal distribution, 0.75 for a flat one.
_LEAST_SEPARATION = 0.75
# Height of the valley over that of the lower of the two peaks.
_MOST_VALLEY = 0.6
# What NDWI and MNDWI mean: water above, land below 0, with some air before the sensor.
_WATER_MEAN_FROM, _LAND_MEAN_TO = 0.0, 0.1

CELL = 8
"""Pixels on a side of the squares in which pure water and pure land are averaged."""

_LEAST_PURE = 12
_LEAST_CONTRAST = 0.25
_SURE = np.float32(0.5)
_NEVER_ZERO = np.float32(1e-3)
_QUANTA = 2.0**17


SCL_UNKNOWN = (0, 1, 3, 8, 9, 10, 11)
"""No data, defective, cloud shadow, cloud (medium, high), cirrus, snow; not 2 (dark), 7 (unclassified)."""

_SCL = tuple(range(12))
_QA_UNKNOWN_BITS = 0b11_1111  # fill, dilated cloud, cirrus, cloud, cloud shadow, snow


def clear_pixels(
    numbers: NDArray[Any],
    kind: CloudKind,
    classes: tuple[int, ...] = SCL_UNKNOWN,
    *,
    file: str = "",
    nodata: float | None = None,
) -> Flags:
    """Which pixels of a cloud file show the ground.

    Parameters
    ----------
    classes
        Those of SCL that do not.
    file, nodata
        What the file is called, and its number for pixels without a class.

    Raises
    ------
    CloudClassError
        If a number is no class of SCL: most likely the file holds something else.
    """
    clear: Flags
    match kind:
        case CloudKind.SCL:
            known = np.isin(numbers, _SCL)
            if not known.all():
                strange = numbers[~known & np.isfinite(numbers) & (numbers != nodata)]
                if strange.size:
                    raise CloudClassError(file, float(strange[0]))
            clear = known & np.isin(numbers, classes, invert=True)
        case CloudKind.QA_PIXEL:
            bits = numbers.astype(np.int64)
            clear = ((bits & _QA_UNKNOWN_BITS) == 0) & (bits != 0)
        case CloudKind.MASK:
            clear = numbers == 0
    return clear


def water_index(green: Floats32, longer: Floats32) -> Floats32:
    """(green - longer) / (green + longer), between -1 and 1.

    Reflectance below zero (dark water after the correction for the air) counts as zero; where both are, the
    index is unknown.
    """
    shorter, other = np.maximum(green, np.float32(0)), np.maximum(longer, np.float32(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        index = (shorter - other) / (shorter + other)
    return np.asarray(index, dtype=np.float32)


def mixing_signal(longer: Floats32) -> Floats32:
    """What the line is found from inside mixed pixels: the longer wave, which water swallows; more is water.

    It mixes linearly, and bright banks (concrete, sand) are as far from water in it as green ones are; in the
    green band, and so in the index, they are half way.
    """
    return -np.maximum(longer, np.float32(0))


# ---------------------------------------------------------------------------------------------- threshold


class IndexHistogram:
    """Histograms of an index between -1 and 1 in the cells of a scene, gathered strip by strip."""

    def __init__(self, height: int, width: int) -> None:
        self.cells = (-(-height // HISTOGRAM_CELL), -(-width // HISTOGRAM_CELL))
        self.counts: NDArray[np.int64] = np.zeros((*self.cells, BINS), dtype=np.int64)

    def add(self, index: Floats32, first_row: int) -> None:
        """Count a strip as wide as the scene; NaN is left out."""
        rows, columns = index.shape
        known = np.isfinite(index)
        bins = np.clip((np.where(known, index, 0) + 1) * (BINS / 2), 0, BINS - 1).astype(np.int32)
        row_cells = (np.arange(first_row, first_row + rows) // HISTOGRAM_CELL).astype(np.int32)
        column_cells = (np.arange(columns) // HISTOGRAM_CELL).astype(np.int32)
        top = int(row_cells[0])
        cells = (row_cells - top)[:, None] * self.cells[1] + column_cells
        bins += cells * np.int32(BINS)
        found = np.bincount(bins[known], minlength=(int(row_cells[-1]) - top + 1) * self.cells[1] * BINS)
        self.counts[top : int(row_cells[-1]) + 1] += found.reshape(-1, self.cells[1], BINS)

    @property
    def pixels(self) -> int:
        """How many were counted."""
        return int(self.counts.sum())

    def mean(self) -> float:
        """Mean of all."""
        return float((self.counts.sum(axis=(0, 1)) * _CENTRES).sum() / max(self.pixels, 1))


_CENTRES = (np.arange(BINS) + 0.5) * (2 / BINS) - 1


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where water begins on an index.

    Attributes
    ----------
    separation :
        Between-class over total variance of what the threshold was taken from; 0.64 means one heap.
    valley :
        Height of the histogram's valley over its lower peak; 1 means no valley.
    cells, cells_used :
        Squares of the scene, and those that show both water and land and so made the threshold; 0: all.
    """

    value: float
    separation: float
    valley: float
    water_mean: float
    land_mean: float
    cells: int
    cells_used: int
    bimodal: bool


def find_threshold(histogram: IndexHistogram, *, is_water_index: bool = True) -> Threshold:
    """The threshold of Otsu (1979), from the parts of the scene that show both water and land.

    Where water fills little of a scene, Otsu's threshold of the whole divides the land instead; so the
    histogram is taken over those squares that are bimodal by themselves (split-based thresholding, Martinis
    et al. 2009), or over the whole where none is. `is_water_index` asks of both heaps that they lie where
    water and land do.
    """
    counts = histogram.counts.reshape(-1, BINS)
    cells = counts[counts.sum(axis=1) > 0]
    used = [cell for cell in cells if _judge(cell, is_water_index=is_water_index)[1]]
    taken = np.sum(used, axis=0) if used else cells.sum(axis=0)
    found, bimodal = _judge(taken, is_water_index=is_water_index)
    value, separation, valley, land_mean, water_mean = found
    return Threshold(value, separation, valley, water_mean, land_mean, len(cells), len(used), bimodal)


def threshold_at(histogram: IndexHistogram, value: float) -> Threshold:
    """A threshold that was given, with what the scene says of it."""
    counts = histogram.counts.sum(axis=(0, 1))
    (_, separation, valley, _, _), bimodal = _judge(counts, is_water_index=False)
    above = value < _CENTRES

    def mean(chosen: Flags) -> float:
        held = int(counts[chosen].sum())
        return float((counts * _CENTRES)[chosen].sum() / held) if held else value

    cells = int(np.count_nonzero(histogram.counts.sum(axis=2)))
    return Threshold(value, separation, valley, mean(above), mean(~above), cells, 0, bimodal)


def _judge(
    counts: NDArray[np.int64], *, is_water_index: bool
) -> tuple[tuple[float, float, float, float, float], bool]:
    """Threshold, separation, valley, means below and above; and whether there are two heaps."""
    total = counts.sum()
    if np.count_nonzero(counts) < 2:
        place = float((counts * _CENTRES).sum() / max(total, 1))
        return (place, 0.0, 1.0, place, place), False
    # The threshold is the centre of the last bin below: the edge above it divides the two.
    otsu: float = threshold_otsu(hist=(counts, _CENTRES))  # type: ignore[no-untyped-call]
    last = int(np.count_nonzero(otsu >= _CENTRES))
    # Anywhere in an empty gap divides as well: its middle is farthest from both.
    last += int(np.flatnonzero(counts[last:])[0]) // 2
    value = -1 + last * (2 / BINS)
    lower, upper = counts[:last], counts[last:]
    share = upper.sum() / total
    below = float((lower * _CENTRES[:last]).sum() / max(lower.sum(), 1))
    above = float((upper * _CENTRES[last:]).sum() / max(upper.sum(), 1))
    mean = float((counts * _CENTRES).sum() / total)
    variance = float((counts * (_CENTRES - mean) ** 2).sum() / total)
    separation = float(share * (1 - share) * (above - below) ** 2 / variance) if variance > 0 else 0.0
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 4.0, mode="nearest")
    low, high = int(np.argmax(counts[:last])), last + int(np.argmax(counts[last:]))
    peak = min(smooth[low], smooth[high])
    valley = float(smooth[low : high + 1].min() / peak) if peak > 0 else 1.0
    bimodal = (
        separation >= _LEAST_SEPARATION
        and valley <= _MOST_VALLEY
        and min(share, 1 - share) >= _LEAST_SHARE
        and (not is_water_index or (above >= _WATER_MEAN_FROM and below <= _LAND_MEAN_TO))
    )
    return (value, separation, valley, below, above), bool(bimodal)


# ----------------------------------------------------------------------------------------- water fraction


@dataclass(frozen=True, slots=True)
class Ends:
    """What pure water and pure land measure in the scene as a whole, where nothing nearer is known.

    Means and variances of the signal; `largest` is the largest size that it has.
    """

    water: float
    land: float
    water_variance: float
    land_variance: float
    largest: float


class EndSums:
    """Sums of the signal by index, of every fourth row: with the threshold, the ends follow from them."""

    every = 4

    def __init__(self) -> None:
        self._sums: Floats = np.zeros((3, BINS))
        self._largest = 0.0

    def add(self, index: Floats32, signal: Floats32, first_row: int) -> None:
        """Count a strip."""
        rows = slice(-first_row % self.every, None, self.every)
        known = np.isfinite(index[rows])
        bins = np.clip((index[rows][known] + 1) * (BINS / 2), 0, BINS - 1).astype(np.int64)
        values = signal[rows][known].astype(np.float64)
        for place, weights in enumerate((None, values, values * values)):
            self._sums[place] += np.bincount(bins, weights, minlength=BINS)
        if len(values):
            self._largest = max(self._largest, float(np.abs(values).max()))

    def ends(self, found: Threshold) -> Ends:
        """Means of what lies beyond the mean of each heap: pixels that are all water, and all land."""

        def moments(chosen: Flags) -> tuple[float, float]:
            count, total, squares = self._sums[:, chosen].sum(axis=1)
            mean = total / max(count, 1.0)
            return float(mean), max(float(squares / max(count, 1.0) - mean * mean), 0.0)

        water, water_variance = moments(~(min(found.water_mean, _CENTRES[-1]) > _CENTRES))
        land, land_variance = moments(~(max(found.land_mean, _CENTRES[0]) < _CENTRES))
        figures = (water, land, water_variance, land_variance, self._largest)
        # Nine digits: the same in whatever blocks the sums were made.
        return Ends(*(float(f"{figure:.9g}") for figure in figures))


@dataclass(frozen=True, slots=True)
class Field:
    """The level whose zero is the shoreline.

    Attributes
    ----------
    level :
        Between -0.5 (land) and 0.5 (water), never 0: the share of water in the pixel, less one half, near the
        shore. Unknown pixels are -0.5.
    noise :
        Standard deviation of `level`; 0 where it is none of a mixed pixel.
    """

    level: Floats32
    noise: Floats32


def classify_index(index: Floats32, threshold: float) -> Classes:
    """WATER above the threshold, LAND at or below it, UNKNOWN where there is no number."""
    classes = np.where(index > np.float32(threshold), np.uint8(WATER), np.uint8(LAND))
    classes[~np.isfinite(index)] = UNKNOWN
    return classes


def spread(flags: Flags, pixels: int) -> Flags:
    """The set pixels and those up to so many rows and columns away."""
    for axis in (0, 1):
        grown = flags.copy()
        for step in range(1, pixels + 1):
            here = [slice(None), slice(None)]
            there = [slice(None), slice(None)]
            here[axis], there[axis] = slice(step, None), slice(None, -step)
            grown[tuple(here)] |= flags[tuple(there)]
            grown[tuple(there)] |= flags[tuple(here)]
        flags = grown
    return flags


def level_of_signal(signal: Floats32, classes: Classes, ends: Ends, blur: int) -> Field:
    """The level of a scene: by class away from the shore, by water fraction along it.

    Parameters
    ----------
    signal
        `mixing_signal`, or a ready index itself; more is water. The first row is that of a `CELL`.
    classes
        Which pixels the threshold calls water; the line may leave them by `blur` pixels.
    blur
        How many pixels of the grid make one of the coarsest band.

    Returns
    -------
    Field
        For each pixel of the array. Right where the array goes on for `level_margin` beyond.
    """
    water, land = classes == WATER, classes == LAND
    not_water, not_land = ~water, ~land
    reach = 2 * blur
    edge = spread(water, 1) & spread(not_water, 1)
    level = np.where(water, _SURE, -_SURE)
    noise = np.zeros(level.shape, dtype=np.float32)
    near = spread(edge, reach) & (water | land) if edge.any() else edge
    rows, columns = np.nonzero(near)
    if not len(rows):
        return Field(level, noise)
    quantum = _QUANTA / max(ends.largest, 1e-12)
    # Whole numbers add up to the same sum in whatever order and block they come.
    whole = np.rint(np.nan_to_num(signal, nan=0.0).astype(np.float64) * quantum)
    pure_water = _cell_moments(whole, water & ~spread(not_water, reach))
    pure_land = _cell_moments(whole, land & ~spread(not_land, reach))
    overall = (ends.water * quantum, ends.land * quantum)
    water_mean, water_var, water_known = _cell_means(pure_water, overall[0])
    land_mean, land_var, land_known = _cell_means(pure_land, overall[1])
    weak = water_mean - land_mean < _LEAST_CONTRAST * (overall[0] - overall[1])
    water_mean[weak], land_mean[weak] = overall
    water_var[~water_known] = ends.water_variance * quantum**2
    land_var[~land_known] = ends.land_variance * quantum**2

    at = _between_cells(rows, columns, water_mean.shape)
    high, low = at(water_mean), at(land_mean)
    contrast = high - low
    fraction = np.clip((whole[rows, columns] - low) / contrast, 0.0, 1.0)
    found = (fraction - 0.5).astype(np.float32)
    may_flip = spread(edge, blur - 1)[rows, columns]
    sign = np.where(water[rows, columns], np.float32(1), np.float32(-1))
    kept = np.where(may_flip, found, sign * np.maximum(found * sign, _NEVER_ZERO))
    kept = np.where(np.abs(kept) < _NEVER_ZERO, np.where(kept > 0, _NEVER_ZERO, -_NEVER_ZERO), kept)
    level[rows, columns] = kept
    scatter = fraction**2 * at(water_var) + (1 - fraction) ** 2 * at(land_var)
    noise[rows, columns] = np.sqrt(scatter) / contrast
    return Field(level, noise)


def level_margin(blur: int) -> int:
    """Rows that an array needs beyond those whose level is asked for; a multiple of `CELL`."""
    return CELL * (5 + -(-(4 * blur + 4) // CELL))


def level_of_mask(classes: Classes) -> Field:
    """The level of a ready mask: half a pixel wide on each side of every pixel's edge."""
    level = np.where(classes == WATER, _SURE, -_SURE)
    return Field(level, np.zeros(level.shape, dtype=np.float32))


_Moments = tuple[Floats, Floats, Floats]


def _cell_moments(whole: Floats, pure: Flags) -> _Moments:
    """Number, sum and sum of squares of the pure pixels of each cell."""
    rows, columns = (-(-size // CELL) * CELL for size in whole.shape)
    chosen = np.zeros((rows, columns))
    chosen[: whole.shape[0], : whole.shape[1]] = np.where(pure, whole, 0.0)
    flags = np.zeros((rows, columns), dtype=np.float64)
    flags[: whole.shape[0], : whole.shape[1]] = pure

    def per_cell(values: Floats) -> Floats:
        total: Floats = values.reshape(rows // CELL, CELL, columns // CELL, CELL).sum(axis=(1, 3))
        return total

    return per_cell(flags), per_cell(chosen), per_cell(chosen * chosen)


def _around(values: Floats, reach: int) -> Floats:
    """Sums over the squares of cells around each."""
    rows, columns = values.shape
    padded = np.pad(values, reach)
    down = np.zeros((rows, padded.shape[1]))
    total = np.zeros(values.shape)
    for step in range(2 * reach + 1):
        down += padded[step : step + rows]
    for step in range(2 * reach + 1):
        total += down[:, step : step + columns]
    return total


def _cell_means(moments: _Moments, overall: float) -> tuple[Floats, Floats, Flags]:
    """Mean, variance, and whether they are known, of the pure pixels around each cell.

    From the 3 × 3 cells around it, where these hold too few from 7 × 7, where these do not either `overall`.
    """
    mean = np.full(moments[0].shape, overall)
    variance = np.zeros(mean.shape)
    known = np.zeros(mean.shape, dtype=np.bool_)
    for reach in (3, 1):
        count, total, squares = (_around(moment, reach) for moment in moments)
        enough = count >= _LEAST_PURE
        held = np.maximum(count, 1)
        mean = np.where(enough, total / held, mean)
        variance = np.where(enough, np.maximum(squares / held - (total / held) ** 2, 0.0), variance)
        known |= enough
    return mean, variance, known


def _between_cells(
    rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, ...]
) -> Callable[[Floats], Floats]:
    """Bilinear interpolation between the centres of cells."""

    def places(along: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        position = (along + 0.5) / CELL - 0.5
        first = np.clip(np.floor(position).astype(np.int64), 0, count - 1)
        return first, np.minimum(first + 1, count - 1), np.clip(position - first, 0.0, 1.0)

    top, bottom, down = places(rows, shape[0])
    left, right, across = places(columns, shape[1])

    def at(values: Floats) -> Floats:
        upper = values[top, left] * (1 - across) + values[top, right] * across
        lower = values[bottom, left] * (1 - across) + values[bottom, right] * across
        mixed: Floats = upper * (1 - down) + lower * down
        return mixed

    return at


# ---------------------------------------------------------------------------------------------- cleaning


def clean_level(field: Field, classes: Classes, opening: int, closing: int) -> Field:
    """Take out water narrower, and fill land narrower, than a disc of so many pixels' radius; 0 leaves it.

    Unknown pixels are never made water. The outside of the array goes on as its edge does.
    """
    if not opening and not closing:
        return field
    water = field.level > 0
    cleaned = water
    for radius, opens in ((opening, True), (closing, False)):
        if radius:
            around = np.pad(cleaned, 2 * radius, mode="edge")
            shape = disk(radius)  # type: ignore[no-untyped-call]
            around = ndimage.binary_opening(around, shape) if opens else ndimage.binary_closing(around, shape)
            cleaned = around[2 * radius : -2 * radius, 2 * radius : -2 * radius]
    cleaned = cleaned & (classes != UNKNOWN)
    changed = cleaned != water
    level = np.where(changed, np.where(cleaned, _SURE, -_SURE), field.level)
    return Field(level, np.where(changed, np.float32(0), field.noise))


def smooth_level(level: Floats32, times: int) -> Floats32:
    """Weigh each pixel with its neighbours (1 2 1 both ways), so often; no pixel changes sides.

    The line stays between the same two centres of pixels: along a mask's edge it moves by less than half a
    pixel. The outside of the array goes on as its edge does.
    """
    sign = np.where(level > 0, np.float32(1), np.float32(-1))
    smooth: NDArray[Any] = level
    for _ in range(times):
        for axis in (0, 1):
            padded = np.pad(smooth, [(1, 1) if place == axis else (0, 0) for place in (0, 1)], mode="edge")
            before, middle, after = (
                np.take(padded, range(step, step + smooth.shape[axis]), axis=axis) for step in range(3)
            )
            smooth = (before + after) * np.float32(0.25) + middle * np.float32(0.5)
    kept: Floats32 = sign * np.maximum(smooth * sign, _NEVER_ZERO)
    return kept


# ---------------------------------------------------------------------------------------------- contours


def contour_polygons(level: Floats32, x: Floats, y: Floats) -> NDArray[np.object_]:
    """Polygons, with holes, of what lies above zero (marching squares between the samples).

    Parameters
    ----------
    level
        Samples at `x` and `y`, none of them 0.
    """
    generator = contour_generator(
        x=x, y=y, z=level.astype(np.float64), name="serial", fill_type=FillType.ChunkCombinedOffsetOffset
    )
    (points,), (offsets,), (outer,) = cast("Any", generator.filled(0.0, np.inf))
    if points is None or not len(points):
        return np.empty(0, dtype=object)
    rings = (offsets.astype(np.int64), outer.astype(np.int64))
    polygons: NDArray[np.object_] = shapely.from_ragged_array(shapely.GeometryType.POLYGON, points, rings)
    return polygons
