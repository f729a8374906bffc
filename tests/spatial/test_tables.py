"""The engine over columns: exact at every limit, and the same whatever the order and the pieces."""

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from spatial import sums
from spatial.assessment import AssessmentSettings, assess_columns, assess_sections
from spatial.columns import ReadingColumns
from spatial.errors import PeriodError, UnknownParameterError, UnknownWaterBodyTypeError
from spatial.parameters import find_parameter
from spatial.period import parse_period
from spatial.standards import Direction, load_evaluation_method, load_standard
from spatial.sums import Tally, gather_evidence
from spatial.vocabulary import Compare, MissingRequired, Verdict

STANDARD = load_standard()
METHOD = load_evaluation_method()
CLEAN = {"ph": "7.6", "do": "8", "cod_mn": "1.5", "nh3_n": "0.1", "tp": "0.01"}
PERIODS = (
    "2025-06",
    "2025-Q2",
    "2025",
    "2025-flood",
    "2025-dry",
    "2025-05-20/2025-06-10",
    "2021-12-20/2022-01-10",
)
GRADED = [
    (code, limit, place)
    for code, limit in STANDARD.river.items()
    if limit.direction in (Direction.AT_MOST, Direction.AT_LEAST)
    for place in range(5)
]


def month_of(sections, readings, **chosen):
    return assess_columns(sections, ReadingColumns.from_frame(readings), [parse_period("2025-06")], **chosen)


# --- any order, any pieces ---


@st.composite
def cases(draw):
    """Readings of three sections over some period: gaps, non-detects, flags, statuses, odd moments."""
    period = parse_period(draw(st.sampled_from(PERIODS)))
    first = pd.Timestamp(period.start, tz="Asia/Shanghai")
    moments = draw(
        st.lists(st.tuples(st.integers(-2, period.days + 1), st.integers(0, 23)), min_size=1, max_size=6)
    )
    shift = draw(st.sampled_from([pd.Timedelta(0), pd.Timedelta(minutes=30), pd.Timedelta(microseconds=5)]))
    codes = draw(
        st.lists(st.sampled_from(["ph", "do", "cod_mn", "nh3_n", "tp", "tn", "hg"]), min_size=1, max_size=4)
    )
    rows = []
    for section in ("A", "B", "C", "elsewhere"):
        for day, hour in moments:
            for code in codes:
                value = draw(st.decimals(0, 2 if code not in ("ph", "do") else 9, places=2))
                below = draw(st.integers(0, 9)) == 0
                rows.append(
                    {
                        "section": section,
                        "sampled_at": first
                        + pd.Timedelta(days=day, hours=hour)
                        + shift * int(section == "B"),
                        "parameter": code,
                        "value": value if draw(st.integers(0, 19)) else None,
                        "full_value": value + Decimal("0.00071") if section == "C" else None,
                        "qualifier": "<" if below else "=",
                        "detection_limit": value if below and section != "B" else None,
                        "station_type": draw(st.sampled_from(["automatic", "manual", "manual"])),
                        "station_status": draw(st.sampled_from([None, None, None, "维护", "停站"])),
                        "quality": draw(st.sampled_from([None, 1, 2, 2, 3, 4])),
                        "upload_id": draw(st.sampled_from([1, 2, None])),
                    }
                )
    return period, pd.DataFrame(rows)


@st.composite
def choices(draw):
    return AssessmentSettings(
        compare=draw(st.sampled_from([None, Compare.FULL])),
        ph_mean=draw(st.sampled_from(["plain", "hydrogen"])),
        round_means=draw(st.booleans()),
        interrupted_sections=frozenset({"A"}),
        intensity_highest=draw(st.sampled_from(["reading", "daily_mean"])),
        use_suspect=draw(st.booleans()),
        missing_required=draw(st.sampled_from(list(MissingRequired))),
    )


SECTIONS = (
    {"code": "A", "target_class": 2},
    {"code": "B", "water_body_type": "lake", "target_class": None},
    {"code": "C", "water_body_type": None, "target_class": 3},
)


def texts_of(tables, period):
    """Everything that the tables say of a period, as text."""
    frames = (frame[frame["period"] == str(period)] for frame in (tables.sections, tables.parameters))
    return [frame.to_csv(index=False) for frame in frames] + [
        json.dumps([found.as_json() for found in tables.assessments(period)])
    ]


