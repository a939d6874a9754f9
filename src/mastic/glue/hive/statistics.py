"""Column statistics that clients store and read. Owns no state: everything is a call of the Glue API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.glue.hive.calls import Calls, place
from mastic.glue.hive.failures import Failure, invalid_object, meta, no_such
from mastic.glue.hive.partitions import PartitionsOf

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WRITTEN, READ = 25, 100

# Member of ColumnStatisticsData, its struct, Glue's type, and (member, Glue's member) of what it holds.
_NULLS, _DISTINCT = ("numNulls", "NumberOfNulls"), ("numDVs", "NumberOfDistinctValues")
_LENGTHS = (("maxColLen", "MaximumLength"), ("avgColLen", "AverageLength"))
_KINDS: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "booleanStats",
        "BooleanColumnStatsData",
        "BOOLEAN",
        (("numTrues", "NumberOfTrues"), ("numFalses", "NumberOfFalses"), _NULLS),
    ),
    ("longStats", "LongColumnStatsData", "LONG", (_NULLS, _DISTINCT)),
    ("doubleStats", "DoubleColumnStatsData", "DOUBLE", (_NULLS, _DISTINCT)),
    ("stringStats", "StringColumnStatsData", "STRING", (*_LENGTHS, _NULLS, _DISTINCT)),
    ("binaryStats", "BinaryColumnStatsData", "BINARY", (*_LENGTHS, _NULLS)),
    ("decimalStats", "DecimalColumnStatsData", "DECIMAL", (_NULLS, _DISTINCT)),
    ("dateStats", "DateColumnStatsData", "DATE", (_NULLS, _DISTINCT)),
)
_BOUNDS = (("lowValue", "MinimumValue"), ("highValue", "MaximumValue"))
_BOUNDED = frozenset({"LONG", "DOUBLE", "DECIMAL", "DATE"})


class Statistics:
    """The methods."""

    def __init__(self, *, calls: Calls, clock: Clock, definition: Any) -> None:
        self._calls = calls
        self._clock = clock
        self._types = definition

    # -- write ---------------------------------------------------------------------------------------

    def update_table_column_statistics(self, given: Any) -> bool:
        """Raises NoSuchObjectException, InvalidObjectException."""
        self._update(given)
        return True

    def update_partition_column_statistics(self, given: Any) -> bool:
        """Raises NoSuchObjectException, InvalidObjectException."""
        self._update(given)
        return True

    def set_aggr_stats_for(self, request: Any) -> bool:
        """Statistics of a table or of many partitions; merging them with older ones is refused."""
        if request.needMerge:
            raise meta(
                "Statistics are replaced, not merged: run ANALYZE TABLE … COMPUTE STATISTICS FOR COLUMNS"
            )
        for one in request.colStats or []:
            self._update(one)
        return True

    def _update(self, given: Any) -> None:
        described = given.statsDesc
        if described is None:
            raise invalid_object("Statistics need a description of what they are of")
        where = place(described.dbName, described.catName)
        operation, within = "UpdateColumnStatisticsForTable", {**where, "TableName": described.tableName}
        if described.partName:
            of = PartitionsOf(self._calls, where, described.tableName)
            operation = "UpdateColumnStatisticsForPartition"
            within["PartitionValues"] = of.values_of(described.partName)
        moment = (
            datetime.fromtimestamp(described.lastAnalyzed, UTC)
            if described.lastAnalyzed
            else self._clock.now()
        )
        bodies = [self._input(one, moment) for one in given.statsObj or []]
        for start in range(0, len(bodies), WRITTEN):
            errors = self._calls(operation, ColumnStatisticsList=bodies[start : start + WRITTEN], **within)[
                "Errors"
            ]
            if errors:
                raise invalid_object(errors[0]["Error"]["ErrorMessage"])

    def _input(self, given: Any, moment: datetime) -> dict[str, Any]:
        data = given.statsData
        if data is not None and data.timestampStats is not None:
            # The API has no statistics of timestamps: they are whole seconds, as with Hive before version 4.
            stamps = data.timestampStats
            data = self._types.ColumnStatisticsData(
                longStats=self._types.LongColumnStatsData(
                    lowValue=stamps.lowValue.secondsSinceEpoch if stamps.lowValue else None,
                    highValue=stamps.highValue.secondsSinceEpoch if stamps.highValue else None,
                    numNulls=stamps.numNulls,
                    numDVs=stamps.numDVs,
                )
            )
        for member, _, kind, parts in _KINDS:
            held = getattr(data, member, None)
            if held is None:
                continue
            values: dict[str, Any] = {theirs: getattr(held, ours) or 0 for ours, theirs in parts}
            if kind in _BOUNDED:
                bounds = {theirs: _bound_in(kind, getattr(held, ours)) for ours, theirs in _BOUNDS}
                values |= {m: v for m, v in bounds.items() if v is not None}
            return {
                "ColumnName": given.colName,
                "ColumnType": given.colType or "string",
                "AnalyzedTime": moment,
                "StatisticsData": {"Type": kind, f"{kind.capitalize()}ColumnStatisticsData": values},
            }
        raise invalid_object(f"The statistics of column {given.colName} are of no known type")

    # -- read ----------------------------------------------------------------------------------------

    def get_table_column_statistics(self, database: str, table: str, column: str) -> Any:
        """Raises NoSuchObjectException."""
        within = {**place(database), "TableName": table}
        return self._one("GetColumnStatisticsForTable", within, column, "")

    def get_partition_column_statistics(self, database: str, table: str, partition: str, column: str) -> Any:
        """Raises NoSuchObjectException."""
        of = PartitionsOf(self._calls, place(database), table)
        within = {**of.within, "PartitionValues": of.values_of(partition)}
        return self._one("GetColumnStatisticsForPartition", within, column, partition)

    def get_table_statistics_req(self, request: Any) -> Any:
        """Those of the columns that have any."""
        within = {**place(request.dbName, request.catName), "TableName": request.tblName}
        found = self._read("GetColumnStatisticsForTable", within, request.colNames or [])
        return self._types.TableStatsResult(tableStats=[self._object(one) for one in found])

    def get_partitions_statistics_req(self, request: Any) -> Any:
        """By partition, those of the columns that have any."""
        of = PartitionsOf(self._calls, place(request.dbName, request.catName), request.tblName)
        found = {}
        for name in request.partNames or []:
            within = {**of.within, "PartitionValues": of.values_of(name)}
            try:
                some = self._read("GetColumnStatisticsForPartition", within, request.colNames or [])
            except ServiceError as error:
                if error.code != "EntityNotFoundException":
                    raise
                continue
            if some:
                found[name] = [self._object(one) for one in some]
        return self._types.PartitionsStatsResult(partStats=found)

    # -- delete --------------------------------------------------------------------------------------

    def delete_table_column_statistics(
        self, database: str, table: str, column: str, engine: str | None
    ) -> bool:
        """Of one column, or of all. Raises NoSuchObjectException."""
        self._delete("Table", {**place(database), "TableName": table}, column)
        return True

    def delete_partition_column_statistics(
        self, database: str, table: str, partition: str, column: str, engine: str | None
    ) -> bool:
        """Of one column, or of all. Raises NoSuchObjectException."""
        of = PartitionsOf(self._calls, place(database), table)
        self._delete("Partition", {**of.within, "PartitionValues": of.values_of(partition)}, column)
        return True

    def _delete(self, kind: str, within: dict[str, Any], column: str | None) -> None:
        if column:
            self._calls(f"DeleteColumnStatisticsFor{kind}", ColumnName=column, **within)
            return
        where = {m: v for m, v in within.items() if m in ("DatabaseName", "CatalogId")}
        table = PartitionsOf(self._calls, where, within["TableName"]).table
        columns = [one["Name"] for one in (table.get("StorageDescriptor") or {}).get("Columns") or []]
        for one in self._read(f"GetColumnStatisticsFor{kind}", within, columns):
            self._calls(f"DeleteColumnStatisticsFor{kind}", ColumnName=one["ColumnName"], **within)

    # -- for all -------------------------------------------------------------------------------------

    def _one(self, operation: str, within: dict[str, Any], column: str, partition: str) -> Any:
        found = self._read(operation, within, [column])
        if not found:
            raise no_such(f"Statistics of column {column} do not exist")
        described = self._types.ColumnStatisticsDesc(
            isTblLevel=not partition,
            dbName=within["DatabaseName"],
            tableName=within["TableName"],
            partName=partition or None,
            lastAnalyzed=int(_moment(found[0]["AnalyzedTime"]).timestamp()),
        )
        return self._types.ColumnStatistics(statsDesc=described, statsObj=[self._object(found[0])])

    def _read(self, operation: str, within: dict[str, Any], columns: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(columns), READ):
            some = list(columns[start : start + READ])
            found += self._calls(operation, ColumnNames=some, **within)["ColumnStatisticsList"]
        return found

    def _object(self, given: dict[str, Any]) -> Any:
        data = given["StatisticsData"]
        for member, struct, kind, parts in _KINDS:
            if kind != data["Type"]:
                continue
            values = data[f"{kind.capitalize()}ColumnStatisticsData"]
            held = {ours: values.get(theirs) for ours, theirs in parts}
            if kind in _BOUNDED:
                held |= {ours: self._bound_out(kind, values.get(theirs)) for ours, theirs in _BOUNDS}
            return self._types.ColumnStatisticsObj(
                colName=given["ColumnName"],
                colType=given["ColumnType"],
                statsData=self._types.ColumnStatisticsData(**{member: getattr(self._types, struct)(**held)}),
            )
        raise meta(f"Statistics of the type {data['Type']} cannot be told here")

    def _bound_out(self, kind: str, value: Any) -> Any:
        if value is None:
            return None
        if kind == "DECIMAL":
            return self._types.Decimal(unscaled=value["UnscaledValue"], scale=value["Scale"])
        if kind == "DATE":
            return self._types.Date(daysSinceEpoch=(_moment(value) - _EPOCH) // timedelta(days=1))
        return int(value) if kind == "LONG" else float(value)


def _bound_in(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "DECIMAL":
        return {"UnscaledValue": value.unscaled or b"\x00", "Scale": value.scale or 0}
    if kind == "DATE":
        try:
            return _EPOCH + timedelta(days=value.daysSinceEpoch or 0)
        except OverflowError as error:
            raise Failure("InvalidObjectException", f"{value.daysSinceEpoch} days is no date") from error
    return value


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)
