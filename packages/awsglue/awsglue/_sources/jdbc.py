"""Database tables as frames: read in parallel slices, staged as Parquet, bookmarked by keys."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Body, Encoded
from awsglue._frames.encoding import columns, to_spark
from awsglue._frames.records import arrow_batch
from awsglue._sources.bookmarks import Bookmarks, source_id
from awsglue._sources.connections import Address, resolve
from awsglue._sources.databases import FETCH, Database, database, plain, quoted
from awsglue._sources.request import SourceRequest, truth

PARTITIONS = 7
THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One query of a read."""

    query: str
    parameters: tuple[Any, ...] = ()


def open_jdbc(request: SourceRequest, context: Any) -> Body:
    """The body of a table's frame. Raises ValueError and NotImplementedError."""
    address = resolve(request.connection_type, request.options)
    own = database(address)
    table = str(request.options.get("dbtable") or "")
    if own.vendor == "redshift":
        from awsglue._sources.redshift import refuse_what_needs_aws

        refuse_what_needs_aws(request.options, str(request.options.get("url") or ""))
        if request.options.get("query"):
            # Redshift's own name for what other databases call sampleQuery: the rows of a query.
            options = {
                **request.options,
                "sampleQuery": f"select * from ({request.options['query']}) as glue_query",
            }
            request, table = replace(request, options=options), ""
    if not table and not request.options.get("sampleQuery"):
        raise ValueError(f'{request.connection_type} needs the connection option "dbtable"')
    if request.options.get("customJdbcDriverS3Path"):
        raise NotImplementedError(
            "customJdbcDriverS3Path is not implemented: databases are read by Python drivers"
        )
    return Body(lambda: _read(request, own, address, table, context))


def _read(request: SourceRequest, own: Database, address: Address, table: str, context: Any) -> Encoded:
    from awsglue.job import Job

    options = request.options
    base = f"select * from {quoted(own, table)}" if table else ""
    with own.connect() as connection:
        schema = own.schema(connection, _described(options, base))
        window = _window(request, own, connection, table, address, Job.bookmarks())
    if window is None:
        from awsglue._sources.staged import empty

        return empty(context.spark_session, schema)
    return fetch(own, _slices(own, options, base, window), schema, context.spark_session)


def _described(options: dict[str, Any], base: str) -> str:
    """The query whose columns are the frame's."""
    sample = str(options.get("sampleQuery") or "").strip()
    if not sample:
        return base
    return f"{sample} 1 = 1" if sample.lower().endswith(("where", "and")) else sample


def _slices(own: Database, options: dict[str, Any], base: str, window: Slice) -> list[Slice]:
    """The queries that together read the table once."""
    sample = str(options.get("sampleQuery") or "").strip()
    expression, field = options.get("hashexpression"), options.get("hashfield")
    if sample and not truth(options.get("enablePartitioningForSampleQuery")):
        expression = field = None
    start = sample or base
    joined = "" if start.lower().endswith(("where", "and")) else " where"
    if not (expression or field):
        if sample:
            return [Slice(query=_described(options, base))]
        return [
            Slice(
                query=f"{start}{joined} {window.query}" if window.query else start,
                parameters=window.parameters,
            )
        ]
    count = int(options.get("hashpartitions", PARTITIONS))
    if count < 1:
        raise ValueError("hashpartitions must be at least 1")
    made = []
    for number in range(count):
        hashed = own.bucket(
            str(expression) if expression else own.quote(str(field)), count, number, numeric=bool(expression)
        )
        condition = f"({hashed})" + (f" and {window.query}" if window.query else "")
        made.append(Slice(query=f"{start}{joined} {condition}", parameters=window.parameters))
    return made


def fetch(own: Database, slices: list[Slice], schema: g.StructType, spark: Any) -> Encoded:
    """All rows as a frame: read now, or where the engine can say what of them is needed, when it has said so."""
    from awsglue._frames.staging import read_staged
    from awsglue._runtime import engine
    from awsglue._sources.staged import empty

    names = [field.name for field in schema.fields]
    if engine.name() == engine.SAIL and len({name.lower() for name in names}) == len(names):
        from awsglue._sources.tablereads import planned

        return Encoded(df=planned(own, slices, schema, spark), schema=schema)
    target, total = stage(own, slices, schema)
    if not total:
        return empty(spark, schema)
    df = read_staged(spark, target, [to_spark(field.dataType) for field in schema.fields])
    return Encoded(
        df=df.selectExpr(*columns([(name, f"c{i}") for i, name in enumerate(names)])), schema=schema
    )


def stage(own: Database, slices: list[Slice], schema: g.StructType) -> tuple[str, int]:
    """(folder, rows): all rows in files of columns c0, c1, …, each slice on a connection of its own."""
    import pyarrow.parquet as pq

    from awsglue._frames.staging import folder

    target = folder()
    names = [field.name for field in schema.fields]

    def read(number: int) -> int:
        path, count, writer = os.path.join(target, f"part-{number:05d}.parquet"), 0, None
        held: list[dict[str, Any]] = []
        with own.connect() as connection:
            for row in own.rows(connection, slices[number].query, slices[number].parameters):
                held.append(dict(zip(names, (plain(value) for value in row), strict=True)))
                if len(held) >= FETCH:
                    batch = arrow_batch([_fitted(one, schema) for one in held], schema)
                    writer = writer or pq.ParquetWriter(path, batch.schema)
                    writer.write_batch(batch)
                    count, held = count + len(held), []
            if held:
                batch = arrow_batch([_fitted(one, schema) for one in held], schema)
                writer = writer or pq.ParquetWriter(path, batch.schema)
                writer.write_batch(batch)
                count += len(held)
        if writer is not None:
            writer.close()
        return count

    with ThreadPoolExecutor(min(THREADS, len(slices))) as pool:
        return target, sum(pool.map(read, range(len(slices))))


