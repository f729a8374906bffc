"""``distance``: how far the places of a file stand from shorelines; files in, a file out, no database.

Places are read, measured and written in pieces, so that memory does not grow with the file. Nothing is
written before every row has been found good, and a file appears whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from api.cli.data import (
    COLUMN_NOTICES,
    TABLE_ROWS,
    CodeFromOption,
    ColumnsOption,
    ConstantsOption,
    CrsOption,
    EncodingOption,
    FileArgument,
    MappingOption,
    SheetOption,
    SwappedChoice,
    SwappedOption,
    TransformationAccuracyOption,
    TransformationOption,
    report_notices,
    report_problems,
)
from api.cli.door import EXIT_REJECTED, Door, FileFormatOption, LoadingBar, OutOption, door
from api.output import Column, Format, Row, as_feature, csv_pieces, json_pieces, list_pieces

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from ingest.facilities import FacilityFile
    from spatial.distance import ShorelineIndex

GEOPARQUET = ".geoparquet"
"""Ending of a Parquet file that carries the places beside their distances."""

Measured = Iterator[tuple["gpd.GeoDataFrame", "pd.DataFrame"]]
"""Places and what was measured of them, piece by piece."""


class _RefusedError(Exception):
    """Some row is refused: nothing is written, and what is wrong has been collected."""


def distance_command(
    context: typer.Context,
    file: FileArgument,
    shorelines: Annotated[Path, typer.Option("--shorelines", help="shoreline file: lines or water polygons")],
    rank: Annotated[
        str | None, typer.Option("--rank", help="rank of every shoreline of a file without a rank column")
    ] = None,
    within: Annotated[
        float, typer.Option("--within", help="farthest distance to report, in metres", min=0)
    ] = 10_000.0,
    crs: CrsOption = None,
    transformation: TransformationOption = None,
    transformation_accuracy: TransformationAccuracyOption = None,
    named: ColumnsOption = None,
    constants: ConstantsOption = None,
    code_from: CodeFromOption = None,
    swapped: SwappedChoice = SwappedOption.ERROR,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    mapping: MappingOption = None,
    form: FileFormatOption = None,
    out: OutOption = None,
) -> None:
    """Measure shoreline distances of a points, lines or polygons file, without any database.

    Parquet and long text files are read in pieces, and everything but a table is written in pieces: 10
    million places take less than 1 GiB. A file ending in .geoparquet gets the places, too.
    """
    from ingest.facilities import FacilityFile
    from ingest.features import parse_features
    from ingest.options import IngestOptions, parse_pairs
    from spatial.distance import ShorelineIndex, shorelines_in_force

    opened = door(context)
    chosen = _format_of(opened, form, out)
    opened.refuse_overwriting(out, [file, shorelines])
    options = IngestOptions(
        crs=crs,
        transformation=transformation,
        transformation_accuracy_m=transformation_accuracy,
        columns=parse_pairs("--column", named),
        constants=parse_pairs("--set", constants),
        code_from=None if code_from is None else code_from.value,
        swapped=swapped.value,
        encoding=encoding,
        sheet=sheet,
        mapping=mapping,
    )
    with opened.working(opened.text("cli.reading", name=file.name)):
        places = FacilityFile(file, options)
        lines = parse_features("shorelines", shorelines, IngestOptions(rank=rank))
        index = None if lines.problems else ShorelineIndex(shorelines_in_force(lines.frame))
    with places:
        run = _Run(opened, places, index, within)
        try:
            run.write(chosen, out)
        except _RefusedError:
            chosen = Format.JSON  # nothing was written, and there is no more of it
    run.report(file)
    # What columns a shoreline file has besides is nobody's business here; whether its places are right is.
    of_lines = [notice for notice in lines.warnings if notice.code not in COLUMN_NOTICES]
    report_notices(opened, of_lines, shorelines)
    if run.problems or lines.problems:
        report_problems(opened, run.problems, file)
        report_problems(opened, lines.problems, shorelines)
        raise typer.Exit(EXIT_REJECTED)
    if chosen is Format.TABLE and out is None and run.rows > TABLE_ROWS:
        opened.say(opened.text("cli.more_rows", count=run.rows - TABLE_ROWS))


def _format_of(opened: Door, form: Format | None, out: Path | None) -> Format:
    """The format of the answer; an ending of its own asks for Parquet with the places."""
    if out is None or out.suffix.lower() != GEOPARQUET:
        return opened.format_of(form, out)
    return opened.format_of(form, out.with_suffix(".parquet"))


class _Run:
    """One measuring of one file."""

    def __init__(
        self, opened: Door, places: FacilityFile, index: ShorelineIndex | None, within: float
    ) -> None:
        self.opened = opened
        self.places = places
        self.index = index
        self.within_m = within
        self.rows = 0
        self.problems: list[Any] = []
        self.notices: list[Any] = []

    def report(self, file: Path) -> None:
        """Say what is worth knowing of the places, once for the file."""
        from ingest.facilities import merge_notices

        report_notices(self.opened, merge_notices(self.notices), file)

    def measured(self) -> Measured:
        """The pieces, measured; once a row is refused the rest is only checked, so that all faults are told.

        Raises
        ------
        _RefusedError
            After the last piece, if any row was refused or there are no shorelines to measure to.
        """
        name = self.places.path.name
        with LoadingBar(self.opened.err, name) as bar:
            done = 0
            for piece in self.places:
                self.notices += piece.warnings
                self.problems += piece.problems
                done += len(piece.frame) + len({problem.row for problem in piece.problems})
                if self.index is not None and not self.problems:
                    yield piece.frame, self.index.measure(piece.frame, within_m=self.within_m)
                    self.rows += len(piece.frame)
                bar(self.opened.text("cli.measuring"), done, max(len(self.places), done))
        if self.index is None or self.problems:
            raise _RefusedError

    def write(self, form: Format, out: Path | None) -> None:
        """Measure everything and write it in a format; see `measured` for what stops it."""
        if form is Format.TABLE:
            self._show_table(out)
            return
        with self.opened.writing(out) as stream:
            if form is Format.PARQUET:
                places = out is not None and out.suffix.lower() == GEOPARQUET
                _write_parquet(stream, self.measured(), places=places)
                return
            for piece in self._texts(form):
                stream.write(piece.encode())

    def _texts(self, form: Format) -> Iterator[str]:
        if form is Format.CSV:
            return csv_pieces(self._entries())
        if form is Format.GEOJSON:
            features = (as_feature(entry) for entry in self._entries(geometry=True))
            return json_pieces({"type": "FeatureCollection"}, "features", features)
        return list_pieces(self._entries())

    def _entries(self, *, geometry: bool = False) -> Iterator[Row]:
        """The shape of the contract, one by one."""
        import shapely

        from spatial.distance import distances_as_json

        for frame, measured in self.measured():
            entries = distances_as_json(measured)
            if not geometry:
                yield from entries
                continue
            texts = shapely.to_geojson(frame.geometry.to_numpy())
            for entry, text in zip(entries, texts, strict=True):
                yield {**entry, "geometry": None if text is None else json.loads(text)}

    def _show_table(self, out: Path | None) -> None:
        """A table in a file has all rows, one on the screen the first."""
        text = self.opened.text
        columns: list[Column] = [
            (text("cli.col_code"), lambda row: row["code"]),
            (text("cli.col_distance"), lambda row: _nearest_text(self.opened, row)),
            (text("cli.col_zones"), lambda row: "、".join(row["zones"])),
        ]
        shown: list[Row] = []
        for entry in self._entries():
            if out is not None or len(shown) < TABLE_ROWS:
                shown.append(entry)
        self.opened.show(shown, columns, Format.TABLE, out)


def _write_parquet(stream: BinaryIO, measured: Measured, *, places: bool) -> None:
    """One row per place with the columns of the contract, and on request the place itself (GeoParquet)."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import shapely

    schema = _parquet_schema(places=places)
    columns = [name for name in schema.names if name != "geometry"]
    with pq.ParquetWriter(stream, schema) as writer:
        for frame, found in measured:
            arrays = [
                pa.array(found[name], type=schema.field(name).type, from_pandas=True) for name in columns
            ]
            if places:
                arrays.append(pa.array(shapely.to_wkb(frame.geometry.to_numpy()), type=pa.binary()))
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _parquet_schema(*, places: bool) -> Any:
    import pyarrow as pa
    import pyproj

    from spatial.geodesy import CGCS2000_EPSG
    from spatial.vocabulary import Rank

    kinds = {
        "distance_m": pa.float64(),
        "lon": pa.float64(),
        "lat": pa.float64(),
        "water_body_code": pa.string(),
    }
    fields = [("code", pa.string())]
    fields += [(f"{rank}_{name}", kind) for rank in Rank for name, kind in kinds.items()]
    fields.append(("zones", pa.list_(pa.string())))
    if not places:
        return pa.schema(fields)
    geo = {
        "version": "1.0.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": [],
                "crs": pyproj.CRS.from_epsg(CGCS2000_EPSG).to_json_dict(),
            }
        },
    }
    return pa.schema([*fields, ("geometry", pa.binary())], metadata={"geo": json.dumps(geo)})


def _nearest_text(opened: Door, row: Row) -> str:
    return "；".join(
        f"{opened.text(f'states.rank_{rank}')} {found['distance_m']:,.2f} m"
        for rank, found in row["nearest"].items()
        if found is not None
    )
