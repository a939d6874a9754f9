"""Reading ORC through pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.storage import Storage


@dataclass(frozen=True, kw_only=True)
class OrcReader:
    """Schemas and rows of ORC files."""

    storage: Storage

    def schema(self, files: list[DataFile]) -> Any:
        """StructType of the first file. Raises AnalysisException when there is no file."""
        import pyarrow.orc as orc
        from pyspark.errors import AnalysisException

        from awsglue._runtime.io.arrow_types import spark_schema

        if not files:
            raise AnalysisException(
                "[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for ORC. It must be specified manually."
            )
        with self.storage.open_arrow(files[0].path) as source:
            import pyarrow as pa

            from awsglue._runtime.io.parquet_reader import _instants

            found = orc.ORCFile(source).schema
            return spark_schema(pa.schema([pa.field(item.name, _instants(item.type)) for item in found]))

    def batches(self, file: DataFile, schema: Any) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.orc as orc

        from awsglue._runtime.io.arrow_types import arrow_schema

        target = arrow_schema(schema)
        with self.storage.open_arrow(file.path) as source:
            opened = orc.ORCFile(source)
            here = {name.lower(): name for name in opened.schema.names}
            for stripe in range(opened.nstripes):
                batch = opened.read_stripe(stripe)
                columns = []
                for item in target:
                    name = here.get(item.name.lower())
                    column = batch.column(name) if name else pa.nulls(batch.num_rows, item.type)
                    columns.append(column if column.type == item.type else column.cast(item.type, safe=False))
                yield pa.RecordBatch.from_arrays(columns, schema=target)
