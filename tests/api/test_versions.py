"""A correction looks again at what it touches only, keeps the old verdict, and says who changed what."""

import csv
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api import versions
from api.catalogue import Catalogue
from api.errors import NotKnownError
from api.jobs import assess_in
from api.versions import (
    assessment_history,
    periods_of_month,
    refresh_after,
    refresh_assessments,
    refresh_since,
    result_text,
)
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.report import UploadReport
from models import queries
from spatial.period import parse_period
from tests.api.conftest import Cli

SECTIONS = [
    {
        "断面编码": code,
        "断面名称": name,
        "省份": "湖北省",
        "行政区划代码": "420100",
        "水体类型": "河流",
        "水质目标": "Ⅲ",
    }
    for code, name in (("S1", "甲"), ("S2", "乙"))
]
JUNE = parse_period("2025-06")
JUNE_PERIODS = {"2025-06", "2025-Q2", "2025", "2025-flood"}


class Desk:
    """Loads files into a database, and looks at what they touched."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.files = 0

    def load(
        self, kind: str, rows: list[dict[str, str]], *, refresh: bool = True, **options: Any
    ) -> UploadReport:
        self.files += 1
        path = self.folder / f"{kind}-{self.files}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        (report,) = load_files(self.engine, kind, [path], IngestOptions(**options))
        assert report.ok, report.problems[0]
        return refresh_after(self.engine, report) if refresh else report

    def history(self, code: str, period: str = "2025-06", **options: Any) -> list[dict[str, Any]]:
        with Session(self.engine) as session:
            found = assessment_history(session, code, parse_period(period), **options)
        versions: list[dict[str, Any]] = found["versions"]
        return versions

    def stored(self) -> list[tuple[Any, ...]]:
        """Everything that is stored but the numbers and moments, byte for byte."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT section, period, input_hash, readings, result::text, result_hash, cause,"
                    " upload_id FROM qingjiang.section_assessments ORDER BY id"
                )
            )
            return [tuple(row) for row in rows]


def sample(code: str, value: str, moment: str = "2025-06-15 08:00") -> dict[str, str]:
    return {"断面编码": code, "监测时间": moment, "总磷(mg/L)": value}


@pytest.fixture
def desk(fresh_database: Engine, tmp_path: Path) -> Desk:
    """Two sections with target Ⅲ and a compliant sample each in June."""
    found = Desk(fresh_database, tmp_path)
    found.load("sections", SECTIONS)
    found.load("readings", [sample("S1", "0.05"), sample("S2", "0.05")])
    return found


def correct(desk: Desk, value: str = "0.35") -> UploadReport:
    return desk.load(
        "readings",
        [sample("S1", value)],
        on_conflict="replace",
        source="省监测中心",
        actor="王工",
        note="实验室复核",
    )


def told(report: UploadReport) -> dict[str, Any]:
    assert report.assessments is not None
    return dict(report.assessments)


def test_the_first_load_stores_every_period_that_it_touches(desk: Desk) -> None:
    assert {row[:2] for row in desk.stored()} == {
        (code, period) for code in ("S1", "S2") for period in JUNE_PERIODS
    }
    (version,) = desk.history("S1")
    assert (version["class"], version["verdict"], version["cause"]) == (2, "compliant", "first")


def test_what_is_stored_is_what_assess_says(desk: Desk) -> None:
    with Session(desk.engine) as session:
        (first, _) = assess_in(session, JUNE, "section")
    stored = {row[:2]: row[4] for row in desk.stored()}
    assert stored["S1", "2025-06"] == result_text(first.as_json())
    assert desk.history("S1")[0]["result"]["class"] == 2


def test_a_correction_looks_again_at_its_section_and_periods_only(desk: Desk) -> None:
    found = told(correct(desk))
    assert (found["checked"], found["stored"], found["changed"]) == (4, 4, 4)
    assert len(desk.history("S2")) == 1


