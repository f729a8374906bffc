"""Remote sensing as a type of station, and the parameters that only images give.

Revision: 0009; follows 0008.

NDCI and NDTI may be negative, as nothing else in the table may but levels and
temperatures.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PARAMETERS = (
    ("ndci", "归一化叶绿素指数", "Normalised difference chlorophyll index", "dimensionless"),
    ("ndti", "归一化浊度指数", "Normalised difference turbidity index", "dimensionless"),
    ("turbidity_fnu", "浊度（遥感反演）", "Turbidity derived from images", "FNU"),
    ("bloom_area", "藻华面积", "Area of algal bloom", "km2"),
    ("bloom_share", "藻华面积比例", "Share of the water under algal bloom", "%"),
)
TYPES = {
    "before": "station_type IN ('automatic', 'manual')",
    "after": "station_type IN ('automatic', 'manual', 'remote_sensing')",
}
BOUNDED = (
    "CASE parameter"
    " WHEN 'water_temp' THEN value BETWEEN -10 AND 100 AND full_value BETWEEN -10 AND 100"
    " WHEN 'water_level' THEN value > '-Infinity' AND full_value > '-Infinity'"
)
INDICES = (
    " WHEN 'ndci' THEN value BETWEEN -1 AND 1 AND full_value BETWEEN -1 AND 1"
    " WHEN 'ndti' THEN value BETWEEN -1 AND 1 AND full_value BETWEEN -1 AND 1"
)
OTHERS = (
    " WHEN 'ph' THEN value BETWEEN 0 AND 14 AND full_value BETWEEN 0 AND 14"
    " ELSE value >= 0 AND full_value >= 0 END"
)


def upgrade() -> None:
    _replace("after", BOUNDED + INDICES + OTHERS)
    op.bulk_insert(
        sa.table(
            "parameters",
            *(sa.column(name, sa.Text()) for name in ("code", "name_zh", "name_en", "unit")),
            schema="qingjiang",
        ),
        [
            {"code": code, "name_zh": name_zh, "name_en": name_en, "unit": unit}
            for code, name_zh, name_en, unit in PARAMETERS
        ],
    )


def downgrade() -> None:
    _replace("before", BOUNDED + OTHERS)
    op.execute("ALTER TABLE qingjiang.parameters DISABLE TRIGGER never_deleted")
    codes = ", ".join(f"'{code}'" for code, *_ in PARAMETERS)
    op.execute(f"DELETE FROM qingjiang.parameters WHERE code IN ({codes})")  # noqa: S608 - constants of ours
    op.execute("ALTER TABLE qingjiang.parameters ENABLE TRIGGER never_deleted")


def _replace(which: str, possible: str) -> None:
    for table, name, condition in (
        ("sections", "station_type", TYPES[which]),
        ("readings", "station_type", TYPES[which]),
        ("readings", "possible", possible),
    ):
        constraint = op.f(f"ck_{table}_{name}")
        op.drop_constraint(constraint, table, schema="qingjiang", type_="check")
        op.create_check_constraint(constraint, table, condition, schema="qingjiang")
