"""What an import graph cannot say about the house."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from api.catalogue import Catalogue, Language, entries, placeholders
from api.errors import ApiError, UnknownMessageError
from api.settings import Settings
from api.wording import error_text
from maps.errors import MapsError
from models.errors import ModelsError
from spatial.errors import SpatialError

ROOT = Path(__file__).parents[1]
ROOMS = ("api", "ingest", "maps", "models", "spatial")


def test_no_other_distribution_claims_the_name_of_a_room() -> None:
    claims = {
        (distribution.metadata["Name"], room)
        for distribution in distributions()
        if distribution.metadata["Name"] != "qingjiang"
        for room in ROOMS
        if any(file.parts[:1] in ((room,), (f"{room}.py",)) for file in distribution.files or ())
    }
    assert claims == set()


def test_every_make_target_has_a_line_of_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    for target in phony.split():
        assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE), target


def test_the_image_installs_with_the_make_target_that_everybody_uses() -> None:
    assert "RUN make .venv/.runtime" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_locked_requirement_carries_a_hash_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pinned = re.findall(r"^[A-Za-z0-9_.\-\[\]]+==", text, re.MULTILINE)
    entries_with_hash = re.findall(r"^[A-Za-z0-9_.\-\[\]]+==[^\n]*\\\n\s+--hash=sha256:", text, re.MULTILINE)
    assert pinned
    assert len(pinned) == len(entries_with_hash)
    assert "://" not in text


def test_the_runtime_lock_and_the_dev_lock_agree() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return {line.rstrip(" \\") for line in lines if "==" in line and not line.startswith((" ", "#"))}

    assert pins("runtime") <= pins("dev")


@pytest.mark.parametrize("key", sorted(entries()))
def test_every_message_exists_in_both_languages_with_the_same_placeholders(key: str) -> None:
    entry = entries()[key]
    assert set(entry) == {"zh", "en"}
    assert entry["zh"].strip()
    assert entry["en"].strip()
    assert placeholders(entry["zh"]) == placeholders(entry["en"])


def _used_keys() -> Iterator[str]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            if path.suffix in {".py", ".html"}:
                yield from re.findall(
                    r"""text\(\s*["']([a-z_]+\.[a-z0-9_\-]+)["']\s*[,)]""", path.read_text(encoding="utf-8")
                )


def test_every_message_that_the_code_names_exists() -> None:
    used = set(_used_keys())
    assert len(used) > 50
    assert used - set(entries()) - {"namespace.key"} == set()  # the example of a docstring


def test_a_missing_placeholder_is_an_error_and_never_an_empty_text() -> None:
    with pytest.raises(UnknownMessageError):
        Catalogue(Language.ENGLISH).text("cli.written")


def test_the_readme_lists_every_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`QINGJIANG_{name.upper()}`" in readme, name


def test_asking_for_help_loads_no_heavy_library() -> None:
    """Geopandas and the web frame are loaded by the commands that use them, so that help is there at once."""
    code = (
        "import sys; import api.cli; "
        "print([name for name in ('geopandas', 'rasterio', 'folium', 'fastapi') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_project_names_no_place_of_a_machine_or_a_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split("\n")
    forbidden = re.compile(
        r"--(?:extra-)?index-url\b(?! *addresses)|\"resolved\": *\"http|(?<![\w./-])/(?:work|farm)/"
    )
    found = []
    for name in filter(None, listed):
        path = ROOT / name
        if path == Path(__file__) or not path.is_file() or path.stat().st_size > 3_000_000:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match.group()}" for match in forbidden.finditer(text)]
    assert found == []


def test_the_project_file_is_what_the_contract_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["scripts"]["qingjiang"] == "api.cli:app"
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(ROOMS)
    contracts = project["tool"]["importlinter"]["contracts"]
    assert any(contract["type"] == "layers" for contract in contracts)


def test_the_guide_to_files_says_what_the_programme_does(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("file_guide", ROOT / "scripts/file_guide.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/files.md").read_text(encoding="utf-8") == module.guide()


def _leaves(error: type[Exception]) -> Iterator[type[Exception]]:
    if "__init__" in vars(error) and error.__subclasses__() == []:
        yield error
    for child in error.__subclasses__():
        yield from _leaves(child)


@pytest.mark.parametrize(
    "error",
    sorted(
        {leaf for room in (ApiError, MapsError, ModelsError, SpatialError) for leaf in _leaves(room)},
        key=lambda error: error.__name__,
    ),
)
def test_every_error_of_the_rooms_has_words_that_its_attributes_fill(error: type[Exception]) -> None:
    entry = entries()[f"errors.{error.__name__}"]
    parameters = inspect.signature(error).parameters
    assert placeholders(entry["zh"]) <= set(parameters)
    numbers = {name for name, one in parameters.items() if one.annotation in (int, float, "int", "float")}
    made = error(**{name: 1 if name in numbers else "x" for name in parameters})
    for language in Language:
        assert error_text(Catalogue(language), made)
