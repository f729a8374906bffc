"""Outfalls, tailings ponds, chemical sites, water sources: lists and dossiers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from api.features import read_facility
from api.schemas import FacilityOut, ItemPage
from api.web.dependencies import (
    AsOfQuery,
    BBoxDep,
    FormatDep,
    PageDep,
    RegionQuery,
    SessionDep,
    today,
)
from api.web.problems import ProblemOut
from api.web.registers import register_page

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
        return register_page(session, kind, page, form, bbox=bbox, region=region, as_of=as_of)

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
