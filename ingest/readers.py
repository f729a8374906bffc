"""Files become tables of text: CSV/TSV, XLSX/XLS, JSON, GeoJSON, GeoPackage, Shapefile, (Geo)Parquet.

Nothing is interpreted here. A cell is the text that stands in the file (``0.05L`` and ``007`` survive); one
that the file itself types (a number or a date of a workbook) becomes the text that a person sees there.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import math
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, Self, TextIO

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from ingest.errors import (
    EmptyFileError,
    ExampleOnlyError,
    FileMissingError,
    LockedFileError,
    MismatchedFormatError,
    MixedEncodingsError,
    NoTableError,
    OptionError,
    SheetError,
    TooLargeError,
    UnknownFormatError,
    UnsupportedEndingError,
    WrongEncodingError,
)
from ingest.feed import feed_table, is_feed
from ingest.layout import find_header, total_places
from ingest.options import IngestOptions, Limits
from ingest.packed import BROKEN, check_archive, unpacked
from ingest.report import Notice
from ingest.spreadsheets import REASON, restored
from ingest.workbooks import Sheet, Workbook

HeaderScore = Callable[[Sequence[str]], int]
"""How many cells of a row are names of columns that the caller knows."""

TITLE_ROWS = 20
"""A header stands within this many rows; what stands above it are titles."""

DELIMITERS = (",", "\t", ";", "|", "，", "；")

EXAMPLE_SHEET, GUIDE_SHEET = "填写示例 Example", "填写说明 Guide"
"""Sheets that our own templates carry for people; they are read only when `--sheet` names them."""

EXAMPLE_MARKS = ("示例（内容虚构）", "Example (made up)")
"""What stands above the example of a template of ours, whatever its sheet is called."""

_TEXT_ENDINGS = {".csv", ".tsv", ".txt"}
_WORKBOOK_ENDINGS = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_JSON_ENDINGS = {".json", ".geojson"}
_LAYER_ENDINGS = {".gpkg", ".shp"}
_PARQUET_ENDINGS = {".parquet", ".geoparquet"}
ENDINGS = tuple(
    sorted(
        _TEXT_ENDINGS
        | _WORKBOOK_ENDINGS
        | _JSON_ENDINGS
        | _LAYER_ENDINGS
        | _PARQUET_ENDINGS
        | {".zip", ".gz"}
    )
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell of a table: the row's position, its column, and a problem's code."""

    position: int
    column: str | None
    value: str | None
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as the file has it.

    Attributes
    ----------
    file :
        Name of the file, without its folder.
    sheet :
        Sheet or layer that was read, None where the format has none.
    columns :
        Headers as written, in file order; they may repeat or be empty.
    cells :
        One list of texts per column, in file order; an empty cell is ``""``.
    rows :
        Row number of each row as a person sees it: lines of a table with the header in row 1 (titles above
        the header count); features of a map layer counted from 1, for they have no header row.
    geometry :
        shapely geometries (2D) or None per row; None where the format carries no geometry column.
    crs :
        What the file declares (WKT or an authority code); None where it declares nothing.
    overlong :
        Rows with more cells than the header: (position, the cells beyond).
    short :
        Positions of rows with fewer cells than the header.
    bad_geometry :
        Positions of rows whose geometry is no geometry.
    notices :
        What the reader saw and a person should know: lines of totals passed over, hidden rows …
    faults :
        What is wrong with single cells already, for instance after a mapping.
    fields :
        Field of each column where a mapping has said it; None: the headers say it.
    date_1904 :
        Whether bare day numbers count from 1904 (a workbook of the early Macintosh).
    origin :
        The file's own table and the place of each row in it, where this one was made of it.
    """

    file: str
    sheet: str | None
    columns: tuple[str, ...]
    cells: tuple[list[str], ...]
    rows: NDArray[np.int64]
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    overlong: tuple[tuple[int, tuple[str, ...]], ...] = ()
    short: tuple[int, ...] = ()
    bad_geometry: tuple[int, ...] = ()
    sheets_ignored: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    faults: tuple[Fault, ...] = ()
    fields: tuple[str | None, ...] | None = None
    date_1904: bool = False
    origin: tuple[RawTable, NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def row_cells(self, position: int) -> dict[str, str]:
        """The row's own cells by header; a repeated header gets its place behind it."""
        if self.origin is not None:
            table, places = self.origin
            return table.row_cells(int(places[position]))
        named: dict[str, str] = {}
        for place, (column, values) in enumerate(zip(self.columns, self.cells, strict=True), start=1):
            named[column if column and column not in named else f"{column}#{place}"] = values[position]
        return named


