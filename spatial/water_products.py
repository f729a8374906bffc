"""Water products over polygons: chlorophyll, blooms and turbidity from the bands of a scene, or ready.

A pixel belongs to a water where its centre lies in the polygon; with `whole_only` only where all of it does,
so that no shore is mixed in. Pixels without data and under clouds are not seen; seen ones whose number cannot
be are left out and counted. Means and percentiles are those of pixels, each counting once; areas are sums of
the areas that pixels have on the ellipsoid, whatever the coordinate system of the image.

Everything here is an estimate from an image, for what the rules say of each formula; see `product_rules`.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from spatial.classification import Reason, give_reason
from spatial.errors import CrsError, ZoneShapeError
from spatial.imagery import SCL_UNKNOWN, clear_pixels
from spatial.parameters import convert_unit, find_parameter
from spatial.product_rules import ProductRules, SingleBand
from spatial.scenes import Band, Floats32, Grid, Scene
from spatial.sensors import BandRole, CloudKind

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PRODUCT_CRS: Final = "EPSG:4490"
_BLOCK_PIXELS: Final = 4_000_000
_NODES: Final = 17
_STEP: Final = 10.0
"""Pixels over which the size of one is measured."""
_EDGE_DEGREES: Final = 0.01
"""Edges of polygons are straight in longitude and latitude: before they are projected, they get vertices
this far apart, which keeps them right to a centimetre."""


class Product(StrEnum):
    """What is made from an image."""

    NDCI = "ndci"
    CHLOROPHYLL = "chlorophyll"
    BLOOM = "bloom"
    TURBIDITY = "turbidity"
    NDTI = "ndti"
    READY = "ready"


class BloomIndex(StrEnum):
    """How a pixel of bloom is told."""

    FAI = "fai"
    NDVI = "ndvi"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class ProductRequest:
    """Which product, from which bands.

    Attributes
    ----------
    parameter, unit :
        Of a ready product: the parameter of the registry, and the unit of the numbers in the file.
    index :
        Of a bloom.
    ready :
        The first band of the file is the index of the bloom already; a mask always is.
    threshold :
        Of a bloom's index, instead of that of the rules.
    numbers :
        Numbers of bands, from 1, where file and satellite do not tell.
    whole_only :
        Leave out pixels that the edge of a water runs through.
    """

    product: Product
    parameter: str | None = None
    unit: str | None = None
    index: BloomIndex = BloomIndex.FAI
    ready: bool = False
    threshold: Decimal | None = None
    numbers: Mapping[BandRole, int] | None = None
    whole_only: bool = False

    @property
    def formula(self) -> str | None:
        """Name of the table of the rules that the product rests on; None for a ready product."""
        match self.product:
            case Product.BLOOM:
                return f"bloom_{self.index.value}"
            case Product.READY:
                return None
            case _:
                return self.product.value

    @property
    def main_parameter(self) -> str:
        """The parameter that the mean of a water is; of a bloom that of its area."""
        named = {
            Product.NDCI: "ndci",
            Product.CHLOROPHYLL: "chl_a",
            Product.BLOOM: "bloom_area",
            Product.TURBIDITY: "turbidity_fnu",
            Product.NDTI: "ndti",
        }
        if self.product is Product.READY:
            if self.parameter is None:
                raise ValueError("a ready product without its parameter")
            return self.parameter
        return named[self.product]


@dataclass(frozen=True, slots=True)
class Spread:
    """How the values of the pixels of a water are spread, in the unit of the parameter."""

    mean: float
    median: float
    p10: float
    p90: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class ZoneProduct:
    """A product over one water.

    Attributes
    ----------
    pixels :
        Of the image inside the water.
    clouded, empty, impossible, beyond :
        Pixels under clouds; without data; seen, but with a number that cannot be (left out); seen, but beyond
        what a formula was made for (counting as at that end).
    seen :
        Pixels whose values count.
    area_km2, seen_km2 :
        Of the polygon, and of the pixels that count.
    bloom_pixels, bloom_km2 :
        None of products that are no bloom.
    spread :
        None where nothing was seen; of a bloom that of its index, of a mask none.
    reasons :
        Why the product says nothing of this water; empty where it does.
    """

    code: str
    name: str | None
    pixels: int
    clouded: int
    empty: int
    impossible: int
    beyond: int
    seen: int
    area_km2: float
    seen_km2: float
    bloom_pixels: int | None
    bloom_km2: float | None
    spread: Spread | None
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]

    @property
    def seen_share(self) -> float:
        """Share of the water that was seen, 0 to 1."""
        return min(self.seen_km2 / self.area_km2, 1.0) if self.area_km2 else 0.0

    @property
    def cloud_share(self) -> float:
        """Share of the pixels under clouds, 0 to 1."""
        return self.clouded / self.pixels if self.pixels else 0.0

    @property
    def bloom_share(self) -> float | None:
        """Share of the seen water under bloom, 0 to 1; None where nothing was seen."""
        if self.bloom_km2 is None or not self.seen_km2:
            return None
        return self.bloom_km2 / self.seen_km2

    def readings(self, request: ProductRequest, statistic: str = "mean") -> dict[str, float]:
        """What can be stored: values by parameter, each in its unit; none where the product says nothing."""
        if self.reasons:
            return {}
        if request.product is Product.BLOOM:
            share = self.bloom_share
            return {} if share is None else {"bloom_area": self.bloom_km2 or 0.0, "bloom_share": share * 100}
        if self.spread is None:
            return {}
        return {request.main_parameter: float(getattr(self.spread, statistic))}


@dataclass(frozen=True, slots=True)
class _Pixels:
    """What a formula makes of pixels: values, and which of them cannot be, or lie beyond the formula."""

    values: Floats
    impossible: Flags
    beyond: Flags
    bloom: Flags | None = None


_Compute = Callable[[Mapping[BandRole, Floats32]], _Pixels]
_Plan = tuple[dict[BandRole, Band], _Compute]


def measure_products(
    scene: Scene,
    zones: gpd.GeoDataFrame,
    request: ProductRequest,
    rules: ProductRules,
    day: date,
    *,
    cloud_kind: CloudKind = CloudKind.SCL,
    cloud_classes: tuple[int, ...] = SCL_UNKNOWN,
) -> list[ZoneProduct]:
    """Measure a product over waters, in their order.

    Parameters
    ----------
    zones : GeoDataFrame
        ``code``, polygons in any coordinate system, ``name`` where there.
    day
        Of the image; the rules must hold on it.
    cloud_kind, cloud_classes
        What the cloud file of the scene means, where it has one.

    Raises
    ------
    ProductNotInForceError
        If the rules have no such formula for the day.
    BandMissingError, BandNumberError, BandsApartError, ScenesTogetherError, SceneFileError
        If a band is not there, or cannot be read.
    ZoneShapeError
        If a zone is no polygon.
    CrsError
        If the zones, or the image, lie in no known coordinate system.
    """
    formula = request.formula
    if formula is not None:
        rules.formula_on(formula, day)
        if formula == "chlorophyll":
            rules.formula_on("ndci", day)
    bands, compute = _plan(scene, request, rules)
    scene.use(list(bands.values()))
    shapes = _on_grid(zones, scene.grid)
    areas = _polygon_areas_km2(zones)
    names = list(zones["name"]) if "name" in zones.columns else [None] * len(zones)
    found = []
    for code, name, shape, area in zip(zones["code"], names, shapes, areas, strict=True):
        gathered = _Gathered()
        for window in _windows(shape, scene.grid):
            inside = _inside(shape, window, whole_only=request.whole_only)
            if inside.any():
                gathered.add(
                    _look(scene, bands, compute, window, inside, cloud_kind, cloud_classes),
                    pixel_areas_m2(scene.grid, window)[inside],
                )
        named = name if isinstance(name, str) and name else None
        found.append(gathered.result(str(code), named, area, request, rules))
    return found


# -- what a pixel is -----------------------------------------------------------------------------------------


def _plan(scene: Scene, request: ProductRequest, rules: ProductRules) -> _Plan:
    """The bands that a product needs, and what it makes of them."""
    numbers = request.numbers or {}
    first = replace(scene.bands[0], nodata=scene.bands[0].nodata if scene.bands[0].declared else None)

    def bands(*roles: BandRole) -> dict[BandRole, Band]:
        return {role: scene.find_band(role, numbers.get(role)) for role in roles}

    def single(compute: Callable[[Floats32], _Pixels]) -> _Plan:
        band = replace(first, role=BandRole.PAN)
        return {BandRole.PAN: band}, lambda values: compute(values[BandRole.PAN])

    match request.product:
        case Product.READY:
            return single(lambda values: _ready(values, request))
        case Product.NDCI:
            needed = bands(BandRole.RED_EDGE_1, BandRole.RED)
            return needed, lambda values: _index(values[BandRole.RED_EDGE_1], values[BandRole.RED])
        case Product.CHLOROPHYLL:
            needed = bands(BandRole.RED_EDGE_1, BandRole.RED)
            return needed, lambda values: _chlorophyll(
                _index(values[BandRole.RED_EDGE_1], values[BandRole.RED]), rules
            )
        case Product.NDTI:
            needed = bands(BandRole.RED, BandRole.GREEN)
            return needed, lambda values: _index(values[BandRole.RED], values[BandRole.GREEN])
        case Product.TURBIDITY:
            needed = bands(BandRole.RED) | _near_infrared(scene, numbers)
            return needed, lambda values: _turbidity(values, rules)
        case _:
            return _bloom_plan(scene, request, rules, single, bands)


def _bloom_plan(scene: Scene, request: ProductRequest, rules: ProductRules, single: Any, bands: Any) -> _Plan:
    threshold = float(
        rules.thresholds[f"bloom_{request.index.value}"] if request.threshold is None else request.threshold
    )
    plan: _Plan
    if request.index is BloomIndex.MASK:
        plan = single(lambda values: _mask(values, threshold))
        return plan
    if request.ready:
        plan = single(lambda values: _over(_known(values.astype(np.float64)), threshold))
        return plan
    near = _near_infrared(scene, request.numbers or {})
    (role,) = near
    if request.index is BloomIndex.NDVI:
        needed = bands(BandRole.RED) | near
        return needed, lambda values: _over(_index(values[role], values[BandRole.RED]), threshold)
    needed = bands(BandRole.RED, BandRole.SWIR) | near
    share = _baseline_share(scene, needed, role, rules)

    def floating(values: Mapping[BandRole, Floats32]) -> _Pixels:
        index = floating_algae_index(values[BandRole.RED], values[role], values[BandRole.SWIR], share)
        return _over(_known(index), threshold)

    return needed, floating


def _near_infrared(scene: Scene, numbers: Mapping[BandRole, int]) -> dict[BandRole, Band]:
    """The narrow band near 865 nm where the scene has one, else the broad one."""
    for role in (BandRole.NIR_NARROW, BandRole.NIR):
        if role in numbers:
            return {role: scene.find_band(role, numbers[role])}
    if any(band.role is BandRole.NIR_NARROW for band in scene.bands):
        return {BandRole.NIR_NARROW: scene.find_band(BandRole.NIR_NARROW)}
    return {BandRole.NIR: scene.find_band(BandRole.NIR)}


def _baseline_share(
    scene: Scene, bands: Mapping[BandRole, Band], near: BandRole, rules: ProductRules
) -> float:
    """How far the near infrared lies between red and short-wave infrared, by wavelength."""

    def wave(role: BandRole) -> float:
        name = bands[role].name
        known = None if scene.sensor is None or name is None else scene.sensor.wavelengths_nm.get(name)
        return rules.wavelengths_nm[role] if known is None else known

    red = wave(BandRole.RED)
    return (wave(near) - red) / (wave(BandRole.SWIR) - red)


def floating_algae_index(red: Floats32, near: Floats32, short: Floats32, share: float) -> Floats:
    """FAI (Hu 2009): reflectance in the near infrared above the line from red to short-wave infrared.

    `share` is where on that line the near infrared lies, (λ_nir - λ_red) / (λ_swir - λ_red).
    """
    low = red.astype(np.float64)
    return np.asarray(near - (low + (short - low) * share), dtype=np.float64)


def _index(over: Floats32, under: Floats32) -> _Pixels:
    """(over - under) / (over + under). Below zero, as dark water after correction, counts as zero."""
    one, other = np.maximum(over, 0).astype(np.float64), np.maximum(under, 0).astype(np.float64)
    total = one + other
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (one - other) / total
    dark = total == 0
    return _Pixels(np.where(dark, 0.0, values), dark, np.zeros(dark.shape, dtype=bool))


def _known(values: Floats) -> _Pixels:
    none = np.zeros(values.shape, dtype=bool)
    return _Pixels(values, none, none)


def _over(pixels: _Pixels, threshold: float) -> _Pixels:
    return replace(pixels, bloom=(pixels.values >= threshold) & ~pixels.impossible)


def _mask(values: Floats32, number: float) -> _Pixels:
    known = _known(values.astype(np.float64))
    return replace(known, bloom=values == number)


def _chlorophyll(index: _Pixels, rules: ProductRules) -> _Pixels:
    """Milligrams per litre by the polynomial; the index is brought to the ends that it was fitted between."""
    low, high = rules.index_range
    beyond = ((index.values < low) | (index.values > high)) & ~index.impossible
    x = np.clip(index.values, low, high)
    values = np.polynomial.polynomial.polyval(x, np.array(rules.chlorophyll))
    return _Pixels(np.asarray(values, dtype=np.float64), index.impossible, beyond)


def _turbidity(values: Mapping[BandRole, Floats32], rules: ProductRules) -> _Pixels:
    """FNU: red band, near infrared where red is bright, weighed between; `turbidity_most` at the most."""
    red = np.maximum(values[BandRole.RED], 0).astype(np.float64)
    (near_role,) = [role for role in values if role is not BandRole.RED]
    near = np.maximum(values[near_role], 0).astype(np.float64)
    low, high = rules.turbidity_switch
    weight = np.clip((red - low) / (high - low), 0, 1)
    clear, turbid = _single(red, rules.turbidity_red), _single(near, rules.turbidity_nir)
    with np.errstate(invalid="ignore"):
        between = (1 - weight) * clear + weight * turbid
        found = np.where(weight == 0, clear, np.where(weight == 1, turbid, between))
    beyond = ~(found <= rules.turbidity_most)
    return _Pixels(np.where(beyond, rules.turbidity_most, found), np.zeros(red.shape, dtype=bool), beyond)


def _single(reflectance: Floats, band: SingleBand) -> Floats:
    """T = a r / (1 - r / c), infinite from r = c on."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values = band.a * reflectance / (1 - reflectance / band.c)
    return np.where(reflectance < band.c, values, np.inf)


