"""Outlines of water in pixels: closed at the seams of blocks, cleaned, measured, and placed on the Earth.

Coordinates are pixels as in :mod:`spatial.imagery` until `place` makes them coordinates of the scene's
system. A part of an outline is *open* where no shore was seen: along the edge of the image, and beside pixels
that are unknown (clouds, no data). There the water goes on, or may.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.transform import Affine

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Geometries = NDArray[np.object_]

_SNAP = 2.0**20  # a millionth of a pixel: what two blocks calculate of one place is the same
_LONGEST_EDGE_M = 1_000.0
_MIDDLE_95 = 1.96
"""Half the width, in standard deviations, of the middle 95 % of a normal distribution."""
_LEAST_VERTICES = 20

SHARED_BY = 0.1
"""Share of a water, or of itself, that a known water body must have in a water to count for part of it."""

# Polygons and shores are simplified apart from each other, by half a pixel at most.
_BESIDE_PX = 1.0
_SAME_PX = 1e-6


def snap(polygons: Geometries) -> Geometries:
    """Vertices rounded to a millionth of a pixel."""
    snapped: Geometries = shapely.transform(polygons, lambda places: np.round(places * _SNAP) / _SNAP)
    return snapped


def close_seams(pieces: Geometries) -> Geometries:
    """Polygons of blocks, as they are without blocks: pieces that share edges become one."""
    if not len(pieces):
        return pieces
    joined: Geometries = shapely.get_parts(shapely.coverage_union_all(pieces))
    return joined


def drop_small(polygons: Geometries, least_water: float, least_island: float) -> Geometries:
    """Without water and islands smaller than so many pixels; what lay on such an island goes with it."""
    if not len(polygons):
        return polygons
    rings, owner = shapely.get_rings(polygons, return_index=True)
    inner = np.r_[False, owner[1:] == owner[:-1]]
    small = inner & (shapely.area(shapely.polygons(rings)) < least_island)
    filled = shapely.polygons(rings[small])
    if len(filled):
        offsets = np.flatnonzero(np.r_[True, np.diff(owner[~small]) > 0, True])
        places, point_owner = shapely.get_coordinates(rings[~small], return_index=True)
        ring_offsets = np.r_[0, np.cumsum(np.bincount(point_owner, minlength=int((~small).sum())))]
        polygons = shapely.from_ragged_array(shapely.GeometryType.POLYGON, places, (ring_offsets, offsets))
        inside = shapely.STRtree(filled).query(polygons, predicate="within")[0]
        polygons = np.delete(polygons, np.unique(inside))
    kept: Geometries = polygons[shapely.area(polygons) >= least_water]
    return kept


@dataclass(frozen=True, slots=True)
class VertexFacts:
    """What is known of the vertices of a contour, by place.

    Attributes
    ----------
    places :
        x + iy, in pixels.
    error :
        Standard deviation of the place across the shore, in metres; NaN where it cannot be told.
    unseen :
        Whether the pixel on the land side is unknown.
    """

    places: NDArray[np.complex128]
    error: NDArray[np.float32]
    unseen: Flags

    @classmethod
    def gather(cls, parts: list["VertexFacts"]) -> "VertexFacts":
        """The facts of all blocks, sorted by place."""
        if not parts:
            return cls(np.empty(0, np.complex128), np.empty(0, np.float32), np.empty(0, np.bool_))
        places = np.concatenate([part.places for part in parts])
        places, first = np.unique(places, return_index=True)
        error = np.concatenate([part.error for part in parts])[first]
        unseen = np.concatenate([part.unseen for part in parts])[first]
        return cls(places, error, unseen)

    def at(self, coordinates: Floats) -> tuple[NDArray[np.float32], Flags]:
        """Error and unseen of vertices; NaN and False for those that are no crossing of a contour."""
        wanted = coordinates[:, 0] + 1j * coordinates[:, 1]
        if not len(self.places):
            return np.full(len(wanted), np.nan, dtype=np.float32), np.zeros(len(wanted), dtype=np.bool_)
        place = np.minimum(np.searchsorted(self.places, wanted), len(self.places) - 1)
        found = self.places[place] == wanted
        return np.where(found, self.error[place], np.float32(np.nan)), self.unseen[place] & found


@dataclass(frozen=True, slots=True)
class Outlines:
    """Water polygons of a scene, still in pixels, and what was measured along them.

    Attributes
    ----------
    polygons :
        Simplified, valid, largest first.
    area_m2, shore_m, open_m :
        Area, length of the seen shore, length of the open parts of the outline.
    error_m :
        How far from the true line 95 % of the shore lies, by noise and contrast alone; NaN without a shore.
    shores :
        The seen shore of each polygon: lines, closed where all of a ring was seen.
    """

    polygons: Geometries
    area_m2: Floats
    shore_m: Floats
    open_m: Floats
    error_m: Floats
    shores: Geometries

    def __len__(self) -> int:
        return len(self.polygons)


def measure_outlines(
    polygons: Geometries,
    facts: VertexFacts,
    shape: tuple[int, int],
    pixel_m: tuple[float, float],
    pixel_area_m2: float,
    simplify: float,
) -> Outlines:
    """Measure polygons of a scene of `shape` (rows, columns), then simplify them by so many pixels."""
    # By area, then place, each ring from its own first vertex: the same in whatever blocks they were found.
    polygons = shapely.normalize(polygons)
    area = shapely.area(polygons)
    bounds = shapely.bounds(polygons) if len(polygons) else np.empty((0, 4))
    order = np.lexsort((bounds[:, 0], bounds[:, 1], -area))
    polygons, area = polygons[order], area[order]
    rings, owner = shapely.get_rings(polygons, return_index=True)
    places, ring = shapely.get_coordinates(rings, return_index=True)
    error, unseen = facts.at(places)
    joined = ring[1:] == ring[:-1]
    step = np.diff(places, axis=0) * pixel_m
    length = np.where(joined, np.hypot(step[:, 0], step[:, 1]), 0.0)
    open_edge = joined & ((unseen[1:] & unseen[:-1]) | _along_the_edge(places, shape))
    edge_owner = owner[ring[1:]] if len(places) else np.empty(0, dtype=np.int64)
    count = len(polygons)
    open_m: Floats = np.bincount(edge_owner[open_edge], length[open_edge], count).astype(np.float64)
    shore_m: Floats = np.bincount(edge_owner[~open_edge], length[~open_edge], count).astype(np.float64)
    error_m = _polygon_errors(error, unseen, owner[ring] if len(places) else edge_owner, count)
    shores = _seen_shores(places, ring, owner, joined & ~open_edge, count)
    if simplify > 0:
        polygons = shapely.simplify(polygons, simplify, preserve_topology=True)
        shores = shapely.simplify(shores, simplify, preserve_topology=True)
    return Outlines(polygons, area * pixel_area_m2, shore_m, open_m, error_m, shores)


def place(geometries: Geometries, transform: Affine, pixel_m: tuple[float, float]) -> Geometries:
    """Geometries in pixels as coordinates of the scene's system; long edges get vertices in between.

    Rings of polygons turn counter-clockwise, holes clockwise (RFC 7946).
    """
    fine = shapely.segmentize(geometries, _LONGEST_EDGE_M / max(pixel_m))

    def to_system(pixels: Floats) -> Floats:
        x, y = pixels.T
        t = transform
        return np.column_stack((t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f))

    placed: Geometries = shapely.orient_polygons(shapely.transform(fine, to_system))
    return placed


def cut_outlines(
    outlines: Outlines, bodies: Geometries, pixel_m: tuple[float, float], pixel_area_m2: float
) -> tuple[Outlines, NDArray[np.int64]]:
    """Cut each water along the polygons, in pixels too, of the water bodies that share it.

    Each body takes what lies in it, those that fill more of the water first; what lies in none goes to the
    body with which it shares the longest edge. The cuts are no shore. Waters of one body stay as they are.

    Returns
    -------
    The outlines, and of each the place of the water that it was cut from.
    """
    pieces: list[tuple[int, shapely.Geometry, shapely.Geometry]] = []
    unseen: list[shapely.Geometry] = []
    tree = shapely.STRtree(bodies)
    for number, (water, shore) in enumerate(zip(outlines.polygons, outlines.shores, strict=True)):
        met = bodies[tree.query(water, predicate="intersects")]
        size = shapely.area(shapely.intersection(met, water))
        sharing = size >= SHARED_BY * np.minimum(shapely.area(water), shapely.area(met))
        if np.count_nonzero(sharing) < 2:
            pieces.append((number, water, shore))
            unseen.append(shapely.MultiLineString())
            continue
        outlined = shapely.buffer(shapely.boundary(water), _SAME_PX)
        seen = shapely.buffer(shore, _BESIDE_PX)
        order = np.argsort(-size[sharing], kind="stable")
        for part in _cut(water, met[sharing][order]):
            # What of the part's outline is the water's own, not a cut; and of that, what was seen.
            outer = shapely.intersection(shapely.boundary(part), outlined)
            pieces.append((number, part, shapely.union_all(_lines_of(shapely.intersection(outer, seen)))))
            unseen.append(shapely.difference(outer, seen))
    origin = np.array([number for number, _, _ in pieces], dtype=np.int64)
    polygons = np.array([polygon for _, polygon, _ in pieces], dtype=object)
    shores = np.array([shore for _, _, shore in pieces], dtype=object)
    whole = np.bincount(origin, minlength=len(outlines))[origin] == 1

    def metres(lines: Geometries) -> Floats:
        length: Floats = shapely.length(shapely.transform(lines, lambda places: places * pixel_m))
        return length

    return (
        Outlines(
            polygons,
            np.where(whole, outlines.area_m2[origin], shapely.area(polygons) * pixel_area_m2),
            np.where(whole, outlines.shore_m[origin], metres(shores)),
            np.where(whole, outlines.open_m[origin], metres(np.array(unseen, dtype=object))),
            outlines.error_m[origin],
            shores,
        ),
        origin,
    )


def _cut(water: shapely.Geometry, bodies: Geometries) -> list[shapely.Geometry]:
    """Polygons of a water, each in one body or next to it."""
    rest = water
    parts: list[list[shapely.Geometry]] = []
    for body in bodies:
        parts.append(_polygons_of(shapely.intersection(rest, body)))
        rest = shapely.difference(rest, body)
    taken = [shapely.union_all(part) for part in parts]
    for piece in _polygons_of(rest):
        edge = shapely.boundary(piece)
        touching = [shapely.length(shapely.intersection(edge, shapely.boundary(part))) for part in taken]
        apart = [shapely.distance(piece, part) for part in taken]
        best = int(np.argmax(touching)) if max(touching) > 0 else int(np.nanargmin(apart))
        parts[best].append(piece)
    return [one for part in parts for one in _polygons_of(shapely.union_all(part))]


def _polygons_of(shape: shapely.Geometry) -> list[shapely.Geometry]:
    parts = shapely.get_parts(shape)
    return [part for part in parts if part.geom_type == "Polygon" and part.area > 0]


def _lines_of(shape: shapely.Geometry) -> list[shapely.Geometry]:
    parts = shapely.get_parts(shapely.line_merge(shape))
    return [part for part in parts if part.geom_type in {"LineString", "LinearRing"} and part.length > 0]


def _along_the_edge(places: Floats, shape: tuple[int, int]) -> Flags:
    """Which edges between consecutive vertices lie along the edge of the image."""
    rows, columns = shape
    along = np.zeros(max(len(places) - 1, 0), dtype=np.bool_)
    for axis, side in ((0, 0.0), (0, float(columns)), (1, 0.0), (1, float(rows))):
        on_side = places[:, axis] == side
        along |= on_side[1:] & on_side[:-1]
    return along


def _polygon_errors(
    error: NDArray[np.float32], unseen: Flags, owner: NDArray[np.int64], count: int
) -> Floats:
    """Root mean square of the vertices' errors, times 1.96; of all polygons where one has few vertices."""
    told = np.isfinite(error) & ~unseen
    square = error[told].astype(np.float64) ** 2
    number = np.bincount(owner[told], minlength=count)
    total = np.bincount(owner[told], square, minlength=count)
    overall = total.sum() / number.sum() if number.sum() else np.nan
    mean = np.where(number >= _LEAST_VERTICES, total / np.maximum(number, 1), overall)
    return np.asarray(_MIDDLE_95 * np.sqrt(np.where(number > 0, mean, np.nan)), dtype=np.float64)


def _seen_shores(
    places: Floats, ring: NDArray[np.int64], owner: NDArray[np.int64], seen: Flags, count: int
) -> Geometries:
    """The seen edges of each polygon's rings as lines; empty where none was seen."""
    shores: Geometries = np.full(count, shapely.MultiLineString(), dtype=object)
    if not len(places):
        return shores
    # A line begins where an unseen edge, or another ring, comes before.
    begins = np.flatnonzero(seen & ~np.r_[False, seen[:-1] & (ring[1:-1] == ring[:-2])])
    ends = np.flatnonzero(seen & ~np.r_[seen[1:] & (ring[2:] == ring[1:-1]), False])
    if not len(begins):
        return shores
    sizes = ends - begins + 2
    line = np.repeat(np.arange(len(begins)), sizes)
    within = np.arange(len(line)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    lines = shapely.linestrings(places[np.repeat(begins, sizes) + within], indices=line)
    owners = owner[ring[begins]]
    order = np.argsort(owners, kind="stable")
    shores[np.unique(owners)] = shapely.line_merge(
        shapely.multilinestrings(lines[order], indices=np.unique(owners[order], return_inverse=True)[1])
    )
    return shores
