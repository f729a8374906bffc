"""Places on the river network: sections, outfalls, ponds, sources, parks, and spills.

A place is put on the river that it names, or else on the nearest one; how far that is, and how sure, stays
with it. The rules, in this order (`reason` in the answer):

1. ``not_located``: no coordinates. ``beyond_tolerance``: no water within `snap_m`. Neither is placed.
2. ``named_river``: the place names a river or a lake (code or name) that passes within `snap_m`. It counts
   even where another is nearer: who wrote down the receiving water knew more than a map. High within
   `near_m`, else low (``named_river_far``).
3. ``in_lake``: it names none, and lies in a lake: high.
4. ``at_confluence``: the nearest place on the network is where rivers meet: it belongs to the river that
   leaves the confluence.
5. ``ambiguous``: another river is nearly as near (`rival_factor`, `rival_m`): the nearest one, low; of two
   equally near ones that with the smaller code.
6. ``nearest``: high within `near_m`; ``far`` beyond: low.
7. A name that fits no water of the network (``name_unknown``), or one that is out of reach
   (``named_river_elsewhere``): as 3 to 6, but low: the real receiving water may be a ditch that is not drawn.

Names fit when they are equal without blanks, brackets and width; where no name is equal, when one begins with
the other. Names are not looked at when no river of the network has one.
"""

import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial.errors import CoordinateRangeError, PlaceNotFoundError
from spatial.geodesy import require_cgcs2000
from spatial.network_graph import Edge, RiverNetwork
from spatial.network_lines import (
    Feet,
    Ints,
    draw_boxes,
    find_feet,
    find_nearest_pair,
    read_texts,
    require_columns,
)

Confidence = Literal["high", "low", "none"]

HINTS = ("river_code", "water_body_code", "river", "receiving_water")
"""Columns that name the water of a place, the most telling first; each a code or a name."""

_TEXTS = ("kind", "code", "name", "river_code", "lake_code", "confidence", "reason", "other_river")
_NUMBERS = ("river_km", "distance_m", "lon", "lat", "line_km")
_PLACE_COLUMNS = frozenset({"code", "geometry"})
_DECIMALS_KM = 6
_DECIMALS_DEG = 9
_TOUCH_M = 1.0


@dataclass(frozen=True, slots=True)
class Position:
    """Where a place is on the network.

    `river_km` counts from the mouth of its river; `lon` and `lat` are the place on the network, `distance_m`
    metres away from the place itself. In a lake, `lake` is its row (-1 elsewhere) and `lon`, `lat` the place
    itself, or the lake's nearest shore. `line` is -1 without a river.
    """

    kind: str
    code: str
    river_code: str | None
    lake_code: str | None
    river_km: float | None
    distance_m: float | None
    lon: float | None
    lat: float | None
    confidence: Confidence
    reason: str
    other_river: str | None = None
    line: int = -1
    line_km: float = 0.0
    lake: int = -1

    @property
    def placed(self) -> bool:
        """Whether it is on the network at all."""
        return self.line >= 0 or self.lake >= 0

    @property
    def point(self) -> tuple[float, float]:
        """Longitude and latitude on the network; NaN where it is not placed."""
        return (np.nan if self.lon is None else self.lon, np.nan if self.lat is None else self.lat)


