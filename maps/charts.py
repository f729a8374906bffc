"""Charts of water quality: series with class bands, heat maps, shares, rankings, trophic state.

Each function takes what the engine found and gives a `Picture`; nothing is assessed or looked up here.
Numbers become binary floats only to be drawn: what is written beside a mark comes as text. Times are Beijing
times.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

import altair as alt

from maps.errors import ChartError
from maps.fonts import FAMILY, shorten, text_width, wrap
from maps.palette import (
    CHART_BAR,
    CHART_GREY,
    CHART_GRID,
    CHART_INK,
    CHART_MARK,
    CHART_PAPER,
    CHART_QUIET,
    UNDETERMINED_CLASS_COLOUR,
    class_colours,
    ink_on,
    trophic_colours,
)
from maps.rendering import Picture
from spatial.class_text import class_label
from spatial.parameters import Parameter
from spatial.rounding import round_fraction
from spatial.standards import Direction, Limit, load_evaluation_method

Text = Callable[..., str]
Json = dict[str, Any]

WIDTH: Final = 760
PLOT_HEIGHT: Final = 300
LABEL_SIZE: Final = 12
SMALL_SIZE: Final = 11
NAME_WIDTH: Final = 210
BAND_OPACITY: Final = 0.3
LEGEND_ROW: Final = 20
POINTS_MOST: Final = 3000
MEANS_LARGE: Final = 48
"""Up to so many monthly means stand out; of more the line is what counts."""
GRID_ROWS_MOST: Final = 80
WALL_ROWS: Final = 620
BARS_MOST: Final = 60
CELL_MOST: Final = 120
CELL_TEXT: Final = ((SMALL_SIZE, 27.0), (9, 19.0))
"""Size of the class in a cell, and the width that the cell needs for it."""
WALL_PANEL: Final = 200
WALL_GUTTER: Final = 86

CROSS: Final = "M-.7-.7L.7.7M-.7.7L.7-.7"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a chart: a translator for its namespace ``charts``, and the language as a tag."""

    text: Text
    language: str

    @property
    def chinese(self) -> bool:
        """Whether the words are Chinese."""
        return self.language.startswith("zh")

    def parameter(self, parameter: Parameter) -> str:
        """Name of a parameter."""
        return parameter.name_zh if self.chinese else parameter.name_en

    def class_name(self, water_class: int) -> str:
        """A class as short text: Ⅰ to Ⅴ, and for what is worse 劣Ⅴ or >Ⅴ."""
        label = class_label(water_class) or ""
        return label if self.chinese or water_class < 6 else f">{class_label(5)}"

    def unit(self, unit: str) -> str:
        """A unit as an axis shows it; empty where there is none."""
        return "" if unit == "dimensionless" else unit.replace("m3/s", "m³/s")


# --- parts that all charts share ---


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A sign and what it means. `shape` is a Vega symbol or an SVG path; `line` draws a line behind it."""

    label: str
    shape: str = "square"
    fill: str = "none"
    stroke: str = "none"
    size: float = 110
    line: bool = False


def _at(moment: datetime | date) -> str:
    """A Beijing moment on the axis: its wall clock, on a scale that knows no zones."""
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    return f"{moment.isoformat()}T00:00:00Z"


def _data(rows: Sequence[Mapping[str, Any]]) -> alt.NamedData:
    """Rows for a layer. They travel as text in its name: Altair would copy and check each of them often."""
    return alt.NamedData(name=json.dumps(list(rows), ensure_ascii=False))


def _with_rows(document: Any) -> Any:
    """A document with the rows themselves where `_data` left their text."""
    if isinstance(document, list):
        return [_with_rows(part) for part in document]
    if not isinstance(document, dict):
        return document
    return {
        key: {"values": json.loads(part["name"])}
        if key == "data" and set(part) == {"name"}
        else _with_rows(part)
        for key, part in document.items()
    }


def _pixels(*, height: float, width: float = WIDTH) -> tuple[alt.X, alt.Y]:
    """Encodings of the fields x and y as pixels from the upper left corner."""
    return (
        alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False, zero=False)),
        alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False, zero=False)),
    )


def _layered(*layers: alt.Chart) -> alt.LayerChart:
    return alt.LayerChart(layer=list(layers))


def _sized(chart: alt.LayerChart, *, width: float, height: float) -> alt.LayerChart:
    sized: alt.LayerChart = chart.properties(width=width, height=height)
    return sized


def _rectangles(rows: Sequence[Json], across: alt.X, down: alt.Y, stroke: str | None = None) -> alt.Chart:
    """Rectangles from (x, y) to (x2, y2) in pixels, each with its own fill."""
    chart: alt.Chart = (
        alt.Chart(_data(rows))
        .mark_rect(strokeWidth=0.8, stroke=stroke or "transparent")
        .encode(x=across, x2="x2:Q", y=down, y2="y2:Q", fill=alt.Fill("fill:N", scale=None))
    )
    return chart


def _labels(
    rows: Sequence[Json],
    across: alt.X,
    down: alt.Y,
    *,
    align: Literal["left", "right", "center"],
    size: float = LABEL_SIZE,
    colour: str = CHART_INK,
) -> alt.Chart:
    """Words at (x, y) in pixels, the rows' own colours where they name one in `fill`."""
    chart: alt.Chart = (
        alt.Chart(_data(rows))
        .mark_text(align=align, baseline="middle", fontSize=size, color=colour)
        .encode(x=across, y=down, text="text:N")
    )
    if rows and "fill" in rows[0]:
        chart = chart.encode(color=alt.Color("fill:N", scale=None))
    return chart


