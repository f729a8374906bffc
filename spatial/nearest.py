"""The nearest point of many edges, on the ellipsoid, for places and for the edges of facilities. Compiled.

An edge is the straight line in longitude/latitude between its ends, at most some 10 km of it. Three measures
are used, each where it is good enough:

*A bound below.* A path of length d from latitude φ stays within d / M of it, M the least radius of the
meridian there, and its line element is ds² = M²dφ² + p²dλ². With the least M and the least radius p of a
parallel on the way, √(M²Δφ² + p²Δλ²) is therefore never more than d, and edges stay straight in that plane.
Boxes and edges beyond the best distance by this measure are passed over, and none that is nearer is lost.

*The foot point.* Gauss's mid-latitude formula, east = Δλ p(φm), north = Δφ M(φm), is right to (d/R)²/24 of
the distance: a millimetre in 10 km. p and M are taken from their series about the latitude of the place. The
square of that distance along the edge is minimised by Gauss–Newton steps, each gaining a factor of R/d.

*The distance.* The chord through the Earth, exact but for float64, bent to the arc by the radius of curvature
in its direction at the middle latitude: right to 10⁻⁷ m within 10 km and 10⁻⁴ m within 200 km.

The winner is the least in (distance in whole micrometres, water body, row, longitude, latitude) of all edges,
whatever the order in which they are met: chunks and threads cannot change it. Latitudes beyond ±85° are
measured, but the foot point there is not the best one.

All loops stand in this one file, those that `spatial.edges` prepares the arrays with included: whether kept
machine code is still good is seen from the file of a function alone.
"""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spatial.compilation import compiled
from spatial.geodesy import Floats

if TYPE_CHECKING:
    from spatial.edges import Ints, Outlines, ShoreEdges, Tree, WaterAreas

_A = 6_378_137.0  # GRS80
_F = 1 / 298.257222101
_E2 = _F * (2 - _F)
_DEG = math.pi / 180
# The radius of the meridian changes by less than 1.03 % per radian, and by 1.02 % from equator to pole.
_MERIDIAN_DRIFT = 0.0103
_MERIDIAN_RATIO = 1.0102
_LEAST_MERIDIAN_M = _A * (1 - _E2)
_STACK = 256
FAN = 8
"""Items in a leaf of the tree, and nodes under a node."""
_CURVE_BITS = 16


class Nearest(NamedTuple):
    """Per place or facility; NaN and row -1 where nothing was found."""

    distance_m: Floats  # whole micrometres
    lon: Floats  # degrees, nine decimals
    lat: Floats
    row: "Ints"


class Touched(NamedTuple):
    """Per facility a shoreline that it encloses: row, or -1, and a vertex of it."""

    row: "Ints"
    lon: Floats
    lat: Floats


class Stack(NamedTuple):
    """Nodes of a tree still to be looked at, with a bound of how far they are (metres, squared)."""

    away: Floats
    node: "Ints"
    level: "Ints"


@compiled
def _series(lat: float) -> Any:
    """Radii p and M in metres per degree about a latitude: four and three coefficients."""
    phi = lat * _DEG
    sine, cosine = math.sin(phi), math.cos(phi)
    w2 = 1 - _E2 * sine * sine
    normal = _A / math.sqrt(w2)
    meridian = normal * (1 - _E2) / w2
    slope = 3 * meridian * _E2 * sine * cosine / w2
    bend = 3 * meridian * _E2 * (cosine * cosine - sine * sine) / w2 + 5 * slope * _E2 * sine * cosine / w2
    p1 = -meridian * sine
    p2 = -(slope * sine + meridian * cosine) / 2
    p3 = -(bend * sine + 2 * slope * cosine - meridian * sine) / 6
    return (
        normal * cosine * _DEG,
        p1 * _DEG**2,
        p2 * _DEG**3,
        p3 * _DEG**4,
        meridian * _DEG,
        slope * _DEG**2,
        bend / 2 * _DEG**3,
    )


