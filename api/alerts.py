"""Warnings: readings from ``models``, warnings from ``spatial``, and what became of them back again.

After a load only the touched sections are looked at, over the time that the new readings can change; a run
looks at everything in a stretch of time. Both give the warnings that a look at all readings would give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.errors import NotKnownError, WarningStateError
from api.jobs import assessment_settings
from api.sources import split_codes
from ingest.loader import Progress, load_files
from ingest.options import IngestOptions
from ingest.quality import load_thresholds
from ingest.report import Translator, UploadReport
from models import alerts as store
from models.alerts import StoredWarning, WarningEvent, WarningFact
from models.loading import Stretch
from spatial.alert_rules import AlertRule, AlertRules, load_alert_rules
from spatial.alerts import Alert, Undecided, find_alerts, look_back, margin
from spatial.classification import list_cells
from spatial.columns import ReadingColumns
from spatial.findings import geojson
from spatial.period import BEIJING
from spatial.rulebook import load_rulebook
from spatial.vocabulary import WaterSourceKind

READINGS = "readings"
AT_ONCE = 1_000_000
"""Readings that are held at a time; the sections of a look go in turns of fewer where theirs are more."""
_LIVE_AT_ONCE = 500
OPEN, ACKNOWLEDGED, CLOSED, WITHDRAWN = "open", "acknowledged", "closed", "withdrawn"
_TOLD = {
    "open": "opened",
    "extend": "extended",
    "reopen": "reopened",
    "close": "closed",
    "withdraw": "withdrawn",
}
_Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class WarningRun:
    """What a look at readings changed: events by kind, warnings opened by severity, what was not decided."""

    sections: int
    events: Mapping[str, int]
    severities: Mapping[str, int]
    undecided: tuple[Undecided, ...]

    def as_json(self) -> dict[str, Any]:
        """The counts, as a load and a run report them."""
        return {
            "sections": self.sections,
            **{told: self.events[event] for event, told in _TOLD.items()},
            "by_severity": dict(self.severities),
            "undecided": sum(one.readings for one in self.undecided),
        }


# -- after a load, and on demand -----------------------------------------------------------------------------


def load_and_warn(
    engine: Engine,
    kind: str,
    paths: Sequence[Path],
    options: IngestOptions | None = None,
    *,
    text: Translator | None = None,
    progress: Progress | None = None,
    warn: bool = True,
) -> list[UploadReport]:
    """Load files (`ingest.loader.load_files`), and look at what new readings warn of.

    The load is kept whatever comes of the look, which is a transaction of its own.
    """
    reports = load_files(engine, kind, paths, options, text=text, progress=progress)
    if not warn or kind != READINGS:
        return reports
    return [warn_after(engine, report) for report in reports]


def warn_after(engine: Engine, report: UploadReport) -> UploadReport:
    """Look at the sections and times of a load; the report with the counts of what it warns of."""
    if report.dry_run or not report.readings_loaded or not report.touched:
        return report
    # A new reading may change what quality control thinks of its neighbours.
    reach = (2 * load_thresholds().reach).to_pytimedelta()
    touched = [Stretch(one.section_id, one.first - reach, one.last + reach) for one in report.touched]
    with Session(engine) as session, session.begin():
        found = look_at(session, touched, upload_id=report.upload_id)
    return replace(report, new_warnings=found.as_json())


def run_warnings(
    engine: Engine,
    start: date,
    end: date,
    *,
    region: str | None = None,
    sections: Sequence[str] | None = None,
) -> WarningRun:
    """Look at all readings of a stretch of Beijing days, both included; running again changes nothing.

    Raises
    ------
    NotKnownError
        If there is no section of one of the codes.
    """
    with Session(engine) as session, session.begin():
        codes = list(sections) if sections else store.sections_inside(session, region, end)
        numbers = store.section_numbers(session, codes)
        if sections and (unknown := sorted(set(sections) - set(numbers.values()))):
            raise NotKnownError("section", unknown[0])
        first, after = (_midnight(day) for day in (start, end + timedelta(days=1)))
        return look_at(session, store.stretches_between(session, sorted(numbers), first, after))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)


def look_at(session: Session, touched: Sequence[Stretch], *, upload_id: int | None = None) -> WarningRun:
    """Look at what the readings of some stretches change, and record it."""
    store.lock_warnings(session)
    watch = _Watch(session, upload_id)
    rules = watch.rules.rules
    by_hand = store.manual_sections(session, touched, watch.kinds)
    watch.look(touched, [rule for rule in rules if not rule.is_long], by_hand)
    watch.look(
        [one for one in touched if one.section_id in by_hand],
        [rule for rule in rules if rule.is_long],
        by_hand,
    )
    watch.close_what_is_over({one.section_id for one in touched})
    return WarningRun(
        sections=len({one.section_id for one in touched}),
        events={name: watch.events[name] for name in _TOLD},
        severities={name: watch.severities[name] for name in watch.rules.severities},
        undecided=tuple(watch.undecided),
    )


class _Watch:
    """One look: what sections are held to, and what was recorded so far."""

    def __init__(self, session: Session, upload_id: int | None) -> None:
        self.session = session
        self.upload_id = upload_id
        self.rules: AlertRules = load_alert_rules()
        self.settings = assessment_settings(load_rulebook())
        self.sections = store.dated_versions(session, "sections")
        self.sources = _served_sections(store.dated_versions(session, "water_sources"))
        self.targets = store.dated_versions(session, "section_targets")
        self.codes = store.section_numbers(session)
        self.numbers = {code: number for number, code in self.codes.items()}
        self.kinds = store.station_kinds(session)
        self.events: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.undecided: list[Undecided] = []

    def look(self, touched: Sequence[Stretch], rules: Sequence[AlertRule], by_hand: set[int]) -> None:
        """Work out what some rules say of some stretches, and record what that changes.

        No section's warnings rest on another's readings, so that they may go in turns.
        """
        if not rules:
            return
        left = sorted(_joined(touched), key=attrgetter("section_id"))
        size = len(left)
        while left:
            turn = left[:size]
            count = self._look_together(turn, rules, by_hand)
            if count is None:
                size = max(len(turn) // 2, 1)
                continue
            left = left[size:]
            if count < AT_ONCE // 4:
                size *= 2

    def _look_together(
        self, touched: Sequence[Stretch], rules: Sequence[AlertRule], by_hand: set[int]
    ) -> int | None:
        """How many readings were looked at; None, with nothing done, where they are too many at a time."""
        months = any(rule.is_long for rule in rules)
        back = look_back(rules)
        windows = {
            one.section_id: Stretch(
                one.section_id, _floor(one.first, months=months), _ceiling(one.last + back, months=months)
            )
            for one in touched
        }
        known = self._near(windows, {rule.id: rule for rule in rules}, by_hand)
        cores: dict[_Key, tuple[datetime, datetime]] = {}
        for stored in known:
            key = (stored.section_id, stored.rule_id, stored.parameter)
            window = windows[stored.section_id]
            first, last = cores.get(key, (window.first, window.last))
            cores[key] = min(first, stored.started_at), max(last, stored.ended_at)
        around = margin(self.rules, rules)
        asked = []
        for number, window in windows.items():
            spans = [span for key, span in cores.items() if key[0] == number]
            first = min([window.first, *(span[0] for span in spans)])
            last = max([window.last, *(span[1] for span in spans)])
            asked.append(
                Stretch(
                    number,
                    _floor(first - around - back, months=months),
                    _ceiling(last + around, months=months),
                )
            )
        most = AT_ONCE if len(touched) > 1 else None
        readings = store.readings_of(self.session, asked, self.kinds, most=most)
        if readings is None:
            return None
        columns = ReadingColumns.from_arrow(readings)
        found = find_alerts(
            columns,
            self.sections,
            self.sources,
            self.targets,
            rules=self.rules,
            only=[rule.id for rule in rules],
            settings=self.settings,
        )
        facts = []
        for alert in found.alerts:
            number = self.numbers[alert.section]
            window = windows[number]
            first, last = cores.get((number, alert.rule_id, alert.parameter), (window.first, window.last))
            if alert.started_at <= last and alert.ended_at >= first:
                facts.append(self._fact(alert, number))
        self.undecided.extend(found.undecided)
        self._record(facts, known)
        return len(columns)

    def _near(
        self, windows: Mapping[int, Stretch], rules: Mapping[str, AlertRule], by_hand: set[int]
    ) -> list[StoredWarning]:
        """Stored warnings that the readings of a window may extend, join or undo."""
        longest = timedelta(microseconds=self.rules.longest_gap_us())
        wide = [Stretch(one.section_id, one.first - longest, one.last + longest) for one in windows.values()]
        near = []
        for stored in store.stored_warnings(self.session, wide):
            if stored.rule_id not in rules:
                continue
            own = rules[stored.rule_id].gap_us
            usual = self.rules.gap_manual_us if stored.section_id in by_hand else self.rules.gap_automatic_us
            window, gap = windows[stored.section_id], timedelta(microseconds=own or usual)
            if stored.over_after >= window.first and stored.started_at <= window.last + gap:
                near.append(stored)
        return near

    def _fact(self, alert: Alert, number: int) -> WarningFact:
        shown = alert.as_json(self.rules)
        return WarningFact(
            code=alert.id,
            section_id=number,
            rule_id=alert.rule_id,
            kind=alert.kind,
            parameter=alert.parameter,
            started_at=alert.started_at,
            ended_at=alert.ended_at,
            over_after=alert.ended_at + timedelta(microseconds=alert.gap_us),
            severity=alert.severity,
            readings=alert.count,
            facts={name: shown[name] for name in ("measured", "limit", "evidence")},
        )

    # -- what changes ------------------------------------------------------------------------------------

    def _record(self, found: Sequence[WarningFact], known: Sequence[StoredWarning]) -> None:
        """Open what is new, extend what goes on, open again what recurs, withdraw what no reading backs."""
        gone_before = store.stored_warnings(self.session, codes=[one.code for one in found])
        before = {one.code: one for one in (*known, *gone_before)}
        store.insert_warnings(self.session, [one for one in found if one.code not in before])
        events = []
        for fact in found:
            event = self._event_of(fact, before.get(fact.code))
            if event is not None:
                events.append(event)
        codes = {one.code for one in found}
        events += [_withdrawal(stored, found) for stored in known if stored.code not in codes]
        self._write(events)

    def _event_of(self, fact: WarningFact, before: StoredWarning | None) -> WarningEvent | None:
        now = StoredWarning(
            code=fact.code,
            section_id=fact.section_id,
            rule_id=fact.rule_id,
            parameter=fact.parameter,
            started_at=fact.started_at,
            ended_at=fact.ended_at,
            over_after=fact.over_after,
            severity=fact.severity,
            state=OPEN,
            readings=fact.readings,
            facts=fact.facts,
        )
        if before is None:
            return WarningEvent("open", now, facts=fact.facts)
        if before.state == WITHDRAWN:
            return WarningEvent("reopen", now, facts=fact.facts)
        same = replace(now, state=before.state)
        if same == before:
            return None
        order = self.rules.severities
        recurs = before.state == CLOSED and now.ended_at > before.ended_at
        worse = before.state != OPEN and _rank(order, now.severity) > _rank(order, before.severity)
        if recurs or worse:
            return WarningEvent("reopen", now, facts=fact.facts)
        return WarningEvent("extend", same, facts=fact.facts)

    def close_what_is_over(self, numbers: Iterable[int]) -> None:
        """Close live warnings after which the item was measured again, long enough and without a mark."""
        listed = sorted(set(numbers))
        for start in range(0, len(listed), _LIVE_AT_ONCE):
            self._close_some(store.live_warnings(self.session, listed[start : start + _LIVE_AT_ONCE]))

    def _close_some(self, live: Sequence[StoredWarning]) -> None:
        method = self.settings.method
        flags = (4, 9) if self.settings.use_suspect else (3, 4, 9)
        over = set(
            store.over_warnings(
                self.session,
                live,
                unusable_flags=flags,
                status_words=[*method.stopped_words, *method.maintenance_words],
            )
        )
        self._write(
            [
                WarningEvent("close", replace(one, state=CLOSED), note="over")
                for one in live
                if one.code in over
            ]
        )

    def _write(self, events: Sequence[WarningEvent]) -> None:
        store.insert_events(self.session, events, actor=store.PROGRAM, upload_id=self.upload_id)
        self.events.update(one.event for one in events)
        self.severities.update(one.to.severity for one in events if one.event == "open")


def _rank(order: Sequence[str], severity: str) -> int:
    """The place of a severity; one that the rules no longer have is the mildest."""
    return order.index(severity) if severity in order else -1


def _withdrawal(stored: StoredWarning, found: Sequence[WarningFact]) -> WarningEvent:
    """Withdraw a warning, naming the one that took it in where there is one."""
    into = next(
        (
            fact.code
            for fact in found
            if (fact.section_id, fact.rule_id, fact.parameter)
            == (stored.section_id, stored.rule_id, stored.parameter)
            and fact.started_at <= stored.ended_at
            and fact.ended_at >= stored.started_at
        ),
        None,
    )
    note = "begins_otherwise" if into else "no_longer_backed"
    return WarningEvent("withdraw", replace(stored, state=WITHDRAWN), note=note, merged_into=into)


def _joined(stretches: Sequence[Stretch]) -> list[Stretch]:
    """One stretch for each section."""
    found: dict[int, Stretch] = {}
    for one in stretches:
        other = found.get(one.section_id, one)
        found[one.section_id] = Stretch(
            one.section_id, min(one.first, other.first), max(one.last, other.last)
        )
    return list(found.values())


def _floor(moment: datetime, *, months: bool) -> datetime:
    """The first moment of the Beijing day, or month."""
    local = moment.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    return local.replace(day=1) if months else local


def _ceiling(moment: datetime, *, months: bool) -> datetime:
    """The last moment of the Beijing day, or month."""
    start = _floor(moment, months=months)
    after = _floor(start + timedelta(days=32), months=True) if months else start + timedelta(days=1)
    return after - timedelta(microseconds=1)


def _served_sections(sources: pd.DataFrame) -> pd.DataFrame:
    """Which sections serve a source of surface water, and when: section, source, valid_from, valid_to."""
    rows: list[tuple[object, ...]] = []
    for code, kind, grade, cell, first, last in zip(
        *(
            list_cells(sources[name])
            for name in ("code", "kind", "zone_grade", "section_code", "valid_from", "valid_to")
        ),
        strict=True,
    ):
        if grade == 0 and kind != WaterSourceKind.GROUND:
            rows.extend((section, code, first, last) for section in split_codes(cell))
    return pd.DataFrame(rows, columns=["section", "source", "valid_from", "valid_to"], dtype=object)


# -- for the doors -------------------------------------------------------------------------------------------


def list_warnings(session: Session, **asked: Any) -> list[dict[str, Any]]:
    """A page of warnings in the shape of the doors; what can be asked for see `models.alerts`."""
    return [warning_out(row) for row in store.warnings_page(session, **asked)]


def warning_out(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored warning in the shape of the doors."""
    facts = row["facts"]
    return {
        **{
            name: row[name]
            for name in (
                "id",
                "rule_id",
                "kind",
                "section",
                "name",
                "region_code",
                "parameter",
                "severity",
                "state",
            )
        },
        **{name: _beijing(row[name]) for name in ("started_at", "ended_at", "opened_at", "updated_at")},
        "readings": row["readings"],
        "measured": facts["measured"],
        "limit": facts["limit"],
        "merged_into": row["merged_into"],
        "evidence": facts["evidence"],
        "geometry": geojson(row["geometry"]),
    }


