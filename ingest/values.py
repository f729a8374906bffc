"""One cell of a measured value: the number, or "below the detection limit", or nothing, or nonsense.

A value is kept as four facts: the text, a decimal, a qualifier and the detection limit. Missing is not zero,
not detected is not missing, and what cannot be read is said so and never guessed.
Source of the spellings: HJ/T 91-2002 and HJ 91.2-2022 (``0.05L``), SL 219 (``<0.05``), domain notes 4.1, 4.2.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Reading(StrEnum):
    """What a cell says."""

    MEASURED = "measured"
    BELOW = "below"
    NOT_DETECTED = "not_detected"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class CellValue:
    """One cell, read. `number` is the detection limit where the value is below it; `code`: what is wrong."""

    reading: Reading
    number: Decimal | None = None
    code: str | None = None


MISSING = CellValue(Reading.MISSING)
NOT_DETECTED = CellValue(Reading.NOT_DETECTED)

MISSING_MARKS = frozenset(
    {
        "",
        "*",
        "**",
        "/",
        "\\",
        "-1",
        "无",
        "未测",
        "未监测",
        "未检测",
        "未采样",
        "停测",
        "缺测",
        "断流",
        "停运",
        "停站",
    }
    | {"n/a", "na", "nan", "null", "none", "无数据", "暂无", "暂无数据", "极值过滤", "维护", "#n/a", "..."}
    | {"缺", "缺失", "未开展", "无水", "干涸", "冰封", "结冰", "调试", "故障", "设备故障", "仪器故障"}
    | {"不具备运行条件", "未运行", "检修"}
)
"""Marks of a cell without a value; ``-1`` is "not evaluated" in two public programs (worked example G03).

``#N/A`` is a workbook's own word for "not available". Its other errors are failed formulas: see below.
"""

_EXCEL_ERRORS = frozenset(
    {"#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!", "#spill!", "#calc!", "#getting_data"}
)
_TOO_NARROW = re.compile(r"^#{3,}$")

_NOT_DETECTED_MARKS = frozenset(
    {"nd", "n.d.", "n.d", "未检出", "未检测出", "bdl", "<dl", "<mdl", "低于检出限", "l"}
)
_DASHES = re.compile(r"^[-‐‑‒–—―−_]+$")
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_SCIENTIFIC = re.compile(rf"^(?P<mantissa>[+-]?(?:{_NUMBER}))(?:[x×*·]10\^?|e)(?P<power>[+-]?\d{{1,3}})$")
_PLAIN = re.compile(rf"^[+-]?(?:{_NUMBER})$")
_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
_BELOW = re.compile(
    r"^(?:(?:<|〈|小于|低于)(?P<sign>[^<=]+)|(?P<suffix>[-+\d.,x×*·^e␣]+?)l|(?:nd|未检出)[(\[]<?(?P<nd>[^()\[\]]+?)l?[)\]])$"
)
_UNIT_BEHIND = re.compile(
    r"^(?P<head>(?:[<〈]|小于|低于)?[+-]?[\d.,\s]*\d\.?(?:\s*(?:[x×*·]\s*10\s*\^?|e)\s*[+-]?\d{1,3})?\s*l?)\s*"
    r"(?P<unit>[^\W\d_].*|[°%#].*)$",
    re.IGNORECASE,
)
_LIMIT_WITH_UNIT = re.compile(
    r"^(?P<head>(?:nd|未检出)\s*[(\[]\s*<?\s*[\d.]+\s*l?)\s*(?P<unit>[^\W\d_].*?)(?P<tail>[)\]])$",
    re.IGNORECASE,
)
_SPACED_DIGITS = re.compile(r"(?<=[\d.,]) (?=[\d.,])")
_SPACED_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?$")
_APART = "␣"
"""Stands for a blank between two digits: ``7 8`` are two numbers, and never 78."""
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER_OF_TEN = re.compile(r"(10)([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)$")
_POWER_OF_TEN_WITHIN = re.compile(r"(?<=[x×*·])(10)([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")


def parse_number(text: str) -> Decimal | None:
    """The decimal that a text writes, exactly; None where it writes none.

    Full-width digits, thousands commas in their places, ``1.2E+04`` and ``1.2×10^4`` are read.
    """
    folded = _fold(text)
    if _PLAIN.match(folded):
        return Decimal(folded)
    if (match := _SCIENTIFIC.match(folded)) is not None:
        return Decimal(match["mantissa"]).scaleb(int(match["power"]))
    if _THOUSANDS.match(folded):
        return Decimal(folded.replace(",", ""))
    return None


def unit_behind(text: str) -> tuple[str, str] | None:
    """A cell such as ``12.3 mg/L`` or ``<0.01mg/L``: the value without what stands behind it, and that.

    None where nothing stands behind a value. Whether it is a unit is the caller's to know.
    """
    powered = _POWER_OF_TEN_WITHIN.sub(
        lambda match: f"{match[1]}^{match[2].translate(_SUPERSCRIPTS)}", text.strip()
    )
    words = unicodedata.normalize("NFKC", powered)
    for pattern in (_UNIT_BEHIND, _LIMIT_WITH_UNIT):
        match = pattern.match(words)
        if match is not None and match["unit"].strip().casefold() != "l":  # of 0.05L, and no litre
            return match["head"] + (match.groupdict().get("tail") or ""), match["unit"].strip()
    return None


def _fold(text: str) -> str:
    powered = _POWER_OF_TEN.sub(lambda match: f"{match[1]}^{match[2].translate(_SUPERSCRIPTS)}", text.strip())
    words = " ".join(unicodedata.normalize("NFKC", powered.replace("\u200b", "")).split())
    if not _SPACED_THOUSANDS.match(words):
        words = _SPACED_DIGITS.sub(_APART, words)
    folded = words.replace(" ", "")
    return folded.replace("−", "-").replace("－", "-").casefold()


def parse_value(text: str, *, negative_is_limit: bool = False, percent: bool = False) -> CellValue:
    """Read one cell of a measured value.

    A negative number is returned as measured: whether a parameter can be negative is the caller's to know.
    With `negative_is_limit` (one vendor's convention) it is a detection limit, except ``-1``. With `percent`
    (the parameter is a share in %) a percent sign may stand behind the number; elsewhere it is nonsense.
    """
    folded = _fold(text)
    if folded in MISSING_MARKS or _DASHES.match(folded):
        return MISSING
    if folded in _NOT_DETECTED_MARKS:
        return NOT_DETECTED
    if folded in _EXCEL_ERRORS or _TOO_NARROW.match(folded):
        return CellValue(Reading.UNREADABLE, code="value_formula_error")
    if percent:
        folded = folded.removesuffix("%")
    number = parse_number(folded)
    if number is not None:
        if negative_is_limit and number < 0:
            return CellValue(Reading.BELOW, -number)
        return CellValue(Reading.MEASURED, number)
    if (match := _BELOW.match(folded)) is not None:
        limit = parse_number(match["sign"] or match["suffix"] or match["nd"])
        if limit is not None and limit > 0:
            return CellValue(Reading.BELOW, limit)
        return CellValue(Reading.UNREADABLE, code="detection_limit_unreadable")
    return CellValue(Reading.UNREADABLE, code="value_unreadable")
