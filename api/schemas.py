"""The JSON shapes that others read (contracts), as Pydantic models with examples."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

VerdictText = Literal["compliant", "violation", "undetermined"]
StateText = Literal["open", "due", "overdue", "resolved"]
WaterClass = Annotated[int, Field(ge=1, le=6, description="1 to 5 are Ⅰ to Ⅴ, 6 is worse than Ⅴ")]
Geometry = Annotated[dict[str, Any] | None, Field(description="GeoJSON geometry, EPSG:4490")]


class Shape(BaseModel):
    """Base of the shapes: unknown members are a defect, not an extension."""

    model_config = ConfigDict(extra="forbid")


class UploadError(Shape):
    """One fault of one cell: where, what, and what to do."""

    row: int | None = Field(description="row number as a person sees it in the file (header = row 1)")
    column: str | None
    value: str | None
    code: str = Field(description="stable name of the kind of fault")
    message: str


class UploadOut(Shape):
    """What a load did, row by row accounted for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "upload_id": 7,
                    "kind": "outfalls",
                    "state": "rejected",
                    "file": "outfalls.csv",
                    "file_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "rows_read": 120,
                    "rows_loaded": 0,
                    "rows_duplicate": 0,
                    "rows_rejected": 1,
                    "readings_loaded": 0,
                    "rows_held": 119,
                    "dry_run": False,
                    "errors": [
                        {
                            "row": 17,
                            "column": "经度",
                            "value": "30.61",
                            "code": "coordinates_swapped",
                            "message": "经度与纬度对调",
                        }
                    ],
                    "warnings": [],
                    "quality": None,
                    "new_warnings": None,
                    "assessments": None,
                }
            ]
        },
    )

    upload_id: int | None
    kind: str
    state: str
    file: str
    file_sha256: str
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    readings_loaded: int
    rows_held: int = Field(description="good rows that wait because other rows of the file were rejected")
    dry_run: bool
    errors: list[UploadError]
    warnings: list[Any]
    quality: dict[str, Any] | None = Field(
        description="of readings: flags (QARTOD) by parameter and test, and completeness by day and month"
    )
    new_warnings: dict[str, Any] | None = Field(
        description="of readings: how many warnings they opened, extended, closed …; null where nobody looked"
    )
    assessments: dict[str, Any] | None = Field(
        description="stored assessments that were looked at again and changed; null where nobody looked"
    )


class ParameterClass(Shape):
    """One parameter of a classified sample."""

    code: str
    value: float | None
    censored: bool
    water_class: WaterClass | None = Field(alias="class")
    limit_target: Any
    exceedance_multiple: float | None