def _ready(values: Floats32, request: ProductRequest) -> _Pixels:
    """The numbers of the file in the unit of the parameter; what no water can have is left out."""
    parameter = find_parameter(request.main_parameter)
    factor = float(
        convert_unit(Decimal(1), request.unit or parameter.unit, parameter.unit, code=parameter.code)
    )
    found = values.astype(np.float64) * factor
    impossible = (found < float(parameter.gross_min)) | (found > float(parameter.gross_max))
    return _Pixels(found, impossible, np.zeros(found.shape, dtype=bool))


# -- the pixels of a water -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """The pixels of one window inside a water; arrays of one length."""

    clouded: Flags
    empty: Flags
    pixels: _Pixels


def _look(
    scene: Scene,
    bands: Mapping[BandRole, Band],
    compute: _Compute,
    window: Window,
    inside: Flags,
    cloud_kind: CloudKind,
    cloud_classes: tuple[int, ...],
) -> _Look:
    values = {role: scene.read(band, window)[inside] for role, band in bands.items()}
    empty = np.zeros(int(inside.sum()), dtype=bool)
    for part in values.values():
        empty |= ~np.isfinite(part)
    clouded = np.zeros(len(empty), dtype=bool)
    if scene.clouds is not None:
        cover = scene.clouds
        clear = clear_pixels(
            scene.read_numbers(cover, window),
            cloud_kind,
            cloud_classes,
            file=cover.path.name,
            nodata=cover.nodata,
        )
        clouded = ~clear[inside] & ~empty
    with np.errstate(invalid="ignore"):
        return _Look(clouded, empty, compute(values))


