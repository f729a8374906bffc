"""Hand-made geography of the reach from Yunyang to Honghu, and the placing of facilities by construction.

The courses are drawn from general knowledge, a few kilometres off the real rivers; nothing here is surveyed.
Coordinates are EPSG:4490 longitude, latitude in degrees, rounded to 7 decimals (about 1 cm) when they are
made, so that what is measured is exactly what is written. Lengths are metres on GRS80.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod, Proj
from shapely import voronoi_polygons
from shapely.geometry import LineString, MultiLineString, MultiPoint, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

LonLat = tuple[float, float]
GEOD = Geod(ellps="GRS80")
DRAWING = Proj("+proj=lcc +lat_1=29 +lat_2=31 +lat_0=30 +lon_0=111 +ellps=GRS80 +units=m")
DECIMALS = 7
MEASURED_WITHIN_M = 12_000.0
STEP_M = 150.0

# Courses, upstream to downstream ---------------------------------------------------------------------------

MAINSTEM: tuple[LonLat, ...] = (
    (108.50, 30.90), (108.68, 30.93), (108.90, 30.96), (109.10, 30.95), (109.28, 30.99), (109.46, 31.01),
    (109.58, 31.04), (109.72, 31.01), (109.88, 31.06), (110.05, 31.02), (110.22, 31.05), (110.34, 31.04),
    (110.52, 31.00), (110.70, 30.98), (110.80, 30.95), (110.88, 30.87), (110.99, 30.83), (111.10, 30.79),
    (111.20, 30.79), (111.27, 30.75), (111.28, 30.69), (111.33, 30.61), (111.42, 30.52), (111.46, 30.40),
    (111.53, 30.31), (111.64, 30.33), (111.76, 30.40), (111.90, 30.36), (112.00, 30.30), (112.12, 30.33),
    (112.24, 30.30), (112.30, 30.20), (112.25, 30.08), (112.31, 29.98), (112.41, 29.88), (112.42, 29.77),
    (112.52, 29.71), (112.64, 29.70), (112.74, 29.78), (112.88, 29.80), (112.95, 29.72), (112.96, 29.62),
    (113.03, 29.54), (113.10, 29.49), (113.17, 29.48), (113.24, 29.56), (113.31, 29.66), (113.40, 29.77),
    (113.52, 29.86),
)  # fmt: skip
"""长江 from Yunyang by Fengjie, Wushan, Badong, Yichang, Jingzhou and Jianli to Chenglingji and Luoshan."""

MAINSTEM_CUTS = (0, 12, 24, 39, 48)
"""Vertices of :data:`MAINSTEM` where its four shoreline pieces begin and end."""

QINGJIANG: tuple[LonLat, ...] = (
    (109.48, 30.28), (109.75, 30.40), (110.00, 30.45), (110.30, 30.43), (110.60, 30.42), (110.85, 30.45),
    (111.08, 30.46), (111.20, 30.48), (111.32, 30.44), (111.43, 30.41),
)  # fmt: skip
XIANGJIANG: tuple[LonLat, ...] = (
    (112.96, 28.20),
    (112.90, 28.32),
    (112.83, 28.42),
    (112.84, 28.52),
    (112.88, 28.64),
    (112.87, 28.76),
)
YUANJIANG: tuple[LonLat, ...] = (
    (111.48, 28.90),
    (111.58, 28.98),
    (111.70, 29.03),
    (111.82, 29.00),
    (111.94, 28.93),
    (112.08, 28.93),
)
LISHUI: tuple[LonLat, ...] = (
    (111.38, 29.58), (111.56, 29.61), (111.75, 29.64), (111.88, 29.60), (112.02, 29.48), (112.13, 29.34),
    (112.18, 29.20),
)  # fmt: skip
XIANGXI: tuple[LonLat, ...] = ((110.75, 31.36), (110.73, 31.24), (110.77, 31.12), (110.75, 30.98))
JUZHANG: tuple[LonLat, ...] = (
    (111.77, 30.90),
    (111.82, 30.78),
    (111.93, 30.64),
    (112.03, 30.48),
    (112.10, 30.35),
)
DANING: tuple[LonLat, ...] = (
    (109.62, 31.42),
    (109.70, 31.32),
    (109.80, 31.22),
    (109.87, 31.12),
    (109.88, 31.075),
)

DONGTING: tuple[LonLat, ...] = (
    (113.03, 29.37), (113.07, 29.30), (113.02, 29.16), (112.92, 29.02), (112.88, 28.84), (112.66, 28.83),
    (112.42, 28.86), (112.20, 28.90), (112.16, 29.04), (112.38, 29.08), (112.58, 28.98), (112.76, 29.06),
    (112.72, 29.20), (112.76, 29.33), (112.90, 29.39),
)  # fmt: skip
DONGTING_ISLAND: tuple[LonLat, ...] = (
    (112.93, 29.27),
    (112.955, 29.285),
    (112.985, 29.28),
    (112.99, 29.255),
    (112.965, 29.24),
    (112.935, 29.245),
)
HUANGGAI: tuple[LonLat, ...] = (
    (113.53, 29.70),
    (113.58, 29.71),
    (113.61, 29.68),
    (113.58, 29.65),
    (113.54, 29.66),
)

TOWNS: tuple[tuple[str, str, str, float, float], ...] = (
    ("重庆市", "云阳县", "500235", 108.70, 30.93), ("重庆市", "奉节县", "500236", 109.46, 31.02),
    ("重庆市", "巫山县", "500237", 109.88, 31.08), ("重庆市", "巫溪县", "500238", 109.57, 31.40),
    ("湖北省", "恩施市", "422801", 109.48, 30.28), ("湖北省", "巴东县", "422823", 110.34, 31.05),
    ("湖北省", "秭归县", "420527", 110.90, 30.85), ("湖北省", "兴山县", "420526", 110.74, 31.23),
    ("湖北省", "夷陵区", "420506", 111.18, 30.82), ("湖北省", "猇亭区", "420505", 111.42, 30.54),
    ("湖北省", "长阳县", "420528", 111.12, 30.47), ("湖北省", "五峰县", "420529", 110.67, 30.20),
    ("湖北省", "宜都市", "420581", 111.46, 30.39), ("湖北省", "当阳市", "420582", 111.79, 30.82),
    ("湖北省", "枝江市", "420583", 111.77, 30.43), ("湖北省", "松滋市", "421087", 111.72, 30.22),
    ("湖北省", "荆州区", "421003", 112.10, 30.36), ("湖北省", "沙市区", "421002", 112.27, 30.31),
    ("湖北省", "公安县", "421022", 112.22, 30.05), ("湖北省", "石首市", "421081", 112.43, 29.74),
    ("湖北省", "监利市", "421088", 112.90, 29.83), ("湖北省", "洪湖市", "421083", 113.44, 29.82),
    ("湖南省", "华容县", "430623", 112.62, 29.60), ("湖南省", "君山区", "430611", 112.98, 29.46),
    ("湖南省", "岳阳楼区", "430602", 113.13, 29.40), ("湖南省", "云溪区", "430603", 113.27, 29.52),
    ("湖南省", "临湘市", "430682", 113.47, 29.62), ("湖南省", "岳阳县", "430621", 113.12, 29.16),
    ("湖南省", "湘阴县", "430624", 112.90, 28.67), ("湖南省", "望城区", "430112", 112.82, 28.36),
    ("湖南省", "资阳区", "430902", 112.33, 28.60), ("湖南省", "汉寿县", "430722", 111.97, 28.91),
    ("湖南省", "鼎城区", "430703", 111.68, 28.98), ("湖南省", "澧县", "430723", 111.75, 29.66),
    ("湖南省", "津市市", "430781", 111.89, 29.61), ("湖南省", "安乡县", "430721", 112.16, 29.41),
)  # fmt: skip
"""Province, county, GB/T 2260 code, longitude, latitude: a region is given by the nearest town."""


def nearest_town(place: LonLat) -> tuple[str, str, str]:
    """Province, county and region code of the nearest town of the list."""
    best = min(TOWNS, key=lambda town: GEOD.inv(*place, town[3], town[4])[2])
    return best[0], best[1], best[2]


def town_areas() -> list[tuple[str, str, Polygon]]:
    """Region code, county and made-up area of every town: what is nearer to it than to any other."""
    places = [Point(DRAWING(lon, lat)) for _, _, _, lon, lat in TOWNS]
    frame = box(*DRAWING(108.30, 28.00), *DRAWING(113.80, 31.70))
    cells = voronoi_polygons(MultiPoint(places), extend_to=frame, ordered=True)
    areas = []
    for (_, county, code, _, _), cell in zip(TOWNS, cells.geoms, strict=True):
        corners = cell.intersection(frame).exterior.coords
        areas.append((code, county, Polygon([rounded(*DRAWING(x, y, inverse=True), 6) for x, y in corners])))
    return areas


def rounded(lon: float, lat: float, decimals: int = DECIMALS) -> LonLat:
    """A position as it is written to the files."""
    return round(float(lon), decimals), round(float(lat), decimals)


# Lines and ribbons -----------------------------------------------------------------------------------------


def smooth(course: Sequence[LonLat], pieces: int = 6, *, closed: bool = False) -> NDArray[np.float64]:
    """A Catmull-Rom curve through a course, shape (points, 2), metres in the drawing projection."""
    easting, northing = DRAWING([lon for lon, _ in course], [lat for _, lat in course])
    knots = np.column_stack([easting, northing])
    padded = (
        np.vstack([knots[-1], knots, knots[:2]])
        if closed
        else np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    )
    steps = np.arange(pieces) / pieces
    points = []
    for place in range(len(padded) - 3):
        before, start, end, after = padded[place : place + 4]
        points.extend(
            0.5
            * (
                2 * start
                + (end - before) * t
                + (2 * before - 5 * start + 4 * end - after) * t**2
                + (3 * start - before - 3 * end + after) * t**3
            )
            for t in steps
        )
    if not closed:
        points.append(padded[-2])
    return np.asarray(points, dtype=np.float64)


def to_lonlat(points: NDArray[np.float64]) -> list[LonLat]:
    """Drawing metres to rounded longitude, latitude."""
    lon, lat = DRAWING(points[:, 0], points[:, 1], inverse=True)
    return [rounded(x, y) for x, y in zip(lon, lat, strict=True)]


def banks(centre: NDArray[np.float64], half_widths: NDArray[np.float64]) -> tuple[list[LonLat], list[LonLat]]:
    """Left and right bank of a centre line, looking downstream; half widths in metres, one per vertex."""
    ahead = np.gradient(centre, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1)[:, None]
    normal = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    return (
        to_lonlat(centre + normal * half_widths[:, None]),
        to_lonlat(centre - normal * half_widths[:, None]),
    )


def ribbon(centre: NDArray[np.float64], half_widths: NDArray[np.float64]) -> Polygon:
    """The water between both banks."""
    left, right = banks(centre, half_widths)
    return Polygon([*left, *reversed(right)])


def widths(count: int, start_m: float, end_m: float, swing_m: float) -> NDArray[np.float64]:
    """Half widths that grow downstream and swing a little."""
    place = np.arange(count)
    return start_m + (end_m - start_m) * place / max(count - 1, 1) + swing_m * np.sin(place * 0.9)


@dataclass(frozen=True)
class Shoreline:
    """One piece of shoreline as a bureau would hand it over."""

    key: str
    water_body_code: str
    name: str
    rank: str
    kind: str
    accuracy_m: float | None
    valid_from: str | None
    valid_to: str | None
    geometry: BaseGeometry
    measured: bool = True
    """Whether it is in force on 2024-01-01 and the best kind of its water body."""


def centre_of(course: Sequence[LonLat], pieces: int = 6) -> LineString:
    """The smoothed centre line of a course."""
    return LineString(to_lonlat(smooth(course, pieces)))


@cache
def shorelines() -> tuple[Shoreline, ...]:
    """All shorelines of the sample, those out of force and of lesser kind included."""
    made: list[Shoreline] = []
    main = smooth(MAINSTEM)
    half = widths(len(main), 420.0, 720.0, 40.0)
    names = ("三峡库区段", "宜昌段", "荆州段", "岳阳段")
    keys = ("CJ-1", "CJ-2", "CJ-3", "CJ-4")
    accuracies = (5.0, None, 5.0, 5.0)
    cuts = [cut * 6 for cut in MAINSTEM_CUTS]
    for place, key in enumerate(keys):
        piece = slice(cuts[place], cuts[place + 1] + 1)
        made.append(
            Shoreline(
                key, "CJ", f"长江岸线{names[place]}样例", "mainstem", "waterside_line", accuracies[place],
                None, None, ribbon(main[piece], half[piece]),
            )
        )  # fmt: skip
    made.append(
        Shoreline(
            "CJ-C", "CJ", "长江中心线样例", "mainstem", "centreline", 100.0, None, None, centre_of(MAINSTEM),
            measured=False,
        )
    )  # fmt: skip
    qing = smooth(QINGJIANG)
    made.append(
        Shoreline(
            "QJ", "QJ", "清江管理范围线样例", "important_tributary", "management_boundary", 0.3, None, None,
            ribbon(qing, widths(len(qing), 90.0, 150.0, 10.0)),
        )
    )  # fmt: skip
    xiang = smooth(XIANGJIANG)
    made.append(
        Shoreline(
            "XJ", "XJ", "湘江岸线样例", "important_tributary", "waterside_line", 5.0, None, None,
            ribbon(xiang, widths(len(xiang), 430.0, 520.0, 20.0)),
        )
    )  # fmt: skip
    yuan = smooth(YUANJIANG)
    made.append(
        Shoreline(
            "YJ", "YJ", "沅江两岸线样例", "important_tributary", "imagery", 5.0, None, None,
            MultiLineString(list(banks(yuan, widths(len(yuan), 280.0, 380.0, 15.0)))),
        )
    )  # fmt: skip
    li = smooth(LISHUI)
    made.append(
        Shoreline(
            "LS-2018", "LS", "澧水岸线样例", "important_tributary", "waterside_line", 5.0, "2018-01-01",
            "2022-12-31", ribbon(li, widths(len(li), 760.0, 760.0, 0.0)), measured=False,
        )
    )  # fmt: skip
    made.append(
        Shoreline(
            "LS", "LS", "澧水岸线样例", "important_tributary", "waterside_line", 5.0, "2023-01-01", None,
            ribbon(li, widths(len(li), 160.0, 160.0, 0.0)),
        )
    )  # fmt: skip
    made.append(
        Shoreline(
            "XX", "XX", "香溪河中心线样例", "tributary", "centreline", None, None, None, centre_of(XIANGXI),
        )
    )  # fmt: skip
    juzhang = smooth(JUZHANG)
    made.append(
        Shoreline(
            "JZ", "JZ", "沮漳河岸线样例", "tributary", "waterside_line", 5.0, None, None,
            ribbon(juzhang, widths(len(juzhang), 60.0, 80.0, 5.0)),
        )
    )  # fmt: skip
    daning = smooth(DANING)
    made.append(
        Shoreline(
            "DN", "DN", "大宁河岸线样例", "tributary", "outer_line", 2.0, None, None,
            ribbon(daning, widths(len(daning), 90.0, 140.0, 5.0)),
        )
    )  # fmt: skip
    made.append(
        Shoreline(
            "DTH", "DTH", "洞庭湖岸线样例", "important_lake", "management_boundary", 5.0, None, None,
            Polygon(
                to_lonlat(smooth(DONGTING, 4, closed=True)),
                [to_lonlat(smooth(DONGTING_ISLAND, 3, closed=True))],
            ),
        )
    )  # fmt: skip
    made.append(
        Shoreline(
            "HGH", "HGH", "黄盖湖岸线样例", "lake", "imagery", 10.0, None, None,
            Polygon(to_lonlat(smooth(HUANGGAI, 4, closed=True))),
        )
    )  # fmt: skip
    for piece in made:
        if not piece.geometry.is_valid:
            raise ValueError(f"shoreline {piece.key} crosses itself")
    return tuple(made)


@dataclass(frozen=True)
class River:
    """An oriented centre line and the river that it flows into."""

    code: str
    name: str
    downstream_code: str
    rank: str
    course: tuple[LonLat, ...]


RIVERS: tuple[River, ...] = (
    River("CJ", "长江样例", "", "mainstem", MAINSTEM),
    River("QJ", "清江样例", "CJ", "important_tributary", QINGJIANG),
    River("DTHD", "洞庭湖洪道样例", "CJ", "tributary",
          ((112.20, 29.00), (112.42, 28.95), (112.64, 28.90), (112.85, 28.92), (112.92, 29.12),
           (112.91, 29.30), (113.02, 29.42))),
    River("XJ", "湘江样例", "DTHD", "important_tributary", XIANGJIANG),
    River("YJ", "沅江样例", "DTHD", "important_tributary", YUANJIANG),
    River("LS", "澧水样例", "DTHD", "important_tributary", LISHUI),
    River("ZS", "资水样例", "DTHD", "important_tributary",
          ((112.20, 28.50), (112.36, 28.60), (112.52, 28.72))),
    River("XX", "香溪河样例", "CJ", "tributary", XIANGXI),
    River("JZ", "沮漳河样例", "CJ", "tributary", JUZHANG),
    River("DN", "大宁河样例", "CJ", "tributary", DANING),
    River("MX", "梅溪河样例", "CJ", "tributary", ((109.30, 31.35), (109.38, 31.20), (109.46, 31.06))),
    River("TX", "汤溪河样例", "CJ", "tributary", ((108.90, 31.30), (108.92, 31.12), (108.87, 31.00))),
    River("HB", "黄柏河样例", "CJ", "tributary", ((111.30, 31.15), (111.33, 30.98), (111.28, 30.80))),
    River("MN", "玛瑙河样例", "CJ", "tributary", ((111.55, 30.65), (111.66, 30.54), (111.72, 30.42))),
    River("SH", "四湖总干渠样例", "CJ", "tributary",
          ((112.35, 30.35), (112.75, 30.10), (113.25, 29.88), (113.45, 29.86))),
    River("ML", "汨罗江样例", "DTHD", "tributary", ((113.40, 28.75), (113.10, 28.82), (112.96, 28.92))),
    River("XQ", "新墙河样例", "DTHD", "tributary", ((113.45, 29.15), (113.25, 29.20), (113.08, 29.21))),
)  # fmt: skip


@cache
def river_lines() -> dict[str, list[LonLat]]:
    """River lines drawn downstream; the last vertex of each is a vertex of the river that it flows into."""
    lines: dict[str, list[LonLat]] = {}
    for river in sorted(RIVERS, key=lambda one: (one.downstream_code != "", one.downstream_code == "DTHD")):
        line = to_lonlat(smooth(river.course))
        if river.downstream_code:
            end = line[-1]
            receiver = lines[river.downstream_code]
            line.append(min(receiver, key=lambda vertex: GEOD.inv(*end, *vertex)[2]))
        lines[river.code] = line
    return lines


# Measuring and placing -------------------------------------------------------------------------------------


def rings(geometry: BaseGeometry) -> Iterator[list[LonLat]]:
    """The vertex lists of a line or of a polygon's boundary, holes included."""
    if isinstance(geometry, Polygon):
        for ring in (geometry.exterior, *geometry.interiors):
            yield [(x, y) for x, y in ring.coords]
    elif isinstance(geometry, MultiLineString):
        for line in geometry.geoms:
            yield [(x, y) for x, y in line.coords]
    else:
        yield [(x, y) for x, y in geometry.coords]


