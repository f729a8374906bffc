"""Which version of a fact counts: as of a day, and as known at a moment."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.errors import BadQueryError
from models.queries import feature_versions, features_in_force, region_prefix
from models.tables import KINDS, VERSIONED

AddRow = Callable[..., Any]

DAY = date(2024, 1, 1)


def recorded(day: int) -> datetime:
    return datetime(2025, 1, day, tzinfo=UTC)


def in_force(session: Session, as_of: date, **options: Any) -> list[str]:
    return list(features_in_force(session, "sections", as_of, **options)["name"])


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "as_of", "counts"),
    [
        (None, None, date(1900, 1, 1), True),
        (date(2021, 1, 1), None, date(2020, 12, 31), False),
        (date(2021, 1, 1), None, date(2021, 1, 1), True),
        (None, date(2021, 1, 1), date(2021, 1, 1), True),
        (None, date(2021, 1, 1), date(2021, 1, 2), False),
        (date(2021, 1, 1), date(2021, 1, 1), date(2021, 1, 1), True),
    ],
)
def test_both_days_of_the_validity_are_included(
    session: Session,
    add: AddRow,
    valid_from: date | None,
    valid_to: date | None,
    as_of: date,
    counts: bool,
) -> None:
    add("sections", valid_from=valid_from, valid_to=valid_to)
    assert in_force(session, as_of) == (["沌口"] if counts else [])


def test_of_versions_in_force_the_one_that_began_last_counts(session: Session, add: AddRow) -> None:
    add("sections", name="since 2021", valid_from=date(2021, 1, 1), recorded_at=recorded(1))
    add("sections", name="always", recorded_at=recorded(3))
    add("sections", name="since 2020", valid_from=date(2020, 1, 1), recorded_at=recorded(2))
    assert in_force(session, date(2019, 1, 1)) == ["always"]
    assert in_force(session, date(2020, 6, 1)) == ["since 2020"]
    assert in_force(session, DAY) == ["since 2021"]


def test_a_correction_counts_from_the_moment_it_was_recorded(session: Session, add: AddRow) -> None:
    add("sections", name="wrong", recorded_at=recorded(1))
    add("sections", name="right", recorded_at=recorded(5))
    assert in_force(session, DAY) == ["right"]
    assert in_force(session, DAY, known_at=recorded(4)) == ["wrong"]
    assert in_force(session, DAY, known_at=recorded(5)) == ["right"]
    assert in_force(session, DAY, known_at=datetime(2024, 1, 1, tzinfo=UTC)) == []


def test_a_corrected_end_does_not_bring_the_uncorrected_version_back(session: Session, add: AddRow) -> None:
    start = date(2020, 1, 1)
    add("sections", name="open", valid_from=start, recorded_at=recorded(1))
    add("sections", name="ended", valid_from=start, valid_to=date(2022, 12, 31), recorded_at=recorded(2))
    assert in_force(session, date(2022, 12, 31)) == ["ended"]
    assert in_force(session, date(2023, 1, 1)) == []
    assert in_force(session, date(2023, 1, 1), known_at=recorded(1)) == ["open"]


def test_going_back_to_an_earlier_fact_is_a_version_of_its_own(session: Session, add: AddRow) -> None:
    for day, name in enumerate(("a", "b", "a"), start=1):
        add("sections", name=name, recorded_at=recorded(day))
    assert in_force(session, DAY) == ["a"]
    assert list(feature_versions(session, "sections", "S1")["name"]) == ["a", "b", "a"]


def test_versions_of_one_moment_are_told_apart_by_their_number(session: Session, add: AddRow) -> None:
    add("sections", name="first", recorded_at=recorded(1))
    add("sections", name="second", recorded_at=recorded(1))
    assert in_force(session, DAY) == ["second"]


def test_feature_versions_begin_with_the_oldest_validity(session: Session, add: AddRow) -> None:
    add("sections", name="later", valid_from=date(2022, 1, 1), recorded_at=recorded(1))
    add("sections", name="always", recorded_at=recorded(2))
    add("sections", code="S2", name="another", recorded_at=recorded(2))
    assert list(feature_versions(session, "sections", "S1")["name"]) == ["always", "later"]


# -------------------------------------------------------------------------------------------- filters


def test_a_region_takes_in_everything_below_it(session: Session, add: AddRow) -> None:
    for code, region in (("A", "420500"), ("B", "420582"), ("C", "420100"), ("D", "430000"), ("E", None)):
        add("sections", code=code, name=code, region_code=region)
    assert in_force(session, DAY, region_code="420000") == ["A", "B", "C"]
    assert in_force(session, DAY, region_code="420500") == ["A", "B"]
    assert in_force(session, DAY, region_code="420582") == ["B"]
    assert in_force(session, DAY, region_code="yangtze") == ["A", "B", "C", "D", "E"]


@pytest.mark.parametrize(
    ("code", "prefix"),
    [("500000", "50"), ("420500", "4205"), ("420582", "420582"), ("yangtze", ""), (None, ""), ("50", "50")],
)
def test_a_region_code_loses_its_trailing_pairs_of_zeros(code: str | None, prefix: str) -> None:
    assert region_prefix(code) == prefix


def test_a_region_that_is_no_code_is_refused() -> None:
    with pytest.raises(BadQueryError, match="50%"):
        region_prefix("50%")


def test_a_section_on_the_edge_of_the_box_is_found(session: Session, add: AddRow) -> None:
    add("sections", code="on the edge", name="edge", geometry="SRID=4490;POINT(104 30)")
    add("sections", code="outside", name="outside", geometry="SRID=4490;POINT(103.9999 30)")
    add("sections", code="nowhere", name="nowhere", geometry=None)
    assert in_force(session, DAY, bbox=(104, 30, 105, 31)) == ["edge"]


def test_the_filters_look_at_the_version_in_force_only(session: Session, add: AddRow) -> None:
    add("sections", region_code="420500", geometry="SRID=4490;POINT(104 30)", recorded_at=recorded(1))
    add("sections", region_code="430000", geometry="SRID=4490;POINT(110 30)", recorded_at=recorded(2))
    assert in_force(session, DAY, bbox=(103, 29, 105, 31)) == []
    assert in_force(session, DAY, region_code="420000") == []
    assert in_force(session, DAY, where={"region_code": "430000"}) == ["沌口"]


def test_where_picks_one_category_and_one_grade(session: Session, add: AddRow) -> None:
    add("sites", code="A", category="landfill")
    add("sites", code="B", category="reserve")
    found = features_in_force(session, "sites", DAY, where={"category": "reserve"})
    assert list(found["code"]) == ["B"]


def test_codes_pick_from_the_register(session: Session, add: AddRow) -> None:
    for code in "ABC":
        add("sections", code=code, name=code)
    assert in_force(session, DAY, codes=["C", "A", "missing"]) == ["A", "C"]
    assert in_force(session, DAY, codes=[]) == []


@pytest.mark.parametrize("kind", ["readings", "ledger", "water-bodies", "nonsense"])
def test_a_kind_without_versions_is_refused(session: Session, kind: str) -> None:
    with pytest.raises(BadQueryError, match=kind):
        features_in_force(session, kind, DAY)


def test_a_condition_on_a_column_that_does_not_exist_is_refused(session: Session) -> None:
    with pytest.raises(BadQueryError, match="colour"):
        features_in_force(session, "sections", DAY, where={"colour": "red"})


# --------------------------------------------------------------------------------------------- paging


def test_pages_follow_each_other_without_gap_or_repetition(session: Session, add: AddRow) -> None:
    codes = [f"S{number:02}" for number in range(7)]
    for code in reversed(codes):
        add("sections", code=code, name=f"old {code}", recorded_at=recorded(1))
        add("sections", code=code, name=code, recorded_at=recorded(2))
    pages, after = [], ""
    while True:
        page = features_in_force(session, "sections", DAY, after=after, limit=3)
        if page.empty:
            break
        pages.append(list(page["name"]))
        after = page["code"].iloc[-1]
    assert pages == [codes[:3], codes[3:6], codes[6:]]


def test_codes_are_ordered_by_code_point(session: Session, add: AddRow) -> None:
    for code in ("清江", "a", "B", "10", "9"):
        add("sections", code=code, name=code)
    assert in_force(session, DAY) == ["10", "9", "B", "a", "清江"]


def test_a_page_never_splits_a_code_of_several_rows(session: Session, add: AddRow) -> None:
    zone = "SRID=4490;POLYGON((111 30, 111.1 30, 111.1 30.1, 111 30))"
    for code in ("W1", "W2", "W3"):
        add("water_sources", code=code)
        add("water_sources", code=code, zone_grade=1, geometry=zone)
    page = features_in_force(session, "water_sources", DAY, limit=2)
    assert list(zip(page["code"], page["zone_grade"], strict=True)) == [
        ("W1", 0),
        ("W1", 1),
        ("W2", 0),
        ("W2", 1),
    ]
    rest = features_in_force(session, "water_sources", DAY, after="W2", limit=2)
    assert list(rest["code"]) == ["W3", "W3"]


def test_choosing_versions_needs_no_sort(session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO qingjiang.uploads (kind, file_name, file_sha256, size_bytes)"
            " VALUES ('sections', 'f', repeat('0', 64), 1)"
        )
    )
    session.execute(
        text(
            "INSERT INTO qingjiang.sections (code, name, upload_id, fact_hash)"
            " SELECT 'S' || lpad(n::text, 6, '0'), 'n',"
            " (SELECT max(id) FROM qingjiang.uploads), repeat('0', 64)"
            " FROM generate_series(1, 20000) n, generate_series(1, 2)"
        )
    )
    session.execute(text("ANALYZE qingjiang.sections"))
    plans: list[str] = []
    connection = session.connection()
    original = session.execute

    def explain(statement: Any, *arguments: Any, **options: Any) -> Any:
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plans.extend(original(text(f"EXPLAIN {compiled}".replace(":", r"\:"))).scalars())
        return original(statement, *arguments, **options)

    session.execute = explain  # type: ignore[method-assign]
    page = features_in_force(session, "sections", DAY, after="S010000", limit=100)
    assert len(page) == 100
    plan = "\n".join(plans)
    assert "ix_sections_version" in plan
    assert "Sort" not in plan


# --------------------------------------------------------------------------------------------- frames


@pytest.mark.parametrize("kind", sorted(VERSIONED))
def test_every_kind_comes_as_a_frame_with_its_origin(session: Session, add: AddRow, kind: str) -> None:
    add(kind, valid_from=date(2020, 1, 1))
    frame = features_in_force(session, kind, DAY)
    assert len(frame) == 1
    assert {"valid_from", "valid_to", "version_id", "recorded_at", "upload_id"} <= set(frame.columns)
    assert not {"fact_hash", "version_hash", "line_name", "original", "is_key"} & set(frame.columns)
    assert isinstance(frame, gpd.GeoDataFrame) == ("geometry" in frame.columns)
    if isinstance(frame, gpd.GeoDataFrame):
        assert frame.crs == 4490


@pytest.mark.parametrize("kind", sorted(VERSIONED))
def test_an_empty_register_has_the_same_columns_and_dtypes(session: Session, add: AddRow, kind: str) -> None:
    empty = features_in_force(session, kind, DAY)
    add(kind, valid_from=date(2020, 1, 1))
    filled = features_in_force(session, kind, DAY)
    assert empty.empty
    assert empty.dtypes.to_dict() == filled.dtypes.to_dict()


def test_versioned_kinds_are_all_kinds_but_readings_and_ledger() -> None:
    assert set(VERSIONED) == set(KINDS) - {"readings", "ledger"}


def test_missing_texts_and_days_are_none_and_days_are_dates(session: Session, add: AddRow) -> None:
    add("tailings_ponds", treated_on=date(2023, 5, 1), grade=3, accuracy_m=5.5)
    row = next(features_in_force(session, "tailings_ponds", DAY).itertuples())
    assert row.operator is None
    assert row.closed_on is None
    assert row.treated_on == date(2023, 5, 1)
    assert type(row.treated_on) is date
    assert (row.grade, row.accuracy_m) == (3, 5.5)


def test_a_missing_accuracy_is_nan(session: Session, add: AddRow) -> None:
    add("outfalls", is_key=True)
    frame = features_in_force(session, "outfalls", DAY)
    assert frame["accuracy_m"].dtype == "float64"
    assert frame["accuracy_m"].isna().all()
    assert frame["key"].tolist() == [True]


def test_limits_and_values_are_exact_decimals(session: Session, add: AddRow) -> None:
    add("section_targets", limit=Decimal("0.10"))
    add("indicators", value=Decimal("97.30"))
    assert str(features_in_force(session, "section_targets", DAY)["limit"].iloc[0]) == "0.10"
    assert str(features_in_force(session, "indicators", DAY)["value"].iloc[0]) == "97.30"


def test_instants_are_beijing_time(session: Session, add: AddRow) -> None:
    add("sections", recorded_at=datetime(2025, 1, 1, 16, 0, 0, 123_456, tzinfo=UTC))
    moment = features_in_force(session, "sections", DAY)["recorded_at"].iloc[0]
    assert moment == pd.Timestamp("2025-01-02 00:00:00.123456", tz="Asia/Shanghai")


def test_geometry_comes_back_bit_for_bit(session: Session, add: AddRow) -> None:
    add("sections", geometry="SRID=4490;POINT(111.123456789012345 30.987654321098765)")
    shape = features_in_force(session, "sections", DAY).geometry.iloc[0]
    assert (shape.x, shape.y) == (111.123456789012345, 30.987654321098765)


def test_sites_keep_their_attributes(session: Session, add: AddRow) -> None:
    add("sites", attributes={"floor_m3_s": 1.5, "name": "堆场"})
    assert features_in_force(session, "sites", DAY)["attributes"].iloc[0] == {
        "floor_m3_s": 1.5,
        "name": "堆场",
    }


# ----------------------------------------------------------------------------------------- shorelines


def add_shoreline(add: AddRow, version: str, pieces: int, day: int, **values: Any) -> None:
    for number in range(pieces):
        add(
            "shorelines",
            version_hash=version * 64,
            recorded_at=recorded(day),
            geometry=f"SRID=4490;LINESTRING(111 {30 + number}, 112 {30 + number})",
            **values,
        )


def test_a_version_of_a_shoreline_is_all_its_pieces(session: Session, add: AddRow) -> None:
    add_shoreline(add, "a", pieces=3, day=1, name="左岸")
    add_shoreline(add, "b", pieces=2, day=1, name="右岸")
    add_shoreline(add, "c", pieces=1, day=1)
    found = features_in_force(session, "shorelines", DAY)
    assert found["name"].tolist() == [None, "右岸", "右岸", "左岸", "左岸", "左岸"]


def test_a_new_version_of_a_shoreline_replaces_all_its_pieces(session: Session, add: AddRow) -> None:
    add_shoreline(add, "a", pieces=3, day=1)
    add_shoreline(add, "b", pieces=1, day=2)
    assert len(features_in_force(session, "shorelines", DAY)) == 1
    assert len(features_in_force(session, "shorelines", DAY, known_at=recorded(1))) == 3


def test_a_shoreline_that_returns_to_an_earlier_course_is_not_doubled(session: Session, add: AddRow) -> None:
    for day, version in enumerate("aba", start=1):
        add_shoreline(add, version, pieces=2, day=day)
    assert len(features_in_force(session, "shorelines", DAY)) == 2


def test_a_shoreline_is_not_cut_by_a_region(session: Session, add: AddRow) -> None:
    add_shoreline(add, "a", pieces=1, day=1)
    assert len(features_in_force(session, "shorelines", DAY, region_code="420000")) == 1
