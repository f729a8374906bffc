"""Places on the Earth: the ellipsoid, coordinate texts, shifted and projected coordinates.

Everything inside is CGCS2000 longitude and latitude (EPSG:4490, degrees, longitude first). WGS 84 differs
from it by centimetres to decimetres and is taken as the same. Angles are float64 degrees, lengths metres on
GRS80.

Source: standards, section 9.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError as ProjCrsError

from spatial.errors import CoordinateTextError, CrsError, DatumError, ProjectionZoneError

CGCS2000_EPSG = 4490

GRS80 = Geod(ellps="GRS80")
"""Geodesics on the ellipsoid of CGCS2000, exact to nanometres (Karney)."""

Axis = Literal["lon", "lat"]
Floats = NDArray[np.float64]

# --------------------------------------------------------------------------------------------- geodesics


def measure_geodesics(lon: ArrayLike, lat: ArrayLike, other_lon: ArrayLike, other_lat: ArrayLike) -> Floats:
    """Length in metres of the geodesics between pairs of places; the arguments broadcast, NaN gives NaN."""
    arrays = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (lon, lat, other_lon, other_lat)))
    first_lon, first_lat, second_lon, second_lat = (np.ascontiguousarray(a).ravel() for a in arrays)
    length = GRS80.inv(first_lon, first_lat, second_lon, second_lat)[2]
    return np.asarray(length, dtype=np.float64).reshape(arrays[0].shape)


def travel_geodesics(
    lon: ArrayLike, lat: ArrayLike, azimuth_deg: ArrayLike, length_m: ArrayLike
) -> tuple[Floats, Floats]:
    """Places (longitudes, latitudes) that lie `length_m` from a place at an azimuth east of north."""
    arrays = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (lon, lat, azimuth_deg, length_m))
    )
    start_lon, start_lat, azimuth, length = (np.ascontiguousarray(a).ravel() for a in arrays)
    end_lon, end_lat, _ = GRS80.fwd(start_lon, start_lat, azimuth, length)
    shape = arrays[0].shape
    return np.asarray(end_lon).reshape(shape), np.asarray(end_lat).reshape(shape)


# ---------------------------------------------------------------------------------- coordinate systems

# Datums that agree with CGCS2000 to decimetres, as PROJ and .prj files spell them (letters and digits only).
_SAME_DATUM = frozenset(
    {
        "china2000",
        "dchina2000",
        "chinageodeticcoordinatesystem2000",
        "cgcs2000",
        "worldgeodeticsystem1984",
        "worldgeodeticsystem1984ensemble",
        "wgs84",
        "wgs1984",
        "dwgs1984",
    }
)


def require_cgcs2000(crs: object, frame: str) -> None:
    """Refuse any coordinate system but longitude and latitude in CGCS2000 or WGS 84.

    Raises
    ------
    CrsError
        If `crs` is missing, projected, or on another datum. `frame` says in the message what was looked at.
    """
    if crs is None:
        raise CrsError(frame, "no stated coordinate system")
    try:
        system = CRS.from_user_input(crs)
    except ProjCrsError as error:
        raise CrsError(frame, crs) from error
    if not system.is_geographic or system.is_bound or _datum_key(system) not in _SAME_DATUM:
        raise CrsError(frame, system.name)


def to_cgcs2000(x: ArrayLike, y: ArrayLike, crs: str | int | CRS) -> tuple[Floats, Floats]:
    """Longitudes and latitudes in EPSG:4490 of coordinates in another system.

    Parameters
    ----------
    x, y : arrays of one shape
        Easting or longitude, northing or latitude, whatever axis order the system itself prescribes.
    crs
        ``GCJ-02``, ``BD-09``, or anything PROJ understands whose datum is CGCS2000 or WGS 84: an EPSG code,
        a Gauss–Krüger zone, UTM, web Mercator. No grid and no network is ever used.

    Returns
    -------
    Longitude, latitude in degrees; NaN where the input is NaN or outside the domain of the projection.

    Raises
    ------
    DatumError
        For every other datum: PROJ would apply no shift at all to Beijing 1954 or Xian 1980, and say nothing.
    CrsError
        If `crs` is unknown or is neither geographic nor projected.
    """
    east, north = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    if isinstance(crs, str) and (shift := _SHIFTED.get(re.sub(r"[^A-Z0-9]", "", crs.upper()))) is not None:
        return shift(east, north)
    lon, lat = _transformer(_crs_text(crs)).transform(east, north)
    outside = ~(np.isfinite(lon) & np.isfinite(lat))
    return np.where(outside, np.nan, lon), np.where(outside, np.nan, lat)


def from_cgcs2000(lon: ArrayLike, lat: ArrayLike, crs: str | int | CRS) -> tuple[Floats, Floats]:
    """Coordinates (easting or longitude first) in another system of the same datum: `to_cgcs2000` undone."""
    east, north = _transformer(_crs_text(crs)).transform(
        np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64), direction="INVERSE"
    )
    return np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)


def _crs_text(crs: str | int | CRS) -> str:
    return crs.to_wkt() if isinstance(crs, CRS) else str(crs)


@lru_cache(maxsize=64)
def _transformer(crs: str) -> Transformer:
    """The conversion from `crs` to the longitude and latitude of its own datum, which must be ours."""
    try:
        system = CRS.from_user_input(int(crs) if crs.isdigit() else crs)
    except ProjCrsError as error:
        raise CrsError("coordinates", crs) from error
    geographic = system.geodetic_crs
    if geographic is None or not (system.is_geographic or system.is_projected):
        raise CrsError("coordinates", system.name)
    if system.is_bound or _datum_key(system) not in _SAME_DATUM:
        raise DatumError(system.name, geographic.datum.name if geographic.datum else geographic.name)
    return Transformer.from_crs(system, geographic, always_xy=True)


def _datum_key(system: CRS) -> str:
    geographic = system.geodetic_crs
    datum = geographic.datum if geographic is not None else None
    return re.sub(r"[^a-z0-9]", "", datum.name.lower()) if datum is not None else ""


# ------------------------------------------------------------------------------- Gauss–Krüger (CGCS2000)

ZoneWidth = Literal[3, 6]

# First EPSG code with the zone number in the easting, first code by central meridian, first and last zone.
_GAUSS_KRUEGER: dict[int, tuple[int, int, int, int]] = {3: (4513, 4534, 25, 45), 6: (4491, 4502, 13, 23)}


def gauss_krueger_epsg(zone: int, *, width_deg: ZoneWidth = 3, zone_in_easting: bool = True) -> int:
    """EPSG code of one CGCS2000 Gauss–Krüger zone: 3° zones 25 to 45, 6° zones 13 to 23."""
    with_zone, by_meridian, first, last = _GAUSS_KRUEGER[width_deg]
    if not first <= zone <= last:
        raise ProjectionZoneError(zone, f"zone_outside_{first}_to_{last}")
    return (with_zone if zone_in_easting else by_meridian) + zone - first


def gauss_krueger_epsg_of_meridian(central_meridian: float, *, width_deg: ZoneWidth = 3) -> int:
    """EPSG code of the zone around a central meridian; its eastings carry no zone number (500 km false)."""
    numbered = central_meridian / 3 if width_deg == 3 else (central_meridian + 3) / 6
    if numbered != int(numbered):
        raise ProjectionZoneError(central_meridian, f"no_{width_deg}_degree_central_meridian")
    return gauss_krueger_epsg(int(numbered), width_deg=width_deg, zone_in_easting=False)


def gauss_krueger_epsg_of_easting(
    easting: float, *, central_meridian: float | None = None, width_deg: ZoneWidth = 3
) -> int:
    """EPSG code of the zone that an easting belongs to, told by its magnitude.

    Eight digits carry the zone number in front: 25 to 45 is a 3° zone, 13 to 23 a 6° zone (`width_deg` is not
    asked). Six digits carry none and need `central_meridian`. A stated meridian that contradicts the zone
    number, an easting of six digits without a meridian, and any other magnitude raise `ProjectionZoneError`.
    """
    if not math.isfinite(easting):
        raise ProjectionZoneError(easting, "not_finite")
    if 100_000 <= easting < 1_000_000:
        if central_meridian is None:
            raise ProjectionZoneError(easting, "central_meridian_needed")
        return gauss_krueger_epsg_of_meridian(central_meridian, width_deg=width_deg)
    zone = int(easting // 1_000_000)
    if not 100_000 <= easting - zone * 1_000_000 < 1_000_000:
        raise ProjectionZoneError(easting, "no_easting")
    for width, (_, _, first, last) in _GAUSS_KRUEGER.items():
        if first <= zone <= last:
            meridian = 3 * zone if width == 3 else 6 * zone - 3
            if central_meridian is not None and central_meridian != meridian:
                raise ProjectionZoneError(easting, "zone_contradicts_central_meridian")
            return gauss_krueger_epsg(zone, width_deg=3 if width == 3 else 6)
    raise ProjectionZoneError(easting, "unknown_zone")


class CoordinateForm(StrEnum):
    """What two numbers are, told by their magnitudes."""

    LON_LAT = "lon_lat"
    LAT_LON = "lat_lon"
    EASTING_NORTHING = "easting_northing"
    NORTHING_EASTING = "northing_easting"
    UNKNOWN = "unknown"


def recognise_coordinates(first: ArrayLike, second: ArrayLike) -> NDArray[np.object_]:
    """`CoordinateForm` of each pair of numbers.

    First below 60 and second above 70: latitude first. Projected pairs have a northing of seven digits
    (1 000 to 6 000 km, all of China) and an easting of six digits or of eight with a zone number; Chinese
    survey tables put the northing first and call it X. NaN, and whatever fits nothing, is ``unknown``.
    """
    a, b = np.broadcast_arrays(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    forms = np.empty(a.shape, dtype=object)
    forms[...] = CoordinateForm.UNKNOWN
    forms[(np.abs(a) <= 180) & (np.abs(b) <= 90)] = CoordinateForm.LON_LAT
    forms[(np.abs(a) < 60) & (b > 70) & (b <= 180)] = CoordinateForm.LAT_LON
    forms[_looks_like_easting(a) & _looks_like_northing(b)] = CoordinateForm.EASTING_NORTHING
    forms[_looks_like_northing(a) & _looks_like_easting(b)] = CoordinateForm.NORTHING_EASTING
    return forms


def lies_in_basin(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether places lie in the box around the Yangtze basin, 90–123° E, 24–36° N: a plausibility check."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return np.asarray((x >= 90) & (x <= 123) & (y >= 24) & (y <= 36))


def _looks_like_northing(value: Floats) -> NDArray[np.bool_]:
    return (value >= 1_000_000) & (value < 6_000_000)


def _looks_like_easting(value: Floats) -> NDArray[np.bool_]:
    # No easting has ten digits; what has hundreds would overflow below, as would infinity.
    short = np.where(np.abs(value) < 1e9, value, 0.0)
    zone = np.floor(short / 1_000_000)
    rest = short - zone * 1_000_000
    known_zone = (zone == 0) | ((zone >= 13) & (zone <= 23)) | ((zone >= 25) & (zone <= 45))
    return np.asarray(known_zone & (rest >= 100_000))


# --------------------------------------------------------------------------------------- GCJ-02 and BD-09

_GCJ_A = 6378245.0
_GCJ_EE = 0.00669342162296594323
_BD_PI = math.pi * 3000 / 180
_INVERSE_ROUNDS = 12
_INVERSE_TOLERANCE_DEG = 1e-10


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """The shift of Amap, Tencent and Google China by the public formula; identity outside China's box.

    The formula is an unofficial reconstruction, good to metres.
    """
    x, y = _pair(lon, lat)
    inside = _in_china(x, y)
    shifted_x, shifted_y = _shift_gcj02(*_somewhere(inside, x, y))
    return np.where(inside, shifted_x, x), np.where(inside, shifted_y, y)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Inverse of `wgs84_to_gcj02`, iterated to far below a millimetre; identity outside China's box."""
    return _invert(_shift_gcj02, *_pair(lon, lat))


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Baidu's further shift of GCJ-02; identity outside China's box."""
    x, y = _pair(lon, lat)
    inside = _in_china(x, y)
    shifted_x, shifted_y = _shift_bd09(*_somewhere(inside, x, y))
    return np.where(inside, shifted_x, x), np.where(inside, shifted_y, y)


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Inverse of `gcj02_to_bd09`, iterated."""
    return _invert(_shift_bd09, *_pair(lon, lat))


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """WGS 84 to GCJ-02 to BD-09."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """BD-09 to GCJ-02 to WGS 84."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def _pair(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    return x, y


