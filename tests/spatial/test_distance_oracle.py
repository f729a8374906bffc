"""The engine against two independent measurements: a dense search with GeographicLib, and PostGIS.

First 20 000 facilities in made-up country that is meant to hurt: limits of zones to the decimetre, vertices,
islands, edges of hundreds of kilometres, broken rings, the corners of the basin and China's far north. Then
the real rivers, lakes and boundaries. The oracle shares no code and no formula with the engine.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod
from shapely import LineString, MultiPolygon, Point, Polygon, STRtree
from sqlalchemy import text
from sqlalchemy.orm import Session

from spatial.distance import measure_distances
from tests.spatial.distance_oracle import GRS80, DistanceOracle, drawn_edges, geodesic_m

DATA = Path(__file__).parents[3] / "shared" / "data"
GEOD = Geod(ellps="GRS80")
WITHIN_M = 10_000.0
LIMITS_M = (1000.0, 3000.0)
CONTRACT_M = 0.5
PROMISED_M = 0.01  # what the engine says of itself is a millimetre

# ---------------------------------------------------------------------------------------- made-up country

PLACES = {
    "south-west corner": (90.0, 24.0),
    "south-east corner": (123.0, 24.0),
    "north-west corner": (90.0, 36.0),
    "north-east corner": (123.0, 36.0),
    "宜昌": (111.3, 30.7),
    "漠河": (122.4, 53.3),
    "喀纳斯": (87.0, 48.7),
    "三亚": (109.5, 18.3),
}
LIMIT_OFFSETS_M = (999.6, 1000.4, 2999.6, 3000.4)
FACILITIES = 20_000


@dataclass
class Country:
    """Shorelines and facilities round a place; `lie` tells degrees from metres there."""

    lon: float
    lat: float
    random: np.random.Generator

    def at(self, east_m: np.ndarray, north_m: np.ndarray) -> np.ndarray:
        """Degrees of places so many metres from the middle, near enough for drawing."""
        degree_m = 111_320.0
        return np.column_stack(
            [
                self.lon + np.asarray(east_m) / degree_m / np.cos(np.radians(self.lat)),
                self.lat + np.asarray(north_m) / degree_m,
            ]
        )

    def ring(self, radius_m: float, count: int, east_m: float = 0, north_m: float = 0) -> np.ndarray:
        """The bays and capes of a lake or an island."""
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        radius = radius_m * self.random.uniform(0.55, 1.45, count)
        return self.at(east_m + radius * np.cos(angle), north_m + radius * np.sin(angle))

    def river(self) -> list[shapely.Geometry]:
        """Three banks whose edges are between 3 m and 15 km long."""
        banks = []
        for _ in range(3):
            length = np.exp(self.random.uniform(np.log(3), np.log(15_000), 45))
            turn = np.cumsum(self.random.normal(0, 0.9, 45))
            east, north = np.cumsum(length * np.cos(turn)), np.cumsum(length * np.sin(turn))
            start = self.random.normal(0, 6_000, 2)
            banks.append(LineString(self.at(east - east.mean() + start[0], north - north.mean() + start[1])))
        return banks

    def lakes(self) -> list[shapely.Geometry]:
        """A lake with three islands, one of them with a pond of its own, and twin ponds."""
        islands = [
            self.ring(900, 14, east, north) for east, north in ((-2500, 800), (2200, -1700), (300, 2900))
        ]
        return [
            Polygon(self.ring(12_000, 70), islands),
            Polygon(self.ring(150, 8, -2500, 800)),
            MultiPolygon(
                [Polygon(self.ring(700, 9, 21_000, 4000)), Polygon(self.ring(700, 9, 25_000, 4000))]
            ),
        ]

    def coarse(self) -> list[shapely.Geometry]:
        """Edges of 100 to 500 km: straight in degrees, so kilometres beside the geodesic."""
        east, north = self.random.uniform(-250_000, 250_000, (2, 5))
        sea = self.at([180_000, 420_000, 400_000, 160_000], [-150_000, -190_000, 130_000, 170_000])
        return [
            LineString(self.at(east, north)),
            LineString(self.at([-260_000, 240_000], [40_000, 65_000])),
            Polygon(sea),
        ]

    def broken(self) -> list[shapely.Geometry]:
        """What files hold that nobody meant to draw."""
        walk = self.at(*np.cumsum(self.random.normal(0, 2500, (2, 25)), axis=1))
        twice = np.repeat(walk, self.random.integers(1, 4, len(walk)), axis=0)
        spike = self.at([9000, 15_000, 9000, 9001], [9000, 12_500, 9000, 5000])
        nothing = self.at([-9000, -9000], [9000, 9000])
        flat = self.at([-14_000, -8000, -11_000], [-9000, -9000, -9000])
        tie = self.at([12_000, 18_000, 12_000, 18_000], [-16_000, -10_000, -10_000, -16_000])
        hair = self.at([-6000, -6000, -2000], [15_000, 15_000.001, 15_000])
        return [
            LineString(twice),
            LineString(walk + 1e-9),
            LineString(walk[::-1]),
            LineString(spike),
            LineString(nothing),
            Polygon(flat),
            Polygon(tie),
            Polygon(hair),
            LineString(np.vstack([walk[3:8], walk[3:8]])),
        ]

    # -- facilities ------------------------------------------------------------------------------------

    def beside(self, edges: tuple[np.ndarray, np.ndarray], count: int) -> Iterator[Point]:
        """Points square to an edge, at an offset that is just inside or just outside a zone."""
        start, end = (side[np.any(edges[0] != edges[1], axis=1)] for side in edges)
        for number in range(count):
            edge = self.random.integers(len(start))
            at = start[edge] + self.random.random() * (end[edge] - start[edge])
            yield self.travelled(at, across(at, end[edge] - start[edge]) + 180 * (number % 2), number)

    def round_vertices(self, edges: tuple[np.ndarray, np.ndarray], count: int) -> Iterator[Point]:
        """Points at such offsets in any direction from a vertex."""
        for number in range(count):
            at = edges[0][self.random.integers(len(edges[0]))]
            yield self.travelled(at, self.random.uniform(0, 360), number)

    def travelled(self, at: np.ndarray, azimuth: float, number: int) -> Point:
        offset = LIMIT_OFFSETS_M[number // 2 % len(LIMIT_OFFSETS_M)]
        found = GRS80.Direct(at[1], at[0], azimuth, offset)
        return Point(found["lon2"], found["lat2"])

    def anywhere(self, edges: tuple[np.ndarray, np.ndarray], count: int) -> Iterator[Point]:
        """Points up to 11 km from a place of the shore, and some on it."""
        start, end = edges
        for number in range(count):
            edge = self.random.integers(len(start))
            at = start[edge] + self.random.random() * (end[edge] - start[edge])
            offset = 0.0 if number % 8 == 0 else self.random.uniform(0, 11_000)
            found = GRS80.Direct(at[1], at[0], self.random.uniform(0, 360), offset)
            yield Point(found["lon2"], found["lat2"])

    def ponds(self, edges: tuple[np.ndarray, np.ndarray], count: int) -> Iterator[Polygon]:
        """Areas of 100 m to 3 km, every fourth with a hole, every seventh with a crossing of its own ring."""
        for number, middle in enumerate(self.anywhere(edges, count)):
            here = Country(middle.x, middle.y, self.random)
            size = np.exp(self.random.uniform(np.log(60), np.log(1500)))
            outer = here.ring(size, 5 + number % 5)
            if number % 7 == 0:
                outer[[1, 2]] = outer[[2, 1]]
            yield Polygon(outer, [here.ring(size / 4, 5)] if number % 4 == 0 else None)

    def pipes(self, edges: tuple[np.ndarray, np.ndarray], count: int) -> Iterator[LineString]:
        """Lines of a few edges, every third one long and beside an edge of the shore."""
        start, end = edges
        for number, middle in enumerate(self.anywhere(edges, count)):
            if number % 3:
                legs = self.random.normal(0, np.exp(self.random.uniform(3, 7.5)), (2, 2 + number % 3))
                yield LineString(Country(middle.x, middle.y, self.random).at(*np.cumsum(legs, axis=1)))
                continue
            edge = self.random.integers(len(start))
            share = min(1.0, 0.08 / max(np.abs(end[edge] - start[edge]).max(), 1e-12))
            line = np.stack([start[edge], start[edge] + share * (end[edge] - start[edge])])
            side = across(line[0], end[edge] - start[edge] + 1e-9) + 180 * self.random.integers(2)
            offset = self.random.uniform(50, 4000, 2)  # not quite parallel
            yield LineString(np.column_stack(GEOD.fwd(*line.T, np.full(2, side), offset)[:2]))

    def facilities(self, shores: list[shapely.Geometry], count: int) -> list[shapely.Geometry]:
        """Points, and one in six a line or an area."""
        edges = tuple(np.concatenate(ends) for ends in zip(*map(drawn_edges, shores), strict=True))
        extended, some = count // 12, count // 4
        return [
            *self.beside(edges, some + count // 12),
            *self.round_vertices(edges, some),
            *self.ponds(edges, extended),
            *self.pipes(edges, extended),
            *self.anywhere(edges, count - 2 * some - count // 12 - 2 * extended),
        ]


def across(at: np.ndarray, step: np.ndarray) -> float:
    """Azimuth at right angles to an edge that is straight in degrees: its metres east and north, turned."""
    phi = np.radians(at[1])
    e2 = GRS80.f * (2 - GRS80.f)
    w2 = 1 - e2 * np.sin(phi) ** 2
    return float(np.degrees(np.arctan2(step[0] * np.cos(phi), step[1] * (1 - e2) / w2))) + 90.0


KINDS_OF_COUNTRY = ("river", "lakes", "coarse", "broken")


@pytest.fixture(scope="module")
def country_frames() -> dict[tuple[str, str], tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]]:
    """(facilities, shorelines) by place and kind; 20 000 facilities in all."""
    frames = {}
    each = FACILITIES // (len(PLACES) * len(KINDS_OF_COUNTRY))
    for seed, (place, kind) in enumerate((place, kind) for place in PLACES for kind in KINDS_OF_COUNTRY):
        country = Country(*PLACES[place], np.random.default_rng(seed))
        shores = getattr(country, kind)()
        places = country.facilities(shores, each)
        frames[place, kind] = (
            gpd.GeoDataFrame({"code": range(len(places))}, geometry=places, crs=4490),
            as_shorelines(gpd.GeoDataFrame(geometry=shores, crs=4490), "mainstem"),
        )
    return frames


@pytest.mark.parametrize("kind", KINDS_OF_COUNTRY)
@pytest.mark.parametrize("place", PLACES)
def test_made_up_country_is_measured_and_zoned_as_the_dense_search_does(
    place: str, kind: str, country_frames, record_property
) -> None:
    facilities, layer = country_frames[place, kind]
    ours = engine_distances(facilities, layer)
    oracle = DistanceOracle(list(layer.geometry)).distances_m(list(facilities.geometry))
    record_property("max_error_m", worst_error(ours["m"].to_numpy(), oracle))
    for limit, zone in zip(LIMITS_M, ("mainstem_1km", "mainstem_3km"), strict=True):
        clear = np.abs(oracle - limit) > PROMISED_M
        told = np.array([zone in zones for zones in ours["zones"]])
        assert np.array_equal(told[clear], (oracle <= limit)[clear])


def test_the_made_up_country_holds_20_000_facilities_and_all_its_traps(country_frames) -> None:
    assert sum(len(facilities) for facilities, _ in country_frames.values()) == FACILITIES
    measured = np.concatenate(
        [engine_distances(facilities, layer)["m"] for facilities, layer in country_frames.values()]
    )
    # Facilities that truly stand at these distances, and not nearer to some other shore.
    at_limits = [(np.abs(measured - offset) < PROMISED_M).sum() for offset in LIMIT_OFFSETS_M]
    assert min(at_limits) > 500
    assert (measured == 0).sum() > 500


Layers = dict[str, gpd.GeoDataFrame]


def read_real(path: str) -> gpd.GeoDataFrame:
    file = DATA / path
    if not file.exists():
        pytest.skip(f"the real data are not here: {file}")
    with warnings.catch_warnings():
        # Each position of the berths has a height and a null behind it.
        warnings.filterwarnings("ignore", "OGRGeoJSONReadRawPoint", RuntimeWarning)
        return gpd.read_file(file)


def as_shorelines(layer: gpd.GeoDataFrame, rank: str) -> gpd.GeoDataFrame:
    codes = [f"{rank}-{number:04d}" for number in range(len(layer))]
    return gpd.GeoDataFrame(
        {"water_body_code": codes, "rank": rank}, geometry=shapely.force_2d(layer.geometry.array), crs=4326
    )


@pytest.fixture(scope="module")
def layers() -> Layers:
    return {
        "tnc": as_shorelines(read_real("geometry/yangtze_river_tnc.geojson"), "mainstem"),
        "rivers": as_shorelines(read_real("geometry/ne_10m_rivers_yangtze_bbox.geojson"), "tributary"),
        "lakes": as_shorelines(read_real("geometry/ne_10m_lakes_yangtze_bbox.geojson"), "lake"),
        "taihu": as_shorelines(
            read_real("geometry/hydrorivers_taihu/hydrorivers_taihu_bbox.shp"), "important_tributary"
        ),
    }


def points_frame(lon: np.ndarray, lat: np.ndarray) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"code": [f"P{number:05d}" for number in range(len(lon))]},
        geometry=shapely.points(lon, lat),
        crs=4490,
    )


def random_points_near(layer: gpd.GeoDataFrame, count: int, seed: int) -> gpd.GeoDataFrame:
    """Points at random offsets up to 10 km from random places of the lines, all around the compass."""
    start, end = edges_of(layer)
    random = np.random.default_rng(seed)
    edge = random.integers(len(start), size=count)
    on = start[edge] + random.random((count, 1)) * (end[edge] - start[edge])
    offset = WITHIN_M * random.random(count)
    lon, lat, _ = GEOD.fwd(on[:, 0], on[:, 1], random.uniform(0, 360, count), offset)
    return points_frame(lon, lat)


@pytest.fixture(scope="module")
def pairs(layers: Layers) -> dict[str, tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]]:
    """(facilities, shorelines) of one rank each: 657 named places against all, 5 000 random points."""
    estuary = read_real("outfalls/yangtze_estuary_named_points_l3.geojson")
    places = points_frame(shapely.get_x(estuary.geometry.array), shapely.get_y(estuary.geometry.array))
    named = {f"estuary-{name}": (places, layer) for name, layer in layers.items()}
    return named | {
        "random-rivers": (random_points_near(layers["rivers"], 2000, 1), layers["rivers"]),
        "random-lakes": (random_points_near(layers["lakes"], 1500, 2), layers["lakes"]),
        "random-taihu": (random_points_near(layers["taihu"], 1500, 3), layers["taihu"]),
    }


def edges_of(layer: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Start and end (degrees) of every edge, rings of islands included."""
    edges = [drawn_edges(geometry) for geometry in layer.geometry]
    return np.concatenate([start for start, _ in edges]), np.concatenate([end for _, end in edges])


