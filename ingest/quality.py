"""Quality control of readings: which pass, which are suspect, which fail, and by which test.

Flags and their values are those of QARTOD (IOOS); the tests follow its definitions where it has them (gross
range, spike, rate of change, flat line), and add what water chemistry and the feed know: zeros that are no
measurements, parts that exceed their total, oxygen against saturation, the station's status. A flag is an
opinion about a reading and never changes it. Every threshold is data (``data/quality.toml``).

All tests are set-based over arrays: no loop over sections or readings. Values are compared as doubles, in
which any decimal of up to 15 digits equals itself; differences of two readings have a tolerance of 1e-9 of
the larger one, so that a step exactly at its threshold passes.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingest.errors import QualityThresholdsError
from spatial.parameters import load_parameters

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BEIJING: Final = "Asia/Shanghai"
NEEDED: Final = ("section", "parameter", "sampled_at", "value")
_FILE: Final = "quality.toml"
_TOLERANCE: Final = 1e-9
NO_TIME: Final = int(np.iinfo(np.int64).min)
_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR
_BEIJING_OFFSET: Final = 8 * _HOUR  # no daylight saving since 1991; days before count alike


class Flag(IntEnum):
    """QARTOD's flags and their values."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


_NAMED: Final = {"suspect": Flag.SUSPECT, "fail": Flag.FAIL}
KINDS: Final = ("automatic", "manual", "remote_sensing", "unknown")

# Names of the tests, in the order in which they are told. Two bits of a mask each: suspect, fail.
TESTS: Final = (
    "value_missing",
    "station_status",
    "zero_value",
    "gross_range",
    "part_of_total",
    "oxygen_saturation",
    "spike",
    "rate_of_change",
    "flat_line",
)
_BIT: Final = {
    (test, flag): 1 << (2 * place + (flag is Flag.FAIL))
    for place, test in enumerate(TESTS)
    for flag in (Flag.SUSPECT, Flag.FAIL)
}
_MISSING_BIT: Final = _BIT["value_missing", Flag.FAIL]
_UNFIT: Final = sum(
    _BIT[test, flag]
    for test, flag in (
        ("value_missing", Flag.FAIL),
        ("station_status", Flag.SUSPECT),
        ("station_status", Flag.FAIL),
        ("zero_value", Flag.FAIL),
        ("gross_range", Flag.FAIL),
    )
)
_FAIL_BITS: Final = sum(bit for (_, flag), bit in _BIT.items() if flag is Flag.FAIL)


# -- thresholds ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that cannot exceed its total: part <= total * factor + allowance."""

    part: str
    total: str
    factor: float
    allowance: float
    flag: Flag
    flagged: frozenset[str]
    """Which of the two is flagged: part, total or both."""
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Saturation:
    """Oxygen against constant / (offset + temperature), in per cent."""

    constant: float
    offset: float
    suspect_above: float
    fail_above: float
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Completeness:
    """How many readings are due, and the share of them under which a day or month is told."""

    readings_per_day: int
    manual_per_month: int
    warn_below: float
    automatic_within_hours: float
    worst_listed: int


@dataclass(frozen=True)
class Thresholds:
    """Everything that quality control compares with.

    `numbers` maps the name of a threshold (``fail_min`` … ``flat_floor``) to an array of shape (parameters,
    kinds of station), in the order of `parameters` and :data:`KINDS`; what no entry sets is infinite, so
    never reached. `zero` has the flag of a plain 0. `statuses` are (word, flag, kinds) of station statuses.
    """

    edition: str
    sha256: str
    parameters: tuple[str, ...]
    numbers: Mapping[str, Floats]
    zero: NDArray[np.int8]
    statuses: tuple[tuple[str, Flag, frozenset[str]], ...]
    relations: tuple[Relation, ...]
    saturation: Saturation | None
    completeness: Completeness

    @property
    def reach(self) -> pd.Timedelta:
        """How far a reading can be from one whose flag it decides."""

        def longest(name: str) -> float:
            array = self.numbers[name]
            return float(array[np.isfinite(array)].max(initial=0.0))

        line = max(longest("flat_suspect"), longest("flat_fail")) + longest("flat_within")
        step = longest("spike_within") + longest("rate_within")
        return pd.Timedelta(hours=max(step, line))


# name in the file → (name of the number, what it is where nothing is set)
_NUMBERS: Final[Mapping[str, Mapping[str, tuple[str, float]]]] = {
    "spike": {
        "absolute": ("spike_absolute", np.inf),
        "share": ("spike_share", 0.0),
        "within_hours": ("spike_within", -np.inf),
    },
    "rate_of_change": {
        "per_hour": ("rate_per_hour", np.inf),
        "share": ("rate_share", 0.0),
        "within_hours": ("rate_within", -np.inf),
    },
    "flat_line": {
        "suspect_hours": ("flat_suspect", np.inf),
        "fail_hours": ("flat_fail", np.inf),
        "least_readings": ("flat_least", np.inf),
        "within_hours": ("flat_within", -np.inf),
        "floor": ("flat_floor", -np.inf),
    },
}
_RANGES: Final = ("fail_min", "fail_max", "suspect_min", "suspect_max")


@cache
def load_thresholds() -> Thresholds:
    """The thresholds that come with the programme."""
    return parse_thresholds((files("ingest") / "data" / _FILE).read_text(encoding="utf-8"))


