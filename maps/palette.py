"""Colours, shapes and signs of the map. No meaning rests on colour alone: each has a sign, shape or text too.

Symbols are SVG paths in a box of 28 by 28. The same values draw the markers, the legend and the layer list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spatial.standards import load_evaluation_method
from spatial.vocabulary import Rank, Verdict

NO_FINDING: Final = "none"
"""Key of a facility without a verdict: outside every zone, or no clause applies."""


@dataclass(frozen=True, slots=True)
class VerdictSign:
    """Fill of a marker, colour of what is written on it, and the sign itself (a path drawn as a line)."""

    fill: str
    ink: str
    sign: str
    letter: str


VERDICT_SIGNS: Final[dict[str, VerdictSign]] = {
    Verdict.VIOLATION: VerdictSign("#B3261E", "#FFFFFF", "M-4.2-4.2 4.2 4.2M4.2-4.2-4.2 4.2", "✗"),
    Verdict.UNDETERMINED: VerdictSign(
        "#F0A92B", "#2A1B00", "M-2.9-2.4A2.9 2.9 0 1 1 1.3.1C.3.7 0 1.3 0 2.3M0 5.3V5.5", "?"
    ),
    Verdict.COMPLIANT: VerdictSign("#0B7A6B", "#FFFFFF", "M-4.8.3-1.6 3.6 4.9-3.6", "✓"),
    NO_FINDING: VerdictSign("#7A8894", "#FFFFFF", "", ""),
}
"""The worst first. Red, amber and green-blue also differ in lightness: they stay apart without it."""


@dataclass(frozen=True, slots=True)
class KindShape:
    """Outline of a facility kind and the height at which its sign stands."""

    path: str
    sign_y: float


KIND_SHAPES: Final[dict[str, KindShape]] = {
    "tailings_pond": KindShape("M14 2 27 25.5H1Z", 18.2),
    "chemical_site": KindShape("M14 1.6 24.8 7.8V20.2L14 26.4 3.2 20.2V7.8Z", 14),
    "outfall": KindShape("M14 2.4A11.6 11.6 0 1 1 14 25.6 11.6 11.6 0 0 1 14 2.4Z", 14),
    "water_source": KindShape(
        "M14 .8C17.6 5.8 24 12.4 24 17.2A10 10 0 0 1 4 17.2C4 12.4 10.4 5.8 14 .8Z", 17
    ),
}
"""Triangle (a dam), hexagon (benzene), circle (a pipe's mouth), drop."""


@dataclass(frozen=True, slots=True)
class LineStyle:
    """Stroke of a shoreline, and the fill where the shoreline is a water polygon."""

    colour: str
    width: float
    fill: str


SHORELINE_STYLES: Final[dict[str, LineStyle]] = {
    Rank.MAINSTEM: LineStyle("#0B4F8A", 3.2, "#CFE3F3"),
    Rank.IMPORTANT_TRIBUTARY: LineStyle("#2F7FBF", 2.4, "#DAEAF6"),
    Rank.TRIBUTARY: LineStyle("#6FA8D6", 1.5, "#E4F0F8"),
    Rank.IMPORTANT_LAKE: LineStyle("#12708C", 2.2, "#CDE8EC"),
    Rank.LAKE: LineStyle("#5BA3B5", 1.5, "#DCEFF1"),
}

RIVER_STYLE: Final = LineStyle("#8DBBDD", 1.2, "none")


@dataclass(frozen=True, slots=True)
class ZoneStyle:
    """Fill and edge of the strip of one width along the shorelines."""

    colour: str
    fill_opacity: float
    dash: str


NARROW_ZONE: Final = ZoneStyle("#C4602B", 0.16, "")
WIDE_ZONE: Final = ZoneStyle("#C79A3A", 0.11, "6 5")


def zone_style(width_m: int) -> ZoneStyle:
    """Style of a zone: up to one kilometre the stronger one, wider zones the paler, dashed one."""
    return NARROW_ZONE if width_m <= 1000 else WIDE_ZONE


UNDETERMINED_CLASS_COLOUR: Final = "#E3E7EA"

CHART_PAPER: Final = "#FFFFFF"
CHART_INK: Final = "#1D2A33"
CHART_QUIET: Final = "#55646E"
"""Small print; on paper it reaches a contrast of 4.5."""
CHART_GREY: Final = "#8A969E"
CHART_GRID: Final = "#D8DFE3"
CHART_BAR: Final = "#5B8DB0"
"""Bars of what has no class."""
CHART_MARK: Final = "#17405E"
"""Readings; dark enough to be seen on every class band."""


def class_colours() -> list[tuple[int | None, str]]:
    """Colours of the classes from the best to the worst, then of undetermined (None).

    Source: 环办〔2011〕22号 names the colours; the values stand with the method in ``spatial/rules``.
    """
    return [*load_evaluation_method().class_colours.items(), (None, UNDETERMINED_CLASS_COLOUR)]


def trophic_colours() -> dict[str, str]:
    """Colours of the trophic states by their codes: those of the grades, best to worst."""
    method = load_evaluation_method()
    states = ["oligotrophic", *(state.value for state, _ in method.trophic_states)]
    return dict(zip(states, method.grade_colours.values(), strict=True))


CLASS_INK_CONTRAST: Final = 4.5
"""Contrast that text on a class colour must reach (WCAG 2.1, 1.4.3)."""


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on `colour` (``#RRGGBB``); the better one always reaches 4.5."""
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours by WCAG 2.1, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of ``#RRGGBB`` by WCAG 2.1."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
