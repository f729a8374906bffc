"""Charts as files: SVG with all text drawn as outlines, PNG from that SVG, and HTML around it.

No browser, no network, no font of the reader's. The same chart gives the same bytes.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from xml.etree import ElementTree as ET

import vl_convert

from maps.fonts import FAMILY, font_file, outline, text_width

PNG_SCALE: Final = 2.0
SVG_NAMESPACE: Final = "http://www.w3.org/2000/svg"
BOLD_STROKE: Final = 0.035
"""Width of the line that makes an outline bold, in ems."""

_FONT_ATTRIBUTES: Final = ("font-family", "font-size", "font-weight", "font-style", "text-anchor")

ET.register_namespace("", SVG_NAMESPACE)
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")


@dataclass(frozen=True)
class Picture:
    """A chart ready to be drawn: its Vega-Lite document, what it is, and the numbers it shows.

    `title` and `lines` are the heading and the lines under it; `columns` and `rows` hold the numbers for who
    cannot see the picture, or wants to reckon with them.
    """

    document: Mapping[str, Any]
    title: str
    lines: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default=())
    language: str = "zh-CN"


@cache
def _register_fonts() -> None:
    """Let the layout be measured with the bundled font."""
    vl_convert.register_font_directory(str(font_file().parent))


def render_svg(picture: Picture) -> str:
    """Draw a picture as SVG that needs no font."""
    _register_fonts()
    drawn = vl_convert.vegalite_to_svg(dict(picture.document), allowed_base_urls=[])
    root = ET.fromstring(drawn)  # noqa: S314  # our own document, made a line above
    parents = {child: parent for parent in root.iter() for child in parent}
    for element in [one for one in root.iter() if _tag(one) == "text"]:
        parent = parents[element]
        place = list(parent).index(element)
        parent.remove(element)
        for offset, path in enumerate(_outlined(element)):
            parent.insert(place + offset, path)
    root.set("role", "img")
    root.set("{http://www.w3.org/XML/1998/namespace}lang", picture.language)
    title, description = _named("title", picture.title), _named("desc", " · ".join(picture.lines))
    root.insert(0, title)
    root.insert(1, description)
    return ET.tostring(root, encoding="unicode") + "\n"


def render_png(picture: Picture, scale: float = PNG_SCALE) -> bytes:
    """Draw a picture as PNG, `scale` pixels to a unit of the SVG."""
    return bytes(vl_convert.svg_to_png(render_svg(picture), scale=scale))


def render_html(picture: Picture) -> str:
    """Draw a picture as one HTML page that opens anywhere, with its numbers in a table below."""
    head = "".join(f"<th scope=col>{html.escape(name)}</th>" for name in picture.columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in picture.rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>" if picture.rows else ""
    return _PAGE.format(
        language=html.escape(picture.language),
        title=html.escape(picture.title),
        svg=render_svg(picture).replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1),
        table=table,
        family=FAMILY,
    )


_PAGE: Final = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 1.5rem; color: #1d2a33 }}
body {{ font: 14px/1.5 "{family}", "Microsoft YaHei", "PingFang SC", sans-serif }}
figure {{ margin: 0 0 1.5rem }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2rem .7rem; border-bottom: 1px solid #d8dfe3; text-align: left }}
</style>
</head>
<body>
<figure>
{svg}</figure>
{table}
</body>
</html>
"""


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _named(tag: str, text: str) -> ET.Element:
    element = ET.Element(f"{{{SVG_NAMESPACE}}}{tag}")
    element.text = text
    return element


def _outlined(element: ET.Element) -> list[ET.Element]:
    """A text element as paths, one for each of its lines; what it said stays as its label."""
    size = float(element.get("font-size", "11px").removesuffix("px"))
    anchor = element.get("text-anchor", "start")
    bold = element.get("font-weight") in ("bold", "600", "700")
    kept = {name: value for name, value in element.attrib.items() if name not in _FONT_ATTRIBUTES}
    lines: list[tuple[str, float]] = []
    depth = 0.0
    if element.text:
        lines.append((element.text, depth))
    for span in element:
        depth += float(span.get("dy", "0"))
        if span.text:
            lines.append((span.text, depth))
    paths = []
    for text, down in lines:
        line = " ".join(text.split())
        width = text_width(line, size)
        start = {"start": 0.0, "middle": -width / 2, "end": -width}[anchor]
        path = ET.Element(f"{{{SVG_NAMESPACE}}}path", dict(kept))
        path.set("d", outline(line, size, start, down))
        path.set("aria-label", line)
        if bold:
            path.set("stroke", kept.get("fill", "#000"))
            path.set("stroke-width", f"{size * BOLD_STROKE:.2f}")
        paths.append(path)
    return paths
