"""A table's entry in the Glue catalog as Hudi's sync makes it: columns, partitions, the last commit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from awsglue._runtime.catalog.glue import GlueApi, table_input
from awsglue._runtime.catalog.hive_types import hive_type
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi.errors import HoodieException
from awsglue._runtime.hudi.keys import partition_values
from awsglue._runtime.hudi.lake import META, Table
from awsglue._runtime.hudi.options import SYNC, Asked
from awsglue._runtime.hudi.properties import TableConfig, names
from awsglue._runtime.hudi.writing import Outcome
from awsglue._runtime.io.storage import join, split

INPUT = "org.apache.hudi.hadoop.HoodieParquetInputFormat"
REALTIME_INPUT = "org.apache.hudi.hadoop.realtime.HoodieParquetRealtimeInputFormat"
OPTIMIZED = "hoodie.query.as.ro.table"
OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_ENABLED = (
    "hoodie.datasource.hive_sync.enable",
    "hoodie.datasource.meta.sync.enable",
    "hoodie.datasource.meta_sync.enable",
)
_LAST = "last_commit_time_sync"
_BATCH = 25


def check(path: str, asked: Asked, config: TableConfig) -> None:
    """What would keep the sync from its work, before anything is written. Raises HoodieException, EngineRefused."""
    if not any(asked.flag(one) for one in _ENABLED):
        return
    _extractor(asked, names(asked.get(SYNC + "partition_fields")))
    glue, (database, target) = GlueApi(), _target(asked, config.name)
    entries = _entries(asked, config, target)
    if glue.database(database) is None:
        _check_database(database, asked)
        return
    for name in entries:
        row = glue.table(database, name)
        if row is not None:
            _check_place(row, path)


def _entries(asked: Asked, config: TableConfig, name: str) -> dict[str, bool]:
    """The entries that a table has in the catalog, and which of them are read optimized."""
    if not config.merge_on_read:
        return {name: False}
    strategy = asked.get(SYNC + "table.strategy").upper() or "ALL"
    if strategy in ("RO", "RT"):
        return {name: strategy == "RO"}
    if strategy != "ALL":
        raise HoodieException(f"No enum constant HoodieSyncTableStrategy.{strategy}")
    bare = asked.flag(SYNC + "skip_ro_suffix")
    found = {name if bare else f"{name}_ro": True, f"{name}_rt": False}
    if asked.flag("hoodie.meta.sync.sync_snapshot_with_table_name", True):
        found.setdefault(name, False)
    return found


def _check_database(database: str, asked: Asked) -> None:
    if not asked.flag(SYNC + "auto_create_database", True):
        raise HoodieException(f"hive database does not exist {database}")


def _target(asked: Asked, name: str) -> tuple[str, str]:
    return (asked.get(SYNC + "database") or "default").lower(), (asked.get(SYNC + "table") or name).lower()


def follow(table: Table, asked: Asked, outcome: Outcome, *, anew: bool = False) -> None:
    """Bring the catalog up to a commit, if the options ask for it. Raises HoodieException; what Glue says."""
    if not any(asked.flag(name) for name in _ENABLED):
        return
    database, name = _target(asked, table.config.name)
    given = asked.given.get(SYNC + "partition_fields")
    fields = names(given) if given is not None else table.config.partition_fields
    extractor = _extractor(asked, fields)
    glue = GlueApi()
    if glue.database(database) is None:
        _check_database(database, asked)
        glue.client.create_database(DatabaseInput={"Name": database})
    timestamps = asked.flag(SYNC + "support_timestamp")
    for entry, optimized in _entries(asked, table.config, name).items():
        register(
            glue,
            table,
            outcome,
            database,
            entry,
            fields,
            extractor,
            timestamps=timestamps,
            anew=anew,
            more=_pairs(asked.get(SYNC + "table_properties")),
            managed=asked.flag(SYNC + "create_managed_table"),
            optimized=optimized,
        )


def _pairs(text: str) -> dict[str, str]:
    """Properties as the sync takes them: one `name=value` a line."""
    found = (line.partition("=") for line in text.splitlines() if line.strip())
    return {name.strip(): value.strip() for name, _, value in found}


def register(
    glue: GlueApi,
    table: Table,
    outcome: Outcome,
    database: str,
    name: str,
    fields: list[str],
    extractor: str = "",
    *,
    timestamps: bool = False,
    anew: bool = False,
    more: dict[str, str] | None = None,
    managed: bool = False,
    optimized: bool = False,
) -> None:
    """Make or bring up to date the entry of a table, and its partitions."""
    row = glue.table(database, name)
    optimized = optimized or _optimized(row)
    written, dropped = _partitions(table, outcome, row)
    outcome = _latest(table, outcome)
    definition = _definition(table, outcome, name, fields, timestamps, more or {}, managed)
    if table.config.merge_on_read:
        storage = definition["StorageDescriptor"]
        storage["InputFormat"] = INPUT if optimized else REALTIME_INPUT
        storage["SerdeInfo"]["Parameters"][OPTIMIZED] = str(optimized).lower()
    if row is None:
        glue.client.create_table(DatabaseName=database, TableInput=definition)
    else:
        _check_place(row, table.path)
        former = table_input(row)
        definition["Parameters"] = {**former.get("Parameters", {}), **definition["Parameters"]}
        definition["TableType"] = former.get("TableType", definition["TableType"])
        definition["Description"] = former.get("Description", "")
        glue.client.update_table(DatabaseName=database, TableInput=definition)
    if not fields:
        return
    if anew and row is not None:
        _drop(glue, database, name, [one["Values"] for one in glue.partitions(database, name)])
    _drop(glue, database, name, [_values(table, one, fields, extractor) for one in dropped])
    storage = definition["StorageDescriptor"]
    inputs = [
        {
            "Values": _values(table, one, fields, extractor),
            "StorageDescriptor": {**storage, "Location": join(table.path, one)},
        }
        for one in written
    ]
    glue.create_partitions(database, name, inputs)


def _optimized(row: dict[str, Any] | None) -> bool:
    """Whether an entry is of the base files alone."""
    serde = ((row or {}).get("StorageDescriptor") or {}).get("SerdeInfo") or {}
    return str((serde.get("Parameters") or {}).get(OPTIMIZED, "")).lower() == "true"


def _partitions(table: Table, outcome: Outcome, row: dict[str, Any] | None) -> tuple[list[str], list[str]]:
    """(partitions that came, partitions that went) since the catalog was told last: commits may have come between."""
    last = ((row or {}).get("Parameters") or {}).get(_LAST)
    others = [one for one in table.timeline.completed() if one.time != outcome.instant]
    missed = [one for one in others if one.time > (last or "")]
    if not missed and all(one.time < outcome.instant for one in others):
        return outcome.written, outcome.dropped
    here = {one.partition for one in table.slices()}
    if last is None:
        return sorted(here), []
    written, dropped = set(outcome.written), set(outcome.dropped)
    for instant in missed:
        said = table.timeline.metadata(instant)
        written |= set(said.get("partitionToWriteStats") or {})
        dropped |= set(said.get("partitionToReplaceFileIds") or {})
    return sorted(written & here), sorted(dropped - here)


def _latest(table: Table, outcome: Outcome) -> Outcome:
    """What the last commit has left: another writer may have been here since, and told of it already."""
    last = table.timeline.completed()[-1:]
    if not last or last[0].time <= outcome.instant:
        return outcome
    return replace(outcome, instant=last[0].time, schema=table.schema())


def _check_place(row: dict[str, Any], path: str) -> None:
    place = str((row.get("StorageDescriptor") or {}).get("Location") or "").rstrip("/")
    if place and _bare(place) != _bare(path):
        raise HoodieException(
            f"table {row['DatabaseName']}.{row['Name']} of the catalog is at {place}, not at {path}"
        )


def _bare(path: str) -> str:
    """A path whichever way S3 is spelt."""
    scheme, bucket, key = split(path)
    return key if scheme == "file" else f"{bucket}/{key}"


def _definition(
    table: Table,
    outcome: Outcome,
    name: str,
    fields: list[str],
    timestamps: bool,
    more: dict[str, str],
    managed: bool,
) -> dict[str, Any]:
    from pyspark.sql.types import StringType, StructField, StructType

    keys = [field.lower() for field in fields]
    meta = [StructField(one, StringType(), True) for one in META]
    data = sorted(outcome.schema.fields, key=lambda item: _last(item.name.lower(), keys))
    whole = StructType([*meta, *data])
    types = {item.name.lower(): _hive(item.dataType, timestamps) for item in whole.fields}
    return {
        "Name": name,
        "TableType": "MANAGED_TABLE" if managed else "EXTERNAL_TABLE",
        "Parameters": {
            **({} if managed else {"EXTERNAL": "TRUE"}),
            **more,
            **_spark_properties(whole, keys),
            "hudi.metadata-listing-enabled": "FALSE",
            _LAST: outcome.instant,
        },
        "PartitionKeys": [{"Name": key, "Type": types.get(key, "string")} for key in keys],
        "StorageDescriptor": {
            "Columns": [{"Name": one, "Type": kind} for one, kind in types.items() if one not in keys],
            "Location": table.path,
            "InputFormat": INPUT,
            "OutputFormat": OUTPUT,
            "SerdeInfo": {
                "SerializationLibrary": SERDE,
                "Parameters": {
                    OPTIMIZED: "false",
                    "path": table.path,
                    "serialization.format": "1",
                },
            },
        },
    }


def _last(name: str, keys: list[str]) -> int:
    """Where a column stands: those of partitions come last."""
    return keys.index(name) + 1 if name in keys else 0


def _hive(kind: Any, timestamps: bool) -> str:
    """Hudi's sync tells the catalog of times as numbers, unless it is asked to do otherwise."""
    text = hive_type(kind)
    return text if timestamps or text != "timestamp" else "bigint"


