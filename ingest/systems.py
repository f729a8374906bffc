"""Ways from the coordinate system of a file into EPSG:4490, and how much certainty each of them costs.

CGCS2000 and WGS 84 in degrees keep their numbers. Projections of the two are undone exactly. GCJ-02 and BD-09
are undone by the inverse of a formula that nobody vouches for, NAD83 is taken as WGS 84: both cost metres,
which are added to the accuracy of every place. Beijing 1954, Xian 1980 and all others need a transformation
that the caller names, with its accuracy. No grid and no network is ever used.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError as ProjCrsError
from pyproj.exceptions import ProjError

from ingest.errors import CoordinateSystemError, OptionError
from spatial.errors import CrsError, DatumError
from spatial.geodesy import measure_geodesics, require_cgcs2000, to_cgcs2000

CGCS2000 = "EPSG:4490"

Floats = NDArray[np.float64]
Converter = Callable[[Floats, Floats], tuple[Floats, Floats]]

_SAME = frozenset({"EPSG:4490", "4490", "CGCS2000", "EPSG4490"})
_GAUSS_KRUEGER = frozenset({"Transverse Mercator", "Gauss-Kruger"})
_FALSE_EASTING = "8806"

_TRIAL = (114.305, 30.5925)
"""A place in the basin on which a transformation is tried before it touches a file."""

_SHORTEST_SHIFT_M = 0.01
"""An operation that moves nothing is the silence about a datum that this room refuses."""

_FARTHEST_SHIFT_M = 1_000.0
"""No two datums of China lie farther apart; a pipeline that moves a place farther mistakes axes or units."""


@dataclass(frozen=True, slots=True)
class System:
    """One coordinate system of a file.

    Attributes
    ----------
    name :
        As rows remember it.
    convert :
        Easting or longitude, northing or latitude → longitude, latitude in EPSG:4490; NaN outside its domain.
        None: the numbers stay.
    added_accuracy_m :
        Metres of uncertainty that the conversion adds to every place.
    projected :
        Whether the numbers are metres.
    false_easting_m :
        Of a transverse Mercator zone (38 500 000 where the zone number stands in front); None for all others.
    said :
        What every converted row remembers beside the name.
    """

    name: str
    convert: Converter | None
    added_accuracy_m: float = 0.0
    projected: bool = False
    false_easting_m: float | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@cache
def conventions() -> Mapping[str, Mapping[str, Any]]:
    """The tables of ``data/systems.toml``: each value with its ground and the day it was set."""
    return tomllib.loads((files("ingest") / "data" / "systems.toml").read_text(encoding="utf-8"))


def open_system(
    file: str, crs: str, transformation: str | None = None, transformation_accuracy_m: float | None = None
) -> System:
    """Find the way from `crs` to EPSG:4490.

    `transformation` is an EPSG code of an operation (``EPSG:15918``) or a PROJ pipeline that takes longitude
    and latitude in degrees on the file's own datum and gives them on WGS 84 or CGCS2000.

    Raises
    ------
    CoordinateSystemError
        If `crs` is unknown (``crs_unknown``), or on another datum and no transformation is named
        (``crs_refused``).
    OptionError
        If the transformation is none, does not begin at the datum of `crs`, comes without its accuracy, or
        is named for a system that needs none.
    """
    _check_accuracy(transformation, transformation_accuracy_m)
    shift = _shift_of(crs)
    if shift is None and transformation is None and _plain(crs) in _SAME:
        return System(CGCS2000, None)
    try:
        to_cgcs2000(np.array([np.nan]), np.array([np.nan]), crs)
    except DatumError as error:
        if transformation is not None and transformation_accuracy_m is not None:
            return _transformed(file, crs, transformation, transformation_accuracy_m)
        nad83 = conventions()["nad83"]
        if _datum(crs) in nad83["datums"]:
            return _as_it_is(crs, nad83["accuracy_m"])
        raise CoordinateSystemError("crs_refused", file, system_name(crs)) from error
    except CrsError as error:
        raise CoordinateSystemError("crs_unknown", file, system_name(crs)) from error
    if transformation is not None:
        raise OptionError(
            "--transformation", transformation, "none for this --crs; a system on another datum: EPSG:4214 …"
        )
    convert = partial(to_cgcs2000, crs=crs)
    if shift is not None:
        return System(system_name(crs), convert, float(shift["accuracy_m"]))
    if _keeps_numbers(convert):
        return System(system_name(crs), None)
    found = _found(crs)
    return System(
        system_name(crs), convert, projected=found.is_projected, false_easting_m=_false_easting(found)
    )


def system_name(crs: str) -> str:
    """A name short enough for one line: WKT begins with its name."""
    if "[" not in crs:
        return crs.strip()
    parts = crs.split('"')
    return parts[1] if len(parts) > 1 else crs[:60]


def _plain(crs: str) -> str:
    return crs.strip().upper().replace("::", ":").removeprefix("URN:OGC:DEF:CRS:")


def _shift_of(crs: str) -> Mapping[str, Any] | None:
    name = crs.strip().upper().replace("_", "-")
    return next(
        (conventions()[key] for key in ("gcj02", "bd09") if name in conventions()[key]["names"]), None
    )


def _check_accuracy(transformation: str | None, accuracy_m: float | None) -> None:
    if (transformation is None) != (accuracy_m is None):
        raise OptionError(
            "--transformation-accuracy" if accuracy_m is None else "--transformation",
            "",
            "--transformation and --transformation-accuracy (metres) together",
        )
    if accuracy_m is not None and not 0 < accuracy_m <= _FARTHEST_SHIFT_M:
        raise OptionError(
            "--transformation-accuracy", str(accuracy_m), f"metres above 0, at most {_FARTHEST_SHIFT_M:.0f}"
        )


# -- systems of PROJ -------------------------------------------------------------------------------------


def _found(crs: str) -> CRS:
    text = crs.strip()
    system = CRS.from_user_input(int(text) if text.isdigit() else text)
    return system.source_crs if system.is_bound and system.source_crs is not None else system


def _datum(crs: str) -> str:
    geographic = _found(crs).geodetic_crs
    return "" if geographic is None or geographic.datum is None else geographic.datum.name


def _false_easting(system: CRS) -> float | None:
    operation = system.coordinate_operation
    if operation is None or operation.method_name not in _GAUSS_KRUEGER:
        return None
    return next((float(param.value) for param in operation.params if str(param.code) == _FALSE_EASTING), None)


def _keeps_numbers(convert: Converter) -> bool:
    """Whether the system is WGS 84 (or another name of CGCS2000) in degrees, longitude first."""
    lon, lat = np.array([90.123456789, 121.5]), np.array([24.987654321, 31.25])
    found = convert(lon, lat)
    return bool(np.array_equal(found[0], lon) and np.array_equal(found[1], lat))


def unproject_system(crs: str) -> tuple[CRS, Converter | None]:
    """The degrees on the system's own datum, and the way to them (None: these are the numbers)."""
    system = _found(crs)
    geographic = system.geodetic_crs
    if geographic is None:
        raise ProjCrsError(f"{system.name} has no geodetic system")
    if system.is_geographic:
        return system, None
    transformer = Transformer.from_crs(system, geographic, always_xy=True)

    def convert(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        lon, lat = transformer.transform(x, y)
        return _finite(np.asarray(lon), np.asarray(lat))

    return geographic, convert


def _finite(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    outside = ~(np.isfinite(lon) & np.isfinite(lat))
    return np.where(outside, np.nan, lon), np.where(outside, np.nan, lat)


def _as_it_is(crs: str, accuracy_m: float) -> System:
    """A datum that is taken as WGS 84, at the price of its accuracy."""
    _, unproject = unproject_system(crs)
    system = _found(crs)
    return System(
        system_name(crs),
        unproject or (lambda x, y: (x, y)),
        float(accuracy_m),
        projected=system.is_projected,
        false_easting_m=_false_easting(system),
    )


# -- transformations that the caller names ---------------------------------------------------------------


def _transformed(file: str, crs: str, transformation: str, accuracy_m: float) -> System:
    try:
        geographic, unproject = unproject_system(crs)
    except ProjCrsError as error:
        raise CoordinateSystemError("crs_unknown", file, system_name(crs)) from error
    move = open_operation(transformation, geographic)

    def convert(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        lon, lat = (x, y) if unproject is None else unproject(x, y)
        return move(lon, lat)

    system = _found(crs)
    return System(
        system_name(crs),
        convert,
        accuracy_m,
        projected=system.is_projected,
        false_easting_m=_false_easting(system),
        said={"transformation": transformation, "transformation_accuracy_m": accuracy_m},
    )


def open_operation(transformation: str, source: CRS) -> Converter:
    """The operation that was named, longitude first; it must move a trial place by a plausible length."""
    code = re.fullmatch(r"EPSG:+(\d+)", transformation.strip(), re.IGNORECASE)
    definition = transformation.strip()
    if code is not None:
        definition = f"urn:ogc:def:coordinateOperation:EPSG::{code[1]}"
    try:
        transformer = Transformer.from_pipeline(definition)
    except ProjError as error:
        raise OptionError("--transformation", transformation, _WANTED) from error
    if code is not None:
        _check_ends(transformation, transformer, source)
    for latitude_first in (False, True):
        move = partial(_move, transformer, latitude_first)
        lon, lat = move(np.array([_TRIAL[0]]), np.array([_TRIAL[1]]))
        if (
            np.isfinite(lon[0])
            and _SHORTEST_SHIFT_M < measure_geodesics(*_TRIAL, lon[0], lat[0]) < _FARTHEST_SHIFT_M
        ):
            return move
    raise OptionError("--transformation", transformation, _WANTED)


_WANTED = (
    "EPSG:15918 …, or a PROJ pipeline from longitude, latitude in degrees to longitude, latitude in degrees"
)


def _move(transformer: Transformer, latitude_first: bool, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    first, second = (lat, lon) if latitude_first else (lon, lat)
    try:
        moved = transformer.transform(first, second)
    except ProjError:
        nowhere = np.full(np.shape(lon), np.nan)
        return nowhere, nowhere
    moved_lon, moved_lat = moved[::-1] if latitude_first else moved
    return _finite(np.asarray(moved_lon, dtype=np.float64), np.asarray(moved_lat, dtype=np.float64))


def _check_ends(transformation: str, transformer: Transformer, source: CRS) -> None:
    """An operation of a registry must lead from the file's own datum to ours."""
    begin, end = transformer.source_crs, transformer.target_crs
    try:
        require_cgcs2000(end, "transformation")
    except CrsError as error:
        raise OptionError("--transformation", transformation, _WANTED) from error
    wanted = source.datum.name if source.datum is not None else source.name
    if begin is None or begin.datum is None or begin.datum.name != wanted:
        raise OptionError("--transformation", transformation, f"a transformation from {wanted}")
