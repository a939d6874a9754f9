"""Which files an upsert, an insert or a delete writes anew, and with which rows. Reads base files; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from awsglue._runtime.hudi import files, rows
from awsglue._runtime.hudi.errors import HoodieException
from awsglue._runtime.hudi.files import NewFile
from awsglue._runtime.hudi.keys import partition_paths, record_keys
from awsglue._runtime.hudi.lake import META, Slice, Table
from awsglue._runtime.hudi.options import ORDERED
from awsglue._runtime.hudi.properties import BARE_KEYS, COMPLEX
from awsglue._runtime.hudi.rows import Incoming
from awsglue._runtime.io.storage import join


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How incoming rows meet the table's."""

    instant: str
    schema: Any
    ordering: str
    payload: str
    across: bool
    small: int
    largest: int
    # Whether incoming rows meet the table's at all, and what happens to those that do and do not.
    lookup: bool = True
    update: bool = True
    insert: bool = True


@dataclass(kw_only=True)
class _Hits:
    """What is to happen to one file: rows that replace or delete rows of it, rows that are added."""

    one: Slice
    met: Any = None
    added: Any = None
    # Positions (in the incoming rows) of keys that are in this file.
    elsewhere: list[int] = field(default_factory=list)


def merged(table: Table, slices: list[Slice], found: Incoming, rules: Rules) -> list[NewFile]:
    """The files to be written."""
    import numpy as np

    slices = sorted(slices, key=lambda one: (one.partition, one.file_id))
    known = np.zeros(found.count, dtype=bool)
    plans = {one.file_id: _Hits(one=one) for one in slices}
    places = np.asarray(found.partitions.to_pylist(), dtype=object)
    if rules.lookup and found.count:
        for one in slices:
            _look(table, one, found, places, plans[one.file_id], known, rules)
    deletes = found.deletes.to_numpy(zero_copy_only=False)
    new = np.flatnonzero(~known & ~deletes) if rules.insert else np.array([], dtype=int)
    fresh = _place(new, places, plans, found, rules)
    marked = rows.marked(found, rules.instant)
    written = [
        _rewritten(table, plan, marked, deletes, rules)
        for plan in plans.values()
        if plan.met is not None or plan.added is not None
    ]
    return [*(one for one in written if one is not None), *_new_groups(fresh, marked, places, rules)]


def _look(
    table: Table, one: Slice, found: Incoming, places: Any, plan: _Hits, known: Any, rules: Rules
) -> None:
    """Find the incoming keys that are in this file."""
    import numpy as np
    import pyarrow.compute as pc

    here = places == one.partition
    if not rules.across and not here.any():
        return
    wanted = [META[2], *([rules.ordering] if rules.payload == ORDERED and rules.ordering else [])]
    stored = read(table, one, wanted)
    candidates = np.arange(found.count) if rules.across else np.flatnonzero(here)
    asked = found.keys.take(candidates)
    hits = pc.index_in(stored.column(META[2]), value_set=asked)
    positions = hits.combine_chunks() if hasattr(hits, "combine_chunks") else hits
    at = positions.fill_null(-1).to_numpy(zero_copy_only=False)
    met = np.where(at >= 0, candidates[np.maximum(at, 0)], -1) if len(candidates) else at
    if not (met >= 0).any():
        return
    if not rules.update:
        known[met[met >= 0]] = True
        return
    if len(wanted) > 1 and rules.ordering in stored.schema.names:
        met = _not_older(met, stored, found, rules, known)
    same = here[np.maximum(met, 0)] & (met >= 0)
    known[met[same]] = True
    plan.met = met


