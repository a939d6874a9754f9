"""What a run takes from resources beside its job: a security configuration, connections. Owns no state.

They are looked up when the run starts and kept with its plan, so that later changes do not reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.errors import not_found
from mastic.glue.jobs.plans import Plan

# (transaction, scope, name) → the resource's document, or None
Lookup = Callable[[Connection, str, str], Mapping[str, Any] | None]

_S3 = {"SSE-S3": "AES256", "SSE-KMS": "aws:kms"}


def _nothing(tx: Connection, scope: str, name: str) -> None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """Where the resources are found."""

    security: Lookup = _nothing
    connection: Lookup = _nothing

    def settle(self, tx: Connection, scope: str, plan: Plan) -> Plan:
        """The plan with what its surroundings add; raises EntityNotFoundException."""
        hidden = dict(plan.hidden)
        hidden["Encryption"] = self._encryption(tx, scope, plan.body.get("SecurityConfiguration"))
        hidden |= self._connections(tx, scope, plan.hidden.get("Connections"))
        body = dict(plan.body)
        if hidden["Encryption"] and hidden["Encryption"].get("LogsKey"):
            role = plan.hidden["Role"].rpartition("/")[2]
            body["LogGroupName"] = f"{body['LogGroupName']}-{role}-{body['SecurityConfiguration']}"
        return Plan(body=body, hidden=hidden)

    def _encryption(self, tx: Connection, scope: str, name: str | None) -> dict[str, Any] | None:
        if not name:
            return None
        found = self.security(tx, scope, name)
        if found is None:
            raise not_found(f"Security configuration {name} not found.")
        bookmarks = {"JobBookmarksEncryptionMode": "DISABLED", **(found.get("JobBookmarksEncryption") or {})}
        chosen: dict[str, Any] = {}
        if bookmarks["JobBookmarksEncryptionMode"] != "DISABLED":
            # Client-side: the job itself seals its bookmarks.
            chosen["BookmarksKey"] = bookmarks.get("KmsKeyArn") or "alias/aws/glue"
        for entry in (found.get("S3Encryption") or [])[:1]:
            algorithm = _S3.get(entry.get("S3EncryptionMode", "DISABLED"))
            if algorithm:
                chosen["S3"] = {"ServerSideEncryption": algorithm}
            if algorithm == "aws:kms" and entry.get("KmsKeyArn"):
                chosen["S3"]["SSEKMSKeyId"] = entry["KmsKeyArn"]
        logs = found.get("CloudWatchEncryption") or {}
        if logs.get("CloudWatchEncryptionMode", "DISABLED") != "DISABLED":
            chosen["LogsKey"] = logs.get("KmsKeyArn") or "alias/aws/glue"
        return chosen

    def _connections(
        self, tx: Connection, scope: str, given: Mapping[str, Any] | None
    ) -> dict[str, list[str]]:
        """The libraries of the job's connections, which Spark loads: of connectors, and of a driver of one's own.
        A connection that does not exist ends the run when it is prepared, as in Glue."""
        jars: list[str] = []
        missing: list[str] = []
        for name in (given or {}).get("Connections") or []:
            found = self.connection(tx, scope, name)
            if found is None:
                missing.append(name)
                continue
            properties = found.get("ConnectionProperties") or {}
            for key in ("CONNECTOR_URL", "JDBC_DRIVER_JAR_URI"):
                if str(properties.get(key, "")).startswith("s3"):
                    jars.append(properties[key])
        return {"ConnectorJars": list(dict.fromkeys(jars)), "MissingConnections": missing}