def read_table(path: Path, options: IngestOptions, header_score: HeaderScore) -> RawTable:
    """Read one file into a table of text.

    The format is taken from the name's ending (``.gz`` and a ``.zip`` of one file are looked into).

    Raises
    ------
    IngestFileError
        If the file is missing, too large, empty, in no known format or encoding, or has no such sheet.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FileMissingError(path.name, error.strerror or str(error)) from error
    if not path.is_file():
        raise FileMissingError(path.name, "not a file")
    if size > options.limits.file_bytes:
        raise TooLargeError(path.name, "bytes", options.limits.file_bytes, size)
    ending = path.suffix.lower()
    if ending in _LAYER_ENDINGS:
        return _read_layer(path.name, path, options)
    if ending == ".zip" and _zip_holds_shapefile(path, options.limits):
        return _read_layer(path.name, f"/vsizip/{path.resolve()}", options)
    name, data = unpacked(path, options.limits)
    ending = Path(name).suffix.lower()
    if ending in _TEXT_ENDINGS or ending in _WORKBOOK_ENDINGS:
        table = _read_by_content(path.name, ending, data, options, header_score)
    elif ending in _JSON_ENDINGS:
        table = _read_json(path.name, data, options)
    elif ending in _PARQUET_ENDINGS:
        table = _read_parquet(path.name, data)
    elif ending == ".gpkg":
        table = _read_layer(path.name, data, options)
    else:
        raise UnsupportedEndingError(path.name, ending, ENDINGS)
    return _checked_size(table, options.limits)


def _checked_size(table: RawTable, limits: Limits) -> RawTable:
    if len(table.columns) > limits.columns:
        raise TooLargeError(table.file, "columns", limits.columns, len(table.columns))
    if len(table) > limits.rows:
        raise TooLargeError(table.file, "rows", limits.rows, len(table))
    if not len(table):
        raise EmptyFileError(table.file)
    return table


# -- packed files ----------------------------------------------------------------------------------------


def _zip_holds_shapefile(path: Path, limits: Limits) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(path.name, archive, path.stat().st_size, limits.unpacked_bytes, limits)
            return any(name.lower().endswith(".shp") for name in archive.namelist())
    except BROKEN as error:
        raise UnknownFormatError(path.name, str(error)) from error


# -- what a file really is -------------------------------------------------------------------------------

_ZIP, _COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_SHEETS = (b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")
"""First record of the workbooks from before there were compound files."""
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_STRANGERS = (
    (b"%pdf", "PDF"),
    (b"{\\rtf", "RTF"),
    (b"rar!", "RAR"),
    (b"7z\xbc\xaf", "7Z"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<table", "HTML"),
    (b"<meta", "HTML"),
    (b"<?xml", "XML"),
)


def is_workbook(start: bytes) -> bool:
    """Whether a file begins as workbooks do, whatever its name is."""
    return start.startswith((_ZIP, _COMPOUND))


def _read_by_content(
    file: str, ending: str, data: bytes, options: IngestOptions, header_score: HeaderScore
) -> RawTable:
    """Read text as text and workbooks as workbooks, also where the name says the other; that is told."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, content in _STRANGERS:
        if start.startswith(mark):
            raise MismatchedFormatError(file, content, ending)
    if data.startswith(_COMPOUND) and _LOCKED in data:
        raise LockedFileError(file)
    book = is_workbook(data) or (ending in _WORKBOOK_ENDINGS and data.startswith(_OLD_SHEETS))
    if book == (ending in _WORKBOOK_ENDINGS):
        read = _read_workbook if book else _read_text
        return read(file, data, options, header_score)
    if book:
        table = _read_workbook(file, data, options, header_score)
    else:
        try:
            table = _read_text(file, data, options, header_score)
        except (WrongEncodingError, UnknownFormatError) as error:
            raise NoTableError(file) from error
        if header_score(table.columns) == 0:
            raise NoTableError(file)
    params = {"ending": ending, "content": "XLS/XLSX" if book else "CSV/TXT"}
    return replace(table, notices=(*table.notices, Notice("format_by_content", params)))


