"""Flood-season pollution intensity (汛期污染强度): a plain ratio to the limit at the section's target.

Intensity = highest concentration in the flood season / limit at the target class; 1 is at the limit. It is no
exceedance multiple. The first pollutant (首要污染物) is the indicator with the largest ratio.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from spatial.parameters import find_parameter
from spatial.rounding import json_number
from spatial.standards import Direction, EvaluationMethod, Number, Standard, load_evaluation_method


@dataclass(frozen=True, slots=True)
class FloodIntensity:
    """The first pollutant of a flood season, its intensity, and the ratio of every indicator there was.

    `highest` is the concentration and `limit` the bound that the intensity is the ratio of.
    """

    code: str
    value: Fraction
    ratios: Mapping[str, Fraction]
    highest: Fraction
    limit: Fraction

    def as_json(self) -> dict[str, object]:
        """Give the `flood_intensity` entry of the answer of `assess`."""
        return {
            "code": self.code,
            "value": json_number(self.value),
            "ratios": {code: json_number(ratio) for code, ratio in self.ratios.items()},
            "highest": json_number(self.highest),
            "limit": json_number(self.limit),
        }


def flood_intensity(
    highest: Mapping[str, Number],
    standard: Standard,
    *,
    water_body: str,
    target_class: int,
    method: EvaluationMethod | None = None,
) -> FloodIntensity | None:
    """Find the first pollutant and its intensity from the highest concentrations of a flood season.

    Indicators outside the method's list, and those without an upper limit, are left alone. Of equal ratios
    the earlier in the order of Table 1 is named. None where no indicator is there.

    Raises
    ------
    UnknownWaterBodyTypeError, WaterClassRangeError
        If the type or the target class does not exist.
    """
    method = method or load_evaluation_method()
    limits = standard.limits_for(water_body)
    bounds = {
        code: Fraction(limits[code].bound_of(target_class)[0])
        for code in method.intensity_indicators
        if code in highest and code in limits and limits[code].direction is Direction.AT_MOST
    }
    ratios = {code: Fraction(highest[code]) / bound for code, bound in bounds.items()}
    if not ratios:
        return None
    first = max(ratios, key=lambda code: (ratios[code], -find_parameter(code).order))
    return FloodIntensity(first, ratios[first], ratios, Fraction(highest[first]), bounds[first])
