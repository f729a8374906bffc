"""How far facilities stand from shorelines, in metres on the ellipsoid, by rank of the water.

An edge between two vertices is the straight line in longitude/latitude (RFC 7946), however long; a distance
is the length of the shortest geodesic on GRS80. Shorelines are cut into edges of at most 10 km (points of a
straight edge lie on it, so cutting changes nothing) and put into a packed tree, rank by rank; each facility
looks for its nearest edge there (`spatial.nearest` says how, and why none is lost).

Distances of points hold to a micrometre up to 10 km and to a millimetre up to 200 km, those of lines and
polygons to 4 mm. Longitudes are not wrapped at 180°.

Source: Yangtze River Protection Law, Article 26; standards, section 8.
"""

import gc
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from spatial.errors import (
    CoordinateRangeError,
    FrameColumnsError,
    FrameValueError,
    SearchRadiusError,
    ShorelineGeometryError,
)
from spatial.geodesy import Floats, require_cgcs2000
from spatial.vocabulary import SHORELINE_KIND_PREFERENCE, ZONE_WIDTHS_M, Rank, ShorelineKind, zone_name

if TYPE_CHECKING:
    from spatial.edges import Outlines, ShoreEdges
    from spatial.nearest import Nearest

WITHIN_M = 10_000.0
MAX_WITHIN_M = 200_000.0

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Geometries = NDArray[np.object_]