@cache
def dense_edges(key: str) -> NDArray[np.float64]:
    """Edges of one shoreline in pieces of at most 150 m, shape (pieces, 4): lon, lat, lon, lat."""
    shoreline = next(one for one in shorelines() if one.key == key)
    edges: list[NDArray[np.float64]] = []
    for ring in rings(shoreline.geometry):
        for start, end in pairwise(ring):
            count = max(1, math.ceil(GEOD.inv(*start, *end)[2] / STEP_M))
            t = np.linspace(0.0, 1.0, count + 1)[:, None]
            points = np.asarray(start) * (1 - t) + np.asarray(end) * t
            edges.append(np.hstack([points[:-1], points[1:]]))
    return np.vstack(edges)


def distance_m(place: LonLat, key: str) -> float:
    """Geodesic distance to a shoreline: 0 inside its water, infinite beyond 12 km.

    Distances from the centre of an azimuthal equidistant projection are exact on the ellipsoid; the pieces of
    the edges are too short for its bending to matter (below a millimetre).
    """
    shoreline = next(one for one in shorelines() if one.key == key)
    if shoreline.geometry.geom_type == "Polygon" and shoreline.geometry.covers(Point(place)):
        return 0.0
    edges = dense_edges(key)
    near = edges[(np.abs(edges[:, 0] - place[0]) < 0.16) & (np.abs(edges[:, 1] - place[1]) < 0.13)]
    if not len(near):
        return math.inf
    flat = Proj(proj="aeqd", ellps="GRS80", lon_0=place[0], lat_0=place[1])
    x0, y0 = flat(near[:, 0], near[:, 1])
    x1, y1 = flat(near[:, 2], near[:, 3])
    dx, dy = x1 - x0, y1 - y0
    t = np.clip(-(x0 * dx + y0 * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0.0, 1.0)
    least = float(np.min(np.hypot(x0 + t * dx, y0 + t * dy)))
    return least if least <= MEASURED_WITHIN_M else math.inf


def outline_distance_m(outline: Sequence[LonLat], key: str) -> float:
    """Least distance of a polygon's outline, sampled every 20 m and at its vertices."""
    least = math.inf
    for start, end in pairwise(outline):
        count = max(1, math.ceil(GEOD.inv(*start, *end)[2] / 20.0))
        for step in range(count):
            t = step / count
            place = (start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t)
            least = min(least, distance_m(place, key))
    return least


def edge_azimuth(start: LonLat, end: LonLat, at_latitude: float) -> float:
    """Azimuth in degrees, at a latitude, of the straight longitude/latitude line between two vertices."""
    a, f = GEOD.a, GEOD.f
    e2 = f * (2 - f)
    phi = math.radians(at_latitude)
    w = 1 - e2 * math.sin(phi) ** 2
    meridian, normal = a * (1 - e2) / w**1.5, a / math.sqrt(w)
    east = (end[0] - start[0]) * normal * math.cos(phi)
    north = (end[1] - start[1]) * meridian
    return math.degrees(math.atan2(east, north))


@dataclass(frozen=True)
class Placed:
    """A facility's place and the shoreline point that it was constructed from."""

    place: LonLat
    foot: LonLat
    azimuth: float


def place_facility(
    key: str, near: LonLat, metres: float, clear_of: dict[str, float], *, inside: bool = False
) -> Placed:
    """Construct a place `metres` from a shoreline, by the geodesic direct problem from the middle of an edge.

    The edges are tried outwards from `near`, square to the shoreline on the landward side, until the
    shoreline has no nearer point than the constructed foot (to 5 mm) and every other shoreline of `clear_of`
    is at least its metres away. With `inside` the place is a point on the water instead, and `metres` is how
    far from the bank it lies.
    """
    shoreline = next(one for one in shorelines() if one.key == key)
    edges = [edge for ring in rings(shoreline.geometry) for edge in pairwise(ring)]
    edges.sort(
        key=lambda edge: math.hypot(
            (edge[0][0] + edge[1][0]) / 2 - near[0], (edge[0][1] + edge[1][1]) / 2 - near[1]
        )
    )
    for start, end in edges[:120]:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        along = edge_azimuth(start, end, middle[1])
        for side in (90.0, -90.0):
            lon, lat, _ = GEOD.fwd(*middle, along + side, metres)
            place = rounded(lon, lat, 9)
            on_water = shoreline.geometry.geom_type == "Polygon" and shoreline.geometry.covers(Point(place))
            if on_water != inside:
                continue
            if not inside and abs(distance_m(place, key) - metres) > 0.005:
                continue
            if all(distance_m(place, other) >= least for other, least in clear_of.items() if other != key):
                return Placed(place, middle, along + side)
    raise ValueError(f"no place {metres} m from {key} near {near}")


def outline_behind(placed: Placed, size_m: float) -> list[LonLat]:
    """A five-cornered outline whose nearest corner to the shoreline is the constructed place, closed ring."""
    ring = [placed.place]
    for turn, reach in ((50.0, 0.8), (22.0, 1.5), (-22.0, 1.5), (-50.0, 0.8)):
        lon, lat, _ = GEOD.fwd(*placed.place, placed.azimuth + turn, size_m * reach)
        ring.append(rounded(lon, lat, 9))
    ring.append(placed.place)
    return ring


def inland(placed_near: LonLat, least_m: float) -> bool:
    """Whether a place is at least `least_m` from every measured shoreline."""
    return all(distance_m(placed_near, one.key) >= least_m for one in shorelines() if one.measured)
