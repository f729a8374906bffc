"""Where places stand in areas: facilities in source protection zones, sections in regions, people near ponds.

Everything here is a measurement on frames in EPSG:4490; what follows from it is for the evaluators and for
people. An edge between two vertices is the straight line in longitude and latitude (RFC 7946), distances are
geodesic (GRS80). Near the edge of an area, where it matters, they are right to millimetres; at `NEAR_M` to a
few centimetres.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from spatial.errors import FrameColumnsError
from spatial.geodesy import measure_geodesics, require_cgcs2000

NEAR_M = 1_000.0
"""How far beyond the edge of a zone a facility is still listed."""

_METRES_PER_DEGREE = 110_500.0
"""A little less than a degree of latitude, so that boxes of candidates are rather too large."""
_E2 = 0.006694380022900788
"""Square of the first eccentricity of GRS80."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Shapes = NDArray[np.object_]

ZONE_COLUMNS = (
    "code",
    "source_code",
    "source_name",
    "zone_grade",
    "inside",
    "edge_distance_m",
    "edge_lon",
    "edge_lat",
)


def relate_zones(
    facilities: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, *, near_m: float = NEAR_M
) -> pd.DataFrame:
    """Every pair of a facility and a protection zone that it stands in, or within `near_m` of.

    Parameters
    ----------
    facilities : GeoDataFrame
        ``code`` and ``geometry`` of any type; rows without geometry have no pair.
    zones : GeoDataFrame
        ``code`` and ``name`` of the source, ``zone_grade`` (1, 2) and polygons.

    Returns
    -------
    DataFrame, by facility (in order), grade, edge distance and source
        ``code``, ``source_code``, ``source_name``, ``zone_grade``; ``inside``: whether they share a point;
        ``edge_distance_m``: outside, metres to the zone; inside, how far the facility would have to be moved
        to be outside (of a point its distance to the edge; of a line or an area at least this much);
        ``edge_lon``, ``edge_lat``: the point of the zone's edge that it was measured to.

    Raises
    ------
    FrameColumnsError, CrsError, DatumError
        If a column is missing, or a frame is not in EPSG:4490 or its like.
    """
    _require(facilities, "facilities", "code")
    _require(zones, "zones", "code", "name", "zone_grade")
    shapes, areas = _shapes(facilities), _shapes(zones)
    left, right = _candidates(shapes, areas, near_m)
    inside = np.asarray(shapely.intersects(shapes[left], areas[right]), dtype=bool)
    edges = shapely.boundary(areas)
    distance, lon, lat = _nearest(shapes[left], np.where(inside, edges[right], areas[right]))
    for place in np.flatnonzero(inside & (shapely.get_type_id(shapes[left]) != 0)):
        depth = _depth(shapes[left[place]], areas[right[place]])
        distance[place], lon[place], lat[place] = depth
    kept = inside | (distance <= near_m)
    left, right = left[kept], right[kept]
    found = pd.DataFrame(
        {
            "code": facilities["code"].to_numpy(dtype=object)[left],
            "source_code": zones["code"].to_numpy(dtype=object)[right],
            "source_name": zones["name"].to_numpy(dtype=object)[right],
            "zone_grade": zones["zone_grade"].to_numpy(dtype=object)[right],
            "inside": inside[kept],
            "edge_distance_m": distance[kept],
            "edge_lon": lon[kept],
            "edge_lat": lat[kept],
            "place": left,
        }
    )
    order = ["place", "zone_grade", "inside", "edge_distance_m", "source_code"]
    found = found.sort_values(order, ascending=[True, True, False, True, True], kind="stable")
    return found[list(ZONE_COLUMNS)].reset_index(drop=True)


# --- regions ---------------------------------------------------------------------------------------------


class RegionAnswer(StrEnum):
    """What the polygons say of a place's region."""

    AGREES = "agrees"
    ASSIGNED = "assigned"
    """It stated none."""
    CONTRADICTS = "contradicts"
    OUTSIDE = "outside"
    """It lies in no polygon."""
    UNPLACED = "unplaced"
    """It has no position."""


