# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""Readings as a stream of Arrow record batches: ten million rows without a Python object for any of them.

The server packs whole stretches of a partition: one string of bytes for each column, whole numbers instead
of numerics, so that NumPy takes them as they are. All stretches are one statement, and therefore one
snapshot: a correction that is committed meanwhile is seen in all of them or in none. PostgreSQL works on
several stretches at once where it has workers to spare, and a thread of ours unpacks one while the caller
computes with another.
"""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from queue import Empty, Full, Queue
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.partitions import BEIJING, Month, month_bounds, partition_name, partitioned_months
from models.queries import among, beijing_instant, expression, versioned_table, versions_in_force
from models.tables import SCHEMA, SectionRegistryRow

PLACES: Final = 6
"""Decimals that shown values and detection limits travel with; unrounded values have more."""
FULL_PLACES: Final = 9
_LARGEST: Final = 10**9
"""From here on, and with more decimals than those, a number travels as text."""
_STRETCH_PAGES: Final = 4096
"""Pages of 8 KiB that one batch comes from: some three hundred thousand readings."""
_FEW_SHARE: Final = 20
"""One section in so many, or fewer, are looked up by index instead of reading the whole partition."""
_EPOCH_MICROSECONDS: Final = 946_684_800_000_000
"""From 1970 to 2000, where PostgreSQL counts from."""
_WAIT_S: Final = 0.1

_BELOW, _AUTOMATIC, _MANUAL, _HAS_LIMIT, _HAS_FULL, _HAS_STATUS, _IS_LONG = (1 << bit for bit in range(7))
_QUALITY_BIT: Final = 7
_REMOTE: Final = _AUTOMATIC | _MANUAL
_STATION_TYPES: Final = ("automatic", "manual", "remote_sensing")

_PACKED: Final = f"""
    SELECT string_agg(int4send(section_id), ''), string_agg(int4send(hashtext(parameter)), ''),
    string_agg(timestamptz_send(sampled_at), ''), string_agg(int8send(upload_id), ''),
    string_agg(int2send((
        CASE WHEN detection_limit IS NULL THEN 0 WHEN qualifier = '<' THEN {_HAS_LIMIT | _BELOW}
             ELSE {_HAS_LIMIT} END
        + CASE WHEN station_type IS NULL THEN 0 WHEN station_type = 'automatic' THEN {_AUTOMATIC}
               WHEN station_type = 'manual' THEN {_MANUAL} ELSE {_REMOTE} END
        + CASE WHEN full_value IS NULL THEN 0 ELSE {_HAS_FULL} END
        + CASE WHEN station_status IS NULL THEN 0 ELSE {_HAS_STATUS} END
        + CASE WHEN is_long THEN {_IS_LONG} ELSE 0 END
        + (quality::int << {_QUALITY_BIT}))::int2), ''),
    string_agg(CASE WHEN NOT is_long THEN int8send((value * {10**PLACES})::int8) END, ''),
    string_agg(CASE WHEN NOT is_long THEN int8send((full_value * {10**FULL_PLACES})::int8) END, ''),
    string_agg(CASE WHEN NOT is_long THEN int8send((detection_limit * {10**PLACES})::int8) END, ''),
    string_agg(CASE WHEN is_long THEN concat_ws(' ', value, coalesce(full_value::text, '-'),
        coalesce(detection_limit::text, '-')) END, ','),
    array_agg(station_status) FILTER (WHERE station_status IS NOT NULL)
    FROM (
        SELECT section_id, parameter, sampled_at, upload_id, qualifier, station_type, station_status, quality,
        value, full_value, detection_limit,
        scale(value) > {PLACES} OR value >= {_LARGEST} OR value <= -{_LARGEST}
        OR coalesce(scale(full_value) > {FULL_PLACES} OR full_value >= {_LARGEST}
                    OR full_value <= -{_LARGEST}, false)
        OR coalesce(scale(detection_limit) > {PLACES} OR detection_limit >= {_LARGEST}, false) AS is_long
        FROM {SCHEMA}.{{table}} r WHERE {{conditions}}
        -- Kept from being merged into the query around it, which would compute is_long six times.
        OFFSET 0
    ) packed"""
_PACKED_TYPES: Final = (*("bytea",) * 8, "text", "text[]")

_NEWER: Final = (
    "NOT EXISTS (SELECT FROM {schema}.{table} n WHERE n.revision > 0 AND n.section_id = r.section_id"
    " AND n.parameter = r.parameter AND n.sampled_at = r.sampled_at AND n.revision > r.revision{known})"
)


@dataclass(frozen=True, slots=True)
class _Codes:
    """What the numbers of a stream stand for."""

    section_codes: pa.Array
    section_places: npt.NDArray[np.int32]
    station_types: npt.NDArray[np.int8]
    """Of each section its place in `_STATION_TYPES`, -1 where it says none."""
    parameter_codes: pa.Array
    parameter_hashes: npt.NDArray[np.int32]
    parameter_places: npt.NDArray[np.int32]


def stream_readings(
    session: Session,
    start: date,
    end: date,
    *,
    section_codes: Sequence[str] | None = None,
    known_at: datetime | None = None,
) -> Generator[pa.RecordBatch, None, None]:
    """Readings of a stretch of time, the latest revision of each, in batches of no particular order.

    Bounds, `known_at` and `station_type` are those of `models.queries.readings_between`. The connection of
    the session is busy until the stream ends or is closed; what the transaction wrote itself is seen.

    Yields
    ------
    RecordBatch
        section, parameter, qualifier, station_type, station_status (dictionaries of texts), sampled_at
        (microseconds UTC), value, full_value, detection_limit (decimals, exact), quality, upload_id.
        full_value, detection_limit and station_status are left out where no row of the batch has one.

    Raises
    ------
    BadQueryError
        If a bound has no zone.
    """
    window = (beijing_instant(start), beijing_instant(end, end=True))
    last_day = (window[1] - timedelta(microseconds=1)).astimezone(BEIJING).date()
    codes, wanted = _read_codes(session, last_day, known_at, section_codes)
    arms = list(_arms(session, window, wanted, known_at))
    if not arms or (wanted is not None and not wanted[0]):
        return
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    # Every stretch would be compiled by itself, which takes longer than to run it.
    session.execute(text("SET LOCAL jit = off"))
    statement = sql.SQL("COPY (SELECT * FROM ({}) stretches) TO STDOUT (FORMAT binary)").format(
        sql.SQL(" UNION ALL ").join(arms)
    )
    with closing(_Fetching(connection, statement, codes)) as fetching:
        yield from fetching


class _Fetching:
    """A thread that receives and unpacks batches, at most two ahead of who takes them."""

    def __init__(self, connection: Any, statement: sql.Composed, codes: _Codes) -> None:
        self._connection = connection
        self._statement = statement
        self._codes = codes
        self._queue: Queue[pa.RecordBatch | BaseException | None] = Queue(maxsize=2)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="readings", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while (found := self._queue.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found

    def close(self) -> None:
        """Stop and wait for the thread; the statement is cancelled where it still runs."""
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=_WAIT_S)
            except Empty:
                continue
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._connection.cursor() as cursor, cursor.copy(self._statement) as copy:
                copy.set_types(_PACKED_TYPES)
                for row in copy.rows():
                    for batch in _unpack(row, self._codes):
                        self._put(batch)
            self._put(None)
        except _StoppedError:
            return
        except BaseException as error:  # noqa: BLE001 - raised where the batches are taken
            with suppress(_StoppedError):
                self._put(error)

    def _put(self, found: pa.RecordBatch | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(found, timeout=_WAIT_S)
            except Full:
                continue
            return
        raise _StoppedError


class _StoppedError(Exception):
    """Nobody takes the batches any more; leaving the COPY by an error cancels it."""


def _read_codes(
    session: Session, last_day: date, known_at: datetime | None, section_codes: Sequence[str] | None
) -> tuple[_Codes, tuple[list[int], bool] | None]:
    """What numbers stand for; the numbers of the wanted sections (None: all), and whether they are few."""
    registry = SectionRegistryRow
    query = select(registry.id, registry.code).order_by(registry.id)
    total = session.execute(text(f"SELECT count(*) FROM {SCHEMA}.section_registry")).scalar_one()
    if section_codes is not None:
        query = query.where(among(expression(registry.code), section_codes))
    known = [(number, code) for number, code in session.execute(query)]
    section = versions_in_force(versioned_table("sections"), last_day, known_at, [])
    types = {
        row.code: row.station_type for row in session.execute(select(section.c.code, section.c.station_type))
    }
    numbers = np.array([number for number, _ in known], dtype=np.int64)
    places = np.full(int(numbers.max(initial=0)) + 1, -1, dtype=np.int32)
    places[numbers] = np.arange(len(known), dtype=np.int32)
    parameters = session.execute(
        text(f"SELECT code, hashtext(code) FROM {SCHEMA}.parameters ORDER BY hashtext(code)")
    ).all()
    hashes = np.array([number for _, number in parameters], dtype=np.int32)
    if len(np.unique(hashes)) < len(hashes):
        raise RuntimeError("two parameters have the same hash")
    wanted = None
    if section_codes is not None and len(known) < total:
        wanted = ([number for number, _ in known], len(known) * _FEW_SHARE <= total)
    codes = _Codes(
        section_codes=pa.array([code for _, code in known], pa.string()),
        section_places=places,
        station_types=np.array(
            [_STATION_TYPES.index(types[code]) if types.get(code) else -1 for _, code in known], dtype=np.int8
        ),
        parameter_codes=pa.array([code for code, _ in parameters], pa.string()),
        parameter_hashes=hashes,
        parameter_places=np.arange(len(hashes), dtype=np.int32),
    )
    return codes, wanted


def _arms(
    session: Session,
    window: tuple[datetime, datetime],
    wanted: tuple[list[int], bool] | None,
    known_at: datetime | None,
) -> Iterator[sql.Composed]:
    """The parts of the statement: stretches of pages of the partitions that the window touches."""
    months = [month for month in sorted(partitioned_months(session.connection())) if _touches(month, window)]
    sizes = _partition_pages(session, months)
    few = wanted is not None and wanted[1]
    for month in months:
        table = partition_name(month)
        conditions = _conditions(month, window, wanted, known_at)
        pages = 0 if few else sizes[table]
        firsts = range(0, max(pages, 1), _STRETCH_PAGES)
        for first in firsts:
            stretch = []
            if first:
                stretch.append(sql.SQL("r.ctid >= {}").format(sql.Literal(f"({first},0)")))
            # The last one is open: what was added since the size was read belongs to it.
            if first != firsts[-1]:
                stretch.append(sql.SQL("r.ctid < {}").format(sql.Literal(f"({first + _STRETCH_PAGES},0)")))
            yield sql.SQL("(" + _PACKED + ")").format(
                table=sql.Identifier(table), conditions=sql.SQL(" AND ").join([*stretch, *conditions])
            )


def _touches(month: Month, window: tuple[datetime, datetime]) -> bool:
    first, after = month_bounds(month)
    return first < window[1] and after > window[0]


def _partition_pages(session: Session, months: Sequence[Month]) -> dict[str, int]:
    rows = session.execute(
        text(
            "SELECT name, pg_relation_size(CAST(:schema || '.' || name AS regclass))"
            " / current_setting('block_size')::int FROM unnest(CAST(:names AS text[])) name"
        ),
        {"schema": SCHEMA, "names": [partition_name(month) for month in months]},
    )
    return {name: int(pages) for name, pages in rows}


def _conditions(
    month: Month,
    window: tuple[datetime, datetime],
    wanted: tuple[list[int], bool] | None,
    known_at: datetime | None,
) -> list[sql.Composable]:
    """What readings of a month have to fulfil, as far as not all of them do."""
    first, after = month_bounds(month)
    known: sql.Composable = sql.SQL("")
    conditions: list[sql.Composable] = []
    if known_at is not None:
        known = sql.SQL(" AND n.recorded_at <= {}").format(sql.Literal(known_at))
        conditions.append(sql.SQL("r.recorded_at <= {}").format(sql.Literal(known_at)))
    if window[0] > first:
        conditions.append(sql.SQL("r.sampled_at >= {}").format(sql.Literal(window[0])))
    if window[1] < after:
        conditions.append(sql.SQL("r.sampled_at < {}").format(sql.Literal(window[1])))
    if wanted is not None:
        conditions.append(sql.SQL("r.section_id = ANY({}::int[])").format(sql.Literal(wanted[0])))
    newer = sql.SQL(_NEWER).format(
        schema=sql.Identifier(SCHEMA), table=sql.Identifier(partition_name(month)), known=known
    )
    return [*conditions, newer]


# -- unpacking -------------------------------------------------------------------------------------------


def _unpack(row: Sequence[Any], codes: _Codes) -> Iterator[pa.RecordBatch]:
    """The batches of one packed stretch: its readings, and, apart, those with numbers that came as text."""
    if row[0] is None:
        return
    section_id, hashes, moment, upload_id, flags = (
        np.frombuffer(packed, dtype).astype(dtype[1:])
        for packed, dtype in zip(row[:5], (">i4", ">i4", ">i8", ">i8", ">i2"), strict=True)
    )
    section = codes.section_places[section_id]
    place = np.searchsorted(codes.parameter_hashes, hashes)
    if not np.array_equal(codes.parameter_hashes[np.minimum(place, len(codes.parameter_hashes) - 1)], hashes):
        raise RuntimeError("a reading of a parameter that is not in the table of parameters")
    status = np.full(len(flags), None, dtype=object) if row[9] else None
    if status is not None:
        status[(flags & _HAS_STATUS) > 0] = row[9]
    # The two bits count from 0 for what says nothing, as do the words from 0 for automatic.
    station = (flags & _REMOTE) // _AUTOMATIC - 1
    station = np.where(station < 0, codes.station_types[section], station)
    cells: dict[str, pa.Array] = {
        "section": pa.DictionaryArray.from_arrays(pa.array(section), codes.section_codes),
        "parameter": pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), codes.parameter_codes),
        "sampled_at": pa.array(moment + _EPOCH_MICROSECONDS).cast(pa.timestamp("us", "UTC")),
        "qualifier": _words(["=", "<"], (flags & _BELOW).astype(np.int32)),
        "station_type": _words(_STATION_TYPES, station, station >= 0),
        "quality": pa.array((flags >> _QUALITY_BIT).astype(np.uint8)),
        "upload_id": pa.array(upload_id).dictionary_encode(),
    }
    if status is not None:
        cells["station_status"] = pa.array(status, pa.string()).dictionary_encode()
    shared = pa.RecordBatch.from_pydict(cells)
    is_long = (flags & _IS_LONG) > 0
    has_full, has_limit = (flags & _HAS_FULL) > 0, (flags & _HAS_LIMIT) > 0
    if not is_long.all():
        short = shared if not is_long.any() else shared.filter(pa.array(~is_long))
        numbers = {
            "value": _decimals(row[5], None, PLACES),
            "full_value": _decimals(row[6], has_full[~is_long], FULL_PLACES),
            "detection_limit": _decimals(row[7], has_limit[~is_long], PLACES),
        }
        yield _with_numbers(short, numbers)
    if row[8] is not None:
        told = [entry.split(" ") for entry in row[8].split(",")]
        columns = (
            [None if cell == "-" else Decimal(cell) for cell in column] for column in zip(*told, strict=True)
        )
        names = ("value", "full_value", "detection_limit")
        yield _with_numbers(
            shared.filter(pa.array(is_long)),
            {
                name: pa.array(column) if any(cell is not None for cell in column) else None
                for name, column in zip(names, columns, strict=True)
            },
        )


def _with_numbers(batch: pa.RecordBatch, numbers: dict[str, pa.Array | None]) -> pa.RecordBatch:
    for name, column in numbers.items():
        if column is not None:
            batch = batch.append_column(name, column)
    return batch


def _words(
    words: Sequence[str], places: npt.NDArray[np.integer[Any]], known: npt.NDArray[np.bool_] | None = None
) -> pa.DictionaryArray:
    mask = None if known is None else ~known
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int8), mask=mask), pa.array(words))


def _decimals(packed: bytes | None, known: npt.NDArray[np.bool_] | None, places: int) -> pa.Array | None:
    """Packed whole numbers as decimals; those that are not known are not among them. None: there are none."""
    if packed is None:
        return None
    amounts = np.frombuffer(packed, ">i8").astype(np.int64)
    size = len(amounts) if known is None else len(known)
    halves = np.zeros((size, 2), dtype=np.int64)
    rows = slice(None) if known is None else known
    halves[rows, 0] = amounts
    halves[rows, 1] = amounts >> 63
    valid = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(18, places), size, [valid, pa.py_buffer(halves)])
