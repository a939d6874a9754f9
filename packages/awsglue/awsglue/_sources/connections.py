"""Glue connections: from the catalog's definition to what a database driver needs."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from awsglue._sources.tls import Tls, of_connection

_URL = re.compile(
    r"jdbc:(?P<vendor>[a-z0-9]+)(?::[a-z]+)*://(?P<host>[^:/?;]+)(?::(?P<port>\d+))?(?:/(?P<database>[^?;]*))?(?:[?;](?P<query>.*))?\Z"
)
# jdbc:oracle:thin://@host:1521/service, …:thin:@host:1521:SID, and with a user before the @
_ORACLE = re.compile(
    r"jdbc:oracle:thin:(?://)?(?:(?P<user>[^/@]+)(?:/(?P<password>[^@]*))?)?@(?://)?(?P<host>[^:/]+)(?::(?P<port>\d+))?(?:/(?P<service>[^:?]+)|:(?P<sid>[^:?/]+))?\Z"
)
# jdbc:sqlserver://host[\\instance][:port][;property=value]…
_SQLSERVER = re.compile(
    r"jdbc:sqlserver://(?P<host>[^:;\\]+)(?:\\(?P<instance>[^:;]+))?(?::(?P<port>\d+))?(?P<rest>(?:;[^;]*)*)\Z"
)
_PORTS = {
    "postgresql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "redshift": 5439,
    "sqlserver": 1433,
    "oracle": 1521,
}


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a database is and who asks."""

    vendor: str
    host: str
    port: int
    database: str
    user: str = ""
    password: str = field(default="", repr=False)
    parameters: tuple[tuple[str, str], ...] = ()
    tls: Tls = field(default_factory=Tls)


def address(url: str, user: str = "", password: str = "", database: str = "") -> Address:
    """The address that a JDBC URL names. Raises ValueError."""
    odd = _oracle(url, user, password) or _sqlserver(url, user, password, database)
    if odd is not None:
        return odd
    match = _URL.match(url)
    if not match:
        raise ValueError(f"JDBC URL {_shown(url)} is not understood")
    vendor = match["vendor"]
    query = match["query"] or ""
    given = dict(parse_qsl(query if f"?{query}" in url else query.replace(";", "&")))
    return Address(
        vendor=vendor,
        host=match["host"],
        port=int(match["port"] or _PORTS.get(vendor, 0)),
        database=database or match["database"] or "",
        user=user or given.get("user", ""),
        password=password or given.get("password", ""),
        parameters=_others(given),
    )


def _shown(url: str) -> str:
    """What may be told of a URL: passwords may stand anywhere in it."""
    known = re.match(r"jdbc:[a-z0-9]+:", url)
    return f"'{known.group() if known else ''}…'"


def _others(given: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in given.items() if key not in ("user", "password"))


def _oracle(url: str, user: str, password: str) -> Address | None:
    match = _ORACLE.match(url)
    if not match:
        return None
    kind = "sid" if match["sid"] else "service"
    name = match["sid"] or match["service"] or ""
    port = int(match["port"] or _PORTS["oracle"])
    return Address(
        vendor="oracle",
        host=match["host"],
        port=port,
        database=name,
        user=user or match["user"] or "",
        password=password or match["password"] or "",
        parameters=(("kind", kind),),
    )


def _sqlserver(url: str, user: str, password: str, database: str) -> Address | None:
    match = _SQLSERVER.match(url)
    if not match:
        return None
    pairs = [part.partition("=") for part in match["rest"].split(";") if part]
    given = {key.strip().lower(): value for key, _, value in pairs}
    if match["instance"] or given.get("instancename"):
        raise ValueError(f"JDBC URL {_shown(url)} names an instance: give its port")
    return Address(
        vendor="sqlserver",
        host=match["host"],
        port=int(match["port"] or given.get("portnumber") or _PORTS["sqlserver"]),
        database=database or given.get("databasename") or given.get("database") or "",
        user=user or given.get("user", ""),
        password=password or given.get("password", ""),
        parameters=_others(given),
    )


