"""The API as portals use it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from api.catalogue import Catalogue, Language
from api.errors import ApiError
from api.keys import issue_key
from api.schemas import ReadingPage
from api.web.dependencies import encode_cursor
from api.web.problems import PROBLEMS, all_problems, problem_of
from ingest.errors import IngestError
from maps.errors import MapsError
from models.errors import ModelsError
from spatial.errors import SpatialError

ROOT = Path(__file__).parents[2]
LISTS = ["sections", "outfalls", "tailings-ponds", "chemical-sites", "water-sources"]


def walk(client: Any, path: str, **params: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = client.get(
            f"/api/v1/{path}", params={**params, **({"cursor": cursor} if cursor else {})}
        ).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


@pytest.mark.parametrize(("path", "count"), list(zip(LISTS, [42, 123, 40, 25, 20], strict=True)))
def test_paging_by_cursor_gives_every_entry_once_and_in_order(client: Any, path: str, count: int) -> None:
    whole = walk(client, path, limit=500, as_of="2024-01-01")
    paged = walk(client, path, limit=7, as_of="2024-01-01")
    assert paged == whole
    codes = [item["code"] for item in whole]
    assert len(codes) == count
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("path", LISTS)
def test_lists_come_as_geojson_with_the_same_cursor(client: Any, path: str) -> None:
    answer = client.get(
        f"/api/v1/{path}?limit=3&as_of=2024-01-01", headers={"Accept": "application/geo+json"}
    )
    assert answer.headers["content-type"].startswith("application/geo+json")
    collection = answer.json()
    plain = client.get(f"/api/v1/{path}?limit=3&as_of=2024-01-01").json()
    assert collection["type"] == "FeatureCollection"
    assert collection["next"] == plain["next"]
    assert [feature["properties"]["code"] for feature in collection["features"]] == [
        item["code"] for item in plain["items"]
    ]
    assert all(feature["geometry"]["coordinates"] for feature in collection["features"])


def test_a_box_cuts_a_list(client: Any) -> None:
    inside = walk(client, "sections", bbox="108,30.5,110,32", as_of="2024-01-01")
    assert inside
    for item in inside:
        lon, lat = item["geometry"]["coordinates"]
        assert 108 <= lon <= 110
        assert 30.5 <= lat <= 32
    assert len(inside) < 42


def test_a_region_takes_in_what_lies_below_it(client: Any) -> None:
    items = walk(client, "tailings-ponds", region="430000", as_of="2024-01-01")
    assert items
    assert {item["region_code"][:2] for item in items} == {"43"}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("bbox=1,2,3", "bbox"),
        ("bbox=110,30,109,31", "bbox"),
        ("cursor=%21%21", "cursor"),
        ("limit=0", "limit"),
        ("as_of=2024-13-01", "as_of"),
        ("region=x", "region"),
        ("region=042000", "region"),
        ("as_of=0", "as_of"),
        ("as_of=1704067200", "as_of"),
        ("as_of=9999-12-31", "as_of"),
        ("region=%00", "region"),
    ],
)
def test_a_wrong_parameter_is_a_problem_document_that_names_it(
    client: Any, query: str, parameter: str
) -> None:
    answer = client.get(f"/api/v1/sections?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "/problems/bad-parameter"
    assert problem["instance"] == "/api/v1/sections"
    assert parameter in problem["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/sections/NO",
        "/api/v1/outfalls/NO",
        "/api/v1/uploads/99",
        "/api/v1/rules/NO",
        "/maps/facility/NO",
    ],
)
def test_an_unknown_code_is_a_404_problem(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("sections", ["\x00"]),
        ("sections", ["\ud800"]),
        ("outfalls", []),
        ("tailings-ponds", [{"a": 1}]),
        ("findings", ["x"]),
        ("findings", [10**30]),
        ("findings", [float("nan")]),
        ("sections/S420502001/readings", ["x", "tp"]),
        ("sections/S420502001/readings", ["2024-01-01T00:00:00", "tp"]),
        ("sections/S420502001/readings", ["2024-01-01T00:00:00+08:00"]),
    ],
)
def test_a_cursor_of_another_list_is_refused(client: Any, path: str, key: list[Any]) -> None:
    answer = client.get(f"/api/v1/{path}", params={"cursor": encode_cursor(key)})
    assert answer.status_code == 422
    assert "cursor" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("sections/%00", 404),
        ("outfalls/a%00b", 404),
        ("findings?rule=%00", 422),
        ("findings?rule=no-such-rule", 422),
        ("findings?updated_since=0", 422),
        ("sections/S420502001/readings?parameter=no-such-parameter", 422),
        ("sections/S420502001/readings?to=9999-12-31", 422),
        ("uploads/99999999999999999999", 422),
        ("uploads/99999999999999999999/rejects.csv", 422),
    ],
)
def test_nothing_in_an_address_breaks_the_application(client: Any, path: str, status: int) -> None:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/sections", "/api/v1/rules", "/"])
def test_head_has_the_headers_of_get_and_no_body(client: Any, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == get.headers["etag"]


def test_a_method_that_is_not_allowed_says_which_are(client: Any) -> None:
    answer = client.delete("/api/v1/sections")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv;q=0.1, application/json", "application/json"),
        ("application/json;q=0.5, application/geo+json", "application/geo+json"),
        ("application/geo+json;q=0", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        (";;,q=, text/csv;q=x", "application/json"),
    ],
)
def test_the_best_liked_type_is_answered(client: Any, accept: str, expected: str) -> None:
    answer = client.get("/api/v1/outfalls?limit=1", headers={"Accept": accept})
    assert answer.headers["content-type"] == expected


def test_an_unknown_address_is_a_problem_document_too(client: Any) -> None:
    answer = client.get("/api/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_facility_comes_with_distances_findings_and_ledger(client: Any) -> None:
    pond = client.get("/api/v1/tailings-ponds/WKK-01?as_of=2024-01-01").json()
    # 2 500 m by construction (sample_data/README.md).
    assert pond["distances"]["nearest"]["mainstem"]["distance_m"] == pytest.approx(2500, abs=0.5)
    assert pond["distances"]["zones"] == ["mainstem_3km"]
    assert {"YPL-26-3-mainstem", "CN-14-1"} <= {finding["rule_id"] for finding in pond["findings"]}
    assert isinstance(pond["ledger"], list)


def test_a_list_of_facilities_of_another_day_is_what_stood_then(client: Any) -> None:
    assert client.get("/api/v1/tailings-ponds?as_of=1990-01-01").status_code == 200


def test_the_readings_of_a_section_page_by_time_and_parameter(client: Any) -> None:
    code = walk(client, "sections", as_of="2024-01-01")[0]["code"]
    query = {"from": "2023-01-01", "to": "2023-03-31"}
    whole = walk(client, f"sections/{code}/readings", limit=500, **query)
    assert walk(client, f"sections/{code}/readings", limit=11, **query) == whole
    keys = [(item["sampled_at"], item["parameter"]) for item in whole]
    assert keys == sorted(set(keys))
    assert {item["sampled_at"][:4] for item in whole} == {"2023"}
    assert {item["unit"] for item in whole if item["parameter"] == "tp"} == {"mg/L"}


def test_a_section_s_assessment_equals_the_command_s(client: Any, cli: Any, sample: Any) -> None:
    rows = json.loads(cli("assess", "--period", "2023", "--format", "json", database=sample.engine).stdout)
    for row in rows[:5]:
        answer = client.get(f"/api/v1/sections/{row['code']}/assessment", params={"period": "2023"})
        assert answer.json() == row


def test_assessments_by_region_equal_the_command_s(client: Any, cli: Any, sample: Any) -> None:
    rows = json.loads(
        cli("assess", "--period", "2023", "--by", "region", "--format", "json", database=sample.engine).stdout
    )
    assert client.get("/api/v1/assessments?period=2023&by=region").json()["items"] == rows


def without_first_seen(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Other tests evaluate earlier days in the same database, which brings `first_seen` forward."""
    return [{key: value for key, value in row.items() if key != "first_seen"} for row in rows]


