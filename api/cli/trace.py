"""``trace``: along the river, up to who may be behind an exceedance, down to who is reached and when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.door import PERIOD_HELP, AsOfOption, Door, FileFormatOption, OutOption, door, parse_date
from api.output import Column, Format, to_csv, to_geojson, to_json

if TYPE_CHECKING:
    from datetime import date

    from api.tracing import TraceAnswer, TraceRequest

SectionOption = Annotated[str | None, typer.Option("--section", help="code of the section to start from")]
FromOption = Annotated[
    str | None, typer.Option("--from", metavar="LON,LAT", help="place to start from, such as 111.30,30.70")
]
UpOption = Annotated[
    float | None, typer.Option("--upstream", metavar="KM", min=0.001, help="trace upstream so far")
]
DownOption = Annotated[
    float | None, typer.Option("--downstream", metavar="KM", min=0.001, help="trace downstream so far")
]
VelocityOption = Annotated[
    float | None,
    typer.Option("--velocity", metavar="M_PER_S", help="velocity everywhere instead of what rivers state"),
]
RiverOption = Annotated[
    str | None, typer.Option("--river", help="code or name of the river that the place of --from is on")
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        help="rank upstream places by it (tp); may be repeated; default: what exceeds at the section",
    ),
]
SpanOption = Annotated[
    str | None,
    typer.Option("--period", help=f"of the exceedance: {PERIOD_HELP}; default: the latest month"),
]


def trace_command(
    context: typer.Context,
    section: SectionOption = None,
    start: FromOption = None,
    upstream: UpOption = None,
    downstream: DownOption = None,
    velocity: VelocityOption = None,
    river: RiverOption = None,
    parameter: ParameterOption = None,
    period: SpanOption = None,
    as_of: AsOfOption = None,
    rivers: Annotated[
        Path | None,
        typer.Option("--rivers", help="file of rivers, instead of the database", exists=True, dir_okay=False),
    ] = None,
    places: Annotated[
        list[str] | None,
        typer.Option(
            "--places", metavar="KIND=FILE", help="with --rivers: outfalls, sections, shorelines …; repeated"
        ),
    ] = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Trace along the river network: outfalls, ponds and parks upstream, or who is reached downstream."""
    opened = door(context)
    chosen = opened.format_of(form, out)
    day = parse_date(as_of, "--as-of")
    request = trace_request(
        opened,
        section=section,
        start=start,
        upstream=upstream,
        downstream=downstream,
        velocity=velocity,
        river=river,
        parameters=parameter,
        period=period,
    )
    with opened.working(opened.text("trace.tracing")):
        found = _trace(opened, request, day, rivers, places or ())
    show(opened, found, chosen, out)


def trace_request(
    opened: Door,
    *,
    section: str | None,
    start: str | None,
    upstream: float | None,
    downstream: float | None,
    velocity: float | None,
    river: str | None,
    parameters: Sequence[str] | None,
    period: str | None,
) -> TraceRequest:
    """What the options ask for.

    Raises
    ------
    typer.BadParameter
        If they ask for two things at once, or for none.
    """
    from api.tracing import TraceRequest, parse_place
    from spatial.period import parse_period

    if (section is None) == (start is None):
        both = "—" if section is None else f"{section} / {start}"
        raise typer.BadParameter(opened.text("trace.one_way", origin=both), param_hint="--section")
    if (upstream is None) == (downstream is None):
        raise typer.BadParameter(opened.text("trace.one_direction"), param_hint="--upstream")
    return TraceRequest(
        direction="downstream" if upstream is None else "upstream",
        max_km=float(upstream or downstream or 0),
        section=section,
        place=None if start is None else parse_place(start),
        river=river,
        velocity=velocity,
        parameters=tuple(parameters) if parameters else None,
        period=None if period is None else parse_period(period),
    )


def _trace(
    opened: Door, request: TraceRequest, day: date, rivers: Path | None, places: Sequence[str]
) -> TraceAnswer:
    from sqlalchemy.orm import Session

    from api.tracing import read_waters, trace_in, trace_waters

    if rivers is not None:
        return trace_waters(read_waters(rivers, [_pair(opened, text) for text in places], day), request)
    if places:
        raise typer.BadParameter(opened.text("trace.files_need_place"), param_hint="--places")
    with Session(opened.engine) as session:
        return trace_in(session, request, day)


def _pair(opened: Door, text: str) -> tuple[str, Path]:
    kind, sign, file = text.partition("=")
    if not sign or not Path(file).is_file():
        raise typer.BadParameter(opened.text("trace.not_a_pair", text=text), param_hint="--places")
    return kind, Path(file)


def show(opened: Door, found: TraceAnswer, chosen: Format, out: Path | None) -> None:
    """The answer in the asked format: one document, or a table with what it rests on."""
    from api.tracing import trace_row
    from api.tracing_words import trace_notes, trace_title

    document = found.as_json()
    match chosen:
        case Format.JSON:
            opened.write(to_json(document), out)
        case Format.GEOJSON:
            opened.write(to_json(to_geojson(found.as_features())), out)
        case Format.CSV:
            opened.write(to_csv([trace_row(item) for item in document["items"]]), out)
        case Format.PARQUET:
            from api.output import to_parquet

            opened.write(to_parquet([trace_row(item) for item in document["items"]]), out)
        case _:
            rows = sorted(document["items"], key=_order)
            ranked = bool(found.suspects)
            title = trace_title(found, opened.catalogue)
            columns = _columns(opened, ranked=ranked, branching=any(len(row["via"]) > 1 for row in rows))
            opened.table(rows, columns, title=title if out is None else None, out=out)
            for line in trace_notes(found, opened.catalogue):
                opened.say(line)


def _order(item: dict[str, Any]) -> tuple[int, float]:
    """Suspects by their rank, then everything else by kilometre."""
    suspect = item["suspect"]
    return (1_000_000 if suspect is None else suspect["rank"], item["river_km"])


def _columns(opened: Door, *, ranked: bool, branching: bool) -> list[Column]:
    """Columns of the table; ranks where suspects are, and the way where it leads through several rivers."""
    from api.tracing_words import arrival_text, placed_text, suspect_text

    text, catalogue = opened.text, opened.catalogue
    suspects: list[Column] = [
        (
            text("trace.col_number"),
            lambda row: "" if row["suspect"] is None else row["suspect"]["rank"],
        ),
        (text("trace.col_suspect"), lambda row: suspect_text(row["suspect"], catalogue)),
    ]
    return [
        *(suspects[:1] if ranked else []),
        (text("trace.col_kind"), lambda row: text(f"trace.kind_{row['kind']}")),
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: row["name"]),
        (text("trace.col_km"), lambda row: f"{row['river_km']:.1f}"),
        (text("trace.col_arrival"), lambda row: arrival_text(row, catalogue)),
        *(suspects[1:] if ranked else []),
        *([(text("trace.col_via"), lambda row: " → ".join(row["via"]))] if branching else []),
        (text("trace.col_placed"), lambda row: placed_text(row, catalogue)),
    ]
