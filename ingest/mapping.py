"""Foreign files become ours by a mapping: a TOML file that says which of their columns is which of ours.

The mapping is data (``--mapping FILE.toml``, or the name of one that is shipped in ``data/mappings``). Its
parts are described in ``docs/mappings.md``. What it cannot bring over is said: rows are left out by a rule
of the mapping (counted, with the rule's reason), or refused like any other bad row; none is dropped silently.
"""

from __future__ import annotations

import fnmatch
import hashlib
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import MissingColumnsError, OptionError
from ingest.kinds import KINDS
from ingest.readers import Fault, RawTable
from ingest.report import Notice
from ingest.units import is_unit
from ingest.values import Reading, parse_value
from spatial.parameters import load_parameters

OPTION = "--mapping"
NOT_DETECTED = "ND"
_READINGS = "readings"
_TOP = {
    "kind", "description", "source", "columns", "constants", "values", "time", "parameters", "detection",
    "leave_out", "prefer",
}  # fmt: skip
_TIME = {"date", "clock", "zone", "zones"}
_DETECTION = {"condition", "below", "missing", "refused", "limit", "limit_unit"}
_PARAMETER = {"code", "names", "where", "basis"}
_LEAVE_OUT = {"where", "reason"}
_PREFER = {"column", "order", "same", "reason"}
_LEAST = "least"

Where = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """One of our parameters: the names that mean it, and what the row must say besides.

    `basis` is the formula to take where the row states none (``N``), ``stated`` where none may be taken.
    """

    code: str
    names: tuple[str, ...]
    where: Where = field(default_factory=dict)
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Rows that are no readings of ours, and why."""

    where: Where
    reason: str


@dataclass(frozen=True, slots=True)
class Preference:
    """Of readings of one section, time and parameter, which stands: see :mod:`ingest.preference`.

    `order` has patterns, best first; None: the least number is best. `same` names columns in which rows must
    say the same to be compared at all.
    """

    column: str
    order: tuple[str, ...] | None
    same: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """One mapping. Patterns of `where` are those of a shell (``Quality Control*``); case matters."""

    name: str
    kind: str
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    time: Mapping[str, Any]
    parameters: tuple[ParameterRule, ...]
    detection: Mapping[str, Any]
    leave_out: tuple[LeaveOut, ...]
    prefer: tuple[Preference, ...] = ()

    @property
    def foreign(self) -> frozenset[str]:
        """Every column of the file that the mapping reads."""
        told = {*self.columns.values(), *(rule for rules in self._wheres() for rule in rules)}
        told |= {self.time[part] for part in ("date", "clock", "zone") if part in self.time}
        told |= {
            self.detection[part] for part in ("condition", "limit", "limit_unit") if part in self.detection
        }
        told |= {column for rule in self.prefer for column in (rule.column, *rule.same)}
        return frozenset(told)

    def _wheres(self) -> Iterator[Where]:
        yield from (rule.where for rule in self.parameters)
        yield from (rule.where for rule in self.leave_out)

    def score(self, row: Sequence[str]) -> int:
        """How many cells of a row are columns of the mapping: the measure by which the header is found."""
        return len(self.places(row))

    def places(self, headers: Sequence[str]) -> dict[str, int]:
        """Where the columns that the mapping reads stand among these headers; those that are not there lack.

        ``ActivityStartTime/Time`` is also ``ActivityStartTime.Time``: what is downloaded has the first, what
        a statistics programme saved again the second.
        """
        exact = {header.strip(): place for place, header in reversed(list(enumerate(headers)))}
        dotted = {header.replace("/", "."): place for header, place in reversed(list(exact.items()))}
        found: dict[str, int] = {}
        for name in self.foreign:
            place = exact.get(name, dotted.get(name.replace("/", ".")))
            if place is not None:
                found[name] = place
        return found


# -- the file of a mapping -------------------------------------------------------------------------------


def shipped_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with the programme."""
    folder = files("ingest") / "data" / "mappings"
    return tuple(
        sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
    )


