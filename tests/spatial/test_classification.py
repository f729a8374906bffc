"""Single samples: what decides, what never does, what a detection limit leaves open, and the real feed."""

import json
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.class_text import parse_water_class
from spatial.classification import Grader, classify_samples, classify_values
from spatial.errors import (
    FrameColumnsError,
    FrameValueError,
    UnknownParameterError,
    UnknownWaterBodyTypeError,
    WaterClassRangeError,
)
from spatial.parameters import find_parameter
from spatial.standards import load_evaluation_method, load_standard
from spatial.vocabulary import Compare, Grade, Verdict

STANDARD = load_standard()
METHOD = load_evaluation_method()
CLEAN = {"ph": "7.6", "do": "8", "cod_mn": "1.5", "nh3_n": "0.1", "tp": "0.01"}


def classify(values, **options):
    return classify_values({code: Decimal(text) for code, text in values.items()}, STANDARD, **options)


def frames(*rows, **columns):
    """Samples and readings from one mapping of parameter texts per row; ``<`` is below detection."""
    samples = pd.DataFrame(
        {
            "sample_id": range(len(rows)),
            "row": range(2, len(rows) + 2),
            "section": [f"S{place}" for place in range(len(rows))],
            "province": "湖北省",
            "sampled_at": pd.Timestamp("2025-06-10 08:00", tz="Asia/Shanghai"),
            "sampled_at_raw": "06-10 08:00",
            "water_body_type": None,
            "target_class": None,
            "reported_class": None,
            "station_status": "正常",
        },
    ).assign(**columns)
    readings = pd.DataFrame(
        [
            {
                "sample_id": place,
                "parameter": code,
                "value": None if text == "ND" else Decimal(text.lstrip("<")),
                "full_value": None,
                "qualifier": "<" if text == "ND" or text.startswith("<") else "=",
                "detection_limit": Decimal(text[1:]) if text.startswith("<") else None,
                "raw": text,
            }
            for place, values in enumerate(rows)
            for code, text in values.items()
        ],
        columns=["sample_id", "parameter", "value", "full_value", "qualifier", "detection_limit", "raw"],
    )
    return samples, readings


def classify_row(values, *, options=None, **columns):
    (found,) = classify_samples(*frames(values, **columns), STANDARD, **(options or {}))
    return found


# --- what decides ---


def test_the_worst_item_decides():
    found = classify(CLEAN | {"cod_mn": "6.5"})
    assert (found.water_class, found.deciding, found.grade) == (4, ("cod_mn",), Grade.LIGHT_POLLUTION)


def test_total_nitrogen_never_decides_a_river_and_has_no_class_there():
    found = classify(CLEAN | {"tn": "9"})
    (nitrogen,) = [item for item in found.items if item.code == "tn"]
    assert found.water_class == 1
    assert nitrogen.water_class is None
    assert not nitrogen.evaluated


def test_total_nitrogen_of_a_lake_is_reported_apart_and_does_not_decide():
    found = classify(CLEAN | {"tn": "1.2"}, water_body="lake")
    (nitrogen,) = [item for item in found.items if item.code == "tn"]
    assert nitrogen.water_class == 4
    assert not nitrogen.evaluated
    assert found.water_class == 1
    assert found.main_pollutants == ()


@pytest.mark.parametrize(("code", "value"), [("water_temp", "39"), ("fecal_coliform", "999999")])
def test_temperature_and_fecal_coliforms_never_decide(code, value):
    found = classify(CLEAN | {code: value})
    assert found.water_class == 1
    assert found.main_pollutants == ()


def test_phosphorus_of_a_lake_meets_stricter_limits():
    assert classify({"tp": "0.05"}, water_body="lake").water_class == 3
    assert classify({"tp": "0.05"}, water_body="reservoir").water_class == 3
    assert classify({"tp": "0.05"}).water_class == 2


def test_ph_outside_six_to_nine_meets_no_class_and_is_a_main_pollutant_without_multiple():
    found = classify(CLEAN | {"ph": "9.1"})
    assert (found.water_class, found.grade) == (6, Grade.HEAVY_POLLUTION)
    assert found.main_pollutants == ("ph",)
    assert found.items[0].exceedance_multiple is None


