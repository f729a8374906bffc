"""Drinking-water sources: frames from ``models``, verdicts and shares from ``spatial``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.errors import NotKnownError
from api.jobs import ONLY, assessment_settings, reading_columns
from models import queries
from models.sections import section_aliases
from spatial.assessment import assess_columns, statutory_sections
from spatial.classification import list_cells
from spatial.errors import StandardNotInForceError
from spatial.overlays import StandardBook, load_standards
from spatial.period import Period
from spatial.rulebook import load_rulebook
from spatial.source_water import SourceAssessment, WaterSource, assess_source, months_of
from spatial.standards import Standard

SEPARATORS = re.compile(r"[;；、,，\s]+")


def assess_sources(
    engine: Engine, period: Period, *, region: str | None = None, level: str | None = None
) -> list[SourceAssessment]:
    """Judge the drinking-water sources of a region, or of one level, over a period."""
    with Session(engine) as session:
        return assess_sources_in(session, period, region=region, level=level)


def assess_sources_in(
    session: Session,
    period: Period,
    *,
    region: str | None = None,
    level: str | None = None,
    codes: Sequence[str] | None = None,
) -> list[SourceAssessment]:
    """:func:`assess_sources` inside a session, by code; `codes` narrows to some.

    Sources and sections are taken as they stood on the last day of the period, limits as they were in force.
    """
    frame = queries.features_in_force(
        session, "water_sources", period.end, region_code=region, codes=codes, where=ONLY["water_sources"]
    )
    sources = [one for one in read_sources(frame) if level is None or one.level == level]
    sources, sections = with_sections(session, sources, period.end)
    readings = reading_columns(session, sections, period.starts_at, period.ends_before)
    settings = assessment_settings(load_rulebook())
    months = months_of(period)
    tables = assess_columns(sections, readings, months, settings=settings)
    known = set(tables.codes)
    basins = dict(zip(sections["code"], list_cells(sections["basin"]), strict=True))
    book = load_standards()
    return [
        assess_source(
            source,
            [
                tables.assessment(code, month)
                for code in source.section_codes
                if code in known
                for month in months
            ],
            period,
            standard_of(book, source, basins, period.end),
        )
        for source in sources
    ]


def with_sections(
    session: Session, sources: list[WaterSource], day: date
) -> tuple[list[WaterSource], pd.DataFrame]:
    """The sections that watch the sources on a day; a former code of one section stands for its present one.

    A code that several sections had before, or none, stays as it is: the source is then undetermined.
    """

    def in_force(found: Sequence[WaterSource]) -> Any:
        watched = sorted({code for source in found for code in source.section_codes})
        sections = queries.features_in_force(session, "sections", day, codes=watched)
        return statutory_sections(sections, assessment_settings(load_rulebook()))

    sections = in_force(sources)
    known = set(sections["code"])
    strangers = {code for source in sources for code in source.section_codes} - known
    if not strangers:
        return sources, sections
    claims: dict[str, list[str]] = {}
    for code, aliases in section_aliases(session).items():
        for former in strangers.intersection(aliases.codes):
            claims.setdefault(former, []).append(code)
    present = {former: codes[0] for former, codes in claims.items() if len(codes) == 1}
    renamed = [
        replace(
            source,
            section_codes=tuple(dict.fromkeys(present.get(code, code) for code in source.section_codes)),
        )
        for source in sources
    ]
    return renamed, in_force(renamed)


def assess_source_in(session: Session, code: str, period: Period) -> SourceAssessment:
    """Judge one source over a period.

    Raises
    ------
    NotKnownError
        If no source has this code on the last day of the period.
    """
    found = assess_sources_in(session, period, codes=[code])
    if not found:
        raise NotKnownError("water_source", code)
    return found[0]


def standard_of(book: StandardBook, source: WaterSource, basins: dict[str, object], day: date) -> Standard:
    """The limits in force for a source; before the first edition that edition, which then judges nothing."""
    basin = next((basins[code] for code in source.section_codes if basins.get(code) is not None), None)
    try:
        return book.standard_for(source.region_code, day, basin=None if basin is None else str(basin))
    except StandardNotInForceError:
        return book.editions[0]


def read_sources(frame: pd.DataFrame) -> list[WaterSource]:
    """Sources from their register, by code. Several sections stand in one cell, apart by ``;`` or ``、``."""
    columns = {
        name: list_cells(frame[name])
        for name in ("code", "name", "level", "kind", "region_code", "section_code", "annual_volume_m3")
    }
    found = [
        WaterSource(
            code=str(columns["code"][row]),
            name=_text(columns["name"][row]),
            level=_text(columns["level"][row]),
            kind=_text(columns["kind"][row]),
            region_code=_text(columns["region_code"][row]),
            section_codes=split_codes(columns["section_code"][row]),
            annual_volume=_decimal(columns["annual_volume_m3"][row]),
        )
        for row in range(len(frame))
    ]
    return sorted(found, key=lambda source: source.code)


def split_codes(cell: object) -> tuple[str, ...]:
    """The section codes of one cell, each once, in the order written."""
    if cell is None:
        return ()
    return tuple(dict.fromkeys(code for code in SEPARATORS.split(str(cell)) if code))


def _decimal(cell: object) -> Decimal | None:
    return cell if isinstance(cell, Decimal) else None


def _text(cell: object) -> str | None:
    return None if cell is None else str(cell)
