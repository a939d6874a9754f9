"""Scripts of a graph of nodes and edges, with the comments by which the graph can be read out of them again. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from mastic.errors import invalid_input
from mastic.glue.jobs.codegen.calls import is_name, literal

# What the parser of Python raises for what is none, or for what is nested deeper than it can follow.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
TRANSFORMS = (
    "ApplyMapping", "DropFields", "DropNullFields", "Filter", "Join", "Map", "Relationalize", "RenameField",
    "ResolveChoice", "SelectFields", "SelectFromCollection", "Spigot", "SplitFields", "SplitRows", "Unbox",
    "UnnestFrame",
)  # fmt: skip
# Names that a script has before its first node, and needs to its end.
_TAKEN = frozenset((
    *TRANSFORMS, "sys", "getResolvedOptions", "SparkContext", "GlueContext", "Job", "args", "sc", "glueContext",
    "spark", "job", "__debug__",
))  # fmt: skip
# The comments' names of arguments, where the transforms have others.
_RENAMED = {("ApplyMapping", "mapping"): "mappings"}
_BEGIN = """\
import sys
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.job import Job

## @params: [{names}]
args = getResolvedOptions(sys.argv, [{quoted}])

sc = SparkContext.getOrCreate()
glueContext = GlueContext(sc)
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)
"""
_COMMENT = re.compile(r"##\s*@(type|args|return|inputs):\s*(.*?)\s*\Z")


def script(nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> str:
    """The script of a graph; raises InvalidInputException."""
    by_id = {node["Id"]: node for node in nodes}
    if len(by_id) < len(nodes):
        raise invalid_input("DagNodes: two nodes have the same Id")
    inputs: dict[str, list[tuple[str, str]]] = {one: [] for one in by_id}
    for edge in edges:
        if edge["Source"] not in by_id or edge["Target"] not in by_id:
            raise invalid_input(
                f"DagEdges: from {edge['Source']} to {edge['Target']}, one of which is no node"
            )
        parameter = edge.get("TargetParameter") or "frame"
        if not is_name(parameter):
            raise invalid_input(f"DagEdges: TargetParameter {parameter!r} is no name of an argument")
        inputs[edge["Target"]].append((parameter, edge["Source"]))
    try:
        feeds = {one: [source for _, source in inputs[one]] for one in by_id}
        order = list(TopologicalSorter(feeds).static_order())
    except CycleError as error:
        raise invalid_input(f"DagEdges: nodes feed each other in a circle: {error.args[1]}") from error
    parameters = ["JOB_NAME"]
    body = [_section(by_id[one], inputs[one], parameters) for one in order]
    begin = _BEGIN.format(names=", ".join(parameters), quoted=", ".join(literal(one) for one in parameters))
    text = begin + "".join(body) + "job.commit()\n"
    try:
        ast.parse(text)
    except UNREADABLE as error:
        raise invalid_input(f"DagNodes: their script would not be Python: {error}") from error
    return text


def _section(node: Mapping[str, Any], inputs: list[tuple[str, str]], parameters: list[str]) -> str:
    name, kind = node["Id"], node["NodeType"]
    if not is_name(name):
        raise invalid_input(f"DagNodes: Id {name!r} is no name of Python")
    if name in _TAKEN:
        raise invalid_input(f"DagNodes: Id {name!r} is what the script calls something else")
    given = {one["Name"]: _source(one, parameters) for one in node.get("Args") or []}
    for argument in given:
        if not is_name(argument):
            raise invalid_input(f"DagNodes: {argument!r} of node {name} is no name of an argument")
    shown = dict(given)
    given.setdefault("transformation_ctx", literal(name))
    fed = dict(inputs)
    arguments = {_RENAMED.get((kind, key), key): text for key, text in {**fed, **given}.items()}
    called = (
        f"{_function(kind, name, given)}({', '.join(f'{key} = {text}' for key, text in arguments.items())})"
    )
    return (
        f"## @type: {kind}\n"
        f"## @args: [{', '.join(f'{key} = {text}' for key, text in shown.items())}]\n"
        f"## @return: {name}\n"
        f"## @inputs: [{', '.join(f'{key} = {source}' for key, source in fed.items())}]\n"
        f"{name} = {called}\n"
    )


def _function(kind: str, name: str, given: Mapping[str, str]) -> str:
    place = "from_options" if "connection_type" in given else "from_catalog"
    if "catalog_connection" in given:
        place = "from_jdbc_conf"
    if kind == "DataSource":
        return f"glueContext.create_dynamic_frame.{place}"
    if kind == "DataSink":
        return f"glueContext.write_dynamic_frame.{place}"
    if kind in TRANSFORMS:
        return f"{kind}.apply"
    known = ", ".join(("DataSource", "DataSink", *TRANSFORMS))
    raise invalid_input(f"DagNodes: node {name} is of the type {kind}, which is not one of {known}")


def _source(argument: Mapping[str, Any], parameters: list[str]) -> str:
    """An argument's source text: an expression as it stands, another text as a string."""
    value = argument["Value"].strip()
    if argument.get("Param"):
        name = value.strip("\"'")
        if name not in parameters:
            parameters.append(name)
        return f"args[{literal(name)}]"
    try:
        tree = ast.parse(value, mode="eval").body
    except UNREADABLE:
        return literal(value)
    plain = isinstance(tree, (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.UnaryOp, ast.Lambda))
    return value.replace("\n", " ") if plain else literal(value)


def graph(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(nodes, edges) that a script's comments tell of."""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    said: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        found = _COMMENT.match(line.strip())
        if found:
            said[found[1]] = found[2]
        elif said and line.strip() and not line.strip().startswith("#"):
            if "type" in said and "return" in said:
                nodes.append(_node(said, number))
                edges += [
                    {"Source": source, "Target": said["return"], "TargetParameter": parameter}
                    for parameter, source in _pairs(said.get("inputs", "[]"))
                ]
            said = {}
    return nodes, edges


def _node(said: Mapping[str, str], number: int) -> dict[str, Any]:
    arguments = [
        {"Name": name, "Value": value, "Param": value.startswith("args[")}
        for name, value in _pairs(said.get("args", "[]"))
    ]
    return {"Id": said["return"], "NodeType": said["type"], "Args": arguments, "LineNumber": number}


def _pairs(text: str) -> list[tuple[str, str]]:
    """``[name = value, …]`` of a comment: read as the arguments of a call. Raises InvalidInputException."""
    try:
        tree = ast.parse(f"f({text.strip()[1:-1]})", mode="eval").body
    except UNREADABLE as error:
        raise invalid_input(f"The comment {text!r} of the script cannot be read") from error
    if not isinstance(tree, ast.Call):
        raise invalid_input(f"The comment {text!r} of the script cannot be read")
    source = f"f({text.strip()[1:-1]})"
    return [
        (one.arg, ast.get_source_segment(source, one.value) or "")
        for one in tree.keywords
        if one.arg is not None
    ]
