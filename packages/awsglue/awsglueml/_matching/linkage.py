"""The model: Splink estimates from the records how often values agree by chance and in matches; pairs are scored."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from typing import Any

from awsglueml._matching.records import NUMBER, Compared

# Up to so many records every pair is scored; beyond, those that agree in a column or in the beginnings of two.
ALL_PAIRS = 1500
SEED = 1
RECALL = 0.7
FLOOR = 0.01  # less likely pairs are of no interest to anybody


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Two records by their numbers, and how likely it is that they match."""

    left: int
    right: int
    probability: float


def score(columns: list[Compared], count: int) -> list[Edge]:
    """The likely pairs of records."""
    if count < 2:
        return []
    import duckdb
    import pyarrow as pa
    from splink import Linker, SettingsCreator
    from splink.backends.duckdb import DuckDBAPI

    names = [f"c{i}" for i in range(len(columns))]
    table = pa.table(
        {
            NUMBER: pa.array(range(count), type=pa.int64()),
            **{
                name: pa.array(one.values, type=pa.string()) for name, one in zip(names, columns, strict=True)
            },
        }
    )
    connection = duckdb.connect()
    try:
        database = DuckDBAPI(connection)
        settings = SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name=NUMBER,
            comparisons=[_comparison(name, one) for name, one in zip(names, columns, strict=True)],
            blocking_rules_to_generate_predictions=_blocks(names, count),
            retain_matching_columns=False,
        )
        linker = Linker(database.register(table), settings, log_level=logging.ERROR)
        _train(linker, names)
        found = linker.inference.predict(threshold_match_probability=FLOOR).as_duckdbpyrelation()
        pairs = found.select(f"{NUMBER}_l, {NUMBER}_r, match_probability").fetchall()
    finally:
        connection.close()
    return [Edge(left=left, right=right, probability=chance) for left, right, chance in pairs]


def _comparison(name: str, column: Compared) -> Any:
    import splink.comparison_library as library

    return library.JaroWinklerAtThresholds(name, [0.92, 0.8]) if column.fuzzy else library.ExactMatch(name)


def _blocks(names: list[str], count: int) -> list[Any]:
    from splink import block_on

    if count <= ALL_PAIRS:
        return ["1=1"]
    beginnings = [f"substr({name}, 1, 4)" for name in names[:5]]
    rules = [block_on(name) for name in names[:3]]
    return rules + [block_on(first, second) for first, second in itertools.combinations(beginnings, 2)]


def _train(linker: Any, names: list[str]) -> None:
    from splink import block_on

    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=SEED)
    pairs = list(itertools.combinations(names[:4], 2)) or [(names[0],)]
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*pair) for pair in pairs], recall=RECALL
    )
    for name in names[:4]:
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(name), fix_probability_two_random_records_match=True
            )
        except ValueError:
            # A block in which everything agrees, or nothing: the estimate from other blocks (or the default) stays.
            continue
