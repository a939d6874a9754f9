"""What a script uses to read its own arguments, and small functions of AWS's module of the same name.

Nothing here needs an engine: scripts of Python shell jobs import it too.
"""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

_BOOKMARK_CHOICES = ("job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable")
_CONTINUATION_CHOICES = ("continuation-enabled", "continuation-readonly", "continuation-ignore")
_FROM_CONTINUATION = {
    "continuation-enabled": "job-bookmark-enable",
    "continuation-readonly": "job-bookmark-pause",
    "continuation-ignore": "job-bookmark-disable",
}
_BOOKMARK = "job-bookmark-option"
_CONTINUATION = "continuation-option"
_RANGE = ("job-bookmark-from", "job-bookmark-to")
_TEMPORARY = ("TempDir", "RedshiftTempDir")
_RESERVED = (
    _CONTINUATION,
    _BOOKMARK,
    *_RANGE,
    "JOB_ID",
    "JOB_RUN_ID",
    "SECURITY_CONFIGURATION",
    "encryption-type",
    "enable-data-lineage",
)


class GlueArgumentError(Exception):
    """The job's arguments do not satisfy what the script asks for."""


class GlueArgumentParser(argparse.ArgumentParser):
    """argparse that raises GlueArgumentError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: list[str], options: list[str], allow_abbrev: bool = False) -> dict[str, Any]:
    """The values of `options` (names without dashes) in `args` (sys.argv: its first element is skipped).

    Accepts `--name value` and `--name=value`; arguments nobody asked for are ignored. Dashes in a name become
    underscores in the result's keys. The reserved arguments are always in the result, None when absent.

    Raises GlueArgumentError when an option is missing or a value is not allowed; RuntimeError for reserved names and
    for bookmark options that contradict each other.
    """
    used = [name for name in options if name.lstrip("-") in _RESERVED]
    if used:
        raise RuntimeError(f"Using reserved arguments {used}")
    parser = _parser(options, allow_abbrev)
    known, _ = parser.parse_known_args(args[1:])
    values = vars(known)
    _settle_bookmark(values, _given(args[1:]))
    values[_TEMPORARY[0]] = values["TempDir"] or values["RedshiftTempDir"]
    values[_TEMPORARY[1]] = values["TempDir"]
    return values


def _parser(options: list[str], allow_abbrev: bool) -> GlueArgumentParser:
    parser = GlueArgumentParser(allow_abbrev=allow_abbrev, add_help=False, prog="job")
    parser.add_argument(f"--{_BOOKMARK}", choices=_BOOKMARK_CHOICES, required=False)
    parser.add_argument(f"--{_CONTINUATION}", choices=_CONTINUATION_CHOICES, required=False)
    for name in (*_RANGE, "JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION"):
        parser.add_argument(f"--{name}", required=False)
    parser.add_argument("--encryption-type", choices=("sse-s3",), required=False)
    parser.add_argument("--enable-data-lineage", required=False, nargs="?", const="true")
    for name in _TEMPORARY:
        parser.add_argument(f"--{name}", required=False)
    asked = dict.fromkeys(option for option in options if option not in _TEMPORARY)
    for option in asked:
        parser.add_argument(f"--{option}", required=True)
    return parser


def _given(arguments: list[str]) -> set[str]:
    return {argument[2:].split("=", 1)[0] for argument in arguments if argument.startswith("--")}


def _settle_bookmark(values: dict[str, Any], given: set[str]) -> None:
    """Fill in the bookmark option and check it against the range options."""
    continuation = values.pop("continuation_option")
    if values["job_bookmark_option"] is None:
        values["job_bookmark_option"] = _FROM_CONTINUATION.get(continuation, "job-bookmark-disable")
    ranges = [name for name in _RANGE if name in given]
    if values["job_bookmark_option"] == "job-bookmark-pause":
        if len(ranges) == 1 or any(not values[name.replace("-", "_")] for name in ranges):
            missing = [name for name in _RANGE if not values[name.replace("-", "_")]]
            raise RuntimeError(f"Missing option or value for {' '.join('--' + name for name in missing)}")
    elif ranges:
        raise RuntimeError(
            f"Invalid option(s) {' '.join('--' + name for name in ranges)}: "
            "they are for --job-bookmark-option job-bookmark-pause"
        )


def makeOptions(sc: Any, py_obj: dict[str, Any] | str) -> dict[str, Any]:
    """Connection or format options as a dictionary, from a dictionary or a JSON text."""
    if isinstance(py_obj, dict):
        return dict(py_obj)
    if isinstance(py_obj, str):
        import json

        value = json.loads(py_obj)
        if isinstance(value, dict):
            return value
    raise TypeError(f"Unexpected type {type(py_obj)} in makeOptions")


def callsite() -> str:
    """Where in the user's script the library was called from."""
    own = __file__.rsplit("utils.py", 1)[0]
    for frame in reversed(traceback.extract_stack()):
        if not frame.filename.startswith(own):
            return f'"{frame.filename}", line {frame.lineno}, in {frame.name}'
    return ""


def itervalues(d: dict[Any, Any], **kw: Any) -> Iterator[Any]:
    return iter(d.values(**kw))


def iteritems(d: dict[Any, Any], **kw: Any) -> Iterator[Any]:
    return iter(d.items(**kw))


def iterkeys(d: dict[Any, Any], **kw: Any) -> Iterable[Any]:
    return iter(d.keys(**kw))
