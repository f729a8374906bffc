"""Periods of sections and groups: averages first, then classes; what is too little stays undetermined."""

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.assessment import AssessmentSettings, assess_sections
from spatial.errors import FrameColumnsError, FrameValueError, UnknownParameterError
from spatial.period import parse_period
from spatial.standards import load_evaluation_method, load_standard
from spatial.vocabulary import Compare, TrophicState, Verdict

STANDARD = load_standard()
CLEAN = {"ph": "7.6", "do": "8", "cod_mn": "1.5", "nh3_n": "0.1", "tp": "0.01"}


@pytest.fixture
def assess(sections_of, readings_of):
    """Assess section S over a period; ``values`` is one mapping or a list of (time, mapping)."""

    def assess_one(values, period="2025-06", settings=None, readings=None, **section):
        rows = [("2025-06-10 10:00", values)] if isinstance(values, dict) else values
        if readings is None:
            readings = readings_of(*(("S", when, found) for when, found in rows))
        (found,) = assess_sections(
            sections_of({"code": "S"} | section), readings, parse_period(period), STANDARD, settings
        )
        return found

    return assess_one


def mean_of(found, code):
    return found.parameter(code).mean


def monthly(values, months, year=2025):
    return [(f"{year}-{month:02d}-05 10:00", values) for month in months]


# --- months ---


def test_one_sample_is_enough_for_a_month(assess):
    found = assess(CLEAN)
    assert (found.water_class, found.verdict, found.samples) == (1, Verdict.COMPLIANT, 1)


def test_a_month_is_the_mean_of_its_samples_and_not_of_its_classes(assess):
    found = assess(
        [
            ("2025-06-01 10:00", {"tp": "0.1"}),
            ("2025-06-11 10:00", {"tp": "0.1"}),
            ("2025-06-21 10:00", {"tp": "0.5"}),
        ]
    )
    assert mean_of(found, "tp") == Fraction(7, 30)
    assert found.water_class == 4


def test_a_mean_exactly_at_the_limit_meets_it(assess):
    # In binary floats 0.1 + 0.1 + 0.4 over 3 lies above 0.2.
    found = assess(
        [(f"2025-06-0{day} 10:00", {"tp": value}) for day, value in enumerate(["0.1", "0.1", "0.4"], 1)]
    )
    assert mean_of(found, "tp") == Fraction(1, 5)
    assert found.water_class == 3


def test_a_month_is_a_month_of_beijing_days(assess, readings_of):
    inside = readings_of(("S", "2025-06-30 23:59", {"tp": "0.1"}), ("S", "2025-06-01 00:00", {"tp": "0.1"}))
    outside = readings_of(("S", "2025-05-31 23:59", {"tp": "9"}), ("S", "2025-07-01 00:00", {"tp": "9"}))
    readings = pd.concat([inside, outside]).assign(
        sampled_at=lambda frame: frame["sampled_at"].dt.tz_convert("UTC")
    )
    found = assess([], readings=readings)
    assert (found.samples, found.water_class) == (2, 2)


def test_a_section_without_readings_appears_undetermined(assess):
    found = assess([])
    assert (found.water_class, found.verdict, found.grade) == (None, Verdict.UNDETERMINED, None)
    assert found.as_json()["reason"] == {"code": "no_readings", "params": {}}


def test_readings_of_reported_apart_items_alone_make_no_class(assess):
    found = assess({"tn": "1", "water_temp": "20"})
    assert found.water_class is None
    assert found.reasons[0].code == "no_evaluated_item"


def test_without_a_target_there_is_no_verdict(assess):
    assert assess(CLEAN, target_class=None).verdict is None


def test_the_verdict_is_against_the_target_and_the_multiple_against_class_iii(assess):
    found = assess(CLEAN | {"cod_mn": "7.5"}, target_class=2)
    entry = found.parameter("cod_mn").as_json()
    assert found.verdict is Verdict.VIOLATION
    assert (entry["exceedance_multiple"], entry["target_multiple"]) == (0.25, 0.875)
    assert found.as_json()["main_pollutants"] == [{"code": "cod_mn", "multiple": 0.25}]
    assert found.limiting == ("cod_mn",)


def test_the_items_that_decided_are_reported(assess):
    found = assess({"tp": "0.1", "tn": "3", "water_temp": "20"})
    assert found.evaluated == ("tp",)
    assert [entry.code for entry in found.parameters] == ["water_temp", "tp", "tn"]


# --- what enters ---


