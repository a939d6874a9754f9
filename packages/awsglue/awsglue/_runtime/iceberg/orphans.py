"""remove_orphan_files: files below a table's location that are old and that nothing of the table refers to.

The files are listed first and the table is read afterwards, and again before each part of them goes: what was committed
by then is known. Only places of the table's own are looked through, and none that another table of the catalog has
files in or around.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.iceberg.maintenance import Rows, check_gc, files_of, moment, now
from awsglue._runtime.io import datetimes
from awsglue._runtime.io.storage import Entry, Storage, split

_DAY = 24 * 60 * 60 * 1000
_PART = 1000
_MODES = ("ERROR", "IGNORE", "DELETE")
_SCHEMA = "orphan_file_location string"


def remove_orphan_files(load: Callable[[], Any], given: dict[str, str], conf: Mapping[str, str]) -> Rows:
    """Delete them, or tell them alone. Raises IllegalArgumentException and EngineRefused."""
    from pyspark.errors import IllegalArgumentException

    mode = given.get("prefix_mismatch_mode", "ERROR").upper()
    if mode not in _MODES:
        raise IllegalArgumentException(f"Unknown prefix mismatch mode: {mode}")
    dry = given.get("dry_run", "false").lower()
    if dry not in ("true", "false"):
        raise EngineRefused(f"remove_orphan_files with dry_run {dry}", "say true or false")
    before = _limit(given, conf)
    storage, table = Storage(), load()
    check_gc(table, "delete orphan files")
    listed = list(_old(storage, table, given.get("location"), before))
    known = _Known(load, storage)
    # All of them first: what cannot be told of one is told before anything is deleted.
    orphans = known.orphans(listed, mode)
    if dry == "true":
        return [(entry.path,) for entry in orphans], _SCHEMA
    deleted: list[str] = []
    for start in range(0, len(orphans), _PART):
        part = [entry.path for entry in known.orphans(orphans[start : start + _PART], mode)]
        if part:
            engine.mark_written()
            storage.delete(part)
        deleted += part
    return [(path,) for path in deleted], _SCHEMA


def _limit(given: dict[str, str], conf: Mapping[str, str]) -> int:
    from pyspark.errors import IllegalArgumentException

    if not given.get("older_than"):
        return now() - 3 * _DAY
    zone = datetimes.zone(conf.get("spark.sql.session.timeZone", "UTC")) or dt.UTC
    limit = moment(given["older_than"], zone, "remove_orphan_files")
    if now() - limit < _DAY:
        raise IllegalArgumentException(
            "Cannot remove orphan files with an interval less than 24 hours: "
            "files of operations that are under way would be deleted"
        )
    return limit


def _old(storage: Storage, table: Any, location: str | None, before: int) -> Iterator[Entry]:
    root = (location or table.metadata.location).rstrip("/")
    if not _is_plain(root):
        # Its files are listed by another name than the table has for them.
        raise EngineRefused(f"remove_orphan_files at {root}", "the location has empty steps, '.' or '..'")
    own = [table.metadata.location]
    own += [table.metadata.properties.get(name) for name in ("write.data.path", "write.metadata.path")]
    if not any(one and _within(root, one) for one in own):
        raise EngineRefused(f"remove_orphan_files at {root}", "give a location within the table's own")
    named = [field.name for spec in table.metadata.partition_specs for field in spec.fields]
    hidden = tuple(f"{name}=" for name in named if name[:1] in "_.")
    depth = len(split(root)[2].strip("/").split("/"))
    _check_alone(table, root)
    for entry in storage.entries(root):
        steps = split(entry.path)[2].strip("/").split("/")[depth:]
        # What begins so is nobody's data, but for partitions of such a name.
        if not steps or any(step[:1] in "_." and not step.startswith(hidden or ("\0",)) for step in steps):
            continue
        if entry.modified.timestamp() * 1000 < before:
            yield entry


def _check_alone(table: Any, root: str) -> None:
    """Raises EngineRefused where files can be another table's."""
    for database, other in _entries(table.catalog.glue):
        if (database, other["Name"]) != tuple(table.name()) and _meet(other, root):
            raise EngineRefused(
                f"remove_orphan_files at {root}", f"files of {database}.{other['Name']} may lie there"
            )


