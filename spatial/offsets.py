"""Everything within a distance of plane lines, as simple polygons whose union it is.

GEOS buffers whole lines fast, but moves edges by up to 1 % of the distance (measured: 0.2 m in 1 km, 3 m in
20 km) and leaves small holes. So the zone is built from pieces that can be proved. A place within the
distance has its nearest point either inside an edge, and then it stands in the rectangle on that side of the
edge; or at a vertex, and then in the sector between the normals of the two edges, on the outer side of the
bend; or at an end of the line, and then in the half disc around it. Rectangles, sectors and half discs are
the whole zone, and nothing else is in them.

Pieces of neighbouring edges are joined beforehand where that is exact: at the outer side of a bend always, at
the inner side where the two offset edges meet between their ends (a place beyond the line between the vertex
and that meeting point is nearer to the other edge).
"""

import math
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Geometries = NDArray[np.object_]

_EDGES_IN_A_PIECE = 48
_STRAIGHT_RAD = 1e-9

# What surely lies inside the zone, drawn fast: pieces within it need not be joined one by one. GEOS moves an
# edge by at most 1 % of the distance, the line is thinned first, and eight chords draw a quarter circle.
_INNER_SHARE = 0.93
_THINNING_SHARE = 0.05
_INNER_CHORDS = 8
_VERTICES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges of lines, in their order, each with what stands at its far end; one side of the lines."""

    start: Floats  # (n, 2)
    end: Floats  # (n, 2)
    normal: Floats  # (n, 2) unit vector to the side
    beyond: Floats  # (n, 2) unit vector, the far side of the sector at the end
    sweep: Floats  # radians from `normal` to the far side of the sector at the end; 0: no sector
    meeting: Floats  # (n, 2) where the offset edges meet, NaN where they are not joined
    first: Bools  # the line begins here
    last: Bools  # the line ends here

    def take(self, which: NDArray[np.generic]) -> Self:
        return type(self)(*(getattr(self, field.name)[which] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.start)


def offset_pieces(vertices: Floats, line: Ints, distance: float, sagitta: float, side: int) -> Geometries:
    """Polygons whose union is everything within `distance` on one side of lines, their ends included.

    Parameters
    ----------
    vertices : (n, 2)
        In a plane, in the unit of `distance`. Lines of one place (after repeats are dropped) have no side:
        see `discs`.
    line : (n,)
        Number of the line that each vertex belongs to, rising.
    sagitta
        Arcs are drawn as chords that stay at most this far inside the circle.
    side : {1, -1}
        To the left or the right of the lines. At an end of a line the quarter disc of that side.
    """
    edges = _read_edges(vertices, line, distance, side)
    if not len(edges):
        return np.empty(0, dtype=object)
    number = np.arange(len(edges))
    whole = number - np.maximum.accumulate(np.where(edges.first, number, 0))
    joined = (edges.sweep != 0) | np.isfinite(edges.meeting[:, 0])
    ends = edges.last | ~joined | (whole % _EDGES_IN_A_PIECE == _EDGES_IN_A_PIECE - 1)
    pieces = _draw(edges, ends, distance, sagitta, side)
    valid = shapely.is_valid(pieces)
    if valid.all():
        return pieces
    piece = np.cumsum(np.concatenate([[0], ends[:-1]]))
    single = edges.take(~valid[piece])
    return np.concatenate(
        [pieces[valid], _draw(single, np.ones(len(single), dtype=bool), distance, sagitta, side)]
    )


def discs(vertices: Floats, line: Ints, distance: float, sagitta: float) -> Geometries:
    """The zones of lines that stay in one place."""
    moved = np.zeros(int(line.max(initial=-1)) + 1, dtype=bool)
    moved[line[1:][_steps(vertices, line)]] = True
    _, lead = np.unique(line, return_index=True)
    still = lead[~moved[line[lead]]]
    quarter = math.ceil(math.pi / 2 / _chord_angle(distance, sagitta))
    return np.asarray(shapely.buffer(shapely.points(vertices[still]), distance, quad_segs=quarter))


def surely_inside(vertices: Floats, line: Ints, distance: float) -> shapely.Geometry:
    """A region inside the zone of lines, most of it: for sorting out what adds nothing."""
    if not len(vertices):
        return shapely.Polygon()
    keep = np.concatenate([[True], _steps(vertices, line) | (line[1:] != line[:-1])])
    vertices, line = vertices[keep], line[keep]
    number = np.arange(len(line))
    lead = np.concatenate([[True], line[1:] != line[:-1]])
    whole = number - np.maximum.accumulate(np.where(lead, number, 0))
    # Chunks share the vertex where they meet.
    chunk = np.cumsum(lead | ((whole > 0) & (whole % _VERTICES_AT_ONCE == 0))) - 1
    shared = np.flatnonzero((chunk[1:] != chunk[:-1]) & (line[1:] == line[:-1])) + 1
    vertices = np.insert(vertices, shared, vertices[shared], axis=0)
    chunk = np.insert(chunk, shared, chunk[shared - 1])
    several = np.bincount(chunk)[chunk] > 1
    if not several.any():
        return shapely.Polygon()
    _, indices = np.unique(chunk[several], return_inverse=True)
    lines = shapely.linestrings(vertices[several], indices=indices)
    thin = shapely.simplify(lines, distance * _THINNING_SHARE, preserve_topology=False)
    drawn = shapely.buffer(thin, distance * _INNER_SHARE, quad_segs=_INNER_CHORDS)
    return shapely.union_all(drawn)


def _steps(vertices: Floats, line: Ints) -> Bools:
    """Whether each vertex but the first goes on from the one before, along the same line."""
    return np.asarray(np.any(vertices[1:] != vertices[:-1], axis=1) & (line[1:] == line[:-1]))


def _chord_angle(distance: float, sagitta: float) -> float:
    """A chord over the angle a lies distance * (1 - cos(a / 2)) inside its arc."""
    return 2 * math.acos(1 - min(sagitta / distance, 0.5))


def _read_edges(vertices: Floats, line: Ints, distance: float, side: int) -> _Edges:
    step = _steps(vertices, line)
    start, end = vertices[:-1][step], vertices[1:][step]
    line = line[1:][step]
    along = end - start
    length = np.hypot(along[:, 0], along[:, 1])
    along /= length[:, None]
    normal = side * np.column_stack([-along[:, 1], along[:, 0]])
    follows = np.concatenate([line[1:] == line[:-1], np.zeros(min(1, len(line)), dtype=bool)])
    following = np.where(follows, np.arange(len(line)) + 1, np.arange(len(line)))
    cross = along[:, 0] * along[following, 1] - along[:, 1] * along[following, 0]
    dot = np.sum(along * along[following], axis=1)
    turn = side * np.arctan2(cross, dot)  # positive: towards the side
    turn = np.where((cross == 0) & (dot < 0), -math.pi, turn)
    sweep = np.where(follows & (turn < -_STRAIGHT_RAD), side * turn, 0.0)
    sweep = np.where(follows, sweep, -side * math.pi / 2)
    # Half of each edge is left to the other end, so that the cut-off corners never cross.
    cut = distance * np.tan(np.clip(turn, 0.0, 3.0) / 2)
    meets = follows & (turn >= -_STRAIGHT_RAD) & (cut <= 0.49 * np.minimum(length, length[following]))
    denominator = np.where(meets, 1 + np.sum(normal * normal[following], axis=1), 1.0)
    meeting = end + distance * (normal + normal[following]) / denominator[:, None]
    return _Edges(
        start,
        end,
        normal,
        np.where(follows[:, None], normal[following], along),
        sweep,
        np.where(meets[:, None], meeting, np.nan),
        np.concatenate([np.ones(min(1, len(line)), dtype=bool), ~follows[:-1]]),
        ~follows,
    )


def _draw(edges: _Edges, ends: Bools, distance: float, sagitta: float, side: int) -> Geometries:
    """One ring for each run of edges up to an end: along the line, and back along its offset."""
    angle = _chord_angle(distance, sagitta)
    piece = np.cumsum(np.concatenate([[0], ends[:-1]])).astype(np.int64)
    begins = np.concatenate([[True], ends[:-1]])
    meets = ~ends & np.isfinite(edges.meeting[:, 0])
    chords = np.where(meets, 0, np.ceil(np.abs(edges.sweep) / angle)).astype(np.int64)
    quarter = math.ceil(math.pi / 2 / angle)
    # Points behind an edge's far end, then at the start of the first edge of the piece.
    behind = chords + 1
    before = np.where(begins, np.where(edges.first, quarter + 1, 1), 0)
    back = np.arange(len(edges))[::-1]

    total = np.bincount(piece, weights=behind + before + 1 + begins).astype(np.int64)
    base = np.concatenate([[0], np.cumsum(total)])
    points = np.empty((base[-1], 2))

    # Along the line: the start of the first edge, then every end.
    number = np.arange(len(edges))
    local = number - np.maximum.accumulate(np.where(begins, number, 0))
    points[base[piece[begins]]] = edges.start[begins]
    points[base[piece] + local + 1] = edges.end

    # Back along the offset: the pieces' own order stays, their edges come from the last to the first.
    amount = (behind + before)[back]
    ahead = np.cumsum(amount) - amount
    opening = np.flatnonzero(ends[back])
    ahead = ahead - np.repeat(ahead[opening], np.diff(np.append(opening, len(back))))
    at = np.empty(len(edges), dtype=np.int64)
    edge_count = np.bincount(piece)
    at[back] = base[piece[back]] + edge_count[piece[back]] + 1 + ahead

    own = np.repeat(number, behind)
    place = np.arange(len(own)) - np.repeat(np.cumsum(behind) - behind, behind)
    share = 1 - place / np.maximum(chords[own], 1)
    direction = _turned(edges.normal[own], edges.sweep[own] * np.where(chords[own] > 0, share, 0.0))
    # Neighbours share these corners to the last bit, so that no gap opens between them.
    opens = (place == 0) & (chords[own] > 0)
    direction[opens] = edges.beyond[own[opens]]
    closes = place == chords[own]
    direction[closes] = edges.normal[own[closes]]
    points[at[own] + place] = edges.end[own] + distance * direction
    points[at[meets]] = edges.meeting[meets]

    own = np.repeat(number, before)
    place = np.arange(len(own)) - np.repeat(np.cumsum(before) - before, before)
    direction = _turned(edges.normal[own], side * place * (math.pi / 2 / quarter))
    direction[place == 0] = edges.normal[own[place == 0]]
    closes = place == quarter
    direction[closes] = side * np.column_stack([-edges.normal[own, 1], edges.normal[own, 0]])[closes]
    points[at[own] + behind[own] + place] = edges.start[own] + distance * direction

    rings = shapely.linearrings(points, indices=np.repeat(np.arange(len(total)), total))
    return np.asarray(shapely.polygons(rings), dtype=object)


def _turned(vector: Floats, angle: Floats) -> Floats:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.column_stack(
        [
            cosine * vector[:, 0] - sine * vector[:, 1],
            sine * vector[:, 0] + cosine * vector[:, 1],
        ]
    )
