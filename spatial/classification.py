"""Which class is this water? Single samples against GB 3838-2002, by the single-factor method.

The class of a sample is the worst class among its evaluated items (环办〔2011〕22号, part 2 (1) 1).
A value below its detection limit is known only to lie somewhere under that limit; the classes it can have
form a range, and so do the classes of the sample:

- `water_class` is the class that is *shown* to be met, that is the worst of the range. It is None where no
  class is shown to be met, and where the range reaches from Ⅲ or better to Ⅳ or worse: a detection limit
  alone never calls water polluted.
- a verdict against a target is *compliant* when the worst of the range meets the target, *violation* when
  the best of it misses the target, else *undetermined*. Judge by `verdict_for`, not by `water_class`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from spatial.class_text import class_label
from spatial.errors import FrameColumnsError, FrameValueError, WaterClassRangeError
from spatial.parameters import find_parameter
from spatial.period import BEIJING
from spatial.rounding import json_number
from spatial.standards import (
    Direction,
    EvaluationMethod,
    Limit,
    Number,
    Standard,
    load_evaluation_method,
)
from spatial.vocabulary import Compare, Grade, Qualifier, StationType, Verdict, WaterBodyType

SAMPLE_COLUMNS: Final = frozenset(
    {
        "sample_id",
        "row",
        "section",
        "province",
        "sampled_at",
        "sampled_at_raw",
        "water_body_type",
        "target_class",
        "reported_class",
        "station_status",
    },
)
READING_COLUMNS: Final = frozenset(
    {"sample_id", "parameter", "value", "full_value", "qualifier", "detection_limit"}
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a result is what it is: a stable code for the message catalogue, and its parameters."""

    code: str
    params: Mapping[str, object]

    def as_json(self) -> dict[str, object]:
        """Give the reason as it stands in evidence."""
        return {"code": self.code, "params": dict(self.params)}


def give_reason(code: str, **params: object) -> Reason:
    """Build a reason whose parameters nobody can change afterwards."""
    return Reason(code, MappingProxyType(params))


@dataclass(frozen=True, slots=True)
class ItemClass:
    """One parameter of a sample or mean, judged.

    `value` is what was compared, in the unit of the limit (the detection limit when `censored`, None when
    that is unknown). `best_class` and `worst_class` are None where the parameter has no class limits.
    `evaluated` is false for what is reported apart and never decides a class: temperature, total nitrogen,
    fecal coliforms and everything outside Table 1.
    """

    code: str
    value: Number | None
    censored: bool
    evaluated: bool
    water_class: int | None
    best_class: int | None
    worst_class: int | None
    limit_target: tuple[Decimal, ...] | None
    exceedance_multiple: Fraction | None
    target_multiple: Fraction | None

    def limit_json(self) -> int | float | list[int | float | None] | None:
        """Give the limit at the target class: one number, or the two ends of a range."""
        if self.limit_target is None:
            return None
        if len(self.limit_target) == 1:
            return json_number(self.limit_target[0])
        return [json_number(end) for end in self.limit_target]

    def as_json(self) -> dict[str, object]:
        """Give the entry of `parameters` in the answer of `classify`."""
        return {
            "code": self.code,
            "value": json_number(self.value),
            "censored": self.censored,
            "class": self.water_class,
            "class_range": _range_json(self.best_class, self.worst_class),
            "evaluated": self.evaluated,
            "limit_target": self.limit_json(),
            "exceedance_multiple": json_number(self.exceedance_multiple),
            "target_multiple": json_number(self.target_multiple),
        }


@dataclass(frozen=True, slots=True)
class Classification:
    """The class of one set of values and what decided it. `items` stand in registry order."""

    items: tuple[ItemClass, ...]
    best_class: int | None
    worst_class: int | None
    water_class: int | None
    grade: Grade | None
    deciding: tuple[str, ...]
    main_pollutants: tuple[str, ...]
    reasons: tuple[Reason, ...]

    def verdict_for(self, target_class: int) -> Verdict:
        """Judge against a target class, three-valued."""
        return judge_range(self.best_class, self.worst_class, target_class)


def judge_range(best_class: int | None, worst_class: int | None, target_class: int) -> Verdict:
    """Judge a range of possible classes against a target; an empty range is undetermined."""
    if best_class is None or worst_class is None:
        return Verdict.UNDETERMINED
    if worst_class <= target_class:
        return Verdict.COMPLIANT
    if best_class > target_class:
        return Verdict.VIOLATION
    return Verdict.UNDETERMINED