def _entries(glue: Any) -> Iterator[tuple[str, Any]]:
    """(database, table) of the whole catalog."""
    databases, tables = (glue.get_paginator(name) for name in ("get_databases", "get_tables"))
    for page in databases.paginate():
        for database in page["DatabaseList"]:
            try:
                for found in tables.paginate(DatabaseName=database["Name"]):
                    yield from ((database["Name"], one) for one in found["TableList"])
            except glue.exceptions.EntityNotFoundException:
                continue  # it has been dropped meanwhile


def _meet(other: Any, root: str) -> bool:
    """Whether a table of the catalog has its place within this one, or around it."""
    metadata = (other.get("Parameters") or {}).get("metadata_location", "").rsplit("/", 1)[0]
    places = (
        (other.get("StorageDescriptor") or {}).get("Location") or "",
        metadata.removesuffix("/metadata"),
    )
    return any("/" in one and (_within(one, root) or _within(root, one)) for one in places)


def _is_plain(root: str) -> bool:
    _, _, rest = root.rpartition("://")
    return not any(step in ("", ".", "..") for step in rest.removeprefix("/").split("/"))


def _within(path: str, place: str) -> bool:
    (_, bucket, key), (_, its_bucket, its_key) = split(path), split(place)
    its_key = its_key.strip("/")
    return bool(its_key) and bucket == its_bucket and f"{key.strip('/')}/".startswith(f"{its_key}/")


class _Known:
    """What a table refers to, as of now."""

    def __init__(self, load: Callable[[], Any], storage: Storage) -> None:
        self._load, self._storage = load, storage
        self._read = ""
        self._places: dict[str, set[str]] = {}

    def orphans(self, entries: list[Entry], mode: str) -> list[Entry]:
        """Those of the files that nothing refers to. Raises IllegalArgumentException."""
        from pyspark.errors import IllegalArgumentException

        self._renew()
        found = []
        for entry in entries:
            _, bucket, key = split(entry.path)
            buckets = self._places.get(key)
            if buckets is None:
                found.append(entry)
            elif bucket in buckets or mode == "IGNORE":
                continue
            elif mode == "DELETE":
                found.append(entry)
            else:
                raise IllegalArgumentException(
                    f"Unable to determine whether {entry.path} is an orphan: metadata has this file in "
                    f"{', '.join(sorted(buckets))}. Set the prefix mismatch mode to 'IGNORE' or 'DELETE'"
                )
        return found

    def _renew(self) -> None:
        table = self._load()
        while table.metadata_location != self._read:
            places: dict[str, set[str]] = defaultdict(set)
            for path in self._references(table):
                _, bucket, key = split(path)
                places[key].add(bucket)
            self._places, self._read = dict(places), table.metadata_location
            table = self._load()

    def _references(self, table: Any) -> Iterator[str]:
        metadata = table.metadata
        yield from files_of(table, list(metadata.snapshots))
        yield f"{metadata.location.rstrip('/')}/metadata/version-hint.text"
        for statistics in (*metadata.statistics, *metadata.partition_statistics):
            yield statistics.statistics_path
        seen: set[str] = set()
        left = [table.metadata_location, *(one.metadata_file for one in metadata.metadata_log)]
        while left:
            path = left.pop()
            if path in seen:
                continue
            seen.add(path)
            yield path
            # What earlier metadata remembers is kept with it, as long as it is there itself.
            if self._storage.head(path) is not None:
                left += [one["metadata-file"] for one in self._json(path).get("metadata-log") or ()]

    def _json(self, path: str) -> Any:
        raw = self._storage.read(path)
        return json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
