"""Where a row is: numbers, degrees-minutes-seconds, a text for both, well-known text, a layer's geometry.

Everything leaves here in EPSG:4490, longitude first. WGS 84 is the same within centimetres: its numbers are
kept, and the row remembers the name. What changes a number (a projection, GCJ-02, a text of degrees) is
remembered with the text that stood there, and what makes a place less certain is added to its accuracy.

Decisions. Swapped longitude and latitude are an error, for the same numbers can be right somewhere else; an
option corrects them, and each row says so. Metres without any stated system are CGCS2000 where the easting
carries its zone number, and refused where it carries none. A geometry whose label its own columns disprove
refuses the file; one that names the system with ``--crs`` has the last word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.errors import CoordinateSystemError, ForeignFileError
from ingest.kinds import Shape, clean_text
from ingest.labels import Finding, Label, compare_columns
from ingest.options import IngestOptions
from ingest.provinces import Provinces, open_provinces, tolerance_m
from ingest.readers import RawTable
from ingest.report import Notice, Problem
from ingest.systems import CGCS2000, System, conventions, open_system
from ingest.values import parse_number
from spatial.errors import CoordinateTextError, ProjectionZoneError
from spatial.geodesy import (
    CoordinateForm,
    ZoneWidth,
    gauss_krueger_epsg_of_easting,
    lies_in_basin,
    parse_latitude,
    parse_longitude,
    parse_position,
    recognise_coordinates,
)

WEST, SOUTH, EAST, NORTH = 73.0, 3.0, 136.0, 54.0
"""The box of China with its seas; the tables refuse what lies outside."""

_EMPTY = frozenset({"", "-", "--", "—", "/", "*", "null", "None", "nan", "NaN"})
_NAMED = 20
"""So many rows are named in a notice about many."""

_BRIEF = 80
_PAIRS = (("lon", "lat"), ("easting", "northing"), ("x", "y"))
_MIDDLE = (106.5, 30.0)
"""The middle of the basin's box."""

_ZONE_REACH_M = 500_000.0
"""Nothing lies farther from the false easting of its own zone."""

NamedCells = tuple[str, Sequence[str]]
"""The header as written, and the cells below it."""

Columns = Mapping[str, NamedCells]
"""Cells by field."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Where the rows say that they are: province names and region codes, one for each row, or None."""

    provinces: Sequence[str | None]
    region_codes: Sequence[str | None]


@dataclass(slots=True)
class Places:
    """Geometries in EPSG:4490 (None where a row has none), what they were, and what is wrong with them.

    `added_accuracy_m` is what the way into EPSG:4490 adds to the uncertainty of each place.
    """

    geometry: NDArray[np.object_]
    original: list[dict[str, Any] | None]
    added_accuracy_m: NDArray[np.float64]
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def locate_rows(
    table: RawTable, columns: Columns, shape: Shape, options: IngestOptions, claims: Claims | None = None
) -> Places:
    """Find the place of every row, convert it to EPSG:4490 and check it.

    A layer's own geometry comes first, then a column of well-known text or GeoJSON, then longitude and
    latitude, then one text for both. A row with a problem keeps no geometry.

    Raises
    ------
    CoordinateSystemError
        If the coordinate system is unknown or refused, or its label is wrong.
    ForeignFileError
        If the kind must lie in China and every place of a file lies outside.
    OptionError
        If a transformation or the layer of provinces cannot be used.
    """
    system = open_system(
        table.file,
        options.crs or table.crs or CGCS2000,
        options.transformation,
        options.transformation_accuracy_m,
    )
    provinces = None if options.provinces is None or claims is None else open_provinces(options.provinces)
    locator = _Locator(table, columns, shape, options, system)
    locator.collect()
    locator.compare()
    locator.convert()
    locator.check()
    locator.check_surroundings(provinces, claims)
    return locator.places


# -- raw geometries --------------------------------------------------------------------------------------