_SHORE_PIECE_M = 10_000.0
# Two edges that both curve on the ellipsoid may come nearest between their vertices. Over 500 m they part
# from straight lines by less than 4 mm up to 35° of latitude: all that the vertices of a facility may miss.
_FACILITY_PIECE_M = 500.0
# What one thread takes at a time.
_PLACES_AT_ONCE = 25_000
_OUTLINES_AT_ONCE = 500

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
    the piece; 100 000 facilities or more at a time are measured fastest. Made from the frame that
    `measure_distances` takes, with the same errors; the frame is not needed afterwards (an edge takes about
    45 bytes here). Nothing in it changes while measuring.
    """

    def __init__(self, shorelines: gpd.GeoDataFrame) -> None:
        self._shores, geometry = _read_shorelines(shorelines)
        self._ranks: dict[Rank, ShoreEdges | None] = {
            rank: _index_shores(self._shores, geometry, np.flatnonzero(self._shores.rank == rank.value))
            for rank in Rank
        }

    def measure(
        self, facilities: gpd.GeoDataFrame, *, within_m: float = WITHIN_M, threads: int | None = None
    ) -> pd.DataFrame:
        """What `measure_distances` returns for these facilities, with the same errors.

        `threads` work beside each other, as many as there are cores unless told; results do not depend on it.
        """
        if not 0 < within_m <= MAX_WITHIN_M:
            raise SearchRadiusError(within_m, MAX_WITHIN_M)
        places = _read_facilities(facilities)
        shores = self._shores
        workers = threads or os.cpu_count() or 1
        columns: dict[str, Any] = {"code": facilities["code"].array}
        zones = np.zeros(len(facilities), dtype=np.int64)
        names: list[str] = []
        for rank, index in self._ranks.items():
            nearest = _measure_rank(places, index, shores.body, within_m, workers)
            for width_m in ZONE_WIDTHS_M:
                zones |= (nearest.distance_m <= width_m).astype(np.int64) << len(names)
                names.append(zone_name(rank, width_m))
            hidden = ~(nearest.distance_m <= within_m)
            for values in (nearest.distance_m, nearest.lon, nearest.lat):
                values[hidden] = np.nan
            nearest.row[hidden] = -1
            columns[f"{rank}_distance_m"] = nearest.distance_m
            columns[f"{rank}_lon"] = nearest.lon
            columns[f"{rank}_lat"] = nearest.lat
            columns[f"{rank}_water_body_code"] = shores.code.take(nearest.row, allow_fill=True)
            columns[f"{rank}_shoreline_kind"] = shores.kind.take(nearest.row, allow_fill=True)
            columns[f"{rank}_shoreline_accuracy_m"] = shores.accuracy_m.take(nearest.row, allow_fill=True)
            columns[f"{rank}_shoreline_version"] = shores.version.take(nearest.row, allow_fill=True)
        columns["zones"] = _zone_lists(zones, names)
        return pd.DataFrame(columns, copy=False)


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
class _Places:
    """Facilities as read: single points, and the outlines of all others."""

    lon: Floats  # (n,) degrees; NaN where a facility is no point, or has no place
    lat: Floats
    order: Ints  # the numbers of the points, neighbours together
    outlines: "Outlines | None"
    outline_order: Ints  # the numbers of the others, neighbours together


@dataclass(frozen=True, slots=True)
class _Shores:
    """What is known of each row of the shoreline frame, but its geometry."""

    rank: NDArray[np.object_]
    code: Any
    body: Ints  # place of the water body in the order of codes
    kind: Any
    accuracy_m: Any
    version: Any


def _read_facilities(facilities: gpd.GeoDataFrame) -> _Places:
    from spatial import edges  # noqa: PLC0415 - numba is loaded when something is measured, not before

    _require_columns(facilities, "facilities", _FACILITY_COLUMNS)
    require_cgcs2000(facilities.crs, "facilities")
    geometry = np.asarray(facilities.geometry.array, dtype=object)
    count = len(geometry)
    kinds = shapely.get_type_id(geometry)
    lon, lat = np.full(count, np.nan), np.full(count, np.nan)
    coordinates, index = shapely.get_coordinates(geometry, return_index=True)
    if not np.all(kinds[index] == 0):
        points = geometry.copy()
        points[kinds != 0] = None
        coordinates, index = shapely.get_coordinates(points, return_index=True)
    located = np.isfinite(coordinates[:, 0] + coordinates[:, 1])
    if not located.all():
        coordinates, index = coordinates[located], index[located]
    lon[index], lat[index] = coordinates[:, 0], coordinates[:, 1]
    larger = np.flatnonzero((kinds > 0) & ~shapely.is_empty(geometry))
    off = np.concatenate(
        [
            index[(np.abs(coordinates[:, 0]) > 180) | (np.abs(coordinates[:, 1]) > 90)],
            larger[_are_off(geometry[larger])],
        ]
    )
    if len(off):
        row = int(off.min())
        _refuse_degrees(geometry[row], f"facility {facilities['code'].iloc[row]!r}")
    order = index[edges.sort_along_curve(coordinates[:, 0], coordinates[:, 1])].astype(np.int64)
    if len(larger) == 0:
        return _Places(lon, lat, order, None, np.empty(0, dtype=np.int64))
    lines = _read_lines(geometry[larger])
    outlines = edges.outline_facilities(
        lines.vertices,
        lines.line,
        larger[lines.line_owner],
        lines.line_area,
        larger[lines.area_owner],
        lines.dots,
        larger[lines.dot_owner],
        count,
        _FACILITY_PIECE_M,
    )
    west, south, east, north = shapely.bounds(geometry[larger]).T
    outline_order = larger[edges.sort_along_curve(west + east, south + north)]
    return _Places(lon, lat, order, outlines, outline_order)


def _read_shorelines(shorelines: gpd.GeoDataFrame) -> tuple[_Shores, Geometries]:
    _require_columns(shorelines, "shorelines", _SHORELINE_COLUMNS)
    require_cgcs2000(shorelines.crs, "shorelines")
    _require_vocabulary(shorelines["rank"], "rank", frozenset(Rank), required=True)
    kinds = _optional(shorelines, "kind")
    _require_vocabulary(kinds, "kind", frozenset(ShorelineKind))
    if shorelines["water_body_code"].isna().any():
        raise FrameValueError("shorelines", "water_body_code", None)
    code = shorelines["water_body_code"].astype("str")
    geometry = np.asarray(shorelines.geometry.array, dtype=object)
    if (off := _are_off(geometry)).any():
        row = int(np.argmax(off))
        _refuse_degrees(geometry[row], f"shoreline of {code.iloc[row]!r}")
    version = _optional(shorelines, "version_id")
    shores = _Shores(
        rank=shorelines["rank"].to_numpy(dtype=object),
        code=code.array,
        body=np.unique(code.to_numpy(dtype=object), return_inverse=True)[1].astype(np.int64),
        kind=kinds.astype("str").array,
        accuracy_m=_optional(shorelines, "accuracy_m").astype("Float64").astype("float64").array,
        version=(version.astype("Int64") if pd.api.types.is_integer_dtype(version) else version).array,
    )
    return shores, geometry


def _index_shores(shores: _Shores, geometry: Geometries, rows: NDArray[np.intp]) -> "ShoreEdges | None":
    """The edges and water areas of some rows; none where they are all empty."""
    from spatial import edges  # noqa: PLC0415 - numba is loaded when something is measured, not before

    lines = _read_lines(geometry[rows])
    if len(lines.dots):
        raise ShorelineGeometryError(shores.code[int(rows[lines.dot_owner.min()])], "Point")
    if len(lines.vertices) == 0:
        return None
    return edges.index_edges(
        lines.vertices,
        lines.line,
        rows[lines.line_owner],
        lines.line_area,
        rows[lines.area_owner],
        _SHORE_PIECE_M,
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


def _are_off(geometry: Geometries) -> Bools:
    """Which of the geometries have a coordinate that is no degree."""
    coordinates, index = shapely.get_coordinates(geometry, return_index=True)
    fine = (np.abs(coordinates[:, 0]) <= 180) & (np.abs(coordinates[:, 1]) <= 90)
    off = np.zeros(len(geometry), dtype=np.bool_)
    off[index[~fine]] = True
    return off


def _refuse_degrees(geometry: shapely.Geometry, subject: str) -> NoReturn:
    at = shapely.get_coordinates(geometry)
    off = ~((np.abs(at[:, 0]) <= 180) & (np.abs(at[:, 1]) <= 90))
    lon, lat = at[int(np.argmax(off))]
    raise CoordinateRangeError(subject, float(lon), float(lat))


class _Lines(NamedTuple):
    """Geometries taken apart: vertices of lines and rings, polygons, and single points."""

    vertices: Floats  # (n, 2) degrees
    line: Ints  # (n,) number of the line or ring
    line_owner: Ints  # (lines,) number of the geometry
    line_area: Ints  # (lines,) number of the polygon that it is a ring of, or -1
    area_owner: Ints  # (areas,) number of the geometry
    dots: Floats  # (m, 2) degrees
    dot_owner: Ints  # (m,)


def _read_lines(geometry: Geometries) -> _Lines:
    parts, owner = _split_collections(geometry)
    kinds = shapely.get_type_id(parts)
    area, line, dot = kinds == 3, (kinds == 1) | (kinds == 2), kinds == 0
    rings, ring_area = shapely.get_rings(parts[area], return_index=True)
    vertices, number = shapely.get_coordinates(np.concatenate([parts[line], rings]), return_index=True)
    return _Lines(
        vertices=vertices,
        line=number,
        line_owner=np.concatenate([owner[line], owner[area][ring_area]]),
        line_area=np.concatenate([np.full(int(line.sum()), -1, dtype=np.int64), ring_area]),
        area_owner=owner[area],
        dots=shapely.get_coordinates(parts[dot]),
        dot_owner=owner[dot],
    )


def _split_collections(geometry: Geometries) -> tuple[Geometries, Ints]:
    """Points, lines, rings and polygons of (nested) collections, with the number that each comes from."""
    parts, owner = geometry, np.arange(len(geometry), dtype=np.int64)
    while np.any(shapely.get_type_id(parts) >= 4):
        parts, index = shapely.get_parts(parts, return_index=True)
        owner = owner[index]
    some = ~(shapely.is_missing(parts) | shapely.is_empty(parts))
    return parts[some], owner[some]


# ----------------------------------------------------------------------------------------------- one rank


def _measure_rank(
    places: _Places, shores: "ShoreEdges | None", body: Ints, within_m: float, workers: int
) -> "Nearest":
    from spatial import nearest  # noqa: PLC0415 - numba is loaded when something is measured, not before

    count = len(places.lon)
    found = nearest.Nearest(
        np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan), np.full(count, -1)
    )
    if shores is None:
        return found
    # The zones are told even where the caller wants to see less.
    search_m = max(within_m, *ZONE_WIDTHS_M)

    def search_places(some: Ints) -> None:
        nearest.search_places(places.lon, places.lat, some, search_m, shores, body, found)

    _share_out(search_places, places.order, _PLACES_AT_ONCE, workers)
    outlines = places.outlines
    if outlines is not None:
        touched = nearest.Touched(np.full(count, -1), np.full(count, np.nan), np.full(count, np.nan))
        nearest.find_enclosed(shores, body, outlines, touched)

        def search_outlines(some: Ints) -> None:
            nearest.search_outlines(outlines, some, search_m, shores, body, touched, found)

        _share_out(search_outlines, places.outline_order, _OUTLINES_AT_ONCE, workers)
    return found


def _share_out(work: Callable[[Ints], None], numbers: Ints, at_once: int, workers: int) -> None:
    """Hand runs of `numbers` to `work`, several at a time; each writes where no other does."""
    runs = [numbers[begin : begin + at_once] for begin in range(0, len(numbers), at_once)]
    if workers == 1 or len(runs) < 2:
        for run in runs:
            work(run)
        return
    work(numbers[:0])  # compiles, or loads what was compiled, once
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, runs):
            pass


def _zone_lists(zones: Ints, names: list[str]) -> NDArray[np.object_]:
    """Names of the bits that are set, a list of its own for each facility."""
    known = {
        bits: [name for place, name in enumerate(names) if bits >> place & 1]
        for bits in np.unique(zones).tolist()
    }
    # A million lists set the garbage collector looking for cycles, which lists of text cannot have.
    collecting = gc.isenabled()
    gc.disable()
    try:
        lists = [known[bits].copy() for bits in zones.tolist()]
        return np.fromiter(lists, dtype=object, count=len(zones))
    finally:
        if collecting:
            gc.enable()
