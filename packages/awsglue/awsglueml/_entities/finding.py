"""Entities in texts, and what is made of the texts. Runs where the rows are, on Arrow batches."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awsglueml._entities.types import EntityType

if TYPE_CHECKING:
    import pyarrow as pa

DETECT, REDACT, PARTIAL, HASH = "DETECT", "REDACT", "PARTIAL_REDACT", "SHA256_HASH"


@dataclass(frozen=True, kw_only=True)
class Action:
    """What happens to an entity where it is found."""

    name: str = DETECT
    text: str = "*****"
    char: str = "*"
    pattern: str = ""
    left: int = 0
    right: int = 0

    def apply(self, entity: str) -> str:
        """What stands in the entity's place."""
        if self.name == REDACT:
            return self.text
        if self.name == HASH:
            return hashlib.sha256(entity.encode()).hexdigest()
        if self.name == PARTIAL and self.pattern:
            return re.sub(self.pattern, lambda found: self.char * len(found.group()), entity)
        if self.name == PARTIAL:
            end = max(len(entity) - self.right, 0)
            start = min(self.left, end)
            return entity[:start] + self.char * (end - start) + entity[end:]
        return entity


@dataclass(frozen=True, kw_only=True)
class Search:
    """One entity type in one column."""

    kind: EntityType
    action: Action


@dataclass(frozen=True, kw_only=True)
class Found:
    """One entity."""

    kind: str
    start: int
    end: int
    action: Action


def find(text: str, column: str, searches: list[Search], *, high: bool) -> list[Found]:
    """The entities of a text, from left to right."""
    found = [
        Found(kind=search.kind.name, start=start, end=end, action=search.action)
        for search in searches
        for start, end in search.kind.spans(text, column, high=high)
    ]
    return sorted(found, key=lambda one: (one.start, one.end, one.kind))


def masked(text: str, found: list[Found]) -> str:
    """The text with the entities replaced that an action changes; entities that overlap are replaced as one."""
    merged: list[Found] = []
    for one in found:
        if one.action.name == DETECT:
            continue
        if merged and one.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Found(
                kind=last.kind, start=last.start, end=max(last.end, one.end), action=last.action
            )
        else:
            merged.append(one)
    for one in reversed(merged):
        text = text[: one.start] + one.action.apply(text[one.start : one.end]) + text[one.end :]
    return text


def detecting(plan: dict[int, tuple[str, list[Search]]], *, high: bool) -> Callable[..., Iterator[Any]]:
    """A function over batches: the same columns with entities replaced, and one more with what was found.

    `plan`: by a column's place, its name and what to look for.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        kind = pa.map_(
            pa.string(),
            pa.list_(
                pa.struct(
                    [
                        ("entityType", pa.string()),
                        ("actionUsed", pa.string()),
                        ("start", pa.int32()),
                        ("end", pa.int32()),
                    ]
                )
            ),
        )
        for batch in batches:
            columns = list(batch.columns)
            notes: list[list[tuple[str, list[dict[str, Any]]]]] = [[] for _ in range(batch.num_rows)]
            for place, (name, searches) in plan.items():
                values, changed = columns[place].to_pylist(), False
                for row, value in enumerate(values):
                    found = [] if value is None else find(str(value), name, searches, high=high)
                    if not found:
                        continue
                    notes[row].append((name, [_note(one) for one in found]))
                    if any(one.action.name != DETECT for one in found):
                        values[row], changed = masked(str(value), found), True
                if changed:
                    columns[place] = pa.array(values, type=columns[place].type)
            columns.append(pa.array(notes, type=kind))
            names = [f"c{i}" for i in range(len(columns))]
            yield pa.RecordBatch.from_arrays(columns, names=names)

    return run


def _note(one: Found) -> dict[str, Any]:
    return {"entityType": one.kind, "actionUsed": one.action.name, "start": one.start, "end": one.end}


def counting(plan: dict[int, tuple[str, list[Search]]], *, high: bool) -> Callable[..., Iterator[Any]]:
    """A function over batches: how many rows have an entity of a type in a column, and how many rows there are."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            counts: Counter[tuple[str, str]] = Counter({("", ""): batch.num_rows})
            for place, (name, searches) in plan.items():
                for value in batch.columns[place].to_pylist():
                    if value is not None:
                        kinds = {one.kind for one in find(str(value), name, searches, high=high)}
                        counts.update((name, kind) for kind in kinds)
            columns = [
                pa.array([column for column, _ in counts], type=pa.string()),
                pa.array([kind for _, kind in counts], type=pa.string()),
                pa.array(list(counts.values()), type=pa.int64()),
            ]
            yield pa.RecordBatch.from_arrays(columns, names=["c", "k", "n"])

    return run
