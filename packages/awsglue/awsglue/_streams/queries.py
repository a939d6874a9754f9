"""`spark.readStream` and `writeStream` over Kafka and Kinesis, as far as our own loop does exactly what Spark does.

That is: the records as they are, row-by-row transforms, and batches handed to a function or written to Kafka, at least
once and with stable numbers. Everything else is refused by name.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from awsglue._runtime.failures import EngineRefused
from awsglue._streams.times import seconds_of

if TYPE_CHECKING:
    from awsglue._streams.driver import MicroBatches
    from awsglue._streams.frames import StreamFrame

_REFUSED_OPTIONS = (
    "startingOffsetsByTimestamp",
    "startingOffsetsByTimestampStrategy",
    "minOffsetsPerTrigger",
    "maxTriggerDelay",
    "classification",
    "inferSchema",
    "schema",
)
# What a row for Kafka may have, and of which types.
_COLUMNS = {
    "value": ("string", "binary"),
    "key": ("string", "binary"),
    "topic": ("string",),
    "partition": ("integer",),
}


class StreamReader:
    """`spark.readStream`."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark
        self._format = ""
        self._options: dict[str, str] = {}
        self._schema: Any = None

    def format(self, source: str) -> StreamReader:
        """What is read: "kafka" or "kinesis"."""
        self._format = source
        return self

    def schema(self, schema: Any) -> StreamReader:
        """A schema: Kafka and Kinesis have their own and take none."""
        self._schema = schema
        return self

    def option(self, key: str, value: Any) -> StreamReader:
        """One option."""
        self._options[key] = _text(value)
        return self

    def options(self, **options: Any) -> StreamReader:
        """Several options."""
        self._options |= {key: _text(value) for key, value in options.items()}
        return self

    def load(
        self, path: str | None = None, format: str | None = None, schema: Any = None, **options: Any
    ) -> Any:
        """The stream. Raises EngineRefused for sources other than Kafka and Kinesis."""
        from awsglue._streams.frames import StreamFrame
        from awsglue._streams.layouts import layout_of
        from awsglue._streams.opening import KINDS, source

        self.options(**options)
        kind = (format or self._format or "parquet").lower()
        if kind not in KINDS or path is not None:
            raise EngineRefused(f"spark.readStream of {kind!r}")
        if schema is not None or self._schema is not None:
            from pyspark.errors import AnalysisException

            raise AnalysisException(f"{kind} source has a fixed schema and cannot be set with a custom one")
        given = dict(self._options)
        for name in _REFUSED_OPTIONS:
            if name in given:
                raise EngineRefused(f"option {name} of a {kind} stream")
        layout = layout_of(kind, given, None)
        source(kind, given)
        return StreamFrame(self._spark, lambda: source(kind, given), layout)

    def __getattr__(self, name: str) -> Any:
        if name in ("csv", "json", "parquet", "orc", "text", "table", "xml"):
            raise EngineRefused(f"spark.readStream.{name}()")
        raise AttributeError(name)


