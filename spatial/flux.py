"""Loads that pass a section (通量): concentration times discharge over a period, in tonnes.

By default each calendar month is its mean concentration times its mean discharge times its seconds; `paired`
multiplies readings of the same moment first, which is better where both are measured every few hours. Nothing
is filled in: a period with a month of which concentration or discharge is unknown has no load, only that of
the months that are known. In loads, what is below the detection limit counts as zero (SL 219-2013; a choice).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final, Literal

import pandas as pd

from spatial.assessment import AssessmentSettings
from spatial.classification import Reason, give_reason
from spatial.comparison_rules import ComparisonRules, NonDetects, load_comparison_rules
from spatial.errors import UnitError
from spatial.parameters import find_parameter
from spatial.period import Period
from spatial.reading_use import ReadingUse, sort_readings
from spatial.rounding import json_number

FluxMethod = Literal["monthly", "paired"]

FLOW: Final = "flow"
_CONCENTRATION_UNIT: Final = "mg/L"
_DAY_SECONDS: Final = 86_400
_GRAMS: Final = 1_000_000
_SHARES: Final[dict[NonDetects, Fraction]] = {"zero": Fraction(0), "half": Fraction(1, 2)}


@dataclass(frozen=True, slots=True)
class FluxTerm:
    """One month of a load, or the part of it inside the period.

    `mean_flow` is in m³/s, `mean_concentration` in mg/L (g/m³). For paired readings `mean_transport` (g/s)
    is the mean of their products, and the two means are those of the pairs. `load_t` is None, with a reason,
    where something is missing.
    """

    month: str
    seconds: int
    samples: int
    flow_samples: int
    pairs: int | None
    non_detects: int
    mean_concentration: Fraction | None
    mean_flow: Fraction | None
    mean_transport: Fraction | None
    load_t: Fraction | None
    reason: Reason | None

    def as_json(self) -> dict[str, object]:
        """Give the term with everything that it multiplies."""
        return {
            "month": self.month,
            "seconds": self.seconds,
            "samples": self.samples,
            "flow_samples": self.flow_samples,
            "pairs": self.pairs,
            "non_detects": self.non_detects,
            "mean_concentration": json_number(self.mean_concentration),
            "mean_flow": json_number(self.mean_flow),
            "mean_transport_g_s": json_number(self.mean_transport),
            "load_t": json_number(self.load_t),
            "reason": None if self.reason is None else self.reason.as_json(),
        }


@dataclass(frozen=True, slots=True)
class SectionFlux:
    """The load of one parameter at one section over a period, and the months that it is the sum of."""

    section: str
    parameter: str
    period: str
    method: FluxMethod
    non_detects: NonDetects
    terms: tuple[FluxTerm, ...]

    @property
    def known_t(self) -> Fraction | None:
        """Load of the months that are known, None where none is."""
        known = [term.load_t for term in self.terms if term.load_t is not None]
        return sum(known, Fraction(0)) if known else None

    @property
    def load_t(self) -> Fraction | None:
        """Load of the period in tonnes; None unless every month is known."""
        return self.known_t if all(term.load_t is not None for term in self.terms) else None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the period has no load."""
        missing = [term for term in self.terms if term.load_t is None]
        if not missing:
            return ()
        months = ", ".join(term.month for term in missing)
        return (give_reason("flux_months_missing", missing=len(missing), due=len(self.terms), months=months),)

    def as_json(self) -> dict[str, object]:
        """Give the load, what it rests on, and its terms."""
        return {
            "section": self.section,
            "parameter": self.parameter,
            "period": self.period,
            "unit": "t",
            "method": self.method,
            "non_detects_as": self.non_detects,
            "load_t": json_number(self.load_t),
            "load_of_known_months_t": json_number(self.known_t),
            "months_known": sum(term.load_t is not None for term in self.terms),
            "months_due": len(self.terms),
            "reason": self.reasons[0].as_json() if self.reasons else None,
            "reasons": [reason.as_json() for reason in self.reasons],
            "terms": [term.as_json() for term in self.terms],
        }


