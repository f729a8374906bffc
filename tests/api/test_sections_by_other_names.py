"""Over HTTP: former names of sections, and sections that only feeds have named."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from ingest.loader import load_files


def load(engine: Engine, kind: str, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    (report,) = load_files(engine, kind, [path])
    assert report.ok


READINGS = "省份,断面名称,监测时间,总磷(mg/L)\n湖北省,旧沌口,2023-06-01 08:00,0.05\n"


def test_a_section_tells_its_former_names_and_codes(
    fresh_database: Engine, empty_client: TestClient, tmp_path: Path
) -> None:
    listed = (
        "断面编码,断面名称,省份,曾用名,曾用编码,启用日期,停用日期\n"
        "S1,老名,湖北省,旧沌口、更老的名,S0,2020-01-01,2022-12-31\nS1,沌口,湖北省,,,2023-01-01,\n"
        "S2,别处,湖北省,,,,\n"
    )
    load(fresh_database, "sections", tmp_path / "s.csv", listed)
    found = empty_client.get("/api/v1/sections/S1", params={"as_of": "2024-01-01"}).json()
    assert found["name"] == "沌口"
    assert set(found["former_names"]) == {"旧沌口", "更老的名", "老名"}
    assert found["former_codes"] == ["S0"]
    items = empty_client.get("/api/v1/sections", params={"as_of": "2024-01-01"}).json()["items"]
    assert items[0] == found
    assert (items[1]["former_names"], items[1]["former_codes"]) == ([], [])
    layer = empty_client.get("/api/v1/sections", params={"as_of": "2024-01-01", "format": "geojson"})
    assert json.loads(layer.text)["features"][0]["properties"]["former_codes"] == ["S0"]


@pytest.mark.parametrize("end", ["", "/assessment?period=2023-06", "/assessment?period=2023-06&explain=true"])
def test_a_section_known_from_readings_only_says_how_to_make_it_known(
    fresh_database: Engine, empty_client: TestClient, tmp_path: Path, end: str
) -> None:
    load(fresh_database, "readings", tmp_path / "r.csv", READINGS)
    items = empty_client.get("/api/v1/sections/湖北省/旧沌口/readings").json()["items"]
    assert [item["section"] for item in items] == ["湖北省/旧沌口"]
    response = empty_client.get(f"/api/v1/sections/湖北省/旧沌口{end}")
    problem = response.json()
    assert (response.status_code, problem["type"]) == (404, "/problems/section-provisional")
    assert "qingjiang ingest sections" in problem["detail"]
    assert "湖北省" in problem["detail"]
    assert "旧沌口" in problem["detail"]
    unknown = empty_client.get("/api/v1/sections/湖北省/没有")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-found")


def test_once_a_list_names_it_its_readings_stand_under_its_code(
    fresh_database: Engine, empty_client: TestClient, tmp_path: Path
) -> None:
    load(fresh_database, "readings", tmp_path / "r.csv", READINGS)
    listed = "断面编码,断面名称,省份,曾用名\nS1,沌口,湖北省,旧沌口\n"
    load(fresh_database, "sections", tmp_path / "s.csv", listed)
    items = empty_client.get("/api/v1/sections/S1/readings").json()["items"]
    assert [item["section"] for item in items] == ["S1"]
    assert empty_client.get("/api/v1/sections/S1").json()["former_names"] == ["旧沌口"]
