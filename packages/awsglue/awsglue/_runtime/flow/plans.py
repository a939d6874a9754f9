"""Connect plans as one query of DuckDB over one source: recognised here, or left to the engine.

A pipeline starts at a scan whose columns can be read one by one (CSV), or at the rows of the engine below a
`dropDuplicates`, which DuckDB does in a sixth of the engine's time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from awsglue._runtime.client.plans import SCAN_FORMAT
from awsglue._runtime.flow import expressions
from awsglue._runtime.flow.values import Unknown, Value, Values
from awsglue._runtime.io.csv_columns import Wanted

# Types that pass through unchanged.
FLAT = (
    *("tinyint", "smallint", "int", "bigint", "float", "double"),
    *("string", "date", "boolean", "timestamp", "binary"),
)


@dataclass(kw_only=True)
class Source:
    """Where rows come from: a scan's chosen columns, or a relation of the engine."""

    scan: Any = None
    relation: Any = None
    wanted: dict[tuple[str, str], Wanted] = field(default_factory=dict)

    def want(self, column: str, cast: str) -> str:
        """The name of a column of the scan, with its text cast."""
        key = (column.lower(), cast)
        if key not in self.wanted:
            self.wanted[key] = Wanted(name=f"s{len(self.wanted)}", source=column, cast=cast)
        return self.wanted[key].name