def load_mapping(name: str, kind: str) -> ColumnMapping:
    """Read the mapping of this name, or in this file, for files of `kind`.

    Raises
    ------
    OptionError
        If there is none, it is no TOML, it says something unknown, or it is meant for another kind.
    """
    try:
        document = tomllib.loads(_mapping_text(name))
    except tomllib.TOMLDecodeError as error:
        raise OptionError(OPTION, name, f"TOML ({error})") from error
    return _mapping_of(name, document, kind)


def _mapping_of(name: str, document: Mapping[str, Any], kind: str) -> ColumnMapping:
    def refuse(expected: str) -> OptionError:
        return OptionError(OPTION, name, expected)

    _check_keys(document, _TOP, "", refuse)
    stated = str(document.get("kind", _READINGS)).replace("-", "_")
    # What is measured only may come under the mapping of any kind that has places.
    if stated != kind and not (kind == "facilities" and stated in KINDS and KINDS[stated].shape is not None):
        raise refuse(f"a mapping for {kind} (this one is for {stated})")
    time, detection = document.get("time", {}), document.get("detection", {})
    _check_keys(time, _TIME, "time", refuse)
    _check_keys(detection, _DETECTION, "detection", refuse)
    for part in ("columns", "constants", "values"):
        if not isinstance(document.get(part, {}), dict):
            raise refuse(f"a table [{part}]")
    rules = tuple(_parameter_rules(document.get("parameters", []), refuse))
    left = tuple(_leave_outs(document.get("leave_out", []), refuse))
    preferred = tuple(_preferences(document.get("prefer", []), refuse))
    if preferred and not rules:
        raise refuse("[[parameters]], for [[prefer]] needs them")
    columns = {str(ours): str(theirs) for ours, theirs in document.get("columns", {}).items()}
    if rules and not {"parameter", "value"} <= columns.keys():
        raise refuse("columns.parameter and columns.value, for [[parameters]] needs them")
    if detection and not rules:
        raise refuse("[[parameters]], for [detection] needs them")
    if time and "date" not in time:
        raise refuse("time.date")
    return ColumnMapping(
        name=name,
        kind=kind,
        columns=columns,
        constants={str(ours): str(value) for ours, value in document.get("constants", {}).items()},
        values={
            str(column): {str(theirs): str(ours) for theirs, ours in table.items()}
            for column, table in document.get("values", {}).items()
        },
        time=time,
        parameters=rules,
        detection=detection,
        leave_out=left,
        prefer=preferred,
    )


def _check_keys(table: object, known: set[str], where: str, refuse: Callable[[str], OptionError]) -> None:
    if not isinstance(table, dict):
        raise refuse(f"a table [{where}]")
    for key in table:
        if key not in known:
            raise refuse(f"{where or 'the mapping'}: one of {', '.join(sorted(known))}, and not {key!r}")


def _parameter_rules(tables: Any, refuse: Callable[[str], OptionError]) -> Iterator[ParameterRule]:
    for table in tables if isinstance(tables, list) else [tables]:
        _check_keys(table, _PARAMETER, "parameters", refuse)
        if table.get("code") not in load_parameters():
            raise refuse(f"parameters.code: a known parameter, and not {table.get('code')!r}")
        if not table.get("names"):
            raise refuse(f"parameters.names of {table['code']}")
        yield ParameterRule(
            table["code"], _texts(table["names"]), _where(table.get("where", {})), table.get("basis")
        )


def _leave_outs(tables: Any, refuse: Callable[[str], OptionError]) -> Iterator[LeaveOut]:
    for table in tables if isinstance(tables, list) else [tables]:
        _check_keys(table, _LEAVE_OUT, "leave_out", refuse)
        if not table.get("where") or not table.get("reason"):
            raise refuse("leave_out.where and leave_out.reason")
        yield LeaveOut(_where(table["where"]), str(table["reason"]))


