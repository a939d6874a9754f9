"""Our own leaves in Connect plans, and small builders of plan protobufs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect import proto
from pyspark.sql.connect.plan import LogicalPlan

from awsglue._frames.encoding import quote

SCAN_FORMAT = "mastic-scan"


class ScanPlan(LogicalPlan):
    """A leaf that stands for a Scan until the plan is sent."""

    def __init__(self, scan: Any) -> None:
        super().__init__(None)
        self.scan = scan

    def plan(self, session: Any) -> Any:
        relation = self._create_proto_relation()
        relation.read.data_source.format = SCAN_FORMAT
        relation.read.data_source.options["scan"] = self.scan.id
        return relation

    def print(self, indent: int = 0) -> str:
        return f"{' ' * indent}<Scan {self.scan.format} {self.scan.roots}>\n"

    def __repr__(self) -> str:
        return self.print()


def empty_relation(schema: Any) -> Any:
    """No rows of this StructType."""
    from awsglue._runtime.io.arrow_types import arrow_schema

    return rows_relation(arrow_schema(schema).empty_table(), schema)


def rows_relation(table: Any, schema: Any) -> Any:
    """These few rows (an Arrow table) as a relation of this StructType."""
    import pyarrow as pa

    relation = proto.Relation()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    relation.local_relation.data = sink.getvalue().to_pybytes()
    relation.local_relation.schema = schema.json()
    return relation


def parquet_relation(paths: list[str], schema: Any = None) -> Any:
    """Parquet files read by the engine itself."""
    relation = proto.Relation()
    source = relation.read.data_source
    source.format = "parquet"
    source.paths.extend(paths)
    if schema is not None:
        source.schema = schema.json()
    return relation


def attribute(*parts: str) -> Any:
    """A column by its exact name, behind what qualifies it."""
    expression = proto.Expression()
    expression.unresolved_attribute.unparsed_identifier = quote(*parts)
    return expression


def aliased(expression: Any, name: str) -> Any:
    out = proto.Expression()
    out.alias.expr.CopyFrom(expression)
    out.alias.name.append(name)
    return out


def text_literal(text: str | None, type_name: str) -> Any:
    """A literal of any atomic type, by way of its text."""
    inner = proto.Expression()
    if text is None:
        inner.literal.null.null.SetInParent()
    else:
        inner.literal.string = text
        if type_name == "string":
            return inner
    out = proto.Expression()
    out.cast.expr.CopyFrom(inner)
    out.cast.type_str = type_name
    return out


def cast(expression: Any, type_name: str) -> Any:
    out = proto.Expression()
    out.cast.expr.CopyFrom(expression)
    out.cast.type_str = type_name
    return out


def project(child: Any, expressions: list[Any]) -> Any:
    relation = proto.Relation()
    relation.project.input.CopyFrom(child)
    relation.project.expressions.extend(expressions)
    return relation


def without(child: Any, names: list[str]) -> Any:
    relation = proto.Relation()
    relation.drop.input.CopyFrom(child)
    relation.drop.column_names.extend(names)
    return relation


def union(relations: list[Any]) -> Any:
    """UNION ALL of many relations as a balanced tree."""
    while len(relations) > 1:
        paired = []
        for index in range(0, len(relations), 2):
            if index + 1 == len(relations):
                paired.append(relations[index])
                continue
            both = proto.Relation()
            both.set_op.left_input.CopyFrom(relations[index])
            both.set_op.right_input.CopyFrom(relations[index + 1])
            both.set_op.set_op_type = proto.SetOperation.SET_OP_TYPE_UNION
            both.set_op.is_all = True
            paired.append(both)
        relations = paired
    return relations[0]


def schema_of(json_text: str) -> Any:
    from pyspark.sql.types import StructType

    return StructType.fromJson(json.loads(json_text))


def scan_ids(message: Any) -> list[str]:
    """The scans a plan reads from."""
    found: list[str] = []
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in list(value) if field.is_repeated else [value]:
            if isinstance(item, proto.Read) and item.data_source.format == SCAN_FORMAT:
                found.append(item.data_source.options["scan"])
            found += scan_ids(item)
    return found


def relations_in(message: Any) -> Iterator[Any]:
    """The relations nearest below this message (also inside expressions and commands)."""
    for field, value in message.ListFields():
        if field.message_type is None or (
            field.message_type.GetOptions().map_entry
            and (field.message_type.fields_by_name["value"].message_type is None)
        ):
            continue
        if field.message_type.GetOptions().map_entry:
            values = list(value.values())
        else:
            values = list(value) if field.is_repeated else [value]
        for item in values:
            if isinstance(item, proto.Relation):
                yield item
            else:
                yield from relations_in(item)
