"""Charts from the database: gathers what a chart shows and has it drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

import pandas as pd
from sqlalchemy.orm import Session

from api.catalogue import Catalogue
from api.comparisons import RankingOrder, Scope, assess_scope, compared_period, rank_in
from api.errors import NoLakeError, NotKnownError, NotRankableError, TooManyPeriodsError
from api.explaining import clause_text, rounded
from api.jobs import GROUPINGS, assess_period, assessment_settings, reading_columns, rules_in_use
from maps.charts import (
    BARS_MOST,
    HeatMap,
    HeatRow,
    MonthPoint,
    RankBar,
    Series,
    SeriesPoint,
    ShareBar,
    TrophicPoint,
    TrophicSeries,
    Words,
    draw_heatmap,
    draw_ranking,
    draw_series,
    draw_shares,
    draw_trophic,
)
from maps.rendering import Picture, render_html, render_png, render_svg
from models import queries
from spatial.assessment import AssessmentSettings, SectionAssessment, statutory_sections
from spatial.comparison_rules import load_comparison_rules
from spatial.errors import PeriodError
from spatial.explanation import decimal_of
from spatial.groups import assess_groups
from spatial.overlays import section_tables_in_force, standard_for
from spatial.parameters import Parameter, find_parameter
from spatial.period import Period, parse_period
from spatial.ranking import rank_values
from spatial.reading_use import REMOTE_SENSING, ReadingUse, sort_readings
from spatial.standards import Direction, Limit, Standard, load_evaluation_method
from spatial.vocabulary import WaterBodyType

FILES_NAMED = 3
PERIODS_MOST = 120
"""Most periods in one chart: ten years of months."""


class ChartForm(StrEnum):
    """Files that a chart can be."""

    SVG = "svg"
    PNG = "png"
    HTML = "html"


MEDIA_TYPES: Mapping[ChartForm, str] = {
    ChartForm.SVG: "image/svg+xml",
    ChartForm.PNG: "image/png",
    ChartForm.HTML: "text/html; charset=utf-8",
}
_RENDERERS: Mapping[ChartForm, Callable[[Picture], str | bytes]] = {
    ChartForm.SVG: render_svg,
    ChartForm.PNG: render_png,
    ChartForm.HTML: render_html,
}


def render(picture: Picture, form: ChartForm) -> bytes:
    """A picture as the bytes of a file."""
    drawn = _RENDERERS[form](picture)
    return drawn.encode("utf-8") if isinstance(drawn, str) else drawn


def words_of(catalogue: Catalogue) -> Words:
    """The catalogue as the charts take it."""
    return Words(catalogue.text, catalogue.language.value)


@dataclass(frozen=True)
class Span:
    """Beijing days from `start` to `end`, both included."""

    start: date
    end: date

    @property
    def period(self) -> Period:
        """The span as a range."""
        return parse_period(f"{self.start.isoformat()}/{self.end.isoformat()}")

    @property
    def months(self) -> list[Period]:
        """The calendar months that the span touches.

        Raises
        ------
        TooManyPeriodsError
            If they are too many for one chart.
        """
        found = [parse_period(f"{year:04d}-{month:02d}") for year, month in self.period.months]
        if len(found) > PERIODS_MOST:
            raise TooManyPeriodsError(len(found), PERIODS_MOST)
        return found


def make_span(start: date | None, end: date | None, today: date) -> Span:
    """A span of days; without an end up to today, without a start a year long.

    Raises
    ------
    PeriodError
        If it ends before it begins.
    """
    last = end or today
    first = start or (last - timedelta(days=364))
    if last < first:
        raise PeriodError(f"{first.isoformat()}/{last.isoformat()}")
    return Span(first, last)


# --- one section ---


def section_of(session: Session, code: str, day: date) -> dict[str, Any]:
    """The row of a section in force on a day.

    Raises
    ------
    NotKnownError
        If no section with this code was.
    """
    frame = queries.features_in_force(session, "sections", day, codes=[code])
    if frame.empty:
        raise NotKnownError("section", code)
    return {
        str(name): None if pd.api.types.is_scalar(cell) and pd.isna(cell) else cell
        for name, cell in zip(frame.columns, frame.iloc[0].tolist(), strict=True)
    }


def series_picture(
    session: Session,
    catalogue: Catalogue,
    code: str,
    parameter: str,
    span: Span,
    *,
    use_suspect: bool | None = None,
) -> Picture:
    """The readings of one parameter at one section over the class bands."""
    words, found = words_of(catalogue), find_parameter(parameter)
    section = section_of(session, code, span.end)
    settings = assessment_settings(rules_in_use(use_suspect))
    readings = queries.readings_between(
        session, span.period.starts_at, span.period.ends_before, section_codes=[code]
    )
    readings = readings[readings["parameter"] == found.code]
    uses = sort_readings(readings, code, span.period, settings)
    standard = standard_for(section["region_code"], span.end, basin=section["basin"])
    limit = limit_of(standard, section["water_body_type"], found.code)
    source = [
        *files_line(session, catalogue, (use.upload_id for use in uses)),
        *limit_lines(catalogue, found, limit, section["water_body_type"]),
    ]
    return draw_series(
        Series(
            section=section_heading(section),
            parameter=found,
            limit=limit,
            target_class=None if section["target_class"] is None else int(section["target_class"]),
            start=span.start,
            end=span.end,
            points=tuple(_point(use) for use in uses if _number(use) is not None),
            means=tuple(month_means(uses, settings)),
            source=tuple(source),
        ),
        words,
    )


def _number(use: ReadingUse) -> Any:
    return use.value if use.entering is None else use.entering


def _point(use: ReadingUse) -> SeriesPoint:
    if use.reason == REMOTE_SENSING:
        return SeriesPoint(use.sampled_at, _number(use), "derived")
    mark = "left_out" if not use.enters else "non_detect" if use.censored else "detected"
    return SeriesPoint(use.sampled_at, _number(use), mark)  # type: ignore[arg-type]


def month_means(uses: Sequence[ReadingUse], settings: AssessmentSettings) -> list[MonthPoint]:
    """The exact means of the readings that enter, by Beijing month."""
    share = settings.method.non_detect_share
    months: dict[tuple[int, int], list[Fraction]] = {}
    for use in uses:
        if use.enters:
            months.setdefault(use.month, []).append(use.amount(share))
    return [
        MonthPoint(year, month, sum(amounts, Fraction(0)) / len(amounts))
        for (year, month), amounts in sorted(months.items())
    ]


def limit_of(standard: Standard, water_body: str | None, parameter: str) -> Limit | None:
    """The class limits of a parameter; of a water of unknown type only where river and lake agree."""
    if water_body is not None:
        return standard.limits_for(water_body).get(parameter)
    river = standard.limits_for(WaterBodyType.RIVER).get(parameter)
    lake = standard.limits_for(WaterBodyType.LAKE).get(parameter)
    return river if river is not None and lake is not None and river.bounds == lake.bounds else None


def section_heading(section: Mapping[str, Any]) -> str:
    """Code, name and river of a section."""
    river = f" · {section['river']}" if section["river"] else ""
    return f"{section['code']} {section['name'] or ''}{river}".strip()


def files_line(session: Session, catalogue: Catalogue, uploads: Iterable[int | None]) -> list[str]:
    """One line that names the files behind a chart; none where there are none."""
    numbers = sorted({number for number in uploads if number is not None})
    if not numbers:
        return []
    records = [(number, queries.upload(session, number)) for number in numbers[:FILES_NAMED]]
    named = [
        catalogue.text("charts.source_file", file=record["file_name"], number=number)
        for number, record in records
        if record is not None
    ]
    files = catalogue.text("explain.separator").join(named)
    key = "charts.source_files" if len(numbers) <= FILES_NAMED else "charts.source_files_more"
    return [catalogue.text(key, files=files, count=len(numbers))]


def limit_lines(
    catalogue: Catalogue, parameter: Parameter, limit: Limit | None, water_body: str | None
) -> list[str]:
    """One line that says where the bands of a series come from."""
    del parameter
    if limit is None or limit.direction is Direction.CHANGE:
        return []
    clause = clause_text(catalogue, limit.source.as_json())
    water = catalogue.text(f"explain.water_{water_body or 'unknown'}")
    return [catalogue.text("charts.source_limit", clause=clause, water=water)]


def method_line(catalogue: Catalogue) -> str:
    """One line that names the method of an assessment."""
    method = load_evaluation_method()
    title = method.title_zh if catalogue.language.key == "zh" else method.title_en
    return catalogue.text("charts.source_method", document=method.document, title=title)


def trophic_picture(session: Session, catalogue: Catalogue, code: str, span: Span) -> Picture:
    """TLI(Σ) of a lake section, month by month.

    Raises
    ------
    NoLakeError
        If the section is not on a lake or reservoir: the index is made for those.
    """
    section = section_of(session, code, span.end)
    if section["water_body_type"] not in (WaterBodyType.LAKE, WaterBodyType.RESERVOIR):
        raise NoLakeError(code)
    points: list[TrophicPoint] = []
    uploads: set[int] = set()
    for month in span.months:
        sections = queries.features_in_force(session, "sections", month.end, codes=[code])
        for assessed in assess_period(session, sections, month, assessment_settings(rules_in_use())):
            index = assessed.trophic
            middle = datetime.combine(month.start, time()) + timedelta(days=month.days / 2)
            if assessed.parameters:
                points.append(TrophicPoint(month.text, middle, None if index is None else index.tli))
                uploads.update(assessed.upload_ids)
    source = load_evaluation_method().sources["trophic"]
    return draw_trophic(
        TrophicSeries(
            section=section_heading(section),
            start=span.start,
            end=span.end,
            points=tuple(points),
            source=(
                *files_line(session, catalogue, uploads),
                catalogue.text("charts.source_trophic", document=source.document, clause=source.clause),
            ),
        ),
        words_of(catalogue),
    )


# --- many sections ---


def heatmap_picture(session: Session, catalogue: Catalogue, span: Span, scope: Scope) -> Picture:
    """The class of every section of a scope, month by month; grouped by province where there are many."""
    months = span.months
    rows: dict[str, tuple[Mapping[Any, Any], dict[str, int | None]]] = {}
    for sections, part in months_by_sections(session, months, scope):
        heads = {str(head["code"]): head for head in sections.to_dict("records")}
        columns = reading_columns(session, sections, part[0].starts_at, part[-1].ends_before)
        settings = assessment_settings(rules_in_use(scope.use_suspect))
        table = section_tables_in_force(sections, columns, part, settings)
        cells = zip(table["section"], table["period"], table["samples"], table["class"], strict=True)
        for code, month, samples, water_class in cells:
            _, classes = rows.get(code, (heads[code], {}))
            rows[code] = (heads[code], classes)
            if samples:
                classes[month] = None if pd.isna(water_class) else int(water_class)
    uploads = queries.upload_ids_between(
        session, months[0].starts_at, months[-1].ends_before, section_codes=list(rows)
    )
    # By the region code, so that provinces and prefectures stand together; then by code.
    ordered = sorted(rows.values(), key=lambda entry: (entry[0]["region_code"] or "~", entry[0]["code"]))
    heat = HeatMap(
        title=catalogue.text("charts.heatmap_title", start=months[0].text, end=months[-1].text),
        periods=tuple(month.text for month in months),
        rows=tuple(
            HeatRow(f"{head['code']} {head['name'] or ''}".strip(), head["province"] or "—", classes)
            for head, classes in ordered
        ),
        source=(*files_line(session, catalogue, uploads), method_line(catalogue)),
    )
    return draw_heatmap(heat, words_of(catalogue))


def months_by_sections(
    session: Session, months: Sequence[Period], scope: Scope
) -> Iterator[tuple[pd.DataFrame, list[Period]]]:
    """The sections of a scope as they stood at the end of each month, with the months they stood so for."""
    kept: tuple[tuple[int, ...], pd.DataFrame, list[Period]] | None = None
    for month in months:
        frame = statutory_sections(
            queries.features_in_force(session, "sections", month.end, region_code=scope.region),
            assessment_settings(rules_in_use(scope.use_suspect)),
        )
        if scope.level is not None:
            frame = frame[frame["level"] == scope.level]
        versions = tuple(frame["version_id"])
        if kept is not None and kept[0] == versions:
            kept[2].append(month)
            continue
        if kept is not None and kept[0]:
            yield kept[1], kept[2]
        kept = (versions, frame, [month])
    if kept is not None and kept[0]:
        yield kept[1], kept[2]


def shares_picture(
    session: Session, catalogue: Catalogue, periods: Sequence[Period], by: str, scope: Scope
) -> Picture:
    """Shares of the classes by province, basin, river or lake, each period apart, or by period alone.

    Raises
    ------
    TooManyPeriodsError
        If there are too many periods for one chart, or none.
    """
    if not 0 < len(periods) <= PERIODS_MOST:
        raise TooManyPeriodsError(len(periods), PERIODS_MOST)
    bars: dict[str, list[ShareBar]] = {}
    uploads: set[int] = set()
    for period in periods:
        assessed = assess_scope(session, period, scope)
        uploads.update(number for found in assessed for number in found.upload_ids)
        if by == "period":
            bars[period.text] = [ShareBar(period.text, tally(assessed))]
            continue
        for group in assess_groups(assessed, by=GROUPINGS[by]):
            if by == "region" and group.code is not None and not group.code.endswith("0000"):
                continue  # regions are nested; the bars are the provinces
            name = group.name or group.code or catalogue.text("charts.unnamed_group")
            shown = f"{name} · {period.text}" if len(periods) > 1 else name
            counts = {key: int(count) for key, count in group.counts.items()}
            bars.setdefault(name, []).append(ShareBar(shown, counts))
    title = catalogue.text(
        "charts.shares_title_periods" if by == "period" else f"charts.shares_title_{by}",
        period=catalogue.text("explain.separator").join(period.text for period in periods),
    )
    source = (*files_line(session, catalogue, uploads), method_line(catalogue))
    every = [bar for group in bars.values() for bar in group]
    return draw_shares(every, words_of(catalogue), title=title, source=source, most=BARS_MOST)


def tally(assessed: Sequence[SectionAssessment]) -> dict[str, int]:
    """Sections by class, `none` for the undetermined."""
    counts = dict.fromkeys([*map(str, range(1, 7)), "none"], 0)
    for found in assessed:
        counts["none" if found.water_class is None else str(found.water_class)] += 1
    return counts


def ranking_picture(
    session: Session, catalogue: Catalogue, period: Period, parameter: str, scope: Scope, most: int
) -> Picture:
    """Sections by their mean of one parameter, the worst first: the largest, of oxygen the least.

    Raises
    ------
    NotRankableError
        If the parameter has no worse side, as pH: a range does not rank.
    """
    words, found = words_of(catalogue), find_parameter(parameter)
    assessed = assess_scope(session, period, scope)
    limits = standard_for(None, period.end).limits_for(WaterBodyType.RIVER)
    limit = limits.get(found.code)
    direction = Direction.AT_MOST if limit is None else limit.direction
    if direction in (Direction.WITHIN, Direction.CHANGE):
        raise NotRankableError(found.code)
    entries = [
        (section, entry)
        for section in assessed
        if section.representative and (entry := section.parameter(found.code)) is not None
    ]
    sign = 1 if direction is Direction.AT_LEAST else -1
    entries.sort(key=lambda pair: (sign * pair[1].mean, pair[0].code))
    places = rank_values([entry.mean for _, entry in entries], largest_first=sign < 0)
    bars = [
        RankBar(
            name=f"{section.code} {section.name or ''}".strip(),
            value=entry.mean,
            shown=rounded(decimal_of(entry.mean)[0], 4),
            water_class=entry.item.water_class,
            rank=place,
        )
        for (section, entry), place in zip(entries, places, strict=True)
    ]
    unit = words.unit(found.unit)
    name = words.parameter(found)
    uploads = {number for section, _ in entries for number in section.upload_ids}
    return draw_ranking(
        bars,
        words,
        title=catalogue.text(
            "charts.ranking_title_least" if sign > 0 else "charts.ranking_title_most",
            parameter=name,
            period=period.text,
        ),
        quantity=f"{name} ({unit})" if unit else name,
        source=(*files_line(session, catalogue, uploads), method_line(catalogue)),
        most=most,
        lines=[catalogue.text("charts.ranking_colour")],
    )


def index_picture(
    session: Session,
    catalogue: Catalogue,
    period: Period,
    order: RankingOrder,
    scope: Scope,
    most: int,
) -> Picture:
    """Cities, rivers or sections by water-quality index, the best first, or by flood-season intensity."""
    earlier = compared_period(period, "year")
    ranked = rank_in(session, order, period, earlier, scope)
    bars = [
        RankBar(
            name=row.name or row.code,
            value=row.value,
            shown=rounded(decimal_of(row.value)[0], 4),
            water_class=None,
            plain=True,
            rank=row.rank,
        )
        for row in ranked
        if row.value is not None and row.rank is not None
    ]
    left = len(ranked) - len(bars)
    sections = statutory_sections(
        queries.features_in_force(session, "sections", period.end, region_code=scope.region),
        assessment_settings(rules_in_use(scope.use_suspect)),
    )
    codes = list(sections["code"])
    uploads = queries.upload_ids_between(session, period.starts_at, period.ends_before, section_codes=codes)
    return draw_ranking(
        bars,
        words_of(catalogue),
        title=catalogue.text(f"charts.index_title_{order.what}", period=period.text),
        quantity=catalogue.text(f"charts.index_{order.what}"),
        source=(*files_line(session, catalogue, uploads), index_line(catalogue, order)),
        most=most,
        lines=[catalogue.text("charts.index_unranked", count=left)] if left else [],
    )


def index_line(catalogue: Catalogue, order: RankingOrder) -> str:
    """One line that says where an index comes from."""
    if order.what == "cwqi":
        source = load_comparison_rules().sources["city_index"]
        return catalogue.text("charts.source_trophic", document=source.document, clause=source.clause)
    source = load_evaluation_method().sources["flood_intensity"]
    return catalogue.text("charts.source_plain", document=source.document)
