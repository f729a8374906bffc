"""``warnings``: what readings warn of, who has seen it, and what is over."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import Annotated

import typer

from api.cli.door import Door, FileFormatOption, FormatOption, OutOption, RegionOption, door, parse_date
from api.output import Column, Format, Row, to_json
from api.wording import item_name
from spatial.vocabulary import AlertSeverity, AlertState

app = typer.Typer(no_args_is_help=True, help="Warnings from readings: list, show, acknowledge, close, run.")

PAGE = 1_000
MOST = 100_000


IdArgument = Annotated[str, typer.Argument(metavar="ID", help="the warning, or as many digits as are enough")]
ActorOption = Annotated[
    str | None, typer.Option("--actor", help="who does it; default: the user of this machine")
]
NoteOption = Annotated[str | None, typer.Option("--note", help="why, or what was done")]


def parse_moment(text: str | None, option: str) -> datetime | None:
    """An instant, or the beginning of a Beijing day; none where none is asked for."""
    return None if text is None else read_moment(text, option)


def read_moment(text: str, option: str) -> datetime:
    """An instant, or the beginning of a Beijing day.

    Raises
    ------
    typer.BadParameter
        If it is neither.
    """
    from spatial.period import BEIJING

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is neither a day such as 2025-11-06 nor a moment such as 2025-11-06T08:00"
        raise typer.BadParameter(message, param_hint=option) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=BEIJING)


@app.command("list")
def list_command(
    context: typer.Context,
    region: RegionOption = None,
    section: Annotated[str | None, typer.Option("--section", help="only this section")] = None,
    severity: Annotated[
        list[AlertSeverity] | None, typer.Option("--severity", help="only of these severities; repeatable")
    ] = None,
    state: Annotated[
        list[AlertState] | None,
        typer.Option("--state", help="only in these states; repeatable; default: all but withdrawn ones"),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="only with a reading since this day or moment")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="as they stood at this day or moment; default: now")
    ] = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """List warnings, those that began last first."""
    from sqlalchemy.orm import Session

    from api.alerts import list_warnings

    opened = door(context)
    chosen = opened.format_of(form, out)
    asked = {
        "as_of": parse_date(None, "--as-of"),
        "region_code": region,
        "section": section,
        "severities": severity or None,
        "states": state or None,
        "since": parse_moment(since, "--since"),
        "known_at": parse_moment(known_at, "--known-at"),
    }
    rows: list[Row] = []
    after = None
    with Session(opened.engine) as session:
        while len(rows) < MOST:
            page = list_warnings(session, **asked, after=after, limit=PAGE)
            rows += page
            if len(page) < PAGE:
                break
            after = datetime.fromisoformat(page[-1]["started_at"]), page[-1]["id"]
    opened.show(rows, _columns(opened), chosen, out)
    if chosen is Format.TABLE and out is None:
        opened.say(opened.text("warnings.count", count=len(rows)))


def _columns(opened: Door) -> list[Column]:
    text = opened.text
    return [
        ("ID", lambda row: row["id"]),
        (text("warnings.col_severity"), lambda row: text(f"warnings.severity_{row['severity']}")),
        (text("warnings.col_state"), lambda row: text(f"warnings.state_{row['state']}")),
        (text("warnings.col_section"), lambda row: row["name"] or row["section"]),
        (text("warnings.col_what"), lambda row: title_of(opened, row)),
        (text("warnings.col_measured"), lambda row: measured_text(opened, row)),
        (text("warnings.col_span"), span_text),
        (text("warnings.col_readings"), lambda row: row["readings"]),
    ]


def title_of(opened: Door, row: Row) -> str:
    """The title of the rule behind a warning, as it read when the warning was made."""
    title: dict[str, str] = row["evidence"]["rule"]["title"]
    return title[opened.catalogue.language.key]


def measured_text(opened: Door, row: Row) -> str:
    """Item, worst value and threshold in one line."""
    measured, limit = row["measured"], row["limit"]
    sign = "<" if measured["censored"] else ""
    name = item_name(row["parameter"], opened.catalogue.language)
    if measured["compared_with"] is not None:
        return opened.text(
            "warnings.measured_against",
            item=name,
            value=f"{sign}{measured['value']:.4g}",
            level=f"{measured['compared_with']:.4g}",
        )
    return opened.text(
        "warnings.measured",
        item=name,
        value=f"{sign}{measured['value']:.12g}",
        comparator=limit["comparator"],
        limit="–".join(limit["limit"]),
        unit=limit["unit"],
        multiple="" if measured["multiple"] is None else f"({measured['multiple']:.2g})",
    )


def span_text(row: Row) -> str:
    """From when to when, in Beijing, to the minute."""
    first, last = (row[name][:16].replace("T", " ") for name in ("started_at", "ended_at"))
    return first if first == last else f"{first} – {last}"


@app.command("show")
def show_command(context: typer.Context, warning: IdArgument, form: FormatOption = Format.TABLE) -> None:
    """Show one warning: rule, threshold, readings behind it, and everything that happened to it."""
    from sqlalchemy.orm import Session

    from api.alerts import find_code, read_warning

    opened = door(context)
    opened.refuse_files(form)
    with Session(opened.engine) as session:
        found = read_warning(session, find_code(session, warning), parse_date(None, "--as-of"))
    if form is Format.JSON:
        opened.write(to_json(found), None)
        return
    _show(opened, found)


def _show(opened: Door, found: Row) -> None:
    text, language = opened.text, opened.catalogue.language.key
    rule, data = found["evidence"]["rule"], found["evidence"]["data"]
    place = found["name"] or found["section"]
    severity, state = text(f"warnings.severity_{found['severity']}"), text(f"warnings.state_{found['state']}")
    lines = [
        f"{found['id']}  {severity}  {state}  {place} ({found['section']})",
        f"{rule['title'][language]}: {measured_text(opened, found)}",
        f"{span_text(found)}  ·  {text('warnings.col_readings')} {found['readings']}",
        f"{rule['id']}  ·  {rule['source']['document']} {rule['source']['clause']}",
        rule["reason"][language],
    ]
    for line in lines:
        opened.out.print(line, markup=False, highlight=False)
    opened.table(
        data["readings"],
        [
            (text("warnings.col_time"), lambda row: row["sampled_at"][:16].replace("T", " ")),
            (text("warnings.col_value"), lambda row: f"{'<' if row['censored'] else ''}{row['value']:.12g}"),
            (text("warnings.col_upload"), lambda row: row["upload_id"]),
        ],
        title=text("warnings.readings_title", left_out=data["readings_left_out"]),
    )
    opened.table(
        found["events"],
        [
            (text("warnings.col_time"), lambda row: row["recorded_at"][:16].replace("T", " ")),
            (text("warnings.col_event"), lambda row: text(f"warnings.event_{row['event']}")),
            (text("warnings.col_state"), lambda row: text(f"warnings.state_{row['state']}")),
            (text("warnings.col_severity"), lambda row: text(f"warnings.severity_{row['severity']}")),
            (text("warnings.col_actor"), lambda row: row["actor"]),
            (text("warnings.col_note"), lambda row: note_text(opened, row["note"])),
        ],
        title=text("warnings.events_title"),
    )


def note_text(opened: Door, note: str | None) -> str:
    """A note; what the program notes is a word of the catalogue."""
    key = f"warnings.note_{note}"
    return opened.text(key) if opened.catalogue.has(key) else note or ""


def _settle(context: typer.Context, warning: str, event: str, actor: str | None, note: str | None) -> None:
    from sqlalchemy.orm import Session

    from api.alerts import find_code, settle_warning

    opened = door(context)
    who = (actor or getpass.getuser()).strip()
    if not who:
        raise typer.BadParameter(opened.text("warnings.actor_empty"), param_hint="--actor")
    with Session(opened.engine) as session, session.begin():
        code = find_code(session, warning)
        settle_warning(session, code, event, actor=who, note=(note or "").strip() or None)
    opened.say(opened.text(f"warnings.done_{event}", id=code))


@app.command("acknowledge")
def acknowledge_command(
    context: typer.Context, warning: IdArgument, actor: ActorOption = None, note: NoteOption = None
) -> None:
    """Say that somebody has taken a warning up."""
    _settle(context, warning, "acknowledge", actor, note)


@app.command("close")
def close_command(
    context: typer.Context, warning: IdArgument, actor: ActorOption = None, note: NoteOption = None
) -> None:
    """Close a warning; it opens again by itself where its readings go on."""
    _settle(context, warning, "close", actor, note)


@app.command("run")
def run_command(
    context: typer.Context,
    start: Annotated[str, typer.Option("--from", help="first day, such as 2025-11-01")],
    end: Annotated[str, typer.Option("--to", help="last day")],
    region: RegionOption = None,
    section: Annotated[
        list[str] | None, typer.Option("--section", help="only these sections; repeatable")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Look at all readings of some days again; what is known already stays as it is."""
    from api.alerts import run_warnings

    opened = door(context)
    opened.refuse_files(form)
    first, last = parse_date(start, "--from"), parse_date(end, "--to")
    if last < first:
        raise typer.BadParameter(opened.text("warnings.days_reversed"), param_hint="--to")
    with opened.working(opened.text("cli.evaluating")):
        found = run_warnings(opened.engine, first, last, region=region, sections=section)
    if form is Format.JSON:
        undecided = [
            {
                "rule_id": one.rule_id,
                "section": one.section,
                "parameter": one.parameter,
                "readings": one.readings,
            }
            for one in found.undecided
        ]
        opened.write(to_json({**found.as_json(), "undecided_readings": undecided}), None)
        return
    show_counts(opened, found.as_json())


def show_counts(opened: Door, counts: Row) -> None:
    """What a look at readings changed, in one line, and what could not be decided in another."""
    by_severity = "、".join(
        f"{opened.text(f'warnings.severity_{name}')} {count}"
        for name, count in counts["by_severity"].items()
        if count
    )
    names = ("sections", "opened", "extended", "reopened", "closed", "withdrawn")
    line = opened.text("warnings.run", **{name: counts[name] for name in names})
    opened.say(f"{line} ({by_severity})" if by_severity else line)
    if counts["undecided"]:
        opened.say(opened.text("warnings.undecided", count=counts["undecided"]))
