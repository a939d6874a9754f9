"""Which columns of the relations below a plan can mean: names only, rather too many than one too few. No state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect import proto

# Relations that show their input's columns; and those that show only what their expressions say.
_SHOWING = frozenset(
    {"filter", "sort", "limit", "offset", "sample", "subquery_alias", "hint", "with_columns", "join"}
)
_CLOSED = frozenset({"project", "aggregate"})
EVERY = "*"
_WORD = re.compile(r"\w+")


def needed_below(relation: Any, kind: str, needed: frozenset[str] | None) -> frozenset[str] | None:
    """Lower-case names that this relation and all above it mention, EVERY when any column may be asked for; None
    when that is all that is known."""
    if kind not in _SHOWING and kind not in _CLOSED:
        return None
    above = frozenset({EVERY}) if needed is None else needed
    own = _mentioned(getattr(relation, kind))
    if own is None:
        own = frozenset({EVERY})
    if kind == "join":
        own |= {name.lower() for name in relation.join.using_columns}
    # What is above a projection may still mean by name what the projection leaves out.
    return (above - {EVERY} if kind in _CLOSED else above) | own


def columns_of(needed: frozenset[str] | None) -> frozenset[str] | None:
    """The names alone; None when any column may be asked for."""
    return None if needed is None or EVERY in needed else needed


def _mentioned(body: Any) -> frozenset[str] | None:
    found: set[str] = set()
    for expression in _expressions(body):
        kind = expression.WhichOneof("expr_type")
        if kind in (
            "unresolved_star",
            "unresolved_regex",
            "subquery_expression",
            "direct_shuffle_partition_id",
        ):
            return None
        if kind == "unresolved_attribute":
            text = expression.unresolved_attribute.unparsed_identifier
        elif kind == "expression_string":
            text = expression.expression_string.expression
            if "*" in text:
                return None
        else:
            continue
        if "``" in text:
            return None
        # Names may hold anything: they stand whole, between dots, or between back-ticks.
        found.update(part.lower() for part in (text, *text.split("."), *text.split("`")))
        found.update(word.lower() for word in _WORD.findall(text))
    return frozenset(found)


def _expressions(message: Any) -> Iterator[Any]:
    """All expressions of a relation itself, nested ones too."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in list(value) if field.is_repeated else [value]:
            if isinstance(item, proto.Relation):
                continue
            if isinstance(item, proto.Expression):
                yield item
            yield from _expressions(item)
