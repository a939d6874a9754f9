"""Runs a recognised pipeline: the source's rows as Arrow through one DuckDB query, out again as Arrow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from awsglue._runtime.flow.distinct import every_row, first_rows, kept_by_key
from awsglue._runtime.flow.plans import Recogniser, Rows
from awsglue._runtime.flow.queries import Engine


def pipeline(services: Any, plan: Any, schema: Any) -> Iterator[Any] | None:
    """Record batches in this StructType of what a plan gives, or None when it is for the engine."""
    if services.conf.get("spark.sql.ansi.enabled", "false").lower() == "true":
        return None
    rows = Recogniser(services).rows(plan.root)
    if rows is None or not rows.columns:
        return None
    kinds = [item.dataType.simpleString() for item in schema.fields]
    if [value.type for _, value in rows.columns] != kinds:
        # The engine's analysis is what the script has seen; where the two differ, ours is not believed.
        return None
    return _run(services, rows, schema)


def _run(services: Any, rows: Rows, schema: Any) -> Iterator[Any]:
    from awsglue._runtime.io.arrow_types import arrow_schema, conform

    target = arrow_schema(schema)
    engine = _engine(services, rows)
    distinct = kept_by_key(rows)
    # Making the query asks the source for its columns.
    if distinct is not None:
        query = every_row(rows, distinct)
        made = first_rows(engine, rows, distinct, engine.run(query, *_source(services, rows), ordered=True))
    else:
        query = rows.query(
            [f"{rows.values.sql(value)} AS o{place}" for place, (_, value) in enumerate(rows.columns)]
        )
        made = engine.run(query, *_source(services, rows), ordered=rows.distinct is None)
    for batch in made:
        yield conform(batch, target)


def _engine(services: Any, rows: Rows) -> Engine:
    from awsglue._runtime.sail.server import DUCKDB, memory_limit

    return Engine(
        scratch=services.scratch,
        threads=services.state.cores or os.cpu_count() or 1,
        memory=memory_limit(services.state.memory_mb, DUCKDB),
        # Of sorted rows the first of each group is kept.
        alone=rows.source.relation is not None and _is_sorted(rows.source.relation),
    )


def _is_sorted(relation: Any) -> bool:
    """Whether the script has sorted these rows, whatever it did with each of them since."""
    while relation is not None:
        kind = relation.WhichOneof("rel_type")
        if kind == "sort":
            return True
        relation = getattr(getattr(relation, kind), "input", None)
    return False


def _source(services: Any, rows: Rows) -> tuple[Iterator[Any], Any]:
    """(record batches, their schema) of what the pipeline starts from."""
    import pyarrow as pa

    from awsglue._runtime.io.arrow_types import arrow_schema, arrow_type
    from awsglue._runtime.io.csv_columns import arrow_of_cast

    source = rows.source
    if source.scan is None:
        struct, batches = services.engine_rows(source.relation)
        kinds = pa.schema(
            [pa.field(f"s{place}", item.type) for place, item in enumerate(arrow_schema(struct))]
        )
        return (pa.RecordBatch.from_arrays(batch.columns, schema=kinds) for batch in batches), kinds
    fields = {item.name.lower(): item.dataType for item in source.scan.schema.fields}
    if not source.wanted:
        # Rows are to be counted, at least.
        source.want(source.scan.schema.fields[0].name, "")
    wanted = list(source.wanted.values())
    kinds = pa.schema(
        [
            pa.field(
                item.name,
                arrow_of_cast(item.cast) if item.cast else arrow_type(fields[item.source.lower()]),
            )
            for item in wanted
        ]
    )
    return source.scan.chosen(wanted), kinds
