"""The rules by which parts become an object: order, sizes, checksums. Owns no state."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mastic.aws.s3 import acls, replies
from mastic.aws.s3.replies import Extent
from mastic.aws.s3.requests import etag
from mastic.objects import digests, listing
from mastic.objects.digests import COMPOSITE, DEFAULT, FULL_OBJECT, LINEAR, Hashing
from mastic.objects.errors import refused
from mastic.store.buckets import Bucket
from mastic.store.objects import ObjectVersion, Segment
from mastic.store.uploads import Part, Upload

SMALLEST_PART = 5 * 1024**2
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)\Z")


def checksum_of(request: Mapping[str, Any]) -> tuple[str | None, str]:
    """The algorithm and kind of checksum that an upload's creator chose. Raises InvalidRequest."""
    algorithm, kind = request.get("ChecksumAlgorithm"), request.get("ChecksumType")
    if algorithm is None:
        if kind is not None:
            raise refused(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )
        return None, FULL_OBJECT
    if algorithm not in ALGORITHMS:
        raise refused(
            "InvalidRequest", f"The {algorithm} algorithm is not supported in multipart uploads by Mastic."
        )
    kind = kind or (FULL_OBJECT if algorithm == "CRC64NVME" else COMPOSITE)
    if (kind == FULL_OBJECT and algorithm not in LINEAR) or (kind == COMPOSITE and algorithm == "CRC64NVME"):
        raise refused(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
        )
    return algorithm, kind


def check_part_algorithm(upload: Upload, sent: str | None) -> None:
    """Raise InvalidRequest for a part whose checksum is not the upload's.

    A part without any is accepted where the whole's can be computed all the same.
    """
    if sent != upload.algorithm and not (sent is None and upload.checksum_type == FULL_OBJECT):
        actual = sent.lower() if sent else "null"
        raise refused(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {(upload.algorithm or 'null').lower()}, "
            f"actual checksum Type: {actual}",
        )


def of_nothing(upload: Upload) -> dict[str, str]:
    """The checksums of an empty part."""
    hashing = Hashing((), ("MD5", upload.algorithm or DEFAULT))
    return hashing.checksums


def copied_range(source: ObjectVersion, header: str | None) -> Extent:
    """What ``x-amz-copy-source-range`` covers. Raises InvalidArgument."""
    if not header:
        return Extent(first=0, length=source.size)
    match = _COPY_RANGE.match(header)
    if match is None or int(match[2]) < int(match[1]):
        raise refused(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=header,
        )
    first, last = int(match[1]), int(match[2])
    if last >= source.size:
        raise refused(
            "InvalidArgument",
            f"Range specified is not valid for source object of size: {source.size}",
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=header,
        )
    return Extent(first=first, length=last - first + 1)


