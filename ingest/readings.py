"""Files of water-quality readings → samples and readings, with or without a database.

Wide files have one column per parameter and one row per sample; long files one row per reading. The national
feed is a wide file: times without a year, ``--`` and ``*`` for missing, the unrounded value in ``原始值_…``.
Work is done once per different text, so that a feed of a million cells parses a few thousand of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingest.arrangement import arrange, header_score, named_column
from ingest.errors import ColumnClashError, MissingColumnsError, OptionError, UnitError
from ingest.headers import (
    IGNORED,
    READINGS,
    MappedColumn,
    Names,
    map_headers,
    match_header,
    names_of,
    near_miss,
    unit_in_header,
)
from ingest.kinds import Column, Type, clean_text, parse_cell
from ingest.mapping import load_mapping
from ingest.options import IngestOptions
from ingest.preference import giving_way
from ingest.readers import HeaderScore, RawTable, listed_rows, read_table
from ingest.report import Notice, Problem
from ingest.times import (
    BEIJING,
    CAPTURE_SLACK,
    STALE_AFTER,
    ParsedTime,
    capture_from_name,
    capture_of,
    end_of,
    names_a_day,
    parse_time,
)
from ingest.units import IDENTITY, Conversion, conversion, is_unit
from ingest.values import CellValue, Reading, parse_value, unit_behind
from spatial.parameters import Parameter, load_parameters

FIELDS = (
    "section",
    "section_code",
    "province",
    "city",
    "river",
    "basin",
    "sampled_at",
    "captured_at",
    "year",
    "month",
    "water_body_type",
    "target_class",
    "reported_class",
    "station_status",
    "station_type",
    "method",
    "parameter",
    "value",
    "full_value",
    "unit",
    "detection_limit",
)

SAMPLE_COLUMNS = (
    "sample_id",
    "row",
    "section",
    "province",
    "sampled_at",
    "sampled_at_raw",
    "water_body_type",
    "target_class",
    "reported_class",
    "station_status",
    "section_code",
    "section_name",
    "city",
    "river",
    "basin",
    "station_type",
    "captured_at",
)
READING_COLUMNS = (
    "sample_id",
    "row",
    "parameter",
    "value",
    "full_value",
    "qualifier",
    "detection_limit",
    "raw",
    "method",
)

_CHOICES = {
    "water_body_type": Column("water_body_type", Type.CHOICE, choices="water_body_type"),
    "station_type": Column("station_type", Type.CHOICE, choices="station_type"),
    "target_class": Column("target_class", Type.WATER_CLASS),
}
_TEXTS = (
    "province",
    "city",
    "river",
    "basin",
    "section",
    "section_code",
    "station_status",
    "method",
    "reported_class",
)
_MISSING_TEXTS = frozenset({"", "-", "--", "—", "/", "*", "null", "None", "nan", "NaN"})
_MAX_DIGITS = 40
_LONGEST_TEXT = 500
"""Names, codes and statuses are shorter; what is longer has swallowed its neighbours."""
_OFFICE = re.compile(r"(?:站|局|中心|公司|院|所|厅|部|处|科|队|政府|委|办)$")
"""An institution: 单位 is the word for the unit of a value, and for who reports it."""
_FUTURE_SLACK = timedelta(days=1)
"""A clock may be ahead by so much; nothing is measured later."""
_PLAIN = "dimensionless"
_SUPERSEDED = "superseded"
"""Field of a column in whose place the caller named another."""

Texts = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class ReadCell:
    """What one cell says of one parameter, in the parameter's own unit; many readings share one."""

    parameter: str
    value: Decimal | None
    qualifier: str
    detection_limit: Decimal | None
    raw: str


@dataclass(frozen=True, slots=True)
class CodedReadings:
    """Readings as numbers, so that what is the same is worked out once.

    Attributes
    ----------
    place :
        Position of each reading's row in the table; ascending.
    sample :
        Position of its sample in the samples.
    cell :
        Entry of each reading in `cells`.
    full :
        Entry in `fulls`: unrounded values, the first one None.
    """

    place: NDArray[np.int64]
    sample: NDArray[np.int64]
    cell: NDArray[np.int64]
    full: NDArray[np.int64]
    cells: Sequence[ReadCell]
    fulls: Sequence[Decimal | None]

    def frame(self, rows: NDArray[np.int64], methods: Texts) -> pd.DataFrame:
        """One row per reading, :data:`READING_COLUMNS`; `rows` and `methods` are those of the table."""
        columns: dict[str, Sequence[Any]] = {
            "parameter": [cell.parameter for cell in self.cells],
            "value": [cell.value for cell in self.cells],
            "qualifier": [cell.qualifier for cell in self.cells],
            "detection_limit": [cell.detection_limit for cell in self.cells],
            "raw": [cell.raw for cell in self.cells],
        }
        data: dict[str, Any] = {"sample_id": self.sample, "row": rows[self.place]}
        for name, entries in columns.items():
            data[name] = pd.Series(_take(entries, self.cell), dtype="object")
        data["full_value"] = pd.Series(_take(self.fulls, self.full), dtype=object)
        data["method"] = pd.Series(methods[self.place], dtype=object)
        return pd.DataFrame(data)[list(READING_COLUMNS)]


