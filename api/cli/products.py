"""``products``: chlorophyll, blooms and turbidity of lakes from images, stored as readings on request."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.data import ConflictOption, report_notices, report_problems, show_report
from api.cli.door import EXIT_REJECTED, Door, FileFormatOption, OutOption, RegionOption, door
from api.cli.scenes import (
    BANDS_PANEL,
    CloudKindOption,
    CloudsOption,
    NodataOption,
    NumberOffsetOption,
    RasterCrsOption,
    SensorOption,
)
from api.output import Column, Format, Row
from api.wording import item_name
from spatial.sensors import CloudKind

if TYPE_CHECKING:
    import geopandas as gpd

    from api.products import Measured
    from ingest.report import UploadReport


class IndexOption(StrEnum):
    """How bloom is told."""

    FAI = "fai"
    NDVI = "ndvi"
    MASK = "mask"


class StatisticOption(StrEnum):
    """What of a water's pixels becomes its reading."""

    MEAN = "mean"
    MEDIAN = "median"


_UNITS = {"km2": "km²", "dimensionless": ""}
_ZONES, _STORE = "Waters", "Into the database"


def products_command(
    context: typer.Context,
    rasters: Annotated[
        list[Path],
        typer.Argument(
            metavar="RASTER…", help="one scene: a file of several bands, files of bands, or ready"
        ),
    ],
    product: Annotated[
        str,
        typer.Option(
            "--product",
            help="chlorophyll, ndci, bloom, turbidity, ndti, or ready:PARAMETER (ready:chl_a) where the first"
            " band holds it already",
        ),
    ],
    unit: Annotated[
        str | None, typer.Option("--unit", help="unit of a ready product's numbers, such as μg/L")
    ] = None,
    index: Annotated[
        IndexOption, typer.Option("--index", help="of bloom: FAI, NDVI, or a ready mask")
    ] = IndexOption.FAI,
    ready: Annotated[
        bool, typer.Option("--ready", help="the first band is the index of bloom already")
    ] = False,
    threshold: Annotated[
        str | None, typer.Option("--threshold", help="of the index of bloom; default: that of the rules")
    ] = None,
    when: Annotated[
        str | None,
        typer.Option(
            "--date", help="when it was taken (2024-01-01, or with a time); default: as the file says"
        ),
    ] = None,
    statistic: Annotated[
        StatisticOption, typer.Option("--statistic", help="what of a water's pixels is its reading")
    ] = StatisticOption.MEAN,
    zones: Annotated[
        Path | None,
        typer.Option(
            "--zones",
            help="polygons of waters with a code; default: the lakes and reservoirs of the database",
            rich_help_panel=_ZONES,
        ),
    ] = None,
    water_bodies: Annotated[
        list[str] | None,
        typer.Option(
            "--water-body", help="only this water of the database; repeatable", rich_help_panel=_ZONES
        ),
    ] = None,
    zones_crs: Annotated[
        str | None,
        typer.Option("--zones-crs", help="coordinate system of --zones", rich_help_panel=_ZONES),
    ] = None,
    named: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="FIELD=HEADER", help="code or name in --zones", rich_help_panel=_ZONES
        ),
    ] = None,
    whole_only: Annotated[
        bool,
        typer.Option(
            "--whole-pixels", help="leave out pixels that the shore runs through", rich_help_panel=_ZONES
        ),
    ] = False,
    sensor: SensorOption = None,
    bands: Annotated[
        list[str] | None,
        typer.Option(
            "--band",
            metavar="ROLE=NUMBER",
            help="red=4, red_edge_1=5 …; repeatable",
            rich_help_panel=BANDS_PANEL,
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option("--scale", help="reflectance is (number + offset) × scale", rich_help_panel=BANDS_PANEL),
    ] = None,
    dn_offset: NumberOffsetOption = None,
    nodata: NodataOption = None,
    crs: RasterCrsOption = None,
    clouds: CloudsOption = None,
    cloud_kind: CloudKindOption = CloudKind.SCL,
    store: Annotated[
        bool,
        typer.Option(
            "--store", help="load the results as readings of remote sensing", rich_help_panel=_STORE
        ),
    ] = False,
    sections: Annotated[
        list[str] | None,
        typer.Option(
            "--section",
            metavar="WATER=SECTION",
            help="the section that holds the readings of a water; default: RS-<code>, registered when needed",
            rich_help_panel=_STORE,
        ),
    ] = None,
    region: RegionOption = None,
    on_conflict: Annotated[
        ConflictOption,
        typer.Option(
            "--on-conflict",
            help="other readings of that water and time: reject, keep, or replace (as another revision)",
            rich_help_panel=_STORE,
        ),
    ] = ConflictOption.REJECT,
    note: Annotated[str | None, typer.Option("--note", help="why", rich_help_panel=_STORE)] = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Derive water products over lakes from images. Estimates: shown beside, and no part of an assessment."""
    from api.products import (
        measure,
        parse_bands,
        parse_moment,
        parse_request,
        store_products,
        waters_in_force,
    )
    from ingest.options import parse_pairs
    from spatial.scenes import open_scene
    from spatial.sensors import SENSORS
    from spatial.water_products import BloomIndex

    opened = door(context)
    opened.refuse_overwriting(out, [*rasters, clouds, zones])
    chosen = opened.format_of(form, out)
    request = parse_request(
        product,
        unit=unit,
        index=BloomIndex(index.value),
        ready=ready,
        threshold=_decimal(threshold),
        bands=parse_bands(parse_pairs("--band", bands)),
        whole_only=whole_only,
    )
    mapping = parse_pairs("--section", sections)
    if not store and (mapping or note or on_conflict is not ConflictOption.REJECT):
        raise typer.BadParameter(opened.text("products.needs_store"), param_hint="--store")
    if zones is not None and water_bodies:
        raise typer.BadParameter(opened.text("products.zones_or_waters"), param_hint="--zones")
    waters = None if zones is None else _read_zones(opened, zones, zones_crs, parse_pairs("--column", named))
    known = None if sensor is None else SENSORS[sensor.value]
    with (
        open_scene(
            rasters, sensor=known, crs=crs, scale=scale, offset=dn_offset, nodata=nodata, clouds=clouds
        ) as scene,
        opened.working(opened.text("products.working")),
    ):
        moment = parse_moment(when, scene)
        if waters is None:
            from sqlalchemy.orm import Session

            with Session(opened.engine) as session:
                waters = waters_in_force(session, moment.date(), water_bodies or ())
        measured = measure(scene, waters, request, moment, cloud_kind=cloud_kind, statistic=statistic.value)
    rows = measured.rows(shapes=chosen is Format.GEOJSON)
    opened.show(rows, _columns(opened, measured), chosen, out, title=_title(opened, measured))
    for clash in measured.contradictions:
        opened.say(
            opened.text(
                "products.product_band",
                band=f"{clash.role.value}={clash.number}",
                file=clash.file,
                name=clash.name,
                described=clash.described.value,
            )
        )
    if chosen is Format.TABLE and out is None:
        _tell(opened, measured)
    if not store:
        return
    from ingest.options import IngestOptions

    reports = store_products(
        opened.engine,
        measured,
        settings=opened.settings,
        text=opened.text,
        sections=mapping,
        region=region,
        on_conflict=on_conflict.value,
        note=note,
    )
    for full in reports:
        # The ordinary remedy, --partial, is no option here: `_tell_refused` names those that are.
        report = replace(full, notices=[one for one in full.notices if one.code != "good_rows_held_back"])
        if chosen is Format.TABLE:
            show_report(opened, report, IngestOptions(partial=True))
        else:  # stdout holds the document alone
            _tell_load(opened, report)
        if report.rows_rejected:
            _tell_refused(opened, report)
    if not any(report.kind == "readings" for report in reports):
        opened.say(opened.text("products.nothing_stored"))
    if any(report.rows_rejected for report in reports):
        raise typer.Exit(EXIT_REJECTED)


def _tell_refused(opened: Door, report: UploadReport) -> None:
    """What to do about results that were not stored."""
    clashes = sum(problem.code == "reading_conflict_stored" for problem in report.problems)
    if clashes:
        opened.say(opened.text("products.conflict", count=clashes))
    if clashes < len(report.problems):
        opened.say(opened.text("products.not_stored", rejected=report.rows_rejected))


def _tell_load(opened: Door, report: UploadReport) -> None:
    row = report.as_json(opened.text)
    opened.say(
        opened.text(
            "cli.upload_summary",
            name=row["file"],
            read=row["rows_read"],
            loaded=row["rows_loaded"],
            duplicate=row["rows_duplicate"],
            rejected=row["rows_rejected"],
            readings=row["readings_loaded"],
        )
    )
    for problem in row["errors"]:
        opened.say(f"  {problem['message']}")


def _decimal(text: str | None) -> Any:
    from decimal import Decimal, InvalidOperation

    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise typer.BadParameter(f"{text!r} is not a number", param_hint="--threshold") from error
    if not number.is_finite():
        raise typer.BadParameter(f"{text!r} is not a number", param_hint="--threshold")
    return number


def _read_zones(opened: Door, path: Path, crs: str | None, columns: dict[str, str]) -> gpd.GeoDataFrame:
    """The waters of a file; what is wrong with it ends the command."""
    from api.products import zones_of
    from ingest.features import parse_features
    from ingest.options import IngestOptions

    parsed = parse_features("facilities", path, IngestOptions(crs=crs, columns=columns))
    report_notices(opened, parsed.warnings, path)
    if parsed.problems:
        report_problems(opened, parsed.problems, path)
        raise typer.Exit(EXIT_REJECTED)
    return zones_of(parsed.frame)


def _title(opened: Door, measured: Measured) -> str:
    moment = measured.moment
    shown = f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"
    return opened.text(
        "products.title",
        product=measured.product,
        moment=shown,
        sensor=measured.sensor or opened.text("products.sensor_unknown"),
    )


def _columns(opened: Door, measured: Measured) -> list[Column]:
    text = opened.text
    is_bloom = measured.request.product.value == "bloom"

    def statistics(*names: str) -> Any:
        def cell(row: Row) -> str:
            found = row["statistics"]
            return "—" if found is None else " – ".join(f"{found[name]:.4g}" for name in names)

        return cell

    def readings(row: Row) -> str:
        language = opened.catalogue.language
        told = []
        for one in row["readings"]:
            unit = _UNITS.get(one["unit"], one["unit"])
            told.append(f"{item_name(one['parameter'], language)} {one['value']:.4g} {unit}".rstrip())
        return "\n".join(told) or text("products.undetermined")

    columns: list[Column] = [
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: row["name"] or ""),
        (text("products.col_reading"), readings),
        (text("products.col_seen"), lambda row: f"{row['seen_share']:.1f}"),
        (text("products.col_clouds"), lambda row: f"{row['cloud_share']:.1f}"),
        (text("products.col_pixels"), lambda row: f"{row['pixels']['seen']:,} / {row['pixels']['inside']:,}"),
        (text("products.col_area"), lambda row: f"{row['area_km2']:.4g}"),
    ]
    if measured.request.index.value != "mask" or not is_bloom:
        columns += [
            (text("products.col_median"), statistics("median")),
            (text("products.col_spread"), statistics("p10", "p90")),
            (text("products.col_ends"), statistics("minimum", "maximum")),
        ]
    columns.append((text("products.col_notes"), lambda row: _notes(opened, row)))
    return columns


def _notes(opened: Door, row: Row) -> str:
    told = [*row["reasons"], *row["warnings"]]
    return "\n".join(opened.text(f"products.{one['code']}", **one["params"]) for one in told)


def _tell(opened: Door, measured: Measured) -> None:
    """Where the formula comes from and what it is good for."""
    opened.say(opened.text("products.method", method=measured.method))
    formula = measured.request.formula
    if formula is not None:
        words = measured.rules.formulas[formula].validity.get(opened.catalogue.language.key)
        if words:
            opened.say(opened.text("products.validity", words=words))
    opened.say(opened.text("products.beside"))
