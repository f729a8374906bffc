"""Sheets of a workbook as rows of text, with what the sheet hides from the eye.

python-calamine reads the cells. What it does not tell stands in the XML of an ``.xlsx``: hidden rows, cells
whose formula failed (``#DIV/0!``), formulas that nobody has computed. They must not look like empty cells.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from html import unescape
from xml.etree import ElementTree as ET

import numpy as np
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from ingest.errors import TooLargeError, UnknownFormatError
from ingest.native import guarded
from ingest.options import Limits
from ingest.packed import workbook_parts

_HIDDEN = re.compile(rb'<(?:\w+:)?row\b(?=[^>]*?\bhidden="(?:1|true)")[^>]*?\br="(\d+)"')
_FAILED = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*?\bt="e")[^>]*?\br="([A-Z]+)(\d+)"[^>]*>(?:(?!</(?:\w+:)?c>).)*?'
    rb"<(?:\w+:)?v>([^<]*)</",
    re.DOTALL,
)
_UNCOMPUTED = re.compile(
    rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*><(?:\w+:)?f\b[^>]*>([^<]*)</(?:\w+:)?f>'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"
)
_STYLED = re.compile(
    rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]+)(\d+)"[^>]*?\bs="(\d+)"[^>]*>(?:<(?:\w+:)?f\b[^>]*>[^<]*</(?:\w+:)?f>)?'
    rb"<(?:\w+:)?v>([^<]*)</"
)
_REFERENCE = rb"\br\s*=\s*[\"']\s*"
_LETTERS = re.compile(_REFERENCE + rb"([A-Za-z]+)\d")
_ROWS = re.compile(_REFERENCE + rb"[A-Za-z]*(\d+)")
_REFERENCE_SIGNS = 12
_BLANKS, _QUOTES = (9, 10, 13, 32), (34, 39)
_ROW_HEADER, _CELLS = 0, frozenset({*range(1, 12), 62})
MOST_PLACES = 30_000_000
"""Places of one sheet, empty ones included; a million rows of thirty columns."""
_NO_NUMBER = re.compile(rb'\bt="(?!n")')
_NUMBER = re.compile(r"^[<＜]?[-+]?[\d.,]+(?:[eE][-+]?\d+)?[lL]?$")
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet. `hidden_rows` and `merged_rows` are row numbers as the workbook shows them."""

    name: str
    rows: list[list[str]]
    hidden_rows: tuple[int, ...] = ()
    merged_rows: tuple[int, ...] = ()


class _NumberTexts(dict[float, str]):
    """The text of each different number, worked out once."""

    def __init__(self, as_text: Callable[[object], str]) -> None:
        super().__init__()
        self._as_text = as_text

    def __missing__(self, number: float) -> str:
        text = self[number] = self._as_text(number)
        return text


