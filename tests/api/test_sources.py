"""`sources assess`, the addresses of sources, and the law as data, on the sample data."""

from __future__ import annotations

import csv
import io
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from api.schemas import SourceAssessmentOut
from spatial.overlays import read_standards

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "tests/spatial/overlays/made_up_province.toml"


def expected_sources() -> dict[str, str]:
    """The table worked by hand: code → verdict on 2023."""
    with (ROOT / "sample_data/expected_sources_2023.csv").open(encoding="utf-8") as file:
        return {row["code"]: row["verdict"] for row in csv.DictReader(file)}


def test_the_verdicts_on_sources_equal_the_table_worked_by_hand(cli: Any, sample: Any) -> None:
    result = cli("sources", "assess", "--period", "2023", "--format", "json", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    assert {row["code"]: row["verdict"] for row in json.loads(result.stdout)} == expected_sources()


def test_a_source_over_its_limit_names_item_month_limit_and_document(cli: Any, sample: Any) -> None:
    result = cli("sources", "assess", "--period", "2023", "--format", "json", database=sample.engine)
    row = next(row for row in json.loads(result.stdout) if row["code"] == "SY-12")
    assert row["limiting"] == ["fe"]
    assert [
        (item["month"], item["value"], item["limit"], item["multiple"]) for item in row["exceedances"]
    ] == [("2023-07", 0.42, 0.3, 0.4)]
    assert row["exceedances"][0]["document"] == "GB 3838-2002"
    assert row["evidence"]["standard"]["id"] == "gb3838_2002"
    assert {"setting": "source_basis", "value": "mean", "verdict": "compliant"} in row["evidence"][
        "alternatives"
    ]


def test_the_table_for_people_says_why_in_both_languages(cli: Any, sample: Any) -> None:
    chinese = cli("sources", "assess", "--period", "2023", database=sample.engine)
    assert "地下水水源不适用 GB 3838" in chinese.stdout
    assert "铁(0.4)" in chinese.stdout
    assert "缺少必测项目 1 项：硝酸盐" in "".join(chinese.stdout.split("\n"))
    assert "水源 20 处：达标 5，不达标 2，无法判定 13" in chinese.stderr
    english = cli("--lang", "en", "sources", "assess", "--period", "2023", database=sample.engine)
    assert "no section is registered" in " ".join(english.stdout.split())


def test_shares_by_level_and_region_have_numerators_and_denominators(cli: Any, sample: Any) -> None:
    command = ("sources", "assess", "--period", "2023", "--format", "json", "--by")
    levels = {
        row["code"]: (row["share_numerator"], row["share_denominator"], row["sources"], row["share"])
        for row in json.loads(cli(*command, "level", database=sample.engine).stdout)
    }
    assert levels == {"city": (2, 4, 5, 50.0), "county": (3, 3, 13, 100.0), "township": (0, 0, 2, None)}
    table = cli("sources", "assess", "--period", "2023", "--by", "level", database=sample.engine)
    assert "44.3" in table.stdout  # by volume
    regions = {row["code"]: row for row in json.loads(cli(*command, "region", database=sample.engine).stdout)}
    assert {code: regions[code]["sources"] for code in ("420000", "430000", "500000")} == {
        "420000": 11,
        "430000": 5,
        "500000": 4,
    }
    assert regions["500000"]["counts"] == {"compliant": 2, "violation": 0, "undetermined": 2}


def test_level_and_region_narrow_the_answer(cli: Any, sample: Any) -> None:
    command = ("sources", "assess", "--period", "2023", "--format", "json")
    cities = json.loads(cli(*command, "--level", "city", database=sample.engine).stdout)
    assert {row["source_level"] for row in cities} == {"city"}
    assert len(cities) == 5
    hunan = json.loads(cli(*command, "--region", "43", database=sample.engine).stdout)
    assert [row["code"] for row in hunan] == ["SY-16", "SY-17", "SY-18", "SY-19", "SY-20"]


@pytest.mark.parametrize(("period", "verdict"), [("2023-06", "compliant"), ("2023-07", "violation")])
def test_a_month_is_judged_by_itself(cli: Any, sample: Any, period: str, verdict: str) -> None:
    result = cli("sources", "assess", "--period", period, "--format", "json", database=sample.engine)
    assert next(row for row in json.loads(result.stdout) if row["code"] == "SY-12")["verdict"] == verdict


SECTIONS = """断面编码,断面名称,所在河流,水体类型,流域,省份,行政区划代码,曾用编码
D-1,甲断面,清江,河流,长江流域,湖北省,420500,OLD-1
D-2,乙断面,清江,河流,长江流域,湖北省,420500,OLD-2
D-3,丙断面,清江,河流,长江流域,湖北省,420500,OLD-2
"""
SOURCES = """水源地编码,水源地名称,水源地级别,水源类型,断面编码,行政区划代码,经度,纬度
W-1,一号水源地,县级,地表水,OLD-1,420500,111.3,30.7
W-2,二号水源地,县级,地表水,OLD-2,420500,111.3,30.7
W-3,三号水源地,县级,地表水,D-1；D-2,420500,111.3,30.7
"""
READINGS = """断面编码,采样时间,总磷(mg/L)
D-1,2023-06-05 09:00,0.1
D-2,2023-06-05 09:00,0.3
"""


def test_a_source_may_name_several_sections_and_a_former_code(
    cli: Any, fresh_database: Any, tmp_path: Path
) -> None:
    # The sources were registered before their sections got new codes.
    for kind, text in (("water-sources", SOURCES), ("sections", SECTIONS), ("readings", READINGS)):
        file = tmp_path / f"{kind}.csv"
        file.write_text(text, encoding="utf-8")
        loaded = cli("ingest", kind, file, database=fresh_database)
        assert loaded.exit_code == 0, loaded.stdout + loaded.stderr
    result = cli("sources", "assess", "--period", "2023-06", "--format", "json", database=fresh_database)
    rows = {row["code"]: row for row in json.loads(result.stdout)}
    assert (rows["W-1"]["sections"], rows["W-1"]["months"]) == (["D-1"], 1)
    assert rows["W-1"]["verdict"] == "undetermined"  # most items are missing
    assert rows["W-2"]["reason"]["code"] == "source_section_unknown"  # two sections had this code
    assert (rows["W-3"]["sections"], rows["W-3"]["verdict"]) == (["D-1", "D-2"], "violation")
    assert [item["section"] for item in rows["W-3"]["exceedances"]] == ["D-2"]


VOLUMES = """水源地编码,水源地名称,水源地级别,水源类型,行政区划代码,年取水量(万m³),经度,纬度
W-1,一号水源地,县级,地表水,420500,120.5,111.3,30.7
W-2,二号水源地,县级,地下水,420500,80,111.3,30.7
"""


def test_shares_by_volume_rest_on_the_volumes_of_the_register(
    cli: Any, fresh_database: Any, tmp_path: Path
) -> None:
    file = tmp_path / "sources.csv"
    file.write_text(VOLUMES, encoding="utf-8")
    assert cli("ingest", "water-sources", file, database=fresh_database).exit_code == 0
    command = ("sources", "assess", "--period", "2023", "--by", "level", "--format", "json")
    (share,) = json.loads(cli(*command, database=fresh_database).stdout)
    assert (share["volume_total"], share["volume_denominator"]) == (2005000, 0)
    assert share["share_by_volume"] is None  # nothing is determined


def test_before_the_first_edition_every_source_is_undetermined(cli: Any, sample: Any) -> None:
    result = cli("sources", "assess", "--period", "2001", "--format", "json", database=sample.engine)
    rows = json.loads(result.stdout)
    assert {row["verdict"] for row in rows} == {"undetermined"}
    assert "no_standard_in_force" in {row["reason"]["code"] for row in rows}


@pytest.mark.parametrize(
    "arguments", [("--period", "2023-13"), ("--period", "2023", "--level", "village"), ()]
)
def test_wrong_arguments_are_one_line(cli: Any, sample: Any, arguments: tuple[str, ...]) -> None:
    result = cli("sources", "assess", *arguments, database=sample.engine)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_two_runs_give_the_same_bytes(cli: Any, sample: Any) -> None:
    command = ("sources", "assess", "--period", "2023-Q3", "--format", "json")
    first, second = (cli(*command, database=sample.engine) for _ in range(2))
    assert first.stdout_bytes == second.stdout_bytes
    assert len(first.stdout_bytes) > 1000


def test_csv_has_one_line_for_each_source(cli: Any, sample: Any) -> None:
    result = cli("sources", "assess", "--period", "2023", "--format", "csv", database=sample.engine)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["code"]: row["verdict"] for row in rows} == expected_sources()


