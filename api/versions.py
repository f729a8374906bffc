"""Stored assessments: after a load, what it touched is assessed again, and what changed becomes a version.

A version is stored where the result differs in any byte from the one that held; the old one stays, with the
upload that brought the change. The same data give the same bytes, whenever and in whatever order the loads
are looked at, and looking again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.alerts import load_and_warn
from api.errors import NotKnownError
from api.jobs import assess_periods, assessment_settings
from api.output import plain
from api.settings import Settings
from ingest.loader import Progress
from ingest.options import IngestOptions
from ingest.quality import load_thresholds
from ingest.report import Translator, UploadReport
from models import assessments as store
from models import queries
from models.loading import registered_section
from spatial.assessment import SectionAssessment, statutory_sections
from spatial.class_text import class_label
from spatial.period import Period, parse_period
from spatial.rulebook import load_rulebook
from spatial.settings import AssessmentSettings
from spatial.standards import load_evaluation_method

Document = dict[str, Any]
Wanted = Mapping[str, set[str]]
"""Sections by the spelling of the period."""

LISTED = 50
"""Changes of class or verdict that a report names one by one, and replaced readings that a version names."""
AT_ONCE = 4_000
"""Pairs of section and period that are looked at, and held, at a time."""
REFRESHED_KINDS = ("readings", "sections")
_TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class Refresh:
    """What a look at a load's assessments came to."""

    checked: int = 0
    stored: int = 0
    changed: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    listed: list[Document] = field(default_factory=list)

    def as_json(self) -> Document:
        """The counts, as a load reports them.

        `checked` pairs of section and period, of which `stored` have a new version and `changed` an older one
        that no longer holds; `classes` and `verdicts` count what became what.
        """
        return {
            "checked": self.checked,
            "stored": self.stored,
            "changed": self.changed,
            "classes": dict(sorted(self.classes.items())),
            "verdicts": dict(sorted(self.verdicts.items())),
            "sections": self.listed,
        }

    def count(self, version: store.Version, known: store.KnownVersion | None) -> None:
        """Count one stored version."""
        self.stored += 1
        if known is None:
            return
        self.changed += 1
        if known.water_class != version.water_class:
            before, after = (class_label(one) or "—" for one in (known.water_class, version.water_class))
            self.classes[f"{before}→{after}"] += 1
        if known.verdict != version.verdict:
            self.verdicts[f"{known.verdict or '—'}→{version.verdict or '—'}"] += 1
        differs = (known.water_class, known.verdict) != (version.water_class, version.verdict)
        if differs and len(self.listed) < LISTED:
            self.listed.append(
                {
                    "section": version.section,
                    "period": version.period,
                    "class_before": class_label(known.water_class),
                    "class_after": class_label(version.water_class),
                    "verdict_before": known.verdict,
                    "verdict_after": version.verdict,
                }
            )


def load_and_follow(
    engine: Engine,
    kind: str,
    paths: Sequence[Path],
    options: IngestOptions | None = None,
    *,
    settings: Settings,
    text: Translator | None = None,
    progress: Progress | None = None,
) -> list[UploadReport]:
    """Load files, and look at once at what they warn of and what they change, as far as the settings say.

    The load is kept whatever comes of it: each look is a transaction of its own.
    """
    reports = load_and_warn(
        engine, kind, paths, options, text=text, progress=progress, warn=settings.warn_after_load
    )
    if settings.assess_after_load == "off":
        return reports
    return [refresh_after(engine, one, every=settings.assess_after_load == "all") for one in reports]


def refresh_after(engine: Engine, report: UploadReport, *, every: bool = True) -> UploadReport:
    """Look again at what a load touched; the report with what that changed."""
    loaded = report.readings_loaded if report.kind == "readings" else report.rows_loaded
    if report.kind not in REFRESHED_KINDS or report.dry_run or not loaded or report.upload_id is None:
        return report
    bounds = None
    if report.touched and report.kind == "readings":
        bounds = min(one.first for one in report.touched), max(one.last for one in report.touched)
    found = refresh_assessments(engine, report.upload_id, bounds=bounds, every=every)
    return replace(report, assessments=found.as_json())