def test_half_the_detection_limit_enters_a_mean(assess):
    found = assess([("2025-06-01 10:00", {"nh3_n": "<0.1"}), ("2025-06-11 10:00", {"nh3_n": "0.35"})])
    assert mean_of(found, "nh3_n") == Fraction(2, 10)
    assert found.parameter("nh3_n").non_detect_share == Fraction(1, 2)


def test_where_nothing_was_detected_the_detection_limit_is_judged(assess):
    found = assess({"hg": "<0.0001"} | CLEAN, target_class=2)
    entry = found.parameter("hg").as_json()
    assert (entry["mean"], entry["non_detect_share"], entry["class_range"]) == (0.00005, 1, [1, 3])
    assert found.verdict is Verdict.UNDETERMINED
    assert found.verdict_for(3) is Verdict.COMPLIANT
    assert found.reasons[0].code == "detection_limit_above_limit"


def test_a_ph_known_only_to_lie_below_a_high_number_may_be_any_class(assess):
    found = assess([("2025-06-10 10:00", {"ph": "<10"})])
    assert (found.best_class, found.worst_class) == (1, 6)
    assert found.verdict is Verdict.UNDETERMINED


def test_a_fine_enough_detection_limit_is_compliant(assess):
    assert assess({"hg": "<0.00004"} | CLEAN, target_class=1).verdict is Verdict.COMPLIANT


@pytest.mark.parametrize(
    ("status", "reason"), [("维护", "station_under_maintenance"), ("停站", "station_stopped")]
)
def test_readings_of_a_station_out_of_service_do_not_enter(assess, status, reason):
    found = assess([("2025-06-01 10:00", CLEAN), ("2025-06-02 10:00", CLEAN | {"tp": "9", "status": status})])
    assert found.water_class == 1
    assert found.warnings[0].code == "readings_excluded"
    assert found.warnings[0].params == {reason: 5}


def test_a_month_of_maintenance_has_no_usable_readings(assess):
    found = assess(CLEAN | {"status": "维护"})
    assert found.water_class is None
    assert found.as_json()["reason"] == {
        "code": "no_usable_readings",
        "params": {"station_under_maintenance": 5},
    }


def test_automatic_data_stand_before_manual_data_for_six_items_of_the_month(assess):
    found = assess(
        [
            ("2025-06-01 10:00", {"tp": "0.5", "cod_cr": "30", "type": "manual"}),
            ("2025-06-02 10:00", {"tp": "0.1", "type": "automatic"}),
        ]
    )
    assert mean_of(found, "tp") == Fraction(1, 10)
    assert mean_of(found, "cod_cr") == 30


def test_manual_data_enter_in_a_month_without_automatic_data(assess):
    rows = [("2025-04-05 10:00", {"tp": "0.3", "type": "manual"})]
    rows += [(f"2025-0{month}-05 10:00", {"tp": "0.1", "type": "automatic"}) for month in (5, 6)]
    assert mean_of(assess(rows, period="2025-Q2"), "tp") == Fraction(1, 6)


@pytest.mark.parametrize(
    ("compare", "month", "expected"),
    [
        (None, "2021-12", 4),
        (None, "2022-01", 3),
        (Compare.REPORTED, "2021-12", 3),
        (Compare.FULL, "2022-01", 4),
    ],
)
def test_the_entering_value_follows_the_dated_setting(assess, compare, month, expected):
    rows = [(f"{month}-15 10:00", {"tp": "0.2", "tp:full": "0.2004"})]
    found = assess(rows, period=month, settings=AssessmentSettings(compare=compare))
    assert found.water_class == expected


def test_a_value_that_no_water_can_have_does_not_enter(assess):
    found = assess([("2025-06-01 10:00", {"ph": "7"}), ("2025-06-02 10:00", {"ph": "70"})])
    assert mean_of(found, "ph") == 7
    assert found.warnings[0].params == {"value_impossible": 1}


def test_rounded_means_are_compared_only_when_asked_for(assess):
    rows = [("2025-06-01 10:00", {"tp": "0.2"}), ("2025-06-02 10:00", {"tp": "0.2008"})]
    assert assess(rows).water_class == 4
    assert assess(rows, settings=AssessmentSettings(round_means=True)).water_class == 3


def test_ph_is_averaged_plainly_unless_the_hydrogen_ion_mean_is_asked_for(assess):
    rows = [("2025-06-01 10:00", {"ph": "6"}), ("2025-06-02 10:00", {"ph": "8"})]
    assert mean_of(assess(rows), "ph") == 7
    found = assess(rows, settings=AssessmentSettings(ph_mean="hydrogen"))
    # -log10((10^-6 + 10^-8) / 2) = 6.296708621...
    assert abs(mean_of(found, "ph") - Fraction("6.2967086218813")) < Fraction(1, 10**12)


