"""Rounding by GB/T 8170-2008: half to even (四舍六入五成双), once, on decimals.

Rounding is for what is printed, and for the one comparison that asks for it. Computation keeps full
precision.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

# Wide enough for any reading: quantize must never fail for want of digits.
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


def round_half_even(value: Decimal, decimals: int) -> Decimal:
    """Round once to `decimals` places, an exact half to the even digit; the sign does not matter.

    Give it the unrounded value: rounding a rounded value again is what the standard forbids (clause 3.3).
    """
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN, context=_WIDE)


def round_fraction(value: Fraction, decimals: int) -> Decimal:
    """Round an exact mean or share to `decimals` places, an exact half to the even digit."""
    scaled = round(value * Fraction(10) ** decimals)  # round() of a Fraction is exact and half to even
    return Decimal(scaled).scaleb(-decimals, context=_WIDE)


def json_number(value: Decimal | Fraction | None) -> int | float | None:
    """Give an exact number as JSON prints it: the nearest float, whole numbers without a point."""
    if value is None:
        return None
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return int(value) if value == value.to_integral_value() else float(value)
