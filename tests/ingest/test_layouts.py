"""How bureaus lay out their sheets, and what a packed file may grow to; each file is written by the test."""

import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
import shapely

from ingest.errors import (
    ArchiveError,
    MissingColumnsError,
    SheetError,
    TooLargeError,
    UnitError,
    UnknownFormatError,
)
from ingest.options import IngestOptions, Limits
from ingest.readings import ParsedReadings, parse_readings
from ingest.workbooks import _extent

HEADER = ["省份", "断面名称", "监测时间", "总磷(mg/L)", "氨氮(mg/L)"]
ROW = ["湖北省", "沌口", "2023-06-30 08:00", "0.05L", "0.12"]


def book_of(path: Path, *sheets: tuple[str, Sequence[Sequence[Any]]]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return book


def read(path: Path, **options: Any) -> ParsedReadings:
    return parse_readings(path, IngestOptions(**options), for_loading=True)


def values(parsed: ParsedReadings) -> list[tuple[int, str, str]]:
    frame = parsed.readings
    return [
        (int(row), code, f"{'<' if sign == '<' else ''}{value}")
        for row, code, sign, value in zip(
            frame["row"], frame["parameter"], frame["qualifier"], frame["value"], strict=True
        )
    ]


def codes(parsed: ParsedReadings) -> list[str]:
    return [notice.code for notice in parsed.warnings]


def test_a_header_of_two_lines_with_groups_and_units_is_one_header(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book_of(
        path,
        (
            "月报",
            [
                ["2023年6月水质月报", "", "", "", ""],
                ["省份", "断面名称", "监测时间", "监测项目", ""],
                ["", "", "", "总磷", "氨氮"],
                ["", "", "", "(μg/L)", "mg/L"],
                ["湖北省", "沌口", "2023-06-30", "50", "0.12"],
            ],
        ),
    )
    book = openpyxl.load_workbook(path)
    book.worksheets[0].merge_cells("D2:E2")
    book.worksheets[0].merge_cells("A2:A3")
    book.save(path)
    parsed = read(path)
    assert values(parsed) == [(5, "tp", "0.050"), (5, "nh3_n", "0.12")]
    assert not parsed.problems


def test_a_row_of_units_below_the_header_holds_for_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "省份,断面名称,监测时间,水温,总磷\n,,,(℃),(μg/L)\n湖北省,沌口,2023-06-30,20.5,50\n", encoding="utf-8"
    )
    assert values(read(path)) == [(3, "water_temp", "20.5"), (3, "tp", "0.050")]


def test_a_unit_row_in_fahrenheit_is_converted_and_one_that_contradicts_the_header_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("省份,断面名称,监测时间,水温\n单位,-,-,°F\n湖北省,沌口,2023-06-30,68\n", encoding="utf-8")
    assert values(read(path)) == [(3, "water_temp", "20")]
    path.write_text(
        "省份,断面名称,监测时间,总磷(mg/L)\n,,,μg/L\n湖北省,沌口,2023-06-30,50\n", encoding="utf-8"
    )
    with pytest.raises(UnitError):
        read(path)


def test_a_row_of_data_is_never_taken_for_a_second_line_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "省份,断面名称,监测时间,监测项目,监测值,备用\n湖北省,沌口,2023-06-30,总磷,0.1,\n", encoding="utf-8"
    )
    assert values(read(path)) == [(2, "tp", "0.1")]


@pytest.mark.parametrize(
    "word", ["合计", "合 计", "平均值", "总计：", "年均值", "最大值", "Average", "小计（2个断面）"]
)
def test_lines_of_totals_are_passed_over_and_said(tmp_path: Path, word: str) -> None:
    path = tmp_path / "a.xlsx"
    total = ["", word, "", "0.05", "0.12"]
    book_of(
        path, ("数据", [["序号", *HEADER], ["1", *ROW], ["", *total], ["2", *ROW[:1], "平均湾", *ROW[2:]]])
    )
    parsed = read(path)
    assert parsed.table.rows.tolist() == [2, 4], "a section whose name begins like a mean is none"
    (notice,) = [notice for notice in parsed.warnings if notice.code == "total_rows_skipped"]
    assert notice.params == {"count": 1, "rows": "3"}


