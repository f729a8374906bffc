"""Units as people write them, and the exact decimal factor between two of them.

Only factors that a decimal holds exactly are here. A unit that is not here, or of another quantity, has no
factor, and the caller must refuse it: a value in an unknown unit is no value.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cache

_MASS = "mass concentration"
_COUNT = "count per volume"
_CONDUCTIVITY = "conductivity"
_LENGTH = "length"
_AREA = "area"

# spelling after `fold_unit` → (quantity, factor to the first unit of the quantity)
_UNITS: dict[str, tuple[str, Decimal]] = {
    spelling: (quantity, Decimal(factor))
    for quantity, table in {
        _MASS: {
            "1": "mg/l g/m3 mg/dm3 ug/ml 毫克/升 毫克每升 克/立方米",
            "0.001": "ug/l mg/m3 ug/dm3 ng/ml 微克/升 微克每升 毫克/立方米 毫克每立方米",
            "0.000001": "ng/l ug/m3 纳克/升",
            "1000": "g/l kg/m3 mg/ml 克/升",
        },
        _COUNT: {
            "1": "个/l cells/l cell/l mpn/l cfu/l 个/升 细胞/升 细胞/l count/l /l",
            "10": "个/100ml cells/100ml mpn/100ml cfu/100ml 个/100毫升 /100ml",
            "1000": "个/ml cells/ml mpn/ml cfu/ml 个/毫升 细胞/ml",
            "10000": "万个/l 万cells/l 万个/升 10^4cells/l 10^4个/l",
        },
        _CONDUCTIVITY: {"1": "us/cm 微西门子/厘米", "10": "ms/m", "1000": "ms/cm ds/m", "10000": "s/m"},
        _LENGTH: {
            "1": "m 米",
            "0.1": "dm 分米",
            "0.01": "cm 厘米",
            "0.001": "mm 毫米",
            "1000": "km 公里 千米",
        },
        _AREA: {
            "1": "km2 平方公里 平方千米",
            "0.01": "ha 公顷 hm2",
            "0.000001": "m2 平方米",
            "10000": "万km2 万平方公里",
        },
        "temperature": {"1": "°c degc 摄氏度 c"},
        "turbidity": {"1": "ntu 度"},
        "flow": {"1": "m3/s 立方米/秒", "0.001": "l/s 升/秒"},
        "share": {"1": "% 百分比 percent"},
        "number": {"1": "无量纲 dimensionless 无 none ph phunits 1"},
    }.items()
    for factor, spellings in table.items()
    for spelling in spellings.split()
}

_PER = re.compile(r"[·.*]?(l|ml|m3|dm3|cm|m)\^?-1$")
_BASIS = re.compile(r"^(?P<unit>.+?)[(,]?(?:以(?P<zh>[a-z0-9+-]+)计|as(?P<en>[a-z0-9+-]+))\)?$")
_OWN_BASIS = {"nh3_n": {"n"}, "tn": {"n"}, "nitrate": {"n"}, "tp": {"p"}, "fluoride": {"f-", "f"}}


def fold_unit(unit: str) -> str:
    """One spelling for the many of a unit: half-width, no spaces, ``µ`` and ``μ`` as ``u``, lower case."""
    folded = "".join(unicodedata.normalize("NFKC", unit).split()).replace("μ", "u").casefold()
    folded = folded.replace("−", "-").replace("–", "-").replace("_", "/")  # tp_ug_l
    folded = "mg/l" if folded == "mgl" else "ug/l" if folded == "ugl" else folded
    return _PER.sub(r"/\1", folded)


def is_unit(text: str) -> bool:
    """Whether `text` is a unit that is known here, whatever it measures."""
    folded = fold_unit(text)
    return folded in _UNITS or ((match := _BASIS.match(folded)) is not None and match["unit"] in _UNITS)


@cache
def conversion_factor(unit: str, canonical: str, parameter: str = "") -> Decimal | None:
    """The exact factor that turns a value in `unit` into `canonical`; None where there is none.

    ``mg/L as N`` is taken for the parameters whose own basis it is (ammonia, nitrate, total nitrogen as N;
    phosphorus as P). On any other basis the molar mass would enter: no factor.
    """
    folded = fold_unit(unit)
    if (basis := _BASIS.match(folded)) is not None:
        if (basis["zh"] or basis["en"]) not in _OWN_BASIS.get(parameter, set()):
            return None
        folded = basis["unit"]
    if folded == fold_unit(canonical):
        return Decimal(1)
    given, wanted = _UNITS.get(folded), _UNITS.get(fold_unit(canonical))
    if given is None or wanted is None or given[0] != wanted[0]:
        return None
    return given[1] / wanted[1]
