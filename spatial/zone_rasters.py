"""Zones along shorelines as rasters: a mask of zone widths, or the distance of every pixel's centre.

Written block by block into a cloud-optimised GeoTIFF, so that memory does not grow with the raster. For
drawing and overlays: a verdict is never taken from a raster, whose pixel is wider than what decides.
"""

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
import rasterio.shutil
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.transform import Affine
from rasterio.windows import Window

from spatial.distance import measure_distances
from spatial.errors import (
    FrameColumnsError,
    GridBoxError,
    GridDomainError,
    GridResolutionError,
    GridSizeError,
    SearchRadiusError,
)
from spatial.geodesy import CGCS2000_EPSG, Floats, from_cgcs2000, require_cgcs2000, to_cgcs2000
from spatial.vocabulary import Rank
from spatial.zones import MAX_WIDTH_M, Box, widen_box

MASK_NODATA = 255
DISTANCE_NODATA = -9999.0
MAX_PIXELS = 2_000_000_000
BLOCK = 512

Geometries = NDArray[np.object_]

_SIDE_POINTS = 65
# Zones by width, from the narrowest, strongest, to the widest, palest: legible over maps light and dark.
_NARROWEST_COLOUR = (178, 24, 43)
_WIDEST_COLOUR = (253, 219, 199)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the pixels of a raster lie."""

    crs: CRS
    transform: Affine
    width: int
    height: int
    box: Box
    """What was asked for, in degrees: a pixel whose centre lies outside is nodata."""

    def centres(self, window: Window) -> tuple[Floats, Floats]:
        """Longitude and latitude of the pixels' centres, each (rows, columns)."""
        columns, rows = np.meshgrid(
            window.col_off + np.arange(window.width) + 0.5, window.row_off + np.arange(window.height) + 0.5
        )
        x = self.transform.c + columns * self.transform.a
        y = self.transform.f + rows * self.transform.e
        return (x, y) if self.crs.is_geographic else to_cgcs2000(x, y, self.crs)

    def windows(self) -> Iterator[Window]:
        """Blocks of the raster, row by row."""
        for row in range(0, self.height, BLOCK):
            for column in range(0, self.width, BLOCK):
                yield Window(column, row, min(BLOCK, self.width - column), min(BLOCK, self.height - row))


def plan_grid(box: Box, crs: str | int | CRS, resolution: float) -> Grid:
    """A grid over a box of longitude and latitude.

    Parameters
    ----------
    box
        West, south, east, north in degrees.
    crs
        EPSG:4490 (degrees) or a projected system on CGCS2000 or WGS 84, such as a Gauss–Krüger or UTM zone.
    resolution
        Side of a pixel in the unit of `crs`: degrees or metres. Pixel edges lie on its multiples, so that
        rasters of one resolution fit together.

    Raises
    ------
    CrsError, DatumError
        `crs` is unknown or on another datum.
    GridBoxError, GridResolutionError, GridDomainError, GridSizeError
        The box is empty, the resolution no positive number, the box leaves the domain of `crs`, or the raster
        would have more than 2 000 000 000 pixels.
    """
    west, south, east, north = box
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise GridBoxError(",".join(f"{side:g}" for side in box))
    if not (math.isfinite(resolution) and resolution > 0):
        raise GridResolutionError(resolution)
    across, up = np.linspace(west, east, _SIDE_POINTS), np.linspace(south, north, _SIDE_POINTS)
    lon = np.concatenate([across, across, np.full(_SIDE_POINTS, west), np.full(_SIDE_POINTS, east)])
    lat = np.concatenate([np.full(_SIDE_POINTS, south), np.full(_SIDE_POINTS, north), up, up])
    x, y = from_cgcs2000(lon, lat, crs)
    system = CRS.from_user_input(int(crs) if isinstance(crs, str) and crs.isdigit() else crs)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise GridDomainError(system.name)
    # What a rounding error sticks out beyond a multiple needs no pixel of its own.
    left, bottom = (math.floor(float(side.min()) / resolution + 1e-6) for side in (x, y))
    right, top = (math.ceil(float(side.max()) / resolution - 1e-6) for side in (x, y))
    if (right - left) * (top - bottom) > MAX_PIXELS:
        raise GridSizeError((right - left) * (top - bottom), MAX_PIXELS)
    transform = Affine(resolution, 0.0, left * resolution, 0.0, -resolution, top * resolution)
    return Grid(system, transform, right - left, top - bottom, box)


