"""Templates: what the programme writes for people to fill in is what it reads, for every kind."""

# ruff: noqa: S608 - the only texts put into SQL are names of our own tables

import csv
import io
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import Engine, text

from api.catalogue import Catalogue, Language
from ingest import templates
from ingest.coordinates import EAST, NORTH, SOUTH, WEST
from ingest.errors import EmptyFileError, ExampleOnlyError, OptionError
from ingest.features import parse_features
from ingest.headers import map_headers, names_of
from ingest.kinds import KINDS, LOADABLE, READINGS, choices_of, parse_cell
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.readers import EXAMPLE_SHEET, GUIDE_SHEET
from ingest.readings import FIELDS, parse_readings
from ingest.report import UploadReport
from ingest.templates import Entry, Need, make_template, template_columns, template_examples
from ingest.times import parse_date
from ingest.units import conversion_factor
from spatial.parameters import load_parameters

TEXTS = (Catalogue().text, Catalogue(Language.ENGLISH).text)
TABLES = {"ledger": "ledger_events"}
INVENTORIES = [kind for kind in LOADABLE if kind != READINGS]


def open_template(kind: str) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(make_template(kind, TEXTS)))


def fill(sheet: Worksheet, kind: str, *rows: Mapping[str, Any]) -> None:
    """Write rows below the headers, as a person does: the cells keep their formats."""
    for number, row in enumerate(rows, start=2):
        for place, column in enumerate(template_columns(kind), start=1):
            if column.field in row:
                sheet.cell(number, place).value = row[column.field]


def filled(folder: Path, kind: str, *rows: Mapping[str, Any]) -> Path:
    book = open_template(kind)
    fill(book.worksheets[0], kind, *rows)
    path = folder / f"{kind}.xlsx"
    book.save(path)
    return path


def load(engine: Engine, kind: str, path: Path, **options: Any) -> UploadReport:
    (report,) = load_files(engine, kind, [path], IngestOptions(**options), text=TEXTS[0])
    return report