# -- text ------------------------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(file: str, data: bytes, encoding: str | None) -> str:
    """Return the text of `data`: in `encoding` where one is named, else by BOM, UTF-8, GB18030.

    Raises
    ------
    WrongEncodingError
        If the bytes are no text in it. Nothing is replaced or dropped.
    OptionError
        If there is no encoding of that name.
    """
    if encoding is not None:
        try:
            codecs.lookup(encoding)
            text = data.decode(encoding)
        except UnicodeError as error:
            raise WrongEncodingError(file, encoding, getattr(error, "start", 0)) from error
        except (LookupError, ValueError) as error:  # unknown, or no name at all (NUL)
            raise OptionError("--encoding", encoding, "utf-8, gb18030, gbk, utf-16 …") from error
        return text.removeprefix("\ufeff")
    for mark, name in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name)
            except UnicodeError as error:
                raise WrongEncodingError(file, name, getattr(error, "start", 0)) from error
    if (wide := _unmarked_utf16(data)) is not None:
        try:
            return data.decode(wide)
        except UnicodeError as error:
            raise WrongEncodingError(file, wide, getattr(error, "start", 0)) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
    if (line := utf8_line(data)) is not None:
        raise MixedEncodingsError(file, line)
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        raise WrongEncodingError(file, "UTF-8, GB18030", max(position, error.start)) from error


_UTF8_WORD = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){2}")


