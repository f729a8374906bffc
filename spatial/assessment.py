"""Water quality of sections over a period; rivers, basins and regions follow from them (`spatial.groups`).

Average first, then classify; classes are never averaged. All sums are exact, so neither the order of the
rows nor the machine changes a result. What a period needs (环办〔2011〕22号, part 1 (2)):

- month, or a range of up to 31 days: the mean of its samples, one is enough; - quarter: the mean of at
least two samples; - year: the mean of twelve monthly means, at least eight at sections that freeze or run
dry (a setting); - flood season, dry season, longer ranges: the method is silent. Like the year they take
the mean of the monthly
  means, and ask for two thirds of the months touched: the share that the quarter (2 of 3) and the
  interrupted year (8 of 12) ask for.

The minimum holds for the section, and for each core item (pH, oxygen, CODMn, ammonia, phosphorus) that was
measured at all: a core item with too few samples leaves the class open. Other items are sampled more rarely
by plan; their mean is taken over what there is, and the number of months is reported.

Within a month, automatic data stand before manual data for six items, and a value below the detection limit
enters as half of that limit (环办监测函〔2020〕82号). Where nothing at all was detected, the mean is judged
as what it is: a value below the mean detection limit. Readings of stopped stations and of stations under
maintenance do not enter, nor those that failed quality control; suspect ones enter by a setting.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal

import pandas as pd

from spatial.class_text import class_label
from spatial.classification import (
    Classification,
    Grader,
    ItemClass,
    Reason,
    check_columns,
    check_target,
    give_reason,
    is_stopped,
    is_under_maintenance,
    judge_range,
    list_cells,
    list_numbers,
    shown_class,
)
from spatial.errors import FrameValueError, QuantityError
from spatial.flood_season import FloodIntensity, flood_intensity
from spatial.parameters import find_parameter, load_parameters
from spatial.period import BEIJING, Period, PeriodKind
from spatial.rounding import json_number, round_fraction
from spatial.standards import EvaluationMethod, Standard, load_evaluation_method, load_standard
from spatial.trophic import TrophicIndex, registry_concentration, trophic_index
from spatial.vocabulary import Compare, Grade, Qualifier, StationType, Verdict, WaterBodyType

SECTION_COLUMNS: Final = frozenset({"code", "name", "water_body_type", "target_class"})
READING_COLUMNS: Final = frozenset(
    {
        "section",
        "sampled_at",
        "parameter",
        "value",
        "full_value",
        "qualifier",
        "detection_limit",
        "station_type",
        "station_status",
    },
)
# Flags of QARTOD; a reading without one is as usable as one that passed.
ALWAYS_USED: Final = ("pass", "not_evaluated")
_SUSPECT: Final = 3
_UNUSABLE: Final = (4, 9)
_SHORT_RANGE_DAYS: Final = 31
_PRECISION: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class AssessmentSettings:
    """What the method leaves open (standards, section 13). The defaults are the proposed ones.

    `compare` forces the shown or the unrounded values; None takes the dated setting of the method, by
    Beijing day. `ph_mean` is `plain`, or `hydrogen` for -log10 of the mean hydrogen-ion concentration.
    `round_means` rounds a mean to the published decimals of its item before it is compared.
    `interrupted_sections` freeze or run dry and need fewer months. `river_like_reservoirs` are judged as
    rivers. `intensity_highest` is `reading` or `daily_mean`; None takes the method's. `renormalise_trophic`
    gives a trophic index with indicators missing. `use_suspect` lets readings enter that quality control
    calls suspect; those that it fails never enter, those that it passed or did not look at always do.
    """

    method: EvaluationMethod = field(default_factory=load_evaluation_method)
    compare: Compare | None = None
    ph_mean: Literal["plain", "hydrogen"] = "plain"
    round_means: bool = False
    interrupted_sections: frozenset[str] = frozenset()
    river_like_reservoirs: frozenset[str] = frozenset()
    intensity_highest: Literal["reading", "daily_mean"] | None = None
    renormalise_trophic: bool = False
    use_suspect: bool = False


@dataclass(frozen=True, slots=True)
class ParameterAssessment:
    """One parameter of a section over a period.

    `mean` has half the detection limit for what was not detected, and is what was judged unless nothing was
    detected (then `item.value` is the mean detection limit). `months` counts the months with data.
    """

    mean: Fraction
    samples: int
    months: int
    non_detects: int
    item: ItemClass

    @property
    def code(self) -> str:
        """Code of the parameter."""
        return self.item.code

    @property
    def non_detect_share(self) -> Fraction:
        """Share of the samples below the detection limit, 0 to 1."""
        return Fraction(self.non_detects, self.samples)

    def as_json(self) -> dict[str, object]:
        """Give the entry of `parameters` in the answer of `assess`."""
        item = self.item.as_json()
        return {
            "code": self.code,
            "mean": json_number(self.mean),
            "class": item["class"],
            "class_range": item["class_range"],
            "evaluated": self.item.evaluated,
            "samples": self.samples,
            "months": self.months,
            "non_detect_share": json_number(self.non_detect_share),
            "limit_target": item["limit_target"],
            "exceedance_multiple": item["exceedance_multiple"],
            "target_multiple": item["target_multiple"],
        }


@dataclass(frozen=True, slots=True)
class SectionAssessment:
    """One section over one period: its class, what decided it, and why it is undetermined where it is.

    `judged_as` is the type whose limits were taken (a river-like reservoir is judged as a river), None
    where the type is unknown. `water_class` is the class shown to be met, None when undetermined; judge it
    against any class with `verdict_for`, which knows the range of possible classes. `representative` says
    that the period had enough samples. `verdict` is None for a section without a target. `evaluated` are
    the items that the class rests on; `quality_flags` those of quality control whose readings could enter.
    """

    code: str
    name: str | None
    river: str | None
    water_body_code: str | None
    water_body_type: str | None
    judged_as: str | None
    basin: str | None
    province: str | None
    city: str | None
    region_code: str | None
    section_level: str | None
    period: str
    samples: int
    months: int
    representative: bool
    best_class: int | None
    worst_class: int | None
    water_class: int | None
    grade: Grade | None
    limiting: tuple[str, ...]
    parameters: tuple[ParameterAssessment, ...]
    main_pollutants: tuple[str, ...]
    target_class: int | None
    verdict: Verdict | None
    trophic: TrophicIndex | None
    flood_intensity: FloodIntensity | None
    reasons: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    upload_ids: tuple[int, ...]
    quality_flags: tuple[str, ...]

    @property
    def evaluated(self) -> tuple[str, ...]:
        """Codes of the items that the class rests on."""
        return tuple(entry.code for entry in self.parameters if entry.item.evaluated)

    def parameter(self, code: str) -> ParameterAssessment | None:
        """Find one parameter of the section; None where it was not measured."""
        return next((entry for entry in self.parameters if entry.code == code), None)

    def verdict_for(self, water_class: int) -> Verdict:
        """Judge the section against any class, three-valued."""
        return judge_range(self.best_class, self.worst_class, water_class)

    def as_json(self) -> dict[str, object]:
        """Give the entry of the answer of `assess --by section` (contracts)."""
        known = {entry.code: entry for entry in self.parameters}
        return {
            "level": "section",
            "code": self.code,
            "name": self.name,
            "period": self.period,
            "river": self.river,
            "basin": self.basin,
            "region_code": self.region_code,
            "section_level": self.section_level,
            "water_body_type": self.water_body_type,
            "judged_as": self.judged_as,
            "samples": self.samples,
            "months": self.months,
            "class": self.water_class,
            "class_label": class_label(self.water_class),
            "class_range": None if self.best_class is None else [self.best_class, self.worst_class],
            "grade": self.grade,
            "limiting": list(self.limiting),
            "evaluated": list(self.evaluated),
            "parameters": [entry.as_json() for entry in self.parameters],
            "main_pollutants": [
                {"code": code, "multiple": json_number(known[code].item.exceedance_multiple)}
                for code in self.main_pollutants
            ],
            "target_class": self.target_class,
            "verdict": self.verdict,
            "trophic": None if self.trophic is None else self.trophic.as_json(),
            "flood_intensity": None if self.flood_intensity is None else self.flood_intensity.as_json(),
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [warning.as_json() for warning in self.warnings],
            "upload_ids": list(self.upload_ids),
            "quality_flags": list(self.quality_flags),
        }


# --- one section ---


@dataclass(frozen=True, slots=True)
class _Average:
    """Exact mean of one parameter at one section over the period."""

    code: str
    mean: Fraction
    mean_detection_limit: Fraction | None
    samples: int
    months: int
    non_detects: int


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the readings of one section came to."""

    averages: tuple[_Average, ...]
    samples: int
    months: int
    automatic_samples: int
    excluded: Mapping[str, int]
    highest: Mapping[str, Fraction]
    upload_ids: tuple[int, ...]


