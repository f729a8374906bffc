"""Shorelines of whole scenes: two passes of strips over the files, for the threshold and for the outlines.

Memory is that of a strip and of the outlines found so far, whatever the size of the scene. What comes out
does not depend on the height of the strips.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.windows import Window

from spatial.errors import (
    MaskValuesError,
    NotBimodalError,
    NoWaterError,
    OutlinesError,
    SceneEmptyError,
    ScenesTogetherError,
)
from spatial.imagery import (
    CELL,
    SCL_UNKNOWN,
    UNKNOWN,
    WATER,
    Classes,
    Ends,
    EndSums,
    Field,
    Flags,
    Floats32,
    IndexHistogram,
    Threshold,
    classify_index,
    clean_level,
    clear_pixels,
    contour_polygons,
    find_threshold,
    level_margin,
    level_of_mask,
    level_of_signal,
    mixing_signal,
    smooth_level,
    spread,
    threshold_at,
    water_index,
)
from spatial.imagery_outlines import (
    Floats,
    Geometries,
    Outlines,
    VertexFacts,
    close_seams,
    drop_small,
    measure_outlines,
    snap,
)
from spatial.scenes import Band, Scene
from spatial.sensors import BandRole, CloudKind, SourceKind, WaterIndex

STRIP_PIXELS = 5_600_000
"""Pixels of a strip: what is in memory at one time is about 60 bytes of each."""

MAX_VERTICES = 6_000_000
"""Of all outlines together (each takes about 300 bytes); a tile with 5 000 km of shore has one million."""

_CACHE_BYTES = 256 << 20
_MASK_ERROR_PX = math.sqrt(0.5)
_CONTOUR_ERROR_PX = 0.25
_LARGEST_ERROR_PX = 2.0


@dataclass(frozen=True, slots=True)
class ExtractionSettings:
    """How water is told from land, and what of it is kept.

    Attributes
    ----------
    green, nir, swir :
        Numbers of bands, from 1; None: as sensor or file name them.
    threshold :
        Of the index; None: Otsu's.
    water_below :
        Water lies below the threshold of a ready index (NDVI), not above.
    water_values :
        Numbers that mean water in a mask; empty: 1, or 255 where the others are 0.
    opening_m, closing_m :
        Width of the water that is taken out, of the land that is filled; 0 leaves all.
    cloud_margin_m :
        How far around clouds nothing is taken for seen.
    smooth :
        How often each pixel is weighed with its neighbours before the contour.
    simplify_px :
        How far, in pixels, the line may leave the contour to save vertices.
    geolocation_m :
        Error of the scene's position that 95 % of points keep; None: the sensor's, else one pixel.
    strip_rows :
        Rows read at a time, a multiple of 8; None: by the width.
    """

    kind: SourceKind = SourceKind.SCENE
    index: WaterIndex = WaterIndex.NDWI
    green: int | None = None
    nir: int | None = None
    swir: int | None = None
    threshold: float | None = None
    water_below: bool = False
    water_values: tuple[float, ...] = ()
    cloud_kind: CloudKind = CloudKind.SCL
    cloud_classes: tuple[int, ...] = SCL_UNKNOWN
    cloud_margin_m: float = 0.0
    opening_m: float = 0.0
    closing_m: float = 0.0
    min_water_m2: float = 5_000.0
    min_island_m2: float = 1_000.0
    smooth: int = 1
    simplify_px: float = 0.1
    geolocation_m: float | None = None
    strip_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """The water of a scene.

    Attributes
    ----------
    accuracy_m :
        One per outline: position of the scene, noise over contrast along the shore, and the rest of a pixel
        together (root of the sum of squares).
    threshold :
        None for a mask.
    pixels, pixels_empty, pixels_clouded, pixels_water :
        All; without data; under clouds; in the outlines' level before small ones were dropped.
    """

    outlines: Outlines
    accuracy_m: Floats
    bands: tuple[Band, ...]
    geolocation_m: float
    pixel_m: tuple[float, float]
    threshold: Threshold | None
    pixels: int
    pixels_empty: int
    pixels_clouded: int
    pixels_water: int
    unknown: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Strip:
    """Rows of a source: an index or mask, what the line is found from, what is hidden."""

    index: Floats32
    signal: Floats32
    empty: Flags
    clouded: Flags


class _Source:
    """What the passes read: strips of an index, with clouds and no data as NaN."""

    def __init__(self, scene: Scene, settings: ExtractionSettings) -> None:
        self.scene, self.settings = scene, settings
        self.bands = _choose_bands(scene, settings)
        scene.use(self.bands)
        self.grid = scene.grid
        self.pixel_m = self.grid.pixel_m()
        coarsest = max(abs(band.grid.transform.determinant) for band in self.bands)
        self.blur = max(1, round(math.sqrt(coarsest / abs(self.grid.transform.determinant))))
        self.cloud_margin = self._pixels(settings.cloud_margin_m, whole=math.ceil)
        self.opening = self._pixels(settings.opening_m / 2)
        self.closing = self._pixels(settings.closing_m / 2)
        self.water_values: tuple[float, ...] = settings.water_values
        self.unknown_values: tuple[float, ...] = ()

    def _pixels(self, metres: float, whole: Any = round) -> int:
        return int(whole(metres / math.sqrt(self.pixel_m[0] * self.pixel_m[1])))

    @property
    def file(self) -> str:
        return self.bands[0].path.name

    @property
    def strip_rows(self) -> int:
        rows = self.settings.strip_rows or min(2048, STRIP_PIXELS // self.grid.width)
        return max(CELL, rows // CELL * CELL)

    @property
    def margin(self) -> int:
        """Rows that a strip needs beyond its own."""
        reach = 2 * (self.opening + self.closing) + self.settings.smooth + self.cloud_margin + 2
        return level_margin(self.blur) + -(-reach // CELL) * CELL

    def read(self, start: int, stop: int) -> _Strip:
        """Rows `start` to `stop`, and right for clouds within the margin."""
        window = Window(0, start, self.grid.width, stop - start)
        if self.settings.kind is SourceKind.SCENE:
            green, longer = (self.scene.read(band, window) for band in self.bands)
            index, signal = water_index(green, longer), mixing_signal(longer)
        else:
            index = self._read_single(window)
            signal = index
        empty = ~np.isfinite(index)
        clouded = self._clouds(window) & ~empty
        index = np.where(clouded, np.float32(np.nan), index)
        return _Strip(index, signal, empty, clouded)

    def _read_single(self, window: Window) -> Floats32:
        (band,) = self.bands
        if self.settings.kind is SourceKind.INDEX:
            values = self.scene.read(band, window)
            return -values if self.settings.water_below else values
        numbers = self.scene.read_numbers(band, window)
        known = self.scene.read_known(band, window) if _counts_nodata(band) else np.isfinite(numbers)
        known &= ~np.isin(numbers, self.unknown_values)
        mask = np.isin(numbers, self.water_values).astype(np.float32)
        mask[~known] = np.nan
        return mask

    def _clouds(self, window: Window) -> Flags:
        cover = self.scene.clouds
        if cover is None:
            return np.zeros((int(window.height), int(window.width)), dtype=np.bool_)
        numbers = self.scene.read_numbers(cover, window)
        hidden = ~clear_pixels(
            numbers,
            self.settings.cloud_kind,
            self.settings.cloud_classes,
            file=cover.path.name,
            nodata=cover.nodata,
        )
        return spread(hidden, self.cloud_margin)

    def strips(self) -> Iterator[tuple[int, int]]:
        for start in range(0, self.grid.height, self.strip_rows):
            yield start, min(start + self.strip_rows, self.grid.height)


def extract_water(scene: Scene, settings: ExtractionSettings) -> Extraction:
    """Outlines of the water in a scene.

    Raises
    ------
    BandMissingError, BandNumberError, BandsApartError, ScenesTogetherError, SceneFileError
        If the bands cannot be found or read.
    SceneEmptyError
        If nothing of the scene is clear and has data.
    NotBimodalError
        If no threshold was given and the scene does not fall into water and land.
    MaskValuesError
        If a mask holds other numbers than it may.
    NoWaterError
        If nothing that is large enough is water.
    OutlinesError
        If the outlines are those of noise: more than `MAX_VERTICES`.
    """
    with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, GDAL_NUM_THREADS="ALL_CPUS"):
        source = _Source(scene, settings)
        if settings.kind is SourceKind.MASK:
            _learn_values(source)
        threshold, ends, counted = _first_pass(source)
        return _second_pass(source, threshold, ends, counted)


def water_mask(extraction: Extraction, shape: tuple[int, int], rows: int) -> Iterator[tuple[int, Classes]]:
    """The cleaned mask, strip by strip: first row and classes (0 land, 1 water, 255 unknown).

    Water is what has its centre in an outline.
    """
    height, width = shape
    polygons = extraction.outlines.polygons
    bounds = shapely.bounds(polygons)
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        bits = extraction.unknown[start:stop]
        classes = np.where(np.unpackbits(bits, axis=1, count=width) > 0, np.uint8(UNKNOWN), np.uint8(0))
        here = polygons[(bounds[:, 1] < stop) & (bounds[:, 3] > start)]
        if len(here):
            burnt = rasterize(here, out_shape=(stop - start, width), transform=Affine.translation(0, start))
            classes[burnt > 0] = WATER
        yield start, classes


# ------------------------------------------------------------------------------------------------- bands


def _choose_bands(scene: Scene, settings: ExtractionSettings) -> list[Band]:
    if settings.kind is not SourceKind.SCENE:
        if len(scene.paths) > 1:
            raise ScenesTogetherError(scene.paths[0].name, scene.paths[1].name)
        return [scene.bands[0]]
    role, number = (
        (BandRole.NIR, settings.nir) if settings.index is WaterIndex.NDWI else (BandRole.SWIR, settings.swir)
    )
    return [scene.find_band(BandRole.GREEN, settings.green), scene.find_band(role, number)]


def _counts_nodata(band: Band) -> bool:
    """Whether the nodata number of a mask is told by the file, and not a sensor's habit."""
    return band.declared or band.masked


