"""CSV text to fields, as Spark's parser sees it.

Spark's own rules, not RFC 4180: the escape character defaults to a backslash, an unescaped quote inside a quoted field
makes the rest of it plain text up to the next delimiter, blanks after a closing quote are dropped. A field is None when
nothing stood there, and EMPTY when an empty pair of quotes did. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from awsglue._runtime.io.csv_options import CsvOptions

# Kept apart from "" until the reader's nullValue and emptyValue have been applied.
EMPTY = "\0<empty>\0"
Fields = list[str | None]


def split_line(line: str, options: CsvOptions) -> Fields:
    """The fields of one line (multiLine off)."""
    sep = options.sep
    if not options.quote or options.quote not in line:
        parts = line.split(sep)
        if options.trim_left or options.trim_right:
            parts = [_trim(part, options) for part in parts]
        return [part or None for part in parts]
    fields, _ = _record(line, 0, options, newline="")
    return fields


def records(text: str, options: CsvOptions) -> Iterator[tuple[Fields, str]]:
    """The records of a whole text (multiLine on), each with its raw text."""
    newline = options.line_separator or _newline_of(text, options)
    index = 0
    while index < len(text):
        if options.comment and text.startswith(options.comment, index):
            end = text.find(newline, index)
            index = len(text) if end < 0 else end + len(newline)
            continue
        if text.startswith(newline, index):
            index += len(newline)
            continue
        fields, end = _record(text, index, options, newline=newline)
        yield fields, text[index:end]
        index = end + len(newline)


def _newline_of(text: str, options: CsvOptions) -> str:
    """The line separator the text itself uses (its first line end outside quotes decides)."""
    inside = False
    for index, char in enumerate(text):
        if char == options.quote:
            inside = not inside
        elif not inside and char in "\r\n":
            return "\r\n" if text.startswith("\r\n", index) else char
    return "\n"


def _trim(value: str, options: CsvOptions) -> str:
    if options.trim_left:
        value = value.lstrip("".join(map(chr, range(33))))
    return value.rstrip("".join(map(chr, range(33)))) if options.trim_right else value


def _record(text: str, index: int, options: CsvOptions, newline: str) -> tuple[Fields, int]:
    sep, quote = options.sep, options.quote
    end_of_text = len(text)
    fields: Fields = []
    while True:
        start = index
        if options.trim_left:
            while start < end_of_text and text[start] <= " " and not _stops(text, start, sep, newline):
                start += 1
        if quote and start < end_of_text and text[start] == quote:
            value, index = _quoted(text, start + 1, options, newline)
            fields.append(value if value != "" else EMPTY)
        else:
            index = _next_stop(text, start, sep, newline)
            value = text[start:index]
            if options.trim_right:
                value = value.rstrip("".join(map(chr, range(33))))
            fields.append(value or None)
        if (
            index < end_of_text
            and text.startswith(sep, index)
            and not (newline and text.startswith(newline, index))
        ):
            index += len(sep)
            continue
        return fields, index


def _stops(text: str, index: int, sep: str, newline: str) -> bool:
    return text.startswith(sep, index) or bool(newline and text.startswith(newline, index))


def _next_stop(text: str, index: int, sep: str, newline: str) -> int:
    end = text.find(sep, index)
    if end < 0:
        end = len(text)
    if newline:
        line_end = text.find(newline, index, end + len(newline))
        if 0 <= line_end < end:
            end = line_end
    return end


def _quoted(text: str, index: int, options: CsvOptions, newline: str) -> tuple[str, int]:
    """A field that began with a quote; `index` is behind that quote. Gives the value and where the delimiter is."""
    sep, quote, escape = options.sep, options.quote, options.escape
    escape_escape = options.effective_escape_escape
    out: list[str] = []
    previous = ""
    size = len(text)
    while index < size:
        char = text[index]
        if previous == quote:
            if _stops(text, index, sep, newline):
                return "".join(out), index
            if char <= " ":
                end = index
                while end < size and text[end] <= " " and not _stops(text, end, sep, newline):
                    end += 1
                if end >= size or _stops(text, end, sep, newline):
                    return "".join(out), end
                return _as_plain_text(text, index, out, options, newline)
        if char not in (quote, escape):
            if previous == quote:
                return _as_plain_text(text, index, out, options, newline)
            if previous == escape and escape:
                out.append(escape)
            end = index
            while end < size and text[end] != quote and text[end] != escape:
                end += 1
            out.append(text[index:end])
            previous = text[end] if end < size else ""
            index = end + 1
            continue
        if char == escape and previous and previous == escape_escape:
            out.append(escape)
            char = ""
        elif previous and previous == escape:
            out.append(quote if char == quote else previous)
            char = "" if char == quote else char
        elif char == quote and previous == quote:
            out.append(quote)
        elif previous == quote:
            return _as_plain_text(text, index, out, options, newline)
        previous = char
        index += 1
    return "".join(out), size


def _as_plain_text(
    text: str, index: int, out: list[str], options: CsvOptions, newline: str
) -> tuple[str, int]:
    """An unescaped quote was met: the field is what is written, quotes and all, up to the next delimiter."""
    end = _next_stop(text, index, options.sep, newline)
    return options.quote + "".join(out) + options.quote + text[index:end], end
