"""What a data officer says of a file is the same at every door.

The command that loads, HTTP, and the commands that need no database.
"""

from __future__ import annotations

import csv
import hashlib
import inspect
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text as sql

from api.cli.data import ingest_command
from api.keys import issue_key
from api.settings import Settings
from api.web.app import create_app
from api.web.routes.uploads import UploadForm
from ingest.systems import unproject_system

DATA = Path(__file__).parents[2] / "../shared/data"

READINGS = "省份,断面名称,监测时间,氨氮(mg/L)\n湖北省,沌口,2024-04-01 08:00,0.1\n"
POND = "code,name,lon,lat\nWKK-1,一号库,111.2,30.5\n"
FOREIGN = "site,day,what,result,in\na,2023-06-30,phosphorus,100,ug/L\n"
MAPPING = """
kind = "readings"
[columns]
section = "site"
parameter = "what"
value = "result"
unit = "in"
[constants]
province = "湖北省"
[time]
date = "day"
[[parameters]]
code = "tp"
names = ["phosphorus"]
basis = "P"
"""
PROVINCES = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "湖北省"},
                "geometry": json.loads(shapely.to_geojson(shapely.box(108.3, 29.0, 116.2, 33.3))),
            }
        ],
    }
)


def loader(client: Any, key: str) -> Callable[..., Any]:
    """Upload one file with form fields; a pair of name and content is a file."""

    def upload(kind: str, content: str | bytes, name: str = "a.csv", **fields: Any) -> Any:
        files = {
            field: (said[0], said[1].encode(), "application/octet-stream")
            for field, said in fields.items()
            if isinstance(said, tuple)
        }
        data = content if isinstance(content, bytes) else content.encode()
        return client.post(
            f"/api/v1/uploads?kind={kind}",
            data={field: said for field, said in fields.items() if field not in files},
            files={"file": (name, data, "application/octet-stream"), **files},
            headers={"Authorization": f"Bearer {key}"},
        )

    return upload


@pytest.fixture
def load(empty_client: Any, bureau_key: str) -> Callable[..., Any]:
    return loader(empty_client, bureau_key)


@pytest.fixture(scope="module")
def refused(clone_database: Any) -> Iterator[Callable[..., Any]]:
    """As `load`, into one database for all that is refused."""
    engine = clone_database()
    key = issue_key(engine, role="bureau", region_code="420000", name="test", expires=None)["key"]
    url = engine.url.render_as_string(hide_password=False)
    application = create_app(Settings(database_url=url, upload_max_mb=1), engine)
    with TestClient(application, raise_server_exceptions=False) as client:
        yield loader(client, str(key))


def loaded(answer: Any, rows: int = 1) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    report = dict(answer.json())
    assert (report["rows_loaded"], report["rows_rejected"]) == (rows, 0), report["errors"]
    return report


def readings(client: Any, section: str) -> list[dict[str, Any]]:
    return list(client.get(f"/api/v1/sections/{section}/readings").json()["items"])


def test_http_takes_everything_that_the_command_takes() -> None:
    here = set(UploadForm.model_json_schema()["properties"])
    of_command = set(inspect.signature(ingest_command).parameters) - {"context", "kind", "files", "form"}
    # The rejected rows are fetched from rejects.csv; these are called otherwise in the code of the command.
    of_command -= {"rejects"}
    called = {"named": "column", "constants": "set", "detection_limits": "detection_limit"}
    assert here - {"file", "mapping_file"} == {called.get(name, name) for name in of_command}


def test_every_field_of_an_upload_is_described_in_the_openapi_document(empty_client: Any) -> None:
    document = empty_client.get("/openapi.json").json()
    content = document["paths"]["/api/v1/uploads"]["post"]["requestBody"]["content"]
    assert list(content) == ["multipart/form-data"]
    fields = document["components"]["schemas"]["UploadForm"]["properties"]
    assert all(field["description"] for field in fields.values())
    free = [name for name, field in fields.items() if '"pattern"' in json.dumps(field) and name != "source"]
    assert free
    assert all(fields[name]["examples"] for name in free)


