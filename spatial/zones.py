"""The strips along shorelines as polygons, for drawing only: a verdict is never taken from them."""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Proj

from spatial.errors import FrameColumnsError, FrameValueError, SearchRadiusError, ShorelineGeometryError
from spatial.geodesy import CGCS2000_EPSG, Floats, require_cgcs2000
from spatial.offsets import discs, offset_pieces, surely_inside
from spatial.vocabulary import ZONE_WIDTHS_M, Rank

MAX_WIDTH_M = 20_000.0

Box = tuple[float, float, float, float]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

# A transverse Mercator strip this wide is true to 1 in 100 000 within 28 km of its meridian: 3 cm in 3 km.
_STRIP_DEG = 0.5
# Straight in degrees and straight in the plane part by 6 cm over 2 km at 35° of latitude.
_STEP_DEG = 0.02
_STEP_M = 2_000.0
# Arcs are drawn as chords, at most this far inside the circle.
_CHORD_SAGITTA_M = 0.3
_SIMPLIFY_M = 0.2  # the zone's outline
_THIN_DEG = 1.5e-6  # 0.15 m: the shoreline, before
_THIN_SHARE = 1e-8  # degrees per metre of width: 1 mm per m
# Where outlines touch, float64 leaves slits.
_SMALLEST_HOLE_M2 = 10.0
_DEGREE_M = 111_000.0
_LEAST_DEGREE_M = 110_500.0  # a degree of latitude is nowhere shorter
_FEW_PIECES = 500
_COLLECTION = 7  # GEOS's numbers of geometry types
_MANY = (4, 5, 6, _COLLECTION)


def buffer_zones(shorelines: gpd.GeoDataFrame, widths_m: Sequence[float] = ZONE_WIDTHS_M) -> gpd.GeoDataFrame:
    """Everything within a distance of the shorelines and waters of each rank.

    Parameters
    ----------
    shorelines : GeoDataFrame, EPSG:4490 or 4326
        Columns ``rank`` and geometry (lines, water polygons; a water polygon belongs to its own zone).
    widths_m
        Widths of the strips, each above 0 and at most 20 km.

    Returns
    -------
    GeoDataFrame, one row per rank present and width; ranks in the order of the law, widths as given
        ``rank``, ``width_m``, geometry: polygon or multipolygon in EPSG:4490. The outline lies within 0.5 m
        of the width up to 3 km, within 1 m up to 20 km; its vertices stand close enough that edges straight
        in degrees keep that. Longitudes are not wrapped at 180°.

    Raises
    ------
    CrsError, FrameColumnsError, FrameValueError, SearchRadiusError
    ShorelineGeometryError
        A shoreline holds a point.

    Notes
    -----
    Rings that cross themselves are repaired (GEOS ``make_valid``: inside is what an odd number of windings
    encloses). Holes below 10 m² are filled.
    """
    if "rank" not in shorelines:
        raise FrameColumnsError("shorelines", frozenset({"rank"}))
    require_cgcs2000(shorelines.crs, "shorelines")
    for width_m in widths_m:
        if not 0 < width_m <= MAX_WIDTH_M:
            raise SearchRadiusError(width_m, MAX_WIDTH_M)
    ranks = shorelines["rank"].to_numpy(dtype=object)
    if not (known := np.isin(ranks, [rank.value for rank in Rank])).all():
        raise FrameValueError("shorelines", "rank", ranks[np.argmin(known)])
    geometry = np.array(shapely.force_2d(np.asarray(shorelines.geometry.array, dtype=object)))
    _require_shores(geometry, shorelines)
    invalid = ~shapely.is_valid(geometry) & ~shapely.is_missing(geometry)
    geometry[invalid] = shapely.make_valid(geometry[invalid])
    rows: list[tuple[str, float]] = []
    zones = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for rank in Rank:
            if not len(waters := _split(geometry[ranks == rank.value])):
                continue
            strips = list(_cut_into_strips(waters, min(widths_m, default=0.0)))
            for width_m in widths_m:
                drawn = list(pool.map(lambda strip: _buffer_in_strip(strip, width_m), strips))  # noqa: B023
                rows.append((rank.value, width_m))
                zones.append(_join(drawn))
    return gpd.GeoDataFrame(
        {"rank": [rank for rank, _ in rows], "width_m": [width for _, width in rows]},
        geometry=zones,
        crs=CGCS2000_EPSG,
    )


def widen_box(box: Box, reach_m: float) -> Box:
    """A box of degrees (west, south, east, north) that holds all places within a distance of another."""
    west, south, east, north = box
    up = 1.01 * reach_m / _LEAST_DEGREE_M + 1e-6
    aside = up / math.cos(math.radians(min(max(abs(south), abs(north)) + up, 89.0)))
    return west - aside, south - up, east + aside, north + up


