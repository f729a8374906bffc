"""`products`: from images to tables and readings, on made-up and real images."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import shapes
from rasterio.transform import Affine
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from typer.testing import Result

from ingest.loader import load_files
from tests.api.conftest import Cli

PLACE = Affine(10, 0, 600_000, 0, -10, 3_500_000)
DATA = Path(__file__).parents[2] / "../shared/data/raster"


def image(folder: Path, name: str = "S2B_20200801_scene.tif", edge: float = 0.06) -> Path:
    """Two lakes of 10 × 10 pixels side by side in five bands: NDCI 0.2 in both, bloom in the right one."""
    bands = {"B3": 0.05, "B4": 0.04, "B5": edge, "B8A": 0.02, "B11": 0.01}
    path = folder / name
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=10,
        width=20,
        count=5,
        dtype="float32",
        crs="EPSG:32650",
        transform=PLACE,
    ) as file:
        for number, value in enumerate(bands.values(), 1):
            band = np.full((10, 20), value, dtype=np.float32)
            if number == 4:
                band[:, 10:] = 0.3
            file.write(band, number)
        file.descriptions = tuple(bands)
    return path


def lakes(folder: Path, *, header: str = "code") -> Path:
    """The two lakes as polygons, and a third one far away."""
    frame = gpd.GeoDataFrame(
        {header: ["A", "B", "C"], "name": ["甲湖", "乙湖", "丙湖"]},
        geometry=[
            shapely.box(600_000, 3_499_900, 600_100, 3_500_000),
            shapely.box(600_100, 3_499_900, 600_200, 3_500_000),
            shapely.box(610_000, 3_499_900, 610_100, 3_500_000),
        ],
        crs="EPSG:32650",
    )
    path = folder / "lakes.gpkg"
    frame.to_file(path)
    return path


def rows_of(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def stored(engine: Engine) -> list[tuple[Any, ...]]:
    with Session(engine) as session:
        query = (
            "SELECT s.code, r.parameter, r.value, r.revision, r.station_type, r.sampled_at AT TIME ZONE"
            " 'Asia/Shanghai', u.file_name, u.file_sha256, r.method FROM qingjiang.readings r"
            " JOIN qingjiang.section_registry s ON s.id = r.section_id"
            " JOIN qingjiang.uploads u ON u.id = r.upload_id ORDER BY s.code, r.parameter, r.revision"
        )
        return [tuple(row) for row in session.execute(text(query))]


def test_without_a_database_a_table_of_the_lakes_comes_out(cli: Cli, tmp_path: Path) -> None:
    command = ("products", image(tmp_path), "--product", "chlorophyll", "--zones", lakes(tmp_path))
    first, second, third = rows_of(cli(*command, "--format", "json"))
    assert (first["code"], first["name"], first["acquired_at"]) == ("A", "甲湖", "2020-08-01T00:00:00+08:00")
    assert first["readings"] == [{"parameter": "chl_a", "value": pytest.approx(0.039035), "unit": "mg/L"}]
    assert first["pixels"]["seen"] == second["pixels"]["seen"] == 100
    assert (third["readings"], third["reasons"][0]["code"]) == ([], "product_outside_image")
    assert "Mishra" in first["evidence"]["method"]
    assert first["evidence"]["formula"]["basis"] == "document"
    told = cli(*command)
    assert "叶绿素a 0.03903" in told.stdout or "叶绿素a 0.03904" in told.stdout
    assert "无法判定" in told.stdout
    assert "不参加任何均值" in told.stderr
    english = cli("--lang", "en", *command)
    assert "they enter no mean" in english.stderr


def test_csv_and_geojson_hold_the_same(cli: Cli, tmp_path: Path) -> None:
    command = ("products", image(tmp_path), "--product", "bloom", "--zones", lakes(tmp_path))
    (first, second, _) = csv.DictReader(io.StringIO(cli(*command, "--format", "csv").stdout))
    assert (float(first["bloom_share"]), float(second["bloom_share"])) == (0, 100)
    out = tmp_path / "bloom.geojson"
    assert cli(*command, "--out", out).exit_code == 0
    features = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert [feature["geometry"]["type"] for feature in features] == ["Polygon"] * 3
    assert features[1]["properties"]["bloom_km2"] == pytest.approx(0.01, rel=2e-3)


def test_stored_products_are_readings_of_the_image_with_their_method(
    cli: Cli, tmp_path: Path, fresh_database: Engine
) -> None:
    path = image(tmp_path)
    command = (
        "products",
        path,
        "--product",
        "bloom",
        "--zones",
        lakes(tmp_path),
        "--store",
        "--region",
        "3205",
    )
    result = cli(*command, "--date", "2020-08-01T11:02", database=fresh_database)
    assert result.exit_code == 0, result.output
    found = stored(fresh_database)
    assert [row[:2] for row in found] == [
        ("RS-A", "bloom_area"),
        ("RS-A", "bloom_share"),
        ("RS-B", "bloom_area"),
        ("RS-B", "bloom_share"),
    ]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for row in found:
        assert (row[3], row[4], row[6], row[7]) == (0, "remote_sensing", path.name, digest)
        assert f"{row[5]:%Y-%m-%d %H:%M}" == "2020-08-01 11:02"
        assert row[8].startswith("remote sensing | bloom | Sentinel-2 | Hu 2009")
        assert "rules 2026-11" in row[8]
    assert float(found[2][2]) == pytest.approx(0.01, rel=2e-3)
    with Session(fresh_database) as session:
        known = session.execute(
            text(
                "SELECT code, name, station_type, water_body_type, water_body_code, region_code,"
                " ST_X(geometry) BETWEEN 118 AND 119 FROM qingjiang.sections ORDER BY code"
            )
        )
        assert [tuple(row) for row in known] == [
            ("RS-A", "甲湖（遥感）", "remote_sensing", "lake", "A", "320500", True),
            ("RS-B", "乙湖（遥感）", "remote_sensing", "lake", "B", "320500", True),
        ]


def test_the_same_image_again_changes_nothing_and_another_result_is_a_revision(
    cli: Cli, tmp_path: Path, fresh_database: Engine
) -> None:
    def run(path: Path, *more: str) -> Result:
        zones = ("--zones", lakes(tmp_path), "--store", "--date", "2020-08-01")
        return cli("products", path, "--product", "ndci", *zones, *more, database=fresh_database)

    path = image(tmp_path)
    assert run(path).exit_code == 0
    first = stored(fresh_database)
    again = run(path)
    assert again.exit_code == 0
    assert "重复 2" in again.stderr
    assert stored(fresh_database) == first
    better = image(tmp_path, "S2B_20200801_reprocessed.tif", edge=0.05)
    refused = run(better)
    assert refused.exit_code == 1
    assert stored(fresh_database) == first
    assert run(better, "--on-conflict", "replace", "--note", "reprocessed").exit_code == 0
    values = [(row[0], float(row[2]), row[3], row[6]) for row in stored(fresh_database)]
    assert values == [
        ("RS-A", pytest.approx(0.2), 0, path.name),
        ("RS-A", pytest.approx(0.111111), 1, better.name),
        ("RS-B", pytest.approx(0.2), 0, path.name),
        ("RS-B", pytest.approx(0.111111), 1, better.name),
    ]


@pytest.mark.parametrize(("language", "told"), [("zh-CN", "标为“B5”"), ("en", "is called 'B5'")])
def test_a_stated_band_that_the_image_calls_another_is_told(
    cli: Cli, tmp_path: Path, language: str, told: str
) -> None:
    command = ("products", image(tmp_path), "--product", "ndci", "--zones", lakes(tmp_path))
    swapped = ("--band", "red=3", "--band", "red_edge_1=2")
    result = cli("--lang", language, *command, *swapped, "--format", "json")
    assert told in result.stderr
    assert "red=3" in result.stderr
    warnings = [one for one in rows_of(result)[0]["warnings"] if one["code"] == "product_band"]
    assert [one["params"]["band"] for one in warnings] == ["red=3", "red_edge_1=2"]
    assert told in cli("--lang", language, *command, *swapped).stderr
    right = cli("--lang", language, *command, "--band", "red=2", "--format", "json")
    assert told not in right.stderr
    assert "product_band" not in right.stdout


@pytest.mark.parametrize(
    ("language", "told"), [("zh-CN", "库中已有同一水体"), ("en", "another result of the same water and time")]
)
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_conflict_names_the_options_that_settle_it(
    cli: Cli, tmp_path: Path, fresh_database: Engine, language: str, told: str, form: str
) -> None:
    def run(edge: float, *more: str) -> Result:
        path = image(tmp_path, "S2B_20200801_scene.tif", edge=edge)
        command = ("products", path, "--product", "ndci", "--zones", lakes(tmp_path), "--store", *more)
        return cli("--lang", language, *command, "--format", form, database=fresh_database)

    assert run(0.06).exit_code == 0
    refused = run(0.05)
    assert refused.exit_code == 1
    assert told in refused.stderr
    assert "--on-conflict replace" in refused.stderr
    assert "--on-conflict keep" in refused.stderr
    assert "--partial" not in refused.output
    assert run(0.05, "--on-conflict", "keep").exit_code == 0
    assert {row[3] for row in stored(fresh_database)} == {0}
    assert run(0.05, "--on-conflict", "replace").exit_code == 0
    assert {row[3] for row in stored(fresh_database)} == {0, 1}


def test_json_on_stdout_stays_one_document_beside_a_load(
    cli: Cli, tmp_path: Path, fresh_database: Engine
) -> None:
    command = ("products", image(tmp_path), "--product", "turbidity", "--zones", lakes(tmp_path), "--store")
    result = cli(*command, "--format", "json", database=fresh_database)
    assert len(rows_of(result)) == 3
    assert {row[1] for row in stored(fresh_database)} == {"turbidity_fnu"}


def test_a_section_may_be_named_but_must_be_one_of_remote_sensing(
    cli: Cli, tmp_path: Path, fresh_database: Engine
) -> None:
    table = tmp_path / "sections.csv"
    table.write_text(
        "断面编码,断面名称,监测方式\nTH-RS,甲湖遥感,遥感\nTH-01,甲湖湖心,手工\n", encoding="utf-8"
    )
    (report,) = load_files(fresh_database, "sections", [table])
    assert report.ok
    command = ("products", image(tmp_path), "--product", "ndci", "--zones", lakes(tmp_path), "--store")
    good = cli(*command, "--section", "A=TH-RS", "--section", "B=TH-RS-B", database=fresh_database)
    assert good.exit_code == 1  # TH-RS-B is nowhere registered: nothing of the file is kept
    assert "--section" in good.stderr
    assert "--partial" not in good.output
    assert stored(fresh_database) == []
    assert cli(*command, "--section", "A=TH-RS", database=fresh_database).exit_code == 0
    assert {row[0] for row in stored(fresh_database)} == {"TH-RS", "RS-B"}
    measured = cli(*command, "--section", "A=TH-01", database=fresh_database)
    assert measured.exit_code == 1
    assert "不是遥感断面" in measured.output


def test_lakes_of_the_database_are_the_default(cli: Cli, tmp_path: Path, fresh_database: Engine) -> None:
    frame = gpd.read_file(lakes(tmp_path)).to_crs("EPSG:4490").iloc[:1]
    shores = frame.rename(columns={"code": "water_body_code"}).assign(rank="lake", kind="outer_line")
    shores.to_file(tmp_path / "shores.gpkg")
    assert load_files(fresh_database, "shorelines", [tmp_path / "shores.gpkg"])[0].ok
    command = ("products", image(tmp_path), "--product", "ndci", "--format", "json")
    (row,) = rows_of(cli(*command, database=fresh_database))
    assert (row["code"], row["pixels"]["seen"]) == ("A", 100)
    unknown = cli(*command, "--water-body", "B", database=fresh_database)
    assert unknown.exit_code == 2
    assert "没有湖泊或水库 B" in unknown.stderr


def test_a_stored_bloom_opens_a_warning_that_says_it_is_remote(
    cli: Cli, tmp_path: Path, fresh_database: Engine
) -> None:
    command = ("products", image(tmp_path), "--product", "bloom", "--zones", lakes(tmp_path), "--store")
    assert cli(*command, database=fresh_database).exit_code == 0
    (warning,) = rows_of(cli("warnings", "list", "--format", "json", database=fresh_database))
    assert (warning["rule_id"], warning["section"], warning["severity"]) == (
        "bloom-remote-area",
        "RS-B",
        "orange",
    )
    assert warning["evidence"]["rule"]["title"]["zh"].startswith("遥感")


def test_a_chart_shows_the_readings_beside(cli: Cli, tmp_path: Path, fresh_database: Engine) -> None:
    command = ("products", image(tmp_path), "--product", "chlorophyll", "--zones", lakes(tmp_path), "--store")
    assert cli(*command, database=fresh_database).exit_code == 0
    out = tmp_path / "chart.svg"
    asked = ("--section", "RS-A", "--parameter", "chl_a", "--from", "2020-07-01", "--to", "2020-08-31")
    drawn = cli("chart", "series", *asked, "--out", out, database=fresh_database)
    assert drawn.exit_code == 0, drawn.output
    page = out.with_suffix(".html")
    assert cli("chart", "series", *asked, "--out", page, database=fresh_database).exit_code == 0
    assert "遥感反演（不参与评价）" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--product", "colour"), "chlorophyll"),
        (("--product", "ready"), "ready:PARAMETER"),
        (("--product", "ready:chl_a"), "--unit"),
        (("--product", "ready:chl_a", "--unit", "NTU"), "NTU"),
        (("--product", "ready:gold"), "gold"),
        (("--product", "ndci", "--unit", "mg/L"), "--unit"),
        (("--product", "ndci", "--index", "ndvi"), "bloom"),
        (("--product", "ndci", "--date", "yesterday"), "--date"),
        (("--product", "ndci", "--band", "rouge=4"), "--band"),
        (("--product", "ndci", "--note", "x"), "--store"),
        (("--product", "ndci", "--water-body", "A"), "--water-body"),
        (("--product", "bloom", "--threshold", "much"), "much"),
        (("--product", "chlorophyll", "--date", "2001-01-01"), "2001-01-01"),
        (("--product", "ndci", "--out", "x.xlsx"), "x.xlsx"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    result = cli("products", image(tmp_path), "--zones", lakes(tmp_path), *arguments)
    assert result.exit_code == 2, result.output
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_an_image_without_a_day_asks_for_it(cli: Cli, tmp_path: Path) -> None:
    path = image(tmp_path, "scene.tif")
    result = cli("products", path, "--product", "ndci", "--zones", lakes(tmp_path))
    assert result.exit_code == 2
    assert "--date" in result.stderr


def test_a_file_that_is_no_image_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("no image", encoding="utf-8")
    result = cli("products", tmp_path / "a.tif", "--product", "ndci", "--zones", lakes(tmp_path))
    assert result.exit_code == 2
    assert "a.tif" in result.stderr


def test_real_phosphorus_of_deyang_is_not_stored_but_its_chlorophyll_is(
    cli: Cli, tmp_path: Path, fresh_database: Engine
) -> None:
    folder = DATA / "deyang_s2b_20200216"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    with rasterio.open(folder / "water_mask.tif") as file:
        mask = file.read(1)
        water = [
            shapely.geometry.shape(one) for one, _ in shapes(mask, mask=mask == 1, transform=file.transform)
        ]
        frame = gpd.GeoDataFrame({"code": ["DY"]}, geometry=[shapely.union_all(water)], crs=file.crs)
    frame.to_file(tmp_path / "dy.gpkg")
    zones = ("--zones", tmp_path / "dy.gpkg", "--date", "2020-02-16", "--store")
    for name, product, unit in (("TP", "ready:tp", "mg/L"), ("CHLA", "ready:chl_a", "μg/L")):
        command = ("products", folder / f"{name}.img", "--product", product, "--unit", unit, *zones)
        result = cli(*command, database=fresh_database)
        assert result.exit_code == 0, result.output
        assert ("没有可入库的结果" in result.stderr) == (name == "TP")
    ((code, parameter, value, *_),) = stored(fresh_database)
    assert (code, parameter) == ("RS-DY", "chl_a")
    assert float(value) == pytest.approx(0.0147126)
