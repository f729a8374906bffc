"""Where lines of the river network join: codes, touching ends, confluences on the way, lakes."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from spatial.geodesy import Floats, measure_geodesics
from spatial.network_graph import (
    Edge,
    Edges,
    Lake,
    LakeArea,
    NetworkProblem,
    NetworkSettings,
    RiverNetwork,
    Rivers,
    Severity,
)
from spatial.network_lines import Feet, Lines, draw_boxes, find_feet, find_nearest_pair, read_lines
from spatial.network_problems import list_problems

# An end that already goes on into another line joins a third one only where it touches it.
_TOUCH_M = 1.0
_SAME_KM = 1e-6


def join_lines(rivers: Rivers, lakes: tuple[LakeArea, ...], settings: NetworkSettings) -> RiverNetwork:
    """Join the lines of rivers and lakes into a network; see `spatial.network.build_network`."""
    problems: list[NetworkProblem] = []
    targets = _read_targets(rivers, lakes, settings, problems)
    reaches = _reach_targets(rivers.lines, targets, settings)
    if settings.turn_reversed and (turned := frozenset(reaches.contradicting)):
        rivers = _turn_round(rivers, turned)
        reaches = _reach_targets(rivers.lines, targets, settings)
    else:
        turned = frozenset()
    problems += _list_reach_problems(rivers, targets, reaches, turned)
    joints = _Joints(rivers.lines)
    _join_ends(joints, rivers, targets, reaches, settings)
    _join_on_the_way(joints, rivers, targets, reaches, settings)
    gaps = _bridge_gaps(joints, reaches, settings)
    areas = _meet_lakes(joints, rivers, lakes, targets, settings)
    network = _assemble(joints, rivers, areas, gaps, settings)
    return replace(network, problems=list_problems(network, rivers.geometry, problems))


# ------------------------------------------------------------------------------------------- named rivers


@dataclass(frozen=True, slots=True)
class _Targets:
    """What each river is said to flow into: a row of the rivers, or of the lakes; -1 none."""

    river: NDArray[np.int64]
    lake: NDArray[np.int64]


@dataclass(slots=True)
class _Reaches:
    """How rivers reach the ones that they name."""

    touching: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Line whose end touches the named river → line and kilometre there."""
    bridged: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    """Line whose end is near the named river → line, kilometre, metres between."""
    contradicting: set[int] = field(default_factory=set)
    """Rivers (rows) whose start is where their end should be."""
    too_far: set[int] = field(default_factory=set)
    """Rivers that are nowhere near the river they name."""


def _read_targets(
    rivers: Rivers, lakes: tuple[LakeArea, ...], settings: NetworkSettings, problems: list[NetworkProblem]
) -> _Targets:
    river_of = {code: row for row, code in enumerate(rivers.codes)}
    lake_of = {lake.code: row for row, lake in enumerate(lakes)}
    river = np.full(len(rivers.codes), -1, dtype=np.int64)
    lake = river.copy()
    if settings.topology == "lines":
        return _Targets(river, lake)
    for row, (code, downstream) in enumerate(zip(rivers.codes, rivers.downstream, strict=True)):
        if downstream is None:
            continue
        if downstream == code:
            problems.append(NetworkProblem("flows_into_itself", "error", (code,)))
        elif downstream in river_of:
            river[row] = river_of[downstream]
        elif downstream in lake_of:
            lake[row] = lake_of[downstream]
        else:
            params = {"downstream_code": downstream}
            problems.append(NetworkProblem("dangling_downstream_code", "error", (code,), params))
    return _Targets(river, lake)