def _legend(entries: Sequence[LegendEntry], width: float = WIDTH) -> alt.LayerChart:
    """A legend in rows, as wide as the chart."""
    x = y = 0.0
    symbols, lines, labels = [], [], []
    for entry in entries:
        needed = 26 + text_width(entry.label, LABEL_SIZE) + 18
        if x and x + needed > width:
            x, y = 0.0, y + LEGEND_ROW
        middle = y + LEGEND_ROW / 2
        if entry.line:
            lines.append({"x": x, "x2": x + 18, "y": middle, "stroke": entry.stroke})
        if entry.shape:
            symbols.append(
                {
                    "x": x + 9,
                    "y": middle,
                    "shape": entry.shape,
                    "fill": entry.fill,
                    "stroke": entry.stroke,
                    "size": entry.size,
                }
            )
        labels.append({"x": x + 24, "y": middle, "text": entry.label})
        x += needed
    height = y + LEGEND_ROW
    across, down = _pixels(height=height, width=width)
    layers: list[alt.Chart] = []
    if lines:
        layers.append(
            alt.Chart(_data(lines))
            .mark_rule(strokeWidth=2)
            .encode(x=across, x2="x2:Q", y=down, stroke=alt.Stroke("stroke:N", scale=None))
        )
    layers.append(
        alt.Chart(_data(symbols))
        .mark_point(opacity=1, strokeWidth=1.3)
        .encode(
            x=across,
            y=down,
            shape=alt.Shape("shape:N", scale=None),
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("stroke:N", scale=None),
            size=alt.Size("size:Q", scale=None),
        )
    )
    layers.append(_labels(labels, across, down, align="left"))
    return _sized(_layered(*layers), width=width, height=height)


def _caption(lines: Sequence[str], width: float = WIDTH) -> alt.LayerChart:
    """Small print below a chart: sources and notes."""
    wrapped = [piece for line in lines for piece in wrap(line, width, SMALL_SIZE)]
    height = max(len(wrapped), 1) * 16
    across, down = _pixels(height=height, width=width)
    rows = [{"x": 0, "y": 8 + 16 * place, "text": line} for place, line in enumerate(wrapped)]
    chart = _labels(rows, across, down, align="left", size=SMALL_SIZE, colour=CHART_QUIET)
    return _sized(_layered(chart), width=width, height=height)


def _compose(
    parts: Sequence[alt.LayerChart],
    *,
    title: str,
    lines: Sequence[str],
    source: Sequence[str],
    words: Words,
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    width: float = WIDTH,
) -> Picture:
    """One picture of its parts, under a heading, above the small print."""
    heading = wrap(title, width, 17)
    below = [piece for line in lines for piece in wrap(line, width, 13)]
    chart = (
        alt.vconcat(*parts, _caption(source, width), spacing=10)
        .properties(
            title=alt.TitleParams(
                text=heading if len(heading) > 1 else heading[0],
                subtitle=below,
                anchor="start",
                frame="group",
                fontSize=17,
                subtitleFontSize=13,
                color=CHART_INK,
                subtitleColor=CHART_QUIET,
                offset=14,
            )
        )
        .configure(
            font=FAMILY,
            background=CHART_PAPER,
            padding={"left": 16, "right": 20, "top": 14, "bottom": 10},
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=LABEL_SIZE,
            titleFontSize=LABEL_SIZE,
            titleFontWeight="normal",
            labelColor=CHART_INK,
            titleColor=CHART_INK,
            gridColor=CHART_GRID,
            domainColor=CHART_GREY,
            tickColor=CHART_GREY,
        )
        .resolve_scale(x="independent", y="independent")
    )
    document = _with_rows(chart.to_dict())
    document["config"]["aria"] = False
    return Picture(document, title, tuple(lines), tuple(columns), tuple(rows), words.language)


def _no_data(words: Words, height: float = 120, width: float = WIDTH) -> alt.LayerChart:
    """What stands where nothing can be drawn: words in an empty frame."""
    across, down = _pixels(height=height, width=width)
    said = [{"x": width / 2, "y": height / 2, "text": words.text("charts.no_data")}]
    frame = [{"x": 0.5, "x2": width - 0.5, "y": 0.5, "y2": height - 0.5, "fill": CHART_PAPER}]
    chart = _layered(
        _rectangles(frame, across, down, stroke=CHART_GRID),
        _labels(said, across, down, align="center", size=15, colour=CHART_QUIET),
    )
    return _sized(chart, width=width, height=height)


