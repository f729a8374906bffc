"""Design grade (等别) of a tailings pond, 1 the largest, by capacity and dam height (GB 50863-2013, 3.3)."""

from dataclasses import dataclass
from decimal import Decimal

from spatial.errors import QuantityError
from spatial.standards import TailingsGrades, load_tailings_grades


@dataclass(frozen=True, slots=True)
class DesignGrade:
    """Grade by capacity, grade by dam height, and the grade that follows."""

    by_capacity: int
    by_height: int
    grade: int


def design_grade(
    capacity_10k_m3: Decimal,
    dam_height_m: Decimal,
    *,
    failure_hits: bool = False,
    grades: TailingsGrades | None = None,
) -> DesignGrade:
    """Grade a pond with a dam; a pit without a dam has no grade, so do not ask for one.

    Up to one step apart, the higher of the two grades holds; further apart, the higher one lowered by one.
    `failure_hits` raises by one grade, never up to 1, where failure would hit a town, factory or trunk line.

    Parameters
    ----------
    capacity_10k_m3, dam_height_m
        Total capacity in 10⁴ m³ and dam height in m, exact; a value equal to a bound belongs to the larger
        grade.

    Raises
    ------
    QuantityError
        If a number is negative or not finite.
    """
    grades = grades or load_tailings_grades()
    for name, value in (("capacity_10k_m3", capacity_10k_m3), ("dam_height_m", dam_height_m)):
        if not value.is_finite() or value < 0:
            raise QuantityError(name, value)
    by_capacity = next(line.grade for line in grades.bounds if capacity_10k_m3 >= line.capacity_10k_m3)
    by_height = next(line.grade for line in grades.bounds if dam_height_m >= line.dam_height_m)
    higher = min(by_capacity, by_height)
    grade = higher if abs(by_capacity - by_height) <= 1 else higher + 1
    if failure_hits and grade > 1:
        grade = max(2, grade - grades.raise_where_failure_hits)
    return DesignGrade(by_capacity, by_height, grade)