def test_items_outside_table_1_are_listed_and_not_graded():
    found = classify(CLEAN | {"conductivity": "250", "tl": "0.5"})
    assert found.water_class == 1
    assert [item.code for item in found.items if item.water_class is None] == ["tl", "conductivity"]


def test_without_an_evaluated_item_there_is_no_class():
    found = classify({"tn": "0.1", "water_temp": "20"})
    assert found.water_class is None
    assert found.verdict_for(3) is Verdict.UNDETERMINED
    assert found.reasons[0].code == "no_evaluated_item"


def test_a_value_that_no_water_can_have_is_not_judged():
    found = classify(CLEAN | {"ph": "77"})
    assert found.water_class is None
    assert [reason.code for reason in found.reasons] == ["value_impossible"]


def test_an_unknown_parameter_is_an_error():
    with pytest.raises(UnknownParameterError):
        classify({"codmn": "1"})


def test_the_class_is_exact_where_binary_floats_are_not():
    # 0.1 + 0.2 in binary lies above 0.3; the reported decimal does not.
    assert classify({"tp": str(Decimal("0.1") + Decimal("0.2"))}).water_class == 4


# --- two reference limits ---


def test_the_multiple_is_against_class_iii_and_the_verdict_against_the_target():
    found = classify(CLEAN | {"cod_mn": "5"}, target=2)
    (item,) = [item for item in found.items if item.code == "cod_mn"]
    assert found.water_class == 3
    assert found.verdict_for(2) is Verdict.VIOLATION
    assert found.main_pollutants == ()
    assert item.exceedance_multiple is None
    assert item.target_multiple == Decimal("0.25")
    assert item.limit_target == (Decimal(4),)


def test_the_limit_of_ph_at_a_target_is_a_range():
    found = classify(CLEAN, target=3)
    assert found.items[0].as_json()["limit_target"] == [6, 9]


@pytest.mark.parametrize("target", [0, 6, 9])
def test_a_target_is_one_of_five_classes(target):
    with pytest.raises(WaterClassRangeError):
        Grader(STANDARD, METHOD, "river", target)


# --- main pollutants ---


def test_at_most_three_are_named():
    found = classify({"cod_mn": "20", "cod_cr": "100", "bod5": "30", "nh3_n": "5", "tp": "1"})
    assert len(found.main_pollutants) == 3


def test_equal_multiples_stand_in_the_order_of_table_1():
    found = classify({"nh3_n": "3", "tp": "0.6", "cod_mn": "18"})
    assert found.main_pollutants == ("cod_mn", "nh3_n", "tp")


def test_cyanide_comes_first():
    found = classify({"nh3_n": "9", "cyanide": "0.3"})
    assert found.main_pollutants == ("cyanide", "nh3_n")


# --- below the detection limit ---


def test_a_detection_limit_at_the_limit_meets_it():
    found = classify_row(CLEAN | {"hg": "<0.00005"}, target_class=2)
    assert (found.water_class, found.verdict) == (1, Verdict.COMPLIANT)


def test_a_detection_limit_above_the_limit_of_the_target_cannot_be_judged():
    found = classify_row(CLEAN | {"hg": "<0.0001"}, target_class=2)
    assert found.verdict is Verdict.UNDETERMINED
    assert found.reasons[0].as_json() == {
        "code": "detection_limit_above_limit",
        "params": {"parameter": "hg", "detection_limit": 0.0001, "best_class": 1, "worst_class": 3},
    }


def test_the_class_is_the_one_that_is_shown_to_be_met():
    found = classify_row(CLEAN | {"hg": "<0.0001"}, target_class=3)
    assert (found.water_class, found.verdict) == (3, Verdict.COMPLIANT)
    assert found.as_json()["class_range"] == [1, 3]


def test_a_detection_limit_alone_never_calls_water_polluted():
    found = classify_row(CLEAN | {"nh3_n": "<1.2"}, target_class=5)
    assert found.water_class is None
    assert found.classification.grade is None
    assert found.classification.main_pollutants == ()
    assert found.verdict is Verdict.COMPLIANT


