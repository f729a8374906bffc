"""``shoreline extract``: water polygons and shorelines out of imagery."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.door import EXIT_REJECTED, Door, FormatOption, door, parse_date
from api.cli.scenes import (
    BANDS_PANEL,
    CloudKindOption,
    CloudsOption,
    NodataOption,
    NumberOffsetOption,
    RasterCrsOption,
    SensorOption,
)
from api.output import Column, Format, Row, to_json
from spatial.sensors import CloudKind, SourceKind, WaterIndex
from spatial.vocabulary import Rank

if TYPE_CHECKING:
    import geopandas as gpd

    from api.shorelines import ExtractionOut

app = typer.Typer(no_args_is_help=True, help="Shorelines out of imagery.")


class Others(StrEnum):
    """What becomes of waters that lie in no known water body."""

    KEEP = "keep"
    DROP = "drop"
    NUMBER = "number"


_WATER, _CODES, _OUTPUT = "Water and land", "Water bodies", "Output"


@app.command("extract")
def extract_command(
    context: typer.Context,
    rasters: Annotated[
        list[Path],
        typer.Argument(metavar="RASTER...", help="one scene: a file of several bands, or files of bands"),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="layer to write: .gpkg, .geojson, .parquet or .zip (Shapefile)")
    ],
    kind: Annotated[
        SourceKind | None,
        typer.Option("--kind", help="scene, mask or index; default: mask if there is one band, else scene"),
    ] = None,
    sensor: SensorOption = None,
    green: Annotated[
        int | None,
        typer.Option("--green", min=1, help="number of the green band", rich_help_panel=BANDS_PANEL),
    ] = None,
    nir: Annotated[
        int | None, typer.Option("--nir", min=1, help="near infrared (for NDWI)", rich_help_panel=BANDS_PANEL)
    ] = None,
    swir: Annotated[
        int | None,
        typer.Option(
            "--swir", min=1, help="shortwave infrared, 1.6 µm (for MNDWI)", rich_help_panel=BANDS_PANEL
        ),
    ] = None,
    dn_offset: NumberOffsetOption = None,
    nodata: NodataOption = None,
    crs: RasterCrsOption = None,
    clouds: CloudsOption = None,
    cloud_kind: CloudKindOption = CloudKind.SCL,
    cloud_margin: Annotated[
        float,
        typer.Option(
            "--cloud-margin",
            min=0,
            max=5_000,
            help="metres around clouds not trusted",
            rich_help_panel=BANDS_PANEL,
        ),
    ] = 0.0,
    index: Annotated[
        WaterIndex | None,
        typer.Option("--index", help="default: ndwi; mndwi if only --swir is said", rich_help_panel=_WATER),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=-1, max=1, help="of the index; default: Otsu's", rich_help_panel=_WATER
        ),
    ] = None,
    water_below: Annotated[
        bool,
        typer.Option("--water-below", help="water lies below in a ready index", rich_help_panel=_WATER),
    ] = False,
    water_values: Annotated[
        list[float] | None,
        typer.Option(
            "--water-value", help="number of water in a mask; may be repeated", rich_help_panel=_WATER
        ),
    ] = None,
    opening: Annotated[
        float,
        typer.Option(
            "--opening",
            min=0,
            max=2_000,
            help="drop water narrower than so many metres",
            rich_help_panel=_WATER,
        ),
    ] = 0.0,
    closing: Annotated[
        float,
        typer.Option(
            "--closing",
            min=0,
            max=2_000,
            help="fill land narrower than so many metres",
            rich_help_panel=_WATER,
        ),
    ] = 0.0,
    min_water: Annotated[
        float, typer.Option("--min-water", min=0, help="least water, in m²", rich_help_panel=_WATER)
    ] = 5_000.0,
    min_island: Annotated[
        float, typer.Option("--min-island", min=0, help="least island, in m²", rich_help_panel=_WATER)
    ] = 1_000.0,
    smooth: Annotated[
        int | None,
        typer.Option(
            "--smooth",
            min=0,
            max=3,
            help="how often to smooth, within half a pixel; default: 1, masks 2",
            rich_help_panel=_WATER,
        ),
    ] = None,
    simplify: Annotated[
        float,
        typer.Option(
            "--simplify", min=0, max=0.5, help="save vertices within so many pixels", rich_help_panel=_WATER
        ),
    ] = 0.1,
    geolocation: Annotated[
        float | None,
        typer.Option(
            "--geolocation",
            min=0,
            max=10_000,
            help="error of the scene's position (m) that 95 % keep; default: the sensor's, else a pixel",
            rich_help_panel=_WATER,
        ),
    ] = None,
    water_body: Annotated[
        str | None,
        typer.Option("--water-body", help="code of all waters (with --rank)", rich_help_panel=_CODES),
    ] = None,
    rank: Annotated[
        Rank | None, typer.Option("--rank", help="rank of waters without one", rich_help_panel=_CODES)
    ] = None,
    water_bodies: Annotated[
        Path | None,
        typer.Option(
            "--water-bodies",
            help="file of water bodies whose codes and ranks to take",
            rich_help_panel=_CODES,
        ),
    ] = None,
    registered: Annotated[
        bool,
        typer.Option("--registered", help="take those of the database instead", rich_help_panel=_CODES),
    ] = False,
    cut: Annotated[
        bool,
        typer.Option("--cut", help="cut waters along known polygons that share them", rich_help_panel=_CODES),
    ] = False,
    others: Annotated[
        Others,
        typer.Option("--others", help="waters without a code: keep, drop, number", rich_help_panel=_CODES),
    ] = Others.KEEP,
    name: Annotated[
        str | None, typer.Option("--name", help="name of the shorelines", rich_help_panel=_CODES)
    ] = None,
    date: Annotated[
        str | None,
        typer.Option("--date", help="day of the scene (or unknown); default: as files and names say"),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="default: sensor, files, index and threshold")
    ] = None,
    lines: Annotated[
        bool,
        typer.Option("--lines", help="write the seen shore as lines, not water", rich_help_panel=_OUTPUT),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", help="4490: longitude and latitude; default: as the scene", rich_help_panel=_OUTPUT
        ),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option("--mask", help="write the cleaned mask (.tif)", rich_help_panel=_OUTPUT)
    ] = None,
    details: Annotated[
        bool,
        typer.Option(
            "--details", help="write areas and lengths beside what is loaded", rich_help_panel=_OUTPUT
        ),
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Draw the shorelines of a satellite scene, or of a ready water mask, for `ingest shorelines`."""
    from api.shorelines import DATUM_NOTICE, ENDINGS, ExtractionRequest, extract_shorelines
    from spatial.imagery_scenes import ExtractionSettings

    opened = door(context)
    opened.refuse_files(form)
    _check_names(opened, [*rasters, clouds, water_bodies], out, mask, ENDINGS)
    if to not in (None, "4490", "EPSG:4490"):
        raise typer.BadParameter(f"{to!r}: 4490", param_hint="--to")
    if sum((water_body is not None, water_bodies is not None, registered)) > 1:
        raise typer.BadParameter(opened.text("imagery.one_of_these"), param_hint="--water-body")
    if rank is None and (water_body is not None or others is Others.NUMBER):
        raise typer.BadParameter(opened.text("imagery.rank_needed"), param_hint="--rank")
    if cut and water_bodies is None and not registered:
        raise typer.BadParameter(opened.text("imagery.cut_by_what"), param_hint="--cut")
    ready = kind is SourceKind.MASK or (kind is None and _one_band(rasters))
    request = ExtractionRequest(
        settings=ExtractionSettings(
            green=green,
            nir=nir,
            swir=swir,
            threshold=threshold,
            water_below=water_below,
            water_values=tuple(water_values or ()),
            cloud_kind=cloud_kind,
            cloud_margin_m=cloud_margin,
            opening_m=opening,
            closing_m=closing,
            min_water_m2=min_water,
            min_island_m2=min_island,
            smooth=(2 if ready else 1) if smooth is None else smooth,
            simplify_px=simplify,
            geolocation_m=geolocation,
        ),
        kind=kind,
        index=index,
        sensor=None if sensor is None else sensor.value,
        crs=crs,
        offset=dn_offset,
        nodata=nodata,
        clouds=clouds,
        date=date if date is None else "unknown" if date == "unknown" else parse_date(date, "--date"),
        source=source,
        name=name,
        water_body=water_body,
        rank=None if rank is None else rank.value,
        known=_known_waters(opened, water_bodies, registered=registered),
        cut=cut,
        others=others.value,
        lines=lines,
        details=details,
        to_cgcs2000=to is not None,
    )
    with opened.working(opened.text("imagery.extracting", name=rasters[0].name)):
        report = extract_shorelines(rasters, request, out, mask, opened.text)
    if form is Format.JSON:
        opened.write(to_json(report.model_dump(mode="json")), None)
    else:
        _show_report(opened, report)
    for notice in report.notices:
        opened.say(notice.message)
    elsewhere = any(notice.code == DATUM_NOTICE for notice in report.notices)
    done = "imagery.done_elsewhere" if elsewhere else "imagery.done"
    opened.say(opened.text(done, file=str(out), count=report.count))


