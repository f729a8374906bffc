"""What routes are handed: session, words, page, answer format."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from api.catalogue import Catalogue, Language
from api.errors import BadRequestError
from api.output import Row, to_csv, to_geojson, to_json
from api.settings import Settings

BEIJING = ZoneInfo("Asia/Shanghai")
GEOJSON = "application/geo+json"


def get_settings(request: Request) -> Settings:
    """The application's settings."""
    found = request.app.state.settings
    assert isinstance(found, Settings)  # noqa: S101  # set by create_app
    return found


def get_session(request: Request) -> Iterator[Session]:
    """One transaction for each request: commit on success, else roll back."""
    with Session(request.app.state.engine()) as session, session.begin():
        yield session


def get_catalogue(request: Request, settings: Annotated[Settings, Depends(get_settings)]) -> Catalogue:
    """The catalogue in the language that the client prefers (`Accept-Language`), else the configured one."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, tag.lower()))
        except ValueError:
            continue
    for _, _, tag in sorted(ranked):
        for language in Language:
            if tag.split("-")[0] == language.split("-")[0]:
                return Catalogue(language)
    return Catalogue(settings.language)


SettingsDep = Annotated[Settings, Depends(get_settings)]
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
CatalogueDep = Annotated[Catalogue, Depends(get_catalogue)]


def today() -> date:
    """Today in Beijing."""
    return datetime.now(BEIJING).date()


AsOfQuery = Annotated[date | None, Query(description="the day the answer speaks of; default: today")]
RegionQuery = Annotated[
    str | None,
    Query(description="GB/T 2260 code; everything below it is included", pattern=r"^(\d{2,12}|yangtze)$"),
]


class AnswerFormat(StrEnum):
    """Formats of a list."""

    JSON = "json"
    GEOJSON = "geojson"
    CSV = "csv"


def get_format(
    request: Request,
    format: Annotated[  # noqa: A002  # the contract's name
        AnswerFormat | None, Query(description="json, geojson or csv; else by `Accept`")
    ] = None,
) -> AnswerFormat:
    """The format of the answer: the parameter, else the first known type of ``Accept``, else JSON."""
    if format is not None:
        return format
    for part in request.headers.get("accept", "").split(","):
        match part.partition(";")[0].strip():
            case "application/geo+json":
                return AnswerFormat.GEOJSON
            case "text/csv":
                return AnswerFormat.CSV
            case "application/json":
                return AnswerFormat.JSON
    return AnswerFormat.JSON


FormatDep = Annotated[AnswerFormat, Depends(get_format)]


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page starts (the last key of the page before) and how many items it may hold."""

    after: list[Any] | None
    limit: int

    @property
    def fetch(self) -> int:
        """One more than the page holds: whether there is a next page is seen without counting."""
        return self.limit + 1

    def next_cursor(self, items: Sequence[object], key: list[Any]) -> str | None:
        """The cursor of the next page when one more item than the page holds was found."""
        return encode_cursor(key) if len(items) > self.limit else None


def encode_cursor(key: list[Any]) -> str:
    """An opaque cursor from the last key of a page."""
    text = json.dumps(key, ensure_ascii=False, separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> list[Any]:
    """The key inside a cursor.

    Raises
    ------
    BadRequestError
        If the text is no cursor of ours.
    """
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise BadRequestError("cursor", cursor, "the `next` of an earlier page") from error
    if not isinstance(key, list):
        raise BadRequestError("cursor", cursor, "the `next` of an earlier page")
    return key


def get_page(
    settings: SettingsDep,
    cursor: Annotated[str | None, Query(description="the `next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, description="most items on the page")] = 100,
) -> Page:
    """The asked page, bounded by the settings."""
    return Page(decode_cursor(cursor) if cursor else None, min(limit, settings.page_size_max))


PageDep = Annotated[Page, Depends(get_page)]


def get_bbox(
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees (EPSG:4490)")] = None,
) -> tuple[float, float, float, float] | None:
    """The asked box.

    Raises
    ------
    BadRequestError
        If it is not four numbers that rise.
    """
    if bbox is None:
        return None
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError as error:
        raise BadRequestError("bbox", bbox, "west,south,east,north") from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise BadRequestError("bbox", bbox, "west < east and south < north, in degrees")
    return west, south, east, north


BBoxDep = Annotated[tuple[float, float, float, float] | None, Depends(get_bbox)]


def answer(rows: Sequence[Row], form: AnswerFormat, next_cursor: str | None) -> Response:
    """A page in the asked format; the cursor also travels in a `Link` header, for CSV."""
    headers = {"X-Next-Cursor": next_cursor} if next_cursor else None
    if form is AnswerFormat.GEOJSON:
        return Response(to_json(to_geojson(rows, next=next_cursor)), media_type=GEOJSON, headers=headers)
    if form is AnswerFormat.CSV:
        return Response(to_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(
        to_json({"items": list(rows), "next": next_cursor}), media_type="application/json", headers=headers
    )