# -- each option, through HTTP ---------------------------------------------------------------------------


def test_an_uploaded_mapping_tells_how_a_foreign_file_is_read(
    load: Any, empty_client: Any, fresh_database: Any
) -> None:
    loaded(load("readings", FOREIGN, mapping_file=("own.toml", MAPPING)))
    (reading,) = readings(empty_client, "湖北省/a")
    assert (reading["parameter"], reading["value"]) == ("tp", 0.1)
    with fresh_database.connect() as connection:
        options = connection.execute(sql("SELECT options::text FROM qingjiang.uploads")).scalar_one()
    digest = hashlib.sha256(MAPPING.encode()).hexdigest()
    assert json.loads(options) == {"mapping": "own.toml", "mapping_sha256": digest}


def test_a_shipped_mapping_is_named(refused: Any) -> None:
    answer = refused("readings", FOREIGN, mapping="wqp")
    assert answer.status_code == 422
    assert "CharacteristicName" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.toml", "nowhere"])
def test_a_mapping_is_never_a_file_of_the_server(refused: Any, name: str) -> None:
    problem = refused("readings", FOREIGN, mapping=name).json()
    assert problem["errors"][0]["parameter"] == "mapping"
    assert "wqp" in problem["detail"]


def test_a_mapping_that_cannot_be_used_is_named_as_it_was_uploaded(refused: Any) -> None:
    problem = refused("readings", FOREIGN, mapping_file=("own.toml", "colums = 1")).json()
    assert (problem["status"], problem["type"]) == (422, "/problems/bad-parameter")
    assert problem["errors"][0]["parameter"] == "mapping_file"
    assert "own.toml" in problem["detail"]
    assert "qingjiang-" not in json.dumps(problem)


def test_columns_constants_and_a_map_shift_are_taken(load: Any, empty_client: Any) -> None:
    rows = "断面编码,断面名称,lon_gcj,lat_gcj\nS-1,沌口,114.305,30.592\n"
    fields = {"column": ["lon=lon_gcj", "lat=lat_gcj"], "set": ["level=国控", "station_type=自动"]}
    loaded(load("sections", rows, crs="gcj02", **fields))
    (item,) = empty_client.get("/api/v1/sections").json()["items"]
    assert (item["level"], item["station_type"]) == ("national", "automatic")
    assert item["geometry"]["coordinates"][0] == pytest.approx(114.2995, abs=0.0005)


def test_codes_are_made_of_names_and_a_rank_is_given_to_every_water_body(
    load: Any, empty_client: Any
) -> None:
    report = loaded(load("water-bodies", "水体名称\n清江\n", code_from="name", rank="tributary"))
    assert report["kind"] == "water_bodies"


def test_swapped_places_are_exchanged_where_the_caller_says_so(load: Any, empty_client: Any) -> None:
    rows = "code,name,lon,lat\nWKK-1,一号库,30.5,111.2\n"
    assert load("tailings-ponds", rows).json()["rows_rejected"] == 1
    loaded(load("tailings-ponds", rows, swapped="correct"))
    (item,) = empty_client.get("/api/v1/tailings-ponds").json()["items"]
    assert item["geometry"]["coordinates"] == [111.2, 30.5]


@pytest.mark.parametrize(("outside", "rejected"), [("error", 1), ("warn", 0), ("ignore", 0)])
def test_places_outside_the_basin_go_as_the_caller_says(load: Any, outside: str, rejected: int) -> None:
    report = load("tailings-ponds", POND.replace("30.5", "45.0"), outside=outside).json()
    assert report["rows_rejected"] == rejected
    assert bool(report["warnings"]) == (outside == "warn")


def test_an_uploaded_layer_of_provinces_is_checked_against(load: Any) -> None:
    rows = "断面编码,断面名称,省份,lon,lat\nS-1,沌口,湖北省,120.0,30.5\n"
    fields = {"outside": "error", "provinces": ("provinces.geojson", PROVINCES)}
    report = load("sections", rows, **fields).json()
    assert [error["code"] for error in report["errors"]] == ["outside_province"]


