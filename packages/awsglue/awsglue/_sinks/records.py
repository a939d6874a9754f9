"""A frame's rows as records of plain Python values, one at a time, for clients that take them so."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._frames.display import _plain
from awsglue._frames.records import decoded


def records(frame: Encoded) -> Iterator[dict[str, Any]]:
    """Every row; choices as the value that they have."""
    fields = frame.schema.fields
    for row in frame.df.toLocalIterator():
        yield {
            field.name: decoded(_plain(value), field.dataType)
            for field, value in zip(fields, row, strict=True)
        }


def batches(frame: Encoded, size: int) -> Iterator[list[dict[str, Any]]]:
    """The same, several at a time."""
    found = records(frame)
    while batch := list(islice(found, size)):
        yield batch
