"""``compare``, ``trend``, ``ranking`` and ``flux``: periods side by side, and loads."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.door import Door, FileFormatOption, OutOption, PeriodOption, RegionOption, door
from api.cli.verdicts import Grouping, LevelOption, SuspectOption, group_name
from api.output import Column, Format, Row, to_json
from api.wording import class_words, decimal_text, item_name, reason_list, reason_words, share_text


class Against(StrEnum):
    """Which earlier period to compare with where none is named."""

    YEAR = "year"
    PERIOD = "period"


class What(StrEnum):
    """What a ranking goes by."""

    CWQI = "cwqi"
    IMPROVEMENT = "improvement"
    FLOOD_INTENSITY = "flood-intensity"


class Of(StrEnum):
    """Who is ranked."""

    SECTION = "section"
    RIVER = "river"
    CITY = "city"


class Order(StrEnum):
    """Which end of a change ranking stands first."""

    IMPROVED = "improved"
    WORSENED = "worsened"


class Steps(StrEnum):
    """The periods of a trend."""

    MONTH = "month"
    YEAR = "year"


class FluxBy(StrEnum):
    """How a load is computed."""

    MONTHLY = "monthly"
    PAIRED = "paired"


class NonDetectsAs(StrEnum):
    """What counts for a value below the detection limit."""

    ZERO = "zero"
    HALF = "half"


WithOption = Annotated[
    str | None, typer.Option("--with", help="the earlier period; default: by --against", metavar="PERIOD")
]
AgainstOption = Annotated[
    Against, typer.Option("--against", help="year: the same period last year; period: the one just before")
]


def compare_command(
    context: typer.Context,
    period: PeriodOption,
    earlier: WithOption = None,
    against: AgainstOption = Against.YEAR,
    by: Annotated[
        Grouping, typer.Option("--by", help="section, river, lake, basin, region or nation")
    ] = Grouping.SECTION,
    level: LevelOption = None,
    region: RegionOption = None,
    use_suspect: SuspectOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Compare water quality with an earlier period, in the official words."""
    from sqlalchemy.orm import Session

    from api.comparisons import Scope, compare_in, compared_period
    from spatial.period import parse_period

    opened = door(context)
    chosen = opened.format_of(form, out)
    later = parse_period(period)
    other = parse_period(earlier) if earlier else compared_period(later, against.value)
    scope = Scope(region, None if level is None else level.value, use_suspect)
    with opened.working(opened.text("cli.evaluating")), Session(opened.engine) as session:
        rows: list[Row] = [one.as_json() for one in compare_in(session, later, other, by.value, scope)]
    columns = _section_columns(opened) if by is Grouping.SECTION else _group_columns(opened)
    title = opened.text("comparisons.change_title", period=later.text, compared_with=other.text)
    opened.show(rows, columns, chosen, out, title=title)


def _name_columns(opened: Door) -> list[Column]:
    return [
        (opened.text("cli.col_code"), lambda row: row["code"]),
        (opened.text("cli.col_name"), lambda row: group_name(opened, row)),
    ]


def _section_columns(opened: Door) -> list[Column]:
    text = opened.text

    def side(row: Row, name: str) -> str:
        return "—" if row[name] is None else class_words(row[name]["class"], opened.catalogue.language)

    return [
        *_name_columns(opened),
        (text("comparisons.col_before"), lambda row: side(row, "before")),
        (text("comparisons.col_after"), lambda row: side(row, "after")),
        (text("comparisons.col_change"), lambda row: _change(opened, row)),
        (text("comparisons.col_notes"), lambda row: notes_text(opened, row)),
    ]


def _group_columns(opened: Door) -> list[Column]:
    text = opened.text

    def sides(row: Row, show: Any) -> str:
        return " → ".join("—" if row[name] is None else show(row[name]) for name in ("before", "after"))

    def grade(side: Row) -> str:
        return text(f"states.grade_{side['grade']}") if side["grade"] else "—"

    return [
        *_name_columns(opened),
        (text("comparisons.col_common"), lambda row: row["common_sections"]),
        (
            text("comparisons.col_share_before_after"),
            lambda row: sides(row, lambda side: share_text(side, "share_1_3")),
        ),
        (
            text("comparisons.col_inferior_before_after"),
            lambda row: sides(row, lambda side: share_text(side, "share_inferior")),
        ),
        (text("comparisons.col_points"), lambda row: decimal_text(row["points"], 1)),
        (text("comparisons.col_grade_before_after"), lambda row: sides(row, grade)),
        (text("comparisons.col_change"), lambda row: _change(opened, row)),
        (text("comparisons.col_notes"), lambda row: notes_text(opened, row)),
    ]


def _change(opened: Door, row: Row) -> str:
    return opened.text(f"comparisons.change_{row['change']}") if row["change"] else "—"


def notes_text(opened: Door, row: Row) -> str:
    """Why there is no result, else what weakens it."""
    return reason_list(opened.catalogue, (*row["reasons"], *row["warnings"]))


