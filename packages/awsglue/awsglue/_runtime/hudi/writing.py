"""One write to a table: an instant is begun, files are written, one commit names them; or nothing is left of it."""

from __future__ import annotations

import fnmatch
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi import avro, files, lake, merging, metadata, options, properties, rows
from awsglue._runtime.hudi.errors import HoodieException, HoodieWriteConflictException
from awsglue._runtime.hudi.files import NewFile
from awsglue._runtime.hudi.lake import Slice, Table
from awsglue._runtime.hudi.merging import Rules
from awsglue._runtime.hudi.options import WRITE, Asked
from awsglue._runtime.hudi.rows import Incoming
from awsglue._runtime.io.storage import join

# How often a write is computed again because another one was quicker.
ATTEMPTS = 20
LONGEST_PAUSE = 2.0
REPLACING = ("insert_overwrite", "insert_overwrite_table", "delete_partition")
_PARTITIONS = WRITE + "partitions.to.delete"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows to be written: as the engine gave them (Arrow), and their Spark types."""

    struct: Any
    given: Any


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a write does: files that come, file groups that go (by partition), the table's schema after it."""

    files: list[NewFile] = field(default_factory=list)
    gone: dict[str, list[str]] = field(default_factory=dict)
    schema: Any = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A commit: its instant, the table's schema, the partitions that got files, those that are no more."""

    instant: str
    schema: Any
    written: list[str]
    dropped: list[str]


def create(services: Any, path: str, asked: Asked, schema: Any) -> Table:
    """The table at this path, made if need be. Of two that make it at once the first one's settings count."""
    made = options.config(asked, schema)
    engine.mark_written()
    storage = services.storage
    created = {**made.entries, "hoodie.table.create.schema": avro.text(avro.kept(schema), made.name)}
    storage.put_new(join(path, properties.FILE), properties.render(created))
    return lake.opened(storage, path)


def check_writable(table: Table, asked: Asked) -> None:
    """Raise EngineRefused for tables that we must not write, naming why."""
    config = table.config
    metadata.check(config, asked)
    odd = ""
    if config.version != properties.VERSION:
        odd = f"of version {config.version}"
    elif config.type not in options.TYPES:
        odd = f"of type {config.type}"
    elif not config.meta_fields:
        odd = "without meta fields"
    elif config.drops_partition_columns:
        odd = "whose files lack the partition columns"
    elif config.key_generator and config.key_generator not in options.GENERATORS.values():
        odd = f"with key generator {config.key_generator}"
    elif config.payload and config.payload not in options.PAYLOADS:
        odd = f"with payload class {config.payload}"
    elif config.get("hoodie.table.cdc.enabled").lower() == "true":
        odd = "with change data capture"
    elif config.get("hoodie.timeline.layout.version", "1") != properties.TIMELINE_LAYOUT:
        odd = "with another layout of the timeline"
    if odd:
        raise EngineRefused(f"writing to a Hudi table {odd}")


def run(services: Any, table: Table, asked: Asked, batch: Batch, operation: str) -> Outcome:
    """Carry out an operation. Raises HoodieWriteConflictException when others are quicker again and again."""
    return change(
        services,
        table,
        lambda now, slices, instant: planned(now, asked, batch, operation, slices, instant),
        operation,
        asked,
    )


def change(
    services: Any,
    table: Table,
    compute: Callable[[Table, list[Slice], str], Plan],
    operation: str,
    asked: Asked,
) -> Outcome:
    """Commit what `compute(table, its files, instant)` says; computed again when another commit came between."""
    check_writable(table, asked)
    engine.mark_written()
    action = "deltacommit" if table.config.merge_on_read else "commit"
    action = "replacecommit" if operation in REPLACING else action
    for attempt in range(ATTEMPTS):
        begun = table.timeline.begin(action)
        try:
            now = lake.opened(services.storage, table.path)
            slices = now.slices()
            if any(one.logs for one in slices):
                raise EngineRefused("writing to a Hudi table with log files")
            if table.config.merge_on_read and now.timeline.compacting():
                raise EngineRefused("writing to a Hudi table while a compaction is planned")
            plan = compute(now, slices, begun.instant)
            outcome, said = _written(services, now, plan, begun.instant, operation, asked)
            # While this commit is pending, Hudi makes no metadata table: none is there when it is decided.
            metadata.turn_off(services.storage, table.path, asked)
        except BaseException:
            table.timeline.roll_back(begun)
            raise
        try:
            table.timeline.commit(begun, said)
            return outcome
        except HoodieWriteConflictException:
            table.timeline.roll_back(begun)
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.05 * 2**attempt)))
        # After any other error it may have been decided: what it is, the next writer finds out.
    raise AssertionError("unreachable")


def _written(
    services: Any, table: Table, plan: Plan, instant: str, operation: str, asked: Asked
) -> tuple[Outcome, dict[str, Any]]:
    """Write a plan's files; (what comes of it, what the commit says)."""
    schema = avro.text(plan.schema, table.config.name)
    storage = services.storage
    partitions = sorted({one.partition for one in plan.files})
    for partition in partitions:
        files.partition_note(storage, table.path, partition, instant)
    codec = options.codec(asked)
    stats = files.write(storage, services.scratch, table.path, instant, plan.files, schema, codec)
    by_partition: dict[str, list[Any]] = {one: [] for one in partitions}
    for stat in stats:
        by_partition[stat["partitionPath"]].append(stat)
    said: dict[str, Any] = {
        "partitionToWriteStats": by_partition,
        "compacted": False,
        "extraMetadata": {"schema": schema},
        "operationType": operation.upper(),
    }
    if operation in REPLACING:
        said["partitionToReplaceFileIds"] = plan.gone
    dropped = sorted(set(plan.gone) - set(partitions)) if operation != "insert_overwrite" else []
    return Outcome(instant=instant, schema=plan.schema, written=partitions, dropped=dropped), said


