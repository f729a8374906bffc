"""Water quality of sections over a period; rivers, basins and regions follow from them (`spatial.groups`).

Average first, then classify; classes are never averaged. All sums are exact, so neither the order of the
rows nor the machine changes a result. What a period needs (环办〔2011〕22号, part 1 (2)):

- month, or a range of up to 31 days: the mean of its samples, one is enough;
- quarter: the mean of at least two samples;
- year: the mean of twelve monthly means, at least eight at sections that freeze or run dry (a setting);
- flood season, dry season, longer ranges: the method is silent. Like the year they take the mean of the
  monthly means, and ask for two thirds of the months touched: the share that the quarter (2 of 3) and the
  interrupted year (8 of 12) ask for.

The minimum holds for the section, and for each core item (pH, oxygen, CODMn, ammonia, phosphorus) that was
measured at all: a core item with too few samples leaves the class open. Other items are sampled more rarely
by plan; their mean is taken over what there is, and the number of months is reported.

Within a month, automatic data stand before manual data for six items, and a value below the detection limit
enters as half of that limit (环办监测函〔2020〕82号). Where nothing at all was detected, the mean is judged
as what it is: a value below the mean detection limit. Readings of stopped stations and of stations under
maintenance do not enter, nor those that failed quality control; suspect ones enter by a setting.

A class rests on the items that were measured. Where one of the items that it should rest on was not, the
result names it, or, by a setting, is undetermined.

`assess_sections` takes a frame of readings and one period, `assess_columns` any number of readings in columns
of whole numbers (`spatial.columns`) and any number of periods. Both add up in `spatial.sums`; the tables of
the second are judged at once (`spatial.judgement`), a single assessment is made when it is asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
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
    judge_range,
    list_cells,
    shown_class,
)
from spatial.columns import MISSING, ReadingColumns
from spatial.errors import FrameValueError, PeriodError, QuantityError
from spatial.flood_season import FloodIntensity, flood_intensity
from spatial.parameters import find_parameter
from spatial.period import Period
from spatial.rounding import json_number, round_fraction
from spatial.settings import AssessmentSettings
from spatial.standards import EvaluationMethod, Standard, load_standard
from spatial.sums import REASONS, Evidence, Tally, gather_evidence, gather_uploads, needed_evidence
from spatial.tables import (
    JudgedPeriod,
    SectionFacts,
    judge_period,
    parameter_columns,
    parameter_table,
    section_columns,
    section_table,
)
from spatial.trophic import TrophicIndex, registry_concentration, trophic_index
from spatial.vocabulary import Grade, MissingRequired, StationType, Verdict, WaterBodyType

__all__ = (
    "READING_COLUMNS",
    "SECTION_COLUMNS",
    "AssessmentSettings",
    "AssessmentTables",
    "ParameterAssessment",
    "SectionAssessment",
    "assess_columns",
    "assess_sections",
    "statutory_sections",
)

_Sections = TypeVar("_Sections", bound=pd.DataFrame)

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
    check_columns(readings, "readings", READING_COLUMNS)
    facts = read_sections(sections)
    codes = [fact["code"] for fact in facts]
    tally = Tally(codes, [period], settings)
    tally.add(ReadingColumns.from_frame(_inside(readings, codes, period)))
    return AssessmentTables(tally, facts, standard).assessments(period)


def assess_columns(
    sections: pd.DataFrame,
    readings: ReadingColumns | Iterable[ReadingColumns],
    periods: Sequence[Period],
    standard: Standard | None = None,
    settings: AssessmentSettings | None = None,
) -> "AssessmentTables":
    """Assess every section over every period at once, from columns of whole numbers.

    Parameters
    ----------
    sections : DataFrame, one row per section
        As `assess_sections` takes it.
    readings : ReadingColumns, or any number of them
        Pieces in any order: a file by row groups, a table by partitions. Each piece is let go of when it is
        added up, so a stream needs no more memory than its largest piece. Rows outside the periods and of
        sections not listed are left alone.
    periods
        They may overlap: months, quarters and years of the same readings cost one reading of them.

    Returns
    -------
    AssessmentTables

    Raises
    ------
    FrameColumnsError, FrameValueError
        If a column of `sections` is missing, or a section code stands twice.
    PeriodError
        If a period stands twice.
    UnknownParameterError, UnknownWaterBodyTypeError, WaterClassRangeError
        If a code, type or target class does not exist.
    """
    facts = read_sections(sections)
    texts = [period.text for period in periods]
    for text in texts:
        if texts.count(text) > 1:
            raise PeriodError(text)
    tally = Tally([fact["code"] for fact in facts], periods, settings or AssessmentSettings())
    for piece in (readings,) if isinstance(readings, ReadingColumns) else readings:
        tally.add(piece)
    return AssessmentTables(tally, facts, standard or load_standard())


def read_sections(sections: pd.DataFrame) -> list[dict[str, Any]]:
    """Give what a frame says of each section, by code.

    Raises FrameValueError for a code that is no text or stands twice.
    """
    check_columns(sections, "sections", SECTION_COLUMNS)
    columns = {name: list_cells(sections[name]) for name in sections.columns if name != "geometry"}
    found: dict[str, dict[str, Any]] = {}
    for place, code in enumerate(columns["code"]):
        if not isinstance(code, str) or code in found:
            raise FrameValueError("sections", "code", code)
        found[code] = {name: cells[place] for name, cells in columns.items()}
    return [found[code] for code in sorted(found)]


def statutory_sections(sections: _Sections, settings: AssessmentSettings) -> _Sections:
    """Leave out the sections that stand for remote sensing, which no class, share or verdict counts.

    With `use_remote_sensing` in the settings they stay, as they do in a frame without ``station_type``.
    """
    if settings.use_remote_sensing or "station_type" not in sections.columns:
        return sections
    remote = sections["station_type"].eq(StationType.REMOTE_SENSING).fillna(value=False)
    return sections[~remote.to_numpy(dtype=bool)]


def _inside(readings: pd.DataFrame, codes: Sequence[str], period: Period) -> pd.DataFrame:
    """Give the readings of some sections inside a period."""
    frame = readings[readings["section"].isin(codes)]
    moments = frame["sampled_at"]
    if not isinstance(moments.dtype, pd.DatetimeTZDtype):
        if frame.empty:
            return frame.assign(sampled_at=pd.Series(dtype="datetime64[us, UTC]"))
        raise FrameValueError("readings", "sampled_at", moments.iloc[0])
    return frame[(moments >= period.starts_at) & (moments < period.ends_before)]


class AssessmentTables:
    """The assessment of all sections over some periods at once.

    Made by `assess_columns`. Nothing is judged before it is asked for.
    """

    def __init__(self, tally: Tally, facts: Sequence[Mapping[str, Any]], standard: Standard) -> None:
        self._tally = tally
        self._facts = facts
        self._standard = standard
        self._places = {code: place for place, code in enumerate(tally.codes)}
        self._numbers = {period.text: number for number, period in enumerate(tally.periods)}
        self._known: dict[int, _PeriodEvidence] = {}
        self._known_uploads: dict[int, Sequence[tuple[int, ...]]] = {}
        self._judged: dict[int, tuple[JudgedPeriod, JudgedPeriod | None]] = {}

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the sections, in the order of every result."""
        return self._tally.codes

    @property
    def periods(self) -> tuple[Period, ...]:
        """The periods, in the order in which they were asked for."""
        return self._tally.periods

    def assessment(self, code: str, period: Period | str) -> SectionAssessment:
        """Give the assessment of one section over one period; raises KeyError for what was not asked for."""
        return self._assess(self._numbers[str(period)], self._places[code])

    def assessments(self, period: Period | str) -> list[SectionAssessment]:
        """Give the assessments of all sections over one period, by code."""
        number = self._numbers[str(period)]
        return [self._assess(number, place) for place in range(len(self._facts))]

    @cached_property
    def sections(self) -> pd.DataFrame:
        """One row by period and section, in the order of `periods` and `codes`.

        Columns: period, section, water_body_type, judged_as, samples, months, automatic_samples, excluded
        (readings that do not enter), representative, class, class_label, best_class, worst_class, grade,
        main_pollutants (how many), target_class, verdict, reason (the first; see the assessment for all),
        suspect_readings_matter, class_with_suspect, automatic_coverage_low, required_items_missing (the class
        stands without them), flood_pollutant, flood_intensity, tli, trophic_state. Classes are 1 to 6,
        missing where undetermined.
        """
        settings, facts = self._tally.settings, self._section_facts
        parts = []
        for number in range(len(self.periods)):
            judged, doubted = self._judge(number)
            places = np.array(list(self._evidence(number).doubted_places), dtype=np.int64)
            parts.append(section_columns(judged, doubted, places, facts, self._standard, settings))
        parameters = self._tally.totals(with_suspect=False).parameters
        return section_table(parts, self.periods, self.codes, facts, parameters)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """One row by period, section and parameter that was measured, parameters in the registry's order.

        Columns: period, section, parameter, mean, samples, months, non_detects, class, best_class,
        worst_class, evaluated, limiting, main_pollutant (1 to 3, missing for the rest), exceedance_multiple
        (against class Ⅲ) and target_multiple (NaN where the limit is met).
        """
        parts = [parameter_columns(self._judge(number)[0]) for number in range(len(self.periods))]
        parameters = self._tally.totals(with_suspect=False).parameters
        return parameter_table(parts, self.periods, self.codes, parameters)

    @cached_property
    def _section_facts(self) -> SectionFacts:
        return SectionFacts.from_facts(self._facts, self._tally.settings)

    def _judge(self, number: int) -> tuple[JudgedPeriod, JudgedPeriod | None]:
        if number not in self._judged:
            known, settings = self._evidence(number), self._tally.settings
            clean = judge_period(known.clean, self._section_facts, self._standard, settings)
            doubted = None
            if known.doubted is not None:
                facts = self._section_facts.take(np.array(list(known.doubted_places)))
                doubted = judge_period(known.doubted, facts, self._standard, settings)
            self._judged[number] = clean, doubted
        return self._judged[number]

    def _assess(self, number: int, place: int) -> SectionAssessment:
        tally, facts = self._tally, self._facts[place]
        period, settings = tally.periods[number], tally.settings
        known = self._evidence(number)
        evidence = _take_evidence(known.clean, place, self._uploads(number)[place])
        found = _assess_section(facts, evidence, period, self._standard, settings)
        if known.doubted is None or place not in known.doubted_places:
            return found
        evidence = _take_evidence(known.doubted, known.doubted_places[place], ())
        return _with_doubt(found, _assess_section(facts, evidence, period, self._standard, settings))

    def _uploads(self, number: int) -> Sequence[tuple[int, ...]]:
        if number not in self._known_uploads:
            self._known_uploads[number] = gather_uploads(self._tally, number, self._evidence(number).clean)
        return self._known_uploads[number]

    def _evidence(self, number: int) -> "_PeriodEvidence":
        if number not in self._known:
            tally = self._tally
            clean = gather_evidence(tally, number)
            doubtful = np.flatnonzero(clean.excluded[REASONS.index("readings_suspect")])
            self._known[number] = _PeriodEvidence(
                clean=clean,
                doubted=gather_evidence(tally, number, with_suspect=True, only=doubtful)
                if doubtful.size
                else None,
                doubted_places={place: row for row, place in enumerate(doubtful.tolist())},
            )
        return self._known[number]


