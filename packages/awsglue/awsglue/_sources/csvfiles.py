"""CSV files that an engine would read otherwise: with Glue's escaper, or compressed though their names do not say so.

Glue takes the character behind an escaper as it is, within quotes and outside of them, but for `\\n`, `\\r`, `\\t` and
`\\0`, which mean what they mean elsewhere. An engine knows escapes of quotes alone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any

from awsglue._runtime.io.storage import Storage
from awsglue._sources.enginefiles import Dialect, column_names
from awsglue._sources.listing import SourceFile
from awsglue._sources.request import truth
from awsglue._sources.texts import codec_of, lines

# Code points that no text has stand for what an escape means until the fields are told apart.
_MEANT = {"n": ("\ufdd0", "\n"), "r": ("\ufdd1", "\r"), "t": ("\ufdd2", "\t"), "0": ("\ufdd3", "\0")}
_BACK = {ord(held): meant for held, meant in _MEANT.values()}


def needed(files: list[SourceFile], options: dict[str, Any]) -> bool:
    """Whether these files are for this reader."""
    return bool(options.get("escaper")) or any(
        codec_of(one.path, options) != codec_of(one.path, {}) for one in files
    )


def reader(
    files: list[SourceFile], names: list[str] | None
) -> Callable[[Storage, str, dict[str, Any]], Iterator[dict[str, Any] | Exception]]:
    """What reads the records of one file; `names` are those of a catalog table's columns."""
    known = {one.path: one for one in files}

    def records(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
        dialect = Dialect(options)
        header = truth(options.get("withHeader"))
        found = column_names(storage, known[path], options, dialect, names)
        rows = _rows(lines(storage, path, options), dialect)
        if header or truth(options.get("skipFirst")):
            next(rows, None)
        for row in rows:
            yield {name: row[at] if at < len(row) else "" for at, name in enumerate(found)}

    return records


def _rows(texts: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    def parsed(source: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(
            source,
            delimiter=dialect.separator[:1] or ",",
            quotechar=dialect.quote,
            escapechar=dialect.escape,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        )

    marked = _marked(texts, dialect.escape)
    if dialect.multi_line:
        rows = parsed(f"{text}\n" for text in marked)
    else:
        # Line by line: a quote that is never closed ends with its line.
        rows = (row for text in marked for row in parsed(iter([text])))
    for row in rows:
        if row:
            yield [field.translate(_BACK) for field in row] if dialect.escape else row


def _marked(texts: Iterator[str], escape: str | None) -> Iterator[str]:
    if not escape:
        yield from texts
        return
    pair = re.compile(re.escape(escape) + "(.)", re.DOTALL)

    def mark(match: re.Match[str]) -> str:
        return _MEANT[match[1]][0] if match[1] in _MEANT else match[0]

    for text in texts:
        yield pair.sub(mark, text)
