"""Errors of the door where files come in. Standard library only (codes: `ingest.codes`).

A file that cannot be used raises one of these (exit code 2). A row that cannot be used never raises: it
becomes a :class:`ingest.report.Problem`, so that all of them are reported at once. Every error carries a
stable ``code`` and ``params``; the words for people are those of ``api/messages/ingest.toml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class IngestError(Exception):
    """Base of every error that this room raises on purpose."""

    def __init__(self, code: str, message: str, **params: Any) -> None:
        super().__init__(message)
        self.code = code
        self.params = params


class IngestFileError(IngestError):
    """The file cannot be used at all; nothing of it was loaded."""

    def __init__(self, code: str, file: str, message: str, **params: Any) -> None:
        super().__init__(code, f"{file}: {message}", file=file, **params)
        self.file = file


class FileMissingError(IngestFileError):
    """There is no such file, or it cannot be opened."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__("file_missing", file, f"cannot be opened: {reason}", reason=reason)


class UnknownFormatError(IngestFileError):
    """The name's ending says nothing we can read, or the content is not what the ending says."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__("format_unknown", file, f"cannot be read: {reason}", reason=reason)


class UnsupportedEndingError(UnknownFormatError):
    """Files with this ending are not read."""

    def __init__(self, file: str, ending: str, endings: Sequence[str]) -> None:
        known = " ".join(endings)
        IngestFileError.__init__(
            self,
            "format_unsupported",
            file,
            f"{ending} is none of {known}",
            ending=ending or "—",
            endings=known,
        )
        self.ending = ending


class NoTableError(UnknownFormatError):
    """The content is neither a workbook nor a table of text."""

    def __init__(self, file: str) -> None:
        IngestFileError.__init__(self, "format_no_table", file, "is neither a workbook nor a table of text")


class ArchiveError(UnknownFormatError):
    """A packed file must hold one file, and no other packed one."""

    def __init__(self, code: str, file: str, names: Sequence[str], count: int) -> None:
        listed = ", ".join(names)
        IngestFileError.__init__(
            self, code, file, f"holds {count} files: {listed}", names=listed or "—", count=count
        )
        self.count = count


class WrongEncodingError(IngestFileError):
    """The bytes are no text in the encoding that was named, or in any that are tried."""

    def __init__(self, file: str, encoding: str, position: int) -> None:
        super().__init__(
            "encoding_wrong",
            file,
            f"is no text in {encoding} (byte {position})",
            encoding=encoding,
            position=position,
        )
        self.encoding = encoding


class MixedEncodingsError(IngestFileError):
    """Lines in two encodings stand in one file: read as either of them, the others become other words."""

    def __init__(self, file: str, line: int) -> None:
        super().__init__("encoding_mixed", file, f"mixes GB18030 with UTF-8 (line {line})", line=line)
        self.line = line


class MismatchedFormatError(IngestFileError):
    """The content is of another format than the name's ending says, and no table."""

    def __init__(self, file: str, content: str, ending: str) -> None:
        super().__init__(
            "format_mismatch",
            file,
            f"is called {ending}, but holds {content}",
            content=content,
            ending=ending,
        )
        self.content = content


class LockedFileError(IngestFileError):
    """The workbook is encrypted: only its password opens it."""

    def __init__(self, file: str) -> None:
        super().__init__("file_locked", file, "is protected by a password")


class ExampleOnlyError(IngestFileError):
    """Of a template of ours only the example is left, which is never loaded unasked."""

    def __init__(self, file: str) -> None:
        super().__init__("example_only", file, "holds only the example of a template")


class EmptyFileError(IngestFileError):
    """No header, or no row below it."""

    def __init__(self, file: str) -> None:
        super().__init__("file_empty", file, "holds no rows")


_TOO_LARGE = {
    "bytes": "file_too_large",
    "unpacked bytes": "file_unpacks_too_large",
    "rows": "file_too_many_rows",
    "columns": "file_too_many_columns",
    "cells": "file_too_many_cells",
    "merged cells": "file_too_many_cells",
}


