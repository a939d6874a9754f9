"""Checks of the expressions that a script gives as text: selectExpr(), expr(), filter("…"). Owns no state.

They are SQL, so they are judged as SQL is; the types of the columns that they name come from the relation below.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from awsglue._runtime.sail import plans, sql_proof
from awsglue._runtime.sql.sources import replace


def checked(text: str, child: Any, types_of: Callable[[Any, list[Any]], list[Any] | None]) -> str:
    """The expression as the engine is to be given it. What is no SQL, the engine refuses itself.

    Raises EngineRefused for what the engine would answer differently.
    """
    import sqlglot
    from sqlglot import exp

    statement = f"SELECT {text}"
    try:
        parsed = sqlglot.parse_one(statement, read="spark")
    except sqlglot.errors.SqlglotError:
        return text
    named = {
        tuple(part.name for part in column.parts): column.name
        for column in parsed.find_all(exp.Column)
        if isinstance(column.this, exp.Identifier)
    }
    fields: list[Any] = []
    if (
        child is not None
        and named
        and parsed.find(
            exp.Div, exp.Mod, exp.Mul, exp.Add, exp.Sub, exp.Neg, exp.DPipe, exp.Cast, exp.TryCast, exp.Func
        )
    ):
        types = types_of(child, [plans.attribute(*parts) for parts in named]) or []
        fields = [
            SimpleNamespace(name=name, dataType=type)
            for name, type in zip(named.values(), types, strict=False)
        ]
    changes = sql_proof.check(statement, parsed, [SimpleNamespace(schema=SimpleNamespace(fields=fields))])
    return replace(statement, changes).removeprefix("SELECT ") if changes else text
