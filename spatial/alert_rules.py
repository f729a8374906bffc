"""The rules of warnings (预警) as data: what opens one, how severe it is, and when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from hashlib import sha256
from importlib import resources
from itertools import pairwise
from typing import Final

from spatial.errors import RuleFileError
from spatial.rule_entry import RuleEntry, Source, parse_toml
from spatial.standards import load_evaluation_method
from spatial.vocabulary import AlertSeverity, StationType

FILE: Final = "warnings.toml"
KINDS: Final = ("limit", "jump", "rise", "bloom", "metal", "oxygen", "source")
TESTS: Final = ("class_limit", "single_limit", "approved_limit", "level", "jump", "rise", "daily_swing")
PLACES: Final = ("any", "target", "no_target", "source", "no_source")
AGAINST: Final = ("target", "source", "1", "2", "3", "4", "5")
EVALUATED, SINGLE = "evaluated", "single"

_BASES: Final = ("document", "memory", "measured", "convention")
_TABLES: Final = {"severities", "episodes", "warning"}
_HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """From which bound on a warning has a severity (its place among the severities, from 0).

    `bound` is an exceedance multiple of a limit, a level in the unit of the item, or a factor of a median.
    """

    severity: int
    bound: Decimal


@dataclass(frozen=True, slots=True)
class RiseTest:
    """When the means of consecutive periods rise; `at_least` is Spearman's coefficient of a rank test."""

    period: str
    method: str
    periods: int
    fewest_per_period: int
    factor: Decimal
    at_least: Decimal | None


@dataclass(frozen=True, slots=True)
class JumpTest:
    """What a reading is compared with: so many readings before it, none of them longer ago."""

    previous: int
    fewest: int
    within_us: int


