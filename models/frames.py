"""Query results as frames, with the same dtypes whatever the rows hold.

| SQL type                       | dtype in the frame                    | missing |
|--------------------------------|---------------------------------------|---------|
| text                           | object of `str`                       | None    |
| date                           | object of `datetime.date`             | None    |
| numeric                        | object of `decimal.Decimal`, exact    | None    |
| smallint, boolean, jsonb       | object of `int`, `bool`, `dict`       | None    |
| integer, bigint                | int64 (object of `int` where nullable)| None    |
| double precision               | float64                               | NaN     |
| timestamptz                    | datetime64[us, Asia/Shanghai]         | NaT     |
| geometry                       | geometry, EPSG:4490                   | None    |

Objects are used where pandas would otherwise turn a missing value into NaN, which is true in an `if`.
"""

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, ColumnElement, Double, Integer, Select, SmallInteger, cast, func
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Session

from models.tables import SRID

TIME_ZONE = "Asia/Shanghai"
MICROSECONDS = 1_000_000


def as_sent(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The form in which a column travels: instants as microseconds since 1970, geometry as WKB."""
    if isinstance(column.type, TIMESTAMP):
        return cast(func.extract("epoch", column) * MICROSECONDS, BigInteger)
    if isinstance(column.type, Geometry):
        return func.ST_AsBinary(column)
    return column


def as_series(column: ColumnElement[Any], values: Sequence[Any]) -> pd.Series:
    """Received values of a column with their dtype."""
    if isinstance(column.type, TIMESTAMP):
        counted = pd.Series(values, dtype="Int64").astype("datetime64[us]")
        return pd.Series(counted.dt.tz_localize("UTC").dt.tz_convert(TIME_ZONE))
    if isinstance(column.type, Geometry):
        shapes = shapely.from_wkb(pd.Series(values, dtype=object).to_numpy())
        return pd.Series(gpd.GeoSeries(shapes, crs=SRID))
    if isinstance(column.type, Double):
        return pd.Series(values, dtype="float64")
    if isinstance(column.type, (Integer, BigInteger)) and not isinstance(column.type, SmallInteger):
        missing = any(value is None for value in values)
        may_miss = not isinstance(column.type, BigInteger) and getattr(column, "nullable", False)
        return pd.Series(values, dtype=object if missing or may_miss else "int64")
    return pd.Series(values, dtype=object)


def fetch_frame(
    session: Session, query: Select[Any], columns: dict[str, ColumnElement[Any]]
) -> pd.DataFrame | gpd.GeoDataFrame:
    """Run a query and return a frame with these columns; a GeoDataFrame if one of them is `geometry`.

    `query` carries everything but its columns (sources, conditions, order, limit). Instants keep their
    microseconds exactly.
    """
    sent = [as_sent(column).label(name) for name, column in columns.items()]
    rows = session.execute(query.with_only_columns(*sent, maintain_column_froms=True)).all()
    received = list(zip(*rows, strict=True)) or [()] * len(columns)
    frame = pd.DataFrame(
        {
            name: as_series(column, values)
            for (name, column), values in zip(columns.items(), received, strict=True)
        }
    )
    if "geometry" in columns:
        return gpd.GeoDataFrame(frame, geometry="geometry", crs=SRID)
    return frame
