"""Files become tables of text, whatever wrote them; what cannot be read is refused in one sentence."""

import datetime as dt
import gzip
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import openpyxl
import pytest
import shapely

from ingest.errors import (
    EmptyFileError,
    FileMissingError,
    OptionError,
    SheetError,
    TooLargeError,
    UnknownFormatError,
    WrongEncodingError,
)
from ingest.options import IngestOptions, Limits
from ingest.readers import RawTable, cell_text, read_table

HEADERS = {"断面名称", "总磷(mg/L)", "code", "name"}
CSV = "断面名称,总磷(mg/L)\n沌口,0.05L\n清江口,0.1\n"


def known(row: Sequence[str]) -> int:
    return sum(cell in HEADERS for cell in row)


def read(path: Path, **options: object) -> RawTable:
    return read_table(path, IngestOptions(**options), known)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_encodings_are_found_by_themselves(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(CSV.encode(encoding))
    table = read(path)
    assert table.columns == ("断面名称", "总磷(mg/L)")
    assert table.cells == (["沌口", "清江口"], ["0.05L", "0.1"])


def test_a_named_encoding_wins_and_a_wrong_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(CSV.encode("gb18030"))
    assert read(path, encoding="gbk").cells[0] == ["沌口", "清江口"]
    with pytest.raises(WrongEncodingError) as caught:
        read(path, encoding="utf-8")
    assert caught.value.params["encoding"] == "utf-8"
    for name in ("klingon", "hex", "\x00"):
        with pytest.raises(OptionError):
            read(path, encoding=name)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(b"\xff\xff\x00\x81\xfe\xff" * 9)
    with pytest.raises((WrongEncodingError, UnknownFormatError)):
        read(path)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters_are_found_by_themselves(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(CSV.replace(",", delimiter), encoding="utf-8")
    assert read(path).cells[1] == ["0.05L", "0.1"]


def test_row_numbers_are_those_that_a_person_sees(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text('断面名称,总磷(mg/L)\n"沌\n口",1\n\n清江口,2\n,,\n末,3\n', encoding="utf-8")
    table = read(path)
    assert table.rows.tolist() == [2, 4, 6]


def test_titles_above_the_header_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("2023年水质月报,,\n填报单位：样例局,,\n" + CSV, encoding="utf-8")
    table = read(path)
    assert table.columns == ("断面名称", "总磷(mg/L)")
    assert table.rows.tolist() == [4, 5]


def test_cells_beyond_the_header_are_noticed_and_short_rows_are_filled(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("断面名称,总磷(mg/L)\n沌口,1,2\n清江口\n", encoding="utf-8")
    table = read(path)
    assert table.overlong == ((0, ("2",)),)
    assert table.cells[1] == ["1", ""]


def test_packed_text_is_looked_into_and_bombs_are_not_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "readings.csv.gz"
    packed.write_bytes(gzip.compress(CSV.encode()))
    assert len(read(packed)) == 2
    archive = tmp_path / "readings.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("readings.csv", CSV)
    assert len(read(archive)) == 2
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"a,b\n" * 1_000_000))
    with pytest.raises(TooLargeError):
        read(bomb, limits=Limits(unpacked_bytes=100_000))


def test_texts_of_a_workbook_survive_and_typed_cells_read_as_a_person_sees_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["code", "name", "总磷(mg/L)", "日期", "人口"])
    sheet.append(["007", "沌口", "0.05L", dt.datetime(2023, 6, 30, 8), 510502])  # noqa: DTZ001 - a cell has no zone
    sheet.append(["008", None, 0.1 + 0.2, dt.date(2023, 6, 30), 1.5])
    path = tmp_path / "book.xlsx"
    book.save(path)
    table = read(path)
    assert table.cells[0] == ["007", "008"]
    assert table.cells[2] == ["0.05L", "0.3"]
    assert table.cells[3] == ["2023-06-30 08:00:00", "2023-06-30"]
    assert table.cells[4] == ["510502", "1.5"]
    assert table.rows.tolist() == [2, 3]


def test_the_sheet_with_known_headers_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["填报说明"])
    data = book.create_sheet("数据")
    data.append(["code", "name"])
    data.append(["1", "沌口"])
    path = tmp_path / "book.xlsx"
    book.save(path)
    table = read(path)
    assert (table.sheet, table.sheets_ignored) == ("数据", ("Sheet",))
    assert read(path, sheet="2").sheet == "数据"
    with pytest.raises(SheetError, match="填报"):
        read(path, sheet="填报")
    other = book.create_sheet("其他")
    other.append(["code", "断面名称"])
    other.append(["2", "清江口"])
    book.save(path)
    with pytest.raises(SheetError) as caught:
        read(path)
    assert caught.value.code == "sheet_ambiguous"
    assert caught.value.sheets == ("数据", "其他")


