"""What a row of each kind must be: its columns, their types, the words they may hold, the checks across them.

The kinds and columns are those of the contracts; the words stand in ``data/choices.csv``.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from ingest.errors import OptionError
from ingest.headers import Names, match_header, names_of
from ingest.names import fold_name
from ingest.times import parse_date
from ingest.units import is_unit
from ingest.values import parse_number
from spatial.class_text import parse_water_class
from spatial.errors import WaterClassTextError
from spatial.parameters import load_parameters
from spatial.vocabulary import UNKNOWN_OPERATOR


class Type(StrEnum):
    """How the text of a cell becomes a value."""

    TEXT = "text"
    CHOICE = "choice"  # one of a closed list
    OPEN_CHOICE = "open_choice"  # known words become codes, others stay as they are
    INTEGER_CHOICE = "integer_choice"
    DATE = "date"
    NUMBER = "number"  # float, finite
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    WATER_CLASS = "water_class"
    REGION = "region"
    OBJECT = "object"  # a JSON object
    PARAMETER = "parameter"
    NAMES = "names"  # several, in one cell
    PARAMETERS = "parameters"  # several, in one cell
    INTEGER = "integer"  # a whole number


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a kind.

    `choices` names a set of ``data/choices.csv``; `unit` is what a unit in the header is converted into;
    `default` stands for an empty cell, `absent` for every cell where the file has no such column; the
    `unknown_words` say what `absent` says. What is no `fact` stands beside the versions of a subject, not in
    them, and is no reason for a new one.
    """

    name: str
    type: Type = Type.TEXT
    required: bool = False
    choices: str | None = None
    unit: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    above_minimum: bool = False
    empty_words: frozenset[str] = frozenset()
    default: Any = None
    absent: Any = None
    unknown_words: frozenset[str] = frozenset()
    fact: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """Which geometries a kind may have."""

    types: tuple[str, ...]
    required: bool = False
    in_china: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: `name` is its table, `key` what identifies a row's subject."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    shape: Shape | None = None
    ordered_dates: tuple[tuple[str, str], ...] = ()
    ordered_numbers: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every name that a header may map to: the columns, and those that make a geometry."""
        places = (
            ("lon", "lat", "coordinates", "geometry", "easting", "northing", "x", "y") if self.shape else ()
        )
        return (*(column.name for column in self.columns), *places)

    @property
    def facts(self) -> tuple[str, ...]:
        """Columns that make up a version of a subject."""
        return tuple(column.name for column in self.columns if column.fact)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns without which no row can be read."""
        return tuple(column.name for column in self.columns if column.required)

    def column(self, name: str) -> Column:
        """The column of this name."""
        return next(column for column in self.columns if column.name == name)


POINT = ("Point",)
LINES = ("LineString", "MultiLineString")
POLYGONS = ("Polygon", "MultiPolygon")

_VALIDITY = (Column("valid_from", Type.DATE), Column("valid_to", Type.DATE))
_ACCURACY = Column("accuracy_m", Type.NUMBER, unit="m", minimum=Decimal(0))
_REGION = Column("region_code", Type.REGION)
_CODE, _NAME = Column("code", required=True), Column("name", required=True)
_DISCHARGES = Column("discharges", Type.PARAMETERS)
_NOBODY = frozenset({"无", "无主", "无主库", "none", "无运营主体", "无责任主体"})


_UNKNOWN = frozenset({"未知", "不明", "不详", "unknown", "待查"})


def _positive(name: str, unit: str) -> Column:
    return Column(name, Type.NUMBER, unit=unit, minimum=Decimal(0), above_minimum=True)


