"""A trace in words for people: arrival times with their range, suspects, and what the answer rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from api.wording import item_name
from spatial.class_text import class_label

if TYPE_CHECKING:
    from api.catalogue import Catalogue
    from api.tracing import TraceAnswer

DAY_H = 48.0
"""From here on travel times are told in days."""
SHOWN_CODES = 8


def hours_text(hours: Sequence[float], catalogue: Catalogue, *, in_days: bool | None = None) -> str:
    """Hours, or a range of them, as people say them: in days where the last is two days or more."""
    days = hours[-1] >= DAY_H if in_days is None else in_days
    shown = "–".join(f"{one / 24 if days else one:.1f}" for one in hours)
    return catalogue.text("trace.unit_days" if days else "trace.unit_hours", value=shown)


def arrival_parts(item: Mapping[str, Any], catalogue: Catalogue) -> tuple[str, str]:
    """The likely travel time, and its range; or that it is unknown, and nothing."""
    if item["travel_hours"] is None:
        return catalogue.text("trace.hours_unknown"), ""
    likely = hours_text([item["travel_hours"]], catalogue, in_days=item["latest_hours"] >= DAY_H)
    shown = catalogue.text("trace.hours_likely", likely=likely)
    if item["several_paths"]:
        shown = catalogue.text("trace.hours_several", text=shown)
    return shown, hours_text([item["earliest_hours"], item["latest_hours"]], catalogue)


def arrival_text(item: Mapping[str, Any], catalogue: Catalogue) -> str:
    """Travel time with its range, or that it is unknown."""
    likely, span = arrival_parts(item, catalogue)
    return catalogue.text("trace.hours", likely=likely, range=span) if span else likely


def suspect_text(suspect: Mapping[str, Any] | None, catalogue: Catalogue) -> str:
    """Why a place is ranked as it is."""
    if suspect is None:
        return ""
    names = parameter_names(suspect["matched"], catalogue)
    if suspect["reason"] == "lists_parameter":
        return catalogue.text("trace.suspect_lists_parameter", names=names)
    return catalogue.text(f"trace.suspect_{suspect['reason']}")


def placed_text(item: Mapping[str, Any], catalogue: Catalogue) -> str:
    """How far from the river a place stands, and whether it surely belongs there."""
    key = "trace.placed_sure" if item["confidence"] == "high" else "trace.placed_unsure"
    return catalogue.text(key, distance=f"{item['distance_m']:.0f}")


def parameter_names(codes: Any, catalogue: Catalogue) -> str:
    """Names of parameters in a row."""
    return catalogue.text("maps.list_separator").join(item_name(code, catalogue.language) for code in codes)


def origin_text(found: TraceAnswer, catalogue: Catalogue) -> str:
    """What the origin is called."""
    if found.request.section is not None:
        return found.origin_name or found.request.section
    assert found.request.place is not None  # noqa: S101 - the request was checked
    lon, lat = found.request.place
    return catalogue.text("trace.place", lon=f"{lon:.4f}", lat=f"{lat:.4f}")


def trace_title(found: TraceAnswer, catalogue: Catalogue) -> str:
    """The heading of table and map."""
    km = f"{found.request.max_km:g}"
    return catalogue.text(f"trace.title_{found.request.direction}", name=origin_text(found, catalogue), km=km)


def trace_facts(found: TraceAnswer, catalogue: Catalogue) -> list[str]:
    """What was asked, and on what the answer rests."""
    origin = found.trace.origin
    lines = []
    if origin.lake_code is not None and origin.river_code is None:
        lines.append(catalogue.text("trace.origin_lake", lake=origin.lake_code))
    elif origin.river_code is not None:
        names = dict(zip(found.waters.network.codes, found.waters.network.names, strict=True))
        river = names.get(origin.river_code) or origin.river_code
        lines.append(
            catalogue.text(
                "trace.origin",
                river=river,
                km=f"{origin.river_km or 0:.1f}",
                distance=f"{origin.distance_m or 0:.0f}",
            )
        )
    if found.exceedance is not None:
        lines.append(_exceedance_text(found, catalogue))
    if found.request.velocity is not None:
        lines.append(catalogue.text("trace.velocity_given", velocity=f"{found.request.velocity:g}"))
    else:
        lines.append(catalogue.text("trace.velocity_rivers"))
    return lines


def _exceedance_text(found: TraceAnswer, catalogue: Catalogue) -> str:
    exceedance = found.exceedance
    assert exceedance is not None  # noqa: S101 - the caller has looked
    names = parameter_names(exceedance.parameters, catalogue)
    if exceedance.basis == "asked":
        return catalogue.text("trace.exceeding_asked", names=names)
    if exceedance.basis == "none":
        return catalogue.text("trace.exceeding_unknown")
    limit = class_label(exceedance.limit_class) or ""
    if not exceedance.parameters:
        return catalogue.text("trace.exceeding_nothing", period=exceedance.period or "", limit=limit)
    return catalogue.text("trace.exceeding", period=exceedance.period or "", limit=limit, names=names)


def trace_doubts(found: TraceAnswer, catalogue: Catalogue) -> list[str]:
    """What could not be placed, and where the network itself is in doubt."""
    separator = catalogue.text("maps.list_separator")
    lines = []
    if not found.trace.items:
        lines.append(catalogue.text("trace.nothing", km=f"{found.request.max_km:g}"))
    if found.trace.unplaced:
        codes = [code for _, code, _ in found.trace.unplaced]
        shown = separator.join(codes[:SHOWN_CODES]) + (" …" if len(codes) > SHOWN_CODES else "")
        lines.append(catalogue.text("trace.unplaced", count=len(codes), codes=shown))
    if found.problems:
        codes = sorted({str(problem["code"]) for problem in found.problems})
        lines.append(catalogue.text("trace.problems", count=len(found.problems), codes=separator.join(codes)))
    return lines


def trace_notes(found: TraceAnswer, catalogue: Catalogue) -> list[str]:
    """Everything that stands below the table."""
    return [*trace_facts(found, catalogue), *trace_doubts(found, catalogue)]
