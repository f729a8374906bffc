"""The sample data is what it says, and the engine gives the findings that were worked out by hand.

Distances are measured again with GeographicLib; the hand-worked table is compared with the evaluation.
"""

import csv
import json
import math
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from geographiclib.geodesic import Geodesic
from shapely.geometry import Point, shape
from sqlalchemy import Engine

from api.jobs import evaluate
from api.sources import assess_sources
from ingest.headers import match_header, names_of
from ingest.kinds import KINDS, LOADABLE
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.report import UploadReport
from models import cluster, database
from spatial.parameters import load_parameters
from spatial.period import parse_period
from spatial.source_shares import share_sources

SAMPLE = Path(__file__).parents[2] / "sample_data"
AS_OF = date(2024, 1, 1)
GRS80 = Geodesic(6378137.0, 1 / 298.257222101)
ENCODINGS = {"outfalls.csv": "gb18030", "sections.csv": "utf-8-sig", "readings_4hourly.csv": "utf-8-sig"}
VERDICTS = {"compliant", "violation", "undetermined"}
DEFAULT_ACCURACY_M = 25.0
"""Each missing accuracy counts 25 m (the convention "between 950 and 1050 m say undecided")."""

LonLat = tuple[float, float]


def rows_of(name: str) -> list[dict[str, str]]:
    text = (SAMPLE / name).read_bytes().decode(ENCODINGS.get(name, "utf-8"))
    return list(csv.DictReader(text.splitlines()))


def features_of(name: str) -> list[dict[str, Any]]:
    return json.loads((SAMPLE / name).read_text(encoding="utf-8"))["features"]


def scenarios() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads((SAMPLE / "scenarios.toml").read_text(encoding="utf-8"))


def manifest() -> dict[str, Any]:
    return tomllib.loads((SAMPLE / "manifest.toml").read_text(encoding="utf-8"))


def expected() -> list[dict[str, str]]:
    return rows_of(f"expected_findings_{AS_OF}.csv")


# The files -------------------------------------------------------------------------------------------------


