"""Evaluations and findings are kept with their evidence; a verdict remembers when it was first given."""

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from shapely import Point
from sqlalchemy.orm import Session

from models.database import encode_json
from models.errors import UnstorableError
from models.queries import (
    RunRecord,
    canonical_json,
    data_hash,
    finding_key,
    findings_page,
    first_seen,
    latest_run,
    ledger_of,
    record_rule_set,
    rejected_rows,
    store_run,
    upload,
    uploads,
)
from models.tables import FindingRow, LedgerEventRow, RejectedRow, UploadRow

AddRow = Callable[..., Any]

HASH = hashlib.sha256(b"rules").hexdigest()
MORNING = datetime(2024, 1, 1, tzinfo=UTC)


def finding(code: str = "T1", **values: Any) -> dict[str, Any]:
    return {
        "rule_id": "CN-14-1",
        "clause": "（十四）",
        "subject_kind": "tailings_pond",
        "subject_code": code,
        "subject_name": "尾矿库",
        "region_code": "420500",
        "verdict": "violation",
        "state": "overdue",
        "measured": {"distance_m": 812.25},
        "limit": {"distance_m": 3000},
        "deadline": "2023-12-31",
        "as_of": "2024-01-01",
        "first_seen": "2024-01-01",
        "evidence": {"reason": {"code": "untreated", "params": {}}},
        "geometry": None,
        **values,
    }


def store(session: Session, *findings: dict[str, Any], as_of: date = date(2024, 1, 1), **run: Any) -> int:
    record_rule_set(session, HASH, {"rules": ["CN-14-1"]})
    record = {
        "region_code": None,
        "rule_ids": None,
        "rule_set_hash": HASH,
        "data_hash": HASH,
        "started_at": MORNING,
        "finished_at": MORNING,
        **run,
    }
    return store_run(session, RunRecord(as_of=as_of, **record), findings)


def test_a_finding_comes_back_as_it_was_stored(session: Session) -> None:
    run = store(session, finding(geometry=Point(111.3, 30.7)))
    (found,) = findings_page(session, run, limit=9)
    expected = finding(geometry=Point(111.3, 30.7))
    expected |= {name: date.fromisoformat(expected[name]) for name in ("deadline", "as_of", "first_seen")}
    assert {name: found[name] for name in expected} == expected


def test_geometry_may_be_geojson(session: Session) -> None:
    run = store(session, finding(geometry={"type": "Point", "coordinates": [111.3, 30.7]}))
    assert findings_page(session, run, limit=9)[0]["geometry"] == Point(111.3, 30.7)


def test_the_identity_of_a_finding_is_rule_and_subject() -> None:
    expected = hashlib.sha256(b"CN-14-1|tailings_pond|T1").hexdigest()
    assert finding_key(finding()) == expected
    assert finding_key(finding(verdict="compliant")) == expected


def test_first_seen_is_the_least_day_with_the_same_verdict(session: Session) -> None:
    def seen(as_of: date, verdict: str) -> date:
        state = "open"
        run = store(session, finding(verdict=verdict, state=state), as_of=as_of)
        return first_seen(session, run)[finding_key(finding())]

    assert seen(date(2024, 2, 1), "violation") == date(2024, 2, 1)
    assert seen(date(2024, 3, 1), "violation") == date(2024, 2, 1)
    assert seen(date(2024, 4, 1), "compliant") == date(2024, 4, 1)
    # An evaluation of an earlier day that is made later counts by its day.
    assert seen(date(2024, 1, 1), "violation") == date(2024, 1, 1)
    assert seen(date(2024, 5, 1), "violation") == date(2024, 1, 1)


def test_storing_the_same_run_twice_gives_the_same_first_seen(session: Session) -> None:
    first, second = store(session, finding()), store(session, finding())
    assert first < second
    assert first_seen(session, first) == first_seen(session, second)


def test_two_findings_of_one_rule_on_one_subject_are_refused(session: Session) -> None:
    with pytest.raises(UnstorableError, match="CN-14-1 T1"):
        store(session, finding(), finding(verdict="compliant", state="resolved"))


def test_a_run_without_findings_is_a_run(session: Session) -> None:
    run = store(session)
    assert findings_page(session, run, limit=9) == []
    assert latest_run(session).id == run  # type: ignore[union-attr]


def test_a_rule_set_is_kept_once(session: Session) -> None:
    record_rule_set(session, HASH, {"rules": []})
    record_rule_set(session, HASH, {"rules": []})
    assert store(session) > 0


def test_pages_of_findings_follow_each_other(session: Session) -> None:
    run = store(session, *(finding(f"T{number}") for number in range(5)))
    store(session, finding("other run"))
    pages, after = [], None
    while page := findings_page(session, run, after=after, limit=2):
        pages.append([row["subject_code"] for row in page])
        after = page[-1]["id"]
    assert pages == [["T0", "T1"], ["T2", "T3"], ["T4"]]


@pytest.mark.parametrize(
    ("filters", "codes"),
    [
        ({"rule_id": "YPL-26-2-chemical"}, ["C1"]),
        ({"verdict": "violation"}, ["T1", "C1"]),
        ({"state": "resolved"}, ["T2"]),
        ({"subject_kind": "tailings_pond", "subject_code": "T2"}, ["T2"]),
        ({"region_code": "420000"}, ["T1"]),
        ({"region_code": "yangtze"}, ["T1", "T2", "C1"]),
        ({"bbox": (111, 30, 112, 31)}, ["T1"]),
        ({"updated_since": datetime(2000, 1, 1, tzinfo=UTC)}, ["T1", "T2", "C1"]),
        ({"updated_since": datetime(2199, 1, 1, tzinfo=UTC)}, []),
        ({"verdict": "undetermined"}, []),
    ],
)
def test_findings_are_filtered(session: Session, filters: dict[str, Any], codes: list[str]) -> None:
    run = store(
        session,
        finding("T1", geometry=Point(111.3, 30.7)),
        finding("T2", region_code="430000", verdict="compliant", state="resolved"),
        finding("C1", rule_id="YPL-26-2-chemical", subject_kind="chemical_site", region_code="500000"),
    )
    assert [row["subject_code"] for row in findings_page(session, run, limit=9, **filters)] == codes