def engine_distances(facilities: gpd.GeoDataFrame, layer: gpd.GeoDataFrame) -> pd.DataFrame:
    rank = layer["rank"].iloc[0]
    measured = measure_distances(facilities, layer, within_m=WITHIN_M)
    return measured[[f"{rank}_distance_m", f"{rank}_lon", f"{rank}_lat", "zones"]].set_axis(
        ["m", "lon", "lat", "zones"], axis=1
    )


def worst_error(ours: np.ndarray, oracle: np.ndarray) -> float:
    """The largest difference in metres, which is as small as promised; both find the same within 10 km."""
    # At the very edge of the 10 km a rounding may decide who still reports a distance.
    sure = np.abs(oracle - WITHIN_M) > PROMISED_M
    assert np.array_equal(np.isfinite(ours)[sure], (oracle <= WITHIN_M)[sure])
    both = np.isfinite(ours) & np.isfinite(oracle)
    worst = float(np.abs(ours - oracle)[both].max(initial=0.0))
    assert worst <= PROMISED_M < CONTRACT_M
    return worst


PAIRS = [
    *("estuary-tnc", "estuary-rivers", "estuary-lakes", "estuary-taihu"),
    *("random-rivers", "random-lakes", "random-taihu"),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_every_distance_within_10_km_agrees_with_geographiclib(pair: str, pairs, record_property) -> None:
    facilities, layer = pairs[pair]
    ours = engine_distances(facilities, layer)["m"].to_numpy()
    oracle = DistanceOracle(list(layer.geometry)).distances_m(list(facilities.geometry))
    # No lake of that layer lies within 10 km of the estuary.
    assert np.isfinite(ours).any() == (pair != "estuary-lakes")
    record_property("pairs", int(np.isfinite(ours).sum()))
    record_property("max_error_m", worst_error(ours, oracle))


@pytest.mark.parametrize("pair", PAIRS)
def test_the_reported_point_is_at_the_reported_distance(pair: str, pairs) -> None:
    facilities, layer = pairs[pair]
    ours = engine_distances(facilities, layer).assign(
        x=shapely.get_x(facilities.geometry.array), y=shapely.get_y(facilities.geometry.array)
    )
    for row in ours[ours["m"].notna()].iloc[::10].itertuples():
        assert geodesic_m(row.x, row.y, row.lon, row.lat) == pytest.approx(row.m, abs=1e-3)


# -------------------------------------------------------------------------------------------------- PostGIS


REAL_SHORES = {
    "tnc": "geometry/yangtze_river_tnc.geojson",
    "rivers": "geometry/ne_10m_rivers_yangtze_bbox.geojson",
    "lakes": "geometry/ne_10m_lakes_yangtze_bbox.geojson",
    "taihu": "geometry/hydrorivers_taihu/hydrorivers_taihu_bbox.shp",
    "basin": "geometry/yangtze_basin_4tu.geojson",
    "provinces": "geometry/china_admin/china_provinces.geojson",
    **{
        f"cities-{code}": f"geometry/china_admin/cities_{code}.geojson"
        for code in (31, 32, 33, 34, 36, 42, 43)
    },
    "docks": "geometry/yangtze_estuary_dock_lines.geojson",
}
BEYOND_LIMITS_M = 3_010.0
POSTGIS_ERRS_BY_M = 1.5


def round_the_limits(layer: gpd.GeoDataFrame, count: int, seed: int) -> list[Point]:
    """Points 0 to 50 m beside a limit of a zone, square to an edge or round a vertex, on both sides."""
    start, end = edges_of(layer)
    random = np.random.default_rng(seed)
    edge = random.integers(len(start), size=count)
    on = start[edge] + random.random((count, 1)).round(1) * (end[edge] - start[edge])
    square = [across(at, step) for at, step in zip(on, end[edge] - start[edge], strict=True)]
    azimuth = np.array(square) + 180 * random.integers(2, size=count)
    offset = random.choice(LIMITS_M, count) + random.choice([-1, 1], count) * 50 ** random.random(count)
    lon, lat, _ = GEOD.fwd(on[:, 0], on[:, 1], azimuth, offset)
    return list(shapely.points(lon, lat))


@pytest.fixture(scope="module")
def real_places() -> list[shapely.Geometry]:
    """The 657 named places and the 547 berths of the estuary, and the 12 539 permitted facilities of Utah."""
    named = read_real("outfalls/yangtze_estuary_named_points_l3.geojson").geometry
    berths = read_real(REAL_SHORES["docks"]).geometry
    utah = pd.read_csv(
        DATA / "outfalls/utah_updes_permitted_facilities.csv", encoding="cp1252", usecols=[3, 4]
    ).to_numpy()
    return [*named, *shapely.force_2d(berths.array), *shapely.points(utah)]


def zones_agree(ours: np.ndarray, postgis: np.ndarray) -> None:
    """The same facilities within 1 and 3 km, but for those nearer to the limit than PostGIS errs."""
    for limit in LIMITS_M:
        clear = ~(np.abs(ours - limit) <= POSTGIS_ERRS_BY_M)
        assert np.array_equal((ours <= limit)[clear], (postgis <= limit)[clear])


def single_edges(geometry: Sequence[shapely.Geometry]) -> tuple[np.ndarray, np.ndarray]:
    """Every edge with a vertex at least every 0.005° along it, edge by edge, and the geometry it is of.

    PostGIS joins vertices by geodesics, so edges are densified first. It chooses the nearest place of a
    geometry on a sphere and only then measures on the spheroid: over a whole river that choice costs metres
    (3.7 m at 4.5 km, between banks in different directions), over one edge decimetres.
    """
    edges = [drawn_edges(one) for one in geometry]
    owner = np.repeat(np.arange(len(edges)), [len(start) for start, _ in edges]).astype(np.int64)
    start, end = (np.concatenate([np.empty((0, 2)), *(one[side] for one in edges)]) for side in (0, 1))
    fine = shapely.linestrings(np.stack([start, end], axis=1))
    longer = np.any(start != end, axis=1)
    fine[longer] = shapely.segmentize(fine[longer], 0.005)
    vertices, line = shapely.get_coordinates(fine, return_index=True)
    joined = line[1:] == line[:-1]
    drawn = shapely.linestrings(np.stack([vertices[:-1][joined], vertices[1:][joined]], axis=1))
    return drawn, owner[line[1:][joined]]


def postgis_distances(
    session: Session, facilities: gpd.GeoDataFrame, layer: gpd.GeoDataFrame, within_m: float = WITHIN_M
) -> np.ndarray:
    for statement in (
        "CREATE TEMPORARY TABLE oracle_shore (number int, place geography) ON COMMIT DROP",
        # Edges are straight in degrees, so that what lies inside them is a question of the plane of degrees.
        "CREATE TEMPORARY TABLE oracle_area (number int, place geometry) ON COMMIT DROP",
        "CREATE TEMPORARY TABLE oracle_facility (number int, place geography) ON COMMIT DROP",
    ):
        session.execute(text(statement))
    points = shapely.get_dimensions(facilities.geometry.array) == 0
    lines, of_line = single_edges(list(facilities.geometry[~points]))
    number = np.concatenate([np.flatnonzero(points), np.flatnonzero(~points)[of_line]])
    places = np.concatenate([np.array(facilities.geometry[points], dtype=object), lines])
    # A degree is more than 60 km everywhere in China: what lies farther off is not worth a row.
    edges, _ = single_edges(list(layer.geometry))
    near = np.unique(STRtree(edges).query(places, predicate="dwithin", distance=within_m / 60_000)[1])
    areas = layer.geometry[shapely.get_dimensions(layer.geometry.array) == 2]
    for insert, geometries in (
        ("INSERT INTO oracle_shore VALUES (:n, ST_GeomFromWKB(:wkb, 4490)::geography)", edges[near]),
        ("INSERT INTO oracle_area VALUES (:n, ST_GeomFromWKB(:wkb, 4490))", areas),
        ("INSERT INTO oracle_facility VALUES (:n, ST_GeomFromWKB(:wkb, 4490)::geography)", places),
    ):
        if rows := [{"n": n, "wkb": wkb} for n, wkb in enumerate(shapely.to_wkb(geometries).tolist())]:
            session.execute(text(insert), rows)
    session.execute(text("CREATE INDEX ON oracle_shore USING gist (place)"))
    session.execute(text("ANALYZE oracle_shore"))
    found = session.execute(
        text(
            "SELECT f.number, min(ST_Distance(f.place, s.place)) FROM oracle_facility f "
            "JOIN oracle_shore s ON ST_DWithin(f.place, s.place, :within) GROUP BY f.number UNION ALL "
            "SELECT f.number, 0 FROM oracle_facility f JOIN oracle_area a "
            "ON ST_Intersects(f.place::geometry, a.place)"
        ),
        {"within": within_m + 5},
    ).all()
    session.execute(text("DROP TABLE oracle_shore, oracle_area, oracle_facility"))
    distances = np.full(len(facilities), np.inf)
    for place, metres in found:
        distances[number[place]] = min(metres, distances[number[place]])
    return distances


@pytest.mark.parametrize("pair", PAIRS)
def test_every_distance_within_10_km_agrees_with_postgis(
    pair: str, pairs, session: Session, record_property
) -> None:
    facilities, layer = pairs[pair]
    ours = engine_distances(facilities, layer)["m"].to_numpy()
    postgis = postgis_distances(session, facilities, layer)
    assert np.all(np.isfinite(postgis[np.isfinite(ours)]))
    both = np.isfinite(ours)
    error = np.abs(ours - postgis)[both]
    record_property("max_error_m", float(error.max(initial=0.0)))
    assert error.max(initial=0.0) < POSTGIS_ERRS_BY_M  # PostGIS itself errs by up to 1.1 m near 3 km
    zones_agree(ours, postgis)


@pytest.mark.parametrize("name", REAL_SHORES)
def test_real_files_have_the_same_facilities_in_their_zones_as_postgis(
    name: str, real_places, session: Session, record_property
) -> None:
    layer = as_shorelines(read_real(REAL_SHORES[name]), "mainstem")
    # Berths are measured to every file but their own, where everything is near everything.
    known = [place for place in real_places if name != "docks" or place.geom_type == "Point"]
    places = [*known, *round_the_limits(layer, 1000, 5)]
    facilities = gpd.GeoDataFrame({"code": range(len(places))}, geometry=places, crs=4490)
    ours = engine_distances(facilities, layer)["m"].to_numpy()
    zones_agree(ours, postgis_distances(session, facilities, layer, BEYOND_LIMITS_M))
    at_limits = [int((np.abs(ours - limit) < 50).sum()) for limit in LIMITS_M]
    record_property("at_limits", at_limits)
    assert min(at_limits) > 5


def test_permitted_facilities_of_utah_are_zoned_as_postgis_zones_them(real_places, session: Session) -> None:
    """Real places far from China, and a made-up shore through every fiftieth of them."""
    utah = np.array([place for place in real_places if place.bounds[0] < 0])
    assert len(utah) == 12_539
    middle = utah[(shapely.get_y(utah) > 37) & (shapely.get_y(utah) < 42)][::50]
    order = np.lexsort((shapely.get_y(middle), shapely.get_x(middle)))
    shore = gpd.GeoDataFrame(geometry=[LineString(shapely.get_coordinates(middle[order]))], crs=4490)
    facilities = gpd.GeoDataFrame({"code": range(len(utah))}, geometry=list(utah), crs=4490)
    layer = as_shorelines(shore, "mainstem")
    ours = engine_distances(facilities, layer)["m"].to_numpy()
    assert (ours <= LIMITS_M[1]).sum() > 3000
    zones_agree(ours, postgis_distances(session, facilities, layer, BEYOND_LIMITS_M))
