"""S3 objects over HTTP, as boto3 uses them."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(server: Any) -> Any:
    return server.client("s3")


@pytest.fixture
def bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    return name


def failure(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_what_was_put_is_what_is_got(s3: Any, bucket: str) -> None:
    made = s3.put_object(
        Bucket=bucket,
        Key="dir/a b+c&ä☃.txt",
        Body=b"hello",
        ContentType="text/plain",
        CacheControl="no-cache",
        ContentDisposition="attachment",
        ContentEncoding="gzip",
        ContentLanguage="de",
        Expires=datetime(2030, 1, 2, tzinfo=UTC),
        Metadata={"One": "1", "two": "zwei"},
        StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/other",
        Tagging="a=b&c=d%20e",
    )
    assert made["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert "VersionId" not in made
    found = s3.get_object(Bucket=bucket, Key="dir/a b+c&ä☃.txt")
    assert found["Body"].read() == b"hello"
    assert found["ContentType"] == "text/plain"
    assert found["CacheControl"] == "no-cache"
    assert found["ContentDisposition"] == "attachment"
    assert found["ContentEncoding"] == "gzip"
    assert found["ContentLanguage"] == "de"
    assert found["ExpiresString"] == "Wed, 02 Jan 2030 00:00:00 GMT"
    assert found["Metadata"] == {"one": "1", "two": "zwei"}
    assert found["StorageClass"] == "STANDARD_IA"
    assert found["WebsiteRedirectLocation"] == "/other"
    assert found["TagCount"] == 2
    assert found["ServerSideEncryption"] == "AES256"
    assert found["AcceptRanges"] == "bytes"
    head = s3.head_object(Bucket=bucket, Key="dir/a b+c&ä☃.txt")
    for name in ("ETag", "ContentLength", "ContentType", "Metadata", "LastModified", "StorageClass"):
        assert head[name] == found[name]


def test_an_empty_object(s3: Any, bucket: str) -> None:
    made = s3.put_object(Bucket=bucket, Key="empty")
    assert made["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'
    found = s3.get_object(Bucket=bucket, Key="empty")
    assert (found["Body"].read(), found["ContentLength"]) == (b"", 0)
    assert failure(s3.get_object, Bucket=bucket, Key="empty", Range="bytes=0-") == ("InvalidRange", 416)


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "a/../b",
        "/leading",
        "a//b",
        ".",
        "..",
        "trailing/",
        "ends with space ",
        "%2e%2e/x",
    ],
)
def test_no_key_leads_out_of_its_bucket(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_a_key_beside_a_key_below_it(s3: Any, bucket: str) -> None:
    for key in ("a", "a/b", "a/b/c"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in ("a", "a/b", "a/b/c"):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


def test_long_keys(s3: Any, bucket: str) -> None:
    longest = "ä" * 512
    s3.put_object(Bucket=bucket, Key=longest, Body=b"x")
    assert s3.get_object(Bucket=bucket, Key=longest)["Body"].read() == b"x"
    assert failure(s3.put_object, Bucket=bucket, Key=longest + "x", Body=b"x") == ("KeyTooLongError", 400)


def test_missing_things(s3: Any, bucket: str) -> None:
    assert failure(s3.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert failure(s3.head_object, Bucket=bucket, Key="none") == ("404", 404)
    assert failure(s3.get_object, Bucket=bucket + "x", Key="none") == ("NoSuchBucket", 404)
    assert failure(s3.put_object, Bucket=bucket + "x", Key="none", Body=b"") == ("NoSuchBucket", 404)
    assert failure(s3.list_objects_v2, Bucket=bucket + "x") == ("NoSuchBucket", 404)
    s3.delete_object(Bucket=bucket, Key="none")
    assert failure(s3.delete_object, Bucket=bucket + "x", Key="none") == ("NoSuchBucket", 404)


@pytest.mark.parametrize(
    ("asked", "body", "told"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-5", b"2345", "bytes 2-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ],
)
def test_ranges(s3: Any, bucket: str, asked: str, body: bytes, told: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    found = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert (found["Body"].read(), found["ContentRange"]) == (body, told)
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    head = s3.head_object(Bucket=bucket, Key="k", Range=asked)
    assert (head["ContentLength"], head["ContentRange"]) == (len(body), told)


def test_ranges_that_are_none(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    for odd in ("bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "bytes=x-y"):
        found = s3.get_object(Bucket=bucket, Key="k", Range=odd)
        assert (found["Body"].read(), found["ResponseMetadata"]["HTTPStatusCode"]) == (b"0123456789", 200)
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidRange"
    assert error["ActualObjectSize"] == "10"


def test_read_preconditions(s3: Any, bucket: str) -> None:
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    earlier, later = modified - timedelta(hours=1), modified + timedelta(hours=1)
    where = {"Bucket": bucket, "Key": "k"}
    for call in (s3.get_object, s3.head_object):
        assert call(**where, IfMatch=tag)["ETag"] == tag
        assert call(**where, IfNoneMatch='"other"')["ETag"] == tag
        assert call(**where, IfUnmodifiedSince=later)["ETag"] == tag
        assert call(**where, IfModifiedSince=earlier)["ETag"] == tag
        # If-Match that holds outweighs If-Unmodified-Since, If-None-Match that holds outweighs If-Modified-Since.
        assert call(**where, IfMatch=tag, IfUnmodifiedSince=earlier)["ETag"] == tag
        assert failure(call, **where, IfNoneMatch=tag, IfModifiedSince=earlier) == ("304", 304)
        assert failure(call, **where, IfModifiedSince=modified) == ("304", 304)
    assert failure(s3.get_object, **where, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert failure(s3.get_object, **where, IfUnmodifiedSince=earlier) == ("PreconditionFailed", 412)


def test_overridden_headers(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="a/b")
    found = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="c/d",
        ResponseContentDisposition="inline",
        ResponseCacheControl="x",
    )
    assert (found["ContentType"], found["ContentDisposition"], found["CacheControl"]) == (
        "c/d",
        "inline",
        "x",
    )


def test_conditional_writes(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    assert failure(s3.put_object, **where, Body=b"x", IfMatch='"a"') == ("NoSuchKey", 404)
    first = s3.put_object(**where, Body=b"1", IfNoneMatch="*")["ETag"]
    assert failure(s3.put_object, **where, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert failure(s3.put_object, **where, Body=b"2", IfMatch='"wrong"') == ("PreconditionFailed", 412)
    second = s3.put_object(**where, Body=b"2", IfMatch=first)["ETag"]
    assert failure(s3.put_object, **where, Body=b"3", IfMatch=first) == ("PreconditionFailed", 412)
    assert s3.get_object(**where)["Body"].read() == b"2"
    assert failure(s3.put_object, **where, Body=b"3", IfNoneMatch=second)[0] == "NotImplemented"
    assert failure(s3.delete_object, **where, IfMatch=first) == ("PreconditionFailed", 412)
    s3.delete_object(**where, IfMatch=second)
    assert failure(s3.get_object, **where) == ("NoSuchKey", 404)


def test_digests_are_compared(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k", "Body": b"hello"}
    right = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    s3.put_object(**where, ContentMD5=right)
    assert failure(s3.put_object, **{**where, "Body": b"hello"}, ContentMD5=wrong) == ("BadDigest", 400)
    assert failure(s3.put_object, **where, ContentMD5="bm90IGFuIG1kNQ==") == ("InvalidDigest", 400)
    sha = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert failure(s3.put_object, **where, ChecksumSHA256=sha) == ("BadDigest", 400)


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("CRC32", "NhCmhg=="),
        ("CRC32C", "mnG7TA=="),
        ("CRC64NVME", "M3eFcAZSQlc="),
        ("SHA1", base64.b64encode(hashlib.sha1(b"hello").digest()).decode()),
        ("SHA256", base64.b64encode(hashlib.sha256(b"hello").digest()).decode()),
    ],
)
def test_checksums_are_kept_and_told(s3: Any, bucket: str, algorithm: str, value: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    # A stream makes botocore send aws-chunked with the checksum in the trailer.
    made = s3.put_object(**where, Body=io.BytesIO(b"hello"), ChecksumAlgorithm=algorithm)
    assert made[f"Checksum{algorithm}"] == value
    found = s3.get_object(**where, ChecksumMode="ENABLED")
    assert (found["Body"].read(), found[f"Checksum{algorithm}"]) == (b"hello", value)
    assert found["ChecksumType"] == "FULL_OBJECT"
    assert f"Checksum{algorithm}" not in s3.head_object(**where)
    attributes = s3.get_object_attributes(**where, ObjectAttributes=["Checksum", "ETag", "ObjectSize"])
    assert attributes["Checksum"] == {f"Checksum{algorithm}": value, "ChecksumType": "FULL_OBJECT"}
    assert (attributes["ObjectSize"], attributes["ETag"]) == (5, hashlib.md5(b"hello").hexdigest())
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == [algorithm]


def test_without_a_checksum_s3_makes_its_own(server: Any, bucket: str) -> None:
    plain = server.client("s3", request_checksum_calculation="when_required")
    assert plain.put_object(Bucket=bucket, Key="k", Body=b"hello")["ChecksumCRC64NVME"] == "M3eFcAZSQlc="


def test_copies(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket, Key="from/ä +", Body=b"hello", ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1"
    )
    source = {"Bucket": bucket, "Key": "from/ä +"}
    done = s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
    assert done["CopyObjectResult"]["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    found = s3.get_object(Bucket=bucket, Key="to")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"hello", "a/b", {"m": "1"})
    assert s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(
        Bucket=bucket, Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"},
        TaggingDirective="REPLACE", Tagging="u=2", ContentType="c/d",
    )  # fmt: skip
    found = s3.get_object(Bucket=bucket, Key="to")
    assert (found["ContentType"], found["Metadata"]) == ("c/d", {"n": "2"})
    assert s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"] == [{"Key": "u", "Value": "2"}]
    # The copy stands by itself.
    s3.delete_object(**source)
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"hello"
    assert failure(s3.copy_object, Bucket=bucket, Key="x", CopySource=source) == ("NoSuchKey", 404)
    onto_itself = {"Bucket": bucket, "Key": "to", "CopySource": {"Bucket": bucket, "Key": "to"}}
    assert failure(s3.copy_object, **onto_itself) == ("InvalidRequest", 400)
    s3.copy_object(**onto_itself, StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key="to")["StorageClass"] == "STANDARD_IA"


def test_conditional_copies(s3: Any, bucket: str) -> None:
    tag = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ETag"]
    source = {"Bucket": bucket, "Key": "a"}
    refused = ("PreconditionFailed", 412)
    assert (
        failure(s3.copy_object, Bucket=bucket, Key="b", CopySource=source, CopySourceIfMatch='"x"') == refused
    )
    assert (
        failure(s3.copy_object, Bucket=bucket, Key="b", CopySource=source, CopySourceIfNoneMatch=tag)
        == refused
    )
    s3.copy_object(Bucket=bucket, Key="b", CopySource=source, CopySourceIfMatch=tag, IfNoneMatch="*")
    assert failure(s3.copy_object, Bucket=bucket, Key="b", CopySource=source, IfNoneMatch="*") == refused


def test_deleting_many(s3: Any, bucket: str) -> None:
    keys = [f"k{n}" for n in range(25)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in [*keys[:20], "none"]]})
    assert sorted(d["Key"] for d in done["Deleted"]) == sorted([*keys[:20], "none"])
    quiet = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": k} for k in keys[20:]], "Quiet": True}
    )
    assert "Deleted" not in quiet
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a", "ETag": '"wrong"'}]})
    assert [e["Code"] for e in done["Errors"]] == ["PreconditionFailed"]


def test_object_tags(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"x")
    assert s3.get_object_tagging(**where)["TagSet"] == []
    s3.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "a", "Value": "ä b"}]})
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "a", "Value": "ä b"}]
    many = [{"Key": f"k{n}", "Value": ""} for n in range(11)]
    assert failure(s3.put_object_tagging, **where, Tagging={"TagSet": many}) == ("BadRequest", 400)
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert failure(s3.put_object_tagging, **where, Tagging={"TagSet": twice}) == ("InvalidTag", 400)
    s3.delete_object_tagging(**where)
    assert s3.get_object_tagging(**where)["TagSet"] == []


def test_metadata_has_a_limit(s3: Any, bucket: str) -> None:
    big = {"a": "x" * 2047}
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata=big)
    big["a"] += "x"
    assert failure(s3.put_object, Bucket=bucket, Key="k", Body=b"", Metadata=big) == ("MetadataTooLarge", 400)


def test_archived_objects_are_restored_before_they_are_read(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"x", StorageClass="GLACIER")
    assert failure(s3.get_object, **where) == ("InvalidObjectState", 403)
    s3.restore_object(**where, RestoreRequest={"Days": 1})
    assert 'ongoing-request="false"' in s3.head_object(**where)["Restore"]
    assert s3.get_object(**where)["Body"].read() == b"x"


def test_object_lists_of_grants(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"x")
    found = s3.get_object_acl(**where)
    assert [g["Permission"] for g in found["Grants"]] == ["FULL_CONTROL"]
    assert failure(s3.put_object_acl, **where, ACL="public-read") == ("AccessControlListNotSupported", 400)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    assert failure(s3.put_object_acl, **where, ACL="public-read") == ("AccessDenied", 403)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object_acl(**where, ACL="public-read")
    assert sorted(g["Permission"] for g in s3.get_object_acl(**where)["Grants"]) == ["FULL_CONTROL", "READ"]


def test_what_is_not_done_is_refused(s3: Any, bucket: str) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    code = failure(
        s3.put_object, Bucket=bucket, Key="k", Body=b"", SSECustomerAlgorithm="AES256", SSECustomerKey=key
    )
    assert code == ("NotImplemented", 501)