def test_a_correction_reports_what_became_of_class_and_verdict(desk: Desk) -> None:
    found = told(correct(desk))
    assert found["verdicts"]["compliant→violation"] == 1
    assert found["classes"]["Ⅱ→Ⅴ"] == 1
    assert found["sections"][0] == {
        "section": "S1",
        "period": "2025-06",
        "class_before": "Ⅱ",
        "class_after": "Ⅴ",
        "verdict_before": "compliant",
        "verdict_after": "violation",
    }


def test_the_old_verdict_stays_beside_the_new_one(desk: Desk) -> None:
    correct(desk)
    before, after = desk.history("S1")
    assert (before["class"], before["verdict"], before["result"]["parameters"][0]["mean"]) == (
        2,
        "compliant",
        0.05,
    )
    assert (after["class"], after["verdict"], after["result"]["parameters"][0]["mean"]) == (
        5,
        "violation",
        0.35,
    )
    assert before["superseded_at"] == after["computed_at"]
    assert after["superseded_at"] is None


def test_a_version_says_who_changed_what_and_why(desk: Desk) -> None:
    report = correct(desk)
    after = desk.history("S1")[-1]
    assert after["cause"] == "readings"
    assert after["upload"] == {
        "upload_id": report.upload_id,
        "file_name": "readings-3.csv",
        "source": "省监测中心",
        "actor": "王工",
        "note": "实验室复核",
        "received_at": after["upload"]["received_at"],
        "on_conflict": "replace",
    }
    assert after["replaced_readings"] == 1
    (change,) = after["replaced"]
    assert {name: change[name] for name in change if name != "old_upload_id"} == {
        "parameter": "tp",
        "sampled_at": "2025-06-15T08:00:00+08:00",
        "new": "0.35",
        "new_row": 2,
        "old": "0.05",
        "old_file": "readings-2.csv",
        "old_row": 2,
    }


def test_what_was_known_then_is_what_was_told_then(desk: Desk) -> None:
    (before,) = desk.history("S1")
    then = datetime.fromisoformat(before["computed_at"]) + timedelta(microseconds=1)
    correct(desk)
    assert [version["verdict"] for version in desk.history("S1", known_at=then)] == ["compliant"]
    assert desk.history("S1", known_at=datetime(2020, 1, 1, tzinfo=UTC)) == []


def test_the_same_correction_twice_changes_nothing(desk: Desk) -> None:
    correct(desk)
    stored = desk.stored()
    assert correct(desk).assessments is None
    assert desk.stored() == stored


def test_looking_again_changes_nothing(desk: Desk) -> None:
    report = correct(desk)
    stored = desk.stored()
    assert report.upload_id is not None
    found = refresh_assessments(desk.engine, report.upload_id).as_json()
    assert (found["checked"], found["stored"]) == (4, 0)
    assert desk.stored() == stored


