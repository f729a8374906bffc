"""A file of places for `distance`, piece by piece, so that its length costs time and no memory.

Parquet (with or without the geometry of GeoParquet) and long text files come in pieces, every other file is
read whole. Each piece is checked as :mod:`ingest.features` checks a file, with the row numbers of the file. A
piece of Parquet that is plain as it stands (simple codes, places in degrees that nothing is to be said about)
is taken over as it is; any other goes the same way as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, cast

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
import shapely
from numpy.typing import NDArray

from ingest import kinds
from ingest.arrangement import header_score
from ingest.blocks import WHOLE_BYTES, BlockSource
from ingest.errors import EmptyFileError, TooLargeError, UnknownFormatError
from ingest.features import FeatureColumns, ParsedFeatures, choose_columns, parse_features, parse_table
from ingest.headers import names_of
from ingest.kinds import find_kind
from ingest.options import IngestOptions
from ingest.readers import RawTable, cell_text
from ingest.report import Notice, Problem
from ingest.systems import CGCS2000, open_system
from spatial.geodesy import lies_in_basin

KIND = "facilities"
PIECE_ROWS = 200_000
_PARQUET = (".parquet", ".geoparquet")
_TEXT = (".csv", ".tsv", ".txt", ".gz", ".zip")
_OTHER_PLACES = frozenset({"coordinates", "easting", "northing", "x", "y"})
_NAMED = 20
_MIDDLE = (106.5, 30.0)
"""Rows that a notice about many names; a place in the basin, as in :mod:`ingest.coordinates`."""
# Nothing in such a code is cleaned, folded or taken for a mark of nothing.
_PLAIN_CODE = r"^[A-Za-z0-9\p{Han}]([A-Za-z0-9\p{Han}_.:/#-]*[A-Za-z0-9\p{Han}])?$"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a file: the good ones with ``code`` and geometry (EPSG:4490), and what is wrong or odd."""

    frame: gpd.GeoDataFrame
    problems: tuple[Problem, ...]
    warnings: tuple[Notice, ...]


