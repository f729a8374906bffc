"""How people lay out a table: titles, headers of two lines, a row of units, lines of totals.

Works on rows of text, before anything is interpreted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ingest.units import fold_unit, is_unit

Score = Callable[[Sequence[str]], int]

_NO_UNIT = frozenset({"", "-", "--", "—", "/", "单位", "计量单位", "unit", "units"})
_DIGITS = re.compile(r"^[\d.,\s]+$")
_BRACKETED_UNIT = re.compile(r"^(?P<base>.+?)[(（\[【](?P<unit>[^()（）\[\]【】]*)[)）\]】]$")
_TOTAL = re.compile(
    r"^(?:合计|总计|共计|小计|累计|平均|(?:年|月|季|旬|日|全年|算术)?(?:平均值|均值|平均)|最大值?|最小值?|最高值?|"
    r"最低值?|中位数|中值|标准差|样本数|总数|total|subtotal|grandtotal|sum|average|mean|max|min|median)"
    r"(?:\([^()]*\))?[:]?$"
)
_TOTAL_STARTS = frozenset("合总共小累平年月季旬日全算均最中标样tTgGsSaAmM ｔＴ")
_LABEL_COLUMNS = 3
"""A line of totals has its word in one of the first columns."""


FEED_COLUMNS = (
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
_FEED_NAMED = 5
_REPEATED = re.compile(r"\.\d+$")
"""What some programmes put behind a name that repeats."""


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header stands and what it says: `lines` rows from `place` on."""

    place: int
    lines: int
    names: list[str]


def find_header(head: Sequence[Sequence[str]], score: Score) -> Header:
    """The row, or the pair of rows, with the most known names; the first row where no name is known.

    A second line is taken only where each of its cells is a name or a unit; it may give the names below a
    merged group (``监测项目`` over ``总磷``, ``氨氮``). A row of units under the header belongs to it.
    """
    scores = [score(row) for row in head]
    best = max(scores)
    place = scores.index(best) if best else 0
    header = Header(place, 1, list(head[place]))
    for upper in range(max(place - 1, 0), min(place + 1, len(head) - 1)):
        if not _is_second_line(head[upper + 1], score) or scores[upper] == 0:
            continue
        joined = _joined(head[upper], head[upper + 1], score)
        reached = score(joined)
        if reached >= best:
            best, header = reached, Header(upper, 2, joined)
    below = header.place + header.lines
    if best and below < len(head) and is_unit_row(head[below]):
        names = _with_units(header.names, head[below])
        header = Header(header.place, header.lines + 1, names)
    return replace(header, names=restore_feed_names(header.names))


def restore_feed_names(names: list[str]) -> list[str]:
    """The names of the national feed where a careless conversion left its units only, several times over.

    The feed's order of columns is fixed (domain notes 4.2), so that the place says what the unit cannot. Only
    a header with the feed's own names in front and its units behind, each in its place, is taken for one.
    """
    if len(names) not in (len(FEED_COLUMNS), len(FEED_COLUMNS) - 1):
        return names
    bare = 0
    for place, (name, column) in enumerate(zip(names, FEED_COLUMNS, strict=False)):
        stated = _REPEATED.sub("", name.strip())
        unit = _BRACKETED_UNIT.match(column)
        if stated == column or (unit is not None and stated == unit["base"]):
            continue
        if place < _FEED_NAMED or unit is None or fold_unit(stated) != fold_unit(unit["unit"]):
            return names
        bare += 1
    return list(FEED_COLUMNS[: len(names)]) if bare else names


def _is_second_line(row: Sequence[str], score: Score) -> bool:
    filled = [cell for cell in row if cell.strip()]
    return any(score([cell]) for cell in filled) and all(
        not _DIGITS.match(cell) and (score([cell]) > 0 or _is_unit_cell(cell)) for cell in filled
    )


def _joined(upper: Sequence[str], lower: Sequence[str], score: Score) -> list[str]:
    """One name a column, of two lines: the lower one where it names something, else the upper one."""
    width = max(len(upper), len(lower))
    above = [*upper, *[""] * (width - len(upper))]
    under = [*lower, *[""] * (width - len(lower))]
    names: list[str] = []
    for over, below in zip(above, under, strict=True):
        if not below.strip() or below.strip() == over.strip():
            names.append(over)
        elif _is_unit_cell(below) and not score([below]):
            names.append(_with_unit(over, below))
        elif over.strip() and score([f"{below}_{over}"]) and score([over]):
            names.append(f"{below}_{over}")  # 总磷 over 原始值
        else:
            names.append(below)
    return names


def _is_unit_cell(cell: str) -> bool:
    text = cell.strip().strip("()（）[]【】")
    return bool(text) and not _DIGITS.match(text) and is_unit(text)


def is_unit_row(row: Sequence[str]) -> bool:
    """Whether a row says units and nothing else."""
    filled = [cell for cell in row if cell.strip()]
    units = sum(_is_unit_cell(cell) for cell in filled)
    others = sum(cell.strip().strip(":：").casefold() in _NO_UNIT for cell in filled)
    return units > 0 and units + others == len(filled)


def _with_units(names: Sequence[str], units: Sequence[str]) -> list[str]:
    given = [*units, *[""] * (len(names) - len(units))]
    return [
        _with_unit(name, unit) if name.strip() and _is_unit_cell(unit) else name
        for name, unit in zip(names, given, strict=False)
    ]


def _with_unit(name: str, unit: str) -> str:
    """The name with its unit in brackets. Two different units in one header stay to be refused."""
    text = unit.strip().strip("()（）[]【】")
    stated = _BRACKETED_UNIT.match(name.strip())
    if stated is None or not is_unit(stated["unit"]):
        return f"{name.strip()}({text})"
    if fold_unit(stated["unit"]) == fold_unit(text):
        return name
    return f"{stated['base']}({stated['unit']}≠{text})"


def total_places(columns: Sequence[Sequence[str]]) -> list[int]:
    """Places of the rows whose first word, behind any serial number, is that of a total (合计, 平均)."""
    found: set[int] = set()
    for column, cells in enumerate(columns[:_LABEL_COLUMNS]):
        for place, cell in enumerate(cells):
            if not cell or cell[0] not in _TOTAL_STARTS or place in found:
                continue
            word = "".join(unicodedata.normalize("NFKC", cell).split()).casefold()
            if _TOTAL.match(word) is None:
                continue
            before = [columns[left][place].strip() for left in range(column)]
            if all(not text or _DIGITS.match(text) for text in before):
                found.add(place)
    return sorted(found)
