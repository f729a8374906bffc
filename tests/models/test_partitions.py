"""Readings lie in partitions by Beijing month, which appear when they are needed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import UnstorableError
from models.partitions import beijing_month, ensure_partitions, month_bounds, partition_name
from models.tables import ReadingRow, UploadRow

AddRow = Callable[..., Any]
BEIJING = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("instant", "partition"),
    [
        # 16:00 UTC is midnight in Beijing.
        (datetime(2025, 5, 31, 15, 59, 59, 999_999, tzinfo=UTC), "readings_2025_05"),
        (datetime(2025, 5, 31, 16, tzinfo=UTC), "readings_2025_06"),
        (datetime(2024, 12, 31, 16, tzinfo=UTC), "readings_2025_01"),
        (datetime(2024, 12, 31, 23, 59, tzinfo=BEIJING), "readings_2024_12"),
        (datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=-11))), "readings_2024_03"),
    ],
)
def test_a_reading_lies_in_the_month_of_beijing(
    session: Session, add: AddRow, instant: datetime, partition: str
) -> None:
    add(ReadingRow, sampled_at=instant)
    (found,) = session.scalars(text("SELECT tableoid::regclass::text FROM qingjiang.readings")).all()
    assert found == f"qingjiang.{partition}"


@given(st.datetimes(datetime(1901, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_instant_lies_within_the_bounds_of_its_month(instant: datetime) -> None:
    start, end = month_bounds(beijing_month(instant))
    assert start <= instant < end


@given(st.integers(1900, 2198), st.integers(1, 12))
def test_months_leave_no_gap_and_do_not_overlap(year: int, month: int) -> None:
    following = (year + month // 12, month % 12 + 1)
    assert month_bounds((year, month))[1] == month_bounds(following)[0]


def test_partitions_are_made_once_and_named(fresh_database: Engine) -> None:
    june = datetime(2025, 6, 1, tzinfo=BEIJING)
    with Session(fresh_database) as session:
        made = ensure_partitions(session, [june, june + timedelta(days=3), june + timedelta(days=40)])
        again = ensure_partitions(session, [june])
    assert made == ["readings_2025_06", "readings_2025_07"]
    assert again == []


def test_a_partition_stays_when_the_load_is_rolled_back(fresh_database: Engine) -> None:
    with Session(fresh_database) as session:
        ensure_partitions(session, [datetime(2025, 6, 1, tzinfo=BEIJING)])
        session.rollback()
        assert ensure_partitions(session, [datetime(2025, 6, 1, tzinfo=BEIJING)]) == []


def test_a_reading_of_a_month_without_partition_is_refused(session: Session, add: AddRow) -> None:
    add(ReadingRow)
    with pytest.raises(IntegrityError, match="no partition of relation"):
        session.execute(
            text(
                "INSERT INTO qingjiang.readings (section_id, parameter, sampled_at, value, upload_id)"
                " SELECT section_id, 'tp', '1999-06-01', 1, upload_id FROM qingjiang.readings"
            )
        )


def test_a_partition_has_the_constraints_and_indexes_of_its_parent(fresh_database: Engine) -> None:
    with Session(fresh_database) as session:
        ensure_partitions(session, [datetime(2025, 6, 1, tzinfo=BEIJING)])
        checks = "SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = '{}'::regclass"
        indexes = "SELECT count(*) FROM pg_index WHERE indrelid = '{}'::regclass"
        for query in (checks, indexes):
            counts = {
                session.scalar(text(query.format(table)))
                for table in ("qingjiang.readings", "qingjiang.readings_2025_06")
            }
            assert len(counts) == 1
            assert counts != {0}


def test_many_loaders_may_need_the_same_new_months_at_once(fresh_database: Engine) -> None:
    months = [datetime(2025, month, 1, tzinfo=BEIJING) for month in range(1, 7)]

    def load(number: int) -> list[str]:
        with Session(fresh_database) as session:
            order = months if number % 2 else months[::-1]
            return [name for month in order for name in ensure_partitions(session, [month])]

    with ThreadPoolExecutor(6) as threads:
        made = [name for names in threads.map(load, range(6)) for name in names]
    assert sorted(made) == [partition_name((2025, month)) for month in range(1, 7)]


def test_making_a_partition_waits_for_no_transaction_that_writes_or_reads(
    fresh_database: Engine, adder_for: Callable[[Session], AddRow]
) -> None:
    with Session(fresh_database) as loading, Session(fresh_database) as reading:
        adder_for(loading)(ReadingRow)  # has written uploads, registry and readings, and is not done yet
        adder_for(loading)(UploadRow, file_name="second.csv")
        reading.execute(text("SELECT count(*) FROM qingjiang.readings"))
        with Session(fresh_database) as other:
            other.execute(text("SET lock_timeout = '5s'"))
            assert ensure_partitions(other, [datetime(2030, 1, 1, tzinfo=BEIJING)]) == ["readings_2030_01"]
        # The long load itself may need another month, too.
        assert ensure_partitions(loading, [datetime(2031, 1, 1, tzinfo=BEIJING)]) == ["readings_2031_01"]
        loading.commit()


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2025, 6, 1),  # noqa: DTZ001 - that is the point
        datetime(1899, 12, 31, tzinfo=UTC),
        datetime(2200, 1, 1, tzinfo=UTC),
    ],
)
def test_a_time_that_cannot_be_a_sampling_time_is_refused(instant: datetime) -> None:
    with pytest.raises(UnstorableError):
        beijing_month(instant)
