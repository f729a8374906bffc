"""Texts of measured values: worked examples G02 and G03 of the domain notes, HJ 91.2-2022, SL 219."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.values import Reading, parse_number, parse_value

NOT_DETECTED, BELOW, MISSING = Reading.NOT_DETECTED, Reading.BELOW, Reading.MISSING

# G03: the strings in the order of the worked example; -0.05 follows below, for it depends on a switch.
G03 = [
    ("0.05L", BELOW),
    ("0.05l", BELOW),
    ("<0.05", BELOW),
    ("＜0.05", BELOW),
    ("ND", NOT_DETECTED),
    ("未检出", NOT_DETECTED),
    ("-1", MISSING),
    ("--", MISSING),
    ("*", MISSING),
    ("-", MISSING),
    ("—", MISSING),
    ("/", MISSING),
    ("", MISSING),
]


def test_g03_strings_that_mean_below_detection_or_missing() -> None:
    for text, reading in G03:
        assert parse_value(text).reading is reading, text


@pytest.mark.parametrize(
    "text", ["0.05L", "0.05l", "<0.05", "＜0.05", "0.05 L", "ND(0.05)", "未检出（0.05L）"]
)
def test_a_value_below_detection_keeps_its_limit(text: str) -> None:
    assert parse_value(text).number == Decimal("0.05")


def test_a_negative_number_is_a_limit_only_where_the_vendor_convention_is_switched_on() -> None:
    assert parse_value("-0.05").reading is Reading.MEASURED
    assert parse_value("-0.05").number == Decimal("-0.05")
    switched = parse_value("-0.05", negative_is_limit=True)
    assert (switched.reading, switched.number) == (BELOW, Decimal("0.05"))
    assert parse_value("-1", negative_is_limit=True).reading is MISSING


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.10", "0.10"),
        ("１２．５", "12.5"),
        ("1,234.5", "1234.5"),
        ("1.2E+04", "12000"),
        ("1.2×10^4", "12000"),
        ("1.2×10⁴", "12000"),
        ("4E-05", "0.00004"),
        ("1.2*10^4", "12000"),
        ("1.2 × 10^4", "12000"),
        ("1 234.5", "1234.5"),
        ("１，２３４", "1234"),
        ("\u200b0.05", "0.05"),
        ("\u00a00.05\u3000", "0.05"),
        (".5", "0.5"),
    ],
)
def test_numbers_are_read_exactly_as_decimals(text: str, number: str) -> None:
    assert parse_number(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["1..2", "1,23", "12,34,567", "0.05LL", "<", "abc", "5%", "1 of 2", "<<0.1", "<=0.1", "≤0.1", "∞"]
)
def test_what_cannot_be_read_is_said_so_and_never_guessed(text: str) -> None:
    cell = parse_value(text)
    assert cell.reading is Reading.UNREADABLE
    assert cell.number is None


@pytest.mark.parametrize("text", ["7 8", "0.1 0.2", "0. 05", "1\u00a02", "12 34"])
def test_a_blank_between_digits_makes_no_number_of_two(text: str) -> None:
    assert parse_value(text).reading is Reading.UNREADABLE


@pytest.mark.parametrize("text", ["未测", "停测", "#N/A", "断流", "冰封", "仪器故障", "\u00a0", "——"])
def test_a_cell_that_says_why_nothing_was_measured_is_missing(text: str) -> None:
    assert parse_value(text).reading is MISSING


@pytest.mark.parametrize("text", ["#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "########"])
def test_a_failed_formula_is_an_error_and_not_a_missing_value(text: str) -> None:
    assert parse_value(text).code == "value_formula_error"


@pytest.mark.parametrize("text", ["nd(0.01)", "ND（0.01）", "未检出(<0.01)", "未检出(0.01L)"])
def test_a_not_detected_with_its_limit_beside_it_is_below_that_limit(text: str) -> None:
    assert (parse_value(text).reading, parse_value(text).number) == (BELOW, Decimal("0.01"))


def test_a_percent_sign_is_read_only_where_a_share_is_measured() -> None:
    assert parse_value("85.5%", percent=True).number == Decimal("85.5")
    assert parse_value("８５％", percent=True).number == Decimal(85)
    assert parse_value("85%").reading is Reading.UNREADABLE


@pytest.mark.parametrize("text", ["0L", "<0", "-0.1L"])
def test_a_detection_limit_is_above_zero(text: str) -> None:
    assert parse_value(text).code == "detection_limit_unreadable"


@given(st.decimals(min_value=0, max_value=10**9, places=5, allow_nan=False, allow_infinity=False))
def test_a_decimal_comes_back_as_it_was_written(number: Decimal) -> None:
    assert parse_value(str(number)).number == number
    if number:
        assert parse_value(f"{number}L").number == number


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    cell = parse_value(text)
    assert (cell.number is not None) == (cell.reading in {Reading.MEASURED, Reading.BELOW})