def test_another_item_can_settle_what_a_detection_limit_left_open():
    found = classify_row(CLEAN | {"hg": "<0.0001", "tp": "0.25"}, target_class=2)
    assert (found.water_class, found.verdict) == (4, Verdict.VIOLATION)
    assert found.reasons == ()


def test_a_certain_exceedance_is_a_violation_even_if_the_class_stays_open():
    found = classify_row(CLEAN | {"tp": "0.25", "hg": "<0.01"}, target_class=3)
    assert found.water_class is None
    assert found.verdict is Verdict.VIOLATION


def test_an_unknown_detection_limit_is_never_compliant():
    found = classify_row(CLEAN | {"cyanide": "ND"}, target_class=5)
    assert (found.water_class, found.verdict) == (None, Verdict.UNDETERMINED)
    assert found.reasons[0].code == "detection_limit_unknown"


def test_oxygen_below_a_detection_limit_is_bad_not_good():
    found = classify_row({"do": "<0.5"}, target_class=5)
    assert (found.water_class, found.verdict) == (6, Verdict.VIOLATION)


# --- rows of a file ---


def test_the_type_of_the_row_stands_before_the_option():
    river, lake = classify_samples(
        *frames({"tp": "0.05"}, {"tp": "0.05"}, water_body_type=["river", None]), STANDARD, water_body="lake"
    )
    assert (river.water_class, lake.water_class) == (2, 3)


def test_the_target_of_the_row_stands_before_the_option():
    own, option = classify_samples(
        *frames(CLEAN, CLEAN, target_class=pd.array([2, None], dtype="Int64")), STANDARD, target=4
    )
    assert (own.target_class, option.target_class) == (2, 4)


def test_without_a_target_there_is_no_verdict():
    assert classify_row(CLEAN).verdict is None


def test_a_row_without_a_reading_has_no_class_and_is_undetermined_against_a_target():
    found = classify_row({}, target_class=3)
    assert (found.water_class, found.verdict) == (None, Verdict.UNDETERMINED)
    assert found.reasons[0].code == "no_readings"


@pytest.mark.parametrize("status", ["停站", "停运", "断流", "调试", "不具备运行条件"])
def test_a_stopped_station_is_not_classified(status):
    found = classify_row(CLEAN, station_status=status, target_class=3)
    assert (found.water_class, found.verdict) == (None, Verdict.UNDETERMINED)
    assert found.reasons[0].code == "station_stopped"
    assert all(item.water_class is None for item in found.classification.items)


def test_a_station_under_maintenance_without_all_core_items_is_not_classified():
    found = classify_row({"do": "8", "cod_mn": "1"}, station_status="维护", target_class=3)
    assert found.water_class is None
    assert found.reasons[0].params["missing"] == ["ph", "nh3_n", "tp"]


def test_a_station_under_maintenance_with_all_core_items_is_classified_as_the_feed_does():
    assert classify_row(CLEAN, station_status="维护").water_class == 1


def test_the_published_class_is_passed_through_and_never_used():
    found = classify_row(CLEAN, reported_class="劣Ⅴ")
    assert found.water_class == 1
    assert found.as_json()["reported_class"] == "劣Ⅴ"


@pytest.mark.parametrize(
    ("day", "compare", "expected"),
    [
        ("2021-12-31 23:59", None, (4, Compare.FULL)),
        ("2022-01-01 00:00", None, (3, Compare.REPORTED)),
        ("2021-12-31 23:59", "reported", (3, Compare.REPORTED)),
        ("2025-06-01 00:00", "full", (4, Compare.FULL)),
    ],
)
def test_the_unrounded_value_is_compared_before_2022_and_the_shown_one_from_then_on(day, compare, expected):
    samples, readings = frames({"tp": "0.2"}, sampled_at=pd.Timestamp(day, tz="Asia/Shanghai"))
    readings["full_value"] = [Decimal("0.2001")]
    (found,) = classify_samples(samples, readings, STANDARD, compare=compare)
    assert (found.water_class, found.compare) == expected