def _preferences(tables: Any, refuse: Callable[[str], OptionError]) -> Iterator[Preference]:
    for table in tables if isinstance(tables, list) else [tables]:
        _check_keys(table, _PREFER, "prefer", refuse)
        if not table.get("column") or not table.get("order") or not table.get("reason"):
            raise refuse("prefer.column, prefer.order and prefer.reason")
        order = None if table["order"] == _LEAST else _texts(table["order"])
        if order is not None and not isinstance(table["order"], list):
            raise refuse(f'prefer.order: a list of patterns, or "{_LEAST}"')
        yield Preference(str(table["column"]), order, _texts(table.get("same", [])), str(table["reason"]))


def _where(table: Mapping[str, Any]) -> Where:
    return {column: _texts(patterns) for column, patterns in table.items()}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def mapping_sha256(name: str) -> str:
    """The hash of a mapping's text, of the shipped one of this name or of this file: what it said then.

    Raises
    ------
    OptionError
        If there is none.
    """
    return hashlib.sha256(_mapping_text(name).encode()).hexdigest()


def _mapping_text(name: str) -> str:
    if name in shipped_mappings():
        return (files("ingest") / "data" / "mappings" / f"{name}.toml").read_text(encoding="utf-8")
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeError, ValueError) as error:
        known = ", ".join(shipped_mappings())
        raise OptionError(OPTION, name, f"a TOML file, or one of: {known}") from error


# -- a table under a mapping -----------------------------------------------------------------------------


