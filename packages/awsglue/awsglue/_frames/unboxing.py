"""unbox: a string field parsed into structure, in place."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Body, StageMaker
from awsglue._frames.records import DynamicRecord
from awsglue._frames.trees import Steps, change

Parser = Callable[[Any], Any]


def parser(format: str, options: dict[str, Any]) -> Parser:
    """What reads one field's text. Raises ValueError for formats that cannot be unboxed."""
    kind = (format or "").lower()
    if kind == "json":
        return _json
    if kind in ("csv", "tsv"):
        return _csv(options, "\t" if kind == "tsv" else ",")
    if kind == "avro":
        return _avro(options)
    raise ValueError(f"unbox cannot parse format {format!r}: it parses json, csv and avro")


def _json(text: Any) -> Any:
    return json.loads(text)


def _csv(options: dict[str, Any], default: str) -> Parser:
    separator = options.get("separator", default)
    escaper = options.get("escaper")
    quote = options.get("quoteChar", '"')
    header = options.get("withHeader")
    skip = options.get("skipFirst", False) in (True, "true")
    schema = options.get("withSchema")
    names = [field["name"] for field in json.loads(schema)["fields"]] if schema else None

    def read(text: str) -> dict[str, str | None]:
        off = quote in (-1, "-1")
        lines = list(
            csv.reader(
                io.StringIO(text),
                delimiter=separator,
                escapechar=escaper,
                quotechar=None if off else quote,
                quoting=csv.QUOTE_NONE if off else csv.QUOTE_MINIMAL,
                strict=True,
            )
        )
        head = lines.pop(0) if header in (True, "true") and lines else names
        if skip and header not in (True, "true") and lines:
            lines.pop(0)
        if not lines:
            raise ValueError("no csv record in the field")
        values = lines[0]
        given = head or [f"col{index}" for index in range(len(values))]
        return {name: values[index] if index < len(values) else None for index, name in enumerate(given)}

    return read


def _avro(options: dict[str, Any]) -> Parser:
    schema = options.get("avroSchema") or options.get("withSchema")
    if not schema:
        raise ValueError("unbox of avro needs the option avroSchema: a field's bytes do not carry it")

    def read(value: Any) -> Any:
        import fastavro

        raw = base64.b64decode(value) if isinstance(value, str) else bytes(value)
        return fastavro.schemaless_reader(io.BytesIO(raw), fastavro.parse_schema(json.loads(schema)))

    return read


def typed(body: Body, steps: Steps, format: str, options: dict[str, Any]) -> Body:
    """The parsed field with the types of the option withSchema. Raises ValueError for text that is no schema."""
    if not options.get("withSchema") or format.lower() == "avro":
        return body
    from awsglue._sources.declared import as_wanted, given_schema

    wanted = given_schema(options["withSchema"])

    def to_wanted(kind: g.DataType, expression: str) -> tuple[g.DataType, str]:
        return wanted, as_wanted(expression, kind, wanted)

    return body.then(lambda frame: frame.select(change(frame.schema, {steps: to_wanted})))


def unboxed(body: Body, steps: Steps, read: Parser, stage: StageMaker) -> Body:
    """Each record with the field at `steps` parsed; a null stays null."""
    from awsglue._frames.userfunctions import mapped

    def parse(record: DynamicRecord) -> DynamicRecord:
        holder: Any = record
        for step in steps[:-1]:
            holder = holder.get(step)
            if holder is None:
                return record
        text = holder.get(steps[-1])
        if text is not None:
            holder[steps[-1]] = read(text)
        return record

    return mapped(body, parse, stage)