def test_findings_page_and_filter(client: Any, sample: Any) -> None:
    whole = walk(client, "findings", as_of="2024-01-01", limit=500)
    assert without_first_seen(whole) == without_first_seen(sample.evaluation.findings)
    assert all(row["first_seen"] <= row["as_of"] for row in whole)
    assert walk(client, "findings", as_of="2024-01-01", limit=13) == whole
    violations = walk(client, "findings", verdict="violation", rule="CN-14-1")
    assert violations == [
        row for row in whole if (row["rule_id"], row["verdict"]) == ("CN-14-1", "violation")
    ]
    assert walk(client, "findings", updated_since="2199-01-01T00:00:00+08:00") == []


def test_findings_of_a_day_without_a_run_are_a_404_that_says_what_to_do(client: Any) -> None:
    answer = client.get("/api/v1/findings?as_of=1999-01-01")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/no-evaluation"
    assert "qingjiang evaluate" in answer.json()["detail"]


def test_findings_come_as_csv(client: Any, sample: Any) -> None:
    answer = client.get("/api/v1/findings?limit=500", headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["rule_id"] for row in rows] == [row["rule_id"] for row in sample.evaluation.findings]


def test_the_scoreboard_equals_the_evaluation_s(client: Any, sample: Any) -> None:
    assert client.get("/api/v1/scoreboard?as_of=2024-01-01").json() == sample.evaluation.scores