@given(case=cases(), chosen=choices(), data=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_neither_order_nor_pieces_nor_other_periods_change_a_byte(sections_of, case, chosen, data):
    period, frame = case
    sections = sections_of(*SECTIONS)
    whole = assess_columns(sections, ReadingColumns.from_frame(frame), [period], STANDARD, chosen)
    shuffled = frame.iloc[data.draw(st.permutations(range(len(frame))))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(frame)), max_size=3)))
    pieces = [shuffled.iloc[start:end] for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True)]
    others = [parse_period(text) for text in ("2025-05", "2025-06-05/2025-07-04") if text != period.text]
    pieced = assess_columns(
        sections.iloc[::-1], map(ReadingColumns.from_frame, pieces), [*others, period], STANDARD, chosen
    )
    assert texts_of(pieced, period) == texts_of(whole, period)
    direct = assess_sections(sections, frame, period, STANDARD, chosen)
    assert texts_of(whole, period)[2] == json.dumps([found.as_json() for found in direct])


@given(case=cases())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_the_sizes_of_the_working_memory_change_no_byte(sections_of, case):
    period, frame = case
    sections, columns = sections_of(*SECTIONS), ReadingColumns.from_frame(frame)
    usual = texts_of(assess_columns(sections, columns, [period]), period)
    for sizes in ({"_BLOCK": 7}, {"_MOST_MARKS": 0, "_MOST_MOMENTS": 3}, {"_SAFE": 1.0}):
        with pytest.MonkeyPatch.context() as patch:
            for name, size in sizes.items():
                patch.setattr(sums, name, size)
            assert texts_of(assess_columns(sections, columns, [period]), period) == usual


def none_of(cell):
    return None if cell is None or pd.isna(cell) else cell


@given(case=cases(), chosen=choices())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_the_tables_say_what_the_assessments_say(sections_of, case, chosen):
    # The tables judge all sections at once by whole numbers, the assessments one value after another.
    period, frame = case
    tables = assess_columns(
        sections_of(*SECTIONS), ReadingColumns.from_frame(frame), [period], STANDARD, chosen
    )
    rows = tables.parameters
    for found, row in zip(tables.assessments(period), tables.sections.to_dict("records"), strict=True):
        warnings = {warning.code for warning in found.warnings}
        intensity = found.flood_intensity
        assert {name: none_of(cell) for name, cell in row.items()} | {"class_with_suspect": None} == {
            "period": period.text,
            "section": found.code,
            "water_body_type": found.water_body_type,
            "judged_as": found.judged_as,
            "samples": found.samples,
            "months": found.months,
            "automatic_samples": row["automatic_samples"],
            "excluded": row["excluded"],
            "representative": found.representative,
            "class": found.water_class,
            "class_label": found.as_json()["class_label"],
            "best_class": found.best_class,
            "worst_class": found.worst_class,
            "grade": found.grade,
            "main_pollutants": len(found.main_pollutants),
            "target_class": found.target_class,
            "verdict": found.verdict,
            "reason": found.reasons[0].code if found.reasons else None,
            "suspect_readings_matter": "suspect_readings_matter" in warnings,
            "class_with_suspect": None,
            "automatic_coverage_low": "automatic_coverage_low" in warnings,
            "required_items_missing": "required_items_missing" in warnings,
            "flood_pollutant": intensity.code if intensity else None,
            "flood_intensity": float(intensity.value) if intensity else None,
            "tli": None,
            "trophic_state": None,
        }
        items = rows[rows["section"] == found.code].to_dict("records")
        assert [item["parameter"] for item in items] == [entry.code for entry in found.parameters]
        for entry, item in zip(found.parameters, items, strict=True):
            ranks = {code: rank for rank, code in enumerate(found.main_pollutants, 1)}
            multiples = (entry.item.exceedance_multiple, entry.item.target_multiple)
            assert math.isclose(item["mean"], entry.mean, rel_tol=5e-16 * len(period.months))
            assert {name: none_of(cell) for name, cell in item.items() if name != "mean"} == {
                "period": period.text,
                "section": found.code,
                "parameter": entry.code,
                "samples": entry.samples,
                "months": entry.months,
                "non_detects": entry.non_detects,
                "class": entry.item.water_class,
                "best_class": entry.item.best_class,
                "worst_class": entry.item.worst_class,
                "evaluated": entry.item.evaluated,
                "limiting": entry.code in found.limiting,
                "main_pollutant": ranks.get(entry.code),
                "exceedance_multiple": None if multiples[0] is None else float(multiples[0]),
                "target_multiple": None if multiples[1] is None else float(multiples[1]),
            }


