"""Our CSV and JSON readers against what Apache Spark 3.5.9 made of the same bytes (recorded in data/)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row

from awsglue._runtime.io.csv_options import csv_options
from awsglue._runtime.io.csv_reader import CsvReader
from awsglue._runtime.io.json_options import json_options
from awsglue._runtime.io.json_reader import JsonReader
from awsglue._runtime.io.listing import list_files
from awsglue._runtime.io.reading import _check_names
from awsglue._runtime.io.storage import Storage

DATA = Path(__file__).parent / "data"
# Spark refuses a read whose only column is the corrupt record, and a key twice in one object; ours reads them.
KNOWN = {"mlbad", "dup"}


def cases(name: str) -> list[Any]:
    return [
        pytest.param(case, id=case["name"])
        for case in json.loads((DATA / name).read_text())
        if case["name"] not in KNOWN
    ]


def rows_of(
    case: dict[str, Any], reader: Any, options: dict[str, str], path: Path, spark: Any
) -> dict[str, Any]:
    listing = list_files(Storage(), [str(path)], options)
    given = case["options"].get("schema")
    schema = spark._mastic.parse_ddl(given) if given else reader.schema(listing.files)
    _check_names(schema)
    rows = []
    for file in listing.files:
        for batch in reader.batches(file, schema):
            for row in zip(*[column.to_pylist() for column in batch.columns], strict=True):
                pairs = zip(row, schema.fields, strict=True)
                rows.append([repr(plain(value, item.dataType)) for value, item in pairs])
    return {"schema": schema.simpleString(), "rows": rows}


def plain(value: Any, kind: Any) -> Any:
    """A value as collect() gives it in Spark 3.5: Rows for structs, dicts for maps, naive UTC timestamps."""
    name = type(kind).__name__
    if value is None:
        return None
    if name == "StructType":
        return Row(**{item.name: plain(value[item.name], item.dataType) for item in kind.fields})
    if name == "ArrayType":
        return [plain(item, kind.elementType) for item in value]
    if name == "MapType":
        return {key: plain(item, kind.valueType) for key, item in value}
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") and value.tzinfo else value


@pytest.mark.parametrize("case", cases("csv_read.json"))
def test_csv_as_spark_reads_it(case: dict[str, Any], tmp_path: Path, spark: Any) -> None:
    compare(
        case,
        tmp_path / "f.csv",
        lambda given: CsvReader(storage=Storage(), options=csv_options(given)),
        spark,
    )


@pytest.mark.parametrize("case", cases("json_read.json"))
def test_json_as_spark_reads_it(case: dict[str, Any], tmp_path: Path, spark: Any) -> None:
    compare(
        case,
        tmp_path / "f.json",
        lambda given: JsonReader(storage=Storage(), options=json_options(given)),
        spark,
    )


def compare(case: dict[str, Any], path: Path, make: Any, spark: Any) -> None:
    path.write_bytes(case["data"].encode("latin-1"))
    options = {key: value for key, value in case["options"].items() if key != "schema"}
    expected = case["spark"]
    if "error" in expected:
        with pytest.raises(Exception, match=r"COLUMN_ALREADY_EXISTS|MALFORMED_RECORD|UNABLE_TO_INFER"):
            rows_of(case, make(options), options, path, spark)
        return
    assert rows_of(case, make(options), options, path, spark) == expected


def test_partition_folders_with_escapes_are_read(spark: Any, tmp_path: Path) -> None:
    values = [(1, "a b/c%=é"), (2, "x y"), (3, "q%20r"), (4, "k#?*m")]
    spark.createDataFrame(values, "id int, p string").write.partitionBy("p").parquet(str(tmp_path / "t"))
    read = spark.read.parquet(str(tmp_path / "t"))
    assert sorted(tuple(row) for row in read.collect()) == values


def test_schemas_of_files_are_merged(spark: Any, tmp_path: Path) -> None:
    folder = str(tmp_path / "t")
    spark.createDataFrame([(1, "x")], "a int, b string").write.parquet(folder)
    spark.createDataFrame([(2, 5)], "a int, c bigint").write.mode("append").parquet(folder)
    read = spark.read.option("mergeSchema", "true").parquet(folder)
    assert sorted((row.a, row.b, row.c) for row in read.collect()) == [(1, "x", None), (2, None, 5)]
    spark.createDataFrame([("3",)], "a string").write.mode("append").parquet(folder)
    with pytest.raises(Exception, match="CANNOT_MERGE_SCHEMAS"):
        spark.read.option("mergeSchema", "true").parquet(folder).collect()