class _Locator:
    """One pass over one table: the raw geometry of each row, then its conversion, then its checks."""

    def __init__(
        self, table: RawTable, columns: Columns, shape: Shape, options: IngestOptions, system: System
    ) -> None:
        self.table = table
        self.columns = columns
        self.shape = shape
        self.options = options
        self.system = system
        self.declared = options.crs is not None or table.crs is not None
        count = len(table)
        self.places = Places(np.full(count, None, dtype=object), [None] * count, np.zeros(count))
        self.raw = np.full(count, None, dtype=object)
        self.refused: set[int] = set()

    def _refuse(self, place: int, header: str | None, value: str | None, code: str, **params: Any) -> None:
        self.refused.add(place)
        self.raw[place] = None
        self.places.problems.append(Problem(int(self.table.rows[place]), header, value, code, params))

    def _warn(self, code: str, places: Sequence[int] | NDArray[np.int64] = (), **params: Any) -> None:
        """One notice about many rows, the first of them named."""
        if len(places):
            rows = ", ".join(str(int(self.table.rows[place])) for place in places[:_NAMED])
            params |= {"count": len(places), "rows": rows + ("…" if len(places) > _NAMED else "")}
        self.places.notices.append(Notice(code, params))

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

    # -- the label ---------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Hold the columns of coordinates that gave no place against the places of the same rows."""
        if self.system.convert is not None:
            return
        points = np.array(
            [shape is not None and shape.geom_type == "Point" for shape in self.raw], dtype=bool
        )
        if not points.any():
            return
        lon, lat = np.full(len(self.table), np.nan), np.full(len(self.table), np.nan)
        lon[points], lat[points] = shapely.get_coordinates(self.raw[points]).T
        for first, second in self._other_pairs():
            found = compare_columns(lon, lat, self._numbers(first), self._numbers(second))
            if found is not None:
                self._judge(found, f"{self.columns[first][0]}, {self.columns[second][0]}")

    def _other_pairs(self) -> list[tuple[str, str]]:
        pairs = [pair for pair in _PAIRS if pair[0] in self.columns and pair[1] in self.columns]
        elsewhere = self.table.geometry is not None or "geometry" in self.columns
        in_a_text = "coordinates" in self.columns and ("lon", "lat") not in pairs
        return pairs if elsewhere or in_a_text else pairs[1:]

    def _numbers(self, name: str) -> NDArray[np.float64]:
        parse = parse_latitude if name == "lat" else parse_longitude
        texts = map(clean_text, self.columns[name][1])
        found = (_angle(text, parse) if name in {"lon", "lat"} else parse_number(text) for text in texts)
        return np.array([np.nan if number is None else float(number) for number in found])

    def _judge(self, found: Finding, columns: str) -> None:
        known: dict[str, Any] = {"columns": columns, "crs": self.system.name}
        if found.label is Label.WRONG:
            agree = found.compared - (int(found.apart.sum()) if found.datum != "gcj02" else 0)
            told = known | {"datum": found.datum, "count": agree}
            if self.options.crs is None:
                remedy = f"--crs {found.datum}"
                if found.datum != "gcj02":
                    remedy += " --transformation EPSG:… --transformation-accuracy M"
                label: dict[str, Any] = {"file": self.table.file, "remedy": remedy} | told
                raise CoordinateSystemError("crs_mislabelled", **label)
            self._warn("label_doubtful", **told)
            return
        apart = np.flatnonzero(found.apart)
        if found.label is Label.TRANSFORMED:
            told = {"columns": columns, "crs": found.crs, "operation": found.operation}
            self._warn("label_transformed", **told, metres=f"{found.accuracy_m:g}")
            made = np.array([shape is not None for shape in self.raw]) & ~found.apart
            self.places.added_accuracy_m[made] += found.accuracy_m
            for place in np.flatnonzero(made):
                self._add_original(
                    int(place), {"made_from": {"crs": found.crs, "transformation": found.operation}}
                )
        if len(apart):
            metres = "—" if not np.isfinite(found.median_m) else f"{found.median_m:.0f}"
            self._warn("geometry_disagrees", apart, columns=columns, compared=found.compared, metres=metres)

    # -- conversion --------------------------------------------------------------------------------------

    def convert(self) -> None:
        """Bring every geometry into EPSG:4490; a row whose numbers or system were others remembers them."""
        if not self.declared:
            self._take_zones()
        if not self.system.projected and self.options.swapped == "correct":
            self._exchange()
        system, geometry = self.system, self.places.geometry
        waiting = [
            place for place, shape in enumerate(self.raw) if shape is not None and geometry[place] is None
        ]
        if system.convert is None:
            for place in waiting:
                geometry[place] = self.raw[place]
                if system.name != CGCS2000:
                    self._add_original(place, {"crs": system.name})
            return
        if system.projected:
            waiting = [place for place in waiting if self._fits_projection(place)]
        self._move(waiting, system)
        moved = [place for place in waiting if geometry[place] is not None]
        if system.added_accuracy_m and moved:
            self.places.added_accuracy_m[moved] += system.added_accuracy_m
            metres = f"{system.added_accuracy_m:g}"
            self.places.notices.append(
                Notice("accuracy_added", {"count": len(moved), "crs": system.name, "metres": metres})
            )

    def _move(self, chosen: Sequence[int], system: System) -> None:
        """Convert the geometries at some places all at once; what leaves the system's domain is refused."""
        convert = system.convert
        if convert is None or not len(chosen):
            return
        before = self.raw[list(chosen)]
        moved = shapely.transform(before, lambda pairs: np.column_stack(convert(pairs[:, 0], pairs[:, 1])))
        pairs, owner = shapely.get_coordinates(moved, return_index=True)
        lost = np.zeros(len(before), dtype=bool)
        lost[owner[~np.isfinite(pairs).all(axis=1)]] = True
        for place, shape, new, gone in zip(chosen, before, moved, lost, strict=True):
            if gone:
                self._refuse(place, None, _brief(shape), "coordinate_outside_system", crs=system.name)
                continue
            self.places.geometry[place] = new
            was = {"coordinates": {"wkt": shapely.to_wkt(shape, rounding_precision=-1)}}
            stood = self.places.original[place] or {}
            self.places.original[place] = was | stood | {"crs": system.name} | dict(system.said)

    def _add_original(self, place: int, facts: dict[str, Any]) -> None:
        self.places.original[place] = (self.places.original[place] or {}) | facts

    def _take_zones(self) -> None:
        """Metres without a stated system: the zone number in the easting tells the zone, in CGCS2000."""
        zones: dict[str, list[int]] = defaultdict(list)
        for place, shape in self._beyond_degrees():
            pairs = shapely.get_coordinates(shape)
            forms = set(recognise_coordinates(pairs[:, 0], pairs[:, 1]))
            if forms == {CoordinateForm.NORTHING_EASTING}:
                shape, pairs = _turned(shape), pairs[:, ::-1]  # noqa: PLW2901 - easting first from here on
                self.raw[place] = shape
            elif forms != {CoordinateForm.EASTING_NORTHING}:
                continue
            try:
                crs = {gauss_krueger_epsg_of_easting(float(easting)) for easting in pairs[:, 0]}
            except ProjectionZoneError as error:
                if error.reason == "central_meridian_needed":
                    self._refuse(place, None, _brief(shape), "coordinate_meridian_needed")
                continue
            if len(crs) == 1:
                zones[f"EPSG:{crs.pop()}"].append(place)
        for name, chosen in sorted(zones.items()):
            system = open_system(self.table.file, name)
            self._move(chosen, system)
            taken = [place for place in chosen if place not in self.refused]
            if taken:
                self._warn("zone_number_taken", taken, crs=name)

    def _beyond_degrees(self) -> Iterator[tuple[int, shapely.Geometry]]:
        for place, shape in enumerate(self.raw):
            if shape is not None and not shape.is_empty:
                west, south, east, north = shape.bounds
                if np.isfinite([west, south, east, north]).all() and max(map(abs, shape.bounds)) > 360:
                    yield place, shape

    def _fits_projection(self, place: int) -> bool:
        """Refuse degrees under the name of a projection, and eastings of another zone."""
        shape, system = self.raw[place], self.system
        if shape.is_empty:
            return True
        west, south, east, north = shape.bounds
        if -180 <= west <= east <= 180 and -180 <= south <= north <= 180:
            if (west, south, east, north) == (0, 0, 0, 0):
                self._refuse_zero(place)
            else:
                self._refuse(place, None, _brief(shape), "coordinate_not_projected", crs=system.name)
            return False
        false_easting = system.false_easting_m
        if false_easting is not None and not all(
            abs(e - false_easting) < _ZONE_REACH_M for e in (west, east)
        ):
            suggested = _zone_of(west, false_easting)
            params = {"crs": system.name, "suggested": suggested}
            self._refuse(place, None, _brief(shape), "coordinate_zone_contradicts", **params)
            return False
        return True

    def _exchange(self) -> None:
        """Correct swapped longitude and latitude where that was asked for, and say so of every row."""
        for place, shape in enumerate(self.raw):
            if shape is None or shape.is_empty or self.places.geometry[place] is not None:
                continue
            if _swapped(shape.bounds) and (self.shape.in_china or max(shape.bounds[1::2]) > 90):
                was = {"coordinates": {"wkt": shapely.to_wkt(shape, rounding_precision=-1)}}
                self.places.original[place] = was | (self.places.original[place] or {}) | {"swapped": True}
                self.raw[place] = _turned(shape)
                row = int(self.table.rows[place])
                self.places.notices.append(Notice("coordinate_swap_corrected", row=row))

    # -- checks ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Allowed types, (0, 0), swapped axes, the box of China, invalid polygons."""
        abroad: list[Any] = []
        placed = 0
        for place in range(len(self.table)):
            geometry = self.places.geometry[place]
            row = int(self.table.rows[place])
            if geometry is None or geometry.is_empty:
                self.places.geometry[place] = None
                if self.shape.required and place not in self.refused:
                    self.places.problems.append(Problem(row, None, None, "geometry_missing"))
                continue
            fault = _fault(geometry, self.shape)
            if fault is not None and fault[0] == "coordinate_zero":
                self._refuse_zero(place)
                continue
            placed += fault is None or fault[0] != "geometry_type"
            if fault is not None:
                if fault[0] == "coordinate_outside_china":
                    abroad.append(geometry)
                self.places.problems.append(Problem(row, None, _brief(geometry), fault[0], fault[1]))
                self.places.geometry[place] = None
                self.refused.add(place)
                continue
            if not geometry.is_valid:
                self.places.geometry[place] = self._repaired(place, geometry)
        if len(abroad) == placed >= conventions()["abroad"]["rows"]:
            middle = np.median([shape.centroid.coords[0] for shape in abroad], axis=0)
            raise ForeignFileError(self.table.file, placed, float(middle[0]), float(middle[1]))

    def _refuse_zero(self, place: int) -> None:
        """(0, 0) is an error, or by a setting a row without a place; never a place."""
        self.places.geometry[place] = None
        if self.options.outside in {"warn", "ignore"} and not self.shape.required:
            self.raw[place] = None
            self.places.original[place] = None
            self.places.notices.append(Notice("coordinate_zero_left_out", row=int(self.table.rows[place])))
        else:
            self._refuse(place, None, "POINT (0 0)", "coordinate_zero")

    def check_surroundings(self, provinces: Provinces | None, claims: Claims | None) -> None:
        """The box of the basin, and the province that a row claims: warnings, errors, or nothing."""
        if self.options.outside == "ignore":
            return
        placed = [place for place, shape in enumerate(self.places.geometry) if shape is not None]
        far = [place for place in placed if not _touches_basin(self.places.geometry[place])]
        if self.options.outside == "error":
            for place in far:
                self._expel(place, "coordinate_outside_basin")
        elif far:
            self._warn("outside_basin", far)
        if provinces is not None and claims is not None:
            self._check_provinces(provinces, claims, [place for place in placed if place not in self.refused])

    def _check_provinces(self, provinces: Provinces, claims: Claims, placed: Sequence[int]) -> None:
        if provinces.repaired:
            params = {"file": provinces.file, "count": provinces.repaired}
            self.places.notices.append(Notice("provinces_repaired", params))
        unchecked = 0
        for place in placed:
            own = provinces.claimed(claims.provinces[place], claims.region_codes[place])
            if own is None:
                unchecked += 1
                continue
            geometry = self.places.geometry[place]
            outside = provinces.outside_m(own, geometry)
            if outside <= tolerance_m():
                continue
            params = {
                "province": provinces.names[own],
                "distance_km": f"{outside / 1000:.0f}",
                "found": provinces.holding(geometry) or "—",
            }
            if self.options.outside == "error":
                self._expel(place, "outside_province", **params)
            else:
                row = int(self.table.rows[place])
                self.places.notices.append(Notice("outside_province", params, row=row))
        if unchecked:
            self.places.notices.append(Notice("provinces_unchecked", {"count": unchecked}))

    def _expel(self, place: int, code: str, **params: Any) -> None:
        self._refuse(place, None, _brief(self.places.geometry[place]), code, **params)
        self.places.geometry[place] = None

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