def refresh_since(engine: Engine, since: datetime) -> Refresh:
    """Look again at what the loads since a moment touched: what was left off during a bulk load."""
    with Session(engine) as session:
        uploads = store.uploads_since(session, since)
    total = Refresh()
    for upload_id in uploads:
        found = refresh_assessments(engine, upload_id)
        total.checked += found.checked
        total.stored += found.stored
        total.changed += found.changed
        total.classes += found.classes
        total.verdicts += found.verdicts
        total.listed = (total.listed + found.listed)[:LISTED]
    return total


def refresh_assessments(
    engine: Engine,
    upload_id: int,
    *,
    bounds: tuple[datetime, datetime] | None = None,
    every: bool = True,
) -> Refresh:
    """Assess again the sections and periods that an upload touched, and store what changed.

    Periods are the months, quarters, years and seasons that contain its readings, or where its sections have
    any. `bounds`, where all of its readings lie between, spare a look at other months. Where a reading was
    replaced or came late and no assessment was stored before, the one of the moment before the load is stored
    first.

    Not `every`: readings that only follow on those before change nothing that was told. They are left alone
    where nothing is stored yet, and a load of new readings costs next to nothing.

    Raises
    ------
    NotKnownError
        If there is no such upload.
    """
    with Session(engine) as session, session.begin():
        moment = store.lock_assessments(session)
        kind = store.upload_kind(session, upload_id)
        if kind is None:
            raise NotKnownError("upload", str(upload_id))
        job = _Job(session, upload_id, kind, moment, every=every)
        job.run(bounds or (None, None))
        store.record_refresh(session, upload_id, job.found.as_json())
    return job.found


