"""Water-quality assessments of sections, rivers, lakes, basins, regions and the nation."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.jobs import assess_in
from api.schemas import ItemPage
from api.specific_items import section_rows
from api.web.dependencies import FormatDep, RegionQuery, SessionDep, answer
from api.web.problems import ProblemOut
from api.web.routes.sections import PeriodQuery, SpecificQuery, SuspectQuery
from spatial.assessment import SectionAssessment
from spatial.period import parse_period
from spatial.vocabulary import SectionLevel

router = APIRouter(prefix="/assessments", tags=["assessments"])


class By(StrEnum):
    """What an assessment speaks of."""

    SECTION = "section"
    RIVER = "river"
    LAKE = "lake"
    BASIN = "basin"
    REGION = "region"
    NATION = "nation"


LevelQuery = Annotated[
    SectionLevel | None,
    Query(description="only sections of this network: national, provincial, municipal or county"),
]


@router.get("", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_assessments(
    session: SessionDep,
    form: FormatDep,
    period: PeriodQuery,
    by: Annotated[By, Query(description="section, river, lake, basin, region or nation")] = By.REGION,
    level: LevelQuery = None,
    region: RegionQuery = None,
    by_length: Annotated[
        bool, Query(description="groups: also the shares by the river length that each section stands for")
    ] = False,
    use_suspect: SuspectQuery = None,
    specific_items: SpecificQuery = None,
) -> Response:
    """Assessments over a period, with numerators and denominators."""
    assessed = assess_in(
        session,
        parse_period(period),
        by.value,
        region=region,
        level=None if level is None else level.value,
        by_length=by_length,
        use_suspect=use_suspect,
    )
    rows = [one.as_json() for one in assessed]
    if by is By.SECTION:
        sections = [one for one in assessed if isinstance(one, SectionAssessment)]
        rows = list(section_rows(sections, parse_period(period).end, asked=specific_items))
    return answer(rows, form, None)
