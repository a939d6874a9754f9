"""The Parquet files behind a statement's tables, as DuckDB reads them: local or on S3, with partitions or without.

Owns what is known of files that have been looked at; they are looked at each time, and read again when they have
changed.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from awsglue._runtime.flow.objects import Objects, address, columns_of, filesystem, origin
from awsglue._runtime.flow.scopes import Source

MOST_FILES = 2048
# Each is asked for its state before each statement.
MOST_OBJECTS = 128
ASKING = 16
# More parts of a query than that take longer to plan than the engine takes.
MOST_PARTS = 64
KEPT = 4096
# A file that has just been written may be written again within one tick of its clock.
SETTLED = 2_000_000_000
_KINDS = {"int": "int32", "bigint": "int64", "date": "date32[day]", "boolean": "bool"}
_TEXTS = ("string", "large_string", "string_view")
_FOLDERS = {"int": "INTEGER", "bigint": "BIGINT", "string": "VARCHAR", "date": "DATE"}
_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+", re.ASCII)
_WHOLE = {"int": re.compile(r"-?\d{1,9}", re.ASCII), "bigint": re.compile(r"-?\d{1,18}", re.ASCII)}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class View:
    """The statement that makes a table's columns known, and the state of each of its files for which that is true."""

    sql: str
    marks: dict[str, Any]


class Files:
    """Tables over files as views of DuckDB."""

    def __init__(self, storage: Any, room: int) -> None:
        self._objects = Objects(storage, room)
        self._known: dict[str, tuple[Any, dict[str, list[str]] | None]] = {}
        self._lock = threading.Lock()

    def scan(self, frame: Any) -> Any:
        """The scan behind a DataFrame, when it is nothing else, of Parquet files that can be read here; else None."""
        from awsglue._runtime.client.plans import ScanPlan
        from awsglue._runtime.io.storage import S3_SCHEMES, split

        scan = frame._plan.scan if isinstance(frame._plan, ScanPlan) else None
        if scan is None or scan.format != "parquet" or not 0 < len(scan.files) <= MOST_FILES:
            return None
        kinds = [split(file.path)[0] for file in scan.files]
        remote = sum(kind in S3_SCHEMES for kind in kinds)
        # DuckDB would take these signs in a path for a pattern.
        plain = not any(set("*?[") & set(file.path) for file in scan.files)
        known = remote + kinds.count("file") == len(kinds)
        return scan if plain and known and remote <= MOST_OBJECTS else None

    def remote(self, scan: Any) -> bool:
        """Whether files of a table are objects."""
        return any("://" in _path(file) for file in scan.files)

    def filesystem(self) -> Any:
        """What DuckDB asks for objects by."""
        return filesystem(self._objects)

    def view(self, place: int, source: Source, scan: Any) -> View | None:
        """A table as a view; None when a file has its columns otherwise, or the engine holds its rows."""
        if scan.gone or not scan.readable_natively():
            return None
        parts = {item.name.lower() for item in scan.partition_schema.fields}
        wanted = [(at, scan.schema.fields[at]) for at in sorted(source.used)]
        inner = [item for _, item in wanted if item.name.lower() not in parts]
        paths = [_path(file) for file in scan.files]
        made = _of_folders(scan, wanted, parts, paths) if parts else _of_files(wanted, paths, {})
        marks = _each(lambda path: self._holding(path, inner), paths) if made is not None else {}
        if made is None or None in marks.values():
            return None
        return View(sql=f"CREATE TEMP VIEW s{place} AS {made}", marks=marks)

    def unchanged(self, view: View) -> bool:
        """Whether the files still are as they were before the query: of one that is not, rows of both may have come."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return _each(self._mark, list(view.marks)) == view.marks
        except (OSError, BotoCoreError, ClientError):
            return False

    def forget(self, view: View) -> None:
        """Drop what has come of a view's objects by a query that is not believed."""
        for path in view.marks:
            if "://" in path:
                self._objects.forget(origin(path))

    def _mark(self, path: str) -> Any:
        """What tells this state of a file from others."""
        if "://" in path:
            return self._objects.mark(origin(path))
        info = os.stat(path)
        return info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns

    def _holding(self, path: str, wanted: list[Any]) -> Any:
        """The mark of a file that has these columns, under just these names and in these types; else None."""
        mark, found = self._columns(path)
        holds = found is not None and all(
            found.get(item.name.lower(), ()) == [item.name]
            and _is_kind(found[" " + item.name][0], item.dataType.simpleString())
            for item in wanted
        )
        return mark if holds else None

    def _columns(self, path: str) -> tuple[Any, dict[str, list[str]] | None]:
        """(mark, columns) of a file as it is now; no columns when it is no Parquet file for DuckDB."""
        if "://" in path:
            found = self._objects.look(origin(path))
            return (None, None) if found is None else (found.mark, found.columns)
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            mark = self._mark(path)
            known = self._known.get(path)
            if known is not None and known[0] == mark:
                return known
            now = time.time_ns()
            with pq.ParquetFile(path) as footer:
                columns = columns_of(footer)
        except (OSError, pa.ArrowInvalid):
            return None, None
        if mark[2] < now - SETTLED:
            with self._lock:
                while len(self._known) >= KEPT:
                    self._known.pop(next(iter(self._known)))
                self._known[path] = (mark, columns)
        return mark, columns


