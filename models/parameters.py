"""The parameters a reading may have: code, Chinese and English name, and the one unit it is stored in.

`models` imports nothing of ours, so this list stands here and a test holds it equal to the one of the
engine. Names and units of items 1 to 24 and of the supplementary items follow GB 3838-2002, Tables 1 to 3.
"""

from typing import NamedTuple


class ParameterSeed(NamedTuple):
    """One row of the table `parameters`."""

    code: str
    name_zh: str
    name_en: str
    unit: str


MG_PER_L = "mg/L"

PARAMETERS: tuple[ParameterSeed, ...] = tuple(
    ParameterSeed(*row)
    for row in (
        ("water_temp", "水温", "Water temperature", "°C"),
        ("ph", "pH值", "pH", "dimensionless"),
        ("do", "溶解氧", "Dissolved oxygen", MG_PER_L),
        ("do_saturation", "溶解氧饱和度", "Dissolved oxygen saturation", "%"),
        ("conductivity", "电导率", "Conductivity", "μS/cm"),
        ("turbidity", "浊度", "Turbidity", "NTU"),
        ("cod_mn", "高锰酸盐指数", "Permanganate index", MG_PER_L),
        ("cod_cr", "化学需氧量", "Chemical oxygen demand", MG_PER_L),
        ("bod5", "五日生化需氧量", "Five-day biochemical oxygen demand", MG_PER_L),
        ("nh3_n", "氨氮", "Ammonia nitrogen", MG_PER_L),
        ("tp", "总磷", "Total phosphorus", MG_PER_L),
        ("tn", "总氮", "Total nitrogen", MG_PER_L),
        ("chl_a", "叶绿素a", "Chlorophyll a", MG_PER_L),
        ("algae_density", "藻密度", "Algae density", "cells/L"),
        ("transparency", "透明度", "Transparency", "m"),
        ("suspended_solids", "悬浮物", "Suspended solids", MG_PER_L),
        ("cu", "铜", "Copper", MG_PER_L),
        ("zn", "锌", "Zinc", MG_PER_L),
        ("fluoride", "氟化物", "Fluoride", MG_PER_L),
        ("se", "硒", "Selenium", MG_PER_L),
        ("arsenic", "砷", "Arsenic", MG_PER_L),
        ("hg", "汞", "Mercury", MG_PER_L),
        ("cd", "镉", "Cadmium", MG_PER_L),
        ("cr6", "铬（六价）", "Hexavalent chromium", MG_PER_L),
        ("cr_total", "总铬", "Total chromium", MG_PER_L),
        ("pb", "铅", "Lead", MG_PER_L),
        ("cyanide", "氰化物", "Cyanide", MG_PER_L),
        ("volatile_phenol", "挥发酚", "Volatile phenols", MG_PER_L),
        ("petroleum", "石油类", "Petroleum hydrocarbons", MG_PER_L),
        ("las", "阴离子表面活性剂", "Anionic surfactants", MG_PER_L),
        ("sulfide", "硫化物", "Sulfide", MG_PER_L),
        ("fecal_coliform", "粪大肠菌群", "Fecal coliforms", "count/L"),
        ("sulfate", "硫酸盐", "Sulfate (as SO4 2-)", MG_PER_L),
        ("chloride", "氯化物", "Chloride (as Cl-)", MG_PER_L),
        ("nitrate", "硝酸盐", "Nitrate (as N)", MG_PER_L),
        ("fe", "铁", "Iron", MG_PER_L),
        ("mn", "锰", "Manganese", MG_PER_L),
        ("sb", "锑", "Antimony", MG_PER_L),
        ("tl", "铊", "Thallium", MG_PER_L),
        ("mo", "钼", "Molybdenum", MG_PER_L),
        ("co", "钴", "Cobalt", MG_PER_L),
        ("be", "铍", "Beryllium", MG_PER_L),
        ("b", "硼", "Boron", MG_PER_L),
        ("ni", "镍", "Nickel", MG_PER_L),
        ("ba", "钡", "Barium", MG_PER_L),
        ("v", "钒", "Vanadium", MG_PER_L),
        ("ti", "钛", "Titanium", MG_PER_L),
        ("methylmercury", "甲基汞", "Methylmercury", MG_PER_L),
        ("tetraethyl_lead", "四乙基铅", "Tetraethyl lead", MG_PER_L),
        ("microcystin_lr", "微囊藻毒素-LR", "Microcystin-LR", MG_PER_L),
        ("yellow_phosphorus", "黄磷", "Yellow (white) phosphorus", MG_PER_L),
        ("flow", "流量", "Flow", "m3/s"),
        ("water_level", "水位", "Water level", "m"),
        ("ndci", "归一化叶绿素指数", "Normalised difference chlorophyll index", "dimensionless"),
        ("ndti", "归一化浊度指数", "Normalised difference turbidity index", "dimensionless"),
        ("turbidity_fnu", "浊度（遥感反演）", "Turbidity derived from images", "FNU"),
        ("bloom_area", "藻华面积", "Area of algal bloom", "km2"),
        ("bloom_share", "藻华面积比例", "Share of the water under algal bloom", "%"),
    )
)
