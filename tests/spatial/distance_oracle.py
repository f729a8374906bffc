"""The distance of facilities to shorelines by dense search: slow, plain, and nothing of the engine's in it.

Edges are straight in longitude/latitude. Facility and shore are sampled along their edges, the samples are
compared by the chord through the Earth, every sample that no neighbour on its edge undercuts and that could
still win is the start of a golden-section search between its neighbours (for the edges of lines and polygons
a search in a search), and the least place found is measured by GeographicLib. A chord is shorter than its
geodesic by d³/24R², in every direction the same to 10 micrometres in 10 km: it orders places as metres do.
"""

import math

import numpy as np
import shapely
from geographiclib.geodesic import Geodesic
from numpy.typing import NDArray
from scipy.spatial import cKDTree

GRS80 = Geodesic(6_378_137.0, 1 / 298.257222101)
SHORE_SPACING_M = 150.0
OWN_SPACING_M = 40.0
GOLDEN = (math.sqrt(5) - 1) / 2
POINT_STEPS = 24  # 300 m shrink to 3 mm: along an edge that is aimed at from 1 m, to 5 micrometres
EDGE_STEPS = 22
SLACK_M = SHORE_SPACING_M / 2 + OWN_SPACING_M / 2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def to_chord_space(lon: Floats, lat: Floats) -> Floats:
    """Earth-centred x, y, z in metres."""
    lam, phi = np.radians(lon), np.radians(lat)
    e2 = GRS80.f * (2 - GRS80.f)
    sine, cosine = np.sin(phi), np.cos(phi)
    normal = GRS80.a / np.sqrt(1 - e2 * sine * sine)
    return np.stack(
        [normal * cosine * np.cos(lam), normal * cosine * np.sin(lam), normal * (1 - e2) * sine], axis=-1
    )


