"""Columns of whole numbers: every reading comes through exactly, from a frame as from an Arrow table."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial.columns import MISSING, ReadingColumns
from spatial.errors import FrameColumnsError, FrameValueError

NUMBERS = st.one_of(
    st.none(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-10, max_value=10, places=3),
    st.builds(
        lambda whole, places: Decimal(whole).scaleb(-places), st.integers(0, 10**30), st.integers(0, 30)
    ),
)


def as_arrow(frame, **columns):
    """The frame as an Arrow table: text codes, decimals of one scale, microseconds."""
    scale = 30
    arrays = {
        "section": pa.array(frame["section"], pa.string()),
        "sampled_at": pa.array(frame["sampled_at"].dt.tz_convert("UTC"), pa.timestamp("us", "UTC")),
        "parameter": pa.array(frame["parameter"], pa.string()).dictionary_encode(),
        "qualifier": pa.array(frame["qualifier"], pa.string()).dictionary_encode(),
        "station_type": pa.array(frame["station_type"], pa.string()),
        "station_status": pa.array(frame["station_status"], pa.string()),
        "upload_id": pa.array(frame["upload_id"], pa.int64()),
    }
    for name in ("value", "full_value", "detection_limit"):
        arrays[name] = pa.array(list(frame[name]), pa.decimal256(76, scale))
    return pa.table(arrays | columns)


def numbers_of(amounts, columns):
    """The numbers behind amounts, as fractions; None for missing."""
    if amounts is None:
        return [None] * len(columns)
    places = [columns.places[index] for index in columns.parameter]
    return [
        None if amount == MISSING else Fraction(amount, 10**place)
        for amount, place in zip(amounts.tolist(), places, strict=True)
    ]


def exact(cells):
    return [None if cell is None or pd.isna(cell) else Fraction(cell) for cell in cells]


@given(
    values=st.lists(
        st.tuples(st.sampled_from(["tp", "ph"]), NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=6
    )
)
def test_every_number_comes_through_exactly(readings_of, values):
    frame = readings_of(*(("S", "2025-06-01 10:00", {code: "1"}) for code, *_ in values))
    for place, name in enumerate(("value", "full_value", "detection_limit"), 1):
        frame[name] = pd.Series([row[place] for row in values], dtype=object)
    for columns in (ReadingColumns.from_frame(frame), ReadingColumns.from_arrow(as_arrow(frame))):
        assert numbers_of(columns.amount, columns) == exact(frame["value"])
        assert numbers_of(columns.full_amount, columns) == exact(frame["full_value"])
        assert numbers_of(columns.limit_amount, columns) == exact(frame["detection_limit"])


def test_numbers_that_are_too_long_for_64_bits_are_kept_as_python_integers(readings_of):
    frame = readings_of(("S", "2025-06-01", {"tp": "0.1234567890123456789012345", "cod_mn": "1.5"}))
    columns = ReadingColumns.from_frame(frame)
    assert columns.amount.tolist() == [1234567890123456789012345, 15]
    assert columns.places == (25, 1)
    # Of an Arrow column with more places than are needed, only the needless ones go.
    columns = ReadingColumns.from_arrow(as_arrow(frame))
    assert columns.amount.tolist() == [1234567890123456789012345, 15]
    assert columns.places == (25, 1)


def test_an_arrow_column_of_ordinary_decimals_needs_no_python_integers(readings_of):
    frame = readings_of(("S", "2025-06-01", {"tp": "0.034"}), ("S", "2025-06-02", {"ph": "7.6"}))
    value = pa.array([Decimal("0.034"), Decimal("7.6")], pa.decimal128(12, 3))
    full = pa.array([Decimal("0.0341"), None], pa.decimal128(12, 4))
    columns = ReadingColumns.from_arrow(as_arrow(frame, value=value, full_value=full))
    assert (columns.amount.dtype, columns.amount.tolist()) == (np.int64, [340, 76000])
    assert columns.full_amount.tolist() == [341, MISSING]
    assert columns.limit_amount is None


@pytest.mark.parametrize("kind", [pa.int64(), pa.decimal32(5, 0), pa.decimal64(10, 2), pa.decimal128(38, 3)])
def test_all_exact_types_of_arrow_are_read(readings_of, kind):
    frame = readings_of(("S", "2025-06-01", {"tp": "3", "ph": "7"}))
    numbers = [Decimal(3), None] if pa.types.is_decimal(kind) else [3, None]
    columns = ReadingColumns.from_arrow(as_arrow(frame, value=pa.array(numbers, kind)))
    assert numbers_of(columns.amount, columns) == [Fraction(3), None]


def test_a_slice_of_an_arrow_table_is_read_where_it_begins(readings_of):
    frame = readings_of(*(("S", f"2025-06-0{day}", {"tp": f"0.{day}"}) for day in range(1, 6)))
    value = pa.array([Decimal(f"0.{day}") if day != 4 else None for day in range(1, 6)], pa.decimal128(5, 1))
    columns = ReadingColumns.from_arrow(as_arrow(frame, value=value).slice(2, 2))
    assert columns.amount.tolist() == [3, MISSING]


def test_codes_of_several_chunks_are_brought_together(readings_of):
    one = as_arrow(readings_of(("A", "2025-06-01", {"tp": "1"})))
    other = as_arrow(readings_of(("B", "2025-06-01", {"ph": "7", "tp": "2"})))
    columns = ReadingColumns.from_arrow(pa.concat_tables([one, other, one]))
    assert [columns.sections[index] for index in columns.section] == ["A", "B", "B", "A"]
    assert [columns.parameters[index] for index in columns.parameter] == ["tp", "ph", "tp", "tp"]


def test_a_dictionary_may_hold_a_code_twice_or_not_at_all(readings_of):
    frame = readings_of(*(("S", "2025-06-01", {code: "1"}) for code in ("tp", "tp", "ph")))
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 2, None]), pa.array(["正常", None, "正常"]))
    columns = ReadingColumns.from_arrow(as_arrow(frame, station_status=twice))
    assert (columns.statuses, columns.status.tolist()) == (("正常",), [0, 0, -1])


@pytest.mark.parametrize("column", ["value", "full_value", "detection_limit"])
def test_binary_floats_are_refused(readings_of, column):
    frame = readings_of(("S", "2025-06-01", {"tp": "0.1"}))
    with pytest.raises(FrameValueError) as caught:
        ReadingColumns.from_arrow(as_arrow(frame, **{column: pa.array([0.1])}))
    assert caught.value.value == 0.1
    with pytest.raises(FrameValueError):
        ReadingColumns.from_frame(frame.assign(**{column: pd.Series([0.1])}))


def test_times_without_a_zone_are_refused(readings_of):
    frame = readings_of(("S", "2025-06-01", {"tp": "0.1"}))
    naive = pa.array(frame["sampled_at"].dt.tz_localize(None), pa.timestamp("us"))
    with pytest.raises(FrameValueError):
        ReadingColumns.from_arrow(as_arrow(frame, sampled_at=naive))


def test_nanoseconds_are_cut_and_undated_readings_are_marked(readings_of):
    frame = readings_of(("S", "2025-06-01", {"tp": "1", "ph": "7"}))
    moments = pa.array([1_750_000_000_123_456_789, None], pa.timestamp("ns", "UTC"))
    columns = ReadingColumns.from_arrow(as_arrow(frame, sampled_at=moments))
    assert columns.moment.tolist() == [1_750_000_000_123_456, MISSING]


def test_what_no_reading_has_takes_no_room(readings_of):
    frame = readings_of(("S", "2025-06-01", {"tp": "0.1"})).drop(columns=["upload_id", "station_type"])
    columns = ReadingColumns.from_frame(frame)
    assert columns.full_amount is columns.limit_amount is columns.censored is columns.automatic is None
    assert columns.status is columns.quality is columns.upload is None


def test_a_missing_column_is_named(readings_of):
    frame = readings_of(("S", "2025-06-01", {"tp": "0.1"}))
    with pytest.raises(FrameColumnsError) as caught:
        ReadingColumns.from_arrow(as_arrow(frame).drop_columns(["qualifier"]))
    assert caught.value.missing == {"qualifier"}
    with pytest.raises(FrameColumnsError):
        ReadingColumns.from_frame(frame.drop(columns="value"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"section": np.array([3], np.int32)},
        {"parameter": np.array([-1], np.int16)},
        {"amount": np.array([1.0])},
        {"moment": np.array([1, 2])},
        {"places": (-1,)},
        {"sections": ("S", "S")},
        {"status": np.array([0], np.int32)},
    ],
)
def test_columns_that_point_nowhere_are_refused(wrong):
    right = {
        "sections": ("S",),
        "parameters": ("tp",),
        "places": (3,),
        "section": np.array([0], np.int32),
        "parameter": np.array([0], np.int16),
        "moment": np.array([0]),
        "amount": np.array([1]),
    }
    assert len(ReadingColumns(**right)) == 1
    with pytest.raises(FrameValueError):
        ReadingColumns(**right | wrong)


def test_blocks_put_together_are_the_whole(readings_of):
    frame = readings_of(*(("S", f"2025-06-0{day}", {"tp": f"0.{day}"}) for day in range(1, 8)))
    columns = ReadingColumns.from_frame(frame)
    blocks = list(columns.blocks(3))
    assert [len(block) for block in blocks] == [3, 3, 1]
    assert np.concatenate([block.amount for block in blocks]).tolist() == columns.amount.tolist()


@pytest.mark.parametrize("uploads", [[7, 7, 7], [7, None, 7], [9, 7, 9], [None, None, None]])
def test_uploads_are_kept(readings_of, uploads):
    frame = readings_of(*(("S", f"2025-06-0{day}", {"tp": "1"}) for day in (1, 2, 3)))
    columns = ReadingColumns.from_arrow(as_arrow(frame, upload_id=pa.array(uploads, pa.int64())))
    found = [-1] * 3 if columns.upload is None else columns.upload.tolist()
    assert [None if index < 0 else columns.uploads[index] for index in found] == uploads
