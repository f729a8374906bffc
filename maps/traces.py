"""The map of a trace along the river: one river, one policy, one map (一河一策一图).

The page carries the traced river in bands of travel time, the origin, and every place on the way with its
number, its kilometre and its arrival time, on the map and as a list. Like the other maps it needs no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import shapely
import shapely.ops

from maps.bundle import STYLES
from maps.features import Document, Translator, geometry_document, located, script_json
from maps.layers import present
from maps.page import BASIN_BOUNDS, AssetMode, Page, Tiles, asset_texts, base_map
from maps.palette import KIND_SHAPES, KindShape

TRACE_STYLES: Final = (*(name for name in STYLES if "markercluster" not in name), "qingjiang/trace.css")
TRACE_SCRIPTS: Final = ("leaflet/leaflet.js", "qingjiang/trace.js")

TRACE_SHAPES: Final[dict[str, KindShape]] = {
    **KIND_SHAPES,
    "intake": KIND_SHAPES["water_source"],
    "section": KindShape(
        "M4.5 3H23.5A2 2 0 0 1 25.5 5V23A2 2 0 0 1 23.5 25H4.5A2 2 0 0 1 2.5 23V5A2 2 0 0 1 4.5 3Z", 14
    ),
    "region": KindShape("M1 7H27V21H1Z", 14),
}
"""Outlines of what a trace meets: a square for a section, a wide box for a region."""

KIND_COLOURS: Final[dict[str, str]] = {
    "section": "#1F2D3A",
    "water_source": "#0B6E8F",
    "intake": "#08795C",
    "outfall": "#8A4B14",
    "tailings_pond": "#6A4A9C",
    "chemical_site": "#A32A45",
    "region": "#55646E",
}
"""White figures on them reach a contrast of 4.5."""

BANDS_H: Final = (6.0, 12.0, 24.0, 48.0)
"""Bounds of the bands of travel time, in hours."""
BAND_COLOURS: Final = ("#8A1C12", "#C8501E", "#D98E1F", "#4F8FA8", "#1D4E79")
UNTIMED_COLOUR: Final = "#7A8894"
SUSPECT_COLOURS: Final = {
    "lists_parameter": "#B3261E",
    "discharges_unknown": "#C98500",
    "does_not_list": "#7A8894",
    "removed": "#B9C2C9",
}
TRACE_TEXTS: Final = ("close", "map_label", "zoom_in", "zoom_out")


@dataclass(frozen=True, slots=True)
class TracedPlace:
    """One place of a trace as the page shows it.

    `lon`, `lat`: the place on the river; `geometry` the place itself where it is drawn, in EPSG:4490.
    `arrival` is the likely travel time in words, `span` its range. `suspect` is the reason of its rank among
    suspects, `suspicion` the same in words, `facts` further lines.
    """

    number: int
    kind: str
    code: str
    name: str
    river_km: float
    arrival: str
    span: str
    lon: float
    lat: float
    geometry: Any = None
    suspect: str | None = None
    suspicion: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceLayers:
    """What the page of a trace is drawn from.

    Attributes
    ----------
    lines :
        The traced river: ``hours_from``, ``hours_to`` (NaN where unknown) and lines that run from the one to
        the other; EPSG:4490.
    rivers, lakes :
        The waters around, or None.
    origin_label :
        What the origin is called; `lon`, `lat`: where it is.
    facts :
        Lines that stand above the list: what was asked, and on what it rests.
    notes :
        Lines below it: what could not be placed, doubts about the network.
    """

    title: str
    as_of: date
    direction: Literal["upstream", "downstream"]
    lon: float
    lat: float
    origin_label: str
    lines: gpd.GeoDataFrame
    places: Sequence[TracedPlace]
    rivers: gpd.GeoDataFrame | None = None
    lakes: gpd.GeoDataFrame | None = None
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = field(default=())


def draw_trace(
    layers: TraceLayers, *, text: Translator, tiles: Tiles | None = None, assets: AssetMode = "inline"
) -> str:
    """Draw the page of one trace; the same bytes for the same input.

    Parameters
    ----------
    text : callable
        The message catalogue in the language of the page.
    tiles : Tiles, optional
        Base map; None: a plain ground with a graticule.
    assets : {"inline", "linked"}
        Whether scripts and styles stand in the page, or are linked under ``/maps/assets/``.
    """
    bounds = extent(layers)
    canvas = base_map(bounds, tiles, zoom_start=9)
    documents = {"trace": band_document(layers.lines), "places": place_document(layers, text)}
    for name, frame in (("rivers", layers.rivers), ("lakes", layers.lakes)):
        if frame is not None and len(frame):
            documents[name] = waters_document(frame)
    context = {
        "language": text("maps.language"),
        "brand": text("maps.brand"),
        "title": layers.title,
        "as_of_label": text("maps.as_of"),
        "as_of": layers.as_of.isoformat(),
        "text": text,
        "facts": layers.facts,
        "notes": layers.notes,
        "places": [place_row(place, text) for place in layers.places],
        "kinds": kind_legend(layers, text),
        "bands": band_legend(layers, text),
        "suspects": suspect_legend(layers, text),
        **asset_texts(TRACE_STYLES, TRACE_SCRIPTS, assets),
        "documents": {name: script_json(document) for name, document in documents.items()},
        "settings": script_json(page_settings(layers, text, bounds=bounds, tiles=tiles)),
    }
    return Page(canvas, context, "trace.html").render()


def extent(layers: TraceLayers) -> tuple[float, float, float, float]:
    """West, south, east, north of the traced river, the origin and the places."""
    shapes = [row["geometry"] for row in located(layers.lines)]
    shapes += [shapely.Point(place.lon, place.lat) for place in layers.places]
    shapes.append(shapely.Point(layers.lon, layers.lat))
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(shapes))
    if not np.isfinite([west, south, east, north]).all():
        return BASIN_BOUNDS
    return west, south, east, north


# --- documents -------------------------------------------------------------------------------------------


def band_of(hours: float) -> int | None:
    """Number of the band that a travel time lies in; None where it is unknown."""
    return None if np.isnan(hours) else int(np.searchsorted(BANDS_H, hours, side="left"))


def band_document(lines: gpd.GeoDataFrame) -> Document:
    """The traced river, cut where one band of travel time ends and the next begins."""
    features = []
    for row in located(lines):
        for band, piece in cut_at_bands(row["geometry"], float(row["hours_from"]), float(row["hours_to"])):
            features.append(
                {
                    "type": "Feature",
                    "geometry": geometry_document(piece),
                    "properties": {"band": band},
                }
            )
    return {"type": "FeatureCollection", "features": features}


def cut_at_bands(line: Any, first: float, last: float) -> list[tuple[int | None, Any]]:
    """Pieces of a line by band. The time passes evenly along it: a line of one river, good for drawing."""
    if np.isnan(first) or np.isnan(last) or line.geom_type != "LineString" or first == last:
        return [(band_of(last if np.isnan(first) else first), line)]
    low, high = sorted((first, last))
    cuts = [bound for bound in BANDS_H if low < bound < high]
    times = [first, *(cuts if first < last else reversed(cuts)), last]
    shares = [(time - first) / (last - first) for time in times]
    return [
        (band_of((times[place] + times[place + 1]) / 2), piece)
        for place in range(len(times) - 1)
        for piece in [shapely.ops.substring(line, shares[place], shares[place + 1], normalized=True)]
        if piece.length > 0
    ]


def waters_document(frame: gpd.GeoDataFrame) -> Document:
    """The waters around, with their names."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": geometry_document(row["geometry"]),
                "properties": {"name": str(row["name"]) if present(row.get("name")) else None},
            }
            for row in located(frame)
        ],
    }


