"""Records read by Python, written down as Parquet with the schema they turn out to have."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._frames.encoding import columns, to_spark
from awsglue._frames.records import arrow_batch, signature, type_of

BATCH = 20_000


class StagedRecords:
    """Collects records batch by batch; batches with one schema share a file."""

    def __init__(self, hint: g.StructType | None = None) -> None:
        """`hint` gives types that values keep where they fit (a catalog's columns)."""
        from awsglue._frames.staging import folder

        self._folder = folder()
        self._hint = hint
        self._schema: g.StructType = g.StructType()
        self._known: set[Any] = set()
        self._writers: dict[str, tuple[g.StructType, Any, str]] = {}
        self._batch: list[dict[str, Any]] = []

    def add(self, record: dict[str, Any]) -> None:
        """One record."""
        mark = signature(record)
        if mark not in self._known:
            merged = g.mergeDataTypes(self._schema, type_of(record, self._hint))
            assert isinstance(merged, g.StructType)
            self._schema = merged
            self._known.add(mark)
        self._batch.append(record)
        if len(self._batch) >= BATCH:
            self._flush()

    def extend(self, records: Iterable[dict[str, Any]]) -> None:
        """Several records."""
        for record in records:
            self.add(record)

    def _flush(self) -> None:
        import pyarrow.parquet as pq

        if not self._batch or not self._schema.fields:
            self._batch = []
            return
        batch = arrow_batch(self._batch, self._schema)
        key = g._serialize_schema(self._schema)
        if key not in self._writers:
            path = os.path.join(self._folder, f"part-{len(self._writers):05d}.parquet")
            self._writers[key] = (
                self._schema,
                pq.ParquetWriter(path, batch.schema, compression="zstd"),
                path,
            )
        self._writers[key][1].write_batch(batch)
        self._batch = []

    def finish(self, spark: Any) -> Encoded:
        """All records under their merged schema."""
        self._flush()
        result: Encoded | None = None
        for schema, writer, path in self._writers.values():
            writer.close()
            part = staged_frame(spark, path, schema).widened(self._schema)
            result = part if result is None else Encoded(df=result.df.union(part.df), schema=self._schema)
        return result or empty(spark, self._schema)


def staged_frame(spark: Any, path: str, schema: g.StructType) -> Encoded:
    """A file of columns c0, c1, … as a frame."""
    from awsglue._frames.staging import read_staged

    df = read_staged(spark, path, [to_spark(field.dataType) for field in schema.fields])
    named = df.selectExpr(*columns([(field.name, f"c{i}") for i, field in enumerate(schema.fields)]))
    return Encoded(df=named, schema=schema)


def empty(spark: Any, schema: g.StructType) -> Encoded:
    """No records of this schema."""
    return Encoded(df=spark.createDataFrame([], to_spark(schema)), schema=schema)
