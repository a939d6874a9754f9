"""ALTER TABLE on Hive-style tables."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.catalog.hive_types import hive_type
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.partitions import escape
from awsglue._runtime.io.storage import join


def alter(tables: Any, services: Any, glue: Any, row: dict[str, Any], cutter: Any) -> None:
    """Carry out one ALTER TABLE. Raises EngineRefused for forms not served."""
    from awsglue._runtime.sql.ddl import _properties

    if cutter.take("ADD", "COLUMNS") or cutter.take("ADD", "COLUMN"):
        _add_columns(tables, services, row, cutter.brackets() if cutter.peek("(") else cutter.rest())
    elif cutter.take("SET", "TBLPROPERTIES"):
        tables.update(row, Parameters={**row.get("Parameters", {}), **_properties(cutter.brackets())})
    elif cutter.take("SET", "LOCATION"):
        storage = {**row["StorageDescriptor"], "Location": cutter.rest().strip("'\"")}
        tables.update(row, StorageDescriptor=storage)
    elif cutter.peek("ADD"):
        _add_partitions(tables, glue, row, cutter)
    elif cutter.peek("DROP"):
        _drop_partitions(tables, glue, row, cutter)
    elif cutter.take("RECOVER", "PARTITIONS"):
        tables.repair(row)
    else:
        raise EngineRefused(f"ALTER TABLE {cutter.rest()[:60]!r}")


def _add_columns(tables: Any, services: Any, row: dict[str, Any], text: str) -> None:
    import json

    from pyspark.sql.types import StructType

    added = services.parse_ddl(text).fields
    columns = [
        *row["StorageDescriptor"]["Columns"],
        *[{"Name": item.name.lower(), "Type": hive_type(item.dataType)} for item in added],
    ]
    parameters = dict(row.get("Parameters", {}))
    note = parameters.get("spark.sql.sources.schema")
    if note:
        data, keys = tables.struct(row)
        parameters["spark.sql.sources.schema"] = json.dumps(
            StructType([*data.fields, *added, *keys.fields]).jsonValue()
        )
    tables.update(
        row, StorageDescriptor={**row["StorageDescriptor"], "Columns": columns}, Parameters=parameters
    )


def _values(row: dict[str, Any], text: str) -> list[str]:
    from awsglue._runtime.sql.dml import _partition_values

    given = {key.lower(): (value or "").strip("'\"") for key, value in _partition_values(text).items()}
    return [given[item["Name"].lower()] for item in row.get("PartitionKeys") or []]


def _add_partitions(tables: Any, glue: Any, row: dict[str, Any], cutter: Any) -> None:
    cutter.need("ADD")
    quiet = cutter.take("IF", "NOT", "EXISTS")
    known = {tuple(item["Values"]) for item in glue.partitions(row["DatabaseName"], row["Name"])}
    keys = [item["Name"] for item in row.get("PartitionKeys") or []]
    while cutter.take("PARTITION"):
        values = _values(row, cutter.brackets())
        folder = "/".join(f"{key}={escape(value)}" for key, value in zip(keys, values, strict=True))
        location = join(row["StorageDescriptor"]["Location"], folder)
        if cutter.take("LOCATION"):
            location = cutter.until(("PARTITION",)).strip("'\"")
        if tuple(values) in known and not quiet:
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                f"[PARTITIONS_ALREADY_EXIST] Cannot ADD or RENAME TO partition(s) ({folder}) in table "
                f"`{row['Name']}` because they already exist."
            )
        tables._register(row, [(values, location)])


def _drop_partitions(tables: Any, glue: Any, row: dict[str, Any], cutter: Any) -> None:
    cutter.need("DROP")
    quiet = cutter.take("IF", "EXISTS")
    known = {tuple(item["Values"]) for item in glue.partitions(row["DatabaseName"], row["Name"])}
    while cutter.take("PARTITION"):
        values = _values(row, cutter.brackets())
        cutter.take(",")
        if tuple(values) not in known:
            if quiet:
                continue
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                f"[PARTITIONS_NOT_FOUND] The partition(s) {values} cannot be found in table `{row['Name']}`."
            )
        tables._drop_partitions(row, [values])
