"""The map of a trace: dresses an answer as the layers that the maps draw."""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import shapely

from api.catalogue import Catalogue
from api.settings import Settings
from api.tracing import TraceAnswer
from api.tracing_words import arrival_parts, origin_text, suspect_text, trace_doubts, trace_facts, trace_title
from maps.page import Tiles
from maps.traces import TracedPlace, TraceLayers, draw_trace

AROUND_DEG = 0.5
"""How far around the trace other waters are drawn."""


def draw_answer(
    found: TraceAnswer,
    settings: Settings,
    catalogue: Catalogue,
    *,
    assets: Literal["inline", "linked"] = "inline",
) -> str:
    """Draw a trace as one HTML page."""
    tiles = Tiles(settings.tiles_url, settings.tiles_attribution) if settings.tiles_url else None
    return draw_trace(trace_layers(found, catalogue), text=catalogue.text, tiles=tiles, assets=assets)


def trace_layers(found: TraceAnswer, catalogue: Catalogue) -> TraceLayers:
    """The layers of the page. Suspects are numbered by their rank, the others after them by kilometre."""
    origin = found.trace.origin
    lon, lat = origin.lon or 0.0, origin.lat or 0.0
    lines = found.lines
    if found.request.direction == "upstream":
        lines = lines.assign(geometry=shapely.reverse(lines.geometry.to_numpy()))
    box = shapely.box(lon, lat, lon, lat) if lines.empty else shapely.box(*lines.total_bounds)
    around = shapely.buffer(box, AROUND_DEG, cap_style="square")
    return TraceLayers(
        title=trace_title(found, catalogue),
        as_of=found.waters.as_of,
        direction=found.request.direction,
        lon=lon,
        lat=lat,
        origin_label=origin_text(found, catalogue),
        lines=lines,
        places=traced_places(found, catalogue),
        rivers=_clipped(found.waters.rivers, around),
        lakes=None if found.waters.lakes is None else _clipped(found.waters.lakes, around),
        facts=tuple(trace_facts(found, catalogue)),
        notes=tuple(trace_doubts(found, catalogue)),
        sources=found.waters.sources,
    )


def traced_places(found: TraceAnswer, catalogue: Catalogue) -> list[TracedPlace]:
    """The items of a trace as places of the page."""
    items = sorted(found.as_json()["items"], key=_order)
    return [_place(number, item, found, catalogue) for number, item in enumerate(items, 1)]


def _order(item: dict[str, Any]) -> tuple[float, float]:
    suspect = item["suspect"]
    return (float("inf") if suspect is None else suspect["rank"], item["river_km"])


def _place(number: int, item: dict[str, Any], found: TraceAnswer, catalogue: Catalogue) -> TracedPlace:
    known = found.places.get((item["kind"], item["code"]), {})
    suspect = item["suspect"]
    arrival, span = arrival_parts(item, catalogue)
    facts = []
    if item["region_code"] is not None and item["kind"] != "region":
        facts.append(catalogue.text("trace.region_of", code=item["region_code"]))
    return TracedPlace(
        number=number,
        kind=item["kind"],
        code=item["code"],
        name=item["name"] or item["code"],
        river_km=item["river_km"],
        arrival=arrival,
        span=span,
        lon=item["lon"],
        lat=item["lat"],
        geometry=known.get("geometry"),
        suspect=None if suspect is None else suspect["reason"],
        suspicion=suspect_text(suspect, catalogue),
        facts=tuple(facts),
    )


def _clipped(frame: gpd.GeoDataFrame, around: shapely.Geometry) -> gpd.GeoDataFrame | None:
    """What of a layer lies near the trace."""
    if frame.empty:
        return None
    near = frame[frame.geometry.intersects(around)]
    return near if len(near) else None