# --- longer periods ---


def test_a_quarter_needs_two_samples(assess):
    one = assess(monthly(CLEAN, [4]), period="2025-Q2")
    assert (one.water_class, one.verdict) == (None, Verdict.UNDETERMINED)
    assert one.as_json()["reason"] == {"code": "too_few_samples", "params": {"found": 1, "needed": 2}}
    assert assess(monthly(CLEAN, [4, 6]), period="2025-Q2").water_class == 1


def test_a_year_is_the_mean_of_twelve_monthly_means(assess):
    rows = monthly({"tp": "0.1"}, range(1, 12))
    rows += [(f"2025-12-{day:02d} 10:00", {"tp": "1.3"}) for day in range(1, 31)]
    found = assess(rows, period="2025")
    assert mean_of(found, "tp") == Fraction(2, 10)
    assert (found.water_class, found.months, found.samples) == (3, 12, 41)


def test_eleven_months_are_no_year(assess):
    found = assess(monthly(CLEAN, range(1, 12)), period="2025")
    assert found.water_class is None
    assert found.reasons[0].as_json() == {"code": "too_few_months", "params": {"found": 11, "needed": 12}}
    assert mean_of(found, "tp") == Fraction(1, 100)
    assert found.parameter("tp").as_json()["class"] is None


@pytest.mark.parametrize(("months", "expected"), [(8, 1), (7, None)])
def test_a_section_that_freezes_or_runs_dry_needs_eight_months(assess, months, expected):
    settings = AssessmentSettings(interrupted_sections=frozenset({"S"}))
    found = assess(monthly(CLEAN, range(1, months + 1)), period="2025", settings=settings)
    assert found.water_class == expected


@pytest.mark.parametrize(("listed", "expected"), [(("S",), 1), (("T",), None)])
def test_the_rules_list_the_sections_that_freeze_or_run_dry(assess, listed, expected):
    settings = AssessmentSettings(method=replace(load_evaluation_method(), interrupted_sections=listed))
    assert assess(monthly(CLEAN, range(1, 9)), period="2025", settings=settings).water_class == expected


def test_a_core_item_with_too_few_months_leaves_the_class_open(assess):
    rows = monthly(CLEAN, range(1, 11)) + monthly({"do": "8", "ph": "7"}, [11, 12])
    found = assess(rows, period="2025")
    assert (found.water_class, found.verdict) == (None, Verdict.UNDETERMINED)
    assert {reason.code for reason in found.reasons} == {"parameter_too_few_months"}
    assert [reason.params["parameter"] for reason in found.reasons] == ["cod_mn", "nh3_n", "tp"]


def test_a_core_item_with_too_few_months_does_not_hide_a_violation(assess):
    rows = monthly(CLEAN | {"nh3_n": "3"}, range(1, 13))
    rows = [(when, {code: text for code, text in values.items() if code != "tp"}) for when, values in rows]
    rows[0][1]["tp"] = "0.1"
    found = assess(rows, period="2025")
    assert found.verdict is Verdict.VIOLATION


def test_an_item_that_is_sampled_rarely_by_plan_counts_with_what_there_is(assess):
    rows = [*monthly(CLEAN, range(1, 13)), ("2025-03-06 10:00", {"hg": "0.0005"})]
    found = assess(rows, period="2025")
    assert (found.water_class, found.parameter("hg").months) == (4, 1)


def test_the_flood_season_is_a_mean_of_monthly_means_and_asks_for_two_thirds_of_the_months(assess):
    assert assess(monthly(CLEAN, [5, 6, 7, 8]), period="2025-flood").water_class == 1
    found = assess(monthly(CLEAN, [5, 6, 7]), period="2025-flood")
    assert found.reasons[0].params == {"found": 3, "needed": 4}


def test_a_range_over_the_turn_of_the_year(assess):
    rows = [
        ("2024-11-05 10:00", {"tp": "0.1"}),
        ("2024-12-05 10:00", {"tp": "0.2"}),
        ("2025-01-05 10:00", {"tp": "0.3"}),
        ("2025-02-28 23:00", {"tp": "0.2"}),
        ("2025-03-01 00:00", {"tp": "9"}),
    ]
    found = assess(rows, period="2024-11-01/2025-02-28")
    assert (mean_of(found, "tp"), found.months) == (Fraction(1, 5), 4)


