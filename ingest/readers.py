"""Files become tables of text: CSV/TSV, XLSX/XLS, JSON, GeoJSON, GeoPackage, Shapefile, (Geo)Parquet.

Nothing is interpreted here. A cell is the text that stands in the file (``0.05L`` and ``007`` survive); one
that the file itself types (a number or a date of a workbook) becomes the text that a person sees there.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import json
import math
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, Self, TextIO

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from python_calamine import CalamineError, CalamineWorkbook

from ingest.errors import (
    EmptyFileError,
    FileMissingError,
    OptionError,
    SheetError,
    TooLargeError,
    UnknownFormatError,
    WrongEncodingError,
)
from ingest.options import IngestOptions, Limits

HeaderScore = Callable[[Sequence[str]], int]
"""How many cells of a row are names of columns that the caller knows."""

TITLE_ROWS = 20
"""A header stands within this many rows; what stands above it are titles."""

DELIMITERS = (",", "\t", ";", "|")

EXAMPLE_SHEET, GUIDE_SHEET = "填写示例 Example", "填写说明 Guide"
"""Sheets that our own templates carry for people; they are read only when `--sheet` names them."""

_TEXT_ENDINGS = {".csv", ".tsv", ".txt"}
_WORKBOOK_ENDINGS = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_JSON_ENDINGS = {".json", ".geojson"}
_LAYER_ENDINGS = {".gpkg", ".shp"}
_PARQUET_ENDINGS = {".parquet", ".geoparquet"}
ENDINGS = tuple(
    sorted(
        _TEXT_ENDINGS
        | _WORKBOOK_ENDINGS
        | _JSON_ENDINGS
        | _LAYER_ENDINGS
        | _PARQUET_ENDINGS
        | {".zip", ".gz"}
    )
)


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as the file has it.

    Attributes
    ----------
    file :
        Name of the file, without its folder.
    sheet :
        Sheet or layer that was read, None where the format has none.
    columns :
        Headers as written, in file order; they may repeat or be empty.
    cells :
        One list of texts per column, in file order; an empty cell is ``""``.
    rows :
        Row number of each row as a person sees it: lines of a table with the header in row 1 (titles above
        the header count); features of a map layer counted from 1, for they have no header row.
    geometry :
        shapely geometries (2D) or None per row; None where the format carries no geometry column.
    crs :
        What the file declares (WKT or an authority code); None where it declares nothing.
    overlong :
        Rows with more cells than the header: (position, the cells beyond).
    bad_geometry :
        Positions of rows whose geometry is no geometry.
    """

    file: str
    sheet: str | None
    columns: tuple[str, ...]
    cells: tuple[list[str], ...]
    rows: NDArray[np.int64]
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    overlong: tuple[tuple[int, tuple[str, ...]], ...] = ()
    bad_geometry: tuple[int, ...] = ()
    sheets_ignored: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def row_cells(self, position: int) -> dict[str, str]:
        """The row's own cells by header; a repeated header gets its place behind it."""
        named: dict[str, str] = {}
        for place, (column, values) in enumerate(zip(self.columns, self.cells, strict=True), start=1):
            named[column if column and column not in named else f"{column}#{place}"] = values[position]
        return named


