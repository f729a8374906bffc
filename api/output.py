"""Rows as people and programs want them: table, JSON, CSV, GeoJSON, Parquet.

Rows are dictionaries in the shapes of the contracts. JSON is one document, stable in key order and bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pandas as pd
import shapely

Row = Mapping[str, Any]
Column = tuple[str, Callable[[Row], object]]


class Format(StrEnum):
    """Output formats of the command line."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    GEOJSON = "geojson"
    PARQUET = "parquet"


def plain(value: object) -> object:
    """A value that JSON can carry: dates as ISO text, decimals as numbers, geometry as GeoJSON."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 10**15 else float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, shapely.Geometry):
        return json.loads(shapely.to_geojson(value))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_json(document: object) -> str:
    """One JSON document, UTF-8, two spaces of indent, a line end."""
    return json.dumps(document, ensure_ascii=False, indent=2, default=plain, allow_nan=False) + "\n"


def json_pieces(document: Mapping[str, Any], name: str, entries: Iterable[object]) -> Iterator[str]:
    """The pieces of :func:`to_json` of a document whose list `name`, empty there, has these entries.

    They are gone through one by one, so that a list of millions needs no memory.
    """
    before, after = to_json({**document, name: []}).split(f'\n  "{name}": []', maxsplit=1)
    yield f'{before}\n  "{name}": ['
    some = False
    for entry in entries:
        lines = json.dumps(entry, ensure_ascii=False, indent=2, default=plain, allow_nan=False)
        yield f"{',' if some else ''}\n    {lines.replace(chr(10), f'{chr(10)}    ')}"
        some = True
    yield f"{chr(10)}  ]{after}" if some else f"]{after}"


def list_pieces(entries: Iterable[object]) -> Iterator[str]:
    """The pieces of :func:`to_json` of a list, gone through one by one."""
    some = False
    for entry in entries:
        lines = json.dumps(entry, ensure_ascii=False, indent=2, default=plain, allow_nan=False)
        yield f"{',' if some else '['}\n  {lines.replace(chr(10), f'{chr(10)}  ')}"
        some = True
    yield "\n]\n" if some else "[]\n"


def as_feature(row: Row) -> dict[str, object]:
    """A row whose ``geometry`` is a GeoJSON object or None, as a feature."""
    feature = {
        "type": "Feature",
        "id": row.get("code") or row.get("id"),
        "geometry": row.get("geometry"),
        "properties": {key: value for key, value in row.items() if key != "geometry"},
    }
    if feature["id"] is None:
        del feature["id"]
    return feature


def to_geojson(rows: Iterable[Row], **members: object) -> dict[str, object]:
    """A FeatureCollection (RFC 7946) of rows whose ``geometry`` is a GeoJSON object or None."""
    return {"type": "FeatureCollection", "features": [as_feature(row) for row in rows], **members}


def flat(row: Row) -> dict[str, object]:
    """One level of columns: nested objects and lists become compact JSON text."""
    return {
        key: json.dumps(value, ensure_ascii=False, default=plain, separators=(",", ":"))
        if isinstance(value, dict | list | tuple)
        else plain(value)
        if isinstance(value, Decimal | date | shapely.Geometry)
        else value
        for key, value in row.items()
    }


def defused(value: object) -> object:
    """Text that a spreadsheet would run as a formula is kept from doing so by a leading apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(value):
        return "'" + value
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def to_csv(rows: Sequence[Row]) -> str:
    """CSV with a header line; columns in the order of their first appearance."""
    flattened = [flat(row) for row in rows]
    columns = list(dict.fromkeys(key for row in flattened for key in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([defused(row.get(column)) for column in columns] for row in flattened)
    return text.getvalue()


def csv_pieces(rows: Iterable[Row]) -> Iterator[str]:
    """The pieces of :func:`to_csv` of rows that all have the columns of the first."""
    columns: list[str] | None = None
    for row in rows:
        cells = flat(row)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if columns is None:
            columns = list(cells)
            writer.writerow(columns)
        writer.writerow([defused(cells.get(column)) for column in columns])
        yield text.getvalue()
    if columns is None:
        yield "\n"


def to_parquet(rows: Sequence[Row]) -> bytes:
    """Parquet, one row each, nested values as JSON text."""
    buffer = io.BytesIO()
    frame = pd.DataFrame([flat(row) for row in rows])
    for name in frame:
        # A Parquet column has one type: numbers beside words (a threshold) are written as text.
        if pd.api.types.infer_dtype(frame[name], skipna=True).startswith("mixed"):
            frame[name] = frame[name].map(str, na_action="ignore").astype("str")
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
