"""``chart``: series, heat maps, shares, rankings and trophic state as SVG, PNG or HTML."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.comparisons import Of
from api.cli.door import PERIOD_HELP, Door, PeriodOption, RegionOption, door, parse_date
from api.cli.verdicts import LevelOption, SuspectOption

if TYPE_CHECKING:
    from api.charting import Span
    from maps.rendering import Picture

app = typer.Typer(
    no_args_is_help=True,
    help="Charts as SVG, PNG or HTML that need no network and no font of the reader's.",
)

OutFile = Annotated[Path, typer.Option("--out", help="file to write: .svg, .png or .html")]
SectionOption = Annotated[str, typer.Option("--section", help="code of the section")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="first day (2023-01-01); default: a year before the last")
]
ToOption = Annotated[str | None, typer.Option("--to", help="last day (2023-12-31); default: today")]
SpanOption = Annotated[
    str | None, typer.Option("--period", help=f"instead of --from and --to: {PERIOD_HELP}")
]


class Index(StrEnum):
    """What a ranking goes by where no parameter is named."""

    CWQI = "cwqi"
    FLOOD_INTENSITY = "flood-intensity"


class Bars(StrEnum):
    """What the bars of a chart of shares stand for."""

    REGION = "region"
    BASIN = "basin"
    RIVER = "river"
    LAKE = "lake"
    PERIOD = "period"


@app.command("series")
def series(
    context: typer.Context,
    section: SectionOption,
    parameter: Annotated[str, typer.Option("--parameter", help="code of the parameter, such as tp")],
    out: OutFile,
    start: FromOption = None,
    end: ToOption = None,
    period: SpanOption = None,
    use_suspect: SuspectOption = None,
) -> None:
    """Readings of one parameter at one section, over the bands of the classes."""
    from api.charting import series_picture

    span = _span(start, end, period)
    _draw(
        context,
        out,
        lambda opened, session: series_picture(
            session, opened.catalogue, section, parameter, span, use_suspect=use_suspect
        ),
    )


@app.command("trophic")
def trophic(
    context: typer.Context,
    section: SectionOption,
    out: OutFile,
    start: FromOption = None,
    end: ToOption = None,
    period: SpanOption = None,
) -> None:
    """Trophic state index of a lake section, month by month."""
    from api.charting import trophic_picture

    span = _span(start, end, period)
    _draw(context, out, lambda opened, session: trophic_picture(session, opened.catalogue, section, span))


@app.command("heatmap")
def heatmap(
    context: typer.Context,
    out: OutFile,
    start: FromOption = None,
    end: ToOption = None,
    period: SpanOption = None,
    region: RegionOption = None,
    level: LevelOption = None,
    use_suspect: SuspectOption = None,
) -> None:
    """Class of every section, month by month."""
    from api.charting import heatmap_picture
    from api.comparisons import Scope

    span = _span(start, end, period)
    scope = Scope(region, None if level is None else level.value, use_suspect)
    _draw(context, out, lambda opened, session: heatmap_picture(session, opened.catalogue, span, scope))


@app.command("shares")
def shares(
    context: typer.Context,
    out: OutFile,
    period: Annotated[list[str], typer.Option("--period", help=f"{PERIOD_HELP}; may be repeated")],
    by: Annotated[
        Bars | None,
        typer.Option(
            "--by", help="region (provinces), basin, river, lake or period; default: region, or period"
        ),
    ] = None,
    region: RegionOption = None,
    level: LevelOption = None,
    use_suspect: SuspectOption = None,
) -> None:
    """Shares of the classes: of one period by province and the like, or of several periods."""
    from api.charting import shares_picture
    from api.comparisons import Scope
    from spatial.period import parse_period

    periods = [parse_period(text) for text in period]
    chosen = by or (Bars.PERIOD if len(periods) > 1 else Bars.REGION)
    scope = Scope(region, None if level is None else level.value, use_suspect)
    _draw(
        context,
        out,
        lambda opened, session: shares_picture(session, opened.catalogue, periods, chosen.value, scope),
    )


@app.command("ranking")
def ranking(
    context: typer.Context,
    out: OutFile,
    period: PeriodOption,
    parameter: Annotated[
        str | None, typer.Option("--parameter", help="sections by their mean of it, the worst first: tp")
    ] = None,
    what: Annotated[
        Index, typer.Option("--what", help="without --parameter: cwqi (the best first) or flood-intensity")
    ] = Index.CWQI,
    of: Annotated[
        Of | None, typer.Option("--of", help="city, river or section; default: city for cwqi, else section")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=100, help="how many are drawn")] = 20,
    region: RegionOption = None,
    level: LevelOption = None,
    use_suspect: SuspectOption = None,
) -> None:
    """Sections by their mean of a parameter, or cities, rivers and sections by an index."""
    from api.charting import index_picture, ranking_picture
    from api.comparisons import RankingOrder, Scope
    from spatial.period import parse_period

    parsed = parse_period(period)
    scope = Scope(region, None if level is None else level.value, use_suspect)
    order = RankingOrder(what.value, None if of is None else of.value)

    def paint(opened: Door, session: Any) -> Picture:
        if parameter is None:
            return index_picture(session, opened.catalogue, parsed, order, scope, top)
        return ranking_picture(session, opened.catalogue, parsed, parameter, scope, top)

    _draw(context, out, paint)


def _span(start: str | None, end: str | None, period: str | None) -> Span:
    """The days of a chart, from a period or from two days."""
    from api.charting import Span, make_span
    from spatial.period import parse_period

    if period is not None:
        if start is not None or end is not None:
            raise typer.BadParameter("give either --period, or --from and --to", param_hint="--period")
        found = parse_period(period)
        return Span(found.start, found.end)
    first: date | None = None if start is None else parse_date(start, "--from")
    return make_span(first, None if end is None else parse_date(end, "--to"), parse_date(None, "--to"))


def _draw(context: typer.Context, out: Path, paint: Callable[[Door, Any], Picture]) -> None:
    """Draw into a file; its ending decides the format."""
    from sqlalchemy.orm import Session

    from api.charting import ChartForm, render

    opened = door(context)
    ending = out.suffix.lower().removeprefix(".")
    if ending not in set(ChartForm):
        endings = ", ".join(f".{form.value}" for form in ChartForm)
        message = opened.text("charts.unknown_ending", file=out.name, endings=endings)
        raise typer.BadParameter(message, param_hint="--out")
    with opened.working(opened.text("cli.drawing")), Session(opened.engine) as session:
        document = render(paint(opened, session), ChartForm(ending))
    opened.write(document, out)
    opened.say(opened.text("cli.written", path=out))
