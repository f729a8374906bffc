"""Files into the database: one transaction per file, every row accounted for.

A file is parsed and checked as a whole, staged, compared with what is stored, and then committed or not:
where rows were refused nothing is loaded unless the load is partial. The upload itself, its report and the
refused rows are written down in either case; a dry run writes nothing at all.
"""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ingest.errors import FileMissingError, LoadConflictError, OptionError
from ingest.features import ParsedFeatures, parse_features
from ingest.kinds import KINDS, LOADABLE, READINGS
from ingest.options import IngestOptions
from ingest.readers import RawTable
from ingest.readings import ParsedReadings, parse_readings
from ingest.report import Notice, Problem, Translator, UploadReport
from models import loading
from models.tables import SRID

Progress = Callable[[str, int, int], None]
"""``progress(stage, done, total)``: stages ``read``, ``check``, ``load``, counted in rows of the file."""

REASON = "原因"
_CANDIDATES = 8
_RENAMED = {"outfalls": {"key": "is_key"}}


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
    if name == READINGS and (options.columns or options.code_from):
        raise OptionError("--column / --code-from", kind, "any kind but readings")
    say = text or _code_text
    reports: list[UploadReport] = []
    rejects = _RejectsFile(options.rejects, say)
    for path in paths:
        load = _FileLoad(engine, name, Path(path), options, text=say, progress=progress or _no_progress)
        reports.append(load.run())
        rejects.add(load)
    rejects.close()
    return reports


def _code_text(key: str, /, **params: Any) -> str:
    """The words of a message where no catalogue is at hand: its code and its facts."""
    code = key.partition(".")[2]
    return f"{code}: {', '.join(f'{name}={value}' for name, value in params.items())}" if params else code


def _no_progress(stage: str, done: int, total: int) -> None:
    """Nobody is watching."""


