"""Which path means what: the specification's endpoints, and those of them that this server has. Owns no state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from mastic.glue.iceberg_rest.failures import Failure, unsupported

# Handler → (method, path below the prefix, the Glue operation whose name it goes by). In the order of the
# specification.
ENDPOINTS: Mapping[str, tuple[str, str, str]] = {
    "list_namespaces": ("GET", "namespaces", "GetDatabases"),
    "create_namespace": ("POST", "namespaces", "CreateDatabase"),
    "load_namespace": ("GET", "namespaces/{namespace}", "GetDatabase"),
    "namespace_exists": ("HEAD", "namespaces/{namespace}", "GetDatabase"),
    "drop_namespace": ("DELETE", "namespaces/{namespace}", "DeleteDatabase"),
    "update_namespace": ("POST", "namespaces/{namespace}/properties", "UpdateDatabase"),
    "list_tables": ("GET", "namespaces/{namespace}/tables", "GetTables"),
    "create_table": ("POST", "namespaces/{namespace}/tables", "CreateTable"),
    "load_table": ("GET", "namespaces/{namespace}/tables/{table}", "GetTable"),
    "commit_table": ("POST", "namespaces/{namespace}/tables/{table}", "UpdateTable"),
    "drop_table": ("DELETE", "namespaces/{namespace}/tables/{table}", "DeleteTable"),
    "table_exists": ("HEAD", "namespaces/{namespace}/tables/{table}", "GetTable"),
    "load_credentials": ("GET", "namespaces/{namespace}/tables/{table}/credentials", "GetTable"),
    "report_metrics": ("POST", "namespaces/{namespace}/tables/{table}/metrics", "GetTable"),
    "rename_table": ("POST", "tables/rename", "UpdateTable"),
    "register_table": ("POST", "namespaces/{namespace}/register", "CreateTable"),
    "commit_transaction": ("POST", "transactions/commit", "UpdateTable"),
    "list_views": ("GET", "namespaces/{namespace}/views", "GetTables"),
    "create_view": ("POST", "namespaces/{namespace}/views", "CreateTable"),
    "load_view": ("GET", "namespaces/{namespace}/views/{view}", "GetTable"),
    "replace_view": ("POST", "namespaces/{namespace}/views/{view}", "UpdateTable"),
    "drop_view": ("DELETE", "namespaces/{namespace}/views/{view}", "DeleteTable"),
    "view_exists": ("HEAD", "namespaces/{namespace}/views/{view}", "GetTable"),
    "rename_view": ("POST", "views/rename", "UpdateTable"),
    "register_view": ("POST", "namespaces/{namespace}/register-view", "CreateTable"),
}

# Endpoints of the specification that answer UnsupportedOperationException.
_NOT_HERE = (
    ("POST", "namespaces/{namespace}/tables/{table}/plan"),
    ("GET", "namespaces/{namespace}/tables/{table}/plan/{plan}"),
    ("DELETE", "namespaces/{namespace}/tables/{table}/plan/{plan}"),
    ("POST", "namespaces/{namespace}/tables/{table}/tasks"),
    ("POST", "namespaces/{namespace}/tables/{table}/sign/{provider}"),
    ("GET", "namespaces/{namespace}/functions"),
    ("POST", "oauth/tokens"),
)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Match:
    """``handler`` "get_config" has no prefix; ``prefix`` "" is a path without one."""

    handler: str
    operation: str
    prefix: str
    labels: Mapping[str, str]


def advertised() -> list[str]:
    """The endpoints as the configuration lists them."""
    return [f"{method} /v1/{{prefix}}/{path}" for method, path, _ in ENDPOINTS.values()]


def find(method: str, path: str) -> Match:
    """The endpoint of a raw path below ``/iceberg``. Raises UnsupportedOperationException, NotFoundException."""
    parts = path.split("/")
    if len(parts) < 3 or parts[:2] != ["", "v1"]:
        raise _nowhere(method, path)
    rest = parts[2:]
    if method == "GET" and rest == ["config"]:
        return Match(handler="get_config", operation="GetCatalog", prefix="", labels={})
    prefix = ""
    if rest[0] == "catalogs" and len(rest) > 2:
        # Some clients write the prefix's slash as %2F: it is then one segment with the next.
        prefix, rest = unquote_plus(rest[1]), rest[2:]
    elif unquote_plus(rest[0]).startswith("catalogs/") and len(rest) > 1:
        prefix, rest = unquote_plus(rest[0]).removeprefix("catalogs/"), rest[1:]
    allowed = []
    for handler, (wanted, template, operation) in ENDPOINTS.items():
        labels = _labels(template, rest)
        if labels is not None and wanted == method:
            return Match(handler=handler, operation=operation, prefix=prefix, labels=labels)
        if labels is not None:
            allowed.append(wanted)
    if any(wanted == method and _labels(template, rest) is not None for wanted, template in _NOT_HERE):
        raise unsupported(f"{method} /v1/{{prefix}}/{'/'.join(rest)}")
    if allowed:
        raise Failure(
            405, "MethodNotAllowedException", f"{method} is not allowed here, only {', '.join(allowed)}"
        )
    raise _nowhere(method, path)


def _labels(template: str, given: list[str]) -> dict[str, str] | None:
    wanted = template.split("/")
    if len(wanted) != len(given):
        return None
    labels = {}
    for want, got in zip(wanted, given, strict=True):
        name = _PLACEHOLDER.fullmatch(want)
        if name is not None:
            labels[name[1]] = unquote_plus(got)
        elif want != got:
            return None
    return labels


def _nowhere(method: str, path: str) -> Failure:
    return Failure(404, "NotFoundException", f"There is no endpoint {method} {path[:200]}")
