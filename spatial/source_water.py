"""Does a drinking-water source meet its limits? GB 3838-2002, clause 5.3.

A surface-water source is judged by Table 1 at one class, by Table 2, and by the items of Table 3 that its
authority has picked. What is judged are months: the mean of a month's samples, with half the detection limit
for what was not detected, as for any section (`spatial.assessment`). A source

- violates where any counted item of any month is over its limit, whatever else is missing;
- complies where none is, none is open, and enough months were full rounds, with every required item measured;
- is undetermined otherwise, and the reasons say what is missing.

Ground-water sources are outside GB 3838: undetermined. Where the texts leave a choice, it is a setting of the
rule book (``source_…``), and the evidence names every other choice that would give another verdict.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from spatial.assessment import ParameterAssessment, SectionAssessment
from spatial.classification import Reason, give_reason
from spatial.parameters import find_parameter
from spatial.period import Period, PeriodKind, parse_period
from spatial.rounding import json_number
from spatial.rule_entry import Source
from spatial.rulebook import SettingValue
from spatial.source_rules import (
    SETTINGS,
    SOURCE_BASIS,
    SOURCE_CLASS,
    SOURCE_REFERENCE,
    SOURCE_SPECIFIC,
    SourceRules,
    load_source_rules,
)
from spatial.standards import Direction, Limit, Number, SingleLimit, Standard, load_standard
from spatial.vocabulary import Verdict, WaterBodyType, WaterSourceKind

# --- one source ---


@dataclass(frozen=True, slots=True)
class WaterSource:
    """A drinking-water source as its register knows it.

    `section_codes` are the sections that watch it; `annual_volume` is what it yields in a year, in any unit
    that the sources of one share agree on, None where not known.
    """

    code: str
    name: str | None
    level: str | None
    kind: str | None
    region_code: str | None
    section_codes: tuple[str, ...]
    annual_volume: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One item of one month at one section of a source, judged.

    `value` is the month's mean in the unit of the limit (the mean detection limit where `censored`). `limit`
    is one number, or two ends. `multiple` is (value - limit) / limit where it is over and has one.
    """

    parameter: str
    month: str
    section: str
    value: Number | None
    censored: bool
    limit: tuple[Decimal, ...]
    table: int | None
    source: Source
    verdict: Verdict
    multiple: Fraction | None

    def as_json(self) -> dict[str, object]:
        """Give the entry of `exceedances`, `open` and `reference`."""
        bounds = [json_number(bound) for bound in self.limit]
        return {
            "parameter": self.parameter,
            "month": self.month,
            "section": self.section,
            "value": json_number(self.value),
            "censored": self.censored,
            "limit": bounds[0] if len(bounds) == 1 else bounds,
            "table": self.table,
            "verdict": self.verdict,
            "multiple": json_number(self.multiple),
            "document": self.source.document,
            "clause": self.source.clause,
        }


