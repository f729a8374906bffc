"""Every error of a file is told, however many there are: those beyond a few wait in a temporary file."""

import random
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from api.catalogue import Catalogue
from ingest import loader, problemlog
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.problemlog import ProblemLog
from ingest.report import Problem
from models import queries
from models.database import sessions
from tests.ingest.conftest import Write


@pytest.fixture
def seven_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problemlog, "IN_MEMORY", 7)
    monkeypatch.setattr(problemlog, "_AT_ONCE", 3)


@pytest.mark.usefixtures("seven_in_memory")
@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 70, 100])
def test_problems_come_by_row_and_column_in_whatever_order_they_were_added(count: int) -> None:
    expected = [
        Problem(row // 2, "乙" if row % 2 else None, f"v{row}", "value_negative", {"parameter": "tp"})
        for row in range(count)
    ]
    shuffled = list(expected)
    random.Random(count).shuffle(shuffled)  # noqa: S311 - an order, no secret
    log = ProblemLog()
    for problem in shuffled:
        log.append(problem)
    assert list(log) == list(log) == expected
    assert (len(log), bool(log)) == (count, count > 0)
    assert log[: count // 2] == expected[: count // 2]
    assert [log[place] for place in range(-count, count)] == expected + expected
    with pytest.raises(IndexError):
        log[count]
    log.clear()
    assert (len(log), list(log)) == (0, [])
    log.append(Problem(3, None, None, "time_missing"))
    assert [problem.row for problem in log] == [3]


@pytest.mark.usefixtures("seven_in_memory")
def test_all_errors_of_a_very_bad_file_are_told_kept_and_written_back(
    fresh_database: Engine, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "ERRORS_KEPT", 10)
    path = write(
        "r.csv",
        [
            {
                "省份": "湖北省",
                "断面名称": "沌口",
                "监测时间": f"2023-06-{day:02d}",
                "pH": "71",
                "总磷": "1..2",
            }
            for day in range(1, 31)
        ],
    )
    rejects = tmp_path / "rejects.csv"
    (report,) = load_files(
        fresh_database, "readings", [path], IngestOptions(rejects=rejects), text=Catalogue().text
    )
    told = report.as_json(Catalogue().text)["errors"]
    assert [(error["row"], error["column"]) for error in told] == [
        (row, column) for row in range(2, 32) for column in ("pH", "总磷")
    ]
    assert report.as_json(Catalogue().text, errors=False)["errors"] == []
    with fresh_database.connect() as connection:
        kept = connection.scalar(text("SELECT report FROM qingjiang.uploads"))
        rows = connection.scalar(text("SELECT sum(jsonb_array_length(errors)) FROM qingjiang.rejected_rows"))
    assert kept["errors"] == told[:10]
    assert (kept["errors_left_out"], rows) == (50, 60)
    with sessions(fresh_database)() as session:
        found = queries.upload(session, report.upload_id or 0)
    assert found is not None
    assert (found["errors"], "errors_left_out" in found) == (told, False)
    assert len(rejects.read_text(encoding="utf-8-sig").splitlines()) == 31