# --- bands behind a series ---


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the axis between two numbers, with a colour and its name. None is open."""

    low: float | None
    high: float | None
    colour: str
    label: str
    marked: bool = False


def class_bands(limit: Limit, words: Words, target_class: int | None = None) -> list[Band]:
    """The bands of the classes, from the least number upwards; a class that shares its bound has none.

    The band of the target class is marked: up to its bound the target is met.
    """
    colours = {key: colour for key, colour in class_colours() if key is not None}
    bounds = [float(bound) for bound in limit.bounds]

    def name(water_class: int, condition: str) -> str:
        label = f"{words.class_name(water_class)} {condition}"
        return words.text("charts.band_target", label=label) if water_class == target_class else label

    bands: list[Band] = []
    if limit.direction is Direction.WITHIN:
        low, high = bounds
        span = f"{limit.bounds[0]:f}–{limit.bounds[1]:f}"
        inside = f"{class_label(1)}–{class_label(5)} {span}"
        if target_class is not None:
            inside = words.text("charts.band_target", label=inside)
        worst = words.class_name(6)
        return [
            Band(None, low, colours[6], f"{worst} <{limit.bounds[0]:f}"),
            Band(low, high, colours[1], inside, marked=target_class is not None),
            Band(high, None, colours[6], f"{worst} >{limit.bounds[1]:f}"),
        ]
    better: float | None = None
    for water_class, bound in enumerate(bounds, 1):
        if limit.direction is Direction.AT_MOST:
            band = Band(
                better,
                bound,
                colours[water_class],
                name(water_class, f"≤{limit.bounds[water_class - 1]:f}"),
                water_class == target_class,
            )
        else:
            band = Band(
                bound,
                better,
                colours[water_class],
                name(water_class, f"≥{limit.bounds[water_class - 1]:f}"),
                water_class == target_class,
            )
        if better is None or bound != better:
            bands.append(band)
        elif water_class == target_class and bands:  # the shared bound is the target's too
            last = bands.pop()
            marked = words.text("charts.band_target_as", label=last.label, target=class_label(water_class))
            bands.append(Band(last.low, last.high, last.colour, marked, marked=True))
        better = bound
    worst_label = words.class_name(6)
    last_text = f"{limit.bounds[4]:f}"
    if limit.direction is Direction.AT_MOST:
        bands.append(Band(better, None, colours[6], f"{worst_label} >{last_text}"))
        return bands
    bands.append(Band(None, better, colours[6], f"{worst_label} <{last_text}"))
    return bands[::-1]


def _spread(middles: Sequence[float], gap: float, height: float) -> list[float]:
    """Heights of labels near the given ones, at least `gap` apart, in order, inside the plot."""
    placed: list[float] = []
    for middle in middles:
        placed.append(max(middle, placed[-1] + gap) if placed else max(middle, gap / 2))
    ceiling = height - gap / 2
    for place in range(len(placed) - 1, -1, -1):
        placed[place] = min(placed[place], ceiling)
        ceiling = placed[place] - gap
    return placed


def _band_layers(bands: Sequence[Band], low: float, high: float, height: float) -> list[alt.Chart]:
    """The bands as rectangles, the marked bound as a dashed line, and their names at the right."""
    shown = []
    for band in bands:
        bottom = low if band.low is None else max(band.low, low)
        top = high if band.high is None else min(band.high, high)
        if top > bottom:
            shown.append((band, bottom, top))
    y = alt.Y("low:Q", scale=alt.Scale(domain=[low, high], nice=False, zero=False))
    rectangles = [{"low": bottom, "high": top, "fill": band.colour} for band, bottom, top in shown]
    layers = [
        alt.Chart(_data(rectangles))
        .mark_rect(opacity=BAND_OPACITY)
        .encode(
            x=alt.value(0),
            x2=alt.value(WIDTH),
            y=y,
            y2="high:Q",
            fill=alt.Fill("fill:N", scale=None),
        )
    ]
    marked = [
        {"low": edge}
        for band, _, _ in shown
        if band.marked
        for edge in (band.low, band.high)
        if edge is not None and low < edge < high and _is_limit(band, edge)
    ]
    if marked:
        layers.append(
            alt.Chart(_data(marked))
            .mark_rule(strokeDash=[6, 4], color=CHART_INK, strokeWidth=1.2)
            .encode(x=alt.value(0), x2=alt.value(WIDTH), y=y)
        )
    from_top = shown[::-1]
    middles = [height * (high - (bottom + top) / 2) / (high - low) for _, bottom, top in from_top]
    for (band, _, _), place in zip(from_top, _spread(middles, 17, height), strict=True):
        layers.append(
            alt.Chart(_data([{}]))
            .mark_point(shape="square", filled=True, size=90, opacity=1)
            .encode(x=alt.value(WIDTH + 12), y=alt.value(place), fill=alt.value(band.colour))
        )
        layers.append(
            alt.Chart(_data([{}]))
            .mark_text(align="left", baseline="middle", fontSize=LABEL_SIZE, color=CHART_INK)
            .encode(x=alt.value(WIDTH + 22), y=alt.value(place), text=alt.value(band.label))
        )
    return layers


def _is_limit(band: Band, edge: float) -> bool:
    """Whether an edge of a marked band is where its target ends, and not where a better class begins."""
    if "≤" in band.label:
        return edge == band.high
    return edge == band.low if "≥" in band.label else True


def _month_ticks(start: date, end: date) -> tuple[list[str], str]:
    """Ticks at the first days of months (or at days, in a short span), at most some dozen of them."""
    days = (end - start).days + 1
    if days <= 62:
        step = max(1, math.ceil(days / 10))
        return [_at(start + timedelta(days=count)) for count in range(0, days, step)], "%m-%d"
    first, last = start.year * 12 + start.month - 1, end.year * 12 + end.month - 1
    months = last - first + 1
    step = next((one for one in (1, 2, 3, 6, 12, 24, 60) if months <= one * 13), 120)
    ticks = [
        date(count // 12, count % 12 + 1, 1)
        for count in range(first, last + 1)
        if (count % 12) % min(step, 12) == 0 and (step <= 12 or (count // 12) % (step // 12) == 0)
    ]
    return [_at(tick) for tick in ticks if tick >= start], "%Y-%m" if step < 12 else "%Y"


def _time_axis(start: date, end: date) -> alt.X:
    ticks, pattern = _month_ticks(start, end)
    domain = [_at(start), _at(end + timedelta(days=1))]
    return alt.X(
        "moment:T",
        scale=alt.Scale(type="utc", domain=domain, nice=False),
        axis=alt.Axis(
            values=ticks,
            format=pattern,
            title=None,
            grid=False,
            labelFlush=False,
            labelOverlap=True,
            labelSeparation=8,
        ),
    )


# --- series ---


Mark = Literal["detected", "non_detect", "derived", "left_out"]


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One reading: detected, the limit of what was not, derived from an image, or left out otherwise."""

    moment: datetime
    value: Decimal
    mark: Mark


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """The mean of one month, as it was averaged (half the limit for what was not detected)."""

    year: int
    month: int
    value: Fraction


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one parameter at one section from `start` to `end`, both days included.

    `limit` is what the section is judged by; None where the parameter has no classes.
    """

    section: str
    parameter: Parameter
    limit: Limit | None
    target_class: int | None
    start: date
    end: date
    points: tuple[SeriesPoint, ...]
    means: tuple[MonthPoint, ...]
    source: tuple[str, ...]


def _series_domain(series: Series) -> tuple[float, float]:
    """The numbers of the axis: what entered, with the next limit above it; not what was left out."""
    entered = [float(point.value) for point in series.points if point.mark != "left_out"]
    entered += [float(point.value) for point in series.means]
    shown = entered or [float(point.value) for point in series.points]
    limit = series.limit
    if limit is None or limit.direction is Direction.CHANGE:
        least, most = min(shown, default=0.0), max(shown, default=1.0)
        spread = (most - least) or abs(most) or 1.0
        return (0.0 if 0 <= least < spread * 2 else least - spread * 0.1), most + spread * 0.1
    bounds = [float(bound) for bound in limit.bounds]
    if limit.direction is Direction.WITHIN:
        return min(bounds[0] - 0.6, min(shown, default=bounds[0]) - 0.2), max(
            bounds[1] + 0.6, max(shown, default=bounds[1]) + 0.2
        )
    most = max(shown, default=0.0)
    if limit.direction is Direction.AT_MOST:
        reached = [bound for bound in bounds if bound >= most]
        most = max(most, reached[0] if reached else bounds[-1])
        if series.target_class is not None:
            most = max(most, bounds[series.target_class - 1])
    else:
        most = max(most, bounds[0])
    return 0.0, most * 1.1


def draw_series(series: Series, words: Words) -> Picture:
    """Draw the readings of one parameter over the class bands; see `Series`.

    What was not detected is a hollow mark at its detection limit; what entered no mean is grey. Above 3 000
    readings the days are drawn from their least to their greatest value, not every reading.
    """
    text, parameter = words.text, series.parameter
    unit = words.unit(parameter.unit)
    quantity = words.parameter(parameter) + (f" ({unit})" if unit else "")
    title = text("charts.series_title", section=series.section, parameter=words.parameter(parameter))
    lines = [text("charts.span", start=series.start.isoformat(), end=series.end.isoformat())]
    columns = [text(f"charts.col_{name}") for name in ("time", "mark")] + [quantity]
    rows = [
        [f"{point.moment:%Y-%m-%d %H:%M}", text(f"charts.mark_{point.mark}"), f"{point.value:f}"]
        for point in series.points
    ]
    if not series.points:
        return _compose(
            [_no_data(words)], title=title, lines=lines, source=series.source, words=words, columns=columns
        )
    low, high = _series_domain(series)
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    y = alt.Y("value:Q", scale=scale, axis=alt.Axis(title=quantity, grid=series.limit is None, tickCount=6))
    x = _time_axis(series.start, series.end)
    layers: list[alt.Chart] = []
    if series.limit is not None and series.limit.direction is not Direction.CHANGE:
        layers += _band_layers(class_bands(series.limit, words, series.target_class), low, high, PLOT_HEIGHT)
    entries = _series_marks(series, layers, x, y, high, words)
    chart = _sized(_layered(*layers), width=WIDTH, height=PLOT_HEIGHT)
    return _compose(
        [chart, _legend(entries)],
        title=title,
        lines=lines,
        source=series.source,
        words=words,
        columns=columns,
        rows=rows,
    )


def _series_marks(
    series: Series, layers: list[alt.Chart], x: alt.X, y: alt.Y, high: float, words: Words
) -> list[LegendEntry]:
    """Add the marks of the readings and of the monthly means; give their legend."""
    text = words.text
    entered = [point for point in series.points if point.mark != "left_out"]
    many = len(entered) > POINTS_MOST
    size = 30 if len(series.points) <= 60 else 16
    signs = {
        "detected": LegendEntry(text("charts.mark_detected"), "circle", CHART_MARK, CHART_PAPER, size),
        "non_detect": LegendEntry(
            text("charts.mark_non_detect"), "triangle-down", CHART_PAPER, CHART_MARK, size + 14
        ),
        "derived": LegendEntry(text("charts.mark_derived"), "diamond", CHART_PAPER, CHART_MARK, size + 24),
        "left_out": LegendEntry(text("charts.mark_left_out"), CROSS, "none", CHART_QUIET, size + 24),
        "beyond": LegendEntry(text("charts.mark_beyond"), "triangle-up", "none", CHART_QUIET, size + 24),
    }
    drawn: dict[str, list[Json]] = {}
    for point in series.points:
        if many and point.mark != "left_out":
            continue
        value = float(point.value)
        beyond = point.mark == "left_out" and value > high
        drawn.setdefault("beyond" if beyond else point.mark, []).append(
            {"moment": _at(point.moment), "value": high if beyond else value}
        )
    entries: list[LegendEntry] = []
    if many:
        days: dict[date, list[float]] = {}
        for point in entered:
            days.setdefault(point.moment.date(), []).append(float(point.value))
        spans = [
            {
                "moment": _at(datetime(day.year, day.month, day.day, 12)),  # noqa: DTZ001  # a wall clock
                "value": min(values),
                "most": max(values),
            }
            for day, values in sorted(days.items())
        ]
        layers.append(
            alt.Chart(_data(spans))
            .mark_rule(color=CHART_MARK, opacity=0.65, strokeWidth=1)
            .encode(x=x, y=y, y2="most:Q")
        )
        entries.append(LegendEntry(text("charts.mark_days"), "M0-1V1", "none", CHART_MARK, 130))
    for mark, sign in signs.items():
        if mark not in drawn:
            continue
        layers.append(
            alt.Chart(_data(drawn[mark]))
            .mark_point(
                shape=sign.shape,
                fill=sign.fill,
                stroke=sign.stroke,
                size=sign.size,
                opacity=1,
                strokeWidth=0.5 if mark == "detected" else 1.1,
            )
            .encode(x=x, y=y)
        )
        entries.append(LegendEntry(sign.label, sign.shape, sign.fill, sign.stroke, max(sign.size, 50)))
    if series.means:
        means = _month_marks(series.means)
        base = alt.Chart(_data(means)).encode(x=x, y=y)
        layers.append(base.mark_line(color=CHART_INK, strokeWidth=1.6))
        layers.append(
            base.mark_point(
                shape="diamond",
                fill=CHART_INK,
                stroke=CHART_PAPER,
                size=60 if len(series.means) <= MEANS_LARGE else 14,
                opacity=1,
                strokeWidth=1 if len(series.means) <= MEANS_LARGE else 0,
            )
        )
        halved = any(point.mark == "non_detect" for point in entered)
        label = text("charts.month_mean_halved" if halved else "charts.month_mean")
        entries.append(LegendEntry(label, "diamond", CHART_INK, CHART_INK, 60, line=True))
    return entries


def _month_marks(means: Sequence[MonthPoint]) -> list[Json]:
    """The means at the middles of their months; where months lack, a gap, so that no line bridges it."""
    marks: list[Json] = []
    before: int | None = None
    for one in sorted(means, key=lambda mean: (mean.year, mean.month)):
        count = one.year * 12 + one.month
        middle = _at(datetime(one.year, one.month, 15, 12))  # noqa: DTZ001  # a wall clock
        if before is not None and count > before + 1:
            marks.append({"moment": middle, "value": None})
        marks.append({"moment": middle, "value": float(one.value)})
        before = count
    return marks


# --- trophic state ---


@dataclass(frozen=True, slots=True)
class TrophicPoint:
    """TLI(Σ) of one period, drawn at its middle; None where an indicator is missing."""

    period: str
    middle: datetime
    tli: Decimal | None


@dataclass(frozen=True, slots=True)
class TrophicSeries:
    """The trophic index of one lake section over time."""

    section: str
    start: date
    end: date
    points: tuple[TrophicPoint, ...]
    source: tuple[str, ...]


def trophic_bands(words: Words) -> list[Band]:
    """The bands of the trophic states, from the poorest in nutrients upwards."""
    method = load_evaluation_method()
    colours = trophic_colours()
    bands = [
        Band(
            None,
            float(method.oligotrophic_below),
            colours["oligotrophic"],
            f"{words.text('charts.trophic_oligotrophic')} <{method.oligotrophic_below:f}",
        )
    ]
    low = float(method.oligotrophic_below)
    last = f"{method.oligotrophic_below:f}"
    for state, bound in method.trophic_states:
        name = words.text(f"charts.trophic_{state.value}")
        condition = f">{last}" if bound is None else f"≤{bound:f}"
        high = None if bound is None else float(bound)
        bands.append(Band(low, high, colours[state.value], f"{name} {condition}"))
        if bound is not None:
            low, last = float(bound), f"{bound:f}"
    return bands


def draw_trophic(series: TrophicSeries, words: Words) -> Picture:
    """Draw TLI(Σ) over time above the bands of the trophic states."""
    text = words.text
    title = text("charts.trophic_title", section=series.section)
    lines = [text("charts.span", start=series.start.isoformat(), end=series.end.isoformat())]
    found = [point for point in series.points if point.tli is not None]
    missing = len(series.points) - len(found)
    if missing:
        lines.append(text("charts.trophic_missing", count=missing))
    columns = [text("charts.col_period"), "TLI(Σ)"]
    rows = [[point.period, "" if point.tli is None else f"{point.tli:.2f}"] for point in series.points]
    if not found:
        return _compose(
            [_no_data(words)],
            title=title,
            lines=lines,
            source=series.source,
            words=words,
            columns=columns,
            rows=rows,
        )
    values = [float(point.tli) for point in found if point.tli is not None]
    low, high = min(20.0, min(values) - 5), max(75.0, max(values) + 5)
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
        axis=alt.Axis(title="TLI(Σ)", grid=False, tickCount=6),
    )
    x = _time_axis(series.start, series.end)
    data = [
        {"moment": _at(point.middle), "value": None if point.tli is None else float(point.tli)}
        for point in series.points
    ]
    base = alt.Chart(_data(data)).encode(x=x, y=y)
    layers = [
        *_band_layers(trophic_bands(words), low, high, PLOT_HEIGHT),
        base.mark_line(color=CHART_INK, strokeWidth=1.6),
        base.mark_point(shape="circle", fill=CHART_INK, stroke=CHART_PAPER, size=60, opacity=1),
    ]
    chart = _sized(_layered(*layers), width=WIDTH, height=PLOT_HEIGHT)
    entries = [LegendEntry(text("charts.trophic_index"), "circle", CHART_INK, CHART_INK, 60, line=True)]
    return _compose(
        [chart, _legend(entries)],
        title=title,
        lines=lines,
        source=series.source,
        words=words,
        columns=columns,
        rows=rows,
    )


# --- heat map ---


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One section and its class by period: 1 to 6, None undetermined; a period without data is absent."""

    name: str
    group: str
    classes: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Classes of sections by period. Rows stand in the order given; rows of one group stand together."""

    title: str
    periods: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    source: tuple[str, ...]


def class_legend(words: Words, *, absent: bool, undetermined: bool = True) -> list[LegendEntry]:
    """The classes in their colours, as text too."""
    entries = []
    for water_class, colour in class_colours():
        if water_class is None and not undetermined:
            continue
        label = (
            words.text("charts.undetermined")
            if water_class is None
            else words.text("charts.class", label=words.class_name(water_class))
        )
        entries.append(LegendEntry(label, "square", colour, colour))
    if absent:
        entries.append(LegendEntry(words.text("charts.absent"), "square", CHART_PAPER, CHART_GREY))
    return entries


def draw_heatmap(heat: HeatMap, words: Words) -> Picture:
    """Draw sections by period in the class colours, with the class as text where the cells have room.

    Up to 80 sections have a row with a name each. More become a wall: thin rows in panels side by side, named
    by their groups; equal classes in a row run together.
    """
    text = words.text
    columns = [text("charts.col_section"), *heat.periods]
    known = {key: words.class_name(key) for key in range(1, 7)}
    rows = [
        [
            row.name,
            *(
                "" if period not in row.classes else known.get(row.classes[period] or 0, "—")
                for period in heat.periods
            ),
        ]
        for row in heat.rows
    ]
    count = text("charts.sections_count", count=len(heat.rows))
    lines = [count] if heat.rows else []
    if not heat.rows or not heat.periods:
        return _compose(
            [_no_data(words)], title=heat.title, lines=lines, source=heat.source, words=words, columns=columns
        )
    absent = any(period not in row.classes for row in heat.rows for period in heat.periods)
    undetermined = any(value is None for row in heat.rows for value in row.classes.values())
    entries = class_legend(words, absent=absent, undetermined=undetermined)
    if len(heat.rows) <= GRID_ROWS_MOST:
        chart = _heat_grid(heat, words)
    else:
        chart = _heat_wall(heat)
        lines.append(text("charts.wall_note"))
    return _compose(
        [chart, _legend(entries)],
        title=heat.title,
        lines=lines,
        source=heat.source,
        words=words,
        columns=columns,
        rows=rows,
    )


def _class_fill(water_class: int | None) -> str:
    return dict(class_colours())[water_class]


def _heat_grid(heat: HeatMap, words: Words) -> alt.LayerChart:
    height = 22
    cells, labels = [], []
    width = min(WIDTH / len(heat.periods), CELL_MOST)
    whole = width * len(heat.periods)
    for place, row in enumerate(heat.rows):
        for column, period in enumerate(heat.periods):
            if period not in row.classes:
                continue
            water_class = row.classes[period]
            fill = _class_fill(water_class)
            left, top = column * width, place * height
            cells.append(
                {"x": left + 0.5, "x2": left + width - 0.5, "y": top + 0.5, "y2": top + height - 0.5}
                | {"fill": fill}
            )
            labels.append(
                {
                    "x": left + width / 2,
                    "y": top + height / 2,
                    "text": "—" if water_class is None else words.class_name(water_class),
                    "fill": ink_on(fill),
                }
            )
    tall = height * len(heat.rows)
    across, down = _pixels(height=tall, width=whole)
    names = [
        {"x": -8, "y": (place + 0.5) * height, "text": shorten(row.name, NAME_WIDTH, LABEL_SIZE)}
        for place, row in enumerate(heat.rows)
    ]
    lines = [
        {"x": column * width, "y": 0, "x2": column * width, "y2": tall}
        for column in range(len(heat.periods) + 1)
    ]
    lines += [
        {"x": 0, "y": place * height, "x2": whole, "y2": place * height}
        for place in range(len(heat.rows) + 1)
    ]
    layers = [
        alt.Chart(_data(lines))
        .mark_rule(color=CHART_GRID, strokeWidth=1)
        .encode(x=across, x2="x2:Q", y=down, y2="y2:Q"),
        _rectangles(cells, across, down),
        _labels(names, across, down, align="right"),
        _labels(_period_names(heat.periods, width), across, down, align="center"),
    ]
    size = next((size for size, room in CELL_TEXT if width >= room), None)
    if size is not None:
        layers.append(_labels(labels, across, down, align="center", size=size))
    return _sized(_layered(*layers), width=whole, height=tall)


def _period_names(periods: Sequence[str], width: float, left: float = 0) -> list[Json]:
    """Names of the periods above their columns; of many, as many as there is room for."""
    widest = max(text_width(period, SMALL_SIZE) for period in periods) + 10
    step = max(1, math.ceil(widest / width))
    return [
        {"x": left + (column + 0.5) * width, "y": -11, "text": period}
        for column, period in enumerate(periods)
        if column % step == 0
    ]


def _heat_wall(heat: HeatMap) -> alt.LayerChart:
    panels = math.ceil(len(heat.rows) / WALL_ROWS)
    per_panel = math.ceil(len(heat.rows) / panels)
    thick = 2 if panels > 1 else max(2, min(6, 900 // len(heat.rows)))
    whole = WIDTH if panels == 1 else WALL_PANEL * panels
    panel = whole / panels
    width = (panel - WALL_GUTTER) / len(heat.periods)
    runs: list[Json] = []
    names: list[Json] = []
    edges: list[Json] = []
    for place, row in enumerate(heat.rows):
        column, line = divmod(place, per_panel)
        left, top = column * panel + WALL_GUTTER, line * thick
        if line == 0 or heat.rows[place - 1].group != row.group:
            crowded = names and line and top - names[-1]["y"] < 12 and names[-1]["x"] == left - 8
            if not crowded:
                name = shorten(row.group, WALL_GUTTER - 16, SMALL_SIZE)
                names.append({"x": left - 8, "y": top, "text": name})
            if line:
                edges.append({"x": left - 6, "x2": (column + 1) * panel, "y": top})
        values = [row.classes.get(period, -1) for period in heat.periods]
        start = 0
        for end in range(1, len(values) + 1):
            if end < len(values) and values[end] == values[start]:
                continue
            if values[start] != -1:
                runs.append(
                    {"x": left + start * width, "x2": left + end * width, "y": top, "y2": top + thick}
                    | {"fill": _class_fill(values[start])}
                )
            start = end
    tall = per_panel * thick
    across, down = _pixels(height=tall, width=whole)
    headings = [
        heading
        for number in range(panels)
        for heading in _period_names(heat.periods, width, number * panel + WALL_GUTTER)
    ]
    frames = [
        {"x": number * panel + WALL_GUTTER, "x2": (number + 1) * panel, "y": 0, "y2": tall}
        | {"fill": CHART_PAPER}
        for number in range(panels)
    ]
    starts = [{**name, "y": name["y"] + 6} for name in names]
    chart = _layered(
        _rectangles(frames, across, down, stroke=CHART_GRID),
        _rectangles(runs, across, down),
        alt.Chart(_data(edges))
        .mark_rule(color=CHART_INK, strokeWidth=0.8)
        .encode(x=across, x2="x2:Q", y=down),
        _labels(starts, across, down, align="right", size=SMALL_SIZE),
        _labels(headings, across, down, align="center", size=SMALL_SIZE),
    )
    return _sized(chart, width=whole, height=tall)


# --- shares ---


@dataclass(frozen=True, slots=True)
class ShareBar:
    """Sections of one group by class: keys ``1`` to ``6`` and ``none``."""

    name: str
    counts: Mapping[str, int]

    @property
    def determined(self) -> int:
        """Sections with a class."""
        return sum(count for key, count in self.counts.items() if key != "none")


def draw_shares(
    bars: Sequence[ShareBar], words: Words, *, title: str, source: Sequence[str], most: int = BARS_MOST
) -> Picture:
    """Draw the classes of each group as parts of a bar: per cent of its determined sections.

    The counts stand at the right, with the undetermined ones apart. More than `most` bars are cut, and the
    picture says so.
    """
    text = words.text
    colours = dict(class_colours())
    shown = bars[:most]
    lines = [text("charts.shares_of_determined")]
    if len(bars) > len(shown):
        lines.append(text("charts.bars_cut", shown=len(shown), total=len(bars)))
    columns = [text("charts.col_group"), *(words.class_name(key) for key in range(1, 7))]
    columns.append(text("charts.undetermined"))
    rows = [
        [bar.name, *(str(bar.counts.get(str(key), 0)) for key in range(1, 7)), str(bar.counts.get("none", 0))]
        for bar in bars
    ]
    if not shown:
        return _compose([_no_data(words)], title=title, lines=lines[:0], source=source, words=words)
    step, thick = 34, 22
    parts: list[Json] = []
    labels: list[Json] = []
    names: list[Json] = []
    totals: list[Json] = []
    for place, bar in enumerate(shown):
        top = place * step + (step - thick) / 2
        names.append({"x": -8, "y": top + thick / 2, "text": shorten(bar.name, NAME_WIDTH, LABEL_SIZE)})
        undetermined = bar.counts.get("none", 0)
        said = text("charts.bar_total", determined=bar.determined)
        if undetermined:
            said = text("charts.bar_total_open", determined=bar.determined, undetermined=undetermined)
        totals.append({"x": WIDTH + 8, "y": top + thick / 2, "text": said})
        before = 0
        for water_class in range(1, 7):
            count = bar.counts.get(str(water_class), 0)
            if not count:
                continue
            left, right = WIDTH * before / bar.determined, WIDTH * (before + count) / bar.determined
            before += count
            fill = colours[water_class]
            parts.append({"x": left, "x2": right, "y": top, "y2": top + thick, "fill": fill})
            share = f"{round_fraction(Fraction(100 * count, bar.determined), 1):f}%"
            full = f"{words.class_name(water_class)} {share}"
            label = next(
                (
                    one
                    for one in (full, share, words.class_name(water_class))
                    if text_width(one, SMALL_SIZE) + 6 <= right - left
                ),
                None,
            )
            if label is not None:
                labels.append(
                    {"x": (left + right) / 2, "y": top + thick / 2, "text": label, "fill": ink_on(fill)}
                )
        if not bar.determined:
            parts.append(
                {"x": 0, "x2": WIDTH, "y": top, "y2": top + thick, "fill": UNDETERMINED_CLASS_COLOUR}
            )
            labels.append(
                {
                    "x": WIDTH / 2,
                    "y": top + thick / 2,
                    "text": text("charts.undetermined"),
                    "fill": ink_on(UNDETERMINED_CLASS_COLOUR),
                }
            )
    tall = step * len(shown)
    chart = _bar_chart(parts, labels, names, totals, tall)
    entries = class_legend(words, absent=False, undetermined=any(not bar.determined for bar in shown))
    return _compose(
        [chart, _legend(entries)],
        title=title,
        lines=lines,
        source=source,
        words=words,
        columns=columns,
        rows=rows,
    )


def _bar_chart(
    parts: Sequence[Json],
    labels: Sequence[Json],
    names: Sequence[Json],
    totals: Sequence[Json],
    tall: float,
) -> alt.LayerChart:
    """Horizontal bars with names at the left, words inside, and more words at the right."""
    across, down = _pixels(height=tall)
    chart = _layered(
        _rectangles(parts, across, down, stroke=CHART_PAPER),
        _labels(labels, across, down, align="center", size=SMALL_SIZE),
        _labels(names, across, down, align="right"),
        _labels(totals, across, down, align="left"),
    )
    return _sized(chart, width=WIDTH, height=tall)


# --- ranking ---


@dataclass(frozen=True, slots=True)
class RankBar:
    """One place of a ranking: its number, as drawn and as written, and the class that colours it.

    A `plain` bar is of nothing that has a class, as an index of a city: it has one colour and no class.
    `rank` is its place where equal numbers share one; None counts on.
    """

    name: str
    value: Fraction | Decimal
    shown: str
    water_class: int | None
    plain: bool = False
    rank: int | None = None


def draw_ranking(
    bars: Sequence[RankBar],
    words: Words,
    *,
    title: str,
    quantity: str,
    source: Sequence[str],
    most: int = 20,
    lines: Sequence[str] = (),
) -> Picture:
    """Draw the first places of a ranking as bars in the class colours, in the order given.

    Raises
    ------
    ChartError
        If a number is negative: a bar has no length below nothing.
    """
    if any(bar.value < 0 for bar in bars):
        raise ChartError("ranking", "negative_value")
    text = words.text
    shown = bars[:most]
    said = list(lines)
    if len(bars) > len(shown):
        said.append(text("charts.bars_cut", shown=len(shown), total=len(bars)))
    classed = any(not bar.plain for bar in bars)
    columns = [text("charts.col_place"), text("charts.col_name"), quantity]
    rows = [[str(bar.rank or place), bar.name, bar.shown] for place, bar in enumerate(bars, 1)]
    if classed:
        columns.append(text("charts.col_class"))
        for row, bar in zip(rows, bars, strict=True):
            row.append("—" if bar.water_class is None else words.class_name(bar.water_class))
    if not shown:
        return _compose([_no_data(words)], title=title, lines=said, source=source, words=words)
    step, thick = 28, 18
    longest = max((float(bar.value) for bar in shown), default=0.0) or 1.0
    room = WIDTH - 130
    parts, names, totals = [], [], []
    for place, bar in enumerate(shown):
        top = place * step + (step - thick) / 2
        right = max(room * float(bar.value) / longest, 1.0)
        fill = CHART_BAR if bar.plain else _class_fill(bar.water_class)
        parts.append({"x": 0, "x2": right, "y": top, "y2": top + thick, "fill": fill})
        value = bar.shown
        if bar.water_class is not None:
            value = f"{bar.shown}  {words.class_name(bar.water_class)}"
        totals.append({"x": right + 6, "y": top + thick / 2, "text": value})
        name = f"{bar.rank or place + 1}. {bar.name}"
        names.append({"x": -8, "y": top + thick / 2, "text": shorten(name, NAME_WIDTH, LABEL_SIZE)})
    chart = _bar_chart(parts, [], names, totals, step * len(shown))
    used = {bar.water_class for bar in shown if not bar.plain}
    entries = [
        LegendEntry(
            text("charts.undetermined") if key is None else text("charts.class", label=words.class_name(key)),
            "square",
            colour,
            colour,
        )
        for key, colour in class_colours()
        if key in used
    ]
    return _compose(
        [chart, _legend(entries)] if entries else [chart],
        title=title,
        lines=[quantity, *said],
        source=source,
        words=words,
        columns=columns,
        rows=rows,
    )
