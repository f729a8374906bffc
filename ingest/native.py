"""Calls into compiled readers that end a thread where they should refuse a file.

A broken workbook can make the library that reads it panic: its runtime writes a stack to stderr and raises
what no ``except Exception`` catches. Here that becomes one clear error, and the stack stays away from people.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ingest.errors import UnknownFormatError

_LOCK = threading.Lock()
_PANIC = "PanicException"


@contextmanager
def guarded(file: str) -> Iterator[None]:
    """Hold back what is written to stderr meanwhile; it follows afterwards, except after a panic.

    Raises
    ------
    UnknownFormatError
        If the compiled code panics.
    """
    with _LOCK, tempfile.TemporaryFile() as aside:
        own = _redirected(aside)
        panicked = False
        try:
            yield
        except BaseException as error:
            panicked = type(error).__name__ == _PANIC  # made at run time: there is nothing to import
            if not panicked:
                raise
            raise UnknownFormatError(file, f"broken inside ({error})") from None
        finally:
            if own is not None:
                _flush()
                os.dup2(own, 2)
                os.close(own)
                if not panicked:
                    _repeat(aside)


def _redirected(aside: IO[bytes]) -> int | None:
    """Let stderr lead to `aside`; returns where it led before, None where there is no stderr."""
    _flush()
    try:
        own = os.dup(2)
    except OSError:
        return None
    os.dup2(aside.fileno(), 2)
    return own


def _flush() -> None:
    if sys.stderr is not None and not sys.stderr.closed:
        sys.stderr.flush()


def _repeat(aside: IO[bytes]) -> None:
    aside.seek(0)
    while written := aside.read(1 << 16):
        os.write(2, written)
