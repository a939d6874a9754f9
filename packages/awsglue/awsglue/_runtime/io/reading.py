"""From `spark.read.<format>(paths)` to a Scan: which reader serves a format, and with which schema."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.listing import Listing, list_files
from awsglue._runtime.io.scan import Scan
from awsglue._runtime.io.storage import Storage

FORMATS = ("csv", "json", "parquet", "text", "orc")
_ALIASES = {
    "com.databricks.spark.csv": "csv",
    "org.apache.spark.sql.parquet": "parquet",
    "glueparquet": "parquet",
    "org.apache.spark.sql.json": "json",
}


class Reading:
    """Plans reads of files."""

    def __init__(self, storage: Storage, scratch: str) -> None:
        self._storage = storage
        self._scratch = scratch

    def scan(
        self,
        name: str,
        paths: list[str],
        options: dict[str, str],
        given: Any,
        conf: dict[str, str],
        listing: Listing | None = None,
        partition_schema: Any = None,
    ) -> Scan:
        """The scan for these paths. `given` is the schema the script set (StructType) or None. Raises as Spark does."""
        kind = format_name(name)
        listing = listing or list_files(self._storage, paths, options)
        infer = conf.get("spark.sql.sources.partitionColumnTypeInference.enabled", "true") != "false"
        if partition_schema is None:
            partition_schema = listing.partition_schema(given, infer=infer)
        reader = self._reader(kind, options, conf)
        data_schema = reader.schema(listing.files) if given is None else given
        if kind in ("csv", "json"):
            _check_corrupt_column(data_schema, reader)
        _check_names(data_schema)
        scan = Scan(
            format=kind,
            files=listing.files,
            data_schema=data_schema,
            partition_schema=partition_schema,
            read=reader.batches,
            scratch=self._scratch,
            roots=listing.roots,
            native=kind == "parquet" and reader.well_noted(),
        )
        if kind == "parquet" and given is not None:
            scan.fits = lambda: reader.fits(scan.files, scan.file_schema)
        if kind == "csv" and reader.options.mode == "PERMISSIVE":
            scan.choose = _chooser(reader, data_schema)
        return scan

    def _reader(self, kind: str, options: dict[str, str], conf: dict[str, str]) -> Any:
        lower = {key.lower(): value for key, value in options.items()}
        zone = conf.get("spark.sql.session.timeZone", "UTC")
        if kind == "csv":
            from awsglue._runtime.io.csv_options import csv_options
            from awsglue._runtime.io.csv_reader import CsvReader

            return CsvReader(storage=self._storage, options=csv_options(options, zone))
        if kind == "json":
            from awsglue._runtime.io.json_options import json_options
            from awsglue._runtime.io.json_reader import JsonReader

            return JsonReader(storage=self._storage, options=json_options(options, zone))
        if kind == "parquet":
            from awsglue._runtime.io.parquet_reader import ParquetReader

            merge = lower.get("mergeschema", conf.get("spark.sql.parquet.mergeSchema", "false"))
            return ParquetReader(storage=self._storage, merge=merge.lower() == "true")
        if kind == "orc":
            from awsglue._runtime.io.orc_reader import OrcReader

            return OrcReader(storage=self._storage)
        from awsglue._runtime.io.text_reader import TextReader

        whole = lower.get("wholetext", "false").lower() == "true"
        return TextReader(storage=self._storage, whole=whole, line_separator=lower.get("linesep", ""))


def _chooser(reader: Any, schema: Any) -> Any:
    """How single columns are read; None where all of a record is needed to know what is wrong with it."""
    from functools import partial

    from awsglue._runtime.io.csv_columns import chosen

    if any(item.name == reader.options.corrupt_column for item in schema.fields):
        return None
    return partial(chosen, reader)


def format_name(name: str) -> str:
    """The format behind this name. Raises EngineRefused for one we do not read."""
    lower = name.lower()
    kind = _ALIASES.get(lower, lower)
    if kind not in FORMATS:
        raise EngineRefused(f"format {name!r}")
    return kind


def _check_corrupt_column(given: Any, reader: Any) -> None:
    from pyspark.errors import AnalysisException
    from pyspark.sql.types import StringType

    for item in given.fields if given is not None else ():
        if item.name == reader.options.corrupt_column and not isinstance(item.dataType, StringType):
            raise AnalysisException("The field for corrupt records must be string type and nullable.")


def _check_names(struct: Any) -> None:
    """Names that differ only by case cannot stand in one schema."""
    from pyspark.errors import AnalysisException

    names = [item.name.lower() for item in struct.fields]
    for name in names:
        if names.count(name) > 1:
            raise AnalysisException(
                f"[COLUMN_ALREADY_EXISTS] The column `{name}` already exists. Choose another name or rename the "
                "existing column."
            )