def test_the_committed_files_equal_a_fresh_run_of_the_script() -> None:
    run = subprocess.run(
        [sys.executable, SAMPLE / "make.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout.strip()) == (0, "nothing changed"), run.stderr


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        subprocess.run(
            [sys.executable, SAMPLE / "make.py", "--out", tmp_path / name], check=True, capture_output=True
        )
    first = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    second = {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    assert first == second
    assert len(first) == 21


def test_the_sample_has_the_promised_numbers() -> None:
    by_rank = {
        (one["properties"]["rank"], one["properties"]["water_body_code"])
        for one in features_of("shorelines.geojson")
    }
    sources = features_of("water_sources.geojson")
    assert len(rows_of("sections.csv")) == 42
    assert len(rows_of("outfalls.csv")) == 123
    assert len({row["排污口编码"] for row in rows_of("outfalls.csv")}) == 123
    assert len({one["properties"]["code"] for one in features_of("tailings_ponds.geojson")}) == 40
    assert len({one["properties"]["编码"] for one in features_of("chemical_sites.geojson")}) == 25
    assert len({one["properties"]["水源地编码"] for one in sources}) == 20
    assert {one["properties"]["保护区级别"] for one in sources if one["geometry"]["type"] == "Polygon"} == {
        "一级保护区",
        "二级保护区",
    }
    assert Counter(rank for rank, _ in by_rank) == {
        "mainstem": 1, "important_tributary": 4, "tributary": 3, "important_lake": 1, "lake": 1,
    }  # fmt: skip


def test_two_years_of_months_and_two_weeks_of_four_hours_are_there() -> None:
    months = Counter(row["断面编码"] for row in rows_of("readings_monthly.csv"))
    times = {(row["断面名称"], row["监测时间"]) for row in rows_of("readings_4hourly.csv")}
    assert Counter(months.values()) == {24: 38, 23: 1, 19: 1, 17: 1, 12: 1}
    assert Counter(Counter(name for name, _ in times).values()) == {84: 13}
    assert {time[:5] for _, time in times} == {f"12-{day}" for day in range(18, 32)}


def test_every_record_is_labelled_as_sample() -> None:
    named = [row["断面名称"] for row in rows_of("sections.csv")]
    named += [row["排污口名称"] for row in rows_of("outfalls.csv")]
    named += [row["名称"] for row in rows_of("sites.csv")]
    for name in (
        "tailings_ponds",
        "chemical_sites",
        "water_sources",
        "rivers",
        "shorelines",
        "shorelines_superseded",
        "regions",
    ):
        for feature in features_of(f"{name}.geojson"):
            facts = feature["properties"]
            named.append(facts.get("name") or facts.get("名称") or facts["水源地名称"])
    named += [row["填报单位"] for row in rows_of("indicators.csv")]
    assert [name for name in named if "样例" not in name] == []
    assert all(row["水体编码"].startswith("YL-") for row in rows_of("water_bodies.csv"))


def test_every_river_ends_on_a_vertex_of_the_river_it_flows_into() -> None:
    rivers = {one["properties"]["code"]: one for one in features_of("rivers.geojson")}
    for river in rivers.values():
        receiver = river["properties"].get("downstream_code")
        if receiver is not None:
            assert river["geometry"]["coordinates"][-1] in rivers[receiver]["geometry"]["coordinates"]
    assert [code for code, one in rivers.items() if "downstream_code" not in one["properties"]] == ["YL-CJ"]


def test_every_shape_is_a_valid_geometry() -> None:
    names = [entry["path"] for entry in manifest()["file"] if entry["path"].endswith(".geojson")]
    broken = [
        (name, feature["properties"])
        for name in names
        for feature in features_of(name)
        if not shape(feature["geometry"]).is_valid or shape(feature["geometry"]).is_empty
    ]
    assert broken == []


@pytest.mark.parametrize("entry", manifest()["file"], ids=lambda entry: entry["path"])
def test_every_header_is_known_to_the_loader(entry: dict[str, Any]) -> None:
    kind = entry["kind"].replace("-", "_")
    if entry["path"].endswith(".geojson"):
        headers = {key for feature in features_of(entry["path"]) for key in feature["properties"]}
    else:
        headers = set(rows_of(entry["path"])[0])
    known = (
        names_of(kind, (), tuple(load_parameters()))
        if kind == "readings"
        else names_of(kind, KINDS[kind].fields)
    )
    assert {header for header in headers if match_header(header, known)[0] is None} == set()


def test_the_manifest_names_every_kind_once_or_more_and_every_file_exists() -> None:
    document = manifest()
    assert document["as_of"] == AS_OF
    assert {entry["kind"].replace("-", "_") for entry in document["file"]} == set(LOADABLE)
    assert all((SAMPLE / entry["path"]).is_file() for entry in document["file"])


# The readings ----------------------------------------------------------------------------------------------


def test_the_monthly_means_of_2023_are_the_stated_ones() -> None:
    stated = {one["code"]: one for one in scenarios()["section"]}
    headers = {
        "tp": "总磷(mg/L)",
        "nh3_n": "氨氮(mg/L)",
        "cod_mn": "高锰酸盐指数(mg/L)",
        "cod_cr": "化学需氧量(mg/L)",
    }
    usual = {"tp": "0.070", "nh3_n": "0.120", "cod_mn": "2.4", "cod_cr": "10"}
    values: dict[tuple[str, str], list[float]] = {}
    for row in rows_of("readings_monthly.csv"):
        if row["采样时间"].startswith("2023"):
            for item, header in headers.items():
                values.setdefault((row["断面编码"], item), []).append(float(row[header]))
    for (code, item), months in values.items():
        if len(months) == 12:
            mean = float(stated[code].get("means", {}).get(item, usual[item]))
            assert sum(months) / 12 == pytest.approx(mean, abs=1e-9), (code, item)


def test_detection_limits_of_mercury_lie_above_the_class_limits_at_two_sections_only() -> None:
    marks = {(row["断面编码"], row["汞(mg/L)"]) for row in rows_of("readings_monthly.csv")}
    assert {pair for pair in marks if pair[1] != "0.00004L"} == {
        ("S500236002", "0.0001L"),
        ("S500236004", "0.0002L"),
    }


def test_the_feed_shows_the_marks_of_the_national_feed() -> None:
    rows = rows_of("readings_4hourly.csv")
    repeated = [count for count in Counter(tuple(row.values()) for row in rows).values() if count > 1]
    assert {row["站点情况"] for row in rows} == {"正常", "维护"}
    assert any(row["总磷(mg/L)"] == "--" and row["站点情况"] == "正常" for row in rows)
    assert any(row["叶绿素α(mg/L)"] == "*" for row in rows)
    assert repeated == [2, 2, 2]
    assert {row["抓取时间"][:4] for row in rows} == {"2023", "2024"}


def test_the_counts_behind_the_shares_are_those_of_the_scenarios() -> None:
    """Sections, those surely at class Ⅰ to Ⅲ, and those of which that is open."""
    sections = scenarios()["section"]

    def count(**wanted: Any) -> tuple[int, int, int]:
        chosen = [
            one
            for one in sections
            if one["region_code"].startswith(wanted.get("region", ""))
            and wanted.get("level", one["level"]) == one["level"]
            and wanted.get("river", one["river"]) == one["river"]
        ]
        ranges = [one.get("possible") or [one["class_2023"] or 1, one["class_2023"] or 6] for one in chosen]
        return (
            len(chosen),
            sum(worst <= 3 for _, worst in ranges),
            sum(best <= 3 < worst for best, worst in ranges),
        )

    assert count() == (42, 32, 4)
    assert count(region="50") == (9, 7, 1)
    assert count(region="50", level="国控") == (7, 6, 1)
    assert count(region="43", level="国控") == (14, 12, 0)
    assert count(region="43", level="国控", river="洞庭湖") == (6, 4, 0)


# The distances ---------------------------------------------------------------------------------------------


def point_on(edge: tuple[LonLat, LonLat], share: float) -> LonLat:
    (x0, y0), (x1, y1) = edge
    return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


def geodesic_m(place: LonLat, other: LonLat) -> float:
    return float(GRS80.Inverse(place[1], place[0], other[1], other[0], Geodesic.DISTANCE)["s12"])


def least(function: Callable[[float], float], low: float, high: float) -> float:
    """The least value of a function with one valley, by golden section."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(40):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return min(at_left, at_right, function(low), function(high))


def lines_of(geometry: dict[str, Any]) -> list[list[LonLat]]:
    coordinates = geometry["coordinates"]
    nested = {"LineString": [coordinates], "Point": [[coordinates]]}.get(geometry["type"], coordinates)
    return [[(x, y) for x, y in line] for line in nested]


def edges_of(geometry: dict[str, Any]) -> list[tuple[LonLat, LonLat]]:
    return [edge for line in lines_of(geometry) for edge in pairwise(line)]


def nearest_m(geometry: dict[str, Any], water: dict[str, Any]) -> float:
    """Geodesic distance of a point or an outline's corners and edges to a shoreline; 0 on the water.

    The nearest edges are found on a flat map, then measured with GeographicLib. Infinite beyond about 20 km.
    """
    if water["type"] == "Polygon" and shape(water).intersects(shape(geometry)):
        return 0.0
    best = math.inf
    for corner in lines_of(geometry)[0]:
        stretch = math.cos(math.radians(corner[1]))

        def rough(edge: tuple[LonLat, LonLat], at: LonLat = corner, by: float = stretch) -> float:
            flat = [((x - at[0]) * by, y - at[1]) for x, y in edge]
            (x0, y0), (x1, y1) = flat
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            share = min(1.0, max(0.0, -(x0 * (x1 - x0) + y0 * (y1 - y0)) / length)) if length else 0.0
            return math.hypot(x0 + share * (x1 - x0), y0 + share * (y1 - y0))

        for edge in sorted(edges_of(water), key=rough)[:3]:
            if rough(edge) < 0.2:
                best = min(
                    best, least(lambda share, e=edge, c=corner: geodesic_m(c, point_on(e, share)), 0.0, 1.0)
                )
    return best


@cache
def measured() -> dict[str, dict[str, tuple[float, float | None, str]]]:
    """By facility and rank: nearest distance, accuracy of that shoreline, code of the water.

    Of each water the best kind counts, so the mainstem's centre line does not.
    """
    waters = [
        one for one in features_of("shorelines.geojson") if one["properties"]["name"] != "长江中心线样例"
    ]
    facilities = {one["properties"]["code"]: one for one in features_of("tailings_ponds.geojson")}
    facilities |= {one["properties"]["编码"]: one for one in features_of("chemical_sites.geojson")}
    result: dict[str, dict[str, tuple[float, float | None, str]]] = {}
    for code, facility in facilities.items():
        ranks: dict[str, tuple[float, float | None, str]] = {}
        for water in waters:
            facts = water["properties"]
            distance = nearest_m(facility["geometry"], water["geometry"])
            if distance < ranks.get(facts["rank"], (math.inf,))[0]:
                ranks[facts["rank"]] = (distance, facts.get("accuracy_m"), facts["water_body_code"])
        result[code] = ranks
    return result


@pytest.mark.parametrize("row", rows_of("design_distances.csv"), ids=lambda row: row["code"])
def test_a_facility_lies_as_far_from_the_water_as_its_scenario_says(row: dict[str, str]) -> None:
    ranks = measured()[row["code"]]
    if row["place"] == "inland":
        assert min((distance for distance, _, _ in ranks.values()), default=math.inf) >= float(
            row["distance_m"]
        )
    else:
        distance, _, water = ranks[row["rank"]]
        assert water == row["water_body_code"]
        assert distance == pytest.approx(float(row["distance_m"]), abs=0.02)


def test_the_middle_of_the_pond_whose_edge_counts_lies_beyond_the_limit() -> None:
    pond = next(one for one in features_of("tailings_ponds.geojson") if one["properties"]["code"] == "WKK-10")
    middle = shape(pond["geometry"]).centroid
    banks = [
        one["geometry"]
        for one in features_of("shorelines.geojson")
        if one["properties"]["rank"] == "mainstem"
    ]
    water = next(bank for bank in banks if nearest_m(pond["geometry"], bank) < 2941)
    assert nearest_m({"type": "Point", "coordinates": (middle.x, middle.y)}, water) > 3000


def test_the_superseded_line_reaches_a_pond_that_the_line_in_force_does_not() -> None:
    pond = next(one for one in features_of("tailings_ponds.geojson") if one["properties"]["code"] == "WKK-34")
    (old,) = features_of("shorelines_superseded.geojson")
    assert nearest_m(pond["geometry"], old["geometry"]) < 900
    assert measured()["WKK-34"]["important_tributary"][0] == pytest.approx(1300, abs=0.02)


def test_the_pond_on_the_island_stands_on_land_inside_the_lake() -> None:
    pond = next(one for one in features_of("tailings_ponds.geojson") if one["properties"]["code"] == "WKK-23")
    lake = next(
        one for one in features_of("shorelines.geojson") if one["properties"]["water_body_code"] == "YL-DTH"
    )
    place = Point(pond["geometry"]["coordinates"])
    assert not shape(lake["geometry"]).intersects(place)
    assert shape({"type": "Polygon", "coordinates": lake["geometry"]["coordinates"][:1]}).contains(place)


# The table -------------------------------------------------------------------------------------------------


PondZones = dict[str, tuple[tuple[str, ...], float]]
ZONES_OF_PONDS: PondZones = {
    "YPL-26-3-mainstem": (("mainstem",), 3000.0),
    "YPL-26-3-tributary": (("important_tributary",), 1000.0),
    "CN-14-1": (("mainstem",), 3000.0),
    "CN-14-2": (("important_tributary",), 1000.0),
    "CN-14-3": (("important_lake", "lake"), 1000.0),
    "HN-15-1": (("mainstem",), 3000.0),
    "HN-15-2": (("important_tributary",), 1000.0),
    "HN-15-3": (("important_lake",), 1000.0),
}
ZONES_OF_CHEMICAL_SITES: PondZones = {
    "YPL-26-2-chemical": (("mainstem", "important_tributary", "tributary"), 1000.0),
    "CQ-5-2-1": (("mainstem", "important_tributary", "tributary"), 1000.0),
    "CQ-5-2-2": (("mainstem", "important_tributary", "tributary"), 1000.0),
}


def rules_reaching(facility: dict[str, Any], zones: PondZones) -> Iterator[str]:
    """The distance rules whose zone a facility is in, or too near to the edge of to say."""
    own = facility["facts"].get("accuracy_m", DEFAULT_ACCURACY_M)
    for rule_id, (ranks, within_m) in zones.items():
        if rule_id.startswith("HN") and not facility["region_code"].startswith("43"):
            continue
        if rule_id.startswith("CQ") and not facility["region_code"].startswith("50"):
            continue
        if rule_id.startswith("CQ") and (facility["facts"]["kind"] == "park") != (rule_id == "CQ-5-2-1"):
            continue
        for rank in ranks:
            distance, accuracy, _ = measured()[facility["code"]].get(rank, (math.inf, None, ""))
            margin = own + (DEFAULT_ACCURACY_M if accuracy is None else accuracy)
            if distance <= within_m or distance - within_m < margin:
                yield rule_id


@pytest.mark.parametrize(
    ("group", "zones"),
    [("tailings_pond", ZONES_OF_PONDS), ("chemical_site", ZONES_OF_CHEMICAL_SITES)],
)
def test_each_facility_in_or_near_a_zone_and_no_other_has_an_expectation(
    group: str, zones: PondZones
) -> None:
    for facility in scenarios()[group]:
        stated = {one["rule"] for one in facility.get("expects", ())} & set(zones)
        assert stated == set(rules_reaching(facility, zones)), facility["code"]


def test_every_subject_appears_once_for_each_rule() -> None:
    keys = Counter((row["rule_id"], row["subject_kind"], row["subject_code"]) for row in expected())
    assert max(keys.values()) == 1


def test_every_rule_about_facilities_and_sections_shows_every_verdict() -> None:
    shown: dict[str, set[str]] = {}
    for row in expected():
        if row["subject_kind"] != "region":
            shown.setdefault(row["rule_id"], set()).add(row["verdict"])
    assert shown == dict.fromkeys(shown, VERDICTS)
    rules_of_closure = {"CN-14-4", "HN-15-4"}
    rules_of_classes = {"CN-3-2", "CQ-1-3-2", "HN-3-2", "HN-3-3", "GB3838-5.1"}
    rules_of_zones = {"CQ-5-1-5"}
    named = rules_of_closure | rules_of_classes | rules_of_zones
    assert set(shown) == {*ZONES_OF_PONDS, *ZONES_OF_CHEMICAL_SITES} | named


def test_what_stands_in_a_protection_zone_of_chongqing_is_in_the_table() -> None:
    """Reckoned again: metres to the intake; a zone is a 12-gon, its sides 3.4 % nearer than its corners."""
    intakes = [
        one["geometry"]["coordinates"]
        for one in features_of("water_sources.geojson")
        if one["properties"]["保护区级别"] == "取水口"
        and one["properties"]["水源类型"] == "地表水"
        and one["properties"]["行政区划代码"].startswith("50")
    ]
    places = {
        ("outfall", row["排污口编码"]): (float(row["经度"]), float(row["纬度"]))
        for row in rows_of("outfalls.csv")
        if row["行政区划代码"].startswith("50")
    }
    places |= {
        ("site", row["编码"]): (float(row["经度"]), float(row["纬度"]))
        for row in rows_of("sites.csv")
        if row["类别"] == "规模化畜禽养殖场"
    }
    reached = {
        key: min(geodesic_m(place, tuple(intake)) for intake in intakes) for key, place in places.items()
    }
    stated = {
        (row["subject_kind"], row["subject_code"]): row for row in expected() if row["rule_id"] == "CQ-5-1-5"
    }
    assert {key for key, metres in reached.items() if metres < 1550} == set(stated)
    for key, row in stated.items():
        if row["verdict"] == "undetermined":
            assert 1449 - 50 < reached[key] < 1500 + 50
        else:
            assert reached[key] < 1449 - 50


def test_the_rules_about_regions_show_every_verdict_together() -> None:
    rows = [row for row in expected() if row["subject_kind"] == "region"]
    assert {row["verdict"] for row in rows} == VERDICTS
    assert {row["rule_id"] for row in rows} == {
        "CN-3-1", "CQ-1-3-1", "CQ-1-3-3", "HN-3-1", "HN-3-6", "SC-2-1", "SC-2-2", "SC-2-7",
    }  # fmt: skip


def test_every_expectation_gives_its_reason() -> None:
    assert [row for row in expected() if len(row["why"]) < 10] == []


# The engine ------------------------------------------------------------------------------------------------


def load_sample(engine: Engine) -> dict[str, UploadReport]:
    """Load the files of the manifest in order; the reports by file name."""
    return {
        entry["path"]: load_files(
            engine, entry["kind"], [SAMPLE / entry["path"]], IngestOptions(**entry["options"])
        )[0]
        for entry in manifest()["file"]
    }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, dict[str, UploadReport]]]:
    """A database of its own with the sample in it."""
    home = tmp_path_factory.mktemp("sample")
    engine = database.create_database_engine(cluster.ensure_cluster(home))
    try:
        database.migrate(engine)
        yield engine, load_sample(engine)
    finally:
        engine.dispose()
        cluster.remove_cluster(home)


@pytest.fixture(scope="module")
def findings(loaded: tuple[Engine, dict[str, UploadReport]]) -> list[dict[str, Any]]:
    return evaluate(loaded[0], AS_OF)


def test_every_row_is_loaded_or_a_known_repetition(loaded: tuple[Engine, dict[str, UploadReport]]) -> None:
    reports = loaded[1]
    assert {name: report.problems for name, report in reports.items() if report.rows_rejected} == {}
    assert {name: report.rows_duplicate for name, report in reports.items() if report.rows_duplicate} == {
        "readings_4hourly.csv": 3
    }
    assert reports["readings_4hourly.csv"].rows_read == 1095
    assert reports["readings_monthly.csv"].rows_loaded == 983
    assert reports["readings_sources.csv"].rows_loaded == 71


def test_the_findings_are_those_of_the_hand_worked_table(findings: list[dict[str, Any]]) -> None:
    def by_subject(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], tuple[str, str]]:
        return {
            (row["rule_id"], row["subject_kind"], row["subject_code"]): (row["verdict"], row["state"])
            for row in rows
        }

    given, wanted = by_subject(findings), by_subject(expected())
    reasons = {
        (row["rule_id"], row["subject_kind"], row["subject_code"]): row["evidence"]["reason"]
        for row in findings
    }
    differences = {
        key: {"engine": given.get(key), "engine_reason": reasons.get(key), "by_hand": wanted.get(key)}
        for key in sorted(given.keys() | wanted.keys())
        if given.get(key) != wanted.get(key)
    }
    assert differences == {}


def test_the_verdicts_on_the_sources_are_those_of_the_hand_worked_table(
    loaded: tuple[Engine, dict[str, UploadReport]],
) -> None:
    found = {one.source.code: one for one in assess_sources(loaded[0], parse_period("2023"))}
    wanted = {row["code"]: row["verdict"] for row in rows_of("expected_sources_2023.csv")}
    differences = {
        code: (found[code].verdict, found[code].reasons)
        for code in sorted(wanted)
        if found[code].verdict != wanted[code]
    }
    assert differences == {}
    assert set(found) == set(wanted)


def test_the_sources_over_a_limit_show_item_month_and_multiple(
    loaded: tuple[Engine, dict[str, UploadReport]],
) -> None:
    over = {
        (item.section, item.parameter, item.month, item.multiple)
        for one in assess_sources(loaded[0], parse_period("2023"))
        for item in one.exceedances
    }
    assert over == {
        ("S421002001", "fe", "2023-07", Fraction("0.4")),
        ("S430722001", "sb", "2023-06", Fraction("0.24")),
        ("S430722001", "sb", "2023-07", Fraction("0.24")),
    }


def test_the_shares_of_sources_that_comply_count_by_level(
    loaded: tuple[Engine, dict[str, UploadReport]],
) -> None:
    shares = share_sources(assess_sources(loaded[0], parse_period("2023")), "level")
    assert [(one.code, one.compliant, one.determined, one.total) for one in shares] == [
        ("city", 2, 4, 5),
        ("county", 3, 3, 13),
        ("township", 0, 0, 2),
    ]
    # 1 100 + 9 800 of 1 100 + 9 800 + 7 300 + 6 400, in 10⁴ m³
    assert shares[0].share_by_volume == Fraction(100 * 10900, 24600)
    assert [one.share_by_volume for one in shares[1:]] == [None, None]


def test_the_measured_distances_are_those_of_the_construction(findings: list[dict[str, Any]]) -> None:
    designed = {row["code"]: row for row in rows_of("design_distances.csv")}
    compared = 0
    for finding in findings:
        if "distance_m" in finding["measured"]:
            design = designed[finding["subject_code"]]
            assert finding["measured"]["water_body_code"] == design["water_body_code"]
            assert finding["measured"]["distance_m"] == pytest.approx(float(design["distance_m"]), abs=0.02)
            compared += 1
    assert compared > 60


def test_every_finding_lies_in_the_table_order_and_names_its_clause(findings: list[dict[str, Any]]) -> None:
    keys = [(row["rule_id"], row["subject_kind"], row["subject_code"]) for row in findings]
    assert keys == sorted(keys)
    assert all(row["clause"] and row["evidence"]["rule"]["quote"] for row in findings)


def test_the_same_evaluation_gives_the_same_bytes(
    loaded: tuple[Engine, dict[str, UploadReport]], findings: list[dict[str, Any]]
) -> None:
    again = evaluate(loaded[0], AS_OF)
    assert json.dumps(again, ensure_ascii=False) == json.dumps(findings, ensure_ascii=False)


def test_loading_the_sample_again_changes_nothing(
    loaded: tuple[Engine, dict[str, UploadReport]], findings: list[dict[str, Any]]
) -> None:
    reports = load_sample(loaded[0])
    assert {name: report.rows_loaded for name, report in reports.items() if report.rows_loaded} == {}
    again = evaluate(loaded[0], AS_OF)
    assert [(row["rule_id"], row["subject_code"], row["verdict"]) for row in again] == [
        (row["rule_id"], row["subject_code"], row["verdict"]) for row in findings
    ]
