"""The jobs that join the rooms: frames from ``models``, verdicts from ``spatial``, findings back.

Each job takes the date it speaks of; none reads a clock to decide anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import geopandas as gpd
import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.settings import Settings
from models import cluster, database, queries, streaming
from spatial.assessment import AssessmentSettings, SectionAssessment, statutory_sections
from spatial.columns import ReadingColumns
from spatial.distance import measure_distances, shorelines_in_force
from spatial.evaluators import Facts, evaluate_rules, required_periods
from spatial.groups import GroupAssessment, GroupBy, assess_groups
from spatial.margins import ShorelineClasses
from spatial.overlays import assess_periods_in_force, edition_for_groups
from spatial.period import Period, parse_period
from spatial.rulebook import SUSPECT_READINGS, YANGTZE, Rulebook, load_rulebook
from spatial.scoreboard import TargetScore, score_targets
from spatial.settings import REMOTE_SENSING_READINGS
from spatial.vocabulary import Rank

FACILITY_KINDS = {
    "outfalls": "outfall",
    "tailings_ponds": "tailings_pond",
    "chemical_sites": "chemical_site",
    "water_sources": "water_source",
}
ONLY: Mapping[str, Mapping[str, object]] = {"water_sources": {"zone_grade": 0}}
"""A source has a row of its own (grade 0) beside those of its protection zones."""
GROUPINGS: Mapping[str, GroupBy] = {
    "river": "river",
    "lake": "lake",
    "basin": "basin",
    "region": "region",
    "nation": "nation",
}
MEASURED_KINDS = ("tailings_ponds", "chemical_sites")
"""Facilities that rules judge by their distance to shorelines."""
JUDGED_KINDS = (*MEASURED_KINDS, "outfalls", "sites")
"""Kinds of which a rule judges single objects: those that no region code places come along."""
REGISTER_KINDS = (*FACILITY_KINDS, "sites", "section_targets", "indicators")


def open_database(settings: Settings) -> Engine:
    """The configured database, or the embedded cluster started on demand; migrated to this version."""
    url = settings.database_url or cluster.ensure_cluster(settings.home)
    engine = database.create_database_engine(url)
    database.migrate(engine)
    return engine


def gather_facts(session: Session, rulebook: Rulebook, as_of: date, region: str | None) -> Facts:
    """Everything the rules look at, as it stood on a date.

    Facilities carry their shoreline distances; sections are assessed over the periods that the rules need.
    What a rule judges and no region code places may lie in the region: it comes along, and the rules say what
    follows.
    """

    def register(kind: str) -> gpd.GeoDataFrame:
        return queries.features_in_force(session, kind, as_of, region_code=region, where=ONLY.get(kind))

    def judged(kind: str) -> gpd.GeoDataFrame:
        placed = register(kind)
        if region is None or region == YANGTZE:
            return placed
        unplaced = queries.features_in_force(session, kind, as_of, where={"region_code": None})
        parts = [frame for frame in (placed, unplaced) if not frame.empty]
        return pd.concat(parts, ignore_index=True) if parts else placed

    sections = statutory_sections(judged("sections"), assessment_settings(rulebook))
    shorelines = shorelines_in_force(queries.features_in_force(session, "shorelines", as_of), as_of)
    registers = {kind: judged(kind) if kind in JUDGED_KINDS else register(kind) for kind in REGISTER_KINDS}
    for kind in MEASURED_KINDS:
        registers[kind] = with_distances(registers[kind], shorelines)

    def distances_to(kind: str, water_body_codes: Sequence[str]) -> pd.DataFrame:
        chosen = shorelines[shorelines["water_body_code"].isin(list(water_body_codes))]
        return measure_distances(registers[kind], chosen)

    classes = ShorelineClasses.under(rulebook, shorelines)

    def lines_to(kind: str, rank: Rank, water_body_codes: Sequence[str] | None) -> pd.DataFrame:
        facilities = registers[kind]
        measured = facilities if water_body_codes is None else distances_to(kind, water_body_codes)
        return classes.measure(facilities, measured, rank, water_body_codes)

    return Facts(
        as_of=as_of,
        region_code=region,
        sections=sections,
        **registers,
        protection_zones=protection_zones(session, as_of),
        water_bodies=queries.features_in_force(session, "water_bodies", as_of),
        shorelines=shorelines,
        assessments={
            text: assess_period(session, sections, parse_period(text), assessment_settings(rulebook))
            for text in required_periods(rulebook, as_of)
        },
        distances_to=distances_to,
        lines_to=lines_to,
    )


def protection_zones(session: Session, as_of: date) -> gpd.GeoDataFrame:
    """Polygons of the protection zones in force on a date, wherever they are: zones cross borders."""
    known = queries.features_in_force(session, "water_sources", as_of)
    return known[known["zone_grade"] > 0].reset_index(drop=True)


def with_distances(facilities: gpd.GeoDataFrame, shorelines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Facilities with their distance columns, in the same order."""
    measured = measure_distances(facilities, shorelines)
    columns = [column for column in measured.columns if column != "code"]
    return facilities.assign(**{column: measured[column].to_numpy() for column in columns})


