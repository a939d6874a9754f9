"""Multipart uploads. Parts are blobs; completing one writes no bytes, the object is the list of its parts.

Owns no state but the rows in ``store.uploads``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from mastic.aws.s3 import acls, assembly, copies, replies
from mastic.aws.s3.buckets import held
from mastic.aws.s3.listings import most, spelling
from mastic.aws.s3.objects import locks_allowed, received
from mastic.aws.s3.requests import (
    conditions,
    content,
    encryption,
    header_tags,
    key_of,
    origin,
    owned,
    retention,
    storage_class,
)
from mastic.context import Context
from mastic.objects import digests, listing
from mastic.objects.digests import Hashing, md5_hex
from mastic.objects.errors import refused
from mastic.objects.local import ATTEMPTS, EMPTY_MD5, LocalObjects, cut
from mastic.objects.versions import Conditions, Draft
from mastic.store import objects as rows
from mastic.store import uploads
from mastic.store.buckets import Bucket
from mastic.store.objects import Segment
from mastic.store.uploads import Part, Upload

HIGHEST_PART = 10_000


class Multipart:
    """Handlers."""

    def __init__(self, *, objects: LocalObjects) -> None:
        self._objects = objects

    def create_multipart_upload(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Begin an upload; what the object will say of itself is settled here."""
        key = key_of(request)
        algorithm, kind = assembly.checksum_of(request)
        acl, lock = acls.of_request(request, context), retention(request, self._objects.clock.now())
        said = content(request)
        draft = {
            "content": said,
            "tags": header_tags(request),
            "acl": acl,
            "lock": lock,
            "storage_class": storage_class(request),
        }
        upload = Upload(
            id=self._objects.ids.hex(64),
            bucket=0,
            key=key,
            initiated=self._objects.clock.now(),
            draft=draft,
            algorithm=algorithm,
            checksum_type=kind,
        )
        with self._objects.store.write() as tx:
            bucket = held(tx, request, lock="share")
            acls.allowed(bucket, acl)
            locks_allowed(bucket, lock)
            if bucket.encryption:
                said.setdefault("encryption", bucket.encryption)
            uploads.create(tx, _in(upload, bucket))
        return {
            "Bucket": bucket.name,
            "Key": key,
            "UploadId": upload.id,
            "ChecksumAlgorithm": algorithm,
            "ChecksumType": kind if algorithm else None,
            **replies.encryption(said),
        }

    def upload_part(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Store one part, replacing an earlier one of its number."""
        number, key = _number(request), key_of(request)
        body = received(request)
        encryption(request)
        with self._objects.store.read() as tx:
            _, upload = self._find(tx, request, key)
        if body is not None and upload.algorithm:
            assembly.check_part_algorithm(upload, body.sent)
        if body is not None:
            body.compute(*([upload.algorithm] if upload.algorithm else [digests.DEFAULT]))
        with self._objects.staged(body if body is not None else ()) as blob:
            checksums = dict(body.checksums) if body is not None else assembly.of_nothing(upload)
            part = Part(
                number=number,
                blob=blob.id if blob else None,
                size=blob.size if blob else 0,
                etag=md5_hex(checksums.pop("MD5")) if "MD5" in checksums else EMPTY_MD5,
                checksums=checksums,
                modified=self._objects.clock.now(),
            )
            self._put_part(request, key, part)
        sent = upload.algorithm or (body.sent if body is not None else None)
        told = {replies.checksum_member(sent): checksums[sent]} if sent in checksums and sent else {}
        return {"ETag": replies.quoted(part.etag), **told, **replies.encryption(upload.draft["content"])}

    def upload_part_copy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """A part from an object or a range of one; shared with it where it lies in one piece."""
        for _ in range(ATTEMPTS):
            try:
                return self._copy_part(request)
            except copies.SourceChanged:
                continue
        raise refused("OperationAborted")

    def _copy_part(self, request: dict[str, Any]) -> dict[str, Any]:
        number, key = _number(request), key_of(request)
        home, source, pieces = copies.open_source(self._objects, request)
        covered = assembly.copied_range(source, request.get("CopySourceRange"))
        if covered.length > copies.LARGEST_COPY:
            raise refused(
                "InvalidRequest", "The specified copy source is larger than the maximum allowable size"
            )
        with self._objects.store.read() as tx:
            _, upload = self._find(tx, request, key)
        wanted = upload.algorithm or digests.DEFAULT
        needed = cut(pieces, covered.first, covered.length)
        hashing = Hashing(self._objects.bytes_of(needed), ("MD5", wanted))
        if len(needed) == 1:
            for _ in hashing:
                pass
            self._put_part(request, key, self._part(number, needed[0], hashing), home, source)
        else:
            with self._objects.staged(hashing) as blob:
                piece = Segment(blob=blob.id if blob else None, size=blob.size if blob else 0)
                self._put_part(request, key, self._part(number, piece, hashing))
        told = {replies.checksum_member(wanted): hashing.checksums[wanted]} if upload.algorithm else {}
        return {
            "CopyPartResult": {
                "ETag": replies.quoted(md5_hex(hashing.checksums["MD5"])),
                "LastModified": replies.seconds(self._objects.clock.now()),
                **told,
            },
            "CopySourceVersionId": replies.version_of(home, source),
            **replies.encryption(upload.draft["content"]),
        }

    def _part(self, number: int, piece: Segment, hashing: Hashing) -> Part:
        checksums = hashing.checksums
        return Part(
            number=number,
            blob=piece.blob,
            start=piece.start,
            size=piece.size,
            etag=md5_hex(checksums.pop("MD5")),
            checksums=checksums,
            modified=self._objects.clock.now(),
        )

    def _put_part(self, request: dict[str, Any], key: str, part: Part, *source: Any) -> None:
        with self._objects.store.write() as tx:
            if source:
                copies.still_there(tx, *source)
            _, upload = self._find(tx, request, key, lock=True)
            replaced = uploads.put_part(tx, upload, part)
            rows.discard(tx, [replaced] if replaced else [], self._objects.clock.now())

    def complete_multipart_upload(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Make the object from its parts. Asked again after it was done, the answer is the same."""
        key, asked = key_of(request), conditions(request)
        listed = assembly.listed_parts(request)
        result = self._objects.transact(lambda tx: self._complete(tx, context, request, key, asked, listed))
        return {
            **result,
            "Location": f"{context.endpoint}/{request['Bucket']}/{spelling({'EncodingType': 'url'})(key)}",
        }

    def _complete(
        self,
        tx: Connection,
        context: Context,
        request: dict[str, Any],
        key: str,
        asked: Conditions,
        listed: Sequence[dict[str, Any]],
    ) -> dict[str, Any]:
        bucket, upload = self._find(tx, request, key, lock=True, finished=True)
        if upload.state == uploads.COMPLETED:
            return dict(upload.result or {})
        stored = {part.number: part for part in uploads.parts(tx, upload)}
        parts = assembly.chosen(upload, listed, stored)
        checksum = assembly.checksum(upload, parts, request)
        draft = Draft(
            key=key,
            size=sum(part.size for part in parts),
            etag=digests.multipart_etag([part.etag for part in parts]),
            segments=[assembly.segment(upload, part) for part in parts],
            part_count=len(parts),
            checksum=checksum,
            **upload.draft,
        )
        home, made = self._objects.commit_in(
            tx,
            bucket.name,
            draft,
            conditions=asked,
            origin=origin(context, "ObjectCreated:CompleteMultipartUpload"),
        )
        result = {"Bucket": bucket.name, "Key": key, **replies.written(home, made)}
        uploads.complete(tx, upload, result, self._objects.clock.now())
        used = {part.number for part in parts}
        unused = [part.blob for part in stored.values() if part.number not in used and part.blob]
        rows.discard(tx, unused, self._objects.clock.now())
        return result

    def abort_multipart_upload(self, context: Context, request: dict[str, Any]) -> None:
        """Drop an upload and its parts."""
        key = key_of(request)
        with self._objects.store.write() as tx:
            _, upload = self._find(tx, request, key, lock=True)
            rows.discard(tx, uploads.remove(tx, upload), self._objects.clock.now())

    def list_parts(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The parts that have arrived, by number."""
        key, limit, after = key_of(request), most(request, "MaxParts"), request.get("PartNumberMarker", 0)
        with self._objects.store.read() as tx:
            bucket, upload = self._find(tx, request, key)
            parts = uploads.parts(tx, upload, after=int(after), limit=limit + 1)
        shown = parts[:limit]
        owner = acls.owner(bucket.account)
        return {
            "Bucket": bucket.name,
            "Key": key,
            "UploadId": upload.id,
            "PartNumberMarker": int(after),
            "NextPartNumberMarker": shown[-1].number if shown else 0,
            "MaxParts": limit,
            "IsTruncated": len(parts) > limit,
            "Parts": [assembly.told_part(upload, part) for part in shown],
            "Owner": owner,
            "Initiator": owner,
            "StorageClass": upload.draft["storage_class"],
            "ChecksumAlgorithm": upload.algorithm,
            "ChecksumType": upload.checksum_type if upload.algorithm else None,
        }

    def list_multipart_uploads(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Uploads under way, by key."""
        spell, limit = spelling(request), most(request, "MaxUploads")
        prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
        marker, id_marker = request.get("KeyMarker", ""), request.get("UploadIdMarker") or None
        with self._objects.store.read() as tx:
            bucket = held(tx, request)
            start = listing.start_of(marker, prefix, delimiter)
            if marker and id_marker and start == listing.first_after(marker):
                start = marker
            else:
                id_marker = None
            page = assembly.UploadPage(limit=limit)
            page.fill(
                lambda at, after, end, size: uploads.page(tx, bucket, at, after, end, size),
                prefix=prefix, delimiter=delimiter, start=start, after=id_marker,
            )  # fmt: skip
        return {
            "Bucket": bucket.name,
            "Prefix": spell(prefix),
            "Delimiter": spell(delimiter) if delimiter else None,
            "KeyMarker": spell(marker),
            "UploadIdMarker": request.get("UploadIdMarker", ""),
            "NextKeyMarker": spell(page.last_key),
            "NextUploadIdMarker": page.last_id,
            "MaxUploads": limit,
            "IsTruncated": page.truncated,
            "EncodingType": request.get("EncodingType"),
            "Uploads": [assembly.told_upload(bucket, upload, spell) for upload in page.uploads],
            "CommonPrefixes": [{"Prefix": spell(p)} for p in page.prefixes],
        }

    def _find(
        self, tx: Connection, request: dict[str, Any], key: str, *, lock: bool = False, finished: bool = False
    ) -> tuple[Bucket, Upload]:
        """The request's upload. Raises NoSuchUpload."""
        bucket = held(tx, request, lock="share" if lock else "")
        upload = uploads.find(tx, bucket, key, request["UploadId"], lock=lock)
        if upload is None or (upload.state != uploads.OPEN and not finished):
            raise refused("NoSuchUpload", UploadId=request["UploadId"])
        owned(bucket, request)
        return bucket, upload


def _number(request: dict[str, Any]) -> int:
    number: int = request["PartNumber"]
    if not 1 <= number <= HIGHEST_PART:
        raise refused(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {HIGHEST_PART}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=str(number),
        )
    return number


def _in(upload: Upload, bucket: Bucket) -> Upload:
    from dataclasses import replace

    return replace(upload, bucket=bucket.id)
