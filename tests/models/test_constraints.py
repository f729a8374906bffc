"""The database itself refuses rows that cannot be."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, delete, insert, text, update
from sqlalchemy import null as sql_null
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models.tables import (
    APPEND_ONLY,
    VERSIONED,
    ApiKey,
    Base,
    EvaluationRunRow,
    FindingRow,
    LedgerEventRow,
    ParameterRow,
    ReadingRow,
    RejectedRow,
    RuleSetRow,
    SectionAliasRow,
    SectionAssessmentRow,
    SectionRegistryRow,
    SectionStatusRow,
    UploadRow,
    WarningEventRow,
    WarningRow,
)

AddRow = Callable[..., Any]
Case = tuple[type[Base], str, dict[str, Any]]

NOON = datetime(2025, 6, 1, 4, tzinfo=UTC)
SOMEWHERE_ELSE = "SRID=4490;POINT(-112 40)"
SWAPPED = "SRID=4490;POINT(30.7 111.3)"
BOW_TIE = "SRID=4490;POLYGON((111 30, 111.1 30.1, 111.1 30, 111 30.1, 111 30))"
EMPTY_LINE = "SRID=4490;LINESTRING EMPTY"

EVERY_VERSION: list[tuple[str, dict[str, Any]]] = [
    ("validity", {"valid_from": date(2024, 1, 2), "valid_to": date(2024, 1, 1)}),
    ("days", {"valid_from": date(202, 1, 1)}),
    ("days", {"valid_to": date(9999, 1, 1)}),
    ("source_row", {"source_row": 0}),
    ("fact_hash", {"fact_hash": "0" * 63}),
    ("fact_hash", {"fact_hash": "G" * 64}),
    ("original", {"original": [1]}),
]

KIND_CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("water_bodies", "not_blank", {"code": " "}),
    ("water_bodies", "not_blank", {"name": ""}),
    ("water_bodies", "rank", {"rank": "brook"}),
    ("water_bodies", "kind", {"kind": "sea"}),
    ("water_bodies", "catchment_km2", {"catchment_km2": 0}),
    ("water_bodies", "catchment_km2", {"catchment_km2": float("nan")}),
    ("water_bodies", "parent_code", {"parent_code": "CJ"}),
    ("water_bodies", "geometry", {"geometry": SWAPPED}),
    ("shorelines", "not_blank", {"water_body_code": ""}),
    ("shorelines", "rank", {"rank": "Mainstem"}),
    ("shorelines", "kind", {"kind": "coast"}),
    ("shorelines", "accuracy_m", {"accuracy_m": -1}),
    ("shorelines", "accuracy_m", {"accuracy_m": float("inf")}),
    ("shorelines", "half_width_m", {"kind": "centreline", "half_width_m": 0}),
    ("shorelines", "half_width_m", {"kind": "centreline", "half_width_m": float("nan")}),
    ("shorelines", "half_width_m", {"kind": "imagery", "half_width_m": 400}),
    ("shorelines", "half_width_m", {"kind": None, "half_width_m": 400}),
    ("shorelines", "version_hash", {"version_hash": "x"}),
    ("shorelines", "geometry", {"geometry": "SRID=4490;POINT(111 30)"}),
    ("shorelines", "geometry", {"geometry": BOW_TIE}),
    ("shorelines", "geometry", {"geometry": EMPTY_LINE}),
    ("rivers", "not_blank", {"name": " "}),
    ("rivers", "rank", {"rank": "river"}),
    ("rivers", "downstream_code", {"downstream_code": "R1"}),
    ("rivers", "geometry", {"geometry": "SRID=4490;LINESTRING(111 30, 136.5 30)"}),
    ("sections", "not_blank", {"name": "  "}),
    ("sections", "region_code", {"region_code": "4201"}),
    ("sections", "region_code", {"region_code": "yangtze"}),
    ("sections", "water_body_type", {"water_body_type": "sea"}),
    ("sections", "level", {"level": "国控"}),
    ("sections", "station_type", {"station_type": "auto"}),
    ("sections", "target_class", {"target_class": 6}),
    ("sections", "target_class", {"target_class": 0}),
    ("sections", "geometry", {"geometry": SOMEWHERE_ELSE}),
    ("outfalls", "not_blank", {"code": ""}),
    ("outfalls", "days", {"found_on": date(1203, 1, 1)}),
    ("outfalls", "region_code", {"region_code": "420500000"[:8]}),
    ("outfalls", "category", {"category": "sewer"}),
    ("outfalls", "remediation", {"remediation": "done"}),
    ("outfalls", "accuracy_m", {"accuracy_m": -0.1}),
    ("outfalls", "geometry", {"geometry": SWAPPED}),
    ("tailings_ponds", "not_blank", {"operator": ""}),
    ("tailings_ponds", "days", {"treated_on": date(2923, 1, 1)}),
    ("tailings_ponds", "region_code", {"region_code": "0"}),
    ("tailings_ponds", "status", {"status": "停用"}),
    ("tailings_ponds", "action", {"action": "build"}),
    ("tailings_ponds", "grade", {"grade": 6}),
    ("tailings_ponds", "supervision_level", {"supervision_level": 4}),
    ("tailings_ponds", "accuracy_m", {"accuracy_m": float("nan")}),
    ("tailings_ponds", "geometry", {"geometry": BOW_TIE}),
    ("tailings_ponds", "geometry", {"geometry": "SRID=4490;LINESTRING(111 30, 112 30)"}),
    ("chemical_sites", "not_blank", {"relocation_status": ""}),
    ("chemical_sites", "days", {"action_on": date(1700, 1, 1)}),
    ("chemical_sites", "region_code", {"region_code": "5000000"}),
    ("chemical_sites", "kind", {"kind": "plant"}),
    ("chemical_sites", "action", {"action": "move"}),
    ("chemical_sites", "accuracy_m", {"accuracy_m": -5}),
    ("chemical_sites", "geometry", {"geometry": SOMEWHERE_ELSE}),
    ("water_sources", "not_blank", {"name": ""}),
    ("water_sources", "region_code", {"region_code": "abc"}),
    ("water_sources", "level", {"level": "province"}),
    ("water_sources", "kind", {"kind": "rain"}),
    ("water_sources", "zone_grade", {"zone_grade": 3, "geometry": None}),
    ("sections", "river_length_km", {"river_length_km": 0}),
    ("sections", "river_length_km", {"river_length_km": float("nan")}),
    ("rivers", "velocity", {"velocity_m_s": 0}),
    ("rivers", "velocity", {"velocity_high_m_s": float("nan")}),
    ("rivers", "velocity_bounds", {"velocity_m_s": 1, "velocity_low_m_s": 1.1}),
    ("rivers", "velocity_bounds", {"velocity_low_m_s": 2, "velocity_high_m_s": 1}),
    ("rivers", "discharge_m3_s", {"discharge_m3_s": -0.1}),
    ("rivers", "length_km", {"length_km": 0}),
    ("rivers", "stream_order", {"stream_order": 13}),
    ("outfalls", "discharges", {"discharges": ["氨氮"]}),
    ("outfalls", "discharges", {"discharges": [None]}),
    ("tailings_ponds", "discharges", {"discharges": [""]}),
    ("tailings_ponds", "residents_downstream", {"residents_downstream": -1}),
    ("chemical_sites", "discharges", {"discharges": ["tp,"]}),
    ("water_sources", "annual_volume_m3", {"annual_volume_m3": 0}),
    ("water_sources", "annual_volume_m3", {"annual_volume_m3": float("nan")}),
    ("water_sources", "zone_polygon", {"zone_grade": 1}),
    ("water_sources", "zone_polygon", {"zone_grade": 2, "geometry": None}),
    ("water_sources", "geometry", {"geometry": SWAPPED}),
    ("section_targets", "not_blank", {"section": ""}),
    ("section_targets", "comparator", {"comparator": "≤"}),
    ("section_targets", "limit", {"limit": Decimal("NaN")}),
    ("section_targets", "limit", {"limit": Decimal("-Infinity")}),
    ("sites", "not_blank", {"category": " "}),
    ("sites", "days", {"built_on": date(1, 1, 1)}),
    ("sites", "region_code", {"region_code": "51"}),
    ("sites", "attributes", {"attributes": ["a"]}),
    ("sites", "geometry", {"geometry": SOMEWHERE_ELSE}),
    ("indicators", "not_blank", {"period": ""}),
    ("indicators", "days", {"reported_on": date(1, 1, 1)}),
    ("indicators", "region_code", {"region_code": "basin"}),
    ("indicators", "value", {"value": Decimal("NaN")}),
]

READING_CASES: list[tuple[str, dict[str, Any]]] = [
    ("possible", {"value": Decimal("-0.01")}),
    ("possible", {"full_value": Decimal("-0.01")}),
    ("possible", {"parameter": "ph", "value": Decimal("14.01")}),
    ("possible", {"parameter": "water_temp", "value": Decimal("-10.1")}),
    ("possible", {"parameter": "water_temp", "value": Decimal("100.1")}),
    ("possible", {"parameter": "water_level", "value": Decimal("-Infinity")}),
    ("finite", {"value": Decimal("NaN")}),
    ("finite", {"value": Decimal("Infinity")}),
    ("finite", {"full_value": Decimal("NaN")}),
    ("qualifier", {"qualifier": ">"}),
    ("censored", {"qualifier": "<"}),
    ("censored", {"qualifier": "<", "value": Decimal("0.01"), "detection_limit": Decimal("0.02")}),
    ("detection_limit", {"detection_limit": Decimal(0)}),
    ("station_type", {"station_type": "robot"}),
    ("not_blank", {"method": ""}),
    ("revision", {"revision": -1}),
    ("source_row", {"source_row": 0}),
    ("quality", {"quality": 5}),
    ("quality_tests", {"quality": 3}),
    ("quality_tests", {"quality": 4, "quality_tests": []}),
    ("quality_tests", {"quality": 1, "quality_tests": ["spike:suspect"]}),
]

BOOK_CASES: list[Case] = [
    (UploadRow, "kind", {"kind": "water-bodies"}),
    (UploadRow, "state", {"state": "done"}),
    (UploadRow, "not_blank", {"file_name": ""}),
    (UploadRow, "file_sha256", {"file_sha256": "F" * 64}),
    (UploadRow, "size_bytes", {"size_bytes": -1}),
    (UploadRow, "options", {"options": []}),
    (UploadRow, "report", {"report": []}),
    (UploadRow, "counts", {"rows_read": -1}),
    (UploadRow, "rows_accounted_for", {"state": "loaded", "rows_read": 3, "rows_loaded": 2}),
    (UploadRow, "finished_at", {"finished_at": datetime(2000, 1, 1, tzinfo=UTC)}),
    (RejectedRow, "row", {"row": 0}),
    (RejectedRow, "errors", {"errors": []}),
    (RejectedRow, "errors", {"errors": {}}),
    (RejectedRow, "original", {"original": []}),
    (SectionRegistryRow, "not_blank", {"code": " ", "provisional": False}),
    (SectionRegistryRow, "provisional_code", {"code": "S9"}),
    (SectionRegistryRow, "provisional_code", {"province": None}),
    (SectionAliasRow, "not_blank", {"code": " "}),
    (SectionAliasRow, "says_something", {"names": None, "codes": None}),
    (SectionAliasRow, "names", {"names": ["旧沌口", ""]}),
    (SectionAliasRow, "codes", {"codes": [None]}),
    (SectionAliasRow, "source_row", {"source_row": 0}),
    (ParameterRow, "code", {"code": "NH3-N"}),
    (ParameterRow, "not_blank", {"unit": ""}),
    (SectionStatusRow, "not_blank", {"status": ""}),
    (SectionStatusRow, "observed_at", {"observed_at": datetime(1800, 1, 1, tzinfo=UTC)}),
    (SectionStatusRow, "source_row", {"source_row": 0}),
    (LedgerEventRow, "not_blank", {"event": ""}),
    (LedgerEventRow, "days", {"occurred_on": date(1, 1, 1)}),
    (LedgerEventRow, "fact_hash", {"fact_hash": ""}),
    (LedgerEventRow, "evidence_sha256", {"evidence_sha256": "abc"}),
    (LedgerEventRow, "source_row", {"source_row": 0}),
    (RuleSetRow, "hash", {"hash": "abc"}),
    (RuleSetRow, "content", {"content": []}),
    (SectionAssessmentRow, "not_blank", {"period": " "}),
    (SectionAssessmentRow, "period", {"period_end": date(2025, 5, 31)}),
    (SectionAssessmentRow, "hashes", {"input_hash": "x"}),
    (SectionAssessmentRow, "readings", {"readings": -1}),
    (SectionAssessmentRow, "result", {"result": [1]}),
    (SectionAssessmentRow, "water_class", {"water_class": 7}),
    (SectionAssessmentRow, "verdict", {"verdict": "met"}),
    (SectionAssessmentRow, "cause", {"cause": "weather"}),
    (WarningRow, "code", {"code": "0123"}),
    (WarningRow, "not_blank", {"kind": " "}),
    (WarningEventRow, "event", {"event": "forget"}),
    (WarningEventRow, "state", {"state": "lost"}),
    (WarningEventRow, "not_blank", {"actor": ""}),
    (WarningEventRow, "over_after", {"over_after": datetime(2025, 6, 1, 3, tzinfo=UTC)}),
    (WarningEventRow, "readings", {"readings": 0}),
    (WarningEventRow, "facts", {"facts": [1]}),
    (WarningEventRow, "opened_by_facts", {"facts": sql_null()}),
    (UploadRow, "told", {"actor": " "}),
    (UploadRow, "told", {"note": ""}),
    (EvaluationRunRow, "days", {"as_of": date(1, 1, 1)}),
    (EvaluationRunRow, "region_code", {"region_code": "yangtze"}),
    (EvaluationRunRow, "rule_ids", {"rule_ids": []}),
    (EvaluationRunRow, "data_hash", {"data_hash": ""}),
    (EvaluationRunRow, "finished_at", {"finished_at": datetime(2000, 1, 1, tzinfo=UTC)}),
    (FindingRow, "not_blank", {"clause": ""}),
    (FindingRow, "region_code", {"region_code": "5"}),
    (FindingRow, "verdict", {"verdict": "pass"}),
    (FindingRow, "state", {"state": "closed"}),
    (FindingRow, "days", {"deadline": date(1, 1, 1)}),
    (FindingRow, "first_seen", {"first_seen": date(2024, 1, 2)}),
    (FindingRow, "overdue", {"state": "overdue"}),
    (FindingRow, "overdue", {"state": "overdue", "deadline": date(2024, 1, 1)}),
    (FindingRow, "finding_key", {"finding_key": "a"}),
    (FindingRow, "objects", {"measured": []}),
    (FindingRow, "objects", {"limit": []}),
    (FindingRow, "evidence", {"evidence": {}}),
    (ApiKey, "not_blank", {"prefix": ""}),
    (ApiKey, "role", {"role": "root"}),
    (ApiKey, "region_code", {"region_code": "x"}),
    (ApiKey, "days", {"expires": date(1, 1, 1)}),
    (ApiKey, "key_hash", {"key_hash": "secret"}),
    (ApiKey, "revoked_at", {"revoked_at": datetime(2000, 1, 1, tzinfo=UTC)}),
]

CASES: list[Case] = [
    *((model, name, values) for model in VERSIONED.values() for name, values in EVERY_VERSION),
    *((VERSIONED[kind], name, values) for kind, name, values in KIND_CASES),
    *((ReadingRow, name, values) for name, values in READING_CASES),
    *BOOK_CASES,
]


def constraint_of(error: DBAPIError) -> str:
    return str(error.orig.diag.constraint_name)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("model", "name", "values"), CASES, ids=[f"{case[0].__tablename__}-{case[1]}" for case in CASES]
)
def test_an_impossible_row_is_refused(
    add: AddRow, model: type[Base], name: str, values: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError) as refusal:
        add(model, **values)
    assert constraint_of(refusal.value) == f"ck_{model.__tablename__}_{name}"


def test_every_check_of_every_table_has_a_row_that_it_refuses() -> None:
    declared = {
        constraint.name
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    assert declared == {f"ck_{model.__tablename__}_{name}" for model, name, _ in CASES}


@pytest.mark.parametrize("name", sorted(Base.metadata.tables))
def test_a_possible_row_is_accepted_by_every_table(
    add: AddRow, rows: dict[type[Base], dict[str, Any]], name: str
) -> None:
    (model,) = (model for model in rows if f"qingjiang.{model.__tablename__}" == name)
    assert add(model) is not None


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("ph", "0"), ("ph", "14"), ("water_temp", "-0.3"), ("water_level", "-1.2"), ("tp", "0")],
)
def test_a_reading_on_the_edge_of_the_possible_is_accepted(add: AddRow, parameter: str, value: str) -> None:
    assert add(ReadingRow, parameter=parameter, value=Decimal(value)).value == Decimal(value)


def test_a_censored_reading_keeps_its_detection_limit(add: AddRow) -> None:
    reading = add(ReadingRow, qualifier="<", value=Decimal("0.0100"), detection_limit=Decimal("0.0100"))
    assert str(reading.value) == "0.0100"


@pytest.mark.parametrize(
    "corner", ["SRID=4490;POINT(73 3)", "SRID=4490;POINT(136 54)"], ids=["south-west", "north-east"]
)
def test_the_edge_of_the_map_is_on_the_map(add: AddRow, corner: str) -> None:
    assert add("sections", geometry=corner).code == "S1"


@pytest.mark.parametrize(
    ("kind", "geometry"),
    [
        ("sections", "SRID=4490;LINESTRING(111 30, 112 30)"),
        ("sections", "SRID=4326;POINT(111 30)"),
        ("sites", "SRID=4490;POINT Z(111 30 5)"),
    ],
    ids=["wrong shape", "wrong CRS", "third dimension"],
)
def test_a_geometry_of_another_type_is_refused(add: AddRow, kind: str, geometry: str) -> None:
    with pytest.raises(DBAPIError):
        add(kind, geometry=geometry)


@pytest.mark.parametrize(
    ("model", "change", "constraint"),
    [
        (SectionRegistryRow, {"provisional": False}, "uq_section_registry_code"),
        (LedgerEventRow, {"event": "again"}, "uq_ledger_events_fact_hash"),
        (FindingRow, {"rule_id": "CN-14-2"}, "uq_findings_run_id_finding_key"),
        (ApiKey, {"prefix": "qj_xyz"}, "uq_api_keys_key_hash"),
        (ReadingRow, {"value": Decimal("0.06")}, "readings_2025_06_pkey"),
    ],
)
def test_the_same_key_twice_is_refused(
    add: AddRow, model: type[Base], change: dict[str, Any], constraint: str
) -> None:
    add(model)
    with pytest.raises(IntegrityError) as refusal:
        add(model, **change)
    assert constraint_of(refusal.value) == constraint


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["DELETE FROM qingjiang.{}", "TRUNCATE qingjiang.{} CASCADE"])
def test_a_record_is_never_deleted(session: Session, table: str, statement: str) -> None:
    with pytest.raises(IntegrityError, match="refused: its rows are records"):
        session.execute(text(statement.format(table)))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_a_record_is_never_changed(session: Session, table: str) -> None:
    columns = Base.metadata.tables[f"qingjiang.{table}"].columns
    column = next(column.name for column in columns if column.identity is None)
    with pytest.raises(IntegrityError, match="refused: its rows are records"):
        session.execute(text(f"UPDATE qingjiang.{table} SET {column} = {column}"))  # noqa: S608


@pytest.mark.parametrize("model", [UploadRow, SectionRegistryRow, SectionStatusRow, ParameterRow])
def test_what_others_refer_to_by_number_is_never_deleted(session: Session, model: type[Base]) -> None:
    with pytest.raises(IntegrityError, match="refused: its rows are records"):
        session.execute(delete(model))


@pytest.mark.parametrize("column", sorted(ReadingRow.__table__.columns.keys()))
def test_of_a_reading_only_its_section_and_its_flags_may_change(
    session: Session, add: AddRow, column: str
) -> None:
    add(ReadingRow)
    statement = text(f"UPDATE qingjiang.readings SET {column} = {column}")  # noqa: S608
    if column in ("section_id", "quality", "quality_tests"):
        session.execute(statement)
    else:
        with pytest.raises(IntegrityError, match="refused: its rows are records"):
            session.execute(statement)


def test_another_flag_leaves_the_value_and_its_record_alone(session: Session, add: AddRow) -> None:
    reading = add(ReadingRow, value=Decimal("0.0200"), full_value=Decimal("0.0203"), raw="0.020")
    assert (reading.quality, reading.quality_tests) == (2, None)
    session.execute(update(ReadingRow).values(quality=3, quality_tests=["spike:suspect"]))
    session.refresh(reading)
    assert (reading.quality, reading.quality_tests) == (3, ["spike:suspect"])
    assert (str(reading.value), str(reading.full_value), reading.raw) == ("0.0200", "0.0203", "0.020")


def test_a_reading_may_move_to_another_section(session: Session, add: AddRow) -> None:
    reading = add(ReadingRow)
    known = add(SectionRegistryRow, code="420100A001", provisional=False)
    session.execute(update(ReadingRow).values(section_id=known.id))
    assert session.query(ReadingRow.section_id).all() == [(known.id,)]
    with pytest.raises(IntegrityError, match="refused: its rows are records"):
        session.execute(update(ReadingRow).values(value=reading.value))


@pytest.mark.parametrize(
    ("column", "value"), [("section_id", 999_999), ("parameter", "unobtainium"), ("upload_id", 999_999)]
)
def test_a_reading_that_refers_to_nothing_is_refused(add: AddRow, column: str, value: object) -> None:
    add(ReadingRow)
    with pytest.raises(IntegrityError, match=rf"refers to {column} {value} which does not exist"):
        add(ReadingRow, revision=1, **{column: value})


def test_many_readings_are_checked_in_one_statement(session: Session, add: AddRow) -> None:
    first = add(ReadingRow)
    shared = {"parameter": "tp", "sampled_at": NOON, "value": Decimal(1), "upload_id": first.upload_id}
    with pytest.raises(IntegrityError, match="section_id 999999"):
        session.execute(
            insert(ReadingRow).values(
                [
                    {**shared, "section_id": first.section_id, "revision": 7},
                    {**shared, "section_id": 999_999, "revision": 7},
                ]
            )
        )
