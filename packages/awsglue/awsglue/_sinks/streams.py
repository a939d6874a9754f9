"""Frames into Kafka topics and Kinesis streams: a record for each row, and an error unless all were taken."""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.request import SinkRequest
from awsglue._sources.request import truth

MOST_RECORDS, MOST_BYTES = 500, 5 * 1024 * 1024


class RecordsNotWritten(RuntimeError):
    """The stream did not take all records."""


def write_stream(request: SinkRequest, frame: Encoded) -> None:
    """Write every row as one record. Raises ValueError, NotImplementedError and RecordsNotWritten."""
    from awsglue._runtime.engine import mark_written

    send = _to_kafka if request.connection_type.lower() == "kafka" else _to_kinesis
    options = {**request.options, **request.format_options}
    if request.format and not options.get("classification"):
        options["classification"] = request.format
    rows = _payloads(frame, options, _key_column(frame, options))
    mark_written()
    send(options, rows)


Payload = tuple[Any, bytes]


def _key_column(frame: Encoded, options: dict[str, Any]) -> str | None:
    """The column whose value is each record's partition key, for Kinesis."""
    name = str(options.get("partitionKey") or "")
    return name if any(field.name == name for field in frame.schema.fields) else None


def _payloads(frame: Encoded, options: dict[str, Any], key: str | None) -> Iterator[Payload]:
    """(value of the key column, payload) of each row."""
    kind = str(options.get("classification") or "json").lower()
    if kind == "json":
        from awsglue._sinks.texts import json_texts

        # The key stays in the record: it is written beside the text, and taken out of a copy of it.
        df = json_texts(frame, [])
        for (text,) in df.toLocalIterator():
            yield (json.loads(text).get(key) if key else None), text.encode()
        return
    if kind == "csv":
        yield from _csv(frame, str(options.get("delimiter") or options.get("separator") or ","), key)
        return
    if kind == "avro":
        yield from _avro(frame, options, key)
        return
    raise NotImplementedError(
        f"classification {kind!r} of a stream to write: json, csv and avro are implemented"
    )


def _csv(frame: Encoded, delimiter: str, key: str | None) -> Iterator[Payload]:
    import csv

    from awsglue._runtime.io.partitions import render
    from awsglue._sinks.texts import plain_columns

    names = [field.name for field in frame.schema.fields]
    for row in plain_columns(frame).toLocalIterator():
        target = io.StringIO()
        values = [None if value is None else str(render(value)) for value in row]
        csv.writer(target, delimiter=delimiter, lineterminator="").writerow(values)
        yield (values[names.index(key)] if key else None), target.getvalue().encode()


def _avro(frame: Encoded, options: dict[str, Any], key: str | None) -> Iterator[Payload]:
    import fastavro

    from awsglue._frames.display import _plain
    from awsglue._sinks.avro import avro_schema

    text = options.get("avroSchema") or options.get("schema")
    schema = fastavro.parse_schema(json.loads(text) if text else avro_schema(frame.schema, modern=True))
    names = [field.name for field in frame.schema.fields]
    for row in frame.df.toLocalIterator():
        record = dict(zip(names, (_plain(value) for value in row), strict=True))
        target = io.BytesIO()
        fastavro.schemaless_writer(target, schema, record)
        yield (record[key] if key else None), target.getvalue()


# --- Kafka -----------------------------------------------------------------------------------------------------------


def _to_kafka(options: dict[str, Any], rows: Iterator[Payload]) -> None:
    topic = options.get("topicName") or options.get("topic")
    if not topic:
        raise ValueError('kafka as a sink needs the connection option "topicName"')
    where = {} if options.get("partition") in (None, "") else {"partition": int(options["partition"])}
    key = str(options["key"]).encode() if options.get("key") else None
    with_producer(options, ((str(topic), key, value, where, ()) for _, value in rows))


Message = tuple[str, bytes | None, bytes | None, dict[str, int], Any]


def with_producer(options: dict[str, Any], messages: Iterator[Message]) -> None:
    """Send (topic, key, value, partition, headers) and wait for all answers. Raises RecordsNotWritten."""
    from awsglue._streams import kafka_settings

    kafka = kafka_settings.client()
    failed: list[str] = []

    def answered(error: Any, message: Any) -> None:
        if error is not None:
            failed.append(f"{message.topic()}: {error}")

    given = kafka_settings.settings(options)
    # As the Java client: records are written once, unless fewer answers are asked for than that takes.
    if str(given.get("acks", "all")) in ("all", "-1"):
        given.setdefault("enable.idempotence", True)
    try:
        producer = kafka.Producer(given)
    except kafka.KafkaException as error:
        raise ValueError(f"Kafka options are not accepted: {error.args[0]}") from None
    for topic, key, value, where, headers in messages:
        while True:
            try:
                producer.produce(
                    topic, value=value, key=key, headers=list(headers or ()), on_delivery=answered, **where
                )
                break
            except BufferError:
                # As many as it holds are on their way: wait for answers.
                producer.poll(0.5)
        producer.poll(0)
        if failed:
            break
    left = producer.flush(120)
    if failed or left:
        reasons = "; ".join(dict.fromkeys(failed)) or "no answer within 120 s"
        raise RecordsNotWritten(f"Kafka did not take {len(failed) + left} records: {reasons}")


# --- Kinesis ---------------------------------------------------------------------------------------------------------


def _to_kinesis(options: dict[str, Any], rows: Iterator[Payload]) -> None:
    from awsglue._streams import kinesis_client

    if truth(options.get("aggregationEnabled"), False):
        raise NotImplementedError("aggregationEnabled: records are written one by one")
    stream = kinesis_client.named(options)
    api = kinesis_client.client(options)
    retries = int(options.get("numRetries") or 10)
    fixed = str(options.get("partitionKey") or "")

    def entry(row: Payload) -> dict[str, Any]:
        key, data = row
        return {
            "Data": data,
            "PartitionKey": str(key if key is not None else fixed or uuid.uuid4().hex)[:256],
        }

    for batch in _batches(entry(row) for row in rows):
        _put(api, stream.given(), batch, retries)


def _batches(entries: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for one in entries:
        weight = len(one["Data"]) + len(one["PartitionKey"].encode())
        if batch and (len(batch) == MOST_RECORDS or size + weight > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += weight
    if batch:
        yield batch


def _put(api: Any, stream: dict[str, str], batch: list[dict[str, Any]], retries: int) -> None:
    """Offer the records until all are taken."""
    for attempt in range(retries + 1):
        answers = api.put_records(**stream, Records=batch)["Records"]
        refused = [
            (one, answer) for one, answer in zip(batch, answers, strict=True) if answer.get("ErrorCode")
        ]
        if not refused:
            return
        batch = [one for one, _ in refused]
        reason = refused[0][1]
        if attempt < retries:
            time.sleep(min(10.0, 0.1 * 2**attempt))
    raise RecordsNotWritten(
        f"Kinesis did not take {len(batch)} records after {retries} retries: "
        f"{reason['ErrorCode']}: {reason.get('ErrorMessage')}"
    )
