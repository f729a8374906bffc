"""What is fuzzed: bytes and texts go in; a report, or one clear error, must come out.

Each target raises nothing but what is a defect. `fuzz_ingest.py` beside this module feeds them for minutes,
``test_fuzzing.py`` one folder up for seconds.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from api.catalogue import Catalogue
from ingest.codes import FILE_CODES, PROBLEM_CODES
from ingest.errors import IngestError
from ingest.features import parse_features
from ingest.headers import match_header, near_miss
from ingest.options import IngestOptions, Limits
from ingest.readers import ENDINGS
from ingest.readings import parse_readings, readings_names
from ingest.times import BEIJING, parse_date, parse_time
from ingest.units import conversion, is_unit
from ingest.values import Reading, parse_number, parse_value
from spatial.parameters import load_parameters
from tests.ingest.hostile.cases import Case, as_workbook

SMALL = Limits(
    unpacked_bytes=4 << 20, workbook_bytes=4 << 20, packing_ratio_from_bytes=1 << 20, rows=10_000, columns=200
)
HEADER = ("断面名称", "省份", "监测时间", "总磷(mg/L)", "水温(°F)", "溶解氧饱和度(%)", "水质目标", "站点情况")
LONG_HEADER = ("断面编码", "监测时间", "监测项目", "监测值", "单位", "检出限", "抓取时间", "分析方法")
PLACES = ("编码", "名称", "经度", "纬度", "排查日期", "排污口类型", "行政区划代码", "定位精度(m)")
FORMATS = tuple(sorted(set(ENDINGS) - {".shp"}))
SYSTEMS = (None, "EPSG:4326", "EPSG:4547", "EPSG:4526", "gcj02", "bd09")

_SOUND = as_workbook({"数据": [HEADER, ("沌口", "湖北省", "2023-06-30", 0.1, 68, 0.85, "Ⅱ", "正常")]})
_TEXT = Catalogue().text
_CAPTURED = datetime(2023, 7, 2, 8, tzinfo=BEIJING)


def read_file(folder: Path, data: bytes, ending: str) -> None:
    """Any bytes under any name, as readings and as an inventory."""
    path = folder / f"fuzzed{ending}"
    path.write_bytes(data)
    _readings(path, IngestOptions(limits=SMALL))
    _places(path, IngestOptions(limits=SMALL))


def sheets(cases: Iterable[Case]) -> Iterator[bytes]:
    """The XML of the first sheet of every workbook among the cases."""
    for case in cases:
        try:
            with zipfile.ZipFile(io.BytesIO(case.content)) as archive:
                yield archive.read("xl/worksheets/sheet1.xml")
        except (KeyError, zipfile.BadZipFile):
            continue


def read_sheet(folder: Path, xml: bytes) -> None:
    """Any XML in the place of the sheet of a sound workbook."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_SOUND)) as sound, zipfile.ZipFile(stream, "w") as made:
        for item in sound.infolist():
            data = xml if item.filename == "xl/worksheets/sheet1.xml" else sound.read(item)
            made.writestr(item.filename, data)
    path = folder / "fuzzed.xlsx"
    path.write_bytes(stream.getvalue())
    _readings(path, IngestOptions(limits=SMALL))


def read_rows(folder: Path, header: Sequence[str], *rows: Sequence[str]) -> None:
    """Any cells below a sound header."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows((header, *rows))
    path = folder / "fuzzed.csv"
    path.write_bytes(stream.getvalue().encode("utf-8", "replace"))
    if header is PLACES:
        for crs in SYSTEMS:
            _places(path, IngestOptions(limits=SMALL, crs=crs))
    else:
        _readings(path, IngestOptions(limits=SMALL))


def read_value(text: str) -> None:
    """Any text as a measured value."""
    number = parse_number(text)
    assert number is None or number.is_finite()
    for flag in (False, True):
        cell = parse_value(text, negative_is_limit=flag, percent=flag)
        assert (cell.code is not None) == (cell.reading is Reading.UNREADABLE)
        assert cell.code is None or cell.code in PROBLEM_CODES
        assert (cell.number is not None) == (cell.reading in {Reading.MEASURED, Reading.BELOW})
        if cell.reading is Reading.BELOW:
            assert cell.number is not None
            assert cell.number > 0


def read_time(text: str) -> None:
    """Any text as a time and as a date."""
    for captured in (None, _CAPTURED):
        for epoch in (False, True):
            parsed = parse_time(text, captured=captured, date_1904=epoch)
            assert parsed.at is None or parsed.code is None
            assert parsed.code is None or parsed.code in PROBLEM_CODES
            assert parsed.at is None or parsed.at.utcoffset() is not None
    day, code = parse_date(text)
    assert day is None or code is None
    assert code is None or code in PROBLEM_CODES


def read_unit(text: str) -> None:
    """Any text as a unit, and as the header of a column."""
    is_unit(text)
    for code in ("tp", "nitrate", "water_temp", "fecal_coliform", "turbidity"):
        found = conversion(text, load_parameters()[code].unit, code)
        if found is not None:
            assert found.apply(Decimal("12.5")).is_finite()
    names = readings_names()
    match_header(text, names)
    if len(text) < 100:
        near_miss(text, names)


def _readings(path: Path, options: IngestOptions) -> None:
    try:
        parsed = parse_readings(path, options, for_loading=True)
    except IngestError as error:
        _check(error)
        return
    rows = set(parsed.table.rows.tolist())
    for problem in parsed.problems:
        assert problem.row in rows
        assert problem.as_json(_TEXT)["message"]
    for notice in parsed.warnings:
        assert notice.as_json(_TEXT)["message"]
    assert len(parsed.readings) == len(parsed.coded.place)


def _places(path: Path, options: IngestOptions) -> None:
    try:
        parsed = parse_features("outfalls", path, options, for_loading=True)
    except IngestError as error:
        _check(error)
        return
    for problem in parsed.problems:
        assert problem.as_json(_TEXT)["message"]


def _check(error: IngestError) -> None:
    assert error.code in FILE_CODES
    assert _TEXT(f"ingest.{error.code}", **error.params)
