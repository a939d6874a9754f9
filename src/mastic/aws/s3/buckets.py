"""Buckets: create, delete, find, list. Owns no state but the rows in ``store.buckets``."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from typing import Any

from mastic.aws.s3 import acls
from mastic.aws.s3.requests import owned, tags
from mastic.clock import Clock
from mastic.context import Context
from mastic.objects.errors import no_such_bucket, refused
from mastic.store import buckets, objects, uploads
from mastic.store.buckets import Bucket
from mastic.store.engine import Duplicate, Store
from mastic.wire.dispatch import Response

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]\Z")
_RESERVED = (("xn--", "sthree-", "amzn-s3-demo-"), ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"))
_REGION = re.compile(r"(EU|[a-z]{2}(-[a-z]+)+-\d)\Z")
FIRST_REGION = "us-east-1"


class Buckets:
    """Handlers."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create_bucket(self, context: Context, request: dict[str, Any]) -> Any:
        """Make a bucket. In us-east-1 making one's own again succeeds."""
        name = request["Bucket"]
        check_name(name)
        region = _region(context, request.get("CreateBucketConfiguration") or {})
        ownership = request.get("ObjectOwnership") or acls.ENFORCED
        grants = acls.of_request(request, context)
        given = tags((request.get("CreateBucketConfiguration") or {}).get("Tags") or (), most=50)
        reply = Response({"Location": f"/{name}"}, headers={"x-amz-bucket-arn": f"arn:aws:s3:::{name}"})
        try:
            with self._store.write() as tx:
                made = buckets.create(
                    tx,
                    name=name,
                    account=context.account_id,
                    region=region,
                    now=self._clock.now(),
                    lock=bool(request.get("ObjectLockEnabledForBucket")),
                    ownership=ownership,
                )
                acls.allowed(made, grants)
                if grants:
                    buckets.configure(tx, made, "acl", grants)
                if given:
                    buckets.configure(tx, made, "tagging", given)
        except Duplicate:
            self._taken(context, name, region)
        return reply

    def _taken(self, context: Context, name: str, region: str) -> None:
        with self._store.read() as tx:
            there = buckets.find(tx, name)
        if there is not None and there.account != context.account_id:
            raise refused("BucketAlreadyExists", BucketName=name)
        if there is None or not region == there.region == FIRST_REGION:
            raise refused("BucketAlreadyOwnedByYou", BucketName=name)

    def delete_bucket(self, context: Context, request: dict[str, Any]) -> None:
        """Delete an empty bucket, and the uploads under way in it."""
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            if not objects.is_empty(tx, bucket):
                if bucket.versioning:
                    raise refused(
                        "BucketNotEmpty",
                        "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                        BucketName=bucket.name,
                    )
                raise refused("BucketNotEmpty", BucketName=bucket.name)
            for upload in uploads.of_bucket(tx, bucket):
                objects.discard(tx, uploads.remove(tx, upload), self._clock.now())
            buckets.remove(tx, bucket)

    def head_bucket(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Whether the bucket is there, and where."""
        with self._store.read() as tx:
            bucket = held(tx, request)
        return {"BucketRegion": bucket.region, "BucketArn": bucket.arn, "AccessPointAlias": False}

    def get_bucket_location(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The bucket's region as this old call spells it: nothing for us-east-1."""
        with self._store.read() as tx:
            bucket = held(tx, request)
        return {"LocationConstraint": None if bucket.region == FIRST_REGION else bucket.region}

    def list_buckets(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The account's buckets by name."""
        limit = request.get("MaxBuckets") or 10000
        prefix = request.get("Prefix", "")
        with self._store.read() as tx:
            found = buckets.page(
                tx,
                account=context.account_id,
                region=request.get("BucketRegion", ""),
                prefix=prefix,
                after=read_token(request.get("ContinuationToken")),
                limit=limit + 1,
            )
        paged = request.get("MaxBuckets") is not None or bool(prefix)
        return {
            "Owner": acls.owner(context.account_id),
            "Buckets": [_listed(bucket, paged) for bucket in found[:limit]],
            "Prefix": prefix or None,
            "ContinuationToken": make_token(found[limit - 1].name) if len(found) > limit else None,
        }


def _listed(bucket: Bucket, paged: bool) -> dict[str, Any]:
    out = {"Name": bucket.name, "CreationDate": bucket.created.replace(microsecond=0)}
    return out | ({"BucketRegion": bucket.region, "BucketArn": bucket.arn} if paged else {})


def held(tx: Any, request: dict[str, Any], *, lock: str = "") -> Bucket:
    """The request's bucket. Raises NoSuchBucket, AccessDenied for an unexpected owner."""
    bucket = buckets.find(tx, request["Bucket"], lock=lock)
    if bucket is None:
        raise no_such_bucket(request["Bucket"])
    owned(bucket, request)
    return bucket


def check_name(name: str) -> None:
    """Raise InvalidBucketName for a name that breaks S3's rules."""
    good = bool(_NAME.match(name)) and ".." not in name
    if good and (name.startswith(_RESERVED[0]) or name.endswith(_RESERVED[1])):
        good = False
    try:
        ipaddress.IPv4Address(name)
        good = False
    except ValueError:
        pass
    if not good:
        raise refused("InvalidBucketName", BucketName=name)


def _region(context: Context, configuration: dict[str, Any]) -> str:
    """Where the bucket goes. Raises InvalidLocationConstraint, IllegalLocationConstraintException."""
    asked = configuration.get("LocationConstraint")
    if configuration.get("Bucket", {}).get("Type") or configuration.get("Location"):
        raise refused("NotImplemented", "Directory buckets are not implemented by Mastic")
    if asked is not None and (asked == FIRST_REGION or not _REGION.match(asked)):
        raise refused("InvalidLocationConstraint", LocationConstraint=asked)
    asked = "eu-west-1" if asked == "EU" else asked
    if context.region == FIRST_REGION:
        return asked or FIRST_REGION
    if asked is None:
        raise refused(
            "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint this request "
            "was sent to.",
        )
    if asked != context.region:
        raise refused(
            "IllegalLocationConstraintException",
            f"The {asked} location constraint is incompatible for the region specific endpoint this request was "
            "sent to.",
        )
    return asked


def make_token(position: str) -> str:
    """An opaque continuation token that garbage is told from."""
    data = position.encode()
    return base64.urlsafe_b64encode(binascii.crc32(data).to_bytes(4, "big") + data).decode()


def read_token(token: str | None) -> str:
    """The position in a token; empty without one. Raises InvalidArgument."""
    if token is None:
        return ""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        if len(raw) >= 4 and binascii.crc32(raw[4:]).to_bytes(4, "big") == raw[:4]:
            return raw[4:].decode()
    except ValueError:
        pass
    raise refused(
        "InvalidArgument", "The continuation token provided is incorrect", ArgumentName="continuation-token"
    )
