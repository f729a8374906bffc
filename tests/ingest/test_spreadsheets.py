"""Rejected rows go through a spreadsheet and come back as they were, and nothing in them runs there."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.readings import parse_readings
from ingest.spreadsheets import REASON, defused, restored

RUNS = ("=cmd|' /C calc'!A0", "+cmd|'x'!A1", "-2+3+cmd|'x'!A1", "@SUM(1+1)", "\t=1+1", "\r=1", "＝1+1")


@pytest.mark.parametrize("text", RUNS)
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(text: str) -> None:
    assert defused(text) == "'" + text
    assert restored(defused(text)) == text


@pytest.mark.parametrize(
    "text", ["", "--", "-", "-0.3", "+5", "-1.2E+04", "-0.05L", "—", "沌口", "<0.05", "'s"]
)
def test_numbers_dashes_and_words_stay_as_they_are(text: str) -> None:
    assert defused(text) == text
    assert restored(text) == text


@given(text=st.text("='+-@ab1.\t", max_size=8))
def test_every_text_comes_back(text: str) -> None:
    assert restored(defused(text)) == text


def test_rejected_rows_are_safe_to_open_and_load_again_when_corrected(
    fresh_database: Engine, tmp_path: Path
) -> None:
    formula = "=cmd|' /C calc'!A0"
    path, bad = tmp_path / "readings.csv", tmp_path / "bad.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = (
            ("省份", "断面名称", "监测时间", "总磷", "=备注"),
            ("湖北省", formula, "2023-06-30", "1..2", "--"),
        )
        csv.writer(stream).writerows(rows)
    (report,) = load_files(fresh_database, "readings", [path], IngestOptions(rejects=bad))
    assert [problem.code for problem in report.problems] == ["value_unreadable"]
    with bad.open(encoding="utf-8-sig", newline="") as stream:
        header, row = csv.reader(stream)
    assert header == ["省份", "断面名称", "监测时间", "总磷", "'=备注", REASON]
    assert row[:5] == ["湖北省", "'" + formula, "2023-06-30", "1..2", "--"]
    bad.write_text(bad.read_text(encoding="utf-8-sig").replace("1..2", "0.12"), encoding="utf-8")
    parsed = parse_readings(bad, for_loading=True)
    assert parsed.samples["section"].tolist() == [formula]
    assert [notice.params["column"] for notice in parsed.warnings] == ["=备注"], "the reasons are no news"
    (report,) = load_files(fresh_database, "readings", [bad])
    assert report.ok