def test_a_refused_datum_is_taken_with_its_way_and_accuracy(load: Any, empty_client: Any) -> None:
    refused = load("tailings-ponds", POND, crs="EPSG:4214")
    assert refused.status_code == 422
    fields = {"transformation": "EPSG:15918", "transformation_accuracy": "1"}
    loaded(load("tailings-ponds", POND, crs="EPSG:4214", **fields))
    (item,) = empty_client.get("/api/v1/tailings-ponds").json()["items"]
    assert item["accuracy_m"] == 26  # 25 m where nothing is stated, and 1 m for the way
    assert item["geometry"]["coordinates"] != [111.2, 30.5]


def test_encoding_and_sheet_are_taken(load: Any) -> None:
    western = POND.replace("一号库", "Café").encode("cp1252")
    assert load("tailings-ponds", western).status_code == 422
    loaded(load("tailings-ponds", western, encoding="cp1252"))
    book = openpyxl.Workbook()
    other = book.create_sheet("另一张")
    for row in csv.reader(io.StringIO(READINGS)):
        other.append(row)
    stream = io.BytesIO()
    book.save(stream)
    loaded(load("readings", stream.getvalue(), name="a.xlsx", sheet="另一张"))


def test_a_capture_may_be_a_moment(load: Any, empty_client: Any) -> None:
    feed = READINGS.replace("2024-04-01", "04-01")
    loaded(load("readings", feed, captured_at="2024-04-01T09:00"))
    assert readings(empty_client, "湖北省/沌口")[0]["sampled_at"] == "2024-04-01T08:00:00+08:00"


def test_conventions_of_a_vendor_are_taken(load: Any, empty_client: Any) -> None:
    loaded(load("readings", READINGS.replace("0.1", "-0.05"), negative_is_limit="true"))
    loaded(
        load("readings", READINGS.replace("0.1", "ND").replace("沌口", "宗关"), detection_limit="nh3_n=0.025")
    )
    found = [readings(empty_client, f"湖北省/{name}")[0] for name in ("沌口", "宗关")]
    assert [(item["qualifier"], item["detection_limit"]) for item in found] == [("<", 0.05), ("<", 0.025)]


def test_readings_take_names_of_columns_and_constants_too(load: Any, empty_client: Any) -> None:
    rows = "站点,时刻,NH3(ug/L)\n沌口,2024-04-01 08:00,100\n"
    named = ["section=站点", "sampled_at=时刻", "nh3_n=NH3(ug/L)"]
    loaded(load("readings", rows, column=named, set=["province=湖北省", "station_type=手工"]))
    (reading,) = readings(empty_client, "湖北省/沌口")
    assert (reading["value"], reading["station_type"]) == (0.1, "manual")


def test_partial_and_dry_run_are_fields_too(load: Any) -> None:
    rows = POND + "WKK-2,,111.3,30.5\n"
    report = load("tailings-ponds", rows, partial="true", dry_run="true").json()
    assert (report["state"], report["rows_loaded"], report["dry_run"]) == ("loaded", 1, True)
    assert report["upload_id"] is None


def test_empty_fields_of_a_form_say_nothing(load: Any) -> None:
    empty = ("crs", "encoding", "sheet", "mapping", "captured_at", "rank", "transformation_accuracy")
    loaded(load("tailings-ponds", POND, **dict.fromkeys((*empty, "code_from", "swapped", "outside"), "")))