@dataclass(slots=True)
class _Outcome:
    """What became of the rows: each row number of the file is in one of the three sets, or was held back."""

    loaded: set[int] = field(default_factory=set)
    duplicate: set[int] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    readings: int = 0

    @property
    def rejected(self) -> set[int]:
        """Rows with at least one problem."""
        return {problem.row for problem in self.problems}


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
        self.table: RawTable
        self.outcome = _Outcome()
        self.upload_id: int | None = None

    # -- the course of a load ----------------------------------------------------------------------------

    def run(self) -> UploadReport:
        self.sha256, self.size = _fingerprint(self.path)
        self.progress("read", 0, 0)
        parsed = self._parse()
        self.table = parsed.table
        self.progress("check", 0, len(self.table))
        if not self.options.dry_run:
            with Session(self.engine) as session, session.begin():
                self.upload_id = self._record_upload(session)
        try:
            report = self._load(parsed)
        except BaseException as error:
            self._record_failure(error)
            raise
        self.progress("load", len(self.table), len(self.table))
        return report

    def _parse(self) -> ParsedFeatures | ParsedReadings:
        if self.kind == READINGS:
            return parse_readings(self.path, self.options, for_loading=True)
        return parse_features(self.kind, self.path, self.options)

    def _load(self, parsed: ParsedFeatures | ParsedReadings) -> UploadReport:
        """One transaction: stage, compare, insert; kept only where nothing was refused, or when partial."""
        report: UploadReport | None = None
        try:
            with Session(self.engine) as session, session.begin():
                upload_id = self.upload_id if self.upload_id is not None else self._record_upload(session)
                recorded_at = loading.lock_kinds(session, (self.kind,))
                self.progress("load", 0, len(self.table))
                if isinstance(parsed, ParsedReadings):
                    _ReadingsLoad(session, upload_id, recorded_at, parsed, self.outcome).run()
                else:
                    _FeaturesLoad(
                        session, upload_id, recorded_at, parsed, outcome=self.outcome, options=self.options
                    ).run()
                kept = self.options.partial or not self.outcome.rejected
                report = self._report(kept=kept)
                if kept and not self.options.dry_run:
                    self._finish(session, upload_id, report)
                else:
                    session.rollback()
        except (IntegrityError, DataError) as error:
            constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
            raise LoadConflictError(self.path.name, constraint or str(error.orig).splitlines()[0]) from error
        if report is None:
            raise RuntimeError("a transaction ended without a report")
        if not self.options.dry_run and not (self.options.partial or report.ok):
            with Session(self.engine) as session, session.begin():
                self._finish(session, report.upload_id or 0, report)
        return report

    # -- the books ---------------------------------------------------------------------------------------

    def _record_upload(self, session: Session) -> int:
        options = self.options
        said = {
            "crs": options.crs,
            "transformation": options.transformation,
            "transformation_accuracy_m": options.transformation_accuracy_m,
            "swapped": None if options.swapped == "error" else options.swapped,
            "outside": options.outside,
            "provinces": None if options.provinces is None else options.provinces.name,
            "columns": dict(options.columns) or None,
            "code_from": options.code_from,
            "encoding": options.encoding,
            "sheet": options.sheet,
            "captured_at": None if options.captured_at is None else options.captured_at.isoformat(),
            "partial": options.partial or None,
            "negative_is_limit": options.negative_is_limit or None,
            "detection_limits": {code: str(limit) for code, limit in options.detection_limits.items()}
            or None,
        }
        return loading.record_upload(
            session,
            kind=self.kind,
            file_name=self.path.name,
            file_sha256=self.sha256,
            size_bytes=self.size,
            source=options.source or None,
            options={name: value for name, value in said.items() if value is not None},
        )

    def _report(self, *, kept: bool) -> UploadReport:
        """Counts that add up: what was neither loaded nor known nor refused is held because of what was."""
        rows = {int(row) for row in self.table.rows}
        outcome = self.outcome
        duplicate = outcome.duplicate - outcome.rejected
        loaded = outcome.loaded - outcome.rejected - duplicate if kept else set()
        held_back = rows - loaded - duplicate - outcome.rejected
        notices = list(outcome.notices)
        if held_back:
            notices.append(Notice("good_rows_held_back", {"count": len(held_back)}))
        return UploadReport(
            upload_id=self.upload_id,
            kind=self.kind,
            file=self.path.name,
            file_sha256=self.sha256,
            rows_read=len(rows),
            rows_loaded=len(loaded),
            rows_duplicate=len(duplicate),
            rows_rejected=len(rows & outcome.rejected),
            rows_held=len(held_back),
            readings_loaded=outcome.readings if kept else 0,
            problems=tuple(sorted(outcome.problems, key=lambda problem: (problem.row, problem.column or ""))),
            notices=tuple(notices),
            dry_run=self.options.dry_run,
        )

    def _finish(self, session: Session, upload_id: int, report: UploadReport) -> None:
        nothing = report.rows_rejected > 0 and report.rows_loaded == 0 and report.rows_duplicate == 0
        state = "rejected" if nothing or not (self.options.partial or report.ok) else "loaded"
        loading.finish_upload(session, upload_id, state=state, report=report.as_json(self.text))
        loading.record_rejects(session, upload_id, list(self.rejects()))

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
        errors: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for problem in self.outcome.problems:
            errors[problem.row].append({**problem.as_json(self.text), "params": dict(problem.params)})
        places = {int(row): place for place, row in enumerate(self.table.rows)}
        for row in sorted(errors):
            yield {
                "row": row,
                "errors": errors[row],
                "original": {
                    name: _storable(cell) for name, cell in self.table.row_cells(places[row]).items()
                },
            }


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
        self.rows: list[dict[str, str]] = []

    def add(self, load: _FileLoad) -> None:
        """Take the bad rows of one load."""
        if self.path is None:
            return
        for reject in load.rejects():
            reasons = dict.fromkeys(
                f"{error['column']}: {error['message']}" if error["column"] else error["message"]
                for error in reject["errors"]
            )
            self.rows.append({**reject["original"], REASON: "；".join(reasons)})

    def close(self) -> None:
        """Write the file, also where there is nothing bad: an old one must not be taken for this load's."""
        if self.path is None:
            return
        columns = list(dict.fromkeys(name for row in self.rows for name in row if name != REASON))
        try:
            with self.path.open("w", encoding="utf-8-sig", newline="") as stream:
                writer = csv.DictWriter(stream, [*columns, REASON], restval="")
                writer.writeheader()
                writer.writerows(self.rows)
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
        outcome: _Outcome,
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
        outcome.problems.extend(parsed.problems)
        outcome.notices.extend(parsed.warnings)
        outcome.duplicate.update(parsed.repeated)
        rows = list(self._rows())
        if parsed.kind == "ledger":
            known = loading.insert_ledger_events(
                self.session, self.upload_id, self.recorded_at, self.options.source, rows
            )
        else:
            known = loading.insert_versions(self.session, parsed.kind, self.upload_id, self.recorded_at, rows)
        outcome.duplicate |= known
        outcome.loaded |= {row["source_row"] for row in rows} - known
        if parsed.kind == "sections":
            self._register(rows)

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Rows as the table's columns, geometry as hexadecimal EWKB."""
        frame = self.parsed.frame
        kind = KINDS[self.parsed.kind]
        renamed = _RENAMED.get(kind.name, {})
        names = [column.name for column in kind.columns]
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

    def _register(self, rows: Sequence[Mapping[str, Any]]) -> None:
        latest: dict[str, tuple[str, str | None, str]] = {}
        for row in sorted(
            rows, key=lambda row: (row["valid_from"] is not None, row["valid_from"] or date.min)
        ):
            latest[row["code"]] = (row["code"], row["province"], row["name"])
        for adoption in loading.register_sections(self.session, list(latest.values()), fold_name):
            params = {"provisional": adoption.provisional_code, "code": adoption.code, "count": adoption.left}
            code = "section_adopted" if adoption.left == 0 else "section_adopted_partly"
            self.outcome.notices.append(Notice(code, params))


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


