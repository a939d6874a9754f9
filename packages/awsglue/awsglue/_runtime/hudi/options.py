"""What a writer's options ask for. Those that would change what is written, and that we do not serve, are refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi import properties, timestamps
from awsglue._runtime.hudi.errors import HoodieException
from awsglue._runtime.hudi.properties import BARE_KEYS, PARTITION_FIELDS, TableConfig, names, timed

WRITE = "hoodie.datasource.write."
SYNC = "hoodie.datasource.hive_sync."
SMALL_FILE = "hoodie.parquet.small.file.limit"
LARGEST_FILE = "hoodie.parquet.max.file.size"
TYPES = ("COPY_ON_WRITE", "MERGE_ON_READ")
_CODEC = "hoodie.parquet.compression.codec"
_CODECS = {
    "uncompressed": "none",
    "snappy": "snappy",
    "gzip": "gzip",
    "brotli": "brotli",
    "zstd": "zstd",
    "lz4_raw": "lz4",
}
OPERATIONS = (
    "upsert",
    "insert",
    "bulk_insert",
    "delete",
    "insert_overwrite",
    "insert_overwrite_table",
    "delete_partition",
)
LATEST = "org.apache.hudi.common.model.OverwriteWithLatestAvroPayload"
ORDERED = "org.apache.hudi.common.model.DefaultHoodieRecordPayload"
EMPTY = "org.apache.hudi.common.model.EmptyHoodieRecordPayload"
DMS = "org.apache.hudi.payload.AWSDmsAvroPayload"
PAYLOADS = (LATEST, ORDERED, EMPTY, DMS)
# Which index finds a record is the index's business; whether it looks through all partitions is not.
LOCAL_INDEXES = ("SIMPLE", "BLOOM", "INMEMORY")
GLOBAL_INDEXES = ("GLOBAL_SIMPLE", "GLOBAL_BLOOM")
GENERATORS = {
    "SIMPLE": properties.SIMPLE,
    "COMPLEX": properties.COMPLEX,
    "NON_PARTITION": properties.NONPARTITIONED,
    "CUSTOM": properties.CUSTOM,
    "TIMESTAMP": properties.TIMESTAMP,
}
# Of a single record key and a single partition field.
_SINGLE = (properties.SIMPLE, properties.TIMESTAMP)
# About speed, layout, upkeep, locks and catalogs: what a table holds is the same with and without them.
_TAKEN = (
    "hoodie.upsert.shuffle.parallelism", "hoodie.insert.shuffle.parallelism", "hoodie.delete.shuffle.parallelism",
    "hoodie.bulkinsert.", "hoodie.rollback.", "hoodie.finalize.", "hoodie.combine.before.upsert.parallelism",
    "hoodie.parquet.", "hoodie.copyonwrite.", "hoodie.cleaner.", "hoodie.clean.", "hoodie.keep.", "hoodie.archive.",
    "hoodie.commits.archival.", "hoodie.metadata.", "hoodie.bloom.index.", "hoodie.index.bloom.",
    "hoodie.simple.index.",
    "hoodie.global.simple.index.", "hoodie.memory.", "hoodie.embed.", "hoodie.markers.", "hoodie.write.markers.",
    "hoodie.write.lock.", "hoodie.write.concurrency.", "hoodie.fail.on.", "hoodie.filesystem.", "hoodie.metrics.",
    "hoodie.compact.", "hoodie.storage.", "hoodie.consistency.", "hoodie.clustering.", "hoodie.layout.optimize.",
    "hoodie.logfile.", "hoodie.record.size.", "hoodie.datasource.hive_sync.", "hoodie.datasource.meta.sync.",
    "hoodie.datasource.meta_sync.", "hoodie.meta.sync.", "hoodie.meta_sync.", "hoodie.client.",
    "hoodie.datasource.compaction.",
    "hoodie.write.status.", "hoodie.datasource.read.", "hoodie.datasource.query.", "hoodie.refresh.", "hoodie.auto.",
    "hoodie.cleaner", "hoodie.spillable.", "hoodie.common.", "hoodie.gcp.", "hoodie.base.path",
    "hoodie.datasource.clustering.",
)  # fmt: skip
# Served here, by name.
_SERVED = frozenset(
    [
        "hoodie.table.name", "hoodie.table.type", "hoodie.table.recordkey.fields", "hoodie.table.partition.fields",
        "hoodie.table.precombine.field", "hoodie.table.keygenerator.class", "hoodie.table.base.file.format",
        "hoodie.database.name", "hoodie.index.type", "hoodie.combine.before.insert", "hoodie.combine.before.upsert",
        "hoodie.combine.before.delete", "hoodie.populate.meta.fields", "hoodie.merge.allow.duplicate.on.inserts",
        "hoodie.allow.empty.commit", "hoodie.write.set.null.for.missing.columns", "hoodie.payload.ordering.field",
        "hoodie.payload.event.time.field", "hoodie.schema.on.read.enable", "hoodie.table.version",
        "hoodie.write.table.version", "hoodie.avro.schema.validate", "hoodie.compaction.payload.class",
        "hoodie.bloom.index.update.partition.path", "hoodie.simple.index.update.partition.path",
        "hoodie.keygen.datetime.parser.class", "hoodie.deltastreamer.keygen.datetime.parser.class",
        BARE_KEYS, "hoodie.write.complex.keygen.validation.enable",
        *(prefix + one for prefix in (timestamps.PREFIX, timestamps.FORMER_PREFIX) for one in timestamps.SETTINGS),
    ]
)  # fmt: skip
_SERVED_WRITE = frozenset(
    "operation recordkey.field partitionpath.field precombine.field keygenerator.class keygenerator.type "
    "hive_style_partitioning partitionpath.urlencode table.name table.type storage.type payload.class "
    "insert.drop.duplicates insert.dup.policy partitions.to.delete reconcile.schema row.writer.enable "
    "drop.partition.columns streaming.retry.count streaming.retry.interval.ms streaming.ignore.failed.batch "
    "commitmeta.key.prefix schema.allow.auto.evolution.column.drop".split()
)
_DEFAULTS_ONLY = {
    WRITE + "drop.partition.columns": "false",
    "hoodie.populate.meta.fields": "true",
    "hoodie.table.base.file.format": "parquet",
    "hoodie.merge.allow.duplicate.on.inserts": "true",
    "hoodie.bloom.index.update.partition.path": "true",
    "hoodie.simple.index.update.partition.path": "true",
    "hoodie.table.version": properties.VERSION,
    "hoodie.keygen.datetime.parser.class": "org.apache.hudi.keygen.parser.hoodiedatetimeparser",
    "hoodie.deltastreamer.keygen.datetime.parser.class": "org.apache.hudi.keygen.parser.hoodiedatetimeparser",
    SYNC + "base_file_format": "parquet",
    SYNC + "bucket_sync": "false",
    SYNC + "omit_metadata_fields": "false",
    SYNC + "sync_as_datasource": "true",
    SYNC + "sync_comment": "false",
    SYNC + "use_pre_apache_input_format": "false",
    SYNC + "serde_properties": "",
    WRITE + "insert.dup.policy": "none",
    WRITE + "schema.allow.auto.evolution.column.drop": "false",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of one write."""

    given: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        return self.given.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        found = self.given.get(name)
        return default if found is None or found == "" else found.strip().lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A number of bytes. Raises HoodieException for what is none."""
        found = self.get(name).strip()
        if found and not found.removeprefix("-").isdecimal():
            raise HoodieException(f"{name}={found} is no number of bytes")
        return int(found) if found else default

    @property
    def operation(self) -> str:
        """The operation that is asked for. Raises HoodieException."""
        found = self.get(WRITE + "operation").lower()
        if not found:
            # Without record keys there is nothing by which rows could be updated.
            found = "upsert" if self.record_keys else "insert"
        if found not in OPERATIONS:
            raise HoodieException(f"Invalid value of Type {found}: operations are {', '.join(OPERATIONS)}")
        if found == "insert" and self.flag(WRITE + "insert.drop.duplicates"):
            return "insert_new"
        return found

    @property
    def table_type(self) -> str:
        """The type of tables that is asked for; empty when nothing is said of it."""
        return (
            self.get(WRITE + "table.type")
            or self.get(WRITE + "storage.type")
            or self.get("hoodie.table.type")
        ).upper()

    @property
    def record_keys(self) -> list[str]:
        return names(self.get(WRITE + "recordkey.field") or self.get("hoodie.table.recordkey.fields"))

    @property
    def partition_fields(self) -> list[str]:
        return names(self.get(WRITE + "partitionpath.field") or self.get("hoodie.table.partition.fields"))

    @property
    def precombine(self) -> str | None:
        """The precombine field; None when nothing is said of one."""
        found = self.given.get(WRITE + "precombine.field", self.given.get("hoodie.table.precombine.field"))
        return None if found is None else found.strip()

    @property
    def payload(self) -> str:
        return self.get(WRITE + "payload.class") or self.get("hoodie.compaction.payload.class")

    @property
    def global_index(self) -> bool:
        return self.get("hoodie.index.type").upper() in GLOBAL_INDEXES


def parse(options: dict[str, str], partition_by: list[str], defaults: dict[str, str] | None = None) -> Asked:
    """The options of a write. Raises EngineRefused naming one that we do not serve."""
    given = {**(defaults or {})}
    for key, value in options.items():
        name = key if key.startswith("hoodie.") else key.lower() if key.lower().startswith("hoodie.") else key
        given[name] = str(value)
    if partition_by and not (given.get(WRITE + "partitionpath.field")):
        given[WRITE + "partitionpath.field"] = ",".join(partition_by)
    for name, value in given.items():
        _check(name, value)
    asked = Asked(given=given)
    _check_values(asked)
    return asked


def _check(name: str, value: str) -> None:
    if not name.startswith("hoodie."):
        return
    only = _DEFAULTS_ONLY.get(name)
    if only is not None and value.strip().lower() != only:
        raise EngineRefused(f"{name}={value} of a Hudi table")
    if name in _SERVED or name.startswith(_TAKEN):
        return
    if name.startswith(WRITE) and name.removeprefix(WRITE) in _SERVED_WRITE:
        return
    raise EngineRefused(f"option {name} of Hudi's writer")


def _check_values(asked: Asked) -> None:
    if asked.table_type and asked.table_type not in TYPES:
        raise HoodieException(f"Invalid value of Type {asked.table_type}: types are {', '.join(TYPES)}")
    if asked.payload and asked.payload not in PAYLOADS:
        raise EngineRefused(f"payload class {asked.payload} of a Hudi table")
    index = asked.get("hoodie.index.type").upper()
    if index and index not in LOCAL_INDEXES + GLOBAL_INDEXES:
        raise EngineRefused(f"index {index} of a Hudi table")
    version = asked.get("hoodie.write.table.version") or properties.VERSION
    if version != properties.VERSION:
        raise EngineRefused(
            f"writing Hudi table version {version}", f"version {properties.VERSION} is served"
        )
    asked.number(SMALL_FILE, 0)
    if asked.number(LARGEST_FILE, 1) < 1:
        raise HoodieException(f"{LARGEST_FILE} leaves no room for rows")
    codec(asked)
    ordering = asked.get("hoodie.payload.ordering.field")
    if ordering and ordering != asked.precombine:
        raise EngineRefused(f"hoodie.payload.ordering.field={ordering} other than the precombine field")
    generator(asked)
    wanted = asked.get(WRITE + "partitionpath.field")
    for one in wanted.split(","):
        if one.partition(":")[2].strip().upper() not in ("", "SIMPLE", "TIMESTAMP"):
            raise EngineRefused(f"partition path {one} of a Hudi table")


def codec(asked: Asked) -> str:
    """How Parquet files are compressed. Raises EngineRefused."""
    found = asked.get(_CODEC).strip().lower() or "snappy"
    if found not in _CODECS:
        raise EngineRefused(f"{_CODEC}={found} of a Hudi table")
    return _CODECS[found]


def generator(asked: Asked) -> str:
    """The key generator's class: as asked, or as the fields want it. Raises EngineRefused for those not served."""
    given = asked.get(WRITE + "keygenerator.class") or asked.get("hoodie.table.keygenerator.class")
    if not given and asked.get(WRITE + "keygenerator.type"):
        kind = asked.get(WRITE + "keygenerator.type").upper()
        given = GENERATORS.get(kind, kind)
    if given:
        if given not in GENERATORS.values():
            raise EngineRefused(f"key generator {given} of a Hudi table")
        return given
    if not asked.partition_fields:
        return properties.NONPARTITIONED
    single = len(asked.partition_fields) == 1 and len(asked.record_keys) <= 1
    return properties.SIMPLE if single else properties.COMPLEX


