"""Readings as columns of whole numbers: what the engine computes with, ten million rows at a time.

An amount is a value times ten to the power of its parameter's ``places``: 0.034 mg/L with three places is 34.
Whole numbers add up exactly, in any order, and no Python object stands behind a row. Amounts are 64-bit; a
column that holds a number too long for that is kept as Python integers instead: slow, and never wrong.

Columns come from a frame of readings (`ReadingColumns.from_frame`) or from an Arrow table or batch
(`ReadingColumns.from_arrow`). A stream is any iterable of them: the pieces need not agree on the order of
codes or on places.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spatial.classification import check_columns, list_numbers
from spatial.errors import FrameColumnsError, FrameValueError
from spatial.vocabulary import Qualifier, StationType

IntArray = npt.NDArray[np.int64]
Amounts = npt.NDArray[Any]
"""64-bit integers, or Python integers (dtype object) where one of them is too long for 64 bits."""

MISSING: Final = int(np.iinfo(np.int64).min)
"""Stands in `amount`, `full_amount`, `limit_amount` and `moment` for what is not there."""

NEEDED_COLUMNS: Final = frozenset({"section", "sampled_at", "parameter", "value", "qualifier"})
NUMBER_COLUMNS: Final = ("value", "full_value", "detection_limit")
_SHORT_DIGITS: Final = 18
_LARGEST: Final = int(np.iinfo(np.int64).max)
_WIDE: Final = Context(prec=2000)
_OBJECT: Final = np.dtype(object)


@dataclass(frozen=True, slots=True, eq=False)
class ReadingColumns:
    """Readings as arrays of one length n; row i is one reading.

    Attributes
    ----------
    sections, parameters, statuses : tuple of str
        What the indices of `section`, `parameter` and `status` stand for, each once.
    uploads : tuple of int
        What the indices of `upload` stand for, each once.
    places : tuple of int
        By parameter: amount = value * 10**places, in the unit of the registry.
    section : int32 (n,)
        Index into `sections`; -1 for a reading of no section.
    parameter : int16 (n,)
        Index into `parameters`.
    moment : int64 (n,)
        Microseconds since 1970-01-01 UTC; `MISSING` for an undated reading, which enters no period.
    amount : int64 (n,), or object
        The shown value, or `MISSING`; of a censored reading the detection limit, if it stands there.
    full_amount, limit_amount : int64 (n,), or object; None where no reading has one
        The unrounded value (原始值), and the detection limit; `MISSING` for a reading without.
    censored : bool (n,), or None where no reading is below its detection limit
    automatic : bool (n,), or None where no reading comes from an automatic station
    remote : bool (n,), or None where no reading comes from remote sensing
    status : int32 (n,), or None where no reading has one
        Index into `statuses`; -1 for none.
    quality : uint8 (n,), or None where no reading has one
        Flag of QARTOD (1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing); 0 for none.
    upload : int32 (n,), or None where no reading names its upload
        Index into `uploads`; -1 for none.

    Raises
    ------
    FrameValueError
        If an array has another length or type than this, or an index points nowhere.
    """

    sections: tuple[str, ...]
    parameters: tuple[str, ...]
    places: tuple[int, ...]
    section: npt.NDArray[np.int32]
    parameter: npt.NDArray[np.int16]
    moment: IntArray
    amount: Amounts
    full_amount: Amounts | None = None
    limit_amount: Amounts | None = None
    censored: npt.NDArray[np.bool_] | None = None
    automatic: npt.NDArray[np.bool_] | None = None
    remote: npt.NDArray[np.bool_] | None = None
    statuses: tuple[str, ...] = ()
    status: npt.NDArray[np.int32] | None = None
    quality: npt.NDArray[np.uint8] | None = None
    uploads: tuple[int, ...] = ()
    upload: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        if len(self.places) != len(self.parameters) or any(place < 0 for place in self.places):
            raise FrameValueError("columns", "places", self.places)
        for name, kinds in _KINDS.items():
            array = getattr(self, name)
            if array is None and name in _OPTIONAL:
                continue
            if not isinstance(array, np.ndarray) or array.dtype not in kinds or array.shape != (len(self),):
                raise FrameValueError("columns", name, getattr(array, "dtype", array))
        for name, known, lowest in (
            ("section", self.sections, -1),
            ("parameter", self.parameters, 0),
            ("status", self.statuses, -1),
            ("upload", self.uploads, -1),
        ):
            if len(set(known)) != len(known):
                raise FrameValueError("columns", name, "a code that stands twice")
            index = getattr(self, name)
            if index is not None and index.size and not lowest <= index.min() <= index.max() < len(known):
                raise FrameValueError("columns", name, "an index without a code")

    def __len__(self) -> int:
        return len(self.section)

    def take(self, rows: slice | npt.NDArray[Any]) -> "ReadingColumns":
        """Give the readings of a slice, a mask or an array of row numbers; the codes stay as they are."""
        arrays = {name: getattr(self, name) for name in _KINDS}
        cut: Any = {name: array if array is None else array[rows] for name, array in arrays.items()}
        return replace(self, **cut)

    def blocks(self, rows: int) -> Iterator["ReadingColumns"]:
        """Cut into blocks of at most `rows` readings, without copying."""
        for start in range(0, len(self), rows):
            yield self.take(slice(start, start + rows))

    @classmethod
    def from_frame(cls, readings: pd.DataFrame) -> "ReadingColumns":
        """Turn a frame of readings into columns.

        Parameters
        ----------
        readings : DataFrame, one row per reading
            ``section``, ``sampled_at`` (zoned), ``parameter``, ``value``, ``qualifier``; where there, also
            ``full_value``, ``detection_limit`` (Decimals or integers in the parameter's unit),
            ``station_type``, ``station_status``, ``quality``, ``upload_id``.

        Raises
        ------
        FrameColumnsError, FrameValueError
            If a column is missing, a number is not exact (a binary float), or a time has no zone.
        """
        check_columns(readings, "readings", NEEDED_COLUMNS)
        section, sections = _index_cells(readings["section"])
        parameter, parameters = _index_cells(readings["parameter"])
        if parameter.size and parameter.min() < 0:
            raise FrameValueError("readings", "parameter", None)
        amounts, places = _frame_amounts(readings, parameter, parameters)
        return cls(
            sections=sections,
            parameters=parameters,
            places=places,
            section=section,
            parameter=parameter.astype(np.int16),
            moment=_frame_moments(readings["sampled_at"]),
            amount=amounts["value"],
            full_amount=_unless_missing(amounts.get("full_value")),
            limit_amount=_unless_missing(amounts.get("detection_limit")),
            censored=_frame_matches(readings, "qualifier", Qualifier.BELOW),
            automatic=_frame_matches(readings, "station_type", StationType.AUTOMATIC),
            remote=_frame_matches(readings, "station_type", StationType.REMOTE_SENSING),
            **_frame_indices(readings),
        )

    @classmethod
    def from_arrow(cls, readings: pa.Table | pa.RecordBatch) -> "ReadingColumns":
        """Turn an Arrow table or record batch into columns, without a Python object per row.

        Parameters
        ----------
        readings : Table or RecordBatch
            The columns of `from_frame`. Codes may be dictionary-encoded (cheapest), numbers are decimals of
            any scale or integers, ``sampled_at`` is a timestamp with a zone.

        Raises
        ------
        FrameColumnsError, FrameValueError
            As `from_frame`.
        """
        names = set(readings.schema.names)
        if missing := NEEDED_COLUMNS - names:
            raise FrameColumnsError("readings", frozenset(missing))
        cells = {name: _one_array(readings.column(name)) for name in readings.schema.names}
        section, sections = _index_array(cells["section"])
        parameter, parameters = _index_array(cells["parameter"])
        if parameter.size and parameter.min() < 0:
            raise FrameValueError("readings", "parameter", None)
        read = {name: _read_numbers(cells[name], name) for name in NUMBER_COLUMNS if name in names}
        amounts, places = _bring_to_one_scale(read, parameter, len(parameters))
        status, statuses = _index_array(cells["station_status"]) if "station_status" in names else (None, ())
        return cls(
            sections=sections,
            parameters=parameters,
            places=places,
            section=section,
            parameter=parameter.astype(np.int16),
            moment=_arrow_moments(cells["sampled_at"]),
            amount=amounts["value"],
            full_amount=_unless_missing(amounts.get("full_value")),
            limit_amount=_unless_missing(amounts.get("detection_limit")),
            censored=_array_matches(cells["qualifier"], Qualifier.BELOW),
            automatic=_array_matches(cells.get("station_type"), StationType.AUTOMATIC),
            remote=_array_matches(cells.get("station_type"), StationType.REMOTE_SENSING),
            statuses=statuses,
            status=None if status is None or not statuses else status,
            quality=_read_flags(cells.get("quality")),
            **_read_uploads(cells.get("upload_id")),
        )


_INTEGERS: Final = (np.dtype(np.int64), _OBJECT)
_KINDS: Final[dict[str, tuple[np.dtype[Any], ...]]] = {
    "section": (np.dtype(np.int32),),
    "parameter": (np.dtype(np.int16),),
    "moment": (np.dtype(np.int64),),
    "amount": _INTEGERS,
    "full_amount": _INTEGERS,
    "limit_amount": _INTEGERS,
    "censored": (np.dtype(np.bool_),),
    "automatic": (np.dtype(np.bool_),),
    "remote": (np.dtype(np.bool_),),
    "status": (np.dtype(np.int32),),
    "quality": (np.dtype(np.uint8),),
    "upload": (np.dtype(np.int32),),
}
_OPTIONAL: Final = frozenset(
    {"full_amount", "limit_amount", "censored", "automatic", "remote", "status", "quality", "upload"}
)


def _unless_missing(amounts: Amounts | None) -> Amounts | None:
    """Give a column of amounts, or None for one that holds nothing."""
    return None if amounts is None or bool((amounts == MISSING).all()) else amounts


# --- amounts ---


def _read_numbers(array: pa.Array, column: str) -> tuple[Amounts, int]:
    """Read exact numbers as whole numbers and their scale: number = whole / 10**scale."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if array.null_count == len(array):
        return np.full(len(array), MISSING, dtype=np.int64), 0
    if pa.types.is_integer(kind):
        return _with_gaps(pc.cast(array, pa.int64()), array).astype(np.int64), 0
    if not pa.types.is_decimal(kind):
        first = array.drop_null()
        raise FrameValueError("readings", column, first[0].as_py() if len(first) else kind)
    if kind.precision <= 38 and kind.scale >= 0:
        if not pa.types.is_decimal128(kind):
            array = array.cast(pa.decimal128(38, kind.scale))
        halves = np.frombuffer(array.buffers()[1], dtype=np.int64)
        halves = halves[2 * array.offset : 2 * (array.offset + len(array))]
        low, high = halves[0::2], halves[1::2]
        known = _known(array)
        amounts = low.copy()
        if known is not None:
            amounts[~known] = MISSING
        if kind.precision <= _SHORT_DIGITS:
            return amounts, kind.scale
        fits = (low >> 63) == high
        gaps = amounts == MISSING  # the marker of a gap is no amount
        if bool((fits & ~gaps if known is None else ~known | (fits & ~gaps)).all()):
            return amounts, kind.scale
    return _whole_numbers(array.to_pylist(), max(kind.scale, 0)), max(kind.scale, 0)


def _known(array: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Give the mask of what is there, None where everything is."""
    if array.null_count == 0:
        return None
    known: npt.NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return known


def _with_gaps(values: pa.Array, array: pa.Array) -> Amounts:
    known = _known(array)
    filled: Amounts = (values if known is None else pc.fill_null(values, 0)).to_numpy(zero_copy_only=False)
    if known is not None:
        filled = np.where(known, filled, MISSING)
    return filled


def _whole_numbers(numbers: Sequence[Decimal | None], scale: int) -> Amounts:
    """Give numbers times ten to the power of a scale, as 64-bit integers if all of them fit."""
    whole = [MISSING if number is None else int(number.scaleb(scale, context=_WIDE)) for number in numbers]
    return _narrowed(np.array(whole, dtype=object) if whole else np.empty(0, dtype=object))


def _narrowed(amounts: Amounts) -> Amounts:
    if amounts.dtype != _OBJECT:
        return amounts
    fits = all(MISSING <= amount <= _LARGEST for amount in amounts.tolist())
    return amounts.astype(np.int64) if fits else amounts


def scale_amounts(amounts: Amounts, power: int) -> Amounts:
    """Multiply amounts by ten to a power, exactly; gaps stay gaps."""
    gaps = amounts == MISSING
    if power == 0 or gaps.all():
        return amounts
    factor = 10**power
    if amounts.dtype != _OBJECT and factor <= _LARGEST:
        known = np.where(gaps, 0, amounts)
        if max(int(known.max()), -int(known.min())) * factor <= _LARGEST:
            return np.where(gaps, MISSING, known * factor)
    scaled = amounts.astype(object)
    scaled[~gaps] *= factor
    return scaled


def _bring_to_one_scale(
    read: dict[str, tuple[Amounts, int]], parameter: npt.NDArray[Any], count: int
) -> tuple[dict[str, Amounts], tuple[int, ...]]:
    """Bring the number columns to one scale, or, where that is too long for 64 bits, to one by parameter."""
    largest = max(scale for _, scale in read.values())
    found = {name: scale_amounts(amounts, largest - scale) for name, (amounts, scale) in read.items()}
    if all(amounts.dtype != _OBJECT for amounts in found.values()):
        return found, (largest,) * count
    places = []
    wide = {name: amounts.astype(object) for name, amounts in found.items()}
    for index in range(count):
        rows = np.flatnonzero(parameter == index)
        scale = largest
        while scale > 0 and all(
            (amounts[rows][amounts[rows] != MISSING] % 10 == 0).all() for amounts in wide.values()
        ):
            scale -= 1
            for amounts in wide.values():
                known = rows[amounts[rows] != MISSING]
                amounts[known] //= 10
        places.append(scale)
    return {name: _narrowed(amounts) for name, amounts in wide.items()}, tuple(places)


def _frame_amounts(
    readings: pd.DataFrame, parameter: npt.NDArray[Any], parameters: tuple[str, ...]
) -> tuple[dict[str, Amounts], tuple[int, ...]]:
    """Read the number columns of a frame, each parameter with the places that its own values need."""
    names = [name for name in NUMBER_COLUMNS if name in readings.columns]
    found: dict[str, Amounts] = {name: np.full(len(readings), MISSING, dtype=np.int64) for name in names}
    cells = {name: readings[name].to_numpy(dtype=object) for name in names}
    places = []
    for index in range(len(parameters)):
        rows = np.flatnonzero(parameter == index)
        read = {name: _read_cells(cells[name][rows], name) for name in names}
        largest = max(scale for _, scale in read.values())
        places.append(largest)
        for name, (amounts, scale) in read.items():
            scaled = scale_amounts(amounts, largest - scale)
            if scaled.dtype == _OBJECT and found[name].dtype != _OBJECT:
                found[name] = found[name].astype(object)
            found[name][rows] = scaled
    return found, tuple(places)


def _read_cells(cells: npt.NDArray[Any], column: str) -> tuple[Amounts, int]:
    """Read cells that hold Decimals, integers or nothing; raises FrameValueError for anything else."""
    try:
        array = pa.array(cells, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        array = None
    if array is not None and (pa.types.is_decimal(array.type) or pa.types.is_null(array.type)):
        return _read_numbers(array, column)
    # Infinite numbers, integers beside decimals, too many digits, or something that is no exact number.
    numbers = list_numbers(pd.DataFrame({column: pd.Series(cells, dtype=object)}), "readings", column)
    scale = max((-int(number.as_tuple().exponent) for number in numbers if number is not None), default=0)
    return _whole_numbers(numbers, max(scale, 0)), max(scale, 0)


# --- codes, flags, moments ---


def _one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _index_array(array: pa.Array) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Index an array of codes: indices (-1 for none) and the codes, each once."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    indices = _indices(array)
    known = [code if code is None else str(code) for code in array.dictionary.to_pylist()]
    codes = tuple(dict.fromkeys(code for code in known if code is not None))
    if len(codes) != len(known):  # a dictionary may hold a code twice, or a null
        place = {code: index for index, code in enumerate(codes)}
        moved = np.array([-1 if code is None else place[code] for code in known] + [-1], dtype=np.int32)
        indices = moved[indices]
    return indices.astype(np.int32, copy=False), codes


def _indices(array: pa.DictionaryArray) -> npt.NDArray[np.int32]:
    """Give the indices of a dictionary array, -1 for none."""
    indices = array.indices.cast(pa.int32())
    if indices.null_count:
        indices = pc.fill_null(indices, -1)
    found: npt.NDArray[np.int32] = indices.to_numpy(zero_copy_only=False)
    return found


def _array_matches(array: pa.Array | None, word: str) -> npt.NDArray[np.bool_] | None:
    """Mark the cells that hold a word; None where none does."""
    if array is None:
        return None
    indices, codes = _index_array(array)
    if word not in codes:
        return None
    marked = np.equal(indices, codes.index(word))
    return marked if marked.any() else None


def _read_flags(array: pa.Array | None) -> npt.NDArray[np.uint8] | None:
    if array is None or array.null_count == len(array):
        return None
    array = array.cast(pa.uint8())
    if array.null_count:
        array = pc.fill_null(array, 0)
    flags: npt.NDArray[np.uint8] = array.to_numpy(zero_copy_only=False)
    return flags


def _read_uploads(array: pa.Array | None) -> dict[str, Any]:
    if array is None or array.null_count == len(array):
        return {}
    if not pa.types.is_dictionary(array.type):
        ends = pc.min_max(array).as_py()
        if array.null_count == 0 and ends["min"] == ends["max"]:  # most pieces come from one file
            return {"uploads": (int(ends["min"]),), "upload": np.zeros(len(array), dtype=np.int32)}
        array = array.dictionary_encode()
    indices = _indices(array)
    return {"uploads": tuple(int(upload) for upload in array.dictionary.to_pylist()), "upload": indices}


def _arrow_moments(array: pa.Array) -> IntArray:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if not pa.types.is_timestamp(array.type) or array.type.tz is None:
        first = array.drop_null()
        raise FrameValueError("readings", "sampled_at", first[0].as_py() if len(first) else array.type)
    # Nanoseconds are cut: the bounds of periods are whole microseconds, so no reading changes its side.
    moments = array.cast(pa.timestamp("us", array.type.tz), safe=array.type.unit != "ns")
    return _with_gaps(moments.cast(pa.int64()), array)


def _index_cells(column: "pd.Series[Any]") -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Index a column of codes: indices (-1 for what is no text) and the codes, each once."""
    indices, known = pd.factorize(column)
    codes = tuple(code for code in known.tolist() if isinstance(code, str))
    if len(codes) != len(known):
        place = {code: index for index, code in enumerate(codes)}
        moved = [place.get(code, -1) if isinstance(code, str) else -1 for code in known.tolist()]
        return np.array([*moved, -1], dtype=np.int32)[indices], codes
    return indices.astype(np.int32), codes


def _frame_moments(column: "pd.Series[Any]") -> IntArray:
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        raise FrameValueError("readings", "sampled_at", column.iloc[0] if len(column) else column.dtype)
    moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    whole: IntArray = moments.astype("datetime64[us]").view(np.int64)
    return whole


def _frame_matches(readings: pd.DataFrame, column: str, word: str) -> npt.NDArray[np.bool_] | None:
    if column not in readings.columns:
        return None
    marked = readings[column].eq(word).fillna(value=False).to_numpy(dtype=bool)
    return marked if marked.any() else None


def _frame_indices(readings: pd.DataFrame) -> dict[str, Any]:
    """Give status, quality and upload of a frame, as far as it has them."""
    found: dict[str, Any] = {}
    if "station_status" in readings.columns:
        status, statuses = _index_cells(readings["station_status"])
        if statuses:
            found |= {"status": status, "statuses": statuses}
    if "quality" in readings.columns and bool(readings["quality"].notna().any()):
        flags = pd.to_numeric(readings["quality"]).fillna(0)
        found["quality"] = flags.to_numpy(dtype=np.float64).astype(np.uint8)
    if "upload_id" in readings.columns and bool(readings["upload_id"].notna().any()):
        upload, uploads = pd.factorize(readings["upload_id"])
        found["upload"] = upload.astype(np.int32)
        found["uploads"] = tuple(int(number) for number in uploads.tolist())
    return found
