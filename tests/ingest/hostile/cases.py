"""What a hostile file is: its bytes, how it is loaded, and the report that it must get.

A case has one defect. `facilities.py` beside this module makes those of facilities, lines and sections;
readings have a module of their own. All of them run through ``test_hostile_files.py``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import openpyxl

from ingest.options import IngestOptions

Fault = tuple[int, str | None, str]
"""Row as a person counts it, column as the file writes it (None: the whole row), code."""

Told = tuple[int | None, str]
"""Row of a notice (None: the whole file), code."""


@dataclass(frozen=True, slots=True)
class Case:
    """One file with one defect, and its report.

    `refused` is the code of the error that ends the whole file; then nothing else is expected. `duplicate`
    and `loaded` count rows; the rejected ones are those of `faults`. `companions` are files that lie beside
    this one; an option that is a path is looked for among them.
    """

    defect: str
    kind: str
    file: str
    content: bytes
    loaded: int = 0
    duplicate: int = 0
    faults: tuple[Fault, ...] = ()
    notices: tuple[Told, ...] = ()
    refused: str | None = None
    options: IngestOptions = field(default_factory=IngestOptions)
    companions: Mapping[str, bytes] = field(default_factory=dict)


def as_csv(*rows: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Rows as UTF-8 CSV: mappings under a header of all their keys, or sequences as they stand."""
    stream = io.StringIO(newline="")
    named = [row for row in rows if isinstance(row, Mapping)]
    if named:
        writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in named for key in row)), restval="")
        writer.writeheader()
        writer.writerows(named)
    else:
        csv.writer(stream).writerows(rows)
    return stream.getvalue().encode()


def as_geojson(
    *features: tuple[Mapping[str, Any] | None, Mapping[str, Any]], crs: str | None = None
) -> bytes:
    """Features from (geometry, properties); `crs` becomes the old ``crs`` member."""
    document: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": geometry, "properties": properties}
            for geometry, properties in features
        ],
    }
    if crs is not None:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    return json.dumps(document, ensure_ascii=False).encode()


def as_workbook(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook of sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
