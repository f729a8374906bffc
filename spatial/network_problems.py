"""What is wrong, or looks odd, in a river network: a list that a person can work through."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from spatial.geodesy import measure_geodesics
from spatial.network_graph import Edge, NetworkProblem, RiverNetwork
from spatial.network_lines import Geometries, Ints, find_feet

# An end this many tolerances from another line, and nearer, is listed as a gap.
_GAP_TOLERANCES = 10
_DECIMALS_DEG = 7


def list_problems(
    network: RiverNetwork, geometry: Geometries, known: list[NetworkProblem]
) -> tuple[NetworkProblem, ...]:
    """All problems of a network, those already known among them: by code, rivers, place."""
    found = [
        *known,
        *_lines_without_length(network, geometry),
        *_pieces(network),
        *_cycles(network),
        *_odd_nodes(network),
        *_isolated_parts(network),
        *_self_crossings(network),
        *_crossings(network),
        *_gaps(network),
        *_lakes_apart(network),
    ]
    return tuple(
        sorted(found, key=lambda one: (one.code, one.rivers, one.lon or 0.0, one.lat or 0.0, str(one.params)))
    )


def _problem(
    network: RiverNetwork,
    code: str,
    owners: list[int],
    place: tuple[float, float] | None = None,
    *,
    notice: bool = False,
    **params: object,
) -> NetworkProblem:
    rivers = tuple(sorted({network.codes[owner] for owner in owners}))
    lon, lat = (
        (None, None) if place is None else (round(place[0], _DECIMALS_DEG), round(place[1], _DECIMALS_DEG))
    )
    return NetworkProblem(code, "notice" if notice else "error", rivers, dict(params), lon, lat)


def _node_place(network: RiverNetwork, node: int) -> tuple[float, float]:
    return float(network.nodes[node, 0]), float(network.nodes[node, 1])


def _lines_without_length(network: RiverNetwork, geometry: Geometries) -> Iterator[NetworkProblem]:
    present = set(network.lines.owner.tolist())
    for row in range(len(geometry)):
        if row not in present:
            yield _problem(network, "no_line", [row])
    least_km = network.settings.tolerance_m / 1000
    for line in np.flatnonzero(network.lines.length_km <= least_km).tolist():
        place = tuple(network.lines.starts[line].tolist())
        length_m = round(float(network.lines.length_km[line]) * 1000, 1)
        owner = int(network.lines.owner[line])
        yield _problem(network, "short_line", [owner], place, notice=True, length_m=length_m)


def _pieces(network: RiverNetwork) -> Iterator[NetworkProblem]:
    """Rivers whose lines do not hang together, by joints of their own or through a lake."""
    lines, edges = network.lines, network.edges
    per_river: dict[int, list[int]] = defaultdict(list)
    for line, owner in enumerate(lines.owner.tolist()):
        per_river[owner].append(line)
    several = {owner for owner, found in per_river.items() if len(found) > 1}
    if not several:
        return
    lake_of: dict[int, int] = {}
    for number, lake in enumerate(network.lakes):
        for node in (*lake.inflows, *lake.outflows):
            lake_of.setdefault(node, -1 - number)
    nodes: dict[int, set[int]] = defaultdict(set)
    for edge in np.flatnonzero(np.isin(edges.kind, (Edge.REACH, Edge.INSIDE))).tolist():
        if int(lines.owner[edges.line[edge]]) in several:
            for node in (int(edges.start[edge]), int(edges.end[edge])):
                nodes[int(edges.line[edge])] |= {node, lake_of.get(node, node)}
    for owner in sorted(several):
        groups: list[tuple[set[int], float]] = []
        for line in per_river[owner]:
            here, length_km = set(nodes[line]), float(lines.length_km[line])
            apart = []
            for group in groups:
                if group[0] & here:
                    here, length_km = here | group[0], length_km + group[1]
                else:
                    apart.append(group)
            groups = [*apart, (here, length_km)]
        if len(groups) > 1:
            least = min(group[1] for group in groups)
            place = tuple(lines.ends[per_river[owner][0]].tolist())
            yield _problem(
                network, "in_pieces", [owner], place, pieces=len(groups), shortest_km=round(least, 3)
            )


def _cycles(network: RiverNetwork) -> Iterator[NetworkProblem]:
    """Ways that come back to themselves; through a lake that may be a river winding along its shore."""
    edges = network.edges
    flowing = np.flatnonzero(edges.kind != Edge.INSIDE)
    start, end = edges.start[flowing], edges.end[flowing]
    part = find_parts(start, end, len(network.nodes), "strong")
    together = flowing[(part[start] == part[end]) & (start != end)]
    alone = flowing[(start == end) & (edges.length_km[flowing] * 1000 > 4 * network.settings.tolerance_m)]
    groups: dict[int, list[int]] = defaultdict(list)
    for edge in [*together.tolist(), *alone.tolist()]:
        groups[int(part[edges.start[edge]])].append(edge)
    for found in groups.values():
        owners = [int(network.lines.owner[edges.line[edge]]) for edge in found if edges.line[edge] >= 0]
        lakes = sorted({network.lakes[edges.lake[edge]].code for edge in found if edges.lake[edge] >= 0})
        place = _node_place(network, int(edges.start[found[0]]))
        length_km = round(sum(float(edges.length_km[edge]) for edge in found if edges.line[edge] >= 0), 3)
        yield _problem(network, "cycle", owners, place, notice=bool(lakes), length_km=length_km, lakes=lakes)


def _odd_nodes(network: RiverNetwork) -> Iterator[NetworkProblem]:
    """Nodes at which rivers only end, or only start: one of them may be drawn the wrong way."""
    edges = network.edges
    ending: dict[int, list[int]] = defaultdict(list)
    starting: dict[int, list[int]] = defaultdict(list)
    for edge in np.flatnonzero(edges.kind != Edge.INSIDE).tolist():
        ending[int(edges.end[edge])].append(edge)
        starting[int(edges.start[edge])].append(edge)
    in_lake = {node for lake in network.lakes for node in (*lake.inflows, *lake.outflows)}
    for code, these, others in (("ends_meet", ending, starting), ("starts_meet", starting, ending)):
        for node, found in these.items():
            if len(found) > 1 and node not in others and node not in in_lake:
                owners = [int(network.lines.owner[edges.line[edge]]) for edge in found]
                notice = code == "starts_meet"
                yield _problem(network, code, owners, _node_place(network, node), notice=notice)


def _isolated_parts(network: RiverNetwork) -> Iterator[NetworkProblem]:
    """Parts of the network that are joined with no other; the longest is taken as the network itself."""
    edges, lines = network.edges, network.lines
    if not len(lines):
        return
    part = find_parts(edges.start, edges.end, len(network.nodes), "weak")
    along = np.flatnonzero(edges.line >= 0)
    length: dict[int, float] = defaultdict(float)
    owners: dict[int, set[int]] = defaultdict(set)
    lowest: dict[int, int] = {}
    for edge in along.tolist():
        number = int(part[edges.start[edge]])
        length[number] += float(edges.length_km[edge])
        owners[number].add(int(lines.owner[edges.line[edge]]))
        lowest.setdefault(number, int(edges.line[edge]))
    first = {number: min(network.codes[owner] for owner in found) for number, found in owners.items()}
    ordered = sorted(length, key=lambda number: (-length[number], first[number]))
    for number in ordered[1:]:
        place = tuple(lines.ends[lowest[number]].tolist())
        params = {"river_count": len(owners[number]), "length_km": round(length[number], 3)}
        yield _problem(network, "isolated", sorted(owners[number]), place, notice=True, **params)


def find_parts(start: Ints, end: Ints, nodes: int, connection: Literal["strong", "weak"]) -> Ints:
    """Number of the part that each node belongs to; edges join, both ways where it is to be strong."""
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(nodes, nodes))
    _, part = connected_components(graph.tocsr(), directed=True, connection=connection)
    return np.asarray(part, dtype=np.int64)


def _self_crossings(network: RiverNetwork) -> Iterator[NetworkProblem]:
    lines = network.lines
    for line in np.flatnonzero(~shapely.is_simple(lines.geometry)).tolist():
        owner = int(lines.owner[line])
        yield _problem(network, "self_crossing", [owner], _crossing_place(lines.geometry[line]))


def _crossing_place(line: shapely.LineString) -> tuple[float, float] | None:
    """The first place that a line passes twice."""
    noded = shapely.get_parts(shapely.node(line))
    seen: dict[tuple[float, float], int] = defaultdict(int)
    vertices = {tuple(vertex) for vertex in shapely.get_coordinates(line).tolist()}
    for part in noded:
        for end in (part.coords[0], part.coords[-1]):
            seen[float(end[0]), float(end[1])] += 1
    twice = [place for place, times in seen.items() if times > 2 or (times == 2 and place not in vertices)]
    return min(twice) if twice else None


def _crossings(network: RiverNetwork) -> Iterator[NetworkProblem]:
    """Pairs of lines that meet where they are not joined, that share a stretch, or that are the same line."""
    lines, edges = network.lines, network.edges
    first, second = lines.tree.query(lines.geometry, predicate="intersects")
    once = first < second
    first, second = first[once], second[once]
    common = shapely.intersection(lines.geometry[first], lines.geometry[second])
    odd = ~_meet_at_joint(network, first, second, common)
    nodes: dict[int, set[int]] = defaultdict(set)
    for edge in np.flatnonzero(edges.line >= 0).tolist():
        nodes[int(edges.line[edge])] |= {int(edges.start[edge]), int(edges.end[edge])}
    pairs = sorted(
        zip(first[odd].tolist(), second[odd].tolist(), common[odd], strict=True), key=lambda one: one[:2]
    )
    for a, b, meeting in pairs:
        owners = [int(lines.owner[a]), int(lines.owner[b])]
        if shapely.equals(lines.geometry[a], lines.geometry[b]):
            same_way = bool((lines.starts[a] == lines.starts[b]).all())
            place = tuple(lines.starts[a].tolist())
            code = "duplicate_line" if same_way else "duplicate_line_reversed"
            yield _problem(network, code, owners, place)
            continue
        parts = shapely.get_parts(meeting)
        dimensions = shapely.get_dimensions(parts)
        shared = float(shapely.length(parts[dimensions == 1]).sum())
        if shared > 0:
            longest = parts[int(np.argmax(shapely.length(parts)))]
            ends = shapely.get_coordinates(longest)
            length_m = float(measure_geodesics(*ends[:-1].T, *ends[1:].T).sum())
            if length_m > network.settings.tolerance_m:
                place = tuple(ends[0].tolist())
                yield _problem(network, "overlap", owners, place, length_m=round(length_m, 1))
            continue
        joints = network.nodes[sorted(nodes[a] & nodes[b])]
        for lon, lat in shapely.get_coordinates(parts).tolist():
            if len(joints):
                metres = measure_geodesics(lon, lat, joints[:, 0], joints[:, 1])
                if float(metres.min()) <= 2 * network.settings.tolerance_m:
                    continue
            yield _problem(network, "crossing", owners, (lon, lat), notice=True)


def _lakes_apart(network: RiverNetwork) -> Iterator[NetworkProblem]:
    """Lakes that no river enters or leaves: what lies in them is joined with nothing."""
    for lake in network.lakes:
        if not lake.inflows and not lake.outflows:
            lon, lat = shapely.get_coordinates(shapely.point_on_surface(lake.geometry))[0].tolist()
            yield _problem(network, "lake_apart", [], (lon, lat), notice=True, lake=lake.code)


def _meet_at_joint(network: RiverNetwork, first: Ints, second: Ints, common: Geometries) -> NDArray[np.bool_]:
    """Pairs of lines that meet in one point, which is where the end of one of them joins the other."""
    lines, edges = network.lines, network.edges
    along = edges.line >= 0
    count = len(network.nodes)
    of_line = [edges.line[along] * count + ends[along] for ends in (edges.start, edges.end)]
    known = np.unique(np.concatenate(of_line))
    low, high = network.first_edge[:-1], network.first_edge[1:] - 1
    met = np.zeros(len(first), dtype=bool)
    point = shapely.get_type_id(common) == 0
    lon, lat = shapely.get_x(common[point]), shapely.get_y(common[point])
    found = np.zeros(len(lon), dtype=bool)
    for one, other in ((first[point], second[point]), (second[point], first[point])):
        for node, place in (
            (edges.start[low[one]], lines.starts[one]),
            (edges.end[high[one]], lines.ends[one]),
        ):
            shared = np.isin(other * count + node, known)
            near = measure_geodesics(lon, lat, *place.T) <= network.settings.tolerance_m
            found |= shared & near
    met[point] = found
    return met


def _gaps(network: RiverNetwork) -> Iterator[NetworkProblem]:
    """Ends that lead nowhere although another line is near, beyond the tolerance."""
    lines, edges = network.lines, network.edges
    if not len(lines):
        return
    end_node: dict[int, int] = {}
    for edge in np.flatnonzero(edges.kind == Edge.REACH).tolist():
        if edges.end_km[edge] >= lines.length_km[edges.line[edge]]:
            end_node[int(edges.line[edge])] = int(edges.end[edge])
    flowing = edges.kind != Edge.INSIDE
    leaving, entering = set(edges.start[flowing].tolist()), edges.end[flowing].tolist()
    in_lake = {node for lake in network.lakes for node in (*lake.inflows, *lake.outflows)}
    loose = np.array(
        [line for line, node in sorted(end_node.items()) if node not in leaving and node not in in_lake],
        dtype=np.int64,
    )
    if not len(loose):
        return
    ends_at: dict[int, int] = defaultdict(int)
    for node in entering:
        ends_at[node] += 1
    feet = find_feet(lines, lines.ends[loose], network.settings.tolerance_m * _GAP_TOLERANCES)
    listed: set[int] = set()
    for point, on, metres in zip(
        feet.point.tolist(), feet.line.tolist(), feet.distance_m.tolist(), strict=True
    ):
        line = int(loose[point])
        if (
            line in listed
            or on == line
            or ends_at[end_node[line]] > 1
            or metres <= network.settings.tolerance_m
        ):
            continue
        if end_node.get(on) == end_node[line]:
            continue
        listed.add(line)
        owners = [int(lines.owner[line])]
        other = network.codes[int(lines.owner[on])]
        place = tuple(lines.ends[line].tolist())
        yield _problem(network, "gap", owners, place, other=other, gap_m=round(metres, 1))
