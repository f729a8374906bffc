"""An optional layer of province polygons: does a place lie where its row says that it does.

Public layers are strongly generalised and often invalid. They are repaired before use, and only what lies
farther outside than their generalisation (``data/systems.toml``) is doubted. They decide nothing in law.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.errors import CoordinateSystemError, OptionError
from ingest.options import IngestOptions
from ingest.readers import RawTable, read_table
from ingest.systems import conventions, open_system
from spatial.geodesy import measure_geodesics

_NAMES = ("name", "省份", "省", "名称", "province", "省级", "NAME")
_CODES = ("id", "code", "adcode", "行政区划代码", "gb", "省代码")
_STEM = 2
"""The first two characters tell the provinces of China apart, with and without 省, 市, 自治区."""

_SQUEEZE = math.cos(math.radians(31))
"""A degree of longitude in degrees of latitude, mid-basin: good enough to find the nearest side."""


@dataclass(frozen=True, slots=True)
class Provinces:
    """Polygons in degrees, squeezed in longitude, with names and the first two digits of region codes."""

    file: str
    names: tuple[str, ...]
    codes: tuple[str, ...]
    shapes: NDArray[np.object_]
    repaired: int

    def claimed(self, province: str | None, region_code: str | None) -> int | None:
        """Place in the layer of what a row claims, by name or else by region code; None if not there."""
        if province is not None and (stem := _stem(province)) in self._stems:
            return self._stems.index(stem)
        if region_code is not None and region_code[:2] in self.codes:
            return self.codes.index(region_code[:2])
        return None

    @property
    def _stems(self) -> tuple[str, ...]:
        return tuple(map(_stem, self.names))

    def outside_m(self, place: int, geometry: shapely.Geometry) -> float:
        """Metres from a geometry in degrees to the polygon at `place`; 0 inside or across its border."""
        line = shapely.shortest_line(self.shapes[place], _squeezed(geometry))
        (west, south), (east, north) = shapely.get_coordinates(line)
        return float(measure_geodesics(west / _SQUEEZE, south, east / _SQUEEZE, north))

    def holding(self, geometry: shapely.Geometry) -> str | None:
        """The name of the province that holds a geometry in degrees, None outside all of them."""
        found = np.flatnonzero(shapely.intersects(self.shapes, _squeezed(geometry)))
        return self.names[found[0]] if len(found) else None


def open_provinces(path: Path) -> Provinces:
    """Read a layer of province polygons and repair it.

    Raises
    ------
    IngestFileError
        If the file cannot be read at all.
    OptionError
        If it holds no polygons in degrees with names.
    """
    table = read_table(path, IngestOptions(), lambda row: sum(cell in _NAMES for cell in row))
    names, codes = find_column(table, _NAMES), find_column(table, _CODES)
    if table.geometry is None or names is None:
        raise OptionError("--provinces", path.name, f"polygons with a column {', '.join(_NAMES[:4])}")
    try:
        system = open_system(path.name, table.crs or "EPSG:4490")
    except CoordinateSystemError as error:
        raise OptionError("--provinces", path.name, "polygons in EPSG:4490 or EPSG:4326") from error
    if system.convert is not None:
        raise OptionError("--provinces", path.name, "polygons in EPSG:4490 or EPSG:4326")
    broken = ~shapely.is_valid(table.geometry) & ~shapely.is_missing(table.geometry)
    shapes = np.array(
        [repaired_area(shape) if bad else shape for shape, bad in zip(table.geometry, broken, strict=True)],
        dtype=object,
    )
    usable = [
        place
        for place, shape in enumerate(shapes)
        if shape is not None and shape.geom_type in {"Polygon", "MultiPolygon"} and names[place].strip()
    ]
    if not usable:
        raise OptionError("--provinces", path.name, f"polygons with a column {', '.join(_NAMES[:4])}")
    squeezed = np.array([_squeezed(shapes[place]) for place in usable], dtype=object)
    shapely.prepare(squeezed)
    return Provinces(
        file=path.name,
        names=tuple(names[place].strip() for place in usable),
        codes=tuple("" if codes is None else codes[place].strip()[:2] for place in usable),
        shapes=squeezed,
        repaired=int(broken.sum()),
    )


def tolerance_m() -> float:
    """How far outside a polygon a place may lie before it is doubted."""
    return float(conventions()["provinces"]["tolerance_m"])


def find_column(table: RawTable, names: tuple[str, ...]) -> list[str] | None:
    """Cells of the first of these columns that a table has."""
    for name in names:
        if name in table.columns:
            return table.cells[table.columns.index(name)]
    return None


def _stem(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())[:_STEM]


def repaired_area(shape: Any) -> Any:
    """A polygon repaired, without the lines and points that the repair makes of its spikes."""
    shape = shapely.make_valid(shape)
    if shape.geom_type != "GeometryCollection":
        return shape
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in {"Polygon", "MultiPolygon"}]
    return shapely.union_all(parts)


def _squeezed(geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(geometry, lambda pairs: pairs * (_SQUEEZE, 1.0))