def test_hidden_rows_are_read_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = book_of(path, ("数据", [HEADER, ROW, [*ROW[:2], "2023-07-01", "0.1", "0.2"]]))
    book.worksheets[0].row_dimensions[3].hidden = True
    book.save(path)
    parsed = read(path)
    assert parsed.rows_read == 2
    (notice,) = [notice for notice in parsed.warnings if notice.code == "hidden_rows"]
    assert notice.params == {"sheet": "数据", "count": 1, "rows": "3"}


def test_a_value_merged_over_rows_holds_for_each_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = book_of(path, ("数据", [HEADER, ROW, ["", "", "2023-07-01", "0.1", "0.2"]]))
    for cells in ("A2:A3", "B2:B3"):
        book.worksheets[0].merge_cells(cells)
    book.save(path)
    parsed = read(path)
    assert parsed.samples["section"].tolist() == ["沌口", "沌口"]
    assert "merged_cells_filled" in codes(parsed)
    assert not parsed.problems


def test_a_number_merged_over_two_parameters_is_the_first_ones_only(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = book_of(path, ("数据", [HEADER, [*ROW[:3], "0.3", ""], [*ROW[:2], "2023-07-01", "停测", ""]]))
    for cells in ("D2:E2", "D3:E3"):
        book.worksheets[0].merge_cells(cells)
    book.save(path)
    assert values(read(path)) == [(2, "tp", "0.3")]


def test_a_failed_formula_and_one_that_nobody_computed_are_no_empty_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = book_of(path, ("数据", [HEADER, [*ROW[:3], "=1/0", "=D2*2"], [*ROW[:2], "2023-07-01", "", "0.1"]]))
    failed = book.worksheets[0]["D2"]
    failed.value, failed.data_type = "#DIV/0!", "e"
    book.worksheets[0]["D3"].value, book.worksheets[0]["D3"].data_type = "#N/A", "e"
    book.save(path)
    parsed = read(path)
    assert [(problem.row, problem.code, problem.value) for problem in parsed.problems] == [
        (2, "value_formula_error", "#DIV/0!"),
        (2, "value_unreadable", "=D2*2"),
    ]
    assert values(parsed) == [(3, "nh3_n", "0.1")]


def test_sheets_of_the_same_columns_are_read_together(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    july = [*ROW[:2], "2023-07-30", "0.2", "0.3"]
    turned = [[row[1], row[0], *row[2:]] for row in (HEADER, july)]
    book_of(path, ("六月", [HEADER, ROW]), ("七月", turned), ("填报说明", [["请先阅读"]]))
    parsed = read(path)
    assert parsed.table.rows.tolist() == [2, 2_000_002]
    assert parsed.samples["province"].tolist() == ["湖北省", "湖北省"]
    assert {"sheets_joined", "sheets_ignored"} <= set(codes(parsed))
    assert read(path, sheet="七月").rows_read == 1


def test_sheets_of_data_with_other_columns_are_not_chosen_between(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book_of(path, ("六月", [HEADER, ROW]), ("七月", [HEADER[:4], ROW[:4]]))
    with pytest.raises(SheetError) as caught:
        read(path)
    assert caught.value.sheets == ("六月", "七月")


def test_a_hidden_sheet_is_left_unread_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = book_of(path, ("数据", [HEADER, ROW]), ("旧数据", [HEADER, ROW, ROW]))
    book.worksheets[1].sheet_state = "hidden"
    book.save(path)
    parsed = read(path)
    assert parsed.rows_read == 1
    assert "sheets_hidden" in codes(parsed)


def test_days_of_both_epochs_are_the_same_days(tmp_path: Path) -> None:
    for name, epoch, serial in (
        ("1900.xlsx", openpyxl.utils.datetime.CALENDAR_WINDOWS_1900, 45107.25),
        ("1904.xlsx", openpyxl.utils.datetime.CALENDAR_MAC_1904, 43645.25),
    ):
        typed = [*ROW[:2], dt.datetime(2023, 7, 1, 8), "0.1", "0.2"]  # noqa: DTZ001 - a cell has no zone
        book = book_of(tmp_path / name, ("数据", [HEADER]))
        book.epoch = epoch
        book.worksheets[0].append([*ROW[:2], serial, "0.1", "0.2"])
        book.worksheets[0].append(typed)
        book.save(tmp_path / name)
        times = read(tmp_path / name).samples["sampled_at"]
        assert [moment.isoformat() for moment in times] == [
            "2023-06-30T06:00:00+08:00",
            "2023-07-01T08:00:00+08:00",
        ]


@pytest.mark.parametrize("clock", ["8时", "08:00", "上午8:00"])
def test_a_date_and_a_clock_in_two_columns_are_one_time(tmp_path: Path, clock: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        f"省份,断面名称,监测日期,监测时间,总磷\n湖北省,沌口,2023年6月30日,{clock},0.1\n湖北省,沌口,2023-07-01,,0.1\n",
        encoding="utf-8",
    )
    parsed = read(path)
    assert [moment.isoformat() for moment in parsed.samples["sampled_at"]] == [
        "2023-06-30T08:00:00+08:00",
        "2023-07-01T00:00:00+08:00",
    ]
    assert parsed.table.row_cells(0)["监测时间"] == clock, "a rejected row is given back in its own columns"


def test_typed_dates_and_clocks_of_a_workbook_are_one_time(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    row = ["湖北省", "沌口", dt.datetime(2023, 6, 30), dt.time(8, 30), 0.1]  # noqa: DTZ001 - a cell has no zone
    book_of(path, ("数据", [["省份", "断面名称", "监测日期", "监测时间", "总磷"], row]))
    assert read(path).samples["sampled_at"][0].isoformat() == "2023-06-30T08:30:00+08:00"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_found_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{','.join(HEADER)}\r\n{','.join(ROW)}\r\n".encode(encoding))
    assert values(read(path)) == [(2, "tp", "<0.05"), (2, "nh3_n", "0.12")]


@pytest.mark.parametrize(
    ("reference", "extent"),
    [
        (b'r="XFD1048576"', (16_384, 1_048_576)),
        (b"r='xfd1048576'", (16_384, 1_048_576)),
        (b'r = "AB7"', (28, 7)),
        (b'r="A1"', (1, 1)),
        (b'r="999999999"', (1, 999_999_999)),
        (b'ar="ZZ9"', (1, 1)),
        (b'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"', (1, 1)),
        (b'x="ZZ99"', (1, 1)),
    ],
)
def test_the_last_column_and_row_of_a_sheet_are_found_however_they_are_written(
    reference: bytes, extent: tuple[int, int]
) -> None:
    sheet = b"<worksheet><sheetData><row><c %s/></row></sheetData></worksheet>" % reference
    assert _extent(sheet) == extent


# -- packed files ----------------------------------------------------------------------------------------


def zip_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_dot_", "."), data)
    return path


CSV = f"{','.join(HEADER)}\n{','.join(ROW)}\n".encode()


def test_an_archive_inside_an_archive_is_refused(tmp_path: Path) -> None:
    inner = zip_of(tmp_path / "inner.zip", a_dot_csv=CSV).read_bytes()
    for path in (
        zip_of(tmp_path / "outer.zip", inner_dot_zip=inner),
        zip_of(tmp_path / "gz.zip", a_dot_csv_dot_gz=gzip.compress(CSV)),
    ):
        with pytest.raises(ArchiveError, match="holds 1 files"):
            read(path)
    nested = tmp_path / "a.zip.gz"
    nested.write_bytes(gzip.compress(inner))
    with pytest.raises(ArchiveError, match="holds 1 files"):
        read(nested)


def test_litter_of_other_systems_in_an_archive_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/a.csv", CSV)
        archive.writestr("__MACOSX/data/._a.csv", b"\x00\x05\x16\x07")
        archive.writestr("data/.DS_Store", b"\x00")
    assert read(path).rows_read == 1
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("data/b.csv", CSV)
    with pytest.raises(UnknownFormatError, match=r"data/a\.csv, data/b\.csv"):
        read(path)


@pytest.mark.parametrize("ending", ["csv.gz", "zip", "xlsx"])
def test_what_unpacks_out_of_all_proportion_is_refused_before_it_does(tmp_path: Path, ending: str) -> None:
    zeros = b"0" * 8_000_000
    path = tmp_path / f"bomb.{ending}"
    if ending == "csv.gz":
        path.write_bytes(gzip.compress(zeros))
    elif ending == "zip":
        zip_of(path, a_dot_csv=zeros)
    else:
        book_of(path, ("数据", [HEADER, ROW]))
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/media/image1.bmp", zeros)
    limits = Limits(packing_ratio_from_bytes=1_000_000)
    with pytest.raises(TooLargeError):
        read(path, limits=limits)
    with pytest.raises(TooLargeError):
        read(path, limits=Limits(unpacked_bytes=1_000_000, workbook_bytes=1_000_000))


def test_a_directory_that_lies_about_a_size_is_found_out(tmp_path: Path) -> None:
    """The directory says 10 bytes where a hundred thousand follow."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 100_000)
    data = stream.getvalue().replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises((UnknownFormatError, TooLargeError)):
        read(path)


def test_packed_layers_and_workbooks_are_read(tmp_path: Path) -> None:
    from ingest.features import parse_features  # noqa: PLC0415 - one test needs it

    path = tmp_path / "ponds.gpkg"
    gpd.GeoDataFrame({"code": ["007"]}, geometry=[shapely.Point(111, 30)], crs=4490).to_file(path)
    packed = tmp_path / "ponds.gpkg.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for source in (packed, zip_of(tmp_path / "ponds.zip", ponds_dot_gpkg=path.read_bytes())):
        assert parse_features("facilities", source).frame["code"].tolist() == ["007"]
    frame = gpd.read_file(path)
    frame.to_parquet(tmp_path / "ponds.parquet")
    assert parse_features("facilities", tmp_path / "ponds.parquet").frame["code"].tolist() == ["007"]
    book_of(tmp_path / "b.xlsx", ("数据", [HEADER, ROW]))
    assert read(zip_of(tmp_path / "b.zip", b_dot_xlsx=(tmp_path / "b.xlsx").read_bytes())).rows_read == 1


# -- the feed's own JSON ---------------------------------------------------------------------------------

FEED = {
    "records": 3,
    "thead": ["省份", "断面名称", "监测时间", "总磷<br/><span class='unit'>(mg/L)</span>", "站点情况"],
    "tbody": [
        [
            "北京市",
            "<span data-toggle='tooltip' title='所在地市:门头沟区&#10;所属河流:永定河'>沿河城</span>",
            "08-15 08:00",
            "<span title='原始值：0.08584'>0.086</span>",
            "正常",
        ],
        ["北京市", "古北口", "08-15 08:00", "--", None],
    ],
}


def test_a_cell_of_the_feed_gives_the_shown_and_the_unrounded_value(tmp_path: Path) -> None:
    path = tmp_path / "feed_2020-08-15.json"
    path.write_text(json.dumps(FEED, ensure_ascii=False), encoding="utf-8")
    parsed = read(path)
    (reading,) = parsed.readings.to_dict("records")
    assert (reading["value"], reading["full_value"]) == (Decimal("0.086"), Decimal("0.08584"))
    assert parsed.samples["city"].tolist() == ["门头沟区", None]
    assert parsed.samples["river"].tolist() == ["永定河", None]
    assert parsed.samples["sampled_at"][0].isoformat() == "2020-08-15T08:00:00+08:00"
    assert "feed_records_differ" in codes(parsed)


def test_the_publishers_json_and_its_converted_table_say_the_same(shared_data: Path) -> None:
    """The data set has one moment of the network both ways; the conversion was made by somebody else."""
    folder = shared_data / "water_quality"
    own = read(folder / "cnemc_national_snapshot_2020-05-08.json.gz")
    converted = read(folder / "cnemc_national_snapshot_2020-05-08.csv.gz")
    assert own.rows_read == converted.rows_read == 1_901
    columns = ["sample_id", "parameter", "value", "full_value", "qualifier", "raw"]
    assert own.readings[columns].to_dict("records") == converted.readings[columns].to_dict("records")
    facts = ["section", "province", "sampled_at", "reported_class", "station_status"]
    assert own.samples[facts].equals(converted.samples[facts])
    assert [problem.code for problem in own.problems] == [problem.code for problem in converted.problems]


def test_a_day_of_the_publishers_json_has_city_and_river(shared_data: Path) -> None:
    parsed = read(shared_data / "water_quality" / "raw_examples" / "cnemc_2020-08-15.json")
    first = parsed.samples.iloc[0]
    assert (first["section"], first["city"], first["river"]) == ("沿河城", "门头沟区", "永定河")
    assert parsed.rows_read == 98


def test_rows_that_a_snapshot_shows_from_long_before_it_are_said_to_be_stale(tmp_path: Path) -> None:
    rows = ["05-08 08:00", "05-01 08:00", "09-09 08:00", "2020-04-01 08:00"]
    text = "\n".join(["省份,断面名称,监测时间,总磷", *(f"湖北省,沌口,{time},0.1" for time in rows)])
    path = tmp_path / "snapshot_2020-05-08.csv"
    path.write_text(text, encoding="utf-8")
    parsed = read(path)
    (notice,) = [notice for notice in parsed.warnings if notice.code == "stale_rows"]
    assert notice.params == {"count": 1, "rows": "3"}, "a time with its year is meant as it stands"
    assert [(problem.row, problem.code) for problem in parsed.problems] == [(4, "time_after_capture")]
    month = tmp_path / "snapshots_2020-05.csv"
    month.write_text(text, encoding="utf-8")
    assert "stale_rows" not in codes(read(month)), "a month of captures says nothing of the day"


def test_a_feed_whose_names_were_stripped_to_their_units_is_read_by_position(tmp_path: Path) -> None:
    units = "(℃),(无量纲),(mg/L),(μS/cm),(NTU),(mg/L).1,(mg/L).2,(mg/L).3,(mg/L).4,(mg/L).5,(cells/L)"
    header = f"省份,流域,断面名称,监测时间,水质类别,{units},站点情况"
    row = "湖北省,长江流域,沌口,2023-06-30 08:00,Ⅱ,20.1,7.5,8.1,300,12.5,2.1,0.12,0.05,1.6,--,--,正常"
    path = tmp_path / "feed.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    assert {code: value for _, code, value in values(read(path))} == {
        "water_temp": "20.1",
        "ph": "7.5",
        "do": "8.1",
        "conductivity": "300",
        "turbidity": "12.5",
        "cod_mn": "2.1",
        "nh3_n": "0.12",
        "tp": "0.05",
        "tn": "1.6",
    }
    path.write_text(f"{header.replace('(NTU)', '(m)')}\n{row}\n", encoding="utf-8")
    with pytest.raises(MissingColumnsError):
        read(path)


def test_a_share_and_a_padded_code_are_read_as_the_sheet_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    header = ["断面编码", "监测时间", "溶解氧饱和度(%)", "总磷(mg/L)"]
    book = book_of(path, ("数据", [header, [7, "2023-06-30", 0.853, 0.1], [12, "2023-06-30", 85.3, 0.2]]))
    sheet = book.worksheets[0]
    sheet["A2"].number_format = sheet["A3"].number_format = "0000"
    sheet["C2"].number_format = "0.0%"
    sheet["D2"].number_format = "0.000"
    book.save(path)
    parsed = read(path)
    assert parsed.samples["section"].tolist() == ["0007", "0012"]
    assert values(parsed) == [
        (2, "do_saturation", "85.3"),
        (2, "tp", "0.1"),
        (3, "do_saturation", "85.3"),
        (3, "tp", "0.2"),
    ]
    sheet["D2"].number_format = "0%"
    book.save(path)
    assert [problem.value for problem in read(path).problems] == ["10%"], "a percentage is no concentration"