def _learn_values(source: _Source) -> None:
    """Find out which number of a mask is water."""
    if source.water_values:
        return
    (band,) = source.bands
    values: set[float] = set()
    for start, stop in source.strips():
        window = Window(0, start, source.grid.width, stop - start)
        numbers = source.scene.read_numbers(band, window)
        if _counts_nodata(band):
            numbers = numbers[source.scene.read_known(band, window)]
        numbers = numbers[np.isfinite(numbers)] if numbers.dtype.kind == "f" else numbers
        values |= {float(number) for number in np.unique(numbers)}
        if not values <= {0.0, 1.0, 255.0}:
            shown = ", ".join(f"{value:g}" for value in sorted(values)[:6])
            raise MaskValuesError(source.file, shown + (" …" if len(values) > 6 else ""))
    source.water_values = (255.0,) if 1.0 not in values and 255.0 in values else (1.0,)
    source.unknown_values = (255.0,) if {1.0, 255.0} <= values else ()


# ---------------------------------------------------------------------------------------------- threshold


def _first_pass(source: _Source) -> tuple[Threshold | None, Ends, tuple[int, int]]:
    """Threshold and ends of the scene; pixels without data, and under clouds."""
    settings = source.settings
    histogram = IndexHistogram(*source.grid.shape)
    sums = EndSums()
    empty = clouded = 0
    for start, stop in source.strips():
        # Clouds spread over the seams of strips.
        first = max(0, start - source.cloud_margin)
        last = min(source.grid.height, stop + source.cloud_margin)
        strip = source.read(first, last)
        rows = slice(start - first, stop - first)
        histogram.add(strip.index[rows], start)
        sums.add(strip.index[rows], strip.signal[rows], start)
        empty += int(np.count_nonzero(strip.empty[rows]))
        clouded += int(np.count_nonzero(strip.clouded[rows]))
    if histogram.pixels == 0:
        seen = source.grid.height * source.grid.width
        raise SceneEmptyError(source.file, round(100 * clouded / seen, 1))
    if settings.kind is SourceKind.MASK:
        return None, Ends(1.0, 0.0, 0.0, 0.0, 1.0), (empty, clouded)
    ready = settings.kind is SourceKind.INDEX
    sign = -1.0 if ready and settings.water_below else 1.0
    if settings.threshold is None:
        threshold = find_threshold(histogram, is_water_index=not ready)
        if not threshold.bimodal:
            mean = round(sign * histogram.mean(), 3)
            figures = (round(threshold.separation, 2), round(threshold.valley, 2))
            raise NotBimodalError(source.file, mean, *figures)
    else:
        threshold = threshold_at(histogram, sign * settings.threshold)
    return threshold, sums.ends(threshold), (empty, clouded)