def _dates(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, Type.DATE) for name in names)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "water_bodies",
            (
                _CODE,
                _NAME,
                Column("rank", Type.CHOICE, required=True, choices="rank"),
                Column("kind", Type.CHOICE, choices="water_body_type"),
                Column("parent_code"),
                Column("catchment_km2", Type.NUMBER, unit="km2", minimum=Decimal(0), above_minimum=True),
                *_VALIDITY,
            ),
            key=("code",),
            shape=Shape((*POINT, *LINES, *POLYGONS)),
        ),
        Kind(
            "shorelines",
            (
                Column("water_body_code", required=True),
                Column("name"),
                Column("rank", Type.CHOICE, required=True, choices="rank"),
                Column("kind", Type.CHOICE, choices="shoreline_kind"),
                _ACCURACY,
                _positive("half_width_m", "m"),
                Column("source"),
                *_VALIDITY,
            ),
            key=("water_body_code", "name"),
            shape=Shape((*LINES, *POLYGONS), required=True),
        ),
        Kind(
            "rivers",
            (
                _CODE,
                Column("name"),
                # HydroRIVERS writes 0 where a reach ends in the sea or in a sink.
                Column("downstream_code", empty_words=frozenset({"0"})),
                Column("rank", Type.CHOICE, choices="rank"),
                _positive("velocity_m_s", "m/s"),
                _positive("velocity_low_m_s", "m/s"),
                _positive("velocity_high_m_s", "m/s"),
                Column("discharge_m3_s", Type.NUMBER, unit="m3/s", minimum=Decimal(0)),
                _positive("length_km", "km"),
                Column("stream_order", Type.INTEGER, minimum=Decimal(1), maximum=Decimal(12)),
                *_VALIDITY,
            ),
            key=("code",),
            shape=Shape(LINES, required=True),
            ordered_numbers=(
                ("velocity_low_m_s", "velocity_m_s"),
                ("velocity_m_s", "velocity_high_m_s"),
                ("velocity_low_m_s", "velocity_high_m_s"),
            ),
        ),
        Kind(
            "sections",
            (
                _CODE,
                _NAME,
                Column("river"),
                Column("water_body_code"),
                Column("water_body_type", Type.CHOICE, choices="water_body_type"),
                Column("basin"),
                Column("province"),
                Column("city"),
                _REGION,
                Column("level", Type.CHOICE, choices="level"),
                Column("station_type", Type.CHOICE, choices="station_type"),
                Column("target_class", Type.WATER_CLASS),
                Column("river_length_km", Type.DECIMAL, unit="km", minimum=Decimal(0), above_minimum=True),
                Column("former_names", Type.NAMES, fact=False),
                Column("former_codes", Type.NAMES, fact=False),
                *_VALIDITY,
            ),
            key=("code",),
            shape=Shape(POINT),
        ),
        Kind(
            "outfalls",
            (
                _CODE,
                _NAME,
                Column("category", Type.CHOICE, choices="outfall_category"),
                Column("sub_category"),
                Column("receiving_water"),
                Column("responsible"),
                _REGION,
                Column("key", Type.BOOLEAN, choices="boolean"),
                *_dates("found_on", "monitored_on", "traced_on"),
                Column("remediation", Type.CHOICE, choices="remediation"),
                *_dates("plan_on", "completed_on", "cancelled_on"),
                _DISCHARGES,
                _ACCURACY,
                *_VALIDITY,
            ),
            key=("code",),
            shape=Shape(POINT),
            ordered_dates=(
                ("found_on", "traced_on"),
                ("found_on", "cancelled_on"),
                ("completed_on", "cancelled_on"),
            ),
        ),
        Kind(
            "tailings_ponds",
            (
                _CODE,
                _NAME,
                Column("operator", empty_words=_NOBODY, unknown_words=_UNKNOWN, absent=UNKNOWN_OPERATOR),
                Column("status", Type.CHOICE, choices="pond_status"),
                Column("grade", Type.INTEGER_CHOICE, choices="pond_grade"),
                Column("supervision_level", Type.INTEGER_CHOICE, choices="supervision_level"),
                Column("commodity"),
                Column("action", Type.CHOICE, choices="action"),
                *_dates("action_on"),
                Column("purpose", Type.OPEN_CHOICE, choices="purpose"),
                *_dates("plan_on", "disused_since", "treated_on", "closed_on", "cancelled_on"),
                Column("overhead", Type.BOOLEAN, choices="boolean"),
                Column("residents_downstream", Type.INTEGER, minimum=Decimal(0)),
                _DISCHARGES,
                _REGION,
                _ACCURACY,
                *_VALIDITY,
            ),
            key=("code",),
            shape=Shape((*POINT, *POLYGONS)),
            ordered_dates=(("disused_since", "closed_on"), ("closed_on", "cancelled_on")),
        ),
        Kind(
            "chemical_sites",
            (
                _CODE,
                _NAME,
                Column("kind", Type.CHOICE, choices="chemical_kind"),
                Column("action", Type.CHOICE, choices="action"),
                *_dates("action_on", "recognised_on"),
                Column("relocation_status"),
                *_dates("relocated_on"),
                _DISCHARGES,
                _REGION,
                _ACCURACY,
                *_VALIDITY,
            ),
            key=("code",),
            shape=Shape((*POINT, *POLYGONS)),
        ),
        Kind(
            "water_sources",
            (
                _CODE,
                _NAME,
                Column("level", Type.CHOICE, choices="source_level"),
                Column("kind", Type.CHOICE, choices="source_kind"),
                Column("zone_grade", Type.INTEGER_CHOICE, choices="zone_grade", default=0),
                Column("section_code"),
                Column("annual_volume_m3", Type.DECIMAL, unit="m3", minimum=Decimal(0), above_minimum=True),
                _REGION,
                *_VALIDITY,
            ),
            key=("code", "zone_grade"),
            shape=Shape((*POINT, "MultiPoint", *POLYGONS)),
        ),
        Kind(
            "section_targets",
            (
                Column("section", required=True),
                Column("parameter", Type.PARAMETER, required=True),
                Column("comparator", Type.CHOICE, required=True, choices="comparator"),
                Column("limit", Type.DECIMAL, required=True),
                Column("unit"),
                Column("source"),
                *_VALIDITY,
            ),
            key=("section", "parameter"),
        ),
        Kind(
            "sites",
            (
                _CODE,
                _NAME,
                Column("category", required=True),
                Column("status"),
                _REGION,
                Column("responsible"),
                *_dates("built_on", "completed_on", "closed_on"),
                Column("attributes", Type.OBJECT),
                *_VALIDITY,
            ),
            key=("code",),
            shape=Shape((*POINT, "MultiPoint", *LINES, *POLYGONS)),
            ordered_dates=(("built_on", "closed_on"),),
        ),
        Kind(
            "indicators",
            (
                Column("target_id", required=True),
                Column("region_code", Type.REGION, required=True),
                Column("period", required=True),
                Column("value", Type.DECIMAL, required=True),
                Column("unit"),
                Column("reported_by"),
                *_dates("reported_on"),
                *_VALIDITY,
            ),
            key=("target_id", "region_code", "period"),
        ),
        Kind(
            "ledger",
            (
                Column("subject_kind", Type.OPEN_CHOICE, required=True, choices="subject_kind"),
                Column("subject_code", required=True),
                Column("event", required=True),
                Column("occurred_on", Type.DATE, required=True),
                Column("note"),
                Column("evidence"),
            ),
            key=("subject_kind", "subject_code", "event", "occurred_on"),
        ),
        # Any file of places for the `distance` command: nothing but the code is looked at.
        Kind(
            "facilities",
            (_CODE, Column("name"), _ACCURACY),
            key=("code",),
            shape=Shape((*POINT, "MultiPoint", *LINES, *POLYGONS), required=True, in_china=False),
        ),
    )
}

