"""CSV files as blocks of columns: the plain parts through pyarrow's parser, the rest field by field.

A chunk of whole lines is plain when a regular expression proves that Spark's parser and pyarrow's see the same fields
in it: no escapes, no empty quotes, quotes only around whole fields. Everything else takes the exact, slower way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime.io import decoding
from awsglue._runtime.io.csv_lines import EMPTY, Fields, records, split_line
from awsglue._runtime.io.csv_options import CsvOptions

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
    if _may_be_plain(options):
        yield from _chunked(pieces, options, width, header)
        return
    rows = list_rows(pieces, options)
    if header:
        next(rows, None)
    yield from _from_rows(rows, options, width)


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


def _may_be_plain(options: CsvOptions) -> bool:
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


def _plain_pattern(options: CsvOptions) -> re.Pattern[bytes]:
    sep = re.escape(options.sep.encode())
    if not options.quote:
        return re.compile(rb"(?:[^\r\n]*+\r?\n)*+")
    one = rb'(?:"[^"\\\r\n]++"|[^"\r\n' + sep + rb"]*+)"
    return re.compile(rb"(?:" + one + rb"(?:" + sep + one + rb")*+\r?\n)*+")


def _chunked(pieces: Iterator[bytes], options: CsvOptions, width: int, header: bool) -> Iterator[Block]:
    pattern = _plain_pattern(options)
    first = True
    for chunk in _line_chunks(pieces):
        if first:
            first = False
            chunk = chunk.removeprefix(_BOM)
            if header:
                chunk, header = _without_header(chunk)
                first = header
        if not chunk:
            continue
        block = _plain(chunk, options, width, pattern)
        if block is not None:
            yield block
            continue
        yield from _from_rows(list_rows(iter([chunk]), options), options, width)


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


def _plain(chunk: bytes, options: CsvOptions, width: int, pattern: re.Pattern[bytes]) -> Block | None:
    """The chunk by pyarrow's parser, or None when that might differ from Spark's."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as csv

    match = pattern.match(chunk)
    if match is None or match.end() != len(chunk) or _BLANK_LINE.search(chunk):
        return None
    names = [str(position) for position in range(width)]
    try:
        table = csv.read_csv(
            pa.py_buffer(chunk),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(chunk) + 1),
            parse_options=csv.ParseOptions(
                delimiter=options.sep,
                quote_char='"' if options.quote else False,
                double_quote=False,
                escape_char=False,
            ),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False, check_utf8=True
            ),
        )
    except pa.ArrowInvalid:
        # Rows of different lengths, or bytes that are no UTF-8.
        return None
    columns = []
    for column in table.columns:
        whole = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
        columns.append(pc.if_else(pc.equal(whole, ""), pa.scalar(None, pa.string()), whole))
    return Block(columns=columns, count=table.num_rows, _raw=lambda: _lines(chunk))


def _lines(chunk: bytes) -> list[str]:
    return [line for line in chunk.decode().replace("\r\n", "\n").split("\n") if line]


def _from_rows(rows: Iterator[tuple[Fields, str]], options: CsvOptions, width: int) -> Iterator[Block]:
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
