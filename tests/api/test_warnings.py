"""Warnings at the doors: after a load, in any order of loads, their life, and how they stood before."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from typer.testing import Result

from api import alerts
from api.alerts import (
    list_warnings,
    load_and_warn,
    read_warning,
    run_warnings,
    settle_warning,
    warnings_of_upload,
)
from api.errors import NotKnownError, WarningStateError
from api.keys import issue_key
from ingest.options import IngestOptions
from spatial.alerts import alert_id
from spatial.period import BEIJING

Cli = Callable[..., Result]

SECTIONS = """断面编码,断面名称,所在河流,水体类型,行政区划代码,监测方式,水质目标,经度,纬度
S1,甲断面,长江,河流,420500,自动,Ⅱ,111.3,30.7
S2,乙断面,湘江,河流,430100,手工,Ⅲ,112.9,28.2
"""
START = datetime(2025, 6, 2, tzinfo=BEIJING)
NAMES = {"S1": "甲断面", "S2": "乙断面"}

Reading = tuple[str, datetime, str]


def phosphorus(values: Iterable[str], start: datetime = START, section: str = "S1") -> list[Reading]:
    return [(section, start + place * timedelta(hours=4), value) for place, value in enumerate(values)]


def load(engine: Engine, folder: Path, rows: Iterable[Reading], **options: Any) -> dict[str, Any]:
    """Load readings of total phosphorus and give the report."""
    path = folder / "readings.csv"
    lines = ["断面编码,断面名称,采样时间,总磷(mg/L)"]
    lines += [f"{code},{NAMES[code]},{at:%Y-%m-%d %H:%M},{value}" for code, at, value in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (report,) = load_and_warn(engine, "readings", [path], IngestOptions(**options))
    assert report.rows_rejected == 0
    return report.as_json(lambda key, **_: key)


def shown(engine: Engine, **asked: Any) -> list[dict[str, Any]]:
    with Session(engine) as session:
        return list_warnings(session, as_of=START.date(), limit=1_000, **asked)


def one(engine: Engine, **asked: Any) -> dict[str, Any]:
    (found,) = shown(engine, **asked)
    return found


def events(engine: Engine, code: str) -> list[str]:
    with Session(engine) as session:
        return [event["event"] for event in read_warning(session, code, START.date())["events"]]


def settle(engine: Engine, code: str, event: str) -> None:
    with Session(engine) as session, session.begin():
        settle_warning(session, code, event, actor="王工", note="现场核查")


@pytest.fixture
def database(fresh_database: Engine, tmp_path: Path) -> Engine:
    path = tmp_path / "sections.csv"
    path.write_text(SECTIONS, encoding="utf-8")
    load_and_warn(fresh_database, "sections", [path])
    return fresh_database


OVER = ["0.11", "0.12", "0.13"]


# Loads -----------------------------------------------------------------------------------------------------


def test_a_load_opens_a_warning_with_the_readings_behind_it(database: Engine, tmp_path: Path) -> None:
    report = load(database, tmp_path, phosphorus(["0.05", *OVER]))
    assert report["new_warnings"]["opened"] == 1
    assert report["new_warnings"]["by_severity"]["blue"] == 1
    with Session(database) as session:
        assert warnings_of_upload(session, report["upload_id"]) == {
            name: report["new_warnings"][name]
            for name in ("opened", "extended", "reopened", "closed", "withdrawn")
        }
    found = one(database)
    first = START + timedelta(hours=4)
    assert found["id"] == alert_id("S1", "limit-target", "tp", first)
    assert (found["section"], found["name"], found["region_code"]) == ("S1", "甲断面", "420500")
    assert (found["state"], found["readings"]) == ("open", 3)
    assert (found["measured"]["value"], found["limit"]["limit"]) == (0.13, ["0.1"])
    assert found["evidence"]["data"]["upload_ids"] == [report["upload_id"]]
    assert found["geometry"]["type"] == "Point"


def test_the_same_file_again_and_a_run_over_it_change_nothing(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(OVER))
    before = one(database)
    assert load(database, tmp_path, phosphorus(OVER))["new_warnings"] is None
    counts = run_warnings(database, START.date(), START.date()).as_json()
    assert [counts[name] for name in ("opened", "extended", "reopened", "closed", "withdrawn")] == [0] * 5
    assert one(database) == before


def test_the_load_of_other_days_in_any_order_gives_the_same_warnings(
    clone_database: Callable[[], Engine], tmp_path: Path
) -> None:
    days = [
        phosphorus(["0.05", "0.05", "0.11", "0.12"]),
        phosphorus(["0.11", "0.05", "0.3", "0.05"], START + timedelta(days=1)),
        phosphorus(["0.05"] * 3, START + timedelta(days=9)),
    ]
    path = tmp_path / "sections.csv"
    path.write_text(SECTIONS, encoding="utf-8")
    found = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        engine = clone_database()
        load_and_warn(engine, "sections", [path])
        for day in order:
            load(engine, tmp_path, days[day])
        names = ("id", "state", "severity", "started_at", "ended_at", "readings")
        found.append([{name: warning[name] for name in names} for warning in shown(engine)])
        engine.dispose()
    assert all(one == found[0] for one in found)
    assert [(warning["state"], warning["readings"]) for warning in found[0]] == [("closed", 4)]


def test_a_beginning_that_comes_late_takes_the_warning_in(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(OVER, START + timedelta(days=1)))
    late = one(database)
    load(database, tmp_path, phosphorus(["0.11"]))
    found = one(database)
    assert found["started_at"] == START.isoformat()
    gone = one(database, states=["withdrawn"])
    assert (gone["id"], gone["merged_into"]) == (late["id"], found["id"])


def test_a_correction_withdraws_what_nothing_backs_any_more(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(OVER))
    report = load(database, tmp_path, phosphorus(["0.11", "0.02", "0.03"]), on_conflict="replace")
    assert report["new_warnings"]["withdrawn"] == 1
    assert shown(database) == []
    assert one(database, states=["withdrawn"])["merged_into"] is None


def test_a_dry_run_and_a_switched_off_look_warn_of_nothing(database: Engine, tmp_path: Path) -> None:
    assert load(database, tmp_path, phosphorus(OVER), dry_run=True)["new_warnings"] is None
    path = tmp_path / "readings.csv"
    (report,) = load_and_warn(database, "readings", [path], warn=False)
    assert (report.readings_loaded, report.new_warnings) == (3, None)
    assert shown(database) == []
    assert run_warnings(database, START.date(), START.date()).as_json()["opened"] == 1


def test_a_manual_sample_over_its_limit_is_enough(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(["0.21"], section="S2"))
    assert one(database)["section"] == "S2"


def test_months_that_rise_are_found_month_by_month(database: Engine, tmp_path: Path) -> None:
    for month, value in enumerate(["0.08", "0.09", "0.1", "0.12", "0.14", "0.16"], 1):
        load(database, tmp_path, [("S2", datetime(2025, month, 5, 9, tzinfo=BEIJING), value)])
    assert one(database)["rule_id"] == "rise-months"
    assert one(database)["started_at"] == datetime(2025, 6, 1, tzinfo=BEIJING).isoformat()


# Life ------------------------------------------------------------------------------------------------------


def test_a_warning_is_closed_when_the_item_is_measured_again_beyond_the_gap(
    database: Engine, tmp_path: Path
) -> None:
    load(database, tmp_path, phosphorus(OVER))
    load(database, tmp_path, phosphorus(["0.05"], START + timedelta(hours=8 + 48)))
    assert one(database)["state"] == "open"
    load(database, tmp_path, phosphorus(["0.05"], START + timedelta(hours=8 + 52)))
    assert one(database)["state"] == "closed"


def test_a_closed_warning_opens_again_where_its_readings_go_on(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(OVER))
    code = one(database)["id"]
    settle(database, code, "acknowledge")
    load(database, tmp_path, phosphorus(["0.11"], START + timedelta(hours=12)))
    assert one(database)["state"] == "acknowledged"
    settle(database, code, "close")
    load(database, tmp_path, phosphorus(["0.11"], START + timedelta(hours=16)))
    assert one(database)["state"] == "open"
    assert events(database, code) == ["open", "acknowledge", "extend", "close", "reopen"]


def test_an_acknowledged_warning_that_grows_worse_is_open_again(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(OVER))
    settle(database, one(database)["id"], "acknowledge")
    load(database, tmp_path, phosphorus(["0.2"], START + timedelta(hours=12)))
    assert (one(database)["state"], one(database)["severity"]) == ("open", "orange")


def test_nothing_is_settled_twice_and_nothing_unknown_at_all(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(OVER))
    code = one(database)["id"]
    settle(database, code, "close")
    for event in ("close", "acknowledge"):
        with pytest.raises(WarningStateError):
            settle(database, code, event)
    with pytest.raises(NotKnownError):
        settle(database, "0" * 16, "close")


def test_the_state_of_any_moment_can_be_seen_again(database: Engine, tmp_path: Path) -> None:
    load(database, tmp_path, phosphorus(OVER))
    code = one(database)["id"]
    settle(database, code, "close")
    with Session(database) as session:
        opened, closed = session.scalars(text("SELECT recorded_at FROM qingjiang.warning_events ORDER BY id"))
    assert one(database, known_at=opened)["state"] == "open"
    assert one(database, known_at=closed)["state"] == "closed"
    assert shown(database, known_at=opened - timedelta(microseconds=1)) == []


# Doors -----------------------------------------------------------------------------------------------------


def test_the_command_line_lists_shows_and_settles(database: Engine, tmp_path: Path, cli: Cli) -> None:
    load(database, tmp_path, phosphorus(OVER))
    code = one(database)["id"]
    listed = cli("warnings", "list", "--format", "json", database=database)
    assert [row["id"] for row in json.loads(listed.stdout)] == [code]
    table = cli("--lang", "en", "warnings", "list", "--region", "42", "--severity", "blue", database=database)
    assert "Over the limit" in " ".join(table.stdout.split())
    assert (
        json.loads(cli("warnings", "list", "--region", "43", "--format", "json", database=database).stdout)
        == []
    )
    done = cli("warnings", "acknowledge", code[:8], "--actor", "李工", "--note", "已派员", database=database)
    assert (done.exit_code, code in done.stderr) == (0, True)
    again = cli("warnings", "acknowledge", code, database=database)
    assert again.exit_code == 2
    page = cli("warnings", "show", code[:8], database=database)
    assert "李工" in page.stdout
    assert "超过断面目标类别限值" in page.stdout
    assert cli("warnings", "close", code, database=database).exit_code == 0
    assert cli("warnings", "show", "ffff", database=database).exit_code == 2


def test_the_command_line_tells_what_a_load_warns_of(database: Engine, tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "r.csv"
    lines = [f"S1,甲断面,{at:%Y-%m-%d %H:%M},{value}" for _, at, value in phosphorus(OVER)]
    path.write_text("断面编码,断面名称,采样时间,总磷(mg/L)\n" + "\n".join(lines) + "\n", encoding="utf-8")
    told = cli("ingest", "readings", path, database=database)
    assert "新发布 1" in told.stderr
    run = cli(
        "warnings", "run", "--from", "2025-06-01", "--to", "2025-06-03", "--format", "json", database=database
    )
    assert json.loads(run.stdout)["opened"] == 0
    wrong = cli("warnings", "run", "--from", "2025-06-03", "--to", "2025-06-01", database=database)
    assert wrong.exit_code == 2


def test_http_pages_warnings_and_lets_only_keys_that_may_upload_settle_them(
    database: Engine, tmp_path: Path, empty_client: TestClient, bureau_key: str
) -> None:
    load(database, tmp_path, [*phosphorus(OVER), *phosphorus(["0.5"], section="S2")])
    upload = load(database, tmp_path, phosphorus(["0.11"], START + timedelta(hours=12)))["upload_id"]
    assert empty_client.get(f"/api/v1/uploads/{upload}").json()["new_warnings"]["extended"] == 1
    first = empty_client.get("/api/v1/warnings", params={"limit": 1}).json()
    second = empty_client.get("/api/v1/warnings", params={"limit": 1, "cursor": first["next"]}).json()
    ids = [first["items"][0]["id"], second["items"][0]["id"]]
    assert len(set(ids)) == 2
    assert second["next"] is None
    region = empty_client.get("/api/v1/warnings", params={"region": "43", "format": "geojson"}).json()
    (feature,) = region["features"]
    assert feature["geometry"]["coordinates"] == [112.9, 28.2]
    asked = {"section": "S1", "severity": "blue", "state": "open", "since": "2025-06-02T08:00:00+08:00"}
    (filtered,) = empty_client.get("/api/v1/warnings", params=asked).json()["items"]
    address = f"/api/v1/warnings/{filtered['id']}"
    assert empty_client.post(f"{address}/acknowledge").status_code == 401
    portal = issue_key(database, role="portal", region_code=None, name="p", expires=None)["key"]
    refused = empty_client.post(f"{address}/close", headers={"Authorization": f"Bearer {portal}"})
    assert refused.status_code == 403
    bearer = {"Authorization": f"Bearer {bureau_key}"}
    taken = empty_client.post(f"{address}/acknowledge", json={"note": "已派员"}, headers=bearer)
    assert (taken.status_code, taken.json()["state"]) == (200, "acknowledged")
    closed = empty_client.post(f"{address}/close", headers=bearer).json()
    assert [(event["event"], event["actor"]) for event in closed["events"]] == [
        ("open", "qingjiang"),
        ("extend", "qingjiang"),
        ("acknowledge", "test"),
        ("close", "test"),
    ]
    assert empty_client.post(f"{address}/close", headers=bearer).status_code == 409
    assert empty_client.get("/api/v1/warnings/ffffffffffffffff").status_code == 404
    assert empty_client.get("/api/v1/warnings/xyz").status_code == 422
    assert empty_client.get("/api/v1/warnings", params={"severity": "green"}).status_code == 422


FEED = (
    Path(__file__).parents[2] / "../shared/data/water_quality/cnemc_national_2025-11-06_to_08.csv.gz"
).resolve()


@pytest.mark.skipif(not FEED.is_file(), reason="the national feed of November 2025 is not at hand")
def test_the_national_feed_of_november_2025_gives_warnings_that_a_person_can_look_through(
    fresh_database: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "cnemc_national_2025-11-06_to_08.csv"
    path.write_bytes(gzip.decompress(FEED.read_bytes()))
    (report,) = load_and_warn(fresh_database, "readings", [path], IngestOptions(partial=True))
    assert report.new_warnings is not None
    found = shown(fresh_database, rule_id="low-oxygen")
    assert found
    # Every tenth published class is worse than Ⅲ; who looks gets fewer lines than there are such sections.
    assert 100 < report.new_warnings["opened"] < 0.15 * report.new_warnings["sections"]
    for warning in found:
        assert warning["readings"] >= 2 or warning["severity"] == "red"
        assert float(warning["measured"]["value"]) < 3
        assert warning["evidence"]["data"]["upload_ids"] == [report.upload_id]


@pytest.mark.parametrize("at_once", [1_000_000, 150])
def test_any_pieces_in_any_order_give_what_one_load_gives(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Random walks with jumps, rises and gaps at twin sections: one loaded at once, one in pieces.

    So many readings are held at a time: all of them, or those of two sections at most.
    """
    monkeypatch.setattr(alerts, "AT_ONCE", at_once)
    seed = random.Random(20251120)  # noqa: S311  # data for a test
    path = tmp_path / "walk.csv"
    whole: list[str] = []
    pieces: list[list[str]] = [[] for _ in range(6)]
    for pair in range(12):
        level, at = 0.06, START
        for _ in range(70):
            at += timedelta(hours=seed.choice([4, 4, 4, 4, 8, 30, 60]))
            level = min(max(level * seed.choice([0.7, 0.95, 1.1, 1.2, 1.3]), 0.01), 0.3)
            value = f"{level * seed.choice([1, 1, 1, 1, 4]):.3f}"
            kind = seed.choice(["自动"] * 9 + ["手工"])
            whole.append(f"A{pair},{at:%Y-%m-%d %H:%M},{kind},{value}")
            seed.choice(pieces).append(f"B{pair},{at:%Y-%m-%d %H:%M},{kind},{value}")
    codes = [f"{letter}{pair}" for letter in "AB" for pair in range(12)]
    lines = ["断面编码,断面名称,水体类型,水质目标", *(f"{code},{code}断面,河流,Ⅱ" for code in codes)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    load_and_warn(database, "sections", [path])
    for rows in (whole, *pieces):
        path.write_text("\n".join(["断面编码,采样时间,监测方式,总磷(mg/L)", *rows]) + "\n", encoding="utf-8")
        (report,) = load_and_warn(database, "readings", [path])
        assert report.rows_rejected == 0
    names = ("rule_id", "severity", "state", "started_at", "ended_at", "readings", "measured")

    def of(letter: str) -> list[Any]:
        return sorted(
            [
                warning["section"][1:],
                *(warning[name] for name in names[:-1]),
                warning["measured"]["value"],
            ]
            for warning in shown(database)
            if warning["section"].startswith(letter)
        )

    assert len(of("A")) > 20
    assert {found[1] for found in of("A")} >= {"limit-target", "jump"}
    assert of("B") == of("A")
    counts = run_warnings(database, START.date(), (START + timedelta(days=200)).date()).as_json()
    assert [counts[name] for name in ("opened", "extended", "reopened", "withdrawn")] == [0] * 4
