"""From what a script asks for (options, or a catalog table) to a stream, or to all that a stream holds now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from awsglue._sources.request import SourceRequest
from awsglue._streams.frames import StreamFrame
from awsglue._streams.layouts import Layout, layout_of
from awsglue._streams.records import Range, Source

if TYPE_CHECKING:
    from awsglue._frames.body import Body

KINDS = ("kafka", "kinesis")


def stream_kind(table: dict[str, Any]) -> str | None:
    """ "kafka" or "kinesis" when a catalog table is over a stream."""
    kind = str(table_parameters(table).get("typeOfData") or "").lower()
    return kind if kind in KINDS else None


def table_parameters(table: dict[str, Any]) -> dict[str, str]:
    """What a table says of its stream: its own parameters and its storage's."""
    descriptor = table.get("StorageDescriptor") or {}
    return {**(table.get("Parameters") or {}), **(descriptor.get("Parameters") or {})}


def of_table(request: SourceRequest, table: dict[str, Any]) -> tuple[SourceRequest, Layout]:
    """The request that a table over a stream stands for, and its layout."""
    from awsglue._sources.catalog import table_schema

    kind = str(stream_kind(table))
    options = table_options(table, request.options)
    asked = replace(request, connection_type=kind, options=options, database=None, table_name=None)
    return asked, layout_of(kind, options, None, None, table_schema(table))


def table_options(table: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What a table says of its stream as connection options; `given` ones go before."""
    from awsglue._sources.catalog import table_format

    kind = stream_kind(table)
    parameters = table_parameters(table)
    descriptor = table.get("StorageDescriptor") or {}
    location = str(descriptor.get("Location") or "")
    known = ("connectionName", "bootstrap.servers", "topicName", "streamARN", "streamName", "endpointUrl")
    options = {key: parameters[key] for key in known if parameters.get(key)}
    if kind == "kafka" and not options.get("topicName") and location:
        options["topicName"] = location
    if kind == "kinesis" and not (options.get("streamARN") or options.get("streamName")) and location:
        options["streamName"] = location
    options |= {key: value for key, value in parameters.items() if key.startswith("kafka.")}
    options["classification"] = table_format(table)
    if parameters.get("grokPattern"):
        options["logFormat"] = parameters["grokPattern"]
    serde = (descriptor.get("SerdeInfo") or {}).get("Parameters") or {}
    delimiter = serde.get("separatorChar") or serde.get("field.delim")
    if delimiter:
        options["delimiter"] = delimiter
    for key in ("avroSchema", "avro.schema.literal"):
        if parameters.get(key) or serde.get(key):
            options["avroSchema"] = parameters.get(key) or serde[key]
    return {**options, **given}


def open_stream(request: SourceRequest, context: Any, layout: Layout | None = None) -> StreamFrame:
    """The stream of a request by options. Raises ValueError and NotImplementedError."""
    kind = request.connection_type.lower()
    if kind not in KINDS:
        raise NotImplementedError(f"connection type {request.connection_type!r} is not a stream")
    options = request.options
    found = layout or layout_of(kind, options, request.format, request.format_options)
    # Bad options are the caller's to see, not the first batch's.
    source(kind, options)
    return StreamFrame(
        context.spark_session, lambda: source(kind, options), found, options={"lag": _lag(options)}
    )


def open_batch(request: SourceRequest, context: Any, layout: Layout | None = None) -> Body:
    """Everything that the stream holds at the moment of reading, as the body of a frame."""
    from awsglue._frames.body import Body, Encoded
    from awsglue._frames.staging import folder
    from awsglue._streams.payloads import Payloads

    kind, options = request.connection_type.lower(), request.options
    found = layout or layout_of(kind, options, request.format, request.format_options)
    opened = source(kind, options, batch=True)

    def make() -> Encoded:
        try:
            wanted = everything(opened)
            records = opened.read(wanted) if wanted.held is None else iter(wanted.held)
            frame = Payloads(context.spark_session, found).frame(records, folder())
        finally:
            opened.close()
        return Encoded.of(frame)

    return Body(make)


def everything(opened: Source) -> Range:
    """From the beginning that the options name to the end that they name, or that there is now."""
    start = opened.begin()
    end = getattr(opened, "end", None)
    if end is not None:
        return Range(start=start, end=end())
    return opened.plan(start) or Range(start=start, end=start, count=0, held=[])


def source(kind: str, options: dict[str, Any], *, batch: bool = False) -> Source:
    """The source of a kind of stream."""
    if kind == "kafka":
        from awsglue._streams.kafka_source import KafkaSource

        return KafkaSource(options, batch=batch)
    from awsglue._streams.kinesis_source import KinesisSource

    return KinesisSource(options, batch=batch)


def _lag(options: dict[str, Any]) -> bool:
    from awsglue._sources.request import truth

    return truth(options.get("emitConsumerLagMetrics"))
