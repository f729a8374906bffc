"""The river network: centrelines, drawn downstream, joined into one graph with kilometres.

Rivers are joined where the data says so (`downstream_code`: the joint is sought on that river's line, at its
start or on its way) and where lines meet within a tolerance. Lakes join all that enters and leaves them.
What cannot be joined, or contradicts itself, is never guessed at: it is listed in `RiverNetwork.problems`.

Lengths are kilometres on GRS80, coordinates longitude and latitude in EPSG:4490. A joint within the tolerance
counts as touching: it hides at most the tolerance. Across a wider gap, which only a `downstream_code` can
bridge, the way is counted.

Velocities and tolerances here are assumptions of this programme, not of any regulation; the hours that follow
from them carry their range.
"""

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial.errors import FrameColumnsError, FrameValueError
from spatial.geodesy import require_cgcs2000
from spatial.network_graph import (
    Edge,
    LakeArea,
    NetworkProblem,
    NetworkSettings,
    RiverNetwork,
    Rivers,
    Velocity,
)
from spatial.network_joints import join_lines
from spatial.network_lines import read_lines, read_texts, require_columns

__all__ = [
    "NetworkProblem",
    "NetworkSettings",
    "RiverNetwork",
    "Velocity",
    "build_network",
    "list_confluences",
    "read_hydrorivers",
]

_RIVER_COLUMNS = frozenset({"code", "geometry"})
_HYDRORIVERS = frozenset({"HYRIV_ID", "NEXT_DOWN", "geometry"})


def build_network(
    rivers: gpd.GeoDataFrame,
    *,
    lakes: gpd.GeoDataFrame | None = None,
    settings: NetworkSettings = NetworkSettings(),  # noqa: B008 - frozen
) -> RiverNetwork:
    """Join centrelines into a network.

    Parameters
    ----------
    rivers : GeoDataFrame, one row per river or reach, EPSG:4490 or 4326
        ``code`` (text, each once), geometry (lines, drawn downstream; several parts are taken in whatever
        order). Optional: ``name``; ``downstream_code``, the river that it flows into, on its way or at its
        start (or the lake); ``velocity_m_s``, the likely velocity, with its bounds ``velocity_low_m_s`` and
        ``velocity_high_m_s``. Other columns are not looked at.
    lakes : GeoDataFrame, one row per polygon, EPSG:4490 or 4326
        ``code`` (or ``water_body_code``; rows of one code are one lake), polygons; optional ``name``,
        ``residence_hours``. Lines that reach a lake within the tolerance are joined by it.
    settings
        Tolerances and velocities.

    Returns
    -------
    RiverNetwork
        With `problems`, ordered by code, rivers and place. Messy lines never raise: they are listed.

    Raises
    ------
    FrameColumnsError, FrameValueError
        A column is missing; a code is missing or stands twice, a geometry is no line (no polygon, for lakes),
        a velocity or a residence is not above 0.
    CrsError, CoordinateRangeError
        Nothing is reprojected here.
    """
    frame = _read_rivers(rivers, settings)
    return join_lines(frame, _read_lakes(lakes), settings)


