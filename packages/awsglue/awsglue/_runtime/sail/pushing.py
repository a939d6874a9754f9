"""What a plan needs of the database tables that it reads: columns and conditions, noted at each read before the plan
is rewritten. Rather too much than too little: the plan keeps all its filters. Owns no state.
"""

from __future__ import annotations

import json
from typing import Any

from awsglue._runtime.client.plans import SCAN_FORMAT, relations_in
from awsglue._runtime.io.tablescan import TableScan
from awsglue._runtime.sail import conditions
from awsglue._runtime.sail.needed import columns_of, needed_below
from awsglue._sources.pushdown import both, renamed

# Relations below which a condition on their rows holds as well: each row of theirs is a row of their input.
_PASSING = frozenset({"filter", "sort", "subquery_alias", "hint", "drop", "repartition"})
# A row's value of these depends on the rows before it, or on chance. (A word too many costs a longer read.)
_UNSTEADY = (b"rand", b"uuid", b"shuffle", b"monotonically_increasing_id", b"partition_id", b"python")
NEEDED, WHERE = "needed", "where"


class Notes:
    """The conditions that one plan has for its reads; the reads name them by number."""

    def __init__(self, scan_of: dict[str, Any]) -> None:
        self._scan_of = scan_of
        self._found: list[Any] = []

    def take(self, relation: Any) -> None:
        """Note what is above every read of a database in this tree."""
        if not any(isinstance(scan, TableScan) for scan in self._scan_of.values()):
            return
        # Where a row's values hang on its place, every action has to see the rows in one order: that of one read.
        text = relation.SerializeToString().lower()
        if not any(word in text for word in _UNSTEADY):
            self._walk(relation, None, None)

    def of(self, source: Any) -> tuple[frozenset[str] | None, Any]:
        """(lower-case names of the columns that are needed or None, condition or None) noted at a read."""
        names, place = source.options.get(NEEDED), source.options.get(WHERE)
        return (
            frozenset(json.loads(names)) if names else None,
            self._found[int(place)] if place else None,
        )

    def _walk(self, relation: Any, needed: frozenset[str] | None, where: Any) -> None:
        kind = relation.WhichOneof("rel_type")
        if kind == "read":
            self._note(relation.read, needed, where)
            return
        if kind == "with_relations" and relation.with_relations.root.WhichOneof("rel_type") == "sql":
            self._statement(relation.with_relations, needed)
            return
        # All parts of a sample are of the same rows in the same order.
        below = None if kind == "sample" else needed_below(relation, kind, needed)
        passed = self._passed(relation, kind, where)
        children = list(relations_in(relation))
        for child in children:
            # One of several is an operand, or a query within an expression: nothing is said of its rows.
            self._walk(child, below, passed if len(children) == 1 else None)

    def _passed(self, relation: Any, kind: str, where: Any) -> Any:
        """The condition on the input's rows."""
        if kind == "filter":
            return both(where, conditions.of_expression(relation.filter.condition))
        if where is None:
            return None
        if kind in _PASSING:
            return where if kind != "sort" or "unresolved_function" not in str(relation.sort.order) else None
        return renamed(where, _names(relation, kind))

    def _statement(self, body: Any, needed: frozenset[str] | None) -> None:
        names, where_of = conditions.of_statement(body.root.sql.query)
        for reference in body.references:
            alias = reference.subquery_alias.alias if reference.HasField("subquery_alias") else ""
            self._walk(reference, names, where_of(alias))

    def _note(self, read: Any, needed: frozenset[str] | None, where: Any) -> None:
        if read.WhichOneof("read_type") != "data_source" or read.data_source.format != SCAN_FORMAT:
            return
        if not isinstance(self._scan_of.get(read.data_source.options["scan"]), TableScan):
            return
        needed = columns_of(needed)
        if needed is not None:
            read.data_source.options[NEEDED] = json.dumps(sorted(needed))
        if where is not None:
            read.data_source.options[WHERE] = str(len(self._found))
            self._found.append(where)


def _names(relation: Any, kind: str) -> dict[str, str]:
    """The input's columns that a projection of columns shows under their own names: lower-case name -> name."""
    if kind != "project":
        return {}
    found: dict[str, str] = {}
    for expression in relation.project.expressions:
        named = expression.alias.name if expression.HasField("alias") else []
        column = conditions.column_of(expression.alias.expr if named else expression)
        if column is None:
            # What it is may depend on other rows.
            return {}
        # Under another name it is not taken: a column of a DataFrame (df["a"]) means what had that name there.
        if not named or [one.lower() for one in named] == [column.lower()]:
            found[column.lower()] = column
    return found