def shown_class(best_class: int | None, worst_class: int | None, reference_class: int) -> int | None:
    """Give the class that a range of possible classes shows to be met, None for none.

    A range that reaches across `reference_class` (Ⅲ) shows none: whether the water is polluted is open.
    """
    if best_class is None or worst_class is None:
        return None
    if best_class == worst_class:
        return best_class
    if worst_class == 6 or best_class <= reference_class < worst_class:
        return None
    return worst_class


def _range_json(best_class: int | None, worst_class: int | None) -> list[int] | None:
    return None if best_class is None or worst_class is None else [best_class, worst_class]


def check_target(target: int | None) -> int | None:
    """Pass a target class through; raises WaterClassRangeError for anything but 1 to 5 or None."""
    if target is not None and target not in range(1, 6):
        raise WaterClassRangeError(target)
    return target


class Grader:
    """Judges values of one kind of water against one standard and, where there is one, a target class.

    Judged items are remembered by value: files repeat their values, and an item cannot change.
    """

    def __init__(
        self,
        standard: Standard,
        method: EvaluationMethod,
        water_body: str,
        target: int | None = None,
    ) -> None:
        self.limits: Mapping[str, Limit] = standard.limits_for(water_body)
        self.method = method
        self.target = check_target(target)
        self._evaluated = frozenset(method.evaluated)
        self._known: dict[tuple[str, Number | None, bool], ItemClass] = {}

    def grade_item(self, code: str, value: Number | None, *, censored: bool = False) -> ItemClass:
        """Judge one value in the parameter's unit; a censored one comes as its detection limit, or None.

        A value that no water can have (see `Parameter.is_plausible`) is not judged: it may be any class.

        Raises
        ------
        UnknownParameterError
            If no parameter has this code.
        """
        key = (code, value, censored)
        item = self._known.get(key)
        if item is None:
            item = self._known[key] = self._grade_item(code, value, censored=censored)
        return item

    def _grade_item(self, code: str, value: Number | None, *, censored: bool) -> ItemClass:
        parameter = find_parameter(code)
        limit = self.limits.get(code)
        evaluated = code in self._evaluated and limit is not None
        if limit is None or limit.direction is Direction.CHANGE:
            return ItemClass(code, value, censored, evaluated, None, None, None, None, None, None)
        if value is None or not parameter.gross_min <= value <= parameter.gross_max:
            best, worst = 1, 6
        elif censored:
            best, worst = limit.grade_below(value)
        else:
            best = worst = limit.grade(value)
        target = self.target
        multiple = target_multiple = None
        if best == worst and value is not None and not censored:
            multiple = limit.exceedance_multiple(value, self.method.reference_class)
            target_multiple = None if target is None else limit.exceedance_multiple(value, target)
        return ItemClass(
            code=code,
            value=value,
            censored=censored,
            evaluated=evaluated,
            water_class=shown_class(best, worst, self.method.reference_class),
            best_class=best,
            worst_class=worst,
            limit_target=None if target is None else limit.bound_of(target),
            exceedance_multiple=multiple,
            target_multiple=target_multiple,
        )

    def classify(self, items: Iterable[ItemClass]) -> Classification:
        """Take the worst of the evaluated items; the order in which they come does not matter."""
        ordered = tuple(sorted(items, key=_item_key))
        counted = [item for item in ordered if item.evaluated]
        if not counted:
            reasons = (give_reason("no_evaluated_item"),)
            return Classification(ordered, None, None, None, None, (), (), reasons)
        best = max(item.best_class or 6 for item in counted)
        worst = max(item.worst_class or 6 for item in counted)
        found = shown_class(best, worst, self.method.reference_class)
        deciding = tuple(item.code for item in counted if found is not None and item.worst_class == found)
        return Classification(
            items=ordered,
            best_class=best,
            worst_class=worst,
            water_class=found,
            grade=None if found is None else self.method.class_grades[found],
            deciding=tuple(dict.fromkeys(deciding)),
            main_pollutants=rank_pollutants(counted, self.method),
            reasons=() if best == worst else tuple(self._open_items(counted, best)),
        )

    def _open_items(self, counted: Iterable[ItemClass], best: int) -> Iterable[Reason]:
        for item in counted:
            if item.best_class == item.worst_class or (item.worst_class or 6) <= best:
                continue
            classes = {"best_class": item.best_class, "worst_class": item.worst_class}
            if not item.censored:
                yield give_reason("value_impossible", parameter=item.code, value=json_number(item.value))
            elif item.value is None:
                yield give_reason("detection_limit_unknown", parameter=item.code, **classes)
            else:
                yield give_reason(
                    "detection_limit_above_limit",
                    parameter=item.code,
                    detection_limit=json_number(item.value),
                    **classes,
                )


