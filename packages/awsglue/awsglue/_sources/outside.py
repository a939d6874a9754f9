"""Connections to services outside: what a Glue connection and its secret add to a script's own options."""

from __future__ import annotations

import json
from typing import Any


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """The options, under them the connection's properties, under them the secret's values."""
    found: dict[str, Any] = {}
    name = options.get("connectionName")
    if name:
        found |= _of_connection(str(name), options.get("catalogId"))
    secret = (
        options.get("secretId")
        or options.get("secretName")
        or options.get("sfSecret")
        or found.get("secretId")
    )
    if secret:
        found = {**_of_secret(str(secret)), **found}
    return {**found, **options}


def _of_connection(name: str, catalog_id: Any) -> dict[str, Any]:
    from awsglue._sources.connections import connection_properties

    properties = connection_properties(name, catalog_id)
    found: dict[str, Any] = {
        key.removeprefix("SPARK:"): value for key, value in properties.items() if key.startswith("SPARK:")
    }
    # Connection types of their own keep their properties as JSON under this name.
    for key in ("SparkProperties", "sparkProperties"):
        if key in found:
            found |= json.loads(found.pop(key))
    plain = {
        "USERNAME": "username",
        "PASSWORD": "password",
        "CONNECTION_URL": "connection.uri",
        "HOST": "host",
    }
    for given, own in plain.items():
        if properties.get(given):
            found.setdefault(own, properties[given])
    if properties.get("PORT"):
        found.setdefault("port", properties["PORT"])
    if properties.get("SECRET_ID"):
        found.setdefault("secretId", properties["SECRET_ID"])
    found["enforce_ssl"] = (
        properties.get("JDBC_ENFORCE_SSL") or properties.get("CONNECTION_ENFORCE_SSL") or ""
    )
    return found


def _of_secret(secret_id: str) -> dict[str, Any]:
    """The secret's values by name; one that is no JSON object is `credentials`."""
    import boto3

    text = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
    try:
        values = json.loads(text)
    except ValueError:
        values = text
    return dict(values) if isinstance(values, dict) else {"credentials": text}


def first(options: dict[str, Any], *names: str) -> str:
    """The first of these options that is given, "" for none; names count whatever their case."""
    lower = {key.lower(): value for key, value in options.items()}
    for name in names:
        if lower.get(name.lower()) not in (None, ""):
            return str(lower[name.lower()])
    return ""


def needed(kind: str, options: dict[str, Any], *names: str) -> str:
    """As `first`. Raises ValueError when none is given."""
    found = first(options, *names)
    if not found:
        raise ValueError(f'{kind} needs the connection option "{names[0]}"')
    return found


def missing(kind: str, package: str) -> ImportError:
    """What to do about a library that is not there."""
    return ImportError(f"{kind} needs the package {package}: add it to --additional-python-modules")
