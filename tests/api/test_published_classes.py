"""The command against the classes of the national feed, on the real files; see docs/validation.md."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def load_script():
    path = ROOT / "scripts/validate_published_classes.py"
    spec = importlib.util.spec_from_file_location("validate_published_classes", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCRIPT = load_script()
PAGE = SCRIPT.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SCRIPT.SOURCES, ids=lambda source: source.name)
def test_the_published_classes_of_a_file_are_met_and_every_exception_has_its_cause(source):
    if not (SCRIPT.DATA / source.name).exists():
        pytest.skip(f"the real feed file {source.name} is not on this machine")
    found = SCRIPT.compare(source)
    # The reference counts the rows with oxygen, CODMn, ammonia and phosphorus.
    assert found.complete_agreed >= source.least * found.complete
    assert found.complete > 0
    if source.least == 1 or source.shown_only:
        assert found.agreed >= source.least * found.published
    assert all(entry.causes for entry in found.disagreements)
    assert len({entry.moment[:10] for entry in found.disagreements if "D" in entry.causes}) <= 1
    # The page says the same, row by row.
    assert SCRIPT.summary_line(found) in PAGE
    if found.disagreements:
        assert SCRIPT.listing(found) in PAGE
    else:
        assert f"### `{source.name}`" not in PAGE
