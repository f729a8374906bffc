"""`distance` on long files: in pieces, with the same answers, all faults told, and nothing half written."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from pyproj import Geod

from api.output import csv_pieces, list_pieces, to_csv, to_json
from ingest import facilities
from ingest.facilities import FacilityFile
from ingest.options import IngestOptions

GEOD = Geod(ellps="GRS80")
MERIDIAN = 111.0
OFFSETS_M = (0.0, 999.0, 1001.0, 2999.0, 3001.0, 9_000.0, 20_000.0)


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """The meridian of 111° as a bank of the mainstem."""
    path = tmp_path / "bank.geojson"
    shorelines = gpd.GeoDataFrame(
        {"water_body_code": ["CJ"], "rank": ["mainstem"]},
        geometry=[shapely.LineString([(MERIDIAN, 29), (MERIDIAN, 31)])],
        crs=4490,
    )
    path.write_text(shorelines.to_json(), encoding="utf-8")
    return path


def places(count: int = 1000, crs: int = 4490) -> gpd.GeoDataFrame:
    """Points east of the bank at offsets that are known, over and over."""
    offset = np.resize(OFFSETS_M, count)
    lon, lat, _ = GEOD.fwd(np.full(count, MERIDIAN), np.full(count, 30.0), np.full(count, 90.0), offset)
    codes = [f"P{number}" for number in range(count)]
    return gpd.GeoDataFrame({"code": codes}, geometry=shapely.points(lon, lat), crs=crs)


def write(path: Path, frame: gpd.GeoDataFrame, **options: Any) -> Path:
    """A file of one of the formats, by its ending."""
    match path.suffix:
        case ".csv":
            pairs = shapely.get_coordinates(frame.geometry.array)
            table = pd.DataFrame(frame.drop(columns="geometry")).assign(lon=pairs[:, 0], lat=pairs[:, 1])
            table.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path, row_group_size=300, **options)
        case _:
            frame.to_file(path)
    return path


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 128 rows, and every text file a long one."""
    monkeypatch.setattr(facilities, "PIECE_ROWS", 128)
    monkeypatch.setattr(facilities, "WHOLE_BYTES", 0)
    monkeypatch.setattr("ingest.blocks.WHOLE_BYTES", 0)
    monkeypatch.setattr("ingest.blocks.BLOCK_ROWS", 128)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("ending", ["csv", "parquet", "gpkg"])
@pytest.mark.parametrize("answer", ["json", "csv", "geojson", "parquet", "txt"])
def test_every_format_is_answered_in_every_format(
    cli: Any, bank: Path, tmp_path: Path, ending: str, answer: str
) -> None:
    file = write(tmp_path / f"places.{ending}", places())
    out = tmp_path / f"out.{answer}"
    result = cli("distance", file, "--shorelines", bank, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    zones = [zones_in(answer, out)[number] for number in range(7)]
    one, three = ["mainstem_1km", "mainstem_3km"], ["mainstem_3km"]
    assert zones == [one, one, three, three, [], [], []]
    assert not list(tmp_path.glob("*.part"))


def zones_in(answer: str, out: Path) -> list[list[str]]:
    text = out.read_text(encoding="utf-8") if answer != "parquet" else ""
    match answer:
        case "json":
            return [entry["zones"] for entry in json.loads(text)]
        case "geojson":
            return [feature["properties"]["zones"] for feature in json.loads(text)["features"]]
        case "csv":
            return [json.loads(cell) for cell in pd.read_csv(out)["zones"]]
        case "parquet":
            return [list(zones) for zones in pd.read_parquet(out)["zones"]]
    lines = [line for line in text.splitlines() if line.startswith("│ P")]
    return [[word for word in ("mainstem_1km", "mainstem_3km") if word in line] for line in lines]


def test_pieces_give_the_bytes_of_the_whole(
    cli: Any, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "places.parquet", places())
    whole = cli("distance", file, "--shorelines", bank, "--format", "json").stdout
    monkeypatch.setattr(facilities, "PIECE_ROWS", 100)
    assert cli("distance", file, "--shorelines", bank, "--format", "json").stdout == whole
    assert [entry["code"] for entry in json.loads(whole)] == [f"P{number}" for number in range(1000)]


def test_a_geoparquet_answer_carries_the_places_beside_the_columns_of_the_contract(
    cli: Any, bank: Path, tmp_path: Path
) -> None:
    asked = places(20)
    file = write(tmp_path / "places.parquet", asked)
    for ending in ("geoparquet", "parquet"):
        assert cli("distance", file, "--shorelines", bank, "--out", tmp_path / f"o.{ending}").exit_code == 0
    found = gpd.read_parquet(tmp_path / "o.geoparquet")
    assert found.crs.to_epsg() == 4490
    assert found.geometry.geom_equals(asked.geometry).all()
    plain = pd.read_parquet(tmp_path / "o.parquet")
    pd.testing.assert_frame_equal(pd.DataFrame(found.drop(columns="geometry")), plain)
    refused = cli(
        "distance", file, "--shorelines", bank, "--out", tmp_path / "x.geoparquet", "--format", "json"
    )
    assert refused.exit_code == 2


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_read_is_never_written_over(cli: Any, bank: Path, tmp_path: Path, which: int) -> None:
    file = write(tmp_path / "places.geojson", places(3))
    read = (file, bank)[which]
    before = read.read_bytes()
    result = cli("distance", file, "--shorelines", bank, "--out", read)
    assert result.exit_code == 2
    assert read.name in result.stderr
    assert read.read_bytes() == before


@pytest.mark.parametrize("type_", ["string", "integer"])
def test_two_columns_of_degrees_are_places_too(cli: Any, bank: Path, tmp_path: Path, type_: str) -> None:
    pairs = shapely.get_coordinates(places(7).geometry.array)
    codes: list[Any] = [f"P{n}" for n in range(7)] if type_ == "string" else list(range(7))
    frame = pd.DataFrame({"编码": codes, "经度": pairs[:, 0], "纬度": pairs[:, 1], "备注": ["多余"] * 7})
    frame.to_parquet(tmp_path / "p.parquet")
    result = cli("distance", tmp_path / "p.parquet", "--shorelines", bank, "--format", "json")
    found = json.loads(result.stdout)
    assert [entry["code"] for entry in found] == [str(code) for code in codes]
    assert found[1]["nearest"]["mainstem"]["distance_m"] == pytest.approx(999, abs=0.01)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_all_faults_of_all_pieces_are_told_and_nothing_is_written(
    cli: Any, bank: Path, tmp_path: Path, ending: str
) -> None:
    frame = places()
    frame.loc[[5, 700, 999], "code"] = None
    frame.loc[400, "geometry"] = shapely.Point(0, 0)
    file = write(tmp_path / f"places.{ending}", frame)
    out = tmp_path / "out.parquet"
    out.write_bytes(b"yesterday's")
    result = cli("distance", file, "--shorelines", bank, "--out", out)
    assert result.exit_code == 1
    first = 2 if ending == "csv" else 1  # a table has a header in its first row
    for row in (5, 400, 700, 999):
        assert f" {row + first} " in result.stderr
    assert out.read_bytes() == b"yesterday's"
    assert not list(tmp_path.glob("*.part"))
    assert cli("distance", file, "--shorelines", bank, "--format", "json").stdout == ""


def test_faulty_shorelines_and_faulty_places_are_told_together(cli: Any, bank: Path, tmp_path: Path) -> None:
    frame = places(5)
    frame.loc[3, "code"] = None
    document: Mapping[str, Any] = json.loads(bank.read_text(encoding="utf-8"))
    document["features"][0]["properties"]["rank"] = "小河"
    bank.write_text(json.dumps(document), encoding="utf-8")
    file = write(tmp_path / "places.parquet", frame)
    result = cli("distance", file, "--shorelines", bank)
    assert result.exit_code == 1
    assert "小河" in result.stderr
    assert "places.parquet" in result.stderr


@pytest.mark.usefixtures("small_pieces")
def test_what_is_odd_in_many_pieces_is_told_once(cli: Any, bank: Path, tmp_path: Path) -> None:
    frame = places()
    frame.loc[[100, 300, 500], "geometry"] = shapely.Point(8.5, 47.4)
    told = [
        cli("distance", write(tmp_path / name, frame), "--shorelines", bank, "--format", "json").stderr
        for name in ("places.parquet", "places.csv")
    ]
    for text in told:
        assert len([line for line in text.splitlines() if "3" in line and "places" in line]) == 1


Change = Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame]


