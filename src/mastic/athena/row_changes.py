"""UPDATE, DELETE and MERGE as a query for the rows that they change. Pure functions over trees; owns no state.

The query reads the target as the relation ``TARGET``, whose rows have a number (``ROW``). It gives a line for each row
that changes: the number of the row that goes (NULL: a new one), what is done (``CASE``), and the columns of the row
that comes.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from mastic.athena.failures import QueryFailure, not_supported

# No table can be called so.
TARGET = "\x00target"
ROW, CASE = "$row", "$case"
UPDATED, DELETED, INSERTED = 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class RowChanges:
    """``query`` gives ``ROW``, ``CASE`` and a column ``$<n>`` for each of the table's columns, by its place."""

    query: exp.Select
    merges: bool = False


def target_of(tree: exp.Expr) -> exp.Table:
    """The table that a statement changes."""
    node = tree.this
    if not isinstance(node, exp.Table):
        raise QueryFailure("SYNTAX_ERROR: the statement names no table to change")
    return node


def check_once(listed: list[str]) -> None:
    """Raise QueryFailure when the columns of an INSERT name one twice."""
    for name in listed:
        if listed.count(name) > 1:
            raise QueryFailure(
                f"SYNTAX_ERROR: Insert column name is specified more than once: {name}", kind=1100
            )


def row_changes(tree: exp.Expr, columns: list[str]) -> RowChanges:
    """The changes of a table with these columns. Raises QueryFailure."""
    node = target_of(tree)
    alias = (node.alias or node.name).lower()
    target = exp.Table(
        this=exp.to_identifier(TARGET, quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)),
    )
    match tree:
        case exp.Delete():
            lines = _lines(alias, exp.Literal.number(DELETED), {}, columns)
            query = exp.Select().select(*lines).from_(target)
            return RowChanges(query=_where(query, tree))
        case exp.Update():
            new: dict[str, exp.Expr] = {name: exp.column(name, alias, quoted=True) for name in columns}
            new |= _assigned(tree.expressions, columns)
            lines = _lines(alias, exp.Literal.number(UPDATED), new, columns)
            return RowChanges(query=_where(exp.Select().select(*lines).from_(target), tree))
        case exp.Merge():
            return _merged(tree, target, alias, columns)
    raise not_supported(type(tree).__name__.upper())


def _where(query: exp.Select, tree: exp.Expr) -> exp.Select:
    where = tree.args.get("where")
    return query.where(where.this.copy()) if where is not None else query


def _lines(alias: str, case: exp.Expr, new: dict[str, exp.Expr], columns: list[str]) -> list[exp.Expr]:
    values = [new.get(column) or exp.Null() for column in columns]
    return [
        exp.alias_(exp.column(ROW, alias, quoted=True), ROW, quoted=True),
        exp.alias_(case, CASE, quoted=True),
        *(exp.alias_(value.copy(), f"${n}", quoted=True) for n, value in enumerate(values)),
    ]


def _assigned(assignments: list[exp.Expr], columns: list[str]) -> dict[str, exp.Expr]:
    found: dict[str, exp.Expr] = {}
    for one in assignments:
        if not isinstance(one, exp.EQ) or not isinstance(one.this, exp.Column):
            raise not_supported(f"the assignment {one.sql(dialect='trino')}")
        name = one.this.name.lower()
        if name not in columns:
            raise QueryFailure(
                f"COLUMN_NOT_FOUND: The UPDATE SET target column {name} doesn't exist", kind=1101
            )
        if name in found:
            raise QueryFailure(f"SYNTAX_ERROR: Multiple assignments for column {name}", kind=1100)
        found[name] = one.expression
    return found


# -- MERGE -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Branch:
    condition: exp.Expr
    case: int
    new: dict[str, exp.Expr]


def _merged(tree: exp.Merge, target: exp.Table, alias: str, columns: list[str]) -> RowChanges:
    branches = [_branch(when, alias, columns) for when in tree.args["whens"].expressions]
    inserts = any(branch.case == INSERTED for branch in branches)
    # The same conditions in the same order choose the case and each value.
    case = exp.Case(
        ifs=[exp.If(this=b.condition.copy(), true=exp.Literal.number(b.case)) for b in branches],
        default=exp.Literal.number(0),
    )
    new: dict[str, exp.Expr] = {}
    for column in columns:
        new[column] = exp.Case(
            ifs=[exp.If(this=b.condition.copy(), true=b.new.get(column, exp.Null()).copy()) for b in branches]
        )
    query = exp.Select().select(*_lines(alias, case, new, columns)).from_(tree.args["using"].copy())
    query = query.join(target, on=tree.args["on"].copy(), join_type="left" if inserts else "inner")
    return RowChanges(query=query, merges=True)


def _branch(when: exp.When, alias: str, columns: list[str]) -> _Branch:
    if when.args.get("source"):
        raise not_supported("MERGE with WHEN NOT MATCHED BY SOURCE")
    matched = exp.column(ROW, alias, quoted=True).is_(exp.Null())
    condition: exp.Expr = exp.Not(this=matched) if when.args["matched"] else matched
    if when.args.get("condition") is not None:
        condition = exp.and_(condition, when.args["condition"].copy())
    then = when.args["then"]
    match then:
        case exp.Update():
            kept: dict[str, exp.Expr] = {name: exp.column(name, alias, quoted=True) for name in columns}
            new = kept | _assigned(then.expressions, columns)
            return _Branch(condition=condition, case=UPDATED, new=new)
        case exp.Insert():
            return _Branch(condition=condition, case=INSERTED, new=_inserted(then, columns))
        case exp.Var() if then.name.upper() == "DELETE":
            return _Branch(condition=condition, case=DELETED, new={})
    raise not_supported(f"MERGE with {when.sql(dialect='trino')}")


def _inserted(then: exp.Insert, columns: list[str]) -> dict[str, exp.Expr]:
    listed = then.this
    names = [e.name.lower() for e in listed.expressions] if listed is not None else columns
    given = then.expression
    values = list(given.expressions) if given is not None else []
    if len(values) == 1 and isinstance(values[0], exp.Tuple):
        values = list(values[0].expressions)
    if len(names) != len(values):
        raise QueryFailure(
            f"TYPE_MISMATCH: MERGE has {len(names)} insert columns and {len(values)} values", kind=1103
        )
    check_once(names)
    for name in names:
        if name not in columns:
            raise QueryFailure(
                f"COLUMN_NOT_FOUND: Insert column name does not exist in target table: {name}", kind=1101
            )
    return dict(zip(names, values, strict=True))
