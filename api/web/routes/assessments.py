"""Water-quality assessments of rivers, basins and regions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.jobs import assess_in
from api.schemas import ItemPage
from api.web.dependencies import FormatDep, RegionQuery, SessionDep, answer
from api.web.problems import ProblemOut
from api.web.routes.sections import PeriodQuery, SuspectQuery
from spatial.period import parse_period

router = APIRouter(prefix="/assessments", tags=["assessments"])


class By(StrEnum):
    """What an assessment speaks of."""

    SECTION = "section"
    RIVER = "river"
    BASIN = "basin"
    REGION = "region"


@router.get("", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_assessments(
    session: SessionDep,
    form: FormatDep,
    period: PeriodQuery,
    by: Annotated[By, Query(description="section, river, basin or region")] = By.REGION,
    region: RegionQuery = None,
    use_suspect: SuspectQuery = None,
) -> Response:
    """Assessments over a period, with numerators and denominators."""
    assessed = assess_in(session, parse_period(period), by.value, region=region, use_suspect=use_suspect)
    rows = [one.as_json() for one in assessed]
    return answer(rows, form, None)
