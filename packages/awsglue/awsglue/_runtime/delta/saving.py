"""df.write…format("delta"): modes, schema evolution, partial overwrites; by path, or as a table's rows."""

from __future__ import annotations

from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.delta import fitting, lake, rowlevel, writing
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.storage import shown


def save(services: Any, path: str, request: Any, *, configuration: dict[str, str] | None = None) -> bool:
    """Carry out one write; whether the table's schema may have changed. Raises AnalysisException as Delta does."""
    options = {key.lower(): value for key, value in request.options.items()}
    mode = {"errorifexists": "error", "default": "error"}.get(request.mode, request.mode)
    table = lake.open_table(path) if lake.exists(path) else None
    if table is not None and mode in ("error", "ignore"):
        if mode == "ignore":
            return False
        from pyspark.errors import AnalysisException

        raise AnalysisException(
            f"[DELTA_PATH_EXISTS] Cannot write to already existent path {shown(path)} without setting OVERWRITE = "
            "'true'."
        )
    if table is None:
        _create(services, path, request, options, configuration)
        return True
    if writing.already_applied(table, options):
        return False
    _check_partitioning(table, request, options)
    if mode == "overwrite" and _true(options, "overwriteschema"):
        return _replace_schema(services, path, request, options)
    merge = _true(options, "mergeschema") or (
        services.conf.get("spark.databricks.delta.schema.autoMerge.enabled", "false").lower() == "true"
    )
    frame = fitting.fitted(request.frame, lake.struct(table), merge=merge, table_id=str(table.metadata().id))
    if mode == "overwrite" and (options.get("replacewhere") or _dynamic(services, options, table)):
        if len(frame.columns) != len(lake.struct(table).fields):
            raise EngineRefused("mergeSchema together with a partial overwrite of a Delta table")
        _partial(services, path, frame, request.options)
        return False
    writing.write(
        services,
        path,
        frame,
        mode=mode,
        schema_mode="merge" if merge else None,
        commit_properties=writing.properties(request.options),
    )
    return merge


def _true(options: dict[str, str], name: str) -> bool:
    return str(options.get(name, "")).lower() == "true"


def _create(
    services: Any,
    path: str,
    request: Any,
    options: dict[str, str],
    configuration: dict[str, str] | None,
) -> None:
    from awsglue._runtime.io.saving import check_partition_columns

    schema = request.frame.schema
    fitting.refuse_repeated(schema)
    fitting.refuse_odd(schema.fields)
    fitting.check_names(schema)
    check_partition_columns(schema, request.partition_by)
    settings = {key: value for key, value in request.options.items() if key.lower().startswith("delta.")}
    by_name = {item.name.lower(): item.name for item in schema.fields}
    writing.write(
        services,
        path,
        request.frame,
        # Two that create at once: the second finds the first's table and fails, or appends to it.
        mode="append" if request.mode == "append" else "error",
        partition_by=[by_name[name.lower()] for name in request.partition_by] or None,
        configuration={**settings, **(configuration or {})} or None,
        commit_properties=writing.properties(request.options),
    )


def _check_partitioning(table: Any, request: Any, options: dict[str, str]) -> None:
    from pyspark.errors import AnalysisException

    here = [name.lower() for name in lake.partition_columns(table)]
    asked = [name.lower() for name in request.partition_by]
    if not asked or asked == here or (request.mode == "overwrite" and _true(options, "overwriteschema")):
        return
    raise AnalysisException(
        "[_LEGACY_ERROR_TEMP_DELTA_0007] A schema mismatch detected when writing to the Delta table.\n"
        f"Partition columns do not match the partition columns of the table.\nGiven: {_list(asked)}\n"
        f"Table: {_list(here)}"
    )


def _list(names: list[str]) -> str:
    return "[" + ", ".join(f"`{name}`" for name in names) + "]"


def _replace_schema(services: Any, path: str, request: Any, options: dict[str, str]) -> bool:
    from pyspark.errors import AnalysisException

    from awsglue._runtime.io.saving import check_partition_columns

    if options.get("replacewhere"):
        raise AnalysisException(
            "[DELTA_REPLACE_WHERE_WITH_OVERWRITE_SCHEMA] 'overwriteSchema' cannot be used with 'replaceWhere'."
        )
    schema = request.frame.schema
    fitting.refuse_repeated(schema)
    fitting.refuse_odd(schema.fields)
    fitting.check_names(schema)
    check_partition_columns(schema, request.partition_by)
    writing.write(
        services,
        path,
        request.frame,
        mode="overwrite",
        schema_mode="overwrite",
        partition_by=request.partition_by or lake.partition_columns(lake.open_table(path)) or None,
        commit_properties=writing.properties(request.options),
    )
    return True


def _dynamic(services: Any, options: dict[str, str], table: Any) -> bool:
    asked = options.get("partitionoverwritemode") or services.conf.get(
        "spark.sql.sources.partitionOverwriteMode", ""
    )
    return asked.lower() == "dynamic" and bool(lake.partition_columns(table))


def _partial(services: Any, path: str, frame: Any, options: dict[str, str]) -> None:
    """replaceWhere: rows that meet the condition go, rows that all meet it come. Dynamic: by partitions."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as fn

    condition = {key.lower(): value for key, value in options.items()}.get("replacewhere")
    if condition:
        odd = frame.filter(~fn.coalesce(fn.expr(f"({condition})"), fn.lit(False))).limit(1).collect()
        if odd:
            raise AnalysisException(
                "[DELTA_REPLACE_WHERE_MISMATCH] Written data does not conform to partial table overwrite condition or "
                f"constraint '{condition}'."
            )
        writing.change(
            services,
            lambda: lake.open_table(path),
            lambda table: rowlevel.replaced(services, table, condition, frame),
            "WRITE",
            options,
            mode="Overwrite",
            predicate=condition,
        )
        return
    engine.mark_written()
    writing.change(
        services,
        lambda: lake.open_table(path),
        lambda table: _partitions(services, table, frame),
        "WRITE",
        options,
        mode="Overwrite",
        isDynamicPartitionOverwrite=True,
    )


def _partitions(services: Any, table: Any, frame: Any) -> writing.Change:
    kinds = {item.name: item.dataType for item in lake.struct(table).fields}
    keys = lake.partition_columns(table)
    rows = frame.selectExpr(*[_comparable(key, kinds[key]) for key in keys]).distinct().collect()
    touched = {tuple(_rendered(row[i], kinds[key]) for i, key in enumerate(keys)) for row in rows}
    gone = {file.path for file in lake.files(table) if tuple(value for _, value in file.partition) in touched}
    return gone, frame


def _comparable(key: str, kind: Any) -> str:
    from pyspark.sql.types import TimestampType

    name = f"`{key.replace('`', '``')}`"
    return f"unix_micros({name}) AS {name}" if isinstance(kind, TimestampType) else name


def _rendered(value: Any, kind: Any) -> str | None:
    """As the table's files say it: times in UTC; an empty text is null."""
    from datetime import UTC, datetime, timedelta

    from pyspark.sql.types import TimestampType

    from awsglue._runtime.io.partitions import render

    if value is None or value == "":
        return None
    if isinstance(kind, TimestampType):
        value = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(value))
    return render(value)
