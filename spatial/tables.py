"""Assessments as tables: one row by period and section, and one by period, section and parameter.

Whatever a table shows of a section is what its `SectionAssessment` says; floats are the nearest ones to exact
numbers, save for the mean of monthly means, which is right to a few units of its last digit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from spatial.classification import check_target
from spatial.columns import IntArray
from spatial.errors import QuantityError, UnknownWaterBodyTypeError
from spatial.judgement import (
    LAKE,
    RIVER,
    UNKNOWN,
    BoolArray,
    ClassArray,
    PeriodJudge,
    WaterJudgement,
    first_peaks,
    judge_waters,
    merge_waters,
    shown_classes,
)
from spatial.period import Period
from spatial.settings import AssessmentSettings
from spatial.standards import Standard
from spatial.sums import Evidence, needed_evidence
from spatial.trophic import registry_concentration, trophic_index
from spatial.vocabulary import CLASS_LABELS, Grade, MissingRequired, TrophicState, Verdict, WaterBodyType

_WATERS: Final[dict[str | None, int]] = {
    None: UNKNOWN,
    WaterBodyType.RIVER: RIVER,
    WaterBodyType.LAKE: LAKE,
    WaterBodyType.RESERVOIR: LAKE,
}
_TYPES: Final = tuple(WaterBodyType)
_VERDICTS: Final = tuple(Verdict)
_REASONS: Final = (
    "no_readings",
    "no_usable_readings",
    "no_evaluated_item",
    "too_few_samples",
    "too_few_months",
    "parameter_too_few_samples",
    "parameter_too_few_months",
    "required_items_missing",
    "detection_limit_above_limit",
    "water_body_type_unknown",
)
"""Why a section has no class, as far as a table says it; the assessment itself says all."""


@dataclass(frozen=True, slots=True, eq=False)
class SectionFacts:
    """What the sections are, as arrays (S,).

    Given and judged type (place in WaterBodyType, -1 for unknown), kind of water, and target class (0 for
    none).
    """

    given: npt.NDArray[np.int8]
    judged: npt.NDArray[np.int8]
    waters: IntArray
    targets: ClassArray

    @classmethod
    def from_facts(cls, facts: Sequence[Mapping[str, Any]], settings: AssessmentSettings) -> "SectionFacts":
        """Read what a frame says of its sections.

        Raises
        ------
        UnknownWaterBodyTypeError, WaterClassRangeError
            If a type or a target class does not exist.
        """
        given = [fact["water_body_type"] for fact in facts]
        judged = [
            WaterBodyType.RIVER if fact["code"] in settings.river_like_reservoirs else kind
            for fact, kind in zip(facts, given, strict=True)
        ]
        for kind in {*given, *judged}:
            if kind not in _WATERS:
                raise UnknownWaterBodyTypeError(kind)
        places = {None: -1} | {str(kind): place for place, kind in enumerate(_TYPES)}
        targets = [fact["target_class"] for fact in facts]
        return cls(
            given=np.array([places[kind] for kind in given], dtype=np.int8),
            judged=np.array([places[kind] for kind in judged], dtype=np.int8),
            waters=np.array([_WATERS[kind] for kind in judged], dtype=np.int64),
            targets=np.array(
                [check_target(None if target is None else int(target)) or 0 for target in targets],
                dtype=np.int8,
            ),
        )

    def take(self, places: IntArray) -> "SectionFacts":
        """Give the facts of some sections, by place."""
        return SectionFacts(
            self.given[places], self.judged[places], self.waters[places], self.targets[places]
        )


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPeriod:
    """One period, judged: the evidence, its columns, and the result of every section."""

    evidence: Evidence
    judge: PeriodJudge
    found: WaterJudgement
    representative: BoolArray
    needed: IntArray
    by_samples: bool
    disagreeing: BoolArray


def judge_period(
    evidence: Evidence, facts: SectionFacts, standard: Standard, settings: AssessmentSettings
) -> JudgedPeriod:
    """Judge all sections of a period; `facts` are those of the sections of the evidence."""
    usual, counted = needed_evidence(evidence.period, "", settings)
    needed = np.full(len(evidence.codes), usual, dtype=np.int64)
    for place, code in enumerate(evidence.codes):
        if code in settings.interrupted_sections:
            needed[place] = needed_evidence(evidence.period, code, settings)[0]
    by_samples = counted == "samples"
    judge = PeriodJudge(evidence, settings, needed, facts.targets, by_samples=by_samples)
    found, disagreeing = merge_waters(judge_waters(judge, standard, facts.waters), facts.waters)
    reached = evidence.samples if by_samples else evidence.months
    measured = evidence.counts.any(axis=(0, 1))
    return JudgedPeriod(
        evidence=evidence,
        judge=judge,
        found=found,
        representative=measured & (reached >= needed),
        needed=needed,
        by_samples=by_samples,
        disagreeing=disagreeing,
    )


def section_columns(
    judged: JudgedPeriod,
    doubted: JudgedPeriod | None,
    doubted_places: IntArray,
    facts: SectionFacts,
    standard: Standard,
    settings: AssessmentSettings,
) -> dict[str, npt.NDArray[Any]]:
    """Give the columns of `AssessmentTables.sections` for one period, by section; 0 and -1 stand for none.

    `doubted` is the same period with suspect readings, for the sections at `doubted_places`.
    """
    evidence, found, method = judged.evidence, judged.found, settings.method
    best, worst, shown = _results(judged)
    grades = np.array([-1, *(list(Grade).index(method.class_grades[number]) for number in range(1, 7))])
    matters, class_with = np.zeros(len(best), bool), shown.copy()
    if doubted is not None:
        other_best, other_worst, other = _results(doubted)
        differs = (other_best != best[doubted_places]) | (other_worst != worst[doubted_places])
        matters[doubted_places] = differs
        class_with[doubted_places] = np.where(differs, other, shown[doubted_places])
    due = evidence.period.days * method.automatic_readings_per_day
    share = method.automatic_warn_below
    pollutant, intensity = _intensities(evidence, facts, standard, method.intensity_indicators)
    index, state = _trophic(judged, facts, settings)
    return {
        "samples": evidence.samples,
        "months": evidence.months,
        "automatic_samples": evidence.automatic_samples,
        "excluded": evidence.excluded.sum(axis=0),
        "representative": judged.representative,
        "class": shown,
        "best_class": best,
        "worst_class": worst,
        "grade": grades[shown],
        "target_class": facts.targets,
        "verdict": _verdicts(best, worst, facts.targets),
        "reason": _first_reasons(judged, best, worst),
        "suspect_readings_matter": matters,
        "class_with_suspect": class_with,
        "automatic_coverage_low": (evidence.automatic_samples > 0)
        & (evidence.automatic_samples * share.denominator < due * share.numerator),
        "required_items_missing": judged.judge.lacks_required & (shown > 0),
        "flood_pollutant": pollutant,
        "flood_intensity": intensity,
        "tli": index,
        "trophic_state": state,
        "pollutants": np.count_nonzero(found.pollutant, axis=0) * judged.representative,
    }


def parameter_columns(judged: JudgedPeriod) -> dict[str, npt.NDArray[Any]]:
    """Give the columns of `AssessmentTables.parameters` for one period, by section and parameter."""
    columns, found = judged.judge.columns, judged.found
    shape = judged.judge.shape

    def spread(parts: Sequence[npt.NDArray[Any]], kind: Any) -> npt.NDArray[Any]:
        return np.array(parts, dtype=kind).reshape(shape)

    measured = spread([column.measured for column in columns], bool)
    section, parameter = np.nonzero(measured.T)
    reference = judged.judge.settings.method.reference_class
    classes = shown_classes(found.item_best, found.item_worst, reference)
    whole = {
        "mean": spread([column.floats() for column in columns], np.float64),
        "samples": spread([column.counts for column in columns], np.int64),
        "months": spread([column.months for column in columns], np.int64),
        "non_detects": spread([column.non_detects for column in columns], np.int64),
        "class": classes,
        "best_class": found.item_best,
        "worst_class": found.item_worst,
        "evaluated": found.evaluated,
        "limiting": found.limiting & judged.representative,
        "main_pollutant": found.pollutant * judged.representative,
        "exceedance_multiple": found.multiple,
        "target_multiple": found.target_multiple,
    }
    return {"section": section, "parameter": parameter} | {
        name: array[parameter, section] for name, array in whole.items()
    }


def section_table(
    parts: Sequence[Mapping[str, npt.NDArray[Any]]],
    periods: Sequence[Period],
    codes: Sequence[str],
    facts: SectionFacts,
    parameters: Sequence[str],
) -> pd.DataFrame:
    """Put the columns of all periods into one frame (see `AssessmentTables.sections`)."""
    cells = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    number = len(codes)
    return pd.DataFrame(
        {
            "period": _texts(np.repeat(np.arange(len(parts)), number), [period.text for period in periods]),
            "section": _texts(np.tile(np.arange(number), len(parts)), codes),
            "water_body_type": _texts(np.tile(facts.given, len(parts)), _TYPES),
            "judged_as": _texts(np.tile(facts.judged, len(parts)), _TYPES),
            "samples": cells["samples"],
            "months": cells["months"],
            "automatic_samples": cells["automatic_samples"],
            "excluded": cells["excluded"],
            "representative": cells["representative"],
            "class": _classes(cells["class"]),
            "class_label": _texts(cells["class"] - 1, list(CLASS_LABELS.values())),
            "best_class": _classes(cells["best_class"]),
            "worst_class": _classes(cells["worst_class"]),
            "grade": _texts(cells["grade"], tuple(Grade)),
            "main_pollutants": cells["pollutants"],
            "target_class": _classes(cells["target_class"]),
            "verdict": _texts(cells["verdict"], _VERDICTS),
            "reason": _texts(cells["reason"], _REASONS),
            "suspect_readings_matter": cells["suspect_readings_matter"],
            "class_with_suspect": _classes(cells["class_with_suspect"]),
            "automatic_coverage_low": cells["automatic_coverage_low"],
            "required_items_missing": cells["required_items_missing"],
            "flood_pollutant": _texts(cells["flood_pollutant"], parameters),
            "flood_intensity": cells["flood_intensity"],
            "tli": cells["tli"],
            "trophic_state": _texts(cells["trophic_state"], tuple(TrophicState)),
        }
    )


def parameter_table(
    parts: Sequence[Mapping[str, npt.NDArray[Any]]],
    periods: Sequence[Period],
    codes: Sequence[str],
    parameters: Sequence[str],
) -> pd.DataFrame:
    """Put the columns of all periods into one frame (see `AssessmentTables.parameters`)."""
    cells = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    lengths = [len(part["section"]) for part in parts]
    return pd.DataFrame(
        {
            "period": _texts(np.repeat(np.arange(len(parts)), lengths), [period.text for period in periods]),
            "section": _texts(cells["section"], codes),
            "parameter": _texts(cells["parameter"], parameters),
            "mean": cells["mean"],
            "samples": cells["samples"],
            "months": cells["months"],
            "non_detects": cells["non_detects"],
            "class": _classes(cells["class"]),
            "best_class": _classes(cells["best_class"]),
            "worst_class": _classes(cells["worst_class"]),
            "evaluated": cells["evaluated"],
            "limiting": cells["limiting"],
            "main_pollutant": _classes(cells["main_pollutant"]),
            "exceedance_multiple": cells["exceedance_multiple"],
            "target_multiple": cells["target_multiple"],
        }
    )


def _texts(places: npt.NDArray[Any], words: Sequence[str]) -> pd.Categorical:
    """Give a column of words by their places, nothing for -1."""
    return pd.Categorical.from_codes(places, categories=pd.Index([str(word) for word in words], dtype="str"))


def _classes(numbers: npt.NDArray[Any]) -> "pd.arrays.IntegerArray":
    """Give a column of small numbers, nothing for 0."""
    return pd.arrays.IntegerArray(numbers.astype(np.int8), numbers == 0)


def _results(judged: JudgedPeriod) -> tuple[ClassArray, ClassArray, ClassArray]:
    """Give best, worst and shown class of every section, 0 where the period is not representative."""
    found, enough = judged.found, judged.representative
    return found.best * enough, found.worst * enough, found.water_class * enough


def _verdicts(best: ClassArray, worst: ClassArray, targets: ClassArray) -> npt.NDArray[np.int8]:
    """Judge ranges of classes against targets (`judge_range`): places in Verdict, -1 without a target."""
    verdict = np.full(len(best), _VERDICTS.index(Verdict.UNDETERMINED), dtype=np.int8)
    verdict[(best > 0) & (worst <= targets)] = _VERDICTS.index(Verdict.COMPLIANT)
    verdict[best > targets] = _VERDICTS.index(Verdict.VIOLATION)
    verdict[targets == 0] = -1
    return verdict


def _first_reasons(judged: JudgedPeriod, best: ClassArray, worst: ClassArray) -> npt.NDArray[np.int8]:
    """Say why sections have no sure class: places in _REASONS, -1 for those that have one."""
    evidence, found = judged.evidence, judged.found
    measured = evidence.counts.any(axis=(0, 1))
    counted = "samples" if judged.by_samples else "months"
    unsampled, short = evidence.samples == 0, ~judged.representative
    is_open = (best != worst) & ~short
    lacks = judged.judge.lacks_required
    opened = lacks & (judged.judge.settings.missing_required is MissingRequired.UNDETERMINED)
    shortened = (found.short & found.evaluated).any(axis=0)
    # The limits of rivers and lakes may leave the class open together, where each by itself does not.
    blurred = (found.evaluated & (found.item_best != found.item_worst) & (found.item_worst > found.best)).any(
        axis=0
    )
    reasons = (
        (short & measured & unsampled, "no_evaluated_item"),
        (short & unsampled & evidence.excluded.any(axis=0), "no_usable_readings"),
        (short & unsampled, "no_readings"),
        (short, f"too_few_{counted}"),
        (best == 0, "no_evaluated_item"),
        (is_open & shortened, f"parameter_too_few_{counted}"),
        (is_open & opened, "required_items_missing"),
        (is_open & blurred, "detection_limit_above_limit"),
        (judged.disagreeing, "water_body_type_unknown"),
    )
    places = [_REASONS.index(code) for _, code in reasons]
    return np.select([rows for rows, _ in reasons], places, default=-1).astype(np.int8)


def _intensities(
    evidence: Evidence, facts: SectionFacts, standard: Standard, indicators: Sequence[str]
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    place, value = np.full(len(evidence.codes), -1), np.full(len(evidence.codes), np.nan)
    for water, name in ((RIVER, WaterBodyType.RIVER), (LAKE, WaterBodyType.LAKE)):
        targets = np.where(facts.waters == water, facts.targets, 0).astype(np.int8)
        if targets.any():
            found = first_peaks(evidence, standard.limits_for(name), targets, indicators)
            place, value = np.where(targets > 0, found[0], place), np.where(targets > 0, found[1], value)
    return place, value


def _trophic(
    judged: JudgedPeriod, facts: SectionFacts, settings: AssessmentSettings
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8]]:
    """Give the trophic index of the lakes that measured what it needs."""
    evidence = judged.evidence
    index = np.full(len(evidence.codes), np.nan)
    state = np.full(len(evidence.codes), -1, dtype=np.int8)
    indicators = {item.parameter for item in settings.method.trophic_indicators}
    places = [place for place, code in enumerate(evidence.parameters) if code in indicators]
    if not places or (len(places) < len(indicators) and not settings.renormalise_trophic):
        return index, state
    measured = evidence.counts[:, places].sum(axis=0) > 0
    ready = measured.any(axis=0) if settings.renormalise_trophic else measured.all(axis=0)
    for section in np.flatnonzero(ready & judged.representative & (facts.waters == LAKE)).tolist():
        values = {
            evidence.parameters[place]: registry_concentration(
                evidence.parameters[place], evidence.mean(place, section)
            )
            for place, there in zip(places, measured[:, section].tolist(), strict=True)
            if there
        }
        try:
            found = trophic_index(values, renormalise=settings.renormalise_trophic, method=settings.method)
        except QuantityError:  # a mean of zero has no logarithm; the assessment of the section says so
            continue
        if found is not None:
            index[section], state[section] = float(found.tli), list(TrophicState).index(found.state)
    return index, state