class Workbook:
    """An opened workbook. Not reused.

    Raises
    ------
    UnknownFormatError
        If it is no workbook, or broken.
    TooLargeError
        If it would unpack to more than the limits allow.

    Attributes
    ----------
    format :
        ``XLSX``, ``XLSB``, ``ODS`` or ``XLS``.
    tells_hidden :
        Whether hidden rows, and numbers that are shown in another way, can be seen in this format.
    """

    def __init__(self, file: str, data: bytes, limits: Limits) -> None:
        self.file = file
        self._parts: Mapping[str, bytes] = {}
        packed = zipfile.is_zipfile(io.BytesIO(data))
        if packed:
            self._parts = workbook_parts(file, data, limits)
            if "content.xml" in self._parts:
                _check_repeats(file, self._parts["content.xml"])
        try:
            with guarded(file):
                self._book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        except (CalamineError, OSError, zipfile.BadZipFile) as error:
            raise UnknownFormatError(file, str(error)) from error
        self.names = list(self._book.sheet_names)
        self.tells_hidden = "xl/workbook.xml" in self._parts
        self.format = (
            "XLSX"
            if self.tells_hidden
            else "XLSB"
            if "xl/workbook.bin" in self._parts
            else "ODS"
            if packed
            else "XLS"
        )
        self.hidden = {
            sheet.name
            for sheet in self._book.sheets_metadata
            if sheet.visible is not SheetVisibleEnum.Visible
        }
        self.date_1904 = (
            re.search(rb'date1904="(?:1|true)"', self._parts.get("xl/workbook.xml", b"")) is not None
        )
        self._paths = self._sheet_paths()
        self._formats = _shown_otherwise(self._parts.get("xl/styles.xml", b""))

    def read(self, name: str, as_text: Callable[[object], str]) -> Sheet:
        """The cells of one sheet as text; merged cells carry their value in each of their places."""
        xml = self._parts.get(self._paths.get(name, ""), b"")
        self._check_extent(_extent(xml))
        if self.format == "XLSB":
            for path, part in self._parts.items():
                if path.startswith("xl/worksheets/"):
                    self._check_extent(_binary_extent(part))
        try:
            with guarded(self.file):
                sheet = self._book.get_sheet_by_name(name)
                cells = sheet.to_python(skip_empty_area=False)
                merged = sheet.merged_cell_ranges or []
        except (CalamineError, OSError) as error:
            raise UnknownFormatError(self.file, str(error)) from error
        numbers = _NumberTexts(as_text)
        rows = [
            [
                cell if type(cell) is str else numbers[cell] if type(cell) is float else as_text(cell)
                for cell in row
            ]
            for row in cells
        ]
        hidden: tuple[int, ...] = ()
        if b'hidden="' in xml:
            hidden = tuple(int(found[1]) for found in _HIDDEN.finditer(xml))
        self._restore(rows, xml)
        filled = self._fill_merged(rows, merged)
        return Sheet(name, rows, hidden, filled)

    def _check_extent(self, extent: tuple[int, int]) -> None:
        """Refuse a sheet whose farthest cells span more places than memory holds.

        calamine makes a place of each of them, filled or not: one stray cell in the last corner of a sheet
        is a matter of gigabytes.
        """
        columns, rows = extent
        if columns * rows > MOST_PLACES:
            raise TooLargeError(self.file, "cells", MOST_PLACES, columns * rows)

    def _restore(self, rows: list[list[str]], xml: bytes) -> None:
        """Put failed and uncomputed formulas back into the cells that calamine leaves empty."""
        found = []
        if self._formats:
            self._show(rows, xml)
        if b't="e"' in xml:
            found += [(match[1], match[2], unescape(match[3].decode())) for match in _FAILED.finditer(xml)]
        if b"<f" in xml or b":f" in xml:
            found += [
                (match[1], match[2], "=" + unescape(match[3].decode())) for match in _UNCOMPUTED.finditer(xml)
            ]
        for letters, number, text in found:
            row, column = int(number) - 1, _column(letters)
            if row < len(rows) and column < len(rows[row]) and not rows[row][column]:
                rows[row][column] = text

    def _show(self, rows: list[list[str]], xml: bytes) -> None:
        """Write shares and padded codes as the sheet shows them: 0.85 as ``85%``, 7 as ``007``."""
        for match in _STYLED.finditer(xml):
            shown = self._formats.get(int(match[3]))
            if shown is None or _NO_NUMBER.search(match[0].partition(b">")[0]):
                continue
            row, column = int(match[2]) - 1, _column(match[1])
            if row < len(rows) and column < len(rows[row]) and (text := _shown(match[4].decode(), shown)):
                rows[row][column] = text

    def _fill_merged(
        self, rows: list[list[str]], merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
    ) -> tuple[int, ...]:
        """A merged cell holds for each of its places; a number over several columns for the first only."""
        budget = 10_000 + 4 * sum(map(len, rows))
        starts: list[int] = []
        for (top, left), (bottom, right) in merged:
            if top >= len(rows) or left >= len(rows[top]) or not (value := rows[top][left]):
                continue
            last = min(bottom, len(rows) - 1)
            width = min(right, len(rows[top]) - 1) if not _NUMBER.match(value) else left
            budget -= (last - top + 1) * (width - left + 1)
            if budget < 0:
                raise TooLargeError(self.file, "merged cells", 4 * sum(map(len, rows)), -budget)
            for row in range(top, last + 1):
                rows[row][left : width + 1] = [value] * (width - left + 1)
            if last > top:
                starts.append(top + 1)
        return tuple(starts)

    def _sheet_paths(self) -> dict[str, str]:
        """The part of each sheet, by the sheet's name."""
        try:
            book = ET.fromstring(self._parts["xl/workbook.xml"])  # noqa: S314 - expat expands no entity here
            links = ET.fromstring(self._parts["xl/_rels/workbook.xml.rels"])  # noqa: S314 - as above
        except (KeyError, ET.ParseError):
            return {}  # .xls, .xlsb, .ods: no such parts
        targets = {link.get("Id"): link.get("Target", "") for link in links}
        return {
            str(sheet.get("name")): posixpath.normpath(
                posixpath.join("/xl", targets.get(sheet.get(_REL), ""))
            ).lstrip("/")
            for sheet in book.iter()
            if sheet.tag.endswith("}sheet")
        }


