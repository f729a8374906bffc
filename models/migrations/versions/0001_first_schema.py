"""First schema: uploads, versioned kinds, readings by month, the ledger, rule sets, runs and findings.

Revision: 0001; follows nothing.
"""

# ruff: noqa: E501 - constraints are long and a migration is not edited again

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Frozen here: what this revision wrote stays what it wrote.
PARAMETERS = (
    ("water_temp", "水温", "Water temperature", "°C"),
    ("ph", "pH值", "pH", "dimensionless"),
    ("do", "溶解氧", "Dissolved oxygen", "mg/L"),
    ("do_saturation", "溶解氧饱和度", "Dissolved oxygen saturation", "%"),
    ("conductivity", "电导率", "Conductivity", "μS/cm"),
    ("turbidity", "浊度", "Turbidity", "NTU"),
    ("cod_mn", "高锰酸盐指数", "Permanganate index", "mg/L"),
    ("cod_cr", "化学需氧量", "Chemical oxygen demand", "mg/L"),
    ("bod5", "五日生化需氧量", "Five-day biochemical oxygen demand", "mg/L"),
    ("nh3_n", "氨氮", "Ammonia nitrogen", "mg/L"),
    ("tp", "总磷", "Total phosphorus", "mg/L"),
    ("tn", "总氮", "Total nitrogen", "mg/L"),
    ("chl_a", "叶绿素a", "Chlorophyll a", "mg/L"),
    ("algae_density", "藻密度", "Algae density", "cells/L"),
    ("transparency", "透明度", "Transparency", "m"),
    ("suspended_solids", "悬浮物", "Suspended solids", "mg/L"),
    ("cu", "铜", "Copper", "mg/L"),
    ("zn", "锌", "Zinc", "mg/L"),
    ("fluoride", "氟化物", "Fluoride", "mg/L"),
    ("se", "硒", "Selenium", "mg/L"),
    ("arsenic", "砷", "Arsenic", "mg/L"),
    ("hg", "汞", "Mercury", "mg/L"),
    ("cd", "镉", "Cadmium", "mg/L"),
    ("cr6", "铬（六价）", "Hexavalent chromium", "mg/L"),
    ("cr_total", "总铬", "Total chromium", "mg/L"),
    ("pb", "铅", "Lead", "mg/L"),
    ("cyanide", "氰化物", "Cyanide", "mg/L"),
    ("volatile_phenol", "挥发酚", "Volatile phenols", "mg/L"),
    ("petroleum", "石油类", "Petroleum hydrocarbons", "mg/L"),
    ("las", "阴离子表面活性剂", "Anionic surfactants", "mg/L"),
    ("sulfide", "硫化物", "Sulfide", "mg/L"),
    ("fecal_coliform", "粪大肠菌群", "Fecal coliforms", "count/L"),
    ("sulfate", "硫酸盐", "Sulfate (as SO4 2-)", "mg/L"),
    ("chloride", "氯化物", "Chloride (as Cl-)", "mg/L"),
    ("nitrate", "硝酸盐", "Nitrate (as N)", "mg/L"),
    ("fe", "铁", "Iron", "mg/L"),
    ("mn", "锰", "Manganese", "mg/L"),
    ("sb", "锑", "Antimony", "mg/L"),
    ("tl", "铊", "Thallium", "mg/L"),
    ("mo", "钼", "Molybdenum", "mg/L"),
    ("co", "钴", "Cobalt", "mg/L"),
    ("be", "铍", "Beryllium", "mg/L"),
    ("b", "硼", "Boron", "mg/L"),
    ("ni", "镍", "Nickel", "mg/L"),
    ("ba", "钡", "Barium", "mg/L"),
    ("v", "钒", "Vanadium", "mg/L"),
    ("ti", "钛", "Titanium", "mg/L"),
    ("methylmercury", "甲基汞", "Methylmercury", "mg/L"),
    ("tetraethyl_lead", "四乙基铅", "Tetraethyl lead", "mg/L"),
    ("microcystin_lr", "微囊藻毒素-LR", "Microcystin-LR", "mg/L"),
    ("yellow_phosphorus", "黄磷", "Yellow (white) phosphorus", "mg/L"),
    ("flow", "流量", "Flow", "m3/s"),
    ("water_level", "水位", "Water level", "m"),
)

# Append-only tables: what was recorded stays, and a correction is a new row.
APPEND_ONLY = (
    "water_bodies",
    "shorelines",
    "rivers",
    "sections",
    "outfalls",
    "tailings_ponds",
    "chemical_sites",
    "water_sources",
    "section_targets",
    "sites",
    "indicators",
    "rejected_rows",
    "ledger_events",
    "rule_sets",
    "evaluation_runs",
    "findings",
)

# Rows that others refer to by number: they may change, never go.
NEVER_DELETED = ("uploads", "section_registry", "section_statuses", "parameters")

REFUSE_CHANGE = """
CREATE FUNCTION qingjiang.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: its rows are records', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation',
              HINT = 'add a new version or revision instead';
END
$$
"""

# What foreign keys would check, once per statement. Deleting the other side is refused above, so no lock
# is needed on it.
CHECK_REFERENCES = """
CREATE FUNCTION qingjiang.check_reading_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text;
BEGIN
    SELECT 'section_id ' || w.section_id INTO missing
    FROM (SELECT DISTINCT section_id FROM written) w
    WHERE NOT EXISTS (SELECT FROM qingjiang.section_registry s WHERE s.id = w.section_id) LIMIT 1;
    IF missing IS NULL THEN
        SELECT 'parameter ' || w.parameter INTO missing
        FROM (SELECT DISTINCT parameter FROM written) w
        WHERE NOT EXISTS (SELECT FROM qingjiang.parameters p WHERE p.code = w.parameter) LIMIT 1;
    END IF;
    IF missing IS NULL THEN
        SELECT 'upload_id ' || w.upload_id INTO missing
        FROM (SELECT DISTINCT upload_id FROM written) w
        WHERE NOT EXISTS (SELECT FROM qingjiang.uploads u WHERE u.id = w.upload_id) LIMIT 1;
    END IF;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'a reading refers to % which does not exist', missing
            USING ERRCODE = 'foreign_key_violation', TABLE = 'readings', SCHEMA = 'qingjiang';
    END IF;
    RETURN NULL;
END
$$
"""


