"""Where a row is: numbers, degrees-minutes-seconds, a text for both, well-known text, a layer's geometry.

Everything leaves here in EPSG:4490, longitude first. WGS 84 is the same within centimetres: its numbers are
kept, and the row remembers the name. What changes a number (a projection, GCJ-02, a text of degrees) is
remembered with the text that stood there. Beijing 1954 and Xian 1980 are refused: no exact way leads from
them to CGCS2000.
"""

from __future__ import annotations

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

_BRIEF = 80

NamedCells = tuple[str, Sequence[str]]
"""The header as written, and the cells below it."""

Columns = Mapping[str, NamedCells]
"""Cells by field."""


@dataclass(slots=True)
class Places:
    """Geometries in EPSG:4490 (None where a row has none), what they were, and what is wrong with them."""

    geometry: NDArray[np.object_]
    original: list[dict[str, Any] | None]
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def locate_rows(table: RawTable, columns: Columns, shape: Shape, crs: str | None) -> Places:
    """Find the place of every row, convert it to EPSG:4490 and check it.

    A layer's own geometry comes first, then a column of well-known text or GeoJSON, then longitude and
    latitude, then one text for both. A row with a problem keeps no geometry.

    Raises
    ------
    CoordinateSystemError
        If the coordinate system is unknown or refused.
    """
    system = crs or table.crs or CGCS2000
    convert = _converter(table.file, system)
    locator = _Locator(table, columns, shape)
    locator.collect()
    locator.convert(convert, system)
    locator.check()
    return locator.places


# -- systems ---------------------------------------------------------------------------------------------

Converter = Callable[
    [NDArray[np.float64], NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]
]


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


# -- raw geometries --------------------------------------------------------------------------------------