# --- exactly at the limits ---


@given(
    case=st.sampled_from(GRADED),
    parts=st.lists(st.integers(-50, 50), min_size=1, max_size=5),
    months=st.sampled_from([(6,), (4, 5, 6), tuple(range(1, 13))]),
    away=st.sampled_from([-1, 0, 1]),
)
@settings(max_examples=150, deadline=None)
def test_a_mean_at_the_limit_meets_it_and_one_unit_beyond_does_not(
    sections_of, readings_of, case, parts, months, away
):
    """The samples of each month spread around the limit and add up to it, or to one unit off."""
    code, limit, place = case
    bound = limit.bounds[place]
    unit = bound / 10**4
    rows = []
    for month in months:
        offsets = [*parts, -sum(parts)]
        offsets[0] += away if month == months[-1] else 0
        rows += [
            ("S", f"2025-{month:02d}-{day:02d} 10:00", {code: f"{bound + unit * offset:f}"})
            for day, offset in enumerate(offsets, 1)
        ]
    period = parse_period({1: "2025-06", 3: "2025-Q2", 12: "2025"}[len(months)])
    chosen = AssessmentSettings(interrupted_sections=frozenset({"S"}))
    tables = assess_columns(
        sections_of({"code": "S"}), ReadingColumns.from_frame(readings_of(*rows)), [period], STANDARD, chosen
    )
    shift = Fraction(unit) * away / (len(parts) + 1) / len(months)
    (row,) = tables.parameters.to_dict("records")
    assert row["class"] == limit.grade(Fraction(bound) + shift)
    assert tables.assessment("S", period).parameter(code).mean == Fraction(bound) + shift


def test_means_that_a_float_cannot_tell_from_the_limit_are_told_apart(sections_of, readings_of):
    tiny = "0.2000000000000000000000000000000001"
    rows = [("S", f"2025-{month:02d}-05", {"tp": "0.2"}) for month in range(1, 12)]
    for last, expected in (("0.2", 3), (tiny, 4)):
        readings = readings_of(*rows, ("S", "2025-12-05", {"tp": last}))
        tables = assess_columns(
            sections_of({"code": "S"}), ReadingColumns.from_frame(readings), [parse_period("2025")]
        )
        assert tables.parameters["class"].tolist() == [expected]


@given(
    case=st.sampled_from(GRADED),
    months=st.lists(
        st.tuples(st.sampled_from([3, 6, 9, 18]), st.fractions(0, 1, max_denominator=9973)),
        min_size=11,
        max_size=11,
    ),
    away=st.sampled_from([0, 0, -1, 1]),
)
@settings(max_examples=100, deadline=None)
def test_monthly_means_whose_floats_do_not_add_up_to_the_limit_do_so_exactly(
    sections_of, readings_of, case, months, away
):
    """Eleven monthly means are anything below twice the limit, and the twelfth makes up for them exactly."""
    code, limit, place = case
    bound = limit.bounds[place]
    unit = bound / 1000
    totals = [(count, int(2000 * count * share)) for count, share in months]
    rest = 18 * (12_000 - sum(Fraction(total, count) for count, total in totals))
    assume(rest >= 1)
    assume(Fraction(unit) * rest / 18 <= find_parameter(code).gross_max)
    totals.append((18, int(rest) + away))
    rows = []
    for month, (count, total) in enumerate(totals, 1):
        for day in range(1, count + 1):
            share = total // count + (day <= total % count)
            rows.append(("S", f"2025-{month:02d}-{day:02d}", {code: f"{unit * share:f}"}))
    tables = assess_columns(
        sections_of({"code": "S"}), ReadingColumns.from_frame(readings_of(*rows)), [parse_period("2025")]
    )
    exact = Fraction(bound) + Fraction(unit) * away / 18 / 12
    assert tables.assessment("S", "2025").parameter(code).mean == exact
    assert tables.parameters["class"].tolist() == [limit.grade(exact)]


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("tp", "0.2005", 3),  # rounds to 0.200, the even one
        ("tp", "0.2006", 4),
        ("nh3_n", "0.155", 2),  # rounds to 0.16, the even one
        ("nh3_n", "0.1549", 1),
        ("do", "7.45", 2),  # rounds to 7.4, the even one
        ("do", "7.46", 1),
        ("do", "5.95", 2),  # rounds to 6.0, the even one
        ("do", "5.94", 3),
        ("ph", "9.5", 6),  # rounds to 10, the even one
        ("ph", "9.49", 1),
        ("ph", "5.5", 1),  # rounds to 6, the even one
        ("ph", "5.49", 6),
    ],
)
def test_means_are_rounded_half_to_even_where_that_is_asked_for(
    sections_of, readings_of, code, value, expected
):
    tables = assess_columns(
        sections_of({"code": "S"}),
        ReadingColumns.from_frame(readings_of(("S", "2025-06-01", {code: value}))),
        [parse_period("2025-06")],
        STANDARD,
        AssessmentSettings(round_means=True),
    )
    assert tables.parameters["class"].tolist() == [expected]
    assert tables.assessment("S", "2025-06").parameter(code).item.water_class == expected


