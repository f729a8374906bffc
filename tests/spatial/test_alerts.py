"""Warnings from readings: thresholds, steps, episodes, identity, worked out from the text of the rules."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial.alerts import Alert, AlertResult, alert_id, find_alerts
from spatial.columns import ReadingColumns
from spatial.period import BEIJING

START = datetime(2025, 6, 2, tzinfo=BEIJING)
FOUR_HOURS = timedelta(hours=4)
NO_SOURCES = pd.DataFrame({"section": []})
NO_TARGETS = pd.DataFrame({"section": [], "parameter": [], "comparator": [], "limit": [], "source": []})

Row = dict[str, Any]


def section(code: str = "S", **facts: Any) -> Row:
    row: Row = {
        "code": code,
        "target_class": 2,
        "water_body_type": "river",
        "river": "样例河",
        "region_code": "430000",
        "basin": None,
        "valid_from": None,
        "valid_to": None,
    }
    return row | facts


def reading(parameter: str, value: str, at: datetime = START, **facts: Any) -> Row:
    censored = value.startswith("<")
    number = Decimal(value.removeprefix("<"))
    row: Row = {
        "section": "S",
        "sampled_at": at,
        "parameter": parameter,
        "value": number,
        "full_value": None,
        "qualifier": "<" if censored else "=",
        "detection_limit": number if censored else None,
        "station_type": "automatic",
        "station_status": None,
        "quality": 1,
        "upload_id": 1,
    }
    return row | facts


def series(parameter: str, values: Sequence[str], step: timedelta = FOUR_HOURS, **facts: Any) -> list[Row]:
    return [reading(parameter, value, START + place * step, **facts) for place, value in enumerate(values)]


def look(
    rows: Sequence[Row],
    sections: Sequence[Row] | None = None,
    *,
    sources: pd.DataFrame = NO_SOURCES,
    targets: pd.DataFrame = NO_TARGETS,
    only: Sequence[str] | None = None,
) -> AlertResult:
    frame = pd.DataFrame(list(rows))
    frame["sampled_at"] = pd.to_datetime(frame["sampled_at"], utc=True).dt.tz_convert("Asia/Shanghai")
    listed = pd.DataFrame(list(sections if sections is not None else [section()]), dtype=object)
    return find_alerts(ReadingColumns.from_frame(frame), listed, sources, targets, only=only)


def only_alert(result: AlertResult) -> Alert:
    (found,) = result.alerts
    return found


def said(result: AlertResult) -> set[tuple[str, str, str]]:
    return {(one.rule_id, one.parameter, one.severity) for one in result.alerts}


# Limits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        # Total phosphorus of a river, class Ⅱ: 0.1 mg/L. Steps: over it, from 0.5, from 1, from 5 times over.
        ("0.1", None),
        ("0.1000000001", "blue"),
        ("0.149", "blue"),
        ("0.15", "yellow"),
        ("0.1999", "yellow"),
        ("0.2", "orange"),
        ("0.59999", "orange"),
        ("0.6", "red"),
    ],
)
def test_a_value_equal_to_the_limit_meets_it_and_each_step_begins_at_its_multiple(
    value: str, severity: str | None
) -> None:
    found = look([reading("tp", value, station_type="manual")])
    assert [one.severity for one in found.alerts] == ([] if severity is None else [severity])


@pytest.mark.parametrize(
    ("parameter", "value", "warned"),
    [
        ("do", "6", False),
        ("do", "5.99", True),
        ("ph", "6", False),
        ("ph", "9", False),
        ("ph", "5.99", True),
        ("ph", "9.01", True),
        ("tn", "50", False),
        ("fecal_coliform", "900000", False),
        ("water_temp", "40", False),
    ],
)
def test_oxygen_and_ph_have_their_sides_and_reported_items_never_warn(
    parameter: str, value: str, *, warned: bool
) -> None:
    assert bool(look([reading(parameter, value, station_type="manual")]).alerts) is warned


def test_a_lake_has_the_limits_of_lakes_and_an_unknown_water_the_looser_ones() -> None:
    row = [reading("tp", "0.06", station_type="manual")]
    lake, unknown = (
        section(water_body_type="lake", target_class=3),
        section(water_body_type=None, target_class=3),
    )
    assert said(look(row, [lake])) == {("limit-target", "tp", "blue")}
    assert look(row, [unknown]).alerts == ()


def test_a_section_without_a_target_is_held_against_class_3() -> None:
    rows = [reading("nh3_n", "1.01", station_type="manual")]
    assert said(look(rows, [section("T")])) == {("limit-class-3", "nh3_n", "blue")}
    assert said(look(rows)) == {("limit-target", "nh3_n", "orange")}


def test_the_target_is_that_of_the_day_of_the_reading() -> None:
    versions = [
        section(target_class=2, valid_to=date(2025, 6, 2)),
        section(target_class=3, valid_from=date(2025, 6, 3)),
    ]
    rows = [reading("tp", "0.15", START + timedelta(days=day), station_type="manual") for day in (0, 1)]
    found = only_alert(look(rows, versions))
    assert (found.started_at, found.ended_at) == (START, START)
    assert found.threshold is not None
    assert found.threshold.water_class == 2


def test_one_automatic_reading_warns_of_nothing_and_three_within_the_gap_do() -> None:
    assert look(series("tp", ["0.11", "0.11"])).alerts == ()
    assert only_alert(look(series("tp", ["0.11", "0.05", "0.11", "0.05", "0.11"]))).count == 3


def test_one_automatic_reading_far_over_the_limit_warns_at_once() -> None:
    assert only_alert(look(series("tp", ["0.6"]))).severity == "red"


def test_an_approved_limit_of_a_section_warns_below_a_least_flow_and_above_a_most_manganese() -> None:
    targets = pd.DataFrame(
        [
            {"section": "S", "parameter": "flow", "comparator": ">=", "limit": Decimal(30), "source": "水利"},
            {"section": "S", "parameter": "tp", "comparator": "<=", "limit": Decimal("0.06"), "source": None},
        ]
    )
    rows = [reading(*one, station_type="manual") for one in (("flow", "29.9"), ("tp", "0.09"))]
    found = look(rows, targets=targets, only=["limit-approved"])
    assert said(found) == {("limit-approved", "flow", "blue"), ("limit-approved", "tp", "yellow")}
    met = [reading(*one, station_type="manual") for one in (("flow", "30"), ("tp", "0.06"))]
    assert look(met, targets=targets, only=["limit-approved"]).alerts == ()


# Detection limits and what takes no part -------------------------------------------------------------------


def test_a_detection_limit_above_the_limit_warns_of_nothing_and_is_told() -> None:
    found = look([reading("hg", "<0.0002", station_type="manual")])
    assert found.alerts == ()
    assert [(one.rule_id, one.parameter, one.readings) for one in found.undecided] == [
        ("limit-target", "hg", 1)
    ]


def test_a_detection_limit_at_the_limit_is_clear() -> None:
    found = look([reading("hg", "<0.00005", station_type="manual")])
    assert (found.alerts, found.undecided) == ((), ())


def test_oxygen_below_a_detection_limit_below_the_bound_is_low_oxygen() -> None:
    found = look([reading("do", "<0.5", station_type="manual")], only=["low-oxygen"])
    assert said(found) == {("low-oxygen", "do", "red")}


@pytest.mark.parametrize(
    "facts",
    [
        {"quality": 3},
        {"quality": 4},
        {"quality": 9},
        {"station_status": "维护"},
        {"station_status": "停运"},
    ],
)
def test_doubtful_failed_and_unattended_readings_take_no_part(facts: Row) -> None:
    assert look([reading("tp", "5", **facts)]).alerts == ()


def test_an_impossible_value_takes_no_part() -> None:
    assert look([reading("do", "99", station_type="manual"), reading("tp", "501")]).alerts == ()


def test_the_unrounded_value_is_compared_before_2022_and_the_shown_one_after() -> None:
    facts: Row = {"full_value": Decimal("0.1004"), "station_type": "manual"}
    before = datetime(2021, 12, 31, 23, tzinfo=BEIJING)
    assert look([reading("tp", "0.100", before, **facts)]).alerts
    assert look([reading("tp", "0.100", before + timedelta(hours=1), **facts)]).alerts == ()


def test_a_number_with_many_digits_is_compared_exactly() -> None:
    over, at = "0.1" + "0" * 30 + "1", "0.1" + "0" * 31
    assert look([reading("tp", over, station_type="manual")]).alerts
    assert look([reading("tp", at, station_type="manual")]).alerts == ()


# Metals, oxygen, blooms, sources ---------------------------------------------------------------------------


def test_manganese_of_the_plan_holds_in_its_rivers_and_until_it_ends() -> None:
    river = [section(river="花垣河")]
    rows = [reading("mn", "0.31", station_type="manual")]
    assert said(look(rows, river, only=["manganese-plan"])) == {("manganese-plan", "mn", "yellow")}
    assert look(rows, only=["manganese-plan"]).alerts == ()
    assert look([reading("mn", "0.3", station_type="manual")], river, only=["manganese-plan"]).alerts == ()
    late = [reading("mn", "0.31", datetime(2026, 1, 1, tzinfo=BEIJING), station_type="manual")]
    assert look(late, river, only=["manganese-plan"]).alerts == ()


@pytest.mark.parametrize(("parameter", "limit"), [("tl", "0.0001"), ("sb", "0.005"), ("mn", "0.1")])
def test_metals_without_a_limit_in_table_1_borrow_those_of_sources(parameter: str, limit: str) -> None:
    assert look([reading(parameter, limit, station_type="manual")]).alerts == ()
    found = only_alert(look([reading(parameter, limit + "1", station_type="manual")]))
    assert (found.rule_id, found.severity) == ("metals", "blue")
    assert found.threshold is not None
    assert found.threshold.table in (2, 3)


def test_an_approved_limit_of_a_metal_takes_the_place_of_the_borrowed_one() -> None:
    targets = pd.DataFrame(
        [{"section": "S", "parameter": "mn", "comparator": "<=", "limit": Decimal("0.2"), "source": None}]
    )
    assert look([reading("mn", "0.15", station_type="manual")], targets=targets).alerts == ()
    found = look([reading("mn", "0.21", station_type="manual")], targets=targets)
    assert said(found) == {("limit-approved", "mn", "blue")}


def test_a_section_of_a_source_is_held_to_class_3_and_tables_2_and_3_one_step_more_severely() -> None:
    sources = pd.DataFrame([{"section": "S", "valid_from": None, "valid_to": None}], dtype=object)
    rows = [
        reading(*one, station_type="manual")
        for one in (("nitrate", "10.1"), ("tp", "0.21"), ("mn", "0.11"), ("ni", "0.02"))
    ]
    found = look(rows, [section(target_class=4)], sources=sources)
    assert said(found) == {
        ("source-single", "nitrate", "yellow"),
        ("source-class", "tp", "yellow"),
        ("source-single", "mn", "yellow"),
    }


@pytest.mark.parametrize(
    ("parameter", "value", "severity"),
    [
        ("algae_density", "9999999", None),
        ("algae_density", "10000000", "blue"),
        ("algae_density", "50000000", "yellow"),
        ("algae_density", "100000000", "orange"),
        ("chl_a", "0.0399", None),
        ("chl_a", "0.04", "blue"),
        ("do", "3", None),
        ("do", "2.9", "yellow"),
        ("do", "1.9", "orange"),
        ("do", "0.9", "red"),
    ],
)
def test_levels_of_blooms_are_reached_and_those_of_oxygen_fallen_short_of(
    parameter: str, value: str, severity: str | None
) -> None:
    rules = ["bloom-density", "bloom-chlorophyll", "low-oxygen"]
    found = look([reading(parameter, value, station_type="manual")], only=rules)
    assert [one.severity for one in found.alerts] == ([] if severity is None else [severity])


def days_of(oxygen: tuple[str, str], ph: tuple[str, str], days: int = 2) -> list[Row]:
    rows = []
    for day in range(days):
        for hour, place in ((4, 0), (16, 1)):
            at = START + timedelta(days=day, hours=hour)
            rows += [reading("do", oxygen[place], at), reading("ph", ph[place], at)]
    return rows


def test_oxygen_and_ph_rising_together_on_two_days_are_a_sign_of_algae() -> None:
    rule = ["bloom-daytime"]
    assert said(look(days_of(("7", "12"), ("8.0", "8.5")), only=rule)) == {("bloom-daytime", "do", "blue")}
    for oxygen, ph, days in (
        (("7.1", "12"), ("8.0", "8.5"), 2),
        (("6", "11.9"), ("8.0", "8.5"), 2),
        (("7", "12"), ("8.0", "8.49"), 2),
        (("7", "12"), ("8.0", "8.5"), 1),
    ):
        assert look(days_of(oxygen, ph, days), only=rule).alerts == ()


# Jumps and rises -------------------------------------------------------------------------------------------


def test_a_jump_is_three_times_the_median_of_the_readings_before() -> None:
    # Median of six times 0.04 and six times 0.06 (mg/L): 0.05; floor 0.05 (half of class Ⅱ).
    past = ["0.04", "0.06"] * 6
    assert look(series("tp", [*past, "0.149", "0.149"]), only=["jump"]).alerts == ()
    found = only_alert(look(series("tp", [*past, "0.15", "0.18"]), only=["jump"]))
    assert (found.severity, found.count, found.level) == ("blue", 2, Decimal("0.05"))
    assert only_alert(look(series("tp", [*past, "0.5"]), only=["jump"])).severity == "orange"


def test_a_jump_below_half_the_limit_and_one_without_enough_past_are_none() -> None:
    assert look(series("tp", [*["0.004"] * 12, "0.049", "0.049"]), only=["jump"]).alerts == ()
    assert look(series("tp", [*["0.05"] * 5, "0.6"]), only=["jump"]).alerts == ()
    long_ago = series("tp", [*["0.05"] * 12, "0.6"], timedelta(hours=20))
    assert look(long_ago, only=["jump"]).alerts == ()


def daily(means: Sequence[str], parameter: str = "tp") -> list[Row]:
    return [
        reading(parameter, mean, START + timedelta(days=day, hours=hour))
        for day, mean in enumerate(means)
        for hour in (0, 8, 16)
    ]


def test_five_daily_means_in_a_row_that_rise_by_half_are_a_rise() -> None:
    rule = ["rise-days"]
    found = only_alert(look(daily(["0.04", "0.045", "0.05", "0.055", "0.06"]), only=rule))
    assert (found.started_at, found.level) == (START + timedelta(days=4), Decimal("0.04"))
    for means in (
        ["0.04", "0.045", "0.05", "0.06"],  # four days
        ["0.04", "0.05", "0.05", "0.055", "0.06"],  # not every day
        ["0.04", "0.045", "0.05", "0.055", "0.0599"],  # not by half
        ["0.02", "0.025", "0.03", "0.035", "0.049"],  # below half the limit
    ):
        assert look(daily(means), only=rule).alerts == ()


def test_six_months_that_rise_by_rank_are_a_rise() -> None:
    def months(values: Sequence[str]) -> list[Row]:
        return [
            reading("tp", value, datetime(2025, 1 + month, 5, tzinfo=BEIJING), station_type="manual")
            for month, value in enumerate(values)
        ]

    rule = ["rise-months"]
    # d² of one swapped pair is 2: rs = 1 - 6·2/210 = 0.943, which reaches the critical value.
    assert look(months(["0.04", "0.05", "0.06", "0.08", "0.07", "0.09"]), only=rule).alerts
    # Two swapped pairs: rs = 1 - 6·4/210 = 0.886.
    assert look(months(["0.05", "0.04", "0.06", "0.08", "0.07", "0.09"]), only=rule).alerts == ()


# Episodes and identity -------------------------------------------------------------------------------------


def test_readings_nearer_than_the_gap_are_one_warning_and_farther_ones_two() -> None:
    def three(at: datetime) -> list[Row]:
        return [reading("tp", "0.11", at + place * FOUR_HOURS) for place in range(3)]

    last = START + 2 * FOUR_HOURS
    near, far = last + timedelta(hours=48), last + timedelta(hours=48, microseconds=1)
    assert only_alert(look([*three(START), *three(near)])).count == 6
    assert [one.started_at for one in look([*three(START), *three(far)]).alerts] == [START, far]


def test_the_identity_is_rule_section_item_and_beginning() -> None:
    found = only_alert(look(series("tp", ["0.11"] * 3)))
    assert found.id == alert_id("S", "limit-target", "tp", START)
    assert found.id == only_alert(look(series("tp", ["0.11"] * 9))).id


def test_the_readings_behind_a_warning_are_told_with_their_uploads() -> None:
    rows = series("tp", ["0.11"] * 30)
    rows[7]["upload_id"] = 9
    rows[7]["value"] = Decimal("0.3")
    found = only_alert(look(rows))
    assert (found.count, len(found.readings), found.upload_ids) == (30, 20, (1, 9))
    assert (found.worst.value, found.worst.sampled_at, found.worst.upload_id) == (
        Decimal("0.3"),
        START + 7 * FOUR_HOURS,
        9,
    )
    assert found.multiple == 2


VALUES = st.sampled_from(["0.05", "0.1", "0.11", "0.16", "0.25", "0.7", "<0.02", "<0.5"])
READINGS = st.lists(
    st.tuples(st.sampled_from("ST"), st.integers(0, 400), st.booleans(), VALUES),
    min_size=1,
    max_size=40,
    unique_by=lambda one: one[:2],
)


def as_rows(drawn: Sequence[tuple[str, int, bool, str]]) -> list[Row]:
    return [
        reading(
            "tp",
            value,
            START + hour * timedelta(hours=2),
            section=code,
            station_type="automatic" if automatic else "manual",
        )
        for code, hour, automatic, value in drawn
    ]


BOTH = [section("S"), section("T", target_class=3)]


@settings(max_examples=60, deadline=None)
@given(drawn=READINGS, seed=st.randoms())
def test_the_order_of_readings_changes_nothing(drawn: list[tuple[str, int, bool, str]], seed: Any) -> None:
    rows = as_rows(drawn)
    expected = look(rows, BOTH)
    seed.shuffle(rows)
    assert look(rows, BOTH) == expected


@settings(max_examples=60, deadline=None)
@given(drawn=READINGS)
def test_sections_apart_give_what_they_give_together(drawn: list[tuple[str, int, bool, str]]) -> None:
    together = look(as_rows(drawn), BOTH)
    apart = [look(part, BOTH) for code in "ST" if (part := as_rows([one for one in drawn if one[0] == code]))]
    assert together.alerts == tuple(alert for one in apart for alert in one.alerts)
    assert together.undecided == tuple(found for one in apart for found in one.undecided)


@settings(max_examples=60, deadline=None)
@given(drawn=READINGS, hour=st.integers(0, 400), code=st.sampled_from("ST"))
def test_a_reading_that_complies_never_opens_or_moves_a_warning_of_a_limit(
    drawn: list[tuple[str, int, bool, str]], hour: int, code: str
) -> None:
    rows = as_rows([one for one in drawn if one[:2] != (code, hour)])
    if not rows:
        return
    more = [*rows, *as_rows([(code, hour, True, "0.1")])]
    assert look(more, BOTH, only=["limit-target"]).alerts == look(rows, BOTH, only=["limit-target"]).alerts


@settings(max_examples=40, deadline=None)
@given(drawn=READINGS, cut=st.integers(0, 400))
def test_earlier_readings_keep_the_identity_of_the_warnings_that_ended_long_before(
    drawn: list[tuple[str, int, bool, str]], cut: int
) -> None:
    earlier = as_rows([one for one in drawn if one[1] <= cut])
    if not earlier:
        return
    before, after = (look(rows, BOTH, only=["limit-target"]) for rows in (earlier, as_rows(drawn)))
    kept = {one.id for one in after.alerts}
    assert {one.id for one in before.alerts} <= kept


def test_a_million_readings_take_a_few_seconds() -> None:
    sections, times = 500, 500
    codes = ("do", "cod_mn", "nh3_n", "tp")
    count = sections * times * len(codes)
    generator = np.random.default_rng(7)
    parameter = np.tile(np.repeat(np.arange(len(codes), dtype=np.int16), times), sections)
    typical = np.array([800, 200, 20, 5])[parameter]
    first = int(START.timestamp()) * 1_000_000
    columns = ReadingColumns(
        sections=tuple(f"S{number}" for number in range(sections)),
        parameters=codes,
        places=(2,) * len(codes),
        section=np.repeat(np.arange(sections, dtype=np.int32), times * len(codes)),
        parameter=parameter,
        moment=np.tile(first + np.arange(times) * 14_400_000_000, sections * len(codes)),
        amount=(typical * generator.lognormal(0, 0.2, count)).astype(np.int64),
        automatic=np.ones(count, dtype=bool),
    )
    listed = pd.DataFrame([section(code) for code in columns.sections], dtype=object)
    started = datetime.now(tz=BEIJING)
    found = find_alerts(columns, listed, NO_SOURCES, NO_TARGETS)
    assert datetime.now(tz=BEIJING) - started < timedelta(seconds=30)
    assert all(one.parameter in codes for one in found.alerts)