@dataclass(frozen=True, kw_only=True)
class Distinct:
    """Rows of which the first of each key is meant: FROM with all of them, and the keys' columns there.

    `nested`: among those that have dropped duplicates before.
    """

    tables: str
    keys: tuple[Value, ...]
    nested: bool


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A relation: columns over FROM … WHERE …; `distinct` when FROM drops duplicates."""

    source: Source
    values: Values
    tables: str
    columns: list[tuple[str, Value]]
    conditions: tuple[str, ...] = ()
    distinct: Distinct | None = None

    def names(self) -> expressions.Columns:
        found: expressions.Columns = {}
        for name, value in self.columns:
            found[name.lower()] = None if name.lower() in found else value
        return found

    def query(self, columns: list[str]) -> str:
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        return f"SELECT {', '.join(columns)} FROM {self.tables}{where}"


class Recogniser:
    """Turns relations into Rows; None for what stays with the engine."""

    def __init__(self, services: Any) -> None:
        self._services = services

    def rows(self, relation: Any) -> Rows | None:
        """This relation as a pipeline, or None."""
        kind = relation.WhichOneof("rel_type")
        if kind == "read":
            return self._scan(relation)
        method = getattr(self, f"_{kind}", None)
        if method is None:
            return None
        body = getattr(relation, kind)
        child = self.rows(body.input)
        try:
            if kind == "deduplicate":
                return self._deduplicate(body, child)
            return None if child is None else method(body, child)
        except Unknown:
            return None

    def _scan(self, relation: Any) -> Rows | None:
        source = relation.read.data_source
        if relation.read.WhichOneof("read_type") != "data_source" or source.format != SCAN_FORMAT:
            return None
        scan = self._services.scans[source.options["scan"]]
        if scan.choose is None or not scan.files or scan.partition_schema.fields:
            return None
        made = Source(scan=scan)
        columns = [
            (item.name, Value("", item.dataType.simpleString(), text=item.name))
            for item in scan.schema.fields
        ]
        if any(value.type not in FLAT and not _is_decimal(value.type) for _, value in columns):
            return None
        return Rows(source=made, values=Values(made.want), tables="source", columns=columns)

    def _project(self, body: Any, child: Rows) -> Rows:
        columns: list[tuple[str, Value]] = []
        names = child.names()
        for item in body.expressions:
            if item.HasField("unresolved_star"):
                if item.unresolved_star.unparsed_target:
                    raise Unknown("a star of one relation")
                columns += child.columns
            else:
                columns.append(expressions.named(item, names, child.values))
        return replace(child, columns=columns)

    def _filter(self, body: Any, child: Rows) -> Rows:
        condition = expressions.of_plan(body.condition, child.names(), child.values)
        if condition.type != "boolean":
            raise Unknown("a condition that is no boolean")
        return replace(child, conditions=(*child.conditions, child.values.sql(condition)))

    def _with_columns(self, body: Any, child: Rows) -> Rows:
        names = child.names()
        columns = list(child.columns)
        for alias in body.aliases:
            if len(alias.name) != 1:
                raise Unknown("several names")
            value = expressions.of_plan(alias.expr, names, child.values)
            places = [
                place
                for place, (name, _) in enumerate(child.columns)
                if name.lower() == alias.name[0].lower()
            ]
            if not places:
                columns.append((alias.name[0], value))
            for place in places:
                columns[place] = (alias.name[0], value)
        return replace(child, columns=columns)

    def _drop(self, body: Any, child: Rows) -> Rows:
        names = list(body.column_names)
        for item in body.columns:
            if not item.HasField("unresolved_attribute"):
                raise Unknown("drop() of an expression")
            names.append(expressions.plain_name(item.unresolved_attribute.unparsed_identifier))
        gone = {name.lower() for name in names}
        return replace(child, columns=[item for item in child.columns if item[0].lower() not in gone])

    def _subquery_alias(self, body: Any, child: Rows) -> Rows:
        return child

    def _repartition(self, body: Any, child: Rows) -> Rows:
        # How many files there are is the writer's to see to.
        return child

    def _hint(self, body: Any, child: Rows) -> Rows:
        return child

    def _deduplicate(self, body: Any, child: Rows | None) -> Rows | None:
        if body.within_watermark or not (body.column_names or body.all_columns_as_keys):
            return None
        below = child or self._of_engine(body.input)
        if below is None:
            return None
        names = [name.lower() for name, _ in below.columns]
        keys = set(names) if body.all_columns_as_keys else {name.lower() for name in body.column_names}
        if not keys or len(set(names)) < len(names) or not keys <= set(names):
            raise Unknown("no columns, or several of one name")
        columns, every, selected, grouped = [], [], [], []
        for place, (name, value) in enumerate(below.columns):
            sql = below.values.sql(value)
            is_key = name.lower() in keys
            if is_key and value.literal:
                # DuckDB would take a number for a column's position.
                raise Unknown("a literal as a key")
            if is_key and value.type in ("float", "double"):
                # Equal keys are one key, and 0.0 is what Spark makes of -0.0.
                sql = f"({sql} + CAST(0 AS {value.type}))"
            every.append(f"{sql} AS d{place}")
            selected.append(every[-1] if is_key else f"first({sql}) AS d{place}")
            grouped += [sql] if is_key else []
            columns.append((name, Value(f"d{place}", value.type)))
        query = f"{below.query(selected)} GROUP BY {', '.join(grouped)}"
        distinct = Distinct(
            tables=f"({below.query(every)})",
            keys=tuple(value for name, value in columns if name.lower() in keys),
            nested=below.distinct is not None,
        )
        return replace(below, tables=f"({query})", columns=columns, conditions=(), distinct=distinct)

    def _of_engine(self, relation: Any) -> Rows | None:
        """The rows of the engine below this point."""
        schema = self._services.schema_of(relation)
        if schema is None:
            return None
        kinds = [item.dataType.simpleString() for item in schema.fields]
        if any(kind not in FLAT and not _is_decimal(kind) for kind in kinds):
            return None
        source = Source(relation=relation)
        for place, item in enumerate(schema.fields):
            source.wanted[(str(place), "")] = Wanted(name=f"s{place}", source=item.name)
        columns = [
            (item.name, Value(f"s{place}", kind))
            for place, (item, kind) in enumerate(zip(schema.fields, kinds, strict=True))
        ]
        return Rows(source=source, values=Values(source.want), tables="source", columns=columns)


def _is_decimal(kind: str) -> bool:
    return kind.startswith("decimal(")
