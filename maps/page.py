"""One self-sufficient map page, drawn with Folium.

Folium draws the map and its base map; everything that is data stays out of Folium's templates, because those
are rendered twice and a name such as ``{{ … }}`` would be run as a template. The data stands in script
elements beside the map and is read by ``assets/qingjiang/map.js``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import folium
import jinja2
import shapely
from branca.element import Element, Figure
from folium.template import Template
from markupsafe import escape

from maps.bundle import SCRIPTS, STYLES, inline_script, inline_style, read_asset
from maps.errors import TilesError
from maps.features import (
    UNDETERMINED_LABEL,
    Document,
    FacilityDocuments,
    Translator,
    draw_facilities,
    draw_rivers,
    draw_sections,
    draw_shorelines,
    draw_zones,
    focused_facility,
    located,
    script_json,
)
from maps.layers import MapLayers
from maps.palette import (
    KIND_SHAPES,
    RIVER_STYLE,
    SHORELINE_STYLES,
    VERDICT_SIGNS,
    class_colours,
    ink_on,
    zone_style,
)
from maps.panel import layer_groups
from spatial.vocabulary import CLASS_LABELS

AssetMode = Literal["inline", "linked"]

BASIN_BOUNDS: Final = (90.5, 24.5, 122.5, 35.8)
"""West, south, east, north of the Yangtze basin: shown when no layer has anything to show."""

PAGE_TEXTS: Final = (
    "close",
    "deadline",
    "distances",
    "limit",
    "main_pollutants",
    "map_label",
    "measured",
    "no_finding",
    "period",
    "region",
    "river",
    "rule_quote",
    "section",
    "target_class",
    "water_class",
    "zoom_in",
    "zoom_out",
)
"""Catalogue keys whose texts the page's script needs."""

PAGE_TEMPLATES: Final = {"cluster_facilities": ("count", "parts"), "cluster_sections": ("count", "classes")}
"""Those whose placeholders the script fills itself, with the names of the placeholders."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """A base map: an XYZ address with ``{z}``, ``{x}``, ``{y}``, and whom to name for it.

    Raises
    ------
    TilesError
        If the address is no XYZ address, the attribution is empty, or either holds template marks.
    """

    url: str
    attribution: str
    max_zoom: int = 18

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://", "/")):
            raise TilesError(self.url, "the address must begin with http://, https:// or /")
        missing = [mark for mark in ("{z}", "{x}", "{y}") if mark not in self.url]
        if missing:
            raise TilesError(self.url, f"the address lacks {', '.join(missing)}")
        if not self.attribution.strip():
            raise TilesError(self.url, "the attribution must name the map's owner")
        if any(mark in self.url + self.attribution for mark in ("{{", "{%", "{#")):
            raise TilesError(self.url, "address and attribution must not hold {{, {% or {#")


class OfflineMap(folium.Map):
    """A Folium map that brings no links of its own: scripts and styles are the page's business."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - Folium's own attribute
    default_css: list[tuple[str, str]] = []  # noqa: RUF012 - Folium's own attribute
    _template = Template(
        """
        {% macro html(this, kwargs) %}
            <div class="folium-map" id="{{ this.get_name() }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
                center: {{ this.location|tojson }},
                crs: L.CRS.{{ this.crs }},
                ...{{ this.options|tojavascript }}
            });
        {% endmacro %}
        """
    )


class Page(Figure):
    """The whole document around one map.

    `context` goes to the template of this name, which escapes it. What Folium elements put into the head
    of the document is not rendered: that is where their links to other hosts would stand.
    """

    def __init__(self, canvas: OfflineMap, context: Document, template: str = "map.html") -> None:
        super().__init__()
        self.canvas = canvas
        self.context = context
        self.template = template
        self.add_child(canvas, name="map")

    def render(self, **kwargs: Any) -> str:
        """The HTML of the page, the same bytes for the same content."""
        number_elements(self)
        self.canvas.render(**kwargs)  # type: ignore[no-untyped-call]  # as Folium leaves it
        return page_template(self.template).render(
            **self.context,
            map_name=self.canvas.get_name(),
            html=self.html.render(**kwargs),
            script=self.script.render(**kwargs),
        )


def number_elements(root: Element) -> None:
    """Give every element under `root` its place in the tree as its id, instead of Branca's random one."""
    elements = [root]
    for number, element in enumerate(elements):
        element._id = str(number)  # noqa: SLF001 - Branca offers no other way to choose an id
        elements.extend(element._children.values())  # noqa: SLF001