# -- what cannot be --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("sections", "column", "lon"),
        ("sections", "column", "nonsense=lon"),
        ("readings", "column", "tp=no such header"),
        ("sections", "set", "level=世界级"),
        ("sections", "set", "altitude=5"),
        ("readings", "set", "station_type=魔法"),
        ("readings", "set", "unit=mg/L"),
        ("sections", "code_from", "number"),
        ("sections", "rank", "tributary"),
        ("water-bodies", "rank", "huge"),
        ("sections", "transformation_accuracy", "-1"),
        ("sections", "transformation_accuracy", "near"),
        ("sections", "swapped", "perhaps"),
        ("sections", "outside", "inside"),
        ("sections", "encoding", "klingon"),
        ("readings", "captured_at", "yesterday"),
        ("readings", "captured_at", "0001-01-01"),
        ("readings", "on_conflict", "fight"),
        ("readings", "negative_is_limit", "maybe"),
        ("readings", "detection_limit", "gold=1"),
        ("readings", "detection_limit", "tp=-1"),
        ("readings", "detection_limit", "tp=NaN"),
        ("sections", "partial", "half"),
        ("sections", "mapping", "nowhere"),
        ("sections", "no_such_field", "x"),
        ("readings", "crs", "EPSG:4490"),
        ("readings", "swapped", "correct"),
        ("readings", "rank", "lake"),
        ("sections", "captured_at", "2024-01-01"),
        ("sections", "on_conflict", "keep"),
        ("sections", "detection_limit", "tp=0.01"),
        ("sections", "negative_is_limit", "true"),
    ],
)
def test_a_wrong_field_is_a_problem_document_that_names_it(
    refused: Any, kind: str, field: str, value: str
) -> None:
    content = READINGS if kind == "readings" else "code,name,lon,lat\nA,一号,111.2,30.5\n"
    answer = refused(kind, content, **{field: value})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "/problems/bad-parameter"
    assert [error["parameter"].partition(".")[0] for error in problem["errors"]] == [field]
    assert field in problem["detail"]


def test_a_field_in_the_address_is_refused_and_not_overlooked(empty_client: Any, bureau_key: str) -> None:
    answer = empty_client.post(
        "/api/v1/uploads?kind=sections&crs=gcj02",
        files={"file": ("a.csv", POND.encode(), "text/csv")},
        headers={"Authorization": f"Bearer {bureau_key}"},
    )
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "crs")


def test_a_way_between_datums_needs_its_accuracy(refused: Any) -> None:
    problem = refused("tailings-ponds", POND, crs="EPSG:4214", transformation="EPSG:15918").json()
    assert problem["errors"][0]["parameter"] == "transformation_accuracy"


def test_a_layer_of_provinces_counts_towards_the_size(refused: Any) -> None:
    answer = refused("sections", POND, provinces=("provinces.geojson", " " * (1 << 20)))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/upload-too-large")


# -- without a database ----------------------------------------------------------------------------------


def test_classify_reads_foreign_files_by_mapping_column_and_constant(cli: Any, tmp_path: Path) -> None:
    foreign, own = tmp_path / "foreign.csv", tmp_path / "own.toml"
    foreign.write_text(FOREIGN, encoding="utf-8")
    own.write_text(MAPPING, encoding="utf-8")
    # TP 0.1 mg/L: Ⅱ in a river, Ⅳ in a lake (GB 3838-2002, table 1).
    for setting, expected in ((), 2), (("--set", "water_body_type=湖泊"), 4):
        result = cli("classify", foreign, "--mapping", own, *setting, "--format", "json")
        assert result.exit_code == 0, result.stderr
        assert [row["class"] for row in json.loads(result.stdout)] == [expected]
    foreign.write_text("站点,时刻,P(ug/L)\n沌口,2024-04-01,100\n", encoding="utf-8")
    named = ("--column", "section=站点", "--column", "sampled_at=时刻", "--column", "tp=P(ug/L)")
    result = cli("classify", foreign, *named, "--format", "json")
    assert [row["class"] for row in json.loads(result.stdout)] == [2]


