"""Zones along shorelines as files and answers: drawn by ``spatial``, described, cut to what was asked for.

Everything that leaves here says what it rests on (day, shoreline versions, sources, widths) and that a
verdict is never taken from it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from api.catalogue import Catalogue, Language
from api.errors import NoShorelinesError, OutputError, RegionShapeError
from api.tracing import REGION_CATEGORIES
from models import queries
from spatial.distance import shorelines_in_force
from spatial.geodesy import CGCS2000_EPSG, GRS80
from spatial.rulebook import YANGTZE
from spatial.vocabulary import ZONE_WIDTHS_M, Rank
from spatial.zone_rasters import plan_grid, write_distance_raster, write_zone_mask
from spatial.zones import Box, buffer_zones, cut_to_box

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ROUND_DEG = 1e-7  # 1 cm: finer than what is drawn
_ZOOMS = (4, 12)


class Picture(StrEnum):
    """What a raster shows."""

    MASK = "mask"
    DISTANCE = "distance"


class Container(StrEnum):
    """What kind of file holds the zones."""

    GEOJSON = "geojson"
    GEOPACKAGE = "gpkg"
    PARQUET = "parquet"
    RASTER = "tif"
    PMTILES = "pmtiles"
    MBTILES = "mbtiles"
    TILES = "directory of tiles"


ENDINGS: Mapping[str, Container] = {
    ".geojson": Container.GEOJSON,
    ".json": Container.GEOJSON,
    ".gpkg": Container.GEOPACKAGE,
    ".parquet": Container.PARQUET,
    ".geoparquet": Container.PARQUET,
    ".tif": Container.RASTER,
    ".tiff": Container.RASTER,
    ".pmtiles": Container.PMTILES,
    ".mbtiles": Container.MBTILES,
    "": Container.TILES,
}


@dataclass(frozen=True, slots=True)
class ZoneRequest:
    """Which zones are asked for.

    Attributes
    ----------
    widths_m
        In the order of the answer, each above 0 and at most 20 km.
    ranks
        Only shorelines of these; empty: of every rank.
    box
        West, south, east, north in degrees (EPSG:4490): zones are cut at it.
    """

    widths_m: tuple[float, ...] = tuple(float(width) for width in ZONE_WIDTHS_M)
    ranks: tuple[Rank, ...] = ()
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Shores:
    """Shorelines that zones are drawn from, and how they are called.

    Attributes
    ----------
    frame
        Those in force on `as_of`, of every rank.
    as_of
        None where a file stands for no particular day.
    versions
        The versions used: ids of the database, or the name and SHA-256 of a file.
    """

    frame: gpd.GeoDataFrame
    as_of: date | None
    versions: str
    sources: str
    clip: shapely.Geometry | None = None
    """Shape of the region that zones are cut at."""

    def tag(self, request: ZoneRequest) -> str:
        """Another one whenever other shorelines, another day, region or question is spoken of."""
        region = "" if self.clip is None else sha256(shapely.to_wkb(self.clip)).hexdigest()
        spoken = f"{version('qingjiang')}|{self.as_of}|{self.versions}|{self.sources}|{region}|{request}"
        return sha256(spoken.encode()).hexdigest()[:32]


# ------------------------------------------------------------------------------------------------ sources


def stored_shores(session: Session, as_of: date, region: str | None = None) -> Shores:
    """The shorelines in force on a day, with the shape of a region (None or ``yangtze``: no region).

    All of them are read, wherever they lie: which kind of a shoreline holds is decided before any cut.

    Raises
    ------
    RegionShapeError
        If no polygon of the region is stored.
    """
    found = shorelines_in_force(queries.features_in_force(session, "shorelines", as_of), as_of)
    versions = sorted(int(number) for number in found["version_id"])
    shape = None if region in (None, YANGTZE) else region_shape(session, str(region), as_of)
    return Shores(found, as_of, f"version_id {_spans(versions)}", _sources(found), shape)


def shores_of_file(file: Path, frame: gpd.GeoDataFrame, as_of: date | None) -> Shores:
    """The shorelines of a file, in force on a day; without one the newest of each."""
    found = shorelines_in_force(frame, as_of)
    with file.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    return Shores(found, as_of, f"{file.name} sha256:{digest}", _sources(found) or file.name)


def region_shape(session: Session, region: str, as_of: date) -> shapely.Geometry:
    """The polygon of a region: a site of a category such as 行政区 with its GB/T 2260 code.

    Raises
    ------
    RegionShapeError
        If none is stored.
    """
    sites = queries.features_in_force(session, "sites", as_of, region_code=region)
    chosen = sites[sites["category"].isin(REGION_CATEGORIES) & (sites["region_code"] == region)]
    shapes = np.asarray(chosen.geometry.array, dtype=object)
    shapes = shapely.make_valid(shapes[shapely.get_dimensions(shapes) == 2])
    if not len(shapes):
        raise RegionShapeError(region)
    return shapely.union_all(shapes)


def _sources(frame: gpd.GeoDataFrame) -> str:
    if "source" not in frame:
        return ""
    return "; ".join(sorted({str(source) for source in frame["source"].dropna()}))


def _spans(numbers: Sequence[int]) -> str:
    """Rising numbers, short: 3-7, 12."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number <= spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans)


