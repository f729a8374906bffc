"""Made-up scenes whose shoreline is known: shapes in pixels, mixed pixels by area, blur and noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.transform import Affine, from_origin
from scipy import ndimage

UTM48 = "EPSG:32648"
ORIGIN = (441_560.0, 3_447_730.0)
PIXEL_M = 10.0

LAKE = shapely.Point(60.3, 70.7).buffer(31.2, quad_segs=256)
ISLAND = shapely.Point(66.1, 66.2).buffer(9.4, quad_segs=256)


def meander(size: float = 240.0) -> shapely.Geometry:
    """A river 12.6 pixels wide that winds across the scene."""
    along = np.linspace(-5, size + 5, 6000)
    return shapely.LineString(np.column_stack((along, 185 + 18 * np.sin(along / 21)))).buffer(6.3)


def lake_and_river(size: int = 240) -> shapely.Geometry:
    """A round lake with a round island, and a meandering river, inside the image."""
    return shapely.union_all([LAKE.difference(ISLAND), meander(size)]).intersection(
        shapely.box(0, 0, size, size)
    )


def coverage(water: shapely.Geometry, shape: tuple[int, int], parts: int = 10) -> np.ndarray:
    """Share of each pixel that is water, counted on a raster ten times as fine."""
    rows, columns = shape
    fine = rasterize([water], out_shape=(rows * parts, columns * parts), transform=Affine.scale(1 / parts))
    return fine.reshape(rows, parts, columns, parts).mean(axis=(1, 3), dtype=np.float64)


@dataclass(frozen=True)
class Look:
    """What a sensor would see: reflectances, how uneven the land is, blur in pixels, noise."""

    noise: float = 0.003
    uneven: float = 0.03
    blur: float = 0.5
    water: tuple[float, float] = (0.06, 0.02)
    land: tuple[float, float] = (0.08, 0.30)
    seed: int = 1


def reflectance(share: np.ndarray, look: Look) -> np.ndarray:
    """Green and near infrared, shape (2, rows, columns)."""
    random = np.random.default_rng(look.seed)
    rows, columns = share.shape
    patches = random.normal(0, look.uneven, (rows // 8 + 2, columns // 8 + 2))
    patch = ndimage.zoom(patches, 8, order=1)[:rows, :columns]
    green_land = look.land[0] + 0.1 * patch
    nir_land = look.land[1] + patch + random.normal(0, look.uneven / 2, share.shape)
    bands = [
        share * wet + (1 - share) * dry for wet, dry in zip(look.water, (green_land, nir_land), strict=True)
    ]
    if look.blur:
        bands = [ndimage.gaussian_filter(band, look.blur) for band in bands]
    return np.maximum([band + random.normal(0, look.noise, band.shape) for band in bands], 0.0005)


def write_raster(path: Path, bands: np.ndarray, **options: Any) -> Path:
    """Bands (count, rows, columns) as a GeoTIFF of 10 m pixels in UTM zone 48, unless said otherwise."""
    pixel = options.pop("pixel", PIXEL_M)
    names = options.pop("names", None)
    tags = options.pop("tags", {})
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
        "dtype": bands.dtype,
        "crs": UTM48,
        "transform": from_origin(*ORIGIN, pixel, pixel),
        **options,
    }
    with rasterio.open(
        path, "w", **{key: value for key, value in profile.items() if value is not None}
    ) as file:
        file.write(bands)
        if names is not None:
            file.descriptions = names
        file.update_tags(**tags)
    return path


def write_scene(path: Path, share: np.ndarray, look: Look | None = None, **options: Any) -> Path:
    """A scene of the bands green and nir, as whole numbers of 1/10 000, 0 for no data."""
    numbers = np.rint(reflectance(share, look or Look()) * 10_000).astype(np.uint16)
    return write_raster(path, numbers, **{"nodata": 0, "names": ("green", "nir"), **options})


def errors_of(shores: Any, truth: shapely.Geometry, size: int = 240) -> list[np.ndarray]:
    """Distance of points every half pixel along found shores from the true line, in pixels; no edges."""
    line = shapely.boundary(truth)
    edge = shapely.boundary(shapely.box(0, 0, size, size)).buffer(1.5)
    found = []
    for shore in shores:
        points = shapely.points(shapely.get_coordinates(shapely.segmentize(shore, 0.5)))
        found.append(shapely.distance(points[~shapely.intersects(edge, points)], line))
    return found