def _extent(xml: bytes) -> tuple[int, int]:
    """The last column and the last row that any reference of a sheet names, each at least 1."""
    signs = np.frombuffer(xml, dtype=np.uint8)
    if len(signs) < 2 * _REFERENCE_SIGNS:
        return 1, 1
    equals = np.flatnonzero(signs == ord("="))
    equals = equals[(equals > 1) & (equals < len(signs) - _REFERENCE_SIGNS - 2)]
    before, after = signs[equals - 1], signs[equals + 1]
    if np.isin(before, _BLANKS).any() or np.isin(after, _BLANKS).any():  # no programme writes it like that
        columns = max((_column(found.upper()) + 1 for found in set(_LETTERS.findall(xml))), default=1)
        return columns, max((int(found) for found in set(_ROWS.findall(xml))), default=1)
    # Whole names only: every sheet has an xmlns:r="http:…", which is no cell in the column HTTP.
    named = (before == ord("r")) & np.isin(signs[equals - 2], _BLANKS)
    starts = equals[named & np.isin(after, _QUOTES)] + 2
    across = np.zeros(len(starts), dtype=np.int64)
    down = np.zeros(len(starts), dtype=np.int64)
    open_ = np.ones(len(starts), dtype=bool)
    for place in range(_REFERENCE_SIGNS):
        sign = signs[starts + place].astype(np.int64)
        upper = sign & ~0x20
        letter = open_ & (upper >= ord("A")) & (upper <= ord("Z")) & (down == 0)
        digit = open_ & (sign >= ord("0")) & (sign <= ord("9"))
        across = np.where(letter, across * 26 + upper - 64, across)
        down = np.where(digit, down * 10 + sign - 48, down)
        open_ &= letter | digit
    down = np.where(down > 0, down, 1)
    return max(int(across.max(initial=1)), 1), int(down.max(initial=1))


def _binary_extent(part: bytes) -> tuple[int, int]:
    """The last column and the last row that any cell of a binary sheet stands in, each at least 1.

    [MS-XLSB] 2.1.4: records of a number and a length, seven bits a byte; a row header begins with the row, a
    cell with its column.
    """
    columns = rows = 1
    row = place = 0
    while place < len(part):
        kind, place = _seven_bits(part, place, 2)
        size, place = _seven_bits(part, place, 4)
        if kind == _ROW_HEADER:
            row = int.from_bytes(part[place : place + 4], "little")
        elif kind in _CELLS:
            columns = max(columns, int.from_bytes(part[place : place + 4], "little") + 1)
            rows = max(rows, row + 1)
        place += size
    return columns, rows


def _seven_bits(part: bytes, place: int, most: int) -> tuple[int, int]:
    """A number of up to `most` bytes, low bits first, and the place behind it."""
    number = 0
    for shift in range(most):
        if place >= len(part):
            break
        byte = part[place]
        place += 1
        number |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            break
    return number, place


def _check_repeats(file: str, content: bytes) -> None:
    """Refuse an OpenDocument table whose repeated rows and cells span more places than memory holds.

    Raises
    ------
    TooLargeError
        If they do.
    """
    rows = width = 0
    try:
        for _, node in ET.iterparse(io.BytesIO(content)):  # noqa: S314 - expat expands no entity here
            if node.tag == f"{_TABLE}table":
                rows = width = 0
            if node.tag != f"{_TABLE}table-row":
                continue
            filled = place = 0
            for cell in node:
                place += _repeat(cell, "columns")
                if len(cell) or any("value" in name for name in cell.attrib):
                    filled = place
            rows += _repeat(node, "rows") if filled else 0
            width = max(width, filled)
            if rows * width > MOST_PLACES:
                raise TooLargeError(file, "cells", MOST_PLACES, rows * width)
            node.clear()
    except ET.ParseError:
        return  # calamine says what is wrong with it


def _repeat(node: ET.Element, of: str) -> int:
    """How often a row or a cell stands for itself."""
    text = node.get(f"{_TABLE}number-{of}-repeated", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else MOST_PLACES


def _shown_otherwise(styles: bytes) -> dict[int, str]:
    """Styles of cells whose number is not what is shown: ``%``, or the zeros of a padded code, by style."""
    if not styles:
        return {}
    try:
        root = ET.fromstring(styles)  # noqa: S314 - expat expands no entity here
    except ET.ParseError:
        return {}  # calamine reads the cells without it
    space = root.tag.partition("}")[0] + "}"
    codes = {"9": "0%", "10": "0.00%"}
    codes |= {str(item.get("numFmtId")): item.get("formatCode", "") for item in root.iter(f"{space}numFmt")}
    found: dict[int, str] = {}
    for group in root.iter(f"{space}cellXfs"):
        for place, style in enumerate(group):
            code = re.sub(r'"[^"]*"|\\.', "", codes.get(str(style.get("numFmtId")), ""))
            if "%" in code:
                found[place] = "%"
            elif re.fullmatch(r"0{2,}", code):
                found[place] = code
    return found


def _shown(number: str, shown: str) -> str | None:
    """The number as its format shows it; None where it is no number, or has no such form."""
    try:
        value = Decimal(number)
    except InvalidOperation:
        return None
    if shown == "%":
        return f"{Decimal(f'{value * 100:.15g}').normalize():f}%"
    whole = value == value.to_integral_value() and value >= 0
    return str(int(value)).zfill(len(shown)) if whole else None


def _column(letters: bytes) -> int:
    """Place of a column from 0: A is 0, AA is 26."""
    place = 0
    for letter in letters.decode():
        place = place * 26 + ord(letter) - 64
    return place - 1
