"""Traces along the river network: gathers rivers, lakes and places, asks the engine, dresses the answer.

Upstream of a section: who may be behind an exceedance. Downstream of a spill: who is reached, and when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
from sqlalchemy.orm import Session

from api.errors import (
    BadRequestError,
    NotKnownError,
    NotLocatedError,
    OffRiverError,
    PlaceTextError,
    ProvisionalSectionError,
    RiverNotThereError,
)
from api.features import plain_cell
from api.jobs import assessment_settings
from ingest.features import parse_features
from ingest.options import IngestOptions
from models import queries
from models.assessments import months_with_readings
from models.loading import registered_section
from spatial.distance import shorelines_in_force
from spatial.errors import SpatialError
from spatial.findings import geojson
from spatial.geodesy import parse_position
from spatial.network import RiverNetwork, Velocity, build_network
from spatial.network_places import Position, enter_areas, locate, position_of, snap
from spatial.network_tracing import (
    Suspect,
    Trace,
    TraceItem,
    rank_suspects,
    trace_downstream,
    trace_lines,
    trace_upstream,
)
from spatial.overlays import assess_in_force
from spatial.parameters import find_parameter
from spatial.period import Period, parse_period
from spatial.rulebook import load_rulebook
from spatial.vocabulary import Rank

Direction = Literal["upstream", "downstream"]

PLACE_KINDS: Mapping[str, str] = {
    "sections": "section",
    "outfalls": "outfall",
    "tailings_ponds": "tailings_pond",
    "chemical_sites": "chemical_site",
    "water_sources": "water_source",
}
"""Registers whose places a trace meets, and what they are called there."""
SUSPECT_KINDS = ("outfall", "tailings_pond", "chemical_site")
"""Places that may be behind an exceedance."""
INTAKE_CATEGORIES = frozenset({"取水口", "取水工程", "饮用水取水口", "intake", "water_intake"})
REGION_CATEGORIES = frozenset({"行政区", "行政区划", "政区", "区县", "region", "county", "district"})
"""Categories of inventoried places that are intakes, and polygons of regions."""
REMOVING = frozenset({"banned", "merged"})
"""Remediations after which an outfall is gone, once they have a date; a standardised one stays."""
LAKE_RANKS = (Rank.LAKE.value, Rank.IMPORTANT_LAKE.value)
HINTS = ("river_code", "water_body_code", "river", "receiving_water")
ON_NAMED = ("named_river", "named_river_far")
"""Reasons of a position on the water that was named."""
MOST_KM = 10_000.0
ENTRY = "\x1f"
"""Between the code of a region and the number of an entry into it."""
SPREAD = 1.5
"""A velocity that somebody states is known to this factor; see `NetworkSettings.stated_spread`."""


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """What is asked: from a section or a place, up or down, how far.

    `velocity` replaces what the rivers state. `parameters` are those that upstream places are ranked by; None
    takes what exceeds at the section over `period` (None: its latest month with readings).
    """

    direction: Direction
    max_km: float
    section: str | None = None
    place: tuple[float, float] | None = None
    river: str | None = None
    velocity: float | None = None
    parameters: tuple[str, ...] | None = None
    period: Period | None = None

    def __post_init__(self) -> None:
        if (self.section is None) == (self.place is None):
            raise BadRequestError("section", str(self.section), "either a section or a place (from)")
        if self.river is not None and self.place is None:
            raise BadRequestError("river", self.river, "with a place (from) only: a section knows its river")
        if not 0 < self.max_km <= MOST_KM:
            raise BadRequestError(self.direction, f"{self.max_km:g}", f"0 < km <= {MOST_KM:g}")
        if self.velocity is not None and not 0 < self.velocity <= 20:
            raise BadRequestError("velocity", f"{self.velocity:g}", "0 < m/s <= 20")
        if self.place is not None and not (-180 <= self.place[0] <= 180 and -90 <= self.place[1] <= 90):
            raise PlaceTextError("from", f"{self.place[0]:g},{self.place[1]:g}")
        for code in self.parameters or ():
            find_parameter(code)  # raises for an unknown one


def parse_place(text: str) -> tuple[float, float]:
    """Longitude and latitude of a place: two numbers, longitude first, or degrees with their hemispheres.

    Raises
    ------
    PlaceTextError
        If the text is neither. Two numbers with latitude first are refused later: off the Earth.
    """
    try:
        lon, lat = (float(part) for part in text.replace("，", ",").split(","))
    except ValueError:
        try:
            found = parse_position(text)
        except SpatialError as error:
            raise PlaceTextError("from", text) from error
        return found.lon, found.lat
    return lon, lat


@dataclass(frozen=True)
class Waters:
    """Rivers, lakes and the places along them, as they stood on a day."""

    as_of: date
    rivers: gpd.GeoDataFrame
    lakes: gpd.GeoDataFrame | None
    places: gpd.GeoDataFrame
    regions: gpd.GeoDataFrame
    sources: tuple[str, ...] = ()

    @cached_property
    def network(self) -> RiverNetwork:
        """The rivers joined into one graph."""
        return build_network(self.rivers, lakes=self.lakes)

    @cached_property
    def snapped(self) -> pd.DataFrame:
        """The places on the network."""
        return snap(self.network, self.places)


@dataclass(frozen=True)
class Exceedance:
    """The parameters that upstream places are ranked by, and where they come from.

    `basis`: ``asked``, ``assessed`` (those that exceed over `period`), ``none`` (nothing was asked, and
    nothing could be assessed).
    """

    parameters: tuple[str, ...] = ()
    basis: Literal["asked", "assessed", "none"] = "none"
    period: str | None = None
    limit_class: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As the answer has it."""
        return {
            "parameters": list(self.parameters),
            "basis": self.basis,
            "period": self.period,
            "limit_class": self.limit_class,
        }


