"""Compare a file's geometry with the coordinates in its own columns, and say what they betray.

Many exports carry the surveyed X and Y as attributes beside a geometry in degrees that is labelled WGS 84.
Where the attributes make the degrees on another ellipsoid without any datum shift, the label is wrong and the
places lie some 60 to 100 m off. Where a published transformation makes them, the label is right, and the
places are as good as that transformation.

Source of the codes: standards, section 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ingest.systems import Converter, conventions, open_operation, unproject_system
from spatial.geodesy import (
    CoordinateForm,
    gcj02_to_wgs84,
    measure_geodesics,
    recognise_coordinates,
    to_cgcs2000,
)

Floats = NDArray[np.float64]

_SAMPLE = 200
_MERIDIANS = range(75, 136, 3)
_NEAR_DEG = 4.5
"""A 6° zone reaches 3° from its meridian; neighbours are used too."""


class Label(StrEnum):
    """What comparing a file's geometry with its own columns shows."""

    AGREES = "agrees"
    WRONG = "wrong"  # the degrees are on another datum
    TRANSFORMED = "transformed"  # the degrees were made from another datum by a published transformation
    DISAGREES = "disagrees"  # nothing that is known explains the columns


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for one pair of columns.

    `crs` is the system of the columns (an EPSG code, None where nothing explains them), `datum` the system of
    the degrees that the geometry really is in, where the label is wrong. `apart` marks those of the compared
    rows that stay farther apart than allowed, `median_m` is the median distance.
    """

    label: Label
    crs: str | None
    compared: int
    median_m: float
    apart: NDArray[np.bool_]
    datum: str | None = None
    operation: str | None = None
    accuracy_m: float = 0.0


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    label: Label
    crs: str
    convert: Converter
    datum: str | None = None
    operation: str | None = None
    accuracy_m: float = 0.0


def compare_columns(lon: Floats, lat: Floats, first: Floats, second: Floats) -> Finding | None:
    """Compare places in degrees with two columns of the same rows.

    The columns may be degrees in either order, or projected metres in either order with or without the zone
    number. None where there is nothing to compare: NaN, (0, 0), or numbers that are no coordinates.
    """
    forms = recognise_coordinates(first, second)
    usable = np.isfinite(lon) & np.isfinite(lat) & ~((first == 0) & (second == 0))
    turned = np.isin(forms, [CoordinateForm.LAT_LON, CoordinateForm.NORTHING_EASTING])
    x, y = np.where(turned, second, first), np.where(turned, first, second)
    degrees = usable & np.isin(forms, [CoordinateForm.LON_LAT, CoordinateForm.LAT_LON])
    metres = usable & np.isin(forms, [CoordinateForm.EASTING_NORTHING, CoordinateForm.NORTHING_EASTING])
    if metres.any() and metres.sum() >= degrees.sum():
        return _compare_metres(lon, lat, np.where(metres, x % 1_000_000, np.nan), y, metres)
    if degrees.any():
        return _compare_degrees(lon, lat, x, y, degrees)
    return None


def _compare_metres(lon: Floats, lat: Floats, x: Floats, y: Floats, rows: NDArray[np.bool_]) -> Finding:
    settings = conventions()["labels"]
    sample = np.flatnonzero(rows)[:_SAMPLE]
    best: tuple[float, _Hypothesis] | None = None
    for guess in _hypotheses(float(np.median(lon[sample]))):
        off = _apart(lon[sample], lat[sample], *guess.convert(x[sample], y[sample]))
        median = float(np.median(off))
        if np.isfinite(median) and (best is None or median < best[0]):
            best = (median, guess)
    if best is None or best[0] > settings["reproduced_m"]:
        off = np.full(len(lon), np.nan) if best is None else _apart(lon, lat, *best[1].convert(x, y))
        return Finding(
            Label.DISAGREES, None, int(rows.sum()), np.inf if best is None else _median(off, rows), rows
        )
    guess = best[1]
    off = _apart(lon, lat, *guess.convert(x, y))
    return Finding(
        guess.label,
        guess.crs,
        int(rows.sum()),
        _median(off, rows),
        rows & ~(off <= settings["apart_m"]),
        guess.datum,
        guess.operation,
        guess.accuracy_m,
    )


def _compare_degrees(lon: Floats, lat: Floats, x: Floats, y: Floats, rows: NDArray[np.bool_]) -> Finding:
    settings = conventions()["labels"]
    off = _apart(lon, lat, x, y)
    apart = rows & ~(off <= settings["apart_degrees_m"])
    if _median(off, rows) <= settings["apart_degrees_m"]:
        return Finding(Label.AGREES, None, int(rows.sum()), _median(off, rows), apart)
    unshifted = _apart(*gcj02_to_wgs84(lon, lat), x, y)
    if _median(unshifted, rows) <= settings["apart_m"]:
        return Finding(Label.WRONG, None, int(rows.sum()), _median(off, rows), apart, datum="gcj02")
    return Finding(Label.DISAGREES, None, int(rows.sum()), _median(off, rows), apart)


def _apart(lon: Floats, lat: Floats, x: Floats, y: Floats) -> Floats:
    """Metres between two places of each row; inf where one of them is none, or no place on the Earth."""
    known = np.isfinite(lon) & np.isfinite(x) & (np.abs(x) <= 360) & (np.abs(y) <= 90)
    off = measure_geodesics(*(np.where(known, values, 0.0) for values in (lon, lat, x, y)))
    return np.where(known, off, np.inf)


def _median(off: Floats, rows: NDArray[np.bool_]) -> float:
    return float(np.median(off[rows]))


def _hypotheses(lon: float) -> Iterator[_Hypothesis]:
    """What metres near a longitude may be: our own datum first, so that it wins where two are equal."""
    for meridian in _MERIDIANS:
        if abs(meridian - lon) > _NEAR_DEG:
            continue
        step = (meridian - 75) // 3
        own = f"EPSG:{4534 + step}"
        yield _Hypothesis(Label.AGREES, own, _to_degrees(own))
        if meridian % 6 == 3:
            utm = f"EPSG:{32631 + (meridian - 3) // 6}"
            yield _Hypothesis(Label.AGREES, utm, _to_degrees(utm))
        xian, beijing = f"EPSG:{2370 + step}", f"EPSG:{2422 + step}"
        yield _Hypothesis(Label.WRONG, xian, _on_own_datum(xian), datum="EPSG:4610")
        yield _Hypothesis(Label.WRONG, beijing, _on_own_datum(beijing), datum="EPSG:4214")
        for operation, accuracy_m in conventions()["labels"]["operations"].items():
            yield _Hypothesis(
                Label.TRANSFORMED,
                beijing,
                _by_operation(beijing, operation),
                operation=operation,
                accuracy_m=float(accuracy_m),
            )


def _to_degrees(crs: str) -> Converter:
    def convert(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return to_cgcs2000(x, y, crs)

    return convert


def _on_own_datum(crs: str) -> Converter:
    _, unproject = unproject_system(crs)
    if unproject is None:
        raise ValueError(f"{crs} is not projected")
    return unproject


def _by_operation(crs: str, operation: str) -> Converter:
    geographic, unproject = unproject_system(crs)
    move = open_operation(operation, geographic)
    if unproject is None:
        raise ValueError(f"{crs} is not projected")

    def convert(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return move(*unproject(x, y))

    return convert