def _reach_targets(lines: Lines, targets: _Targets, settings: NetworkSettings) -> _Reaches:
    """Seek the joint of every river with the one that it names."""
    found = _Reaches()
    named = np.flatnonzero(targets.river[lines.owner] >= 0)
    if not len(named):
        return found
    goes_on = _lines_that_go_on(lines, settings.tolerance_m)
    last = named[~np.isin(named, goes_on)]
    last = last if len(last) else named
    near = _feet_on_target(lines, lines.ends, last, targets, settings.tolerance_m)
    for line, on, km, _ in near:
        found.touching.setdefault(line, (on, km))
    touching = {int(lines.owner[line]) for line in found.touching}
    rest = last[~np.isin(lines.owner[last], list(touching))]
    if not len(rest):
        return found
    ends: dict[int, tuple[float, int, int, float]] = {}
    for line, on, km, metres in _feet_on_target(lines, lines.ends, rest, targets, settings.named_gap_m):
        owner = int(lines.owner[line])
        ends[owner] = min(ends.get(owner, (np.inf, -1, -1, 0.0)), (metres, line, on, km))
    starts: dict[int, float] = {}
    heads = np.flatnonzero(np.isin(lines.owner, lines.owner[rest]))
    for line, _, _, metres in _feet_on_target(lines, lines.starts, heads, targets, settings.named_gap_m):
        owner = int(lines.owner[line])
        starts[owner] = min(starts.get(owner, np.inf), metres)
    for owner in dict.fromkeys(lines.owner[rest].tolist()):
        end, start = ends.get(owner), starts.get(owner, np.inf)
        end_m = np.inf if end is None else end[0]
        if start < end_m and (start <= settings.tolerance_m or 2 * start < end_m):
            found.contradicting.add(owner)
        elif end is None:
            found.too_far.add(owner)
        else:
            metres, line, on, km = end
            found.bridged[line] = (on, km, metres)
    return found


def _lines_that_go_on(lines: Lines, tolerance_m: float) -> NDArray[np.int64]:
    """Lines that end where another line of the same river starts."""
    several = np.bincount(lines.owner)[lines.owner] > 1
    rows = np.flatnonzero(several)
    if not len(rows):
        return rows
    tree = STRtree(np.asarray(shapely.points(lines.starts[rows])))
    end, start = tree.query(draw_boxes(lines.ends[rows], tolerance_m))
    end, start = rows[end], rows[start]
    same = (end != start) & (lines.owner[end] == lines.owner[start])
    end, start = end[same], start[same]
    metres = measure_geodesics(*lines.ends[end].T, *lines.starts[start].T)
    return np.unique(end[metres <= tolerance_m])


def _feet_on_target(
    lines: Lines, points: Floats, which: NDArray[np.int64], targets: _Targets, within_m: float
) -> list[tuple[int, int, float, float]]:
    """Feet (line, line of the named river, its kilometre, metres) of some lines' points, nearest first."""
    feet = find_feet(lines, points[which], within_m)
    line = which[feet.point]
    feet_of_target = lines.owner[feet.line] == targets.river[lines.owner[line]]
    feet, line = feet.take(feet_of_target), line[feet_of_target]
    return list(
        zip(line.tolist(), feet.line.tolist(), feet.km.tolist(), feet.distance_m.tolist(), strict=True)
    )


def _turn_round(rivers: Rivers, turned: frozenset[int]) -> Rivers:
    geometry = rivers.geometry.copy()
    for row in turned:
        geometry[row] = shapely.reverse(geometry[row])
    lines = read_lines(geometry, np.arange(len(geometry), dtype=np.int64))
    return replace(rivers, geometry=geometry, lines=lines)


def _list_reach_problems(
    rivers: Rivers, targets: _Targets, reaches: _Reaches, turned: frozenset[int]
) -> list[NetworkProblem]:
    problems = []
    lines = rivers.lines
    first = {owner: line for line, owner in reversed(list(enumerate(lines.owner.tolist())))}

    def about(row: int) -> dict[str, Any]:
        return {"downstream_code": rivers.codes[int(targets.river[row])]}

    for row in sorted(reaches.contradicting | turned):
        still = row in reaches.contradicting
        lon, lat = (lines.starts if still else lines.ends)[first[row]].tolist()
        code = "drawn_upstream" if still else "turned_round"
        severity: Severity = "error" if still else "notice"
        problems.append(NetworkProblem(code, severity, (rivers.codes[row],), about(row), lon, lat))
    for row in sorted(reaches.too_far):
        lon, lat = lines.ends[first[row]].tolist()
        problems.append(NetworkProblem("gap_too_wide", "error", (rivers.codes[row],), about(row), lon, lat))
    for line, (_, _, metres) in sorted(reaches.bridged.items()):
        row = int(lines.owner[line])
        lon, lat = lines.ends[line].tolist()
        params = about(row) | {"gap_m": round(metres, 1)}
        problems.append(NetworkProblem("gap_bridged", "notice", (rivers.codes[row],), params, lon, lat))
    return problems


# ------------------------------------------------------------------------------------------------- joints


