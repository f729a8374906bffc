"""Sections, their readings and their assessment."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.errors import BadRequestError
from api.explaining import explain_in
from api.features import feature_rows, read_section_feature
from api.jobs import assess_period, assessment_settings, rules_in_use
from api.schemas import ItemPage, ReadingPage
from api.specific_items import section_rows
from api.versions import assessment_history
from api.web.dependencies import (
    BEIJING,
    AsOfQuery,
    BBoxDep,
    DayQuery,
    FormatDep,
    PageDep,
    RegionQuery,
    SessionDep,
    answer,
    today,
)
from api.web.problems import ProblemOut
from api.web.registers import register_page
from models import queries
from spatial.parameters import find_parameter
from spatial.period import parse_period

router = APIRouter(prefix="/sections", tags=["sections"])

CodePath = Annotated[str, Path(max_length=200)]
PeriodQuery = Annotated[str, Query(description="2025-06, 2025-Q2, 2025, 2025-flood or 2024-11-01/2025-02-28")]
SuspectQuery = Annotated[
    bool | None,
    Query(
        description="whether readings that quality control calls suspect enter; default: the rules' setting"
    ),
]
SpecificQuery = Annotated[
    bool | None,
    Query(description="also judge thallium and antimony against Table 3; default: the setting (off)"),
]
FOREVER = (date(1900, 1, 1), date(2200, 1, 1))


@router.get("", response_model=ItemPage, responses={422: {"model": ProblemOut}})
def list_sections(
    session: SessionDep,
    page: PageDep,
    form: FormatDep,
    bbox: BBoxDep,
    region: RegionQuery = None,
    as_of: AsOfQuery = None,
) -> Response:
    """Sections in force on a day, ordered by code; GeoJSON by `Accept` or `format=`."""
    return register_page(session, "sections", page, form, bbox=bbox, region=region, as_of=as_of)


@router.get("/{code:path}/readings", response_model=ReadingPage, responses={404: {"model": ProblemOut}})
def list_readings(
    session: SessionDep,
    code: CodePath,
    page: PageDep,
    form: FormatDep,
    parameter: Annotated[str | None, Query(description="only this parameter, such as tp")] = None,
    start: Annotated[DayQuery, Query(alias="from", description="first day (Beijing)")] = None,
    end: Annotated[DayQuery, Query(alias="to", description="last day (Beijing)")] = None,
) -> Response:
    """Readings of a section by time, then parameter."""
    after = page.key(datetime, str)
    found = queries.reading_page(
        session,
        code,
        start=midnight(start or FOREVER[0]),
        end=midnight((end or FOREVER[1]) + timedelta(days=1)),
        parameter=None if parameter is None else find_parameter(parameter).code,
        after=(after[0], after[1]) if after else None,
        limit=page.fetch,
    )
    rows = [{**row, "unit": find_parameter(row["parameter"]).unit} for row in feature_rows(found)]
    shown = rows[: page.limit]
    last = [shown[-1]["sampled_at"], shown[-1]["parameter"]] if shown else []
    return answer(shown, form, page.next_cursor(rows, last))


@router.get("/{code:path}/assessment", responses={404: {"model": ProblemOut}, 422: {"model": ProblemOut}})
def read_assessment(
    session: SessionDep,
    code: CodePath,
    period: PeriodQuery,
    explain: Annotated[
        bool, Query(description="the whole chain instead: readings, means, limits with clause, verdict")
    ] = False,
    history: Annotated[
        bool,
        Query(description="instead: every stored version, with who changed what and why"),
    ] = False,
    known_at: Annotated[
        datetime | None,
        Query(description="with `history`: only what was stored by this moment (Beijing time without zone)"),
    ] = None,
    use_suspect: SuspectQuery = None,
    specific_items: SpecificQuery = None,
) -> dict[str, Any]:
    """Class and verdict of one section over a period, with what decided it; `explain=true` tells why."""
    parsed = parse_period(period)
    if known_at is not None and not history:
        raise BadRequestError("known_at", known_at.isoformat(), "history=true beside it")
    if history:
        moment = known_at.replace(tzinfo=BEIJING) if known_at and known_at.tzinfo is None else known_at
        return assessment_history(session, code, parsed, known_at=moment)
    settings = assessment_settings(rules_in_use(use_suspect))
    read_section_feature(session, code, parsed.end)
    if explain:
        return explain_in(session, code, parsed, settings)
    sections = queries.features_in_force(session, "sections", parsed.end, codes=[code])
    assessed = assess_period(session, sections, parsed, settings)
    return section_rows(assessed, parsed.end, asked=specific_items)[0]


@router.get("/{code:path}", responses={404: {"model": ProblemOut}})
def read_section(session: SessionDep, code: CodePath, as_of: AsOfQuery = None) -> dict[str, Any]:
    """One section as it stood on a day, with the names and codes it had before."""
    return read_section_feature(session, code, as_of or today())


def midnight(day: date) -> datetime:
    """The first instant of a Beijing day."""
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)
