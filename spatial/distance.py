"""How far facilities stand from shorelines, in metres on the ellipsoid, by rank of the water.

An edge between two vertices is the straight line in longitude/latitude (RFC 7946), however long; a distance
is the length of the shortest geodesic on GRS80. The method, rank by rank:

1. Shorelines are cut into edges of at most 10 km (points of a straight edge lie on it, so cutting changes
   nothing) and put into a spatial index in a Mercator plane, where the scale is the same in all directions.
2. The edge that is nearest in the plane gives a true distance, so an upper bound. Every edge whose plane
   distance could belong to that bound or less is a candidate (see `_plane_radius` for why none is lost).
3. On every candidate the foot point is found with the ellipsoid's own radii (`_foot_points`); those that
   could be the nearest are measured with the exact geodesic, and the least wins.

Distances hold to a millimetre up to 10 km. Longitudes are not wrapped at 180°.

Source: Yangtze River Protection Law, Article 26; standards, section 8.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from spatial.errors import (
    CoordinateRangeError,
    FrameColumnsError,
    FrameValueError,
    SearchRadiusError,
    ShorelineGeometryError,
)
from spatial.geodesy import Floats, measure_geodesics, require_cgcs2000
from spatial.vocabulary import SHORELINE_KIND_PREFERENCE, ZONE_WIDTHS_M, Rank, ShorelineKind, zone_name

WITHIN_M = 10_000.0
MAX_WITHIN_M = 200_000.0

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Geometries = NDArray[np.object_]

_A = 6_378_137.0  # GRS80
_F = 1 / 298.257222101
_E2 = _F * (2 - _F)
_E = math.sqrt(_E2)

_SHORE_PIECE_M = 10_000.0
# Two edges that both curve on the ellipsoid may come nearest between their vertices. Over 500 m they part
# from straight lines by less than 4 mm up to 35° of latitude: all that the vertices of a facility may miss.
_FACILITY_PIECE_M = 500.0
_ITEMS_AT_ONCE = 20_000
_PAIRS_AT_ONCE = 500_000
# Distances that agree to the micrometre are the same: the order of water bodies decides, not the last bit.
_DECIMALS_M = 6
_DECIMALS_DEG = 9

_FACILITY_COLUMNS = frozenset({"code", "geometry"})
_SHORELINE_COLUMNS = frozenset({"water_body_code", "rank", "geometry"})


def measure_distances(
    facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame, *, within_m: float = WITHIN_M
) -> pd.DataFrame:
    """Distance of each facility to the nearest shoreline of every rank.

    Parameters
    ----------
    facilities : GeoDataFrame, one row per facility
        Columns ``code`` and geometry: points, lines, polygons or mixtures, EPSG:4490 or 4326. A polygon
        counts with its edge and its inside. No geometry, an empty one, or a point of NaN is not located:
        every distance is NaN.
    shorelines : GeoDataFrame
        Columns ``water_body_code``, ``rank``, geometry (line, or water polygon) and optionally ``kind``,
        ``accuracy_m``, ``version_id``. Every row is used: choose those in force with `shorelines_in_force`.
    within_m
        Nothing farther than this is reported; at most 200 km.

    Returns
    -------
    DataFrame, one row per facility in the order given, index 0 … n-1
        ``code``; for each rank ``<rank>_distance_m`` (rounded to the micrometre; 0 inside water or where the
        two meet; NaN beyond `within_m`), ``<rank>_lon`` and ``<rank>_lat`` (the nearest shoreline point, at
        distance 0 a point common to facility and water), ``<rank>_water_body_code``,
        ``<rank>_shoreline_kind``, ``<rank>_shoreline_accuracy_m``, ``<rank>_shoreline_version``; and
        ``zones``, a list of zone names, which does not depend on `within_m`.
        Equal distances go to the smaller water_body_code, then to the earlier row.

    Raises
    ------
    CrsError, CoordinateRangeError
        Nothing is reprojected here; degrees beyond ±180 and ±90 are projected or swapped coordinates.
    FrameColumnsError, FrameValueError
        A column is missing; a rank or kind is not in the vocabulary, or a water body has no code.
    ShorelineGeometryError
        A shoreline holds a point.
    SearchRadiusError
        `within_m` is not above 0 or beyond 200 km.

    Notes
    -----
    Nothing is repaired. Where rings cross themselves, edges are measured as drawn and inside is what an odd
    number of windings encloses.
    """
    return ShorelineIndex(shorelines).measure(facilities, within_m=within_m)


class ShorelineIndex:
    """Shorelines made ready once, for facilities that come in pieces.

    A frame measured piece by piece gives the same rows as the whole at once, so that memory is bounded by
    the piece. Made from the frame that `measure_distances` takes, with the same errors; the frame is not
    needed afterwards. Nothing in it changes while measuring.
    """

    def __init__(self, shorelines: gpd.GeoDataFrame) -> None:
        self._shores = _read_shorelines(shorelines)
        self._ranks = {
            rank: _index_shores(self._shores, np.flatnonzero(self._shores.rank == rank.value))
            for rank in Rank
        }

    def measure(self, facilities: gpd.GeoDataFrame, *, within_m: float = WITHIN_M) -> pd.DataFrame:
        """What `measure_distances` returns for these facilities, with the same errors."""
        if not 0 < within_m <= MAX_WITHIN_M:
            raise SearchRadiusError(within_m, MAX_WITHIN_M)
        places = _read_facilities(facilities)
        shores = self._shores
        # The zones are told even where the caller wants to see less.
        search_m = max(within_m, *ZONE_WIDTHS_M)
        columns: dict[str, Any] = {"code": facilities["code"].array}
        in_zone: dict[str, Bools] = {}
        for rank, index in self._ranks.items():
            nearest = _measure_rank(places, index, search_m)
            for width_m in ZONE_WIDTHS_M:
                in_zone[zone_name(rank, width_m)] = nearest.distance_m <= width_m
            hidden = ~(nearest.distance_m <= within_m)
            row = np.where(hidden, -1, nearest.row)
            columns[f"{rank}_distance_m"] = np.where(hidden, np.nan, nearest.distance_m)
            columns[f"{rank}_lon"] = np.where(hidden, np.nan, nearest.lon)
            columns[f"{rank}_lat"] = np.where(hidden, np.nan, nearest.lat)
            columns[f"{rank}_water_body_code"] = shores.code.take(row, allow_fill=True)
            columns[f"{rank}_shoreline_kind"] = shores.kind.take(row, allow_fill=True)
            columns[f"{rank}_shoreline_accuracy_m"] = shores.accuracy_m.take(row, allow_fill=True)
            columns[f"{rank}_shoreline_version"] = shores.version.take(row, allow_fill=True)
        columns["zones"] = _zone_lists(in_zone, len(facilities))
        return pd.DataFrame(columns)


def distances_as_json(measured: pd.DataFrame) -> list[dict[str, Any]]:
    """The shape that `distance … --format json` prints: one entry per row of `measure_distances`."""
    nearest: list[dict[str, dict[str, Any] | None]] = [{} for _ in range(len(measured))]
    for rank in Rank:
        cells = zip(
            measured[f"{rank}_distance_m"].tolist(),
            measured[f"{rank}_lon"].tolist(),
            measured[f"{rank}_lat"].tolist(),
            measured[f"{rank}_water_body_code"].tolist(),
            strict=True,
        )
        for entry, (distance_m, lon, lat, water_body) in zip(nearest, cells, strict=True):
            entry[rank.value] = (
                None
                if math.isnan(distance_m)
                else {"distance_m": distance_m, "lon": lon, "lat": lat, "water_body_code": water_body}
            )
    return [
        {"code": code, "nearest": entry, "zones": list(zones)}
        for code, entry, zones in zip(measured["code"].tolist(), nearest, measured["zones"], strict=True)
    ]


def shorelines_in_force(shorelines: gpd.GeoDataFrame, as_of: date | None = None) -> gpd.GeoDataFrame:
    """The rows that hold on a day: of each shoreline its newest version, and of that its best kind only.

    A shoreline is known by (water_body_code, name). Among the rows in force on `as_of` (``valid_from`` and
    ``valid_to`` inclusive, missing = open) the one with the latest ``valid_from`` is its version, and all
    pieces of that version stay; of versions with the same ``valid_from`` the one recorded last
    (``recorded_at``, ``version_hash``) wins. Without `as_of` no row is too old or too young, the newest
    version stands.

    A name stands for a stretch or a bank, no name for the water body as a whole. An unnamed line therefore
    stands for every stretch that has no better kind of its own; the line of one stretch never hides another
    stretch, nor the unnamed line beyond its ends. A worse kind that stays beside a better one lies riverward
    of it, so it is not the nearest. A row without a kind comes after every kind. Columns, order and index of
    what remains are unchanged.

    Raises
    ------
    FrameColumnsError, FrameValueError
        ``water_body_code`` is missing, or a kind is not in the vocabulary.
    """
    _require_columns(shorelines, "shorelines", frozenset({"water_body_code"}))
    kinds = _optional(shorelines, "kind")
    _require_vocabulary(kinds, "kind", frozenset(ShorelineKind))
    rows = pd.DataFrame(
        {
            "code": shorelines["water_body_code"].to_numpy(),
            "name": _optional(shorelines, "name").fillna("").astype("str").str.strip().to_numpy(),
            "start": pd.to_datetime(_optional(shorelines, "valid_from")).to_numpy(dtype="datetime64[us]"),
            "end": pd.to_datetime(_optional(shorelines, "valid_to")).to_numpy(dtype="datetime64[us]"),
            "place": kinds.map(SHORELINE_KIND_PREFERENCE)
            .fillna(len(SHORELINE_KIND_PREFERENCE))
            .to_numpy(dtype=np.int64),
        }
    )
    if as_of is not None:
        day = pd.Timestamp(as_of)
        rows = rows[~(rows["start"] > day) & ~(rows["end"] < day)]
    rows = rows.assign(start=rows["start"].fillna(pd.Timestamp.min.as_unit("us")))
    key = ["code", "name"]
    rows = rows[rows["start"] == rows.groupby(key, dropna=False)["start"].transform("max")]
    if "recorded_at" in shorelines:
        recorded = shorelines["recorded_at"].array.take(rows.index.to_numpy())
        rows = rows.assign(recorded=recorded)
        rows = rows[rows["recorded"] == rows.groupby(key, dropna=False)["recorded"].transform("max")]
    if "version_hash" in shorelines:
        # Two versions recorded by one transaction: the later rows are the later version.
        rows = rows.assign(version=shorelines["version_hash"].array.take(rows.index.to_numpy()))
        rows = rows[rows["version"] == rows.groupby(key, dropna=False)["version"].transform("last")]
    best = rows.groupby(key, dropna=False)["place"].transform("min")
    whole = rows["place"].where(rows["name"] == "").groupby(rows["code"], dropna=False).transform("min")
    rows = rows[rows["place"] == np.fmin(best, whole)]
    return shorelines.iloc[rows.index.to_numpy()]


# ------------------------------------------------------------------------------------- reading the frames


@dataclass(frozen=True, slots=True)
class _Edges:
    """Straight edges in longitude/latitude. A point is an edge whose ends are one."""

    start: Floats  # (n, 2) degrees
    end: Floats  # (n, 2) degrees
    owner: Ints  # (n,) row of the frame; not decreasing

    def __len__(self) -> int:
        return len(self.owner)

    def take(self, which: NDArray[Any] | slice) -> "_Edges":
        return _Edges(self.start[which], self.end[which], self.owner[which])


@dataclass(frozen=True, slots=True)
class _Places:
    """Facilities as read: whole, as edges, and in an index of their own (degrees)."""

    geometry: Geometries
    is_point: Bools
    edges: _Edges
    tree: STRtree


@dataclass(frozen=True, slots=True)
class _Shores:
    """The shoreline frame as read, row by row."""

    geometry: Geometries
    rank: NDArray[np.object_]
    code: Any
    code_order: Ints
    kind: Any
    accuracy_m: Any
    version: Any


@dataclass(frozen=True, slots=True)
class _RankShores:
    """Shorelines of one rank: edges with their index in the Mercator plane, and water polygons."""

    edges: _Edges
    tree: STRtree
    bulge: float  # plane units: how far an edge may leave the chord that stands for it in the index
    water: Geometries
    water_owner: Ints
    code_order: Ints


@dataclass(frozen=True, slots=True)
class _Nearest:
    """Per facility; NaN and row -1 where nothing was found."""

    distance_m: Floats
    lon: Floats
    lat: Floats
    row: Ints


@dataclass(frozen=True, slots=True)
class _Measured:
    """Distances between facilities and shoreline rows, any number per facility."""

    facility: Ints
    row: Ints
    shore_point: Floats  # (n, 2) degrees
    distance_m: Floats


def _read_facilities(facilities: gpd.GeoDataFrame) -> _Places:
    _require_columns(facilities, "facilities", _FACILITY_COLUMNS)
    require_cgcs2000(facilities.crs, "facilities")
    geometry = np.array(shapely.force_2d(np.asarray(facilities.geometry.array, dtype=object)))
    kinds = shapely.get_type_id(geometry)
    geometry[shapely.is_empty(geometry)] = None
    geometry[(kinds == 0) & ~np.isfinite(shapely.get_x(geometry) + shapely.get_y(geometry))] = None
    codes = facilities["code"].tolist()
    _require_degrees(geometry, lambda row: f"facility {codes[row]!r}")
    parts, owner = _split_collections(geometry)
    edges = _cut_edges(parts, owner, _FACILITY_PIECE_M, points=True)
    whole = _even_odd(geometry)
    return _Places(whole, kinds == 0, edges, STRtree(whole))


def _read_shorelines(shorelines: gpd.GeoDataFrame) -> _Shores:
    _require_columns(shorelines, "shorelines", _SHORELINE_COLUMNS)
    require_cgcs2000(shorelines.crs, "shorelines")
    _require_vocabulary(shorelines["rank"], "rank", frozenset(Rank), required=True)
    kinds = _optional(shorelines, "kind")
    _require_vocabulary(kinds, "kind", frozenset(ShorelineKind))
    if shorelines["water_body_code"].isna().any():
        raise FrameValueError("shorelines", "water_body_code", None)
    code = shorelines["water_body_code"].astype("str")
    geometry = shapely.force_2d(np.asarray(shorelines.geometry.array, dtype=object))
    _require_degrees(geometry, lambda row: f"shoreline of {code.iloc[row]!r}")
    version = _optional(shorelines, "version_id")
    return _Shores(
        geometry=geometry,
        rank=shorelines["rank"].to_numpy(dtype=object),
        code=code.array,
        code_order=np.unique(code.to_numpy(dtype=object), return_inverse=True)[1].astype(np.int64),
        kind=kinds.astype("str").array,
        accuracy_m=_optional(shorelines, "accuracy_m").astype("Float64").astype("float64").array,
        version=(version.astype("Int64") if pd.api.types.is_integer_dtype(version) else version).array,
    )


def _index_shores(shores: _Shores, rows: NDArray[np.intp]) -> _RankShores:
    parts, owner = _split_collections(shores.geometry[rows])
    owner = rows[owner].astype(np.int64)
    kinds = shapely.get_type_id(parts)
    if np.any(kinds == 0):
        raise ShorelineGeometryError(shores.code[int(owner[np.argmax(kinds == 0)])], "Point")
    edges = _cut_edges(parts, owner, _SHORE_PIECE_M, points=False)
    area = kinds == 3
    return _RankShores(
        edges=edges,
        # An edge of no length is drawn as a point: nothing is ever within a distance of such a line.
        tree=STRtree(_draw_in_plane(edges)),
        bulge=float(_bulge(edges).max(initial=0.0)),
        water=_even_odd(parts[area]),
        water_owner=owner[area],
        code_order=shores.code_order,
    )


def _require_columns(frame: pd.DataFrame, name: str, needed: frozenset[str]) -> None:
    present = set(frame.columns)
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        present.add("geometry")  # whatever its column is called
    if missing := needed - present:
        raise FrameColumnsError(name, frozenset(missing))


def _require_vocabulary(
    column: "pd.Series[Any]", name: str, known: frozenset[str], *, required: bool = False
) -> None:
    wrong = ~column.isin([str(word) for word in known]) & (column.notna() | required)
    if wrong.any():
        raise FrameValueError("shorelines", name, column[wrong].iloc[0])


def _optional(frame: pd.DataFrame, column: str) -> "pd.Series[Any]":
    if column in frame:
        return frame[column]
    return pd.Series([None] * len(frame), index=frame.index, dtype=object)


def _require_degrees(geometry: Geometries, subject: Any) -> None:
    west, south, east, north = shapely.bounds(geometry).T
    located = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    fine = (west >= -180) & (east <= 180) & (south >= -90) & (north <= 90)
    coordinates, index = shapely.get_coordinates(geometry, return_index=True)
    fine[index[~np.isfinite(coordinates).all(axis=1)]] = False
    if np.any(located & ~fine):
        row = int(np.argmax(located & ~fine))
        at = coordinates[index == row]
        off = ~((np.abs(at[:, 0]) <= 180) & (np.abs(at[:, 1]) <= 90))
        lon, lat = at[int(np.argmax(off))]
        raise CoordinateRangeError(subject(row), float(lon), float(lat))


def _split_collections(geometry: Geometries) -> tuple[Geometries, Ints]:
    """Points, lines, rings and polygons of (nested) collections, with the row that each comes from."""
    parts, owner = geometry, np.arange(len(geometry), dtype=np.int64)
    while np.any(shapely.get_type_id(parts) >= 4):
        parts, index = shapely.get_parts(parts, return_index=True)
        owner = owner[index]
    some = ~(shapely.is_missing(parts) | shapely.is_empty(parts))
    return parts[some], owner[some]


def _even_odd(geometry: Geometries) -> Geometries:
    """Areas whose rings cross, read by the even-odd rule, so that inside and outside are defined."""
    broken = (shapely.get_dimensions(geometry) == 2) & ~shapely.is_valid(geometry)
    if not broken.any():
        return geometry
    readable = geometry.copy()
    readable[broken] = shapely.make_valid(geometry[broken])
    return readable


def _cut_edges(parts: Geometries, owner: Ints, piece_m: float, *, points: bool) -> _Edges:
    """All edges of lines and rings, none longer than `piece_m`, ordered by owner."""
    kinds = shapely.get_type_id(parts)
    area = kinds == 3
    rings, ring_index = shapely.get_rings(parts[area], return_index=True)
    lines = np.concatenate([parts[(kinds == 1) | (kinds == 2)], rings])
    line_owner = np.concatenate([owner[(kinds == 1) | (kinds == 2)], owner[area][ring_index]])
    vertices, line = shapely.get_coordinates(lines, return_index=True)
    joined = np.flatnonzero(line[1:] == line[:-1])
    start, end = vertices[joined], vertices[joined + 1]
    edge_owner = line_owner[line[joined]]
    # One direction for every edge: a line drawn the other way round gives the same numbers, bit for bit.
    backward = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    start, end = np.where(backward[:, None], end, start), np.where(backward[:, None], start, end)
    step = end - start
    narrow = np.cos(np.radians(np.minimum(np.abs(start[:, 1]), np.abs(end[:, 1]))))
    length_m = np.radians(np.hypot(step[:, 0] * narrow, step[:, 1])) * _A
    pieces = np.maximum(np.ceil(length_m / piece_m), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(pieces)), pieces)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    cut = (place / pieces[edge])[:, None]
    next_cut = ((place + 1) / pieces[edge])[:, None]
    cut_start = start[edge] + cut * step[edge]
    cut_end = np.where(next_cut >= 1, end[edge], start[edge] + next_cut * step[edge])
    edge_owner = edge_owner[edge]
    if points:
        dots = shapely.get_coordinates(parts[kinds == 0])
        cut_start, cut_end = np.concatenate([cut_start, dots]), np.concatenate([cut_end, dots])
        edge_owner = np.concatenate([edge_owner, owner[kinds == 0]])
    order = np.argsort(edge_owner, kind="stable")
    return _Edges(cut_start[order], cut_end[order], edge_owner[order])


# -------------------------------------------------------------------------------------- the Mercator plane


def _to_plane(degrees: Floats) -> Floats:
    """Longitude and isometric latitude in radians: the conformal (Mercator) plane of the ellipsoid."""
    phi = np.radians(np.clip(degrees[:, 1], -89.9, 89.9))
    isometric = np.arcsinh(np.tan(phi)) - _E * np.arctanh(_E * np.sin(phi))
    return np.column_stack([np.radians(degrees[:, 0]), isometric])


def _parallel_radius(phi: Floats) -> Floats:
    """Radius in metres of the circle of latitude `phi` (radians): metres per plane unit in all directions."""
    return _A * np.cos(phi) / np.sqrt(1 - _E2 * np.sin(phi) ** 2)


def _plane_radius(distance_m: Floats, latitude_deg: Floats) -> Floats:
    """Plane distance that nothing within `distance_m` of a place can exceed.

    Why no nearer edge is lost. A geodesic of length d that starts at latitude φ stays within d/M of φ, M the
    least meridian radius, because the metric is ds² = M(φ)²dφ² + p(φ)²dλ². The plane is conformal: its own
    line element is ds / p(φ), p the radius of the parallel, which shrinks towards the poles. On the way p is
    never less than at |φ| + d/M, so the path is at most d / p(|φ| + d/M) long in the plane, and the straight
    plane distance is not longer than the path. What this leaves out is that the index holds chords while
    edges are straight in longitude/latitude: `_bulge` bounds that, and the caller adds it.
    """
    farthest = np.radians(np.abs(latitude_deg)) + distance_m / (_A * (1 - _E2))
    radius = _parallel_radius(np.minimum(farthest, math.radians(89.9)))
    return np.asarray(distance_m / radius * (1 + 1e-12) + 1e-13)


def _bulge(edges: _Edges) -> Floats:
    """Upper bound in plane units of the gap between an edge and its chord in the plane.

    Along an edge longitude and latitude grow evenly, so only the isometric latitude ψ bends: the gap is at
    most max|ψ''| Δφ² / 8, with ψ' = M/p =: g and ψ'' = g' <= g (tan φ + 2e²/(1-e²)).
    """
    steepest = np.radians(np.minimum(np.maximum(np.abs(edges.start[:, 1]), np.abs(edges.end[:, 1])), 89.9))
    rise = np.radians(edges.end[:, 1] - edges.start[:, 1])
    sine2 = np.sin(steepest) ** 2
    slope = (1 - _E2) / ((1 - _E2 * sine2) * np.cos(steepest))
    return np.asarray(slope * (np.tan(steepest) + 2 * _E2 / (1 - _E2)) * rise**2 / 8)


# ------------------------------------------------------------------------------------------- foot points


def _foot_points(place: Floats, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """The point of each edge that is nearest to a place, and its distance by the mid-latitude formula.

    All arrays (n, 2) in degrees. Between points that are near each other Gauss's mid-latitude formula gives
    east = Δλ p(φm), north = Δφ M(φm), right to (d/R)² / 24 of the distance: a millimetre in 10 km. The square
    of that distance along an edge is minimised by Gauss–Newton steps with the derivatives of p and M; every
    step gains a factor of about R/d, so four are beyond float64 within 10 km, and clipping to the edge keeps
    the minimum because the distance has only one along an edge of 10 km.
    """
    lon, lat = np.radians(place).T
    at = np.radians(start).T
    step = np.radians(end - start).T
    along = np.zeros(len(place))
    for _ in range(4):
        east, north, east_rate, north_rate = _mid_latitude(lon, lat, at, step, along)
        squared = east_rate**2 + north_rate**2
        change = np.divide(
            east * east_rate + north * north_rate, squared, out=np.zeros_like(squared), where=squared > 0
        )
        along = np.clip(along - change, 0.0, 1.0)
    east, north, _, _ = _mid_latitude(lon, lat, at, step, along)
    foot = np.where(along[:, None] >= 1.0, end, start + along[:, None] * (end - start))
    return foot, np.hypot(east, north)


def _mid_latitude(
    lon: Floats, lat: Floats, at: Floats, step: Floats, along: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """East and north metres from a place to a point along an edge, and how they change along it."""
    d_lon = at[0] + along * step[0] - lon
    d_lat = at[1] + along * step[1] - lat
    middle = lat + d_lat / 2
    sine, cosine = np.sin(middle), np.cos(middle)
    w2 = 1 - _E2 * sine * sine
    normal = _A / np.sqrt(w2)
    meridian = normal * (1 - _E2) / w2
    parallel = normal * cosine
    parallel_slope = -meridian * sine
    meridian_slope = 3 * meridian * _E2 * sine * cosine / w2
    half = step[1] / 2
    east_rate = step[0] * parallel + d_lon * parallel_slope * half
    north_rate = step[1] * meridian + d_lat * meridian_slope * half
    return d_lon * parallel, d_lat * meridian, east_rate, north_rate


def _formula_slack(distance_m: Floats, latitude_deg: Floats) -> Floats:
    """What the mid-latitude formula may be wrong by, generously."""
    steep = np.cos(np.radians(np.minimum(np.abs(latitude_deg), 89.0)))
    return np.asarray(1e-3 + distance_m * (distance_m / (_A * steep)) ** 2)


# ----------------------------------------------------------------------------------------------- one rank


def _measure_rank(places: _Places, shores: _RankShores, search_m: float) -> _Nearest:
    count = len(places.geometry)
    found = _Nearest(
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.full(count, -1, dtype=np.int64),
    )
    if len(shores.edges) == 0:
        return found
    _settle(found, _find_meetings(places, shores), shores.code_order)
    apart = np.isnan(found.distance_m)
    for chunk in _chunks(places.edges.take(apart[places.edges.owner])):
        _settle(found, _search_chunk(chunk, shores, search_m), shores.code_order)
    return found


def _chunks(edges: _Edges) -> Iterator[_Edges]:
    """Facilities in their order, whole, about 20 000 edges or points at a time: what bounds the memory."""
    begin = 0
    while begin < len(edges):
        last = min(begin + _ITEMS_AT_ONCE, len(edges)) - 1
        stop = int(np.searchsorted(edges.owner, edges.owner[last], side="right"))
        yield edges.take(slice(begin, stop))
        begin = stop


def _settle(found: _Nearest, measured: _Measured, code_order: Ints) -> None:
    """Write the least of the measured distances of each facility; ties by water body, row and place."""
    distance_m = np.round(measured.distance_m, _DECIMALS_M)
    point = np.round(measured.shore_point, _DECIMALS_DEG)
    row, owner = measured.row, measured.facility
    order = np.lexsort((point[:, 1], point[:, 0], row, code_order[row], distance_m, owner))
    which = order[np.flatnonzero(np.diff(owner[order], prepend=-1))]
    facility = owner[which]
    found.distance_m[facility] = distance_m[which]
    found.lon[facility] = point[which, 0]
    found.lat[facility] = point[which, 1]
    found.row[facility] = row[which]


def _find_meetings(places: _Places, shores: _RankShores) -> _Measured:
    """Facilities in water or across a shoreline, with a point common to both: distance 0."""
    # The water polygons ask, the facilities answer: the asking side is prepared, and it has the vertices.
    water, facility = places.tree.query(shores.water, predicate="intersects")
    owner, row = [facility], [shores.water_owner[water]]
    common = [_common_points(places, facility, shores.water[water])]

    extended = np.flatnonzero(~places.is_point & ~shapely.is_missing(places.geometry))
    bounds = shapely.bounds(places.geometry[extended])
    # Both plane axes grow with their degrees, so a box of degrees is a box of the plane.
    low, high = _to_plane(bounds[:, :2]) - 1e-12, _to_plane(bounds[:, 2:]) + 1e-12
    which, edge = shores.tree.query(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    facility = extended[which]
    lines = _draw_edges(shores.edges.start[edge], shores.edges.end[edge])
    shapely.prepare(places.geometry[extended])
    cross = shapely.intersects(places.geometry[facility], lines)
    owner.append(facility[cross])
    row.append(shores.edges.owner[edge[cross]])
    common.append(_common_points(places, facility[cross], lines[cross]))
    owners = np.concatenate(owner)
    return _Measured(owners, np.concatenate(row), np.concatenate(common), np.zeros(len(owners)))


def _common_points(places: _Places, facility: NDArray[np.intp], other: Geometries) -> Floats:
    own = places.geometry[facility]
    shared = own.copy()
    larger = ~places.is_point[facility]
    shared[larger] = shapely.intersection(own[larger], other[larger])
    # Where they touch by less than float64 can write down, the intersection comes back empty.
    shared = np.where(shapely.is_empty(shared), own, shared)
    inside = shapely.point_on_surface(shared)
    return np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])


def _search_chunk(chunk: _Edges, shores: _RankShores, search_m: float) -> _Measured:
    """Exact distances of all shores that could be nearest to facilities on dry land, within `search_m`."""
    owners, facility = np.unique(chunk.owner, return_inverse=True)
    latitude = np.maximum(np.abs(chunk.start[:, 1]), np.abs(chunk.end[:, 1]))
    drawn = _draw_in_plane(chunk)
    bulge = shores.bulge + _bulge(chunk)
    reach = _plane_radius(np.full(len(chunk), search_m), latitude) + bulge
    item, edge = shores.tree.query_nearest(drawn, max_distance=float(reach.max()), all_matches=False)
    pair, _, _, distance_m = _measure_pairs(chunk.take(item), shores.edges.take(edge))
    bound_m = np.full(len(owners), np.inf)
    # What the nearest edge in the plane measures, the nearest on the ellipsoid cannot exceed.
    slack_m = _formula_slack(distance_m, latitude[item[pair]])
    np.minimum.at(bound_m, facility[item[pair]], distance_m + slack_m)

    near = np.flatnonzero(np.isfinite(bound_m[facility]))
    radius = _plane_radius(np.minimum(bound_m[facility[near]], search_m), latitude[near]) + bulge[near]
    item, edge = shores.tree.query(drawn[near], predicate="dwithin", distance=radius)
    item = near[item]
    best_m = np.full(len(owners), np.inf)
    kept: list[tuple[Ints, Ints, Floats, Floats, Floats]] = []
    for begin in range(0, len(item), _PAIRS_AT_ONCE):
        some, at = item[begin : begin + _PAIRS_AT_ONCE], edge[begin : begin + _PAIRS_AT_ONCE]
        pair, shore_point, own_point, distance_m = _measure_pairs(chunk.take(some), shores.edges.take(at))
        slack_m = _formula_slack(distance_m, latitude[some[pair]])
        asked = facility[some[pair]]
        np.minimum.at(best_m, asked, distance_m + slack_m)
        could = distance_m - slack_m <= best_m[asked]
        row = shores.edges.owner[at[pair]]
        kept.append(
            (asked[could], row[could], shore_point[could], own_point[could], (distance_m - slack_m)[could])
        )
    if not kept:
        return _Measured(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 2)), np.empty(0))
    asked, row, shore_point, own_point, least_m = (
        np.concatenate(column) for column in zip(*kept, strict=True)
    )
    could = least_m <= best_m[asked]
    shore_point, own_point = shore_point[could], own_point[could]
    exact_m = measure_geodesics(own_point[:, 0], own_point[:, 1], shore_point[:, 0], shore_point[:, 1])
    return _Measured(owners[asked[could]], row[could], shore_point, exact_m)


def _draw_in_plane(edges: _Edges) -> Geometries:
    start, end = _to_plane(edges.start), _to_plane(edges.end)
    drawn = np.asarray(shapely.points(start), dtype=object)
    extended = np.flatnonzero(np.any(start != end, axis=1))
    drawn[extended] = _draw_edges(start[extended], end[extended])
    return drawn


def _draw_edges(start: Floats, end: Floats) -> Geometries:
    return np.asarray(shapely.linestrings(np.stack([start, end], axis=1)), dtype=object)


def _measure_pairs(own: _Edges, shore: _Edges) -> tuple[Ints, Floats, Floats, Floats]:
    """Ends of each edge against the edge beside it, both ways: two edges apart are nearest at an end of one.

    Returns for each comparison the pair's number, the shoreline point, the facility's point, the distance.
    """
    every = np.arange(len(own), dtype=np.int64)
    foot, distance_m = _foot_points(own.start, shore.start, shore.end)
    pairs, shore_points, own_points, distances = [every], [foot], [own.start], [distance_m]
    longer = np.flatnonzero(np.any(own.start != own.end, axis=1))
    if len(longer):
        own, shore = own.take(longer), shore.take(longer)
        foot, distance_m = _foot_points(own.end, shore.start, shore.end)
        pairs.append(longer)
        shore_points.append(foot)
        own_points.append(own.end)
        distances.append(distance_m)
        for vertex in (shore.start, shore.end):
            foot, distance_m = _foot_points(vertex, own.start, own.end)
            pairs.append(longer)
            shore_points.append(vertex)
            own_points.append(foot)
            distances.append(distance_m)
    return (
        np.concatenate(pairs),
        np.concatenate(shore_points),
        np.concatenate(own_points),
        np.concatenate(distances),
    )


def _zone_lists(in_zone: dict[str, Bools], count: int) -> list[list[str]]:
    zones: list[list[str]] = [[] for _ in range(count)]
    for name, inside in in_zone.items():
        for facility in np.flatnonzero(inside).tolist():
            zones[facility].append(name)
    return zones
