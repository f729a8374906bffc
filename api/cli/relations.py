"""``relations``: what stands in which area: protection zones, regions, homes below tailings ponds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from api.cli.door import AsOfOption, Door, FileFormatOption, OutOption, RegionOption, door, parse_date
from api.output import Column, Format, Row

app = typer.Typer(
    no_args_is_help=True,
    help="Places in areas: source protection zones, regions of sections, overhead tailings ponds.",
)


@app.command("zones")
def zones(
    context: typer.Context,
    near: Annotated[
        float, typer.Option("--near", metavar="M", help="list what stands so near to a zone, too")
    ] = 1_000.0,
    region: RegionOption = None,
    as_of: AsOfOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Facilities inside source protection zones (grades 1, 2), and near their edges."""
    from sqlalchemy.orm import Session

    from api.relations import zone_rows

    opened = door(context)
    chosen = opened.format_of(form, out)
    text = opened.text
    day = parse_date(as_of, "--as-of")
    with opened.working(text("cli.evaluating")), Session(opened.engine) as session:
        rows: list[Row] = list(zone_rows(session, day, region=region, near_m=near))
    columns: list[Column] = [
        (text("trace.col_source"), lambda row: f"{row['source_code']} {row['source_name'] or ''}"),
        (text("trace.col_grade"), lambda row: text(f"trace.grade_{row['zone_grade']}")),
        (text("trace.col_kind"), lambda row: _kind(opened, row)),
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: row["name"]),
        (text("trace.col_inside"), lambda row: text(f"trace.zone_{row['place']}")),
        (text("trace.col_edge"), lambda row: f"{row['edge_distance_m']:.1f}"),
        (text("trace.col_removed"), lambda row: row["removed_on"] or ""),
    ]
    opened.show(rows, columns, chosen, out, title=text("trace.zones_title"))
    _count(opened, rows, "place", "zone", chosen, out)


@app.command("regions")
def regions(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option(
            "--regions",
            help="polygons with region code and name; default: sites of category 行政区",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    region: RegionOption = None,
    as_of: AsOfOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Regions of the sections by polygon: given where none is stated, checked where one is."""
    from sqlalchemy.orm import Session

    from api.relations import region_rows

    opened = door(context)
    chosen = opened.format_of(form, out)
    text = opened.text
    day = parse_date(as_of, "--as-of")
    with opened.working(text("cli.evaluating")), Session(opened.engine) as session:
        rows: list[Row] = list(region_rows(session, day, region=region, file=file))
    columns: list[Column] = [
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: row["name"]),
        (text("trace.col_stated"), lambda row: row["stated_region"]),
        (
            text("trace.col_found"),
            lambda row: f"{row['found_region'] or ''} {row['found_name'] or ''}".strip(),
        ),
        (text("trace.col_answer"), lambda row: text(f"trace.answer_{row['answer']}")),
        (
            text("trace.col_apart"),
            lambda row: "" if row["stated_distance_m"] is None else f"{row['stated_distance_m']:.0f}",
        ),
    ]
    opened.show(rows, columns, chosen, out, title=text("trace.regions_title"))
    _count(opened, rows, "answer", "answer", chosen, out)


@app.command("ponds")
def ponds(
    context: typer.Context,
    region: RegionOption = None,
    as_of: AsOfOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Register of overhead tailings ponds (头顶库): people within 1 km downstream, stated and found."""
    from sqlalchemy.orm import Session

    from api.relations import pond_rows

    opened = door(context)
    chosen = opened.format_of(form, out)
    text = opened.text
    day = parse_date(as_of, "--as-of")
    with opened.working(text("cli.evaluating")), Session(opened.engine) as session:
        rows: list[Row] = list(pond_rows(session, day, region=region))
    columns: list[Column] = [
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: row["name"]),
        (text("cli.col_region"), lambda row: row["region_code"]),
        (text("trace.col_exposure"), lambda row: text(f"trace.exposure_{row['exposure']}")),
        (text("trace.col_basis"), lambda row: _basis(opened, row)),
        (text("trace.col_people"), _people),
        (text("trace.col_homes"), lambda row: _homes(opened, row)),
    ]
    opened.show(rows, columns, chosen, out, title=text("trace.ponds_title"))
    _count(opened, rows, "exposure", "exposure", chosen, out)


def _kind(opened: Door, row: Row) -> str:
    """The kind of a facility; of an inventoried place its category."""
    if row["kind"] == "site" and row["category"]:
        return str(row["category"])
    return opened.text(f"trace.kind_{row['kind']}")


def _people(row: Row) -> str:
    """People as stated, else as counted at the homes."""
    said = row["stated_residents"] if row["stated_residents"] is not None else row["people_found"]
    return "" if said is None else str(said)


def _basis(opened: Door, row: Row) -> str:
    shown = opened.text(f"trace.basis_{row['basis']}")
    return f"{shown} ({opened.text('trace.contradiction')})" if row["contradiction"] else shown


def _homes(opened: Door, row: Row) -> str:
    return opened.text("maps.list_separator").join(
        opened.text(
            "trace.home",
            name=home["name"] or home["code"],
            distance=f"{home['distance_m']:.0f}",
            people="" if home["people"] is None else opened.text("trace.home_people", people=home["people"]),
            side=opened.text(f"trace.side_{home['side']}"),
        )
        for home in row["homes"]
    )


def _count(opened: Door, rows: list[Row], key: str, words: str, form: Format, out: Path | None) -> None:
    """One line that counts the answers, under a table on the screen."""
    if form is Format.TABLE and out is None:
        counts = Counter(str(row[key]) for row in rows)
        told = (f"{opened.text(f'trace.{words}_{name}')} {count}" for name, count in sorted(counts.items()))
        opened.say(opened.text("maps.list_separator").join(told))
