"""The select lists of SQL text, and the names of their columns as Spark gives them. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from awsglue._runtime.exact.column_names import Named, Unnamed, item_name
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sql.sources import replace
from awsglue._runtime.sql.tokens import Word, words

_ENDS = frozenset(
    "FROM WHERE GROUP HAVING ORDER LIMIT UNION INTERSECT EXCEPT MINUS LATERAL WINDOW SORT CLUSTER DISTRIBUTE"
    " OFFSET".split()
)
# They become columns as many as there are members, with names that the engine knows.
_GENERATORS = frozenset(
    "EXPLODE EXPLODE_OUTER POSEXPLODE POSEXPLODE_OUTER INLINE INLINE_OUTER STACK JSON_TUPLE".split()
)


class Item(NamedTuple):
    """An item of a select list: its words, and its name (None when Spark's is not known)."""

    text: str
    name: Named | None
    end: int
    many: bool


def shown(text: str, tables: frozenset[str]) -> list[Item]:
    """The items of the statement's own select list; [] when it has none."""
    tokens = words(text)
    starts = [at for at, word in enumerate(tokens) if word.text == "SELECT"]
    if not starts:
        return []
    least = min(tokens[at].depth for at in starts)
    return list(_items(text, tokens, next(at for at in starts if tokens[at].depth == least), tables))


def inner(text: str, tables: frozenset[str]) -> Iterator[list[Item]]:
    """The items of all select lists that are not the statement's own."""
    tokens = words(text)
    starts = [at for at, word in enumerate(tokens) if word.text == "SELECT"]
    least = min((tokens[at].depth for at in starts), default=0)
    for at in starts:
        if tokens[at].depth > least:
            yield list(_items(text, tokens, at, tables))


def names(items: list[Item], columns: list[str]) -> list[str]:
    """The names of a statement's columns, of which the engine gives `columns`. Raises EngineRefused."""
    wide = [place for place, item in enumerate(items) if item.many]
    if len(wide) > 1 or (not wide and len(items) != len(columns)):
        # Which of the columns are which cannot be told.
        unsure = [item for item in items if not item.many and not (item.name and item.name.own)]
        if unsure:
            raise _refused(unsure[0])
        return columns
    more = len(columns) - len(items)
    found = list(columns)
    for place, item in enumerate(items):
        if item.many:
            continue
        if item.name is None:
            raise _refused(item)
        found[place if not wide or place < wide[0] else place + more] = str(item.name)
    return found


def with_aliases(text: str, unchanged: str, tables: frozenset[str]) -> str:
    """The text with aliases for columns of inner queries that a star shows, named for the `unchanged` text.

    Raises EngineRefused.
    """
    told = list(inner(unchanged, tables))
    if not any(item.name == "*" for items in [*told, shown(unchanged, tables)] for item in items):
        return text
    made = []
    for items, changed in zip(told, inner(text, tables), strict=True):
        for item, place in zip(items, changed, strict=True):
            if item.many or (item.name is not None and item.name.own and item.name == place.name):
                continue
            if item.name is None:
                raise _refused(item)
            made.append((place.end, place.end, f" AS `{item.name.replace('`', '``')}`"))
    return replace(text, made) if made else text


def _refused(item: Item) -> EngineRefused:
    return EngineRefused(f"the column {item.text[:60]!r} without a name", "give it one with AS")


def _items(text: str, tokens: list[Word], select: int, tables: frozenset[str]) -> Iterator[Item]:
    depth = tokens[select].depth
    at = select + 1
    if at < len(tokens) and tokens[at].text in ("DISTINCT", "ALL"):
        at += 1
    begin = at
    while at <= len(tokens):
        word = tokens[at] if at < len(tokens) else None
        over = (
            word is None
            or word.depth < depth
            or (word.depth == depth and word.text in _ENDS and tokens[at - 1].text != "WITHIN")
        )
        if over or (word is not None and word.depth == depth and word.text == ","):
            yield _item(text, tokens[begin:at], tables)
            begin = at + 1
        if over:
            return
        at += 1


def _item(text: str, tokens: list[Word], tables: frozenset[str]) -> Item:
    if not tokens:
        return Item(text="", name=None, end=0, many=False)
    own = text[tokens[0].start : tokens[-1].end]
    generator = tokens[0].text in _GENERATORS
    try:
        name = None if generator else item_name(text, tokens, tables)
    except Unnamed:
        name = None
    return Item(text=own, name=name, end=tokens[-1].end, many=generator or name == "*")
