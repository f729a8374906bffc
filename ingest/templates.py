"""Excel templates: an empty workbook for each kind of file, which loads clean once it is filled in.

Headers, lists, bounds and units are those by which this room reads: the kinds, ``data/choices.csv``,
``data/header_synonyms.csv`` and the registry of parameters; nothing of them is written down here again. A
cell that a workbook would spoil (``007``, ``0.05L``, ``1-2``) is formatted as text. An entry that is always
wrong is stopped; one that this room reads although it is not the usual form (``110°30′``) is asked about.
"""

from __future__ import annotations

import io
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell  # type: ignore[import-untyped]

from ingest.coordinates import EAST, NORTH, SOUTH, WEST
from ingest.errors import OptionError
from ingest.headers import ANY, READINGS, match_header, names_of, synonyms
from ingest.kinds import LOADABLE, Column, Kind, Shape, Type, choices_of, find_kind
from ingest.readers import EXAMPLE_SHEET, GUIDE_SHEET
from ingest.readings import FIELDS as READING_FIELDS
from ingest.report import Translator
from spatial.class_text import class_label
from spatial.parameters import Parameter, load_parameters

FIRST_DAY, LAST_DAY = date(1900, 3, 1), date(2100, 12, 31)
"""Days that a cell takes. Before March 1900 a workbook counts a day that never was."""

CREATED = datetime(2024, 1, 1, tzinfo=UTC)
"""What every template says of its making, so that the same programme makes the same bytes."""

WIDE_LISTS = ("GB 3838-2002 Table 1", "trophic state")
"""Parameters of these lists have a column in the template of readings; the others stand in its guide."""

_SAMPLE_FIELDS = ("section_code", "section", "province", "sampled_at", "station_type", "station_status")
_SHARED = frozenset({"valid_from", "valid_to", "accuracy_m", "region_code", "source", "rank"})
_PLACES = ("lon", "lat", "geometry")
_UNIT_WORDS = {"km2": "km²", "dimensionless": "无量纲", "count/L": "个/L", "°C": "℃"}
_LAST_ROW = 1_048_575
_CELL_TEXT = 255  # characters that a workbook takes as a list, a formula or a message of a validation
_TITLE_TEXT = 32


class Entry(StrEnum):
    """How a column of a template is filled in."""

    TEXT = "text"
    CHOICE = "choice"
    OPEN_CHOICE = "open_choice"
    PARAMETER = "parameter"
    DATE = "date"
    TIME = "time"
    NUMBER = "number"
    DEGREES = "degrees"
    GEOMETRY = "geometry"
    REGION = "region"
    OBJECT = "object"
    MEASURED = "measured"
    NAMES = "names"
    PARAMETERS = "parameters"


class Need(StrEnum):
    """Whether a row must say it."""

    REQUIRED = "required"
    EITHER = "either"  # one of the columns with this mark
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """One column of a template.

    Attributes
    ----------
    field :
        What the header means: a contract's name, or the code of a parameter.
    name :
        The header without marks and unit.
    words :
        What the drop-down list offers: (word, the code that it is read as).
    minimum, maximum :
        Bounds of a number in `unit`; with `above` the minimum itself is outside.
    basin :
        Whether ``yangtze`` may stand for a region.
    types :
        Types of geometry that are taken.
    parameter :
        What is measured, for a column of values.
    """

    field: str
    name: str
    entry: Entry
    need: Need = Need.OPTIONAL
    words: tuple[tuple[str, str], ...] = ()
    unit: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    above: bool = False
    basin: bool = False
    types: tuple[str, ...] = ()
    parameter: Parameter | None = None

    @property
    def shown_unit(self) -> str:
        """The unit as people write it."""
        return "" if self.unit is None else _UNIT_WORDS.get(self.unit, self.unit)

    @property
    def label(self) -> str:
        """The header with its unit, without the mark of obligation."""
        return f"{self.name}({self.shown_unit})" if self.unit else self.name

    @property
    def header(self) -> str:
        """The header as it stands in the workbook."""
        return f"*{self.label}" if self.need is Need.REQUIRED else self.label


