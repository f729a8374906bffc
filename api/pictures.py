"""Maps from the database: gathers the layers as they stood on a date and has them drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.catalogue import Catalogue
from api.errors import BadRequestError, NotKnownError
from api.jobs import FACILITY_KINDS, JUDGED_KINDS, assess_period, gather_facts, with_distances
from api.settings import Settings
from maps.layers import MapLayers
from maps.page import Tiles, draw_buffers, draw_facility, draw_map, draw_section_classes
from models import queries
from spatial.evaluators import evaluate_rules
from spatial.facts import AssessedSection, Facts
from spatial.period import parse_period
from spatial.rulebook import YANGTZE, load_rulebook
from spatial.vocabulary import Rank
from spatial.zones import buffer_zones

SUBJECTS = ("overview", "buffers", "sections", "facility")
SEVERITY = ("violation", "undetermined", "compliant")


def draw(
    engine: Engine,
    settings: Settings,
    catalogue: Catalogue,
    subject: str,
    as_of: date,
    *,
    region: str | None = None,
    code: str | None = None,
    assets: Literal["inline", "linked"] = "inline",
) -> str:
    """Draw a map as one HTML page.

    Parameters
    ----------
    subject : {"overview", "buffers", "sections", "facility"}
        What the picture is about; ``facility`` needs `code`.
    as_of : date
        Registers, shorelines and rules as they stood on that day; sections by the last complete year.

    Raises
    ------
    BadRequestError
        If the subject is unknown.
    NotKnownError
        If no facility has the code.
    """
    layers = gather_layers(engine, as_of, region)
    tiles = Tiles(settings.tiles_url, settings.tiles_attribution) if settings.tiles_url else None
    if subject == "facility":
        if layers.facilities is None or code not in set(layers.facilities["code"]):
            raise NotKnownError("facility", str(code))
        return draw_facility(layers, str(code), text=catalogue.text, tiles=tiles, assets=assets)
    painters = {"overview": draw_map, "buffers": draw_buffers, "sections": draw_section_classes}
    if subject not in painters:
        raise BadRequestError("map", subject, ", ".join(SUBJECTS))
    return painters[subject](layers, text=catalogue.text, tiles=tiles, assets=assets)


def gather_layers(engine: Engine, as_of: date, region: str | None) -> MapLayers:
    """Every layer of the maps as it stood on a day; the rules are run, and nothing is stored."""
    rulebook = load_rulebook()
    with Session(engine) as session:
        facts = gather_facts(session, rulebook, as_of, region)
        findings = [finding.as_json() for finding in evaluate_rules(rulebook, facts)]
        shorelines = name_waters(facts.shorelines, facts.water_bodies)
        rivers = queries.features_in_force(session, "rivers", as_of)
        year = str(as_of.year - 1)
        shown = facts if region in (None, YANGTZE) else only_placed(facts)
        # The rules have mostly asked for that year already.
        assessed = facts.assessments.get(year) or assess_period(session, shown.sections, parse_period(year))
    return MapLayers(
        as_of=as_of,
        shorelines=shorelines,
        zones=zones_with_a_clause(shorelines),
        facilities=facility_layer(shown, shorelines, findings),
        sections=section_layer(shown.sections, assessed),
        rivers=rivers,
        sources=tuple(sorted({str(source) for source in shorelines["source"].dropna()})),
    )


def only_placed(facts: Facts) -> Facts:
    """Facts without what no region code places: on the picture of one region it has no place."""
    return replace(
        facts,
        **{
            kind: frame[frame["region_code"].notna()]
            for kind in (*JUDGED_KINDS, "sections")
            for frame in [getattr(facts, kind)]
        },
    )


def name_waters(shorelines: gpd.GeoDataFrame, water_bodies: pd.DataFrame) -> gpd.GeoDataFrame:
    """Shorelines with the name of their water body: one river may have many named stretches."""
    names = dict(zip(water_bodies["code"], water_bodies["name"], strict=True))
    return shorelines.assign(water_body_name=shorelines["water_body_code"].map(names))


def zones_with_a_clause(shorelines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The zones that the law knows: 3 km along the mainstem, 1 km along everything; others are not drawn."""
    mainstem = shorelines["rank"] == Rank.MAINSTEM
    drawn = [buffer_zones(shorelines[mainstem]), buffer_zones(shorelines[~mainstem], [1_000])]
    return gpd.GeoDataFrame(pd.concat(drawn, ignore_index=True), crs=4490)


def facility_layer(
    facts: Facts, shorelines: gpd.GeoDataFrame, findings: Sequence[Mapping[str, Any]]
) -> gpd.GeoDataFrame:
    """Facilities of every kind in one frame: worst verdict, findings, distances."""
    by_subject: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for finding in findings:
        by_subject[finding["subject_kind"], finding["subject_code"]].append(finding)
    frames = []
    for kind, subject_kind in FACILITY_KINDS.items():
        frame = getattr(facts, kind)
        if frame.empty:
            continue
        if "mainstem_distance_m" not in frame:
            frame = with_distances(frame, shorelines)
        own = [by_subject[subject_kind, str(code)] for code in frame["code"]]
        frames.append(
            frame.assign(kind=subject_kind, findings=own, verdict=[worst_verdict(each) for each in own])
        )
    if not frames:
        return gpd.GeoDataFrame(geometry=[], crs=4490)
    shared = [column for column in frames[0].columns if all(column in frame for frame in frames)]
    return gpd.GeoDataFrame(pd.concat([frame[shared] for frame in frames], ignore_index=True), crs=4490)


def worst_verdict(findings: Sequence[Mapping[str, Any]]) -> str | None:
    """The gravest verdict of a facility; None where no rule reaches it."""
    found = {finding["verdict"] for finding in findings}
    return next((verdict for verdict in SEVERITY if verdict in found), None)


def section_layer(sections: gpd.GeoDataFrame, assessed: Sequence[AssessedSection]) -> gpd.GeoDataFrame:
    """Sections with their class over the period."""
    rows = [one.as_json() for one in assessed]
    classes = pd.DataFrame(
        {
            "code": pd.Series([row["code"] for row in rows], dtype=sections["code"].dtype),
            "water_class": pd.Series([row["class"] for row in rows], dtype="Int64"),
            "class_label": [row["class_label"] for row in rows],
            "period": [row["period"] for row in rows],
            "verdict": [row["verdict"] for row in rows],
            "main_pollutants": [row["main_pollutants"] for row in rows],
        }
    )
    kept = sections[["code", "name", "river", "target_class", "geometry"]]
    return gpd.GeoDataFrame(kept.merge(classes, on="code", how="left"), crs=4490)