def config(asked: Asked, schema: Any) -> TableConfig:
    """The settings of a table that this write makes. Raises HoodieException without a name."""
    name = asked.get("hoodie.table.name") or asked.get(WRITE + "table.name")
    if not name:
        raise HoodieException("'hoodie.table.name' must be set.")
    columns = {item.name for item in schema.fields}
    made = generator(asked)
    fields = [] if made == properties.NONPARTITIONED else asked.partition_fields
    shown = made.rpartition(".")[2]
    if made in _SINGLE and len(asked.record_keys) > 1:
        raise HoodieException(f"{shown} takes one record key field: name ComplexKeyGenerator")
    if made in _SINGLE and len(fields) > 1:
        raise HoodieException(f"{shown} takes one partition field: name ComplexKeyGenerator")
    for what in [*asked.record_keys, *fields]:
        if what not in columns:
            raise HoodieException(
                f"{what}(Part -{what}) field not found in record. Acceptable fields were :{sorted(columns)}"
            )
    precombine = asked.precombine if asked.precombine is not None else ("ts" if "ts" in columns else "")
    database = asked.get("hoodie.database.name")
    entries = {
        "hoodie.table.name": name,
        "hoodie.table.type": asked.table_type or TYPES[0],
        "hoodie.table.version": properties.VERSION,
        "hoodie.timeline.layout.version": properties.TIMELINE_LAYOUT,
        "hoodie.table.timeline.timezone": "UTC",
        "hoodie.table.base.file.format": "PARQUET",
        "hoodie.table.recordkey.fields": ",".join(asked.record_keys),
        PARTITION_FIELDS: ",".join(fields),
        "hoodie.table.precombine.field": precombine if precombine in columns else "",
        "hoodie.table.keygenerator.class": made,
        "hoodie.datasource.write.hive_style_partitioning": str(
            asked.flag(WRITE + "hive_style_partitioning")
        ).lower(),
        "hoodie.datasource.write.partitionpath.urlencode": str(
            asked.flag(WRITE + "partitionpath.urlencode")
        ).lower(),
        "hoodie.datasource.write.drop.partition.columns": "false",
        "hoodie.populate.meta.fields": "true",
        "hoodie.compaction.payload.class": asked.payload or LATEST,
        "hoodie.archivelog.folder": "archived",
        "hoodie.database.name": database,
        "hoodie.table.checksum": properties.checksum(database, name),
    }
    kept = TableConfig(entries={key: value for key, value in entries.items() if value})
    if not told(kept, asked).time_fields:
        return kept
    return TableConfig(entries={**kept.entries, **timestamps.settings(asked.given)})


