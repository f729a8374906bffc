"""Outfalls, tailings ponds, chemical sites, water sources: lists and dossiers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from api.features import feature_rows, read_facility
from api.jobs import ONLY
from api.schemas import FacilityOut, ItemPage
from api.web.dependencies import (
    AsOfQuery,
    BBoxDep,
    FormatDep,
    PageDep,
    RegionQuery,
    SessionDep,
    answer,
    today,
)
from api.web.problems import ProblemOut
from models import queries

router = APIRouter(tags=["facilities"])

CodePath = Annotated[str, Path(max_length=200)]
LIST_DOC = "Entries in force on a day, ordered by code; GeoJSON by `Accept` or `format=`."


def _register(path: str, kind: str, words: str) -> None:
    """Give one kind of facility its two addresses."""

    @router.get(
        f"/{path}",
        name=f"list_{kind}",
        summary=f"List {words}",
        description=LIST_DOC,
        response_model=ItemPage,
        responses={422: {"model": ProblemOut}},
    )
    def list_facilities(
        session: SessionDep,
        page: PageDep,
        form: FormatDep,
        bbox: BBoxDep,
        region: RegionQuery = None,
        as_of: AsOfQuery = None,
    ) -> Response:
        frame = queries.features_in_force(
            session,
            kind,
            as_of or today(),
            region_code=region,
            bbox=bbox,
            where=ONLY.get(kind),
            after=after[0] if (after := page.key(str)) else "",
            limit=page.fetch,
        )
        rows = feature_rows(frame)
        shown = rows[: page.limit]
        return answer(shown, form, page.next_cursor(rows, [shown[-1]["code"]] if shown else []))

    @router.get(
        f"/{path}/{{code}}",
        name=f"read_{kind}",
        summary=f"One of the {words}, with distances, findings and ledger",
        response_model=FacilityOut,
        responses={404: {"model": ProblemOut}},
    )
    def read(session: SessionDep, code: CodePath, as_of: AsOfQuery = None) -> dict[str, Any]:
        return read_facility(session, kind, code, as_of or today())


for _path, _kind, _words in (
    ("outfalls", "outfalls", "outfalls"),
    ("tailings-ponds", "tailings_ponds", "tailings ponds"),
    ("chemical-sites", "chemical_sites", "chemical sites"),
    ("water-sources", "water_sources", "water sources"),
):
    _register(_path, _kind, _words)
