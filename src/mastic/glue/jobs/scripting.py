"""Scripts from graphs and from tables: CreateScript, GetDataflowGraph, GetMapping, GetPlan. Owns no state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mastic.context import Context
from mastic.errors import invalid_input
from mastic.glue.jobs.codegen import dag
from mastic.glue.jobs.codegen.calls import literal

# (context, database, table) → the Table structure; raises EntityNotFoundException.
TableOf = Callable[[Context, str, str], Mapping[str, Any]]


class Scripting:
    """The operations. ``table`` finds tables of the catalog."""

    def __init__(self, *, table: TableOf) -> None:
        self._table = table

    def create_script(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The script of a graph."""
        _only_python(request)
        text = dag.script(request.get("DagNodes") or [], request.get("DagEdges") or [])
        return {"PythonScript": text}

    def get_dataflow_graph(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The graph of a script that was made of one."""
        nodes, edges = dag.graph(request.get("PythonScript") or "")
        return {"DagNodes": nodes, "DagEdges": edges}

    def get_mapping(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Each column of the source to the sink's of the same name, or to one of its own name and type."""
        source = request["Source"]
        columns = _columns(self._table(context, source["DatabaseName"], source["TableName"]))
        sinks = request.get("Sinks") or []
        targets: list[tuple[str, dict[str, str] | None]] = [(source["TableName"], None)]
        if sinks:
            targets = [
                (
                    sink["TableName"],
                    dict(_columns(self._table(context, sink["DatabaseName"], sink["TableName"]))),
                )
                for sink in sinks
            ]
        return {
            "Mapping": [
                {
                    "SourceTable": source["TableName"],
                    "SourcePath": name,
                    "SourceType": kind,
                    "TargetTable": table,
                    "TargetPath": name,
                    "TargetType": kind if into is None else into[name],
                }
                for table, into in targets
                for name, kind in columns
                if into is None or name in into
            ]
        }

    def get_plan(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The script that brings a table's columns by a mapping into its sinks or to a location."""
        _only_python(request)
        source = request["Source"]
        self._table(context, source["DatabaseName"], source["TableName"])
        nodes = [_node("datasource0", "DataSource", _catalog(source))]
        edges = []
        sinks = request.get("Sinks") or []
        for number, sink in enumerate(sinks or [None]):
            if sink is not None:
                self._table(context, sink["DatabaseName"], sink["TableName"])
            steps = _steps(request, sink, first=1 + 4 * number)
            nodes += steps
            chain = ["datasource0", *(step["Id"] for step in steps)]
            edges += [
                {"Source": one, "Target": after, "TargetParameter": "frame"} for one, after in pairwise(chain)
            ]
        return {"PythonScript": dag.script(nodes, edges)}


def _steps(request: Mapping[str, Any], sink: Mapping[str, Any] | None, *, first: int) -> list[dict[str, Any]]:
    """Mapping, choices, null fields and the sink, numbered from ``first``."""
    mapping = [
        (one["SourcePath"], one.get("SourceType") or "string", one.get("TargetPath") or one["SourcePath"],
         one.get("TargetType") or one.get("SourceType") or "string")
        for one in request["Mapping"]
        if one.get("SourcePath") and sink_is(one, sink)
    ]  # fmt: skip
    choice: dict[str, Any] = {"choice": "make_struct"}
    if sink is not None:
        choice = {
            "choice": "MATCH_CATALOG",
            "database": sink["DatabaseName"],
            "table_name": sink["TableName"],
        }
    into = _catalog(sink) if sink is not None else _location(request.get("Location") or {})
    return [
        _node(f"applymapping{first}", "ApplyMapping", {"mapping": mapping}),
        _node(f"resolvechoice{first + 1}", "ResolveChoice", choice),
        _node(f"dropnullfields{first + 2}", "DropNullFields", {}),
        _node(f"datasink{first + 3}", "DataSink", into),
    ]


def sink_is(entry: Mapping[str, Any], sink: Mapping[str, Any] | None) -> bool:
    """Whether an entry of a mapping is for this sink."""
    return sink is None or entry.get("TargetTable") in (None, sink["TableName"])


def _location(given: Mapping[str, Any]) -> dict[str, Any]:
    """The sink's arguments of a location: pairs of names and values by the kind of place."""
    kinds = {"S3": "s3", "DynamoDB": "dynamodb"}
    for name, kind in kinds.items():
        if given.get(name):
            pairs = {one["Name"]: one["Value"] for one in given[name]}
            form = pairs.pop("format", "parquet" if kind == "s3" else None)
            found = {"connection_type": kind, "connection_options": pairs}
            return found | ({"format": form} if form else {})
    if given.get("Jdbc"):
        pairs = {one["Name"]: one["Value"] for one in given["Jdbc"]}
        connection = pairs.pop("connectionName", pairs.pop("catalog_connection", ""))
        return {"catalog_connection": connection, "connection_options": pairs}
    raise invalid_input("A plan needs Sinks, or a Location to write to")


def _node(name: str, kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    named = {**arguments, "transformation_ctx": name}
    return {
        "Id": name,
        "NodeType": kind,
        "Args": [{"Name": key, "Value": literal(value)} for key, value in named.items()],
    }


def _catalog(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"database": entry["DatabaseName"], "table_name": entry["TableName"]}


def _columns(table: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    described = (table.get("StorageDescriptor") or {}).get("Columns") or []
    return [
        (one["Name"], one.get("Type") or "string")
        for one in [*described, *(table.get("PartitionKeys") or [])]
    ]


def _only_python(request: Mapping[str, Any]) -> None:
    if request.get("Language") == "SCALA":
        raise invalid_input("Scala scripts are not generated: Language has to be PYTHON")
