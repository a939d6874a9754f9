"""Iceberg's maintenance procedures: small data files into larger ones, old snapshots and their files away."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.iceberg import conditions, ordering, writing
from awsglue._runtime.io import datetimes
from awsglue._runtime.io.storage import Storage

_TARGET = 512 << 20
_FIVE_DAYS = 5 * 24 * 60 * 60 * 1000
_COUNTS = (
    "deleted_data_files_count", "deleted_position_delete_files_count", "deleted_equality_delete_files_count",
    "deleted_manifest_files_count", "deleted_manifest_lists_count", "deleted_statistics_files_count",
)  # fmt: skip
_REWRITTEN = (
    "rewritten_data_files_count int, added_data_files_count int, rewritten_bytes_count bigint, "
    "failed_data_files_count int"
)
# Options of a rewrite that decide which files it takes; the others say how Spark goes about it.
_CHOOSING = (
    "target-file-size-bytes", "min-file-size-bytes", "max-file-size-bytes", "min-input-files", "rewrite-all",
)  # fmt: skip
_HOW = (
    "partial-progress.",
    "max-concurrent-",
    "rewrite-job-order",
    "use-starting-sequence-number",
    "max-file-group-",
)

Rows = tuple[list[tuple[Any, ...]], str]


def rewrite_data_files(load: Callable[[], Any], given: dict[str, str], conf: Mapping[str, str]) -> Rows:
    """Put small files of a partition together, their rows in order if need be. Raises EngineRefused."""
    if given.get("branch"):
        raise EngineRefused("rewrite_data_files with branch")
    zone = datetimes.zone(conf.get("spark.sql.session.timeZone", "UTC")) or dt.UTC
    options = _map(given.get("options", ""))
    for name in options:
        if name not in _CHOOSING and not name.startswith(_HOW):
            raise EngineRefused(f"rewrite_data_files with the option {name}")
    done = {"files": 0, "bytes": 0, "added": 0}

    def asked(table: Any) -> tuple[list[ordering.Key], Any]:
        _sizes(table, options)
        where = given.get("where")
        keys = ordering.asked(given.get("strategy"), given.get("sort_order"), table)
        return keys, conditions.expression(where, table.schema(), zone) if where else None

    def compute(table: Any) -> tuple[list[Any], Iterator[Any]]:
        keys, chosen = asked(table)
        groups = _chosen(table, options, chosen)
        tasks = [task for group in groups for task in group]
        done.update(files=len(tasks), bytes=sum(task.file.file_size_in_bytes for task in tasks))
        return [task.file for task in tasks], _rows(table, groups, keys)

    _number(options, "min-input-files", 5)
    asked(load())  # refused before anything is written, if at all
    engine.mark_written()
    size = options.get("target-file-size-bytes", "")
    done["added"] = writing.replace_files(load, compute, rewrite=True, size=size)
    return [(done["files"], done["added"], done["bytes"], 0)], _REWRITTEN


def _chosen(table: Any, options: dict[str, str], where: Any) -> list[list[Any]]:
    """The files that are worth it by partition, as Iceberg's bin packing has it: enough small ones.

    `where` means all files that may have rows of it.
    """
    target, low, high = _sizes(table, options)
    enough = _number(options, "min-input-files", 5)
    everything = options.get("rewrite-all", "false").lower() == "true"
    groups: dict[Any, list[Any]] = defaultdict(list)
    scan = table.scan() if where is None else table.scan(row_filter=where)
    for task in scan.plan_files():
        size = task.file.file_size_in_bytes
        if everything or not low <= size <= high:
            groups[(task.file.spec_id, repr(task.file.partition))].append(task)
    found = []
    for tasks in groups.values():
        whole = sum(task.file.file_size_in_bytes for task in tasks)
        several = len(tasks) > 1 and (len(tasks) >= enough or whole > target)
        if everything or several or whole > high:
            found.append(tasks)
    return found


def _sizes(table: Any, options: dict[str, str]) -> tuple[int, int, int]:
    """(what files are to have, and between what they are left alone). Raises IllegalArgumentException."""
    from pyspark.errors import IllegalArgumentException

    own = table.metadata.properties.get("write.target-file-size-bytes") or _TARGET
    target = _number(options, "target-file-size-bytes", int(own))
    low = _number(options, "min-file-size-bytes", int(target * 0.75), least=0)
    high = _number(options, "max-file-size-bytes", int(target * 1.8))
    if not low < target < high and options.keys() & {"min-file-size-bytes", "max-file-size-bytes"}:
        raise IllegalArgumentException(
            f"'target-file-size-bytes' ({target}) should be > 'min-file-size-bytes' ({low}) "
            f"and < 'max-file-size-bytes' ({high})"
        )
    return target, low, high


def _number(options: dict[str, str], name: str, default: int, *, least: int = 1) -> int:
    from pyspark.errors import IllegalArgumentException

    text = options.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise IllegalArgumentException(f"'{name}' is set to {text} but must be a number >= {least}")
    return int(text)


def _rows(table: Any, groups: list[list[Any]], keys: list[ordering.Key]) -> Iterator[Any]:
    schema = writing.arrow_of(table.metadata)
    for tasks in groups:
        rows = _rows_of(table, tasks)
        yield from ordering.ordered(rows, schema, keys) if keys else rows


def _rows_of(table: Any, tasks: list[Any]) -> Iterator[Any]:
    from pyiceberg.expressions import AlwaysTrue
    from pyiceberg.io.pyarrow import ArrowScan

    from awsglue._runtime.io.arrow_types import conform

    scan = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
    for batch in scan.to_record_batches(tasks):
        yield conform(batch, writing.arrow_of(table.metadata))


def expire_snapshots(load: Callable[[], Any], given: dict[str, str], conf: Mapping[str, str]) -> Rows:
    """Forget snapshots that are older than a moment, and delete the files that only they need."""
    from pyiceberg.exceptions import CommitFailedException

    table = load()
    check_gc(table, "expire snapshots")
    zone = datetimes.zone(conf.get("spark.sql.session.timeZone", "UTC")) or dt.UTC
    expired = _expired(table, given, zone)
    before = files_of(table, [table.snapshot_by_id(one) for one in expired])
    counts = dict.fromkeys(_COUNTS, 0)
    schema = ", ".join(f"{name} bigint" for name in _COUNTS)
    if not expired:
        return [tuple(counts.values())], schema
    engine.mark_written()
    try:
        table.maintenance.expire_snapshots().by_ids(sorted(expired)).commit()
    except CommitFailedException:
        # Somebody has changed the table: what is expired now is looked for anew.
        return expire_snapshots(load, given, conf)
    fresh = load()
    kept = files_of(fresh, list(fresh.metadata.snapshots))
    gone = [path for path in before if path not in kept]
    Storage().delete(gone)
    for path in gone:
        counts[before[path]] += 1
    return [tuple(counts.values())], schema


def check_gc(table: Any, what: str) -> None:
    """Raises IllegalArgumentException for a table whose files are not its own to delete."""
    from pyspark.errors import IllegalArgumentException

    if table.metadata.properties.get("gc.enabled", "true").lower() == "false":
        raise IllegalArgumentException(
            f"Cannot {what}: GC is disabled (deleting files may corrupt other tables)"
        )


def _expired(table: Any, given: dict[str, str], zone: dt.tzinfo) -> set[int]:
    from pyspark.errors import IllegalArgumentException

    metadata = table.metadata
    age = int(metadata.properties.get("history.expire.max-snapshot-age-ms") or _FIVE_DAYS)
    least = int(
        given.get("retain_last") or metadata.properties.get("history.expire.min-snapshots-to-keep") or 1
    )
    limit = moment(given["older_than"], zone, "expire_snapshots") if given.get("older_than") else now() - age
    named = {int(one) for one in re.findall(r"\d+", given.get("snapshot_ids", ""))}
    if named and not given.get("older_than"):
        limit = 0
    heads = {ref.snapshot_id for ref in metadata.refs.values()}
    kept: set[int] = set(heads)
    for ref in metadata.refs.values():
        # A branch may keep more than the table.
        number = ref.min_snapshots_to_keep or least
        since = now() - ref.max_snapshot_age_ms if ref.max_snapshot_age_ms else None
        current, count = table.snapshot_by_id(ref.snapshot_id), 0
        while current is not None and (
            count < number or (since is not None and current.timestamp_ms >= since)
        ):
            kept.add(current.snapshot_id)
            current, count = table.snapshot_by_id(current.parent_snapshot_id or -1), count + 1
    old = {one.snapshot_id for one in metadata.snapshots if one.timestamp_ms < limit} - kept
    there = {one.snapshot_id for one in metadata.snapshots}
    for one in sorted(named & heads):
        named_by = sorted(name for name, ref in metadata.refs.items() if ref.snapshot_id == one)
        raise IllegalArgumentException(f"Cannot expire {one}. Still referenced by refs: {named_by}")
    return old | (named & there)


def files_of(table: Any, snapshots: list[Any]) -> dict[str, str]:
    """All files that snapshots consist of, and as what each is counted."""
    from pyiceberg.manifest import DataFileContent

    kinds = {
        DataFileContent.DATA: _COUNTS[0],
        DataFileContent.POSITION_DELETES: _COUNTS[1],
        DataFileContent.EQUALITY_DELETES: _COUNTS[2],
    }
    found: dict[str, str] = {}
    seen: set[str] = set()
    for snapshot in snapshots:
        if snapshot.manifest_list:
            found[snapshot.manifest_list] = _COUNTS[4]
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path in seen:
                continue
            seen.add(manifest.manifest_path)
            found[manifest.manifest_path] = _COUNTS[3]
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                found[entry.data_file.file_path] = kinds[entry.data_file.content]
    return found


def moment(text: str, zone: dt.tzinfo, procedure: str) -> int:
    """Milliseconds of a timestamp literal, `TIMESTAMP '…'` or a text; never of a part of what is said."""
    literal = re.fullmatch(
        r"(?:(?:timestamp(?:_ltz|_ntz)?|date)\s*)?['\"]?([^'\"]*)['\"]?", text, re.IGNORECASE
    )
    found = datetimes.cast_timestamp(literal[1], zone) if literal else None
    if found is None:
        raise EngineRefused(f"{procedure} with older_than {text}", "give a timestamp in quotes")
    return int((found if found.tzinfo else found.replace(tzinfo=zone)).timestamp() * 1000)


def now() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp() * 1000)


def _map(text: str) -> dict[str, str]:
    """`map('name', 'value', …)`."""
    words = re.findall(r"'([^']*)'|\"([^\"]*)\"", text)
    flat = [one or other for one, other in words]
    left = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)
    if len(flat) % 2 or re.sub(r"\s", "", left).lower() not in ("", f"map({',' * max(0, len(flat) - 1)})"):
        raise EngineRefused(f"options => {text}", "give map('name', 'value', …), texts all of them")
    return dict(zip(flat[::2], flat[1::2], strict=True))
