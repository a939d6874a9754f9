"""What a call is about, as the requests of the Glue operations that it stands for name it. Owns no state.

For those who are asked before the call goes on. What a document names in no right way is left to its handler.
"""

from __future__ import annotations

from typing import Any

from mastic.glue.iceberg_rest.calls import Call

ANY = "*"


def of(call: Call) -> list[dict[str, Any]]:
    """One request for every resource that the call names."""
    labels, operation = call.labels, call.context.operation
    if "table" in labels or "view" in labels:
        return [{"DatabaseName": call.namespace, "TableName": labels.get("table") or labels["view"]}]
    if "namespace" in labels:
        if operation.endswith("Database"):
            return [{"Name": call.namespace}]
        name = call.document.get("name") if operation == "CreateTable" else None
        return [{"DatabaseName": call.namespace, "TableName": _text(name)}]
    if operation == "CreateDatabase":
        return [{"DatabaseInput": {"Name": _levels(call.document.get("namespace"))}}]
    if operation != "UpdateTable":
        return [{}]
    document = call.document
    changes = document.get("table-changes")
    named = [document.get("source"), document.get("destination")]
    if isinstance(changes, list):
        named += [one.get("identifier") for one in changes if isinstance(one, dict)]
    return [
        {"DatabaseName": _levels(one.get("namespace")), "TableName": _text(one.get("name"))}
        for one in named
        if isinstance(one, dict)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else ANY


def _levels(value: Any) -> str:
    return ".".join(str(level) for level in value) if isinstance(value, list) and value else ANY