def _not_older(met: Any, stored: Any, found: Incoming, rules: Rules, known: Any) -> Any:
    """DefaultHoodieRecordPayload: a stored row with the larger ordering value stays, the incoming one is dropped."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    own = stored.column(rules.ordering)
    index = pa.array(np.where(met >= 0, met, 0), pa.int64())
    theirs = found.rows.column(rules.ordering).take(index)
    newer = pc.fill_null(pc.greater(own, theirs), False)
    newer = newer.to_numpy() if isinstance(newer, pa.ChunkedArray) else newer.to_numpy(zero_copy_only=False)
    stays = newer & (met >= 0)
    known[met[stays]] = True
    return np.where(stays, -1, met)


def _place(new: Any, places: Any, plans: dict[str, _Hits], found: Incoming, rules: Rules) -> dict[str, Any]:
    """New rows by partition: into the smallest file that has room, else into files of their own (returned)."""
    import numpy as np

    fresh: dict[str, Any] = {}
    for partition in sorted(set(places[new])):
        chosen = new[places[new] == partition]
        here = [
            plan for plan in plans.values() if plan.one.partition == partition and plan.one.size < rules.small
        ]
        size = found.rows.nbytes * len(chosen) // max(found.count, 1)
        if here and min(plan.one.size for plan in here) + size <= rules.largest:
            min(here, key=lambda plan: (plan.one.size, plan.one.file_id)).added = chosen
        else:
            fresh[partition] = np.asarray(chosen)
    return fresh


def _rewritten(table: Table, plan: _Hits, marked: Any, deletes: Any, rules: Rules) -> NewFile | None:
    """The file with its changes; None when nothing changes. A file all of whose rows go is written without rows."""
    import numpy as np
    import pyarrow as pa

    names = [item.name for item in marked.schema]
    old = rows.typed(read(table, plan.one, names), _with_meta(rules.schema))
    met = plan.met if plan.met is not None else np.full(old.num_rows, -1)
    added = plan.added if plan.added is not None else np.array([], dtype=int)
    if not (met >= 0).any() and not len(added):
        return None
    home = np.asarray([plan.one.partition])[0]
    targets = np.asarray(marked.column(META[3]).to_pylist(), dtype=object)
    hit = met >= 0
    gone = hit & (deletes[np.maximum(met, 0)] | (targets[np.maximum(met, 0)] != home))
    index = np.where(hit, old.num_rows + np.maximum(met, 0), np.arange(old.num_rows))[~gone]
    whole = np.concatenate([index, old.num_rows + added]).astype(np.int64)
    result = pa.concat_tables([old, marked.cast(old.schema)]).take(pa.array(whole))
    return NewFile(
        partition=plan.one.partition,
        file_id=plan.one.file_id,
        rows=result.combine_chunks(),
        former=plan.one,
        inserted=len(added),
        updated=int((hit & ~gone).sum()),
        deleted=int(gone.sum()),
    )


def _new_groups(fresh: dict[str, Any], marked: Any, places: Any, rules: Rules) -> list[NewFile]:
    import pyarrow as pa

    made = []
    for partition, chosen in fresh.items():
        part = marked.take(pa.array(chosen, pa.int64()))
        for piece in cut(part, rules.largest):
            made.append(
                NewFile(
                    partition=partition,
                    file_id=files.new_id(),
                    rows=piece.combine_chunks(),
                    inserted=piece.num_rows,
                )
            )
    return made


def grouped(found: Incoming, rules: Rules) -> list[NewFile]:
    """All rows in files of their own."""
    import numpy as np

    places = np.asarray(found.partitions.to_pylist(), dtype=object)
    keep = ~found.deletes.to_numpy(zero_copy_only=False)
    marked = rows.marked(found, rules.instant)
    fresh = {one: np.flatnonzero((places == one) & keep) for one in sorted(set(places[keep]))}
    return _new_groups(fresh, marked, places, rules)


def cut(part: Any, largest: int) -> list[Any]:
    """Rows in pieces that make files of at most about this size. (Parquet takes less than Arrow: four times.)"""
    pieces = max(1, -(-part.nbytes // (4 * largest)))
    step = -(-part.num_rows // pieces) if part.num_rows else 1
    return [part.slice(start, step) for start in range(0, part.num_rows, step)]


def read(table: Table, one: Slice, names: list[str]) -> Any:
    """Columns of a base file, those that it has, as Arrow."""
    import pyarrow.parquet as pq

    with table.storage.open_arrow(join(table.path, one.path)) as stream:
        opened = pq.ParquetFile(stream)
        there = set(opened.schema_arrow.names)
        return opened.read([name for name in names if name in there])


def as_stored(table: Table, slices: list[Slice]) -> Table:
    """The table with the form that its single record keys have: their fields' names before them, or not.

    Which of both ComplexKeyGenerator makes depends on the version of Hudi.
    """
    config = table.config
    if config.key_generator != COMPLEX or len(config.record_keys) != 1:
        return table
    (field,) = config.record_keys
    for one in slices:
        first = read(table, one, [META[2], field]).slice(0, 1)
        if first.num_rows:
            named = replace(config, entries={**config.entries, BARE_KEYS: "false"})
            bare = first.column(META[2])[0].as_py() != record_keys(first, named, "")[0].as_py()
            entries = {**config.entries, BARE_KEYS: str(bare).lower()}
            return replace(table, config=replace(config, entries=entries))
    return table


def check_keys(table: Table, slices: list[Slice], partitions: set[str]) -> None:
    """Keys that another writer has made must be those that we would make. Raises HoodieException."""
    config = table.config
    if not slices or not config.record_keys:
        return
    one = next((one for one in slices if one.partition in partitions), slices[0])
    first = read(table, one, [META[2], META[3], *config.record_keys, *config.partition_fields]).slice(0, 1)
    if not first.num_rows:
        return
    made = record_keys(first, config, "")[0].as_py(), partition_paths(first, config)[0].as_py()
    stored = first.column(META[2])[0].as_py(), first.column(META[3])[0].as_py()
    if made != stored:
        raise HoodieException(
            f"the table's record keys were made otherwise: a row has key and partition {stored}, where its fields "
            f"make {made} here"
        )


def _with_meta(schema: Any) -> Any:
    from pyspark.sql.types import StringType, StructField, StructType

    return StructType([*(StructField(name, StringType(), True) for name in META), *schema.fields])