def ask(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def validations(sheet: Worksheet) -> dict[str, Any]:
    """The validation of the first cell below each header, by the header."""
    found = {}
    for rule in sheet.data_validations.dataValidation:
        for cells in rule.sqref.ranges:
            for column in range(cells.min_col, cells.max_col + 1):
                found[str(sheet.cell(1, column).value)] = rule
    return found


# -- a filled template loads clean -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOADABLE)
def test_a_template_filled_like_its_example_loads_clean(
    fresh_database: Engine, tmp_path: Path, kind: str
) -> None:
    if kind == READINGS:  # against a section that is registered, as in a bureau
        load(fresh_database, "sections", filled(tmp_path, "sections", *template_examples()["sections"]))
    rows = template_examples()[kind]
    report = load(fresh_database, kind, filled(tmp_path, kind, *rows))
    assert tuple(report.problems) == ()
    assert report.notices == ()
    assert (report.rows_read, report.rows_loaded, report.rows_rejected) == (len(rows), len(rows), 0)
    again = load(fresh_database, kind, tmp_path / f"{kind}.xlsx")
    assert (again.rows_loaded, again.rows_duplicate, again.rows_rejected) == (0, len(rows), 0)
    if kind != READINGS:
        count = f"SELECT count(*) FROM qingjiang.{TABLES.get(kind, kind)}"
        assert ask(fresh_database, count) == [(len(rows),)]


@pytest.mark.parametrize("kind", INVENTORIES)
def test_every_column_of_a_template_is_stored(fresh_database: Engine, tmp_path: Path, kind: str) -> None:
    """No header is unknown, misunderstood or read for nothing: what the examples say is in the database."""
    rows = template_examples()[kind]
    load(fresh_database, kind, filled(tmp_path, kind, *rows))
    stored = ask(
        fresh_database, f"SELECT to_jsonb(t) FROM qingjiang.{TABLES.get(kind, kind)} t ORDER BY source_row"
    )
    aliases = ask(fresh_database, "SELECT code, names, codes FROM qingjiang.section_aliases")
    for row, (found,) in zip(rows, stored, strict=True):
        if kind == "sections":
            said = {code: {"former_names": names, "former_codes": codes} for code, names, codes in aliases}
            found.update(said[found["code"]])
        for field in row:
            if field in {"lon", "lat", "geometry"}:
                assert found["geometry"] is not None
            else:
                assert found["is_key" if field == "key" else field] is not None, field


def test_readings_keep_what_was_typed_and_non_detects_their_limit(
    fresh_database: Engine, tmp_path: Path
) -> None:
    rows = template_examples()["readings"]
    load(fresh_database, "sections", filled(tmp_path, "sections", *template_examples()["sections"]))
    report = load(fresh_database, "readings", filled(tmp_path, "readings", *rows))
    assert report.rows_rejected == 0
    stored = {
        (str(at.date()), parameter): (raw, value, qualifier, limit)
        for at, parameter, raw, value, qualifier, limit in ask(
            fresh_database,
            "SELECT sampled_at AT TIME ZONE 'Asia/Shanghai', parameter, raw, value, qualifier, "
            "detection_limit FROM qingjiang.readings",
        )
    }
    assert stored["2023-06-05", "nh3_n"] == ("0.110", Decimal("0.110"), "=", None)
    assert stored["2023-06-05", "zn"] == ("0.05L", Decimal("0.05"), "<", Decimal("0.05"))
    assert stored["2023-06-05", "hg"] == ("<0.00004", Decimal("0.00004"), "<", Decimal("0.00004"))
    assert stored["2023-06-05", "fecal_coliform"] == ("1100", Decimal(1100), "=", None)
    assert ("2023-07-04", "cod_cr") not in stored  # "--": not measured
    assert len(stored) == report.readings_loaded


def test_a_section_without_a_code_is_registered_for_the_time_being_as_the_guide_says(
    fresh_database: Engine, tmp_path: Path
) -> None:
    row = {
        name: value for name, value in template_examples()["readings"][0].items() if name != "section_code"
    }
    report = load(fresh_database, "readings", filled(tmp_path, "readings", row))
    assert (report.rows_loaded, report.rows_rejected) == (1, 0)
    assert ask(fresh_database, "SELECT code FROM qingjiang.section_registry") == [("湖北省/示例断面",)]


def test_numbers_typed_into_a_template_of_readings_load_too(tmp_path: Path) -> None:
    """Somebody pastes numbers over the text format: the values are read all the same."""
    row = {"section_code": "S1", "sampled_at": datetime(2023, 6, 5, 9, 30), "tp": 0.05, "ph": 8}  # noqa: DTZ001
    parsed = parse_readings(filled(tmp_path, "readings", row), for_loading=True)
    assert parsed.problems == ()
    assert dict(zip(parsed.readings["parameter"], parsed.readings["value"], strict=True)) == {
        "ph": Decimal(8),
        "tp": Decimal("0.05"),
    }


@pytest.mark.parametrize("kind", INVENTORIES)
def test_every_word_of_a_list_is_read_as_its_code(kind: str) -> None:
    for column in template_columns(kind):
        for word, code in column.words:
            value, error = parse_cell(KINDS[kind].column(column.field), word)
            assert error is None
            assert (str(value).lower() if isinstance(value, bool) else str(value)) == code


@pytest.mark.parametrize("kind", INVENTORIES)
def test_a_list_offers_every_code_that_the_column_may_hold(kind: str) -> None:
    for column in template_columns(kind):
        spec = next((one for one in KINDS[kind].columns if one.name == column.field), None)
        if spec is not None and spec.choices is not None:
            assert {code for _, code in column.words} == set(choices_of(spec.choices).values())


# -- headers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOADABLE)
def test_every_header_is_understood_as_its_field_and_unit(kind: str) -> None:
    sheet = open_template(kind).worksheets[0]
    columns = template_columns(kind)
    headers = [str(sheet.cell(1, place).value) for place in range(1, sheet.max_column + 1)]
    assert headers == [column.header for column in columns]
    fields = FIELDS if kind == READINGS else KINDS[kind].fields
    names = names_of(kind, fields, tuple(load_parameters()) if kind == READINGS else ())
    for column, mapped in zip(columns, map_headers(headers, names), strict=True):
        understood = (
            "section" if (kind, mapped.field) == ("section_targets", "section_code") else mapped.field
        )
        assert understood == column.field
        assert (mapped.unit is None) == (column.unit is None)
        if column.unit is not None and mapped.unit is not None:
            assert conversion_factor(mapped.unit, column.unit, column.field) == 1


@pytest.mark.parametrize("kind", LOADABLE)
def test_headers_are_chinese_and_the_required_ones_carry_a_star(kind: str) -> None:
    for column in template_columns(kind):
        assert not column.name.isascii()
        assert column.header.startswith("*") == (column.need is Need.REQUIRED)


@pytest.mark.parametrize("kind", INVENTORIES)
def test_a_template_has_every_column_of_its_kind(kind: str) -> None:
    spec, columns = KINDS[kind], template_columns(kind)
    facts = [column.field for column in columns if column.field not in {"lon", "lat", "geometry"}]
    assert facts == [column.name for column in spec.columns]
    required = {column.field for column in columns if column.need is Need.REQUIRED}
    places = {"geometry"} if spec.shape is not None and spec.shape.required else set()
    assert required == set(spec.required) | places


def test_the_template_of_readings_has_the_items_of_table_1_and_lists_all_others(tmp_path: Path) -> None:
    columns = {column.field for column in template_columns(READINGS)}
    registry = load_parameters()
    assert {p.code for p in registry.values() if p.listed_in == "GB 3838-2002 Table 1"} < columns
    book = open_template(READINGS)
    listed = {str(row[0]) for row in book[GUIDE_SHEET].iter_rows(values_only=True) if row[0]}
    names = names_of(READINGS, FIELDS, tuple(registry))
    further = {mapped.field for mapped in map_headers(sorted(listed), names) if mapped.parameter}
    assert further >= set(registry) - columns
    # A further column is added by hand under the header that the guide gives, and is read.
    header = next(label for label in listed if label.startswith("硫酸盐"))
    sheet = book.worksheets[0]
    fill(sheet, READINGS, {"section_code": "S1", "sampled_at": "2023-06-05 09:30"})
    place = sheet.max_column + 1
    sheet.cell(1, place).value, sheet.cell(2, place).value = header, "25.0"
    book.save(tmp_path / "more.xlsx")
    parsed = parse_readings(tmp_path / "more.xlsx", for_loading=True)
    assert parsed.readings["parameter"].tolist() == ["sulfate"]


# -- what a cell takes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOADABLE)
def test_every_column_says_how_it_is_filled_in_and_takes_nothing_else(kind: str) -> None:
    rules = validations(open_template(kind).worksheets[0])
    wanted = {
        Entry.CHOICE: "list",
        Entry.OPEN_CHOICE: "list",
        Entry.PARAMETER: "list",
        Entry.DATE: "date",
        Entry.TIME: "date",
        Entry.DEGREES: "decimal",
        Entry.REGION: "custom",
        Entry.MEASURED: "custom",
    }
    for column in template_columns(kind):
        rule = rules[column.header]
        assert rule.prompt
        assert rule.error
        assert rule.allowBlank
        assert {cells.max_row for cells in rule.sqref.ranges} == {1_048_576}
        if column.entry is Entry.NUMBER:
            assert rule.type == ("custom" if column.minimum is None else "decimal")
        else:
            assert rule.type in (wanted.get(column.entry), None)
            assert (rule.type is None) == (column.entry not in wanted)
        if column.words:
            assert rule.formula1 == f'"{",".join(word for word, _ in column.words)}"'


@pytest.mark.parametrize("kind", LOADABLE)
def test_prompts_are_whole_sentences_in_both_languages(kind: str) -> None:
    for texts in (TEXTS, TEXTS[::-1]):
        sheet = openpyxl.load_workbook(io.BytesIO(make_template(kind, texts))).worksheets[0]
        for rule in sheet.data_validations.dataValidation:
            assert not rule.prompt.endswith("…")
            assert not rule.error.endswith("…")


def test_bounds_are_those_that_loading_has() -> None:
    rules = validations(open_template("outfalls").worksheets[0])
    assert (float(rules["经度"].formula1), float(rules["经度"].formula2)) == (WEST, EAST)
    assert (float(rules["纬度"].formula1), float(rules["纬度"].formula2)) == (SOUTH, NORTH)
    accuracy = rules["定位精度(m)"]
    assert (accuracy.operator, float(accuracy.formula1)) == ("greaterThanOrEqual", 0)
    area = validations(open_template("water_bodies").worksheets[0])["流域面积(km²)"]
    assert (area.operator, float(area.formula1)) == ("greaterThan", 0)
    acidity = validations(open_template("readings").worksheets[0])["pH值(无量纲)"]
    assert ">=0" in acidity.formula1
    assert "<=14" in acidity.formula1


def test_what_loading_reads_in_other_forms_too_is_asked_about_and_not_stopped() -> None:
    styles = {
        column.entry: validations(open_template(kind).worksheets[0])[column.header].errorStyle
        for kind in ("readings", "tailings_ponds")
        for column in template_columns(kind)
    }
    assert {styles[entry] for entry in (Entry.CHOICE, Entry.DATE, Entry.REGION)} <= {"stop", None}
    assert {styles[entry] for entry in (Entry.MEASURED, Entry.TIME, Entry.DEGREES, Entry.OPEN_CHOICE)} == {
        "warning"
    }


@pytest.mark.parametrize("day", [templates.FIRST_DAY, templates.LAST_DAY])
def test_the_first_and_the_last_day_that_a_cell_takes_are_days_that_loading_takes(
    tmp_path: Path, day: date
) -> None:
    assert parse_date(day.isoformat()) == (day, None)
    assert parse_date((templates.LAST_DAY + timedelta(days=1)).isoformat()) == (None, "date_out_of_range")
    row = {"subject_kind": "断面", "subject_code": "S1", "event": "核查", "occurred_on": day}
    book = openpyxl.load_workbook(filled(tmp_path, "ledger", row))
    assert book.worksheets[0].cell(2, 4).value == datetime.combine(day, datetime.min.time())


@pytest.mark.parametrize("kind", LOADABLE)
def test_what_a_workbook_would_spoil_is_formatted_as_text(kind: str) -> None:
    dimensions = open_template(kind).worksheets[0].column_dimensions.values()
    for place, column in enumerate(template_columns(kind), start=1):
        (shown,) = (one.number_format for one in dimensions if (one.min or 0) <= place <= (one.max or 0))
        if column.entry in {Entry.DATE, Entry.TIME}:
            assert shown.startswith("yyyy-mm-dd")
        else:
            assert (shown == "@") == (column.entry not in {Entry.NUMBER, Entry.DEGREES})


def test_codes_with_leading_zeros_and_codes_like_dates_survive(
    fresh_database: Engine, tmp_path: Path
) -> None:
    row = dict(template_examples()["outfalls"][0]) | {"code": "007", "name": "1-2"}
    load(fresh_database, "outfalls", filled(tmp_path, "outfalls", row))
    assert ask(fresh_database, "SELECT code, name FROM qingjiang.outfalls") == [("007", "1-2")]


def test_the_list_of_parameters_stands_in_the_guide_and_is_understood_whole(tmp_path: Path) -> None:
    book = open_template("section_targets")
    rule = validations(book.worksheets[0])["*监测项目"]
    sheet, _, cells = rule.formula1.partition("!")
    assert sheet == f"'{GUIDE_SHEET}'"
    names = [row[0].value for row in book[GUIDE_SHEET][cells.replace("$", "")]]
    column = KINDS["section_targets"].column("parameter")
    assert [parse_cell(column, str(name)) for name in names] == [(code, None) for code in load_parameters()]


# -- the sheets for people -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOADABLE)
def test_an_unfilled_template_is_refused_as_empty(fresh_database: Engine, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.xlsx"
    path.write_bytes(make_template(kind, TEXTS))
    with pytest.raises(EmptyFileError) as refused:
        load(fresh_database, kind, path)
    said = Catalogue().text(f"ingest.{refused.value.code}", **refused.value.params)
    assert "没有数据行" in said


@pytest.mark.parametrize("kind", LOADABLE)
def test_every_template_has_an_example_in_the_columns_of_the_data(kind: str) -> None:
    book = open_template(kind)
    assert book.sheetnames[1:] == [EXAMPLE_SHEET, GUIDE_SHEET]
    data, example = book.worksheets[0], book[EXAMPLE_SHEET]
    assert [cell.value for cell in example[2]] == [cell.value for cell in data[1]]
    assert "示例" in str(example["A1"].value)
    assert example.max_row == 2 + len(template_examples()[kind])
    known = {column.field for column in template_columns(kind)}
    for row in template_examples()[kind]:
        assert set(row) <= known
        assert any("示例" in str(value) or str(value).startswith("SL") for value in row.values()) or (
            kind == "indicators"
        )


def test_an_example_sheet_under_another_name_is_never_loaded_unasked(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(filled(tmp_path, "outfalls", *template_examples()["outfalls"]))
    book[EXAMPLE_SHEET].title = "我的示例"
    book.save(tmp_path / "renamed.xlsx")
    table = parse_features("outfalls", tmp_path / "renamed.xlsx").table
    assert "我的示例" not in str(table.sheet)
    assert "我的示例" in table.sheets_ignored


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("title", ["参考", "Sheet2"])
def test_an_example_is_known_by_its_banner_whatever_its_sheet_is_called(
    tmp_path: Path, language: Language, title: str
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(make_template("outfalls", [Catalogue(language).text])))
    book[EXAMPLE_SHEET].title = title
    book.save(tmp_path / "renamed.xlsx")
    with pytest.raises(EmptyFileError):
        parse_features("outfalls", tmp_path / "renamed.xlsx")
    del book[book.sheetnames[0]]
    book.save(tmp_path / "alone.xlsx")
    with pytest.raises(ExampleOnlyError):
        parse_features("outfalls", tmp_path / "alone.xlsx")
    assert len(parse_features("outfalls", tmp_path / "alone.xlsx", IngestOptions(sheet=title)).table)
    rows = [[cell.value for cell in row] for row in book[title].rows]
    path = tmp_path / "example.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    with pytest.raises(ExampleOnlyError):
        parse_features("outfalls", path)


@pytest.mark.parametrize("kind", LOADABLE)
def test_the_guide_explains_every_column_in_both_languages(kind: str) -> None:
    rows = {
        str(row[0]): [str(cell) for cell in row if cell is not None]
        for row in open_template(kind)[GUIDE_SHEET].iter_rows(values_only=True)
        if row[0]
    }
    for column in template_columns(kind):
        cells = rows[f"{column.header}\n{column.field}"]
        chinese, english = cells[2].split("\n")
        assert not chinese.isascii() or column.field == "ph"
        assert english.strip()
        for word, code in column.words:
            assert f"{word} ({code})" in cells[3]
    guide = "\n".join(rows)
    assert f"qingjiang ingest {kind.replace('_', '-')} " in guide
    assert ("0.05L" in guide) == (kind == READINGS)


@pytest.mark.parametrize("kind", LOADABLE)
def test_the_header_stays_in_sight(kind: str) -> None:
    sheet = open_template(kind).worksheets[0]
    assert str(sheet.freeze_panes).endswith("2")
    assert sheet.max_row == 1


def test_a_row_without_a_required_cell_is_marked_in_the_workbook() -> None:
    sheet = open_template("outfalls").worksheets[0]
    marked = {str(rule.sqref): rule.rules[0].formula[0] for rule in sheet.conditional_formatting}
    assert set(marked) == {"A2:A1048576", "B2:B1048576"}
    assert marked["A2:A1048576"] == "AND(COUNTA($A2:$U2)>0,LEN(TRIM($A2))=0)"


@pytest.mark.parametrize("kind", LOADABLE)
def test_a_template_is_the_same_bytes_every_time(kind: str) -> None:
    template = make_template(kind, TEXTS)
    assert template == make_template(kind.replace("_", "-"), TEXTS)
    with zipfile.ZipFile(io.BytesIO(template)) as archive:
        assert b"2024-01-01T00:00:00Z" in archive.read("docProps/core.xml")


@pytest.mark.parametrize("kind", ["facilities", "fish"])
def test_there_is_no_template_of_what_is_never_loaded(kind: str) -> None:
    with pytest.raises(OptionError):
        make_template(kind, TEXTS)
