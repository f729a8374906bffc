"""How many kilometres of river each section stands for: a table of two columns.

One column names the section by its code, the other gives its length, in kilometres unless the header says
metres. Nothing is guessed: a row without a positive number, or a section with two lengths, refuses the file.
"""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from ingest.errors import ColumnClashError, LengthError, MissingColumnsError
from ingest.options import IngestOptions
from ingest.readers import read_table

_NAMES: Final = {
    "section": frozenset({"section", "sectioncode", "code", "断面编码", "断面代码", "编码", "断面"}),
    "length": frozenset(
        {"lengthkm", "riverlengthkm", "length", "riverlength", "代表河长", "河长", "河段长度", "长度"}
    ),
}
_UNITS: Final = {
    "km": Decimal(1),
    "公里": Decimal(1),
    "千米": Decimal(1),
    "m": Decimal("0.001"),
    "米": Decimal("0.001"),
}
_BRACKET: Final = re.compile(r"(?P<name>.+?)[(\[](?P<unit>[^)\]]*)[)\]]")


def read_lengths(path: Path, *, encoding: str | None = None, sheet: str | None = None) -> dict[str, Decimal]:
    """Read the length of every section in km, by section code.

    Raises
    ------
    IngestFileError
        If the file cannot be read, lacks one of the columns or has it twice, or a row is unusable.
    """
    table = read_table(path, IngestOptions(encoding=encoding, sheet=sheet), _score)
    places: dict[str, list[int]] = {"section": [], "length": []}
    factors: dict[int, Decimal] = {}
    for place, header in enumerate(table.columns):
        field, factor = _read_header(header)
        if field is not None:
            places[field].append(place)
            factors[place] = factor
    missing = [field for field, found in places.items() if not found]
    if missing:
        raise MissingColumnsError(table.file, missing, table.columns)
    for field, found in places.items():
        if len(found) > 1:
            raise ColumnClashError(table.file, field, [table.columns[place] for place in found])
    (code_place,), (length_place,) = places["section"], places["length"]
    lengths: dict[str, Decimal] = {}
    for row, code, text in zip(
        table.rows.tolist(), table.cells[code_place], table.cells[length_place], strict=True
    ):
        length = _read_length(text)
        if not code.strip() or length is None:
            raise LengthError(table.file, int(row), text if code.strip() else code)
        kilometres = length * factors[length_place]
        if lengths.setdefault(code.strip(), kilometres) != kilometres:
            raise LengthError(table.file, int(row), text)
    return lengths


def _read_length(text: str) -> Decimal | None:
    try:
        length = Decimal(unicodedata.normalize("NFKC", text).strip())
    except InvalidOperation:
        return None
    return length if length.is_finite() and length > 0 else None


def _read_header(header: str) -> tuple[str | None, Decimal]:
    """Give the field of a header and the factor to kilometres."""
    text = re.sub(r"[\s_\-*]", "", unicodedata.normalize("NFKC", header)).lower()
    bracket = _BRACKET.fullmatch(text)
    name, factor = text, Decimal(1)
    if bracket is not None and bracket["unit"] in _UNITS:
        name, factor = bracket["name"], _UNITS[bracket["unit"]]
    return next((field for field, names in _NAMES.items() if name in names), None), factor


def _score(row: Sequence[str]) -> int:
    return sum(_read_header(cell)[0] is not None for cell in row)
