"""A layer of region polygons as public sources have them: codes of two, four or six digits, and names.

Such layers are generalised and often invalid; they are repaired. They decide nothing in law.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from ingest.errors import CoordinateSystemError, OptionError
from ingest.headers import match_header, names_of
from ingest.options import IngestOptions
from ingest.provinces import find_column, repaired_area
from ingest.readers import RawTable, read_table
from ingest.systems import CGCS2000, open_system

_CODES = ("id", "adcode", "gb", "code", "省代码", "市代码", "县代码")
_NAMES = ("name", "NAME", "名称", "省", "市", "县", "地名")
_DIGITS = re.compile(r"^(?:156)?([1-9]\d(?:\d{2}(?:\d{2}(?:\d{3}){0,2})?)?)$")
_EXPECTED = "polygons in EPSG:4490 or EPSG:4326 with 行政区划代码 (or id, adcode) and name"


def open_regions(path: Path, option: str = "--regions") -> gpd.GeoDataFrame:
    """Read polygons of regions: ``region_code`` (GB/T 2260, filled up to six digits), ``name``, geometry.

    Codes may have two (51), four (4205) or more digits, with the 156 of China before them; rows without a
    code or a polygon are left out.

    Raises
    ------
    IngestFileError
        If the file cannot be read at all.
    OptionError
        If it holds no polygons in degrees with codes and names.
    """
    table = read_table(path, IngestOptions(), _score)
    codes, labels = _cells(table, "region_code", _CODES), _cells(table, "name", _NAMES)
    shapes = _polygons(table)
    if shapes is None or codes is None or labels is None:
        raise OptionError(option, path.name, _EXPECTED)
    try:
        system = open_system(path.name, table.crs or "EPSG:4490")
    except CoordinateSystemError as error:
        raise OptionError(option, path.name, _EXPECTED) from error
    if system.convert is not None:
        raise OptionError(option, path.name, _EXPECTED)
    rows = [
        (match[1].ljust(6, "0"), label.strip(), repaired_area(shape))
        for code, label, shape in zip(codes, labels, shapes, strict=True)
        if shape is not None
        and shape.geom_type in {"Polygon", "MultiPolygon"}
        and (match := _DIGITS.match(code.strip()))
    ]
    if not rows:
        raise OptionError(option, path.name, _EXPECTED)
    return gpd.GeoDataFrame(
        {"region_code": [row[0] for row in rows], "name": [row[1] for row in rows]},
        geometry=np.array([row[2] for row in rows], dtype=object),
        crs=CGCS2000,
    )


def _polygons(table: RawTable) -> np.ndarray[Any, np.dtype[np.object_]] | None:
    """The geometry of the layer, or of a column of well-known text."""
    if table.geometry is not None:
        return table.geometry
    texts = find_column(table, ("geometry", "wkt", "WKT"))
    if texts is None:
        return None
    return np.asarray(shapely.from_wkt([text or None for text in texts], on_invalid="ignore"), dtype=object)


def _score(row: Sequence[str]) -> int:
    """How many cells of a row are headers of such a layer."""
    names, known = names_of("sites", ("region_code", "name")), {*_CODES, *_NAMES}
    return sum(cell in known or match_header(cell, names)[0] is not None for cell in row)


def _cells(table: RawTable, field: str, plain: tuple[str, ...]) -> list[str] | None:
    """Cells of the column whose header means a field, else of the first with one of the plain names."""
    names = names_of("sites", ("region_code", "name"))
    for place, header in enumerate(table.columns):
        if match_header(header, names)[0] == field:
            return table.cells[place]
    return find_column(table, plain)