def utf8_line(data: bytes) -> int | None:
    """Number of the first line that is Chinese in UTF-8, among others that are GB18030; None: there is none.

    Two Chinese characters in a row are looked for and then the whole line must be UTF-8: as GB18030 it would
    be text too, in other words. Where a line is neither, the file is of some third kind.
    """
    end = -1
    for match in _UTF8_WORD.finditer(data):
        if match.start() < end:
            continue
        start = data.rfind(b"\n", 0, match.start()) + 1
        end = data.find(b"\n", match.end())
        end = len(data) if end < 0 else end
        try:
            data[start:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        mixed = all(_is_text(line) for line in data.split(b"\n"))
        return data.count(b"\n", 0, start) + 1 if mixed else None
    return None


def _is_text(line: bytes) -> bool:
    for encoding in ("utf-8", "gb18030"):
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


_UTF16_SAMPLE, _UTF16_ZEROS, _UTF16_ASCII_ZEROS = 1 << 16, 0.02, 0.4
"""Of digits, commas and line ends every second byte is zero: of what is nothing else, nearly half of all."""


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: zeros in one half of the bytes, and lines of cells if it is read so.

    Zeros in the other half say nothing: 一 is U+4E00.
    """
    sample = data[:_UTF16_SAMPLE]
    if len(data) % 2 or b"\x00" not in sample:
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        least = _UTF16_ASCII_ZEROS  # ASCII as UTF-16, or UTF-8 with a few stray NULs
    except UnicodeDecodeError:
        least = _UTF16_ZEROS
    for name, half in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        text = sample.decode(name, errors="ignore")
        is_table = "\x00" not in text and "\n" in text and any(mark in text for mark in DELIMITERS)
        if is_table and half.count(0) >= least * len(half):
            return name
    return None


def _read_text(file: str, data: bytes, options: IngestOptions, header_score: HeaderScore) -> RawTable:
    text = decode(file, data, options.encoding)
    if "\x00" in text:
        raise NoTableError(file)
    if text.lstrip(' "\t\r\n').startswith(EXAMPLE_MARKS):
        raise ExampleOnlyError(file)
    delimiter = _sniff_delimiter(text, header_score)
    rows = _csv_rows(file, io.StringIO(text, newline=""), delimiter, options.limits)
    return _table_of_rows(file, None, rows, header_score)


def _sniff_delimiter(text: str, header_score: HeaderScore) -> str:
    """The delimiter under which the most headers are known, then the one with the most cells."""
    head = "".join(itertools.islice(io.StringIO(text, newline=""), 3 * TITLE_ROWS))

    def merit(delimiter: str) -> tuple[int, int]:
        try:
            rows = list(
                itertools.islice(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), TITLE_ROWS)
            )
        except csv.Error:
            return (-1, -1)
        return (max(map(header_score, rows), default=0), max(map(len, rows), default=0))

    return max(DELIMITERS, key=merit)


def _csv_rows(file: str, stream: TextIO, delimiter: str, limits: Limits) -> Iterator[list[str]]:
    csv.field_size_limit(limits.cell_characters)
    # Strict: a quote that is never closed would swallow the rows behind it.
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    try:
        for number, row in enumerate(reader, start=1):
            if number > limits.rows + TITLE_ROWS:
                raise TooLargeError(file, "rows", limits.rows, number)
            yield row
    except csv.Error as error:
        raise UnknownFormatError(file, f"line {reader.line_num}: {error}") from error


def _table_of_rows(
    file: str, sheet: str | None, rows: Iterable[Sequence[str]], header_score: HeaderScore
) -> RawTable:
    """Find the header, drop empty rows, and remember the number of every row that is left."""
    numbered = ((number, row) for number, row in enumerate(rows, start=1) if any(map(str.strip, row)))
    head = list(itertools.islice(numbered, TITLE_ROWS))
    if not head:
        raise EmptyFileError(file)
    found = find_header([row for _, row in head], header_score)
    place, header = found.place + found.lines - 1, list(found.names)
    while header and not header[-1].strip():
        header.pop()
    width = len(header)
    cells: tuple[list[str], ...] = tuple([] for _ in range(width))
    numbers: list[int] = []
    overlong: list[tuple[int, tuple[str, ...]]] = []
    short: list[int] = []
    kept: list[Sequence[str]] = []
    for number, row in itertools.chain(head[place + 1 :], numbered):
        if len(row) != width:
            beyond = tuple(cell for cell in row[width:] if cell.strip())
            if beyond:
                overlong.append((len(numbers), beyond))
            if len(row) < width and sheet is None:
                short.append(len(numbers))
            row = [*row[:width], *[""] * (width - len(row))]  # noqa: PLW2901 - the padded row replaces it
        numbers.append(number)
        kept.append(row)
    if kept:
        cells = tuple(list(column) for column in zip(*kept, strict=True))
    if REASON in header:  # the rows that a load gave back, corrected
        header = [restored(name) for name in header]
        cells = tuple([restored(cell) for cell in column] for column in cells)
    return RawTable(
        file=file,
        sheet=sheet,
        columns=tuple(header),
        cells=cells,
        rows=np.asarray(numbers, dtype=np.int64),
        overlong=tuple(overlong),
        short=tuple(short),
    )


_LISTED = 12


def listed_rows(rows: Iterable[int]) -> str:
    """Row numbers for a message: the first dozen of them."""
    numbers = [str(row) for row in rows]
    return ", ".join(numbers[:_LISTED]) + ("…" if len(numbers) > _LISTED else "")


def without_totals(table: RawTable) -> RawTable:
    """Pass over the lines of totals, and say so: a mean over sections is no reading of one."""
    places = total_places(table.cells)
    if not places:
        return table
    params = {"count": len(places), "rows": listed_rows(table.rows[places].tolist())}
    keep = np.ones(len(table), dtype=bool)
    keep[places] = False
    kept = select_rows(table, np.flatnonzero(keep))
    return replace(kept, notices=(*table.notices, Notice("total_rows_skipped", params)))


def note_short_rows(table: RawTable) -> RawTable:
    """Say which rows have fewer cells than the header: a file that was cut off looks like that."""
    if not table.short:
        return table
    params = {"count": len(table.short), "rows": listed_rows(table.rows[list(table.short)].tolist())}
    return replace(table, notices=(*table.notices, Notice("rows_short", params)))


def without_headers(table: RawTable) -> RawTable:
    """Pass over rows that repeat the header, and say so: pages of a report, files put one behind another."""
    named = [place for place, column in enumerate(table.columns) if column.strip()]
    if not named:
        return table
    first = table.columns[named[0]]
    places = [
        row
        for row, cell in enumerate(table.cells[named[0]])
        if cell.endswith(first)
        and all(table.cells[place][row].strip("\ufeff ") == table.columns[place].strip() for place in named)
    ]
    if not places:
        return table
    params = {"count": len(places), "rows": listed_rows(table.rows[places].tolist())}
    kept = select_rows(table, np.setdiff1d(np.arange(len(table)), places))
    return replace(kept, notices=(*table.notices, Notice("header_rows_skipped", params)))


def select_rows(table: RawTable, places: NDArray[np.int64]) -> RawTable:
    """The table with these rows only, in this order; each keeps its number."""
    moved = {int(place): position for position, place in enumerate(places)}
    chosen = places.tolist()
    return replace(
        table,
        cells=tuple([column[place] for place in chosen] for column in table.cells),
        rows=table.rows[places],
        geometry=None if table.geometry is None else table.geometry[places],
        overlong=tuple((moved[place], extra) for place, extra in table.overlong if place in moved),
        short=tuple(moved[place] for place in table.short if place in moved),
        bad_geometry=tuple(moved[place] for place in table.bad_geometry if place in moved),
        faults=tuple(
            replace(fault, position=moved[fault.position])
            for fault in table.faults
            if fault.position in moved
        ),
        origin=None if table.origin is None else (table.origin[0], table.origin[1][places]),
    )


# -- workbooks -------------------------------------------------------------------------------------------


SHEET_ROWS = 2_000_000
"""Rows of a second sheet read with the first are numbered from here on, of the third from twice this."""


_NOT_DATA = re.compile(r"示例|样例|范例|说明|须知|example|guide|instruction|read ?me", re.IGNORECASE)
"""Sheets for people; where a workbook has others, these are read only when `--sheet` names them."""


def _read_workbook(file: str, data: bytes, options: IngestOptions, header_score: HeaderScore) -> RawTable:
    """The sheet that was named; else every visible sheet of data, where all of them have the same columns."""
    book = Workbook(file, data, options.limits)
    names: Sequence[str] = _wanted_sheets(file, book.names, options.sheet)
    others: list[str] = []
    if options.sheet is None:
        aside = {EXAMPLE_SHEET, GUIDE_SHEET, *book.hidden}
        names = [name for name in names if name not in aside]
        names = [name for name in names if not _NOT_DATA.search(name)] or names
        others = [name for name in book.names if name not in names and name not in aside]
    sheets = [sheet for name in names if (sheet := book.read(name, cell_text)).rows]
    if options.sheet is None:
        examples = [sheet.name for sheet in sheets if _is_example(sheet)]
        if examples and len(examples) == len(sheets):
            raise ExampleOnlyError(file)
        sheets = [sheet for sheet in sheets if sheet.name not in examples]
        others += examples
    if not sheets:
        raise EmptyFileError(file)
    chosen = sheets
    if len(sheets) > 1:
        known = [sheet for sheet in sheets if _knows_header(sheet, header_score)]
        chosen = known or sheets[:1]
    tables = [_table_of_sheet(file, sheet, header_score) for sheet in chosen]
    if len(tables) > 1:
        tables = [table for table in tables if len(table)] or tables[:1]
    if len({frozenset(table.columns) for table in tables}) > 1 or any(
        len(set(table.columns)) < len(table.columns) for table in tables[1:]
    ):
        raise SheetError("sheet_ambiguous", file, "", [str(table.sheet) for table in tables])
    read = {table.sheet for table in tables}
    hidden = [name for name in book.names if name in book.hidden and name not in read]
    ignored = (*(sheet.name for sheet in sheets if sheet.name not in read), *others)
    notices: tuple[Notice, ...] = ()
    if hidden and options.sheet is None:
        notices = (Notice("sheets_hidden", {"sheets": ", ".join(hidden)}),)
    if not book.tells_hidden:
        notices = (*notices, Notice("hidden_rows_unseen", {"format": book.format}))
    table = _joined_sheets(tables)
    return replace(
        table, sheets_ignored=ignored, notices=(*table.notices, *notices), date_1904=book.date_1904
    )


def _is_example(sheet: Sheet) -> bool:
    """Whether the banner of a template's example stands above the sheet."""
    first = next((cell for row in sheet.rows[:TITLE_ROWS] for cell in row if cell.strip()), "")
    return first.strip().startswith(EXAMPLE_MARKS)


def _knows_header(sheet: Sheet, header_score: HeaderScore) -> bool:
    head = [row for row in sheet.rows if any(map(str.strip, row))][:TITLE_ROWS]
    return bool(head) and header_score(find_header(head, header_score).names) > 1


def _table_of_sheet(file: str, sheet: Sheet, header_score: HeaderScore) -> RawTable:
    table = _table_of_rows(file, sheet.name, sheet.rows, header_score)
    rows = set(table.rows.tolist())
    notices: list[Notice] = []
    for code, numbers in (("hidden_rows", sheet.hidden_rows), ("merged_cells_filled", sheet.merged_rows)):
        of_data = [number for number in numbers if number in rows]
        if of_data:
            params = {"sheet": sheet.name, "count": len(of_data), "rows": listed_rows(sorted(set(of_data)))}
            notices.append(Notice(code, params))
    return replace(table, notices=(*table.notices, *notices))


def _joined_sheets(tables: Sequence[RawTable]) -> RawTable:
    """Sheets of the same columns under one another; rows of the later ones get numbers of their own."""
    first = tables[0]
    if len(tables) == 1:
        return first
    cells: list[list[str]] = [list(column) for column in first.cells]
    rows = [first.rows]
    overlong = list(first.overlong)
    notices = list(first.notices)
    for number, table in enumerate(tables[1:], start=1):
        so_far = len(cells[0])
        places = {column: place for place, column in enumerate(table.columns)}
        for column, own in zip(first.columns, cells, strict=True):
            own.extend(table.cells[places[column]])
        rows.append(table.rows + number * SHEET_ROWS)
        overlong.extend((so_far + place, extra) for place, extra in table.overlong)
        notices.extend(table.notices)
    names = [f"{table.sheet}" for table in tables]
    starts = ", ".join(f"{name}: {place * SHEET_ROWS}+" for place, name in enumerate(names) if place)
    notices.append(Notice("sheets_joined", {"sheets": ", ".join(names), "starts": starts}))
    return replace(
        first,
        sheet=", ".join(names),
        cells=tuple(cells),
        rows=np.concatenate(rows),
        overlong=tuple(overlong),
        notices=tuple(notices),
    )


def _wanted_sheets(file: str, names: Sequence[str], wanted: str | None) -> Sequence[str]:
    if wanted is None:
        return names
    if wanted in names:
        return (wanted,)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return (names[int(wanted) - 1],)
    raise SheetError("sheet_missing", file, wanted, names)


_EXCEL_DIGITS = 15
"""A workbook keeps and shows 15 significant digits; more of them are noise of the binary number."""


def cell_text(value: object) -> str:
    """Return the text of a typed cell as a person reads it: 15 digits for numbers, ISO for dates."""
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return _number_text(float(value))
    if isinstance(value, pd.Timestamp | datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, list | tuple | dict | np.ndarray):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _number_text(value: float) -> str:
    if math.isnan(value):
        return ""
    if value.is_integer() and abs(value) < 10**_EXCEL_DIGITS:
        return str(int(value))
    return str(Decimal(f"{value:.{_EXCEL_DIGITS}g}")) if math.isfinite(value) else str(value)


# -- JSON ------------------------------------------------------------------------------------------------


class _NumberText(float):
    """A JSON number that remembers how it was written, so that 0.10 stays 0.10."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _read_json(file: str, data: bytes, options: IngestOptions) -> RawTable:
    text = decode(file, data, options.encoding)
    try:
        document = json.loads(text, parse_float=_NumberText, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnknownFormatError(file, f"no JSON: {error}") from error
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        return _read_features(file, document)
    if isinstance(document, dict) and document.get("type") == "Feature":
        return _read_features(file, {**document, "type": "FeatureCollection", "features": [document]})
    if is_feed(document):
        return _read_feed(file, document)
    if isinstance(document, list) and all(isinstance(item, dict) for item in document):
        columns, cells = _columns_of(document)
        rows = np.arange(1, len(document) + 1, dtype=np.int64)
        return RawTable(file=file, sheet=None, columns=columns, cells=cells, rows=rows)
    raise UnknownFormatError(file, "neither a GeoJSON FeatureCollection nor a list of objects")


def _read_feed(file: str, document: dict[str, Any]) -> RawTable:
    columns, rows, records = feed_table(document)
    width = len(columns)
    overlong = tuple(
        (place, tuple(row[width:])) for place, row in enumerate(rows) if any(map(str.strip, row[width:]))
    )
    notices: tuple[Notice, ...] = ()
    if records is not None and records != len(rows):
        notices = (Notice("feed_records_differ", {"records": records, "count": len(rows)}),)
    return RawTable(
        file=file,
        sheet=None,
        columns=columns,
        cells=tuple([_json_text(row[place]) for row in rows] for place in range(width)),
        rows=np.arange(1, len(rows) + 1, dtype=np.int64),
        overlong=overlong,
        notices=notices,
    )


def _read_features(file: str, document: dict[str, Any]) -> RawTable:
    features = document.get("features")
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        raise UnknownFormatError(file, "a FeatureCollection without a list of features")
    columns, cells = _columns_of([feature.get("properties") or {} for feature in features])
    geometry = np.full(len(features), None, dtype=object)
    bad: list[int] = []
    for place, feature in enumerate(features):
        if feature.get("geometry") is None:
            continue
        try:
            geometry[place] = _plane_geometry(feature["geometry"])
        except (
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            RecursionError,
            shapely.errors.ShapelyError,
        ):
            bad.append(place)
    return RawTable(
        file=file,
        sheet=None,
        columns=columns,
        cells=cells,
        rows=np.arange(1, len(features) + 1, dtype=np.int64),
        geometry=geometry,
        crs=_declared_crs(file, document.get("crs")),
        bad_geometry=tuple(bad),
    )


def _columns_of(objects: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[list[str], ...]]:
    names = dict.fromkeys(itertools.chain.from_iterable(objects))
    cells = tuple([_json_text(item.get(name)) for item in objects] for name in names)
    return tuple(_json_text(name) for name in names), cells


def _json_text(value: object) -> str:
    """A JSON value as text; what no file or database can hold (NUL, half a surrogate pair) becomes U+FFFD."""
    if isinstance(value, _NumberText):
        return value.text
    text = cell_text(value).replace("\x00", "\ufffd")
    return text if text.isprintable() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plane_geometry(geometry: dict[str, Any]) -> shapely.Geometry:
    """A GeoJSON geometry in the plane: heights, and nulls that some exporters put behind them, are left."""
    if geometry["type"] == "GeometryCollection":
        return shapely.GeometryCollection([_plane_geometry(part) for part in geometry["geometries"]])
    shape = shapely.geometry.shape({"type": geometry["type"], "coordinates": _plane(geometry["coordinates"])})
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise ValueError("coordinates must be finite")
    return shape


def _plane(coordinates: Any) -> Any:
    if coordinates and isinstance(coordinates[0], int | float):
        return (float(coordinates[0]), float(coordinates[1]))
    return [_plane(part) for part in coordinates]


def _declared_crs(file: str, declared: object) -> str | None:
    """The system in the ``crs`` member (before RFC 7946), by name or EPSG code; without one it is WGS 84."""
    if declared is None:
        return "OGC:CRS84"
    if isinstance(declared, dict) and isinstance(declared.get("properties"), dict):
        properties = declared["properties"]
        if properties.get("name"):
            return str(properties["name"])
        if str(declared.get("type", "")).upper() == "EPSG" and properties.get("code"):  # GeoServer's old form
            return f"EPSG:{properties['code']}"
    raise UnknownFormatError(file, "a crs member without a name")


# -- map layers and Parquet ------------------------------------------------------------------------------


def _read_layer(file: str, source: Path | str | bytes, options: IngestOptions) -> RawTable:
    """GeoPackage and (zipped) Shapefile; a Shapefile without ``.cpg`` is UTF-8 or else GB18030."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's remarks; what it cannot read it raises
            names = [str(row[0]) for row in pyogrio.list_layers(source)]
            layer = _wanted_sheets(file, names, options.sheet)
            if len(layer) > 1:
                raise SheetError("sheet_ambiguous", file, "", names)
            frame = _read_frame(source, layer[0] if layer else None, options.encoding)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise UnknownFormatError(file, str(error)) from error
    except UnicodeDecodeError as error:
        raise WrongEncodingError(file, options.encoding or "UTF-8, GB18030", error.start) from error
    return _checked_size(_table_of_frame(file, layer[0], frame), options.limits)


def _read_frame(source: Path | str | bytes, layer: str | None, encoding: str | None) -> pd.DataFrame:
    stated = isinstance(source, bytes) or (
        isinstance(source, Path) and (source.suffix.lower() == ".gpkg" or source.with_suffix(".cpg").exists())
    )
    frame: pd.DataFrame
    if stated or encoding is not None:
        frame = pyogrio.read_dataframe(source, layer=layer, encoding=encoding)
        return frame
    try:
        frame = pyogrio.read_dataframe(source, layer=layer, encoding="UTF-8")
    except UnicodeDecodeError:
        frame = pyogrio.read_dataframe(source, layer=layer, encoding="GB18030")
    return frame


def _read_parquet(file: str, data: bytes) -> RawTable:
    try:
        frame: pd.DataFrame = gpd.read_parquet(io.BytesIO(data))
    except ValueError:  # no geo metadata: a plain Parquet file
        try:
            frame = pd.read_parquet(io.BytesIO(data))
        except (ValueError, OSError) as error:
            raise UnknownFormatError(file, str(error)) from error
    except OSError as error:
        raise UnknownFormatError(file, str(error)) from error
    return _table_of_frame(file, None, frame)


def _table_of_frame(file: str, sheet: str | None, frame: pd.DataFrame) -> RawTable:
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    if isinstance(frame, gpd.GeoDataFrame):
        geometry = shapely.force_2d(np.asarray(frame.geometry.array, dtype=object))
        crs = None if frame.crs is None else frame.crs.to_wkt()
        frame = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    cells = tuple([cell_text(value) for value in frame.iloc[:, place]] for place in range(frame.shape[1]))
    return RawTable(
        file=file,
        sheet=sheet,
        columns=tuple(map(str, frame.columns)),
        cells=cells,
        rows=np.arange(1, len(frame) + 1, dtype=np.int64),
        geometry=geometry,
        crs=crs,
    )
