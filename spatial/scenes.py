"""Scenes: rasters of one moment and place, read by windows as reflectance on one grid.

The one part of the engine that opens files. A scene is one file of several bands, or several files with one
or more bands each; bands are numbered through all of them from 1. Everything is read on the grid of the
finest band that was asked for; coarser ones are interpolated onto it. No pixel is ever read from the network,
and formats that point at other files (VRT) are not opened.
"""

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError as ProjCrsError
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from spatial.errors import (
    BandMissingError,
    BandNumberError,
    BandsApartError,
    CalibrationError,
    CrsError,
    SceneBlockError,
    SceneFileError,
    SceneSizeError,
    ScenesTogetherError,
    SceneUnplacedError,
)
from spatial.sensors import ALIKE, ROLE_WORDS, SENTINEL2, BandRole, Sensor, band_name, recognise_sensor

Floats32 = NDArray[np.float32]

MAX_PIXELS = 2_000_000_000
MAX_BLOCK_MB = 512
DRIVERS = ("GTiff", "COG", "JP2OpenJPEG", "ENVI", "HFA", "PNG", "EHdr", "AAIGrid")
"""Formats that hold their own pixels: none of them opens a second file of somebody's choice."""

# Calibrations that products carry in their names rather than in the file.
_S2_BASELINE = re.compile(r"_N([0-9]{4})(?:_|\.|$)")
_S2_OFFSET_FROM = 400
_S2_SCALE, _S2_OFFSET = 1e-4, -1000.0
_LANDSAT_C2 = re.compile(r"L[COETM]0[4-9]_L2S[PR]_")
_LANDSAT_C2_SCALE, _LANDSAT_C2_OFFSET = 2.75e-5, -0.2 / 2.75e-5

_DAY = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])(?![0-9])")
_DAY_TAGS = ("ACQUISITIONDATETIME", "DATE_ACQUIRED", "SENSING_TIME", "DATATAKE_1_DATATAKE_SENSING_START")


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the pixels of a scene lie.

    Attributes
    ----------
    crs :
        Any projected or geographic system.
    transform :
        From (column, row), counted from the corner of the first pixel, to coordinates of `crs`.
    """

    crs: CRS
    transform: Affine
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    def pixel_m(self) -> tuple[float, float]:
        """Width and height of the pixel in the middle of the scene, in metres on the ellipsoid.

        Raises
        ------
        CrsError
            If the middle lies outside what the coordinate system describes.
        """
        column, row = self.width / 2, self.height / 2
        places = [self.transform @ place for place in ((column, row), (column + 1, row), (column, row + 1))]
        x, y = np.array(places, dtype=np.float64).T
        geodetic = self.crs.geodetic_crs
        if geodetic is None:
            raise CrsError("pixels", self.crs.name)
        if self.crs.is_projected:
            x, y = Transformer.from_crs(self.crs, geodetic, always_xy=True).transform(x, y)
        if not (np.isfinite(x).all() and np.isfinite(y).all() and (np.abs(y) <= 90).all()):
            raise CrsError("pixels", self.crs.name)
        ellipsoid: Geod = geodetic.get_geod() or Geod(ellps="GRS80")
        _, _, metres = ellipsoid.inv(x[[0, 0]], y[[0, 0]], x[1:], y[1:])
        return float(metres[0]), float(metres[1])

    def pixel_area_m2(self) -> float:
        """Area of the pixel in the middle of the scene (rotated grids too), in square metres."""
        across, down = self.pixel_m()
        a, b, d, e = self.transform.a, self.transform.b, self.transform.d, self.transform.e
        return float(across * down * abs(a * e - b * d) / (math.hypot(a, d) * math.hypot(b, e)))

    def strips(self, rows: int) -> Iterator[Window]:
        """The scene from top to bottom in windows as wide as itself and up to `rows` high."""
        for start in range(0, self.height, rows):
            yield Window(0, start, self.width, min(rows, self.height - start))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the numbers of a file become reflectance: ``(number + offset) * scale``."""

    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise CalibrationError("scale", self.scale)
        if not math.isfinite(self.offset):
            raise CalibrationError("offset", self.offset)


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a scene.

    Attributes
    ----------
    number :
        Its place through all files of the scene, from 1.
    index :
        Its place in its own file, from 1.
    name :
        As its sensor calls it (``B3``), or as the file describes it; None where nothing is said.
    nodata :
        Number in the file that stands for nothing; None where every number counts.
    declared :
        Whether the file, or the caller, says so; else it is what the sensor's products are filled with.
    masked :
        Whether the file has a mask of its own beside the numbers.
    guessed :
        Whether nothing but its sensor's usual order tells what it sees.
    """

    number: int
    path: Path
    index: int
    name: str | None
    role: BandRole | None
    dtype: str
    nodata: float | None
    declared: bool
    masked: bool
    calibration: Calibration
    grid: Grid
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A band that is said to be one thing and described by its own file as another.

    Attributes
    ----------
    role, number :
        What was said.
    file, name, described :
        The band's file, how it calls the band, and what that name stands for.
    """

    role: BandRole
    number: int
    file: str
    name: str
    described: BandRole


