"""Edges of lines and rings in longitude/latitude, and the tree that finds the near ones.

An edge is four numbers: longitude and latitude of its two ends in degrees. The tree is packed: edges sorted
along a Hilbert curve, `FAN` of them in a leaf, `FAN` nodes under a node, only the boxes stored.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatial.geodesy import Floats
from spatial.nearest import (
    FAN,
    count_entries,
    count_pieces,
    curve_keys,
    fill_boxes,
    fill_entries,
    fill_pieces,
    find_least,
    survey_areas,
)

Ints = NDArray[np.int64]
ShortInts = NDArray[np.int32]


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
    find_least(vertices, line, least)
    return least


def _band_areas(edges: Floats, area: ShortInts, area_row: Ints) -> WaterAreas:
    count = len(area_row)
    bounds = np.tile([np.inf, np.inf, -np.inf, -np.inf], (count, 1))
    rise, number = np.zeros(count), np.zeros(count, dtype=np.int64)
    survey_areas(edges, area, bounds, rise, number)
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
    count_entries(edges, area, place, south, height, first_band, filled)
    first_entry = np.concatenate([[0], np.cumsum(filled[:-1])]).astype(np.int64)
    entries = np.empty(int(first_entry[-1]), dtype=np.int32)
    filled[:] = first_entry
    fill_entries(edges, area, place, south, height, first_band, filled, entries)
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
    count = int(count_pieces(vertices, line, piece_m))
    edges, line_of = np.empty((count, 4)), np.empty(count, dtype=np.int32)
    fill_pieces(vertices, line, piece_m, edges, line_of)
    return edges, line_of


def sort_along_curve(lon: Floats, lat: Floats) -> Ints:
    """Places in the order of a Hilbert curve over their extent: neighbours stand close together."""
    if len(lon) == 0:
        return np.empty(0, dtype=np.int64)
    key = np.empty(len(lon), dtype=np.uint32)
    curve_keys(lon, lat, lon.min(), lat.min(), lon.max(), lat.max(), key)
    return np.argsort(key)


def grow_tree(items: Floats) -> Tree:
    """The tree over items, (n, 4) west, south, east, north or edges, in the order given."""
    counts = [-(-len(items) // FAN)]
    while counts[-1] > 1:
        counts.append(-(-counts[-1] // FAN))
    levels = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    boxes = np.empty((int(levels[-1]), 4))
    fill_boxes(items, boxes, levels)
    return Tree(boxes, levels)
