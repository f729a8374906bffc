"""``sources assess``: which drinking-water sources meet their limits, and what share of them."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.door import Door, FileFormatOption, OutOption, PeriodOption, RegionOption, door
from api.output import Column, Format, Row
from api.wording import decimal_text, item_name, multiple_text, reason_list, share_text
from spatial.vocabulary import WaterSourceLevel

if TYPE_CHECKING:
    from spatial.period import Period

app = typer.Typer(
    no_args_is_help=True, help="Drinking-water sources: compliance with GB 3838, Tables 1 to 3."
)


class SourcesBy(StrEnum):
    """What the answer speaks of."""

    SOURCE = "source"
    LEVEL = "level"
    REGION = "region"


@app.command("assess")
def assess_command(
    context: typer.Context,
    period: PeriodOption,
    by: Annotated[
        SourcesBy, typer.Option("--by", help="source, or the share that complies by level or region")
    ] = SourcesBy.SOURCE,
    level: Annotated[
        WaterSourceLevel | None, typer.Option("--level", help="only sources of a city, county or township")
    ] = None,
    region: RegionOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Judge drinking-water sources over a period by Tables 1, 2 and 3 (GB 3838-2002, clause 5.3)."""
    from api.sources import assess_sources
    from spatial.period import parse_period
    from spatial.source_shares import share_sources

    opened = door(context)
    chosen = opened.format_of(form, out)
    parsed = parse_period(period)
    with opened.working(opened.text("cli.evaluating")):
        found = assess_sources(opened.engine, parsed, region=region, level=level)
    shares = share_sources(found, "region" if by is SourcesBy.REGION else "level")
    rows: list[Row] = [one.as_json() for one in (found if by is SourcesBy.SOURCE else shares)]
    opened.show(
        rows, _source_columns(opened) if by is SourcesBy.SOURCE else _share_columns(opened, by), chosen, out
    )
    if chosen is Format.TABLE and out is None and by is SourcesBy.SOURCE:
        counts = Counter(one.verdict.value for one in found)
        opened.say(
            opened.text(
                "sources.counts",
                total=len(found),
                **{name: counts[name] for name in ("violation", "compliant", "undetermined")},
            )
        )


def show_shares(opened: Door, period: Period) -> None:
    """The shares of sources that comply, by level, for a person."""
    from api.sources import assess_sources
    from spatial.source_shares import share_sources

    shares = share_sources(assess_sources(opened.engine, period), "level")
    rows: list[Row] = [one.as_json() for one in shares]
    title = opened.text("sources.shares_title", period=period.text)
    opened.table(rows, _share_columns(opened, SourcesBy.LEVEL), title=title)


def _source_columns(opened: Door) -> list[Column]:
    text = opened.text
    return [
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: row["name"]),
        (
            text("sources.col_level"),
            lambda row: text(f"sources.level_{row['source_level']}") if row["source_level"] else "",
        ),
        (text("cli.col_verdict"), lambda row: text(f"states.{row['verdict']}")),
        (text("sources.col_rounds"), lambda row: f"{row['full_rounds']}/{row['rounds_needed']}"),
        (text("sources.col_over"), lambda row: _over_text(opened, row)),
        (
            text("cli.col_reason"),
            lambda row: reason_list(opened.catalogue, row["reasons"]),
        ),
    ]


def _over_text(opened: Door, row: Row) -> str:
    """Items over their limit, each with its largest multiple where it has one."""
    multiples: dict[str, float | None] = {}
    for item in row["exceedances"]:
        known = multiples.get(item["parameter"])
        if known is None or (item["multiple"] or 0) > known:
            multiples[item["parameter"]] = item["multiple"]
    names = {code: item_name(code, opened.catalogue.language) for code in row["limiting"]}
    return "、".join(
        name if multiples[code] is None else f"{name}({multiple_text(multiples[code])})"
        for code, name in names.items()
    )


def _share_columns(opened: Door, by: SourcesBy) -> list[Column]:
    text = opened.text

    def group(row: Row) -> str:
        if row["code"] is None:
            return text("sources.not_stated")
        return text(f"sources.level_{row['code']}") if by is SourcesBy.LEVEL else row["code"]

    return [
        (text("sources.col_level") if by is SourcesBy.LEVEL else text("cli.col_region"), group),
        (text("sources.col_sources"), lambda row: row["sources"]),
        (text("states.compliant"), lambda row: row["counts"]["compliant"]),
        (text("states.violation"), lambda row: row["counts"]["violation"]),
        (text("states.undetermined"), lambda row: row["counts"]["undetermined"]),
        (
            text("sources.col_share"),
            lambda row: "—" if row["share"] is None else share_text(row, "share"),
        ),
        (
            text("sources.col_volume"),
            lambda row: decimal_text(row["share_by_volume"], 1),
        ),
        (
            text("sources.col_bounds"),
            lambda row: (
                "—"
                if row["share_least"] is None
                else f"{decimal_text(row['share_least'], 1)}–{decimal_text(row['share_most'], 1)}"
            ),
        ),
    ]
