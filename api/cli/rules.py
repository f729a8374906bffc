"""``rules list``, ``show``, ``limits`` and ``check``: the law as data, with its clauses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.door import (
    AsOfOption,
    FileFormatOption,
    OutOption,
    RegionOption,
    door,
    parse_date,
)
from api.output import Column, Row

app = typer.Typer(no_args_is_help=True, help="The law as data: list, show and check the rules.")


@app.command("list")
def list_rules(context: typer.Context, form: FileFormatOption = None, out: OutOption = None) -> None:
    """Every rule with its document, clause and title; then standards, overlays and the method."""
    from api.law import rule_rows

    opened = door(context)
    text = opened.text
    columns: list[Column] = [
        (text("cli.col_id"), lambda row: row["id"]),
        (text("law.col_kind"), lambda row: text(f"law.kind_{row['kind']}")),
        (text("cli.col_document"), lambda row: row["document_title"]),
        (text("cli.col_clause"), lambda row: row["clause"]),
        (text("cli.col_title"), lambda row: row["title"]),
        (text("cli.col_evaluator"), lambda row: row["evaluator"]),
    ]
    chosen = opened.format_of(form, out)
    opened.show(list(rule_rows(opened.catalogue.language)), columns, chosen, out)


@app.command("show")
def show_rule(
    context: typer.Context,
    rule_id: Annotated[
        str, typer.Argument(metavar="ID", help="rule, target, standard or overlay, such as CN-14-1")
    ],
) -> None:
    """One rule, target, standard or overlay, whole, with the words and sources it rests on."""
    from api.law import rule_document
    from api.output import to_json

    opened = door(context)
    opened.write(to_json(rule_document(rule_id, opened.catalogue.language)), None)


@app.command("limits")
def show_limits(
    context: typer.Context,
    region: RegionOption = None,
    as_of: AsOfOption = None,
    basin: Annotated[str | None, typer.Option("--basin", help="basin, as sections name it")] = None,
    lake: Annotated[bool, typer.Option("--lake", help="lakes and reservoirs instead of rivers")] = False,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """The limits that hold in a region on a day, each with the document it came from."""
    from api.law import limit_rows

    opened = door(context)
    text = opened.text
    day = parse_date(as_of, "--as-of")
    water_body = "lake" if lake else "river"
    rows: list[Row] = list(limit_rows(region, day, water_body, opened.catalogue.language, basin=basin))
    columns: list[Column] = [
        (text("law.col_item"), lambda row: row["name"]),
        (text("law.col_unit"), lambda row: row["unit"]),
        (
            text("law.col_limits"),
            lambda row: text(f"law.{row['direction']}", bounds=" / ".join(row["bounds"])),
        ),
        (text("cli.col_document"), lambda row: row["document"]),
        (text("cli.col_clause"), lambda row: row["clause"]),
        (text("law.col_in_force"), lambda row: row["in_force"]),
    ]
    opened.show(rows, columns, opened.format_of(form, out), out)


@app.command("check")
def check_rules(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]…",
            help="standards or overlays that are not installed yet",
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ] = None,
) -> None:
    """Load every rule file strictly, and FILEs with them, and say what was found."""
    from api.law import check_files
    from spatial.rulebook import load_rulebook
    from spatial.source_rules import load_source_rules
    from spatial.standards import load_evaluation_method, load_tailings_grades

    opened = door(context)
    rulebook = load_rulebook()
    load_evaluation_method()
    load_tailings_grades()
    load_source_rules()
    book = check_files(files or ())
    typer.echo(
        opened.text(
            "cli.rules_ok",
            rules=len(rulebook.rules),
            targets=len(rulebook.targets),
            hash=rulebook.rule_set_hash[:12],
        )
    )
    typer.echo(opened.text("law.standards_ok", editions=len(book.editions), overlays=len(book.overlays)))
