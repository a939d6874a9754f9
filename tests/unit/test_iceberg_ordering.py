"""Where compaction puts rows: by the table's sort order, or along a curve through all of its columns."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType, LongType, NestedField, StringType

from mastic.glue.catalog.optimizers import ordering
from mastic.glue.catalog.optimizers.opening import Opened
from mastic.glue.catalog.task_runs import TaskFailed

SCHEMA = Schema(
    NestedField(1, "x", LongType(), required=False),
    NestedField(2, "y", StringType(), required=False),
    NestedField(3, "d", DateType(), required=False),
)


def opened(*fields: int, direction: SortDirection = SortDirection.ASC) -> Opened:
    sorted_by = [SortField(field, IdentityTransform(), direction, NullOrder.NULLS_LAST) for field in fields]
    made: Any = new_table_metadata(
        SCHEMA, UNPARTITIONED_PARTITION_SPEC, SortOrder(*sorted_by), "s3://b/t", {}
    )
    return cast(Opened, SimpleNamespace(metadata=made))


def test_neighbours_in_every_column_stand_together() -> None:
    grid = [(x, f"{y:02}") for y in range(16) for x in range(16)]
    table = pa.table({"x": [x for x, _ in grid], "y": [y for _, y in grid], "d": pa.nulls(256, pa.date32())})
    found = ordering.ordered(opened(1, 2), "z-order", table)
    cells = list(zip(found["x"].to_pylist(), found["y"].to_pylist(), strict=True))
    assert sorted(cells) == sorted(grid)
    for start in range(0, 256, 16):
        # Sixteen rows are a square of four by four, where sorting gives a line.
        xs, ys = zip(*cells[start : start + 16], strict=True)
        assert max(xs) - min(xs) == 3
        assert int(max(ys)) - int(min(ys)) == 3


def test_nulls_and_equal_values_are_kept() -> None:
    table = pa.table(
        {
            "x": pa.array([2, None, 2, 1], pa.int64()),
            "y": ["b", None, "b", "a"],
            "d": [date(2026, 1, 2), None, date(2026, 1, 2), date(2026, 1, 1)],
        }
    )
    assert ordering.ordered(opened(1, 2, 3), "z-order", table)["x"].to_pylist() == [1, 2, 2, None]
    down = opened(1, 2, direction=SortDirection.DESC)
    assert ordering.ordered(down, "z-order", table)["x"].to_pylist() == [2, 2, 1, None]
    assert ordering.ordered(down, "sort", table)["x"].to_pylist() == [2, 2, 1, None]


@pytest.mark.parametrize(("strategy", "fields"), [("sort", ()), ("z-order", ()), ("z-order", (1,))])
def test_a_strategy_needs_its_columns(strategy: str, fields: tuple[int, ...]) -> None:
    with pytest.raises(TaskFailed, match=strategy):
        ordering.check(opened(*fields), strategy)
