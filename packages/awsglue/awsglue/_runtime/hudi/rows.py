"""Rows on their way into a table: in the table's types, with their keys, the winners among equal keys chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awsglue._runtime.hudi import avro, keys
from awsglue._runtime.hudi.errors import HoodieException, SchemaCompatibilityException
from awsglue._runtime.hudi.lake import META
from awsglue._runtime.hudi.options import DMS, EMPTY, Asked
from awsglue._runtime.hudi.properties import TableConfig

IS_DELETED = "_hoodie_is_deleted"
_WIDER = {"int": ("bigint",), "float": ("double",)}


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """Rows to be written: the table's columns, key and partition of each, and which ones delete."""

    rows: Any
    keys: Any
    partitions: Any
    deletes: Any

    def taken(self, chosen: Any) -> Incoming:
        """Those at these positions."""
        return Incoming(
            rows=self.rows.take(chosen),
            keys=self.keys.take(chosen),
            partitions=self.partitions.take(chosen),
            deletes=self.deletes.take(chosen),
        )

    @property
    def count(self) -> int:
        return int(self.rows.num_rows)


def gathered(services: Any, frame: Any) -> Any:
    """All rows of a DataFrame as an Arrow table, without the five columns that Hudi keeps itself."""
    import pyarrow as pa

    from awsglue._runtime.delta.fitting import refuse_repeated
    from awsglue._runtime.io.arrow_types import arrow_schema

    refuse_repeated(frame.schema)
    known = [name for name in frame.columns if name in META]
    if known:
        # What was read from a Hudi table is written without its marks, as Hudi's writer does.
        frame = frame.drop(*known)
    struct, batches = services.rows(frame)
    schema = pa.schema([item.with_nullable(True) for item in arrow_schema(struct)])
    return struct, pa.Table.from_batches(
        [pa.RecordBatch.from_arrays(one.columns, schema=schema) for one in batches], schema
    )


def merged_schema(here: Any, given: Any, *, fill: bool) -> Any:
    """The table's schema when rows of another come: new columns at its end. Raises SchemaCompatibilityException."""
    from pyspark.sql.types import StructType

    given = avro.kept(given)
    if here is None:
        return given
    incoming = {item.name: item for item in given.fields}
    fields, missing = [], []
    for item in here.fields:
        one = incoming.pop(item.name, None)
        if one is None:
            missing.append(item.name)
        elif not _fits(one.dataType, item.dataType):
            raise SchemaCompatibilityException(
                f"Incoming batch schema is not compatible with the table's one: column {item.name} is "
                f"{item.dataType.simpleString()} in the table and {one.dataType.simpleString()} in the batch"
            )
        fields.append(item)
    if missing and not fill:
        raise SchemaCompatibilityException(
            f"Incoming batch schema is not compatible with the table's one: it lacks {missing}. "
            "hoodie.write.set.null.for.missing.columns=true writes nulls for them"
        )
    return StructType([*fields, *incoming.values()])


def _fits(given: Any, wanted: Any) -> bool:
    left, right = given.simpleString(), wanted.simpleString()
    return left == right or right in _WIDER.get(left, ())


def typed(rows: Any, schema: Any) -> Any:
    """An Arrow table in exactly this StructType; missing columns are null."""
    import pyarrow as pa

    from awsglue._runtime.io.arrow_types import arrow_schema

    columns, fields = [], []
    for item in arrow_schema(schema):
        fields.append(item.with_nullable(True))
        if item.name in rows.schema.names:
            column = rows.column(item.name)
            columns.append(column if column.type == item.type else column.cast(item.type))
        else:
            columns.append(pa.nulls(rows.num_rows, item.type))
    if not fields:
        return rows
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def widened(rows: Any, schema: Any) -> Any:
    """The rows as they were given, with what keys and ordering are made of in the table's types."""
    names = {item.name for item in schema.fields}
    return rows if names - set(rows.schema.names) else _extended(rows, schema)


def _extended(rows: Any, schema: Any) -> Any:
    made = typed(rows, schema)
    for name in rows.schema.names:
        if name not in made.schema.names:
            made = made.append_column(name, rows.column(name))
    return made


def incoming(given: Any, rows: Any, config: TableConfig, payload: str, instant: str) -> Incoming:
    """The rows with their keys, made of the columns as they were given."""
    import pyarrow as pa
    import pyarrow.compute as pc

    count = rows.num_rows
    if payload == EMPTY:
        deletes = pa.array([True] * count, pa.bool_())
    else:
        deletes = pa.array([False] * count, pa.bool_())
        if IS_DELETED in given.schema.names and pa.types.is_boolean(given.schema.field(IS_DELETED).type):
            deletes = pc.fill_null(_one(given.column(IS_DELETED)), False)
        if payload == DMS and "Op" in given.schema.names:
            deletes = pc.or_(deletes, pc.fill_null(pc.equal(_one(given.column("Op")), "D"), False))
    return Incoming(
        rows=rows,
        keys=_one(keys.record_keys(given, config, instant)),
        partitions=_one(keys.partition_paths(given, config)),
        deletes=deletes,
    )


def combined(found: Incoming, ordering: str, given: Any, *, across: bool) -> Incoming:
    """Of rows with equal keys the one with the largest ordering value; of equal ones the last.

    `across`: keys are looked at without their partitions. Raises HoodieException for rows without an ordering value.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if ordering:
        if ordering not in given.schema.names:
            raise HoodieException(
                f"{ordering}(Part -{ordering}) field not found in record. Acceptable fields were :{given.schema.names}"
            )
        if given.column(ordering).null_count:
            raise HoodieException(f"Ordering value is null for record: a row has no {ordering}")
    whole = found.keys if across else pc.binary_join_element_wise(found.partitions, found.keys, "\x00")
    if pc.count_distinct(whole).as_py() == found.count:
        return found
    columns = {"key": whole, "place": pa.array(range(found.count), pa.int64())}
    order = [("key", "ascending"), ("place", "ascending")]
    if ordering:
        columns["rank"] = _one(given.column(ordering))
        order.insert(1, ("rank", "ascending"))
    sorted_rows = pa.table(columns).sort_by(order)
    names = _one(sorted_rows.column("key"))
    last = pa.concat_arrays([pc.not_equal(names.slice(0, len(names) - 1), names.slice(1)), pa.array([True])])
    places = _one(sorted_rows.column("place")).filter(last)
    return found.taken(places.take(pc.sort_indices(places)))


def ordering_field(asked: Asked, config: TableConfig) -> str:
    """By which column equal keys are decided; "" for none: the last one wins."""
    if asked.precombine is not None:
        return asked.precombine
    return config.precombine or "ts"


def _one(column: Any) -> Any:
    """A column in one piece."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column


def marked(found: Incoming, instant: str, writer: int = 0) -> Any:
    """The rows with Hudi's five columns (the file's name is not known yet)."""
    import pyarrow as pa

    count = found.count
    meta = [
        pa.repeat(pa.scalar(instant), count),
        pa.array([f"{instant}_{writer}_{number}" for number in range(count)], pa.string()),
        found.keys,
        found.partitions,
        pa.nulls(count, pa.string()),
    ]
    fields = [pa.field(name, pa.string()) for name in META]
    return pa.Table.from_arrays([*meta, *found.rows.columns], schema=pa.schema([*fields, *found.rows.schema]))
