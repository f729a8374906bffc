"""Hostile files of readings: one defect each.

Most hold a sound row first (row 2) and the defect after it (row 3), so that the sound one must survive. What
the database knows before any of them is loaded stands in `STOCK`. The old workbook, the one of another
office and the locked one beside this module were written by those programs themselves.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from api.catalogue import Catalogue
from ingest.options import IngestOptions
from ingest.readers import EXAMPLE_SHEET
from ingest.templates import make_template
from tests.ingest.hostile.cases import Case, as_csv, as_workbook

FILES = Path(__file__).parent / "files"
HEADER = ("省份", "断面名称", "监测时间", "总磷(mg/L)", "氨氮(mg/L)")
SOUND = dict(zip(HEADER, ("湖北省", "沌口", "2023-06-30 08:00", "0.05L", "0.12"), strict=True))
OTHER = {**SOUND, "监测时间": "2023-07-01 08:00"}
TP, NH3, TIME, NAME, PROVINCE = "总磷(mg/L)", "氨氮(mg/L)", "监测时间", "断面名称", "省份"

STOCK = (
    ("sections", "sections.csv",
     as_csv({"断面编码": "S1", "断面名称": "沌口", "省份": "湖北省"},
            {"断面编码": "0420100", "断面名称": "清江口", "省份": "湖北省"},
            {"断面编码": "L1", "断面名称": "临江", "省份": "上海市"},
            {"断面编码": "L2", "断面名称": "临江", "省份": "江苏省"})),
    ("readings", "stored.csv", as_csv({**SOUND, TIME: "2023-05-01 08:00", TP: "0.3", NH3: "0.4"})),
)  # fmt: skip
"""Loaded before: sections, and one sample of 沌口."""


def readings(defect: str, content: bytes, *, file: str = "readings.csv", **expected: Any) -> Case:
    """A case of a file of readings."""
    return Case(defect, "readings", file, content, **expected)


def second(**cells: Any) -> bytes:
    """A sound sample, and the next day's with these cells instead of its own."""
    return as_csv(SOUND, {**OTHER, **cells})


def value(text: str) -> bytes:
    """A sound sample, and one with this total phosphorus."""
    return second(**{TP: text})


def moment(text: str) -> bytes:
    """A sound sample, and one of this time."""
    return second(**{TIME: text})


def refused_value(defect: str, text: str, code: str = "value_unreadable") -> Case:
    """A total phosphorus that is none."""
    return readings(defect, value(text), loaded=1, faults=((3, TP, code),))


def refused_time(defect: str, text: str, code: str) -> Case:
    """A time that is none."""
    return readings(defect, moment(text), loaded=1, faults=((3, TIME, code),))


def long(*rows: Mapping[str, str], **more: str) -> bytes:
    """One row for each value, of one sample."""
    base = {NAME: "沌口", PROVINCE: "湖北省", TIME: "2023-06-30 08:00", **more}
    return as_csv(*({**base, **row} for row in rows))


def text_of(*rows: Mapping[str, str], mark: str = ",") -> str:
    """Rows as plain text with another mark between cells."""
    return as_csv(*rows).decode().replace(",", mark)


def workbook(
    change: Callable[[Worksheet], object] | None = None, *more: tuple[Any, ...], sheet: str = "数据"
) -> bytes:
    """A workbook with a header, the sound sample and more rows, changed by hand before it is saved."""
    book = openpyxl.load_workbook(io.BytesIO(as_workbook({sheet: [HEADER, tuple(SOUND.values()), *more]})))
    if change is not None:
        change(book.worksheets[0])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def changed(cell: str, content: object, look: str | None = None, kind: str | None = None) -> bytes:
    """A workbook of two samples, with this in one cell."""

    def change(sheet: Worksheet) -> None:
        sheet[cell].value = content
        if look is not None:
            sheet[cell].number_format = look
        if kind is not None:
            sheet[cell].data_type = kind

    return workbook(change, tuple(OTHER.values()))


def computed(book: bytes, cell: str, cached: str) -> bytes:
    """The workbook with the result of a formula beside it, as a spreadsheet leaves it."""
    return rewritten(
        book,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"</f><v></v>", b"</f><v>%s</v>" % cached.encode(), 1).replace(
            b"</f><v />", b"</f><v>%s</v>" % cached.encode(), 1
        ),
    )