_NOTHING: Final = _Evidence((), 0, 0, 0, {}, {}, ())


def assess_sections(
    sections: pd.DataFrame,
    readings: pd.DataFrame,
    period: Period,
    standard: Standard | None = None,
    settings: AssessmentSettings | None = None,
) -> list[SectionAssessment]:
    """Assess every section over a period; a section without readings appears, undetermined.

    Parameters
    ----------
    sections : DataFrame, one row per section
        ``code``, ``name``, ``water_body_type``, ``target_class``; where there, also ``river``,
        ``water_body_code``, ``basin``, ``province``, ``city``, ``region_code``, ``level``, ``station_type``.
    readings : DataFrame, one row per reading
        ``section`` (code), ``sampled_at`` (zoned), ``parameter``, ``value``, ``full_value``, ``qualifier``,
        ``detection_limit`` (Decimals in the parameter's unit), ``station_type``, ``station_status``;
        ``upload_id`` and ``quality`` (QARTOD: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing) where
        there. Rows outside the period and of sections not listed are left alone.

    Returns
    -------
    list of SectionAssessment, by code

    Raises
    ------
    FrameColumnsError, FrameValueError
        If a column is missing, a number is not exact, or a section code stands twice.
    UnknownParameterError, UnknownWaterBodyTypeError, WaterClassRangeError
        If a code, type or target class does not exist.
    """
    standard = standard or load_standard()
    settings = settings or AssessmentSettings()
    check_columns(sections, "sections", SECTION_COLUMNS)
    check_columns(readings, "readings", READING_COLUMNS)
    columns = {name: list_cells(sections[name]) for name in sections.columns if name != "geometry"}
    evidence = _gather_evidence(readings, period, settings, wanted=columns["code"])
    doubted = [code for code, known in evidence.items() if "readings_suspect" in known.excluded]
    with_suspect = _gather_evidence(readings, period, replace(settings, use_suspect=True), wanted=doubted)
    found: dict[str, SectionAssessment] = {}
    for place, code in enumerate(columns["code"]):
        if not isinstance(code, str) or code in found:
            raise FrameValueError("sections", "code", code)
        facts = {name: cells[place] for name, cells in columns.items()}
        found[code] = _assess_section(facts, evidence.get(code, _NOTHING), period, standard, settings)
        if code in with_suspect:
            other = _assess_section(facts, with_suspect[code], period, standard, settings)
            found[code] = _with_doubt(found[code], other)
    return [found[code] for code in sorted(found)]