@compiled
def _foot(x: float, y: float, ax: float, ay: float, bx: float, by: float, origin: float, series: Any) -> Any:
    """The point of the edge a–b nearest to a place, and its distance by the mid-latitude formula."""
    p0, p1, p2, p3, m0, m1, m2 = series
    vx, vy = bx - ax, by - ay
    dx, dy = ax - x, ay - y
    gx, gy = vx * p0, vy * m0
    square = gx * gx + gy * gy
    along = 0.0
    if square > 0:
        along = min(max(-(dx * p0 * gx + dy * m0 * gy) / square, 0.0), 1.0)
    east, north = 0.0, 0.0
    for turn in range(4):
        lon, lat = dx + along * vx, dy + along * vy
        off = y + lat / 2 - origin
        parallel = p0 + off * (p1 + off * (p2 + off * p3))
        meridian = m0 + off * (m1 + off * m2)
        east, north = lon * parallel, lat * meridian
        if turn == 3 or square == 0:
            break
        east_rate = vx * parallel + lon * (p1 + off * (2 * p2 + off * 3 * p3)) * vy / 2
        north_rate = vy * meridian + lat * (m1 + off * 2 * m2) * vy / 2
        rate = east_rate * east_rate + north_rate * north_rate
        if rate == 0:
            break
        better = min(max(along - (east * east_rate + north * north_rate) / rate, 0.0), 1.0)
        if better == along:
            break
        along = better
    if along >= 1:
        return bx, by, math.sqrt(east * east + north * north)
    return ax + along * vx, ay + along * vy, math.sqrt(east * east + north * north)


