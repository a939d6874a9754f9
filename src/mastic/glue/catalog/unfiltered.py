"""Unfiltered metadata for engines that enforce permissions themselves: here everything is authorized.

A request may be about another region's tables. Changes nothing.
"""

from __future__ import annotations

from typing import Any

from mastic.context import Context
from mastic.glue.catalog import lookup
from mastic.glue.catalog.partition_lists import PartitionLists
from mastic.glue.catalog.partitions import Partitions
from mastic.glue.catalog.tables import Tables


class Unfiltered:
    """The handlers, on top of those that everybody uses."""

    def __init__(self, *, tables: Tables, partitions: Partitions, lists: PartitionLists) -> None:
        self._tables = tables
        self._partitions = partitions
        self._lists = lists

    def get_unfiltered_table_metadata(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        context = lookup.there(context, request)
        table = self._table(context, request, request["Name"])
        definition = table.get("ViewDefinition") or {}
        return {
            "Table": table,
            "AuthorizedColumns": _columns(table),
            "IsRegisteredWithLakeFormation": False,
            "CellFilters": [],
            "IsMultiDialectView": table.get("IsMultiDialectView"),
            "IsMaterializedView": table.get("IsMaterializedView"),
            "IsProtected": definition.get("IsProtected"),
            "ResourceArn": lookup.arn(context.scope, f"table/{table['DatabaseName']}/{table['Name']}"),
            "Permissions": ["ALL"],
        }

    def get_unfiltered_partition_metadata(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        context = lookup.there(context, request)
        table = self._table(context, request, request["TableName"])
        return {
            "Partition": self._partitions.get_partition(context, request)["Partition"],
            "AuthorizedColumns": _columns(table),
            "IsRegisteredWithLakeFormation": False,
        }

    def get_unfiltered_partitions_metadata(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By expression, page and segment, like GetPartitions."""
        context = lookup.there(context, request)
        columns = _columns(self._table(context, request, request["TableName"]))
        found = self._lists.get_partitions(context, request)
        return {
            "UnfilteredPartitions": [
                {"Partition": one, "AuthorizedColumns": columns, "IsRegisteredWithLakeFormation": False}
                for one in found["Partitions"]
            ],
            "NextToken": found["NextToken"],
        }

    def _table(self, context: Context, request: dict[str, Any], name: str) -> dict[str, Any]:
        wanted: dict[str, Any] = {m: request[m] for m in ("CatalogId", "DatabaseName") if m in request}
        table: dict[str, Any] = self._tables.get_table(context, {**wanted, "Name": name})["Table"]
        return table


def _columns(table: dict[str, Any]) -> list[str]:
    columns = [
        *((table.get("StorageDescriptor") or {}).get("Columns") or []),
        *table.get("PartitionKeys", []),
    ]
    return [column["Name"] for column in columns]
