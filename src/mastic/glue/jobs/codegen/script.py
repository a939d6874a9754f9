"""The script of a visual job: its nodes in order, between what every script begins and ends with. Pure functions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from mastic.errors import invalid_input
from mastic.glue.jobs.codegen import snippets
from mastic.glue.jobs.codegen.calls import Code, Generator, call
from mastic.glue.jobs.codegen.graph import Node, ordered
from mastic.glue.jobs.codegen.quality import QUALITY
from mastic.glue.jobs.codegen.sources import SOURCES
from mastic.glue.jobs.codegen.targets import TARGETS
from mastic.glue.jobs.codegen.transforms import TRANSFORMS

GENERATORS: dict[str, Generator] = {**SOURCES, **TRANSFORMS, **QUALITY, **TARGETS}

# Kinds that no script can be made for, and why.
NOT_GENERATED = {
    "Recipe": "the steps of DataBrew recipes are not served",
    "S3HyperDirectTarget": "files of Tableau's Hyper format cannot be written",
}

_BEGIN = """\
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
{imports}{functions}
args = getResolvedOptions(sys.argv, [{arguments}])
sc = SparkContext.getOrCreate()
glueContext = GlueContext(sc)
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)
"""
_END = "\njob.commit()\n"


def generate(nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """The script of these nodes; raises InvalidInputException for those that none can be made of."""
    graph = ordered(nodes)
    made = [(node, _code(node)) for node in graph]
    streams = [(node, code) for node, code in made if code.stream]
    if len(streams) > 1:
        raise invalid_input("CodeGenConfigurationNodes: a job reads one stream at most")
    needs = [need for _, code in made for need in code.needs]
    imports, functions = snippets.pieces(needs)
    begin = _BEGIN.format(
        imports="".join(f"{line}\n" for line in imports),
        functions="".join(f"\n\n{text}\n" for text in functions) + ("\n" if functions else ""),
        arguments='"JOB_NAME", "TempDir"' if streams else '"JOB_NAME"',
    )
    if streams:
        body = _streaming(made, *streams[0])
    else:
        body = [_section(node, code) for node, code in made] + [_last(code) for _, code in made]
    return begin + "".join(body) + _END


def _code(node: Node) -> Code:
    generator = GENERATORS.get(node.kind)
    if generator is None:
        why = NOT_GENERATED.get(node.kind, "no script can be generated for it")
        raise invalid_input(f"CodeGenConfigurationNodes: node {node.id} is of the kind {node.kind}: {why}")
    takes = node.kind not in SOURCES and node.kind not in ("AmazonRedshiftTarget", "SnowflakeTarget")
    if takes and not node.inputs:
        raise invalid_input(f"CodeGenConfigurationNodes: node {node.id} of the kind {node.kind} has no input")
    return generator(node)


def _section(node: Node, code: Code) -> str:
    title = " ".join(node.title.split())
    return f"\n# {node.kind}: {title}\n" + "\n".join(code.lines) + "\n"


def _last(code: Code) -> str:
    return "".join(f"\n{line}\n" for line in code.last)


def _streaming(made: list[tuple[Node, Code]], source: Node, code: Code) -> list[str]:
    """What hangs on the stream becomes the function that does one micro-batch."""
    behind = {source.variable}
    before: list[str] = []
    inside: list[str] = []
    after: list[str] = []
    for node, one in made:
        if node is source:
            continue
        if behind & set(node.inputs):
            behind.add(node.variable)
            inside.append(_section(node, one))
            after.append(_last(one))
        else:
            before.append(_section(node, one))
    stream = code.stream
    batch = f'{stream["batch"]} = DynamicFrame.fromDF(data_frame, glueContext, "from_data_frame")\n'
    work = textwrap.indent(batch + "".join(inside + after), "        ", lambda line: bool(line.strip()))
    function = f"\n\ndef process_batch(data_frame, batch_id):\n    if data_frame.count() > 0:\n{work}\n"
    options = (
        f'{{"windowSize": "{stream["window"]}", '
        '"checkpointLocation": args["TempDir"] + "/" + args["JOB_NAME"] + "/checkpoint/"}'
    )
    each = call(
        "glueContext.forEachBatch", frame=stream["frame"], batch_function="process_batch", options=options
    )
    return [*before, _section(source, code), function, f"\n{each}\n"]