def _item_key(item: ItemClass) -> tuple[int, bool, Number]:
    return (find_parameter(item.code).order, item.censored, item.value or Decimal(0))


def rank_pollutants(items: Iterable[ItemClass], method: EvaluationMethod) -> tuple[str, ...]:
    """Name the main pollutants (主要污染指标): what is surely over class Ⅲ, the worst first, at most three.

    Cyanide and heavy metals come first; then the worse class; inside a class the larger exceedance multiple,
    the items without a multiple (pH, oxygen) last; ties stand in the order of Table 1. Water of class Ⅰ to Ⅲ
    has none.

    Source: 环办〔2011〕22号, part 2 (1) 3.
    """
    over = [item for item in items if (item.best_class or 0) > method.reference_class]
    over.sort(
        key=lambda item: (
            item.code not in method.priority_pollutants,
            -(item.best_class or 0),
            item.exceedance_multiple is None,
            -(item.exceedance_multiple or 0),
            find_parameter(item.code).order,
        ),
    )
    return tuple(dict.fromkeys(item.code for item in over))[: method.most_pollutants]


def classify_values(
    values: Mapping[str, Number],
    standard: Standard,
    *,
    water_body: str = WaterBodyType.RIVER,
    target: int | None = None,
    method: EvaluationMethod | None = None,
) -> Classification:
    """Classify one set of measured values (none below its detection limit), each in its parameter's unit."""
    grader = Grader(standard, method or load_evaluation_method(), water_body, target)
    return grader.classify(grader.grade_item(code, value) for code, value in values.items())


@dataclass(frozen=True, slots=True)
class SampleClass:
    """One row of a readings file, classified.

    `sampled_at` is in Beijing time, None where the file does not date the row. `reported_class` is the
    publisher's own text, passed through and never used. `verdict` is None where the sample has no target.
    `compare` says which value of each reading was compared with the limits.
    """

    sample_id: int
    row: int | None
    section: str | None
    province: str | None
    sampled_at: datetime | None
    sampled_at_raw: str | None
    water_body_type: str
    compare: Compare
    station_status: str | None
    reported_class: str | None
    target_class: int | None
    verdict: Verdict | None
    classification: Classification
    reasons: tuple[Reason, ...]

    @property
    def water_class(self) -> int | None:
        """The class shown to be met, 1 to 6, or None."""
        return self.classification.water_class

    def as_json(self) -> dict[str, object]:
        """Give the entry of the answer of `classify` (contracts)."""
        found = self.classification
        return {
            "section": self.section,
            "province": self.province,
            "sampled_at": None if self.sampled_at is None else self.sampled_at.isoformat(),
            "sampled_at_raw": self.sampled_at_raw,
            "row": self.row,
            "water_body_type": self.water_body_type,
            "class": found.water_class,
            "class_label": class_label(found.water_class),
            "class_range": _range_json(found.best_class, found.worst_class),
            "grade": found.grade,
            "deciding": list(found.deciding),
            "parameters": [item.as_json() for item in found.items],
            "main_pollutants": list(found.main_pollutants),
            "target_class": self.target_class,
            "verdict": self.verdict,
            "reported_class": self.reported_class,
            "station_status": self.station_status,
            "compare": self.compare,
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
        }


def is_stopped(status: str | None, method: EvaluationMethod) -> bool:
    """Tell whether a station status says that nothing was measured: its numbers are leftovers."""
    return status is not None and any(word in status.casefold() for word in method.stopped_words)


def is_under_maintenance(status: str | None, method: EvaluationMethod) -> bool:
    """Tell whether a station status says that some of the station's instruments are out of use."""
    return status is not None and any(word in status.casefold() for word in method.maintenance_words)


def check_columns(frame: pd.DataFrame, name: str, needed: Iterable[str]) -> None:
    """Raise FrameColumnsError if a frame lacks any of the needed columns."""
    if missing := frozenset(needed) - set(frame.columns):
        raise FrameColumnsError(name, missing)


def list_cells(column: "pd.Series[Any]") -> list[object]:
    """Give the cells of a column as Python objects, None for every kind of missing."""
    return [
        None if gone else cell for cell, gone in zip(column.tolist(), column.isna().tolist(), strict=True)
    ]


