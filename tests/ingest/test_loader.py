# ruff: noqa: S608 - the only texts put into SQL are names of our own tables
"""Loading into PostGIS: whole or not at all, every row accounted for, twice is once."""

import csv
import hashlib
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from api.catalogue import Catalogue, Language
from ingest import loader, readings_load
from ingest.errors import LoadConflictError, MissingColumnsError, OptionError
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.report import UploadReport
from models import loading
from models.uploads import fail_dead_uploads
from tests.ingest.conftest import Write
from tests.ingest.test_features import SAMPLES

ROOT = Path(__file__).parents[2]
FEED = {"省份": "湖北省", "断面名称": "沌口", "监测时间": "2023-06-30 08:00", "站点情况": "正常"}
POND = {"code": "W1", "name": "甲库", "status": "在用"}


def load(engine: Engine, kind: str, path: Path, **options: Any) -> UploadReport:
    (report,) = load_files(engine, kind, [path], IngestOptions(**options), text=Catalogue().text)
    return report


def counts(report: UploadReport) -> tuple[int, int, int, int]:
    return report.rows_read, report.rows_loaded, report.rows_duplicate, report.rows_rejected


def ask(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def codes(report: UploadReport) -> list[tuple[int, str]]:
    return [(problem.row, problem.code) for problem in report.problems]


def feed(*rows: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [FEED | dict(row) for row in rows]


# -- inventories -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_every_kind_is_loaded_once_and_known_the_second_time(
    fresh_database: Engine, write: Write, kind: str
) -> None:
    paths = [write(f"{kind}.csv", [SAMPLES[kind][0]]), write(f"{kind}.gpkg", [SAMPLES[kind][0]])]
    table = "ledger_events" if kind == "ledger" else kind
    assert counts(load(fresh_database, kind.replace("_", "-"), paths[0])) == (1, 1, 0, 0)
    assert counts(load(fresh_database, kind, paths[0])) == (1, 0, 1, 0)
    assert counts(load(fresh_database, kind, paths[1])) == (1, 0, 1, 0)
    assert ask(fresh_database, f"SELECT count(*) FROM qingjiang.{table}") == [(1,)]


def test_other_facts_of_a_known_code_are_a_new_version_and_the_old_one_stays(
    fresh_database: Engine, write: Write
) -> None:
    for status in ("在用", "停用", "停用"):
        load(fresh_database, "tailings_ponds", write("w.csv", [POND | {"status": status}]))
    assert ask(fresh_database, "SELECT status FROM qingjiang.tailings_ponds ORDER BY id") == [
        ("in_use",),
        ("out_of_use",),
    ]


def test_going_back_to_earlier_facts_is_a_version_too(fresh_database: Engine, write: Write) -> None:
    for status in ("在用", "停用", "在用"):
        report = load(fresh_database, "tailings_ponds", write("w.csv", [POND | {"status": status}]))
        assert report.rows_loaded == 1


def test_a_shoreline_is_one_version_of_all_its_pieces(fresh_database: Engine, write: Write) -> None:
    pieces = [
        {
            "water_body_code": "W",
            "rank": "mainstem",
            "geometry": shapely.LineString([(111 + x, 30), (111.5 + x, 30)]),
        }
        for x in (0, 1)
    ]
    assert counts(load(fresh_database, "shorelines", write("a.geojson", pieces))) == (2, 2, 0, 0)
    assert counts(load(fresh_database, "shorelines", write("b.geojson", pieces[::-1]))) == (2, 0, 2, 0)
    assert counts(load(fresh_database, "shorelines", write("c.geojson", pieces[:1]))) == (1, 1, 0, 0)
    assert ask(fresh_database, "SELECT count(*), count(DISTINCT version_hash) FROM qingjiang.shorelines") == [
        (3, 2)
    ]


def test_a_file_with_a_bad_row_loads_nothing_and_is_kept_in_the_books(
    fresh_database: Engine, write: Write
) -> None:
    path = write("w.csv", [POND, {"code": "W2", "name": "", "status": "坏"}])
    report = load(fresh_database, "tailings_ponds", path)
    assert counts(report) == (2, 0, 0, 1)
    assert report.rows_held == 1
    assert codes(report) == [(3, "value_missing"), (3, "choice_unknown")]
    assert [notice.code for notice in report.notices] == ["good_rows_held_back"]
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.tailings_ponds") == [(0,)]
    assert ask(
        fresh_database, "SELECT id, state, rows_read, rows_rejected, report->>'file' FROM qingjiang.uploads"
    ) == [(report.upload_id, "rejected", 2, 1, "w.csv")]
    ((errors, original),) = ask(fresh_database, "SELECT errors, original FROM qingjiang.rejected_rows")
    assert original == {"code": "W2", "name": "", "status": "坏"}
    assert {error["code"] for error in errors} == {"value_missing", "choice_unknown"}
    assert all(error["message"] for error in errors)


def test_partial_loads_the_good_rows(fresh_database: Engine, write: Write) -> None:
    path = write("w.csv", [POND, {"code": "W2", "name": "", "status": "坏"}])
    assert counts(load(fresh_database, "tailings_ponds", path, partial=True)) == (2, 1, 0, 1)
    assert counts(load(fresh_database, "tailings_ponds", path, partial=True)) == (2, 0, 1, 1)
    assert ask(fresh_database, "SELECT code FROM qingjiang.tailings_ponds") == [("W1",)]


def test_a_dry_run_reports_everything_and_writes_nothing(fresh_database: Engine, write: Write) -> None:
    report = load(fresh_database, "tailings_ponds", write("w.csv", [POND]), dry_run=True)
    assert (counts(report), report.upload_id) == ((1, 1, 0, 0), None)
    for table in ("tailings_ponds", "uploads"):
        assert ask(fresh_database, f"SELECT count(*) FROM qingjiang.{table}") == [(0,)]


def test_rejects_come_back_in_the_files_own_columns_with_the_reason(
    fresh_database: Engine, write: Write, tmp_path: Path
) -> None:
    path = write("w.csv", [{"编码": "W1", "名称": "甲", "运行状态": "坏"}, {"编码": "W2", "名称": "乙"}])
    out = tmp_path / "rejects.csv"
    load(fresh_database, "tailings_ponds", path, partial=True, rejects=out)
    with out.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert list(row) == ["编码", "名称", "运行状态", "原因"]
    assert row["编码"] == "W1"
    assert row["原因"].startswith("运行状态: ")


def test_the_original_coordinates_are_kept_with_the_row(fresh_database: Engine, write: Write) -> None:
    path = write("p.csv", [{"code": "P", "name": "甲", "经度": "114°18′18″", "纬度": "30°35′33″"}])
    load(fresh_database, "outfalls", path)
    assert ask(
        fresh_database, "SELECT original, ST_SRID(geometry), ST_X(geometry) FROM qingjiang.outfalls"
    ) == [({"coordinates": {"经度": "114°18′18″", "纬度": "30°35′33″"}}, 4490, 114.305)]


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE qingjiang.outfalls; --", "\\N", "a\\tb\\", "甲\t乙", "%s %(x)s :x {x}"]
)
def test_a_hostile_name_is_a_name(fresh_database: Engine, write: Write, name: str) -> None:
    path = write("p.csv", [{"code": "P", "name": name, "responsible": name}])
    assert counts(load(fresh_database, "outfalls", path)) == (1, 1, 0, 0)
    assert ask(fresh_database, "SELECT name FROM qingjiang.outfalls") == [(" ".join(name.split()),)]