def test_a_week_is_the_mean_of_its_samples(assess):
    rows = [("2025-06-28 10:00", {"tp": "0.1"}), ("2025-07-01 10:00", {"tp": "0.1"})]
    rows.append(("2025-07-02 10:00", {"tp": "0.4"}))
    assert mean_of(assess(rows, period="2025-06-26/2025-07-02"), "tp") == Fraction(1, 5)


def test_few_automatic_readings_are_a_warning(assess):
    rows = [(f"2025-06-{day:02d} 08:00", CLEAN | {"type": "automatic"}) for day in range(1, 11)]
    found = assess(rows)
    assert found.water_class == 1
    assert found.warnings[0].as_json() == {
        "code": "automatic_coverage_low",
        "params": {"found": 10, "due": 180},
    }


# --- lakes ---


LAKE = {"chl_a": "0.010", "tp": "0.05", "tn": "1.0", "transparency": "1.0", "cod_mn": "4.0"}


def test_a_lake_has_a_trophic_index_from_stored_units(assess):
    # Worked example D01: chlorophyll stands in mg/L in the store and enters as 10 mg/m3.
    found = assess(LAKE | {"do": "8"}, water_body_type="lake")
    assert abs(found.trophic.tli - Decimal("48.018")) < Decimal("0.01")
    assert found.trophic.state is TrophicState.MESOTROPHIC
    assert set(found.as_json()["trophic"]["parts"]) == set(LAKE)


def test_a_river_has_no_trophic_index(assess):
    assert assess(LAKE).trophic is None


def test_a_missing_indicator_leaves_no_index_unless_renormalising_is_asked_for(assess):
    values = {code: text for code, text in LAKE.items() if code != "transparency"}
    assert assess(values, water_body_type="lake").trophic is None
    settings = AssessmentSettings(renormalise_trophic=True)
    found = assess(values, water_body_type="lake", settings=settings)
    assert found.trophic.missing == ("transparency",)


def test_a_mean_of_zero_gives_no_index_and_says_so(assess):
    found = assess(LAKE | {"chl_a": "0"}, water_body_type="lake")
    assert found.trophic is None
    assert found.warnings[0].as_json() == {
        "code": "trophic_value_not_positive",
        "params": {"parameter": "chl_a"},
    }


def test_total_nitrogen_of_a_lake_is_reported_apart(assess):
    found = assess(CLEAN | {"tn": "1.7"}, water_body_type="lake")
    assert found.water_class == 1
    assert found.parameter("tn").as_json()["class"] == 5


def test_a_river_like_reservoir_is_judged_as_a_river(assess):
    settings = AssessmentSettings(river_like_reservoirs=frozenset({"S"}))
    assert assess({"tp": "0.1"}, water_body_type="reservoir").water_class == 4
    found = assess({"tp": "0.1"}, water_body_type="reservoir", settings=settings)
    assert (found.water_class, found.judged_as) == (2, "river")
    listed = AssessmentSettings(method=replace(load_evaluation_method(), river_like_reservoirs=("S",)))
    assert assess({"tp": "0.1"}, water_body_type="reservoir", settings=listed).judged_as == "river"


def test_an_unknown_type_is_determined_only_where_river_and_lake_limits_agree(assess):
    agreed = assess({"tp": "0.02", "cod_mn": "5"}, water_body_type=None)
    assert (agreed.water_class, agreed.verdict) == (3, Verdict.COMPLIANT)
    found = assess({"tp": "0.1"}, water_body_type=None)
    assert (found.water_class, found.verdict) == (None, Verdict.UNDETERMINED)
    assert found.reasons[0].code == "water_body_type_unknown"
    assert found.verdict_for(5) is Verdict.COMPLIANT


# --- flood intensity ---


def test_the_intensity_is_the_highest_flood_reading_over_the_limit_at_the_target(assess):
    rows = [("2025-07-01 10:00", {"tp": "0.42", "nh3_n": "0.9"}), ("2025-07-02 10:00", {"tp": "0.1"})]
    found = assess(rows, period="2025-07", target_class=2)
    assert found.as_json()["flood_intensity"] == {
        "code": "tp",
        "value": 4.2,
        "ratios": {"nh3_n": 1.8, "tp": 4.2},
        "highest": 0.42,
        "limit": 0.1,
    }


def test_outside_the_flood_months_there_is_no_intensity(assess):
    assert assess([("2025-01-10 10:00", CLEAN)], period="2025-01").flood_intensity is None