@cache
def page_template(name: str = "map.html") -> jinja2.Template:
    """The template of a page: what is not marked safe in it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("maps"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def draw_map(
    layers: MapLayers,
    *,
    text: Translator,
    focus: str | None = None,
    tiles: Tiles | None = None,
    assets: AssetMode = "inline",
) -> str:
    """Draw one page with every layer that has something to show.

    Parameters
    ----------
    layers : MapLayers
        What to draw.
    text : callable
        The message catalogue in the language of the page.
    focus : str, optional
        Code of the facility to centre on, with its facts beside the map.
    tiles : Tiles, optional
        Base map; None: a plain ground with a graticule.
    assets : {"inline", "linked"}
        Whether scripts and styles stand in the page, which then opens from any disk, or are linked under
        ``/maps/assets/``.

    Returns
    -------
    str
        HTML, the same bytes for the same input.

    Raises
    ------
    FacilityNotDrawableError, FacilityAmbiguousError
        If `focus` names no facility, or several.
    """
    bounds = extent(layers) if focus is None else focused_facility(layers, focus).bounds
    facilities = draw_facilities(layers, text, focus)
    documents = layer_documents(layers, facilities, text)
    settings = page_settings(layers, facilities, text, bounds=bounds, focus=focus, tiles=tiles)
    canvas = base_map(bounds, tiles, zoom_start=7)
    context = {
        "language": text("maps.language"),
        "brand": text("maps.brand"),
        "title": layers.title or text("maps.title"),
        "as_of_label": text("maps.as_of"),
        "as_of": layers.as_of.isoformat(),
        "text": text,
        "groups": layer_groups(layers, facilities, text),
        "unplaced": facilities.unplaced,
        **asset_texts(STYLES, SCRIPTS, assets),
        "documents": {name: script_json(document) for name, document in documents.items()},
        "settings": script_json(settings),
    }
    return Page(canvas, context).render()


def base_map(bounds: tuple[float, ...], tiles: Tiles | None, *, zoom_start: int) -> OfflineMap:
    """An empty map around the middle of some bounds (west, south, east, north), on its base map if any."""
    canvas = OfflineMap(
        location=[(bounds[1] + bounds[3]) / 2, (bounds[0] + bounds[2]) / 2],
        zoom_start=zoom_start,
        minZoom=4,
        maxZoom=18,
        zoomSnap=0.25 if tiles is None else 1,
        tiles=None,
        zoom_control=False,
        prefer_canvas=True,
    )
    if tiles is not None:
        layer = folium.TileLayer(
            tiles.url, attr=str(escape(tiles.attribution)), max_zoom=tiles.max_zoom, name="tiles"
        )
        canvas.add_child(layer, name="tiles")
    return canvas


def asset_texts(styles: Sequence[str], scripts: Sequence[str], assets: AssetMode) -> dict[str, list[str]]:
    """What a page's head takes of its styles and scripts: their texts, or their addresses."""
    inline = assets == "inline"
    return {
        "styles": [inline_style(name) for name in styles] if inline else [],
        "scripts": [inline_script(name) for name in scripts] if inline else [],
        "style_urls": [] if inline else [read_asset(name).url for name in styles],
        "script_urls": [] if inline else [read_asset(name).url for name in scripts],
    }


def draw_buffers(
    layers: MapLayers, *, text: Translator, tiles: Tiles | None = None, assets: AssetMode = "inline"
) -> str:
    """Facilities against the shorelines and their zones; sections are left out. As :func:`draw_map`."""
    title = layers.title or text("maps.title_buffers")
    return draw_map(replace(layers, sections=None, title=title), text=text, tiles=tiles, assets=assets)


def draw_section_classes(
    layers: MapLayers, *, text: Translator, tiles: Tiles | None = None, assets: AssetMode = "inline"
) -> str:
    """Sections in the colours of their class; facilities and zones are left out. As :func:`draw_map`."""
    title = layers.title or text("maps.title_sections")
    waters = replace(layers, facilities=None, zones=None, title=title)
    return draw_map(waters, text=text, tiles=tiles, assets=assets)


