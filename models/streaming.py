# ruff: noqa: S608 - the only texts put into SQL are names of our own tables and columns
"""Readings as a stream of Arrow record batches: ten million rows without a Python object for any of them.

The server packs whole stretches of a partition: one string of bytes for each column. Whole numbers NumPy
takes as they are; numerics travel in the server's own form, which costs it least and loses no digit, and are
read by a compiled loop (`models.numerics`). All stretches are one statement, and therefore one
snapshot: a correction that is committed meanwhile is seen in all of them or in none. PostgreSQL works on
several stretches at once where it has workers to spare, and a thread of ours unpacks one while the caller
computes with another.
"""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
from models.tables import SCHEMA, STATION_TYPES, SectionRegistryRow

_STRETCH_PAGES: Final = 4096
"""Pages of 8 KiB that one batch comes from: some three hundred thousand readings."""
_FEW_SHARE: Final = 20
"""One section in so many, or fewer, are looked up by index instead of reading the whole partition."""
_EPOCH_MICROSECONDS: Final = 946_684_800_000_000
"""From 1970 to 2000, where PostgreSQL counts from."""
_WAIT_S: Final = 0.1

_BELOW, _HAS_LIMIT, _HAS_FULL, _HAS_STATUS = (1 << bit for bit in range(4))
_STATION_BIT: Final = 4
_QUALITY_BIT: Final = 8
_UPLOAD_BIT: Final = 16
_STATION_PLACES: Final = {word: place for place, word in enumerate(STATION_TYPES, 1)}
_STATION_CASE: Final = "CASE station_type {} ELSE 0 END".format(
    " ".join(f"WHEN '{word}' THEN {place << _STATION_BIT}" for word, place in _STATION_PLACES.items())
)

_PACKED: Final = f"""
    SELECT string_agg(int8send((section_id::int8 << 32) | (hashtext(parameter)::int8 & 4294967295)), ''),
    string_agg(timestamptz_send(sampled_at), ''),
    string_agg(int8send((upload_id << {_UPLOAD_BIT}) | (
        CASE WHEN detection_limit IS NULL THEN 0 WHEN qualifier = '<' THEN {_HAS_LIMIT | _BELOW}
             ELSE {_HAS_LIMIT} END
        + CASE WHEN full_value IS NULL THEN 0 ELSE {_HAS_FULL} END
        + CASE WHEN station_status IS NULL THEN 0 ELSE {_HAS_STATUS} END
        + {_STATION_CASE}
        + (quality::int << {_QUALITY_BIT}))), ''),
    string_agg(numeric_send(value), ''),
    string_agg(numeric_send(full_value), ''),
    string_agg(numeric_send(detection_limit), ''),
    string_agg(int4send(octet_length(convert_to(station_status, 'UTF8'))), ''),
    string_agg(convert_to(station_status, 'UTF8'), '')
    FROM {SCHEMA}.{{table}} r WHERE {{conditions}}"""
_PACKED_TYPES: Final = ("bytea",) * 8

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
    """Of each section its place in `_STATION_PLACES`, 0 where it says none."""
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
    # Every stretch would be compiled by itself, which takes longer than to run it. And a leader that packs a
    # stretch of its own does not empty the queues of its workers meanwhile: they would wait for it.
    session.execute(text("SET LOCAL jit = off"))
    session.execute(text("SET LOCAL parallel_leader_participation = off"))
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
            [_STATION_PLACES.get(types.get(code) or "", 0) for _, code in known], dtype=np.int8
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
    """One packed stretch: its readings, and, apart, those with a number too long for 64 bits."""
    # Loading the compiler takes a third of a second, which is nothing here and much for a short command.
    from models.numerics import Numerics  # noqa: PLC0415

    if row[0] is None:
        return
    which, moment, upload = (np.frombuffer(packed, ">i8").astype(np.int64) for packed in row[:3])
    flags = upload & ((1 << _UPLOAD_BIT) - 1)
    section = codes.section_places[which >> 32]
    hashes = which.astype(np.int32)
    place = np.searchsorted(codes.parameter_hashes, hashes)
    if not np.array_equal(codes.parameter_hashes[np.minimum(place, len(codes.parameter_hashes) - 1)], hashes):
        raise RuntimeError("a reading of a parameter that is not in the table of parameters")
    station = (flags >> _STATION_BIT & 15).astype(np.int8)
    station = np.where(station == 0, codes.station_types[section], station)
    cells: dict[str, pa.Array] = {
        "section": pa.DictionaryArray.from_arrays(pa.array(section), codes.section_codes),
        "parameter": pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), codes.parameter_codes),
        "sampled_at": pa.array(moment + _EPOCH_MICROSECONDS).cast(pa.timestamp("us", "UTC")),
        "qualifier": _words(["=", "<"], flags & _BELOW),
        "station_type": _words(STATION_TYPES, station - 1, station > 0),
        "quality": pa.array((flags >> _QUALITY_BIT & 15).astype(np.uint8)),
        "upload_id": pa.array(upload >> _UPLOAD_BIT).dictionary_encode(),
    }
    if row[6] is not None:
        cells["station_status"] = _texts(row[6], row[7], (flags & _HAS_STATUS) > 0)
    shared = pa.RecordBatch.from_pydict(cells)
    numbers = {
        name: Numerics.read(packed, known)
        for name, packed, known in (
            ("value", row[3], np.ones(len(flags), dtype=bool)),
            ("full_value", row[4], (flags & _HAS_FULL) > 0),
            ("detection_limit", row[5], (flags & _HAS_LIMIT) > 0),
        )
        if packed is not None
    }
    is_long = np.logical_or.reduce([column.is_long for column in numbers.values()])
    if not is_long.all():
        short = shared if not is_long.any() else shared.filter(pa.array(~is_long))
        yield _with_numbers(short, {name: one.short_decimals(~is_long) for name, one in numbers.items()})
    if is_long.any():
        long = shared.filter(pa.array(is_long))
        yield _with_numbers(long, {name: one.long_decimals(is_long) for name, one in numbers.items()})


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


def _texts(sizes: bytes, joined: bytes, known: npt.NDArray[np.bool_]) -> pa.DictionaryArray:
    """Texts of the rows that have one, from their sizes in bytes and their bytes in one string."""
    offsets = np.zeros(len(known) + 1, dtype=np.int32)
    offsets[1:][known] = np.frombuffer(sizes, ">i4")
    np.cumsum(offsets, out=offsets)
    valid = pa.py_buffer(np.packbits(known, bitorder="little"))
    texts = pa.StringArray.from_buffers(len(known), pa.py_buffer(offsets), pa.py_buffer(joined), valid)
    return texts.dictionary_encode()