def _with_doubt(found: SectionAssessment, other: SectionAssessment) -> SectionAssessment:
    """Warn where the suspect readings that were left out would make another class."""
    if (found.best_class, found.worst_class) == (other.best_class, other.worst_class):
        return found
    warning = give_reason(
        "suspect_readings_matter",
        class_without=class_label(found.water_class) or "—",
        class_with=class_label(other.water_class) or "—",
    )
    return replace(found, warnings=(*found.warnings, warning))


def _is_plain_mean(period: Period) -> bool:
    if period.kind is PeriodKind.RANGE:
        return period.days <= _SHORT_RANGE_DAYS
    return period.kind in (PeriodKind.MONTH, PeriodKind.QUARTER)


def _minimum(period: Period, section: str, settings: AssessmentSettings) -> tuple[int, str]:
    """Give what a section needs in this period: how many, and of what (`samples` or `months`)."""
    method = settings.method
    if period.kind is PeriodKind.QUARTER:
        return method.quarter_samples, "samples"
    if _is_plain_mean(period):
        return method.month_samples, "samples"
    if period.kind is PeriodKind.YEAR:
        if section in settings.interrupted_sections:
            return method.year_months_interrupted, "months"
        return method.year_months, "months"
    return -(-len(period.months) * method.range_months_share // 1), "months"


def _assess_section(
    facts: Mapping[str, Any],
    evidence: _Evidence,
    period: Period,
    standard: Standard,
    settings: AssessmentSettings,
) -> SectionAssessment:
    code: str = facts["code"]
    given = facts["water_body_type"]
    water_body = WaterBodyType.RIVER if code in settings.river_like_reservoirs else given
    raw_target = facts["target_class"]
    target = check_target(None if raw_target is None else int(raw_target))
    minimum, counted = _minimum(period, code, settings)
    reached = evidence.samples if counted == "samples" else evidence.months
    representative = bool(evidence.averages) and reached >= minimum
    entries, found = _classify_averages(
        evidence,
        water_body=water_body,
        target=target,
        minimum=minimum,
        counted=counted,
        standard=standard,
        settings=settings,
    )
    reasons = found.reasons
    if not representative:
        reasons = (_shortage(evidence, minimum, counted, reached),)
        found = Classification(found.items, None, None, None, None, (), (), reasons)
    verdict = None if target is None else found.verdict_for(target)
    trophic, warnings = _trophic_of(entries, water_body, settings) if representative else (None, ())
    intensity = None
    if target is not None and water_body is not None:
        intensity = flood_intensity(
            evidence.highest, standard, water_body=water_body, target_class=target, method=settings.method
        )
    return SectionAssessment(
        code=code,
        name=facts["name"],
        river=facts.get("river"),
        water_body_code=facts.get("water_body_code"),
        water_body_type=given,
        judged_as=water_body,
        basin=facts.get("basin"),
        province=facts.get("province"),
        city=facts.get("city"),
        region_code=facts.get("region_code"),
        section_level=facts.get("level"),
        period=period.text,
        samples=evidence.samples,
        months=evidence.months,
        representative=representative,
        best_class=found.best_class,
        worst_class=found.worst_class,
        water_class=found.water_class,
        grade=found.grade,
        limiting=found.deciding,
        parameters=entries,
        main_pollutants=found.main_pollutants,
        target_class=target,
        verdict=verdict,
        trophic=trophic,
        flood_intensity=intensity,
        reasons=reasons,
        warnings=(*warnings, *_coverage_warnings(evidence, period, settings.method)),
        upload_ids=evidence.upload_ids,
        quality_flags=(*ALWAYS_USED, "suspect") if settings.use_suspect else ALWAYS_USED,
    )


def _shortage(evidence: _Evidence, minimum: int, counted: str, reached: int) -> Reason:
    if evidence.averages and evidence.samples == 0:
        return give_reason("no_evaluated_item")
    if evidence.samples == 0:
        if evidence.excluded:
            return give_reason("no_usable_readings", **evidence.excluded)
        return give_reason("no_readings")
    return give_reason(f"too_few_{counted}", found=reached, needed=minimum)


def _classify_averages(
    evidence: _Evidence,
    *,
    water_body: str | None,
    target: int | None,
    minimum: int,
    counted: str,
    standard: Standard,
    settings: AssessmentSettings,
) -> tuple[tuple[ParameterAssessment, ...], Classification]:
    """Judge the means; where the type of the water is not known, keep what river and lake limits agree on."""
    types = (WaterBodyType.RIVER, WaterBodyType.LAKE) if water_body is None else (water_body,)
    results = []
    for water in types:
        grader = Grader(standard, settings.method, water, target)
        items: dict[str, ItemClass] = {}
        short: list[Reason] = []
        for average in evidence.averages:
            item = _judge_average(grader, average, settings)
            reached = average.samples if counted == "samples" else average.months
            if average.code in settings.method.core and reached < minimum:
                item = _left_open(item)
                short.append(
                    give_reason(
                        f"parameter_too_few_{counted}", parameter=average.code, found=reached, needed=minimum
                    ),
                )
            items[average.code] = item
        found = grader.classify(items.values())
        if short:
            kept = (reason for reason in found.reasons if reason.code != "value_impossible")
            found = _with_reasons(found, (*short, *kept) if found.best_class != found.worst_class else ())
        entries = tuple(
            ParameterAssessment(
                average.mean, average.samples, average.months, average.non_detects, items[average.code]
            )
            for average in sorted(evidence.averages, key=lambda entry: find_parameter(entry.code).order)
        )
        results.append((entries, found))
    if len(results) == 1 or results[0][1].water_class == results[1][1].water_class is not None:
        return results[0]
    return results[0][0], _merge_types(results[0][1], results[1][1], settings.method)


def _merge_types(river: Classification, lake: Classification, method: EvaluationMethod) -> Classification:
    if river.best_class is None or lake.best_class is None:
        return river
    best = min(river.best_class, lake.best_class)
    worst = max(river.worst_class or 6, lake.worst_class or 6)
    found = shown_class(best, worst, method.reference_class)
    return Classification(
        items=river.items,
        best_class=best,
        worst_class=worst,
        water_class=None,
        grade=None,
        deciding=(),
        main_pollutants=tuple(code for code in river.main_pollutants if code in lake.main_pollutants),
        reasons=(
            *river.reasons,
            give_reason("water_body_type_unknown", best_class=best, worst_class=worst, shown_class=found),
        ),
    )


def _judge_average(grader: Grader, average: _Average, settings: AssessmentSettings) -> ItemClass:
    if average.mean_detection_limit is not None:
        return grader.grade_item(average.code, average.mean_detection_limit, censored=True)
    limit = grader.limits.get(average.code)
    if settings.round_means and limit is not None:
        return grader.grade_item(average.code, round_fraction(average.mean, limit.decimals))
    return grader.grade_item(average.code, average.mean)


def _left_open(item: ItemClass) -> ItemClass:
    return ItemClass(
        code=item.code,
        value=item.value,
        censored=item.censored,
        evaluated=item.evaluated,
        water_class=None,
        best_class=1,
        worst_class=6,
        limit_target=item.limit_target,
        exceedance_multiple=None,
        target_multiple=None,
    )


def _with_reasons(found: Classification, reasons: tuple[Reason, ...]) -> Classification:
    return Classification(
        found.items,
        found.best_class,
        found.worst_class,
        found.water_class,
        found.grade,
        found.deciding,
        found.main_pollutants,
        reasons,
    )


def _trophic_of(
    entries: Iterable[ParameterAssessment],
    water_body: str | None,
    settings: AssessmentSettings,
) -> tuple[TrophicIndex | None, tuple[Reason, ...]]:
    if water_body not in (WaterBodyType.LAKE, WaterBodyType.RESERVOIR):
        return None, ()
    values = {entry.code: registry_concentration(entry.code, entry.mean) for entry in entries}
    try:
        index = trophic_index(values, renormalise=settings.renormalise_trophic, method=settings.method)
    except QuantityError as error:
        # A mean of zero has no logarithm: the index is not there, and the result says why.
        return None, (give_reason("trophic_value_not_positive", parameter=error.name),)
    return index, ()


def _coverage_warnings(evidence: _Evidence, period: Period, method: EvaluationMethod) -> tuple[Reason, ...]:
    warnings = []
    if evidence.samples and evidence.excluded:
        warnings.append(give_reason("readings_excluded", **evidence.excluded))
    warnings.extend(
        give_reason(code, count=evidence.excluded[code])
        for code in ("readings_failed_quality", "readings_suspect")
        if code in evidence.excluded
    )
    due = period.days * method.automatic_readings_per_day
    if evidence.automatic_samples and Fraction(evidence.automatic_samples, due) < method.automatic_warn_below:
        warnings.append(give_reason("automatic_coverage_low", found=evidence.automatic_samples, due=due))
    return tuple(warnings)


# --- means of all sections at once ---


def _gather_evidence(
    readings: pd.DataFrame,
    period: Period,
    settings: AssessmentSettings,
    wanted: Iterable[object],
) -> dict[str, _Evidence]:
    """Average all readings of a period by section and parameter, exactly."""
    frame = readings[readings["section"].isin(list(wanted))]
    if frame.empty:
        return {}
    sampled_at = frame["sampled_at"]
    if not isinstance(sampled_at.dtype, pd.DatetimeTZDtype):
        raise FrameValueError("readings", "sampled_at", sampled_at.iloc[0])
    local = sampled_at.dt.tz_convert(BEIJING)
    inside = ((local >= period.starts_at) & (local < period.ends_before)).to_numpy()
    frame, local = frame[inside], local[inside]
    if frame.empty:
        return {}
    work = pd.DataFrame(
        {
            "section": frame["section"].to_numpy(dtype=object),
            "parameter": frame["parameter"].to_numpy(dtype=object),
            "moment": local.to_numpy(dtype="datetime64[ns]"),  # as UTC, for counting distinct times only
            "day": local.dt.tz_localize(None).dt.normalize().to_numpy(),
            "month": (local.dt.year * 12 + local.dt.month - 1).to_numpy(),
            "calendar_month": local.dt.month.to_numpy(),
            "automatic": [cell == StationType.AUTOMATIC for cell in list_cells(frame["station_type"])],
        },
    )
    if "upload_id" in frame.columns:
        work["upload_id"] = frame["upload_id"].to_numpy()
    for code in work["parameter"].unique().tolist():
        find_parameter(code)
    scale = _enter_amounts(work, frame, settings)
    work["refused"] = _refusals(work, frame, settings)
    excluded = {
        section: dict(sorted(Counter(part.tolist()).items()))
        for section, part in work.loc[work["refused"] != "", "refused"].groupby(work["section"])
    }
    entering = work[work["refused"] == ""]
    entering = entering[~_superseded(entering, settings.method)]
    found = _average_sections(entering, excluded, scale, period, settings)
    for section, counts in excluded.items():
        if section not in found:
            found[str(section)] = _Evidence((), 0, 0, 0, counts, {}, ())
    return found


def _enter_amounts(work: pd.DataFrame, frame: pd.DataFrame, settings: AssessmentSettings) -> int:
    """Add the columns `entering`, `amount`, `limit_amount` and `censored`; give the scale of the amounts.

    An amount is the entering value times the scale, a whole number: those add up exactly and in any order.
    """
    method = settings.method
    share = method.non_detect_share
    compare_by_day = {
        day: settings.compare or method.compare_on(pd.Timestamp(day).date()) for day in work["day"].unique()
    }
    is_full = (work["day"].map(compare_by_day) == Compare.FULL).tolist()
    values = list_numbers(frame, "readings", "value")
    fulls = list_numbers(frame, "readings", "full_value")
    limits = list_numbers(frame, "readings", "detection_limit")
    censored = [cell == Qualifier.BELOW for cell in list_cells(frame["qualifier"])]
    entering: list[Decimal | None] = []
    for value, full, limit, below, use_full in zip(values, fulls, limits, censored, is_full, strict=True):
        if below:
            entering.append(limit if limit is not None else value)
        else:
            entering.append(full if use_full and full is not None else value)
    places = max(
        (-int(number.as_tuple().exponent) for number in {*entering} if number is not None), default=0
    )
    power = max(places, 0)
    wide = Context(prec=60)
    whole = {number: int(number.scaleb(power, context=wide)) for number in {*entering} if number is not None}
    measured, below_limit = share.denominator, share.numerator
    work["censored"] = censored
    work["entering"] = pd.Series(entering, index=work.index, dtype=object)
    work["amount"] = pd.Series(
        [
            None if number is None else whole[number] * (below_limit if below else measured)
            for number, below in zip(entering, censored, strict=True)
        ],
        index=work.index,
        dtype=object,
    )
    work["limit_amount"] = pd.Series(
        [
            whole[number] * measured if below and number is not None else 0
            for number, below in zip(entering, censored, strict=True)
        ],
        index=work.index,
        dtype=object,
    )
    return int(10**power) * measured


def _refusals(work: pd.DataFrame, frame: pd.DataFrame, settings: AssessmentSettings) -> list[str]:
    """Say for every reading why it does not enter: a code, or an empty text for one that does."""
    method = settings.method
    registry = load_parameters()
    by_quality: dict[object, str] = dict.fromkeys(_UNUSABLE, "readings_failed_quality")
    if not settings.use_suspect:
        by_quality[_SUSPECT] = "readings_suspect"
    flags = list_cells(frame["quality"]) if "quality" in frame.columns else [None] * len(frame)
    by_status = {
        status: "station_stopped"
        if is_stopped(status, method)
        else "station_under_maintenance"
        if is_under_maintenance(status, method)
        else ""
        for status in {*list_cells(frame["station_status"])}
        if isinstance(status, str)
    }
    refused = []
    for code, number, below, status, flag in zip(
        work["parameter"].tolist(),
        work["entering"].tolist(),
        work["censored"].tolist(),
        list_cells(frame["station_status"]),
        flags,
        strict=True,
    ):
        reason = by_status.get(status, "") if isinstance(status, str) else ""
        if not reason and number is None:
            reason = "detection_limit_unknown" if below else "value_missing"
        if not reason and not registry[code].gross_min <= number <= registry[code].gross_max:
            reason = "value_impossible"
        refused.append(reason or by_quality.get(flag, ""))
    return refused


def _superseded(entering: pd.DataFrame, method: EvaluationMethod) -> "pd.Series[bool]":
    """Mark manual readings in months where automatic ones exist for the same section and item."""
    first = entering["parameter"].isin(method.automatic_precedence)
    keys = [entering["section"], entering["parameter"], entering["month"]]
    has_automatic = entering["automatic"].groupby(keys).transform("max").astype(bool)
    marked: pd.Series[bool] = first & has_automatic & ~entering["automatic"]
    return marked


def _average_sections(
    entering: pd.DataFrame,
    excluded: Mapping[Any, Mapping[str, int]],
    scale: int,
    period: Period,
    settings: AssessmentSettings,
) -> dict[str, _Evidence]:
    if entering.empty:
        return {}
    grouped = entering.groupby(["section", "parameter", "month"], sort=True)
    monthly = pd.DataFrame(
        {
            "amount": grouped["amount"].sum(),
            "limit_amount": grouped["limit_amount"].sum(),
            "samples": grouped.size(),
            "non_detects": grouped["censored"].sum(),
        },
    ).reset_index()
    ph_means = _hydrogen_means(entering, period) if settings.ph_mean == "hydrogen" else {}
    plain = _is_plain_mean(period)
    averages: dict[str, list[_Average]] = {}
    rows = zip(*(monthly[name].tolist() for name in monthly.columns), strict=True)
    for (section, code), part in groupby(rows, key=itemgetter(0, 1)):  # sorted by both, above
        _, _, _, amounts, limits, counts, below = zip(*part, strict=True)
        samples, non_detects = sum(counts), sum(below)
        mean = ph_means.get(section) if code == "ph" else None
        averages.setdefault(section, []).append(
            _Average(
                code=code,
                mean=_mean(amounts, counts, scale, plain=plain) if mean is None else mean,
                mean_detection_limit=(
                    _mean(limits, counts, scale, plain=plain) if non_detects == samples else None
                ),
                samples=samples,
                months=len(counts),
                non_detects=non_detects,
            ),
        )
    counted = entering[entering["parameter"].isin(settings.method.evaluated)]
    by_section = counted.groupby("section")
    samples_of = by_section["moment"].nunique()
    months_of = by_section["month"].nunique()
    automatic_of = counted[counted["automatic"]].groupby("section")["moment"].nunique()
    uploads: dict[str, tuple[int, ...]] = {}
    if "upload_id" in entering.columns:
        known = entering[["section", "upload_id"]].dropna().drop_duplicates()
        uploads = {
            str(section): tuple(sorted({int(upload) for upload in part}))
            for section, part in known.groupby("section")["upload_id"]
        }
    highest = _highest(entering, scale, settings)
    return {
        section: _Evidence(
            averages=tuple(found),
            samples=int(samples_of.get(section, 0)),
            months=int(months_of.get(section, 0)),
            automatic_samples=int(automatic_of.get(section, 0)),
            excluded=excluded.get(section, {}),
            highest=highest.get(section, {}),
            upload_ids=uploads.get(section, ()),
        )
        for section, found in averages.items()
    }


def _mean(amounts: Sequence[int], counts: Sequence[int], scale: int, *, plain: bool) -> Fraction:
    """Mean of all samples, or mean of the monthly means."""
    if plain:
        return Fraction(sum(amounts), sum(counts) * scale)
    total = sum((Fraction(amount, count) for amount, count in zip(amounts, counts, strict=True)), Fraction(0))
    return total / (len(counts) * scale)


def _hydrogen_means(entering: pd.DataFrame, period: Period) -> dict[Any, Fraction]:
    """Mean pH through the hydrogen-ion concentration, by section; 28 digits, rows in order of value."""
    found: dict[Any, Fraction] = {}
    plain = _is_plain_mean(period)
    readings = entering[entering["parameter"] == "ph"]
    for section, part in readings.groupby("section"):
        groups = [part] if plain else [month for _, month in part.groupby("month")]
        ions = []
        for group in groups:
            activities = [
                _PRECISION.power(Decimal(10), -value) for value in sorted(group["entering"].tolist())
            ]
            ions.append(sum(map(Fraction, activities), Fraction(0)) / len(activities))
        mean = sum(ions, Fraction(0)) / len(ions)
        activity = _PRECISION.divide(Decimal(mean.numerator), Decimal(mean.denominator))
        found[section] = Fraction(-_PRECISION.log10(activity))
    return found


def _highest(
    entering: pd.DataFrame, scale: int, settings: AssessmentSettings
) -> dict[str, dict[str, Fraction]]:
    """Highest detected concentration of each intensity indicator in the flood months, by section."""
    method = settings.method
    wet = entering[
        entering["calendar_month"].isin(method.flood_months)
        & entering["parameter"].isin(method.intensity_indicators)
        & ~entering["censored"]
    ]
    found: dict[str, dict[str, Fraction]] = {}
    if wet.empty:
        return found
    by_day = (settings.intensity_highest or method.intensity_highest) == "daily_mean"
    if by_day:
        days = wet.groupby(["section", "parameter", "day"], sort=True)["amount"]
        means = [Fraction(total, count) for total, count in zip(days.sum(), days.size(), strict=True)]
        peaks = pd.Series(means, index=days.size().index, dtype=object).groupby(level=[0, 1]).max()
    else:
        peaks = wet.groupby(["section", "parameter"], sort=True)["amount"].max()
    for (section, code), peak in zip(peaks.index.tolist(), peaks.tolist(), strict=True):
        found.setdefault(section, {})[code] = Fraction(peak) / scale
    return found
