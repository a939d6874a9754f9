"""What names mean within a query: its relations, those of the query around it, and common table expressions."""

from __future__ import annotations

from dataclasses import dataclass, field

from awsglue._runtime.exact.arithmetic import decimal_of
from awsglue._runtime.flow.exact import PLAIN, Term
from awsglue._runtime.flow.values import Unknown

# (column, Spark type) of a relation; names in lower case, "" for a column without one
Fields = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query and the names and types of its columns; `order` and `limit` are told apart from its `sql`.

    Without groups, `single` when all of its columns are aggregates (it has one row), `groupless` when some are.
    """

    sql: str
    fields: Fields
    single: bool
    groupless: bool
    correlated: bool
    order: str = ""
    limit: int | None = None

    def text(self, most: int | None = None) -> str:
        """The whole query, of no more rows than `most`."""
        bounds = [rows for rows in (self.limit, most) if rows is not None]
        return self.sql + self.order + (f" LIMIT {min(bounds)}" if bounds else "")

    def counted(self, most: int | None = None) -> str:
        """A query for how many rows it has."""
        return f"SELECT count(*) FROM ({self.text(most)})"


@dataclass(kw_only=True)
class Source:
    """A table of the statement, and the places of its columns that are read."""

    parts: tuple[str, ...]
    fields: Fields
    used: set[int] = field(default_factory=set)


@dataclass(kw_only=True)
class Relation:
    """Something in FROM: the name that may stand before its columns, the name here, and its columns."""

    name: str
    alias: str
    fields: list[tuple[str, str]]
    source: Source | None = None

    def column(self, name: str) -> list[Term]:
        """The columns of this name."""
        found = [place for place, (column, _) in enumerate(self.fields) if column == name]
        if self.source is not None:
            self.source.used.update(found)
        prefix = "c" if self.source is not None else "o"
        for place in found:
            kind = self.fields[place][1]
            if kind not in PLAIN and decimal_of(kind) is None:
                raise Unknown(f"a column of type {kind}")
        return [Term(f"{self.alias}.{prefix}{place}", self.fields[place][1]) for place in found]


@dataclass(kw_only=True)
class Scope:
    """What names mean in one query."""

    outer: Scope | None
    tables: dict[str, tuple[str, Fields]]
    relations: list[Relation] = field(default_factory=list)
    correlated: bool = False
    aggregating: bool = False
    # In WHERE, the only place where Spark lets names of the query around it be.
    filtering: bool = False
    # Where subqueries may name columns of this query: in WHERE, and in what is selected without groups.
    lending: bool = False

    def find(self, qualifier: str, name: str) -> Term | None:
        """A column by the name before it (or "") and its own. Raises Unknown when there are several."""
        found = [
            term
            for relation in self.relations
            if qualifier in ("", relation.name)
            for term in relation.column(name)
        ]
        if len(found) > 1:
            raise Unknown(f"column {name} of several tables")
        if found:
            return found[0]
        if self.outer is None:
            return None
        above = self.outer.here(qualifier, name)
        if above is not None:
            self.correlated = True
            if not self.filtering:
                raise Unknown(f"column {name} of the query outside")
        return above

    def here(self, qualifier: str, name: str) -> Term | None:
        """A column of this query itself."""
        return Scope(outer=None, tables={}, relations=self.relations).find(qualifier, name)