@dataclass(frozen=True, slots=True)
class SourceAlternative:
    """Another choice of a setting that would give another verdict."""

    setting: str
    value: SettingValue
    verdict: Verdict

    def as_json(self) -> dict[str, object]:
        """Give the entry of `alternatives` in the evidence."""
        return {"setting": self.setting, "value": self.value, "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class SourceAssessment:
    """One source over one period, with what decided it.

    `items` are the counted items of every month, `reference` those reported apart, both by parameter, month
    and section. `limiting` are the items over their limit, the largest multiple first; those without a
    multiple (pH, oxygen) stand last. `months` counts the months with data, `full_rounds` those with every
    required item, `missing` the required items that no month has.
    """

    source: WaterSource
    period: str
    verdict: Verdict
    items: tuple[SourceItem, ...]
    reference: tuple[SourceItem, ...]
    limiting: tuple[str, ...]
    missing: tuple[str, ...]
    months: int
    full_rounds: int
    rounds_needed: int
    reasons: tuple[Reason, ...]
    warnings: tuple[tuple[str, Reason], ...]
    standard: Standard | None
    choices: Mapping[str, SettingValue]
    alternatives: tuple[SourceAlternative, ...]
    upload_ids: tuple[int, ...]

    @property
    def exceedances(self) -> tuple[SourceItem, ...]:
        """Counted items over their limit."""
        return tuple(item for item in self.items if item.verdict is Verdict.VIOLATION)

    @property
    def months_over(self) -> int:
        """Months in which a counted item was over its limit."""
        return len({item.month for item in self.exceedances})

    def as_json(self) -> dict[str, object]:
        """Give the assessment with its evidence."""
        return {
            "code": self.source.code,
            "name": self.source.name,
            "period": self.period,
            "source_level": self.source.level,
            "kind": self.source.kind,
            "region_code": self.source.region_code,
            "sections": list(self.source.section_codes),
            "verdict": self.verdict,
            "months": self.months,
            "months_over": self.months_over,
            "full_rounds": self.full_rounds,
            "rounds_needed": self.rounds_needed,
            "items_judged": len({item.parameter for item in self.items}),
            "limiting": list(self.limiting),
            "exceedances": [item.as_json() for item in self.exceedances],
            "open": [item.as_json() for item in self.items if item.verdict is Verdict.UNDETERMINED],
            "reference": [item.as_json() for item in self.reference],
            "missing": list(self.missing),
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [{"period": period, **warning.as_json()} for period, warning in self.warnings],
            "evidence": {
                "standard": None if self.standard is None else self.standard.as_json(),
                "clause": "GB 3838-2002, 5.3",
                "settings": {name: self.choices[name] for name in SETTINGS},
                "alternatives": [other.as_json() for other in self.alternatives],
                "items": sorted({item.parameter for item in self.items}, key=_order),
                "upload_ids": list(self.upload_ids),
            },
        }


def _order(code: str) -> int:
    return find_parameter(code).order


def months_of(period: Period) -> list[Period]:
    """Cut a period into its calendar months; the first and the last may be parts of one."""
    found = []
    for year, month in period.months:
        whole = parse_period(f"{year:04d}-{month:02d}")
        start, end = max(whole.start, period.start), min(whole.end, period.end)
        if (start, end) == (whole.start, whole.end):
            found.append(whole)
        else:
            found.append(Period(f"{start.isoformat()}/{end.isoformat()}", PeriodKind.RANGE, start, end))
    return found


def _month_name(period: str) -> str:
    """The calendar month of a month or of a part of one: 2025-06."""
    return period[:7]


def _limits_of(
    code: str, water_body_type: str | None, standard: Standard
) -> list[tuple[Limit | SingleLimit, int | None]]:
    """The limits of an item with their table: none, one, or both those of rivers and lakes where unknown."""
    if code in standard.single:
        single = standard.single[code]
        return [(single, single.table)]
    types = [WaterBodyType.RIVER, WaterBodyType.LAKE] if water_body_type is None else [water_body_type]
    limits: list[Limit] = []
    for water in types:
        limit = standard.limits_for(water).get(code)
        if limit is not None and limit.direction is not Direction.CHANGE and limit not in limits:
            limits.append(limit)
    return [(limit, 1) for limit in limits]


def _judge(
    limit: Limit | SingleLimit, value: Number | None, *, censored: bool, plausible: bool, water_class: int
) -> tuple[Verdict, Fraction | None]:
    if value is None or not plausible:
        return Verdict.UNDETERMINED, None
    if isinstance(limit, SingleLimit):
        if limit.is_met_by(value):
            return Verdict.COMPLIANT, None
        if censored:
            return Verdict.UNDETERMINED, None
        return Verdict.VIOLATION, limit.exceedance_multiple(value)
    best, worst = limit.grade_below(value) if censored else (limit.grade(value), limit.grade(value))
    if worst <= water_class:
        return Verdict.COMPLIANT, None
    if best > water_class:
        return Verdict.VIOLATION, None if censored else limit.exceedance_multiple(value, water_class)
    return Verdict.UNDETERMINED, None


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one section has of one item in one month, or as the mean of its months."""

    parameter: str
    month: str
    section: str
    water_body_type: str | None
    value: Number | None
    censored: bool


def _judge_cell(cell: _Cell, standard: Standard, water_class: int) -> SourceItem | None:
    limits = _limits_of(cell.parameter, cell.water_body_type, standard)
    if not limits:
        return None
    parameter = find_parameter(cell.parameter)
    plausible = cell.value is None or parameter.gross_min <= cell.value <= parameter.gross_max
    judged = [
        _judge(limit, cell.value, censored=cell.censored, plausible=plausible, water_class=water_class)
        for limit, _ in limits
    ]
    verdicts = {verdict for verdict, _ in judged}
    # Rivers and lakes may disagree where the type of the water is not known: then the item is open.
    verdict = judged[0][0] if len(verdicts) == 1 else Verdict.UNDETERMINED
    limit, table = limits[0]
    return SourceItem(
        parameter=cell.parameter,
        month=cell.month,
        section=cell.section,
        value=cell.value,
        censored=cell.censored,
        limit=(limit.limit,) if isinstance(limit, SingleLimit) else limit.bound_of(water_class),
        table=table,
        source=limit.source,
        verdict=verdict,
        multiple=judged[0][1] if verdict is Verdict.VIOLATION else None,
    )


def _cells_of(months: Sequence[SectionAssessment]) -> list[_Cell]:
    return [
        _Cell(
            entry.code,
            _month_name(assessment.period),
            assessment.code,
            assessment.judged_as,
            entry.item.value,
            entry.item.censored,
        )
        for assessment in months
        for entry in assessment.parameters
    ]


def _mean_cells(months: Sequence[SectionAssessment], period: str) -> list[_Cell]:
    """The mean of the monthly means of each item; the mean detection limit where no month detected it."""
    found: dict[tuple[str, str], list[tuple[SectionAssessment, ParameterAssessment]]] = {}
    for assessment in months:
        for entry in assessment.parameters:
            found.setdefault((assessment.code, entry.code), []).append((assessment, entry))
    cells = []
    for (section, code), entries in found.items():
        items = [entry.item for _, entry in entries]
        censored = all(item.censored for item in items)
        value: Number | None
        if censored:
            limits = [item.value for item in items if item.value is not None]
            complete = len(limits) == len(items)
            value = (
                sum((Fraction(limit) for limit in limits), Fraction(0)) / len(limits) if complete else None
            )
        else:
            value = sum((entry.mean for _, entry in entries), Fraction(0)) / len(entries)
        cells.append(_Cell(code, period, section, entries[0][0].judged_as, value, censored))
    return cells


@dataclass(frozen=True, slots=True)
class _Judged:
    verdict: Verdict
    items: tuple[SourceItem, ...]
    reference: tuple[SourceItem, ...]
    missing: tuple[str, ...]
    full_rounds: int
    reasons: tuple[Reason, ...]


class _Case:
    """A source and what was measured, to be judged under one choice of the settings or another."""

    def __init__(
        self,
        source: WaterSource,
        months: Sequence[SectionAssessment],
        period: Period,
        standard: Standard,
        rules: SourceRules,
    ) -> None:
        self.source, self.months, self.period = source, months, period
        self.standard, self.rules = standard, rules
        self.picked = frozenset(rules.picked_for(source.region_code, period.end))
        self.required = tuple(sorted({*rules.required, *self.picked}, key=_order))
        self.needed = rules.rounds_needed(source.level, len(period.months))
        self._cells = _cells_of(months)
        self._measured: dict[tuple[str, str], set[str]] = {}
        for cell in self._cells:
            self._measured.setdefault((cell.month, cell.section), set()).add(cell.parameter)
        self._items: dict[tuple[bool, int], list[SourceItem]] = {}

    def items(self, *, by_month: bool, water_class: int) -> list[SourceItem]:
        """Every item with a limit, judged; by parameter, month and section."""
        key = (by_month, water_class)
        if key not in self._items:
            cells = self._cells if by_month else _mean_cells(self.months, self.period.text)
            found = [_judge_cell(cell, self.standard, water_class) for cell in cells]
            self._items[key] = sorted(
                (item for item in found if item is not None),
                key=lambda item: (_order(item.parameter), item.month, item.section),
            )
        return self._items[key]

    def full_rounds(self, *, by_month: bool) -> int:
        """Months with every required item at every section; for the mean an item needs one month at each."""
        required = set(self.required)
        sections = self.source.section_codes
        calendar = {month for month, _ in self._measured}
        if by_month:
            return sum(
                all(required <= self._measured.get((month, section), set()) for section in sections)
                for month in calendar
            )
        ever: dict[str, set[str]] = {section: set() for section in sections}
        for (_, section), codes in self._measured.items():
            ever[section] |= codes
        return len(calendar) if all(required <= codes for codes in ever.values()) else 0

    def judge(self, choices: Mapping[str, SettingValue]) -> _Judged:
        """Judge under one choice of the settings."""
        by_month = choices[SOURCE_BASIS] == "every_month"
        items: list[SourceItem] = []
        reference: list[SourceItem] = []
        for item in self.items(by_month=by_month, water_class=int(choices[SOURCE_CLASS])):
            (items if self._is_counted(item, choices) else reference).append(item)
        full = self.full_rounds(by_month=by_month)
        seen = {cell.parameter for cell in self._cells}
        missing = tuple(code for code in self.required if code not in seen)
        over = [item for item in items if item.verdict is Verdict.VIOLATION]
        gaps = _open_reasons(items)
        if not seen:
            gaps.append(give_reason("source_not_monitored", period=self.period.text))
        elif missing:
            gaps.append(
                give_reason("source_items_missing", parameters="、".join(missing), count=len(missing))
            )
        if seen and full < self.needed:
            gaps.append(give_reason("source_rounds_missing", found=full, needed=self.needed))
        if over:
            verdict, reasons = Verdict.VIOLATION, [_over_reason(over), *gaps]
        elif gaps:
            verdict, reasons = Verdict.UNDETERMINED, gaps
        else:
            count = len({item.parameter for item in items})
            verdict, reasons = Verdict.COMPLIANT, [give_reason("source_compliant", rounds=full, items=count)]
        return _Judged(verdict, tuple(items), tuple(reference), missing, full, tuple(reasons))

    def _is_counted(self, item: SourceItem, choices: Mapping[str, SettingValue]) -> bool:
        if item.parameter in self.rules.reference:
            return choices[SOURCE_REFERENCE] == "counted"
        if item.table == 3:
            return choices[SOURCE_SPECIFIC] == "measured" or item.parameter in self.picked
        return True


def _over_reason(over: Sequence[SourceItem]) -> Reason:
    return give_reason(
        "source_over_limit",
        parameters="、".join(_rank(over)),
        items=len({item.parameter for item in over}),
        months=len({item.month for item in over}),
    )


def _open_reasons(items: Sequence[SourceItem]) -> list[Reason]:
    """One reason for each item that is open in some month, by the first of its months."""
    found: dict[str, Reason] = {}
    for item in items:
        if item.verdict is not Verdict.UNDETERMINED or item.parameter in found:
            continue
        parameter = find_parameter(item.parameter)
        facts = {"parameter": item.parameter, "month": item.month}
        if item.value is None:
            found[item.parameter] = give_reason("source_detection_limit_unknown", **facts)
        elif not parameter.gross_min <= item.value <= parameter.gross_max:
            found[item.parameter] = give_reason(
                "source_value_impossible", **facts, value=json_number(item.value)
            )
        elif item.censored:
            found[item.parameter] = give_reason(
                "source_detection_limit_above_limit",
                **facts,
                detection_limit=json_number(item.value),
                limit=json_number(item.limit[0]),
            )
        else:
            found[item.parameter] = give_reason(
                "source_water_body_type_unknown", **facts, value=json_number(item.value)
            )
    return list(found.values())


def _rank(over: Iterable[SourceItem]) -> tuple[str, ...]:
    """Items over their limit, each once: the largest multiple first, then those that have none."""
    largest: dict[str, Fraction] = {}
    for item in over:
        multiple = Fraction(-1) if item.multiple is None else item.multiple
        largest[item.parameter] = max(largest.get(item.parameter, Fraction(-1)), multiple)
    return tuple(sorted(largest, key=lambda code: (-largest[code], _order(code))))


def assess_source(
    source: WaterSource,
    months: Sequence[SectionAssessment],
    period: Period,
    standard: Standard | None = None,
    rules: SourceRules | None = None,
) -> SourceAssessment:
    """Judge one source over a period.

    Parameters
    ----------
    source : WaterSource
        A source of ground water, of no known kind or without a section is undetermined.
    months : sequence of SectionAssessment
        The sections of the source, each assessed over each month of `months_of(period)`, in any order;
        sections that are not the source's are left out. Only means, detection limits and counts are read,
        not the classes, so it does not matter by which limits they were assessed.
    standard : Standard, optional
        The limits in force for the source on the last day of the period; the packaged edition if not given.
        None of the limits is taken where the day lies before it.

    Source: GB 3838-2002, clause 5.3.
    """
    rules = rules or load_source_rules()
    standard = standard or load_standard()
    own = sorted(
        (one for one in months if one.code in source.section_codes), key=lambda one: (one.period, one.code)
    )
    case = _Case(source, own, period, standard, rules)
    refusal = _refusal(source, own, period, standard, rules)
    alternatives: tuple[SourceAlternative, ...] = ()
    if refusal is not None:
        judged = _Judged(Verdict.UNDETERMINED, (), (), (), 0, (refusal,))
    else:
        judged = case.judge(rules.choices)
        alternatives = tuple(
            SourceAlternative(name, value, other)
            for name, values in rules.others.items()
            for value in values
            if (other := case.judge({**rules.choices, name: value}).verdict) is not judged.verdict
        )
    warnings = tuple((one.period, warning) for one in own for warning in one.warnings if one.parameters)
    return SourceAssessment(
        source=source,
        period=period.text,
        verdict=judged.verdict,
        items=judged.items,
        reference=judged.reference,
        limiting=_rank(item for item in judged.items if item.verdict is Verdict.VIOLATION),
        missing=judged.missing,
        months=len({_month_name(one.period) for one in own if one.parameters}),
        full_rounds=judged.full_rounds,
        rounds_needed=case.needed,
        reasons=judged.reasons,
        warnings=warnings,
        standard=standard,
        choices=rules.choices,
        alternatives=alternatives,
        upload_ids=tuple(sorted({upload for one in own for upload in one.upload_ids})),
    )


def _refusal(
    source: WaterSource,
    own: Sequence[SectionAssessment],
    period: Period,
    standard: Standard,
    rules: SourceRules,
) -> Reason | None:
    """Why a source cannot be judged at all, None where it can."""
    if source.kind == WaterSourceKind.GROUND:
        return give_reason("source_is_ground_water", standard=rules.ground_standard)
    if source.kind is None:
        return give_reason("source_kind_missing")
    if not source.section_codes:
        return give_reason("source_section_missing")
    if unknown := sorted(set(source.section_codes) - {one.code for one in own}):
        return give_reason("source_section_unknown", sections="、".join(unknown))
    if period.end < standard.in_force:
        return give_reason("no_standard_in_force", day=period.end.isoformat())
    return None


# --- Table 3 at ordinary sections ---


def judge_specific_items(
    assessment: SectionAssessment, standard: Standard | None = None, rules: SourceRules | None = None
) -> tuple[SourceItem, ...]:
    """Judge thallium and antimony of an ordinary section against Table 3, which is not made for it.

    Asked for only (setting ``specific_items_at_sections``): Table 1 has no limit for them, and practice at
    mining rivers borrows those for drinking-water sources. The class of the section does not change, and
    whoever shows the result says where the limits come from. Items that were not measured are not there.
    """
    rules = rules or load_source_rules()
    standard = standard or load_standard()
    found = []
    for code in rules.specific_at_sections:
        entry = assessment.parameter(code)
        if entry is not None:
            cell = _Cell(
                code, assessment.period, assessment.code, None, entry.item.value, entry.item.censored
            )
            item = _judge_cell(cell, standard, 3)
            if item is not None:
                found.append(item)
    return tuple(found)
