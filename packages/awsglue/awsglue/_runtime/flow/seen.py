"""Keys that have been seen: which rows of a stream are the first with theirs. Owns the keys of one stream.

Rows can leave at once, and only keys are kept, in open-addressed tables of NumPy arrays. Keys are compared whole, as
64-bit words: numbers are a word each, texts are cut into words behind an end mark. Keys with other lengths or nulls
cannot be equal, so each such shape has a table of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WORD = 8
# Longer texts than this many words are padded to the next power of two, so that there are few shapes.
EXACT_WORDS = 8
# Bytes of a text that is still worth cutting into words.
LONGEST = 1 << 10
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
_FIRST_SLOTS = 1 << 10
_QUICK_GROWTH = 1 << 20
# Entries are numbered in 32 bits.
_MOST = (1 << 31) - 1
TEXTS = ("string", "binary")


class SeenKeys:
    """The keys of all rows so far, as long as they take at most about `budget` bytes."""

    def __init__(self, kinds: list[str], budget: int) -> None:
        self._kinds = kinds
        self._budget = budget
        self._tables: dict[tuple[int, ...], _Table] = {}

    def full(self) -> bool:
        """Whether no more keys should be taken."""
        tables = self._tables.values()
        return sum(table.size for table in tables) > self._budget or any(
            table.count > _MOST // 2 for table in tables
        )

    def takes(self, columns: list[Any]) -> bool:
        """Whether these keys are short enough to be kept."""
        return not any(
            len(column) and int(_lengths(column).max()) > LONGEST
            for column, kind in zip(columns, self._kinds, strict=True)
            if kind in TEXTS
        )

    def first(self, columns: list[Any]) -> Any:
        """A boolean for each row of these key columns: whether no row before it has its key. The keys are kept."""
        return self._asked(columns, keep=True)

    def unknown(self, columns: list[Any]) -> Any:
        """A boolean for each row: whether its key is not among those that are kept."""
        return self._asked(columns, keep=False)

    def _asked(self, columns: list[Any], *, keep: bool) -> Any:
        import numpy as np

        count = len(columns[0])
        answer = np.ones(count, bool)
        if not count:
            # There may not even be buffers.
            return answer
        for shape, places in _shapes(columns, self._kinds):
            table = self._tables.get(shape)
            if table is None and not keep:
                continue
            words = _words(columns, self._kinds, shape, places)
            if table is None:
                table = self._tables[shape] = _Table(len(words))
            found = table.first(words) if keep else table.unknown(words)
            if places is None:
                return found
            answer[places] = found
        return answer


class _Table:
    """Distinct keys of one shape: entries in order, and slots that hold their numbers."""

    def __init__(self, width: int) -> None:
        import numpy as np

        self.count = 0
        self._keys = np.empty((_FIRST_SLOTS, width), np.uint64)
        self._slots = np.full(_FIRST_SLOTS, -1, np.int32)

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._keys.nbytes + self._slots.nbytes)

    def first(self, words: list[Any]) -> Any:
        """Whether each key is new; new ones are kept. Of equal keys the one that comes first is new."""
        import numpy as np

        self._make_room(len(words[0]))
        new = np.zeros(len(words[0]), bool)
        pending, places, steps = self._begin(words)
        while len(pending):
            entries = self._slots[places]
            free, occupied = np.flatnonzero(entries < 0), np.flatnonzero(entries >= 0)
            won = free[self._claim(places[free])]
            taken = pending[won]
            new[taken] = True
            self._keep(words, taken)
            # A free slot is looked at again by those who lost it: whoever has it now may have the same key.
            again = np.ones(len(pending), bool)
            again[won] = False
            again[occupied[self._equal(entries[occupied], words, pending[occupied])]] = False
            steps[occupied] += 1
            places[occupied] += steps[occupied]
            pending, places, steps = pending[again], places[again] & (len(self._slots) - 1), steps[again]
        return new

    def unknown(self, words: list[Any]) -> Any:
        """Whether each key is not here."""
        import numpy as np

        absent = np.ones(len(words[0]), bool)
        pending, places, step = (*self._begin(words)[:2], 0)
        while len(pending):
            entries = self._slots[places]
            here = np.flatnonzero(entries >= 0)
            pending, places = pending[here], places[here]
            equal = self._equal(entries[here], words, pending)
            absent[pending[equal]] = False
            step += 1
            pending, places = pending[~equal], (places[~equal] + step) & (len(self._slots) - 1)
        return absent

    def _begin(self, words: list[Any]) -> tuple[Any, Any, Any]:
        """(rows, the slot that each looks at, the steps it has gone): steps grow by one, which leads to every slot."""
        import numpy as np

        places = (_hashes(words) & np.uint64(len(self._slots) - 1)).view(np.int64)
        return np.arange(len(places)), places, np.zeros(len(places), np.int64)

    def _claim(self, places: Any) -> Any:
        """Of rows that want these free slots, the positions of those that get them: the first for each slot."""
        import numpy as np

        numbers = np.arange(len(places), dtype=np.int32)
        # The last assignment to a slot stays.
        self._slots[places[::-1]] = numbers[::-1]
        won = np.flatnonzero(self._slots[places] == numbers)
        self._slots[places[won]] = np.arange(self.count, self.count + len(won), dtype=np.int32)
        return won

    def _keep(self, words: list[Any], rows: Any) -> None:
        for position, word in enumerate(words):
            self._keys[self.count : self.count + len(rows), position] = word[rows]
        self.count += len(rows)

    def _equal(self, entries: Any, words: list[Any], rows: Any) -> Any:
        keys = self._keys.take(entries, axis=0)
        equal = keys[:, 0] == words[0][rows]
        for position in range(1, len(words)):
            equal &= keys[:, position] == words[position][rows]
        return equal

    def _make_room(self, rows: int) -> None:
        import numpy as np

        needed = self.count + rows
        if needed > len(self._keys):
            keys = np.empty((max(needed, 2 * len(self._keys)), self._keys.shape[1]), np.uint64)
            keys[: self.count] = self._keys[: self.count]
            self._keys = keys
        slots = len(self._slots)
        # Half of what is to come may well be new.
        while needed * 5 > slots * 3:
            slots *= 4 if slots < _QUICK_GROWTH else 2
        if slots == len(self._slots):
            return
        self._slots = np.full(slots, -1, np.int32)
        known = [self._keys[: self.count, position] for position in range(self._keys.shape[1])]
        pending, places, step = (*self._begin(known)[:2], 0)
        pending = pending.astype(np.int32)
        while len(pending):
            free = self._slots[places] < 0
            self._slots[places[free]] = pending[free]
            left = self._slots[places] != pending
            step += 1
            pending, places = pending[left], (places[left] + step) & (slots - 1)


def _hashes(words: list[Any]) -> Any:
    import numpy as np

    one, other = (np.uint64(number) for number in _MULTIPLIERS)
    mixed = words[0] * one
    for word in words[1:]:
        mixed ^= mixed >> np.uint64(32)
        mixed += word
        mixed *= other
    mixed ^= mixed >> np.uint64(29)
    mixed *= one
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _shapes(columns: list[Any], kinds: list[str]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """(shape, which rows (None for all)) for each shape that occurs.

    A shape is how many words each column has: none for null.
    """
    import numpy as np

    widths = [_widths(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    codes = np.zeros(len(columns[0]), np.int64)
    for width in widths:
        if not isinstance(width, int):
            # Numbered anew each time, codes stay small.
            codes = np.unique(codes * (int(width.max(initial=0)) + 1) + width, return_inverse=True)[1]
    firsts = np.unique(codes, return_index=True)[1] if codes.any() else np.zeros(1, np.int64)
    for code, row in enumerate(firsts):
        shape = tuple(width if isinstance(width, int) else int(width[row]) for width in widths)
        yield shape, np.flatnonzero(codes == code) if len(firsts) > 1 else None


def _words(columns: list[Any], kinds: list[str], shape: tuple[int, ...], places: Any) -> list[Any]:
    """The keys of the rows of a shape as words."""
    import numpy as np

    words: list[Any] = []
    for column, kind, width in zip(columns, kinds, shape, strict=True):
        if width:
            words += _text_words(column, places, width) if kind in TEXTS else _numbers(column, places)
    # Keys of nothing but nulls are all alike.
    return words or [np.zeros(len(columns[0]) if places is None else len(places), np.uint64)]


def _widths(column: Any, kind: str) -> Any:
    """How many words each value has: one number where all have the same."""
    import numpy as np

    if kind in TEXTS:
        widths: Any = _lengths(column) // WORD + 1
        long = widths > EXACT_WORDS
        if long.any():
            widths[long] = 1 << np.ceil(np.log2(widths[long])).astype(np.int64)
    else:
        widths = 2 if kind.startswith("decimal") else 1
    if column.null_count:
        widths = np.where(column.is_null().to_numpy(zero_copy_only=False), 0, widths)
    return widths


def _numbers(column: Any, places: Any) -> list[Any]:
    """The values as words; null has any."""
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.int8()), pa.int8()
    if pa.types.is_decimal(kind):
        pairs = np.frombuffer(column.buffers()[1], np.uint64).reshape(-1, 2)
        pairs = pairs[column.offset : column.offset + len(column)]
        return [pairs[:, half] if places is None else pairs[places, half] for half in (0, 1)]
    letter = "f" if pa.types.is_floating(kind) else "i"
    values = np.frombuffer(column.buffers()[1], f"{letter}{kind.bit_width // 8}")
    values = values[column.offset : column.offset + len(column)]
    values = values if places is None else values[places]
    if letter == "f":
        # One bit pattern for all that are no number; zeros are made one before.
        values = np.where(values == values, values, np.nan).astype(np.float64)
        return [values.view(np.uint64)]
    return [values.astype(np.int64).view(np.uint64)]


def _extents(column: Any) -> tuple[Any, Any, Any]:
    """(where each text starts, where it ends, the bytes) of a string or binary array."""
    import numpy as np

    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return bounds[:-1].astype(np.int64), bounds[1:].astype(np.int64), data


def _lengths(column: Any) -> Any:
    """How many bytes each text has."""
    starts, ends, _ = _extents(column)
    return ends - starts


def _text_words(column: Any, places: Any, width: int) -> list[Any]:
    """The bytes of texts in words, a one behind their last byte and zeros then."""
    import numpy as np

    starts, ends, data = _extents(column)
    if places is not None:
        starts, ends = starts[places], ends[places]
    low, high = int(starts.min()), int(ends.max())
    held = np.zeros(high - low + WORD, np.uint8)
    if high > low:
        held[: high - low] = np.frombuffer(data, np.uint8, high - low, low)
    # A word from any byte on.
    at = np.ndarray((high - low + 1,), "<u8", held, strides=(1,))
    starts, ends = starts - low, ends - low
    words = []
    for position in range(width):
        begin = starts + position * WORD
        left = np.clip(ends - begin, -1, WORD)
        word = at[np.minimum(begin, high - low)]
        bits = (np.clip(left, 0, WORD - 1) * WORD).astype(np.uint64)
        mark = np.uint64(1) << bits
        word = np.where(left == WORD, word, (word & (mark - np.uint64(1))) | mark)
        words.append(np.where(left < 0, np.uint64(0), word))
    return words
