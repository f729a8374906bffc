"""``map``: pictures for people, each one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.door import AsOfOption, Door, RegionOption, door, parse_date
from api.cli.trace import (
    DownOption,
    FromOption,
    ParameterOption,
    RiverOption,
    SectionOption,
    SpanOption,
    UpOption,
    VelocityOption,
    trace_request,
)

app = typer.Typer(no_args_is_help=True, help="Maps as self-contained HTML files that need no network.")

OutFile = Annotated[Path, typer.Option("--out", help="HTML file to write")]


@app.command("buffers")
def buffers(
    context: typer.Context, out: OutFile, as_of: AsOfOption = None, region: RegionOption = None
) -> None:
    """Shorelines, 1 km and 3 km zones, and the facilities by verdict."""
    _draw(context, "buffers", out, as_of, region)


@app.command("sections")
def sections(
    context: typer.Context, out: OutFile, as_of: AsOfOption = None, region: RegionOption = None
) -> None:
    """Sections in the official class colours, with the class as text."""
    _draw(context, "sections", out, as_of, region)


@app.command("facility")
def facility(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="code of an outfall, pond, chemical site or water source")],
    out: OutFile,
    as_of: AsOfOption = None,
) -> None:
    """One facility with its nearest shoreline and its findings."""
    _draw(context, "facility", out, as_of, None, code=code)


@app.command("trace")
def trace(
    context: typer.Context,
    out: OutFile,
    section: SectionOption = None,
    start: FromOption = None,
    upstream: UpOption = None,
    downstream: DownOption = None,
    velocity: VelocityOption = None,
    river: RiverOption = None,
    parameter: ParameterOption = None,
    period: SpanOption = None,
    as_of: AsOfOption = None,
) -> None:
    """A trace along the river: suspects upstream of a section, or who a spill reaches and when."""
    from sqlalchemy.orm import Session

    from api.tracing import trace_in
    from api.tracing_map import draw_answer

    opened = door(context)
    _require_html(opened, out)
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
    with opened.working(opened.text("cli.drawing")), Session(opened.engine) as session:
        html = draw_answer(trace_in(session, request, day), opened.settings, opened.catalogue)
    opened.write(html, out)
    opened.say(opened.text("cli.written", path=out))


def _require_html(opened: Door, out: Path) -> None:
    if out.suffix.lower() not in (".html", ".htm"):
        message = opened.text("cli.map_ending", file=out.name)
        raise typer.BadParameter(message, param_hint="--out")


def _draw(
    context: typer.Context,
    subject: str,
    out: Path,
    as_of: str | None,
    region: str | None,
    code: str | None = None,
) -> None:
    from api.pictures import draw

    opened = door(context)
    _require_html(opened, out)
    day = parse_date(as_of, "--as-of")
    with opened.working(opened.text("cli.drawing")):
        html = draw(opened.engine, opened.settings, opened.catalogue, subject, day, region=region, code=code)
    opened.write(html, out)
    opened.say(opened.text("cli.written", path=out))
