"""The river network: 5 000 outfalls traced to the sections below them, and what it takes to get there.

The network is made here from a fixed seed: reaches on a jittered grid, every one of which drains to one of
the three places south of it, so that they gather into rivers as real ones do; some part into two arms that
meet again. Beside ours stands NetworkX, Dijkstra's algorithm from every outfall on the same graph: kilometres
only, no hours, no word on other ways. With the public HydroRIVERS reaches beside the repository the same is
done on them. Run it with ``make bench``, or alone: ``python benchmarks/network.py [REACHES]``.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely

from spatial.network import RiverNetwork, build_network, read_hydrorivers
from spatial.network_graph import Edge
from spatial.network_places import snap
from spatial.network_tracing import trace_many

ROUNDS = 3
SEED = 5
REACHES = 20_000
OUTFALLS = 5_000
SECTIONS = 450
ARMS_EVERY = 40
STEP_DEG = 0.03
HYDRORIVERS = Path(__file__).parents[2] / "shared/data/geometry/hydrorivers_taihu/hydrorivers_taihu_bbox.shp"


def make_rivers(reaches: int) -> gpd.GeoDataFrame:
    """About so many reaches from north to south, gathering on the way, with arms; EPSG:4490."""
    random = np.random.default_rng(SEED)
    across = max(int((reaches / 2) ** 0.5), 3)
    down = max(reaches // across, 2)
    east, north = np.meshgrid(np.arange(across), np.arange(down))
    lon = 106 + STEP_DEG * (east + random.uniform(-0.3, 0.3, east.shape))
    lat = 34 - STEP_DEG * (north + random.uniform(-0.3, 0.3, east.shape))
    codes, below, lines = [], [], []
    for row in range(down - 1):
        for column in range(across):
            choice = np.clip(column + random.integers(-1, 2, 2), 0, across - 1)
            targets = [int(choice[0])]
            if random.integers(ARMS_EVERY) == 0 and choice[1] != choice[0]:
                targets.append(int(choice[1]))
            for arm, target in enumerate(targets):
                start = (lon[row, column], lat[row, column])
                end = (lon[row + 1, target], lat[row + 1, target])
                bend = random.uniform(-0.1, 0.1) * STEP_DEG
                middle = ((start[0] + end[0]) / 2 + bend, (start[1] + end[1]) / 2)
                lines.append(shapely.LineString([start, middle, end]))
                codes.append(f"R{row:04d}-{column:04d}-{arm}")
                below.append(f"R{row + 1:04d}-{target:04d}-0" if row + 2 < down else None)
    return gpd.GeoDataFrame({"code": codes, "downstream_code": below}, geometry=lines, crs=4490)


def make_places(network: RiverNetwork, kind: str, count: int, seed: int) -> gpd.GeoDataFrame:
    """Places within about 500 m of random places on the network; EPSG:4490."""
    random = np.random.default_rng(seed)
    line = random.integers(len(network.lines), size=count)
    km = random.random(count) * network.lines.length_km[line]
    spots = [network.lines.place_at(int(one), float(at)) for one, at in zip(line, km, strict=True)]
    near = np.array(spots) + random.normal(0.0, 0.002, (count, 2))
    return gpd.GeoDataFrame(
        {"code": [f"{kind}{number}" for number in range(count)], "kind": kind},
        geometry=shapely.points(near),
        crs=4490,
    )


def trace_networkx(network: RiverNetwork, outfalls: pd.DataFrame, sections: pd.DataFrame) -> int:
    """NetworkX: from every outfall Dijkstra down the graph, kilometres to every section met; how many."""
    edges = network.edges
    graph = nx.DiGraph()
    for edge in np.flatnonzero(edges.kind != Edge.INSIDE).tolist():
        start, end, km = int(edges.start[edge]), int(edges.end[edge]), float(edges.length_km[edge])
        if not graph.has_edge(start, end) or graph.edges[start, end]["km"] > km:
            graph.add_edge(start, end, km=km)
    by_node: dict[int, list[tuple[int, float]]] = {}
    on_edge: dict[int, list[tuple[int, float]]] = {}
    for row, (line, km) in enumerate(zip(sections["line"], sections["line_km"], strict=True)):
        edge = network.edge_at(int(line), float(km))
        offset = float(km) - float(edges.start_km[edge])
        by_node.setdefault(int(edges.start[edge]), []).append((row, offset))
        on_edge.setdefault(edge, []).append((row, offset))
    met = 0
    for line, km in zip(outfalls["line"], outfalls["line_km"], strict=True):
        edge = network.edge_at(int(line), float(km))
        offset = float(km) - float(edges.start_km[edge])
        found = {row: at - offset for row, at in on_edge.get(edge, ()) if at >= offset}
        rest = float(edges.length_km[edge]) - offset
        for node, away in nx.single_source_dijkstra_path_length(
            graph, int(edges.end[edge]), weight="km"
        ).items():
            for row, at in by_node.get(node, ()):
                found[row] = min(found.get(row, np.inf), rest + away + at)
        met += len(found)
    return met


def time_it(work: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Median wall and CPU seconds of several rounds."""
    wall, cpu = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return statistics.median(wall), statistics.median(cpu)


def run(title: str, rivers: gpd.GeoDataFrame) -> None:
    """Measure one network and print its table."""
    network = build_network(rivers)
    outfalls = snap(network, make_places(network, "outfall", OUTFALLS, SEED + 1))
    sections = snap(network, make_places(network, "section", SECTIONS, SEED + 2))
    pairs = len(trace_many(network, outfalls, sections))
    print(
        f"\n{title}: {len(network.lines):,} reaches, {network.length_km:,.0f} km,"
        f" {pairs:,} pairs of outfall and section"
    )
    print("| | seconds | CPU, s |\n|---|---:|---:|")
    places = make_places(network, "outfall", OUTFALLS, SEED + 1)
    steps: list[tuple[str, Callable[[], object], int]] = [
        ("network built from lines and codes", lambda: build_network(rivers), ROUNDS),
        (f"{OUTFALLS:,} outfalls put on it", lambda: snap(network, places), ROUNDS),
        (
            f"{OUTFALLS:,} outfalls traced to {SECTIONS} sections",
            lambda: trace_many(network, outfalls, sections),
            ROUNDS,
        ),
        ("the same, within 50 km", lambda: trace_many(network, outfalls, sections, max_km=50.0), ROUNDS),
        (
            f"{SECTIONS} sections traced up to the outfalls",
            lambda: trace_many(network, sections, outfalls, direction="upstream"),
            ROUNDS,
        ),
        (
            "NetworkX, outfalls to sections, kilometres only",
            lambda: trace_networkx(network, outfalls, sections),
            1,
        ),
    ]
    for name, work, rounds in steps:
        wall, cpu = time_it(work, rounds)
        print(f"| {name} | {wall:.2f} | {cpu:.2f} |", flush=True)
    up = len(trace_many(network, sections, outfalls, direction="upstream"))
    theirs = trace_networkx(network, outfalls, sections)
    print(f"pairs: ours downstream {pairs}, ours upstream {up}, NetworkX {theirs}")


def main() -> None:
    reaches = int(sys.argv[1]) if len(sys.argv) > 1 else REACHES
    run("Made-up rivers", make_rivers(reaches))
    if HYDRORIVERS.exists():
        run("HydroRIVERS round Taihu", read_hydrorivers(gpd.read_file(HYDRORIVERS)))


if __name__ == "__main__":
    main()
