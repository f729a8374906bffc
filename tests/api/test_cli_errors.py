"""Whatever goes wrong on the command line: one line on stderr, nothing on stdout, exit code 2."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api.cli import databases


def told(result: Any, *words: str) -> str:
    """The one line of an error."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("qingjiang: ")
    for word in words:
        assert word in line
    return str(line)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], ["nonsense", "--help"]),
        (["ingest"], ["kind", "readings", "qingjiang ingest --help"]),
        (["ingest", "facilities", "a.csv"], ["facilities", "outfalls"]),
        (["ingest", "sections", "a.csv", "--captured-at", "hello"], ["--captured-at", "hello"]),
        (["evaluate", "--as-of", "2024-02-30"], ["--as-of", "2024-02-30"]),
        (["evaluate", "--as-of", "9999-12-31"], ["--as-of", "1900", "2100"]),
        (["evaluate", "--format", "xml"], ["--format", "xml", "parquet"]),
        (["evaluate", "--region", "042"], ["--region", "042", "GB/T 2260"]),
        (["scoreboard", "--region", "42000"], ["--region", "42000"]),
        (["assess"], ["--period"]),
        (["distance", "a.csv", "--shorelines", "b.csv", "--within", "-5"], ["--within"]),
        (["keys", "create", "--role", "bureau", "--expires", "soon"], ["--expires", "soon"]),
        (["db", "restore", "backup.dump"], ["--yes"]),
        (["serve", "--port", "99999"], ["--port"]),
        (["--lang", "fr", "rules", "check"], ["--lang", "fr"]),
    ],
)
def test_wrong_arguments_are_one_line_that_says_where_the_right_ones_stand(
    cli: Any, arguments: list[str], words: list[str]
) -> None:
    told(cli(*arguments), *words)


@pytest.mark.parametrize("name", ["folder", "file/below.json"])
def test_an_output_that_cannot_be_written_is_one_line(cli: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    told(cli("rules", "list", "--format", "json", "--out", tmp_path / name), name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("LANGUAGE", "fr"), ("LOG_LEVEL", "NOISE"), ("PAGE_SIZE_MAX", "-1"), ("UPLOAD_MAX_MB", "many")],
)
def test_a_setting_that_means_nothing_is_one_line_that_names_it(
    cli: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"QINGJIANG_{name}", value)
    told(cli("rules", "check"), f"QINGJIANG_{name}", value)


def test_an_error_that_nobody_expected_is_one_line_too(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> bool:
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(databases, "_external", fail)
    line = told(cli("db", "status"), "RuntimeError", "first line", "QINGJIANG_LOG_LEVEL=DEBUG")
    assert "second line" not in line


@pytest.mark.parametrize("number", ["99999999999999999999", "²", "abc", "-1"])
def test_a_number_that_no_key_has_is_one_line(cli: Any, fresh_database: Any, number: str) -> None:
    told(cli("keys", "revoke", "--", number, database=fresh_database), number)


def test_a_key_s_region_has_six_plain_digits(cli: Any, fresh_database: Any) -> None:
    told(cli("keys", "create", "--role", "bureau", "--region", "４２０５００", database=fresh_database))


def test_an_external_database_has_a_status_as_json(cli: Any) -> None:
    assert json.loads(cli("db", "status", "--format", "json").stdout) == {"state": "external"}


def test_two_digits_of_a_region_are_its_province(cli: Any, sample: Any) -> None:
    arguments = ["evaluate", "--as-of", sample.as_of, "--rule", "CN-14-1", "--format", "json"]
    short = cli(*arguments, "--region", "42", database=sample.engine)
    assert short.exit_code == 0, short.stderr
    assert json.loads(short.stdout)
    assert short.stdout == cli(*arguments, "--region", "420000", database=sample.engine).stdout


def test_the_scoreboard_comes_as_parquet_numbers_and_words_beside_each_other(cli: Any, sample: Any) -> None:
    arguments = ["scoreboard", "--as-of", sample.as_of, "--format", "parquet"]
    result = cli(*arguments, database=sample.engine)
    assert result.exit_code == 0, result.stderr
    frame = pd.read_parquet(io.BytesIO(result.stdout_bytes))
    assert len(frame) == 262
    assert "97.3" in set(frame["threshold"].dropna())


def test_bad_places_are_told_with_file_row_column_and_value(cli: Any, tmp_path: Path) -> None:
    places, lines = tmp_path / "places.csv", tmp_path / "lines.csv"
    places.write_text("code,lon,lat\nA,111.5,30\nB,x,30\n", encoding="utf-8")
    lines.write_text(
        'water_body_code,rank,geometry\nW,mainstem,"LINESTRING(111 30,112 30)"\nV,big,POINT(((\n',
        encoding="utf-8",
    )
    result = cli("distance", places, "--shorelines", lines)
    assert result.exit_code == 1
    assert result.stdout == ""
    first, *others = result.stderr.strip().splitlines()
    assert first.split(":")[0].split() == ["places.csv", "行", "3", "lon", "x"]
    assert all(line.strip().startswith("lines.csv 行 3 ") for line in others)
    assert len(others) == 2