def relate_regions(places: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> pd.DataFrame:
    """The region that each place lies in by polygon, beside the one that it states.

    Of nested regions only the innermost count, by their codes (GB/T 2260). A stated code agrees where one
    of the two lies within the other: a county is in its province. On a common border both regions hold the
    place, and the one that agrees with what is stated counts.

    Parameters
    ----------
    places : GeoDataFrame
        ``code``, ``region_code`` (may be missing), points or other geometries.
    regions : GeoDataFrame
        ``region_code``, ``name``, polygons.

    Returns
    -------
    DataFrame, one row per place in order
        ``code``, ``stated_region``, ``found_region``, ``found_name``, ``answer`` (of `RegionAnswer`),
        ``stated_distance_m``: metres to the polygon of the stated region where that is known and the answer
        is ``contradicts`` or ``outside``, else NaN.
    """
    _require(places, "places", "code", "region_code")
    _require(regions, "regions", "region_code", "name")
    shapes, areas = _shapes(places), _shapes(regions)
    codes = [_digits(code) for code in regions["region_code"]]
    named = regions["name"].tolist()
    stated = [code if isinstance(code, str) and code else None for code in places["region_code"]]
    held: dict[int, list[int]] = {}
    if len(shapes) and len(areas):
        for place, area in zip(*shapely.STRtree(areas).query(shapes, predicate="intersects"), strict=True):
            held.setdefault(int(place), []).append(int(area))
    rows = []
    for place, (shape, said) in enumerate(zip(shapes, stated, strict=True)):
        areas_here = sorted(held.get(place, ()), key=lambda one: (-len(codes[one]), codes[one]))
        areas_here = [one for one in areas_here if not _holds_another(codes[one], codes, areas_here)]
        agreeing = [one for one in areas_here if said is not None and _nested(codes[one], _digits(said))]
        best = next(iter(agreeing or areas_here), None)
        if shape is None or shapely.is_empty(shape):
            answer = RegionAnswer.UNPLACED
        elif best is None:
            answer = RegionAnswer.OUTSIDE
        elif said is None:
            answer = RegionAnswer.ASSIGNED
        else:
            answer = RegionAnswer.AGREES if agreeing else RegionAnswer.CONTRADICTS
        distance = float("nan")
        if answer in (RegionAnswer.CONTRADICTS, RegionAnswer.OUTSIDE) and said is not None:
            own = [one for one, code in enumerate(codes) if code == _digits(said)]
            if own:
                metres, _, _ = _nearest(np.repeat(np.array([shape], dtype=object), len(own)), areas[own])
                distance = float(metres.min())
        rows.append(
            {
                "code": places["code"].iloc[place],
                "stated_region": said,
                "found_region": None if best is None else str(regions["region_code"].iloc[best]),
                "found_name": None if best is None else named[best],
                "answer": answer.value,
                "stated_distance_m": distance,
            }
        )
    columns = ("code", "stated_region", "found_region", "found_name", "answer", "stated_distance_m")
    return pd.DataFrame(rows, columns=list(columns))


def _digits(code: object) -> str:
    """The digits of a region code that name its level: 500000 → 50, 500101 → 500101."""
    text = str(code)
    while len(text) > 2 and text.endswith("00"):
        text = text[:-2]
    return text


def _holds_another(code: str, codes: list[str], areas: list[int]) -> bool:
    """Whether one of the areas lies within this one, by its code: a province around a county."""
    return any(codes[one] != code and codes[one].startswith(code) for one in areas)


def _nested(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


# --- people below tailings ponds -------------------------------------------------------------------------


class Exposure(StrEnum):
    """Whether people live on the way of the tailings of a pond."""

    OVERHEAD = "overhead"
    """Stated, or people were found downstream."""
    POSSIBLE = "possible"
    """People live near enough, and whether downstream is not known."""
    NONE_FOUND = "none_found"
    """Stated to be none, or every home within the distance lies upstream."""
    UNKNOWN = "unknown"
    """Nothing is stated, and no home is registered within the distance: nobody may have looked."""


class Side(StrEnum):
    """Where a home lies with regard to a pond, along the river."""

    DOWNSTREAM = "downstream"
    UPSTREAM = "upstream"
    UNKNOWN = "unknown"


SideOf = Callable[[str, str], Side]
"""``(pond code, home code)`` → on which side of the pond the home lies."""


@dataclass(frozen=True, slots=True)
class Home:
    """A place where people live near a pond; `people` is None where nobody said how many."""

    code: str
    name: str | None
    distance_m: float
    side: Side
    people: int | None

    def as_json(self) -> dict[str, Any]:
        """The home as it stands in the register."""
        return {
            "code": self.code,
            "name": self.name,
            "distance_m": round(self.distance_m, 1),
            "side": self.side.value,
            "people": self.people,
        }


@dataclass(frozen=True, slots=True)
class PondExposure:
    """One pond of the register of overhead ponds (头顶库), with what the answer rests on.

    `basis`: ``stated`` (the list of ponds says so), ``network`` (homes downstream by the river network),
    ``distance`` (homes within the distance, without regard to the river), ``none``. `contradiction` tells
    that the list denies what was found.
    """

    code: str
    name: str | None
    region_code: str | None
    exposure: Exposure
    basis: str
    contradiction: bool
    stated_overhead: bool | None
    stated_residents: int | None
    homes: tuple[Home, ...]

    @property
    def people(self) -> int | None:
        """People of the homes that may be on the way, where every one of them says how many."""
        counted = [home.people for home in self.homes if home.side is not Side.UPSTREAM]
        return sum(one or 0 for one in counted) if counted and None not in counted else None

    def as_json(self) -> dict[str, Any]:
        """The pond as it stands in the register."""
        return {
            "code": self.code,
            "name": self.name,
            "region_code": self.region_code,
            "exposure": self.exposure.value,
            "basis": self.basis,
            "contradiction": self.contradiction,
            "stated_overhead": self.stated_overhead,
            "stated_residents": self.stated_residents,
            "people_found": self.people,
            "homes": [home.as_json() for home in self.homes],
        }


def relate_ponds(
    ponds: gpd.GeoDataFrame,
    homes: gpd.GeoDataFrame,
    *,
    within_m: float,
    side_of: SideOf | None = None,
) -> list[PondExposure]:
    """Which ponds stand above people's heads, by what is stated and by the homes within `within_m`.

    Parameters
    ----------
    ponds : GeoDataFrame
        ``code``, ``name``, ``region_code``, ``overhead``, ``residents_downstream``, geometry.
    homes : GeoDataFrame
        ``code``, ``name``, ``people``, geometry: villages and other places where people live. Distances are
        from the pond's outline, or from its point.
    within_m : float
        Metres; the definition of 头顶库 has 1 km.
    side_of : callable, optional
        Which homes lie downstream, from the river network. Without it no side is known, and a home within
        the distance makes a pond ``possible`` only.

    Returns
    -------
    list of PondExposure
        One for each pond, by code.
    """
    _require(ponds, "ponds", "code", "name", "region_code", "overhead", "residents_downstream")
    _require(homes, "homes", "code", "name", "people")
    shapes, places = _shapes(ponds), _shapes(homes)
    left, right = _candidates(shapes, places, within_m)
    distance, _, _ = _nearest(shapes[left], places[right])
    near: dict[int, list[Home]] = {}
    for pond, home, metres in zip(left, right, distance, strict=True):
        if metres > within_m:
            continue
        row = homes.iloc[int(home)]
        side = Side.UNKNOWN if side_of is None else side_of(str(ponds["code"].iloc[pond]), str(row["code"]))
        people = _whole(row["people"])
        name = row["name"] if isinstance(row["name"], str) else None
        near.setdefault(int(pond), []).append(Home(str(row["code"]), name, float(metres), side, people))
    found = [_exposure(row, near.get(place, [])) for place, row in enumerate(ponds.to_dict("records"))]
    return sorted(found, key=lambda one: one.code)


def _exposure(row: Mapping[Any, Any], near: list[Home]) -> PondExposure:
    """The answer for one pond: what is stated and says yes, then the homes, then what is stated and says no.

    A list that denies does not outweigh people who live there: the register then shows both.
    """
    stated = bool(row["overhead"]) if _said(row["overhead"]) else None
    residents = _whole(row["residents_downstream"])
    yes = bool(stated) or bool(residents)
    no = not yes and (stated is False or residents == 0)
    homes = sorted(near, key=lambda home: (home.distance_m, home.code))
    downstream = any(home.side is Side.DOWNSTREAM for home in homes)
    unsure = any(home.side is Side.UNKNOWN for home in homes)
    if yes:
        exposure, basis = Exposure.OVERHEAD, "stated"
    elif downstream:
        exposure, basis = Exposure.OVERHEAD, "network"
    elif unsure:
        exposure, basis = Exposure.POSSIBLE, "distance"
    elif no:
        exposure, basis = Exposure.NONE_FOUND, "stated"
    elif homes:
        exposure, basis = Exposure.NONE_FOUND, "network"
    else:
        exposure, basis = Exposure.UNKNOWN, "none"
    return PondExposure(
        code=str(row["code"]),
        name=row["name"] if isinstance(row["name"], str) else None,
        region_code=row["region_code"] if isinstance(row["region_code"], str) else None,
        exposure=exposure,
        basis=basis,
        contradiction=(no and (downstream or unsure)) or (stated is False and bool(residents)),
        stated_overhead=stated,
        stated_residents=residents,
        homes=tuple(homes),
    )


def _said(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and np.isnan(value)) and value is not pd.NA


def _whole(value: Any) -> int | None:
    return int(value) if _said(value) else None


# --- geometry --------------------------------------------------------------------------------------------


def _require(frame: gpd.GeoDataFrame, name: str, *columns: str) -> None:
    missing = {*columns, "geometry"} - set(frame.columns)
    if missing:
        raise FrameColumnsError(name, frozenset(missing))
    if len(frame):
        require_cgcs2000(frame.crs, name)


def _shapes(frame: gpd.GeoDataFrame) -> Shapes:
    shapes: Shapes = np.asarray(frame["geometry"].to_numpy(), dtype=object)
    return np.asarray(shapely.force_2d(shapes), dtype=object)


def _is_placed(shape: Any) -> bool:
    return shape is not None and not shapely.is_empty(shape)


def _candidates(shapes: Shapes, areas: Shapes, reach_m: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs whose boxes come within a reach of each other; a few of them do not."""
    none = np.empty(0, dtype=np.intp)
    placed = np.flatnonzero([_is_placed(shape) for shape in shapes]).astype(np.intp)
    if not len(placed) or not len(areas):
        return none, none
    west, south, east, north = shapely.bounds(shapes[placed]).T
    high = reach_m / _METRES_PER_DEGREE
    polewards = np.maximum(np.abs(south), np.abs(north)) + high
    wide = high / np.maximum(np.cos(np.radians(polewards)), 1e-3)
    boxes = shapely.box(west - wide, south - high, east + wide, north + high)
    left, right = shapely.STRtree(areas).query(boxes)
    order = np.lexsort((right, left))
    return placed[left[order]], np.asarray(right[order], dtype=np.intp)


def _nearest(shapes: Shapes, others: Shapes) -> tuple[Floats, Floats, Floats]:
    """Metres from each shape to the other one of its pair, and the nearest point of the other.

    The nearest points are sought with degrees of longitude as long as they are where the first shape stands;
    the distance between them is geodesic.
    """
    if not len(shapes):
        empty = np.empty(0)
        return empty, empty.copy(), empty.copy()
    factors = _narrowing(shapes)
    lines = shapely.shortest_line(_scaled(shapes, factors), _scaled(others, factors))
    ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
    ends[:, :, 0] /= factors[:, None]
    own, other = ends[:, 0], ends[:, 1]
    metres = measure_geodesics(own[:, 0], own[:, 1], other[:, 0], other[:, 1])
    return metres, other[:, 0].copy(), other[:, 1].copy()


def _narrowing(shapes: Shapes) -> Floats:
    """Length of a degree of longitude in degrees of latitude, in the middle of each shape, on GRS80."""
    bounds = shapely.bounds(shapes)
    sine = np.sin(np.radians((bounds[:, 1] + bounds[:, 3]) / 2))
    factors: Floats = np.sqrt(1 - sine**2) * (1 - _E2 * sine**2) / (1 - _E2)
    return factors


def _scaled(shapes: Shapes, factors: Floats) -> Shapes:
    coordinates, index = shapely.get_coordinates(shapes, return_index=True)
    coordinates[:, 0] *= factors[index]
    return np.asarray(shapely.set_coordinates(np.array(shapes, dtype=object), coordinates), dtype=object)


def _depth(shape: Any, area: Any) -> tuple[float, float, float]:
    """How deep a line or an area reaches into another area, and the edge point that tells.

    A point of both that lies `d` metres within either of them keeps the two together until one is moved by
    `d`; the deepest such point found among their vertices counts.
    """
    best = (0.0, float("nan"), float("nan"))
    for one, other in ((shape, area), (area, shape)):
        if other.area == 0:
            continue
        vertices = np.asarray(shapely.points(shapely.get_coordinates(one)), dtype=object)
        within = vertices[np.asarray(shapely.intersects(vertices, other), dtype=bool)]
        if len(within) == 0:
            continue
        edges = np.repeat(np.array([shapely.boundary(other)], dtype=object), len(within))
        best = max(best, _deepest(within, edges))
    if best[0] > 0:
        return best
    common = np.array([shapely.point_on_surface(shapely.intersection(shape, area))], dtype=object)
    bounds = [shapely.boundary(one) for one in (shape, area) if one.area > 0]
    return max(_deepest(common, np.array([bound], dtype=object)) for bound in bounds)


def _deepest(points: Shapes, edges: Shapes) -> tuple[float, float, float]:
    metres, lon, lat = _nearest(points, edges)
    place = int(np.argmax(metres))
    return float(metres[place]), float(lon[place]), float(lat[place])