# --- thallium and antimony at ordinary sections ---


def section_row(cli: Any, sample: Any, *options: str, period: str = "2023-06") -> dict[str, Any]:
    command = ("assess", "--period", period, "--format", "json", *options)
    rows = json.loads(cli(*command, database=sample.engine).stdout)
    return next(row for row in rows if row["code"] == "S430722001")


def test_thallium_and_antimony_of_a_section_are_not_judged_unless_asked(cli: Any, sample: Any) -> None:
    row = section_row(cli, sample)
    assert "specific_items" not in row
    assert row == section_row(cli, sample, "--no-specific-items")


def test_on_request_they_are_judged_and_the_report_says_by_what(cli: Any, sample: Any) -> None:
    plain, asked = section_row(cli, sample), section_row(cli, sample, "--specific-items")
    assert [
        (item["parameter"], item["table"], item["verdict"], item["multiple"])
        for item in asked["specific_items"]
    ] == [("tl", 3, "compliant", None), ("sb", 3, "violation", 0.24)]
    assert (asked["class"], asked["verdict"]) == (plain["class"], plain["verdict"])
    assert "specific_items_by_table_3" in {warning["code"] for warning in asked["warnings"]}


def test_the_table_shows_them_beside_the_class_and_names_the_table(cli: Any, sample: Any) -> None:
    result = cli("assess", "--period", "2023-06", "--specific-items", database=sample.engine)
    assert re.search(r"锑 > .*0\.005", result.stdout, re.DOTALL)
    assert "饮用水水源" in result.stderr