def _fitted(record: dict[str, Any], schema: g.StructType) -> dict[str, Any]:
    """Values as the column's type has them (drivers give 1 for a boolean, str for what has no type of ours)."""
    for field in schema.fields:
        value = record[field.name]
        if value is None:
            continue
        if isinstance(field.dataType, g.StringType) and not isinstance(value, str):
            record[field.name] = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        elif isinstance(field.dataType, g.BooleanType) and not isinstance(value, bool):
            record[field.name] = value != b"\x00" if isinstance(value, bytes) else bool(value)
        elif isinstance(field.dataType, g.BinaryType) and isinstance(value, str):
            record[field.name] = value.encode()
    return record


def _window(
    request: SourceRequest,
    own: Database,
    connection: Any,
    table: str,
    address: Address,
    bookmarks: Bookmarks | None,
) -> Slice | None:
    """The condition for what this run reads, recorded in the bookmark; None when there is nothing new."""
    active = bookmarks is not None and bookmarks.active and bool(request.transformation_ctx)
    if not active or not table:
        return Slice(query="")
    assert bookmarks is not None
    keys, order = bookmark_keys(request.options, own, connection, table)
    if not keys:
        return Slice(query="")
    ctx = request.transformation_ctx
    source = source_id("jdbc", address.vendor, address.host, address.port, address.database, table)
    state = bookmarks.state(ctx, source)
    if len(keys) > 1 and not own.row_values:
        raise NotImplementedError(f"bookmarks by several keys are not implemented for {own.vendor}")
    row = "(" + ", ".join(own.quote(key) for key in keys) + ")"
    marks = "(" + ", ".join(["%s"] * len(keys)) + ")"
    newer, upto = (">", "<=") if order == "asc" else ("<", ">=")
    condition: str = ""
    parameters: tuple[Any, ...] = ()
    if state is not None and state.get("keys") == keys:
        condition, parameters = f"{row} {newer} {marks}", tuple(_parse(one) for one in state["values"])
    if bookmarks.until is not None:
        limit = bookmarks.limit(ctx, source)
        last = tuple(_parse(one) for one in limit["values"]) if limit else None
    else:
        last = _last(own, connection, table, keys, order, condition, parameters)
    if last is None:
        if state is not None:
            bookmarks.record(ctx, "jdbc", source, state)
        return None
    bookmarks.record(
        ctx, "jdbc", source, {"keys": keys, "order": order, "values": [_text(one) for one in last]}
    )
    bound = f"{row} {upto} {marks}"
    return Slice(query=f"{condition} and {bound}" if condition else bound, parameters=(*parameters, *last))


def _last(
    own: Database,
    connection: Any,
    table: str,
    keys: list[str],
    order: str,
    condition: str,
    parameters: tuple[Any, ...],
) -> tuple[Any, ...] | None:
    """The keys of the newest row: rows that come while this run reads are for the next one."""
    names = ", ".join(own.quote(key) for key in keys)
    given = " and ".join(f"{own.quote(key)} is not null" for key in keys)
    direction = "desc" if order == "asc" else "asc"
    sorting = ", ".join(f"{own.quote(key)} {direction}" for key in keys)
    where = f"{condition} and {given}" if condition else given
    with connection.cursor() as cursor:
        ordered = f"select {names} from {quoted(own, table)} where {where} order by {sorting}"
        cursor.execute(own.statement(own.limited(ordered, 1)), parameters or None)
        found = cursor.fetchone()
    return tuple(found) if found else None


def bookmark_keys(
    options: dict[str, Any], own: Database, connection: Any, table: str
) -> tuple[list[str], str]:
    """The columns that order a table's rows: the user's keys, else a numeric primary key. Raises ValueError."""
    import json

    order = str(
        options.get("jobBookmarkKeysSortOrder", options.get("jobBookmarksKeysSortOrder", "asc"))
    ).lower()
    if order not in ("asc", "desc"):
        raise ValueError("jobBookmarkKeysSortOrder is asc or desc")
    given = options.get("jobBookmarkKeys", options.get("jobBookmarksKeys"))
    if isinstance(given, str):
        given = (
            json.loads(given) if given.lstrip().startswith("[") else [one.strip() for one in given.split(",")]
        )
    if given:
        return [str(one) for one in given], order
    found = own.primary_key(connection, table)
    return ([name for name, _ in found] if found and all(number for _, number in found) else []), order


def _text(value: Any) -> dict[str, str]:
    """A key value that can be stored and compared as what it is."""
    import datetime as dt
    import decimal

    if isinstance(value, bool) or value is None:
        raise ValueError(f"a bookmark key cannot be {value!r}")
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if isinstance(value, dt.datetime):
        return {"timestamp": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    return {"string": str(value)}


def _parse(stored: dict[str, str]) -> Any:
    import datetime as dt
    import decimal

    ((kind, text),) = stored.items()
    readers: dict[str, Any] = {
        "int": int,
        "float": float,
        "decimal": decimal.Decimal,
        "timestamp": dt.datetime.fromisoformat,
        "date": dt.date.fromisoformat,
        "string": str,
    }
    return readers[kind](text)
