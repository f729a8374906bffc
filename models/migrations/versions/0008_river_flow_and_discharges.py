"""How rivers flow, what facilities discharge, and who lives below a tailings pond.

Revision: 0008; follows 0007.

Every column may be null and stands behind those that were there: earlier versions say nothing of them.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "qingjiang"
DISCHARGING = ("outfalls", "tailings_ponds", "chemical_sites")
COLUMNS: dict[str, tuple[tuple[str, Any], ...]] = {
    "rivers": (
        ("velocity_m_s", sa.Double()),
        ("velocity_low_m_s", sa.Double()),
        ("velocity_high_m_s", sa.Double()),
        ("discharge_m3_s", sa.Double()),
        ("length_km", sa.Double()),
        ("stream_order", sa.SmallInteger()),
    ),
    **dict.fromkeys(DISCHARGING, (("discharges", postgresql.ARRAY(sa.Text())),)),
}
POND_COLUMNS = (("overhead", sa.Boolean()), ("residents_downstream", sa.Integer()))
CHECKS = {
    "rivers": {
        "velocity": "velocity_m_s > 0 AND velocity_m_s < 'Infinity'"
        " AND velocity_low_m_s > 0 AND velocity_low_m_s < 'Infinity'"
        " AND velocity_high_m_s > 0 AND velocity_high_m_s < 'Infinity'",
        "velocity_bounds": "velocity_low_m_s <= velocity_m_s AND velocity_m_s <= velocity_high_m_s"
        " AND velocity_low_m_s <= velocity_high_m_s",
        "discharge_m3_s": "discharge_m3_s >= 0 AND discharge_m3_s < 'Infinity'",
        "length_km": "length_km > 0 AND length_km < 'Infinity'",
        "stream_order": "stream_order BETWEEN 1 AND 12",
    },
    **{
        table: {
            "discharges": "cardinality(discharges) = 0 OR array_position(discharges, NULL) IS NULL"
            " AND array_to_string(discharges, ',') ~ '^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$'"
        }
        for table in DISCHARGING
    },
}
POND_CHECKS = {"residents_downstream": "residents_downstream >= 0"}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, kind in (*columns, *(POND_COLUMNS if table == "tailings_ponds" else ())):
            op.add_column(table, sa.Column(name, kind, nullable=True), schema=SCHEMA)
        for name, condition in _checks(table).items():
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition, schema=SCHEMA)


def downgrade() -> None:
    for table, columns in COLUMNS.items():
        for name in _checks(table):
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema=SCHEMA, type_="check")
        for name, _ in (*columns, *(POND_COLUMNS if table == "tailings_ponds" else ())):
            op.drop_column(table, name, schema=SCHEMA)


def _checks(table: str) -> dict[str, str]:
    return CHECKS[table] | (POND_CHECKS if table == "tailings_ponds" else {})