def place_document(layers: TraceLayers, text: Translator) -> Document:
    """One point for each place, and its outline or the line to where it meets the river."""
    features = []
    for place in layers.places:
        properties = {
            "number": place.number,
            "kind": place.kind,
            "title": place.name,
            "lines": [
                f"{text(f'maps.trace_kind_{place.kind}')} · {place.code}",
                text("maps.trace_at", km=f"{place.river_km:.1f}", arrival=arrival_line(place, text)),
                *filter(None, [place.suspicion]),
                *place.facts,
            ],
            "suspect": place.suspect,
        }
        spot = shapely.Point(place.lon, place.lat)
        if place.geometry is not None and place.kind not in ("region", "section"):
            outline = place.geometry
            marker = outline if outline.geom_type == "Point" else outline.representative_point()
            if outline.geom_type != "Point":
                properties["outline"] = geometry_document(outline)
            properties["link"] = [[marker.x, marker.y], [place.lon, place.lat]]
            spot = marker
        features.append({"type": "Feature", "geometry": geometry_document(spot), "properties": properties})
    return {"type": "FeatureCollection", "features": features}


def page_settings(
    layers: TraceLayers,
    text: Translator,
    *,
    bounds: tuple[float, float, float, float],
    tiles: Tiles | None,
) -> Document:
    """Everything that the page's script must know beside the data."""
    west, south, east, north = (round(edge, 6) for edge in bounds)
    sources = text("maps.list_separator").join(layers.sources)
    return {
        "bounds": [[south, west], [north, east]],
        "origin": {
            "place": [round(layers.lat, 6), round(layers.lon, 6)],
            "label": layers.origin_label,
            "title": text(f"maps.trace_origin_{layers.direction}"),
        },
        "graticule": tiles is None,
        "attribution": text("maps.sources", sources=sources) if sources else "",
        "text": {key: text(f"maps.{key}") for key in TRACE_TEXTS},
        "kinds": {
            kind: {"path": shape.path, "y": shape.sign_y, "colour": KIND_COLOURS[kind]}
            for kind, shape in TRACE_SHAPES.items()
        },
        "bands": list(BAND_COLOURS),
        "untimed": UNTIMED_COLOUR,
        "suspects": SUSPECT_COLOURS,
    }


