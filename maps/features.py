"""Frames become GeoJSON for the page: rounded coordinates, and every text already in the page's language.

The documents hold data only. The page's script builds elements from them with text nodes, so a name can hold
anything; :func:`script_json` makes them safe to stand inside a script element.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from maps.errors import FacilityAmbiguousError, FacilityNotDrawableError
from maps.layers import MapLayers, present
from maps.palette import NO_FINDING, VERDICT_SIGNS
from spatial.parameters import find_parameter
from spatial.rounding import round_half_even
from spatial.rulebook import load_rulebook
from spatial.vocabulary import CLASS_LABELS, Rank

Translator = Callable[..., str]
"""``text("namespace.key", **params)`` → the text in the page's language."""

Document = dict[str, Any]

DECIMALS: Final = 6
"""Decimals of a degree that are kept: 0.1 m."""

UNDETERMINED_LABEL: Final = "—"


def script_json(document: object) -> str:
    """JSON that may stand inside a script element: no tag, no entity and no line end of JavaScript in it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def geometry_document(geometry: BaseGeometry) -> Document:
    """GeoJSON geometry in two dimensions, coordinates rounded to `DECIMALS`."""
    flat = shapely.force_2d(geometry)
    return dict(mapping(shapely.transform(flat, lambda places: np.round(places, DECIMALS))))


def collection(rows: Iterator[tuple[BaseGeometry, Document]]) -> Document:
    """FeatureCollection of geometries with their properties."""
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": geometry_document(geometry), "properties": properties}
            for geometry, properties in rows
        ],
    }


def located(frame: gpd.GeoDataFrame) -> Iterator[Mapping[str, Any]]:
    """Rows that have a geometry, as dictionaries, in the order of the frame."""
    for row in frame.to_dict("records"):
        if row["geometry"] is not None and not row["geometry"].is_empty:
            yield row


def optional(value: object) -> Any:
    """The value, or None where the cell is empty."""
    return value if present(value) else None


def draw_shorelines(frame: gpd.GeoDataFrame, text: Translator) -> Document:
    """One feature per shoreline: rank, and the words of its popup."""
    return collection(
        (
            row["geometry"],
            {
                "rank": str(row["rank"]),
                "name": str(row["name"]) if present(row["name"]) else str(row["water_body_code"]),
                "code": str(row["water_body_code"]),
                "kind": text(f"maps.shoreline_kind_{row['kind']}") if present(row["kind"]) else None,
                "rough": optional(row["kind"]) in {"imagery", "centreline"},
            },
        )
        for row in located(frame)
    )


def draw_zones(frame: gpd.GeoDataFrame) -> Document:
    """One feature per rank and width, the widest first so that the narrow ones lie on top."""
    return collection(
        (row["geometry"], {"rank": str(row["rank"]), "width": int(row["width_m"])})
        for row in located(frame.sort_values("width_m", ascending=False, kind="stable"))
    )


def draw_rivers(frame: gpd.GeoDataFrame) -> Document:
    """One feature per river centreline."""
    return collection((row["geometry"], {"name": optional(row["name"])}) for row in located(frame))


def draw_sections(frame: gpd.GeoDataFrame, text: Translator) -> Document:
    """One point per section: class, label, and what its popup says."""
    return collection((row["geometry"], section_properties(row, text)) for row in located(frame))


def section_properties(row: Mapping[str, Any], text: Translator) -> Document:
    """What the page knows of one section. A missing class is undetermined and is printed as a dash."""
    water_class = int(row["water_class"]) if present(row["water_class"]) else None
    target = int(row["target_class"]) if present(row["target_class"]) else None
    return {
        "code": str(row["code"]),
        "name": str(row["name"]),
        "river": optional(row["river"]),
        "class": water_class,
        "label": str(row["class_label"]) if present(row["class_label"]) else UNDETERMINED_LABEL,
        "target": None if target is None else CLASS_LABELS[target],
        "period": str(row["period"]) if present(row["period"]) else None,
        "verdict": str(row["verdict"]) if present(row["verdict"]) else None,
        "pollutants": pollutant_text(row["main_pollutants"], text)
        if present(row["main_pollutants"])
        else None,
    }


def pollutant_text(pollutants: Sequence[str | Mapping[str, Any]], text: Translator) -> str | None:
    """Main pollutants in their order, each with one decimal of its exceedance multiple (超标倍数)."""
    named = []
    for entry in pollutants:
        code, multiple = (entry, None) if isinstance(entry, str) else (entry["code"], entry.get("multiple"))
        name = parameter_name(code, text)
        if multiple is not None:
            # The shortest spelling of the float, half to even: 0.35 is 0.4.
            shown = round_half_even(Decimal(str(multiple)), 1)
            name = text("maps.pollutant", name=name, multiple=f"{shown:f}")
        named.append(name)
    return text("maps.list_separator").join(named) or None


def parameter_name(code: str, text: Translator) -> str:
    """Name of a parameter in the language of the page; raises UnknownParameterError for an unknown code."""
    parameter = find_parameter(code)
    return parameter.name_zh if speaks_chinese(text) else parameter.name_en


def document_name(document: str | None, text: Translator) -> str | None:
    """Title of a document that the rulebook knows by this key; any other text is a title already."""
    known = load_rulebook().documents.get(document or "")
    if known is None:
        return document
    return known.title.zh if speaks_chinese(text) else known.title.en


def speaks_chinese(text: Translator) -> bool:
    """Whether the page is in Chinese; names that stand in data are taken in that language."""
    return text("maps.language").startswith("zh")


@dataclass(frozen=True, slots=True)
class FacilityDocuments:
    """The facilities of a page: points for the markers, outlines, and lines to the nearest shoreline."""

    points: Document
    areas: Document
    lines: Document
    rules: Document
    unplaced: int


def draw_facilities(layers: MapLayers, text: Translator, focus: str | None) -> FacilityDocuments:
    """Markers, outlines and distance lines of all facilities; `focus` gets a line also without a finding."""
    frame = layers.frame("facilities")
    rows = [] if frame is None else list(located(frame))
    waters = water_names(layers)
    points, areas, lines = [], [], []
    rules: Document = {}
    for number, row in enumerate(rows):
        geometry = row["geometry"]
        marker = geometry if geometry.geom_type == "Point" else geometry.representative_point()
        points.append((marker, {"id": number, **facility_properties(row, waters, text, rules)}))
        if geometry.geom_type != "Point":
            areas.append((geometry, {"id": number, "verdict": str(optional(row["verdict"]) or NO_FINDING)}))
        shore = decisive_shore(row) if present(row["verdict"]) or row["code"] == focus else None
        if shore is not None:
            water = waters.get(str(shore.water_body_code)) or text(f"maps.rank_{shore.rank}")
            distance = distance_text(shore.distance_m, text)
            label = text("maps.line_label", water=water, distance=distance)
            lines.append((distance_line(geometry, shore), {"id": number, "label": label}))
    return FacilityDocuments(
        points=collection(iter(points)),
        areas=collection(iter(areas)),
        lines=collection(iter(lines)),
        rules=rules,
        unplaced=0 if frame is None else len(frame) - len(rows),
    )


def focused_facility(layers: MapLayers, code: str) -> BaseGeometry:
    """Geometry of the one drawable facility with this code, together with its nearest shoreline point.

    Raises
    ------
    FacilityNotDrawableError
        If there is none, or it has no position.
    FacilityAmbiguousError
        If facilities of several kinds share the code.
    """
    frame = layers.frame("facilities")
    rows = [] if frame is None else [row for row in located(frame) if row["code"] == code]
    if not rows:
        raise FacilityNotDrawableError(code)
    if len(rows) > 1:
        raise FacilityAmbiguousError(code, tuple(sorted(str(row["kind"]) for row in rows)))
    geometry: BaseGeometry = rows[0]["geometry"]
    shore = decisive_shore(rows[0])
    return geometry if shore is None else shapely.union(geometry, shapely.Point(shore.lon, shore.lat))


def water_names(layers: MapLayers) -> dict[str, str]:
    """Name of each water body by its code.

    It is the shorelines' ``water_body_name`` where they carry it, else their ``name`` where all shorelines of
    the water body agree: the name of one stretch must not stand for another.
    """
    frame = layers.frame("shorelines")
    if frame is None:
        return {}
    column = "water_body_name" if "water_body_name" in frame.columns else "name"
    found: dict[str, set[str]] = {}
    for code, name in zip(frame["water_body_code"], frame[column], strict=True):
        if present(name):
            found.setdefault(str(code), set()).add(str(name))
    return {code: min(names) for code, names in found.items() if len(names) == 1}


def facility_properties(
    row: Mapping[str, Any], waters: Mapping[str, str], text: Translator, rules: Document
) -> Document:
    """What the page knows of one facility. The rules that its findings cite are added to `rules`."""
    return {
        "kind": str(row["kind"]),
        "code": str(row["code"]),
        "name": str(row["name"]),
        "region": str(row["region_code"]) if present(row["region_code"]) else None,
        "verdict": str(optional(row["verdict"]) or NO_FINDING),
        "findings": [
            finding_properties(finding, text, rules)
            for finding in sorted(row["findings"] if present(row["findings"]) else (), key=severity)
        ],
        "distances": [
            {
                "water": waters.get(str(row.get(f"{rank}_water_body_code")), ""),
                "rank": text(f"maps.rank_{rank}"),
                "distance": distance_text(row[f"{rank}_distance_m"], text),
                "kind": text(f"maps.shoreline_kind_{row[f'{rank}_shoreline_kind']}")
                if present(row.get(f"{rank}_shoreline_kind"))
                else None,
            }
            for rank in measured_ranks(row)
        ],
    }


def finding_properties(finding: Mapping[str, Any], text: Translator, rules: Document) -> Document:
    """One finding in words. Clause and quotation stand once per page, under the rule's id."""
    evidence = finding.get("evidence") or {}
    rule = evidence.get("rule") or {}
    reason = evidence.get("reason")
    rules.setdefault(
        finding["rule_id"],
        {
            "document": document_name(rule.get("document"), text),
            "clause": finding["clause"],
            "quote": rule.get("quote"),
        },
    )
    measured = (finding.get("measured") or {}).get("distance_m")
    limit = (finding.get("limit") or {}).get("within_m")
    return {
        "rule": finding["rule_id"],
        "verdict": str(finding["verdict"]),
        "state": text(f"states.state_{finding['state']}"),
        "deadline": None if finding.get("deadline") is None else str(finding["deadline"]),
        "measured": None if measured is None else distance_text(measured, text),
        "limit": None if limit is None else distance_text(limit, text, decimals=0),
        "reason": None if reason is None else text(f"reasons.{reason['code']}", **reason.get("params", {})),
    }