def read_table(path: Path, options: IngestOptions, header_score: HeaderScore) -> RawTable:
    """Read one file into a table of text.

    The format is taken from the name's ending (``.gz`` and a ``.zip`` of one file are looked into).

    Raises
    ------
    IngestFileError
        If the file is missing, too large, empty, in no known format or encoding, or has no such sheet.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FileMissingError(path.name, error.strerror or str(error)) from error
    if not path.is_file():
        raise FileMissingError(path.name, "not a file")
    if size > options.limits.file_bytes:
        raise TooLargeError(path.name, "bytes", options.limits.file_bytes, size)
    ending = path.suffix.lower()
    if ending in _LAYER_ENDINGS or (ending == ".zip" and _zip_holds_shapefile(path)):
        return _read_layer(path, options)
    name, data = _unpacked(path, options.limits)
    ending = Path(name).suffix.lower()
    if ending in _TEXT_ENDINGS:
        table = _read_text(path.name, data, options, header_score)
    elif ending in _WORKBOOK_ENDINGS:
        table = _read_workbook(path.name, data, options, header_score)
    elif ending in _JSON_ENDINGS:
        table = _read_json(path.name, data, options)
    elif ending in _PARQUET_ENDINGS:
        table = _read_parquet(path.name, data)
    else:
        raise UnknownFormatError(path.name, f"ending {ending!r} is none of {' '.join(ENDINGS)}")
    return _checked_size(table, options.limits)


def _checked_size(table: RawTable, limits: Limits) -> RawTable:
    if len(table.columns) > limits.columns:
        raise TooLargeError(table.file, "columns", limits.columns, len(table.columns))
    if len(table) > limits.rows:
        raise TooLargeError(table.file, "rows", limits.rows, len(table))
    if not len(table):
        raise EmptyFileError(table.file)
    return table


# -- packed files ----------------------------------------------------------------------------------------


def _unpacked(path: Path, limits: Limits) -> tuple[str, bytes]:
    """Name and bytes of the file itself, or of the one file inside a ``.gz`` or ``.zip``."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as stream:
                return path.stem, _read_bounded(path.name, stream.read, limits.unpacked_bytes)
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = [item for item in archive.infolist() if not item.is_dir()]
                if len(members) != 1:
                    raise UnknownFormatError(
                        path.name, f"the archive holds {len(members)} files instead of one"
                    )
                with archive.open(members[0]) as member:
                    return members[0].filename, _read_bounded(path.name, member.read, limits.unpacked_bytes)
        return path.name, path.read_bytes()
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise UnknownFormatError(path.name, str(error)) from error


def _read_bounded(file: str, read: Callable[[int], bytes], limit: int) -> bytes:
    data = read(limit + 1)
    if len(data) > limit:
        raise TooLargeError(file, "unpacked bytes", limit, len(data))
    return data


def _zip_holds_shapefile(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".shp") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise UnknownFormatError(path.name, str(error)) from error


# -- text ------------------------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(file: str, data: bytes, encoding: str | None) -> str:
    """Return the text of `data`: in `encoding` where one is named, else by BOM, UTF-8, GB18030.

    Raises
    ------
    WrongEncodingError
        If the bytes are no text in it. Nothing is replaced or dropped.
    OptionError
        If there is no encoding of that name.
    """
    if encoding is not None:
        try:
            codecs.lookup(encoding)
            text = data.decode(encoding)
        except UnicodeError as error:
            raise WrongEncodingError(file, encoding, getattr(error, "start", 0)) from error
        except (LookupError, ValueError) as error:  # unknown, or no name at all (NUL)
            raise OptionError("--encoding", encoding, "utf-8, gb18030, gbk, utf-16 …") from error
        return text.removeprefix("\ufeff")
    for mark, name in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name)
            except UnicodeError as error:
                raise WrongEncodingError(file, name, getattr(error, "start", 0)) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        position = error.start
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        raise WrongEncodingError(file, "UTF-8, GB18030", max(position, error.start)) from error


def _read_text(file: str, data: bytes, options: IngestOptions, header_score: HeaderScore) -> RawTable:
    text = decode(file, data, options.encoding)
    if "\x00" in text:
        raise UnknownFormatError(file, "it holds NUL characters: this is no table of text")
    delimiter = _sniff_delimiter(text, header_score)
    rows = _csv_rows(file, io.StringIO(text, newline=""), delimiter, options.limits)
    return _table_of_rows(file, None, rows, header_score)


