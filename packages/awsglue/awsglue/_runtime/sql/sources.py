"""Table references in SQL text: found by parsing, replaced in place, so that the rest of the text stays as written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.sql import depth

Replacement = tuple[int, int, str]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One table reference: its name parts, where it stands in the text, its alias and its time travel."""

    parts: list[str]
    start: int
    end: int
    aliased: bool
    version: Any = None


def parse(text: str) -> list[Any]:
    """The statements of a text. Raises ParseException, or EngineRefused where Spark can be asked."""
    import logging

    import sqlglot
    from pyspark.errors import ParseException
    from sqlglot.errors import SqlglotError

    from awsglue._runtime.engine import SAIL, installed
    from awsglue._runtime.failures import EngineRefused

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        if installed() == SAIL:
            found = depth.parsed(lambda: sqlglot.parse(text, read="spark"))
        else:
            found = sqlglot.parse(text, read="spark")
        return [item for item in found if item is not None]
    except (SqlglotError, IndexError, ValueError) as error:
        if installed() == SAIL:
            raise EngineRefused(
                "this statement", "Spark may understand it, or says what is wrong with it"
            ) from None
        raise ParseException(f"[PARSE_SYNTAX_ERROR] {error}") from None


def qualifiers(statement: Any) -> frozenset[str]:
    """The lower-case names that may stand before columns in a query, of tables and of what is named like one."""
    from sqlglot import exp

    found = {item.alias_or_name for item in statement.find_all(exp.Table, exp.Subquery, exp.CTE, exp.Lateral)}
    return frozenset(name.lower() for name in found if name)


def references(statement: Any, text: str) -> list[Reference]:
    """References to tables and views in a query, not to its own common table expressions."""
    from sqlglot import exp

    found = []
    for table in statement.find_all(exp.Table):
        if not isinstance(table.this, (exp.Identifier, exp.Dot)) or _is_cte(table):
            continue
        identifiers = [item for item in _identifiers(table) if item is not None]
        if not all("start" in item.meta for item in identifiers):
            continue
        start, end = identifiers[0].meta["start"], identifiers[-1].meta["end"]
        version = table.args.get("version")
        if version is not None:
            end = _version_end(text, end, version)
        found.append(
            Reference(
                parts=[item.name for item in identifiers],
                start=start,
                end=end + 1,
                aliased=bool(table.alias),
                version=version,
            )
        )
    return found


def _identifiers(table: Any) -> list[Any]:

    parts = [part for part in (table.args.get("catalog"), table.args.get("db")) if part is not None]
    return [*parts, *_dotted(table.this)]


def _dotted(node: Any) -> list[Any]:
    from sqlglot import exp

    return [*_dotted(node.this), *_dotted(node.expression)] if isinstance(node, exp.Dot) else [node]


def _is_cte(table: Any) -> bool:
    """Whether the name is that of a WITH in scope."""

    if table.args.get("db") is not None:
        return False
    name = table.name.lower()
    node = table.parent
    while node is not None:
        with_ = node.args.get("with_") or node.args.get("with")
        for cte in with_.expressions if with_ is not None else ():
            if _inside(table, cte):
                # A common table expression sees the ones before it, and itself only when recursive.
                break
            if cte.alias.lower() == name:
                return True
        node = node.parent
    return False


def _inside(node: Any, ancestor: Any) -> bool:
    while node is not None:
        if node is ancestor:
            return True
        node = node.parent
    return False


def _version_end(text: str, end: int, version: Any) -> int:
    """Where the time-travel clause of a reference ends."""
    import re

    literal = r"(?:'[^']*'|\"[^\"]*\"|[\w.\-]+(?:\([^)]*\))?(?:\s*[-+]\s*INTERVAL\s+\S+\s+\w+)?)"
    clause = re.compile(
        rf"`?\s*(?:FOR\s+)?(?:SYSTEM_)?(?:VERSION|TIMESTAMP|TIME)\s+AS\s+OF\s+{literal}", re.IGNORECASE
    )
    match = clause.match(text, end + 1)
    if match is None:
        from awsglue._runtime.failures import EngineRefused

        raise EngineRefused("this form of time travel", text[end + 1 : end + 60].strip())
    return match.end() - 1


def replace(text: str, replacements: list[Replacement]) -> str:
    """The text with these pieces put in place."""
    for start, end, new in sorted(replacements, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def cover_backticks(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a span over the back-ticks around it."""
    if start > 0 and text[start - 1] == "`" and text[start] != "`":
        start -= 1
    if end < len(text) and text[end] == "`" and text[end - 1] != "`":
        end += 1
    return start, end


Resolver = Callable[[Reference], Any]