def list_numbers(frame: pd.DataFrame, name: str, column: str) -> list[Decimal | None]:
    """Give the cells of a column of exact numbers, None for missing.

    Raises FrameValueError for a binary float or anything else that is not exact.
    """
    numbers: list[Decimal | None] = []
    for cell in list_cells(frame[column]):
        if cell is None or isinstance(cell, Decimal):
            numbers.append(cell if cell is None or cell.is_finite() else None)
        elif isinstance(cell, int) and not isinstance(cell, bool):
            numbers.append(Decimal(cell))
        else:
            raise FrameValueError(name, column, cell)
    return numbers


def _text_or_none(cell: object) -> str | None:
    return None if cell is None or not str(cell).strip() else str(cell)


def _whole_or_none(cell: object, name: str, column: str) -> int | None:
    if cell is None:
        return None
    if isinstance(cell, int | float | Decimal) and cell == int(cell):
        return int(cell)
    raise FrameValueError(name, column, cell)


def beijing_times(column: "pd.Series[Any]") -> list[datetime | None]:
    """Give a column of zoned times as Beijing times, None for NaT.

    Raises FrameValueError for a time without a zone.
    """
    if column.isna().all():
        return [None] * len(column)
    times: list[datetime | None] = []
    for cell in list_cells(column):
        if cell is None:
            times.append(None)
        elif isinstance(cell, datetime) and cell.tzinfo is not None:
            moment = cell.to_pydatetime(warn=False) if isinstance(cell, pd.Timestamp) else cell
            times.append(moment.astimezone(BEIJING))
        else:
            raise FrameValueError("samples", str(column.name), cell)
    return times


def entering_value(value: Decimal | None, full_value: Decimal | None, compare: Compare) -> Decimal | None:
    """Choose the value to compare: the unrounded one where it is asked for and known, else the shown one."""
    return full_value if compare is Compare.FULL and full_value is not None else value


def classify_samples(
    samples: pd.DataFrame,
    readings: pd.DataFrame,
    standard: Standard,
    *,
    water_body: str = WaterBodyType.RIVER,
    target: int | None = None,
    compare: Compare | str | None = None,
    method: EvaluationMethod | None = None,
) -> list[SampleClass]:
    """Classify every row of a readings file by itself.

    Parameters
    ----------
    samples : DataFrame, one row per row of the file
        ``sample_id`` (int, unique), ``row``, ``section``, ``province``, ``sampled_at`` (zoned time or NaT),
        ``sampled_at_raw``, ``water_body_type`` (river, lake, reservoir or missing), ``target_class`` (1 to 5
        or missing), ``reported_class`` (text), ``station_status`` (text); where there, ``station_type``: what
        is derived from images gets no class.
    readings : DataFrame, one row per reading
        ``sample_id``, ``parameter`` (registry code), ``value`` and ``full_value`` (Decimal in the parameter's
        unit, or missing), ``qualifier`` (``=`` or ``<``), ``detection_limit`` (Decimal, or missing).
    water_body, target
        For the samples that do not say themselves. The type is never guessed from a name.
    compare
        `reported` or `full`; None takes each sample's Beijing day by the dated setting of the method.

    Returns
    -------
    list of SampleClass, one for each sample, in the order of `samples`
        A sample without a usable reading, or of a station that was stopped, has no class. One of a station
        under maintenance has a class only if all core items are there, as in the national feed itself.

    Raises
    ------
    FrameColumnsError, FrameValueError
        If a column is missing, or a number is not exact.
    UnknownParameterError, UnknownWaterBodyTypeError, WaterClassRangeError
        If a code, type or target class does not exist.
    """
    method = method or load_evaluation_method()
    forced = None if compare is None else Compare(compare)
    check_columns(samples, "samples", SAMPLE_COLUMNS)
    check_columns(readings, "readings", READING_COLUMNS)
    check_target(target)
    graders: dict[tuple[str, int | None], Grader] = {}
    heads = _read_heads(samples, water_body, target, forced, method)
    for head in heads.values():
        key = (head.water_body_type, head.target_class)
        if key not in graders:
            graders[key] = Grader(standard, method, *key)
    items: dict[int, list[ItemClass]] = {sample_id: [] for sample_id in heads}
    for sample_id, code, value, full, qualifier, limit in zip(
        readings["sample_id"].tolist(),
        readings["parameter"].tolist(),
        list_numbers(readings, "readings", "value"),
        list_numbers(readings, "readings", "full_value"),
        readings["qualifier"].tolist(),
        list_numbers(readings, "readings", "detection_limit"),
        strict=True,
    ):
        if sample_id not in heads:
            raise FrameValueError("readings", "sample_id", sample_id)
        head = heads[sample_id]
        censored = qualifier == Qualifier.BELOW
        if censored:
            entering = limit if limit is not None else value
        else:
            entering = entering_value(value, full, head.compare)
            if entering is None:
                continue
        grader = graders[head.water_body_type, head.target_class]
        items[sample_id].append(grader.grade_item(code, entering, censored=censored))
    return [
        _finish_sample(head, items[sample_id], graders[head.water_body_type, head.target_class], method)
        for sample_id, head in heads.items()
    ]