# -- columns ---------------------------------------------------------------------------------------------


@cache
def template_columns(kind: str) -> tuple[TemplateColumn, ...]:
    """The columns of one kind's template, in order.

    Raises
    ------
    OptionError
        If there is no such kind.
    """
    if kind == READINGS:
        return (*map(_sample_column, _SAMPLE_FIELDS), *map(_value_column, _wide_parameters()))
    spec = find_kind(kind)
    columns = [_fact_column(spec, column) for column in spec.columns]
    if spec.shape is not None:
        tail = [column for column in columns if column.field in {"accuracy_m", "valid_from"}]
        place = columns.index(tail[0]) if tail else len(columns)
        columns[place:place] = _place_columns(spec, spec.shape)
    return tuple(columns)


def _fact_column(kind: Kind, column: Column) -> TemplateColumn:
    entry, words = _entry(column)
    # A section is named by its code there: the name alone would have to be unique in the whole basin.
    named = "section_code" if (kind.name, column.name) == ("section_targets", "section") else column.name
    return TemplateColumn(
        field=column.name,
        name=_chinese_name(kind.name, named),
        entry=entry,
        need=Need.REQUIRED if column.required else Need.OPTIONAL,
        words=words,
        unit=column.unit,
        minimum=column.minimum,
        above=column.above_minimum,
        basin=column.type is Type.REGION and column.required,
    )


def _entry(column: Column) -> tuple[Entry, tuple[tuple[str, str], ...]]:
    """How a column of this type is filled in, and the words of its list."""
    match column.type:
        case Type.TEXT:
            return Entry.TEXT, ()
        case Type.CHOICE | Type.INTEGER_CHOICE | Type.BOOLEAN:
            return Entry.CHOICE, _words(column.choices or column.name)
        case Type.OPEN_CHOICE:
            return Entry.OPEN_CHOICE, _words(column.choices or column.name)
        case Type.WATER_CLASS:
            return Entry.CHOICE, tuple((str(class_label(number)), str(number)) for number in range(1, 6))
        case Type.PARAMETER:
            return Entry.PARAMETER, ()
        case Type.DATE:
            return Entry.DATE, ()
        case Type.NUMBER | Type.DECIMAL | Type.INTEGER:
            return Entry.NUMBER, ()
        case Type.PARAMETERS:
            return Entry.PARAMETERS, ()
        case Type.REGION:
            return Entry.REGION, ()
        case Type.OBJECT:
            return Entry.OBJECT, ()
        case Type.NAMES:
            return Entry.NAMES, ()


def _words(choices: str) -> tuple[tuple[str, str], ...]:
    """The first Chinese word of every code of a set, and the code."""
    words: dict[str, str] = {}
    for word, code in choices_of(choices).items():
        if not word.isascii():
            words.setdefault(code, word)
    return tuple((word, code) for code, word in words.items())


def _place_columns(kind: Kind, shape: Shape) -> list[TemplateColumn]:
    """Longitude and latitude for points; well-known text for lines and areas."""
    need = Need.REQUIRED if shape.required else Need.OPTIONAL
    columns = []
    if "Point" in shape.types:
        bounds = {"lon": (WEST, EAST), "lat": (SOUTH, NORTH)}
        columns += [
            TemplateColumn(
                field,
                _chinese_name(kind.name, field),
                Entry.DEGREES,
                need,
                minimum=Decimal(int(low)),
                maximum=Decimal(int(high)),
            )
            for field, (low, high) in bounds.items()
        ]
    drawn = tuple(name for name in shape.types if not name.endswith("Point"))
    if drawn:
        name = _chinese_name(kind.name, "geometry")
        columns.append(TemplateColumn("geometry", name, Entry.GEOMETRY, need, types=drawn))
    return columns