# -------------------------------------------------------------------------------------------------- zones


def draw_zones(shores: Shores, request: ZoneRequest) -> gpd.GeoDataFrame:
    """Zones by rank and width, cut at the box and the region, with what they rest on in every row.

    Returns
    -------
    GeoDataFrame, EPSG:4490, one row per rank and width
        ``rank``, ``width_m``, ``area_km2`` (on GRS80), ``water_bodies``, ``as_of``, ``source``,
        ``shoreline_versions``, ``note_zh``, ``note_en``, geometry (MultiPolygon, rings by RFC 7946, rounded
        to 1e-7 degrees). A zone of which nothing lies in the box or region is left out.

    Raises
    ------
    What `buffer_zones` raises.
    """
    lines = chosen_shores(shores, request)
    zones = buffer_zones(lines, request.widths_m)
    shapes = np.asarray(zones.geometry.array, dtype=object)
    if request.box is not None:
        shapes = shapely.intersection(shapes, shapely.box(*request.box))
    if shores.clip is not None:
        shapes = shapely.intersection(shapes, shores.clip)
    shapes = np.array([_as_multipolygon(shape) for shape in shapely.set_precision(shapes, _ROUND_DEG)])
    zones = zones.set_geometry(gpd.GeoSeries(shapes, index=zones.index, crs=CGCS2000_EPSG))
    zones = zones[~zones.geometry.is_empty].reset_index(drop=True)
    waters = lines.groupby("rank")["water_body_code"].agg(lambda codes: ", ".join(sorted(set(codes))))
    return gpd.GeoDataFrame(
        {
            "rank": zones["rank"],
            "width_m": zones["width_m"].astype("float64"),
            "area_km2": [_area_km2(shape) for shape in zones.geometry],
            "water_bodies": zones["rank"].map(waters).astype("str"),
            **{name: pd.Series([text] * len(zones), dtype="str") for name, text in about(shores).items()},
        },
        geometry=zones.geometry,
        crs=CGCS2000_EPSG,
    )


def chosen_shores(shores: Shores, request: ZoneRequest) -> gpd.GeoDataFrame:
    """The shorelines of the asked ranks that reach into the box or region."""
    found = shores.frame
    if request.ranks:
        found = found[found["rank"].isin([rank.value for rank in request.ranks])]
    box = asked_box(shores, request)
    return found if box is None else cut_to_box(found, box, max(request.widths_m, default=0.0))


def asked_box(shores: Shores, request: ZoneRequest) -> Box | None:
    """The box that holds what was asked for; None: everything."""
    if shores.clip is None:
        return request.box
    shape = (
        shores.clip if request.box is None else shapely.intersection(shores.clip, shapely.box(*request.box))
    )
    if shapely.is_empty(shape):
        return request.box
    west, south, east, north = shapely.bounds(shape).tolist()
    return west, south, east, north


def about(shores: Shores) -> dict[str, str]:
    """What every row, layer and raster carries."""
    return {
        "as_of": "" if shores.as_of is None else shores.as_of.isoformat(),
        "source": shores.sources,
        "shoreline_versions": shores.versions,
        "note_zh": Catalogue(Language.CHINESE).text("zones.note"),
        "note_en": Catalogue(Language.ENGLISH).text("zones.note"),
    }


def _as_multipolygon(shape: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(shape)
    polygons = parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)]
    drawn: shapely.Geometry = shapely.orient_polygons(shapely.multipolygons(polygons))
    return drawn


def _area_km2(shape: shapely.Geometry) -> float:
    return round(abs(GRS80.geometry_area_perimeter(shape)[0]) / 1e6, 3)


# ------------------------------------------------------------------------------------------------- GeoJSON


def geojson_pieces(zones: gpd.GeoDataFrame, shores: Shores, request: ZoneRequest) -> Iterator[str]:
    """A FeatureCollection (RFC 7946), feature by feature; what it rests on stands beside the features."""
    members = {
        "type": "FeatureCollection",
        "name": "zones",
        **about(shores),
        "as_of": None if shores.as_of is None else shores.as_of.isoformat(),
        "widths_m": list(request.widths_m),
        "ranks": [rank.value for rank in request.ranks or Rank],
    }
    yield _compact(members)[:-1] + ',"features":['
    own = [name for name in ("rank", "width_m", "area_km2", "water_bodies", "as_of") if name in zones]
    for number, (_, row) in enumerate(zones.iterrows()):
        properties = {
            **{name: row[name] for name in own},
            "as_of": members["as_of"],
            "shoreline_versions": shores.versions,
        }
        start = ',\n{"type":"Feature","properties":' if number else '\n{"type":"Feature","properties":'
        yield f'{start}{_compact(properties)},"geometry":{shapely.to_geojson(row["geometry"])}}}'
    yield "\n]}\n"


