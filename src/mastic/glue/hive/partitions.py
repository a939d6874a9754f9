"""Partitions: read by values, names, partial values, filters; add, alter, rename. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from mastic.errors import ServiceError
from mastic.glue.catalog import partition_keys
from mastic.glue.hive import names, partition_filters
from mastic.glue.hive.calls import Calls, place
from mastic.glue.hive.failures import Failure, no_such
from mastic.glue.hive.shapes import Shapes, key_names
from mastic.wire.thrift.processing import Unserved

MOST_AT_ONCE = 1000


class PartitionsOf:
    """A table's partitions, read: what all methods on partitions begin with."""

    def __init__(self, calls: Calls, where: dict[str, Any], name: str) -> None:
        self.where = where
        try:
            self.table: dict[str, Any] = calls("GetTable", Name=name or " ", **where)["Table"]
        except ServiceError as error:
            if error.code == "EntityNotFoundException":
                raise no_such(f"{where['DatabaseName']}.{name} table not found") from None
            raise
        target = self.table.get("TargetTable")
        if target and target.get("DatabaseName") and target.get("Name"):
            members = ("CatalogId", "DatabaseName", "Region")
            self.where = {m: v for m, v in target.items() if m in members and v}
            self.table = calls("GetTable", Name=target["Name"], **self.where)["Table"]
        self._calls = calls
        self.keys = key_names(self.table)
        self.within = {**self.where, "TableName": self.table["Name"]}

    def all(self, expression: str = "", *, columns: bool = True) -> Iterator[dict[str, Any]]:
        """Those that satisfy an expression of the Glue API, in the catalog's order."""
        wanted: dict[str, Any] = {"Expression": expression} if expression else {}
        if not columns:
            wanted["ExcludeColumnSchema"] = True
        return self._calls.pages("GetPartitions", "Partitions", **wanted, **self.within)

    def with_values(self, wanted: Sequence[list[str]]) -> Iterator[dict[str, Any]]:
        """Those of the values that exist."""
        for start in range(0, len(wanted), MOST_AT_ONCE):
            some = [{"Values": values} for values in wanted[start : start + MOST_AT_ONCE]]
            yield from self._calls("BatchGetPartition", PartitionsToGet=some, **self.within)["Partitions"]

    def matching(self, partial: Sequence[str], *, columns: bool = True) -> Iterator[dict[str, Any]]:
        """Those that have the values that are given; an empty one, or none, stands for any."""
        if len(partial) > len(self.keys):
            raise Failure("MetaException", f"Incorrect number of partition values: {len(partial)}")
        wanted = {at: value for at, value in enumerate(partial) if value}
        parts = []
        for at, value in wanted.items():
            key = self.table["PartitionKeys"][at]
            kind = partition_keys.family(key.get("Type") or "string")
            if kind is not None and partition_keys.encode_value(kind, value) is not None:
                quoted = value.replace("'", "''")
                parts.append(f"\"{key['Name']}\" = '{quoted}'")
        # The expression compares as the types do, this compares the text: 01 and 1 are two partitions.
        for one in self.all(" and ".join(parts), columns=columns):
            if all(one["Values"][at] == value for at, value in wanted.items()):
                yield one

    def values_of(self, name: str) -> list[str]:
        """The values in a partition's name. Raises a MetaException."""
        try:
            found = {key.lower(): value for key, value in names.parse_partition_name(name).items()}
        except (ValueError, UnicodeDecodeError) as error:
            raise Failure("MetaException", str(error)) from error
        if set(found) != {key.lower() for key in self.keys}:
            raise Failure("MetaException", f"{name!r} names no partition of {self.table['Name']}")
        return [found[key.lower()] for key in self.keys]

    def name_of(self, values: Sequence[str]) -> str:
        """The name of the partition that has these values."""
        return names.partition_name(self.keys, values)


