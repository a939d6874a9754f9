"""Rewrites a Connect plan before it is sent: scans become real reads, and what the engine would answer differently
becomes something it answers as Spark does. What cannot be rewritten is refused by `gate`.

Works on protobufs in place, from the root down; one Rewriter serves one plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql.connect import proto

from awsglue._runtime.client import plans
from awsglue._runtime.exact import expression_text, plan_names, typed
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.scan import FILE_NAME, HIDDEN, Scan
from awsglue._runtime.io.tablescan import TableScan
from awsglue._runtime.sail import gate, pushing, scans
from awsglue._runtime.sail.needed import needed_below

_METADATA = {
    "file_path": "__mastic_file_path",
    "file_name": "__mastic_file_simple_name",
    "file_size": "__mastic_file_size",
    "file_block_start": "__mastic_file_block_start",
    "file_block_length": "__mastic_file_block_length",
    "file_modification_time": "__mastic_file_modification_time",
}
# Relations whose rows are their input's rows, with all its columns.
_PASSING = frozenset(
    {
        "filter",
        "limit",
        "offset",
        "sample",
        "sort",
        "subquery_alias",
        "hint",
        "repartition",
        "with_columns",
        "drop",
        "with_columns_renamed",
        "repartition_by_expression",
        "drop_na",
        "fill_na",
        "tail",
    }
)


class Rewriter:
    """Rewrites one plan. `analysis` says that only the schema matters, so no data is read."""

    def __init__(
        self, scan_of: dict[str, Scan], *, analysis: bool, types_of: Any = None, names_of: Any = None
    ) -> None:
        self._names_of = names_of
        self._scan_of = scan_of
        self._analysis = analysis
        self._types_of = types_of
        self._notes = pushing.Notes(scan_of)

    def plan(self, plan: Any) -> None:
        """Rewrite a spark.connect.Plan in place. Raises EngineRefused."""
        if not self._analysis:
            for tree in [plan.root] if plan.HasField("root") else plans.relations_in(plan.command):
                self._notes.take(tree)
        if plan.HasField("root"):
            self.relation(plan.root)
        elif plan.HasField("command"):
            gate.check_command(plan.command)
            for child in plans.relations_in(plan.command):
                self.relation(child)

    def below(self, relation: Any) -> None:
        """Rewrite only the relations below this one."""
        for child in plans.relations_in(relation):
            self.relation(child)

    def relation(self, relation: Any, *, hidden: bool = False, needed: frozenset[str] | None = None) -> bool:
        """Rewrite a relation in place. With `hidden`, it must also deliver the hidden columns; says whether it does.

        `needed` are the names of all columns that the plan above can mean; None is any.
        """
        kind = relation.WhichOneof("rel_type")
        if kind == "read":
            return self._read(relation, hidden, needed)
        gate.check_relation(relation, kind)
        if kind not in ("sql", "local_relation"):
            self._check_types(relation, kind)
        if kind == "deduplicate" and self._deduplicate(relation):
            return self.relation(relation, hidden=hidden)
        uses = _uses_hidden(relation, kind)
        if uses or hidden:
            return self._with_hidden(relation, kind, hidden, uses)
        below = needed_below(relation, kind, needed)
        for child in plans.relations_in(relation):
            self.relation(child, needed=below)
        return False

    def _check_types(self, relation: Any, kind: str) -> None:
        """The checks that need types; columns whose expression they change keep the name the script would see."""
        shown = _shown_by(relation, kind)
        before = [item.SerializeToString() for item in shown]
        original = proto.Relation()
        if before:
            original.CopyFrom(relation)
        typed.check(
            relation,
            kind,
            list(_expressions_in(getattr(relation, kind))),
            self._types_of or (lambda child, expressions: None),
        )
        for position, (old, item) in enumerate(zip(before, shown, strict=True)):
            if item.HasField("alias") or item.HasField("unresolved_attribute"):
                continue
            first = _shown_by(original, kind)[position]
            name = plan_names.name_of(first)
            if not name and item.SerializeToString() != old:
                name = self._name(original, kind, position)
            if name:
                item.CopyFrom(plans.aliased(item, name))

    def _name(self, relation: Any, kind: str, position: int) -> str:
        """The name of a column without an alias; "" for one that its text names."""
        expression = _shown_by(relation, kind)[position]
        text = expression.expression_string.expression if expression.HasField("expression_string") else ""
        if text and expression_text.is_named(text):
            return ""
        if self._names_of is None:
            return ""
        alone = proto.Relation()
        alone.CopyFrom(relation)
        del _shown_by(alone, kind)[:]
        _shown_by(alone, kind).append(expression)
        names = self._names_of(alone)
        # Where they cannot be told the plan itself will fail, and say why.
        return str(names[-1]) if names else ""

    def _read(self, relation: Any, hidden: bool, needed: frozenset[str] | None) -> bool:
        source = relation.read.data_source
        if relation.read.WhichOneof("read_type") != "data_source":
            return False
        if source.format != plans.SCAN_FORMAT:
            raise EngineRefused(f"reading format {source.format!r}")
        scan = self._scan_of[source.options["scan"]]
        if isinstance(scan, TableScan):
            rows = (
                scans.schema_relation(scan, hidden=False)
                if self._analysis
                else scans.table_relation(scan, *self._notes.of(source))
            )
            _replace(relation, rows)
            # Such rows come from no file.
            return False
        made = (
            scans.schema_relation(scan, hidden=hidden)
            if self._analysis
            else scans.relation(scan, hidden=hidden, needed=needed)
        )
        _replace(relation, made)
        return hidden

    def _with_hidden(self, relation: Any, kind: str, hidden: bool, uses: bool) -> bool:
        """A relation that uses hidden columns, or must hand them on."""
        if kind not in _PASSING and kind != "project":
            if uses:
                raise EngineRefused(f"input_file_name() or _metadata in {kind.replace('_', ' ')}")
            for child in plans.relations_in(relation):
                self.relation(child)
            return False
        children = list(plans.relations_in(relation))
        delivered = self.relation(children[0], hidden=True)
        for other in children[1:]:
            self.relation(other)
        _replace_hidden(getattr(relation, kind), delivered)
        if not delivered:
            return False
        if kind == "project":
            has_star = any(item.HasField("unresolved_star") for item in relation.project.expressions)
            if hidden and not has_star:
                relation.project.expressions.extend(plans.attribute(name) for name in HIDDEN)
            elif not hidden and has_star:
                _wrap(relation, lambda inner: plans.without(inner, list(HIDDEN)))
        elif not hidden:
            _wrap(relation, lambda inner: plans.without(inner, list(HIDDEN)))
        return hidden

    def _deduplicate(self, relation: Any) -> bool:
        """dropDuplicates(subset) as row_number: the engine's own way costs ten times the memory."""
        spec = relation.deduplicate
        if spec.all_columns_as_keys or not spec.column_names or spec.within_watermark:
            return False
        numbered = proto.Relation()
        numbered.with_columns.input.CopyFrom(self._with_equal_zeros(spec.input, list(spec.column_names)))
        alias = numbered.with_columns.aliases.add()
        alias.name.append("__mastic_row")
        window = alias.expr.window
        window.window_function.unresolved_function.function_name = "row_number"
        for name in spec.column_names:
            window.partition_spec.append(plans.attribute(name))
        below = spec.input
        while below.WhichOneof("rel_type") in ("filter", "limit", "offset", "hint", "deduplicate"):
            below = getattr(below, below.WhichOneof("rel_type")).input
        if below.HasField("sort"):
            # The first of sorted rows is kept.
            window.order_spec.extend(below.sort.order)
        else:
            order = window.order_spec.add()
            order.child.literal.integer = 1
            order.direction = proto.Expression.SortOrder.SORT_DIRECTION_ASCENDING
            order.null_ordering = proto.Expression.SortOrder.SORT_NULLS_FIRST
        first = proto.Relation()
        first.filter.input.CopyFrom(numbered)
        condition = first.filter.condition.unresolved_function
        condition.function_name = "=="
        condition.arguments.append(plans.attribute("__mastic_row"))
        condition.arguments.add().literal.integer = 1
        _replace(relation, plans.without(first, ["__mastic_row"]))
        return True

    def _with_equal_zeros(self, relation: Any, names: list[str]) -> Any:
        """The relation with 0.0 for -0.0 in these columns, as Spark shows keys."""
        keys = [plans.attribute(name) for name in names]
        types = self._types_of(relation, keys) if self._types_of is not None else None
        made = proto.Relation()
        made.with_columns.input.CopyFrom(relation)
        for name, key, kind in zip(names, keys, types or (), strict=bool(types)):
            if kind.simpleString() in ("double", "float"):
                typed.without_negative_zero(key, kind.simpleString())
                alias = made.with_columns.aliases.add()
                alias.name.append(name)
                alias.expr.CopyFrom(key)
        return made if made.with_columns.aliases else relation


