"""Which readings of a section enter its means, with which value, and why the others do not.

The engine answers this for all sections at once and keeps only counts; here every reading of one section is
told apart, for an explanation that a person can redo. The codes of the reasons are those of the engine.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

import pandas as pd

from spatial.classification import (
    beijing_times,
    entering_value,
    is_stopped,
    is_under_maintenance,
    list_cells,
    list_numbers,
)
from spatial.errors import FrameValueError
from spatial.parameters import find_parameter
from spatial.period import Period
from spatial.settings import AssessmentSettings
from spatial.vocabulary import Compare, Qualifier, StationType

OUTSIDE_PERIOD: Final = "outside_period"
SUPERSEDED: Final = "superseded_by_automatic"
REMOTE_SENSING: Final = "remote_sensing"
_SUSPECT: Final = 3
_UNUSABLE: Final = (4, 9)


@dataclass(frozen=True, slots=True)
class ReadingUse:
    """One reading and what became of it.

    `value` is the shown number (the detection limit itself when `censored`), `full_value` the unrounded one.
    `entering` is the number before any halving, in the parameter's unit: the detection limit of a censored
    reading, else the shown or the unrounded value by `compare`. `reason` is None for a reading that enters.
    `upload_id` and `source_row` say where it stands; None where the frame does not.
    """

    parameter: str
    sampled_at: datetime
    value: Decimal | None
    full_value: Decimal | None
    censored: bool
    detection_limit: Decimal | None
    automatic: bool
    remote: bool
    station_status: str | None
    quality: int | None
    quality_tests: tuple[str, ...]
    upload_id: int | None
    source_row: int | None
    compare: Compare
    entering: Decimal | None
    reason: str | None

    @property
    def enters(self) -> bool:
        """Whether the reading is part of a mean."""
        return self.reason is None

    @property
    def month(self) -> tuple[int, int]:
        """Year and month, in Beijing."""
        return self.sampled_at.year, self.sampled_at.month

    def amount(self, non_detect_share: Fraction) -> Fraction:
        """The number that enters the sum: half the detection limit of what was not detected.

        Raises
        ------
        ValueError
            For a reading without a number: it enters no sum.
        """
        if self.entering is None:
            raise ValueError("a reading without a number enters no sum")
        return Fraction(self.entering) * (non_detect_share if self.censored else 1)


def sort_readings(
    readings: pd.DataFrame,
    section: str,
    period: Period,
    settings: AssessmentSettings | None = None,
) -> tuple[ReadingUse, ...]:
    """Tell for every reading of a section whether it enters the means of a period.

    Parameters
    ----------
    readings : DataFrame, one row per reading
        The columns that `assess_sections` takes; where there, also ``quality``, ``quality_tests``,
        ``upload_id`` and ``source_row``. Rows of other sections are left alone.

    Returns
    -------
    tuple of ReadingUse, by time, then in the order of the parameter registry

    Raises
    ------
    FrameValueError
        If a number is not exact, or a time has no zone.
    UnknownParameterError
        If no parameter has a code of the frame.
    """
    settings = settings or AssessmentSettings()
    frame = readings[readings["section"] == section]
    if frame.empty:
        return ()
    sorted_out = [_judge_reading(entry, period, settings) for entry in _read_rows(frame, settings)]
    first = settings.method.automatic_precedence
    led = {
        (entry.parameter, entry.month)
        for entry in sorted_out
        if entry.enters and entry.automatic and entry.parameter in first
    }
    sorted_out = [
        replace(entry, reason=SUPERSEDED)
        if entry.enters and not entry.automatic and (entry.parameter, entry.month) in led
        else entry
        for entry in sorted_out
    ]
    return tuple(
        sorted(sorted_out, key=lambda entry: (entry.sampled_at, find_parameter(entry.parameter).order))
    )


def count_reasons(uses: Iterable[ReadingUse]) -> dict[str, int]:
    """Count the readings that do not enter, by reason, in the order of the codes."""
    return dict(sorted(Counter(entry.reason for entry in uses if entry.reason is not None).items()))


def _read_rows(frame: pd.DataFrame, settings: AssessmentSettings) -> list[ReadingUse]:
    def cells(name: str) -> list[object]:
        return list_cells(frame[name]) if name in frame.columns else [None] * len(frame)

    found = []
    for code, moment, value, full, qualifier, limit, kind, status, flag, tests, upload, row in zip(
        cells("parameter"),
        beijing_times(frame["sampled_at"]),
        list_numbers(frame, "readings", "value"),
        list_numbers(frame, "readings", "full_value"),
        cells("qualifier"),
        list_numbers(frame, "readings", "detection_limit"),
        cells("station_type"),
        cells("station_status"),
        cells("quality"),
        _lists(frame, "quality_tests"),
        cells("upload_id"),
        cells("source_row"),
        strict=True,
    ):
        if not isinstance(code, str) or moment is None:
            raise FrameValueError("readings", "sampled_at" if moment is None else "parameter", code)
        below = qualifier == Qualifier.BELOW
        compare = settings.compare or settings.method.compare_on(moment.date())
        found.append(
            ReadingUse(
                parameter=code,
                sampled_at=moment,
                value=value,
                full_value=full,
                censored=below,
                detection_limit=limit,
                automatic=kind == StationType.AUTOMATIC,
                remote=kind == StationType.REMOTE_SENSING,
                station_status=None if status is None else str(status),
                quality=_whole(flag),
                quality_tests=tests,
                upload_id=_whole(upload),
                source_row=_whole(row),
                compare=compare,
                entering=(limit if limit is not None else value)
                if below
                else entering_value(value, full, compare),
                reason=None,
            )
        )
    return found


def _whole(cell: object) -> int | None:
    return None if cell is None else int(Decimal(str(cell)))


def _lists(frame: pd.DataFrame, name: str) -> list[tuple[str, ...]]:
    if name not in frame.columns:
        return [()] * len(frame)
    return [
        tuple(str(item) for item in cell) if isinstance(cell, list | tuple) else ()
        for cell in frame[name].tolist()
    ]


def _judge_reading(entry: ReadingUse, period: Period, settings: AssessmentSettings) -> ReadingUse:
    """Give the reading with the reason why it does not enter, precedence of automatic data apart."""
    method = settings.method
    by_quality: Mapping[int, str] = dict.fromkeys(_UNUSABLE, "readings_failed_quality") | (
        {} if settings.use_suspect else {_SUSPECT: "readings_suspect"}
    )
    reason: str | None = None
    if not period.contains(entry.sampled_at):
        reason = OUTSIDE_PERIOD
    elif entry.remote and not settings.use_remote_sensing:
        reason = REMOTE_SENSING
    elif is_stopped(entry.station_status, method):
        reason = "station_stopped"
    elif is_under_maintenance(entry.station_status, method):
        reason = "station_under_maintenance"
    elif entry.entering is None:
        reason = "detection_limit_unknown" if entry.censored else "value_missing"
    elif not find_parameter(entry.parameter).is_plausible(entry.entering):
        reason = "value_impossible"
    elif entry.quality is not None:
        reason = by_quality.get(entry.quality)
    return entry if reason is None else replace(entry, reason=reason)
