"""Readings into their table: block by block while the database writes, compared only where they may clash.

A block is read, checked and turned into lines of COPY while the block before it is being written: one core
reads, the other writes. A sample that no stored reading and no other row of the file can contradict goes
straight into its partition; the others are staged and compared there, exactly and set by set. Which ones
these are is decided by a filter that is never wrong in the dangerous direction: 8 bytes per sample of the
file, and the first and last stored moment of each section and month.

Where a row turns out to contradict one that was written blocks ago, or where errors mean that nothing will be
kept and writing stopped, the file is gone through once more with the moments in question known: the outcome
does not depend on where blocks begin.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, groupby
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ingest.blocks import BlockSource
from ingest.flagging import Cells, Lost, QualityControl
from ingest.names import fold_name
from ingest.options import IngestOptions
from ingest.problemlog import ProblemLog
from ingest.readings import CellMemory, ParsedReadings, parse_table, readings_score
from ingest.report import COUNTED_NOTICES, Notice, Problem
from ingest.sections import Match, Refusal, SectionIndex, SectionKey
from models import loading
from models.partitions import Month
from models.sections import REMOTE_SENSING, remote_sections
from spatial.parameters import load_parameters

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Bools = NDArray[np.bool_]

CONFLICTS_TOLD = 10_000
"""Conflicts of one kind, resolved by the policy, that are told one by one; of those beyond, the number."""
_CANDIDATES = 8
_PENDING_BLOCKS = 2
_NOTHING: Ints = np.empty(0, dtype=np.int64)


# -- the books -------------------------------------------------------------------------------------------


class RowBook:
    """What became of every row of a file, one byte each, by the row number that a person sees."""

    READ, REJECTED, LOADED, DUPLICATE = 1, 2, 4, 8

    def __init__(self) -> None:
        self._marks = np.zeros(1024, dtype=np.uint8)

    def mark(self, rows: Sequence[int] | Ints, what: int) -> None:
        """Note one thing of some rows."""
        numbers = np.asarray(rows, dtype=np.int64)
        if not len(numbers):
            return
        last = int(numbers.max())
        if last >= len(self._marks):
            grown = np.zeros(max(last + 1, 2 * len(self._marks)), dtype=np.uint8)
            grown[: len(self._marks)] = self._marks
            self._marks = grown
        self._marks[numbers] |= np.uint8(what)

    def has(self, rows: Ints, what: int) -> Bools:
        """Which of these rows (all of them known) have the mark."""
        marked: Bools = (self._marks[rows] & what) != 0
        return marked

    def rows(self, what: int) -> Ints:
        """All rows that have the mark, ascending."""
        return np.flatnonzero(self._marks & what)

    def count(self, what: int, *, without: int = 0) -> int:
        """How many rows have the mark and none of those in `without`."""
        return int(np.count_nonzero((self._marks & (what | without)) == what))


@dataclass(slots=True)
class Outcome:
    """What became of the rows of a file, and what is to be told of it."""

    book: RowBook = field(default_factory=RowBook)
    problems: ProblemLog = field(default_factory=ProblemLog)
    notices: list[Notice] = field(default_factory=list)
    readings: int = 0
    quality: dict[str, Any] | None = None
    """The report of quality control, of a file of readings."""
    touched: list[loading.Stretch] = field(default_factory=list)
    """Over which time each section has good readings in the file."""

    def refuse(self, problem: Problem) -> None:
        """Reject a row for a reason."""
        self.problems.append(problem)
        self.book.mark([problem.row], RowBook.REJECTED)

    def clear(self) -> None:
        """Forget everything: the file is gone through again."""
        self.book = RowBook()
        self.problems.clear()
        self.notices.clear()
        self.readings = 0
        self.quality = None
        self.touched = []


# -- the file --------------------------------------------------------------------------------------------


class ReadingsFile:
    """A file of readings, read block by block as often as need be.

    Raises
    ------
    IngestFileError
        On opening, if the file cannot be used: unreadable, a needed column missing …
    """

    def __init__(self, path: Path, options: IngestOptions) -> None:
        self.options = options
        self.source = BlockSource(path, options, readings_score(options))
        self._memory = CellMemory()
        self._first: ParsedReadings | None = self._parsed(next(iter(self.source)))

    def __iter__(self) -> Iterator[ParsedReadings]:
        blocks = iter(self.source)
        if self._first is not None:
            next(blocks)
            first, self._first = self._first, None
            yield first
        for table in blocks:
            yield self._parsed(table)

    def _parsed(self, table: Any) -> ParsedReadings:
        return parse_table(table, self.options, for_loading=True, memory=self._memory)


class _SeenKeys:
    """The keys of all samples so far, 8 bytes each, in buckets of sorted runs."""

    BUCKETS = 64
    RUNS = 8

    def __init__(self) -> None:
        self._buckets: list[list[Keys]] = [[] for _ in range(self.BUCKETS)]

    def add(self, keys: Keys) -> Bools:
        """Enter keys (distinct, sorted); returns which of them were there before."""
        known = np.zeros(len(keys), dtype=bool)
        bucket = (keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
        order = np.argsort(bucket, kind="stable")
        bounds = np.searchsorted(bucket[order], np.arange(self.BUCKETS + 1, dtype=np.uint64))
        for number, runs in enumerate(self._buckets):
            places = order[bounds[number] : bounds[number + 1]]
            if not len(places):
                continue
            some = keys[places]
            there = np.zeros(len(some), dtype=bool)
            for run in runs:
                at = np.minimum(np.searchsorted(run, some), len(run) - 1)
                there |= run[at] == some
            known[places] = there
            runs.append(some[~there])
            if not len(runs[-1]):
                runs.pop()
            elif len(runs) > self.RUNS:
                runs[:] = [np.sort(np.concatenate(runs))]
        return known


# -- the writer ------------------------------------------------------------------------------------------


class _Writer:
    """Does the writing in the background, in order; whoever submits waits when two blocks are pending."""

    SWITCH_SECONDS = 0.0005
    """How long the reading thread may go on while the writing one waits: a line of COPY is soon sent."""

    _lock = Lock()
    _writers = 0
    _usual_seconds = sys.getswitchinterval()

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qingjiang-copy")
        self._pending: list[Future[None]] = []

    def __enter__(self) -> Self:
        with _Writer._lock:
            if _Writer._writers == 0:
                _Writer._usual_seconds = sys.getswitchinterval()
                sys.setswitchinterval(min(self.SWITCH_SECONDS, _Writer._usual_seconds))
            _Writer._writers += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        with _Writer._lock:
            _Writer._writers -= 1
            if _Writer._writers == 0:
                sys.setswitchinterval(_Writer._usual_seconds)

    def submit(self, job: Callable[[], None]) -> None:
        """Queue a job; raises what an earlier one raised."""
        while len(self._pending) >= _PENDING_BLOCKS:
            self._pending.pop(0).result()
        self._pending.append(self._pool.submit(job))

    def drain(self) -> None:
        """Wait until everything is written: after that the session is the caller's again."""
        while self._pending:
            self._pending.pop(0).result()


