"""What sections were called before: aliases, renamed and recoded sections, and who is meant on which day."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from api.catalogue import Catalogue
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.report import UploadReport
from models.sections import former_names, section_aliases
from tests.ingest.conftest import Write


def load(engine: Engine, kind: str, path: Path, **options: Any) -> UploadReport:
    (report,) = load_files(engine, kind, [path], IngestOptions(**options), text=Catalogue().text)
    return report


def section(code: str, name: str, **cells: str) -> Mapping[str, str]:
    return {"断面编码": code, "断面名称": name, "省份": "湖北省"} | cells


def reading(name: str, **cells: str) -> Mapping[str, str]:
    row = {"省份": "湖北省", "断面名称": name, "监测时间": "2023-06-01 08:00", "总磷(mg/L)": "0.05"}
    return {column: value for column, value in (row | cells).items() if value}


def stored(engine: Engine) -> list[tuple[str, str]]:
    statement = (
        "SELECT s.code, to_char(r.sampled_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')"
        " FROM qingjiang.readings r JOIN qingjiang.section_registry s ON s.id = r.section_id ORDER BY 1, 2"
    )
    with engine.connect() as connection:
        return [(code, day) for code, day in connection.execute(text(statement))]


def notices(report: UploadReport, code: str) -> list[Mapping[str, Any]]:
    return [notice.params for notice in report.notices if notice.code == code]


def problems(report: UploadReport) -> list[tuple[int, str]]:
    return [(problem.row, problem.code) for problem in report.problems]


@pytest.mark.parametrize("said", ["42", "42.0", "00042"])
def test_a_code_that_lost_its_zeros_is_refused_with_the_one_that_has_them(
    fresh_database: Engine, write: Write, said: str
) -> None:
    load(fresh_database, "sections", write("s.csv", [section("0042", "南津关"), section("0420", "虎牙")]))
    rows = [reading("", 断面编码=said), reading("", 断面编码="9999", 省份="")]
    report = load(fresh_database, "readings", write("r.csv", rows))
    assert problems(report) == [(2, "section_code_zeros"), (3, "section_code_unknown")]
    assert report.problems[0].params == {"said": said, "similar": "0042 南津关 (湖北省)"}
    assert "0042 南津关" in Catalogue().text("ingest.section_code_zeros", **report.problems[0].params)


@pytest.mark.parametrize(
    "cell", ["旧沌口", "沌口老站、旧沌口", "a;旧沌口", "旧沌口/b", "旧沌口，沌口（老）", "沌口老站\n旧沌口"]
)
@pytest.mark.parametrize("said", ["旧沌口", " 旧 沌口", "旧沌口\u3000"])
def test_readings_under_a_former_name_are_the_sections_and_the_report_says_so(
    fresh_database: Engine, write: Write, cell: str, said: str
) -> None:
    load(fresh_database, "sections", write("s.csv", [section("S1", "沌口", 曾用名=cell)]))
    report = load(
        fresh_database, "readings", write("r.csv", [reading(said), reading("沌口", 监测时间="2023-06-02")])
    )
    assert stored(fresh_database) == [("S1", "2023-06-01"), ("S1", "2023-06-02")]
    (told,) = notices(report, "section_former_name")
    assert (told["code"], told["name"], told["count"]) == ("S1", "沌口", 1)
    messages = [warning["message"] for warning in report.as_json(Catalogue().text)["warnings"]]
    assert any("旧" in message and "沌口（S1）" in message and "1 行" in message for message in messages)


@pytest.mark.parametrize("header", ["曾用名", "别名", "原断面名称", "former_names", "aliases"])
def test_a_list_of_sections_may_name_the_column_in_several_ways(
    fresh_database: Engine, write: Write, header: str
) -> None:
    load(fresh_database, "sections", write("s.csv", [section("S1", "沌口", **{header: "旧沌口"})]))
    with Session(fresh_database) as session:
        assert section_aliases(session)["S1"].names == ("旧沌口",)


def test_full_width_and_half_width_are_one_name(fresh_database: Engine, write: Write) -> None:
    load(fresh_database, "sections", write("s.csv", [section("S1", "沌口", 曾用名="ＡＢ（１）号")]))
    load(fresh_database, "readings", write("r.csv", [reading("ab(1) 号")]))
    assert stored(fresh_database) == [("S1", "2023-06-01")]


def test_the_same_former_name_in_two_provinces_is_told_apart_by_the_province(
    fresh_database: Engine, write: Write
) -> None:
    rows = [section("S1", "甲", 曾用名="旧名"), section("S2", "乙", 曾用名="旧名", 省份="湖南省")]
    load(fresh_database, "sections", write("s.csv", rows))
    load(fresh_database, "readings", write("r.csv", [reading("旧名"), reading("旧名", 省份="湖南省")]))
    assert [code for code, _ in stored(fresh_database)] == ["S1", "S2"]
    report = load(fresh_database, "readings", write("q.csv", [reading("旧名", 省份="")]))
    assert problems(report) == [(2, "section_alias_ambiguous")]
    assert report.problems[0].params["candidates"] == "S1 甲 (湖北省), S2 乙 (湖南省)"


def test_a_former_name_of_two_sections_is_refused_with_both(fresh_database: Engine, write: Write) -> None:
    rows = [section("S1", "甲", 曾用名="旧名"), section("S2", "乙", 曾用名="旧名")]
    listed = load(fresh_database, "sections", write("s.csv", rows))
    assert [told["former"] for told in notices(listed, "section_alias_shared")] == ["旧名", "旧名"]
    report = load(fresh_database, "readings", write("r.csv", [reading("旧名"), reading("甲")]), partial=True)
    assert problems(report) == [(2, "section_alias_ambiguous")]
    assert report.problems[0].params["candidates"] == "S1 甲 (湖北省), S2 乙 (湖北省)"
    assert stored(fresh_database) == [("S1", "2023-06-01")]


def test_a_name_belongs_to_the_section_that_has_it_now_before_one_that_had_it(
    fresh_database: Engine, write: Write
) -> None:
    rows = [section("S1", "甲", 曾用名="乙"), section("S2", "乙")]
    listed = load(fresh_database, "sections", write("s.csv", rows))
    assert [(told["code"], told["other"]) for told in notices(listed, "section_alias_shared")] == [
        ("S1", "S2 乙")
    ]
    report = load(fresh_database, "readings", write("r.csv", [reading("乙")]))
    assert stored(fresh_database) == [("S2", "2023-06-01")]
    assert notices(report, "section_former_name") == []


def test_former_names_make_no_chains(fresh_database: Engine, write: Write) -> None:
    rows = [section("S1", "甲", 曾用名="乙"), section("S2", "乙", 曾用名="丙")]
    load(fresh_database, "sections", write("s.csv", rows))
    load(fresh_database, "readings", write("r.csv", [reading("丙")]))
    assert stored(fresh_database) == [("S2", "2023-06-01")]


def test_a_name_means_the_section_that_had_it_on_the_day(fresh_database: Engine, write: Write) -> None:
    rows = [
        section("S1", "老名", 启用日期="2020-01-01", 停用日期="2022-12-31"),
        section("S1", "新名", 启用日期="2023-01-01"),
        section("S2", "老名", 启用日期="2023-01-01"),
    ]
    load(fresh_database, "sections", write("s.csv", rows))
    days = ["2021-06-01", "2022-12-31 23:00", "2023-01-01", "2024-06-01"]
    report = load(fresh_database, "readings", write("r.csv", [reading("老名", 监测时间=day) for day in days]))
    expected = [("S1", "2021-06-01"), ("S1", "2022-12-31"), ("S2", "2023-01-01"), ("S2", "2024-06-01")]
    assert stored(fresh_database) == expected
    assert [told["count"] for told in notices(report, "section_former_name")] == [2]


def test_a_section_renamed_by_a_later_version_still_answers_to_its_old_name(
    fresh_database: Engine, write: Write
) -> None:
    load(fresh_database, "sections", write("a.csv", [section("S1", "老名", 启用日期="2020-01-01")]))
    load(fresh_database, "sections", write("b.csv", [section("S1", "新名", 启用日期="2023-01-01")]))
    report = load(fresh_database, "readings", write("r.csv", [reading("老名")]))
    assert stored(fresh_database) == [("S1", "2023-06-01")]
    assert [told["former"] for told in notices(report, "section_former_name")] == ["老名"]


def test_a_former_code_leads_to_the_section_over_several_changes(
    fresh_database: Engine, write: Write
) -> None:
    rows = [
        section("C2", "甲", 曾用编码="C1", 停用日期="2022-12-31"),
        section("C3", "甲", 曾用编码="C2", 启用日期="2023-01-01"),
    ]
    load(fresh_database, "sections", write("s.csv", rows))
    said = [("C1", "2023-06-01"), ("C2", "2023-06-02"), ("C3", "2023-06-03"), ("C2", "2022-06-01")]
    readings = [reading("", 断面编码=code, 监测时间=day) for code, day in said]
    report = load(fresh_database, "readings", write("r.csv", readings))
    assert stored(fresh_database) == [
        ("C2", "2022-06-01"),
        ("C3", "2023-06-01"),
        ("C3", "2023-06-02"),
        ("C3", "2023-06-03"),
    ]
    told = {
        (notice["former"], notice["code"], notice["count"])
        for notice in notices(report, "section_former_name")
    }
    assert told == {("C1", "C3", 1), ("C2", "C3", 1)}


def test_of_two_codes_of_one_name_the_one_that_replaced_the_other_is_meant(
    fresh_database: Engine, write: Write
) -> None:
    rows = [section("C1", "甲"), section("C2", "甲", 曾用编码="ｃ1")]
    load(fresh_database, "sections", write("s.csv", rows))
    load(fresh_database, "readings", write("r.csv", [reading("甲")]))
    assert [code for code, _ in stored(fresh_database)] == ["C2"]


def test_codes_that_were_each_others_do_not_go_round_in_circles(fresh_database: Engine, write: Write) -> None:
    rows = [
        section("C1", "甲", 曾用编码="C2", 停用日期="2022-12-31"),
        section("C2", "乙", 曾用编码="C1", 停用日期="2022-12-31"),
    ]
    load(fresh_database, "sections", write("s.csv", rows))
    load(fresh_database, "readings", write("r.csv", [reading("", 断面编码="C1"), reading("", 断面编码="C2")]))
    assert [code for code, _ in stored(fresh_database)] == ["C1", "C2"]


def test_an_unknown_code_is_still_refused(fresh_database: Engine, write: Write) -> None:
    load(fresh_database, "sections", write("s.csv", [section("S1", "沌口", 曾用编码="S0")]))
    report = load(fresh_database, "readings", write("r.csv", [reading("沌口", 断面编码="S9")]))
    assert problems(report) == [(2, "section_code_unknown")]


def test_what_a_list_says_last_holds_and_an_empty_cell_says_nothing(
    fresh_database: Engine, write: Write
) -> None:
    def names() -> tuple[str, ...]:
        with Session(fresh_database) as session:
            return section_aliases(session)["S1"].names

    first = load(fresh_database, "sections", write("a.csv", [section("S1", "甲", 曾用名="旧一、旧二")]))
    assert (first.rows_loaded, names()) == (1, ("旧一", "旧二"))
    for number, row in enumerate(
        [section("S1", "甲"), section("S1", "甲", 曾用名="--"), section("S1", "甲", 曾用名="旧二/旧一")]
    ):
        again = load(fresh_database, "sections", write(f"{number}.csv", [row]))
        assert (again.rows_loaded, again.rows_duplicate, names()) == (0, 1, ("旧一", "旧二"))
    changed = load(fresh_database, "sections", write("b.csv", [section("S1", "甲", 曾用名="旧三")]))
    assert (changed.rows_loaded, changed.rows_duplicate, names()) == (1, 0, ("旧三",))
    load(fresh_database, "sections", write("c.csv", [section("S1", "甲", 曾用名="无")]))
    assert names() == ()
    with fresh_database.connect() as connection:
        versions = connection.execute(text("SELECT count(*) FROM qingjiang.sections")).scalar_one()
    assert versions == 1


def test_two_rows_that_say_different_former_names_of_one_version_are_refused(
    fresh_database: Engine, write: Write
) -> None:
    rows = [section("S1", "甲", 曾用名="旧一"), section("S1", "甲", 曾用名="旧二")]
    report = load(fresh_database, "sections", write("s.csv", rows))
    assert problems(report) == [(2, "key_conflict"), (3, "key_conflict")]


def test_every_name_of_a_section_is_known_with_it(fresh_database: Engine, write: Write) -> None:
    rows = [
        section("S1", "老名", 启用日期="2020-01-01", 曾用名="更老的名"),
        section("S1", "新名", 启用日期="2023-01-01", 曾用编码="S0"),
    ]
    load(fresh_database, "sections", write("s.csv", rows))
    with Session(fresh_database) as session:
        found = former_names(session, ["S1"])["S1"]
    assert (set(found.names), found.codes) == ({"更老的名", "老名", "新名"}, ("S0",))


def test_a_provisional_section_is_adopted_by_its_former_name_and_its_readings_are_judged_anew(
    fresh_database: Engine, write: Write
) -> None:
    def rows(name: str, values: Sequence[str], first: int) -> list[Mapping[str, str]]:
        return [
            reading(name, 监测时间=f"2023-06-01 {4 * place:02d}:00", **{"总磷(mg/L)": value})
            for place, value in enumerate(values, first)
        ]

    load(fresh_database, "sections", write("s.csv", [section("S1", "沌口")]))
    load(fresh_database, "readings", write("a.csv", rows("沌口", ["0.1", "0.1"], 0)))
    load(fresh_database, "readings", write("b.csv", rows("旧沌口", ["1.5", "0.1"], 2)))
    flags = "SELECT quality, quality_tests FROM qingjiang.readings ORDER BY sampled_at"
    with fresh_database.connect() as connection:
        assert [flag for flag, _ in connection.execute(text(flags))] == [1, 1, 1, 1]
    report = load(fresh_database, "sections", write("t.csv", [section("S1", "沌口", 曾用名="旧沌口")]))
    assert [told["provisional"] for told in notices(report, "section_adopted")] == ["湖北省/旧沌口"]
    assert {code for code, _ in stored(fresh_database)} == {"S1"}
    with fresh_database.connect() as connection:
        assert [(flag, tests) for flag, tests in connection.execute(text(flags))] == [
            (1, None),
            (1, None),
            (3, ["spike:suspect"]),
            (1, None),
        ]
    # Once is enough: nothing hangs on the provisional section any more.
    again = load(fresh_database, "sections", write("u.csv", [section("S2", "别处")]))
    assert notices(again, "section_adopted") == []


@pytest.mark.parametrize("water", ["河流", "湖泊", "水库"])
def test_what_a_list_says_of_a_section_changes_no_flag(
    fresh_database: Engine, write: Write, water: str
) -> None:
    """Flags rest on what the readings say: an adopted section needs no new ones."""
    values = ["0.1", "9", "0.1", "0", "0.1"]
    rows = [
        reading(
            "沌口", 监测时间=f"2023-06-01 {4 * place:02d}:00", **{"总磷(mg/L)": value, "叶绿素a(mg/L)": "0.2"}
        )
        for place, value in enumerate(values)
    ]
    path = write("r.csv", rows)
    flags = (
        "SELECT s.province, r.parameter, r.sampled_at, r.quality, r.quality_tests FROM qingjiang.readings r"
        " JOIN qingjiang.section_registry s ON s.id = r.section_id ORDER BY 1, 2, 3"
    )
    load(fresh_database, "readings", path)
    facts = {"水体类型": water, "监测方式": "自动", "水质目标": "Ⅱ"}
    load(fresh_database, "sections", write("s.csv", [section("S1", "沌口", **facts)]))
    # The same readings of a section that was known before.
    load(fresh_database, "sections", write("t.csv", [section("S2", "沌口", 省份="湖南省", **facts)]))
    load(fresh_database, "readings", write("q.csv", [row | {"省份": "湖南省"} for row in rows]))
    with fresh_database.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(flags))]
    adopted = [row[1:] for row in found if row[0] == "湖北省"]
    known = [row[1:] for row in found if row[0] == "湖南省"]
    assert adopted == known
    assert len({row[2] for row in known}) == 3


def test_targets_sources_and_ledgers_name_sections_as_files_do_and_store_their_code(
    fresh_database: Engine, write: Write
) -> None:
    load(fresh_database, "sections", write("s.csv", [section("S1", "沌口", 曾用名="旧沌口", 曾用编码="S0")]))
    target = {"监测项目": "总磷", "比较符": "<=", "限值": "0.1"}
    targets = [{"断面名称": "旧沌口"} | target, {"断面名称": "S0"} | target | {"监测项目": "氨氮"}]
    report = load(fresh_database, "section-targets", write("t.csv", targets))
    assert report.rows_loaded == 2
    assert [(told["former"], told["code"]) for told in notices(report, "section_former_name")] == [
        ("旧沌口", "S1"),
        ("S0", "S1"),
    ]
    again = load(fresh_database, "section-targets", write("u.csv", [{"断面名称": "沌口"} | target]))
    assert (again.rows_loaded, again.rows_duplicate) == (0, 1)
    source = {"水源地编码": "W1", "水源地名称": "水源", "断面编码": "S0", "经度": "111.3", "纬度": "30.7"}
    assert load(fresh_database, "water-sources", write("w.csv", [source])).rows_loaded == 1
    event = {"对象类型": "断面", "对象编码": "旧沌口", "事件": "整治", "发生日期": "2024-01-01"}
    assert load(fresh_database, "ledger", write("l.csv", [event])).rows_loaded == 1
    with fresh_database.connect() as connection:
        assert set(connection.scalars(text("SELECT section FROM qingjiang.section_targets"))) == {"S1"}
        assert connection.scalars(text("SELECT section_code FROM qingjiang.water_sources")).all() == ["S1"]
        assert connection.scalars(text("SELECT subject_code FROM qingjiang.ledger_events")).all() == ["S1"]
        original = connection.scalars(
            text("SELECT original FROM qingjiang.section_targets ORDER BY id")
        ).first()
    assert original == {"section": "旧沌口"}


def test_a_target_of_an_unclear_section_or_said_twice_is_refused(
    fresh_database: Engine, write: Write
) -> None:
    rows = [section("S1", "甲", 曾用名="旧名"), section("S2", "乙", 曾用名="旧名")]
    load(fresh_database, "sections", write("s.csv", rows))
    target = {"监测项目": "总磷", "比较符": "<=", "限值": "0.1"}
    said = [
        {"断面名称": "旧名"} | target,
        {"断面名称": "S1"} | target,
        {"断面名称": "甲"} | target | {"限值": "0.2"},
        {"断面名称": "未登记"} | target,
    ]
    report = load(fresh_database, "section-targets", write("t.csv", said), partial=True)
    assert problems(report) == [(2, "section_alias_ambiguous"), (3, "key_conflict"), (4, "key_conflict")]
    assert (report.rows_loaded, report.rows_rejected) == (1, 3)


def test_a_row_of_a_template_says_former_names(fresh_database: Engine, write: Write) -> None:
    rows = [section("S1", "甲", 曾用名="旧一、旧二", 有效期起=date(2024, 1, 1).isoformat())]
    assert load(fresh_database, "sections", write("s.xlsx", rows)).rows_loaded == 1