def draw_facility(
    layers: MapLayers,
    code: str,
    *,
    text: Translator,
    tiles: Tiles | None = None,
    assets: AssetMode = "inline",
) -> str:
    """One facility in the middle, its facts beside it, everything around still drawn. As :func:`draw_map`."""
    focused_facility(layers, code)
    frame = layers.frame("facilities")
    name = "" if frame is None else str(frame.loc[frame["code"] == code, "name"].iloc[0])
    title = layers.title or text("maps.title_facility", name=name)
    return draw_map(replace(layers, title=title), text=text, focus=code, tiles=tiles, assets=assets)


def save(html: str, path: Path) -> None:
    """Write a page to `path` as UTF-8, whole or not at all; its folder must exist."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(html)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def extent(layers: MapLayers) -> tuple[float, float, float, float]:
    """West, south, east, north of what the reader came for: facilities and sections, else the waters."""
    for names in (("facilities", "sections"), ("shorelines", "rivers", "zones")):
        geometries = [
            geometry
            for name in names
            if (frame := layers.frame(name)) is not None
            for geometry in frame.geometry
            if geometry is not None and not geometry.is_empty
        ]
        if geometries:
            west, south, east, north = (float(edge) for edge in shapely.total_bounds(geometries))
            return west, south, east, north
    return BASIN_BOUNDS


def layer_documents(
    layers: MapLayers, facilities: FacilityDocuments, text: Translator
) -> dict[str, Document]:
    """The GeoJSON of the page, one document per kind of layer."""
    documents: dict[str, Document] = {}
    if (frame := layers.frame("zones")) is not None:
        documents["zones"] = draw_zones(frame)
    if (frame := layers.frame("rivers")) is not None:
        documents["rivers"] = draw_rivers(frame)
    if (frame := layers.frame("shorelines")) is not None:
        documents["shorelines"] = draw_shorelines(frame, text)
    if facilities.points["features"]:
        documents["facilities"] = facilities.points
        documents["areas"] = facilities.areas
        documents["distances"] = facilities.lines
    if (frame := layers.frame("sections")) is not None:
        documents["sections"] = draw_sections(frame, text)
    return documents


def page_settings(
    layers: MapLayers,
    facilities: FacilityDocuments,
    text: Translator,
    *,
    bounds: tuple[float, float, float, float],
    focus: str | None,
    tiles: Tiles | None,
) -> Document:
    """Everything that the page's script must know beside the data."""
    west, south, east, north = (round(edge, 6) for edge in bounds)
    frame = layers.frame("facilities")
    codes = [] if frame is None else [row["code"] for row in located(frame)]
    sources = text("maps.list_separator").join(layers.sources)
    return {
        "bounds": [[south, west], [north, east]],
        "focus": None if focus is None else codes.index(focus),
        "graticule": tiles is None,
        "attribution": text("maps.sources", sources=sources) if sources else "",
        "rules": facilities.rules,
        "text": {key: text(f"maps.{key}") for key in PAGE_TEXTS}
        | {
            key: text(f"maps.{key}", **{name: f"{{{name}}}" for name in names})
            for key, names in PAGE_TEMPLATES.items()
        },
        "verdicts": {
            key: {"fill": sign.fill, "ink": sign.ink, "sign": sign.sign, "label": text(f"maps.verdict_{key}")}
            for key, sign in VERDICT_SIGNS.items()
        },
        "kinds": {
            key: {"path": shape.path, "y": shape.sign_y, "label": text(f"maps.kind_{key}")}
            for key, shape in KIND_SHAPES.items()
        },
        "ranks": {
            rank: {"colour": style.colour, "width": style.width, "fill": style.fill}
            | {"label": text(f"maps.rank_{rank}")}
            for rank, style in SHORELINE_STYLES.items()
        },
        "river": {"colour": RIVER_STYLE.colour, "width": RIVER_STYLE.width},
        "zones": {
            str(width): {"colour": style.colour, "opacity": style.fill_opacity, "dash": style.dash}
            for width in zone_widths(layers)
            for style in [zone_style(width)]
        },
        "classes": {
            str(number or "none"): {
                "colour": colour,
                "ink": ink_on(colour),
                "label": CLASS_LABELS[number] if number else UNDETERMINED_LABEL,
            }
            for number, colour in class_colours()
        },
    }


def zone_widths(layers: MapLayers) -> list[int]:
    """Widths of the zones that are drawn, in metres, the narrowest first."""
    frame = layers.frame("zones")
    return [] if frame is None else sorted({int(width) for width in frame["width_m"]})
