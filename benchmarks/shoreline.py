"""Shoreline distances: ours against PostGIS, GeoPandas, SedonaDB and DuckDB, in one run, medians of rounds.

The data are made here from a fixed seed: rivers that meander across the middle basin, facilities beside them,
and a fifth of the facilities about 1 km and 3 km from a vertex. Ours starts from the two frames, makes its
index, and gives the nearest point within 10 km on the ellipsoid for every rank. Each peer has its tables and
indexes made beforehand and is asked only for the distance to the nearest edge within 3 km: PostGIS on the
spheroid (geography, one connection, no parallel workers), the others in an equal-area plane, projecting what
they are given. How the rivers are cut for them is what was found fastest: single edges, or pieces of 16.

Then every facility that two methods put on different sides of 1 km or 3 km, and every one that ours has
within half a metre of these, is measured with GeographicLib, and the wrong sides are counted.

After that ours alone, in processes of their own: 100 000 to 10 million facilities in pieces, 10 million
vertices, their peak memory. Run it with ``make bench``, or alone:
``python benchmarks/shoreline.py [--facilities N] [--vertices N] [--peers NAME …] [--only methods|scale]``.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely
from geographiclib.geodesic import Geodesic
from pyproj import CRS
from scipy.spatial import cKDTree

from spatial.distance import ShorelineIndex, measure_distances
from spatial.geodesy import travel_geodesics

ROUNDS = 3
SEED = 26
RIVERS = 40
LIMITS_M = (1_000.0, 3_000.0)
PIECE = 16
AT_ONCE = 250_000
CGCS2000 = 4490
# The customary equal-area plane for national maps of China.
ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=GRS80 +units=m +type=crs"
GRS80 = Geodesic(6_378_137.0, 1 / 298.257222101)
GOLDEN = (np.sqrt(5) - 1) / 2


# -- the data --------------------------------------------------------------------------------------------


def make_shorelines(vertices: int) -> gpd.GeoDataFrame:
    """Rivers that wander eastwards across 106–120° E, 28–32° N, together `vertices` vertices; EPSG:4490."""
    random = np.random.default_rng(SEED)
    each = max(vertices // RIVERS, 2)
    lines = []
    for latitude in random.uniform(28.0, 32.0, RIVERS):
        eastward = np.sort(random.uniform(106.0, 120.0, each))
        turns = np.cumsum(random.normal(0.0, 0.25 / np.sqrt(each), each))
        lines.append(shapely.LineString(np.column_stack([eastward, latitude + turns])))
    return gpd.GeoDataFrame(
        {"water_body_code": [f"R{n:02d}" for n in range(RIVERS)], "rank": "mainstem"},
        geometry=lines,
        crs=CGCS2000,
    )


def make_facilities(shorelines: gpd.GeoDataFrame, count: int, piece: int = 0) -> gpd.GeoDataFrame:
    """Points within about 10 km of the rivers, every tenth near 1 km and every tenth near 3 km; EPSG:4490."""
    random = np.random.default_rng([SEED, piece])
    vertices = shapely.get_coordinates(shorelines.geometry.array)
    beside = vertices[random.integers(len(vertices), size=count)]
    places = beside + random.uniform(-0.09, 0.09, (count, 2))
    for turn, limit_m in enumerate(LIMITS_M):
        some = slice(turn, None, 10)
        size = len(places[some])
        offset_m = limit_m + random.uniform(-50.0, 50.0, size)
        places[some] = np.column_stack(
            travel_geodesics(*beside[some].T, random.uniform(0.0, 360.0, size), offset_m)
        )
    return gpd.GeoDataFrame({"code": np.arange(count)}, geometry=shapely.points(places), crs=CGCS2000)


def cut_rivers(shorelines: gpd.GeoDataFrame, edges: int) -> np.ndarray:
    """The rivers as lines of `edges` edges each."""
    pieces = []
    for river in shorelines.geometry:
        vertices = shapely.get_coordinates(river)
        starts = range(0, len(vertices) - 1, edges)
        pieces += [shapely.linestrings(vertices[start : start + edges + 1]) for start in starts]
    return np.asarray(pieces, dtype=object)


# -- the methods -----------------------------------------------------------------------------------------

Measure = Callable[[], np.ndarray]
"""Metres to the nearest edge by facility; what lies beyond 3 km may be NaN."""


def prepare_ours(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> Iterator[Measure]:
    measure_distances(facilities.iloc[:1], shorelines.iloc[:1])  # compiled code is loaded once per process

    def measure() -> np.ndarray:
        return measure_distances(facilities, shorelines)["mainstem_distance_m"].to_numpy()

    yield measure


def prepare_geopandas(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> Iterator[Measure]:
    edges = gpd.GeoDataFrame(geometry=cut_rivers(shorelines, 1), crs=CGCS2000)

    def measure() -> np.ndarray:
        joined = facilities.to_crs(ALBERS).sjoin_nearest(
            edges.to_crs(ALBERS), max_distance=max(LIMITS_M), distance_col="distance_m", how="left"
        )
        return joined.groupby(level=0)["distance_m"].min().to_numpy()

    yield measure


def prepare_duckdb(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> Iterator[Measure]:
    import duckdb  # noqa: PLC0415 - a peer need not be installed

    spec = find_spec("duckdb_extension_spatial")
    folder = Path(next(iter(spec.submodule_search_locations)))
    connection = duckdb.connect()
    connection.execute(f"LOAD '{next(folder.glob('extensions/*/spatial.duckdb_extension'))}'")
    for name, geometry in (("places", facilities.geometry.array), ("pieces", cut_rivers(shorelines, PIECE))):
        given = as_table(geometry)
        connection.register("given", given)
        connection.execute(f"CREATE TABLE {name} AS SELECT id, ST_GeomFromWKB(wkb) AS g FROM given")  # noqa: S608
    flat = f"ST_Transform(g, 'EPSG:4490', '{ALBERS}', always_xy := true)"
    query = (
        "SELECT p.id, min(ST_Distance(p.g, e.g)) AS distance_m"  # noqa: S608
        f" FROM (SELECT id, {flat} AS g FROM places) p JOIN (SELECT {flat} AS g FROM pieces) e"
        f" ON ST_DWithin(p.g, e.g, {max(LIMITS_M)}) GROUP BY p.id"
    )

    def measure() -> np.ndarray:
        found = connection.execute(query).fetchnumpy()
        return in_order(found["id"], found["distance_m"], len(facilities))

    yield measure
    connection.close()


def prepare_sedonadb(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> Iterator[Measure]:
    import sedonadb  # noqa: PLC0415 - a peer need not be installed

    context = sedonadb.connect()
    for name, geometry in (("places", facilities.geometry.array), ("pieces", cut_rivers(shorelines, PIECE))):
        context.create_data_frame(as_table(geometry)).to_view("given", overwrite=True)
        context.sql("SELECT id, ST_GeomFromWKB(wkb) AS g FROM given").to_memtable().to_view(name)
    flat = f"ST_Transform(g, 'EPSG:4490', '{CRS(ALBERS).to_json()}')"
    query = (
        "SELECT p.id, min(ST_Distance(p.g, e.g)) AS distance_m"  # noqa: S608
        f" FROM (SELECT id, {flat} AS g FROM places) AS p JOIN (SELECT {flat} AS g FROM pieces) AS e"
        f" ON ST_DWithin(p.g, e.g, {max(LIMITS_M)}) GROUP BY p.id"
    )

    def measure() -> np.ndarray:
        found = pa.RecordBatchReader.from_stream(context.sql(query)).read_all()
        return in_order(found["id"].to_numpy(), found["distance_m"].to_numpy(), len(facilities))

    yield measure


def prepare_postgis(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> Iterator[Measure]:
    import psycopg  # noqa: PLC0415 - only this peer needs the database
    from sqlalchemy import make_url  # noqa: PLC0415

    from models.cluster import ensure_cluster, remove_cluster  # noqa: PLC0415

    home = Path(tempfile.mkdtemp(prefix="bench-"))
    url = make_url(ensure_cluster(home)).set(drivername="postgresql")
    try:
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
            connection.execute("SET max_parallel_workers_per_gather = 0")
            for name, geometry in (
                ("places", facilities.geometry.array),
                ("edges", cut_rivers(shorelines, 1)),
            ):
                connection.execute(f"CREATE UNLOGGED TABLE {name} (id int, g geography)")
                with connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT text)") as copy:
                    marked = shapely.set_srid(np.asarray(geometry, dtype=object), CGCS2000)
                    for number, wkb in enumerate(shapely.to_wkb(marked, hex=True, include_srid=True)):
                        copy.write(f"{number}\t{wkb}\n")
            connection.execute("CREATE INDEX ON edges USING gist (g)")
            connection.execute("VACUUM ANALYZE edges")
            connection.execute("VACUUM ANALYZE places")
            query = (
                "CREATE TEMPORARY TABLE found AS SELECT p.id, n.distance_m FROM places p CROSS JOIN LATERAL"
                " (SELECT ST_Distance(e.g, p.g) AS distance_m FROM edges e ORDER BY e.g <-> p.g LIMIT 1) n"
            )

            def measure() -> np.ndarray:
                connection.execute("DROP TABLE IF EXISTS found")
                connection.execute(query)
                with connection.cursor(binary=True) as cursor:
                    row = cursor.execute("SELECT array_agg(distance_m ORDER BY id) FROM found").fetchone()
                return np.array(row[0], dtype=np.float64)

            yield measure
    finally:
        remove_cluster(home)
        shutil.rmtree(home)


METHODS = {
    "ours, GRS80, 10 km, nearest point": prepare_ours,
    "DuckDB spatial, plane, 3 km": prepare_duckdb,
    "SedonaDB, plane, 3 km": prepare_sedonadb,
    "GeoPandas sjoin_nearest, plane, 3 km": prepare_geopandas,
    "PostGIS geography, one connection": prepare_postgis,
}


def as_table(geometry: Any) -> pa.Table:
    return pa.table(
        {"id": np.arange(len(geometry)), "wkb": shapely.to_wkb(np.asarray(geometry, dtype=object))}
    )


def in_order(number: np.ndarray, distance_m: np.ndarray, count: int) -> np.ndarray:
    distances = np.full(count, np.nan)
    distances[number] = distance_m
    return distances


# -- the judge -------------------------------------------------------------------------------------------


def to_chord_space(degrees: np.ndarray) -> np.ndarray:
    """Earth-centred x, y, z in metres of longitudes and latitudes (…, 2)."""
    lam, phi = np.radians(degrees[..., 0]), np.radians(degrees[..., 1])
    e2 = GRS80.f * (2 - GRS80.f)
    normal = GRS80.a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    level = normal * np.cos(phi)
    return np.stack([level * np.cos(lam), level * np.sin(lam), normal * (1 - e2) * np.sin(phi)], axis=-1)


def judge(places: np.ndarray, shorelines: gpd.GeoDataFrame) -> np.ndarray:
    """Metres to the nearest edge by GeographicLib, for places within about 3 km of one.

    The least chord to each edge near the place is found by golden section; the edges whose chord is within
    a millimetre of the least are measured with GeographicLib at that point.
    """
    vertices, line = shapely.get_coordinates(shorelines.geometry.array, return_index=True)
    joined = line[1:] == line[:-1]
    start, end = vertices[:-1][joined], vertices[1:][joined]
    half_m = np.linalg.norm(to_chord_space(end) - to_chord_space(start), axis=1) / 2
    tree = cKDTree(to_chord_space((start + end) / 2))
    here = to_chord_space(places)
    nearest_m, _ = tree.query(here)
    found = np.empty(len(places))
    for number, at in enumerate(here):
        # An edge that is nearer than the nearest middle has its own middle within half its length more.
        edges = np.array(tree.query_ball_point(at, nearest_m[number] + half_m.max() + 1.0))
        a, b = start[edges], end[edges]
        low, high = np.zeros(len(edges)), np.ones(len(edges))

        def chord(along: np.ndarray) -> np.ndarray:
            return np.linalg.norm(to_chord_space(a + along[:, None] * (b - a)) - at, axis=-1)  # noqa: B023

        for _ in range(45):
            third = (high - low) * GOLDEN
            nearer = chord(high - third) < chord(low + third)
            low, high = np.where(nearer, low, high - third), np.where(nearer, low + third, high)
        tried = np.stack([low, high, np.zeros_like(low), np.ones_like(low)])
        chords = np.stack([chord(along) for along in tried])
        which, edge = np.nonzero(chords <= chords.min() + 1e-3)
        feet = a[edge] + tried[which, edge][:, None] * (b - a)[edge]
        lon, lat = places[number]
        found[number] = min(GRS80.Inverse(lat, lon, y, x, Geodesic.DISTANCE)["s12"] for x, y in feet.tolist())
    return found


def choose_doubtful(results: dict[str, np.ndarray]) -> np.ndarray:
    """Facilities that two methods put on different sides of a limit, or that the first has within 0.5 m."""
    ours = next(iter(results.values()))
    doubtful = np.zeros(len(ours), dtype=bool)
    for limit_m in LIMITS_M:
        doubtful |= np.abs(ours - limit_m) <= 0.5
        for distance_m in results.values():
            doubtful |= (distance_m <= limit_m) != (ours <= limit_m)
    return np.flatnonzero(doubtful)


def count_wrong(distance_m: np.ndarray, true_m: np.ndarray) -> tuple[int, int, float]:
    """Facilities on the wrong side of a limit; of these beyond half a metre of it; the farthest from it."""
    off = [np.abs(true_m - limit)[(distance_m <= limit) != (true_m <= limit)] for limit in LIMITS_M]
    every = np.concatenate(off)
    return len(every), int((every > 0.5).sum()), float(every.max(initial=0.0))


# -- ours alone ------------------------------------------------------------------------------------------


def measure_in_pieces(count: int, vertices: int) -> dict[str, float]:
    """Seconds and peak memory of ours for `count` facilities in pieces; their making is not timed."""
    shorelines = make_shorelines(vertices)
    measure_distances(make_facilities(shorelines.iloc[:1], 1), shorelines.iloc[:1])
    begin = time.perf_counter()
    index = ShorelineIndex(shorelines)
    indexed = time.perf_counter() - begin
    seconds, inside = indexed, 0
    for piece, first in enumerate(range(0, count, AT_ONCE)):
        facilities = make_facilities(shorelines, min(AT_ONCE, count - first), piece)
        begin = time.perf_counter()
        measured = index.measure(facilities)
        seconds += time.perf_counter() - begin
        inside += int((measured["mainstem_distance_m"] <= LIMITS_M[0]).sum())
    # What getrusage tells would count the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_mib = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return {"index": indexed, "seconds": seconds, "peak_mib": peak_mib, "inside": inside}


def print_scale() -> None:
    print(
        f"{'facilities':>10} {'vertices':>10} {'index, s':>9} {'all, s':>8} {'µs each':>8} {'peak, MiB':>10}"
    )
    for count, vertices in (
        (100_000, 600_000),
        (1_000_000, 600_000),
        (10_000_000, 600_000),
        (1_000_000, 10_000_000),
    ):
        command = [sys.executable, __file__, "--child", str(count), str(vertices)]
        figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        each = (figures["seconds"] - figures["index"]) / count * 1e6
        print(
            f"{count:>10} {vertices:>10} {figures['index']:>9.2f} {figures['seconds']:>8.2f} {each:>8.2f}"
            f" {figures['peak_mib']:>10,.0f}",
            flush=True,
        )


# -- the run ---------------------------------------------------------------------------------------------


def print_methods(count: int, vertices: int, wanted: list[str] | None) -> None:
    shorelines = make_shorelines(vertices)
    facilities = make_facilities(shorelines, count)
    chosen = {
        name: prepare(facilities, shorelines)
        for name, prepare in METHODS.items()
        if wanted is None or name.startswith(("ours", *wanted))
    }
    measures = {name: next(prepared) for name, prepared in chosen.items()}
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    results: dict[str, np.ndarray] = {}
    for _ in range(ROUNDS):
        for name, measure in measures.items():
            begin = time.perf_counter()
            results[name] = measure()
            seconds[name].append(time.perf_counter() - begin)
            print(f"{name}: {seconds[name][-1]:.2f} s", file=sys.stderr, flush=True)
    for prepared in chosen.values():
        prepared.close()
    doubtful = choose_doubtful(results)
    places = shapely.get_coordinates(facilities.geometry.array)[doubtful]
    true_m = judge(places, shorelines)
    medians = {name: statistics.median(rounds) for name, rounds in seconds.items()}
    reference = next(iter(medians.values()))
    print(f"{count} facilities, {vertices} vertices; {len(doubtful)} facilities judged by GeographicLib")
    print(
        f"{'method':<38} {'seconds':>8} {'times ours':>10} {'wrong side':>10} {'> 0.5 m':>8} {'off by, m':>9}"
    )
    for name, median in medians.items():
        wrong, clear, farthest = count_wrong(results[name][doubtful], true_m)
        print(
            f"{name:<38} {median:>8.2f} {median / reference:>10.1f} {wrong:>10} {clear:>8} {farthest:>9.3f}"
        )
    error = np.nanmax(np.abs(next(iter(results.values()))[doubtful] - true_m))
    print(f"largest error of ours among them: {error:.1e} m")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--facilities", type=int, default=1_000_000)
    parser.add_argument("--vertices", type=int, default=600_000)
    parser.add_argument("--peers", nargs="*", help="the first letters of the peers wanted; all unless told")
    parser.add_argument("--only", choices=("methods", "scale"))
    arguments = parser.parse_args()
    if arguments.only != "scale":
        print_methods(arguments.facilities, arguments.vertices, arguments.peers)
    if arguments.only != "methods":
        print_scale()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measure_in_pieces(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