class StreamWriter:
    """`df.writeStream` of such a stream."""

    def __init__(self, frame: StreamFrame) -> None:
        self._frame = frame
        self._format = ""
        self._options: dict[str, str] = {}
        self._name: str | None = None
        self._window = 0.0
        self._ending: str = ""
        self._function: Callable[[Any, int], Any] | None = None

    def format(self, source: str) -> StreamWriter:
        """Where the rows go: "kafka" or "noop"."""
        self._format = source
        return self

    def outputMode(self, outputMode: str) -> StreamWriter:
        """append, or update, which is the same where nothing is aggregated."""
        if outputMode.lower() not in ("append", "update"):
            from pyspark.errors import AnalysisException

            raise AnalysisException(f"{outputMode} output mode needs streaming aggregations")
        return self

    def option(self, key: str, value: Any) -> StreamWriter:
        """One option."""
        self._options[key] = _text(value)
        return self

    def options(self, **options: Any) -> StreamWriter:
        """Several options."""
        self._options |= {key: _text(value) for key, value in options.items()}
        return self

    def queryName(self, queryName: str) -> StreamWriter:
        """The query's name."""
        self._name = queryName
        return self

    def trigger(
        self,
        *,
        processingTime: str | None = None,
        once: bool | None = None,
        continuous: str | None = None,
        availableNow: bool | None = None,
    ) -> StreamWriter:
        """When batches begin. Raises ValueError unless exactly one way is given."""
        if sum(one is not None for one in (processingTime, once, continuous, availableNow)) != 1:
            raise ValueError("Multiple triggers not allowed.")
        if continuous is not None:
            raise EngineRefused("continuous streaming")
        self._window = seconds_of(processingTime) if processingTime else 0.0
        self._ending = "once" if once else "available" if availableNow else ""
        return self

    def foreachBatch(self, func: Callable[[Any, int], Any]) -> StreamWriter:
        """Hand each batch to a function (frame, batch id)."""
        self._function = func
        return self

    def start(
        self,
        path: str | None = None,
        format: str | None = None,
        outputMode: str | None = None,
        partitionBy: Any = None,
        queryName: str | None = None,
        **options: Any,
    ) -> StreamQuery:
        """Begin, in a thread of its own. Raises EngineRefused for sinks that are not served."""
        from awsglue._runtime.engine import scratch_directory
        from awsglue._streams.batches import loop

        if outputMode is not None:
            self.outputMode(outputMode)
        self.options(**options)
        process = self._process((format or self._format).lower())
        if path is not None or partitionBy:
            raise EngineRefused("a stream written to files")
        if self._frame._layout.inferred:
            raise NotImplementedError("writeStream of a stream whose schema is inferred: use forEachBatch")
        place = self._options.get("checkpointLocation")
        if not place:
            # As in Spark, a checkpoint that nobody named lives as long as the job.
            place = os.path.join(scratch_directory(), f"checkpoint-{uuid.uuid4().hex}")
        batches = loop(
            self._frame,
            process,
            place,
            self._window,
            until_caught_up=bool(self._ending),
            limited=self._ending != "once",
        )
        query = StreamQuery(batches, queryName or self._name)
        queries_of(self._frame._spark).append(query)
        query.begin()
        return query

    def _process(self, kind: str) -> Callable[[Any, int], None]:
        function = self._function
        if function is not None:
            return lambda df, number: _none(function(df, number))
        if kind == "noop":
            return lambda df, number: _none(df.count())
        if kind == "kafka":
            options = dict(self._options)
            from awsglue._streams import kafka_settings

            kafka_settings.settings(options)
            return lambda df, number: write_rows(df, options)
        raise EngineRefused(f"a stream written to {kind or 'files'!r}")

    def __getattr__(self, name: str) -> Any:
        if name in ("foreach", "partitionBy", "toTable", "clusterBy"):
            raise EngineRefused(f"writeStream.{name}()")
        raise AttributeError(name)


