"""Readings, wide and long, hand-made and real."""

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from ingest.errors import ColumnClashError, MissingColumnsError, UnitError
from ingest.options import IngestOptions
from ingest.readings import READING_COLUMNS, SAMPLE_COLUMNS, ParsedReadings, parse_readings
from ingest.times import BEIJING
from tests.ingest.conftest import Write

FEED = {"省份": "湖北省", "断面名称": "沌口", "监测时间": "2023-06-30 08:00", "站点情况": "正常"}


def values(parsed: ParsedReadings) -> dict[str, Decimal | None]:
    return dict(zip(parsed.readings["parameter"], parsed.readings["value"], strict=True))


def codes(parsed: ParsedReadings) -> list[str]:
    return [problem.code for problem in parsed.problems]


def test_a_wide_row_becomes_a_sample_and_its_readings(write: Write) -> None:
    row = FEED | {"水质类别": "Ⅱ", "pH": "8", "总磷(mg/L)": "0.05L", "氨氮(mg/L)": "0.10", "总氮(mg/L)": "--"}
    parsed = parse_readings(write("r.csv", [row]))
    assert tuple(parsed.samples.columns) == SAMPLE_COLUMNS
    assert tuple(parsed.readings.columns) == READING_COLUMNS
    sample = parsed.samples.iloc[0]
    assert sample["sampled_at"] == datetime(2023, 6, 30, 8, tzinfo=BEIJING)
    assert (sample["row"], sample["section"], sample["reported_class"]) == (2, "沌口", "Ⅱ")
    assert parsed.readings[
        ["parameter", "value", "qualifier", "detection_limit", "raw"]
    ].to_numpy().tolist() == [
        ["ph", Decimal(8), "=", None, "8"],
        ["tp", Decimal("0.05"), "<", Decimal("0.05"), "0.05L"],
        ["nh3_n", Decimal("0.10"), "=", None, "0.10"],
    ]


def test_the_code_names_the_section_where_the_file_has_one(write: Write) -> None:
    parsed = parse_readings(write("r.csv", [FEED | {"断面编码": "S1", "pH": "8"}]))
    assert parsed.samples[["section", "section_code", "section_name"]].to_numpy().tolist() == [
        ["S1", "S1", "沌口"]
    ]


def test_units_in_headers_are_converted_exactly(write: Write) -> None:
    row = FEED | {"总磷(μg/L)": "0.3", "叶绿素a(mg/m³)": "39", "电导率(mS/cm)": "0.6179", "透明度(cm)": "45"}
    assert values(parse_readings(write("r.csv", [row]))) == {
        "tp": Decimal("0.0003"),
        "chl_a": Decimal("0.039"),
        "conductivity": Decimal("617.9"),
        "transparency": Decimal("0.45"),
    }


def test_a_detection_limit_is_converted_with_its_value(write: Write) -> None:
    parsed = parse_readings(write("r.csv", [FEED | {"砷(μg/L)": "0.3L"}]))
    assert parsed.readings["detection_limit"].tolist() == [Decimal("0.0003")]


def test_unrounded_columns_stand_beside_the_shown_value(write: Write) -> None:
    rows = [
        FEED | {"pH": "8", "原始值_pH": "8.073", "浊度(NTU)": "--", "原始值_浊度(NTU)": "极值过滤"},
        FEED | {"断面名称": "甲", "pH": "9", "原始值_pH": ""},
    ]
    parsed = parse_readings(write("r.csv", rows))
    assert parsed.readings["full_value"].tolist() == [Decimal("8.073"), None]
    assert codes(parsed) == []


def test_a_long_file_is_read_by_parameter_value_and_unit(write: Write) -> None:
    base = {"断面名称": "沌口", "省份": "湖北省", "采样时间": "2023-06-30"}
    rows = [
        base | {"监测项目": "总磷", "监测值": "50", "单位": "μg/L", "分析方法": "GB 11893"},
        base | {"监测项目": "汞(mg/L)", "监测值": "ND", "检出限": "0.00004", "单位": ""},
        base | {"监测项目": "氨氮", "监测值": "0.5", "单位": "mg/L"},
    ]
    parsed = parse_readings(write("r.csv", rows))
    assert parsed.layout == "long"
    assert len(parsed.samples) == 1
    assert values(parsed) == {"tp": Decimal("0.050"), "hg": Decimal("0.00004"), "nh3_n": Decimal("0.5")}
    assert parsed.readings["row"].tolist() == [2, 3, 4]
    assert parsed.readings["qualifier"].tolist() == ["=", "<", "="]
    assert parsed.readings["method"].tolist() == ["GB 11893", None, None]