def _compact(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


# --------------------------------------------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class RasterOptions:
    """How a raster is laid out; see `spatial.zone_rasters.plan_grid`."""

    picture: Picture = Picture.MASK
    crs: str = str(CGCS2000_EPSG)
    resolution: float = 1 / 3600


def write_zones(
    out: Path,
    shores: Shores,
    request: ZoneRequest,
    *,
    raster: RasterOptions | None = None,
    zooms: tuple[int, int] = _ZOOMS,
) -> gpd.GeoDataFrame:
    """Draw zones and write them to a file of the kind that its ending says; the file appears whole or not.

    Parameters
    ----------
    out
        See `ENDINGS`; without an ending a directory of vector tiles, which must not exist.
    zooms
        First and last zoom level of vector tiles.

    Returns
    -------
    The zones as drawn.

    Raises
    ------
    NoShorelinesError
        If no shoreline of the asked ranks reaches into the box or region.
    OutputError
        If the file cannot be written.
    """
    zones = draw_zones(shores, request)
    if zones.empty:
        raise NoShorelinesError
    container = ENDINGS[out.suffix.lower()]
    if container is Container.TILES and out.exists():
        raise OutputError(str(out), "the directory exists")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".zones-", dir=out.parent) as folder:
            part = Path(folder) / f"zones{out.suffix.lower()}"
            _write(part, container, zones, shores, request, raster or RasterOptions(), zooms)
            if out.is_dir():
                raise OutputError(str(out), "it is a directory")
            shutil.move(part, out)
    except OSError as error:
        raise OutputError(str(out), error.strerror or str(error)) from error
    return zones


def _write(
    part: Path,
    container: Container,
    zones: gpd.GeoDataFrame,
    shores: Shores,
    request: ZoneRequest,
    raster: RasterOptions,
    zooms: tuple[int, int],
) -> None:
    match container:
        case Container.GEOJSON:
            with part.open("w", encoding="utf-8") as opened:
                opened.writelines(geojson_pieces(zones, shores, request))
        case Container.PARQUET:
            zones.to_parquet(part, index=False)
        case Container.GEOPACKAGE:
            _write_geopackage(part, zones, shores, request)
        case Container.RASTER:
            _write_raster(part, zones, shores, request, raster)
        case _:
            _write_tiles(part, container, zones, shores, zooms)


def _write_geopackage(part: Path, zones: gpd.GeoDataFrame, shores: Shores, request: ZoneRequest) -> None:
    """Two layers: the zones, and the shorelines that they were drawn from."""
    described = {name.upper(): text for name, text in about(shores).items()}
    pyogrio.write_dataframe(
        zones, part, layer="zones", driver="GPKG", geometry_type="MultiPolygon", layer_metadata=described
    )
    lines = chosen_shores(shores, request)
    wanted = ("water_body_code", "name", "rank", "kind", "accuracy_m", "source", "version_id")
    columns = [name for name in wanted if name in lines]
    pyogrio.write_dataframe(
        lines[[*columns, lines.geometry.name]], part, layer="shorelines", driver="GPKG", append=True
    )


def _write_raster(
    part: Path, zones: gpd.GeoDataFrame, shores: Shores, request: ZoneRequest, options: RasterOptions
) -> None:
    west, south, east, north = asked_box(shores, request) or zones.total_bounds.tolist()
    grid = plan_grid((west, south, east, north), options.crs, options.resolution)
    tags = {
        **about(shores),
        "widths_m": ", ".join(f"{width:g}" for width in request.widths_m),
        "ranks": ", ".join(rank.value for rank in request.ranks or Rank),
    }
    tags["TIFFTAG_IMAGEDESCRIPTION"] = tags["note_en"]
    if options.picture is Picture.MASK:
        write_zone_mask(part, zones, grid, tags)
    else:
        write_distance_raster(
            part,
            chosen_shores(shores, request),
            grid,
            tags,
            within_m=max(request.widths_m),
            ranks=request.ranks or tuple(Rank),
        )


def _write_tiles(
    part: Path, container: Container, zones: gpd.GeoDataFrame, shores: Shores, zooms: tuple[int, int]
) -> None:
    """Vector tiles in web Mercator; CGCS2000 and WGS 84 are the same at any zoom."""
    driver = {Container.PMTILES: "PMTiles", Container.MBTILES: "MBTiles", Container.TILES: "MVT"}[container]
    facts = about(shores)
    options = {
        "NAME": "zones",
        "DESCRIPTION": f"{facts['note_en']} {facts['note_zh']}",
        "MINZOOM": str(zooms[0]),
        "MAXZOOM": str(zooms[1]),
        # A plain file server does not say that a tile is packed.
        **({"FORMAT": "DIRECTORY", "COMPRESS": "NO"} if container is Container.TILES else {}),
    }
    drawn = zones.drop(columns=["note_en"]).rename(columns={"note_zh": "note"})
    pyogrio.write_dataframe(
        drawn.set_crs(4326, allow_override=True),
        part,
        layer="zones",
        driver=driver,
        geometry_type="MultiPolygon",
        dataset_options=options,
    )