@dataclass(frozen=True, slots=True)
class _Head:
    """What a row says about itself, beside its readings."""

    sample_id: int
    row: int | None
    section: str | None
    province: str | None
    sampled_at: datetime | None
    sampled_at_raw: str | None
    water_body_type: str
    target_class: int | None
    reported_class: str | None
    station_status: str | None
    remote: bool
    compare: Compare


def _read_heads(
    samples: pd.DataFrame,
    water_body: str,
    target: int | None,
    forced: Compare | None,
    method: EvaluationMethod,
) -> dict[int, _Head]:
    heads: dict[int, _Head] = {}
    compare_by_day: dict[date | None, Compare] = {}
    columns = {
        name: list_cells(samples[name]) for name in SAMPLE_COLUMNS if name not in ("sample_id", "sampled_at")
    }
    kinds = list_cells(samples["station_type"]) if "station_type" in samples.columns else None
    for place, (sample_id, sampled_at) in enumerate(
        zip(samples["sample_id"].tolist(), beijing_times(samples["sampled_at"]), strict=True),
    ):
        if sample_id in heads:
            raise FrameValueError("samples", "sample_id", sample_id)
        day = None if sampled_at is None else sampled_at.date()
        if day not in compare_by_day:
            compare_by_day[day] = forced or method.compare_on(day)
        own_target = _whole_or_none(columns["target_class"][place], "samples", "target_class")
        heads[sample_id] = _Head(
            sample_id=sample_id,
            row=_whole_or_none(columns["row"][place], "samples", "row"),
            section=_text_or_none(columns["section"][place]),
            province=_text_or_none(columns["province"][place]),
            sampled_at=sampled_at,
            sampled_at_raw=_text_or_none(columns["sampled_at_raw"][place]),
            water_body_type=_text_or_none(columns["water_body_type"][place]) or water_body,
            target_class=target if own_target is None else own_target,
            reported_class=_text_or_none(columns["reported_class"][place]),
            station_status=_text_or_none(columns["station_status"][place]),
            remote=kinds is not None and kinds[place] == StationType.REMOTE_SENSING,
            compare=compare_by_day[day],
        )
    return heads


def _finish_sample(
    head: _Head, items: list[ItemClass], grader: Grader, method: EvaluationMethod
) -> SampleClass:
    refused: Reason | None = None
    missing = set(method.core) - {item.code for item in items}
    if not items:
        refused = give_reason("no_readings")
    elif head.remote:
        refused = give_reason("derived_from_images")
    elif is_stopped(head.station_status, method):
        refused = give_reason("station_stopped", status=head.station_status)
    elif missing and is_under_maintenance(head.station_status, method):
        refused = give_reason(
            "station_under_maintenance",
            status=head.station_status,
            missing=[code for code in method.core if code in missing],
        )
    found = grader.classify(items)
    if refused is not None:
        unjudged = tuple(_without_class(item) for item in found.items)
        found = Classification(unjudged, None, None, None, None, (), (), (refused,))
    return SampleClass(
        sample_id=head.sample_id,
        row=head.row,
        section=head.section,
        province=head.province,
        sampled_at=head.sampled_at,
        sampled_at_raw=head.sampled_at_raw,
        water_body_type=head.water_body_type,
        compare=head.compare,
        station_status=head.station_status,
        reported_class=head.reported_class,
        target_class=head.target_class,
        verdict=None if head.target_class is None else found.verdict_for(head.target_class),
        classification=found,
        reasons=found.reasons,
    )


def _without_class(item: ItemClass) -> ItemClass:
    return ItemClass(
        item.code, item.value, item.censored, item.evaluated, None, None, None, item.limit_target, None, None
    )
