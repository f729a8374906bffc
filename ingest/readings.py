"""Files of water-quality readings → samples and readings, with or without a database.

Wide files have one column per parameter and one row per sample; long files one row per reading. The national
feed is a wide file: times without a year, ``--`` and ``*`` for missing, the unrounded value in ``原始值_…``.
Work is done once per different text, so that a feed of a million cells parses a few thousand of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingest.errors import ColumnClashError, MissingColumnsError, UnitError
from ingest.headers import (
    IGNORED,
    READINGS,
    MappedColumn,
    Names,
    count_known,
    map_headers,
    match_header,
    names_of,
    near_miss,
)
from ingest.kinds import Column, Type, clean_text, parse_cell
from ingest.options import IngestOptions
from ingest.readers import RawTable, read_table
from ingest.report import Notice, Problem
from ingest.times import CAPTURE_SLACK, ParsedTime, capture_from_name, capture_of, end_of, parse_time
from ingest.units import IDENTITY, Conversion, conversion
from ingest.values import CellValue, Reading, parse_value
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

Texts = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class ParsedReadings:
    """The samples and readings of one file.

    Attributes
    ----------
    samples :
        One row per sample, :data:`SAMPLE_COLUMNS`. `sampled_at` is a time in Asia/Shanghai or NaT, with the
        cell's text in `sampled_at_raw`; `section` is the code where the file has one, else the name. All
        samples are here, also those whose row has a problem.
    readings :
        One row per value that could be read, :data:`READING_COLUMNS`, by sample and in the file's order of
        parameters. Values are Decimals in the parameter's own unit; the value of a reading below the
        detection limit is that limit; both are None for a bare ``ND``, which loading refuses.
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
    readings: pd.DataFrame
    problems: tuple[Problem, ...]
    warnings: tuple[Notice, ...]
    rows_read: int
    layout: Literal["wide", "long"]
    table: RawTable
    capture_stated: bool
    headers: Mapping[str, str] = field(default_factory=dict)


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
    names = names_of(READINGS, FIELDS, tuple(load_parameters()))
    table = read_table(path, options, lambda row: count_known(row, names))
    return _ReadingsParser(table, options, names, for_loading=for_loading).parse()


@dataclass(frozen=True, slots=True)
class _Values:
    """One parsed column of values: an entry per different text, and the entry of each row."""

    codes: NDArray[np.intp]
    texts: Texts
    cells: list[CellValue]


