"""dropDuplicates at the end of a pipeline: rows leave when they are the first with their key, and only keys are kept.

When the keys take more memory than they should, or are long texts, rows with other keys are left to DuckDB's grouping,
which can use the disk.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from awsglue._runtime.flow.plans import Distinct, Rows
from awsglue._runtime.flow.queries import Engine
from awsglue._runtime.flow.seen import TEXTS, SeenKeys

# With more texts there are too many shapes of keys.
MOST_TEXTS = 3
# Of the memory that an engine's operators may have.
SHARE = 4


def kept_by_key(rows: Rows) -> Distinct | None:
    """The dropDuplicates of a pipeline, when its rows can leave at once."""
    distinct = rows.distinct
    if distinct is None or distinct.nested or sum(key.type in TEXTS for key in distinct.keys) > MOST_TEXTS:
        return None
    return distinct


def every_row(rows: Rows, distinct: Distinct) -> str:
    """The query for the pipeline's columns of all rows, the keys, and whether later conditions keep a row."""
    values = [(f"o{place}", value) for place, (_, value) in enumerate(rows.columns)]
    values += [(f"k{place}", key) for place, key in enumerate(distinct.keys)]
    selected = [f"{rows.values.sql(value)} AS {name}" for name, value in values]
    selected.append(f"{' AND '.join(rows.conditions) or 'true'} AS kept")
    return f"SELECT {', '.join(selected)} FROM {distinct.tables}"


def first_rows(engine: Engine, rows: Rows, distinct: Distinct, every: Iterator[Any]) -> Iterator[Any]:
    """Record batches with the pipeline's columns, made from those of every row."""
    width = len(rows.columns)
    seen = SeenKeys([key.type for key in distinct.keys], engine.memory // SHARE)
    for batch in every:
        found = batch.columns[width:-1]
        if seen.full() or not seen.takes(found):
            break
        yield _kept(batch, width, seen.first(found))
    else:
        return
    firsts = [f"first(o{place})" for place in range(width)]
    keys = [f"k{place}" for place in range(len(distinct.keys))]
    query = f"SELECT {', '.join([*firsts, *keys, 'first(kept)'])} FROM source GROUP BY {', '.join(keys)}"
    left = _unknown(batch, every, seen, width)
    for made in engine.run(query, left, batch.schema, ordered=False):
        yield _kept(made, width, None)


def _unknown(batch: Any, others: Iterator[Any], seen: SeenKeys, width: int) -> Iterator[Any]:
    """Rows with keys that are not among those seen."""
    import pyarrow as pa

    for one in itertools.chain((batch,), others):
        yield one.filter(pa.array(seen.unknown(one.columns[width:-1])))


def _kept(batch: Any, width: int, new: Any) -> Any:
    """The pipeline's columns of those rows that are new (None: all) and that later conditions keep."""
    import numpy as np
    import pyarrow as pa

    kept = np.asarray(
        batch.column(batch.num_columns - 1).fill_null(False).to_numpy(zero_copy_only=False), bool
    )
    kept = kept if new is None else kept & new
    batch = batch.select(list(range(width)))
    return batch if kept.all() else batch.filter(pa.array(kept))
