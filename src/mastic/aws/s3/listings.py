"""Listing objects and versions. Owns no state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from mastic.aws.s3 import acls
from mastic.aws.s3.buckets import held, make_token, read_token
from mastic.aws.s3.replies import quoted, seconds
from mastic.context import Context
from mastic.objects import listing
from mastic.objects.errors import refused
from mastic.store import objects
from mastic.store.buckets import Bucket
from mastic.store.engine import Store
from mastic.store.objects import ObjectVersion

MOST = 1000


def spelling(request: dict[str, Any]) -> Callable[[str], str]:
    """How keys are written in the reply: as they are, or URL-encoded. Raises InvalidArgument."""
    kind = request.get("EncodingType")
    if kind is None:
        return str
    if kind != "url":
        raise refused(
            "InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentName="encoding-type"
        )
    return lambda text: quote_plus(text, safe="/*")


def most(request: dict[str, Any], member: str = "MaxKeys") -> int:
    """The page size asked for, 1000 at most. Raises InvalidArgument for a negative one."""
    asked = request.get(member, MOST)
    if asked < 0:
        name = {"MaxKeys": "max-keys", "MaxUploads": "max-uploads", "MaxParts": "max-parts"}[member]
        raise refused(
            "InvalidArgument",
            f"Argument {name} must be an integer between 0 and 2147483647",
            ArgumentName=name,
        )
    return min(int(asked), MOST)


class Listings:
    """Handlers."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def list_objects(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Version 1: pages by marker."""
        spell, limit = spelling(request), most(request)
        prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
        bucket, page = self._page(request, prefix, delimiter, request.get("Marker", ""), limit)
        following = page.next_after if delimiter else None
        return {
            "Name": bucket.name,
            "Prefix": spell(prefix),
            "Marker": spell(request.get("Marker", "")),
            "MaxKeys": limit,
            "Delimiter": spell(delimiter) if delimiter else None,
            "EncodingType": request.get("EncodingType"),
            "IsTruncated": page.next_after is not None,
            "NextMarker": None if following is None else spell(following),
            "Contents": _contents(page.rows, spell, acls.owner(bucket.account)),
            "CommonPrefixes": [{"Prefix": spell(p)} for p in page.prefixes],
        }

    def list_objects_v2(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Version 2: pages by continuation token."""
        spell, limit = spelling(request), most(request)
        prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
        token = request.get("ContinuationToken")
        if token == "":
            read_token("garbage")
        after = read_token(token) or request.get("StartAfter", "")
        bucket, page = self._page(request, prefix, delimiter, after, limit)
        owner = acls.owner(bucket.account) if request.get("FetchOwner") else None
        return {
            "Name": bucket.name,
            "Prefix": spell(prefix),
            "StartAfter": spell(request["StartAfter"]) if request.get("StartAfter") else None,
            "ContinuationToken": token,
            "NextContinuationToken": None if page.next_after is None else make_token(page.next_after),
            "KeyCount": page.count,
            "MaxKeys": limit,
            "Delimiter": spell(delimiter) if delimiter else None,
            "EncodingType": request.get("EncodingType"),
            "IsTruncated": page.next_after is not None,
            "Contents": _contents(page.rows, spell, owner),
            "CommonPrefixes": [{"Prefix": spell(p)} for p in page.prefixes],
        }

    def _page(
        self, request: dict[str, Any], prefix: str, delimiter: str, after: str, limit: int
    ) -> tuple[Bucket, listing.Page]:
        with self._store.read() as tx:
            bucket = held(tx, request)
            page = listing.page(tx, bucket, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        return bucket, page

    def list_object_versions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Every version and delete marker, newest first within a key."""
        spell, limit = spelling(request), most(request)
        prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
        marker, version_marker = request.get("KeyMarker", ""), request.get("VersionIdMarker")
        if version_marker and not marker:
            raise refused(
                "InvalidArgument", "A version-id marker cannot be specified without a key marker.",
                ArgumentName="version-id-marker", ArgumentValue=version_marker,
            )  # fmt: skip
        with self._store.read() as tx:
            bucket = held(tx, request)
            before = None
            start = listing.start_of(marker, prefix, delimiter)
            if version_marker and start is not None and start == listing.first_after(marker):
                last = objects.version(tx, bucket, marker, version_marker)
                start, before = marker, 0 if last is None else last.sequence
            page = VersionPage(limit=limit)
            page.fill(
                lambda at, seq, end, size: objects.version_page(tx, bucket, at, seq, end, size),
                prefix=prefix, delimiter=delimiter, start=start, before=before,
            )  # fmt: skip
        owner = acls.owner(bucket.account)
        return {
            "Name": bucket.name,
            "Prefix": spell(prefix),
            "KeyMarker": spell(marker),
            "VersionIdMarker": version_marker or "",
            "NextKeyMarker": spell(page.next_key) if page.next_key is not None else None,
            "NextVersionIdMarker": page.next_version,
            "MaxKeys": limit,
            "Delimiter": spell(delimiter) if delimiter else None,
            "EncodingType": request.get("EncodingType"),
            "IsTruncated": page.next_key is not None,
            "Versions": [_version(v, spell, owner) for v in page.versions if not v.delete_marker],
            "DeleteMarkers": [_marker(v, spell, owner) for v in page.versions if v.delete_marker],
            "CommonPrefixes": [{"Prefix": spell(p)} for p in page.prefixes],
        }


class VersionPage:
    """A page of versions; ``next_key`` is None on the last."""

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self.versions: list[ObjectVersion] = []
        self.prefixes: list[str] = []
        self.next_key: str | None = None
        self.next_version: str | None = None

    def fill(
        self,
        fetch: Callable[[str, int | None, str | None, int], list[ObjectVersion]],
        *,
        prefix: str,
        delimiter: str,
        start: str | None,
        before: int | None,
    ) -> None:
        """Read on until the page is full or the bucket at its end."""
        end = listing.successor(prefix) if prefix else None
        size = self.limit + 1
        last: tuple[str, str | None] = ("", None)
        while start is not None and self.limit > 0:
            found = fetch(start, before, end, size)
            skip: str | None = None
            for version in found:
                if skip is not None and version.key < skip:
                    continue
                if len(self.versions) + len(self.prefixes) >= self.limit:
                    self.next_key, self.next_version = last
                    return
                rolled = listing.common_prefix(version.key, prefix, delimiter)
                if rolled is None:
                    self.versions.append(version)
                    last = (version.key, version.version_id)
                    start, before = version.key, version.sequence
                    continue
                self.prefixes.append(rolled)
                last = (rolled, None)
                skip = start = listing.successor(rolled)
                before = None
                if skip is None:
                    return
            if len(found) < size:
                return


def _contents(
    rows: list[Any], spell: Callable[[str], str], owner: dict[str, str] | None
) -> list[dict[str, Any]]:
    out = []
    for key, size, etag, modified, storage_class, checksum, _ in rows:
        item = {
            "Key": spell(key),
            "LastModified": seconds(modified),
            "ETag": quoted(etag),
            "Size": size,
            "StorageClass": storage_class,
        }
        if checksum:
            item["ChecksumAlgorithm"] = [checksum["algorithm"]]
            item["ChecksumType"] = checksum["type"]
        if owner is not None:
            item["Owner"] = owner
        out.append(item)
    return out


def _version(found: ObjectVersion, spell: Callable[[str], str], owner: dict[str, str]) -> dict[str, Any]:
    out = _marker(found, spell, owner) | {
        "ETag": quoted(found.etag),
        "Size": found.size,
        "StorageClass": found.storage_class,
    }
    if found.checksum:
        out |= {"ChecksumAlgorithm": [found.checksum["algorithm"]], "ChecksumType": found.checksum["type"]}
    return out


def _marker(found: ObjectVersion, spell: Callable[[str], str], owner: dict[str, str]) -> dict[str, Any]:
    return {
        "Key": spell(found.key),
        "VersionId": found.version_id,
        "IsLatest": found.latest,
        "LastModified": seconds(found.modified),
        "Owner": owner,
    }
