"""Shorelines out of imagery: scenes in, a layer that `ingest shorelines` loads out, and what was done."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from pydantic import BaseModel, Field
from rasterio.windows import Window

from api.errors import NoKnownWaterError, OutputError, SceneDateError
from api.output import to_geojson, to_json
from spatial.errors import DatumError
from spatial.geodesy import CGCS2000_EPSG, from_cgcs2000, to_cgcs2000
from spatial.imagery_outlines import SHARED_BY, Geometries, cut_outlines, place
from spatial.imagery_scenes import Extraction, ExtractionSettings, extract_water, water_mask
from spatial.scenes import Scene, open_scene
from spatial.sensors import SENSORS, BandRole, SourceKind, WaterIndex
from spatial.vocabulary import ShorelineKind

ENDINGS = (".gpkg", ".geojson", ".json", ".parquet", ".zip")
"""Layers that are written: GeoPackage, GeoJSON, GeoParquet, zipped Shapefile."""

DATUM_NOTICE = "datum"
"""Code of the notice that the layer needs a transformation before it can be loaded."""

_LAYER = "shorelines"
_MASK_ROWS = 512
_OPEN_FROM_M = 50.0
_SHAPEFILE_BYTES = 254


@dataclass(frozen=True, slots=True)
class ExtractionRequest:
    """What a person asks for.

    Attributes
    ----------
    kind :
        None: a mask where the files hold one band in all, else a scene.
    index :
        None: NDWI; MNDWI where only the shortwave infrared band was named.
    date :
        None: as file or names say; ``unknown``: none.
    water_body, rank :
        Code of all waters; rank of those without a known water body.
    known :
        Water bodies (code, name, rank, geometry in EPSG:4490): a water takes the code of what fills it most.
    cut :
        Cut waters along the known polygons that share them.
    others :
        What becomes of waters without a code: kept without one, dropped, or numbered.
    lines :
        Write the seen shore as lines instead of water polygons.
    details :
        Write areas and lengths beside the columns that `ingest` reads.
    """

    settings: ExtractionSettings
    kind: SourceKind | None = None
    index: WaterIndex | None = None
    sensor: str | None = None
    crs: str | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    clouds: Path | None = None
    date: date | Literal["unknown"] | None = None
    source: str | None = None
    name: str | None = None
    water_body: str | None = None
    rank: str | None = None
    known: gpd.GeoDataFrame | None = None
    cut: bool = False
    others: Literal["keep", "drop", "number"] = "keep"
    lines: bool = False
    details: bool = False
    to_cgcs2000: bool = False


class ThresholdOut(BaseModel):
    """Where water begins on the index, and how well it parts water from land."""

    value: float
    method: Literal["otsu", "given"]
    bimodal: bool = Field(description="whether the index falls into two heaps there")
    separation: float = Field(description="between-class over total variance; 0.64 for one normal heap")
    valley: float = Field(description="height of the histogram's valley over its lower peak; 1: no valley")
    water_mean: float
    land_mean: float
    cells: int = Field(description="squares of 256 × 256 pixels with data")
    cells_used: int = Field(description="those that show both water and land and made the threshold; 0: all")


class WaterOut(BaseModel):
    """One water of the scene."""

    water_body_code: str | None
    name: str | None
    rank: str | None
    area_m2: float
    islands: int
    shore_m: float = Field(description="length of the shore that was seen")
    open_m: float = Field(description="length along clouds, no data and the edge of the image: no shore")
    accuracy_m: float
    shared_with: list[str] = Field(description="other known water bodies that cover a tenth of it or more")


class NoticeOut(BaseModel):
    """Something worth knowing."""

    code: str
    message: str


class ExtractionOut(BaseModel):
    """What `shoreline extract --format json` says."""

    file: str
    mask: str | None
    sources: list[str]
    kind: SourceKind
    sensor: str | None
    index: WaterIndex | None
    bands: list[str]
    date: str | None
    date_from: str = Field(description="option, tags, file name, folder name, or nothing")
    crs: str
    pixel_m: list[float]
    threshold: ThresholdOut | None
    pixels: int
    pixels_empty: int
    pixels_clouded: int
    pixels_water: int
    clouded_percent: float = Field(description="of the pixels with data")
    geolocation_m: float
    accuracy_m: list[float] = Field(description="least and largest")
    area_m2: float
    shore_m: float
    open_m: float
    count: int
    waters: list[WaterOut]
    notices: list[NoticeOut]


def extract_shorelines(
    paths: Sequence[Path], request: ExtractionRequest, out: Path, mask: Path | None, text: Callable[..., str]
) -> ExtractionOut:
    """Extract the shorelines of one scene, write the layer and, where asked, the cleaned mask.

    Raises
    ------
    SpatialError
        For whatever is wrong with the scene; see :func:`spatial.imagery_scenes.extract_water`.
    SceneDateError
        If no date was given and none is found.
    NoKnownWaterError
        If all waters were dropped for want of a code.
    OutputError
        If a file cannot be written.
    """
    sensor = None if request.sensor is None else SENSORS[request.sensor]
    with open_scene(
        paths,
        sensor=sensor,
        crs=request.crs,
        scale=request.scale,
        offset=request.offset,
        nodata=request.nodata,
        clouds=request.clouds,
    ) as scene:
        settings = _settled(request, scene)
        day, day_from = _day(request, scene)
        extraction = extract_water(scene, settings)
        layer, waters, notices = _layer(request, settings, scene, extraction, day, text)
        if mask is not None:
            _write_mask(scene, extraction, mask)
        write_layer(layer, out)
        notices = [*_scene_notices(request, settings, scene, extraction, (day, day_from), text), *notices]
        return _report(paths, out, mask, settings, scene, extraction, (day, day_from), waters, notices)


# ------------------------------------------------------------------------------------------ what is asked


def _settled(request: ExtractionRequest, scene: Scene) -> ExtractionSettings:
    """The settings, with what was left open decided by the scene."""
    kind = request.kind or (SourceKind.MASK if len(scene.bands) == 1 else SourceKind.SCENE)
    settings = request.settings
    only_swir = settings.swir is not None and settings.nir is None
    index = request.index or (WaterIndex.MNDWI if only_swir else WaterIndex.NDWI)
    return replace(settings, kind=kind, index=index)


def _day(request: ExtractionRequest, scene: Scene) -> tuple[date | None, str]:
    if request.date == "unknown":
        return None, "nothing"
    if request.date is not None:
        return request.date, "option"
    if scene.acquired is None:
        raise SceneDateError(scene.paths[0].name)
    return scene.acquired, scene.acquired_from


def _source_texts(request: ExtractionRequest, scene: Scene, cut: str, open_m: Any) -> list[str]:
    """Where each shoreline comes from; a polygon whose outline is not all shore says so in all evidence."""
    if request.source is not None:
        return [request.source] * len(open_m)
    sensor = f"{scene.sensor.label} · " if scene.sensor is not None else ""
    text = f"{sensor}{', '.join(path.name for path in scene.paths)} · {cut}"
    shown = [0.0 if request.lines else metres for metres in open_m]
    return [f"{text} · {metres / 1000:.1f} km open" if metres >= _OPEN_FROM_M else text for metres in shown]


# --------------------------------------------------------------------------------------------- the layer


def _layer(
    request: ExtractionRequest,
    settings: ExtractionSettings,
    scene: Scene,
    extraction: Extraction,
    day: date | None,
    text: Callable[..., str],
) -> tuple[gpd.GeoDataFrame, list[WaterOut], list[NoticeOut]]:
    outlines, grid = extraction.outlines, scene.grid
    accuracy_m = extraction.accuracy_m
    if request.cut and request.known is not None:
        bodies = _in_pixels(request.known, scene)
        area_m2 = grid.pixel_area_m2()
        outlines, origin = cut_outlines(outlines, bodies, extraction.pixel_m, area_m2)
        accuracy_m = accuracy_m[origin]
    pixels = outlines.shores if request.lines else outlines.polygons
    frame = gpd.GeoDataFrame(
        {
            "water_body_code": pd.Series([request.water_body] * len(outlines), dtype=object),
            "name": pd.Series([request.name] * len(outlines), dtype=object),
            "rank": pd.Series([request.rank] * len(outlines), dtype=object),
            "kind": ShorelineKind.IMAGERY.value,
            "accuracy_m": np.ceil(accuracy_m * 10) / 10,
            "source": _source_texts(request, scene, cut_text(settings, extraction), outlines.open_m),
            "valid_from": None if day is None else day.isoformat(),
            "area_m2": np.round(outlines.area_m2, 1),
            "shore_m": np.round(outlines.shore_m, 1),
            "open_m": np.round(outlines.open_m, 1),
            "islands": shapely.get_num_interior_rings(outlines.polygons),
        },
        geometry=place(pixels, grid.transform, extraction.pixel_m),
        crs=grid.crs,
    )
    notices: list[NoticeOut] = []
    shared: list[list[str]] = [[] for _ in range(len(frame))]
    if request.known is not None:
        covers = gpd.GeoSeries(place(outlines.polygons, grid.transform, extraction.pixel_m), crs=grid.crs)
        shared = _take_codes(frame, in_degrees(covers), request.known)
    frame["shared"] = [", ".join(codes) for codes in shared]
    found = len(frame)
    frame = _settle_others(frame, request, scene.paths[0].stem, notices, text)
    if frame.empty:
        raise NoKnownWaterError(scene.paths[0].name, found)
    if request.lines:
        bare = shapely.is_empty(frame.geometry.to_numpy())
        if bare.any():
            notices.append(_notice("all_open", text, count=int(bare.sum())))
        frame = frame[~bare]
    notices += [
        _notice("shared", text, body=row.water_body_code, others=row.shared)
        for row in frame.itertuples()
        if row.shared
    ]
    waters = [
        WaterOut(
            water_body_code=row.water_body_code,
            name=row.name,
            rank=row.rank,
            area_m2=row.area_m2,
            islands=int(row.islands),
            shore_m=row.shore_m,
            open_m=row.open_m,
            accuracy_m=row.accuracy_m,
            shared_with=row.shared.split(", ") if row.shared else [],
        )
        for row in frame.itertuples(index=False)
    ]
    if request.to_cgcs2000:
        frame = frame.set_geometry(in_degrees(frame.geometry))
    dropped = ["shared"] if request.details else ["shared", "area_m2", "shore_m", "open_m", "islands"]
    return frame.drop(columns=dropped), waters, notices


def cut_text(settings: ExtractionSettings, extraction: Extraction) -> str:
    """How water was told from land, as the source of a shoreline says it: ``NDWI > 0.02 (Otsu)``."""
    if extraction.threshold is None:
        return "water mask"
    name = settings.index.value.upper() if settings.kind is SourceKind.SCENE else "index"
    value = -extraction.threshold.value if settings.water_below else extraction.threshold.value
    sign = "<" if settings.water_below else ">"
    return f"{name} {sign} {value:.3f}{' (Otsu)' if settings.threshold is None else ''}"


def _take_codes(frame: gpd.GeoDataFrame, covers: gpd.GeoSeries, known: gpd.GeoDataFrame) -> list[list[str]]:
    """Give each water code, name and rank of the known water body that fills most of it; the others' codes.

    Where no known polygon lies in a water, the known line that runs longest in it counts.
    """
    shapes = known.geometry.to_numpy()
    polygons = covers.to_numpy()
    usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    place_of = np.flatnonzero(usable)
    water, body = shapely.STRtree(shapes[usable]).query(polygons, predicate="intersects")
    body = place_of[body]
    order = np.lexsort((body, water))
    water, body = water[order], body[order]
    met = shapely.intersection(shapely.make_valid(polygons[water]), shapely.make_valid(shapes[body]))
    size = np.where(shapely.get_dimensions(shapes[body]) == 2, shapely.area(met), 0.0)
    along = shapely.length(met) * (shapely.get_dimensions(shapes[body]) == 1)
    least = SHARED_BY * np.where(
        shapely.get_dimensions(shapes[body]) == 2,
        np.minimum(shapely.area(polygons[water]), shapely.area(shapes[body])),
        shapely.length(shapes[body]),
    )
    shared: list[list[str]] = [[] for _ in polygons]
    for number in np.unique(water):
        here = water == number
        by_area = size[here].max() > 0
        score = size[here] if by_area else along[here]
        if score.max() <= 0:
            continue
        bodies, best = body[here], int(np.argmax(score))
        chosen = known.iloc[bodies[best]]
        code = str(chosen["code"])
        frame.loc[number, ["water_body_code", "rank"]] = [code, chosen["rank"]]
        if pd.isna(frame.loc[number, "name"]):
            frame.loc[number, "name"] = chosen["name"]
        also = (str(known.iloc[other]["code"]) for other in bodies[(score >= least[here]) & (score > 0)])
        shared[number] = sorted({other for other in also if other != code})
    return shared


def _in_pixels(known: gpd.GeoDataFrame, scene: Scene) -> Geometries:
    """The polygons among the known water bodies, in pixels of the scene."""
    shapes = shapely.make_valid(known.geometry.to_numpy())
    shapes = shapes[shapely.get_dimensions(shapes) == 2]
    back = ~scene.grid.transform

    def convert(places: Any) -> Any:
        east, north = from_cgcs2000(places[:, 0], places[:, 1], scene.grid.crs.to_wkt())
        return np.column_stack(
            (back.a * east + back.b * north + back.c, back.d * east + back.e * north + back.f)
        )

    pixels: Geometries = shapely.transform(shapes, convert)
    # What lies beyond the projection's domain is nowhere near the scene.
    return pixels[np.isfinite(shapely.bounds(pixels)).all(axis=1)] if len(pixels) else pixels


def _settle_others(
    frame: gpd.GeoDataFrame,
    request: ExtractionRequest,
    stem: str,
    notices: list[NoticeOut],
    text: Callable[..., str],
) -> gpd.GeoDataFrame:
    """Keep, drop or number the waters that have no code."""
    bare = frame["water_body_code"].isna()
    if not bare.any():
        return frame
    count = int(bare.sum())
    match request.others:
        case "drop":
            notices.append(_notice("dropped", text, count=count))
            return frame[~bare].reset_index(drop=True)
        case "number":
            frame.loc[bare, "water_body_code"] = [f"{stem}-{number:04d}" for number in range(1, count + 1)]
            notices.append(_notice("numbered", text, count=count, first=f"{stem}-0001"))
        case _:
            notices.append(_notice("uncoded", text, count=count))
    return frame


def in_degrees(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """The same in EPSG:4490; refuses datums from which no exact way leads there."""

    def convert(places: Any) -> Any:
        return np.column_stack(to_cgcs2000(places[:, 0], places[:, 1], shapes.crs.to_wkt()))

    return gpd.GeoSeries(shapely.transform(shapes.to_numpy(), convert), index=shapes.index, crs=CGCS2000_EPSG)


# --------------------------------------------------------------------------------------------- the files


def write_layer(layer: gpd.GeoDataFrame, out: Path) -> None:
    """Write a layer by the ending of its name; the file appears whole or not at all.

    GeoJSON is in longitude and latitude (RFC 7946), the others in the layer's own system.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    ending = out.suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{_LAYER}{'.shp' if ending == '.zip' else ending}"
        if ending in {".geojson", ".json"}:
            degrees = layer.set_geometry(in_degrees(layer.geometry))
            rows = [
                {**row, "geometry": shape.__geo_interface__}
                for row, shape in zip(
                    degrees.drop(columns="geometry").to_dict("records"), degrees.geometry, strict=True
                )
            ]
            made.write_text(to_json(to_geojson(rows)), encoding="utf-8")
        elif ending == ".parquet":
            layer.to_parquet(made, index=False)
        elif ending == ".zip":
            short = layer.rename(columns={"water_body_code": "water_body"})  # ten characters at most
            short["source"] = [_cut(text, _SHAPEFILE_BYTES) for text in short["source"]]
            short.to_file(made, engine="pyogrio", driver="ESRI Shapefile", encoding="UTF-8")
            made = Path(shutil.make_archive(str(Path(folder) / "packed"), "zip", folder))
        else:
            layer.to_file(made, engine="pyogrio", driver="GPKG", layer=_LAYER)
        _move(made, out)


