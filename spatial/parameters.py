"""Water-quality parameters: their codes, names, units and the widest range a measurement can have.

The registry is data (``rules/parameters.csv``) in a fixed order: the items of GB 3838-2002 in the
order of its tables, then the rest. `gross_min` and `gross_max` are the bounds of gross errors, in
the parameter's unit: a value outside cannot be a measurement of water, whatever the water.
"""

import csv
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from io import StringIO
from types import MappingProxyType

from spatial.errors import RuleFileError, UnitError, UnknownParameterError

_FILE = "parameters.csv"
_COLUMNS = ("code", "name_zh", "name_en", "symbol", "unit", "gross_min", "gross_max", "listed_in")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that is measured in water. `order` is its place in the registry, from 0."""

    code: str
    name_zh: str
    name_en: str
    symbol: str
    unit: str
    gross_min: Decimal
    gross_max: Decimal
    listed_in: str
    order: int

    def is_plausible(self, value: Decimal) -> bool:
        """Tell whether a value in the parameter's unit can be a measurement at all, bounds included."""
        return self.gross_min <= value <= self.gross_max


# Factor to the base unit of each dimension. Decimal on purpose: 0.3 mg/L stays 0.3 mg/L.
_MASS_PER_VOLUME = "mg/L"
_UNITS: Mapping[str, tuple[str, Decimal]] = MappingProxyType(
    {
        "mg/L": (_MASS_PER_VOLUME, Decimal(1)),
        "g/m³": (_MASS_PER_VOLUME, Decimal(1)),
        "g/L": (_MASS_PER_VOLUME, Decimal(1000)),
        "μg/L": (_MASS_PER_VOLUME, Decimal("0.001")),
        "mg/m³": (_MASS_PER_VOLUME, Decimal("0.001")),
        "ng/L": (_MASS_PER_VOLUME, Decimal("0.000001")),
        "m": ("m", Decimal(1)),
        "dm": ("m", Decimal("0.1")),
        "cm": ("m", Decimal("0.01")),
        "mm": ("m", Decimal("0.001")),
        "μS/cm": ("μS/cm", Decimal(1)),
        "mS/cm": ("μS/cm", Decimal(1000)),
        "mS/m": ("μS/cm", Decimal(10)),
        "S/m": ("μS/cm", Decimal(10000)),
        "count/L": ("count/L", Decimal(1)),
        "count/100mL": ("count/L", Decimal(10)),
        "count/mL": ("count/L", Decimal(1000)),
        "cells/L": ("cells/L", Decimal(1)),
        "cells/mL": ("cells/L", Decimal(1000)),
        "NTU": ("NTU", Decimal(1)),
        "FNU": ("FNU", Decimal(1)),  # another lamp than that of NTU (ISO 7027): no factor leads there
        "%": ("%", Decimal(1)),
        "°C": ("°C", Decimal(1)),
        "dimensionless": ("dimensionless", Decimal(1)),
        "m3/s": ("m3/s", Decimal(1)),
        "L/s": ("m3/s", Decimal("0.001")),
        "km2": ("km2", Decimal(1)),
        "ha": ("km2", Decimal("0.01")),
        "m2": ("km2", Decimal("0.000001")),
    },
)

# Spellings met in files, after NFKC, lower case and without spaces; GB 3838 counts coliforms per litre and
# the trade uses MPN, CFU and 个 for the same count.
_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {unicodedata.normalize("NFKC", unit).lower(): unit for unit in _UNITS}
    | {
        "ug/l": "μg/L",
        "毫克/升": "mg/L",
        "微克/升": "μg/L",
        "us/cm": "μS/cm",
        "℃": "°C",
        "c": "°C",
        "degc": "°C",
        "无量纲": "dimensionless",
        "ph": "dimensionless",
        "米": "m",
        "厘米": "cm",
        "个/l": "count/L",
        "mpn/l": "count/L",
        "cfu/l": "count/L",
        "个/100ml": "count/100mL",
        "mpn/100ml": "count/100mL",
        "cfu/100ml": "count/100mL",
        "个/ml": "count/mL",
        "mpn/ml": "count/mL",
        "cfu/ml": "count/mL",
        "cell/l": "cells/L",
        "cell/ml": "cells/mL",
        "度": "NTU",
        "m^3/s": "m3/s",
        "km^2": "km2",
        "平方公里": "km2",
        "平方千米": "km2",
        "公顷": "ha",
        "m^2": "m2",
        "平方米": "m2",
    },
)


def normalize_unit(text: str) -> str | None:
    """Give the registry's spelling of a unit, or None for a text that is no unit known here."""
    key = unicodedata.normalize("NFKC", text).lower().replace(" ", "").replace("\u00b5", "\u03bc")
    return _SPELLINGS.get(key)


KNOWN_UNITS: frozenset[str] = frozenset(_UNITS)


def convert_unit(value: Decimal, unit: str, to_unit: str, *, code: str = "value") -> Decimal:
    """Convert exactly between two units of one dimension.

    Raises
    ------
    UnitError
        If either unit is unknown, or they measure different things. `code` names the parameter in the error.
    """
    source, wanted = normalize_unit(unit), normalize_unit(to_unit)
    if source is None or wanted is None or _UNITS[source][0] != _UNITS[wanted][0]:
        raise UnitError(code, unit, to_unit)
    if source == wanted:
        return value
    # Every factor is ten to some whole power, so the quotient is exact.
    return value.scaleb(_UNITS[source][1].adjusted() - _UNITS[wanted][1].adjusted())


def parse_parameters(text: str, file: str = _FILE) -> dict[str, Parameter]:
    """Read the registry from the text of its file, in the order of the file.

    Raises
    ------
    RuleFileError
        On a missing or unknown column, an empty cell, a repeated code, an unknown unit or
        bounds that do not rise.
    """
    reader = csv.DictReader(StringIO(text))
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        raise RuleFileError(file, "header", f"must be {', '.join(_COLUMNS)}")
    found: dict[str, Parameter] = {}
    for row in reader:
        code = row["code"] or f"line {reader.line_num}"
        if None in row or any(not row[column] for column in _COLUMNS):
            raise RuleFileError(file, code, "must fill every column once")
        if code in found:
            raise RuleFileError(file, code, "stands there twice")
        if row["unit"] not in KNOWN_UNITS:
            raise RuleFileError(file, code, f"has the unknown unit {row['unit']!r}")
        try:
            low, high = Decimal(row["gross_min"]), Decimal(row["gross_max"])
        except InvalidOperation as error:
            raise RuleFileError(file, code, "has a bound that is no number") from error
        if not low < high:
            raise RuleFileError(file, code, "has bounds that do not rise")
        found[code] = Parameter(
            code=code,
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            symbol=row["symbol"],
            unit=row["unit"],
            gross_min=low,
            gross_max=high,
            listed_in=row["listed_in"],
            order=len(found),
        )
    return found


@cache
def load_parameters() -> Mapping[str, Parameter]:
    """Read the packaged registry, once: code to parameter, in registry order."""
    text = resources.files("spatial").joinpath("rules", _FILE).read_text(encoding="utf-8")
    return MappingProxyType(parse_parameters(text))


def find_parameter(code: str) -> Parameter:
    """Look up one parameter; raises UnknownParameterError."""
    parameter = load_parameters().get(code)
    if parameter is None:
        raise UnknownParameterError(code)
    return parameter


def sort_by_registry(codes: Iterable[str]) -> list[str]:
    """Put parameter codes into registry order (Table 1 first); raises UnknownParameterError."""
    return sorted(codes, key=lambda code: find_parameter(code).order)
