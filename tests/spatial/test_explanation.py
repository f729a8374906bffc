"""What an explanation holds, on made-up readings; the sample data is redone in tests/api."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spatial.assessment import AssessmentSettings, assess_sections
from spatial.errors import ExplanationError
from spatial.explanation import Explanation, decimal_of, exact_json, explain_section
from spatial.period import parse_period
from spatial.reading_use import sort_readings
from spatial.vocabulary import MissingRequired
from tests.spatial.explanation_oracle import redo

Frame = Callable[..., pd.DataFrame]
CORE = {"ph": "7.6", "do": "8.1", "cod_mn": "3.1", "nh3_n": "0.12", "tp": "0.08"}


def explained(
    sections: pd.DataFrame,
    readings: pd.DataFrame,
    period: str,
    chosen: AssessmentSettings | None = None,
) -> Explanation:
    parsed = parse_period(period)
    (assessment,) = assess_sections(sections, readings, parsed, settings=chosen)
    row = sections.iloc[0].to_dict()
    return explain_section(row, readings, assessment, parsed, settings=chosen)


def document_of(found: Explanation) -> Any:
    """As a program receives it."""
    return json.loads(json.dumps(found.as_json()))


def test_half_of_the_detection_limit_is_what_enters(sections_of: Frame, readings_of: Frame) -> None:
    readings = readings_of(
        ("S1", "2025-06-03 10:00", CORE | {"hg": "<0.00004"}),
        ("S1", "2025-06-17 10:00", CORE | {"hg": "0.00010"}),
    )
    document = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))
    rows = [row for row in document["readings"]["rows"] if row["parameter"] == "hg"]
    assert [(row["enters_as"], row["halved"]) for row in rows] == [("0.00002", True), ("0.00010", False)]
    (mercury,) = (entry for entry in document["parameters"] if entry["code"] == "hg")
    assert mercury["months"][0]["sum"]["decimal"] == "0.00012"
    assert mercury["mean"] == {
        "numerator": "3",
        "denominator": "50000",
        "decimal": "0.00006",
        "exact": True,
    }
    assert mercury["class"] == 3  # above 0.00005 (Ⅰ and Ⅱ), not above 0.0001


def test_every_reading_that_does_not_enter_says_why(sections_of: Frame, readings_of: Frame) -> None:
    readings = pd.concat(
        [
            readings_of(("S1", "2025-06-01 08:00", CORE | {"type": "automatic"})),
            readings_of(("S1", "2025-06-02 08:00", CORE | {"type": "automatic", "status": "维护"})),
            readings_of(("S1", "2025-06-03 08:00", CORE | {"type": "automatic", "status": "停运"})),
            readings_of(("S1", "2025-06-04 08:00", {"tp": "0.5", "cod_cr": "12"})),
            readings_of(("S1", "2025-07-01 00:00", {"tp": "0.5"})),
            readings_of(("S1", "2025-06-05 08:00", {"cod_cr": "100001"})),
        ],
        ignore_index=True,
    )
    document = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))
    assert document["readings"]["not_used"] == {
        "outside_period": 1,
        "station_stopped": 5,
        "station_under_maintenance": 5,
        "superseded_by_automatic": 1,
        "value_impossible": 1,
    }
    assert document["readings"]["used"] == 6
    (manual,) = (row for row in document["readings"]["rows"] if row["parameter"] == "cod_cr" and row["used"])
    assert manual["station_type"] == "manual"  # automatic data take precedence for six items only


@pytest.mark.parametrize(("flag", "reason"), [(3, "readings_suspect"), (4, "readings_failed_quality")])
def test_quality_control_leaves_readings_out_by_name(
    sections_of: Frame, readings_of: Frame, flag: int, reason: str
) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE), ("S1", "2025-06-02 08:00", {"tp": "0.9"}))
    readings["quality"] = [1] * 5 + [flag]
    readings["quality_tests"] = [None] * 5 + [["spike:3"]]
    document = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))
    (row,) = (row for row in document["readings"]["rows"] if not row["used"])
    assert (row["reason"], row["quality"], row["quality_tests"]) == (reason, flag, ["spike:3"])


def test_suspect_readings_enter_where_the_setting_says_so(sections_of: Frame, readings_of: Frame) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE), ("S1", "2025-06-02 08:00", {"tp": "0.9"}))
    readings["quality"] = [1] * 5 + [3]
    found = explained(sections_of({"code": "S1"}), readings, "2025-06", AssessmentSettings(use_suspect=True))
    phosphorus = found.parameter("tp")
    assert phosphorus is not None
    assert phosphorus.entry.mean == Fraction(49, 100)  # (0.08 + 0.9) / 2


def test_the_reading_names_its_upload_and_row(sections_of: Frame, readings_of: Frame) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE | {"upload": "7"}))
    readings["source_row"] = range(12, 17)
    document = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))
    assert next((row["upload_id"], row["row"]) for row in document["readings"]["rows"]) == (7, 12)


def test_the_year_takes_the_mean_of_the_monthly_means(sections_of: Frame, readings_of: Frame) -> None:
    rows = [("S1", f"2025-{month:02d}-10 10:00", CORE) for month in range(1, 13)]
    rows += [("S1", "2025-06-20 10:00", CORE | {"tp": "0.20"})]
    document = document_of(explained(sections_of({"code": "S1"}), readings_of(*rows), "2025"))
    (phosphorus,) = (entry for entry in document["parameters"] if entry["code"] == "tp")
    assert phosphorus["rule"] == "months"
    # Eleven months of 0.08 and one of (0.08 + 0.20) / 2 = 0.14: 1.02 / 12.
    assert (phosphorus["mean"]["numerator"], phosphorus["mean"]["denominator"]) == ("17", "200")
    assert phosphorus["mean"]["decimal"] == "0.085"


def test_before_2022_the_unrounded_value_enters(sections_of: Frame, readings_of: Frame) -> None:
    values = CORE | {"tp": "0.20", "tp:full": "0.2004"}
    before = readings_of(("S1", "2021-12-31 20:00", values))
    after = readings_of(("S1", "2022-01-01 00:00", values))
    sections = sections_of({"code": "S1"})
    for readings, period, entering, water_class in (
        (before, "2021-12", "0.2004", 4),
        (after, "2022-01", "0.20", 3),
    ):
        document = document_of(explained(sections, readings, period))
        (row,) = (row for row in document["readings"]["rows"] if row["parameter"] == "tp")
        assert row["enters_as"] == entering
        assert document["class"] == water_class


def test_what_leads_to_the_next_better_class_is_everything_that_decides(
    sections_of: Frame, readings_of: Frame
) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE | {"tp": "0.25", "nh3_n": "1.2", "cod_mn": "6.0"}))
    document = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))
    better = document["changes"]["better"]
    assert better["class"] == 3  # permanganate index stays at its class Ⅲ limit of 6
    found = {need["code"]: (need["bound"], need["difference"]["decimal"]) for need in better["needs"]}
    assert found == {"nh3_n": ("1.0", "-0.2"), "tp": ("0.2", "-0.05")}


def test_equal_limits_of_neighbours_lead_past_the_empty_class(sections_of: Frame, readings_of: Frame) -> None:
    # Oxygen demand has 15 mg/L for Ⅰ and Ⅱ: what leaves Ⅲ for it is Ⅰ, and the rest decides (manganate: Ⅱ).
    readings = readings_of(("S1", "2025-06-01 08:00", CORE | {"tp": "0.02", "nh3_n": "0.1", "cod_cr": "18"}))
    better = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))["changes"]["better"]
    assert better["class"] == 2
    readings = readings_of(
        ("S1", "2025-06-01 08:00", CORE | {"tp": "0.02", "nh3_n": "0.1", "cod_mn": "1", "cod_cr": "18"})
    )
    better = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))["changes"]["better"]
    assert better["class"] == 1


def test_the_nearest_limit_is_what_would_worsen_the_class_first(
    sections_of: Frame, readings_of: Frame
) -> None:
    # Class Ⅱ by phosphorus (0.08 of 0.1: 20 % left); ammonia 0.48 of 0.5 leaves 4 %.
    readings = readings_of(("S1", "2025-06-01 08:00", CORE | {"nh3_n": "0.48"}))
    worse = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))["changes"]["worse"]
    (need,) = worse["needs"]
    assert (worse["class"], need["code"], need["bound"]) == (3, "nh3_n", "0.5")
    assert need["difference"]["decimal"] == "0.02"


def test_a_detection_limit_that_leaves_the_class_open_says_what_it_would_have_to_be(
    sections_of: Frame, readings_of: Frame
) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE | {"hg": "<0.0002"}))
    document = document_of(explained(sections_of({"code": "S1"}), readings, "2025-06"))
    assert document["class"] is None
    (need,) = document["changes"]["settle"]
    # The rest is class Ⅱ, whose mercury limit is 0.00005.
    assert (need["code"], need["judged"]["decimal"], need["bound"]) == ("hg", "0.0002", "0.00005")
    assert document["changes"]["better"] is None


def test_a_water_of_unknown_type_is_tried_by_both_limits(sections_of: Frame, readings_of: Frame) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE))
    sections = sections_of({"code": "S1", "water_body_type": None})
    document = document_of(explained(sections, readings, "2025-06"))
    (phosphorus,) = (entry for entry in document["parameters"] if entry["code"] == "tp")
    assert [
        (one["water_body"], one["class_range"], one["limits"][2]) for one in phosphorus["judgements"]
    ] == [
        ("river", [2, 2], "0.2"),
        ("lake", [4, 4], "0.05"),
    ]
    assert document["class"] is None


def test_hydrogen_ions_are_averaged_where_the_setting_says_so(sections_of: Frame, readings_of: Frame) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE), ("S1", "2025-06-02 08:00", CORE | {"ph": "8.6"}))
    chosen = AssessmentSettings(ph_mean="hydrogen")
    found = explained(sections_of({"code": "S1"}), readings, "2025-06", chosen)
    acidity = found.parameter("ph")
    assert acidity is not None
    assert acidity.rule == "hydrogen"
    # -log10((10^-7.6 + 10^-8.6) / 2) = 7.8596
    assert round(float(acidity.entry.mean), 4) == 7.8596


def test_a_mean_is_rounded_before_it_is_judged_where_the_setting_says_so(
    sections_of: Frame, readings_of: Frame
) -> None:
    readings = readings_of(("S1", "2025-06-01 08:00", CORE), ("S1", "2025-06-02 08:00", {"tp": "0.1208"}))
    sections = sections_of({"code": "S1"})
    # (0.08 + 0.1208) / 2 = 0.1004: above 0.1 as it is, 0.100 with the three published decimals.
    for rounding, basis, judged, water_class in (
        (False, "mean", "0.1004", 3),
        (True, "rounded_mean", "0.100", 2),
    ):
        chosen = AssessmentSettings(round_means=rounding)
        document = document_of(explained(sections, readings, "2025-06", chosen))
        (phosphorus,) = (entry for entry in document["parameters"] if entry["code"] == "tp")
        assert (phosphorus["basis"], phosphorus["judged"]["decimal"]) == (basis, judged)
        assert phosphorus["mean"]["decimal"] == "0.1004"
        assert document["class"] == water_class


def test_an_item_that_was_not_measured_may_leave_the_class_open(
    sections_of: Frame, readings_of: Frame
) -> None:
    some = {code: value for code, value in CORE.items() if code != "tp"}
    readings = readings_of(("S1", "2025-06-01 08:00", some))
    sections = sections_of({"code": "S1"})
    usual = document_of(explained(sections, readings, "2025-06"))
    assert usual["class"] == 2  # permanganate index 3.1
    assert [warning["code"] for warning in usual["warnings"]] == ["required_items_missing"]
    strict = AssessmentSettings(missing_required=MissingRequired.UNDETERMINED)
    document = document_of(explained(sections, readings, "2025-06", strict))
    assert (document["class"], document["class_range"]) == (None, [2, 6])
    assert document["reasons"][0]["code"] == "required_items_missing"
    assert document["changes"]["better"] is None


def test_other_readings_than_those_assessed_are_no_explanation(
    sections_of: Frame, readings_of: Frame
) -> None:
    period, sections = parse_period("2025-06"), sections_of({"code": "S1"})
    readings = readings_of(("S1", "2025-06-01 08:00", CORE))
    (assessment,) = assess_sections(sections, readings, period)
    corrected = readings_of(("S1", "2025-06-01 08:00", CORE | {"tp": "0.09"}))
    with pytest.raises(ExplanationError) as error:
        explain_section(sections.iloc[0].to_dict(), corrected, assessment, period)
    assert error.value.what == "tp.mean"


def test_a_section_without_readings_has_an_explanation_too(sections_of: Frame, readings_of: Frame) -> None:
    document = document_of(explained(sections_of({"code": "S1"}), readings_of(), "2025-06"))
    assert document["readings"]["rows"] == []
    assert document["reasons"][0]["code"] == "no_readings"
    redo(document)


def test_the_order_of_the_rows_changes_nothing(sections_of: Frame, readings_of: Frame) -> None:
    rows = [("S1", f"2025-06-{day:02d} 10:00", CORE | {"tp": f"0.{day:02d}"}) for day in range(1, 10)]
    sections = sections_of({"code": "S1"})
    there = document_of(explained(sections, readings_of(*rows), "2025-06"))
    back = document_of(explained(sections, readings_of(*reversed(rows)), "2025-06"))
    assert there == back


@pytest.mark.parametrize(
    ("number", "text", "whole"),
    [
        (Fraction(1, 8), "0.125", True),
        (Fraction(1, 3), "0.333333333333", False),
        (Fraction(2, 3), "0.666666666667", False),
        (Fraction(1200), "1200", True),
        (Decimal("0.20"), "0.20", True),
        (Fraction(1, 10**9), "0.000000001", True),
    ],
)
def test_a_number_is_shown_whole_or_says_that_it_is_rounded(
    number: Fraction | Decimal, text: str, whole: bool
) -> None:
    assert decimal_of(number)[1] is whole
    shown = exact_json(number)
    assert shown is not None
    assert (shown["decimal"], shown["exact"]) == (text, whole)


AMOUNTS = {
    "ph": st.decimals(5, 10, places=2),
    "do": st.decimals(0, 12, places=1),
    "cod_mn": st.decimals(0, 20, places=1),
    "nh3_n": st.decimals(0, 3, places=2),
    "tp": st.decimals(0, Decimal("0.5"), places=3),
    "tn": st.decimals(0, 3, places=2),
    "cod_cr": st.decimals(0, 50, places=0),
    "hg": st.decimals(Decimal("0.00001"), Decimal("0.0012"), places=5),
    "pb": st.decimals(Decimal("0.001"), Decimal("0.12"), places=3),
    "cyanide": st.decimals(Decimal("0.001"), Decimal("0.25"), places=3),
    "chl_a": st.decimals(Decimal("0.001"), Decimal("0.2"), places=3),
    "transparency": st.decimals(Decimal("0.1"), 5, places=1),
}


@st.composite
def samples(draw: st.DrawFn) -> list[tuple[str, str, dict[str, str]]]:
    rows = []
    for moment in draw(
        st.lists(st.integers(0, 365 * 24 - 1), min_size=0, max_size=24, unique=True).map(sorted)
    ):
        when = pd.Timestamp("2023-01-01") + pd.Timedelta(hours=moment)
        codes = draw(st.lists(st.sampled_from(sorted(AMOUNTS)), unique=True, min_size=1))
        values = {}
        for code in codes:
            amount = draw(AMOUNTS[code])
            below = amount > 0 and code in ("hg", "pb", "cyanide", "tp") and draw(st.booleans())
            values[code] = f"<{amount:f}" if below else f"{amount:f}"
        values["type"] = draw(st.sampled_from(["automatic", "manual"]))
        if draw(st.integers(0, 9)) == 0:
            values["status"] = draw(st.sampled_from(["维护", "停运", "正常"]))
        rows.append(("S1", str(when), values))
    return rows


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=samples(),
    period=st.sampled_from(["2023", "2023-05", "2023-Q2", "2023-flood", "2023-01-01/2023-12-31"]),
    water=st.sampled_from(["river", "lake", "reservoir"]),
    target=st.sampled_from([None, 1, 2, 3, 4, 5]),
    interrupted=st.booleans(),
)
def test_a_pocket_calculator_comes_to_the_same_result(
    sections_of: Frame,
    readings_of: Frame,
    rows: list[tuple[str, str, dict[str, str]]],
    period: str,
    water: str,
    target: int | None,
    interrupted: bool,
) -> None:
    sections = sections_of({"code": "S1", "water_body_type": water, "target_class": target})
    chosen = AssessmentSettings(interrupted_sections=frozenset({"S1"} if interrupted else ()))
    redo(document_of(explained(sections, readings_of(*rows), period, chosen)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=samples())
def test_what_does_not_enter_is_what_the_engine_counts(
    sections_of: Frame, readings_of: Frame, rows: list[tuple[str, str, dict[str, str]]]
) -> None:
    period, readings = parse_period("2023"), readings_of(*rows)
    (assessment,) = assess_sections(sections_of({"code": "S1"}), readings, period)
    uses = sort_readings(readings, "S1", period)
    counted: dict[str, int] = {}
    for use in uses:
        if use.reason is not None and use.reason != "superseded_by_automatic":
            counted[use.reason] = counted.get(use.reason, 0) + 1
    said = {
        code: count
        for reason in (*assessment.reasons, *assessment.warnings)
        if reason.code in ("readings_excluded", "no_usable_readings")
        for code, count in reason.params.items()
    }
    if said or (counted and assessment.samples):
        assert said == counted