def geodesic_m(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    """The geodesic between two places, by GeographicLib."""
    return float(GRS80.Inverse(lat, lon, to_lat, to_lon, Geodesic.DISTANCE)["s12"])


def simple_parts(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    """Points, lines and polygons of a geometry."""
    if hasattr(geometry, "geoms"):
        return [part for member in geometry.geoms for part in simple_parts(member)]
    return [geometry]


def drawn_edges(geometry: shapely.Geometry) -> tuple[Floats, Floats]:
    """Start and end (degrees) of every edge; a point is an edge of no length."""
    starts, ends = [np.empty((0, 2))], [np.empty((0, 2))]
    for part in simple_parts(geometry):
        lines = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
        for line in lines:
            vertices = np.asarray(line.coords)[:, :2]
            starts.append(vertices[:-1] if len(vertices) > 1 else vertices)
            ends.append(vertices[1:] if len(vertices) > 1 else vertices)
    return np.concatenate(starts), np.concatenate(ends)


def is_inside(polygon: shapely.Polygon, places: Floats) -> NDArray[np.bool_]:
    """Whether places lie inside a polygon: an odd number of its edges lies due east of them."""
    start, end = drawn_edges(polygon)
    x, y = places[:, :1], places[:, 1:]
    straddles = (start[:, 1] <= y) != (end[:, 1] <= y)
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = start[:, 0] + (y - start[:, 1]) / (end[:, 1] - start[:, 1]) * (end[:, 0] - start[:, 0])
    return np.asarray((straddles & (cut > x)).sum(axis=1) % 2 == 1)


class _Samples:
    """Edges with samples along them, each at most `spacing_m` from the next of its edge."""

    def __init__(self, start: Floats, end: Floats, spacing_m: float) -> None:
        self.start, self.step = start, end - start
        length = np.linalg.norm(to_chord_space(*end.T) - to_chord_space(*start.T), axis=1)
        # Even steps of degrees along a long edge are uneven in metres, by less than a fifth.
        counts = np.ceil(1.25 * length / spacing_m).astype(int) + 1
        self.edge = np.repeat(np.arange(len(counts)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        self.gap = 1 / np.maximum(counts - 1, 1)
        self.along = (np.arange(len(self.edge)) - first) * self.gap[self.edge]
        self.chords = to_chord_space(*self.at(self.edge, self.along).T)

    def at(self, edge: Ints, along: Floats) -> Floats:
        return np.asarray(self.start[edge] + along[..., None] * self.step[edge])


class DistanceOracle:
    """Distances to all shorelines of a layer together.

    Parameters
    ----------
    shores
        Lines and water polygons in degrees; holes are land. Parts of one polygon do not overlap.
    within_m
        Farther than this is infinite.
    """

    def __init__(self, shores: list[shapely.Geometry], within_m: float = 10_000.0) -> None:
        self.within_m = within_m
        edges = [drawn_edges(shore) for shore in shores]
        self.waters = [
            part for shore in shores for part in simple_parts(shore) if part.geom_type == "Polygon"
        ]
        self.vertices = np.concatenate([start for start, _ in edges])
        self.shore = _Samples(self.vertices, np.concatenate([end for _, end in edges]), SHORE_SPACING_M)
        self.tree = cKDTree(self.shore.chords)

    def distances_m(self, facilities: list[shapely.Geometry]) -> Floats:
        """Least geodesic from each facility to any shore; 0 where they meet, infinite beyond `within_m`."""
        edges = [drawn_edges(facility) for facility in facilities]
        owner = np.repeat(np.arange(len(edges)), [len(start) for start, _ in edges])
        start, end = np.concatenate([e[0] for e in edges]), np.concatenate([e[1] for e in edges])
        own = _Samples(start, end, OWN_SPACING_M)
        facility = owner[own.edge]
        chord, _ = self.tree.query(own.chords)
        best = np.full(len(facilities), np.inf)
        np.minimum.at(best, facility, chord)
        # The nearest place of the facility is at most half a spacing from a sample, so is that of the shore.
        rows = np.flatnonzero((chord <= best[facility] + SLACK_M) & (chord <= self.within_m + SLACK_M))
        found = np.full(len(facilities), np.inf)
        found[self._meet_water(facilities, start, owner)] = 0.0
        rows = rows[found[facility[rows]] > 0]
        if len(rows):
            self._search_rows(own, rows, facility, best, found)
        return np.where(found <= self.within_m, found, np.inf)

    def _meet_water(self, facilities: list[shapely.Geometry], start: Floats, owner: Ints) -> Ints:
        """Facilities with a vertex in water, areas with a shore in them; what only crosses is searched."""
        wet = np.zeros(len(start), dtype=bool)
        for water in self.waters:
            wet |= is_inside(water, start)
        holding = [
            number
            for number, facility in enumerate(facilities)
            for part in simple_parts(facility)
            if part.geom_type == "Polygon" and is_inside(part, self.vertices).any()
        ]
        return np.unique(np.concatenate([owner[wet], np.array(holding, dtype=np.int64)])).astype(np.int64)

    def _search_rows(self, own: _Samples, rows: Ints, facility: Ints, best: Floats, found: Floats) -> None:
        """Search around every pair of samples that could be next to the least distance; fill `found`."""
        shore = self.shore
        limit = best[facility[rows]] + SLACK_M
        near = self.tree.query_ball_point(own.chords[rows], limit, return_sorted=True)
        row = np.repeat(rows, [len(samples) for samples in near])
        sample = np.concatenate([np.array(samples, dtype=np.int64) for samples in near])
        chord = np.linalg.norm(own.chords[row] - shore.chords[sample], axis=1)
        # A neighbour that is not among them is farther away.
        joined = (np.diff(row) == 0) & (np.diff(sample) == 1) & (np.diff(shore.edge[sample]) == 0)
        undercut = np.zeros(len(row), dtype=bool)
        undercut[:-1] |= joined & (chord[1:] < chord[:-1])
        undercut[1:] |= joined & (chord[:-1] < chord[1:])
        row, sample = row[~undercut], sample[~undercut]
        s_edge, t_edge = own.edge[row], shore.edge[sample]
        extended = np.any(own.step[s_edge] != 0, axis=1)
        s_gap, t_gap = own.gap[s_edge], shore.gap[t_edge]
        s_low = np.where(extended, np.maximum(own.along[row] - s_gap, 0), own.along[row])
        s_high = np.where(extended, np.minimum(own.along[row] + s_gap, 1), own.along[row])
        t_low = np.maximum(shore.along[sample] - 2 * t_gap, 0)
        t_high = np.minimum(shore.along[sample] + 2 * t_gap, 1)

        def foot(s: Floats, which: Ints) -> tuple[Floats, Floats]:
            """Along the shore, and in metres: nearest to the places `s` of the facility."""
            place = to_chord_space(*own.at(s_edge[which], s).T)

            def length(t: Floats) -> Floats:
                at = to_chord_space(*shore.at(t_edge[which], t).T)
                return np.asarray(np.linalg.norm(at - place, axis=1))

            return golden_section(length, t_low[which], t_high[which], POINT_STEPS)

        s, chords = own.along[row].copy(), np.empty(len(row))
        fixed, moving = np.flatnonzero(~extended), np.flatnonzero(extended)
        chords[fixed] = foot(s[fixed], fixed)[1]
        s[moving], chords[moving] = golden_section(
            lambda along: foot(along, moving)[1], s_low[moving], s_high[moving], EDGE_STEPS
        )
        asked = facility[row]
        order = np.lexsort((chords, asked))
        winner = order[np.flatnonzero(np.diff(asked[order], prepend=-1))]
        t, _ = foot(s[winner], winner)
        places, feet = own.at(s_edge[winner], s[winner]), shore.at(t_edge[winner], t)
        for number, place, at in zip(asked[winner], places.tolist(), feet.tolist(), strict=True):
            found[number] = min(found[number], geodesic_m(*place, *at))


def golden_section(length, low: Floats, high: Floats, steps: int) -> tuple[Floats, Floats]:
    """Where between `low` and `high` a length is least, and the length there; every element for itself."""
    ends = [(low, length(low)), (high, length(high))]
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = length(left), length(right)
    for _ in range(steps):
        falls = at_left < at_right
        high, low = np.where(falls, right, high), np.where(falls, low, left)
        probe = np.where(falls, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        at_probe = length(probe)
        left, right = np.where(falls, probe, right), np.where(falls, left, probe)
        at_left, at_right = np.where(falls, at_probe, at_right), np.where(falls, at_left, at_probe)
    where, least = np.where(at_left < at_right, left, right), np.minimum(at_left, at_right)
    for place, value in ends:
        where, least = np.where(value < least, place, where), np.minimum(value, least)
    return where, least
