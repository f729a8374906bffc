"""Units as people write them, and the one exact conversion between two of them.

A unit's text is folded and taken apart into symbols that are listed here (nothing is guessed from letters);
pint multiplies them out in fractions, so that a factor is exact. What is not listed, or measures something
else, has no conversion, and the caller must refuse it: a value in an unknown unit is no value.

``mg/L as NO3`` and ``mg/L as N`` differ by molar mass (``data/atomic_weights.toml``, with its source).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

# spelling after folding → unit for pint; spellings of one unit stand together
_SYMBOLS: dict[str, str] = {
    spelling: unit
    for unit, spellings in {
        "kilogram": "kg 千克 公斤",
        "gram": "g 克",
        "milligram": "mg 毫克",
        "microgram": "ug mcg 微克",
        "nanogram": "ng 纳克",
        "picogram": "pg",
        "metric_ton": "t 吨",
        "liter": "l 升",
        "deciliter": "dl",
        "milliliter": "ml 毫升",
        "microliter": "ul",
        "kilometer": "km 公里 千米",
        "hectometer": "hm",
        "meter": "m 米",
        "decimeter": "dm 分米",
        "centimeter": "cm 厘米",
        "millimeter": "mm 毫米",
        "micrometer": "um 微米",
        "foot": "ft feet 英尺",
        "inch": "in inch 英寸",
        "mile": "mi",
        "meter**2": "平方米 平米",
        "kilometer**2": "平方公里 平方千米",
        "hectare": "ha 公顷",
        "acre": "acre acres 英亩",
        "chinese_mu": "亩",
        "meter**3": "立方米 方",
        "siemens": "s 西门子",
        "millisiemens": "ms 毫西门子 mmho mmhos 毫西",
        "microsiemens": "us 微西门子 umho umhos 微西",
        "decisiemens": "ds",
        "count": "个 细胞 cells cell mpn cfu count counts ind inds #",
        "minute": "min 分钟",
        "hour": "h hr 小时 时",
        "day": "d day 天 日",
        "second": "sec 秒",
        "year": "a yr year 年",
    }.items()
    for spelling in spellings.split()
}

# whole texts that are no product of symbols; each measures one thing of its own, or is a scale with an offset
_WHOLE: dict[str, str] = {
    spelling: unit
    for unit, spellings in {
        "degC": "°c degc 摄氏度 c deg.c 摄氏",
        "degF": "°f degf 华氏度 f deg.f 华氏",
        "kelvin": "k",
        "turbidity_ntu": "ntu ftu 度",
        "turbidity_fnu": "fnu",
        "share": "% 百分比 percent 百分数",
        "plain_number": "无量纲 dimensionless 无 none ph phunits 1 stdunits",
        "milligram/liter": "mgl mg.l",
        "microgram/liter": "ugl ug.l",
        "foot**3/second": "cfs ft3/s",
        "gallon/minute": "gpm",
    }.items()
    for spelling in spellings.split()
}

_SCALES = frozenset({"degC", "degF"})
"""Scales with an offset, which no product holds."""

_DEFINITIONS = (
    "turbidity_ntu = [turbidity_by_scattered_light]",
    "turbidity_fnu = [turbidity_by_infrared_light]",  # ISO 7027: another lamp; no factor leads to NTU
    "share = [share]",
    "plain_number = [plain_number]",
    "chinese_mu = 2000/3 * meter**2",
)

_MULTIPLES = {"万": 10**4, "亿": 10**8, "千": 10**3, "百": 10**2}
_ALTERNATIVES = "|".join(re.escape(symbol) for symbol in sorted(_SYMBOLS, key=len, reverse=True))
_TERM = re.compile(
    rf"(?P<number>\d+(?:\.\d+)?(?:\^\d{{1,2}})?(?![-+]))?[x×*·.]?(?P<many>[万亿千百])?"
    rf"(?:(?P<symbol>{_ALTERNATIVES})(?:\^?(?P<power>[-+]?\d)(?!\d))?)?"
)
_DIVIDERS = frozenset("/每")
_TIMES = frozenset("·.*×-")
_DURATIONS = frozenset({"minute", "hour", "day", "second", "year"})

_BASIS = re.compile(
    r"^(?P<unit>.+?)[(,]?(?:以(?P<zh>[a-z0-9]+)[0-9]*[+\-]*计|as[-:]?(?P<en>[a-z0-9]+)[+\-]*)\)?$",
    re.IGNORECASE,
)
_INNER_BASIS = re.compile(r"^(?P<mass>[munp]?g)-?(?P<formula>n|p|no3|no2|nh3|nh4|po4|so4)/(?P<volume>.+)$")

_DIGITS = Context(prec=12)
"""Where no finite decimal is the exact result (NO3 to N, °F to °C): more digits than any method measures."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """``canonical = value * factor + offset``, in exact fractions."""

    factor: Fraction
    offset: Fraction = Fraction(0)

    @property
    def is_identity(self) -> bool:
        """Whether the value is in the wanted unit already."""
        return self.factor == 1 and not self.offset

    @property
    def scale(self) -> Decimal | None:
        """The factor as a finite decimal, to multiply whole columns by; None where it takes more."""
        return None if self.offset else _finite(self.factor)

    def apply(self, number: Decimal) -> Decimal:
        """Convert one value: exactly, or to twelve digits where no finite decimal is exact.

        Trailing zeros survive a plain factor: 0.10 in μg/L is 0.00010 in mg/L.
        """
        scale = self.scale
        if scale is not None:
            return number * scale
        exact = Fraction(number) * self.factor + self.offset
        finite = _finite(exact)
        if finite is not None and len(finite.as_tuple().digits) <= _DIGITS.prec:
            return finite
        return _DIGITS.divide(Decimal(exact.numerator), Decimal(exact.denominator))


IDENTITY = Conversion(Fraction(1))


def _finite(fraction: Fraction) -> Decimal | None:
    """The fraction as a decimal if it has an end."""
    rest, places = fraction.denominator, 0
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    while rest % 2 == 0:
        rest, places = rest // 2, places + 1
    while rest % 5 == 0:
        rest, places = rest // 5, places + 1
    if rest != 1 or places > 40:
        return None
    return Decimal(fraction.numerator * 10**places // fraction.denominator).scaleb(-places)


def fold_unit(unit: str) -> str:
    """One spelling for the many of a unit: half-width, no spaces, ``µ`` and ``μ`` as ``u``, lower case."""
    folded = "".join(unicodedata.normalize("NFKC", unit).split()).replace("μ", "u").casefold()
    return folded.replace("−", "-").replace("–", "-").replace("_", "/").strip("()[]")  # tp_ug_l


@cache
def _expression(folded: str) -> str | None:
    """The unit as pint writes it; None where a part of the text is no listed symbol."""
    if folded in _WHOLE:
        return _WHOLE[folded]
    factors: list[str] = []
    place, divided, symbols = 0, False, 0
    while place < len(folded):
        sign = folded[place]
        if sign in _DIVIDERS and not divided:
            divided, place = True, place + 1
            factors = factors or ["1"]
            continue
        if sign in _TIMES and factors:
            place += 1
            continue
        match = _TERM.match(folded, place)
        if match is None or match.end() == place:
            return None
        if match["number"] is not None and Fraction(match["number"].partition("^")[0]) == 0:
            return None  # nothing is counted per 0 mL
        symbol, power = match["symbol"], int(match["power"] or 1)
        number = f"{_number(match['number'])} * {_MULTIPLES.get(match['many'] or '', 1)}"
        unit = "1" if symbol is None else _SYMBOLS[symbol]
        below = divided != (power < 0)
        if unit == "siemens" and below:
            unit = "second"  # m3/s; above the line it is the siemens of S/m
        if unit == "decisiemens" and below:
            return None
        exponent = abs(power)
        factors.append(f"{'/' if below else '*'} ({number} * ({unit})**{exponent})")
        symbols += symbol is not None
        place = match.end()
    return " ".join(["1", *factors[factors[:1] == ["1"] :]]) if symbols else None


def _number(text: str | None) -> str:
    """``100``, ``0.5`` or ``10^4`` as a fraction that pint reads exactly."""
    base, _, power = (text or "1").partition("^")
    number = Fraction(base) ** int(power or 1)
    return f"{number.numerator} / {number.denominator}"


def _split(unit: str) -> tuple[str, str | None]:
    """The folded unit without its basis, and the formula of the basis as it is listed (or as it stands)."""
    squeezed = "".join(unicodedata.normalize("NFKC", unit).split())
    if (match := _BASIS.match(squeezed)) is not None:
        formula = match["zh"] or match["en"]
        return fold_unit(match["unit"]), _formulas().get(formula.casefold(), formula)
    folded = fold_unit(unit)
    if (match := _INNER_BASIS.match(folded)) is not None:
        return f"{match['mass']}/{match['volume']}", _formulas()[match["formula"]]
    return folded, None


def is_unit(text: str) -> bool:
    """Whether `text` is a unit that is known here, whatever it measures. A bare duration is none."""
    folded, _ = _split(text)
    if _SYMBOLS.get(folded) in _DURATIONS and folded != "s":
        return False
    return _expression(folded) is not None


@cache
def conversion(unit: str, canonical: str, parameter: str = "") -> Conversion | None:
    """The conversion of a value in `unit` into `canonical`; None where there is none.

    A basis (``as NO3``) is converted for the parameters whose own basis is known; for the others, and for a
    formula that does not hold the parameter's element, there is no conversion.
    """
    folded, basis = _split(unit)
    wanted = fold_unit(canonical)
    molar = Fraction(1) if basis is None else _molar_factor(basis, parameter)
    if molar is None:
        return None
    if folded == wanted:
        return Conversion(molar)
    given, target = _expression(folded), _expression(wanted)
    if given is None or target is None:
        return None
    if given == target:
        return Conversion(molar)
    return _converted(given, target, molar)


def _converted(given: str, target: str, molar: Fraction) -> Conversion | None:
    registry, mismatch = _registry()
    whole = [unit in _WHOLE.values() for unit in (given, target)]
    if any(whole) and not all(whole) and {given, target} & _SCALES:
        return None  # no product of symbols is a temperature
    try:
        if all(whole):
            at_zero, at_one = (
                registry.Quantity(Fraction(number), given).to(target).magnitude for number in (0, 1)
            )
        else:
            source, goal = registry.parse_expression(given), registry.parse_expression(target)
            at_zero, at_one = Fraction(0), _ratio(source, goal, registry)
    except mismatch:
        return None
    offset = Fraction(at_zero)
    if offset and molar != 1:
        return None
    return Conversion((Fraction(at_one) - offset) * molar, offset)


def _ratio(source: Any, goal: Any, registry: Any) -> Fraction:
    """How many of `goal` one `source` is; both carry their own numbers (``100 mL``)."""
    quantity = registry.Quantity(Fraction(1)) * source / goal
    return Fraction(quantity.to("dimensionless").magnitude)


def conversion_factor(unit: str, canonical: str, parameter: str = "") -> Decimal | None:
    """The exact decimal factor of a conversion; None where there is none, or where it takes more than one.

    See :func:`conversion` for those that a single decimal does not hold.
    """
    found = conversion(unit, canonical, parameter)
    return None if found is None else found.scale


@cache
def _registry() -> tuple[Any, type[Exception]]:
    """The registry of pint with exact fractions, built when two units differ: it takes half a second."""
    import pint  # noqa: PLC0415 - see above

    registry: Any = pint.UnitRegistry(non_int_type=Fraction, autoconvert_offset_to_baseunit=False)
    for definition in _DEFINITIONS:
        registry.define(definition)
    return registry, pint.DimensionalityError


# -- molar mass ------------------------------------------------------------------------------------------


@cache
def _weights() -> Mapping[str, Any]:
    text = (files("ingest") / "data" / "atomic_weights.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _formulas() -> Mapping[str, str]:
    return {formula.casefold(): formula for formula in _weights()["formulas"]["known"]}


def _atoms(formula: str) -> Counter[str]:
    atoms: Counter[str] = Counter()
    for element, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula):
        atoms[element] += int(count or 1)
    return atoms


def _mass(formula: str) -> Fraction:
    weights = _weights()["weights"]
    return sum(
        (Fraction(weights[element]) * count for element, count in _atoms(formula).items()), Fraction(0)
    )


def _molar_factor(basis: str, parameter: str) -> Fraction | None:
    """Mass as the parameter counts it per mass as `basis` counts it; None where the two share no element."""
    own = _weights()["basis"].get(parameter)
    if own is None or basis not in _weights()["formulas"]["known"]:
        return None
    if basis == own:
        return Fraction(1)
    element = next(iter(_atoms(own)))
    here, there = _atoms(own)[element], _atoms(basis)[element]
    if not there:
        return None
    return (_mass(own) / here) / (_mass(basis) / there)