READINGS = "readings"
LIMITED = "limited"
"""Scope of the names that parameters have where limits are approved, beside those they have everywhere."""
DISCHARGED = "discharged"
"""Scope of the names that parameters have in lists of what is discharged: none beside those of readings."""
LOADABLE = (*(name for name in KINDS if name != "facilities"), READINGS)


def find_kind(name: str) -> Kind:
    """The kind of this name, with dashes or underscores.

    Raises
    ------
    OptionError
        If there is none.
    """
    kind = KINDS.get(name.replace("-", "_"))
    if kind is None:
        raise OptionError("KIND", name, ", ".join(known.replace("_", "-") for known in LOADABLE))
    return kind


# -- cells -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong with a cell."""

    code: str
    params: Mapping[str, Any]


Cell = tuple[Any, CellError | None]

_EMPTY = frozenset(
    {"", "-", "--", "—", "——", "/", "\\", "*", "null", "NULL", "None", "nan", "NaN", "N/A", "#N/A"}
)
_BETWEEN_NAMES = re.compile(r"[、，,；;/／|｜]")
_NO_NAMES = frozenset({"无", "none"})
_REGION_CODE = re.compile(r"^[1-9]\d{5}(?:\d{3}){0,2}$")


def fold_word(text: str) -> str:
    """A word as choices are compared: NFKC, lower case, without spaces, dashes and underscores."""
    folded = "".join(unicodedata.normalize("NFKC", text).split()).casefold()
    return folded if set(folded) <= set("<>=") else re.sub(r"[_\-]", "", folded)


