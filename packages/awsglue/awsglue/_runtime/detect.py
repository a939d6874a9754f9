"""Static look at a script before the embedded engine runs it: what plainly needs the JVM is refused at once."""

from __future__ import annotations

import ast

from awsglue._runtime.failures import EngineRefused

JVM_ATTRIBUTES = frozenset({"_jvm", "_jsc", "_jsparkSession", "_jdf", "_gateway", "_jsqlContext"})
JVM_MODULES = ("pyspark.ml", "pyspark.mllib", "pyspark.streaming", "py4j", "pyspark.pandas")


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
