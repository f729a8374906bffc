"""Better or worse than before? Words for the change between two periods (环办〔2011〕22号, part 3 (2)).

The words are codes (`Change`); they rest on numbers, which come with them. Both periods must have been
assessed with the same items and essentially the same sections: the caller sees to that.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from spatial.rounding import json_number
from spatial.standards import EvaluationMethod, Number, load_evaluation_method
from spatial.vocabulary import GRADE_ORDER, Change, Grade

_STEPS: Final = {change: place for place, change in enumerate(reversed(Change), -2)}
"""From -2 (markedly worse) to 2 (markedly better)."""


@dataclass(frozen=True, slots=True)
class ProportionChange:
    """Change of the shares of Ⅰ–Ⅲ (ΔG) and worse than Ⅴ (ΔD), in percentage points; `points` is ΔG - ΔD."""

    delta_1_3: Fraction
    delta_inferior: Fraction
    points: Fraction
    change: Change

    def as_json(self) -> dict[str, object]:
        """Give the numbers with the word."""
        return {
            "delta_1_3": json_number(self.delta_1_3),
            "delta_inferior": json_number(self.delta_inferior),
            "points": json_number(self.points),
            "change": self.change,
        }


def change_of_grade(
    before: Grade | None,
    after: Grade | None,
    method: EvaluationMethod | None = None,
) -> Change | None:
    """Compare two grades of a section (Ⅰ and Ⅱ are one grade); None where either is undetermined."""
    if before is None or after is None:
        return None
    marked = (method or load_evaluation_method()).grade_steps_marked
    steps = GRADE_ORDER[before] - GRADE_ORDER[after]
    if steps == 0:
        return Change.NO_OBVIOUS_CHANGE
    if steps > 0:
        return Change.MARKED_BETTER if steps >= marked else Change.SOMEWHAT_BETTER
    return Change.MARKED_WORSE if -steps >= marked else Change.SOMEWHAT_WORSE


def change_of_proportions(
    before_1_3: Number,
    before_inferior: Number,
    after_1_3: Number,
    after_inferior: Number,
    method: EvaluationMethod | None = None,
) -> ProportionChange:
    """Compare the shares of a river or region in two periods, all in per cent, unrounded.

    Exactly 10 points are no obvious change, exactly 20 still a somewhat.
    """
    method = method or load_evaluation_method()
    delta_1_3 = Fraction(after_1_3) - Fraction(before_1_3)
    delta_inferior = Fraction(after_inferior) - Fraction(before_inferior)
    points = delta_1_3 - delta_inferior
    if abs(points) <= Fraction(method.points_somewhat_above):
        change = Change.NO_OBVIOUS_CHANGE
    elif abs(points) <= Fraction(method.points_marked_above):
        change = Change.SOMEWHAT_BETTER if points > 0 else Change.SOMEWHAT_WORSE
    else:
        change = Change.MARKED_BETTER if points > 0 else Change.MARKED_WORSE
    return ProportionChange(delta_1_3, delta_inferior, points, change)


def larger_change(by_grade: Change, by_proportions: Change) -> Change:
    """Choose what is reported where grade and proportions disagree: the larger change.

    Where the two are equally large in opposite directions, the worse one.
    """
    return max(by_grade, by_proportions, key=lambda change: (abs(_STEPS[change]), -_STEPS[change]))
