"""df.writeTo(…) on classic Spark, for the tables that are ours."""

from __future__ import annotations

from typing import Any


class TableWriter:
    """The DataFrameWriterV2 surface."""

    def __init__(self, frame: Any, table: str) -> None:
        self._frame = frame
        self._table = table
        self._provider = ""
        self._options: dict[str, str] = {}
        self._properties: dict[str, str] = {}
        self._partitioned: list[Any] = []

    def using(self, provider: str) -> TableWriter:
        self._provider = provider
        return self

    def option(self, key: str, value: Any) -> TableWriter:
        self._options[key] = str(value)
        return self

    def options(self, **options: Any) -> TableWriter:
        self._options.update({key: str(value) for key, value in options.items()})
        return self

    def tableProperty(self, property: str, value: str) -> TableWriter:
        self._properties[property] = value
        return self

    def partitionedBy(self, col: Any, *cols: Any) -> TableWriter:
        self._partitioned = [_field(item) for item in (col, *cols)]
        return self

    def create(self) -> None:
        self._run("create")

    def replace(self) -> None:
        self._run("replace")

    def createOrReplace(self) -> None:
        self._run("createOrReplace")

    def append(self) -> None:
        self._run("append")

    def overwrite(self, condition: Any) -> None:
        self._run("overwrite", condition)

    def overwritePartitions(self) -> None:
        self._run("overwritePartitions")

    def _run(self, action: str, condition: Any = None) -> None:
        from awsglue._runtime.engine import services
        from awsglue._runtime.iceberg.requests import TableWrite

        services().tables.write_v2(
            TableWrite(
                action=action,
                table=self._table,
                frame=self._frame,
                provider=self._provider.lower(),
                properties=self._properties,
                options=self._options,
                partitioned_by=self._partitioned,
                condition=condition,
            )
        )


def _field(item: Any) -> Any:
    """A partition field of a column or name."""
    import pyspark
    import sqlglot

    from awsglue._runtime.iceberg.partitioning import PartitionField, from_sql

    if isinstance(item, str):
        return PartitionField(transform="identity", column=item)
    # Spark 4 has no expression in a column before it is analysed, and its text leaves nothing out.
    expression = None if int(pyspark.__version__.split(".")[0]) >= 4 else item._jc.expr()
    if expression is not None and expression.getClass().getSimpleName() == "Bucket":
        # The text of a bucket expression leaves the number of buckets out.
        width = int(str(expression.numBuckets()))
        return PartitionField(transform="bucket", column=str(expression.child().name()), width=width)
    return from_sql(sqlglot.parse_one(item._jc.toString(), read="spark"))