class FacilityFile:
    """The places of one file.

    Raises
    ------
    IngestFileError, OptionError
        On opening, as `parse_features` does; or where a later piece cannot be used.
    """

    def __init__(self, path: Path, options: IngestOptions | None = None) -> None:
        self.path = path
        self.options = options or IngestOptions()
        self._parquet: pq.ParquetFile | None = None
        self._blocks: BlockSource | None = None
        self._whole: Piece | None = None
        ending = path.suffix.lower()
        plain = self.options.mapping is None and self.options.sheet is None
        if plain and ending in _PARQUET and path.is_file():
            self._parquet = self._opened_parquet()
        elif plain and ending in _TEXT and path.is_file() and path.stat().st_size > WHOLE_BYTES // 8:
            spec = find_kind(KIND)
            names = names_of(spec.name, spec.fields)
            self._blocks = BlockSource(path, self.options, header_score(self.options, names, spec.name))
        if self._parquet is None and self._blocks is None:
            self._whole = _piece(parse_features(KIND, path, self.options))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._parquet is not None:
            self._parquet.close()

    def __len__(self) -> int:
        """Rows of the file where that is known beforehand, else 0."""
        if self._parquet is not None:
            return int(self._parquet.metadata.num_rows)
        if self._blocks is not None:
            return len(self._blocks)
        return 0 if self._whole is None else len(self._whole.frame)

    def __iter__(self) -> Iterator[Piece]:
        """The pieces from the first one; rows that are refused are missing in their frames."""
        if self._parquet is not None:
            yield from self._of_parquet(self._parquet)
        elif self._blocks is not None:
            for table in self._blocks:
                yield _piece(parse_table(KIND, table, self.options))
        elif self._whole is not None:
            yield self._whole

    # -- Parquet -------------------------------------------------------------------------------------------

    def _opened_parquet(self) -> pq.ParquetFile | None:
        """The file, None where its geometry is written in a way that only a whole reading understands."""
        size, limits = self.path.stat().st_size, self.options.limits
        if size > limits.streamed_bytes:
            raise TooLargeError(self.path.name, "bytes", limits.streamed_bytes, size)
        try:
            file = pq.ParquetFile(self.path)
            meta = _geo_meta(file)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise UnknownFormatError(self.path.name, str(error)) from error
        if meta is not None and meta.encoding != "WKB":
            file.close()
            return None
        if not file.metadata.num_rows:
            raise EmptyFileError(self.path.name)
        return file

    def _of_parquet(self, file: pq.ParquetFile) -> Iterator[Piece]:
        meta = _geo_meta(file)
        names = [name for name in file.schema_arrow.names if meta is None or name != meta.column]
        head = RawTable(
            file=self.path.name,
            sheet=None,
            columns=tuple(names),
            cells=tuple([] for _ in names),
            rows=np.empty(0, dtype=np.int64),
            geometry=None if meta is None else np.empty(0, dtype=object),
            crs=None if meta is None else meta.crs,
        )
        chosen = choose_columns(KIND, head, self.options)
        # What nothing is read from need not be decoded.
        kept = [name for place, name in enumerate(names) if place in chosen.positions]
        wanted = kept if meta is None else [*kept, meta.column]
        plain = self._takes_plain_pieces(chosen, head)
        head = replace(head, columns=tuple(kept), cells=tuple([] for _ in kept))
        first = 1
        try:
            for batch in file.iter_batches(batch_size=PIECE_ROWS, columns=wanted):
                piece = self._as_it_is(batch, chosen, meta, first) if plain else None
                yield piece or self._as_text(batch, head, meta, first)
                first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise UnknownFormatError(self.path.name, str(error)) from error

    def _takes_plain_pieces(self, chosen: FeatureColumns, head: RawTable) -> bool:
        """Whether anything was asked for, or stands beside the places, that needs every row looked at."""
        options = self.options
        if options.constants or options.code_from or options.outside is not None or options.provinces:
            return False
        if chosen.fields.keys() & _OTHER_PLACES or "geometry" in chosen.fields or "code" not in chosen.fields:
            return False
        both = {"lon", "lat"} & chosen.fields.keys()
        if bool(both) == (head.geometry is not None):
            return False  # coordinates beside a geometry are compared with it
        system = open_system(
            self.path.name,
            options.crs or head.crs or CGCS2000,
            options.transformation,
            options.transformation_accuracy_m,
        )
        return system.convert is None

    def _as_it_is(
        self, batch: pa.RecordBatch, chosen: FeatureColumns, meta: _GeoMeta | None, first: int
    ) -> Piece | None:
        """The rows of a piece about which there is nothing to say but that some lie beyond the basin."""
        codes = batch.column(chosen.fields["code"])
        if pa.types.is_integer(codes.type):
            codes = codes.cast(pa.string())
        if not (pa.types.is_string(codes.type) or pa.types.is_large_string(codes.type)) or codes.null_count:
            return None
        marks = pa.array(sorted(kinds._EMPTY), type=codes.type)  # noqa: SLF001 - the words for nothing
        if not pc.all(pc.match_substring_regex(codes, _PLAIN_CODE)).as_py():
            return None
        if pc.any(pc.is_in(codes, value_set=marks)).as_py():
            return None
        geometry = _plain_points(batch, chosen) if meta is None else _plain_shapes(batch.column(meta.column))
        if geometry is None:
            return None
        frame = gpd.GeoDataFrame(
            {"code": codes.to_numpy(zero_copy_only=False)}, geometry=geometry, crs=CGCS2000
        )
        return Piece(frame, (), _beyond_the_basin(geometry, first))

    def _as_text(self, batch: pa.RecordBatch, head: RawTable, meta: _GeoMeta | None, first: int) -> Piece:
        """A piece as a whole file would be read: every cell as text, every row checked."""
        geometry: NDArray[np.object_] | None = None
        bad: tuple[int, ...] = ()
        if meta is not None:
            geometry, bad = _shapes(batch.column(meta.column))
        cells = tuple([cell_text(value) for value in batch.column(name).to_pandas()] for name in head.columns)
        rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
        table = replace(head, cells=cells, rows=rows, geometry=geometry, bad_geometry=bad)
        return _piece(parse_table(KIND, table, self.options))


def _piece(parsed: ParsedFeatures) -> Piece:
    return Piece(cast("gpd.GeoDataFrame", parsed.frame), parsed.problems, parsed.warnings)


