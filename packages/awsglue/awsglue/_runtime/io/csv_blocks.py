"""CSV files as blocks of columns: the plain parts through pyarrow's parser, the rest field by field.

A chunk of whole lines is plain when a look at its quotes and line ends proves that Spark's parser and pyarrow's see
the same fields in it: no escapes, no empty quotes, quotes only around whole fields. Everything else takes the exact,
slower way. Chunks are parsed side by side, for pyarrow lets other threads go on meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime.io import decoding
from awsglue._runtime.io.csv_lines import EMPTY, Fields, records, split_line
from awsglue._runtime.io.csv_options import CsvOptions
from awsglue._runtime.io.threads import side_by_side

ROWS = 50_000
_BLANK_LINE = re.compile(rb"(?m)^[\x00-\x20]+\r?$")
_BOM = b"\xef\xbb\xbf"


@dataclass(kw_only=True)
class Block:
    """Some records: one string column for each field, the rows that had another number of fields, and raw texts."""

    columns: list[Any]
    count: int
    ragged: set[int] = field(default_factory=set)
    _raw: Any = None

    def raw(self, row: int) -> str:
        """The text of a record, as it stood in the file."""
        lines = self._raw() if callable(self._raw) else self._raw
        self._raw = lines
        return str(lines[row])


def blocks(pieces: Iterator[bytes], options: CsvOptions, width: int, *, header: bool) -> Iterator[Block]:
    """The records of one file, cut or padded to `width` fields."""
    if may_be_plain(options):
        yield from _chunked(pieces, options, width, header)
        return
    rows = list_rows(pieces, options)
    if header:
        next(rows, None)
    yield from from_rows(rows, options, width)


def list_rows(pieces: Iterator[bytes], options: CsvOptions) -> Iterator[tuple[Fields, str]]:
    """(fields, raw text) of each record, header included; blank lines and comments left out."""
    chunks = decoding.text_chunks(pieces, options.encoding)
    if options.multi_line:
        yield from records("".join(chunks), options)
        return
    for lines in decoding.line_blocks(chunks, options.line_separator):
        for line in lines:
            if not line or not line.strip() or (options.comment and line.startswith(options.comment)):
                continue
            yield split_line(line, options), line


def may_be_plain(options: CsvOptions) -> bool:
    """Whether chunks of a file with these options can be plain at all."""
    return (
        not options.multi_line
        and not options.comment
        and not options.line_separator
        and len(options.sep) == 1
        and options.sep.isascii()
        and options.sep not in '\r\n"'
        and options.quote in ('"', "")
        and options.escape in ("\\", '"', "")
        and options.encoding.lower() in ("utf-8", "utf8")
        and not options.trim_left
        and not options.trim_right
    )


def _chunked(pieces: Iterator[bytes], options: CsvOptions, width: int, header: bool) -> Iterator[Block]:
    def parsed(chunk: bytes) -> tuple[bytes, Block | None]:
        return chunk, plain_block(chunk, options, width)

    for chunk, block in side_by_side(parsed, whole_lines(pieces, header)):
        if block is not None:
            yield block
        else:
            yield from from_rows(list_rows(iter([chunk]), options), options, width)


def whole_lines(pieces: Iterator[bytes], header: bool) -> Iterator[bytes]:
    """Chunks of whole lines, from the first record on."""
    first = True
    for chunk in _line_chunks(pieces):
        if first:
            first = False
            chunk = chunk.removeprefix(_BOM)
            if header:
                chunk, header = _without_header(chunk)
                first = header
        if chunk:
            yield chunk


def _without_header(chunk: bytes) -> tuple[bytes, bool]:
    """The chunk without its first line that is not blank; whether that line is still to come."""
    start = 0
    while start < len(chunk):
        match = re.compile(rb"\r\n|\r|\n").search(chunk, start)
        end, after = (match.start(), match.end()) if match else (len(chunk), len(chunk))
        if chunk[start:end].strip(bytes(range(33))):
            return chunk[after:], False
        start = after
    return b"", True


def _line_chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Chunks of whole lines; the last one gets a line end."""
    held = b""
    for piece in pieces:
        text = held + piece
        cut = text.rfind(b"\n") + 1
        if cut:
            yield text[:cut]
        held = text[cut:]
    if held:
        yield held + b"\n"


