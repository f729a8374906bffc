"""Shoreline distances: ours against GeoPandas `sjoin_nearest`, in one process, medians of several rounds.

The data are made here from a fixed seed: meandering rivers across the middle basin and facilities beside
them. GeoPandas measures in a plane (Albers equal-area for China), ours on the ellipsoid; the last column says
what the plane costs in metres. Run it with ``make bench``, or alone:
``python benchmarks/shoreline.py [FACILITIES [VERTICES]]``.
"""

import statistics
import sys
import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely

from spatial.distance import measure_distances

ROUNDS = 5
SEED = 26
RIVERS = 40
WITHIN_M = 10_000.0
# The customary equal-area plane for national maps of China.
ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=GRS80 +units=m"


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
        crs=4490,
    )


def make_facilities(shorelines: gpd.GeoDataFrame, count: int) -> gpd.GeoDataFrame:
    """Points within about 10 km of random vertices of the rivers; EPSG:4490."""
    random = np.random.default_rng(SEED + 1)
    vertices = shapely.get_coordinates(shorelines.geometry.array)
    near = vertices[random.integers(len(vertices), size=count)] + random.uniform(-0.09, 0.09, (count, 2))
    return gpd.GeoDataFrame({"code": np.arange(count)}, geometry=shapely.points(near), crs=4490)


def measure_plane(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> np.ndarray:
    """GeoPandas' nearest line and its distance in the plane, projection included, one row per facility."""
    joined = facilities.to_crs(ALBERS).sjoin_nearest(
        shorelines.to_crs(ALBERS), max_distance=WITHIN_M, distance_col="distance_m", how="left"
    )
    return joined.groupby(level=0)["distance_m"].min().to_numpy()


def measure_edges_plane(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> np.ndarray:
    """The same with the rivers cut into their edges first, which is what makes a spatial index bite."""
    vertices, line = shapely.get_coordinates(shorelines.geometry.array, return_index=True)
    joined = line[1:] == line[:-1]
    edges = shapely.linestrings(np.stack([vertices[:-1][joined], vertices[1:][joined]], axis=1))
    return measure_plane(facilities, gpd.GeoDataFrame(geometry=edges, crs=4490))


def measure_ours(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> np.ndarray:
    measured = measure_distances(facilities, shorelines, within_m=WITHIN_M)
    return measured["mainstem_distance_m"].to_numpy()


def time_rounds(measure: Callable[[], np.ndarray], rounds: int) -> tuple[float, np.ndarray]:
    """Median seconds of several rounds, and the last result."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        result = measure()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds), result


def main() -> None:
    """Print one line per size and method."""
    sizes = [(10_000, 10_000), (100_000, 100_000)]
    if len(sys.argv) > 1:
        sizes = [(int(sys.argv[1]), int(sys.argv[-1]))]
    print(f"{'facilities':>10} {'vertices':>9}  {'method':<28} {'seconds':>8}  {'largest difference, m':>21}")
    for count, vertices in sizes:
        shorelines = make_shorelines(vertices)
        facilities = make_facilities(shorelines, count)
        seconds, ours = time_rounds(lambda: measure_ours(facilities, shorelines), ROUNDS)  # noqa: B023 - called at once
        print(f"{count:>10} {vertices:>9}  {'ours, geodesic':<28} {seconds:>8.2f}")
        methods = {"GeoPandas, cut into edges": measure_edges_plane}
        if count * vertices <= 10**9:  # whole rivers defeat its index; the time grows with this product
            methods["GeoPandas, whole rivers"] = measure_plane
        for name, measure in methods.items():
            seconds, plane = time_rounds(lambda: measure(facilities, shorelines), ROUNDS)  # noqa: B023 - called at once
            difference = np.nanmax(np.abs(plane - ours))
            print(f"{count:>10} {vertices:>9}  {name:<28} {seconds:>8.2f}  {difference:>21.2f}")


if __name__ == "__main__":
    main()