def test_the_latest_run_is_the_one_stored_last(session: Session) -> None:
    assert latest_run(session) is None
    old = store(session, as_of=date(2024, 1, 1))
    new = store(session, as_of=date(2023, 1, 1), region_code="420000")
    store(session, as_of=date(2023, 1, 1), rule_ids=["CN-14-1"])

    def latest(**picked: Any) -> int | None:
        run = latest_run(session, **picked)
        return None if run is None else run.id

    assert latest() == new
    assert latest(as_of=date(2024, 1, 1)) == old
    assert latest(region_code="420000") == new
    assert latest(region_code="yangtze") == old
    assert latest(as_of=date(2022, 1, 1)) is None
    assert latest(complete=False) == new + 1


def test_numbers_of_the_evidence_are_kept_exactly(session: Session) -> None:
    store(session, finding(measured={"mean": Decimal("0.10"), "n": np.int64(3), "x": np.float64(0.1)}))
    (kept,) = session.query(FindingRow.measured["mean"].astext).one()
    assert kept == "0.10"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), object()])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(UnstorableError):
        encode_json({"value": value})


def test_json_keeps_text_days_and_sets() -> None:
    value = {"text": '水"\n', "day": date(2024, 1, 1), "set": {"b", "a"}, "none": None, "yes": True}
    assert encode_json(value) == (
        '{"text":"水\\"\\n","day":"2024-01-01","set":["a","b"],"none":null,"yes":true}'
    )


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": [{"d": 1, "c": 2}], "a": 0}) == '{"a":0,"b":[{"c":2,"d":1}]}'


# -------------------------------------------------------------------------------------- data and books


def loaded(add: AddRow, number: int, **values: Any) -> Any:
    sha = hashlib.sha256(str(number).encode()).hexdigest()
    return add(UploadRow, file_sha256=sha, state="loaded", rows_read=1, rows_loaded=1, **values)


def test_the_data_hash_changes_with_data_and_with_nothing_else(session: Session, add: AddRow) -> None:
    day = date(2024, 1, 1)
    empty = data_hash(session, day)
    loaded(add, 1)
    one = data_hash(session, day)
    add(UploadRow, state="rejected", rows_read=1, rows_rejected=1)
    add(UploadRow, state="loaded", rows_read=1, rows_duplicate=1)
    assert data_hash(session, day) == one != empty
    loaded(add, 2)
    two = data_hash(session, day)
    add(LedgerEventRow)
    assert len({empty, one, two, data_hash(session, day), data_hash(session, date(2024, 1, 2))}) == 5


def test_the_same_files_in_the_same_order_have_the_same_data_hash(
    session: Session, add: AddRow, fresh_database: Any, adder_for: Callable[[Session], AddRow]
) -> None:
    for number in (1, 2):
        loaded(add, number, file_name=f"here-{number}.csv")
    with Session(fresh_database) as elsewhere:
        for number in (1, 2):
            loaded(adder_for(elsewhere), number, file_name=f"there-{number}.csv")
        assert data_hash(elsewhere, date(2024, 1, 1)) == data_hash(session, date(2024, 1, 1))


def test_an_upload_is_told_with_its_report(session: Session, add: AddRow) -> None:
    row = add(UploadRow, report={"warnings": ["w"], "rows_read": 99}, rows_read=2)
    found = upload(session, row.id)
    assert found is not None
    assert (found["upload_id"], found["warnings"], found["rows_read"]) == (row.id, ["w"], 2)
    assert upload(session, row.id + 1) is None


def test_uploads_are_listed_the_newest_first(session: Session, add: AddRow) -> None:
    numbers = [add(UploadRow, kind=kind).id for kind in ("sections", "readings", "sections")]

    def listed(**picked: Any) -> list[int]:
        return [row["upload_id"] for row in uploads(session, limit=9, **picked)]

    assert listed() == numbers[::-1]
    assert listed(kind="sections") == [numbers[2], numbers[0]]
    assert listed(before=numbers[1]) == numbers[:1]
    assert listed(state="loaded") == []


def test_refused_rows_come_in_the_order_of_the_file(session: Session, add: AddRow) -> None:
    for number in (7, 3, 5):
        row = add(RejectedRow, row=number, original={"name": str(number)})
    found = rejected_rows(session, row.upload_id)
    assert [(one["row"], one["original"]["name"]) for one in found] == [(3, "3"), (5, "5"), (7, "7")]
    assert [one["row"] for one in rejected_rows(session, row.upload_id, after=3, limit=1)] == [5]


def test_the_ledger_of_a_subject_is_told_from_its_beginning(session: Session, add: AddRow) -> None:
    for number, day in enumerate((date(2024, 5, 1), date(2023, 1, 1))):
        add(LedgerEventRow, occurred_on=day, event=str(number), fact_hash=f"{number}" * 64)
    add(LedgerEventRow, subject_code="O2", fact_hash="f" * 64)
    assert [event["event"] for event in ledger_of(session, "outfall", "O1")] == ["1", "0"]
