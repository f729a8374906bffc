"""Zones of 1 km and 3 km along about 600 000 vertices of shoreline: seconds, memory, and how true they are.

Two shapes of water, made here from a fixed seed: one river as long as the Yangtze, a polygon whose banks
meander with a vertex every 20 m; and the rivers of ``shoreline.py``, whose banks jump at every vertex, the
worst that a zone can be drawn along. Run it alone: ``python benchmarks/zones.py [VERTICES]``.
"""

import resource
import sys
import time

import geopandas as gpd
import numpy as np
import shapely
from shoreline import make_shorelines

from spatial.distance import measure_distances
from spatial.zones import buffer_zones

SEED = 26
CHECKED = 100_000


def make_long_river(vertices: int) -> gpd.GeoDataFrame:
    """A valid water polygon 6 200 km long and 0.6 km wide, with meanders on meanders."""
    each = vertices // 2
    along = np.linspace(0.0, 1.0, each)
    random = np.random.default_rng(SEED)
    bends = sum(
        size * np.sin(2 * np.pi * (number * along + random.uniform()))
        for size, number in ((1.2, 7.3), (0.15, 61.7), (0.004, 711.3), (0.0001, 5_003.1))
    )
    lon, lat = 94.0 + 28.0 * along, 30.0 + bends
    across = np.column_stack([-np.gradient(lat), np.gradient(lon)])
    across *= 0.003 / np.hypot(across[:, 0], across[:, 1])[:, None]
    banks = np.concatenate(
        [np.column_stack([lon, lat]) + across, (np.column_stack([lon, lat]) - across)[::-1]]
    )
    return gpd.GeoDataFrame(
        {"water_body_code": ["CJ"], "rank": ["mainstem"]}, geometry=[shapely.Polygon(banks)], crs=4490
    )


def worst_error(zone: shapely.Geometry, width_m: float, shorelines: gpd.GeoDataFrame) -> float:
    """How far vertices of a zone's outline are off its width, at most, of `CHECKED` of them."""
    vertices = shapely.get_coordinates(shapely.boundary(zone))
    chosen = vertices[np.random.default_rng(SEED).integers(len(vertices), size=CHECKED)]
    places = gpd.GeoDataFrame({"code": np.arange(CHECKED)}, geometry=shapely.points(chosen), crs=4490)
    measured = measure_distances(places, shorelines)["mainstem_distance_m"].to_numpy()
    return float(np.abs(measured - width_m).max())


def main() -> None:
    """Print one line for each water and width."""
    vertices = int(sys.argv[1]) if len(sys.argv) > 1 else 600_000
    print("water           vertices  width  seconds   CPU s   outline  worst, m")
    for name, shorelines in (
        ("long river", make_long_river(vertices)),
        ("jumping banks", make_shorelines(vertices)),
    ):
        given = shapely.get_num_coordinates(shorelines.geometry.array).sum()
        for width_m in (1_000, 3_000):
            begin, used = time.perf_counter(), time.process_time()
            zone = buffer_zones(shorelines, [width_m]).geometry[0]
            seconds, spent = time.perf_counter() - begin, time.process_time() - used
            outline = shapely.get_num_coordinates(zone)
            worst = worst_error(zone, width_m, shorelines)
            print(
                f"{name:<14} {given:>9} {width_m:>6} {seconds:>8.1f} {spent:>7.1f} {outline:>9} {worst:>9.2f}"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
