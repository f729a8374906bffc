"""Warnings from readings, and everything that happened to them.

Revision: 0005; follows 0004.

A warning says what it is about and when it began, and never changes; its state at any moment is what the last
of its events up to then says. Neither is ever changed or deleted.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)
KEY = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "warnings",
        sa.Column("code", KEY, nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("parameter", KEY, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("code ~ '^[0-9a-f]{16}$'", name=op.f("ck_warnings_code")),
        sa.CheckConstraint("btrim(rule_id) <> '' AND btrim(kind) <> ''", name=op.f("ck_warnings_not_blank")),
        sa.ForeignKeyConstraint(
            ["section_id"], ["qingjiang.section_registry.id"], name=op.f("fk_warnings_section_id")
        ),
        sa.ForeignKeyConstraint(
            ["parameter"], ["qingjiang.parameters.code"], name=op.f("fk_warnings_parameter")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_warnings")),
        schema="qingjiang",
    )
    op.create_index("ix_warnings_started_at_code", "warnings", ["started_at", "code"], schema="qingjiang")
    op.create_index("ix_warnings_section_id", "warnings", ["section_id"], schema="qingjiang")
    op.create_table(
        "warning_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("warning_code", KEY, nullable=False),
        sa.Column("event", KEY, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("severity", KEY, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=False),
        sa.Column("over_after", INSTANT, nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("merged_into", KEY, nullable=True),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "event IN ('open', 'extend', 'acknowledge', 'close', 'reopen', 'withdraw')",
            name=op.f("ck_warning_events_event"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'closed', 'withdrawn')", name=op.f("ck_warning_events_state")
        ),
        sa.CheckConstraint(
            "btrim(actor) <> '' AND btrim(note) <> '' AND btrim(severity) <> ''",
            name=op.f("ck_warning_events_not_blank"),
        ),
        sa.CheckConstraint("over_after >= ended_at", name=op.f("ck_warning_events_over_after")),
        sa.CheckConstraint("readings >= 1", name=op.f("ck_warning_events_readings")),
        sa.CheckConstraint(
            "facts IS NULL OR jsonb_typeof(facts) = 'object'", name=op.f("ck_warning_events_facts")
        ),
        sa.CheckConstraint(
            "event <> 'open' OR facts IS NOT NULL", name=op.f("ck_warning_events_opened_by_facts")
        ),
        sa.ForeignKeyConstraint(
            ["warning_code"], ["qingjiang.warnings.code"], name=op.f("fk_warning_events_warning_code")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["qingjiang.warnings.code"], name=op.f("fk_warning_events_merged_into")
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_warning_events_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_events")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_warning_events_newest", "warning_events", ["warning_code", sa.text("id DESC")], schema="qingjiang"
    )
    op.create_index("ix_warning_events_recorded_at", "warning_events", ["recorded_at"], schema="qingjiang")
    op.create_index(op.f("ix_warning_events_upload_id"), "warning_events", ["upload_id"], schema="qingjiang")
    for table in ("warnings", "warning_events"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qingjiang.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION qingjiang.refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("warning_events", schema="qingjiang")
    op.drop_table("warnings", schema="qingjiang")