def _shown_by(relation: Any, kind: str) -> Any:
    """The expressions that become columns with names of their own."""
    if kind == "project":
        return relation.project.expressions
    return relation.aggregate.aggregate_expressions if kind == "aggregate" else []


def _replace(relation: Any, made: Any) -> None:
    """Put another relation here, keeping the plan id that columns refer to."""
    plan_id = relation.common.plan_id if relation.common.HasField("plan_id") else None
    relation.CopyFrom(made)
    if plan_id is not None:
        relation.common.plan_id = plan_id


def _wrap(relation: Any, outer: Any) -> None:
    inner = proto.Relation()
    inner.CopyFrom(relation)
    inner.common.ClearField("plan_id")
    _replace(relation, outer(inner))


def _expressions_in(message: Any) -> Iterator[Any]:
    """The expressions of this relation itself, outermost first, not those of relations below it."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is None:
                continue
            values = list(value.values())
        else:
            values = list(value) if field.is_repeated else [value]
        for item in values:
            if isinstance(item, proto.Relation):
                continue
            if isinstance(item, proto.Expression):
                yield item
            yield from _expressions_in(item)


def _hidden_of(expression: Any) -> str:
    """The hidden column an expression stands for: "" when it is none, "*" for the whole _metadata."""
    if expression.HasField("unresolved_function"):
        return FILE_NAME if expression.unresolved_function.function_name.lower() == "input_file_name" else ""
    if expression.HasField("unresolved_attribute"):
        parts = expression.unresolved_attribute.unparsed_identifier.replace("`", "").split(".")
        if parts[-2:-1] == ["_metadata"] and parts[-1] in _METADATA:
            return _METADATA[parts[-1]]
        return "*" if parts[-1] == "_metadata" else ""
    if expression.HasField("unresolved_extract_value"):
        extract = expression.unresolved_extract_value
        if _hidden_of(extract.child) == "*":
            return _METADATA.get(extract.extraction.literal.string, "")
    if expression.HasField("expression_string"):
        text = expression.expression_string.expression.lower()
        if "input_file_name" in text or "_metadata" in text:
            raise EngineRefused("input_file_name() or _metadata inside an expression string")
    return ""


def _uses_hidden(relation: Any, kind: str) -> bool:
    if kind == "sql":
        text = relation.sql.query.lower()
        if "input_file_name" in text or "_metadata." in text:
            raise EngineRefused("input_file_name() or _metadata inside SQL text")
        return False
    return any(_hidden_of(item) for item in _expressions_in(getattr(relation, kind)))


def _replace_hidden(message: Any, delivered: bool) -> None:
    """Put the hidden columns (or, where there is no file, what Spark gives then) in place of the functions."""
    for expression in list(_expressions_in(message)):
        found = _hidden_of(expression)
        if not found:
            continue
        if not delivered:
            if found != FILE_NAME:
                raise EngineRefused("_metadata on rows that come from no file")
            expression.CopyFrom(plans.text_literal("", "string"))
            continue
        made = _metadata_struct() if found == "*" else plans.attribute(found)
        expression.CopyFrom(made)
    _keep_names(message)


def _keep_names(message: Any) -> None:
    """A bare hidden column selected without an alias keeps the name the script would see."""
    names = {value: key for key, value in _METADATA.items()} | {FILE_NAME: "input_file_name()"}
    for expression in getattr(message, "expressions", ()):
        if isinstance(expression, proto.Expression) and expression.HasField("unresolved_attribute"):
            name = expression.unresolved_attribute.unparsed_identifier.strip("`")
            if name in names:
                expression.CopyFrom(plans.aliased(plans.attribute(name), names[name]))


def _metadata_struct() -> Any:
    expression = proto.Expression()
    function = expression.unresolved_function
    function.function_name = "named_struct"
    for name, column in _METADATA.items():
        function.arguments.add().literal.string = name
        function.arguments.append(plans.attribute(column))
    return expression