class StreamQuery:
    """A running query."""

    def __init__(self, batches: MicroBatches, name: str | None) -> None:
        self._batches = batches
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"stream {name or ''}", daemon=True)
        self.name = name
        self.id = uuid.uuid4().hex
        self.runId = uuid.uuid4().hex

    def begin(self) -> None:
        """Let it run."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._batches.run()
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for the query
            self._failure = error

    @property
    def isActive(self) -> bool:
        return self._thread.is_alive()

    @property
    def lastProgress(self) -> dict[str, Any] | None:
        """What the last batch was."""
        found = self.recentProgress
        return found[-1] if found else None

    @property
    def recentProgress(self) -> list[dict[str, Any]]:
        """What the last hundred batches were."""
        return [
            {
                "id": self.id,
                "runId": self.runId,
                "name": self.name,
                "batchId": one.batch_id,
                "numInputRows": one.records,
                "batchDuration": one.milliseconds,
                "sources": [{"startOffset": one.range.start, "endOffset": one.range.end}],
            }
            for one in list(self._batches.progress)
        ]

    @property
    def status(self) -> dict[str, Any]:
        waiting = self._batches.idle.is_set()
        message = "Stopped" if not self.isActive else "Waiting for data" if waiting else "Processing new data"
        return {"message": message, "isDataAvailable": not waiting, "isTriggerActive": not waiting}

    def exception(self) -> Any:
        """What ended the query, as Spark wraps it; None while it runs or when it was stopped."""
        if self._failure is None:
            return None
        from pyspark.errors import StreamingQueryException

        return StreamingQueryException(f"[STREAM_FAILED] Query terminated with exception: {self._failure}")

    def awaitTermination(self, timeout: float | None = None) -> bool | None:
        """Wait for the end; raises what ended it. With a timeout in seconds, whether it has ended."""
        self._thread.join(timeout)
        if self._failure is not None:
            if isinstance(self._failure, EngineRefused):
                raise self._failure
            raise self.exception() from self._failure
        return None if timeout is None else not self._thread.is_alive()

    def processAllAvailable(self) -> None:
        """Wait until there is nothing new."""
        # A look that is under way may have missed what has just arrived: it takes a later one.
        seen = self._batches.looks
        while self._batches.in_vain <= seen and self._thread.is_alive():
            self._thread.join(0.02)
        if self._failure is not None:
            raise self.exception() from self._failure

    def stop(self) -> None:
        """End after the batch that is under way."""
        self._batches.stopping.set()
        self._thread.join()


class StreamManager:
    """`spark.streams`."""

    def __init__(self, spark: Any) -> None:
        self._queries = queries_of(spark)

    @property
    def active(self) -> list[StreamQuery]:
        """The queries that run."""
        return [one for one in self._queries if one.isActive]

    def get(self, id: str) -> StreamQuery | None:
        """A running query by its id."""
        return next((one for one in self.active if one.id == id), None)

    def awaitAnyTermination(self, timeout: float | None = None) -> bool | None:
        """Wait until a query ends; raises what ended it."""
        import time

        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            for one in self._queries:
                if not one.isActive:
                    one.awaitTermination()
                    return None if timeout is None else True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(0.1)

    def resetTerminated(self) -> None:
        """Forget the queries that have ended."""
        self._queries[:] = self.active


def queries_of(spark: Any) -> list[StreamQuery]:
    """The queries that a session has started."""
    found: list[StreamQuery] = spark.__dict__.setdefault("_mastic_queries", [])
    return found


def read_now(spark: Any, kind: str, options: dict[str, str]) -> Any:
    """`spark.read.format("kafka" | "kinesis").load()`: everything that is there, as it is."""
    from awsglue._frames.staging import folder
    from awsglue._streams.layouts import layout_of
    from awsglue._streams.opening import everything, source
    from awsglue._streams.payloads import Payloads

    for name in (*_REFUSED_OPTIONS, "endingOffsetsByTimestamp", "endingTimestamp"):
        if name in options:
            raise EngineRefused(f"option {name} of a {kind} read")
    layout = layout_of(kind, dict(options), None)
    opened = source(kind, dict(options), batch=True)
    try:
        wanted = everything(opened)
        records = opened.read(wanted) if wanted.held is None else iter(wanted.held)
        return Payloads(spark, layout).frame(records, folder())
    finally:
        opened.close()


def install(session_class: Any) -> None:
    """Give a session class these streams."""
    session_class.readStream = property(StreamReader)
    session_class.streams = property(StreamManager)


def write_rows(df: Any, options: dict[str, Any]) -> None:
    """Rows with the columns value, key, topic, partition, headers, as Spark's Kafka sink takes them."""
    from awsglue._runtime.engine import mark_written
    from awsglue._sinks.streams import with_producer

    names = [name.lower() for name in df.columns]
    unknown = set(names) - {"value", "key", "topic", "partition", "headers"}
    if "value" not in names or unknown:
        from pyspark.errors import AnalysisException

        raise AnalysisException(
            f"a row for Kafka has the column value, and may have key, topic, partition and headers; here are {names}"
        )
    for field in df.schema.fields:
        kinds = _COLUMNS.get(field.name.lower())
        if kinds and field.dataType.typeName() not in kinds:
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                f"the column {field.name} of a row for Kafka has to be {' or '.join(kinds)}, "
                f"not {field.dataType.simpleString()}"
            )
    fixed = options.get("topic")
    if not fixed and "topic" not in names:
        raise ValueError("kafka needs the option topic or a column of that name")
    mark_written()
    rows = (dict(zip(names, row, strict=True)) for row in df.toLocalIterator())
    with_producer(
        options,
        (
            (
                str(fixed or _topic(row)),
                _bytes(row.get("key")),
                _bytes(row["value"]),
                {} if row.get("partition") is None else {"partition": int(row["partition"])},
                [(one["key"], _bytes(one["value"])) for one in row.get("headers") or ()],
            )
            for row in rows
        ),
    )


def _topic(row: dict[str, Any]) -> str:
    if row["topic"] is None:
        raise ValueError("a row for Kafka has no topic: give it one, or all of them by the option topic")
    return str(row["topic"])


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else bytes(value)


def _none(value: Any) -> None:
    """For functions whose result does not matter."""


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
