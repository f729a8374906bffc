"""Which column means what: headers as people write them → the contract's field names.

The names stand in ``data/header_synonyms.csv`` (scope, field, synonym): scope ``*`` holds for every kind of
file, ``parameter`` for measured parameters, any other for one kind; ``运行状态`` is a station's in readings
and a pond's in a pond list. A header is compared after NFKC, without spaces and brackets of units; the unit
is kept. Symbols of elements are compared with their case (``Co`` is cobalt, ``CO`` is not); words without.
"""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ingest.units import is_unit

ANY, PARAMETER, READINGS = "*", "parameter", "readings"
IGNORED = "ignored"
"""Field of columns that are known and hold nothing that is loaded (a compliance verdict of the sender …)."""

_FULL_VALUE = re.compile(r"^(?:原始值|未修约值|full_value|unrounded)[_:\-—:]+(?P<rest>.+)$", re.IGNORECASE)
_BRACKET = re.compile(r"^(?P<base>.+?)[(\[【〔<](?P<inside>[^()\[\]【】〔〕<>]*)[)\]】〕>]$")
_SEPARATED = re.compile(r"^(?P<base>.+?)[/_,，、:](?P<unit>[^()]+)$")
_NOTE = re.compile(
    r"^(?:湖、?库,?)?以[A-Za-z0-9+\-^]+计$|^as[A-Z0-9]+$|^(?:必填|选填|可选|required|optional|yyyy-?mm-?dd|日期|"
    r"是/否|十进制|wgs-?84|cgcs2000|2000国家大地坐标系?)$",
    re.IGNORECASE,
)
_NEAR = 0.65


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """One column of the file. `field` is None where nothing is known about it."""

    position: int
    header: str
    field: str | None
    parameter: bool = False
    full: bool = False
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What may stand in a header of one kind of file: folded words, and symbols with their case."""

    words: Mapping[str, str]
    symbols: Mapping[str, str]
    parameters: frozenset[str]

    def field_of(self, name: str) -> str | None:
        """The field of a name without any unit, or None."""
        return self.symbols.get(_squeeze(name)) or self.words.get(_fold(name))


def _squeeze(text: str) -> str:
    """NFKC, Greek alpha as ``a``, no white space, no marks of obligation."""
    squeezed = "".join(unicodedata.normalize("NFKC", text).split()).replace("α", "a").replace("Α", "A")
    return squeezed.strip("*#:").replace("\ufeff", "")


def _fold(text: str) -> str:
    return re.sub(r"[_\-]", "", _squeeze(text)).casefold()


def _is_symbol(synonym: str) -> bool:
    """Element symbols and the short codes of that shape: Cu, B, SD, EC, F-."""
    return synonym.isascii() and len(synonym.rstrip("+-")) <= 2


@cache
def synonyms() -> tuple[tuple[str, str, str], ...]:
    """The table of names: (scope, field, synonym)."""
    text = (files("ingest") / "data" / "header_synonyms.csv").read_text(encoding="utf-8")
    return tuple((row["scope"], row["field"], row["synonym"]) for row in csv.DictReader(text.splitlines()))


@cache
def names_of(kind: str, fields: tuple[str, ...], parameters: tuple[str, ...] = ()) -> Names:
    """Everything that a header of `kind` may say.

    The kind's own names win over those for every kind; English field names are always among them.
    """
    words: dict[str, str] = {}
    symbols: dict[str, str] = {}
    known = frozenset(parameters)
    for scope in (PARAMETER, ANY, kind) if known else (ANY, kind):
        for row_scope, field, synonym in synonyms():
            if row_scope != scope or (scope == PARAMETER and field not in known):
                continue
            (symbols if scope == PARAMETER and _is_symbol(synonym) else words)[
                _squeeze(synonym) if scope == PARAMETER and _is_symbol(synonym) else _fold(synonym)
            ] = field
    for code in parameters:
        (symbols if _is_symbol(code) else words)[code if _is_symbol(code) else _fold(code)] = code
    words.update({_fold(field): field for field in fields})
    return Names(words, symbols, known)


def match_header(header: str, names: Names) -> tuple[str | None, str | None]:
    """Return (field, unit as written) of one header; (None, None) where nothing fits.

    The whole text is tried first, so that ``铬(六价)`` is no chromium in the unit 六价. Then a unit or a note
    in brackets, or a unit after a slash, is taken off. For a parameter an unreadable bracket is returned as
    its unit, so that it is refused and not overlooked.
    """
    text = _squeeze(header)
    if not text:
        return None, None
    if (field := names.field_of(text)) is not None:
        return field, None
    if (bracket := _BRACKET.match(text)) is not None:
        field, unit = match_header(bracket["base"], names)
        if field is None:
            return None, None
        inside = bracket["inside"]
        if is_unit(inside):
            return field, inside
        if not inside or _NOTE.match(inside) or names.field_of(inside) == field:
            return field, unit
        return field, inside if field in names.parameters else unit
    parts = re.split(r"([/_,，、:])", text)
    for cut in range(1, len(parts), 2):
        base, unit_text = "".join(parts[:cut]), "".join(parts[cut + 1 :])
        if is_unit(unit_text) and (field := names.field_of(base)) is not None:
            return field, unit_text
    return None, None


def unit_in_header(header: str) -> str | None:
    """The unit that a header states, whatever the rest of it says: in its last bracket, or behind a mark."""
    text = _squeeze(header)
    if (bracket := _BRACKET.match(text)) is not None:
        return bracket["inside"] if is_unit(bracket["inside"]) else unit_in_header(bracket["base"])
    parts = re.split(r"([/_,，、:])", text)
    tails = ("".join(parts[cut + 1 :]) for cut in range(1, len(parts), 2))
    return next((tail for tail in tails if is_unit(tail)), None)


def map_headers(
    columns: Sequence[str], names: Names, fields: Sequence[str | None] | None = None
) -> list[MappedColumn]:
    """Say of every column what it is: `fields` where a mapping has said it, else by its header.

    Repeated fields are the caller's to refuse.
    """
    if fields is not None:
        return [
            MappedColumn(position, header, field, field in names.parameters)
            for position, (header, field) in enumerate(zip(columns, fields, strict=True))
        ]
    mapped: list[MappedColumn] = []
    for position, header in enumerate(columns):
        full = _FULL_VALUE.match(_squeeze(header)) if names.parameters else None
        field, unit = match_header(full["rest"] if full else header, names)
        parameter = field in names.parameters
        if full and not parameter:
            field, unit, full = None, None, None
        mapped.append(MappedColumn(position, header, field, parameter, full is not None, unit))
    return mapped


def count_known(row: Sequence[str], names: Names) -> int:
    """How many cells of a row are known headers: the measure by which a header row is found."""
    return sum(1 for cell in row if cell and len(cell) < 64 and match_header(cell, names)[0] is not None)


def near_miss(header: str, names: Names) -> str | None:
    """The known name that an unknown header is probably a slip of, or None."""
    text = _fold(header)
    bracket = _BRACKET.match(text)
    close = difflib.get_close_matches(
        bracket["base"] if bracket else text, list(names.words), n=1, cutoff=_NEAR
    )
    return names.words[close[0]] if close else None
