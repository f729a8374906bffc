"""``zones``: the strips along shorelines as a file for maps, in vectors, tiles or pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.data import COLUMN_NOTICES, report_notices, report_problems
from api.cli.door import EXIT_REJECTED, AsOfOption, Door, FormatOption, RegionOption, door, parse_date
from api.output import Column, Format, Row
from spatial.vocabulary import Rank

if TYPE_CHECKING:
    import geopandas as gpd

    from api.zones import RasterOptions, Shores

_PIXELS, _TILES = "Rasters (.tif)", "Vector tiles"
_TIF = (".tif", ".tiff")


def zones_command(
    context: typer.Context,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="file to write: .geojson, .gpkg, .parquet, .tif, .pmtiles, .mbtiles; without an ending a"
            " directory of vector tiles",
        ),
    ],
    width: Annotated[
        list[float] | None,
        typer.Option(
            "--width", metavar="METRES", help="width, at most 20000; repeatable; default: 1000 and 3000"
        ),
    ] = None,
    rank: Annotated[
        list[Rank] | None, typer.Option("--rank", help="only shorelines of this rank; repeatable")
    ] = None,
    bbox: Annotated[
        str | None,
        typer.Option("--bbox", metavar="W,S,E,N", help="cut at this box of longitudes and latitudes"),
    ] = None,
    region: RegionOption = None,
    as_of: AsOfOption = None,
    shorelines: Annotated[
        Path | None,
        typer.Option("--shorelines", help="shoreline file (lines or water polygons) instead of the database"),
    ] = None,
    shorelines_crs: Annotated[
        str | None, typer.Option("--shorelines-crs", help="coordinate system of --shorelines")
    ] = None,
    shorelines_rank: Annotated[
        Rank | None,
        typer.Option("--shorelines-rank", help="rank of every shoreline of a file without a rank column"),
    ] = None,
    raster: Annotated[
        str | None,
        typer.Option(
            "--raster",
            metavar="mask|distance",
            help="mask: the narrowest zone of each pixel (default); distance: metres to the shoreline, up to"
            " the largest --width",
            rich_help_panel=_PIXELS,
        ),
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(
            "--resolution",
            help="side of a pixel: degrees of EPSG:4490 (default: 1/3600) or metres of --crs (default: 30)",
            rich_help_panel=_PIXELS,
        ),
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(
            "--crs",
            help="system of the raster: EPSG:4490 (default) or a projected one, such as EPSG:4547",
            rich_help_panel=_PIXELS,
        ),
    ] = None,
    min_zoom: Annotated[
        int | None,
        typer.Option(
            "--min-zoom", min=0, max=16, help="first zoom level; default: 4", rich_help_panel=_TILES
        ),
    ] = None,
    max_zoom: Annotated[
        int | None,
        typer.Option(
            "--max-zoom", min=0, max=16, help="last zoom level; default: 12", rich_help_panel=_TILES
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Draw the zones along shorelines into a file; what was drawn is listed on the screen.

    For drawing only: a verdict is never taken from a drawn zone.
    """
    from api.zones import ENDINGS, ZoneRequest, write_zones
    from spatial.errors import SearchRadiusError
    from spatial.vocabulary import ZONE_WIDTHS_M
    from spatial.zones import MAX_WIDTH_M

    opened = door(context)
    _check_options(
        opened,
        out,
        list(ENDINGS),
        pixels={"--raster": raster, "--resolution": resolution, "--crs": crs},
        tiles={"--min-zoom": min_zoom, "--max-zoom": max_zoom},
    )
    opened.refuse_overwriting(out, [shorelines])
    zooms = (4 if min_zoom is None else min_zoom, 12 if max_zoom is None else max_zoom)
    if zooms[0] > zooms[1]:
        raise typer.BadParameter(opened.text("zones.zoom_order"), param_hint="--min-zoom")
    widths = tuple(dict.fromkeys(width or (float(one) for one in ZONE_WIDTHS_M)))
    for one in widths:
        if not 0 < one <= MAX_WIDTH_M:
            raise SearchRadiusError(one, MAX_WIDTH_M)
    if shorelines is not None and region is not None:
        raise typer.BadParameter(opened.text("zones.needs_database"), param_hint="--region")
    box = None if bbox is None else parse_box(bbox)
    request = ZoneRequest(widths, tuple(dict.fromkeys(rank or ())), box)
    layout = _raster_options(opened, raster, resolution, crs)
    if shorelines is None:
        shores = _stored(opened, as_of, region)
    else:
        shores = _read(opened, shorelines, as_of, shorelines_crs, shorelines_rank)
    with opened.working(opened.text("zones.drawing")):
        zones = write_zones(out, shores, request, raster=layout, zooms=zooms)
    _show(opened, zones, form)
    opened.say(opened.text("cli.written", path=out))
    opened.say(opened.text("zones.note"))