class _Joints:
    """Places on lines that are one node. Start and end of line i are the anchors 2i and 2i + 1."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.parent = list(range(2 * len(lines)))
        self.cuts: dict[int, list[tuple[float, int]]] = defaultdict(list)
        self.cut_place: dict[int, tuple[int, float]] = {}

    def root(self, anchor: int) -> int:
        """The first anchor of a node."""
        while self.parent[anchor] != anchor:
            self.parent[anchor] = self.parent[self.parent[anchor]]
            anchor = self.parent[anchor]
        return anchor

    def join(self, first: int, second: int) -> None:
        """Make two anchors one node."""
        low, high = sorted((self.root(first), self.root(second)))
        self.parent[high] = low

    def cut(self, line: int, km: float, snap_km: float) -> int:
        """Anchor on a line at a kilometre; within `snap_km` of an end, that end."""
        length_km = float(self.lines.length_km[line])
        if min(km, length_km - km) <= snap_km:
            return 2 * line + (0 if km <= length_km - km else 1)
        for at, anchor in self.cuts[line]:
            if abs(at - km) <= _SAME_KM:
                return anchor
        anchor = len(self.parent)
        self.parent.append(anchor)
        self.cuts[line].append((km, anchor))
        self.cut_place[anchor] = (line, km)
        return anchor


def _joined_targets(lines: Lines, targets: _Targets, reaches: _Reaches) -> NDArray[np.int64]:
    """Per line the row of the river that its end is joined to by name, -1 where by place only."""
    joined = np.full(len(lines), -1, dtype=np.int64)
    for line in (*reaches.touching, *reaches.bridged):
        joined[line] = targets.river[lines.owner[line]]
    return joined


def _join_ends(
    joints: _Joints, rivers: Rivers, targets: _Targets, reaches: _Reaches, settings: NetworkSettings
) -> None:
    """Make starts and ends of lines that lie within the tolerance one node."""
    lines = rivers.lines
    if not len(lines):
        return
    points = np.stack([lines.starts, lines.ends], axis=1).reshape(-1, 2)
    first, second = STRtree(np.asarray(shapely.points(points))).query(
        draw_boxes(points, settings.tolerance_m)
    )
    pairs = np.flatnonzero(first < second)
    first, second = first[pairs], second[pairs]
    metres = measure_geodesics(*points[first].T, *points[second].T)
    near = np.flatnonzero(metres <= settings.tolerance_m)
    joined = _joined_targets(lines, targets, reaches)
    contradicting = np.isin(lines.owner, list(reaches.contradicting))
    for one, other, apart in zip(
        first[near].tolist(), second[near].tolist(), metres[near].tolist(), strict=True
    ):
        a, b = one // 2, other // 2
        ends = (one % 2, other % 2)
        if a == b and apart > 0 and lines.length_km[a] * 1000 <= 2 * settings.tolerance_m:
            continue
        if (ends[0] == 0 and contradicting[a]) or (ends[1] == 0 and contradicting[b]):
            continue
        same_river = lines.owner[a] == lines.owner[b]
        if ends == (1, 1):
            different = joined[a] >= 0 and joined[b] >= 0 and joined[a] != joined[b]
            allowed = joined[a] == joined[b] >= 0 if settings.topology == "codes" else not different
        elif settings.topology != "codes" or same_river:
            allowed = True
        elif ends == (0, 0):
            allowed = False
        else:
            upper, lower = (a, b) if ends[0] == 1 else (b, a)
            allowed = joined[upper] == lines.owner[lower]
        if allowed:
            joints.join(one, other)


def _join_on_the_way(
    joints: _Joints, rivers: Rivers, targets: _Targets, reaches: _Reaches, settings: NetworkSettings
) -> None:
    """Join ends and starts with lines that pass within the tolerance."""
    lines = rivers.lines
    members: dict[int, list[int]] = defaultdict(list)
    for anchor in range(2 * len(lines)):
        members[joints.root(anchor)].append(anchor)
    joined = _joined_targets(lines, targets, reaches)
    best: dict[tuple[int, int], tuple[float, float]] = {}  # node and line → metres, kilometre

    def offer(anchor: int, line: int, km: float, metres: float) -> None:
        root = joints.root(anchor)
        at = members[root]
        own = anchor // 2 == line
        if (2 * line in at or 2 * line + 1 in at) and not own:
            return
        if own:  # a line that comes back to itself
            from_end = lines.length_km[line] - km if anchor % 2 else km
            if from_end * 1000 <= 2 * settings.tolerance_m:
                return
        best[root, line] = min(best.get((root, line), (np.inf, 0.0)), (metres, km))

    for line, (on, km) in reaches.touching.items():
        offer(2 * line + 1, on, km, 0.0)
    if settings.topology != "codes":
        for is_end, points in ((1, lines.ends), (0, lines.starts)):
            feet = find_feet(lines, points, settings.tolerance_m)
            for line, (on, km, metres) in _feet_on_the_way(lines, feet, joints, is_end):
                if is_end and joined[line] >= 0:
                    continue
                if not is_end and int(lines.owner[line]) in reaches.contradicting:
                    continue
                here = members[joints.root(2 * line + is_end)]
                goes_on = any(anchor % 2 != is_end for anchor in here)
                if goes_on and metres > _TOUCH_M:
                    continue
                offer(2 * line + is_end, on, km, metres)
    for (root, line), (_, km) in sorted(best.items()):
        joints.join(root, joints.cut(line, km, settings.tolerance_m / 1000))


def _feet_on_the_way(
    lines: Lines, feet: Feet, joints: _Joints, is_end: int
) -> list[tuple[int, tuple[int, float, float]]]:
    """Of each line's end (or start) the nearest foot on a line that does not meet it there already."""
    found: dict[int, tuple[int, float, float]] = {}
    rows = zip(
        feet.point.tolist(), feet.line.tolist(), feet.km.tolist(), feet.distance_m.tolist(), strict=True
    )
    for line, on, km, metres in rows:
        if line in found:
            continue
        own = line == on
        if own:
            from_end = lines.length_km[line] - km if is_end else km
            if from_end <= 2 * max(metres / 1000, 0.001):
                continue
        root = joints.root(2 * line + is_end)
        if not own and root in (joints.root(2 * on), joints.root(2 * on + 1)):
            continue
        found[line] = (on, km, metres)
    return list(found.items())