@dataclass(frozen=True)
class TraceAnswer:
    """A trace with everything that a reader of it needs.

    `suspects` is empty where none are ranked; `origin_name` is the section's, None for a bare place.
    """

    request: TraceRequest
    waters: Waters
    trace: Trace
    origin_name: str | None
    exceedance: Exceedance | None
    suspects: tuple[Suspect, ...]
    places: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """Errors of the network that touch a river of this trace: there it may be wrong or end too early."""
        rivers = {code for item in self.trace.items for code in item.via}
        if self.trace.origin.river_code is not None:
            rivers.add(self.trace.origin.river_code)
        return [
            {
                "code": problem.code,
                "rivers": list(problem.rivers),
                "params": {key: plain_cell(value) for key, value in problem.params.items()},
                "lon": problem.lon,
                "lat": problem.lat,
            }
            for problem in self.waters.network.problems
            if problem.severity == "error" and rivers & set(problem.rivers)
        ]

    def as_json(self) -> dict[str, Any]:
        """The contract's shape, with more beside it."""
        shown = self.trace.as_json()
        ranked = {(one.item.kind, one.item.code): one for one in self.suspects}
        return {
            **shown,
            "origin": {**shown["origin"], "name": self.origin_name},
            "as_of": self.waters.as_of.isoformat(),
            "velocity_m_s": self.request.velocity,
            "items": [
                self._item(row, ranked.get((row["kind"], row["code"])), item)
                for row, item in zip(shown["items"], self.trace.items, strict=True)
            ],
            "exceedance": None if self.exceedance is None else self.exceedance.as_json(),
            "problems": self.problems,
        }

    def _item(self, row: Mapping[str, Any], suspect: Suspect | None, item: TraceItem) -> dict[str, Any]:
        place = self.places.get((row["kind"], row["code"]), {})
        return {
            **row,
            "region_code": place.get("region_code"),
            "discharges": None if item.discharges is None else list(item.discharges),
            "removed_on": None if (day := place.get("removed_on")) is None else day.isoformat(),
            "suspect": None
            if suspect is None
            else {"rank": suspect.rank, "reason": suspect.reason, "matched": list(suspect.matched)},
            "lon": place.get("lon"),
            "lat": place.get("lat"),
        }

    def as_features(self) -> list[dict[str, Any]]:
        """Rows for GeoJSON: the origin, the stretches of river, the items where they meet it."""
        document = self.as_json()
        origin = document["origin"]
        rows = [{"feature": "origin", **origin, "geometry": point(origin["lon"], origin["lat"])}]
        rows += [
            {
                "feature": "river",
                **{key: plain_cell(row[key]) for key in ("river_code", "km_from", "km_to")},
                **{key: plain_cell(row[key]) for key in ("hours_from", "hours_to")},
                "geometry": geojson(row["geometry"]),
            }
            for row in self.lines.to_dict("records")
        ]
        rows += [
            {"feature": "item", **item, "geometry": point(item["lon"], item["lat"])}
            for item in document["items"]
        ]
        return rows

    @cached_property
    def lines(self) -> gpd.GeoDataFrame:
        """The traced stretches of river."""
        return trace_lines(self.waters.network, self.trace)


def trace_row(item: Mapping[str, Any]) -> dict[str, Any]:
    """One item as a flat row: rank and reason of a suspect beside it."""
    suspect = item["suspect"] or {"rank": None, "reason": None, "matched": []}
    row = {key: value for key, value in item.items() if key != "suspect"}
    return {**row, **{f"suspect_{key}": value for key, value in suspect.items()}}


