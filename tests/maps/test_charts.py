"""What the charts say: bands are the law's, non-detects are hollow, what was left out is grey."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maps.charts import (
    WIDTH,
    RankBar,
    SeriesPoint,
    ShareBar,
    _spread,
    class_bands,
    draw_heatmap,
    draw_ranking,
    draw_series,
    draw_shares,
    trophic_bands,
)
from maps.errors import ChartError
from maps.palette import CHART_MARK, CHART_PAPER, CHART_QUIET, class_colours, trophic_colours
from maps.rendering import Picture
from spatial.standards import Direction, load_standard
from spatial.trophic import trophic_state
from tests.maps.chart_samples import SHARES, SOURCE, heat, pictures, series, words

COLOURS = dict(class_colours())
LIMITS = [
    limit
    for water in ("river", "lake")
    for limit in load_standard().limits_for(water).values()
    if limit.direction is not Direction.CHANGE
]


def layers(picture: Picture) -> list[dict[str, Any]]:
    """Every layer of the parts of a picture, with its rows."""
    return [
        {**layer, "rows": (layer.get("data") or part["data"])["values"]}
        for part in picture.document["vconcat"]
        for layer in part["layer"]
    ]


def rows(layer: dict[str, Any]) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = layer["rows"]
    return values


def texts(picture: Picture) -> list[str]:
    found = [str(row["text"]) for layer in layers(picture) for row in rows(layer) if "text" in row]
    for layer in layers(picture):
        value = layer["encoding"].get("text", {}).get("value")
        if value is not None:
            found.append(str(value))
    return found


def marks(picture: Picture, shape: str) -> list[dict[str, Any]]:
    """Layers of point marks of one shape that stand on the axes of the picture."""
    return [
        layer
        for layer in layers(picture)
        if isinstance(layer["mark"], dict)
        and layer["mark"].get("shape") == shape
        and "field" in layer["encoding"]["x"]
        and layer["encoding"]["x"]["field"] == "moment"
    ]


@given(limit=st.sampled_from(LIMITS), value=st.decimals(0, 50, places=4))
def test_the_band_behind_a_number_has_the_colour_of_its_class(limit: Any, value: Decimal) -> None:
    bands = class_bands(limit, words("zh"))
    closed_above = limit.direction is not Direction.AT_LEAST
    for band in bands:
        above = band.low is None or (
            value > Decimal(str(band.low)) if closed_above else value >= Decimal(str(band.low))
        )
        below = band.high is None or (
            value <= Decimal(str(band.high)) if closed_above else value < Decimal(str(band.high))
        )
        if limit.direction is Direction.WITHIN and band.low is not None and value == Decimal(str(band.low)):
            above = band.colour == COLOURS[1]
        if above and below:
            expected = COLOURS[limit.grade(value)]
            assert band.colour == expected
            return
    pytest.fail(f"no band holds {value}")


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.parameter)
def test_bands_follow_each_other_without_gaps(limit: Any) -> None:
    bands = class_bands(limit, words("zh"))
    assert bands[0].low is None
    assert bands[-1].high is None
    for lower, upper in pairwise(bands):
        assert lower.high == upper.low


def test_every_class_band_names_its_limit() -> None:
    limit = load_standard().river["tp"]
    assert [band.label for band in class_bands(limit, words("zh"), 2)] == [
        "Ⅰ ≤0.02",
        "Ⅱ ≤0.1　目标",
        "Ⅲ ≤0.2",
        "Ⅳ ≤0.3",
        "Ⅴ ≤0.4",
        "劣Ⅴ >0.4",
    ]
    assert class_bands(limit, words("en"))[-1].label == ">Ⅴ >0.4"


def test_a_target_whose_limit_is_that_of_a_better_class_is_named_there() -> None:
    labels = [band.label for band in class_bands(load_standard().river["cod_cr"], words("zh"), 2)]
    assert labels[0] == "Ⅰ ≤15（目标Ⅱ同限）"
    assert not any(label.startswith("Ⅱ ") for label in labels)


@given(st.decimals(0, 100, places=2))
def test_the_band_behind_a_trophic_index_has_the_colour_of_its_state(tli: Decimal) -> None:
    state = trophic_state(tli)
    for band in trophic_bands(words("zh")):
        least = Decimal(str(band.low)) if band.low is not None else None
        most = Decimal(str(band.high)) if band.high is not None else None
        # 30 is mesotrophic; every upper bound above belongs to its state.
        inside = (least is None or tli > least or (tli == least == 30)) and (
            most is None or (tli <= most and not (most == tli == 30))
        )
        if inside:
            assert band.colour == trophic_colours()[state.value]
            return
    pytest.fail(f"no band holds {tli}")


def test_what_was_not_detected_is_hollow_and_stands_at_its_detection_limit() -> None:
    one = series()
    picture = draw_series(one, words("zh"))
    (layer,) = marks(picture, "triangle-down")
    assert (layer["mark"]["fill"], layer["mark"]["stroke"]) == (CHART_PAPER, CHART_MARK)
    expected = [float(point.value) for point in one.points if point.mark == "non_detect"]
    assert [row["value"] for row in rows(layer)] == expected


def test_what_entered_no_mean_is_grey_and_does_not_stretch_the_axis() -> None:
    one = series()
    picture = draw_series(one, words("zh"))
    (beyond,) = marks(picture, "triangle-up")
    assert beyond["mark"]["stroke"] == CHART_QUIET
    top = beyond["encoding"]["y"]["scale"]["domain"][1]
    # The limit next above the greatest reading that entered (0.14) is 0.2, and a tenth of room.
    assert top == pytest.approx(0.22)
    assert {row["value"] for row in rows(beyond)} == {top}
    assert "未参与评价，超出图幅" in texts(picture)


def test_a_month_without_a_mean_is_a_gap_in_the_line() -> None:
    one = series()
    means = tuple(mean for mean in one.means if mean.month != 6)
    picture = draw_series(dataclasses.replace(one, means=means), words("zh"))
    (line,) = [
        layer
        for layer in layers(picture)
        if isinstance(layer["mark"], dict) and layer["mark"]["type"] == "line"
    ]
    values = [row["value"] for row in rows(line)]
    assert len(values) == 12
    assert values[5] is None


def test_the_legend_names_only_what_is_there() -> None:
    one = series()
    detected = tuple(point for point in one.points if point.mark == "detected")
    said = texts(draw_series(dataclasses.replace(one, points=detected, means=()), words("zh")))
    assert "监测值" in said
    assert not any("未检出" in text or "未参与" in text or "月均值" in text for text in said)


def test_thousands_of_readings_become_days() -> None:
    picture = pictures("zh")["series_many"]
    assert "每日最小至最大" in texts(picture)
    assert not marks(picture, "circle")
    spans = [
        layer
        for layer in layers(picture)
        if isinstance(layer["mark"], dict) and layer["encoding"].get("y2", {}).get("field") == "most"
    ]
    days = {point.moment.date() for point in series(count=6000).points if point.mark != "left_out"}
    assert len(rows(spans[0])) == len(days)
    assert all(row["value"] <= row["most"] for row in rows(spans[0]))


def test_the_target_s_limit_is_a_dashed_line() -> None:
    (line,) = [
        layer
        for layer in layers(draw_series(series(target=3), words("zh")))
        if isinstance(layer["mark"], dict) and layer["mark"].get("strokeDash")
    ]
    assert [row["low"] for row in rows(line)] == [0.2]


def test_a_chart_of_nothing_says_so() -> None:
    for name in ("series_empty", "trophic_empty", "heat_empty", "shares_empty", "ranking_empty"):
        assert "没有可绘制的数据" in texts(pictures("zh")[name]), name
        assert "nothing to draw" in texts(pictures("en")[name]), name


def test_times_stand_at_the_wall_clock_of_beijing() -> None:
    one = series(start=date(2023, 12, 1), end=date(2023, 12, 2))
    late = dataclasses.replace(one.points[0], moment=one.points[0].moment.replace(hour=23, minute=30))
    picture = draw_series(dataclasses.replace(one, points=(late,)), words("zh"))
    (layer,) = marks(picture, "circle")
    assert rows(layer)[0]["moment"] == "2023-12-01T23:30:00Z"
    assert layer["encoding"]["x"]["scale"]["type"] == "utc"


def test_cells_of_a_heat_map_say_their_class() -> None:
    picture = pictures("zh")["heat"]
    said = texts(picture)
    assert {"Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ", "—"} <= set(said)
    assert picture.columns[0] == "断面"
    assert len(picture.rows) == 24


def test_a_period_without_data_is_not_an_undetermined_one() -> None:
    chart = heat(1, ("2023-01", "2023-02", "2023-03"))
    row = dataclasses.replace(chart.rows[0], classes={"2023-01": 2, "2023-02": None})
    picture = draw_heatmap(dataclasses.replace(chart, rows=(row,)), words("zh"))
    assert list(picture.rows[0][1:]) == ["Ⅱ", "—", ""]
    assert {"无法判定", "无数据"} <= set(texts(picture))


def test_the_nation_s_sections_all_stand_on_the_wall() -> None:
    chart = heat(3641)
    picture = draw_heatmap(chart, words("zh"))
    runs = max(layers(picture), key=lambda layer: len(rows(layer)))
    cells = 0.0
    panel = 200.0
    width = (panel - 86) / 12
    for row in rows(runs):
        cells += round((row["x2"] - row["x"]) / width)
    assert cells == sum(len(row.classes) for row in chart.rows)
    assert "3641 个断面" in str(picture.document["title"]["subtitle"])


def test_parts_of_a_bar_add_up_to_the_whole_bar() -> None:
    picture = draw_shares(SHARES[:1], words("zh"), title="t", source=SOURCE)
    parts = next(layer for layer in layers(picture) if rows(layer) and "x2" in rows(layer)[0])
    found = rows(parts)
    assert found[0]["x"] == 0
    assert found[-1]["x2"] == pytest.approx(WIDTH)
    for left, right in pairwise(found):
        assert left["x2"] == pytest.approx(right["x"])
    # 60 of 107 determined sections; the two undetermined ones are apart.
    assert "Ⅱ 56.1%" in texts(picture)
    assert "107 个断面，另 2 个无法判定" in texts(picture)


def test_a_group_without_determined_sections_has_no_shares() -> None:
    picture = draw_shares([ShareBar("甲", {"none": 5})], words("zh"), title="t", source=SOURCE)
    assert "0 个断面，另 5 个无法判定" in texts(picture)
    assert not any("%" in text for text in texts(picture))


def test_a_cut_picture_says_how_many_there_are() -> None:
    assert "仅列前 60 个，共 90 个" in str(pictures("zh")["shares_cut"].document["title"]["subtitle"])
    assert "仅列前 20 个，共 30 个" in str(pictures("zh")["ranking"].document["title"]["subtitle"])
    assert len(pictures("zh")["ranking"].rows) == 30  # the table below a page holds all


def test_a_bar_has_no_length_below_nothing() -> None:
    bars = [RankBar("S1", Decimal(-1), "-1", 3)]
    with pytest.raises(ChartError):
        draw_ranking(bars, words("zh"), title="t", quantity="q", source=SOURCE)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=6).map(sorted))
def test_labels_of_thin_bands_are_spread_apart_inside_the_plot(middles: list[float]) -> None:
    placed = _spread(middles, 17, 300)
    assert all(8.5 - 1e-9 <= place <= 300 - 8.5 + 1e-9 for place in placed)
    assert all(after - before >= 17 - 1e-9 for before, after in pairwise(placed))


def test_one_point_without_a_mean_can_be_drawn() -> None:
    one = series()
    picture = draw_series(
        dataclasses.replace(
            one, points=(SeriesPoint(one.points[0].moment, Decimal(0), "detected"),), means=()
        ),
        words("zh"),
    )
    (layer,) = marks(picture, "circle")
    assert [row["value"] for row in rows(layer)] == [0.0]
