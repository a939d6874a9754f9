"""Methods of newer clients, which have their arguments in a struct: each is an older one. Owns no state."""

from __future__ import annotations

from typing import Any

from mastic.glue.hive.calls import prefixed
from mastic.glue.hive.partition_changes import PartitionChanges
from mastic.glue.hive.partitions import Partitions
from mastic.glue.hive.statistics import Statistics
from mastic.glue.hive.tables import Tables


class Requests:
    """The methods."""

    def __init__(
        self,
        *,
        tables: Tables,
        partitions: Partitions,
        changes: PartitionChanges,
        statistics: Statistics,
        definition: Any,
    ) -> None:
        self._tables = tables
        self._partitions = partitions
        self._changes = changes
        self._statistics = statistics
        self._types = definition

    def get_fields_req(self, request: Any) -> Any:
        """The columns without the partition keys."""
        found = self._tables.get_fields(_database(request), request.tblName)
        return self._types.GetFieldsResponse(fields=found)

    def get_schema_req(self, request: Any) -> Any:
        """The columns and the partition keys."""
        found = self._tables.get_schema(_database(request), request.tblName)
        return self._types.GetSchemaResponse(fields=found)

    def truncate_table_req(self, request: Any) -> Any:
        """Delete the data of a managed table, or of some of its partitions."""
        self._tables.truncate_table(request.dbName, request.tableName, request.partNames)
        return self._types.TruncateTableResponse()

    def get_partition_req(self, request: Any) -> Any:
        """Raises NoSuchObjectException."""
        found = self._partitions.get_partition(_database(request), request.tblName, request.partVals)
        return self._types.GetPartitionResponse(partition=found)

    def get_partitions_req(self, request: Any) -> Any:
        """All of them, or the first so many."""
        found = self._partitions.get_partitions(_database(request), request.tblName, _most(request))
        return self._types.PartitionsResponse(partitions=found)

    def get_partitions_ps_with_auth_req(self, request: Any) -> Any:
        """Those that have the values that are given."""
        found = self._partitions.get_partitions_ps(
            _database(request), request.tblName, request.partVals, _most(request)
        )
        return self._types.GetPartitionsPsWithAuthResponse(partitions=found)

    def get_partition_names_ps_req(self, request: Any) -> Any:
        """The names of those that have the values that are given."""
        found = self._partitions.get_partition_names_ps(
            _database(request), request.tblName, request.partValues, _most(request)
        )
        return self._types.GetPartitionNamesPsResponse(names=found)

    def alter_partitions_req(self, request: Any) -> Any:
        """Replaces partitions. Raises InvalidOperationException."""
        self._changes.alter_partitions(_database(request), request.tableName, request.partitions)
        return self._types.AlterPartitionsResponse()

    def rename_partition_req(self, request: Any) -> Any:
        """Gives a partition other values. Raises InvalidOperationException."""
        self._changes.rename_partition(
            _database(request), request.tableName, request.partVals, request.newPart
        )
        return self._types.RenamePartitionResponse()

    def update_table_column_statistics_req(self, request: Any) -> Any:
        """Raises NoSuchObjectException, InvalidObjectException."""
        return self._types.SetPartitionsStatsResponse(result=self._statistics.set_aggr_stats_for(request))

    def update_partition_column_statistics_req(self, request: Any) -> Any:
        """Raises NoSuchObjectException, InvalidObjectException."""
        return self._types.SetPartitionsStatsResponse(result=self._statistics.set_aggr_stats_for(request))


def _database(request: Any) -> str:
    return prefixed(request.dbName, request.catName)


def _most(request: Any) -> int:
    return -1 if request.maxParts is None else int(request.maxParts)
