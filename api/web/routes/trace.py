"""Traces along the river network, and what stands in which area."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from api.errors import BadRequestError
from api.output import to_csv, to_geojson, to_json
from api.relations import pond_rows, region_rows, zone_rows
from api.schemas import ItemPage, TraceOut
from api.tracing import (
    TraceAnswer,
    TraceRequest,
    Waters,
    find_exceedance,
    gather_waters,
    parse_place,
    require_section,
    trace_row,
    trace_waters,
)
from api.tracing_map import draw_answer
from api.web.dependencies import (
    GEOJSON,
    AnswerFormat,
    AsOfQuery,
    CatalogueDep,
    FormatDep,
    RegionQuery,
    SessionDep,
    SettingsDep,
    answer,
    today,
)
from api.web.problems import ProblemOut
from models import queries
from spatial.period import parse_period

router = APIRouter(tags=["river network"])
map_router = APIRouter(tags=["pages"], include_in_schema=False)

RESPONSES: dict[int | str, dict[str, Any]] = {404: {"model": ProblemOut}, 422: {"model": ProblemOut}}


def get_request(
    section: Annotated[
        str | None, Query(description="code of the section to start from", max_length=200)
    ] = None,
    start: Annotated[
        str | None, Query(alias="from", description="place to start from, LON,LAT: 111.30,30.70")
    ] = None,
    upstream: Annotated[
        float | None, Query(gt=0, le=10_000, description="kilometres to trace upstream")
    ] = None,
    downstream: Annotated[
        float | None, Query(gt=0, le=10_000, description="kilometres to trace downstream")
    ] = None,
    velocity: Annotated[
        float | None, Query(gt=0, le=20, description="m/s everywhere, instead of what the rivers state")
    ] = None,
    river: Annotated[
        str | None, Query(description="code or name of the river that the place of `from` is on")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        Query(description="rank upstream places by it (tp); may be repeated; default: what exceeds there"),
    ] = None,
    period: Annotated[
        str | None, Query(description="of the exceedance; default: the latest month with readings")
    ] = None,
) -> TraceRequest:
    """What is asked.

    Raises
    ------
    BadRequestError
        If two things are asked at once, or none.
    """
    if (upstream is None) == (downstream is None):
        raise BadRequestError("upstream", str(upstream), "either upstream or downstream, in km")
    direction: Literal["upstream", "downstream"] = "downstream" if upstream is None else "upstream"
    return TraceRequest(
        direction=direction,
        max_km=float(upstream or downstream or 0),
        section=section,
        place=None if start is None else parse_place(start),
        river=river,
        velocity=velocity,
        parameters=tuple(parameter) if parameter else None,
        period=None if period is None else parse_period(period),
    )


RequestDep = Annotated[TraceRequest, Depends(get_request)]


def trace_at(
    request: Request, session: SessionDep, asked: RequestDep, as_of: AsOfQuery = None
) -> TraceAnswer:
    """The trace; rivers and places of a day are joined once, as long as nothing was loaded.

    Raises
    ------
    NotKnownError, BadRequestError
        As :func:`api.tracing.trace_in`.
    """
    day = as_of or today()
    if asked.section is not None:
        require_section(session, asked.section, day)
    key = ("waters", day, queries.data_hash(session, day))
    waters: Waters = request.app.state.shelf.get(key, lambda: _joined(session, day))
    exceedance = None
    if asked.direction == "upstream" and asked.section is not None:
        exceedance = find_exceedance(session, asked, day)
    return trace_waters(waters, asked, exceedance)


def _joined(session: Session, day: Any) -> Waters:
    """Waters with their network and places, ready for many traces."""
    waters = gather_waters(session, day)
    if len(waters.rivers):
        _ = waters.snapped
    return waters


AnswerDep = Annotated[TraceAnswer, Depends(trace_at)]


@router.get(
    "/trace",
    response_model=TraceOut,
    responses={
        **RESPONSES,
        200: {
            "content": {
                GEOJSON: {"schema": {"type": "object", "description": "origin, stretches of river, items"}},
                "text/csv": {"schema": {"type": "string"}},
            }
        },
    },
)
def read_trace(found: AnswerDep, form: FormatDep) -> Response:
    """Trace along the river: suspects upstream of a section, or who a spill reaches, with arrival times."""
    if form is AnswerFormat.GEOJSON:
        return Response(to_json(to_geojson(found.as_features())), media_type=GEOJSON)
    document = found.as_json()
    if form is AnswerFormat.CSV:
        rows = [trace_row(item) for item in document["items"]]
        return Response(to_csv(rows), media_type="text/csv; charset=utf-8")
    return Response(to_json(document), media_type="application/json")


@router.get("/relations/zones", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_zone_relations(
    session: SessionDep,
    form: FormatDep,
    near: Annotated[
        float, Query(gt=0, le=10_000, description="metres from a zone within which a facility is listed")
    ] = 1_000.0,
    region: RegionQuery = None,
    as_of: AsOfQuery = None,
) -> Response:
    """Facilities inside protection zones of drinking-water sources, and near their edges."""
    return answer(zone_rows(session, as_of or today(), region=region, near_m=near), form, None)


@router.get("/relations/regions", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_region_relations(
    session: SessionDep, form: FormatDep, region: RegionQuery = None, as_of: AsOfQuery = None
) -> Response:
    """Regions of the sections by polygon, beside the ones that they state."""
    return answer(region_rows(session, as_of or today(), region=region), form, None)


@router.get("/relations/ponds", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_pond_relations(
    session: SessionDep, form: FormatDep, region: RegionQuery = None, as_of: AsOfQuery = None
) -> Response:
    """Register of overhead tailings ponds (头顶库): people within 1 km downstream, stated and found."""
    return answer(pond_rows(session, as_of or today(), region=region), form, None)


@map_router.get("/maps/trace")
def show_trace_map(found: AnswerDep, settings: SettingsDep, catalogue: CatalogueDep) -> HTMLResponse:
    """The map of a trace, with the parameters of `/api/v1/trace`."""
    return HTMLResponse(draw_answer(found, settings, catalogue, assets="linked"))
