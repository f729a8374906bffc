"""Texts on their way into a spreadsheet and back: what it would run travels behind an apostrophe.

``=cmd|' /C calc'!A0`` in a rejected row must do nothing on the clerk's machine, and mean the same when the
corrected rows come back. Numbers and the dashes of missing values are no formulas and stay as they are.
Source: OWASP, "CSV Injection"; the full-width signs are taken for the others by spreadsheets in Chinese.
"""

from __future__ import annotations

import re

REASON = "原因"
"""Header of the column that says why a row was refused: by it our own file of rejects is known again."""

_STARTS = "=+-@\t\r＝＋－＠"
_HARMLESS = re.compile(r"^[-+－＋](?:[\d.,]+(?:[eE][-+]?\d+)?[lL]?|[-－]*)$")
_RESTORED = re.compile(rf"^'(?=[{re.escape(_STARTS)}'])")


def defused(text: str) -> str:
    """The text as a cell that no spreadsheet runs; `restored` undoes it."""
    dangerous = text[:1] in _STARTS and text != "" and not _HARMLESS.match(text)
    # A text that looks as if this had been done to it has it done, so that it can be undone.
    return f"'{text}" if dangerous or _RESTORED.match(text) else text


def restored(text: str) -> str:
    """The text that `defused`, or the same rule of the other doors, made safe."""
    return _RESTORED.sub("", text, count=1)
