"""Bucket policies, public access blocks, ownership controls. Owns rows of ``bucket_configurations``.

Policies are checked in form, kept and told; they do not decide who may call.
"""

from __future__ import annotations

import json
from typing import Any

from mastic.aws.s3.buckets import held
from mastic.context import Context
from mastic.objects.errors import refused
from mastic.store import buckets
from mastic.store.buckets import NOTHING_PUBLIC, Bucket
from mastic.store.engine import Store

LARGEST_POLICY = 20 * 1024
# Conditions on these fix who or from where: a statement with one of them is not public.
_FIXING = {
    "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:sourceaccount",
    "aws:sourcearn", "aws:sourceip", "aws:sourceorgid", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce",
    "aws:userid", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
}  # fmt: skip


def parse(text: str, bucket: str) -> dict[str, Any]:
    """The policy document. Raises MalformedPolicy."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise refused("MalformedPolicy") from None
    if not isinstance(document, dict):
        raise refused("MalformedPolicy")
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise refused("MalformedPolicy", "Missing required field Statement")
    for statement in statements:
        _check(statement, bucket)
    return {**document, "Statement": statements}


def _check(statement: Any, bucket: str) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise refused("MalformedPolicy", "Invalid effect in policy")
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise refused("MalformedPolicy", "Missing required field Principal")
    if "Action" not in statement and "NotAction" not in statement:
        raise refused("MalformedPolicy", "Missing required field Action")
    resources = statement.get("Resource", statement.get("NotResource"))
    if resources is None:
        raise refused("MalformedPolicy", "Missing required field Resource")
    arn = f"arn:aws:s3:::{bucket}"
    for resource in [resources] if isinstance(resources, str) else resources:
        fits = isinstance(resource, str) and (
            resource == arn or resource.startswith((f"{arn}/", f"{arn}*", "*", "arn:aws:s3:::*"))
        )
        if not fits:
            raise refused("MalformedPolicy", "Policy has invalid resource")


def is_public(document: dict[str, Any]) -> bool:
    """True when some statement lets anybody in."""
    for statement in document["Statement"]:
        principal = statement.get("Principal")
        named = principal.get("AWS") if isinstance(principal, dict) else principal
        anybody = named == "*" or (isinstance(named, list) and "*" in named)
        if statement["Effect"] != "Allow" or not anybody:
            continue
        keys = {key.lower() for tests in (statement.get("Condition") or {}).values() for key in tests}
        if not keys & _FIXING:
            return True
    return False


class BucketPolicies:
    """Handlers."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def get_bucket_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The policy as it was given. Raises NoSuchBucketPolicy."""
        _, text = self._policy(request)
        return {"Policy": text}

    def put_bucket_policy(self, context: Context, request: dict[str, Any]) -> None:
        """Replace the policy."""
        text = request["Policy"]
        text = text.decode() if isinstance(text, bytes) else text
        if len(text.encode()) > LARGEST_POLICY:
            raise refused("MalformedPolicy", "Policy document exceeds the maximum allowed size")
        document = parse(text, request["Bucket"])
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            if is_public(document) and (bucket.public_access or {}).get("BlockPublicPolicy"):
                raise refused(
                    "AccessDenied",
                    f"User: {context.principal_arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
                    f'"{bucket.arn}" because public policies are prevented by the BlockPublicPolicy setting in S3 '
                    "Block Public Access.",
                )
            buckets.configure(tx, bucket, "policy", text)

    def delete_bucket_policy(self, context: Context, request: dict[str, Any]) -> None:
        """Remove the policy."""
        with self._store.write() as tx:
            buckets.unconfigure(tx, held(tx, request, lock="update"), "policy")

    def get_bucket_policy_status(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Whether the policy makes the bucket public. Raises NoSuchBucketPolicy."""
        bucket, text = self._policy(request)
        restricted = (bucket.public_access or {}).get("RestrictPublicBuckets")
        return {"PolicyStatus": {"IsPublic": is_public(parse(text, bucket.name)) and not restricted}}

    def _policy(self, request: dict[str, Any]) -> tuple[Bucket, str]:
        with self._store.read() as tx:
            bucket = held(tx, request)
            text = buckets.configuration(tx, bucket, "policy")
        if text is None:
            raise refused("NoSuchBucketPolicy", BucketName=bucket.name)
        return bucket, text

    def get_public_access_block(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The block: everything for a new bucket. Raises NoSuchPublicAccessBlockConfiguration."""
        with self._store.read() as tx:
            bucket = held(tx, request)
        if bucket.public_access is None:
            raise refused("NoSuchPublicAccessBlockConfiguration", BucketName=bucket.name)
        return {"PublicAccessBlockConfiguration": bucket.public_access}

    def put_public_access_block(self, context: Context, request: dict[str, Any]) -> None:
        """Replace the block; what is not named is not blocked."""
        given = request["PublicAccessBlockConfiguration"]
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            buckets.change(tx, bucket, public_access={name: bool(given.get(name)) for name in NOTHING_PUBLIC})

    def delete_public_access_block(self, context: Context, request: dict[str, Any]) -> None:
        """Remove the block."""
        with self._store.write() as tx:
            buckets.change(tx, held(tx, request, lock="update"), public_access=None)

    def get_bucket_ownership_controls(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Who owns new objects. Raises OwnershipControlsNotFoundError."""
        with self._store.read() as tx:
            bucket = held(tx, request)
        if bucket.ownership is None:
            raise refused("OwnershipControlsNotFoundError", BucketName=bucket.name)
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership}]}}

    def put_bucket_ownership_controls(self, context: Context, request: dict[str, Any]) -> None:
        """Set who owns new objects."""
        rules = request["OwnershipControls"].get("Rules") or []
        if len(rules) != 1:
            raise refused("MalformedXML")
        with self._store.write() as tx:
            buckets.change(tx, held(tx, request, lock="update"), ownership=rules[0]["ObjectOwnership"])

    def delete_bucket_ownership_controls(self, context: Context, request: dict[str, Any]) -> None:
        """Remove the setting."""
        with self._store.write() as tx:
            buckets.change(tx, held(tx, request, lock="update"), ownership=None)
