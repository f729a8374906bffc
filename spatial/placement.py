"""Where a facility stands with regard to the zones of a rule: inside, outside, or too uncertain to say.

Positions of facility and shoreline are known to an accuracy only; nearer to the limit than both accuracies
together, no verdict can be taken from a distance. Where shorelines of several accuracies are near, the
facility is inside if any of them shows it clear of its own margin, else undecided if any lies within its
margin, else outside. A distance equal to the limit is inside.

A centre line understates (standards, section 8): the bank is nearer by half the river's width. A stated
half-width is taken off the distance; without one the facility is inside where even the middle of the river
is near enough, and never outside where a bank that nobody drew could be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spatial.distance import WITHIN_M
from spatial.facts import CleanedFacts, Row
from spatial.findings import is_located
from spatial.margins import HALF_WIDTH
from spatial.rulebook import CENTRELINE_UNDERSTATES, MISSING_ACCURACY, SettingValue, Zone
from spatial.vocabulary import ShorelineKind

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
    """Distance of a facility to a shoreline of one zone's rank, in metres."""

    zone: Zone
    distance_m: float
    margin_m: float
    understated_m: float
    """What a centre line without half-width may be too far away by; 0 for every other line."""
    row: Row
    facility_accuracy_m: float | None
    other_water_body: bool
    """The nearest water of the rank is not one that the rule names: the true distance is at least this."""

    @property
    def bank_m(self) -> float:
        """Distance of the bank: of the line itself, less the half-width of a centre line."""
        return max(self.distance_m - float(self.column(HALF_WIDTH) or 0.0), 0.0)

    @property
    def place(self) -> Place:
        if abs(self.bank_m - self.zone.within_m) < self.margin_m:
            return Place.UNCERTAIN
        if self.bank_m > self.zone.within_m:
            near = self.bank_m - self.understated_m < self.zone.within_m + self.margin_m
            return Place.UNCERTAIN if self.understated_m and near else Place.OUTSIDE
        return Place.UNCERTAIN if self.other_water_body else Place.INSIDE

    @property
    def understates(self) -> bool:
        """Whether it is only the missing half-width that leaves the place open."""
        return self.place is Place.UNCERTAIN and self.bank_m >= self.zone.within_m + self.margin_m

    @property
    def is_centreline(self) -> bool:
        return bool(self.column("shoreline_kind") == ShorelineKind.CENTRELINE)

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

    It is inside when any shoreline shows it clear inside any zone, uncertain when any leaves it undecided,
    else outside. Of several that agree, the nearest is told. A facility without geometry is uncertain. A
    distance missing from the frame means beyond the range that was measured (10 km), thus outside, unless
    the facility's own position is too coarse to say so.
    """
    if "geometry" in row and not is_located(row["geometry"]):
        return Placement(Place.UNCERTAIN, "position_missing", {}, {}, {})
    distances = [distance for zone in zones for distance in _distances(row, zone, frame, facts, choices)]
    for place in (Place.INSIDE, Place.UNCERTAIN):
        candidates = [distance for distance in distances if distance.place is place]
        if candidates:
            first = min(candidates, key=lambda one: (one.understates, one.bank_m))
            return _describe(first, place, facts)
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


def _distances(
    row: Row, zone: Zone, frame: str, facts: CleanedFacts, choices: Mapping[str, SettingValue]
) -> Sequence[_Distance]:
    """What is known of the shorelines of a zone: the nearest, and near a limit the nearest of each class."""
    measured: Row = row
    codes: frozenset[str] = frozenset()
    other = False
    if zone.water_bodies:
        codes = facts.codes_of(zone.water_bodies)
        narrowed = facts.distances(frame, codes)
        if narrowed is not None:
            measured = narrowed.get(row["code"], {})
        else:
            other = row.get(f"{zone.rank}_water_body_code") not in codes
    if measured.get(f"{zone.rank}_distance_m") is None:
        return ()
    nearest = _distance(row, measured, zone, choices, other_water_body=other)
    if other or nearest.place is Place.INSIDE:
        return (nearest,)
    lines = facts.lines(frame, zone.rank, codes, row["code"])
    found = [_distance(row, line, zone, choices, other_water_body=False) for line in lines]
    return found or (nearest,)


def _distance(
    row: Row, line: Row, zone: Zone, choices: Mapping[str, SettingValue], *, other_water_body: bool
) -> _Distance:
    missing = float(choices[MISSING_ACCURACY])
    own, shoreline = row.get("accuracy_m"), line.get(f"{zone.rank}_shoreline_accuracy_m")
    bare = line.get(f"{zone.rank}_shoreline_kind") == ShorelineKind.CENTRELINE and not line.get(
        f"{zone.rank}_{HALF_WIDTH}"
    )
    return _Distance(
        zone,
        distance_m=float(line[f"{zone.rank}_distance_m"]),
        margin_m=(missing if own is None else float(own))
        + (missing if shoreline is None else float(shoreline)),
        understated_m=float(choices[CENTRELINE_UNDERSTATES]) if bare else 0.0,
        row=line,
        facility_accuracy_m=own,
        other_water_body=other_water_body,
    )


def _describe(distance: _Distance, place: Place, facts: CleanedFacts) -> Placement:
    zone = distance.zone
    params: dict[str, Any] = {
        "distance_m": round(distance.distance_m, DISTANCE_DECIMALS),
        "within_m": zone.within_m,
        "margin_m": round(distance.margin_m, DISTANCE_DECIMALS),
    }
    code = "position_uncertain"
    if distance.understates:
        code = "centreline_understates"
        params["understated_m"] = round(distance.understated_m, DISTANCE_DECIMALS)
    elif distance.is_centreline and distance.column(HALF_WIDTH):
        code = "position_uncertain_by_half_width"
        params["half_width_m"] = round(float(distance.column(HALF_WIDTH)), DISTANCE_DECIMALS)
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
        **_half_width(distance),
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


def _half_width(distance: _Distance) -> dict[str, Any]:
    """How the bank comes out of a centre line; nothing where a half-width was not looked at."""
    if not distance.is_centreline or f"{distance.zone.rank}_{HALF_WIDTH}" not in distance.row:
        return {}
    half_width = distance.column(HALF_WIDTH)
    return {
        "half_width_m": _rounded(half_width, DISTANCE_DECIMALS),
        "bank_distance_m": None if half_width is None else round(distance.bank_m, DISTANCE_DECIMALS),
    }


def _rounded(value: Any, decimals: int) -> float | None:
    return None if value is None else round(float(value), decimals)
