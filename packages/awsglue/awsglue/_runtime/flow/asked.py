"""What a Connect plan asks of a statement of `spark.sql`: its rows, the first of them, or how many there are. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A statement by its text, the names its columns are to have (None: their own), and what is asked of it."""

    text: str
    names: list[str] | None = None
    most: int | None = None
    counted: bool = False


def asked(relation: Any) -> Asked | None:
    """What this relation asks of a statement; None when it is anything more than that."""
    counted = _is_count(relation)
    if counted:
        relation = relation.aggregate.input
    most: int | None = None
    while relation.HasField("limit"):
        most = relation.limit.limit if most is None else min(most, relation.limit.limit)
        relation = relation.limit.input
    names = None
    if relation.HasField("to_df"):
        relation, names = relation.to_df.input, list(relation.to_df.column_names)
    if relation.HasField("with_relations"):
        # The frames that the text names: by names that no other text has.
        relation = relation.with_relations.root
    if not relation.HasField("sql") or (most is not None and most < 0):
        return None
    return Asked(text=relation.sql.query, names=names, most=most, counted=counted)


def regrouped(relation: Any) -> Any:
    """The rows below coalesce() and repartition(), for a writer that deals them out itself."""
    while relation.HasField("repartition"):
        relation = relation.repartition.input
    return relation


def _is_count(relation: Any) -> bool:
    """Whether this is DataFrame.count()."""
    from pyspark.sql.connect import proto

    if not relation.HasField("aggregate"):
        return False
    body = relation.aggregate
    plain = body.group_type == proto.Aggregate.GROUP_TYPE_GROUPBY and not body.grouping_expressions
    if not plain or len(body.aggregate_expressions) != 1:
        return False
    call = body.aggregate_expressions[0].unresolved_function
    if call.function_name != "count" or call.is_distinct or len(call.arguments) != 1:
        return False
    literal = call.arguments[0].literal
    return bool(literal.WhichOneof("literal_type") == "integer" and literal.integer == 1)
