"""Where a row is: numbers, degrees-minutes-seconds, one text for both, well-known text, or a layer's geometry.

Everything leaves here in EPSG:4490, longitude first. WGS 84 is the same within centimetres: its numbers are
kept, and the row remembers the name. What changes a number (a projection, GCJ-02, a text of degrees) is
remembered with the text that stood there. Beijing 1954 and Xian 1980 are refused: no exact way leads to CGCS2000.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.errors import CoordinateSystemError
from ingest.kinds import Shape, clean_text
from ingest.readers import RawTable
from ingest.report import Notice, Problem
from ingest.values import parse_number
from spatial.errors import CoordinateTextError, CrsError, DatumError
from spatial.geodesy import (
    CoordinateForm,
    lies_in_basin,
    parse_latitude,
    parse_longitude,
    parse_position,
    recognise_coordinates,
    to_cgcs2000,
)

CGCS2000 = "EPSG:4490"
WEST, SOUTH, EAST, NORTH = 73.0, 3.0, 136.0, 54.0
"""The box of China with its seas; the tables refuse what lies outside."""

_SAME = frozenset({"EPSG:4490", "4490", "CGCS2000", "EPSG4490"})
_EMPTY = frozenset({"", "-", "--", "—", "/", "*", "null", "None", "nan", "NaN"})
_NAMED = 20
"""So many rows are named in a notice about many."""

Columns = Mapping[str, tuple[str, Sequence[str]]]
"""field → (header as written, cells)."""


@dataclass(slots=True)
class Places:
    """Geometries in EPSG:4490 (None where a row has none), what they were, and what is wrong with them."""

    geometry: NDArray[np.object_]
    original: list[dict[str, Any] | None]
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def locate_rows(table: RawTable, columns: Columns, shape: Shape, crs: str | None) -> Places:
    """Find the place of every row, convert it to EPSG:4490 and check it.

    A layer's own geometry comes first, then a column of well-known text or GeoJSON, then longitude and latitude,
    then one text for both. A row with a problem keeps no geometry.

    Raises
    ------
    CoordinateSystemError
        If the coordinate system is unknown or refused.
    """
    count = len(table)
    places = Places(np.full(count, None, dtype=object), [None] * count)
    system = crs or table.crs or CGCS2000
    convert = _converter(table.file, system)
    for place in table.bad_geometry:
        places.problems.append(Problem(int(table.rows[place]), None, None, "geometry_unreadable"))
    refused = set(table.bad_geometry)
    raw = _raw_geometries(table, columns, places, refused)
    _convert(table, raw, places, refused, convert, system)
    _check(table, places, shape, refused)
    return places


# -- systems -----------------------------------------------------------------------------------------------------

Converter = Callable[[NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]


def _converter(file: str, crs: str) -> Converter | None:
    """The way from `crs` to EPSG:4490; None where the numbers stay as they are."""
    if crs.strip().upper().replace("::", ":").removeprefix("URN:OGC:DEF:CRS:") in _SAME:
        return None
    try:
        to_cgcs2000(np.array([np.nan]), np.array([np.nan]), crs)
    except DatumError as error:
        raise CoordinateSystemError("crs_refused", file, _system_name(crs)) from error
    except CrsError as error:
        raise CoordinateSystemError("crs_unknown", file, _system_name(crs)) from error
    return partial(to_cgcs2000, crs=crs)


def _system_name(crs: str) -> str:
    """A name short enough for one line: WKT begins with its name."""
    if "[" not in crs:
        return crs
    parts = crs.split('"')
    return parts[1] if len(parts) > 1 else crs[:60]


# -- raw geometries ----------------------------------------------------------------------------------------------


def _raw_geometries(
    table: RawTable, columns: Columns, places: Places, refused: set[int]
) -> NDArray[np.object_]:
    """Geometries in the file's own system, from wherever the row has them."""
    raw = np.full(len(table), None, dtype=object)
    if table.geometry is not None:
        raw[:] = table.geometry
    if "geometry" in columns:
        _from_geometry_text(table, columns["geometry"], raw, places, refused)
    if "lon" in columns and "lat" in columns:
        _from_pair(table, columns["lon"], columns["lat"], raw, places, refused)
    elif "coordinates" in columns:
        _from_position(table, columns["coordinates"], raw, places, refused)
    elif "easting" in columns and "northing" in columns:
        _from_numbers(table, columns["easting"], columns["northing"], raw, places, refused)
    elif "x" in columns and "y" in columns and table.geometry is None:
        _from_numbers(table, columns["x"], columns["y"], raw, places, refused)
    return raw


def _refuse(
    table: RawTable, places: Places, refused: set[int], place: int, header: str, value: str, code: str, **params: Any
) -> None:
    refused.add(place)
    places.problems.append(Problem(int(table.rows[place]), header, value, code, params))