class Partitions:
    """The methods that read partitions."""

    def __init__(self, *, calls: Calls, shapes: Shapes, definition: Any) -> None:
        self._calls = calls
        self._shapes = shapes
        self._types = definition

    # -- one -----------------------------------------------------------------------------------------

    def get_partition(self, database: str, table: str, values: list[str]) -> Any:
        """Raises NoSuchObjectException."""
        of = self._of(database, table)
        if len(values or []) != len(of.keys):
            raise no_such(f"partition values={values}")
        for found in of.with_values([values]):
            return self._shapes.partition(found, of.table)
        raise no_such(f"partition values={values}")

    def get_partition_with_auth(
        self, database: str, table: str, values: list[str], user: str, groups: list[str]
    ) -> Any:
        """Like ``get_partition``: there are no grants to tell of."""
        return self.get_partition(database, table, values)

    def get_partition_by_name(self, database: str, table: str, name: str) -> Any:
        """Raises NoSuchObjectException."""
        return self.get_partition(database, table, self._of(database, table).values_of(name))

    # -- many ----------------------------------------------------------------------------------------

    def get_partitions(self, database: str, table: str, most: int) -> list[Any]:
        """All of them, or the first ``most``."""
        of = self._of(database, table)
        return self._shown(of, of.all(), most)

    def get_partitions_with_auth(
        self, database: str, table: str, most: int, user: str, groups: list[str]
    ) -> list[Any]:
        """Like ``get_partitions``."""
        return self.get_partitions(database, table, most)

    def get_partitions_ps(self, database: str, table: str, partial: list[str], most: int) -> list[Any]:
        """Those that have the values that are given."""
        of = self._of(database, table)
        return self._shown(of, of.matching(partial or []), most)

    def get_partitions_ps_with_auth(
        self, database: str, table: str, partial: list[str], most: int, user: str, groups: list[str]
    ) -> list[Any]:
        """Like ``get_partitions_ps``."""
        return self.get_partitions_ps(database, table, partial, most)

    def get_partitions_by_names(self, database: str, table: str, wanted: list[str]) -> list[Any]:
        """Those that exist."""
        of = self._of(database, table)
        values = [of.values_of(name) for name in dict.fromkeys(wanted or [])]
        return self._shown(of, of.with_values(values), -1)

    def get_partitions_by_names_req(self, request: Any) -> Any:
        """Those that exist."""
        found = self.get_partitions_by_names(request.db_name, request.tbl_name, request.names)
        return self._types.GetPartitionsByNamesResult(partitions=found)

    # -- by filter -----------------------------------------------------------------------------------

    def get_partitions_by_filter(self, database: str, table: str, text: str, most: int) -> list[Any]:
        """Those that satisfy a filter of Hive's. Raises a MetaException saying what is wrong with it."""
        of = self._of(database, table)
        return self._shown(of, of.all(partition_filters.translate(text or "")), most)

    def get_num_partitions_by_filter(self, database: str, table: str, text: str) -> int:
        """How many satisfy a filter."""
        of = self._of(database, table)
        return sum(1 for _ in of.all(partition_filters.translate(text or ""), columns=False))

    def get_partitions_by_expr(self, request: Any) -> Any:
        """Like ``get_partitions_by_filter``, when the expression is the text of a filter.

        A serialized plan of Hive's is code for its own JVM. It is answered as if there were no such method, upon which
        Hive reads the names and decides by itself.
        """
        try:
            text = (request.expr or b"").decode()
            wanted = partition_filters.translate(text) if text.isprintable() else None
        except (UnicodeDecodeError, Failure):
            wanted = None
        if wanted is None:
            raise Unserved("get_partitions_by_expr takes a filter's text, not a serialized expression")
        of = PartitionsOf(self._calls, place(request.dbName, request.catName), request.tblName)
        found = self._shown(of, of.all(wanted), -1 if request.maxParts is None else request.maxParts)
        return self._types.PartitionsByExprResult(partitions=found, hasUnknownPartitions=False)

    # -- names ---------------------------------------------------------------------------------------

    def get_partition_names(self, database: str, table: str, most: int) -> list[str]:
        """In order."""
        of = self._of(database, table)
        return self._named(of, of.all(columns=False), most)

    def get_partition_names_ps(self, database: str, table: str, partial: list[str], most: int) -> list[str]:
        """Those that have the values that are given, in order."""
        of = self._of(database, table)
        return self._named(of, of.matching(partial or [], columns=False), most)

    def partition_name_to_vals(self, name: str) -> list[str]:
        """The values in a name."""
        return list(self.partition_name_to_spec(name).values())

    def partition_name_to_spec(self, name: str) -> dict[str, str]:
        """The keys and values in a name. Raises a MetaException."""
        if not name:
            return {}
        try:
            return names.parse_partition_name(name)
        except (ValueError, UnicodeDecodeError) as error:
            raise Failure("MetaException", str(error)) from error

    def partition_name_has_valid_characters(self, values: list[str], complain: bool) -> bool:
        """Every text can be the value of a partition: what means something in a path is escaped."""
        return True

    # -- for all -------------------------------------------------------------------------------------

    def _of(self, database: str, table: str) -> PartitionsOf:
        return PartitionsOf(self._calls, place(database), table)

    def _shown(self, of: PartitionsOf, found: Iterator[dict[str, Any]], most: int) -> list[Any]:
        return list(self._shapes.partitions(_first(found, most), of.table))

    @staticmethod
    def _named(of: PartitionsOf, found: Iterator[dict[str, Any]], most: int) -> list[str]:
        return list(_first(iter(sorted(of.name_of(one["Values"]) for one in found)), most))


def _first(found: Iterator[Any], most: int | None) -> Iterator[Any]:
    """``most`` of them; all when it is negative, as clients say it."""
    return found if most is None or most < 0 else islice(found, most)
