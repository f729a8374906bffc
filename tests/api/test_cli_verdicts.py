"""`evaluate`, `assess`, `scoreboard`, `rules` and `map` on the sample data."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

SAMPLE = Path(__file__).parents[2] / "sample_data"


def expected_findings() -> dict[tuple[str, str, str], tuple[str, str]]:
    """The table worked by hand: (rule, kind, code) → (verdict, state)."""
    with (SAMPLE / "expected_findings_2024-01-01.csv").open(encoding="utf-8-sig") as file:
        return {
            (row["rule_id"], row["subject_kind"], row["subject_code"]): (row["verdict"], row["state"])
            for row in csv.DictReader(file)
        }


def test_the_findings_equal_the_table_worked_by_hand(cli: Any, sample: Any) -> None:
    result = cli("evaluate", "--as-of", "2024-01-01", "--format", "json", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    found = {
        (row["rule_id"], row["subject_kind"], row["subject_code"]): (row["verdict"], row["state"])
        for row in json.loads(result.stdout)
    }
    assert found == expected_findings()


def test_two_runs_on_the_same_data_give_the_same_bytes(cli: Any, sample: Any) -> None:
    command = ("evaluate", "--as-of", "2024-01-01", "--format", "json")
    first, second = (cli(*command, database=sample.engine) for _ in range(2))
    assert first.stdout_bytes == second.stdout_bytes
    assert len(first.stdout_bytes) > 10_000


def test_a_finding_has_the_members_of_the_contract(cli: Any, sample: Any) -> None:
    result = cli("evaluate", "--as-of", "2024-01-01", "--format", "json", database=sample.engine)
    members = [
        "rule_id",
        "clause",
        "subject_kind",
        "subject_code",
        "subject_name",
        "region_code",
        "verdict",
        "state",
        "measured",
        "limit",
        "deadline",
        "as_of",
        "first_seen",
        "evidence",
        "geometry",
    ]
    for row in json.loads(result.stdout):
        assert list(row) == members
        assert set(row["evidence"]) >= {"reason", "rule", "data"}


def test_only_the_asked_rule_and_region_are_evaluated(cli: Any, sample: Any) -> None:
    command = (
        "evaluate",
        "--as-of",
        "2024-01-01",
        "--format",
        "json",
        "--rule",
        "CN-14-1",
        "--region",
        "430000",
    )
    rows = json.loads(cli(*command, database=sample.engine).stdout)
    assert rows
    assert {row["rule_id"] for row in rows} == {"CN-14-1"}
    assert {row["region_code"][:2] for row in rows} == {"43"}


def test_before_the_law_nothing_is_banned_and_before_the_deadline_nothing_is_overdue(
    cli: Any, sample: Any
) -> None:
    command = ("evaluate", "--as-of", "2021-02-28", "--format", "json")
    rows = json.loads(cli(*command, database=sample.engine).stdout)
    assert not [row for row in rows if row["rule_id"].startswith("YPL-26")]
    assert not [row for row in rows if row["rule_id"].startswith("CN-14") and row["verdict"] == "violation"]
    assert [row for row in rows if row["rule_id"].startswith("CN-14") and row["state"] == "due"]


def test_an_unknown_rule_is_one_line_and_exit_code_2(cli: Any, sample: Any) -> None:
    result = cli("evaluate", "--rule", "NO-SUCH", "--as-of", "2024-01-01", database=sample.engine)
    assert result.exit_code == 2
    assert "NO-SUCH" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_findings_come_as_csv_geojson_and_parquet(cli: Any, sample: Any, tmp_path: Path) -> None:
    command = ("evaluate", "--as-of", "2024-01-01", "--format")
    rows = list(csv.DictReader(io.StringIO(cli(*command, "csv", database=sample.engine).stdout)))
    collection = json.loads(cli(*command, "geojson", database=sample.engine).stdout)
    out = tmp_path / "findings.parquet"
    cli(*command, "parquet", "--out", out, database=sample.engine)
    count = len(expected_findings())
    assert len(rows) == len(collection["features"]) == len(pd.read_parquet(out)) == count
    assert collection["type"] == "FeatureCollection"


def test_the_scoreboard_has_an_entry_for_every_target_of_the_plans(cli: Any, sample: Any) -> None:
    result = cli("scoreboard", "--as-of", "2024-01-01", "--format", "json", database=sample.engine)
    rows = json.loads(result.stdout)
    with (Path(__file__).parents[2] / "spatial/rules/targets.csv").open(encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert len(ids) == 262
    assert [row["target_id"] for row in rows] == ids
    assert {row["verdict"] for row in rows} == {"met", "missed", "on_track", "undetermined"}
    for row in rows:
        assert row["evidence"]["reason"]["code"]


def test_the_tables_for_people_name_verdicts_in_both_languages(cli: Any, sample: Any) -> None:
    chinese = cli("evaluate", "--as-of", "2024-01-01", database=sample.engine)
    english = cli("--lang", "en", "evaluate", "--as-of", "2024-01-01", database=sample.engine)
    assert "违反" in chinese.stdout
    assert "violation" in english.stdout
    assert "违反" not in english.stdout


@pytest.mark.parametrize("by", ["section", "river", "basin", "region"])
def test_assess_has_the_shape_of_the_contract(cli: Any, sample: Any, by: str) -> None:
    result = cli("assess", "--period", "2023", "--by", by, "--format", "json", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    section = (
        "level code name period samples class class_label grade limiting parameters main_pollutants"
        " target_class verdict trophic flood_intensity"
    )
    group = "level code name period sections counts share_1_3 share_2 share_inferior grade main_pollutants"
    wanted = set((section if by == "section" else group).split())
    assert rows
    for row in rows:
        assert wanted <= set(row)
        assert row["level"] == by


def test_a_month_a_quarter_and_a_range_can_be_assessed_too(cli: Any, sample: Any) -> None:
    for period in ("2023-12", "2023-Q3", "2023-flood", "2023-11-01/2023-12-31"):
        result = cli("assess", "--period", period, "--format", "json", database=sample.engine)
        rows = json.loads(result.stdout)
        assert {row["period"] for row in rows} == {period}
        assert any(row["class"] for row in rows), period


def test_a_text_that_is_no_period_is_refused(cli: Any, sample: Any) -> None:
    result = cli("assess", "--period", "2023-13", database=sample.engine)
    assert result.exit_code == 2
    assert "2023-13" in result.stderr


def test_rules_can_be_listed_shown_and_checked_without_a_database(cli: Any) -> None:
    listed = json.loads(cli("rules", "list", "--format", "json").stdout)
    assert {"YPL-26-2-chemical", "YPL-26-3-mainstem", "CN-14-1", "CN-3-2"} <= {row["id"] for row in listed}
    shown = json.loads(cli("rules", "show", "CN-14-1").stdout)
    assert "尾矿库" in shown["quote"]
    assert "262" in cli("rules", "check").stdout
    assert cli("rules", "show", "NO-SUCH").exit_code == 2


@pytest.mark.parametrize("subject", [["buffers"], ["sections"], ["facility", "WKK-01"]])
def test_a_saved_map_is_one_file_that_asks_nobody_for_anything(
    cli: Any, sample: Any, tmp_path: Path, subject: list[str]
) -> None:
    out = tmp_path / "map.html"
    result = cli("map", *subject, "--out", out, "--as-of", "2024-01-01", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    html = out.read_text(encoding="utf-8")
    assert 'src="http' not in html
    assert 'href="http' not in html.replace('href="https://leafletjs.com', "")
    assert "2024-01-01" in html


def test_a_map_of_an_unknown_facility_is_refused(cli: Any, sample: Any, tmp_path: Path) -> None:
    out = tmp_path / "map.html"
    result = cli("map", "facility", "NO-SUCH", "--out", out, "--as-of", "2024-01-01", database=sample.engine)
    assert result.exit_code == 2
    assert not out.exists()
