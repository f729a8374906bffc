"""Suspect readings enter an assessment where the rules, or the caller, say so; the answer says which did."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from typer.testing import Result

from api.jobs import assess_in, rules_in_use, run_evaluation
from ingest.loader import load_files
from models.queries import latest_run
from spatial.period import parse_period
from spatial.rulebook import load_rulebook
from tests.api.conftest import Cli

LEFT_OUT, USED = ["pass", "not_evaluated"], ["pass", "not_evaluated", "suspect"]


@pytest.fixture
def doubted(fresh_database: Engine, tmp_path: Path) -> Engine:
    """A section with target Ⅲ; each month of 2023 has one spike, without which all is well."""

    def load(kind: str, rows: list[dict[str, str]]) -> None:
        path = tmp_path / f"{kind}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        (report,) = load_files(fresh_database, kind, [path])
        assert report.ok
        if kind == "readings":
            assert report.quality is not None
            assert report.quality["flags"]["suspect"] == 12

    known = {"断面编码": "S1", "断面名称": "甲", "省份": "湖北省", "行政区划代码": "420100"}
    load("sections", [known | {"水体类型": "河流", "水质目标": "Ⅲ", "河流": "汉江"}])
    load(
        "readings",
        [
            {"断面编码": "S1", "监测时间": f"2023-{month:02d}-05 {hour:02d}:00", "总磷(mg/L)": value}
            for month in range(1, 13)
            for hour, value in ((0, "0.05"), (4, "1.5"), (8, "0.05"))
        ],
    )
    return fresh_database


def answer(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_assess_leaves_suspect_readings_out_or_uses_them_and_says_so(doubted: Engine, cli: Cli) -> None:
    command = ("assess", "--period", "2023-06", "--format", "json")
    (plain,) = answer(cli(*command, database=doubted))
    (without,) = answer(cli(*command, "--no-use-suspect", database=doubted))
    (using,) = answer(cli(*command, "--use-suspect", database=doubted))
    assert plain == without
    assert (without["class"], without["verdict"], without["quality_flags"]) == (2, "compliant", LEFT_OUT)
    assert (using["class"], using["verdict"], using["quality_flags"]) == (6, "violation", USED)
    told = {warning["code"]: warning["params"] for warning in without["warnings"]}
    assert told["readings_suspect"] == {"count": 1}
    assert told["suspect_readings_matter"] == {"class_without": "Ⅱ", "class_with": "劣Ⅴ"}
    assert not {"readings_suspect", "suspect_readings_matter"} & {one["code"] for one in using["warnings"]}


def test_evaluate_judges_by_the_flags_it_names(doubted: Engine, cli: Cli) -> None:
    command = ("evaluate", "--as-of", "2024-01-01", "--rule", "GB3838-5.1", "--format", "json")
    (without,) = answer(cli(*command, database=doubted))
    (using,) = answer(cli(*command, "--use-suspect", database=doubted))
    assert (without["verdict"], using["verdict"]) == ("compliant", "violation")
    assert without["evidence"]["data"]["quality_flags"] == LEFT_OUT
    assert using["evidence"]["data"]["quality_flags"] == USED


def test_a_run_under_another_setting_has_another_rule_set(doubted: Engine) -> None:
    hashes = []
    for use_suspect in (None, False, True):
        run_evaluation(doubted, parse_period("2023").end, use_suspect=use_suspect)
        with Session(doubted) as session:
            run = latest_run(session)
            assert run is not None
            hashes.append(run.rule_set_hash)
    assert hashes == [load_rulebook().rule_set_hash] * 2 + [rules_in_use(use_suspect=True).rule_set_hash]
    assert len(set(hashes)) == 2


def test_the_explanation_follows_the_same_setting(doubted: Engine, cli: Cli) -> None:
    command = ("assess", "--period", "2023-06", "--explain", "S1", "--format", "json")
    documents = {}
    for option in ("--use-suspect", "--no-use-suspect"):
        result = cli(*command, option, database=doubted)
        assert result.exit_code == 0, result.output
        documents[option] = json.loads(result.stdout)
    assert documents["--use-suspect"]["settings"]["use_suspect"] is True
    assert documents["--no-use-suspect"]["settings"]["use_suspect"] is False
    assert documents["--use-suspect"] != documents["--no-use-suspect"]


@pytest.mark.parametrize("by", ["section", "river", "region"])
def test_assessments_over_http_take_the_setting_too(
    doubted: Engine, empty_client: TestClient, by: str
) -> None:
    address, asked = "/api/v1/assessments", {"period": "2023-06", "by": by}
    shares = []
    for value in (None, "false", "true"):
        params = asked if value is None else asked | {"use_suspect": value}
        response = empty_client.get(address, params=params)
        assert response.status_code == 200, response.text
        shares.append(response.json()["items"])
    assert shares[0] == shares[1] != shares[2]
    with Session(doubted) as session:
        direct = assess_in(session, parse_period("2023-06"), by, use_suspect=True)
    assert len(direct) == len(shares[2])


def test_the_assessment_of_a_section_over_http_takes_the_setting_too(
    doubted: Engine, empty_client: TestClient
) -> None:
    address = "/api/v1/sections/S1/assessment"
    found = {
        value: empty_client.get(address, params={"period": "2023-06", "use_suspect": value}).json()
        for value in ("true", "false")
    }
    assert {value: (one["class"], one["quality_flags"]) for value, one in found.items()} == {
        "true": (6, USED),
        "false": (2, LEFT_OUT),
    }
    assert (
        empty_client.get(address, params={"period": "2023-06", "use_suspect": "perhaps"}).status_code == 422
    )
