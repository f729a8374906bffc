"""The water that a drinking-water source yields in a year, for shares of sources by volume.

Revision: 0006; follows 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "water_sources", sa.Column("annual_volume_m3", sa.Numeric(), nullable=True), schema="qingjiang"
    )
    op.create_check_constraint(
        op.f("ck_water_sources_annual_volume_m3"),
        "water_sources",
        "annual_volume_m3 > 0 AND annual_volume_m3 < 'Infinity'::numeric",
        schema="qingjiang",
    )


def downgrade() -> None:
    op.drop_constraint(
        op.f("ck_water_sources_annual_volume_m3"), "water_sources", schema="qingjiang", type_="check"
    )
    op.drop_column("water_sources", "annual_volume_m3", schema="qingjiang")