class Scene:
    """Bands of one moment on one grid. Made by `open_scene`; close it, or use it as a context.

    Attributes
    ----------
    bands :
        All bands of the files, in order.
    sensor :
        The satellite that was said or recognised, or None.
    clouds :
        The band of cloud classes, or None; none of `bands`.
    acquired, acquired_from :
        Day of the scene (UTC) and where it was found: ``tags``, ``file name``, ``folder name``; or None, "".
    """

    def __init__(
        self,
        files: Mapping[Path, Any],
        bands: Sequence[Band],
        sensor: Sensor | None,
        acquired: tuple[date | None, str],
        clouds: Band | None,
        stack: ExitStack,
    ) -> None:
        self._files = files
        self.clouds = clouds
        self.bands = tuple(bands)
        self.sensor = sensor
        self.acquired, self.acquired_from = acquired
        self._stack = stack
        self._readers: dict[int, Any] = {}
        self._on_grid: dict[int, bool] = {}
        self._grid = min((band.grid for band in self.bands), key=lambda grid: abs(grid.transform.determinant))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._stack.close()

    @property
    def grid(self) -> Grid:
        """The grid on which everything is read."""
        return self._grid

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The files of the bands, in the order in which they were given."""
        return tuple(dict.fromkeys(band.path for band in self.bands))

    def find_band(self, role: BandRole, number: int | None = None) -> Band:
        """The band that sees `role`, or the one of this number.

        Raises
        ------
        BandNumberError
            If there are not so many bands.
        BandMissingError
            If nothing tells which band it is, or several claim to be it.
        """
        if number is not None:
            if not 1 <= number <= len(self.bands):
                raise BandNumberError(role.value, number, len(self.bands))
            return replace(self.bands[number - 1], role=role)
        found = [band for band in self.bands if band.role is role]
        if len(found) == 1:
            return found[0]
        if found:  # the same band at 10, 20 and 60 m, as Sentinel-2 products have them
            finest = min(found, key=lambda band: abs(band.grid.transform.determinant))
            if len({band.path for band in found}) == len(found):
                return finest
        listed = ", ".join(f"{band.number}: {band.name or '?'}" for band in self.bands[:20])
        raise BandMissingError(role.value, listed)

    def contradictions(self, numbers: Mapping[BandRole, int]) -> tuple[Contradiction, ...]:
        """Which of the stated numbers of bands the files themselves describe as something else.

        Near infrared may be the wide or the narrow band, shortwave infrared the shorter or the longer.
        """
        found = []
        for role, number in numbers.items():
            band = self.bands[number - 1] if 1 <= number <= len(self.bands) else None
            if band is None or band.role is None or band.guessed:
                continue
            if band.role is not role and not any({band.role, role} <= alike for alike in ALIKE):
                name = band.name or band.role.value
                found.append(Contradiction(role, number, band.path.name, name, band.role))
        return tuple(found)

    def use(self, bands: Sequence[Band]) -> None:
        """Read on the grid of the finest of these bands from now on.

        Raises
        ------
        ScenesTogetherError
            If all of them come from one file, and another holds the same: a second whole scene.
        BandsApartError
            If one of them lies elsewhere.
        """
        self._require_one_scene(bands)
        self._grid = min((band.grid for band in bands), key=lambda grid: abs(grid.transform.determinant))
        for band in bands:
            _require_overlap(bands[0], band)
        self._readers.clear()
        self._on_grid.clear()

    def _require_one_scene(self, bands: Sequence[Band]) -> None:
        """Refuse a second file with all that is needed; the same bands at 10 and 20 m are one scene."""
        path, *more = {band.path for band in bands}
        roles = {band.role for band in bands}
        if more or len(roles) < 2:
            return
        mine = [band for band in self.bands if band.path == path]
        pixel = abs(mine[0].grid.transform.determinant)
        for other in self.paths:
            theirs = [band for band in self.bands if band.path == other]
            as_fine = math.isclose(abs(theirs[0].grid.transform.determinant), pixel, rel_tol=0.01)
            has_all = as_fine and roles <= {band.role for band in theirs}
            if other != path and (has_all or [band.name for band in theirs] == [band.name for band in mine]):
                raise ScenesTogetherError(path.name, other.name)

    def read(self, band: Band, window: Window) -> Floats32:
        """A window of a band as reflectance.

        Parameters
        ----------
        window
            In pixels of `grid`, inside it.

        Returns
        -------
        float32 array of the window's (rows, columns)
            NaN where the file has no data. Bands on another grid come by bilinear interpolation.

        Raises
        ------
        SceneFileError
            If the pixels are damaged.
        """
        numbers = self.read_numbers(band, window, Resampling.bilinear)
        values = numbers.astype(np.float32)
        unknown = self._unknown(band, numbers, window)
        calibration = band.calibration
        if calibration.offset:
            values += np.float32(calibration.offset)
        if calibration.scale != 1:
            values *= np.float32(calibration.scale)
        if unknown is not None:
            values[unknown] = np.nan
        if numbers.dtype.kind == "f":
            values[~np.isfinite(values)] = np.nan
        return values

    def read_numbers(
        self, band: Band, window: Window, resampling: Resampling = Resampling.nearest
    ) -> NDArray[Any]:
        """A window of a band as the numbers of the file, nothing masked or scaled.

        On another grid (`resampling`: nearest keeps classes) the numbers of pixels outside the file are its
        nodata number, or 0.

        Raises
        ------
        SceneFileError
            If the pixels are damaged.
        """
        try:
            numbers: NDArray[Any] = self._reader(band, resampling).read(band.index, window=window)
        except RasterioError as error:
            raise SceneFileError(band.path.name, _told(error, band.path)) from error
        return numbers

    def read_known(self, band: Band, window: Window) -> NDArray[np.bool_]:
        """Which pixels of a window have data in this band."""
        numbers = self.read_numbers(band, window)
        unknown = self._unknown(band, numbers, window)
        known = np.ones(numbers.shape, dtype=np.bool_) if unknown is None else ~unknown
        if numbers.dtype.kind == "f":
            known &= np.isfinite(numbers)
        return known

    def _unknown(self, band: Band, numbers: NDArray[Any], window: Window) -> NDArray[np.bool_] | None:
        unknown: NDArray[np.bool_] | None = None
        if band.nodata is not None and not math.isnan(band.nodata):
            unknown = numbers == np.asarray(band.nodata).astype(numbers.dtype)
        if band.masked or (band.nodata is None and not self._lies_on_grid(band)):
            try:
                mask = self._reader(band, Resampling.bilinear).read_masks(band.index, window=window)
            except RasterioError as error:
                raise SceneFileError(band.path.name, _told(error, band.path)) from error
            unknown = mask == 0 if unknown is None else unknown | (mask == 0)
        return unknown

    def _lies_on_grid(self, band: Band) -> bool:
        if band.number not in self._on_grid:
            self._on_grid[band.number] = same_grid(band.grid, self._grid)
        return self._on_grid[band.number]

    def _reader(self, band: Band, resampling: Resampling) -> Any:
        """The file itself, or the same on the scene's grid."""
        source = self._files[band.path]
        if self._lies_on_grid(band):
            return source
        key = hash((band.path, resampling))
        if key not in self._readers:
            options = {} if band.nodata is None else {"src_nodata": band.nodata, "nodata": band.nodata}
            if band.nodata is None and not band.masked:
                options["add_alpha"] = True
            self._readers[key] = self._stack.enter_context(
                WarpedVRT(
                    source,
                    src_crs=band.grid.crs.to_wkt(),
                    crs=self._grid.crs.to_wkt(),
                    transform=self._grid.transform,
                    width=self._grid.width,
                    height=self._grid.height,
                    resampling=resampling,
                    tolerance=1e-6,  # pixels: as good as exact, so that no window depends on its neighbours
                    **options,
                )
            )
        return self._readers[key]


