"""The client's public classes, as a Glue script expects them: reader, writers, session, configuration, DataFrame."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.engine import services
from awsglue._runtime.failures import EngineRefused

# What scripts ask spark.conf for without having set it.
KNOWN = {
    "spark.sql.shuffle.partitions": "200",
    "spark.sql.sources.partitionOverwriteMode": "STATIC",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.autoBroadcastJoinThreshold": "10485760b",
    "spark.sql.caseSensitive": "false",
    "spark.sql.parquet.compression.codec": "snappy",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.files.maxPartitionBytes": "134217728b",
    "spark.sql.legacy.timeParserPolicy": "EXCEPTION",
    "spark.sql.catalogImplementation": "hive",
    "spark.app.name": "mastic",
    "spark.master": "local[*]",
    "spark.sql.execution.arrow.pyspark.enabled": "false",
    "spark.sql.sources.default": "parquet",
    "spark.sql.warehouse.dir": "spark-warehouse",
    "spark.sql.repl.eagerEval.enabled": "false",
    "spark.sql.execution.pythonUDF.arrow.enabled": "false",
    "spark.sql.execution.pythonUDTF.arrow.enabled": "false",
    "spark.sql.connect.serverStacktrace.enabled": "false",
    "spark.sql.pyspark.jvmStacktrace.enabled": "false",
    "spark.sql.parquet.outputTimestampType": "INT96",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
}
# What the engine itself must know.
FORWARDED = ("spark.sql.session.timeZone", "spark.sql.ansi.enabled")


def install() -> None:
    """Patch the Connect client's classes."""
    _configuration()
    _session()
    _reader()
    _frames()
    from awsglue._runtime.client import catalogs, columns, early, nulls, writers

    columns.install()
    early.install()
    nulls.install()
    writers.install()
    catalogs.install()


def _configuration() -> None:
    from pyspark.sql.connect.conf import RuntimeConf

    from awsglue._runtime.engine import STATE

    missing = object()
    forward = RuntimeConf.set
    ask = RuntimeConf.get

    def set_(self: Any, key: str, value: Any) -> None:
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        if key == "spark.sql.caseSensitive" and text.lower() == "true":
            raise EngineRefused("spark.sql.caseSensitive=true")
        if key == "spark.sql.legacy.timeParserPolicy" and text.upper() == "LEGACY":
            raise EngineRefused("spark.sql.legacy.timeParserPolicy=LEGACY")
        STATE.conf[key] = text
        if key in FORWARDED:
            forward(self, key, text)

    def get(self: Any, key: str, default: Any = missing) -> Any:
        self._checkType(key, "key")
        if key in STATE.conf:
            return STATE.conf[key]
        if key == "spark.sql.execution.pyspark.binaryAsBytes":
            # Spark 3.5 gives bytearray.
            return "false"
        if default is None or isinstance(default, str):
            return default
        if key in KNOWN:
            return KNOWN[key]
        found = ask(self, key, None)
        if found is not None:
            return found
        from pyspark.errors import AnalysisException

        raise AnalysisException(f'[SQL_CONF_NOT_FOUND] The SQL config "{key}" cannot be found.')

    def unset(self: Any, key: str) -> None:
        STATE.conf.pop(key, None)
        if key in FORWARDED:
            forward(self, key, KNOWN[key])

    def set_all(self: Any, configs: dict[str, Any], silent: bool) -> None:
        for key, value in configs.items():
            set_(self, key, value)

    RuntimeConf.set = set_  # type: ignore[method-assign,assignment]
    RuntimeConf.get = get  # type: ignore[method-assign,assignment]
    RuntimeConf.unset = unset  # type: ignore[method-assign]
    RuntimeConf._set_all = set_all  # type: ignore[method-assign]
    RuntimeConf.isModifiable = lambda self, key: True  # type: ignore[method-assign]
    RuntimeConf.getAll = property(lambda self: {**KNOWN, **STATE.conf})  # type: ignore[assignment,method-assign]


def _session() -> None:
    from pyspark.sql.connect.session import SparkSession

    from awsglue._runtime.engine import SPARK_VERSION

    SparkSession.version = property(lambda self: SPARK_VERSION)  # type: ignore[assignment,method-assign]
    sessions(SparkSession)