def _check_names(
    opened: Door, read: list[Path | None], out: Path, mask: Path | None, endings: tuple[str, ...]
) -> None:
    """Refuse files that cannot be written before anything is read."""
    for option, path, fits in (("--out", out, endings), ("--mask", mask, (".tif", ".tiff"))):
        if path is None:
            continue
        if path.suffix.lower() not in fits:
            message = opened.text("imagery.ending", file=path.name, endings=" ".join(fits))
            raise typer.BadParameter(message, param_hint=option)
        opened.refuse_overwriting(path, read, option)


def _one_band(rasters: list[Path]) -> bool:
    """Whether the files hold one band in all, and so are taken for a mask."""
    from spatial.scenes import count_bands

    return len(rasters) == 1 and count_bands(rasters[0]) == 1


def _known_waters(opened: Door, file: Path | None, *, registered: bool) -> gpd.GeoDataFrame | None:
    """Water bodies of a file or of the database; ends with 1 where the file has faulty rows."""
    if registered:
        from sqlalchemy.orm import Session

        from models.queries import features_in_force

        with Session(opened.engine) as session:
            return features_in_force(session, "water_bodies", parse_date(None, "--date"))
    if file is None:
        return None
    from api.cli.data import report_problems
    from ingest.features import parse_features

    with opened.working(opened.text("cli.reading", name=file.name)):
        parsed = parse_features("water_bodies", file)
    if parsed.problems:
        report_problems(opened, parsed.problems, file)
        raise typer.Exit(EXIT_REJECTED)
    frame: gpd.GeoDataFrame = parsed.frame
    return frame


