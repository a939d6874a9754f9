"""Bucket configurations that are kept and told: each absent one has its own error.

CORS, encryption, lifecycle, logging, website, request payment, acceleration, replication, and the named
analytics, inventory, metrics and intelligent-tiering ones. ``lifecycle`` acts on its rules and new objects on the
encryption; delivery of access logs, website hosting, inventories, analyses and request metrics do not happen,
and replication, which others would rely on, is refused. Owns rows of ``bucket_configurations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastic.aws.s3.buckets import held, make_token, read_token
from mastic.context import Context
from mastic.objects.errors import refused
from mastic.store import buckets
from mastic.store.engine import Store

_METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
_AES256 = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}
_NAMED_PAGE = 100


class Configurations:
    """Handlers."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    # -- CORS --------------------------------------------------------------------------------------------

    def get_bucket_cors(self, context: Context, request: dict[str, Any]) -> Any:
        """The rules. Raises NoSuchCORSConfiguration."""
        return self._get(request, "cors", "NoSuchCORSConfiguration")

    def put_bucket_cors(self, context: Context, request: dict[str, Any]) -> None:
        """Replace the rules."""
        rules = request["CORSConfiguration"].get("CORSRules") or []
        if not 0 < len(rules) <= 100:
            raise refused("MalformedXML")
        for rule in rules:
            for method in rule.get("AllowedMethods") or ():
                if method not in _METHODS:
                    raise refused(
                        "InvalidRequest",
                        f"Found unsupported HTTP method in CORS config. Unsupported method is {method}",
                    )
            for origin in rule.get("AllowedOrigins") or ():
                if origin.count("*") > 1:
                    raise refused(
                        "InvalidRequest", f'AllowedOrigin "{origin}" can not have more than one wildcard.'
                    )
        self._put(request, "cors", {"CORSRules": rules})

    def delete_bucket_cors(self, context: Context, request: dict[str, Any]) -> None:
        """Remove the rules."""
        self._drop(request, "cors")

    # -- default encryption --------------------------------------------------------------------------------

    def get_bucket_encryption(self, context: Context, request: dict[str, Any]) -> Any:
        """What new objects are encrypted by: AES256 unless changed."""
        with self._store.read() as tx:
            found = buckets.configuration(tx, held(tx, request), "encryption")
        return {"ServerSideEncryptionConfiguration": found or _AES256}

    def put_bucket_encryption(self, context: Context, request: dict[str, Any]) -> None:
        """Set what new objects are encrypted by."""
        given = request["ServerSideEncryptionConfiguration"]
        rules = given.get("Rules") or []
        if len(rules) != 1:
            raise refused("MalformedXML")
        chosen = dict(rules[0].get("ApplyServerSideEncryptionByDefault") or {})
        if chosen.get("SSEAlgorithm") == "AES256" and chosen.get("KMSMasterKeyID"):
            raise refused(
                "InvalidArgument",
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
            )
        stored = {"Rules": [{"BucketKeyEnabled": False, **rules[0]}]}
        if rules[0].get("BucketKeyEnabled") and chosen:
            chosen["BucketKeyEnabled"] = True
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            buckets.configure(tx, bucket, "encryption", stored)
            plain = chosen.get("SSEAlgorithm", "AES256") == "AES256"
            buckets.change(tx, bucket, encryption=None if plain else chosen)

    def delete_bucket_encryption(self, context: Context, request: dict[str, Any]) -> None:
        """Back to AES256."""
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            buckets.unconfigure(tx, bucket, "encryption")
            buckets.change(tx, bucket, encryption=None)

    # -- website -------------------------------------------------------------------------------------------

    def get_bucket_website(self, context: Context, request: dict[str, Any]) -> Any:
        """The website configuration. Raises NoSuchWebsiteConfiguration."""
        return self._get(request, "website", "NoSuchWebsiteConfiguration")

    def put_bucket_website(self, context: Context, request: dict[str, Any]) -> None:
        """Replace it."""
        given = request["WebsiteConfiguration"]
        if not given.get("RedirectAllRequestsTo") and not given.get("IndexDocument"):
            raise refused(
                "InvalidArgument",
                "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            )
        self._put(request, "website", given)

    def delete_bucket_website(self, context: Context, request: dict[str, Any]) -> None:
        """Remove it."""
        self._drop(request, "website")

    # -- logging, payment, acceleration ----------------------------------------------------------------------

    def get_bucket_logging(self, context: Context, request: dict[str, Any]) -> Any:
        """Where access logs go; empty when nowhere."""
        return self._get(request, "logging", None)

    def put_bucket_logging(self, context: Context, request: dict[str, Any]) -> None:
        """Set where access logs go, or that they go nowhere."""
        given = request["BucketLoggingStatus"]
        target = (given.get("LoggingEnabled") or {}).get("TargetBucket")
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            if target is not None and buckets.find(tx, target) is None:
                raise refused("InvalidTargetBucketForLogging", TargetBucket=target)
            if target is None:
                buckets.unconfigure(tx, bucket, "logging")
            else:
                buckets.configure(tx, bucket, "logging", given)

    def get_bucket_request_payment(self, context: Context, request: dict[str, Any]) -> Any:
        """Who pays."""
        return self._get(request, "request_payment", None) or {"Payer": "BucketOwner"}

    def put_bucket_request_payment(self, context: Context, request: dict[str, Any]) -> None:
        """Set who pays."""
        self._put(request, "request_payment", request["RequestPaymentConfiguration"])

    def get_bucket_accelerate_configuration(self, context: Context, request: dict[str, Any]) -> Any:
        """The acceleration status; empty when it was never set."""
        return self._get(request, "accelerate", None)

    def put_bucket_accelerate_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Set the acceleration status."""
        if "." in request["Bucket"]:
            raise refused(
                "InvalidRequest",
                "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
            )
        self._put(request, "accelerate", request["AccelerateConfiguration"])

    # -- replication ---------------------------------------------------------------------------------------

    def get_bucket_replication(self, context: Context, request: dict[str, Any]) -> Any:
        """There is none. Raises ReplicationConfigurationNotFoundError."""
        return self._get(request, "replication", "ReplicationConfigurationNotFoundError")

    def put_bucket_replication(self, context: Context, request: dict[str, Any]) -> None:
        """Refused: objects would not be replicated."""
        with self._store.read() as tx:
            held(tx, request)
        raise refused("NotImplemented", "Replication is not implemented by Mastic: nothing would be copied")

    def delete_bucket_replication(self, context: Context, request: dict[str, Any]) -> None:
        """Nothing to remove."""
        self._drop(request, "replication")

    # -- named configurations ------------------------------------------------------------------------------

    def get_bucket_analytics_configuration(self, context: Context, request: dict[str, Any]) -> Any:
        """One analytics configuration."""
        return {"AnalyticsConfiguration": self._get_named(request, "analytics")}

    def put_bucket_analytics_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Store one."""
        self._put_named(request, "analytics", request["AnalyticsConfiguration"])

    def delete_bucket_analytics_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Remove one."""
        self._drop_named(request, "analytics")

    def list_bucket_analytics_configurations(self, context: Context, request: dict[str, Any]) -> Any:
        """All of them."""
        return self._list_named(request, "analytics", "AnalyticsConfigurationList")

    def get_bucket_inventory_configuration(self, context: Context, request: dict[str, Any]) -> Any:
        """One inventory configuration."""
        return {"InventoryConfiguration": self._get_named(request, "inventory")}

    def put_bucket_inventory_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Store one."""
        self._put_named(request, "inventory", request["InventoryConfiguration"])

    def delete_bucket_inventory_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Remove one."""
        self._drop_named(request, "inventory")

    def list_bucket_inventory_configurations(self, context: Context, request: dict[str, Any]) -> Any:
        """All of them."""
        return self._list_named(request, "inventory", "InventoryConfigurationList")

    def get_bucket_metrics_configuration(self, context: Context, request: dict[str, Any]) -> Any:
        """One metrics configuration."""
        return {"MetricsConfiguration": self._get_named(request, "metrics")}

    def put_bucket_metrics_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Store one."""
        self._put_named(request, "metrics", request["MetricsConfiguration"])

    def delete_bucket_metrics_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Remove one."""
        self._drop_named(request, "metrics")

    def list_bucket_metrics_configurations(self, context: Context, request: dict[str, Any]) -> Any:
        """All of them."""
        return self._list_named(request, "metrics", "MetricsConfigurationList")

    def get_bucket_intelligent_tiering_configuration(self, context: Context, request: dict[str, Any]) -> Any:
        """One intelligent-tiering configuration."""
        return {"IntelligentTieringConfiguration": self._get_named(request, "tiering")}

    def put_bucket_intelligent_tiering_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Store one."""
        self._put_named(request, "tiering", request["IntelligentTieringConfiguration"])

    def delete_bucket_intelligent_tiering_configuration(
        self, context: Context, request: dict[str, Any]
    ) -> None:
        """Remove one."""
        self._drop_named(request, "tiering")

    def list_bucket_intelligent_tiering_configurations(
        self, context: Context, request: dict[str, Any]
    ) -> Any:
        """All of them."""
        return self._list_named(request, "tiering", "IntelligentTieringConfigurationList")

    # -- how they are kept -----------------------------------------------------------------------------------

    def _get(self, request: Mapping[str, Any], kind: str, absent: str | None) -> Any:
        with self._store.read() as tx:
            bucket = held(tx, dict(request))
            found = buckets.configuration(tx, bucket, kind)
        if found is None and absent is not None:
            raise refused(absent, BucketName=bucket.name)
        return found or {}

    def _put(self, request: Mapping[str, Any], kind: str, body: Any) -> None:
        with self._store.write() as tx:
            buckets.configure(tx, held(tx, dict(request), lock="update"), kind, body)

    def _drop(self, request: Mapping[str, Any], kind: str) -> None:
        with self._store.write() as tx:
            buckets.unconfigure(tx, held(tx, dict(request), lock="update"), kind)

    def _get_named(self, request: Mapping[str, Any], kind: str) -> Any:
        with self._store.read() as tx:
            found = buckets.configuration(tx, held(tx, dict(request)), kind, request["Id"])
        if found is None:
            raise refused("NoSuchConfiguration")
        return found

    def _put_named(self, request: Mapping[str, Any], kind: str, body: Mapping[str, Any]) -> None:
        if body.get("Id") != request["Id"]:
            raise refused(
                "InvalidArgument", "The ID in the request and in the configuration differ", ArgumentName="id"
            )
        with self._store.write() as tx:
            buckets.configure(tx, held(tx, dict(request), lock="update"), kind, body, request["Id"])

    def _drop_named(self, request: Mapping[str, Any], kind: str) -> None:
        with self._store.write() as tx:
            if not buckets.unconfigure(tx, held(tx, dict(request), lock="update"), kind, request["Id"]):
                raise refused("NoSuchConfiguration")

    def _list_named(self, request: Mapping[str, Any], kind: str, member: str) -> dict[str, Any]:
        after = read_token(request.get("ContinuationToken"))
        with self._store.read() as tx:
            found = buckets.configurations(tx, held(tx, dict(request)), kind, after, _NAMED_PAGE + 1)
        more = len(found) > _NAMED_PAGE
        return {
            member: found[:_NAMED_PAGE],
            "IsTruncated": more,
            "ContinuationToken": request.get("ContinuationToken"),
            "NextContinuationToken": make_token(found[_NAMED_PAGE - 1]["Id"]) if more else None,
        }