def test_the_day_is_a_beijing_day():
    samples, readings = frames({"tp": "0.2"}, sampled_at=pd.Timestamp("2021-12-31 16:00", tz="UTC"))
    (found,) = classify_samples(samples, readings, STANDARD)
    assert found.compare is Compare.REPORTED
    assert found.as_json()["sampled_at"] == "2022-01-01T00:00:00+08:00"


def test_a_sample_without_a_time_is_compared_as_reported():
    found = classify_row(CLEAN, sampled_at=pd.NaT)
    assert found.compare is Compare.REPORTED
    assert found.as_json()["sampled_at"] is None
    assert found.as_json()["sampled_at_raw"] == "06-10 08:00"


def test_full_falls_back_to_the_only_value_there_is():
    assert classify_row({"tp": "0.2"}, options={"compare": "full"}).water_class == 3


def test_the_answer_has_the_shape_of_the_contract():
    found = classify_row(CLEAN | {"nh3_n": "2.3", "hg": "<0.00004"}, target_class=3).as_json()
    assert {
        "section",
        "sampled_at",
        "class",
        "class_label",
        "grade",
        "parameters",
        "main_pollutants",
        "verdict",
        "target_class",
        "reported_class",
    } <= set(found)
    assert (found["class"], found["class_label"], found["grade"]) == (6, "劣Ⅴ", "heavy_pollution")
    assert (found["verdict"], found["main_pollutants"]) == ("violation", ["nh3_n"])
    ammonia = next(entry for entry in found["parameters"] if entry["code"] == "nh3_n")
    mercury = next(entry for entry in found["parameters"] if entry["code"] == "hg")
    assert (ammonia["value"], ammonia["limit_target"], ammonia["exceedance_multiple"]) == (2.3, 1, 1.3)
    assert (mercury["censored"], mercury["class"], mercury["exceedance_multiple"]) == (True, 1, None)
    assert json.loads(json.dumps(found)) == found


def test_a_binary_float_is_refused():
    samples, readings = frames({"tp": "0.2"})
    readings["value"] = [0.2]
    with pytest.raises(FrameValueError) as caught:
        classify_samples(samples, readings, STANDARD)
    assert (caught.value.column, caught.value.value) == ("value", 0.2)


def test_a_time_without_a_zone_is_refused():
    samples, readings = frames({"tp": "0.2"}, sampled_at=pd.Timestamp("2025-01-01"))
    with pytest.raises(FrameValueError):
        classify_samples(samples, readings, STANDARD)


def test_a_missing_column_is_named():
    samples, readings = frames(CLEAN)
    with pytest.raises(FrameColumnsError) as caught:
        classify_samples(samples.drop(columns="station_status"), readings, STANDARD)
    assert caught.value.missing == {"station_status"}


def test_a_reading_of_no_sample_is_refused():
    samples, readings = frames(CLEAN)
    with pytest.raises(FrameValueError):
        classify_samples(samples, readings.assign(sample_id=99), STANDARD)


def test_an_unknown_type_in_the_file_is_refused():
    with pytest.raises(UnknownWaterBodyTypeError):
        classify_row(CLEAN, water_body_type="sea")


# --- what always holds ---

WATER = st.fixed_dictionaries(
    {},
    optional={
        code: st.decimals(0, 10, places=4).map(str)
        for code in ("do", "cod_mn", "nh3_n", "tp", "hg", "cyanide", "petroleum")
    },
)


@given(values=WATER, code=st.sampled_from(["cod_mn", "nh3_n", "tp", "hg"]), more=st.decimals(0, 9, places=4))
def test_worse_water_never_earns_a_better_class(values, code, more):
    before = classify(values | {code: values.get(code, "0")}).water_class
    # Beyond the gross maximum there is no water but a slip of the pen, which has no class.
    worse = min(Decimal(values.get(code, "0")) + more, find_parameter(code).gross_max)
    after = classify(values | {code: str(worse)}).water_class
    assert after >= before


@given(data=st.data(), values=WATER)
def test_the_order_of_the_readings_never_matters(data, values):
    shuffled = data.draw(st.permutations(list(values.items())))
    assert classify(dict(shuffled)) == classify(values)


