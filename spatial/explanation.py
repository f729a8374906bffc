"""Why a section has its class: the whole chain from its readings to its verdict, to be redone by hand.

Nothing here decides. An assessment is taken apart: the readings that entered and those that did not, the sum
and the count of every mean, the limits with their clause, the order of the main pollutants, the verdict, and
how far the nearest other class is. Every mean is built again from the readings with fractions; where that
does not give what the assessment says, there is no explanation but an error.

Exact numbers are texts (``"0.2"``) or fractions; see `exact_json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any, Final

import pandas as pd

from spatial.assessment import AssessmentSettings, ParameterAssessment, SectionAssessment
from spatial.class_text import class_label
from spatial.classification import ItemClass, list_cells
from spatial.errors import ExplanationError
from spatial.parameters import convert_unit, find_parameter
from spatial.period import Period
from spatial.reading_use import ReadingUse, count_reasons, sort_readings
from spatial.rounding import round_fraction
from spatial.standards import (
    Direction,
    EvaluationMethod,
    Limit,
    Number,
    Standard,
    load_standard,
)
from spatial.sums import is_plain_mean, needed_evidence
from spatial.trophic import TrophicIndex, trophic_weights
from spatial.vocabulary import StationType, WaterBodyType

_SHOWN: Final = Context(prec=12, rounding=ROUND_HALF_EVEN)
_PRECISION: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
_WIDE: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)


def plain_text(number: Decimal) -> str:
    """Print a decimal without an exponent, digit for digit."""
    return format(number, "f")


def decimal_of(number: Number) -> tuple[Decimal, bool]:
    """Give a number as a decimal, and whether that is all of it; else 12 significant digits, half to even."""
    if isinstance(number, Decimal):
        return number, True
    rest = number.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest == 1 and places <= 60:
        digits = number.numerator * 10**places // number.denominator
        return Decimal(digits).scaleb(-places, context=_WIDE), True
    return _SHOWN.divide(Decimal(number.numerator), Decimal(number.denominator)), False


def exact_json(number: Number | None) -> dict[str, object] | None:
    """Give an exact number: numerator and denominator as texts, and as a decimal that may be rounded."""
    if number is None:
        return None
    fraction = Fraction(number)
    shown, whole = decimal_of(number)
    return {
        "numerator": str(fraction.numerator),
        "denominator": str(fraction.denominator),
        "decimal": plain_text(shown),
        "exact": whole,
    }


@dataclass(frozen=True, slots=True)
class MonthMean:
    """What entered in one Beijing month: the sum (halves included), the count, and the mean."""

    year: int
    month: int
    total: Fraction
    samples: int
    non_detects: int
    mean: Fraction

    def as_json(self) -> dict[str, object]:
        """Give the entry of `months`."""
        return {
            "month": f"{self.year:04d}-{self.month:02d}",
            "sum": exact_json(self.total),
            "samples": self.samples,
            "non_detects": self.non_detects,
            "mean": exact_json(self.mean),
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judged number beside its limits. `water_body` says whose limits: river, lake or reservoir.

    `best_class` and `worst_class` are what the number alone allows; `limit` is None for a parameter without
    class limits.
    """

    water_body: str
    limit: Limit | None
    best_class: int | None
    worst_class: int | None

    def as_json(self) -> dict[str, object]:
        """Give the entry of `judgements`."""
        limit = self.limit
        return {
            "water_body": self.water_body,
            "direction": None if limit is None else limit.direction.value,
            "limits": None if limit is None else [plain_text(bound) for bound in limit.bounds],
            "unit": None if limit is None else limit.unit,
            "source": None if limit is None else limit.source.as_json(),
            "class_range": None if self.best_class is None else [self.best_class, self.worst_class],
        }


