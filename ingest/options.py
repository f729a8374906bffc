"""What a caller may say about a file. Values only; nothing here reads a file or the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes beyond which a file is refused before it can hurt.

    Long text files of readings are read as a stream and cost no memory: `streamed_bytes` (unpacked) and
    `streamed_rows` hold for them instead of the first three.
    """

    file_bytes: int = 2_000_000_000
    unpacked_bytes: int = 4_000_000_000
    workbook_bytes: int = 1_000_000_000
    packing_ratio: int = 200
    packing_ratio_from_bytes: int = 64 << 20
    rows: int = 10_000_000
    columns: int = 2_000
    cell_characters: int = 1_000_000
    streamed_bytes: int = 50_000_000_000
    streamed_rows: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Options of one load.

    Attributes
    ----------
    crs :
        Coordinate system of the coordinates in the file (``EPSG:4547`` …). It wins over what the file says.
        None: as the file declares, else EPSG:4490.
    transformation, transformation_accuracy_m :
        The way from a datum that is refused otherwise (Beijing 1954, Xian 1980 …) and its accuracy in metres:
        an EPSG code (``EPSG:15918``) or a PROJ pipeline of longitude and latitude in degrees. Both or none.
    swapped :
        What happens to longitude and latitude that stand in each other's column: ``error``, or ``correct``
        (the row says so and remembers what stood there).
    outside :
        What happens to places outside the basin, outside the province that they claim, or at (0, 0):
        ``warn``, ``error`` or ``ignore``. A row at (0, 0) is then kept without a place, and that is always
        told. None: outside is a warning, (0, 0) an error.
    provinces :
        Polygon layer of the provinces, with their names; without it no province is checked.
    columns :
        Header of the file by field, where the programme does not know the header.
    constants :
        What every row of a file says in a field that the file has no column for.
    code_from :
        Where the file has no codes: ``name``, or ``province/name`` as provisional sections are called.
    encoding :
        Encoding of a text file. It wins; None: BOM, UTF-8, then GB18030.
    sheet :
        Name of a sheet or layer, or its number counted from 1.
    source :
        Where the file comes from, kept with the upload and on shorelines without a source of their own.
    partial :
        Load the good rows of a file that has bad ones.
    on_conflict :
        What happens to readings that differ from a stored one, or from another row, of the same section, time
        and parameter: ``reject`` refuses the rows, ``keep`` lets the stored one (or the first row) stand,
        ``replace`` makes the new one (or the last row) the next revision; the stored one is kept below it.
    dry_run :
        Do everything except the commit.
    rejects :
        CSV file that receives the bad rows in the file's own columns and the reason.
    captured_at :
        When a snapshot without years was taken. A date means its end.
    rank :
        Rank of every shoreline of a file without a rank column.
    required :
        Columns to require instead of those of the kind (the `distance` command needs ``code`` only).
    negative_is_limit :
        Vendor convention: a negative concentration is a detection limit. Off: negatives are rejected.
    detection_limits :
        Detection limits of the methods in use, by parameter, in the parameter's own unit. They give a bare
        ``ND`` its limit.
    mapping :
        How the columns of a foreign file become ours: a TOML file, or the name of a mapping that is shipped
        (``wqp``). See :mod:`ingest.mapping`.
    """

    crs: str | None = None
    transformation: str | None = None
    transformation_accuracy_m: float | None = None
    swapped: Literal["error", "correct"] = "error"
    outside: Literal["warn", "error", "ignore"] | None = None
    provinces: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    code_from: Literal["name", "province/name"] | None = None
    encoding: str | None = None
    sheet: str | None = None
    source: str | None = None
    partial: bool = False
    on_conflict: Literal["reject", "keep", "replace"] = "reject"
    dry_run: bool = False
    rejects: Path | None = None
    captured_at: date | datetime | None = None
    rank: str | None = None
    required: tuple[str, ...] | None = None
    negative_is_limit: bool = False
    detection_limits: Mapping[str, Decimal] = field(default_factory=dict)
    mapping: str | None = None
    limits: Limits = field(default_factory=Limits)
