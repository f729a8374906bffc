"""Every table of Qingjiang, with the constraints that refuse impossible rows in the database itself.

All tables live in the schema `qingjiang`; geometry is EPSG:4490 (CGCS2000, degrees, longitude first, two
dimensions). Days are Beijing days, instants `timestamptz`. The schema that runs is the one the migrations
build; a test compares the two.

Three kinds of tables:

* versioned kinds (`VERSIONED`): append-only. A fact has a validity (`valid_from`, `valid_to`, both inclusive,
  null = open) and a moment at which we learnt it (`recorded_at`). Nothing is updated or deleted; triggers
  of the first migration refuse it.
* time series: `readings` (partitioned by Beijing month, see `models.partitions`) and `section_statuses`.
* the books: uploads and their rejected rows, the ledger, rule sets, evaluation runs and findings.

Codes and other keys collate as "C" (by code point), so that order and paging are the same on every server.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    Computed,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

SCHEMA = "qingjiang"
SRID = 4490

KINDS = (
    "water_bodies",
    "shorelines",
    "rivers",
    "sections",
    "readings",
    "outfalls",
    "tailings_ponds",
    "chemical_sites",
    "water_sources",
    "section_targets",
    "sites",
    "indicators",
    "ledger",
)
RANKS = ("mainstem", "important_tributary", "tributary", "important_lake", "lake")
SHORELINE_KINDS = ("management_boundary", "outer_line", "waterside_line", "imagery", "centreline")
VERDICTS = ("compliant", "violation", "undetermined")
ASSESSMENT_CAUSES = ("first", "readings", "sections", "rules")
FINDING_STATES = ("open", "due", "overdue", "resolved")
ACTIONS = ("new", "rebuild", "expand")
# Flags of QARTOD: pass, not evaluated, suspect, fail, missing.
QUALITY_FLAGS = (1, 2, 3, 4, 9)
STATION_TYPES = ("automatic", "manual", "remote_sensing")
ROLES = ("bureau", "inspector", "portal", "admin")
WARNING_STATES = ("open", "acknowledged", "closed", "withdrawn")
WARNING_EVENTS = ("open", "extend", "acknowledge", "close", "reopen", "withdraw")
UPLOAD_STATES = ("received", "validating", "loading", "loaded", "rejected", "failed", "cancelled")

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

Key = Text(collation="C")
Instant = TIMESTAMP(timezone=True)

# Longitude and latitude of China with its seas; swapped or projected coordinates fall outside.
WEST, SOUTH, EAST, NORTH = 73, 3, 136, 54


def one_of(column: str, values: Sequence[str | int]) -> CheckConstraint:
    """The column holds one of `values` (or null, where it may be null)."""
    listed = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def not_blank(*columns: str) -> CheckConstraint:
    """None of the columns is empty or made of blanks; null is for the column's own NOT NULL to judge."""
    return CheckConstraint(" AND ".join(f"btrim({column}) <> ''" for column in columns), name="not_blank")


def plausible_days(*columns: str) -> CheckConstraint:
    """Years 1800 to 2199: refuses slipped digits and 'infinity', which Python cannot read."""
    return CheckConstraint(
        " AND ".join(f"{column} BETWEEN '1800-01-01' AND '2199-12-31'" for column in columns), name="days"
    )


def region(*, basin_too: bool = False) -> CheckConstraint:
    """A GB/T 2260 code: six digits, nine for towns, twelve for villages; `yangtze` is the whole basin."""
    pattern = "^[1-9][0-9]{5}([0-9]{3}){0,2}$"
    condition = f"region_code ~ '{pattern}'"
    if basin_too:
        condition += " OR region_code = 'yangtze'"
    return CheckConstraint(condition, name="region_code")


def on_the_map(*shapes: str) -> CheckConstraint:
    """A geometry of one of the shapes, not empty, valid, and inside the box of China."""
    listed = ", ".join(f"'{shape.upper()}'" for shape in shapes)
    return CheckConstraint(
        f"GeometryType(geometry) IN ({listed}) AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry)"
        f" AND ST_XMin(geometry) >= {WEST} AND ST_XMax(geometry) <= {EAST}"
        f" AND ST_YMin(geometry) >= {SOUTH} AND ST_YMax(geometry) <= {NORTH}",
        name="geometry",
    )


def geometry_indexes(table: str) -> tuple[Index, Index]:
    """GiST on the geography (metres) and on the geometry (boxes)."""
    return (
        Index(f"ix_{table}_geography", text("(geometry::geography)"), postgresql_using="gist"),
        Index(f"ix_{table}_geometry", "geometry", postgresql_using="gist"),
    )


def version_index(table: str, *key: str) -> Index:
    """The order in which versions are chosen, so that choosing needs no sort."""
    return Index(
        f"ix_{table}_version",
        *key,
        text("valid_from DESC NULLS LAST"),
        text("recorded_at DESC"),
        text("id DESC"),
    )


def parameter_codes(column: str) -> CheckConstraint:
    """A list of codes of parameters, each fit to be one; an empty list says that there are none."""
    return CheckConstraint(
        f"cardinality({column}) = 0 OR array_position({column}, NULL) IS NULL"
        f" AND array_to_string({column}, ',') ~ '^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$'",
        name=column,
    )


LINES = ("LineString", "MultiLineString")
POLYGONS = ("Polygon", "MultiPolygon")


