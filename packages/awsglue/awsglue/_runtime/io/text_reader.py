"""Reading text files: one row a line, or one row a file with wholetext."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.io import decoding
from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.storage import Storage


@dataclass(frozen=True, kw_only=True)
class TextReader:
    """Lines of files in a single string column."""

    storage: Storage
    whole: bool = False
    line_separator: str = ""

    def schema(self, files: list[DataFile]) -> Any:
        from pyspark.sql.types import StringType, StructField, StructType

        return StructType([StructField("value", StringType(), True)])

    def batches(self, file: DataFile, schema: Any) -> Iterator[Any]:
        import pyarrow as pa

        name = schema.fields[0].name
        with self.storage.open(file.path) as stream:
            chunks = decoding.text_chunks(decoding.decompressed(stream, file.path), "UTF-8")
            if self.whole:
                yield pa.record_batch({name: pa.array(["".join(chunks)], pa.string())})
                return
            for lines in decoding.line_blocks(chunks, self.line_separator):
                yield pa.record_batch({name: pa.array(lines, pa.string())})
