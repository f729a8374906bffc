"""`classify` and `distance`: results from files alone, with no database anywhere."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

DATA = Path(__file__).parents[2] / "../shared/data"
WATER = DATA / "water_quality"
CLASSES = {"Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4, "Ⅴ": 5, "劣Ⅴ": 6}


def unpacked(name: str, folder: Path) -> Path:
    packed = WATER / f"{name}.csv.gz"
    if not packed.is_file():
        pytest.skip(f"the public data file {name} is not at ../shared/data")
    path = folder / f"{name}.csv"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


def classified(cli: Any, path: Path, *options: str) -> list[dict[str, Any]]:
    result = cli("classify", path, "--format", "json", *options)
    assert result.exit_code == 0, result.stderr
    return list(json.loads(result.stdout))


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [
        ("cnemc_national_2025-11-06_to_08", [], 6278),
        ("cnemc_national_snapshot_2020-05-08", ["--compare", "full"], 1439),
    ],
)
def test_every_published_class_is_found_with_the_limits_that_the_water_body_allows(
    cli: Any, tmp_path: Path, name: str, options: list[str], rows: int
) -> None:
    path = unpacked(name, tmp_path)
    river = classified(cli, path, *options, "--water-body", "river")
    lake = classified(cli, path, *options, "--water-body", "lake")
    published = [
        (CLASSES[one["reported_class"]], one["class"], other["class"])
        for one, other in zip(river, lake, strict=True)
        if one["reported_class"] in CLASSES
    ]
    assert len(published) == rows
    assert [row for row in published if row[0] not in row[1:]] == []


HEADER = "断面名称,省份,监测时间,水质目标,水体类型,高锰酸盐指数(mg/L),总磷(mg/L),氨氮(mg/L),溶解氧(mg/L)\n"


def test_classify_has_the_shape_of_the_contract(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(HEADER + "老桥,湖北省,2023-06-30 08:00,Ⅱ,,4.0,0.2,0.05L,8.0\n", encoding="utf-8")
    (row,) = classified(cli, path)
    assert row["section"] == "老桥"
    assert row["sampled_at"] == "2023-06-30T08:00:00+08:00"
    assert (row["class"], row["class_label"], row["grade"]) == (3, "Ⅲ", "good")
    assert (row["target_class"], row["verdict"]) == (2, "violation")
    parameters = {item["code"]: item for item in row["parameters"]}
    assert {"code", "value", "censored", "class", "limit_target", "exceedance_multiple"} <= set(
        parameters["tp"]
    )
    assert parameters["tp"]["class"] == 3
    assert parameters["tp"]["limit_target"] == 0.1
    assert parameters["tp"]["exceedance_multiple"] is None
    assert parameters["nh3_n"]["censored"] is True
    assert parameters["do"]["exceedance_multiple"] is None


def test_the_water_body_of_the_row_wins_over_the_option(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(
        HEADER
        + "湖心,湖北省,2023-06-30 08:00,,湖泊,1.0,0.06,0.1,8.0\n"
        + "老桥,湖北省,2023-06-30 08:00,,河流,1.0,0.06,0.1,8.0\n",
        encoding="utf-8",
    )
    lake, river = classified(cli, path, "--water-body", "river")
    assert (lake["class"], river["class"]) == (4, 2)


def test_a_row_without_readings_has_no_class_and_is_undetermined_under_a_target(
    cli: Any, tmp_path: Path
) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(HEADER + "老桥,湖北省,2023-06-30 08:00,,,--,--,*,\n", encoding="utf-8")
    (row,) = classified(cli, path, "--target", "Ⅲ")
    assert (row["class"], row["verdict"], row["target_class"]) == (None, "undetermined", 3)
    (row,) = classified(cli, path)
    assert (row["class"], row["verdict"]) == (None, None)


def test_a_time_without_a_year_is_kept_as_text(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(HEADER + "老桥,湖北省,06-30 08:00,,,1.0,0.05,0.1,8.0\n", encoding="utf-8")
    (row,) = classified(cli, path)
    assert (row["sampled_at"], row["sampled_at_raw"], row["class"]) == (None, "06-30 08:00", 2)


@pytest.mark.parametrize(
    "arguments", [["classify", "missing.csv"], ["distance", "missing.csv", "--shorelines", "x.csv"]]
)
def test_a_missing_file_is_one_line_and_exit_code_2(cli: Any, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert "missing.csv" in result.stderr


def test_an_unknown_target_class_is_refused(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(HEADER + "老桥,湖北省,2023-06-30,,,1.0,0.05,0.1,8.0\n", encoding="utf-8")
    assert cli("classify", path, "--target", "6").exit_code == 2


FACILITIES = "code,name,lon,lat\nP1,近岸,111.00,30.05\nP2,水中,111.00,30.0\nP3,远处,120.0,35.0\n"
SHORELINES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"water_body_code": "CJ", "rank": "mainstem"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[110.9, 29.99], [111.1, 29.99], [111.1, 30.01], [110.9, 30.01], [110.9, 29.99]]
                ],
            },
        }
    ],
}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    facilities, shorelines = tmp_path / "facilities.csv", tmp_path / "shorelines.geojson"
    facilities.write_text(FACILITIES, encoding="utf-8")
    shorelines.write_text(json.dumps(SHORELINES), encoding="utf-8")
    return facilities, shorelines


def test_distance_has_the_shape_of_the_contract(cli: Any, places: tuple[Path, Path]) -> None:
    result = cli("distance", places[0], "--shorelines", places[1], "--format", "json")
    assert result.exit_code == 0, result.stderr
    near, inside, far = json.loads(result.stdout)
    assert set(near) == {"code", "nearest", "zones"}
    ranks = {"mainstem", "important_tributary", "tributary", "important_lake", "lake"}
    assert set(near["nearest"]) == ranks
    # 0.04° of latitude at 30° N on GRS80: 4 434.2 m (GeographicLib, 30.01 → 30.05).
    assert near["nearest"]["mainstem"]["distance_m"] == pytest.approx(4434.2, abs=0.5)
    assert near["nearest"]["mainstem"]["water_body_code"] == "CJ"
    assert near["zones"] == []
    assert inside["nearest"]["mainstem"]["distance_m"] == 0
    assert inside["zones"] == ["mainstem_1km", "mainstem_3km"]
    assert far["nearest"] == dict.fromkeys(ranks)


def test_distance_as_parquet_has_the_columns_of_the_contract(
    cli: Any, places: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    result = cli("distance", places[0], "--shorelines", places[1], "--format", "parquet", "--out", out)
    assert result.exit_code == 0, result.stderr
    frame = pd.read_parquet(io.BytesIO(out.read_bytes()))
    expected = {"code", "zones"} | {
        f"{rank}_{column}"
        for rank in ("mainstem", "important_tributary", "tributary", "important_lake", "lake")
        for column in ("distance_m", "lon", "lat", "water_body_code")
    }
    assert set(frame.columns) == expected
    assert [list(zones) for zones in frame["zones"]] == [[], ["mainstem_1km", "mainstem_3km"], []]


def test_within_bounds_what_is_reported_and_not_the_zones(cli: Any, places: tuple[Path, Path]) -> None:
    result = cli("distance", places[0], "--shorelines", places[1], "--format", "json", "--within", "4000")
    near, inside, _ = json.loads(result.stdout)
    assert near["nearest"]["mainstem"] is None
    assert inside["nearest"]["mainstem"]["distance_m"] == 0


def test_a_shoreline_file_without_ranks_takes_the_option(
    cli: Any, places: tuple[Path, Path], tmp_path: Path
) -> None:
    bare = json.loads(json.dumps(SHORELINES))
    del bare["features"][0]["properties"]["rank"]
    path = tmp_path / "bare.geojson"
    path.write_text(json.dumps(bare))
    result = cli("distance", places[0], "--shorelines", path, "--rank", "lake", "--format", "json")
    assert json.loads(result.stdout)[1]["zones"] == ["lake_1km", "lake_3km"]
    refused = cli("distance", places[0], "--shorelines", path)
    assert refused.exit_code == 2
    assert "rank" in refused.stderr


@pytest.mark.parametrize("lines", ["yangtze_river_tnc", "ne_10m_rivers_yangtze_bbox"])
def test_public_points_and_lines_are_measured_as_they_are(cli: Any, lines: str) -> None:
    points = DATA / "outfalls/yangtze_estuary_named_points_l3.geojson"
    shorelines = DATA / f"geometry/{lines}.geojson"
    if not points.is_file():
        pytest.skip("the public geometry is not at ../shared/data")
    result = cli("distance", points, "--shorelines", shorelines, "--rank", "mainstem", "--format", "json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    assert len(rows) == 657
    assert any(row["nearest"]["mainstem"] for row in rows)
