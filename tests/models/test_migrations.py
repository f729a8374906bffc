"""The schema that runs is the one that the migrations build, and it equals the models."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, make_url, text

from models.database import create_database_engine, current_revision, migrate, newest_revision
from models.errors import DatabaseUnreachableError, UnsupportedServerError
from models.migrations.scope import COMPARISON
from models.parameters import PARAMETERS
from models.tables import APPEND_ONLY, SCHEMA, Base

SYNONYMS = Path(__file__).parents[2] / "../shared/domain/header_synonyms.csv"
ENGINE_PARAMETERS = Path(__file__).parents[2] / "spatial/rules/parameters.csv"

CATALOG = """
    SELECT c.relname, 'column', concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), l.collname,
           a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = 'qingjiang'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> :version
    UNION ALL
    SELECT c.relname, 'constraint', k.conname || ' ' || pg_get_constraintdef(k.oid)
    FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid
    WHERE c.relnamespace = 'qingjiang'::regnamespace AND c.relname <> :version
    UNION ALL
    SELECT tablename, 'index', indexdef FROM pg_indexes
    WHERE schemaname = 'qingjiang' AND tablename <> :version
"""


def catalog(engine: Engine) -> set[tuple[str, ...]]:
    """Every column, constraint and index of the schema as PostgreSQL itself writes them."""
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(text(CATALOG), {"version": "alembic_version"})}


def differences(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        options = {"version_table_schema": SCHEMA, "target_metadata": Base.metadata, **COMPARISON}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def test_the_schema_goes_up_down_and_up_again(fresh_database: Engine) -> None:
    before = catalog(fresh_database)
    assert migrate(fresh_database, "base") is None
    assert catalog(fresh_database) == set()
    assert migrate(fresh_database) == newest_revision()
    assert catalog(fresh_database) == before


def test_going_down_leaves_no_function_behind(fresh_database: Engine) -> None:
    migrate(fresh_database, "base")
    with fresh_database.connect() as connection:
        left = connection.scalars(
            text("SELECT proname FROM pg_proc WHERE pronamespace = 'qingjiang'::regnamespace")
        ).all()
    assert left == []


def test_alembic_sees_no_difference_between_schema_and_models(engine: Engine) -> None:
    assert differences(engine) == []


def test_the_migrated_schema_is_what_the_models_would_create(fresh_database: Engine) -> None:
    migrated = catalog(fresh_database)
    migrate(fresh_database, "base")
    Base.metadata.create_all(fresh_database)
    assert catalog(fresh_database) == migrated
    assert any(kind == "index" and "geography" in definition for _, kind, definition in migrated)


def test_migrating_again_changes_nothing(fresh_database: Engine) -> None:
    before = catalog(fresh_database)
    assert migrate(fresh_database) == newest_revision()
    assert catalog(fresh_database) == before


def test_many_may_migrate_at_once(fresh_database: Engine) -> None:
    migrate(fresh_database, "base")
    with ThreadPoolExecutor(4) as threads:
        reached = list(threads.map(lambda _: migrate(fresh_database), range(4)))
    assert set(reached) == {newest_revision()}


def test_a_failed_migration_leaves_the_schema_as_it_was(fresh_database: Engine) -> None:
    migrate(fresh_database, "base")
    with fresh_database.begin() as connection:
        connection.execute(text("CREATE TABLE qingjiang.findings (id int)"))
    with pytest.raises(Exception, match="already exists"):
        migrate(fresh_database)
    assert {table for table, _, _ in catalog(fresh_database)} == {"findings"}


def test_a_schema_of_a_newer_program_is_refused(fresh_database: Engine) -> None:
    with fresh_database.begin() as connection:
        connection.execute(text("UPDATE qingjiang.alembic_version SET version_num = '9999'"))
    with pytest.raises(UnsupportedServerError, match="9999"):
        migrate(fresh_database)


def test_a_server_that_does_not_answer_is_told_without_its_password(cluster_url: str) -> None:
    url = make_url(cluster_url).update_query_dict({"host": "/nowhere"}).set(password="secret")  # noqa: S106
    engine = create_database_engine(url)
    with pytest.raises(DatabaseUnreachableError) as told:
        migrate(engine)
    assert "secret" not in str(told.value)
    assert "/nowhere" in str(told.value)


def test_a_url_of_another_database_system_is_refused() -> None:
    with pytest.raises(UnsupportedServerError, match="sqlite"):
        create_database_engine("sqlite:///file.db")


def test_the_revision_is_told_of_an_engine_too(engine: Engine) -> None:
    assert current_revision(engine) == newest_revision()


def test_append_only_tables_are_guarded_and_all_of_them_exist(engine: Engine) -> None:
    with engine.connect() as connection:
        guarded = connection.scalars(
            text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
        ).all()
    assert set(guarded) == {f"qingjiang.{table}" for table in (*APPEND_ONLY, "readings")}


def test_the_migration_seeds_every_parameter(engine: Engine) -> None:
    with engine.connect() as connection:
        seeded = connection.execute(text("SELECT code, name_zh, name_en, unit FROM qingjiang.parameters"))
        assert {tuple(row) for row in seeded} == {tuple(parameter) for parameter in PARAMETERS}


def test_every_parameter_of_the_synonym_list_is_there() -> None:
    if not SYNONYMS.is_file():
        pytest.skip(f"{SYNONYMS} is not there")
    with SYNONYMS.open(encoding="utf-8") as stream:
        fields = list(dict.fromkeys(row["field"] for row in csv.DictReader(stream)))
    in_the_list = fields[fields.index("water_temp") : fields.index("ti") + 1]
    codes = [parameter.code for parameter in PARAMETERS]
    assert {*in_the_list, "flow", "water_level"} <= set(codes)
    assert len(codes) == len(set(codes))


def test_store_and_engine_know_the_same_parameters_in_the_same_units() -> None:
    with ENGINE_PARAMETERS.open(encoding="utf-8") as stream:
        engine_units = {row["code"]: row["unit"] for row in csv.DictReader(stream)}
    assert {parameter.code: parameter.unit for parameter in PARAMETERS} == engine_units