def _spark_properties(schema: Any, keys: list[str]) -> dict[str, str]:
    text = schema.json()
    parts = [text[start : start + 4000] for start in range(0, len(text), 4000)]
    made = {"spark.sql.sources.provider": "hudi", "spark.sql.sources.schema.numParts": str(len(parts))}
    made |= {f"spark.sql.sources.schema.part.{number}": part for number, part in enumerate(parts)}
    if keys:
        made["spark.sql.sources.schema.numPartCols"] = str(len(keys))
        made |= {f"spark.sql.sources.schema.partCol.{number}": key for number, key in enumerate(keys)}
    return made


def _extractor(asked: Asked, fields: list[str]) -> str:
    """The short name of the class that takes values out of partition paths. Raises EngineRefused for others' own."""
    given = asked.get(SYNC + "partition_extractor_class").rsplit(".", 1)[-1]
    known = (
        "",
        "MultiPartKeysValueExtractor",
        "NonPartitionedExtractor",
        "HiveStylePartitionValueExtractor",
        "SinglePartPartitionValueExtractor",
        "SlashEncodedDayPartitionValueExtractor",
    )
    if given not in known:
        raise EngineRefused(f"partition extractor {given} of Hudi's sync")
    if given == "NonPartitionedExtractor" and fields:
        raise HoodieException("NonPartitionedExtractor does not go with partition fields of the sync")
    return given


