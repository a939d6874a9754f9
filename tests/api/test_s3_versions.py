"""Versioning and object lock over HTTP, as boto3 uses them."""

from __future__ import annotations

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


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


def switch(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def body(s3: Any, **where: Any) -> bytes:
    data: bytes = s3.get_object(**where)["Body"].read()
    return data


def test_versions_stay(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    where = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"before")
    switch(s3, bucket, "Enabled")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    one = s3.put_object(**where, Body=b"1")["VersionId"]
    two = s3.put_object(**where, Body=b"2")["VersionId"]
    assert body(s3, **where) == b"2"
    assert body(s3, **where, VersionId=one) == b"1"
    assert body(s3, **where, VersionId="null") == b"before"
    assert s3.get_object(**where)["VersionId"] == two
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={**where, "VersionId": one})
    assert copied["CopySourceVersionId"] == one
    assert body(s3, Bucket=bucket, Key="c") == b"1"


def test_delete_markers(s3: Any, bucket: str) -> None:
    switch(s3, bucket, "Enabled")
    where = {"Bucket": bucket, "Key": "k"}
    one = s3.put_object(**where, Body=b"1")["VersionId"]
    deleted = s3.delete_object(**where)
    assert deleted["DeleteMarker"] is True
    marker = deleted["VersionId"]
    with pytest.raises(ClientError) as raised:
        s3.get_object(**where)
    told = raised.value.response
    assert told["Error"]["Code"] == "NoSuchKey"
    assert told["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert told["ResponseMetadata"]["HTTPHeaders"]["x-amz-version-id"] == marker
    assert code(s3.get_object, **where, VersionId=marker) == "MethodNotAllowed"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert body(s3, **where, VersionId=one) == b"1"
    # A write where only a marker is counts as new.
    s3.put_object(**where, Body=b"2", IfNoneMatch="*")
    assert body(s3, **where) == b"2"
    # Taking the newest version away brings the one before back.
    again = s3.delete_object(**where)["VersionId"]
    gone = s3.delete_object(**where, VersionId=again)
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, again)
    assert body(s3, **where) == b"2"
    # A marker is made for keys that never were.
    assert s3.delete_object(Bucket=bucket, Key="never")["DeleteMarker"] is True


def test_suspended(s3: Any, bucket: str) -> None:
    switch(s3, bucket, "Enabled")
    where = {"Bucket": bucket, "Key": "k"}
    one = s3.put_object(**where, Body=b"1")["VersionId"]
    switch(s3, bucket, "Suspended")
    assert s3.put_object(**where, Body=b"null-1")["VersionId"] == "null"
    s3.put_object(**where, Body=b"null-2")
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [(v["VersionId"], v["IsLatest"]) for v in versions] == [("null", True), (one, False)]
    deleted = s3.delete_object(**where)
    assert (deleted["VersionId"], deleted["DeleteMarker"]) == ("null", True)
    found = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in found["Versions"]] == [one]
    assert [m["VersionId"] for m in found["DeleteMarkers"]] == ["null"]
    s3.delete_object(**where, VersionId="null")
    assert body(s3, **where) == b"1"


def test_deleting_versions_together(s3: Any, bucket: str) -> None:
    switch(s3, bucket, "Enabled")
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"] for _ in range(3)]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert code(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    every = [{"Key": "k", "VersionId": v} for v in [*ids, marker]]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": every})["Deleted"]
    assert {d["VersionId"] for d in done} == {*ids, marker}
    assert [d.get("DeleteMarkerVersionId") for d in done if d.get("DeleteMarker")] == [marker]
    s3.delete_bucket(Bucket=bucket)


def test_version_that_is_not(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code(s3.get_object, Bucket=bucket, Key="k", VersionId="none") == "NoSuchVersion"
    s3.delete_object(Bucket=bucket, Key="k", VersionId="none")


def test_tags_of_versions(s3: Any, bucket: str) -> None:
    switch(s3, bucket, "Enabled")
    where = {"Bucket": bucket, "Key": "k"}
    one = s3.put_object(**where, Body=b"1", Tagging="v=1")["VersionId"]
    s3.put_object(**where, Body=b"2", Tagging="v=2")
    assert s3.get_object_tagging(**where, VersionId=one)["TagSet"] == [{"Key": "v", "Value": "1"}]
    s3.put_object_tagging(**where, VersionId=one, Tagging={"TagSet": [{"Key": "v", "Value": "3"}]})
    assert s3.get_object_tagging(**where)["TagSet"] == [{"Key": "v", "Value": "2"}]


def test_locked_versions_cannot_be_deleted(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled"
    }
    where = {"Bucket": name, "Key": "k"}
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    held = s3.put_object(**where, Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)[
        "VersionId"
    ]
    assert s3.get_object_retention(**where)["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    assert code(s3.delete_object, **where, VersionId=held) == "AccessDenied"
    assert s3.delete_object(**where)["DeleteMarker"] is True
    s3.put_object_legal_hold(**where, VersionId=held, LegalHold={"Status": "ON"})
    assert code(s3.delete_object, **where, VersionId=held, BypassGovernanceRetention=True) == "AccessDenied"
    s3.put_object_legal_hold(**where, VersionId=held, LegalHold={"Status": "OFF"})
    s3.delete_object(**where, VersionId=held, BypassGovernanceRetention=True)
    assert code(s3.get_object, **where, VersionId=held) == "NoSuchVersion"


def test_default_retention(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}}}
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=rule)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    head = s3.head_object(Bucket=name, Key="k")
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert timedelta(days=1) < head["ObjectLockRetainUntilDate"] - datetime.now(UTC) <= timedelta(days=2)


def test_lock_needs_a_bucket_with_locks(s3: Any, bucket: str) -> None:
    assert code(s3.get_object_lock_configuration, Bucket=bucket) == "ObjectLockConfigurationNotFoundError"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    until = datetime.now(UTC) + timedelta(days=1)
    locked = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **locked) == "InvalidRequest"
    assert code(s3.get_object_retention, Bucket=bucket, Key="k") == "InvalidRequest"
