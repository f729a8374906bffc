"""A table in the shape that its kind is read in: no totals, a mapping applied, date and clock joined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ingest.errors import OptionError
from ingest.headers import MappedColumn, Names, count_known, match_header
from ingest.mapping import apply_mapping, load_mapping
from ingest.options import IngestOptions
from ingest.readers import HeaderScore, RawTable, note_short_rows, without_headers, without_totals
from ingest.times import fold_time

_CLOCK = re.compile(
    r"^(?:[上下]午)?\d{1,2}(?::\d{1,2}(?::\d{1,2}(?:\.\d+)?)?(?:[ap]m)?|[时点](?:\d{1,2}分?)?(?:\d{1,2}秒)?)$"
)
_MIDNIGHT = re.compile(r"[ T]00:00(?::00(?:\.0+)?)?$")
_MISSING = frozenset({"", "-", "--", "—", "*", "/"})


def header_score(options: IngestOptions, names: Names, kind: str) -> HeaderScore:
    """How many cells of a row are names of columns: ours, those of the mapping, those that the caller names.

    Raises
    ------
    OptionError
        If there is no such mapping, or it says something that cannot be.
    """
    score: HeaderScore = lambda row: count_known(row, names)  # noqa: E731 - one of two measures
    if options.mapping is not None:
        score = load_mapping(options.mapping, kind).score
    stated = frozenset(header.strip() for header in options.columns.values())
    if not stated:
        return score
    return lambda row: score(row) + sum(cell.strip() in stated for cell in row)


def named_column(field: str, header: str, mapped: Sequence[MappedColumn]) -> MappedColumn:
    """The one column of this header, which the caller says to be `field`.

    Raises
    ------
    OptionError
        If the file has no such column, or several.
    """
    found = [column for column in mapped if column.header.strip() == header.strip()]
    if len(found) != 1:
        headers = ", ".join(column.header for column in mapped if column.header.strip())
        raise OptionError("--column", f"{field}={header}", headers)
    return found[0]


def arrange(table: RawTable, options: IngestOptions, names: Names, kind: str) -> RawTable:
    """The table with our columns: lines of no data passed over, a mapping applied, date and clock joined.

    Raises
    ------
    MissingColumnsError
        If the file lacks a column that the mapping reads.
    OptionError
        If there is no such mapping, or it says something that cannot be.
    """
    if table.geometry is None:
        table = without_totals(without_headers(note_short_rows(table)))
    if options.mapping is not None:
        return apply_mapping(table, load_mapping(options.mapping, kind))
    return join_date_and_clock(table, names)


def join_date_and_clock(table: RawTable, names: Names) -> RawTable:
    """Make one time of a column of dates and a column of clock times; other tables are left as they are."""
    times = [
        place
        for place, header in enumerate(table.columns)
        if header and match_header(header, names)[0] == "sampled_at"
    ]
    if len(times) != 2:
        return table
    clocks = [place for place in times if _is_clock(table.cells[place])]
    if len(clocks) != 1:
        return table
    (clock,) = clocks
    (day,) = (place for place in times if place != clock)
    cells = list(table.cells)
    cells[day] = [_moment(date, at) for date, at in zip(cells[day], cells[clock], strict=True)]
    kept = [place for place in range(len(table.columns)) if place != clock]
    return replace(
        table,
        columns=tuple(table.columns[place] for place in kept),
        cells=tuple(cells[place] for place in kept),
        origin=(table, np.arange(len(table), dtype=np.int64)),
    )


def _is_clock(cells: Sequence[str]) -> bool:
    """Whether a column holds times of day, and nothing else."""
    filled = {folded for cell in set(cells) if (folded := fold_time(cell).replace(" ", "")) not in _MISSING}
    return bool(filled) and all(_CLOCK.match(cell) for cell in filled)


def _moment(day: str, clock: str) -> str:
    """Date and clock in one text; a date without a clock stands alone."""
    if day.strip() in _MISSING or clock.strip() in _MISSING:
        return day
    return f"{_MIDNIGHT.sub('', day.strip())} {clock.strip()}"