def parse_box(text: str) -> tuple[float, float, float, float]:
    """West, south, east, north of an option.

    Raises
    ------
    typer.BadParameter
        If it is not four numbers that rise.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not west,south,east,north", param_hint="--bbox") from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        message = f"{text!r}: expected west < east and south < north, in degrees"
        raise typer.BadParameter(message, param_hint="--bbox")
    return west, south, east, north


def _check_options(
    opened: Door, out: Path, endings: list[str], *, pixels: dict[str, Any], tiles: dict[str, Any]
) -> None:
    ending = out.suffix.lower()
    if ending not in endings:
        known = ", ".join(ending for ending in endings if ending)
        message = opened.text("zones.unknown_ending", file=out.name, endings=known)
        raise typer.BadParameter(message, param_hint="--out")
    for option, value in pixels.items():
        if value is not None and ending not in _TIF:
            raise typer.BadParameter(opened.text("zones.only_raster", option=option), param_hint=option)
    for option, value in tiles.items():
        if value is not None and ending not in (".pmtiles", ".mbtiles", ""):
            raise typer.BadParameter(opened.text("zones.only_tiles", option=option), param_hint=option)


def _raster_options(
    opened: Door, raster: str | None, resolution: float | None, crs: str | None
) -> RasterOptions:
    from pyproj import CRS
    from pyproj.exceptions import CRSError as ProjCrsError

    from api.zones import Picture, RasterOptions

    if raster not in (None, *Picture):
        raise typer.BadParameter(f"{raster!r} is neither mask nor distance", param_hint="--raster")
    picture = Picture.MASK if raster is None else Picture(raster)
    if crs is None:
        return RasterOptions(picture, resolution=1 / 3600 if resolution is None else resolution)
    try:
        geographic = CRS.from_user_input(int(crs) if crs.isdigit() else crs).is_geographic
    except ProjCrsError as error:
        raise typer.BadParameter(opened.text("zones.unknown_crs", crs=crs), param_hint="--crs") from error
    default = 1 / 3600 if geographic else 30.0
    return RasterOptions(picture, crs, default if resolution is None else resolution)


def _stored(opened: Door, as_of: str | None, region: str | None) -> Shores:
    from sqlalchemy.orm import Session

    from api.zones import stored_shores

    day = parse_date(as_of, "--as-of")
    with Session(opened.engine) as session:
        return stored_shores(session, day, region)


def _read(opened: Door, file: Path, as_of: str | None, crs: str | None, rank: Rank | None) -> Shores:
    from api.zones import shores_of_file
    from ingest.features import parse_features
    from ingest.options import IngestOptions

    with opened.working(opened.text("cli.reading", name=file.name)):
        parsed = parse_features(
            "shorelines", file, IngestOptions(crs=crs, rank=None if rank is None else rank.value)
        )
    notices = [notice for notice in parsed.warnings if notice.code not in COLUMN_NOTICES]
    report_notices(opened, notices, file)
    if parsed.problems:
        report_problems(opened, parsed.problems, file)
        raise typer.Exit(EXIT_REJECTED)
    return shores_of_file(file, parsed.frame, None if as_of is None else parse_date(as_of, "--as-of"))


def _show(opened: Door, zones: gpd.GeoDataFrame, form: Format) -> None:
    import shapely

    rows: list[Row] = [
        {
            "rank": row["rank"],
            "width_m": row["width_m"],
            "area_km2": row["area_km2"],
            "parts": shapely.get_num_geometries(row["geometry"]).item(),
            "vertices": shapely.get_num_coordinates(row["geometry"]).item(),
            "as_of": row["as_of"] or None,
            "source": row["source"],
            "shoreline_versions": row["shoreline_versions"],
            "note": opened.text("zones.note"),
        }
        for _, row in zones.iterrows()
    ]
    text = opened.text
    columns: list[Column] = [
        (text("zones.col_rank"), lambda row: text(f"states.rank_{row['rank']}")),
        (text("zones.col_width"), lambda row: f"{row['width_m']:,g}"),
        (text("zones.col_area"), lambda row: f"{row['area_km2']:,.1f}"),
        (text("zones.col_parts"), lambda row: f"{row['parts']:,}"),
        (text("zones.col_vertices"), lambda row: f"{row['vertices']:,}"),
    ]
    opened.show(rows, columns, form, None, title=text("zones.title"))