def severity(finding: Mapping[str, Any]) -> tuple[int, str]:
    """Sort key: violations first, then undetermined, then compliant; by rule within each."""
    return list(VERDICT_SIGNS).index(str(finding["verdict"])), str(finding["rule_id"])


def measured_ranks(row: Mapping[str, Any]) -> list[Rank]:
    """Ranks to which a distance was measured, the nearest first."""
    ranks = [rank for rank in Rank if present(row.get(f"{rank}_distance_m"))]
    return sorted(ranks, key=lambda rank: float(row[f"{rank}_distance_m"]))


@dataclass(frozen=True, slots=True)
class Shore:
    """A nearest shoreline point: rank and code of its water, distance in metres, longitude and latitude."""

    rank: Rank
    water_body_code: str | None
    distance_m: float
    lon: float
    lat: float


def decisive_shore(row: Mapping[str, Any]) -> Shore | None:
    """The shoreline point that the gravest finding was measured to; without one, the nearest of all.

    None where no water is near, or the facility stands in the water: then there is no line to draw.
    """
    for finding in sorted(row["findings"] if present(row["findings"]) else (), key=severity):
        measured = finding.get("measured") or {}
        point = measured.get("nearest_point") or {}
        if present(point.get("lon")) and present(measured.get("distance_m")):
            rank, code = Rank(measured["rank"]), measured.get("water_body_code")
            distance = float(measured["distance_m"])
            return Shore(rank, code, distance, float(point["lon"]), float(point["lat"])) if distance else None
    for rank in measured_ranks(row):
        if present(row.get(f"{rank}_lon")):
            distance = float(row[f"{rank}_distance_m"])
            code = optional(row.get(f"{rank}_water_body_code"))
            lon, lat = float(row[f"{rank}_lon"]), float(row[f"{rank}_lat"])
            return Shore(rank, code, distance, lon, lat) if distance else None
    return None


def distance_line(geometry: BaseGeometry, shore: Shore) -> shapely.LineString:
    """Line from a facility to a shoreline point.

    The start on an outline is the outline's point nearest to that shoreline point, found with degrees of
    longitude shortened to the latitude: good for drawing, never used as a measurement.
    """
    shrink = np.array([math.cos(math.radians(shore.lat)), 1.0])
    shrunk = shapely.transform(shapely.force_2d(geometry), lambda places: places * shrink)
    line = shapely.shortest_line(shrunk, shapely.Point(np.array([shore.lon, shore.lat]) * shrink))
    return shapely.LineString(shapely.get_coordinates(line) / shrink)


def distance_text(distance_m: float, text: Translator, *, decimals: int = 1) -> str:
    """A distance in metres as people read it."""
    return text("maps.metres", value=f"{float(distance_m):,.{decimals}f}")