def _values(table: Table, path: str, fields: list[str], extractor: str) -> list[str]:
    """The values of a partition path, as the extractor takes them. Raises HoodieException."""
    from awsglue._runtime.io.partitions import unescape

    if extractor == "SlashEncodedDayPartitionValueExtractor":
        return ["-".join(part.rpartition("=")[2].zfill(2) for part in path.split("/"))]
    if extractor == "SinglePartPartitionValueExtractor":
        return [unescape(path)]
    if extractor == "HiveStylePartitionValueExtractor" and path.count("=") == 1:
        return [unescape(path.partition("=")[2])]
    if not extractor and [one.lower() for one in fields] == [
        one.lower() for one in table.config.partition_fields
    ]:
        return partition_values(path, table.config)
    values = [unescape(part.rpartition("=")[2] if "=" in part else part) for part in path.split("/")]
    if len(values) != len(fields):
        raise HoodieException(f"partition path {path!r} does not hold one value for each of {fields}")
    return values


def _drop(glue: GlueApi, database: str, name: str, values: list[list[str]]) -> None:
    for start in range(0, len(values), _BATCH):
        reply = glue.client.batch_delete_partition(
            DatabaseName=database,
            TableName=name,
            PartitionsToDelete=[{"Values": one} for one in values[start : start + _BATCH]],
        )
        wrong = [
            one
            for one in reply.get("Errors", ())
            if one["ErrorDetail"]["ErrorCode"] != "EntityNotFoundException"
        ]
        if wrong:
            raise HoodieException(f"partitions of {database}.{name} could not be dropped: {wrong[:3]}")
