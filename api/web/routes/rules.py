"""The law as data, and where the plans' targets stand."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.jobs import score_in
from api.law import limit_rows, rule_document, rule_rows
from api.schemas import ItemPage, TargetOut
from api.web.dependencies import (
    AsOfQuery,
    CatalogueDep,
    FormatDep,
    RegionQuery,
    SessionDep,
    answer,
    today,
)
from api.web.problems import ProblemOut

router = APIRouter(tags=["rules"])


@router.get("/rules", response_model=ItemPage)
def list_rules(catalogue: CatalogueDep, form: FormatDep) -> Response:
    """Every rule with its document and clause; then standards, overlays and the evaluation method."""
    return answer(rule_rows(catalogue.language), form, None)


class Water(StrEnum):
    """Waters that have limits of their own."""

    RIVER = "river"
    LAKE = "lake"


@router.get("/rules/limits", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_limits(
    catalogue: CatalogueDep,
    form: FormatDep,
    region: RegionQuery = None,
    as_of: AsOfQuery = None,
    basin: Annotated[str | None, Query(description="basin, as sections name it")] = None,
    water: Annotated[Water, Query(description="river, or lake (reservoirs too)")] = Water.RIVER,
) -> Response:
    """The limits that hold in a region on a day, each with the document it came from; numbers as text."""
    rows = limit_rows(region, as_of or today(), water.value, catalogue.language, basin=basin)
    return answer(rows, form, None)


@router.get("/rules/{rule_id}", responses={404: {"model": ProblemOut}})
def read_rule(catalogue: CatalogueDep, rule_id: Annotated[str, Path(max_length=100)]) -> dict[str, Any]:
    """One rule, target, standard or overlay, whole, with the words and sources it rests on."""
    return rule_document(rule_id, catalogue.language)


@router.get("/scoreboard", response_model=list[TargetOut])
def read_scoreboard(
    session: SessionDep, region: RegionQuery = None, as_of: AsOfQuery = None
) -> list[dict[str, Any]]:
    """Every quantified target of the plans: target, measured, verdict, evidence."""
    return [one.as_json() for one in score_in(session, as_of or today(), region)]
