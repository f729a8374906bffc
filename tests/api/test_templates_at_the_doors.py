"""Templates over both doors: the command writes what the address serves, and neither asks for a database."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.kinds import Kind
from api.settings import Settings
from api.web.app import create_app

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
ADDRESS = "/api/v1/templates/{}.xlsx"


@pytest.fixture(scope="module")
def offline() -> TestClient:
    """The application in front of a database that is not there."""
    return TestClient(create_app(Settings(database_url=NOWHERE)))


@pytest.mark.parametrize("kind", list(Kind))
def test_the_command_and_the_address_give_the_same_workbook(
    cli: Any, offline: TestClient, tmp_path: Path, kind: Kind
) -> None:
    result = cli("template", kind.value, "--out", tmp_path / "new" / "t.xlsx")
    assert (result.exit_code, result.stdout) == (0, "")
    answer = offline.get(ADDRESS.format(kind.value))
    assert answer.status_code == 200
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert answer.headers["content-disposition"] == f'attachment; filename="{kind.value}.xlsx"'
    assert answer.headers["etag"]
    assert answer.content == (tmp_path / "new" / "t.xlsx").read_bytes()


def test_prompts_follow_the_reader_and_the_headers_stay(
    cli: Any, offline: TestClient, tmp_path: Path
) -> None:
    english = offline.get(ADDRESS.format("outfalls"), headers={"Accept-Language": "en"}).content
    assert cli("--lang", "en", "template", "outfalls", "--out", tmp_path / "t.xlsx").exit_code == 0
    assert (tmp_path / "t.xlsx").read_bytes() == english
    books = [
        openpyxl.load_workbook(io.BytesIO(data))
        for data in (english, offline.get(ADDRESS.format("outfalls")).content)
    ]
    headers = [[cell.value for cell in book.worksheets[0][1]] for book in books]
    prompts = [[one.prompt for one in book.worksheets[0].data_validations.dataValidation] for book in books]
    assert headers[0] == headers[1]
    assert all(a != b for a, b in zip(*prompts, strict=True))
    assert [book.sheetnames[0] for book in books] == ["Outfalls", "入河排污口"]


def test_a_workbook_that_exists_is_not_overwritten_unasked(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "排污口.xlsx"
    path.write_bytes(b"a week of work")
    result = cli("template", "outfalls", "--out", path)
    assert result.exit_code == 2
    assert "已存在" in result.stderr
    assert path.read_bytes() == b"a week of work"
    assert cli("template", "outfalls", "--out", path, "--overwrite").exit_code == 0
    assert openpyxl.load_workbook(path).sheetnames[0] == "入河排污口"


def test_a_template_is_an_xlsx_or_nothing(cli: Any, tmp_path: Path) -> None:
    result = cli("template", "outfalls", "--out", tmp_path / "t.csv")
    assert result.exit_code == 2
    assert ".xlsx" in result.stderr
    assert list(tmp_path.glob("t.*")) == []


def test_an_unfilled_template_is_refused_in_one_sentence(
    cli: Any, fresh_database: Engine, tmp_path: Path
) -> None:
    assert cli("template", "sections", "--out", tmp_path / "t.xlsx").exit_code == 0
    result = cli("ingest", "sections", tmp_path / "t.xlsx", database=fresh_database)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "没有数据行" in result.stderr


def test_there_is_no_template_of_an_unknown_kind(offline: TestClient) -> None:
    answer = offline.get(ADDRESS.format("fish"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
