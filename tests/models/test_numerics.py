"""Numerics in the binary form of PostgreSQL; psycopg writes that form, and PostgreSQL itself."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.types.numeric import DecimalBinaryDumper
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.numerics import Numerics

NUMBERS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=None
)
PLAIN = st.builds(
    lambda whole, places: Decimal(whole).scaleb(-places), st.integers(-(10**9), 10**9), st.integers(0, 7)
)


def packed(numbers: list[Decimal | None]) -> bytes:
    dumper = DecimalBinaryDumper(Decimal)
    return b"".join(bytes(dumper.dump(number) or b"") for number in numbers if number is not None)


def read(numbers: list[Decimal | None]) -> Numerics:
    return Numerics.read(packed(numbers), np.array([number is not None for number in numbers], dtype=bool))


def told(found: Numerics) -> list[Decimal | None]:
    """Every number again: the short ones as decimals of one scale, the long ones by themselves."""
    cells: list[Decimal | None] = [None] * len(found.starts)
    for rows, column in (
        (~found.is_long, found.short_decimals(~found.is_long)),
        (found.is_long, found.long_decimals(found.is_long) if found.is_long.any() else None),
    ):
        if column is not None:
            for row, cell in zip(np.flatnonzero(rows), column.to_pylist(), strict=True):
                cells[row] = cell
    return cells


@settings(deadline=None)  # the loops are compiled on the way
@given(st.lists(st.none() | NUMBERS | PLAIN, max_size=8))
@example([Decimal(0), Decimal("0.0000"), Decimal("-0.00"), Decimal(10000), Decimal("1E+30")])
@example([Decimal("0.00001"), Decimal("99999999.999999999"), Decimal("100000000.1"), Decimal("-1234.56789")])
@example([Decimal("0.1234567890123456789012345678901234567890"), None])
def test_every_number_comes_back_with_all_its_digits(numbers: list[Decimal | None]) -> None:
    assert told(read(numbers)) == numbers


@settings(deadline=None)  # the loops are compiled on the way
@given(st.lists(PLAIN, min_size=1))
def test_what_is_reported_of_water_is_never_long(numbers: list[Decimal]) -> None:
    found = read(list(numbers))
    small = np.array([abs(number) < 10**8 for number in numbers])
    assert not found.is_long[small].any()


def test_one_number_with_many_decimals_makes_the_others_no_longer() -> None:
    found = read([Decimal("7.1"), Decimal("0.00000000000000001"), Decimal(99999999)])
    assert found.is_long.tolist() == [False, True, False]


def test_the_server_writes_the_same_form(session: Session) -> None:
    texts = ["0", "0.10", "-7.25", "123456.789", "0.00004", "10000", "1e20", "99999999.99", "0.000000000123"]
    sent = session.execute(
        text(
            "SELECT string_agg(numeric_send(CAST(one AS numeric)), '' ORDER BY place)"
            " FROM unnest(CAST(:texts AS text[])) WITH ORDINALITY AS listed (one, place)"
        ),
        {"texts": texts},
    ).scalar_one()
    assert told(Numerics.read(bytes(sent), np.ones(len(texts), dtype=bool))) == [
        Decimal(one) for one in texts
    ]


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_what_is_no_number_is_refused(number: Decimal) -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        read([Decimal(1), number])


def test_bytes_that_are_not_as_many_numbers_are_refused() -> None:
    both = packed([Decimal(1), Decimal(2)])
    with pytest.raises(ValueError, match="not as many"):
        Numerics.read(both, np.array([True, False]))
    with pytest.raises(ValueError, match="fewer"):
        Numerics.read(both, np.array([True, True, True]))