def _sniff_delimiter(text: str, header_score: HeaderScore) -> str:
    """The delimiter under which the most headers are known, then the one with the most cells."""
    head = "".join(itertools.islice(io.StringIO(text, newline=""), 3 * TITLE_ROWS))

    def merit(delimiter: str) -> tuple[int, int]:
        try:
            rows = list(
                itertools.islice(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), TITLE_ROWS)
            )
        except csv.Error:
            return (-1, -1)
        return (max(map(header_score, rows), default=0), max(map(len, rows), default=0))

    return max(DELIMITERS, key=merit)


def _csv_rows(file: str, stream: TextIO, delimiter: str, limits: Limits) -> Iterator[list[str]]:
    csv.field_size_limit(limits.cell_characters)
    # Strict: a quote that is never closed would swallow the rows behind it.
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    try:
        for number, row in enumerate(reader, start=1):
            if number > limits.rows + TITLE_ROWS:
                raise TooLargeError(file, "rows", limits.rows, number)
            yield row
    except csv.Error as error:
        raise UnknownFormatError(file, f"line {reader.line_num}: {error}") from error


def _table_of_rows(
    file: str, sheet: str | None, rows: Iterable[Sequence[str]], header_score: HeaderScore
) -> RawTable:
    """Find the header, drop empty rows, and remember the number of every row that is left."""
    numbered = ((number, row) for number, row in enumerate(rows, start=1) if any(map(str.strip, row)))
    head = list(itertools.islice(numbered, TITLE_ROWS))
    if not head:
        raise EmptyFileError(file)
    scores = [header_score(row) for _, row in head]
    best = max(scores)
    # Without any known name the first row is taken, so that the error can say which names were found.
    place = scores.index(best) if best else 0
    header = list(head[place][1])
    while header and not header[-1].strip():
        header.pop()
    width = len(header)
    cells: tuple[list[str], ...] = tuple([] for _ in range(width))
    numbers: list[int] = []
    overlong: list[tuple[int, tuple[str, ...]]] = []
    kept: list[Sequence[str]] = []
    for number, row in itertools.chain(head[place + 1 :], numbered):
        if len(row) != width:
            beyond = tuple(cell for cell in row[width:] if cell.strip())
            if beyond:
                overlong.append((len(numbers), beyond))
            row = [*row[:width], *[""] * (width - len(row))]  # noqa: PLW2901 - the padded row replaces it
        numbers.append(number)
        kept.append(row)
    if kept:
        cells = tuple(list(column) for column in zip(*kept, strict=True))
    return RawTable(
        file=file,
        sheet=sheet,
        columns=tuple(header),
        cells=cells,
        rows=np.asarray(numbers, dtype=np.int64),
        overlong=tuple(overlong),
    )


# -- workbooks -------------------------------------------------------------------------------------------


def _read_workbook(file: str, data: bytes, options: IngestOptions, header_score: HeaderScore) -> RawTable:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = list(book.sheet_names)
        if options.sheet is None:
            names = [name for name in names if name not in (EXAMPLE_SHEET, GUIDE_SHEET)]
        sheets = {name: _sheet_rows(book, name) for name in _wanted_sheets(file, names, options.sheet)}
    except (CalamineError, OSError, zipfile.BadZipFile) as error:
        raise UnknownFormatError(file, str(error)) from error
    filled = {name: rows for name, rows in sheets.items() if rows}
    if not filled:
        raise EmptyFileError(file)
    if len(filled) > 1:
        known = {
            name: rows
            for name, rows in filled.items()
            if max(map(header_score, rows[:TITLE_ROWS]), default=0) > 1
        }
        if len(known) > 1:
            raise SheetError("sheet_ambiguous", file, "", tuple(known))
        filled = known or dict(itertools.islice(filled.items(), 1))
    name, rows = next(iter(filled.items()))
    table = _table_of_rows(file, name, rows, header_score)
    ignored = tuple(other for other in sheets if other != name and sheets[other])
    return RawTable(
        file=file,
        sheet=name,
        columns=table.columns,
        cells=table.cells,
        rows=table.rows,
        overlong=table.overlong,
        sheets_ignored=ignored,
    )


