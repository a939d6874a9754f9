"""Static look at a script before the embedded engine runs it: what plainly needs Apache Spark is refused at once."""

from __future__ import annotations

import ast
import re

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.sail.functions import REFUSED

JVM_ATTRIBUTES = frozenset({"_jvm", "_jsc", "_jsparkSession", "_jdf", "_gateway", "_jsqlContext"})
JVM_MODULES = ("pyspark.ml", "pyspark.mllib", "pyspark.streaming", "py4j", "pyspark.pandas")
# What only shows when it is reached, mostly after something has been written: then it is too late to begin anew.
TEXTS = (
    (re.compile(r"\bINSERT\s+OVERWRITE\s+(?:LOCAL\s+)?(DIRECTORY)\b", re.IGNORECASE), "INSERT OVERWRITE {}"),
    (re.compile(r"\bTABLE\b.*\bUSING\s+(hudi)\b", re.IGNORECASE | re.DOTALL), "CREATE TABLE … USING {}"),
    (re.compile(r"\Ahoodie\.(table\.name)\Z"), "hoodie.{}"),
)
# Of RDDs, contexts, writers and Delta tables; names that nothing else has.
METHODS = frozenset(
    "aggregateByKey combineByKey foldByKey leftOuterJoin rightOuterJoin fullOuterJoin cogroup groupWith subtractByKey "
    "reduceByKeyLocally treeReduce treeAggregate zipWithUniqueId repartitionAndSortWithinPartitions takeSample "
    "sampleByKey countApproxDistinct saveAsPickleFile saveAsSequenceFile saveAsHadoopFile saveAsHadoopDataset "
    "saveAsNewAPIHadoopFile saveAsNewAPIHadoopDataset binaryFiles binaryRecords hadoopFile hadoopRDD newAPIHadoopFile "
    "newAPIHadoopRDD pickleFile sequenceFile statusTracker bucketBy convertToDelta approxQuantile "
    "applyInPandasWithState".split()
)
# As a method, mode() is a writer's.
_AMBIGUOUS = ("mode",)
_FUNCTIONS = re.compile(rf"\b({'|'.join(sorted(REFUSED))})\s*\(")
SETTINGS = {"spark.sql.legacy.timeParserPolicy": "LEGACY", "spark.sql.caseSensitive": "true"}


def refuse_what_needs_the_jvm(source: str) -> None:
    """Raise EngineRefused naming the first JVM-only thing the script uses; a script that does not parse is let through.

    (Its SyntaxError is raised where it is compiled.)
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        found = _jvm_use(node)
        if found:
            raise EngineRefused(
                found, f"line {getattr(node, 'lineno', '?')}: it needs the Java virtual machine"
            )
        found = _said(node)
        if found:
            raise EngineRefused(found, f"line {getattr(node, 'lineno', '?')}")


def _jvm_use(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute) and node.attr in JVM_ATTRIBUTES:
        return node.attr
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    for name in names:
        for module in JVM_MODULES:
            if name == module or name.startswith(module + "."):
                return module
    return ""


def _said(node: ast.AST) -> str:
    """What a text, a setting or a call says that the embedded engine refuses."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        called = _FUNCTIONS.search(node.value)
        if called:
            return f"function {called.group(1)}()"
        for pattern, shown in TEXTS:
            match = pattern.search(node.value)
            if match:
                return shown.format(match.group(1))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSED:
        return "" if node.func.id in _AMBIGUOUS else f"function {node.func.id}()"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in METHODS:
            return f"{node.func.attr}()"
        if node.func.attr in REFUSED and node.func.attr not in _AMBIGUOUS:
            return f"function {node.func.attr}()"
        values = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
        if node.func.attr in ("set", "config") and len(values) == 2:
            wanted = SETTINGS.get(values[0], "")
            if wanted and values[1].lower() == wanted.lower():
                return f"{values[0]}={values[1]}"
    return ""
