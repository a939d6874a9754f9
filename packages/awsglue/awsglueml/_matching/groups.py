"""Groups of records that match: likely pairs joined, with what is known beforehand kept as it is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from awsglueml._matching.linkage import Edge


@dataclass(kw_only=True)
class Groups:
    """Records by number, in groups. `fixed`: the match_id that a record has already; two of them are never joined."""

    count: int
    fixed: Mapping[int, int] = field(default_factory=dict)
    _parent: list[int] = field(default_factory=list)
    _known: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parent = list(range(self.count))
        first: dict[int, int] = {}
        for record, match_id in self.fixed.items():
            self._known[self.root(record)] = match_id
            self.join(first.setdefault(match_id, record), record)

    def root(self, record: int) -> int:
        """The record that stands for the group of this one."""
        while self._parent[record] != record:
            self._parent[record] = self._parent[self._parent[record]]
            record = self._parent[record]
        return record

    def join(self, one: int, other: int) -> bool:
        """Make one group of two; not if they are known as different ones."""
        first, second = self.root(one), self.root(other)
        if first == second:
            return True
        known = [self._known[root] for root in (first, second) if root in self._known]
        if len(set(known)) > 1:
            return False
        low, high = min(first, second), max(first, second)
        self._parent[high] = low
        if known:
            self._known[low] = known[0]
        return True

    def match_ids(self) -> list[int]:
        """The group of each record: the match_id that it has already, or a new one."""
        following = max(self.fixed.values(), default=-1) + 1
        given: dict[int, int] = {}
        made = []
        for record in range(self.count):
            root = self.root(record)
            if root not in given:
                known = self._known.get(root)
                given[root] = following if known is None else known
                following += known is None
            made.append(given[root])
        return made


def grouped(
    count: int,
    edges: Iterable[Edge],
    threshold: float,
    *,
    fixed: Mapping[int, int] | None = None,
    same: Iterable[tuple[int, int]] = (),
    different: Iterable[tuple[int, int]] = (),
) -> tuple[list[int], list[float]]:
    """The match_id of each record, and how sure that is. `same` and `different` are pairs that are known."""
    groups = Groups(count=count, fixed=fixed or {})
    apart = {frozenset(pair) for pair in different}
    together = list(same)
    best: dict[int, float] = defaultdict(float)
    refused: dict[int, float] = defaultdict(float)
    for left, right in together:
        groups.join(left, right)
        best[left] = best[right] = 1.0
    # The likeliest first: what is joined early decides what cannot be joined later.
    for edge in sorted(edges, key=lambda one: (-one.probability, one.left, one.right)):
        pair = (edge.left, edge.right)
        allowed = edge.probability >= threshold and frozenset(pair) not in apart
        joined = allowed and groups.join(*pair)
        scores = best if joined else refused
        for record in pair:
            scores[record] = max(scores[record], edge.probability)
    ids = groups.match_ids()
    # A record of its own is as sure as its likeliest match was unlikely.
    return ids, [best[record] if record in best else 1 - refused[record] for record in range(count)]
