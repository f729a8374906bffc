"""Files read and loaded in blocks: where a block begins changes nothing, nor does who else is loading."""

import gzip
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from api.catalogue import Catalogue, Language
from ingest import blocks
from ingest.blocks import BlockSource
from ingest.errors import TooLargeError, UnknownFormatError, WrongEncodingError
from ingest.headers import count_known
from ingest.loader import load_files
from ingest.options import IngestOptions, Limits
from ingest.readers import TITLE_ROWS, RawTable, read_table
from ingest.readings import readings_names
from ingest.report import UploadReport
from tests.ingest.conftest import Write, as_csv

ROOT = Path(__file__).parents[2]
FEED = {"省份": "湖北省", "断面名称": "沌口", "监测时间": "2023-06-30 08:00", "站点情况": "正常"}
MONTH = "cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz"


def feed(*rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [FEED | dict(row) for row in rows]


def load(engine: Engine, path: Path, **options: Any) -> UploadReport:
    (report,) = load_files(engine, "readings", [path], IngestOptions(**options), text=Catalogue().text)
    return report


def counts(report: UploadReport) -> tuple[int, int, int, int]:
    return report.rows_read, report.rows_loaded, report.rows_duplicate, report.rows_rejected


def codes(report: UploadReport) -> list[tuple[int, str]]:
    return [(problem.row, problem.code) for problem in report.problems]


def ask(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def score(row: Any) -> int:
    return count_known(row, readings_names())


def source(path: Path, **options: Any) -> BlockSource:
    return BlockSource(path, IngestOptions(**options), score)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two rows; every text file is long."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)


def assert_same(path: Path, whole: RawTable, parts: list[RawTable]) -> None:
    assert {part.columns for part in parts} == {whole.columns}, path
    assert np.concatenate([part.rows for part in parts]).tolist() == whole.rows.tolist()
    for place, column in enumerate(whole.cells):
        assert [cell for part in parts for cell in part.cells[place]] == column
    overlong = [(int(part.rows[place]), beyond) for part in parts for place, beyond in part.overlong]
    assert overlong == [(int(whole.rows[place]), beyond) for place, beyond in whole.overlong]


ROWS = feed(
    *(
        {"断面名称": f"断面{n}", "pH": "7", "备注": '引号"与\n换行' if n % 9 == 3 else ""}
        for n in range(4 * TITLE_ROWS + 17)
    )
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["", ".gz", ".zip"])
@pytest.mark.usefixtures("small_blocks")
def test_a_streamed_file_has_the_rows_of_the_whole_one(tmp_path: Path, encoding: str, ending: str) -> None:
    title = "某某市水质月报,,\r\n\r\n"
    data = (title + as_csv(ROWS) + "\r\n甲,乙,丙,丁,戊,己,多,余\r\n").encode(encoding)
    path = tmp_path / f"r.csv{ending}"
    if ending == ".gz":
        path.write_bytes(gzip.compress(data))
    elif ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("r.csv", data)
    else:
        path.write_bytes(data)
    found = source(path)
    parts = list(found)
    assert len(parts) > 3
    assert_same(path, read_table(path, IngestOptions(), score), parts)
    assert list(found)[-1].rows.tolist() == parts[-1].rows.tolist()
    (cells,) = found.cells_of(np.array([6]))
    assert cells[1]["断面名称"] == "断面2"


def test_the_real_month_is_streamed_as_it_is_read(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared_data / "water_quality" / MONTH
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 5_000)
    parts = list(source(path))
    assert [len(part) for part in parts] == [4_999, 5_000, 2_170]
    assert_same(path, read_table(path, IngestOptions(), score), parts)


@pytest.mark.usefixtures("small_blocks")
def test_a_long_file_that_is_no_table_of_text_is_refused_on_opening(tmp_path: Path) -> None:
    good = as_csv(ROWS).encode()
    path = tmp_path / "r.csv"
    path.write_bytes(good + b"\xff\xff\n")
    with pytest.raises(WrongEncodingError):
        source(path)
    path.write_bytes(good)
    with pytest.raises(WrongEncodingError):
        source(path, encoding="ascii")
    path.write_bytes(good + b"\x00\n")
    with pytest.raises(UnknownFormatError):
        source(path)
    path.write_bytes(good)
    with pytest.raises(TooLargeError):
        source(path, limits=Limits(streamed_bytes=100))
    packed = tmp_path / "p.csv.gz"
    packed.write_bytes(gzip.compress(good * 50))
    with pytest.raises(TooLargeError):
        source(packed, limits=Limits(streamed_bytes=1_000))
    packed.write_bytes(gzip.compress(good)[:-20])
    with pytest.raises(UnknownFormatError):
        source(packed)


@pytest.mark.parametrize("ending", [".gz", ".zip"])
@pytest.mark.usefixtures("small_blocks")
def test_a_long_file_that_unpacks_out_of_proportion_is_refused_before_any_row(
    tmp_path: Path, ending: str
) -> None:
    data = as_csv([ROWS[0]] * 5_000).encode()
    path = tmp_path / f"r.csv{ending}"
    if ending == ".gz":
        path.write_bytes(gzip.compress(data))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("r.csv", data)
    assert len(data) > 50 * path.stat().st_size
    within = Limits(packing_ratio=50, packing_ratio_from_bytes=len(data))
    assert sum(map(len, source(path, limits=within))) == 5_000
    with pytest.raises(TooLargeError) as refused:
        source(path, limits=replace(within, packing_ratio_from_bytes=len(data) - 1))
    assert refused.value.code == "file_unpacks_too_large"


@pytest.mark.usefixtures("small_blocks")
def test_a_long_file_in_an_archive_is_the_only_one_and_no_archive_itself(tmp_path: Path) -> None:
    data = as_csv(ROWS).encode()
    path = tmp_path / "r.zip"

    def zipped(**members: bytes) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
        return path

    found = source(zipped(data__=b"", data__r_dot_csv=data, data___dot_r_dot_csv=b"\0"))
    assert sum(map(len, found)) == len(ROWS)
    for refused in (
        {"r_dot_csv_dot_gz": gzip.compress(data)},
        {"r_dot_zip": path.read_bytes()},
        {"a_dot_csv": data, "b_dot_csv": data},
    ):
        with pytest.raises(UnknownFormatError):
            source(zipped(**refused))
    locked = bytearray(zipped(r_dot_csv=data).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    path.write_bytes(locked)
    with pytest.raises(UnknownFormatError, match="encrypted"):
        source(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("whole_bytes", [0, 1 << 24])
def test_utf16_without_a_mark_is_read_also_where_most_of_it_is_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, whole_bytes: int
) -> None:
    monkeypatch.setattr(blocks, "WHOLE_BYTES", whole_bytes)
    rows = feed(*({"pH": "7", "备注": "一类水质，监测一切正常" * 30} for _ in range(50)))
    path = tmp_path / "r.csv"
    path.write_bytes(as_csv(rows).encode(encoding))
    (table,) = source(path)
    assert table.columns == tuple(rows[0])
    assert table.row_cells(49) == rows[49]


# -- loading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_rows", [700, 5_000])
def test_the_real_month_in_blocks_is_accounted_for_like_the_whole(
    fresh_database: Engine, shared_data: Path, monkeypatch: pytest.MonkeyPatch, block_rows: int
) -> None:
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", block_rows)
    path = shared_data / "water_quality" / MONTH
    report = load(fresh_database, path, partial=True)
    assert counts(report) == (12_169, 10_495, 902, 772)
    reasons = Counter(dict(codes(report)).values())
    assert reasons == {"reading_conflict_in_file": 410, "status_without_time": 279, "time_missing": 83}
    stored = ask(fresh_database, "SELECT count(*) FROM qingjiang.readings")
    assert stored == [(report.readings_loaded,)]
    assert counts(load(fresh_database, path, partial=True)) == (12_169, 0, 11_397, 772)
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.readings") == stored


@pytest.mark.parametrize("block_rows", [1, 2, 3, 100])
def test_a_conflict_across_blocks_refuses_both_rows_and_frees_what_they_held_back(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch, block_rows: int
) -> None:
    """Rows 2 and 5 differ in pH; the oxygen of row 2 is good in row 6, which must not go with it."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", block_rows)
    rows = feed(
        {"pH": "7", "溶解氧": "8"},
        {"断面名称": "甲", "pH": "7", "溶解氧": "8"},
        {"断面名称": "乙", "pH": "7", "溶解氧": "8"},
        {"pH": "7.1", "溶解氧": "--"},
        {"pH": "--", "溶解氧": "8.0"},
        {"断面名称": "甲", "pH": "7", "溶解氧": "8"},
    )
    path = write("r.csv", rows)
    report = load(fresh_database, path, partial=True)
    assert codes(report) == [(2, "reading_conflict_in_file"), (5, "reading_conflict_in_file")]
    assert [problem.params["others"] for problem in report.problems] == ["5", "2"]
    assert (counts(report), report.readings_loaded) == ((6, 3, 1, 2), 5)
    assert ask(fresh_database, "SELECT DISTINCT source_row FROM qingjiang.readings ORDER BY 1") == [
        (3,),
        (4,),
        (6,),
    ]
    assert counts(load(fresh_database, path, partial=True)) == (6, 0, 4, 2)


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_every_error_is_reported_although_nothing_will_be_kept(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch, block_rows: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", block_rows)
    rows = feed(
        {"pH": "71"},
        {"断面名称": "甲", "pH": "7"},
        {"断面名称": "乙", "pH": "7"},
        {"断面名称": "甲", "pH": "8"},
    )
    report = load(fresh_database, write("r.csv", rows))
    assert codes(report) == [
        (2, "value_impossible"),
        (3, "reading_conflict_in_file"),
        (5, "reading_conflict_in_file"),
    ]
    assert (counts(report), report.rows_held) == ((4, 0, 0, 3), 1)
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.readings") == [(0,)]
    assert ask(
        fresh_database, "SELECT row, original->>'断面名称' FROM qingjiang.rejected_rows ORDER BY 1"
    ) == [
        (2, "沌口"),
        (3, "甲"),
        (5, "甲"),
    ]


def test_a_file_that_overlaps_a_stored_one_adds_what_is_new_and_names_what_differs(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    days = [{"监测时间": f"2023-06-{day:02d} 08:00", "pH": "7"} for day in range(1, 11)]
    load(fresh_database, write("a.csv", feed(*days[:6])))
    later = [*days[3:6], *days[6:], {"监测时间": "2023-06-01 08:00", "pH": "7.5"}]
    report = load(fresh_database, write("b.csv", feed(*later)), partial=True)
    assert codes(report) == [(9, "reading_conflict_stored")]
    assert (counts(report), report.readings_loaded) == ((8, 4, 3, 1), 4)
    assert ask(fresh_database, "SELECT count(*) FROM qingjiang.readings") == [(10,)]


CONFLICT = (
    {"pH": "7.2", "溶解氧": "8"},
    {"断面名称": "甲", "pH": "6"},
    {"断面名称": "乙", "pH": "7"},
    {"断面名称": "甲", "pH": "6.5"},
)
VALUES = (
    "SELECT source_row, parameter, value::text, revision FROM qingjiang.readings ORDER BY upload_id, 1, 2"
)


@pytest.mark.parametrize("block_rows", [1, 2, 100])
@pytest.mark.parametrize("policy", ["keep", "replace"])
def test_conflicts_are_resolved_by_the_policy_and_the_old_value_stays(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch, policy: str, block_rows: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", block_rows)
    load(fresh_database, write("a.csv", feed({"pH": "7"})))
    path = write("b.csv", feed(*CONFLICT))
    report = load(fresh_database, path, on_conflict=policy)
    assert not report.problems
    known = [(2, "ph", "7", 0)]
    if policy == "keep":
        added = [(2, "do", "8", 0), (3, "ph", "6", 0), (4, "ph", "7", 0)]
        assert counts(report) == (4, 3, 1, 0)
    else:
        added = [(2, "do", "8", 0), (2, "ph", "7.2", 1), (4, "ph", "7", 0), (5, "ph", "6.5", 0)]
        assert counts(report) == (4, 3, 1, 0)
    assert ask(fresh_database, VALUES) == known + added
    told = {(notice.row, notice.code) for notice in report.notices if notice.row is not None}
    which = {"keep": ("kept", "first"), "replace": ("replaced", "last")}[policy]
    assert told >= {
        (2, f"reading_conflict_{which[0]}"),
        (3, f"reading_conflict_{which[1]}_row"),
        (5, f"reading_conflict_{which[1]}_row"),
    }
    for language in Language:
        warnings = report.as_json(Catalogue(language).text)["warnings"]
        assert all(warning["message"] and "{" not in warning["message"] for warning in warnings)
    again = load(fresh_database, path, on_conflict=policy)
    assert (counts(again), again.readings_loaded) == ((4, 0, 4, 0), 0)
    assert ask(fresh_database, VALUES) == known + added


# -- several processes -----------------------------------------------------------------------------------

LOADER = """
import json, sys
from pathlib import Path
from ingest.loader import load_files
from models.database import create_database_engine

(report,) = load_files(create_database_engine(sys.argv[1]), "readings", [Path(sys.argv[2])])
print(json.dumps([report.rows_loaded, report.rows_duplicate]))
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from ingest import blocks
from ingest.loader import load_files
from models import loading
from models.database import create_database_engine

blocks.BLOCK_ROWS, blocks.WHOLE_BYTES = 500, 0
name, times = sys.argv[3], int(sys.argv[4])
written, calls = getattr(loading, name), []

def write_and_die(*args, **options):
    written(*args, **options)
    calls.append(name)
    if len(calls) == times:
        os.kill(os.getpid(), signal.SIGKILL)

setattr(loading, name, write_and_die)
load_files(create_database_engine(sys.argv[1]), "readings", [Path(sys.argv[2])])
"""

CONTENT = (
    "SELECT s.code, r.parameter, r.sampled_at, r.revision, r.value, r.source_row, r.quality"
    " FROM qingjiang.readings r JOIN qingjiang.section_registry s ON s.id = r.section_id ORDER BY 1, 2, 3, 4"
)


def start(script: str, engine: Engine, path: Path, *arguments: str) -> subprocess.Popen[str]:
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-c", script, url, str(path), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def many(count: int) -> list[dict[str, Any]]:
    return feed(
        *(
            {
                "断面名称": f"断面{n % 40}",
                "监测时间": f"2023-06-{1 + n // 40 % 28:02d} {n // 1120:02d}:00",
                "pH": "7",
                "总磷": f"0.{n % 9 + 1}",
            }
            for n in range(count)
        )
    )


def test_twice_in_two_processes_and_after_a_kill_the_table_ends_the_same(
    clone_database: Any, write: Write
) -> None:
    path = write("r.csv", many(4_000))
    once, twice, killed = clone_database(), clone_database(), clone_database()
    load(once, path)
    expected = ask(once, CONTENT)
    assert len(expected) == 8_000
    load(once, path)
    assert ask(once, CONTENT) == expected

    both = [start(LOADER, twice, path) for _ in range(2)]
    assert sorted(process.communicate(timeout=120)[0].strip() for process in both) == [
        "[0, 4000]",
        "[4000, 0]",
    ]
    assert ask(twice, CONTENT) == expected

    victim = start(KILLED, killed, path, "copy_readings", "3")
    victim.communicate(timeout=120)
    assert victim.returncode == -9
    assert ask(killed, "SELECT count(*) FROM qingjiang.readings") == [(0,)]
    assert ask(killed, "SELECT count(*) FROM qingjiang.section_registry") == [(0,)]
    assert load(killed, path).rows_loaded == 4_000
    assert ask(killed, CONTENT) == expected


@pytest.mark.parametrize(
    ("step", "times"), [("stage_readings", "5"), ("drop_known", "1"), ("insert_readings", "1")]
)
def test_a_long_file_half_of_which_is_known_adds_the_rest_also_after_a_kill_at_any_step(
    clone_database: Any, write: Write, monkeypatch: pytest.MonkeyPatch, step: str, times: str
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 500)
    monkeypatch.setattr(blocks, "WHOLE_BYTES", 0)
    rows = many(4_000)
    before, path = write("a.csv", [rows[0], *rows[1:-1:2], rows[-1]]), write("b.csv", rows)
    database = clone_database()
    load(database, before)
    known = ask(database, CONTENT)
    victim = start(KILLED, database, path, step, times)
    victim.communicate(timeout=120)
    assert victim.returncode == -9
    assert ask(database, CONTENT) == known
    report = load(database, path)
    assert (counts(report), report.readings_loaded) == ((4_000, 1_999, 2_001, 0), 3_998)
    content = ask(database, CONTENT)
    assert len(content) == 8_000
    assert set(known) < set(content)
    assert ask(database, "SELECT relname FROM pg_class WHERE relname LIKE 'staged%'") == []
    assert counts(load(database, path)) == (4_000, 0, 4_000, 0)
    assert ask(database, CONTENT) == content