def snap(network: RiverNetwork, places: gpd.GeoDataFrame) -> pd.DataFrame:
    """Put places on the network, by the rules of this module.

    Parameters
    ----------
    places : GeoDataFrame, one row per place, EPSG:4490 or 4326
        ``code`` and a geometry: a point, or a line or polygon, which counts with its nearest edge; missing
        or empty is not located. Optional: ``kind``, ``name``, ``discharges`` (codes of parameters, None for
        unknown), and what names its water (`HINTS`).

    Returns
    -------
    DataFrame, one row per place in the order given, index 0 … n-1
        ``kind``, ``code``, ``name``, ``discharges``; ``river_code``, ``lake_code``; ``river_km`` (from the
        mouth of that river), ``distance_m`` (geodesic, from the place to the network), ``lon``, ``lat`` (the
        place on the network); ``confidence`` (high, low, none), ``reason``, ``other_river`` (the rival where
        it is ambiguous); ``line``, ``line_km``, ``lake``: where it is inside the graph. NaN, None and -1
        where it is not placed.

    Raises
    ------
    FrameColumnsError, CrsError, CoordinateRangeError
        Nothing is reprojected here.
    """
    require_columns(places, "places", _PLACE_COLUMNS)
    require_cgcs2000(places.crs, "places")
    geometry = shapely.force_2d(np.asarray(places.geometry.array, dtype=object))
    located = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    located &= np.isfinite(shapely.bounds(geometry)).all(axis=1)
    kinds = [kind or "" for kind in read_texts(places, "kind")]
    codes = [code or "" for code in read_texts(places, "code")]
    _require_degrees(geometry, located, codes)
    hints = [read_texts(places, column) for column in HINTS]
    waters = _Waters(network)
    named_waters = [waters.read_hint([column[row] for column in hints]) for row in range(len(places))]
    candidates = _find_candidates(network, geometry, located, named_waters)
    positions = []
    for row, named in enumerate(named_waters):
        about = (kinds[row], codes[row])
        if not located[row]:
            positions.append(_nowhere(about, "not_located"))
        else:
            positions.append(_choose(network, about, candidates.get(row, ()), named))
    return _as_frame(places, positions)


def locate(network: RiverNetwork, lon: float, lat: float, *, river: str | None = None) -> Position:
    """Put one place, such as a spill, on the network; `river` (a code or a name) says which water it reached.

    Raises
    ------
    CoordinateRangeError
        Degrees beyond ±180 and ±90.
    """
    place = gpd.GeoDataFrame({"code": [""], "river": [river]}, geometry=[shapely.Point(lon, lat)], crs=4490)
    return read_position(snap(network, place).iloc[0].to_dict())


def position_of(snapped: pd.DataFrame, kind: str, code: str) -> Position:
    """Position of one place of a frame that `snap` gave.

    Raises
    ------
    PlaceNotFoundError
        The frame holds no such place.
    """
    rows = np.flatnonzero((snapped["kind"] == kind).to_numpy() & (snapped["code"] == code).to_numpy())
    if not len(rows):
        raise PlaceNotFoundError(kind, code)
    return read_position(snapped.iloc[int(rows[0])].to_dict())


def enter_areas(
    network: RiverNetwork,
    areas: gpd.GeoDataFrame,
    origin: Position,
    *,
    direction: Literal["upstream", "downstream"] = "downstream",
) -> pd.DataFrame:
    """Find where rivers enter areas, such as regions, on the way from an origin.

    Parameters
    ----------
    areas : GeoDataFrame, EPSG:4490 or 4326
        ``code``, polygons; optional ``kind`` (default ``region``), ``name``.
    origin
        An area that it lies in is entered there.
    direction
        Going downstream a river enters an area where it flows in; going upstream, where it flows out.

    Returns
    -------
    DataFrame
        As `snap` gives it, with as many rows per area as there are entries; put it under the places of a
        trace, which keeps the first arrival. Lakes are entered where the rivers around them are.
    """
    require_columns(areas, "areas", _PLACE_COLUMNS)
    require_cgcs2000(areas.crs, "areas")
    kinds, codes = read_texts(areas, "kind"), read_texts(areas, "code")
    rows: list[int] = []
    positions: list[Position] = []
    for row, area in enumerate(np.asarray(areas.geometry.array, dtype=object)):
        if area is None or area.is_empty:
            continue
        readable = shapely.make_valid(area)
        shapely.prepare(readable)
        about = (kinds[row] or "region", codes[row] or "")
        found = _entries(network, readable, about, downstream=direction == "downstream")
        if origin.placed and shapely.covers(readable, shapely.Point(origin.point)):
            found.append(_moved(origin, about))
        positions += found
        rows += [row] * len(found)
    return _as_frame(areas.iloc[rows].assign(discharges=None), positions)


# -------------------------------------------------------------------------------------- names of the water