def _sample_column(field: str) -> TemplateColumn:
    name = _chinese_name(READINGS, field)
    match field:
        case "sampled_at":
            return TemplateColumn(field, name, Entry.TIME, Need.REQUIRED)
        case "station_type":
            return TemplateColumn(field, name, Entry.CHOICE, words=_words("station_type"))
        case "section" | "section_code":
            return TemplateColumn(field, name, Entry.TEXT, Need.EITHER)
        case _:
            return TemplateColumn(field, name, Entry.TEXT)


def _value_column(parameter: Parameter) -> TemplateColumn:
    return TemplateColumn(
        parameter.code,
        _parameter_name(parameter),
        Entry.MEASURED,
        unit=parameter.unit,
        minimum=parameter.gross_min,
        maximum=parameter.gross_max,
        parameter=parameter,
    )


def _wide_parameters() -> list[Parameter]:
    return [parameter for parameter in load_parameters().values() if parameter.listed_in in WIDE_LISTS]


def _parameter_name(parameter: Parameter) -> str:
    """The Chinese name where headers may say it, else the code, which is always understood."""
    names = names_of(READINGS, READING_FIELDS, tuple(load_parameters()))
    understood = match_header(parameter.name_zh, names)[0] == parameter.code
    return parameter.name_zh if understood else parameter.code


def _chinese_name(kind: str, field: str) -> str:
    """The first Chinese name of a field: the kind's own, else the one for every kind."""
    for scope in (kind, ANY):
        for row_scope, row_field, synonym in synonyms():
            if (row_scope, row_field) == (scope, field) and not synonym.isascii():
                return synonym
    raise KeyError(f"{kind}.{field}")


