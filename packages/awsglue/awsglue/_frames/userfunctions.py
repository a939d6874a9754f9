"""Map and Filter with the user's Python functions: run where the rows are, on Arrow batches.

A filter evaluates the function and keeps whole rows of the batch, so types stay as they are. A map may return anything:
its results are written down as they come, and the schema is what their types merge to.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.body import Body, Encoded, StageMaker
from awsglue._frames.encoding import columns, quote, to_spark
from awsglue._frames.lazyrecords import records_of
from awsglue._frames.predicates import to_sql
from awsglue._frames.records import DynamicRecord, arrow_batch, plain, signature, type_of

if TYPE_CHECKING:
    import pyarrow as pa

Function = Callable[[DynamicRecord], Any]
DROPS = (KeyError, ValueError, TypeError)
NONE_RETURNED = "User-specified function returned None instead of DynamicRecord"
MESSAGE, TRACE = "glue_error_message", "glue_error_trace"
BATCH = 8192


def keep(
    batch: pa.RecordBatch, schema: g.StructType, function: Function
) -> Iterator[tuple[bool, str | None, str | None]]:
    """Per row: kept?, and the message and trace of an unexpected error."""
    for record in records_of(batch, schema):
        try:
            yield bool(function(record)), None, None
        except DROPS:
            yield False, None, None
        except Exception as error:  # noqa: BLE001 (whatever a user's function raises)
            # The user's function failed: the row becomes an error record that tells why.
            yield True, f"{type(error).__name__}: {error}", traceback.format_exc()


def _filter_batches(schema: g.StructType, function: Function) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            results = list(keep(batch, schema, function))
            kept = pa.array([index for index, (good, _, _) in enumerate(results) if good], type=pa.int64())
            chosen = batch.take(kept)
            rows = kept.to_pylist()
            notes = [
                pa.array([results[row][1] for row in rows], type=pa.string()),
                pa.array([results[row][2] for row in rows], type=pa.string()),
            ]
            names = [*(f"c{index}" for index in range(len(schema.fields))), MESSAGE, TRACE]
            yield pa.RecordBatch.from_arrays([*chosen.columns, *notes], names=names)

    return run


def _unnamed(frame: Encoded) -> Any:
    """The frame's columns as c0, c1, …: user functions on batches cannot take names with dots."""
    return frame.df.selectExpr(
        *columns([(f"c{i}", quote(field.name)) for i, field in enumerate(frame.schema.fields)])
    )


def _spark_schema(schema: g.StructType, *notes: str) -> Any:
    from pyspark.sql.types import StringType, StructField, StructType

    fields = [StructField(f"c{i}", to_spark(field.dataType), True) for i, field in enumerate(schema.fields)]
    return StructType([*fields, *(StructField(note, StringType(), True) for note in notes)])


def _named(df: Any, schema: g.StructType) -> Encoded:
    renamed = df.selectExpr(*columns([(field.name, f"c{i}") for i, field in enumerate(schema.fields)]))
    return Encoded(df=renamed, schema=schema)


def filtered(body: Body, function: Function, stage: StageMaker) -> Body:
    """The rows for which the function says yes."""

    def run() -> tuple[Any, g.StructType]:
        frame = body.get()
        condition = to_sql(function, frame.schema)
        if condition is not None:
            # The same rows, told to the engine: no record passes through Python, and none can be an error.
            return Encoded(df=frame.df.where(condition), schema=frame.schema), frame.schema
        ran = _unnamed(frame).mapInArrow(
            _filter_batches(frame.schema, function), _spark_schema(frame.schema, MESSAGE, TRACE)
        )
        return ran, frame.schema

    shared = Shared(run)

    def good() -> Encoded:
        df, schema = shared.get()
        return df if isinstance(df, Encoded) else _named(df.where(f"{MESSAGE} is null"), schema)

    def errors() -> Any:
        df, schema = shared.get()
        if isinstance(df, Encoded):
            return None
        return error_frame(df.where(f"{MESSAGE} is not null"), schema, stage)

    own = stage(records=errors)
    return Body(good, lambda: (*body.stages, own))


