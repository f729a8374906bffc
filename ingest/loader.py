"""Files into the database: one transaction per file, every row accounted for.

A file is parsed and checked as a whole, staged, compared with what is stored, and then committed or not:
where rows were refused nothing is loaded unless the load is partial. The upload itself, its report and the
refused rows are written down in either case; a dry run writes nothing at all.
"""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import pandas as pd
import psycopg
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ingest.blocks import BlockSource
from ingest.errors import FileMissingError, LoadConflictError, OptionError
from ingest.features import ParsedFeatures, fact_hash, parse_features
from ingest.flagging import reflag
from ingest.kinds import KINDS, LOADABLE, READINGS, Kind
from ingest.mapping import mapping_sha256
from ingest.names import fold_name
from ingest.options import IngestOptions
from ingest.readers import RawTable
from ingest.readings_load import Outcome, ReadingsFile, ReadingsLoad, RowBook
from ingest.report import Notice, Problem, Translator, UploadReport
from ingest.sections import Match, Refusal, SectionIndex, SectionKey
from ingest.spreadsheets import REASON, defused
from models import loading
from models.sections import REMOTE_SENSING, AliasStatement, insert_aliases, remote_sections
from models.tables import SRID
from models.uploads import fail_dead_uploads, hold_upload, release_upload

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``: stages ``read``, ``check``, ``load``, counted in rows of the file."""

ERRORS_KEPT = 10_000
"""Errors that are kept with the report of an upload; those beyond are kept with their rows only."""
_CANDIDATES = 8
_RENAMED = {"outfalls": {"key": "is_key"}}
_NAMING = {"section_targets": "section", "water_sources": "section_code", "ledger": "subject_code"}
"""Kinds whose rows name a section, and where: files may use its name, or what it was called before."""


def load_files(
    engine: Engine,
    kind: str,
    paths: Sequence[Path],
    options: IngestOptions | None = None,
    *,
    text: Translator | None = None,
    progress: Progress | None = None,
) -> list[UploadReport]:
    """Load files of one kind, each in a transaction of its own; the reports are in the order of the files.

    `text` renders the messages that are kept with the upload and written to the rejects file; without it the
    codes stand there. A problem's code and params are kept in either case.

    Raises
    ------
    IngestFileError
        If a file cannot be used at all. Files before it stay loaded.
    LoadConflictError
        If the database refuses a row that passed every check; nothing of that file is loaded.
    OptionError
        If the kind or an option is unknown.
    """
    options = options or IngestOptions()
    name = kind.replace("-", "_")
    if name not in LOADABLE:
        raise OptionError("KIND", kind, ", ".join(known.replace("_", "-") for known in LOADABLE))
    _refuse_what_says_nothing(name, options)
    say = text or _code_text
    reports: list[UploadReport] = []
    with _RejectsFile(options.rejects, say) as rejects:
        for path in paths:
            load = _FileLoad(engine, name, Path(path), options, text=say, progress=progress or _no_progress)
            reports.append(load.run())
            rejects.add(load)
        rejects.write()
    return reports


def _refuse_what_says_nothing(kind: str, options: IngestOptions) -> None:
    """Options about places say nothing of readings, and the other way round: refused, not overlooked."""
    of_places: dict[str, object] = {
        "--code-from": options.code_from,
        "--crs": options.crs,
        "--transformation": options.transformation,
        "--transformation-accuracy": options.transformation_accuracy_m,
        "--swapped": None if options.swapped == "error" else options.swapped,
        "--outside": options.outside,
        "--provinces": None if options.provinces is None else options.provinces.name,
        "--rank": options.rank,
    }
    of_readings: dict[str, object] = {
        "--captured-at": options.captured_at,
        "--on-conflict": None if options.on_conflict == "reject" else options.on_conflict,
        "--negative-is-limit": options.negative_is_limit or None,
        "--detection-limit": ", ".join(options.detection_limits) or None,
    }
    is_readings = kind == READINGS
    for option, value in (of_places if is_readings else of_readings).items():
        if value is not None:
            raise OptionError(option, str(value), "any kind but readings" if is_readings else "readings")


def _code_text(key: str, /, **params: Any) -> str:
    """The words of a message where no catalogue is at hand: its code and its facts."""
    code = key.partition(".")[2]
    return f"{code}: {', '.join(f'{name}={value}' for name, value in params.items())}" if params else code


def _no_progress(stage: str, done: int, total: int) -> None:
    """Nobody is watching."""


class _FileLoad:
    """One load of one file."""

    def __init__(
        self,
        engine: Engine,
        kind: str,
        path: Path,
        options: IngestOptions,
        *,
        text: Translator,
        progress: Progress,
    ) -> None:
        self.engine = engine
        self.kind = kind
        self.path = path
        self.options = options
        self.text = text
        self.progress = progress
        self.outcome = Outcome()
        self.upload_id: int | None = None
        self.rows = 0
        self.done = 0

    # -- the course of a load ----------------------------------------------------------------------------

    def run(self) -> UploadReport:
        self.name = self.path.name
        self.sha256, self.size = _fingerprint(self.path)
        self.derived_sha256: str | None = None
        if (origin := self.options.origin) is not None:
            self.derived_sha256 = self.sha256
            self.name, self.sha256, self.size = origin.file_name, origin.sha256, origin.size_bytes
        self.progress("read", 0, 0)
        parsed = self._parse()
        self.source: BlockSource | RawTable = (
            parsed.source if isinstance(parsed, ReadingsFile) else parsed.table
        )
        self.rows = len(self.source)
        self.progress("check", 0, self.rows)
        # One connection for everything: the lock that says that this load lives is the connection's.
        with self.engine.connect() as connection:
            if not self.options.dry_run:
                with Session(connection) as session, session.begin():
                    fail_dead_uploads(session)
                    self.upload_id = self._record_upload(session)
                    hold_upload(session, self.upload_id)
            try:
                report = self._load(parsed, connection)
            except BaseException as error:
                connection.invalidate()  # whatever it is in the middle of; its lock goes with it
                self._record_failure(error)
                raise
            if self.upload_id is not None:
                with Session(connection) as session, session.begin():
                    release_upload(session, self.upload_id)
        self.progress("load", report.rows_read, report.rows_read)
        return report

    def _parse(self) -> ParsedFeatures | ReadingsFile:
        if self.kind == READINGS:
            return ReadingsFile(self.path, self.options)
        return parse_features(self.kind, self.path, self.options, for_loading=True)

    def _load(self, parsed: ParsedFeatures | ReadingsFile, connection: Connection) -> UploadReport:
        """One transaction: stage, compare, insert; kept only where nothing was refused, or when partial."""
        report: UploadReport | None = None
        try:
            with Session(connection) as session, session.begin():
                upload_id = self.upload_id if self.upload_id is not None else self._record_upload(session)
                recorded_at = loading.lock_kinds(session, (self.kind,))
                self.progress("load", 0, self.rows)
                if isinstance(parsed, ReadingsFile):
                    ReadingsLoad(
                        session,
                        upload_id,
                        recorded_at,
                        parsed,
                        self.outcome,
                        partial=self.options.partial,
                        on_conflict=self.options.on_conflict,
                        progress=self._step,
                    ).run()
                else:
                    _FeaturesLoad(
                        session, upload_id, recorded_at, parsed, outcome=self.outcome, options=self.options
                    ).run()
                kept = self.options.partial or not self.outcome.problems
                report = self._report(kept=kept)
                if kept and not self.options.dry_run:
                    self._finish(session, upload_id, report)
                else:
                    session.rollback()
        except (IntegrityError, DataError, psycopg.IntegrityError, psycopg.DataError) as error:
            cause = getattr(error, "orig", None) or error
            constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
            raise LoadConflictError(self.path.name, constraint or str(cause).splitlines()[0]) from error
        if report is None:
            raise RuntimeError("a transaction ended without a report")
        if not self.options.dry_run and not (self.options.partial or report.ok):
            with Session(connection) as session, session.begin():
                self._finish(session, report.upload_id or 0, report)
        return report

    def _step(self, rows: int) -> None:
        """A block is done; a file that is gone through again stays where it was."""
        self.done = min(self.done + rows, self.rows)
        self.progress("load", self.done, self.rows)

    # -- the books ---------------------------------------------------------------------------------------

    def _record_upload(self, session: Session) -> int:
        options = self.options
        said = {
            "crs": options.crs,
            "rank": options.rank,
            "transformation": options.transformation,
            "transformation_accuracy_m": options.transformation_accuracy_m,
            "swapped": None if options.swapped == "error" else options.swapped,
            "outside": options.outside,
            "provinces": None if options.provinces is None else options.provinces.name,
            "columns": dict(options.columns) or None,
            "constants": dict(options.constants) or None,
            "code_from": options.code_from,
            "mapping": None if options.mapping is None else Path(options.mapping).name,
            "mapping_sha256": None if options.mapping is None else mapping_sha256(options.mapping),
            "encoding": options.encoding,
            "sheet": options.sheet,
            "captured_at": None if options.captured_at is None else options.captured_at.isoformat(),
            "on_conflict": None if options.on_conflict == "reject" else options.on_conflict,
            "partial": options.partial or None,
            "negative_is_limit": options.negative_is_limit or None,
            "detection_limits": {code: str(limit) for code, limit in options.detection_limits.items()}
            or None,
            "derived_sha256": self.derived_sha256,
        }
        return loading.record_upload(
            session,
            kind=self.kind,
            file_name=self.name,
            file_sha256=self.sha256,
            size_bytes=self.size,
            source=options.source or None,
            actor=(options.actor or "").strip() or None,
            note=(options.note or "").strip() or None,
            options={name: value for name, value in said.items() if value is not None},
        )

    def _report(self, *, kept: bool) -> UploadReport:
        """Counts that add up: what was neither loaded nor known nor refused is held because of what was."""
        book = self.outcome.book
        read = book.count(RowBook.READ)
        rejected = book.count(RowBook.REJECTED | RowBook.READ)
        duplicate = book.count(RowBook.DUPLICATE, without=RowBook.REJECTED)
        good = book.count(RowBook.LOADED, without=RowBook.REJECTED | RowBook.DUPLICATE)
        loaded = good if kept else 0
        held_back = read - loaded - duplicate - rejected
        notices = list(self.outcome.notices)
        if held_back:
            notices.append(Notice("good_rows_held_back", {"count": held_back}))
        return UploadReport(
            upload_id=self.upload_id,
            kind=self.kind,
            file=self.name,
            file_sha256=self.sha256,
            rows_read=read,
            rows_loaded=loaded,
            rows_duplicate=duplicate,
            rows_rejected=rejected,
            rows_held=held_back,
            readings_loaded=self.outcome.readings if kept else 0,
            problems=self.outcome.problems,
            notices=tuple(notices),
            dry_run=self.options.dry_run,
            quality=self.outcome.quality,
            touched=tuple(self.outcome.touched) if kept else (),
        )

    def _finish(self, session: Session, upload_id: int, report: UploadReport) -> None:
        nothing = report.rows_rejected > 0 and report.rows_loaded == 0 and report.rows_duplicate == 0
        state = "rejected" if nothing or not (self.options.partial or report.ok) else "loaded"
        all_told = len(report.problems) <= ERRORS_KEPT
        kept = report.as_json(self.text, errors=all_told)
        if not all_told:
            kept["errors"] = [problem.as_json(self.text) for problem in report.problems[:ERRORS_KEPT]]
            kept["errors_left_out"] = len(report.problems) - ERRORS_KEPT
        loading.finish_upload(session, upload_id, state=state, report=kept)
        loading.record_rejects(session, upload_id, self.rejects())

    def _record_failure(self, error: BaseException) -> None:
        """Say that the load broke off, if the database still answers; its rows went with the transaction."""
        if self.upload_id is None:
            return
        try:
            with Session(self.engine) as session, session.begin():
                loading.finish_upload(session, self.upload_id, state="failed", report=None)
        except SQLAlchemyError as second:
            error.add_note(f"upload {self.upload_id} could not be marked as failed: {second}")

    def rejects(self) -> Iterator[dict[str, Any]]:
        """The refused rows with all their errors and their own cells."""
        cells = self._cells_of(self.outcome.book.rows(RowBook.REJECTED))
        by_row = groupby(self.outcome.problems, key=lambda problem: problem.row)
        for (row, problems), (place, original) in zip(by_row, cells, strict=True):
            if row != place:
                raise RuntimeError(f"row {row} was refused, and row {place} is told")
            yield {
                "row": row,
                "errors": [
                    {**problem.as_json(self.text), "params": dict(problem.params)} for problem in problems
                ],
                "original": {name: _storable(cell) for name, cell in original.items()},
            }

    def _cells_of(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, dict[str, str]]]:
        """The own cells of some rows (ascending)."""
        if isinstance(self.source, BlockSource):
            yield from self.source.cells_of(rows)
            return
        places = {int(row): place for place, row in enumerate(self.source.rows)}
        for row in rows.tolist():
            yield row, self.source.row_cells(places[row])


def _storable(text: str) -> str:
    """A cell as PostgreSQL can keep it: the NUL character has no place in its texts."""
    return text.replace("\x00", "\ufffd")


def _fingerprint(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise FileMissingError(path.name, error.strerror or str(error)) from error
    return digest.hexdigest(), size


class _RejectsFile:
    """The bad rows of all files in their own columns, with the reason, in one CSV for a spreadsheet."""

    def __init__(self, path: Path | None, text: Translator) -> None:
        self.path = path
        self.text = text
        self.columns: dict[str, None] = {}
        # All columns are known after the last file only; the rows wait on the disk.
        self.rows: IO[bytes] | None = (
            None if path is None else tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.rows is not None:
            self.rows.close()

    def add(self, load: _FileLoad) -> None:
        """Take the bad rows of one load."""
        if self.rows is None:
            return
        for reject in load.rejects():
            reasons = dict.fromkeys(
                f"{error['column']}: {error['message']}" if error["column"] else error["message"]
                for error in reject["errors"]
            )
            self.columns.update(dict.fromkeys(reject["original"]))
            row = {**reject["original"], REASON: "；".join(reasons)}
            self.rows.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

    def write(self) -> None:
        """Write the file, also where there is nothing bad: an old one must not be taken for this load's."""
        if self.path is None or self.rows is None:
            return
        columns = [name for name in self.columns if name != REASON]
        self.rows.seek(0)
        try:
            with self.path.open("w", encoding="utf-8-sig", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(map(defused, (*columns, REASON)))
                for row in map(json.loads, self.rows):
                    writer.writerow(defused(row.get(name, "")) for name in (*columns, REASON))
        except OSError as error:
            raise OptionError(
                "--rejects", str(self.path), f"a file that can be written ({error.strerror})"
            ) from error


# -- features --------------------------------------------------------------------------------------------


class _FeaturesLoad:
    """Load the good rows of an inventory into its table."""

    def __init__(
        self,
        session: Session,
        upload_id: int,
        recorded_at: datetime,
        parsed: ParsedFeatures,
        *,
        outcome: Outcome,
        options: IngestOptions,
    ) -> None:
        self.session = session
        self.upload_id = upload_id
        self.recorded_at = recorded_at
        self.parsed = parsed
        self.outcome = outcome
        self.options = options

    def run(self) -> None:
        parsed, outcome = self.parsed, self.outcome
        book = outcome.book
        book.mark(parsed.table.rows, RowBook.READ)
        for problem in parsed.problems:
            outcome.refuse(problem)
        outcome.notices.extend(parsed.warnings)
        book.mark(sorted(parsed.repeated), RowBook.DUPLICATE)
        rows = list(self._rows())
        if parsed.kind in _NAMING:
            rows = self._named_sections(rows)
        if parsed.kind == "sections":
            rows = self._of_one_kind(rows)
        if parsed.kind == "ledger":
            known = loading.insert_ledger_events(
                self.session, self.upload_id, self.recorded_at, self.options.source, rows
            )
        else:
            known = loading.insert_versions(self.session, parsed.kind, self.upload_id, self.recorded_at, rows)
        if parsed.kind == "sections":
            known -= self._record_aliases(rows)
        book.mark(sorted(known), RowBook.DUPLICATE)
        book.mark(sorted({row["source_row"] for row in rows} - known), RowBook.LOADED)
        if parsed.kind == "sections":
            self._register(rows)

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Rows as the table's columns, geometry as hexadecimal EWKB."""
        frame = self.parsed.frame
        kind = KINDS[self.parsed.kind]
        renamed = _RENAMED.get(kind.name, {})
        names = [column.name for column in kind.columns]  # what is no fact is left out by the table
        hashes = _version_hashes(frame) if kind.name == "shorelines" else None
        geometry = None
        if kind.shape is not None:
            shapes = shapely.set_srid(np.asarray(frame.geometry.array, dtype=object), SRID)
            geometry = shapely.to_wkb(shapes, hex=True, include_srid=True)
        for place, values in enumerate(
            frame[[*names, "row", "original", "fact_hash"]].itertuples(index=False)
        ):
            facts = dict(zip([*names, "source_row", "original", "fact_hash"], values, strict=True))
            row = {renamed.get(name, name): value for name, value in facts.items()}
            row["source_row"] = int(row["source_row"])
            if hashes is not None:
                row["version_hash"] = hashes[place]
            if geometry is not None:
                row["geometry"] = geometry[place]
            yield row

    def _of_one_kind(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of sections that stay what they are: measured at, or derived from images."""
        known = remote_sections(self.session, [row["code"] for row in rows])
        named = {
            (fold_name(entry.province or ""), fold_name(entry.name or ""))
            for entry in loading.registered_sections(self.session)
            if entry.provisional
        }
        good: list[dict[str, Any]] = []
        for row in rows:
            remote = row["station_type"] == REMOTE_SENSING
            kinds = known.setdefault(row["code"], {remote})
            name = fold_name(row["province"] or ""), fold_name(row["name"])
            if remote not in kinds or (remote and name in named):
                code = "remote_sensing_section" if remote else "remote_sensing_fixed"
                problem = Problem(row["source_row"], "station_type", row["station_type"], code)
                self.outcome.refuse(problem)
                continue
            good.append(row)
        return good

    def _register(self, rows: Sequence[Mapping[str, Any]]) -> None:
        latest: dict[str, tuple[str, str | None, str]] = {}
        for row in sorted(
            rows, key=lambda row: (row["valid_from"] is not None, row["valid_from"] or date.min)
        ):
            latest[row["code"]] = (row["code"], row["province"], row["name"])
        adopted = loading.register_sections(self.session, list(latest.values()), fold_name)
        index = SectionIndex(self.session)
        for provisional, section in index.adopters():
            adoption = loading.adopt_readings(self.session, provisional, section)
            adopted += [adoption] if adoption is not None else []
        # Readings that moved have other neighbours than those by which they were judged.
        reflag(self.session, [adoption.moved for adoption in adopted if adoption.moved is not None])
        for adoption in adopted:
            params = {"provisional": adoption.provisional_code, "code": adoption.code, "count": adoption.left}
            code = "section_adopted" if adoption.left == 0 else "section_adopted_partly"
            self.outcome.notices.append(Notice(code, params))
        for name, section, other in index.shared_names(latest):
            params = {"code": section.code, "former": name, "other": f"{other.code} {other.name}"}
            self.outcome.notices.append(Notice("section_alias_shared", params))

    def _record_aliases(self, rows: Sequence[Mapping[str, Any]]) -> set[int]:
        """Keep what the file says of former names and codes; returns the rows that said something new."""
        said: dict[str, dict[str, list[str] | None]] = {}
        first_row: dict[str, int] = {}
        rows_of: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            code = row["code"]
            own = said.setdefault(code, {"former_names": None, "former_codes": None})
            first_row.setdefault(code, row["source_row"])
            for column, entries in own.items():
                if row[column] is None:
                    continue
                rows_of[code].append(row["source_row"])
                known = {fold_name(entry) for entry in entries or ()}
                if column == "former_codes":
                    known.add(fold_name(code))
                new = [entry for entry in row[column] if fold_name(entry) not in known]
                own[column] = [*(entries or ()), *new]
        statements = [
            AliasStatement(first_row[code], code, own["former_names"], own["former_codes"])
            for code, own in said.items()
            if own["former_names"] is not None or own["former_codes"] is not None
        ]
        new_rows = insert_aliases(self.session, self.upload_id, self.recorded_at, statements)
        return {
            row for code, rows_said in rows_of.items() if first_row[code] in new_rows for row in rows_said
        }

    def _named_sections(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows about sections with the code that each section has now; unclear ones are refused."""
        kind = KINDS[self.parsed.kind]
        column = _NAMING[kind.name]
        index = SectionIndex(self.session)
        former: Counter[tuple[str, Any]] = Counter()
        good: list[dict[str, Any]] = []
        for row in rows:
            said = row[column]
            about = row.get("subject_kind", "section") == "section"
            day = row.get("valid_from") or row.get("occurred_on")
            found = index.find(SectionKey(said), day) if said is not None and about else None
            if isinstance(found, Refusal) and found.code != "section_unknown":
                problem = Problem(row["source_row"], column, said, found.code, found.params)
                self.outcome.refuse(problem)
                continue
            if isinstance(found, Match) and found.section.code != said and not found.section.provisional:
                if found.former is not None:
                    former[found.former, found.section] += 1
                row = self._recoded(row, kind, column, found.section.code)  # noqa: PLW2901
            good.append(row)
        for (name, section), count in former.items():
            params = {"former": name, "code": section.code, "name": section.name or "—", "count": count}
            self.outcome.notices.append(Notice("section_former_name", params))
        return self._once(good, kind)

    def _recoded(self, row: Mapping[str, Any], kind: Kind, column: str, code: str) -> dict[str, Any]:
        """The row with the code of its section; what the file had in its place is kept beside it."""
        renamed = _RENAMED.get(kind.name, {})
        changed = {**row, column: code, "original": {**(row["original"] or {}), column: row[column]}}
        shape = None if row.get("geometry") is None else shapely.from_wkb(row["geometry"])
        facts = {name: changed[renamed.get(name, name)] for name in kind.facts}
        return {**changed, "fact_hash": fact_hash(kind.name, facts, shape)}

    def _once(self, rows: Sequence[dict[str, Any]], kind: Kind) -> list[dict[str, Any]]:
        """Rows of which no two are about one subject and first day, now that sections have one code each."""
        if kind.name == "ledger":
            return list({row["fact_hash"]: row for row in reversed(rows)}.values())[::-1]
        groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            groups[tuple(row[name] for name in (*kind.key, "valid_from"))].append(row)
        kept: list[dict[str, Any]] = []
        for together in groups.values():
            if len({row["fact_hash"] for row in together}) == 1:
                kept.append(together[0])
                self.outcome.book.mark([row["source_row"] for row in together[1:]], RowBook.DUPLICATE)
                continue
            numbers = [row["source_row"] for row in together]
            for row in together:
                others = ", ".join(str(number) for number in numbers if number != row["source_row"])
                said = str(row[kind.key[0]])
                self.outcome.refuse(
                    Problem(row["source_row"], kind.key[0], said, "key_conflict", {"others": others})
                )
        return kept


def _version_hashes(frame: pd.DataFrame) -> list[str]:
    """One hash for all pieces of a line that begin to hold on the same day."""
    keys = [
        (code, name or "", first)
        for code, name, first in zip(
            frame["water_body_code"], frame["name"], frame["valid_from"], strict=True
        )
    ]
    pieces: dict[Any, list[str]] = defaultdict(list)
    for key, fact in zip(keys, frame["fact_hash"], strict=True):
        pieces[key].append(fact)
    digests = {
        key: hashlib.sha256("".join(sorted(facts)).encode()).hexdigest() for key, facts in pieces.items()
    }
    return [digests[key] for key in keys]