def test_main_pollutants_with_multiples_that_a_float_cannot_tell_apart_are_ordered_exactly(
    sections_of, readings_of
):
    # 7.5 / 6 and 1.25 / 1 are both 0.25 over class Ⅲ, and ties stand in the order of Table 1.
    over = CLEAN | {"cod_mn": "7.5", "nh3_n": "1.25"}
    for values, expected in (
        (over, ["cod_mn", "nh3_n"]),
        (over | {"nh3_n": "1.2500000000000000000001"}, ["nh3_n", "cod_mn"]),
    ):
        tables = month_of(sections_of({"code": "S"}), readings_of(("S", "2025-06-01", values)))
        ranked = tables.parameters.dropna(subset="main_pollutant").sort_values("main_pollutant")
        assert ranked["parameter"].tolist() == expected
        assert list(tables.assessment("S", "2025-06").main_pollutants) == expected


@given(
    values=st.lists(
        st.builds(lambda n, p: Decimal(n).scaleb(-p), st.integers(0, 10**18), st.integers(9, 22)),
        min_size=1,
        max_size=8,
    )
)
@settings(deadline=None, max_examples=60)
def test_sums_beyond_64_bits_stay_exact(sections_of, readings_of, values):
    values = [value % 1000 for value in values]
    rows = [("S", f"2025-06-{day:02d}", {"cod_mn": f"{value:f}"}) for day, value in enumerate(values, 1)]
    pieces = [ReadingColumns.from_frame(readings_of(row)) for row in rows]
    tables = assess_columns(sections_of({"code": "S"}), pieces, [parse_period("2025-06")])
    mean = sum(map(Fraction, values), Fraction(0)) / len(values)
    assert tables.assessment("S", "2025-06").parameter("cod_mn").mean == mean
    assert tables.parameters["mean"].tolist() == [float(mean)]


def test_a_long_column_of_large_amounts_grows_beyond_64_bits(sections_of):
    rows, amount = 4096, 10**16
    columns = ReadingColumns(
        sections=("S",),
        parameters=("conductivity",),
        places=(12,),
        section=np.zeros(rows, np.int32),
        parameter=np.zeros(rows, np.int16),
        moment=np.full(rows, int(pd.Timestamp("2025-06-10", tz="Asia/Shanghai").timestamp()) * 10**6),
        amount=np.full(rows, amount),
    )
    tables = assess_columns(sections_of({"code": "S"}), columns, [parse_period("2025-06")])
    assert rows * amount > np.iinfo(np.int64).max
    assert tables.parameters["mean"].tolist() == [10_000.0]
    assert tables.assessment("S", "2025-06").parameter("conductivity").mean == 10_000


# --- what enters, over pieces ---


def test_half_the_detection_limit_enters_and_the_share_of_non_detects_is_told(sections_of, readings_of):
    tables = month_of(
        sections_of({"code": "S"}),
        readings_of(("S", "2025-06-01", {"nh3_n": "<0.3"}), ("S", "2025-06-02", {"nh3_n": "0.15"})),
    )
    (row,) = tables.parameters.to_dict("records")
    assert (row["mean"], row["non_detects"], row["samples"], row["class"]) == (0.15, 1, 2, 1)