def rules_in_use(use_suspect: bool | None = None) -> Rulebook:
    """The rule book, with its dated setting for suspect readings, or (not None) with the caller's."""
    rulebook = load_rulebook()
    if use_suspect is None:
        return rulebook
    return rulebook.with_settings(**{SUSPECT_READINGS: "use" if use_suspect else "leave_out"})


def assessment_settings(rulebook: Rulebook) -> AssessmentSettings:
    """The settings of an assessment under a rule book."""
    return AssessmentSettings(
        use_suspect=rulebook.choice(SUSPECT_READINGS) == "use",
        use_remote_sensing=rulebook.choice(REMOTE_SENSING_READINGS) == "use",
    )


def assess_period(
    session: Session, sections: pd.DataFrame, period: Period, settings: AssessmentSettings | None = None
) -> list[SectionAssessment]:
    """Assess sections over one period from the readings in the database, by the limits in force there.

    Without `settings` by those of the rule book.
    """
    settings = settings or assessment_settings(load_rulebook())
    ((_, found),) = assess_periods(session, sections, [period], settings)
    return found


def assess_periods(
    session: Session,
    sections: pd.DataFrame,
    periods: Sequence[Period],
    settings: AssessmentSettings,
    *,
    known_at: datetime | None = None,
    only: Mapping[str, Collection[str]] | None = None,
) -> Iterator[tuple[Period, list[SectionAssessment]]]:
    """Assess sections over several periods in one pass over the readings from the first to the last of them.

    `known_at` as in `reading_columns`, `only` as in `assess_periods_in_force`.
    """
    start = min(period.starts_at for period in periods)
    end = max(period.ends_before for period in periods)
    columns = reading_columns(session, sections, start, end, known_at=known_at)
    return assess_periods_in_force(sections, columns, periods, settings, only=only)