class _Job:
    """One refresh, inside one transaction."""

    def __init__(self, session: Session, upload_id: int, kind: str, moment: datetime, *, every: bool) -> None:
        rulebook = load_rulebook()
        self.session = session
        self.upload_id = upload_id
        self.kind = kind
        self.moment = moment
        self.every = every
        self.settings = assessment_settings(rulebook)
        self.basis = rulebook.rule_set_hash
        self.found = Refresh()
        self.loaded_at: datetime | None = None

    def run(self, bounds: tuple[datetime | None, datetime | None]) -> None:
        near: Wanted = {}
        if self.kind == "readings":
            wanted, corrected, near = self._touched_by_readings(bounds)
        else:
            wanted = corrected = self._touched_by_sections()
        for codes in _turns(wanted):
            self._run_some(_only(codes, wanted), _only(codes, corrected), _only(codes, near), bounds)

    def _run_some(
        self,
        wanted: dict[str, set[str]],
        corrected: Wanted,
        near: Wanted,
        bounds: tuple[datetime | None, datetime | None],
    ) -> None:
        """Look at some of the sections: none rests on another."""
        codes = sorted(set().union(*wanted.values()))
        known = store.newest_assessments(self.session, codes, sorted({*wanted, *near}))
        if not self.every:
            wanted = {
                period: kept
                for period, chosen in wanted.items()
                if (
                    kept := {code for code in chosen if (code, period) in known}
                    | corrected.get(period, set())
                )
            }
        for period, neighbours in near.items():
            stored = {code for code in neighbours if (code, period) in known}
            if stored:
                wanted[period] = wanted.get(period, set()) | stored
        missing = {
            period: {code for code in chosen if (code, period) not in known}
            for period, chosen in corrected.items()
        }
        if any(missing.values()):
            known |= self._store_before(missing, bounds)
        # All of them before any is stored: the connection that stores them is the one that reads.
        versions = list(self._changed(wanted, known))
        store.store_assessments(self.session, self.moment, versions)

    # -- what is touched ---------------------------------------------------------------------------------

    def _touched_by_readings(
        self, bounds: tuple[datetime | None, datetime | None]
    ) -> tuple[dict[str, set[str]], Wanted, Wanted]:
        """Sections by period; those among them of which a reading was replaced or late; and those near by.

        A new reading may change what quality control thinks of readings near by, which then enter or not.
        """
        reach = (2 * load_thresholds().reach).to_pytimedelta()
        wanted, corrected, near = (defaultdict[str, set[str]](set) for _ in range(3))
        for touched in store.touched_months(self.session, self.upload_id, *bounds):
            for period in periods_of_month(touched.year, touched.month):
                wanted[period].add(touched.section)
                if touched.replaced or touched.late:
                    corrected[period].add(touched.section)
            for period in _periods_between(touched.first - reach, touched.last + reach):
                near[period].add(touched.section)
        return wanted, corrected, near

    def _touched_by_sections(self) -> dict[str, set[str]]:
        """Sections by every period that is stored of them, or in which they have readings."""
        codes = store.touched_sections(self.session, self.upload_id, known_before=not self.every)
        wanted: dict[str, set[str]] = defaultdict(set)
        for code, period in store.stored_periods(self.session, codes):
            wanted[period].add(code)
        for code, year, month in store.months_with_readings(self.session, codes):
            for period in periods_of_month(year, month):
                wanted[period].add(code)
        return wanted

    # -- what comes of it --------------------------------------------------------------------------------

    def _store_before(
        self, missing: Wanted, bounds: tuple[datetime | None, datetime | None]
    ) -> dict[tuple[str, str], store.KnownVersion]:
        """Store what held until the load, of what was never stored: what is corrected is not forgotten."""
        if self.loaded_at is None:
            self.loaded_at = store.loaded_at(self.session, self.upload_id, *bounds)
        loaded_at = self.loaded_at
        if loaded_at is None:
            return {}
        assessed = self._assess(missing, known_at=loaded_at - _TICK)
        versions = [
            self._version(one, period, "first", None)
            for period, one in assessed
            if one.samples or one.parameters
        ]
        store.store_assessments(self.session, loaded_at - _TICK, versions)
        return {(version.section, version.period): _known(version) for version in versions}

    def _changed(
        self, wanted: Wanted, known: Mapping[tuple[str, str], store.KnownVersion]
    ) -> Iterator[store.Version]:
        for period, one in self._assess(wanted):
            self.found.checked += 1
            held = known.get((one.code, period.text))
            version = self._version(one, period, self._cause(held), self.upload_id)
            if held is not None and held.result_hash == version.result_hash:
                continue
            if held is not None and held.basis_hash != self.basis and held.input_hash == version.input_hash:
                version = replace(version, cause="rules", upload_id=None)
            self.found.count(version, held)
            yield version

    def _cause(self, held: store.KnownVersion | None) -> str:
        return "first" if held is None else self.kind

    def _version(
        self, found: SectionAssessment, period: Period, cause: str, upload_id: int | None
    ) -> store.Version:
        result = result_text(found.as_json())
        return store.Version(
            section=found.code,
            period=period.text,
            period_start=period.start,
            period_end=period.end,
            basis_hash=self.basis,
            input_hash=input_hash(found),
            readings=sum(entry.samples for entry in found.parameters),
            result=result,
            result_hash=hashlib.sha256(result.encode()).hexdigest(),
            water_class=found.water_class,
            verdict=None if found.verdict is None else str(found.verdict),
            cause=cause,
            upload_id=upload_id,
        )

    def _assess(
        self, wanted: Wanted, *, known_at: datetime | None = None
    ) -> Iterator[tuple[Period, SectionAssessment]]:
        """Assess sections over their periods; those on whose last day the same versions hold go together."""
        together: dict[tuple[int, ...], tuple[pd.DataFrame, list[Period]]] = {}
        codes = sorted(set().union(*wanted.values()))
        for text in sorted(wanted, key=lambda text: (parse_period(text).start, text)):
            period = parse_period(text)
            sections = statutory_sections(
                queries.features_in_force(
                    self.session, "sections", period.end, codes=codes, known_at=known_at
                ),
                self.settings,
            )
            key = tuple(sections["version_id"].tolist())
            together.setdefault(key, (sections, []))[1].append(period)
        for sections, periods in together.values():
            yield from _assess_together(
                self.session, sections, periods, wanted, self.settings, known_at=known_at
            )


def _assess_together(
    session: Session,
    sections: pd.DataFrame,
    periods: Sequence[Period],
    wanted: Wanted,
    settings: AssessmentSettings,
    *,
    known_at: datetime | None,
) -> Iterator[tuple[Period, SectionAssessment]]:
    chosen = set().union(*(wanted[period.text] for period in periods))
    frame = sections[sections["code"].isin(chosen)]
    if frame.empty:
        return
    for period, assessed in assess_periods(session, frame, periods, settings, known_at=known_at, only=wanted):
        for one in assessed:
            yield period, one


