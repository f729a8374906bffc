"""Errors as problem documents (RFC 9457). The one place where errors meet status codes.

Unexpected exceptions become a bare 500: their text goes to the log, never to the client.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from api import errors as api_errors
from api.web.dependencies import get_catalogue, get_settings
from api.wording import error_text
from ingest import errors as ingest_errors
from maps import errors as maps_errors
from models import errors as models_errors
from spatial import errors as spatial_errors

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"


class ProblemOut(BaseModel):
    """A problem document."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/not-found",
                    "title": "Nothing has this code",
                    "status": 404,
                    "detail": "no section has code 'S-404'",
                    "instance": "/api/v1/sections/S-404",
                }
            ]
        },
    )

    type: str = Field(description="stable name of the kind of problem")
    title: str = Field(description="the kind of problem in words")
    status: int
    detail: str = Field(description="what is wrong here")
    instance: str = Field(description="the address that was asked")


@dataclass(frozen=True, slots=True)
class Problem:
    """Status, stable type and title of one kind of error."""

    status: HTTPStatus
    name: str
    title: str

    @property
    def type(self) -> str:
        """The stable ``type`` of the problem document."""
        return TYPE_PREFIX + self.name


PROBLEMS: dict[type[Exception], Problem] = {
    api_errors.BadRequestError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "bad-parameter", "A parameter is wrong"
    ),
    api_errors.TooManyPeriodsError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "too-many-periods", "Too many periods for one chart"
    ),
    api_errors.NoLakeError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "no-lake", "The section is on no lake or reservoir"
    ),
    api_errors.NotRankableError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "not-rankable", "The parameter has no worse side"
    ),
    api_errors.NotKnownError: Problem(HTTPStatus.NOT_FOUND, "not-found", "Nothing has this code"),
    api_errors.ProvisionalSectionError: Problem(
        HTTPStatus.NOT_FOUND, "section-provisional", "Only readings are known of this section"
    ),
    api_errors.NoShorelinesError: Problem(HTTPStatus.NOT_FOUND, "no-shorelines", "No shoreline is there"),
    api_errors.RegionShapeError: Problem(
        HTTPStatus.NOT_FOUND, "no-region-shape", "The shape of the region is not known"
    ),
    api_errors.NoRunError: Problem(HTTPStatus.NOT_FOUND, "no-evaluation", "No evaluation is stored"),
    api_errors.WarningStateError: Problem(
        HTTPStatus.CONFLICT, "warning-state", "The warning does not stand so"
    ),
    api_errors.UnauthorisedError: Problem(HTTPStatus.UNAUTHORIZED, "key-needed", "A valid key is needed"),
    api_errors.ForbiddenError: Problem(HTTPStatus.FORBIDDEN, "forbidden", "The key may not do this"),
    api_errors.ApiError: Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "not-set-up", "The application is not complete"
    ),
    api_errors.UploadTooLargeError: Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "upload-too-large", "The file is too large"
    ),
    maps_errors.MapsError: Problem(HTTPStatus.CONFLICT, "map-not-drawable", "The map cannot be drawn"),
    spatial_errors.PeriodError: Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad-period", "Not a period"),
    ingest_errors.IngestError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-file", "The file cannot be used"
    ),
    spatial_errors.SpatialError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "bad-input", "The engine refused the input"
    ),
    models_errors.BadQueryError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "bad-query", "The question is wrong"
    ),
    models_errors.UnstorableError: Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "unstorable", "It cannot be stored"
    ),
    models_errors.ModelsError: Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", "The database is not ready"
    ),
}
"""Expected errors, the more special class found first along the class's own ancestry."""

BARE = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Something went wrong here; it is logged")


def problem_of(error: Exception) -> Problem | None:
    """The problem that stands for an error: that of its nearest listed ancestor."""
    return next((PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS), None)


def respond(
    request: Request,
    problem: Problem,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """A problem document as a response."""
    if problem.status is HTTPStatus.UNAUTHORIZED:
        headers = {"WWW-Authenticate": "Bearer"}
    body = {
        "type": problem.type,
        "title": problem.title,
        "status": int(problem.status),
        "detail": detail,
        "instance": request.url.path,
        **members,
    }
    return JSONResponse(body, status_code=int(problem.status), media_type=MEDIA_TYPE, headers=headers)


def _ours(request: Request, error: Exception) -> JSONResponse:
    problem = problem_of(error)
    if problem is None:
        return _unexpected(request, error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed", path=request.url.path, error=str(error))
        return respond(request, problem, problem.title)
    detail = error_text(get_catalogue(request, get_settings(request)), error)
    if isinstance(error, api_errors.BadRequestError):
        return respond(request, problem, detail, errors=[{"parameter": error.parameter, "message": detail}])
    return respond(request, problem, detail)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # the handler is registered for this class only
    faults = [
        {"parameter": ".".join(str(part) for part in fault["loc"][1:]), "message": fault["msg"]}
        for fault in error.errors()
    ]
    problem = PROBLEMS[api_errors.BadRequestError]
    detail = "; ".join(f"{fault['parameter']}: {fault['message']}" for fault in faults)
    return respond(request, problem, detail, errors=faults)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # the handler is registered for this class only
    status = HTTPStatus(error.status_code)
    problem = Problem(status, status.phrase.lower().replace(" ", "-"), status.phrase)
    return respond(request, problem, str(error.detail), error.headers)  # such as Allow with 405


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return respond(request, BARE, BARE.title)


class PlainText:
    """ASGI middleware: refuses NUL in an address, which no text of the database can hold."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if "\x00" in request.url.path or "\x00" in scope["path"]:
            problem = PROBLEMS[api_errors.NotKnownError]
            await respond(request, problem, "nothing has NUL in its code")(scope, receive, send)
            return
        for name, value in request.query_params.multi_items():
            if "\x00" in value:
                problem = PROBLEMS[api_errors.BadRequestError]
                answer = respond(request, problem, f"{name} {value!r}: expected a text without NUL")
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)


def register(app: FastAPI) -> None:
    """Install the handlers."""
    app.add_middleware(PlainText)
    for base in (
        api_errors.ApiError,
        ingest_errors.IngestError,
        maps_errors.MapsError,
        models_errors.ModelsError,
        spatial_errors.SpatialError,
    ):
        app.add_exception_handler(base, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def all_problems() -> Iterator[Problem]:
    """Every kind of problem, for the documentation page."""
    yield from PROBLEMS.values()
    yield BARE