def test_classify_takes_the_limits_of_a_laboratory(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(READINGS.replace("0.1", "ND"), encoding="utf-8")
    result = cli("classify", path, "--detection-limit", "nh3_n=0.025", "--format", "json")
    (row,) = json.loads(result.stdout)
    assert row["class"] == 1
    assert row["parameters"][0]["censored"] is True


def test_classify_tells_on_stderr_which_columns_it_did_not_understand(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        READINGS.replace("\n湖北省", ",神秘\n湖北省").replace("0.1\n", "0.1,7\n"), encoding="utf-8"
    )
    result = cli("classify", path, "--format", "json")
    assert (result.exit_code, len(json.loads(result.stdout))) == (0, 1)
    assert "a.csv" in result.stderr
    assert "神秘" in result.stderr


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    line = json.loads(shapely.to_geojson(shapely.LineString([(111.0, 30.0), (111.0, 31.0)])))
    feature = {
        "type": "Feature",
        "properties": {"water_body_code": "CJ", "rank": "mainstem"},
        "geometry": line,
    }
    path = tmp_path / "bank.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return path


def measured(cli: Any, bank: Path, path: Path, *options: object) -> tuple[list[float | None], str]:
    result = cli("distance", path, "--shorelines", bank, *options, "--format", "json")
    assert result.exit_code == 0, result.stderr
    found = [row["nearest"]["mainstem"] for row in json.loads(result.stdout)]
    return [None if one is None else one["distance_m"] for one in found], result.stderr


def test_distance_reads_foreign_files_and_puts_swapped_places_right(
    cli: Any, bank: Path, tmp_path: Path
) -> None:
    path, own = tmp_path / "a.csv", tmp_path / "own.toml"
    path.write_text("FOLIO,NOMBRE,X,Y\n7,库,30.5,111.01\n", encoding="utf-8")
    own.write_text(
        'kind = "tailings-ponds"\n[columns]\ncode = "FOLIO"\nname = "NOMBRE"\nlon = "X"\nlat = "Y"\n', "utf-8"
    )
    assert cli("distance", path, "--shorelines", bank, "--mapping", own).exit_code == 1
    found, told = measured(cli, bank, path, "--mapping", own, "--swapped", "correct")
    # 0.01° of longitude at 30.5° N on GRS80: a·cos φ / √(1 − e² sin² φ) · π/18000 = 959.9 m.
    assert found == [pytest.approx(959.9, abs=0.2)]
    assert "a.csv" in told
    by_hand, _ = measured(cli, bank, path, "--column", "code=FOLIO", "--column", "lon=Y", "--column", "lat=X")
    assert by_hand == found


def test_distance_tells_that_a_label_is_doubtful(cli: Any, bank: Path) -> None:
    points = DATA / "outfalls/yangtze_estuary_named_points_l3.geojson"
    if not points.is_file():
        pytest.skip("the public outfalls are not at ../shared/data")
    _, told = measured(cli, bank, points)
    assert points.name in told
    assert "EPSG" in told


def test_distance_tells_when_the_caller_insists_on_a_wrong_label(
    cli: Any, bank: Path, tmp_path: Path
) -> None:
    """The attributes are Xian 1980 metres of the very degrees that are said to be CGCS2000."""
    _, unproject = unproject_system("EPSG:2379")
    assert unproject is not None
    features = []
    for step in range(20):
        x, y = 500_000.0 + 500 * step, 3_370_000.0 + 700 * step
        lon, lat = (float(part) for part in unproject(x, y))
        geometry = {"type": "Point", "coordinates": [lon, lat]}
        properties = {"code": str(step), "X": x, "Y": y}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    path = tmp_path / "ponds.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    refused = cli("distance", path, "--shorelines", bank)
    assert refused.exit_code == 2
    assert "EPSG:4610" in refused.stderr
    _, told = measured(cli, bank, path, "--crs", "EPSG:4490")
    assert "ponds.geojson" in told
    assert "EPSG:4610" in told or "EPSG:2379" in told


# -- formats ---------------------------------------------------------------------------------------------


TABLES = [
    ["evaluate", "--as-of", "2024-01-01"],
    ["scoreboard", "--as-of", "2024-01-01"],
    ["assess", "--period", "2023", "--by", "river"],
    ["rules", "list"],
]


@pytest.mark.parametrize("command", TABLES, ids=lambda command: command[0])
def test_the_ending_of_out_decides_the_format(
    cli: Any, sample: Any, tmp_path: Path, command: list[str]
) -> None:
    outs = {ending: tmp_path / f"a.{ending}" for ending in ("json", "csv", "geojson", "parquet", "txt")}
    for out in outs.values():
        assert cli(*command, "--out", out, database=sample.engine).exit_code == 0
    rows = json.loads(outs["json"].read_text("utf-8"))
    assert len(json.loads(outs["geojson"].read_text("utf-8"))["features"]) == len(rows) > 0
    assert len(list(csv.DictReader(io.StringIO(outs["csv"].read_text("utf-8"))))) == len(rows)
    assert outs["parquet"].read_bytes().startswith(b"PAR1")
    assert "│" in outs["txt"].read_text("utf-8")


@pytest.mark.parametrize("command", TABLES, ids=lambda command: command[0])
def test_a_table_in_a_file_is_the_table_of_the_screen_with_every_row(
    cli: Any, sample: Any, tmp_path: Path, command: list[str]
) -> None:
    out = tmp_path / "a.txt"
    assert cli(*command, "--format", "table", "--out", out, database=sample.engine).exit_code == 0
    rows = json.loads(cli(*command, "--format", "json", database=sample.engine).stdout)
    table = out.read_text("utf-8")
    key = next(name for name in ("rule_id", "id", "target_id", "name") if name in rows[0])
    if key == "rule_id":
        rows.sort(key=lambda row: ("violation", "undetermined", "compliant").index(row["verdict"]))
    # A cell may be folded over several lines: put together again, its column names every row in order.
    lines = [line.split("│")[1:-1] for line in table.splitlines() if line.startswith("│")]
    columns = ["".join(cell.strip() for cell in column) for column in zip(*lines, strict=True)]
    assert "".join(str(row[key]) for row in rows) in columns
    assert "\x1b" not in table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "a"], ["--out", ".parquet"]),
        (["--out", "a.xlsx"], ["--out", "a.xlsx", ".csv"]),
        (["--format", "table", "--out", "a.csv"], ["a.csv", "table", ".txt"]),
        (["--format", "parquet", "--out", "a.json"], ["a.json", "parquet", ".parquet"]),
    ],
)
def test_an_ending_that_does_not_fit_is_refused_before_anything_is_worked_out(
    cli: Any, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    for command in (*TABLES, ["classify", "a.csv"], ["distance", "a.csv", "--shorelines", "b.csv"]):
        result = cli(*command, *arguments)
        assert result.exit_code == 2
        assert all(word in result.stderr for word in words), result.stderr
    assert list(tmp_path.iterdir()) == []


def test_geojson_may_stand_in_a_json_file_and_any_format_in_a_file_of_another_ending(
    cli: Any, tmp_path: Path
) -> None:
    assert cli("rules", "list", "--format", "geojson", "--out", tmp_path / "a.json").exit_code == 0
    assert cli("rules", "list", "--format", "csv", "--out", tmp_path / "a.dat").exit_code == 0
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["type"] == "FeatureCollection"
    assert (tmp_path / "a.dat").read_text("utf-8").startswith("id,")


def test_classify_and_distance_write_what_the_ending_says(cli: Any, bank: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(READINGS, encoding="utf-8")
    (tmp_path / "p.csv").write_text(POND, encoding="utf-8")
    for ending in ("json", "csv", "txt", "geojson", "parquet"):
        assert cli("classify", "a.csv", "--out", f"c.{ending}").exit_code == 0
        assert cli("distance", "p.csv", "--shorelines", bank, "--out", f"d.{ending}").exit_code == 0
    for stem in "cd":
        assert len(json.loads((tmp_path / f"{stem}.json").read_text("utf-8"))) == 1
        assert (tmp_path / f"{stem}.parquet").read_bytes().startswith(b"PAR1")
        assert "│" in (tmp_path / f"{stem}.txt").read_text("utf-8")


def test_a_map_is_a_page_and_a_load_has_a_table_or_json(cli: Any, tmp_path: Path) -> None:
    result = cli("map", "buffers", "--out", tmp_path / "map.png")
    assert result.exit_code == 2
    assert ".html" in result.stderr
    result = cli("ingest", "sections", "a.csv", "--format", "csv")
    assert result.exit_code == 2
    assert "json" in result.stderr