def open_scene(
    paths: Sequence[Path],
    *,
    sensor: Sensor | None = None,
    crs: str | None = None,
    scale: float | None = None,
    offset: float | None = None,
    nodata: float | None = None,
    clouds: Path | None = None,
) -> Scene:
    """Open one file of several bands, or several files of one scene.

    Parameters
    ----------
    sensor
        Whose bands they are; None: by the names of files and bands, where these tell.
    crs
        Coordinate system of files that state none.
    scale, offset
        Reflectance is ``(number + offset) * scale``. None: as the file says; else, in products that carry it
        in their name, Sentinel-2 from processing baseline 04.00 (offset −1000, scale 1/10 000) and Landsat
        Collection 2 level 2; else the numbers as they are.
    nodata
        Number that stands for nothing, where the files do not say.
    clouds
        File of cloud classes (its first band), of any resolution.

    Raises
    ------
    SceneFileError
        If a file is missing, or no raster of the formats that are read.
    SceneUnplacedError, CrsError
        If it does not say where it lies, and `crs` neither, or says it in a way that PROJ does not know.
    SceneSizeError, SceneBlockError
        If it is too large to be worked through.
    CalibrationError
        If scale or offset is no usable number.
    """
    stack = ExitStack()
    try:
        files: dict[Path, Any] = {}
        for path in paths:
            files.setdefault(path, stack.enter_context(_open(path)))
        known = sensor or recognise_sensor(*(part for path in files for part in _product_names(path)))
        bands: list[Band] = []
        for path, file in files.items():
            given = (scale, offset, nodata)
            bands.extend(_bands_of(path, file, known, crs, given, len(bands)))
        _name_stack(bands, known)
        acquired = _acquired(files)
        cover = None
        if clouds is not None:
            files.setdefault(clouds, stack.enter_context(_open(clouds)))
            cover = next(_bands_of(clouds, files[clouds], None, crs, (1.0, 0.0, None), len(bands)))
            _require_overlap(bands[0], cover)
        return Scene(files, bands, known, acquired, cover, stack)
    except BaseException:
        stack.close()
        raise


