"""The methods a GlueContext has as Spark's SQLContext."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class SqlContextMethods:
    """SQLContext over a session: Connect clients have no SQLContext of their own."""

    spark_session: SparkSession

    @property
    def sparkSession(self) -> SparkSession:
        return self.spark_session

    @property
    def read(self) -> Any:
        return self.spark_session.read

    @property
    def readStream(self) -> Any:
        return self.spark_session.readStream

    @property
    def streams(self) -> Any:
        return self.spark_session.streams

    @property
    def udf(self) -> Any:
        return self.spark_session.udf

    def sql(self, sqlQuery: str, *args: Any, **kwargs: Any) -> DataFrame:
        return self.spark_session.sql(sqlQuery, *args, **kwargs)

    def table(self, tableName: str) -> DataFrame:
        return self.spark_session.table(tableName)

    def tables(self, dbName: str | None = None) -> DataFrame:
        return self.spark_session.sql(f"SHOW TABLES IN `{dbName}`" if dbName else "SHOW TABLES")

    def tableNames(self, dbName: str | None = None) -> list[str]:
        return [table.name for table in self.spark_session.catalog.listTables(dbName)]

    def range(
        self, start: int, end: int | None = None, step: int = 1, numPartitions: int | None = None
    ) -> DataFrame:
        return self.spark_session.range(start, end, step, numPartitions)

    def createDataFrame(
        self, data: Any, schema: Any = None, samplingRatio: float | None = None, verifySchema: bool = True
    ) -> DataFrame:
        return self.spark_session.createDataFrame(data, schema, samplingRatio, verifySchema)

    def registerDataFrameAsTable(self, df: DataFrame, tableName: str) -> None:
        df.createOrReplaceTempView(tableName)

    def dropTempTable(self, tableName: str) -> None:
        self.spark_session.catalog.dropTempView(tableName)

    def registerFunction(self, name: str, f: Any, returnType: Any = None) -> Any:
        return self.spark_session.udf.register(name, f, returnType)

    def cacheTable(self, tableName: str) -> None:
        self.spark_session.catalog.cacheTable(tableName)

    def uncacheTable(self, tableName: str) -> None:
        self.spark_session.catalog.uncacheTable(tableName)

    def clearCache(self) -> None:
        self.spark_session.catalog.clearCache()

    def setConf(self, key: str, value: Any) -> None:
        self.spark_session.conf.set(key, value)

    def getConf(self, key: str, defaultValue: Any = None) -> Any:
        return self.spark_session.conf.get(key, defaultValue)