def test_rules_speak_the_language_of_the_client(client: Any) -> None:
    chinese = client.get("/api/v1/rules", headers={"Accept-Language": "zh"}).json()["items"]
    english = client.get("/api/v1/rules", headers={"Accept-Language": "fr;q=0.9, en;q=0.8"}).json()["items"]
    assert [row["id"] for row in chinese] == [row["id"] for row in english]
    assert chinese[0]["title"] != english[0]["title"]


@pytest.mark.parametrize(
    "path", ["sections", "findings", "rules", "outfalls?as_of=2024-01-01", "scoreboard?as_of=2024-01-01"]
)
def test_a_read_that_has_not_changed_is_a_304(client: Any, path: str) -> None:
    first = client.get(f"/api/v1/{path}")
    again = client.get(f"/api/v1/{path}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(f"/api/v1/{path}", headers={"If-None-Match": '"something else"'})
    assert other.content == first.content


def test_health_and_readiness(client: Any) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json()["status"] == "ok"


OUTFALLS = (
    "排污口编码,排污口名称,经度,纬度,行政区划代码\n"
    "PWK-1,一号排污口,114.30,30.59,420100\n"
    "PWK-2,二号排污口,30.59,514.30,420100\n"
    ",三号排污口,114.30,30.59,420100\n"
)


def upload(client: Any, key: str | None, text: str, name: str = "outfalls.csv", **params: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post(
        "/api/v1/uploads",
        params={"kind": "outfalls", **params},
        files={"file": (name, text.encode("utf-8"), "text/csv")},
        headers=headers,
    )


def test_an_upload_reports_every_error_and_loads_nothing(empty_client: Any, bureau_key: str) -> None:
    answer = upload(empty_client, bureau_key, OUTFALLS)
    assert answer.status_code == 202
    report = answer.json()
    assert report["state"] == "rejected"
    assert (report["rows_read"], report["rows_loaded"]) == (3, 0)
    assert {error["row"] for error in report["errors"]} == {3, 4}
    assert empty_client.get("/api/v1/outfalls").json()["items"] == []
    stored = empty_client.get(f"/api/v1/uploads/{report['upload_id']}").json()
    assert (stored["state"], stored["rows_read"]) == ("rejected", 3)
    rejects = empty_client.get(f"/api/v1/uploads/{report['upload_id']}/rejects.csv")
    rows = list(csv.DictReader(io.StringIO(rejects.text.removeprefix("\ufeff"))))
    assert [row["排污口名称"] for row in rows] == ["二号排污口", "三号排污口"]
    assert all(row["原因"] for row in rows)


def test_a_partial_upload_loads_the_good_rows_and_a_second_one_nothing(
    empty_client: Any, bureau_key: str
) -> None:
    first = upload(empty_client, bureau_key, OUTFALLS, partial=True).json()
    assert (first["state"], first["rows_loaded"], first["rows_rejected"]) == ("loaded", 1, 2)
    second = upload(empty_client, bureau_key, OUTFALLS, partial=True).json()
    assert (second["rows_loaded"], second["rows_duplicate"], second["rows_rejected"]) == (0, 1, 2)
    (item,) = empty_client.get("/api/v1/outfalls").json()["items"]
    assert item["name"] == "一号排污口"


def test_a_dry_run_stores_nothing(empty_client: Any, bureau_key: str) -> None:
    good = "\n".join(OUTFALLS.splitlines()[:2]) + "\n"
    report = upload(empty_client, bureau_key, good, dry_run=True).json()
    assert report["rows_loaded"] == 1
    assert report["upload_id"] is None
    assert empty_client.get("/api/v1/outfalls").json()["items"] == []


def test_the_report_over_http_is_the_report_of_the_command(
    empty_client: Any, bureau_key: str, cli: Any, tmp_path: Path, clone_database: Any
) -> None:
    path = tmp_path / "outfalls.csv"
    path.write_text(OUTFALLS, encoding="utf-8")
    result = cli("ingest", "outfalls", path, "--format", "json", database=clone_database())
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    report = upload(empty_client, bureau_key, OUTFALLS).json()
    del report["state"]
    assert report == told


@pytest.mark.parametrize("key", [None, "qj_wrong"])
def test_an_upload_needs_a_key(empty_client: Any, key: str | None) -> None:
    answer = upload(empty_client, key, OUTFALLS)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "/problems/key-needed"


def test_a_portal_s_key_may_not_upload(empty_client: Any, fresh_database: Any) -> None:
    key = issue_key(fresh_database, role="portal", region_code=None, name=None, expires=None)["key"]
    assert upload(empty_client, key, OUTFALLS).status_code == 403


def test_a_file_above_the_limit_is_refused(empty_client: Any, bureau_key: str) -> None:
    answer = upload(empty_client, bureau_key, OUTFALLS + "x" * (1 << 20))
    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/upload-too-large"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/outfalls.csv",
        "..\\..\\outfalls.csv",
        "a'; DROP TABLE uploads; --.csv",
        "排污口" * 100 + ".csv",
        "a\x00b\x01c.csv",
    ],
)
def test_the_name_of_a_file_leads_nowhere(empty_client: Any, bureau_key: str, name: str) -> None:
    assert upload(empty_client, bureau_key, OUTFALLS, name=name).status_code == 202
    assert empty_client.get("/readyz").status_code == 200


