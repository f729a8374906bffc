"""Files of everything but readings: inventories, sections, shorelines, targets, ledgers → typed rows.

All checks that need no database happen here, and all of their problems are collected: a row with three faults
has three problems. The frame that comes out holds the good rows only.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ingest.arrangement import arrange, header_score, named_column
from ingest.coordinates import Claims, Places, locate_rows
from ingest.errors import ColumnClashError, MissingColumnsError, OptionError, UnitError
from ingest.headers import (
    IGNORED,
    MappedColumn,
    Names,
    map_headers,
    names_of,
    near_miss,
    unit_in_header,
)
from ingest.kinds import (
    CellError,
    Column,
    Kind,
    choices_of,
    find_kind,
    fold_word,
    match_parameter,
    parse_cell,
)
from ingest.options import IngestOptions
from ingest.readers import RawTable, read_table
from ingest.report import Notice, Problem
from ingest.systems import CGCS2000, conventions
from ingest.units import IDENTITY, conversion, conversion_factor
from spatial.parameters import load_parameters

GEOMETRY_FIELDS = ("lon", "lat", "coordinates", "geometry", "easting", "northing", "x", "y")
_SHOWN_CODES = 5
_POSITIONS = "geometry (or lon and lat, or 经纬度)"


@dataclass(frozen=True, slots=True)
class ParsedFeatures:
    """The rows of one file.

    Attributes
    ----------
    frame :
        The good rows: the kind's columns by their contract names, `row` (its number), `original` (what it
        was before anything was converted, or None) and `fact_hash`; a GeoDataFrame in EPSG:4490 for
        kinds with a geometry, a DataFrame for the others. Repetitions of a row inside the file are left out.
    problems :
        All of them, by row.
    repeated :
        Row numbers of exact repetitions of an earlier row.
    rows_read :
        Rows in the file, whatever became of them.
    table :
        The file as text, for giving rejected rows back.
    """

    kind: str
    frame: pd.DataFrame
    problems: tuple[Problem, ...]
    warnings: tuple[Notice, ...]
    repeated: tuple[int, ...]
    rows_read: int
    table: RawTable


def parse_features(
    kind: str, path: Path, options: IngestOptions | None = None, *, for_loading: bool = False
) -> ParsedFeatures:
    """Read and check one file of `kind` (dashes or underscores; ``facilities`` for what `distance` measures).

    What is loaded must lie in China; what is only measured with may lie anywhere, once it has a rank.

    Raises
    ------
    IngestFileError
        If the file cannot be used: unreadable, a required column missing, two columns for one field, a unit
        or a coordinate system that cannot be converted.
    OptionError
        If an option does not fit.
    """
    options = options or IngestOptions()
    spec = find_kind(kind)
    names = names_of(spec.name, spec.fields)
    table = read_table(path, options, header_score(options, names, spec.name))
    return parse_table(kind, table, options, for_loading=for_loading)


def parse_table(
    kind: str, table: RawTable, options: IngestOptions, *, for_loading: bool = False
) -> ParsedFeatures:
    """What `parse_features` does with a file, with a table that was read already: all of it or a piece."""
    spec = find_kind(kind)
    names = names_of(spec.name, spec.fields)
    table = arrange(table, options, names, spec.name)
    return _FeatureParser(spec, table, options, names, for_loading=for_loading).parse()


@dataclass(frozen=True, slots=True)
class FeatureColumns:
    """The columns of a table that are read: header by field, and the places of those headers."""

    fields: Mapping[str, str]
    positions: frozenset[int]


def choose_columns(kind: str, table: RawTable, options: IngestOptions) -> FeatureColumns:
    """Which columns of a table, however few its rows, `parse_table` would read; with the same errors."""
    spec = find_kind(kind)
    parser = _FeatureParser(spec, table, options, names_of(spec.name, spec.fields), for_loading=False)
    return FeatureColumns(
        {field: column.header for field, column in parser.fields.items()},
        frozenset(column.position for column in parser.fields.values()),
    )


class _FeatureParser:
    """One pass over one table. Not reused."""

    def __init__(
        self, kind: Kind, table: RawTable, options: IngestOptions, names: Names, *, for_loading: bool
    ) -> None:
        self.for_loading = for_loading
        self.kind = kind
        self.table = table
        self.options = options
        self.names = names
        self.problems: list[Problem] = []
        self.notices: list[Notice] = list(table.notices)
        self.fields = self._choose_columns(map_headers(table.columns, names, table.fields))
        self.originals: list[dict[str, Any]] = [{} for _ in range(len(table))]

    # -- columns -----------------------------------------------------------------------------------------

    @property
    def _plain(self) -> bool:
        """Whether this is a plain file to measure with, not one to store: `distance` gives the rank."""
        return self.options.required is not None or (
            self.kind.name == "shorelines" and self.options.rank is not None
        )

    @property
    def _required(self) -> tuple[str, ...]:
        if self.options.required is not None:
            return self.options.required
        given = {"rank", "water_body_code"} if self._plain else set()
        given |= self.options.constants.keys()
        if self.options.rank is not None:
            given.add("rank")
        if self.options.code_from is not None:
            given.add("code")
        return tuple(name for name in self.kind.required if name not in given)

    def _choose_columns(self, mapped: Sequence[MappedColumn]) -> dict[str, MappedColumn]:
        wanted = set(self.kind.fields)
        by_field: dict[str, list[MappedColumn]] = defaultdict(list)
        named = self._named_columns(mapped)
        taken = {column.position for column in named.values()}
        for column in mapped:
            if column.field is not None and column.field not in named and column.position not in taken:
                by_field[column.field].append(column)
        by_field |= {field: [column] for field, column in named.items()}
        if self.kind.name == "section_targets" and "section_code" in by_field:
            # The code identifies the section; its name beside it is for people.
            by_field["section"] = by_field.pop("section_code")
        for field, columns in by_field.items():
            if field in wanted and len(columns) > 1:
                exact = [column for column in columns if column.header.strip() == field]
                if len(exact) != 1:
                    raise ColumnClashError(self.table.file, field, [column.header for column in columns])
                by_field[field] = exact
        self._report_unused(mapped, by_field)
        missing = [name for name in self._required if name not in by_field]
        if self.kind.shape is not None and self.kind.shape.required and not self._has_places(by_field):
            missing.append(_POSITIONS)
        if missing:
            raise MissingColumnsError(self.table.file, missing, [name for name in self.table.columns if name])
        return {field: columns[0] for field, columns in by_field.items() if field in wanted}

    def _named_columns(self, mapped: Sequence[MappedColumn]) -> dict[str, MappedColumn]:
        """The columns that the caller names: they win over what their headers mean."""
        named: dict[str, MappedColumn] = {}
        for field, header in self.options.columns.items():
            if field not in self.kind.fields:
                raise OptionError("--column", f"{field}={header}", ", ".join(self.kind.fields))
            found = named_column(field, header, mapped)
            named[field] = replace(found, field=field, unit=unit_in_header(header))
        return named

    def _has_places(self, by_field: Mapping[str, Any]) -> bool:
        if self.table.geometry is not None or "geometry" in by_field or "coordinates" in by_field:
            return True
        return any(
            a in by_field and b in by_field for a, b in (("lon", "lat"), ("easting", "northing"), ("x", "y"))
        )

    def _report_unused(
        self, mapped: Sequence[MappedColumn], by_field: Mapping[str, Sequence[MappedColumn]]
    ) -> None:
        fields = self.kind.fields
        used = {column.position for name in fields for column in by_field.get(name, ())}
        if self.table.sheets_ignored:
            params = {"sheet": self.table.sheet or "", "others": ", ".join(self.table.sheets_ignored)}
            self.notices.append(Notice("sheets_ignored", params))
        if self.kind.name == "facilities":
            return  # any other column is welcome there
        for column in mapped:
            if not column.header.strip():
                continue
            if column.field is None:
                hint = near_miss(column.header, self.names)
                code = "column_unknown" if hint is None else "column_unknown_similar"
                params = {"column": column.header} | ({} if hint is None else {"similar": hint})
                self.notices.append(Notice(code, params, column=column.header))
            elif column.field != IGNORED and column.position not in used:
                self.notices.append(
                    Notice("column_not_stored", {"column": column.header}, column=column.header)
                )

    # -- rows --------------------------------------------------------------------------------------------

    def parse(self) -> ParsedFeatures:
        self._check_constants()
        columns = {column.name: self._column_values(column.name) for column in self.kind.columns}
        self._fill_defaults(columns)
        self._fill_codes(columns)
        self._require(columns)
        places = self._places(columns)
        for place, extra in self.table.overlong:
            self._problem(place, None, ", ".join(extra)[:80], "row_too_long", cells=len(self.table.columns))
        for fault in self.table.faults:
            self._problem(fault.position, fault.column, fault.value, fault.code, **fault.params)
        self._check_rows(columns, places)
        frame = self._frame(columns, places)
        frame, repeated = self._without_repetitions(frame)
        problems = tuple(sorted(self.problems, key=lambda problem: (problem.row, problem.column or "")))
        return ParsedFeatures(
            kind=self.kind.name,
            frame=frame,
            problems=problems,
            warnings=tuple(self.notices),
            repeated=repeated,
            rows_read=len(self.table),
            table=self.table,
        )

    def _problem(self, place: int, field: str | None, value: str | None, code: str, **params: Any) -> None:
        header = self.fields[field].header if field in self.fields else field
        self.problems.append(Problem(int(self.table.rows[place]), header, value, code, params))

    def _constant(self, column: Column) -> Any:
        """What a field without a column says in every row."""
        text = self.options.constants.get(column.name)
        if text is None:
            return column.default if column.absent is None else column.absent
        value, error = parse_cell(column, text)
        if error is not None:
            expected = str(error.params.get("allowed", column.type))
            raise OptionError("--set", f"{column.name}={text}", expected)
        return value

    def _check_constants(self) -> None:
        """A constant is for a field of the kind that the file has no column for."""
        free = [column.name for column in self.kind.columns if column.name not in self.fields]
        for field, text in self.options.constants.items():
            if field not in free:
                raise OptionError("--set", f"{field}={text}", ", ".join(free))

    def _column_values(self, name: str) -> list[Any]:
        """Parse one column, each different text once."""
        column = self.kind.column(name)
        mapped = self.fields.get(name)
        if mapped is None:
            return [self._constant(column)] * len(self.table)
        factor: Decimal | None = None
        if mapped.unit is not None and column.unit is not None:
            factor = conversion_factor(mapped.unit, column.unit)
            if factor is None:
                raise UnitError(self.table.file, mapped.header, mapped.unit, column.unit)
        known: dict[str, tuple[Any, CellError | None]] = {}
        values: list[Any] = []
        for place, text in enumerate(self.table.cells[mapped.position]):
            if text not in known:
                known[text] = parse_cell(column, text, factor)
            value, error = known[text]
            if error is not None:
                self._problem(place, name, text, error.code, **error.params)
            values.append(value)
        return values

    def _fill_defaults(self, columns: dict[str, list[Any]]) -> None:
        """What an option says for every row, and names for shorelines of plain line files."""
        if "rank" not in columns and self.options.rank is not None:
            raise OptionError(
                "--rank", self.options.rank, "a kind with ranks: water-bodies, shorelines, rivers"
            )
        if "rank" in columns and self.options.rank is not None:
            rank = choices_of("rank").get(fold_word(self.options.rank))
            if rank is None:
                raise OptionError(
                    "--rank", self.options.rank, ", ".join(dict.fromkeys(choices_of("rank").values()))
                )
            said = columns["rank"] if "rank" in self.fields else []
            columns["rank"] = [value or rank for value in said] or [rank] * len(self.table)
        if self.kind.name != "shorelines":
            return
        if self.options.source is not None:
            columns["source"] = [value or self.options.source for value in columns["source"]]
        if self._plain:
            columns["water_body_code"] = [
                code or name or f"{Path(self.table.file).stem}-{row}"
                for code, name, row in zip(
                    columns["water_body_code"], columns["name"], self.table.rows, strict=True
                )
            ]

    def _fill_codes(self, columns: dict[str, list[Any]]) -> None:
        """Make the codes that a file lacks out of its names, as the caller says."""
        source = self.options.code_from
        if source is None:
            return
        if source not in {"name", "province/name"} or "code" not in columns or "name" not in self.fields:
            raise OptionError(
                "--code-from", source, "name, province/name (a kind with codes, a file with names)"
            )
        parts = [columns["name"]]
        if source == "province/name":
            if "province" not in self.fields:
                raise OptionError("--code-from", source, "name (the file has no column of provinces)")
            parts.insert(0, columns["province"])
        for place, named in enumerate(zip(*parts, strict=True)):
            if columns["code"][place] is None and None not in named:
                columns["code"][place] = "/".join(named)
                self.originals[place]["code_from"] = source
            elif columns["code"][place] is None:
                lacking = "name" if named[-1] is None else "province"
                self._problem(place, lacking, "", "value_missing")

    def _require(self, columns: Mapping[str, list[Any]]) -> None:
        faulty = {(problem.row, problem.column) for problem in self.problems}
        for name in self._required:
            if name not in columns:
                continue
            header = self.fields[name].header
            for place, value in enumerate(columns[name]):
                if value is None and (int(self.table.rows[place]), header) not in faulty:
                    self._problem(place, name, "", "value_missing")

    def _places(self, values: dict[str, list[Any]]) -> Places | None:
        if self.options.provinces is not None and not {"province", "region_code"} & values.keys():
            expected = "a kind with provinces or region codes"
            raise OptionError("--provinces", self.kind.name.replace("_", "-"), expected)
        if self.kind.shape is None:
            return None
        columns = {
            field: (mapped.header, self.table.cells[mapped.position])
            for field, mapped in self.fields.items()
            if field in GEOMETRY_FIELDS
        }
        shape = self.kind.shape
        if self._plain and not self.for_loading:
            shape = replace(shape, in_china=False)
        claims = None
        if {"province", "region_code"} & values.keys():
            nothing: list[Any] = [None] * len(self.table)
            claims = Claims(values.get("province", nothing), values.get("region_code", nothing))
        places = locate_rows(self.table, columns, shape, self.options, claims)
        self._widen(values, places)
        self.problems.extend(places.problems)
        self.notices.extend(places.notices)
        return places

    def _widen(self, values: dict[str, list[Any]], places: Places) -> None:
        """Add what the way into EPSG:4490 costs to each place's accuracy; the row remembers its own."""
        stated = values.get("accuracy_m")
        for place in np.flatnonzero(places.added_accuracy_m):
            if places.geometry[place] is None:
                continue
            added = float(places.added_accuracy_m[place])
            self.originals[place]["added_accuracy_m"] = added
            if stated is not None:
                own = stated[place]
                self.originals[place]["accuracy_m"] = own
                assumed = float(conventions()["assumed"]["accuracy_m"])
                stated[place] = (assumed if own is None else own) + added

    # -- checks across columns ---------------------------------------------------------------------------

    def _check_rows(self, columns: dict[str, list[Any]], places: Places | None) -> None:
        if "valid_from" in columns:
            self._check_validity(columns)
        for earlier, later in self.kind.ordered_dates:
            for place, (first, second) in enumerate(zip(columns[earlier], columns[later], strict=True)):
                if first is not None and second is not None and second < first:
                    params = {"earlier": earlier, "first": str(first), "later": later, "second": str(second)}
                    self.notices.append(Notice("dates_out_of_order", params, row=int(self.table.rows[place])))
        for name in ("parent_code", "downstream_code"):
            for place, (own, other) in enumerate(
                zip(columns.get("code", []), columns.get(name, []), strict=False)
            ):
                if own is not None and own == other:
                    self._problem(place, name, other, "refers_to_itself")
        for lower, upper in self.kind.ordered_numbers:
            for place, (low, high) in enumerate(zip(columns[lower], columns[upper], strict=True)):
                if low is not None and high is not None and low > high:
                    self._problem(place, upper, str(high), "number_out_of_order", other=lower, bound=str(low))
        if self.kind.name == "rivers":
            self._check_downstream(columns["code"], columns["downstream_code"])
        if self.kind.name == "shorelines":
            self._check_half_widths(columns)
        if self.kind.name == "water_sources" and places is not None:
            self._check_zones(columns["zone_grade"], places)
        if self.kind.name == "section_targets":
            self._convert_limits(columns)

    def _check_validity(self, columns: Mapping[str, list[date | None]]) -> None:
        for place, (first, last) in enumerate(zip(columns["valid_from"], columns["valid_to"], strict=True)):
            if first is not None and last is not None and last < first:
                self._problem(place, "valid_to", str(last), "validity_reversed", valid_from=str(first))

    def _check_downstream(self, codes: Sequence[str | None], others: Sequence[str | None]) -> None:
        """A river may flow into one of another file, or out of the clip: that is said, and no fault."""
        known = set(codes)
        away = [other for other in others if other is not None and other not in known]
        if away:
            shown = ", ".join(dict.fromkeys(away[:_SHOWN_CODES]))
            self.notices.append(Notice("downstream_elsewhere", {"count": len(away), "codes": shown}))

    def _check_half_widths(self, columns: Mapping[str, list[Any]]) -> None:
        """Only a centre line is half a river away from the bank; every other line is the bank."""
        for place, (half_width, kind) in enumerate(
            zip(columns["half_width_m"], columns["kind"], strict=True)
        ):
            if half_width is not None and kind != "centreline":
                said = str(half_width)
                self._problem(place, "half_width_m", said, "half_width_without_centreline", kind=kind or "")

    def _check_zones(self, grades: Sequence[int | None], places: Places) -> None:
        for place, (grade, shape) in enumerate(zip(grades, places.geometry, strict=True)):
            if grade and (shape is None or shape.geom_type not in ("Polygon", "MultiPolygon")):
                self._problem(place, "zone_grade", str(grade), "zone_without_polygon")

    def _convert_limits(self, columns: dict[str, list[Any]]) -> None:
        """Bring approved limits into the unit of their parameter."""
        for place, (code, limit, unit) in enumerate(
            zip(columns["parameter"], columns["limit"], columns["unit"], strict=True)
        ):
            if code is None or limit is None:
                continue
            parameter = load_parameters()[code]
            said, stated = ("unit", unit) if unit is not None else self._unit_beside(place)
            converted = IDENTITY if stated is None else conversion(stated, parameter.unit, code)
            if converted is None:
                self._problem(place, said, stated, "unit_not_convertible", canonical=parameter.unit)
                continue
            columns["limit"][place] = converted.apply(limit)
            columns["unit"][place] = parameter.unit
            if columns["limit"][place] < parameter.gross_min:
                minimum = str(parameter.gross_min)
                self._problem(place, "limit", str(limit), "number_too_small", minimum=minimum)
            if not converted.is_identity:
                self.originals[place] |= {"limit": str(limit), "unit": stated}

    def _unit_beside(self, place: int) -> tuple[str, str | None]:
        """The unit of a limit whose row has none of its own: behind the parameter, or over the limits."""
        text = self.options.constants.get("parameter", "")
        if "parameter" in self.fields:
            text = self.table.cells[self.fields["parameter"].position][place]
        _, unit = match_parameter(text)
        if unit is not None:
            return "parameter", unit
        return "limit", self.fields["limit"].unit if "limit" in self.fields else None

    # -- the frame ---------------------------------------------------------------------------------------

    def _frame(self, columns: Mapping[str, list[Any]], places: Places | None) -> pd.DataFrame:
        bad = {problem.row for problem in self.problems}
        good = np.array([int(row) not in bad for row in self.table.rows], dtype=bool)
        chosen = [int(place) for place in np.flatnonzero(good)]
        data: dict[str, Any] = {
            name: pd.Series([values[place] for place in chosen], dtype=object)
            for name, values in columns.items()
        }
        geometry = None if places is None else places.geometry[chosen]
        data["row"] = self.table.rows[chosen]
        originals: list[Any] = [self._original(place, places) for place in chosen]
        data["original"] = pd.Series(originals, dtype=object)
        names = self.kind.facts
        data["fact_hash"] = pd.Series(
            [
                fact_hash(
                    self.kind.name,
                    {name: columns[name][place] for name in names},
                    None if places is None else places.geometry[place],
                )
                for place in chosen
            ],
            dtype=object,
        )
        frame = pd.DataFrame(data)
        if geometry is None:
            return frame
        placed: pd.DataFrame = gpd.GeoDataFrame(
            frame, geometry=gpd.GeoSeries(list(geometry), crs=CGCS2000, index=frame.index)
        )
        return placed

    def _original(self, place: int, places: Places | None) -> dict[str, Any] | None:
        merged = self.originals[place] | ((places.original[place] if places is not None else None) or {})
        return merged or None

    def _without_repetitions(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[int, ...]]:
        """Leave out exact repetitions; refuse all rows that say different things of one key and day."""
        if self.kind.name == "facilities":
            return frame, ()
        key = [*self.kind.key, *(["valid_from"] if "valid_from" in frame else [])]
        groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for place, values in enumerate(frame[key].itertuples(index=False)):
            groups[tuple(values)].append(place)
        rows = [int(row) for row in frame["row"]]
        hashes = frame["fact_hash"].tolist()
        for name in (column.name for column in self.kind.columns if not column.fact):
            hashes = [f"{own} {said}" for own, said in zip(hashes, frame[name], strict=True)]
        refused: set[int] = set()
        repeated: set[int] = set()
        for subject, places in groups.items():
            if self._clash(frame, places, hashes):
                refused.update(places)
                for place in places:
                    others = ", ".join(str(rows[other]) for other in places if hashes[other] != hashes[place])
                    params = {"others": others}
                    header = self._header_of(self.kind.key[0])
                    self.problems.append(
                        Problem(rows[place], header, str(subject[0]), "key_conflict", params)
                    )
                continue
            seen: set[str] = set()
            for place in places:
                if hashes[place] in seen:
                    repeated.add(place)
                seen.add(hashes[place])
        kept = [place for place in range(len(frame)) if place not in refused and place not in repeated]
        return frame.iloc[kept], tuple(sorted(rows[place] for place in repeated))

    def _clash(self, frame: pd.DataFrame, places: Sequence[int], hashes: Sequence[str]) -> bool:
        """Whether rows of one key contradict each other; pieces of one shoreline and ledger events do not."""
        if len({hashes[place] for place in places}) < 2 or self.kind.name == "ledger":
            return False
        return self.kind.name != "shorelines" or len(set(frame["rank"].iloc[list(places)])) > 1

    def _header_of(self, field: str) -> str:
        return self.fields[field].header if field in self.fields else field


def fact_hash(kind: str, facts: Mapping[str, Any], geometry: shapely.Geometry | None) -> str:
    """SHA-256 of what a row says, in one canonical form: 1.0 and 1.00 are the same fact, None is no fact."""
    said = {name: _canonical(value) for name, value in facts.items() if value is not None}
    if geometry is not None:
        said["geometry"] = shapely.to_wkb(
            geometry, hex=True, byte_order=1, output_dimension=2, include_srid=False
        )
    text = json.dumps([kind, said], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, date):
        return value.isoformat()
    return value
