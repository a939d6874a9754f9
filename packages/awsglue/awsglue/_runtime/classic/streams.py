"""Kafka and Kinesis on Apache Spark: by a connector that the run brought, else by the job library's clients."""

from __future__ import annotations

from typing import Any

KINDS = ("kafka", "kinesis")


def install() -> None:
    """Patch the stream reader and the session's queries; readers and writers of batches ask ``ours`` themselves."""
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import DataStreamReader

    from awsglue._runtime.classic import lakes

    def keeping(name: str, store: Any) -> None:
        native = getattr(DataStreamReader, name)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            store(self.__dict__.setdefault("_mastic", {"options": {}}), *args, **kwargs)
            return native(self, *args, **kwargs)

        setattr(DataStreamReader, name, method)

    keeping("format", lambda kept, source: kept.update(format=source))
    keeping("schema", lambda kept, schema: kept.update(schema=schema))
    keeping("option", lambda kept, key, value: kept["options"].update({key: value}))
    keeping("options", lambda kept, **given: kept["options"].update(given))
    native_load = DataStreamReader.load

    def load(self: Any, path: Any = None, format: Any = None, schema: Any = None, **options: Any) -> Any:
        kept = self.__dict__.get("_mastic", {"options": {}})
        kind = str(format or kept.get("format") or "").lower()
        lakes.refuse_stream(kind, "reading")
        if not ours(self._spark, kind):
            return native_load(self, path, format, schema, **options)
        from awsglue._streams.queries import StreamReader

        reader = StreamReader(self._spark).options(**kept["options"])
        return reader.load(path, kind, schema or kept.get("schema"), **options)

    DataStreamReader.load = load  # type: ignore[method-assign]
    native_queries: Any = SparkSession.streams
    SparkSession.streams = property(  # type: ignore[assignment]
        lambda self: Queries(self, native_queries.__get__(self))
    )


def ours(spark: Any, kind: str) -> bool:
    """Whether this is a stream's format and the JVM has no connector for it."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    if kind not in KINDS:
        return False
    sources = spark._jvm.org.apache.spark.sql.execution.datasources.DataSource
    try:
        sources.lookupDataSource(kind, spark._jsparkSession.sessionState().conf())
    except (Py4JJavaError, PySparkException):
        return True
    return False


class Queries:
    """`spark.streams`: Spark's queries and ours."""

    def __init__(self, spark: Any, native: Any) -> None:
        from awsglue._streams.queries import StreamManager, queries_of

        self._native = native
        self._known = queries_of(spark)
        self._own = StreamManager(spark)

    @property
    def active(self) -> list[Any]:
        """The queries that run."""
        return [*self._native.active, *self._own.active]

    def get(self, id: str) -> Any:
        """A running query by its id."""
        return self._own.get(id) or self._native.get(id)

    def awaitAnyTermination(self, timeout: float | None = None) -> bool | None:
        """Wait until a query ends; raises what ended it."""
        import time

        if not self._known:
            found: bool | None = self._native.awaitAnyTermination(timeout)
            return found
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (self._own.awaitAnyTermination(0) or self._native.awaitAnyTermination(0.1)):
            if deadline is not None and time.monotonic() >= deadline:
                return False
        return None if timeout is None else True

    def resetTerminated(self) -> None:
        """Forget the queries that have ended."""
        self._own.resetTerminated()
        self._native.resetTerminated()

    def __getattr__(self, name: str) -> Any:
        # What listens to Spark's queries hears of Spark's alone.
        return getattr(self._native, name)