@dataclass(frozen=True, slots=True)
class _Named:
    """What a hint names: rivers and lakes (rows); `unknown` where it names nothing of this network."""

    rivers: frozenset[int] = frozenset()
    lakes: frozenset[int] = frozenset()
    unknown: bool = False

    @property
    def known(self) -> bool:
        return bool(self.rivers or self.lakes)


class _Waters:
    """Codes and names of rivers and lakes."""

    def __init__(self, network: RiverNetwork) -> None:
        self.codes: dict[str, tuple[set[int], set[int]]] = {}
        self.names: dict[str, tuple[set[int], set[int]]] = {}
        for row, (code, name) in enumerate(zip(network.codes, network.names, strict=True)):
            self.codes.setdefault(code, (set(), set()))[0].add(row)
            if name:
                self.names.setdefault(_plain(name), (set(), set()))[0].add(row)
        for row, lake in enumerate(network.lakes):
            self.codes.setdefault(lake.code, (set(), set()))[1].add(row)
            if lake.name:
                self.names.setdefault(_plain(lake.name), (set(), set()))[1].add(row)
        self.seen: dict[str, _Named] = {}

    def read_hint(self, cells: list[str | None]) -> _Named:
        """The first cell that names a water of this network decides."""
        answer = _Named()
        for cell in cells:
            if cell is None:
                continue
            if cell not in self.seen:
                self.seen[cell] = self._look_up(cell)
            if self.seen[cell].known:
                return self.seen[cell]
            answer = self.seen[cell]
        return answer

    def _look_up(self, text: str) -> _Named:
        if text in self.codes:
            found_rivers, found_lakes = self.codes[text]
            return _Named(frozenset(found_rivers), frozenset(found_lakes))
        if not self.names:
            return _Named()
        plain = _plain(text)
        fitting = [self.names[plain]] if plain in self.names else []
        if not fitting and plain:
            fitting = [
                found
                for name, found in self.names.items()
                if name.startswith(plain) or plain.startswith(name)
            ]
        rivers = frozenset(row for found in fitting for row in found[0])
        lakes = frozenset(row for found in fitting for row in found[1])
        return _Named(rivers, lakes, unknown=not fitting)


def _plain(name: str) -> str:
    return re.sub(r"[\s()\[\]]", "", unicodedata.normalize("NFKC", name)).casefold()