# --- trend ---


def trend_command(
    context: typer.Context,
    section: Annotated[str, typer.Option("--section", help="code of the section")],
    parameter: Annotated[str, typer.Option("--parameter", help="code of the parameter, such as tp")],
    first: Annotated[str, typer.Option("--from", help="first month or year, such as 2019-01 or 2019")],
    last: Annotated[str, typer.Option("--to", help="last month or year")],
    by: Annotated[Steps, typer.Option("--by", help="month or year")] = Steps.YEAR,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Spearman: exact critical values before the printed ones"),
    ] = False,
    use_suspect: SuspectOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Test one parameter of a section for a trend: Spearman, Mann–Kendall, seasonal Kendall."""
    from sqlalchemy.orm import Session

    from api.comparisons import trend_in
    from spatial.period import parse_period

    opened = door(context)
    chosen = opened.format_of(form, out)
    bounds = parse_period(first), parse_period(last)
    with opened.working(opened.text("cli.evaluating")), Session(opened.engine) as session:
        found = trend_in(
            session, section, parameter, bounds, by.value, exact=exact, use_suspect=use_suspect
        ).as_json()
    if chosen is Format.JSON:
        opened.write(to_json(found), out)
        return
    if chosen is not Format.TABLE or out is not None:
        points = found["points"]
        assert isinstance(points, list)  # noqa: S101 - the shape of the answer
        facts = {"section": found["section"], "parameter": found["parameter"]}
        opened.show([{**facts, **point} for point in points], [], chosen, out)
        return
    _show_trend(opened, found)


def _show_trend(opened: Door, found: Row) -> None:
    text = opened.text
    tests: list[Row] = [
        {"name": name, "unit": found["unit"], "reason": found["reasons"].get(name), **(found[name] or {})}
        for name in ("spearman", "mann_kendall", "seasonal_kendall")
    ]
    columns: list[Column] = [
        (text("comparisons.col_test"), lambda row: text(f"comparisons.test_{row['name']}")),
        (text("comparisons.col_figures"), lambda row: _figures(opened, row)),
        (text("comparisons.col_slope"), lambda row: _slope(opened, row)),
        (text("comparisons.col_result"), lambda row: _result(opened, row)),
    ]
    title = text(
        "comparisons.trend_title",
        section=found["name"] or found["section"],
        parameter=item_name(str(found["parameter"]), opened.catalogue.language),
        first=found["from"],
        last=found["to"],
    )
    opened.table(tests, columns, title=title)
    for warning in found["warnings"]:
        opened.say(reason_words(opened.catalogue, warning))


def _figures(opened: Door, row: Row) -> str:
    if "trend" not in row:
        return ""
    if row["name"] == "spearman":
        return opened.text(
            "comparisons.spearman_figures",
            rs=decimal_text(row["rs"], 4),
            critical=decimal_text(row["critical_0_05"], 3),
            strict=decimal_text(row["critical_0_01"], 3),
            periods=row["periods"],
        )
    return opened.text(
        "comparisons.kendall_figures",
        s=row["s"],
        z=decimal_text(row["z"], 3),
        p=decimal_text(row["p"], 4),
        values=row["values"],
    )


def _slope(opened: Door, row: Row) -> str:
    slope = row.get("sen_slope_per_year")
    if slope is None:
        return ""
    return opened.text("comparisons.slope_per_year", slope=f"{slope:.4g}", unit=row["unit"])


def _result(opened: Door, row: Row) -> str:
    if "trend" not in row:
        return reason_words(opened.catalogue, row["reason"])
    words = opened.text(f"comparisons.trend_{row['trend']}")
    meaning = row["meaning"]
    return words if meaning is None else f"{words} · {opened.text(f'comparisons.meaning_{meaning}')}"


# --- ranking ---


def ranking_command(
    context: typer.Context,
    period: PeriodOption,
    what: Annotated[What, typer.Option("--what", help="cwqi, improvement or flood-intensity")] = What.CWQI,
    of: Annotated[
        Of | None, typer.Option("--of", help="section, river or city; default: city for cwqi, else section")
    ] = None,
    earlier: WithOption = None,
    against: AgainstOption = Against.YEAR,
    order: Annotated[
        Order, typer.Option("--order", help="improvement: the most improved or most worsened first")
    ] = Order.IMPROVED,
    items: Annotated[
        str,
        typer.Option("--items", help="of the index: all (21), core (automatic stations) or codes: tp,do"),
    ] = "all",
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="only so many ranks; flood-intensity: 50 by default")
    ] = None,
    every: Annotated[
        bool, typer.Option("--every", help="flood-intensity: every section, also those without a result")
    ] = False,
    level: LevelOption = None,
    region: RegionOption = None,
    use_suspect: SuspectOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Rank cities, rivers or sections: by index, by improvement, by flood-season pollution intensity."""
    from sqlalchemy.orm import Session

    from api.comparisons import RankingOrder, Scope, compared_period, item_codes, rank_in
    from spatial.period import parse_period

    opened = door(context)
    chosen = opened.format_of(form, out)
    later = parse_period(period)
    other = parse_period(earlier) if earlier else compared_period(later, against.value)
    asked = RankingOrder(
        what.value,
        None if of is None else of.value,
        item_codes(items),
        worst_first=order is Order.WORSENED,
        most=top,
        every=every,
    )
    scope = Scope(region, None if level is None else level.value, use_suspect)
    with opened.working(opened.text("cli.evaluating")), Session(opened.engine) as session:
        rows: list[Row] = [row.as_json() for row in rank_in(session, asked, later, other, scope)]
    columns = _ranking_columns(opened, what)
    title = opened.text(
        f"comparisons.ranking_title_{what.value}",
        period=later.text,
        compared_with=other.text,
        ranked=rows[0]["ranked"] if rows else 0,
    )
    opened.show(rows, columns, chosen, out, title=title)