class FindingOut(Shape):
    """A verdict on one subject under one rule, with its evidence."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "rule_id": "YPL-26-3-mainstem",
                    "clause": "第二十六条第三款",
                    "subject_kind": "tailings_pond",
                    "subject_code": "WKK-001",
                    "subject_name": "样例尾矿库",
                    "region_code": "420500",
                    "verdict": "violation",
                    "state": "open",
                    "measured": {"distance_m": 2500.0},
                    "limit": {"distance_m": 3000},
                    "deadline": None,
                    "as_of": "2024-01-01",
                    "first_seen": "2024-01-01",
                    "evidence": {"reason": {"code": "banned_action_inside_zone", "params": {}}},
                    "geometry": {"type": "Point", "coordinates": [111.3, 30.7]},
                }
            ]
        },
    )

    rule_id: str
    clause: str
    subject_kind: str
    subject_code: str
    subject_name: str | None
    region_code: str | None
    verdict: VerdictText
    state: StateText
    measured: dict[str, Any]
    limit: dict[str, Any]
    deadline: date | None
    as_of: date
    first_seen: date
    evidence: dict[str, Any]
    geometry: Geometry


class FindingPage(Shape):
    """A page of findings."""

    items: list[FindingOut]
    next: str | None


class ItemPage(Shape):
    """A page of register entries; the columns are those of the kind."""

    items: list[dict[str, Any]]
    next: str | None


class FacilityOut(BaseModel):
    """A facility with its shoreline distances, findings and ledger; its own columns stand beside."""

    model_config = ConfigDict(extra="allow")

    code: str
    name: str
    geometry: Geometry
    distances: dict[str, Any] = Field(description="nearest shoreline of each rank, and the zones")
    findings: list[FindingOut]
    ledger: list[dict[str, Any]]


class SourceItemOut(Shape):
    """One item of a drinking-water source in one month, judged."""

    parameter: str
    month: str = Field(description="the month, or the whole period where means of months are judged")
    section: str
    value: float | None = Field(
        description="mean of the month; the detection limit where nothing was detected"
    )
    censored: bool
    limit: float | list[float]
    table: Literal[1, 2, 3] | None = Field(
        description="table of GB 3838-2002; null: a document of the region"
    )
    verdict: VerdictText
    multiple: float | None = Field(description="(value - limit) / limit")
    document: str
    clause: str


class ReasonOut(Shape):
    """A reason: code for the message catalogue, and its parameters."""

    code: str
    params: dict[str, Any]


class SourceAssessmentOut(Shape):
    """A drinking-water source over a period by Tables 1, 2 and 3 of GB 3838-2002 (clause 5.3)."""

    code: str
    name: str | None
    period: str
    source_level: Literal["city", "county", "township"] | None
    kind: Literal["surface", "ground"] | None
    region_code: str | None
    sections: list[str]
    verdict: VerdictText
    months: int = Field(description="months with data")
    months_over: int = Field(description="months with a counted item over its limit")
    full_rounds: int = Field(description="months with every required item")
    rounds_needed: int
    items_judged: int
    limiting: list[str] = Field(description="items over their limit, the largest multiple first")
    exceedances: list[SourceItemOut]
    open: list[SourceItemOut]
    reference: list[SourceItemOut] = Field(description="items reported apart, which do not count")
    missing: list[str] = Field(description="required items that no month has")
    reason: ReasonOut | None
    reasons: list[ReasonOut]
    warnings: list[dict[str, Any]]
    evidence: dict[str, Any]


class ReadingOut(Shape):
    """One reading as it was loaded."""

    section: str
    sampled_at: datetime
    parameter: str
    value: float
    full_value: float | None
    qualifier: Literal["=", "<"]
    detection_limit: float | None
    unit: str | None
    station_type: str | None
    station_status: str | None
    method: str | None
    upload_id: int
    quality: Literal[1, 2, 3, 4, 9] = Field(
        description="QARTOD flag: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing"
    )
    quality_tests: list[str] | None = Field(description="what raised the flag, as `test:flag`")


class ReadingPage(Shape):
    """A page of readings, by time, then parameter."""

    items: list[ReadingOut]
    next: str | None


class TargetOut(Shape):
    """One quantified target of the plans and where it stands."""

    target_id: str
    document: str
    clause: str
    region_code: str
    subject: str
    metric: str
    comparator: str
    threshold: str | float | None
    unit: str | None
    deadline: date | None
    measured: Any
    numerator: int | None
    denominator: int | None
    verdict: Literal["met", "missed", "on_track", "undetermined"]
    evaluation: str
    evidence: dict[str, Any]
    as_of: date


class Health(Shape):
    """Whether the service can work."""

    status: Literal["ok", "unavailable"]
    version: str
    detail: str | None = None


class WarningEventOut(Shape):
    """Something that happened to a warning, and how it stood then."""

    event: Literal["open", "extend", "acknowledge", "close", "reopen", "withdraw"]
    state: Literal["open", "acknowledged", "closed", "withdrawn"]
    severity: str
    ended_at: str
    readings: int
    actor: str = Field(description="who did it; qingjiang: the program")
    note: str | None
    merged_into: str | None = Field(description="the warning that took this one in, where one did")
    upload_id: int | None = Field(description="the load that brought it about")
    recorded_at: str


class WarningSummary(Shape):
    """A warning: one section, rule and item over one stretch of time, with the readings behind it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": "551f939aab9eb9e6",
                    "rule_id": "low-oxygen",
                    "kind": "oxygen",
                    "section": "S420500001",
                    "name": "样例断面",
                    "region_code": "420500",
                    "parameter": "do",
                    "severity": "orange",
                    "state": "open",
                    "started_at": "2025-11-07T16:00:00+08:00",
                    "ended_at": "2025-11-08T12:00:00+08:00",
                    "opened_at": "2025-11-08T12:20:00+08:00",
                    "updated_at": "2025-11-08T12:20:00+08:00",
                    "readings": 3,
                    "measured": {
                        "sampled_at": "2025-11-08T08:00:00+08:00",
                        "value": 1.4,
                        "censored": False,
                        "upload_id": 12,
                        "multiple": None,
                        "compared_with": None,
                    },
                    "limit": {"comparator": ">=", "limit": ["3"], "unit": "mg/L"},
                    "merged_into": None,
                    "evidence": {"rule": {"id": "low-oxygen"}, "data": {"readings": [], "upload_ids": [12]}},
                    "geometry": {"type": "Point", "coordinates": [111.3, 30.7]},
                }
            ]
        },
    )

    id: str = Field(description="the same for the same data, in whatever order it was loaded")
    rule_id: str
    kind: Literal["limit", "jump", "rise", "bloom", "metal", "oxygen", "source"]
    section: str
    name: str | None
    region_code: str | None
    parameter: str
    severity: Literal["blue", "yellow", "orange", "red"]
    state: Literal["open", "acknowledged", "closed", "withdrawn"]
    started_at: str
    ended_at: str = Field(description="the last reading behind it")
    opened_at: str
    updated_at: str
    readings: int = Field(description="how many readings, or means of days or months, are behind it")
    measured: dict[str, Any] = Field(description="the worst of them, and how far it is over")
    limit: dict[str, Any] = Field(description="the threshold with its source; numbers as texts")
    merged_into: str | None
    evidence: dict[str, Any]
    geometry: Geometry


