"""A small invented stretch of river with everything on it that a map can show."""

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon

from maps.layers import MapLayers

MESSAGES = Path(__file__).parents[2] / "api" / "messages"

REASONS = {
    "new_in_zone": {
        "zh": "{action_on} 新建，距岸线 {distance_m} 米，在 {within_m} 米管控范围内",
        "en": "Built on {action_on}, {distance_m} m from the shoreline, inside the zone of {within_m} m",
    },
    "position_uncertain": {
        "zh": "距离 {distance_m} 米与限值 {within_m} 米之差小于定位误差 {margin_m} 米",
        "en": "The distance of {distance_m} m lies nearer to the limit of {within_m} m than {margin_m} m",
    },
    "treated": {"zh": "已于 {treated_on} 完成治理", "en": "Treated on {treated_on}"},
    "not_treated": {"zh": "期限已过，尚未完成治理", "en": "The deadline has passed without treatment"},
}

RULES = {
    "YPL-26-3-mainstem": ("yangtze_protection_law", "第二十六条第三款", "禁止在长江干流岸线三公里范围内……"),
    "YPL-26-2-chemical": ("yangtze_protection_law", "第二十六条第二款", "禁止在长江干支流岸线一公里范围内……"),
    "CN-14-1": ("national_plan", "（十四）", "2023年年底前完成尾矿库治理"),
}


def entries(namespace: str) -> dict[str, dict[str, str]]:
    """One file of the message catalogue."""
    return tomllib.loads((MESSAGES / f"{namespace}.toml").read_text(encoding="utf-8"))


def catalogue(language: str) -> Callable[..., str]:
    """The words of the maps in one language (``zh`` or ``en``), and invented reasons."""
    words = {"maps": entries("maps"), "states": entries("states"), "reasons": REASONS}

    def text(key: str, /, **params: Any) -> str:
        namespace, name = key.split(".", 1)
        return words[namespace][name][language].format_map(params)

    return text


def finding(
    rule_id: str, verdict: str, state: str, reason: str, *, deadline: str | None = None, **params: Any
) -> dict[str, Any]:
    """A finding document as the rules give it."""
    document, clause, quote = RULES[rule_id]
    measured = {}
    if "distance_m" in params:
        measured = {"distance_m": params["distance_m"], "rank": params.pop("rank", "mainstem")}
        measured |= {"water_body_code": "W1"}
        if "point" in params:
            lon, lat = params.pop("point")
            measured["nearest_point"] = {"lon": lon, "lat": lat}
    return {
        "rule_id": rule_id,
        "clause": clause,
        "verdict": verdict,
        "state": state,
        "measured": measured,
        "limit": {"rank": measured["rank"], "within_m": params["within_m"]} if measured else {},
        "deadline": deadline,
        "as_of": "2024-01-01",
        "evidence": {
            "reason": {"code": reason, "params": params},
            "rule": {"id": rule_id, "document": document, "clause": clause, "quote": quote},
        },
    }


def frame(rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=4490)


MAINSTEM = LineString([(111.20, 30.75), (111.32, 30.66), (111.45, 30.55), (111.60, 30.42), (111.85, 30.33)])
TRIBUTARY = LineString([(111.05, 30.42), (111.20, 30.40), (111.35, 30.38), (111.50, 30.40), (111.60, 30.42)])
LAKE = Polygon([(111.74, 30.52), (111.86, 30.54), (111.88, 30.47), (111.79, 30.43), (111.72, 30.47)])


def shorelines() -> gpd.GeoDataFrame:
    return frame(
        [
            {
                "water_body_code": code,
                "name": name,
                "rank": rank,
                "kind": kind,
                "geometry": geometry,
            }
            for code, name, rank, kind, geometry in [
                ("W1", "长江", "mainstem", "management_boundary", MAINSTEM),
                ("W2", "清江", "important_tributary", "imagery", TRIBUTARY),
                ("W3", "沙湖", "lake", "waterside_line", LAKE),
            ]
        ]
    )


def strip(line: Any, width_m: float) -> MultiPolygon:
    """A strip that is right to a few per cent: good enough for a picture."""
    shrink = np.array([0.861, 1.0])
    flat = shapely.transform(line, lambda places: places * shrink).buffer(width_m / 110_900)
    return MultiPolygon([shapely.transform(flat, lambda places: places / shrink)])


def zones() -> gpd.GeoDataFrame:
    return frame(
        [
            {"rank": rank, "width_m": width, "geometry": strip(line, width)}
            for rank, line in [("mainstem", MAINSTEM), ("important_tributary", TRIBUTARY), ("lake", LAKE)]
            for width in (1000, 3000)
            if width == 1000 or rank == "mainstem"
        ]
    )