def count_bands(path: Path) -> int:
    """How many bands a file holds.

    Raises
    ------
    SceneFileError, SceneSizeError, SceneBlockError
        As `open_scene`.
    """
    with _open(path) as file:
        return int(file.count)


def same_grid(one: Grid, other: Grid) -> bool:
    """Whether two grids have the same pixels, to a thousandth of one."""
    if one.shape != other.shape or not one.crs.equals(other.crs, ignore_axis_order=True):
        return False
    back = ~one.transform
    corners = ((0, 0), (one.width, 0), (0, one.height), (one.width, one.height))
    moved = [np.subtract(back @ (other.transform @ corner), corner) for corner in corners]
    return bool(np.abs(moved).max() < 1e-3)


def overlap(one: Grid, other: Grid) -> bool:
    """Whether the rectangles around two grids meet, measured in the system of the first."""
    places = np.array(
        [
            other.transform @ (column, row)
            for column in (0, other.width / 2, other.width)
            for row in (0, other.height / 2, other.height)
        ]
    )
    x, y = places.T
    if one.crs != other.crs:
        x, y = Transformer.from_crs(other.crs, one.crs, always_xy=True).transform(x, y)
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return False
    back = ~one.transform
    columns, rows = zip(
        *(back @ (east, north) for east, north in zip(x[good], y[good], strict=True)), strict=True
    )
    west, east, north, south = (float(end) for end in (min(columns), max(columns), min(rows), max(rows)))
    return west < one.width and east > 0 and north < one.height and south > 0


