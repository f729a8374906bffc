"""What routes are handed: session, words, page, answer format."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from operator import itemgetter
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request
from fastapi.responses import Response
from pydantic import BeforeValidator
from sqlalchemy.orm import Session

from api.catalogue import Catalogue, Language
from api.errors import BadRequestError
from api.output import Row, to_csv, to_geojson, to_json
from api.settings import Settings

BEIJING = ZoneInfo("Asia/Shanghai")
GEOJSON = "application/geo+json"
YEARS = (1900, 2100)  # as files have them


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
    for tag in preferred(request.headers.get("accept-language", "")):
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


def iso_day(value: object) -> object:
    """A day as the contract writes it; a bare number is none (pydantic would count it from 1970).

    Raises
    ------
    ValueError
        If the text is no ISO date, or lies outside the years that files may have.
    """
    if not isinstance(value, str):
        return value
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise ValueError("expected a date such as 2024-01-01") from error
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise ValueError(f"expected a date in the years {YEARS[0]} to {YEARS[1]}")
    return day


def iso_instant(value: object) -> object:
    """An instant as ISO text; a bare number is none.

    Raises
    ------
    ValueError
        If the text is no ISO date and time.
    """
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("expected an instant such as 2024-01-01T08:00:00+08:00") from error


DayQuery = Annotated[date | None, BeforeValidator(iso_day)]
InstantQuery = Annotated[datetime | None, BeforeValidator(iso_instant)]
AsOfQuery = Annotated[DayQuery, Query(description="the day the answer speaks of; default: today")]
RegionQuery = Annotated[
    str | None,
    Query(
        description="GB/T 2260 code; everything below it is included",
        pattern=r"^([1-9][0-9](?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{3}){0,2})?)?|yangtze)$",
    ),
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
    """The format of the answer: the parameter, else the best liked known type of ``Accept``, else JSON."""
    if format is not None:
        return format
    wanted = (FORMATS[kind] for kind in preferred(request.headers.get("accept", "")) if kind in FORMATS)
    return next(wanted, AnswerFormat.JSON)


FORMATS = {
    "application/json": AnswerFormat.JSON,
    GEOJSON: AnswerFormat.GEOJSON,
    "text/csv": AnswerFormat.CSV,
}


def preferred(header: str) -> list[str]:
    """The values of an ``Accept…`` header in lower case, the best liked first; not those refused (q=0)."""
    ranked: list[tuple[float, str]] = []
    for part in header.split(","):
        value, *params = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for param in params:
            if param.startswith("q="):
                try:
                    weight = float(param.removeprefix("q="))
                except ValueError:
                    weight = 0.0
        if value and weight > 0:
            ranked.append((-weight, value))
    return [value for _, value in sorted(ranked, key=itemgetter(0))]


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

    def key(self, *types: type[str | int | datetime]) -> list[Any] | None:
        """The last key of the page before, of these types; None on the first page.

        Raises
        ------
        BadRequestError
            If the cursor holds something else: it is not from this list.
        """
        if self.after is None:
            return None
        if len(self.after) != len(types):
            raise _foreign_cursor(self.after)
        return [_key_part(self.after, part, wanted) for part, wanted in zip(self.after, types, strict=True)]

    def next_cursor(self, items: Sequence[object], key: list[Any]) -> str | None:
        """The cursor of the next page when one more item than the page holds was found."""
        return encode_cursor(key) if len(items) > self.limit else None


def _key_part(key: list[Any], part: object, wanted: type[str | int | datetime]) -> object:
    if wanted is int and type(part) is int and 0 <= part < 2**63:
        return part
    if wanted is str and isinstance(part, str) and storable(part):
        return part
    if wanted is datetime and isinstance(part, str):
        try:
            moment = datetime.fromisoformat(part)
        except ValueError as error:
            raise _foreign_cursor(key) from error
        if moment.tzinfo is not None:
            return moment
    raise _foreign_cursor(key)


def storable(text: str) -> bool:
    """Whether the database has room for a text: not for NUL, nor for half a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _foreign_cursor(key: list[Any]) -> BadRequestError:
    return BadRequestError("cursor", encode_cursor(key), "the `next` of an earlier page of this list")


def encode_cursor(key: list[Any]) -> str:
    """An opaque cursor from the last key of a page."""
    text = json.dumps(key, separators=(",", ":"), default=str)
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
    except (binascii.Error, ValueError, RecursionError) as error:
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