def test_all_faults_are_reported_with_their_cells(write: Write) -> None:
    rows = [
        FEED | {"pH": "71", "总磷(mg/L)": "1..2", "氨氮(mg/L)": "-0.3", "水温(℃)": "-1.5"},
        FEED | {"断面名称": "", "监测时间": "2023-02-30 08:00", "pH": "7"},
        FEED | {"水质目标": "Ⅸ", "水体类型": "海洋", "pH": "7"},
    ]
    parsed = parse_readings(write("r.csv", rows), for_loading=True)
    assert Counter((problem.row, problem.column, problem.code) for problem in parsed.problems) == Counter(
        [
            (2, "pH", "value_impossible"),
            (2, "总磷(mg/L)", "value_unreadable"),
            (2, "氨氮(mg/L)", "value_negative"),
            (3, "断面名称", "value_missing"),
            (3, "监测时间", "time_impossible"),
            (4, "水质目标", "class_unreadable"),
            (4, "水体类型", "choice_unknown"),
        ]
    )
    assert len(parsed.samples) == 3


def test_a_bare_nd_is_undetermined_for_classification_and_refused_for_loading(write: Write) -> None:
    path = write("r.csv", [FEED | {"氰化物(mg/L)": "ND", "汞(mg/L)": "0.0001L"}])
    parsed = parse_readings(path)
    assert parsed.readings[["parameter", "value", "qualifier", "detection_limit"]].to_numpy().tolist() == [
        ["cyanide", None, "<", None],
        ["hg", Decimal("0.0001"), "<", Decimal("0.0001")],
    ]
    assert codes(parse_readings(path, for_loading=True)) == ["detection_limit_missing"]


def test_the_detection_limit_of_the_method_in_use_may_be_a_setting(write: Write) -> None:
    options = IngestOptions(detection_limits={"cyanide": Decimal("0.004")})
    parsed = parse_readings(write("r.csv", [FEED | {"氰化物(mg/L)": "未检出"}]), options, for_loading=True)
    assert (parsed.problems, parsed.readings["value"].tolist()) == ((), [Decimal("0.004")])


def test_the_year_comes_from_the_capture_column(write: Write) -> None:
    row = FEED | {"监测时间": "12-31 20:00", "抓取时间": "2026-01-01 01:10:00", "pH": "7"}
    sample = parse_readings(write("r.csv", [row])).samples.iloc[0]
    assert sample["sampled_at"] == datetime(2025, 12, 31, 20, tzinfo=BEIJING)
    assert sample["sampled_at_raw"] == "12-31 20:00"


def test_the_year_comes_from_the_option_or_from_the_name_of_the_file(write: Write) -> None:
    row = FEED | {"监测时间": "04-01 08:00", "pH": "7"}
    expected = datetime(2021, 4, 1, 8, tzinfo=BEIJING)
    by_option = parse_readings(write("r.csv", [row]), IngestOptions(captured_at=date(2021, 4, 3)))
    assert by_option.samples["sampled_at"].tolist() == [expected]
    assert parse_readings(write("feed_2021-04.csv", [row])).samples["sampled_at"].tolist() == [expected]


def test_without_any_capture_classification_goes_on_and_loading_refuses_the_row(write: Write) -> None:
    path = write("r.csv", [FEED | {"监测时间": "04-01 08:00", "pH": "7"}])
    parsed = parse_readings(path)
    assert (parsed.problems, parsed.samples["sampled_at"].isna().tolist()) == ((), [True])
    assert parsed.samples["sampled_at_raw"].tolist() == ["04-01 08:00"]
    assert codes(parse_readings(path, for_loading=True)) == ["time_without_year"]


def test_a_stale_row_of_a_snapshot_is_not_put_into_the_future(write: Write) -> None:
    path = write("snapshot_2020-05-08.csv", [FEED | {"监测时间": "09-09 12:00", "pH": "7"}])
    assert codes(parse_readings(path, for_loading=True)) == ["time_after_capture"]


def test_year_and_month_columns_make_a_month(write: Write) -> None:
    row = {"断面名称": "沌口", "省份": "湖北省", "年份": "2023", "月份": "6", "总磷(mg/L)": "0.1"}
    parsed = parse_readings(write("r.xlsx", [row | {"年份": 2023, "月份": 6}]))
    assert parsed.samples["sampled_at"].tolist() == [datetime(2023, 6, 1, tzinfo=BEIJING)]