def _from_geometry_text(
    table: RawTable,
    column: tuple[str, Sequence[str]],
    raw: NDArray[np.object_],
    places: Places,
    refused: set[int],
) -> None:
    header, cells = column
    for place, cell in enumerate(cells):
        text = clean_text(cell)
        if raw[place] is not None or text in _EMPTY:
            continue
        try:
            if text.startswith("{"):
                raw[place] = shapely.force_2d(shapely.from_geojson(text))
            else:
                srid, _, body = text.rpartition(";")
                raw[place] = shapely.force_2d(shapely.from_wkt(body if srid.upper().startswith("SRID=") else text))
        except (shapely.errors.GEOSException, json.JSONDecodeError, TypeError):
            _refuse(table, places, refused, place, header, text[:80], "geometry_unreadable")


def _from_pair(
    table: RawTable,
    lon: tuple[str, Sequence[str]],
    lat: tuple[str, Sequence[str]],
    raw: NDArray[np.object_],
    places: Places,
    refused: set[int],
) -> None:
    for place, (lon_cell, lat_cell) in enumerate(zip(lon[1], lat[1], strict=True)):
        texts = clean_text(lon_cell), clean_text(lat_cell)
        empty = [text in _EMPTY for text in texts]
        if raw[place] is not None or all(empty):
            continue
        if any(empty):
            header = lon[0] if empty[0] else lat[0]
            _refuse(table, places, refused, place, header, "", "coordinate_half")
            continue
        values: list[float] = []
        for header, text, parse in ((lon[0], texts[0], parse_longitude), (lat[0], texts[1], parse_latitude)):
            value = _angle(text, parse)
            if value is None:
                _refuse(table, places, refused, place, header, text, "coordinate_unreadable")
            else:
                values.append(value)
        if len(values) == 2:
            _take_point(table, places, refused, place, values, texts, (lon[0], lat[0]), raw)


def _angle(text: str, parse: Callable[[str], float]) -> float | None:
    number = parse_number(text)
    if number is not None:
        return float(number)
    try:
        return parse(text)
    except CoordinateTextError:
        return None


def _take_point(
    table: RawTable,
    places: Places,
    refused: set[int],
    place: int,
    values: Sequence[float],
    texts: tuple[str, str],
    headers: tuple[str, str],
    raw: NDArray[np.object_],
) -> None:
    raw[place] = shapely.Point(values[0], values[1])
    if any(parse_number(text) is None for text in texts):
        places.original[place] = {"coordinates": {headers[0]: texts[0], headers[1]: texts[1]}}


def _from_position(
    table: RawTable,
    column: tuple[str, Sequence[str]],
    raw: NDArray[np.object_],
    places: Places,
    refused: set[int],
) -> None:
    header, cells = column
    for place, cell in enumerate(cells):
        text = clean_text(cell)
        if raw[place] is not None or text in _EMPTY:
            continue
        try:
            position = parse_position(text)
        except CoordinateTextError:
            _refuse(table, places, refused, place, header, text, "coordinate_unreadable")
            continue
        raw[place] = shapely.Point(position.lon, position.lat)
        places.original[place] = {"coordinates": {header: text}}


def _from_numbers(
    table: RawTable,
    first: tuple[str, Sequence[str]],
    second: tuple[str, Sequence[str]],
    raw: NDArray[np.object_],
    places: Places,
    refused: set[int],
) -> None:
    """Columns named X and Y, or easting and northing: which is which is told by magnitude, never by name."""
    for place, (first_cell, second_cell) in enumerate(zip(first[1], second[1], strict=True)):
        texts = clean_text(first_cell), clean_text(second_cell)
        if raw[place] is not None or all(text in _EMPTY for text in texts):
            continue
        numbers = [parse_number(text) for text in texts]
        if numbers[0] is None or numbers[1] is None:
            wrong = 0 if numbers[0] is None else 1
            _refuse(table, places, refused, place, (first, second)[wrong][0], texts[wrong], "coordinate_unreadable")
            continue
        a, b = float(numbers[0]), float(numbers[1])
        form = recognise_coordinates([a], [b])[0]
        if form in (CoordinateForm.LAT_LON, CoordinateForm.NORTHING_EASTING):
            a, b = b, a
        elif form == CoordinateForm.UNKNOWN:
            _refuse(table, places, refused, place, first[0], f"{texts[0]}, {texts[1]}", "coordinate_unreadable")
            continue
        raw[place] = shapely.Point(a, b)
        places.original[place] = {"coordinates": {first[0]: texts[0], second[0]: texts[1]}}


# -- conversion and checks ---------------------------------------------------------------------------------------


