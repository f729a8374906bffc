"""Periods: their spellings, their Beijing days, and what is no period."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.errors import PeriodError
from spatial.period import PeriodKind, parse_period, period_a_year_before, period_before


@pytest.mark.parametrize(
    ("text", "kind", "start", "end"),
    [
        ("2025-06", PeriodKind.MONTH, date(2025, 6, 1), date(2025, 6, 30)),
        ("2024-02", PeriodKind.MONTH, date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-Q1", PeriodKind.QUARTER, date(2025, 1, 1), date(2025, 3, 31)),
        ("2025-Q4", PeriodKind.QUARTER, date(2025, 10, 1), date(2025, 12, 31)),
        ("2025", PeriodKind.YEAR, date(2025, 1, 1), date(2025, 12, 31)),
        ("2025-flood", PeriodKind.FLOOD_SEASON, date(2025, 5, 1), date(2025, 10, 31)),
        ("2025-dry", PeriodKind.DRY_SEASON, date(2025, 11, 1), date(2026, 4, 30)),
        ("2024-11-01/2025-02-28", PeriodKind.RANGE, date(2024, 11, 1), date(2025, 2, 28)),
        ("2025-06-05/2025-06-05", PeriodKind.RANGE, date(2025, 6, 5), date(2025, 6, 5)),
    ],
)
def test_a_period_has_its_days(text, kind, start, end):
    found = parse_period(text)
    assert (found.text, found.kind, found.start, found.end) == (text, kind, start, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "25",
        "2025-13",
        "2025-00",
        "2025-6",
        "2025-Q5",
        "2025-q1",
        "2025-06-01",
        "2025-02-01/2025-01-31",
        "2025-02-30/2025-03-01",
        "2025-flood/2026",
        "/",
        "2025年6月",
        "2025-06\n2",
    ],
)
def test_what_is_no_period_is_refused(text):
    with pytest.raises(PeriodError) as caught:
        parse_period(text)
    assert caught.value.text == text


def test_the_moments_are_of_beijing():
    june = parse_period("2025-06")
    assert june.contains(datetime(2025, 5, 31, 16, tzinfo=UTC))
    assert not june.contains(datetime(2025, 6, 30, 16, tzinfo=UTC))
    assert june.starts_at.isoformat() == "2025-06-01T00:00:00+08:00"


def test_the_months_of_a_range_are_all_that_it_touches():
    assert parse_period("2024-11-30/2025-01-01").months == ((2024, 11), (2024, 12), (2025, 1))


@given(year=st.integers(1990, 2060))
def test_flood_and_dry_season_fill_the_time_between_two_flood_seasons(year):
    flood, dry = parse_period(f"{year}-flood"), parse_period(f"{year}-dry")
    assert flood.ends_before == dry.starts_at
    assert dry.ends_before == parse_period(f"{year + 1}-flood").starts_at


@given(year=st.integers(1990, 2060))
def test_twelve_months_and_four_quarters_fill_a_year(year):
    days = parse_period(str(year)).days
    assert sum(parse_period(f"{year}-{month:02d}").days for month in range(1, 13)) == days
    assert sum(parse_period(f"{year}-Q{quarter}").days for quarter in range(1, 5)) == days


@pytest.mark.parametrize(
    ("text", "before", "a_year_before"),
    [
        ("2025-01", "2024-12", "2024-01"),
        ("2025-06", "2025-05", "2024-06"),
        ("2025-Q1", "2024-Q4", "2024-Q1"),
        ("2025-Q3", "2025-Q2", "2024-Q3"),
        ("2025", "2024", "2024"),
        ("2025-flood", "2024-flood", "2024-flood"),
        ("2025-dry", "2024-dry", "2024-dry"),
        ("2025-03-01/2025-03-31", "2025-01-29/2025-02-28", "2024-03-01/2024-03-31"),
        ("2024-02-28/2024-02-29", "2024-02-26/2024-02-27", "2023-02-28/2023-02-28"),
    ],
)
def test_every_period_has_one_before_it_and_one_a_year_before(text, before, a_year_before):
    period = parse_period(text)
    assert (period_before(period).text, period_a_year_before(period).text) == (before, a_year_before)