def test_over_http_they_are_judged_on_request_too(client: Any, cli: Any, sample: Any) -> None:
    address = "/api/v1/sections/S430722001/assessment?period=2023-06"
    assert "specific_items" not in client.get(address).json()
    asked = client.get(f"{address}&specific_items=true").json()
    assert asked == section_row(cli, sample, "--specific-items")
    rows = client.get("/api/v1/assessments?period=2023-06&by=section&specific_items=true").json()["items"]
    assert next(row for row in rows if row["code"] == "S430722001") == asked


# --- HTTP ---


def test_one_source_over_http_is_the_row_of_the_command_line(client: Any, cli: Any, sample: Any) -> None:
    answer = client.get("/api/v1/water-sources/SY-19/assessment?period=2023")
    assert answer.status_code == 200
    SourceAssessmentOut.model_validate(answer.json())
    result = cli("sources", "assess", "--period", "2023", "--format", "json", database=sample.engine)
    assert answer.json() == next(row for row in json.loads(result.stdout) if row["code"] == "SY-19")


@pytest.mark.parametrize("by", ["source", "level", "region"])
def test_lists_over_http_are_those_of_the_command_line(client: Any, cli: Any, sample: Any, by: str) -> None:
    answer = client.get(f"/api/v1/water-sources/assessments?period=2023-Q2&by={by}")
    result = cli(
        "sources", "assess", "--period", "2023-Q2", "--by", by, "--format", "json", database=sample.engine
    )
    assert answer.json() == {"items": json.loads(result.stdout), "next": None}


