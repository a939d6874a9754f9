"""CloudWatch Logs filter patterns: terms, ``{ JSON }`` and ``[space-delimited]``. Pure; owns no state."""

from __future__ import annotations

from mastic.aws.logs.patterns import fields, json, text
from mastic.aws.logs.patterns.conditions import InvalidPattern, Pattern

__all__ = ["InvalidPattern", "Pattern", "compile_pattern"]


def compile_pattern(source: str) -> Pattern:
    """The matcher for a filter pattern. An empty one matches everything.

    Raises InvalidPattern.
    """
    stripped = source.strip()
    if stripped.startswith("{"):
        return json.compile_pattern(stripped)
    if stripped.startswith("["):
        return fields.compile_pattern(stripped)
    return text.compile_pattern(stripped)
