"""Verdicts on drinking-water sources, and shares of those that comply."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.schemas import ItemPage, SourceAssessmentOut
from api.sources import assess_source_in, assess_sources_in
from api.web.dependencies import FormatDep, RegionQuery, SessionDep, answer
from api.web.problems import ProblemOut
from api.web.routes.sections import PeriodQuery
from spatial.period import parse_period
from spatial.source_shares import share_sources
from spatial.vocabulary import WaterSourceLevel

router = APIRouter(prefix="/water-sources", tags=["water sources"])


class SourcesBy(StrEnum):
    """What the answer speaks of."""

    SOURCE = "source"
    LEVEL = "level"
    REGION = "region"


@router.get("/assessments", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_source_assessments(
    session: SessionDep,
    form: FormatDep,
    period: PeriodQuery,
    by: Annotated[
        SourcesBy, Query(description="source, or the share that complies by level or region")
    ] = SourcesBy.LEVEL,
    level: Annotated[
        WaterSourceLevel | None, Query(description="only sources of a city, county or township")
    ] = None,
    region: RegionQuery = None,
) -> Response:
    """Sources over a period by Tables 1, 2 and 3 of GB 3838-2002, or the shares of those that comply."""
    found = assess_sources_in(session, parse_period(period), region=region, level=level)
    if by is SourcesBy.SOURCE:
        return answer([one.as_json() for one in found], form, None)
    shares = share_sources(found, "level" if by is SourcesBy.LEVEL else "region")
    return answer([one.as_json() for one in shares], form, None)


@router.get(
    "/{code}/assessment",
    response_model=SourceAssessmentOut,
    responses={404: {"model": ProblemOut}, 422: {"model": ProblemOut}},
)
def read_source_assessment(
    session: SessionDep, code: Annotated[str, Path(max_length=200)], period: PeriodQuery
) -> dict[str, Any]:
    """One source over a period: verdict, items over their limits, what is open or missing, evidence."""
    return assess_source_in(session, code, parse_period(period)).as_json()