def _bridge_gaps(
    joints: _Joints, reaches: _Reaches, settings: NetworkSettings
) -> list[tuple[int, int, int, float]]:
    """Gaps (line, its end's anchor, anchor on the named river, km) to named rivers beyond the tolerance."""
    gaps = []
    for line, (on, km, metres) in sorted(reaches.bridged.items()):
        anchor = joints.cut(on, km, settings.tolerance_m / 1000)
        gaps.append((line, 2 * line + 1, anchor, metres / 1000))
    return gaps


# -------------------------------------------------------------------------------------------------- lakes


@dataclass(slots=True)
class _Area:
    """A lake with what meets it."""

    lake: LakeArea
    inside: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """Line → kilometres from and to, inside the lake."""
    anchors: set[int] = field(default_factory=set)
    """Ends of lines outside, at the lake's edge."""
    gaps: list[tuple[int, int, int, float]] = field(default_factory=list)
    """Line, its end's anchor, an anchor of its own at the lake's edge, kilometres between."""


def _meet_lakes(
    joints: _Joints,
    rivers: Rivers,
    lakes: tuple[LakeArea, ...],
    targets: _Targets,
    settings: NetworkSettings,
) -> list[_Area]:
    lines = rivers.lines
    areas = []
    points = np.stack([lines.starts, lines.ends], axis=1).reshape(-1, 2) if len(lines) else np.zeros((0, 2))
    boxes = STRtree(draw_boxes(points, settings.tolerance_m))
    for row, lake in enumerate(lakes):
        area = _Area(lake)
        areas.append(area)
        shapely.prepare(lake.geometry)
        for line in sorted(lines.tree.query(lake.geometry, predicate="intersects").tolist()):
            spans = _spans_inside(lines, line, lake.geometry, settings.tolerance_m / 1000)
            if spans:
                area.inside[line] = spans
                for km in (km for span in spans for km in span):
                    joints.cut(line, km, _SAME_KM)
        for anchor in sorted(boxes.query(lake.geometry, predicate="intersects").tolist()):
            at = shapely.Point(points[anchor])
            if find_nearest_pair(at, lake.geometry)[2] <= settings.tolerance_m:
                area.anchors.add(anchor)
        named = np.flatnonzero(targets.lake[lines.owner] == row).tolist()
        _reach_lake(lines, area, named, settings)
    return areas


