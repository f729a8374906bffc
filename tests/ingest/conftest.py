"""Files written for a test, in the formats that people send."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pytest
import shapely

DATA = Path(__file__).parents[2] / "../shared/data"

Row = Mapping[str, Any]
Write = Callable[..., Path]


@pytest.fixture
def shared_data() -> Path:
    """The folder of real public files; without it there is nothing to test against."""
    if not DATA.is_dir():
        pytest.skip("the real data sets (../shared/data) are not on this machine")
    return DATA


def as_csv(rows: Sequence[Row], *, delimiter: str = ",") -> str:
    """Rows as CSV text; WKT stands for a geometry."""
    stream = io.StringIO(newline="")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(stream, columns, delimiter=delimiter)
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {name: value.wkt if isinstance(value, shapely.Geometry) else value for name, value in row.items()}
        )
    return stream.getvalue()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write("name.ext", rows)`: a CSV, XLSX, GeoJSON or GeoPackage with these rows, by the name's ending."""

    def written(name: str, rows: Sequence[Row], *, encoding: str = "utf-8", crs: str = "EPSG:4490") -> Path:
        path = tmp_path / name
        columns = list(dict.fromkeys(column for row in rows for column in row))
        if path.suffix == ".csv":
            path.write_bytes(as_csv(rows).encode(encoding))
        elif path.suffix == ".xlsx":
            book = openpyxl.Workbook()
            sheet = book.worksheets[0]
            sheet.append(columns)
            for row in rows:
                values = [row.get(column) for column in columns]
                sheet.append([v.wkt if isinstance(v, shapely.Geometry) else v for v in values])
            book.save(path)
        elif path.suffix == ".geojson":
            features = [
                {
                    "type": "Feature",
                    "properties": {k: _plain(v) for k, v in row.items() if k != "geometry"},
                    "geometry": None
                    if row.get("geometry") is None
                    else shapely.geometry.mapping(row["geometry"]),
                }
                for row in rows
            ]
            document = {
                "type": "FeatureCollection",
                "crs": {"type": "name", "properties": {"name": crs}},
                "features": features,
            }
            path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        else:
            data = {
                column: [None if row.get(column) is None else str(_plain(row[column])) for row in rows]
                for column in columns
                if column != "geometry"
            }
            shapes = [row.get("geometry") for row in rows]
            gpd.GeoDataFrame(data, geometry=shapes, crs=crs).to_file(path, driver="GPKG")
        return path

    return written