def test_a_geojson_number_keeps_its_text_and_null_geometry_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ponds.geojson"
    path.write_text(
        '{"type":"FeatureCollection","features":['
        '{"type":"Feature","properties":{"code":"1","v":0.10},"geometry":null},'
        '{"type":"Feature","properties":{"code":"2"},"geometry":{"type":"Point","coordinates":[1,2,null]}}]}',
        encoding="utf-8",
    )
    table = read(path)
    assert table.cells[table.columns.index("v")] == ["0.10", ""]
    assert table.geometry is not None
    assert table.geometry.tolist() == [None, shapely.Point(1, 2)]
    assert table.crs == "OGC:CRS84"
    assert table.rows.tolist() == [1, 2]


def test_a_geometry_that_is_none_is_marked_and_not_fatal(tmp_path: Path) -> None:
    shapes = [
        {"type": "Point", "coordinates": "here"},
        {"type": "Blob"},
        {"type": "Polygon", "coordinates": [[1]]},
    ]
    features = [{"type": "Feature", "properties": {"code": "1"}, "geometry": shape} for shape in shapes]
    path = tmp_path / "ponds.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    assert read(path).bad_geometry == (0, 1, 2)


def test_geopackage_layers_are_read_with_their_system(tmp_path: Path) -> None:
    path = tmp_path / "ponds.gpkg"
    frame = gpd.GeoDataFrame({"code": ["007"]}, geometry=[shapely.Point(111, 30)], crs=4490)
    frame.to_file(path, layer="尾矿库")
    table = read(path)
    assert table.cells[0] == ["007"]
    assert "China Geodetic Coordinate System 2000" in str(table.crs)
    frame.to_file(path, layer="second")
    with pytest.raises(SheetError):
        read(path)
    assert read(path, sheet="second").cells[0] == ["007"]


def test_a_zipped_shapefile_in_gbk_without_cpg_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "shp"
    folder.mkdir()
    frame = gpd.GeoDataFrame({"name": ["尾矿库"]}, geometry=[shapely.Point(111, 30)], crs=4490)
    frame.to_file(folder / "ponds.shp", encoding="GBK")
    (folder / "ponds.cpg").unlink()
    archive = tmp_path / "ponds.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        for file in folder.iterdir():
            stream.write(file, file.name)
    assert read(archive).cells[0] == ["尾矿库"]
    assert read(folder / "ponds.shp").cells[0] == ["尾矿库"]


def test_parquet_with_and_without_geometry_is_read(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"code": ["007"]}, geometry=[shapely.Point(111, 30)], crs=4490)
    frame.to_parquet(tmp_path / "ponds.parquet")
    frame.drop(columns="geometry").to_parquet(tmp_path / "plain.parquet")
    assert read(tmp_path / "ponds.parquet").geometry is not None
    assert read(tmp_path / "plain.parquet").cells[0] == ["007"]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", b"", EmptyFileError),
        ("a.csv", b"code,name\n", EmptyFileError),
        ("a.csv", b"code,name\n\x00,\x00\n", UnknownFormatError),
        ("a.csv", b'code,name\n"open,1\n' + b"x" * 2_000_000, UnknownFormatError),
        ("a.csv", b'code,name\n1,"open\n2,b\n', UnknownFormatError),
        ("a.csv", b'code,name\n1,"open\n2,"b"\n', UnknownFormatError),
        ("a.xlsx", b"PK\x03\x04 no workbook", UnknownFormatError),
        ("a.gpkg", b"no database", UnknownFormatError),
        ("a.gpkg", b"SQLite format 3\x00" + bytes(range(256)) * 20, UnknownFormatError),
        ("a.geojson", b"{", UnknownFormatError),
        ("a.geojson", b'{"type":"FeatureCollection"}', UnknownFormatError),
        ("a.geojson", b"[" * 100_000, UnknownFormatError),
        ("a.json", b'{"a": 1}', UnknownFormatError),
        ("a.zip", b"no archive", UnknownFormatError),
        ("a.gz", b"no gzip", UnknownFormatError),
        ("a.parquet", b"PAR1 no", UnknownFormatError),
        ("a.pdf", b"%PDF", UnknownFormatError),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, error: type[Exception]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read(path)
    assert str(caught.value).startswith(name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(FileMissingError):
            read(path)


def test_limits_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV, encoding="utf-8")
    for limits in (Limits(file_bytes=10), Limits(rows=1), Limits(columns=1)):
        with pytest.raises(TooLargeError):
            read(path, limits=limits)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (8.0, "8"), (1e-7, "1E-7"), (True, "TRUE"), (float("nan"), ""), (0.1 + 0.2, "0.3")],
)
def test_a_typed_cell_has_the_text_that_a_person_reads(value: object, text: str) -> None:
    assert cell_text(value) == text
