"""Buckets and their configurations over HTTP, as boto3, the AWS CLI and Terraform use them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
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


def told(reply: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reply.items() if key != "ResponseMetadata"}


def test_the_life_of_a_bucket(s3: Any, name: str) -> None:
    made = s3.create_bucket(Bucket=name)
    assert made["Location"] == f"/{name}"
    head = s3.head_bucket(Bucket=name)
    assert head["BucketRegion"] == "us-east-1"
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"")
    assert code(s3.delete_bucket, Bucket=name) == "BucketNotEmpty"
    s3.delete_object(Bucket=name, Key="k")
    s3.create_multipart_upload(Bucket=name, Key="unfinished")
    s3.delete_bucket(Bucket=name)
    assert code(s3.head_bucket, Bucket=name) == "404"
    assert code(s3.delete_bucket, Bucket=name) == "NoSuchBucket"
    # A new bucket of the old name begins empty.
    s3.create_bucket(Bucket=name)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=name)


def test_regions(server: Any, s3: Any, name: str) -> None:
    west = server.client("s3", region="eu-west-1")
    assert code(west.create_bucket, Bucket=name) == "IllegalLocationConstraintException"
    place = {"LocationConstraint": "eu-west-1"}
    west.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    assert west.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    assert code(west.create_bucket, Bucket=name, CreateBucketConfiguration=place) == "BucketAlreadyOwnedByYou"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"
    s3.create_bucket(Bucket=name + "-us")
    assert s3.get_bucket_location(Bucket=name + "-us")["LocationConstraint"] is None


@pytest.mark.parametrize(
    "wrong",
    ["Upper", "under_score", "ab", "a" * 64, "a..b", "-start", "end-", "192.168.1.1", "xn--a", "a-s3alias"],
)
def test_bucket_names(server: Any, wrong: str) -> None:
    request = urllib.request.Request(f"{server.endpoint}/{wrong}", method="PUT", data=b"")
    request.add_header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, "
                       "SignedHeaders=host, Signature=" + "0" * 64)  # fmt: skip
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)
    assert raised.value.code == 400
    assert b"InvalidBucketName" in raised.value.read()


def test_pages_of_buckets(s3: Any, name: str) -> None:
    names = [f"{name}-{n}" for n in range(5)]
    for each in names:
        s3.create_bucket(Bucket=each)
    found, token = [], {}
    while True:
        page = s3.list_buckets(Prefix=name, MaxBuckets=2, **token)
        found += [b["Name"] for b in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert found == names


def test_another_owner(s3: Any, bucket: str) -> None:
    assert code(s3.get_bucket_versioning, Bucket=bucket, ExpectedBucketOwner="210987654321") == "AccessDenied"
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ExpectedBucketOwner="123456789012")
    other = {"Bucket": bucket, "Key": "k", "ExpectedBucketOwner": "210987654321"}
    assert code(s3.put_object, **other, Body=b"") == "AccessDenied"
    assert code(s3.delete_object, **other) == "AccessDenied"
    assert code(s3.get_object, **other) == "AccessDenied"


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("get_bucket_cors", "NoSuchCORSConfiguration"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_policy_status", "NoSuchBucketPolicy"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_bucket_tagging", "NoSuchTagSet"),
        ("get_bucket_website", "NoSuchWebsiteConfiguration"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
    ],
)
def test_what_is_not_set_has_its_own_error(s3: Any, bucket: str, operation: str, error: str) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(s3, operation)(Bucket=bucket)
    assert raised.value.response["Error"]["Code"] == error
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_what_a_new_bucket_says(s3: Any, bucket: str) -> None:
    assert told(s3.get_bucket_accelerate_configuration(Bucket=bucket)) == {}
    assert told(s3.get_bucket_logging(Bucket=bucket)) == {}
    assert told(s3.get_bucket_notification_configuration(Bucket=bucket)) == {}
    assert told(s3.get_bucket_versioning(Bucket=bucket)) == {}
    assert told(s3.get_bucket_request_payment(Bucket=bucket)) == {"Payer": "BucketOwner"}
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    owned = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owned == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert [g["Permission"] for g in grants] == ["FULL_CONTROL"]


CONFIGURATIONS: list[tuple[str, str, Any, str]] = [
    (
        "bucket_cors",
        "CORSConfiguration",
        {"CORSRules": [{"ID": "r", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 3}]},
        "NoSuchCORSConfiguration",
    ),
    (
        "bucket_website",
        "WebsiteConfiguration",
        {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "e.html"}},
        "NoSuchWebsiteConfiguration",
    ),
    ("bucket_tagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "b"}]}, "NoSuchTagSet"),
]


@pytest.mark.parametrize(("noun", "member", "given", "error"), CONFIGURATIONS)
def test_configurations_there_and_back(
    s3: Any, bucket: str, noun: str, member: str, given: Any, error: str
) -> None:
    getattr(s3, f"put_{noun}")(Bucket=bucket, **{member: given})
    assert told(getattr(s3, f"get_{noun}")(Bucket=bucket)) == given
    getattr(s3, f"delete_{noun}")(Bucket=bucket)
    assert code(getattr(s3, f"get_{noun}"), Bucket=bucket) == error
    getattr(s3, f"delete_{noun}")(Bucket=bucket)


def test_lifecycle(s3: Any, bucket: str) -> None:
    rules = [
        {
            "ID": "r",
            "Status": "Enabled",
            "Filter": {"Prefix": "a/"},
            "Expiration": {"Days": 3},
            "Transitions": [{"Days": 1, "StorageClass": "STANDARD_IA"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 2},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert found["Rules"] == rules
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert code(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == "NoSuchLifecycleConfiguration"
    zero = [{**rules[0], "Expiration": {"Days": 0}}]
    refusal = code(
        s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": zero}
    )
    assert refusal == "InvalidArgument"


def test_default_encryption(s3: Any, bucket: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"},
        "BucketKeyEnabled": True,
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"] == [rule]
    made = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert (made["ServerSideEncryption"], made["SSEKMSKeyId"]) == ("aws:kms", "alias/mine")
    assert made["BucketKeyEnabled"] is True
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "aws:kms"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"


def test_policies(s3: Any, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    statement = {"Sid": "tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
                 "Condition": {"Bool": {"aws:SecureTransport": "false"}}}  # fmt: skip
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    public = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/*"}]})  # fmt: skip
    assert code(s3.put_bucket_policy, Bucket=bucket, Policy=public) == "AccessDenied"
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False,
    }  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert code(s3.put_bucket_policy, Bucket=bucket, Policy="[]") == "MalformedPolicy"
    other = public.replace(arn, "arn:aws:s3:::other")
    assert code(s3.put_bucket_policy, Bucket=bucket, Policy=other) == "MalformedPolicy"
    s3.delete_bucket_policy(Bucket=bucket)
    assert code(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    s3.delete_public_access_block(Bucket=bucket)
    assert code(s3.get_public_access_block, Bucket=bucket) == "NoSuchPublicAccessBlockConfiguration"
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert code(s3.get_bucket_ownership_controls, Bucket=bucket) == "OwnershipControlsNotFoundError"


def test_logging(s3: Any, bucket: str) -> None:
    target = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "logs/"}}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=target)
    assert told(s3.get_bucket_logging(Bucket=bucket)) == target
    missing = {"LoggingEnabled": {"TargetBucket": bucket + "x", "TargetPrefix": ""}}
    assert (
        code(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=missing)
        == "InvalidTargetBucketForLogging"
    )
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert told(s3.get_bucket_logging(Bucket=bucket)) == {}


def test_named_configurations(s3: Any, bucket: str) -> None:
    metrics = {"Id": "m", "Filter": {"Prefix": "a/"}}
    s3.put_bucket_metrics_configuration(Bucket=bucket, Id="m", MetricsConfiguration=metrics)
    assert s3.get_bucket_metrics_configuration(Bucket=bucket, Id="m")["MetricsConfiguration"] == metrics
    assert s3.list_bucket_metrics_configurations(Bucket=bucket)["MetricsConfigurationList"] == [metrics]
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="m")
    assert code(s3.get_bucket_metrics_configuration, Bucket=bucket, Id="m") == "NoSuchConfiguration"
    assert code(s3.get_bucket_analytics_configuration, Bucket=bucket, Id="m") == "NoSuchConfiguration"


def test_replication_is_refused(s3: Any, bucket: str) -> None:
    given = {"Role": "arn:aws:iam::123456789012:role/r", "Rules": [
        {"Status": "Enabled", "Priority": 1, "Filter": {}, "DeleteMarkerReplication": {"Status": "Disabled"},
         "Destination": {"Bucket": "arn:aws:s3:::other"}}]}  # fmt: skip
    assert code(s3.put_bucket_replication, Bucket=bucket, ReplicationConfiguration=given) == "NotImplemented"


def test_cross_origin_requests(server: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
        {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.com"], "AllowedHeaders": ["x-*"],
         "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}]})  # fmt: skip

    def preflight(origin: str, method: str, headers: str) -> Any:
        request = urllib.request.Request(f"{server.endpoint}/{bucket}/k", method="OPTIONS")
        request.add_header("Origin", origin)
        request.add_header("Access-Control-Request-Method", method)
        request.add_header("Access-Control-Request-Headers", headers)
        return urllib.request.urlopen(request)

    allowed = preflight("https://a.example.com", "PUT", "x-one, x-two").headers
    assert allowed["Access-Control-Allow-Origin"] == "https://a.example.com"
    assert allowed["Access-Control-Allow-Methods"] == "GET, PUT"
    assert allowed["Access-Control-Max-Age"] == "60"
    for origin, method, headers in (
        ("https://evil.com", "GET", ""),
        ("https://a.example.com", "DELETE", ""),
        ("https://a.example.com", "GET", "authorization"),
    ):
        with pytest.raises(urllib.error.HTTPError) as raised:
            preflight(origin, method, headers)
        assert raised.value.code == 403
