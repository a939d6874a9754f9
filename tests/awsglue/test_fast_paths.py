"""The quick ways of the I/O layer give what the exact, slow ways give."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from awsglue._runtime.io import csv_blocks, saving
from awsglue._runtime.io.csv_options import CsvOptions, csv_options
from awsglue._runtime.io.threads import side_by_side

FIELD = st.one_of(
    st.sampled_from(["", "a", "é b", " ", '""', '"x"', '"a,b"', '"a\\"b"', 'a"b', "\\", '"', "\r", '"a\nb"']),
    st.text(st.sampled_from('a",\\ '), max_size=4),
)
LINE = st.lists(FIELD, min_size=3, max_size=3).map(",".join)
TEXT = st.lists(LINE, max_size=5).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(lines) + end)
)


def rows(text: str, options: CsvOptions) -> list[tuple[Any, ...]]:
    made = []
    for block in csv_blocks.blocks(iter([text.encode()]), options, 3, header=False):
        made += list(zip(*[column.to_pylist() for column in block.columns], strict=True))
    return made


@settings(max_examples=400, deadline=None)
@given(text=TEXT)
def test_plain_chunks_are_read_as_field_by_field(text: str) -> None:
    options = csv_options({})
    slow = []
    for block in csv_blocks.from_rows(csv_blocks.list_rows(iter([text.encode()]), options), options, 3):
        slow += list(zip(*[column.to_pylist() for column in block.columns], strict=True))
    assert rows(text, options) == slow


def test_plain_text_takes_the_quick_way() -> None:
    options = csv_options({})
    chunk = b'1,"a, b",x\r\n2,,"y"\r\n'
    block = csv_blocks.plain_block(chunk, options, 3)
    assert block is not None
    assert [column.to_pylist() for column in block.columns] == [["1", "2"], ["a, b", None], ["x", "y"]]


@settings(max_examples=100, deadline=None)
@given(
    keys=st.lists(
        st.tuples(
            st.sampled_from([1, 2, 3, None]),
            st.sampled_from(["a", "b", None]),
            st.sampled_from([datetime.date(2020, 1, 1), None]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_rows_go_to_the_folders_of_their_values(keys: list[tuple[Any, ...]]) -> None:
    names = ["k", "l", "m"]
    types = [pa.int32(), pa.string(), pa.date32()]
    columns = [pa.array([key[n] for key in keys], types[n]) for n in range(3)]
    batch = pa.record_batch([*columns, pa.array(range(len(keys)))], names=[*names, "n"])
    expected: dict[tuple[Any, ...], list[int]] = {}
    for n, key in enumerate(keys):
        expected.setdefault(key, []).append(n)
    found = {tuple(key): group.column("n").to_pylist() for key, group in saving._grouped(batch, names)}
    assert found == expected
    assert list(found) == list(expected)


def test_work_side_by_side_keeps_the_order_and_raises_in_turn() -> None:
    assert list(side_by_side(lambda n: n * n, range(50))) == [n * n for n in range(50)]

    def fail(n: int) -> int:
        if n == 3:
            raise ValueError("three")
        return n

    made = side_by_side(fail, range(10))
    assert [next(made) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(made)