class Base(DeclarativeBase):
    """The declarative base; one schema, one naming convention."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMING_CONVENTION)


def table_name(model: type[Base]) -> str:
    """Name of the table of a model, without its schema."""
    return str(model.__tablename__)


def geometry_column(shape: str = "GEOMETRY", *, required: bool = False) -> Mapped[Any]:
    """A geometry column in EPSG:4490; its indexes are declared with the table."""
    return mapped_column(
        Geometry(shape, srid=SRID, spatial_index=False, nullable=not required), nullable=not required
    )


# ---------------------------------------------------------------------------------------------- uploads


class UploadRow(Base):
    """One file that was handed in, what became of it, and its counts.

    `actor` is who handed it in and `note` why, as far as that was told. Once loaded, every row is accounted
    for: loaded + duplicate + rejected = read.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        one_of("kind", KINDS),
        one_of("state", UPLOAD_STATES),
        not_blank("file_name", "source"),
        CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name="file_sha256"),
        CheckConstraint("size_bytes >= 0", name="size_bytes"),
        CheckConstraint("jsonb_typeof(options) = 'object'", name="options"),
        CheckConstraint("report IS NULL OR jsonb_typeof(report) = 'object'", name="report"),
        CheckConstraint(
            "rows_read >= 0 AND rows_loaded >= 0 AND rows_duplicate >= 0 AND rows_rejected >= 0"
            " AND readings_loaded >= 0",
            name="counts",
        ),
        CheckConstraint(
            "state <> 'loaded' OR rows_loaded + rows_duplicate + rows_rejected = rows_read",
            name="rows_accounted_for",
        ),
        CheckConstraint("finished_at >= received_at", name="finished_at"),
        CheckConstraint("btrim(actor) <> '' AND btrim(note) <> ''", name="told"),
        Index("ix_uploads_file", "kind", "file_sha256"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Key)
    file_name: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str] = mapped_column(CHAR(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str | None] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    state: Mapped[str] = mapped_column(Key, server_default="received")
    rows_read: Mapped[int] = mapped_column(Integer, server_default="0")
    rows_loaded: Mapped[int] = mapped_column(Integer, server_default="0")
    rows_duplicate: Mapped[int] = mapped_column(Integer, server_default="0")
    rows_rejected: Mapped[int] = mapped_column(Integer, server_default="0")
    readings_loaded: Mapped[int] = mapped_column(Integer, server_default="0")
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    received_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    actor: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


class RejectedRow(Base):
    """One row of a file that was refused, with all its errors and its own cells.

    `row` is the number a person sees in the file (header = row 1).
    """

    __tablename__ = "rejected_rows"
    __table_args__ = (
        PrimaryKeyConstraint("upload_id", "row"),
        CheckConstraint('"row" >= 1', name="row"),
        CheckConstraint(
            "CASE WHEN jsonb_typeof(errors) = 'array' THEN jsonb_array_length(errors) > 0 ELSE false END",
            name="errors",
        ),
        CheckConstraint("jsonb_typeof(original) = 'object'", name="original"),
    )

    upload_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.uploads.id"))
    row: Mapped[int] = mapped_column(Integer)
    errors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    original: Mapped[dict[str, Any]] = mapped_column(JSONB)


# -------------------------------------------------------------------------------------- versioned kinds


class Version:
    """Columns that every versioned kind has.

    `fact_hash` is the SHA-256 (hex) of the canonical facts; `original` is what the row was before anything
    in it was converted (CRS, coordinate texts …), null when nothing was.
    """

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, sort_order=-1)
    valid_from: Mapped[date | None] = mapped_column(sort_order=1)
    valid_to: Mapped[date | None] = mapped_column(sort_order=2)
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now(), sort_order=3)
    source_row: Mapped[int | None] = mapped_column(Integer, sort_order=5)
    fact_hash: Mapped[str] = mapped_column(CHAR(64), sort_order=6)
    original: Mapped[dict[str, Any] | None] = mapped_column(JSONB, sort_order=7)

    @declared_attr
    def upload_id(self) -> Mapped[int]:
        """The upload that brought this version."""
        return mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.uploads.id"), index=True, sort_order=4)


def version_checks(*days: str) -> tuple[CheckConstraint, ...]:
    """Constraints that every versioned kind has; `days` are its own date columns."""
    return (
        CheckConstraint("valid_to >= valid_from", name="validity"),
        plausible_days("valid_from", "valid_to", *days),
        CheckConstraint("source_row >= 1", name="source_row"),
        CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name="fact_hash"),
        CheckConstraint("original IS NULL OR jsonb_typeof(original) = 'object'", name="original"),
    )


