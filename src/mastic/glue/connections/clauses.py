"""FilterPredicate and OrderBy of GetEntityRecords: read as SQL, checked for what they may hold, written anew.

A predicate is made of comparisons of fields with literals, IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT. Owns no state.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from mastic.errors import invalid_input

_ALLOWED = (
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Boolean,
    exp.Null,
    exp.Paren,
    exp.And,
    exp.Or,
    exp.Not,
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.In,
    exp.Between,
    exp.Like,
    exp.Is,
    exp.Neg,
    exp.Cast,
    exp.DataType,
)
_TEMPORAL = (exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPTZ)
LONGEST = 10_000


def where(predicate: str | None, names: Mapping[str, str], dialect: str) -> str:
    """The WHERE clause, or nothing. ``names``: the fields' spellings by their folded names.

    Raises InvalidInputException saying what is wrong.
    """
    if not predicate or not predicate.strip():
        return ""
    if len(predicate) > LONGEST:
        raise invalid_input(f"FilterPredicate is longer than {LONGEST} characters")
    return " WHERE " + _written(_read(predicate, "FilterPredicate"), names, dialect, "FilterPredicate")


def order(given: str | None, names: Mapping[str, str], default: list[str], dialect: str) -> str:
    """The ORDER BY clause: ``field [ASC|DESC], …``, else by the fields of ``default``."""
    wanted = [(name, "") for name in default]
    if given and given.strip():
        parts = [part.split() for part in given.split(",")]
        if any(len(part) not in (1, 2) for part in parts):
            raise invalid_input("OrderBy is a list of fields, each with ASC or DESC behind it or nothing")
        wanted = [(part[0].strip('"`'), part[1].upper() if len(part) > 1 else "") for part in parts]
    keys = []
    for name, direction in wanted:
        if direction not in ("", "ASC", "DESC"):
            raise invalid_input(f"OrderBy: {direction} is neither ASC nor DESC")
        quoted = exp.to_identifier(_spelt(name, names, "OrderBy"), quoted=True).sql(dialect)
        keys.append(f"{quoted} {direction}".strip())
    return f" ORDER BY {', '.join(keys)}" if keys else ""


def _read(text: str, member: str) -> exp.Condition:
    try:
        return parse_one(text, into=exp.Condition, read="postgres")
    except (SqlglotError, RecursionError) as error:
        reason = str(error).split("\n", 1)[0]
        raise invalid_input(f"{member} cannot be read: {reason}") from None


def _written(tree: exp.Condition, names: Mapping[str, str], dialect: str, member: str) -> str:
    for node in tree.walk():
        temporal = not isinstance(node, exp.Cast) or (
            isinstance(node.this, exp.Literal) and node.to.this in _TEMPORAL
        )
        if (
            not isinstance(node, _ALLOWED)
            or not temporal
            or (isinstance(node, exp.In) and node.args.get("query"))
        ):
            raise invalid_input(f"{member}: {node.sql()[:100]} is not supported")
        if isinstance(node, exp.Column):
            if node.table:
                raise invalid_input(f"{member}: {node.sql()[:100]} is not a field")
            node.set("this", exp.to_identifier(_spelt(node.name, names, member), quoted=True))
    return tree.sql(dialect)


def _spelt(name: str, names: Mapping[str, str], member: str) -> str:
    if name.lower() not in names:
        raise invalid_input(f"{member}: the entity has no field {name}")
    return names[name.lower()]
