"""FindMatches and FindIncrementalMatches over frames. The records are gathered in the driver, where the model is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from awsglueml._matching.groups import grouped
from awsglueml._matching.linkage import score
from awsglueml._matching.records import compared, plain
from awsglueml._matching.settings import MatchSettings

if TYPE_CHECKING:
    from awsglue.dynamicframe import DynamicFrame

MATCH, SCORE = "match_id", "match_confidence_score"
SET, LABEL = "labeling_set_id", "label"
Pairs = list[tuple[int, int]]


def find_matches(
    frame: DynamicFrame, settings: MatchSettings, enforced: DynamicFrame | None, *, scores: bool
) -> DynamicFrame:
    """The records with a match_id."""
    df = frame.toDF()
    _free(df.columns, scores=scores)
    rows = df.collect()
    known: tuple[Pairs, Pairs] = ([], [])
    if enforced is not None:
        known = labelled(df.columns, rows, enforced.toDF(), settings.primary_key)
    ids, sure = _matched(df.columns, rows, settings, known, {})
    return _with_ids(frame, df.schema, rows, ids, sure if scores else None)


def find_incremental(
    existing: DynamicFrame,
    incremental: DynamicFrame,
    settings: MatchSettings,
    enforced: DynamicFrame | None,
    *,
    scores: bool,
) -> DynamicFrame:
    """All records: the existing ones with the match_id that they have, the new ones with theirs. Raises ValueError."""
    old, new = existing.toDF(), incremental.toDF()
    if MATCH not in old.columns:
        raise ValueError(f"existingFrame has no column {MATCH}: it has to come from FindMatches")
    _free(new.columns, scores=scores)
    missing = [name for name in new.columns if name not in old.columns]
    if missing:
        raise ValueError(f"existingFrame has no column {', '.join(missing)}")
    held = old.selectExpr(*(f"`{name}`" for name in (*new.columns, MATCH))).collect()
    rows = [tuple(row)[:-1] for row in held] + [tuple(row) for row in new.collect()]
    fixed = {number: int(row[-1]) for number, row in enumerate(held) if row[-1] is not None}
    known: tuple[Pairs, Pairs] = ([], [])
    if enforced is not None:
        known = labelled(new.columns, rows, enforced.toDF(), settings.primary_key)
    ids, sure = _matched(new.columns, rows, settings, known, fixed)
    return _with_ids(incremental, new.schema, rows, ids, sure if scores else None)


def _free(names: Sequence[str], *, scores: bool) -> None:
    taken = [name for name in (MATCH, *([SCORE] if scores else [])) if name in names]
    if taken:
        raise ValueError(f"the frame has a column {', '.join(taken)} already")


def _matched(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    settings: MatchSettings,
    known: tuple[Pairs, Pairs],
    fixed: dict[int, int],
) -> tuple[list[int], list[float]]:
    edges = score(compared(names, rows, {settings.primary_key}), len(rows)) if len(rows) > 1 else []
    same, different = known
    return grouped(len(rows), edges, settings.threshold, fixed=fixed, same=same, different=different)


def labelled(
    names: Sequence[str], rows: Sequence[Sequence[Any]], labels: Any, primary_key: str
) -> tuple[Pairs, Pairs]:
    """The pairs of records that labels say are the same, and those that they say are not. Raises ValueError."""
    for needed in (SET, LABEL):
        if needed not in labels.columns:
            raise ValueError(f"enforcedMatches has no column {needed}")
    shared = [primary_key] if primary_key else [name for name in names if name in labels.columns]
    if not shared or any(name not in labels.columns or name not in names for name in shared):
        raise ValueError("enforcedMatches has none of the columns by which its records could be found")
    numbers: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
    places = [list(names).index(name) for name in shared]
    for number, row in enumerate(rows):
        numbers[tuple(plain(row[place]) for place in places)].append(number)
    sets: dict[Any, dict[Any, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in labels.collect():
        found = numbers.get(tuple(plain(row[name]) for name in shared), [])
        sets[row[SET]][row[LABEL]] += found
    same: Pairs = []
    different: Pairs = []
    for groups in sets.values():
        for members in groups.values():
            same += list(pairwise(members))
        for one, other in combinations(groups.values(), 2):
            different += [(first, second) for first in one for second in other]
    return same, different


def _with_ids(
    frame: DynamicFrame, schema: Any, rows: Sequence[Sequence[Any]], ids: list[int], sure: list[float] | None
) -> DynamicFrame:
    from pyspark.sql import types as t

    from awsglue.dynamicframe import DynamicFrame

    fields = [*schema.fields, t.StructField(MATCH, t.LongType(), True)]
    if sure is not None:
        fields.append(t.StructField(SCORE, t.DoubleType(), True))
    more = [[one] for one in ids] if sure is None else [list(both) for both in zip(ids, sure, strict=True)]
    made = [(*row, *extra) for row, extra in zip(rows, more, strict=True)]
    df = frame.glue_ctx.spark_session.createDataFrame(made, t.StructType(fields))
    return DynamicFrame.fromDF(df, frame.glue_ctx, frame.name)
