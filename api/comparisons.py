"""Jobs that set periods side by side: changes, rankings, trends; and loads. Each takes its periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from api.errors import BadRequestError
from api.features import read_section_feature
from api.jobs import (
    GROUPINGS,
    assess_periods,
    assess_region,
    assessment_settings,
    of_level,
    rules_in_use,
)
from models import queries
from spatial.assessment import SectionAssessment
from spatial.change import GroupChange, SectionChange, compare_groups, compare_sections
from spatial.city_index import RankingOf
from spatial.comparison_rules import NonDetects
from spatial.flux import FluxMethod, SectionFlux, section_fluxes
from spatial.overlays import edition_for_groups
from spatial.parameters import find_parameter
from spatial.period import Period, period_a_year_before, period_before
from spatial.ranking import (
    RankingRow,
    RankingWhat,
    rank_by_flood_intensity,
    rank_by_improvement,
    rank_by_index,
)
from spatial.standards import load_evaluation_method
from spatial.trend import SectionTrend, TrendBy, section_trend, trend_periods

Against = Literal["year", "period"]


@dataclass(frozen=True)
class Scope:
    """Which sections an answer speaks of, and whether suspect readings enter (None: by the rules)."""

    region: str | None = None
    level: str | None = None
    use_suspect: bool | None = None


def compared_period(period: Period, against: Against) -> Period:
    """The period to compare with: the same a year before (同比), or the one just before (环比)."""
    return period_a_year_before(period) if against == "year" else period_before(period)


def item_codes(text: str) -> tuple[str, ...] | None:
    """The items of an index: `all` (the method's), `core` (automatic stations), or codes with commas.

    Raises
    ------
    BadRequestError
        If no code is there.
    UnknownParameterError
        If no parameter has one of the codes.
    """
    if text == "all":
        return None
    if text == "core":
        return load_evaluation_method().core
    codes = tuple(find_parameter(code.strip()).code for code in text.split(",") if code.strip())
    if not codes:
        raise BadRequestError("items", text, "all, core, or codes such as tp,do")
    return codes


def assess_scope(session: Session, period: Period, scope: Scope) -> list[SectionAssessment]:
    """Assess the sections of a scope as they stood on the last day of the period."""
    _, assessed = assess_region(session, period, scope.region, use_suspect=scope.use_suspect)
    return of_level(assessed, scope.level)


def compare_in(
    session: Session, period: Period, compared_with: Period, by: str, scope: Scope
) -> Sequence[SectionChange | GroupChange]:
    """Compare a period with an earlier one by section, river, lake, basin, region or nation."""
    after = assess_scope(session, period, scope)
    before = assess_scope(session, compared_with, scope)
    if by == "section":
        return compare_sections(before, after, period=period.text, compared_with=compared_with.text)
    return compare_groups(
        before,
        after,
        GROUPINGS[by],
        period=period.text,
        compared_with=compared_with.text,
        section_level=scope.level,
        standard=edition_for_groups(period.end),
    )


@dataclass(frozen=True)
class RankingOrder:
    """How a ranking is made. `of` None takes the usual subject: cities for the index, else sections."""

    what: RankingWhat
    of: RankingOf | None = None
    items: tuple[str, ...] | None = None
    worst_first: bool = False
    most: int | None = None
    every: bool = False


def rank_in(
    session: Session, order: RankingOrder, period: Period, compared_with: Period, scope: Scope
) -> list[RankingRow]:
    """Rank cities, rivers or sections over a period; index and improvement look at the earlier one, too."""
    after = assess_scope(session, period, scope)
    if order.what == "flood-intensity":
        return rank_by_flood_intensity(after, period=period.text, most=order.most, every=order.every)
    before = assess_scope(session, compared_with, scope)
    if order.what == "cwqi":
        return rank_by_index(
            after,
            before,
            period=period.text,
            compared_with=compared_with.text,
            of=order.of or "city",
            items=order.items,
            most=order.most,
            standard=edition_for_groups(period.end),
        )
    return rank_by_improvement(
        before,
        after,
        period=period.text,
        compared_with=compared_with.text,
        of=order.of or "section",
        worst_first=order.worst_first,
        items=order.items,
        most=order.most,
        standard=edition_for_groups(period.end),
    )


def trend_in(
    session: Session,
    code: str,
    parameter: str,
    bounds: tuple[Period, Period],
    by: TrendBy,
    *,
    exact: bool = False,
    use_suspect: bool | None = None,
) -> SectionTrend:
    """The trend of one parameter at one section, by the whole months or years inside the bounds.

    Raises
    ------
    NotKnownError, ProvisionalSectionError
        If no section with this code was in force at the end.
    UnknownParameterError
        If no parameter has this code.
    SpanError
        If no whole month or year lies inside the bounds, or too many do.
    """
    find_parameter(parameter)
    first, last = bounds
    periods = trend_periods(first, last, by)
    read_section_feature(session, code, last.end)
    sections = queries.features_in_force(session, "sections", last.end, codes=[code])
    settings = assessment_settings(rules_in_use(use_suspect))
    assessed = [found for _, (found,) in assess_periods(session, sections, periods, settings)]
    return section_trend(assessed, parameter, by, exact=exact)


def flux_in(
    session: Session,
    code: str,
    parameters: Sequence[str],
    period: Period,
    *,
    method: FluxMethod = "monthly",
    non_detects: NonDetects | None = None,
    use_suspect: bool | None = None,
) -> list[SectionFlux]:
    """The loads of parameters at one section over a period.

    Raises
    ------
    NotKnownError, ProvisionalSectionError
        If no section with this code was in force at the end of the period.
    UnknownParameterError, UnitError
        If no parameter has a code, or it is no mass in a volume.
    """
    read_section_feature(session, code, period.end)
    readings = queries.readings_between(session, period.starts_at, period.ends_before, section_codes=[code])
    return section_fluxes(
        readings,
        code,
        parameters,
        period,
        method=method,
        non_detects=non_detects,
        settings=assessment_settings(rules_in_use(use_suspect)),
    )