def cut_to_box(shorelines: gpd.GeoDataFrame, box: Box, reach_m: float) -> gpd.GeoDataFrame:
    """What of shorelines can lie within a distance of a box.

    Distances up to `reach_m` from places in the box, and zones of that width inside it, are those of the
    whole: the cut runs a little farther away.

    Parameters
    ----------
    shorelines : GeoDataFrame, EPSG:4490 or 4326
    box
        West, south, east, north in degrees.

    Returns
    -------
    GeoDataFrame with the same columns; rows that lie beyond are left out, the others keep their index.
    """
    require_cgcs2000(shorelines.crs, "shorelines")
    frame = widen_box(box, reach_m)
    shapes = np.array(shorelines.geometry.array, dtype=object)
    bounds = shapely.bounds(shapes)
    near = np.all((bounds[:, :2] <= frame[2:]) & (bounds[:, 2:] >= frame[:2]), axis=1)
    cut = near & ~np.all((bounds[:, :2] >= frame[:2]) & (bounds[:, 2:] <= frame[2:]), axis=1)
    crossed = cut & ~shapely.is_valid(shapes) & (shapely.get_dimensions(shapes) == 2)
    shapes[crossed] = shapely.make_valid(shapes[crossed])
    pieces = shapely.intersection(shapes[cut], shapely.box(*frame))
    shapes[cut] = [_of_dimension(piece, shape) for piece, shape in zip(pieces, shapes[cut], strict=True)]
    near &= ~shapely.is_empty(shapes)
    return shorelines.set_geometry(gpd.GeoSeries(shapes, index=shorelines.index, crs=shorelines.crs))[near]


def _of_dimension(piece: shapely.Geometry, shape: shapely.Geometry) -> shapely.Geometry:
    """A cut without what only touches the box."""
    dimension = shapely.get_dimensions(shape)
    if shapely.get_dimensions(piece) != dimension:
        return shapely.GeometryCollection()
    if shapely.get_type_id(piece) != _COLLECTION:
        return piece
    parts = shapely.get_parts(piece)
    return shapely.union_all(parts[shapely.get_dimensions(parts) == dimension])


def _require_shores(geometry: Geometries, shorelines: gpd.GeoDataFrame) -> None:
    parts, row = geometry, np.arange(len(geometry))
    while (shapely.get_type_id(parts) == _COLLECTION).any():
        parts, own = shapely.get_parts(parts, return_index=True)
        row = row[own]
    points = shapely.get_dimensions(parts) == 0
    points &= ~shapely.is_empty(parts)
    if points.any():
        first = row[np.argmax(points)]
        codes = shorelines.get("water_body_code", shorelines.index.to_series())
        raise ShorelineGeometryError(codes.iloc[first], "Point")


def _split(waters: Geometries) -> Geometries:
    """Lines and polygons; what a repair has left of a water without extent is a line that stays in place."""
    while np.isin(shapely.get_type_id(waters), _MANY).any():
        waters = shapely.get_parts(waters)
    waters = waters[~shapely.is_empty(waters) & ~shapely.is_missing(waters)]
    still = np.flatnonzero(shapely.get_dimensions(waters) == 0)
    place = shapely.get_coordinates(waters[still])
    waters[still] = shapely.linestrings(np.stack([place, place], axis=1))
    return waters


@dataclass(frozen=True, slots=True)
class _Strip:
    """Waters near one meridian, in degrees."""

    meridian: float
    lines: Floats  # (n, 2) vertices of shorelines
    line: Ints  # (n,) to which each belongs
    rings: Floats  # (n, 2) vertices of the edges of waters, the land to the right
    ring: Ints
    waters: Geometries  # polygons


def _cut_into_strips(waters: Geometries, narrowest_m: float) -> Iterator[_Strip]:
    """The waters by multiples of half a degree.

    The zone of a whole is the union of the zones of its parts, so cutting adds nothing and loses nothing. An
    edge goes, whole, where its middle lies; water polygons overlap by an edge, so that no slit opens.
    """
    tolerance = min(_THIN_DEG, narrowest_m * _THIN_SHARE)
    is_line = shapely.get_dimensions(waters) == 1
    lines, polygons = waters[is_line], shapely.orient_polygons(waters[~is_line])
    long = np.flatnonzero(shapely.length(lines) > 0)
    thin = shapely.simplify(lines[long], tolerance, preserve_topology=False)
    lines[long] = shapely.segmentize(thin, _STEP_DEG)
    polygons = shapely.segmentize(shapely.simplify(polygons, tolerance), _STEP_DEG)
    along = _split_by_strip(lines)
    around = _split_by_strip(shapely.get_rings(polygons))
    inside = dict(_split_polygons(polygons))
    nothing = np.empty((0, 2)), np.empty(0, dtype=np.int64)
    for number in sorted({*along, *around, *inside}):
        yield _Strip(
            (number + 0.5) * _STRIP_DEG,
            *along.get(number, nothing),
            *around.get(number, nothing),
            inside.get(number, np.empty(0, dtype=object)),
        )