def facility(kind: str, code: str, name: str, geometry: Any, **columns: Any) -> dict[str, Any]:
    """One row of the facility frame; distances as ``measure_distances`` names them."""
    row = {
        "kind": kind,
        "code": code,
        "name": name,
        "region_code": "420500",
        "verdict": None,
        "findings": [],
        "mainstem_distance_m": float("nan"),
        "mainstem_lon": float("nan"),
        "mainstem_lat": float("nan"),
        "mainstem_water_body_code": None,
        "mainstem_shoreline_kind": None,
        "geometry": geometry,
    }
    return row | columns


def near_mainstem(distance_m: float, lon: float, lat: float) -> dict[str, Any]:
    return {
        "mainstem_distance_m": distance_m,
        "mainstem_lon": lon,
        "mainstem_lat": lat,
        "mainstem_water_body_code": "W1",
        "mainstem_shoreline_kind": "management_boundary",
    }


POND_AREA = Polygon([(111.469, 30.564), (111.480, 30.570), (111.484, 30.562), (111.475, 30.557)])


def facilities() -> gpd.GeoDataFrame:
    violation = finding(
        "YPL-26-3-mainstem",
        "violation",
        "open",
        "new_in_zone",
        distance_m=2245.71,
        within_m=3000,
        action_on="2022-05-01",
        point=(111.458357, 30.542758),
    )
    overdue = finding(
        "CN-14-1",
        "violation",
        "overdue",
        "not_treated",
        deadline="2023-12-31",
        distance_m=2245.71,
        within_m=3000,
    )
    uncertain = finding(
        "YPL-26-2-chemical",
        "undetermined",
        "open",
        "position_uncertain",
        distance_m=1012.4,
        within_m=1000,
        margin_m=50,
        point=(111.341141, 30.642112),
    )
    treated = finding(
        "CN-14-1", "compliant", "resolved", "treated", deadline="2023-12-31", treated_on="2022-11-30"
    )
    return frame(
        [
            facility(
                "tailings_pond",
                "TP-1",
                "石板沟尾矿库",
                POND_AREA,
                verdict="violation",
                findings=[overdue, violation],
                **near_mainstem(2245.71, 111.458357, 30.542758),
            ),
            facility(
                "chemical_site",
                "CS-1",
                "猇亭化工园",
                Point(111.348558, 30.648613),
                verdict="undetermined",
                findings=[uncertain],
                **near_mainstem(1012.4, 111.341141, 30.642112),
            ),
            facility(
                "tailings_pond",
                "TP-2",
                "金家坪尾矿库",
                Point(111.60, 30.445),
                verdict="compliant",
                findings=[treated],
                **near_mainstem(1959.58, 111.585485, 30.432579),
            ),
            facility("outfall", "OF-1", "临江溪排污口", Point(111.37, 30.622)),
            facility("outfall", "OF-2", "沿江大道排污口", Point(111.30, 30.68)),
            facility("water_source", "WS-1", "官庄水库水源地", Point(111.42, 30.72)),
            facility("outfall", "OF-3", "未定位排污口", None),
        ]
    )


def section(
    code: str, name: str, water_class: int | None, lon: float, lat: float, **columns: Any
) -> dict[str, Any]:
    labels = {1: "Ⅰ", 2: "Ⅱ", 3: "Ⅲ", 4: "Ⅳ", 5: "Ⅴ", 6: "劣Ⅴ"}
    row = {
        "code": code,
        "name": name,
        "river": "长江",
        "water_class": water_class,
        "class_label": None if water_class is None else labels[water_class],
        "target_class": 2,
        "period": "2023",
        "verdict": "undetermined"
        if water_class is None
        else "compliant"
        if water_class <= 2
        else "violation",
        "main_pollutants": [],
        "geometry": Point(lon, lat),
    }
    return row | columns


def sections() -> gpd.GeoDataFrame:
    return frame(
        [
            section("S1", "南津关", 1, 111.25, 30.71),
            section("S2", "云池", 2, 111.44, 30.56),
            section("S3", "枝城", 3, 111.53, 30.48),
            section("S4", "清江口", 4, 111.45, 30.39, main_pollutants=[{"code": "tp", "multiple": 0.35}]),
            section("S5", "砖瓦厂", 5, 111.15, 30.41, main_pollutants=["cod_mn", "nh3_n"], verdict=None),
            section("S6", "沙湖心", 6, 111.80, 30.49, river="沙湖"),
            section("S7", "松滋", None, 111.75, 30.37),
        ]
    )


def rivers() -> gpd.GeoDataFrame:
    line = LineString([(111.46, 30.80), (111.47, 30.70), (111.44, 30.62), (111.45, 30.55)])
    return frame([{"name": "黄柏河", "geometry": line}])


def map_layers() -> MapLayers:
    """Every layer, verdict, class and facility kind at least once."""
    return MapLayers(
        as_of=date(2024, 1, 1),
        shorelines=shorelines(),
        zones=zones(),
        facilities=facilities(),
        sections=sections(),
        rivers=rivers(),
        title="宜昌—荆州段岸线管控与断面水质",
        sources=("示例数据", "清江演示"),
    )
