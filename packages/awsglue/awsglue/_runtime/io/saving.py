"""Writing DataFrames to files as Spark does: modes, partition folders, file counts and names, `_SUCCESS`.

Files are made in the scratch folder and published when all of them are complete, so a failed write leaves nothing
behind and an overwrite deletes the old data only when the new is ready.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io import partitions
from awsglue._runtime.io.ancient import within_years
from awsglue._runtime.io.encoders import Encoder, encoder
from awsglue._runtime.io.storage import Storage, join, shown, split
from awsglue._runtime.io.threads import side_by_side
from awsglue._runtime.io.writing import WriteRequest
from awsglue._runtime.throughput import Amount

ROLL_BYTES = 512 << 20
GATHERED = 1 << 17  # rows
# Bytes of rows that all open files together may hold back for the sake of larger row groups.
HELD = 128 << 20
MODES = {"append", "overwrite", "ignore", "error", "errorifexists", "default"}


@dataclass(kw_only=True)
class Written:
    """What a write has left: [(partition values as text by column, folder)] and the files."""

    partitions: list[tuple[tuple[str | None, ...], str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Saving:
    """Writes to paths."""

    def __init__(self, storage: Storage, scratch: str, conf: dict[str, str]) -> None:
        self._storage = storage
        self._scratch = scratch
        self._conf = conf

    def save(self, request: WriteRequest, path: str, struct: Any, batches: Iterator[Any]) -> Written | None:
        """Write rows under `path`. None when mode ignore found something there. Raises AnalysisException."""
        mode = request.mode if request.mode in MODES else _unknown_mode(request.mode)
        exists = self._storage.folder_exists(path)
        if exists and mode in ("error", "errorifexists", "default"):
            raise path_exists(path)
        if exists and mode == "ignore":
            return None
        check_partition_columns(struct, request.partition_by)
        staged = _Staging(self, request, path, struct)
        with within_years():
            for batch in batches:
                staged.add(batch)
            files = staged.finish()
        amount = Amount(
            records=staged.rows, files=len(files), bytes=sum(os.path.getsize(local) for local, _ in files)
        )
        engine.mark_written()
        if exists and mode == "overwrite":
            self._remove_old(request, path, staged)
        self._storage.publish([(local, target) for local, target in files])
        if self._conf.get("spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs", "true") != "false":
            self._storage.put(join(path, "_SUCCESS"), b"")
        engine.STATE.written.wrote(path, amount)
        return Written(partitions=staged.folders(), files=[target for _, target in files])

    def dynamic(self, request: WriteRequest) -> bool:
        """Whether an overwrite leaves partitions alone that it writes nothing to."""
        lower = {key.lower(): value for key, value in request.options.items()}
        mode = lower.get("partitionoverwritemode") or self._conf.get(
            "spark.sql.sources.partitionOverwriteMode", ""
        )
        return bool(request.partition_by) and mode.lower() == "dynamic"

    def _remove_old(self, request: WriteRequest, path: str, staged: _Staging) -> None:
        if not self.dynamic(request):
            self._storage.delete_folder(path)
            return
        for _, folder in staged.folders():
            self._storage.delete_folder(folder)


class _Staging:
    """Files in the making. Owns their encoders until `finish`."""

    def __init__(self, saving: Saving, request: WriteRequest, path: str, struct: Any) -> None:
        from pyspark.sql.types import StructType

        self._request = request
        self._path = path
        self._columns = [_exact(struct, name) for name in request.partition_by]
        self._data = StructType([item for item in struct.fields if item.name not in self._columns])
        self._folder = os.path.join(saving._scratch, f"write-{uuid.uuid4().hex}")
        os.makedirs(self._folder)
        self._id = uuid.uuid4()
        self._options = {key.lower(): str(value) for key, value in request.options.items()}
        self._conf = saving._conf
        self._max_rows = int(
            self._options.get("maxrecordsperfile", saving._conf.get("spark.sql.files.maxRecordsPerFile", "0"))
        )
        self._open: dict[tuple[int, str], Encoder] = {}
        self._counts: dict[tuple[int, str], int] = {}
        self._done: list[tuple[str, str]] = []
        self._folders: dict[str, tuple[str | None, ...]] = {}
        self.rows = 0
        self._turn = 0
        self._gathered: list[Any] = []
        self._gathered_rows = 0

    def add(self, batch: Any) -> None:
        """Take rows. Those that go to partition folders are gathered first, for each of many folders gets a few."""
        self.rows += batch.num_rows
        self._gathered.append(batch)
        self._gathered_rows += batch.num_rows
        if not self._columns or self._gathered_rows >= GATHERED:
            self._deal()

    def _deal(self) -> None:
        import pyarrow as pa

        held, self._gathered, self._gathered_rows = self._gathered, [], 0
        for batch in pa.Table.from_batches(held).combine_chunks().to_batches() if len(held) > 1 else held:
            self._distribute(batch)
        self._relieve()

    def _relieve(self) -> None:
        """Write what is held back when that has become too much: of all files, for their rows share memory."""
        holding = [one for one in self._open.values() if one.held()]
        if len(holding) > 1 and sum(one.held() for one in holding) > HELD:
            for _ in side_by_side(lambda one: one.release(), holding):
                pass

    def _distribute(self, batch: Any) -> None:
        """Deal rows out to the asked number of tasks, then to their partition folders."""
        if not batch.num_rows:
            return
        count = self._request.files
        if count <= 1:
            self._add_task(0, batch)
            return
        import numpy as np
        import pyarrow as pa

        for task in range(count):
            rows = np.arange((task - self._turn) % count, batch.num_rows, count)
            if len(rows):
                self._add_task(task, batch.take(pa.array(rows)))
        self._turn += batch.num_rows

    def _add_task(self, task: int, batch: Any) -> None:
        if not self._columns:
            self._write(task, "", batch)
            return
        for values, rows in _grouped(batch, self._columns):
            folder = "/".join(
                f"{partitions.escape(name)}={_folder_value(value)}"
                for name, value in zip(self._columns, values, strict=True)
            )
            self._folders.setdefault(
                folder,
                tuple(
                    None
                    if partitions.render(value) == partitions.NULL_PARTITION
                    else partitions.render(value)
                    for value in values
                ),
            )
            self._write(task, folder, rows.select([item.name for item in self._data.fields]))

    def _write(self, task: int, folder: str, batch: Any) -> None:
        key = (task, folder)
        while batch.num_rows:
            current = self._open.get(key) or self._start(key)
            room = self._max_rows - current.rows if self._max_rows else batch.num_rows
            piece = batch.slice(0, room)
            current.write(piece)
            batch = batch.slice(piece.num_rows)
            if (self._max_rows and current.rows >= self._max_rows) or current.size >= ROLL_BYTES:
                self._close(key)

    def _start(self, key: tuple[int, str]) -> Encoder:
        task, folder = key
        number = self._counts.get(key, 0)
        self._counts[key] = number + 1
        made = encoder(self._request.format, self._data, self._options, self._conf)
        dot = "." if folder else "-"
        name = f"part-{task:05d}-{self._id}{dot}c{number:03d}{made.suffix}"
        local = os.path.join(self._folder, uuid.uuid4().hex)
        made.open(local)
        made.target = join(join(self._path, folder) if folder else self._path, name)
        self._open[key] = made
        return made

    def _close(self, key: tuple[int, str]) -> None:
        self._close_all([self._open.pop(key)])

    def _close_all(self, encoders: list[Encoder]) -> None:
        """Complete these files, several at a time: most of what goes to many folders is encoded only now."""

        def close(one: Encoder) -> Encoder:
            one.close()
            return one

        self._done += [(done.local, done.target) for done in side_by_side(close, encoders)]

    def finish(self) -> list[tuple[str, str]]:
        """Complete all files: [(local, target)]. Spark writes one file for no rows at all, if it can."""
        self._deal()
        if not self._open and not self._done and not self._columns:
            self._start((0, ""))
        self._close_all(list(self._open.values()))
        self._open.clear()
        return self._done

    def folders(self) -> list[tuple[tuple[str | None, ...], str]]:
        return [(values, join(self._path, folder)) for folder, values in self._folders.items()]


def _folder_value(value: Any) -> str:
    text = partitions.render(value)
    return text if text == partitions.NULL_PARTITION else partitions.escape(text)


def _grouped(batch: Any, columns: list[str]) -> Iterator[tuple[list[Any], Any]]:
    """(partition values, rows) for each distinct combination, in order of appearance."""
    import numpy as np
    import pyarrow as pa

    codes = np.zeros(batch.num_rows, np.int64)
    size = 1
    dictionaries, positions = [], []
    for name in columns:
        coded = batch.column(name).dictionary_encode(null_encoding="encode")
        dictionaries.append(_plain(coded.dictionary))
        positions.append(coded.indices.to_numpy())
        size *= max(len(coded.dictionary), 1)
        if size >= 2**63:
            # More combinations than a code has room for: those that do not occur lose theirs.
            present, codes = np.unique(codes, return_inverse=True)
            size = len(present) * len(coded.dictionary)
        codes = codes * len(coded.dictionary) + positions[-1]
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    ends = np.append(starts[1:], len(ordered))
    rows = batch.take(pa.array(order)) if len(starts) > 1 else batch
    for group in np.argsort(order[starts], kind="stable"):
        row = order[starts[group]]
        key = [values[place[row]] for values, place in zip(dictionaries, positions, strict=True)]
        yield key, rows.slice(starts[group], ends[group] - starts[group])


def _plain(column: Any) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return [None if value is None else value.replace(tzinfo=None) for value in column.to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]


def _exact(struct: Any, name: str) -> str:
    return next(item.name for item in struct.fields if item.name.lower() == name.lower())


def check_partition_columns(struct: Any, columns: list[str]) -> None:
    """Raise AnalysisException for unknown, repeated or all columns."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import types as t

    by_name = {item.name.lower(): item for item in struct.fields}
    for name in columns:
        if name.lower() not in by_name:
            raise AnalysisException(f"Partition column `{name}` not found in schema {struct.simpleString()}.")
        if isinstance(by_name[name.lower()].dataType, (t.ArrayType, t.MapType, t.StructType, t.BinaryType)):
            raise AnalysisException(
                f"Cannot use {by_name[name.lower()].dataType.simpleString()} for partition column."
            )
    if columns and len(columns) == len(struct.fields):
        raise AnalysisException(
            "[ALL_PARTITION_COLUMNS_NOT_ALLOWED] Cannot use all columns for partition columns."
        )
    names = [item.name.lower() for item in struct.fields]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise AnalysisException(
            f"[COLUMN_ALREADY_EXISTS] The column `{repeated[0]}` already exists. Choose another name or rename the "
            "existing column."
        )


def path_exists(path: str) -> Exception:
    from pyspark.errors import AnalysisException

    return AnalysisException(
        f'[PATH_ALREADY_EXISTS] Path {shown(path)} already exists. Set mode as "overwrite" to overwrite the existing '
        "path."
    )


def refuse_reading_own_target(roots: list[str], path: str) -> None:
    """Spark refuses to overwrite a path that the plan reads from."""
    from pyspark.errors import AnalysisException

    target = split(path)[1:]
    for root in roots:
        if (split(root)[1], split(root)[2].strip("/")) == (target[0], target[1].strip("/")):
            raise AnalysisException(
                f"[UNSUPPORTED_OVERWRITE.PATH] Can't overwrite the target that is also being read from. The target "
                f'path is "{shown(path)}".'
            )


def _unknown_mode(mode: str) -> str:
    raise EngineRefused(f"save mode {mode!r}")