def test_without_a_target_there_is_no_intensity(assess):
    assert assess(CLEAN, target_class=None).flood_intensity is None


def test_the_intensity_can_rest_on_daily_means(assess):
    rows = [("2025-07-01 00:00", {"tp": "0.1"}), ("2025-07-01 12:00", {"tp": "0.5"})]
    settings = AssessmentSettings(intensity_highest="daily_mean")
    found = assess(rows, period="2025-07", target_class=2, settings=settings)
    assert found.flood_intensity.value == 3


# --- shapes and errors ---


def test_the_answer_has_the_shape_of_the_contract(assess):
    found = assess(CLEAN | {"nh3_n": "2.3"}).as_json()
    assert {
        "level",
        "code",
        "name",
        "period",
        "samples",
        "class",
        "class_label",
        "grade",
        "limiting",
        "parameters",
        "main_pollutants",
        "target_class",
        "verdict",
        "trophic",
        "flood_intensity",
    } <= set(found)
    assert {
        "code",
        "mean",
        "class",
        "non_detect_share",
        "exceedance_multiple",
        "target_multiple",
    } <= set(found["parameters"][0])
    assert (found["level"], found["period"], found["class_label"]) == ("section", "2025-06", "劣Ⅴ")
    assert json.loads(json.dumps(found)) == found


def test_the_uploads_behind_a_result_are_kept(assess):
    rows = [("2025-06-01 10:00", CLEAN | {"upload": "7"}), ("2025-06-02 10:00", CLEAN | {"upload": "3"})]
    found = assess(rows)
    assert found.upload_ids == (3, 7)
    assert found.as_json()["upload_ids"] == [3, 7]


def test_a_missing_column_is_named(sections_of, readings_of):
    with pytest.raises(FrameColumnsError) as caught:
        assess_sections(sections_of({"code": "S"}).drop(columns="name"), readings_of(), parse_period("2025"))
    assert (caught.value.frame, caught.value.missing) == ("sections", {"name"})


def test_a_section_that_stands_twice_is_refused(sections_of, readings_of):
    with pytest.raises(FrameValueError):
        assess_sections(sections_of({"code": "S"}, {"code": "S"}), readings_of(), parse_period("2025"))


def test_times_without_a_zone_are_refused(sections_of, readings_of):
    readings = readings_of(("S", "2025-06-01", CLEAN))
    readings["sampled_at"] = readings["sampled_at"].dt.tz_localize(None)
    with pytest.raises(FrameValueError):
        assess_sections(sections_of({"code": "S"}), readings, parse_period("2025-06"))


def test_an_unknown_parameter_is_an_error(assess):
    with pytest.raises(UnknownParameterError):
        assess({"oxygen": "3"})


def test_readings_of_other_sections_are_left_alone(sections_of, readings_of):
    readings = readings_of(("S", "2025-06-01", CLEAN), ("elsewhere", "2025-06-01", {"tp": "9"}))
    (found,) = assess_sections(sections_of({"code": "S"}), readings, parse_period("2025-06"))
    assert found.water_class == 1


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.integers(1, 28),
        st.sampled_from(["tp", "cod_mn", "do"]),
        st.decimals(0, 10, places=3).map(str),
        st.sampled_from(["automatic", "manual"]),
    ),
    max_size=12,
    unique_by=lambda row: row[:3],
)


@given(rows=ROWS, data=st.data())
def test_the_order_of_the_rows_never_matters(sections_of, readings_of, rows, data):
    sections = sections_of({"code": "A"}, {"code": "B"})
    shuffled = data.draw(st.permutations(rows))
    found = [
        assess_sections(
            part,
            readings_of(
                *(
                    (code, f"2025-06-{day:02d}", {name: text, "type": kind})
                    for code, day, name, text, kind in given
                )
            ),
            parse_period("2025-06"),
        )
        for part, given in ((sections, rows), (sections.iloc[::-1], shuffled))
    ]
    assert found[0] == found[1]


@given(rows=ROWS)
def test_a_mean_lies_between_its_smallest_and_largest_value(sections_of, readings_of, rows):
    readings = readings_of(*((code, f"2025-06-{day:02d}", {name: text}) for code, day, name, text, _ in rows))
    for found in assess_sections(sections_of({"code": "A"}), readings, parse_period("2025-06")):
        for entry in found.parameters:
            values = [Decimal(row[3]) for row in rows if row[0] == "A" and row[2] == entry.code]
            assert min(values) <= entry.mean <= max(values)