@compiled
def measure_pair(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two places at most some 200 km apart (degrees): right to 10⁻⁷ m within 10 km."""
    phi, other_phi = lat * _DEG, other_lat * _DEG
    sine, cosine = math.sin(phi), math.cos(phi)
    other_sine, other_cosine = math.sin(other_phi), math.cos(other_phi)
    normal = _A / math.sqrt(1 - _E2 * sine * sine)
    other_normal = _A / math.sqrt(1 - _E2 * other_sine * other_sine)
    radius, other_radius = normal * cosine, other_normal * other_cosine
    half = math.sin((other_lon - lon) * _DEG / 2)
    outward = other_radius - radius
    upward = (1 - _E2) * (other_normal * other_sine - normal * sine)
    across = 4 * radius * other_radius * half * half
    along = outward * outward + upward * upward
    square = across + along
    if square == 0:
        return 0.0
    middle = math.sin((phi + other_phi) / 2)
    w2 = 1 - _E2 * middle * middle
    # Euler: the curvature in a direction, from those of the meridian and of the section square to it.
    curvature = (along * w2 / (1 - _E2) + across) / square * math.sqrt(w2) / _A
    bent = square * curvature * curvature
    return math.sqrt(square) * (1 + bent / 24 * (1 + bent * 9 / 80))


@compiled
def _slack(distance_m: float, cosine: float) -> float:
    """What the mid-latitude formula may be wrong by, generously, at a latitude of that cosine."""
    angle = distance_m / (_A * cosine)
    return 1e-4 + distance_m * angle * angle


@compiled
def _least_radii(reach_m: float, parallel: float, meridian: float, sine: float) -> Any:
    """The least p and M, in metres per degree, that a path of `reach_m` can meet from a latitude.

    `parallel` and `meridian` are p and M there, `sine` that of the latitude's size. dp/dφ = -M sin φ.
    """
    turn = reach_m / _LEAST_MERIDIAN_M
    return (
        max(parallel - _MERIDIAN_RATIO * reach_m * (sine + turn) * _DEG, 0.0),
        meridian * (1 - _MERIDIAN_DRIFT * turn),
    )


@compiled
def _prefer(best: Any, found: Any) -> Any:
    """The better of two candidates, measured through the Earth only where the formula leaves it open.

    A candidate is (metres by the formula, its slack, whole micrometres or -1 where not measured yet;
    longitude and latitude of the shoreline point; of the facility's point; water body, row, edge or -1).
    """
    distance_m, slack, exact, lon, lat, own_lon, own_lat, body, row, edge = found
    if distance_m - slack > best[0] + best[1]:
        return best
    if distance_m + slack < best[0] - best[1]:
        return found
    if exact < 0:
        exact = np.rint(measure_pair(own_lon, own_lat, lon, lat) * 1e6)
        found = (distance_m, slack, exact, lon, lat, own_lon, own_lat, body, row, edge)
    if best[8] < 0:
        return found
    if best[2] < 0:
        best_exact = np.rint(measure_pair(best[5], best[6], best[3], best[4]) * 1e6)
        best = (best[0], best[1], best_exact, best[3], best[4], best[5], best[6], best[7], best[8], best[9])
    if exact != best[2]:
        return found if exact < best[2] else best
    if body != best[7]:
        return found if body < best[7] else best
    if row != best[8]:
        return found if row < best[8] else best
    here, there = np.rint(lon * 1e9), np.rint(best[3] * 1e9)
    if here != there:
        return found if here < there else best
    return found if np.rint(lat * 1e9) < np.rint(best[4] * 1e9) else best


@compiled
def _write(place: int, best: Any, farthest_m: float, nearest: Any) -> None:
    """Put the winner into the arrays of `Nearest`."""
    if best[8] < 0:
        return
    exact = best[2]
    if exact < 0:
        exact = np.rint(measure_pair(best[5], best[6], best[3], best[4]) * 1e6)
    if exact > farthest_m * 1e6:
        return
    nearest.distance_m[place] = exact / 1e6
    nearest.lon[place] = np.rint(best[3] * 1e9) / 1e9
    nearest.lat[place] = np.rint(best[4] * 1e9) / 1e9
    nearest.row[place] = best[8]


@compiled
def _reach_squared(
    x: float, y: float, ax: float, ay: float, bx: float, by: float, p: float, m: float
) -> float:
    """Square of the distance from a place to an edge in the plane of p and M."""
    ex, ey = (ax - x) * p, (ay - y) * m
    gx, gy = (bx - ax) * p, (by - ay) * m
    toward = ex * gx + ey * gy
    if toward < 0:
        along = min(-toward / (gx * gx + gy * gy), 1.0)
        ex, ey = ex + along * gx, ey + along * gy
    return ex * ex + ey * ey


@compiled
def _push_near(
    tree: "Tree",
    node: int,
    level: int,
    west: float,
    south: float,
    east: float,
    north: float,
    p: float,
    m: float,
    square: float,
    stack: Any,
    depth: int,
) -> int:
    """Put the children of a node that come near enough to a box on the stack, the nearest on top."""
    begin = tree.levels[level - 1] + (node - tree.levels[level]) * FAN
    bottom = depth
    for child in range(begin, min(begin + FAN, tree.levels[level])):
        ex = max(tree.boxes[child, 0] - east, west - tree.boxes[child, 2], 0.0) * p
        ey = max(tree.boxes[child, 1] - north, south - tree.boxes[child, 3], 0.0) * m
        away = ex * ex + ey * ey
        if away > square:
            continue
        slot = depth
        while slot > bottom and stack.away[slot - 1] < away:
            stack.away[slot] = stack.away[slot - 1]
            stack.node[slot] = stack.node[slot - 1]
            stack.level[slot] = stack.level[slot - 1]
            slot -= 1
        stack.away[slot], stack.node[slot], stack.level[slot] = away, child, level - 1
        depth += 1
    return depth


# --------------------------------------------------------------------------------------------- water areas


@compiled
def _is_inside(x: float, y: float, area: int, edges: Any, waters: "WaterAreas") -> bool:
    """Whether an odd number of the area's edges cross the parallel east of a place."""
    bounds = waters.bounds
    if not (bounds[area, 0] <= x <= bounds[area, 2] and bounds[area, 1] <= y <= bounds[area, 3]):
        return False
    bands = waters.first_band[area + 1] - waters.first_band[area]
    band = waters.first_band[area] + _find_band(y, waters.south[area], waters.height[area], bands)
    inside = False
    for entry in range(waters.first_entry[band], waters.first_entry[band + 1]):
        edge = waters.entries[entry]
        ay, by = edges[edge, 1], edges[edge, 3]
        if (ay <= y) != (by <= y):
            ax, bx = edges[edge, 0], edges[edge, 2]
            side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
            if (side > 0) == (by > ay):
                inside = not inside
    return inside


@compiled
def _find_water(x: float, y: float, shores: "ShoreEdges", body: Any, stack: Any) -> int:
    """Row of the water that a place lies in, of several that of the first body and row; -1 on land."""
    waters = shores.waters
    found = -1
    if len(waters.row) == 0:
        return found
    top = len(waters.tree.levels) - 2
    stack.away[0], stack.node[0], stack.level[0] = 0.0, waters.tree.levels[top], top
    depth = 1
    while depth > 0:
        depth -= 1
        node, level = stack.node[depth], stack.level[depth]
        if level > 0:
            depth = _push_near(waters.tree, node, level, x, y, x, y, 1.0, 1.0, 0.0, stack, depth)
            continue
        for area in range(node * FAN, min((node + 1) * FAN, len(waters.row))):
            row = waters.row[area]
            if found >= 0 and (body[found], found) <= (body[row], row):
                continue
            if _is_inside(x, y, area, shores.edges, waters):
                found = row
    return found


# ------------------------------------------------------------------------------------------------ places


@compiled
def search_places(
    lon: Any, lat: Any, order: Any, search_m: float, shores: "ShoreEdges", body: Any, nearest: Nearest
) -> None:
    """Write the nearest shoreline point of the places `order` (numbers in `lon`, `lat`) into `nearest`.

    `body` is the order of the water body by row of the shoreline frame. What was in `nearest` stays where
    nothing lies within `search_m`. Places that follow each other should be near each other: the shore of one
    is the first guess for the next.
    """
    edges, tree = shores.edges, shores.tree
    stack = Stack(np.empty(_STACK), np.empty(_STACK, np.int64), np.empty(_STACK, np.int64))
    top = len(tree.levels) - 2
    farthest_m = search_m + 1e-6
    guess = 0
    for number in range(len(order)):
        place = order[number]
        x, y = lon[place], lat[place]
        series = _series(y)
        sine, cosine = math.sin(abs(y) * _DEG), max(math.cos(y * _DEG), 1e-9)
        best = (np.inf, 0.0, -1.0, 0.0, 0.0, x, y, -1, -1, -1)
        water = _find_water(x, y, shores, body, stack)
        if water >= 0:
            best = (0.0, 1e-5, 0.0, x, y, x, y, body[water], water, -1)
        fx, fy, metres = _foot(
            x, y, edges[guess, 0], edges[guess, 1], edges[guess, 2], edges[guess, 3], y, series
        )
        row = shores.row[guess]
        best = _prefer(best, (metres, _slack(metres, cosine), -1.0, fx, fy, x, y, body[row], row, guess))
        bound_m = min(farthest_m + _slack(farthest_m, cosine), best[0] + best[1])
        p, m = _least_radii(bound_m, series[0], series[4], sine)
        square = bound_m * bound_m

        stack.away[0], stack.node[0], stack.level[0] = 0.0, tree.levels[top], top
        depth = 1
        while depth > 0:
            depth -= 1
            if stack.away[depth] > square:
                continue
            node, level = stack.node[depth], stack.level[depth]
            if level > 0:
                depth = _push_near(tree, node, level, x, y, x, y, p, m, square, stack, depth)
                continue
            for edge in range(node * FAN, min((node + 1) * FAN, len(edges))):
                ax, ay, bx, by = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
                if edge == guess or _reach_squared(x, y, ax, ay, bx, by, p, m) > square:
                    continue
                fx, fy, metres = _foot(x, y, ax, ay, bx, by, y, series)
                row = shores.row[edge]
                slack = _slack(metres, cosine)
                best = _prefer(best, (metres, slack, -1.0, fx, fy, x, y, body[row], row, edge))
                if best[0] + best[1] < bound_m:
                    bound_m = best[0] + best[1]
                    p, m = _least_radii(bound_m, series[0], series[4], sine)
                    square = bound_m * bound_m
        if best[9] >= 0:
            guess = best[9]
        _write(place, best, farthest_m, nearest)


# ------------------------------------------------------------------------------------- lines and polygons


@compiled
def find_enclosed(shores: "ShoreEdges", body: Any, outlines: "Outlines", touched: Touched) -> None:
    """Note for each facility the first shoreline of which a vertex lies inside the facility.

    A shoreline that meets a polygon without crossing its edge lies wholly inside, so one vertex tells.
    """
    areas = outlines.areas
    if len(areas.row) == 0:
        return
    stack = Stack(np.empty(_STACK), np.empty(_STACK, np.int64), np.empty(_STACK, np.int64))
    top = len(areas.tree.levels) - 2
    for corner in range(len(shores.corner_row)):
        x, y = shores.corners[corner, 0], shores.corners[corner, 1]
        row = shores.corner_row[corner]
        stack.away[0], stack.node[0], stack.level[0] = 0.0, areas.tree.levels[top], top
        depth = 1
        while depth > 0:
            depth -= 1
            node, level = stack.node[depth], stack.level[depth]
            if level > 0:
                depth = _push_near(areas.tree, node, level, x, y, x, y, 1.0, 1.0, 0.0, stack, depth)
                continue
            for area in range(node * FAN, min((node + 1) * FAN, len(areas.row))):
                if _is_inside(x, y, area, outlines.edges, areas):
                    _touch(areas.row[area], x, y, row, body, touched)


@compiled
def _touch(facility: int, x: float, y: float, row: int, body: Any, touched: Touched) -> None:
    known = touched.row[facility]
    if known >= 0:
        here = (body[row], row, x, y)
        there = (body[known], known, touched.lon[facility], touched.lat[facility])
        if there <= here:
            return
    touched.row[facility], touched.lon[facility], touched.lat[facility] = row, x, y


@compiled
def _gap_squared(own: Any, ax: float, ay: float, bx: float, by: float, p: float, m: float) -> float:
    """Square of the distance of two edges in the plane of p and M."""
    if _do_cross(own, ax, ay, bx, by):
        return 0.0
    cx, cy, dx, dy = own
    return min(
        _reach_squared(cx, cy, ax, ay, bx, by, p, m),
        _reach_squared(dx, dy, ax, ay, bx, by, p, m),
        _reach_squared(ax, ay, cx, cy, dx, dy, p, m),
        _reach_squared(bx, by, cx, cy, dx, dy, p, m),
    )


@compiled
def _do_cross(own: Any, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether each edge's ends lie on both sides of the other; edges that only touch count or not."""
    cx, cy, dx, dy = own
    if (_side(ax, ay, bx, by, cx, cy) > 0) == (_side(ax, ay, bx, by, dx, dy) > 0):
        return False
    return (_side(cx, cy, dx, dy, ax, ay) > 0) != (_side(cx, cy, dx, dy, bx, by) > 0)


@compiled
def _side(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    return (bx - ax) * (y - ay) - (x - ax) * (by - ay)


@compiled
def search_outlines(
    outlines: "Outlines",
    order: Any,
    search_m: float,
    shores: "ShoreEdges",
    body: Any,
    touched: Touched,
    nearest: Nearest,
) -> None:
    """Write the nearest shoreline point of the facilities `order` into `nearest`, as `search_places` does.

    Two edges that do not cross are nearest at an end of one of them, up to how much they bend on the
    ellipsoid: the own edges are cut short for that.
    """
    tree = shores.tree
    stack = Stack(np.empty(_STACK), np.empty(_STACK, np.int64), np.empty(_STACK, np.int64))
    top = len(tree.levels) - 2
    farthest_m = search_m + 1e-6
    for number in range(len(order)):
        facility = order[number]
        best = (np.inf, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1, -1, -1)
        row = touched.row[facility]
        if row >= 0:
            x, y = touched.lon[facility], touched.lat[facility]
            best = _prefer(best, (0.0, 1e-5, 0.0, x, y, x, y, body[row], row, -1))
        for corner in range(outlines.first_corner[facility], outlines.first_corner[facility + 1]):
            x, y = outlines.corners[corner, 0], outlines.corners[corner, 1]
            row = _find_water(x, y, shores, body, stack)
            if row >= 0:
                best = _prefer(best, (0.0, 1e-5, 0.0, x, y, x, y, body[row], row, -1))
        for own_edge in range(outlines.first_edge[facility], outlines.first_edge[facility + 1]):
            best = _search_edge(outlines.edges, own_edge, farthest_m, shores, body, best, stack, top)
        _write(facility, best, farthest_m, nearest)


@compiled
def _search_edge(
    own_edges: Any,
    own_edge: int,
    farthest_m: float,
    shores: "ShoreEdges",
    body: Any,
    best: Any,
    stack: Stack,
    top: int,
) -> Any:
    cx, cy, dx, dy = (
        own_edges[own_edge, 0],
        own_edges[own_edge, 1],
        own_edges[own_edge, 2],
        own_edges[own_edge, 3],
    )
    own = (cx, cy, dx, dy)
    origin = (cy + dy) / 2
    series = _series(origin)
    sine, cosine = math.sin(abs(origin) * _DEG), max(math.cos(origin * _DEG), 1e-9)
    # No path from the edge leaves the middle latitude by more than half the edge and the path itself.
    half_m = math.hypot((dx - cx) * series[0], (dy - cy) * series[4]) / 2 + 1.0
    bound_m = min(farthest_m + _slack(farthest_m, cosine), best[0] + best[1])
    p, m = _least_radii(bound_m + half_m, series[0], series[4], sine)
    square = bound_m * bound_m
    south, north = min(cy, dy), max(cy, dy)  # the west end comes first
    stack.away[0], stack.node[0], stack.level[0] = 0.0, shores.tree.levels[top], top
    depth = 1
    while depth > 0:
        depth -= 1
        if stack.away[depth] > square:
            continue
        node, level = stack.node[depth], stack.level[depth]
        if level > 0:
            depth = _push_near(shores.tree, node, level, cx, south, dx, north, p, m, square, stack, depth)
            continue
        for edge in range(node * FAN, min((node + 1) * FAN, len(shores.edges))):
            ax, ay, bx, by = (
                shores.edges[edge, 0],
                shores.edges[edge, 1],
                shores.edges[edge, 2],
                shores.edges[edge, 3],
            )
            if _gap_squared(own, ax, ay, bx, by, p, m) > square:
                continue
            row = shores.row[edge]
            if _do_cross(own, ax, ay, bx, by):
                c_side = _side(ax, ay, bx, by, cx, cy)
                along = c_side / (c_side - _side(ax, ay, bx, by, dx, dy))
                x, y = cx + along * (dx - cx), cy + along * (dy - cy)
                best = _prefer(best, (0.0, 1e-5, 0.0, x, y, x, y, body[row], row, edge))
            else:
                for end in range(4):
                    if end < 2:
                        own_x, own_y = (cx, cy) if end == 0 else (dx, dy)
                        x, y, metres = _foot(own_x, own_y, ax, ay, bx, by, origin, series)
                    else:
                        x, y = (ax, ay) if end == 2 else (bx, by)
                        own_x, own_y, metres = _foot(x, y, cx, cy, dx, dy, origin, series)
                    slack = _slack(metres, cosine)
                    best = _prefer(best, (metres, slack, -1.0, x, y, own_x, own_y, body[row], row, edge))
            if best[0] + best[1] < bound_m:
                bound_m = best[0] + best[1]
                p, m = _least_radii(bound_m + half_m, series[0], series[4], sine)
                square = bound_m * bound_m
    return best


# ------------------------------------------------------------------------------- what is made ready


@compiled
def _pieces_of(west: float, south: float, east: float, north: float, piece_m: float) -> int:
    narrow = math.cos(math.radians(min(abs(south), abs(north))))
    length_m = math.radians(math.hypot((east - west) * narrow, north - south)) * _A
    return max(1, math.ceil(length_m / piece_m))


@compiled
def count_pieces(vertices: Any, line: Any, piece_m: float) -> int:
    """How many edges `fill_pieces` will write."""
    count = 0
    for i in range(len(line) - 1):
        if line[i] == line[i + 1]:
            count += _pieces_of(
                vertices[i, 0], vertices[i, 1], vertices[i + 1, 0], vertices[i + 1, 1], piece_m
            )
    return count


@compiled
def fill_pieces(vertices: Any, line: Any, piece_m: float, edges: Any, line_of: Any) -> None:
    """Write the edges of lines, cut, each towards the greater longitude, then latitude."""
    at = 0
    for i in range(len(line) - 1):
        if line[i] != line[i + 1]:
            continue
        x, y, end_x, end_y = vertices[i, 0], vertices[i, 1], vertices[i + 1, 0], vertices[i + 1, 1]
        if x > end_x or (x == end_x and y > end_y):
            x, y, end_x, end_y = end_x, end_y, x, y
        pieces = _pieces_of(x, y, end_x, end_y, piece_m)
        from_x, from_y = x, y
        for piece in range(1, pieces + 1):
            part = piece / pieces
            to_x, to_y = (
                (end_x, end_y) if piece == pieces else (x + part * (end_x - x), y + part * (end_y - y))
            )
            edges[at, 0], edges[at, 1], edges[at, 2], edges[at, 3] = from_x, from_y, to_x, to_y
            line_of[at] = line[i]
            at += 1
            from_x, from_y = to_x, to_y


@compiled
def curve_keys(lon: Any, lat: Any, west: float, south: float, east: float, north: float, key: Any) -> None:
    """Write for each place how far along the Hilbert curve over a box it stands."""
    side = (1 << _CURVE_BITS) - 1
    x_scale = side / (east - west) if east > west else 0.0
    y_scale = side / (north - south) if north > south else 0.0
    for i in range(len(key)):
        x = int((lon[i] - west) * x_scale)
        y = int((lat[i] - south) * y_scale)
        place = 0
        step = 1 << (_CURVE_BITS - 1)
        while step > 0:
            right = 1 if (x & step) > 0 else 0
            upper = 1 if (y & step) > 0 else 0
            place += step * step * ((3 * right) ^ upper)
            if upper == 0:
                if right == 1:
                    x = side - x
                    y = side - y
                x, y = y, x
            step >>= 1
        key[i] = place


@compiled
def fill_boxes(items: Any, boxes: Any, levels: Any) -> None:
    """Write the boxes of a tree, level by level."""
    for node in range(levels[1]):
        west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
        for i in range(node * FAN, min((node + 1) * FAN, len(items))):
            west = min(west, items[i, 0], items[i, 2])
            south = min(south, items[i, 1], items[i, 3])
            east = max(east, items[i, 0], items[i, 2])
            north = max(north, items[i, 1], items[i, 3])
        boxes[node, 0], boxes[node, 1], boxes[node, 2], boxes[node, 3] = west, south, east, north
    for level in range(1, len(levels) - 1):
        below, here, above = levels[level - 1], levels[level], levels[level + 1]
        for node in range(above - here):
            west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
            for i in range(below + node * FAN, min(below + (node + 1) * FAN, here)):
                west = min(west, boxes[i, 0])
                south = min(south, boxes[i, 1])
                east = max(east, boxes[i, 2])
                north = max(north, boxes[i, 3])
            at = here + node
            boxes[at, 0], boxes[at, 1], boxes[at, 2], boxes[at, 3] = west, south, east, north


@compiled
def survey_areas(edges: Any, area: Any, bounds: Any, rise: Any, number: Any) -> None:
    """Write per polygon its bounds, the latitude its edges climb and fall together, and their number."""
    for i in range(len(edges)):
        of = area[i]
        if of < 0:
            continue
        bounds[of, 0] = min(bounds[of, 0], edges[i, 0], edges[i, 2])
        bounds[of, 1] = min(bounds[of, 1], edges[i, 1], edges[i, 3])
        bounds[of, 2] = max(bounds[of, 2], edges[i, 0], edges[i, 2])
        bounds[of, 3] = max(bounds[of, 3], edges[i, 1], edges[i, 3])
        rise[of] += abs(edges[i, 3] - edges[i, 1])
        number[of] += 1


@compiled
def _find_band(lat: float, south: float, height: float, bands: int) -> int:
    """Number of the band of a polygon that a latitude lies in; monotonic, so no edge misses a band."""
    return min(max(int((lat - south) / height), 0), bands - 1)


@compiled
def _find_bands(edge: Any, polygon: int, south: Any, height: Any, first_band: Any) -> Any:
    """Numbers of the first and the last band of all that an edge of a polygon reaches into."""
    first = first_band[polygon]
    bands = first_band[polygon + 1] - first
    low = _find_band(min(edge[1], edge[3]), south[polygon], height[polygon], bands)
    high = _find_band(max(edge[1], edge[3]), south[polygon], height[polygon], bands)
    return first + low, first + high


@compiled
def count_entries(
    edges: Any, area: Any, place: Any, south: Any, height: Any, first_band: Any, filled: Any
) -> None:
    """Write how many edges reach into each band."""
    for i in range(len(edges)):
        if area[i] < 0:
            continue
        low, high = _find_bands(edges[i], place[area[i]], south, height, first_band)
        for band in range(low, high + 1):
            filled[band] += 1


@compiled
def fill_entries(
    edges: Any, area: Any, place: Any, south: Any, height: Any, first_band: Any, filled: Any, entries: Any
) -> None:
    """Write the edges of each band; `filled` says where each band goes on."""
    for i in range(len(edges)):
        if area[i] < 0:
            continue
        low, high = _find_bands(edges[i], place[area[i]], south, height, first_band)
        for band in range(low, high + 1):
            entries[filled[band]] = i
            filled[band] += 1


@compiled
def find_least(vertices: Any, line: Any, least: Any) -> None:
    """Write the least vertex of each line."""
    for i in range(len(line)):
        of, x, y = line[i], vertices[i, 0], vertices[i, 1]
        if x < least[of, 0] or (x == least[of, 0] and y < least[of, 1]):
            least[of, 0], least[of, 1] = x, y
