"""to_json and to_csv: the engine writes doubles, decimals and times otherwise than Spark, and knows few options.

So they are served of what is certain to hold nothing of the kind. Pure functions.
"""

from __future__ import annotations

import re
from typing import Any

from awsglue._runtime.exact.sql_types import Types, type_of
from awsglue._runtime.failures import EngineRefused

NAMES = frozenset({"to_json", "to_csv"})
# A type's name, not a field's.
_UNLIKE = re.compile(r"\b(double|float|decimal|timestamp|timestamp_ntz|interval|variant)\b(?!:)")


def check_call(name: str, kinds: list[str]) -> None:
    """Raise EngineRefused for a call of a plan, by the types of its arguments."""
    if name not in NAMES:
        return
    if len(kinds) != 1:
        raise EngineRefused(f"{name}() with options")
    found = _UNLIKE.search(kinds[0])
    if found:
        raise EngineRefused(f"{name}() of {found[1]} values", "they would be written differently")


def check_text(parsed: Any, types: Types) -> None:
    """Raise EngineRefused for the calls of a statement that are not certain to be alike."""
    from sqlglot import exp

    for node in parsed.find_all(exp.JSONFormat, exp.Anonymous):
        if isinstance(node, exp.JSONFormat):
            given = [node.this, *([node.args["options"]] if node.args.get("options") else [])]
            name = "to_json"
        elif node.name.lower() in NAMES:
            given, name = node.expressions, node.name.lower()
        else:
            continue
        if len(given) != 1:
            raise EngineRefused(f"{name}() with options")
        if not _alike(given[0], types):
            raise EngineRefused(
                f"{name}() of what may be doubles, decimals or times in SQL",
                "they would be written differently",
            )


def _alike(node: Any, types: Types) -> bool:
    from sqlglot import exp

    match node:
        case exp.Struct() | exp.Array():
            return all(_alike(each, types) for each in node.expressions)
        case exp.PropertyEQ():
            return _alike(node.expression, types)
        case exp.VarMap():
            return _alike(node.args["keys"], types) and _alike(node.args["values"], types)
        case exp.Alias() | exp.Paren() | exp.ArrayAgg() | exp.ArrayUniqueAgg():
            return _alike(node.this, types)
        case exp.Null() | exp.Boolean():
            return True
        case exp.Literal():
            return node.is_string or str(node.this).isdigit()
    kind = type_of(node, types)
    return kind is not None and not _UNLIKE.search(kind)
