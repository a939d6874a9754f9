"""get_json_object() as Spark's Jackson answers it, for paths of names and places. Pure functions.

Numbers and nested values are written anew: 2.50 is 2.5, {"a": 1} is {"a":1}. A name that comes twice, or whose value is
null, gives the first that is not null. What is no JSON is null; what Jackson may take and Python does not raises
ValueError, which is a refusal.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from awsglue._runtime.io.texts import java_double

_PATH = re.compile(r"\$(?:\.[A-Za-z_][\w-]*|\['[A-Za-z_][\w .-]*'\]|\[\d{1,9}\])*", re.ASCII)
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']+)'\]|\[(\d+)\]", re.ASCII)
_BLANKS = " \t\r\n"
# What Jackson writes in its own way, and lone halves of pairs, which it does not write.
_ESCAPED = re.compile('["\\\\\x00-\x1f\U00010000-\U0010ffff]')
_HALVES = re.compile("[\ud800-\udfff]")
_NAMED = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_MOST_DIGITS = 300
_NOTHING = object()
Steps = tuple["str | int", ...]


class _Members(list[tuple[str, Any]]):
    """An object's members, in order."""


class _Number(str):
    """A number as it stands in the text."""


def understood(path: str) -> bool:
    """Whether the path is made of names and places only."""
    return _PATH.fullmatch(path) is not None


@lru_cache(maxsize=256)
def steps_of(path: str) -> Steps:
    """The names and places of a path."""
    return tuple(int(at) if at else name or quoted for name, quoted, at in _STEP.findall(path))


def _refused(text: str) -> Any:
    raise ValueError(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members,
    parse_float=_Number,
    parse_int=_Number,
    parse_constant=_refused,
    strict=False,
)


def column(texts: Any, paths: Any) -> Any:
    """found() of a column: pandas' series in, a series out."""
    import pandas

    path = str(paths.iloc[0]) if len(paths) else "$"
    return pandas.Series([found(text if type(text) is str else None, path) for text in texts], dtype=object)


def found(text: str | None, path: str) -> str | None:
    """What is at this place of the text, as text. Raises ValueError where Spark's answer is not known."""
    if text is None:
        return None
    at = 0
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    if at == len(text):
        return None
    if text[at] not in '{["' and text[at:].strip(_BLANKS) not in ("true", "false", "null"):
        return _alone(text[at:].strip(_BLANKS), path)
    try:
        value, _ = _DECODER.raw_decode(text, at)
    except ValueError:
        if "'" in text:
            raise ValueError("? a text with single quotes") from None
        return None
    except RecursionError:
        raise ValueError("? a text that is nested too deep") from None
    answer = _at(value, steps_of(path))
    return None if answer is _NOTHING else str(answer)


def _alone(text: str, path: str) -> str | None:
    """A number alone; all else that begins so is no JSON, or not known."""
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?", text, re.ASCII):
        return None if steps_of(path) else _written(_Number(text))
    if steps_of(path) and text[:1].isalpha() and text.isascii():
        return None
    raise ValueError("? a text that is no object")


def _at(value: Any, steps: Steps) -> Any:
    if not steps:
        if isinstance(value, str) and not isinstance(value, _Number):
            return _whole(value)
        return _written(value)
    step, left = steps[0], steps[1:]
    if isinstance(step, int):
        if type(value) is not list or step >= len(value):
            return _NOTHING
        return _at(value[step], left)
    if not isinstance(value, _Members):
        return _NOTHING
    for name, member in value:
        if name == step and member is not None:
            answer = _at(member, left)
            if answer is not _NOTHING:
                return answer
    return _NOTHING


def _written(value: Any) -> str:
    """A value as Jackson writes it."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, _Number):
        return _number(value)
    if isinstance(value, str):
        return f'"{_ESCAPED.sub(_escape, _whole(value))}"'
    if isinstance(value, _Members):
        return "{" + ",".join(f"{_written(name)}:{_written(member)}" for name, member in value) + "}"
    return "[" + ",".join(_written(each) for each in value) + "]"


def _number(text: str) -> str:
    if len(text) > _MOST_DIGITS:
        raise ValueError("? a number of so many digits")
    if text.lstrip("-").isdigit():
        return str(int(text))
    value = float(text)
    if 1e-3 <= abs(value) < 1e7:
        # Both write these alike.
        return repr(value)
    if value in (float("inf"), float("-inf")):
        raise ValueError("? a number without a place")
    return java_double(value)


def _whole(text: str) -> str:
    if not text.isascii() and _HALVES.search(text):
        raise ValueError("? half a character")
    return text


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    if sign in _NAMED:
        return _NAMED[sign]
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04X}" for at in range(0, len(units), 2))
