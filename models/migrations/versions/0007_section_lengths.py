"""The length of river that a section stands for, for shares by length.

Revision: 0007; follows 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sections", sa.Column("river_length_km", sa.Numeric(), nullable=True), schema="qingjiang")
    op.create_check_constraint(
        op.f("ck_sections_river_length_km"),
        "sections",
        "river_length_km > 0 AND river_length_km < 'Infinity'::numeric",
        schema="qingjiang",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_sections_river_length_km"), "sections", schema="qingjiang", type_="check")
    op.drop_column("sections", "river_length_km", schema="qingjiang")
