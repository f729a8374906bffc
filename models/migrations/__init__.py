"""Alembic migrations of the schema `qingjiang`, packaged so that an installed wheel can run them."""
