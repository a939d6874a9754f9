"""Scripts from graphs and tables, which run; and graphs from scripts."""

from __future__ import annotations

import json
from typing import Any

from tests.api.jobs import refusal, run

# Deeper than the parser of Python can follow.
DEEP = "-" * 50_000 + "1"


def a_table(glue: Any, bucket: str, table: str, columns: dict[str, str]) -> None:
    glue.create_table(
        DatabaseName=bucket,
        TableInput={
            "Name": table,
            "Parameters": {"classification": "json"},
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
                "Location": f"s3://{bucket}/{table}/",
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
            },
        },
    )


def test_a_plan_runs_and_is_read_again(server: Any, glue: Any, name: str) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(
        Bucket=name, Key="orders/o.json", Body=b'{"id": 1, "price": "2.5"}\n{"id": 2, "price": "4"}\n'
    )
    glue.create_database(DatabaseInput={"Name": name})
    a_table(glue, name, "orders", {"id": "int", "price": "string"})
    source = {"DatabaseName": name, "TableName": "orders"}
    mapping = glue.get_mapping(Source=source)["Mapping"]
    assert mapping == [
        {
            "SourceTable": "orders", "SourcePath": column, "SourceType": kind,
            "TargetTable": "orders", "TargetPath": column, "TargetType": kind,
        }
        for column, kind in (("id", "int"), ("price", "string"))
    ]  # fmt: skip
    mapping[1] |= {"TargetPath": "amount", "TargetType": "double"}
    place = [{"Name": "path", "Value": f"s3://{name}/out/"}, {"Name": "format", "Value": "json"}]
    script = glue.get_plan(Mapping=mapping, Source=source, Location={"S3": place})["PythonScript"]
    s3.put_object(Bucket=name, Key="s.py", Body=script.encode())
    glue.create_job(
        Name=name,
        Role="r",
        GlueVersion="5.0",
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{name}/s.py"},
    )
    ended = run(glue, name)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    rows = []
    for item in s3.list_objects_v2(Bucket=name, Prefix="out/")["Contents"]:
        body = s3.get_object(Bucket=name, Key=item["Key"])["Body"].read()
        rows += [json.loads(line) for line in body.splitlines()]
    assert sorted(rows, key=lambda row: row["id"]) == [{"id": 1, "amount": 2.5}, {"id": 2, "amount": 4.0}]

    graph = glue.get_dataflow_graph(PythonScript=script)
    assert [node["NodeType"] for node in graph["DagNodes"]] == [
        "DataSource", "ApplyMapping", "ResolveChoice", "DropNullFields", "DataSink",
    ]  # fmt: skip
    lines = script.splitlines()
    for node in graph["DagNodes"]:
        assert lines[node["LineNumber"] - 1].startswith(f"{node['Id']} = ")
    again = glue.create_script(DagNodes=graph["DagNodes"], DagEdges=graph["DagEdges"])["PythonScript"]
    assert again == script


def test_a_mapping_to_a_sink(glue: Any, name: str) -> None:
    glue.create_database(DatabaseInput={"Name": name})
    a_table(glue, name, "source", {"id": "int", "gone": "string"})
    a_table(glue, name, "sink", {"id": "bigint", "more": "string"})
    found = glue.get_mapping(
        Source={"DatabaseName": name, "TableName": "source"},
        Sinks=[{"DatabaseName": name, "TableName": "sink"}],
    )["Mapping"]
    assert [
        (one["SourcePath"], one["SourceType"], one["TargetTable"], one["TargetType"]) for one in found
    ] == [("id", "int", "sink", "bigint")]


def test_what_is_no_graph(glue: Any, name: str) -> None:
    node = {"Id": "a", "NodeType": "DropFields", "Args": [{"Name": "paths", "Value": '["x"]'}]}
    for given, said in [
        ({"DagNodes": [{**node, "NodeType": "Nonsense"}], "DagEdges": []}, "of the type Nonsense"),
        ({"DagNodes": [node], "DagEdges": [{"Source": "b", "Target": "a"}]}, "is no node"),
        ({"DagNodes": [node], "DagEdges": [{"Source": "a", "Target": "a"}]}, "circle"),
        ({"DagNodes": [node], "DagEdges": [], "Language": "SCALA"}, "Scala"),
        ({"DagNodes": [{**node, "Id": "class"}], "DagEdges": []}, "no name of Python"),
        ({"DagNodes": [{**node, "Id": "job"}], "DagEdges": []}, "calls something else"),
        (
            {
                "DagNodes": [node, {**node, "Id": "b"}],
                "DagEdges": [{"Source": "a", "Target": "b", "TargetParameter": "class"}],
            },
            "no name of an argument",
        ),
        (
            {
                "DagNodes": [{**node, "Args": [{"Name": "paths", "Value": "a\n]b", "Param": True}]}],
                "DagEdges": [],
            },
            "would not be Python",
        ),
    ]:
        code, message = refusal(glue.create_script, **given)
        assert code == "InvalidInputException"
        assert said in message
    code, _ = refusal(glue.get_plan, Mapping=[], Source={"DatabaseName": name, "TableName": "t"})
    assert code == "EntityNotFoundException"
    for comment in ("[a = 1) + f(b = 2]", "[a = ]", "[a = '\0']", f"[a = {DEEP}]"):
        text = f"## @type: Filter\n## @return: x\n## @args: {comment}\nx = 1\n"
        code, message = refusal(glue.get_dataflow_graph, PythonScript=text)
        assert (code, "cannot be read" in message) == ("InvalidInputException", True)
    deep = {"Name": "paths", "Value": DEEP}
    script = glue.create_script(DagNodes=[{**node, "Args": [deep]}], DagEdges=[])["PythonScript"]
    assert f'"{DEEP}"' in script
    # A value is one argument, whatever it says.
    nasty = {"Name": "paths", "Value": '["x"]); import os; os.abort('}
    script = glue.create_script(DagNodes=[{**node, "Args": [nasty]}], DagEdges=[])["PythonScript"]
    compile(script, "s.py", "exec")
    assert "\nimport os" not in script