def test_automatic_data_of_a_later_piece_supersede_manual_data_of_an_earlier_one(sections_of, readings_of):
    june = [parse_period("2025-06"), parse_period("2025-Q2")]
    manual = readings_of(
        ("S", "2025-06-01", CLEAN | {"tp": "0.5", "cod_cr": "30", "upload": "1"}),
        ("S", "2025-05-01", CLEAN | {"tp": "0.3", "upload": "2"}),
        ("S", "2025-06-03", {"tp": "0.9", "upload": "3"}),
    )
    automatic = readings_of(("S", "2025-06-02", {"tp": "0.1", "type": "automatic", "upload": "4"}))
    pieces = [ReadingColumns.from_frame(frame) for frame in (manual, automatic)]
    for order in (pieces, pieces[::-1]):
        tables = assess_columns(sections_of({"code": "S"}), order, june)
        month, quarter = (tables.assessment("S", period) for period in june)
        assert (month.parameter("tp").mean, month.parameter("cod_cr").mean) == (Fraction(1, 10), 30)
        assert quarter.parameter("tp").mean == Fraction(2, 10)
        # The third of June had nothing but a superseded item, so it is no sample and upload 3 no evidence.
        assert (month.samples, month.upload_ids) == (2, (1, 4))
        assert (quarter.samples, quarter.upload_ids) == (3, (1, 2, 4))


def test_items_of_one_moment_are_one_sample_whatever_piece_they_come_in(sections_of, readings_of):
    pieces = [
        ReadingColumns.from_frame(readings_of(("S", "2025-06-01 08:00", {code: CLEAN[code]})))
        for code in CLEAN
    ]
    tables = assess_columns(sections_of({"code": "S"}), pieces, [parse_period("2025-06")])
    assert tables.sections["samples"].tolist() == [1]


def test_temperature_alone_makes_no_sample(sections_of, readings_of):
    tables = month_of(sections_of({"code": "S"}), readings_of(("S", "2025-06-01", {"water_temp": "20"})))
    assert tables.sections[["samples", "reason"]].values.tolist() == [[0, "no_evaluated_item"]]


def test_places_that_grow_from_piece_to_piece_change_no_mean(sections_of, readings_of):
    values = ("3", "3.25", "3.123456789")
    pieces = [
        ReadingColumns.from_frame(readings_of(("S", f"2025-06-0{day}", {"cod_mn": value})))
        for day, value in enumerate(values, 1)
    ]
    for order in (pieces, pieces[::-1]):
        tables = assess_columns(sections_of({"code": "S"}), order, [parse_period("2025-06")])
        assert tables.assessment("S", "2025-06").parameter("cod_mn").mean == sum(map(Fraction, values)) / 3


def test_periods_that_overlap_rest_on_the_same_readings(sections_of, readings_of):
    rows = [("S", f"2025-{month:02d}-05 10:00", CLEAN | {"tp": f"0.{month:02d}"}) for month in range(1, 13)]
    frame = readings_of(*rows)
    periods = [
        parse_period(text) for text in ("2025", "2025-Q1", "2025-03", "2025-flood", "2025-03-05/2025-03-05")
    ]
    sections = sections_of({"code": "S"})
    tables = assess_columns(sections, ReadingColumns.from_frame(frame), periods)
    assert tables.periods == tuple(periods)
    for period in periods:
        (alone,) = assess_sections(sections, frame, period)
        assert tables.assessment("S", period) == alone


def test_a_period_that_stands_twice_is_refused(sections_of):
    with pytest.raises(PeriodError):
        assess_columns(sections_of({"code": "S"}), [], [parse_period("2025"), parse_period("2025")])


def test_a_section_without_readings_has_a_row_and_a_reason(sections_of):
    tables = assess_columns(sections_of({"code": "S"}), [], [parse_period("2025-06"), parse_period("2025")])
    assert tables.sections["reason"].tolist() == ["no_readings", "no_readings"]
    assert tables.sections["verdict"].tolist() == [Verdict.UNDETERMINED] * 2
    assert tables.parameters.empty


def test_no_sections_make_empty_tables(sections_of, readings_of):
    tables = month_of(sections_of(), readings_of(("S", "2025-06-01", CLEAN)))
    assert tables.sections.empty
    assert tables.parameters.empty


