"""All problems of one file, however many: a few in memory, more of them in a temporary file.

A file of millions of rows may be wrong in every one of them, and every error is to be told. Problems are kept
in runs, each sorted by row and column; going through them merges the runs.
"""

from __future__ import annotations

import heapq
import itertools
import pickle
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import IO, overload

from ingest.report import Problem

IN_MEMORY = 50_000
"""Problems that are kept as objects."""
_AT_ONCE = 200
"""Problems of a run that are read together."""


class ProblemLog(Sequence[Problem]):
    """Problems, to be added in any order and gone through by row and column, as often as need be."""

    def __init__(self) -> None:
        self._latest: list[Problem] = []
        self._runs: list[tuple[int, int]] = []
        self._count = 0
        self._file: IO[bytes] | None = None

    def append(self, problem: Problem) -> None:
        """Add one problem."""
        self._latest.append(problem)
        self._count += 1
        if len(self._latest) >= IN_MEMORY:
            self._write_run()

    def clear(self) -> None:
        """Forget everything."""
        self._latest, self._runs, self._count = [], [], 0
        if self._file is not None:
            self._file.truncate(0)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Problem]:
        self._latest.sort(key=_place)
        runs = [self._read_run(start, end) for start, end in self._runs]
        return heapq.merge(*runs, iter(self._latest), key=_place)

    @overload
    def __getitem__(self, place: int) -> Problem: ...

    @overload
    def __getitem__(self, place: slice) -> list[Problem]: ...

    def __getitem__(self, place: int | slice) -> Problem | list[Problem]:
        """One problem by its place from the first, or some of them; each call goes through those before."""
        if isinstance(place, slice):
            start, stop, step = place.indices(self._count)
            return list(itertools.islice(self, start, stop, step))
        if not -self._count <= place < self._count:
            raise IndexError(place)
        return next(itertools.islice(self, place % self._count, None))

    def _write_run(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when nobody needs the log
            weakref.finalize(self, self._file.close)
        self._latest.sort(key=_place)
        start = self._file.seek(0, 2)
        for first in range(0, len(self._latest), _AT_ONCE):
            some = [
                (problem.row, problem.column, problem.value, problem.code, dict(problem.params))
                for problem in self._latest[first : first + _AT_ONCE]
            ]
            pickle.dump(some, self._file, pickle.HIGHEST_PROTOCOL)
        self._runs.append((start, self._file.tell()))
        self._latest = []

    def _read_run(self, start: int, end: int) -> Iterator[Problem]:
        file = self._file
        while file is not None and start < end:
            file.seek(start)
            some = pickle.load(file)  # noqa: S301 - written above, into a file that has no name
            start = file.tell()
            for entry in some:
                yield Problem(*entry)


def _place(problem: Problem) -> tuple[int, str]:
    return problem.row, problem.column or ""