def rewritten(book: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one of its parts changed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            data = old.read(item)
            new.writestr(item, change(data) if item.filename == part else data)
    return stream.getvalue()


def zipped(**members: bytes) -> bytes:
    """A zip archive; ``_dot_`` and ``_up_`` stand for what no name in Python may hold."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_dot_", ".").replace("_up_", "../"), data)
    return stream.getvalue()


def binary_workbook(row: int, column: int) -> bytes:
    """A sheet of [MS-XLSB] by hand: two headers, and one cell more at this place (from 0)."""

    def record(kind: int, data: bytes = b"") -> bytes:
        head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return head + bytes([len(data)]) + data

    def wide(text: str) -> bytes:
        return struct.pack("<I", len(text)) + text.encode("utf-16-le")

    def line(number: int) -> bytes:
        return record(0, struct.pack("<I", number) + bytes(13))

    def cell(place: int, text: str) -> bytes:
        return record(6, struct.pack("<II", place, 0) + wide(text))

    office = "http://schemas.openxmlformats.org"
    links = (
        f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="rId1"'
        f' Type="{office}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.bin"/>'
        "</Relationships>"
    )
    sheet = record(0x9C, struct.pack("<II", 0, 1) + wide("rId1") + wide("表"))
    extent = record(0x94, struct.pack("<IIII", 0, 1, 0, 1))  # what it says of its size is not to be trusted
    cells = (
        extent
        + record(0x91)
        + line(0)
        + cell(0, "断面名称")
        + cell(1, "监测时间")
        + line(row)
        + cell(column, "x")
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/_rels/workbook.bin.rels", links)
        archive.writestr("xl/workbook.bin", record(0x83) + record(0x8F) + sheet + record(0x90) + record(0x84))
        archive.writestr("xl/worksheets/sheet1.bin", record(0x81) + cells + record(0x92) + record(0x82))
    return stream.getvalue()


def lying(archive: bytes, size: int) -> bytes:
    """The archive whose directory says another size of its only file."""
    place = archive.index(b"PK\x01\x02") + 24
    return archive[:place] + struct.pack("<I", size) + archive[place + 4 :]


def example(kind: str, *, title: str | None, banner: bool = True, alone: bool = False) -> bytes:
    """A template with one sample filled in, its example sheet under another name."""
    text = Catalogue().text
    book = openpyxl.load_workbook(io.BytesIO(make_template(kind, [text])))
    data, shown = book.worksheets[0], book[EXAMPLE_SHEET]
    names = {"省份": "湖北省", "断面名称": "沌口", "监测时间": dt.datetime(2023, 6, 30, 8), "总磷": "0.06"}  # noqa: DTZ001
    for cell in data[1]:
        for name, filled in names.items():
            if name in str(cell.value):
                data.cell(2, cell.column).value = filled
                names = {**names, name: ""} if name == "总磷" else names
    if title is not None:
        shown.title = title
    if not banner:
        shown.delete_rows(1)
    if alone:
        del book[data.title]
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


ENCODINGS = (
    readings("GBK", as_csv(SOUND).decode().encode("gbk"), loaded=1),
    readings("a rare character in four bytes of GB18030",
             second(断面名称="𠮷口").decode().encode("gb18030"), loaded=2,
             notices=((None, "sections_provisional"),)),
    readings("UTF-16 with its mark", as_csv(SOUND).decode().encode("utf-16"), loaded=1),
    readings("UTF-16 without its mark", as_csv(SOUND).decode().encode("utf-16-le"), loaded=1),
    readings("UTF-16 of the other order without its mark", as_csv(SOUND).decode().encode("utf-16-be"),
             loaded=1),
    readings("UTF-16 cut in the middle of a character", as_csv(SOUND).decode().encode("utf-16")[:-1],
             refused="encoding_wrong"),
    readings("rows in GBK below a header in UTF-8",
             as_csv(HEADER) + text_of(OTHER).split("\n", 1)[1].encode("gbk"), refused="encoding_mixed"),
    readings("a row in UTF-8 in a file in GBK",
             as_csv(SOUND).decode().encode("gbk") + text_of(OTHER).split("\n", 1)[1].encode(),
             refused="encoding_mixed"),
    readings("the wrong encoding by name", as_csv(SOUND).decode().encode("gbk"), refused="encoding_wrong",
             options=IngestOptions(encoding="utf-8")),
    readings("an encoding of nobody", as_csv(SOUND), refused="option_wrong",
             options=IngestOptions(encoding="klingon")),
    readings("a mark of the byte order in the middle of the file",
             b"\xef\xbb\xbf" + as_csv(SOUND) + b"\xef\xbb\xbf" + as_csv(OTHER), loaded=2,
             notices=((None, "header_rows_skipped"),)),
    readings("a mark of the byte order in a name", second(断面名称="\ufeff沌口"), loaded=2),
    readings("NUL bytes", as_csv(SOUND) + b"\x00\x00,,,,\n", refused="format_no_table"),
    readings("bytes of no encoding", as_csv(SOUND) + b"\xff\xff\x80", refused="encoding_wrong"),
    readings("a control character in a name", second(断面名称="沌\x07口"), loaded=1,
             faults=((3, NAME, "text_control_character"),)),
)  # fmt: skip

TEXTS = (
    readings("semicolons", text_of(SOUND, mark=";").encode(), loaded=1),
    readings("tabulators", text_of(SOUND, mark="\t").encode(), file="readings.tsv", loaded=1),
    readings("upright strokes", text_of(SOUND, mark="|").encode(), file="readings.txt", loaded=1),
    readings("full-width commas", text_of(SOUND, mark="，").encode(), loaded=1),
    readings("carriage returns alone", text_of(SOUND, OTHER).replace("\r\n", "\r").encode(), loaded=2),
    readings("a short row", as_csv(HEADER, tuple(SOUND.values()), tuple(OTHER.values())[:4]), loaded=2,
             notices=((None, "rows_short"),)),
    readings("a long row", as_csv(HEADER, tuple(SOUND.values()), (*OTHER.values(), "0.3")), loaded=1,
             faults=((3, None, "row_too_long"),)),
    readings("a line break within quotes", second(断面名称="沌\n口"), loaded=2),
    readings("a quote that is never closed", as_csv(SOUND) + '湖北省,"沌口,2023-07-01,1,1\n'.encode(),
             refused="format_unknown"),
    readings("titles above the header",
             as_csv(("2023年6月水质月报",), ("填报单位：样例局",), HEADER, tuple(SOUND.values())), loaded=1),
    readings("a header of two lines",
             as_csv(("省份", "断面名称", "监测时间", "监测项目", ""), ("", "", "", "总磷", "氨氮"),
                    tuple(SOUND.values())), loaded=1),
    readings("a row of units", as_csv(("省份", "断面名称", "监测时间", "总磷", "氨氮"),
                                      ("", "", "", "μg/L", "mg/L"), tuple(SOUND.values())), loaded=1),
    readings("a unit that contradicts the header", as_csv(HEADER, ("", "", "", "μg/L", "mg/L"),
                                                          tuple(SOUND.values())), refused="unit_unknown"),
    readings("a line of totals", as_csv(HEADER, tuple(SOUND.values()), ("合计", "", "", "0.05", "0.12")),
             loaded=1, notices=((None, "total_rows_skipped"),)),
    readings("empty lines", as_csv(HEADER, (), tuple(SOUND.values()), ("", "", "", "", "")), loaded=1),
    readings("an empty file", b"", refused="file_empty"),
    readings("blanks and nothing else", b" \r\n \r\n", refused="file_empty"),
    readings("a header and nothing below", as_csv(HEADER), refused="file_empty"),
    readings("a file without any header", as_csv(tuple(SOUND.values()), tuple(OTHER.values())),
             refused="columns_missing"),
    readings("two columns of total phosphorus", as_csv({**SOUND, "TP": "0.1"}), refused="columns_clash"),
    readings("total phosphorus in two units", as_csv({**SOUND, "总磷(μg/L)": "50"}),
             refused="columns_clash"),
    readings("no column of times", as_csv({NAME: "沌口", TP: "0.1"}), refused="columns_missing"),
    readings("no column of sections", as_csv({TIME: "2023-06-30", TP: "0.1"}), refused="columns_missing"),
    readings("no column of values", as_csv({NAME: "沌口", TIME: "2023-06-30"}), refused="columns_missing"),
    readings("a header with a slip", as_csv({**SOUND, "高锰酸盐指效(mg/L)": "2"}), loaded=1,
             notices=((None, "column_unknown_similar"),)),
    readings("a column of nobody", as_csv({**SOUND, "仙气": "2"}), loaded=1,
             notices=((None, "column_unknown"),)),
    readings("a cell longer than any spreadsheet's", second(断面名称="长" * 32_768), loaded=1,
             faults=((3, NAME, "text_too_long"),)),
    readings("as many columns as a spreadsheet has",
             as_csv((*HEADER, *map(str, range(16_379))), (*SOUND.values(), *[""] * 16_379)),
             refused="file_too_many_columns"),
)  # fmt: skip

UNITS = (
    readings("a unit of no concentration", as_csv({**SOUND, "总氮(kg)": "1"}), refused="unit_unknown"),
    readings("a unit of nobody", as_csv({**SOUND, "总氮(斗)": "1"}), refused="unit_unknown"),
    readings("parts per billion", as_csv({**SOUND, "铜(ppb)": "1"}), refused="unit_unknown"),
    readings("nitrate as NO3 beside nitrate as N",
             long({"监测项目": "硝酸盐", "监测值": "10", "单位": "mg/L as NO3"},
                  {"监测项目": "硝酸盐", "监测值": "2.258", "单位": "mg/L as N"}),
             faults=((2, "nitrate", "reading_conflict_in_file"), (3, "nitrate", "reading_conflict_in_file"))),
    readings("phosphorus as nitrate", long({"监测项目": "总磷", "监测值": "1", "单位": "mg/L as NO3"}),
             faults=((2, "单位", "unit_not_convertible"),)),
    readings("degrees Fahrenheit", as_csv({**SOUND, "水温(°F)": "68"}), loaded=1),
    readings("a temperature in Fahrenheit under Celsius", as_csv(SOUND, {**OTHER, "水温(℃)": "68"}), loaded=1,
             faults=((3, "水温(℃)", "value_impossible"),)),
    readings("germs per 100 mL", as_csv({**SOUND, "粪大肠菌群(个/100mL)": "2400"}), loaded=1),
    readings("a unit that cannot be in a row", long({"监测项目": "总磷", "监测值": "1", "单位": "斤"}),
             faults=((2, "单位", "unit_not_convertible"),)),
    readings("a parameter of nobody", long({"监测项目": "仙气", "监测值": "1", "单位": "mg/L"}),
             faults=((2, "监测项目", "parameter_unknown"),)),
)  # fmt: skip

VALUES = (
    readings("below the limit by a full-width sign", value("＜0.05"), loaded=2),
    readings("below the limit in brackets", value("nd(0.01)"), loaded=2),
    readings("not detected, with a column for the limit",
             long({"监测项目": "汞", "监测值": "未检出", "检出限": "0.00004", "单位": "mg/L"}), loaded=1),
    refused_value("not detected, and no limit", "未检出", "detection_limit_missing"),
    refused_value("a limit of nothing", "0L", "detection_limit_unreadable"),
    readings("a limit that is no number",
             long({"监测项目": "汞", "监测值": "未检出", "检出限": "很低", "单位": "mg/L"}),
             faults=((2, "检出限", "detection_limit_unreadable"),)),
    *(readings(f"nothing measured: {mark}", value(mark), loaded=2)
      for mark in ("--", "未测", "停测", "/", "*", "—", "#N/A")),
    readings("nothing measured at all", second(**{TP: "--", NH3: "停测"}), loaded=1,
             faults=((3, None, "row_without_values"),)),
    readings("a status instead of values",
             as_csv({**SOUND, "站点情况": "正常"}, {**OTHER, TP: "--", NH3: "--", "站点情况": "维护"}),
             loaded=2),
    refused_value("two decimal points", "1..2"),
    readings("a pH of 71", as_csv({**SOUND, "pH": "7.1"}, {**OTHER, "pH": "71"}), loaded=1,
             faults=((3, "pH", "value_impossible"),)),
    refused_value("a negative concentration", "-0.3", "value_negative"),
    readings("a negative detection limit, by the vendor's convention", value("-0.3"), loaded=2,
             options=IngestOptions(negative_is_limit=True)),
    readings("a thousands comma", second(**{"总磷(μg/L)": "1,234.5", TP: ""}).replace(
        f",{TP},".encode(), ",备用,".encode()).replace(b"0.05L", b""), loaded=2,
             notices=((None, "column_unknown"),)),
    readings("a power of ten in words", as_csv({**SOUND, "粪大肠菌群(个/L)": "1.2×10^4"}), loaded=1),
    refused_value("a percentage for a concentration", "12%", "unit_not_convertible"),
    readings("a number and its unit in one cell", value("0.123 mg/L"), loaded=2),
    readings("a number and another unit of the same in one cell", value("123 μg/L"), loaded=2),
    refused_value("a number and a unit of something else in one cell", "12.3 mg/kg", "unit_not_convertible"),
    readings("one column of units for the whole row",
             as_csv({**{k.split("(")[0]: v for k, v in SOUND.items()}, "单位": "mg/L"}), loaded=1),
    readings("a column of units that says otherwise than the header", as_csv({**SOUND, "单位": "μg/L"}),
             faults=((2, "单位", "unit_contradicts"), (2, "单位", "unit_contradicts"))),
    readings("one column of limits for several parameters", as_csv({**SOUND, "检出限": "0.01"}), loaded=1,
             notices=((None, "detection_limit_unassigned"),)),
    refused_value("a blank in a number", "0 .1 2"),
    refused_value("a comma for a point", "0,12"),
    readings("blanks that do not break", value("\u00a00.05\u00a0L\u3000"), loaded=2),
    readings("full-width digits", value("０．０５Ｌ"), loaded=2),
    refused_value("a failed formula as text", "#DIV/0!", "value_formula_error"),
    refused_value("a column too narrow for its numbers", "#####", "value_formula_error"),
    refused_value("a word for a value", "很好"),
    refused_value("two values in one cell", "0.1/0.2"),
    refused_value("a range", "0.1-0.2"),
    refused_value("a number of four hundred digits", "1" * 400, "number_absurd"),
    refused_value("a number of no size", "1e300", "number_absurd"),
    refused_value("an infinite value", "inf"),
    refused_value("digits of another script that are no number", "〇点五"),
)  # fmt: skip

TIMES = (
    refused_time("no year", "06-30 08:00", "time_without_year"),
    readings("no year, and a day for it", moment("07-01 08:00"), loaded=2,
             options=IngestOptions(captured_at=dt.date(2023, 7, 2))),
    refused_time("the thirtieth of February", "2023-02-30", "time_impossible"),
    refused_time("the twenty-fifth hour", "2023-07-01 25:00", "time_impossible"),
    readings("the end of a day", moment("2023-07-01 24:00"), loaded=2),
    refused_time("half past the end of a day", "2023-07-01 24:30", "time_impossible"),
    readings("a serial day", moment("45108.25"), loaded=2),
    refused_time("a serial day of no year", "99999.5", "time_unreadable"),
    readings("a month alone", moment("2023-07"), loaded=2),
    readings("an offset", moment("2023-07-01T00:00:00Z"), loaded=2),
    refused_time("an offset of no place", "2023-07-01T00:00:00+25:00", "time_impossible"),
    refused_time("day and month in an order that nobody can tell", "03/04/2023 08:00", "time_unreadable"),
    refused_time("a year of two digits", "23-07-01 08:00", "time_unreadable"),
    refused_time("a year of the future", "2099-07-01 08:00", "time_in_future"),
    refused_time("a year before all records", "1823-07-01 08:00", "time_out_of_range"),
    refused_time("a word for a time", "昨天", "time_unreadable"),
    refused_time("values without a time", "", "time_missing"),
    readings("a row that stands still in a snapshot",
             as_csv({**SOUND, TIME: "05-08 08:00"}, {**SOUND, TIME: "05-01 08:00"}),
             file="snapshot_2020-05-08.csv", loaded=2, notices=((None, "stale_rows"),)),
    readings("a row from after its snapshot",
             as_csv({**SOUND, TIME: "05-08 08:00"}, {**SOUND, TIME: "09-09 08:00"}),
             file="snapshot_2020-05-08.csv", loaded=1, faults=((3, TIME, "time_after_capture"),)),
    readings("a capture that is no time", as_csv({**SOUND, "抓取时间": "去年"}),
             faults=((2, "抓取时间", "time_unreadable"),)),
)  # fmt: skip

IDENTITIES = (
    readings("a section of nobody", second(断面名称="无名口"), loaded=2,
             notices=((None, "sections_provisional"),)),
    readings("a section of nobody without a province", second(断面名称="无名口", 省份=""), loaded=1,
             faults=((3, NAME, "section_unknown"),)),
    readings("a name in two provinces", second(断面名称="临江", 省份=""), loaded=1,
             faults=((3, NAME, "section_ambiguous"),)),
    readings("a name in two provinces, with its province", second(断面名称="临江", 省份="江苏省"), loaded=2),
    readings("a known name without a province", second(省份=""), loaded=2),
    readings("a code of nobody", as_csv({**SOUND, "断面编码": "S1"}, {**OTHER, "断面编码": "S9"}), loaded=1,
             faults=((3, "断面编码", "section_code_unknown"),)),
    readings("a code that lost its zeros",
             as_csv({**SOUND, "断面编码": "S1"}, {**OTHER, "断面编码": "420100"}), loaded=1,
             faults=((3, "断面编码", "section_code_zeros"),)),
    readings("a code that is a number in a workbook",
             as_workbook({"数据": [("断面编码", "监测时间", TP), (420100, "2023-06-30", 0.1)]}),
             file="readings.xlsx", faults=((2, "断面编码", "section_code_zeros"),)),
    readings("no section", second(断面名称=""), loaded=1, faults=((3, NAME, "value_missing"),)),
    readings("a row twice", as_csv(SOUND, SOUND), loaded=1, duplicate=1),
    readings("a row that is stored", as_csv({**SOUND, TIME: "2023-05-01 08:00", TP: "0.3", NH3: "0.4"}),
             duplicate=1),
    readings("two values of one moment", as_csv(SOUND, {**SOUND, TP: "0.2"}),
             faults=((2, TP, "reading_conflict_in_file"), (3, TP, "reading_conflict_in_file"))),
    readings("two values of one moment, the last to stand", as_csv(SOUND, {**SOUND, TP: "0.2"}), loaded=1,
             duplicate=1,
             notices=((2, "reading_conflict_last_row"), (3, "reading_conflict_last_row")),
             options=IngestOptions(on_conflict="replace")),
    readings("another value than the stored one",
             as_csv({**SOUND, TIME: "2023-05-01 08:00", TP: "0.31", NH3: "0.4"}),
             faults=((2, TP, "reading_conflict_stored"),)),
    readings("another value than the stored one, which is to stand",
             as_csv({**SOUND, TIME: "2023-05-01 08:00", TP: "0.31", NH3: "0.4"}), duplicate=1,
             notices=((2, "reading_conflict_kept"),), options=IngestOptions(on_conflict="keep")),
    readings("two values of one moment on two sheets",
             as_workbook({"六月": [HEADER, tuple(SOUND.values())],
                          "补录": [HEADER, tuple({**SOUND, TP: "0.2"}.values())]}), file="readings.xlsx",
             faults=((2, TP, "reading_conflict_in_file"), (2_000_002, TP, "reading_conflict_in_file")),
             notices=((None, "sheets_joined"),)),
    readings("orders to a database in a name", second(断面名称="'); DROP TABLE readings; --"), loaded=2,
             notices=((None, "sections_provisional"),)),
    readings("a formula for a name", second(断面名称="=cmd|' /C calc'!A0", 省份=""), loaded=1,
             faults=((3, NAME, "section_unknown"),)),
    readings("the first of two rows of a sample is bad",
             long({"监测项目": "总磷", "监测值": "1..2", "单位": "mg/L"},
                  {"监测项目": "氨氮", "监测值": "0.5", "单位": "mg/L"}), loaded=1,
             faults=((2, "监测值", "value_unreadable"),)),
)  # fmt: skip


def merged(sheet: Worksheet) -> None:
    sheet["A3"], sheet["B3"] = None, None
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("B2:B3")


def repeated(xml: bytes) -> bytes:
    """The content of an OpenDocument table whose first row stands for a hundred million."""
    return xml.replace(b"<table:table-row ", b'<table:table-row table:number-rows-repeated="100000000" ', 1)


def hidden(sheet: Worksheet) -> None:
    sheet.row_dimensions[3].hidden = True


WORKBOOKS = (
    readings("cells merged over rows", workbook(merged, tuple(OTHER.values())), file="readings.xlsx",
             loaded=2, notices=((None, "merged_cells_filled"),)),
    readings("a hidden row", workbook(hidden, tuple(OTHER.values())), file="readings.xlsx", loaded=2,
             notices=((None, "hidden_rows"),)),
    readings("a bad sheet beside a good one",
             as_workbook({"六月": [HEADER, tuple(SOUND.values())],
                          "七月": [HEADER, tuple({**OTHER, TP: "1..2"}.values())]}), file="readings.xlsx",
             loaded=1, faults=((2_000_002, TP, "value_unreadable"),), notices=((None, "sheets_joined"),)),
    readings("sheets of other columns",
             as_workbook({"六月": [HEADER, tuple(SOUND.values())],
                          "七月": [HEADER[:4], tuple(OTHER.values())[:4]]}), file="readings.xlsx",
             refused="sheet_ambiguous"),
    readings("an empty sheet", as_workbook({"数据": []}), file="readings.xlsx", refused="file_empty"),
    readings("a header and no row on the sheet", as_workbook({"数据": [HEADER]}), file="readings.xlsx",
             refused="file_empty"),
    readings("a sheet that is not there", workbook(), file="readings.xlsx", refused="sheet_missing",
             options=IngestOptions(sheet="二")),
    readings("a formula and its result", computed(changed("D3", "=0.1+0.1"), "D3", "0.2"),
             file="readings.xlsx", loaded=2),
    readings("a formula that nobody computed", changed("D3", "=0.1+0.1"), file="readings.xlsx", loaded=1,
             faults=((3, TP, "value_unreadable"),)),
    readings("a formula that failed", changed("D3", "#DIV/0!", kind="e"), file="readings.xlsx", loaded=1,
             faults=((3, TP, "value_formula_error"),)),
    readings("a truth for a value", changed("D3", content=True), file="readings.xlsx", loaded=1,
             faults=((3, TP, "value_unreadable"),)),
    readings("a day for a value", changed("D3", dt.date(2023, 1, 2)), file="readings.xlsx", loaded=1,
             faults=((3, TP, "value_unreadable"),)),
    readings("a percentage for a concentration on a sheet", changed("D3", 0.1, "0%"), file="readings.xlsx",
             loaded=1, faults=((3, TP, "unit_not_convertible"),)),
    readings("a workbook in the days of the other epoch",
             rewritten(changed("C3", 43646.25), "xl/workbook.xml",
                       lambda xml: xml.replace(b"<workbookPr", b'<workbookPr date1904="1"')),
             file="readings.xlsx", loaded=2),
    readings("a template whose example has another name", example("readings", title="参考"),
             file="readings.xlsx", loaded=1, notices=((None, "sheets_ignored"),)),
    readings("the example of a template and nothing else", example("readings", title="表", alone=True),
             file="readings.xlsx", refused="example_only"),
    readings("a workbook of the old kind", (FILES / "old.xls").read_bytes(), file="readings.xls", loaded=2,
             notices=((None, "hidden_rows_unseen"),)),
    readings("a workbook of another office", (FILES / "old.ods").read_bytes(), file="readings.ods", loaded=2,
             notices=((None, "hidden_rows_unseen"),)),
    readings("a torn workbook of the old kind", (FILES / "old.xls").read_bytes()[:2_500],
             file="readings.xls", refused="format_unknown"),
    readings("a cell in the last corner of a sheet", changed("XFD1048576", "x"), file="readings.xlsx",
             refused="file_too_many_cells"),
    readings("a cell in the last corner of a binary sheet", binary_workbook(1_048_575, 16_383),
             file="readings.xlsb", refused="file_too_many_cells"),
    readings("a row that stands for a hundred million",
             rewritten((FILES / "old.ods").read_bytes(), "content.xml", repeated), file="readings.ods",
             refused="file_too_many_cells"),
    readings("a binary sheet without a table", binary_workbook(1, 1), file="readings.xlsb",
             refused="file_empty"),
    readings("a workbook behind a password", (FILES / "locked.xlsx").read_bytes(), file="readings.xlsx",
             refused="file_locked"),
    readings("a torn workbook", workbook()[:900], file="readings.xlsx", refused="format_unknown"),
    readings("a workbook with a torn sheet",
             rewritten(workbook(), "xl/worksheets/sheet1.xml", lambda xml: xml[: len(xml) // 2]),
             file="readings.xlsx", refused="format_unknown"),
    readings("a workbook without its sheet",
             zipped(**{"xl/workbook_dot_xml": b"<workbook/>"}), file="readings.xlsx",
             refused="format_unknown"),
    readings("a page of the web called a workbook",
             f"<html><table><tr><td>{'</td><td>'.join(HEADER)}</td></tr></table></html>".encode("gbk"),
             file="readings.xls", refused="format_mismatch"),
    readings("a page for printing called a workbook", b"%PDF-1.7 ...", file="readings.xlsx",
             refused="format_mismatch"),
    readings("text called a workbook", as_csv(SOUND), file="readings.xlsx", loaded=1,
             notices=((None, "format_by_content"),)),
    readings("a workbook called text", workbook(), file="readings.csv", loaded=1,
             notices=((None, "format_by_content"),)),
)  # fmt: skip

PACKED = (
    readings("a packed text", zipped(readings_dot_csv=as_csv(SOUND)), file="readings.zip", loaded=1),
    readings("an archive within an archive", zipped(a_dot_zip=zipped(a_dot_csv=as_csv(SOUND))),
             file="readings.zip", refused="archive_nested"),
    readings("two files in one archive", zipped(a_dot_csv=as_csv(SOUND), b_dot_csv=as_csv(OTHER)),
             file="readings.zip", refused="archive_several"),
    readings("an archive that climbs out of its folder", zipped(_up__up_etc_dot_csv=as_csv(SOUND)),
             file="readings.zip", refused="archive_several"),
    readings("an archive that unpacks out of all proportion", zipped(a_dot_csv=b"0" * (70 << 20)),
             file="readings.zip", refused="file_unpacks_too_large"),
    readings("an archive that says it unpacks to four gigabytes",
             lying(zipped(a_dot_csv=as_csv(SOUND)), 4_200_000_000), file="readings.zip",
             refused="file_unpacks_too_large"),
    readings("an archive that says it holds less", lying(zipped(a_dot_csv=as_csv(SOUND)), 10),
             file="readings.zip", refused="format_unknown"),
    readings("a packed workbook out of all proportion",
             rewritten(workbook(), "docProps/app.xml", lambda xml: xml + b" " * (70 << 20)),
             file="readings.xlsx", refused="file_unpacks_too_large"),
    readings("a torn packing", gzip.compress(as_csv(SOUND))[:-12], file="readings.csv.gz",
             refused="format_unknown"),
    readings("no packing at all", as_csv(SOUND), file="readings.csv.gz", refused="format_unknown"),
    readings("a torn feed", json.dumps({"thead": list(HEADER), "tbody": [list(SOUND.values())]},
                                       ensure_ascii=False).encode()[:-9],
             file="readings.json", refused="format_unknown"),
    readings("a feed that says it has more rows",
             json.dumps({"records": 9, "thead": list(HEADER), "tbody": [list(SOUND.values())]}).encode(),
             file="readings.json", loaded=1, notices=((None, "feed_records_differ"),)),
    readings("a document of another shape", b'{"hello": ["world"]}', file="readings.json",
             refused="format_unknown"),
    readings("a document as deep as the sea", b"[" * 100_000, file="readings.json",
             refused="format_unknown"),
    readings("an ending of nobody", as_csv(SOUND), file="readings.wps", refused="format_unsupported"),
)  # fmt: skip

READINGS = (
    *ENCODINGS, *TEXTS, *UNITS, *VALUES, *TIMES, *IDENTITIES, *WORKBOOKS, *PACKED,
)  # fmt: skip