@pytest.mark.parametrize("name", ["..", ".", "x" * 300, "." + "x" * 300])
def test_a_name_that_says_nothing_is_a_422_problem(empty_client: Any, bureau_key: str, name: str) -> None:
    answer = upload(empty_client, bureau_key, OUTFALLS, name=name)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unusable-file")


@pytest.mark.parametrize("field", ["source", "encoding", "crs", "sheet"])
def test_an_option_of_an_upload_that_cannot_be_stored_is_refused(
    empty_client: Any, bureau_key: str, field: str
) -> None:
    answer = empty_client.post(
        "/api/v1/uploads?kind=outfalls",
        data={field: "a\x00b"},
        files={"file": ("outfalls.csv", OUTFALLS.encode(), "text/csv")},
        headers={"Authorization": f"Bearer {bureau_key}"},
    )
    assert answer.status_code == 422
    assert field in answer.json()["detail"]


def test_a_feed_without_years_takes_the_day_of_its_capture(empty_client: Any, bureau_key: str) -> None:
    feed = "省份,断面名称,监测时间,氨氮(mg/L)\n湖北省,沌口,04-01 08:00,0.1\n"
    answers = [
        empty_client.post(
            "/api/v1/uploads?kind=readings",
            data=data,
            files={"file": ("feed.csv", feed.encode(), "text/csv")},
            headers={"Authorization": f"Bearer {bureau_key}"},
        ).json()
        for data in ({}, {"captured_at": "2024-04-02"})
    ]
    assert [answer["rows_loaded"] for answer in answers] == [0, 1]
    (reading,) = empty_client.get("/api/v1/sections/湖北省/沌口/readings").json()["items"]
    assert reading["sampled_at"] == "2024-04-01T08:00:00+08:00"


def test_a_file_that_cannot_be_used_is_a_422_problem(empty_client: Any, bureau_key: str) -> None:
    answer = upload(empty_client, bureau_key, "no such columns\n1\n")
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/unusable-file"


def test_the_key_is_not_stored(fresh_database: Any, bureau_key: str) -> None:
    with fresh_database.connect() as connection:
        dump = str(connection.exec_driver_sql("SELECT * FROM qingjiang.api_keys").all())
    assert bureau_key not in dump


def test_every_error_of_ours_is_a_documented_problem() -> None:
    def below(error: type[Exception]) -> set[type[Exception]]:
        return {error} | {one for child in error.__subclasses__() for one in below(child)}

    rooms = (ApiError, IngestError, MapsError, ModelsError, SpatialError)
    for error in {one for room in rooms for one in below(room)}:
        assert error in PROBLEMS or any(cls in PROBLEMS for cls in error.__mro__), error
        assert problem_of(error.__new__(error)) is not None


def test_every_problem_has_a_type_and_a_status_of_its_own_kind() -> None:
    types = [problem.type for problem in all_problems()]
    assert len(types) == len(set(types))


def test_an_unexpected_error_tells_the_client_nothing(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("api.web.routes.rules.rule_rows", explode)
    answer = client.get("/api/v1/rules")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.json()["type"] == "/problems/internal-error"


def test_the_openapi_document_is_the_one_in_the_repository(client: Any) -> None:
    committed = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    assert client.get("/openapi.json").json() == committed


def test_every_answer_is_of_a_documented_status_type_and_shape(client: Any) -> None:
    document = client.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status.startswith("4"):
                    assert list(answer["content"]) == ["application/problem+json"], path
    assert set(document["paths"]["/api/v1/outfalls"]["get"]["responses"]["200"]["content"]) == {
        "application/json",
        "application/geo+json",
        "text/csv",
    }
    assert "HTTPValidationError" not in document["components"]["schemas"]
    ReadingPage.model_validate(client.get("/api/v1/sections/S420502001/readings?limit=5").json())


def test_the_reasons_of_every_finding_and_score_have_words(sample: Any) -> None:
    rows = [*sample.evaluation.findings, *sample.evaluation.scores]
    for language in Language:
        catalogue = Catalogue(language)
        for row in rows:
            reason = row["evidence"]["reason"]
            assert catalogue.text(f"reasons.{reason['code']}", **reason["params"])