@cache
def template_examples() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The example rows of every kind by field: texts, numbers, dates and times."""
    text = (files("ingest") / "data" / "template_examples.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


# -- words -----------------------------------------------------------------------------------------------


def _meaning(kind: str, column: TemplateColumn, text: Translator) -> str:
    shared = column.field in _SHARED or column.field in _PLACES
    return text(f"templates.{column.field}" if shared else f"templates.{kind}_{column.field}")


def _entry_text(column: TemplateColumn, text: Translator) -> str:
    """How a cell of the column is filled in, in one sentence."""
    minimum = None if column.minimum is None else f"{column.minimum:,f}"
    maximum = None if column.maximum is None else f"{column.maximum:,f}"
    match column.entry:
        case Entry.DATE:
            return text("templates.entry_date", example="2023-06-30")
        case Entry.TIME:
            return text("templates.entry_time", example="2023-06-30 08:00")
        case Entry.NUMBER if minimum is None:
            return text("templates.entry_number")
        case Entry.NUMBER:
            bound = "above" if column.above else "at_least"
            return text(f"templates.entry_number_{bound}", minimum=minimum)
        case Entry.DEGREES:
            example = "111.350000" if column.field == "lon" else "30.450000"
            return text("templates.entry_degrees", minimum=minimum, maximum=maximum, example=example)
        case Entry.GEOMETRY:
            return text("templates.entry_geometry", types=", ".join(column.types))
        case Entry.REGION:
            key = "templates.entry_region_or_basin" if column.basin else "templates.entry_region"
            return text(key, example="420500")
        case Entry.OBJECT:
            return text("templates.entry_object", example='{"length_km": 2.4}')
        case Entry.MEASURED:
            dissolved = column.parameter is not None and "/" in column.parameter.unit
            key = "templates.entry_measured" if dissolved else "templates.entry_between"
            return text(key, minimum=minimum, maximum=maximum)
        case _:
            return text(f"templates.entry_{column.entry}")


def _listed(column: TemplateColumn) -> str:
    """The words of the drop-down list, each with the code that it is read as."""
    return "、".join(f"{word} ({code})" for word, code in column.words)


def _notes(kind: str, sheet: str, text: Translator) -> list[str]:
    """How the template is used: one sentence or two on each line."""
    columns = template_columns(kind)
    entries = {column.entry for column in columns}
    said = [
        text("templates.note_where", sheet=sheet),
        text("templates.note_command", kind=kind.replace("_", "-")),
        text("templates.note_whole"),
        text("templates.note_blank"),
        text("templates.note_text"),
    ]
    for applies, key in (
        (entries & {Entry.DATE, Entry.TIME}, "templates.note_dates"),
        (Entry.DEGREES in entries, "templates.note_places"),
        (Entry.GEOMETRY in entries, "templates.note_lines"),
        (kind == READINGS, "templates.note_section"),
        (kind == READINGS, "templates.note_nondetects"),
        (kind == READINGS, "templates.note_units"),
        (kind == "water_sources", "templates.note_zones"),
        (any(column.field == "valid_from" for column in columns), "templates.note_versions"),
    ):
        if applies:
            said.append(text(key))
    return said


# -- the workbook ----------------------------------------------------------------------------------------

_INK, _LINE, _DEEP, _PALE, _STAR = "#1F2D3A", "#C9D3DB", "#1F5F7A", "#E6F0F4", "#FFB3A7"
_FONT = {"font_name": "Microsoft YaHei", "font_size": 10, "font_color": _INK, "valign": "vcenter"}


def make_template(kind: str, texts: Sequence[Translator]) -> bytes:
    """Make the workbook of one kind (dashes or underscores): the same bytes for the same arguments.

    The first sheet is empty below its headers; the second shows made-up rows, the third explains every
    column: both are left unread when the workbook is loaded. `texts` are the message catalogue in the
    languages of the guide; prompts and titles are in the first of them.

    Raises
    ------
    OptionError
        If nothing of this kind is ever loaded.
    """
    name = kind.replace("-", "_")
    if name not in LOADABLE:
        raise OptionError("KIND", kind, ", ".join(known.replace("_", "-") for known in LOADABLE))
    return _Workbook(name, texts).make()


class _Workbook:
    """One template in the making. Not reused."""

    def __init__(self, kind: str, texts: Sequence[Translator]) -> None:
        self.kind = kind
        self.texts = texts
        self.text = texts[0]
        self.columns = template_columns(kind)
        self.title = self.text("templates.title", kind=self.text(f"templates.kind_{kind}"))
        self.stream = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.stream, {"in_memory": True})
        self.sheet_name = self.text(f"templates.kind_{kind}")
        self.parameter_range = ""
        self.formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def make(self) -> bytes:
        self.book.set_properties({"title": self.title, "created": CREATED})
        data, example, guide = (
            self.book.add_worksheet(name) for name in (self.sheet_name, EXAMPLE_SHEET, GUIDE_SHEET)
        )
        self._write_guide(guide)  # first: the list of parameters is taken from there
        self._write_data(data)
        self._write_example(example)
        data.activate()
        self.book.close()
        return self.stream.getvalue()

    def _format(self, **extra: Any) -> Any:
        key = tuple(sorted(extra.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format(_FONT | extra)
        return self.formats[key]

    def _both(self, key: str, **params: Any) -> str:
        """A text in every language, one below the other."""
        return "\n".join(dict.fromkeys(text(key, **params) for text in self.texts))

    # -- the sheet that is filled in ---------------------------------------------------------------------

    def _write_data(self, sheet: Any) -> None:
        self._write_headers(sheet, 0)
        frozen = min(2, len(self.columns)) if self.kind != READINGS else len(_SAMPLE_FIELDS[:4])
        sheet.freeze_panes(1, frozen)
        missing = self._format(bg_color="#F8D7D3")
        row = f"COUNTA({self._row_range()})>0"
        either = [place for place, column in enumerate(self.columns) if column.need is Need.EITHER]
        for place, column in enumerate(self.columns):
            sheet.data_validation(1, place, _LAST_ROW, place, self._validation(place, column))
            group = either if column.need is Need.EITHER else [place]
            if column.need is not Need.OPTIONAL:
                empty = ",".join(f"LEN(TRIM(${xl_rowcol_to_cell(1, one)}))=0" for one in group)
                rule = {"type": "formula", "criteria": f"=AND({row},{empty})", "format": missing}
                sheet.conditional_format(1, place, _LAST_ROW, place, rule)
        sheet.repeat_rows(0)
        _fit_to_page(sheet)

    def _row_range(self) -> str:
        """The first row below the header, fixed in its columns."""
        last = xl_rowcol_to_cell(1, len(self.columns) - 1)
        return f"$A2:${last}"

    def _write_headers(self, sheet: Any, row: int) -> None:
        """Headers in `row`, and the format of the cells of each column."""
        sheet.set_row(row, 34)
        for place, column in enumerate(self.columns):
            needed = column.need is not Need.OPTIONAL
            look = {
                "bold": True,
                "text_wrap": True,
                "align": "center",
                "border": 1,
                "border_color": _LINE,
                "bg_color": _DEEP if needed else _PALE,
                "font_color": "#FFFFFF" if needed else _INK,
            }
            sheet.set_column(place, place, self._column_width(column), self._cell_format(column))
            if column.need is Need.REQUIRED:
                star = self._format(bold=True, font_color=_STAR)
                words = self._format(bold=True, font_color="#FFFFFF")
                sheet.write_rich_string(row, place, star, "*", words, column.label, self._format(**look))
            else:
                sheet.write_string(row, place, column.header, self._format(**look))

    def _column_width(self, column: TemplateColumn) -> float:
        least = {Entry.TIME: 17, Entry.DATE: 12, Entry.GEOMETRY: 30, Entry.TEXT: 14, Entry.MEASURED: 10}
        if column.entry is Entry.TEXT and column.need is not Need.OPTIONAL:
            return 22  # codes and names
        return max(least.get(column.entry, 11), min(_width(column.header) + 3, 17))

    def _cell_format(self, column: TemplateColumn, **extra: Any) -> Any:
        match column.entry:
            case Entry.DATE:
                return self._format(num_format="yyyy-mm-dd", align="left", **extra)
            case Entry.TIME:
                return self._format(num_format="yyyy-mm-dd hh:mm", align="left", **extra)
            case Entry.NUMBER:
                return self._format(**extra)
            case Entry.DEGREES:
                return self._format(num_format="0.000000", **extra)
            case Entry.MEASURED:
                return self._format(num_format="@", align="right", **extra)
            case _:
                return self._format(num_format="@", **extra)

    # -- what a cell takes -------------------------------------------------------------------------------

    def _validation(self, place: int, column: TemplateColumn) -> dict[str, Any]:
        """What a cell of the column takes, and what it says when it is entered or refused."""
        rule, stops = self._rule(xl_rowcol_to_cell(1, place), column)
        entry = ": ".join(filter(None, [_entry_text(column, self.text), _listed(column)]))
        meaning = column.parameter.name_zh if column.parameter else _meaning(self.kind, column, self.text)
        kind_of_error = "templates.entry_refused" if stops else "templates.entry_unusual"
        return rule | {
            "ignore_blank": True,
            "input_title": column.name[:_TITLE_TEXT],
            "input_message": _shortened(f"{meaning}\n{entry}"),
            "error_type": "stop" if stops else "warning",
            "error_title": column.name[:_TITLE_TEXT],
            "error_message": _shortened(self.text(kind_of_error, entry=entry)),
        }

    def _rule(self, cell: str, column: TemplateColumn) -> tuple[dict[str, Any], bool]:
        """The rule of a cell, and whether what breaks it cannot be right."""
        low = None if column.minimum is None else float(column.minimum)
        high = None if column.maximum is None else float(column.maximum)
        match column.entry:
            case Entry.CHOICE | Entry.OPEN_CHOICE:
                words = [word for word, _ in column.words]
                return {"validate": "list", "source": words}, column.entry is Entry.CHOICE
            case Entry.PARAMETER:
                return {"validate": "list", "source": self.parameter_range}, True
            case Entry.DATE | Entry.TIME:
                rule = {"criteria": "between", "minimum": FIRST_DAY, "maximum": LAST_DAY}
                return {"validate": "date"} | rule, column.entry is Entry.DATE
            case Entry.NUMBER if low is None:
                return {"validate": "custom", "value": f"=ISNUMBER({cell})"}, True
            case Entry.NUMBER:
                return {"validate": "decimal", "criteria": ">" if column.above else ">=", "value": low}, True
            case Entry.DEGREES:
                return {"validate": "decimal", "criteria": "between", "minimum": low, "maximum": high}, False
            case Entry.REGION:
                return {"validate": "custom", "value": _region_formula(cell, basin=column.basin)}, True
            case Entry.MEASURED:
                return {"validate": "custom", "value": _measured_formula(cell, column)}, False
            case _:
                return {"validate": "any"}, True

    # -- the example -------------------------------------------------------------------------------------

    def _write_example(self, sheet: Any) -> None:
        self._write_headers(sheet, 1)
        banner = " / ".join(
            dict.fromkeys(text("templates.example_banner", sheet=self.sheet_name) for text in self.texts)
        )
        sheet.set_row(0, 24)
        sheet.write_string(0, 0, banner, self._format(bold=True, font_color="#B03A2E"))
        for row, values in enumerate(template_examples()[self.kind], start=2):
            for place, column in enumerate(self.columns):
                value = values.get(column.field)
                cell = self._cell_format(column, italic=True, font_color="#5B6B78")
                if isinstance(value, date):
                    sheet.write_datetime(row, place, value, cell)
                elif isinstance(value, int | float):
                    sheet.write_number(row, place, value, cell)
                elif value is not None:
                    sheet.write_string(row, place, value, cell)
        sheet.freeze_panes(2, 0)
        sheet.set_tab_color("#9AA7B1")
        _fit_to_page(sheet)

    # -- the guide ---------------------------------------------------------------------------------------

    def _write_guide(self, sheet: Any) -> None:
        widths = (24, 11, 44, 56, 9, 26)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        sheet.set_tab_color("#9AA7B1")
        sheet.hide_gridlines(2)
        _fit_to_page(sheet)
        title = " / ".join(
            dict.fromkeys(
                text("templates.title", kind=text(f"templates.kind_{self.kind}")) for text in self.texts
            )
        )
        sheet.set_row(0, 30)
        sheet.write_string(0, 0, title, self._format(bold=True, font_size=15, font_color=_DEEP))
        row = 1
        for said in zip(*(_notes(self.kind, self.sheet_name, text) for text in self.texts), strict=True):
            line = self._format(text_wrap=True)
            sheet.merge_range(row, 0, row, len(widths) - 1, "", line)
            lines = dict.fromkeys(said)
            sheet.write_string(row, 0, "\n".join(f"· {one}" for one in lines), line)
            sheet.set_row(row, 15 * sum(_lines(one, sum(widths)) for one in lines) + 4)
            row += 1
        row = self._section(sheet, row + 1, "templates.guide_columns")
        row = self._write_columns(sheet, row, widths)
        named = {Entry.PARAMETER, Entry.PARAMETERS}
        if self.kind == READINGS or any(column.entry in named for column in self.columns):
            self._write_parameters(sheet, row + 1)

    def _section(self, sheet: Any, row: int, key: str) -> int:
        words = " / ".join(dict.fromkeys(text(key) for text in self.texts))
        sheet.set_row(row, 24)
        sheet.write_string(row, 0, words, self._format(bold=True, font_size=12, font_color=_DEEP))
        return row + 1

    def _head(self, sheet: Any, row: int, keys: Sequence[str]) -> int:
        look = self._format(
            bold=True,
            align="center",
            text_wrap=True,
            border=1,
            border_color=_LINE,
            bg_color=_DEEP,
            font_color="#FFFFFF",
        )
        sheet.set_row(row, 32)
        for place, key in enumerate(keys):
            sheet.write_string(row, place, self._both(key), look)
        return row + 1

    def _write_columns(self, sheet: Any, row: int, widths: Sequence[int]) -> int:
        keys = ("column", "required", "meaning", "entry", "unit", "example")
        row = self._head(sheet, row, [f"templates.guide_{key}" for key in keys])
        examples = template_examples()[self.kind]
        for column in self.columns:
            meaning = (
                f"{column.parameter.name_zh}\n{column.parameter.name_en}"
                if column.parameter
                else "\n".join(dict.fromkeys(_meaning(self.kind, column, text) for text in self.texts))
            )
            shown = (one[column.field] for one in examples if column.field in one)
            cells = (
                f"{column.header}\n{column.field}",
                self._both(f"templates.need_{column.need}"),
                meaning,
                "\n".join(
                    filter(
                        None,
                        [*dict.fromkeys(_entry_text(column, text) for text in self.texts), _listed(column)],
                    )
                ),
                column.shown_unit,
                _example_text(column, next(shown, None)),
            )
            needed = column.need is not Need.OPTIONAL
            for place, cell in enumerate(cells):
                look: dict[str, Any] = {
                    "text_wrap": True,
                    "border": 1,
                    "border_color": _LINE,
                    "num_format": "@",
                }
                if place == 0 and needed:
                    look |= {"bold": True, "bg_color": _PALE}
                look |= {"align": "center"} if place in {1, 4} else {"indent": 1}
                sheet.write_string(row, place, cell, self._format(**look))
            tallest = max(
                sum(_lines(line, width) for line in cell.split("\n"))
                for cell, width in zip(cells, widths, strict=True)
            )
            sheet.set_row(row, 15 * tallest + 4)
            row += 1
        return row

    def _write_parameters(self, sheet: Any, row: int) -> None:
        """All parameters that may be named, or those that have no column; remembers where the names are."""
        further = self.kind == READINGS
        key = "templates.parameters_further" if further else "templates.parameters_listed"
        row = self._section(sheet, row, key)
        keys = ("templates.parameter_header", "templates.guide_unit", "templates.parameter_name")
        first = row = self._head(sheet, row, (*keys, "templates.parameter_symbol"))
        look = self._format(border=1, border_color=_LINE, num_format="@", indent=1)
        there = {column.field for column in self.columns}
        for parameter in load_parameters().values():
            if parameter.code in there:
                continue
            column = _value_column(parameter)
            name = column.label if further else column.name
            for place, cell in enumerate((name, column.shown_unit, parameter.name_en, parameter.symbol)):
                sheet.write_string(row, place, cell, look)
            row += 1
        self.parameter_range = f"='{GUIDE_SHEET}'!{xl_range_abs(first, 0, row - 1, 0)}"


def _region_formula(cell: str, *, basin: bool) -> str:
    """Six, nine or twelve digits that begin with no zero; ``yangtze`` where the whole basin may stand."""
    length = ",".join(f"LEN({cell})={digits}" for digits in (6, 9, 12))
    code = f'AND(OR({length}),LEFT({cell})>="1",ISNUMBER(VALUE({cell})),ISERROR(FIND(".",{cell})))'
    return f"=IFERROR({code},FALSE)" if not basin else f'=OR(IFERROR({code},FALSE),{cell}="yangtze")'


def _measured_formula(cell: str, column: TemplateColumn) -> str:
    """A number within the bounds of the parameter, as it is or as a detection limit, or a mark of a gap."""
    number = f'SUBSTITUTE(SUBSTITUTE(UPPER({cell}),"L",""),"<","")'
    low, high = (format(float(bound or 0), "g").upper() for bound in (column.minimum, column.maximum))
    inside = f"AND(VALUE({number})>={low},VALUE({number})<={high})"
    return f'=IFERROR({inside},OR({cell}="--",{cell}="-",{cell}="*",{cell}="/"))'


def _example_text(column: TemplateColumn, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return f"{value:.6f}" if column.entry is Entry.DEGREES else str(value)


def _fit_to_page(sheet: Any) -> None:
    """A4, landscape, as many pages long as it takes and one wide."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _shortened(text: str) -> str:
    return text if len(text) <= _CELL_TEXT else text[: _CELL_TEXT - 1] + "…"


def _width(text: str) -> int:
    """Columns that a text takes; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text)


def _lines(text: str, width: int) -> int:
    """Lines that a text takes in a column of this width."""
    return max(1, -(-_width(text) * 11 // (10 * width)))
