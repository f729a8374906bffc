"""A file of readings as blocks of rows that can be read again and again, however long the file is.

Files of ordinary size are read whole by :mod:`ingest.readers` and cut; a long text file is read as a stream,
so that its length costs time and no memory. Both ways give the same rows, numbers and cells.
"""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from ingest import readers
from ingest.errors import (
    EmptyFileError,
    IngestFileError,
    MixedEncodingsError,
    NoTableError,
    OptionError,
    TooLargeError,
    UnknownFormatError,
    WrongEncodingError,
)
from ingest.headers import READINGS
from ingest.mapping import load_mapping
from ingest.options import IngestOptions, Limits
from ingest.packed import BROKEN, PACKED_ENDINGS, check_archive, check_ratio, only_member
from ingest.preference import GivingWay, giving_way
from ingest.readers import HeaderScore, RawTable, read_table

BLOCK_ROWS = 10_000
WHOLE_BYTES = 16 << 20
"""Text files up to this size (unpacked) are read whole."""

_CHUNK = 1 << 20
_HEAD_CHARACTERS = 1 << 20
_HEAD_ROWS = 2 * readers.TITLE_ROWS
"""The first block has at least so many rows, so that the header is among them."""
_TEXT_ENDINGS = {".csv", ".tsv", ".txt"}
_MARK_BYTES = 8
_WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


class BlockSource:
    """One file, cut into tables of at most `BLOCK_ROWS` rows with the row numbers of the file.

    Raises
    ------
    IngestFileError
        As :func:`ingest.readers.read_table`: on opening, except that a long text file whose quotes do not
        close raises while its blocks are read.
    """

    def __init__(self, path: Path, options: IngestOptions, header_score: HeaderScore) -> None:
        self.path = path
        self.options = options
        self.header_score = header_score
        self._whole: RawTable | None = None
        self._length = 0
        if _is_long_text(path, options.limits):
            size = path.stat().st_size
            if size > options.limits.streamed_bytes:
                raise TooLargeError(path.name, "bytes", options.limits.streamed_bytes, size)
            self._encoding, self._length = _stream_encoding(path, options)
            self._delimiter = self._sniffed_delimiter()
        else:
            self._whole = read_table(path, options, header_score)
            self._length = len(self._whole)
        self._giving_way = GivingWay()
        if options.mapping is not None:
            self._giving_way = giving_way(self._tables(), load_mapping(options.mapping, READINGS))

    def __len__(self) -> int:
        """Rows of the file; of a long one the lines, which are no fewer."""
        return self._length

    def __iter__(self) -> Iterator[RawTable]:
        """The blocks, from the first one; each call reads the file anew."""
        return map(self._giving_way.leave, self._tables())

    def _tables(self) -> Iterator[RawTable]:
        return self._streamed() if self._whole is None else _cut(self._whole)

    def cells_of(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, dict[str, str]]]:
        """The own cells of some rows, by row number ascending."""
        wanted = np.unique(rows)
        if not len(wanted):
            return
        for table in self:
            at = np.minimum(np.searchsorted(wanted, table.rows), len(wanted) - 1)
            for place in np.flatnonzero(wanted[at] == table.rows).tolist():
                yield int(table.rows[place]), table.row_cells(place)

    def _sniffed_delimiter(self) -> str:
        with _open_text(self.path, self._encoding, self.options.limits) as stream:
            return readers._sniff_delimiter(stream.read(_HEAD_CHARACTERS), self.header_score)  # noqa: SLF001

    def _streamed(self) -> Iterator[RawTable]:
        file, limits = self.path.name, self.options.limits
        bounds = replace(limits, rows=limits.streamed_rows)
        with _open_text(self.path, self._encoding, self.options.limits) as stream:
            rows = readers._csv_rows(file, stream, self._delimiter, bounds)  # noqa: SLF001
            first = list(itertools.islice(rows, max(BLOCK_ROWS, _HEAD_ROWS)))
            table = self._table(first)
            if not len(table):
                raise EmptyFileError(file)
            yield table
            # What stands above the first row of data is put above every block: the same header is found.
            head = first[: int(table.rows[0]) - 1]
            done = len(first)
            while block := list(itertools.islice(rows, BLOCK_ROWS)):
                table = self._table([*head, *block])
                if len(table):
                    yield replace(table, rows=table.rows + (done - len(head)))
                done += len(block)

    def _table(self, rows: Sequence[Sequence[str]]) -> RawTable:
        table = readers._table_of_rows(self.path.name, None, rows, self.header_score)  # noqa: SLF001
        if len(table.columns) > self.options.limits.columns:
            raise TooLargeError(table.file, "columns", self.options.limits.columns, len(table.columns))
        return table


def _cut(table: RawTable) -> Iterator[RawTable]:
    """A table in pieces of `BLOCK_ROWS` rows."""
    if len(table) <= BLOCK_ROWS:
        yield table
        return
    for first in range(0, len(table), BLOCK_ROWS):
        last = first + BLOCK_ROWS
        yield replace(
            table,
            cells=tuple(column[first:last] for column in table.cells),
            rows=table.rows[first:last],
            geometry=None if table.geometry is None else table.geometry[first:last],
            overlong=tuple(
                (place - first, beyond) for place, beyond in table.overlong if first <= place < last
            ),
            faults=tuple(
                replace(fault, position=fault.position - first)
                for fault in table.faults
                if first <= fault.position < last
            ),
            origin=None if table.origin is None else (table.origin[0], table.origin[1][first:last]),
            short=tuple(place - first for place in table.short if first <= place < last),
            bad_geometry=tuple(place - first for place in table.bad_geometry if first <= place < last),
        )


