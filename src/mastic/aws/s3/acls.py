"""Access control lists: canned, by grant headers, or given as documents. Owns no state but the stored lists.

Mastic stores and tells them as S3 does; who may do what is not decided by them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mastic.aws.s3.requests import key_of, origin, owned
from mastic.context import Context
from mastic.objects.errors import no_such_bucket, refused
from mastic.objects.local import LocalObjects
from mastic.store import buckets
from mastic.store.buckets import Bucket
from mastic.store.engine import Store

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_GRANTEE = re.compile(r"""\s*(id|uri|emailAddress)\s*=\s*"?([^",]+)"?\s*""")
_HEADERS = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
_CANNED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED, "READ"),),
    "aws-exec-read": (),
    "bucket-owner-read": (),
    "bucket-owner-full-control": (),
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
}
ENFORCED = "BucketOwnerEnforced"


def owner(account: str) -> dict[str, str]:
    """The canonical user of an account: 64 hexadecimal digits, the same for ever."""
    import hashlib

    return {"ID": hashlib.sha256(f"canonical-user:{account}".encode()).hexdigest()}


def _grant(who: Mapping[str, str], permission: str) -> dict[str, Any]:
    return {"Grantee": dict(who), "Permission": permission}


def _full_control(account: str) -> dict[str, Any]:
    return _grant({"Type": "CanonicalUser", **owner(account)}, "FULL_CONTROL")


def of_request(request: Mapping[str, Any], context: Context) -> list[dict[str, Any]] | None:
    """The grants that the headers ask for beside the owner's; None when they ask for nothing.

    Raises InvalidRequest, InvalidArgument, MalformedACLError.
    """
    canned = request.get("ACL")
    named = {header: request[header] for header in _HEADERS if request.get(header)}
    if canned and named:
        raise refused("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    if canned:
        if canned not in _CANNED:
            raise refused("InvalidArgument", ArgumentName="x-amz-acl", ArgumentValue=canned)
        if canned in ("private", "bucket-owner-full-control", "bucket-owner-read"):
            return [] if canned == "private" else None
        return [_full_control(context.account_id)] + [
            _grant({"Type": "Group", "URI": uri}, permission) for uri, permission in _CANNED[canned]
        ]
    if not named:
        return None
    grants = []
    for header, text in named.items():
        for part in text.split(","):
            match = _GRANTEE.fullmatch(part)
            if match is None:
                raise refused(
                    "InvalidArgument",
                    "Argument format not recognized",
                    ArgumentName=header,
                    ArgumentValue=text,
                )
            kind = {"id": "CanonicalUser", "uri": "Group", "emailAddress": "AmazonCustomerByEmail"}[match[1]]
            field = {"id": "ID", "uri": "URI", "emailAddress": "EmailAddress"}[match[1]]
            grants.append(_grant({"Type": kind, field: match[2]}, _HEADERS[header]))
    return grants


def is_public(grants: list[dict[str, Any]] | None) -> bool:
    """True when everybody, or every AWS user, is granted something."""
    return any(grant["Grantee"].get("URI") in (ALL_USERS, AUTHENTICATED) for grant in grants or ())


def allowed(bucket: Bucket, grants: list[dict[str, Any]] | None) -> None:
    """Raise AccessControlListNotSupported or AccessDenied where the bucket does not take such a list."""
    if not grants:
        return
    if bucket.ownership == ENFORCED:
        raise refused("AccessControlListNotSupported")
    if bucket.blocks_public_acls and is_public(grants):
        raise refused("AccessDenied")


class Acls:
    """Handlers."""

    def __init__(self, *, store: Store, objects: LocalObjects) -> None:
        self._store = store
        self._objects = objects

    def get_bucket_acl(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The bucket's list."""
        with self._store.read() as tx:
            bucket = _bucket(buckets.find(tx, request["Bucket"]), request)
            grants = buckets.configuration(tx, bucket, "acl")
        return _document(bucket, grants)

    def put_bucket_acl(self, context: Context, request: dict[str, Any]) -> None:
        """Replace the bucket's list."""
        with self._store.write() as tx:
            bucket = _bucket(buckets.find(tx, request["Bucket"], lock="update"), request)
            grants = _given(request, context)
            allowed(bucket, grants)
            buckets.configure(tx, bucket, "acl", grants)

    def get_object_acl(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The version's list."""
        bucket, found = self._objects.locate(request["Bucket"], key_of(request), request.get("VersionId"))
        owned(bucket, request)
        if found.delete_marker:
            raise refused("MethodNotAllowed")
        return _document(bucket, found.acl)

    def put_object_acl(self, context: Context, request: dict[str, Any]) -> None:
        """Replace the version's list."""
        grants, key = _given(request, context), key_of(request)

        def change(bucket: Bucket) -> dict[str, Any]:
            owned(bucket, request)
            allowed(bucket, grants)
            return {"acl": grants}

        self._objects.change(
            request["Bucket"],
            key,
            request.get("VersionId"),
            lambda bucket, _: change(bucket),
            origin=origin(context, "ObjectAcl:Put"),
        )


def _bucket(found: Bucket | None, request: Mapping[str, Any]) -> Bucket:
    if found is None:
        raise no_such_bucket(request["Bucket"])
    owned(found, request)
    return found


def _given(request: Mapping[str, Any], context: Context) -> list[dict[str, Any]]:
    document = request.get("AccessControlPolicy")
    grants = of_request(request, context)
    if grants is not None:
        if document and document.get("Grants"):
            raise refused("UnexpectedContent")
        return grants
    if document is None:
        if request.get("ACL"):
            return []
        raise refused(
            "MissingSecurityHeader",
            "Your request was missing a required header",
            MissingHeaderName="x-amz-acl",
        )
    if "Owner" not in document or "Grants" not in document:
        raise refused("MalformedACLError")
    for grant in document["Grants"]:
        who = grant.get("Grantee") or {}
        if "Permission" not in grant or not any(who.get(field) for field in ("ID", "URI", "EmailAddress")):
            raise refused("MalformedACLError")
    mine = owner(context.account_id)["ID"]
    own = [g for g in document["Grants"] if g["Grantee"].get("ID") == mine]
    # Only the owner's full control: what every object has anyway.
    if own == list(document["Grants"]) and all(g["Permission"] == "FULL_CONTROL" for g in own):
        return []
    return list(document["Grants"])


def _document(bucket: Bucket, grants: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {"Owner": owner(bucket.account), "Grants": grants or [_full_control(bucket.account)]}
