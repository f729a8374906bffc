"""Coordinates: published and hand-worked values, and the forms that real files hold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from spatial.errors import CoordinateTextError, CrsError, DatumError, ProjectionZoneError
from spatial.geodesy import (
    Angle,
    CoordinateForm,
    Position,
    bd09_to_gcj02,
    bd09_to_wgs84,
    from_cgcs2000,
    gauss_krueger_epsg,
    gauss_krueger_epsg_of_easting,
    gauss_krueger_epsg_of_meridian,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    lies_in_basin,
    measure_geodesics,
    parse_angle,
    parse_latitude,
    parse_longitude,
    parse_position,
    recognise_coordinates,
    require_cgcs2000,
    to_cgcs2000,
    travel_geodesics,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)

# -------------------------------------------------------------------------------------- worked examples


def test_h01_degrees_minutes_seconds_of_a_printed_list() -> None:
    assert parse_angle("32°25′22.8″").degrees == pytest.approx(32.423, abs=1e-6)
    assert parse_angle("119°28′05″").degrees == pytest.approx(119.468056, abs=1e-6)


def assert_shifts(wgs84, gcj02, bd09, gcj_m: float, bd_m: float) -> None:
    assert wgs84_to_gcj02(*wgs84) == pytest.approx(gcj02, abs=1e-6)
    assert wgs84_to_bd09(*wgs84) == pytest.approx(bd09, abs=1e-6)
    assert measure_geodesics(*wgs84, *wgs84_to_gcj02(*wgs84)) == pytest.approx(gcj_m, abs=0.5)
    assert measure_geodesics(*wgs84, *wgs84_to_bd09(*wgs84)) == pytest.approx(bd_m, abs=0.5)


def test_h02_shifted_maps_at_wuhan() -> None:
    assert_shifts((114.3055, 30.5928), (114.310945, 30.590391), (114.317513, 30.5961), 586.6, 1208.8)


def test_h03_shifted_maps_at_chongqing() -> None:
    assert_shifts((106.5516, 29.563), (106.555318, 29.560151), (106.561748, 29.566466), 479.1, 1055.8)


def test_h04_gauss_krueger_of_wuhan_both_ways() -> None:
    for epsg, easting, northing in ((4547, 529299.86, 3385869.453), (4526, 38529299.86, 3385869.453)):
        assert from_cgcs2000(114.3055, 30.5928, epsg) == pytest.approx((easting, northing), abs=0.01)
        assert to_cgcs2000(easting, northing, epsg) == pytest.approx((114.3055, 30.5928), abs=1e-7)


# ------------------------------------------------------------------------------------------ shifted maps


@pytest.mark.parametrize(
    ("forth", "back"),
    [
        (wgs84_to_gcj02, gcj02_to_wgs84),
        (gcj02_to_bd09, bd09_to_gcj02),
        (wgs84_to_bd09, bd09_to_wgs84),
    ],
)
def test_the_inverse_of_a_shift_returns_all_over_china(forth, back) -> None:
    lon, lat = np.meshgrid(np.linspace(73, 136, 300), np.linspace(4, 54, 300))
    assert measure_geodesics(*back(*forth(lon, lat)), lon, lat).max() < 0.001


def test_outside_china_nothing_is_shifted() -> None:
    lon, lat = np.array([-70.6, 140.0, 114.0]), np.array([-33.4, 35.0, 0.5])
    for shift in (wgs84_to_gcj02, gcj02_to_wgs84, wgs84_to_bd09, bd09_to_wgs84):
        moved = shift(lon, lat)
        assert np.array_equal(moved, [lon, lat])


def test_the_shift_points_south_east_along_the_yangtze() -> None:
    lon, lat = (
        np.array([104.6, 106.6, 111.3, 114.3, 118.8, 121.5]),
        np.array([28.8, 29.6, 30.7, 30.6, 32.1, 31.2]),
    )
    moved_lon, moved_lat = wgs84_to_gcj02(lon, lat)
    assert (moved_lon > lon).all()
    assert (moved_lat < lat).all()


def test_a_missing_coordinate_stays_missing_and_spoils_no_other() -> None:
    lon, lat = gcj02_to_wgs84([114.310945, np.nan], [30.590391, 30.0])
    assert (lon[0], lat[0]) == pytest.approx((114.3055, 30.5928), abs=1e-6)
    assert np.isnan(lon[1])


@pytest.mark.parametrize("name", ["GCJ-02", "gcj02", "GCJ_02"])
def test_a_shifted_map_is_a_coordinate_system_by_name(name: str) -> None:
    assert to_cgcs2000(114.310945, 30.590391, name) == pytest.approx((114.3055, 30.5928), abs=1e-6)
    assert to_cgcs2000(
        114.317513, 30.5961, name.upper().replace("GCJ", "BD").replace("02", "09")
    ) == pytest.approx((114.3055, 30.5928), abs=1e-6)


# -------------------------------------------------------------------------------------- coordinate systems


@pytest.mark.parametrize("width", [3, 6])
@pytest.mark.parametrize("numbered", [True, False])
def test_every_gauss_krueger_code_is_the_zone_it_says(width, numbered: bool) -> None:
    for zone in range(25, 46) if width == 3 else range(13, 24):
        meridian = 3 * zone if width == 3 else 6 * zone - 3
        epsg = gauss_krueger_epsg(zone, width_deg=width, zone_in_easting=numbered)
        system = CRS.from_epsg(epsg)
        values = {parameter.name: parameter.value for parameter in system.coordinate_operation.params}
        assert system.geodetic_crs.to_epsg() == 4490
        assert values["Longitude of natural origin"] == meridian
        assert values["False easting"] == (zone * 1_000_000 if numbered else 0) + 500_000
        if not numbered:
            assert gauss_krueger_epsg_of_meridian(meridian, width_deg=width) == epsg


@pytest.mark.parametrize(
    ("easting", "epsg"),
    [
        (38_529_299.86, 4526),
        (30_500_000, 4518),
        (41_400_000, 4529),
        (19_600_000, 4497),
        (20_700_000, 4498),
        (13_500_000, 4491),
        (45_500_000, 4533),
    ],
)
def test_the_zone_in_an_easting_tells_its_system(easting: float, epsg: int) -> None:
    assert gauss_krueger_epsg_of_easting(easting) == epsg


def test_an_easting_of_six_digits_needs_its_meridian() -> None:
    with pytest.raises(ProjectionZoneError) as error:
        gauss_krueger_epsg_of_easting(529_299.86)
    assert error.value.reason == "central_meridian_needed"
    assert gauss_krueger_epsg_of_easting(529_299.86, central_meridian=114) == 4547
    assert gauss_krueger_epsg_of_easting(529_299.86, central_meridian=117, width_deg=6) == 4509


@pytest.mark.parametrize(
    ("easting", "meridian", "reason"),
    [
        (38_529_299.86, 117, "zone_contradicts_central_meridian"),
        (24_500_000, None, "unknown_zone"),
        (50_500_000, None, "unknown_zone"),
        (3_385_869, None, "unknown_zone"),
        (38_000_100, None, "no_easting"),
        (114.3, None, "no_easting"),
        (float("nan"), None, "not_finite"),
        (529_299.86, 115, "no_3_degree_central_meridian"),
        (529_299.86, 60, "zone_outside_25_to_45"),
    ],
)
def test_an_easting_that_tells_no_zone_is_refused(
    easting: float, meridian: float | None, reason: str
) -> None:
    with pytest.raises(ProjectionZoneError) as error:
        gauss_krueger_epsg_of_easting(easting, central_meridian=meridian)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    "crs", ["EPSG:4214", 2437, 4610, 2362, "EPSG:4269", "+proj=utm +zone=50 +ellps=krass"]
)
def test_old_and_foreign_datums_are_refused_instead_of_silently_not_shifted(crs: str | int) -> None:
    with pytest.raises(DatumError):
        to_cgcs2000(500_000, 3_400_000, crs)


@pytest.mark.parametrize("crs", ["no such thing", 999_999, 4978])
def test_what_is_no_map_system_is_refused(crs: str | int) -> None:
    with pytest.raises(CrsError):
        to_cgcs2000(1, 2, crs)


def test_geographic_systems_take_longitude_first_whatever_their_axis_order() -> None:
    for crs in (4490, 4326, "OGC:CRS84", CRS.from_epsg(4490)):
        assert to_cgcs2000(114.3, 30.6, crs) == pytest.approx((114.3, 30.6))


def test_outside_the_domain_of_a_projection_there_is_no_place() -> None:
    lon, lat = to_cgcs2000([529_299.86, 1e30, np.nan], [3_385_869.453, 1e30, 3e6], 4547)
    assert np.isnan(lon).tolist() == [False, True, True]
    assert np.isnan(lat).tolist() == [False, True, True]


def test_the_engine_takes_only_degrees_of_our_datum() -> None:
    for crs in (4490, 4326, "OGC:CRS84"):
        require_cgcs2000(crs, "facilities")
    for crs in (None, 4547, 4214, 4610, 4979 + 1, "nonsense"):
        with pytest.raises(CrsError):
            require_cgcs2000(crs, "facilities")


@pytest.mark.parametrize(
    ("first", "second", "form"),
    [
        (114.3, 30.6, CoordinateForm.LON_LAT),
        (30.6, 114.3, CoordinateForm.LAT_LON),
        (-70.6, -33.4, CoordinateForm.LON_LAT),
        (38_529_299.86, 3_385_869.45, CoordinateForm.EASTING_NORTHING),
        (3_385_869.45, 38_529_299.86, CoordinateForm.NORTHING_EASTING),
        (529_299.86, 3_385_869.45, CoordinateForm.EASTING_NORTHING),
        (3_385_869.45, 529_299.86, CoordinateForm.NORTHING_EASTING),
        (19_600_000, 3_385_869.45, CoordinateForm.EASTING_NORTHING),
        (400.0, 30.0, CoordinateForm.UNKNOWN),
        (114.3, 95.0, CoordinateForm.UNKNOWN),
        (float("nan"), 30.0, CoordinateForm.UNKNOWN),
        (3_385_869.45, 3_385_869.45, CoordinateForm.UNKNOWN),
        (1.79e308, 3_385_869.45, CoordinateForm.UNKNOWN),
    ],
)
def test_two_numbers_tell_by_their_size_what_they_are(
    first: float, second: float, form: CoordinateForm
) -> None:
    assert recognise_coordinates([first], [second])[0] is form


def test_the_basin_box_catches_swapped_and_empty_coordinates() -> None:
    assert lies_in_basin([114.3, 30.6, 0.0, np.nan], [30.6, 114.3, 0.0, 30.0]).tolist() == [
        True,
        False,
        False,
        False,
    ]


# ----------------------------------------------------------------------------------------- angle texts

MINUTES = 119 + 28 / 60 + 5 / 3600


@pytest.mark.parametrize(
    "text",
    [
        "119°28'05\"",
        "119°28′05″",
        "119°28′5″",
        "119° 28′ 05″",
        "119°28’05”",
        "119°28‘05“",
        "119°28′05′′",
        "119º28'05''",
        '119˚28´05"',
        "119度28分5秒",
        "１１９°２８′０５″",
        "１１９度２８分０５秒",
        "119.28.05",
        "119:28:05",
        "119-28-05",
        "119°28′O5″",
        "119°28′０5",
    ],
)
def test_one_angle_in_many_spellings(text: str) -> None:
    assert parse_angle(text) == Angle(pytest.approx(MINUTES, abs=1e-12), None)


@pytest.mark.parametrize(
    ("text", "degrees", "axis"),
    [
        ("E119.468056", 119.468056, "lon"),
        ("119.468056E", 119.468056, "lon"),
        ("119.468056°E", 119.468056, "lon"),
        ("东经119°28′05″", MINUTES, "lon"),
        ("119°28′05″ E", MINUTES, "lon"),
        ("北纬32°25′22.8″", 32.423, "lat"),
        ("Ｎ３２．４２３", 32.423, "lat"),
        ("西经70.5", -70.5, "lon"),
        ("70°30′W", -70.5, "lon"),
        ("S33.4", -33.4, "lat"),
        ("-70.5", -70.5, None),
        ("−33.4", -33.4, None),
        ("经度：119.4", 119.4, "lon"),
        ("lat: 32.4", 32.4, "lat"),
        ("12O.O5", 120.05, None),
        ("1OO", 100.0, None),
        ("119°28.5′", 119.475, None),
        ("119°", 119.0, None),
        ("119", 119.0, None),
        ("  119.5 ", 119.5, None),
        ("0.0", 0.0, None),
        ("59.59.59.9", 59 + 59 / 60 + 59.9 / 3600, None),
    ],
)
def test_hemispheres_signs_and_decimals(text: str, degrees: float, axis: str | None) -> None:
    assert parse_angle(text) == Angle(pytest.approx(degrees, abs=1e-12), axis)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("119°60′", "minutes_not_below_60"),
        ("119°28′60″", "seconds_not_below_60"),
        ("119.75.05", "minutes_not_below_60"),
        ("119.28.75", "seconds_not_below_60"),
        ("119.5°20′", "fraction_before_last_part"),
        ("119°20.5′10″", "fraction_before_last_part"),
        ("E-119", "sign_and_hemisphere"),
        ("经度 N32", "axis_contradiction"),
        ("N95", "degrees_out_of_range"),
        ("181", "degrees_out_of_range"),
        ("529299.86", "degrees_out_of_range"),
        ("", "not_an_angle"),
        ("不详", "not_an_angle"),
        ("119°28′05″x", "not_an_angle"),
        ("119 28 05", "not_an_angle"),
        ("119.28.05.06.07", "not_an_angle"),
        ("NaN", "not_an_angle"),
        ("1e2", "not_an_angle"),
    ],
)
def test_what_is_no_angle_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(CoordinateTextError) as error:
        parse_angle(text)
    assert (error.value.text, error.value.reason) == (text, reason)


def test_a_longitude_column_refuses_latitudes() -> None:
    assert parse_longitude("119.4") == 119.4
    assert parse_latitude("北纬32.4") == 32.4
    for parse, text in ((parse_longitude, "N32"), (parse_latitude, "E119"), (parse_latitude, "119.4")):
        with pytest.raises(CoordinateTextError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "latitude_first"),
    [
        ("东经119°28′05″，北纬32°25′22.8″", False),
        ("北纬32°25′22.8″，东经119°28′05″", True),
        ("32°25′22.8″，119°28′05″", True),
        ("119°28′05″，32°25′22.8″", False),
        ("东经119°28′05″北纬32°25′22.8″", False),
        ("N32°25′22.8″E119°28′05″", True),
        ("32°25′22.8″N 119°28′05″E", True),
        ("32°25′22.8″N119°28′05″E", True),
        ("119度28分5秒、32度25分22.8秒", False),
        ("经度119°28′05″；纬度32°25′22.8″", False),
        ("(119.28.05, 32.25.22.8)", False),
    ],
)
def test_one_position_in_many_spellings(text: str, latitude_first: bool) -> None:
    place = parse_position(text)
    assert (place.lon, place.lat) == pytest.approx((MINUTES, 32.423), abs=1e-12)
    assert place.latitude_first is latitude_first


def test_bare_numbers_are_told_apart_by_size() -> None:
    assert parse_position("119.468 32.423") == Position(119.468, 32.423, latitude_first=False)
    assert parse_position("32.423,119.468") == Position(119.468, 32.423, latitude_first=True)
    assert parse_position("-70.6,-33.4") == Position(-70.6, -33.4, latitude_first=False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("119.46832.423", "not_a_position"),
        ("119.468", "not_a_position"),
        ("1194", "not_a_position"),
        ("", "not_a_position"),
        ("北纬32.4，北纬33", "same_axis_twice"),
        ("119.4,119.5", "degrees_out_of_range"),
        ("119°60′，32°", "minutes_not_below_60"),
    ],
)
def test_what_is_no_position_is_refused(text: str, reason: str) -> None:
    with pytest.raises(CoordinateTextError) as error:
        parse_position(text)
    assert error.value.reason == reason


@given(
    degrees=st.integers(0, 179),
    minutes=st.integers(0, 59),
    hundredths=st.integers(0, 5999),
    west=st.booleans(),
)
def test_every_whole_angle_reads_back(degrees: int, minutes: int, hundredths: int, west: bool) -> None:
    text = f"{degrees}°{minutes:02}′{hundredths / 100:05.2f}″{'W' if west else 'E'}"
    expected = (degrees * 360000 + minutes * 6000 + hundredths) / 360000
    assert parse_angle(text) == Angle(pytest.approx(-expected if west else expected, abs=1e-12), "lon")


# -------------------------------------------------------------------------------------------- geodesics


def test_geodesics_agree_with_geographiclib() -> None:
    grs80 = Geodesic(6_378_137.0, 1 / 298.257222101)
    length = measure_geodesics([114.3, 106.5], [30.6, 29.5], [114.4, 121.5], [30.7, 31.4])
    assert length[0] == pytest.approx(grs80.Inverse(30.6, 114.3, 30.7, 114.4)["s12"], abs=1e-6)
    assert length[1] == pytest.approx(grs80.Inverse(29.5, 106.5, 31.4, 121.5)["s12"], abs=1e-6)


def test_a_degree_of_latitude_and_of_longitude_have_their_textbook_lengths() -> None:
    # GRS80: quarter meridian 10 001 965.729 m; a degree of the equator is 6 378 137 π / 180 m.
    assert measure_geodesics(114, 0, 114, 90) == pytest.approx(10_001_965.729, abs=0.001)
    assert measure_geodesics(114, 0, 115, 0) == pytest.approx(6_378_137 * np.pi / 180, abs=0.001)


def test_travelling_and_measuring_are_inverse() -> None:
    azimuth = np.arange(0, 360, 15)
    lon, lat = travel_geodesics(114.3, 30.6, azimuth, 3000.0)
    assert measure_geodesics(114.3, 30.6, lon, lat) == pytest.approx(3000.0, abs=1e-6)


def test_a_missing_place_has_no_distance() -> None:
    assert np.isnan(measure_geodesics([114.0, np.nan], [30.0, 30.0], 114.0, 31.0)).tolist() == [False, True]


@pytest.mark.parametrize("shift", [wgs84_to_gcj02, gcj02_to_wgs84, gcj02_to_bd09, bd09_to_gcj02])
def test_a_number_that_is_nowhere_in_china_is_left_as_it_is(shift: Callable[..., Any]) -> None:
    lon, lat = shift([0.0, 1e300, np.inf, 114.3], [2.9980769960612387e154, -1e300, 30.0, 30.6])
    assert lon[:3].tolist() == [0.0, 1e300, np.inf]
    assert lat[:3].tolist() == [2.9980769960612387e154, -1e300, 30.0]
    assert 0.001 < abs(lon[3] - 114.3) < 0.02
