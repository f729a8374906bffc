"""Register entries in the shapes of the API: one feature, its distances, findings and ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
from sqlalchemy.orm import Session

from api.errors import NoRunError, NotKnownError, ProvisionalSectionError
from api.jobs import FACILITY_KINDS, ONLY
from models import queries
from models.loading import registered_section
from models.sections import former_names
from models.tables import EvaluationRunRow
from spatial.distance import distances_as_json, measure_distances, shorelines_in_force
from spatial.findings import geojson
from spatial.rulebook import YANGTZE

INTERNAL = frozenset({"geometry", "fact_hash", "original", "line_name", "source_row"})


def feature_rows(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Rows of a register: its columns with plain values, then the geometry as GeoJSON."""
    columns = [str(column) for column in frame.columns if column not in INTERNAL]
    cells = {column: [plain_cell(value) for value in frame[column].tolist()] for column in columns}
    rows: list[dict[str, Any]] = [
        dict(zip(columns, values, strict=True)) for values in zip(*cells.values(), strict=True)
    ]
    if "geometry" in frame.columns:
        for row, geometry in zip(rows, frame["geometry"], strict=True):
            row["geometry"] = geojson(geometry)
    return rows


def plain_cell(value: Any) -> Any:
    """A cell as JSON knows it: missing marks are None, days and instants ISO."""
    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return None
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def read_feature(session: Session, kind: str, code: str, as_of: date) -> dict[str, Any]:
    """One entry as it stood on a day.

    Raises
    ------
    NotKnownError
        If no entry with this code was in force.
    """
    frame = queries.features_in_force(session, kind, as_of, codes=[code], where=ONLY.get(kind))
    if frame.empty:
        raise NotKnownError(FACILITY_KINDS.get(kind, kind.removesuffix("s")), code)
    return feature_rows(frame)[0]


def read_section_feature(session: Session, code: str, as_of: date) -> dict[str, Any]:
    """One section as it stood on a day, with `former_names` and `former_codes`.

    Raises
    ------
    ProvisionalSectionError
        If only feeds have named it so far.
    NotKnownError
        If no section with this code was in force.
    """
    try:
        (row,) = with_former_names(session, [read_feature(session, "sections", code, as_of)])
    except NotKnownError as error:
        entry = registered_section(session, code)
        if entry is not None and entry.provisional:
            raise ProvisionalSectionError(code, entry.province or "", entry.name or "") from error
        raise
    return row


def with_former_names(session: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sections with every other name that they had or have in files, and their former codes."""
    known = former_names(session, [row["code"] for row in rows])
    return [
        {
            **row,
            "former_names": [name for name in known[row["code"]].names if name != row["name"]],
            "former_codes": list(known[row["code"]].codes),
        }
        for row in rows
    ]


def read_facility(session: Session, kind: str, code: str, as_of: date) -> dict[str, Any]:
    """A facility with its shoreline distances, the findings of the latest run, and its ledger.

    Raises
    ------
    NotKnownError
        If no facility with this code was in force.
    """
    frame = queries.features_in_force(session, kind, as_of, codes=[code], where=ONLY.get(kind))
    if frame.empty:
        raise NotKnownError(FACILITY_KINDS[kind], code)
    shorelines = shorelines_in_force(queries.features_in_force(session, "shorelines", as_of), as_of)
    measured = distances_as_json(measure_distances(frame, shorelines))[0]
    subject = FACILITY_KINDS[kind]
    return {
        **feature_rows(frame)[0],
        "distances": {"nearest": measured["nearest"], "zones": measured["zones"]},
        "findings": subject_findings(session, subject, code, plain_cell(frame["region_code"].iloc[0])),
        "ledger": [
            {key: plain_cell(value) for key, value in event.items()}
            for event in queries.ledger_of(session, subject, code)
        ],
    }


def subject_findings(
    session: Session, subject_kind: str, code: str, region_code: str | None
) -> list[dict[str, Any]]:
    """What the latest run that looked at its region says of one subject; nothing when none was stored."""
    run = covering_run(session, region_code)
    if run is None:
        return []
    found = queries.findings_page(session, run.id, subject_kind=subject_kind, subject_code=code, limit=1_000)
    return [finding_out(row) for row in found]


def covering_run(
    session: Session, region_code: str | None, as_of: date | None = None
) -> EvaluationRunRow | None:
    """The latest run (of a day) that looked at the whole of a region; None: the basin.

    A later run over another region, or over a part of this one, says nothing of the rest.
    """
    asked = None if region_code in (None, YANGTZE) else region_code
    looked = (
        queries.latest_run(session, as_of=as_of, region_code=region) for region in regions_around(asked)
    )
    return max((run for run in looked if run is not None), key=lambda run: run.id, default=None)


def regions_around(region_code: str | None) -> list[str]:
    """The basin, and the province, prefecture and county (GB/T 2260) that a region code lies in."""
    if region_code is None:
        return [YANGTZE]
    return [
        YANGTZE,
        *dict.fromkeys((f"{region_code[:2]}0000", f"{region_code[:4]}00", region_code[:6], region_code)),
    ]


def finding_out(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored finding in the contract's shape."""
    return {
        "rule_id": row["rule_id"],
        "clause": row["clause"],
        "subject_kind": row["subject_kind"],
        "subject_code": row["subject_code"],
        "subject_name": row["subject_name"],
        "region_code": row["region_code"],
        "verdict": row["verdict"],
        "state": row["state"],
        "measured": row["measured"],
        "limit": row["limit"],
        "deadline": plain_cell(row["deadline"]),
        "as_of": plain_cell(row["as_of"]),
        "first_seen": plain_cell(row["first_seen"]),
        "evidence": row["evidence"],
        "geometry": geojson(row["geometry"]),
    }


def require_run(session: Session, as_of: date | None, region: str | None) -> EvaluationRunRow:
    """The latest stored run of a date that looked at the whole of a region (None: the basin).

    Raises
    ------
    NoRunError
        If there is none.
    """
    run = covering_run(session, region, as_of)
    if run is None:
        raise NoRunError(None if as_of is None else as_of.isoformat(), region)
    return run
