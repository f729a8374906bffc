"""Measure `shoreline extract` on a made-up Sentinel-2 tile: 10 980 × 10 980 pixels of 10 m, clouds at 20 m.

Fourteen winding rivers of 20 to 320 m, more than a thousand lakes, uneven land, noise, clouds. Each run is a
process of its own: wall and processor time, peak of memory. The goal: at most 90 s and 2 GiB. Run it with
``python benchmarks/imagery.py [FOLDER]``; the scene (about 350 MB) is made there once, else in a temporary
folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy import ndimage

SIZE = 10_980
BLOCK = 1_830
PIXEL_M = 10.0
ORIGIN = (400_000.0, 3_500_000.0)


def smooth_noise(random: np.random.Generator, size: int, step: int, amplitude: float) -> np.ndarray:
    """Noise that varies over so many pixels."""
    coarse = random.normal(0, 1, (size // step + 3,) * 2).astype(np.float32)
    return amplitude * ndimage.zoom(coarse, step, order=1)[:size, :size]


def water_share(random: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Share of water in the pixels at these columns and rows."""
    share = np.zeros(x.shape, dtype=np.float32)
    for river in range(14):
        middle = 400 + river * 780 + 90 * np.sin(x / (40 + 9 * river)) + 300 * np.sin(x / 1500 + river)
        half = 1 + (river % 5) * 3
        share = np.maximum(share, np.clip(half - np.abs(y - middle) * 0.8 + 0.5, 0, 1))
    lakes = smooth_noise(random, len(x), 60, 1.0) + smooth_noise(random, len(x), 15, 0.3)
    return np.maximum(share, np.clip((lakes - 1.75) * 8 + 0.5, 0, 1))


def make_scene(folder: Path) -> tuple[Path, Path]:
    """Green and near infrared in one tiled GeoTIFF, scene classes in another."""
    scene, classes = folder / "S2A_MSIL2A_20200216T033829_N0301_made_up.tif", folder / "made_up_SCL.tif"
    if scene.exists() and classes.exists():
        return scene, classes
    random = np.random.default_rng(7)
    options = {"driver": "GTiff", "dtype": "uint16", "crs": "EPSG:32648", "nodata": 0, "tiled": True}
    options |= {"blockxsize": 512, "blockysize": 512, "compress": "deflate", "predictor": 2}
    place = from_origin(*ORIGIN, PIXEL_M, PIXEL_M)
    rows, columns = np.mgrid[0:BLOCK, 0:BLOCK].astype(np.float32)
    with rasterio.open(scene, "w", count=2, width=SIZE, height=SIZE, transform=place, **options) as file:
        file.descriptions = ("B03", "B08")
        for top in range(0, SIZE, BLOCK):
            for left in range(0, SIZE, BLOCK):
                share = water_share(random, columns + left, rows + top)
                nir = 0.27 + smooth_noise(random, BLOCK, 12, 0.05)
                nir += random.normal(0, 0.012, nir.shape).astype(np.float32)
                green = 0.08 + 0.15 * (nir - 0.27)
                bands = np.stack([share * 0.06 + (1 - share) * green, share * 0.02 + (1 - share) * nir])
                bands += random.normal(0, 0.003, bands.shape).astype(np.float32)
                numbers = np.clip(np.rint(bands * 10_000), 1, None).astype(np.uint16)
                file.write(numbers, window=Window(left, top, BLOCK, BLOCK))
    clouds = smooth_noise(random, SIZE // 2, 150, 1.0) > 1.5
    place = from_origin(*ORIGIN, 2 * PIXEL_M, 2 * PIXEL_M)
    options |= {"dtype": "uint8"}
    with rasterio.open(
        classes, "w", count=1, width=SIZE // 2, height=SIZE // 2, transform=place, **options
    ) as file:
        file.write(np.where(clouds, 9, 4).astype(np.uint8), 1)
    return scene, classes


def run(*arguments: str | Path) -> tuple[dict[str, object], float, float, float]:
    """The report of one extraction; wall time, processor time (s), peak memory (MiB)."""
    programme = [sys.executable, "-c", "from api.cli import app; app()", "shoreline", "extract"]
    command = [*programme, *map(str, arguments), "--format", "json"]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        if status:
            raise SystemExit(f"the extraction ended with {status}")
        output.seek(0)
        report = json.loads(output.read())
    return report, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(folder: Path) -> None:
    """Make the scene and print one line per run."""
    scene, classes = make_scene(folder)
    out = folder / "out.gpkg"
    code = ("--water-body", "W", "--rank", "tributary")
    print("run                       wall s   cpu s   peak MiB   waters     shore km")
    for name, options in (
        ("scene", ()),
        ("scene, clouds", ("--clouds", classes)),
        ("scene, clouds, mask", ("--clouds", classes, "--mask", folder / "mask.tif")),
    ):
        report, wall_s, cpu_s, peak_mib = run(scene, "--out", out, *code, *options)
        shore_km = float(str(report["shore_m"])) / 1000
        print(f"{name:24} {wall_s:7.1f} {cpu_s:7.1f} {peak_mib:10.0f} {report['count']:8} {shore_km:12,.0f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        measure(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            measure(Path(temporary))