def point(lon: float | None, lat: float | None) -> dict[str, Any] | None:
    """A GeoJSON point; null where it is nowhere."""
    return None if lon is None or lat is None else {"type": "Point", "coordinates": [lon, lat]}


# --- gathering -------------------------------------------------------------------------------------------


def gather_waters(session: Session, as_of: date) -> Waters:
    """Everything that a trace looks at, as it stood on a day.

    Rivers are the register of that name; lakes the water polygons of the shorelines of lakes.
    """

    def register(kind: str) -> gpd.GeoDataFrame:
        return queries.features_in_force(session, kind, as_of)

    frames = {kind: register(kind) for kind in PLACE_KINDS}
    rivers, shorelines, sites = register("rivers"), register("shorelines"), register("sites")
    return _waters(as_of, rivers, shorelines_in_force(shorelines, as_of), frames, sites)


def read_waters(rivers: Path, files: Sequence[tuple[str, Path]], as_of: date) -> Waters:
    """The same from files, without a database.

    Parameters
    ----------
    rivers :
        A file of `ingest rivers`.
    files :
        (kind, file): further files of the kinds that a trace knows; shorelines give lakes.

    Raises
    ------
    BadRequestError
        If a kind is none that a trace knows, or a file has rows that would be rejected.
    IngestFileError
        If a file cannot be used.
    """
    known = (*PLACE_KINDS, "sites", "shorelines")
    frames: dict[str, list[gpd.GeoDataFrame]] = {}
    for kind, file in [("rivers", rivers), *((kind.replace("-", "_"), file) for kind, file in files)]:
        if kind != "rivers" and kind not in known:
            expected = ", ".join(f"{one.replace('_', '-')}=FILE" for one in known)
            raise BadRequestError("--places", f"{kind}={file}", expected)
        parsed = parse_features(kind, file, IngestOptions(), for_loading=True)
        if parsed.problems:
            first = parsed.problems[0]
            where = f"{file.name}, row {first.row}, {first.column}: {first.code}"
            raise BadRequestError("--rivers" if kind == "rivers" else "--places", where, "a clean file")
        frames.setdefault(kind, []).append(_in_force(gpd.GeoDataFrame(parsed.frame), as_of))
    joined = {kind: _joined(parts) for kind, parts in frames.items()}
    nothing = gpd.GeoDataFrame({"code": []}, geometry=[], crs=4490)
    registers = {kind: joined[kind] for kind in PLACE_KINDS if kind in joined}
    return _waters(
        as_of, joined["rivers"], joined.get("shorelines", nothing), registers, joined.get("sites", nothing)
    )


def _in_force(frame: gpd.GeoDataFrame, as_of: date) -> gpd.GeoDataFrame:
    """Rows of a file that hold on a day."""
    starts, ends = frame["valid_from"], frame["valid_to"]
    held = [
        (first is None or first <= as_of) and (last is None or last >= as_of)
        for first, last in zip(starts, ends, strict=True)
    ]
    return frame[held].reset_index(drop=True)


def _joined(parts: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    filled = [part for part in parts if len(part)] or [parts[0]]
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), geometry="geometry", crs=4490)


def _waters(
    as_of: date,
    rivers: gpd.GeoDataFrame,
    shorelines: gpd.GeoDataFrame,
    registers: Mapping[str, gpd.GeoDataFrame],
    sites: gpd.GeoDataFrame,
) -> Waters:
    lakes = shorelines
    if len(shorelines):
        polygons = shorelines.geometry.geom_type.isin(("Polygon", "MultiPolygon"))
        lakes = shorelines[polygons & shorelines["rank"].isin(LAKE_RANKS)]
    lakes = lakes.rename(columns={"water_body_code": "code"}) if len(lakes) else None
    rows: list[dict[str, Any]] = []
    for register, kind in PLACE_KINDS.items():
        frame = registers.get(register)
        if frame is None or not len(frame):
            continue
        if register == "water_sources":
            frame = frame[frame["zone_grade"] == 0]
        rows += [_place(kind, row) for row in frame.to_dict("records")]
    regions: list[dict[str, Any]] = []
    for row in sites.to_dict("records"):
        if row.get("category") in INTAKE_CATEGORIES:
            rows.append(_place("intake", row))
        elif row.get("category") in REGION_CATEGORIES and getattr(row["geometry"], "area", 0) > 0:
            regions.append(_place("region", row))
    columns = ("kind", "code", "name", "region_code", "discharges", "removed_on", *HINTS, "geometry")
    return Waters(
        as_of,
        rivers,
        lakes,
        _frame(rows, columns),
        _frame(regions, columns),
        tuple(sorted({str(one) for one in shorelines["source"].dropna()})) if len(shorelines) else (),
    )


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> gpd.GeoDataFrame:
    cells = {
        name: pd.Series([row[name] for row in rows], dtype=object) for name in columns if name != "geometry"
    }
    return gpd.GeoDataFrame(cells, geometry=[row["geometry"] for row in rows], crs=4490)


