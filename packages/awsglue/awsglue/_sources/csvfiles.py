"""CSV files that an engine would read otherwise: with Glue's escaper, or compressed though their names do not say so.

Glue takes the character behind an escaper as it is, within quotes and outside of them, but for `\\n`, `\\r`, `\\t` and
`\\0`, which mean what they mean elsewhere. An engine knows escapes of quotes alone.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from typing import Any

from awsglue import gluetypes as g
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


class Reader:
    """Reads the records of a source's files, one by one; `names` are those of a catalog table's columns.

    Owns what columns have been found, those of files without records, too.
    """

    def __init__(self, files: list[SourceFile], names: list[str] | None) -> None:
        self._files = {one.path: one for one in files}
        self._names = names
        # In the order in which they came.
        self._found: dict[str, None] = {}

    def __call__(
        self, storage: Storage, path: str, options: dict[str, Any]
    ) -> Iterator[dict[str, Any] | Exception]:
        """The records of one file."""
        dialect = Dialect(options)
        header = truth(options.get("withHeader"))
        found = column_names(storage, self._files[path], options, dialect, self._names)
        self._found.update(dict.fromkeys(found))
        rows = _rows(lines(storage, path, options), dialect)
        if header or truth(options.get("skipFirst")):
            next(rows, None)
        for row in rows:
            yield {name: row[at] if at < len(row) else "" for at, name in enumerate(found)}

    @property
    def schema(self) -> g.StructType:
        """The columns of the files that have been read, and those of their folders."""
        folders = {name: None for one in self._files.values() for name, _ in one.partition}
        names = {**self._found, **folders} if self._found else {}
        return g.StructType([g.Field(name, g.StringType()) for name in names])


def _rows(texts: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    # A field may be as long as its file.
    csv.field_size_limit(sys.maxsize)

    def parsed(source: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(
            source,
            delimiter=dialect.separator[:1] or ",",
            quotechar=dialect.quote,
            escapechar=dialect.escape,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        )

    marked = _marked(texts, dialect)
    if dialect.multi_line:
        rows = parsed(f"{text}\n" for text in marked)
    else:
        # Line by line: a quote that is never closed ends with its line.
        rows = (row for text in marked for row in parsed(iter([text])))
    for row in rows:
        if row:
            yield [field.translate(_BACK) for field in row] if dialect.escape else row


def _marked(texts: Iterator[str], dialect: Dialect) -> Iterator[str]:
    escape = dialect.escape
    if not escape:
        yield from texts
        return
    twice = escape * 2
    pair = re.compile(re.escape(escape) + r"(.|\Z)", re.DOTALL)

    def mark(match: re.Match[str]) -> str:
        if not match[1] and not dialect.multi_line:
            # Nothing is behind it: it stands for itself.
            return twice
        return _MEANT[match[1]][0] if match[1] in _MEANT else match[0]

    for text in texts:
        yield pair.sub(mark, text)