@cache
def choices_of(name: str) -> Mapping[str, str]:
    """Every word of one set of choices, folded, with its code; the codes are words too."""
    text = (files("ingest") / "data" / "choices.csv").read_text(encoding="utf-8")
    rows = [row for row in csv.DictReader(text.splitlines()) if row["set"] == name]
    if not rows:
        raise KeyError(name)
    return {fold_word(row["code"]): row["code"] for row in rows} | {
        fold_word(row["synonym"]): row["code"] for row in rows
    }


@cache
def _listed(name: str) -> str:
    """The codes of a set with the first Chinese word of each, for a message."""
    words: dict[str, str] = {}
    for word, code in choices_of(name).items():
        if not word.isascii():
            words.setdefault(code, word)
    return ", ".join(
        f"{code} {words[code]}" if code in words else code
        for code in dict.fromkeys(choices_of(name).values())
    )


def clean_text(text: str) -> str:
    """A text without the blanks around it; NBSP, ideographic and zero-width blanks and line breaks too."""
    cleaned = text.replace("\u200b", "").replace("\ufeff", "")
    return " ".join(cleaned.split()) if not cleaned.isalnum() else cleaned


def parse_cell(column: Column, text: str, factor: Decimal | None = None) -> Cell:
    """Turn the text of one cell into the column's value: (value, None), (None, None) when empty, or an error.

    `factor` converts a number from the unit of the header into the column's own.
    """
    cleaned = clean_text("、".join(text.splitlines()) if column.type is Type.NAMES else text)
    if cleaned in _EMPTY or cleaned in column.empty_words:
        return column.default, None
    if cleaned.lower() in column.unknown_words:
        return column.absent, None
    value, error = _PARSERS[column.type](column, cleaned)
    if error is None and isinstance(value, Decimal):
        value = value * factor if factor is not None else value
        if column.minimum is not None and (
            value < column.minimum or (column.above_minimum and value == column.minimum)
        ):
            return None, CellError("number_too_small", {"minimum": str(column.minimum)})
        if column.maximum is not None and value > column.maximum:
            return None, CellError("number_too_large", {"maximum": str(column.maximum)})
        if column.type is Type.NUMBER:
            value = float(value)
        elif column.type is Type.INTEGER:
            value = int(value)
    return value, error


def _parse_text(_: Column, text: str) -> Cell:
    if any(unicodedata.category(sign) == "Cc" for sign in text):
        return None, CellError("text_control_character", {})
    return text, None


def _parse_choice(column: Column, text: str) -> Cell:
    choices = choices_of(column.choices or column.name)
    code = choices.get(fold_word(text))
    if code is None:
        return None, CellError("choice_unknown", {"allowed": _listed(column.choices or column.name)})
    return code, None


def _parse_open_choice(column: Column, text: str) -> Cell:
    return choices_of(column.choices or column.name).get(fold_word(text), text), None


def _parse_integer_choice(column: Column, text: str) -> Cell:
    whole = re.sub(r"\.0+$", "", text)
    code, error = _parse_choice(column, whole)
    return (None if error else int(code)), error


def _parse_boolean(column: Column, text: str) -> Cell:
    code, error = _parse_choice(column, text)
    return (None if error else code == "true"), error


def _parse_date(_: Column, text: str) -> Cell:
    day, code = parse_date(text)
    return (None, CellError(code, {})) if code else (day, None)


def _parse_decimal(_: Column, text: str) -> Cell:
    number = parse_number(text)
    if number is None:
        return None, CellError("number_unreadable", {})
    if abs(number.adjusted()) > 30:  # beyond anything that is measured, and a trap for exact arithmetic
        return None, CellError("number_absurd", {})
    return number, None


