"""Along the river: what lies upstream of a place, what lies downstream, how far, and how long water takes.

A trace follows the way that water flows, or the other way round. What it meets is given with the kilometres
along the shortest way, the rivers on that way, and hours: likely by the likely velocity of every river on it,
earliest by the fastest, latest by the slowest. Where several ways lead (braids, lakes with several outlets,
loops) the shortest one is reported and the item says so; the earliest hours are then those of the fastest of
all ways whose hours are known. Dilution, decay and mixing are not attempted.

Being upstream is exactly the inverse of being downstream: A is upstream of B if and only if B is downstream
of A, at the same kilometre. Two places at the same spot are both; so are two places in the same lake, which
is one node: water in it mixes. Loops end a trace, they never hang it.

A place at a joint stands at the joint: above it is all that enters, below it all that leaves. Only the very
end of a line is still the line itself: a section at the mouth of a tributary measures the tributary, and not
what the river that it joins brings along.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from spatial.errors import QuantityError
from spatial.geodesy import measure_geodesics
from spatial.network_graph import Edge, RiverNetwork, Velocity
from spatial.network_places import Position, read_position
from spatial.network_problems import find_parts

Direction = Literal["upstream", "downstream"]

_DECIMALS_KM = 6
_DECIMALS_HOURS = 6
_JOINT_KM = 1e-6
_LEAST_KM = 1e-5
_UNKNOWN = (np.nan, np.nan, np.nan)
Hours = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TraceItem:
    """Something that a trace meets.

    `river_km` is the way along the river between origin and item; `via` are the rivers on it, from the
    origin's to the item's, and `lakes` the lakes that it passes or ends in. `travel_hours` (likely),
    `earliest_hours` and `latest_hours` are None where the way passes a lake of which nothing is known;
    `travel_reason` says so. `lon` and `lat` are where it was put on the river; `distance_m`, `confidence` and
    `reason` tell how.
    """

    kind: str
    code: str
    name: str | None
    river_km: float
    via: tuple[str, ...]
    travel_hours: float | None
    earliest_hours: float | None
    latest_hours: float | None
    travel_reason: str | None
    several_paths: bool
    river_code: str | None
    lake_code: str | None
    lakes: tuple[str, ...]
    distance_m: float
    confidence: str
    reason: str
    discharges: tuple[str, ...] | None
    lon: float | None = None
    lat: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The item as `trace … --format json` prints it."""
        return {
            "kind": self.kind,
            "code": self.code,
            "name": self.name,
            "river_km": round(self.river_km, 3),
            "via": list(self.via),
            "travel_hours": _short(self.travel_hours),
            "earliest_hours": _short(self.earliest_hours),
            "latest_hours": _short(self.latest_hours),
            "travel_reason": self.travel_reason,
            "several_paths": self.several_paths,
            "river_code": self.river_code,
            "lake_code": self.lake_code,
            "lakes": list(self.lakes),
            "distance_m": round(self.distance_m, 1),
            "confidence": self.confidence,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """What lies upstream or downstream of a place, ordered by river kilometre, kind, code.

    `unplaced` are places that are not on the network at all (kind, code, reason): nobody knows whether the
    trace should have met them.
    """

    origin: Position
    direction: Direction
    max_km: float | None
    velocity: Velocity | None
    items: tuple[TraceItem, ...]
    unplaced: tuple[tuple[str, str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """The shape that `trace … --format json` prints."""
        origin = self.origin
        return {
            "origin": {
                "kind": origin.kind,
                "code": origin.code,
                "river_code": origin.river_code,
                "lake_code": origin.lake_code,
                "river_km": origin.river_km if origin.river_km is None else round(origin.river_km, 3),
                "lon": origin.lon,
                "lat": origin.lat,
                "distance_m": origin.distance_m if origin.distance_m is None else round(origin.distance_m, 1),
                "confidence": origin.confidence,
                "reason": origin.reason,
            },
            "direction": self.direction,
            "max_km": self.max_km,
            "items": [item.as_json() for item in self.items],
            "unplaced": [
                {"kind": kind, "code": code, "reason": reason} for kind, code, reason in self.unplaced
            ],
        }


def trace_upstream(
    network: RiverNetwork,
    origin: Position,
    places: pd.DataFrame,
    *,
    max_km: float | None = None,
    velocity: Velocity | None = None,
) -> Trace:
    """Everything from which water comes to a place.

    Parameters
    ----------
    origin
        From `locate` or `position_of`; the place of the same kind and code is left out. One that is not
        placed meets nothing: look at its `confidence` and `reason` first.
    places : DataFrame
        As `snap` gave it, on the same network; rows of one kind and code count once, at their first arrival.
    max_km
        Farthest kilometre along the river, included; None to the springs.
    velocity
        Taken on every river instead of what it states; not in lakes.

    Raises
    ------
    QuantityError
        `max_km` is not above 0.
    """
    return _trace(network, origin, places, "upstream", max_km, velocity)


def trace_downstream(
    network: RiverNetwork,
    origin: Position,
    places: pd.DataFrame,
    *,
    max_km: float | None = None,
    velocity: Velocity | None = None,
) -> Trace:
    """Everything that water from a place comes to; the rest as `trace_upstream`."""
    return _trace(network, origin, places, "downstream", max_km, velocity)


def trace_many(
    network: RiverNetwork,
    origins: pd.DataFrame,
    places: pd.DataFrame,
    *,
    direction: Direction = "downstream",
    max_km: float | None = None,
    velocity: Velocity | None = None,
) -> pd.DataFrame:
    """Trace from many places at once: the same items as one by one, without the rivers on the way.

    Parameters
    ----------
    origins, places : DataFrame
        As `snap` gave them, on this network. Origins that are not placed meet nothing.

    Returns
    -------
    DataFrame, one row per origin and place that it meets
        ``origin_kind``, ``origin_code``, ``kind``, ``code``, ``river_km``, ``travel_hours``,
        ``earliest_hours``, ``latest_hours`` (NaN for unknown), ``several_paths``; in the order of the
        origins, then by kilometre, kind, code.
    """
    tracer = _Tracer(network, places, direction, max_km, velocity)
    kinds, codes = origins["kind"].to_numpy(dtype=object), origins["code"].to_numpy(dtype=object)
    found = tracer.meet_all([read_position(row) for row in origins.to_dict("records")])
    met_kinds = np.array([kind for kind, _ in tracer.labels], dtype=object)
    met_codes = np.array([code for _, code in tracer.labels], dtype=object)
    return pd.DataFrame(
        {
            "origin_kind": kinds[found.origin],
            "origin_code": codes[found.origin],
            "kind": met_kinds[found.place],
            "code": met_codes[found.place],
            "river_km": found.km,
            "travel_hours": found.hours[:, 1],
            "earliest_hours": found.hours[:, 0],
            "latest_hours": found.hours[:, 2],
            "several_paths": found.several,
        }
    )


def trace_lines(network: RiverNetwork, trace: Trace) -> gpd.GeoDataFrame:
    """The stretches of river that a trace passes, for a map.

    Returns
    -------
    GeoDataFrame, EPSG:4490, ordered by kilometre and river
        ``river_code``, ``km_from`` and ``km_to`` (from the origin; the nearer end first), ``hours_from`` and
        ``hours_to`` (likely; NaN for unknown), geometry (line, drawn downstream).
    """
    tracer = _Tracer(network, pd.DataFrame(), trace.direction, trace.max_km, trace.velocity)
    rows = [
        (*span, shapely.linestrings(network.lines.cut_between(line, low, high)))
        for span, line, low, high in tracer.passed(trace.origin)
    ]
    rows.sort(key=lambda row: (row[1], row[0], row[2]))
    names = ("river_code", "km_from", "km_to", "hours_from", "hours_to")
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    return gpd.GeoDataFrame(columns, geometry=[row[5] for row in rows], crs=4490)


# ------------------------------------------------------------------------------------------------ suspects


@dataclass(frozen=True, slots=True)
class Suspect:
    """A possible source of an exceedance: its rank (1 first), why, and the parameters that it lists."""

    item: TraceItem
    rank: int
    reason: str
    matched: tuple[str, ...]


_SUSPICION = ("lists_parameter", "discharges_unknown", "does_not_list", "removed")


def rank_suspects(
    items: Iterable[TraceItem],
    parameters: Sequence[str],
    *,
    removed: AbstractSet[tuple[str, str]] = frozenset(),
) -> list[Suspect]:
    """Order what lies upstream of an exceeding section by what it is known to discharge, then by distance.

    First those whose discharge list holds an exceeding parameter, then those of which the list is not known,
    then those whose list holds none, last those of `removed` (kind, code): gone before the exceedance, and a
    suspect only if the removal is not true. Within each group the nearest along the river comes first, then
    by kind and code. Lexicographic on purpose: a list is a fact on a permit and distance is a fact on a map,
    but how much one outweighs the other would need a decay rate that nobody has measured; so no score mixes
    them, and who disputes the order can check each step. An unknown list comes before one that excludes the
    parameter, because what is not known is not cleared.

    The reason is ``lists_parameter``, ``discharges_unknown``, ``does_not_list`` or ``removed``.
    """
    wanted = tuple(dict.fromkeys(parameters))
    found = []
    for item in items:
        matched = tuple(code for code in wanted if item.discharges is not None and code in item.discharges)
        place = 1 if item.discharges is None else 0 if matched else 2
        if (item.kind, item.code) in removed:
            place = 3
        found.append((place, item.river_km, item.kind, item.code, matched, item))
    found.sort(key=lambda one: one[:4])
    return [
        Suspect(item, rank, _SUSPICION[place], matched)
        for rank, (place, _, _, _, matched, item) in enumerate(found, start=1)
    ]


# ----------------------------------------------------------------------------------------------- searching


@dataclass(frozen=True, slots=True)
class _Met:
    """A place that a trace meets: its row, the way to it, and the node after which it stands (-1: none)."""

    place: int
    km: float
    hours: Hours
    several: bool
    node: int
    river: int
    lake: int


@dataclass(frozen=True, slots=True)
class _AllMet:
    """What many traces meet, as arrays of one length."""

    origin: NDArray[np.int64]
    place: NDArray[np.int64]
    km: NDArray[np.float64]
    hours: NDArray[np.float64]  # (n, 3)
    several: NDArray[np.bool_]

    @classmethod
    def of(cls, origin: int, met: Sequence[_Met]) -> "_AllMet":
        """One origin's, in the order given."""
        return cls(
            np.full(len(met), origin, dtype=np.int64),
            np.array([one.place for one in met], dtype=np.int64),
            np.array([one.km for one in met], dtype=np.float64),
            np.array([one.hours for one in met], dtype=np.float64).reshape(-1, 3),
            np.array([one.several for one in met], dtype=np.bool_),
        )

    def moved(self, origin: int, km: float, hours: Hours) -> "_AllMet":
        """The same for an origin that lies farther away."""
        origins = np.full(len(self.place), origin, dtype=np.int64)
        return _AllMet(origins, self.place, self.km + km, self.hours + np.array(hours), self.several)

    def take(self, which: NDArray[Any]) -> "_AllMet":
        """Some of them."""
        return _AllMet(*(getattr(self, name)[which] for name in self.__slots__))


@dataclass(slots=True)
class _Search:
    """Shortest ways from a node, or from the outlets of a lake."""

    km: dict[int, float] = field(default_factory=dict)  # in the order in which nodes are reached
    hours: dict[int, Hours] = field(default_factory=dict)
    parent: dict[int, int] = field(default_factory=dict)  # node → edge by which it is reached, -1 at a start
    several: set[int] = field(default_factory=set)
    earliest: dict[int, float] = field(default_factory=dict)  # only where it is not that of the shortest way


class _Tracer:
    """One direction of a network, with places on it, ready for many origins."""

    def __init__(
        self,
        network: RiverNetwork,
        places: pd.DataFrame,
        direction: Direction,
        max_km: float | None,
        velocity: Velocity | None,
    ) -> None:
        if max_km is not None and not max_km > 0:
            raise QuantityError("max_km", max_km)
        self.network = network
        self.down = direction == "downstream"
        self.max_km = np.inf if max_km is None else round(max_km, _DECIMALS_KM)
        edges = network.edges
        tail, head = (edges.start, edges.end) if self.down else (edges.end, edges.start)
        self.tail: list[int] = tail.tolist()
        self.head: list[int] = head.tolist()
        self.length: list[float] = edges.length_km.tolist()
        self.hours = _edge_hours(network, velocity)
        self.out: dict[int, list[int]] = defaultdict(list)
        for edge in np.flatnonzero(edges.kind != Edge.INSIDE).tolist():
            self.out[self.tail[edge]].append(edge)
        self.lake_speed = network.settings.lake_velocity
        self._place_all(places)

    def _place_all(self, places: pd.DataFrame) -> None:
        self.labels: list[tuple[str, str]] = []
        self.positions: list[Position] = []
        self.on_edge: dict[int, list[tuple[float, int]]] = defaultdict(list)
        self.on_node: dict[int, list[int]] = defaultdict(list)
        self.in_lake: dict[int, list[int]] = defaultdict(list)
        self.after_node: set[int] = set()
        if not len(places):
            return
        for row, cells in enumerate(places.to_dict("records")):
            position = read_position(cells)
            self.positions.append(position)
            self.labels.append((position.kind, position.code))
            if position.lake >= 0:
                self.in_lake[position.lake].append(row)
            elif position.line >= 0:
                edge, offset, node = self.spot(position)
                if node >= 0:
                    self.on_node[node].append(row)
                else:
                    self.on_edge[edge].append((offset, row))
        self.after_node = {*self.on_node, *(self.tail[edge] for edge in self.on_edge)}

    def spot(self, position: Position) -> tuple[int, float, int]:
        """Edge of a position, kilometres from its tail (in the direction of the trace), and the joint.

        The joint is -1 where the position is at none; then, and only then, edge and kilometres count.
        """
        edges = self.network.edges
        edge = self.network.edge_at(position.line, position.line_km)
        low, high = float(edges.start_km[edge]), float(edges.end_km[edge])
        if position.line_km - low <= _JOINT_KM:
            return edge, 0.0, int(edges.start[edge])
        last = edge + 1 == int(self.network.first_edge[position.line + 1])
        if high - position.line_km <= _JOINT_KM and not last:
            return edge, 0.0, int(edges.end[edge])
        offset = position.line_km - low if self.down else high - position.line_km
        return edge, min(max(offset, 0.0), self.length[edge]), -1

    def leave(self, origin: Position) -> tuple[int, float, Hours, tuple[int, float] | None]:
        """Node at which a trace enters the graph, the way there, and edge and offset where it starts."""
        edge, offset, node = self.spot(origin)
        if node >= 0:
            return node, 0.0, (0.0, 0.0, 0.0), None
        rest = self.length[edge] - offset
        return self.head[edge], rest, _scaled(self.hours[edge], rest, self.length[edge]), (edge, offset)

    # ------------------------------------------------------------------------------------------- the ways

    def search(self, starts: Sequence[tuple[int, float, Hours]]) -> _Search:
        """Shortest ways from nodes at which the trace arrives after some kilometres and hours."""
        found = _Search()
        heap = [(km, node, -1, hours) for node, km, hours in starts if km <= self.max_km]
        heapq.heapify(heap)
        limit = self.max_km + 10**-_DECIMALS_KM
        out, head, length, per_edge = self.out, self.head, self.length, self.hours
        reached = found.km
        meeting = False
        while heap:
            km, node, parent, hours = heapq.heappop(heap)
            if node in reached:
                meeting = True
                continue
            while True:
                reached[node] = km
                found.hours[node] = hours
                found.parent[node] = parent
                edges = out.get(node, ())
                if len(edges) != 1 or heap:
                    break
                # Nothing else waits and there is one way on: most of a river, going down.
                parent = edges[0]
                km += length[parent]
                node = head[parent]
                if node in reached or km > limit:
                    meeting = meeting or node in reached
                    edges = ()
                    break
                more = per_edge[parent]
                hours = (hours[0] + more[0], hours[1] + more[1], hours[2] + more[2])
            for edge in edges:
                far = km + length[edge]
                if head[edge] in reached:
                    meeting = True
                elif far <= limit:
                    more = per_edge[edge]
                    together = (hours[0] + more[0], hours[1] + more[1], hours[2] + more[2])
                    heapq.heappush(heap, (far, head[edge], edge, together))
        if meeting:
            self._mark_several(found, starts)
        return found

    def _mark_several(self, found: _Search, starts: Sequence[tuple[int, float, Hours]]) -> None:
        """Mark nodes that more than one way leads to; on those the earliest hours are of the fastest way.

        A node is reached in one way only if all nodes on that way, itself included, have one edge leading in.
        Edges that come back from beyond a node (every way to them leads through it) are no other way to it.
        """
        others: dict[int, list[int]] = defaultdict(
            list
        )  # edges into a node, besides that of the shortest way
        for node, km, _ in starts:
            if km <= self.max_km and found.parent.get(node, -1) >= 0:
                others[node].append(-1)
        out, head, length, parent = self.out, self.head, self.length, found.parent
        for node, km in found.km.items():
            for edge in out.get(node, ()):
                far = head[edge]
                if parent.get(far, edge) != edge and far != node and km + length[edge] <= self.max_km:
                    others[far].append(edge)
        if not others:
            return
        looping = any(self.on_loop[node] for node in others)
        above = _dominators(found, others, self.tail) if looping else None
        for node in found.km:
            real = others.get(node, ())
            if real and above is not None:
                real = [edge for edge in real if edge < 0 or not _leads_through(above, self.tail[edge], node)]
            before = parent[node]
            if real or (before >= 0 and self.tail[before] in found.several):
                found.several.add(node)
        self._hurry(found, [edge for edges in others.values() for edge in edges if edge >= 0])

    @cached_property
    def on_loop(self) -> list[bool]:
        """Per node, whether water that leaves it may come back."""
        edges = self.network.edges
        flowing = edges.kind != Edge.INSIDE
        part = find_parts(edges.start[flowing], edges.end[flowing], len(self.network.nodes), "strong")
        size = np.bincount(part, minlength=1)
        looped = size[part] > 1
        looped[edges.start[flowing & (edges.start == edges.end)]] = True
        return [bool(one) for one in looped]

    def _hurry(self, found: _Search, edges: list[int]) -> None:
        """Bring the earliest hours down to those of the fastest way; unknown hours stay unknown."""
        waiting = [self.tail[edge] for edge in edges]
        while waiting:
            node = waiting.pop()
            hours = found.earliest.get(node, found.hours[node][0])
            for edge in self.out[node]:
                far = self.head[edge]
                if far in found.km:
                    faster = hours + self.hours[edge][0]
                    if faster < found.earliest.get(far, found.hours[far][0]):
                        found.earliest[far] = faster
                        waiting.append(far)

    # ----------------------------------------------------------------------------------------- the places

    def meet_all(self, origins: Sequence[Position]) -> _AllMet:
        """What traces from many origins meet, each place once; by origin, kilometre, kind, code.

        The same as `follow`; without a limit, origins that enter the graph at one node share the search.
        """
        met = [_AllMet.of(0, [])]
        beyond: dict[int, _AllMet] = {}
        stops = {node for lake in self.network.lakes for node in (*lake.inflows, *lake.outflows)}
        for number, origin in enumerate(origins):
            if not origin.placed:
                continue
            if origin.lake >= 0 or self.max_km < np.inf:
                met.append(_AllMet.of(number, self.all_on_the_way(origin)[0]))
                continue
            node, rest, hours, stretch = self.leave(origin)
            self._share(beyond, node, stops)
            met.append(beyond[node].moved(number, rest, hours))
            if own := self._on_stretch(origin, stretch):
                met.append(_AllMet.of(number, own))
        together = _AllMet(
            *(np.concatenate([getattr(one, name) for one in met]) for name in _AllMet.__slots__)
        )
        return self._all_first_arrivals(origins, together)

    def _share(self, beyond: dict[int, _AllMet], node: int, stops: AbstractSet[int]) -> None:
        """Fill in what lies beyond a node: where one way leads on, that is what lies beyond the next."""
        chain = []
        while node not in beyond:
            chain.append(node)
            edges = self.out.get(node, ())
            if len(edges) != 1 or node in stops or self.on_loop[node]:
                break
            node = self.head[edges[0]]
        if not chain:
            return
        if chain[-1] not in beyond and node == chain[-1]:
            beyond[node] = _AllMet.of(0, self._meet_on(self.search([(node, 0.0, (0.0, 0.0, 0.0))])))
            chain.pop()
        for above in reversed(chain):
            edge = self.out[above][0]
            further = beyond[self.head[edge]].moved(0, self.length[edge], self.hours[edge])
            if above in self.after_node:
                here = _Search({above: 0.0}, {above: (0.0, 0.0, 0.0)}, {above: -1})
                further = _join_all([_AllMet.of(0, self._meet_on(here)), further])
            beyond[above] = further

    def _all_first_arrivals(self, origins: Sequence[Position], met: _AllMet) -> _AllMet:
        """Keep the nearest of each origin and label: `_first_arrivals`, for many origins at once."""
        labels = {label: number for number, label in enumerate(sorted(set(self.labels)))}
        label_of = np.array([labels[label] for label in self.labels], dtype=np.int64)
        own = np.array(
            [labels.get((one.kind, one.code), -1) if one.code else -1 for one in origins], dtype=np.int64
        )
        km = np.round(met.km, _DECIMALS_KM)
        met = _AllMet(met.origin, met.place, km, met.hours, met.several)
        met = met.take((km <= self.max_km) & (label_of[met.place] != own[met.origin]))
        if not len(met.place):
            return met
        met = met.take(np.lexsort((met.place, met.km, label_of[met.place], met.origin)))
        label = label_of[met.place]
        first = np.ones(len(label), dtype=bool)
        first[1:] = (met.origin[1:] != met.origin[:-1]) | (label[1:] != label[:-1])
        starts = np.flatnonzero(first)
        earliest = np.fmin.reduceat(met.hours[:, 0], starts)
        kept = met.take(starts)
        hours = kept.hours.copy()
        known = ~np.isnan(hours[:, 1])
        hours[known, 0] = earliest[known]
        kept = _AllMet(kept.origin, kept.place, kept.km, np.round(hours, _DECIMALS_HOURS), kept.several)
        return kept.take(np.lexsort((label[starts], kept.km, kept.origin)))

    def follow(self, origin: Position) -> tuple[list[_Met], _Search, tuple[int, float] | None]:
        """What a trace meets, the ways it takes, and edge and offset at which it starts (not in lakes)."""
        met, search, stretch = self.all_on_the_way(origin)
        return self._first_arrivals(origin, met), search, stretch

    def all_on_the_way(self, origin: Position) -> tuple[list[_Met], _Search, tuple[int, float] | None]:
        """As `follow`, with every arrival at a place."""
        if not origin.placed:
            return [], _Search(), None
        if origin.lake >= 0:
            search = self.search(self._leave_lake(origin))
            return [*self._in_same_lake(origin), *self._meet_on(search)], search, None
        node, rest, hours, stretch = self.leave(origin)
        search = self.search([(node, rest, hours)])
        return [*self._on_stretch(origin, stretch), *self._meet_on(search)], search, stretch

    def _on_stretch(self, origin: Position, stretch: tuple[int, float] | None) -> list[_Met]:
        """Places further on the edge on which a trace starts."""
        if stretch is None:
            return []
        edge, offset = stretch
        river = int(self.network.lines.owner[origin.line])
        hours, length = self.hours[edge], self.length[edge]
        return [
            _Met(row, at - offset, _scaled(hours, at - offset, length), False, -1, river, -1)
            for at, row in self.on_edge.get(edge, ())
            if at >= offset
        ]

    def _first_arrivals(self, origin: Position, met: list[_Met]) -> list[_Met]:
        best: dict[tuple[str, str], _Met] = {}
        earliest: dict[tuple[str, str], float] = {}
        own = (origin.kind, origin.code) if origin.code else None
        for one in met:
            label = self.labels[one.place]
            km = round(one.km, _DECIMALS_KM)
            if label == own or km > self.max_km:
                continue
            earliest[label] = float(np.fmin(earliest.get(label, np.nan), one.hours[0]))
            if label not in best or (km, one.place) < (
                round(best[label].km, _DECIMALS_KM),
                best[label].place,
            ):
                best[label] = one
        ordered = sorted(best.items(), key=lambda pair: (round(pair[1].km, _DECIMALS_KM), pair[0]))
        arrivals = []
        for label, one in ordered:
            first, likely, last = one.hours
            if not math.isnan(likely):
                first = min(first, earliest[label])
            hours = (
                round(first, _DECIMALS_HOURS),
                round(likely, _DECIMALS_HOURS),
                round(last, _DECIMALS_HOURS),
            )
            km = round(one.km, _DECIMALS_KM)
            arrivals.append(_Met(one.place, km, hours, one.several, one.node, one.river, one.lake))
        return arrivals

    def _meet_on(self, search: _Search) -> list[_Met]:
        """Places at reached nodes, on the edges that leave them, and in the lakes that are entered."""
        met = []
        owners = self.network.lines.owner
        lines = self.network.edges.line
        nothing = (0.0, 0.0, 0.0)
        for node, km in search.km.items():
            if node not in self.after_node:
                continue
            several = node in search.several
            for row in self.on_node.get(node, ()):
                river = int(owners[self.positions[row].line])
                met.append(_Met(row, km, self._arrive(search, node, nothing), several, node, river, -1))
            for edge in self.out[node]:
                river = int(owners[lines[edge]])
                for offset, row in self.on_edge.get(edge, ()):
                    more = _scaled(self.hours[edge], offset, self.length[edge])
                    met.append(
                        _Met(row, km + offset, self._arrive(search, node, more), several, node, river, -1)
                    )
        for number, rows in self.in_lake.items():
            lake = self.network.lakes[number]
            entries = [node for node in (lake.inflows if self.down else lake.outflows) if node in search.km]
            for row in rows:
                for node in entries:  # the nearest is kept, the fastest remembered
                    across = self._across(node, self.positions[row])
                    hours = self._arrive(search, node, self._lake_hours(across))
                    several = len(entries) > 1 or node in search.several
                    met.append(_Met(row, search.km[node] + across, hours, several, node, -1, number))
        return met

    def _arrive(self, search: _Search, node: int, more: Hours) -> Hours:
        hours = search.hours[node]
        earliest = hours[0] if math.isnan(hours[0]) else search.earliest.get(node, hours[0])
        return (earliest + more[0], hours[1] + more[1], hours[2] + more[2])

    def _across(self, node: int, place: Position) -> float:
        lon, lat = self.network.nodes[node].tolist()
        return float(measure_geodesics(lon, lat, *place.point)) / 1000

    def _lake_hours(self, km: float) -> Hours:
        if self.lake_speed is None:
            return _UNKNOWN
        first, likely, last = self.lake_speed.hours_per_km
        return (km * first, km * likely, km * last)

    def _leave_lake(self, origin: Position) -> list[tuple[int, float, Hours]]:
        lake = self.network.lakes[origin.lake]
        starts = []
        for node in lake.outflows if self.down else lake.inflows:
            km = self._across(node, origin)
            starts.append((node, km, self._lake_hours(km)))
        return starts

    def _in_same_lake(self, origin: Position) -> list[_Met]:
        met = []
        for row in self.in_lake[origin.lake]:
            place = self.positions[row]
            km = float(measure_geodesics(*origin.point, *place.point)) / 1000
            met.append(_Met(row, km, self._lake_hours(km), False, -1, -1, origin.lake))
        return met

    # -------------------------------------------------------------------------------------------- the way

    def way_to(self, search: _Search, origin: Position, met: _Met) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Codes of the rivers and of the lakes on the way to a place that was met."""
        edges, lines = self.network.edges, self.network.lines
        rivers: list[int] = [met.river] if met.river >= 0 else []
        lakes: list[int] = [met.lake] if met.lake >= 0 else []
        node = met.node
        while node >= 0 and (edge := search.parent[node]) >= 0:
            if edges.line[edge] >= 0:
                rivers.append(int(lines.owner[edges.line[edge]]))
            else:
                lakes.append(int(edges.lake[edge]))
            node = self.tail[edge]
        if origin.lake >= 0:
            lakes.append(origin.lake)
        else:
            rivers.append(int(lines.owner[origin.line]))
        return (
            tuple(self.network.codes[river] for river in _without_repeats(reversed(rivers))),
            tuple(self.network.lakes[lake].code for lake in _without_repeats(reversed(lakes))),
        )

    def passed(
        self, origin: Position
    ) -> list[tuple[tuple[str, float, float, float, float], int, float, float]]:
        """Stretches (code, km from and to, hours from and to; line, its kilometres) that a trace passes."""
        _, search, spot = self.follow(origin)
        edges, lines = self.network.edges, self.network.lines
        reached: list[tuple[int, float, float, float]] = []  # edge, offset, km and hours there
        if spot is not None:
            reached.append((*spot, 0.0, 0.0))
        for node, km in search.km.items():
            hours = search.hours[node][1]
            reached += [(edge, 0.0, km, hours) for edge in self.out[node] if edges.kind[edge] == Edge.REACH]
        stretches = []
        for edge, offset, km, hours in reached:
            length = min(self.length[edge] - offset, self.max_km - km)
            if length <= _LEAST_KM:
                continue
            more = _scaled(self.hours[edge], length, self.length[edge])[1]
            code = self.network.codes[int(lines.owner[edges.line[edge]])]
            if self.down:
                low = float(edges.start_km[edge]) + offset
                ends = (low, low + length)
            else:
                high = float(edges.end_km[edge]) - offset
                ends = (high - length, high)
            far_km, far_hours = round(km + length, _DECIMALS_KM), round(hours + more, _DECIMALS_HOURS)
            span = (code, round(km, _DECIMALS_KM), far_km, round(hours, _DECIMALS_HOURS), far_hours)
            stretches.append((span, int(edges.line[edge]), *ends))
        return stretches


def _trace(
    network: RiverNetwork,
    origin: Position,
    places: pd.DataFrame,
    direction: Direction,
    max_km: float | None,
    velocity: Velocity | None,
) -> Trace:
    tracer = _Tracer(network, places, direction, max_km, velocity)
    found, search, _ = tracer.follow(origin)
    items = []
    for met in found:
        row = places.iloc[met.place]
        position = tracer.positions[met.place]
        via, lakes = tracer.way_to(search, origin, met)
        known = not np.isnan(met.hours[1])
        items.append(
            TraceItem(
                kind=position.kind,
                code=position.code,
                name=row["name"],
                river_km=met.km,
                via=via,
                travel_hours=met.hours[1] if known else None,
                earliest_hours=None if np.isnan(met.hours[0]) else met.hours[0],
                latest_hours=met.hours[2] if known else None,
                travel_reason=None if known else "lake_residence_unknown",
                several_paths=met.several,
                river_code=position.river_code,
                lake_code=position.lake_code,
                lakes=lakes,
                distance_m=position.distance_m or 0.0,
                confidence=position.confidence,
                reason=position.reason,
                discharges=row["discharges"],
                lon=position.lon,
                lat=position.lat,
            )
        )
    unplaced = [
        (one.kind, one.code, one.reason)
        for one in tracer.positions
        if not one.placed and (one.kind, one.code) != (origin.kind, origin.code)
    ]
    return Trace(origin, direction, max_km, velocity, tuple(items), tuple(sorted(set(unplaced))))


def _join_all(met: Sequence[_AllMet]) -> _AllMet:
    return _AllMet(*(np.concatenate([getattr(one, name) for one in met]) for name in _AllMet.__slots__))


def _edge_hours(network: RiverNetwork, velocity: Velocity | None) -> list[Hours]:
    """Earliest, likely and latest hours along every edge; NaN where nothing is known."""
    edges, settings = network.edges, network.settings
    speeds = [velocity or stated or settings.velocity for stated in network.velocities]
    per_km = np.array([speed.hours_per_km for speed in speeds], dtype=np.float64).reshape(-1, 3)
    rates = np.full((len(edges.kind), 3), np.nan)
    along = edges.line >= 0
    rates[along] = per_km[network.lines.owner[edges.line[along]]]
    if settings.lake_velocity is not None:
        rates[edges.kind == Edge.LAKE] = settings.lake_velocity.hours_per_km
    hours = rates * edges.length_km[:, None]
    for number, lake in enumerate(network.lakes):
        if lake.residence_hours is not None:
            spread = settings.stated_spread
            crossing = (edges.kind == Edge.LAKE) & (edges.lake == number)
            hours[crossing] = np.array([1 / spread, 1.0, spread]) * lake.residence_hours
    return [(first, likely, last) for first, likely, last in hours.tolist()]


def _scaled(hours: Hours, part_km: float, length_km: float) -> Hours:
    share = part_km / length_km if length_km > 0 else 0.0
    return (hours[0] * share, hours[1] * share, hours[2] * share)


def _dominators(found: _Search, others: Mapping[int, list[int]], tail: Sequence[int]) -> dict[int, int]:
    """Per node the last one before it that every way leads through; -1 stands before all starts."""
    graph = nx.DiGraph()
    graph.add_node(-1)
    for node, parent in found.parent.items():
        graph.add_edges_from(
            (-1 if edge < 0 else tail[edge], node) for edge in (parent, *others.get(node, ()))
        )
    return {node: above for node, above in nx.immediate_dominators(graph, -1).items() if above is not None}


def _leads_through(above: Mapping[int, int], node: int, through: int) -> bool:
    """Whether every way to a node leads through another (or it is that one)."""
    while node >= 0:
        if node == through:
            return True
        node = above.get(node, -1)
    return False


def _without_repeats(rows: Iterable[int]) -> list[int]:
    kept: list[int] = []
    for row in rows:
        if not kept or kept[-1] != row:
            kept.append(row)
    return kept


def _short(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 2)
