"""The law as data: limits of a standard and the numbers of an evaluation method, read from ``spatial/rules``.

Nothing here judges water. A loader refuses a file that says what no rule can say: bounds that do not rise, a
missing source, an unknown key, unit or parameter. Every entry keeps its document, clause and dates. Which
edition holds on a day, and what a province adds to it, is decided in `spatial.overlays`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cache
from hashlib import sha256
from importlib import resources
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TypeVar

from spatial.errors import RuleFileError, UnknownWaterBodyTypeError, WaterClassRangeError
from spatial.parameters import convert_unit, load_parameters, normalize_unit
from spatial.rule_entry import KNOWN_CODES, RuleEntry, Source, parse_toml
from spatial.vocabulary import Compare, Grade, MissingRequired, PhMean, TrophicState, WaterBodyType

Number = Decimal | Fraction
"""An exact number: the decimal that was reported, or an exact mean of such decimals."""

_T = TypeVar("_T")


class Direction(StrEnum):
    """On which side of a bound the water is better."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    WITHIN = "within"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Limit:
    """Class limits of one parameter in one kind of water.

    `bounds` are the five class bounds Ⅰ to Ⅴ for `at_most` and `at_least`, lower and upper end for `within`,
    and largest rise and fall of the weekly mean for `change`, which no value can be graded by. A value equal
    to a bound meets it. `looser_because` is the stated reason of an overlay that is looser than what it lies
    over.
    """

    parameter: str
    unit: str
    direction: Direction
    bounds: tuple[Decimal, ...]
    decimals: int
    source: Source
    looser_because: str | None = None
    _exact: tuple[Fraction, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_exact", tuple(Fraction(bound) for bound in self.bounds))

    def grade(self, value: Number) -> int:
        """Grade a value in the unit of the limit: 1 to 5, or 6 where it meets no class.

        The comparison is exact. Where neighbouring classes share a bound, the better class is given.

        Raises
        ------
        ValueError
            For a `change` limit: a weekly change is no property of one value.
        """
        # Decimals compare exactly with decimals, fractions with fractions; the first is much the faster.
        bounds: tuple[Any, ...] = self._exact if isinstance(value, Fraction) else self.bounds
        match self.direction:
            case Direction.AT_MOST:
                return next((place for place, bound in enumerate(bounds, 1) if value <= bound), 6)
            case Direction.AT_LEAST:
                return next((place for place, bound in enumerate(bounds, 1) if value >= bound), 6)
            case Direction.WITHIN:
                return 1 if bounds[0] <= value <= bounds[1] else 6
            case Direction.CHANGE:
                raise ValueError(f"{self.parameter} is limited by its weekly change, not by value")

    def grade_below(self, detection_limit: Number) -> tuple[int, int]:
        """Give the best and the worst class of a value known only to lie below `detection_limit`.

        For a concentration the best is Ⅰ, the worst is the best class whose bound is not below the detection
        limit, 6 if there is none. For oxygen and pH the range is what the numbers from 0 upwards allow; the
        detection limit itself is not among them, so oxygen below 5 mg/L does not reach 5 mg/L.
        """
        at_zero = self.grade(Decimal(0))
        match self.direction:
            case Direction.AT_LEAST:
                reached = (place for place, bound in enumerate(self.bounds, 1) if bound < detection_limit)
                at_limit = next(reached, 6)
            case Direction.WITHIN if detection_limit == self.bounds[0]:
                at_limit = 6
            case _:
                at_limit = self.grade(detection_limit)
        if self.direction is Direction.WITHIN and detection_limit > self.bounds[1]:
            return (1, 6)  # the range lies between the two ends
        return (min(at_limit, at_zero), max(at_limit, at_zero))

    def bound_of(self, water_class: int) -> tuple[Decimal, ...]:
        """Give the bound of a class, 1 to 5: one number, or the two ends of a range.

        Raises
        ------
        WaterClassRangeError
            For anything but 1 to 5: worse than Ⅴ has no bound.
        """
        if water_class not in range(1, 6):
            raise WaterClassRangeError(water_class)
        if self.direction in (Direction.WITHIN, Direction.CHANGE):
            return self.bounds
        return (self.bounds[water_class - 1],)

    def exceedance_multiple(self, value: Number, water_class: int) -> Fraction | None:
        """Give (value - limit) / limit against a class, exactly; None where the value does not exceed it.

        Also None for pH, oxygen and temperature, which have no multiple. Twice the limit is 1.

        Source: 环办〔2011〕22号, part 2 (1) 3; GB 3838-2002, clause 5.1.
        """
        if self.direction is not Direction.AT_MOST:
            return None
        bound = self.bound_of(water_class)[0]
        if value <= bound:
            return None
        return Fraction(value) / Fraction(bound) - 1


@dataclass(frozen=True, slots=True)
class SingleLimit:
    """One limit of Table 2 or 3, for drinking-water sources only: no classes, the bound included.

    `table` is None for an item that only an overlay limits.
    """

    parameter: str
    unit: str
    limit: Decimal
    decimals: int
    table: int | None
    source: Source
    looser_because: str | None = None

    def is_met_by(self, value: Number) -> bool:
        """Tell whether a value in the unit of the limit meets it."""
        return Fraction(value) <= Fraction(self.limit)

    def exceedance_multiple(self, value: Number) -> Fraction | None:
        """Give (value - limit) / limit, exactly; None where the value meets the limit."""
        return None if self.is_met_by(value) else Fraction(value) / Fraction(self.limit) - 1


@dataclass(frozen=True, slots=True)
class AppliedOverlay:
    """A provincial or basin document whose limits stand in a merged standard."""

    id: str
    document: str
    edition: str
    region_code: str
    in_force: date
    valid_to: date | None
    sha256: str

    def as_json(self) -> dict[str, str | None]:
        """Give the overlay as it stands in evidence."""
        return {
            "id": self.id,
            "document": self.document,
            "edition": self.edition,
            "region_code": self.region_code,
            "in_force": self.in_force.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class Standard:
    """One edition of a standard, as printed or with the `overlays` of a region laid over it.

    `sha256` is the hash of the file of the edition. Every limit names its own document.
    """

    id: str
    document: str
    title_zh: str
    title_en: str
    edition: str
    in_force: date
    valid_to: date | None
    river: Mapping[str, Limit]
    lake: Mapping[str, Limit]
    single: Mapping[str, SingleLimit]
    sha256: str
    overlays: tuple[AppliedOverlay, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Give edition and overlays as they stand in evidence, without the limits."""
        return {
            "id": self.id,
            "document": self.document,
            "edition": self.edition,
            "in_force": self.in_force.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
            "sha256": self.sha256,
            "overlays": [overlay.as_json() for overlay in self.overlays],
        }

    def limits_for(self, water_body: str) -> Mapping[str, Limit]:
        """Give the Table 1 limits for `river`, `lake` or `reservoir` (which takes the lake limits).

        Raises UnknownWaterBodyTypeError for anything else: the type is never guessed.
        """
        match water_body:
            case WaterBodyType.RIVER:
                return self.river
            case WaterBodyType.LAKE | WaterBodyType.RESERVOIR:
                return self.lake
            case _:
                raise UnknownWaterBodyTypeError(water_body)


@dataclass(frozen=True, slots=True)
class DatedCompare:
    """Which value of a reading is compared with a limit on the days from `start` to `end`, both included."""

    start: date | None
    end: date | None
    compare: Compare


@dataclass(frozen=True, slots=True)
class RiverGrade:
    """One line of the table of river grades, in per cent; None asks nothing."""

    grade: Grade
    class_1_3_at_least: Decimal | None
    inferior_below: Decimal | None


@dataclass(frozen=True, slots=True)
class TrophicIndicator:
    """Part of the trophic index: 10 (a + b ln x), x in `unit`; r is the correlation with chlorophyll a."""

    parameter: str
    unit: str
    a: Decimal
    b: Decimal
    r: Decimal


@dataclass(frozen=True, slots=True)
class EvaluationMethod:
    """The numbers of an evaluation method and the settings where it is silent; `sources` by table."""

    id: str
    document: str
    title_zh: str
    title_en: str
    edition: str
    in_force: date
    valid_to: date | None
    sha256: str
    sources: Mapping[str, Source]
    evaluated: tuple[str, ...]
    reported_apart: tuple[str, ...]
    core: tuple[str, ...]
    required: tuple[str, ...]
    missing_required: MissingRequired
    class_grades: Mapping[int, Grade]
    class_colours: Mapping[int, str]
    grade_colours: Mapping[Grade, str]
    reference_class: int
    most_pollutants: int
    priority_pollutants: frozenset[str]
    heavy_metals: tuple[str, ...]
    without_multiple: frozenset[str]
    month_samples: int
    quarter_samples: int
    year_months: int
    year_months_interrupted: int
    interrupted_sections: tuple[str, ...]
    river_like_reservoirs: tuple[str, ...]
    range_months_share: Fraction
    ph_mean: PhMean
    round_means: bool
    automatic_precedence: frozenset[str]
    automatic_readings_per_day: int
    automatic_warn_below: Fraction
    non_detect_share: Fraction
    compare_undated: Compare
    compare_dated: tuple[DatedCompare, ...]
    stopped_words: tuple[str, ...]
    maintenance_words: tuple[str, ...]
    few_sections: int
    river_most_pollutants: int
    river_grades: tuple[RiverGrade, ...]
    flood_months: tuple[int, ...]
    intensity_indicators: tuple[str, ...]
    intensity_highest: str
    trophic_indicators: tuple[TrophicIndicator, ...]
    oligotrophic_below: Decimal
    trophic_states: tuple[tuple[TrophicState, Decimal | None], ...]
    grade_steps_marked: int
    points_somewhat_above: Decimal
    points_marked_above: Decimal
    trend_periods: int
    trend_tolerance: Decimal

    def compare_on(self, day: date | None) -> Compare:
        """Say which value is compared for a sample of a Beijing day; None is an unknown day."""
        if day is not None:
            for entry in self.compare_dated:
                if (entry.start is None or entry.start <= day) and (entry.end is None or day <= entry.end):
                    return entry.compare
        return self.compare_undated


@dataclass(frozen=True, slots=True)
class TailingsGradeBound:
    """Lower bounds of one design grade, included: total capacity in 10⁴ m³, dam height in m."""

    grade: int
    capacity_10k_m3: Decimal
    dam_height_m: Decimal


@dataclass(frozen=True, slots=True)
class TailingsGrades:
    """The table of design grades, the largest pond (grade 1) first."""

    bounds: tuple[TailingsGradeBound, ...]
    raise_where_failure_hits: int
    source: Source


# --- reading rule files ---


def _unit_and_decimals(entry: RuleEntry, code: str) -> tuple[str, int]:
    unit = entry.unit_of(code)
    decimals = entry.take("decimals", int)
    if decimals not in range(16):
        raise entry.refuse("decimals must be 0 to 15")
    return unit, decimals


def _parse_limit(entry: RuleEntry, code: str, *, overlay: bool) -> Limit:
    unit, decimals = _unit_and_decimals(entry, code)
    directions = [direction for direction in Direction if entry.has(direction)]
    if len(directions) != 1:
        raise entry.refuse("must have one of at_most, at_least, within, change")
    direction = directions[0]
    bounds: tuple[Decimal, ...]
    if direction is Direction.CHANGE:
        change = RuleEntry(entry.file, f"{entry.name}.change", entry.take("change", dict))
        bounds = (change.decimal("rise"), change.decimal("fall"))
        change.close()
    else:
        bounds = entry.decimals(direction)
    if min(bounds) < 0:
        raise entry.refuse("has a negative bound: a bound is 0 or more")
    if direction is Direction.WITHIN and not (len(bounds) == 2 and bounds[0] < bounds[1]):
        raise entry.refuse("must have two ends that rise: [lower, upper]")
    if direction in (Direction.AT_MOST, Direction.AT_LEAST):
        if len(bounds) != 5:
            raise entry.refuse(f"must have five bounds, classes Ⅰ to Ⅴ, not {len(bounds)}")
        rising = list(bounds) if direction is Direction.AT_MOST else list(bounds)[::-1]
        if rising != sorted(rising) or rising[0] == rising[-1] or rising[0] <= 0:
            raise entry.refuse(
                "has bounds that do not rise from the strictest class to the mildest: put class Ⅰ first"
            )
    because = entry.take("looser_because", str) if overlay and entry.has("looser_because") else None
    source = entry.source()
    entry.close()
    return Limit(code, unit, direction, bounds, decimals, source, because)


def _parse_single(entry: RuleEntry, code: str, table: int | None, *, overlay: bool) -> SingleLimit:
    unit, decimals = _unit_and_decimals(entry, code)
    limit = entry.decimal("limit")
    if limit <= 0:
        raise entry.refuse("must have a limit above 0")
    because = entry.take("looser_because", str) if overlay and entry.has("looser_because") else None
    source = entry.source()
    entry.close()
    return SingleLimit(code, unit, limit, decimals, table, source, because)


def _entries_of(data: Mapping[str, object], group: str, file: str) -> list[tuple[str, RuleEntry]]:
    table = data.get(group, {})
    if not isinstance(table, dict):
        raise RuleFileError(file, group, "must be a table")
    return [(code, RuleEntry(file, f"{group}.{code}", value)) for code, value in table.items()]


@dataclass(frozen=True, slots=True)
class LimitTables:
    """The limits of one file, by parameter in registry order: rivers, lakes, and single ones for sources."""

    river: Mapping[str, Limit]
    lake: Mapping[str, Limit]
    single: Mapping[str, SingleLimit]


CLASS_GROUPS = ("any", "river", "lake")
SINGLE_GROUPS: Mapping[str, int | None] = MappingProxyType(
    {"supplementary": 2, "specific": 3, "additional": None}
)


def read_limits(data: Mapping[str, object], file: str, *, overlay: bool = False) -> LimitTables:
    """Read the limits of a rule file; those of an overlay may say why they are looser.

    Raises
    ------
    RuleFileError
        On an unknown unit or parameter, a missing source, bounds that do not rise, or an item that stands
        twice.
    """
    groups = {
        group: {
            code: _parse_limit(entry, code, overlay=overlay) for code, entry in _entries_of(data, group, file)
        }
        for group in CLASS_GROUPS
    }
    for group in ("river", "lake"):
        if twice := sorted(groups["any"].keys() & groups[group].keys()):
            raise RuleFileError(
                file, f"{group}.{twice[0]}", "stands under any as well: keep it there, or split it into both"
            )
    single: dict[str, SingleLimit] = {}
    for group, table in SINGLE_GROUPS.items():
        for code, entry in _entries_of(data, group, file):
            if code in single:
                raise entry.refuse("stands in another table of single limits as well: keep one of the two")
            single[code] = _parse_single(entry, code, table, overlay=overlay)
    return LimitTables(
        river=_in_registry_order(groups["any"] | groups["river"]),
        lake=_in_registry_order(groups["any"] | groups["lake"]),
        single=_in_registry_order(single),
    )


def _in_registry_order(limits: Mapping[str, _T]) -> Mapping[str, _T]:
    registry = load_parameters()
    return MappingProxyType(dict(sorted(limits.items(), key=lambda item: registry[item[0]].order)))


def parse_standard(text: str, file: str) -> Standard:
    """Read a standard from the text of its rule file.

    Raises
    ------
    RuleFileError
        On an unknown key, unit or parameter, a missing source, bounds that do not rise, an edition that ends
        before it begins, or a parameter whose limits stand twice for one kind of water.
    """
    data = parse_toml(text, file)
    if unknown := set(data) - {"standard", *CLASS_GROUPS, *SINGLE_GROUPS} | set(data) & {"additional"}:
        raise RuleFileError(file, "file", f"has the unknown table {min(unknown)!r}: correct or remove it")
    head = RuleEntry(file, "standard", data.get("standard", {}))
    limits = read_limits(data, file)
    found = Standard(
        id=head.take("id", str),
        document=head.take("document", str),
        title_zh=head.take("title_zh", str),
        title_en=head.take("title_en", str),
        edition=head.take("edition", str),
        in_force=head.day("in_force"),
        valid_to=head.day_or_none("valid_to"),
        river=limits.river,
        lake=limits.lake,
        single=limits.single,
        sha256=sha256(text.encode()).hexdigest(),
    )
    head.close()
    if found.valid_to is not None and found.valid_to < found.in_force:
        raise head.refuse("ends before it begins: valid_to must not lie before in_force")
    if not found.river:
        raise RuleFileError(file, "any", "has no limits: an edition without Table 1 limits nothing")
    return found


_METHOD_TABLES = (
    "indicators",
    "required_items",
    "grades",
    "main_pollutants",
    "averages",
    "automatic_data",
    "compare",
    "station_status",
    "rivers",
    "lakes",
    "seasons",
    "flood_intensity",
    "trophic",
    "change",
    "trend",
)
_BASES = ("document", "memory", "measured", "convention")


def _listed(entry: RuleEntry, key: str) -> tuple[str, ...]:
    """A list of codes that need not be there."""
    return entry.texts(key) if entry.has(key) else ()


def _parse_dated(entry: RuleEntry) -> tuple[DatedCompare, ...]:
    found = []
    for item in entry.tables("dated"):
        start, end = item.day_or_none("from"), item.day_or_none("until")
        found.append(DatedCompare(start, end, Compare(item.one_of("compare", Compare))))
        item.close()
        if start is not None and end is not None and end < start:
            raise item.refuse("ends before it begins")
    for earlier, later in pairwise(found):
        if earlier.end is None or later.start is None or later.start <= earlier.end:
            raise entry.refuse("dated entries must follow each other in time without overlap")
    return tuple(found)


def _parse_river_grades(entry: RuleEntry) -> tuple[RiverGrade, ...]:
    found = []
    for item in entry.tables("grades"):
        grade = Grade(item.one_of("grade", Grade))
        found.append(
            RiverGrade(
                grade, item.decimal_or_none("class_1_3_at_least"), item.decimal_or_none("inferior_below")
            ),
        )
        item.close()
    if [line.grade for line in found] != list(Grade):
        raise entry.refuse("must name every grade once, the best first")
    floors = [line.class_1_3_at_least for line in found if line.class_1_3_at_least is not None]
    ceilings = [line.inferior_below for line in found if line.inferior_below is not None]
    if floors != sorted(floors, reverse=True) or ceilings != sorted(ceilings):
        raise entry.refuse("has bounds that do not rise")
    if found[-1].class_1_3_at_least is not None or found[-1].inferior_below is not None:
        raise entry.refuse("must leave its last line open")
    return tuple(found)


def _parse_trophic_indicators(entry: RuleEntry) -> tuple[TrophicIndicator, ...]:
    found = []
    for item in entry.tables("indicators"):
        code, unit = item.take("parameter", str), item.take("unit", str)
        if code not in load_parameters():
            raise item.refuse(f"names the unknown parameter {code!r}: {KNOWN_CODES}")
        if normalize_unit(unit) is None:
            raise item.refuse(f"has the unknown unit {unit!r}")
        convert_unit(Decimal(1), load_parameters()[code].unit, unit, code=code)
        found.append(TrophicIndicator(code, unit, item.decimal("a"), item.decimal("b"), item.decimal("r")))
        item.close()
    return tuple(found)


def _parse_trophic_states(
    entry: RuleEntry, oligotrophic_below: Decimal
) -> tuple[tuple[TrophicState, Decimal | None], ...]:
    found: list[tuple[TrophicState, Decimal | None]] = []
    for item in entry.tables("states"):
        found.append((TrophicState(item.one_of("state", TrophicState)), item.decimal_or_none("at_most")))
        item.close()
    bounds = [oligotrophic_below, *(bound for _, bound in found if bound is not None)]
    if [state for state, _ in found] != list(TrophicState)[1:] or found[-1][1] is not None:
        raise entry.refuse("must name every state once in order, the last one open")
    if len(bounds) != len(found) or any(low >= high for low, high in pairwise(bounds)):
        raise entry.refuse("has bounds that do not rise")
    return tuple(found)


def _colours(entry: RuleEntry, key: str, count: int) -> tuple[str, ...]:
    values = entry.take(key, list)
    if len(values) != count or not all(isinstance(value, str) and len(value) == 7 for value in values):
        raise entry.refuse(f"{key} must be {count} colours such as #49A1FE")
    return tuple(values)


def parse_evaluation_method(text: str, file: str) -> EvaluationMethod:
    """Read an evaluation method from the text of its rule file.

    Raises
    ------
    RuleFileError
        On an unknown or missing key or table, a missing source, an unknown parameter, or bounds that do not
        rise.
    """
    data = parse_toml(text, file)
    if unknown := set(data) - {"method", *_METHOD_TABLES}:
        raise RuleFileError(file, "file", f"has the unknown table {min(unknown)!r}")
    head = RuleEntry(file, "method", data.get("method", {}))
    tables: dict[str, RuleEntry] = {}
    sources: dict[str, Source] = {}
    for name in _METHOD_TABLES:
        if name not in data:
            raise RuleFileError(file, name, "is missing")
        tables[name] = RuleEntry(file, name, data[name])
        tables[name].one_of("basis", _BASES)
        sources[name] = tables[name].source()
    grades = tables["grades"]
    grade_codes = grades.take("classes", list)
    if len(grade_codes) != 6 or any(code not in list(Grade) for code in grade_codes):
        raise grades.refuse("classes must be six grades, Ⅰ to 劣Ⅴ")
    main = tables["main_pollutants"]
    heavy_metals = main.parameters("heavy_metals")
    seasons = tables["seasons"]
    flood_months = seasons.take("flood_months", list)
    if flood_months != sorted(set(flood_months)) or not set(flood_months) <= set(range(1, 13)):
        raise seasons.refuse("flood_months must be months that rise")
    if flood_months != list(range(flood_months[0], flood_months[-1] + 1)) or len(flood_months) == 12:
        raise seasons.refuse("flood_months must be one stretch of a year, and not all of it")
    trophic = tables["trophic"]
    oligotrophic_below = trophic.decimal("oligotrophic_below")
    change = tables["change"]
    found = EvaluationMethod(
        id=head.take("id", str),
        document=head.take("document", str),
        title_zh=head.take("title_zh", str),
        title_en=head.take("title_en", str),
        edition=head.take("edition", str),
        in_force=head.day("in_force"),
        valid_to=head.day_or_none("valid_to"),
        sha256=sha256(text.encode()).hexdigest(),
        sources=MappingProxyType(sources),
        evaluated=tables["indicators"].parameters("evaluated"),
        reported_apart=tables["indicators"].parameters("reported_apart"),
        core=tables["indicators"].parameters("core"),
        required=tables["required_items"].parameters("items"),
        missing_required=MissingRequired(tables["required_items"].one_of("missing", MissingRequired)),
        class_grades=MappingProxyType({place: Grade(code) for place, code in enumerate(grade_codes, 1)}),
        class_colours=MappingProxyType(dict(enumerate(_colours(grades, "class_colours", 6), 1))),
        grade_colours=MappingProxyType(dict(zip(Grade, _colours(grades, "grade_colours", 5), strict=True))),
        reference_class=main.positive("reference_class"),
        most_pollutants=main.positive("most"),
        priority_pollutants=frozenset(main.parameters("first")) | frozenset(heavy_metals),
        heavy_metals=heavy_metals,
        without_multiple=frozenset(main.parameters("without_multiple")),
        month_samples=tables["averages"].positive("month_samples"),
        quarter_samples=tables["averages"].positive("quarter_samples"),
        year_months=tables["averages"].positive("year_months"),
        year_months_interrupted=tables["averages"].positive("year_months_interrupted"),
        interrupted_sections=_listed(tables["averages"], "interrupted_sections"),
        river_like_reservoirs=_listed(tables["lakes"], "river_like_reservoirs"),
        range_months_share=tables["averages"].share("range_months_share"),
        ph_mean=PhMean(tables["averages"].one_of("ph_mean", PhMean)),
        round_means=tables["averages"].take("round_means", bool),
        automatic_precedence=frozenset(tables["automatic_data"].parameters("precedence")),
        automatic_readings_per_day=tables["automatic_data"].positive("readings_per_day"),
        automatic_warn_below=tables["automatic_data"].share("warn_below_share"),
        non_detect_share=tables["automatic_data"].share("non_detect_share"),
        compare_undated=Compare(tables["compare"].one_of("undated", Compare)),
        compare_dated=_parse_dated(tables["compare"]),
        stopped_words=tables["station_status"].texts("stopped"),
        maintenance_words=tables["station_status"].texts("maintenance"),
        few_sections=tables["rivers"].positive("few_sections"),
        river_most_pollutants=tables["rivers"].positive("most_pollutants"),
        river_grades=_parse_river_grades(tables["rivers"]),
        flood_months=tuple(flood_months),
        intensity_indicators=tables["flood_intensity"].parameters("indicators"),
        intensity_highest=tables["flood_intensity"].one_of("highest", ("reading", "daily_mean")),
        trophic_indicators=_parse_trophic_indicators(trophic),
        oligotrophic_below=oligotrophic_below,
        trophic_states=_parse_trophic_states(trophic, oligotrophic_below),
        grade_steps_marked=change.positive("grade_steps_marked"),
        points_somewhat_above=change.decimal("points_somewhat_above"),
        points_marked_above=change.decimal("points_marked_above"),
        trend_periods=tables["trend"].positive("periods"),
        trend_tolerance=tables["trend"].decimal("tolerance"),
    )
    for entry in (head, *tables.values()):
        entry.close()
    if not set(found.required) <= set(found.evaluated):
        raise tables["required_items"].refuse(
            "items must be evaluated: what is reported apart decides no class"
        )
    if not set(found.core) <= set(found.evaluated) or set(found.evaluated) & set(found.reported_apart):
        raise RuleFileError(
            file, "indicators", "core items must be evaluated, and none both evaluated and apart"
        )
    if not found.points_somewhat_above < found.points_marked_above:
        raise change.refuse("has bounds that do not rise")
    if found.reference_class not in range(1, 6):
        raise main.refuse("reference_class must be 1 to 5")
    return found


def parse_tailings_grades(text: str, file: str) -> TailingsGrades:
    """Read the table of design grades; raises RuleFileError as the other readers do."""
    data = parse_toml(text, file)
    if set(data) != {"tailings_grade"}:
        raise RuleFileError(file, "file", "must hold the table tailings_grade and nothing else")
    entry = RuleEntry(file, "tailings_grade", data["tailings_grade"])
    bounds = []
    for item in entry.tables("grades"):
        bounds.append(
            TailingsGradeBound(
                item.positive("grade"), item.decimal("capacity_10k_m3"), item.decimal("dam_height_m")
            ),
        )
        item.close()
    if [bound.grade for bound in bounds] != list(range(1, len(bounds) + 1)):
        raise entry.refuse("must count its grades from 1")
    for large, small in pairwise(bounds):
        if not (
            large.capacity_10k_m3 > small.capacity_10k_m3 >= 0 <= small.dam_height_m < large.dam_height_m
        ):
            raise entry.refuse("has bounds that do not rise towards grade 1")
    found = TailingsGrades(tuple(bounds), entry.positive("raise_where_failure_hits"), entry.source())
    entry.close()
    return found


def _load(file: str, parse: Callable[[str, str], _T]) -> _T:
    return parse(resources.files("spatial").joinpath("rules", file).read_text(encoding="utf-8"), file)


@cache
def load_standard(name: str = "gb3838_2002") -> Standard:
    """Read a packaged edition of the surface-water standard, once."""
    return _load(f"{name}.toml", parse_standard)


@cache
def load_evaluation_method(name: str = "evaluation_method_2011") -> EvaluationMethod:
    """Read a packaged evaluation method, once."""
    return _load(f"{name}.toml", parse_evaluation_method)


@cache
def load_tailings_grades(name: str = "tailings_grade") -> TailingsGrades:
    """Read the packaged table of design grades, once."""
    return _load(f"{name}.toml", parse_tailings_grades)