def test_an_unknown_parameter_is_an_error_only_where_it_is_asked_about(sections_of, readings_of):
    sections = sections_of({"code": "S"})
    month_of(sections, readings_of(("elsewhere", "2025-06-01", {"oxygen": "3"})))
    month_of(sections, readings_of(("S", "2025-07-01", {"oxygen": "3"})))
    with pytest.raises(UnknownParameterError):
        month_of(sections, readings_of(("S", "2025-06-01", {"oxygen": "3"})))


def test_an_unknown_type_of_water_is_an_error(sections_of, readings_of):
    tables = month_of(
        sections_of({"code": "S", "water_body_type": "canal"}), readings_of(("S", "2025-06-01", CLEAN))
    )
    with pytest.raises(UnknownWaterBodyTypeError):
        tables.sections  # noqa: B018 - judged when it is asked for


def test_the_trophic_index_stands_in_the_table(sections_of, readings_of):
    lake = {"chl_a": "0.010", "tp": "0.05", "tn": "1.0", "transparency": "1.0", "cod_mn": "4.0"}
    tables = month_of(
        sections_of({"code": "L", "water_body_type": "lake"}, {"code": "R"}),
        readings_of(("L", "2025-06-01", CLEAN | lake), ("R", "2025-06-01", CLEAN | lake)),
    )
    lake_row, river_row = tables.sections.to_dict("records")
    assert lake_row["tli"] == float(tables.assessment("L", "2025-06").trophic.tli)
    assert lake_row["trophic_state"] == "mesotrophic"
    assert math.isnan(river_row["tli"])


# --- items that a class should rest on ---


@pytest.mark.parametrize(
    ("missing", "values", "water_class", "verdict"),
    [
        (MissingRequired.ACCEPT, {"ph": "7"}, 1, Verdict.COMPLIANT),
        (MissingRequired.WARN, {"ph": "7"}, 1, Verdict.COMPLIANT),
        (MissingRequired.UNDETERMINED, {"ph": "7"}, None, Verdict.UNDETERMINED),
        (MissingRequired.UNDETERMINED, {"cod_mn": "8"}, None, Verdict.VIOLATION),
        (MissingRequired.UNDETERMINED, {"cod_mn": "80"}, 6, Verdict.VIOLATION),
        (MissingRequired.UNDETERMINED, CLEAN, 1, Verdict.COMPLIANT),
    ],
)
def test_what_was_not_measured_is_named_and_by_a_setting_leaves_the_class_open(
    sections_of, readings_of, missing, values, water_class, verdict
):
    chosen = AssessmentSettings(missing_required=missing)
    (found,) = assess_sections(
        sections_of({"code": "S"}),
        readings_of(("S", "2025-06-01", values)),
        parse_period("2025-06"),
        STANDARD,
        chosen,
    )
    assert (found.water_class, found.verdict) == (water_class, verdict)
    absent = [code for code in METHOD.required if code not in values]
    told = {
        reason.code: reason.params["parameters"]
        for reason in (*found.reasons, *found.warnings)
        if reason.code == "required_items_missing"
    }
    expected = (
        {}
        if missing is MissingRequired.ACCEPT or not absent
        else {"required_items_missing": "、".join(absent)}
    )
    assert told == expected


def test_by_default_a_class_without_a_core_item_stands_with_a_warning():
    assert METHOD.required == METHOD.core
    assert AssessmentSettings().missing_required is MissingRequired.WARN


# --- the sums themselves ---


def test_evidence_counts_the_readings_that_do_not_enter_by_reason(sections_of, readings_of):
    frame = readings_of(
        ("S", "2025-06-01", {"tp": "0.1", "status": "停站"}),
        ("S", "2025-06-02", {"tp": "0.1", "status": "维护"}),
        ("S", "2025-06-03", {"tp": "9999"}),
        ("S", "2025-06-04", {"tp": "0.2"}),
        ("elsewhere", "2025-06-04", {"tp": "9999"}),
    )
    tally = Tally(["S"], [parse_period("2025-06")])
    tally.add(ReadingColumns.from_frame(frame))
    evidence = gather_evidence(tally, 0)
    counted = dict(zip(sums.REASONS, evidence.excluded[:, 0].tolist(), strict=True))
    assert {code: count for code, count in counted.items() if count} == {
        "station_stopped": 1,
        "station_under_maintenance": 1,
        "value_impossible": 1,
    }
    assert (evidence.counts.sum(), evidence.mean(0, 0)) == (1, Fraction(1, 5))
