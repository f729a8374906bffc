"""Whatever bytes and texts come in: a report, or one clear error. The long run is ``fuzz/fuzz_ingest.py``."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.errors import UnknownFormatError
from ingest.native import guarded
from tests.ingest.fuzz import targets
from tests.ingest.hostile.readings import FILES, READINGS

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SIGNS = "0123456789.,-+<>＜LlndND未检出×^eE%/\\*()（）°′″年月日时:TZ ٣\u00a0\u3000'\"=@|#é一"
CELLS = st.one_of(st.text(SIGNS, max_size=16), st.text(max_size=12))
HOSTILE = [case for case in READINGS if len(case.content) < 100_000]
SHEETS = list(targets.sheets(HOSTILE))


@QUICK
@given(data=st.binary(max_size=300), ending=st.sampled_from(targets.FORMATS))
def test_any_bytes_under_any_name_get_a_report_or_one_error(data: bytes, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        targets.read_file(Path(folder), data, ending)


@QUICK
@given(
    case=st.sampled_from(HOSTILE),
    place=st.floats(0, 1),
    change=st.binary(max_size=6),
    gone=st.integers(0, 40),
)
def test_a_damaged_file_gets_a_report_or_one_error(
    case: object, place: float, change: bytes, gone: int
) -> None:
    content, ending = case.content, Path(case.file).suffix  # type: ignore[attr-defined]
    at = int(place * len(content))
    damaged = content[:at] + change + content[at + gone :]
    with tempfile.TemporaryDirectory() as folder:
        targets.read_file(Path(folder), damaged, ending if ending in targets.FORMATS else ".csv")


@QUICK
@given(
    sheet=st.sampled_from(SHEETS), place=st.floats(0, 1), change=st.text(max_size=8), gone=st.integers(0, 30)
)
def test_a_damaged_sheet_gets_a_report_or_one_error(
    sheet: bytes, place: float, change: str, gone: int
) -> None:
    at = int(place * len(sheet))
    with tempfile.TemporaryDirectory() as folder:
        targets.read_sheet(Path(folder), sheet[:at] + change.encode() + sheet[at + gone :])


@QUICK
@given(rows=st.lists(st.lists(CELLS, min_size=8, max_size=9), min_size=1, max_size=4), kind=st.integers(0, 2))
def test_any_cells_below_a_sound_header_get_a_report(rows: list[list[str]], kind: int) -> None:
    header = (targets.HEADER, targets.LONG_HEADER, targets.PLACES)[kind]
    with tempfile.TemporaryDirectory() as folder:
        targets.read_rows(Path(folder), header, *rows)


@QUICK
@given(text=CELLS)
@example(text="1e999")
@example(text="0L")
def test_any_text_is_a_value_or_says_why_not(text: str) -> None:
    targets.read_value(text)


@QUICK
@given(text=CELLS)
@example(text="2023-02-29 24:00+14:30")
def test_any_text_is_a_time_or_says_why_not(text: str) -> None:
    targets.read_time(text)


@QUICK
@given(text=st.one_of(CELLS, st.text("0123456789mgμu/LlN个万^-×.°CFs ", max_size=12)))
@example(text="个/1×100mL")
@example(text="个/00mL")
@example(text="mg/0L")
def test_any_text_is_a_unit_or_none(text: str) -> None:
    targets.read_unit(text)


def test_a_torn_workbook_of_the_old_kind_is_refused_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library panics over it: its stack is no answer, and no exception of the usual kind."""
    whole = (FILES / "old.xls").read_bytes()
    for cut in range(600, len(whole), 512):
        targets.read_file(tmp_path, whole[:cut], ".xls")
    for place in range(0, len(whole), 29):
        targets.read_file(tmp_path, whole[:place] + b"\xff\x01" + whole[place + 2 :], ".xls")
    assert capfd.readouterr().err == ""


def test_what_others_write_to_stderr_meanwhile_comes_through(capfd: pytest.CaptureFixture[str]) -> None:
    with guarded("a.xls"):
        os.write(2, b"meanwhile\n")
    assert capfd.readouterr().err == "meanwhile\n"
    panic = type("PanicException", (BaseException,), {})

    def fail() -> None:
        os.write(2, b"stack backtrace\n")
        raise panic("index out of range")

    with pytest.raises(UnknownFormatError, match="index out of range"), guarded("a.xls"):
        fail()
    assert capfd.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt), guarded("a.xls"):
        raise KeyboardInterrupt
