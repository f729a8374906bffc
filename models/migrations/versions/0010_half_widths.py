"""How far the banks lie from a centre line.

Revision: 0010; follows 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shorelines", sa.Column("half_width_m", sa.Double(), nullable=True), schema="qingjiang")
    op.create_check_constraint(
        op.f("ck_shorelines_half_width_m"),
        "shorelines",
        "half_width_m IS NULL OR coalesce(kind, '') = 'centreline' AND half_width_m > 0"
        " AND half_width_m < 'Infinity'",
        schema="qingjiang",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_shorelines_half_width_m"), "shorelines", schema="qingjiang", type_="check")
    op.drop_column("shorelines", "half_width_m", schema="qingjiang")