def spaced(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.assign(code=" " + frame["code"] + "　")


def projected(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.to_crs(4546)


def bow_tied(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    tie = shapely.Polygon([(111.02, 30), (111.03, 30.01), (111.03, 30), (111.02, 30.01)])
    return frame.assign(geometry=[tie, *frame.geometry[1:]])


@pytest.mark.parametrize("change", [spaced, projected, bow_tied])
def test_what_is_not_plain_is_cleaned_converted_and_repaired_as_in_any_file(
    tmp_path: Path, change: Change
) -> None:
    frame = change(places(10))
    (of_parquet,) = FacilityFile(write(tmp_path / "p.parquet", frame))
    (of_layer,) = FacilityFile(write(tmp_path / "p.gpkg", frame))
    assert of_parquet.frame["code"].tolist() == [f"P{number}" for number in range(10)]
    assert shapely.equals_exact(of_parquet.frame.geometry.array, of_layer.frame.geometry.array, 1e-12).all()
    assert [notice.code for notice in of_parquet.warnings] == [notice.code for notice in of_layer.warnings]


def test_a_plain_piece_and_a_checked_one_are_the_same(tmp_path: Path) -> None:
    file = write(tmp_path / "p.parquet", places(50))
    (plain,) = FacilityFile(file)
    (checked,) = FacilityFile(file, IngestOptions(outside="warn"))
    assert plain.frame["code"].tolist() == checked.frame["code"].tolist()
    assert (plain.frame.geometry.array == checked.frame.geometry.array).all()
    assert (plain.problems, plain.warnings) == (checked.problems, checked.warnings)


def test_a_file_named_parquet_that_is_none_is_refused_in_one_line(
    cli: Any, bank: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.parquet").write_bytes(b"PAR1 and nothing more")
    result = cli("distance", tmp_path / "p.parquet", "--shorelines", bank)
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "p.parquet" in result.stderr


def test_pieces_of_a_document_make_the_whole_document() -> None:
    rows = [{"code": "甲", "zones": ["a"], "x": {"y": 1}}, {"code": "=1+1", "zones": [], "x": None}]
    for some in (rows, rows[:1], []):
        assert "".join(list_pieces(iter(some))) == to_json(some)
        assert "".join(csv_pieces(iter(some))) == to_csv(some)


def test_row_groups_of_the_answer_are_bounded(cli: Any, bank: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(facilities, "PIECE_ROWS", 100)
    file = write(tmp_path / "places.parquet", places())
    cli("distance", file, "--shorelines", bank, "--out", tmp_path / "o.parquet")
    answer = pq.ParquetFile(tmp_path / "o.parquet")
    assert answer.metadata.num_rows == 1000
    assert answer.num_row_groups == 10
