"""The panel of a page: the layer list, which explains shapes and lines, and the legends of the colours."""

from __future__ import annotations

from maps.features import UNDETERMINED_LABEL, Document, FacilityDocuments, Translator, located
from maps.layers import MapLayers, present
from maps.palette import (
    KIND_SHAPES,
    RIVER_STYLE,
    SHORELINE_STYLES,
    VERDICT_SIGNS,
    class_colours,
    ink_on,
    zone_style,
)
from spatial.vocabulary import CLASS_LABELS, Rank, Verdict


def zone_label(rank: str, width_m: int, text: Translator) -> str:
    """A zone in words, such as ``长江干流 1 km``."""
    return text("maps.zone", rank=text(f"maps.rank_{rank}"), width=f"{width_m / 1000:g}")


def layer_groups(layers: MapLayers, facilities: FacilityDocuments, text: Translator) -> list[Document]:
    """The layer list: groups of layers that can be switched, each with the symbol that the map uses.

    Only layers with something to show are listed; the count tells how many features each has.
    """
    groups: list[Document] = [
        {
            "title": text("maps.group_facilities"),
            "layers": facility_rows(facilities, text),
            "legend": verdict_legend(facilities, text),
        },
        {
            "title": text("maps.group_sections"),
            "layers": section_rows(layers, text),
            "legend": class_legend(layers, text),
        },
        {"title": text("maps.group_waters"), "layers": water_rows(layers, text), "legend": None},
        {"title": text("maps.group_zones"), "layers": zone_rows(layers, text), "legend": None},
    ]
    return [group for group in groups if group["layers"]]


def facility_rows(facilities: FacilityDocuments, text: Translator) -> list[Document]:
    """The rows of the layer list for facilities, by kind, and their distance lines."""
    kinds = [feature["properties"]["kind"] for feature in facilities.points["features"]]
    rows: list[Document] = [
        {
            "id": f"facility:{kind}",
            "label": text(f"maps.kind_{kind}"),
            "count": kinds.count(kind),
            "symbol": {"type": "shape", "path": shape.path},
        }
        for kind, shape in KIND_SHAPES.items()
        if kind in kinds
    ]
    if lines := facilities.lines["features"]:
        label = text("maps.layer_distances")
        rows.append({"id": "distances", "label": label, "count": len(lines), "symbol": {"type": "distance"}})
    return rows


def section_rows(layers: MapLayers, text: Translator) -> list[Document]:
    """The row of the layer list for sections."""
    frame = layers.frame("sections")
    count = 0 if frame is None else len(list(located(frame)))
    row = {"id": "sections", "label": text("maps.layer_sections"), "count": count, "symbol": {"type": "pill"}}
    return [row] if count else []


def water_rows(layers: MapLayers, text: Translator) -> list[Document]:
    """The rows of the layer list for shorelines, by rank, and river centrelines."""
    rows: list[Document] = []
    if (frame := layers.frame("shorelines")) is not None:
        ranks = [str(row["rank"]) for row in located(frame)]
        rows.extend(
            {
                "id": f"shoreline:{rank}",
                "label": text(f"maps.rank_{rank}"),
                "count": ranks.count(rank),
                "symbol": {"type": "line", "colour": style.colour, "width": style.width},
            }
            for rank, style in SHORELINE_STYLES.items()
            if rank in ranks
        )
    if (frame := layers.frame("rivers")) is not None:
        symbol = {"type": "line", "colour": RIVER_STYLE.colour, "width": RIVER_STYLE.width}
        count = len(list(located(frame)))
        rows.append({"id": "rivers", "label": text("maps.layer_rivers"), "count": count, "symbol": symbol})
    return rows


def zone_rows(layers: MapLayers, text: Translator) -> list[Document]:
    """The rows of the layer list for zones: by width, then by rank."""
    frame = layers.frame("zones")
    if frame is None:
        return []
    drawn = {(int(row["width_m"]), str(row["rank"])) for row in located(frame)}
    order = list(Rank)
    return [
        {
            "id": f"zone:{rank}:{width}",
            "label": zone_label(rank, width, text),
            "count": None,
            "symbol": {
                "type": "zone",
                "colour": style.colour,
                "opacity": style.fill_opacity,
                "dash": style.dash,
            },
        }
        for width, rank in sorted(drawn, key=lambda zone: (zone[0], order.index(Rank(zone[1]))))
        for style in [zone_style(width)]
    ]


def verdict_legend(facilities: FacilityDocuments, text: Translator) -> Document:
    """What the colours and signs of facilities mean, with the number of facilities that carry each."""
    verdicts = [feature["properties"]["verdict"] for feature in facilities.points["features"]]
    rows = [
        {
            "label": text(f"maps.verdict_{key}"),
            "count": verdicts.count(key),
            "symbol": {"type": "verdict", "fill": sign.fill, "ink": sign.ink, "sign": sign.sign},
        }
        for key, sign in VERDICT_SIGNS.items()
    ]
    return {"title": text("maps.legend_verdicts"), "rows": rows}


def class_legend(layers: MapLayers, text: Translator) -> Document | None:
    """What the colours and badges of sections mean, with the number of sections of each class."""
    frame = layers.frame("sections")
    if frame is None:
        return None
    classes = [int(row["water_class"]) if present(row["water_class"]) else None for row in located(frame)]
    rows: list[Document] = [
        {
            "label": text(f"maps.class_{number or 'none'}"),
            "count": classes.count(number),
            "symbol": {
                "type": "class",
                "colour": colour,
                "ink": ink_on(colour),
                "label": CLASS_LABELS[number] if number else UNDETERMINED_LABEL,
            },
        }
        for number, colour in class_colours()
    ]
    rows.extend(
        {
            "label": text(f"maps.badge_{key}"),
            "count": None,
            "symbol": {"type": "badge", "fill": sign.fill, "ink": sign.ink, "sign": sign.sign},
        }
        for key, sign in VERDICT_SIGNS.items()
        if key in {Verdict.VIOLATION, Verdict.UNDETERMINED}
    )
    return {"title": text("maps.legend_classes"), "rows": rows}