def test_an_unusable_file_raises_and_leaves_no_trace(fresh_database: Engine, write: Write) -> None:
    with pytest.raises(MissingColumnsError):
        load(fresh_database, "outfalls", write("p.csv", [{"甲": "1"}]))
    with pytest.raises(OptionError):
        load(fresh_database, "castles", write("p.csv", [{"甲": "1"}]))
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.uploads") == [(0,)]


def test_an_exception_in_the_middle_leaves_no_row_and_a_failed_upload(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = loading.copy_readings

    def break_off(*args: Any) -> None:
        written(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "copy_readings", break_off)
    with pytest.raises(KeyboardInterrupt):
        load(fresh_database, "readings", write("r.csv", feed({"pH": "7"})))
    for table in ("readings", "section_registry"):
        assert ask(fresh_database, f"SELECT count(*) FROM qingjiang.{table}") == [(0,)]
    assert ask(fresh_database, "SELECT state FROM qingjiang.uploads") == [("failed",)]


def test_what_the_database_refuses_is_an_error_of_ours(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "_version_hashes", lambda frame: ["no hash"] * len(frame))
    shore = {"water_body_code": "W", "rank": "lake", "geometry": shapely.box(112, 29, 113, 30)}
    with pytest.raises(LoadConflictError):
        load(fresh_database, "shorelines", write("s.geojson", [shore]))
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.shorelines") == [(0,)]


def test_real_shorelines_are_stored_whole(fresh_database: Engine, shared_data: Path) -> None:
    path = shared_data / "geometry" / "ne_10m_lakes_yangtze_bbox.geojson"
    report = load(fresh_database, "shorelines", path, rank="lake", source="Natural Earth")
    assert report.rows_read == 71
    assert report.rows_loaded == 71
    assert ask(fresh_database, "SELECT DISTINCT rank, source FROM qingjiang.shorelines") == [
        ("lake", "Natural Earth")
    ]


# -- readings --------------------------------------------------------------------------------------------


def test_readings_are_stored_with_their_four_facts(fresh_database: Engine, write: Write) -> None:
    rows = feed({"pH": "8", "原始值_pH": "8.073", "总磷(μg/L)": "50L"})
    report = load(fresh_database, "readings", write("r.csv", rows))
    assert (counts(report), report.readings_loaded) == ((1, 1, 0, 0), 2)
    found = ask(
        fresh_database,
        "SELECT parameter, value::text, full_value::text, qualifier, detection_limit::text, raw,"
        " station_status,"
        " source_row, sampled_at = '2023-06-30 08:00+08' FROM qingjiang.readings ORDER BY parameter",
    )
    assert found == [
        ("ph", "8", "8.073", "=", None, "8", "正常", 2, True),
        ("tp", "0.050", None, "<", "0.050", "50L", "正常", 2, True),
    ]


def test_a_section_that_only_a_feed_names_is_provisional_and_adopted_by_its_code(
    fresh_database: Engine, write: Write
) -> None:
    report = load(fresh_database, "readings", write("r.csv", feed({"pH": "8"})))
    (notice,) = report.notices
    assert (notice.code, notice.params["count"]) == ("sections_provisional", 1)
    assert ask(fresh_database, "SELECT code, provisional FROM qingjiang.section_registry") == [
        ("湖北省/沌口", True)
    ]
    sections = [{"code": "S1", "name": "沌口", "province": "湖北省"}]
    adopted = load(fresh_database, "sections", write("s.csv", sections))
    assert [notice.code for notice in adopted.notices] == ["section_adopted"]
    assert ask(
        fresh_database,
        "SELECT s.code, s.provisional, count(*) FROM qingjiang.readings r"
        " JOIN qingjiang.section_registry s ON s.id = r.section_id GROUP BY 1, 2",
    ) == [("S1", False, 1)]
    again = load(
        fresh_database, "readings", write("r2.csv", feed({"pH": "8"}, {"断面名称": "S1x", "pH": "7"}))
    )
    assert counts(again) == (2, 1, 1, 0)


def test_readings_move_where_the_adopting_code_has_a_number_already(
    fresh_database: Engine, write: Write
) -> None:
    load(fresh_database, "sections", write("s.csv", [{"code": "S1", "name": "沌口"}]))
    load(fresh_database, "readings", write("r.csv", feed({"pH": "8"})))
    report = load(
        fresh_database, "sections", write("s2.csv", [{"code": "S1", "name": "沌口", "province": "湖北省"}])
    )
    assert [notice.code for notice in report.notices] == ["section_adopted"]
    assert ask(
        fresh_database,
        "SELECT DISTINCT s.code FROM qingjiang.readings r"
        " JOIN qingjiang.section_registry s ON s.id = r.section_id",
    ) == [("S1",)]


def test_names_that_repeat_across_provinces_need_one(fresh_database: Engine, write: Write) -> None:
    sections = [
        {"code": f"S{n}", "name": "码头", "province": province}
        for n, province in enumerate(("北京市", "湖北省"))
    ]
    load(fresh_database, "sections", write("s.csv", sections))
    rows = feed(
        {"断面名称": "码头", "省份": "", "pH": "7"},
        {"断面名称": "码头", "省份": "湖北省", "pH": "7"},
        {"断面名称": "无名", "省份": "", "pH": "7"},
    )
    report = load(fresh_database, "readings", write("r.csv", rows), partial=True)
    assert codes(report) == [(2, "section_ambiguous"), (4, "section_unknown")]
    assert "S0 (北京市), S1 (湖北省)" in report.problems[0].params["candidates"]
    assert counts(report) == (3, 1, 0, 2)


def test_an_unknown_code_is_refused_with_a_reason(fresh_database: Engine, write: Write) -> None:
    report = load(fresh_database, "readings", write("r.csv", feed({"断面编码": "S9", "pH": "7"})))
    assert codes(report) == [(2, "section_code_unknown")]


def test_repeated_rows_are_counted_and_conflicting_ones_all_refused(
    fresh_database: Engine, write: Write
) -> None:
    rows = feed(
        {"pH": "7", "总磷": "0.10"},
        {"pH": "7.0", "总磷": "0.1"},
        {"断面名称": "甲", "pH": "7", "总磷": "0.1"},
        {"断面名称": "甲", "pH": "7", "总磷": "0.2"},
        {"断面名称": "乙", "pH": "7", "总磷": "--"},
        {"断面名称": "乙", "pH": "7", "总磷": "0.2"},
    )
    path = write("r.csv", rows)
    report = load(fresh_database, "readings", path, partial=True)
    assert codes(report) == [(4, "reading_conflict_in_file"), (5, "reading_conflict_in_file")]
    assert report.problems[0].params == {"others": "5"}
    assert (counts(report), report.readings_loaded) == ((6, 3, 1, 2), 4)
    assert counts(load(fresh_database, "readings", path, partial=True)) == (6, 0, 4, 2)


def test_a_value_that_differs_from_the_stored_one_names_where_that_came_from(
    fresh_database: Engine, write: Write
) -> None:
    first = load(fresh_database, "readings", write("first.csv", feed({"pH": "7", "总磷": "0.1"})))
    rows = feed({"pH": "7", "总磷": "0.2", "氨氮": "1"}, {"pH": "7", "氨氮": "1"})
    report = load(fresh_database, "readings", write("second.csv", rows), partial=True)
    (problem,) = report.problems
    assert (problem.row, problem.column, problem.code) == (2, "总磷", "reading_conflict_stored")
    assert problem.value == "0.2"
    assert problem.params == {"stored": "0.1", "file": "first.csv", "upload": first.upload_id, "other": 2}
    # The refused row's ammonia came with another row as well, and that one is good.
    assert (counts(report), report.readings_loaded) == ((2, 1, 0, 1), 1)


def test_rows_without_values_but_with_a_status_are_kept(fresh_database: Engine, write: Write) -> None:
    rows = feed(
        {"pH": "--", "站点情况": "维护"},
        {"pH": "--", "监测时间": "", "站点情况": "停站", "抓取时间": "2023-06-30 12:00:00"},
        {"pH": "--", "监测时间": "*", "站点情况": "停站", "抓取时间": ""},
        {"pH": "*", "站点情况": ""},
        {"pH": "7", "监测时间": "--", "抓取时间": ""},
    )
    path = write("r.csv", rows)
    report = load(fresh_database, "readings", path, partial=True)
    assert codes(report) == [(4, "status_without_time"), (5, "row_without_values"), (6, "time_missing")]
    assert (counts(report), report.readings_loaded) == ((5, 2, 0, 3), 0)
    assert ask(fresh_database, "SELECT status FROM qingjiang.section_statuses ORDER BY observed_at") == [
        ("维护",),
        ("停站",),
    ]
    assert counts(load(fresh_database, "readings", path, partial=True)) == (5, 0, 2, 3)


def test_long_rows_are_accounted_for_one_by_one(fresh_database: Engine, write: Write) -> None:
    base = {"断面名称": "沌口", "省份": "湖北省", "采样时间": "2023-06-30"}
    rows = [
        base | {"监测项目": "总磷", "监测值": "0.05"},
        base | {"监测项目": "氨氮", "监测值": "1..2"},
        base | {"监测项目": "仙气", "监测值": "1"},
        base | {"监测项目": "总磷", "监测值": "0.050"},
        base | {"监测项目": "汞", "监测值": ""},
    ]
    report = load(fresh_database, "readings", write("r.csv", rows), partial=True)
    assert codes(report) == [(3, "value_unreadable"), (4, "parameter_unknown"), (6, "row_without_values")]
    assert (counts(report), report.readings_loaded) == ((5, 1, 1, 3), 1)


KILLED = """
import os, signal, sys
from pathlib import Path
from ingest.loader import load_files
from models import loading
from models.database import create_database_engine

written = loading.copy_readings
loading.copy_readings = lambda *args: (written(*args), os.kill(os.getpid(), signal.SIGKILL))
load_files(create_database_engine(sys.argv[1]), "readings", [Path(sys.argv[2])])
"""


def test_a_process_killed_in_the_middle_leaves_nothing_and_the_next_load_is_whole(
    fresh_database: Engine, write: Write
) -> None:
    path = write("r.csv", feed({"pH": "7"}, {"断面名称": "甲", "pH": "8"}))
    url = fresh_database.url.render_as_string(hide_password=False)
    killed = subprocess.run([sys.executable, "-c", KILLED, url, str(path)], check=False, cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    for table in ("readings", "section_registry"):
        assert ask(fresh_database, f"SELECT count(*) FROM qingjiang.{table}") == [(0,)]
    uploads = "SELECT state, finished_at IS NULL FROM qingjiang.uploads ORDER BY id"
    assert ask(fresh_database, uploads) == [("loading", True)]
    wait_until_nobody_holds(fresh_database)
    assert counts(load(fresh_database, "readings", path)) == (2, 2, 0, 0)
    assert ask(fresh_database, uploads) == [("failed", False), ("loaded", False)]


def wait_until_nobody_holds(engine: Engine) -> None:
    """PostgreSQL notices in its own time that a client is gone."""
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
    for _ in range(200):
        if ask(
            engine, f"{held} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ) == [(0,)]:
            return
        time.sleep(0.05)
    raise AssertionError("a lock is still held")


def test_a_load_that_lives_is_not_taken_for_dead(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    written = loading.copy_readings

    def look_meanwhile(*arguments: Any) -> None:
        written(*arguments)
        with Session(fresh_database) as session, session.begin():
            seen.append(fail_dead_uploads(session))

    monkeypatch.setattr(loading, "copy_readings", look_meanwhile)
    report = load(fresh_database, "readings", write("r.csv", feed({"pH": "7"})))
    assert seen == [[]]
    assert ask(fresh_database, "SELECT id, state FROM qingjiang.uploads") == [(report.upload_id, "loaded")]
    wait_until_nobody_holds(fresh_database)


def test_a_load_that_breaks_off_lets_go_of_its_upload(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(loading, "copy_readings", broken)
    with pytest.raises(RuntimeError, match="the disk is full"):
        load(fresh_database, "readings", write("r.csv", feed({"pH": "7"})))
    assert ask(fresh_database, "SELECT state FROM qingjiang.uploads") == [("failed",)]
    wait_until_nobody_holds(fresh_database)


def test_an_upload_keeps_the_hash_of_its_mapping_and_not_only_the_name(
    fresh_database: Engine, write: Write, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[columns]\nsection = "点位"\nsampled_at = "何时"\nph = "酸碱"\n', encoding="utf-8")
    path = write("r.csv", [{"点位": "S1", "何时": "2023-06-01", "酸碱": "7", "省份": "湖北省"}])
    load(fresh_database, "readings", path, mapping=str(own), partial=True)
    ((options,),) = ask(fresh_database, "SELECT options FROM qingjiang.uploads")
    assert options["mapping"] == "own.toml"
    assert options["mapping_sha256"] == hashlib.sha256(own.read_bytes()).hexdigest()


def test_two_loaders_at_once_end_like_one(fresh_database: Engine, write: Write) -> None:
    rows = feed(*({"断面名称": f"断面{n}", "pH": "7", "总磷": "0.1"} for n in range(300)))
    path = write("r.csv", rows)
    reports: list[UploadReport] = []
    threads = [
        threading.Thread(target=lambda: reports.append(load(fresh_database, "readings", path)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(report.rows_loaded for report in reports) == [0, 0, 300]
    assert sorted(report.rows_duplicate for report in reports) == [0, 300, 300]
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.readings") == [(600,)]


def test_every_message_of_a_report_is_filled_in_both_languages(fresh_database: Engine, write: Write) -> None:
    rows = feed(
        {"pH": "71", "总磷": "-1", "氨氮": "1..2", "氰化物": "ND"},
        {"监测时间": "13-45", "pH": "7"},
        {"pH": ""},
    )
    report = load(fresh_database, "readings", write("r.csv", rows))
    for language in Language:
        document = report.as_json(Catalogue(language).text)
        assert all(error["message"] and "{" not in error["message"] for error in document["errors"])
    assert {"upload_id", "kind", "file_sha256", "rows_read", "rows_loaded", "rows_duplicate", "rows_rejected",
            "readings_loaded", "errors", "warnings"} <= document.keys()  # fmt: skip
    assert all(error.keys() == {"row", "column", "value", "code", "message"} for error in document["errors"])


def test_the_real_month_is_loaded_with_every_row_accounted_for(
    fresh_database: Engine, shared_data: Path
) -> None:
    """12 169 rows, 362 of them without a time; the other counts come from plain loops over the file."""
    path = shared_data / "water_quality" / "cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz"
    report = load(fresh_database, "readings", path, partial=True)
    assert counts(report) == (12_169, 10_495, 902, 772)
    reasons = Counter(dict(codes(report)).values())
    assert reasons == {"reading_conflict_in_file": 410, "status_without_time": 279, "time_missing": 83}
    stored = ask(fresh_database, "SELECT count(*) FROM qingjiang.readings")
    assert stored == [(report.readings_loaded,)]
    again = load(fresh_database, "readings", path, partial=True)
    assert (counts(again), again.readings_loaded) == ((12_169, 0, 11_397, 772), 0)
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.readings") == stored


def test_a_new_section_told_of_in_two_blocks_is_accounted_for_row_by_row(
    fresh_database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going through the file again gives a new section another number; its rows are known all the same."""
    monkeypatch.setattr("ingest.blocks.BLOCK_ROWS", 2)
    head = "省份,断面名称,监测时间,监测项目,监测值\n"
    said = [("水温", 1), ("pH", 7), ("水温", 2), ("pH", 7), ("总磷", "0.1")]
    rows = "".join(f"湖北省,新断面,2023-03-08 10:00,{name},{value}\n" for name, value in said)
    path = tmp_path / "long.csv"
    path.write_text(head + rows, encoding="utf-8")
    report = load(fresh_database, "readings", path, partial=True)
    assert codes(report) == [(2, "reading_conflict_in_file"), (4, "reading_conflict_in_file")]
    assert counts(report) == (5, 2, 1, 2)
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.readings") == [(2,)]


@pytest.mark.parametrize(
    ("policy", "in_file", "stored"),
    [("keep", "first_row", "kept"), ("replace", "last_row", "replaced")],
)
def test_of_very_many_conflicts_the_first_are_told_and_the_others_counted(
    fresh_database: Engine,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    policy: Any,
    in_file: str,
    stored: str,
) -> None:
    monkeypatch.setattr(readings_load, "CONFLICTS_TOLD", 4)
    names = [f"断面{number}" for number in range(8)]
    load(fresh_database, "readings", write("a.csv", feed(*({"断面名称": name, "pH": "7"} for name in names))))
    rows = feed(
        *({"断面名称": name, "pH": value} for name in names[:6] for value in ("7.5", "7.6")),
        *({"断面名称": name, "pH": "8"} for name in names[6:]),
    )
    report = load(fresh_database, "readings", write("b.csv", rows), on_conflict=policy)
    told = Counter(notice.code for notice in report.notices)
    assert told[f"reading_conflict_{in_file}"] == told[f"reading_conflict_{stored}"] == 4
    further = {n.code: n.params["count"] for n in report.notices if n.code.endswith("_more")}
    # Twelve rows contradict each other in the file, and all fourteen differ from what is stored.
    assert further[f"reading_conflict_{in_file}_more"] == 12 - 4
    assert further[f"reading_conflict_{stored}_more"] == 14 - 4
    assert report.rows_read == report.rows_loaded + report.rows_duplicate == 14
    values = {"keep": [7] * 8, "replace": [Decimal("7.6")] * 6 + [Decimal(8)] * 2}
    assert [
        value
        for (value,) in ask(
            fresh_database,
            "SELECT DISTINCT ON (r.section_id) r.value FROM qingjiang.readings r"
            " JOIN qingjiang.section_registry s ON s.id = r.section_id"
            " ORDER BY r.section_id, r.revision DESC",
        )
    ] == values[policy]
