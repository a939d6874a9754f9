"""Multipart uploads over HTTP, as boto3 uses them."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zlib
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024
ONE, TWO, THREE = (bytes([n]) * (5 * MIB + n) for n in (1, 2, 3))


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3")


@pytest.fixture
def plain(server: Any) -> Any:
    """A client that sends no checksums by itself."""
    return server.client("s3", request_checksum_calculation="when_required")


@pytest.fixture
def bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    return name


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


def upload(
    client: Any, where: dict[str, Any], bodies: list[bytes], **said: Any
) -> tuple[str, list[dict[str, Any]]]:
    upload_id = client.create_multipart_upload(**where, **said)["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        done = client.upload_part(
            **where, UploadId=upload_id, PartNumber=number, Body=body,
            **({"ChecksumAlgorithm": said["ChecksumAlgorithm"]} if "ChecksumAlgorithm" in said else {}),
        )  # fmt: skip
        sums = {k: v for k, v in done.items() if k.startswith("Checksum") and k != "ChecksumType"}
        parts.append({"PartNumber": number, "ETag": done["ETag"], **sums})
    return upload_id, parts


def multipart_etag(bodies: list[bytes]) -> str:
    joined = b"".join(hashlib.md5(b).digest() for b in bodies)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(bodies)}"'


def test_parts_become_an_object(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    bodies = [ONE, TWO, b"end"]
    upload_id, parts = upload(s3, where, bodies, ContentType="a/b", Metadata={"m": "1"})
    assert code(s3.head_object, **where) == "404"
    listed = s3.list_parts(**where, UploadId=upload_id, MaxParts=2)
    assert ([p["PartNumber"] for p in listed["Parts"]], listed["IsTruncated"]) == ([1, 2], True)
    listed = s3.list_parts(**where, UploadId=upload_id, PartNumberMarker=2)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(3, 3)]
    done = s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert done["ETag"] == multipart_etag(bodies)
    assert done["Location"].endswith(f"/{bucket}/big")
    found = s3.get_object(**where)
    assert found["Body"].read() == b"".join(bodies)
    assert (found["ETag"], found["ContentType"], found["Metadata"]) == (done["ETag"], "a/b", {"m": "1"})
    # A client that lost the answer asks again.
    again = s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert again["ETag"] == done["ETag"]
    assert code(s3.list_parts, **where, UploadId=upload_id) == "NoSuchUpload"


def test_ranges_across_parts(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    bodies = [ONE, TWO, b"end"]
    upload_id, parts = upload(s3, where, bodies)
    s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    whole = b"".join(bodies)
    for first, last in (
        (0, 9),
        (len(ONE) - 2, len(ONE) + 1),
        (len(ONE), len(ONE)),
        (len(whole) - 4, len(whole) - 1),
    ):
        got = s3.get_object(**where, Range=f"bytes={first}-{last}")
        assert got["Body"].read() == whole[first : last + 1]
    second = s3.get_object(**where, PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (TWO, 3)
    assert second["ContentRange"] == f"bytes {len(ONE)}-{len(ONE) + len(TWO) - 1}/{len(whole)}"
    assert s3.head_object(**where, PartNumber=3)["ContentLength"] == 3
    assert code(s3.get_object, **where, PartNumber=4) == "InvalidPartNumber"


def test_refusals(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    upload_id, parts = upload(s3, where, [b"small", b"end"])
    finish = {**where, "UploadId": upload_id}
    complete = s3.complete_multipart_upload
    assert code(complete, **finish, MultipartUpload={"Parts": parts}) == "EntityTooSmall"
    assert code(complete, **finish, MultipartUpload={"Parts": parts[::-1]}) == "InvalidPartOrder"
    assert (
        code(complete, **finish, MultipartUpload={"Parts": [{"PartNumber": 9, "ETag": '"x"'}]})
        == "InvalidPart"
    )
    wrong = [{**parts[0], "ETag": parts[1]["ETag"]}]
    assert code(complete, **finish, MultipartUpload={"Parts": wrong}) == "InvalidPart"
    assert code(complete, **finish, MultipartUpload={"Parts": []}) == "MalformedXML"
    for number in (0, 10001):
        assert code(s3.upload_part, **finish, PartNumber=number, Body=b"") == "InvalidArgument"
    assert code(s3.upload_part, **{**finish, "UploadId": "none"}, PartNumber=1, Body=b"") == "NoSuchUpload"
    s3.abort_multipart_upload(**finish)
    assert code(s3.abort_multipart_upload, **finish) == "NoSuchUpload"
    assert code(complete, **finish, MultipartUpload={"Parts": parts}) == "NoSuchUpload"
    assert code(s3.head_object, **where) == "404"


def test_only_the_named_parts_count(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    upload_id, parts = upload(s3, where, [ONE, TWO, b"end"])
    replaced = s3.upload_part(**where, UploadId=upload_id, PartNumber=1, Body=THREE)
    parts[0] = {"PartNumber": 1, "ETag": replaced["ETag"], "ChecksumCRC32": replaced["ChecksumCRC32"]}
    s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": [parts[0], parts[2]]})
    assert s3.get_object(**where)["Body"].read() == THREE + b"end"


def test_composite_checksums(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    bodies = [ONE, b"end"]
    upload_id, parts = upload(s3, where, bodies, ChecksumAlgorithm="SHA256")
    bare = [{"PartNumber": p["PartNumber"], "ETag": p["ETag"]} for p in parts]
    finish = {**where, "UploadId": upload_id}
    assert code(s3.complete_multipart_upload, **finish, MultipartUpload={"Parts": bare}) == "InvalidRequest"
    done = s3.complete_multipart_upload(**finish, MultipartUpload={"Parts": parts})
    joined = b"".join(hashlib.sha256(b).digest() for b in bodies)
    expected = f"{base64.b64encode(hashlib.sha256(joined).digest()).decode()}-2"
    assert (done["ChecksumSHA256"], done["ChecksumType"]) == (expected, "COMPOSITE")
    head = s3.head_object(**where, ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (expected, "COMPOSITE")
    attributes = s3.get_object_attributes(**where, ObjectAttributes=["ObjectParts", "Checksum"], MaxParts=1)
    assert attributes["ObjectParts"]["TotalPartsCount"] == 2
    assert attributes["ObjectParts"]["Parts"][0]["Size"] == len(ONE)
    assert attributes["ObjectParts"]["IsTruncated"] is True


def test_full_object_checksums(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    bodies = [ONE, b"end"]
    expected = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
    said = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
    upload_id, parts = upload(s3, where, bodies, **said)
    finish = {
        **where,
        "UploadId": upload_id,
        "MultipartUpload": {"Parts": parts},
        "ChecksumType": "FULL_OBJECT",
    }
    assert code(s3.complete_multipart_upload, **finish, ChecksumCRC32="AAAAAA==") == "BadDigest"
    assert code(s3.complete_multipart_upload, **finish, MpuObjectSize=7) == "InvalidRequest"
    done = s3.complete_multipart_upload(**finish, ChecksumCRC32=expected, MpuObjectSize=len(ONE) + 3)
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (expected, "FULL_OBJECT")
    assert s3.get_object(**where, ChecksumMode="ENABLED")["ChecksumCRC32"] == expected


def test_without_checksums_the_whole_gets_one(plain: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    upload_id, parts = upload(plain, where, [ONE, b"end"])
    assert all(set(p) == {"PartNumber", "ETag"} for p in parts)
    done = plain.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    whole = plain.put_object(Bucket=bucket, Key="same", Body=ONE + b"end")
    assert done["ChecksumCRC64NVME"] == whole["ChecksumCRC64NVME"]


def test_conditional_completion(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "big"}
    upload_id, parts = upload(s3, where, [b"end"])
    s3.put_object(**where, Body=b"first")
    finish = {**where, "UploadId": upload_id, "MultipartUpload": {"Parts": parts}}
    assert code(s3.complete_multipart_upload, **finish, IfNoneMatch="*") == "PreconditionFailed"
    assert s3.get_object(**where)["Body"].read() == b"first"
    s3.delete_object(**where)
    s3.complete_multipart_upload(**finish, IfNoneMatch="*")
    assert s3.get_object(**where)["Body"].read() == b"end"


def test_parts_from_objects(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "made"}
    s3.put_object(Bucket=bucket, Key="source", Body=ONE + TWO)
    source = {"Bucket": bucket, "Key": "source"}
    upload_id = s3.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, span in enumerate((f"bytes=3-{len(ONE) + 3}", "bytes=0-9"), 1):
        done = s3.upload_part_copy(
            **where, UploadId=upload_id, PartNumber=number, CopySource=source, CopySourceRange=span
        )["CopyPartResult"]
        parts.append({"PartNumber": number, **{k: v for k, v in done.items() if k != "LastModified"}})
    beyond = {"CopySource": source, "CopySourceRange": f"bytes=0-{len(ONE + TWO)}"}
    assert code(s3.upload_part_copy, **where, UploadId=upload_id, PartNumber=3, **beyond) == "InvalidArgument"
    s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
    # The parts' bytes outlive the object they were copied from.
    s3.delete_object(**source)
    assert s3.get_object(**where)["Body"].read() == (ONE + TWO)[3 : len(ONE) + 4] + ONE[:10]
    # And a copy of a multipart object is a plain one.
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=where)
    copied = s3.get_object(Bucket=bucket, Key="copy")
    whole = copied["Body"].read()
    assert copied["ETag"] == f'"{hashlib.md5(whole).hexdigest()}"'
    assert s3.head_object(Bucket=bucket, Key="copy", PartNumber=1)["ContentLength"] == len(whole)


def test_listing_uploads(s3: Any, bucket: str) -> None:
    expected = []
    for key in ("a", "b/1", "b/2", "c"):
        ids = sorted(s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for _ in range(2))
        expected += [(key, i) for i in ids]
    for size in (1, 3, 1000):
        pages = list(
            s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=bucket, PaginationConfig={"PageSize": size}
            )
        )
        assert [(u["Key"], u["UploadId"]) for p in pages for u in p.get("Uploads", ())] == expected
    page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", Prefix="")
    assert [c["Prefix"] for c in page["CommonPrefixes"]] == ["b/"]
    assert {u["Key"] for u in page["Uploads"]} == {"a", "c"}


def test_transfers_up_and_down(s3: Any, bucket: str, tmp_path: Any) -> None:
    data = os.urandom(24 * MIB + 17)
    settings = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(data), bucket, "file", Config=settings)
    assert s3.head_object(Bucket=bucket, Key="file")["ETag"].endswith('-4"')
    s3.download_file(bucket, "file", str(tmp_path / "file"), Config=settings)
    assert (tmp_path / "file").read_bytes() == data
