"""The many ways in which files write a water class (standards, section 10)."""

import re
import unicodedata
from typing import Final

from spatial.errors import WaterClassRangeError, WaterClassTextError
from spatial.vocabulary import CLASS_LABELS

_NUMERALS: Final = {
    "1": 1, "i": 1, "一": 1, "壹": 1,
    "2": 2, "ii": 2, "二": 2, "贰": 2,
    "3": 3, "iii": 3, "三": 3, "叁": 3,
    "4": 4, "iv": 4, "四": 4, "肆": 4,
    "5": 5, "v": 5, "五": 5, "伍": 5,
    "6": 6,
}  # fmt: skip

_NOT_MONITORED: Final = frozenset(
    {"", "-", "--", "---", "*", "/", "7", "-1", "na", "n/a", "nan", "none", "null", "无", "未监测", "未评价"}
    | {"未测", "缺测", "无数据", "停测", "断流", "不评价"},
)
_DASHES: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
_WORDS: Final = re.compile(r"^(?:class|grade|level|第)|(?:类|級|级)(?:水质|水体|水)?$|(?:标准)$")
_INFERIOR: Final = re.compile(r"^(?:劣|inferior[ _-]?|worsethan|>)(?:class)?(?:v|5|五|伍)$")


def parse_water_class(value: object) -> int | None:
    """Read a class as 1 to 6, or None where the text says that nothing was monitored or stands empty.

    Roman numerals as letters or as single characters, digits, Chinese numerals, with or without 类; 6 is
    worse than Ⅴ (劣Ⅴ, >V). In the national feed 7 means not monitored. Jiangsu's 优Ⅲ (Ⅲ or better) names no
    single class and is refused, as is any other text.

    Raises
    ------
    WaterClassTextError
        If the text means neither.
    """
    if value is None or value != value:  # noqa: PLR0124 - NaN and NaT are the values that differ from themselves
        return None
    text = unicodedata.normalize("NFKC", str(value)).translate(_DASHES).casefold()
    text = "".join(text.split())
    if re.fullmatch(r"-?\d+\.0+", text):  # a spreadsheet's 2.0
        text = text.partition(".")[0]
    if text in _NOT_MONITORED:
        return None
    bare = _WORDS.sub("", _WORDS.sub("", text))
    if _INFERIOR.match(bare):
        return 6
    found = _NUMERALS.get(bare)
    if found is None:
        raise WaterClassTextError(value)
    return found


def class_label(water_class: int | None) -> str | None:
    """Print a class as the standard does (Ⅰ to Ⅴ, 劣Ⅴ), or None for an undetermined one."""
    if water_class is None:
        return None
    label = CLASS_LABELS.get(water_class)
    if label is None:
        raise WaterClassRangeError(water_class)
    return label
