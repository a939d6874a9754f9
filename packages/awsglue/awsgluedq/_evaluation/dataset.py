"""The data that rules look at: its columns, and measurements that are taken together and only once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.encoding import from_spark, member, quote

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NUMERIC = (g.ByteType, g.ShortType, g.IntegerType, g.LongType, g.FloatType, g.DoubleType, g.DecimalType)


class RuleFailure(Exception):
    """A rule cannot be computed on this data; the text is its failure reason."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column, as the schema spells it."""

    name: str
    sql: str
    kind: g.DataType

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return isinstance(self.kind, NUMERIC)

    def number(self) -> str:
        """The column as a double. Raises RuleFailure when it holds no numbers."""
        if not self.numeric:
            raise RuleFailure(
                f"Expected type of column {self.name} to be one of (ByteType, ShortType, IntegerType, LongType, "
                f"FloatType, DoubleType, DecimalType), but found {type(self.kind).__name__} instead!"
            )
        return self.sql if isinstance(self.kind, g.DoubleType) else f"cast({self.sql} as double)"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """An aggregate over the rows that meet `where`; count() without an expression counts rows."""

    function: str
    of: tuple[str, ...] = ()
    where: str | None = None

    def sql(self) -> str:
        """The aggregate as SQL, with the rows left out that are not meant."""
        of = self.of or ("1",)
        if self.where is not None:
            of = tuple(f"case when ({self.where}) then {one} end" for one in of)
        return f"{self.function}({', '.join(of)})"


@dataclass(frozen=True, kw_only=True)
class Groups:
    """How rows fall into groups of equal values, of the rows that have any value: see Dataset.groups."""

    unique: int
    distinct: int
    rows: int
    entropy: float | None


@dataclass(kw_only=True)
class Dataset:
    """One frame under the name that rules know it by. Keeps what was measured."""

    df: DataFrame
    name: str = "primary"
    _values: dict[str, Any] = field(default_factory=dict)
    _groups: dict[tuple[tuple[str, ...], str | None], Groups] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schema = from_spark(self.df.schema)

    def find(self, name: str) -> Column | None:
        """The column of this name, whatever its case; `a.b` may be a field of a struct."""
        assert isinstance(self.schema, g.StructType)
        found = _field(self.schema, name)
        if found is not None:
            return Column(name=found.name, sql=quote(found.name), kind=found.dataType)
        sql, kind = "", self.schema
        steps = name.split(".")
        for step in steps:
            inner = _field(kind, step) if isinstance(kind, g.StructType) else None
            if inner is None:
                return None
            sql, kind = member(sql, inner.name) if sql else quote(inner.name), inner.dataType
        return Column(name=name, sql=sql, kind=kind)

    def column(self, name: str) -> Column:
        """The column of this name. Raises RuleFailure."""
        found = self.find(name)
        if found is None:
            raise RuleFailure(f"Input data does not include column {name}!")
        return found

    def measure(self, asked: list[Ask]) -> list[Any]:
        """The aggregates asked for, of which those not known yet are computed in one pass."""
        wanted = list(dict.fromkeys(ask.sql() for ask in asked if ask.sql() not in self._values))
        if wanted:
            row = self.df.selectExpr(*(f"{sql} as m{i}" for i, sql in enumerate(wanted))).collect()[0]
            self._values.update(zip(wanted, row, strict=True))
        return [self._values[ask.sql()] for ask in asked]

    def groups(self, columns: list[Column], where: str | None) -> Groups:
        """The groups of equal values, nulls apart: rows in which all the columns are null belong to none."""
        key = (tuple(column.sql for column in columns), where)
        if key not in self._groups:
            rows = self.df.where(where) if where is not None else self.df
            rows = rows.selectExpr(*(f"{column.sql} as k{i}" for i, column in enumerate(columns)))
            rows = rows.where(" or ".join(f"k{i} is not null" for i in range(len(columns))))
            counted = rows.groupBy(*(f"k{i}" for i in range(len(columns)))).count()
            row = counted.selectExpr(
                "count(case when `count` = 1 then 1 end)",
                "count(*)",
                "sum(`count`)",
                "sum(cast(`count` as double) * `ln`(cast(`count` as double))) as weighted",
            ).collect()[0]
            unique, distinct, total, weighted = row[0], row[1], row[2] or 0, row[3]
            self._groups[key] = Groups(
                unique=unique, distinct=distinct, rows=total, entropy=_entropy(total, weighted)
            )
        return self._groups[key]


def _entropy(total: int, weighted: float | None) -> float | None:
    import math

    # Of the share p of each group: -sum(p * ln(p)).
    return math.log(total) - weighted / total if total and weighted is not None else None


def _field(schema: g.StructType, name: str) -> g.Field | None:
    exact = schema.field_map.get(name)
    if exact is not None:
        return exact
    return next((one for one in schema.fields if one.name.lower() == name.lower()), None)
