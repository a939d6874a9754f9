"""Parameters of SQL commands (not queries), put into the text as literals."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_NAMED = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)|:([A-Za-z_]\w*)|(\?)")


def inlined(text: str, args: Any) -> str:
    """The text with `:name` and `?` replaced by literals. Raises AnalysisException for a missing one."""
    from pyspark.errors import AnalysisException

    positional = list(args) if isinstance(args, (list, tuple)) else []
    named = dict(args) if isinstance(args, dict) else {}

    def put(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        if match[3]:
            return literal(positional.pop(0)) if positional else "?"
        if match[2] not in named:
            raise AnalysisException(f"[UNBOUND_SQL_PARAMETER] Found the unbound parameter: {match[2]}.")
        return literal(named[match[2]])

    return _NAMED.sub(put, text)


def literal(value: Any) -> str:
    """A Python value as Spark SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Decimal):
        return f"{value}BD"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
