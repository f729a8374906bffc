"""What a caller may say about a file. Values only; nothing here reads a file or the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from ingest.errors import OptionError
from spatial.parameters import load_parameters

_YEARS = (1900, 2100)  # as files have them


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
class Origin:
    """The file that a table was derived from: the upload is recorded as one of this file."""

    file_name: str
    sha256: str
    size_bytes: int


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
        Rank of every shoreline without one.
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
    actor :
        Who hands the file in.
    note :
        Why: kept with the upload, and told wherever it changed an assessment.
    origin :
        Where the file was derived from another one (readings from an image): that one is what the upload
        names, by its name, size and hash.
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
    actor: str | None = None
    note: str | None = None
    origin: Origin | None = None
    limits: Limits = field(default_factory=Limits)


# -- options as people write them ------------------------------------------------------------------------


def parse_pairs(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    """``FIELD=TEXT``, as often as it was said: texts by field.

    Raises
    ------
    OptionError
        If one of them is no such pair, or a field is named twice.
    """
    named: dict[str, str] = {}
    for text in texts or ():
        name, _, said = (part.strip() for part in text.partition("="))
        if not name or not said:
            raise OptionError(option, text, "FIELD=TEXT")
        if named.setdefault(name, said) != said:
            raise OptionError(option, text, f"{name}={named[name]}")
    return named


def parse_limits(texts: Sequence[str] | None) -> dict[str, Decimal]:
    """``PARAMETER=NUMBER``: detection limits by parameter, in its own unit.

    Raises
    ------
    OptionError
        If a parameter is not known, or its limit is no number above 0.
    """
    option = "--detection-limit"
    known = load_parameters()
    limits: dict[str, Decimal] = {}
    for code, text in parse_pairs(option, texts).items():
        if code not in known:
            raise OptionError(option, f"{code}={text}", ", ".join(known))
        try:
            limit = Decimal(text)
        except InvalidOperation:
            limit = Decimal(0)
        if not (limit.is_finite() and limit > 0):
            raise OptionError(option, f"{code}={text}", f"{code}=0.01 ({known[code].unit})")
        limits[code] = limit
    return limits


def parse_capture(text: str | None) -> date | datetime | None:
    """A day or a moment in ISO text; a moment without an offset is Beijing time.

    Raises
    ------
    OptionError
        If it is neither, or not of the years that files have.
    """
    if text is None:
        return None
    try:
        moment = date.fromisoformat(text) if len(text) == len("2024-01-01") else datetime.fromisoformat(text)
    except ValueError as error:
        raise OptionError("--captured-at", text, "2024-01-01, 2024-01-01T08:00") from error
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise OptionError("--captured-at", text, f"{_YEARS[0]}–{_YEARS[1]}")
    return moment