def sessions(session: Any) -> None:
    """Patch a session on any server that is spoken to by plans: contexts, RDDs, statements, tables, streams."""

    def spark_context(self: Any) -> Any:
        import pyspark

        return pyspark.SparkContext.getOrCreate()

    def stop(self: Any) -> None:
        """The engine ends with the process, so that a script may go on after stop() as it may in Glue."""

    original = session.createDataFrame

    def create(
        self: Any, data: Any, schema: Any = None, samplingRatio: Any = None, verifySchema: Any = None
    ) -> Any:
        from awsglue._runtime.client.local_rdd import LocalRDD

        if isinstance(data, LocalRDD):
            data = data.collect()
        return original(self, data, schema, samplingRatio, verifySchema)

    def sql(self: Any, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:
        if kwargs:
            from pyspark.sql.connect.sql_formatter import SQLStringFormatter

            formatter = SQLStringFormatter(self)
            sqlQuery = formatter.format(sqlQuery, **kwargs)
            views = [(name, df) for df, name in formatter._temp_views]
        else:
            views = []
        return services().sql(sqlQuery, args, views)

    session.sparkContext = property(spark_context)
    session._sc = property(spark_context)
    session._jsc = property(lambda self: spark_context(self)._jsc)
    session.stop = stop
    session.newSession = lambda self: self
    session.createDataFrame = create
    session.table = lambda self, tableName: services().table(tableName)
    session.sql = sql
    from awsglue._streams import queries

    queries.install(session)


def _reader() -> None:
    from pyspark.sql.connect.readwriter import DataFrameReader

    databases(DataFrameReader)

    def load(self: Any, path: Any = None, format: Any = None, schema: Any = None, **options: Any) -> Any:
        if format is not None:
            self.format(format)
        if schema is not None:
            self.schema(schema)
        self.options(**options)
        if str(self._format).lower() in ("kafka", "kinesis"):
            from awsglue._streams.queries import read_now

            return read_now(self._client, str(self._format).lower(), dict(self._options))
        from awsglue._sources import sparkjdbc

        named = sparkjdbc.options_of(str(self._format).lower(), self._options)
        if named is not None:
            return sparkjdbc.read(self._client, named, schema=self._schema)
        return services().load(self._format, path, dict(self._options), self._schema or None)

    DataFrameReader.load = load  # type: ignore[method-assign]
    DataFrameReader.table = lambda self, tableName: services().table(tableName, dict(self._options))  # type: ignore
    text = DataFrameReader.json

    def json(self: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
        from awsglue._runtime.client.local_rdd import LocalRDD

        if isinstance(path, LocalRDD):
            return services().json_lines(path.collect(), dict(self._options), self._schema or None)
        return text(self, path, *args, **kwargs)

    DataFrameReader.json = json  # type: ignore[method-assign]


def databases(reader: Any) -> None:
    """Patch a reader: databases are read by the job library's own drivers."""

    def jdbc(
        self: Any,
        url: str,
        table: str,
        column: str | None = None,
        lowerBound: Any = None,
        upperBound: Any = None,
        numPartitions: int | None = None,
        predicates: list[str] | None = None,
        properties: dict[str, str] | None = None,
    ) -> Any:
        from awsglue._sources import sparkjdbc

        self.options(**(properties or {})).options(url=url, dbtable=table)
        bounds = sparkjdbc.bounds(column, lowerBound, upperBound, numPartitions)
        return sparkjdbc.read(self._client, {**self._options, **bounds}, predicates)

    reader.jdbc = jdbc


def rdds(frame: Any) -> None:
    """Patch a DataFrame: its RDD is made of its rows in this process."""

    def rdd(self: Any) -> Any:
        from awsglue._runtime.client.local_rdd import LocalRDD

        context = self.sparkSession.sparkContext
        return LocalRDD(lambda: iter(self.toLocalIterator()), context, partitions_of(self._plan))

    frame.rdd = property(rdd)
    frame.sql_ctx = property(lambda self: self.sparkSession)


def _frames() -> None:
    from pyspark.sql.connect.dataframe import DataFrame

    rdds(DataFrame)
    DataFrame.inputFiles = lambda self: services().input_files(self)  # type: ignore[method-assign]

    original = DataFrame.persist

    def persist(self: Any, *arguments: Any, **named: Any) -> Any:
        services().keep(self)
        return original(self, *arguments, **named)

    DataFrame.persist = persist  # type: ignore[method-assign]


def partitions_of(node: Any) -> int:
    """How many partitions the script asked for by repartition or coalesce (on rows not regrouped since), else 1."""
    from pyspark.sql.connect import plan as plans

    while node is not None:
        if isinstance(node, plans.Repartition):
            return int(node._num_partitions)
        if isinstance(node, plans.RepartitionByExpression) and node.num_partitions:
            return int(node.num_partitions)
        sorted_within = isinstance(node, plans.Sort) and not node.is_global
        if not sorted_within and not isinstance(
            node, (plans.Project, plans.WithColumns, plans.Filter, plans.Drop, plans.SubqueryAlias)
        ):
            return 1
        node = node._child
    return 1