def test_numbers_and_dates_typed_in_a_workbook_are_read_right(write: Write) -> None:
    row = FEED | {"监测时间": datetime(2023, 6, 30, 8), "pH": 7.9, "总磷(mg/L)": "0.05L"}  # noqa: DTZ001
    parsed = parse_readings(write("r.xlsx", [row]))
    assert parsed.samples["sampled_at"].tolist() == [datetime(2023, 6, 30, 8, tzinfo=BEIJING)]
    assert values(parsed) == {"ph": Decimal("7.9"), "tp": Decimal("0.05")}


def test_files_that_cannot_be_used_say_why(write: Write) -> None:
    with pytest.raises(MissingColumnsError):
        parse_readings(write("r.csv", [{"省份": "湖北省", "pH": "7"}]))
    with pytest.raises(MissingColumnsError):
        parse_readings(write("r.csv", [FEED]))
    with pytest.raises(ColumnClashError) as caught:
        parse_readings(write("r.csv", [FEED | {"氨氮": "1", "NH3-N": "2"}]))
    assert caught.value.columns == ("氨氮", "NH3-N")
    with pytest.raises(UnitError):
        parse_readings(write("r.csv", [FEED | {"总磷(ppb)": "1"}]))


def test_missing_texts_are_none_and_never_the_text_nan(write: Write) -> None:
    parsed = parse_readings(
        write("r.csv", [FEED | {"水质类别": "*", "pH": "7"}, FEED | {"水质类别": "Ⅱ", "pH": "7"}])
    )
    assert parsed.samples["reported_class"].tolist() == [None, "Ⅱ"]


REAL = [
    ("cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz", 12_169),
    ("cnemc_daily_noon_98sections_2020-05-10_2020-12-31.csv.gz", 22_834),
    ("cnemc_national_2025-11-06_to_08.csv.gz", 6_795),
    ("cnemc_national_snapshot_2020-05-08.csv.gz", 1_901),
    ("cnemc_snapshot_2026-08-21_sh-js-zj-ah.csv", 230),
]


@pytest.mark.parametrize(("file", "rows"), REAL)
def test_every_cell_of_the_real_feeds_is_understood(shared_data: Path, file: str, rows: int) -> None:
    parsed = parse_readings(shared_data / "water_quality" / file)
    assert (parsed.rows_read, len(parsed.samples), codes(parsed)) == (rows, rows, [])
    stale = ["stale_rows"] if "snapshot_2020" in file else []
    assert [notice.code for notice in parsed.warnings] == stale


@pytest.mark.parametrize(("file", "rows"), REAL)
def test_no_value_of_the_real_feeds_is_changed_or_lost(shared_data: Path, file: str, rows: int) -> None:
    """Every cell that is a plain number in the file is that decimal among the readings, counted apart."""
    path = shared_data / "water_quality" / file
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    shown = [name for name in table.columns if "(" in name and not name.startswith("原始值")]
    numbers = [cell for name in shown for cell in table[name] if cell.replace(".", "", 1).isdigit()]
    readings = parse_readings(path).readings
    assert Counter(readings["value"]) == Counter(map(Decimal, numbers))
    assert len(table) == rows


def test_a_month_of_the_name_gives_the_year_and_stale_days_stay_before_it(shared_data: Path) -> None:
    samples = parse_readings(shared_data / "water_quality" / REAL[0][0]).samples
    months = samples["sampled_at"].dropna().dt.strftime("%Y-%m")
    assert Counter(months) == {"2021-04": 11_799, "2021-03": 8}
    assert samples["sampled_at"].isna().sum() == 279 + 83


def test_the_lake_survey_in_a_workbook_is_read_with_its_months(shared_data: Path) -> None:
    parsed = parse_readings(shared_data / "water_quality" / "taihu_physicochemical_monthly_2007-2015.xlsx")
    assert (parsed.rows_read, codes(parsed)) == (864, [])
    assert parsed.samples["sampled_at"].iloc[0] == datetime(2007, 1, 1, tzinfo=BEIJING)
    first = parsed.readings[parsed.readings["sample_id"] == 0]
    assert dict(zip(first["parameter"], first["value"], strict=True))["tp"] == Decimal("0.1228")
