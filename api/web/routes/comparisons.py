"""Periods side by side: changes, rankings, trends; and the loads that pass a section."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from api.comparisons import (
    RankingOrder,
    Scope,
    compare_in,
    compared_period,
    flux_in,
    item_codes,
    rank_in,
    trend_in,
)
from api.schemas import ItemPage
from api.web.dependencies import FormatDep, RegionQuery, SessionDep, answer
from api.web.problems import ProblemOut
from api.web.routes.assessments import By, LevelQuery
from api.web.routes.sections import PeriodQuery, SuspectQuery
from spatial.period import Period, parse_period

router = APIRouter()

CodePath = Annotated[str, Path(max_length=200)]


def get_scope(
    region: RegionQuery = None, level: LevelQuery = None, use_suspect: SuspectQuery = None
) -> Scope:
    """The sections that an answer speaks of."""
    return Scope(region, None if level is None else level.value, use_suspect)


ScopeDep = Annotated[Scope, Depends(get_scope)]


def get_periods(
    period: PeriodQuery,
    earlier: Annotated[
        str | None, Query(alias="with", description="the earlier period; default: by `against`")
    ] = None,
    against: Annotated[
        Literal["year", "period"],
        Query(description="year: the same period last year; period: the one just before"),
    ] = "year",
) -> tuple[Period, Period]:
    """The period spoken of, and the earlier one beside it."""
    later = parse_period(period)
    return later, parse_period(earlier) if earlier else compared_period(later, against)


PeriodsDep = Annotated[tuple[Period, Period], Depends(get_periods)]


@router.get(
    "/assessments/change",
    tags=["assessments"],
    response_model=ItemPage,
    responses={422: {"model": ProblemOut}},
)
def list_changes(
    session: SessionDep,
    form: FormatDep,
    periods: PeriodsDep,
    scope: ScopeDep,
    by: Annotated[By, Query(description="section, river, lake, basin, region or nation")] = By.REGION,
) -> Response:
    """Change from an earlier period in the official words, on the common sections and items."""
    rows = [one.as_json() for one in compare_in(session, *periods, by.value, scope)]
    return answer(rows, form, None)


def get_order(
    what: Annotated[
        Literal["cwqi", "improvement", "flood-intensity"],
        Query(description="water-quality index, change of the index, or flood-season pollution intensity"),
    ] = "cwqi",
    of: Annotated[
        Literal["section", "river", "city"] | None,
        Query(description="who is ranked; default: city for cwqi, else section"),
    ] = None,
    order: Annotated[
        Literal["improved", "worsened"], Query(description="improvement: which end stands first")
    ] = "improved",
    items: Annotated[
        str, Query(description="of the index: all (21), core (automatic stations) or codes: tp,do")
    ] = "all",
    top: Annotated[
        int | None, Query(ge=1, description="only so many ranks; flood-intensity: 50 by default")
    ] = None,
    every: Annotated[
        bool, Query(description="flood-intensity: every section, also those without a result")
    ] = False,
) -> RankingOrder:
    """How a ranking is made."""
    return RankingOrder(what, of, item_codes(items), order == "worsened", top, every)


@router.get("/rankings", tags=["rankings"], response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_ranking(
    session: SessionDep,
    form: FormatDep,
    periods: PeriodsDep,
    scope: ScopeDep,
    order: Annotated[RankingOrder, Depends(get_order)],
) -> Response:
    """Cities, rivers or sections by rank; what cannot be ranked stands at the end with its reason."""
    return answer([row.as_json() for row in rank_in(session, order, *periods, scope)], form, None)


@router.get(
    "/sections/{code:path}/trend",
    tags=["sections"],
    responses={404: {"model": ProblemOut}, 422: {"model": ProblemOut}},
)
def read_trend(
    session: SessionDep,
    code: CodePath,
    parameter: Annotated[str, Query(description="code of the parameter, such as tp")],
    first: Annotated[str, Query(alias="from", description="first month (2019-01) or year (2019)")],
    last: Annotated[str, Query(alias="to", description="last month or year")],
    by: Annotated[Literal["month", "year"], Query(description="the periods of the series")] = "year",
    exact: Annotated[
        bool, Query(description="Spearman: exact critical values before the printed ones")
    ] = False,
    use_suspect: SuspectQuery = None,
) -> dict[str, Any]:
    """Trend of one parameter: Spearman, Mann–Kendall, seasonal Kendall, Sen's slope, and the series."""
    bounds = parse_period(first), parse_period(last)
    return trend_in(session, code, parameter, bounds, by, exact=exact, use_suspect=use_suspect).as_json()


@router.get(
    "/sections/{code:path}/flux",
    tags=["sections"],
    response_model=ItemPage,
    responses={404: {"model": ProblemOut}, 422: {"model": ProblemOut}},
)
def list_fluxes(
    session: SessionDep,
    form: FormatDep,
    code: CodePath,
    period: PeriodQuery,
    parameter: Annotated[
        list[str] | None, Query(description="tn, tp …; may be repeated; default: tn and tp")
    ] = None,
    method: Annotated[
        Literal["monthly", "paired"],
        Query(description="monthly: means of each month; paired: readings of the same moment"),
    ] = "monthly",
    non_detects: Annotated[
        Literal["zero", "half"] | None,
        Query(description="zero, or half of the detection limit; default: by the rules"),
    ] = None,
    use_suspect: SuspectQuery = None,
) -> Response:
    """Loads that pass a section over a period, in tonnes, with the months that they are the sum of."""
    found = flux_in(
        session,
        code,
        parameter or ["tn", "tp"],
        parse_period(period),
        method=method,
        non_detects=non_detects,
        use_suspect=use_suspect,
    )
    return answer([one.as_json() for one in found], form, None)