def _show_report(opened: Door, report: ExtractionOut) -> None:
    text = opened.text
    rows: list[Row] = [
        {"figure": text(f"imagery.{figure}"), "value": value}
        for figure, value in (
            ("scene", ", ".join(report.sources)),
            ("date", report.date or "—"),
            ("pixel", " × ".join(f"{size:.2f}" for size in report.pixel_m)),
            ("threshold", _threshold_words(opened, report)),
            ("clouded", f"{report.clouded_percent:.1f}"),
            ("waters", report.count),
            ("area", f"{report.area_m2 / 1e6:,.3f}"),
            ("shore", f"{report.shore_m / 1e3:,.1f}"),
            ("open", f"{report.open_m / 1e3:,.1f}"),
            (
                "accuracy",
                text(
                    "imagery.accuracy_words",
                    least=f"{report.accuracy_m[0]:.1f}",
                    largest=f"{report.accuracy_m[1]:.1f}",
                    geolocation=f"{report.geolocation_m:.1f}",
                ),
            ),
        )
    ]
    columns: list[Column] = [
        (text("imagery.col_figure"), lambda row: row["figure"]),
        (text("imagery.col_value"), lambda row: row["value"]),
    ]
    opened.show(rows, columns, Format.TABLE, None)


def _threshold_words(opened: Door, report: ExtractionOut) -> str:
    found = report.threshold
    if found is None:
        return "—"
    name = "" if report.index is None else f"{report.index.value.upper()} "
    cut = f"{name}{found.value:.3f}{' (Otsu)' if found.method == 'otsu' else ''}"
    return opened.text(
        "imagery.threshold_words",
        cut=cut,
        separation=f"{found.separation:.2f}",
        valley=f"{found.valley:.2f}",
    )
