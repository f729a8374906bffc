"""Little river networks drawn by hand, in kilometres east and north of a place."""

import math
from collections.abc import Sequence

import geopandas as gpd
import shapely
from pyproj import Geod

from spatial.network import NetworkSettings, RiverNetwork, build_network

GEOD = Geod(ellps="GRS80")
LON, LAT = 110.0, 30.0
_A, _E2 = 6_378_137.0, 0.00669438002290

Spot = tuple[float, float]


def at(east_km: float, north_km: float) -> Spot:
    """Longitude and latitude: so far along the meridian, then so far along the parallel.

    Along the meridian kilometres are exact; along the parallel a straight edge of a few kilometres is longer
    than it should be by less than a millimetre.
    """
    _, lat, _ = GEOD.fwd(LON, LAT, 0, north_km * 1000)
    root = math.sqrt(1 - _E2 * math.sin(math.radians(lat)) ** 2)
    degree_m = math.radians(_A * math.cos(math.radians(lat)) / root)
    return LON + east_km * 1000 / degree_m, lat


def line(*spots: Spot) -> shapely.LineString:
    """A line through places in kilometres east and north."""
    return shapely.LineString([at(*spot) for spot in spots])


def area(*spots: Spot) -> shapely.Polygon:
    """A polygon through places in kilometres east and north."""
    return shapely.Polygon([at(*spot) for spot in spots])


def draw_rivers(
    rivers: dict[str, shapely.Geometry | Sequence[Spot] | None],
    flows: dict[str, str] | None = None,
    velocities: dict[str, float] | None = None,
    names: dict[str, str] | None = None,
) -> gpd.GeoDataFrame:
    """A frame of rivers from lists of places in kilometres (or whole geometries)."""
    drawn = [
        one if one is None or isinstance(one, shapely.Geometry) else line(*one) for one in rivers.values()
    ]
    return gpd.GeoDataFrame(
        {
            "code": list(rivers),
            "name": [(names or {}).get(code) for code in rivers],
            "downstream_code": [(flows or {}).get(code) for code in rivers],
            "velocity_m_s": [(velocities or {}).get(code) for code in rivers],
        },
        geometry=drawn,
        crs=4490,
    )


def draw(
    rivers: dict[str, shapely.Geometry | Sequence[Spot] | None],
    flows: dict[str, str] | None = None,
    *,
    velocities: dict[str, float] | None = None,
    names: dict[str, str] | None = None,
    lakes: dict[str, shapely.Polygon] | None = None,
    residence: dict[str, float] | None = None,
    settings: NetworkSettings | None = None,
) -> RiverNetwork:
    """The network of rivers and lakes drawn in kilometres."""
    frame = draw_rivers(rivers, flows, velocities, names)
    water = None
    if lakes:
        hours = [(residence or {}).get(code) for code in lakes]
        water = gpd.GeoDataFrame(
            {"code": list(lakes), "residence_hours": hours}, geometry=list(lakes.values()), crs=4490
        )
    return build_network(frame, lakes=water, settings=settings or NetworkSettings())


def put(places: dict[str, shapely.Geometry | Spot | None], **columns: dict[str, object]) -> gpd.GeoDataFrame:
    """Places (a spot in kilometres, or a whole geometry) of kind ``place``, with columns by code."""
    drawn = [
        one if one is None or isinstance(one, shapely.Geometry) else shapely.Point(at(*one))
        for one in places.values()
    ]
    frame = gpd.GeoDataFrame({"code": list(places), "kind": "place"}, geometry=drawn, crs=4490)
    for name, cells in columns.items():
        frame[name] = [cells.get(code) for code in places]
    return frame


def problem_codes(network: RiverNetwork) -> list[str]:
    """Codes of the problems, in their order."""
    return [problem.code for problem in network.problems]