def _require_overlap(one: Band, other: Band) -> None:
    if not overlap(one.grid, other.grid):
        raise BandsApartError(one.path.name, other.path.name)


def acquisition_day(*names: str) -> date | None:
    """The first day in the first name that holds one: ``S2B_MSIL2A_20200216T033829`` is 2020-02-16."""
    for name in names:
        for year, _, month, day in _DAY.findall(name.replace("_", " ").replace("T", " T")):
            try:
                return date(int(year), int(month), int(day))
            except ValueError:
                continue
    return None


def _open(path: Path) -> Any:
    if not path.is_file():
        raise SceneFileError(path.name, "no such file")
    address = path.resolve().as_posix()
    reasons = []
    for driver in DRIVERS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `_grid_of` refuses them
                file = rasterio.open(address, driver=driver)
            break
        except (RasterioError, UnicodeError) as error:
            reasons.append(_told(error, path))
    else:
        told = next((text for text in reasons if "not recognized" not in text), reasons[0])
        raise SceneFileError(path.name, told)
    try:
        _check_size(path, file)
    except BaseException:
        file.close()
        raise
    return file


def _told(error: Exception, path: Path) -> str:
    """What the library says went wrong, without folders and without a full stop."""
    said = str(error.__cause__ or error).replace(path.resolve().as_posix(), path.name)
    return said.strip().rstrip(".")


def _check_size(path: Path, file: Any) -> None:
    if file.width * file.height > MAX_PIXELS:
        raise SceneSizeError(path.name, file.width, file.height, MAX_PIXELS)
    kinds = [np.dtype(dtype).kind for dtype in file.dtypes]
    if not kinds or any(kind not in "uif" for kind in kinds):
        raise SceneFileError(path.name, f"bands of the types {', '.join(file.dtypes) or '—'}")
    sizes = [
        height * width * np.dtype(dtype).itemsize
        for (height, width), dtype in zip(file.block_shapes, file.dtypes, strict=True)
    ]
    together = file.count if str(file.profile.get("interleave", "")).lower() == "pixel" else 1
    block_mb = math.ceil(max(sizes) * together / 2**20)
    if block_mb > MAX_BLOCK_MB:
        raise SceneBlockError(path.name, block_mb, MAX_BLOCK_MB)


