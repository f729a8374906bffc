"""Edges of lines and rings in longitude/latitude, and the tree that finds the near ones.

An edge is four numbers: longitude and latitude of its two ends in degrees. The tree is packed: edges sorted
along a Hilbert curve, `FAN` of them in a leaf, `FAN` nodes under a node, only the boxes stored. Compiled.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatial.compilation import compiled
from spatial.geodesy import Floats

Ints = NDArray[np.int64]
ShortInts = NDArray[np.int32]

FAN = 8
_CURVE_BITS = 16
_RADIUS_M = 6_378_137.0


class Tree(NamedTuple):
    """Boxes over runs of `FAN` boxes below; level 0 stands over runs of `FAN` items in the order sorted."""

    boxes: Floats  # (nodes, 4) west, south, east, north; leaves first, the root last
    levels: Ints  # (levels + 1,) where each level begins in `boxes`


class WaterAreas(NamedTuple):
    """Polygons without their multipolygons, in the order of a tree, with what answers "is this place inside".

    Each polygon is cut into bands of latitude, and each band lists the edges that reach into it: their
    crossings with a parallel, counted on one side of a place, are odd inside and even outside (so that rings
    which cross are read by the even-odd rule). A polygon has as many bands as keep its lists near twice
    its edges.
    """

    row: Ints  # (areas,) row of the frame
    south: Floats  # (areas,) degrees: where the first band begins
    height: Floats  # (areas,) degrees of one band
    first_band: Ints  # (areas + 1,)
    first_entry: Ints  # (bands + 1,)
    entries: ShortInts  # numbers of edges
    bounds: Floats  # (areas, 4)
    tree: Tree


class ShoreEdges(NamedTuple):
    """All edges of the shorelines of one rank, sorted along a curve, with their tree and water areas."""

    edges: Floats  # (n, 4) degrees
    row: ShortInts  # (n,) row of the shoreline frame
    tree: Tree
    waters: WaterAreas
    corners: Floats  # (lines, 2) one vertex of each line or ring
    corner_row: Ints  # (lines,) row of the shoreline frame


class Outlines(NamedTuple):
    """Facilities that are more than a point: their edges and points, facility by facility."""

    edges: Floats  # (n, 4) degrees; a point is an edge whose ends are one
    first_edge: Ints  # (facilities + 1,)
    corners: Floats  # (m, 2) one vertex of each part
    first_corner: Ints  # (facilities + 1,)
    areas: WaterAreas  # their polygons; `row` is the number of the facility


def index_edges(
    vertices: Floats, line: Ints, line_row: Ints, line_area: Ints, area_row: Ints, piece_m: float
) -> ShoreEdges:
    """Sort and index the edges of lines and rings.

    Parameters
    ----------
    vertices, line, piece_m
        As for `cut_lines`.
    line_row, line_area : (lines,)
        Row of the frame that each line comes from; number of the polygon whose ring it is, or -1.
    area_row : (areas,)
        Row of the frame that each polygon comes from.
    """
    edges, line_of = cut_lines(vertices, line, piece_m)
    order = sort_along_curve(edges[:, 0] + edges[:, 2], edges[:, 1] + edges[:, 3])
    edges, line_of = edges[order], line_of[order]
    del order
    waters = _band_areas(edges, line_area.astype(np.int32)[line_of], area_row)
    return ShoreEdges(
        edges=edges,
        row=line_row.astype(np.int32)[line_of],
        tree=grow_tree(edges),
        waters=waters,
        corners=least_vertices(vertices, line, len(line_row)),
        corner_row=line_row.astype(np.int64),
    )


def outline_facilities(
    vertices: Floats,
    line: Ints,
    line_facility: Ints,
    line_area: Ints,
    area_facility: Ints,
    dots: Floats,
    dot_facility: Ints,
    count: int,
    piece_m: float,
) -> Outlines:
    """Sort the edges of facilities; `dots` (n, 2) are their single points, as edges whose ends are one."""
    edges, line_of = cut_lines(vertices, line, piece_m)
    area = line_area.astype(np.int32)[line_of]
    edges = np.concatenate([edges, np.tile(dots, 2)])
    area = np.concatenate([area, np.full(len(dots), -1, dtype=np.int32)])
    facility = np.concatenate([line_facility[line_of], dot_facility])
    order = np.argsort(facility, kind="stable")
    edges, area = edges[order], area[order]
    corners = np.concatenate([least_vertices(vertices, line, len(line_facility)), dots])
    corner_facility = np.concatenate([line_facility, dot_facility])
    corner_order = np.argsort(corner_facility, kind="stable")
    numbers = np.arange(count + 1)
    return Outlines(
        edges=edges,
        first_edge=np.searchsorted(facility[order], numbers).astype(np.int64),
        corners=corners[corner_order],
        first_corner=np.searchsorted(corner_facility[corner_order], numbers).astype(np.int64),
        areas=_band_areas(edges, area, area_facility),
    )


def least_vertices(vertices: Floats, line: Ints, lines: int) -> Floats:
    """Of each line its vertex of least longitude (then latitude): (lines, 2)."""
    least = np.full((lines, 2), np.inf)
    _find_least(vertices, line, least)
    return least


def _band_areas(edges: Floats, area: ShortInts, area_row: Ints) -> WaterAreas:
    count = len(area_row)
    bounds = np.tile([np.inf, np.inf, -np.inf, -np.inf], (count, 1))
    rise, number = np.zeros(count), np.zeros(count, dtype=np.int64)
    _survey_areas(edges, area, bounds, rise, number)
    reach = bounds[:, 3] - bounds[:, 1]
    # A parallel meets rise / reach edges on average: that many and one or two more are in a band.
    bands = np.where(reach > 0, number * reach / np.where(rise > 0, rise, 1.0), 1.0)
    bands = np.clip(bands, 1, np.maximum(number, 1)).astype(np.int64)
    order = sort_along_curve(bounds[:, 0] + bounds[:, 2], bounds[:, 1] + bounds[:, 3])
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    bounds, bands, reach = bounds[order], bands[order], reach[order]
    south, height = bounds[:, 1].copy(), np.where(reach > 0, reach / bands, 1.0)
    first_band = np.concatenate([[0], np.cumsum(bands)]).astype(np.int64)
    filled = np.zeros(int(first_band[-1]) + 1, dtype=np.int64)
    _count_entries(edges, area, place, south, height, first_band, filled)
    first_entry = np.concatenate([[0], np.cumsum(filled[:-1])]).astype(np.int64)
    entries = np.empty(int(first_entry[-1]), dtype=np.int32)
    filled[:] = first_entry
    _fill_entries(edges, area, place, south, height, first_band, filled, entries)
    return WaterAreas(
        row=area_row[order].astype(np.int64),
        south=south,
        height=height,
        first_band=first_band,
        first_entry=first_entry,
        entries=entries,
        bounds=bounds,
        tree=grow_tree(bounds),
    )


def cut_lines(vertices: Floats, line: Ints, piece_m: float) -> tuple[Floats, ShortInts]:
    """Edges between the vertices of lines, none longer than `piece_m`.

    Parameters
    ----------
    vertices : (n, 2) degrees
    line : (n,) number of the line that each vertex belongs to; the vertices of a line stand together
    piece_m
        Points of a straight edge lie on it, so cutting moves nothing.

    Returns
    -------
    edges : (m, 4)
        Every edge leads to the greater longitude (then latitude), so that a line drawn the other way round
        gives the same numbers, bit for bit.
    line : (m,) int32
    """
    count = int(_count_pieces(vertices, line, piece_m))
    edges, line_of = np.empty((count, 4)), np.empty(count, dtype=np.int32)
    _fill_pieces(vertices, line, piece_m, edges, line_of)
    return edges, line_of


def sort_along_curve(lon: Floats, lat: Floats) -> Ints:
    """Places in the order of a Hilbert curve over their extent: neighbours stand close together."""
    if len(lon) == 0:
        return np.empty(0, dtype=np.int64)
    key = np.empty(len(lon), dtype=np.uint32)
    _curve_keys(lon, lat, lon.min(), lat.min(), lon.max(), lat.max(), key)
    return np.argsort(key)


def grow_tree(items: Floats) -> Tree:
    """The tree over items, (n, 4) west, south, east, north or edges, in the order given."""
    counts = [-(-len(items) // FAN)]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // FAN))
    levels = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    boxes = np.empty((int(levels[-1]), 4))
    _fill_boxes(items, boxes, levels)
    return Tree(boxes, levels)


@compiled
def _pieces_of(west: float, south: float, east: float, north: float, piece_m: float) -> int:
    narrow = math.cos(math.radians(min(abs(south), abs(north))))
    length_m = math.radians(math.hypot((east - west) * narrow, north - south)) * _RADIUS_M
    return max(1, math.ceil(length_m / piece_m))


@compiled
def _count_pieces(vertices: Any, line: Any, piece_m: float) -> int:
    count = 0
    for i in range(len(line) - 1):
        if line[i] == line[i + 1]:
            count += _pieces_of(
                vertices[i, 0], vertices[i, 1], vertices[i + 1, 0], vertices[i + 1, 1], piece_m
            )
    return count


@compiled
def _fill_pieces(vertices: Any, line: Any, piece_m: float, edges: Any, line_of: Any) -> None:
    at = 0
    for i in range(len(line) - 1):
        if line[i] != line[i + 1]:
            continue
        x, y, end_x, end_y = vertices[i, 0], vertices[i, 1], vertices[i + 1, 0], vertices[i + 1, 1]
        if x > end_x or (x == end_x and y > end_y):
            x, y, end_x, end_y = end_x, end_y, x, y
        pieces = _pieces_of(x, y, end_x, end_y, piece_m)
        from_x, from_y = x, y
        for piece in range(1, pieces + 1):
            part = piece / pieces
            to_x, to_y = (
                (end_x, end_y) if piece == pieces else (x + part * (end_x - x), y + part * (end_y - y))
            )
            edges[at, 0], edges[at, 1], edges[at, 2], edges[at, 3] = from_x, from_y, to_x, to_y
            line_of[at] = line[i]
            at += 1
            from_x, from_y = to_x, to_y


@compiled
def _curve_keys(lon: Any, lat: Any, west: float, south: float, east: float, north: float, key: Any) -> None:
    side = (1 << _CURVE_BITS) - 1
    x_scale = side / (east - west) if east > west else 0.0
    y_scale = side / (north - south) if north > south else 0.0
    for i in range(len(key)):
        x = int((lon[i] - west) * x_scale)
        y = int((lat[i] - south) * y_scale)
        place = 0
        step = 1 << (_CURVE_BITS - 1)
        while step > 0:
            right = 1 if (x & step) > 0 else 0
            upper = 1 if (y & step) > 0 else 0
            place += step * step * ((3 * right) ^ upper)
            if upper == 0:
                if right == 1:
                    x = side - x
                    y = side - y
                x, y = y, x
            step >>= 1
        key[i] = place


@compiled
def _fill_boxes(items: Any, boxes: Any, levels: Any) -> None:
    for node in range(levels[1]):
        west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
        for i in range(node * FAN, min((node + 1) * FAN, len(items))):
            west = min(west, items[i, 0], items[i, 2])
            south = min(south, items[i, 1], items[i, 3])
            east = max(east, items[i, 0], items[i, 2])
            north = max(north, items[i, 1], items[i, 3])
        boxes[node, 0], boxes[node, 1], boxes[node, 2], boxes[node, 3] = west, south, east, north
    for level in range(1, len(levels) - 1):
        below, here, above = levels[level - 1], levels[level], levels[level + 1]
        for node in range(above - here):
            west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
            for i in range(below + node * FAN, min(below + (node + 1) * FAN, here)):
                west = min(west, boxes[i, 0])
                south = min(south, boxes[i, 1])
                east = max(east, boxes[i, 2])
                north = max(north, boxes[i, 3])
            at = here + node
            boxes[at, 0], boxes[at, 1], boxes[at, 2], boxes[at, 3] = west, south, east, north


@compiled
def _survey_areas(edges: Any, area: Any, bounds: Any, rise: Any, number: Any) -> None:
    for i in range(len(edges)):
        of = area[i]
        if of < 0:
            continue
        bounds[of, 0] = min(bounds[of, 0], edges[i, 0], edges[i, 2])
        bounds[of, 1] = min(bounds[of, 1], edges[i, 1], edges[i, 3])
        bounds[of, 2] = max(bounds[of, 2], edges[i, 0], edges[i, 2])
        bounds[of, 3] = max(bounds[of, 3], edges[i, 1], edges[i, 3])
        rise[of] += abs(edges[i, 3] - edges[i, 1])
        number[of] += 1


@compiled
def find_band(lat: float, south: float, height: float, bands: int) -> int:
    """Number of the band of a polygon that a latitude lies in; monotonic, so no edge misses a band."""
    return min(max(int((lat - south) / height), 0), bands - 1)


@compiled
def _count_entries(
    edges: Any, area: Any, place: Any, south: Any, height: Any, first_band: Any, filled: Any
) -> None:
    for i in range(len(edges)):
        if area[i] < 0:
            continue
        at = place[area[i]]
        bands = first_band[at + 1] - first_band[at]
        low = find_band(min(edges[i, 1], edges[i, 3]), south[at], height[at], bands)
        high = find_band(max(edges[i, 1], edges[i, 3]), south[at], height[at], bands)
        for band in range(first_band[at] + low, first_band[at] + high + 1):
            filled[band] += 1


@compiled
def _fill_entries(
    edges: Any, area: Any, place: Any, south: Any, height: Any, first_band: Any, filled: Any, entries: Any
) -> None:
    for i in range(len(edges)):
        if area[i] < 0:
            continue
        at = place[area[i]]
        bands = first_band[at + 1] - first_band[at]
        low = find_band(min(edges[i, 1], edges[i, 3]), south[at], height[at], bands)
        high = find_band(max(edges[i, 1], edges[i, 3]), south[at], height[at], bands)
        for band in range(first_band[at] + low, first_band[at] + high + 1):
            entries[filled[band]] = i
            filled[band] += 1


@compiled
def _find_least(vertices: Any, line: Any, least: Any) -> None:
    for i in range(len(line)):
        of, x, y = line[i], vertices[i, 0], vertices[i, 1]
        if x < least[of, 0] or (x == least[of, 0] and y < least[of, 1]):
            least[of, 0], least[of, 1] = x, y
