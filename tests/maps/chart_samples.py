"""Made-up pictures of every kind, the awkward ones too: long names, one point, nothing, very many."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache

from api.catalogue import Catalogue, Language
from maps.charts import (
    HeatMap,
    HeatRow,
    MonthPoint,
    RankBar,
    Series,
    SeriesPoint,
    ShareBar,
    TrophicPoint,
    TrophicSeries,
    Words,
    draw_heatmap,
    draw_ranking,
    draw_series,
    draw_shares,
    draw_trophic,
)
from maps.rendering import Picture
from spatial.parameters import find_parameter
from spatial.standards import load_standard

LONG = "恩施土家族苗族自治州利川市清江上游某某大桥断面"
MONTHS = tuple(f"2023-{month:02d}" for month in range(1, 13))
SOURCE = ("数据：readings_monthly.csv（上传 #6）", "方法：环办〔2011〕22号《地表水环境质量评价办法（试行）》")


def words(language: str) -> Words:
    chosen = Language.CHINESE if language == "zh" else Language.ENGLISH
    return Words(Catalogue(chosen).text, chosen.value)


def series(
    code: str = "tp",
    *,
    count: int = 48,
    base: str = "0.1",
    target: int | None = 2,
    water: str = "river",
    start: date = date(2023, 1, 1),
    end: date = date(2023, 12, 31),
    section: str = "S1 南津关断面 · 长江",
) -> Series:
    """Readings that go up and down; every seventh is below its detection limit, every eleventh left out."""
    points = []
    days = (end - start).days
    for place in range(count):
        moment = datetime.combine(start, time()) + timedelta(days=days * (place + 0.5) / count)
        value = Decimal(base) * (10 + place % 5) / 10
        mark = "detected"
        if place % 7 == 3:
            mark, value = "non_detect", Decimal(base) / 4
        if place % 11 == 5:
            mark, value = "left_out", value * 8
        points.append(SeriesPoint(moment, value, mark))  # type: ignore[arg-type]
    months: dict[tuple[int, int], list[Fraction]] = {}
    for point in points:
        if point.mark != "left_out":
            amount = Fraction(point.value) / (2 if point.mark == "non_detect" else 1)
            months.setdefault((point.moment.year, point.moment.month), []).append(amount)
    return Series(
        section=section,
        parameter=find_parameter(code),
        limit=load_standard().limits_for(water).get(code),
        target_class=target,
        start=start,
        end=end,
        points=tuple(points),
        means=tuple(
            MonthPoint(year, month, sum(amounts, Fraction(0)) / len(amounts))
            for (year, month), amounts in sorted(months.items())
        ),
        source=SOURCE,
    )


def heat(count: int, periods: tuple[str, ...] = MONTHS) -> HeatMap:
    """So many sections in eleven groups; classes in turn, some undetermined, some without data."""
    rows = []
    for place in range(count):
        classes = {
            period: None if (place + column) % 17 == 0 else (place * 7 + column * 3) % 6 + 1
            for column, period in enumerate(periods)
            if (place * 5 + column) % 23
        }
        name = f"S{place} {LONG}" if place % 5 == 0 else f"S{place} 某河断面"
        rows.append(HeatRow(name, f"第{place * 11 // count}省级行政区", classes))
    return HeatMap("断面水质类别", periods, tuple(rows), SOURCE)


SHARES = (
    ShareBar("湖北省", {"1": 12, "2": 60, "3": 30, "4": 3, "5": 1, "6": 1, "none": 2}),
    ShareBar(LONG, {"1": 1, "2": 0, "3": 0, "4": 0, "5": 0, "6": 0, "none": 0}),
    ShareBar("未评价片区", {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0, "6": 0, "none": 5}),
)

RANKING = tuple(
    RankBar(
        f"S{place} {LONG if place % 4 == 0 else '某河断面'}", Decimal(40 - place) / 100, f"0.{40 - place}", 4
    )
    for place in range(30)
)

TROPHIC = TrophicSeries(
    section="S9 岳阳楼断面 · 洞庭湖",
    start=date(2023, 1, 1),
    end=date(2023, 12, 31),
    points=tuple(
        TrophicPoint(
            f"2023-{month:02d}",
            datetime.combine(date(2023, month, 15), time()),
            None if month == 4 else Decimal(f"{44 + month}.25"),
        )
        for month in range(1, 13)
    ),
    source=SOURCE,
)


@cache
def pictures(language: str) -> dict[str, Picture]:
    """Every kind of picture by name."""
    said = words(language)
    one = series()
    return {
        "series": draw_series(one, said),
        "series_lake": draw_series(series(water="lake", base="0.03", target=3), said),
        "series_oxygen": draw_series(series("do", base="5", target=3), said),
        "series_ph": draw_series(series("ph", base="6.5", target=3), said),
        "series_shared_limits": draw_series(series("cod_cr", base="12"), said),
        "series_without_limits": draw_series(series("water_temp", base="12"), said),
        "series_large_numbers": draw_series(series("fecal_coliform", base="1200", target=None), said),
        "series_small_numbers": draw_series(series("hg", base="0.00004"), said),
        "series_month": draw_series(
            series("nh3_n", base="1.4", start=date(2023, 12, 1), end=date(2023, 12, 20)), said
        ),
        "series_years": draw_series(series(count=600, start=date(2014, 1, 1)), said),
        "series_many": draw_series(series(count=6000, section=f"S2 {LONG * 3}"), said),
        "series_one": draw_series(dataclasses.replace(one, points=one.points[:1], means=()), said),
        "series_left_out_only": draw_series(dataclasses.replace(one, points=one.points[5:6], means=()), said),
        "series_empty": draw_series(dataclasses.replace(one, points=(), means=()), said),
        "trophic": draw_trophic(TROPHIC, said),
        "trophic_empty": draw_trophic(dataclasses.replace(TROPHIC, points=TROPHIC.points[3:4]), said),
        "heat": draw_heatmap(heat(24), said),
        "heat_three_years": draw_heatmap(
            heat(8, tuple(f"{year}-{month:02d}" for year in (2021, 2022, 2023) for month in range(1, 13))),
            said,
        ),
        "heat_one": draw_heatmap(heat(1, ("2023",)), said),
        "heat_wall": draw_heatmap(heat(150), said),
        "heat_nation": draw_heatmap(heat(3641), said),
        "heat_empty": draw_heatmap(heat(0), said),
        "shares": draw_shares(SHARES, said, title="各省水质类别比例", source=SOURCE),
        "shares_cut": draw_shares(SHARES * 30, said, title="各省水质类别比例", source=SOURCE),
        "shares_empty": draw_shares((), said, title="各省水质类别比例", source=SOURCE),
        "ranking": draw_ranking(
            RANKING, said, title="总磷均值由高到低", quantity="总磷 (mg/L)", source=SOURCE
        ),
        "ranking_empty": draw_ranking((), said, title="总磷", quantity="总磷 (mg/L)", source=SOURCE),
    }


@cache
def names() -> tuple[str, ...]:
    """The names of all the pictures."""
    return tuple(pictures("zh"))