# -- sections --------------------------------------------------------------------------------------------


class _Sections:
    """Finds the registry's number of a section, and remembers which names and codes were former ones."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.made: list[loading.RegisteredSection] = []
        self.former: Counter[tuple[str, loading.RegisteredSection]] = Counter()
        self._index = SectionIndex(session)
        self._found: dict[tuple[SectionKey, date | None], Match | Refusal] = {}
        self.remote = {code for code, kinds in remote_sections(session).items() if True in kinds}
        """Codes of the sections that hold readings of remote sensing, and no others."""

    def depends_on_day(self, key: SectionKey) -> bool:
        """Whether another day may mean another section."""
        return self._index.depends_on_day(key)

    def known(self, key: SectionKey, day: date | None = None) -> Match | Refusal | None:
        """What was found before, or can be without registering."""
        if (key, day) not in self._found:
            found = self._index.find(key, day)
            if found is None:
                return None
            self._found[key, day] = found
        return self._found[key, day]

    def register(self, keys: Sequence[SectionKey]) -> None:
        """Enter sections that only this file has named; the session must be free."""
        newcomers: dict[tuple[str, str], tuple[str, str]] = {}
        for key in keys:
            if key.name is None or key.province is None:
                raise ValueError(key)
            newcomers.setdefault((fold_name(key.province), fold_name(key.name)), (key.province, key.name))
        for entry in loading.register_provisional(self.session, list(newcomers.values())):
            self._index.enter(entry)
            self.made.append(entry)

    def codes(self) -> dict[int, str]:
        """The code of every section by its number."""
        return {entry.id: entry.code for entry in self._index}


# -- the load --------------------------------------------------------------------------------------------


class ReadingsLoad:
    """One load of one file inside the session's transaction."""

    def __init__(
        self,
        session: Session,
        upload_id: int,
        recorded_at: datetime,
        file: ReadingsFile,
        outcome: Outcome,
        *,
        partial: bool,
        on_conflict: Literal["reject", "keep", "replace"],
        progress: Callable[[int], None],
    ) -> None:
        self.session = session
        self.upload_id = upload_id
        self.recorded_at = recorded_at
        self.file = file
        self.outcome = outcome
        self.partial = partial
        self.on_conflict = on_conflict
        self.progress = progress
        self.parameters = {code: place for place, code in enumerate(load_parameters())}
        self.headers: Mapping[str, str] = {}
        self.quality = QualityControl()

    def run(self) -> None:
        """Load what is good; the outcome says what became of every row."""
        shared = np.empty(0, dtype=np.uint64)
        savepoint = self.session.begin_nested()
        try:
            again = self._attempt(shared)
            if again is not None:
                savepoint.rollback()
                savepoint = self.session.begin_nested()
                self.outcome.clear()
                self.quality.close()
                # New sections get other numbers the second time, and with them other keys: watch everything.
                self._attempt(again, everything=bool(self.sections.made))
        finally:
            self.quality.close()
        savepoint.commit()

    def _attempt(self, shared: Keys, *, everything: bool = False) -> Keys | None:
        """Go through the file; returns the keys to watch where that has to be done again.

        `shared` are keys that are known to occur more than once: their samples are staged from the first;
        with `everything` all samples are.
        """
        self.shared = shared
        self.everything = everything
        self.sections = _Sections(self.session)
        self.seen = _SeenKeys()
        self.late: list[Keys] = []
        self.spans: dict[Month, tuple[Ints, Ints, Ints] | None] = {}
        self.staged_times: dict[Month, datetime] = {}
        self.staged = self.skipped = False
        self.repeats = everything
        self.noted: set[str] = set()
        self.quality = QualityControl()
        self.columns: set[str] = set()
        self.lost = Lost()
        self.conflicts: Counter[str] = Counter()
        self.copied_sections: set[int] = set()
        self.copied_parameters: set[str] = set()
        loading.create_staging(self.session)
        with _Writer() as writer:
            for parsed in self.file:
                self._take(parsed, writer)
                self.progress(len(parsed.table))
            writer.drain()
        loading.check_references(self.session, self.upload_id, self.copied_sections, self.copied_parameters)
        made = self.sections.made
        if made:
            names = "、".join(entry.code for entry in made[:_CANDIDATES]) + (
                "…" if len(made) > _CANDIDATES else ""
            )
            self.outcome.notices.append(Notice("sections_provisional", {"count": len(made), "names": names}))
        for (former, section), count in self.sections.former.items():
            params = {"former": former, "code": section.code, "name": section.name or "—", "count": count}
            self.outcome.notices.append(Notice("section_former_name", params))
        late = np.unique(np.concatenate(self.late)) if self.late else None
        if late is not None and self.skipped:
            return late
        if late is not None:
            loading.stage_loaded(self.session, self.upload_id)
        loaded_clash = self._refuse_file_clashes()
        if loaded_clash and (self.partial or self.on_conflict == "replace"):
            return late
        self._insert_staged()
        self._note_further_conflicts()
        book = self.outcome.book
        rest = book.rows(RowBook.READ)
        book.mark(rest[~book.has(rest, RowBook.REJECTED | RowBook.LOADED)], RowBook.DUPLICATE)
        self._settle_quality()
        return None

    # -- quality control ---------------------------------------------------------------------------------

    def _flag(self, block: _Block) -> None:
        """Flag what the block's own samples tell."""
        parsed, coded = block.parsed, block.parsed.coded
        block.flag, block.flag_texts = self.quality.take(
            Cells(
                parameters=[entry.parameter for entry in coded.cells],
                values=[entry.value for entry in coded.cells],
                censored=[entry.qualifier == "<" for entry in coded.cells],
                fulls=coded.fulls,
            ),
            cell=block.cell,
            full=block.full,
            section=block.section,
            instant=block.time,
            station_type=block.kind,
            station_status=block.status,
            sample=block.sample,
            row=block.rows[block.place],
        )
        if parsed.layout == "wide":
            self.columns |= parsed.headers.keys() & self.parameters.keys()

    def _settle_quality(self) -> None:
        """Flags that need neighbours, and the report, when the fate of every row is known."""
        outcome = self.outcome
        self.quality.settle(
            self.session,
            self.upload_id,
            refused=outcome.book.rows(RowBook.REJECTED),
            lost=self.lost,
            spans=self.spans,
            written=not self.skipped and (self.partial or not outcome.problems),
        )
        outcome.touched = self.quality.touched
        good_rows = outcome.book.count(RowBook.READ, without=RowBook.REJECTED)
        outcome.quality = self.quality.report(
            cells=dict.fromkeys(self.columns, good_rows), names=self.sections.codes()
        )

    def _problem(self, row: int, name: str | None, value: str | None, code: str, **params: Any) -> None:
        column = None if name is None else self.headers.get(name, name)
        self.outcome.refuse(Problem(int(row), column, value, code, params))

    # -- one block ---------------------------------------------------------------------------------------

    def _take(self, parsed: ParsedReadings, writer: _Writer) -> None:
        self.headers = parsed.headers
        self._note(parsed)
        block = _Block(parsed, self.outcome.book)
        self._refuse_empty(block)
        self._find_sections(block, writer)
        block.choose()
        self._stage_statuses(block, writer)
        self._flag(block)
        if not len(block.place):
            return
        shared = self._shared(block)
        free = ~shared & self._free(block, writer)
        direct = free[block.unit]
        self._send(block, writer, direct)

    def _note(self, parsed: ParsedReadings) -> None:
        """Keep what the block says about the file, once, and about its rows."""
        for notice in parsed.warnings:
            mark = repr(notice)
            # Two blocks that leave out as many rows for one reason say two things, not one thing twice.
            if notice.code in COUNTED_NOTICES or mark not in self.noted:
                self.noted.add(mark)
                self.outcome.notices.append(notice)
        book = self.outcome.book
        book.mark(parsed.table.rows, RowBook.READ)
        for problem in parsed.problems:
            self.outcome.refuse(problem)

    def _refuse_empty(self, block: _Block) -> None:
        """Rows without values and without a status, and rows whose time is not known."""
        parsed = block.parsed
        bad = block.bad()
        timeless = block.timeless[parsed.coded.sample] & ~bad[parsed.coded.place]
        places, firsts = np.unique(parsed.coded.place[timeless], return_index=True)
        samples = parsed.coded.sample[timeless][firsts]
        raw = parsed.samples["sampled_at_raw"].to_numpy(dtype=object)
        for place, sample in zip(places, samples, strict=True):
            self._problem(block.rows[place], "sampled_at", raw[sample], "time_missing")
        silent = np.flatnonzero(~block.with_values & ~bad)
        if parsed.layout == "long":  # a row of its own for each value: without one it says nothing
            for place in silent:
                self._problem(block.rows[place], "value", "", "row_without_values")
            return
        captured = parsed.samples["captured_at"].to_numpy(dtype=object)
        for place in silent:
            status = block.status[place]
            if status is None:
                self._problem(block.rows[place], None, None, "row_without_values")
            elif block.timeless[place] and not (parsed.capture_stated and not pd.isna(captured[place])):
                self._problem(
                    block.rows[place], "sampled_at", raw[place], "status_without_time", status=status
                )

    def _find_sections(self, block: _Block, writer: _Writer) -> None:
        """Registry number of each sample; new (province, name) are entered, what is unclear is refused."""
        usable = block.usable_samples()
        columns = block.parsed.samples[["section", "section_code", "section_name", "province"]]
        groups = columns.groupby(list(columns.columns), dropna=False, sort=False).ngroup().to_numpy()
        numbers, firsts = np.unique(groups[usable], return_index=True)
        cells = columns.to_numpy(dtype=object)
        keys = [SectionKey(*cells[place]) for place in np.flatnonzero(usable)[firsts]]
        unknown = [key for key in keys if self.sections.known(key) is None]
        if unknown:
            writer.drain()
            self.sections.register(unknown)
        number_of = np.zeros(int(groups.max()) + 1 if len(groups) else 0, dtype=np.int64)
        section: Ints | None = None
        for group, key in zip(numbers, keys, strict=True):
            if not self.sections.depends_on_day(key):
                number_of[group] = self._settle_section(block, key, None, usable, groups == group)
                continue
            section = np.zeros(len(groups), dtype=np.int64) if section is None else section
            of_group = usable & (groups == group)
            days = block.at.dt.date.to_numpy(dtype=object)
            for day in pd.unique(days[of_group]):
                known = None if pd.isna(day) else day
                of_day = pd.isna(days) if known is None else days == day
                chosen = of_group & of_day
                section[chosen] = self._settle_section(block, key, known, usable, chosen)
        block.section = np.where(usable, number_of[groups], 0)
        if section is not None:
            block.section = np.maximum(block.section, section)

    def _settle_section(
        self, block: _Block, key: SectionKey, day: date | None, usable: Bools, chosen: Bools
    ) -> int:
        """The number of what some samples call their section; 0 where their rows are refused for it."""
        found = self.sections.known(key, day)
        if isinstance(found, Match):
            if found.former is not None:
                rows = len(block.rows_of_samples(usable & chosen))
                self.sections.former[found.former, found.section] += rows
            self._keep_apart(block, found.section, usable & chosen)
            return found.section.id
        if found is not None:
            for row in block.rows_of_samples(usable & chosen):
                self._problem(row, found.column, found.value, found.code, **found.params)
        return 0

    def _keep_apart(self, block: _Block, section: loading.RegisteredSection, chosen: Bools) -> None:
        """Refuse what would put derived values beside measured ones: one would be a revision of the other."""
        if section.code not in self.sections.remote:
            if block.has_remote:
                for row in block.rows_of_samples(chosen & (block.kind == REMOTE_SENSING)):
                    self._problem(
                        row, "station_type", REMOTE_SENSING, "remote_sensing_elsewhere", section=section.code
                    )
            return
        unsaid = chosen & pd.isna(block.kind)
        for row in block.rows_of_samples(chosen & (block.kind != REMOTE_SENSING) & ~unsaid):
            self._problem(row, "station_type", None, "remote_sensing_only", section=section.code)
        block.kind[unsaid] = REMOTE_SENSING

    def _stage_statuses(self, block: _Block, writer: _Writer) -> None:
        rows = block.statuses()
        if rows:
            self.staged = True
            writer.submit(lambda: loading.stage_statuses(self.session, rows))

    # -- what can clash ----------------------------------------------------------------------------------

    def _shared(self, block: _Block) -> Bools:
        """Which units of the block another row of the file may speak of too."""
        if self.everything:
            return np.ones(len(block.unit_time), dtype=bool)
        parameter: Ints | int = 0
        if block.parsed.layout == "long":
            codes = np.array(
                [self.parameters[cell.parameter] for cell in block.parsed.coded.cells], dtype=np.int64
            )
            parameter = codes[block.cell]
        keys = _packed(block.unit_section, block.unit_time, parameter)
        distinct, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        known = self.seen.add(distinct)
        watched = np.isin(distinct, self.shared)
        if (known & ~watched).any():
            self.late.append(distinct[known & ~watched])
        repeated: Bools = (known | watched | (counts > 1))[inverse]
        self.repeats |= bool(repeated.any())
        return repeated

    def _free(self, block: _Block, writer: _Writer) -> Bools:
        """Which units lie outside everything that is stored of their section and month."""
        free = np.ones(len(block.unit_time), dtype=bool)
        for month, of_month in block.unit_months():
            if month not in self.spans:
                writer.drain()
                self.spans[month] = _as_arrays(loading.stored_spans(self.session, month))
            spans = self.spans[month]
            if spans is None:
                continue
            numbers, first, last = spans
            section, time = block.unit_section[of_month], block.unit_time[of_month]
            at = np.minimum(np.searchsorted(numbers, section), len(numbers) - 1)
            free[of_month] = (numbers[at] != section) | (time < first[at]) | (time > last[at])
        return free

    # -- writing -----------------------------------------------------------------------------------------

    def _send(self, block: _Block, writer: _Writer, direct: Bools) -> None:
        outcome = self.outcome
        if direct.any():
            outcome.book.mark(np.unique(block.rows[block.place[direct]]), RowBook.LOADED)
            outcome.readings += int(np.count_nonzero(direct))
            if outcome.problems and not self.partial:
                self.skipped = True  # nothing of this file will be kept: only errors matter now
            else:
                for month, chosen in block.months(direct):
                    self._copy(block, chosen, month, writer)
        if not direct.all():
            self.staged = True
            rest = self._lines(block, ~direct)
            for moment in block.month_times(~direct):
                self.staged_times.setdefault((moment.year, moment.month), moment)
            writer.submit(lambda: loading.stage_readings(self.session, rest))

    def _copy(self, block: _Block, chosen: Bools, month: datetime, writer: _Writer) -> None:
        """Readings of one month, straight into their partition."""
        self.copied_sections.update(np.unique(block.section[block.sample[chosen]]).tolist())
        self.copied_parameters.update(cell.parameter for cell in block.parsed.coded.cells)
        payload = self._lines(block, chosen)
        writer.submit(lambda: loading.copy_readings(self.session, payload, month))

    def _lines(self, block: _Block, chosen: Bools) -> memoryview:
        """Readings as lines of COPY, `loading.LOADED_COLUMNS`, put together from what they share."""
        coded = block.parsed.coded
        place, sample = block.place[chosen], block.sample[chosen]
        cell, full = block.cell[chosen], block.full[chosen]
        order = np.lexsort((block.time[sample], cell, block.section[sample]))
        place, sample, cell, full = place[order], sample[order], cell[order], full[order]
        places, firsts, row_part = np.unique(place, return_index=True, return_inverse=True)
        heads = pa.array(block.row_texts(places, sample[firsts]))
        cells = pa.array(
            [
                f"{entry.parameter}\t{_number(entry.value)}\t{entry.qualifier}"
                f"\t{_number(entry.detection_limit)}\t{loading.copy_text(entry.raw)}"
                for entry in coded.cells
            ]
        )
        tail = f"{self.upload_id}\t{self.recorded_at.isoformat()}"
        fulls = pa.array([f"{_number(value)}\t{tail}" for value in coded.fulls])
        flags = pa.array(block.flag_texts).take(pa.array(block.flag[chosen][order]))
        lines = pc.binary_join_element_wise(
            heads.take(pa.array(row_part)),
            cells.take(pa.array(cell)),
            fulls.take(pa.array(full)),
            flags,
            "\t",
        )
        lines = pc.binary_join_element_wise(lines, "", "\n")
        ends = lines.buffers()[1]
        first, last = np.frombuffer(ends, dtype=np.int32)[[lines.offset, lines.offset + len(lines)]]
        return memoryview(lines.buffers()[2])[int(first) : int(last)]

    # -- comparing ---------------------------------------------------------------------------------------

    def _refuse_file_clashes(self) -> bool:
        """Refuse all rows that say different things of one section, time and parameter: none is right.

        Returns whether one of them is among the loaded readings already.
        """
        if not self.staged:
            return False
        loaded = False
        refused: set[int] = set()
        # What is staged only because it is stored already needs no look at the rest of the file.
        clashes = loading.staged_clashes(self.session) if self.repeats else iter(())
        if self.on_conflict != "reject":
            loaded = self._note_file_clashes(clashes)
            clashes = iter(())
        # A status has no revisions: whatever is to happen to readings, two that differ are refused.
        clashes = chain(clashes, loading.staged_status_clashes(self.session))
        for _, group in groupby(clashes, key=lambda clash: (clash.parameter, clash.subject)):
            together = list(group)
            rows = [clash.source_row for clash in together]
            refused.update(rows)
            for clash in together:
                loaded |= clash.loaded
                others = ", ".join(str(other) for other in rows if other != clash.source_row)
                self._problem(
                    clash.source_row, clash.parameter, clash.value, "reading_conflict_in_file", others=others
                )
        loading.drop_staged(self.session, sorted(refused))
        return loaded

    def _note_file_clashes(self, clashes: Iterable[loading.FileClash]) -> bool:
        """Say of each row that another one of the file says otherwise, and which one is taken.

        Returns whether one of them is among the loaded readings already.
        """
        loaded = False
        code = "reading_conflict_first_row" if self.on_conflict == "keep" else "reading_conflict_last_row"
        for _, group in groupby(clashes, key=lambda clash: clash.subject):
            together = list(group)
            lost = together[1:] if self.on_conflict == "keep" else together[:-1]
            for clash in lost:
                self.lost.add(clash.source_row, clash.parameter)
            for clash in together:
                loaded |= clash.loaded
                others = ", ".join(str(o.source_row) for o in together if o.source_row != clash.source_row)
                column = self.headers.get(clash.parameter, clash.parameter)
                self._note_conflict(Notice(code, {"others": others}, clash.source_row, column))
        return loaded

    def _note_conflict(self, notice: Notice) -> None:
        """Tell the first conflicts one by one, and of the others how many there are."""
        self.conflicts[notice.code] += 1
        if self.conflicts[notice.code] <= CONFLICTS_TOLD:
            self.outcome.notices.append(notice)

    def _note_further_conflicts(self) -> None:
        for told, count in self.conflicts.items():
            if count > CONFLICTS_TOLD:
                params = {"count": count - CONFLICTS_TOLD, "told": CONFLICTS_TOLD, "policy": self.on_conflict}
                self.outcome.notices.append(Notice(f"{told}_more", params))

    def _note_stored_clashes(self, clashes: Iterable[loading.Clash]) -> None:
        """Say of each value that the stored one differs, and which of the two stands now."""
        code = "reading_conflict_kept" if self.on_conflict == "keep" else "reading_conflict_replaced"
        for clash in clashes:
            if self.on_conflict == "keep":
                self.lost.add(clash.source_row, clash.parameter)
            params = {
                "said": clash.said,
                "stored": clash.stored,
                "upload": clash.upload_id,
                "file": clash.file_name,
                "other": clash.stored_row or "—",
            }
            column = self.headers.get(clash.parameter, clash.parameter)
            self._note_conflict(Notice(code, params, clash.source_row, column))

    def _insert_staged(self) -> None:
        """Compare what is staged with what is stored, and insert what is new."""
        if not self.staged:
            return
        loading.drop_known(self.session, repeated=not self.repeats or self.on_conflict != "replace")
        clashes = loading.stored_clashes(self.session)
        if self.on_conflict != "reject":
            self._note_stored_clashes(clashes)
            clashes = iter(())
        refused: set[int] = set()
        for clash in chain(clashes, loading.stored_status_clashes(self.session)):
            refused.add(clash.source_row)
            self._problem(
                clash.source_row,
                clash.parameter,
                clash.said,
                "reading_conflict_stored",
                stored=clash.stored,
                file=clash.file_name,
                upload=clash.upload_id,
                other=clash.stored_row or "—",
            )
        loading.drop_staged(self.session, sorted(refused))
        insert = loading.insert_revisions if self.on_conflict == "replace" else loading.insert_readings
        rows = insert(self.session, self.staged_times.values())
        statuses = loading.insert_statuses(self.session, self.upload_id)
        self.outcome.readings += len(rows)
        self.outcome.book.mark([*rows, *statuses], RowBook.LOADED)


