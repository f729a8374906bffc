"""``assess --explain``: the whole chain of one section, from its readings to its verdict."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from api.cli.door import Door
from api.explaining import Block, Document, explain, explanation_blocks, reading_rows
from api.jobs import assessment_settings, rules_in_use
from api.output import Format, Row, to_json
from spatial.period import Period


def explain_assessment(
    opened: Door,
    code: str,
    period: Period,
    form: Format,
    out: Path | None,
    *,
    use_suspect: bool | None = None,
) -> None:
    """Explain one section: words for people, the document as JSON, its readings in the other formats."""
    with opened.working(opened.text("cli.evaluating")):
        settings = assessment_settings(rules_in_use(use_suspect))
        document = explain(opened.engine, code, period, settings)
    if form is Format.JSON:
        opened.write(to_json(document), out)
    elif form is Format.TABLE and out is None:
        show_explanation(opened, document)
    else:
        opened.show(list[Row](reading_rows(document)), [], form, out)


def show_explanation(opened: Door, document: Document) -> None:
    """Print an explanation block by block; colours only on a terminal."""
    for place, block in enumerate(explanation_blocks(document, opened.catalogue)):
        if place:
            opened.out.print()
        opened.out.print(Text(block.title, style="bold"))
        print_lines(opened, block.lines)
        if block.columns:
            opened.out.print(table_of(block))
        print_lines(opened, block.after)


def print_lines(opened: Door, lines: list[str]) -> None:
    """Lines of text as they are, wrapped at the width of a terminal."""
    for line in lines:
        opened.out.print(line, markup=False, highlight=False, soft_wrap=not opened.out.is_terminal)


def table_of(block: Block) -> Table:
    """The table of a block."""
    table = Table(header_style="bold")
    for heading in block.columns:
        table.add_column(heading, overflow="fold")
    for row in block.rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
