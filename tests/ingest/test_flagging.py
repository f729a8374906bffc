"""Quality control of loads: flags in the database, neighbours that come later, the report of an upload."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text

from api.catalogue import Catalogue
from ingest import flagging
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.quality import completeness
from ingest.report import UploadReport
from tests.ingest.conftest import Write

HEAD = {"省份": "湖北省", "断面名称": "沌口"}
TP = "总磷(mg/L)"


def load(engine: Engine, path: Path, **options: Any) -> UploadReport:
    (report,) = load_files(engine, "readings", [path], IngestOptions(**options), text=Catalogue().text)
    return report


def hourly(values: Sequence[str], *, first: int = 0, hours: int = 4, **cells: str) -> list[Mapping[str, Any]]:
    """Rows of one section, one every four hours from 1 June 2023 on, beginning with place `first`."""
    rows = []
    for place, value in enumerate(values, first):
        day, hour = divmod(place * hours, 24)
        rows.append(HEAD | {"监测时间": f"2023-06-{day + 1:02d} {hour:02d}:00", TP: value} | cells)
    return rows


def flags(engine: Engine) -> list[tuple[str, int, list[str] | None]]:
    statement = (
        "SELECT to_char(r.sampled_at AT TIME ZONE 'Asia/Shanghai', 'DD HH24'), r.quality, r.quality_tests"
        " FROM qingjiang.readings r JOIN qingjiang.section_registry s ON s.id = r.section_id"
        " ORDER BY s.code, r.parameter, r.sampled_at, r.revision"
    )
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def facts(engine: Engine) -> list[tuple[Any, ...]]:
    statement = (
        "SELECT s.code, r.parameter, r.sampled_at, r.value, r.full_value, r.qualifier, r.raw"
        " FROM qingjiang.readings r JOIN qingjiang.section_registry s ON s.id = r.section_id ORDER BY 1, 2, 3"
    )
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_a_load_flags_its_readings_and_keeps_their_values(fresh_database: Engine, write: Write) -> None:
    load(fresh_database, write("a.csv", hourly(["0.1", "9.000", "0.1", "0", "0.1"])))
    assert flags(fresh_database) == [
        ("01 00", 1, None),
        ("01 04", 3, ["spike:suspect", "rate_of_change:suspect"]),
        ("01 08", 1, None),
        ("01 12", 4, ["zero_value:fail"]),
        ("01 16", 1, None),
    ]
    assert [str(row[3]) for row in facts(fresh_database)] == ["0.1", "9.000", "0.1", "0", "0.1"]


def test_a_later_neighbour_changes_the_flag_of_a_stored_reading(fresh_database: Engine, write: Write) -> None:
    load(fresh_database, write("a.csv", hourly(["0.1", "0.1", "1.5"])))
    before = facts(fresh_database)
    assert flags(fresh_database)[2] == ("01 08", 1, None)
    load(fresh_database, write("b.csv", hourly(["0.1"], first=3)))
    assert flags(fresh_database)[2] == ("01 08", 3, ["spike:suspect"])
    assert facts(fresh_database)[:3] == before


def test_an_earlier_neighbour_may_clear_a_stored_reading(fresh_database: Engine, write: Write) -> None:
    load(fresh_database, write("a.csv", hourly(["0.1"]) + hourly(["1.9", "0.1"], first=2)))
    assert flags(fresh_database)[1] == ("01 08", 3, ["spike:suspect"])
    load(fresh_database, write("b.csv", hourly(["1.9"], first=1)))
    assert flags(fresh_database)[2] == ("01 08", 1, None)


def test_neighbours_are_found_across_the_end_of_a_month(fresh_database: Engine, write: Write) -> None:
    def at(moment: str, value: str) -> Mapping[str, Any]:
        return HEAD | {"监测时间": moment, TP: value}

    load(fresh_database, write("a.csv", [at("2023-06-30 16:00", "0.1"), at("2023-06-30 20:00", "1.5")]))
    load(fresh_database, write("b.csv", [at("2023-07-01 00:00", "0.1")]))
    assert [flag for _, flag, _ in flags(fresh_database)] == [1, 3, 1]


def test_a_part_and_its_total_may_come_in_two_files(fresh_database: Engine, write: Write) -> None:
    rows = hourly(["0.1"])
    load(fresh_database, write("a.csv", [row | {"总氮(mg/L)": "1.0"} for row in rows]))
    load(
        fresh_database,
        write("b.csv", [{**{k: v for k, v in row.items() if k != TP}, "氨氮(mg/L)": "3.0"} for row in rows]),
    )
    assert [tests for _, _, tests in flags(fresh_database)] == [None, ["part_of_total:suspect"], None]


@pytest.mark.parametrize("seed", range(4))
def test_flags_do_not_depend_on_how_readings_are_spread_over_files(
    fresh_database: Engine, write: Write, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    values = [chance.choice(["0.1", "0.1", "0.1", "0.12", "1.5", "0", "3.1"]) for _ in range(60)]
    values[20:50] = ["0.08"] * 30
    rows = hourly(values)
    other = [row | {"断面名称": "宗关"} for row in hourly(list(reversed(values)))]
    load(fresh_database, write("whole.csv", [*rows, *other]))
    expected = flags(fresh_database)
    assert {flag for _, flag, _ in expected} == {1, 3, 4}
    assert any("flat_line:suspect" in (tests or ()) for _, _, tests in expected)
    # The same again in other sections, in pieces and in any order, through temporary files.
    monkeypatch.setattr(flagging, "IN_MEMORY", 5)
    both = [row | {"省份": "湖南省"} for row in [*rows, *other]]
    chance.shuffle(both)
    cuts = sorted(chance.sample(range(1, len(both)), 3))
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(both)], strict=True)):
        load(fresh_database, write(f"{number}.csv", both[start:end]))
    found = flags(fresh_database)
    assert sorted(map(str, found[: len(expected)])) == sorted(map(str, found[len(expected) :]))
    assert found[: len(expected)] == found[len(expected) :]


def test_loading_again_changes_no_flag(fresh_database: Engine, write: Write) -> None:
    path = write("a.csv", hourly(["0.1", "9", "0.1", "0", "0.1"]))
    first = load(fresh_database, path)
    before = flags(fresh_database)
    again = load(fresh_database, path)
    assert flags(fresh_database) == before
    assert (first.readings_loaded, again.readings_loaded) == (5, 0)
    assert first.quality is not None
    assert again.quality is not None
    assert again.quality["flags"] == first.quality["flags"]


def test_a_refused_row_is_nobodys_neighbour(fresh_database: Engine, write: Write) -> None:
    rows = hourly(["0.1", "1.5"]) + hourly(["0.1"], first=2) + hourly(["0.2"], first=2)
    report = load(fresh_database, write("a.csv", rows), partial=True)
    assert report.rows_rejected == 2
    assert flags(fresh_database) == [("01 00", 1, None), ("01 04", 1, None)]
    assert report.quality is not None
    assert report.quality["readings"] == 2


def test_a_replaced_reading_gives_way_to_its_next_revision(fresh_database: Engine, write: Write) -> None:
    load(fresh_database, write("a.csv", hourly(["0.1", "0.1", "0.1"])))
    load(fresh_database, write("b.csv", hourly(["1.5"], first=1)), on_conflict="replace")
    assert flags(fresh_database)[1:3] == [("01 04", 1, None), ("01 04", 3, ["spike:suspect"])]
    load(fresh_database, write("c.csv", hourly(["0.1"], first=1)), on_conflict="replace")
    assert [flag for _, flag, _ in flags(fresh_database)] == [1, 1, 3, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_replaced_readings_are_flagged_as_if_they_had_been_right_from_the_first(
    fresh_database: Engine, write: Write, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    values = [chance.choice(["0.1", "0.1", "0.12", "1.5", "3.1"]) for _ in range(40)]
    values[15:35] = ["0.08"] * 20
    rows = hourly(values)
    wrong = [row | {TP: "0.5"} if chance.random() < 0.5 else row for row in rows]
    # What is right and alone in its file has neighbours in the database only.
    load(fresh_database, write("wrong.csv", wrong))
    for number, at in enumerate((slice(0, 40, 3), slice(1, 40, 3), slice(2, 40, 3))):
        load(fresh_database, write(f"{number}.csv", rows[at]), on_conflict="replace")
    load(fresh_database, write("right.csv", [row | {"省份": "湖南省"} for row in rows]))
    statement = (
        "SELECT DISTINCT ON (s.code, r.sampled_at)"
        "  s.province, r.sampled_at, r.value, r.quality, r.quality_tests"
        " FROM qingjiang.readings r JOIN qingjiang.section_registry s ON s.id = r.section_id"
        " ORDER BY s.code, r.sampled_at, r.revision DESC"
    )
    with fresh_database.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    replaced = [row[1:] for row in found if row[0] == "湖北省"]
    right = [row[1:] for row in found if row[0] == "湖南省"]
    assert replaced == right
    assert {flag for _, _, flag, _ in right} >= {1, 3}


def test_a_reading_that_gave_way_is_nobodys_neighbour(fresh_database: Engine, write: Write) -> None:
    load(fresh_database, write("a.csv", hourly(["0.1", "0.1", "0.1"])))
    rows = hourly(["9"], first=2) + hourly(["0.1"], first=3)
    load(fresh_database, write("b.csv", rows), on_conflict="keep")
    assert [flag for _, flag, _ in flags(fresh_database)] == [1, 1, 1, 1]
    twice = hourly(["0.1", "9", "0.1"], first=12) + hourly(["0.1"], first=13)
    load(fresh_database, write("c.csv", twice), on_conflict="replace")
    assert [flag for _, flag, _ in flags(fresh_database)] == [1] * 7


def test_a_file_that_is_refused_changes_nothing_and_still_has_a_report(
    fresh_database: Engine, write: Write
) -> None:
    load(fresh_database, write("a.csv", hourly(["0.1", "0.1", "1.5"])))
    before = flags(fresh_database)
    report = load(fresh_database, write("b.csv", [*hourly(["0.1"], first=3), *hourly(["一"], first=4)]))
    assert not report.ok
    assert flags(fresh_database) == before
    assert report.quality is not None
    assert report.quality["readings"] == 1


def test_a_dry_run_reports_on_quality_and_stores_nothing(fresh_database: Engine, write: Write) -> None:
    report = load(fresh_database, write("a.csv", hourly(["0.1", "0"])), dry_run=True)
    assert flags(fresh_database) == []
    assert report.quality is not None
    assert report.quality["flags"] == {"pass": 1, "not_evaluated": 0, "suspect": 0, "fail": 1, "missing": 0}


def test_the_report_counts_flags_by_parameter_and_test_and_what_is_missing(
    fresh_database: Engine, write: Write
) -> None:
    rows = hourly(["0.1", "0", "--", "0.1", "0.1", "0.1"])
    cells = ["8.0", "8.0", "8.0", "30", "60", "--"]
    rows = [
        row | {"溶解氧(mg/L)": cell, "站点情况": "维护" if place == 5 else "正常"}
        for place, (row, cell) in enumerate(zip(rows, cells, strict=True))
    ]
    report = load(fresh_database, write("a.csv", rows))
    quality = report.as_json(Catalogue().text)["quality"]
    assert quality["parameters"] == {
        "do": {
            "pass": 3,
            "not_evaluated": 0,
            "suspect": 1,
            "fail": 1,
            "missing": 1,
            "tests": {
                "gross_range": {"suspect": 1, "fail": 1},
                "rate_of_change": {"suspect": 1},
            },
        },
        "tp": {
            "pass": 3,
            "not_evaluated": 0,
            "suspect": 1,
            "fail": 1,
            "missing": 1,
            "tests": {"zero_value": {"fail": 1}, "station_status": {"suspect": 1}},
        },
    }
    assert quality["readings"] == report.readings_loaded == 10
    assert quality["flags"] == {"pass": 6, "not_evaluated": 0, "suspect": 2, "fail": 2, "missing": 2}
    # Six rounds of two parameters on one day, of which eight readings are usable.
    day = quality["completeness"]["day"]
    assert (day["periods"], day["found"], day["due"], day["below"]) == (1, 8, 12, 0)
    month = quality["completeness"]["month"]
    assert (month["found"], month["due"], month["below"]) == (8, 2 * 6 * 30, 1)
    assert month["worst"] == [{"section": "湖北省/沌口", "period": "2023-06", "found": 8, "due": 360}]
    with fresh_database.connect() as connection:
        kept = connection.execute(text("SELECT report -> 'quality' FROM qingjiang.uploads")).scalar_one()
    assert kept == quality


def test_a_month_loaded_day_by_day_is_as_complete_as_it_is(fresh_database: Engine, write: Write) -> None:
    for day in range(30):
        rows = hourly(["0.1", "0.11", "0.1", "0.11", "0.1", "0.11"], first=6 * day)
        report = load(fresh_database, write(f"{day}.csv", rows))
    assert report.quality is not None
    month, last_day = report.quality["completeness"]["month"], report.quality["completeness"]["day"]
    assert (month["periods"], month["found"], month["due"], month["share"]) == (1, 180, 180, 1.0)
    assert (last_day["periods"], last_day["found"], last_day["due"]) == (1, 6, 6)


def told_completeness(report: UploadReport, by: str) -> tuple[int, int, int]:
    assert report.quality is not None
    told = report.quality["completeness"][by]
    return told["periods"], told["found"], told["due"]


@pytest.mark.parametrize("seed", range(4))
def test_completeness_counts_what_other_uploads_have_of_the_same_days_and_months(
    fresh_database: Engine, write: Write, seed: int
) -> None:
    """Whatever the pieces, each report says what the database holds of its own days and months."""
    chance = random.Random(seed)  # noqa: S311
    rows: list[dict[str, Any]] = []
    for place in range(61 * 6):
        moment = pd.Timestamp("2023-05-01") + pd.Timedelta(hours=4 * place)
        said = {"监测时间": moment.strftime("%Y-%m-%d %H:%M"), TP: chance.choice(["0.1", "0", "0.12"])}
        rows += [HEAD | said] if chance.random() < 0.8 else []
        if place % 60 == 0:
            rows.append(HEAD | said | {"断面名称": "手工", "监测方式": "手工", "氨氮(mg/L)": "0.2"})
    chance.shuffle(rows)
    cuts = sorted(chance.sample(range(1, len(rows)), 3))
    pieces = [rows[start:end] for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    # A day at each end of a month, so that the rest of it is far away; and values that replace others.
    rows.sort(key=lambda row: str(row["监测时间"]))
    pieces += [[row | {TP: "0.13"} for row in rows if row["监测时间"] < "2023-05-02"]]
    pieces += [[row | {TP: "0"} for row in rows if row["监测时间"] >= "2023-06-30"]]
    for number, piece in enumerate(pieces):
        report = load(fresh_database, write(f"{number}.csv", piece), on_conflict="replace")
        stored = pd.read_sql(
            "SELECT DISTINCT ON (r.section_id, parameter, sampled_at) s.code AS section, parameter,"
            " sampled_at, value, qualifier, r.station_type, quality FROM qingjiang.readings r"
            " JOIN qingjiang.section_registry s ON s.id = r.section_id"
            " ORDER BY r.section_id, parameter, sampled_at, revision DESC",
            fresh_database,
        )
        stored["sampled_at"] = pd.to_datetime(stored["sampled_at"], utc=True).dt.tz_convert("Asia/Shanghai")
        own = {(f"{row['省份']}/{row['断面名称']}", str(row["监测时间"])) for row in piece}
        for by, length in (("day", 10), ("month", 7)):
            expected = completeness(stored, stored["quality"], by)
            touched = {(section, moment[:length]) for section, moment in own}
            chosen = [key in touched for key in zip(expected["section"], expected["period"], strict=True)]
            kept = expected[chosen]
            assert told_completeness(report, by) == (len(kept), kept["found"].sum(), kept["due"].sum())


def test_the_zeros_of_the_real_capture_of_may_2020_fail(fresh_database: Engine, shared_data: Path) -> None:
    path = shared_data / "water_quality" / "cnemc_national_snapshot_2020-05-08.csv.gz"
    report = load(fresh_database, path, partial=True)
    assert report.quality is not None
    zeros = {code: counts["tests"].get("zero_value") for code, counts in report.quality["parameters"].items()}
    assert {code for code, counts in zeros.items() if counts} == {"water_temp", "cod_mn", "tp", "tn", "chl_a"}
    assert set(zeros["water_temp"]) == {"suspect"}
    assert set(zeros["tp"]) == set(zeros["cod_mn"]) == {"fail"}
    with fresh_database.connect() as connection:
        passed = connection.execute(
            text("SELECT count(*) FROM qingjiang.readings WHERE value = 0 AND quality = 1")
        ).scalar_one()
    assert passed == 0


@pytest.mark.parametrize(
    "name",
    [
        "cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz",
        "cnemc_daily_noon_98sections_2020-05-10_2020-12-31.csv.gz",
        "cnemc_national_2025-11-06_to_08.csv.gz",
        "cnemc_snapshot_2026-08-21_sh-js-zj-ah.csv",
    ],
)
def test_ordinary_readings_of_real_stations_pass(
    fresh_database: Engine, shared_data: Path, name: str
) -> None:
    load(fresh_database, shared_data / "water_quality" / name, partial=True)
    statement = (
        "SELECT count(*) FILTER (WHERE quality = 1), count(*) FROM qingjiang.readings"
        " WHERE coalesce(station_status, '正常') = '正常'"
    )
    with fresh_database.connect() as connection:
        passed, readings = connection.execute(text(statement)).one()
    assert readings > 2_000
    assert passed / readings > 0.997
