"""Centrelines as arrays: kilometres along them, the nearest place on them, pieces of them.

An edge between two vertices is the straight line in longitude/latitude (RFC 7946). Kilometres are geodesic
(GRS80) and run from the start of a line, in the direction in which it is drawn: downstream.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from spatial.errors import CoordinateRangeError, FrameColumnsError
from spatial.geodesy import Floats, measure_geodesics

Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

_A = 6_378_137.0  # GRS80
_F = 1 / 298.257222101
_E2 = _F * (2 - _F)

# A straight edge of 10 km is less than a millimetre longer than the geodesic up to 35° of latitude.
_PIECE_KM = 10.0
_POINTS_AT_ONCE = 2_000
_PAIRS_AT_ONCE = 500_000


@dataclass(frozen=True)
class Lines:
    """Lines, each an unbroken run of vertices; edges longer than 10 km are cut.

    `owner` is the row of the river that a line belongs to; the vertices of line i are ``first[i]`` to
    ``first[i + 1]``; `km` are kilometres from the start of the line, per vertex.
    """

    owner: Ints
    first: Ints
    vertices: Floats
    km: Floats

    def __len__(self) -> int:
        return len(self.owner)

    @cached_property
    def length_km(self) -> Floats:
        """Length of every line."""
        return np.asarray(self.km[self.first[1:] - 1])

    @cached_property
    def starts(self) -> Floats:
        """First vertex of every line, (n, 2) degrees."""
        return np.asarray(self.vertices[self.first[:-1]])

    @cached_property
    def ends(self) -> Floats:
        """Last vertex of every line, (n, 2) degrees."""
        return np.asarray(self.vertices[self.first[1:] - 1])

    @cached_property
    def geometry(self) -> Geometries:
        """Every line as a LineString."""
        line = np.repeat(np.arange(len(self)), np.diff(self.first))
        return np.asarray(shapely.linestrings(self.vertices, indices=line), dtype=object)

    @cached_property
    def tree(self) -> STRtree:
        """Index of the lines, in degrees."""
        return STRtree(self.geometry)

    @cached_property
    def _edge_starts(self) -> Ints:
        """Vertex at which each edge starts."""
        last = np.zeros(len(self.vertices), dtype=bool)
        last[self.first[1:] - 1] = True
        return np.flatnonzero(~last).astype(np.int64)

    @cached_property
    def _edge_tree(self) -> STRtree:
        start = self._edge_starts
        pairs = np.stack([self.vertices[start], self.vertices[start + 1]], axis=1)
        return STRtree(np.asarray(shapely.linestrings(pairs)))

    @cached_property
    def _line_of_vertex(self) -> Ints:
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.first))

    def place_at(self, line: int, km: float) -> tuple[float, float]:
        """Longitude and latitude of a kilometre of a line; beyond its ends, the end."""
        span = slice(int(self.first[line]), int(self.first[line + 1]))
        lon = float(np.interp(km, self.km[span], self.vertices[span, 0]))
        return lon, float(np.interp(km, self.km[span], self.vertices[span, 1]))

    def cut_between(self, line: int, start_km: float, end_km: float) -> Floats:
        """Coordinates (n, 2), n ≥ 2, of a line from one kilometre to a later one."""
        low, high = int(self.first[line]), int(self.first[line + 1])
        km = self.km[low:high]
        inner = self.vertices[low:high][(km > start_km) & (km < end_km)]
        return np.vstack([self.place_at(line, start_km), inner, self.place_at(line, end_km)])

    def kilometres_at(self, line: int, points: Floats) -> Floats:
        """Kilometres of points that lie on a line, such as intersections with it."""
        span = slice(int(self.first[line]), int(self.first[line + 1]))
        step = np.hypot(*np.diff(self.vertices[span], axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(step)])
        at = shapely.line_locate_point(self.geometry[line], shapely.points(points))
        return np.asarray(np.interp(at, along, self.km[span]))


@dataclass(frozen=True, slots=True)
class Feet:
    """Nearest places on lines, one per pair of a point and a line; ordered by point, distance, line."""

    point: Ints
    line: Ints
    km: Floats
    lon: Floats
    lat: Floats
    distance_m: Floats

    def take(self, which: NDArray[Any]) -> "Feet":
        """Give some of the pairs."""
        return Feet(*(getattr(self, name)[which] for name in self.__slots__))


def read_lines(geometry: Geometries, owner: Ints) -> Lines:
    """Turn lines and multi-part lines into runs of vertices.

    Parts that continue each other exactly become one line; nothing is turned round. Doubled vertices and
    lines without a length are left out.

    Raises
    ------
    CoordinateRangeError
        A coordinate is beyond ±180, ±90, or no number.
    """
    flat = shapely.force_2d(geometry)
    merged = flat.copy()
    several = shapely.get_num_geometries(flat) > 1
    merged[several] = shapely.line_merge(flat[several], directed=True)
    parts, index = shapely.get_parts(merged, return_index=True)
    vertices, part = shapely.get_coordinates(parts, return_index=True)
    _require_degrees(vertices)
    if len(vertices):
        new = np.ones(len(vertices), dtype=bool)
        new[1:] = (part[1:] != part[:-1]) | (vertices[1:] != vertices[:-1]).any(axis=1)
        vertices, part = vertices[new], part[new]
    count = np.bincount(part, minlength=len(parts))
    long_enough = count[part] > 1
    vertices, part = vertices[long_enough], part[long_enough]
    kept = np.flatnonzero(count > 1)
    line = np.searchsorted(kept, part)
    vertices, line = _cut_long_edges(vertices, line)
    first = np.searchsorted(line, np.arange(len(kept) + 1)).astype(np.int64)
    return Lines(owner[index[kept]].astype(np.int64), first, vertices, _kilometres(vertices, line, first))


def _require_degrees(vertices: Floats) -> None:
    fine = (np.abs(vertices[:, 0]) <= 180) & (np.abs(vertices[:, 1]) <= 90)
    if not fine.all():
        lon, lat = vertices[int(np.argmin(fine))]
        raise CoordinateRangeError("a river", float(lon), float(lat))


def _cut_long_edges(vertices: Floats, line: Ints) -> tuple[Floats, Ints]:
    if not len(vertices):
        return vertices, line
    joined = np.flatnonzero(line[1:] == line[:-1])
    start, step = vertices[joined], vertices[joined + 1] - vertices[joined]
    narrow = np.cos(np.radians(start[:, 1]))
    length_km = np.radians(np.hypot(step[:, 0] * narrow, step[:, 1])) * _A / 1000
    pieces = np.ones(len(vertices), dtype=np.int64)  # a last vertex stays as it is
    pieces[joined] = np.maximum(np.ceil(length_km / _PIECE_KM), 1).astype(np.int64)
    vertex = np.repeat(np.arange(len(vertices)), pieces)
    place = np.arange(len(vertex)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    steps = np.zeros_like(vertices)
    steps[joined] = step
    return vertices[vertex] + (place / pieces[vertex])[:, None] * steps[vertex], line[vertex]


def _kilometres(vertices: Floats, line: Ints, first: Ints) -> Floats:
    if not len(vertices):
        return np.zeros(0)
    step = np.zeros(len(vertices))
    joined = np.flatnonzero(line[1:] == line[:-1])
    step[joined + 1] = measure_geodesics(*vertices[joined].T, *vertices[joined + 1].T) / 1000
    # Line by line: a sum over the whole file would carry rounding from one line into the next.
    return np.concatenate([np.cumsum(step[low:high]) for low, high in itertools.pairwise(first)])


# ------------------------------------------------------------------------------------------ reading frames


def require_columns(frame: pd.DataFrame, name: str, needed: frozenset[str]) -> None:
    """Refuse a frame that lacks columns; the active geometry counts as ``geometry``."""
    present = set(frame.columns)
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        present.add("geometry")
    if missing := needed - present:
        raise FrameColumnsError(name, frozenset(missing))


def read_texts(frame: pd.DataFrame, column: str) -> list[str | None]:
    """Cells of a column as stripped texts; empty ones, and those of a column that is not there, are None."""
    if column not in frame:
        return [None] * len(frame)
    cells = frame[column].astype(object).where(frame[column].notna(), None).tolist()
    return [None if cell is None or not str(cell).strip() else str(cell).strip() for cell in cells]


# ------------------------------------------------------------------------------------------ nearest places


def metres_per_degree(latitude: Floats) -> tuple[Floats, Floats]:
    """Metres that a degree of longitude and one of latitude measure on GRS80."""
    phi = np.radians(latitude)
    root = np.sqrt(1 - _E2 * np.sin(phi) ** 2)
    return np.radians(_A * np.cos(phi) / root), np.radians(_A * (1 - _E2) / root**3)


def draw_boxes(points: Floats, within_m: float) -> Geometries:
    """Boxes in degrees that hold everything within a distance of points (n, 2)."""
    high = np.minimum(np.abs(points[:, 1]) + within_m / 110_000, 89.0)
    east = within_m / metres_per_degree(high)[0] * 1.001
    north = np.full(len(points), within_m / 110_000)
    return np.asarray(
        shapely.box(points[:, 0] - east, points[:, 1] - north, points[:, 0] + east, points[:, 1] + north)
    )


def find_feet(lines: Lines, points: Floats, within_m: float) -> Feet:
    """Nearest place on every line that passes within a distance of points (n, 2), in degrees.

    The foot is found in a plane with the scales of the ellipsoid half-way between point and edge; the
    distance is the geodesic to it: up to 5 km it is at most decimetres too long.
    """
    found = [
        feet
        for at in range(0, len(points), _POINTS_AT_ONCE)
        for feet in _find_some_feet(lines, points[at : at + _POINTS_AT_ONCE], within_m, at)
    ]
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Feet(none, none, np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
    return Feet(*(np.concatenate([getattr(one, name) for one in found]) for name in Feet.__slots__))


def _find_some_feet(lines: Lines, points: Floats, within_m: float, offset: int) -> Iterator[Feet]:
    """Feet of some points, in blocks of whole points and a bounded number of edges."""
    point, edge = lines._edge_tree.query(draw_boxes(points, within_m))  # noqa: SLF001 - of this module
    counts = np.bincount(point, minlength=len(points))
    block = (np.cumsum(counts) - counts) // _PAIRS_AT_ONCE
    for number in np.unique(block).tolist():
        pairs = block[point] == number
        yield _find_feet(lines, points, point[pairs], edge[pairs], within_m, offset)


def _find_feet(lines: Lines, points: Floats, point: Ints, edge: Ints, within_m: float, offset: int) -> Feet:
    """Of pairs of points and edges the nearest per line; the points are those of rows `offset` and on."""
    vertex = lines._edge_starts[edge]  # noqa: SLF001 - of this module
    start, end, at = lines.vertices[vertex], lines.vertices[vertex + 1], points[point]
    east, north = metres_per_degree((at[:, 1] + (start[:, 1] + end[:, 1]) / 2) / 2)
    scale = np.stack([east, north], axis=1)
    along, off = (end - start) * scale, (at - start) * scale
    share = np.clip((along * off).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-18), 0.0, 1.0)
    rough = np.hypot(*(off - share[:, None] * along).T)
    line = lines._line_of_vertex[vertex]  # noqa: SLF001 - of this module
    # Of each line the nearest edge; of two equal ones the first.
    order = np.lexsort((vertex, np.round(rough, 6), line, point))
    order = order[rough[order] <= within_m * 1.01]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (point[order][1:] != point[order][:-1]) | (line[order][1:] != line[order][:-1])
    order = order[new]
    point, vertex, share, line = point[order], vertex[order], share[order], line[order]
    foot = start[order] + share[:, None] * (end - start)[order]
    foot = np.where(share[:, None] >= 1.0, end[order], foot)
    km = lines.km[vertex] + share * (lines.km[vertex + 1] - lines.km[vertex])
    distance_m = np.round(measure_geodesics(*points[point].T, *foot.T), 6)
    near = np.flatnonzero(distance_m <= within_m)
    near = near[np.lexsort((line[near], distance_m[near], point[near]))]
    return Feet(
        (point[near] + offset).astype(np.int64),
        line[near],
        km[near],
        foot[near, 0],
        foot[near, 1],
        distance_m[near],
    )


def find_nearest_pair(
    first: shapely.Geometry, second: shapely.Geometry
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Places of two geometries (degrees) that are nearest to each other, and metres between them.

    Where they meet it is a common place and 0.
    """
    west, south, east, north = shapely.bounds(shapely.shortest_line(first, second))
    x, y = (float(scale[0]) for scale in metres_per_degree(np.array([(south + north) / 2])))

    def widen(degrees: Floats) -> Floats:
        return np.asarray(degrees * (x / y, 1.0))

    line = shapely.shortest_line(shapely.transform(first, widen), shapely.transform(second, widen))
    (a_lon, a_lat), (b_lon, b_lat) = shapely.get_coordinates(line) / (x / y, 1.0)
    metres = round(float(measure_geodesics(a_lon, a_lat, b_lon, b_lat)), 6)
    if not math.isfinite(metres + west + east):
        raise CoordinateRangeError("a place", float(a_lon), float(a_lat))
    return (float(a_lon), float(a_lat)), (float(b_lon), float(b_lat)), metres
