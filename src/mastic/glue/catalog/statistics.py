"""Column statistics that clients store and read, of tables and of partitions. State: ``catalog_statistics``."""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.glue.catalog import lookup
from mastic.glue.catalog.partition_rows import Coder
from mastic.store import catalog_partitions, catalog_statistics
from mastic.store.catalog_statistics import OF_TABLE
from mastic.store.engine import Store

# StatisticsData.Type → the one member that must come with it.
DATA = {
    kind: f"{kind.capitalize()}ColumnStatisticsData"
    for kind in ("BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "LONG", "STRING", "BINARY")
}


class Statistics:
    """The handlers."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def get_column_statistics_for_table(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Columns without statistics are listed as errors."""
        return self._get(context, request, of_partition=False)

    def get_column_statistics_for_partition(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Columns without statistics are listed as errors."""
        return self._get(context, request, of_partition=True)

    def update_column_statistics_for_table(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Stores what is right, and lists what is not."""
        return self._update(context, request, of_partition=False)

    def update_column_statistics_for_partition(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Stores what is right, and lists what is not."""
        return self._update(context, request, of_partition=True)

    def delete_column_statistics_for_table(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        self._delete(context, request, of_partition=False)

    def delete_column_statistics_for_partition(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        self._delete(context, request, of_partition=True)

    def _get(self, context: Context, request: dict[str, Any], *, of_partition: bool) -> dict[str, Any]:
        names = request["ColumnNames"]
        with self._store.read() as tx:
            table_id, partition_id, _ = _owner(tx, context, request, of_partition)
            found = catalog_statistics.get(tx, table_id, partition_id, [name.lower() for name in names])
        missing = [name for name in names if name.lower() not in found]
        detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Column statistics not found."}
        return {
            "ColumnStatisticsList": [
                _read(found[n.lower()]) for n in dict.fromkeys(names) if n.lower() in found
            ],
            "Errors": [{"ColumnName": name, "Error": detail} for name in missing],
        }

    def _update(self, context: Context, request: dict[str, Any], *, of_partition: bool) -> dict[str, Any]:
        errors, right = [], {}
        with self._store.write(catalog=context.scope) as tx:
            table_id, partition_id, columns = _owner(tx, context, request, of_partition, hold="fill")
            for one in request["ColumnStatisticsList"]:
                error = _wrong(one, columns)
                if error is None:
                    right[one["ColumnName"].lower()] = one
                else:
                    detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                    errors.append({"ColumnStatistics": one, "Error": detail})
            catalog_statistics.put(tx, table_id, partition_id, right)
        return {"Errors": errors}

    def _delete(self, context: Context, request: dict[str, Any], *, of_partition: bool) -> None:
        with self._store.write(opens=context.scope) as tx:
            table_id, partition_id, _ = _owner(tx, context, request, of_partition)
            if not catalog_statistics.remove(tx, table_id, partition_id, request["ColumnName"].lower()):
                raise not_found("Column statistics not found.")


def _owner(
    tx: Connection, context: Context, request: dict[str, Any], of_partition: bool, hold: str = ""
) -> tuple[int, int, set[str]]:
    """The table's id, the partition's, and the names of the columns."""
    _, row = lookup.table(tx, context, request, hold=hold)
    columns = (row.body.get("StorageDescriptor") or {}).get("Columns") or []
    names = {column["Name"].lower() for column in [*columns, *(row.body.get("PartitionKeys") or [])]}
    if not of_partition:
        return row.id, OF_TABLE, names
    found = catalog_partitions.find(tx, row.id, Coder(row.body).key(request["PartitionValues"]))
    if found is None:
        raise not_found("Cannot find partition.")
    return row.id, found.id, names


def _wrong(given: dict[str, Any], columns: set[str]) -> ServiceError | None:
    if given["ColumnName"].lower() not in columns:
        return not_found(f"Column {given['ColumnName']} does not exist in the table")
    data = given["StatisticsData"]
    others = set(data) - {"Type"}
    if others != {DATA[data["Type"]]}:
        return invalid_input(f"Statistics of type {data['Type']} need exactly {DATA[data['Type']]}")
    return None


def _read(stored: dict[str, Any]) -> dict[str, Any]:
    """Statistics as they were given: the JSON of the store keeps bytes as base64."""
    data = stored["StatisticsData"].get("DecimalColumnStatisticsData")
    if data is None:
        return stored
    numbers = {m: v for m, v in data.items() if isinstance(v, dict)}
    for member, number in numbers.items():
        data[member] = {**number, "UnscaledValue": base64.b64decode(number["UnscaledValue"])}
    return stored