def section_fluxes(
    readings: pd.DataFrame,
    section: str,
    parameters: Sequence[str],
    period: Period,
    *,
    method: FluxMethod = "monthly",
    non_detects: NonDetects | None = None,
    settings: AssessmentSettings | None = None,
    rules: ComparisonRules | None = None,
) -> list[SectionFlux]:
    """Compute the loads of some parameters at one section over a period.

    Readings enter as they do in an assessment: none of stopped stations, under maintenance or failed by
    quality control, automatic ones before manual ones.

    Parameters
    ----------
    readings : DataFrame, one row per reading
        The columns that `assess_sections` takes; discharge is the parameter ``flow`` in m³/s.
    non_detects
        What is below the detection limit counts as `zero` or as `half` of it; None takes the rules'.

    Returns
    -------
    list of SectionFlux, in the order of `parameters`

    Raises
    ------
    UnitError
        If a parameter is no mass in a volume.
    UnknownParameterError, FrameValueError
        If no parameter has a code, or a number is not exact.
    """
    for code in parameters:
        unit = find_parameter(code).unit
        if unit != _CONCENTRATION_UNIT:
            raise UnitError(code, unit, _CONCENTRATION_UNIT)
    as_share: NonDetects = non_detects or (rules or load_comparison_rules()).flux_non_detects
    uses = [use for use in sort_readings(readings, section, period, settings) if use.enters]
    return [
        SectionFlux(
            section=section,
            parameter=code,
            period=period.text,
            method=method,
            non_detects=as_share,
            terms=tuple(
                _term(uses, code, month, _seconds(period, month), method, _SHARES[as_share])
                for month in period.months
            ),
        )
        for code in parameters
    ]


def _seconds(period: Period, month: tuple[int, int]) -> int:
    """Count the seconds of the days of a month that lie in the period."""
    year, number = month
    first = date(year, number, 1)
    last = date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)
    days = (min(last, period.end) - max(first, period.start)).days + 1
    return days * _DAY_SECONDS


def _mean(amounts: Sequence[Fraction]) -> Fraction:
    return sum(amounts, Fraction(0)) / len(amounts)


def _term(
    uses: Sequence[ReadingUse],
    code: str,
    month: tuple[int, int],
    seconds: int,
    method: FluxMethod,
    share: Fraction,
) -> FluxTerm:
    concentrations = [use for use in uses if use.parameter == code and use.month == month]
    flows = [use for use in uses if use.parameter == FLOW and use.month == month]
    concentration = flow = transport = load = None
    pairs = None
    reason = None
    if not concentrations or not flows:
        missing = [name for name, found in ((code, concentrations), (FLOW, flows)) if not found]
        reason = give_reason("flux_readings_missing", parameters=", ".join(missing))
    elif method == "monthly":
        concentration = _mean([use.amount(share) for use in concentrations])
        flow = _mean([use.amount(share) for use in flows])
        transport = concentration * flow
    else:
        at = {use.sampled_at: use.amount(share) for use in flows}
        paired = [(use.amount(share), at[use.sampled_at]) for use in concentrations if use.sampled_at in at]
        pairs = len(paired)
        if paired:
            concentration = _mean([one for one, _ in paired])
            flow = _mean([other for _, other in paired])
            transport = _mean([one * other for one, other in paired])
        else:
            reason = give_reason("flux_pairs_missing", parameter=code)
    if transport is not None:
        load = transport * seconds / _GRAMS
    return FluxTerm(
        month=f"{month[0]:04d}-{month[1]:02d}",
        seconds=seconds,
        samples=len(concentrations),
        flow_samples=len(flows),
        pairs=pairs,
        non_detects=sum(use.censored for use in concentrations),
        mean_concentration=concentration,
        mean_flow=flow,
        mean_transport=transport,
        load_t=load,
        reason=reason,
    )
