"""Log events, many to a row. Owns the table ``log_batches``.

A row holds the events of one write, compressed, with their first and last time. No row spans more than
SPAN, so a time range finds its rows by an index on one of the two. An event's position is its time, its
row and its place there; positions order a stream, never change and make the event's id.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Select,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
)

from mastic.store.logs import Identity, Stream
from mastic.store.schema import metadata

SPAN = 3_600_000
LARGEST = 1000
# Below this, compressing costs more than it saves.
_SMALL = 200
_PAGE = 64

log_batches = Table(
    "log_batches",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("group_id", BigInteger, nullable=False),
    Column("stream_id", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("ingested", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_log_batches_stream", log_batches.c.stream_id, log_batches.c.first, log_batches.c.id)
Index("ix_log_batches_stream_last", log_batches.c.stream_id, log_batches.c.last, log_batches.c.id)
Index("ix_log_batches_group", log_batches.c.group_id, log_batches.c.first, log_batches.c.id)
Index("ix_log_batches_group_last", log_batches.c.group_id, log_batches.c.last, log_batches.c.id)


class Position(NamedTuple):
    """Where an event stands. Sorts by time, then by arrival."""

    time: int
    batch: int
    place: int


BEGINNING = Position(-1, 0, 0)
END = Position(2**62, 2**62, 0)


@dataclass(frozen=True, slots=True)
class Event:
    """One event as stored. ``lines`` is how many were looked at for it: itself and those left out beside it."""

    position: Position
    message: str
    ingested: int
    stream_id: int
    lines: int = 1


Keep = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Range:
    """Which events: of one stream, of some streams, or of a whole group; ``start`` <= time < ``end``."""

    group_id: int
    stream_ids: Sequence[int] | None = None
    start: int = -1
    end: int = 2**62


def append(
    tx: Connection, stream: Stream, events: Sequence[tuple[int, str]], *, ingested: int, overhead: int
) -> list[Position]:
    """Store events that are in the order of their times; returns their positions.

    ``overhead`` bytes are added to the size of each.
    """
    positions: list[Position] = []
    for part in _parts(events):
        size = sum(len(message.encode("utf-8", "surrogatepass")) for _, message in part) + overhead * len(
            part
        )
        added = tx.execute(
            insert(log_batches).values(
                group_id=stream.group_id,
                stream_id=stream.id,
                first=part[0][0],
                last=part[-1][0],
                ingested=ingested,
                size=size,
                body=_pack(part),
            )
        ).inserted_primary_key
        assert added is not None
        positions += [Position(time, added[0], index) for index, (time, _) in enumerate(part)]
    return positions


def forward(
    tx: Connection, wanted: Range, after: Position = BEGINNING, keep: Keep | None = None
) -> Iterator[Event]:
    """The events after a position, earliest first, read as they are asked for.

    ``keep`` leaves out messages early; the last event of every row comes whether it wants it or not, so that
    the reader knows how far it is.
    """
    floor = max(wanted.start, after.time)
    query = _rows(wanted).where(log_batches.c.first >= floor - SPAN, log_batches.c.last >= floor)
    heap: list[tuple[Position, int, list[Event]]] = []
    last: tuple[int, int] | None = None
    while True:
        page = tx.execute(_page(query, last, descending=False)).all()
        for row in page:
            last = (row.first, row.id)
            yield from _drain(heap, Position(row.first, row.id, -1))
            events = _unpack(row, wanted, lambda p: p > after, keep, always=-1)
            if events:
                heappush(heap, (events[0].position, 0, events))
        if len(page) < _PAGE:
            yield from _drain(heap, END)
            return


def backward(
    tx: Connection, wanted: Range, before: Position = END, keep: Keep | None = None
) -> Iterator[Event]:
    """The events before a position, latest first, read as they are asked for; ``keep`` as in ``forward``."""
    ceiling = min(wanted.end - 1, before.time)
    c = log_batches.c
    query = _rows(wanted).where(c.first <= ceiling, c.last >= wanted.start, c.last <= ceiling + SPAN)
    held: list[tuple[tuple[int, int, int], Event]] = []
    last: tuple[int, int] | None = None
    while True:
        page = tx.execute(_page(query, last, descending=True)).all()
        for row in page:
            last = (row.last, row.id)
            # Rows come by their last time: no event of this row or of a later one precedes what is let go here.
            while held and (-held[0][0][0], -held[0][0][1]) > last:
                yield heappop(held)[1]
            for event in _unpack(row, wanted, lambda p: p < before, keep, always=0):
                p = event.position
                heappush(held, ((-p.time, -p.batch, -p.place), event))
        if len(page) < _PAGE:
            while held:
                yield heappop(held)[1]
            return


def delete_stream(tx: Connection, stream_id: int) -> None:
    """Remove every event of the stream."""
    tx.execute(delete(log_batches).where(log_batches.c.stream_id == stream_id))


def delete_group(tx: Connection, group_id: int) -> None:
    """Remove every event of the group."""
    tx.execute(delete(log_batches).where(log_batches.c.group_id == group_id))


def expire(tx: Connection, group_id: int, before: int, limit: int) -> dict[int, tuple[int, int | None]]:
    """Remove up to ``limit`` rows that end before a time.

    Returns, by stream, the bytes that went and the time of the earliest event that is left.
    """
    old = tx.execute(
        select(log_batches.c.id, log_batches.c.stream_id, log_batches.c.size)
        .where(log_batches.c.group_id == group_id, log_batches.c.first < before, log_batches.c.last < before)
        .order_by(log_batches.c.first, log_batches.c.id)
        .limit(limit)
    ).all()
    if not old:
        return {}
    tx.execute(delete(log_batches).where(log_batches.c.id.in_([row.id for row in old])))
    gone: dict[int, int] = {}
    for row in old:
        gone[row.stream_id] = gone.get(row.stream_id, 0) + row.size
    left = {
        row.stream_id: row.first
        for row in tx.execute(
            select(log_batches.c.stream_id, func.min(log_batches.c.first).label("first"))
            .where(log_batches.c.stream_id.in_(list(gone)))
            .group_by(log_batches.c.stream_id)
        )
    }
    return {stream: (size, left.get(stream)) for stream, size in gone.items()}


def _parts(events: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    part: list[tuple[int, str]] = []
    for event in events:
        if part and (len(part) >= LARGEST or event[0] - part[0][0] > SPAN):
            yield part
            part = []
        part.append(event)
    if part:
        yield part


def _rows(wanted: Range) -> Select[Any]:
    query = select(log_batches).where(log_batches.c.first < wanted.end)
    if wanted.stream_ids is None:
        return query.where(log_batches.c.group_id == wanted.group_id)
    if len(wanted.stream_ids) == 1:
        return query.where(log_batches.c.stream_id == wanted.stream_ids[0])
    return query.where(
        log_batches.c.group_id == wanted.group_id, log_batches.c.stream_id.in_(list(wanted.stream_ids))
    )


def _page(query: Select[Any], last: tuple[int, int] | None, *, descending: bool) -> Select[Any]:
    """The next rows, by first time upwards or by last time downwards."""
    row = log_batches.c.id
    time = log_batches.c.last if descending else log_batches.c.first
    if last is not None:
        if descending:
            query = query.where(time <= last[0], or_(time < last[0], row < last[1]))
        else:
            query = query.where(time >= last[0], or_(time > last[0], row > last[1]))
    order = (time.desc(), row.desc()) if descending else (time, row)
    return query.order_by(*order).limit(_PAGE)


def _drain(heap: list[tuple[Position, int, list[Event]]], until: Position) -> Iterator[Event]:
    """Merge what is open as far as ``until``, which no row that is still to come can precede."""
    while heap and heap[0][0] < until:
        _, index, events = heappop(heap)
        yield events[index]
        if index + 1 < len(events):
            heappush(heap, (events[index + 1].position, index + 1, events))


def _pack(events: list[tuple[int, str]]) -> bytes:
    try:
        text = orjson.dumps(events)
    except TypeError:
        # Lone surrogates are not text that a client could have sent; keep the rest of the line.
        text = orjson.dumps([(t, m.encode("utf-8", "replace").decode()) for t, m in events])
    return b"j" + text if len(text) < _SMALL else b"z" + zlib.compress(text, 1)


def _unpack(
    row: Any, wanted: Range, within: Callable[[Position], bool], keep: Keep | None, *, always: int
) -> list[Event]:
    """The row's events in range that are wanted, and the one at the index ``always`` of those in range."""
    body = bytes(row.body)
    text = body[1:] if body[:1] == b"j" else zlib.decompress(body[1:])
    lines = [
        (position, message)
        for place, (time, message) in enumerate(orjson.loads(text))
        if wanted.start <= time < wanted.end and within(position := Position(time, row.id, place))
    ]
    if not lines:
        return []
    if keep is not None:
        marker = lines[always]
        chosen = [line for line in lines if line is marker or keep(line[1])]
    else:
        chosen = lines
    left_out = len(lines) - len(chosen)
    return [
        Event(position, message, row.ingested, row.stream_id, 1 if number else 1 + left_out)
        for number, (position, message) in enumerate(chosen)
    ]