# -- readings --------------------------------------------------------------------------------------------


def fold_name(name: str) -> str:
    """A name as names are compared: half-width, without spaces."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


class _ReadingsLoad:
    """Resolve sections, find clashes in the file and with the database, stage and insert."""

    def __init__(
        self,
        session: Session,
        upload_id: int,
        recorded_at: datetime,
        parsed: ParsedReadings,
        outcome: _Outcome,
    ) -> None:
        self.session = session
        self.upload_id = upload_id
        self.recorded_at = recorded_at
        self.parsed = parsed
        self.outcome = outcome
        self.headers = parsed.headers

    def _problem(self, row: int, name: str | None, value: str | None, code: str, **params: Any) -> None:
        column = None if name is None else self.headers.get(name, name)
        self.outcome.problems.append(Problem(row, column, value, code, params))

    def run(self) -> None:
        parsed, outcome = self.parsed, self.outcome
        outcome.problems.extend(parsed.problems)
        outcome.notices.extend(parsed.warnings)
        samples = parsed.samples
        self._refuse_empty(samples)
        section_ids = self._section_ids(samples)
        readings = self._readings(samples, section_ids)
        statuses = self._statuses(samples, section_ids)
        self._refuse_clashes(readings, ["section_id", "parameter", "sampled_at"], ["value", "qualifier"])
        self._refuse_clashes(statuses, ["section_id", "observed_at"], ["status"])
        self._insert(readings, statuses)

    # -- rows that say too little ------------------------------------------------------------------------

    def _refuse_empty(self, samples: pd.DataFrame) -> None:
        """Rows without values and without a status, and rows whose time is not known."""
        rejected = self.outcome.rejected
        readings = self.parsed.readings
        self.with_values = {int(row) for row in readings["row"]}
        timeless = samples[samples["sampled_at"].isna()].set_index("sample_id")["sampled_at_raw"]
        for row, sample in (
            readings.loc[readings["sample_id"].isin(timeless.index), ["row", "sample_id"]]
            .drop_duplicates()
            .itertuples(index=False)
        ):
            if row not in rejected:
                self._problem(int(row), "sampled_at", timeless.loc[sample], "time_missing")
        if self.parsed.layout == "long":  # a row of its own for each value: without one it says nothing
            for row in self.parsed.table.rows.tolist():
                if row not in self.with_values and row not in rejected:
                    self._problem(row, "value", "", "row_without_values")
            return
        silent = samples[~samples["row"].isin(self.with_values | rejected)]
        for row, at, raw, status, captured in silent[
            ["row", "sampled_at", "sampled_at_raw", "station_status", "captured_at"]
        ].itertuples(index=False):
            if status is None:
                self._problem(row, None, None, "row_without_values")
            elif pd.isna(at) and not (self.parsed.capture_stated and not pd.isna(captured)):
                self._problem(row, "sampled_at", raw, "status_without_time", status=status)

    # -- sections ----------------------------------------------------------------------------------------

    def _section_ids(self, samples: pd.DataFrame) -> pd.Series[Any]:
        """Registry number of each sample, None where its row is refused; new (province, name) are entered."""
        registry = loading.registered_sections(self.session)
        by_code = {entry.code: entry.id for entry in registry}
        by_place: dict[tuple[str, str], list[loading.RegisteredSection]] = defaultdict(list)
        by_name: dict[str, list[loading.RegisteredSection]] = defaultdict(list)
        for entry in registry:
            if entry.name is not None:
                by_name[fold_name(entry.name)].append(entry)
                by_place[fold_name(entry.province or ""), fold_name(entry.name)].append(entry)
        rejected = self.outcome.rejected
        columns = samples[["section", "section_code", "section_name", "province"]]
        codes = columns.groupby(list(columns.columns), dropna=False, sort=False).ngroup().to_numpy()
        firsts = columns[~pd.Series(codes).duplicated().to_numpy()]
        members: list[list[int]] = [[] for _ in range(len(firsts))]
        for place, code in enumerate(codes):
            members[code].append(place)
        found: dict[int, int] = {}
        newcomers: dict[tuple[str, str], tuple[str, str]] = {}
        waiting: dict[int, tuple[str, str]] = {}
        rows = samples["row"].to_numpy()
        for group, (section, code, name, province) in enumerate(firsts.itertuples(index=False)):
            usable = [place for place in members[group] if int(rows[place]) not in rejected]
            if not usable:
                continue
            if section in by_code:
                found[group] = by_code[section]
                continue
            if code is not None:
                self._refuse_section(usable, rows, "section_code", code, "section_code_unknown")
                continue
            candidates = (
                by_place.get((fold_name(province), fold_name(name)), [])
                if province
                else by_name.get(fold_name(name), [])
            )
            known = [entry for entry in candidates if not entry.provisional] or candidates
            if len(known) == 1:
                found[group] = known[0].id
            elif known:
                listed = ", ".join(f"{entry.code} ({entry.province or '—'})" for entry in known[:_CANDIDATES])
                self._refuse_section(usable, rows, "section", name, "section_ambiguous", candidates=listed)
            elif province is None:
                self._refuse_section(usable, rows, "section", name, "section_unknown")
            else:
                place_key = (fold_name(province), fold_name(name))
                newcomers.setdefault(place_key, (province, name))
                waiting[group] = place_key
        made = loading.register_provisional(self.session, list(newcomers.values()))
        numbers = {key: entry.id for key, entry in zip(newcomers, made, strict=True)}
        found |= {group: numbers[key] for group, key in waiting.items()}
        if made:
            names = "、".join(entry.code for entry in made[:_CANDIDATES]) + (
                "…" if len(made) > _CANDIDATES else ""
            )
            self.outcome.notices.append(Notice("sections_provisional", {"count": len(made), "names": names}))
        return pd.Series([found.get(int(code)) for code in codes], dtype=object, index=samples.index)

    def _refuse_section(
        self, places: Sequence[int], rows: Any, header: str, value: str, code: str, **params: Any
    ) -> None:
        every = set(self.parsed.samples["sample_id"].iloc[list(places)])
        if self.parsed.layout == "long":
            readings = self.parsed.readings
            wanted = sorted(
                {*readings["row"][readings["sample_id"].isin(every)], *(int(rows[place]) for place in places)}
            )
        else:
            wanted = [int(rows[place]) for place in places]
        for row in wanted:
            self._problem(int(row), header, value, code, **params)

    # -- frames to stage ---------------------------------------------------------------------------------

    def _readings(self, samples: pd.DataFrame, section_ids: pd.Series[Any]) -> pd.DataFrame:
        rejected = self.outcome.rejected
        facts = samples[["sample_id", "sampled_at", "station_type", "station_status"]].assign(
            section_id=section_ids
        )
        readings = self.parsed.readings
        usable = readings[~readings["row"].isin(rejected)]
        place_of = pd.Series(np.arange(len(facts)), index=facts["sample_id"].to_numpy())
        places = place_of.loc[usable["sample_id"].to_numpy()].to_numpy()
        joined = usable.reset_index(drop=True)
        for name in ("section_id", "sampled_at", "station_type", "station_status"):
            joined[name] = facts[name].iloc[places].reset_index(drop=True)
        return joined[joined["section_id"].notna() & joined["sampled_at"].notna()]

    def _statuses(self, samples: pd.DataFrame, section_ids: pd.Series[Any]) -> pd.DataFrame:
        rejected = self.outcome.rejected
        chosen = samples.assign(section_id=section_ids)
        keep = (
            ~chosen["row"].isin(rejected | self.with_values)
            & chosen["section_id"].notna()
            & chosen["station_status"].notna()
        )
        chosen = chosen[keep] if self.parsed.layout == "wide" else chosen.iloc[:0]
        observed = chosen["sampled_at"]
        if self.parsed.capture_stated:
            observed = observed.fillna(
                pd.to_datetime(chosen["captured_at"], utc=True).dt.tz_convert("Asia/Shanghai")
            )
        frame = pd.DataFrame(
            {"row": chosen["row"], "section_id": chosen["section_id"], "observed_at": observed}
        )
        frame["status"] = chosen["station_status"]
        return frame[frame["observed_at"].notna()]

    # -- clashes inside the file -------------------------------------------------------------------------

    def _refuse_clashes(self, frame: pd.DataFrame, key: list[str], said: list[str]) -> None:
        """Refuse all rows that say different things of one section, time and parameter: none is right."""
        shared = frame[frame.duplicated(key, keep=False)]
        if shared.empty:
            return
        subject = shared.groupby(key, sort=False).ngroup().to_numpy()
        differs = _differing(subject, shared[said])
        if "full_value" in shared:
            stated = shared["full_value"].notna().to_numpy()
            differs |= np.isin(subject, _repeated(subject[stated], shared.loc[stated, ["full_value"]]))
        for _, group in shared[differs].groupby(subject[differs], sort=False):
            rows = [int(row) for row in group["row"]]
            name = str(group["parameter"].iloc[0]) if "parameter" in group else "station_status"
            for row, value in zip(rows, group[said[0]], strict=True):
                others = ", ".join(str(other) for other in rows if other != row)
                self._problem(row, name, str(value), "reading_conflict_in_file", others=others)

    # -- the database ------------------------------------------------------------------------------------

    def _insert(self, readings: pd.DataFrame, statuses: pd.DataFrame) -> None:
        refused = self.outcome.rejected
        readings = readings[~readings["row"].isin(refused)]
        statuses = statuses[~statuses["row"].isin(refused)]
        loading.stage_readings(self.session, _reading_texts(readings))
        loading.stage_statuses(self.session, _status_texts(statuses))
        known: set[tuple[int, str]] = set()
        if len(readings):
            clashes, known = loading.stored_clashes(
                self.session, readings["sampled_at"].min(), readings["sampled_at"].max()
            )
            fresh = readings[readings["row"].isin({clash.source_row for clash in clashes})]
            raw = zip(fresh["row"], fresh["parameter"], fresh["raw"], strict=True)
            self._report_clashes(clashes, {(int(row), name): said for row, name, said in raw})
        status_clashes, known_statuses = loading.stored_status_clashes(self.session)
        texts = zip(statuses["row"], statuses["status"], strict=True)
        said = {int(row): status for row, status in texts}
        self._report_clashes(
            status_clashes,
            {(clash.source_row, clash.parameter): said.get(clash.source_row) for clash in status_clashes},
        )
        refused = self.outcome.rejected
        months = readings["sampled_at"].dt.strftime("%Y-%m")
        times = [moment.to_pydatetime() for moment in readings["sampled_at"][~months.duplicated()]]
        self.outcome.readings = loading.insert_readings(
            self.session, self.upload_id, self.recorded_at, sorted(refused), times
        )
        loading.insert_statuses(self.session, self.upload_id, sorted(refused))
        self._count(readings, statuses, known, known_statuses, refused)

    def _report_clashes(
        self, clashes: Sequence[loading.Clash], said: Mapping[tuple[int, str], str | None]
    ) -> None:
        """`said`: what the file itself has, by row and parameter."""
        for clash in clashes:
            self._problem(
                clash.source_row,
                clash.parameter,
                said.get((clash.source_row, clash.parameter)),
                "reading_conflict_stored",
                stored=clash.stored,
                file=clash.file_name,
                upload=clash.upload_id,
                other=clash.stored_row or "—",
            )

    def _count(
        self,
        readings: pd.DataFrame,
        statuses: pd.DataFrame,
        known: set[tuple[int, str]],
        known_statuses: set[int],
        refused: set[int],
    ) -> None:
        """A row is loaded if it brought anything that neither the database nor an earlier row has."""
        kept = readings[~readings["row"].isin(refused)]
        stored = pd.Series(
            [pair in known for pair in zip(kept["row"], kept["parameter"], strict=True)],
            index=kept.index,
            dtype=bool,
        )
        fresh = kept[~stored].drop_duplicates(["section_id", "parameter", "sampled_at"])
        loaded = {int(row) for row in fresh["row"]}
        kept_statuses = statuses[~statuses["row"].isin(refused | known_statuses)]
        loaded |= {int(row) for row in kept_statuses.drop_duplicates(["section_id", "observed_at"])["row"]}
        self.outcome.loaded |= loaded
        self.outcome.duplicate |= {int(row) for row in self.parsed.table.rows} - refused - loaded


def _repeated(subject: NDArray[Any], said: pd.DataFrame) -> NDArray[Any]:
    """Subjects about which more than one thing is said; 0.1 and 0.10 are the same thing."""
    codes = {name: pd.factorize(said[name].to_numpy(dtype=object))[0] for name in said}
    different = pd.DataFrame({"subject": subject, **codes}).drop_duplicates()
    return different["subject"][different["subject"].duplicated()].to_numpy()


def _differing(subject: NDArray[Any], said: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows whose subject has more than one thing said about it."""
    return np.isin(subject, _repeated(subject, said))


