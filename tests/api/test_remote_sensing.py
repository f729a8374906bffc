"""Readings of remote sensing change no verdict, share, index or ranking, and stay where they belong."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from api.demo import load_sample, sample_manifest
from api.jobs import assessment_settings, gather_facts, rules_in_use
from ingest.loader import load_files
from ingest.report import UploadReport
from models import queries
from models.streaming import stream_readings
from spatial.period import parse_period
from tests.api.conftest import Cli, SilentTeller

TERRIBLE = {
    "pH": "9.9",
    "溶解氧(mg/L)": "0.1",
    "高锰酸盐指数(mg/L)": "90",
    "氨氮(mg/L)": "50",
    "总磷(mg/L)": "9",
    "总氮(mg/L)": "90",
    "叶绿素a(mg/L)": "0.9",
    "藻华面积比例(%)": "80",
}
ASKED: tuple[tuple[str, ...], ...] = (
    ("evaluate", "--as-of", "2024-01-01"),
    ("scoreboard", "--as-of", "2024-01-01"),
    ("assess", "--period", "2023"),
    ("assess", "--period", "2023-06", "--by", "river"),
    ("assess", "--period", "2023", "--by", "lake"),
    ("assess", "--period", "2023-Q2", "--by", "basin"),
    ("assess", "--period", "2023", "--by", "region"),
    ("assess", "--period", "2023", "--by", "nation", "--level", "national"),
    ("compare", "--period", "2023", "--by", "basin"),
    ("ranking", "--period", "2023"),
    ("ranking", "--period", "2023", "--what", "flood-intensity"),
    ("sources", "assess", "--period", "2023"),
    ("sources", "assess", "--period", "2023", "--by", "region"),
)


def load(engine: Engine, folder: Path, kind: str, rows: Sequence[Mapping[str, str]]) -> UploadReport:
    path = folder / f"{kind}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (report,) = load_files(engine, kind, [path])
    return report


def codes(report: UploadReport) -> set[str]:
    return {problem.code for problem in report.problems}


def remote_section(code: str, **facts: str) -> dict[str, str]:
    return {"断面编码": code, "断面名称": f"{code} 遥感", "监测方式": "遥感"} | facts


def answers(cli: Cli, engine: Engine) -> dict[tuple[str, ...], Any]:
    found = {}
    for command in ASKED:
        result = cli(*command, "--format", "json", database=engine)
        assert result.exit_code == 0, result.output
        found[command] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def filled(clone_database: Any) -> Engine:
    engine: Engine = clone_database()
    for _, report in load_sample(engine, sample_manifest(), SilentTeller()):
        assert report.rows_rejected == 0
    return engine


def test_no_answer_changes_when_remote_sensing_is_added(filled: Engine, cli: Cli, tmp_path: Path) -> None:
    before = answers(cli, filled)
    places = [
        {
            "所在河流": "长江",
            "水体编码": "YL-CJ",
            "水体类型": "河流",
            "行政区划代码": "500236",
            "所在地市": "重庆市",
        },
        {
            "所在河流": "清江",
            "水体编码": "YL-QJ",
            "水体类型": "河流",
            "行政区划代码": "420500",
            "所在地市": "宜昌市",
        },
        {"所在河流": "", "水体编码": "", "水体类型": "湖泊", "行政区划代码": "430600", "所在地市": "岳阳市"},
        {"所在河流": "", "水体编码": "", "水体类型": "湖泊", "行政区划代码": "510600", "所在地市": "德阳市"},
    ]
    level = {"流域": "长江流域", "断面级别": "国控", "水质目标": "Ⅱ"}
    sections = [remote_section(f"RS-{number}", **place, **level) for number, place in enumerate(places)]
    assert load(filled, tmp_path, "sections", sections).ok
    rows = [
        {"断面编码": f"RS-{number}", "采样时间": f"2023-{month:02d}-{day:02d} 11:00", "监测方式": said}
        | TERRIBLE
        for number in range(len(places))
        for month in range(1, 13)
        for day, said in ((5, "遥感"), (20, ""))
    ]
    report = load(filled, tmp_path, "readings", rows)
    assert report.ok
    assert report.readings_loaded == len(rows) * len(TERRIBLE)
    after = answers(cli, filled)
    for command in ASKED:
        assert after[command] == before[command], command


def test_a_reading_said_to_be_remote_at_a_measured_section_is_no_part_of_anything(
    filled: Engine, cli: Cli
) -> None:
    """The way in refuses such rows; the engine does not rely on that."""
    before = answers(cli, filled)
    with Session(filled) as session, session.begin():
        session.execute(
            text(
                "INSERT INTO qingjiang.readings (section_id, parameter, sampled_at, station_type, value,"
                " upload_id) SELECT DISTINCT section_id, p.code, timestamptz '2023-06-11 03:33+08',"
                " 'remote_sensing', p.value, min(r.upload_id) FROM qingjiang.readings r,"
                " (VALUES ('tp', 9), ('nh3_n', 50), ('cod_mn', 90), ('chl_a', 1)) p(code, value)"
                " WHERE r.station_type IS DISTINCT FROM 'remote_sensing' AND r.sampled_at >= '2023-06-01'"
                " AND r.sampled_at < '2023-07-01' GROUP BY section_id, p.code, p.value"
            )
        )
    after = answers(cli, filled)
    for command in ASKED:
        assert after[command] == before[command], command


def test_rules_and_streams_know_what_is_remote(filled: Engine, tmp_path: Path) -> None:
    load(filled, tmp_path, "sections", [remote_section("RS-STREAM", 水体类型="湖泊")])
    rows = [
        {"断面编码": "RS-STREAM", "采样时间": f"2021-03-0{day} 11:00", "叶绿素a(mg/L)": "0.02"}
        for day in (1, 2)
    ]
    assert load(filled, tmp_path, "readings", rows).ok
    period = parse_period("2021-03")
    with Session(filled) as session:
        frame = queries.readings_between(session, period.starts_at, period.ends_before)
        assert set(frame["station_type"]) == {"remote_sensing"}
        batches = list(stream_readings(session, period.starts_at, period.ends_before))
    assert {one for batch in batches for one in batch.column("station_type").to_pylist()} == {
        "remote_sensing"
    }
    with Session(filled) as session:
        rulebook = rules_in_use()
        assert not assessment_settings(rulebook).use_remote_sensing
        facts = gather_facts(session, rulebook, sample_manifest().as_of, None)
    assert not set(facts.sections["station_type"].dropna()) & {"remote_sensing"}


def test_a_file_of_derived_values_is_classified_as_nothing(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    lines = [
        f"S,{day},{said},7.5,8,1.5,0.1,0.05" for day, said in (("2023-06-05", "手工"), ("2023-06-06", "遥感"))
    ]
    head = "断面编码,采样时间,监测方式,pH,溶解氧(mg/L),高锰酸盐指数(mg/L),氨氮(mg/L),总磷(mg/L)"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    result = cli("classify", path, "--target", "3", "--format", "json")
    first, second = json.loads(result.stdout)
    assert (first["class"], first["verdict"]) == (2, "compliant")
    assert (second["class"], second["verdict"]) == (None, "undetermined")


# --- the way in ---


@pytest.fixture
def lake(fresh_database: Engine, tmp_path: Path) -> Engine:
    known = {"断面编码": "S1", "断面名称": "湖心", "监测方式": "手工"}
    assert load(fresh_database, tmp_path, "sections", [known, remote_section("R1")]).ok
    return fresh_database


def row(section: str, said: str, value: str = "0.02") -> dict[str, str]:
    return {"断面编码": section, "采样时间": "2023-06-05 11:00", "监测方式": said, "叶绿素a(mg/L)": value}


def test_derived_values_are_refused_where_something_is_measured(lake: Engine, tmp_path: Path) -> None:
    report = load(lake, tmp_path, "readings", [row("S1", "遥感")])
    assert codes(report) == {"remote_sensing_elsewhere"}


@pytest.mark.parametrize("said", ["手工", "自动"])
def test_measured_values_are_refused_where_images_speak(lake: Engine, tmp_path: Path, said: str) -> None:
    assert codes(load(lake, tmp_path, "readings", [row("R1", said)])) == {"remote_sensing_only"}


def test_values_that_do_not_say_are_what_their_section_is(lake: Engine, tmp_path: Path) -> None:
    assert load(lake, tmp_path, "readings", [row("R1", ""), row("S1", "")]).ok
    with Session(lake) as session:
        stored = session.execute(
            text(
                "SELECT s.code, r.station_type FROM qingjiang.readings r"
                " JOIN qingjiang.section_registry s ON s.id = r.section_id ORDER BY s.code"
            )
        )
        assert [tuple(one) for one in stored] == [("R1", "remote_sensing"), ("S1", None)]


def test_a_section_stays_measured_or_derived(lake: Engine, tmp_path: Path) -> None:
    turned = load(lake, tmp_path, "sections", [remote_section("S1")])
    assert codes(turned) == {"remote_sensing_section"}
    back = load(lake, tmp_path, "sections", [{"断面编码": "R1", "断面名称": "R1 遥感", "监测方式": "手工"}])
    assert codes(back) == {"remote_sensing_fixed"}
    again = load(lake, tmp_path, "sections", [remote_section("R1", 水体类型="湖泊")])
    assert again.ok


def test_a_feed_by_this_name_keeps_remote_sensing_away(fresh_database: Engine, tmp_path: Path) -> None:
    fed = {"省份": "江苏省", "断面名称": "湖心", "监测时间": "2023-06-05 12:00", "总磷(mg/L)": "0.05"}
    assert load(fresh_database, tmp_path, "readings", [fed]).ok
    same = {"断面编码": "R2", "断面名称": "湖心", "省份": "江苏省", "监测方式": "遥感"}
    assert codes(load(fresh_database, tmp_path, "sections", [same])) == {"remote_sensing_section"}
