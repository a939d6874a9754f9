"""The encodings of partition values sort like the values and tell all values apart."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastic.glue.catalog.partition_keys import Encoder, encode_value, family
from mastic.store.catalog_conditions import after_prefix

NUMBERS = st.one_of(
    st.integers(-(10**25), 10**25).map(Decimal),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6),
)
# No surrogates: they are no characters.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(NUMBERS, NUMBERS)
def test_numbers_sort_as_numbers(a: Decimal, b: Decimal) -> None:
    x, y = encode_value("decimal", str(a)), encode_value("decimal", str(b))
    assert x is not None
    assert y is not None
    assert (x < y, x == y) == (a < b, a == b)


@given(st.integers(-(10**25), 10**25), st.sampled_from(["", "0", "00"]))
def test_integers_are_encoded_like_decimals(number: int, zeros: str) -> None:
    text = f"-{zeros}{-number}" if number < 0 else f"{zeros}{number}"
    assert encode_value("integer", text) == encode_value("decimal", str(number))


@given(TEXT, TEXT)
def test_strings_sort_by_code_point(a: str, b: str) -> None:
    x, y = encode_value("string", a), encode_value("string", b)
    assert x is not None
    assert y is not None
    assert (x < y, x == y) == (a < b, a == b)
    assert "\x00" not in x
    assert "\x01" not in x


@given(st.dates(), st.dates())
def test_dates_sort_as_dates(a: date, b: date) -> None:
    x, y = encode_value("date", a.isoformat()), encode_value("date", b.isoformat())
    assert x is not None
    assert y is not None
    assert (x < y) == (a < b)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", ""), ("integer", "1.0"), ("integer", "x"), ("integer", "١"), ("integer", " 1"),
        ("decimal", "NaN"), ("decimal", "1_000"), ("decimal", "Infinity"), ("decimal", "1e99999"),
        ("date", "2023-02-30"), ("date", "2023-1-1"), ("date", "20230101"),
        ("timestamp", "2023-01-01 24:00:00"), ("timestamp", "yesterday"),
        ("integer", "__HIVE_DEFAULT_PARTITION__"),
    ],
)  # fmt: skip
def test_what_a_type_cannot_read(kind: str, text: str) -> None:
    assert encode_value(kind, text) is None


def test_timestamps_in_several_spellings() -> None:
    same = [
        "2024-01-02",
        "2024-01-02 00:00",
        "2024-01-02T00:00:00",
        "2024-01-02 00:00:00.000",
        "2024-01-02T00:00:00Z",
    ]
    assert {encode_value("timestamp", text) for text in same} == {"2024-01-02 00:00:00"}


VALUES = st.one_of(st.sampled_from(["1", "01", "+1", "1.0", "-0", "0", "", "~", "a\x01", "\x02"]), TEXT)
KINDS = st.sampled_from(["string", "integer", "decimal", "date", "timestamp", None])


@given(st.data())
def test_a_key_is_of_one_partition_only(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(KINDS, min_size=1, max_size=3))
    row = st.tuples(*(VALUES for _ in kinds))
    one, other = data.draw(row), data.draw(row)
    (first, second), _ = Encoder(kinds).encode([one, other])
    assert (first == second) == (one == other)


@given(TEXT.filter(bool), TEXT)
def test_after_a_prefix(prefix: str, text: str) -> None:
    end = after_prefix(prefix)
    assert end is None or prefix + text < end
    if end is not None and text >= end:
        assert not text.startswith(prefix)


def test_families() -> None:
    assert [family(t) for t in ("VARCHAR(10)", "decimal(10,2)", "Int", "long", "double", "array<int>")] == [
        "string", "decimal", "integer", "integer", None, None,
    ]  # fmt: skip