def apply_mapping(table: RawTable, mapping: ColumnMapping) -> RawTable:
    """The table with our columns; rows that a rule leaves out are gone, with a notice that counts them.

    Raises
    ------
    MissingColumnsError
        If the file lacks a column that the mapping reads.
    """
    places = mapping.places(table.columns)
    missing = sorted(mapping.foreign - places.keys())
    if missing:
        raise MissingColumnsError(table.file, missing, [name for name in table.columns if name])
    return _Application(table, mapping, places).run()


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one combination of name, value, unit … becomes; `left` names the rule that leaves it out."""

    parameter: str = ""
    value: str = ""
    unit: str = ""
    limit: str = ""
    left: tuple[str, str] | None = None
    code: str | None = None
    wrong: str | None = None


class _Application:
    """One mapping over one table. Not reused."""

    def __init__(self, table: RawTable, mapping: ColumnMapping, places: Mapping[str, int]) -> None:
        self.table = table
        self.mapping = mapping
        self.cells = {name: table.cells[place] for name, place in places.items()}
        self.own = {name: table.columns[place].strip() for name, place in places.items()}
        self.faults: list[Fault] = []
        self.left: Counter[tuple[str, str]] = Counter()
        self.stripped: dict[str, list[str]] = {}

    def run(self) -> RawTable:
        kept = self._kept()
        self.columns: list[tuple[str, str, list[str]]] = []  # field, header to show, cells of kept rows
        mapped = self.mapping.columns
        measured = (
            {"parameter", "value", "unit", "detection_limit", "basis"} if self.mapping.parameters else set()
        )
        for ours, theirs in mapped.items():
            if ours not in measured:
                words = self.mapping.values.get(theirs)
                cells = self._column(theirs, kept)
                self._add(ours, theirs, cells if words is None else [words.get(cell, cell) for cell in cells])
        for ours, value in self.mapping.constants.items():
            self._add(ours, ours, [value] * len(kept))
        if self.mapping.time:
            self._add("sampled_at", self.mapping.time["date"], self._times(kept))
        if self.mapping.parameters:
            kept = self._measure(kept)
        notices = [
            Notice(code, {"count": count, "reason": reason})
            for (code, reason), count in self.left.items()
            if count
        ]
        where = {place: position for position, place in enumerate(kept)}
        chosen = np.asarray(kept, dtype=np.int64)
        return RawTable(
            file=self.table.file,
            sheet=self.table.sheet,
            columns=tuple(self.own.get(header, header) for _, header, _ in self.columns),
            cells=tuple(cells for _, _, cells in self.columns),
            rows=self.table.rows[chosen],
            geometry=None if self.table.geometry is None else self.table.geometry[chosen],
            crs=self.table.crs,
            overlong=tuple((where[place], extra) for place, extra in self.table.overlong if place in where),
            bad_geometry=tuple(where[place] for place in self.table.bad_geometry if place in where),
            sheets_ignored=self.table.sheets_ignored,
            notices=(*self.table.notices, *notices),
            faults=tuple(
                replace(fault, column=self.own.get(fault.column or "", fault.column)) for fault in self.faults
            ),
            fields=tuple(field for field, _, _ in self.columns),
            date_1904=self.table.date_1904,
            origin=(self.table, chosen),
        )

    def _add(self, field: str, header: str, cells: list[str]) -> None:
        self.columns.append((field, header, cells))

    def _column(self, name: str, kept: Sequence[int]) -> list[str]:
        cells = self.cells[name]
        return [cells[place].strip() for place in kept]

    # -- rows --------------------------------------------------------------------------------------------

    def _kept(self) -> list[int]:
        """Places of the rows that no rule leaves out."""
        gone = np.zeros(len(self.table), dtype=bool)
        for rule in self.mapping.leave_out:
            hit = ~gone
            for column, patterns in rule.where.items():
                hit &= self._matches(column, patterns)
            self.left["rows_left_out", rule.reason] += int(hit.sum())
            gone |= hit
        return [int(place) for place in np.flatnonzero(~gone)]

    def _matches(self, column: str, patterns: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        cells = self.cells[column]
        fits = {text for text in set(cells) if fits_pattern(text, patterns)}
        return np.fromiter((cell in fits for cell in cells), dtype=bool, count=len(cells))

    def _times(self, kept: Sequence[int]) -> list[str]:
        """Date, clock and offset in one text. A date without a clock stands for its day in any zone."""
        time = self.mapping.time
        days = self._column(time["date"], kept)
        clocks = self._column(time["clock"], kept) if "clock" in time else [""] * len(kept)
        zones = self._column(time["zone"], kept) if "zone" in time else [""] * len(kept)
        known = time.get("zones", {})
        texts: list[str] = []
        for position, (day, clock, zone) in enumerate(zip(days, clocks, zones, strict=True)):
            if not clock:
                texts.append(day)
                continue
            offset = known.get(zone)
            if offset is None and "zone" in time:
                self.faults.append(Fault(position, time["zone"], zone, "zone_unknown"))
                texts.append("")
                continue
            texts.append(f"{day} {clock}{offset or ''}")
        return texts

    # -- measured values ---------------------------------------------------------------------------------

    def _measure(self, kept: list[int]) -> list[int]:
        """Parameter, value, unit and limit of each row; the rows of parameters that are not ours go."""
        mapping, mapped, detection = self.mapping, self.mapping.columns, self.mapping.detection
        said = [
            *(mapped.get(name, "") for name in ("parameter", "value", "unit", "basis")),
            *(detection.get(name, "") for name in ("condition", "limit", "limit_unit")),
        ]
        extra = sorted({column for rule in mapping.parameters for column in rule.where})
        columns = [self._column(name, kept) if name else [""] * len(kept) for name in (*said, *extra)]
        known: dict[tuple[str, ...], _Cell] = {}
        found: list[_Cell] = []
        for key in zip(*columns, strict=True):
            cell = known.get(key)
            if cell is None:
                cell = known[key] = self._cell(
                    key[: len(said)], dict(zip(extra, key[len(said) :], strict=True))
                )
            found.append(cell)
        stay = [position for position, cell in enumerate(found) if cell.left is None]
        for cell in found:
            if cell.left is not None:
                self.left[cell.left] += 1
        moved = {old: new for new, old in enumerate(stay)}
        self.faults = [
            Fault(moved[fault.position], fault.column, fault.value, fault.code, fault.params)
            for fault in self.faults
            if fault.position in moved
        ]
        self.columns = [
            (field, header, [cells[position] for position in stay]) for field, header, cells in self.columns
        ]
        cells = [found[position] for position in stay]
        for position, cell in enumerate(cells):
            if cell.code is not None:
                value = self.cells[cell.wrong][kept[stay[position]]] if cell.wrong in self.cells else None
                self.faults.append(Fault(position, cell.wrong, value, cell.code))
        self._add("parameter", mapped["parameter"], [cell.parameter for cell in cells])
        self._add("value", mapped["value"], [cell.value for cell in cells])
        self._add("unit", mapped.get("unit", "unit"), [cell.unit for cell in cells])
        self._add(
            "detection_limit", detection.get("limit", "detection_limit"), [cell.limit for cell in cells]
        )
        return [kept[position] for position in stay]

    def _cell(self, said: Sequence[str], others: Mapping[str, str]) -> _Cell:
        """What one combination says: a value, or below a limit in the limit's own unit, or a fault."""
        name, value, unit, basis, condition, limit, limit_unit = said
        rule = self._rule(name, others)
        if rule is None:
            known = any(name in other.names for other in self.mapping.parameters)
            return _Cell(left=("rows_of_other_form" if known else "rows_unmapped", name))
        detection, mapped = self.mapping.detection, self.mapping.columns
        if condition and fits_pattern(condition, detection.get("refused", ())):
            return _Cell(parameter=rule.code, code="condition_refused", wrong=detection["condition"])
        if condition and fits_pattern(condition, detection.get("missing", ())):
            return _Cell(parameter=rule.code, value="", unit="", limit="")
        below = bool(condition) and fits_pattern(condition, detection.get("below", ()))
        if condition and not below:
            return _Cell(parameter=rule.code, code="condition_unknown", wrong=detection["condition"])
        value = self.mapping.values.get(mapped["value"], {}).get(value, value)
        read = parse_value(value)
        if not below and read.reading is not Reading.NOT_DETECTED:
            if "unit" in mapped and not unit and read.reading in (Reading.MEASURED, Reading.BELOW):
                return _Cell(parameter=rule.code, code="unit_missing", wrong=mapped["unit"])
            return self._in_unit(rule, value, unit, basis, "")
        limit_number = parse_value(limit).number
        if limit_number is None:
            wrong = detection.get("limit", mapped["value"])
            return _Cell(parameter=rule.code, code="limit_missing", wrong=wrong)
        stated = limit_unit or unit
        if "unit" in mapped and not stated:
            wrong = detection.get("limit_unit", mapped["unit"])
            return _Cell(parameter=rule.code, code="unit_missing", wrong=wrong)
        if read.number is not None and (stated != unit or read.number > limit_number):
            return _Cell(parameter=rule.code, code="detection_contradiction", wrong=mapped["value"])
        return self._in_unit(rule, NOT_DETECTED, stated, basis, limit)

    def _in_unit(self, rule: ParameterRule, value: str, unit: str, basis: str, limit: str) -> _Cell:
        """The cell with its basis behind the unit, where the parameter counts an element of a compound."""
        words = self.mapping.values.get(self.mapping.columns.get("basis", ""), {})
        stated = words.get(basis, basis)
        if unit and rule.basis is not None and not _has_basis(unit):
            formula = stated.removeprefix("as ").strip() or ("" if rule.basis == "stated" else rule.basis)
            if not formula:
                wrong = self.mapping.columns.get("basis", self.mapping.columns.get("unit"))
                return _Cell(parameter=rule.code, code="basis_missing", wrong=wrong)
            unit = f"{unit} as {formula}"
        return _Cell(parameter=rule.code, value=value, unit=unit, limit=limit)

    def _rule(self, name: str, others: Mapping[str, str]) -> ParameterRule | None:
        for rule in self.mapping.parameters:
            if name in rule.names and all(
                fits_pattern(others[column], patterns) for column, patterns in rule.where.items()
            ):
                return rule
        return None


def fits_pattern(text: str, patterns: Sequence[str]) -> bool:
    """Whether a text fits one of the patterns of a shell, with its case."""
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def _has_basis(unit: str) -> bool:
    """Whether the unit says by itself what it counts: ``mg/l as N``, ``mg/l asNO3``."""
    head, _, formula = unit.rpartition("as")
    return bool(formula.strip()) and bool(head.strip()) and is_unit(head) and is_unit(unit)
