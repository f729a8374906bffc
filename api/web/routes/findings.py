"""Findings: pages of verdicts with their evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.features import finding_out, require_run
from api.schemas import FindingPage
from api.web.dependencies import (
    AsOfQuery,
    BBoxDep,
    FormatDep,
    InstantQuery,
    PageDep,
    RegionQuery,
    SessionDep,
    answer,
)
from api.web.problems import ProblemOut
from models import queries
from spatial.errors import UnknownRuleError
from spatial.rulebook import load_rulebook

router = APIRouter(prefix="/findings", tags=["findings"])


@router.get(
    "", response_model=FindingPage, responses={404: {"model": ProblemOut}, 422: {"model": ProblemOut}}
)
def list_findings(
    session: SessionDep,
    page: PageDep,
    form: FormatDep,
    bbox: BBoxDep,
    rule: Annotated[str | None, Query(description="only this rule, such as CN-14-1")] = None,
    region: RegionQuery = None,
    verdict: Annotated[Literal["compliant", "violation", "undetermined"] | None, Query()] = None,
    state: Annotated[Literal["open", "due", "overdue", "resolved"] | None, Query()] = None,
    as_of: AsOfQuery = None,
    updated_since: Annotated[
        InstantQuery, Query(description="only findings recorded since this instant (with offset)")
    ] = None,
) -> Response:
    """Findings of the latest run (of `as_of`, where given) that covers the region, in a stable order."""
    if rule is not None and rule not in {known.id for known in load_rulebook().rules}:
        raise UnknownRuleError(rule)  # an empty page would look as if all was well
    run = require_run(session, as_of, region)
    found = queries.findings_page(
        session,
        run.id,
        rule_id=rule,
        region_code=region,
        verdict=verdict,
        state=state,
        bbox=bbox,
        updated_since=updated_since,
        after=after[0] if (after := page.key(int)) else None,
        limit=page.fetch,
    )
    shown = found[: page.limit]
    cursor = page.next_cursor(found, [shown[-1]["id"]] if shown else [])
    return answer([finding_out(row) for row in shown], form, cursor)