def parse_thresholds(text: str) -> Thresholds:
    """Read thresholds from TOML.

    Raises
    ------
    QualityThresholdsError
        If the text is no TOML; an entry lacks its unit, stations, reason or source, or names an unknown
        parameter, unit, kind of station, flag or field; bounds do not nest; two entries overlap.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise QualityThresholdsError("", str(error)) from error
    digest = hashlib.sha256(text.encode()).hexdigest()
    return _ThresholdsParser(document).parse(digest)


class _ThresholdsParser:
    """One pass over one document. Not reused."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.registry = load_parameters()
        self.parameters = tuple(self.registry)
        self.place = {code: number for number, code in enumerate(self.parameters)}
        self.seen: set[tuple[str, str, str]] = set()

    def parse(self, digest: str) -> Thresholds:
        known = {"edition", "station_status", "completeness", "gross_range", *_NUMBERS, "part_of_total"}
        if unknown := self.document.keys() - known - {"oxygen_saturation"}:
            raise QualityThresholdsError(min(unknown), "no such table")
        zero = np.zeros((len(self.parameters), len(KINDS)), dtype=np.int8)
        numbers = self._ranges(zero)
        for table, fields in _NUMBERS.items():
            for name, unset in fields.values():
                numbers[name] = np.full(zero.shape, unset)
            for entry in self._entries(table):
                row, columns = self._measured(table, entry, {"parameter", *fields})
                for name, value in entry.items():
                    if name in fields:
                        numbers[fields[name][0]][row, columns] = _number(table, name, value)
        return Thresholds(
            edition=str(self.document.get("edition", "")),
            sha256=digest,
            parameters=self.parameters,
            numbers=numbers,
            zero=zero,
            statuses=self._statuses(),
            relations=self._relations(),
            saturation=self._saturation(),
            completeness=self._completeness(),
        )

    def _entries(self, table: str) -> list[dict[str, Any]]:
        entries = self.document.get(table, [])
        if not isinstance(entries, list):
            raise QualityThresholdsError(table, "must be a list of entries")
        return entries

    def _kinds(self, table: str, entry: Mapping[str, Any], fields: Iterable[str]) -> frozenset[str]:
        """Check what every entry has, and return the kinds of station that it holds for."""
        if unknown := entry.keys() - {*fields, "unit", "stations", "reason", "source"}:
            raise QualityThresholdsError(table, f"no such field: {min(unknown)}")
        for name in ("reason", "source"):
            if not str(entry.get(name, "")).strip():
                raise QualityThresholdsError(table, f"an entry without {name}")
        kinds = frozenset(entry.get("stations", ()))
        if not kinds or kinds - set(KINDS):
            raise QualityThresholdsError(table, f"stations must be of {', '.join(KINDS)}")
        return kinds

    def _measured(self, table: str, entry: Mapping[str, Any], fields: Iterable[str]) -> tuple[int, list[int]]:
        """The place of an entry in the arrays: its parameter, and its kinds of station."""
        kinds = self._kinds(table, entry, fields)
        code = self._parameter(table, entry.get("parameter"), entry.get("unit"))
        for kind in kinds:
            if (table, code, kind) in self.seen:
                raise QualityThresholdsError(table, f"two entries for {code} at {kind} stations")
            self.seen.add((table, code, kind))
        return self.place[code], [KINDS.index(kind) for kind in sorted(kinds)]

    def _parameter(self, table: str, code: object, unit: object) -> str:
        if not isinstance(code, str) or code not in self.registry:
            raise QualityThresholdsError(table, f"no such parameter: {code}")
        if self.registry[code].unit != unit:
            raise QualityThresholdsError(table, f"{code} is in {self.registry[code].unit}, not in {unit}")
        return code

    def _ranges(self, zero: NDArray[np.int8]) -> dict[str, Floats]:
        bounds = [(float(entry.gross_min), float(entry.gross_max)) for entry in self.registry.values()]
        numbers = {
            name: np.repeat(np.array([[pair[name.endswith("max")]] for pair in bounds]), len(KINDS), axis=1)
            for name in _RANGES
        }
        for entry in self._entries("gross_range"):
            row, columns = self._measured("gross_range", entry, {"parameter", "fail", "suspect", "zero"})
            fail = _pair("gross_range", "fail", entry.get("fail"))
            suspect = _pair("gross_range", "suspect", entry.get("suspect"))
            if not fail[0] <= suspect[0] <= suspect[1] <= fail[1]:
                raise QualityThresholdsError(
                    "gross_range", f"the bounds of {entry['parameter']} do not enclose each other"
                )
            for name, value in zip(_RANGES, (*fail, *suspect), strict=True):
                numbers[name][row, columns] = value
            if "zero" in entry:
                zero[row, columns] = _flag("gross_range", entry["zero"])
        return numbers

    def _statuses(self) -> tuple[tuple[str, Flag, frozenset[str]], ...]:
        found = []
        for entry in self._entries("station_status"):
            kinds = self._kinds("station_status", entry, {"words", "flag"})
            flag = _flag("station_status", entry.get("flag"))
            words = entry.get("words")
            if not isinstance(words, list) or not words or not all(str(word).strip() for word in words):
                raise QualityThresholdsError("station_status", "an entry without words")
            found += [(str(word).casefold(), flag, kinds) for word in words]
        return tuple(found)

    def _relations(self) -> tuple[Relation, ...]:
        found = []
        fields = {"part", "total", "factor", "allowance", "flag", "flagged"}
        for entry in self._entries("part_of_total"):
            kinds = self._kinds("part_of_total", entry, fields)
            flagged = frozenset(entry.get("flagged", ()))
            if not flagged or flagged - {"part", "total"}:
                raise QualityThresholdsError("part_of_total", "flagged must be of part, total")
            found.append(
                Relation(
                    part=self._parameter("part_of_total", entry.get("part"), entry.get("unit")),
                    total=self._parameter("part_of_total", entry.get("total"), entry.get("unit")),
                    factor=_number("part_of_total", "factor", entry.get("factor")),
                    allowance=_number("part_of_total", "allowance", entry.get("allowance")),
                    flag=_flag("part_of_total", entry.get("flag")),
                    flagged=flagged,
                    kinds=kinds,
                )
            )
        return tuple(found)

    def _saturation(self) -> Saturation | None:
        entry = self.document.get("oxygen_saturation")
        if entry is None:
            return None
        names = ("constant", "offset", "suspect_above", "fail_above")
        kinds = self._kinds("oxygen_saturation", entry, names)
        if entry.get("unit") != "%":
            raise QualityThresholdsError("oxygen_saturation", "its bounds are in %")
        constant, offset, suspect, fail = (
            _number("oxygen_saturation", name, entry.get(name)) for name in names
        )
        return Saturation(constant, offset, suspect, fail, kinds)

    def _completeness(self) -> Completeness:
        entry = self.document.get("completeness", {})
        names = ("readings_per_day", "manual_per_month", "automatic_within_hours", "worst_listed")
        self._kinds("completeness", entry, {*names, "warn_below_share"})
        per_day, per_month, hours, listed = (_number("completeness", name, entry.get(name)) for name in names)
        part, whole = _pair("completeness", "warn_below_share", entry.get("warn_below_share"))
        if min(per_day, per_month, whole) <= 0:
            raise QualityThresholdsError("completeness", "what is due must be above zero")
        return Completeness(int(per_day), int(per_month), part / whole, hours, int(listed))