class _Locator:
    """One pass over one table: the raw geometry of each row, then its conversion, then its checks."""

    def __init__(self, table: RawTable, columns: Columns, shape: Shape) -> None:
        self.table = table
        self.columns = columns
        self.shape = shape
        count = len(table)
        self.places = Places(np.full(count, None, dtype=object), [None] * count)
        self.raw = np.full(count, None, dtype=object)
        self.refused: set[int] = set()

    def _refuse(self, place: int, header: str | None, value: str | None, code: str, **params: Any) -> None:
        self.refused.add(place)
        self.raw[place] = None
        self.places.problems.append(Problem(int(self.table.rows[place]), header, value, code, params))

    def collect(self) -> None:
        """Take the geometry of every row from wherever the row has it."""
        for place in self.table.bad_geometry:
            self._refuse(place, None, None, "geometry_unreadable")
        columns = self.columns
        if self.table.geometry is not None:
            self.raw[:] = self.table.geometry
        if "geometry" in columns:
            self._from_geometry_text(*columns["geometry"])
        if "lon" in columns and "lat" in columns:
            self._from_pair(columns["lon"], columns["lat"])
        elif "coordinates" in columns:
            self._from_position(*columns["coordinates"])
        elif "easting" in columns and "northing" in columns:
            self._from_numbers(columns["easting"], columns["northing"])
        elif "x" in columns and "y" in columns and self.table.geometry is None:
            self._from_numbers(columns["x"], columns["y"])

    def _open(self, place: int, *texts: str) -> bool:
        """Whether the row has no geometry yet, and says something in these cells."""
        missing = self.raw[place] is None and place not in self.refused
        return missing and any(text not in _EMPTY for text in texts)

    def _from_geometry_text(self, header: str, cells: Sequence[str]) -> None:
        for place, cell in enumerate(cells):
            text = clean_text(cell)
            if not self._open(place, text):
                continue
            try:
                if text.startswith("{"):
                    self.raw[place] = shapely.force_2d(shapely.from_geojson(text))
                else:
                    srid, _, body = text.rpartition(";")
                    wkt = body if srid.upper().startswith("SRID=") else text
                    self.raw[place] = shapely.force_2d(shapely.from_wkt(wkt))
            except (shapely.errors.GEOSException, TypeError):
                self._refuse(place, header, text[:_BRIEF], "geometry_unreadable")

    def _from_pair(self, lon: NamedCells, lat: NamedCells) -> None:
        for place, cells in enumerate(zip(lon[1], lat[1], strict=True)):
            texts = [clean_text(cell) for cell in cells]
            if not self._open(place, *texts):
                continue
            values: list[float] = []
            for (header, _), text, parse in zip(
                (lon, lat), texts, (parse_longitude, parse_latitude), strict=True
            ):
                value = None if text in _EMPTY else _angle(text, parse)
                if value is None:
                    code = "coordinate_half" if text in _EMPTY else "coordinate_unreadable"
                    self._refuse(place, header, text, code)
                else:
                    values.append(value)
            if len(values) == 2:
                self.raw[place] = shapely.Point(*values)
                if any(parse_number(text) is None for text in texts):
                    self._remember(place, {lon[0]: texts[0], lat[0]: texts[1]})

    def _from_position(self, header: str, cells: Sequence[str]) -> None:
        for place, cell in enumerate(cells):
            text = clean_text(cell)
            if not self._open(place, text):
                continue
            try:
                position = parse_position(text)
            except CoordinateTextError:
                self._refuse(place, header, text, "coordinate_unreadable")
                continue
            self.raw[place] = shapely.Point(position.lon, position.lat)
            self._remember(place, {header: text})

    def _from_numbers(self, first: NamedCells, second: NamedCells) -> None:
        """Columns named X and Y, or easting and northing: told apart by magnitude, never by name."""
        for place, cells in enumerate(zip(first[1], second[1], strict=True)):
            texts = [clean_text(cell) for cell in cells]
            if not self._open(place, *texts):
                continue
            numbers = [parse_number(text) for text in texts]
            if None in numbers:
                wrong = numbers.index(None)
                self._refuse(place, (first, second)[wrong][0], texts[wrong], "coordinate_unreadable")
                continue
            a, b = (float(number) for number in numbers if number is not None)
            form = recognise_coordinates([a], [b])[0]
            if form == CoordinateForm.UNKNOWN:
                self._refuse(place, first[0], ", ".join(texts), "coordinate_unreadable")
                continue
            turned = form in {CoordinateForm.LAT_LON, CoordinateForm.NORTHING_EASTING}
            self.raw[place] = shapely.Point(b, a) if turned else shapely.Point(a, b)
            self._remember(place, {first[0]: texts[0], second[0]: texts[1]})

    def _remember(self, place: int, texts: dict[str, str]) -> None:
        self.places.original[place] = {"coordinates": texts}

    # -- conversion --------------------------------------------------------------------------------------

    def convert(self, convert: Converter | None, system: str) -> None:
        """Bring every geometry into EPSG:4490; a row whose numbers or system were others remembers them."""
        if convert is None:
            self.places.geometry[:] = self.raw
            return
        name = _system_name(system)
        same_numbers = _keeps_numbers(convert)
        for place, shape in enumerate(self.raw):
            if shape is None:
                continue
            before = dict(self.places.original[place] or {})
            if same_numbers:
                self.places.geometry[place] = shape
                self.places.original[place] = before | {"crs": name}
                continue
            moved = shapely.transform(shape, lambda pairs: np.column_stack(convert(pairs[:, 0], pairs[:, 1])))
            if not np.isfinite(shapely.get_coordinates(moved)).all():
                self._refuse(place, None, _brief(shape), "coordinate_outside_system", crs=name)
                continue
            self.places.geometry[place] = moved
            was = {"coordinates": {"wkt": shapely.to_wkt(shape, rounding_precision=-1)}}
            self.places.original[place] = was | before | {"crs": name}

    # -- checks ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Allowed types, (0, 0), swapped axes, the box of China, the box of the basin, invalid polygons."""
        far: list[int] = []
        for place in range(len(self.table)):
            geometry = self.places.geometry[place]
            row = int(self.table.rows[place])
            if geometry is None or geometry.is_empty:
                self.places.geometry[place] = None
                if self.shape.required and place not in self.refused:
                    self.places.problems.append(Problem(row, None, None, "geometry_missing"))
                continue
            fault = _fault(geometry, self.shape)
            if fault is not None:
                self.places.problems.append(Problem(row, None, _brief(geometry), fault[0], fault[1]))
                self.places.geometry[place] = None
                continue
            if not geometry.is_valid:
                geometry = self._repaired(place, geometry)
                self.places.geometry[place] = geometry
            if geometry is not None:
                west, south, east, north = geometry.bounds
                if not lies_in_basin([west, east], [south, north]).any():
                    far.append(row)
        if far:
            rows = ", ".join(map(str, far[:_NAMED])) + ("…" if len(far) > _NAMED else "")
            self.places.notices.append(Notice("outside_basin", {"count": len(far), "rows": rows}))

    def _repaired(self, place: int, broken: Any) -> Any | None:
        """Repair an invalid geometry, keep what it was, and say so; parts of lower dimension are left out."""
        row = int(self.table.rows[place])
        mended: Any = shapely.make_valid(broken)
        if mended.geom_type == "GeometryCollection":
            area = [part for part in mended.geoms if part.geom_type in {"Polygon", "MultiPolygon"}]
            mended = shapely.union_all(area) if area else mended
        if mended.is_empty or mended.geom_type not in self.shape.types:
            self.places.problems.append(Problem(row, None, _brief(broken), "geometry_invalid"))
            return None
        was = {"geometry": shapely.to_wkt(broken, rounding_precision=-1)}
        self.places.original[place] = was | (self.places.original[place] or {})
        reason = shapely.is_valid_reason(broken)
        self.places.notices.append(Notice("geometry_repaired", {"reason": reason}, row=row))
        return mended


def _angle(text: str, parse: Callable[[str], float]) -> float | None:
    number = parse_number(text)
    if number is not None:
        return float(number)
    try:
        return parse(text)
    except CoordinateTextError:
        return None


def _keeps_numbers(convert: Converter) -> bool:
    """Whether the system is WGS 84 (or another name of CGCS2000) in degrees, longitude first."""
    lon, lat = np.array([90.123456789, 121.5]), np.array([24.987654321, 31.25])
    found = convert(lon, lat)
    return bool(np.array_equal(found[0], lon) and np.array_equal(found[1], lat))


def _fault(geometry: Any, shape: Shape) -> tuple[str, dict[str, Any]] | None:
    """Code and params of what forbids this geometry, or None."""
    if geometry.geom_type not in shape.types:
        return "geometry_type", {"found": geometry.geom_type, "allowed": ", ".join(shape.types)}
    west, south, east, north = geometry.bounds
    if geometry.geom_type == "Point" and (west, south) == (0, 0):
        return "coordinate_zero", {}
    swapped = SOUTH <= west <= east <= NORTH and WEST <= south <= north <= EAST
    if west < -180 or east > 180 or south < -90 or north > 90:
        return ("coordinate_swapped" if swapped else "coordinate_projected"), {}
    if shape.in_china and not (WEST <= west <= east <= EAST and SOUTH <= south <= north <= NORTH):
        return ("coordinate_swapped" if swapped else "coordinate_outside_china"), {}
    return None


def _brief(geometry: shapely.Geometry) -> str:
    return shapely.to_wkt(geometry, rounding_precision=6)[:_BRIEF]
