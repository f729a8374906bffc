"""Rows for the tests of `models`: every table with one row that it accepts."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from models.partitions import ensure_partitions
from models.tables import (
    VERSIONED,
    ApiKey,
    Base,
    EvaluationRunRow,
    FindingRow,
    LedgerEventRow,
    ParameterRow,
    ReadingRow,
    RejectedRow,
    RuleSetRow,
    SectionAliasRow,
    SectionAssessmentRow,
    SectionRegistryRow,
    SectionStatusRow,
    UploadRow,
    WarningEventRow,
    WarningRow,
)

HASH = hashlib.sha256(b"facts").hexdigest()
POINT = "SRID=4490;POINT(111.3 30.7)"
LINE = "SRID=4490;LINESTRING(111 30, 111.1 30)"
POLYGON = "SRID=4490;POLYGON((111 30, 111.1 30, 111.1 30.1, 111 30))"

AddRow = Callable[..., Any]

ROWS: dict[type[Base], dict[str, Any]] = {
    UploadRow: {"kind": "sections", "file_name": "f.csv", "file_sha256": HASH, "size_bytes": 1},
    RejectedRow: {"row": 2, "errors": [{"code": "missing"}], "original": {"name": ""}},
    VERSIONED["water_bodies"]: {"code": "CJ", "name": "长江", "rank": "mainstem", "kind": "river"},
    VERSIONED["shorelines"]: {
        "water_body_code": "CJ",
        "rank": "mainstem",
        "version_hash": HASH,
        "geometry": LINE,
    },
    VERSIONED["rivers"]: {"code": "R1", "geometry": LINE},
    VERSIONED["sections"]: {"code": "S1", "name": "沌口", "geometry": POINT},
    VERSIONED["outfalls"]: {"code": "O1", "name": "排污口", "geometry": POINT},
    VERSIONED["tailings_ponds"]: {"code": "T1", "name": "尾矿库", "geometry": POLYGON},
    VERSIONED["chemical_sites"]: {"code": "C1", "name": "园区", "geometry": POINT},
    VERSIONED["water_sources"]: {"code": "W1", "name": "水源地", "geometry": POINT},
    VERSIONED["section_targets"]: {
        "section": "S1",
        "parameter": "tp",
        "comparator": "<=",
        "limit": Decimal("0.1"),
    },
    VERSIONED["sites"]: {"code": "X1", "name": "渣场", "category": "slag_yard", "geometry": LINE},
    VERSIONED["indicators"]: {
        "target_id": "CN-3-3",
        "region_code": "yangtze",
        "period": "2024",
        "value": Decimal("97.3"),
    },
    SectionRegistryRow: {"code": "湖北省/沌口", "province": "湖北省", "name": "沌口", "provisional": True},
    SectionAliasRow: {"code": "S1", "names": ["旧沌口"], "codes": []},
    ParameterRow: {"code": "new_one", "name_zh": "新", "name_en": "New", "unit": "mg/L"},
    ReadingRow: {
        "parameter": "tp",
        "sampled_at": datetime(2025, 6, 1, 4, tzinfo=UTC),
        "value": Decimal("0.05"),
    },
    SectionStatusRow: {"observed_at": datetime(2025, 6, 1, 4, tzinfo=UTC), "status": "维护"},
    LedgerEventRow: {
        "subject_kind": "outfall",
        "subject_code": "O1",
        "event": "cancelled",
        "occurred_on": date(2024, 5, 1),
        "fact_hash": HASH,
    },
    RuleSetRow: {"hash": HASH, "content": {"rules": []}},
    EvaluationRunRow: {
        "as_of": date(2024, 1, 1),
        "data_hash": HASH,
        "started_at": datetime(2024, 1, 1, tzinfo=UTC),
        "finished_at": datetime(2024, 1, 1, tzinfo=UTC),
    },
    FindingRow: {
        "finding_key": HASH,
        "rule_id": "CN-14-1",
        "clause": "（十四）",
        "subject_kind": "tailings_pond",
        "subject_code": "T1",
        "verdict": "violation",
        "state": "open",
        "measured": {},
        "limit": {},
        "as_of": date(2024, 1, 1),
        "first_seen": date(2024, 1, 1),
        "evidence": {"reason": {"code": "untreated", "params": {}}},
    },
    SectionAssessmentRow: {
        "section": "S1",
        "period": "2025-06",
        "period_start": date(2025, 6, 1),
        "period_end": date(2025, 6, 30),
        "basis_hash": HASH,
        "input_hash": HASH,
        "readings": 0,
        "result": {"class": None},
        "result_hash": HASH,
        "cause": "first",
    },
    WarningRow: {
        "code": "0123456789abcdef",
        "rule_id": "limit-target",
        "kind": "limit",
        "parameter": "tp",
        "started_at": datetime(2025, 6, 1, 4, tzinfo=UTC),
    },
    WarningEventRow: {
        "event": "open",
        "state": "open",
        "severity": "blue",
        "ended_at": datetime(2025, 6, 1, 4, tzinfo=UTC),
        "over_after": datetime(2025, 6, 3, 4, tzinfo=UTC),
        "readings": 1,
        "facts": {"measured": {}},
        "actor": "qingjiang",
    },
    ApiKey: {"prefix": "qj_abc", "key_hash": HASH, "role": "portal"},
}
"""One acceptable row of every table, without the numbers of the rows that it refers to."""


@pytest.fixture
def add(session: Session) -> AddRow:
    """Insert a row of a table, the columns that are not named filled in, and return its keys."""
    return adder(session)


def adder(session: Session) -> AddRow:
    """The function behind `add`, for a session of the caller."""
    known: dict[type[Base], Any] = {}

    def referred(model: type[Base], column: str) -> Any:
        if model not in known:
            row = session.execute(insert(model).values(complete(model, {})).returning(model)).scalar_one()
            known[model] = getattr(row, column)
        return known[model]

    def complete(model: type[Base], values: dict[str, Any]) -> dict[str, Any]:
        row = {**ROWS[model], **values}
        if model in VERSIONED.values():
            row = {"fact_hash": HASH, **row}
        columns = {column.name for column in model.__table__.columns}
        required = {"upload_id"} if model is not LedgerEventRow else set()
        for column, target, key in (
            ("upload_id", UploadRow, "id"),
            ("section_id", SectionRegistryRow, "id"),
            ("rule_set_hash", RuleSetRow, "hash"),
            ("run_id", EvaluationRunRow, "id"),
            ("warning_code", WarningRow, "code"),
        ):
            if column in columns and column not in row and (column != "upload_id" or required):
                row[column] = referred(target, key)
        return row

    def add_row(model: type[Base] | str, **values: Any) -> Any:
        chosen = VERSIONED[model] if isinstance(model, str) else model
        row = complete(chosen, values)
        if chosen is ReadingRow:
            ensure_partitions(session, [row["sampled_at"]])
        return session.execute(insert(chosen).values(row).returning(chosen)).scalar_one()

    return add_row


@pytest.fixture
def rows() -> dict[type[Base], dict[str, Any]]:
    """One acceptable row of every table."""
    return ROWS


@pytest.fixture
def adder_for() -> Callable[[Session], AddRow]:
    """Make an `add` for another session."""
    return adder


@pytest.fixture
def database_url(fresh_database: Engine) -> str:
    """URL of the test's own database."""
    return fresh_database.url.render_as_string(hide_password=False)