@dataclass(frozen=True, slots=True)
class ParameterExplanation:
    """One parameter: its months, its mean, what was judged, against what, and what came of it.

    `rule` is ``samples`` (the mean of all samples), ``months`` (the mean of the monthly means), or
    ``hydrogen`` (pH through the hydrogen-ion concentration). `basis` is ``mean``, ``rounded_mean`` or
    ``mean_detection_limit`` (nothing was detected). `needed` is there for an item whose class is left open
    because too few samples or months of it are there.
    """

    entry: ParameterAssessment
    months: tuple[MonthMean, ...]
    rule: str
    basis: str
    judged: Number
    judgements: tuple[Judgement, ...]
    needed: int | None
    counted: str

    @property
    def item(self) -> ItemClass:
        """The judged parameter as it stands in the assessment."""
        return self.entry.item

    def as_json(self, deciding: Sequence[str]) -> dict[str, object]:
        """Give the entry of `parameters`."""
        parameter, item = find_parameter(self.entry.code), self.item
        return {
            "code": parameter.code,
            "name_zh": parameter.name_zh,
            "name_en": parameter.name_en,
            "unit": parameter.unit,
            "samples": self.entry.samples,
            "non_detects": self.entry.non_detects,
            "months": [month.as_json() for month in self.months],
            "rule": self.rule,
            "mean": exact_json(self.entry.mean),
            "basis": self.basis,
            "judged": exact_json(self.judged),
            "judgements": [judgement.as_json() for judgement in self.judgements],
            "evaluated": item.evaluated,
            "left_open": None if self.needed is None else {"counted": self.counted, "needed": self.needed},
            "class": item.water_class,
            "class_label": class_label(item.water_class),
            "class_range": None if item.best_class is None else [item.best_class, item.worst_class],
            "decides": self.entry.code in deciding,
            "limit_target": None
            if item.limit_target is None
            else [plain_text(bound) for bound in item.limit_target],
            "exceedance_multiple": exact_json(item.exceedance_multiple),
            "target_multiple": exact_json(item.target_multiple),
        }


@dataclass(frozen=True, slots=True)
class PollutantRank:
    """A parameter over the reference class, with the key by which main pollutants are ordered."""

    code: str
    priority: bool
    best_class: int
    multiple: Fraction | None
    table_order: int
    named: bool

    def as_json(self) -> dict[str, object]:
        """Give the entry of `main_pollutants.order`."""
        return {
            "code": self.code,
            "named": self.named,
            "priority": self.priority,
            "class": self.best_class,
            "multiple": exact_json(self.multiple),
            "table_order": self.table_order,
        }


@dataclass(frozen=True, slots=True)
class BoundDistance:
    """How far the judged number of a parameter is from one bound: `bound - judged`, and in shares of it."""

    code: str
    judged: Number
    bound: Decimal
    difference: Fraction

    @property
    def share(self) -> Fraction | None:
        """The difference as a share of the judged number; None where that is zero."""
        judged = Fraction(self.judged)
        return None if judged == 0 else self.difference / judged

    def as_json(self) -> dict[str, object]:
        """Give the entry of `needs`."""
        return {
            "code": self.code,
            "judged": exact_json(self.judged),
            "bound": plain_text(self.bound),
            "difference": exact_json(self.difference),
            "share": exact_json(self.share),
        }


@dataclass(frozen=True, slots=True)
class ClassChange:
    """What leads to another class: every distance of `needs` together (better), or its one entry (worse)."""

    water_class: int
    needs: tuple[BoundDistance, ...]

    def as_json(self) -> dict[str, object]:
        """Give the entry of `changes`."""
        return {
            "class": self.water_class,
            "class_label": class_label(self.water_class),
            "needs": [need.as_json() for need in self.needs],
        }