class TooLargeError(IngestFileError):
    """The file is above a limit of :class:`ingest.options.Limits`."""

    def __init__(self, file: str, what: str, limit: int, found: int) -> None:
        super().__init__(
            _TOO_LARGE[what],
            file,
            f"has more {what} than allowed: {found} > {limit}",
            limit=limit,
            found=found,
        )
        self.limit = limit


class SheetError(IngestFileError):
    """The sheet or layer that was asked for does not exist, or none was named where several fit."""

    def __init__(self, code: str, file: str, sheet: str, sheets: Sequence[str]) -> None:
        known = ", ".join(sheets)
        super().__init__(code, file, f"sheet {sheet!r}; the file has: {known}", sheet=sheet, sheets=known)
        self.sheets = tuple(sheets)


class MissingColumnsError(IngestFileError):
    """Columns that this kind of file must have were not recognised."""

    def __init__(self, file: str, missing: Sequence[str], found: Sequence[str]) -> None:
        wanted, seen = ", ".join(missing), ", ".join(found)
        super().__init__(
            "columns_missing", file, f"needs the columns {wanted}; found {seen}", missing=wanted, found=seen
        )
        self.missing = tuple(missing)


class ColumnClashError(IngestFileError):
    """Two columns mean the same thing, so that one of them would be lost."""

    def __init__(self, file: str, field: str, columns: Sequence[str]) -> None:
        both = ", ".join(columns)
        super().__init__(
            "columns_clash", file, f"has several columns for {field}: {both}", field=field, columns=both
        )
        self.columns = tuple(columns)


class UnitError(IngestFileError):
    """The unit in a column's header cannot be converted into the parameter's own."""

    def __init__(self, file: str, column: str, unit: str, canonical: str) -> None:
        super().__init__(
            "unit_unknown",
            file,
            f"column {column!r}: unit {unit!r} cannot be converted into {canonical!r}",
            column=column,
            unit=unit,
            canonical=canonical,
        )
        self.unit = unit


class CoordinateSystemError(IngestFileError):
    """The coordinate system is unknown, or refused because no exact way leads to EPSG:4490."""

    def __init__(self, code: str, file: str, crs: str, **params: Any) -> None:
        super().__init__(code, file, f"coordinate system {crs!r} cannot be used ({code})", crs=crs, **params)
        self.crs = crs


class ForeignFileError(IngestFileError):
    """Every place of the file lies far outside China: this is another country's file."""

    def __init__(self, file: str, count: int, lon: float, lat: float) -> None:
        middle = f"{abs(lon):.1f}°{'E' if lon >= 0 else 'W'}, {abs(lat):.1f}°{'N' if lat >= 0 else 'S'}"
        super().__init__(
            "file_outside_china",
            file,
            f"all {count} places lie outside China, around {middle}",
            count=count,
            around=middle,
        )
        self.count = count


class OptionError(IngestError):
    """An option cannot be understood, or does not fit the kind of file."""

    def __init__(self, option: str, value: str, expected: str) -> None:
        super().__init__(
            "option_wrong",
            f"{option} {value!r}: expected {expected}",
            option=option,
            value=value,
            expected=expected,
        )
        self.option = option


class LoadConflictError(IngestError):
    """The database refused a row that had passed every check; nothing of the file was loaded."""

    def __init__(self, file: str, constraint: str) -> None:
        super().__init__(
            "constraint_refused",
            f"{file}: refused by the database rule {constraint!r}",
            file=file,
            constraint=constraint,
        )
        self.constraint = constraint


class QualityThresholdsError(IngestError):
    """The thresholds of quality control contradict themselves, or say something unknown."""

    def __init__(self, table: str, reason: str) -> None:
        super().__init__("quality_thresholds_wrong", f"{table}: {reason}", table=table, reason=reason)
        self.table = table
