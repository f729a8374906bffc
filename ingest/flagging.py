"""Quality control of a load: its own readings, and the stored ones that it gives new neighbours.

What needs one sample only is known when a block is written, and goes into its lines. What needs neighbours
(spike, rate of change, flat line) is known when the whole file and what the database has around it are known:
then the few readings whose flag is another one are changed. Readings are kept as 32 bytes each until then, in
memory or, of a long file, in temporary files by section; so neither the blocks nor their order matter.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import starmap
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ingest.quality import (
    KINDS,
    ReadingArrays,
    StoredCounts,
    Tally,
    Thresholds,
    arrays_of_frame,
    check_relations,
    check_samples,
    check_series,
    flags_of,
    load_thresholds,
)
from models import quality as store
from models.loading import NULL, Stretch
from models.partitions import BEIJING, Month, month_bounds

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

IN_MEMORY = 2_000_000
"""Readings of a file that are kept in memory; more are kept in temporary files."""
NOBODYS = 0
"""The number of no upload."""
AT_ONCE = 300_000
"""About as many readings are looked at together."""
_BUCKETS = 128
_RECORD = np.dtype(
    [
        ("section", np.int32),
        ("parameter", np.int16),
        ("kind", np.int8),
        ("censored", np.bool_),
        ("instant", np.int64),
        ("value", np.float64),
        ("mask", np.int32),
        ("row", np.int32),
    ]
)
_ONE_DAY = timedelta(days=1)
_US = pd.Timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cells:
    """What the different cells of a block say: parameter, value and whether it is a detection limit."""

    parameters: Sequence[str]
    values: Sequence[Decimal | None]
    censored: Sequence[bool]
    fulls: Sequence[Decimal | None]


class Lost:
    """Readings of a file, by row and parameter, that gave way to another one; there may be millions."""

    def __init__(self) -> None:
        self._rows = array("q")
        self._parameters = array("h")
        self._codes: dict[str, int] = {}

    def add(self, row: int, parameter: str) -> None:
        """Add one reading."""
        self._rows.append(row)
        self._parameters.append(self._codes.setdefault(parameter, len(self._codes)))

    def keys(self, places: Mapping[str, int]) -> Ints:
        """One number for each: its row times the number of places, plus the place of its parameter."""
        place_of = np.array([places[code] for code in self._codes], dtype=np.int64)
        rows = np.array(self._rows, dtype=np.int64)
        return rows * len(places) + place_of[np.array(self._parameters, dtype=np.int64)]


class QualityControl:
    """The flags of one load of readings: `take` each block, `settle` when all are written, then `report`."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self.thresholds = thresholds or load_thresholds()
        self._places = {code: place for place, code in enumerate(self.thresholds.parameters)}
        self._tally = Tally(self.thresholds)
        self._blocks: list[NDArray[Any]] = []
        self._held = 0
        self._stack = ExitStack()
        self._files: list[IO[bytes]] = []
        self.touched: list[Stretch] = []

    # -- block by block ----------------------------------------------------------------------------------

    def take(
        self,
        cells: Cells,
        *,
        cell: Ints,
        full: Ints,
        section: Ints,
        instant: Ints,
        station_type: NDArray[np.object_],
        station_status: NDArray[np.object_],
        sample: Ints,
        row: Ints,
    ) -> tuple[Ints, list[str]]:
        """Flag the readings of a block as far as their own samples tell.

        `cell`, `full` (places in `cells`), `sample` and `row` have an entry per reading; `section`,
        `instant` (microseconds since 1970 UTC), `station_type` and `station_status` one per sample. Returns
        an entry per reading, and for each different entry the two columns `quality` and `quality_tests` as
        COPY reads them.
        """
        parameters = np.array([self._places.get(code, -1) for code in cells.parameters], dtype=np.int64)
        values = np.array(list(map(_as_float, cells.values)), dtype=np.float64)
        fulls = np.array(list(map(_as_float, cells.fulls)), dtype=np.float64)
        value, stated = values[cell], fulls[full]
        kinds = np.full(len(station_type), KINDS.index("unknown"), dtype=np.int64)
        for kind in ("automatic", "manual", "remote_sensing"):
            kinds[station_type == kind] = KINDS.index(kind)
        codes, statuses = pd.factorize(station_status)
        arrays = ReadingArrays(
            section=section[sample],
            parameter=parameters[cell],
            instant=instant[sample],
            value=np.where(np.isnan(stated) | np.isnan(value), value, stated),
            censored=np.array(cells.censored, dtype=bool)[cell],
            kind=kinds[sample],
            status=codes.astype(np.int64)[sample],
            statuses=[str(status) for status in statuses],
        )
        mask = check_samples(arrays, self.thresholds)
        self._keep(arrays, mask, row)
        entries, said = flags_of(mask, arrays.parameter >= 0)
        return entries, list(starmap(_copy_columns, said))

    def _keep(self, arrays: ReadingArrays, mask: Ints, row: Ints) -> None:
        block = np.empty(len(arrays), dtype=_RECORD)
        for name in ("section", "parameter", "kind", "censored", "instant", "value"):
            block[name] = getattr(arrays, name)
        block["mask"], block["row"] = mask, row
        self._blocks.append(block)
        self._held += len(block)
        if self._held > IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        """Move what is held into temporary files, one for each bucket of sections."""
        if not self._files:
            self._files = [
                self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
                for _ in range(_BUCKETS)
            ]
        for number, part in _buckets(np.concatenate(self._blocks), _BUCKETS):
            self._files[number].write(part.tobytes())
        self._blocks, self._held = [], 0

    def _parts(self) -> Iterator[NDArray[Any]]:
        """Everything that was taken, in parts that have whole sections."""
        if self._files:
            if self._blocks:
                self._spill()
            for file in self._files:
                file.seek(0)
                yield np.frombuffer(file.read(), dtype=_RECORD)
        elif self._blocks:
            together = np.concatenate(self._blocks)
            self._blocks = []
            for _, part in _buckets(together, -(-len(together) // AT_ONCE)):
                yield part

    def close(self) -> None:
        """Drop everything that was taken."""
        self._blocks, self._held = [], 0
        self._stack.close()
        self._files = []

    # -- when all is written -----------------------------------------------------------------------------

    def settle(
        self,
        session: Session,
        upload_id: int,
        *,
        refused: Ints,
        lost: Lost,
        spans: Mapping[Month, tuple[Ints, Ints, Ints] | None],
        written: bool,
    ) -> None:
        """Compare readings with their neighbours, in the file and in the database, and change what follows.

        Parameters
        ----------
        refused :
            Rows of the file that were refused after all: they are nobody's neighbours.
        lost :
            Readings that gave way to another one of the same section and time.
        spans :
            What was stored before, by Beijing month of the file: section numbers ascending, with the first
            and last moment in microseconds; None for nothing.
        written :
            Whether the readings were written; else they are only counted.
        """
        near = _Near(session, spans, self.thresholds) if written else None
        gone = lost.keys(self._places)
        for part in self._parts():
            own = part[~np.isin(part["row"], refused)] if len(refused) else part
            if len(gone):
                own = own[~np.isin(own["row"].astype(np.int64) * len(self._places) + own["parameter"], gone)]
            if not len(own):
                continue
            arrays = _as_arrays(own)
            self.touched += [
                Stretch(*extent) for extent in _extents(arrays, np.unique(arrays.section).astype(np.int64))
            ]
            mask = own["mask"].astype(np.int64)
            stretches = [] if near is None else near.of(arrays)
            stored = (
                store.readings_near(
                    session,
                    stretches,
                    (2 * self.thresholds.reach).to_pytimedelta(),
                    other_than=upload_id,
                )
                if stretches
                else None
            )
            others: tuple[ReadingArrays, Ints] | None = None
            if stored is None or stored.empty:
                final = mask | check_series(arrays, mask, self.thresholds)
            else:
                marks, others = self._with_stored(session, arrays, mask, stored, stretches)
                final = mask | marks
            if written:
                self._change_own(session, upload_id, arrays, mask, final)
            if near is None:
                self._tally.add(arrays, final)
            else:
                counts = self._stored_counts(session, near, arrays, stretches, upload_id)
                self._tally.add(
                    arrays, final, others=_whole_days(others, stretches, self.thresholds), stored=counts
                )
        self.close()

    def _with_stored(
        self,
        session: Session,
        arrays: ReadingArrays,
        mask: Ints,
        stored: pd.DataFrame,
        stretches: Sequence[Stretch],
    ) -> tuple[Ints, tuple[ReadingArrays, Ints]]:
        """The marks of own readings among stored ones, and those with all of theirs.

        Stored ones within the reach get their flags anew.
        """
        others = replace(
            arrays_of_frame(stored, self.thresholds), section=stored["section"].to_numpy(dtype=np.int64)
        )
        other_mask = check_samples(others, self.thresholds)
        # An own reading that is stored already stands beside itself, which harms nothing.
        both, both_mask = arrays.joined(others), np.concatenate((mask, other_mask))
        marks = check_series(both, both_mask, self.thresholds)
        # Parts and totals of one instant may have come in two files.
        marks |= check_relations(both, both_mask, self.thresholds)
        other_final = other_mask | marks[len(arrays) :]
        self._change_stored(session, others, other_final, stored, stretches)
        return marks[: len(arrays)], (others, other_final)

    def _stored_counts(
        self,
        session: Session,
        near: _Near,
        arrays: ReadingArrays,
        stretches: Sequence[Stretch],
        upload_id: int,
    ) -> StoredCounts:
        """What other uploads have of the months of the readings, beyond the days that lie around them."""
        asked = []
        around = {stretch.section_id: stretch for stretch in stretches}
        for section, first, last in _extents(arrays, near.section):
            months = [month_bounds(_month_of(moment)) for moment in (first, last)]
            looked_at = around.get(section)
            if looked_at is None:
                inside = (_day_of(first), _day_of(last) + _ONE_DAY)
            else:
                inside = _days_around(looked_at, self.thresholds)
            asked.append(store.Gap(section, months[0][0], months[1][1], *inside))
        rule = self.thresholds.completeness
        found = store.monthly_counts(session, asked, rule.readings_per_day, other_than=upload_id)
        places = [self._places.get(code, -1) for code in found["parameter"]]
        numbers = np.array(places, dtype=np.int64)
        known = numbers >= 0
        return StoredCounts(
            parameter=numbers[known],
            **{
                name: found[name].to_numpy(dtype=kind)[known]
                for name, kind in (
                    ("section", np.int64),
                    ("month", np.int64),
                    ("daily", np.int64),
                    ("usable", np.int64),
                    ("automatic", np.bool_),
                    ("manual", np.bool_),
                )
            },
        )

    def judge_again(self, session: Session, stretches: Sequence[Stretch]) -> int:
        """Judge stored readings of the stretches, and near them, anew; returns how many flags changed."""
        reach = (2 * self.thresholds.reach).to_pytimedelta()
        stored = store.readings_near(session, stretches, reach, other_than=NOBODYS)
        if stored.empty:
            return 0
        numbers = stored["section"].to_numpy(dtype=np.int64)
        arrays = replace(arrays_of_frame(stored, self.thresholds), section=numbers)
        mask = check_samples(arrays, self.thresholds)
        mask |= check_series(arrays, mask, self.thresholds)
        return self._change_stored(session, arrays, mask, stored, stretches)

    def _change_stored(
        self,
        session: Session,
        others: ReadingArrays,
        other_final: Ints,
        stored: pd.DataFrame,
        stretches: Sequence[Stretch],
    ) -> int:
        """Give those near the stretches their new flags; returns how many were others."""
        inside = self._inside(others, stretches)
        entries, said = flags_of(other_final, others.parameter >= 0)
        texts = list(starmap(_copy_columns, said))
        tests = stored["quality_tests"].astype("category")
        stated = stored["quality"].to_numpy(dtype=np.int64) * (len(tests.cat.categories) + 1)
        stated += tests.cat.codes.to_numpy(dtype=np.int64) + 1
        kinds, which = np.unique(stated, return_inverse=True)
        words = [NULL, *tests.cat.categories]
        was = [f"{kind // len(words)}\t{words[kind % len(words)]}" for kind in kinds.tolist()]
        changed = np.array(texts, dtype=object)[entries] != np.array(was, dtype=object)[which]
        rows = np.flatnonzero(changed & inside)
        self._change(session, others, rows, entries, texts, revisions=stored["revision"])
        return len(rows)

    def _inside(self, others: ReadingArrays, stretches: Sequence[Stretch]) -> Bools:
        """Which readings lie so near one of the stretches that it may decide about their flags."""
        number, first, last = _as_spans(stretches)[0]
        reach = int(self.thresholds.reach / _US)
        order = np.argsort(number)
        at = order[np.searchsorted(number[order], others.section)]
        inside: Bools = (others.instant >= first[at] - reach) & (others.instant <= last[at] + reach)
        return inside

    def _change_own(
        self, session: Session, upload_id: int, arrays: ReadingArrays, before: Ints, after: Ints
    ) -> None:
        rows = np.flatnonzero(before != after)
        entries, said = flags_of(after, arrays.parameter >= 0)
        texts = list(starmap(_copy_columns, said))
        self._change(session, arrays, rows, entries, texts, upload_id=upload_id)

    def _change(
        self,
        session: Session,
        arrays: ReadingArrays,
        rows: Ints,
        entries: Ints,
        texts: Sequence[str],
        *,
        revisions: pd.Series[Any] | None = None,
        upload_id: int | None = None,
    ) -> None:
        if not len(rows):
            return
        moments = np.datetime_as_string(arrays.instant[rows].astype("datetime64[us]"))
        which = ["0"] * len(rows) if revisions is None else [str(revisions.iloc[row]) for row in rows]
        store.change_flags(
            session,
            (
                (
                    str(section),
                    self.thresholds.parameters[parameter],
                    f"{at}+00",
                    revision,
                    *texts[entry].split("\t"),
                )
                for section, parameter, at, revision, entry in zip(
                    arrays.section[rows].tolist(),
                    arrays.parameter[rows].tolist(),
                    moments,
                    which,
                    entries[rows].tolist(),
                    strict=True,
                )
            ),
            upload_id=upload_id,
        )

    def report(self, *, cells: Mapping[str, int], names: Mapping[int, str]) -> dict[str, Any]:
        """The quality report of the upload; `cells` is as in :meth:`ingest.quality.Tally.report`."""
        return self._tally.report(cells=cells, names=names)


def reflag(session: Session, stretches: Sequence[Stretch], thresholds: Thresholds | None = None) -> int:
    """Judge stored readings anew, in stretches of time and within the reach of the tests around them.

    Needed where readings came to another section, and with that to other neighbours. Returns how many flags
    changed.
    """
    if not stretches:
        return 0
    whole: dict[int, Stretch] = {}
    for stretch in stretches:
        known = whole.get(stretch.section_id, stretch)
        first, last = min(known.first, stretch.first), max(known.last, stretch.last)
        whole[stretch.section_id] = Stretch(stretch.section_id, first, last)
    control = QualityControl(thresholds)
    return sum(control.judge_again(session, [stretch]) for stretch in whole.values())


class _Near:
    """Knows which sections of a file have stored readings within the reach of the tests."""

    def __init__(
        self, session: Session, spans: Mapping[Month, tuple[Ints, Ints, Ints] | None], thresholds: Thresholds
    ) -> None:
        self.reach = int(thresholds.reach / _US)
        known = [span for span in spans.values() if span is not None]
        for month in _months_around(spans.keys(), thresholds):
            known.extend(_as_spans(store.stored_stretches(session, *month_bounds(month))))
        self.section, self.first, self.last = (
            np.concatenate([span[place] for span in known]) if known else np.empty(0, dtype=np.int64)
            for place in range(3)
        )

    def of(self, arrays: ReadingArrays) -> list[Stretch]:
        """The stretches, of whole sections, that lie near something stored."""
        stored = np.isin(arrays.section, self.section)
        if not stored.any():
            return []
        found = []
        of_sections = pd.Series(arrays.instant[stored]).groupby(arrays.section[stored]).agg(["min", "max"])
        for number, first, last in of_sections.itertuples():
            same = self.section == number
            if (same & (self.first <= last + self.reach) & (self.last >= first - self.reach)).any():
                found.append(Stretch(int(number), _moment(first), _moment(last)))
        return found


def _extents(arrays: ReadingArrays, sections: Ints) -> Iterator[tuple[int, datetime, datetime]]:
    """Of the readings of some sections: section, first and last moment."""
    chosen = np.isin(arrays.section, sections)
    of_sections = pd.Series(arrays.instant[chosen]).groupby(arrays.section[chosen]).agg(["min", "max"])
    for number, first, last in of_sections.itertuples():
        yield int(number), _moment(first), _moment(last)


def _day_of(moment: datetime) -> datetime:
    """The first instant of a moment's Beijing day."""
    return moment.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)


def _month_of(moment: datetime) -> Month:
    local = moment.astimezone(BEIJING)
    return local.year, local.month


def _days_around(stretch: Stretch, thresholds: Thresholds) -> tuple[datetime, datetime]:
    """The whole Beijing days for which all stored readings around a stretch are at hand."""
    reach = (2 * thresholds.reach).to_pytimedelta()
    return _day_of(stretch.first - reach) + _ONE_DAY, _day_of(stretch.last + reach)


def _whole_days(
    others: tuple[ReadingArrays, Ints] | None, stretches: Sequence[Stretch], thresholds: Thresholds
) -> tuple[ReadingArrays, Ints] | None:
    """Stored readings of the days that are at hand as a whole, with their marks."""
    if others is None:
        return None
    arrays, marks = others
    numbers = np.array([stretch.section_id for stretch in stretches], dtype=np.int64)
    edges = np.array(
        [[edge.timestamp() for edge in _days_around(stretch, thresholds)] for stretch in stretches]
    )
    order = np.argsort(numbers)
    at = order[np.searchsorted(numbers[order], arrays.section)]
    seconds = arrays.instant // 1_000_000
    inside = (seconds >= edges[at, 0]) & (seconds < edges[at, 1])
    return arrays.take(inside), marks[inside]


def _months_around(months: Sequence[Month] | Any, thresholds: Thresholds) -> list[Month]:
    """Beijing months that are not among `months` and reach near one of them."""
    given = set(months)
    near: set[Month] = set()
    for month in given:
        start, end = month_bounds(month)
        for edge in (start - thresholds.reach.to_pytimedelta(), end + thresholds.reach.to_pytimedelta()):
            local = pd.Timestamp(edge).tz_convert("Asia/Shanghai")
            near.add((local.year, local.month))
    return sorted(near - given)


def _as_spans(stretches: Sequence[Stretch]) -> list[tuple[Ints, Ints, Ints]]:
    if not stretches:
        return []
    numbers = np.array([stretch.section_id for stretch in stretches], dtype=np.int64)
    first, last = (
        pd.to_datetime(pd.Series(moments), utc=True)
        .dt.tz_localize(None)
        .to_numpy("datetime64[us]")
        .astype(np.int64)
        for moments in (
            [stretch.first for stretch in stretches],
            [stretch.last for stretch in stretches],
        )
    )
    return [(numbers, first, last)]


def _moment(microseconds: int) -> datetime:
    moment: datetime = pd.Timestamp(int(microseconds), unit="us", tz="UTC").to_pydatetime()
    return moment


def _buckets(records: NDArray[Any], count: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Records by bucket, each with whole sections."""
    if count <= 1:
        yield 0, records
        return
    bucket = (records["section"] % count).astype(np.int16)
    order = np.argsort(bucket, kind="stable")
    bounds = np.searchsorted(bucket[order], np.arange(count + 1))
    for number in range(count):
        yield number, records[order[bounds[number] : bounds[number + 1]]]


def _as_arrays(records: NDArray[Any]) -> ReadingArrays:
    return ReadingArrays(
        section=records["section"].astype(np.int64),
        parameter=records["parameter"].astype(np.int64),
        instant=np.ascontiguousarray(records["instant"]),
        value=np.ascontiguousarray(records["value"]),
        censored=np.ascontiguousarray(records["censored"]),
        kind=records["kind"].astype(np.int64),
        status=np.full(len(records), -1, dtype=np.int64),
        statuses=[],
    )


def _as_float(value: Decimal | None) -> float:
    return float("nan") if value is None else float(value)


def _copy_columns(flag: int, tests: tuple[str, ...] | None) -> str:
    """`quality` and `quality_tests` as COPY reads them; the names of tests need no quoting."""
    return f"{int(flag)}\t{NULL if tests is None else '{' + ','.join(tests) + '}'}"
