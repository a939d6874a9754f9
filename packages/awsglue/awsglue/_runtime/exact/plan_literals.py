"""Literals of a plan. Pure functions."""

from __future__ import annotations

from typing import Any


def text_of(expression: Any) -> str | None:
    """A literal as it is written; None for what is none."""
    kind = expression.literal.WhichOneof("literal_type") if expression.HasField("literal") else None
    return (
        str(getattr(expression.literal, kind))
        if kind in ("string", "integer", "long", "double", "short")
        else None
    )


def whole_of(expression: Any) -> int | None:
    """A whole number that is written in the script; None for all else."""
    if not expression.HasField("literal"):
        return None
    kind = expression.literal.WhichOneof("literal_type")
    return int(getattr(expression.literal, kind)) if kind in ("byte", "short", "integer", "long") else None


def is_text(expression: Any, text: str) -> bool:
    """Whether this is just that text."""
    return (
        expression.HasField("literal")
        and expression.literal.HasField("string")
        and (expression.literal.string == text)
    )