def _in_china(x: Floats, y: Floats) -> NDArray[np.bool_]:
    return np.asarray((x >= 72.004) & (x <= 137.8347) & (y >= 0.8293) & (y <= 55.8271))


def _somewhere(inside: NDArray[np.bool_], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Places outside the box, which may be any number, stand at a harmless one while the others move."""
    return np.where(inside, x, 105.0), np.where(inside, y, 35.0)


def _shift_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    sixth = 20.0 * np.sin(6.0 * math.pi * x) + 20.0 * np.sin(2.0 * math.pi * x)

    def waves(value: Floats, *terms: tuple[float, float]) -> Floats:
        return np.asarray(sum(size * np.sin(value * math.pi / period) for size, period in terms))

    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north = north + (sixth + waves(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east = east + (sixth + waves(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))) * 2.0 / 3.0
    phi = np.radians(lat)
    curve = 1.0 - _GCJ_EE * np.sin(phi) ** 2
    metres_north = _GCJ_A * (1.0 - _GCJ_EE) / (curve * np.sqrt(curve))
    metres_east = _GCJ_A / np.sqrt(curve) * np.cos(phi)
    return lon + np.degrees(east / metres_east), lat + np.degrees(north / metres_north)


def _shift_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _invert(
    shift: Callable[[Floats, Floats], tuple[Floats, Floats]], lon: Floats, lat: Floats
) -> tuple[Floats, Floats]:
    """Undo a shift by fixed-point iteration; one subtraction alone errs by metres.

    The shift changes by about 1 in 1000 over its own length, so each round gains about three digits. It is
    used without its box here: a place that was moved across the edge of the box still finds its way back.
    """
    inside = _in_china(lon, lat)
    wanted_x, wanted_y = _somewhere(inside, lon, lat)
    x, y = wanted_x, wanted_y
    for _ in range(_INVERSE_ROUNDS):
        moved_x, moved_y = shift(x, y)
        error_x, error_y = moved_x - wanted_x, moved_y - wanted_y
        x, y = x - error_x, y - error_y
        error = np.where(inside, np.maximum(np.abs(error_x), np.abs(error_y)), 0.0)
        if not np.any(error > _INVERSE_TOLERANCE_DEG):
            break
    return np.where(inside, x, lon), np.where(inside, y, lat)


_SHIFTED: dict[str, Callable[[ArrayLike, ArrayLike], tuple[Floats, Floats]]] = {
    "GCJ02": gcj02_to_wgs84,
    "BD09": bd09_to_wgs84,
    "BD09LL": bd09_to_wgs84,
}

# --------------------------------------------------------------------------------------- coordinate texts


@dataclass(frozen=True, slots=True)
class Angle:
    """Decimal degrees (south and west negative), and the axis where the text names it."""

    degrees: float
    axis: Axis | None


@dataclass(frozen=True, slots=True)
class Position:
    """Longitude and latitude in decimal degrees; `latitude_first` tells how the text had them."""

    lon: float
    lat: float
    latitude_first: bool


# Compatibility normalisation would turn some of these into letters or blanks, so they go first.
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("º˚∘⁰度", "°"),
        **dict.fromkeys("′‵’‘‛´`ˊˋʹʼ＇｀分", "'"),
        **dict.fromkeys("″‶”“‟ʺ〃＂秒", '"'),
        **dict.fromkeys("〇○◯", "0"),
        **dict.fromkeys("−–—﹣", "-"),
        "、": ",",
    }
)
_WORDS = (("东经", "E"), ("西经", "W"), ("北纬", "N"), ("南纬", "S"), ("经度", "LON"), ("纬度", "LAT"))
_LETTER_O = re.compile(r"(?<=[0-9.])O|O(?=[0-9.°'\"])")


# One angle: degrees with marks; degrees, minutes and seconds joined by dots, colons or hyphens; or a number.
_DEGREES = (
    r"(?:(?P<deg>\d+(?:\.\d+)?)\s*°(?:\s*(?P<min>\d+(?:\.\d+)?)\s*(?:'\s*(?:(?P<sec>\d+(?:\.\d+)?)\s*\"?)?)?)?"
    r"|(?P<jdeg>\d{1,3})(?P<joint>[.:-])(?P<jmin>\d{1,2})(?P=joint)(?P<jsec>\d{1,2}(?:\.\d+)?)(?![.:\d-])"
    r"|(?P<plain>\d+(?:\.\d+)?))"
)
_LABEL = r"(?:(?P<label>LONGITUDE|LONG|LON|LNG|LATITUDE|LAT)\s*[:=]?\s*)?"
_SIGN = r"(?P<sign>[-+])?\s*"
# A text puts its hemisphere letters before its angles, after them, or has none: never mixed within one text.
_ANGLES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_LABEL}(?P<hemisphere>[NSEW])\s*:?\s*{_SIGN}{_DEGREES}",
        rf"{_LABEL}{_SIGN}{_DEGREES}\s*(?P<hemisphere>[NSEW])",
        rf"{_LABEL}(?P<hemisphere>(?!)X)?{_SIGN}{_DEGREES}",
    )
)
_SEPARATOR = re.compile(r"[\s,;/|]*")


def parse_angle(text: str) -> Angle:
    """Read one longitude or latitude in any form met in practice.

    Degrees, minutes, seconds with signs, typographic quotes or 度分秒; joined by dots (``119.28.05``),
    colons or hyphens; decimal degrees; hemisphere letters or 东经/北纬 before or after; full-width digits;
    the letter O for zero.

    Raises
    ------
    CoordinateTextError
        With `reason` ``not_an_angle``, ``minutes_not_below_60``, ``seconds_not_below_60``,
        ``fraction_before_last_part``, ``sign_and_hemisphere``, ``axis_contradiction`` or
        ``degrees_out_of_range``.
    """
    plain = _simplify(text)
    for pattern in _ANGLES:
        match = pattern.fullmatch(plain)
        if match is not None:
            return _angle(match, text)
    raise CoordinateTextError(text, "not_an_angle")


def parse_longitude(text: str) -> float:
    """Read a longitude in decimal degrees; a text that names itself a latitude is refused."""
    return _parse_axis(text, "lon")


def parse_latitude(text: str) -> float:
    """Read a latitude in decimal degrees; a text that names itself a longitude, or beyond ±90, is refused."""
    return _parse_axis(text, "lat")


def parse_position(text: str) -> Position:
    """Read a pair of angles in either order, such as ``东经119°28′05″，北纬32°25′22.8″``.

    Hemispheres decide the order; without them a first angle below 60 and a second above 70 is latitude first,
    everything else longitude first.

    Raises
    ------
    CoordinateTextError
        As `parse_angle`; also ``not_a_position`` and ``same_axis_twice``.
    """
    plain = _simplify(text).strip("()[]{} ")
    for pattern in _ANGLES:
        first = pattern.match(plain)
        if first is None:
            continue
        separator = _SEPARATOR.match(plain, first.end())
        start = separator.end() if separator is not None else first.end()
        second = pattern.fullmatch(plain, start)
        # Two bare numbers need something between them; a letter or a closing sign is enough otherwise.
        if second is None or (start == first.end() and plain[start - 1].isdigit() and plain[start].isdigit()):
            continue
        return _position(_angle(first, text), _angle(second, text), text)
    raise CoordinateTextError(text, "not_a_position")


def _simplify(text: str) -> str:
    for word, letter in _WORDS:
        text = text.replace(word, letter)
    plain = unicodedata.normalize("NFKC", text.translate(_SIGNS)).upper().strip().replace("''", '"')
    while (repaired := _LETTER_O.sub("0", plain)) != plain:
        plain = repaired
    return plain


def _angle(match: re.Match[str], text: str) -> Angle:
    found = match.groupdict()
    if found["plain"] is not None:
        parts = [found["plain"]]
    elif found["jdeg"] is not None:
        parts = [found["jdeg"], found["jmin"], found["jsec"]]
    else:
        parts = [part for part in (found["deg"], found["min"], found["sec"]) if part is not None]
    if any("." in part for part in parts[:-1]):
        raise CoordinateTextError(text, "fraction_before_last_part")
    for part, name in zip(parts[1:], ("minutes", "seconds"), strict=False):
        if float(part) >= 60:
            raise CoordinateTextError(text, f"{name}_not_below_60")
    hemisphere, sign = found["hemisphere"], found["sign"]
    if hemisphere is not None and sign is not None:
        raise CoordinateTextError(text, "sign_and_hemisphere")
    axes: set[Axis] = set()
    if hemisphere is not None:
        axes.add("lat" if hemisphere in "NS" else "lon")
    if found["label"] is not None:
        axes.add("lat" if found["label"].startswith("LAT") else "lon")
    if len(axes) == 2:
        raise CoordinateTextError(text, "axis_contradiction")
    axis = next(iter(axes), None)
    # Exact until the last step, so that equal angles are equal numbers however they were written.
    degrees = float(sum(Fraction(part) / 60**place for place, part in enumerate(parts)))
    if degrees > (90 if axis == "lat" else 180):
        raise CoordinateTextError(text, "degrees_out_of_range")
    negative = sign == "-" or (hemisphere is not None and hemisphere in "SW")
    return Angle(-degrees if negative else degrees, axis)


def _parse_axis(text: str, axis: Axis) -> float:
    angle = parse_angle(text)
    if angle.axis is not None and angle.axis != axis:
        raise CoordinateTextError(text, "axis_contradiction")
    if axis == "lat" and abs(angle.degrees) > 90:
        raise CoordinateTextError(text, "degrees_out_of_range")
    return angle.degrees


def _position(first: Angle, second: Angle, text: str) -> Position:
    if first.axis is not None and first.axis == second.axis:
        raise CoordinateTextError(text, "same_axis_twice")
    if first.axis is not None or second.axis is not None:
        latitude_first = first.axis == "lat" or second.axis == "lon"
    else:
        latitude_first = abs(first.degrees) < 60 and second.degrees > 70
    lon, lat = (second, first) if latitude_first else (first, second)
    if abs(lat.degrees) > 90:
        raise CoordinateTextError(text, "degrees_out_of_range")
    return Position(lon.degrees, lat.degrees, latitude_first)
