"""A parsed query as one query of DuckDB: scopes, joins, groups, subqueries. Raises Unknown for what is not known here.

Every name is looked up here by Spark's rules and written anew, so nothing depends on DuckDB's: sources are `s0`…
with columns `c0`…, results have columns `o0`….
"""

from __future__ import annotations

from itertools import count
from typing import Any

from awsglue._runtime.flow import exact
from awsglue._runtime.flow.exact import Term
from awsglue._runtime.flow.nodes import aggregates, only
from awsglue._runtime.flow.scopes import Fields, Query, Relation, Scope, Source
from awsglue._runtime.flow.subqueries import subquery
from awsglue._runtime.flow.values import Unknown

_SIGNS = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_OPERATORS = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}


class Compiler:
    """Makes one statement's query."""

    def __init__(self, tables: dict[tuple[str, ...], Fields]) -> None:
        self._tables = tables
        self._numbers = count()
        self.sources: list[Source] = []

    def statement(self, parsed: Any) -> Query:
        """The whole statement, its columns cast to just their types."""
        return self.select(parsed, None, {}, top=True)

    # queries
    def select(
        self, node: Any, outer: Scope | None, tables: dict[str, tuple[str, Fields]], *, top: bool = False
    ) -> Query:
        from sqlglot import exp

        if not isinstance(node, exp.Select):
            raise Unknown(type(node).__name__)
        only(node, "expressions", "from_", "joins", "where", "group", "having", "with_", "order", "limit")
        if not top and (node.args.get("order") or node.args.get("limit")):
            raise Unknown("an order within the statement")
        scope = Scope(outer=outer, tables=dict(tables))
        prefix = self._with(node.args.get("with_"), scope)
        sql = [f"FROM {self._from(node, scope)}"]
        if node.args.get("where"):
            scope.filtering = scope.lending = True
            sql.append(f"WHERE {self._condition(node.args['where'], scope)}")
            scope.filtering = scope.lending = False
        items = [self._item(item) for item in node.expressions]
        if node.args.get("group"):
            sql.append(f"GROUP BY {self._groups(node.args['group'], items, scope)}")
        if node.args.get("having"):
            self._apart(node.args["having"], items)
            sql.append(f"HAVING {self._condition(node.args['having'], scope)}")
        made = [not node.args.get("group") and aggregates(item) for _, item in items]
        scope.lending = not (any(made) or node.args.get("group"))
        terms = [self.term(item, scope) for _, item in items]
        columns = [
            f"{exact.shown(term) if top else term.sql} AS o{place}" for place, term in enumerate(terms)
        ]
        fields = [(name, term.type) for (name, _), term in zip(items, terms, strict=True)]
        text = f"{prefix}SELECT {', '.join(columns)} {' '.join(sql)}"
        order, limit = self._order(node, [name for name, _ in fields]) if top else ("", None)
        if scope.correlated and outer is not None and not outer.lending:
            raise Unknown("a correlated subquery among groups or in ON")
        return Query(
            sql=text,
            fields=fields,
            single=all(made),
            groupless=any(made),
            correlated=scope.correlated,
            order=order,
            limit=limit,
        )

    def _with(self, node: Any, scope: Scope) -> str:
        if node is None:
            return ""
        only(node, "expressions")
        made = []
        for cte in node.expressions:
            only(cte, "this", "alias")
            only(cte.args["alias"], "this")
            query = self.select(cte.this, None, scope.tables)
            name = f"q{next(self._numbers)}"
            scope.tables[cte.alias.lower()] = (name, query.fields)
            made.append(f"{name} AS ({query.sql})")
        return f"WITH {', '.join(made)} "

    def _from(self, node: Any, scope: Scope) -> str:
        from_ = node.args.get("from_")
        if from_ is None:
            raise Unknown("no table")
        only(from_, "this")
        made = self._relation(from_.this, scope)
        for join in node.args.get("joins") or ():
            only(join, "this", "kind", "side", "on")
            made += self._join(join, scope)
        return made

    def _join(self, join: Any, scope: Scope) -> str:
        side, kind = str(join.args.get("side") or ""), str(join.args.get("kind") or "")
        right = self._relation(join.this, scope)
        on = join.args.get("on")
        if (side, kind, on is None) in (("", "CROSS", True), ("", "", True)):
            return f" CROSS JOIN {right}"
        if on is None or (side, kind) not in (("", ""), ("", "INNER"), ("LEFT", ""), ("LEFT", "OUTER")):
            raise Unknown(f"{side} {kind} JOIN")
        return f" {side or 'INNER'} JOIN {right} ON {self._boolean(on, scope)}"

    def _relation(self, node: Any, scope: Scope) -> str:
        from sqlglot import exp

        alias = node.args.get("alias")
        if alias is not None:
            only(alias, "this")
        if isinstance(node, exp.Subquery):
            only(node, "this", "alias")
            query = self.select(node.this, None, scope.tables)
            made = Relation(name=node.alias.lower(), alias=f"r{next(self._numbers)}", fields=query.fields)
            scope.relations.append(made)
            return f"({query.sql}) AS {made.alias}"
        if not isinstance(node, exp.Table) or not all(
            isinstance(part, exp.Identifier) for part in node.parts
        ):
            raise Unknown(type(node).__name__)
        only(node, "this", "db", "catalog", "alias")
        parts = tuple(part.name.lower() for part in node.parts)
        name = node.alias.lower() or parts[-1]
        if any(relation.name == name for relation in scope.relations):
            raise Unknown("two tables of one name")
        if len(parts) == 1 and parts[0] in scope.tables:
            known, fields = scope.tables[parts[0]]
            made = Relation(name=name, alias=f"r{next(self._numbers)}", fields=fields)
            scope.relations.append(made)
            return f"{known} AS {made.alias}"
        if parts not in self._tables:
            raise Unknown(f"table {'.'.join(parts)}")
        source = Source(parts=parts, fields=self._tables[parts])
        made = Relation(name=name, alias=f"r{next(self._numbers)}", fields=list(source.fields), source=source)
        scope.relations.append(made)
        self.sources.append(source)
        return f"s{len(self.sources) - 1} AS {made.alias}"

    def _item(self, node: Any) -> tuple[str, Any]:
        """(lower-case name or "", expression) of a selected column."""
        from sqlglot import exp

        if isinstance(node, exp.Alias):
            only(node, "this", "alias")
            return node.alias.lower(), node.this
        return (node.name.lower() if isinstance(node, exp.Column) else ""), node

    def _groups(self, group: Any, items: list[tuple[str, Any]], scope: Scope) -> str:
        """GROUP BY: columns of the tables, else names of what is selected."""
        from sqlglot import exp

        only(group, "expressions")
        made = []
        for key in group.expressions:
            while isinstance(key, exp.Paren):
                key = key.this
            if isinstance(key, exp.Literal):
                raise Unknown("GROUP BY a place")
            if isinstance(key, exp.Column) and scope.find(key.table.lower(), key.name.lower()) is None:
                named = [item for name, item in items if name == key.name.lower() and not key.table]
                if len(named) != 1:
                    raise Unknown(f"column {key.name}")
                key = named[0]
            made.append(self.term(key, scope).sql)
        return ", ".join(made)

    def _apart(self, having: Any, items: list[tuple[str, Any]]) -> None:
        """HAVING names what is selected before what is read: both may not have the same name."""
        from sqlglot import exp

        named = {
            name
            for name, item in items
            if name and not (isinstance(item, exp.Column) and item.name.lower() == name)
        }
        if any(column.name.lower() in named for column in having.find_all(exp.Column)):
            raise Unknown("HAVING with a name that is given")

    def _order(self, node: Any, names: list[str]) -> tuple[str, int | None]:
        """ORDER BY names of the result's columns, and how many rows LIMIT leaves."""
        from sqlglot import exp

        order, limit = node.args.get("order"), node.args.get("limit")
        keys = []
        for key in order.expressions if order is not None else ():
            only(order, "expressions")
            only(key, "this", "desc", "nulls_first")
            named = isinstance(key.this, exp.Column) and not key.this.table and key.this.name.lower()
            if not named or names.count(named) != 1:
                raise Unknown("an order by what is not shown")
            nulls = "FIRST" if key.args.get("nulls_first") else "LAST"
            keys.append(f"o{names.index(named)} {'DESC' if key.args.get('desc') else 'ASC'} NULLS {nulls}")
        text = f" ORDER BY {', '.join(keys)}" if keys else ""
        if limit is None:
            return text, None
        only(limit, "expression")
        if not keys or not isinstance(limit.expression, exp.Literal) or not limit.expression.is_int:
            raise Unknown("LIMIT of rows without an order")
        rows = exact.number(limit.expression.name)
        if rows.type != "int":
            raise Unknown("LIMIT of more rows than Spark takes")
        return text, int(rows.literal or 0)

    # expressions
    def _condition(self, clause: Any, scope: Scope) -> str:
        only(clause, "this")
        return self._boolean(clause.this, scope)

    def _boolean(self, node: Any, scope: Scope) -> str:
        term = self.term(node, scope)
        if term.type != "boolean":
            raise Unknown("a condition that is no boolean")
        return term.sql

    def term(self, node: Any, scope: Scope) -> Term:
        made = self._plain(node, scope)
        if node.args.get("negate"):
            return Term(f"(NOT {made.sql})", "boolean")
        return made

    def _plain(self, node: Any, scope: Scope) -> Term:
        from sqlglot import exp

        name = type(node).__name__
        if name in _SIGNS or name in _OPERATORS or name in ("And", "Or"):
            only(node, "this", "expression")
            return self._binary(name, node, scope)
        match node:
            case exp.Column():
                only(node, "this", "table")
                found = scope.find(node.table.lower(), node.name.lower())
                if found is None or not isinstance(node.this, exp.Identifier):
                    raise Unknown(f"column {node.name}")
                return found
            case exp.Literal():
                return exact.text(node.this) if node.is_string else exact.number(node.this)
            case exp.Paren():
                only(node, "this")
                return self.term(node.this, scope)
            case exp.Cast() if node.to.this == exp.DataType.Type.DATE and isinstance(node.this, exp.Literal):
                only(node, "this", "to")
                return exact.day(node.this.name if node.this.is_string else "")
            case exp.Case():
                return self._case(node, scope)
            case exp.Substring() | exp.Year() | exp.Month() | exp.Day():
                return self._function(name, node, scope)
            case exp.Count() | exp.Sum() | exp.Avg() | exp.Min() | exp.Max():
                return self._aggregate(name, node, scope)
            case exp.In() | exp.Exists() | exp.Subquery():
                return subquery(self, node, scope)
        return self._predicate(node, scope)

    def _predicate(self, node: Any, scope: Scope) -> Term:
        from sqlglot import exp

        match node:
            case exp.Not():
                only(node, "this")
                return Term(f"(NOT {self._boolean(node.this, scope)})", "boolean")
            case exp.Is() if isinstance(node.expression, exp.Null):
                only(node, "this", "expression")
                return Term(f"({self.term(node.this, scope).sql} IS NULL)", "boolean")
            case exp.Between():
                only(node, "this", "low", "high")
                value, low, high = (self.term(node.args[key], scope) for key in ("this", "low", "high"))
                sides = exact.compared(">=", value, low).sql, exact.compared("<=", value, high).sql
                return Term(f"({sides[0]} AND {sides[1]})", "boolean")
            case exp.Like():
                only(node, "this", "expression")
                return exact.like(self.term(node.this, scope), self.term(node.expression, scope))
        raise Unknown(type(node).__name__)

    def _function(self, name: str, node: Any, scope: Scope) -> Term:
        from sqlglot import exp

        if isinstance(node, exp.Substring):
            only(node, "this", "start", "length")
            if node.args.get("length") is None:
                raise Unknown("substring() without a length")
            return exact.piece(*(self.term(node.args[key], scope) for key in ("this", "start", "length")))
        only(node, "this")
        inner = node.this.this if isinstance(node.this, exp.TsOrDsToDate) else node.this
        return exact.part_of_day(name.lower(), self.term(inner, scope))

    def _binary(self, name: str, node: Any, scope: Scope) -> Term:
        left, right = self.term(node.this, scope), self.term(node.expression, scope)
        if name in _SIGNS:
            return exact.compared(_SIGNS[name], left, right)
        if name in _OPERATORS:
            return exact.arithmetic(_OPERATORS[name], left, right)
        if left.type != "boolean" or right.type != "boolean":
            raise Unknown("a condition that is no boolean")
        return Term(f"({left.sql} {name.upper()} {right.sql})", "boolean")

    def _case(self, node: Any, scope: Scope) -> Term:
        only(node, "ifs", "default")
        for branch in node.args["ifs"]:
            only(branch, "this", "true")
        default = node.args.get("default")
        return exact.chosen(
            [self.term(branch.this, scope) for branch in node.args["ifs"]],
            [self.term(branch.args["true"], scope) for branch in node.args["ifs"]],
            None if default is None else self.term(default, scope),
        )

    def _aggregate(self, name: str, node: Any, scope: Scope) -> Term:
        from sqlglot import exp

        only(node, "this")
        argument, distinct = node.this, isinstance(node.this, exp.Distinct)
        if distinct:
            only(argument, "expressions")
            if len(argument.expressions) != 1 or name != "Count":
                raise Unknown("an aggregate of distinct values")
            argument = argument.expressions[0]
        if scope.aggregating:
            raise Unknown("an aggregate of aggregates")
        scope.aggregating = True
        value = None if isinstance(argument, exp.Star) else self.term(argument, scope)
        scope.aggregating = False
        if name == "Count":
            return exact.counted(value, distinct=distinct)
        if value is None:
            raise Unknown(f"{name} of everything")
        if name in ("Min", "Max"):
            return exact.extreme(name.lower(), value)
        return exact.summed(value) if name == "Sum" else exact.averaged(value)