def _reach_lake(lines: Lines, area: _Area, named: list[int], settings: NetworkSettings) -> None:
    """Bridge the gap of rivers that name a lake and end short of it."""
    for line in named:
        if 2 * line + 1 in area.anchors or line in area.inside:
            continue
        metres = find_nearest_pair(shapely.Point(lines.ends[line]), area.lake.geometry)[2]
        if metres <= settings.named_gap_m:
            area.gaps.append((line, 2 * line + 1, 2 * line + 1, metres / 1000))


def _spans_inside(
    lines: Lines, line: int, lake: shapely.Geometry, least_km: float
) -> list[tuple[float, float]]:
    """Kilometres between which a line is inside a lake; shorter stretches than `least_km` do not count."""
    length_km = float(lines.length_km[line])
    crossing = shapely.get_coordinates(shapely.intersection(lines.geometry[line], shapely.boundary(lake)))
    at = np.unique(np.concatenate([[0.0, length_km], lines.kilometres_at(line, crossing)]))
    spans: list[tuple[float, float]] = []
    for low, high in zip(at[:-1].tolist(), at[1:].tolist(), strict=True):
        middle = shapely.Point(lines.place_at(line, (low + high) / 2))
        if not shapely.covers(lake, middle):
            continue
        if spans and low - spans[-1][1] <= least_km:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    return [(low, high) for low, high in spans if high - low > least_km or (low == 0 and high == length_km)]


# ------------------------------------------------------------------------------------------ the whole graph


