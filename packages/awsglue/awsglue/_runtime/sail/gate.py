"""The gate before the embedded engine: what it is known to fail at, or to answer differently from Spark, is refused.

Names come from differential runs against Spark 3.5. Pure functions over plan protobufs.
"""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused

RELATIONS = {
    "collect_metrics": "observe()",
    "with_watermark": "watermarks",
    "approx_quantile": "approxQuantile()",
    "apply_in_pandas_with_state": "applyInPandasWithState()",
    "ml_relation": "pyspark.ml",
    "relation_changes": "CDC reads",
    "nearest_by_join": "nearest-by join",
    "as_of_join": "as-of join",
    "transpose": "transpose()",
    "describe": "describe()",
    "summary": "summary()",
    "corr": "corr()",
    "cov": "cov()",
    "crosstab": "crosstab()",
    "freq_items": "freqItems()",
}

COMMANDS = {
    "write_stream_operation_start": "Structured Streaming",
    "ml_command": "pyspark.ml",
    "pipeline_command": "declarative pipelines",
    "create_resource_profile_command": "resource profiles",
    "streaming_query_command": "Structured Streaming",
    "streaming_query_manager_command": "Structured Streaming",
}


def check_relation(relation: Any, kind: str | None) -> None:
    """Raise EngineRefused when this relation (not those below it) is not served."""
    if kind in RELATIONS:
        raise EngineRefused(RELATIONS[kind])


def check_command(command: Any) -> None:
    """Raise EngineRefused when this command is not served."""
    kind = command.WhichOneof("command_type")
    if kind in COMMANDS:
        raise EngineRefused(COMMANDS[kind])
    if kind in ("write_operation", "write_operation_v2", "merge_into_table_command"):
        # Writers are ours; a write that reaches the engine has missed them.
        raise EngineRefused(f"{kind.replace('_', ' ')} by the engine itself")
