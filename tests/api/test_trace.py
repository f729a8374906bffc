"""Traces and relations at the doors: command line, files without a database, HTTP, maps.

The small network is drawn by hand: a river due east of 30 km in three stretches, along a parallel, so that
kilometres are known from the geodesic along it.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pyproj import Geod

from api.catalogue import Catalogue, Language

GRS80 = Geod(ellps="GRS80")
AS_OF = "2024-01-01"
LAT = 30.0


def lon_at(km: float) -> float:
    """The longitude so many kilometres east of 111° E, along the parallel of 30° (a rhumb line)."""
    one = sum(GRS80.inv(111 + step / 1000, LAT, 111 + (step + 1) / 1000, LAT)[2] for step in range(100)) / 100
    return 111 + km * 1000 / one / 1000


@pytest.fixture
def rivers(tmp_path: Path) -> Path:
    """Three stretches A (0–10 km), B (10–20), C (20–30); B flows at 1 m/s, known to lie in 0.5 to 2."""
    rows = [
        {"code": code, "name": f"{code}河", "downstream_code": then, "velocity_m_s": v, "low": lo, "high": hi}
        for code, then, v, lo, hi in (
            ("A", "B", "", "", ""),
            ("B", "C", "1", "0.5", "2"),
            ("C", "", "", "", ""),
        )
    ]
    text = "code,name,downstream_code,velocity_m_s,velocity_low_m_s,velocity_high_m_s,geometry\n"
    for row, (first, last) in zip(rows, ((0, 10), (10, 20), (20, 30)), strict=True):
        line = f"LINESTRING ({lon_at(first):.9f} 30, {lon_at(last):.9f} 30)"
        cells = [
            row["code"],
            row["name"],
            row["downstream_code"],
            row["velocity_m_s"],
            row["low"],
            row["high"],
        ]
        text += ",".join([*cells, f'"{line}"']) + "\n"
    path = tmp_path / "rivers.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def outfalls(tmp_path: Path) -> Path:
    rows = [
        ("W1", 12, "氨氮、总磷"),
        ("W2", 15, ""),
        ("W3", 18, "石油类"),
        ("W4", 5, "总磷"),
        ("W5", 25, "总磷"),
    ]
    text = "排污口编码,排污口名称,特征污染物,经度,纬度\n" + "".join(
        f"{code},{code}口,{items},{lon_at(km):.9f},30.001\n" for code, km, items in rows
    )
    path = tmp_path / "outfalls.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def sections(tmp_path: Path) -> Path:
    path = tmp_path / "sections.csv"
    path.write_text(
        f"断面编码,断面名称,经度,纬度\nS1,下断面,{lon_at(20):.9f},30\nS2,上断面,{lon_at(11):.9f},30\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def files(rivers: Path, outfalls: Path, sections: Path) -> list[str]:
    return ["--rivers", str(rivers), "--places", f"outfalls={outfalls}", "--places", f"sections={sections}"]


def document(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [item["code"] for item in found["items"]]


# -- files, without a database ---------------------------------------------------------------------------


def test_upstream_of_a_section_suspects_come_by_their_lists_and_then_by_distance(
    cli: Any, files: list[str]
) -> None:
    found = document(
        cli("trace", "--section", "S1", "--upstream", 18, "--parameter", "tp", *files, "--format", "json")
    )
    assert found["direction"] == "upstream"
    # Ordered by kilometre, as the contract says; W5 lies downstream.
    assert codes(found) == ["W3", "W2", "W1", "S2", "W4"]
    assert [item["river_km"] for item in found["items"]] == pytest.approx([2, 5, 8, 9, 15], abs=0.01)
    ranked = sorted(
        (item["suspect"]["rank"], item["code"], item["suspect"]["reason"], item["suspect"]["matched"])
        for item in found["items"]
        if item["suspect"]
    )
    assert ranked == [
        (1, "W1", "lists_parameter", ["tp"]),
        (2, "W4", "lists_parameter", ["tp"]),
        (3, "W2", "discharges_unknown", []),
        (4, "W3", "does_not_list", []),
    ]
    assert found["exceedance"]["basis"] == "asked"


def test_the_way_ends_at_the_asked_kilometre(cli: Any, files: list[str]) -> None:
    found = document(cli("trace", "--section", "S1", "--upstream", 7, *files, "--format", "json"))
    assert codes(found) == ["W3", "W2"]
    assert {item["suspect"] for item in found["items"]} == {None}  # nothing was asked to be looked for


def test_a_spill_arrives_by_the_velocities_of_the_rivers_on_its_way(cli: Any, files: list[str]) -> None:
    """From 8 km: 2 km of A at 0.5 m/s (0.1 to 2), then B at 1 m/s (0.5 to 2)."""
    spill = f"{lon_at(8):.9f},30.0"
    found = document(cli("trace", "--from", spill, "--downstream", 12.5, *files, "--format", "json"))
    assert codes(found) == ["S2", "W1", "W2", "W3", "S1"]
    assert found["items"][0]["via"] == ["A", "B"]
    s2 = found["items"][0]
    assert s2["river_km"] == pytest.approx(3, abs=0.01)
    assert s2["travel_hours"] == pytest.approx(2 / 1.8 + 1 / 3.6, abs=0.01)
    assert s2["earliest_hours"] == pytest.approx(2 / 7.2 + 1 / 7.2, abs=0.01)
    assert s2["latest_hours"] == pytest.approx(2 / 0.36 + 1 / 1.8, abs=0.02)
    assert found["exceedance"] is None
    assert (found["origin"]["kind"], found["origin"]["river_code"]) == ("place", "A")


def test_a_velocity_of_the_reader_replaces_those_of_the_rivers(cli: Any, files: list[str]) -> None:
    spill = f"{lon_at(8):.9f},30.0"
    ask = ("trace", "--from", spill, "--downstream", 20, "--velocity", 2, *files, "--format", "json")
    s1 = next(item for item in document(cli(*ask))["items"] if item["code"] == "S1")
    assert s1["travel_hours"] == pytest.approx(12 / 7.2, abs=0.01)
    assert s1["earliest_hours"] == pytest.approx(12 / 7.2 / 1.5, abs=0.01)
    assert s1["latest_hours"] == pytest.approx(12 / 7.2 * 1.5, abs=0.01)


def test_from_a_place_upstream_and_from_a_section_downstream(cli: Any, files: list[str]) -> None:
    spill = f"{lon_at(13):.9f},30.0"
    up = document(cli("trace", "--from", spill, "--upstream", 50, *files, "--format", "json"))
    down = document(cli("trace", "--section", "S2", "--downstream", 50, *files, "--format", "json"))
    assert codes(up) == ["W1", "S2", "W4"]
    assert codes(down) == ["W1", "W2", "W3", "S1", "W5"]


def test_table_csv_and_geojson_say_the_same(cli: Any, files: list[str], tmp_path: Path) -> None:
    ask = ("trace", "--section", "S1", "--upstream", 18, "--parameter", "tp", *files)
    table = cli("--lang", "en", *ask)
    assert table.exit_code == 0
    shown = [code for code in ("W1", "W4", "W2", "W3") if code in table.stdout]
    assert sorted(shown, key=table.stdout.index) == ["W1", "W4", "W2", "W3"]  # by rank
    assert "discharges Total phosphorus" in table.stdout
    rows = list(csv.DictReader(io.StringIO(cli(*ask, "--format", "csv").stdout)))
    assert [row["code"] for row in rows] == ["W3", "W2", "W1", "S2", "W4"]
    assert [row["suspect_rank"] for row in rows] == ["4", "3", "1", "", "2"]
    out = tmp_path / "trace.geojson"
    assert cli(*ask, "--out", out).exit_code == 0
    features = json.loads(out.read_text(encoding="utf-8"))["features"]
    kinds = [feature["properties"]["feature"] for feature in features]
    assert kinds.count("origin") == 1
    assert kinds.count("item") == 5
    assert {feature["geometry"]["type"] for feature in features} == {"Point", "LineString"}


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (["--upstream", "5"], "--section"),
        (["--section", "S1", "--from", "111,30", "--upstream", "5"], "--section"),
        (["--section", "S1"], "--upstream"),
        (["--section", "S1", "--upstream", "5", "--downstream", "5"], "--upstream"),
        (["--from", "here", "--downstream", "5"], "“here”"),
        (["--from", "111.05,30", "--downstream", "5", "--velocity", "0"], "velocity"),
        (["--section", "S1", "--upstream", "5", "--parameter", "gold"], "gold"),
        (["--section", "S9", "--upstream", "5"], "S9"),
        (["--section", "S1", "--upstream", "5", "--river", "A"], "river"),
        (["--from", "120,40", "--downstream", "5"], "120,40"),
    ],
)
def test_what_cannot_be_traced_is_one_line_and_exit_code_2(
    cli: Any, files: list[str], ask: list[str], told: str
) -> None:
    result = cli("trace", *ask, *files)
    assert result.exit_code == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert told in lines[0]


def test_a_file_with_a_faulty_row_is_refused_with_its_row(cli: Any, rivers: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("排污口编码,排污口名称,特征污染物\nW1,口,重金属\n", encoding="utf-8")
    result = cli(
        "trace", "--from", "111.05,30", "--downstream", 5, "--rivers", rivers, "--places", f"outfalls={path}"
    )
    assert result.exit_code == 2
    assert "bad.csv, row 2, 特征污染物" in result.stderr


@pytest.mark.parametrize(
    "text", [f"{lon_at(1):.6f}，30.0", f"东经{lon_at(1):.6f}度，北纬30度", f"30N {lon_at(1):.6f}E"]
)
def test_a_place_may_be_written_as_people_write_it(cli: Any, files: list[str], text: str) -> None:
    found = document(cli("trace", "--from", text, "--downstream", 5, *files, "--format", "json"))
    assert found["origin"]["lon"] == pytest.approx(lon_at(1), abs=1e-5)
    assert codes(found) == ["W4"]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (("--from", "30.0,111.0", "--downstream", 5), "经度在前"),
        (("--from", "100,40", "--downstream", 5), "周围 5 公里内没有已装载的河流"),
        (("--from", f"{lon_at(1):.6f},30", "--downstream", 5, "--river", "黄河"), "“黄河”"),
        (("--section", "S9", "--upstream", 5), "没有坐标"),
    ],
)
def test_why_no_trace_can_start_there_is_told_in_chinese(
    cli: Any, files: list[str], tmp_path: Path, ask: tuple[object, ...], told: str
) -> None:
    nowhere = tmp_path / "nowhere.csv"
    nowhere.write_text("断面编码,断面名称,经度,纬度\nS9,无坐标断面,,\n", encoding="utf-8")
    result = cli("trace", *ask, *files, "--places", f"sections={nowhere}")
    assert result.exit_code == 2
    assert told in result.stderr
    assert "expected" not in result.stderr
    assert "within" not in result.stderr


# -- the sample ------------------------------------------------------------------------------------------


def sample_trace(cli: Any, sample: Any, *ask: object) -> dict[str, Any]:
    return document(cli("trace", *ask, "--as-of", AS_OF, "--format", "json", database=sample.engine))


def test_what_exceeds_at_a_section_is_taken_from_its_assessment(cli: Any, sample: Any) -> None:
    """城陵矶 has total phosphorus of class Ⅲ against its target Ⅱ; its latest month is December 2023."""
    found = sample_trace(cli, sample, "--section", "S430602001", "--upstream", 60)
    assert found["exceedance"] == {
        "parameters": ["tp"],
        "basis": "assessed",
        "period": "2023-12",
        "limit_class": 2,
    }
    first = next(item for item in found["items"] if item["suspect"] and item["suspect"]["rank"] == 1)
    assert "tp" in first["discharges"]
    assert [item["river_km"] for item in found["items"]] == sorted(
        item["river_km"] for item in found["items"]
    )


def test_a_section_that_only_feeds_have_named_is_told_to_be_registered(cli: Any, sample: Any) -> None:
    ask = ("trace", "--section", "湖北省/沌口样例断面", "--upstream", 5, "--as-of", AS_OF)
    result = cli(*ask, database=sample.engine)
    assert result.exit_code == 2
    assert "尚未登记" in result.stderr


def test_homes_of_the_pond_register_say_on_which_side_they_lie(cli: Any, sample: Any) -> None:
    """WKK-09: the only home near it lies upstream."""
    result = cli("relations", "ponds", "--as-of", AS_OF, database=sample.engine)
    assert result.exit_code == 0
    assert "上湾居民点样例 上游 400 米" in " ".join(result.stdout.split())


def test_an_outfall_that_was_banned_before_the_exceedance_is_the_last_of_the_suspects(
    cli: Any, sample: Any
) -> None:
    """outfalls.csv: 074 lists phosphorus, banned on 2022-10-06; 109 lists it too and was standardised."""
    ask = ("--section", "S430602001", "--upstream", 60)
    items = {item["code"]: item for item in sample_trace(cli, sample, *ask)["items"]}
    gone, stands = items["FA-430611-0074-NY-00"], items["FA-430602-0109-NY-00"]
    assert (gone["removed_on"], gone["suspect"]["reason"]) == ("2022-10-06", "removed")
    assert gone["suspect"]["matched"] == ["tp"]
    assert (stands["removed_on"], stands["suspect"]["rank"]) == (None, 1)
    standing = {
        item["suspect"]["rank"] for item in items.values() if item["suspect"] and not item["removed_on"]
    }
    assert max(standing) < gone["suspect"]["rank"]
    # In the month in which it was banned, and before, it may have been the source.
    then = sample_trace(cli, sample, *ask, "--period", "2022-10", "--parameter", "tp")["items"]
    assert next(item for item in then if item["code"] == gone["code"])["suspect"]["rank"] == 1


def test_a_section_that_meets_its_target_has_no_suspects(cli: Any, sample: Any) -> None:
    found = sample_trace(cli, sample, "--section", "S430611001", "--upstream", 60, "--period", "2023")
    assert found["exceedance"]["parameters"] == []
    assert found["exceedance"]["period"] == "2023"
    assert {item["suspect"] for item in found["items"]} == {None}


def test_a_spill_reaches_sections_sources_intakes_and_regions(cli: Any, sample: Any) -> None:
    found = sample_trace(cli, sample, "--from", "111.28,30.69", "--downstream", 120)
    kinds = {item["kind"] for item in found["items"]}
    assert kinds >= {"section", "water_source", "intake", "outfall", "chemical_site", "region"}
    regions = [item["code"] for item in found["items"] if item["kind"] == "region"]
    assert len(regions) == len(set(regions))  # each once, where the river first enters it
    intake = next(item for item in found["items"] if item["kind"] == "intake")
    # 长江 flows at 0.9 m/s, known to lie in 0.4 to 2.2.
    assert intake["travel_hours"] == pytest.approx(intake["river_km"] / 3.6 / 0.9, abs=0.01)
    assert intake["earliest_hours"] == pytest.approx(intake["river_km"] / 3.6 / 2.2, abs=0.01)
    assert intake["latest_hours"] == pytest.approx(intake["river_km"] / 3.6 / 0.4, abs=0.02)


def test_an_empty_database_says_what_to_load(cli: Any, fresh_database: Any) -> None:
    result = cli("trace", "--from", "111.28,30.69", "--downstream", 10, database=fresh_database)
    assert result.exit_code == 2
    assert "ingest rivers" in result.stderr


# -- HTTP ------------------------------------------------------------------------------------------------


def test_http_answers_as_the_command(client: Any, cli: Any, sample: Any) -> None:
    ask = {"section": "S430602001", "upstream": 60, "as_of": AS_OF}
    answer = client.get("/api/v1/trace", params=ask)
    assert answer.status_code == 200
    assert answer.json() == sample_trace(cli, sample, "--section", "S430602001", "--upstream", 60)
    assert client.get("/api/v1/trace", params=ask).headers["etag"] == answer.headers["etag"]
    again = client.get("/api/v1/trace", params=ask, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_http_gives_geojson_and_csv_too(client: Any) -> None:
    ask = {"from": "111.28,30.69", "downstream": 50, "as_of": AS_OF}
    collection = client.get("/api/v1/trace", params={**ask, "format": "geojson"})
    assert collection.headers["content-type"].startswith("application/geo+json")
    assert collection.json()["type"] == "FeatureCollection"
    rows = list(
        csv.DictReader(io.StringIO(client.get("/api/v1/trace", params={**ask, "format": "csv"}).text))
    )
    assert rows[0]["kind"] in {"region", "outfall"}


@pytest.mark.parametrize(
    ("ask", "status", "parameter"),
    [
        ({"section": "S430602001"}, 422, "upstream"),
        ({"section": "S430602001", "upstream": 5, "downstream": 5}, 422, "upstream"),
        ({"upstream": 5}, 422, "section"),
        ({"from": "x", "upstream": 5}, 422, "from"),
        ({"from": "111.28,30.69", "upstream": 0}, 422, "upstream"),
        ({"section": "S000", "upstream": 5}, 404, None),
        ({"from": "100,30", "downstream": 5}, 422, "from"),
    ],
)
def test_http_problems_name_the_parameter(
    client: Any, ask: dict[str, Any], status: int, parameter: str | None
) -> None:
    answer = client.get("/api/v1/trace", params={**ask, "as_of": AS_OF})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    if parameter is not None:
        assert parameter in json.dumps(answer.json())


def test_the_map_of_a_trace_is_served_with_its_own_assets(client: Any) -> None:
    page = client.get("/maps/trace", params={"from": "111.28,30.69", "downstream": 50, "as_of": AS_OF})
    assert page.status_code == 200
    assert "/maps/assets/qingjiang/trace.js" in page.text
    for name in ("qingjiang/trace.js", "qingjiang/trace.css"):
        assert client.get(f"/maps/assets/{name}").status_code == 200


# -- maps as files ---------------------------------------------------------------------------------------


def test_the_map_is_one_file_in_either_language(cli: Any, sample: Any, tmp_path: Path) -> None:
    ask = ("map", "trace", "--section", "S430602001", "--upstream", 60, "--as-of", AS_OF)
    for language in Language:
        out = tmp_path / f"{language.value}.html"
        result = cli("--lang", language.value, *ask, "--out", out, database=sample.engine)
        assert result.exit_code == 0, result.stderr
        html = out.read_text(encoding="utf-8")
        assert Catalogue(language).text("maps.trace_suspects") in html
        assert "<script src" not in html
        assert '<link rel="stylesheet"' not in html
    assert cli(*ask, "--out", tmp_path / "trace.pdf", database=sample.engine).exit_code == 2


# -- relations -------------------------------------------------------------------------------------------


def related(cli: Any, sample: Any, what: str, *more: object) -> list[dict[str, Any]]:
    result = cli("relations", what, *more, "--as-of", AS_OF, "--format", "json", database=sample.engine)
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_the_register_of_zones_lists_what_stands_inside_near_and_in_doubt(cli: Any, sample: Any) -> None:
    rows = {
        (row["code"], row["zone_grade"]): row["place"]
        for row in related(cli, sample, "zones", "--region", "500000")
        if row["source_code"] == "SY-01"
    }
    assert rows == {
        ("FA-500236-0121-QT-00", 1): "inside",
        ("FA-500236-0121-QT-00", 2): "inside",
        ("FA-500236-0122-GY-00", 2): "undecided",
        ("FA-500236-0004-QT-00", 1): "outside",
        ("FA-500236-0004-QT-00", 2): "inside",
    }


def test_the_register_of_zones_says_what_is_gone(cli: Any, sample: Any) -> None:
    gone = {row["code"]: row["removed_on"] for row in related(cli, sample, "zones", "--region", "500000")}
    assert gone["FA-500236-0121-QT-00"] is None
    assert str(gone["FA-500236-0004-QT-00"]).startswith("2023-11")  # merged
    assert gone["YZ-02"] == "2022-08-31"  # closed


def test_sections_get_the_region_of_the_polygon_they_lie_in(cli: Any, sample: Any) -> None:
    rows = {row["code"]: row for row in related(cli, sample, "regions")}
    assert len(rows) == 42
    assert rows["S430602001"]["answer"] == "agrees"
    wrong = rows["S420505001"]  # 云池, said to be in 猇亭, half a kilometre into the made-up 宜都
    assert (wrong["answer"], wrong["found_region"]) == ("contradicts", "420581")
    assert 0 < wrong["stated_distance_m"] < 1000


def test_polygons_of_a_file_serve_as_regions(cli: Any, sample: Any, tmp_path: Path) -> None:
    path = tmp_path / "regions.csv"
    box = "POLYGON ((108 28, 114 28, 114 32, 108 32, 108 28))"
    path.write_text(f'行政区划代码,名称,geometry\n420000,湖北省,"{box}"\n', encoding="utf-8")
    answers = {row["answer"] for row in related(cli, sample, "regions", "--regions", path)}
    assert answers == {"agrees", "contradicts"}  # sections of Hubei; those of Chongqing and Hunan


@pytest.mark.parametrize(("name", "agreeing"), [("china_provinces", 41), ("cities_42", 14)])
def test_public_layers_of_regions_serve_too(cli: Any, sample: Any, name: str, agreeing: int) -> None:
    """Their codes have two and four digits. Of 42 sections, all but one on the border of two provinces agree.

    The layer of Hubei alone holds 18; four on the mainstem lie in the next city by its coarse borders.
    """
    path = Path(__file__).parents[2] / f"../shared/data/geometry/china_admin/{name}.geojson"
    if not path.exists():
        pytest.skip("needs ../shared/data/geometry/china_admin, which is not part of the repository")
    answers = [row["answer"] for row in related(cli, sample, "regions", "--regions", path)]
    assert answers.count("agrees") == agreeing


@pytest.mark.parametrize(
    "text", ["名称,geometry\n甲,POINT (111 30)\n", "行政区划代码,名称,geometry\n420000,甲,POINT (111 30)\n"]
)
def test_a_file_without_codes_or_polygons_is_no_layer_of_regions(
    cli: Any, sample: Any, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(text, encoding="utf-8")
    result = cli("relations", "regions", "--regions", path, database=sample.engine)
    assert result.exit_code == 2
    assert "--regions" in result.stderr


def test_the_register_of_overhead_ponds_tells_stated_from_found(cli: Any, sample: Any) -> None:
    rows = {row["code"]: row for row in related(cli, sample, "ponds")}
    assert len(rows) == 40
    told = {
        code: (row["exposure"], row["basis"], row["contradiction"])
        for code, row in rows.items()
        if row["exposure"] != "unknown"
    }
    assert told == {
        "WKK-01": ("overhead", "stated", False),
        "WKK-05": ("overhead", "stated", False),
        "WKK-10": ("none_found", "stated", False),
        "WKK-09": ("none_found", "network", False),  # the one home near it lies upstream
        "WKK-14": ("overhead", "network", True),  # the list says no; a hamlet lies downstream on 清江
        "WKK-38": ("possible", "distance", False),  # far from every river: up or down is not known
    }
    assert rows["WKK-14"]["people_found"] == 45


@pytest.mark.parametrize("what", ["zones", "regions", "ponds"])
def test_relations_over_http_are_those_of_the_command(client: Any, cli: Any, sample: Any, what: str) -> None:
    answer = client.get(f"/api/v1/relations/{what}", params={"as_of": AS_OF})
    assert answer.status_code == 200
    assert answer.json()["items"] == related(cli, sample, what)
    geojson = client.get(f"/api/v1/relations/{what}", params={"as_of": AS_OF, "format": "geojson"})
    assert geojson.json()["type"] == "FeatureCollection"