def listed_parts(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts a CompleteMultipartUpload names. Raises MalformedXML, InvalidPartOrder."""
    listed: list[dict[str, Any]] = (request.get("MultipartUpload") or {}).get("Parts") or []
    if not listed or any("PartNumber" not in p or "ETag" not in p for p in listed):
        raise refused("MalformedXML")
    numbers = [p["PartNumber"] for p in listed]
    if any(b <= a for a, b in itertools.pairwise(numbers)):
        raise refused("InvalidPartOrder", UploadId=request["UploadId"])
    return listed


def chosen(upload: Upload, listed: Sequence[Mapping[str, Any]], stored: Mapping[int, Part]) -> list[Part]:
    """The stored parts that were named. Raises InvalidPart, EntityTooSmall, InvalidRequest."""
    out = []
    for said in listed:
        part = stored.get(said["PartNumber"])
        if part is None or part.etag != etag(said["ETag"]):
            raise refused(
                "InvalidPart", UploadId=upload.id, PartNumber=said["PartNumber"], ETag=etag(said["ETag"])
            )
        for algorithm in ALGORITHMS:
            value = said.get(replies.checksum_member(algorithm))
            if value is not None and part.checksums.get(algorithm, value) != value:
                raise refused("InvalidPart", UploadId=upload.id, PartNumber=part.number, ETag=part.etag)
        told = upload.algorithm and said.get(replies.checksum_member(upload.algorithm))
        if upload.algorithm and upload.checksum_type == COMPOSITE and told is None:
            raise refused(
                "InvalidRequest",
                f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must "
                f"include the checksum for each part. It was missing for part {part.number} in the request.",
            )
        out.append(part)
    for part in out[:-1]:
        if part.size < SMALLEST_PART:
            raise refused(
                "EntityTooSmall",
                ProposedSize=part.size,
                MinSizeAllowed=SMALLEST_PART,
                PartNumber=part.number,
                ETag=part.etag,
            )
    return out


def checksum(upload: Upload, parts: Sequence[Part], request: Mapping[str, Any]) -> dict[str, str]:
    """The object's checksum, compared with what the client says it is. Raises BadDigest, InvalidRequest."""
    algorithm = upload.algorithm or DEFAULT
    if upload.checksum_type == COMPOSITE:
        value = digests.composite(algorithm, [part.checksums[algorithm] for part in parts])
    else:
        value = digests.combined(algorithm, [(part.checksums[algorithm], part.size) for part in parts])
    kind = request.get("ChecksumType")
    if kind is not None and kind != upload.checksum_type:
        raise refused(
            "InvalidRequest",
            f"The upload was created using the {upload.checksum_type} checksum mode. The complete request must use "
            "the same checksum mode.",
        )
    said = request.get(replies.checksum_member(algorithm))
    if said is not None and said != value and f"{said}-{len(parts)}" != value:
        raise refused("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    size = request.get("MpuObjectSize")
    total = sum(part.size for part in parts)
    if size is not None and size != total:
        raise refused(
            "InvalidRequest",
            f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: {total}",
        )
    return {"algorithm": algorithm, "type": upload.checksum_type or FULL_OBJECT, "value": value}


def segment(upload: Upload, part: Part) -> Segment:
    """A part as a piece of the object."""
    told = None
    if upload.algorithm and upload.algorithm in part.checksums:
        told = {upload.algorithm: part.checksums[upload.algorithm]}
    return Segment(blob=part.blob, start=part.start, size=part.size, part_number=part.number, checksum=told)


def told_part(upload: Upload, part: Part) -> dict[str, Any]:
    """A part in a listing."""
    told = {
        "PartNumber": part.number,
        "LastModified": replies.seconds(part.modified),
        "ETag": replies.quoted(part.etag),
        "Size": part.size,
    }
    if upload.algorithm and upload.algorithm in part.checksums:
        told[replies.checksum_member(upload.algorithm)] = part.checksums[upload.algorithm]
    return told


def told_upload(bucket: Bucket, upload: Upload, spell: Callable[[str], str]) -> dict[str, Any]:
    """An upload in a listing."""
    owner = acls.owner(bucket.account)
    return {
        "UploadId": upload.id,
        "Key": spell(upload.key),
        "Initiated": replies.seconds(upload.initiated),
        "StorageClass": upload.draft["storage_class"],
        "Owner": owner,
        "Initiator": owner,
        "ChecksumAlgorithm": upload.algorithm,
        "ChecksumType": upload.checksum_type if upload.algorithm else None,
    }


class UploadPage:
    """A page of uploads and common prefixes."""

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self.uploads: list[Upload] = []
        self.prefixes: list[str] = []
        self.last_key = ""
        self.last_id = ""
        self.truncated = False

    def fill(
        self,
        fetch: Callable[[str, str | None, str | None, int], list[Upload]],
        *,
        prefix: str,
        delimiter: str,
        start: str | None,
        after: str | None,
    ) -> None:
        """Read on until the page is full or there is no more."""
        end = listing.successor(prefix) if prefix else None
        size = self.limit + 1
        while start is not None and self.limit > 0:
            found = fetch(start, after, end, size)
            skip: str | None = None
            for upload in found:
                if skip is not None and upload.key < skip:
                    continue
                if len(self.uploads) + len(self.prefixes) >= self.limit:
                    self.truncated = True
                    return
                rolled = listing.common_prefix(upload.key, prefix, delimiter)
                if rolled is None:
                    self.uploads.append(upload)
                    start, after = self.last_key, self.last_id = upload.key, upload.id
                    continue
                self.prefixes.append(rolled)
                self.last_key, self.last_id = rolled, ""
                skip = start = listing.successor(rolled)
                after = None
                if skip is None:
                    return
            if len(found) < size:
                return