def planned(
    table: Table, asked: Asked, batch: Batch, operation: str, slices: list[Slice], instant: str
) -> Plan:
    """What an operation does to this state of the table."""
    table = merging.as_stored(replace(table, config=options.told(table.config, asked)), slices)
    if operation == "delete_partition":
        return _without_partitions(table, asked, batch, slices)
    found, rules = _incoming(table.config, table.schema(), asked, batch, operation, instant)
    merging.check_keys(table, slices, set(found.partitions.to_pylist()))
    if operation in ("insert_overwrite", "insert_overwrite_table"):
        touched = set(found.partitions.to_pylist())
        going = [one for one in slices if operation != "insert_overwrite" or one.partition in touched]
        return Plan(files=merging.grouped(found, rules), gone=_by_partition(going), schema=rules.schema)
    if operation == "bulk_insert":
        return Plan(files=merging.grouped(found, rules), schema=rules.schema)
    return Plan(files=merging.merged(table, slices, found, rules), schema=rules.schema)


def rehearse(asked: Asked, batch: Batch, operation: str) -> None:
    """What would be wrong with these rows in a table that is made of them. Raises as the write itself would."""
    config = options.told(options.config(asked, batch.struct), asked)
    _incoming(config, None, asked, batch, operation, "0")


def _incoming(
    config: properties.TableConfig, here: Any, asked: Asked, batch: Batch, operation: str, instant: str
) -> tuple[Incoming, Rules]:
    """The rows that take part, of equal keys one where that is so, and the rules for them."""
    if not config.record_keys and operation in ("upsert", "insert_new", "delete"):
        raise HoodieException(f"operation {operation} needs record keys, and the table has none")
    fill = asked.flag("hoodie.write.set.null.for.missing.columns") or asked.flag(WRITE + "reconcile.schema")
    payload = asked.payload or config.payload or options.LATEST
    removing = operation == "delete" or payload == options.EMPTY
    # Of rows that are to be deleted only the keys matter.
    schema = here if removing and here is not None else rows.merged_schema(here, batch.struct, fill=fill)
    typed = _keys_only(batch.given, schema) if removing else rows.typed(batch.given, schema)
    given = rows.widened(batch.given, schema)
    found = rows.incoming(given, typed, config, options.EMPTY if removing else payload, instant)
    rules = _rules(asked, config, schema, operation, payload, instant)
    if not (removing or operation in ("upsert", "insert_new") or asked.flag("hoodie.combine.before.insert")):
        return found, rules
    ordering = "" if removing or not asked.flag("hoodie.combine.before.upsert", True) else rules.ordering
    combined = rows.combined(found, ordering, given, across=rules.across)
    if combined.count < found.count and not removing and not ordering and rules.ordering:
        raise EngineRefused("hoodie.combine.before.upsert=false with rows of equal keys")
    return combined, rules


def _rules(
    asked: Asked, config: properties.TableConfig, schema: Any, operation: str, payload: str, instant: str
) -> Rules:
    return Rules(
        instant=instant,
        schema=schema,
        ordering=rows.ordering_field(asked, config),
        payload=payload,
        across=asked.global_index and bool(config.partition_fields),
        small=asked.number(options.SMALL_FILE, 100 * files.MIB),
        largest=asked.number(options.LARGEST_FILE, 120 * files.MIB),
        lookup=operation != "insert",
        update=operation != "insert_new",
        insert=operation != "delete",
    )


def _keys_only(given: Any, schema: Any) -> Any:
    """Rows of the table's columns without values: of rows that are deleted only the keys count."""
    return rows.typed(given.select([]).append_column("__mastic_none", _nothing(given.num_rows)), schema)


def _nothing(count: int) -> Any:
    import pyarrow as pa

    return pa.nulls(count, pa.string())


def _without_partitions(table: Table, asked: Asked, batch: Batch, slices: list[Slice]) -> Plan:
    """delete_partition: those that are named, with * for any text, or those of the rows."""
    from awsglue._runtime.hudi.keys import partition_paths

    named = [one.strip() for one in asked.get(_PARTITIONS).split(",") if one.strip()]
    if not named:
        named = sorted(set(partition_paths(batch.given, table.config).to_pylist()))
    going = [one for one in slices if any(_meant(one.partition, pattern) for pattern in named)]
    return Plan(gone=_by_partition(going), schema=table.schema())


def _meant(partition: str, pattern: str) -> bool:
    return partition == pattern or (
        "*" in pattern and fnmatch.fnmatchcase(partition, pattern.replace("[", "[[]"))
    )


def _by_partition(slices: list[Slice]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in slices:
        found.setdefault(one.partition, []).append(one.file_id)
    return found


def batch(services: Any, frame: Any) -> Batch:
    """The rows of a DataFrame."""
    struct, given = rows.gathered(services, frame)
    return Batch(struct=struct, given=given)
