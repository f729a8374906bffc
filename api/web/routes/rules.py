"""The law as data, and where the plans' targets stand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from api.jobs import score_in
from api.law import rule_document, rule_rows
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