def _convert(
    table: RawTable,
    raw: NDArray[np.object_],
    places: Places,
    refused: set[int],
    convert: Converter | None,
    system: str,
) -> None:
    # Degrees of latitude where longitudes belong cannot be told from a projection, so they are looked at first.
    point_at = [place for place, shape in enumerate(raw) if shape is not None and place not in refused]
    if convert is None:
        for place in point_at:
            places.geometry[place] = raw[place]
        return
    name = _system_name(system)
    same_numbers = _keeps_numbers(convert)
    for place in point_at:
        shape = raw[place]
        before = dict(places.original[place] or {})
        if same_numbers:
            places.geometry[place] = shape
            places.original[place] = {**before, "crs": name}
            continue
        moved = shapely.transform(shape, lambda pairs: np.column_stack(convert(pairs[:, 0], pairs[:, 1])))
        if not np.isfinite(shapely.get_coordinates(moved)).all():
            _refuse(table, places, refused, place, "", shape.wkt[:80], "coordinate_outside_system", crs=name)
            continue
        places.geometry[place] = moved
        places.original[place] = {"coordinates": {"wkt": shapely.to_wkt(shape, rounding_precision=-1)}} | before | {"crs": name}


def _keeps_numbers(convert: Converter) -> bool:
    """Whether the system is WGS 84 (or another name of CGCS2000) in degrees, longitude first."""
    lon, lat = np.array([90.123456789, 121.5]), np.array([24.987654321, 31.25])
    found = convert(lon, lat)
    return bool(np.array_equal(found[0], lon) and np.array_equal(found[1], lat))


def _check(table: RawTable, places: Places, shape: Shape, refused: set[int]) -> None:
    """Allowed types, (0, 0), swapped axes, the box of China, the box of the basin, invalid polygons."""
    far: list[int] = []
    for place, geometry in enumerate(places.geometry):
        row = int(table.rows[place])
        if geometry is None or geometry.is_empty:
            places.geometry[place] = None
            if shape.required and place not in refused:
                places.problems.append(Problem(row, None, None, "geometry_missing"))
            continue
        code, params = _fault(geometry, shape)
        if code is not None:
            places.problems.append(Problem(row, None, _brief(geometry), code, params))
            places.geometry[place] = None
            continue
        if not geometry.is_valid:
            places.geometry[place] = geometry = _repaired(table, places, place, shape)
            if geometry is None:
                continue
        west, south, east, north = geometry.bounds
        if not lies_in_basin([west, east], [south, north]).any():
            far.append(row)
    if far:
        params = {"count": len(far), "rows": ", ".join(map(str, far[:_NAMED])) + ("…" if len(far) > _NAMED else "")}
        places.notices.append(Notice("outside_basin", params))


def _fault(geometry: shapely.Geometry, shape: Shape) -> tuple[str | None, dict[str, Any]]:
    if geometry.geom_type not in shape.types:
        return "geometry_type", {"found": geometry.geom_type, "allowed": ", ".join(shape.types)}
    west, south, east, north = geometry.bounds
    if geometry.geom_type == "Point" and west == 0 and south == 0:
        return "coordinate_zero", {}
    if abs(west) > 180 or abs(east) > 180 or abs(south) > 90 or abs(north) > 90:
        swapped = SOUTH <= west and east <= NORTH and WEST <= south and north <= EAST
        return ("coordinate_swapped" if swapped else "coordinate_projected"), {}
    if shape.in_china and not (WEST <= west and east <= EAST and SOUTH <= south and north <= NORTH):
        if SOUTH <= west and east <= NORTH and WEST <= south and north <= EAST:
            return "coordinate_swapped", {}
        return "coordinate_outside_china", {}
    return None, {}


def _repaired(table: RawTable, places: Places, place: int, shape: Shape) -> shapely.Geometry | None:
    """Repair an invalid geometry, keep what it was, and say so; parts of lower dimension are left out."""
    broken = places.geometry[place]
    row = int(table.rows[place])
    mended = shapely.make_valid(broken)
    if mended.geom_type == "GeometryCollection":
        area = [part for part in mended.geoms if part.geom_type in ("Polygon", "MultiPolygon")]
        mended = shapely.union_all(area) if area else mended
    if mended.is_empty or mended.geom_type not in shape.types:
        places.problems.append(Problem(row, None, _brief(broken), "geometry_invalid"))
        return None
    before = places.original[place] or {}
    places.original[place] = {"geometry": shapely.to_wkt(broken, rounding_precision=-1)} | before
    places.notices.append(Notice("geometry_repaired", {"reason": shapely.is_valid_reason(broken)}, row=row))
    return mended


def _brief(geometry: shapely.Geometry) -> str:
    return shapely.to_wkt(geometry, rounding_precision=6)[:80]