@dataclass(frozen=True, slots=True)
class SwingTest:
    """How far oxygen and pH must rise between night and day, in Beijing hours (the last not included)."""

    night_hours: tuple[int, int]
    day_hours: tuple[int, int]
    oxygen_rise: Decimal
    ph_rise: Decimal
    oxygen_peak: Decimal


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule. `items` are parameter codes, or the words `evaluated` and `single` of the standard in force.

    `where` says at which sections it holds; `rivers` and `region_code` narrow that further. `gap_us` is None
    where the general gaps hold. `floor` is the share of the section's limit below which nothing is warned of.
    """

    id: str
    kind: str
    test: str
    where: str
    against: str | None
    items: tuple[str, ...] | str
    rivers: frozenset[str]
    region_code: str | None
    station: str | None
    steps: tuple[Step, ...]
    above: bool
    inclusive: bool
    fewest_automatic: int
    fewest_manual: int
    at_once: int | None
    floor: Fraction | None
    gap_us: int | None
    jump: JumpTest | None
    rise: RiseTest | None
    swing: SwingTest | None
    basis: str
    title_zh: str
    title_en: str
    reason_zh: str
    reason_en: str
    source: Source

    @property
    def is_long(self) -> bool:
        """Whether it looks back over months, and not over days."""
        return self.rise is not None and self.rise.period == "month"

    def holds_on(self, day: date) -> bool:
        """Whether the rule holds for readings of a day."""
        return self.source.in_force <= day <= (self.source.valid_to or date.max)

    def as_json(self) -> dict[str, object]:
        """The rule as it stands in the evidence of a warning."""
        return {
            "id": self.id,
            "title": {"zh": self.title_zh, "en": self.title_en},
            "reason": {"zh": self.reason_zh, "en": self.reason_en},
            "basis": self.basis,
            "source": self.source.as_json(),
        }


@dataclass(frozen=True, slots=True)
class AlertRules:
    """All rules with what they share; gaps in microseconds, `sha256` of the file."""

    severities: tuple[str, ...]
    gap_automatic_us: int
    gap_manual_us: int
    readings_kept: int
    rules: tuple[AlertRule, ...]
    sources: Mapping[str, Source]
    sha256: str

    def rule(self, rule_id: str) -> AlertRule:
        """One rule; raises KeyError."""
        return {rule.id: rule for rule in self.rules}[rule_id]

    def has(self, rule_id: str) -> bool:
        """Whether there is a rule of this name."""
        return any(rule.id == rule_id for rule in self.rules)

    def longest_gap_us(self) -> int:
        """The longest time between two readings of one warning."""
        own = [rule.gap_us for rule in self.rules if rule.gap_us is not None]
        return max(self.gap_automatic_us, self.gap_manual_us, *own)


def _words(entry: RuleEntry, key: str) -> tuple[str, str]:
    both = RuleEntry(entry.file, f"{entry.name}.{key}", entry.take(key, dict))
    found = both.take("zh", str), both.take("en", str)
    both.close()
    return found


def _severity(entry: RuleEntry, key: str, order: tuple[str, ...]) -> int:
    return order.index(entry.one_of(key, order))


_BOUND_OF: Final = {
    "class_limit": "multiple",
    "single_limit": "multiple",
    "approved_limit": "multiple",
    "level": "level",
    "jump": "factor",
}


def _parse_steps(entry: RuleEntry, test: str, order: tuple[str, ...], *, above: bool) -> tuple[Step, ...]:
    if test not in _BOUND_OF:
        return (Step(_severity(entry, "severity", order), Decimal(0)),)
    found = []
    for step in entry.tables("steps"):
        found.append(Step(_severity(step, "severity", order), step.decimal(_BOUND_OF[test])))
        step.close()
    bounds = [step.bound for step in found]
    if any(low >= high if above else low <= high for low, high in pairwise(bounds)):
        raise entry.refuse("has steps whose bounds do not rise with the severity: put the mildest first")
    if any(mild.severity >= severe.severity for mild, severe in pairwise(found)):
        raise entry.refuse("has steps that are not in the order of the severities: put the mildest first")
    if bounds[0] < 0 or (test == "jump" and bounds[0] <= 1):
        raise entry.refuse("has a step that every reading reaches: a multiple is 0 or more, a factor above 1")
    if _BOUND_OF[test] == "multiple" and bounds[0] != 0:
        raise entry.refuse('must begin at the limit itself: give the first step the multiple "0"')
    return tuple(found)


def _parse_items(entry: RuleEntry, test: str) -> tuple[str, ...] | str:
    if test == "approved_limit":
        return ()
    if test == "daily_swing":
        return ("do", "ph")
    word = {"class_limit": EVALUATED, "single_limit": SINGLE}.get(test)
    if word is not None and entry.has("items"):
        value = entry.take("items", object)  # a word, or a list that is read below
        if value == word:
            return word
        entry = RuleEntry(entry.file, entry.name, {"items": value})
    return entry.parameters("items")


def _hours(entry: RuleEntry, key: str) -> tuple[int, int]:
    values = entry.take(key, list)
    if len(values) != 2 or not all(type(value) is int for value in values):
        raise entry.refuse(f"{key} must be two whole hours [first, end]")
    if not 0 <= values[0] < values[1] <= 24:
        raise entry.refuse(f"{key} must lie within a day and not end before it begins")
    return values[0], values[1]


def _parse_jump(entry: RuleEntry) -> JumpTest:
    found = JumpTest(
        entry.positive("previous"),
        entry.positive("fewest_previous"),
        entry.positive("within_hours") * _HOUR_US,
    )
    if found.fewest > found.previous:
        raise entry.refuse("asks for more readings before than it looks at: lower fewest_previous")
    return found


def _parse_rise(entry: RuleEntry) -> RiseTest:
    method = entry.one_of("method", ("consecutive", "rank"))
    periods = entry.positive("periods")
    if periods < (5 if method == "rank" else 2):
        raise entry.refuse("has too few periods: a rank test needs 5, a row of means 2")
    at_least = entry.decimal("at_least") if method == "rank" else None
    if at_least is not None and not 0 < at_least <= 1:
        raise entry.refuse("at_least must be a coefficient above 0 and up to 1")
    factor = entry.decimal("factor")
    if factor < 1:
        raise entry.refuse("factor must be 1 or more")
    return RiseTest(
        entry.one_of("period", ("day", "month")),
        method,
        periods,
        entry.positive("fewest_per_period"),
        factor,
        at_least,
    )


def _parse_swing(entry: RuleEntry) -> SwingTest:
    night, day = _hours(entry, "night_hours"), _hours(entry, "day_hours")
    if night[1] > day[0]:
        raise entry.refuse("must have a night that ends before the day begins")
    return SwingTest(
        night, day, entry.decimal("oxygen_rise"), entry.decimal("ph_rise"), entry.decimal("oxygen_peak")
    )


def _parse_rule(entry: RuleEntry, order: tuple[str, ...]) -> AlertRule:
    rule_id = entry.take("id", str)
    entry.name = f"warning.{rule_id}"
    test = entry.one_of("test", TESTS)
    above = entry.one_of("side", ("above", "below")) == "above" if test == "level" else True
    title, reason = _words(entry, "title"), _words(entry, "reason")
    found = AlertRule(
        id=rule_id,
        kind=entry.one_of("kind", KINDS),
        test=test,
        where=entry.one_of("where", PLACES),
        against=entry.one_of("against", AGAINST) if test == "class_limit" else None,
        items=_parse_items(entry, test),
        rivers=frozenset(entry.texts("rivers")) if entry.has("rivers") else frozenset(),
        region_code=entry.take("region_code", str) if entry.has("region_code") else None,
        station=entry.one_of("station", StationType) if entry.has("station") else None,
        steps=_parse_steps(entry, test, order, above=above),
        above=above,
        inclusive=entry.take("inclusive", bool) if test == "level" else False,
        fewest_automatic=entry.positive("fewest_automatic"),
        fewest_manual=entry.positive("fewest_manual"),
        at_once=_severity(entry, "at_once", order) if entry.has("at_once") else None,
        floor=entry.share("floor") if test in ("jump", "rise") else None,
        gap_us=entry.positive("gap_hours") * _HOUR_US if entry.has("gap_hours") else None,
        jump=_parse_jump(entry) if test == "jump" else None,
        rise=_parse_rise(entry) if test == "rise" else None,
        swing=_parse_swing(entry) if test == "daily_swing" else None,
        basis=entry.one_of("basis", _BASES),
        title_zh=title[0],
        title_en=title[1],
        reason_zh=reason[0],
        reason_en=reason[1],
        source=entry.source(),
    )
    entry.close()
    if found.against == "target" and found.where != "target":
        raise entry.refuse('is held against the target: give it where = "target"')
    if found.test in ("rise", "daily_swing") and found.station is None:
        raise entry.refuse("compares means of periods: say of which station they are")
    return found


def parse_alert_rules(text: str, file: str = FILE) -> AlertRules:
    """Read the rules of warnings from the text of their file.

    Raises
    ------
    RuleFileError
        On an unknown table, key, item or word, a missing source, steps that do not rise, a rule that stands
        twice, or settings that no reading can meet.
    """
    data = parse_toml(text, file)
    if set(data) != _TABLES:
        raise RuleFileError(file, "file", "must have severities, episodes and [[warning]], and nothing else")
    head = RuleEntry(file, "severities", data["severities"])
    order = head.texts("order")
    head.one_of("basis", _BASES)
    if order != tuple(AlertSeverity):
        raise head.refuse(f"order must be {', '.join(AlertSeverity)}: the doors and pages know these")
    episodes = RuleEntry(file, "episodes", data["episodes"])
    episodes.one_of("basis", _BASES)
    sources = {"severities": head.source(), "episodes": episodes.source()}
    listed = data["warning"]
    if not isinstance(listed, list) or not listed:
        raise RuleFileError(file, "warning", "must be a list of rules: [[warning]]")
    rules = tuple(_parse_rule(RuleEntry(file, f"warning[{n}]", one), order) for n, one in enumerate(listed))
    names = [rule.id for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RuleFileError(file, f"warning.{twice[0]}", "stands there twice: keep one of the two")
    found = AlertRules(
        severities=order,
        gap_automatic_us=episodes.positive("gap_automatic_hours") * _HOUR_US,
        gap_manual_us=episodes.positive("gap_manual_days") * 24 * _HOUR_US,
        readings_kept=episodes.positive("readings_kept"),
        rules=rules,
        sources=sources,
        sha256=sha256(text.encode()).hexdigest(),
    )
    head.close()
    episodes.close()
    return found


@cache
def load_alert_rules() -> AlertRules:
    """Read the packaged rules once."""
    return parse_alert_rules(resources.files("spatial").joinpath("rules", FILE).read_text(encoding="utf-8"))


def evaluated_items() -> tuple[str, ...]:
    """The items that decide a class (环办〔2011〕22号, part 1 (1))."""
    return load_evaluation_method().evaluated
