"""Packed files: the one file inside a ``.gz`` or ``.zip``, and what a packed file may grow to.

Sizes are looked at before anything is unpacked, and kept to while it is: a directory that lies about them is
found out by the byte that is too many. An archive inside an archive is refused.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ingest.errors import ArchiveError, TooLargeError, UnknownFormatError
from ingest.options import Limits

PACKED_ENDINGS = frozenset({".zip", ".gz", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst"})
_CHUNK = 1 << 20
_LITTER = ("__MACOSX/", ".")
BROKEN = (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, ValueError)
"""What the libraries raise for a packed file that is none, is cut off, or is encrypted."""


def unpacked(path: Path, limits: Limits) -> tuple[str, bytes]:
    """Name and bytes of the file itself, or of the one file inside a ``.gz`` or ``.zip``.

    Raises
    ------
    ArchiveError
        If it holds several files, or another archive.
    UnknownFormatError
        If it is no archive, or encrypted.
    TooLargeError
        If it would unpack to more than the limits allow.
    """
    ending = path.suffix.lower()
    try:
        if ending == ".gz":
            _refuse_nested(path.name, path.stem)
            with gzip.open(path) as stream:
                return path.stem, _bounded(path.name, stream.read, path.stat().st_size, limits)
        if ending == ".zip":
            with zipfile.ZipFile(path) as archive:
                check_archive(path.name, archive, path.stat().st_size, limits.unpacked_bytes, limits)
                member = only_member(path.name, archive)
                with archive.open(member) as stream:
                    return member.filename, _bounded(
                        path.name, stream.read, path.stat().st_size, limits, declared=member.file_size
                    )
        return path.name, path.read_bytes()
    except BROKEN as error:
        raise UnknownFormatError(path.name, str(error)) from error


def check_archive(file: str, archive: zipfile.ZipFile, packed_bytes: int, most: int, limits: Limits) -> None:
    """Refuse an archive whose directory says that it unpacks to too much, or out of proportion.

    Raises
    ------
    TooLargeError
        If the sum of its files, or the ratio to the packed size, is above the limit.
    """
    total = sum(item.file_size for item in archive.infolist())
    if total > most:
        raise TooLargeError(file, "unpacked bytes", most, total)
    check_ratio(file, total, packed_bytes, limits)


def workbook_parts(file: str, data: bytes, limits: Limits) -> dict[str, bytes]:
    """The XML of the sheets of a packed workbook (``.xlsx``); every other part is read through and dropped.

    Reading all of it here holds every part to the size that the directory states, before the library that
    reads workbooks unpacks them again.

    Raises
    ------
    UnknownFormatError, TooLargeError
        If the workbook is broken, or unpacks to more than the limits allow.
    """
    parts: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_archive(file, archive, len(data), limits.workbook_bytes, limits)
            for item in archive.infolist():
                if item.filename.startswith(
                    ("xl/worksheets/sheet", "xl/workbook", "xl/_rels/workbook", "xl/styles", "content.xml")
                ):
                    parts[item.filename] = archive.read(item)
                    continue
                with archive.open(item) as stream:
                    while stream.read(_CHUNK):
                        pass
    except BROKEN as error:
        raise UnknownFormatError(file, str(error)) from error
    return parts


def only_member(file: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file of an archive, without what operating systems add to it.

    Raises
    ------
    ArchiveError
        If there are several files or none, or it is an archive itself.
    """
    members = [
        item
        for item in archive.infolist()
        if item.filename
        and not item.is_dir()
        and not item.filename.startswith(_LITTER)
        and "/." not in item.filename
    ]
    if len(members) != 1:
        names = [item.filename for item in members[:8]]
        raise ArchiveError("archive_several", file, names, len(members))
    _refuse_nested(file, members[0].filename)
    return members[0]


def _refuse_nested(file: str, inside: str) -> None:
    if PurePosixPath(inside).suffix.lower() in PACKED_ENDINGS:
        raise ArchiveError("archive_nested", file, [inside], 1)


def check_ratio(file: str, unpacked_bytes: int, packed_bytes: int, limits: Limits) -> None:
    """Refuse what unpacks out of proportion to the packed size.

    Raises
    ------
    TooLargeError
        If it does, and is not small.
    """
    allowed = max(limits.packing_ratio * packed_bytes, limits.packing_ratio_from_bytes)
    if unpacked_bytes > allowed:
        raise TooLargeError(file, "unpacked bytes", allowed, unpacked_bytes)


def _bounded(
    file: str, read: Callable[[int], bytes], packed_bytes: int, limits: Limits, *, declared: int | None = None
) -> bytes:
    """Read to the end, or to the first byte that is too many."""
    most = limits.unpacked_bytes if declared is None else min(declared, limits.unpacked_bytes)
    chunks: list[bytes] = []
    size = 0
    while chunk := read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise TooLargeError(file, "unpacked bytes", most, size)
        check_ratio(file, size, packed_bytes, limits)
    return b"".join(chunks)