def _bands_of(
    path: Path,
    file: Any,
    sensor: Sensor | None,
    crs: str | None,
    given: tuple[float | None, float | None, float | None],
    before: int,
) -> Iterator[Band]:
    grid = _grid_of(path, file, crs)
    scale, offset, nodata = given
    alone = file.count == 1
    for index in range(1, file.count + 1):
        said = (file.descriptions[index - 1] or "").strip()
        name = band_name(said) or (band_name(path.stem) if alone else None) or said or None
        role = sensor.bands.get(name) if sensor is not None and name is not None else None
        if role is None and said:
            role = ROLE_WORDS.get(said.casefold())
        dtype = file.dtypes[index - 1]
        empty = file.nodatavals[index - 1]
        if empty is None:
            empty = nodata
        declared = empty is not None
        if empty is None and sensor is not None and np.dtype(dtype).kind in "ui":
            empty = float(sensor.fill)
        flags = file.mask_flag_enums[index - 1]
        masked = MaskFlags.per_dataset in flags or MaskFlags.alpha in flags
        calibration = _calibration(path, file, index, sensor, scale, offset)
        yield Band(before + index, path, index, name, role, dtype, empty, declared, masked, calibration, grid)


def _grid_of(path: Path, file: Any, crs: str | None) -> Grid:
    if file.crs:
        system = CRS.from_wkt(file.crs.to_wkt())
    elif crs is not None:
        try:
            system = CRS.from_user_input(int(crs) if crs.isdigit() else crs)
        except ProjCrsError as error:
            raise CrsError("pixels", crs) from error
    else:
        raise SceneUnplacedError(path.name)
    if not (system.is_geographic or system.is_projected):
        raise CrsError("pixels", system.name)
    transform = file.transform
    if transform.is_identity or transform.determinant == 0:
        raise SceneUnplacedError(path.name)
    return Grid(system, transform, file.width, file.height)


def _calibration(
    path: Path, file: Any, index: int, sensor: Sensor | None, scale: float | None, offset: float | None
) -> Calibration:
    """What was said, else what the file says, else what its product name implies."""
    own_scale, own_offset = file.scales[index - 1], file.offsets[index - 1]
    found = Calibration()
    if (own_scale, own_offset) != (1.0, 0.0):
        found = Calibration(own_scale, own_offset / own_scale if own_scale else math.nan)
    elif np.dtype(file.dtypes[index - 1]).kind in "ui":
        names = _product_names(path)
        baselines = [int(text) for name in names for text in _S2_BASELINE.findall(name)]
        if sensor is SENTINEL2 and baselines:
            found = Calibration(_S2_SCALE, _S2_OFFSET if baselines[0] >= _S2_OFFSET_FROM else 0.0)
        elif any(_LANDSAT_C2.search(name) for name in names):
            found = Calibration(_LANDSAT_C2_SCALE, _LANDSAT_C2_OFFSET)
    return Calibration(found.scale if scale is None else scale, found.offset if offset is None else offset)


def _product_names(path: Path) -> list[str]:
    """The file's name and those of the folders that are products."""
    folders = [part for part in path.resolve().parts[:-1] if part.upper().endswith(".SAFE")]
    return [path.name, *folders, path.resolve().parent.name]


def _name_stack(bands: list[Band], sensor: Sensor | None) -> None:
    """Give nameless bands of one file the names that its sensor's usual stacks have."""
    if sensor is None or any(band.role is not None for band in bands):
        return
    names = sensor.stacks.get(len(bands))
    if names is None or len({band.path for band in bands}) != 1:
        return
    bands[:] = [
        replace(band, name=band.name or name, role=sensor.bands.get(name), guessed=True)
        for band, name in zip(bands, names, strict=True)
    ]


def _acquired(files: Mapping[Path, Any]) -> tuple[date | None, str]:
    for file in files.values():
        tags = {**file.tags(ns="IMAGERY"), **file.tags()}
        day = acquisition_day(*(str(tags[name]) for name in _DAY_TAGS if name in tags))
        if day is not None:
            return day, "tags"
    for path in files:
        day = acquisition_day(path.stem)
        if day is not None:
            return day, "file name"
    for path in files:
        day = acquisition_day(*reversed([name for name in _product_names(path)[1:] if name]))
        if day is not None:
            return day, "folder name"
    return None, ""