def _reading_texts(readings: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """Readings as COPY reads them, in the order of `loading.READING_COLUMNS`."""
    at = readings["sampled_at"].dt.strftime("%Y-%m-%d %H:%M:%S+08").tolist() if len(readings) else []
    columns: list[Sequence[str]] = [
        [str(row) for row in readings["row"].tolist()],
        [str(number) for number in readings["section_id"].tolist()],
        readings["parameter"].tolist(),
        at,
    ]
    columns.extend(
        _texts_of(readings[name])
        for name in (
            "station_type",
            "value",
            "full_value",
            "qualifier",
            "detection_limit",
            "raw",
            "method",
            "station_status",
        )
    )
    return zip(*columns, strict=True)


def _status_texts(statuses: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    columns: list[Sequence[str]] = [
        [str(row) for row in statuses["row"].tolist()],
        [str(number) for number in statuses["section_id"].tolist()],
        [moment.isoformat() for moment in statuses["observed_at"]],
        _texts_of(statuses["status"]),
    ]
    return zip(*columns, strict=True)


def _texts_of(column: pd.Series[Any]) -> list[str]:
    return [
        loading.NULL
        if value is None
        else format(value, "f")
        if isinstance(value, Decimal)
        else loading.copy_text(str(value))
        for value in column.tolist()
    ]
