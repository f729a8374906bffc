"""Every hostile file gets the report that stands beside it: no more, no less, and no crash."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.catalogue import Catalogue, Language
from ingest.errors import IngestError
from ingest.loader import load_files
from tests.ingest.hostile.cases import Case
from tests.ingest.hostile.facilities import FACILITIES
from tests.ingest.hostile.readings import READINGS, STOCK

UNFILLED = re.compile(r"\{[a-z_]+\}")

CASES = (*FACILITIES, *READINGS)
"""Cases of other kinds of files are added here by the name of their module."""


@pytest.fixture(scope="module")
def stocked(clone_database: Callable[[], Engine], tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A database that knows what the files of readings are held against."""
    engine, folder = clone_database(), tmp_path_factory.mktemp("stock")
    for kind, file, content in STOCK:
        (folder / file).write_bytes(content)
        (report,) = load_files(engine, kind, [folder / file])
        assert report.ok
    return engine


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.defect}")
def test_a_hostile_file_gets_the_report_beside_it(stocked: Engine, tmp_path: Path, case: Case) -> None:
    engine = stocked
    path = tmp_path / case.file
    path.write_bytes(case.content)
    for name, content in case.companions.items():
        (tmp_path / name).write_bytes(content)
    options = replace(case.options, dry_run=True, partial=True)
    if options.provinces is not None:
        options = replace(options, provinces=tmp_path / options.provinces)
    if case.refused is not None:
        with pytest.raises(IngestError) as caught:
            load_files(engine, case.kind, [path], options)
        assert caught.value.code == case.refused
        for language in Language:
            words = Catalogue(language).text(f"ingest.{caught.value.code}", **caught.value.params)
            assert words
            assert not UNFILLED.search(words)
        return
    (report,) = load_files(engine, case.kind, [path], options)
    assert tuple((p.row, p.column, p.code) for p in report.problems) == case.faults
    assert tuple((n.row, n.code) for n in report.notices) == case.notices
    rejected = len({row for row, _, _ in case.faults})
    assert (report.rows_loaded, report.rows_duplicate, report.rows_rejected) == (
        case.loaded,
        case.duplicate,
        rejected,
    )
    assert report.rows_read == case.loaded + case.duplicate + rejected
    for language in Language:
        document = report.as_json(Catalogue(language).text)
        for told in (*document["errors"], *document["warnings"]):
            assert told["message"]
            assert not UNFILLED.search(told["message"])


def test_the_corpus_has_one_name_for_each_defect() -> None:
    assert len({(case.kind, case.defect) for case in CASES}) == len(CASES)
    assert len(FACILITIES) >= 40
    assert len(READINGS) >= 70
