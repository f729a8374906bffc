"""The national feed's own JSON: ``thead`` and ``tbody`` with cells of HTML.

A cell shows the rounded value and carries the unrounded one (原始值) in the ``title`` of a span; the name of
the section carries its city and its river there (domain notes 4.2). Each becomes a column of its own, named
as the converted files of the same publisher name them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

FULL_VALUE = "原始值"
SECTION = "断面名称"
BESIDE_SECTION = ("所在地市", "所属河流")

_TAG = re.compile(r"<[^>]*>")
_TITLE = re.compile(r"<[a-z]+\b[^>]*?\btitle\s*=\s*(?:'([^']*)'|\"([^\"]*)\")", re.IGNORECASE)
_FACT = re.compile(r"^\s*(?P<name>[^:：]+?)\s*[:：]\s*(?P<value>.*?)\s*$")


def is_feed(document: object) -> bool:
    """Whether a JSON document has the feed's shape: a header and rows of as many cells."""
    if not isinstance(document, dict):
        return False
    head, body = document.get("thead"), document.get("tbody")
    return (
        isinstance(head, list)
        and isinstance(body, list)
        and bool(head)
        and all(isinstance(row, list) for row in body)
    )


def feed_table(document: Mapping[str, Any]) -> tuple[tuple[str, ...], list[list[str]], int | None]:
    """Columns, rows of text, and how many rows the document says it has (None where it says nothing).

    The columns are the feed's own, then its unrounded values, then city and river. Rows keep their order and
    their length: one with too many or too few cells is for the caller to report.
    """
    head = [shown_text(name) for name in document["thead"]]
    body: Sequence[Sequence[object]] = document["tbody"]
    facts = [[title_facts(cell) for cell in row] for row in body]
    full = [
        place
        for place in range(len(head))
        if any(place < len(row) and FULL_VALUE in row[place] for row in facts)
    ]
    section = head.index(SECTION) if SECTION in head else -1
    columns = [*head, *(f"{FULL_VALUE}_{head[place]}" for place in full), *BESIDE_SECTION]
    rows: list[list[str]] = []
    for cells, said in zip(body, facts, strict=True):
        shown = [shown_text(cell) for cell in cells]
        own = shown[: len(head)] + [""] * (len(head) - len(shown))
        unrounded = [said[place].get(FULL_VALUE, "") if place < len(said) else "" for place in full]
        beside = said[section] if 0 <= section < len(said) else {}
        rows.append(
            [*own, *unrounded, *(beside.get(name, "") for name in BESIDE_SECTION), *shown[len(head) :]]
        )
    records = document.get("records")
    return tuple(columns), rows, records if type(records) is int else None


def shown_text(cell: object) -> str:
    """What a person sees in a cell of HTML."""
    if cell is None:
        return ""
    text = str(cell)
    return html.unescape(_TAG.sub("", text)).strip() if "<" in text or "&" in text else text.strip()


def title_facts(cell: object) -> dict[str, str]:
    """The facts in the title of a cell, by name: ``原始值``, ``所在地市``, ``所属河流``."""
    if not isinstance(cell, str) or "title" not in cell:
        return {}
    match = _TITLE.search(cell)
    if match is None:
        return {}
    lines = html.unescape(match[1] if match[1] is not None else match[2]).splitlines()
    return {found["name"]: found["value"] for line in lines if (found := _FACT.match(line)) is not None}
