"""TestConnection: really connects, with the connection's credentials. Owns no state.

PostgreSQL, Amazon Redshift and MySQL (MariaDB) by JDBC URL or host; NETWORK is a way to S3, which ``connections``
tries. Everything else is refused by name: an answer of success without a connection would be a lie.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mastic.errors import ServiceError, invalid_input

SECONDS = 10
_URL = re.compile(
    r"jdbc:(?P<kind>[a-z]+)://(?P<host>\[[^\]]+\]|[^:/?;]+)(?::(?P<port>\d{1,5}))?(?:/(?P<database>[^?;]*))?"
)
_PORTS = {"postgresql": 5432, "redshift": 5439, "mysql": 3306}

# A secret's name or ARN → the user name and the password in it.
ReadSecret = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What to connect to, and as whom."""

    kind: str
    host: str
    port: int
    database: str
    user: str
    password: str
    tls: bool


def test(target: Target) -> None:
    """Connect and disconnect. Raises InvalidInputException saying why it failed."""
    connect(target).close()


def connect(target: Target) -> Any:
    """A DB-API connection. Raises InvalidInputException saying why it failed."""
    try:
        return _mysql(target) if target.kind == "mysql" else _postgresql(target)
    except OSError as error:
        raise failed(target, str(error)) from None


def target(kind: str, properties: Mapping[str, str], read_secret: ReadSecret) -> Target:
    """The target that connection properties describe. Raises InvalidInputException for kinds not known here."""
    if kind in ("JDBC", "POSTGRESQL", "MYSQL"):
        url = properties.get("JDBC_CONNECTION_URL")
        if url is None and "HOST" in properties:
            scheme = kind.lower() if kind != "JDBC" else "postgresql"
            port = properties.get("PORT", str(_PORTS[scheme]))
            url = f"jdbc:{scheme}://{properties['HOST']}:{port}/{properties.get('DATABASE', '')}"
        if url is None:
            raise invalid_input("JDBC_CONNECTION_URL is required")
        parts = _URL.match(url)
        if parts is None or parts["kind"] not in _PORTS:
            raise invalid_input(f"Testing {url.split('//', 1)[0]} connections is not supported")
        user, password = _credentials(properties, read_secret)
        return Target(
            kind=parts["kind"],
            host=parts["host"].strip("[]"),
            port=int(parts["port"] or _PORTS[parts["kind"]]),
            database=parts["database"] or "",
            user=user,
            password=password,
            tls=properties.get("JDBC_ENFORCE_SSL", "false").lower() == "true",
        )
    raise invalid_input(f"Testing connections of the type {kind} is not supported")


def _credentials(properties: Mapping[str, str], read_secret: ReadSecret) -> tuple[str, str]:
    if "SECRET_ID" in properties:
        secret = read_secret(properties["SECRET_ID"])
        return str(secret.get("username", "")), str(secret.get("password", ""))
    if "USERNAME" not in properties:
        raise invalid_input("USERNAME and PASSWORD, or SECRET_ID, are required")
    return properties["USERNAME"], properties.get("PASSWORD", "")


def _postgresql(target: Target) -> Any:
    import psycopg

    try:
        return psycopg.connect(
            host=target.host,
            port=target.port,
            dbname=target.database or "postgres",
            user=target.user,
            password=target.password,
            sslmode="require" if target.tls else "prefer",
            connect_timeout=SECONDS,
        )
    except psycopg.Error as error:
        raise failed(target, str(error)) from None


def _mysql(target: Target) -> Any:
    import pymysql

    try:
        return pymysql.connect(
            host=target.host,
            port=target.port,
            database=target.database or None,
            user=target.user,
            password=target.password,
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            # An empty one would be a mere wish. As with PostgreSQL, nobody is asked who signed the certificate.
            ssl={"check_hostname": False, "verify_mode": "none"} if target.tls else None,
        )
    except (pymysql.Error, RuntimeError) as error:
        raise failed(target, str(error)) from None


def failed(target: Target, reason: str) -> ServiceError:
    """The refusal that tells why a connection failed, without its password."""
    # Drivers may repeat what they were given.
    if target.password:
        reason = reason.replace(target.password, "***")
    return invalid_input(f"Connection to {target.host}:{target.port} failed: {reason.strip()}")