def _assemble(
    joints: _Joints,
    rivers: Rivers,
    areas: list[_Area],
    gaps: list[tuple[int, int, int, float]],
    settings: NetworkSettings,
) -> RiverNetwork:
    lines = rivers.lines
    node_of: dict[int, int] = {}
    places: list[tuple[float, float]] = []
    on_the_way: set[int] = set()

    def node(anchor: int) -> int:
        root = joints.root(anchor)
        if root not in node_of:
            node_of[root] = len(places)
            places.append((np.nan, np.nan))
        number = node_of[root]
        if anchor in joints.cut_place:  # the place on a line that passes, rather than the end that meets it
            if number not in on_the_way:
                places[number] = lines.place_at(*joints.cut_place[anchor])
                on_the_way.add(number)
        elif np.isnan(places[number][0]):
            lon, lat = (lines.ends if anchor % 2 else lines.starts)[anchor // 2].tolist()
            places[number] = (lon, lat)
        return number

    rows: list[tuple[int, int, int, int, float, float, float, int]] = []
    members: list[set[int]] = [{node(anchor) for anchor in area.anchors} for area in areas]
    through: list[dict[tuple[int, int], float]] = [{} for _ in areas]
    for line in range(len(lines)):
        length_km = float(lines.length_km[line])
        cuts = [(0.0, 2 * line), *sorted(joints.cuts.get(line, [])), (length_km, 2 * line + 1)]
        for (low, first), (high, second) in itertools.pairwise(cuts):
            middle = (low + high) / 2
            inside = -1
            for number, area in enumerate(areas):
                if any(start <= middle <= end for start, end in area.inside.get(line, ())):
                    inside = number
                    members[number] |= {node(first), node(second)}
                    break
            kind = Edge.REACH if inside < 0 else Edge.INSIDE
            rows.append((kind, node(first), node(second), line, low, high, high - low, inside))
        for number, area in enumerate(areas):
            for low, high in area.inside.get(line, ()):
                ends = tuple(node(joints.cut(line, km, _SAME_KM)) for km in (low, high))
                through[number][ends[0], ends[1]] = high - low
    for line, end, anchor, km in gaps:
        length_km = float(lines.length_km[line])
        rows.append((Edge.GAP, node(end), node(anchor), line, length_km, length_km, km, -1))
    for number, area in enumerate(areas):
        for line, end, _, km in area.gaps:
            # The lake's edge has no node of its own: the end of the line enters the lake, the gap is counted.
            length_km = float(lines.length_km[line])
            entry = len(places)
            _, place, _ = find_nearest_pair(shapely.Point(lines.ends[line]), area.lake.geometry)
            places.append(place)
            rows.append((Edge.GAP, node(end), entry, line, length_km, length_km, km, -1))
            members[number].add(entry)
    nodes = np.array(places, dtype=np.float64).reshape(-1, 2)
    made = [_make_lake(area.lake, found, rows) for area, found in zip(areas, members, strict=True)]
    for number, lake in enumerate(made):
        rows += _cross_lake(number, lake, nodes, through[number])
    edges = _pack(rows)
    mouth_km = _measure_to_mouths(rivers, edges, members, nodes)
    return RiverNetwork(
        settings,
        rivers.codes,
        rivers.names,
        rivers.velocities,
        lines,
        mouth_km,
        nodes,
        edges,
        tuple(made),
        (),
    )


def _make_lake(
    area: LakeArea, members: set[int], rows: list[tuple[int, int, int, int, float, float, float, int]]
) -> Lake:
    flowing = [row for row in rows if row[0] in (Edge.REACH, Edge.GAP) and row[1] != row[2]]
    inflows = sorted({row[2] for row in flowing if row[2] in members})
    outflows = sorted({row[1] for row in flowing if row[1] in members})
    return Lake(area.code, area.name, area.geometry, area.residence_hours, tuple(inflows), tuple(outflows))


def _cross_lake(
    number: int, lake: Lake, nodes: Floats, through: dict[tuple[int, int], float]
) -> list[tuple[int, int, int, int, float, float, float, int]]:
    pairs = [(first, last) for first in lake.inflows for last in lake.outflows if first != last]
    if not pairs:
        return []
    first, last = np.array(pairs).T
    km = measure_geodesics(*nodes[first].T, *nodes[last].T) / 1000
    return [
        (Edge.LAKE, start, end, -1, 0.0, 0.0, through.get((start, end), straight), number)
        for (start, end), straight in zip(pairs, km.tolist(), strict=True)
    ]


def _pack(rows: list[tuple[int, int, int, int, float, float, float, int]]) -> Edges:
    kind, start, end, line, start_km, end_km, length_km, lake = zip(*rows, strict=True) if rows else [()] * 8
    return Edges(
        kind=np.array(kind, dtype=np.int64),
        start=np.array(start, dtype=np.int64),
        end=np.array(end, dtype=np.int64),
        line=np.array(line, dtype=np.int64),
        start_km=np.array(start_km, dtype=np.float64),
        end_km=np.array(end_km, dtype=np.float64),
        length_km=np.array(length_km, dtype=np.float64),
        lake=np.array(lake, dtype=np.int64),
    )


def _measure_to_mouths(rivers: Rivers, edges: Edges, lakes: list[set[int]], nodes: Floats) -> Floats:
    """Kilometres from the end of every line to the mouth of its river, along lines of the same river."""
    lines = rivers.lines
    mouth_km = np.zeros(len(lines))
    per_river: dict[int, list[int]] = defaultdict(list)
    for line, owner in enumerate(lines.owner.tolist()):
        per_river[owner].append(line)
    several = {line for found in per_river.values() if len(found) > 1 for line in found}
    if not several:
        return mouth_km
    at: dict[tuple[int, int], list[tuple[int, float]]] = defaultdict(list)  # river and node → line, km
    end_node: dict[int, int] = {}
    starts: dict[int, int] = {}
    along = np.flatnonzero(
        np.isin(edges.kind, (Edge.REACH, Edge.INSIDE)) & np.isin(edges.line, list(several))
    )
    for edge in along.tolist():
        line = int(edges.line[edge])
        at[int(lines.owner[line]), int(edges.start[edge])].append((line, float(edges.start_km[edge])))
        starts.setdefault(line, int(edges.start[edge]))
        end_node[line] = int(edges.end[edge])
    for owner, found in per_river.items():
        if len(found) < 2:
            continue
        onward: dict[int, list[tuple[int, float, float]]] = defaultdict(
            list
        )  # line → next, its km, way between
        for line in found:
            node = end_node[line]
            onward[line] = [(other, km, 0.0) for other, km in at[owner, node] if other != line]
            for inside in lakes:
                if onward[line] or node not in inside:
                    continue
                for other in found:
                    if other != line and starts[other] in inside:
                        pair = (*nodes[node], *nodes[starts[other]])
                        onward[line].append((other, 0.0, float(measure_geodesics(*pair)) / 1000))
        known = {line: 0.0 for line in found if not onward[line]}
        for _ in found:  # no way is longer than all lines of the river
            for line in found:
                ways = [
                    known[other] + float(lines.length_km[other]) - km + between
                    for other, km, between in onward[line]
                    if other in known
                ]
                if ways:
                    known[line] = min([known.get(line, np.inf), *ways])
        for line in found:
            mouth_km[line] = known.get(line, 0.0)
    return mouth_km
