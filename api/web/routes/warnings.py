"""Warnings from readings: pages of them, one with all that happened to it, and what people do about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from api.alerts import list_warnings, read_warning, settle_warning
from api.keys import authenticate, require_upload
from api.schemas import WarningOut, WarningPage
from api.web.dependencies import FormatDep, InstantQuery, PageDep, RegionQuery, SessionDep, answer, today
from api.web.problems import ProblemOut
from spatial.period import BEIJING
from spatial.vocabulary import AlertSeverity, AlertState

router = APIRouter(prefix="/warnings", tags=["warnings"])


WarningId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="the `id` of a warning")]
KnownAtQuery = Annotated[
    InstantQuery, Query(description="as they stood at this instant (with offset); default: now")
]
NoteText = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^[^\x00]*$")]


class WarningNote(BaseModel):
    """Why, or what was done."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "已派员现场核查"}]})

    note: NoteText | None = Field(default=None, description="why, or what was done")


def acting_key(
    request: Request, authorization: Annotated[str | None, Header(description="Bearer key")] = None
) -> str:
    """Who acts: the name of a key that may upload, or its first letters."""
    with Session(request.app.state.engine()) as session:
        key = authenticate(session, authorization)
        require_upload(key)
        return (key.name or "").strip() or key.prefix


ActorDep = Annotated[str, Depends(acting_key)]


def aware(moment: datetime | None) -> datetime | None:
    """A moment with its offset; one without is Beijing time."""
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=BEIJING)


@router.get("", response_model=WarningPage, responses={422: {"model": ProblemOut}})
def list_page(
    session: SessionDep,
    page: PageDep,
    form: FormatDep,
    region: RegionQuery = None,
    section: Annotated[str | None, Query(max_length=200, description="only this section")] = None,
    severity: Annotated[list[AlertSeverity] | None, Query(description="only of these; repeatable")] = None,
    state: Annotated[
        list[AlertState] | None,
        Query(description="only in these states; repeatable; default: all but withdrawn ones"),
    ] = None,
    since: Annotated[InstantQuery, Query(description="only with a reading since this instant")] = None,
    known_at: KnownAtQuery = None,
) -> Response:
    """Warnings, those that began last first."""
    after = page.key(datetime, str)
    rows = list_warnings(
        session,
        as_of=today(),
        region_code=region,
        section=section,
        severities=severity or None,
        states=state or None,
        since=aware(since),
        known_at=aware(known_at),
        after=None if after is None else (after[0], after[1]),
        limit=page.fetch,
    )
    shown = rows[: page.limit]
    cursor = page.next_cursor(rows, [shown[-1]["started_at"], shown[-1]["id"]] if shown else [])
    return answer(shown, form, cursor)


@router.get(
    "/{warning_id}",
    response_model=WarningOut,
    responses={404: {"model": ProblemOut}, 422: {"model": ProblemOut}},
)
def read_one(session: SessionDep, warning_id: WarningId, known_at: KnownAtQuery = None) -> dict[str, Any]:
    """One warning: rule, threshold, the readings behind it, and everything that happened to it."""
    return read_warning(session, warning_id, today(), known_at=aware(known_at))


WRITE_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut} for status in (401, 403, 404, 409, 422)
}


@router.post("/{warning_id}/acknowledge", response_model=WarningOut, responses=WRITE_RESPONSES)
def acknowledge(
    session: SessionDep, actor: ActorDep, warning_id: WarningId, said: WarningNote | None = None
) -> dict[str, Any]:
    """Say that somebody has taken an open warning up."""
    return _settled(session, warning_id, "acknowledge", actor, said)


@router.post("/{warning_id}/close", response_model=WarningOut, responses=WRITE_RESPONSES)
def close(
    session: SessionDep, actor: ActorDep, warning_id: WarningId, said: WarningNote | None = None
) -> dict[str, Any]:
    """Close an open or acknowledged warning; it opens again by itself where its readings go on."""
    return _settled(session, warning_id, "close", actor, said)


def _settled(
    session: Session, warning_id: str, event: str, actor: str, said: WarningNote | None
) -> dict[str, Any]:
    note = None if said is None or said.note is None else said.note.strip() or None
    settle_warning(session, warning_id, event, actor=actor, note=note)
    return read_warning(session, warning_id, today())