@given(values=WATER)
def test_one_more_item_never_earns_a_better_class(values):
    whole = classify(values)
    for code in values:
        rest = classify({other: text for other, text in values.items() if other != code})
        assert rest.water_class is None or rest.water_class <= whole.water_class


@given(values=WATER, target=st.integers(1, 5))
def test_measured_water_is_compliant_exactly_when_its_class_meets_the_target(values, target):
    found = classify(values, target=target)
    if found.water_class is not None:
        assert (found.verdict_for(target) is Verdict.COMPLIANT) is (found.water_class <= target)


@given(
    values=WATER,
    code=st.sampled_from(["hg", "tp", "nh3_n", "cyanide"]),
    limit=st.decimals("0.00001", 3, places=5),
    share=st.fractions(0, 1).filter(lambda share: share < 1),
    target=st.integers(1, 5),
)
def test_the_verdict_on_a_non_detect_holds_for_every_value_it_can_hide(values, code, limit, share, target):
    grader = Grader(STANDARD, METHOD, "river", target)
    others = [grader.grade_item(name, Decimal(text)) for name, text in values.items() if name != code]
    hidden = grader.classify([*others, grader.grade_item(code, limit, censored=True)])
    true = grader.classify([*others, grader.grade_item(code, Fraction(limit) * share)])
    assert hidden.best_class <= true.water_class <= hidden.worst_class
    if hidden.verdict_for(target) is not Verdict.UNDETERMINED:
        assert hidden.verdict_for(target) is true.verdict_for(target)
    assert set(hidden.main_pollutants) <= {item.code for item in true.items if item.water_class > 3}


def test_the_order_of_the_rows_never_matters():
    samples, readings = frames(CLEAN, CLEAN | {"tp": "0.3"}, {"do": "1"})
    straight = {found.sample_id: found for found in classify_samples(samples, readings, STANDARD)}
    turned = classify_samples(samples.iloc[::-1], readings.iloc[::-1], STANDARD)
    assert [found.sample_id for found in turned] == [2, 1, 0]
    assert {found.sample_id: found for found in turned} == straight


# --- the published class of the real feed ---


def agreement(read_feed, name, *, captured=None, compare=None):
    """Count the rows with a published class, and those where river or lake limits give that class."""
    samples, readings = read_feed(name, captured=captured)
    rivers = classify_samples(samples, readings, STANDARD, water_body="river", compare=compare)
    lakes = classify_samples(samples, readings, STANDARD, water_body="lake", compare=compare)
    published = agreed = 0
    for river, lake in zip(rivers, lakes, strict=True):
        expected = parse_water_class(river.reported_class)
        if expected is not None:
            published += 1
            agreed += expected in (river.water_class, lake.water_class)
    return agreed, published


def test_every_published_class_of_november_2025_is_met(read_feed):
    found = agreement(read_feed, "cnemc_national_2025-11-06_to_08.csv.gz", captured="抓取时间")
    assert found == (6278, 6278)


def test_every_published_class_of_the_snapshot_of_2020_is_met_with_unrounded_values(read_feed):
    found = agreement(read_feed, "cnemc_national_snapshot_2020-05-08.csv.gz", compare="full")
    assert found == (1439, 1439)


def test_the_daily_files_of_2020_agree_by_the_dated_setting_but_for_twenty_rows(read_feed):
    name = "cnemc_daily_noon_98sections_2020-05-10_2020-12-31.csv.gz"
    agreed, published = agreement(read_feed, name, captured="抓取日期")
    assert published == 14579
    assert agreed >= 14559


def test_the_shown_values_of_april_2021_agree_at_99_per_cent(read_feed):
    agreed, published = agreement(read_feed, "cnemc_4hourly_2021-04_lower-middle-yangtze.csv.gz")
    assert published == 11224
    assert agreed >= 11136


def test_every_published_class_of_august_2026_is_met(read_feed):
    assert agreement(read_feed, "cnemc_snapshot_2026-08-21_sh-js-zj-ah.csv") == (230, 230)
