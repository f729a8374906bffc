"""Explanations at the doors: the whole sample data redone from its JSON, and the words people read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import Result

from api.catalogue import Catalogue, Language
from api.explaining import approximate, explain, explanation_blocks, rounded
from spatial.period import parse_period
from tests.spatial.explanation_oracle import redo

Cli = Callable[..., Result]
LAKE = "S430602002"  # 岳阳楼样例断面, automatic and manual data in December


@pytest.fixture(scope="module")
def codes(client: TestClient) -> list[str]:
    items = client.get("/api/v1/sections", params={"limit": 500}).json()["items"]
    return [item["code"] for item in items]


@pytest.fixture(scope="module")
def documents(client: TestClient, codes: list[str]) -> dict[str, Any]:
    """The explanations of all sections over the year, as a program receives them."""
    found = {}
    for code in codes:
        path = f"/api/v1/sections/{code}/assessment"
        answer = client.get(path, params={"period": "2023", "explain": "true"})
        assert answer.status_code == 200, code
        found[code] = answer.json()
    return found


def test_every_section_of_the_sample_can_be_redone_from_its_document(documents: dict[str, Any]) -> None:
    assert len(documents) >= 30
    for document in documents.values():
        redo(document)


@pytest.mark.parametrize("period", ["2023-12", "2023-Q4", "2023-flood", "2023-11-20/2023-12-10"])
def test_other_periods_can_be_redone_too(client: TestClient, codes: list[str], period: str) -> None:
    for code in [LAKE, *codes[::6]]:
        path = f"/api/v1/sections/{code}/assessment"
        redo(client.get(path, params={"period": period, "explain": "true"}).json())


def test_the_explanation_says_what_the_assessment_says(client: TestClient, documents: dict[str, Any]) -> None:
    items = client.get("/api/v1/assessments", params={"period": "2023", "by": "section"}).json()["items"]
    assert len(items) == len(documents)
    for plain in items:
        told = documents[plain["code"]]
        for name in ("class", "class_range", "grade", "verdict", "limiting", "samples", "months", "reasons"):
            assert told[name] == plain[name], (plain["code"], name)
        assert [one["code"] for one in plain["main_pollutants"]] == told["main_pollutants"]["named"]


def test_every_reading_names_a_file_of_the_sample_and_its_row(sample: Any) -> None:
    document = explain(sample.engine, LAKE, parse_period("2023"))
    files = {upload["upload_id"]: upload["file_name"] for upload in document["uploads"]}
    assert set(files.values()) == {"readings_monthly.csv", "readings_4hourly.csv"}
    for row in document["readings"]["rows"]:
        assert files[row["upload_id"]]
        assert row["row"] >= 2  # the header is row 1


def test_a_section_that_is_not_there_is_not_found(client: TestClient, cli: Cli, sample: Any) -> None:
    answer = client.get("/api/v1/sections/NO/assessment", params={"period": "2023", "explain": "true"})
    assert answer.status_code == 404
    result = cli("assess", "--period", "2023", "--explain", "NO", database=sample.engine)
    assert result.exit_code == 2
    assert "NO" in result.output


def test_the_command_line_tells_the_chain_in_chinese(cli: Cli, sample: Any) -> None:
    result = cli("assess", "--period", "2023", "--explain", LAKE, database=sample.engine)
    assert result.exit_code == 0
    for words in (
        "岳阳楼样例断面",
        "水质类别：Ⅳ类 · 轻度污染",
        "水质目标：Ⅲ类；结论：违反",
        "主要污染指标：总磷(0.3)",
        "当月该指标有自动监测数据，以自动为准",
        "5.464 / 84",
        "GB 3838-2002 表1 第8项",
        "TLI(Σ) = 51.105：轻度富营养",
        "总磷由 ≈0.064754 降至 0.05",
    ):
        assert words in result.stdout, words
    assert "\x1b" not in result.stdout


def test_english_holds_no_chinese_but_names_and_quotes(documents: dict[str, Any]) -> None:
    # Titles of documents, the words of the law and what a station said of itself stay what they are.
    kept = re.compile(
        r"环办(监测函)?〔\d+〕\d+号|总站生字〔\d+〕\d+号|湖泊（水库）富营养化评价方法及分级技术规定|“.*”|\(维护\)"
    )
    for document in documents.values():
        for block in explanation_blocks(document, Catalogue(Language.ENGLISH)):
            cells = [cell for row in block.rows for cell in row]
            words = [block.title] if block.level else []
            for text in (*words, *block.columns, *block.lines, *block.after, *cells):
                assert not re.search(r"[\u4e00-\u9fff]", kept.sub("", text)), text


@pytest.mark.parametrize("language", list(Language))
def test_every_section_of_the_sample_can_be_told_in_words(
    documents: dict[str, Any], language: Language
) -> None:
    for document in documents.values():
        blocks = explanation_blocks(document, Catalogue(language))
        assert all(len(row) == len(block.columns) for block in blocks for row in block.rows)
        assert not any("{" in line for block in blocks for line in block.lines)


def test_the_steps_are_numbered_without_gaps(documents: dict[str, Any]) -> None:
    blocks = explanation_blocks(documents[LAKE], Catalogue())
    steps = [int(block.title.split(".")[0]) for block in blocks if block.level == 1]
    assert steps == list(range(1, len(steps) + 1))


def test_json_is_one_document_and_csv_holds_every_reading(cli: Cli, sample: Any) -> None:
    ask = ("assess", "--period", "2023-12", "--explain", LAKE, "--format")
    document = json.loads(cli(*ask, "json", database=sample.engine).stdout)
    rows = list(csv.DictReader(io.StringIO(cli(*ask, "csv", database=sample.engine).stdout)))
    assert len(rows) == document["readings"]["total"]
    assert sum(row["used"] == "True" for row in rows) == document["readings"]["used"]
    assert {row["file"] for row in rows} == {"readings_monthly.csv", "readings_4hourly.csv"}


def test_two_explanations_are_the_same_bytes(client: TestClient) -> None:
    path = f"/api/v1/sections/{LAKE}/assessment"
    first, second = (client.get(path, params={"period": "2023", "explain": "true"}) for _ in range(2))
    assert first.content == second.content


def test_a_shortened_number_never_looks_equal_to_a_limit() -> None:
    number = {"numerator": "20000001", "denominator": "100000000", "decimal": "0.20000001", "exact": False}
    assert approximate(number) == "≈0.2"
    assert approximate(number, {Decimal("0.2")}) == "≈0.20000001"


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [("0.0001234565", 6, "0.000123456"), ("1200", 2, "1200"), ("0.0650476", 6, "0.0650476"), ("0", 3, "0")],
)
def test_rounding_for_the_eye_is_half_to_even_without_exponents(number: str, digits: int, text: str) -> None:
    assert rounded(Decimal(number), digits) == text


def test_the_worked_example_of_the_guide_is_what_the_programme_prints(cli: Cli, sample: Any) -> None:
    guide = (Path(__file__).parents[2] / "docs/assessment.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```text\n(.*?)```", guide, re.DOTALL)
    printed = cli("assess", "--period", "2023", "--explain", LAKE, database=sample.engine).stdout
    numbers = re.compile(r"#\d+")  # uploads are numbered as they come
    known = numbers.sub("#", re.sub(r"\s+", " ", printed))
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 14
    for line in lines:
        assert numbers.sub("#", re.sub(r"\s+", " ", line)).strip() in known, line