def _split_by_strip(lines: Geometries) -> dict[int, tuple[Floats, Ints]]:
    """Vertices of the runs of edges in each strip, with the number of the run."""
    vertices, line = shapely.get_coordinates(lines, return_index=True)
    first = np.flatnonzero(line[1:] == line[:-1])
    start, end, line = vertices[first], vertices[first + 1], line[first]
    strip = np.floor((start[:, 0] + end[:, 0]) / 2 / _STRIP_DEG).astype(np.int64)
    breaks = (line[1:] != line[:-1]) | (strip[1:] != strip[:-1])
    run = np.concatenate([np.zeros(min(1, len(line)), dtype=np.int64), np.cumsum(breaks)])
    split = {}
    for number in np.unique(strip).tolist():
        here = np.flatnonzero(strip == number)
        last = np.flatnonzero(np.diff(run[here], append=-1) != 0) + 1
        _, own = np.unique(run[here], return_inverse=True)
        split[number] = (
            np.insert(start[here], last, end[here[last - 1]], axis=0),
            np.insert(own, last, own[last - 1]).astype(np.int64),
        )
    return split


def _split_polygons(polygons: Geometries) -> Iterator[tuple[int, Geometries]]:
    """Polygons cut at strips, by halves: a long river is not gone through once for every strip."""
    if not len(polygons):
        return
    west, _, east, _ = shapely.total_bounds(polygons)
    first, last = (int(np.floor(side / _STRIP_DEG)) for side in (west, east))
    waiting = [(first, last + 1, polygons)]
    while waiting:
        first, stop, parts = waiting.pop()
        if not len(parts):
            continue
        if stop - first == 1:
            yield first, parts
            continue
        middle = (first + stop) // 2
        for begin, end in ((first, middle), (middle, stop)):
            box = shapely.box(begin * _STRIP_DEG - _STEP_DEG, -90.0, end * _STRIP_DEG + _STEP_DEG, 90.0)
            cut = shapely.get_parts(shapely.intersection(parts, box))
            waiting.append((begin, end, cut[(shapely.get_dimensions(cut) == 2) & ~shapely.is_empty(cut)]))


def _buffer_in_strip(strip: _Strip, width_m: float) -> shapely.Geometry:
    plane = Proj(proj="tmerc", lon_0=strip.meridian, lat_0=0, k=1, ellps="GRS80")

    def to_plane(degrees: Floats) -> Floats:
        return np.column_stack(plane(degrees[:, 0], degrees[:, 1]))

    def to_degrees(metres: Floats) -> Floats:
        return np.column_stack(plane(metres[:, 0], metres[:, 1], inverse=True))

    lines, rings = to_plane(strip.lines), to_plane(strip.rings)
    pieces = np.concatenate(
        [
            offset_pieces(lines, strip.line, width_m, _CHORD_SAGITTA_M, 1),
            offset_pieces(lines, strip.line, width_m, _CHORD_SAGITTA_M, -1),
            offset_pieces(rings, strip.ring, width_m, _CHORD_SAGITTA_M, -1),
            discs(lines, strip.line, width_m, _CHORD_SAGITTA_M),
        ]
    )
    filling = shapely.transform(strip.waters, to_plane)
    if len(pieces) > _FEW_PIECES:
        inside = shapely.union_all(
            [surely_inside(lines, strip.line, width_m), surely_inside(rings, strip.ring, width_m)]
        )
        shapely.prepare(inside)
        pieces = pieces[~shapely.covers(inside, pieces)]
        filling = np.concatenate([filling, [inside]])
    drawn = shapely.simplify(shapely.union_all(np.concatenate([pieces, filling])), _SIMPLIFY_M)
    zone = _without_slits(drawn, _SMALLEST_HOLE_M2)
    return _valid(shapely.transform(shapely.segmentize(zone, _STEP_M), to_degrees))


def _join(drawn: Sequence[shapely.Geometry]) -> shapely.Geometry:
    return _valid(_without_slits(shapely.union_all(drawn), _SMALLEST_HOLE_M2 / _DEGREE_M**2))


def _valid(zone: shapely.Geometry) -> shapely.Geometry:
    """Outlines that came nearer to each other than float64 can tell in degrees are noded anew."""
    if shapely.is_valid(zone):
        return zone
    parts = shapely.get_parts(shapely.make_valid(zone))
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _without_slits(zone: shapely.Geometry, smallest: float) -> shapely.Geometry:
    """A zone without holes of less than an area."""
    parts = []
    for part in shapely.get_parts(zone):
        holes = np.asarray(part.interiors, dtype=object)
        keep = shapely.area(shapely.polygons(holes)) >= smallest
        parts.append(part if keep.all() else shapely.Polygon(part.exterior, holes[keep]))
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