# ----------------------------------------------------------------------------------------------- outlines


def _second_pass(
    source: _Source, threshold: Threshold | None, ends: Ends, counted: tuple[int, int]
) -> Extraction:
    grid, settings = source.grid, source.settings
    height, width = grid.shape
    area_m2 = grid.pixel_area_m2()
    least_water, least_island = settings.min_water_m2 / area_m2, settings.min_island_m2 / area_m2
    x = np.r_[0.0, np.arange(width) + 0.5, float(width)]
    unknown = np.zeros((height, -(-width // 8)), dtype=np.uint8)
    whole: list[Geometries] = []
    pieces: list[Geometries] = []
    facts: list[VertexFacts] = []
    water_pixels = vertices = 0
    for start, stop in source.strips():
        first, last = max(0, start - source.margin), min(height, stop + source.margin)
        field, classes, level = _field(source, threshold, ends, first, last)
        own = slice(start - first, stop - first)
        unknown[start:stop] = np.packbits(classes[own] == UNKNOWN, axis=1)
        water_pixels += int(np.count_nonzero(level[own] > 0))
        # From the last row of the strip above to the last of this: the cells between them are all covered.
        top = max(start - 1, 0)
        rows = slice(top - first, stop - first)
        y: Floats = np.arange(top, stop, dtype=np.float64) + 0.5
        samples = level[rows]
        if start == 0:
            y, samples = np.r_[0.0, y], np.vstack((samples[:1], samples))
        if stop == height:
            y, samples = np.r_[y, float(height)], np.vstack((samples, samples[-1:]))
        if not (samples > 0).any():
            continue
        framed = np.pad(samples, ((0, 0), (1, 1)), mode="edge")
        # An island inside a strip is whole: small ones, with what lies on them, are not kept till the end.
        found = drop_small(snap(contour_polygons(framed, x, y)), 0.0, least_island)
        bounds = shapely.bounds(found)
        cut = ((bounds[:, 1] == y[0]) & (start > 0)) | ((bounds[:, 3] == y[-1]) & (stop < height))
        kept = cut | (shapely.area(found) >= least_water)
        whole.append(found[kept & ~cut])
        pieces.append(found[cut])
        facts.append(_vertex_facts(source, field, classes, level, first, found[kept]))
        vertices += len(facts[-1].places)
        if vertices > MAX_VERTICES:
            raise OutlinesError(source.file, MAX_VERTICES)
    polygons = np.concatenate([*whole, close_seams(np.concatenate(pieces))]) if whole else np.empty(0, object)
    polygons = drop_small(polygons, least_water, least_island)
    if not len(polygons):
        raise NoWaterError(source.file, water_pixels, settings.min_water_m2)
    gathered = VertexFacts.gather(facts)
    simplify = settings.simplify_px
    outlines = measure_outlines(polygons, gathered, grid.shape, source.pixel_m, area_m2, simplify)
    geolocation_m = settings.geolocation_m
    if geolocation_m is None:
        sensor = source.scene.sensor
        geolocation_m = max(source.pixel_m) if sensor is None else sensor.geolocation_m
    rest = _MASK_ERROR_PX if settings.kind is SourceKind.MASK else _CONTOUR_ERROR_PX
    rest_m = rest * source.blur * max(source.pixel_m)
    terms = geolocation_m**2 + rest_m**2 + np.nan_to_num(outlines.error_m) ** 2
    return Extraction(
        outlines=outlines,
        accuracy_m=np.sqrt(terms),
        bands=tuple(source.bands),
        geolocation_m=geolocation_m,
        pixel_m=source.pixel_m,
        threshold=threshold,
        pixels=height * width,
        pixels_empty=counted[0],
        pixels_clouded=counted[1],
        pixels_water=water_pixels,
        unknown=unknown,
    )


def _field(
    source: _Source, threshold: Threshold | None, ends: Ends, first: int, last: int
) -> tuple[Field, Classes, Floats32]:
    """Level with its noise, classes, and the smoothed level of rows `first` to `last`."""
    strip = source.read(first, last)
    value = 0.5 if threshold is None else threshold.value
    classes = classify_index(strip.index, value)
    if threshold is None:
        field = level_of_mask(classes)
    else:
        field = level_of_signal(strip.signal, classes, ends, source.blur)
    field = clean_level(field, classes, source.opening, source.closing)
    return field, classes, smooth_level(field.level, source.settings.smooth)


def _vertex_facts(
    source: _Source, field: Field, classes: Classes, level: Floats32, first: int, polygons: Geometries
) -> VertexFacts:
    """Error and surroundings of the crossings of a contour; `first` is the first row of the arrays."""
    places = shapely.get_coordinates(polygons)
    u, v = places[:, 0] - 0.5, places[:, 1] - 0.5 - first
    across = np.abs(v - np.round(v)) < 1e-4
    down = np.abs(u - np.round(u)) < 1e-4
    crossing = across != down
    places, u, v, across = places[crossing], u[crossing], v[crossing], across[crossing]
    rows, columns = level.shape

    def clip(values: NDArray[Any], most: int) -> NDArray[np.int64]:
        return np.clip(values.astype(np.int64), 0, most - 1)

    row = clip(np.where(across, np.round(v), np.floor(v)), rows)
    column = clip(np.where(across, np.floor(u), np.round(u)), columns)
    next_row = clip(np.where(across, row, row + 1), rows)
    next_column = clip(np.where(across, column + 1, column), columns)
    part = np.where(across, u - np.floor(u), v - np.floor(v))

    def slope(at_row: NDArray[np.int64], at_column: NDArray[np.int64], *, along_rows: Flags) -> Floats:
        """Central difference of the raw level along rows or columns, per pixel."""
        step_row, step_column = np.where(along_rows, 1, 0), np.where(along_rows, 0, 1)
        ahead = field.level[clip(at_row + step_row, rows), clip(at_column + step_column, columns)]
        behind = field.level[clip(at_row - step_row, rows), clip(at_column - step_column, columns)]
        return (ahead.astype(np.float64) - behind) / 2

    here, there = field.level[row, column], field.level[next_row, next_column]
    steep = here.astype(np.float64) - there
    side = (
        slope(row, column, along_rows=across) * (1 - part)
        + slope(next_row, next_column, along_rows=across) * part
    )
    scatter = np.hypot((1 - part) * field.noise[row, column], part * field.noise[next_row, next_column])
    # A saturated level hides how steep it is: then it is as steep as the pixel is wide.
    gradient = np.hypot(steep, side)
    pixels = np.minimum(scatter / np.maximum(gradient, 1e-6), _LARGEST_ERROR_PX)
    unseen = (classes[row, column] == UNKNOWN) | (classes[next_row, next_column] == UNKNOWN)
    return VertexFacts(
        places[:, 0] + 1j * places[:, 1], (pixels * max(source.pixel_m)).astype(np.float32), unseen
    )
