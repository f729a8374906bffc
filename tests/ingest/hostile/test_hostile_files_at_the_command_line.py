"""Every hostile file through the command line: an exit code, a clear sentence, and never a stack."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from api.cli import app
from ingest.loader import load_files
from ingest.options import IngestOptions
from tests.ingest.hostile.cases import Case
from tests.ingest.hostile.facilities import FACILITIES
from tests.ingest.hostile.readings import READINGS, STOCK

CASES = (*FACILITIES, *READINGS)
DONE, REJECTED, UNUSABLE = 0, 1, 2


@pytest.fixture(scope="module")
def stocked(clone_database: Callable[[], Engine], tmp_path_factory: pytest.TempPathFactory) -> Engine:
    engine, folder = clone_database(), tmp_path_factory.mktemp("stock")
    for kind, file, content in STOCK:
        (folder / file).write_bytes(content)
        load_files(engine, kind, [folder / file])
    return engine


def arguments(options: IngestOptions) -> Iterator[str]:
    """The options of a case as they are typed."""
    plain = {
        "--crs": options.crs,
        "--transformation": options.transformation,
        "--transformation-accuracy": options.transformation_accuracy_m,
        "--code-from": options.code_from,
        "--outside": options.outside,
        "--provinces": options.provinces,
        "--encoding": options.encoding,
        "--sheet": options.sheet,
        "--rank": options.rank,
        "--captured-at": options.captured_at,
        "--swapped": options.swapped,
        "--on-conflict": options.on_conflict,
    }
    for name, value in plain.items():
        if value is not None:
            yield from (name, str(value))
    if options.negative_is_limit:
        yield "--negative-is-limit"
    for name, pairs in (("--column", options.columns), ("--set", options.constants)):
        for field, text in pairs.items():
            yield from (name, f"{field}={text}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.defect}")
def test_a_hostile_file_ends_the_command_in_good_order(
    stocked: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Case,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QINGJIANG_DATABASE_URL", stocked.url.render_as_string(hide_password=False))
    Path(case.file).write_bytes(case.content)
    for name, content in case.companions.items():
        Path(name).write_bytes(content)
    command = ["ingest", case.kind, case.file, "--dry-run", "--partial", "--rejects", "bad.csv"]
    result = CliRunner().invoke(app, [*command, "--format", "json", *arguments(case.options)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    behind = capfd.readouterr()
    for stream in (result.stdout, result.stderr, behind.out, behind.err):
        assert "Traceback" not in stream
        assert "panicked" not in stream
    assert behind.err == "", "nothing that compiled code writes past Python reaches a person"
    if case.refused is not None:
        assert result.exit_code == UNUSABLE
        assert result.stderr.strip()
        return
    assert result.exit_code == (REJECTED if case.faults else DONE)
    report = json.loads(result.stdout)
    assert (report["rows_loaded"], report["rows_duplicate"]) == (case.loaded, case.duplicate)
    assert [error["code"] for error in report["errors"]] == [code for _, _, code in case.faults]
    assert Path("bad.csv").is_file()
