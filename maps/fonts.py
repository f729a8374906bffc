"""The one font of every chart, bundled with the application: Noto Sans CJK SC (SIL Open Font License 1.1).

An image must not depend on the fonts of whoever opens it. Text is therefore drawn as outlines of the bundled
font; what the font lacks is shown as 〓, the printers' mark for a missing character, never as an empty box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTCollection

FAMILY: Final = "Noto Sans CJK SC"
PACKAGE: Final = "noto_cjk_sans_otc"
FILE: Final = "NotoSansCJK-Regular.ttc"
MISSING: Final = "〓"
ELLIPSIS: Final = "…"

Point = tuple[float, float]
Stroke = tuple[str, tuple[Point, ...]]


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character: its advance and its outline in font units, y upwards."""

    advance: float
    strokes: tuple[Stroke, ...]


@cache
def font_file() -> Path:
    """The bundled font file on disk."""
    return Path(str(resources.files(PACKAGE).joinpath(FILE)))


@cache
def _font() -> Any:
    collection = TTCollection(str(font_file()), lazy=True)
    return next(font for font in collection.fonts if font["name"].getDebugName(1) == FAMILY)


@cache
def units_per_em() -> int:
    """Font units in one em."""
    return int(_font()["head"].unitsPerEm)


@cache
def _characters() -> dict[int, str]:
    return dict(_font().getBestCmap())


def has_glyph(character: str) -> bool:
    """Whether the font can draw a character."""
    return ord(character) in _characters()


@cache
def glyph_of(character: str) -> Glyph:
    """The glyph of a character, that of 〓 for one that the font lacks."""
    name = _characters()[ord(character) if has_glyph(character) else ord(MISSING)]
    glyphs = _font().getGlyphSet()
    pen = DecomposingRecordingPen(glyphs)
    glyphs[name].draw(pen)
    return Glyph(float(glyphs[name].width), tuple(pen.value))


def text_width(text: str, size: float) -> float:
    """Width of a line of text in pixels at a font size in pixels."""
    return sum(glyph_of(character).advance for character in text) * size / units_per_em()


def outline(text: str, size: float, x: float = 0.0, y: float = 0.0) -> str:
    """The outline of a line of text as an SVG path that starts at (x, y) on the baseline."""
    scale = size / units_per_em()
    parts = []
    for character in text:
        glyph = glyph_of(character)
        for command, points in glyph.strokes:
            if command == "closePath":
                parts.append("Z")
                continue
            numbers = " ".join(
                f"{_short(x + across * scale)} {_short(y - up * scale)}" for across, up in points
            )
            parts.append(_COMMANDS[command] + numbers)
        x += glyph.advance * scale
    return "".join(parts)


_COMMANDS: Final = {"moveTo": "M", "lineTo": "L", "curveTo": "C", "qCurveTo": "Q"}


def _short(number: float) -> str:
    """A coordinate to a hundredth of a pixel."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def shorten(text: str, width: float, size: float) -> str:
    """A text cut to a width in pixels, with an ellipsis where something was cut."""
    if text_width(text, size) <= width:
        return text
    kept = text
    while kept and text_width(kept + ELLIPSIS, size) > width:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def wrap(text: str, width: float, size: float) -> list[str]:
    """A text in lines no wider than a width in pixels: between CJK characters, else at spaces."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and text_width((line + piece).rstrip(), size) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """The parts between which a line may break; closing marks stay with what they close."""
    pieces: list[str] = []
    for character in text:
        wide = ord(character) >= 0x2E80
        joins = character in "，。；：、）》”！？…,.;:)%" or not pieces
        after_wide = bool(pieces) and ord(pieces[-1][-1]) >= 0x2E80
        after_space = bool(pieces) and pieces[-1].endswith(" ")
        opened = bool(pieces) and pieces[-1][-1] in "（《“("
        if pieces and (joins or opened or not (wide or after_wide or after_space)):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces
