"""What holds for any water: worse is never better, meeting is never exceeding, a unit is only a unit.

No deadlines: on a busy machine one assessment may take as long as fifty.
"""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from spatial.assessment import AssessmentSettings, assess_sections
from spatial.classification import Grader
from spatial.parameters import convert_unit, find_parameter
from spatial.period import parse_period
from spatial.standards import load_evaluation_method, load_standard
from spatial.vocabulary import Verdict

STANDARD, METHOD = load_standard(), load_evaluation_method()
CODES = ("do", "cod_mn", "nh3_n", "tp", "hg", "cyanide", "petroleum", "bod5")
PERIODS = ("2025-06", "2025-Q2", "2025-flood", "2025")
GROWTH = {"mg/L": 1, "μg/L": 1000, "ng/L": 1_000_000}


@st.composite
def numbers(draw, code):
    """A number at a limit of the item, a little off, or anywhere near; in the unit of the limit."""
    bound = draw(st.sampled_from(STANDARD.river[code].bounds))
    return max(
        Decimal(0), bound * draw(st.sampled_from((1, 1, Decimal("0.5"), 2))) + draw(st.sampled_from(STEPS))
    )


STEPS = tuple(map(Decimal, ("0", "0", "0.00001", "-0.00001", "0.1", "-0.1", "3")))
READINGS = st.lists(
    st.sampled_from(CODES).flatmap(
        lambda code: st.tuples(
            st.integers(1, 12),
            st.integers(1, 28),
            st.just(code),
            numbers(code),
            st.sampled_from((False, False, True)),
        )
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda row: row[:3],
)


def assess(sections_of, readings_of, rows, period, *, target=3, kind="river", **choices):
    readings = readings_of(
        *(
            ("S", f"2025-{month:02d}-{day:02d}", {code: f"{'<' * below}{number}"})
            for month, day, code, number, below in rows
        )
    )
    sections = sections_of({"code": "S", "target_class": target, "water_body_type": kind})
    chosen = AssessmentSettings(**choices)
    (found,) = assess_sections(sections, readings, parse_period(period), STANDARD, chosen)
    return found


@settings(max_examples=80, deadline=None)
@given(
    rows=READINGS,
    data=st.data(),
    period=st.sampled_from(PERIODS),
    kind=st.sampled_from(("river", "lake", None)),
    rounded=st.booleans(),
    target=st.integers(1, 5),
)
def test_worse_water_never_earns_a_better_class(
    sections_of, readings_of, rows, data, period, kind, rounded, target
):
    place = data.draw(st.integers(0, len(rows) - 1))
    month, day, code, number, _ = rows[place]
    more = data.draw(st.sampled_from((Decimal("0.00001"), Decimal("0.01"), Decimal(1), Decimal(9))))
    # Beyond the gross maximum there is no water but a slip of the pen, which does not enter.
    worse = (
        max(Decimal(0), number - more) if code == "do" else min(number + more, find_parameter(code).gross_max)
    )
    before = [*rows[:place], (month, day, code, number, False), *rows[place + 1 :]]
    after = [*rows[:place], (month, day, code, worse, False), *rows[place + 1 :]]
    was, became = (
        assess(sections_of, readings_of, each, period, kind=kind, target=target, round_means=rounded)
        for each in (before, after)
    )
    assert (became.best_class or 0) >= (was.best_class or 0)
    assert (became.worst_class or 0) >= (was.worst_class or 0)
    order = (Verdict.COMPLIANT, Verdict.UNDETERMINED, Verdict.VIOLATION)
    assert order.index(became.verdict) >= order.index(was.verdict)
    for one, other in zip(was.parameters, became.parameters, strict=True):
        assert (other.item.exceedance_multiple or 0) >= (one.item.exceedance_multiple or 0)


@settings(max_examples=80, deadline=None)
@given(rows=READINGS, target=st.integers(1, 5), data=st.data())
def test_a_month_whose_readings_all_meet_the_target_meets_it(sections_of, readings_of, rows, target, data):
    grader = Grader(STANDARD, METHOD, "river", target)
    meeting = [
        (6, day, code, number, below)
        for _, day, code, number, below in rows
        if grader.grade_item(code, number, censored=below).worst_class <= target
    ]
    unique = list({row[1:3]: row for row in meeting}.values())
    if unique:
        found = assess(sections_of, readings_of, unique, "2025-06", target=target)
        assert found.verdict is Verdict.COMPLIANT
        assert not any(entry.item.target_multiple for entry in found.parameters)


@settings(deadline=None)
@given(
    rows=READINGS,
    code=st.sampled_from(CODES),
    data=st.data(),
    target=st.integers(1, 5),
)
def test_a_compliant_reading_never_creates_an_exceedance_of_a_sample(rows, code, data, target):
    grader = Grader(STANDARD, METHOD, "river", target)
    items = [grader.grade_item(name, number, censored=below) for _, _, name, number, below in rows]
    more = grader.grade_item(code, data.draw(numbers(code)), censored=data.draw(st.booleans()))
    if more.worst_class > target:
        return
    before, after = grader.classify(items), grader.classify([*items, more])
    assert after.verdict_for(target) is before.verdict_for(target)
    exceeding = [
        {item.code for item in found.items if (item.best_class or 0) > target} for found in (before, after)
    ]
    assert exceeding[0] == exceeding[1]


@settings(deadline=None)
@given(rows=READINGS, units=st.lists(st.sampled_from(tuple(GROWTH)), min_size=10, max_size=10))
def test_the_unit_of_a_reading_never_changes_a_result(sections_of, readings_of, rows, units):
    told = []
    for (month, day, code, number, below), unit in zip(rows, units, strict=False):
        written = number * GROWTH[unit]  # what the laboratory would have put down
        told.append((month, day, code, convert_unit(written, unit, "mg/L"), below))
        assert Fraction(told[-1][3]) == Fraction(number)
    plain, converted = (assess(sections_of, readings_of, each, "2025").as_json() for each in (rows, told))
    assert plain == converted