class _ReadingsParser:
    """One pass over one table. Not reused."""

    def __init__(self, table: RawTable, options: IngestOptions, names: Names, *, for_loading: bool) -> None:
        self.table = table
        self.options = options
        self.names = names
        self.for_loading = for_loading
        self.registry: Mapping[str, Parameter] = load_parameters()
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []
        self.fields: dict[str, MappedColumn] = {}
        self.shown: dict[str, MappedColumn] = {}
        self.full: dict[str, MappedColumn] = {}
        self._choose_columns(map_headers(table.columns, names))
        self.layout: Literal["wide", "long"] = (
            "long" if "parameter" in self.fields and "value" in self.fields else "wide"
        )

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
        rows = self._row_facts()
        samples, readings = self._long(rows) if self.layout == "long" else self._wide(rows)
        problems = sorted(self.problems, key=lambda problem: problem.row)
        return ParsedReadings(
            samples=samples,
            readings=readings,
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
        at = pd.to_datetime(pd.Series(_take(times, entries)), utc=True).dt.tz_convert("Asia/Shanghai")
        raw = _take([text.strip() or None for text in texts], codes)
        return at, raw

    def _time(
        self, header: str, text: str, capture: datetime | None, places: NDArray[np.intp]
    ) -> datetime | None:
        parsed = parse_time(text, captured=capture)
        if parsed.code is None:
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

    # -- values ------------------------------------------------------------------------------------------

    def _factor(self, code: str, column: MappedColumn) -> Conversion:
        canonical = self.registry[code].unit
        if column.unit is None:
            return IDENTITY
        factor = conversion(column.unit, canonical, code)
        if factor is None:
            raise UnitError(self.table.file, column.header, column.unit, canonical)
        return factor

    def _read(self, code: str, text: str, factor: Conversion, limit: Decimal | None) -> CellValue:
        """One cell of one parameter, in the parameter's unit, checked against what can be measured at all."""
        parameter = self.registry[code]
        cell = parse_value(
            text, negative_is_limit=self.options.negative_is_limit, percent=parameter.unit == "%"
        )
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

    def _params_of(self, code: str, parameter: str) -> dict[str, Any]:
        entry = self.registry[parameter]
        params: dict[str, Any] = {"parameter": parameter, "name": entry.name_zh}
        if code == "value_impossible":
            params |= {"minimum": str(entry.gross_min), "maximum": str(entry.gross_max), "unit": entry.unit}
        return params

    def _parsed_column(self, code: str, column: MappedColumn) -> _Values:
        factor = self._factor(code, column)
        codes, texts = _factorize(self.table.cells[column.position])
        cells = [self._read(code, text, factor, None) for text in texts]
        for entry, cell in enumerate(cells):
            if cell.code is not None:
                for place in np.flatnonzero(codes == entry):
                    self._problem(
                        int(place), column.header, texts[entry], cell.code, **self._params_of(cell.code, code)
                    )
        return _Values(codes, texts, cells)

    def _wide(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        parts: list[dict[str, Any]] = []
        for code, column in self.shown.items():
            shown = self._parsed_column(code, column)
            full = self._parsed_column(code, self.full[code]) if code in self.full else None
            kept = np.array([_is_reading(cell) for cell in shown.cells], dtype=bool)[shown.codes]
            places = np.flatnonzero(kept)
            entries = shown.codes[places]
            below = [cell.reading is not Reading.MEASURED for cell in shown.cells]
            parts.append(
                {
                    "sample_id": places,
                    "parameter": np.full(len(places), code, dtype=object),
                    "value": _take([cell.number for cell in shown.cells], entries),
                    "full_value": np.full(len(places), None, dtype=object)
                    if full is None
                    else _take([_full_number(cell) for cell in full.cells], full.codes[places]),
                    "qualifier": _take(["<" if low else "=" for low in below], entries),
                    "detection_limit": _take(
                        [cell.number if low else None for cell, low in zip(shown.cells, below, strict=True)],
                        entries,
                    ),
                    "raw": _take([text.strip() for text in shown.texts], entries),
                }
            )
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.argsort(joined["sample_id"], kind="stable")
        readings = pd.DataFrame(
            {name: pd.Series(values[order], dtype=values.dtype) for name, values in joined.items()}
        )
        of_row = readings["sample_id"].to_numpy()
        readings["row"] = self.table.rows[of_row]
        readings["method"] = pd.Series(rows["method"].to_numpy()[of_row], dtype=object)
        samples = rows.assign(sample_id=np.arange(len(rows)))
        return samples[list(SAMPLE_COLUMNS)], readings[list(READING_COLUMNS)]

    def _long(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        value_header = self.fields["value"].header
        values = self._cells("value")
        names, units, limits, fulls = (
            self._cells(field) if field in self.fields else [""] * len(self.table)
            for field in ("parameter", "unit", "detection_limit", "full_value")
        )
        known: dict[tuple[str, ...], _LongCell] = {}
        kept: list[int] = []
        cells: list[_LongCell] = []
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
                kept.append(place)
                cells.append(cell)
        grouping = rows[
            ["section", "province", "sampled_at", "sampled_at_raw", "station_status", "station_type"]
        ]
        sample_ids = grouping.groupby(list(grouping.columns), dropna=False, sort=False).ngroup().to_numpy()
        samples = rows.assign(sample_id=sample_ids).drop_duplicates("sample_id").reset_index(drop=True)
        taken = [cell.value for cell in cells if cell.value is not None]
        below = [value.reading is not Reading.MEASURED for value in taken]
        places = np.asarray(kept, dtype=np.int64)
        readings = pd.DataFrame(
            {
                "sample_id": sample_ids[places],
                "row": self.table.rows[places],
                "parameter": pd.Series([cell.parameter for cell in cells], dtype=object),
                "value": pd.Series([value.number for value in taken], dtype=object),
                "full_value": pd.Series([cell.full for cell in cells], dtype=object),
                "qualifier": pd.Series(["<" if low else "=" for low in below], dtype=object),
                "detection_limit": pd.Series(
                    [value.number if low else None for value, low in zip(taken, below, strict=True)],
                    dtype=object,
                ),
                "raw": pd.Series([values[place].strip() for place in kept], dtype=object),
                "method": pd.Series(rows["method"].to_numpy()[places], dtype=object),
            }
        )
        return samples[list(SAMPLE_COLUMNS)], readings[list(READING_COLUMNS)]

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
        stated_limit: Decimal | None = None
        limit_cell = parse_value(limit)
        if limit_cell.reading in (Reading.MEASURED, Reading.BELOW) and limit_cell.number is not None:
            stated_limit = factor.apply(limit_cell.number)
        if limit_cell.reading is Reading.UNREADABLE or (stated_limit is not None and stated_limit <= 0):
            return _LongCell(code="detection_limit_unreadable", wrong="detection_limit")
        cell = self._read(code, value, factor, stated_limit)
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


def _is_reading(cell: CellValue) -> bool:
    """Whether the cell says something about the water: a value, or that it lies below a limit."""
    return cell.code is None and cell.reading in (Reading.MEASURED, Reading.BELOW, Reading.NOT_DETECTED)


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