class WarningOut(WarningSummary):
    """A warning with everything that happened to it."""

    events: list[WarningEventOut]


class WarningPage(Shape):
    """A page of warnings."""

    items: list[WarningSummary]
    next: str | None = Field(description="cursor of the next page; null on the last one")


class TraceOriginOut(Shape):
    """Where a trace starts, and how it was put on the river."""

    kind: Literal["section", "place"]
    code: str = Field(description="of the section; empty for a place")
    name: str | None
    river_code: str | None
    lake_code: str | None
    river_km: float | None = Field(description="kilometres from the mouth of that river")
    lon: float | None
    lat: float | None
    distance_m: float | None = Field(description="metres from the place to the river")
    confidence: Literal["high", "low", "none"]
    reason: str


class SuspectOut(Shape):
    """Why an upstream place is ranked as it is."""

    rank: int
    reason: Literal["lists_parameter", "discharges_unknown", "does_not_list", "removed"]
    matched: list[str] = Field(description="exceeding parameters that its discharge list holds")


class TraceItemOut(Shape):
    """Something that a trace meets; ordered by river kilometre."""

    kind: Literal["section", "outfall", "tailings_pond", "chemical_site", "water_source", "intake", "region"]
    code: str
    name: str | None
    river_km: float = Field(description="kilometres along the river from the origin")
    via: list[str] = Field(description="codes of the rivers on the way")
    travel_hours: float | None = Field(description="likely; null through a lake of which nothing is known")
    earliest_hours: float | None
    latest_hours: float | None
    travel_reason: str | None
    several_paths: bool = Field(description="several ways lead there; the shortest one is given")
    river_code: str | None
    lake_code: str | None
    lakes: list[str] = Field(description="lakes on the way")
    distance_m: float = Field(description="metres from the place to the river")
    confidence: Literal["high", "low", "none"]
    reason: str = Field(description="how it was put on the river")
    region_code: str | None
    discharges: list[str] | None = Field(description="parameters that it discharges; null: not stated")
    removed_on: date | None = Field(
        description="from then on an outfall is banned or merged, or a chemical site moved away"
    )
    suspect: SuspectOut | None
    lon: float | None
    lat: float | None


class ExceedanceOut(Shape):
    """The parameters that upstream places are ranked by."""

    parameters: list[str]
    basis: Literal["asked", "assessed", "none"]
    period: str | None
    limit_class: int | None = Field(description="the target, or class III, that they are worse than")


class UnplacedOut(Shape):
    """A place that is not on the network: nobody knows whether the trace should have met it."""

    kind: str
    code: str
    reason: str


class NetworkProblemOut(Shape):
    """An error of the river network on the way: there the trace may be wrong or end too early."""

    code: str
    rivers: list[str]
    params: dict[str, Any]
    lon: float | None
    lat: float | None


class TraceOut(Shape):
    """A trace along the river network."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "origin": {
                        "kind": "section",
                        "code": "S430602001",
                        "name": "样例断面",
                        "river_code": "YL-CJ",
                        "lake_code": None,
                        "river_km": 56.5,
                        "lon": 113.15,
                        "lat": 29.486,
                        "distance_m": 0.0,
                        "confidence": "high",
                        "reason": "named_river",
                    },
                    "direction": "upstream",
                    "max_km": 50.0,
                    "as_of": "2024-01-01",
                    "velocity_m_s": None,
                    "items": [
                        {
                            "kind": "outfall",
                            "code": "FA-430611-0074-NY-00",
                            "name": "样例排污口",
                            "river_km": 13.2,
                            "via": ["YL-CJ"],
                            "travel_hours": 4.1,
                            "earliest_hours": 1.7,
                            "latest_hours": 9.2,
                            "travel_reason": None,
                            "several_paths": False,
                            "river_code": "YL-CJ",
                            "lake_code": None,
                            "lakes": [],
                            "distance_m": 610.0,
                            "confidence": "high",
                            "reason": "named_river",
                            "region_code": "430611",
                            "discharges": ["tp", "cod_mn"],
                            "removed_on": None,
                            "suspect": {"rank": 1, "reason": "lists_parameter", "matched": ["tp"]},
                            "lon": 113.03,
                            "lat": 29.54,
                        }
                    ],
                    "unplaced": [{"kind": "chemical_site", "code": "HG-19", "reason": "beyond_tolerance"}],
                    "exceedance": {
                        "parameters": ["tp"],
                        "basis": "assessed",
                        "period": "2023-12",
                        "limit_class": 2,
                    },
                    "problems": [],
                }
            ]
        },
    )

    origin: TraceOriginOut
    direction: Literal["upstream", "downstream"]
    max_km: float | None
    as_of: str
    velocity_m_s: float | None = Field(description="the velocity that was asked for; null: the rivers' own")
    items: list[TraceItemOut]
    unplaced: list[UnplacedOut]
    exceedance: ExceedanceOut | None
    problems: list[NetworkProblemOut]