def _beijing(moment: datetime) -> str:
    return moment.astimezone(BEIJING).isoformat()


def warnings_of_upload(session: Session, upload_id: int) -> dict[str, int]:
    """How many warnings a load opened, extended, opened again, closed and withdrew."""
    found = store.events_of_upload(session, upload_id)
    return {told: found.get(event, 0) for event, told in _TOLD.items()}


def find_code(session: Session, text: str) -> str:
    """The code of a warning from its first digits, where they are enough.

    Raises
    ------
    NotKnownError
        If no warning, or more than one, begins so.
    """
    found = store.codes_beginning(session, text.lower()) if text else []
    if len(found) != 1:
        raise NotKnownError("warning", text)
    return found[0]


def read_warning(
    session: Session, code: str, as_of: date, *, known_at: datetime | None = None
) -> dict[str, Any]:
    """One warning with everything that happened to it.

    Raises
    ------
    NotKnownError
        If there is none, or was none at `known_at`.
    """
    found = list_warnings(session, as_of=as_of, code=code, known_at=known_at, limit=1)
    if not found:
        raise NotKnownError("warning", code)
    events = [
        {
            **event,
            "ended_at": _beijing(event["ended_at"]),
            "recorded_at": _beijing(event["recorded_at"]),
        }
        for event in store.events_of(session, code)
        if known_at is None or event["recorded_at"] <= known_at
    ]
    return {**found[0], "events": events}


_STEPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "acknowledge": (ACKNOWLEDGED, (OPEN,)),
    "close": (CLOSED, (OPEN, ACKNOWLEDGED)),
}


def settle_warning(session: Session, code: str, event: str, *, actor: str, note: str | None) -> None:
    """Acknowledge or close a warning; doing what was done already is refused.

    Raises
    ------
    NotKnownError
        If there is no such warning.
    WarningStateError
        If its state does not allow that.
    """
    store.lock_warnings(session)
    found = store.stored_warnings(session, codes=[code])
    if not found:
        raise NotKnownError("warning", code)
    state, allowed = _STEPS[event]
    if found[0].state not in allowed:
        raise WarningStateError(code, found[0].state, event)
    store.insert_events(
        session, [WarningEvent(event, replace(found[0], state=state), note=note)], actor=actor
    )