class CellMemory:
    """Cells that were read before, kept from block to block of one file; bounded."""

    LIMIT = 200_000

    def __init__(self) -> None:
        self._known: dict[tuple[str, Conversion], dict[str, CellValue]] = defaultdict(dict)

    def of(self, code: str, factor: Conversion) -> dict[str, CellValue]:
        """Texts of one parameter in one unit and what they say."""
        known = self._known[code, factor]
        if len(known) > self.LIMIT:
            known.clear()
        return known


@dataclass(frozen=True, slots=True)
class ParsedReadings:
    """The samples and readings of one file.

    Attributes
    ----------
    samples :
        One row per sample, :data:`SAMPLE_COLUMNS`. `sampled_at` is a time in Asia/Shanghai or NaT, with the
        cell's text in `sampled_at_raw`; `section` is the code where the file has one, else the name. All
        samples are here, also those whose row has a problem.
    coded, methods :
        The values that could be read, as :class:`CodedReadings`, and the method of each row of the table.
    problems :
        What is wrong with which cell. Loading refuses such rows, classification leaves the cell out.
    rows_read :
        Rows in the file.
    capture_stated :
        Whether `captured_at` was stated (a column or the option), and not read off the file's name.
    headers :
        Field or parameter → the header as the file writes it.
    """

    samples: pd.DataFrame
    coded: CodedReadings
    methods: Texts
    problems: tuple[Problem, ...]
    warnings: tuple[Notice, ...]
    rows_read: int
    layout: Literal["wide", "long"]
    table: RawTable
    capture_stated: bool
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def readings(self) -> pd.DataFrame:
        """One row per value that could be read, :data:`READING_COLUMNS`, by row and in the file's order.

        Values are Decimals in the parameter's own unit; the value of a reading below the detection limit is
        that limit; both are None for a bare ``ND``, which loading refuses.
        """
        return self.coded.frame(self.table.rows, self.methods)


def readings_names() -> Names:
    """Everything that a header of a file of readings may say."""
    return names_of(READINGS, FIELDS, tuple(load_parameters()))


def parse_table(
    table: RawTable, options: IngestOptions, *, for_loading: bool = False, memory: CellMemory | None = None
) -> ParsedReadings:
    """Read one table, or one block of a longer one; `memory` spares reading the same cells again.

    Raises
    ------
    IngestFileError
        As :func:`parse_readings`.
    """
    memory = memory or CellMemory()
    names = readings_names()
    arranged = arrange(table, options, names, READINGS)
    return _ReadingsParser(arranged, options, names, memory, for_loading=for_loading).parse()


def readings_score(options: IngestOptions) -> HeaderScore:
    """The measure by which the header of a file of readings is found."""
    return header_score(options, readings_names(), READINGS)


def parse_readings(
    path: Path, options: IngestOptions | None = None, *, for_loading: bool = False
) -> ParsedReadings:
    """Read one file of readings.

    With `for_loading` a time without a year, and a bare ``ND`` without any detection limit, are problems.
    Without it, as `classify` needs, such a sample has `sampled_at` NaT and such a reading has no value.

    Raises
    ------
    IngestFileError
        If the file cannot be used: unreadable, a needed column missing, two columns for one parameter, a unit
        that cannot be converted.
    """
    options = options or IngestOptions()
    table = read_table(path, options, readings_score(options))
    if options.mapping is not None:
        table = giving_way([table], load_mapping(options.mapping, READINGS)).leave(table)
    return parse_table(table, options, for_loading=for_loading)


@dataclass(frozen=True, slots=True)
class _Values:
    """One parsed column of values: an entry per different text, and the entry of each row."""

    codes: NDArray[np.intp]
    texts: Texts
    cells: list[CellValue]


