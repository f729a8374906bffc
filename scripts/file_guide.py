"""Writes docs/files.md: every kind of file, its columns, and the headers and words that are understood.

The guide is made from what the programme itself uses, so that it cannot say anything else; a test compares.
"""

# ruff: noqa: E501 - the lines of the guide are prose, and read best whole

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from ingest.headers import synonyms  # noqa: E402  # the path is set above
from ingest.kinds import KINDS, READINGS, Column, Kind  # noqa: E402
from spatial.parameters import load_parameters  # noqa: E402

SHOWN = 4
INTRO = """# Files: kinds, columns, words

Made by `python scripts/file_guide.py` from the tables the programme itself uses.

One file holds one kind: `qingjiang ingest KIND FILE…`. Formats: CSV/TSV (UTF-8, with or without BOM, and GB18030 are
found by themselves), XLSX/XLS, GeoJSON, GeoPackage. Headers may be Chinese or English; brackets, spaces and units in
them are read apart. **Bold** columns are required. Empty cells, `--`, `*`, `/` mean missing.

Places come as `lon`/`lat` (经度/纬度), as one `经纬度` column, as degrees–minutes–seconds, as projected coordinates with
`--crs`, or as the geometry of the layer; coordinates are EPSG:4490 unless the file or `--crs` says otherwise.
Dates: `2023-06-30`, `2023年6月30日`, `2023.6.30`, Excel dates. Every kind but readings and ledger takes `valid_from` and
`valid_to` (both days included). Loading a known key with other facts adds a version; the same facts change nothing.
"""
READINGS_TEXT = """## readings 监测数据

`section` (断面编码, or 断面名称 with 省份), `sampled_at` (监测时间), then one column for each parameter, or `parameter`,
`value`, `unit` with one row for each value. Optional: `water_body_type`, `method`, `detection_limit`, `station_status`,
`station_type`, `target_class`, `抓取时间`, and `原始值_…` columns for unrounded values. Below the detection limit:
`0.05L`, `<0.05`, or 未检出 with a detection-limit column. A time without a year takes it from 抓取时间, `--captured-at`,
or the file name. A section that is not registered is registered for the time being as 省份/断面名称.

| parameter | unit | headers understood, such as |
|---|---|---|
"""


def choices() -> dict[str, dict[str, list[str]]]:
    """Words of each closed list: set → code → words."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    with (files("ingest") / "data/choices.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            found[row["set"]][row["code"]].append(row["synonym"])
    return found


def headers(kind: str, field: str) -> str:
    """A few headers that map to a field, the Chinese ones first."""
    scopes = ("*", "parameter", kind)
    words = [word for scope, name, word in synonyms() if scope in scopes and name == field]
    words = sorted(dict.fromkeys(words), key=lambda word: word.isascii())
    return "、".join(words[:SHOWN])


def column_row(kind: Kind, column: Column, lists: dict[str, dict[str, list[str]]]) -> str:
    """One line of a kind's table."""
    name = f"**{column.name}**" if column.required else column.name
    words = ""
    if column.choices:
        words = "; ".join(
            f"`{code}` {next((word for word in known if not word.isascii()), '')}".strip()
            for code, known in lists[column.choices].items()
        )
    note = words or column.type.value.replace("_", " ")
    return f"| {name} | {headers(kind.name, column.name)} | {note} |"


def guide() -> str:
    """The whole document."""
    lists = choices()
    parts = [INTRO]
    for kind in KINDS.values():
        if kind.name == "facilities":
            continue
        place = ""
        if kind.shape:
            need = "required" if kind.shape.required else "optional"
            place = f"Geometry ({need}): {', '.join(kind.shape.types)}.\n\n"
        rows = "\n".join(column_row(kind, column, lists) for column in kind.columns)
        parts.append(
            f"## {kind.name.replace('_', '-')}\n\nKey: {', '.join(kind.key)}. {place}"
            f"| column | headers understood, such as | values |\n|---|---|---|\n{rows}\n"
        )
    parameters = "\n".join(
        f"| {code} {parameter.name_zh} | {parameter.unit} | {headers(READINGS, code)} |"
        for code, parameter in load_parameters().items()
    )
    parts.append(READINGS_TEXT + parameters + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (ROOT / "docs/files.md").write_text(guide(), encoding="utf-8")