def _parse_integer(column: Column, text: str) -> Cell:
    number, error = _parse_decimal(column, text)
    if error is None and number != number.to_integral_value():
        return None, CellError("number_not_whole", {})
    return number, error


def _parse_water_class(_: Column, text: str) -> Cell:
    try:
        water_class = parse_water_class(text)
    except WaterClassTextError:
        return None, CellError("class_unreadable", {})
    if water_class == 6:  # a target worse than Ⅴ is no class of the standard
        return None, CellError("class_not_a_target", {})
    return water_class, None


def match_parameter(text: str) -> tuple[str | None, str | None]:
    """The parameter of an approved limit, and the unit behind its name as written.

    An approved limit of a flow or a level is called an ecological one; what is measured is plainly a flow.
    """
    codes = tuple(load_parameters())
    code, unit = match_header(text, names_of(LIMITED, (), codes))
    return (code, unit) if code in codes else (None, None)


def _parse_region(column: Column, text: str) -> Cell:
    code = unicodedata.normalize("NFKC", text)
    if _REGION_CODE.match(code) or (column.required and code == "yangtze"):
        return code, None
    return None, CellError("region_unreadable", {})


def _parse_object(_: Column, text: str) -> Cell:
    try:
        value = json.loads(text)
        # What JSONB cannot hold: numbers that are none (NaN, 1e999), half a surrogate pair, NUL.
        stored = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None, CellError("json_unreadable", {})
    if not isinstance(value, dict) or b"\\u0000" in stored:
        return None, CellError("json_unreadable", {})
    return value, None


def _parse_parameter(_: Column, text: str) -> Cell:
    code, unit = match_parameter(text)
    if code is None or (unit is not None and not is_unit(unit)):
        return None, CellError("parameter_unknown", {})
    return code, None


def _parse_parameters(_: Column, text: str) -> Cell:
    """Codes of the parameters of one cell, each once, in the order written; 无 says that there are none.

    Names are those of readings (氨氮, NH3-N, COD). What is between two separators is tried whole, and then
    word by word, for some lists are separated by blanks.
    """
    if text.lower() in _NO_NAMES:
        return (), None
    names = names_of(DISCHARGED, (), tuple(load_parameters()))
    codes: dict[str, None] = {}
    unknown: list[str] = []
    for part in _BETWEEN_NAMES.split(text.removesuffix("等")):
        if not part.strip():
            continue
        words = [part] if _parameter_of(part, names) else part.split()
        for word in words:
            code = _parameter_of(word, names)
            if code is None:
                unknown.append(word)
            else:
                codes[code] = None
    if unknown:
        return None, CellError("parameters_unknown", {"words": "、".join(unknown)[:80]})
    return tuple(codes) or None, None


def _parameter_of(text: str, names: Names) -> str | None:
    field, _ = match_header(text, names)
    return field if field in names.parameters else None


def _parse_names(column: Column, text: str) -> Cell:
    """Different names of one cell; one word says that there are none."""
    if text.lower() in _NO_NAMES:
        return (), None
    names: dict[str, str] = {}
    for part in _BETWEEN_NAMES.split(text):
        name = part.strip()
        _, error = _parse_text(column, name)
        if error is not None:
            return None, error
        if name:
            names.setdefault(fold_name(name), name)
    return tuple(names.values()) or None, None


_PARSERS: Mapping[Type, Callable[[Column, str], Cell]] = {
    Type.TEXT: _parse_text,
    Type.CHOICE: _parse_choice,
    Type.OPEN_CHOICE: _parse_open_choice,
    Type.INTEGER_CHOICE: _parse_integer_choice,
    Type.DATE: _parse_date,
    Type.NUMBER: _parse_decimal,
    Type.DECIMAL: _parse_decimal,
    Type.BOOLEAN: _parse_boolean,
    Type.WATER_CLASS: _parse_water_class,
    Type.REGION: _parse_region,
    Type.OBJECT: _parse_object,
    Type.PARAMETER: _parse_parameter,
    Type.NAMES: _parse_names,
    Type.PARAMETERS: _parse_parameters,
    Type.INTEGER: _parse_integer,
}