def _place(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """One place, with what names its water: its own columns, or the attributes of an inventoried place."""
    attributes = row.get("attributes") if isinstance(row.get("attributes"), dict) else {}
    discharges = row.get("discharges")
    return {
        "kind": kind,
        "code": str(row["code"]),
        "name": plain_cell(row.get("name")),
        "region_code": plain_cell(row.get("region_code")),
        "discharges": tuple(discharges) if isinstance(discharges, list | tuple) else None,
        "removed_on": removal_day(kind, row),
        **{hint: plain_cell(row.get(hint, (attributes or {}).get(hint))) for hint in HINTS},
        "geometry": row["geometry"],
    }


def removal_day(kind: str, row: Mapping[str, Any]) -> date | None:
    """The day from which an outfall is banned or merged, a site moved or closed; None: it stands.

    The first of the dates counts: what is completed is gone, whether struck off the list yet or not.
    """
    names: tuple[str, ...] = ()
    if kind == "outfall" and row.get("remediation") in REMOVING:
        names = ("completed_on", "cancelled_on")
    elif kind == "chemical_site":
        names = ("relocated_on",)
    elif kind == "site":
        names = ("closed_on",)
    days = [day for day in (row.get(name) for name in names) if isinstance(day, date) and not pd.isna(day)]
    return min(days, default=None)


# --- tracing ---------------------------------------------------------------------------------------------


def trace_in(session: Session, request: TraceRequest, as_of: date) -> TraceAnswer:
    """Trace as asked, on the registers of a day.

    Raises
    ------
    NotKnownError
        If no section has the code.
    BadRequestError
        If there are no rivers, or the origin is on none of them.
    """
    if request.section is not None:
        require_section(session, request.section, as_of)
    exceedance = None
    if request.direction == "upstream" and request.section is not None:
        exceedance = find_exceedance(session, request, as_of)
    return trace_waters(gather_waters(session, as_of), request, exceedance)


def require_section(session: Session, code: str, as_of: date) -> None:
    """Refuse the code of a section that no register holds on a day.

    Raises
    ------
    ProvisionalSectionError
        If only feeds have named it so far.
    NotKnownError
        If nothing has named it.
    """
    if not queries.features_in_force(session, "sections", as_of, codes=[code]).empty:
        return
    entry = registered_section(session, code)
    if entry is not None and entry.provisional:
        raise ProvisionalSectionError(code, entry.province or "", entry.name or "")
    raise NotKnownError("section", code)


def trace_waters(waters: Waters, request: TraceRequest, exceedance: Exceedance | None = None) -> TraceAnswer:
    """Trace as asked on waters at hand; see :func:`trace_in`."""
    if not len(waters.rivers):
        raise BadRequestError("rivers", "0", "rivers in force on the day: qingjiang ingest rivers FILE")
    if exceedance is None and request.parameters is not None:
        exceedance = Exceedance(request.parameters, "asked")
    origin, name = _origin(waters, request)
    if not origin.placed:
        asked = request.section or ",".join(f"{part:g}" for part in request.place or ())
        if origin.reason == "not_located":
            raise NotLocatedError("section", asked)
        within_km = waters.network.settings.snap_m / 1000
        raise OffRiverError("section" if request.section else "from", asked, within_km)
    places = waters.snapped
    if len(waters.regions):
        entered = enter_areas(waters.network, waters.regions, origin, direction=request.direction)
        # A river may enter a region several times: each entry is traced, and the first one counts.
        entered["code"] = [f"{code}{ENTRY}{row}" for row, code in enumerate(entered["code"])]
        places = pd.concat([places, entered], ignore_index=True) if len(entered) else places
    velocity = None if request.velocity is None else Velocity.around(request.velocity, SPREAD)
    trace_to = trace_upstream if request.direction == "upstream" else trace_downstream
    traced = trace_to(waters.network, origin, places, max_km=request.max_km, velocity=velocity)
    trace, entries = _first_entries(traced)
    found = {
        entries.get((one["kind"], one["code"]), (one["kind"], one["code"])): one
        for one in places.to_dict("records")
        if one["kind"] != "region" or (one["kind"], one["code"]) in entries
    }
    about = {(row["kind"], row["code"]): row for row in _about(waters)}
    suspects: Sequence[Suspect] = ()
    if exceedance is not None and exceedance.parameters:
        items = [item for item in trace.items if item.kind in SUSPECT_KINDS]
        before = _exceeds_from(request, exceedance, waters.as_of)
        removed = {
            key for key, one in about.items() if one["removed_on"] is not None and one["removed_on"] < before
        }
        suspects = rank_suspects(items, exceedance.parameters, removed=removed)
    return TraceAnswer(
        request=request,
        waters=waters,
        trace=trace,
        origin_name=name,
        exceedance=exceedance,
        suspects=tuple(suspects),
        places={
            key: {
                "lon": round(float(one["lon"]), 6),
                "lat": round(float(one["lat"]), 6),
                "region_code": about.get(key, {}).get("region_code"),
                "removed_on": about.get(key, {}).get("removed_on"),
                "geometry": about.get(key, {}).get("geometry"),
            }
            for key, one in found.items()
            if one["confidence"] != "none"
        },
    )


def _exceeds_from(request: TraceRequest, exceedance: Exceedance, as_of: date) -> date:
    """The first day of what is looked into: of the period assessed or asked for, else the day itself."""
    period = parse_period(exceedance.period) if exceedance.period else request.period
    return as_of if period is None else period.start


def _first_entries(trace: Trace) -> tuple[Trace, dict[tuple[str, str], tuple[str, str]]]:
    """The trace with every region once, and the entries that stand for them."""
    items: list[TraceItem] = []
    entries: dict[tuple[str, str], tuple[str, str]] = {}
    for item in trace.items:
        if item.kind != "region":
            items.append(item)
            continue
        code = item.code.partition(ENTRY)[0]
        if ("region", code) not in entries.values():
            entries["region", item.code] = ("region", code)
            items.append(replace(item, code=code))
    return replace(trace, items=tuple(items)), entries


def _about(waters: Waters) -> list[dict[str, Any]]:
    return [*waters.places.to_dict("records"), *waters.regions.to_dict("records")]


def _origin(waters: Waters, request: TraceRequest) -> tuple[Position, str | None]:
    """Where the trace starts, and what that is called."""
    if request.section is None:
        assert request.place is not None  # noqa: S101 - the request was checked
        origin = locate(waters.network, *request.place, river=request.river)
        if request.river is not None and origin.placed and origin.reason not in ON_NAMED:
            raise RiverNotThereError(request.river, waters.network.settings.snap_m / 1000)
        return replace(origin, kind="place"), None
    names = waters.places.loc[waters.places["kind"] == "section"].set_index("code")["name"]
    if request.section not in names.index:
        raise NotKnownError("section", request.section)
    name = plain_cell(names[request.section])
    return position_of(waters.snapped, "section", request.section), name


def find_exceedance(session: Session, request: TraceRequest, as_of: date) -> Exceedance:
    """The parameters to rank by: those asked, else those worse than the section's target over the period.

    Without a target class Ⅲ is the measure, as for exceedance multiples. Without a period the latest month
    with readings up to the day is taken.
    """
    assert request.section is not None  # noqa: S101 - the caller asks for sections only
    if request.parameters is not None:
        return Exceedance(request.parameters, "asked")
    period = request.period or latest_month(session, request.section, as_of)
    if period is None:
        return Exceedance()
    sections = queries.features_in_force(session, "sections", period.end, codes=[request.section])
    if sections.empty:
        return Exceedance(period=period.text)
    readings = queries.readings_between(
        session, period.starts_at, period.ends_before, section_codes=[request.section]
    )
    (assessed,) = assess_in_force(sections, readings, period, assessment_settings(load_rulebook()))
    limit = assessed.target_class or 3
    worse = [
        entry
        for entry in (parameter.as_json() for parameter in assessed.parameters)
        if entry["evaluated"] and isinstance(entry["class"], int) and entry["class"] > limit
    ]
    worse.sort(key=lambda entry: (-int(str(entry["class"])), str(entry["code"])))
    codes = tuple(str(entry["code"]) for entry in worse)
    return Exceedance(codes, "assessed", period.text, limit)


def latest_month(session: Session, section: str, as_of: date) -> Period | None:
    """The latest month up to a day in which a section has readings."""
    months = [
        (year, month)
        for _, year, month in months_with_readings(session, [section])
        if (year, month) <= (as_of.year, as_of.month)
    ]
    return parse_period("{}-{:02d}".format(*max(months))) if months else None