def create_triggers() -> None:
    """Refuse what constraints cannot express."""
    op.execute(REFUSE_CHANGE)
    op.execute(CHECK_REFERENCES)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qingjiang.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION qingjiang.refuse_change()"
        )
    for table in NEVER_DELETED:
        op.execute(
            f"CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON qingjiang.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION qingjiang.refuse_change()"
        )
    # A reading may move to another section number (a provisional section that turns out to be a known
    # one); what was measured, when and from which file may not change.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OF parameter, sampled_at, revision, station_type, value,"
        " full_value, qualifier, detection_limit, raw, method, station_status, upload_id, source_row,"
        " recorded_at OR DELETE OR TRUNCATE ON qingjiang.readings"
        " FOR EACH STATEMENT EXECUTE FUNCTION qingjiang.refuse_change()"
    )
    for event in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER references_on_{event.lower()} AFTER {event} ON qingjiang.readings"
            " REFERENCING NEW TABLE AS written"
            " FOR EACH STATEMENT EXECUTE FUNCTION qingjiang.check_reading_references()"
        )


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("role", sa.Text(collation="C"), nullable=False),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("expires", sa.Date(), nullable=True),
        sa.Column(
            "created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("btrim(prefix) <> '' AND btrim(name) <> ''", name=op.f("ck_api_keys_not_blank")),
        sa.CheckConstraint("expires BETWEEN '1800-01-01' AND '2199-12-31'", name=op.f("ck_api_keys_days")),
        sa.CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_api_keys_key_hash")),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_api_keys_region_code")
        ),
        sa.CheckConstraint(
            "role IN ('bureau', 'inspector', 'portal', 'admin')", name=op.f("ck_api_keys_role")
        ),
        sa.CheckConstraint("revoked_at >= created_at", name=op.f("ck_api_keys_revoked_at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        schema="qingjiang",
    )
    op.create_table(
        "parameters",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "btrim(name_zh) <> '' AND btrim(name_en) <> '' AND btrim(unit) <> ''",
            name=op.f("ck_parameters_not_blank"),
        ),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9_]*$'", name=op.f("ck_parameters_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_parameters")),
        schema="qingjiang",
    )
    op.create_table(
        "readings",
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("parameter", sa.Text(collation="C"), nullable=False),
        sa.Column("sampled_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revision", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("station_type", sa.Text(collation="C"), nullable=True),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("full_value", sa.Numeric(), nullable=True),
        sa.Column("qualifier", sa.CHAR(length=1), server_default="=", nullable=False),
        sa.Column("detection_limit", sa.Numeric(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("station_status", sa.Text(), nullable=True),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "CASE parameter WHEN 'water_temp' THEN value BETWEEN -10 AND 100 AND full_value BETWEEN -10 AND 100 WHEN 'water_level' THEN value > '-Infinity' AND full_value > '-Infinity' WHEN 'ph' THEN value BETWEEN 0 AND 14 AND full_value BETWEEN 0 AND 14 ELSE value >= 0 AND full_value >= 0 END",
            name=op.f("ck_readings_possible"),
        ),
        sa.CheckConstraint(
            "btrim(method) <> '' AND btrim(station_status) <> ''", name=op.f("ck_readings_not_blank")
        ),
        sa.CheckConstraint(
            "qualifier <> '<' OR (detection_limit IS NOT NULL AND value = detection_limit)",
            name=op.f("ck_readings_censored"),
        ),
        sa.CheckConstraint("qualifier IN ('=', '<')", name=op.f("ck_readings_qualifier")),
        sa.CheckConstraint("station_type IN ('automatic', 'manual')", name=op.f("ck_readings_station_type")),
        sa.CheckConstraint(
            "value < 'Infinity' AND full_value < 'Infinity' AND detection_limit < 'Infinity'",
            name=op.f("ck_readings_finite"),
        ),
        sa.CheckConstraint("detection_limit > 0", name=op.f("ck_readings_detection_limit")),
        sa.CheckConstraint("revision >= 0", name=op.f("ck_readings_revision")),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_readings_source_row")),
        sa.PrimaryKeyConstraint(
            "section_id", "parameter", "sampled_at", "revision", name=op.f("pk_readings")
        ),
        schema="qingjiang",
        postgresql_partition_by="RANGE (sampled_at)",
    )
    op.create_index(
        "ix_readings_revised",
        "readings",
        ["section_id", "parameter", "sampled_at"],
        unique=False,
        schema="qingjiang",
        postgresql_where=sa.text("revision > 0"),
    )
    op.create_index(
        "ix_readings_sampled_at",
        "readings",
        ["sampled_at"],
        unique=False,
        schema="qingjiang",
        postgresql_using="brin",
    )
    op.create_index(
        "ix_readings_section_id_sampled_at",
        "readings",
        ["section_id", "sampled_at"],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "rule_sets",
        sa.Column("hash", sa.CHAR(length=64), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_rule_sets_hash")),
        sa.CheckConstraint("jsonb_typeof(content) = 'object'", name=op.f("ck_rule_sets_content")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_rule_sets")),
        schema="qingjiang",
    )
    op.create_table(
        "section_registry",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("province", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "NOT provisional OR (province IS NOT NULL AND name IS NOT NULL AND code = province || '/' || name)",
            name=op.f("ck_section_registry_provisional_code"),
        ),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(province) <> '' AND btrim(name) <> ''",
            name=op.f("ck_section_registry_not_blank"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_registry")),
        sa.UniqueConstraint("code", name=op.f("uq_section_registry_code")),
        schema="qingjiang",
    )
    op.create_index(
        "uq_section_registry_provisional",
        "section_registry",
        ["province", "name"],
        unique=True,
        schema="qingjiang",
        postgresql_where=sa.text("provisional"),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.CHAR(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("state", sa.Text(collation="C"), server_default="received", nullable=False),
        sa.Column("rows_read", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_loaded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_duplicate", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_rejected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("readings_loaded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "received_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "btrim(file_name) <> '' AND btrim(source) <> ''", name=op.f("ck_uploads_not_blank")
        ),
        sa.CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_uploads_file_sha256")),
        sa.CheckConstraint("jsonb_typeof(options) = 'object'", name=op.f("ck_uploads_options")),
        sa.CheckConstraint(
            "kind IN ('water_bodies', 'shorelines', 'rivers', 'sections', 'readings', 'outfalls', 'tailings_ponds', 'chemical_sites', 'water_sources', 'section_targets', 'sites', 'indicators', 'ledger')",
            name=op.f("ck_uploads_kind"),
        ),
        sa.CheckConstraint(
            "report IS NULL OR jsonb_typeof(report) = 'object'", name=op.f("ck_uploads_report")
        ),
        sa.CheckConstraint(
            "state <> 'loaded' OR rows_loaded + rows_duplicate + rows_rejected = rows_read",
            name=op.f("ck_uploads_rows_accounted_for"),
        ),
        sa.CheckConstraint(
            "state IN ('received', 'validating', 'loading', 'loaded', 'rejected', 'failed', 'cancelled')",
            name=op.f("ck_uploads_state"),
        ),
        sa.CheckConstraint("finished_at >= received_at", name=op.f("ck_uploads_finished_at")),
        sa.CheckConstraint(
            "rows_read >= 0 AND rows_loaded >= 0 AND rows_duplicate >= 0 AND rows_rejected >= 0 AND readings_loaded >= 0",
            name=op.f("ck_uploads_counts"),
        ),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_uploads_size_bytes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        schema="qingjiang",
    )
    op.create_index("ix_uploads_file", "uploads", ["kind", "file_sha256"], unique=False, schema="qingjiang")
    op.create_table(
        "chemical_sites",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=True),
        sa.Column("action", sa.Text(collation="C"), nullable=True),
        sa.Column("action_on", sa.Date(), nullable=True),
        sa.Column("recognised_on", sa.Date(), nullable=True),
        sa.Column("relocation_status", sa.Text(), nullable=True),
        sa.Column("relocated_on", sa.Date(), nullable=True),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('POINT', 'POLYGON', 'MULTIPOLYGON') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_chemical_sites_geometry"),
        ),
        sa.CheckConstraint(
            "accuracy_m >= 0 AND accuracy_m < 'Infinity'", name=op.f("ck_chemical_sites_accuracy_m")
        ),
        sa.CheckConstraint("action IN ('new', 'rebuild', 'expand')", name=op.f("ck_chemical_sites_action")),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(relocation_status) <> ''",
            name=op.f("ck_chemical_sites_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_chemical_sites_fact_hash")),
        sa.CheckConstraint("kind IN ('park', 'enterprise', 'project')", name=op.f("ck_chemical_sites_kind")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_chemical_sites_original")
        ),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_chemical_sites_region_code")
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31' AND action_on BETWEEN '1800-01-01' AND '2199-12-31' AND recognised_on BETWEEN '1800-01-01' AND '2199-12-31' AND relocated_on BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_chemical_sites_days"),
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_chemical_sites_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_chemical_sites_validity")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_chemical_sites_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chemical_sites")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_chemical_sites_geography",
        "chemical_sites",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_chemical_sites_geometry",
        "chemical_sites",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_chemical_sites_upload_id"), "chemical_sites", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_chemical_sites_version",
        "chemical_sites",
        [
            "code",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "evaluation_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("rule_ids", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("rule_set_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("data_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "as_of BETWEEN '1800-01-01' AND '2199-12-31'", name=op.f("ck_evaluation_runs_days")
        ),
        sa.CheckConstraint("data_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_evaluation_runs_data_hash")),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_evaluation_runs_region_code")
        ),
        sa.CheckConstraint("cardinality(rule_ids) > 0", name=op.f("ck_evaluation_runs_rule_ids")),
        sa.CheckConstraint("finished_at >= started_at", name=op.f("ck_evaluation_runs_finished_at")),
        sa.ForeignKeyConstraint(
            ["rule_set_hash"], ["qingjiang.rule_sets.hash"], name=op.f("fk_evaluation_runs_rule_set_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_runs")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_evaluation_runs_as_of", "evaluation_runs", ["as_of", "id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        op.f("ix_evaluation_runs_rule_set_hash"),
        "evaluation_runs",
        ["rule_set_hash"],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "indicators",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("target_id", sa.Text(collation="C"), nullable=False),
        sa.Column("region_code", sa.Text(collation="C"), nullable=False),
        sa.Column("period", sa.Text(collation="C"), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("reported_by", sa.Text(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "btrim(target_id) <> '' AND btrim(period) <> '' AND btrim(unit) <> '' AND btrim(reported_by) <> ''",
            name=op.f("ck_indicators_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_indicators_fact_hash")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_indicators_original")
        ),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$' OR region_code = 'yangtze'",
            name=op.f("ck_indicators_region_code"),
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31' AND reported_on BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_indicators_days"),
        ),
        sa.CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name=op.f("ck_indicators_value")),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_indicators_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_indicators_validity")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_indicators_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indicators")),
        schema="qingjiang",
    )
    op.create_index(
        op.f("ix_indicators_upload_id"), "indicators", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_indicators_version",
        "indicators",
        [
            "target_id",
            "region_code",
            "period",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "ledger_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subject_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_code", sa.Text(collation="C"), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("evidence_sha256", sa.CHAR(length=64), nullable=True),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "btrim(subject_kind) <> '' AND btrim(subject_code) <> '' AND btrim(event) <> '' AND btrim(evidence) <> '' AND btrim(actor) <> ''",
            name=op.f("ck_ledger_events_not_blank"),
        ),
        sa.CheckConstraint(
            "evidence_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_ledger_events_evidence_sha256")
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_ledger_events_fact_hash")),
        sa.CheckConstraint(
            "occurred_on BETWEEN '1800-01-01' AND '2199-12-31'", name=op.f("ck_ledger_events_days")
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_ledger_events_source_row")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_ledger_events_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_events")),
        sa.UniqueConstraint("fact_hash", name=op.f("uq_ledger_events_fact_hash")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_ledger_events_subject",
        "ledger_events",
        ["subject_kind", "subject_code", "occurred_on", "id"],
        unique=False,
        schema="qingjiang",
    )
    op.create_index(
        op.f("ix_ledger_events_upload_id"), "ledger_events", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_table(
        "outfalls",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(collation="C"), nullable=True),
        sa.Column("sub_category", sa.Text(), nullable=True),
        sa.Column("receiving_water", sa.Text(), nullable=True),
        sa.Column("responsible", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("is_key", sa.Boolean(), nullable=True),
        sa.Column("found_on", sa.Date(), nullable=True),
        sa.Column("monitored_on", sa.Date(), nullable=True),
        sa.Column("traced_on", sa.Date(), nullable=True),
        sa.Column("remediation", sa.Text(collation="C"), nullable=True),
        sa.Column("plan_on", sa.Date(), nullable=True),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("cancelled_on", sa.Date(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('POINT') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_outfalls_geometry"),
        ),
        sa.CheckConstraint(
            "accuracy_m >= 0 AND accuracy_m < 'Infinity'", name=op.f("ck_outfalls_accuracy_m")
        ),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(sub_category) <> '' AND btrim(receiving_water) <> '' AND btrim(responsible) <> ''",
            name=op.f("ck_outfalls_not_blank"),
        ),
        sa.CheckConstraint(
            "category IN ('industrial', 'wtp', 'agricultural', 'other')", name=op.f("ck_outfalls_category")
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_outfalls_fact_hash")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_outfalls_original")
        ),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_outfalls_region_code")
        ),
        sa.CheckConstraint(
            "remediation IN ('banned', 'merged', 'standardised')", name=op.f("ck_outfalls_remediation")
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31' AND found_on BETWEEN '1800-01-01' AND '2199-12-31' AND monitored_on BETWEEN '1800-01-01' AND '2199-12-31' AND traced_on BETWEEN '1800-01-01' AND '2199-12-31' AND plan_on BETWEEN '1800-01-01' AND '2199-12-31' AND completed_on BETWEEN '1800-01-01' AND '2199-12-31' AND cancelled_on BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_outfalls_days"),
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_outfalls_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_outfalls_validity")),
        sa.ForeignKeyConstraint(["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_outfalls_upload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outfalls")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_outfalls_geography",
        "outfalls",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_outfalls_geometry",
        "outfalls",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_outfalls_upload_id"), "outfalls", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_outfalls_version",
        "outfalls",
        [
            "code",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "rejected_rows",
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN jsonb_typeof(errors) = 'array' THEN jsonb_array_length(errors) > 0 ELSE false END",
            name=op.f("ck_rejected_rows_errors"),
        ),
        sa.CheckConstraint("jsonb_typeof(original) = 'object'", name=op.f("ck_rejected_rows_original")),
        sa.CheckConstraint('"row" >= 1', name=op.f("ck_rejected_rows_row")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_rejected_rows_upload_id")
        ),
        sa.PrimaryKeyConstraint("upload_id", "row", name=op.f("pk_rejected_rows")),
        schema="qingjiang",
    )
    op.create_table(
        "rivers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("downstream_code", sa.Text(collation="C"), nullable=True),
        sa.Column("rank", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('LINESTRING', 'MULTILINESTRING') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_rivers_geometry"),
        ),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(downstream_code) <> ''",
            name=op.f("ck_rivers_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_rivers_fact_hash")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_rivers_original")
        ),
        sa.CheckConstraint(
            "rank IN ('mainstem', 'important_tributary', 'tributary', 'important_lake', 'lake')",
            name=op.f("ck_rivers_rank"),
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_rivers_days"),
        ),
        sa.CheckConstraint("downstream_code <> code", name=op.f("ck_rivers_downstream_code")),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_rivers_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_rivers_validity")),
        sa.ForeignKeyConstraint(["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_rivers_upload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rivers")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_rivers_geography",
        "rivers",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_rivers_geometry",
        "rivers",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(op.f("ix_rivers_upload_id"), "rivers", ["upload_id"], unique=False, schema="qingjiang")
    op.create_index(
        "ix_rivers_version",
        "rivers",
        [
            "code",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "section_statuses",
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.CheckConstraint("btrim(status) <> ''", name=op.f("ck_section_statuses_not_blank")),
        sa.CheckConstraint(
            "observed_at BETWEEN '1900-01-01' AND '2200-01-01'", name=op.f("ck_section_statuses_observed_at")
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_section_statuses_source_row")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["qingjiang.section_registry.id"], name=op.f("fk_section_statuses_section_id")
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_section_statuses_upload_id")
        ),
        sa.PrimaryKeyConstraint("section_id", "observed_at", name=op.f("pk_section_statuses")),
        schema="qingjiang",
    )
    op.create_table(
        "section_targets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("section", sa.Text(collation="C"), nullable=False),
        sa.Column("parameter", sa.Text(collation="C"), nullable=False),
        sa.Column("comparator", sa.Text(collation="C"), nullable=False),
        sa.Column("limit", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "btrim(section) <> '' AND btrim(unit) <> '' AND btrim(source) <> ''",
            name=op.f("ck_section_targets_not_blank"),
        ),
        sa.CheckConstraint(
            "comparator IN ('<=', '<', '>=', '>', '==')", name=op.f("ck_section_targets_comparator")
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_section_targets_fact_hash")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_section_targets_original")
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_section_targets_days"),
        ),
        sa.CheckConstraint(
            "\"limit\" > '-Infinity' AND \"limit\" < 'Infinity'", name=op.f("ck_section_targets_limit")
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_section_targets_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_section_targets_validity")),
        sa.ForeignKeyConstraint(
            ["parameter"], ["qingjiang.parameters.code"], name=op.f("fk_section_targets_parameter")
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_section_targets_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_targets")),
        schema="qingjiang",
    )
    op.create_index(
        op.f("ix_section_targets_upload_id"),
        "section_targets",
        ["upload_id"],
        unique=False,
        schema="qingjiang",
    )
    op.create_index(
        "ix_section_targets_version",
        "section_targets",
        [
            "section",
            "parameter",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "sections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("river", sa.Text(), nullable=True),
        sa.Column("water_body_code", sa.Text(collation="C"), nullable=True),
        sa.Column("water_body_type", sa.Text(collation="C"), nullable=True),
        sa.Column("basin", sa.Text(), nullable=True),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("level", sa.Text(collation="C"), nullable=True),
        sa.Column("station_type", sa.Text(collation="C"), nullable=True),
        sa.Column("target_class", sa.SmallInteger(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                geometry_type="POINT",
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('POINT') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_sections_geometry"),
        ),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(river) <> '' AND btrim(water_body_code) <> '' AND btrim(basin) <> '' AND btrim(province) <> '' AND btrim(city) <> ''",
            name=op.f("ck_sections_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_sections_fact_hash")),
        sa.CheckConstraint(
            "level IN ('national', 'provincial', 'municipal', 'county')", name=op.f("ck_sections_level")
        ),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_sections_original")
        ),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_sections_region_code")
        ),
        sa.CheckConstraint("station_type IN ('automatic', 'manual')", name=op.f("ck_sections_station_type")),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_sections_days"),
        ),
        sa.CheckConstraint(
            "water_body_type IN ('river', 'lake', 'reservoir')", name=op.f("ck_sections_water_body_type")
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_sections_source_row")),
        sa.CheckConstraint("target_class BETWEEN 1 AND 5", name=op.f("ck_sections_target_class")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_sections_validity")),
        sa.ForeignKeyConstraint(["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_sections_upload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sections")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_sections_geography",
        "sections",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_sections_geometry",
        "sections",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_sections_upload_id"), "sections", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_sections_version",
        "sections",
        [
            "code",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "shorelines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("water_body_code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column(
            "line_name",
            sa.Text(collation="C"),
            sa.Computed("coalesce(name, '')", persisted=True),
            nullable=False,
        ),
        sa.Column("rank", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("version_hash", sa.CHAR(length=64), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('LINESTRING', 'MULTILINESTRING', 'POLYGON', 'MULTIPOLYGON') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_shorelines_geometry"),
        ),
        sa.CheckConstraint(
            "accuracy_m >= 0 AND accuracy_m < 'Infinity'", name=op.f("ck_shorelines_accuracy_m")
        ),
        sa.CheckConstraint(
            "btrim(water_body_code) <> '' AND btrim(name) <> '' AND btrim(source) <> ''",
            name=op.f("ck_shorelines_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_shorelines_fact_hash")),
        sa.CheckConstraint(
            "kind IN ('management_boundary', 'outer_line', 'waterside_line', 'imagery', 'centreline')",
            name=op.f("ck_shorelines_kind"),
        ),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_shorelines_original")
        ),
        sa.CheckConstraint(
            "rank IN ('mainstem', 'important_tributary', 'tributary', 'important_lake', 'lake')",
            name=op.f("ck_shorelines_rank"),
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_shorelines_days"),
        ),
        sa.CheckConstraint("version_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_shorelines_version_hash")),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_shorelines_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_shorelines_validity")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_shorelines_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shorelines")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_shorelines_geography",
        "shorelines",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_shorelines_geometry",
        "shorelines",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_shorelines_upload_id"), "shorelines", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_shorelines_version",
        "shorelines",
        [
            "water_body_code",
            "line_name",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "sites",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("responsible", sa.Text(), nullable=True),
        sa.Column("built_on", sa.Date(), nullable=True),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('POINT', 'MULTIPOINT', 'LINESTRING', 'MULTILINESTRING', 'POLYGON', 'MULTIPOLYGON') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_sites_geometry"),
        ),
        sa.CheckConstraint(
            "attributes IS NULL OR jsonb_typeof(attributes) = 'object'", name=op.f("ck_sites_attributes")
        ),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(category) <> '' AND btrim(status) <> '' AND btrim(responsible) <> ''",
            name=op.f("ck_sites_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_sites_fact_hash")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_sites_original")
        ),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_sites_region_code")
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31' AND built_on BETWEEN '1800-01-01' AND '2199-12-31' AND completed_on BETWEEN '1800-01-01' AND '2199-12-31' AND closed_on BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_sites_days"),
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_sites_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_sites_validity")),
        sa.ForeignKeyConstraint(["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_sites_upload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        schema="qingjiang",
    )
    op.create_index("ix_sites_category", "sites", ["category"], unique=False, schema="qingjiang")
    op.create_index(
        "ix_sites_geography",
        "sites",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_sites_geometry", "sites", ["geometry"], unique=False, schema="qingjiang", postgresql_using="gist"
    )
    op.create_index(op.f("ix_sites_upload_id"), "sites", ["upload_id"], unique=False, schema="qingjiang")
    op.create_index(
        "ix_sites_version",
        "sites",
        [
            "code",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "tailings_ponds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("grade", sa.SmallInteger(), nullable=True),
        sa.Column("supervision_level", sa.SmallInteger(), nullable=True),
        sa.Column("commodity", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(collation="C"), nullable=True),
        sa.Column("action_on", sa.Date(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("plan_on", sa.Date(), nullable=True),
        sa.Column("disused_since", sa.Date(), nullable=True),
        sa.Column("treated_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("cancelled_on", sa.Date(), nullable=True),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('POINT', 'POLYGON', 'MULTIPOLYGON') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_tailings_ponds_geometry"),
        ),
        sa.CheckConstraint(
            "accuracy_m >= 0 AND accuracy_m < 'Infinity'", name=op.f("ck_tailings_ponds_accuracy_m")
        ),
        sa.CheckConstraint("action IN ('new', 'rebuild', 'expand')", name=op.f("ck_tailings_ponds_action")),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(operator) <> '' AND btrim(commodity) <> '' AND btrim(purpose) <> ''",
            name=op.f("ck_tailings_ponds_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_tailings_ponds_fact_hash")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_tailings_ponds_original")
        ),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_tailings_ponds_region_code")
        ),
        sa.CheckConstraint(
            "status IN ('in_construction', 'in_use', 'out_of_use', 'closed', 'cancelled', 'abandoned')",
            name=op.f("ck_tailings_ponds_status"),
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31' AND action_on BETWEEN '1800-01-01' AND '2199-12-31' AND plan_on BETWEEN '1800-01-01' AND '2199-12-31' AND disused_since BETWEEN '1800-01-01' AND '2199-12-31' AND treated_on BETWEEN '1800-01-01' AND '2199-12-31' AND closed_on BETWEEN '1800-01-01' AND '2199-12-31' AND cancelled_on BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_tailings_ponds_days"),
        ),
        sa.CheckConstraint("grade BETWEEN 1 AND 5", name=op.f("ck_tailings_ponds_grade")),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_tailings_ponds_source_row")),
        sa.CheckConstraint(
            "supervision_level BETWEEN 1 AND 3", name=op.f("ck_tailings_ponds_supervision_level")
        ),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_tailings_ponds_validity")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_tailings_ponds_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tailings_ponds")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_tailings_ponds_geography",
        "tailings_ponds",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_tailings_ponds_geometry",
        "tailings_ponds",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_tailings_ponds_upload_id"), "tailings_ponds", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_tailings_ponds_version",
        "tailings_ponds",
        [
            "code",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "water_bodies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rank", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=True),
        sa.Column("parent_code", sa.Text(collation="C"), nullable=True),
        sa.Column("catchment_km2", sa.Double(), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('POINT', 'LINESTRING', 'MULTILINESTRING', 'POLYGON', 'MULTIPOLYGON') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_water_bodies_geometry"),
        ),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(parent_code) <> ''",
            name=op.f("ck_water_bodies_not_blank"),
        ),
        sa.CheckConstraint(
            "catchment_km2 > 0 AND catchment_km2 < 'Infinity'", name=op.f("ck_water_bodies_catchment_km2")
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_water_bodies_fact_hash")),
        sa.CheckConstraint("kind IN ('river', 'lake', 'reservoir')", name=op.f("ck_water_bodies_kind")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_water_bodies_original")
        ),
        sa.CheckConstraint(
            "rank IN ('mainstem', 'important_tributary', 'tributary', 'important_lake', 'lake')",
            name=op.f("ck_water_bodies_rank"),
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_water_bodies_days"),
        ),
        sa.CheckConstraint("parent_code <> code", name=op.f("ck_water_bodies_parent_code")),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_water_bodies_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_water_bodies_validity")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_water_bodies_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_water_bodies")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_water_bodies_geography",
        "water_bodies",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_water_bodies_geometry",
        "water_bodies",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_water_bodies_upload_id"), "water_bodies", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_water_bodies_version",
        "water_bodies",
        [
            "code",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "water_sources",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(collation="C"), nullable=True),
        sa.Column("kind", sa.Text(collation="C"), nullable=True),
        sa.Column("zone_grade", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("section_code", sa.Text(collation="C"), nullable=True),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"
            ),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("fact_hash", sa.CHAR(length=64), nullable=False),
        sa.Column("original", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "GeometryType(geometry) IN ('POINT', 'MULTIPOINT', 'POLYGON', 'MULTIPOLYGON') AND NOT ST_IsEmpty(geometry) AND ST_IsValid(geometry) AND ST_XMin(geometry) >= 73 AND ST_XMax(geometry) <= 136 AND ST_YMin(geometry) >= 3 AND ST_YMax(geometry) <= 54",
            name=op.f("ck_water_sources_geometry"),
        ),
        sa.CheckConstraint(
            "btrim(code) <> '' AND btrim(name) <> '' AND btrim(section_code) <> ''",
            name=op.f("ck_water_sources_not_blank"),
        ),
        sa.CheckConstraint("fact_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_water_sources_fact_hash")),
        sa.CheckConstraint("kind IN ('surface', 'ground')", name=op.f("ck_water_sources_kind")),
        sa.CheckConstraint("level IN ('city', 'county', 'township')", name=op.f("ck_water_sources_level")),
        sa.CheckConstraint(
            "original IS NULL OR jsonb_typeof(original) = 'object'", name=op.f("ck_water_sources_original")
        ),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$'", name=op.f("ck_water_sources_region_code")
        ),
        sa.CheckConstraint(
            "valid_from BETWEEN '1800-01-01' AND '2199-12-31' AND valid_to BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_water_sources_days"),
        ),
        sa.CheckConstraint(
            "zone_grade = 0 OR (geometry IS NOT NULL AND GeometryType(geometry) IN ('POLYGON', 'MULTIPOLYGON'))",
            name=op.f("ck_water_sources_zone_polygon"),
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_water_sources_source_row")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_water_sources_validity")),
        sa.CheckConstraint("zone_grade IN (0, 1, 2)", name=op.f("ck_water_sources_zone_grade")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_water_sources_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_water_sources")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_water_sources_geography",
        "water_sources",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_water_sources_geometry",
        "water_sources",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        op.f("ix_water_sources_upload_id"), "water_sources", ["upload_id"], unique=False, schema="qingjiang"
    )
    op.create_index(
        "ix_water_sources_version",
        "water_sources",
        [
            "code",
            "zone_grade",
            sa.literal_column("valid_from DESC NULLS LAST"),
            sa.literal_column("recorded_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        schema="qingjiang",
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("finding_key", sa.CHAR(length=64), nullable=False),
        sa.Column("rule_id", sa.Text(collation="C"), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_code", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_name", sa.Text(), nullable=True),
        sa.Column("region_code", sa.Text(collation="C"), nullable=True),
        sa.Column("verdict", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), nullable=False),
        sa.Column("measured", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("limit", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "geometry",
            Geometry(
                srid=4490, dimension=2, spatial_index=False, from_text="ST_GeomFromEWKT", name="geometry"
            ),
            nullable=True,
        ),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "as_of BETWEEN '1800-01-01' AND '2199-12-31' AND first_seen BETWEEN '1800-01-01' AND '2199-12-31' AND deadline BETWEEN '1800-01-01' AND '2199-12-31'",
            name=op.f("ck_findings_days"),
        ),
        sa.CheckConstraint(
            "btrim(rule_id) <> '' AND btrim(clause) <> '' AND btrim(subject_kind) <> '' AND btrim(subject_code) <> '' AND btrim(subject_name) <> ''",
            name=op.f("ck_findings_not_blank"),
        ),
        sa.CheckConstraint("evidence <> '{}'::jsonb", name=op.f("ck_findings_evidence")),
        sa.CheckConstraint("finding_key ~ '^[0-9a-f]{64}$'", name=op.f("ck_findings_finding_key")),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}([0-9]{3}){0,2}$' OR region_code = 'yangtze'",
            name=op.f("ck_findings_region_code"),
        ),
        sa.CheckConstraint(
            "state <> 'overdue' OR (deadline IS NOT NULL AND deadline < as_of)",
            name=op.f("ck_findings_overdue"),
        ),
        sa.CheckConstraint("state IN ('open', 'due', 'overdue', 'resolved')", name=op.f("ck_findings_state")),
        sa.CheckConstraint(
            "verdict IN ('compliant', 'violation', 'undetermined')", name=op.f("ck_findings_verdict")
        ),
        sa.CheckConstraint("first_seen <= as_of", name=op.f("ck_findings_first_seen")),
        sa.CheckConstraint(
            "jsonb_typeof(measured) = 'object' AND jsonb_typeof(\"limit\") = 'object' AND jsonb_typeof(evidence) = 'object'",
            name=op.f("ck_findings_objects"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["qingjiang.evaluation_runs.id"], name=op.f("fk_findings_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
        sa.UniqueConstraint("run_id", "finding_key", name=op.f("uq_findings_run_id_finding_key")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_findings_first_seen",
        "findings",
        ["finding_key", "verdict", "as_of"],
        unique=False,
        schema="qingjiang",
    )
    op.create_index(
        "ix_findings_geography",
        "findings",
        [sa.literal_column("(geometry::geography)")],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_findings_geometry",
        "findings",
        ["geometry"],
        unique=False,
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.create_index(
        "ix_findings_recorded_at_id", "findings", ["recorded_at", "id"], unique=False, schema="qingjiang"
    )
    op.create_index("ix_findings_region_code", "findings", ["region_code"], unique=False, schema="qingjiang")
    op.create_index("ix_findings_rule_id", "findings", ["rule_id"], unique=False, schema="qingjiang")
    op.create_index("ix_findings_run_id_id", "findings", ["run_id", "id"], unique=False, schema="qingjiang")
    op.create_index(
        "ix_findings_subject", "findings", ["subject_kind", "subject_code"], unique=False, schema="qingjiang"
    )
    op.create_index("ix_findings_verdict", "findings", ["verdict", "state"], unique=False, schema="qingjiang")
    create_triggers()
    op.bulk_insert(
        sa.table(
            "parameters",
            sa.column("code", sa.Text),
            sa.column("name_zh", sa.Text),
            sa.column("name_en", sa.Text),
            sa.column("unit", sa.Text),
            schema="qingjiang",
        ),
        [
            {"code": code, "name_zh": name_zh, "name_en": name_en, "unit": unit}
            for code, name_zh, name_en, unit in PARAMETERS
        ],
    )


def downgrade() -> None:
    op.drop_index("ix_findings_verdict", table_name="findings", schema="qingjiang")
    op.drop_index("ix_findings_subject", table_name="findings", schema="qingjiang")
    op.drop_index("ix_findings_run_id_id", table_name="findings", schema="qingjiang")
    op.drop_index("ix_findings_rule_id", table_name="findings", schema="qingjiang")
    op.drop_index("ix_findings_region_code", table_name="findings", schema="qingjiang")
    op.drop_index("ix_findings_recorded_at_id", table_name="findings", schema="qingjiang")
    op.drop_index("ix_findings_geometry", table_name="findings", schema="qingjiang", postgresql_using="gist")
    op.drop_index("ix_findings_geography", table_name="findings", schema="qingjiang", postgresql_using="gist")
    op.drop_index("ix_findings_first_seen", table_name="findings", schema="qingjiang")
    op.drop_table("findings", schema="qingjiang")
    op.drop_index("ix_water_sources_version", table_name="water_sources", schema="qingjiang")
    op.drop_index(op.f("ix_water_sources_upload_id"), table_name="water_sources", schema="qingjiang")
    op.drop_index(
        "ix_water_sources_geometry", table_name="water_sources", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_index(
        "ix_water_sources_geography", table_name="water_sources", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_table("water_sources", schema="qingjiang")
    op.drop_index("ix_water_bodies_version", table_name="water_bodies", schema="qingjiang")
    op.drop_index(op.f("ix_water_bodies_upload_id"), table_name="water_bodies", schema="qingjiang")
    op.drop_index(
        "ix_water_bodies_geometry", table_name="water_bodies", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_index(
        "ix_water_bodies_geography", table_name="water_bodies", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_table("water_bodies", schema="qingjiang")
    op.drop_index("ix_tailings_ponds_version", table_name="tailings_ponds", schema="qingjiang")
    op.drop_index(op.f("ix_tailings_ponds_upload_id"), table_name="tailings_ponds", schema="qingjiang")
    op.drop_index(
        "ix_tailings_ponds_geometry", table_name="tailings_ponds", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_index(
        "ix_tailings_ponds_geography",
        table_name="tailings_ponds",
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.drop_table("tailings_ponds", schema="qingjiang")
    op.drop_index("ix_sites_version", table_name="sites", schema="qingjiang")
    op.drop_index(op.f("ix_sites_upload_id"), table_name="sites", schema="qingjiang")
    op.drop_index("ix_sites_geometry", table_name="sites", schema="qingjiang", postgresql_using="gist")
    op.drop_index("ix_sites_geography", table_name="sites", schema="qingjiang", postgresql_using="gist")
    op.drop_index("ix_sites_category", table_name="sites", schema="qingjiang")
    op.drop_table("sites", schema="qingjiang")
    op.drop_index("ix_shorelines_version", table_name="shorelines", schema="qingjiang")
    op.drop_index(op.f("ix_shorelines_upload_id"), table_name="shorelines", schema="qingjiang")
    op.drop_index(
        "ix_shorelines_geometry", table_name="shorelines", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_index(
        "ix_shorelines_geography", table_name="shorelines", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_table("shorelines", schema="qingjiang")
    op.drop_index("ix_sections_version", table_name="sections", schema="qingjiang")
    op.drop_index(op.f("ix_sections_upload_id"), table_name="sections", schema="qingjiang")
    op.drop_index("ix_sections_geometry", table_name="sections", schema="qingjiang", postgresql_using="gist")
    op.drop_index("ix_sections_geography", table_name="sections", schema="qingjiang", postgresql_using="gist")
    op.drop_table("sections", schema="qingjiang")
    op.drop_index("ix_section_targets_version", table_name="section_targets", schema="qingjiang")
    op.drop_index(op.f("ix_section_targets_upload_id"), table_name="section_targets", schema="qingjiang")
    op.drop_table("section_targets", schema="qingjiang")
    op.drop_table("section_statuses", schema="qingjiang")
    op.drop_index("ix_rivers_version", table_name="rivers", schema="qingjiang")
    op.drop_index(op.f("ix_rivers_upload_id"), table_name="rivers", schema="qingjiang")
    op.drop_index("ix_rivers_geometry", table_name="rivers", schema="qingjiang", postgresql_using="gist")
    op.drop_index("ix_rivers_geography", table_name="rivers", schema="qingjiang", postgresql_using="gist")
    op.drop_table("rivers", schema="qingjiang")
    op.drop_table("rejected_rows", schema="qingjiang")
    op.drop_index("ix_outfalls_version", table_name="outfalls", schema="qingjiang")
    op.drop_index(op.f("ix_outfalls_upload_id"), table_name="outfalls", schema="qingjiang")
    op.drop_index("ix_outfalls_geometry", table_name="outfalls", schema="qingjiang", postgresql_using="gist")
    op.drop_index("ix_outfalls_geography", table_name="outfalls", schema="qingjiang", postgresql_using="gist")
    op.drop_table("outfalls", schema="qingjiang")
    op.drop_index(op.f("ix_ledger_events_upload_id"), table_name="ledger_events", schema="qingjiang")
    op.drop_index("ix_ledger_events_subject", table_name="ledger_events", schema="qingjiang")
    op.drop_table("ledger_events", schema="qingjiang")
    op.drop_index("ix_indicators_version", table_name="indicators", schema="qingjiang")
    op.drop_index(op.f("ix_indicators_upload_id"), table_name="indicators", schema="qingjiang")
    op.drop_table("indicators", schema="qingjiang")
    op.drop_index(op.f("ix_evaluation_runs_rule_set_hash"), table_name="evaluation_runs", schema="qingjiang")
    op.drop_index("ix_evaluation_runs_as_of", table_name="evaluation_runs", schema="qingjiang")
    op.drop_table("evaluation_runs", schema="qingjiang")
    op.drop_index("ix_chemical_sites_version", table_name="chemical_sites", schema="qingjiang")
    op.drop_index(op.f("ix_chemical_sites_upload_id"), table_name="chemical_sites", schema="qingjiang")
    op.drop_index(
        "ix_chemical_sites_geometry", table_name="chemical_sites", schema="qingjiang", postgresql_using="gist"
    )
    op.drop_index(
        "ix_chemical_sites_geography",
        table_name="chemical_sites",
        schema="qingjiang",
        postgresql_using="gist",
    )
    op.drop_table("chemical_sites", schema="qingjiang")
    op.drop_index("ix_uploads_file", table_name="uploads", schema="qingjiang")
    op.drop_table("uploads", schema="qingjiang")
    op.drop_index(
        "uq_section_registry_provisional",
        table_name="section_registry",
        schema="qingjiang",
        postgresql_where=sa.text("provisional"),
    )
    op.drop_table("section_registry", schema="qingjiang")
    op.drop_table("rule_sets", schema="qingjiang")
    op.drop_index("ix_readings_section_id_sampled_at", table_name="readings", schema="qingjiang")
    op.drop_index(
        "ix_readings_sampled_at", table_name="readings", schema="qingjiang", postgresql_using="brin"
    )
    op.drop_index(
        "ix_readings_revised",
        table_name="readings",
        schema="qingjiang",
        postgresql_where=sa.text("revision > 0"),
    )
    op.drop_table("readings", schema="qingjiang")
    op.drop_table("parameters", schema="qingjiang")
    op.drop_table("api_keys", schema="qingjiang")
    op.execute("DROP FUNCTION qingjiang.check_reading_references()")
    op.execute("DROP FUNCTION qingjiang.refuse_change()")
