"""Reading Parquet: schemas as Spark derives them from footers, and rows through pyarrow where the engine cannot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.storage import Storage

SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
FOOTERS = 16
# Before these versions the least and the greatest text of a row group are noted by signed bytes, "é" before "a": who
# skips rows by such notes loses some.
_ORDERED = {"parquet-mr": (1, 10), "parquet-cpp": (1, 3)}
_WRITER = re.compile(r"(parquet-mr|parquet-cpp) version (\d+)\.(\d+)")


def orders_texts(writer: str) -> bool:
    """Whether what this writer (as a file names it) notes of its values may be believed."""
    found = _WRITER.match(writer)
    if found is None:
        return bool(writer) and writer.split()[0] not in _ORDERED
    return (int(found[2]), int(found[3])) >= _ORDERED[found[1]]


@dataclass(frozen=True, kw_only=True)
class ParquetReader:
    """Schemas and rows of Parquet files."""

    storage: Storage
    merge: bool = False
    # Of the files that have been looked at.
    _writers: dict[str, str] = field(default_factory=dict)

    def schema(self, files: list[DataFile]) -> Any:
        """StructType: of the first file, or of all merged. Raises AnalysisException when there is no file."""
        from pyspark.errors import AnalysisException

        if not files:
            raise AnalysisException(
                "[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for Parquet. It must be specified manually."
            )
        if not self.merge:
            return self.file_schema(files[0])
        with ThreadPoolExecutor(FOOTERS) as pool:
            found = list(pool.map(self.file_schema, files))
        merged = found[0]
        for other in found[1:]:
            merged = merge_structs(merged, other)
        return merged

    def file_schema(self, file: DataFile) -> Any:
        """StructType of one file: Spark's own note in the footer if it is there, else the Parquet types."""
        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyspark.errors import SparkRuntimeException as SparkException
        from pyspark.sql.types import StructType

        from awsglue._runtime.io.arrow_types import spark_schema

        try:
            with self.storage.open_arrow(file.path) as source:
                footer = pq.ParquetFile(source)
                note = (footer.metadata.metadata or {}).get(SPARK_SCHEMA)
                arrow = footer.schema_arrow
                self._writers[file.path] = footer.metadata.created_by
        except pa.ArrowInvalid as error:
            raise SparkException(
                f"[CANNOT_READ_FILE_FOOTER] Could not read footer for file: {file.path}. ({error})"
            ) from None
        if note:
            return _nullable(StructType.fromJson(json.loads(note)))
        return spark_schema(pa.schema([pa.field(item.name, _instants(item.type)) for item in arrow]))

    def well_noted(self) -> bool:
        """Whether rows may be skipped by what is noted in the files that have been looked at."""
        return all(map(orders_texts, self._writers.values()))

    def fits(self, files: list[DataFile], wanted: Any) -> bool:
        """Whether all files have the wanted columns, if at all, under exactly these names and types, and may be skipped
        by what is noted in them."""

        def one(file: DataFile) -> bool:
            here = {item.name.lower(): item for item in self.file_schema(file).fields}
            for item in wanted.fields:
                found = here.get(item.name.lower())
                if found is not None and (found.name, found.dataType) != (item.name, item.dataType):
                    return False
            return True

        with ThreadPoolExecutor(FOOTERS) as pool:
            return all(pool.map(one, files)) and self.well_noted()

    def batches(self, file: DataFile, schema: Any) -> Iterator[Any]:
        """Rows of a file in this StructType: columns by name (case-insensitively), missing ones null."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from awsglue._runtime.io.arrow_types import arrow_schema

        target = arrow_schema(schema)
        with self.storage.open_arrow(file.path) as source:
            footer = pq.ParquetFile(source, coerce_int96_timestamp_unit="us")
            here = {name.lower(): name for name in footer.schema_arrow.names}
            wanted = [here[item.name.lower()] for item in target if item.name.lower() in here]
            for batch in footer.iter_batches(batch_size=65536, columns=wanted):
                columns = []
                for item in target:
                    name = here.get(item.name.lower())
                    column = batch.column(name) if name else pa.nulls(batch.num_rows, item.type)
                    columns.append(column if column.type == item.type else column.cast(item.type, safe=False))
                if not columns:
                    yield pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
                else:
                    yield pa.RecordBatch.from_arrays(columns, schema=target)


def _instants(kind: Any) -> Any:
    """INT96 arrives as nanoseconds without a zone; Spark takes it for an instant."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.unit == "ns" and kind.tz is None:
        return pa.timestamp("us", "UTC")
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(item.name, _instants(item.type)) for item in kind])
    if pa.types.is_list(kind):
        return pa.list_(_instants(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_instants(kind.key_type), _instants(kind.item_type))
    return kind


def _nullable(struct: Any) -> Any:
    from pyspark.sql.types import StructField, StructType

    return StructType([StructField(item.name, item.dataType, True, item.metadata) for item in struct.fields])


def merge_structs(left: Any, right: Any) -> Any:
    """Both schemas in one, by Spark's StructType.merge (names by case). Raises SparkException on different types."""
    from pyspark.errors import SparkRuntimeException as SparkException
    from pyspark.sql.types import ArrayType, DecimalType, MapType, StructField, StructType

    def merge(a: Any, b: Any, where: str) -> Any:
        if isinstance(a, StructType) and isinstance(b, StructType):
            return merge_structs(a, b)
        if isinstance(a, ArrayType) and isinstance(b, ArrayType):
            return ArrayType(merge(a.elementType, b.elementType, where), a.containsNull or b.containsNull)
        if isinstance(a, MapType) and isinstance(b, MapType):
            return MapType(merge(a.keyType, b.keyType, where), merge(a.valueType, b.valueType, where), True)
        if isinstance(a, DecimalType) and isinstance(b, DecimalType) and a.scale == b.scale:
            return a if a.precision >= b.precision else b
        if a != b:
            raise SparkException(
                f"[CANNOT_MERGE_SCHEMAS] Failed merging schemas: {where} is {a.simpleString()} in one file and "
                f"{b.simpleString()} in another."
            )
        return a

    others = {item.name: item for item in right.fields}
    fields = []
    for item in left.fields:
        other = others.pop(item.name, None)
        kind = item.dataType if other is None else merge(item.dataType, other.dataType, item.name)
        fields.append(StructField(item.name, kind, True, item.metadata))
    fields += [item for item in right.fields if item.name in others]
    return StructType(fields)