class _Block:
    """One parsed block as arrays, and which of its readings are good.

    A *unit* is what is compared as a whole: a sample of a wide file, a reading of a long one.
    """

    def __init__(self, parsed: ParsedReadings, book: RowBook) -> None:
        self.parsed = parsed
        self.book = book
        self.rows: Ints = parsed.table.rows
        self.with_values = np.zeros(len(self.rows), dtype=bool)
        self.with_values[parsed.coded.place] = True
        at = parsed.samples["sampled_at"]
        self.at = at
        self.timeless: Bools = at.isna().to_numpy()
        self.time = _microseconds(at)
        self.status = parsed.samples["station_status"].to_numpy(dtype=object)
        self.kind = np.array(parsed.samples["station_type"], dtype=object)
        self.has_remote = REMOTE_SENSING in pd.unique(self.kind)
        self.section: Ints = _NOTHING
        self.place = self.sample = self.cell = self.full = self.unit = _NOTHING
        self.unit_section = self.unit_time = self._unit_sample = _NOTHING
        self.flag = _NOTHING
        self.flag_texts: list[str] = []

    def bad(self) -> Bools:
        """Which places of the table are refused so far."""
        return self.book.has(self.rows, RowBook.REJECTED)

    def usable_samples(self) -> Bools:
        """Samples with a row that is not refused."""
        bad = self.bad()
        if self.parsed.layout == "wide":
            return ~bad
        usable = np.zeros(len(self.time), dtype=bool)
        usable[self.parsed.coded.sample[~bad[self.parsed.coded.place]]] = True
        return usable

    def rows_of_samples(self, samples: Bools) -> list[int]:
        """Rows, not refused yet, of some samples."""
        if self.parsed.layout == "wide":
            return [int(row) for row in self.rows[samples]]
        places = np.unique(self.parsed.coded.place[samples[self.parsed.coded.sample]])
        return [int(row) for row in self.rows[places[~self.bad()[places]]]]

    def choose(self) -> None:
        """Keep the readings that can be loaded: not refused, of a known section and time."""
        coded = self.parsed.coded
        good = (
            ~self.bad()[coded.place] & (self.section[coded.sample] > 0) & ~self.timeless[coded.sample]
            if len(coded.place)
            else np.zeros(0, dtype=bool)
        )
        self.place, self.sample = coded.place[good], coded.sample[good]
        self.cell, self.full = coded.cell[good], coded.full[good]
        if self.parsed.layout == "wide":
            self._unit_sample, self.unit = np.unique(self.sample, return_inverse=True)
        else:
            self._unit_sample, self.unit = self.sample, np.arange(len(self.sample))
        self.unit_section = self.section[self._unit_sample]
        self.unit_time = self.time[self._unit_sample]

    def unit_months(self) -> Iterator[tuple[Month, Ints]]:
        """Beijing months and the units in each."""
        months = _months(self.at.iloc[self._unit_sample])
        for number in np.unique(months).tolist():
            yield (number // 12, number % 12 + 1), np.flatnonzero(months == number)

    def months(self, chosen: Bools) -> Iterator[tuple[datetime, Bools]]:
        """A moment of every Beijing month that the chosen readings lie in, and which of them do."""
        moments = self.month_times(chosen)
        if len(moments) == 1:
            yield moments[0], chosen
            return
        samples, of_reading = np.unique(self.sample, return_inverse=True)
        months = _months(self.at.iloc[samples])[of_reading]
        for moment in moments:
            yield moment, chosen & (months == moment.year * 12 + moment.month - 1)

    def month_times(self, chosen: Bools) -> list[datetime]:
        """One time of every Beijing month that the chosen readings lie in."""
        at = self.at.iloc[np.unique(self.sample[chosen])]
        _, firsts = np.unique(_months(at), return_index=True)
        return [moment.to_pydatetime() for moment in at.iloc[firsts]]

    def row_texts(self, places: Ints, samples: Ints) -> list[str]:
        """The part of a line of COPY that all readings of a row share."""
        methods = self.parsed.methods
        moments, which = np.unique(self.time[samples], return_inverse=True)
        texts = [f"{text}+00" for text in np.datetime_as_string(moments.astype("datetime64[us]"))]
        return [
            f"{row}\t{section}\t{texts[moment]}\t{_text(kind)}\t{_text(status)}\t{_text(method)}"
            for row, section, moment, kind, status, method in zip(
                self.rows[places].tolist(),
                self.section[samples].tolist(),
                which.tolist(),
                self.kind[samples].tolist(),
                self.status[samples].tolist(),
                methods[places].tolist(),
                strict=True,
            )
        ]

    def statuses(self) -> list[tuple[str, ...]]:
        """Rows without readings that say how the station is, `loading.STATUS_COLUMNS`."""
        if self.parsed.layout != "wide":
            return []
        chosen = np.flatnonzero(
            ~self.bad() & ~self.with_values & (self.section > 0) & (self.status != None)  # noqa: E711
        )
        if not len(chosen):
            return []
        observed = self.at.iloc[chosen]
        if self.parsed.capture_stated:
            captured = self.parsed.samples["captured_at"].iloc[chosen]
            observed = observed.fillna(pd.to_datetime(captured, utc=True).dt.tz_convert("Asia/Shanghai"))
        return [
            (str(row), str(section), moment.isoformat(), loading.copy_text(status))
            for row, section, moment, status in zip(
                self.rows[chosen].tolist(),
                self.section[chosen].tolist(),
                observed,
                self.status[chosen].tolist(),
                strict=True,
            )
            if not pd.isna(moment)
        ]


def _number(value: Decimal | None) -> str:
    return loading.NULL if value is None else format(value, "f")


def _text(value: str | None) -> str:
    return loading.NULL if value is None else loading.copy_text(value)


def _microseconds(at: pd.Series[Any]) -> Ints:
    """Times as microseconds since 1970 UTC; what is missing is the least integer."""
    naive = at.dt.tz_convert("UTC").dt.tz_localize(None)
    microseconds: Ints = naive.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return microseconds


def _months(at: pd.Series[Any]) -> Ints:
    """Year times twelve plus month minus one, on Beijing clocks."""
    months: Ints = (at.dt.year * 12 + at.dt.month - 1).to_numpy(dtype=np.int64)
    return months


def _packed(section: Ints, time: Ints, parameter: Ints | int) -> Keys:
    """Section, second and parameter in 64 bits.

    Two samples of one key are compared exactly, so that sections beyond 22 bits, or a part of a second, cost
    a comparison and never a reading.
    """
    seconds = time // 1_000_000 + (1 << 33)
    packed = (section << 42) ^ (seconds << 8) ^ parameter
    return packed.astype(np.uint64)


def _as_arrays(spans: Sequence[tuple[int, datetime, datetime]]) -> tuple[Ints, Ints, Ints] | None:
    """Section numbers ascending, with the first and last stored moment in microseconds; None if nothing."""
    if not spans:
        return None
    numbers = np.array([number for number, _, _ in spans], dtype=np.int64)
    first, last = (
        _microseconds(pd.Series(pd.to_datetime([span[place] for span in spans], utc=True)))
        for place in (1, 2)
    )
    return numbers, first, last