class _ReadingsParser:
    """One pass over one table. Not reused."""

    def __init__(
        self,
        table: RawTable,
        options: IngestOptions,
        names: Names,
        memory: CellMemory,
        *,
        for_loading: bool,
    ) -> None:
        self.memory = memory
        self.table = table
        self.options = options
        self.names = names
        self.for_loading = for_loading
        self.now = datetime.now(BEIJING)
        self.registry: Mapping[str, Parameter] = load_parameters()
        self.problems: list[Problem] = []
        self.stale: list[int] = []
        self.notices: list[Notice] = list(table.notices)
        self.fields: dict[str, MappedColumn] = {}
        self.shown: dict[str, MappedColumn] = {}
        self.full: dict[str, MappedColumn] = {}
        self._choose_columns(self._with_stated(map_headers(table.columns, names, table.fields)))
        self.layout: Literal["wide", "long"] = (
            "long" if "parameter" in self.fields and "value" in self.fields else "wide"
        )
        if self.layout == "wide":
            self._settle_beside()
        for column in (*self.shown.values(), *self.full.values()) if self.layout == "long" else ():
            self.notices.append(Notice("column_not_stored", {"column": column.header}, column=column.header))

    # -- columns -----------------------------------------------------------------------------------------

    def _choose_columns(self, mapped: Sequence[MappedColumn]) -> None:
        groups: dict[tuple[str, bool], list[MappedColumn]] = defaultdict(list)
        for column in mapped:
            if column.field is None:
                self._note_unknown(column)
            elif column.parameter or column.field in FIELDS:
                groups[column.field, column.full].append(column)
            elif column.field != IGNORED:
                self.notices.append(
                    Notice("column_not_stored", {"column": column.header}, column=column.header)
                )
        for (name, full), columns in groups.items():
            if len(columns) > 1:
                raise ColumnClashError(self.table.file, name, [column.header for column in columns])
            if columns[0].parameter:
                (self.full if full else self.shown)[name] = columns[0]
            else:
                self.fields[name] = columns[0]
        # A file that has unrounded values only: they are the values.
        for code in [code for code in self.full if code not in self.shown]:
            self.shown[code] = self.full.pop(code)
        missing = []
        if not {"section", "section_code"} & self.fields.keys():
            missing.append("section (断面名称)")
        if "sampled_at" not in self.fields and not {"year", "month"} <= self.fields.keys():
            missing.append("sampled_at (监测时间)")
        if not self.shown and not {"parameter", "value"} <= self.fields.keys():
            missing.append("parameter columns, or parameter and value (监测项目, 监测值)")
        if missing:
            raise MissingColumnsError(self.table.file, missing, [name for name in self.table.columns if name])
        if self.table.sheets_ignored:
            params = {"sheet": self.table.sheet or "", "others": ", ".join(self.table.sheets_ignored)}
            self.notices.append(Notice("sheets_ignored", params))

    def _settle_beside(self) -> None:
        """Keep a column of units, and one of detection limits, only where it says something of the values."""
        unit, limit = self.fields.get("unit"), self.fields.get("detection_limit")
        said = set() if unit is None else {clean_text(cell) for cell in set(self._cells("unit"))}
        if unit is not None and all(_OFFICE.search(text) for text in said - _MISSING_TEXTS):
            del self.fields["unit"]
            self.notices.append(Notice("column_not_stored", {"column": unit.header}, column=unit.header))
        if limit is not None and len(self.shown) > 1:
            del self.fields["detection_limit"]
            params = {"column": limit.header, "parameters": ", ".join(self.shown)}
            self.notices.append(Notice("detection_limit_unassigned", params, column=limit.header))
        for name in ("value", "full_value", "parameter"):
            if name in self.fields:
                header = self.fields.pop(name).header
                self.notices.append(Notice("column_not_stored", {"column": header}, column=header))

    def _with_stated(self, mapped: list[MappedColumn]) -> list[MappedColumn]:
        """The columns, as the caller names them, and one more for each field that is the same throughout."""
        columns = list(mapped)
        for name, header in self.options.columns.items():
            if name not in (*FIELDS, *self.registry):
                expected = ", ".join((*FIELDS, *self.registry))
                raise OptionError("--column", f"{name}={header}", expected)
            found = named_column(name, header, mapped)
            for other in columns:
                if other.field == name and not other.full:
                    columns[other.position] = replace(other, field=_SUPERSEDED, parameter=False)
            columns[found.position] = MappedColumn(
                found.position, found.header, name, name in self.registry, unit=unit_in_header(header)
            )
        stated = {column.field for column in columns}
        # In a file with a column for each parameter these would say nothing.
        long = {"value", "parameter"} <= (stated | self.options.constants.keys())
        of_values = () if long else ("parameter", "unit", "detection_limit")
        free = [
            name
            for name in FIELDS
            if name not in stated and name not in of_values and name not in ("value", "full_value")
        ]
        cells = list(self.table.cells)
        for name, text in self.options.constants.items():
            if name not in free:
                raise OptionError("--set", f"{name}={text}", ", ".join(free))
            self._check_constant(name, text)
            columns.append(MappedColumn(len(cells), name, name))
            cells.append([text] * len(self.table))
        if len(cells) > len(self.table.cells):
            table = self.table
            self.table = replace(
                table,
                columns=tuple(column.header for column in columns),
                cells=tuple(cells),
                fields=None if table.fields is None else tuple(column.field for column in columns),
                origin=table.origin or (table, np.arange(len(table), dtype=np.int64)),
            )
        return columns

    def _check_constant(self, name: str, text: str) -> None:
        """What every row says must be sayable: else every row would be refused for the caller's slip."""
        if name in _CHOICES:
            _, error = parse_cell(_CHOICES[name], text)
            if error is not None:
                expected = str(error.params.get("allowed", _CHOICES[name].type))
                raise OptionError("--set", f"{name}={text}", expected)
        if name == "parameter" and match_header(text, self.names)[0] not in self.registry:
            raise OptionError("--set", f"{name}={text}", ", ".join(self.registry))

    def _note_unknown(self, column: MappedColumn) -> None:
        if not column.header.strip():
            return
        hint = near_miss(column.header, self.names)
        params = {"column": column.header} | ({} if hint is None else {"similar": hint})
        code = "column_unknown" if hint is None else "column_unknown_similar"
        self.notices.append(Notice(code, params, column=column.header))

    def _cells(self, field: str) -> list[str]:
        return self.table.cells[self.fields[field].position]

    def _problem(self, place: int, header: str | None, value: str | None, code: str, **params: Any) -> None:
        self.problems.append(Problem(int(self.table.rows[place]), header, value, code, params))

    # -- the pass ----------------------------------------------------------------------------------------

    def parse(self) -> ParsedReadings:
        for place, extra in self.table.overlong:
            self._problem(place, None, ", ".join(extra)[:80], "row_too_long", cells=len(self.table.columns))
        for fault in self.table.faults:
            self._problem(fault.position, fault.column, fault.value, fault.code, **fault.params)
        rows = self._row_facts()
        samples, coded = self._long(rows) if self.layout == "long" else self._wide(rows)
        problems = sorted(self.problems, key=lambda problem: problem.row)
        return ParsedReadings(
            samples=samples,
            coded=coded,
            methods=rows["method"].to_numpy(dtype=object),
            problems=tuple(problems),
            warnings=tuple(self.notices),
            rows_read=len(self.table),
            layout=self.layout,
            table=self.table,
            capture_stated="captured_at" in self.fields or self.options.captured_at is not None,
            headers={name: column.header for name, column in {**self.shown, **self.fields}.items()},
        )

    def _row_facts(self) -> pd.DataFrame:
        """Everything that a row says besides its values; one row per row of the file."""
        count = len(self.table)
        nothing = np.full(count, None, dtype=object)
        data: dict[str, Any] = {
            name: self._texts(name) if name in self.fields else nothing for name in _TEXTS
        }
        for name, column in _CHOICES.items():
            data[name] = self._choice(name, column) if name in self.fields else nothing
        name, code = data["section"], data["section_code"]
        data["section_name"] = name
        data["section"] = np.where(pd.notna(code), code, name)
        header = self.fields["section" if "section" in self.fields else "section_code"].header
        for place in np.flatnonzero(pd.isna(data["section"])):
            self._problem(int(place), header, "", "value_missing")
        captured = self._captures()
        data["captured_at"] = captured
        data["sampled_at"], data["sampled_at_raw"] = self._times(captured)
        data["row"] = self.table.rows
        # Objects throughout: in a column of texts pandas would not keep None for what is missing.
        return pd.DataFrame(
            {
                name: pd.Series(values, dtype=object)
                if isinstance(values, np.ndarray) and values.dtype == object
                else values
                for name, values in data.items()
            }
        )

    def _texts(self, field: str) -> Texts:
        codes, texts = _factorize(self._cells(field))
        cleaned = [None if (text := clean_text(cell)) in _MISSING_TEXTS else text for cell in texts]
        for entry, said in enumerate(cleaned):
            if said is None or (code := _unfit(said)) is None:
                continue
            params = {"most": _LONGEST_TEXT} if code == "text_too_long" else {}
            for place in np.flatnonzero(codes == entry):
                self._problem(int(place), self.fields[field].header, texts[entry], code, **params)
        return _take(cleaned, codes)

    def _choice(self, field: str, column: Column) -> Texts:
        codes, texts = _factorize(self._cells(field))
        parsed = [parse_cell(column, text) for text in texts]
        for entry, (_, error) in enumerate(parsed):
            if error is not None:
                for place in np.flatnonzero(codes == entry):
                    self._problem(
                        int(place), self.fields[field].header, texts[entry], error.code, **error.params
                    )
        return _take([value for value, _ in parsed], codes)

    # -- times -------------------------------------------------------------------------------------------

    def _captures(self) -> Texts:
        """When each row was captured: its own column, else the option, else the file's name; or None."""
        given: datetime | None = None
        if self.options.captured_at is not None:
            given = capture_of(self.options.captured_at)
        elif "captured_at" not in self.fields:
            given = capture_from_name(self.table.file)
        if "captured_at" not in self.fields:
            return np.full(len(self.table), given, dtype=object)
        codes, texts = _factorize(self._cells("captured_at"))
        moments: list[datetime | None] = []
        for entry, text in enumerate(texts):
            parsed = _parse_capture(text)
            if parsed.code is not None:
                for place in np.flatnonzero(codes == entry):
                    self._problem(int(place), self.fields["captured_at"].header, text, parsed.code)
            moments.append(parsed.at or given)
        return _take(moments, codes)

    def _time_texts(self) -> tuple[str, list[str]]:
        """The header and the texts of the sampling times; a year and a month column make a month."""
        if "sampled_at" in self.fields:
            return self.fields["sampled_at"].header, self._cells("sampled_at")
        years, months = self._cells("year"), self._cells("month")
        header = f"{self.fields['year'].header}/{self.fields['month'].header}"
        joined = [
            f"{year}-{month}" if year or month else ""
            for year, month in zip(map(_digits, years), map(_digits, months), strict=True)
        ]
        return header, joined

    def _times(self, captured: Texts) -> tuple[pd.Series[Any], Texts]:
        header, cells = self._time_texts()
        codes, texts = _factorize(cells)
        captures, moments = pd.factorize(captured)
        pairs, entries = np.unique(
            codes.astype(np.int64) * (len(moments) + 1) + captures + 1, return_inverse=True
        )
        times: list[datetime | None] = []
        for entry, pair in enumerate(pairs):
            text_at, capture_at = divmod(int(pair), len(moments) + 1)
            text = texts[text_at]
            capture = moments[capture_at - 1] if capture_at else None
            times.append(self._time(header, text, capture, np.flatnonzero(entries == entry)))
        if self.stale:
            params = {"count": len(self.stale), "rows": listed_rows(sorted(self.stale))}
            self.notices.append(Notice("stale_rows", params))
        at = pd.to_datetime(pd.Series(_take(times, entries)), utc=True).dt.tz_convert("Asia/Shanghai")
        raw = _take([text.strip() or None for text in texts], codes)
        return at, raw

    def _time(
        self, header: str, text: str, capture: datetime | None, places: NDArray[np.intp]
    ) -> datetime | None:
        parsed = parse_time(text, captured=capture, date_1904=self.table.date_1904)
        if self.for_loading and parsed.at is not None and parsed.at > self.now + _FUTURE_SLACK:
            for place in places:
                self._problem(int(place), header, text, "time_in_future")
            return None
        if parsed.code is None:
            if parsed.at is not None and capture is not None and capture - parsed.at > STALE_AFTER:
                self._note_stale(text, places)
            if (
                parsed.at is None
                or capture is None
                or parsed.at <= capture + CAPTURE_SLACK
                or not _yearless(text)
            ):
                return parsed.at
            if not self.for_loading:
                return parsed.at
            params = {"captured": capture.isoformat(sep=" ", timespec="minutes")}
            for place in places:
                self._problem(int(place), header, text, "time_after_capture", **params)
            return None
        if parsed.code == "time_without_year" and not self.for_loading:
            return None
        for place in places:
            self._problem(int(place), header, text, parsed.code)
        return None

    def _note_stale(self, text: str, places: NDArray[np.intp]) -> None:
        """Remember rows that a snapshot of known day shows from days before it."""
        known = self.options.captured_at is not None or "captured_at" in self.fields
        if (known or names_a_day(self.table.file)) and _yearless(text):
            self.stale.extend(int(row) for row in self.table.rows[places])

    # -- values ------------------------------------------------------------------------------------------

    def _factor(self, code: str, column: MappedColumn) -> Conversion:
        canonical = self.registry[code].unit
        if column.unit is None:
            return IDENTITY
        factor = conversion(column.unit, canonical, code)
        if factor is None:
            raise UnitError(self.table.file, column.header, column.unit, canonical)
        return factor

    def _read(
        self,
        code: str,
        text: str,
        factor: Conversion,
        limit: Decimal | None,
        *,
        row_states_unit: bool = False,
    ) -> CellValue:
        """One cell of one parameter, in the parameter's unit, checked against what can be measured at all.

        A unit behind the value counts before that of the header; one beside it in the row must be the same.
        """
        parameter = self.registry[code]
        cell = self._parsed(parameter, text)
        if cell.code in ("value_unreadable", "detection_limit_unreadable"):
            bare, own = unit_behind(text) or ("", "")
            if bare and is_unit(own) and self._parsed(parameter, bare).code is None:
                stated = conversion(own, parameter.unit, code)
                if stated is None:
                    return CellValue(Reading.UNREADABLE, code="unit_not_convertible")
                if row_states_unit and stated != factor:
                    return CellValue(Reading.UNREADABLE, code="unit_contradicts")
                cell, factor = self._parsed(parameter, bare), stated
        if cell.reading is Reading.NOT_DETECTED:
            if limit is None:
                limit = self.options.detection_limits.get(code)
            if limit is None:
                return CellValue(
                    Reading.NOT_DETECTED, code="detection_limit_missing" if self.for_loading else None
                )
            return CellValue(Reading.BELOW, limit)
        if cell.number is None:
            return cell
        if abs(cell.number.adjusted()) > _MAX_DIGITS or len(cell.number.as_tuple().digits) > _MAX_DIGITS:
            return CellValue(Reading.UNREADABLE, code="number_absurd")
        number = cell.number if factor.is_identity else factor.apply(cell.number)
        if number < 0 and parameter.gross_min >= 0:
            return CellValue(Reading.UNREADABLE, code="value_negative")
        if not parameter.is_plausible(number):
            return CellValue(Reading.UNREADABLE, code="value_impossible")
        return CellValue(cell.reading, number)

    def _parsed(self, parameter: Parameter, text: str) -> CellValue:
        return parse_value(
            text,
            # A convention for concentrations: three degrees below zero are no limit.
            negative_is_limit=self.options.negative_is_limit and parameter.gross_min >= 0,
            percent=parameter.unit == "%",
        )

    def _params_of(self, code: str, parameter: str) -> dict[str, Any]:
        entry = self.registry[parameter]
        if code == "unit_not_convertible":
            return {"canonical": entry.unit}
        params: dict[str, Any] = {"parameter": parameter, "name": entry.name_zh}
        if code == "value_impossible":
            params |= {"minimum": str(entry.gross_min), "maximum": str(entry.gross_max), "unit": entry.unit}
        return params

    def _parsed_column(self, code: str, column: MappedColumn) -> _Values:
        factor = self._factor(code, column)
        if self.fields.keys() & {"unit", "detection_limit"}:
            return self._parsed_with_beside(code, column, factor)
        codes, texts = _factorize(self.table.cells[column.position])
        known = self.memory.of(code, factor)
        cells = []
        for text in texts:
            cell = known.get(text)
            if cell is None:
                cell = known[text] = self._read(code, text, factor, None)
            cells.append(cell)
        for entry, cell in enumerate(cells):
            if cell.code is not None:
                for place in np.flatnonzero(codes == entry):
                    self._problem(
                        int(place), column.header, texts[entry], cell.code, **self._params_of(cell.code, code)
                    )
        return _Values(codes, texts, cells)

    def _parsed_with_beside(self, code: str, column: MappedColumn, factor: Conversion) -> _Values:
        """A column of values whose unit, or detection limit, stands in another cell of the row."""
        beside = [
            self._cells(name) if name in self.fields else [""] * len(self.table)
            for name in ("unit", "detection_limit")
        ]
        entries: dict[tuple[str, str, str], int] = {}
        codes = np.empty(len(self.table), dtype=np.intp)
        cells: list[CellValue] = []
        for place, key in enumerate(zip(self.table.cells[column.position], *beside, strict=True)):
            entry = entries.setdefault(key, len(entries))
            codes[place] = entry
            if entry == len(cells):
                cells.append(self._beside_cell(code, column, factor, *key))
            cell = cells[entry]
            if cell.code is not None:
                wrong = {
                    "unit_not_convertible": "unit",
                    "unit_contradicts": "unit",
                    "detection_limit_unreadable": "detection_limit",
                }.get(cell.code, "")
                header, said = column.header, key[0]
                if wrong in self.fields and parse_value(key[0]).code is None:
                    header, said = self.fields[wrong].header, key[1 if wrong == "unit" else 2]
                self._problem(place, header, said, cell.code, **self._params_of(cell.code, code))
        texts = np.empty(len(entries), dtype=object)
        texts[:] = [text for text, _, _ in entries]
        return _Values(codes, texts, cells)

    def _beside_cell(
        self, code: str, column: MappedColumn, factor: Conversion, text: str, unit: str, limit: str
    ) -> CellValue:
        """One value in the unit of its row, where its header states none; two that differ are refused."""
        canonical = self.registry[code].unit
        stated = clean_text(unit)
        says = stated not in _MISSING_TEXTS and parse_value(text).reading is not Reading.MISSING
        if says and column.unit is not None:
            own = conversion(stated, canonical, code)
            if own is not None and own != factor:
                return CellValue(Reading.UNREADABLE, code="unit_contradicts")
        elif says and not (canonical == _PLAIN and conversion(stated, canonical, code) is None):
            own = conversion(stated, canonical, code)
            if own is None:
                return CellValue(Reading.UNREADABLE, code="unit_not_convertible")
            factor = own
        number, wrong = _limit_of(limit, factor)
        if wrong:
            return CellValue(Reading.UNREADABLE, code="detection_limit_unreadable")
        return self._read(code, text, factor, number, row_states_unit=says and column.unit is None)

    def _wide(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, CodedReadings]:
        places: list[NDArray[np.int64]] = []
        entries: list[NDArray[np.int64]] = []
        full_entries: list[NDArray[np.int64]] = []
        cells: list[ReadCell] = []
        fulls: list[Decimal | None] = [None]
        for code, column in self.shown.items():
            shown = self._parsed_column(code, column)
            kept = np.array([_is_reading(cell) for cell in shown.cells], dtype=bool)[shown.codes]
            of_column = np.flatnonzero(kept)
            places.append(of_column)
            entries.append(shown.codes[of_column] + len(cells))
            cells.extend(
                _read_cell(code, cell, text) for cell, text in zip(shown.cells, shown.texts, strict=True)
            )
            if code in self.full:
                full = self._parsed_column(code, self.full[code])
                full_entries.append(full.codes[of_column] + len(fulls))
                fulls.extend(_full_number(cell) for cell in full.cells)
            else:
                full_entries.append(np.zeros(len(of_column), dtype=np.int64))
        place = np.concatenate(places)
        order = np.argsort(place, kind="stable")
        coded = CodedReadings(
            place=place[order],
            sample=place[order],
            cell=np.concatenate(entries)[order],
            full=np.concatenate(full_entries)[order],
            cells=cells,
            fulls=fulls,
        )
        samples = rows.assign(sample_id=np.arange(len(rows)))
        return samples[list(SAMPLE_COLUMNS)], coded

    def _long(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, CodedReadings]:
        value_header = self.fields["value"].header
        values = self._cells("value")
        names, units, limits, fulls = (
            self._cells(field) if field in self.fields else [""] * len(self.table)
            for field in ("parameter", "unit", "detection_limit", "full_value")
        )
        known: dict[tuple[str, ...], _LongCell] = {}
        numbers: dict[tuple[str, ...], int] = {}
        cells: list[ReadCell] = []
        full_values: list[Decimal | None] = []
        kept: list[int] = []
        entries: list[int] = []
        for place, key in enumerate(zip(names, units, values, limits, fulls, strict=True)):
            cell = known.get(key)
            if cell is None:
                cell = known[key] = self._long_cell(*key)
            if cell.code is not None:
                header = self.fields[cell.wrong].header if cell.wrong in self.fields else value_header
                said = dict(
                    zip(("parameter", "unit", "value", "detection_limit", "full_value"), key, strict=True)
                )
                self._problem(place, header, said[cell.wrong], cell.code, **cell.params)
            elif cell.value is not None and _is_reading(cell.value):
                if key not in numbers:
                    numbers[key] = len(cells)
                    cells.append(_read_cell(cell.parameter, cell.value, key[2]))
                    full_values.append(cell.full)
                kept.append(place)
                entries.append(numbers[key])
        grouping = rows[
            ["section", "province", "sampled_at", "sampled_at_raw", "station_status", "station_type"]
        ]
        sample_ids = grouping.groupby(list(grouping.columns), dropna=False, sort=False).ngroup().to_numpy()
        samples = rows.assign(sample_id=sample_ids).drop_duplicates("sample_id").reset_index(drop=True)
        position = np.empty(len(samples), dtype=np.int64)
        position[samples["sample_id"].to_numpy()] = np.arange(len(samples))
        places = np.asarray(kept, dtype=np.int64)
        cell_of = np.asarray(entries, dtype=np.int64)
        coded = CodedReadings(
            place=places,
            sample=position[sample_ids[places]],
            cell=cell_of,
            full=cell_of + 1,
            cells=cells,
            fulls=[None, *full_values],
        )
        return samples[list(SAMPLE_COLUMNS)], coded

    def _long_cell(self, name: str, unit: str, value: str, limit: str, full: str) -> _LongCell:
        code, header_unit = match_header(name, self.names)
        if code is None or code not in self.registry:
            return _LongCell(code="parameter_unknown", wrong="parameter")
        canonical = self.registry[code].unit
        stated = clean_text(unit) or header_unit or self.fields["value"].unit
        factor = (
            IDENTITY if stated is None or stated in _MISSING_TEXTS else conversion(stated, canonical, code)
        )
        if factor is None:
            return _LongCell(code="unit_not_convertible", wrong="unit", params={"canonical": canonical})
        stated_limit, wrong = _limit_of(limit, factor)
        if wrong:
            return _LongCell(code="detection_limit_unreadable", wrong="detection_limit")
        row_states_unit = clean_text(unit) not in _MISSING_TEXTS
        cell = self._read(code, value, factor, stated_limit, row_states_unit=row_states_unit)
        if cell.code is not None:
            return _LongCell(code=cell.code, wrong="value", params=self._params_of(cell.code, code))
        full_cell = self._read(code, full, factor, stated_limit)
        if full_cell.code not in (None, "detection_limit_missing"):
            return _LongCell(
                code=full_cell.code, wrong="full_value", params=self._params_of(str(full_cell.code), code)
            )
        return _LongCell(parameter=code, value=cell, full=_full_number(full_cell))