def _ranking_columns(opened: Door, what: What) -> list[Column]:
    text, language = opened.text, opened.catalogue.language
    rank: Column = (text("comparisons.col_rank"), lambda row: row["rank"] or "—")
    name: list[Column] = [
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: row["name"]),
    ]
    notes: Column = (
        text("comparisons.col_notes"),
        lambda row: "" if row["reason"] is None else reason_words(opened.catalogue, row["reason"]),
    )
    if what is What.FLOOD_INTENSITY:
        return [
            rank,
            *name,
            (text("comparisons.col_intensity"), lambda row: decimal_text(row["value"], 1)),
            (
                text("comparisons.col_first_pollutant"),
                lambda row: "" if row["parameter"] is None else item_name(row["parameter"], language),
            ),
            (text("comparisons.col_highest"), lambda row: row["highest"]),
            (text("comparisons.col_limit"), lambda row: row["limit"]),
            notes,
        ]

    def change(row: Row) -> object:
        return None if row["change"] is None else row["change"]["change_per_cent"]

    if what is What.CWQI:
        return [
            rank,
            *name,
            (text("comparisons.col_index"), lambda row: decimal_text(row["index"], 4)),
            (text("cli.col_sections"), lambda row: row["sections"]),
            (text("comparisons.col_change_per_cent"), lambda row: decimal_text(change(row), 2)),
            notes,
        ]
    return [
        rank,
        *name,
        (text("comparisons.col_change_per_cent"), lambda row: decimal_text(row["value"], 2)),
        (
            text("comparisons.col_change"),
            lambda row: text(f"comparisons.direction_{row['direction']}") if row["direction"] else "—",
        ),
        notes,
    ]


# --- flux ---


def flux_command(
    context: typer.Context,
    section: Annotated[str, typer.Option("--section", help="code of the section")],
    period: PeriodOption,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", help="tn, tp …; may be repeated; default: tn and tp")
    ] = None,
    method: Annotated[
        FluxBy,
        typer.Option("--method", help="monthly: means of each month; paired: readings of the same moment"),
    ] = FluxBy.MONTHLY,
    non_detects: Annotated[
        NonDetectsAs | None,
        typer.Option("--non-detects", help="zero, or half of the detection limit; default: by the rules"),
    ] = None,
    use_suspect: SuspectOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Loads that pass a section in tonnes: concentration times discharge."""
    from sqlalchemy.orm import Session

    from api.comparisons import flux_in
    from spatial.period import parse_period

    opened = door(context)
    chosen = opened.format_of(form, out)
    asked = parse_period(period)
    with opened.working(opened.text("cli.evaluating")), Session(opened.engine) as session:
        found = flux_in(
            session,
            section,
            parameter or ["tn", "tp"],
            asked,
            method=method.value,
            non_detects=None if non_detects is None else non_detects.value,
            use_suspect=use_suspect,
        )
    rows: list[Row] = [one.as_json() for one in found]
    _show_flux(opened, rows, chosen, out, section=section, period=asked.text)


def _show_flux(
    opened: Door, rows: list[Row], chosen: Format, out: Path | None, *, section: str, period: str
) -> None:
    text = opened.text
    columns: list[Column] = [
        (
            text("comparisons.col_parameter"),
            lambda row: item_name(row["parameter"], opened.catalogue.language),
        ),
        (text("comparisons.col_load"), lambda row: decimal_text(row["load_t"], 3)),
        (text("comparisons.col_known_load"), lambda row: decimal_text(row["load_of_known_months_t"], 3)),
        (text("comparisons.col_months"), lambda row: f"{row['months_known']}/{row['months_due']}"),
        (
            text("comparisons.col_notes"),
            lambda row: reason_list(opened.catalogue, row["reasons"]),
        ),
    ]
    title = text("comparisons.flux_title", section=section, period=period)
    opened.show(rows, columns, chosen, out, title=title)