def test_sections_looked_at_one_by_one_give_the_same_versions(
    desk: Desk, clone_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Desk(clone_database(), tmp_path)
    other.load("sections", SECTIONS)
    other.load("readings", [sample("S1", "0.05"), sample("S2", "0.05")])
    rows = [sample("S1", "0.35"), sample("S2", "0.25"), sample("S2", "0.15", "2024-12-15 08:00")]
    together = told(desk.load("readings", rows, on_conflict="replace"))
    monkeypatch.setattr(versions, "AT_ONCE", 1)
    assert told(other.load("readings", rows, on_conflict="replace")) == together
    assert together["stored"] > 8
    assert sorted(other.stored()) == sorted(desk.stored())


def test_refused_rows_are_not_read_again_for_the_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def read(*_: Any, **__: Any) -> None:
        pytest.fail("the rows that a load refused were read")

    monkeypatch.setattr(queries, "rejected_rows", read)
    path = tmp_path / "readings-bad.csv"
    lines = [f"S1,2025-06-{day:02d} 08:00,-1" for day in range(1, 31)] * 10
    path.write_text(
        "\n".join(["断面编码,监测时间,总磷(mg/L)", *lines, "S1,2025-06-16 08:00,0.05"]), encoding="utf-8"
    )
    (report,) = load_files(desk.engine, "readings", [path], IngestOptions(partial=True))
    assert report.rows_rejected == 300
    assert told(refresh_after(desk.engine, report))["checked"] == 4


def test_two_runs_give_the_same_bytes(desk: Desk, clone_database: Any, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = Desk(clone_database(), tmp_path / "again")
    again.load("sections", SECTIONS)
    again.load("readings", [sample("S1", "0.05"), sample("S2", "0.05")])
    for one in (desk, again):
        correct(one)
    assert again.stored() == desk.stored()


def test_a_correction_of_what_was_never_stored_keeps_what_held_before(
    fresh_database: Engine, tmp_path: Path
) -> None:
    desk = Desk(fresh_database, tmp_path)
    desk.load("sections", SECTIONS, refresh=False)
    desk.load("readings", [sample("S1", "0.05"), sample("S2", "0.05")], refresh=False)
    found = told(correct(desk))
    assert (found["checked"], found["changed"]) == (4, 4)
    before, after = desk.history("S1")
    assert (before["verdict"], before["cause"], before["upload"]) == ("compliant", "first", None)
    assert (after["verdict"], after["cause"]) == ("violation", "readings")
    assert desk.history("S2") == []


def test_a_new_target_judges_the_stored_periods_again(desk: Desk) -> None:
    found = told(desk.load("sections", [SECTIONS[0] | {"水质目标": "Ⅰ"}], note="目标调整"))
    assert found["verdicts"] == {"compliant→violation": 1}
    after = desk.history("S1")[-1]
    assert (after["cause"], after["upload"]["note"], after["result"]["target_class"]) == (
        "sections",
        "目标调整",
        1,
    )
    assert len(desk.history("S2")) == 1


def test_sections_that_come_after_their_readings_are_assessed_then(
    fresh_database: Engine, tmp_path: Path
) -> None:
    desk = Desk(fresh_database, tmp_path)
    feed = {"省份": "湖北省", "断面名称": "甲", "监测时间": "2025-01-15 08:00", "总磷(mg/L)": "0.05"}
    assert told(desk.load("readings", [feed]))["checked"] == 0
    assert told(desk.load("sections", SECTIONS))["checked"] == 4
    assert {row[1] for row in desk.stored()} == {"2025-01", "2025-Q1", "2025", "2024-dry"}


def test_what_a_bulk_load_left_off_can_be_made_up(fresh_database: Engine, tmp_path: Path) -> None:
    desk = Desk(fresh_database, tmp_path)
    desk.load("sections", SECTIONS, refresh=False)
    desk.load("readings", [sample("S1", "0.05"), sample("S2", "0.05")], refresh=False)
    found = refresh_since(fresh_database, datetime(2020, 1, 1, tzinfo=UTC)).as_json()
    assert (found["stored"], found["changed"]) == (8, 0)
    again = refresh_since(fresh_database, datetime(2020, 1, 1, tzinfo=UTC)).as_json()
    assert again["stored"] == 0


def test_a_command_makes_up_what_a_bulk_load_left_off(
    fresh_database: Engine, tmp_path: Path, cli: Cli
) -> None:
    desk = Desk(fresh_database, tmp_path)
    desk.load("sections", SECTIONS, refresh=False)
    desk.load("readings", [sample("S1", "0.05")], refresh=False)
    ask = partial(cli, "db", "refresh", "--since", database=fresh_database)
    assert json.loads(ask("2020-01-01", "--format", "json").stdout)["stored"] == 4
    assert ask("2020-01-01").exit_code == 0
    assert json.loads(ask("2999-01-01", "--format", "json").stdout)["checked"] == 0
    refused = ask("yesterday")
    assert (refused.exit_code, "--since" in refused.stderr) == (2, True)


def test_readings_that_only_follow_on_cost_no_assessment_unless_all_are_asked_for(
    fresh_database: Engine, tmp_path: Path
) -> None:
    desk = Desk(fresh_database, tmp_path)
    desk.load("sections", SECTIONS, refresh=False)
    for day in ("10", "20"):
        report = desk.load("readings", [sample("S1", "0.05", f"2025-06-{day} 08:00")], refresh=False)
        assert told(refresh_after(fresh_database, report, every=False))["checked"] == 0
    assert desk.stored() == []


def test_a_late_reading_keeps_the_verdict_that_was_told_without_it(
    fresh_database: Engine, tmp_path: Path
) -> None:
    desk = Desk(fresh_database, tmp_path)
    desk.load("sections", SECTIONS, refresh=False)
    desk.load("readings", [sample("S1", "0.05", "2025-06-20 08:00")], refresh=False)
    report = desk.load("readings", [sample("S1", "0.95", "2025-06-10 08:00")], refresh=False)
    found = told(refresh_after(fresh_database, report, every=False))
    assert (found["checked"], found["changed"]) == (4, 4)
    assert [version["verdict"] for version in desk.history("S1")] == ["compliant", "violation"]


def test_a_new_target_of_known_sections_keeps_the_verdict_by_the_old_one(
    fresh_database: Engine, tmp_path: Path
) -> None:
    desk = Desk(fresh_database, tmp_path)
    desk.load("sections", SECTIONS, refresh=False)
    desk.load("readings", [sample("S1", "0.05"), sample("S2", "0.05")], refresh=False)
    report = desk.load("sections", [SECTIONS[0] | {"水质目标": "Ⅰ"}], refresh=False)
    assert told(refresh_after(fresh_database, report, every=False))["verdicts"] == {"compliant→violation": 1}
    assert [version["verdict"] for version in desk.history("S1")] == ["compliant", "violation"]
    assert desk.history("S2") == []


def test_versions_are_never_changed(desk: Desk) -> None:
    for statement in ("UPDATE qingjiang.section_assessments SET readings = 0", "DELETE FROM"):
        command = statement if "SET" in statement else f"{statement} qingjiang.section_assessments"
        with desk.engine.begin() as connection, pytest.raises(DBAPIError):
            connection.execute(text(command))


def test_an_unknown_section_has_no_history_and_an_unknown_upload_nothing_to_look_at(desk: Desk) -> None:
    with pytest.raises(NotKnownError):
        desk.history("S9")
    with pytest.raises(NotKnownError):
        refresh_assessments(desk.engine, 999)


@pytest.mark.parametrize(
    ("year", "month", "periods"),
    [
        (2025, 4, ("2025-04", "2025-Q2", "2025", "2024-dry")),
        (2025, 5, ("2025-05", "2025-Q2", "2025", "2025-flood")),
        (2025, 10, ("2025-10", "2025-Q4", "2025", "2025-flood")),
        (2025, 12, ("2025-12", "2025-Q4", "2025", "2025-dry")),
    ],
)
def test_a_month_lies_in_a_quarter_a_year_and_a_season(
    year: int, month: int, periods: tuple[str, ...]
) -> None:
    assert periods_of_month(year, month) == periods
    for text_of in periods:
        found = parse_period(text_of)
        assert (year, month) in found.months


# -- at the doors ------------------------------------------------------------------------------------------


def csv_file(folder: Path, value: str) -> Path:
    path = folder / f"更正-{value}.csv"
    path.write_text(f"断面编码,监测时间,总磷(mg/L)\nS1,2025-06-15 08:00,{value}\n", encoding="utf-8")
    return path


def test_the_command_line_tells_what_a_correction_changed(desk: Desk, cli: Cli, tmp_path: Path) -> None:
    correction = (
        "ingest",
        "readings",
        csv_file(tmp_path, "0.35"),
        "--on-conflict",
        "replace",
        "--note",
        "复核",
    )
    done = cli(*correction, database=desk.engine)
    assert done.exit_code == 0, done.output
    assert "评价复核：4 个断面时段，新存 4 份，其中 4 份与原评价不同" in done.output
    words = Catalogue()
    before, after = (words.text(f"states.{verdict}") for verdict in ("compliant", "violation"))
    assert f"{before} → {after}：1 个" in done.output
    asked = ("assess", "--period", "2025-06", "--section", "S1", "--history")
    shown = cli(*asked, database=desk.engine).output
    assert "复核" in shown
    answer = cli(*asked, "--format", "json", database=desk.engine)
    versions = json.loads(answer.stdout)["versions"]
    assert [version["verdict"] for version in versions] == ["compliant", "violation"]
    assert versions[1]["upload"]["actor"]
    assert versions[1]["replaced"][0]["old"] == "0.05"


def test_the_command_line_tells_what_was_known_then(desk: Desk, cli: Cli) -> None:
    correct(desk)
    asked = ("assess", "--period", "2025-06", "--section", "S1", "--history", "--format", "json")
    answer = cli(*asked, "--known-at", "2020-01-01", database=desk.engine)
    assert json.loads(answer.stdout)["versions"] == []
    words = cli(*asked[:-2], "--known-at", "2020-01-01", database=desk.engine)
    assert "没有已存的评价" in words.output


@pytest.mark.parametrize(
    "options", [("--history",), ("--section", "S1", "--known-at", "2025-01-01"), ("--known-at", "2025-01-01")]
)
def test_history_needs_its_section(desk: Desk, cli: Cli, options: tuple[str, ...]) -> None:
    assert cli("assess", "--period", "2025-06", *options, database=desk.engine).exit_code == 2


def test_one_section_may_be_asked_for(desk: Desk, cli: Cli) -> None:
    asked = ("assess", "--period", "2025-06", "--format", "json", "--section")
    (row,) = json.loads(cli(*asked, "S2", database=desk.engine).stdout)
    assert row["code"] == "S2"
    assert cli(*asked, "S9", database=desk.engine).exit_code == 2


def test_http_tells_the_history_with_the_name_of_the_key(
    desk: Desk, empty_client: TestClient, bureau_key: str, tmp_path: Path
) -> None:
    with csv_file(tmp_path, "0.35").open("rb") as stream:
        loaded = empty_client.post(
            "/api/v1/uploads",
            params={"kind": "readings"},
            files={"file": ("更正.csv", stream)},
            data={"on_conflict": "replace", "note": "复核"},
            headers={"Authorization": f"Bearer {bureau_key}"},
        ).json()
    assert loaded["assessments"]["verdicts"] == {"compliant→violation": 1}
    upload = empty_client.get(f"/api/v1/uploads/{loaded['upload_id']}").json()
    assert upload["assessments"] == loaded["assessments"]
    place = "/api/v1/sections/S1/assessment"
    found = empty_client.get(place, params={"period": "2025-06", "history": "true"}).json()
    assert [version["verdict"] for version in found["versions"]] == ["compliant", "violation"]
    told = found["versions"][1]["upload"]
    assert (told["actor"], told["note"], told["file_name"]) == ("test", "复核", "更正.csv")
    then = {"period": "2025-06", "history": "true", "known_at": "2020-01-01T00:00:00"}
    assert empty_client.get(place, params=then).json()["versions"] == []
    assert empty_client.get(place, params={"period": "2025-06", "known_at": "2020-01-01"}).status_code == 422


def test_a_setting_switches_the_look_off(desk: Desk, cli: Cli, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("QINGJIANG_ASSESS_AFTER_LOAD", "off")
    command = (
        "ingest",
        "readings",
        csv_file(tmp_path, "0.35"),
        "--on-conflict",
        "replace",
        "--format",
        "json",
    )
    assert json.loads(cli(*command, database=desk.engine).stdout)["assessments"] is None
    assert len(desk.history("S1")) == 1