@dataclass(frozen=True, slots=True)
class _LongCell:
    """One different combination of parameter, unit and value in a long file; `wrong` has the fault `code`."""

    parameter: str = ""
    value: CellValue | None = None
    full: Decimal | None = None
    code: str | None = None
    wrong: str = "value"
    params: Mapping[str, Any] = field(default_factory=dict)


def _limit_of(text: str, factor: Conversion) -> tuple[Decimal | None, bool]:
    """The detection limit of a row, converted, and whether what stands there is none."""
    cell = parse_value(text)
    limit: Decimal | None = None
    if cell.reading in (Reading.MEASURED, Reading.BELOW) and cell.number is not None:
        limit = factor.apply(cell.number)
    return limit, cell.reading is Reading.UNREADABLE or (limit is not None and limit <= 0)


def _unfit(text: str) -> str | None:
    """What is wrong with a name, a code or a status; None where nothing is."""
    if len(text) > _LONGEST_TEXT:
        return "text_too_long"
    if not text.isprintable() and any(unicodedata.category(sign) == "Cc" for sign in text):
        return "text_control_character"
    return None


def _is_reading(cell: CellValue) -> bool:
    """Whether the cell says something about the water: a value, or that it lies below a limit."""
    return cell.code is None and cell.reading in (Reading.MEASURED, Reading.BELOW, Reading.NOT_DETECTED)