def _turns(wanted: Wanted) -> Iterator[set[str]]:
    """Sections in turns, of which each has so many pairs with periods, or is one section."""
    periods = Counter[str]()
    for chosen in wanted.values():
        periods.update(chosen)
    turn: set[str] = set()
    pairs = 0
    for code in sorted(periods):
        if turn and pairs + periods[code] > AT_ONCE:
            yield turn
            turn, pairs = set(), 0
        turn.add(code)
        pairs += periods[code]
    if turn:
        yield turn


def _only(codes: set[str], wanted: Wanted) -> dict[str, set[str]]:
    """What is wanted of some sections."""
    return {period: kept for period, chosen in wanted.items() if (kept := chosen & codes)}


def _known(version: store.Version) -> store.KnownVersion:
    return store.KnownVersion(
        version.basis_hash, version.input_hash, version.result_hash, version.water_class, version.verdict
    )


def result_text(result: Mapping[str, object]) -> str:
    """A result as it is stored: JSON without spaces, its keys in the order of the contract."""
    return json.dumps(result, ensure_ascii=False, separators=(",", ":"), default=plain, allow_nan=False)


def input_hash(found: SectionAssessment) -> str:
    """SHA-256 of what entered: the uploads, and of each parameter its exact mean and its counts."""
    entered = [
        list(found.upload_ids),
        [
            [entry.code, str(entry.mean), entry.samples, entry.months, entry.non_detects]
            for entry in found.parameters
        ],
    ]
    return hashlib.sha256(json.dumps(entered).encode()).hexdigest()


def _periods_between(first: datetime, last: datetime) -> list[str]:
    """The stored periods that contain a moment between two."""
    days = pd.period_range(_beijing(first), _beijing(last), freq="M")
    return list(dict.fromkeys(text for day in days for text in periods_of_month(day.year, day.month)))


def _beijing(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("Asia/Shanghai").tz_localize(None)


def periods_of_month(year: int, month: int) -> tuple[str, str, str, str]:
    """The month, quarter, year and season that a month lies in."""
    flood = load_evaluation_method().flood_months
    # The dry season is called after the year in which it begins.
    dry = f"{year if month > max(flood) else year - 1:04d}-dry"
    season = f"{year:04d}-flood" if month in flood else dry
    return f"{year:04d}-{month:02d}", f"{year:04d}-Q{(month + 2) // 3}", f"{year:04d}", season


# -- history -----------------------------------------------------------------------------------------------


def assessment_history(
    session: Session, code: str, period: Period, *, known_at: datetime | None = None
) -> Document:
    """Every stored version of one section and period, oldest first; the last one is what held.

    `known_at` tells what was known then: later versions are left out.

    Raises
    ------
    NotKnownError
        If there is no section of this code.
    """
    if registered_section(session, code) is None:
        raise NotKnownError("section", code)
    rows = store.assessment_versions(session, code, period.text, known_at=known_at)
    return {
        "section": code,
        "period": period.text,
        "known_at": None if known_at is None else known_at.isoformat(),
        "versions": list(_told(session, period, rows)),
    }


def _told(session: Session, period: Period, rows: Iterable[Mapping[str, Any]]) -> Iterator[Document]:
    listed = list(rows)
    if not listed:
        return
    superseded = [row["computed_at"].isoformat() for row in listed[1:]]
    for number, (row, until) in enumerate(zip(listed, [*superseded, None], strict=True), start=1):
        total, changes = 0, list[Document]()
        if row["upload_id"] is not None:
            total, changes = store.replaced_readings(
                session, row["upload_id"], row["section"], period.starts_at, period.ends_before, limit=LISTED
            )
        yield {
            "version": number,
            "computed_at": row["computed_at"].isoformat(),
            "superseded_at": until,
            "class": row["water_class"],
            "class_label": class_label(row["water_class"]),
            "verdict": row["verdict"],
            "readings": row["readings"],
            "cause": row["cause"],
            "upload": None
            if row["upload_id"] is None
            else {
                "upload_id": row["upload_id"],
                "file_name": row["file_name"],
                "source": row["source"],
                "actor": row["actor"],
                "note": row["note"],
                "received_at": row["received_at"].isoformat(),
                "on_conflict": row["on_conflict"] or "reject",
            },
            "replaced_readings": total,
            "replaced": [{**change, "sampled_at": change["sampled_at"].isoformat()} for change in changes],
            "basis_hash": row["basis_hash"],
            "input_hash": row["input_hash"],
            "result_hash": row["result_hash"],
            "result": row["result"],
        }
