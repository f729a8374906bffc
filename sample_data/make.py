"""Write the sample data set: `python sample_data/make.py` rewrites every file of this folder that it names.

Everything is made up (see README.md). The script is seeded and reads nothing but its neighbours: running it
twice gives the same bytes. `--out DIRECTORY` writes elsewhere, `--check` compares instead of writing.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from geography import (
    GEOD,
    RIVERS,
    LonLat,
    Placed,
    edge_azimuth,
    inland,
    nearest_town,
    outline_behind,
    outline_distance_m,
    place_facility,
    rings,
    river_lines,
    rounded,
    shorelines,
    town_areas,
)
from scenarios import (
    COMPLIANT,
    FOUR_RIVERS,
    STATE_OF_VERDICT,
    UNDETERMINED,
    VIOLATION,
    Facility,
    Section,
    scenarios,
)
from shapely.geometry import LineString, Point, mapping
from shapely.ops import nearest_points

SEED = 20240101
SOURCE = "sample_data (approximate, made up)"
PREFIX = "YL-"
"""Prefix of every water-body and river code: 样例."""

Row = Mapping[str, Any]


@cache
def registers() -> dict[str, list[list[Any]]]:
    """The plain registers of ``registers.toml``."""
    return tomllib.loads(Path(__file__).with_name("registers.toml").read_text(encoding="utf-8"))


def code_of(water_body: str) -> str:
    """Full code of a water body or river; empty stays empty."""
    return f"{PREFIX}{water_body}" if water_body else ""


# Formats ---------------------------------------------------------------------------------------------------


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Any]], encoding: str = "utf-8") -> bytes:
    """A CSV file: comma, quotes where needed, newline at the end of each line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def geojson_bytes(name: str, features: Iterable[tuple[Row, Any]]) -> bytes:
    """A feature collection, one feature a line; empty properties are left out."""
    lines = [
        json.dumps(
            {
                "type": "Feature",
                "properties": {key: value for key, value in properties.items() if value not in {None, ""}},
                "geometry": geometry,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for properties, geometry in features
    ]
    head = json.dumps({"type": "FeatureCollection", "name": name}, ensure_ascii=False)[:-1]
    return (head + ', "features": [\n' + ",\n".join(lines) + "\n]}\n").encode()


def point(place: LonLat) -> dict[str, Any]:
    """GeoJSON point."""
    return {"type": "Point", "coordinates": list(place)}


def polygon(ring: Sequence[LonLat]) -> dict[str, Any]:
    """GeoJSON polygon of one ring, counter-clockwise as RFC 7946 asks."""
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    return {"type": "Polygon", "coordinates": [[list(place) for place in (ring if area > 0 else ring[::-1])]]}


# Waters ----------------------------------------------------------------------------------------------------


def water_bodies_csv() -> bytes:
    """Register of waters. The names are the real ones, because rules name waters; the codes say 样例."""
    header = ("水体编码", "水体名称", "级别", "水体类型", "流域面积")
    rows = [
        (code_of(code), name, rank, kind, area)
        for code, name, rank, kind, area in registers()["water_bodies"]
    ]
    return csv_bytes(header, rows)


def shorelines_geojson(*, superseded: bool) -> bytes:
    """Shorelines in force, or the version that is no longer."""
    features = [
        (
            {
                "water_body_code": code_of(one.water_body_code),
                "name": one.name,
                "rank": one.rank,
                "kind": one.kind,
                "accuracy_m": one.accuracy_m,
                "source": SOURCE,
                "valid_from": one.valid_from,
                "valid_to": one.valid_to,
            },
            mapping(one.geometry),
        )
        for one in shorelines()
        if (one.valid_to is not None) == superseded
    ]
    return geojson_bytes("shorelines 样例", features)


def rivers_geojson() -> bytes:
    """Centre lines drawn downstream, with velocities where the register has them."""
    lines = river_lines()
    names = ("velocity_m_s", "velocity_low_m_s", "velocity_high_m_s", "discharge_m3_s")
    flows = {code: dict(zip(names, values, strict=True)) for code, *values in registers()["river_flows"]}
    features = [
        (
            {
                "code": code_of(river.code),
                "name": river.name,
                "downstream_code": code_of(river.downstream_code),
                "rank": river.rank,
                **flows.get(river.code, {}),
            },
            {"type": "LineString", "coordinates": [list(place) for place in lines[river.code]]},
        )
        for river in RIVERS
    ]
    return geojson_bytes("rivers 样例", features)


# Sections and readings -------------------------------------------------------------------------------------

CITIES = {
    "5001": ("重庆市", "重庆市"),
    "5002": ("重庆市", "重庆市"),
    "4205": ("湖北省", "宜昌市"),
    "4206": ("湖北省", "襄阳市"),
    "4208": ("湖北省", "荆门市"),
    "4210": ("湖北省", "荆州市"),
    "4228": ("湖北省", "恩施州"),
    "4301": ("湖南省", "长沙市"),
    "4306": ("湖南省", "岳阳市"),
    "4307": ("湖南省", "常德市"),
    "4309": ("湖南省", "益阳市"),
}
CLASS_SIGNS = ("", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ")


def section_place(one: Section) -> LonLat:
    """Where a section lies: on the line of its river, if that is drawn, next to the place of the scenario."""
    line = river_lines().get(one.water_body)
    if line is None:
        return one.place
    nearest = nearest_points(LineString(line), Point(one.place))[0]
    return rounded(nearest.x, nearest.y, 6)


def sections_csv() -> bytes:
    """The section register, as a bureau exports it: Chinese headers, UTF-8 with BOM."""
    header = (
        "断面编码",
        "断面名称",
        "所在河流",
        "水体编码",
        "水体类型",
        "流域",
        "省份",
        "所在地市",
        "行政区划代码",
        "断面级别",
        "监测方式",
        "水质目标",
        "经度",
        "纬度",
    )
    rows = [
        (
            one.code,
            one.name,
            one.river,
            code_of(one.water_body),
            one.kind,
            "长江流域",
            *CITIES[one.region_code[:4]],
            one.region_code,
            one.level,
            one.station,
            CLASS_SIGNS[one.target or 0],
            *section_place(one),
        )
        for one in scenarios().sections
    ]
    return csv_bytes(header, rows, "utf-8-sig")


@dataclass(frozen=True)
class Item:
    """One measured item: header in the monthly file, usual value (mg/L; ``…L`` not detected), decimals."""

    code: str
    header: str
    usual: str
    decimals: int


ITEMS: tuple[Item, ...] = (
    Item("water_temp", "水温(℃)", "18.0", 1),
    Item("ph", "pH(无量纲)", "7.8", 1),
    Item("do", "溶解氧(mg/L)", "8.2", 1),
    Item("cod_mn", "高锰酸盐指数(mg/L)", "2.4", 1),
    Item("cod_cr", "化学需氧量(mg/L)", "10", 0),
    Item("bod5", "五日生化需氧量(mg/L)", "1.6", 1),
    Item("nh3_n", "氨氮(mg/L)", "0.120", 3),
    Item("tp", "总磷(mg/L)", "0.070", 3),
    Item("tn", "总氮(mg/L)", "1.80", 2),
    Item("cu", "铜(mg/L)", "0.002", 3),
    Item("zn", "锌(mg/L)", "0.05L", 2),
    Item("fluoride", "氟化物(mg/L)", "0.22", 2),
    Item("se", "硒(mg/L)", "0.0004L", 4),
    Item("arsenic", "砷(mg/L)", "0.0012", 4),
    Item("hg", "汞(mg/L)", "0.00004L", 5),
    Item("cd", "镉(mg/L)", "0.0001L", 4),
    Item("cr6", "六价铬(mg/L)", "0.004L", 3),
    Item("pb", "铅(mg/L)", "0.001L", 3),
    Item("cyanide", "氰化物(mg/L)", "0.001L", 3),
    Item("volatile_phenol", "挥发酚(mg/L)", "0.0003L", 4),
    Item("petroleum", "石油类(mg/L)", "0.01L", 2),
    Item("las", "阴离子表面活性剂(mg/L)", "0.05L", 2),
    Item("sulfide", "硫化物(mg/L)", "0.01L", 2),
    Item("fecal_coliform", "粪大肠菌群(个/L)", "1200", 0),
)
"""Table 1 of GB 3838-2002, all 24 items. A section differs from the usual values where its scenario says."""

SWING = (-2, -1, 0, 1, 2, 1, 0, -1, -2, 0, 1, 1)
"""January to December around the mean, in steps; they add up to zero, so the yearly mean is the base."""

STEPS = {"water_temp": Decimal(5), "ph": Decimal("0.1"), "do": Decimal("-0.3")}
MANGANESE = {"S420581002": "0.06", "S430781001": "0.14"}
"""Sections with an approved manganese limit (section_targets.csv), mg/L."""


def month_value(item: Item, base: str, month: int) -> str:
    """The value of one month: base plus a few per cent, or the not-detected mark."""
    if base.endswith("L"):
        return base
    unit = Decimal(1).scaleb(-item.decimals)
    step = STEPS.get(item.code, (Decimal(base) * Decimal("0.04")))
    return str((Decimal(base) + SWING[month - 1] * step.quantize(unit, ROUND_HALF_EVEN)).quantize(unit))


def sampled_at(place: int, year: int, month: int) -> datetime:
    """When the section at a place of the list is sampled by hand in a month (Beijing time)."""
    return datetime(year, month, 3 + place % 9, 9 + place % 3, 30)  # noqa: DTZ001


def readings_monthly_csv() -> bytes:
    """Two years of monthly manual readings, wide, one row per section and month."""
    header = (
        "断面编码",
        "断面名称",
        "采样时间",
        "监测方式",
        *(item.header for item in ITEMS),
        "锰(mg/L)",
        "叶绿素a(mg/L)",
        "透明度(m)",
    )
    rows = []
    for place, one in enumerate(scenarios().sections):
        lake = one.kind == "湖泊"
        for year, months in ((2022, one.months_2022), (2023, one.months_2023)):
            for month in months:
                taken = sampled_at(place, year, month)
                values = [month_value(item, one.means.get(item.code, item.usual), month) for item in ITEMS]
                manganese = (
                    month_value(Item("mn", "", "", 2), MANGANESE[one.code], month)
                    if one.code in MANGANESE
                    else ""
                )
                extra = (
                    month_value(Item("chl_a", "", "", 3), "0.012", month),
                    month_value(Item("", "", "", 2), "0.60", month),
                )
                rows.append(
                    (
                        one.code,
                        one.name,
                        f"{taken:%Y-%m-%d %H:%M}",
                        "手工",
                        *values,
                        manganese,
                        *(extra if lake else ("", "")),
                    )
                )
    return csv_bytes(header, rows)


SOURCE_ITEMS: tuple[tuple[str, str, str], ...] = (
    ("sulfate", "硫酸盐(mg/L)", "38"),
    ("chloride", "氯化物(mg/L)", "12.0"),
    ("nitrate", "硝酸盐(mg/L)", "1.20"),
    ("fe", "铁(mg/L)", "0.06"),
    ("mn", "锰(mg/L)", "0.02"),
    ("tl", "铊(mg/L)", "0.00002L"),
    ("sb", "锑(mg/L)", "0.0008"),
)
"""Table 2 of GB 3838-2002, and two items of Table 3: code, header, usual value."""
METALS = ("tl", "sb")


def readings_sources_csv() -> bytes:
    """What is measured at the sections of drinking-water sources beside Table 1, in 2023."""
    header = ("断面编码", "断面名称", "采样时间", "监测方式", *(head for _, head, _ in SOURCE_ITEMS))
    places = {one.code: (place, one) for place, one in enumerate(scenarios().sections)}
    sections = source_sections()
    rows = []
    for source in scenarios().sources:
        for month in source.rounds:
            place, section = places[sections[source.code]]
            values = [
                "" if code in METALS and not source.metals else source.value(code, usual, month)
                for code, _, usual in SOURCE_ITEMS
            ]
            taken = sampled_at(place, 2023, month)
            rows.append((section.code, section.name, f"{taken:%Y-%m-%d %H:%M}", "手工", *values))
    return csv_bytes(header, rows)


def source_sections() -> dict[str, str]:
    """The section that watches each source, blank for none."""
    return {f"SY-{number:02d}": row[4] for number, row in enumerate(registers()["water_sources"], 1)}


def expected_sources_csv() -> bytes:
    """The hand-worked verdicts on the sources for the year 2023."""
    rows = [(one.code, one.verdict_2023, one.why) for one in scenarios().sources]
    return csv_bytes(("code", "verdict", "why"), rows)


FEED_HEADER = (
    "抓取时间",
    "省份",
    "流域",
    "断面名称",
    "监测时间",
    "水质类别",
    "水温(℃)",
    "pH(无量纲)",
    "溶解氧(mg/L)",
    "电导率(μS/cm)",
    "浊度(NTU)",
    "高锰酸盐指数(mg/L)",
    "氨氮(mg/L)",
    "总磷(mg/L)",
    "总氮(mg/L)",
    "叶绿素α(mg/L)",
    "藻密度(cells/L)",
    "站点情况",
)
"""The national feed's own layout (domain note 4.2), with the time of capture in front."""

FEED_START = datetime(2023, 12, 18)  # noqa: DTZ001 - Beijing time, as in the file
FEED_ROUNDS = 14 * 6
UNREGISTERED = ("湖北省", "沌口样例断面")
"""A section that only the feed knows: it stays provisional and takes part in no rule."""


def readings_4hourly_csv() -> bytes:
    """Two weeks of automatic readings of 12 stations and one that no register knows."""
    chance = random.Random(SEED + 1)
    rows: list[tuple[str, ...]] = []

    def wobble(base: str, decimals: int, spread: float = 0.05) -> str:
        return f"{float(base) * (1 + spread * (2 * chance.random() - 1)):.{decimals}f}"

    stations: list[tuple[str, str, Section | None]] = [
        (CITIES[one.region_code[:4]][0], one.name, one)
        for one in scenarios().sections
        if one.station == "自动"
    ]
    stations.append((*UNREGISTERED, None))
    for place in range(FEED_ROUNDS):
        taken = FEED_START + timedelta(hours=4 * place)
        captured = taken + timedelta(hours=4, minutes=5)
        for province, name, one in stations:
            base = {} if one is None else one.means
            lake = one is not None and one.kind == "湖泊"
            values = [
                wobble("13.0", 1),
                wobble("8.0", 2, 0.02),
                wobble("9.4", 2),
                wobble("365", 1),
                wobble("21", 1, 0.4),
                wobble(base.get("cod_mn", "2.4"), 2),
                wobble(base.get("nh3_n", "0.120"), 3),
                wobble(base.get("tp", "0.070"), 3),
                wobble(base.get("tn", "1.80"), 2),
                wobble("0.004", 3) if lake else "*",
                wobble("420000", 0) if lake else "*",
            ]
            water_class = CLASS_SIGNS[2 if one is None else (one.class_2023 or 0)]
            status = "正常"
            if name == "观音寺样例断面" and taken.day == 20 and 4 <= taken.hour <= 12:
                water_class, values, status = "--", ["--"] * 9 + ["*", "*"], "维护"
            if name == "南津关样例断面" and (taken.day, taken.hour) == (25, 8):
                values[6], water_class, status = "12.000", "--", "维护"
            if name == "巫峡口样例断面" and (taken.day, taken.hour) == (22, 16):
                values[7], water_class = "--", "Ⅱ"
            row = (
                f"{captured:%Y-%m-%d %H:%M:%S}",
                province,
                "长江流域",
                name,
                f"{taken:%m-%d %H:%M}",
                water_class,
                *values,
                status,
            )
            rows.append(row)
            if name == "城陵矶样例断面" and taken.hour == 0 and taken.day in {19, 24, 29}:
                rows.append(row)
    return csv_bytes(FEED_HEADER, rows, "utf-8-sig")


# Facilities ------------------------------------------------------------------------------------------------


def clearances(kind: str, one: Facility) -> dict[str, float]:
    """How far a facility must keep from the other shorelines, so that no unintended zone reaches it."""
    own = next(shore for shore in shorelines() if shore.key == one.shore)
    clear = {}
    for shore in shorelines():
        if not shore.measured or shore.key == own.key:
            continue
        if shore.rank == own.rank == "mainstem":
            clear[shore.key] = one.metres + 50.0
        elif kind == "chemical_site":
            clear[shore.key] = 1.0 if "lake" in shore.rank else 1600.0
        else:
            clear[shore.key] = {"mainstem": 3600.0, "tributary": 1.0}.get(shore.rank, 1600.0)
    return clear


def inland_place(one: Facility, chance: random.Random) -> Placed:
    """A place near the wanted one that keeps clear of every shoreline."""
    for spread in range(1, 200):
        lon = one.near[0] + (chance.random() - 0.5) * 0.01 * spread
        lat = one.near[1] + (chance.random() - 0.5) * 0.01 * spread
        place = rounded(lon, lat, 9)
        if inland(place, one.metres + 500.0):
            return Placed(place, place, 360 * chance.random())
    raise ValueError(f"no inland place for {one.code}")


@dataclass(frozen=True)
class Drawn:
    """A facility with its geometry."""

    facility: Facility
    placed: Placed
    geometry: dict[str, Any]


def draw(kind: str, facilities: Sequence[Facility], seed: int) -> list[Drawn]:
    """Place every facility and check that each lies exactly as far from the water as its scenario says."""
    chance = random.Random(seed)
    drawn = []
    for one in facilities:
        clear: dict[str, float] = {}
        if one.place == "inland":
            placed = inland_place(one, chance)
        else:
            clear = clearances(kind, one)
            placed = place_facility(one.shore, one.near, one.metres, clear, inside=one.place == "water")
        if one.form == "polygon":
            ring = outline_behind(placed, 120.0 + 60.0 * chance.random())
            check_outline(one, ring, clear)
            drawn.append(Drawn(one, placed, polygon(ring)))
        else:
            drawn.append(Drawn(one, placed, point(placed.place)))
    return drawn


def check_outline(one: Facility, ring: Sequence[LonLat], clear: Mapping[str, float]) -> None:
    """Raise ValueError where another corner or edge of an outline lies nearer than the constructed corner."""
    if one.place == "inland":
        if not all(inland(place, one.metres) for place in ring):
            raise ValueError(f"{one.code}: the outline comes too near to a water")
        return
    if abs(outline_distance_m(ring, one.shore) - one.metres) > 0.005:
        raise ValueError(f"{one.code}: the outline has a nearer point than its corner")
    for key, least in clear.items():
        if outline_distance_m(ring, key) < least:
            raise ValueError(f"{one.code}: the outline comes too near to {key}")


def tailings_ponds_geojson(ponds: Sequence[Drawn]) -> bytes:
    """Ponds as points and polygons, English property names."""
    people = {
        code: {"是否头顶库": flag, "下游居民人数": count} for code, flag, count in registers()["pond_people"]
    }
    return geojson_bytes(
        "tailings_ponds 样例",
        [
            (
                {"code": one.facility.code, "name": one.facility.name}
                | dict(one.facility.facts)
                | {"特征污染物": ORE_ITEMS.get(str(one.facility.facts.get("commodity")), "")}
                | people.get(one.facility.code, {})
                | {"region_code": one.facility.region_code, "备注": one.facility.note},
                one.geometry,
            )
            for one in ponds
        ],
    )


ORE_ITEMS = {"锰矿": "锰、氨氮", "铅锌矿": "铅、锌、镉、铊", "金矿": "氰化物、砷、锑", "磷矿": "总磷、氟化物"}
"""What the ponds of an ore are known for; those of iron ore state nothing."""

CHEMICAL_ITEMS = {"park": "化学需氧量、氨氮、总磷", "enterprise": "石油类、挥发酚、化学需氧量"}

CHEMICAL_HEADERS = {
    "kind": "类型",
    "action": "建设行为",
    "action_on": "建设日期",
    "recognised_on": "认定日期",
    "relocation_status": "搬改关状态",
    "relocated_on": "搬迁日期",
    "accuracy_m": "定位精度",
}
CHEMICAL_WORDS = {
    "park": "化工园区",
    "enterprise": "化工企业",
    "project": "化工项目",
    "new": "新建",
    "rebuild": "改建",
    "expand": "扩建",
}


def chemical_sites_geojson(sites: Sequence[Drawn]) -> bytes:
    """Chemical sites with Chinese property names and words."""
    return geojson_bytes(
        "chemical_sites 样例",
        [
            (
                {"编码": one.facility.code, "名称": one.facility.name}
                | {
                    CHEMICAL_HEADERS[key]: CHEMICAL_WORDS.get(str(value), value)
                    for key, value in one.facility.facts.items()
                }
                | {"特征污染物": CHEMICAL_ITEMS.get(str(one.facility.facts.get("kind")), "")}
                | {"行政区划代码": one.facility.region_code, "备注": one.facility.note},
                one.geometry,
            )
            for one in sites
        ],
    )


# Outfalls, water sources and the rest ----------------------------------------------------------------------

OUTFALL_KINDS: tuple[tuple[str, str, str, str], ...] = (
    ("工业排污口", "工业企业排污口", "GY", "样例工业公司"),
    ("工业排污口", "尾矿库排污口", "GY", "样例矿业公司"),
    ("城镇污水处理厂排污口", "城镇污水处理厂排污口", "CZ", "样例水务公司"),
    ("农业排口", "规模化水产养殖排污口", "NY", "样例养殖合作社"),
    ("其他排口", "港口码头排口", "GK", "样例港务公司"),
    ("其他排口", "城镇雨洪排口", "YH", "样例住建局"),
    ("其他排口", "农村生活污水散排口", "QT", "样例镇人民政府"),
)
OUTFALL_ITEMS = (
    "化学需氧量、氨氮",
    "铊、锑、锰",
    "氨氮、总磷、总氮",
    "总磷、高锰酸盐指数",
    "石油类",
    "",
    "氨氮、总磷",
)
"""What outfalls of a kind are known to discharge, in the order of the kinds; of storm drains nobody said."""
OUTFALL_WATERS = (
    ("CJ-1", "长江", 18),
    ("CJ-2", "长江", 20),
    ("CJ-3", "长江", 24),
    ("CJ-4", "长江", 14),
    ("QJ", "清江", 10),
    ("XJ", "湘江", 10),
    ("YJ", "沅江", 7),
    ("LS", "澧水", 5),
    ("DTH", "洞庭湖", 12),
)


def chinese_day(day: date, form: int) -> str:
    """One of three ways in which offices write a day."""
    return (day.isoformat(), f"{day.year}年{day.month}月{day.day}日", f"{day.year}.{day.month}.{day.day}")[
        form % 3
    ]


def bank_places(key: str, count: int, chance: random.Random) -> list[LonLat]:
    """Places on a bank or up to 60 m from it, spread along a shoreline piece."""
    shore = next(one for one in shorelines() if one.key == key)
    edges = [edge for ring in rings(shore.geometry) for edge in pairwise(ring)]
    places = []
    for number in range(count):
        start, end = edges[int((number + chance.random()) * len(edges) / count) % len(edges)]
        share = 0.1 + 0.8 * chance.random()
        foot = (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
        lon, lat, _ = GEOD.fwd(*foot, edge_azimuth(start, end, foot[1]) + 90.0, 60.0 * chance.random())
        places.append(rounded(lon, lat, 6))
    return places


@dataclass(frozen=True)
class Outfall:
    """One row of the outfall register."""

    row: tuple[Any, ...]
    code: str
    completed_on: date | None


def outfalls() -> list[Outfall]:
    """123 outfalls with the dates of 查, 测, 溯, 治 and the kind of remediation."""
    chance = random.Random(SEED + 2)
    made: list[Outfall] = []
    for key, water, count in OUTFALL_WATERS:
        for place in bank_places(key, count, chance):
            number = len(made) + 1
            _, county, region_code = nearest_town(place)
            kind = chance.randrange(len(OUTFALL_KINDS))
            category, sub_category, letters, owner = OUTFALL_KINDS[kind]
            found = date(2019, 9, 1) + timedelta(days=chance.randrange(300))
            monitored = found + timedelta(days=30 + chance.randrange(200))
            traced = monitored + timedelta(days=30 + chance.randrange(250))
            planned = date(2021, 6, 1) + timedelta(days=chance.randrange(400))
            stage = chance.random()
            completed = date(2022, 9, 1) + timedelta(days=chance.randrange(480)) if stage < 0.72 else None
            struck_off = (
                completed + timedelta(days=20 + chance.randrange(60)) if completed and stage < 0.62 else None
            )
            remediation = ("规范整治", "清理合并", "依法取缔")[min(chance.randrange(5), 2)]
            days = (found, monitored, traced if stage < 0.95 else None)
            later = (planned if stage < 0.9 else None, completed, struck_off)
            code = f"FA-{region_code}-{number:04d}-{letters}-00"
            made.append(
                Outfall(
                    (
                        code,
                        f"{county}{water}{sub_category}{number:03d}样例",
                        category,
                        sub_category,
                        water,
                        f"{county}{owner}",
                        region_code,
                        "是" if chance.random() < 0.2 else "否",
                        *(chinese_day(day, number) if day else "" for day in days),
                        remediation,
                        *(chinese_day(day, number) if day else "" for day in later),
                        OUTFALL_ITEMS[kind],
                        *place,
                    ),
                    code,
                    completed,
                )
            )
    return [*made, *zone_outfalls(len(made))]


def zone_outfalls(before: int) -> list[Outfall]:
    """Outfalls placed in the protection zones of sources; `scenarios.toml` says what follows from each."""
    made = []
    for number, (source, bearing, metres, kind, remediation, completed, struck_off) in enumerate(
        registers()["zone_outfalls"], before + 1
    ):
        name, _, _, intake, _, _ = registers()["water_sources"][source - 1]
        lon, lat, _ = GEOD.fwd(*intake, bearing, metres)
        place = rounded(lon, lat, 6)
        _, county, region_code = nearest_town(place)
        category, sub_category, letters, owner = OUTFALL_KINDS[kind]
        code = f"FA-{region_code}-{number:04d}-{letters}-00"
        made.append(
            Outfall(
                (
                    code,
                    f"{name}保护区{sub_category}{number:03d}样例",
                    category,
                    sub_category,
                    "",
                    f"{county}{owner}",
                    region_code,
                    "是",
                    *("2020-03-10", "2020-09-01", "2021-01-15"),
                    remediation,
                    "2021-12-01",
                    completed,
                    struck_off,
                    OUTFALL_ITEMS[kind],
                    *place,
                ),
                code,
                None,
            )
        )
    return made


def outfalls_csv(made: Sequence[Outfall]) -> bytes:
    """The outfall ledger, GB18030, dates in the three ways that offices write them."""
    header = (
        "排污口编码",
        "排污口名称",
        "排污口类型",
        "二级类别",
        "受纳水体",
        "责任主体",
        "行政区划代码",
        "是否重点",
        "排查日期",
        "监测日期",
        "溯源日期",
        "整治类型",
        "一口一策",
        "完成日期",
        "销号日期",
        "特征污染物",
        "经度",
        "纬度",
    )
    return csv_bytes(header, [one.row for one in made], "gb18030")


def circle(place: LonLat, metres: float, corners: int = 12) -> list[LonLat]:
    """A closed ring of corners around a place."""
    ring = []
    for corner in range(corners):
        lon, lat, _ = GEOD.fwd(*place, 360.0 * corner / corners, metres)
        ring.append(rounded(lon, lat))
    return [*ring, ring[0]]


def water_sources_geojson() -> bytes:
    """20 sources: the intake, the first-grade zone, and a second-grade zone for surface sources."""
    features = []
    for number, (name, level, kind, (lon, lat), section, volume) in enumerate(
        registers()["water_sources"], 1
    ):
        place = (lon, lat)
        common = {
            "水源地编码": f"SY-{number:02d}",
            "水源地名称": f"{name}水源地样例",
            "水源地级别": level,
            "水源类型": kind,
            "断面编码": section,
            "行政区划代码": nearest_town(place)[2],
        }
        features.append((common | {"保护区级别": "取水口", "年取水量(万m³)": volume}, point(place)))
        features.append((common | {"保护区级别": "一级保护区"}, polygon(circle(place, 300.0))))
        if kind == "地表水":
            features.append((common | {"保护区级别": "二级保护区"}, polygon(circle(place, 1500.0))))
    return geojson_bytes("water_sources 样例", features)


def section_targets_csv() -> bytes:
    """Approved limits of single items at single sections."""
    header = ("断面编码", "监测项目", "比较符", "限值", "单位", "来源", "生效日期")
    rows = [
        (code, item, "<=", limit, "mg/L", SOURCE, "2022-01-01")
        for code, item, limit in registers()["section_targets"]
    ]
    return csv_bytes(header, rows)


def sites_csv(ponds: Sequence[Drawn]) -> bytes:
    """Black-odorous waters, small hydropower stations, farms, an intake, and homes near ponds."""
    header = (
        "编码",
        "名称",
        "类别",
        "状态",
        "行政区划代码",
        "责任主体",
        "建成日期",
        "完成日期",
        "关闭日期",
        "属性",
        "经度",
        "纬度",
    )
    places = {one.facility.code: one for one in ponds}
    homes = []
    for number, (code, bearing, metres, name, people) in enumerate(registers()["homes"], 1):
        pond = places[code]
        lon, lat, _ = GEOD.fwd(*pond.placed.place, bearing, metres)
        attributes = json.dumps({"people": people})
        homes.append(
            (f"JM-{number:02d}", f"{name}居民点样例", "居民点", "", pond.facility.region_code, "", "", "", "",
             attributes, *rounded(lon, lat, 6))
        )  # fmt: skip
    return csv_bytes(header, [*registers()["sites"], *homes])


def regions_geojson() -> bytes:
    """Areas of the counties, made up: what is nearer to a town than to any other."""
    features = [
        (
            {"编码": f"XZ-{code}", "名称": f"{county}样例", "类别": "行政区", "行政区划代码": code},
            polygon([*area.exterior.coords]),
        )
        for code, county, area in town_areas()
    ]
    return geojson_bytes("regions 样例", features)


def indicators_csv() -> bytes:
    """Values that a bureau reports for targets that nothing here can compute: some meet them, some do not."""
    header = ("目标编号", "行政区划代码", "时期", "数值", "单位", "填报单位", "填报日期")
    return csv_bytes(header, registers()["indicators"])


def ledger_csv(made: Sequence[Outfall]) -> bytes:
    """Remediation events that repeat what the registers say, and two that only the ledger knows."""
    header = ("对象类型", "对象编码", "事件", "发生日期", "备注", "佐证材料")
    words = (
        ("plan_on", "一库一策"),
        ("treated_on", "完成污染治理"),
        ("closed_on", "闭库"),
        ("cancelled_on", "销号"),
    )
    rows = [
        ("尾矿库", one.code, event, chinese_day(date.fromisoformat(str(one.facts[fact])), place), "样例", "")
        for place, one in enumerate(scenarios().tailings_ponds)
        for fact, event in words
        if fact in one.facts
    ]
    rows += [
        ("排污口", one.code, "完成整治", chinese_day(one.completed_on, place), "样例", "")
        for place, one in enumerate(made)
        if one.completed_on is not None and place % 9 == 0
    ]
    rows.append(("化工企业", "HG-08", "搬迁", "2023年5月31日", "样例：已搬迁至园区", ""))
    rows.append(("尾矿库", "WKK-01", "现场检查", "2023年12月15日", "样例：尚未开工治理", "照片样例.jpg"))
    return csv_bytes(header, rows)


# What must come out ----------------------------------------------------------------------------------------


def section_expectations() -> list[tuple[str, str, str, str, str, str]]:
    """Findings about sections: their class of 2023 is stated, the rest is comparing two small integers."""
    rows = []
    for one in scenarios().sections:
        limits = []
        if one.river == "长江":
            limits.append(("CN-3-2", 2, "长江干流要求Ⅱ类"))
            if one.region_code.startswith("50"):
                limits.append(("CQ-1-3-2", 2, "长江干流重庆段要求Ⅱ类"))
            if one.region_code.startswith("43"):
                limits.append(("HN-3-2", 2, "长江干流湖南段要求Ⅱ类"))
        if one.river in FOUR_RIVERS and one.region_code.startswith("43"):
            limits.append(("HN-3-3", 2, "湘资沅澧干流要求Ⅱ类"))
        if one.target is not None:
            limits.append(("GB3838-5.1", one.target, f"断面目标{CLASS_SIGNS[one.target]}类"))
        sign = CLASS_SIGNS[one.class_2023 or 0]
        why = f"2023年{sign}类：{one.why}" if sign else one.why
        classes = (one.class_2023,) if one.class_2023 is not None else one.possible
        for rule_id, limit, words in limits:
            if classes and max(classes) <= limit:
                verdict = COMPLIANT
            elif classes and min(classes) > limit:
                verdict = VIOLATION
            else:
                verdict = UNDETERMINED
            rows.append((rule_id, "section", one.code, verdict, STATE_OF_VERDICT[verdict], f"{words}；{why}"))
    return rows


def expected_findings_csv() -> bytes:
    """The hand-worked table of the evaluation as of 2024-01-01, ordered as findings are."""
    rows = section_expectations()
    for kind, facilities in (
        ("tailings_pond", scenarios().tailings_ponds),
        ("chemical_site", scenarios().chemical_sites),
    ):
        rows += [
            (expect.rule_id, kind, one.code, expect.verdict, expect.state, expect.why)
            for one in facilities
            for expect in one.expects
        ]
    rows += [
        (expect.rule_id, kind, code, expect.verdict, expect.state, expect.why)
        for kind, code, expects in scenarios().in_zones
        for expect in expects
    ]
    rows += [
        (expect.rule_id, "region", region, expect.verdict, expect.state, expect.why)
        for region, expects in scenarios().regions
        for expect in expects
    ]
    return csv_bytes(("rule_id", "subject_kind", "subject_code", "verdict", "state", "why"), sorted(rows))


def design_distances_csv(drawn: Mapping[str, Sequence[Drawn]]) -> bytes:
    """For every facility the water it was placed from and the distance constructed; 0 on the water."""
    by_key = {one.key: one for one in shorelines()}
    rows = []
    for kind, placed in drawn.items():
        for one in placed:
            if one.facility.place == "inland":
                rows.append((kind, one.facility.code, "", "", "inland", f"{one.facility.metres:g}"))
                continue
            shore = by_key[one.facility.shore]
            metres = 0.0 if one.facility.place == "water" else one.facility.metres
            rows.append(
                (
                    kind,
                    one.facility.code,
                    code_of(shore.water_body_code),
                    shore.rank,
                    one.facility.place,
                    f"{metres:g}",
                )
            )
    return csv_bytes(("subject_kind", "code", "water_body_code", "rank", "place", "distance_m"), rows)


MANIFEST = """\
# The files of the sample in load order. `kind` and `options` as on the command line.
as_of = 2024-01-01
"""
LOAD_ORDER: tuple[tuple[str, str], ...] = (
    ("water-bodies", "water_bodies.csv"),
    ("shorelines", "shorelines_superseded.geojson"),
    ("shorelines", "shorelines.geojson"),
    ("rivers", "rivers.geojson"),
    ("sections", "sections.csv"),
    ("readings", "readings_monthly.csv"),
    ("readings", "readings_4hourly.csv"),
    ("readings", "readings_sources.csv"),
    ("outfalls", "outfalls.csv"),
    ("tailings-ponds", "tailings_ponds.geojson"),
    ("chemical-sites", "chemical_sites.geojson"),
    ("water-sources", "water_sources.geojson"),
    ("section-targets", "section_targets.csv"),
    ("sites", "sites.csv"),
    ("sites", "regions.geojson"),
    ("indicators", "indicators.csv"),
    ("ledger", "ledger.csv"),
)


def manifest_toml() -> bytes:
    """Kind, path and options of every file, in load order."""
    entries = [
        f'\n[[file]]\nkind = "{kind}"\npath = "{path}"\noptions = {{ source = "{SOURCE}" }}\n'
        for kind, path in LOAD_ORDER
    ]
    return (MANIFEST + "".join(entries)).encode()


def make_files() -> dict[str, bytes]:
    """Every file of the sample, by name."""
    drawn = {
        "tailings_pond": draw("tailings_pond", scenarios().tailings_ponds, SEED + 3),
        "chemical_site": draw("chemical_site", scenarios().chemical_sites, SEED + 4),
    }
    register = outfalls()
    return {
        "manifest.toml": manifest_toml(),
        "water_bodies.csv": water_bodies_csv(),
        "shorelines.geojson": shorelines_geojson(superseded=False),
        "shorelines_superseded.geojson": shorelines_geojson(superseded=True),
        "rivers.geojson": rivers_geojson(),
        "sections.csv": sections_csv(),
        "readings_monthly.csv": readings_monthly_csv(),
        "readings_4hourly.csv": readings_4hourly_csv(),
        "readings_sources.csv": readings_sources_csv(),
        "outfalls.csv": outfalls_csv(register),
        "tailings_ponds.geojson": tailings_ponds_geojson(drawn["tailings_pond"]),
        "chemical_sites.geojson": chemical_sites_geojson(drawn["chemical_site"]),
        "water_sources.geojson": water_sources_geojson(),
        "section_targets.csv": section_targets_csv(),
        "sites.csv": sites_csv(drawn["tailings_pond"]),
        "regions.geojson": regions_geojson(),
        "indicators.csv": indicators_csv(),
        "ledger.csv": ledger_csv(register),
        "design_distances.csv": design_distances_csv(drawn),
        "expected_findings_2024-01-01.csv": expected_findings_csv(),
        "expected_sources_2023.csv": expected_sources_csv(),
    }


def main() -> int:
    """Write the files, or compare with `--check`; exit code 1 when a file differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, content in make_files().items():
        path = arguments.out / name
        if not path.exists() or path.read_bytes() != content:
            changed.append(name)
            if not arguments.check:
                path.write_bytes(content)
    print("\n".join(changed) or "nothing changed")
    return 1 if arguments.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