def told(config: TableConfig, asked: Asked) -> TableConfig:
    """A table's settings with what tables do not keep and a write says: kinds of partition fields, the form of keys.

    Raises EngineRefused when nobody says which fields are points in time; HoodieException for their settings.
    """
    given = asked.get(WRITE + "partitionpath.field") or asked.get(PARTITION_FIELDS)
    more = {BARE_KEYS: asked.get(BARE_KEYS)} if asked.get(BARE_KEYS) else {}
    if timed(given) and config.key_generator != properties.CUSTOM:
        raise EngineRefused(f"partition path {given} without CustomKeyGenerator")
    if ":" in given:
        more[PARTITION_FIELDS] = given
    elif (
        config.key_generator == properties.CUSTOM
        and ":" not in config.get(PARTITION_FIELDS)
        and timestamps.settings({**asked.given, **config.entries})
    ):
        raise EngineRefused(
            "writing to a Hudi table of CustomKeyGenerator with timestamps",
            f"{WRITE}partitionpath.field says which fields are :TIMESTAMP and which are :SIMPLE",
        )
    made = replace(config, entries={**timestamps.settings(asked.given), **config.entries, **more})
    if made.time_fields:
        timestamps.rules(made.entries)
    return made


def check_against(asked: Asked, here: TableConfig) -> None:
    """The options of a write to a table that is there must not contradict it. Raises HoodieException as Hudi does."""
    wrong = []
    name = asked.get("hoodie.table.name") or asked.get(WRITE + "table.name")
    if name and name != here.name:
        raise HoodieException(
            f"hoodie table with name {here.name} already exists, can not append data to the table with another name "
            f"{name}."
        )

    def compare(shown: str, given: list[str] | str | bool, own: list[str] | str | bool) -> None:
        if given != own:
            wrong.append(f"{shown}:\t{_said(given)}\t{_said(own)}")

    if asked.table_type and asked.table_type != here.type:
        raise EngineRefused(f"writing type {asked.table_type} to a Hudi table of type {here.type}")
    if asked.record_keys:
        compare("RecordKey", asked.record_keys, here.record_keys)
    explicit = asked.get(WRITE + "partitionpath.field")
    if explicit and here.key_generator != properties.NONPARTITIONED:
        compare("PartitionPath", asked.partition_fields, here.partition_fields)
    if asked.precombine and here.precombine:
        compare("PreCombineKey", asked.precombine, here.precombine)
    if asked.get(WRITE + "keygenerator.class") and here.key_generator:
        compare("KeyGenerator", generator(asked), here.key_generator)
    for key, value in timestamps.settings(asked.given).items():
        compare(key, value, timestamps.settings(here.entries).get(key, value))
    style = asked.given.get(WRITE + "hive_style_partitioning")
    if style and here.partition_fields:
        compare("HiveStylePartitioning", style.lower() == "true", here.hive_style)
    if wrong:
        raise HoodieException("Config conflict(key\tcurrent value\texisting value):\n" + "\n".join(wrong))


def _said(value: Any) -> str:
    return (
        ",".join(value)
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
