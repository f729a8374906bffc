"""Readings as frames: exact, the latest revision, by Beijing days."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from sqlalchemy.orm import Session

from models.errors import BadQueryError
from models.queries import reading_page, readings_between, statuses_between
from models.tables import ReadingRow, SectionRegistryRow, SectionStatusRow

AddRow = Callable[..., Any]
BEIJING = ZoneInfo("Asia/Shanghai")
NOON = datetime(2025, 6, 1, 12, tzinfo=BEIJING)
JUNE = date(2025, 6, 1), date(2025, 6, 30)


def test_days_are_beijing_days_and_both_included(session: Session, add: AddRow) -> None:
    for moment in (
        datetime(2025, 5, 31, 23, 59, 59, tzinfo=BEIJING),
        datetime(2025, 6, 1, tzinfo=BEIJING),
        datetime(2025, 6, 30, 23, 59, 59, tzinfo=BEIJING),
        datetime(2025, 7, 1, tzinfo=BEIJING),
    ):
        add(ReadingRow, sampled_at=moment)
    found = readings_between(session, *JUNE)["sampled_at"].tolist()
    assert found == [pd.Timestamp("2025-06-01", tz=BEIJING), pd.Timestamp("2025-06-30 23:59:59", tz=BEIJING)]


def test_instants_bound_a_half_open_stretch(session: Session, add: AddRow) -> None:
    for hours in (0, 4, 8):
        add(ReadingRow, sampled_at=NOON + timedelta(hours=hours))
    found = readings_between(session, NOON, NOON + timedelta(hours=8))
    assert found["sampled_at"].tolist() == [NOON, NOON + timedelta(hours=4)]


def test_a_bound_without_a_zone_is_refused(session: Session) -> None:
    with pytest.raises(BadQueryError):
        readings_between(session, datetime(2025, 6, 1), NOON)  # noqa: DTZ001 - that is the point


def test_values_come_back_as_they_were_reported(session: Session, add: AddRow) -> None:
    add(ReadingRow, value=Decimal("0.0200"), full_value=Decimal("0.0203"))
    add(
        ReadingRow,
        parameter="hg",
        qualifier="<",
        value=Decimal("0.00004"),
        detection_limit=Decimal("0.00004"),
    )
    hg, tp = readings_between(session, *JUNE).itertuples()
    assert (str(tp.value), str(tp.full_value), tp.qualifier, tp.detection_limit) == (
        "0.0200",
        "0.0203",
        "=",
        None,
    )
    assert (str(hg.value), hg.full_value, hg.qualifier, str(hg.detection_limit)) == (
        "0.00004",
        None,
        "<",
        "0.00004",
    )


def test_only_the_latest_revision_counts(session: Session, add: AddRow) -> None:
    for revision, value in enumerate(("0.1", "0.2", "0.3")):
        moment = datetime(2025, 7, 1 + revision, tzinfo=UTC)
        add(ReadingRow, revision=revision, value=Decimal(value), recorded_at=moment)
    assert readings_between(session, *JUNE)["value"].tolist() == [Decimal("0.3")]
    known = readings_between(session, *JUNE, known_at=datetime(2025, 7, 2, 12, tzinfo=UTC))
    assert known["value"].tolist() == [Decimal("0.2")]


def test_readings_are_ordered_by_section_time_and_parameter(session: Session, add: AddRow) -> None:
    sections = [add(SectionRegistryRow, code=code, provisional=False).id for code in ("B", "A")]
    for section_id in sections:
        for hours in (4, 0):
            for parameter in ("tp", "cod_mn"):
                add(
                    ReadingRow,
                    section_id=section_id,
                    sampled_at=NOON + timedelta(hours=hours),
                    parameter=parameter,
                )
    found = readings_between(session, *JUNE)
    order = list(zip(found["section"], found["sampled_at"], found["parameter"], strict=True))
    assert order == sorted(order)
    assert len(order) == 8


def test_sections_are_picked_by_code(session: Session, add: AddRow) -> None:
    for code in ("A", "B"):
        add(ReadingRow, section_id=add(SectionRegistryRow, code=code, provisional=False).id)
    assert readings_between(session, *JUNE, section_codes=["B", "C"])["section"].tolist() == ["B"]
    assert readings_between(session, *JUNE, section_codes=[]).empty


def test_a_missing_station_type_is_the_sections_own(session: Session, add: AddRow) -> None:
    section_id = add(SectionRegistryRow, code="S1", provisional=False).id
    add("sections", code="S1", station_type="manual", valid_to=date(2025, 6, 15))
    add("sections", code="S1", station_type="automatic", valid_from=date(2025, 6, 16))
    add(ReadingRow, section_id=section_id)
    add(ReadingRow, section_id=section_id, parameter="ph", value=Decimal(7), station_type="manual")
    found = readings_between(session, *JUNE)
    assert dict(zip(found["parameter"], found["station_type"], strict=True)) == {
        "ph": "manual",
        "tp": "automatic",
    }
    earlier = readings_between(session, date(2025, 6, 1), date(2025, 6, 10))
    assert set(earlier["station_type"]) == {"manual"}


def test_a_section_met_in_a_feed_only_has_no_station_type(session: Session, add: AddRow) -> None:
    add(ReadingRow)
    (row,) = readings_between(session, *JUNE).itertuples()
    assert (row.section, row.station_type) == ("湖北省/沌口", None)


def test_readings_of_an_adopted_section_come_under_its_code(session: Session, add: AddRow) -> None:
    reading = add(ReadingRow)
    registered = session.get_one(SectionRegistryRow, reading.section_id)
    registered.code, registered.provisional = "420100A001", False
    session.flush()
    assert readings_between(session, *JUNE)["section"].tolist() == ["420100A001"]


def test_nothing_read_has_the_same_dtypes_as_something(session: Session, add: AddRow) -> None:
    empty = readings_between(session, *JUNE)
    add(ReadingRow)
    assert empty.dtypes.to_dict() == readings_between(session, *JUNE).dtypes.to_dict()


def test_pages_of_readings_follow_each_other(session: Session, add: AddRow) -> None:
    expected = []
    for days in (0, 20, 40):  # three months, three partitions
        for parameter in ("cod_mn", "ph", "tp"):
            moment = NOON + timedelta(days=days)
            add(ReadingRow, sampled_at=moment, parameter=parameter, value=Decimal(7))
            expected.append((moment, parameter))
    found: list[tuple[Any, str]] = []
    after = None
    while True:
        page = reading_page(
            session, "湖北省/沌口", start=JUNE[0], end=date(2025, 12, 31), after=after, limit=2
        )
        if page.empty:
            break
        found += zip(page["sampled_at"], page["parameter"], strict=True)
        after = (page["sampled_at"].iloc[-1].to_pydatetime(), page["parameter"].iloc[-1])
    assert found == expected


def test_a_page_may_be_of_one_parameter(session: Session, add: AddRow) -> None:
    for parameter in ("cod_mn", "tp"):
        add(ReadingRow, parameter=parameter)
    page = reading_page(session, "湖北省/沌口", start=JUNE[0], end=JUNE[1], parameter="tp", limit=9)
    assert page["parameter"].tolist() == ["tp"]


def test_a_section_without_readings_has_an_empty_page(session: Session) -> None:
    assert reading_page(session, "nowhere", start=JUNE[0], end=JUNE[1], limit=9).empty


def test_statuses_are_told_beside_readings(session: Session, add: AddRow) -> None:
    add(SectionStatusRow, observed_at=NOON)
    add(SectionStatusRow, observed_at=NOON + timedelta(days=40), status="停站")
    found = statuses_between(session, *JUNE)
    assert found[["section", "observed_at", "status"]].to_numpy().tolist() == [["湖北省/沌口", NOON, "维护"]]
    assert statuses_between(session, *JUNE, section_codes=["S1"]).empty