def _each(ask: Callable[[str], Any], paths: list[str]) -> dict[str, Any]:
    """What is answered for each path; objects are asked for at the same time."""
    if not any("://" in path for path in paths):
        return {path: ask(path) for path in paths}
    with ThreadPoolExecutor(ASKING) as pool:
        return dict(zip(paths, pool.map(ask, paths), strict=True))


def _path(file: Any) -> str:
    """The path of a file as DuckDB is told it."""
    from awsglue._runtime.io.storage import split

    scheme, _, key = split(file.path)
    return "/" + key.lstrip("/") if scheme == "file" else address(file.path)


def _of_files(wanted: list[tuple[int, Any]], paths: list[str], constants: dict[str, str]) -> str:
    """SELECT of the wanted columns; `constants` are SQL by the lower-case names of columns that are in no file."""
    columns = [
        f"{constants.get(item.name.lower()) or _quoted(item.name, chr(34))} AS c{at}" for at, item in wanted
    ]
    files = ", ".join(_quoted(path, "'") for path in paths)
    rows = f"read_parquet([{files}], hive_partitioning = false)"
    return f"SELECT {', '.join(columns or ['1 AS none'])} FROM {rows}"


def _of_folders(scan: Any, wanted: list[tuple[int, Any]], parts: set[str], paths: list[str]) -> str | None:
    """SELECT over partitions: by the names of folders when they say the values, else each partition for itself."""
    used = {item.name.lower(): item.dataType for _, item in wanted if item.name.lower() in parts}
    if not used:
        return _of_files(wanted, paths, {})
    kinds = {name: kind.simpleString() for name, kind in used.items()}
    if not set(kinds.values()) <= set(_FOLDERS):
        return None
    if all(_says(path, file.partition, kinds) for path, file in zip(paths, scan.files, strict=True)):
        columns = [f"{_quoted(item.name, chr(34))} AS c{at}" for at, item in wanted]
        files = ", ".join(_quoted(path, "'") for path in paths)
        types = ", ".join(
            f"{_quoted(key, chr(39))}: {_FOLDERS[kinds[key.lower()]]}"
            for key, _ in scan.files[0].partition
            if key.lower() in kinds
        )
        rows = f"read_parquet([{files}], hive_partitioning = true, hive_types = {{{types}}})"
        return f"SELECT {', '.join(columns)} FROM {rows}"
    groups: dict[Any, list[Any]] = {}
    for file in scan.files:
        groups.setdefault(tuple(file.partition), []).append(file)
    if len(groups) > MOST_PARTS:
        return None
    made = []
    for files_of in groups.values():
        values = scan.constants(files_of[0])
        constants = {name: _written(values[name], kind) for name, kind in kinds.items()}
        made.append(_of_files(wanted, [_path(file) for file in files_of], constants))
    return " UNION ALL ".join(made)


def _says(path: str, partition: Any, kinds: dict[str, str]) -> bool:
    """Whether the folders of a path tell its partition values, and nothing else, as DuckDB takes them."""
    *folders, name = path.split("/")
    told = [folder.partition("=")[::2] for folder in folders if "=" in folder]
    if "=" in name or len(told) != len({key.lower() for key, _ in told}) or told != [*map(tuple, partition)]:
        return False
    return all(
        _PLAIN.fullmatch(key)
        and _PLAIN.fullmatch(value)
        and _is_written(value, kinds.get(key.lower(), "string"))
        for key, value in told
    )


def _is_written(value: str, kind: str) -> bool:
    if kind in _WHOLE:
        return bool(_WHOLE[kind].fullmatch(value))
    if kind == "date":
        try:
            return bool(_DAY.fullmatch(value)) and bool(date.fromisoformat(value))
        except ValueError:
            return False
    # Versions of DuckDB take NULL for none.
    return value != "__HIVE_DEFAULT_PARTITION__" and value.upper() != "NULL"


def _written(value: Any, kind: str) -> str:
    """A partition's value as SQL."""
    if value is None:
        return f"CAST(NULL AS {_FOLDERS[kind]})"
    return f"CAST({_quoted(str(value), chr(39))} AS {_FOLDERS[kind]})"


def _is_kind(arrow: str, kind: str) -> bool:
    if kind == "string":
        return arrow in _TEXTS
    if kind.startswith("decimal"):
        return arrow.replace(" ", "") == kind.replace("decimal", "decimal128")
    return _KINDS.get(kind) == arrow


def _quoted(text: str, sign: str) -> str:
    return sign + text.replace(sign, sign * 2) + sign
