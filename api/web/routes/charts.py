"""Charts as SVG, PNG or HTML, drawn on request in the reader's language."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from api.charting import (
    MEDIA_TYPES,
    ChartForm,
    Span,
    heatmap_picture,
    index_picture,
    make_span,
    ranking_picture,
    render,
    series_picture,
    shares_picture,
    trophic_picture,
)
from api.comparisons import RankingOrder
from api.web.dependencies import CatalogueDep, DayQuery, SessionDep, today
from api.web.problems import ProblemOut
from api.web.routes.comparisons import CodePath, ScopeDep
from api.web.routes.sections import PeriodQuery, SuspectQuery
from maps.rendering import Picture
from spatial.period import parse_period

router = APIRouter(tags=["charts"])

FormPath = Annotated[ChartForm, Path(description="svg, png or html")]
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the chart",
        "content": {
            media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media in MEDIA_TYPES.values()
        },
    },
    404: {"model": ProblemOut},
    422: {"model": ProblemOut},
}


def get_span(
    start: Annotated[DayQuery, Query(alias="from", description="first day; default: a year long")] = None,
    end: Annotated[DayQuery, Query(alias="to", description="last day; default: today")] = None,
) -> Span:
    """The days that a chart shows."""
    return make_span(start, end, today())


SpanDep = Annotated[Span, Depends(get_span)]


def drawn(picture: Picture, form: ChartForm) -> Response:
    """A picture as an answer; the application itself says that answers vary by language."""
    headers = {"Content-Language": picture.language}
    return Response(render(picture, form), media_type=MEDIA_TYPES[form], headers=headers)


@router.get("/sections/{code:path}/chart.{form}", response_class=Response, responses=RESPONSES)
def draw_section_series(
    session: SessionDep,
    catalogue: CatalogueDep,
    code: CodePath,
    form: FormPath,
    parameter: Annotated[str, Query(description="code of the parameter, such as tp")],
    span: SpanDep,
    use_suspect: SuspectQuery = None,
) -> Response:
    """Readings of one parameter at one section, over the bands of the classes."""
    return drawn(series_picture(session, catalogue, code, parameter, span, use_suspect=use_suspect), form)


@router.get("/sections/{code:path}/trophic.{form}", response_class=Response, responses=RESPONSES)
def draw_section_trophic(
    session: SessionDep, catalogue: CatalogueDep, code: CodePath, form: FormPath, span: SpanDep
) -> Response:
    """Trophic state index of a section of a lake, month by month."""
    return drawn(trophic_picture(session, catalogue, code, span), form)


@router.get("/assessments/heatmap.{form}", response_class=Response, responses=RESPONSES)
def draw_class_heatmap(
    session: SessionDep, catalogue: CatalogueDep, form: FormPath, span: SpanDep, scope: ScopeDep
) -> Response:
    """Class of every section, month by month."""
    return drawn(heatmap_picture(session, catalogue, span, scope), form)


@router.get("/assessments/shares.{form}", response_class=Response, responses=RESPONSES)
def draw_class_shares(
    session: SessionDep,
    catalogue: CatalogueDep,
    form: FormPath,
    scope: ScopeDep,
    period: Annotated[list[str], Query(description="may be repeated, with by=period")],
    by: Annotated[
        Literal["region", "basin", "river", "lake", "period"],
        Query(description="what the bars stand for; region: the provinces"),
    ] = "region",
) -> Response:
    """Shares of the classes: of one period by province and the like, or of several periods."""
    periods = [parse_period(text) for text in period]
    return drawn(shares_picture(session, catalogue, periods, by, scope), form)


@router.get("/assessments/ranking.{form}", response_class=Response, responses=RESPONSES)
def draw_ranking_bars(
    session: SessionDep,
    catalogue: CatalogueDep,
    form: FormPath,
    period: PeriodQuery,
    scope: ScopeDep,
    parameter: Annotated[
        str | None, Query(description="sections by their mean of it, the worst first, such as tp")
    ] = None,
    what: Annotated[
        Literal["cwqi", "flood-intensity"], Query(description="without `parameter`: the index to rank by")
    ] = "cwqi",
    of: Annotated[
        Literal["city", "river", "section"] | None,
        Query(description="who is ranked by the index; default: city for cwqi, else section"),
    ] = None,
    top: Annotated[int, Query(ge=1, le=100, description="how many are drawn")] = 20,
) -> Response:
    """Sections by their mean of a parameter, or cities, rivers and sections by an index."""
    parsed = parse_period(period)
    if parameter is None:
        order = RankingOrder(what, of)
        return drawn(index_picture(session, catalogue, parsed, order, scope, top), form)
    return drawn(ranking_picture(session, catalogue, parsed, parameter, scope, top), form)
