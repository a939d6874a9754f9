"""Bytes of objects that are kept in blocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from awsglue._runtime.flow.blocks import Blocks

BODY = bytes(number * 7 % 251 for number in range(40))


class Fetched:
    """An object of 40 bytes that counts what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, length: int) -> bytes:
        self.asked.append((start, length))
        assert 0 <= start < start + length <= len(BODY)
        return BODY[start : start + length]


@given(
    st.integers(1, 12),
    st.integers(0, 60),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 39), st.integers(1, 40)), max_size=12),
)
def test_bytes_are_the_object_s_whatever_is_kept(
    size: int, room: int, asked: list[tuple[str, int, int]]
) -> None:
    kept = Blocks(room, size)
    for whose, start, length in asked:
        stop = min(start + length, len(BODY))
        assert kept.read(whose, start, stop, len(BODY), Fetched()) == BODY[start:stop]


def test_what_is_kept_is_not_fetched_again_and_neighbours_come_together() -> None:
    kept, fetched = Blocks(100, 8), Fetched()
    kept.read("a", 9, 10, 40, fetched)
    kept.read("a", 1, 40, 40, fetched)
    kept.read("a", 3, 39, 40, fetched)
    assert fetched.asked == [(8, 8), (0, 8), (16, 24)]
    # Of another object nothing is known; what does not fit passes by.
    kept.read("b", 0, 1, 40, fetched)
    Blocks(16, 8).read("a", 3, 39, 40, fetched)
    assert fetched.asked[3:] == [(0, 8), (3, 36)]


def test_those_asked_for_last_are_kept_until_their_object_is_forgotten() -> None:
    kept, fetched = Blocks(16, 8), Fetched()
    for start in (0, 8, 0, 16, 0):
        kept.read("a", start, start + 1, 40, fetched)
    kept.read("b", 0, 1, 40, fetched)
    assert fetched.asked == [(0, 8), (8, 8), (16, 8), (0, 8)]
    kept.forget("a")
    kept.read("b", 0, 1, 40, fetched)
    kept.read("a", 0, 1, 40, fetched)
    assert fetched.asked[4:] == [(0, 8)]
