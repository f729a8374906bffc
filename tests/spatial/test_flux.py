"""Loads in tonnes: concentration times discharge, by hand."""

from fractions import Fraction

import pytest

from spatial.errors import UnitError, UnknownParameterError
from spatial.flux import section_fluxes
from spatial.period import parse_period


@pytest.fixture
def flux_of(readings_of):
    """Compute the load of total nitrogen at S from (time, values)."""

    def flux(period, *rows, parameter="tn", **settings):
        readings = readings_of(*(("S", when, values) for when, values in rows))
        (found,) = section_fluxes(readings, "S", [parameter], parse_period(period), **settings)
        return found

    return flux


def test_a_load_is_concentration_times_discharge_times_time(flux_of):
    # 2 mg/L × 100 m³/s is 200 g/s; June has 30 × 86 400 s: 518.4 t.
    found = flux_of("2025-06", ("2025-06-10", {"tn": "2", "flow": "100"}))
    assert found.load_t == Fraction(5184, 10)
    assert found.as_json()["terms"][0] == {
        "month": "2025-06",
        "seconds": 2_592_000,
        "samples": 1,
        "flow_samples": 1,
        "pairs": None,
        "non_detects": 0,
        "mean_concentration": 2,
        "mean_flow": 100,
        "mean_transport_g_s": 200,
        "load_t": 518.4,
        "reason": None,
    }


def test_months_are_averaged_apart_and_added_up(flux_of):
    found = flux_of(
        "2025-Q1",
        ("2025-01-10", {"tn": "1", "flow": "10"}),
        ("2025-01-20", {"tn": "3", "flow": "30"}),
        ("2025-02-10", {"tn": "1", "flow": "10"}),
        ("2025-03-10", {"tn": "1", "flow": "10"}),
    )
    # January 2 mg/L × 20 m³/s × 31 d, February 10 g/s × 28 d, March 10 g/s × 31 d.
    assert found.load_t == Fraction(86_400 * (40 * 31 + 10 * 28 + 10 * 31), 10**6)


def test_paired_readings_are_multiplied_before_they_are_averaged(flux_of):
    rows = [("2025-01-10 08:00", {"tn": "1", "flow": "10"}), ("2025-01-20 08:00", {"tn": "3", "flow": "30"})]
    found = flux_of("2025-01", *rows, ("2025-01-25 08:00", {"tn": "9"}), method="paired")
    # (10 + 90) / 2 = 50 g/s; the reading without discharge of its moment does not enter.
    (term,) = found.terms
    assert (term.pairs, term.mean_transport, term.mean_concentration) == (2, 50, 2)
    assert found.load_t == Fraction(50 * 31 * 86_400, 10**6)


def test_what_was_not_detected_counts_as_zero_or_by_setting_half(flux_of):
    rows = [("2025-06-10", {"tn": "<0.2", "flow": "100"}), ("2025-06-20", {"tn": "0.2", "flow": "100"})]
    seconds = 30 * 86_400
    assert flux_of("2025-06", *rows).load_t == Fraction(seconds * 10, 10**6)  # mean 0.1 mg/L
    half = flux_of("2025-06", *rows, non_detects="half")
    assert half.load_t == Fraction(seconds * 15, 10**6)  # mean 0.15 mg/L
    assert (half.terms[0].non_detects, half.as_json()["non_detects_as"]) == (1, "half")


def test_a_month_without_discharge_leaves_the_period_without_a_load(flux_of):
    found = flux_of(
        "2025-01-01/2025-02-28",
        ("2025-01-10", {"tn": "1", "flow": "10"}),
        ("2025-02-10", {"tn": "1"}),
    )
    assert (found.load_t, found.known_t) == (None, Fraction(10 * 31 * 86_400, 10**6))
    assert found.terms[1].reason.as_json() == {
        "code": "flux_readings_missing",
        "params": {"parameters": "flow"},
    }
    assert found.reasons[0].as_json()["params"] == {"missing": 1, "due": 2, "months": "2025-02"}


def test_readings_of_other_moments_make_no_pairs(flux_of):
    rows = [("2025-01-10 08:00", {"tn": "1"}), ("2025-01-10 12:00", {"flow": "10"})]
    found = flux_of("2025-01", *rows, method="paired")
    assert (found.load_t, found.terms[0].reason.code) == (None, "flux_pairs_missing")
    assert flux_of("2025-01", *rows).load_t is not None


def test_only_the_days_inside_the_period_count(flux_of):
    found = flux_of("2025-01-30/2025-02-02", *((f"2025-0{m}-0{m}", {"tn": "1", "flow": "1"}) for m in (1, 2)))
    assert [term.seconds for term in found.terms] == [2 * 86_400, 2 * 86_400]
    assert (found.terms[0].load_t, found.terms[0].samples) == (None, 0)  # 1 January lies outside


def test_readings_under_maintenance_carry_no_load(flux_of):
    found = flux_of("2025-06", ("2025-06-10", {"tn": "1", "flow": "10", "status": "停运"}))
    assert (found.load_t, found.known_t) == (None, None)


def test_december_and_leap_februaries_have_their_own_length(flux_of):
    found = flux_of("2024-12-01/2024-12-31", ("2024-12-10", {"tn": "1", "flow": "1"}))
    assert found.terms[0].seconds == 31 * 86_400
    leap = flux_of("2024-02", ("2024-02-10", {"tn": "1", "flow": "1"}))
    assert leap.terms[0].seconds == 29 * 86_400


def test_only_a_mass_in_a_volume_has_a_load(flux_of):
    with pytest.raises(UnitError):
        flux_of("2025-06", parameter="ph")
    with pytest.raises(UnknownParameterError):
        flux_of("2025-06", parameter="gold")