def test_every_source_has_the_declared_shape(client: Any) -> None:
    for item in client.get("/api/v1/water-sources/assessments?period=2023&by=source").json()["items"]:
        SourceAssessmentOut.model_validate(item)


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("water-sources/SY-99/assessment?period=2023", 404, "/problems/not-found"),
        ("water-sources/SY-01/assessment?period=2023-13", 422, "/problems/bad-period"),
        ("water-sources/SY-01/assessment", 422, "/problems/bad-parameter"),
        ("water-sources/assessments?period=2023&by=village", 422, "/problems/bad-parameter"),
    ],
)
def test_a_wrong_question_is_a_problem_document(client: Any, path: str, status: int, kind: str) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["type"]) == (status, kind)


def test_the_dossier_of_a_source_stays_where_it_was(client: Any) -> None:
    assert client.get("/api/v1/water-sources/SY-01?as_of=2024-01-01").json()["code"] == "SY-01"


# --- the law as data ---


def test_standards_and_the_method_are_listed_after_the_rules(cli: Any, client: Any) -> None:
    rows = json.loads(cli("rules", "list", "--format", "json").stdout)
    kinds = {row["id"]: row["kind"] for row in rows}
    assert kinds["gb3838_2002"] == "standard"
    assert kinds["evaluation_method_2011"] == "method"
    assert kinds["CN-14-1"] == "rule"
    assert "overlay" not in kinds.values()
    assert [row["id"] for row in client.get("/api/v1/rules").json()["items"]] == [row["id"] for row in rows]


def test_a_standard_is_shown_with_every_limit_and_its_source(cli: Any, client: Any) -> None:
    shown = json.loads(cli("rules", "show", "gb3838_2002").stdout)
    assert (shown["edition"], shown["in_force"], shown["valid_to"]) == ("2002", "2002-06-01", None)
    limits = {row["parameter"]: row for row in shown["limits"]["river"]}
    assert limits["tp"]["bounds"] == ["0.02", "0.1", "0.2", "0.3", "0.4"]
    assert (limits["tp"]["document"], limits["tp"]["clause"]) == ("GB 3838-2002", "Table 1, item 8")
    assert len(shown["limits"]["single"]) == 19
    assert client.get("/api/v1/rules/gb3838_2002", headers={"Accept-Language": "zh"}).json() == shown
    assert json.loads(cli("rules", "show", "evaluation_method_2011").stdout)["kind"] == "method"


def test_the_limits_of_a_region_and_day_name_their_document(cli: Any) -> None:
    rows = json.loads(
        cli("rules", "limits", "--region", "42", "--as-of", "2024-01-01", "--format", "json").stdout
    )
    assert {row["document"] for row in rows} == {"GB 3838-2002"}
    assert "tn" not in {row["parameter"] for row in rows}
    lakes = json.loads(cli("rules", "limits", "--lake", "--as-of", "2024-01-01", "--format", "json").stdout)
    assert "tn" in {row["parameter"] for row in lakes}
    assert "≤ 0.02 / 0.1 / 0.2 / 0.3 / 0.4" in cli("rules", "limits", "--as-of", "2024-01-01").stdout
    early = cli("--lang", "en", "rules", "limits", "--as-of", "2001-01-01")
    assert early.exit_code == 2
    assert "was in force on 2001-01-01" in early.stderr


def test_the_limits_over_http_are_those_of_the_command_line(cli: Any, client: Any) -> None:
    rows = json.loads(cli("rules", "limits", "--lake", "--as-of", "2024-01-01", "--format", "json").stdout)
    address = "/api/v1/rules/limits?water=lake&as_of=2024-01-01"
    assert client.get(address, headers={"Accept-Language": "zh"}).json()["items"] == rows
    answer = client.get("/api/v1/rules/limits?as_of=2001-01-01")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-input")


