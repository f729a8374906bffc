"""Where a facility stands with regard to the zones of a rule: inside, outside, or too uncertain to say.

Source of the margin: positions of facility and shoreline are known to an accuracy only; nearer to the limit
than both accuracies together, no verdict can be taken from the distance. A distance equal to the limit is
inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spatial.distance import WITHIN_M
from spatial.facts import CleanedFacts, Row
from spatial.findings import is_located
from spatial.rulebook import MISSING_ACCURACY, SettingValue, Zone

DISTANCE_DECIMALS = 2
COORDINATE_DECIMALS = 7


class Place(StrEnum):
    """Where a facility stands."""

    INSIDE = "inside"
    UNCERTAIN = "uncertain"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Placement:
    """One facility against the zones of one rule.

    `code` and `params` tell why the place is uncertain. `measured` and `limit` describe the distance that
    decided; they are empty when nothing was near or nothing could be measured.
    """

    place: Place
    code: str
    params: Mapping[str, Any]
    measured: Mapping[str, Any]
    limit: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Distance:
    """Distance of a facility to the nearest shoreline of one zone's rank, in metres."""

    zone: Zone
    distance_m: float
    margin_m: float
    row: Row
    facility_accuracy_m: float | None
    other_water_body: bool
    """The nearest water of the rank is not one that the rule names: the true distance is at least this."""

    @property
    def place(self) -> Place:
        if abs(self.distance_m - self.zone.within_m) < self.margin_m:
            return Place.UNCERTAIN
        if self.distance_m > self.zone.within_m:
            return Place.OUTSIDE
        return Place.UNCERTAIN if self.other_water_body else Place.INSIDE

    def column(self, name: str) -> Any:
        return self.row.get(f"{self.zone.rank}_{name}")


def zones_in_use(zones: Sequence[Zone], choices: Mapping[str, SettingValue]) -> tuple[Zone, ...]:
    """The zones that hold under these choices of the settings."""
    return tuple(zone for zone in zones if all(choices[name] == value for name, value in zone.when.items()))


def place_facility(
    row: Row,
    zones: Sequence[Zone],
    frame: str,
    facts: CleanedFacts,
    choices: Mapping[str, SettingValue],
) -> Placement:
    """Place one facility by its measured distances.

    It is inside when it is clear inside any zone, uncertain when any zone is undecided, else outside. Of
    several zones that agree, the nearest counts. A facility without geometry is uncertain. A distance missing
    from the frame means beyond the range that was measured (10 km), thus outside, unless the facility's own
    position is too coarse to say so.
    """
    if "geometry" in row and not is_located(row["geometry"]):
        return Placement(Place.UNCERTAIN, "position_missing", {}, {}, {})
    distances = [
        distance for zone in zones if (distance := _distance(row, zone, frame, facts, choices)) is not None
    ]
    for place in (Place.INSIDE, Place.UNCERTAIN):
        candidates = [distance for distance in distances if distance.place is place]
        if candidates:
            return _describe(min(candidates, key=lambda one: one.distance_m), place, facts)
    coarse = [zone for zone in zones if _could_be_near(row, zone, choices)]
    if coarse:
        params = {"accuracy_m": row["accuracy_m"], "within_m": max(zone.within_m for zone in coarse)}
        return Placement(Place.UNCERTAIN, "position_too_coarse", params, {}, {})
    return Placement(Place.OUTSIDE, "outside_zone", {}, {}, {})


def _could_be_near(row: Row, zone: Zone, choices: Mapping[str, SettingValue]) -> bool:
    """Whether a facility beyond the measured range could still be in a zone: its position is that coarse."""
    if row.get(f"{zone.rank}_distance_m") is not None or row.get("accuracy_m") is None:
        return False
    return zone.within_m + float(row["accuracy_m"]) + float(choices[MISSING_ACCURACY]) > WITHIN_M


def _distance(
    row: Row, zone: Zone, frame: str, facts: CleanedFacts, choices: Mapping[str, SettingValue]
) -> _Distance | None:
    measured: Row = row
    other = False
    if zone.water_bodies:
        codes = facts.codes_of(zone.water_bodies)
        narrowed = facts.distances(frame, codes)
        if narrowed is not None:
            measured = narrowed.get(row["code"], {})
        else:
            other = row.get(f"{zone.rank}_water_body_code") not in codes
    distance = measured.get(f"{zone.rank}_distance_m")
    if distance is None:
        return None
    missing = float(choices[MISSING_ACCURACY])
    own, shoreline = row.get("accuracy_m"), measured.get(f"{zone.rank}_shoreline_accuracy_m")
    margin = (missing if own is None else float(own)) + (missing if shoreline is None else float(shoreline))
    return _Distance(zone, float(distance), margin, measured, own, other)


def _describe(distance: _Distance, place: Place, facts: CleanedFacts) -> Placement:
    zone = distance.zone
    params: dict[str, Any] = {
        "distance_m": round(distance.distance_m, DISTANCE_DECIMALS),
        "within_m": zone.within_m,
        "margin_m": round(distance.margin_m, DISTANCE_DECIMALS),
    }
    code = "position_uncertain"
    if distance.other_water_body:
        known = bool(facts.codes_of(zone.water_bodies))
        code = "other_water_body_nearer" if known else "water_body_not_registered"
        params |= {"water_body": zone.water_bodies[0], "nearest": distance.column("water_body_code")}
    shoreline_accuracy = distance.column("shoreline_accuracy_m")
    measured = {
        "distance_m": params["distance_m"],
        "rank": zone.rank.value,
        "water_body_code": distance.column("water_body_code"),
        "nearest_point": {
            "lon": _rounded(distance.column("lon"), COORDINATE_DECIMALS),
            "lat": _rounded(distance.column("lat"), COORDINATE_DECIMALS),
        },
        "shoreline_kind": distance.column("shoreline_kind"),
        "shoreline_version": distance.column("shoreline_version"),
        "facility_accuracy_m": distance.facility_accuracy_m,
        "shoreline_accuracy_m": shoreline_accuracy,
        "accuracies_assumed": [
            name
            for name, value in (
                ("facility", distance.facility_accuracy_m),
                ("shoreline", shoreline_accuracy),
            )
            if value is None
        ],
        "margin_m": params["margin_m"],
        "place": place.value,
    }
    return Placement(place, code, params, measured, {"rank": zone.rank.value, "within_m": zone.within_m})


def _rounded(value: Any, decimals: int) -> float | None:
    return None if value is None else round(float(value), decimals)
