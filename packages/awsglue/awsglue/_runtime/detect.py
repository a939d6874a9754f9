"""Static look at a script before the embedded engine runs it: what plainly needs Apache Spark is refused at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from awsglue._runtime.exact.functions import REFUSED
from awsglue._runtime.failures import EngineRefused

JVM_ATTRIBUTES = frozenset({"_jvm", "_jsc", "_jsparkSession", "_jdf", "_gateway", "_jsqlContext"})
JVM_MODULES = ("pyspark.ml", "pyspark.mllib", "pyspark.streaming", "py4j", "pyspark.pandas")
# What only shows when it is reached, mostly after something has been written: then it is too late to begin anew.
TEXTS = (
    (re.compile(r"\bINSERT\s+OVERWRITE\s+(?:LOCAL\s+)?(DIRECTORY)\b", re.IGNORECASE), "INSERT OVERWRITE {}"),
)
# Of RDDs, contexts, writers and Delta tables; names that nothing else has.
METHODS = frozenset(
    "aggregateByKey combineByKey foldByKey leftOuterJoin rightOuterJoin fullOuterJoin cogroup groupWith subtractByKey "
    "reduceByKeyLocally treeReduce treeAggregate zipWithUniqueId repartitionAndSortWithinPartitions takeSample "
    "sampleByKey countApproxDistinct saveAsPickleFile saveAsSequenceFile saveAsHadoopFile saveAsHadoopDataset "
    "saveAsNewAPIHadoopFile saveAsNewAPIHadoopDataset binaryFiles binaryRecords hadoopFile hadoopRDD newAPIHadoopFile "
    "newAPIHadoopRDD pickleFile sequenceFile statusTracker bucketBy convertToDelta approxQuantile crosstab "
    "freqItems applyInPandasWithState".split()
)
# Those that pandas has, too: what is done with the answer, or asked for, tells Spark's.
STATISTICS = frozenset({"describe", "summary"})
OF_FRAMES = frozenset("show collect toPandas write select take withColumn toDF".split())
OF_TWO_COLUMNS = frozenset({"corr", "cov"})
# Within SQL: people write "mode (full)" and "slice(s)".
_FUNCTIONS = re.compile(rf"\b({'|'.join(sorted(REFUSED))})\((?!s\))")
_LIBRARY = "pyspark.sql.functions"
# Calls whose texts are for people.
_TELLING = frozenset("print debug info warning warn error exception critical log".split())
SETTINGS = {"spark.sql.legacy.timeParserPolicy": "LEGACY", "spark.sql.caseSensitive": "true"}


def refuse_what_needs_java_here(source: str) -> None:
    """Raise EngineRefused for what a script asks of a JVM in its own process, over Spark Connect."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        found = _jvm_use(node)
        # Hadoop's settings can be had; machine learning and pandas have their own ways over Connect.
        if found and found not in ("_jsc", "pyspark.ml", "pyspark.pandas"):
            where = f"line {getattr(node, 'lineno', '?')}"
            raise EngineRefused(found, f"{where}: over Spark Connect there is no Java virtual machine here")


def refuse_what_needs_the_jvm(source: str) -> None:
    """Raise EngineRefused naming the first JVM-only thing the script uses; a script that does not parse is let through.

    (Its SyntaxError is raised where it is compiled.)
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    names = _Names.of(tree)
    told = {id(text) for node in ast.walk(tree) for text in _told(node)}
    for node in ast.walk(tree):
        found = _jvm_use(node)
        if found:
            raise EngineRefused(
                found, f"line {getattr(node, 'lineno', '?')}: it needs the Java virtual machine"
            )
        found = "" if id(node) in told else _said(node, names)
        if found:
            raise EngineRefused(found, f"line {getattr(node, 'lineno', '?')}")


@dataclass(frozen=True, kw_only=True)
class _Names:
    """What a script calls Spark's functions: other libraries have an exp(), a std() and a weekday(), too."""

    modules: frozenset[str]
    functions: dict[str, str]

    @classmethod
    def of(cls, tree: ast.AST) -> _Names:
        modules, functions, own = {_LIBRARY}, {}, set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules |= {one.asname for one in node.names if one.name == _LIBRARY and one.asname}
            elif isinstance(node, ast.ImportFrom) and node.module == "pyspark.sql":
                modules |= {one.asname or one.name for one in node.names if one.name == "functions"}
            elif isinstance(node, ast.ImportFrom) and node.module == _LIBRARY:
                for one in node.names:
                    found = REFUSED if one.name == "*" else {one.name} & REFUSED.keys()
                    functions |= {one.asname or name: name for name in found}
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                own.add(node.name)
            elif isinstance(node, ast.ImportFrom):
                own |= {one.asname or one.name for one in node.names}
        functions = {name: function for name, function in functions.items() if name not in own}
        return cls(modules=frozenset(modules), functions=functions)

    def called(self, function: ast.expr) -> str:
        """Which of Spark's functions that the embedded engine refuses this is."""
        if isinstance(function, ast.Name):
            return self.functions.get(function.id, "")
        if isinstance(function, ast.Attribute) and function.attr in REFUSED:
            return function.attr if ast.unparse(function.value) in self.modules else ""
        return ""


def _told(node: ast.AST) -> Iterator[ast.AST]:
    """Texts that are no SQL: descriptions, and what is printed or logged."""
    texts: list[ast.expr] = []
    if isinstance(node, ast.Expr):
        texts = [node.value]
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        texts = node.args if name in _TELLING or name.endswith(("Error", "Exception")) else []
    for text in texts:
        parts = text.values if isinstance(text, ast.JoinedStr) else [text]
        yield from (part for part in parts if isinstance(part, ast.Constant))


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


def _said(node: ast.AST, names: _Names) -> str:
    """What a text, a setting or a call says that the embedded engine refuses."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        called = _FUNCTIONS.search(node.value)
        if called:
            return f"function {called.group(1)}()"
        for pattern, shown in TEXTS:
            match = pattern.search(node.value)
            if match:
                return shown.format(match.group(1))
    if isinstance(node, ast.Call) and names.called(node.func):
        return f"function {names.called(node.func)}()"
    if isinstance(node, ast.Attribute) and node.attr in OF_FRAMES and isinstance(node.value, ast.Call):
        made = getattr(node.value.func, "attr", "")
        if made in STATISTICS:
            return f"{made}()"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in METHODS:
            return f"{node.func.attr}()"
        values = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
        if node.func.attr in OF_TWO_COLUMNS and ast.unparse(node.func.value) not in names.modules:
            columns = [
                one for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            if len(columns) == 2:
                return f"{node.func.attr}()"
        if node.func.attr in ("set", "config") and len(values) == 2:
            wanted = SETTINGS.get(values[0], "")
            if wanted and values[1].lower() == wanted.lower():
                return f"{values[0]}={values[1]}"
    return ""