class WaterBodyRow(Version, Base):
    """A river, lake or reservoir with its rank in the sense of the Yangtze Protection Law."""

    __tablename__ = "water_bodies"
    __table_args__ = (
        *version_checks(),
        not_blank("code", "name", "parent_code"),
        one_of("rank", RANKS),
        one_of("kind", ("river", "lake", "reservoir")),
        CheckConstraint("catchment_km2 > 0 AND catchment_km2 < 'Infinity'", name="catchment_km2"),
        CheckConstraint("parent_code <> code", name="parent_code"),
        on_the_map("Point", *LINES, *POLYGONS),
        version_index("water_bodies", "code"),
        *geometry_indexes("water_bodies"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    rank: Mapped[str] = mapped_column(Key)
    kind: Mapped[str | None] = mapped_column(Key)
    parent_code: Mapped[str | None] = mapped_column(Key)
    catchment_km2: Mapped[float | None] = mapped_column(Double)
    geometry: Mapped[Any | None] = geometry_column()


class ShorelineRow(Version, Base):
    """One piece of a shoreline; a version is all pieces with the same `version_hash`.

    A polygon is water: its boundary is the shoreline and its inside has distance 0. `line_name` is the name,
    empty where there is none: with the water body it is the key of the line. `half_width_m` says how far the
    banks lie from a centre line; other lines have none.
    """

    __tablename__ = "shorelines"
    __table_args__ = (
        *version_checks(),
        not_blank("water_body_code", "name", "source"),
        one_of("rank", RANKS),
        one_of("kind", SHORELINE_KINDS),
        CheckConstraint("accuracy_m >= 0 AND accuracy_m < 'Infinity'", name="accuracy_m"),
        CheckConstraint(
            "half_width_m IS NULL OR coalesce(kind, '') = 'centreline' AND half_width_m > 0"
            " AND half_width_m < 'Infinity'",
            name="half_width_m",
        ),
        CheckConstraint("version_hash ~ '^[0-9a-f]{64}$'", name="version_hash"),
        on_the_map(*LINES, *POLYGONS),
        version_index("shorelines", "water_body_code", "line_name"),
        *geometry_indexes("shorelines"),
    )

    water_body_code: Mapped[str] = mapped_column(Key)
    name: Mapped[str | None] = mapped_column(Text)
    line_name: Mapped[str] = mapped_column(Key, Computed("coalesce(name, '')", persisted=True))
    rank: Mapped[str] = mapped_column(Key)
    kind: Mapped[str | None] = mapped_column(Key)
    accuracy_m: Mapped[float | None] = mapped_column(Double)
    half_width_m: Mapped[float | None] = mapped_column(Double)
    source: Mapped[str | None] = mapped_column(Text)
    version_hash: Mapped[str] = mapped_column(CHAR(64))
    geometry: Mapped[Any] = geometry_column(required=True)


class RiverRow(Version, Base):
    """A centreline drawn downstream, the river that it flows into, and how fast and how much flows there.

    `velocity_m_s` is the mean velocity, the two others bound it; `length_km` is what the source states.
    """

    __tablename__ = "rivers"
    __table_args__ = (
        *version_checks(),
        not_blank("code", "name", "downstream_code"),
        one_of("rank", RANKS),
        CheckConstraint("downstream_code <> code", name="downstream_code"),
        CheckConstraint(
            "velocity_m_s > 0 AND velocity_m_s < 'Infinity'"
            " AND velocity_low_m_s > 0 AND velocity_low_m_s < 'Infinity'"
            " AND velocity_high_m_s > 0 AND velocity_high_m_s < 'Infinity'",
            name="velocity",
        ),
        CheckConstraint(
            "velocity_low_m_s <= velocity_m_s AND velocity_m_s <= velocity_high_m_s"
            " AND velocity_low_m_s <= velocity_high_m_s",
            name="velocity_bounds",
        ),
        CheckConstraint("discharge_m3_s >= 0 AND discharge_m3_s < 'Infinity'", name="discharge_m3_s"),
        CheckConstraint("length_km > 0 AND length_km < 'Infinity'", name="length_km"),
        CheckConstraint("stream_order BETWEEN 1 AND 12", name="stream_order"),
        on_the_map(*LINES),
        version_index("rivers", "code"),
        *geometry_indexes("rivers"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str | None] = mapped_column(Text)
    downstream_code: Mapped[str | None] = mapped_column(Key)
    rank: Mapped[str | None] = mapped_column(Key)
    geometry: Mapped[Any] = geometry_column(required=True)
    velocity_m_s: Mapped[float | None] = mapped_column(Double)
    velocity_low_m_s: Mapped[float | None] = mapped_column(Double)
    velocity_high_m_s: Mapped[float | None] = mapped_column(Double)
    discharge_m3_s: Mapped[float | None] = mapped_column(Double)
    length_km: Mapped[float | None] = mapped_column(Double)
    stream_order: Mapped[int | None] = mapped_column(SmallInteger)


class SectionRow(Version, Base):
    """A section (断面): a fixed cross-section of a river, or a point of a lake, where samples are taken."""

    __tablename__ = "sections"
    __table_args__ = (
        *version_checks(),
        not_blank("code", "name", "river", "water_body_code", "basin", "province", "city"),
        region(),
        one_of("water_body_type", ("river", "lake", "reservoir")),
        one_of("level", ("national", "provincial", "municipal", "county")),
        one_of("station_type", STATION_TYPES),
        CheckConstraint("target_class BETWEEN 1 AND 5", name="target_class"),
        CheckConstraint(
            "river_length_km > 0 AND river_length_km < 'Infinity'::numeric", name="river_length_km"
        ),
        on_the_map("Point"),
        version_index("sections", "code"),
        *geometry_indexes("sections"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    river: Mapped[str | None] = mapped_column(Text)
    water_body_code: Mapped[str | None] = mapped_column(Key)
    water_body_type: Mapped[str | None] = mapped_column(Key)
    basin: Mapped[str | None] = mapped_column(Text)
    province: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str | None] = mapped_column(Key)
    level: Mapped[str | None] = mapped_column(Key)
    station_type: Mapped[str | None] = mapped_column(Key)
    target_class: Mapped[int | None] = mapped_column(SmallInteger)
    geometry: Mapped[Any | None] = geometry_column("POINT")
    river_length_km: Mapped[Decimal | None] = mapped_column(Numeric)


class OutfallRow(Version, Base):
    """An outfall (排污口) with its steps 查测溯治 and its striking-off 销号.

    `discharges` lists the parameters that it is known to discharge; null: nobody said.
    """

    __tablename__ = "outfalls"
    __table_args__ = (
        *version_checks("found_on", "monitored_on", "traced_on", "plan_on", "completed_on", "cancelled_on"),
        not_blank("code", "name", "sub_category", "receiving_water", "responsible"),
        region(),
        one_of("category", ("industrial", "wtp", "agricultural", "other")),
        one_of("remediation", ("banned", "merged", "standardised")),
        CheckConstraint("accuracy_m >= 0 AND accuracy_m < 'Infinity'", name="accuracy_m"),
        parameter_codes("discharges"),
        on_the_map("Point"),
        version_index("outfalls", "code"),
        *geometry_indexes("outfalls"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(Key)
    sub_category: Mapped[str | None] = mapped_column(Text)
    receiving_water: Mapped[str | None] = mapped_column(Text)
    responsible: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str | None] = mapped_column(Key)
    is_key: Mapped[bool | None]
    found_on: Mapped[date | None]
    monitored_on: Mapped[date | None]
    traced_on: Mapped[date | None]
    remediation: Mapped[str | None] = mapped_column(Key)
    plan_on: Mapped[date | None]
    completed_on: Mapped[date | None]
    cancelled_on: Mapped[date | None]
    accuracy_m: Mapped[float | None] = mapped_column(Double)
    geometry: Mapped[Any | None] = geometry_column("POINT")
    discharges: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class TailingsPondRow(Version, Base):
    """A tailings pond (尾矿库). A null operator means that there is none; 未知 that nobody said.

    `overhead` tells a pond above people's heads (头顶库), `residents_downstream` how many live within 1 km.
    """

    __tablename__ = "tailings_ponds"
    __table_args__ = (
        *version_checks("action_on", "plan_on", "disused_since", "treated_on", "closed_on", "cancelled_on"),
        not_blank("code", "name", "operator", "commodity", "purpose"),
        region(),
        one_of("status", ("in_construction", "in_use", "out_of_use", "closed", "cancelled", "abandoned")),
        one_of("action", ACTIONS),
        CheckConstraint("grade BETWEEN 1 AND 5", name="grade"),
        CheckConstraint("supervision_level BETWEEN 1 AND 3", name="supervision_level"),
        CheckConstraint("accuracy_m >= 0 AND accuracy_m < 'Infinity'", name="accuracy_m"),
        CheckConstraint("residents_downstream >= 0", name="residents_downstream"),
        parameter_codes("discharges"),
        on_the_map("Point", *POLYGONS),
        version_index("tailings_ponds", "code"),
        *geometry_indexes("tailings_ponds"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    operator: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str | None] = mapped_column(Key)
    grade: Mapped[int | None] = mapped_column(SmallInteger)
    supervision_level: Mapped[int | None] = mapped_column(SmallInteger)
    commodity: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str | None] = mapped_column(Key)
    action_on: Mapped[date | None]
    purpose: Mapped[str | None] = mapped_column(Text)
    plan_on: Mapped[date | None]
    disused_since: Mapped[date | None]
    treated_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    cancelled_on: Mapped[date | None]
    region_code: Mapped[str | None] = mapped_column(Key)
    accuracy_m: Mapped[float | None] = mapped_column(Double)
    geometry: Mapped[Any | None] = geometry_column()
    discharges: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    overhead: Mapped[bool | None]
    residents_downstream: Mapped[int | None] = mapped_column(Integer)


class ChemicalSiteRow(Version, Base):
    """A chemical park, enterprise or project."""

    __tablename__ = "chemical_sites"
    __table_args__ = (
        *version_checks("action_on", "recognised_on", "relocated_on"),
        not_blank("code", "name", "relocation_status"),
        region(),
        one_of("kind", ("park", "enterprise", "project")),
        one_of("action", ACTIONS),
        CheckConstraint("accuracy_m >= 0 AND accuracy_m < 'Infinity'", name="accuracy_m"),
        parameter_codes("discharges"),
        on_the_map("Point", *POLYGONS),
        version_index("chemical_sites", "code"),
        *geometry_indexes("chemical_sites"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(Key)
    action: Mapped[str | None] = mapped_column(Key)
    action_on: Mapped[date | None]
    recognised_on: Mapped[date | None]
    relocation_status: Mapped[str | None] = mapped_column(Text)
    relocated_on: Mapped[date | None]
    region_code: Mapped[str | None] = mapped_column(Key)
    accuracy_m: Mapped[float | None] = mapped_column(Double)
    geometry: Mapped[Any | None] = geometry_column()
    discharges: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class WaterSourceRow(Version, Base):
    """A drinking-water source (`zone_grade` 0) or one grade of its protection zone (1, 2: polygons)."""

    __tablename__ = "water_sources"
    __table_args__ = (
        *version_checks(),
        not_blank("code", "name", "section_code"),
        region(),
        one_of("level", ("city", "county", "township")),
        one_of("kind", ("surface", "ground")),
        one_of("zone_grade", (0, 1, 2)),
        CheckConstraint(
            "annual_volume_m3 > 0 AND annual_volume_m3 < 'Infinity'::numeric", name="annual_volume_m3"
        ),
        CheckConstraint(
            "zone_grade = 0"
            " OR (geometry IS NOT NULL AND GeometryType(geometry) IN ('POLYGON', 'MULTIPOLYGON'))",
            name="zone_polygon",
        ),
        on_the_map("Point", "MultiPoint", *POLYGONS),
        version_index("water_sources", "code", "zone_grade"),
        *geometry_indexes("water_sources"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[str | None] = mapped_column(Key)
    kind: Mapped[str | None] = mapped_column(Key)
    zone_grade: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    section_code: Mapped[str | None] = mapped_column(Key)
    region_code: Mapped[str | None] = mapped_column(Key)
    geometry: Mapped[Any | None] = geometry_column()
    annual_volume_m3: Mapped[Decimal | None] = mapped_column(Numeric)


class SectionTargetRow(Version, Base):
    """The approved limit of a single parameter at a single section, in the unit of that parameter."""

    __tablename__ = "section_targets"
    __table_args__ = (
        *version_checks(),
        not_blank("section", "unit", "source"),
        one_of("comparator", ("<=", "<", ">=", ">", "==")),
        CheckConstraint("\"limit\" > '-Infinity' AND \"limit\" < 'Infinity'", name="limit"),
        version_index("section_targets", "section", "parameter"),
    )

    section: Mapped[str] = mapped_column(Key)
    parameter: Mapped[str] = mapped_column(Key, ForeignKey(f"{SCHEMA}.parameters.code"))
    comparator: Mapped[str] = mapped_column(Key)
    limit: Mapped[Decimal] = mapped_column(Numeric)
    unit: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(Text)


class SiteRow(Version, Base):
    """Any other inventoried place, told apart by `category` (black-odorous water, slag yard, reserve …)."""

    __tablename__ = "sites"
    __table_args__ = (
        *version_checks("built_on", "completed_on", "closed_on"),
        not_blank("code", "name", "category", "status", "responsible"),
        region(),
        CheckConstraint("attributes IS NULL OR jsonb_typeof(attributes) = 'object'", name="attributes"),
        on_the_map("Point", "MultiPoint", *LINES, *POLYGONS),
        version_index("sites", "code"),
        Index("ix_sites_category", "category"),
        *geometry_indexes("sites"),
    )

    code: Mapped[str] = mapped_column(Key)
    name: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Key)
    status: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str | None] = mapped_column(Key)
    responsible: Mapped[str | None] = mapped_column(Text)
    built_on: Mapped[date | None]
    completed_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    attributes: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    geometry: Mapped[Any | None] = geometry_column()


class IndicatorRow(Version, Base):
    """A value that a bureau reports for a target of a plan."""

    __tablename__ = "indicators"
    __table_args__ = (
        *version_checks("reported_on"),
        not_blank("target_id", "period", "unit", "reported_by"),
        region(basin_too=True),
        CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name="value"),
        version_index("indicators", "target_id", "region_code", "period"),
    )

    target_id: Mapped[str] = mapped_column(Key)
    region_code: Mapped[str] = mapped_column(Key)
    period: Mapped[str] = mapped_column(Key)
    value: Mapped[Decimal] = mapped_column(Numeric)
    unit: Mapped[str | None] = mapped_column(Text)
    reported_by: Mapped[str | None] = mapped_column(Text)
    reported_on: Mapped[date | None]


# ----------------------------------------------------------------------------------------- time series


class SectionRegistryRow(Base):
    """The stable number of a section, on which its readings hang.

    A provisional section was met only in a feed; its code is `省份/断面名称`. When its real code becomes
    known, `code` and `provisional` are updated and the readings stay where they are. Rows are never deleted.
    """

    __tablename__ = "section_registry"
    __table_args__ = (
        UniqueConstraint("code"),
        not_blank("code", "province", "name"),
        CheckConstraint(
            "NOT provisional"
            " OR (province IS NOT NULL AND name IS NOT NULL AND code = province || '/' || name)",
            name="provisional_code",
        ),
        Index(
            "uq_section_registry_provisional",
            "province",
            "name",
            unique=True,
            postgresql_where=text("provisional"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Key)
    province: Mapped[str | None] = mapped_column(Key)
    name: Mapped[str | None] = mapped_column(Key)
    provisional: Mapped[bool] = mapped_column(server_default=text("false"))


class SectionAliasRow(Base):
    """What a list of sections says of the earlier names and codes of a section; append-only.

    For names and for codes, the newest row of a section that says something (is not null) holds whole; an
    empty array withdraws what was said before. Names of other versions of the section are known from those.
    """

    __tablename__ = "section_aliases"
    __table_args__ = (
        not_blank("code"),
        CheckConstraint("names IS NOT NULL OR codes IS NOT NULL", name="says_something"),
        CheckConstraint(
            "array_position(names, NULL) IS NULL AND array_position(names, '') IS NULL", name="names"
        ),
        CheckConstraint(
            "array_position(codes, NULL) IS NULL AND array_position(codes, '') IS NULL", name="codes"
        ),
        CheckConstraint("source_row >= 1", name="source_row"),
        Index("ix_section_aliases_newest", "code", text("id DESC")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(Key)
    names: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    codes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    upload_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.uploads.id"), index=True)
    source_row: Mapped[int | None] = mapped_column(Integer)
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class ParameterRow(Base):
    """A parameter and the unit its readings are stored in; seeded by the migration."""

    __tablename__ = "parameters"
    __table_args__ = (
        CheckConstraint("code ~ '^[a-z][a-z0-9_]*$'", name="code"),
        not_blank("name_zh", "name_en", "unit"),
    )

    code: Mapped[str] = mapped_column(Key, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)


class ReadingRow(Base):
    """One value of one parameter at one section and instant; a correction has the next `revision`.

    `value` is what was shown (the detection limit itself when `qualifier` is '<'), `full_value` the unrounded
    one where the source has it, both in the unit of the parameter; `raw` is the cell as it was.

    `quality` is a flag of QARTOD (1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing) and `quality_tests`
    the tests behind it. They may change, as `section_id` may: a later neighbour or another threshold can
    change an opinion, but not what was measured.

    `section_id`, `parameter` and `upload_id` are checked by a statement trigger of the first migration, not
    by foreign keys: attaching a partition with a foreign key locks the referenced table against every
    writer, so two long loads would wait for each other, and each row would cost three look-ups.
    """

    __tablename__ = "readings"
    __table_args__ = (
        PrimaryKeyConstraint("section_id", "parameter", "sampled_at", "revision"),
        one_of("station_type", STATION_TYPES),
        one_of("qualifier", ("=", "<")),
        # NaN sorts above everything in PostgreSQL, so an upper bound is what keeps it out.
        CheckConstraint(
            "value < 'Infinity' AND full_value < 'Infinity' AND detection_limit < 'Infinity'", name="finite"
        ),
        CheckConstraint(
            "CASE parameter"
            " WHEN 'water_temp' THEN value BETWEEN -10 AND 100 AND full_value BETWEEN -10 AND 100"
            " WHEN 'water_level' THEN value > '-Infinity' AND full_value > '-Infinity'"
            " WHEN 'ndci' THEN value BETWEEN -1 AND 1 AND full_value BETWEEN -1 AND 1"
            " WHEN 'ndti' THEN value BETWEEN -1 AND 1 AND full_value BETWEEN -1 AND 1"
            " WHEN 'ph' THEN value BETWEEN 0 AND 14 AND full_value BETWEEN 0 AND 14"
            " ELSE value >= 0 AND full_value >= 0 END",
            name="possible",
        ),
        CheckConstraint("detection_limit > 0", name="detection_limit"),
        CheckConstraint(
            "qualifier <> '<' OR (detection_limit IS NOT NULL AND value = detection_limit)", name="censored"
        ),
        not_blank("method", "station_status"),
        CheckConstraint("revision >= 0", name="revision"),
        CheckConstraint("source_row >= 1", name="source_row"),
        one_of("quality", QUALITY_FLAGS),
        # What is suspect, fails or is missing says by which test; the rest has nothing to say.
        CheckConstraint(
            "(quality IN (3, 4, 9)) = (quality_tests IS NOT NULL) AND cardinality(quality_tests) > 0",
            name="quality_tests",
        ),
        Index("ix_readings_section_id_sampled_at", "section_id", "sampled_at"),
        Index("ix_readings_sampled_at", "sampled_at", postgresql_using="brin"),
        # Few readings are ever corrected: this index makes "is there a newer one?" nearly free.
        Index(
            "ix_readings_revised",
            "section_id",
            "parameter",
            "sampled_at",
            postgresql_where=text("revision > 0"),
        ),
        {"postgresql_partition_by": "RANGE (sampled_at)"},
    )

    section_id: Mapped[int] = mapped_column(Integer)
    parameter: Mapped[str] = mapped_column(Key)
    sampled_at: Mapped[datetime] = mapped_column(Instant)
    revision: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    station_type: Mapped[str | None] = mapped_column(Key)
    value: Mapped[Decimal] = mapped_column(Numeric)
    full_value: Mapped[Decimal | None] = mapped_column(Numeric)
    qualifier: Mapped[str] = mapped_column(CHAR(1), server_default="=")
    detection_limit: Mapped[Decimal | None] = mapped_column(Numeric)
    raw: Mapped[str | None] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(Text)
    station_status: Mapped[str | None] = mapped_column(Text)
    upload_id: Mapped[int] = mapped_column(BigInteger)
    source_row: Mapped[int | None] = mapped_column(Integer)
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    quality: Mapped[int] = mapped_column(SmallInteger, server_default="2")
    quality_tests: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class SectionStatusRow(Base):
    """A line of a feed without readings: the station is under maintenance, stopped or dry."""

    __tablename__ = "section_statuses"
    __table_args__ = (
        PrimaryKeyConstraint("section_id", "observed_at"),
        not_blank("status"),
        CheckConstraint("observed_at BETWEEN '1900-01-01' AND '2200-01-01'", name="observed_at"),
        CheckConstraint("source_row >= 1", name="source_row"),
    )

    section_id: Mapped[int] = mapped_column(Integer, ForeignKey(f"{SCHEMA}.section_registry.id"))
    observed_at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[str] = mapped_column(Text)
    upload_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.uploads.id"))
    source_row: Mapped[int | None] = mapped_column(Integer)


# --------------------------------------------------------------------------------------------- the books


class LedgerEventRow(Base):
    """Something that was done or found at a subject; append-only, the same event once only."""

    __tablename__ = "ledger_events"
    __table_args__ = (
        UniqueConstraint("fact_hash"),
        not_blank("subject_kind", "subject_code", "event", "evidence", "actor"),
        plausible_days("occurred_on"),
        CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name="fact_hash"),
        CheckConstraint("evidence_sha256 ~ '^[0-9a-f]{64}$'", name="evidence_sha256"),
        CheckConstraint("source_row >= 1", name="source_row"),
        Index("ix_ledger_events_subject", "subject_kind", "subject_code", "occurred_on", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    subject_kind: Mapped[str] = mapped_column(Key)
    subject_code: Mapped[str] = mapped_column(Key)
    event: Mapped[str] = mapped_column(Text)
    occurred_on: Mapped[date]
    note: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[str | None] = mapped_column(Text)
    evidence_sha256: Mapped[str | None] = mapped_column(CHAR(64))
    upload_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.uploads.id"), index=True)
    source_row: Mapped[int | None] = mapped_column(Integer)
    fact_hash: Mapped[str] = mapped_column(CHAR(64))
    actor: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class RuleSetRow(Base):
    """All rules as they were loaded, under the SHA-256 of their canonical JSON."""

    __tablename__ = "rule_sets"
    __table_args__ = (
        CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash"),
        CheckConstraint("jsonb_typeof(content) = 'object'", name="content"),
    )

    hash: Mapped[str] = mapped_column(CHAR(64), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class EvaluationRunRow(Base):
    """One evaluation: which day, region, rules and data. Null region is the basin, null rules are all."""

    __tablename__ = "evaluation_runs"
    __table_args__ = (
        plausible_days("as_of"),
        region(),
        CheckConstraint("cardinality(rule_ids) > 0", name="rule_ids"),
        CheckConstraint("data_hash ~ '^[0-9a-f]{64}$'", name="data_hash"),
        CheckConstraint("finished_at >= started_at", name="finished_at"),
        Index("ix_evaluation_runs_as_of", "as_of", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    as_of: Mapped[date]
    region_code: Mapped[str | None] = mapped_column(Key)
    rule_ids: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    rule_set_hash: Mapped[str] = mapped_column(CHAR(64), ForeignKey(f"{SCHEMA}.rule_sets.hash"), index=True)
    data_hash: Mapped[str] = mapped_column(CHAR(64))
    started_at: Mapped[datetime] = mapped_column(Instant)
    finished_at: Mapped[datetime] = mapped_column(Instant)


class FindingRow(Base):
    """What one rule says of one subject in one run, with its evidence."""

    __tablename__ = "findings"
    __table_args__ = (
        UniqueConstraint("run_id", "finding_key"),
        not_blank("rule_id", "clause", "subject_kind", "subject_code", "subject_name"),
        region(basin_too=True),
        one_of("verdict", VERDICTS),
        one_of("state", FINDING_STATES),
        plausible_days("as_of", "first_seen", "deadline"),
        CheckConstraint("first_seen <= as_of", name="first_seen"),
        CheckConstraint("state <> 'overdue' OR (deadline IS NOT NULL AND deadline < as_of)", name="overdue"),
        CheckConstraint("finding_key ~ '^[0-9a-f]{64}$'", name="finding_key"),
        CheckConstraint(
            "jsonb_typeof(measured) = 'object' AND jsonb_typeof(\"limit\") = 'object'"
            " AND jsonb_typeof(evidence) = 'object'",
            name="objects",
        ),
        # A verdict without its reason is no evidence.
        CheckConstraint("evidence <> '{}'::jsonb", name="evidence"),
        Index("ix_findings_recorded_at_id", "recorded_at", "id"),
        Index("ix_findings_run_id_id", "run_id", "id"),
        Index("ix_findings_first_seen", "finding_key", "verdict", "as_of"),
        Index("ix_findings_region_code", "region_code"),
        Index("ix_findings_rule_id", "rule_id"),
        Index("ix_findings_verdict", "verdict", "state"),
        Index("ix_findings_subject", "subject_kind", "subject_code"),
        *geometry_indexes("findings"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.evaluation_runs.id"))
    finding_key: Mapped[str] = mapped_column(CHAR(64))
    rule_id: Mapped[str] = mapped_column(Key)
    clause: Mapped[str] = mapped_column(Text)
    subject_kind: Mapped[str] = mapped_column(Key)
    subject_code: Mapped[str] = mapped_column(Key)
    subject_name: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str | None] = mapped_column(Key)
    verdict: Mapped[str] = mapped_column(Key)
    state: Mapped[str] = mapped_column(Key)
    measured: Mapped[dict[str, Any]] = mapped_column(JSONB)
    limit: Mapped[dict[str, Any]] = mapped_column(JSONB)
    deadline: Mapped[date | None]
    as_of: Mapped[date]
    first_seen: Mapped[date]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    geometry: Mapped[Any | None] = geometry_column()
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class SectionAssessmentRow(Base):
    """One section over one period as it was assessed; append-only.

    The version that was stored last holds; another one is stored only where the result changed. `cause` is
    what brought it about: the `first` assessment, `readings` or `sections` that a load brought, or other
    `rules`; `upload_id` is that load. `basis_hash` names standards, rules and settings, `input_hash` what
    entered; `result` is the contract's shape, its text kept as it was written.
    """

    __tablename__ = "section_assessments"
    __table_args__ = (
        not_blank("section", "period"),
        CheckConstraint("period_end >= period_start", name="period"),
        CheckConstraint(
            "basis_hash ~ '^[0-9a-f]{64}$' AND input_hash ~ '^[0-9a-f]{64}$'"
            " AND result_hash ~ '^[0-9a-f]{64}$'",
            name="hashes",
        ),
        CheckConstraint("readings >= 0", name="readings"),
        CheckConstraint("json_typeof(result) = 'object'", name="result"),
        CheckConstraint("water_class BETWEEN 1 AND 6", name="water_class"),
        one_of("verdict", VERDICTS),
        one_of("cause", ASSESSMENT_CAUSES),
        Index("ix_section_assessments_newest", "section", "period", text("id DESC")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    section: Mapped[str] = mapped_column(Key)
    period: Mapped[str] = mapped_column(Key)
    period_start: Mapped[date]
    period_end: Mapped[date]
    basis_hash: Mapped[str] = mapped_column(CHAR(64))
    input_hash: Mapped[str] = mapped_column(CHAR(64))
    readings: Mapped[int] = mapped_column(Integer)
    result: Mapped[dict[str, Any]] = mapped_column(JSON)
    result_hash: Mapped[str] = mapped_column(CHAR(64))
    water_class: Mapped[int | None] = mapped_column(SmallInteger)
    verdict: Mapped[str | None] = mapped_column(Key)
    cause: Mapped[str] = mapped_column(Key)
    upload_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.uploads.id"), index=True)
    computed_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


# ---------------------------------------------------------------------------------------------- warnings


class WarningRow(Base):
    """A warning (预警): what it is about, and when it began. What became of it stands in its events.

    `code` is its identity over time: section, rule, parameter and beginning, hashed by the engine.
    """

    __tablename__ = "warnings"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9a-f]{16}$'", name="code"),
        not_blank("rule_id", "kind"),
        Index("ix_warnings_started_at_code", "started_at", "code"),
        Index("ix_warnings_section_id", "section_id"),
    )

    code: Mapped[str] = mapped_column(Key, primary_key=True)
    section_id: Mapped[int] = mapped_column(Integer, ForeignKey(f"{SCHEMA}.section_registry.id"))
    rule_id: Mapped[str] = mapped_column(Key)
    kind: Mapped[str] = mapped_column(Key)
    parameter: Mapped[str] = mapped_column(Key, ForeignKey(f"{SCHEMA}.parameters.code"))
    started_at: Mapped[datetime] = mapped_column(Instant)
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class WarningEventRow(Base):
    """One thing that happened to a warning; the last one says how it stands, and none is ever changed.

    `state`, `severity`, `ended_at`, `over_after` and `readings` are those after the event; `facts` (measured,
    limit, evidence) are there where readings changed something. A reading after `over_after` that is not over
    the threshold closes the warning.
    """

    __tablename__ = "warning_events"
    __table_args__ = (
        one_of("event", WARNING_EVENTS),
        one_of("state", WARNING_STATES),
        not_blank("actor", "note", "severity"),
        CheckConstraint("over_after >= ended_at", name="over_after"),
        CheckConstraint("readings >= 1", name="readings"),
        CheckConstraint("facts IS NULL OR jsonb_typeof(facts) = 'object'", name="facts"),
        CheckConstraint("event <> 'open' OR facts IS NOT NULL", name="opened_by_facts"),
        Index("ix_warning_events_newest", "warning_code", text("id DESC")),
        Index("ix_warning_events_recorded_at", "recorded_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    warning_code: Mapped[str] = mapped_column(Key, ForeignKey(f"{SCHEMA}.warnings.code"))
    event: Mapped[str] = mapped_column(Key)
    state: Mapped[str] = mapped_column(Key)
    severity: Mapped[str] = mapped_column(Key)
    ended_at: Mapped[datetime] = mapped_column(Instant)
    over_after: Mapped[datetime] = mapped_column(Instant)
    readings: Mapped[int] = mapped_column(Integer)
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    actor: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    merged_into: Mapped[str | None] = mapped_column(Key, ForeignKey(f"{SCHEMA}.warnings.code"))
    upload_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey(f"{SCHEMA}.uploads.id"), index=True)
    recorded_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


# ------------------------------------------------------------------------------------------------- doors


class ApiKey(Base):
    """A key of a program. Only the hash of the secret is kept; people tell keys apart by the prefix."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("key_hash"),
        not_blank("prefix", "name"),
        one_of("role", ROLES),
        region(),
        plausible_days("expires"),
        CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name="key_hash"),
        CheckConstraint("revoked_at >= created_at", name="revoked_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    prefix: Mapped[str] = mapped_column(Text)
    key_hash: Mapped[str] = mapped_column(CHAR(64))
    role: Mapped[str] = mapped_column(Key)
    region_code: Mapped[str | None] = mapped_column(Key)
    name: Mapped[str | None] = mapped_column(Text)
    expires: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


VERSIONED: dict[str, type[Any]] = {
    table_name(model): model
    for model in (
        WaterBodyRow,
        ShorelineRow,
        RiverRow,
        SectionRow,
        OutfallRow,
        TailingsPondRow,
        ChemicalSiteRow,
        WaterSourceRow,
        SectionTargetRow,
        SiteRow,
        IndicatorRow,
    )
}

# Columns that identify the thing a version is about; the first one orders and pages.
VERSION_KEYS: dict[str, tuple[str, ...]] = {
    "water_bodies": ("code",),
    "shorelines": ("water_body_code", "line_name"),
    "rivers": ("code",),
    "sections": ("code",),
    "outfalls": ("code",),
    "tailings_ponds": ("code",),
    "chemical_sites": ("code",),
    "water_sources": ("code", "zone_grade"),
    "section_targets": ("section", "parameter"),
    "sites": ("code",),
    "indicators": ("target_id", "region_code", "period"),
}

# Added to or refused, never changed: a correction is a new row.
APPEND_ONLY = (
    *VERSIONED,
    "section_aliases",
    "rejected_rows",
    "ledger_events",
    "rule_sets",
    "evaluation_runs",
    "findings",
    "section_assessments",
    "warnings",
    "warning_events",
)
