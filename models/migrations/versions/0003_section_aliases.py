"""Earlier names and codes of sections, by which files may still call them.

Revision: 0003; follows 0002.

What a list of sections says of them stands in a table of its own and not in the versions: a list without the
columns says nothing of them, and neither makes a version of every section nor forgets what another list said.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "section_aliases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("names", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("codes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column(
            "recorded_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("btrim(code) <> ''", name=op.f("ck_section_aliases_not_blank")),
        sa.CheckConstraint(
            "names IS NOT NULL OR codes IS NOT NULL", name=op.f("ck_section_aliases_says_something")
        ),
        sa.CheckConstraint(
            "array_position(names, NULL) IS NULL AND array_position(names, '') IS NULL",
            name=op.f("ck_section_aliases_names"),
        ),
        sa.CheckConstraint(
            "array_position(codes, NULL) IS NULL AND array_position(codes, '') IS NULL",
            name=op.f("ck_section_aliases_codes"),
        ),
        sa.CheckConstraint("source_row >= 1", name=op.f("ck_section_aliases_source_row")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["qingjiang.uploads.id"], name=op.f("fk_section_aliases_upload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_section_aliases")),
        schema="qingjiang",
    )
    op.create_index(
        "ix_section_aliases_newest", "section_aliases", ["code", sa.text("id DESC")], schema="qingjiang"
    )
    op.create_index(
        op.f("ix_section_aliases_upload_id"), "section_aliases", ["upload_id"], schema="qingjiang"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON qingjiang.section_aliases"
        " FOR EACH STATEMENT EXECUTE FUNCTION qingjiang.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("section_aliases", schema="qingjiang")