# -- long text files -------------------------------------------------------------------------------------


def _is_long_text(path: Path, limits: Limits) -> bool:
    """Whether a file is a text file, packed or not, of more than `WHOLE_BYTES`; never raises."""
    try:
        ending = path.suffix.lower()
        if ending == ".zip":
            with zipfile.ZipFile(path) as archive:
                name = only_member(path.name, archive).filename
            return Path(name).suffix.lower() in _TEXT_ENDINGS and _is_longer(path, limits)
        name = path.stem if ending == ".gz" else path.name
        return Path(name).suffix.lower() in _TEXT_ENDINGS and path.is_file() and _is_longer(path, limits)
    except (*BROKEN, IngestFileError):
        return False  # reading it whole will say what is wrong


def _is_longer(path: Path, limits: Limits) -> bool:
    left = WHOLE_BYTES
    with _open_bytes(path, limits) as stream:
        start = stream.read(_MARK_BYTES)
        left -= len(start)
        if start.startswith(_WORKBOOK_MARKS):
            return False  # whatever its name says; text never begins like that
        while left >= 0 and (chunk := stream.read(_CHUNK)):
            left -= len(chunk)
    return left < 0


@contextmanager
def _open_bytes(path: Path, limits: Limits) -> Iterator[IO[bytes]]:
    """The unpacked bytes of a file; archives are held to their limits as :mod:`ingest.packed` does."""
    with ExitStack() as stack:
        try:
            stream = _opened(path, limits, stack)
        except BROKEN as error:
            raise UnknownFormatError(path.name, str(error)) from error
        try:
            yield stream
        except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error) as error:
            raise UnknownFormatError(path.name, str(error)) from error


def _opened(path: Path, limits: Limits, stack: ExitStack) -> IO[bytes]:
    ending = path.suffix.lower()
    if ending == ".gz":
        return cast("IO[bytes]", stack.enter_context(gzip.open(path)))
    if ending == ".zip":
        archive = stack.enter_context(zipfile.ZipFile(path))
        check_archive(path.name, archive, path.stat().st_size, limits.streamed_bytes, limits)
        return stack.enter_context(archive.open(only_member(path.name, archive)))
    return stack.enter_context(path.open("rb"))


@contextmanager
def _open_text(path: Path, encoding: str, limits: Limits) -> Iterator[io.TextIOWrapper]:
    with _open_bytes(path, limits) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, newline="")
        yield text
        text.detach()


def _stream_encoding(path: Path, options: IngestOptions) -> tuple[str, int]:
    """The encoding of a text file, chosen as :func:`ingest.readers.decode` does, and its number of lines."""
    if options.encoding is not None:
        try:
            known = codecs.lookup(options.encoding).name
        except (LookupError, ValueError) as error:
            raise OptionError("--encoding", options.encoding, "utf-8, gb18030, gbk, utf-16 …") from error
        # A mark at the start is no text, whoever names the encoding.
        candidates = ["utf-8-sig" if known == "utf-8" else options.encoding]
        named = options.encoding
    else:
        with _open_bytes(path, options.limits) as stream:
            start = stream.read(_CHUNK)
        marked = [name for mark, name in readers._BOMS if start.startswith(mark)]  # noqa: SLF001
        if not marked and (wide := readers._unmarked_utf16(start)) is not None:  # noqa: SLF001
            marked = [wide]
        candidates = marked[:1] or ["utf-8", "gb18030"]
        named = marked[0] if marked else "UTF-8, GB18030"
    reached = 0
    for encoding in candidates:
        at, lines = _decoded(path, encoding, options.limits, alone=len(candidates) == 1)
        if at is None:
            return encoding, lines
        reached = max(reached, at)
    raise WrongEncodingError(path.name, named, reached)


def _decoded(path: Path, encoding: str, limits: Limits, *, alone: bool) -> tuple[int | None, int]:
    """Position of the first byte that is no text in an encoding (None: all of it is), and the lines.

    Where nobody has named GB18030 (it does not stand `alone`), lines in UTF-8 within it are looked for.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    packed = path.suffix.lower() in PACKED_ENDINGS
    size, limit = path.stat().st_size, limits.streamed_bytes
    done = lines = seen = 0
    rest = b""
    with _open_bytes(path, limits) as stream:
        while chunk := stream.read(_CHUNK):
            if encoding == "gb18030" and not alone:
                whole, _, rest = (rest + chunk).rpartition(b"\n")
                if (line := readers.utf8_line(whole)) is not None:
                    raise MixedEncodingsError(path.name, seen + line)
                seen += whole.count(b"\n") + 1
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return done + error.start, lines
            if "\x00" in text:
                raise NoTableError(path.name)
            lines += text.count("\n")
            done += len(chunk)
            if packed:
                check_ratio(path.name, done, size, limits)
            if done > limit:
                raise TooLargeError(path.name, "unpacked bytes", limit, done)
        if rest and (line := readers.utf8_line(rest)) is not None:
            raise MixedEncodingsError(path.name, seen + line)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return done, lines
    return None, lines
