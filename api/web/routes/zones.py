"""Zones along shorelines, drawn on request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from api.web.dependencies import GEOJSON, AsOfQuery, BBoxDep, RegionQuery, SessionDep, today
from api.web.problems import ProblemOut
from api.web.routes.pages import Shelf
from api.zones import ZoneRequest, draw_zones, geojson_pieces, stored_shores
from spatial.vocabulary import ZONE_WIDTHS_M, Rank
from spatial.zones import MAX_WIDTH_M

router = APIRouter(tags=["zones"])

MOST_WIDTHS = 8
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a FeatureCollection, one feature for each rank and width",
        "content": {GEOJSON: {"schema": {"type": "object"}}},
    },
    304: {"description": "the zones are those of the tag in `If-None-Match`"},
    404: {"model": ProblemOut},
    422: {"model": ProblemOut},
}

WidthQuery = Annotated[
    list[Annotated[float, Query(gt=0, le=MAX_WIDTH_M)]] | None,
    Query(max_length=MOST_WIDTHS, description="metres, at most 20000; may be repeated; default: 1000, 3000"),
]


@router.get("/zones", response_class=Response, responses=RESPONSES)
def read_zones(
    request: Request,
    session: SessionDep,
    bbox: BBoxDep,
    rank: Annotated[
        list[Rank] | None, Query(description="only shorelines of this rank; may be repeated; default: all")
    ] = None,
    width: WidthQuery = None,
    region: RegionQuery = None,
    as_of: AsOfQuery = None,
    if_none_match: Annotated[str, Header(description="tag of an answer that is known already")] = "",
) -> Response:
    """Strips along the shorelines in force on a day, as GeoJSON cut at the box and the region.

    For drawing only: a verdict is never taken from a drawn zone.
    """
    asked = ZoneRequest(
        tuple(dict.fromkeys(width or (float(one) for one in ZONE_WIDTHS_M))),
        tuple(dict.fromkeys(rank or ())),
        bbox,
    )
    shores = stored_shores(session, as_of or today(), None if region is None else region.ljust(6, "0"))
    tag = f'"{shores.tag(asked)}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept, Accept-Language"}
    known = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    shelf: Shelf = request.app.state.zones
    body = shelf.get((tag,), lambda: "".join(geojson_pieces(draw_zones(shores, asked), shores, asked)))
    return Response(body, media_type=GEOJSON, headers=headers)