# ------------------------------------------------------------------------------------------------ choosing


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A river or a lake near a place."""

    distance_m: float
    code: str
    river: int  # -1 for a lake
    lake: int  # -1 for a river
    line: int
    km: float
    lon: float
    lat: float


def _find_candidates(
    network: RiverNetwork, geometry: Any, located: Any, named: Sequence[_Named]
) -> dict[int, tuple[_Candidate, ...]]:
    """Rivers (each on its nearest line) and lakes near places, by distance and code.

    First as far as rivals of a sure place may be; those that nothing is surely near, or whose named river is
    not among what was found, are looked at again, as far as anything counts.
    """
    is_point = located & (shapely.get_type_id(geometry) == 0)
    settings = network.settings
    within_m = settings.snap_m
    sure_m = min(within_m, settings.rival_factor * settings.near_m + settings.rival_m)
    found: dict[int, list[_Candidate]] = {}
    _find_near_points(network, geometry, np.flatnonzero(is_point), sure_m, found)
    if sure_m < within_m:
        again = [
            row
            for row in np.flatnonzero(is_point).tolist()
            if not any(one.distance_m <= settings.near_m for one in found.get(row, ()))
            or (named[row].rivers and not any(one.river in named[row].rivers for one in found[row]))
        ]
        for row in again:
            found.pop(row, None)
        _find_near_points(network, geometry, np.array(again, dtype=np.int64), within_m, found)
    for row in np.flatnonzero(located & ~is_point).tolist():
        shape = geometry[row]
        west, south, east, north = shapely.bounds(shape)
        corners = shapely.bounds(draw_boxes(np.array([[west, south], [east, north]]), within_m))
        box = shapely.box(*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))
        for line in network.lines.tree.query(box).tolist():
            _, foot, metres = find_nearest_pair(shape, network.lines.geometry[line])
            if metres <= within_m:
                feet = find_feet(network.lines, np.array([foot]), 1.0)
                on_line = feet.take(feet.line == line)
                _add_feet(network, on_line, [row], found, metres)
    _add_lakes(network, geometry, located, found)
    chosen = {}
    for row, candidates in found.items():
        candidates.sort(key=lambda one: (round(one.distance_m, 3), one.code, one.line))
        seen: set[tuple[int, int]] = set()
        kept = []
        for one in candidates:
            if (one.river, one.lake) not in seen:
                seen.add((one.river, one.lake))
                kept.append(one)
        chosen[row] = tuple(kept)
    return chosen


def _find_near_points(
    network: RiverNetwork, geometry: Any, rows: Ints, within_m: float, found: dict[int, list[_Candidate]]
) -> None:
    points = np.stack([shapely.get_x(geometry[rows]), shapely.get_y(geometry[rows])], axis=1)
    _add_feet(network, find_feet(network.lines, points, within_m), rows.tolist(), found, None)


def _add_feet(
    network: RiverNetwork,
    feet: Feet,
    rows: list[int],
    found: dict[int, list[_Candidate]],
    metres: float | None,
) -> None:
    cells = zip(
        feet.point.tolist(),
        feet.line.tolist(),
        feet.km.tolist(),
        feet.lon.tolist(),
        feet.lat.tolist(),
        feet.distance_m.tolist(),
        strict=True,
    )
    owners = network.lines.owner.tolist()
    for point, line, km, lon, lat, distance_m in cells:
        river = owners[line]
        away = distance_m if metres is None else metres
        one = _Candidate(away, network.codes[river], river, -1, line, km, lon, lat)
        found.setdefault(rows[point], []).append(one)


def _add_lakes(
    network: RiverNetwork, geometry: Any, located: Any, found: dict[int, list[_Candidate]]
) -> None:
    rows = np.flatnonzero(located)
    if not network.lakes or not len(rows):
        return
    bounds = shapely.bounds(geometry[rows])
    within_m = network.settings.snap_m
    low, high = draw_boxes(bounds[:, :2], within_m), draw_boxes(bounds[:, 2:], within_m)
    boxes = shapely.box(
        *shapely.bounds(low)[:, :2].T, *np.maximum(shapely.bounds(high)[:, 2:], shapely.bounds(low)[:, 2:]).T
    )
    for number, lake in enumerate(network.lakes):
        shapely.prepare(lake.geometry)
        for row in rows[shapely.intersects(lake.geometry, boxes)].tolist():
            shape = geometry[row]
            if shapely.intersects(lake.geometry, shape):
                here = shapely.get_coordinates(
                    shapely.point_on_surface(shapely.intersection(lake.geometry, shape))
                )
                (lon, lat), metres = here[0].tolist(), 0.0
            else:
                _, (lon, lat), metres = find_nearest_pair(shape, lake.geometry)
            if metres <= within_m:
                one = _Candidate(metres, lake.code, -1, number, -1, 0.0, lon, lat)
                found.setdefault(row, []).append(one)


def _choose(
    network: RiverNetwork, about: tuple[str, str], candidates: tuple[_Candidate, ...], named: _Named
) -> Position:
    settings = network.settings
    if not candidates:
        return _nowhere(about, "beyond_tolerance")
    for one in candidates:
        if one.river in named.rivers or one.lake in named.lakes:
            near = one.distance_m <= settings.near_m
            return _place(
                network, about, one, "high" if near else "low", "named_river" if near else "named_river_far"
            )
    doubt = "named_river_elsewhere" if named.known else "name_unknown" if named.unknown else None

    def answer(one: _Candidate, confidence: Confidence, reason: str, other: str | None = None) -> Position:
        sure = confidence if doubt is None else "low"
        return _place(network, about, one, sure, doubt or reason, other)

    first = candidates[0]
    for one in candidates:
        if one.lake >= 0 and one.distance_m == 0:
            return answer(one, "high", "in_lake")
    near = first.distance_m <= settings.near_m
    if first.lake >= 0:
        return answer(first, "high" if near else "low", "nearest" if near else "far")
    node = _node_at(network, first.line, first.km, _TOUCH_M)
    rivals = [
        one
        for one in candidates[1:]
        if one.river >= 0 and one.distance_m <= settings.rival_factor * first.distance_m + settings.rival_m
    ]
    real = [one for one in rivals if not _continues(network, first, one)]
    meeting = {one.river for one in rivals if node >= 0 and _node_at(network, one.line, one.km) == node}
    if node >= 0 and meeting and all(one.river in meeting for one in real):
        return answer(
            _leave_node(network, node, first), "high" if near else "low", "at_confluence" if near else "far"
        )
    if real:
        return answer(first, "low", "ambiguous", real[0].code)
    return answer(first, "high" if near else "low", "nearest" if near else "far")


def _node_at(network: RiverNetwork, line: int, km: float, within_m: float | None = None) -> int:
    """Node of a line nearest to a kilometre, within the tolerance; -1 where there is none."""
    low, high = int(network.first_edge[line]), int(network.first_edge[line + 1])
    edges = network.edges
    nodes = [*edges.start[low:high].tolist(), int(edges.end[high - 1])]
    at = [*edges.start_km[low:high].tolist(), float(edges.end_km[high - 1])]
    apart = [abs(one - km) for one in at]
    best = int(np.argmin(apart))
    return nodes[best] if apart[best] * 1000 <= (within_m or network.settings.tolerance_m) else -1


def _continues(network: RiverNetwork, first: _Candidate, other: _Candidate) -> bool:
    """Whether a rival is near only because it joins the first river there: its foot is their common node."""
    node = _node_at(network, other.line, other.km)
    if node < 0:
        return False
    low, high = int(network.first_edge[first.line]), int(network.first_edge[first.line + 1])
    edges = network.edges
    return bool((edges.start[low:high] == node).any()) or int(edges.end[high - 1]) == node


def _leave_node(network: RiverNetwork, node: int, first: _Candidate) -> _Candidate:
    """The place at the start of the river that leaves a node, its own river first, then the smallest code."""
    edges, lines = network.edges, network.lines
    leaving = np.flatnonzero((edges.start == node) & (edges.kind == Edge.REACH)).tolist()
    if not leaving:
        return first

    def order(edge: int) -> tuple[bool, str, int]:
        owner = int(lines.owner[edges.line[edge]])
        return owner != first.river, network.codes[owner], edge

    edge = min(leaving, key=order)
    line, km = int(edges.line[edge]), float(edges.start_km[edge])
    owner = int(lines.owner[line])
    lon, lat = lines.place_at(line, km)
    return _Candidate(first.distance_m, network.codes[owner], owner, -1, line, km, lon, lat)


# ------------------------------------------------------------------------------------------------- answers


def _nowhere(about: tuple[str, str], reason: str) -> Position:
    return Position(*about, None, None, None, None, None, None, "none", reason)


def _place(
    network: RiverNetwork,
    about: tuple[str, str],
    one: _Candidate,
    confidence: Confidence,
    reason: str,
    other: str | None = None,
) -> Position:
    lake, lake_code, river_km = one.lake, None, None
    if one.line >= 0:
        river_km = round(network.river_km(one.line, one.km), _DECIMALS_KM)
        edge = network.edge_at(one.line, one.km)
        if network.edges.kind[edge] == Edge.INSIDE:
            lake = int(network.edges.lake[edge])
    if lake >= 0:
        lake_code = network.lakes[lake].code
    return Position(
        *about,
        river_code=network.codes[one.river] if one.river >= 0 else None,
        lake_code=lake_code,
        river_km=river_km,
        distance_m=one.distance_m,
        lon=round(one.lon, _DECIMALS_DEG),
        lat=round(one.lat, _DECIMALS_DEG),
        confidence=confidence,
        reason=reason,
        other_river=other,
        line=one.line,
        line_km=one.km,
        lake=lake,
    )


def _moved(origin: Position, about: tuple[str, str]) -> Position:
    return Position(
        *about,
        river_code=origin.river_code,
        lake_code=origin.lake_code,
        river_km=origin.river_km,
        distance_m=0.0,
        lon=origin.lon,
        lat=origin.lat,
        confidence="high",
        reason="enters",
        line=origin.line,
        line_km=origin.line_km,
        lake=origin.lake,
    )


def _entries(
    network: RiverNetwork, area: shapely.Geometry, about: tuple[str, str], *, downstream: bool
) -> list[Position]:
    """Places at which lines enter an area, and starts of lines (ends, going upstream) inside it."""
    lines = network.lines
    edge_of_area = shapely.boundary(area)
    found = []
    for line in sorted(lines.tree.query(area, predicate="intersects").tolist()):
        length_km = float(lines.length_km[line])
        crossing = shapely.get_coordinates(shapely.intersection(lines.geometry[line], edge_of_area))
        at = np.unique(np.concatenate([[0.0, length_km], lines.kilometres_at(line, crossing)])).tolist()
        middles = [(low + high) / 2 for low, high in itertools.pairwise(at)]
        inside = [shapely.covers(area, shapely.Point(lines.place_at(line, km))) for km in middles]
        for span, within in enumerate(inside):
            before = (
                (span > 0 and inside[span - 1])
                if downstream
                else (span + 1 < len(inside) and inside[span + 1])
            )
            if within and not before:
                km = at[span] if downstream else at[span + 1]
                lon, lat = lines.place_at(line, km)
                owner = int(lines.owner[line])
                one = _Candidate(0.0, network.codes[owner], owner, -1, line, km, lon, lat)
                found.append(_place(network, about, one, "high", "enters"))
    return found


def _as_frame(places: pd.DataFrame, positions: list[Position]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        name: pd.Series([getattr(one, name) for one in positions], dtype=object)
        for name in _TEXTS
        if name != "name"
    }
    columns |= {
        name: np.array(
            [np.nan if (cell := getattr(one, name)) is None else cell for one in positions], dtype=float
        )
        for name in _NUMBERS
    }
    columns |= {
        name: np.array([getattr(one, name) for one in positions], dtype=np.int64) for name in ("line", "lake")
    }
    columns["name"] = pd.Series(read_texts(places, "name"), dtype=object)
    given = places["discharges"].tolist() if "discharges" in places else [None] * len(places)
    columns["discharges"] = pd.Series([_read_discharges(cell) for cell in given], dtype=object)
    order = (
        "kind",
        "code",
        "name",
        "discharges",
        "river_code",
        "lake_code",
        "river_km",
        "distance_m",
        "lon",
        "lat",
    )
    return pd.DataFrame(columns)[[*order, "confidence", "reason", "other_river", "line", "line_km", "lake"]]


def _read_discharges(cell: Any) -> tuple[str, ...] | None:
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return None
    return tuple(str(code) for code in cell)


def read_position(row: Mapping[Any, Any]) -> Position:
    """Position of one row (as a mapping) of a frame that `snap` gave."""

    def number(name: str) -> float | None:
        return None if np.isnan(row[name]) else float(row[name])

    return Position(
        kind=row["kind"],
        code=row["code"],
        river_code=row["river_code"],
        lake_code=row["lake_code"],
        river_km=number("river_km"),
        distance_m=number("distance_m"),
        lon=number("lon"),
        lat=number("lat"),
        confidence=row["confidence"],
        reason=row["reason"],
        other_river=row["other_river"],
        line=int(row["line"]),
        line_km=float(row["line_km"]),
        lake=int(row["lake"]),
    )


def _require_degrees(geometry: Any, located: Any, codes: list[str]) -> None:
    west, south, east, north = shapely.bounds(geometry).T
    fine = ~located | ((west >= -180) & (east <= 180) & (south >= -90) & (north <= 90))
    if not fine.all():
        row = int(np.argmin(fine))
        lon, lat = shapely.get_coordinates(geometry[row])[0].tolist()
        raise CoordinateRangeError(f"place {codes[row]!r}", lon, lat)
