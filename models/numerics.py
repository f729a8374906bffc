"""PostgreSQL's numerics in its own binary form, many in one string of bytes, read without an object for any.

A numeric is a head of four 16-bit numbers (how many digits follow, the weight of the first of them, the sign,
the decimals it is shown with) and its digits to the base 10 000, all big-endian. NaN and infinities have
signs of their own; the tables of readings refuse them, and so does this.
"""

import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

MOST_PLACES: Final = 9
"""A number with more decimals is long."""
_SHORT_DIGITS: Final = 18
"""Digits that a whole number of 64 bits holds whatever they are; a number that needs more is long."""
_POWERS: Final = np.array([10**power for power in range(_SHORT_DIGITS + 1)], dtype=np.int64)
_NEGATIVE: Final = 0x4000
_NO_NUMBER: Final = 0x8000
_HEAD: Final = struct.Struct(">hhHh")


@dataclass(frozen=True, slots=True)
class Numerics:
    """A column of n numbers, some of them unknown and a few of them, mostly none, too long for 64 bits.

    A number that is neither is its element of `amounts` (int64) times 10**-places. `starts` says where in
    `packed` each number begins, -1 for an unknown one.
    """

    packed: bytes
    places: int
    amounts: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    is_long: npt.NDArray[np.bool_]

    @classmethod
    def read(cls, packed: bytes, known: npt.NDArray[np.bool_]) -> "Numerics":
        """Read the numbers of the rows that are known, in their order.

        Raises
        ------
        ValueError
            If the bytes are not as many numbers as are known, or one of them is NaN or infinite.
        """
        stream = np.frombuffer(packed, np.uint8)
        starts, places, end = _find_numbers(stream, known)
        if end != len(stream):
            raise ValueError("the bytes are not as many numbers as are known")
        amounts, is_long = _read_numbers(stream, starts, places, _POWERS)
        return cls(packed, int(places), amounts, starts, is_long)

    def short_decimals(self, rows: npt.NDArray[np.bool_]) -> pa.Array | None:
        """The numbers of rows without a long one, as decimals of one scale; None where all are unknown."""
        amounts, known = self.amounts, self.starts >= 0
        if not rows.all():
            amounts, known = amounts[rows], known[rows]
        if not known.any():
            return None
        halves = np.empty((len(amounts), 2), dtype=np.int64)
        halves[:, 0] = amounts
        halves[:, 1] = amounts >> 63
        valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
        kind = pa.decimal128(_SHORT_DIGITS, self.places)
        return pa.Array.from_buffers(kind, len(amounts), [valid, pa.py_buffer(halves)])

    def long_decimals(self, rows: npt.NDArray[np.bool_]) -> pa.Array | None:
        """The numbers of a few rows, however long; None where all are unknown."""
        starts = self.starts[rows].tolist()
        if max(starts) < 0:
            return None
        return pa.array([None if start < 0 else _read_decimal(self.packed, start) for start in starts])


def _read_decimal(packed: bytes, start: int) -> Decimal:
    """Exactly, whatever the precision of the context: a numeric may have thousands of digits."""
    count, weight, sign, scale = _HEAD.unpack_from(packed, start)
    whole = 0
    for digit in struct.unpack_from(f">{count}H", packed, start + _HEAD.size):
        whole = whole * 10_000 + digit
    plain = format(Decimal(f"{whole}E{4 * (weight + 1 - count)}"), "f")
    before, _, after = plain.partition(".")
    return Decimal(f"{'-' if sign == _NEGATIVE else ''}{before}.{after[:scale]:0<{scale}}")


def _compiled(function: Any) -> Any:
    """Compile a loop; its machine code is kept on disk, where there is a folder that may be written to."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # there is none
        return numba.njit(nogil=True)(function)


@_compiled
def _word(stream: Any, at: Any) -> Any:
    return (np.int64(stream[at]) << 8) | np.int64(stream[at + 1])


@_compiled
def _find_numbers(stream: Any, known: Any) -> Any:
    """Where the numbers of the known rows begin, the most decimals of any that can be short, and the end."""
    starts = np.full(len(known), -1, np.int64)
    at, most = np.int64(0), np.int64(0)
    for row in range(len(known)):
        if not known[row]:
            continue
        if at + 8 > len(stream):
            raise ValueError("the bytes are fewer numbers than are known")
        if _word(stream, at + 4) & _NO_NUMBER:
            raise ValueError("a number is NaN or infinite")
        decimals = _word(stream, at + 6)
        if most < decimals <= MOST_PLACES:
            most = decimals
        starts[row] = at
        at += 8 + 2 * _word(stream, at)
    return starts, most, at


@_compiled
def _read_numbers(stream: Any, starts: Any, places: Any, powers: Any) -> Any:
    """Each known number times 10**places, or that it is long."""
    amounts, is_long = np.zeros(len(starts), np.int64), np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        at = starts[row]
        if at < 0:
            continue
        weight = _word(stream, at + 2)
        if weight >= 0x8000:
            weight -= 0x10000
        if _word(stream, at + 6) > places or 4 * (weight + 1) + places > _SHORT_DIGITS:
            is_long[row] = True
            continue
        amount = np.int64(0)
        for group in range(_word(stream, at)):
            power = 4 * (weight - group) + places
            digit = _word(stream, at + 8 + 2 * group)
            # The last digit to the base 10 000 may reach beyond the decimals; what does is nought.
            if power >= 0:
                amount += digit * powers[power]
            elif power > -4:
                amount += digit // powers[-power]
        amounts[row] = -amount if _word(stream, at + 4) == _NEGATIVE else amount
    return amounts, is_long
