"""``evaluate``, ``assess`` and ``scoreboard``: verdicts on the screen or in a file."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.catalogue import Language
from api.cli.door import (
    AsOfOption,
    Door,
    FileFormatOption,
    OutOption,
    PeriodOption,
    RegionOption,
    door,
    parse_date,
)
from api.output import Column, Format, Row
from api.wording import (
    class_words,
    decimal_text,
    distance_text,
    item_list,
    item_name,
    measured_text,
    pollutant_list,
    reason_list,
    reason_text,
    share_text,
    threshold_text,
)
from spatial.vocabulary import SectionLevel

TABLE_ROWS = 60

SuspectOption = Annotated[
    bool | None,
    typer.Option(
        "--use-suspect/--no-use-suspect",
        help="whether readings that quality control calls suspect enter; default: the setting of the rules",
    ),
]


LevelOption = Annotated[
    SectionLevel | None,
    typer.Option("--level", help="only sections of this network: national, provincial, municipal or county"),
]


class Grouping(StrEnum):
    """What an assessment speaks of."""

    SECTION = "section"
    RIVER = "river"
    LAKE = "lake"
    BASIN = "basin"
    REGION = "region"
    NATION = "nation"


def evaluate_command(
    context: typer.Context,
    as_of: AsOfOption = None,
    region: RegionOption = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="only this rule; may be repeated")] = None,
    form: FileFormatOption = None,
    out: OutOption = None,
    use_suspect: SuspectOption = None,
) -> None:
    """Run the rules as of a date, store the run, print the findings."""
    from api.jobs import run_evaluation

    opened = door(context)
    chosen = opened.format_of(form, out)
    day = parse_date(as_of, "--as-of")
    with opened.working(opened.text("cli.evaluating")):
        result = run_evaluation(
            opened.engine, day, region=region, rule_ids=rule or None, use_suspect=use_suspect
        )
    show_findings(opened, list(result.findings), chosen, out, day.isoformat())


def show_findings(opened: Door, findings: list[Row], form: Format, out: Any, as_of: str) -> None:
    """Findings for a person (violations first; on the screen bounded) or for a program (all)."""
    if form is not Format.TABLE:
        opened.show(findings, [], form, out)
        return
    order = {"violation": 0, "undetermined": 1, "compliant": 2}
    ranked = sorted(findings, key=lambda row: order[row["verdict"]])
    if out is None:
        list_findings(opened, ranked, as_of)
    else:
        title = opened.text("cli.findings_title", as_of=as_of)
        opened.table(ranked, finding_columns(opened), title=title, out=out)
    opened.say(finding_counts(opened, findings))


def list_findings(opened: Door, findings: list[Row], as_of: str) -> None:
    """A table of findings, up to a screenful; how many more there are is said."""
    title = opened.text("cli.findings_title", as_of=as_of)
    opened.table(findings[:TABLE_ROWS], finding_columns(opened), title=title)
    if len(findings) > TABLE_ROWS:
        opened.say(opened.text("cli.more_rows", count=len(findings) - TABLE_ROWS))


def finding_counts(opened: Door, findings: list[Row]) -> str:
    """One line that counts the verdicts."""
    counts = Counter(row["verdict"] for row in findings)
    return opened.text(
        "cli.finding_counts",
        total=len(findings),
        **{name: counts[name] for name in ("violation", "compliant", "undetermined")},
    )


def finding_columns(opened: Door) -> list[Column]:
    """Columns of the findings table."""
    text = opened.text
    return [
        (text("cli.col_verdict"), lambda row: text(f"states.{row['verdict']}")),
        (text("cli.col_rule"), lambda row: row["rule_id"]),
        (text("cli.col_subject"), lambda row: f"{row['subject_code']} {row['subject_name'] or ''}".strip()),
        (text("cli.col_region"), lambda row: row["region_code"]),
        (text("cli.col_measured"), distance_text),
        (text("cli.col_deadline"), lambda row: row["deadline"]),
        (text("cli.col_reason"), lambda row: reason_text(opened.catalogue, row)),
    ]


def assess_command(
    context: typer.Context,
    period: PeriodOption,
    by: Annotated[
        Grouping, typer.Option("--by", help="section, river, lake, basin, region or nation")
    ] = Grouping.SECTION,
    level: LevelOption = None,
    region: RegionOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="SECTION", help="one section: the chain from readings to verdict"),
    ] = None,
    use_suspect: SuspectOption = None,
    specific_items: Annotated[
        bool | None,
        typer.Option(
            "--specific-items/--no-specific-items",
            help="also judge thallium and antimony of sections against Table 3; default: the setting (off)",
        ),
    ] = None,
    by_length: Annotated[
        bool,
        typer.Option(
            "--by-length", help="groups: also the shares by the river length that each section stands for"
        ),
    ] = False,
    section: Annotated[str | None, typer.Option("--section", help="only this section")] = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history", help="with --section: every stored assessment, and who changed what and why"
        ),
    ] = False,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="with --history: only what was stored by this moment")
    ] = None,
) -> None:
    """Assess water quality over a period."""
    from api.errors import NotKnownError
    from api.jobs import assess
    from api.specific_items import is_asked, section_rows
    from spatial.assessment import SectionAssessment
    from spatial.period import parse_period

    opened = door(context)
    chosen = opened.format_of(form, out)
    parsed = parse_period(period)
    if by_length and by is Grouping.SECTION:
        message = "lengths weigh groups: add --by river, basin, region or nation"
        raise typer.BadParameter(message, param_hint="--by-length")
    if (history or known_at is not None) and (section is None or not history):
        message = opened.text("history.section_needed")
        raise typer.BadParameter(message, param_hint="--section")
    if section is not None and by is not Grouping.SECTION:
        raise typer.BadParameter(opened.text("history.by_section"), param_hint="--section")
    if history and section is not None:
        from api.cli.history import show_history
        from api.cli.warnings import parse_moment

        show_history(opened, section, parsed, parse_moment(known_at, "--known-at"), chosen, out)
        return
    if explain is not None:
        from api.cli.explain import explain_assessment

        explain_assessment(opened, explain, parsed, chosen, out, use_suspect=use_suspect)
        return
    with opened.working(opened.text("cli.evaluating")):
        assessed = assess(
            opened.engine,
            parsed,
            by.value,
            region=region,
            level=None if level is None else level.value,
            by_length=by_length,
            use_suspect=use_suspect,
        )
        rows: list[Row] = [item.as_json() for item in assessed]
        if by is Grouping.SECTION:
            sections = [item for item in assessed if isinstance(item, SectionAssessment)]
            sections = [item for item in sections if section is None or item.code == section]
            if section is not None and not sections:
                raise NotKnownError("section", section)
            rows = list(section_rows(sections, parsed.end, asked=specific_items))
    columns = _assessment_columns(opened, by, by_length=by_length)
    if by is Grouping.SECTION and is_asked(specific_items):
        language = opened.catalogue.language
        columns.append((opened.text("sources.col_specific"), lambda row: _specific_text(row, language)))
        opened.say(opened.text("sources.specific_note"))
    opened.show(rows, columns, chosen, out)


def _specific_text(row: Row, language: Language) -> str:
    """Thallium and antimony beside their limits of Table 3: met, over, or open."""
    signs = {"compliant": "≤", "undetermined": "?", "violation": ">"}
    shown = (
        f"{item_name(item['parameter'], language)} {signs[item['verdict']]} {item['limit']}"
        for item in row["specific_items"]
    )
    return ("、" if language is Language.CHINESE else ", ").join(shown)


def _assessment_columns(opened: Door, by: Grouping, *, by_length: bool) -> list[Column]:
    text, language = opened.text, opened.catalogue.language
    name: list[Column] = [
        (text("cli.col_code"), lambda row: row["code"]),
        (text("cli.col_name"), lambda row: group_name(opened, row)),
    ]
    grade: Column = (
        text("cli.col_grade"),
        lambda row: text(f"states.grade_{row['grade']}") if row["grade"] else "—",
    )
    if by is Grouping.SECTION:
        return [
            *name,
            (text("cli.col_samples"), lambda row: row["samples"]),
            (text("cli.col_class"), lambda row: class_words(row["class"], language)),
            (
                text("cli.col_target"),
                lambda row: "" if row["target_class"] is None else class_words(row["target_class"], language),
            ),
            (text("cli.col_verdict"), lambda row: text(f"states.{row['verdict']}") if row["verdict"] else ""),
            (text("cli.col_limiting"), lambda row: _limiting_text(opened, row)),
            (text("cli.col_main"), lambda row: pollutant_list(row["main_pollutants"], language)),
            grade,
            (text("cli.col_reason"), lambda row: reasons_text(opened, row)),
        ]
    return [
        *name,
        (text("cli.col_sections"), lambda row: row["sections"]),
        (text("cli.col_share_1_3"), lambda row: share_text(row, "share_1_3")),
        (text("cli.col_share_inferior"), lambda row: share_text(row, "share_inferior")),
        (text("cli.col_class"), lambda row: class_words(row["class"], language) if row["class"] else ""),
        grade,
        *([_trophic_column(opened)] if by is Grouping.LAKE else []),
        *([_length_column(opened)] if by_length else []),
        (
            text("cli.col_main"),
            lambda row: item_list((item["code"] for item in row["main_pollutants"]), language),
        ),
        (text("cli.col_reason"), lambda row: reasons_text(opened, row)),
    ]


def _limiting_text(opened: Door, row: Row) -> str:
    """What decides the class; of class Ⅰ every item does, so none is named."""
    return "" if row["class"] == 1 else item_list(row["limiting"], opened.catalogue.language)


def reasons_text(opened: Door, row: Row) -> str:
    """Why there is no result; empty where there is one."""
    return reason_list(opened.catalogue, row["reasons"])


def _length_column(opened: Door) -> Column:
    def show(row: Row) -> str:
        found = row["length_weighted"]
        kilometres = f"{found['share_1_3_numerator']:g}/{found['share_1_3_denominator']:g} km"
        return f"{decimal_text(found['share_1_3'], 1)} ({kilometres})"

    return opened.text("comparisons.col_share_by_length"), show


def _trophic_column(opened: Door) -> Column:
    def show(row: Row) -> str:
        found = row["trophic"]
        if found is None:
            return "—"
        return f"{decimal_text(found['tli'], 1)} {opened.text('comparisons.trophic_' + found['state'])}"

    return opened.text("comparisons.col_trophic"), show


def group_name(opened: Door, row: Row) -> str | None:
    """Name of a section or group as a person reads it."""
    return opened.text("comparisons.nation") if row["level"] == "nation" else row["name"]


def scoreboard_command(
    context: typer.Context,
    region: RegionOption = None,
    as_of: AsOfOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Every quantified target of the plans: target, measured, verdict, evidence."""
    from api.jobs import score

    opened = door(context)
    chosen = opened.format_of(form, out)
    day = parse_date(as_of, "--as-of")
    with opened.working(opened.text("cli.evaluating")):
        rows: list[Row] = [item.as_json() for item in score(opened.engine, day, region=region)]
    if chosen is Format.TABLE:
        show_scoreboard(opened, rows, day.isoformat(), every=True, out=out)
    else:
        opened.show(rows, [], chosen, out)


def show_scoreboard(
    opened: Door, rows: list[Row], as_of: str, *, every: bool, out: Path | None = None
) -> None:
    """The scoreboard for a person; not `every`: only the targets that have a computed or reported answer."""
    shown = [row for row in rows if every or row["verdict"] != "undetermined" or row["denominator"]]
    text = opened.text
    columns: list[Column] = [
        (text("cli.col_target"), lambda row: row["target_id"]),
        (
            text("cli.col_subject"),
            lambda row: row["evidence"].get("quote") or f"{row['subject']}: {row['metric']}",
        ),
        (text("cli.col_threshold"), threshold_text),
        (text("cli.col_measured"), measured_text),
        (text("cli.col_deadline"), lambda row: row["deadline"]),
        (text("cli.col_verdict"), lambda row: text(f"states.{row['verdict']}")),
        (text("cli.col_reason"), lambda row: reason_text(opened.catalogue, row)),
    ]
    opened.table(shown, columns, title=text("cli.scoreboard_title", as_of=as_of), out=out)
    counts = Counter(row["verdict"] for row in rows)
    opened.say(
        text(
            "cli.target_counts",
            total=len(rows),
            **{name: counts[name] for name in ("met", "on_track", "missed", "undetermined")},
        )
    )
