"""Names that no column has: told when a script writes them, as classic PySpark does, not when rows are asked for.

Scripts ask so whether there is a column: `try: df["x"]`, `hasattr(df, "x")`. The names of a plan are told from its
nodes and remembered with them; the engine is asked where they do not tell, and where a name is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.client import faults

_REMEMBERED = "_mastic_names"
_SAME = frozenset(
    "Filter Sort Limit Offset Tail Repartition RepartitionByExpression Deduplicate SubqueryAlias Sample Hint".split()
)


def install() -> None:
    """Patch the client's DataFrame."""
    from pyspark.sql.connect.dataframe import DataFrame

    item, attribute = DataFrame.__getitem__, DataFrame.__getattr__

    def get_item(self: Any, name: Any) -> Any:
        if isinstance(name, str) and name != "*" and not _known(self, name):
            _look(self, name)
        return item(self, name)

    def get_attribute(self: Any, name: str) -> Any:
        if not name.startswith("_") and name not in names_of(self):
            raise AttributeError(f"'DataFrame' object has no attribute '{name}'")
        return attribute(self, name)

    def looked_at(method: Any) -> Any:
        def call(self: Any, *given: Any, **named: Any) -> Any:
            made = method(self, *given, **named)
            for name in _mentioned([*given, *named.values()]):
                if not _known(self, name):
                    _look(self, name, made)
            return made

        return call

    DataFrame.__getitem__ = get_item  # type: ignore[method-assign]
    DataFrame.__getattr__ = get_attribute  # type: ignore[method-assign]
    DataFrame.select = looked_at(DataFrame.select)  # type: ignore[method-assign]
    own = DataFrame.withColumn
    DataFrame.withColumn = lambda self, colName, col: looked_at(  # type: ignore[method-assign]
        lambda frame, column: own(frame, colName, column)
    )(self, col)


def _look(frame: Any, name: str, made: Any = None) -> None:
    """Raise AnalysisException for a name that the frame does not have; `made` is what is made with it, which may."""
    columns, aliases = frame.columns, frozenset() if made is None else _names_made(made._plan)
    if "." in name or "`" in name or name.startswith("_") or name.lower() in aliases:
        _ = (frame.select(name) if made is None else made).schema
    elif name.lower() not in {each.lower() for each in columns}:
        from pyspark.errors import AnalysisException

        raise AnalysisException(faults.unresolved([name], columns))


def _names_made(plan: Any) -> frozenset[str]:
    """The aliases in a select list: others in it may be made of them."""
    given = [getattr(each, "_expr", None) for each in getattr(plan, "_columns", ())]
    return frozenset(name.lower() for each in given for name in getattr(each, "_alias", None) or ())


def names_of(frame: Any) -> frozenset[str]:
    """The frame's columns, perhaps with some that a later node took away."""
    return _names(frame._plan, frame._session)


def _names(plan: Any, session: Any) -> frozenset[str]:
    found: frozenset[str] | None = getattr(plan, _REMEMBERED, None)
    if found is None:
        found = _told(plan, session)
        setattr(plan, _REMEMBERED, found)
    return found


def _told(plan: Any, session: Any) -> frozenset[str]:
    kind = type(plan).__name__
    if kind == "WithColumns":
        return _names(plan._child, session) | frozenset(plan._columnNames)
    if kind in _SAME and plan._child is not None:
        return _names(plan._child, session)
    from pyspark.sql.connect.dataframe import DataFrame

    return frozenset(DataFrame(plan, session).columns)


def _known(frame: Any, name: str) -> bool:
    """Whether this is certain to be a column; its fields, and names behind an alias, are not."""
    plain = name[1:-1] if len(name) > 2 and name[0] == name[-1] == "`" else name
    if "`" in plain or ("." in plain and plain is name):
        return False
    return plain.lower() in {each.lower() for each in names_of(frame)}


def _mentioned(given: list[Any]) -> Iterator[str]:
    """The names in a call's arguments, but for those of one frame, which were looked at when they were made."""
    from pyspark.sql.connect.column import Column
    from pyspark.sql.connect.expressions import CastExpression, ColumnAlias, ColumnReference

    for each in given:
        if isinstance(each, str):
            if each != "*" and not each.endswith(".*"):
                yield each
        elif isinstance(each, (list, tuple)):
            yield from _mentioned(list(each))
        elif isinstance(each, Column):
            expression = each._expr  # type: ignore[attr-defined]
            while isinstance(expression, (ColumnAlias, CastExpression)):
                expression = expression._child if isinstance(expression, ColumnAlias) else expression._expr
            if isinstance(expression, ColumnReference) and expression._plan_id is None:
                yield expression._unparsed_identifier
