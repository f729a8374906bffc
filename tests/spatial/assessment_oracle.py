"""The assessment of one section over one period, done again from the text of the rules, one number at a time.

Standard library alone; nothing of the engine is imported, nor are its data files read. The limits are typed
in from GB 3838-2002, Table 1, the rules from 环办〔2011〕22号 and 环办监测函〔2020〕82号. Where they leave
something open, the convention of this project is said beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

BEIJING = timezone(timedelta(hours=8))

# In the order of Table 1: how to compare, the bounds of classes I to V, decimals of a published value.
RIVER = {
    "ph": ("within", "6 9", 0),
    "do": ("at_least", "7.5 6 5 3 2", 1),
    "cod_mn": ("at_most", "2 4 6 10 15", 1),
    "cod_cr": ("at_most", "15 15 20 30 40", 1),
    "bod5": ("at_most", "3 3 4 6 10", 1),
    "nh3_n": ("at_most", "0.15 0.5 1.0 1.5 2.0", 2),
    "tp": ("at_most", "0.02 0.1 0.2 0.3 0.4", 3),
    "cu": ("at_most", "0.01 1.0 1.0 1.0 1.0", 3),
    "zn": ("at_most", "0.05 1.0 1.0 2.0 2.0", 3),
    "fluoride": ("at_most", "1.0 1.0 1.0 1.5 1.5", 3),
    "se": ("at_most", "0.01 0.01 0.01 0.02 0.02", 4),
    "arsenic": ("at_most", "0.05 0.05 0.05 0.1 0.1", 4),
    "hg": ("at_most", "0.00005 0.00005 0.0001 0.001 0.001", 5),
    "cd": ("at_most", "0.001 0.005 0.005 0.005 0.01", 5),
    "cr6": ("at_most", "0.01 0.05 0.05 0.05 0.1", 3),
    "pb": ("at_most", "0.01 0.01 0.05 0.05 0.1", 4),
    "cyanide": ("at_most", "0.005 0.05 0.2 0.2 0.2", 3),
    "volatile_phenol": ("at_most", "0.002 0.002 0.005 0.01 0.1", 4),
    "petroleum": ("at_most", "0.05 0.05 0.05 0.5 1.0", 2),
    "las": ("at_most", "0.2 0.2 0.2 0.3 0.3", 2),
    "sulfide": ("at_most", "0.05 0.1 0.2 0.5 1.0", 3),
}
LAKE = RIVER | {"tp": ("at_most", "0.01 0.025 0.05 0.1 0.2", 3)}
# Reported apart: water temperature, total nitrogen, fecal coliforms. Total nitrogen has limits in lakes only.
LAKE_NITROGEN = ("at_most", "0.2 0.5 1.0 1.5 2.0", 2)
ORDER = (*list(RIVER)[:7], "tn", *list(RIVER)[7:])
EVALUATED = tuple(RIVER)
CORE = ("ph", "do", "cod_mn", "nh3_n", "tp")
AUTOMATIC_FIRST = ("ph", "do", "cod_mn", "nh3_n", "tp", "tn")
PRIORITY = ("cyanide", "cu", "zn", "se", "arsenic", "hg", "cd", "cr6", "pb")
STOPPED = ("停站", "停运", "断流", "调试", "不具备运行条件")
MAINTENANCE = ("维护", "检修")
FLOOD_MONTHS = (5, 6, 7, 8, 9, 10)
INTENSITY = ("cod_mn", "nh3_n", "tp")
SHOWN_FROM = date(2022, 1, 1)


def limits_of(water: str) -> dict[str, tuple[str, str, int]]:
    """Limits of rivers, or of lakes and reservoirs."""
    return RIVER if water == "river" else LAKE | {"tn": LAKE_NITROGEN}


@dataclass(frozen=True)
class Reading:
    """One number of one parameter; `value` is the detection limit itself where `below`."""

    section: str
    moment: datetime
    parameter: str
    value: Decimal | None
    full: Decimal | None = None
    below: bool = False
    limit: Decimal | None = None
    automatic: bool = False
    status: str | None = None
    quality: int | None = None


@dataclass(frozen=True)
class Span:
    """Beijing days, both included. `kind`: month, quarter, year, flood, dry, range."""

    kind: str
    first: date
    last: date

    def holds(self, moment: datetime) -> bool:
        return self.first <= moment.astimezone(BEIJING).date() <= self.last

    @property
    def months(self) -> int:
        return (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def by_months(self) -> bool:
        """Mean of monthly means? A week, month or quarter takes the mean of its samples."""
        return self.kind in ("year", "flood", "dry") or (self.kind == "range" and self.days > 31)

    def needs(self, *, interrupted: bool) -> int:
        """Samples, or months where the mean is one of months (two thirds where the rules are silent)."""
        if self.kind == "year":
            return 8 if interrupted else 12
        if self.by_months:
            return -(-2 * self.months // 3)
        return 2 if self.kind == "quarter" else 1


@dataclass(frozen=True)
class Item:
    """One parameter over the period. `multiple` and `target_multiple` are None where nothing is exceeded."""

    mean: Fraction
    samples: int
    months: int
    non_detects: int
    best: int | None
    worst: int | None
    multiple: Fraction | None
    target_multiple: Fraction | None


@dataclass(frozen=True)
class Answer:
    """One section over one period. Classes are 1 to 6, 0 for none."""

    items: Mapping[str, Item]
    samples: int
    months: int
    automatic_samples: int
    excluded: int
    representative: bool
    best: int
    worst: int
    shown: int
    limiting: frozenset[str]
    pollutants: tuple[str, ...]
    verdict: str | None
    low_coverage: bool
    intensity: tuple[str, Fraction] | None


def assess(
    readings: Iterable[Reading],
    span: Span,
    *,
    water: str | None,
    target: int | None,
    interrupted: bool = False,
    rounded: bool = False,
    suspect: bool = False,
) -> Answer:
    """Assess the readings of one section; `suspect` lets flag 3 enter, `rounded` rounds means first."""
    inside = [reading for reading in readings if span.holds(reading.moment)]
    usable = [
        (reading, number) for reading in inside if (number := entering(reading, suspect=suspect)) is not None
    ]
    led = {(r.parameter, month_of(r)) for r, _ in usable if r.automatic and r.parameter in AUTOMATIC_FIRST}
    kept = [(r, number) for r, number in usable if r.automatic or (r.parameter, month_of(r)) not in led]
    counting = [r for r, _ in kept if r.parameter in EVALUATED]
    samples, months = len({r.moment for r in counting}), len({month_of(r) for r in counting})
    automatic = len({r.moment for r in counting if r.automatic})
    minimum = span.needs(interrupted=interrupted)
    by_parameter: dict[str, list[tuple[Reading, Decimal]]] = defaultdict(list)
    for reading, number in kept:
        by_parameter[reading.parameter].append((reading, number))

    def judged(kind: str) -> dict[str, Item]:
        return {
            code: judge_item(code, by_parameter[code], span, kind, target, minimum, rounded=rounded)
            for code in ORDER
            if code in by_parameter
        }

    representative = bool(kept) and (months if span.by_months else samples) >= minimum
    waters = (water,) if water is not None else ("river", "lake")
    results = [(items, *section_class(items)) for items in map(judged, waters)]
    items, best, worst, limiting, pollutants = results[0]
    shown = shown_class(best, worst)
    if len(results) == 2:
        other = results[1]
        if best and other[1] and not shown_class(other[1], other[2]) == shown != 0:
            # They do not agree: any class of either is possible, and only what both name is named.
            best, worst, shown, limiting = min(best, other[1]), max(worst, other[2]), 0, frozenset()
            pollutants = tuple(code for code in pollutants if code in other[4])
    if not representative:
        best = worst = shown = 0
        limiting, pollutants = frozenset(), ()
    verdict = None
    if target is not None:
        possible = set(range(best, worst + 1)) - {0}
        if possible and all(number <= target for number in possible):
            verdict = "compliant"
        elif possible and all(number > target for number in possible):
            verdict = "violation"
        else:
            verdict = "undetermined"
    return Answer(
        items=items,
        samples=samples,
        months=months,
        automatic_samples=automatic,
        excluded=len(inside) - len(usable),
        representative=representative,
        best=best,
        worst=worst,
        shown=shown,
        limiting=limiting,
        pollutants=pollutants,
        verdict=verdict,
        low_coverage=automatic > 0 and Fraction(automatic, 6 * span.days) < Fraction(60, 100),
        intensity=None if water is None or target is None else flood_intensity(kept, water, target),
    )


def month_of(reading: Reading) -> tuple[int, int]:
    """Beijing month of a reading."""
    day = reading.moment.astimezone(BEIJING).date()
    return day.year, day.month


def entering(reading: Reading, *, suspect: bool) -> Decimal | None:
    """Number that enters (before any halving), or None: out of service, flagged, missing or impossible."""
    if reading.status is not None and any(word in reading.status for word in (*STOPPED, *MAINTENANCE)):
        return None
    if reading.quality in (4, 9) or (reading.quality == 3 and not suspect):
        return None
    number = reading.value
    if reading.below:
        number = reading.limit if reading.limit is not None else reading.value
    elif reading.moment.astimezone(BEIJING).date() < SHOWN_FROM and reading.full is not None:
        number = reading.full
    if number is None or number < 0 or (reading.parameter == "ph" and number > 14):
        return None
    return number


def mean_of(entries: Sequence[tuple[tuple[int, int], Fraction]], *, by_months: bool) -> Fraction:
    """Mean of all numbers, or mean of the means of months."""
    if not by_months:
        return sum((number for _, number in entries), start=Fraction(0)) / len(entries)
    months: dict[tuple[int, int], list[Fraction]] = defaultdict(list)
    for month, number in entries:
        months[month].append(number)
    means = [sum(numbers, start=Fraction(0)) / len(numbers) for numbers in months.values()]
    return sum(means, start=Fraction(0)) / len(means)


def grade(code: str, value: Fraction, water: str) -> int:
    """Class of one number: the best class whose limit it meets, 6 for none. At the limit is within it."""
    direction, text, _ = limits_of(water)[code]
    bounds = [Fraction(bound) for bound in text.split()]
    if direction == "within":
        return 1 if bounds[0] <= value <= bounds[1] else 6
    for place, bound in enumerate(bounds):
        if value <= bound if direction == "at_most" else value >= bound:
            return place + 1
    return 6


def judge_item(
    code: str,
    entries: Sequence[tuple[Reading, Decimal]],
    span: Span,
    water: str,
    target: int | None,
    minimum: int,
    *,
    rounded: bool,
) -> Item:
    """Average and judge one parameter; non-detects enter as half of their detection limit."""
    halved = [(month_of(r), Fraction(number) / (2 if r.below else 1)) for r, number in entries]
    mean = mean_of(halved, by_months=span.by_months)
    non_detects = sum(r.below for r, _ in entries)
    months = len({month_of(r) for r, _ in entries})
    item = Item(mean, len(entries), months, non_detects, None, None, None, None)
    if code not in limits_of(water):
        return item
    direction, text, decimals = limits_of(water)[code]
    if non_detects == len(entries):
        # Nothing seen: the value lies anywhere between nothing and the mean detection limit.
        limit = mean_of([(month_of(r), Fraction(number)) for r, number in entries], by_months=span.by_months)
        # The mean detection limit itself is not among them: what lies below a lower bound does not reach it.
        nearest = limit if direction == "at_most" else limit - Fraction(1, 10**30)
        ends = grade(code, Fraction(0), water), grade(code, nearest, water)
        best, worst = min(ends), max(ends)
        value = None
    else:
        # round() of a fraction is exact, a half to the even digit.
        value = Fraction(round(mean * 10**decimals), 10**decimals) if rounded else mean
        best = worst = grade(code, value, water)
    if code in CORE and (months if span.by_months else len(entries)) < minimum:
        best, worst, value = 1, 6, None
    multiples: list[Fraction | None] = []
    for reference in (3, target):
        multiple = None
        if value is not None and reference is not None and direction == "at_most":
            bound = Fraction(text.split()[reference - 1])
            multiple = (value - bound) / bound if value > bound else None
        multiples.append(multiple)
    return Item(mean, len(entries), months, non_detects, best, worst, *multiples)


def section_class(items: Mapping[str, Item]) -> tuple[int, int, frozenset[str], tuple[str, ...]]:
    """Best and worst class, limiting items, main pollutants of the evaluated items; zeros for none."""
    found = {code: (item.best, item.worst) for code, item in items.items() if code in EVALUATED}
    ranges = {
        code: (best, worst) for code, (best, worst) in found.items() if best is not None and worst is not None
    }
    if not ranges:
        return 0, 0, frozenset(), ()
    best = max(best for best, _ in ranges.values())
    worst = max(worst for _, worst in ranges.values())
    shown = shown_class(best, worst)
    limiting = frozenset(code for code, (_, end) in ranges.items() if shown and end == shown)
    over = [code for code, (start, _) in ranges.items() if start > 3]

    def rank(code: str) -> tuple[bool, int, bool, Fraction, int]:
        multiple = items[code].multiple
        return code not in PRIORITY, -ranges[code][0], multiple is None, -(multiple or 0), ORDER.index(code)

    return best, worst, limiting, tuple(sorted(over, key=rank)[:3])


def shown_class(best: int, worst: int) -> int:
    """Class shown to be met: the worst possible, unless it is open whether the water is polluted."""
    if best == worst:
        return worst
    return 0 if worst == 6 or best <= 3 < worst else worst


def flood_intensity(
    kept: Sequence[tuple[Reading, Decimal]], water: str, target: int
) -> tuple[str, Fraction] | None:
    """First pollutant: highest detected reading of the flood months over the limit at the target."""
    found: list[tuple[Fraction, int, str]] = []
    for code in INTENSITY:
        seen = [
            Fraction(number)
            for r, number in kept
            if r.parameter == code and not r.below and month_of(r)[1] in FLOOD_MONTHS
        ]
        if seen:
            bound = Fraction(limits_of(water)[code][1].split()[target - 1])
            found.append((max(seen) / bound, -ORDER.index(code), code))
    if not found:
        return None
    ratio, _, code = max(found)
    return code, ratio