def secret(secret_id: str) -> tuple[str, str]:
    """User and password of a secret."""
    import boto3

    text = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
    values = json.loads(text)
    return str(values.get("username") or values.get("user") or ""), str(values.get("password") or "")


def _decrypted(properties: dict[str, str]) -> dict[str, str]:
    """Passwords in clear: with ReturnConnectionPasswordEncrypted they come as KMS encrypted them."""
    clear = dict(properties)
    for name, text in properties.items():
        plain = name.removeprefix("ENCRYPTED_")
        if plain != name and plain not in properties:
            import boto3

            box = base64.b64decode(text)
            clear[plain] = boto3.client("kms").decrypt(CiphertextBlob=box)["Plaintext"].decode()
    return clear


def connection_properties(name: str, catalog_id: str | None = None) -> dict[str, str]:
    """The properties of a Glue connection, user and password resolved."""
    from awsglue._sources.catalog import glue_client

    given = {"CatalogId": catalog_id} if catalog_id else {}
    found = glue_client().get_connection(Name=name, HidePassword=False, **given)["Connection"]
    properties = _decrypted(found.get("ConnectionProperties") or {})
    properties.setdefault("CONNECTION_TYPE", found.get("ConnectionType", ""))
    properties.update({f"SPARK:{key}": value for key, value in (found.get("SparkProperties") or {}).items()})
    secret_id = properties.get("SECRET_ID") or (found.get("AuthenticationConfiguration") or {}).get(
        "SecretArn"
    )
    if secret_id and not properties.get("PASSWORD"):
        properties["USERNAME"], properties["PASSWORD"] = secret(secret_id)
    if not properties.get("JDBC_CONNECTION_URL") and properties.get("HOST"):
        vendor = properties["CONNECTION_TYPE"].lower()
        port = properties.get("PORT") or str(_PORTS.get(vendor, ""))
        properties["JDBC_CONNECTION_URL"] = (
            f"jdbc:{vendor}://{properties['HOST']}:{port}/{properties.get('DATABASE', '')}"
        )
    return properties


def jdbc_conf(name: str, catalog_id: str | None = None) -> dict[str, Any]:
    """What extract_jdbc_conf gives. Raises ValueError for a connection that is not JDBC."""
    properties = connection_properties(name, catalog_id)
    full = properties.get("JDBC_CONNECTION_URL")
    if not full:
        raise ValueError(f"connection {name} has no JDBC_CONNECTION_URL")
    found = address(full)
    return {
        "user": properties.get("USERNAME", ""),
        "password": properties.get("PASSWORD", ""),
        "vendor": found.vendor,
        "url": f"jdbc:{found.vendor}://{found.host}:{found.port}",
        "fullUrl": full,
        "enforceSSL": properties.get("JDBC_ENFORCE_SSL", "false"),
        "customJDBCCert": properties.get("CUSTOM_JDBC_CERT", ""),
        "skipCustomJDBCCertValidation": properties.get("SKIP_CUSTOM_JDBC_CERT_VALIDATION", "false"),
        "customJDBCCertString": properties.get("CUSTOM_JDBC_CERT_STRING", ""),
    }


def resolve(connection_type: str, options: dict[str, Any]) -> Address:
    """The address that a source's or sink's options mean. Raises ValueError."""
    name = options.get("connectionName")
    if name:
        properties = connection_properties(str(name), options.get("catalogId"))
        if not properties.get("JDBC_CONNECTION_URL"):
            raise ValueError(f"connection {name} has no JDBC_CONNECTION_URL")
        found = address(
            properties["JDBC_CONNECTION_URL"],
            properties.get("USERNAME", ""),
            properties.get("PASSWORD", ""),
            str(options.get("database") or ""),
        )
        return replace(found, tls=of_connection(properties))
    if not options.get("url"):
        raise ValueError(f'{connection_type} needs the connection option "url" or "connectionName"')
    user, password = str(options.get("user") or ""), str(options.get("password") or "")
    if options.get("secretId"):
        user, password = secret(str(options["secretId"]))
    return address(str(options["url"]), user, password, str(options.get("database") or ""))
