"""Which objects of a database belong to the schema that migrations and models are compared on."""

import re
from typing import Any

from geoalchemy2 import alembic_helpers

from models.tables import SCHEMA

# Partitions come and go with the data; `models.partitions` makes them.
PARTITION = re.compile(r"^readings_\d{4}_\d{2}$")


def include_name(name: str | None, kind: str, parents: Any) -> bool:
    """Only our schema, without partitions and without Alembic's own table."""
    if kind == "schema":
        return name == SCHEMA
    if kind == "table":
        return (
            parents["schema_name"] == SCHEMA
            and name is not None
            and name != "alembic_version"
            and PARTITION.match(name) is None
        )
    return True


COMPARISON: dict[str, Any] = {
    "include_schemas": True,
    "include_name": include_name,
    "include_object": alembic_helpers.include_object,
    "render_item": alembic_helpers.render_item,
    "compare_type": True,
    "compare_server_default": True,
}
