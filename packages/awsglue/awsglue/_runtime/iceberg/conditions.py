"""Which data files may have rows that a condition means: Spark's text as an expression of Iceberg.

Only comparisons of columns with constants: a file is chosen by what is known of it, not by its rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io import datetimes


def expression(text: str, schema: Any, zone: dt.tzinfo) -> Any:
    """The condition, names in any case. Raises EngineRefused for what Iceberg's expressions do not have."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(text, dialect="spark")
    except SqlglotError:
        raise _refused(text) from None
    return _Conditions(text, schema, zone).of(tree)


def _refused(text: str) -> EngineRefused:
    return EngineRefused(f"rewrite_data_files with where {text}", "compare columns with constants")


class _Conditions:
    def __init__(self, text: str, schema: Any, zone: dt.tzinfo) -> None:
        from pyiceberg import expressions as ice
        from sqlglot import exp

        self._text, self._zone = text, zone
        self._fields = {field.name.lower(): field for field in schema.fields}
        self._compared: dict[Any, tuple[Callable[..., Any], Callable[..., Any]]] = {
            # The other way round for a constant on the left.
            exp.EQ: (ice.EqualTo, ice.EqualTo),
            exp.NEQ: (ice.NotEqualTo, ice.NotEqualTo),
            exp.LT: (ice.LessThan, ice.GreaterThan),
            exp.LTE: (ice.LessThanOrEqual, ice.GreaterThanOrEqual),
            exp.GT: (ice.GreaterThan, ice.LessThan),
            exp.GTE: (ice.GreaterThanOrEqual, ice.LessThanOrEqual),
        }

    def of(self, node: Any) -> Any:
        """A condition as Iceberg has it."""
        from pyiceberg import expressions as ice
        from sqlglot import exp

        if isinstance(node, exp.Paren):
            return self.of(node.this)
        if isinstance(node, exp.And):
            return ice.And(self.of(node.left), self.of(node.right))
        if isinstance(node, exp.Or):
            return ice.Or(self.of(node.left), self.of(node.right))
        if isinstance(node, exp.Not):
            return ice.Not(self.of(node.this))
        if isinstance(node, exp.Boolean):
            return ice.AlwaysTrue() if node.this else ice.AlwaysFalse()
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            return ice.IsNull(self._field(node.this).name)
        if type(node) in self._compared:
            return self._comparison(node)
        if isinstance(node, exp.In) and node.expressions:
            field = self._field(node.this)
            return ice.In(field.name, {self._constant(one, field) for one in node.expressions})
        if isinstance(node, exp.Between):
            field = self._field(node.this)
            low, high = (self._constant(node.args[name], field) for name in ("low", "high"))
            return ice.And(ice.GreaterThanOrEqual(field.name, low), ice.LessThanOrEqual(field.name, high))
        raise _refused(self._text)

    def _comparison(self, node: Any) -> Any:
        from sqlglot import exp

        direct, turned = self._compared[type(node)]
        if isinstance(node.left, exp.Column):
            field = self._field(node.left)
            return direct(field.name, self._constant(node.right, field))
        field = self._field(node.right)
        return turned(field.name, self._constant(node.left, field))

    def _field(self, node: Any) -> Any:
        from sqlglot import exp

        field = (
            self._fields.get(node.name.lower()) if isinstance(node, exp.Column) and not node.table else None
        )
        if field is None:
            raise _refused(self._text)
        return field

    def _constant(self, node: Any, field: Any) -> Any:
        from pyiceberg import types as ice
        from sqlglot import exp

        kind, text, quoted = field.field_type, *self._literal(node)
        try:
            if isinstance(kind, ice.StringType) and quoted:
                return text
            if isinstance(kind, ice.BooleanType) and isinstance(node, exp.Boolean):
                return bool(node.this)
            if isinstance(kind, (ice.IntegerType, ice.LongType)):
                return int(text)
            if isinstance(kind, (ice.FloatType, ice.DoubleType)):
                return float(text)
            if isinstance(kind, ice.DecimalType):
                return Decimal(text)
            if isinstance(kind, ice.DateType) and quoted:
                return dt.date.fromisoformat(text).isoformat()
            if isinstance(kind, (ice.TimestampType, ice.TimestamptzType)) and quoted:
                return self._moment(text, isinstance(kind, ice.TimestamptzType))
        except (ValueError, InvalidOperation):
            pass  # no constant of this type
        raise _refused(self._text)

    def _literal(self, node: Any) -> tuple[str, bool]:
        """(a constant's text, whether it stood in quotes)."""
        from sqlglot import exp

        if isinstance(node, exp.Cast) and node.to.this in exp.DataType.TEMPORAL_TYPES:
            node = node.this
        if isinstance(node, exp.Neg):
            text, quoted = self._literal(node.this)
            if quoted:
                raise _refused(self._text)
            return f"-{text}", False
        if isinstance(node, exp.Literal):
            return node.this, node.is_string
        if isinstance(node, exp.Boolean):
            return "", False
        raise _refused(self._text)

    def _moment(self, text: str, zoned: bool) -> str:
        moment = datetimes.cast_timestamp(text, self._zone if zoned else dt.UTC)
        if moment is None:
            raise ValueError(text)
        if zoned:
            return moment.astimezone(dt.UTC).isoformat()
        return moment.replace(tzinfo=None).isoformat()