def reading_columns(
    session: Session,
    sections: pd.DataFrame,
    start: datetime,
    end: datetime,
    *,
    known_at: datetime | None = None,
) -> Iterator[ReadingColumns]:
    """The readings of sections in [start, end), as the engine computes with them, piece by piece.

    `known_at` leaves out what was recorded later.
    """
    codes = [str(code) for code in sections["code"]]
    for batch in streaming.stream_readings(session, start, end, section_codes=codes, known_at=known_at):
        yield ReadingColumns.from_arrow(batch)


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation gave: findings and scores in the shapes of the contracts."""

    run_id: int
    as_of: date
    region: str | None
    findings: list[dict[str, Any]]
    scores: list[dict[str, Any]]


def run_evaluation(
    engine: Engine,
    as_of: date,
    *,
    region: str | None = None,
    rule_ids: Sequence[str] | None = None,
    use_suspect: bool | None = None,
) -> Evaluation:
    """Run the rules as of a date, store the run, and return findings with the scoreboard.

    `use_suspect` settles otherwise than the rule book whether suspect readings enter; the run then has the
    hash of the rule book so changed.

    The same data, rules and date give the same findings byte for byte: order, identity and ``first_seen``
    rest on stored facts, not on the clock.
    """
    rulebook = rules_in_use(use_suspect)
    started = datetime.now(UTC)
    with Session(engine) as session, session.begin():
        facts = gather_facts(session, rulebook, as_of, region)
        findings = evaluate_rules(rulebook, facts, rule_ids=rule_ids)
        scores = score_targets(rulebook, facts, findings) if rule_ids is None else []
        queries.record_rule_set(session, rulebook.rule_set_hash, rulebook.content())
        run_id = queries.store_run(
            session,
            queries.RunRecord(
                as_of=as_of,
                region_code=region,
                rule_ids=list(rule_ids) if rule_ids else None,
                rule_set_hash=rulebook.rule_set_hash,
                data_hash=queries.data_hash(session, as_of),
                started_at=started,
                finished_at=datetime.now(UTC),
            ),
            [finding.as_json() for finding in findings],
        )
        seen = queries.first_seen(session, run_id)
    return Evaluation(
        run_id=run_id,
        as_of=as_of,
        region=region,
        findings=[finding.as_json(first_seen=seen[finding.finding_key]) for finding in findings],
        scores=[score.as_json() for score in scores],
    )


def evaluate(
    engine: Engine, as_of: date, *, region: str | None = None, rule_ids: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """The findings of :func:`run_evaluation`."""
    return run_evaluation(engine, as_of, region=region, rule_ids=rule_ids).findings


def score(engine: Engine, as_of: date, *, region: str | None = None) -> list[TargetScore]:
    """Every target of the plans as of a date; nothing is stored."""
    with Session(engine) as session:
        return score_in(session, as_of, region)


def score_in(session: Session, as_of: date, region: str | None) -> list[TargetScore]:
    """:func:`score` inside a session."""
    rulebook = load_rulebook()
    facts = gather_facts(session, rulebook, as_of, region)
    return score_targets(rulebook, facts, evaluate_rules(rulebook, facts))


def assess(
    engine: Engine,
    period: Period,
    by: str,
    *,
    region: str | None = None,
    level: str | None = None,
    by_length: bool = False,
    use_suspect: bool | None = None,
) -> Sequence[SectionAssessment | GroupAssessment]:
    """Water-quality assessment of a period by section, river, lake, basin, region or nation.

    Only sections of one `level` enter where it is given. `by_length` adds to groups their shares by the river
    length that each section stands for. Suspect readings enter by the dated setting of the rules, or as
    `use_suspect` says.
    """
    with Session(engine) as session:
        return assess_in(
            session, period, by, region=region, level=level, by_length=by_length, use_suspect=use_suspect
        )


def assess_in(
    session: Session,
    period: Period,
    by: str,
    *,
    region: str | None = None,
    level: str | None = None,
    by_length: bool = False,
    use_suspect: bool | None = None,
) -> Sequence[SectionAssessment | GroupAssessment]:
    """:func:`assess` inside a session. Sections are taken as they stood on the last day of the period."""
    sections, assessed = assess_region(session, period, region, use_suspect=use_suspect)
    if by == "section":
        return of_level(assessed, level)
    return assess_groups(
        assessed,
        by=GROUPINGS[by],
        section_level=level,
        lengths_km=river_lengths(sections) if by_length else None,
        standard=edition_for_groups(period.end),
    )


def assess_region(
    session: Session, period: Period, region: str | None, *, use_suspect: bool | None = None
) -> tuple[pd.DataFrame, list[SectionAssessment]]:
    """The sections of a region as they stood on the last day of a period, and what they are assessed as."""
    settings = assessment_settings(rules_in_use(use_suspect))
    sections = statutory_sections(
        queries.features_in_force(session, "sections", period.end, region_code=region), settings
    )
    return sections, assess_period(session, sections, period, settings)


def of_level(assessed: Sequence[SectionAssessment], level: str | None) -> list[SectionAssessment]:
    """Those of one network of sections; without a level all."""
    return [found for found in assessed if level is None or found.section_level == level]


def river_lengths(sections: pd.DataFrame) -> dict[str, Decimal]:
    """Kilometres of river that each section stands for, where that is known."""
    known = sections[sections["river_length_km"].notna()]
    return dict(zip(known["code"].tolist(), known["river_length_km"].tolist(), strict=True))