@dataclass(frozen=True, slots=True)
class TrophicPart:
    """One line of the trophic index: weight times 10 (a + b ln x)."""

    code: str
    value: Decimal
    unit: str
    a: Decimal
    b: Decimal
    logarithm: Decimal
    part: Decimal
    weight: Fraction

    def as_json(self) -> dict[str, object]:
        """Give the entry of `trophic.parts`."""
        return {
            "code": self.code,
            "value": plain_text(self.value),
            "unit": self.unit,
            "a": plain_text(self.a),
            "b": plain_text(self.b),
            "ln": plain_text(self.logarithm),
            "tli": plain_text(self.part),
            "weight": exact_json(self.weight),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """An assessment of one section, taken apart. `better` and `worse` are None where there is no such class.

    `settle` lists the detection limits that leave the class open, each with the bound that it would have to
    reach for the class to be what the rest of the parameters say; `to_target` lists what is over the limit of
    the target class.
    `target` tells the section's version that the target class comes from. `duty` is the clause that asks for
    it.
    """

    assessment: SectionAssessment
    period: Period
    standard: Standard
    settings: AssessmentSettings
    readings: tuple[ReadingUse, ...]
    parameters: tuple[ParameterExplanation, ...]
    pollutants: tuple[PollutantRank, ...]
    better: ClassChange | None
    worse: ClassChange | None
    settle: tuple[BoundDistance, ...]
    to_target: tuple[BoundDistance, ...]
    trophic: tuple[TrophicPart, ...]
    target: Mapping[str, object]
    duty: Mapping[str, object] | None

    def parameter(self, code: str) -> ParameterExplanation | None:
        """Find one parameter; None where nothing of it entered."""
        return next((entry for entry in self.parameters if entry.entry.code == code), None)

    def as_json(self) -> dict[str, object]:
        """Give the whole chain as one document; see the module for its numbers."""
        found, method = self.assessment, self.settings.method
        return {
            "section": {
                "code": found.code,
                "name": found.name,
                "river": found.river,
                "region_code": found.region_code,
                "section_level": found.section_level,
                "water_body_type": found.water_body_type,
                "judged_as": found.judged_as,
            },
            "period": {
                "text": self.period.text,
                "kind": self.period.kind.value,
                "start": self.period.start.isoformat(),
                "end": self.period.end.isoformat(),
            },
            "standard": _edition_json(self.standard),
            "method": _edition_json(method),
            "settings": self._settings_json(),
            "readings": {
                "total": len(self.readings),
                "used": sum(1 for use in self.readings if use.enters),
                "not_used": count_reasons(self.readings),
                "rows": [self._reading_json(use) for use in self.readings],
            },
            "samples": found.samples,
            "months": found.months,
            "enough": found.representative,
            "parameters": [entry.as_json(found.limiting) for entry in self.parameters],
            "class": found.water_class,
            "class_label": class_label(found.water_class),
            "class_range": None if found.best_class is None else [found.best_class, found.worst_class],
            "grade": found.grade,
            "colour": None if found.water_class is None else method.class_colours[found.water_class],
            "limiting": list(found.limiting),
            "class_source": method.sources["grades"].as_json(),
            "main_pollutants": {
                "named": list(found.main_pollutants),
                "reference_class": method.reference_class,
                "most": method.most_pollutants,
                "order": [rank.as_json() for rank in self.pollutants],
                "source": method.sources["main_pollutants"].as_json(),
            },
            "target": dict(self.target),
            "verdict": found.verdict,
            "duty": None if self.duty is None else dict(self.duty),
            "over_target": [need.as_json() for need in self.to_target],
            "trophic": None if found.trophic is None else self._trophic_json(found.trophic),
            "flood_intensity": None if found.flood_intensity is None else found.flood_intensity.as_json(),
            "changes": {
                "better": None if self.better is None else self.better.as_json(),
                "worse": None if self.worse is None else self.worse.as_json(),
                "settle": [need.as_json() for need in self.settle],
            },
            "reasons": [reason.as_json() for reason in found.reasons],
            "warnings": [warning.as_json() for warning in found.warnings],
            "upload_ids": list(found.upload_ids),
        }

    def _settings_json(self) -> dict[str, object]:
        settings, method = self.settings, self.settings.method
        return {
            "compare": settings.compare,
            "compare_dated": [
                {
                    "from": None if entry.start is None else entry.start.isoformat(),
                    "until": None if entry.end is None else entry.end.isoformat(),
                    "compare": entry.compare.value,
                }
                for entry in method.compare_dated
            ],
            "non_detect_share": exact_json(method.non_detect_share),
            "automatic_precedence": sorted(
                method.automatic_precedence, key=lambda code: find_parameter(code).order
            ),
            "ph_mean": settings.ph_mean,
            "round_means": settings.round_means,
            "use_suspect": settings.use_suspect,
            "missing_required": settings.missing_required,
            "required": list(method.required),
            "sources": {
                name: method.sources[name].as_json() for name in ("averages", "automatic_data", "compare")
            },
        }

    def _reading_json(self, use: ReadingUse) -> dict[str, object]:
        share = self.settings.method.non_detect_share
        return {
            "parameter": use.parameter,
            "sampled_at": use.sampled_at.isoformat(),
            "qualifier": "<" if use.censored else "=",
            "value": _text_or_none(use.value),
            "full_value": _text_or_none(use.full_value),
            "detection_limit": _text_or_none(use.detection_limit),
            "compare": use.compare.value,
            "enters_as": _entering_text(use, share),
            "halved": use.enters and use.censored,
            "used": use.enters,
            "reason": use.reason,
            "station_type": _station_type(use),
            "station_status": use.station_status,
            "quality": use.quality,
            "quality_tests": list(use.quality_tests),
            "upload_id": use.upload_id,
            "row": use.source_row,
        }

    def _trophic_json(self, index: TrophicIndex) -> dict[str, object]:
        method = self.settings.method
        return {
            "tli": plain_text(index.tli),
            "state": index.state,
            "parts": [part.as_json() for part in self.trophic],
            "missing": list(index.missing),
            "oligotrophic_below": plain_text(method.oligotrophic_below),
            "states": [
                {"state": state.value, "at_most": None if bound is None else plain_text(bound)}
                for state, bound in method.trophic_states
            ],
            "source": method.sources["trophic"].as_json(),
        }


def _entering_text(use: ReadingUse, non_detect_share: Fraction) -> str | None:
    """What enters the sum: the number as it was reported, or the half of its detection limit."""
    if not use.enters or use.entering is None:
        return None
    return plain_text(decimal_of(use.amount(non_detect_share))[0] if use.censored else use.entering)


def _text_or_none(number: Decimal | None) -> str | None:
    return None if number is None else plain_text(number)


def _edition_json(edition: Standard | EvaluationMethod) -> dict[str, object]:
    overlays = edition.overlays if isinstance(edition, Standard) else ()
    return {
        "document": edition.document,
        "title_zh": edition.title_zh,
        "title_en": edition.title_en,
        "edition": edition.edition,
        "in_force": edition.in_force.isoformat(),
        "sha256": edition.sha256,
        "overlays": [overlay.as_json() for overlay in overlays],
    }


def explain_section(
    section: Mapping[str, Any],
    readings: pd.DataFrame,
    assessment: SectionAssessment,
    period: Period,
    *,
    standard: Standard | None = None,
    settings: AssessmentSettings | None = None,
    duty: Mapping[str, object] | None = None,
) -> Explanation:
    """Take the assessment of one section apart, down to its readings.

    Parameters
    ----------
    section
        The row of the sections frame that was assessed; ``version_id``, ``valid_from``, ``valid_to`` and
        ``recorded_at`` say where its target comes from, where there.
    readings : DataFrame
        What the assessment was made from; see `assess_sections` and `sort_readings`.
    assessment
        Made from the same readings, period, standard and settings.
    duty
        The rule that asks for the target class, as evidence shows it.

    Raises
    ------
    ExplanationError
        If the readings do not lead to the assessment: they, or the settings, are not those it was made from.
    FrameValueError, UnknownParameterError
        See `sort_readings`.
    """
    standard = standard or load_standard()
    settings = settings or AssessmentSettings()
    uses = sort_readings(readings, assessment.code, period, settings)
    minimum, counted = needed_evidence(period, assessment.code, settings)
    by_code: dict[str, list[ReadingUse]] = {}
    for use in uses:
        if use.enters:
            by_code.setdefault(use.parameter, []).append(use)
    _agree(assessment, "parameters", {entry.code for entry in assessment.parameters}, set(by_code))
    parameters = tuple(
        _explain_parameter(
            entry,
            by_code[entry.code],
            assessment,
            period,
            standard=standard,
            settings=settings,
            needed=minimum,
            counted=counted,
        )
        for entry in assessment.parameters
    )
    return Explanation(
        assessment=assessment,
        period=period,
        standard=standard,
        settings=settings,
        readings=uses,
        parameters=parameters,
        pollutants=_rank(assessment, settings.method),
        better=_better(assessment, parameters),
        worse=_worse(assessment, parameters),
        settle=_settle(assessment, parameters),
        to_target=_over_target(assessment, parameters),
        trophic=_trophic_parts(assessment, settings.method),
        target=_target(section, assessment),
        duty=duty,
    )


def _station_type(use: ReadingUse) -> str:
    if use.remote:
        return StationType.REMOTE_SENSING.value
    return (StationType.AUTOMATIC if use.automatic else StationType.MANUAL).value


def _agree(assessment: SectionAssessment, what: str, said: object, found: object) -> None:
    if said != found:
        raise ExplanationError(assessment.code, assessment.period, what)


def _explain_parameter(
    entry: ParameterAssessment,
    uses: Sequence[ReadingUse],
    assessment: SectionAssessment,
    period: Period,
    *,
    standard: Standard,
    settings: AssessmentSettings,
    needed: int,
    counted: str,
) -> ParameterExplanation:
    share = settings.method.non_detect_share
    by_month: dict[tuple[int, int], list[ReadingUse]] = {}
    for use in uses:
        by_month.setdefault(use.month, []).append(use)
    months = tuple(
        MonthMean(
            year=year,
            month=month,
            total=(total := sum((use.amount(share) for use in part), Fraction(0))),
            samples=len(part),
            non_detects=sum(use.censored for use in part),
            mean=total / len(part),
        )
        for (year, month), part in sorted(by_month.items())
    )
    plain = is_plain_mean(period)
    rule = "samples" if plain else "months"
    groups = [list(uses)] if plain else [by_month[key] for key in sorted(by_month)]
    if entry.code == "ph" and settings.ph_mean == "hydrogen":
        mean, rule = _hydrogen_mean(groups), "hydrogen"
    else:
        mean = _mean_of_groups([[use.amount(share) for use in part] for part in groups])
    non_detects = sum(month.non_detects for month in months)
    _agree(assessment, f"{entry.code}.samples", (entry.samples, entry.months), (len(uses), len(months)))
    _agree(assessment, f"{entry.code}.non_detects", entry.non_detects, non_detects)
    _agree(assessment, f"{entry.code}.mean", Fraction(entry.mean), mean)
    judged: Number = mean
    basis = "mean"
    if non_detects == len(uses):
        judged = _mean_of_groups([[Fraction(use.entering or 0) for use in part] for part in groups])
        basis = "mean_detection_limit"
    waters = [assessment.judged_as] if assessment.judged_as else [WaterBodyType.RIVER, WaterBodyType.LAKE]
    limits = [(str(water), standard.limits_for(water).get(entry.code)) for water in waters]
    first = limits[0][1]
    if basis == "mean" and settings.round_means and first is not None:
        judged, basis = round_fraction(mean, first.decimals), "rounded_mean"
    judgements = tuple(_judge(water, limit, judged, basis) for water, limit in limits)
    reached = entry.samples if counted == "samples" else entry.months
    open_item = entry.code in settings.method.core and reached < needed
    if open_item:
        expected: tuple[int | None, int | None] = (1, 6)
    else:
        expected = (judgements[0].best_class, judgements[0].worst_class)
    _agree(assessment, f"{entry.code}.class", (entry.item.best_class, entry.item.worst_class), expected)
    return ParameterExplanation(
        entry, months, rule, basis, judged, judgements, needed if open_item else None, counted
    )


def _mean_of_groups(groups: Sequence[Sequence[Fraction]]) -> Fraction:
    means = [sum(part, Fraction(0)) / len(part) for part in groups]
    return sum(means, Fraction(0)) / len(means)


def _hydrogen_mean(groups: Sequence[Sequence[ReadingUse]]) -> Fraction:
    activities = [
        [Fraction(_PRECISION.power(Decimal(10), -(use.entering or Decimal(0)))) for use in part]
        for part in groups
    ]
    mean = _mean_of_groups(activities)
    activity = _PRECISION.divide(Decimal(mean.numerator), Decimal(mean.denominator))
    return Fraction(-_PRECISION.log10(activity))


def _judge(water_body: str, limit: Limit | None, judged: Number, basis: str) -> Judgement:
    best: int | None
    worst: int | None
    if limit is None or limit.direction is Direction.CHANGE:
        best = worst = None
    elif basis == "mean_detection_limit":
        best, worst = limit.grade_below(judged)
    else:
        parameter = find_parameter(limit.parameter)
        possible = parameter.gross_min <= judged <= parameter.gross_max
        best, worst = (limit.grade(judged),) * 2 if possible else (1, 6)
    return Judgement(water_body, limit, best, worst)


def _rank(assessment: SectionAssessment, method: EvaluationMethod) -> tuple[PollutantRank, ...]:
    """List everything over the reference class in the order of the method, named or not."""
    ranks = [
        PollutantRank(
            code=entry.code,
            priority=entry.code in method.priority_pollutants,
            best_class=entry.item.best_class,
            multiple=entry.item.exceedance_multiple,
            table_order=find_parameter(entry.code).order,
            named=entry.code in assessment.main_pollutants,
        )
        for entry in assessment.parameters
        if entry.item.evaluated and (entry.item.best_class or 0) > method.reference_class
        if entry.item.best_class is not None
    ]
    ranks.sort(
        key=lambda rank: (
            not rank.priority,
            -rank.best_class,
            rank.multiple is None,
            -(rank.multiple or 0),
            rank.table_order,
        )
    )
    return tuple(ranks)


def _decided(parameters: Sequence[ParameterExplanation]) -> list[tuple[ParameterExplanation, Limit, int]]:
    """The evaluated parameters whose number has one class of its own, with their limits and that class."""
    return [
        (entry, limit, entry.item.best_class)
        for entry in parameters
        if entry.item.evaluated
        and entry.needed is None
        and entry.item.best_class is not None
        and entry.item.best_class == entry.item.worst_class
        and entry.basis != "mean_detection_limit"
        and (limit := entry.judgements[0].limit) is not None
    ]


def _bound(limit: Limit, water_class: int, judged: Number) -> Decimal:
    """The bound of a class; of a range, the end that the number is nearer to."""
    ends = limit.bound_of(water_class)
    return min(ends, key=lambda end: abs(Fraction(end) - Fraction(judged)))


def _distance(entry: ParameterExplanation, limit: Limit, water_class: int) -> BoundDistance:
    bound = _bound(limit, water_class, entry.judged)
    return BoundDistance(entry.entry.code, entry.judged, bound, Fraction(bound) - Fraction(entry.judged))


def _better(assessment: SectionAssessment, parameters: Sequence[ParameterExplanation]) -> ClassChange | None:
    """Give the next better class of the section and everything that would have to reach its bound."""
    found = assessment.water_class
    if found is None or found == 1 or assessment.best_class != assessment.worst_class:
        return None
    decided = _decided(parameters)
    needs = [(entry, limit) for entry, limit, own in decided if own >= found]
    if not needs:
        return None
    # Neighbouring classes may share a bound: what reaches it has the best of them.
    moved = {entry.entry.code for entry, _ in needs}
    rest = [
        entry.item.worst_class or 6
        for entry in parameters
        if entry.item.evaluated and entry.entry.code not in moved
    ]
    reached = [limit.grade(_bound(limit, found - 1, entry.judged)) for entry, limit in needs]
    after = max([*rest, *reached])
    if after >= found:  # something else is known too little to show a better class
        return None
    return ClassChange(after, tuple(_distance(entry, limit, found - 1) for entry, limit in needs))


def _worse(assessment: SectionAssessment, parameters: Sequence[ParameterExplanation]) -> ClassChange | None:
    """Give the class that the section would fall into first, by the parameter nearest to its bound."""
    found = assessment.water_class
    if found is None or found == 6 or assessment.best_class != assessment.worst_class:
        return None
    near = [(_distance(entry, limit, found), limit) for entry, limit, _ in _decided(parameters)]
    if not near:
        return None
    nearest, limit = min(
        near,
        key=lambda one: (abs(one[0].difference) / Fraction(one[0].bound), find_parameter(one[0].code).order),
    )
    if limit.direction is Direction.WITHIN:
        return ClassChange(6, (nearest,))
    beyond = next((place for place in range(found + 1, 6) if limit.bound_of(place)[0] != nearest.bound), 6)
    return ClassChange(beyond, (nearest,))


def _settle(
    assessment: SectionAssessment, parameters: Sequence[ParameterExplanation]
) -> tuple[BoundDistance, ...]:
    """List the detection limits above the bound of the class that the section has without them."""
    best = assessment.best_class
    if best is None or best == 6:
        return ()
    return tuple(
        _distance(entry, limit, best)
        for entry in parameters
        if entry.item.evaluated and entry.basis == "mean_detection_limit" and entry.needed is None
        if (entry.item.worst_class or 0) > best and (limit := entry.judgements[0].limit) is not None
    )


def _over_target(
    assessment: SectionAssessment, parameters: Sequence[ParameterExplanation]
) -> tuple[BoundDistance, ...]:
    """List what is over the limit of the target class, and by how much."""
    target = assessment.target_class
    if target is None:
        return ()
    return tuple(
        _distance(entry, limit, target) for entry, limit, own in _decided(parameters) if own > target
    )


def _trophic_parts(assessment: SectionAssessment, method: EvaluationMethod) -> tuple[TrophicPart, ...]:
    index = assessment.trophic
    if index is None:
        return ()
    weights = trophic_weights(method)
    total = sum((weights[code] for code in index.parts), Fraction(0))
    parts = []
    for item in method.trophic_indicators:
        entry = assessment.parameter(item.parameter)
        if entry is None or item.parameter not in index.parts:
            continue
        mean = entry.mean
        value = _PRECISION.divide(Decimal(mean.numerator), Decimal(mean.denominator))
        value = convert_unit(value, find_parameter(item.parameter).unit, item.unit, code=item.parameter)
        logarithm = _PRECISION.ln(value)
        part = _PRECISION.multiply(Decimal(10), _PRECISION.fma(item.b, logarithm, item.a))
        _agree(assessment, f"trophic.{item.parameter}", index.parts[item.parameter], part)
        parts.append(
            TrophicPart(
                item.parameter,
                value,
                item.unit,
                item.a,
                item.b,
                logarithm,
                part,
                weights[item.parameter] / total,
            )
        )
    return tuple(parts)


def _target(section: Mapping[str, Any], assessment: SectionAssessment) -> dict[str, object]:
    """Where the target class comes from: the version of the section that was in force."""

    def cell(name: str) -> object:
        (value,) = list_cells(pd.Series([section.get(name)], dtype=object))
        if isinstance(value, Integral):
            return int(value)  # NumPy's integers are none to JSON
        return value.isoformat() if isinstance(value, date) else value

    return {
        "class": assessment.target_class,
        "class_label": class_label(assessment.target_class),
        "version_id": cell("version_id"),
        "valid_from": cell("valid_from"),
        "valid_to": cell("valid_to"),
        "recorded_at": cell("recorded_at"),
        "upload_id": cell("upload_id"),
        "verdict_if": {
            str(water_class): assessment.verdict_for(water_class).value for water_class in range(1, 6)
        },
    }
