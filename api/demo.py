"""The demo: the sample data in load order, and its maps."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.alerts import run_warnings
from api.catalogue import Catalogue
from api.errors import SampleDataMissingError
from api.pictures import draw
from api.settings import Settings
from api.tracing import TraceRequest, trace_in
from api.tracing_map import draw_answer
from ingest.loader import load_files
from ingest.options import IngestOptions
from ingest.report import UploadReport
from maps.page import save

SAMPLE_DATA = Path(__file__).parents[1] / "sample_data"
SAMPLE_YEARS = 2
"""Whole years of readings before the day that the sample is evaluated for."""
MAPS = ("overview", "buffers", "sections")
TRACES = {
    "trace_upstream": TraceRequest("upstream", 150.0, section="S430602001"),
    "trace_downstream": TraceRequest("downstream", 120.0, place=(111.28, 30.69)),
}
"""Who may be behind the phosphorus at 城陵矶, and whom a spill at Yichang reaches."""


class Teller(Protocol):
    """Who says what is being loaded."""

    def text(self, key: str, /, **params: Any) -> str:
        """A text of the catalogue."""

    def working(self, line: str) -> Any:
        """Show that something is under way."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file of the sample data."""

    kind: str
    path: Path
    options: IngestOptions


@dataclass(frozen=True, slots=True)
class SampleManifest:
    """The files of the sample data in load order, and the day that they are evaluated for."""

    as_of: date
    files: tuple[SampleFile, ...]


def sample_manifest(folder: Path = SAMPLE_DATA) -> SampleManifest:
    """Read `manifest.toml` of the sample data.

    Raises
    ------
    SampleDataMissingError
        If it is not there.
    """
    path = folder / "manifest.toml"
    if not path.is_file():
        raise SampleDataMissingError(str(path))
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return SampleManifest(
        as_of=document["as_of"],
        files=tuple(
            SampleFile(
                kind=entry["kind"].replace("-", "_"),
                path=folder / entry["path"],
                options=IngestOptions(**entry.get("options", {})),
            )
            for entry in document["file"]
        ),
    )


def load_sample(
    engine: Engine, manifest: SampleManifest, teller: Teller
) -> Iterator[tuple[SampleFile, UploadReport]]:
    """Load every file of the sample data, then look at what its readings warn of; again changes nothing."""
    for entry in manifest.files:
        with teller.working(teller.text("cli.loading", name=entry.path.name)):
            (report,) = load_files(engine, entry.kind, [entry.path], entry.options, text=teller.text)
        yield entry, report
    # When everything is there that sections are held to: targets, sources, approved limits.
    first = date(manifest.as_of.year - SAMPLE_YEARS, 1, 1)
    with teller.working(teller.text("cli.evaluating")):
        run_warnings(engine, first, manifest.as_of)


def draw_maps(engine: Engine, settings: Settings, catalogue: Catalogue, as_of: date) -> list[Path]:
    """Save the maps as files that open without the application; their paths."""
    folder = settings.home / "maps"
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for subject in MAPS:
        path = folder / f"{subject}.html"
        save(draw(engine, settings, catalogue, subject, as_of), path)
        paths.append(path)
    with Session(engine) as session:
        for name, request in TRACES.items():
            path = folder / f"{name}.html"
            save(draw_answer(trace_in(session, request, as_of), settings, catalogue), path)
            paths.append(path)
    return paths