def _cut(text: str, most_bytes: int) -> str:
    """The text, or as much of its beginning as so many bytes of UTF-8 hold."""
    return text.encode("utf-8")[:most_bytes].decode("utf-8", errors="ignore")


def _write_mask(scene: Scene, extraction: Extraction, out: Path) -> None:
    grid = scene.grid
    profile = {
        "driver": "GTiff",
        "width": grid.width,
        "height": grid.height,
        "count": 1,
        "dtype": "uint8",
        "crs": grid.crs.to_wkt(),
        "transform": grid.transform,
        "nodata": 255,
        "compress": "deflate",
        "tiled": True,
        "blockxsize": _MASK_ROWS,
        "blockysize": _MASK_ROWS,
    }
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "mask.tif"
        with rasterio.open(made, "w", **profile) as file:
            for start, classes in water_mask(extraction, grid.shape, _MASK_ROWS):
                file.write(classes, 1, window=Window(0, start, grid.width, len(classes)))
        _move(made, out)


def _move(made: Path, out: Path) -> None:
    part = out.with_name(f"{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, part)
        os.replace(part, out)  # noqa: PTH105  # over a folder this is an error, as it should be
    except OSError as error:
        raise OutputError(str(out), error.strerror or str(error)) from error


# -------------------------------------------------------------------------------------------- the report


def _notice(code: str, text: Callable[..., str], **params: Any) -> NoticeOut:
    return NoticeOut(code=code, message=text(f"imagery.notice_{code}", **params))


def _scene_notices(
    request: ExtractionRequest,
    settings: ExtractionSettings,
    scene: Scene,
    extraction: Extraction,
    day: tuple[date | None, str],
    text: Callable[..., str],
) -> list[NoticeOut]:
    notices = []
    if settings.kind is SourceKind.SCENE:
        notices += [
            _notice(
                "band",
                text,
                option=f"--{clash.role.value} {clash.number}",
                number=clash.number,
                role=clash.role.value,
                file=clash.file,
                name=clash.name,
                described=clash.described.value,
            )
            for clash in scene.contradictions(_stated_bands(settings))
        ]
    if not request.to_cgcs2000 and _stands_elsewhere(scene):
        notices.append(_notice(DATUM_NOTICE, text, crs=scene.grid.crs.name))
    if day[1] in {"file name", "folder name"}:
        notices.append(
            _notice("date", text, date=str(day[0]), where=text(f"imagery.{day[1].replace(' ', '_')}"))
        )
    if day[0] is None:
        notices.append(_notice("no_date", text))
    if settings.geolocation_m is None and scene.sensor is None:
        notices.append(_notice("geolocation", text, metres=f"{extraction.geolocation_m:.1f}"))
    if extraction.threshold is not None and not extraction.threshold.bimodal:
        notices.append(_notice("not_bimodal", text))
    open_m = float(extraction.outlines.open_m.sum())
    if open_m > 0 and not request.lines:
        notices.append(_notice("open", text, kilometres=f"{open_m / 1000:.1f}"))
    return notices


def _stated_bands(settings: ExtractionSettings) -> dict[BandRole, int]:
    """The numbers of bands that were said and are used."""
    longer = (
        (BandRole.NIR, settings.nir) if settings.index is WaterIndex.NDWI else (BandRole.SWIR, settings.swir)
    )
    stated = ((BandRole.GREEN, settings.green), longer)
    return {role: number for role, number in stated if number is not None}


def _stands_elsewhere(scene: Scene) -> bool:
    """Whether the scene's datum has no exact way to CGCS2000, so that `ingest` asks for one."""
    column, row = scene.grid.width / 2, scene.grid.height / 2
    x, y = scene.grid.transform @ (column, row)
    try:
        to_cgcs2000([x], [y], scene.grid.crs.to_wkt())
    except DatumError:
        return True
    return False


def _report(
    paths: Sequence[Path],
    out: Path,
    mask: Path | None,
    settings: ExtractionSettings,
    scene: Scene,
    extraction: Extraction,
    day: tuple[date | None, str],
    waters: list[WaterOut],
    notices: list[NoticeOut],
) -> ExtractionOut:
    found = extraction.threshold
    sign = -1.0 if settings.water_below else 1.0
    threshold = None
    if found is not None:
        threshold = ThresholdOut(
            value=round(sign * found.value, 4),
            method="otsu" if settings.threshold is None else "given",
            bimodal=found.bimodal,
            separation=round(found.separation, 3),
            valley=round(found.valley, 3),
            water_mean=round(sign * found.water_mean, 3),
            land_mean=round(sign * found.land_mean, 3),
            cells=found.cells,
            cells_used=found.cells_used,
        )
    with_data = extraction.pixels - extraction.pixels_empty
    accuracies = [water.accuracy_m for water in waters]
    return ExtractionOut(
        file=str(out),
        mask=None if mask is None else str(mask),
        sources=[path.name for path in paths],
        kind=settings.kind,
        sensor=None if scene.sensor is None else scene.sensor.code,
        index=settings.index if settings.kind is SourceKind.SCENE else None,
        bands=[band.name or str(band.number) for band in extraction.bands],
        date=None if day[0] is None else day[0].isoformat(),
        date_from=day[1],
        crs=scene.grid.crs.to_string()
        if scene.grid.crs.to_epsg() is None
        else f"EPSG:{scene.grid.crs.to_epsg()}",
        pixel_m=[round(size, 3) for size in extraction.pixel_m],
        threshold=threshold,
        pixels=extraction.pixels,
        pixels_empty=extraction.pixels_empty,
        pixels_clouded=extraction.pixels_clouded,
        pixels_water=extraction.pixels_water,
        clouded_percent=round(100 * extraction.pixels_clouded / max(with_data, 1), 1),
        geolocation_m=extraction.geolocation_m,
        accuracy_m=[min(accuracies), max(accuracies)] if accuracies else [],
        area_m2=round(sum(water.area_m2 for water in waters), 1),
        shore_m=round(sum(water.shore_m for water in waters), 1),
        open_m=round(sum(water.open_m for water in waters), 1),
        count=len(waters),
        waters=waters,
        notices=notices,
    )