class _Gathered:
    """Sums over the windows of one water."""

    def __init__(self) -> None:
        self.pixels = self.clouded = self.empty = self.impossible = self.beyond = self.bloom = 0
        self.seen_m2 = self.bloom_m2 = 0.0
        self.has_bloom = False
        self.values: list[NDArray[np.float32]] = []

    def add(self, look: _Look, areas_m2: Floats) -> None:
        known = ~(look.clouded | look.empty)
        impossible = known & look.pixels.impossible
        good = known & ~impossible
        self.pixels += len(known)
        self.clouded += int(look.clouded.sum())
        self.empty += int(look.empty.sum())
        self.impossible += int(impossible.sum())
        self.beyond += int((good & look.pixels.beyond).sum())
        self.seen_m2 += float(areas_m2[good].sum())
        self.values.append(look.pixels.values[good].astype(np.float32))
        if look.pixels.bloom is not None:
            self.has_bloom = True
            bloom = good & look.pixels.bloom
            self.bloom += int(bloom.sum())
            self.bloom_m2 += float(areas_m2[bloom].sum())

    def result(
        self, code: str, name: str | None, area_km2: float, request: ProductRequest, rules: ProductRules
    ) -> ZoneProduct:
        values = np.concatenate(self.values) if self.values else np.empty(0, dtype=np.float32)
        is_bloom = request.product is Product.BLOOM
        is_mask = is_bloom and request.index is BloomIndex.MASK
        found = ZoneProduct(
            code=code,
            name=name,
            pixels=self.pixels,
            clouded=self.clouded,
            empty=self.empty,
            impossible=self.impossible,
            beyond=self.beyond,
            seen=len(values),
            area_km2=area_km2,
            seen_km2=self.seen_m2 / 1e6,
            bloom_pixels=self.bloom if is_bloom else None,
            bloom_km2=self.bloom_m2 / 1e6 if is_bloom else None,
            spread=None if is_mask or not len(values) else _spread(values),
            reasons=(),
            warnings=(),
        )
        reasons, warnings = _judge(found, rules)
        return replace(found, reasons=reasons, warnings=warnings)