@pytest.fixture
def overlay_in_force(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The made-up overlay, moved to Chongqing and the year 2023, as if it stood in `spatial/rules`."""
    text = OVERLAY.read_text(encoding="utf-8").replace("2024-07-01", "2023-01-01")
    text = text.replace('"510000"', '"500000"').replace('"0.15", "0.3"', '"0.14", "0.3"')
    (tmp_path / "overlay.toml").write_text(text, encoding="utf-8")
    book = read_standards(files("spatial").joinpath("rules"), tmp_path)
    for module in ("spatial.overlays", "api.law", "api.sources"):
        monkeypatch.setattr(f"{module}.load_standards", lambda: book)


@pytest.mark.usefixtures("overlay_in_force")
def test_an_installed_overlay_is_listed_shown_and_named_beside_its_limits(cli: Any) -> None:
    listed = json.loads(cli("rules", "list", "--format", "json").stdout)
    assert [(row["id"], row["region_code"]) for row in listed if row["kind"] == "overlay"] == [
        ("made_up_province_2024", "500000")
    ]
    shown = json.loads(cli("rules", "show", "made_up_province_2024").stdout)
    assert (shown["base"], shown["document"]) == ("gb3838_2002", "DB99/T 1-2024")
    assert [row["parameter"] for row in shown["limits"]["single"]] == ["mn", "chl_a"]
    command = ("rules", "limits", "--as-of", "2023-06-01", "--format", "json", "--region")
    here = {row["parameter"]: row for row in json.loads(cli(*command, "500236").stdout)}
    there = {row["parameter"]: row for row in json.loads(cli(*command, "420500").stdout)}
    assert (here["tp"]["document"], there["tp"]["document"]) == ("DB99/T 1-2024", "GB 3838-2002")
    assert (here["mn"]["document"], "cr_total" in here, "cr_total" in there) == ("GB 3838-2002", True, False)


@pytest.mark.usefixtures("overlay_in_force")
def test_sections_and_sources_of_its_region_are_judged_by_an_installed_overlay(cli: Any, sample: Any) -> None:
    def classes(period: str) -> dict[str, int | None]:
        rows = json.loads(
            cli("assess", "--period", period, "--format", "json", database=sample.engine).stdout
        )
        return {row["code"]: row["class"] for row in rows}

    assert classes("2023")["S500236003"] == 4  # 0.150 mg/L, over the 0.14 of the overlay
    assert classes("2022")["S500236003"] == 3  # before the overlay
    rows = json.loads(
        cli("sources", "assess", "--period", "2023", "--format", "json", database=sample.engine).stdout
    )
    overlays = {row["code"]: row["evidence"]["standard"]["overlays"] for row in rows}
    assert [one["document"] for one in overlays["SY-01"]] == ["DB99/T 1-2024"]
    assert overlays["SY-07"] == []


def test_an_overlay_is_checked_before_it_is_installed(cli: Any, tmp_path: Path) -> None:
    assert "1 份地方限值" in cli("rules", "check", OVERLAY).stdout
    assert "0 份地方限值" in cli("rules", "check").stdout
    broken = tmp_path / "loose.toml"
    text = OVERLAY.read_text(encoding="utf-8")
    broken.write_text(text.replace('"0.15", "0.3", "0.4"', '"0.25", "0.3", "0.4"'), encoding="utf-8")
    result = cli("--lang", "en", "rules", "check", broken)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    for part in ("loose.toml", "river.tp", "class Ⅲ: 0.25 instead of 0.2", "tighten it"):
        assert part in result.stderr


def test_a_file_that_is_not_there_or_not_utf_8_is_refused(cli: Any, tmp_path: Path) -> None:
    assert cli("rules", "check", tmp_path / "no.toml").exit_code == 2
    file = tmp_path / "gbk.toml"
    file.write_bytes("# 标准".encode("gb18030"))
    assert "is not UTF-8" in cli("rules", "check", file).stderr