# --- list and legend -------------------------------------------------------------------------------------


def symbol(kind: str) -> Document:
    """The sign of a kind as list and legend draw it."""
    shape = TRACE_SHAPES[kind]
    return {"path": shape.path, "y": shape.sign_y, "colour": KIND_COLOURS[kind]}


def place_row(place: TracedPlace, text: Translator) -> Mapping[str, Any]:
    """One row of the list."""
    return {
        "number": place.number,
        "symbol": symbol(place.kind),
        "name": place.name,
        "kind": text(f"maps.trace_kind_{place.kind}"),
        "code": place.code,
        "km": f"{place.river_km:.1f}",
        "arrival": place.arrival,
        "span": place.span,
        "suspect": place.suspicion,
        "suspect_colour": SUSPECT_COLOURS.get(place.suspect or ""),
        "facts": place.facts,
    }


def arrival_line(place: TracedPlace, text: Translator) -> str:
    """Travel time and its range in one line."""
    return text("maps.trace_arrival", arrival=place.arrival, span=place.span) if place.span else place.arrival


def kind_legend(layers: TraceLayers, text: Translator) -> list[Document]:
    """The kinds on this page with their number."""
    kinds = [place.kind for place in layers.places]
    return [
        {"label": text(f"maps.trace_kind_{kind}"), "symbol": symbol(kind), "count": kinds.count(kind)}
        for kind in TRACE_SHAPES
        if kind in kinds
    ]


def band_legend(layers: TraceLayers, text: Translator) -> list[Document]:
    """The bands of travel time that the traced river shows."""
    document = band_document(layers.lines)
    shown = {feature["properties"]["band"] for feature in document["features"]}
    bounds = (0.0, *BANDS_H)
    rows: list[Document] = []
    for band, colour in enumerate(BAND_COLOURS):
        if band in shown:
            last = band == len(BAND_COLOURS) - 1
            label = (
                text("maps.trace_band_over", hours=f"{bounds[band]:g}")
                if last
                else text("maps.trace_band", first=f"{bounds[band]:g}", last=f"{bounds[band + 1]:g}")
            )
            rows.append({"label": label, "colour": colour, "dash": ""})
    if None in shown:
        rows.append({"label": text("maps.trace_untimed"), "colour": UNTIMED_COLOUR, "dash": "5 4"})
    return rows


def suspect_legend(layers: TraceLayers, text: Translator) -> list[Document]:
    """What the rings of suspects mean, with their number."""
    reasons = [place.suspect for place in layers.places]
    return [
        {"label": text(f"maps.trace_suspect_{reason}"), "colour": colour, "count": reasons.count(reason)}
        for reason, colour in SUSPECT_COLOURS.items()
        if reason in reasons
    ]
