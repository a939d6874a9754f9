"""What is wrong with a script in Spark's words: columns that are nowhere, set operations of unlike width, sums of sums.

Only what is certain: a name that nothing in the plan has. All else is for Spark to say. Owns no state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_MISSING = re.compile(r"attribute ObjectName\(\[(.*?)\]\) is missing from the schema")
_PART = re.compile(r'Identifier\("((?:[^"\\]|\\.)*)"\)')
_WIDTHS = re.compile(
    r"(\w+) queries have different number of columns: left has (\d+) columns whereas right has (\d+)"
)
_NESTED = "Aggregate function calls cannot be nested"
_SHOWN = 5


def told(text: str, plan: Any) -> Exception | None:
    """Spark's exception for an engine's message; None where Spark may answer."""
    from pyspark.errors import AnalysisException

    missing = _MISSING.search(text)
    if missing is not None:
        said = None if plan is None else _unresolved(_PART.findall(missing[1]), plan)
        return None if said is None else AnalysisException(said)
    widths = _WIDTHS.search(text)
    if widths is not None:
        return AnalysisException(
            f"[NUM_COLUMNS_MISMATCH] {widths[1]} can only be performed on inputs with the same number of columns, "
            f"but the first input has {widths[2]} columns and the second input has {widths[3]} columns."
        )
    if _NESTED in text:
        return AnalysisException(
            "[NESTED_AGGREGATE_FUNCTION] It is not allowed to use an aggregate function in the argument of another "
            "aggregate function. Please use the inner aggregate function in a sub-query."
        )
    return None


def _unresolved(parts: list[str], plan: Any) -> str | None:
    """Spark's message for a column that nothing has."""
    schemas, others = _names(plan)
    # Behind a map any name may stand.
    if (
        not parts
        or not schemas
        or parts[-1].lower() in {*map(str.lower, schemas), *others}
        or (len(parts) > 1 and "map" in others)
    ):
        return None
    return unresolved(parts, schemas)


def unresolved(parts: list[str], columns: list[str]) -> str:
    """Spark's message for a name that is none of these columns."""
    shown = ".".join(f"`{part}`" for part in parts)
    near = sorted(dict.fromkeys(columns), key=lambda name: _distance(f"`{name}`", ".".join(parts)))[:_SHOWN]
    listed = ", ".join(f"`{name}`" for name in near)
    return (
        f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name {shown} cannot be resolved. "
        f"Did you mean one of the following? [{listed}]."
    )


def _names(plan: Any) -> tuple[list[str], set[str]]:
    """The columns of all that the plan reads, and in lower case whatever else may be a name in it."""
    import json

    columns: list[str] = []
    others: set[str] = set()
    for message, name, value in _strings(plan):
        if name in ("unparsed_identifier", "function_name"):
            continue
        if name == "schema" and value.startswith("{"):
            columns += [field["name"] for field in json.loads(value)["fields"]]
            others |= {word.lower() for word in re.findall(r"\w+", value)}
        elif message in ("SQL", "ExpressionString"):
            others |= _aliases(value)
        else:
            others |= {value.lower(), *(word.lower() for word in re.findall(r"\w+", value))}
    return columns, others


def _aliases(text: str) -> set[str]:
    """The names that a text gives, in lower case."""
    import sqlglot
    from sqlglot import exp

    try:
        parsed = sqlglot.parse_one(text, read="spark")
    except sqlglot.errors.SqlglotError:
        return {word.lower() for word in re.findall(r"\w+", text)}
    found = {alias.alias.lower() for alias in parsed.find_all(exp.Alias)}
    for alias in parsed.find_all(exp.Aliases, exp.TableAlias, exp.Lambda):
        found |= {each.name.lower() for each in alias.find_all(exp.Identifier)}
    return found | {each.name.lower() for each in parsed.find_all(exp.PropertyEQ, exp.Literal) if each.name}


def _strings(message: Any) -> Iterator[tuple[str, str, str]]:
    """(message, field, value) of all texts in a plan."""
    kind = message.DESCRIPTOR.name
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for item in value.values():
                yield from _strings(item) if hasattr(item, "DESCRIPTOR") else [(kind, field.name, str(item))]
            continue
        for item in list(value) if field.is_repeated else [value]:
            if isinstance(item, str):
                yield kind, field.name, item
            elif hasattr(item, "DESCRIPTOR"):
                yield from _strings(item)


def _distance(one: str, other: str) -> int:
    """Levenshtein's."""
    row = list(range(len(other) + 1))
    for at, sign in enumerate(one, 1):
        before, row[0] = row[0], at
        for place, letter in enumerate(other, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (sign != letter)),
            )
    return row[-1]
