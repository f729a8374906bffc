"""Dates and times as Chinese files write them; worked example G06 for the year that feeds leave out."""

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.times import BEIJING, capture_from_name, capture_of, parse_date, parse_time


def beijing(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BEIJING)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-06-30 08:00", beijing(2023, 6, 30, 8)),
        ("2023年6月30日 8时", beijing(2023, 6, 30, 8)),
        ("2023年6月30日8时30分", beijing(2023, 6, 30, 8, 30)),
        ("2023.6.30", beijing(2023, 6, 30)),
        ("2023/6/30 8:00:15", beijing(2023, 6, 30, 8, 0, 15)),
        ("２０２３－０６－３０", beijing(2023, 6, 30)),
        ("20230630", beijing(2023, 6, 30)),
        ("20230630080000", beijing(2023, 6, 30, 8)),
        ("45107", beijing(2023, 6, 30)),
        ("45107.3333333333", beijing(2023, 6, 30, 8)),
        ("2023-06-30 24:00", beijing(2023, 7, 1)),
        ("2023-06", beijing(2023, 6, 1)),
        ("2023年6月", beijing(2023, 6, 1)),
        ("2023-06-30T00:00:00Z", beijing(2023, 6, 30, 8)),
        ("2023-06-30T08:00:00+09:00", beijing(2023, 6, 30, 7)),
        ("2023-06-30 08:00 UTC", beijing(2023, 6, 30, 16)),
        ("2023-06-30 08:00 UTC+8", beijing(2023, 6, 30, 8)),
        ("2023-06-30 08:00 北京时间", beijing(2023, 6, 30, 8)),
        ("2023/6/30 下午 2:05", beijing(2023, 6, 30, 14, 5)),
        ("2023/6/30 上午12:00", beijing(2023, 6, 30)),
        ("2023-6-30 2:05:00 PM", beijing(2023, 6, 30, 14, 5)),
        ("2023年6月30日 下午2时", beijing(2023, 6, 30, 14)),
        ("2023\u00a0年6月30日\u30008时", beijing(2023, 6, 30, 8)),
    ],
)
def test_times_are_beijing_times_unless_they_carry_an_offset(text: str, expected: datetime) -> None:
    assert parse_time(text).at == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2023-02-30", "time_impossible"),
        ("2023-06-30 25:00", "time_impossible"),
        ("2023-13-01", "time_impossible"),
        ("02-30 08:00", "time_impossible"),
        ("1823-01-01", "time_out_of_range"),
        ("2023-06-30 08:00+25:00", "time_impossible"),
        ("2023-06-30 08:00+08:75", "time_impossible"),
        ("2023-06-30 下午14:00", "time_impossible"),
        ("6/30/2023", "time_unreadable"),
        ("yesterday", "time_unreadable"),
        ("2023-06-30 08", "time_unreadable"),
        ("06-30 08:00", "time_without_year"),
    ],
)
def test_what_no_calendar_has_is_refused_with_its_reason(text: str, code: str) -> None:
    assert parse_time(text).code == code


def test_a_serial_day_is_counted_from_the_epoch_of_its_workbook() -> None:
    """2023-06-30 is day 45107 where 1900-01-01 is day 1, and day 43645 where 1904-01-01 is day 0."""
    assert parse_time("43645.25", date_1904=True).at == beijing(2023, 6, 30, 6)
    assert parse_time("45107.25").at == beijing(2023, 6, 30, 6)
    assert parse_time("10000").code == "time_unreadable"


@pytest.mark.parametrize("text", ["", "*", "--", "-", "—", " "])
def test_missing_marks_are_no_times_and_no_errors(text: str) -> None:
    assert parse_time(text).missing


def test_g06_a_time_more_than_180_days_ahead_of_its_capture_belongs_to_the_year_before() -> None:
    captured = beijing(2026, 1, 1, 1, 10)
    assert parse_time("12-31 20:00", captured=captured).at == beijing(2025, 12, 31, 20)
    assert parse_time("01-01 00:00", captured=captured).at == beijing(2026, 1, 1)


def test_29_february_belongs_to_the_latest_year_that_has_one() -> None:
    assert parse_time("02-29 08:00", captured=beijing(2021, 1, 5)).at == beijing(2020, 2, 29, 8)
    assert parse_time("02-29 08:00", captured=beijing(2023, 3, 5)).code == "time_impossible"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz", beijing(2021, 4, 30, 23, 59, 59)),
        ("cnemc_national_snapshot_2020-05-08.csv", beijing(2020, 5, 8, 23, 59, 59)),
        ("daily_2020-05-10_2020-12-31.csv", beijing(2020, 12, 31, 23, 59, 59)),
        ("水质20250607.xlsx", beijing(2025, 6, 7, 23, 59, 59)),
        ("readings.csv", None),
        ("420500.csv", None),
    ],
)
def test_a_file_name_says_when_its_snapshot_was_taken_at_the_latest(
    name: str, expected: datetime | None
) -> None:
    assert capture_from_name(name) == expected


def test_a_capture_day_means_its_end() -> None:
    assert capture_of(date(2021, 4, 1)) == beijing(2021, 4, 1, 23, 59, 59)
    moment = datetime(2021, 4, 1, 12, tzinfo=timezone(timedelta(hours=8)))
    assert capture_of(moment) == moment


def test_dates_drop_the_hour_and_need_their_year() -> None:
    assert parse_date("2023年6月30日 8时") == (date(2023, 6, 30), None)
    assert parse_date("6月30日") == (None, "date_without_year")
    assert parse_date("2023-06-31") == (None, "date_impossible")
    assert parse_date("") == (None, None)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2100, 12, 31)))  # noqa: DTZ001 - what a naive file holds
def test_an_iso_time_comes_back(moment: datetime) -> None:
    whole = moment.replace(microsecond=0)
    assert parse_time(whole.isoformat(sep=" ")).at == whole.replace(tzinfo=BEIJING)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.dates(date(2001, 1, 1), date(2098, 1, 1)))
def test_a_year_less_time_is_never_more_than_180_days_ahead(day: date, captured: date) -> None:
    at = parse_time(f"{day:%m-%d} 08:00", captured=capture_of(captured)).at
    if at is not None:
        assert at - capture_of(captured) <= timedelta(days=180)


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    parsed = parse_time(text)
    assert parsed.at is None or parsed.code is None
