"""JSON files: one record a line, or documents; each record with the types it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from awsglue._runtime.io.storage import Storage
from awsglue._sources.request import truth
from awsglue._sources.texts import lines, read_bytes

_STEP = re.compile(r"\.([^.\[\]]+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\*)|(\d+))\s*\]")


_DECODER = json.JSONDecoder()


class JsonPathError(ValueError):
    """The path is not one that this reader knows."""


def parse_path(path: str) -> list[str | int | None]:
    """The steps of a JSON path: names, positions, None for all elements. Raises JsonPathError."""
    text = path.strip()
    if not text.startswith("$"):
        raise JsonPathError(f"jsonPath {path!r} does not begin with $")
    steps: list[str | int | None] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if not match:
            raise JsonPathError(f"jsonPath {path!r} is not understood from {text[position:]!r} on")
        name, single, double, star, index = match.groups()
        if star or name == "*":
            steps.append(None)
        elif index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else single if single is not None else double)
        position = match.end()
    return steps


def follow(value: Any, steps: list[str | int | None]) -> Iterator[Any]:
    """What the steps lead to."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        items = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        for item in items:
            yield from follow(item, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from follow(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from follow(value[step], rest)


def records(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
    """The records of one file; an exception in place of what cannot be read."""
    steps = parse_path(options["jsonPath"]) if options.get("jsonPath") else []
    multi = truth(options.get("multiLine", options.get("multiline")))
    if multi or steps:
        yield from _documents(read_bytes(storage, path, options), steps, path)
        return
    for text in lines(storage, path, options):
        if text.strip():
            yield from _line(text, path)


def _line(text: str, path: str) -> Iterator[dict[str, Any] | Exception]:
    found, rest = [], text.strip()
    try:
        # Several documents may stand in one line, as streams write them that know no lines.
        while rest:
            value, end = _DECODER.raw_decode(rest)
            found.append(value)
            rest = rest[end:].lstrip()
            if rest and not (isinstance(value, dict) and rest[0] == "{"):
                raise ValueError(f"Extra data: {rest[:20]!r}")
    except ValueError as error:
        yield ValueError(f"Unable to parse json in {path}: {error}: {text[:200]}")
        return
    for value in found:
        yield from _flat(value, path)


def _documents(raw: bytes, steps: list[str | int | None], path: str) -> Iterator[dict[str, Any] | Exception]:
    """One document after another: an object, or an array of objects, however it is laid out."""
    decoder = json.JSONDecoder()
    text = raw.decode("utf-8-sig", errors="replace")
    position = 0
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if position >= len(text):
            return
        try:
            value, position = decoder.raw_decode(text, position)
        except ValueError as error:
            yield ValueError(f"Unable to parse json in {path}: {error}")
            return
        for found in follow(value, steps):
            yield from _flat(found, path)


def _flat(value: Any, path: str) -> Iterator[dict[str, Any] | Exception]:
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _flat(item, path)
    else:
        yield ValueError(f"Unable to parse json in {path}: {json.dumps(value)[:200]} is not a record")