def read_hydrorivers(reaches: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Turn HydroRIVERS reaches into a frame of rivers for `build_network`.

    ``HYRIV_ID`` becomes the code and ``NEXT_DOWN`` the downstream code (0, the sea or a sink, none);
    ``DIS_AV_CMS`` becomes ``discharge_m3_s`` and ``UPLAND_SKM`` ``catchment_km2`` where they are there. The
    order stays.

    Raises
    ------
    FrameColumnsError
        ``HYRIV_ID`` or ``NEXT_DOWN`` is missing.
    """
    if missing := _HYDRORIVERS - {*reaches.columns, "geometry"}:
        raise FrameColumnsError("rivers", frozenset(missing))
    below = [str(int(code)) if code else None for code in reaches["NEXT_DOWN"]]
    columns: dict[str, Any] = {
        "code": [str(int(code)) for code in reaches["HYRIV_ID"]],
        "downstream_code": pd.Series(below, dtype=object),
    }
    for theirs, ours in (("DIS_AV_CMS", "discharge_m3_s"), ("UPLAND_SKM", "catchment_km2")):
        if theirs in reaches:
            columns[ours] = reaches[theirs].to_numpy()
    return gpd.GeoDataFrame(columns, geometry=reaches.geometry.to_numpy(), crs=reaches.crs)


def list_confluences(network: RiverNetwork) -> gpd.GeoDataFrame:
    """Places where two or more rivers become one, north to south, then west to east.

    Returns
    -------
    GeoDataFrame, EPSG:4490
        ``inflows`` and ``outflows`` (tuples of river codes, ordered), geometry (point). A river that goes on
        through the confluence stands on both sides. Confluences in lakes are not among them.
    """
    edges = network.edges
    flowing = np.isin(edges.kind, (Edge.REACH, Edge.GAP))
    inflows: dict[int, set[int]] = {}
    outflows: dict[int, set[int]] = {}
    for edge in np.flatnonzero(flowing).tolist():
        if edges.start[edge] == edges.end[edge]:
            continue
        inflows.setdefault(int(edges.end[edge]), set()).add(edge)
        if edges.kind[edge] == Edge.REACH:
            outflows.setdefault(int(edges.start[edge]), set()).add(edge)
    gap_starts = set(edges.start[edges.kind == Edge.GAP].tolist())

    def codes_of(found: set[int]) -> tuple[str, ...]:
        return tuple(sorted({network.codes[int(network.lines.owner[edges.line[edge]])] for edge in found}))

    rows = []
    for node, found in inflows.items():
        if len(found) > 1 and (node in outflows or node in gap_starts):
            lon, lat = network.nodes[node].tolist()
            rows.append((-lat, lon, codes_of(found), codes_of(outflows.get(node, set()))))
    rows.sort()
    return gpd.GeoDataFrame(
        {"inflows": [row[2] for row in rows], "outflows": [row[3] for row in rows]},
        geometry=[shapely.Point(row[1], -row[0]) for row in rows],
        crs=4490,
    )


# ------------------------------------------------------------------------------------- reading the frames


def _read_rivers(rivers: gpd.GeoDataFrame, settings: NetworkSettings) -> Rivers:
    require_columns(rivers, "rivers", _RIVER_COLUMNS)
    require_cgcs2000(rivers.crs, "rivers")
    codes = read_texts(rivers, "code")
    seen: set[str] = set()
    for code in codes:
        if code is None or code in seen:
            raise FrameValueError("rivers", "code", code)
        seen.add(code)
    geometry = np.asarray(rivers.geometry.array, dtype=object)
    kinds = shapely.get_type_id(geometry)
    if (wrong := ~np.isin(kinds, (-1, 1, 2, 5))).any():
        raise FrameValueError("rivers", "geometry", geometry[int(np.argmax(wrong))].geom_type)
    low, likely, high = (_numbers(rivers, "rivers", f"velocity_{name}m_s") for name in ("low_", "", "high_"))
    return Rivers(
        codes=tuple(code for code in codes if code is not None),
        names=tuple(read_texts(rivers, "name")),
        downstream=tuple(read_texts(rivers, "downstream_code")),
        velocities=tuple(
            _velocity(*cells, settings.stated_spread) for cells in zip(low, likely, high, strict=True)
        ),
        geometry=geometry,
        lines=read_lines(geometry, np.arange(len(rivers), dtype=np.int64)),
    )


def _velocity(low: float | None, likely: float | None, high: float | None, spread: float) -> Velocity | None:
    """What a river states of its velocity; a bound that it does not state is a factor of `spread` away.

    Of two bounds alone the likely one is the geometric mean: travel times span factors, not sums.
    """
    if likely is None:
        if low is None or high is None:
            return None
        likely = math.sqrt(low * high)
    if not (low or likely) <= likely <= (high or likely):
        raise FrameValueError("rivers", "velocity_m_s", likely)
    return Velocity(low or likely / spread, likely, high or likely * spread)


def _read_lakes(lakes: gpd.GeoDataFrame | None) -> tuple[LakeArea, ...]:
    if lakes is None or not len(lakes):
        return ()
    column = "code" if "code" in lakes else "water_body_code"
    require_columns(lakes, "lakes", frozenset({column, "geometry"}))
    require_cgcs2000(lakes.crs, "lakes")
    codes, names = read_texts(lakes, column), read_texts(lakes, "name")
    residences = _numbers(lakes, "lakes", "residence_hours")
    parts: dict[str, list[shapely.Geometry]] = {}
    about: dict[str, tuple[str | None, float | None]] = {}
    for code, name, hours, geometry in zip(codes, names, residences, lakes.geometry, strict=True):
        if code is None:
            raise FrameValueError("lakes", "code", None)
        if geometry is None or geometry.is_empty:
            continue
        if geometry.geom_type not in ("Polygon", "MultiPolygon"):
            raise FrameValueError("lakes", "geometry", geometry.geom_type)
        parts.setdefault(code, []).append(shapely.make_valid(shapely.force_2d(geometry)))
        about.setdefault(code, (name, hours))
    return tuple(
        LakeArea(code, about[code][0], shapely.union_all(parts[code]), about[code][1]) for code in parts
    )


def _numbers(frame: pd.DataFrame, name: str, column: str) -> list[float | None]:
    if column not in frame:
        return [None] * len(frame)
    numbers = [None if pd.isna(cell) else float(cell) for cell in frame[column].tolist()]
    for number in numbers:
        if number is not None and not 0 < number < math.inf:
            raise FrameValueError(name, column, number)
    return numbers