def _spread(values: NDArray[np.float32]) -> Spread:
    p10, median, p90 = (float(one) for one in np.percentile(values, (10, 50, 90)))
    return Spread(
        mean=float(values.mean(dtype=np.float64)),
        median=median,
        p10=p10,
        p90=p90,
        minimum=float(values.min()),
        maximum=float(values.max()),
    )


def _judge(found: ZoneProduct, rules: ProductRules) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Why a product says nothing of a water, and what is to be thought of where it does."""
    reasons: list[Reason] = []
    warnings: list[Reason] = []
    with_number = found.seen + found.impossible
    if not found.pixels:
        reasons.append(give_reason("product_outside_image"))
    elif not with_number:
        reasons.append(give_reason("product_nothing_seen"))
    else:
        if found.impossible > with_number * rules.most_impossible:
            share = 100 * found.impossible / with_number
            reasons.append(give_reason("product_impossible", share=round(share, 1)))
        elif found.impossible:
            share = 100 * found.impossible / with_number
            warnings.append(
                give_reason("product_impossible_left_out", pixels=found.impossible, share=round(share, 1))
            )
        if found.seen_share < rules.least_seen:
            reasons.append(
                give_reason(
                    "product_too_little_seen",
                    share=round(100 * found.seen_share, 1),
                    needed=round(100 * float(rules.least_seen), 1),
                )
            )
        if found.beyond > found.seen * rules.most_beyond:
            share = 100 * found.beyond / found.seen
            warnings.append(give_reason("product_beyond_validity", share=round(share, 1)))
    return tuple(reasons), tuple(warnings)


# -- places --------------------------------------------------------------------------------------------------


def _on_grid(zones: gpd.GeoDataFrame, grid: Grid) -> list[BaseGeometry]:
    """The polygons of waters in columns and rows of a grid, counted from the corner of its first pixel."""
    if zones.crs is None:
        raise CrsError("zones", "none")
    shapes = np.asarray(zones.geometry.array, dtype=object)
    for code, shape in zip(zones["code"], shapes, strict=True):
        if shape is None or shape.is_empty or shape.geom_type not in ("Polygon", "MultiPolygon"):
            raise ZoneShapeError(str(code), "none" if shape is None else shape.geom_type)
    system = CRS(zones.crs)
    if not system.equals(grid.crs, ignore_axis_order=True):
        if system.is_geographic:
            shapes = shapely.segmentize(shapes, _EDGE_DEGREES)
        shapes = _moved(shapes, Transformer.from_crs(system, grid.crs, always_xy=True).transform)
    back = ~grid.transform
    moved = _moved(shapes, lambda x, y: (back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f))
    return list(shapely.make_valid(moved))


def _moved(shapes: NDArray[np.object_], move: Any) -> Any:
    """Shapes whose vertices (x, y) are moved by a function of arrays."""
    return shapely.transform(shapes, move, interleaved=False)


def _polygon_areas_km2(zones: gpd.GeoDataFrame) -> list[float]:
    """Areas of the polygons on the ellipsoid."""
    geodetic = zones.to_crs(PRODUCT_CRS)
    ellipsoid = Geod(ellps="GRS80")
    shapes = shapely.make_valid(np.asarray(geodetic.geometry.array, dtype=object))
    turned = shapely.orient_polygons(shapely.segmentize(shapes, _EDGE_DEGREES))
    return [abs(ellipsoid.geometry_area_perimeter(shape)[0]) / 1e6 for shape in turned]


def _windows(shape: BaseGeometry, grid: Grid) -> Iterator[Window]:
    """The part of a grid around a water, in windows of at most some million pixels."""
    if shape.is_empty:
        return
    west, north, east, south = shape.bounds  # rows grow downwards
    first, last = max(math.floor(west), 0), min(math.ceil(east), grid.width)
    top, bottom = max(math.floor(north), 0), min(math.ceil(south), grid.height)
    if not (all(map(math.isfinite, (west, north, east, south))) and first < last and top < bottom):
        return
    rows = max(_BLOCK_PIXELS // (last - first), 1)
    for row in range(top, bottom, rows):
        yield Window(first, row, last - first, min(rows, bottom - row))


def _inside(shape: BaseGeometry, window: Window, *, whole_only: bool) -> Flags:
    """Which pixels of a window have their centre in a water, or lie in it whole."""
    size = int(window.height), int(window.width)
    place = Affine.translation(window.col_off, window.row_off)
    inside: Flags = rasterize([(shape, 1)], out_shape=size, transform=place, dtype="uint8") > 0
    if whole_only and inside.any():
        edge = rasterize(
            [(shape.boundary, 1)], out_shape=size, transform=place, dtype="uint8", all_touched=True
        )
        inside &= edge == 0
    return inside


def pixel_areas_m2(grid: Grid, window: Window) -> Floats:
    """Areas of the pixels of a window on the ellipsoid of the grid's system, in square metres.

    Worked out at some nodes and interpolated between: right to a millionth, and better.

    Returns
    -------
    float64 array of the window's (rows, columns)

    Raises
    ------
    CrsError
        If the coordinate system does not say how it distorts areas there.
    """
    height, width = int(window.height), int(window.width)
    rows, columns = _nodes(height), _nodes(width)
    column, row = np.meshgrid(window.col_off + columns + 0.5, window.row_off + rows + 0.5)
    geodetic = grid.crs.geodetic_crs
    ellipsoid = None if geodetic is None else geodetic.ellipsoid
    if geodetic is None or ellipsoid is None:
        raise CrsError("pixels", grid.crs.name)
    to_degrees = Transformer.from_crs(grid.crs, geodetic, always_xy=True)

    def place(moved_right: float, moved_down: float) -> tuple[Floats, Floats]:
        x, y = grid.transform @ (column.ravel() + moved_right, row.ravel() + moved_down)
        lon, lat = (x, y) if grid.crs.is_geographic else to_degrees.transform(x, y)
        turn = geodetic.axis_info[0].unit_conversion_factor
        return np.asarray(lon) * turn, np.asarray(lat) * turn

    # Longitude and latitude change by so much from pixel to pixel; over some pixels, for the sake of digits.
    across, down, (_, phi) = place(_STEP, 0), place(0, _STEP), place(0, 0)
    back, up = place(-_STEP, 0), place(0, -_STEP)
    turned = (across[0] - back[0]) * (down[1] - up[1]) - (across[1] - back[1]) * (down[0] - up[0])
    a, b = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    e2 = 1 - (b / a) ** 2
    # One radian squared of longitude and latitude is M N cos φ square metres.
    metres = a**2 * (1 - e2) * np.cos(phi) / (1 - e2 * np.sin(phi) ** 2) ** 2
    areas = np.abs(turned) / (2 * _STEP) ** 2 * metres
    if not np.isfinite(areas).all():
        raise CrsError("pixels", grid.crs.name)
    nodes = np.asarray(areas, dtype=np.float64).reshape(len(rows), len(columns))
    spread: Floats = _weights(height, rows) @ nodes @ _weights(width, columns).T
    return spread


def _nodes(size: int) -> Floats:
    return np.unique(np.linspace(0, size - 1, min(size, _NODES)))


def _weights(size: int, nodes: Floats) -> Floats:
    """Linear weights of nodes for the places 0 to size - 1: an array (size, nodes)."""
    places = np.arange(size, dtype=np.float64)
    return np.stack([np.interp(places, nodes, unit) for unit in np.eye(len(nodes))], axis=1)