def plain_block(chunk: bytes, options: CsvOptions, width: int) -> Block | None:
    """The chunk by pyarrow's parser, or None when that might differ from Spark's."""
    import pyarrow as pa

    table = plain_table(chunk, options, width, dict.fromkeys(range(width), pa.string()))
    if table is None:
        return None
    columns = [
        pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
        for column in table.columns
    ]
    return Block(columns=columns, count=table.num_rows, _raw=lambda: _lines(chunk))


def plain_table(chunk: bytes, options: CsvOptions, width: int, types: dict[int, Any]) -> Any:
    """These columns (by position, one at least) of a plain chunk as a table; None when Spark's parser might see other
    fields, or when a value is not plainly of its type."""
    import pyarrow as pa
    import pyarrow.csv as csv

    if not _well_quoted(chunk, options):
        return None
    # With more fields than one, pyarrow refuses a line of blanks by itself, unless blanks are what separates them.
    if (width < 2 or options.sep <= " ") and _BLANK_LINE.search(chunk):
        return None
    try:
        return csv.read_csv(
            pa.py_buffer(chunk),
            read_options=csv.ReadOptions(
                column_names=[str(position) for position in range(width)],
                use_threads=False,
                block_size=len(chunk) + 1,
            ),
            parse_options=csv.ParseOptions(
                delimiter=options.sep,
                quote_char='"' if options.quote else False,
                double_quote=False,
                escape_char=False,
            ),
            convert_options=csv.ConvertOptions(
                column_types={str(position): kind for position, kind in types.items()},
                include_columns=[str(position) for position in types],
                null_values=[""],
                strings_can_be_null=True,
                check_utf8=True,
            ),
        )
    except pa.ArrowInvalid:
        # Rows of different lengths, bytes that are no UTF-8, or values that need a closer look.
        return None


def _well_quoted(chunk: bytes, options: CsvOptions) -> bool:
    """Whether quotes stand around whole fields only, with neither quotes, escapes nor line ends within, and carriage
    returns before line feeds only."""
    import numpy as np

    if b"\r" in chunk and chunk.count(b"\r") != chunk.count(b"\r\n"):
        return False
    if not options.quote or b'"' not in chunk:
        return True
    text = np.frombuffer(chunk, np.uint8)
    marked = text == ord('"')
    marked |= text == ord("\n")
    marks = np.flatnonzero(marked)
    quotes = np.flatnonzero(text[marks] == ord('"'))
    if len(quotes) % 2 or marks[quotes[-1]] + 1 == len(text):
        return False
    # The closing quote is the next mark: no line ends in between.
    if not (quotes[1::2] - quotes[::2] == 1).all():
        return False
    opening, closing = marks[quotes[::2]], marks[quotes[1::2]]
    # A chunk begins where a line does.
    before = np.where(opening == 0, ord("\n"), text[opening - 1])
    after = text[closing + 1]
    separator = ord(options.sep)
    return bool(
        ((closing - opening) > 1).all()
        and ((before == separator) | (before == ord("\n"))).all()
        and ((after == separator) | (after == ord("\n")) | (after == ord("\r"))).all()
        and not (b"\\" in chunk and _any_between(np.flatnonzero(text == ord("\\")), opening, closing))
    )


def _any_between(positions: Any, opening: Any, closing: Any) -> bool:
    """Whether any of these (sorted) lies between one of the pairs."""
    import numpy as np

    return bool((np.searchsorted(positions, opening) != np.searchsorted(positions, closing)).any())


def _lines(chunk: bytes) -> list[str]:
    return [line for line in chunk.decode().replace("\r\n", "\n").split("\n") if line]


def from_rows(rows: Iterator[tuple[Fields, str]], options: CsvOptions, width: int) -> Iterator[Block]:
    """Records that were split field by field, as blocks."""
    held: list[Fields] = []
    raws: list[str] = []
    ragged: set[int] = set()
    for fields, raw in rows:
        if len(fields) != width:
            ragged.add(len(held))
            fields = (fields + [None] * width)[:width]
        held.append(fields)
        raws.append(raw)
        if len(held) >= ROWS:
            yield _block(held, raws, ragged, options, width)
            held, raws, ragged = [], [], set()
    if held:
        yield _block(held, raws, ragged, options, width)


def _block(rows: list[Fields], raws: list[str], ragged: set[int], options: CsvOptions, width: int) -> Block:
    import pyarrow as pa

    columns = []
    for values in zip(*rows, strict=True):
        replaced = [options.empty_value if value == EMPTY else value for value in values]
        columns.append(pa.array(replaced, pa.string()))
    return Block(columns=columns if width else [], count=len(rows), ragged=ragged, _raw=raws)
