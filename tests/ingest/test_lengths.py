"""The table of river lengths: headers, units, and rows that are refused."""

from decimal import Decimal

import pytest

from ingest.errors import ColumnClashError, LengthError, MissingColumnsError
from ingest.lengths import read_lengths


@pytest.fixture
def lengths_of(tmp_path):
    def read(text, encoding="utf-8"):
        file = tmp_path / "lengths.csv"
        file.write_bytes(text.encode(encoding))
        return read_lengths(file)

    return read


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("code,length_km", "12.5"),
        ("断面编码,代表河长(km)", "12.5"),
        ("断面代码,河长（公里）", "12.5"),
        ("section,length [m]", "12500"),
        ("断面编码,河段长度(米)", "12500"),
    ],
)
def test_lengths_are_kilometres_unless_the_header_says_metres(lengths_of, header, length):
    assert lengths_of(f"{header}\nS1,{length}\nS2,3\n")["S1"] == Decimal("12.5")


def test_a_chinese_file_of_any_encoding_is_read(lengths_of):
    assert lengths_of("断面编码,断面名称,河长\nS1,宜昌,3.0\n", "gb18030") == {"S1": Decimal(3)}


@pytest.mark.parametrize("row", ["S1,", "S1,-3", "S1,0", "S1,far", ",3", "S1,NaN"])
def test_a_row_without_a_positive_length_refuses_the_file(lengths_of, row):
    with pytest.raises(LengthError) as caught:
        lengths_of(f"code,length_km\nS0,1\n{row}\n")
    assert (caught.value.row, caught.value.code) == (3, "length_unusable")


def test_a_section_has_one_length(lengths_of):
    assert lengths_of("code,length_km\nS1,3\nS1,3.0\n") == {"S1": Decimal(3)}
    with pytest.raises(LengthError):
        lengths_of("code,length_km\nS1,3\nS1,4\n")


def test_both_columns_are_needed_once(lengths_of):
    with pytest.raises(MissingColumnsError) as missing:
        lengths_of("code,width\nS1,3\n")
    assert missing.value.missing == ("length",)
    with pytest.raises(ColumnClashError):
        lengths_of("code,length_km,河长\nS1,3,3\n")
