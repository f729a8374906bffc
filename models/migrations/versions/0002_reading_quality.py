"""Quality flags of readings: QARTOD's value, and the tests that a suspect or failed reading did not pass.

Revision: 0002; follows 0001.

Earlier readings are `not_evaluated` (2). A flag is an opinion about a reading and not part of the record, so
the trigger `append_only` of 0001, which names the columns that may not change, leaves these two alone.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CHECKS = {
    "quality": "quality IN (1, 2, 3, 4, 9)",
    "quality_tests": (
        "(quality IN (3, 4, 9)) = (quality_tests IS NOT NULL) AND cardinality(quality_tests) > 0"
    ),
}


def upgrade() -> None:
    op.add_column(
        "readings",
        sa.Column("quality", sa.SmallInteger(), server_default="2", nullable=False),
        schema="qingjiang",
    )
    op.add_column(
        "readings",
        sa.Column("quality_tests", postgresql.ARRAY(sa.Text()), nullable=True),
        schema="qingjiang",
    )
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_readings_{name}"), "readings", condition, schema="qingjiang")


def downgrade() -> None:
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_readings_{name}"), "readings", schema="qingjiang", type_="check")
    op.drop_column("readings", "quality_tests", schema="qingjiang")
    op.drop_column("readings", "quality", schema="qingjiang")
