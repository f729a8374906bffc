"""Registers of what stands in which area: protection zones, regions, homes below tailings ponds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from api.errors import BadRequestError
from api.features import plain_cell
from api.jobs import protection_zones
from api.tracing import INTAKE_CATEGORIES, REGION_CATEGORIES, Direction, Waters, gather_waters, removal_day
from ingest.regions import open_regions
from models import queries
from spatial.findings import geojson
from spatial.network_places import snap
from spatial.network_tracing import trace_many
from spatial.relations import (
    NEAR_M,
    PondExposure,
    Side,
    SideOf,
    relate_ponds,
    relate_regions,
    relate_zones,
)
from spatial.rulebook import MISSING_ACCURACY, OVERHEAD_POND, load_rulebook

FACILITIES = {
    "outfalls": "outfall",
    "tailings_ponds": "tailings_pond",
    "chemical_sites": "chemical_site",
    "sites": "site",
}
"""Registers whose entries may stand in a protection zone."""
HOME_CATEGORIES = frozenset(
    {"居民点", "居民区", "村庄", "自然村", "村", "village", "residential", "settlement"}
)
PEOPLE = ("people", "population", "residents", "人口", "人数", "居民人数")
"""Attributes of a home that may say how many live there."""
BELONGING = INTAKE_CATEGORIES | REGION_CATEGORIES | HOME_CATEGORIES
"""Categories of inventoried places that are no facilities."""


def zone_rows(
    session: Session, as_of: date, *, region: str | None = None, near_m: float = NEAR_M
) -> list[dict[str, Any]]:
    """Facilities inside protection zones of drinking-water sources, and within `near_m` of one.

    Ordered by source, grade, and place: inside first. `place` is ``undecided`` where the edge is nearer than
    the accuracies of facility and zone together, by the dated setting for those that state none. `removed_on`
    says since when a facility is gone, where it is.
    """
    if not 0 < near_m <= 10_000:
        raise BadRequestError("near", f"{near_m:g}", "0 < metres <= 10000")
    zones = protection_zones(session, as_of)
    assumed = float(load_rulebook().choice(MISSING_ACCURACY))
    rows: list[dict[str, Any]] = []
    for register, kind in FACILITIES.items():
        frame = queries.features_in_force(session, register, as_of, region_code=region)
        if register == "sites":
            frame = frame[~frame["category"].isin(BELONGING)].reset_index(drop=True)
        if frame.empty or zones.empty:
            continue
        about = {row["code"]: row for row in frame.to_dict("records")}
        related = relate_zones(frame, zones, near_m=near_m).to_dict("records")
        for row in related:
            facility = about[row["code"]]
            gone = removal_day(kind, facility)
            found = _zone_row(kind, row, facility, assumed)
            rows.append(found | {"removed_on": None if gone is None or gone > as_of else gone.isoformat()})
    rows.sort(
        key=lambda row: (row["source_code"], row["zone_grade"], _PLACES.index(row["place"]), row["code"])
    )
    return rows


_PLACES = ("inside", "undecided", "outside")


def _zone_row(
    kind: str, row: Mapping[Any, Any], facility: Mapping[Any, Any], assumed: float
) -> dict[str, Any]:
    accuracy = plain_cell(facility.get("accuracy_m"))
    margin = assumed + (assumed if accuracy is None else float(accuracy))
    sure = row["edge_distance_m"] >= margin
    return {
        "kind": kind,
        "code": row["code"],
        "name": plain_cell(facility["name"]),
        "category": plain_cell(facility.get("category")),
        "region_code": plain_cell(facility["region_code"]),
        "source_code": row["source_code"],
        "source_name": row["source_name"],
        "zone_grade": int(row["zone_grade"]),
        "place": ("inside" if row["inside"] else "outside") if sure else "undecided",
        "edge_distance_m": round(float(row["edge_distance_m"]), 2),
        "margin_m": round(margin, 2),
        "geometry": geojson(facility["geometry"]),
    }


def region_rows(
    session: Session, as_of: date, *, region: str | None = None, file: Path | None = None
) -> list[dict[str, Any]]:
    """The region that each section lies in, beside the one that it states.

    Polygons come from a file (see `open_regions`), else from the inventoried places of a category of regions.

    Raises
    ------
    BadRequestError
        If there are no polygons.
    IngestFileError, OptionError
        If the file cannot be used.
    """
    sections = queries.features_in_force(session, "sections", as_of, region_code=region)
    regions = _regions(session, as_of) if file is None else open_regions(file)
    if regions.empty:
        raise BadRequestError(
            "regions", "0", "polygons of regions: --regions FILE, or sites of category 行政区"
        )
    about = {row["code"]: row for row in sections.to_dict("records")}
    related = relate_regions(sections, regions)
    return [
        {
            "code": row["code"],
            "name": plain_cell(about[row["code"]]["name"]),
            "river": plain_cell(about[row["code"]]["river"]),
            "stated_region": plain_cell(row["stated_region"]),
            "found_region": plain_cell(row["found_region"]),
            "found_name": plain_cell(row["found_name"]),
            "answer": row["answer"],
            "stated_distance_m": _rounded(row["stated_distance_m"]),
            "geometry": geojson(about[row["code"]]["geometry"]),
        }
        for row in related.to_dict("records")
    ]


def _rounded(value: float) -> float | None:
    return round(float(value), 1) if np.isfinite(value) else None


def _regions(session: Session, as_of: date) -> gpd.GeoDataFrame:
    sites = queries.features_in_force(session, "sites", as_of)
    kept = sites["category"].isin(REGION_CATEGORIES) & sites["region_code"].notna()
    return _polygons(sites[kept])


def _polygons(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    areas = frame.geometry.geom_type.isin(("Polygon", "MultiPolygon")) if len(frame) else []
    return frame[areas].reset_index(drop=True) if len(frame) else frame


# --- people below ponds ----------------------------------------------------------------------------------


def pond_rows(session: Session, as_of: date, *, region: str | None = None) -> list[dict[str, Any]]:
    """The register of overhead tailings ponds (头顶库): every pond with what is stated and what was found.

    Which homes lie downstream is told by the river network, where a pond reaches a river within the distance
    of the definition; else it is not known.
    """
    ponds = queries.features_in_force(session, "tailings_ponds", as_of, region_code=region)
    homes = _homes(session, as_of)
    within_m = float(load_rulebook().choice(OVERHEAD_POND))
    side_of = river_sides(gather_waters(session, as_of), ponds, homes, within_m) if len(homes) else None
    found = relate_ponds(ponds, homes, within_m=within_m, side_of=side_of)
    shapes = dict(zip(ponds["code"], ponds["geometry"], strict=True))
    return [_pond_row(one, within_m, shapes[one.code]) for one in found]


def _pond_row(one: PondExposure, within_m: float, shape: Any) -> dict[str, Any]:
    return {**one.as_json(), "within_m": within_m, "geometry": geojson(shape)}


def _homes(session: Session, as_of: date) -> gpd.GeoDataFrame:
    sites = queries.features_in_force(session, "sites", as_of)
    homes = sites[sites["category"].isin(HOME_CATEGORIES) & sites["geometry"].notna()].reset_index(drop=True)
    return homes.assign(people=pd.Series([_people(cell) for cell in homes["attributes"]], dtype=object))


def _people(attributes: object) -> int | None:
    """How many live there, as the attributes of a home say it."""
    if not isinstance(attributes, dict):
        return None
    said = (attributes[name] for name in PEOPLE if name in attributes)
    return next((int(value) for value in said if isinstance(value, int | float) and value >= 0), None)


def river_sides(
    waters: Waters, ponds: gpd.GeoDataFrame, homes: gpd.GeoDataFrame, within_m: float
) -> SideOf | None:
    """Which homes lie downstream of which ponds, by the river network; None without rivers.

    The way of the tailings leads to the river and along it. A pond farther from every river than the
    definition reaches, or put on a river with doubt, tells nothing.
    """
    if waters.rivers.empty or ponds.empty:
        return None
    snapped = {
        kind: snap(waters.network, frame[["code", "geometry"]].assign(kind=kind))
        for kind, frame in (("pond", ponds), ("home", homes))
    }
    sure = {
        kind: frame[(frame["confidence"] != "none") & (frame["distance_m"] <= within_m)]
        for kind, frame in snapped.items()
    }
    reach_km = 2 * within_m / 1000
    sides: dict[tuple[str, str], Side] = {}
    ways: tuple[tuple[Direction, Side], ...] = (
        ("upstream", Side.UPSTREAM),
        ("downstream", Side.DOWNSTREAM),
    )
    for direction, side in ways:
        met = trace_many(waters.network, sure["pond"], sure["home"], direction=direction, max_km=reach_km)
        for pond, home in zip(met["origin_code"], met["code"], strict=True):
            sides[pond, home] = side
    return lambda pond, home: sides.get((pond, home), Side.UNKNOWN)