def _number(table: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value) or value < 0:
        raise QualityThresholdsError(table, f"{name} must be a number, zero or above")
    return float(value)


def _pair(table: str, name: str, value: object) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2 or not all(type(v) in (int, float) for v in value):
        raise QualityThresholdsError(table, f"{name} must be two numbers")
    return float(value[0]), float(value[1])


def _flag(table: str, name: object) -> Flag:
    if not isinstance(name, str) or name not in _NAMED:
        raise QualityThresholdsError(table, "flag must be suspect or fail")
    return _NAMED[name]


# -- flags -----------------------------------------------------------------------------------------------


def flag_readings(
    readings: pd.DataFrame, thresholds: Thresholds | None = None, *, context: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Flag every reading.

    Parameters
    ----------
    readings : DataFrame, one row per reading
        ``section`` (anything that names a section: code or number), ``parameter``, ``sampled_at`` (datetime64
        with a zone, or NaT), ``value`` (Decimal or float in the parameter's unit, None where missing); where
        there, also ``full_value`` (tested instead of the value), ``qualifier`` ('<': below the detection
        limit, which is the value), ``station_type``, ``station_status``. Categorical columns are the fastest.
    context : DataFrame, the same columns
        Readings that are neighbours and get no flag. A chunk that has whole sections needs none; otherwise it
        needs what lies within `thresholds.reach` of the chunk's readings.

    Returns
    -------
    DataFrame with the index of `readings`
        `quality` (int8, a :class:`Flag`) and `tests`: a tuple of ``test:flag``, by :data:`TESTS`, None for a
        reading that passed. The order of the rows does not matter. A reading whose value fails by itself, or
        whose station was not in order, is nobody's neighbour.
    """
    thresholds = thresholds or load_thresholds()
    frames = [readings] if context is None or context.empty else [readings, context]
    arrays, _ = _arrays_of(frames, thresholds)
    mask = check_samples(arrays, thresholds)
    mask |= check_series(arrays, mask, thresholds)
    own = slice(len(readings))
    codes, combinations = flags_of(mask[own], arrays.parameter[own] >= 0)
    tests = np.empty(len(combinations), dtype=object)
    tests[:] = [said for _, said in combinations]
    return pd.DataFrame(
        {
            "quality": np.array([flag for flag, _ in combinations], dtype=np.int8)[codes],
            "tests": pd.Series(tests[codes], index=readings.index, dtype=object),
        },
        index=readings.index,
    )


@dataclass(frozen=True, slots=True, eq=False)
class ReadingArrays:
    """Readings as arrays of numbers, one entry per reading.

    Attributes
    ----------
    section :
        A number for each section, -1 where there is none.
    parameter :
        Place in the thresholds' `parameters`, -1 for an unknown one.
    instant :
        Microseconds since 1970 UTC; :data:`NO_TIME` where there is no time.
    value :
        What is tested, in the parameter's unit: the unrounded value where there is one; NaN is missing.
    censored :
        Whether the value is a detection limit that was not reached.
    kind :
        Place of the kind of station in :data:`KINDS`.
    status, statuses :
        Entry in `statuses` (texts), -1 where the row says nothing.
    """

    section: Ints
    parameter: Ints
    instant: Ints
    value: Floats
    censored: Bools
    kind: Ints
    status: Ints
    statuses: Sequence[str]

    def __len__(self) -> int:
        return len(self.value)

    @property
    def timed(self) -> Bools:
        """Whether section and time are known."""
        known: Bools = (self.instant != NO_TIME) & (self.section >= 0)
        return known

    def of(self, array: NDArray[Any], rows: NDArray[Any] | slice = slice(None)) -> NDArray[Any]:
        """A threshold for each row; that of an unknown parameter has no meaning."""
        found: NDArray[Any] = array[self.parameter[rows], self.kind[rows]]
        return found

    def at_kinds(self, kinds: frozenset[str]) -> Bools:
        """Rows of these kinds of station."""
        chosen: Bools = np.array([kind in kinds for kind in KINDS])[self.kind]
        return chosen

    def joined(self, other: ReadingArrays) -> ReadingArrays:
        """Two sets of readings as one, without what their stations said."""
        names = ("section", "parameter", "instant", "value", "censored", "kind")
        parts = {name: np.concatenate((getattr(self, name), getattr(other, name))) for name in names}
        nothing = np.full(len(self) + len(other), -1, dtype=np.int64)
        return ReadingArrays(**parts, status=nothing, statuses=[])

    def take(self, rows: NDArray[Any]) -> ReadingArrays:
        """Some of the rows, by place or by mark."""
        return ReadingArrays(
            self.section[rows],
            self.parameter[rows],
            self.instant[rows],
            self.value[rows],
            self.censored[rows],
            self.kind[rows],
            self.status[rows],
            self.statuses,
        )


@dataclass(frozen=True, slots=True)
class _Names:
    """What the numbers of a frame's sections and parameters stand for."""

    sections: list[Any]
    codes: Ints
    parameters: list[Any]


def _arrays_of(frames: Sequence[pd.DataFrame], thresholds: Thresholds) -> tuple[ReadingArrays, _Names]:
    for frame in frames:
        if missing := [name for name in NEEDED if name not in frame.columns]:
            raise KeyError(missing[0])
    count = sum(len(frame) for frame in frames)
    section, sections = _codes([frame["section"] for frame in frames])
    codes, names = _codes([frame["parameter"] for frame in frames])
    place = {code: number for number, code in enumerate(thresholds.parameters)}
    lookup = np.array([*(place.get(name, -1) for name in names), -1], dtype=np.int64)
    kind = np.full(count, KINDS.index("unknown"), dtype=np.int64)
    for name in ("automatic", "manual", "remote_sensing"):
        kind[np.concatenate([_equals(frame, "station_type", name) for frame in frames])] = KINDS.index(name)
    nothing = pd.Series([], dtype=object)
    status, statuses = _codes(
        [frame.get("station_status", nothing.reindex(range(len(frame)))) for frame in frames]
    )
    arrays = ReadingArrays(
        section=section,
        parameter=lookup[codes],
        instant=np.concatenate([microseconds(frame["sampled_at"]) for frame in frames]),
        value=np.concatenate([_tested_values(frame) for frame in frames]),
        censored=np.concatenate([_equals(frame, "qualifier", "<") for frame in frames]),
        kind=kind,
        status=status,
        statuses=statuses,
    )
    return arrays, _Names(sections, codes, names)


def arrays_of_frame(readings: pd.DataFrame, thresholds: Thresholds) -> ReadingArrays:
    """A frame as :func:`flag_readings` takes it, as arrays; sections are numbered as they come."""
    return _arrays_of([readings], thresholds)[0]


def _codes(columns: Sequence[pd.Series[Any]]) -> tuple[Ints, list[Any]]:
    """Small numbers for equal cells over several columns, and the cells; -1 is missing."""
    if len(columns) == 1 and isinstance(columns[0].dtype, pd.CategoricalDtype):
        column = columns[0]
        return column.cat.codes.to_numpy().astype(np.int64), column.cat.categories.tolist()
    plain = [
        column.astype(column.cat.categories.dtype)
        if isinstance(column.dtype, pd.CategoricalDtype)
        else column
        for column in columns
    ]
    joined = plain[0].array if len(plain) == 1 else pd.concat(plain, ignore_index=True).array
    codes, cells = pd.factorize(joined)
    return codes.astype(np.int64), list(cells)


def microseconds(times: pd.Series[Any]) -> Ints:
    """Instants as microseconds since 1970 UTC; NaT is the least number."""
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise TypeError(f"sampled_at must be datetimes with a zone, not {times.dtype}")
    found: Ints = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]").view(np.int64)
    return found


def _tested_values(frame: pd.DataFrame) -> Floats:
    """The unrounded value where there is one, else the shown one; NaN is missing."""
    values = _floats(frame["value"])
    if "full_value" in frame:
        stated = frame["full_value"].notna().to_numpy()
        if stated.any():
            full = np.full(len(frame), np.nan)
            full[stated] = _floats(frame["full_value"][stated])
            values = np.where(np.isnan(full) | np.isnan(values), values, full)
    return values


def _floats(column: pd.Series[Any]) -> Floats:
    if column.dtype == object:
        missing = column.isna().to_numpy()
        if missing.any():
            found = np.full(len(column), np.nan)
            found[~missing] = column.to_numpy()[~missing].astype(np.float64)
            return found
    return column.to_numpy(dtype=np.float64, na_value=np.nan).copy()


def _equals(frame: pd.DataFrame, name: str, cell: str) -> Bools:
    if name not in frame:
        return np.zeros(len(frame), dtype=bool)
    found: Bools = np.asarray(frame[name].eq(cell).fillna(value=False), dtype=bool)
    return found


# -- tests of one reading or sample ----------------------------------------------------------------------


def check_samples(arrays: ReadingArrays, thresholds: Thresholds) -> Ints:
    """The tests that need nothing but one section at one instant; returns a mask for each reading."""
    mask = np.zeros(len(arrays), dtype=np.int64)
    _test_values(arrays, thresholds, mask)
    mask |= check_relations(arrays, mask, thresholds)
    return mask


def check_relations(arrays: ReadingArrays, mask: Ints, thresholds: Thresholds) -> Ints:
    """The tests between parameters of one section and instant, over what does not fail alone in `mask`."""
    found = np.zeros(len(arrays), dtype=np.int64)
    usable = passes_alone(mask) & arrays.timed
    _test_relations(arrays, thresholds, usable, found)
    _test_saturation(arrays, thresholds, usable, found)
    return found


def passes_alone(mask: Ints) -> Bools:
    """Whether a reading may stand beside others: its value does not fail, and its station was in order."""
    usable: Bools = (mask & _UNFIT) == 0
    return usable


def _mark(mask: Ints, rows: NDArray[Any], test: str, flag: Flag) -> None:
    mask[rows] |= _BIT[test, flag]


def _test_values(arrays: ReadingArrays, thresholds: Thresholds, mask: Ints) -> None:
    """Missing values, station status, zeros and gross range: what needs no other reading."""
    missing = np.isnan(arrays.value)
    mask[missing] |= _MISSING_BIT
    present = ~missing & (arrays.parameter >= 0)
    value, numbers = arrays.value, thresholds.numbers
    measured = present & ~arrays.censored
    zeros = np.flatnonzero(measured & (value == 0))
    zero_flags = arrays.of(thresholds.zero, zeros)
    for flag in (Flag.SUSPECT, Flag.FAIL):
        _mark(mask, zeros[zero_flags == flag], "zero_value", flag)
    # A plain zero with a rule of its own is told once; a detection limit is only an upper bound.
    measured[zeros[zero_flags != 0]] = False
    low = {flag: arrays.of(numbers[f"{name}_min"]) for name, flag in _NAMED.items()}
    high = {flag: arrays.of(numbers[f"{name}_max"]) for name, flag in _NAMED.items()}
    out_fail = (measured & (value < low[Flag.FAIL])) | (present & (value > high[Flag.FAIL]))
    out = (measured & (value < low[Flag.SUSPECT])) | (present & (value > high[Flag.SUSPECT]))
    _mark(mask, out_fail, "gross_range", Flag.FAIL)
    _mark(mask, out & ~out_fail, "gross_range", Flag.SUSPECT)
    for number, status in enumerate(arrays.statuses):
        folded = str(status).casefold()
        for flag in (Flag.FAIL, Flag.SUSPECT):
            kinds = frozenset[str]().union(
                *(kinds for word, said, kinds in thresholds.statuses if said is flag and word in folded)
            )
            if kinds:
                rows = (arrays.status == number) & arrays.at_kinds(kinds) & ~missing
                _mark(mask, rows & ((mask & _BIT["station_status", Flag.FAIL]) == 0), "station_status", flag)


def _instants(arrays: ReadingArrays, rows: Ints) -> Ints:
    """One number for each section and instant among some rows."""
    times = pd.factorize(arrays.instant[rows])[0].astype(np.int64)
    found: Ints = arrays.section[rows] * (times.max(initial=0) + 1) + times
    return found


def _extreme(keys: Ints, values: Floats, wanted: Ints, *, largest: bool) -> Floats:
    """The largest or smallest value of a key for each wanted key; NaN where there is none.

    More than one value per key is a reading given twice: the one is taken that excuses most.
    """
    order = np.lexsort((values, keys))
    keys, values = keys[order], values[order]
    place = np.searchsorted(keys, wanted, side="right" if largest else "left") - (1 if largest else 0)
    inside = (place >= 0) & (place < len(keys))
    found = np.full(len(wanted), np.nan)
    hit = np.flatnonzero(inside)
    hit = hit[keys[place[hit]] == wanted[hit]]
    found[hit] = values[place[hit]]
    return found


def _test_relations(arrays: ReadingArrays, thresholds: Thresholds, usable: Bools, mask: Ints) -> None:
    place = {code: number for number, code in enumerate(thresholds.parameters)}
    for relation in thresholds.relations:
        chosen = usable & arrays.at_kinds(relation.kinds)
        parts = np.flatnonzero(chosen & ~arrays.censored & (arrays.parameter == place[relation.part]))
        totals = np.flatnonzero(chosen & (arrays.parameter == place[relation.total]))
        if not len(parts) or not len(totals):
            continue
        keys = _instants(arrays, np.concatenate((parts, totals)))
        part_keys, total_keys = keys[: len(parts)], keys[len(parts) :]
        allowed = arrays.value[totals] * relation.factor + relation.allowance
        if "part" in relation.flagged:
            most = _extreme(total_keys, allowed, part_keys, largest=True)
            _mark(mask, parts[_exceeds(arrays.value[parts], most)], "part_of_total", relation.flag)
        if "total" in relation.flagged:
            least = _extreme(part_keys, arrays.value[parts], total_keys, largest=False)
            _mark(mask, totals[_exceeds(least, allowed)], "part_of_total", relation.flag)


def _exceeds(value: Floats, bound: Floats) -> Bools:
    """Above a computed bound by more than rounding; never where one of the two is missing."""
    with np.errstate(invalid="ignore"):
        found: Bools = value - bound > _TOLERANCE * np.maximum(np.abs(value), np.abs(bound))
    return found


def _test_saturation(arrays: ReadingArrays, thresholds: Thresholds, usable: Bools, mask: Ints) -> None:
    rule = thresholds.saturation
    if rule is None:
        return
    place = {code: number for number, code in enumerate(thresholds.parameters)}
    chosen = usable & arrays.timed & (arrays.section >= 0) & ~arrays.censored & arrays.at_kinds(rule.kinds)
    oxygen = np.flatnonzero(chosen & (arrays.parameter == place["do"]))
    warmth = np.flatnonzero(chosen & (arrays.parameter == place["water_temp"]))
    if not len(oxygen) or not len(warmth):
        return
    keys = _instants(arrays, np.concatenate((oxygen, warmth)))
    # The coldest temperature dissolves most, so it excuses most.
    temperature = _extreme(keys[len(oxygen) :], arrays.value[warmth], keys[: len(oxygen)], largest=False)
    saturated = rule.constant / (rule.offset + temperature)
    fail = _exceeds(arrays.value[oxygen], saturated * rule.fail_above / 100)
    suspect = _exceeds(arrays.value[oxygen], saturated * rule.suspect_above / 100)
    _mark(mask, oxygen[fail], "oxygen_saturation", Flag.FAIL)
    _mark(mask, oxygen[suspect & ~fail], "oxygen_saturation", Flag.SUSPECT)


# -- tests along time ------------------------------------------------------------------------------------


def check_series(arrays: ReadingArrays, mask: Ints, thresholds: Thresholds) -> Ints:
    """Spike, rate of change and flat line, over the readings of each section and parameter.

    `mask` is that of :func:`check_samples`: what fails alone is no neighbour, nor is what was not detected.
    Returns the marks of these tests only. A call needs whole sections, or all neighbours within the reach.
    """
    found_mask = np.zeros(len(arrays), dtype=np.int64)
    numbers = thresholds.numbers
    tested = passes_alone(mask) & arrays.timed & ~arrays.censored & (arrays.parameter >= 0)
    limits = np.isfinite(numbers["spike_within"]) | np.isfinite(numbers["rate_within"])
    rows = np.flatnonzero(tested & arrays.of(limits | np.isfinite(numbers["flat_within"])))
    if len(rows) < 2:
        return found_mask
    series = arrays.section[rows] * len(thresholds.parameters) + arrays.parameter[rows]
    order = _order_of(series, arrays, rows)
    rows, series = rows[order], series[order]
    at, value = arrays.instant[rows], arrays.value[rows]
    new_series = np.r_[True, series[1:] != series[:-1]]
    # A reading given twice has one place in time; its smallest value stands for it to its neighbours.
    new_place = new_series | np.r_[True, at[1:] != at[:-1]]
    place = np.cumsum(new_place) - 1
    firsts = np.flatnonzero(new_place)
    line_value, line_at, starts = value[firsts], at[firsts], new_series[firsts]
    gap = np.r_[np.inf, np.diff(line_at) / _HOUR]
    gap[starts] = np.inf
    before = np.r_[np.nan, line_value[:-1]]
    before[starts] = np.nan
    after = np.r_[line_value[1:], np.nan]
    after[np.r_[starts[1:], True]] = np.nan
    gap_after = np.r_[gap[1:], np.inf]

    def each(name: str) -> Floats:
        found: Floats = arrays.of(numbers[name], rows)
        return found

    step, step_after = value - before[place], value - after[place]
    near, near_after = gap[place], gap_after[place]
    with np.errstate(invalid="ignore"):
        within = (near <= each("spike_within")) & (near_after <= each("spike_within"))
        peak = within & (np.sign(step) == np.sign(step_after)) & (step != 0)
        first_is_nearer = np.abs(step) <= np.abs(step_after)
        neighbour = np.where(first_is_nearer, before[place], after[place])
        lesser = np.where(first_is_nearer, np.abs(step), np.abs(step_after))
        smaller = np.minimum(np.abs(value), np.abs(neighbour))
        spike = peak & _exceeds_by(
            lesser, each("spike_absolute") + each("spike_share") * smaller, value, neighbour
        )
        _mark(found_mask, rows[spike], "spike", Flag.SUSPECT)
        close = near <= each("rate_within")
        smaller = np.minimum(np.abs(value), np.abs(before[place]))
        allowed = each("rate_per_hour") * np.where(close, near, 0.0) + each("rate_share") * smaller
        fast = close & _exceeds_by(np.abs(step), allowed, value, before[place])
        # The way back from a peak is no change of the water.
        peaks = np.zeros(len(firsts), dtype=bool)
        peaks[place[spike]] = True
        back = np.r_[False, peaks[:-1]] & ~starts
        _mark(found_mask, rows[fast & ~back[place]], "rate_of_change", Flag.SUSPECT)
    flat_within = arrays.of(numbers["flat_within"], rows[firsts])
    breaks = (line_value != before) | ~(gap <= flat_within)
    start = np.maximum.accumulate(np.where(breaks, np.arange(len(firsts)), 0))
    hours = ((line_at - line_at[start]) / _HOUR)[place]
    stands = (
        ((np.arange(len(firsts)) - start + 1)[place] >= each("flat_least"))
        & (value > each("flat_floor"))
        & (value == line_value[place])
    )
    fail = stands & (hours >= each("flat_fail"))
    _mark(found_mask, rows[fail], "flat_line", Flag.FAIL)
    _mark(found_mask, rows[stands & (hours >= each("flat_suspect")) & ~fail], "flat_line", Flag.SUSPECT)
    return found_mask


def _order_of(series: Ints, arrays: ReadingArrays, rows: Ints) -> Ints:
    """Places by series and time; copies of a reading by value and kind, whatever the order of rows."""
    moment, moments = pd.factorize(arrays.instant[rows], sort=True)
    keys = series * len(moments) + moment
    order: Ints = np.argsort(keys)
    if (keys[order[1:]] == keys[order[:-1]]).any():
        order = np.lexsort((arrays.kind[rows], arrays.value[rows], keys))
    return order


def _exceeds_by(difference: Floats, allowed: Floats, one: Floats, other: Floats) -> Bools:
    """Whether a difference of two readings exceeds what is allowed by more than their own rounding."""
    scale = np.maximum(np.maximum(np.abs(one), np.abs(other)), np.where(np.isfinite(allowed), allowed, 0.0))
    found: Bools = difference - allowed > _TOLERANCE * scale
    return found


# -- flags -----------------------------------------------------------------------------------------------


def flags_of(mask: Ints, known: Bools) -> tuple[Ints, list[tuple[Flag, tuple[str, ...] | None]]]:
    """Flag and tests behind each mark: an entry per reading, and what the few different entries say.

    `known` tells which parameters are known at all: the others are not evaluated, unless something is wrong.
    """
    entries, marks = pd.factorize(np.where((mask == 0) & ~known, -1, mask))
    return entries.astype(np.int64), [_explain(int(bits)) for bits in marks]


def _explain(bits: int) -> tuple[Flag, tuple[str, ...] | None]:
    if bits <= 0:
        return (Flag.NOT_EVALUATED if bits else Flag.PASS), None
    if bits & _MISSING_BIT:
        return Flag.MISSING, ("value_missing:missing",)
    told = tuple(f"{test}:{flag.name.lower()}" for (test, flag), bit in _BIT.items() if bits & bit)
    return (Flag.FAIL if bits & _FAIL_BITS else Flag.SUSPECT), told


# -- completeness and the report -------------------------------------------------------------------------


def completeness(
    readings: pd.DataFrame, quality: pd.Series[Any], by: str, thresholds: Thresholds | None = None
) -> pd.DataFrame:
    """How many of the readings due in each section-day or section-month are there and usable.

    Due are `readings_per_day` for each parameter that the section reports in that stretch and each day of it
    (automatic stations), or `manual_per_month` (manual ones, which have no days). Usable is what neither
    fails nor is missing; more readings than due of one parameter and day do not make up for another's.

    Parameters
    ----------
    readings, quality
        As :func:`flag_readings` takes and returns them, in the same order.
    by : "day" or "month", of Beijing.

    Returns
    -------
    DataFrame by section and period
        section, period (``2021-04-01`` or ``2021-04``), found, due, share (found / due).
    """
    thresholds = thresholds or load_thresholds()
    arrays, names = _arrays_of([readings], thresholds)
    usable = np.isin(quality.to_numpy(), (Flag.PASS, Flag.NOT_EVALUATED, Flag.SUSPECT))
    if by not in ("day", "month"):
        raise ValueError(by)
    found = _count_due(arrays, names.codes, usable, thresholds.completeness)[by]
    sections = pd.Series(names.sections, dtype=object)
    found["section"] = sections.iloc[found["section"].to_numpy()].to_numpy() if len(found) else []
    return found


@dataclass(frozen=True, slots=True)
class StoredCounts:
    """Readings of other uploads on days that are not looked at reading by reading, summed up by month.

    One entry for each section, parameter and Beijing month (since 1970): `daily` counts the usable ones, of
    each day no more than are due; `usable` all of them; `automatic` and `manual` say of what kind any was.
    """

    section: Ints
    parameter: Ints
    month: Ints
    daily: Ints
    usable: Ints
    automatic: Bools
    manual: Bools


_NONE: Final[Ints] = np.empty(0, dtype=np.int64)
_NEITHER: Final[Bools] = np.empty(0, dtype=bool)
_NO_COUNTS: Final = StoredCounts(_NONE, _NONE, _NONE, _NONE, _NONE, _NEITHER, _NEITHER)


def _count_due(
    arrays: ReadingArrays,
    parameter: Ints,
    usable: Bools,
    rule: Completeness,
    *,
    own: Bools | None = None,
    stored: StoredCounts = _NO_COUNTS,
) -> dict[str, pd.DataFrame]:
    """As :func:`completeness`, by day and by month, with sections and parameters (from 0) by number.

    With `own` only the days and months of those readings are told, all readings and `stored` counted.
    """
    rows = np.flatnonzero(arrays.timed)
    section, usable = arrays.section[rows], usable[rows]
    codes, moments = pd.factorize(arrays.instant[rows], sort=True)
    code = codes.astype(np.int64)
    day = (moments + _BEIJING_OFFSET) // _DAY
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    automatic = _automatic_sections(arrays, rows, code, moments, rule, stored)
    parameters = int(max(parameter.max(initial=-1), stored.parameter.max(initial=-1))) + 1
    pair = section * parameters + parameter[rows]
    first, span = _range_of(day)
    entries, days = pd.factorize(pair * span + (day[code] - first))
    # Of a reading given twice one counts, and it is usable if any of the two is.
    counted = np.flatnonzero(usable)
    counted = counted[~pd.Series(pair[counted] * len(moments) + code[counted]).duplicated().to_numpy()]
    found = np.bincount(entries[counted], minlength=len(days))
    capped = np.minimum(found, rule.readings_per_day)
    day_pair, day_number = days // span, days % span + first
    day_section = day_pair // max(parameters, 1)
    daily = automatic[day_section]
    of_days = _period_table(day_section[daily], day_number[daily], capped[daily])
    # Months: what the days came to, and what is summed up already.
    day_month = day_number.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    pairs = np.concatenate((day_pair, stored.section * parameters + stored.parameter))
    numbers = np.concatenate((day_month, stored.month))
    month_first, month_span = _range_of(numbers)
    amounts = np.concatenate(
        (np.where(daily, capped, found), np.where(automatic[stored.section], stored.daily, stored.usable))
    )
    keys, sums = _summed(pairs * month_span + (numbers - month_first), amounts)
    month_section = keys // month_span // max(parameters, 1)
    sums = np.where(automatic[month_section], sums, np.minimum(sums, rule.manual_per_month))
    of_months = _period_table(month_section, keys % month_span + month_first, sums)
    tables = {}
    for by, (of_section, period, total, reported), at in (("day", of_days, day), ("month", of_months, month)):
        kept = np.ones(len(period), dtype=bool)
        if own is not None:
            chosen = own[rows]
            first, span = _range_of(np.concatenate((period, at)))
            asked = pd.unique(section[chosen] * span + (at[code[chosen]] - first))
            kept = np.isin(of_section * span + (period - first), asked)
        begins = period[kept].astype("datetime64[D]" if by == "day" else "datetime64[M]")
        lasts = (begins + 1).astype("datetime64[D]") - begins.astype("datetime64[D]")
        each = np.where(
            automatic[of_section[kept]],
            rule.readings_per_day * lasts.astype(np.int64),
            rule.manual_per_month,
        )
        table = pd.DataFrame(
            {
                "section": of_section[kept],
                "period": np.datetime_as_string(begins).astype(object),
                "found": total[kept],
                "due": reported[kept] * each,
            }
        )
        tables[by] = table.assign(share=table["found"] / table["due"])
    return tables


def _range_of(numbers: Ints) -> tuple[int, int]:
    """The least of some numbers, and how many there are from it to the greatest."""
    first = int(numbers.min()) if len(numbers) else 0
    return first, (int(numbers.max()) - first + 1 if len(numbers) else 1)


def _period_table(section: Ints, period: Ints, found: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """From an entry for each parameter, by section and period: found, and how many parameters there are."""
    first, span = _range_of(period)
    keys, sums = _summed(section * span + (period - first), found)
    _, reported = _counted(section * span + (period - first))
    order = np.argsort(keys)
    keys = keys[order]
    return keys // span, keys % span + first, sums[order], reported[order]


def _summed(keys: Ints, amounts: Ints) -> tuple[Ints, Ints]:
    """The different keys in the order of their first place, and the sum of what belongs to each."""
    entries, different = pd.factorize(keys)
    sums = np.bincount(entries, weights=amounts, minlength=len(different))
    return different.astype(np.int64), sums.astype(np.int64)


def _counted(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys, and how often each occurs."""
    entries, different = pd.factorize(keys)
    return different, np.bincount(entries, minlength=len(different))


def _automatic_sections(
    arrays: ReadingArrays,
    rows: Ints,
    code: Ints,
    moments: Ints,
    rule: Completeness,
    stored: StoredCounts,
) -> Bools:
    """Which section is counted as automatic: it says so, or does not say and samples close together."""
    size = int(max(arrays.section.max(initial=-1), stored.section.max(initial=-1))) + 1
    said = np.zeros((size, len(KINDS)), dtype=bool)
    said[arrays.section[rows], arrays.kind[rows]] = True
    said[stored.section[stored.automatic], KINDS.index("automatic")] = True
    said[stored.section[stored.manual], KINDS.index("manual")] = True
    samples = np.sort(pd.unique(arrays.section[rows] * max(len(moments), 1) + code))
    section, at = samples // max(len(moments), 1), moments[samples % max(len(moments), 1)]
    close = (np.diff(section) == 0) & (np.diff(at) <= rule.automatic_within_hours * _HOUR)
    dense = np.zeros(size, dtype=bool)
    dense[section[1:][close]] = True
    otherwise = said[:, KINDS.index("manual")] | said[:, KINDS.index("remote_sensing")]
    automatic: Bools = said[:, KINDS.index("automatic")] | (dense & ~otherwise)
    return automatic


class Tally:
    """Counts what quality control found in an upload; whole sections at a time."""

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self.readings = 0
        self.marks: Counter[tuple[int, int]] = Counter()
        self.periods = {by: _Periods(thresholds.completeness) for by in ("day", "month")}

    def add(
        self,
        arrays: ReadingArrays,
        mask: Ints,
        *,
        others: tuple[ReadingArrays, Ints] | None = None,
        stored: StoredCounts = _NO_COUNTS,
    ) -> None:
        """Count the readings of whole sections, with their final marks.

        `others` are stored readings around them with theirs, `stored` the sums of more distant ones: they
        count for the completeness of the days and months of the upload.
        """
        self.readings += len(arrays)
        marked = np.where((mask == 0) & (arrays.parameter < 0), -1, mask)
        keys, counts = _counted((arrays.parameter << 32) + marked)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            parameter = (key + 1) >> 32  # an unknown parameter has the mark -1
            self.marks[parameter, key - (parameter << 32)] += count
        own = np.ones(len(arrays), dtype=bool)
        if others is not None:
            own = np.concatenate((own, np.zeros(len(others[0]), dtype=bool)))
            arrays, mask = arrays.joined(others[0]), np.concatenate((mask, others[1]))
        usable = (mask & _FAIL_BITS) == 0
        chosen = arrays.parameter >= 0
        known = arrays.take(chosen)
        for by, table in _count_due(
            known,
            known.parameter,
            usable[chosen],
            self.thresholds.completeness,
            own=None if others is None and not len(stored.section) else own[chosen],
            stored=stored,
        ).items():
            self.periods[by].add(table)

    def report(self, *, cells: Mapping[str, int], names: Mapping[int, str]) -> dict[str, Any]:
        """The quality report of an upload, ready for JSON.

        `cells` has the number of good rows for each parameter that has a column: those without a reading are
        missing; `names` has the codes of the sections by their numbers.
        """
        there: Counter[int] = Counter()
        for (parameter, _), count in self.marks.items():
            there[parameter] += count
        places = {code: place for place, code in enumerate(self.thresholds.parameters)}
        empty = {places[code]: count - there[places[code]] for code, count in cells.items() if code in places}
        parameters: dict[str, dict[str, Any]] = {}
        for place in sorted({parameter for parameter, _ in self.marks if parameter >= 0} | empty.keys()):
            counts = dict.fromkeys((flag.name.lower() for flag in Flag), 0)
            counts["missing"] = empty.get(place, 0)
            tests: dict[str, dict[str, int]] = {}
            for (parameter, bits), count in sorted(self.marks.items()):
                if parameter == place:
                    flag, told = _explain(bits)
                    counts[flag.name.lower()] += count
                    for entry in told or ():
                        test, _, said = entry.partition(":")
                        tests.setdefault(test, {}).setdefault(said, 0)
                        tests[test][said] += count
            parameters[self.thresholds.parameters[place]] = {**counts, "tests": tests}
        return {
            "thresholds": {"edition": self.thresholds.edition, "sha256": self.thresholds.sha256},
            "readings": self.readings,
            "flags": {
                flag.name.lower(): sum(counts[flag.name.lower()] for counts in parameters.values())
                for flag in Flag
            },
            "parameters": parameters,
            "completeness": {by: periods.report(names) for by, periods in self.periods.items()},
        }


class _Periods:
    """The completeness of the section-days or section-months of an upload: sums, and the worst of them.

    How much is kept depends on the number of sections only: no more than can be listed of each.
    """

    def __init__(self, rule: Completeness) -> None:
        self.rule = rule
        self.count = self.found = self.due = self.below = 0
        self.worst: list[pd.DataFrame] = []

    def add(self, table: pd.DataFrame) -> None:
        """Count all periods of some sections, as :func:`_count_due` has them."""
        self.count += len(table)
        self.found += int(table["found"].sum())
        self.due += int(table["due"].sum())
        low = table[table["share"] < self.rule.warn_below]
        self.below += len(low)
        if len(low):
            low = low.sort_values(["section", "share", "period"])
            self.worst.append(low.groupby("section").head(self.rule.worst_listed))

    def report(self, names: Mapping[int, str]) -> dict[str, Any]:
        """The counts, and the periods with the least share."""
        worst = []
        if self.worst:
            low = pd.concat(self.worst, ignore_index=True)
            low = low.assign(section=[names.get(number, str(number)) for number in low["section"]])
            low = low.sort_values(["share", "section", "period"]).head(self.rule.worst_listed)
            worst = low[["section", "period", "found", "due"]].to_dict("records")
        return {
            "periods": self.count,
            "found": self.found,
            "due": self.due,
            "share": round(self.found / self.due, 4) if self.due else None,
            "warn_below": self.rule.warn_below,
            "below": self.below,
            "worst": worst,
        }
