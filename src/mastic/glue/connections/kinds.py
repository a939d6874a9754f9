"""The connection types that Mastic itself knows: what they are for, and which properties they take. Pure data.

Listed are those with which a job, TestConnection or the entity calls really connect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Property → its description and kind.
_PROPERTIES: Mapping[str, tuple[str, str]] = {
    "JDBC_CONNECTION_URL": ("jdbc:<engine>://<host>:<port>/<database>", "USER_INPUT"),
    "JDBC_ENFORCE_SSL": ("Whether the connection must be encrypted", "USER_INPUT"),
    "HOST": ("The server's name or address", "USER_INPUT"),
    "PORT": ("The server's port", "USER_INPUT"),
    "DATABASE": ("The database to connect to", "USER_INPUT"),
    "USERNAME": ("The user to connect as", "SECRET_OR_USER_INPUT"),
    "PASSWORD": ("The user's password", "SECRET_OR_USER_INPUT"),
    "SECRET_ID": ("A secret that holds username and password", "USER_INPUT"),
}
_DATABASE = ("HOST", "PORT", "DATABASE", "USERNAME", "PASSWORD", "SECRET_ID", "JDBC_ENFORCE_SSL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A connection type."""

    name: str
    display_name: str
    vendor: str
    description: str
    category: str
    properties: Sequence[str]
    required: Sequence[str] = ()
    authentication: Sequence[str] = ()
    operations: Sequence[str] = ("READ", "WRITE")

    @property
    def capabilities(self) -> dict[str, Any]:
        """Capabilities, as they are listed and described."""
        return {
            "SupportedAuthenticationTypes": list(self.authentication),
            "SupportedDataOperations": list(self.operations),
            "SupportedComputeEnvironments": ["SPARK"],
        }


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="JDBC",
            display_name="JDBC",
            vendor="Various",
            description="PostgreSQL, Amazon Redshift, MySQL or MariaDB by JDBC URL",
            category="Databases",
            properties=("JDBC_CONNECTION_URL", "USERNAME", "PASSWORD", "SECRET_ID", "JDBC_ENFORCE_SSL"),
            required=("JDBC_CONNECTION_URL",),
            authentication=("BASIC",),
        ),
        Kind(
            name="MYSQL",
            display_name="MySQL",
            vendor="Oracle",
            description="MySQL or MariaDB",
            category="Databases",
            properties=_DATABASE,
            required=("HOST",),
            authentication=("BASIC",),
        ),
        Kind(
            name="NETWORK",
            display_name="Network",
            vendor="AWS",
            description="A way to S3",
            category="Networking",
            properties=(),
            operations=(),
        ),
        Kind(
            name="POSTGRESQL",
            display_name="PostgreSQL",
            vendor="PostgreSQL",
            description="PostgreSQL",
            category="Databases",
            properties=_DATABASE,
            required=("HOST",),
            authentication=("BASIC",),
        ),
    )
}


def listed(kind: Kind) -> dict[str, Any]:
    """A ConnectionTypeBrief."""
    return {
        "ConnectionType": kind.name,
        "DisplayName": kind.display_name,
        "Vendor": kind.vendor,
        "Description": kind.description,
        "Categories": [kind.category],
        "Capabilities": kind.capabilities,
    }


def described(kind: Kind) -> dict[str, Any]:
    """What DescribeConnectionType answers."""
    properties = {
        name: prop(name, _PROPERTIES[name][0], required=name in kind.required, kinds=[_PROPERTIES[name][1]])
        for name in kind.properties
    }
    out: dict[str, Any] = {
        "ConnectionType": kind.name,
        "Description": kind.description,
        "Capabilities": kind.capabilities,
        "ConnectionProperties": properties,
    }
    if kind.authentication:
        out["AuthenticationConfiguration"] = {
            "AuthenticationType": {
                **prop("AuthenticationType", "How to authenticate", required=True, kinds=["USER_INPUT"]),
                "AllowedValues": [{"Value": value} for value in kind.authentication],
            },
            "SecretArn": prop(
                "SecretArn", "A secret that holds the credentials", required=False, kinds=["USER_INPUT"]
            ),
        }
    return out


def prop(name: str, description: str, *, required: bool, kinds: Sequence[str]) -> dict[str, Any]:
    """A Property."""
    return {"Name": name, "Description": description, "Required": required, "PropertyTypes": list(kinds)}