def merge_notices(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """What pieces say of many rows each, said once for the file; what they repeat is told once."""
    merged: dict[Any, Notice] = {}
    for notice in notices:
        params = {name: value for name, value in notice.params.items() if name not in {"count", "rows"}}
        key = (notice.code, notice.row, notice.column, json.dumps(params, sort_keys=True, default=str))
        known = merged.get(key)
        if known is None:
            merged[key] = notice
        elif "count" in notice.params and "count" in known.params:
            more = {"count": known.params["count"] + notice.params["count"]}
            if "rows" in known.params:
                more["rows"] = known.params["rows"].removesuffix("…") + "…"
            merged[key] = replace(known, params=dict(known.params) | more)
    return tuple(merged.values())


@dataclass(frozen=True, slots=True)
class _GeoMeta:
    """What a GeoParquet file says of its geometry."""

    column: str
    encoding: str
    crs: str | None


def _geo_meta(file: pq.ParquetFile) -> _GeoMeta | None:
    stored = (file.schema_arrow.metadata or {}).get(b"geo")
    if stored is None:
        return None
    meta: Mapping[str, Any] = json.loads(stored)
    column = str(meta["primary_column"])
    own = meta["columns"][column]
    crs = own.get("crs", "OGC:CRS84")
    text = None if crs is None else pyproj.CRS.from_user_input(crs).to_wkt()
    return _GeoMeta(column, str(own.get("encoding", "WKB")).upper(), text)


def _plain_points(batch: pa.RecordBatch, chosen: FeatureColumns) -> NDArray[np.object_] | None:
    """Points of two columns of degrees; None where one of them is no number on the Earth, or (0, 0)."""
    pairs = []
    for field in ("lon", "lat"):
        numbers = batch.column(chosen.fields[field])
        if not pa.types.is_floating(numbers.type) or numbers.null_count:
            return None
        pairs.append(numbers.to_numpy(zero_copy_only=False).astype(np.float64))
    degrees = np.column_stack(pairs)
    if not _on_earth(degrees) or (degrees == 0).all(axis=1).any():
        return None
    return np.asarray(shapely.points(degrees), dtype=object)


def _on_earth(degrees: NDArray[np.float64]) -> bool:
    return bool(
        np.isfinite(degrees).all()
        and (np.abs(degrees[:, 0]) <= 180).all()
        and (np.abs(degrees[:, 1]) <= 90).all()
    )


def _plain_shapes(column: pa.Array) -> NDArray[np.object_] | None:
    """The geometries of a column; None where one is missing, of another type, broken or off the map."""
    if column.null_count:
        return None
    try:
        shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False))
    except shapely.errors.GEOSException:
        return None
    types = shapely.get_type_id(shapes)
    allowed = np.isin(types, [0, 1, 3, 4, 5, 6])
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    if not allowed.all() or shapely.is_empty(shapes).any() or not _on_earth(coordinates):
        return None
    zero = (coordinates == 0).all(axis=1)
    if (types[owner[zero]] == 0).any() or not shapely.is_valid(shapes).all():
        return None
    return np.asarray(shapely.force_2d(shapes), dtype=object)


def _shapes(column: pa.Array) -> tuple[NDArray[np.object_], tuple[int, ...]]:
    """The geometries of a column, and the positions of those that cannot be read."""
    stored = column.to_numpy(zero_copy_only=False)
    shapes = np.asarray(shapely.from_wkb(stored, on_invalid="ignore"), dtype=object)
    present = np.array([one is not None for one in stored])
    bad = np.flatnonzero(present & shapely.is_missing(shapes))
    return np.asarray(shapely.force_2d(shapes), dtype=object), tuple(int(place) for place in bad)


def _beyond_the_basin(geometry: NDArray[np.object_], first: int) -> tuple[Notice, ...]:
    """The notice of `check_surroundings` about places outside the basin."""
    west, south, east, north = shapely.bounds(geometry).T
    far = np.flatnonzero(~lies_in_basin(np.clip(_MIDDLE[0], west, east), np.clip(_MIDDLE[1], south, north)))
    if not len(far):
        return ()
    rows = ", ".join(str(first + int(place)) for place in far[:_NAMED]) + ("…" if len(far) > _NAMED else "")
    return (Notice("outside_basin", {"count": len(far), "rows": rows}),)
