"""File formats for writing: Parquet, CSV, JSON, text, ORC. Each encoder makes one local file."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import zlib
from typing import IO, Any, Protocol

from awsglue._runtime.failures import EngineRefused

ROW_GROUP = 1 << 17
TEXT_CODECS = {"none": "", "uncompressed": "", "": "", "gzip": ".gz", "bzip2": ".bz2", "deflate": ".deflate"}
PARQUET_CODECS = {
    "snappy": ".snappy",
    "gzip": ".gz",
    "zstd": ".zstd",
    "lz4": ".lz4hadoop",
    "lz4_raw": ".lz4raw",
    "brotli": ".br",
    "none": "",
    "uncompressed": "",
}


class Encoder(Protocol):
    """One file in the making."""

    suffix: str
    rows: int
    size: int
    local: str
    target: str

    def open(self, path: str) -> None: ...
    def write(self, batch: Any) -> None: ...
    def held(self) -> int: ...
    def release(self) -> None: ...
    def close(self) -> None: ...


def encoder(name: str, struct: Any, options: dict[str, str], conf: dict[str, str]) -> Encoder:
    """An encoder for this format. `options` have lower-case names. Raises EngineRefused for formats we do not write."""
    kind = (name or conf.get("spark.sql.sources.default", "parquet")).lower()
    kind = {"com.databricks.spark.csv": "csv", "glueparquet": "parquet"}.get(kind, kind)
    if kind == "parquet":
        return ParquetEncoder(struct, options, conf)
    if kind == "orc":
        return OrcEncoder(struct, options, conf)
    if kind in ("csv", "json", "text"):
        from awsglue._runtime.io.text_encoders import TextEncoder, lines_of

        return TextEncoder(kind, lines_of(kind, struct, options, conf), options)
    raise EngineRefused(f"writing format {name!r}")


def _check_void(struct: Any, kind: str) -> None:
    from pyspark.errors import AnalysisException
    from pyspark.sql.types import NullType

    for item in struct.fields:
        if isinstance(item.dataType, NullType):
            raise AnalysisException(
                f"[UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE] The {kind} datasource doesn't support the column "
                f'`{item.name}` of the type "VOID".'
            )


class _Buffered:
    """Rows held back until they make a decent row group."""

    suffix = ""

    def __init__(self) -> None:
        self.rows = 0
        self.size = 0
        self.local = ""
        self.target = ""
        self._held: list[Any] = []
        self._held_rows = 0
        self._held_bytes = 0

    def write(self, batch: Any) -> None:
        size = batch.nbytes
        self._held.append(batch)
        self._held_rows += batch.num_rows
        self._held_bytes += size
        self.rows += batch.num_rows
        self.size += size
        if self._held_rows >= ROW_GROUP:
            self.release()

    def held(self) -> int:
        """Bytes of rows that are held back."""
        return self._held_bytes

    def release(self) -> None:
        """Write what is held back."""
        import pyarrow as pa

        if self._held:
            self._put(pa.Table.from_batches(self._held))
            self._held, self._held_rows, self._held_bytes = [], 0, 0

    def _put(self, table: Any) -> None:
        raise NotImplementedError


class ParquetEncoder(_Buffered):
    """Parquet as Spark writes it: snappy, INT96 timestamps unless told otherwise, Spark's schema in the footer."""

    def __init__(self, struct: Any, options: dict[str, str], conf: dict[str, str]) -> None:
        super().__init__()
        from pyspark.errors import IllegalArgumentException

        _check_void(struct, "Parquet")
        codec = (
            options.get("compression")
            or options.get("parquet.compression")
            or conf.get("spark.sql.parquet.compression.codec", "snappy")
        ).lower()
        if codec not in PARQUET_CODECS:
            raise IllegalArgumentException(
                f"[CODEC_NOT_AVAILABLE] The codec {codec} is not available. Available codecs are "
                f"{', '.join(sorted(PARQUET_CODECS))}."
            )
        self._codec = {"none": "NONE", "uncompressed": "NONE", "lz4_raw": "LZ4"}.get(codec, codec.upper())
        self.suffix = f"{PARQUET_CODECS[codec]}.parquet"
        self._struct = struct
        self._int96 = conf.get("spark.sql.parquet.outputTimestampType", "INT96").upper() == "INT96" and (
            "timestamp_ntz" not in struct.simpleString()
        )
        self._conf = conf
        self._writer: Any = None

    def open(self, path: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from awsglue._runtime.io.arrow_types import arrow_schema
        from awsglue._runtime.io.parquet_reader import SPARK_SCHEMA

        self.local = path
        metadata = {
            SPARK_SCHEMA: json.dumps(self._struct.jsonValue()).encode(),
            b"org.apache.spark.version": b"3.5.4",
        }
        self._schema = pa.schema([item.with_nullable(True) for item in arrow_schema(self._struct)])
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            compression=self._codec,
            store_schema=False,
            use_deprecated_int96_timestamps=self._int96,
            version="1.0" if self._int96 else "2.6",
        )
        self._writer.add_key_value_metadata(metadata)

    def _put(self, table: Any) -> None:
        from awsglue._runtime.io import ancient

        ancient.check(table, self._conf, int96=self._int96)
        self._writer.write_table(table.cast(self._schema))

    def close(self) -> None:
        self.release()
        self._writer.close()


class OrcEncoder(_Buffered):
    """ORC through pyarrow."""

    def __init__(self, struct: Any, options: dict[str, str], conf: dict[str, str]) -> None:
        super().__init__()
        _check_void(struct, "ORC")
        codec = (
            options.get("compression")
            or options.get("orc.compress")
            or conf.get("spark.sql.orc.compression.codec", "snappy")
        ).lower()
        known = {
            "snappy": ".snappy",
            "zlib": ".zlib",
            "zstd": ".zstd",
            "lz4": ".lz4",
            "none": "",
            "uncompressed": "",
        }
        if codec not in known:
            raise EngineRefused(f"ORC compression {codec!r}")
        self._codec = {"none": "uncompressed"}.get(codec, codec)
        self.suffix = f"{known[codec]}.orc"
        self._struct = struct

    def open(self, path: str) -> None:
        import pyarrow as pa
        import pyarrow.orc as orc

        from awsglue._runtime.io.arrow_types import arrow_schema

        self.local = path
        self._empty = pa.schema(
            [item.with_nullable(True) for item in arrow_schema(self._struct)]
        ).empty_table()
        self._writer = orc.ORCWriter(path, compression=self._codec)

    def _put(self, table: Any) -> None:
        self._writer.write(table)

    def close(self) -> None:
        self.release()
        if not self.rows:
            self._writer.write(self._empty)
        self._writer.close()


def compressed(path: str, codec: str) -> IO[bytes]:
    """A local file to write compressed text into."""
    if codec == ".gz":
        return gzip.open(path, "wb", compresslevel=6)  # type: ignore[return-value]
    if codec == ".bz2":
        return bz2.open(path, "wb")
    if codec == ".deflate":
        return _Deflate(path)  # type: ignore[return-value]
    return open(path, "wb")


class _Deflate:
    """A zlib stream, as Hadoop's DefaultCodec writes."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - closed by close()
        self._codec = zlib.compressobj()

    def write(self, data: bytes) -> int:
        self._file.write(self._codec.compress(data))
        return len(data)

    def close(self) -> None:
        self._file.write(self._codec.flush())
        self._file.close()


def local_size(path: str) -> int:
    return os.path.getsize(path)
