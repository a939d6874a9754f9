"""What the Data Catalog holds as the Metastore shows it. Owns no state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from mastic.glue.hive.names import partition_name

EXTERNAL, MANAGED, VIEW = "EXTERNAL_TABLE", "MANAGED_TABLE", "VIRTUAL_VIEW"
_TYPES = frozenset({EXTERNAL, MANAGED, VIEW, "MATERIALIZED_VIEW", "INDEX_TABLE"})
DEFAULT_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
USER = 1


class Shapes:
    """Makes the Metastore's structs. ``warehouse`` is where databases are that have no place of their own."""

    def __init__(self, definition: Any, *, warehouse: str) -> None:
        self._types = definition
        self._warehouse = warehouse.rstrip("/")

    def database_location(self, name: str) -> str:
        """Where a database is that nobody has given a place."""
        return f"{self._warehouse}/{name}.db"

    def database(self, given: dict[str, Any]) -> Any:
        """A database."""
        return self._types.Database(
            name=given["Name"],
            description=given.get("Description"),
            locationUri=given.get("LocationUri") or self.database_location(given["Name"]),
            parameters=dict(given.get("Parameters") or {}),
            ownerType=USER,
            catalogName="hive",
        )

    def table(self, given: dict[str, Any], *, database: str = "", name: str = "") -> Any:
        """A table. ``database`` and ``name`` are those of a link that leads to it."""
        kind = table_type(given)
        parameters = dict(given.get("Parameters") or {})
        if kind == EXTERNAL:
            parameters.setdefault("EXTERNAL", "TRUE")
        if given.get("Description"):
            parameters.setdefault("comment", given["Description"])
        return self._types.Table(
            tableName=name or given["Name"],
            dbName=database or given["DatabaseName"],
            owner=given.get("Owner") or "",
            createTime=seconds(given.get("CreateTime")),
            lastAccessTime=seconds(given.get("LastAccessTime")),
            retention=given.get("Retention") or 0,
            sd=self.descriptor(given.get("StorageDescriptor") or {}),
            partitionKeys=self.columns(given.get("PartitionKeys")),
            parameters=parameters,
            viewOriginalText=given.get("ViewOriginalText"),
            viewExpandedText=given.get("ViewExpandedText"),
            tableType=kind,
            temporary=False,
            catName="hive",
            ownerType=USER,
        )

    def partitions(self, found: Iterable[dict[str, Any]], table: dict[str, Any]) -> Iterator[Any]:
        """Partitions of a table. Those of a page share their columns, which are made once."""
        columns: list[dict[str, Any]] | None = None
        made: list[Any] = []
        for given in found:
            own = (given.get("StorageDescriptor") or {}).get("Columns")
            if own is None or own is not columns:
                columns = own
                made = self.columns(own)
            yield self.partition(given, table, columns=made if own is not None else None)

    def partition(
        self, given: dict[str, Any], table: dict[str, Any], *, columns: list[Any] | None = None
    ) -> Any:
        """A partition; what it does not say itself is its table's. ``columns`` are its own, made already."""
        own = given.get("StorageDescriptor") or {}
        of_table = table.get("StorageDescriptor") or {}
        if not own:
            own = {m: v for m, v in of_table.items() if m != "Location"}
        location = own.get("Location") or partition_location(table, given["Values"])
        descriptor = {**own, "Location": location}
        if "Columns" not in descriptor:
            descriptor["Columns"] = of_table.get("Columns") or []
        return self._types.Partition(
            values=given["Values"],
            dbName=given["DatabaseName"],
            tableName=given["TableName"],
            createTime=seconds(given.get("CreationTime")),
            lastAccessTime=seconds(given.get("LastAccessTime")),
            sd=self.descriptor(descriptor, columns=columns),
            parameters=dict(given.get("Parameters") or {}),
            catName="hive",
        )

    def descriptor(self, given: dict[str, Any], *, columns: list[Any] | None = None) -> Any:
        """A storage descriptor. Clients follow its members without looking, so that none may be missing."""
        serde, skewed = given.get("SerdeInfo") or {}, given.get("SkewedInfo")
        return self._types.StorageDescriptor(
            cols=self.columns(given.get("Columns")) if columns is None else columns,
            location=given.get("Location"),
            inputFormat=given.get("InputFormat"),
            outputFormat=given.get("OutputFormat"),
            compressed=given.get("Compressed", False),
            numBuckets=given.get("NumberOfBuckets", 0),
            serdeInfo=self._types.SerDeInfo(
                name=serde.get("Name"),
                serializationLib=serde.get("SerializationLibrary") or DEFAULT_SERDE,
                parameters=dict(serde.get("Parameters") or {}),
            ),
            bucketCols=list(given.get("BucketColumns") or []),
            sortCols=[
                self._types.Order(col=one["Column"], order=one["SortOrder"])
                for one in given.get("SortColumns") or []
            ],
            parameters=dict(given.get("Parameters") or {}),
            skewedInfo=self._types.SkewedInfo(
                skewedColNames=list(skewed.get("SkewedColumnNames") or []),
                skewedColValues=[[value] for value in skewed.get("SkewedColumnValues") or []],
            )
            if skewed
            else None,
            storedAsSubDirectories=given.get("StoredAsSubDirectories", False),
        )

    def columns(self, given: list[dict[str, Any]] | None) -> list[Any]:
        """Columns."""
        return [
            self._types.FieldSchema(
                name=one["Name"], type=one.get("Type") or "string", comment=one.get("Comment")
            )
            for one in given or []
        ]


def table_type(given: dict[str, Any]) -> str:
    """The Metastore's word for what kind of table this is. What says nothing is external: nobody's data is deleted."""
    kind = (given.get("TableType") or "").upper()
    external = str((given.get("Parameters") or {}).get("EXTERNAL", "")).upper() == "TRUE"
    if kind == MANAGED and external:
        return EXTERNAL
    return kind if kind in _TYPES else EXTERNAL


def key_names(table: dict[str, Any]) -> list[str]:
    """The names of the partition keys."""
    return [key["Name"] for key in table.get("PartitionKeys") or []]


def partition_location(table: dict[str, Any], values: list[str]) -> str | None:
    """Where a partition is when nobody has said so: below its table."""
    base = (table.get("StorageDescriptor") or {}).get("Location")
    return f"{base.rstrip('/')}/{partition_name(key_names(table), values)}" if base else None


def seconds(moment: Any) -> int:
    """A moment as the Metastore has it; 0 for none."""
    if moment is None:
        return 0
    # The interface counts them in 32 bits.
    return min(int(moment.timestamp() if isinstance(moment, datetime) else moment), 2**31 - 1)
