"""Alembic environment: runs on the connection it is given, inside that connection's transaction.

`models.database.migrate` is the only caller in the product; it holds an advisory lock and commits.
"""

from alembic import context

from models.migrations.scope import COMPARISON
from models.tables import SCHEMA, Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table_schema=SCHEMA,
    **COMPARISON,
)
context.run_migrations()