def write_zone_mask(file: Path, zones: gpd.GeoDataFrame, grid: Grid, tags: Mapping[str, str]) -> None:
    """Write the narrowest zone that each pixel's centre lies in.

    Parameters
    ----------
    file
        A cloud-optimised GeoTIFF, uint8: 1 for the narrowest width of `zones`, 2 for the next, …; 0 outside
        every zone; 255 (nodata) outside the grid's box. Legend in the tag ``legend`` and as a colour table.
    zones
        Columns ``width_m`` and geometry (polygons, EPSG:4490), as `spatial.zones.buffer_zones` makes them.
        Zones of one width are one class, whatever their rank.
    tags
        Written beside ``legend``.

    Raises
    ------
    CrsError, FrameColumnsError
    """
    if "width_m" not in zones:
        raise FrameColumnsError("zones", frozenset({"width_m"}))
    require_cgcs2000(zones.crs, "zones")
    widths = sorted({float(width) for width in zones["width_m"]})
    classes = {width: number for number, width in enumerate(widths, start=1)}
    legend = {"0": "outside", **{str(number): f"<= {width:g} m" for width, number in classes.items()}}
    # The narrowest is burnt last.
    order = zones.sort_values("width_m", ascending=False, kind="stable")
    shapes = _project(np.asarray(order.geometry.array, dtype=object), grid)
    values = np.array([classes[float(width)] for width in order["width_m"]], dtype=np.int64)
    parts = _Parts(*shapely.get_parts(shapes, return_index=True))

    def burn(window: Window, near: _Parts) -> NDArray[np.uint8]:
        shape = (int(window.height), int(window.width))
        if not len(near.shapes):
            return np.zeros(shape, dtype=np.uint8)
        return np.asarray(
            rasterio.features.rasterize(
                zip(near.shapes, values[near.owner].tolist(), strict=True),
                out_shape=shape,
                transform=_window_transform(grid, window),
                dtype="uint8",
            )
        )

    def blocks() -> Iterator[tuple[Window, NDArray[np.uint8]]]:
        for window, near in _by_block(grid, parts):
            block = burn(window, near)
            block[_outside(grid, window)] = MASK_NODATA
            yield window, block

    # A colour table of TIFF knows no transparency: outside is white.
    colours = {0: (255, 255, 255, 255), MASK_NODATA: (255, 255, 255, 255)}
    for number in classes.values():
        share = (number - 1) / max(len(widths) - 1, 1)
        ends = zip(_NARROWEST_COLOUR, _WIDEST_COLOUR, strict=True)
        red, green, blue = (round(narrowest + share * (widest - narrowest)) for narrowest, widest in ends)
        colours[number] = (red, green, blue, 255)
    _write(
        file,
        grid,
        blocks(),
        dtype="uint8",
        nodata=MASK_NODATA,
        predictor="NO",
        tags={**tags, "legend": "; ".join(f"{value}: {meaning}" for value, meaning in legend.items())},
        finish=lambda raster: raster.write_colormap(1, colours),
    )