class Shared:
    """Something made once for several readers."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._value: Any = None

    def get(self) -> Any:
        if self._value is None:
            self._value = self._make()
        return self._value


def error_frame(df: Any, schema: g.StructType, stage: StageMaker) -> Encoded:
    """Error records as Glue shapes them: one struct `error` with the message, the trace and the record itself."""
    from awsglue._frames.encoding import literal, struct

    record = (
        struct([(field.name, f"c{i}") for i, field in enumerate(schema.fields)])
        if schema.fields
        else "named_struct('empty', true)"
    )
    kind = schema if schema.fields else g.StructType([g.Field("empty", g.BooleanType())])
    site = struct([("site", literal(stage.site)), ("info", literal(stage.info))])
    error = struct([("callsite", site), ("msg", MESSAGE), ("stackTrace", TRACE), ("dynamicRecord", record)])
    string = g.StringType()
    shape = g.StructType(
        [
            g.Field("callsite", g.StructType([g.Field("site", string), g.Field("info", string)])),
            g.Field("msg", string),
            g.Field("stackTrace", string),
            g.Field("dynamicRecord", kind),
        ]
    )
    return Encoded(df=df.selectExpr(f"{error} as error"), schema=g.StructType([g.Field("error", shape)]))


# --- map -----------------------------------------------------------------------------------------------------------

_SHAPE, _PAYLOAD = "shape", "payload"


Rows = Iterator["tuple[DynamicRecord, pa.RecordBatch, int]"]
# Gives (result, error, the record that is to blame).
Each = Callable[[int, g.StructType, Rows], Iterator["tuple[Any, BaseException | None, DynamicRecord | None]"]]


def _rows(batches: Iterator[pa.RecordBatch], schema: g.StructType) -> Rows:
    for batch in batches:
        for row, record in enumerate(records_of(batch, schema)):
            yield record, batch, row


def _one_by_one(function: Function) -> Each:
    """Apply the function to each record."""

    def run(
        index: int, schema: g.StructType, rows: Rows
    ) -> Iterator[tuple[Any, BaseException | None, DynamicRecord | None]]:
        for record, batch, row in rows:
            error: BaseException | None = None
            result = None
            try:
                result = function(record)
                if not result:
                    error = ValueError(NONE_RETURNED)
            except Exception as raised:  # noqa: BLE001 (whatever a user's function raises)
                # The user's function failed: the record becomes an error record.
                error = raised
            # Read again from the batch: the function may have changed the record before it failed.
            blamed = next(records_of(batch.slice(row, 1), schema)) if error else None
            yield result, error, blamed

    return run


def _whole_partition(function: Callable[[int, Any], Any]) -> Each:
    """Apply the function to all records of a partition; an exception in it fails the job, as no record is to blame."""

    def run(
        index: int, schema: g.StructType, rows: Rows
    ) -> Iterator[tuple[Any, BaseException | None, DynamicRecord | None]]:
        for result in function(index, (record for record, _, _ in rows)):
            yield result, None, None

    return run


def _map_batches(schema: g.StructType, each: Each) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        known: dict[Any, str] = {}
        rows: list[tuple[str | None, bytes, str | None, str | None]] = []
        for result, error, blamed in each(_partition_number(), schema, _rows(batches, schema)):
            if error is None:
                value = plain(result)
                mark = signature(value)
                shape = known.get(mark)
                if shape is None:
                    shape = known.setdefault(mark, g._serialize_schema(type_of(value, schema)))
                rows.append((shape, pickle.dumps(value, protocol=4), None, None))
            else:
                trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
                message = str(error) or type(error).__name__
                rows.append((None, pickle.dumps(plain(blamed), protocol=4), message, trace))
            if len(rows) >= BATCH:
                yield _raw_batch(rows)
                rows = []
        yield _raw_batch(rows)

    return run


def _partition_number() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return context.partitionId() if context is not None else 0


def _raw_batch(rows: list[tuple[str | None, bytes, str | None, str | None]]) -> pa.RecordBatch:
    import pyarrow as pa

    types = [pa.string(), pa.binary(), pa.string(), pa.string()]
    arrays = [pa.array([row[i] for row in rows], type=kind) for i, kind in enumerate(types)]
    return pa.RecordBatch.from_arrays(arrays, names=[_SHAPE, _PAYLOAD, MESSAGE, TRACE])


def _decode_batches(schema: g.StructType) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield arrow_batch([pickle.loads(one) for one in batch.column(0).to_pylist()], schema)

    return run


def _decode_errors(schema: g.StructType) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            made = arrow_batch([pickle.loads(one) for one in batch.column(0).to_pylist()], schema)
            yield pa.RecordBatch.from_arrays(
                [*made.columns, batch.column(1), batch.column(2)], names=[*made.schema.names, MESSAGE, TRACE]
            )

    return run


def mapped(body: Body, function: Function, stage: StageMaker) -> Body:
    """What the function makes of each record."""
    return _mapped(body, _one_by_one(function), stage)


def mapped_partitions(body: Body, function: Callable[[int, Any], Any], stage: StageMaker) -> Body:
    """What the function makes of the records of each partition."""
    return _mapped(body, _whole_partition(function), stage)


def _mapped(body: Body, each: Each, stage: StageMaker) -> Body:

    def run() -> tuple[Any, g.StructType]:
        import os

        from awsglue._frames.staging import folder, session_of

        frame = body.get()
        raw = "shape string, payload binary, glue_error_message string, glue_error_trace string"
        target = os.path.join(folder(), "records")
        # Written down, because the function must run once per record, and the schema is known only when it has.
        _unnamed(frame).mapInArrow(_map_batches(frame.schema, each), raw).write.parquet(target)
        return session_of(frame.df).read.schema(raw).parquet(f"file://{target}"), frame.schema

    shared = Shared(run)

    def good() -> Encoded:
        df, _ = shared.get()
        counts = df.where("shape is not null").groupBy(_SHAPE).count().collect()
        schema: g.DataType = g.StructType()
        # The commonest shape gives the order of the fields.
        for shape, _ in sorted(counts, key=lambda row: (-row[1], row[0])):
            schema = g.mergeDataTypes(schema, g._deserialize_json_string(shape))
        assert isinstance(schema, g.StructType)
        payload = df.where("shape is not null").select(_PAYLOAD)
        return _named(payload.mapInArrow(_decode_batches(schema), _spark_schema(schema)), schema)

    def errors() -> Any:
        df, schema = shared.get()
        held = df.where("shape is null").select(_PAYLOAD, MESSAGE, TRACE)
        decoded_errors = held.mapInArrow(_decode_errors(schema), _spark_schema(schema, MESSAGE, TRACE))
        return error_frame(decoded_errors, schema, stage)

    own = stage(records=errors)
    return Body(good, lambda: (*body.stages, own))
