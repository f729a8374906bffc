"""A backup brings everything back, into an empty database as into a used one, or changes nothing."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import database
from models.database import backup, client_environment, connection_string, current_revision, migrate, restore
from models.errors import BackupError, DatabaseUnreachableError
from models.queries import features_in_force, readings_between
from models.tables import ReadingRow

AddRow = Callable[..., Any]
AdderFor = Callable[[Session], AddRow]

DAY = datetime(2025, 6, 1, tzinfo=UTC).date()


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def fill(engine: Engine, adder_for: AdderFor) -> None:
    with Session(engine) as session, session.begin():
        add = adder_for(session)
        add(ReadingRow, value=Decimal("0.0500"))
        add(ReadingRow, sampled_at=datetime(2024, 2, 1, tzinfo=UTC))
        add("sections", name="沌口")


def content(engine: Engine) -> tuple[list[str], list[Decimal]]:
    with Session(engine) as session:
        sections = features_in_force(session, "sections", DAY)["name"].tolist()
        return sections, readings_between(session, DAY, DAY)["value"].tolist()


def test_a_backup_brings_everything_back_into_an_empty_database(
    fresh_database: Engine, clone_database: Callable[[], Engine], adder_for: AdderFor, tmp_path: Path
) -> None:
    fill(fresh_database, adder_for)
    backup(url_of(fresh_database), tmp_path / "b.dump")
    other = clone_database()
    migrate(other, "base")
    restore(url_of(other), tmp_path / "b.dump")
    assert content(other) == content(fresh_database) == (["沌口"], [Decimal("0.0500")])
    assert current_revision(other) == current_revision(fresh_database)


def test_a_restored_database_refuses_and_counts_on_as_before(
    fresh_database: Engine, adder_for: AdderFor, tmp_path: Path
) -> None:
    fill(fresh_database, adder_for)
    backup(url_of(fresh_database), tmp_path / "b.dump")
    restore(url_of(fresh_database), tmp_path / "b.dump")
    with Session(fresh_database) as session:
        add = adder_for(session)
        new = add("sections", code="S2")
        assert new.id > 1
        session.commit()
        with pytest.raises(IntegrityError, match="rows are records"):
            session.execute(text("DELETE FROM qingjiang.sections"))
        session.rollback()
        with pytest.raises(IntegrityError, match="ck_sections_geometry"):
            add("sections", geometry="SRID=4490;POINT(0 0)")


def test_a_restore_removes_what_came_after_the_backup(
    fresh_database: Engine, adder_for: AdderFor, tmp_path: Path
) -> None:
    backup(url_of(fresh_database), tmp_path / "empty.dump")
    fill(fresh_database, adder_for)
    restore(url_of(fresh_database), tmp_path / "empty.dump")
    assert content(fresh_database) == ([], [])


def test_a_damaged_backup_changes_nothing(
    fresh_database: Engine, adder_for: AdderFor, tmp_path: Path
) -> None:
    fill(fresh_database, adder_for)
    whole = tmp_path / "whole.dump"
    backup(url_of(fresh_database), whole)
    damaged = tmp_path / "damaged.dump"
    damaged.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    before = content(fresh_database)
    with pytest.raises(BackupError, match=r"damaged\.dump"):
        restore(url_of(fresh_database), damaged)
    assert content(fresh_database) == before


def test_a_restore_that_fails_in_the_database_changes_nothing(
    fresh_database: Engine, adder_for: AdderFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(fresh_database, adder_for)
    backup(url_of(fresh_database), tmp_path / "b.dump")
    before = content(fresh_database)
    # Somebody else's schema of that name comes into the way after the old one was dropped.
    monkeypatch.setattr(database, "SCHEMA", "qingjiang CASCADE; CREATE SCHEMA qingjiang; --")
    program = database.client("pg_restore", 14, "restore", tmp_path)
    with pytest.raises(BackupError, match="already exists"):
        database.pour(program, url_of(fresh_database), tmp_path / "b.dump")
    assert content(fresh_database) == before


@pytest.mark.parametrize("text_of_file", [b"", b"not a backup", b"PGDMP"])
def test_a_file_that_is_no_backup_is_refused(database_url: str, tmp_path: Path, text_of_file: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(text_of_file)
    with pytest.raises(BackupError):
        restore(database_url, file)


def test_a_backup_of_something_else_is_refused(
    fresh_database: Engine, clone_database: Callable[[], Engine], tmp_path: Path
) -> None:
    file = tmp_path / "other.dump"
    subprocess.run(
        [
            database.client("pg_dump", 14, "backup", file),
            "--format=custom",
            "--schema=public",
            f"--file={file}",
            f"--dbname={connection_string(url_of(fresh_database))}",
        ],
        check=True,
    )
    with pytest.raises(BackupError, match="no backup of Qingjiang"):
        restore(url_of(clone_database()), file)


def test_a_missing_file_is_told(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no such file"):
        restore(database_url, tmp_path / "missing.dump")


def test_an_empty_database_has_nothing_to_back_up(
    clone_database: Callable[[], Engine], tmp_path: Path
) -> None:
    engine = clone_database()
    migrate(engine, "base")
    with pytest.raises(BackupError, match="no schema"):
        backup(url_of(engine), tmp_path / "b.dump")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_fails_leaves_the_older_one(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.dump"
    file.write_bytes(b"the older one")
    monkeypatch.setattr(database, "client", lambda *_: "false")
    with pytest.raises(BackupError):
        backup(database_url, file)
    assert file.read_bytes() == b"the older one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_backup_is_readable_by_its_owner_only(database_url: str, tmp_path: Path) -> None:
    backup(database_url, tmp_path / "deep/er/b.dump")
    assert (tmp_path / "deep/er/b.dump").stat().st_mode & 0o077 == 0


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachableError):
        backup("postgresql://nobody@/none?host=/nowhere", tmp_path / "b.dump")


def test_a_password_is_never_on_a_command_line() -> None:
    url = "postgresql://u:se%40cret@db.example:5433/name?sslmode=require"
    assert "cret" not in connection_string(url)
    assert "sslmode=require" in connection_string(url)
    assert client_environment(url)["PGPASSWORD"] == "se@cret"
