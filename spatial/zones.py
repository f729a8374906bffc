"""The strips along shorelines as polygons, for drawing only: a verdict is never taken from them."""

import math
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Proj

from spatial.distance import Geometries
from spatial.errors import FrameColumnsError, FrameValueError, SearchRadiusError
from spatial.geodesy import CGCS2000_EPSG, Floats, require_cgcs2000
from spatial.vocabulary import ZONE_WIDTHS_M, Rank

MAX_WIDTH_M = 20_000.0

# A transverse Mercator strip this wide is true to 1 in 100 000 within 28 km of its meridian: 3 cm in 3 km.
_STRIP_DEG = 0.5
# Straight in degrees and straight in the plane part by 6 cm over 2 km at 35° of latitude.
_STEP_DEG = 0.02
_STEP_M = 2_000.0
# Arcs are drawn as chords, at most this far inside the circle.
_CHORD_SAGITTA_M = 0.3
_SIMPLIFY_DEG = 2e-6  # 0.2 m


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
        ``rank``, ``width_m``, geometry: polygon or multipolygon in EPSG:4490, true to about 1 m. Vertices
        stand close enough that edges straight in degrees keep that. Longitudes are not wrapped at 180°.

    Raises
    ------
    CrsError, FrameColumnsError, FrameValueError, SearchRadiusError
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
    geometry = shapely.force_2d(np.asarray(shorelines.geometry.array, dtype=object))
    geometry = np.where(shapely.is_valid(geometry), geometry, shapely.make_valid(geometry))
    rows: list[tuple[str, float]] = []
    zones = []
    for rank in Rank:
        waters = geometry[(ranks == rank.value) & ~shapely.is_empty(geometry) & ~shapely.is_missing(geometry)]
        strips = _cut_into_strips(waters)
        for width_m in widths_m:
            if not strips:
                continue
            pieces = [_buffer_in_strip(meridian, water, width_m) for meridian, water in strips]
            rows.append((rank.value, width_m))
            zones.append(shapely.simplify(shapely.union_all(pieces), _SIMPLIFY_DEG))
    return gpd.GeoDataFrame(
        {"rank": [rank for rank, _ in rows], "width_m": [width for _, width in rows]},
        geometry=zones,
        crs=CGCS2000_EPSG,
    )


def _cut_into_strips(waters: Geometries) -> list[tuple[float, shapely.Geometry]]:
    """Pieces of the waters between multiples of half a degree, each with its middle meridian.

    The zone of a union is the union of the zones, and a cut through water lies in water, so cutting adds
    nothing and loses nothing.
    """
    if not len(waters):
        return []
    west, _, east, _ = shapely.bounds(waters).T
    first, last = (np.floor(side / _STRIP_DEG).astype(int) for side in (west, east))
    strips: list[tuple[float, shapely.Geometry]] = []
    for number in range(int(first.min()), int(last.max()) + 1):
        here = waters[(first <= number) & (last >= number)]
        if not len(here):
            continue
        strip = shapely.box(number * _STRIP_DEG, -90.0, (number + 1) * _STRIP_DEG, 90.0)
        water = shapely.union_all(shapely.intersection(here, strip))
        if not shapely.is_empty(water):
            strips.append(((number + 0.5) * _STRIP_DEG, water))
    return strips


def _buffer_in_strip(meridian: float, water: shapely.Geometry, width_m: float) -> shapely.Geometry:
    plane = Proj(proj="tmerc", lon_0=meridian, lat_0=0, k=1, ellps="GRS80")

    def to_plane(degrees: Floats) -> Floats:
        return np.column_stack(plane(degrees[:, 0], degrees[:, 1]))

    def to_degrees(metres: Floats) -> Floats:
        return np.column_stack(plane(metres[:, 0], metres[:, 1], inverse=True))

    drawn = shapely.transform(shapely.segmentize(water, _STEP_DEG), to_plane)
    # A chord over the angle a lies width * (1 - cos(a / 2)) inside its arc.
    quarter = math.pi / 2
    chord = 2 * math.acos(1 - min(_CHORD_SAGITTA_M / width_m, 0.5))
    zone = shapely.buffer(drawn, width_m, quad_segs=math.ceil(quarter / chord))
    return shapely.transform(shapely.segmentize(zone, _STEP_M), to_degrees)
