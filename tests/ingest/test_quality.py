"""Flags of readings: every test at its threshold, and what holds for all readings whatever they are."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import QualityThresholdsError
from ingest.quality import Flag, completeness, flag_readings, load_thresholds, parse_thresholds
from spatial.parameters import load_parameters

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "ingest" / "data" / "quality.toml").read_text(encoding="utf-8")
METHOD = tomllib.loads((ROOT / "spatial/rules/evaluation_method_2011.toml").read_text(encoding="utf-8"))
NOON = pd.Timestamp("2025-06-01 12:00", tz="Asia/Shanghai")
COMMON = 'unit = "mg/L"\nstations = ["automatic", "unknown"]\nreason = "r"\nsource = "s"\n'
COMPLETENESS = """
[completeness]
readings_per_day = 6
manual_per_month = 1
warn_below_share = [60, 100]
automatic_within_hours = 24
worst_listed = 5
stations = ["automatic", "manual", "unknown"]
unit = "readings"
reason = "r"
source = "s"
"""


def thresholds(text: str = ""):
    return parse_thresholds(text + COMPLETENESS)


def series(*values: Any, parameter: str = "tp", hours: float = 4, **columns: Any) -> pd.DataFrame:
    """Readings of one section and parameter, one every `hours`."""
    count = len(values)
    frame = pd.DataFrame(
        {
            "section": "S",
            "parameter": parameter,
            "sampled_at": [NOON + pd.Timedelta(hours=hours * place) for place in range(count)],
            "value": pd.Series(
                [None if value is None else Decimal(str(value)) for value in values], dtype=object
            ),
        }
    )
    return frame.assign(**columns)


def sample(**values: Any) -> pd.DataFrame:
    """Readings of several parameters at one instant."""
    return pd.concat(
        [series(value, parameter=parameter) for parameter, value in values.items()], ignore_index=True
    )


def told(frame: pd.DataFrame, rules: Any = None, **options: Any) -> list[tuple[str, ...]]:
    """The tests of each reading; an empty tuple for one that passed."""
    found = flag_readings(frame, rules, **options)
    for flag, tests in zip(found["quality"], found["tests"], strict=True):
        assert (tests is None) == (flag in (Flag.PASS, Flag.NOT_EVALUATED))
    return [tests or () for tests in found["tests"]]


# -- gross range, zeros, missing ------------------------------------------------------------------------

RANGE = '[[gross_range]]\nparameter = "tp"\nfail = [0.001, 20]\nsuspect = [0.01, 2]\n' + COMMON


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.0009", "fail"),
        ("0.001", "suspect"),
        ("0.0099", "suspect"),
        ("0.01", None),
        ("0.0100", None),
        ("2", None),
        ("2.0001", "suspect"),
        ("20", "suspect"),
        ("20.0001", "fail"),
    ],
)
def test_a_value_exactly_at_a_bound_is_inside_it(value, expected):
    found = told(series(value), thresholds(RANGE))
    assert found == [() if expected is None else (f"gross_range:{expected}",)]


def test_a_kind_of_station_that_an_entry_does_not_name_has_the_bounds_of_the_registry():
    frame = series("19", "19", "600", station_type=["automatic", "manual", "manual"], hours=1000)
    assert told(frame, thresholds(RANGE)) == [("gross_range:suspect",), (), ("gross_range:fail",)]


def test_an_empty_value_is_missing_and_nothing_else():
    found = flag_readings(series(None, "0.1", station_status="停站"))
    assert found["quality"].tolist() == [Flag.MISSING, Flag.FAIL]
    assert found["tests"].tolist()[0] == ("value_missing:missing",)


@pytest.mark.parametrize(
    ("parameter", "flag"),
    [
        ("tp", Flag.FAIL),
        ("tn", Flag.FAIL),
        ("cod_mn", Flag.FAIL),
        ("nh3_n", Flag.FAIL),
        ("water_temp", Flag.SUSPECT),
        ("cu", Flag.SUSPECT),
        ("fecal_coliform", Flag.PASS),
        ("do", Flag.PASS),
    ],
)
def test_a_plain_zero_is_no_measurement_where_the_data_say_so(parameter, flag):
    found = flag_readings(series("0.000", parameter=parameter))
    assert found["quality"].tolist() == [flag]
    if flag is not Flag.PASS:
        assert found["tests"].tolist() == [(f"zero_value:{flag.name.lower()}",)]


def test_a_detection_limit_is_an_upper_bound_only():
    rules = thresholds(RANGE)
    frame = series("0.0001", "3", qualifier="<", hours=1000)
    assert told(frame, rules) == [(), ("gross_range:suspect",)]


def test_the_unrounded_value_is_tested_where_there_is_one():
    frame = series("0.01", "0.01", hours=1000).assign(full_value=[Decimal("0.0099"), None])
    assert told(frame, thresholds(RANGE)) == [("gross_range:suspect",), ()]


def test_a_parameter_that_nobody_knows_is_not_evaluated():
    assert flag_readings(series("1", parameter="unobtainium"))["quality"].tolist() == [Flag.NOT_EVALUATED]


# -- station status -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "flag"),
    [
        ("正常", Flag.PASS),
        (None, Flag.PASS),
        ("维护", Flag.SUSPECT),
        ("仪器故障", Flag.SUSPECT),
        ("停站", Flag.FAIL),
        ("不具备运行条件", Flag.FAIL),
        ("Offline", Flag.FAIL),
    ],
)
def test_the_status_of_a_station_flags_its_readings(status, flag):
    found = flag_readings(series("0.1", station_status=pd.Series([status], dtype=object)))
    assert found["quality"].tolist() == [flag]


def test_the_words_of_a_status_are_those_of_the_evaluation_method():
    shipped = {entry["flag"]: set(entry["words"]) for entry in tomllib.loads(SHIPPED)["station_status"]}
    words = METHOD["station_status"]
    assert shipped == {"fail": set(words["stopped"]), "suspect": set(words["maintenance"])}


# -- parts and totals, oxygen ---------------------------------------------------------------------------

PART = (
    '[[part_of_total]]\npart = "nh3_n"\ntotal = "tn"\nfactor = 1.1\nallowance = 0.05\n'
    'flag = "suspect"\nflagged = ["part", "total"]\n' + COMMON
)
BOTH = [("part_of_total:suspect",)] * 2


@pytest.mark.parametrize(
    ("part", "total", "wrong"), [("1.15", "1", False), ("1.151", "1", True), ("0.05", "0", False)]
)
def test_a_part_may_reach_its_total_with_what_is_allowed_and_not_exceed_it(part, total, wrong):
    found = told(sample(nh3_n=part, tn=total), thresholds(PART))
    assert found == (BOTH if wrong else [(), ()])


def test_a_part_and_its_total_are_compared_at_one_section_and_instant_only():
    frame = sample(nh3_n="5", tn="1")
    for column, other in (("section", "T"), ("sampled_at", NOON + pd.Timedelta(seconds=1))):
        apart = frame.copy()
        apart.loc[1, column] = other
        assert told(apart, thresholds(PART)) == [(), ()]


def test_what_was_not_detected_exceeds_nothing_but_may_be_exceeded():
    frame = sample(nh3_n="5", tn="1")
    assert told(frame.assign(qualifier=["<", "="]), thresholds(PART)) == [(), ()]
    assert told(frame.assign(qualifier=["=", "<"]), thresholds(PART)) == BOTH


def test_a_total_that_fails_by_itself_says_nothing_of_its_parts():
    assert told(sample(nh3_n="0.3", tn="0")) == [(), ("zero_value:fail",)]


@pytest.mark.parametrize(
    ("part", "total", "values"),
    [
        ("nh3_n", "tn", ("2", "1")),
        ("nitrate", "tn", ("2", "1")),
        ("cr6", "cr_total", ("0.05", "0.02")),
        ("methylmercury", "hg", ("0.0005", "0.0001")),
        ("bod5", "cod_cr", ("30", "15")),
        ("cod_mn", "cod_cr", ("30", "15")),
    ],
)
def test_the_shipped_rules_hold_parts_against_their_totals_and_doubt_the_low_one(part, total, values):
    frame = sample(**dict(zip((part, total), values, strict=True)))
    assert told(frame) == [(), ("part_of_total:suspect",)]
    assert told(sample(**dict(zip((total, part), values, strict=True)))) == [(), ()]


OXYGEN = """
[oxygen_saturation]
unit = "%"
stations = ["automatic", "unknown"]
constant = 468
offset = 31.6
suspect_above = 200
fail_above = 400
reason = "r"
source = "s"
"""


@pytest.mark.parametrize(
    # 468 / (31.6 + 15.2) = 10: at 15.2 °C water holds 10 mg/L.
    ("oxygen", "expected"),
    [
        ("20", ()),
        ("20.01", ("oxygen_saturation:suspect",)),
        ("40", ("oxygen_saturation:suspect",)),
        ("40.01", ("oxygen_saturation:fail",)),
    ],
)
def test_oxygen_is_held_against_saturation_at_the_temperature_of_the_water(oxygen, expected):
    assert told(sample(do=oxygen, water_temp="15.2"), thresholds(OXYGEN)) == [expected, ()]


def test_oxygen_without_a_temperature_is_not_held_against_saturation():
    assert told(sample(do="40.01"), thresholds(OXYGEN)) == [()]


# -- spike, rate of change, flat line -------------------------------------------------------------------

SPIKE = '[[spike]]\nparameter = "tp"\nabsolute = 0.2\nshare = 0.5\nwithin_hours = 8\n' + COMMON
RATE = '[[rate_of_change]]\nparameter = "tp"\nper_hour = 0.1\nshare = 0.5\nwithin_hours = 8\n' + COMMON
FLAT = (
    '[[flat_line]]\nparameter = "tp"\nsuspect_hours = 12\nfail_hours = 20\nleast_readings = 3\n'
    "within_hours = 8\nfloor = 0.02\n" + COMMON
)


@pytest.mark.parametrize(
    ("values", "spike"),
    [
        # Beside 0.2 may stand 0.2 + 0.2 + half of 0.2.
        (("0.2", "0.5", "0.2"), False),
        (("0.2", "0.501", "0.2"), True),
        # The lesser of the two steps counts, and the neighbour that it leads to.
        (("0.1", "0.501", "0.2"), True),
        (("0.1", "0.5", "0.2"), False),
        (("0.5", "0.2", "0.5"), False),
        (("0.501", "0.2", "0.501"), True),
        (("0.2", "0.9", "0.9"), False),
        (("0.2", "0.9", "1.8"), False),
    ],
)
def test_a_peak_is_suspect_where_both_steps_exceed_what_is_allowed(values, spike):
    found = told(series(*values), thresholds(SPIKE))
    assert found == [(), ("spike:suspect",) if spike else (), ()]


@pytest.mark.parametrize(("hours", "spike"), [(8, True), (8.01, False)])
def test_a_peak_needs_neighbours_that_are_near_enough(hours, spike):
    assert (told(series("0.2", "9", "0.2", hours=hours), thresholds(SPIKE))[1] != ()) == spike


def test_what_fails_or_was_not_detected_is_no_neighbour():
    rules = thresholds(SPIKE + RANGE)
    assert told(series("0.2", "0.2", "90", "0.2", "0.2"), rules)[1:4] == [(), ("gross_range:fail",), ()]
    frame = series("0.2", "9", "0.2", qualifier=["=", "=", "<"])
    assert told(frame, thresholds(SPIKE)) == [(), (), ()]


@pytest.mark.parametrize(
    ("second", "fast"),
    # In four hours 0.2 may become 0.2 + 4 * 0.1 + half of 0.2; falling, the smaller one is the second.
    [("0.7", False), ("0.701", True)],
)
def test_a_change_is_suspect_where_it_is_faster_than_allowed(second, fast):
    assert told(series("0.2", second), thresholds(RATE)) == [(), ("rate_of_change:suspect",) if fast else ()]
    assert told(series(second, "0.2"), thresholds(RATE)) == [(), ("rate_of_change:suspect",) if fast else ()]


def test_a_slow_change_and_one_over_a_gap_pass():
    assert told(series("0.2", "1.1", hours=8), thresholds(RATE)) == [(), ()]
    assert told(series("0.2", "9", hours=8.01), thresholds(RATE)) == [(), ()]


def test_a_line_is_flat_once_it_has_stood_for_long_enough():
    found = told(series(*["0.1"] * 7), thresholds(FLAT))
    assert found == [(), (), (), *[("flat_line:suspect",)] * 2, *[("flat_line:fail",)] * 2]


def test_another_value_a_gap_or_too_few_readings_break_a_flat_line():
    rules = thresholds(FLAT)
    assert told(series("0.1", "0.1", "0.1", "0.1001", "0.1", "0.1", "0.1"), rules) == [()] * 7
    assert told(series(*["0.1"] * 9, hours=8.01), rules) == [()] * 9
    assert told(series("0.1", "0.1", hours=8), rules) == [(), ()]


def test_half_a_detection_limit_may_stand_for_ever():
    assert told(series(*["0.02"] * 20), thresholds(FLAT)) == [()] * 20
    assert told(series(*["0.021"] * 20), thresholds(FLAT))[-1] == ("flat_line:fail",)


def test_readings_taken_by_hand_are_not_held_against_their_neighbours():
    rules = thresholds(SPIKE + RATE + FLAT)
    for values in (("0.2", "9", "0.2"), ("0.1",) * 20):
        assert told(series(*values, station_type="manual"), rules) == [()] * len(values)


def test_the_way_back_from_a_peak_is_no_change_of_the_water():
    rules = thresholds(SPIKE + RATE)
    peak = ("spike:suspect", "rate_of_change:suspect")
    assert told(series("0.2", "9", "0.2", "0.2"), rules) == [(), peak, (), ()]


def test_a_station_that_was_not_in_order_is_nobodys_neighbour():
    frame = series("0.2", "9", "0.2", "9", station_status=["正常", "维护", "正常", "正常"])
    found = told(frame, load_thresholds())
    assert found == [(), ("station_status:suspect",), (), ("rate_of_change:suspect",)]


def test_every_section_and_parameter_is_a_series_of_its_own():
    one = series("0.2", "0.2", "0.2")
    other = series("9", "9", "9")
    for column, name in (("section", "T"), ("parameter", "tn")):
        mixed = pd.concat([one, other.assign(**{column: name})])
        assert told(mixed, thresholds(SPIKE + RATE)) == [()] * 6


# -- context --------------------------------------------------------------------------------------------


def test_neighbours_may_come_as_context_and_get_no_flag_themselves():
    frame = series("0.2", "9", "0.2")
    found = flag_readings(frame.iloc[[1]], thresholds(SPIKE), context=frame.iloc[[0, 2]])
    assert found.index.tolist() == [1]
    assert found["tests"].tolist() == [("spike:suspect",)]


def test_the_reach_is_that_of_the_farthest_neighbour_that_can_matter():
    assert thresholds(SPIKE).reach == pd.Timedelta(hours=8)
    assert thresholds(SPIKE + RATE).reach == pd.Timedelta(hours=16)
    assert thresholds(SPIKE + FLAT).reach == pd.Timedelta(hours=28)


# -- properties -----------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none(),
    st.decimals("0", "60", places=3),
    st.sampled_from([Decimal(0), Decimal("0.025"), Decimal("7.5")]),
)
READINGS = st.lists(
    st.fixed_dictionaries(
        {
            "section": st.sampled_from(["甲", "乙"]),
            "parameter": st.sampled_from(["tp", "nh3_n", "tn", "do", "water_temp", "ph", "flow"]),
            "sampled_at": st.integers(0, 12).map(lambda place: NOON + pd.Timedelta(hours=4 * place)),
            "value": VALUES,
            "full_value": st.one_of(st.none(), st.decimals("0", "60", places=4)),
            "qualifier": st.sampled_from(["=", "=", "=", "<"]),
            "station_type": st.sampled_from(["automatic", "manual", None]),
            "station_status": st.sampled_from(["正常", "正常", "维护", "停站", None]),
        }
    ),
    max_size=40,
)
COLUMNS = (
    "section",
    "parameter",
    "sampled_at",
    "value",
    "full_value",
    "qualifier",
    "station_type",
    "station_status",
)


def as_frame(rows):
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in COLUMNS})
    return frame.assign(sampled_at=pd.to_datetime(frame["sampled_at"], utc=True))


@given(READINGS)
@settings(max_examples=150, deadline=None)
def test_every_reading_has_exactly_one_flag_and_no_value_is_altered(rows):
    frame = as_frame(rows)
    before = frame.copy(deep=True)
    found = flag_readings(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert found.index.equals(frame.index)
    assert set(found["quality"].tolist()) <= set(Flag)
    for flag, tests in zip(found["quality"], found["tests"], strict=True):
        flags = {Flag[test.partition(":")[2].upper()] for test in tests or ()}
        assert flag == (max(flags) if flags else Flag.PASS)
    assert ((found["quality"] == Flag.MISSING) == frame["value"].isna()).all()


@given(READINGS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_readings_never_matters(rows, random):
    frame = as_frame(rows)
    shuffled = frame.sample(frac=1, random_state=random.randrange(2**32))
    pd.testing.assert_frame_equal(flag_readings(shuffled).loc[frame.index], flag_readings(frame))


@given(READINGS, st.sets(st.integers(0, 39)))
@settings(max_examples=150, deadline=None)
def test_a_chunk_with_its_neighbours_as_context_is_flagged_like_the_whole(rows, chosen):
    frame = as_frame(rows)
    whole = flag_readings(frame)
    inside = frame.index.isin(chosen)
    part = flag_readings(frame[inside], context=frame[~inside])
    pd.testing.assert_frame_equal(part, whole[inside])


@given(READINGS)
@settings(max_examples=100, deadline=None)
def test_columns_of_categories_and_floats_are_flagged_like_texts_and_decimals(rows):
    frame = as_frame(rows)
    fast = frame.assign(
        **{name: frame[name].astype("category") for name in ("section", "parameter", "station_status")},
        value=frame["value"].astype("float64"),
        full_value=frame["full_value"].astype("float64"),
    )
    pd.testing.assert_frame_equal(flag_readings(fast), flag_readings(frame))


def brute_force(frame):
    """Spike and rate of change again, reading by reading, in exact arithmetic; `frame` is in time order."""
    line = list(frame.itertuples())

    def near(one, other):
        return abs(one.sampled_at - other.sampled_at) <= pd.Timedelta(hours=8)

    def is_spike(place):
        if not 0 < place < len(line) - 1:
            return False
        before, here, after = line[place - 1 : place + 2]
        steps = here.value - before.value, here.value - after.value
        if not (near(here, before) and near(here, after)) or steps[0] * steps[1] <= 0:
            return False
        step, other = (abs(steps[0]), before) if abs(steps[0]) <= abs(steps[1]) else (abs(steps[1]), after)
        return step > Decimal("0.2") + Decimal("0.5") * min(here.value, other.value)

    def is_fast(place):
        if place == 0 or is_spike(place - 1):
            return False
        before, here = line[place - 1 : place + 1]
        hours = Decimal(int((here.sampled_at - before.sampled_at).total_seconds())) / 3600
        allowed = Decimal("0.1") * hours + Decimal("0.5") * min(here.value, before.value)
        return near(here, before) and abs(here.value - before.value) > allowed

    return [
        tuple(
            name
            for name, found in (
                ("spike:suspect", is_spike(place)),
                ("rate_of_change:suspect", is_fast(place)),
            )
            if found
        )
        for place in range(len(line))
    ]


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=12),
    st.lists(st.sampled_from([1, 4, 8, 9]), min_size=12, max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_spikes_and_rates_are_those_of_a_plain_loop_in_exact_arithmetic(values, gaps):
    frame = series(*(Decimal(value) / 20 for value in values))
    hours = np.cumsum([0, *gaps[: len(values) - 1]])
    frame["sampled_at"] = [NOON + pd.Timedelta(hours=int(hour)) for hour in hours]
    assert told(frame, thresholds(SPIKE + RATE)) == brute_force(frame)


# -- completeness ---------------------------------------------------------------------------------------


def counted(frame, by, quality=None):
    flags = pd.Series(1, index=frame.index) if quality is None else pd.Series(quality, index=frame.index)
    found = completeness(frame, flags, by)
    return [tuple(row) for row in found[["section", "period", "found", "due"]].itertuples(index=False)]


def test_a_day_is_complete_with_six_readings_of_every_parameter():
    midnight = pd.Timestamp("2025-06-01", tz="Asia/Shanghai")
    frame = series(*["0.1"] * 6)
    frame["sampled_at"] = [midnight + pd.Timedelta(hours=4 * place) for place in range(6)]
    both = pd.concat([frame, frame.iloc[:3].assign(parameter="tn")], ignore_index=True)
    assert counted(frame, "day") == [("S", "2025-06-01", 6, 6)]
    assert counted(both, "day") == [("S", "2025-06-01", 9, 12)]
    assert counted(both, "month") == [("S", "2025-06", 9, 2 * 6 * 30)]


def test_what_fails_is_not_there_and_what_is_suspect_is():
    assert counted(series("1", "1", "1", "1"), "month", [1, 2, 3, 4]) == [("S", "2025-06", 3, 180)]


def test_more_readings_than_due_of_one_day_make_up_for_nothing():
    frame = series(*["0.1"] * 20, hours=0.1)
    assert counted(frame, "day") == [("S", "2025-06-01", 6, 6)]


def test_a_reading_given_twice_counts_once():
    frame = series("0.1", "0.2")
    assert counted(pd.concat([frame, frame], ignore_index=True), "day") == [("S", "2025-06-01", 2, 6)]


def test_sections_sampled_by_hand_owe_one_reading_a_month_and_no_days():
    monthly = series("0.1", "0.1", hours=24 * 31)
    assert counted(monthly, "day") == []
    assert counted(monthly, "month") == [("S", "2025-06", 1, 1), ("S", "2025-07", 1, 1)]
    assert counted(monthly.assign(station_type="automatic"), "month")[0] == ("S", "2025-06", 1, 180)
    assert counted(series("1", "1", station_type="manual"), "month") == [("S", "2025-06", 1, 1)]


def test_days_are_beijing_days():
    frame = series("0.1", "0.1", hours=4, station_type="automatic")
    frame["sampled_at"] = pd.to_datetime(["2025-06-30T15:59:59Z", "2025-06-30T16:00:00Z"])
    assert [row[1] for row in counted(frame, "day")] == ["2025-06-30", "2025-07-01"]


# -- the thresholds are data ----------------------------------------------------------------------------


def test_every_shipped_threshold_has_a_unit_a_station_a_reason_and_a_source():
    document = tomllib.loads(SHIPPED)
    entries = [entry for table in document.values() if isinstance(table, list) for entry in table]
    entries += [document["completeness"], document["oxygen_saturation"]]
    assert len(entries) > 60
    for entry in entries:
        assert entry["reason"].strip()
        assert entry["source"].strip()
        assert set(entry["stations"]) <= {"automatic", "manual", "unknown"}
        assert "unit" in entry or "words" in entry


def test_every_item_of_the_standard_and_of_the_feed_has_a_range_of_its_own():
    named = {entry["parameter"] for entry in tomllib.loads(SHIPPED)["gross_range"]}
    listed = {code for code, entry in load_parameters().items() if "Table 1" in entry.listed_in}
    feed = {"water_temp", "ph", "do", "conductivity", "turbidity", "cod_mn", "nh3_n", "tp", "tn"}
    assert listed | feed | {"chl_a", "algae_density"} <= named


def test_shipped_bounds_lie_within_what_the_registry_calls_possible():
    numbers = load_thresholds().numbers
    for place, (code, entry) in enumerate(load_parameters().items()):
        fail_min, fail_max = (numbers[name][place, 0] for name in ("fail_min", "fail_max"))
        assert fail_min >= float(entry.gross_min), code
        assert fail_max <= float(entry.gross_max), code


@pytest.mark.parametrize(
    ("text", "table"),
    [
        (RANGE.replace("0.001, 20", "0.1, 20"), "gross_range"),
        (RANGE.replace('"mg/L"', '"μg/L"'), "gross_range"),
        (RANGE.replace('"tp"', '"phosphorus"'), "gross_range"),
        (RANGE.replace('reason = "r"', 'reason = " "'), "gross_range"),
        (RANGE.replace('source = "s"\n', ""), "gross_range"),
        (RANGE.replace('"automatic"', '"robot"'), "gross_range"),
        (RANGE + RANGE, "gross_range"),
        (RANGE + 'zero = "pass"\n', "gross_range"),
        (RANGE + 'color = "red"\n', "gross_range"),
        (SPIKE.replace("0.2", "-0.2"), "spike"),
        (SPIKE.replace("0.2", '"0.2"'), "spike"),
        (PART.replace('"suspect"', '"missing"'), "part_of_total"),
        (PART.replace('["part", "total"]', "[]"), "part_of_total"),
        (OXYGEN.replace('"%"', '"mg/L"'), "oxygen_saturation"),
        ('[[station_status]]\nwords = []\nflag = "fail"\n' + COMMON, "station_status"),
        ("[[gros_range]]\n", "gros_range"),
        ("[[[", ""),
    ],
)
def test_thresholds_that_contradict_themselves_are_refused(text, table):
    with pytest.raises(QualityThresholdsError) as refused:
        thresholds(text)
    assert refused.value.table == table


def test_times_without_a_zone_and_missing_columns_are_refused():
    frame = series("0.1")
    with pytest.raises(TypeError, match="zone"):
        flag_readings(frame.assign(sampled_at=frame["sampled_at"].dt.tz_localize(None)))
    with pytest.raises(KeyError, match="value"):
        flag_readings(frame.drop(columns="value"))
