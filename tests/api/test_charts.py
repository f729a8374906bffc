"""Charts at the doors, from the sample data."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session
from typer.testing import Result

from api.catalogue import Catalogue, Language
from api.charting import (
    Span,
    heatmap_picture,
    make_span,
    months_by_sections,
    ranking_picture,
    series_picture,
    shares_picture,
    trophic_picture,
)
from api.comparisons import Scope
from api.errors import TooManyPeriodsError
from maps.rendering import Picture
from spatial.errors import PeriodError
from spatial.period import parse_period

Cli = Callable[..., Result]
LAKE, RIVER = "S430602002", "S420502001"
YEAR = {"from": "2023-01-01", "to": "2023-12-31"}


def said_in(svg: str) -> list[str]:
    """The words of a drawn picture."""
    return re.findall(r'aria-label="([^"]*)"', svg)


@pytest.fixture(scope="module")
def year() -> Span:
    period = parse_period("2023")
    return Span(period.start, period.end)


def test_a_series_is_drawn_with_its_limits_and_its_files(client: TestClient) -> None:
    answer = client.get(f"/api/v1/sections/{LAKE}/chart.svg", params={"parameter": "tp", **YEAR})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-language"] == "zh-CN"
    said = said_in(answer.text)
    for words in (
        "S430602002 岳阳楼样例断面 · 洞庭湖：总磷",
        "Ⅲ ≤0.05 目标",  # a lake: not the river's 0.2
        "未参与评价",
        "数据：readings_monthly.csv（上传 #6）、readings_4hourly.csv（上传 #7）",
        "色带：GB 3838-2002 表1 第8项 的类别限值（湖泊）",
    ):
        assert words in [one.replace("\u3000", " ") for one in said], words


def test_a_chart_speaks_the_reader_s_language(client: TestClient) -> None:
    answer = client.get(
        f"/api/v1/sections/{RIVER}/chart.svg",
        params={"parameter": "hg", **YEAR},
        headers={"Accept-Language": "en"},
    )
    said = said_in(answer.text)
    assert "S420502001 南津关样例断面 · 长江: Mercury" in said
    assert "not detected (at the detection limit)" in said
    assert answer.headers["content-language"] == "en"
    assert "Accept-Language" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("form", "media", "start"),
    [
        ("svg", "image/svg+xml", b"<svg "),
        ("png", "image/png", b"\x89PNG"),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
    ],
)
def test_every_form_is_what_it_says(client: TestClient, form: str, media: str, start: bytes) -> None:
    answer = client.get(
        f"/api/v1/assessments/ranking.{form}", params={"period": "2023", "parameter": "tp", "top": 5}
    )
    assert answer.headers["content-type"] == media
    assert answer.content.startswith(start)


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("assessments/heatmap.svg", {"from": "2023-10-01", "to": "2023-12-31", "region": "430000"}),
        ("assessments/shares.svg", {"period": "2023"}),
        ("assessments/shares.svg", {"period": ["2023-11", "2023-12"], "by": "period"}),
        ("assessments/shares.svg", {"period": ["2023-11", "2023-12"], "by": "region"}),
        ("assessments/ranking.svg", {"period": "2023", "parameter": "do"}),
        ("assessments/ranking.svg", {"period": "2023"}),
        (f"sections/{LAKE}/trophic.svg", {"from": "2023-10-01", "to": "2023-12-31"}),
    ],
)
def test_every_chart_is_the_same_bytes_twice(client: TestClient, path: str, params: dict[str, Any]) -> None:
    first, second = (client.get(f"/api/v1/{path}", params=params) for _ in range(2))
    assert first.status_code == 200, first.text
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]


@pytest.mark.parametrize(
    ("path", "params", "status", "kind"),
    [
        (f"sections/{LAKE}/chart.svg", {"parameter": "xyz"}, 422, "bad-input"),
        ("sections/NO/chart.svg", {"parameter": "tp"}, 404, "not-found"),
        (f"sections/{LAKE}/chart.gif", {"parameter": "tp"}, 422, None),
        (f"sections/{RIVER}/trophic.svg", YEAR, 422, "no-lake"),
        ("assessments/ranking.svg", {"period": "2023", "parameter": "ph"}, 422, "not-rankable"),
        ("assessments/ranking.svg", {"period": "soon", "parameter": "tp"}, 422, "bad-period"),
        ("assessments/heatmap.svg", {"from": "1990-01-01", "to": "2023-12-31"}, 422, "too-many-periods"),
        ("assessments/heatmap.svg", {"from": "2023-12-31", "to": "2023-01-01"}, 422, "bad-period"),
    ],
)
def test_what_cannot_be_drawn_is_a_problem_document(
    client: TestClient, path: str, params: dict[str, Any], status: int, kind: str | None
) -> None:
    answer = client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    if kind is not None:
        assert answer.json()["type"] == f"/problems/{kind}"


def test_a_series_shows_every_reading_and_what_became_of_it(sample: Any, year: Span) -> None:
    with Session(sample.engine) as session:
        picture = series_picture(session, Catalogue(), LAKE, "tp", year)
    kinds = [row[1] for row in picture.rows]
    # 84 four-hourly and 12 monthly readings; in December the automatic ones stand before the manual one.
    assert (kinds.count("监测值"), kinds.count("未参与评价")) == (95, 1)
    assert ["2023-12-04 10:30", "未参与评价", "0.068"] in [list(row) for row in picture.rows]


def test_a_heat_map_shows_the_classes_of_the_assessments(client: TestClient, sample: Any) -> None:
    span = Span(parse_period("2023-11").start, parse_period("2023-12").end)
    with Session(sample.engine) as session:
        picture = heatmap_picture(session, Catalogue(), span, Scope())
    rows = {row[0].split()[0]: row[1:] for row in picture.rows}
    assert list(picture.columns) == ["断面", "2023-11", "2023-12"]
    for place, month in enumerate(("2023-11", "2023-12")):
        items = client.get("/api/v1/assessments", params={"period": month, "by": "section"}).json()["items"]
        assert len(items) == len(rows)
        for item in items:
            expected = "" if not item["samples"] else item["class_label"] or "—"
            assert rows[item["code"]][place] == expected, item["code"]


def test_a_heat_map_takes_sections_as_they_stood_each_month(sample: Any) -> None:
    months = [parse_period("2023-11"), parse_period("2023-12")]
    with Session(sample.engine) as session:
        ((everywhere, same),) = months_by_sections(session, months, Scope())
        ((there, _),) = months_by_sections(session, months, Scope(region="430000", level="national"))
    assert same == months
    assert set(there["code"]) < set(everywhere["code"])
    assert set(there["level"]) == {"national"}


def test_shares_are_those_of_the_regions(client: TestClient, sample: Any) -> None:
    with Session(sample.engine) as session:
        picture = shares_picture(session, Catalogue(), [parse_period("2023")], "region", Scope())
    rows = {row[0]: [int(cell) for cell in row[1:]] for row in picture.rows}
    items = client.get("/api/v1/assessments", params={"period": "2023", "by": "region"}).json()["items"]
    provinces = {item["name"]: item["counts"] for item in items if item["code"].endswith("0000")}
    assert rows == {name: list(counts.values()) for name, counts in provinces.items()}


def test_a_ranking_has_the_worst_first(sample: Any) -> None:
    def ranked(parameter: str) -> Picture:
        with Session(sample.engine) as session:
            return ranking_picture(session, Catalogue(), parse_period("2023"), parameter, Scope(), 20)

    phosphorus = [Fraction(row[2]) for row in ranked("tp").rows]
    oxygen = [Fraction(row[2]) for row in ranked("do").rows]
    assert phosphorus == sorted(phosphorus, reverse=True)
    assert oxygen == sorted(oxygen)
    places = [int(row[0]) for row in ranked("tp").rows]
    for number, place in enumerate(places):
        # Equal means share a place, and the next counts them.
        assert place in (number + 1, places[number - 1])
        assert place == number + 1 or phosphorus[number] == phosphorus[number - 1]
    assert len(set(places)) < len(places)
    assert len(phosphorus) == 39  # three sections of 42 have too few months


def test_a_ranking_by_index_is_that_of_the_ranking(client: TestClient) -> None:
    asked = {"period": "2023", "what": "flood-intensity"}
    items = client.get("/api/v1/rankings", params=asked).json()["items"]
    ranked = [item for item in items if item["rank"] is not None]
    page = client.get("/api/v1/assessments/ranking.html", params={**asked, "top": 5}).text
    rows = re.findall(r"<tr><td>(\d+)</td><td>(.*?)</td><td>(.*?)</td></tr>", page)
    assert [(int(rank), name) for rank, name, _ in rows] == [(item["rank"], item["name"]) for item in ranked]
    assert "汛期污染强度由重到轻 · 2023" in page


def test_the_trophic_series_has_an_index_for_every_month(sample: Any, year: Span) -> None:
    with Session(sample.engine) as session:
        picture = trophic_picture(session, Catalogue(Language.ENGLISH), LAKE, year)
    assert [row[0] for row in picture.rows] == [f"2023-{month:02d}" for month in range(1, 13)]
    assert all(40 < float(row[1]) < 60 for row in picture.rows)


def test_the_command_line_writes_the_file_that_http_answers(
    cli: Cli, sample: Any, client: TestClient, tmp_path: Path
) -> None:
    out = tmp_path / "tp.svg"
    result = cli(
        *("chart", "series", "--section", LAKE, "--parameter", "tp", "--period", "2023", "--out", out),
        database=sample.engine,
    )
    assert result.exit_code == 0, result.output
    answer = client.get(f"/api/v1/sections/{LAKE}/chart.svg", params={"parameter": "tp", **YEAR})
    assert out.read_bytes() == answer.content


@pytest.mark.parametrize(
    "arguments",
    [
        ("heatmap", "--period", "2023-Q4", "--region", "43"),
        ("shares", "--period", "2023", "--by", "river"),
        ("ranking", "--period", "2023", "--parameter", "nh3_n", "--top", "5"),
        ("ranking", "--period", "2023", "--of", "river"),
        ("trophic", "--section", LAKE, "--period", "2023-Q4"),
    ],
)
def test_every_chart_can_be_had_on_the_command_line(
    cli: Cli, sample: Any, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    out = tmp_path / "chart.html"
    result = cli("--lang", "en", "chart", *arguments, "--out", out, database=sample.engine)
    assert result.exit_code == 0, result.output
    page = out.read_text(encoding="utf-8")
    assert '<html lang="en">' in page
    assert "<table>" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("series", "--section", LAKE, "--parameter", "tp", "--out", "tp.gif"), ".svg, .png, .html"),
        (("series", "--section", LAKE, "--parameter", "xyz", "--out", "tp.svg"), "xyz"),
        (("ranking", "--period", "2023", "--parameter", "ph", "--out", "ph.svg"), "不能排名"),
        (("trophic", "--section", RIVER, "--period", "2023", "--out", "t.svg"), "没有营养状态指数"),
        (
            ("heatmap", "--period", "2023", "--from", "2023-01-01", "--out", "h.svg"),
            "--period",
        ),
    ],
)
def test_a_wrong_request_is_one_line_and_no_file(
    cli: Cli, sample: Any, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = cli("chart", *arguments, database=sample.engine)
    assert result.exit_code == 2
    assert words in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_span_without_days_is_the_year_up_to_today() -> None:
    today = parse_period("2024-06").end
    span = make_span(None, None, today)
    assert (span.end, (span.end - span.start).days) == (today, 364)
    with pytest.raises(PeriodError):
        make_span(today, parse_period("2024-01").start, today)


def test_a_chart_has_an_end() -> None:
    span = Span(parse_period("1990").start, parse_period("2023").end)
    with pytest.raises(TooManyPeriodsError) as error:
        span.months  # noqa: B018  # it is the reading that refuses
    assert error.value.count == 34 * 12
