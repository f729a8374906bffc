"""Readings as a stream of Arrow batches: what `readings_between` gives, without an object for any row."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy.orm import Session

from models import streaming
from models.errors import BadQueryError
from models.partitions import ensure_partitions
from models.queries import readings_between
from models.streaming import stream_readings
from models.tables import ReadingRow, SectionRegistryRow

AddRow = Callable[..., Any]
BEIJING = ZoneInfo("Asia/Shanghai")
JUNE = date(2025, 6, 1), date(2025, 6, 30)
NOON = datetime(2025, 6, 1, 12, tzinfo=BEIJING)
NAMES = (
    "section",
    "sampled_at",
    "parameter",
    "value",
    "full_value",
    "qualifier",
    "detection_limit",
    "station_type",
    "station_status",
    "quality",
    "upload_id",
)


def streamed(session: Session, *bounds: date, **options: Any) -> list[tuple[Any, ...]]:
    """The rows of a stream, in the order and with the cells of `readings_between`."""
    found: list[tuple[Any, ...]] = []
    for batch in stream_readings(session, *bounds, **options):
        columns = [
            batch.column(name).to_pylist() if name in batch.schema.names else [None] * batch.num_rows
            for name in NAMES
        ]
        found.extend(zip(*columns, strict=True))
    return sorted(found, key=lambda row: row[:3])


def listed(session: Session, *bounds: date, **options: Any) -> list[tuple[Any, ...]]:
    frame = readings_between(session, *bounds, **options)
    return [tuple(row) for row in frame[list(NAMES)].itertuples(index=False)]


def register(add: AddRow, code: str) -> int:
    """A section of the registry; returns its number."""
    return int(add(SectionRegistryRow, code=code, name=code, provisional=False).id)


def add_mixture(session: Session, add: AddRow) -> None:
    """Readings of every sort, in three months, of four sections."""
    ensure_partitions(session, [NOON + timedelta(days=day) for day in (0, 31, 62)])
    sections = {code: register(add, code) for code in ("A", "B", "C", "D")}
    add("sections", code="A", name="A", station_type="automatic")
    add("sections", code="B", name="B", station_type="manual")
    for day in range(0, 70, 7):
        for code, number in sections.items():
            add(
                ReadingRow,
                section_id=number,
                sampled_at=NOON + timedelta(days=day),
                value=Decimal(day).scaleb(-3),
                station_type="manual" if code == "A" and day % 2 else None,
                quality=1 if day else 2,
            )
    spot = {"section_id": sections["A"], "sampled_at": NOON}
    add(ReadingRow, **spot, parameter="hg", value=Decimal("0.00004"), full_value=Decimal("0.000041"))
    add(ReadingRow, **spot, parameter="water_temp", value=Decimal("-0.1"), station_status="维护")
    add(ReadingRow, **spot, parameter="water_level", value=Decimal("-12.345678"))
    limit = Decimal("0.0000025")
    add(ReadingRow, **spot, parameter="cd", qualifier="<", value=limit, detection_limit=limit)
    limit = Decimal("0.025")
    add(ReadingRow, **spot, parameter="nh3_n", qualifier="<", value=limit, detection_limit=limit)
    add(ReadingRow, **spot, parameter="ph", value=Decimal("7.1"), detection_limit=Decimal("0.1"))
    digits = Decimal("0.1234567890123456789012345678901234567890")
    add(ReadingRow, **spot, parameter="tn", value=Decimal("0.12"), full_value=digits)
    add(ReadingRow, **spot, parameter="conductivity", value=Decimal(10) ** 24, full_value=Decimal(10) ** 9)


def test_the_stream_is_what_the_frame_of_readings_is(session: Session, add: AddRow) -> None:
    add_mixture(session, add)
    for bounds in (JUNE, (date(2025, 5, 1), date(2026, 1, 1)), (NOON, NOON + timedelta(days=7))):
        assert streamed(session, *bounds) == listed(session, *bounds)
    assert len(streamed(session, *JUNE)) == 5 * 4 + 8


def test_a_value_keeps_each_of_its_digits(session: Session, add: AddRow) -> None:
    add_mixture(session, add)
    rows = {row[2]: row for row in streamed(session, *JUNE, section_codes=["A"]) if row[1] == NOON}
    assert rows["conductivity"][3] == Decimal(10) ** 24
    assert rows["tn"][4] == Decimal("0.1234567890123456789012345678901234567890")
    assert rows["cd"][6] == Decimal("0.0000025")
    assert rows["water_level"][3] == Decimal("-12.345678")


def test_a_stretch_of_many_pages_comes_in_several_batches(
    session: Session, add: AddRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = register(add, "A")
    for minute in range(300):
        add(ReadingRow, section_id=number, sampled_at=NOON + timedelta(minutes=minute))
    monkeypatch.setattr(streaming, "_STRETCH_PAGES", 1)
    assert len(list(stream_readings(session, *JUNE))) > 2
    assert streamed(session, *JUNE) == listed(session, *JUNE)


def test_a_replaced_reading_does_not_come_unless_asked_as_of_then(session: Session, add: AddRow) -> None:
    for revision, value in enumerate(("0.1", "0.2", "0.3")):
        moment = datetime(2025, 7, 1 + revision, tzinfo=UTC)
        add(ReadingRow, revision=revision, value=Decimal(value), recorded_at=moment)
    assert [row[3] for row in streamed(session, *JUNE)] == [Decimal("0.3")]
    known = streamed(session, *JUNE, known_at=datetime(2025, 7, 2, 12, tzinfo=UTC))
    assert [row[3] for row in known] == [Decimal("0.2")]


def test_only_the_named_sections_come(session: Session, add: AddRow) -> None:
    add_mixture(session, add)
    for place in range(100):
        register(add, f"X{place}")
    for codes in (["B"], ["B", "C", "unknown"], ["A", "B", "C", "D", *(f"X{n}" for n in range(50))]):
        assert streamed(session, *JUNE, section_codes=codes) == listed(session, *JUNE, section_codes=codes)
    assert streamed(session, *JUNE, section_codes=[]) == []


def test_the_type_of_a_station_is_that_of_the_section_on_the_last_day(session: Session, add: AddRow) -> None:
    number = register(add, "A")
    add("sections", code="A", name="A", station_type="manual", valid_from=date(2020, 1, 1))
    add("sections", code="A", name="A", station_type="automatic", valid_from=date(2025, 6, 20))
    add(ReadingRow, section_id=number)
    assert [row[7] for row in streamed(session, *JUNE)] == ["automatic"]
    assert [row[7] for row in streamed(session, date(2025, 6, 1), date(2025, 6, 19))] == ["manual"]


def test_nothing_stored_gives_no_batch(session: Session) -> None:
    assert list(stream_readings(session, *JUNE)) == []


def test_a_bound_without_a_zone_is_refused(session: Session) -> None:
    with pytest.raises(BadQueryError):
        list(stream_readings(session, datetime(2025, 6, 1), NOON))  # noqa: DTZ001 - that is the point


def test_a_stream_that_is_left_gives_the_connection_back(
    session: Session, add: AddRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = register(add, "A")
    for minute in range(300):
        add(ReadingRow, section_id=number, sampled_at=NOON + timedelta(minutes=minute))
    monkeypatch.setattr(streaming, "_STRETCH_PAGES", 1)
    stream = stream_readings(session, *JUNE)
    next(stream)
    stream.close()


def test_an_error_of_the_server_reaches_who_takes_the_batches(
    session: Session, add: AddRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(ReadingRow)
    monkeypatch.setattr(streaming, "_PACKED", streaming._PACKED.replace(" FROM ", " FROM nowhere, "))
    with session.begin_nested() as savepoint:
        with pytest.raises(Exception, match="nowhere"):
            list(stream_readings(session, *JUNE))
        savepoint.rollback()


def test_moments_are_those_of_the_clock_and_decimals_are_decimals(session: Session, add: AddRow) -> None:
    add(ReadingRow, sampled_at=NOON)
    (batch,) = stream_readings(session, *JUNE)
    assert batch.column("sampled_at").to_pylist() == [pd.Timestamp(NOON)]
    assert pa.types.is_decimal(batch.schema.field("value").type)
