"""Checks of the expressions that a script gives as text: selectExpr(), expr(), filter("…"). Owns no state.

They are SQL, so they are judged as SQL is; the types of the columns that they name come from the relation below.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any

from awsglue._runtime.client import plans
from awsglue._runtime.exact import call_texts, exact_calls, lambdas, sql_proof
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql import depth
from awsglue._runtime.sql.sources import replace

TypesOf = Callable[[Any, list[Any]], "list[Any] | None"]
REMEMBERED = 4096


def checked(texts: list[str], child: Any, types_of: TypesOf) -> list[str]:
    """The expressions as the engine is to be given them.

    Raises EngineRefused for what the engine would answer differently, and for what is not understood.
    """
    named = [_names(text) for text in texts]
    # All in one question: a frame of many columns has as many expressions.
    every = tuple(dict.fromkeys(parts for names in named for parts in names))
    types = _types(every, child, types_of)
    out = []
    for text, names in zip(texts, named, strict=True):
        own = types if types is not None else _types(names, child, types_of) or {}
        kinds = tuple((parts[-1], own[parts]) for parts in names if parts in own)
        out.append(_made(text, kinds, exact_calls.ansi()))
    return out


def is_named(text: str) -> bool:
    """Whether the text itself says what its column is called, or is no SQL."""
    from sqlglot import exp

    parsed = _parsed(text)
    return parsed is None or isinstance(parsed.expressions[0], (exp.Alias, exp.Aliases))


# Every analysis of a plan looks at all of its expressions again.
@lru_cache(maxsize=REMEMBERED)
def _names(text: str) -> tuple[tuple[str, ...], ...]:
    """The names, in parts, of the columns whose types could matter."""
    from sqlglot import exp

    parsed = _parsed(text)
    telling = (
        exp.Div,
        exp.Mod,
        exp.Mul,
        exp.Add,
        exp.Sub,
        exp.Neg,
        exp.DPipe,
        exp.Cast,
        exp.TryCast,
        exp.Func,
        exp.Predicate,
    )
    if parsed is None or not parsed.find(*telling):
        return ()
    bound = set(lambdas.bound(parsed))
    found = {
        tuple(part.name for part in column.parts): None
        for column in parsed.find_all(exp.Column)
        if isinstance(column.this, exp.Identifier) and id(column) not in bound
    }
    return tuple(found)


@lru_cache(maxsize=REMEMBERED)
def _made(text: str, types: tuple[tuple[str, str], ...], ansi: bool) -> str:
    """The expression for the engine, where these columns have these types, in a session whose casts fail or not."""
    parsed = _parsed(text)
    if parsed is None:
        if not _closes(text):
            return text  # no engine takes that, and ours says so
        # The engine may understand it, and answer otherwise than Spark.
        raise EngineRefused("this expression", "Spark may understand it, or says what is wrong with it")
    fields = [
        SimpleNamespace(name=name, dataType=SimpleNamespace(simpleString=partial(str, kind)))
        for name, kind in types
    ]
    statement = f"SELECT {text}"
    frames = [SimpleNamespace(schema=SimpleNamespace(fields=fields))]
    changed = replace(statement, sql_proof.check(statement, parsed, frames))
    return call_texts.rewritten(changed, frames).removeprefix("SELECT ")


def _closes(text: str) -> bool:
    """Whether every bracket and quotation mark of a text has its other."""
    import sqlglot
    from sqlglot import TokenType

    closing = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.L_BRACKET: TokenType.R_BRACKET}
    opened: list[TokenType] = []
    try:
        kinds = [token.token_type for token in sqlglot.tokenize(text, read="spark")]
    except sqlglot.errors.SqlglotError:
        return False
    for kind in kinds:
        if kind in closing:
            opened.append(closing[kind])
        elif kind in closing.values() and (not opened or opened.pop() != kind):
            return False
    return not opened


@lru_cache(maxsize=REMEMBERED // 8)
def _parsed(text: str) -> Any:
    """The parsed expression, which nobody changes; None for what is no SQL. Raises TextTooDeep."""
    import sqlglot

    try:
        return depth.parsed(lambda: sqlglot.parse_one(f"SELECT {text}", read="spark"))
    except sqlglot.errors.SqlglotError:
        return None


def _types(
    names: tuple[tuple[str, ...], ...], child: Any, types_of: TypesOf
) -> dict[tuple[str, ...], str] | None:
    """Types of these columns; None when they cannot be told together."""
    if child is None or not names:
        return {}
    found = types_of(child, [plans.attribute(*parts) for parts in names])
    if found is None:
        return None
    return {parts: kind.simpleString() for parts, kind in zip(names, found, strict=True)}