@dataclass(frozen=True, slots=True)
class _PeriodEvidence:
    """What one period came to, and, for sections with suspect readings, what it would come to with them."""

    clean: Evidence
    doubted: Evidence | None
    doubted_places: Mapping[int, int]


def _take_evidence(evidence: Evidence, place: int, uploads: tuple[int, ...]) -> _Evidence:
    """Take the evidence of one section (by place) out of that of all."""
    averages = []
    measured = np.flatnonzero(evidence.counts[:, :, place].any(axis=0)).tolist()
    for parameter in sorted(measured, key=evidence.parameters.__getitem__):
        counts = evidence.counts[:, parameter, place]
        unseen = evidence.is_unseen(parameter, place)
        averages.append(
            _Average(
                code=evidence.parameters[parameter],
                mean=evidence.mean(parameter, place),
                mean_detection_limit=evidence.mean_limit(parameter, place) if unseen else None,
                samples=int(counts.sum()),
                months=int(np.count_nonzero(counts)),
                non_detects=int(evidence.below[:, parameter, place].sum()),
            )
        )
    excluded = zip(REASONS, evidence.excluded[:, place].tolist(), strict=True)
    peaks = zip(
        evidence.parameters,
        evidence.peaks[:, place].tolist(),
        evidence.peak_scales[:, place].tolist(),
        strict=True,
    )
    return _Evidence(
        averages=tuple(averages),
        samples=int(evidence.samples[place]),
        months=int(evidence.months[place]),
        automatic_samples=int(evidence.automatic_samples[place]),
        excluded={reason: count for reason, count in excluded if count},
        highest={code: Fraction(peak, scale) for code, peak, scale in peaks if peak != MISSING},
        upload_ids=uploads,
    )


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
    minimum, counted = needed_evidence(period, code, settings)
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
    warnings = (*warnings, *_coverage_warnings(evidence, period, settings.method))
    absent = _missing_required(evidence, settings)
    if absent and found.water_class is not None:
        warnings = (*warnings, _name_absent(absent))
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
        warnings=warnings,
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
    absent = _missing_required(evidence, settings)
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
        if absent and settings.missing_required is MissingRequired.UNDETERMINED:
            found = _without_required(found, absent, settings.method)
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


def _missing_required(evidence: _Evidence, settings: AssessmentSettings) -> tuple[str, ...]:
    """Name the items that a class should rest on and that no reading entered of."""
    if settings.missing_required is MissingRequired.ACCEPT:
        return ()
    measured = {average.code for average in evidence.averages}
    return tuple(code for code in settings.method.required if code not in measured)


def _without_required(
    found: Classification, absent: Sequence[str], method: EvaluationMethod
) -> Classification:
    """Open the class upwards: what was not measured may be of any class."""
    if found.best_class is None or found.best_class == 6:
        return found
    return Classification(
        items=found.items,
        best_class=found.best_class,
        worst_class=6,
        water_class=shown_class(found.best_class, 6, method.reference_class),
        grade=None,
        deciding=(),
        main_pollutants=found.main_pollutants,
        reasons=(_name_absent(absent), *found.reasons),
    )


def _name_absent(absent: Sequence[str]) -> Reason:
    return give_reason("required_items_missing", parameters="、".join(absent))


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