def _read_cell(code: str, cell: CellValue, text: str) -> ReadCell:
    below = cell.reading is not Reading.MEASURED
    return ReadCell(code, cell.number, "<" if below else "=", cell.number if below else None, text.strip())


def _full_number(cell: CellValue) -> Decimal | None:
    return cell.number if cell.reading is Reading.MEASURED else None


def _factorize(cells: Sequence[str]) -> tuple[NDArray[np.intp], Texts]:
    codes, texts = pd.factorize(np.asarray(cells, dtype=object))
    return codes, texts


def _take(values: Sequence[Any], codes: NDArray[Any]) -> Texts:
    """`values[code]` for every code, as objects."""
    table = np.empty(len(values), dtype=object)
    table[:] = values
    taken: Texts = table[codes]
    return taken


def _digits(text: str) -> str:
    """The number of a year or month cell: ``2023年`` and ``2023.0`` are 2023."""
    return re.sub(r"\.0+$", "", re.sub(r"[年月\s]", "", text))


def _yearless(text: str) -> bool:
    return parse_time(text).code == "time_without_year"


def _parse_capture(text: str) -> ParsedTime:
    """A capture time; a day means its end, a year alone its last day."""
    bare = _digits(clean_text(text))
    if re.fullmatch(r"(19|20)\d{2}", bare):
        return ParsedTime(end_of(date(int(bare), 12, 31)))
    parsed = parse_time(text)
    if parsed.at is not None and not re.search(r"\d\s*[:时点]|T\d|\.\d{3,}|^\d{12,14}$", text):
        return ParsedTime(end_of(parsed.at.date()))
    return parsed
