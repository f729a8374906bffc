"""`compare`, `trend`, `ranking`, `flux` and the wider `assess` at the doors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.catalogue import entries
from api.comparisons import compared_period, item_codes
from api.errors import BadRequestError
from api.settings import Settings
from api.web.app import create_app
from spatial.errors import UnknownParameterError
from spatial.period import parse_period

RIVER = "S500236001"
DOORS: list[tuple[tuple[object, ...], str]] = [
    (("assess", "--period", 2023, "--by", "lake"), "/assessments?period=2023&by=lake"),
    (
        ("assess", "--period", 2023, "--by", "nation", "--level", "national"),
        "/assessments?period=2023&by=nation&level=national",
    ),
    (
        ("assess", "--period", 2023, "--level", "municipal"),
        "/assessments?period=2023&by=section&level=municipal",
    ),
    (("compare", "--period", 2023), "/assessments/change?period=2023&by=section"),
    (
        ("compare", "--period", "2023-Q4", "--against", "period", "--by", "region", "--region", "420000"),
        "/assessments/change?period=2023-Q4&against=period&by=region&region=420000",
    ),
    (
        ("compare", "--period", 2023, "--with", 2022, "--by", "nation", "--level", "national"),
        "/assessments/change?period=2023&with=2022&by=nation&level=national",
    ),
    (("ranking", "--period", 2023), "/rankings?period=2023"),
    (("ranking", "--period", "2023-12", "--items", "core"), "/rankings?period=2023-12&items=core"),
    (
        ("ranking", "--period", 2023, "--what", "improvement", "--order", "worsened", "--top", 3),
        "/rankings?period=2023&what=improvement&order=worsened&top=3",
    ),
    (
        ("ranking", "--period", 2023, "--what", "improvement", "--of", "river"),
        "/rankings?period=2023&what=improvement&of=river",
    ),
    (
        ("ranking", "--period", "2023-flood", "--what", "flood-intensity", "--every"),
        "/rankings?period=2023-flood&what=flood-intensity&every=true",
    ),
]


@pytest.mark.parametrize(
    ("command", "path"), DOORS, ids=[" ".join(map(str, command)) for command, _ in DOORS]
)
def test_the_command_line_and_the_web_give_the_same_answer(
    client: Any, cli: Any, sample: Any, command: tuple[object, ...], path: str
) -> None:
    result = cli(*command, "--format", "json", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"] == rows
    assert rows


@pytest.mark.parametrize(
    "command",
    [
        ("assess", "--period", "2023-12", "--by", "lake"),
        ("compare", "--period", "2023-12"),
        ("compare", "--period", "2023-12", "--by", "region"),
        ("ranking", "--period", "2023-12"),
        ("ranking", "--period", "2023-12", "--what", "improvement"),
        ("ranking", "--period", "2023-08", "--what", "flood-intensity"),
    ],
    ids=" ".join,
)
def test_every_answer_is_a_table_in_both_languages(cli: Any, sample: Any, command: tuple[str, ...]) -> None:
    shown = set()
    for language in ("zh-CN", "en"):
        result = cli("--lang", language, *command, database=sample.engine)
        assert result.exit_code == 0, result.stderr
        shown.add(result.stdout)
    assert len(shown) == 2


def rows_of(cli: Any, sample: Any, *command: object) -> list[dict[str, Any]]:
    result = cli(*command, "--format", "json", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_the_nation_counts_what_the_sections_count(cli: Any, sample: Any) -> None:
    sections = rows_of(cli, sample, "assess", "--period", 2023)
    (nation,) = rows_of(cli, sample, "assess", "--period", 2023, "--by", "nation")
    determined = [row for row in sections if row["class"] is not None]
    good = [row for row in determined if row["class"] <= 3]
    assert nation["sections"] == len(sections)
    assert (nation["share_1_3_numerator"], nation["share_1_3_denominator"]) == (len(good), len(determined))
    levels = {row["section_level"] for row in sections}
    assert set(nation["by_level"]) == levels
    assert sum(part["sections"] for part in nation["by_level"].values()) == len(sections)
    assert "全国" in cli("assess", "--period", 2023, "--by", "nation", database=sample.engine).stdout


def test_river_lengths_weigh_the_shares_on_request(cli: Any, lengths: Engine) -> None:
    ask = ("assess", "--period", "2025-01", "--by", "nation")
    (plain,) = json.loads(cli(*ask, "--format", "json", database=lengths).stdout)
    (nation,) = json.loads(cli(*ask, "--by-length", "--format", "json", database=lengths).stdout)
    assert plain["length_weighted"] is None
    assert plain["share_1_3"] == nation["share_1_3"] == 50
    weighted = nation["length_weighted"]
    # 12.5 km of class Ⅱ beside 37.5 km worse than Ⅴ.
    assert (weighted["share_1_3_numerator"], weighted["share_1_3_denominator"]) == (12.5, 50)
    assert (weighted["share_1_3"], weighted["grade"]) == (25, "heavy_pollution")
    assert "25.0 (12.5/50 km)" in cli(*ask, "--by-length", database=lengths).stdout
    url = lengths.url.render_as_string(hide_password=False)
    with TestClient(create_app(Settings(database_url=url), lengths)) as client:
        query = {"period": "2025-01", "by": "nation", "by_length": "true"}
        assert client.get("/api/v1/assessments", params=query).json()["items"] == [nation]
    alone = cli("assess", "--period", "2025-01", "--by-length", database=lengths)
    assert (alone.exit_code, "--by river" in alone.stderr) == (2, True)


def test_every_section_is_in_a_river_or_in_a_lake(cli: Any, sample: Any) -> None:
    sections = rows_of(cli, sample, "assess", "--period", 2023)
    grouped = [
        code
        for by in ("river", "lake")
        for group in rows_of(cli, sample, "assess", "--period", 2023, "--by", by)
        for code in group["section_codes"]
    ]
    assert sorted(grouped) == sorted(row["code"] for row in sections)


def test_a_change_rests_on_the_classes_of_both_years(cli: Any, sample: Any) -> None:
    now, before = (
        {row["code"]: row for row in rows_of(cli, sample, "assess", "--period", year)}
        for year in (2023, 2022)
    )
    changes = rows_of(cli, sample, "compare", "--period", 2023)
    assert {row["with"] for row in changes} == {"2022"}
    for row in changes:
        after, earlier = now[row["code"]], before[row["code"]]
        assert row["after"]["class_by_all_items"] == after["class"]
        if after["class"] is None or earlier["class"] is None:
            assert row["change"] is None
            assert row["reason"]["code"]
        elif not row["warnings"] and after["grade"] == earlier["grade"]:
            assert row["change"] == "no_obvious_change"


def test_cities_without_all_items_have_no_rank_but_a_reason(cli: Any, sample: Any) -> None:
    found = rows_of(cli, sample, "ranking", "--period", 2023)
    ranks = [row["rank"] for row in found]
    ranked = [rank for rank in ranks if rank is not None]
    assert ranked == sorted(ranked)
    assert ranks == [*ranked, *[None] * (len(ranks) - len(ranked))]
    assert {row["code"] for row in found} >= {"500000", "420500", "430600"}
    for row in found:
        assert (row["rank"] is None) == (row["reason"] is not None)
        assert row["change"] is None or row["change"]["items"]


# --- trend ---


def test_a_trend_is_the_same_at_both_doors(client: Any, cli: Any, sample: Any) -> None:
    ask = (
        "trend",
        "--section",
        RIVER,
        "--parameter",
        "tp",
        "--from",
        "2022-01",
        "--to",
        "2023-12",
        "--by",
        "month",
    )
    result = cli(*ask, "--format", "json", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    query = {"parameter": "tp", "from": "2022-01", "to": "2023-12", "by": "month"}
    answer = client.get(f"/api/v1/sections/{RIVER}/trend", params=query)
    assert answer.json() == found
    assert (found["values"], len(found["points"]), found["unit"]) == (24, 24, "mg/L")
    assert found["seasonal_kendall"]["values"] == found["mann_kendall"]["values"] == 24
    assert found["spearman"]["critical_origin"] == "printed"


def test_a_trend_shows_its_tests_to_people_and_its_points_in_csv(cli: Any, sample: Any) -> None:
    ask = ("trend", "--section", RIVER, "--parameter", "tp", "--from", "2022", "--to", "2023")
    chinese = cli(*ask, database=sample.engine)
    assert chinese.exit_code == 0, chinese.stderr
    assert "Mann–Kendall" in chinese.stdout
    assert "至少需要" in chinese.stdout  # two years are too few
    english = cli("--lang", "en", *ask, "--by", "month", database=sample.engine)
    assert "Sen's slope" in english.stdout
    lines = cli(*ask, "--format", "csv", database=sample.engine).stdout.splitlines()
    assert lines[0].startswith("section,parameter,period,mean")
    assert [line.split(",")[2] for line in lines[1:]] == ["2022", "2023"]


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ({"parameter": "tp", "from": "2023-02", "to": "2023-11"}, 422, "2023-02-01"),
        ({"parameter": "gold", "from": "2022", "to": "2023"}, 422, "gold"),
        ({"parameter": "tp", "from": "soon", "to": "2023"}, 422, "soon"),
        ({"parameter": "tp", "from": "1950", "to": "2023", "by": "month"}, 422, "600"),
    ],
)
def test_a_trend_of_nothing_is_refused(client: Any, query: dict[str, str], status: int, word: str) -> None:
    answer = client.get(f"/api/v1/sections/{RIVER}/trend", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert word in answer.json()["detail"]


def test_a_section_that_nobody_knows_has_neither_trend_nor_load(client: Any) -> None:
    for path in ("trend?parameter=tp&from=2022&to=2023", "flux?period=2023"):
        assert client.get(f"/api/v1/sections/NO/{path}").status_code == 404


# --- loads ---


@pytest.fixture
def loaded(cli: Any, clone_database: Callable[[], Engine], tmp_path: Path) -> Callable[..., Engine]:
    """Load the lines of sections and readings into a database of their own."""

    def load(sections: list[str], readings: list[str]) -> Engine:
        engine = clone_database()
        for kind, lines in (("sections", sections), ("readings", readings)):
            file = tmp_path / f"{kind}.csv"
            file.write_text("\n".join(lines), encoding="utf-8")
            result = cli("ingest", kind, file, database=engine)
            assert result.exit_code == 0, result.stderr
        return engine

    return load


@pytest.fixture
def lengths(loaded: Callable[..., Engine]) -> Engine:
    """A clean section that stands for a third of the river of a foul one."""
    return loaded(
        [
            "code,name,water_body_type,level,target_class,region_code,代表河长(m),lon,lat",
            "G1,样例断面,river,national,2,420500,12500,111.3,30.7",
            "G2,样例二断面,river,national,2,420500,37500,111.3,30.7",
        ],
        ["section,sampled_at,总磷(mg/L)", "G1,2025-01-10 08:00,0.1", "G2,2025-01-10 08:00,0.5"],
    )


@pytest.fixture
def gauged(loaded: Callable[..., Engine]) -> Engine:
    """A database with one section whose discharge is known in one of two months."""
    return loaded(
        [
            "code,name,water_body_type,level,target_class,region_code,lon,lat",
            "G1,样例断面,river,national,2,420500,111.3,30.7",
        ],
        [
            "section,sampled_at,总氮(mg/L),总磷(mg/L),流量(m3/s)",
            "G1,2025-01-10 08:00,2,<0.02,100",
            "G1,2025-02-10 08:00,2,0.1,",
        ],
    )


def test_a_load_is_the_same_at_both_doors(cli: Any, gauged: Engine) -> None:
    result = cli("flux", "--section", "G1", "--period", "2025-01", "--format", "json", database=gauged)
    assert result.exit_code == 0, result.stderr
    nitrogen, phosphorus = json.loads(result.stdout)
    # 200 g/s over 31 days.
    assert (nitrogen["parameter"], nitrogen["load_t"]) == ("tn", 535.68)
    assert (phosphorus["load_t"], phosphorus["non_detects_as"]) == (0, "zero")
    url = gauged.url.render_as_string(hide_password=False)
    with TestClient(create_app(Settings(database_url=url), gauged)) as client:
        answer = client.get("/api/v1/sections/G1/flux", params={"period": "2025-01"})
        assert answer.json()["items"] == [nitrogen, phosphorus]
        half = client.get("/api/v1/sections/G1/flux?period=2025-01&parameter=tp&non_detects=half").json()
        assert half["items"][0]["load_t"] == 2.6784  # 0.01 mg/L × 100 m³/s × 31 d


def test_a_period_with_an_unknown_month_has_no_load_and_says_which(cli: Any, gauged: Engine) -> None:
    ask = ("flux", "--section", "G1", "--period", "2025-01-01/2025-02-28", "--parameter", "tn")
    (row,) = json.loads(cli(*ask, "--format", "json", database=gauged).stdout)
    assert (row["load_t"], row["load_of_known_months_t"], row["months_known"]) == (None, 535.68, 1)
    assert "2025-02" in cli(*ask, database=gauged).stdout


def test_only_masses_have_loads(cli: Any, gauged: Engine) -> None:
    ask = ("flux", "--section", "G1", "--period", "2025-01", "--parameter", "ph")
    result = cli(*ask, database=gauged)
    assert result.exit_code == 2
    assert "ph" in result.stderr


# --- choices ---


def test_without_a_named_period_the_year_before_or_the_period_before_is_taken() -> None:
    assert compared_period(parse_period("2025-03"), "year").text == "2024-03"
    assert compared_period(parse_period("2025-03"), "period").text == "2025-02"


def test_items_of_an_index_are_all_the_core_or_a_list() -> None:
    assert item_codes("all") is None
    assert item_codes("core") == ("ph", "do", "cod_mn", "nh3_n", "tp")
    assert item_codes("tp, do") == ("tp", "do")
    with pytest.raises(UnknownParameterError):
        item_codes("tp,gold")
    with pytest.raises(BadRequestError):
        item_codes(" , ")


def test_every_reason_that_the_engine_gives_has_words() -> None:
    spatial = Path(__file__).parents[2] / "spatial"
    given = {
        code
        for file in spatial.glob("*.py")
        for code in re.findall(r"give_reason\(\s*\"(\w+)\"", file.read_text(encoding="utf-8"))
    }
    assert len(given) > 30
    spoken = {key.partition(".")[2] for key in entries() if key.startswith(("reasons.", "products."))}
    assert given - spoken == set()
