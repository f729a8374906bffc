"""Trophic state of lakes and reservoirs: the composite index TLI(Σ) of 总站生字〔2001〕090号.

Logarithms are taken on decimals, so that the same readings give the same digits on every machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from spatial.errors import QuantityError
from spatial.parameters import convert_unit, find_parameter
from spatial.rounding import json_number
from spatial.standards import EvaluationMethod, Number, load_evaluation_method
from spatial.vocabulary import TrophicState

_PRECISION: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Concentration:
    """A number with its unit: the index is worthless with chlorophyll in mg/L or phosphorus in µg/L."""

    value: Number
    unit: str


@dataclass(frozen=True, slots=True)
class TrophicIndex:
    """TLI(Σ), its state and its parts by parameter code.

    `missing` names the indicators that were not there; it is empty unless renormalised weights were asked
    for.
    """

    tli: Decimal
    state: TrophicState
    parts: Mapping[str, Decimal]
    missing: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Give the `trophic` entry of the answer of `assess`."""
        return {
            "tli": json_number(self.tli),
            "state": self.state,
            "parts": {code: json_number(value) for code, value in self.parts.items()},
            "missing": list(self.missing),
        }


def _as_decimal(value: Number) -> Decimal:
    if isinstance(value, Fraction):
        return _PRECISION.divide(Decimal(value.numerator), Decimal(value.denominator))
    return value


def trophic_weights(method: EvaluationMethod | None = None) -> dict[str, Fraction]:
    """Give the weight of each indicator, W = r² / Σ r², exactly; the weights add up to 1."""
    indicators = (method or load_evaluation_method()).trophic_indicators
    total = sum(Fraction(item.r) ** 2 for item in indicators)
    return {item.parameter: Fraction(item.r) ** 2 / total for item in indicators}


def trophic_parts(
    values: Mapping[str, Concentration],
    method: EvaluationMethod | None = None,
) -> dict[str, Decimal]:
    """Give TLI(j) = 10 (a + b ln x) for every indicator that is there, after conversion into its unit.

    Raises
    ------
    UnitError
        If a unit measures something else than the indicator's.
    QuantityError
        If a value is zero, negative or not finite: it has no logarithm, and none is invented.
    """
    parts: dict[str, Decimal] = {}
    for item in (method or load_evaluation_method()).trophic_indicators:
        given = values.get(item.parameter)
        if given is None:
            continue
        value = convert_unit(_as_decimal(given.value), given.unit, item.unit, code=item.parameter)
        if not value.is_finite() or value <= 0:
            raise QuantityError(item.parameter, given.value)
        logarithm = _PRECISION.ln(value)
        part = _PRECISION.multiply(Decimal(10), _PRECISION.fma(item.b, logarithm, item.a))
        parts[item.parameter] = part
    return parts


def trophic_state(tli: Number, method: EvaluationMethod | None = None) -> TrophicState:
    """Name the state of an index; the upper bound of each state belongs to it, and 30 to the mesotrophic."""
    method = method or load_evaluation_method()
    exact = Fraction(tli)
    if exact < Fraction(method.oligotrophic_below):
        return TrophicState.OLIGOTROPHIC
    return next(state for state, bound in method.trophic_states if bound is None or exact <= Fraction(bound))


def trophic_index(
    values: Mapping[str, Concentration],
    *,
    renormalise: bool = False,
    method: EvaluationMethod | None = None,
) -> TrophicIndex | None:
    """Give the composite index of a lake, or None where an indicator is missing.

    Parameters
    ----------
    values
        By parameter code (``chl_a``, ``tp``, ``tn``, ``transparency``, ``cod_mn``); others are left alone.
    renormalise
        Spread the weights over the indicators that are there, a habit of research and no rule: the result
        then names what is missing. None still where nothing is there.

    Raises
    ------
    UnitError, QuantityError
        See `trophic_parts`.
    """
    method = method or load_evaluation_method()
    parts = trophic_parts(values, method)
    missing = tuple(item.parameter for item in method.trophic_indicators if item.parameter not in parts)
    if not parts or (missing and not renormalise):
        return None
    weights = trophic_weights(method)
    weighted = sum((weights[code] * Fraction(part) for code, part in parts.items()), Fraction(0))
    tli = _as_decimal(weighted / sum(weights[code] for code in parts))
    return TrophicIndex(tli, trophic_state(tli, method), MappingProxyType(parts), missing)


def registry_concentration(code: str, value: Number) -> Concentration:
    """Attach the registry's unit to a stored value of a parameter."""
    return Concentration(value, find_parameter(code).unit)
