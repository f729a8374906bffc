"""Values derived from images stand beside the measured ones: no mean, class, index or warning counts them."""

from datetime import datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from spatial.alert_rules import load_alert_rules
from spatial.alerts import find_alerts
from spatial.assessment import AssessmentSettings, assess_columns, assess_sections, statutory_sections
from spatial.columns import ReadingColumns
from spatial.flux import section_fluxes
from spatial.period import BEIJING, parse_period
from spatial.reading_use import sort_readings
from spatial.rulebook import load_rulebook
from spatial.settings import REMOTE_SENSING_READINGS

PERIOD = parse_period("2025-06")
MEASURED = {
    "ph": "7.6",
    "do": "8",
    "cod_mn": "1.5",
    "nh3_n": "0.1",
    "tp": "0.01",
    "tn": "0.4",
    "chl_a": "0.002",
}
DERIVED = {"tp": "5", "tn": "20", "chl_a": "0.5", "cod_mn": "30"}
NO_SOURCES = pd.DataFrame({"section": []})
NO_TARGETS = pd.DataFrame({"section": [], "parameter": [], "comparator": [], "limit": [], "source": []})


@pytest.fixture
def measured(readings_of):
    days = (3, 10, 17, 24)
    return readings_of(*(("S", f"2025-06-{day:02d} 10:00", MEASURED) for day in days))


@pytest.fixture
def both(readings_of, measured):
    """The measured readings, and derived ones on other days and at the very same moments."""
    rows = [("S", f"2025-06-{day:02d} 10:00", DERIVED) for day in (3, 5, 24, 26)]
    derived = readings_of(*rows).assign(station_type="remote_sensing")
    return pd.concat([measured, derived], ignore_index=True).sample(frac=1, random_state=7)


@pytest.fixture
def lake(sections_of):
    return sections_of({"code": "S", "water_body_type": "lake", "target_class": 3})


def as_arrow(readings: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(readings.reset_index(drop=True), preserve_index=False)


@pytest.mark.parametrize("period", ["2025-06", "2025-Q2", "2025", "2025-flood", "2025-06-01/2025-06-30"])
def test_an_assessment_is_the_same_with_derived_readings_among_the_measured_ones(
    lake, measured, both, period
):
    parsed = parse_period(period)
    (before,) = assess_sections(lake, measured, parsed)
    (after,) = assess_sections(lake, both, parsed)
    assert after == before
    assert after.samples == 4


def test_columns_from_arrow_leave_derived_readings_out_too(lake, measured, both):
    before = assess_columns(lake, ReadingColumns.from_arrow(as_arrow(measured)), [PERIOD])
    after = assess_columns(lake, ReadingColumns.from_arrow(as_arrow(both)), [PERIOD])
    assert after.assessments(PERIOD) == before.assessments(PERIOD)
    pd.testing.assert_frame_equal(after.sections, before.sections)
    pd.testing.assert_frame_equal(after.parameters, before.parameters)


def test_a_section_with_derived_readings_only_has_no_class_and_no_trophic_index(lake, both):
    derived = both[both["station_type"] == "remote_sensing"]
    (found,) = assess_sections(lake, derived, PERIOD)
    assert (found.water_class, found.trophic, found.samples) == (None, None, 0)
    assert [reason.code for reason in found.reasons][:1] == ["no_readings"]


def test_the_dated_setting_lets_them_in_and_its_default_does_not(lake, measured, both):
    assert load_rulebook().choice(REMOTE_SENSING_READINGS) == "beside"
    (used,) = assess_sections(lake, both, PERIOD, settings=AssessmentSettings(use_remote_sensing=True))
    (without,) = assess_sections(lake, measured, PERIOD)
    assert used.parameter("tp").mean > without.parameter("tp").mean
    assert (without.water_class, used.water_class) == (1, 6)


def test_every_reading_is_told_apart_with_the_reason_why_it_does_not_enter(both):
    uses = sort_readings(both, "S", PERIOD)
    assert {use.reason for use in uses if use.remote} == {"remote_sensing"}
    assert {use.reason for use in uses if not use.remote} == {None}


def test_loads_are_those_of_measured_readings(measured, both, readings_of):
    flow = readings_of(*(("S", f"2025-06-{day:02d} 10:00", {"flow": "100"}) for day in (3, 10, 17, 24)))
    loads = [
        section_fluxes(pd.concat([rows, flow], ignore_index=True), "S", ["tp"], PERIOD)
        for rows in (measured, both)
    ]
    assert loads[0] == loads[1]


def test_sections_of_remote_sensing_are_left_out_of_what_is_counted(sections_of):
    sections = sections_of({"code": "S"}, {"code": "R"}, {"code": "T"})
    typed = sections.assign(station_type=["manual", "remote_sensing", None])
    assert list(statutory_sections(typed, AssessmentSettings())["code"]) == ["S", "T"]
    counted = statutory_sections(typed, AssessmentSettings(use_remote_sensing=True))
    assert list(counted["code"]) == ["S", "R", "T"]


def alerts_of(readings: pd.DataFrame, **facts: object) -> list[str]:
    sections = pd.DataFrame(
        [
            {
                "code": "S",
                "target_class": 2,
                "water_body_type": "lake",
                "river": None,
                "region_code": "430000",
                "basin": None,
                "valid_from": None,
                "valid_to": None,
            }
            | facts
        ]
    )
    found = find_alerts(ReadingColumns.from_frame(readings), sections, NO_SOURCES, NO_TARGETS)
    return [alert.rule_id for alert in found.alerts]


def test_derived_readings_warn_through_the_rules_that_name_them_and_through_no_other(measured, both):
    assert alerts_of(measured) == []
    assert set(alerts_of(both)) == {"bloom-remote-chlorophyll"}
    stations = {rule.id: rule.station for rule in load_alert_rules().rules}
    remote = {rule for rule, station in stations.items() if station == "remote_sensing"}
    assert remote == {"bloom-remote-area", "bloom-remote-chlorophyll"}


def test_measured_chlorophyll_does_not_open_a_warning_of_remote_sensing(measured):
    green = measured.assign(
        value=[
            Decimal("0.5") if code == "chl_a" else value
            for code, value in zip(measured["parameter"], measured["value"], strict=True)
        ]
    )
    assert "bloom-chlorophyll" in alerts_of(green)
    assert "bloom-remote-chlorophyll" not in alerts_of(green)


@pytest.mark.parametrize(
    ("share", "severity"), [("9.9", None), ("10", "blue"), ("30", "yellow"), ("60", "orange")]
)
def test_the_share_of_bloom_opens_a_warning_by_its_steps(share, severity):
    moment = pd.Timestamp(datetime(2025, 6, 5, 11, tzinfo=BEIJING))
    row = {
        "section": "S",
        "sampled_at": moment,
        "parameter": "bloom_share",
        "value": Decimal(share),
        "qualifier": "=",
        "station_type": "remote_sensing",
        "upload_id": 1,
    }
    sections = pd.DataFrame(
        [{"code": "S", "target_class": None, "water_body_type": "lake", "river": None, "region_code": None}]
    ).assign(basin=None, valid_from=None, valid_to=None)
    found = find_alerts(
        ReadingColumns.from_frame(pd.DataFrame([row])), sections, NO_SOURCES, NO_TARGETS
    ).alerts
    assert [alert.severity for alert in found] == ([] if severity is None else [severity])
    assert {alert.rule_id for alert in found} <= {"bloom-remote-area"}
