"""Assessments of sections as they were, and who and why behind a load.

Revision: 0004; follows 0003.

A version of an assessment is added where a load changed the result, and names the upload that did; none is
ever changed. `result` is `json`, not `jsonb`: the text is kept as it was written, byte for byte.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("actor", sa.Text(), nullable=True), schema="qingjiang")
    op.add_column("uploads", sa.Column("note", sa.Text(), nullable=True), schema="qingjiang")
    op.create_check_constraint(
        op.f("ck_uploads_told"), "uploads", "btrim(actor) <> '' AND btrim(note) <> ''", schema="qingjiang"
    )
    op.create_table(
        "section_assessments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("section", sa.Text(collation="C"), nullable=False),
        sa.Column("period", sa.Text(collation="C"), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("basis_hash", sa.CHAR(64), nullable=False),
        sa.Column("input_hash", sa.CHAR(64), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("result", postgresql.JSON(), nullable=False),
        sa.Column("result_hash", sa.CHAR(64), nullable=False),
        sa.Column("water_class", sa.SmallInteger(), nullable=True),
        sa.Column("verdict", sa.Text(collation="C"), nullable=True),
        sa.Column("cause", sa.Text(collation="C"), nullable=False),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "computed_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "btrim(section) <> '' AND btrim(period) <> ''", name=op.f("ck_section_assessments_not_blank")
        ),
        sa.CheckConstraint("period_end >= period_start", name=op.f("ck_section_assessments_period")),
        sa.CheckConstraint(
            "basis_hash ~ '^[0-9a-f]{64}$' AND input_hash ~ '^[0-9a-f]{64}$'"
            " AND result_hash ~ '^[0-9a-f]{64}$'",
            name=op.f("ck_section_assessments_hashes"),
        ),
        sa.CheckConstraint("readings >= 0", name=op.f("ck_section_assessments_readings")),
        sa.CheckConstraint("json_typeof(result) = 'object'", name=op.f("ck_section_assessments_result")),
        sa.CheckConstraint("water_class BETWEEN 1 AND 6", name=op.f("ck_section_assessments_water_class")),
        sa.CheckConstraint(
            "verdict IN ('compliant', 'violation', 'undetermined')",
            name=op.f("ck_section_assessments_verdict"),
        ),
        sa.CheckConstraint(
            "cause IN ('first', 'readings', 'sections', 'rules')",
            name=op.f("ck_section_assessments_cause"),
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_section_assessments_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_assessments")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_section_assessments_newest",
        "section_assessments",
        ["section", "period", sa.text("id DESC")],
        schema="qingjiang",
    )
    op.create_index(
        op.f("ix_section_assessments_upload_id"), "section_assessments", ["upload_id"], schema="qingjiang"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qingjiang.section_assessments"
        " FOR EACH STATEMENT EXECUTE FUNCTION qingjiang.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("section_assessments", schema="qingjiang")
    op.drop_constraint(op.f("ck_uploads_told"), "uploads", schema="qingjiang", type_="check")
    op.drop_column("uploads", "note", schema="qingjiang")
    op.drop_column("uploads", "actor", schema="qingjiang")
