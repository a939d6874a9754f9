"""Transform nodes of a visual job → source text. A table of kinds at the end; pure functions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from mastic.errors import invalid_input
from mastic.glue.jobs.codegen.calls import Code, Generator, assigned, call, context, is_name, literal, path
from mastic.glue.jobs.codegen.graph import Node

_JOINS = {
    "left": "left",
    "right": "right",
    "outer": "outer",
    "leftsemi": "left_semi",
    "leftanti": "left_anti",
}


def _apply(node: Node, transform: str, *needs: str, **named: str | None) -> Code:
    expression = call(f"{transform}.apply", frame=node.inputs[0], **named, transformation_ctx=context(node))
    return assigned(node, expression, *needs)


def _paths(paths: list[list[str]]) -> list[str]:
    return [path(steps) for steps in paths]


def _apply_mapping(node: Node) -> Code:
    mappings = list(_mappings(node.body["Mapping"], [], []))
    return _apply(node, "ApplyMapping", mappings=literal(mappings))


def _mappings(
    given: list[Mapping[str, Any]], above: list[str], target: list[str]
) -> Iterator[tuple[str, str, str, str]]:
    for mapping in given:
        if mapping.get("Dropped"):
            continue
        source = list(mapping.get("FromPath") or [])
        if not source:
            raise invalid_input("CodeGenConfigurationNodes: a mapping of ApplyMapping has no FromPath")
        if above and source[: len(above)] != above:
            source = [*above, *source]
        into = [*target, mapping.get("ToKey") or source[-1]]
        if mapping.get("Children"):
            yield from _mappings(mapping["Children"], source, into)
        else:
            kind = mapping.get("FromType") or "string"
            yield path(source), kind, path(into), mapping.get("ToType") or kind


def _select_fields(node: Node) -> Code:
    return _apply(node, "SelectFields", paths=literal(_paths(node.body["Paths"])))


def _drop_fields(node: Node) -> Code:
    return _apply(node, "DropFields", paths=literal(_paths(node.body["Paths"])))


def _rename_field(node: Node) -> Code:
    old, new = path(node.body["SourcePath"]), path(node.body["TargetPath"])
    return _apply(node, "RenameField", old_name=literal(old), new_name=literal(new))


def _spigot(node: Node) -> Code:
    options = {"topk": node.body.get("Topk"), "prob": node.body.get("Prob")}
    given = literal({name: value for name, value in options.items() if value is not None})
    return _apply(node, "Spigot", path=literal(node.body["Path"]), options=given)


def _join(node: Node) -> Code:
    keys = {column["From"]: column["Keys"] for column in node.body["Columns"]}
    missing = [one for one in node.input_ids if one not in keys]
    if missing or len(node.inputs) != 2:
        raise invalid_input(
            f"CodeGenConfigurationNodes: node {node.id} has to name Columns of both of its inputs"
        )
    left, right = (literal(_paths(keys[one])) for one in node.input_ids)
    first, second = node.inputs
    if node.body["JoinType"] == "equijoin":
        expression = call(
            "Join.apply",
            frame1=first,
            frame2=second,
            keys1=left,
            keys2=right,
            transformation_ctx=context(node),
        )
        return assigned(node, expression)
    how = literal(_JOINS[node.body["JoinType"]])
    return assigned(node, call("join", "glueContext", first, second, left, right, how, context(node)), "join")


def _split_fields(node: Node) -> Code:
    names = {"name1": literal(f"{node.variable}0"), "name2": literal(f"{node.variable}1")}
    return _apply(node, "SplitFields", paths=literal(_paths(node.body["Paths"])), **names)


def _select_from_collection(node: Node) -> Code:
    chosen = f"list({node.inputs[0]}.keys())[{node.body['Index']}]"
    expression = call(
        "SelectFromCollection.apply", dfc=node.inputs[0], key=chosen, transformation_ctx=context(node)
    )
    return assigned(node, expression)


def _fill_missing_values(node: Node) -> Code:
    named = {"missing_values_column": literal(node.body["ImputedPath"])}
    if node.body.get("FilledPath"):
        named["output_column"] = literal(node.body["FilledPath"])
    return _apply(node, "FillMissingValues", "FillMissingValues", **named)


def _filter(node: Node) -> Code:
    test = _condition(node, node.body["Filters"], node.body["LogicalOperator"])
    return _apply(node, "Filter", "holds", f=f"lambda row: {test}")


def _condition(node: Node, filters: list[Mapping[str, Any]], operator: str) -> str:
    tests = []
    for one in filters:
        column: list[str] = []
        constant: str | None = None
        for value in one["Values"]:
            if value["Type"] == "COLUMNEXTRACTED":
                column = value["Value"]
            else:
                constant = value["Value"][0] if value["Value"] else ""
        if not column:
            raise invalid_input(f"CodeGenConfigurationNodes: a filter of node {node.id} has no column")
        test = f"holds(row, {literal(list(column))}, {literal(one['Operation'])}, {literal(constant)})"
        tests.append(f"not {test}" if one.get("Negated") else test)
    return f" {operator.lower()} ".join(tests)


def _route(node: Node) -> Code:
    groups, conditions = [], []
    for group in node.body["GroupFiltersList"]:
        condition = _condition(node, group["Filters"], group["LogicalOperator"])
        conditions.append(f"({condition})")
        groups.append((group["GroupName"], condition))
    groups.append(("default_group", f"not ({' or '.join(conditions)})"))
    entries = [
        f"{literal(name)}: Filter.apply(frame={node.inputs[0]}, f=lambda row: {test}, "
        f"transformation_ctx={literal(f'{node.variable}_{name}')}),"
        for name, test in groups
    ]
    inner = "".join(f"        {entry}\n" for entry in entries)
    expression = f"DynamicFrameCollection(\n    {{\n{inner}    }},\n    glueContext,\n)"
    return assigned(node, expression, "holds", "DynamicFrameCollection")


def _custom_code(node: Node) -> Code:
    name = node.body["ClassName"]
    if not is_name(name):
        raise invalid_input(
            f"CodeGenConfigurationNodes: ClassName {name!r} of node {node.id} is no name of Python"
        )
    body = textwrap.indent(textwrap.dedent(node.body["Code"]).strip("\n") or "pass", "    ")
    frames = ", ".join(f"{literal(one)}: {one}" for one in node.inputs)
    lines = [
        f"def {name}(glueContext, dfc) -> DynamicFrameCollection:\n{body}\n",
        f"{node.variable} = {name}(glueContext, DynamicFrameCollection({{{frames}}}, glueContext))",
    ]
    return Code(lines=lines, needs=("DynamicFrame", "DynamicFrameCollection"))


def _spark_sql(node: Node) -> Code:
    by_id = dict(zip(node.input_ids, node.inputs, strict=True))
    frames = []
    for alias in node.body["SqlAliases"]:
        if alias["From"] not in by_id:
            raise invalid_input(
                f"CodeGenConfigurationNodes: node {node.id} has an alias of {alias['From']}, which is not its input"
            )
        frames.append(f"{literal(alias['Alias'])}: {by_id[alias['From']]}")
    expression = call(
        "query", "glueContext", literal(node.body["SqlQuery"]), f"{{{', '.join(frames)}}}", context(node)
    )
    return assigned(node, expression, "query")


def _drop_null_fields(node: Node) -> Code:
    boxes = node.body.get("NullCheckBoxList") or {}
    meant = {"IsEmpty": "", "IsNullString": "null", "IsNegOne": "-1"}
    values = [text for name, text in meant.items() if boxes.get(name)]
    values += [one["Value"] for one in node.body.get("NullTextList") or []]
    if not values:
        return _apply(node, "DropNullFields")
    expression = call("drop_nulls", "glueContext", node.inputs[0], literal(values), context(node))
    return assigned(node, expression, "drop_nulls")


def _merge(node: Node) -> Code:
    source = node.body["Source"]
    if source not in node.input_ids or len(node.inputs) != 2:
        raise invalid_input(
            f"CodeGenConfigurationNodes: Source of node {node.id} is not one of its two inputs"
        )
    staged = next(one for one in node.input_ids if one != source)
    by_id = dict(zip(node.input_ids, node.inputs, strict=True))
    expression = call(
        f"{by_id[source]}.mergeDynamicFrame",
        stage_dynamic_frame=by_id[staged],
        primary_keys=literal(_paths(node.body["PrimaryKeys"])),
        transformation_ctx=context(node),
    )
    return assigned(node, expression)


def _union(node: Node) -> Code:
    distinct = literal(node.body["UnionType"] == "DISTINCT")
    return assigned(node, call("union", "glueContext", *node.inputs[:2], distinct, context(node)), "union")


def _aggregate(node: Node) -> Code:
    aggregations = [
        (path(one["Column"]), _FUNCTIONS.get(one["AggFunc"], one["AggFunc"]), one["AggFunc"])
        for one in node.body["Aggs"]
    ]
    groups = literal(_paths(node.body["Groups"]))
    expression = call(
        "aggregate", "glueContext", node.inputs[0], groups, literal(aggregations), context(node)
    )
    return assigned(node, expression, "aggregate")


_FUNCTIONS = {"countDistinct": "count_distinct", "sumDistinct": "sum_distinct"}


def _drop_duplicates(node: Node) -> Code:
    columns = literal(_paths(node.body.get("Columns") or []))
    expression = call("drop_duplicates", "glueContext", node.inputs[0], columns, context(node))
    return assigned(node, expression, "drop_duplicates")


# Where AWS keeps the transforms of Glue Studio's canvas.
STUDIO = "s3://aws-glue-studio-transforms-"


def _dynamic_transform(node: Node) -> Code:
    body = node.body
    named = {
        one["Name"]: literal(_typed(node, one))
        for one in body.get("Parameters") or []
        if one.get("Value") or not one.get("IsOptional")
    }
    for one in named:
        if not is_name(one):
            raise invalid_input(
                f"CodeGenConfigurationNodes: parameter {one!r} of node {node.id} is no name of Python"
            )
    name = body["FunctionName"]
    if body["Path"].startswith(STUDIO) and is_name(name):
        # The canvas's own transforms come with the library, as modules that give frames a method.
        applied = call(f"{node.inputs[0]}.{name}", **named)
        return Code(lines=[f"import {name}", f"{node.variable} = {applied}"])
    function = f"custom_transform({literal(body['Path'])}, {literal(name)})"
    return assigned(node, call(function, node.inputs[0], **named), "custom_transform")


def _typed(node: Node, parameter: Mapping[str, Any]) -> Any:
    values = parameter.get("Value") or []
    kind = parameter["Type"]
    if kind == "list":
        return [_one(node, parameter, parameter.get("ListType") or "str", value) for value in values]
    return _one(node, parameter, kind, values[0] if values else "")


def _one(node: Node, parameter: Mapping[str, Any], kind: str, text: str) -> Any:
    makers: dict[str, Any] = {"int": int, "float": float, "complex": complex, "str": str}
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    try:
        return makers[kind](text)
    except ValueError:
        raise invalid_input(
            f"CodeGenConfigurationNodes: parameter {parameter['Name']} of node {node.id} is no {kind}: {text!r}"
        ) from None


TRANSFORMS: dict[str, Generator] = {
    "Aggregate": _aggregate,
    "ApplyMapping": _apply_mapping,
    "CustomCode": _custom_code,
    "DropDuplicates": _drop_duplicates,
    "DropFields": _drop_fields,
    "DropNullFields": _drop_null_fields,
    "DynamicTransform": _dynamic_transform,
    "FillMissingValues": _fill_missing_values,
    "Filter": _filter,
    "Join": _join,
    "Merge": _merge,
    "RenameField": _rename_field,
    "Route": _route,
    "SelectFields": _select_fields,
    "SelectFromCollection": _select_from_collection,
    "SparkSQL": _spark_sql,
    "Spigot": _spigot,
    "SplitFields": _split_fields,
    "Union": _union,
}