def write_distance_raster(
    file: Path,
    shorelines: gpd.GeoDataFrame,
    grid: Grid,
    tags: Mapping[str, str],
    *,
    within_m: float,
    ranks: Sequence[Rank] = tuple(Rank),
) -> None:
    """Write how far each pixel's centre is from the nearest shoreline of some ranks.

    Parameters
    ----------
    file
        A cloud-optimised GeoTIFF, float32: metres on GRS80, 0 inside water; -9999 (nodata) farther than
        `within_m` or outside the grid's box. A value is that of `spatial.distance.measure_distances` for the
        pixel's centre, rounded to float32 (1 mm up to 16 km); within the pixel the distance differs by up to
        half its diagonal. Overviews repeat values of single pixels.
    shorelines
        As `measure_distances` takes them; those in force.
    within_m
        At most 20 km.

    Raises
    ------
    SearchRadiusError, and what `measure_distances` raises
    """
    if not 0 < within_m <= MAX_WIDTH_M:
        raise SearchRadiusError(within_m, MAX_WIDTH_M)
    # An answer for nobody refuses unusable shorelines before a long job begins.
    nobody = gpd.GeoDataFrame({"code": []}, geometry=[], crs=CGCS2000_EPSG)
    chosen = shorelines[shorelines["rank"].isin([rank.value for rank in ranks])].reset_index(drop=True)
    measure_distances(nobody, shorelines, within_m=within_m)
    drawn = np.array(chosen.geometry.array, dtype=object)
    # Inside is what an odd number of windings encloses, for `measure_distances`, too.
    crossed = ~shapely.is_valid(drawn) & (shapely.get_dimensions(drawn) == 2)
    drawn[crossed] = shapely.make_valid(drawn[crossed])
    owner = np.flatnonzero(~shapely.is_missing(drawn) & ~shapely.is_empty(drawn))
    parts = _Parts(drawn[owner], owner)

    def measure(window: Window, near: _Parts) -> NDArray[np.float32]:
        block = np.full((int(window.height), int(window.width)), DISTANCE_NODATA, dtype=np.float32)
        asked = ~_outside(grid, window)
        if not len(near.shapes) or not asked.any():
            return block
        lon, lat = grid.centres(window)
        places = gpd.GeoDataFrame(
            {"code": np.arange(np.count_nonzero(asked))},
            geometry=shapely.points(lon[asked], lat[asked]),
            crs=CGCS2000_EPSG,
        )
        shores = chosen.iloc[near.owner].set_geometry(near.shapes, crs=chosen.crs)
        measured = measure_distances(places, shores, within_m=within_m)
        every = np.column_stack([measured[f"{rank}_distance_m"].to_numpy(dtype=np.float64) for rank in ranks])
        nearest = np.where(np.isnan(every), np.inf, every).min(axis=1)
        block[asked] = np.where(np.isfinite(nearest), nearest, DISTANCE_NODATA)
        return block

    _write(
        file,
        grid,
        ((window, measure(window, near)) for window, near in _by_block(grid, parts, within_m)),
        dtype="float32",
        nodata=DISTANCE_NODATA,
        predictor="FLOATING_POINT",
        tags={**tags, "unit": "metre", "within_m": f"{within_m:g}"},
    )


# ------------------------------------------------------------------------------------------------- blocks


@dataclass(frozen=True, slots=True)
class _Parts:
    """Shapes near a block, and the rows that they come from, in their order."""

    shapes: Geometries
    owner: NDArray[np.int64]


def _by_block(grid: Grid, parts: _Parts, reach_m: float | None = None) -> Iterator[tuple[Window, _Parts]]:
    """The blocks of a grid, each with what lies near it, cut down by quarters.

    Without `reach_m` shapes are in the grid's plane, and cut at the block. With it they are in degrees and
    cut a little farther away than `reach_m`: where the cut leaves an edge that was none before, it is beyond.
    """
    pending = [(0, 0, math.ceil(grid.width / BLOCK), math.ceil(grid.height / BLOCK), parts)]
    while pending:
        left, top, right, bottom, near = pending.pop()
        window = _block_window(grid, left, top, right, bottom)
        near = _cut(near, _frame(grid, window, reach_m))
        if right - left == 1 and bottom - top == 1:
            yield window, near
            continue
        if right - left >= bottom - top:
            middle = (left + right) // 2
            pending += [(middle, top, right, bottom, near), (left, top, middle, bottom, near)]
        else:
            middle = (top + bottom) // 2
            pending += [(left, middle, right, bottom, near), (left, top, right, middle, near)]


def _block_window(grid: Grid, left: int, top: int, right: int, bottom: int) -> Window:
    columns = min(right * BLOCK, grid.width) - left * BLOCK
    rows = min(bottom * BLOCK, grid.height) - top * BLOCK
    return Window(left * BLOCK, top * BLOCK, columns, rows)


def _frame(grid: Grid, window: Window, reach_m: float | None) -> Box:
    """A box around a window: in the plane a pixel larger, in degrees `reach_m` larger."""
    if reach_m is None:
        at = grid.transform
        west, north = at.c + (window.col_off - 1) * at.a, at.f + (window.row_off - 1) * at.e
        return west, north + (window.height + 2) * at.e, west + (window.width + 2) * at.a, north
    return widen_box(_window_degrees(grid, window), reach_m)