def _wanted_sheets(file: str, names: Sequence[str], wanted: str | None) -> Sequence[str]:
    if wanted is None:
        return names
    if wanted in names:
        return (wanted,)
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return (names[int(wanted) - 1],)
    raise SheetError("sheet_missing", file, wanted, names)


def _sheet_rows(book: CalamineWorkbook, name: str) -> list[list[str]]:
    rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return [[cell if type(cell) is str else cell_text(cell) for cell in row] for row in rows]


_EXCEL_DIGITS = 15
"""A workbook keeps and shows 15 significant digits; more of them are noise of the binary number."""


def cell_text(value: object) -> str:
    """Return the text of a typed cell as a person reads it: 15 digits for numbers, ISO for dates."""
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return _number_text(float(value))
    if isinstance(value, pd.Timestamp | datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, list | tuple | dict | np.ndarray):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _number_text(value: float) -> str:
    if math.isnan(value):
        return ""
    if value.is_integer() and abs(value) < 10**_EXCEL_DIGITS:
        return str(int(value))
    return str(Decimal(f"{value:.{_EXCEL_DIGITS}g}")) if math.isfinite(value) else str(value)


# -- JSON ------------------------------------------------------------------------------------------------


class _NumberText(float):
    """A JSON number that remembers how it was written, so that 0.10 stays 0.10."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _read_json(file: str, data: bytes, options: IngestOptions) -> RawTable:
    text = decode(file, data, options.encoding)
    try:
        document = json.loads(text, parse_float=_NumberText, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnknownFormatError(file, f"no JSON: {error}") from error
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        return _read_features(file, document)
    if isinstance(document, dict) and document.get("type") == "Feature":
        return _read_features(file, {**document, "type": "FeatureCollection", "features": [document]})
    if isinstance(document, list) and all(isinstance(item, dict) for item in document):
        columns, cells = _columns_of(document)
        rows = np.arange(1, len(document) + 1, dtype=np.int64)
        return RawTable(file=file, sheet=None, columns=columns, cells=cells, rows=rows)
    raise UnknownFormatError(file, "neither a GeoJSON FeatureCollection nor a list of objects")


def _read_features(file: str, document: dict[str, Any]) -> RawTable:
    features = document.get("features")
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        raise UnknownFormatError(file, "a FeatureCollection without a list of features")
    columns, cells = _columns_of([feature.get("properties") or {} for feature in features])
    geometry = np.full(len(features), None, dtype=object)
    bad: list[int] = []
    for place, feature in enumerate(features):
        if feature.get("geometry") is None:
            continue
        try:
            geometry[place] = _plane_geometry(feature["geometry"])
        except (
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            RecursionError,
            shapely.errors.ShapelyError,
        ):
            bad.append(place)
    return RawTable(
        file=file,
        sheet=None,
        columns=columns,
        cells=cells,
        rows=np.arange(1, len(features) + 1, dtype=np.int64),
        geometry=geometry,
        crs=_declared_crs(file, document.get("crs")),
        bad_geometry=tuple(bad),
    )


def _columns_of(objects: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[list[str], ...]]:
    names = dict.fromkeys(itertools.chain.from_iterable(objects))
    cells = tuple([_json_text(item.get(name)) for item in objects] for name in names)
    return tuple(_json_text(name) for name in names), cells


def _json_text(value: object) -> str:
    """A JSON value as text; what no file or database can hold (NUL, half a surrogate pair) becomes U+FFFD."""
    if isinstance(value, _NumberText):
        return value.text
    text = cell_text(value).replace("\x00", "\ufffd")
    return text if text.isprintable() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plane_geometry(geometry: dict[str, Any]) -> shapely.Geometry:
    """A GeoJSON geometry in the plane: heights, and nulls that some exporters put behind them, are left."""
    if geometry["type"] == "GeometryCollection":
        return shapely.GeometryCollection([_plane_geometry(part) for part in geometry["geometries"]])
    shape = shapely.geometry.shape({"type": geometry["type"], "coordinates": _plane(geometry["coordinates"])})
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise ValueError("coordinates must be finite")
    return shape


def _plane(coordinates: Any) -> Any:
    if coordinates and isinstance(coordinates[0], int | float):
        return (float(coordinates[0]), float(coordinates[1]))
    return [_plane(part) for part in coordinates]


def _declared_crs(file: str, declared: object) -> str | None:
    """The system in the ``crs`` member (before RFC 7946), by name or EPSG code; without one it is WGS 84."""
    if declared is None:
        return "OGC:CRS84"
    if isinstance(declared, dict) and isinstance(declared.get("properties"), dict):
        properties = declared["properties"]
        if properties.get("name"):
            return str(properties["name"])
        if str(declared.get("type", "")).upper() == "EPSG" and properties.get("code"):  # GeoServer's old form
            return f"EPSG:{properties['code']}"
    raise UnknownFormatError(file, "a crs member without a name")


# -- map layers and Parquet ------------------------------------------------------------------------------


def _read_layer(path: Path, options: IngestOptions) -> RawTable:
    """GeoPackage and (zipped) Shapefile; a Shapefile without ``.cpg`` is UTF-8 or else GB18030."""
    source = f"/vsizip/{path.resolve()}" if path.suffix.lower() == ".zip" else path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's remarks; what it cannot read it raises
            names = [str(row[0]) for row in pyogrio.list_layers(source)]
            layer = _wanted_sheets(path.name, names, options.sheet)
            if len(layer) > 1:
                raise SheetError("sheet_ambiguous", path.name, "", names)
            frame = _read_frame(source, layer[0] if layer else None, options.encoding)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise UnknownFormatError(path.name, str(error)) from error
    except UnicodeDecodeError as error:
        raise WrongEncodingError(path.name, options.encoding or "UTF-8, GB18030", error.start) from error
    return _checked_size(_table_of_frame(path.name, layer[0], frame), options.limits)


def _read_frame(source: Path | str, layer: str | None, encoding: str | None) -> pd.DataFrame:
    stated = isinstance(source, Path) and (
        source.suffix.lower() == ".gpkg" or source.with_suffix(".cpg").exists()
    )
    frame: pd.DataFrame
    if stated or encoding is not None:
        frame = pyogrio.read_dataframe(source, layer=layer, encoding=encoding)
        return frame
    try:
        frame = pyogrio.read_dataframe(source, layer=layer, encoding="UTF-8")
    except UnicodeDecodeError:
        frame = pyogrio.read_dataframe(source, layer=layer, encoding="GB18030")
    return frame


def _read_parquet(file: str, data: bytes) -> RawTable:
    try:
        frame: pd.DataFrame = gpd.read_parquet(io.BytesIO(data))
    except ValueError:  # no geo metadata: a plain Parquet file
        try:
            frame = pd.read_parquet(io.BytesIO(data))
        except (ValueError, OSError) as error:
            raise UnknownFormatError(file, str(error)) from error
    except OSError as error:
        raise UnknownFormatError(file, str(error)) from error
    return _table_of_frame(file, None, frame)


def _table_of_frame(file: str, sheet: str | None, frame: pd.DataFrame) -> RawTable:
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None
    if isinstance(frame, gpd.GeoDataFrame):
        geometry = shapely.force_2d(np.asarray(frame.geometry.array, dtype=object))
        crs = None if frame.crs is None else frame.crs.to_wkt()
        frame = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    cells = tuple([cell_text(value) for value in frame.iloc[:, place]] for place in range(frame.shape[1]))
    return RawTable(
        file=file,
        sheet=sheet,
        columns=tuple(map(str, frame.columns)),
        cells=cells,
        rows=np.arange(1, len(frame) + 1, dtype=np.int64),
        geometry=geometry,
        crs=crs,
    )