def _zone_of(easting: float, false_easting: float) -> str:
    """The system that an easting under a wrong name belongs to, or the range where it may be."""
    zone = int(false_easting // 1_000_000)
    meridian = None if zone == 0 else float(3 * zone if zone >= 25 else 6 * zone - 3)
    try:
        width: ZoneWidth = 3 if zone == 0 or zone >= 25 else 6
        if easting >= 1_000_000:
            return f"EPSG:{gauss_krueger_epsg_of_easting(easting)}"
        return f"EPSG:{gauss_krueger_epsg_of_easting(easting, central_meridian=meridian, width_deg=width)}"
    except ProjectionZoneError:
        return "EPSG:4513–4554"


def _turned(geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(geometry, lambda pairs: pairs[:, ::-1])


def _swapped(bounds: Sequence[float]) -> bool:
    west, south, east, north = bounds
    return SOUTH <= west <= east <= NORTH and WEST <= south <= north <= EAST


def _touches_basin(geometry: Any) -> bool:
    """Whether any part of the geometry's box lies in the box of the basin."""
    west, south, east, north = geometry.bounds
    nearest = np.clip(_MIDDLE[0], west, east), np.clip(_MIDDLE[1], south, north)
    return bool(lies_in_basin(*nearest).all())


def _fault(geometry: Any, shape: Shape) -> tuple[str, dict[str, Any]] | None:
    """Code and params of what forbids this geometry, or None."""
    if geometry.geom_type not in shape.types:
        return "geometry_type", {"found": geometry.geom_type, "allowed": ", ".join(shape.types)}
    west, south, east, north = geometry.bounds
    if geometry.geom_type == "Point" and (west, south) == (0, 0):
        return "coordinate_zero", {}
    swapped = _swapped(geometry.bounds)
    if west < -180 or east > 180 or south < -90 or north > 90:
        return ("coordinate_swapped" if swapped else "coordinate_projected"), {}
    if shape.in_china and not (WEST <= west <= east <= EAST and SOUTH <= south <= north <= NORTH):
        return ("coordinate_swapped" if swapped else "coordinate_outside_china"), {}
    return None


def _brief(geometry: shapely.Geometry) -> str:
    return shapely.to_wkt(geometry, rounding_precision=6)[:_BRIEF]