def _window_degrees(grid: Grid, window: Window) -> Box:
    """A box that holds the centres of a window's pixels."""
    columns = np.linspace(window.col_off, window.col_off + window.width, _SIDE_POINTS)
    rows = np.linspace(window.row_off, window.row_off + window.height, _SIDE_POINTS)
    x = grid.transform.c + columns * grid.transform.a
    y = grid.transform.f + rows * grid.transform.e
    if grid.crs.is_geographic:
        return float(x[0]), float(y[-1]), float(x[-1]), float(y[0])
    # Lines of the plane are smooth in degrees: what bends out between two of the points is far less than 1 %.
    across, up_and_down = np.meshgrid(x, y)
    lon, lat = to_cgcs2000(across, up_and_down, grid.crs)
    west, east, south, north = np.nanmin(lon), np.nanmax(lon), np.nanmin(lat), np.nanmax(lat)
    aside, up = 0.01 * (east - west), 0.01 * (north - south)
    return float(west - aside), float(south - up), float(east + aside), float(north + up)


def _cut(parts: _Parts, box: Box) -> _Parts:
    if not len(parts.shapes):
        return parts
    west, south, east, north = shapely.bounds(parts.shapes).T
    near = (west <= box[2]) & (east >= box[0]) & (south <= box[3]) & (north >= box[1])
    within = (west >= box[0]) & (east <= box[2]) & (south >= box[1]) & (north <= box[3])
    whole = within[near]
    shapes, owner = parts.shapes[near], parts.owner[near]
    cut, row = shapely.get_parts(shapely.intersection(shapes[~whole], shapely.box(*box)), return_index=True)
    # What touches the box in less than it is made of adds nothing.
    row = np.flatnonzero(~whole)[row]
    kept = shapely.get_dimensions(cut) == shapely.get_dimensions(shapes[row])
    every = np.concatenate([owner[whole], owner[row[kept]]])
    order = np.argsort(every, kind="stable")
    return _Parts(np.concatenate([shapes[whole], cut[kept]])[order], every[order])


def _project(shapes: Geometries, grid: Grid) -> Geometries:
    """Zones in the grid's plane; their vertices stand at most 2 km apart, so straight edges stay true."""
    if grid.crs.is_geographic:
        return shapes

    def to_plane(degrees: Floats) -> Floats:
        return np.column_stack(from_cgcs2000(degrees[:, 0], degrees[:, 1], grid.crs))

    drawn = np.array(shapely.transform(shapes, to_plane), dtype=object)
    invalid = ~shapely.is_valid(drawn)
    drawn[invalid] = shapely.make_valid(drawn[invalid])
    return drawn


def _window_transform(grid: Grid, window: Window) -> Affine:
    return grid.transform @ Affine.translation(window.col_off, window.row_off)


def _outside(grid: Grid, window: Window) -> NDArray[np.bool_]:
    """Pixels whose centre lies outside the box that was asked for, or where the plane has no place."""
    west, south, east, north = grid.box
    around = _window_degrees(grid, window)
    if west <= around[0] and south <= around[1] and around[2] <= east and around[3] <= north:
        return np.zeros((int(window.height), int(window.width)), dtype=bool)
    lon, lat = grid.centres(window)
    return ~((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))


# ------------------------------------------------------------------------------------------------ writing


def _write(
    file: Path,
    grid: Grid,
    blocks: Iterator[tuple[Window, NDArray[np.generic]]],
    *,
    dtype: str,
    nodata: float,
    predictor: str,
    tags: Mapping[str, str],
    finish: Callable[[rasterio.io.DatasetWriter], None] | None = None,
) -> None:
    """Write blocks into a tiled file beside the target, then that one in the order of a COG."""
    profile = {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": 1,
        "dtype": dtype,
        "nodata": nodata,
        "crs": rasterio.crs.CRS.from_wkt(grid.crs.to_wkt("WKT2_2019")),
        "transform": grid.transform,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "deflate",
        "zlevel": 1,
        "bigtiff": "if_safer",
        "sparse_ok": True,
    }
    with tempfile.TemporaryDirectory(prefix=".zones-", dir=file.parent) as folder:
        tiled = Path(folder) / "blocks.tif"
        finished = Path(folder) / "cog.tif"
        with rasterio.open(tiled, "w", **profile) as raster:
            for window, block in blocks:
                raster.write(block, 1, window=window)
            raster.update_tags(**tags)
            if finish is not None:
                finish(raster)
        rasterio.shutil.copy(
            tiled,
            finished,
            driver="COG",
            compress="deflate",
            predictor=predictor,
            blocksize=BLOCK,
            overviews="auto",
            overview_resampling="nearest",
            bigtiff="if_safer",
            num_threads="all_cpus",
        )
        finished.replace(file)
