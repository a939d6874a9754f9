"""RDDs of a Sail runtime: lazy Python iterators in this process, for scripts that use them here and there.

Every operation has the RDD's meaning; only the distribution is missing. What is not here is refused by name.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

from awsglue._runtime.failures import EngineRefused, RefusedAttribute


class LocalRDD:
    """Items that come from `source`, computed anew for each action unless cached."""

    def __init__(self, source: Callable[[], Iterator[Any]], context: Any, slices: int = 1) -> None:
        self._source = source
        self.context = self.ctx = context
        self._slices = max(1, slices)
        self._held: list[Any] | None = None
        self._keep = False

    def _items(self) -> Iterator[Any]:
        if self._held is not None:
            return iter(self._held)
        if self._keep:
            self._held = list(self._source())
            return iter(self._held)
        return self._source()

    def _derive(self, make: Callable[[Iterator[Any]], Iterator[Any]], slices: int | None = None) -> LocalRDD:
        return LocalRDD(lambda: make(self._items()), self.context, slices or self._slices)

    def _partitions(self) -> list[list[Any]]:
        items = list(self._items())
        count = self._slices
        bounds = [len(items) * position // count for position in range(count + 1)]
        return [items[start:end] for start, end in itertools.pairwise(bounds)]

    # transformations
    def map(self, f: Callable[[Any], Any], preservesPartitioning: bool = False) -> LocalRDD:
        return self._derive(lambda items: map(f, items))

    def filter(self, f: Callable[[Any], bool]) -> LocalRDD:
        return self._derive(lambda items: filter(f, items))

    def flatMap(self, f: Callable[[Any], Any], preservesPartitioning: bool = False) -> LocalRDD:
        return self._derive(lambda items: itertools.chain.from_iterable(map(f, items)))

    def mapPartitions(
        self, f: Callable[[Iterator[Any]], Any], preservesPartitioning: bool = False
    ) -> LocalRDD:
        return self._derive(lambda items: (out for part in self._partitions() for out in f(iter(part))))

    def mapPartitionsWithIndex(self, f: Callable[[int, Iterator[Any]], Any], _: bool = False) -> LocalRDD:
        return self._derive(
            lambda items: (
                out for index, part in enumerate(self._partitions()) for out in f(index, iter(part))
            )
        )

    def distinct(self, numPartitions: int | None = None) -> LocalRDD:
        return self._derive(lambda items: iter(dict.fromkeys(items)))

    def union(self, other: LocalRDD) -> LocalRDD:
        return LocalRDD(
            lambda: itertools.chain(self._items(), other._items()), self.context, self._slices + other._slices
        )

    def sortBy(
        self, keyfunc: Callable[[Any], Any], ascending: bool = True, numPartitions: int | None = None
    ) -> LocalRDD:
        return self._derive(lambda items: iter(sorted(items, key=keyfunc, reverse=not ascending)))

    def sortByKey(
        self,
        ascending: bool = True,
        numPartitions: int | None = None,
        keyfunc: Callable[[Any], Any] = lambda key: key,
    ) -> LocalRDD:
        return self.sortBy(lambda pair: keyfunc(pair[0]), ascending)

    def zipWithIndex(self) -> LocalRDD:
        return self._derive(lambda items: ((item, index) for index, item in enumerate(items)))

    def zip(self, other: LocalRDD) -> LocalRDD:
        return self._derive(lambda items: zip(items, other._items(), strict=True))

    def keyBy(self, f: Callable[[Any], Any]) -> LocalRDD:
        return self.map(lambda item: (f(item), item))

    def mapValues(self, f: Callable[[Any], Any]) -> LocalRDD:
        return self.map(lambda pair: (pair[0], f(pair[1])))

    def flatMapValues(self, f: Callable[[Any], Any]) -> LocalRDD:
        return self.flatMap(lambda pair: ((pair[0], value) for value in f(pair[1])))

    def keys(self) -> LocalRDD:
        return self.map(lambda pair: pair[0])

    def values(self) -> LocalRDD:
        return self.map(lambda pair: pair[1])

    def groupByKey(self, numPartitions: int | None = None) -> LocalRDD:
        def group(items: Iterator[Any]) -> Iterator[Any]:
            groups: dict[Any, list[Any]] = {}
            for key, value in items:
                groups.setdefault(key, []).append(value)
            return iter(groups.items())

        return self._derive(group)

    def groupBy(self, f: Callable[[Any], Any], numPartitions: int | None = None) -> LocalRDD:
        return self.keyBy(f).groupByKey()

    def reduceByKey(self, func: Callable[[Any, Any], Any], numPartitions: int | None = None) -> LocalRDD:
        return self.groupByKey().mapValues(lambda values: functools.reduce(func, values))

    def join(self, other: LocalRDD, numPartitions: int | None = None) -> LocalRDD:
        def joined(items: Iterator[Any]) -> Iterator[Any]:
            right = other.groupByKey().collectAsMap()
            return ((key, (value, match)) for key, value in items for match in right.get(key, ()))

        return self._derive(joined)

    def sample(self, withReplacement: bool, fraction: float, seed: int | None = None) -> LocalRDD:
        if withReplacement:
            raise EngineRefused("RDD.sample with replacement")
        return self._derive(
            lambda items: (
                item for chance in [random.Random(seed)] for item in items if chance.random() < fraction
            )
        )

    def repartition(self, numPartitions: int) -> LocalRDD:
        return self._derive(lambda items: items, numPartitions)

    def coalesce(self, numPartitions: int, shuffle: bool = False) -> LocalRDD:
        return self._derive(lambda items: items, min(numPartitions, self._slices))

    def cache(self) -> LocalRDD:
        self._keep = True
        return self

    def persist(self, storageLevel: Any = None) -> LocalRDD:
        return self.cache()

    def unpersist(self, blocking: bool = False) -> LocalRDD:
        self._keep, self._held = False, None
        return self

    def setName(self, name: str) -> LocalRDD:
        self._name = name
        return self

    # actions
    def collect(self) -> list[Any]:
        return list(self._items())

    def toLocalIterator(self, prefetchPartitions: bool = False) -> Iterator[Any]:
        return self._items()

    def collectAsMap(self) -> dict[Any, Any]:
        return dict(self._items())

    def count(self) -> int:
        return sum(1 for _ in self._items())

    def countByValue(self) -> dict[Any, int]:
        from collections import Counter

        return dict(Counter(self._items()))

    def countByKey(self) -> dict[Any, int]:
        return self.keys().countByValue()

    def take(self, num: int) -> list[Any]:
        return list(itertools.islice(self._items(), num))

    def first(self) -> Any:
        for item in self._items():
            return item
        raise ValueError("RDD is empty")

    def top(self, num: int, key: Callable[[Any], Any] | None = None) -> list[Any]:
        return sorted(self._items(), key=key, reverse=True)[:num]

    def takeOrdered(self, num: int, key: Callable[[Any], Any] | None = None) -> list[Any]:
        return sorted(self._items(), key=key)[:num]

    def isEmpty(self) -> bool:
        return not self.take(1)

    def reduce(self, f: Callable[[Any, Any], Any]) -> Any:
        items = self._items()
        try:
            start = next(items)
        except StopIteration:
            raise ValueError("Can not reduce() empty RDD") from None
        return functools.reduce(f, items, start)

    def fold(self, zeroValue: Any, op: Callable[[Any, Any], Any]) -> Any:
        return functools.reduce(op, self._items(), zeroValue)

    def aggregate(
        self, zeroValue: Any, seqOp: Callable[[Any, Any], Any], combOp: Callable[[Any, Any], Any]
    ) -> Any:
        import copy

        parts = [functools.reduce(seqOp, part, copy.deepcopy(zeroValue)) for part in self._partitions()]
        return functools.reduce(combOp, parts, zeroValue)

    def foreach(self, f: Callable[[Any], None]) -> None:
        for item in self._items():
            f(item)

    def foreachPartition(self, f: Callable[[Iterator[Any]], Any]) -> None:
        for part in self._partitions():
            f(iter(part))

    def sum(self) -> Any:
        return sum(self._items())

    def max(self, key: Callable[[Any], Any] | None = None) -> Any:
        return max(self._items(), key=key)

    def min(self, key: Callable[[Any], Any] | None = None) -> Any:
        return min(self._items(), key=key)

    def mean(self) -> float:
        items = self.collect()
        return float(sum(items) / len(items))

    def glom(self) -> LocalRDD:
        return self._derive(lambda items: iter(self._partitions()))

    def getNumPartitions(self) -> int:
        return self._slices

    def toDF(self, schema: Any = None, sampleRatio: float | None = None) -> Any:
        """A DataFrame of these items."""
        from awsglue._runtime import engine

        return engine.get_or_create_session().createDataFrame(self.collect(), schema)

    def saveAsTextFile(self, path: str, compressionCodecClass: str | None = None) -> None:
        if compressionCodecClass:
            raise EngineRefused("RDD.saveAsTextFile with a codec class")
        from awsglue._runtime import engine

        session = engine.get_or_create_session()
        session.createDataFrame([(str(item),) for item in self._items()], "value string").write.text(path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RefusedAttribute(f"RDD.{name}")
