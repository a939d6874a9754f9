"""Real clients over a real socket: boto3 and the AWS CLI against small handlers."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from mastic.clock import SystemClock
from mastic.context import Context, HttpRequest
from mastic.errors import ServiceError
from mastic.wire.asgi import Gateway
from mastic.wire.dispatch import Body, FileBody, Registry, Response, waits
from mastic.wire.sigv4 import Authenticator, Secret
from tests.wire.doors import serving

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)


class Databases:
    def get_database(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if request["Name"] == "missing":
            raise ServiceError("EntityNotFoundException", "Database missing not found.")
        return {"Database": {"Name": request["Name"], "CatalogId": context.account_id, "CreateTime": WHEN}}

    def create_table(self, context: Context, request: dict[str, Any]) -> None:
        raise RuntimeError("a bug of ours")


class Queries:
    def stop_query_execution(self, context: Context, request: dict[str, Any]) -> None:
        raise ServiceError("InvalidRequestException", "no", AthenaErrorCode="INVALID_INPUT")


class Objects:
    """Buckets in a directory: enough to move bytes both ways."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.seen: dict[str, Any] = {}

    def _path(self, key: str) -> Path:
        return self._directory / hashlib.sha256(key.encode()).hexdigest()

    def put_object(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("IfNoneMatch") == "*" and self._path(request["Key"]).exists():
            raise ServiceError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
            )
        body: Body = request["Body"]
        body.compute("MD5")
        with self._path(request["Key"]).open("wb") as file:
            for piece in body:
                file.write(piece)
        self.seen = {
            **request,
            "checksums": body.checksums,
            "length": body.length,
            "bucket": request["Bucket"],
        }
        return {"ETag": f'"{base64.b64decode(body.checksums["MD5"]).hex()}"'}

    def get_object(self, context: Context, request: dict[str, Any]) -> Any:
        path = self._path(request["Key"])
        if not path.exists():
            raise ServiceError("NoSuchKey", "The specified key does not exist.", Key=request["Key"])
        size = path.stat().st_size
        told = {
            "AcceptRanges": "bytes",
            "LastModified": WHEN,
            "Metadata": {"who": "me"},
            "ContentLength": size,
        }
        if "Range" in request:
            first, last = (int(n) for n in request["Range"].removeprefix("bytes=").split("-"))
            told["ContentRange"] = f"bytes {first}-{last}/{size}"
            body = FileBody(path=path, offset=first, length=last - first + 1)
            return Response({**told, "Body": body}, status=206)
        if request["Key"] == "generated":
            return {"Body": (b"piece %d;" % i for i in range(3)), "Metadata": {}}
        return {**told, "Body": FileBody(path=os.open(path, os.O_RDONLY), length=size)}

    def head_object(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        path = self._path(request["Key"])
        if not path.exists():
            raise ServiceError("NoSuchKey", "The specified key does not exist.")
        return {"ContentLength": path.stat().st_size, "LastModified": WHEN, "ETag": '"e"'}

    def list_objects_v2(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        contents = [{"Key": "a b<&>", "Size": 3, "LastModified": WHEN, "ETag": '"e"'}]
        return {"Name": request["Bucket"], "KeyCount": 1, "IsTruncated": False, "Contents": contents}

    def get_bucket_location(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"LocationConstraint": None if request["Bucket"] == "home" else "eu-west-1"}

    def create_bucket(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self.seen = request
        return {"Location": f"/{request['Bucket']}"}

    def delete_objects(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"Deleted": [{"Key": o["Key"]} for o in request["Delete"]["Objects"]]}

    def upload_part(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        request["Body"].read()
        return {"ETag": '"part"'}

    def copy_object(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"CopyObjectResult": {"ETag": request["CopySource"], "LastModified": WHEN}}

    def upload_part_copy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"CopyPartResult": {"ETag": '"copied"'}}

    def list_parts(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"UploadId": request["UploadId"], "Parts": [{"PartNumber": 1, "Size": 5}]}

    def delete_object_tagging(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"VersionId": "v"}


class Functions:
    def invoke(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if request["FunctionName"] == "missing":
            raise ServiceError("ResourceNotFoundException", "Function not found", Type="User")
        return {"StatusCode": 202, "Payload": request["Payload"] + request["FunctionName"].encode()}

    def delete_function(self, context: Context, request: dict[str, Any]) -> None:
        return None

    def list_tags(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": {"of": request["Resource"]}}


class Identities:
    def get_caller_identity(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"Account": context.account_id, "Arn": context.principal_arn, "UserId": context.region}

    def assume_role_with_web_identity(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"SubjectFromWebIdentityToken": context.access_key or "nobody"}


class Roles:
    def get_role(self, context: Context, request: dict[str, Any]) -> None:
        raise ServiceError(
            "NoSuchEntity", f"The role with name {request['RoleName']} cannot be found.", status=404
        )


class Metrics:
    def put_metric_data(self, context: Context, request: dict[str, Any]) -> None:
        self.seen = request

    def describe_alarms(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"MetricAlarms": [{"AlarmName": "a", "Threshold": 1.5, "Dimensions": [{"Name": "n", "Value": "v"}],
                                  "StateUpdatedTimestamp": WHEN}]}  # fmt: skip

    def get_dashboard(self, context: Context, request: dict[str, Any]) -> None:
        raise ServiceError("DashboardNotFoundError", "no")


class Queues:
    def get_queue_url(self, context: Context, request: dict[str, Any]) -> None:
        raise ServiceError("QueueDoesNotExist", "The specified queue does not exist.")


class Cors:
    def allow(
        self, request: HttpRequest, bucket: str, *, method: str, preflight: bool
    ) -> dict[str, str] | None:
        if request.headers["origin"] != "https://good.example" or method not in ("GET", "PUT"):
            return None
        return {"Access-Control-Allow-Origin": "https://good.example", "Vary": f"Origin, {bucket}"}


async def other(scope: Any, receive: Any, send: Any) -> None:
    """An application of its own: says its name and what it was sent."""
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"other:" + scope["path"].encode() + b":" + body})


class Door:
    def __init__(self, url: str, objects: Objects, metrics: Metrics) -> None:
        self.url = url
        self.objects = objects
        self.metrics = metrics

    def client(self, service: str, **config: Any) -> Any:
        return boto3.client(
            service, endpoint_url=self.url, region_name="eu-west-1", aws_access_key_id="KEY",
            aws_secret_access_key="SECRET",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **config),
        )  # fmt: skip

    def get(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, Any, bytes]:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        request = urllib.request.Request(self.url + path, method=method, data=body, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=180) as reply:
                return reply.status, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    registry = Registry()
    objects, metrics = Objects(tmp_path_factory.mktemp("objects")), Metrics()
    for service, handlers in {
        "glue": Databases(), "athena": Queries(), "s3": objects, "lambda": Functions(), "sts": Identities(),
        "iam": Roles(), "cloudwatch": metrics, "sqs": Queues(),
    }.items():  # fmt: skip
        registry.add(service, handlers)
    gateway = Gateway(registry, cors=Cors())
    gateway.mount("/_mastic", other)
    gateway.delegate("sns", other)
    with serving(gateway) as url:
        yield Door(url, objects, metrics)
    gateway.close()


def signed(service: str) -> str:
    scope = f"20260101/eu-west-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential=KEY/{scope}, SignedHeaders=host, Signature=0"


def refusal(call: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    return dict(error.value.response)


def test_json(door: Door) -> None:
    glue = door.client("glue")
    reply = glue.get_database(Name="x")
    assert reply["Database"] == {"Name": "x", "CatalogId": "123456789012", "CreateTime": WHEN}
    assert len(reply["ResponseMetadata"]["RequestId"]) == 36
    with pytest.raises(glue.exceptions.EntityNotFoundException) as error:
        glue.get_database(Name="missing")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error.value.response["Message"] == "Database missing not found."


def test_errors_carry_their_members(door: Door) -> None:
    found = refusal(door.client("athena").stop_query_execution, QueryExecutionId="x")
    assert (found["Error"]["Code"], found["AthenaErrorCode"]) == ("InvalidRequestException", "INVALID_INPUT")


def test_a_bug_is_a_modelled_500_with_its_request_id(door: Door) -> None:
    found = refusal(door.client("glue").create_table, DatabaseName="d", TableInput={"Name": "t"})
    assert found["Error"]["Code"] == "InternalServiceException"
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert found["ResponseMetadata"]["RequestId"] in found["Error"]["Message"]
    assert "a bug of ours" not in str(found)


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("glue", "get_job", {"JobName": "x"}, "UnknownOperationException"),
        ("s3", "get_bucket_acl", {"Bucket": "b"}, "NotImplemented"),
        ("lambda", "get_function", {"FunctionName": "f"}, "UnknownOperationException"),
        ("iam", "get_user", {"UserName": "u"}, "InvalidAction"),
        ("cloudwatch", "list_metrics", {}, "UnknownOperationException"),
        ("apigateway", "get_rest_apis", {}, "UnknownOperationException"),
        ("ec2", "describe_vpcs", {}, "InvalidAction"),
        ("stepfunctions", "list_state_machines", {}, "UnknownOperationException"),
    ],
)
def test_what_nobody_handles_is_a_4xx_that_says_so(
    door: Door, service: str, operation: str, params: dict[str, Any], code: str
) -> None:
    found = refusal(getattr(door.client(service), operation), **params)
    assert found["Error"]["Code"] == code
    assert "is not implemented by Mastic" in found["Error"]["Message"]
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_query(door: Door) -> None:
    found = door.client("sts").get_caller_identity()
    assert (found["Account"], found["UserId"]) == ("123456789012", "eu-west-1")
    iam = door.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException) as error:
        iam.get_role(RoleName="r")
    assert error.value.response["Error"]["Code"] == "NoSuchEntity"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_cbor_and_query_speak_of_the_same_alarms(door: Door) -> None:
    cloudwatch = door.client("cloudwatch")
    cloudwatch.put_metric_data(
        Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.5, "Timestamp": WHEN}]
    )
    assert door.metrics.seen["MetricData"][0]["Timestamp"] == WHEN
    alarm = cloudwatch.describe_alarms()["MetricAlarms"][0]
    assert (alarm["Threshold"], alarm["StateUpdatedTimestamp"]) == (1.5, WHEN)
    error = refusal(cloudwatch.get_dashboard, DashboardName="d")
    assert error["Error"]["Code"] == "ResourceNotFound"
    status, _, body = door.get(
        "/", "POST", b"Action=DescribeAlarms&Version=2010-08-01", Content_Type="application/x-www-form-urlencoded",
        Authorization=signed("monitoring"),
    )  # fmt: skip
    assert status == 200
    assert b"<Threshold>1.5</Threshold>" in body


def test_former_query_services_keep_their_old_codes(door: Door) -> None:
    sqs = door.client("sqs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as error:
        sqs.get_queue_url(QueueName="q")
    assert error.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_rest_json(door: Door) -> None:
    functions = door.client("lambda")
    name = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    reply = functions.invoke(FunctionName=name, Payload=b'"x"')
    assert (reply["StatusCode"], reply["Payload"].read()) == (202, b'"x"' + name.encode())
    assert functions.list_tags(Resource=name)["Tags"] == {"of": name}
    assert functions.delete_function(FunctionName="f")["ResponseMetadata"]["HTTPStatusCode"] == 200
    found = refusal(functions.invoke, FunctionName="missing", Payload=b"")
    assert (found["Error"]["Code"], found["Type"]) == ("ResourceNotFoundException", "User")
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("key", ["a", "a b+c/ü%2F", "..", "a/../b", "//x", "x/", "q?a=b#c", "日本 𝄞", "a//b"])
def test_keys_arrive_as_they_are(door: Door, key: str) -> None:
    s3 = door.client("s3")
    s3.put_object(Bucket="bucket", Key=key, Body=b"hello " + key.encode())
    assert door.objects.seen["Key"] == key
    found = s3.get_object(Bucket="bucket", Key=key)
    assert found["Body"].read() == b"hello " + key.encode()
    assert found["LastModified"] == WHEN.replace(microsecond=0)
    assert found["Metadata"] == {"who": "me"}


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000, 20_000_000])
def test_bodies_stream_both_ways(door: Door, size: int) -> None:
    s3 = door.client("s3")
    data = os.urandom(size)
    etag = s3.put_object(Bucket="bucket", Key="big", Body=data)["ETag"]
    assert etag == f'"{hashlib.md5(data).hexdigest()}"'
    assert door.objects.seen["length"] == size
    assert s3.get_object(Bucket="bucket", Key="big")["Body"].read() == data
    if size > 10:
        part = s3.get_object(Bucket="bucket", Key="big", Range=f"bytes=5-{size - 2}")
        assert part["Body"].read() == data[5:-1]
        assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.head_object(Bucket="bucket", Key="big")["ContentLength"] == size


def test_generated_bodies(door: Door) -> None:
    s3 = door.client("s3")
    s3.put_object(Bucket="bucket", Key="generated", Body=b"")
    assert s3.get_object(Bucket="bucket", Key="generated")["Body"].read() == b"piece 0;piece 1;piece 2;"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "XXHASH64"])
def test_checksums_in_headers(door: Door, algorithm: str) -> None:
    door.client("s3").put_object(Bucket="bucket", Key="k", Body=b"checked", ChecksumAlgorithm=algorithm)
    assert door.objects.seen["checksums"].keys() == {algorithm, "MD5"}
    assert door.objects.seen[f"Checksum{algorithm}"] == door.objects.seen["checksums"][algorithm]


def trailing(data: bytes, checksum: bytes) -> bytes:
    framed = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (data[:5], data[5:]))
    return framed + b"0\r\nx-amz-checksum-crc32:" + base64.b64encode(checksum) + b"\r\n\r\n"


def test_trailing_checksums(door: Door) -> None:
    data = b"some trailing data"
    crc = zlib.crc32(data).to_bytes(4, "big")
    headers = {
        "Content_Encoding": "aws-chunked", "X_Amz_Trailer": "x-amz-checksum-crc32",
        "X_Amz_Content_SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X_Amz_Decoded_Content_Length": str(len(data)),
    }  # fmt: skip
    status, _, _ = door.get("/bucket/trailing", "PUT", trailing(data, crc), **headers)
    assert status == 200
    assert door.objects.seen["checksums"]["CRC32"] == base64.b64encode(crc).decode()
    assert door.objects.seen["length"] == len(data)
    status, _, body = door.get("/bucket/trailing", "PUT", trailing(data, b"nope"), **headers)
    assert (status, b"<Code>BadDigest</Code>" in body) == (400, True)
    status, _, body = door.get("/bucket/trailing", "PUT", trailing(data, crc)[:-40], **headers)
    assert (status, b"<Code>IncompleteBody</Code>" in body) == (400, True)
    short = {**headers, "X_Amz_Decoded_Content_Length": "3"}
    status, _, body = door.get("/bucket/trailing", "PUT", trailing(data, crc), **short)
    assert (status, b"<Code>IncompleteBody</Code>" in body) == (400, True)


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Content_MD5", base64.b64encode(b"0" * 16).decode(), "BadDigest"),
        ("Content_MD5", "x", "InvalidDigest"),
        ("X_Amz_Content_SHA256", "0" * 64, "XAmzContentSHA256Mismatch"),
        ("X_Amz_Checksum_CRC32", "AAAAAA==", "BadDigest"),
        ("X_Amz_Checksum_SHA256", "AAAAAA==", "InvalidRequest"),
    ],
)
def test_wrong_digests_are_refused(door: Door, header: str, value: str, code: str) -> None:
    status, _, body = door.get("/bucket/k", "PUT", b"data", **{header: value})
    assert (status, f"<Code>{code}</Code>".encode() in body) == (400, True)


def test_s3_operations_are_told_apart(door: Door) -> None:
    s3 = door.client("s3")
    assert s3.upload_part(Bucket="b", Key="k", UploadId="u", PartNumber=1, Body=b"x")["ETag"] == '"part"'
    assert s3.copy_object(Bucket="b", Key="k", CopySource="c/d")["CopyObjectResult"]["ETag"] == "c/d"
    copied = s3.upload_part_copy(Bucket="b", Key="k", UploadId="u", PartNumber=1, CopySource="c/d")
    assert copied["CopyPartResult"]["ETag"] == '"copied"'
    assert s3.list_parts(Bucket="b", Key="k", UploadId="u")["Parts"] == [{"PartNumber": 1, "Size": 5}]
    assert s3.delete_object_tagging(Bucket="b", Key="k")["VersionId"] == "v"
    assert s3.list_objects_v2(Bucket="b")["Contents"][0]["Key"] == "a b<&>"
    deleted = s3.delete_objects(Bucket="b", Delete={"Objects": [{"Key": "a<"}, {"Key": "b\n"}]})
    assert [d["Key"] for d in deleted["Deleted"]] == ["a<", "b\n"]
    assert s3.get_bucket_location(Bucket="b")["LocationConstraint"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket="home")["LocationConstraint"] is None
    s3.create_bucket(Bucket="new", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert door.objects.seen["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}


def test_a_subresource_of_another_operation_never_reaches_the_plain_one(door: Door) -> None:
    status, _, body = door.get("/bucket/k?uploads", "PUT", b"x")
    assert (status, b"<Code>MethodNotAllowed</Code>" in body) == (405, True)
    status, _, body = door.get("/bucket?acl&policy", "DELETE")
    assert (status, b"<Code>MethodNotAllowed</Code>" in body) == (405, True)


@pytest.mark.parametrize("host", ["bucket.localhost", "bucket.s3.localhost:80", "bucket.s3.eu-west-1.amazonaws.com",
                                  "bucket.127-0-0-1.nip.io", "BUCKET.LOCALHOST"])  # fmt: skip
def test_virtual_hosts(door: Door, host: str) -> None:
    status, _, _ = door.get("/k%20v", "PUT", b"x", Host=host)
    assert status == 200
    assert (door.objects.seen["Bucket"], door.objects.seen["Key"]) == ("bucket", "k v")


@pytest.mark.parametrize(
    "host", ["localhost", "s3.localhost", "s3.eu-west-1.amazonaws.com", "127.0.0.1", "[::1]:80"]
)
def test_plain_hosts(door: Door, host: str) -> None:
    status, _, _ = door.get("/b/k", "PUT", b"x", Host=host)
    assert status == 200
    assert (door.objects.seen["Bucket"], door.objects.seen["Key"]) == ("b", "k")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls(door: Door, version: str) -> None:
    s3 = door.client("s3", signature_version=version)
    s3.put_object(Bucket="bucket", Key="pre signed", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "pre signed"})
    assert ("AWSAccessKeyId" in url) == (version == "s3")
    with urllib.request.urlopen(url, timeout=180) as reply:
        assert reply.read() == b"x"
    assert door.get("/" + url.split("/", 3)[3].replace("pre", "non"))[0] == 404


def test_errors_of_s3(door: Door) -> None:
    found = refusal(door.client("s3").get_object, Bucket="bucket", Key="<none>")
    assert (found["Error"]["Code"], found["Error"]["Key"]) == ("NoSuchKey", "<none>")
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert found["ResponseMetadata"]["RequestId"]
    assert found["ResponseMetadata"]["HostId"]
    status, headers, body = door.get("/bucket/none", "HEAD")
    assert (status, body) == (404, b"")
    assert headers["x-amz-request-id"]


def test_unsigned_calls_need_a_signature_except_where_the_model_says_so(door: Door) -> None:
    status, headers, _ = door.get("/", "POST", b"{}", X_Amz_Target="AWSGlue.GetDatabase")
    assert (status, headers["x-amzn-ErrorType"]) == (400, "MissingAuthenticationTokenException")
    status, _, body = door.get("/2015-03-31/functions/f/invocations", "POST", b"{}")
    assert (status, b"Authentication Token" in body) == (403, True)
    status, _, body = door.get("/?Action=GetCallerIdentity&Version=2011-06-15")
    assert (status, b"<Code>MissingAuthenticationToken</Code>" in body) == (403, True)
    form = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/r"
    form += b"&RoleSessionName=me&WebIdentityToken=aaaaaaaa"
    status, _, body = door.get("/", "POST", form, Content_Type="application/x-www-form-urlencoded")
    assert (status, b"nobody" in body) == (200, True)


def test_constraints_are_enforced_with_their_wording(door: Door) -> None:
    glue = door.client("glue", parameter_validation=False)
    found = refusal(glue.create_table, DatabaseName="", TableInput={"Parameters": {"a": "b"}})
    assert found["Error"]["Code"] == "ValidationException"
    assert found["Error"]["Message"] == (
        "2 validation errors detected: Value '' at 'databaseName' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1; Value null at 'tableInput.name' failed to satisfy constraint: Member "
        "must not be null"
    )


def test_sub_applications_and_delegates(door: Door) -> None:
    assert door.get("/_mastic/health")[2] == b"other:/_mastic/health:"
    reply = door.get("/", "POST", b"Action=ListTopics", Authorization=signed("sns"),
                     Content_Type="application/x-www-form-urlencoded")  # fmt: skip
    assert reply[2] == b"other:/:Action=ListTopics"


def test_pages_of_other_origins(door: Door) -> None:
    good = {"Origin": "https://good.example", "Access_Control_Request_Method": "PUT"}
    status, headers, _ = door.get("/bucket/k", "OPTIONS", **good)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "https://good.example")
    assert headers["Vary"] == "Origin, bucket"
    status, _, body = door.get("/bucket/k", "OPTIONS", **{**good, "Origin": "https://bad.example"})
    assert (status, b"<Code>AccessForbidden</Code>" in body) == (403, True)
    _, headers, _ = door.get("/bucket/none", Origin="https://good.example")
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"


def test_pages_of_other_origins_cannot_call_where_any_key_is_taken(door: Door, locked: Door) -> None:
    call = {"X_Amz_Target": "AWSGlue.GetDatabase", "Authorization": signed("glue")}
    for origin in ("https://bad.example", "null", "http://localhost.bad.example", "http://u@bad.example"):
        status, headers, _ = door.get("/", "POST", b'{"Name":"x"}', **call, Origin=origin)
        assert (status, headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
        status, _, body = door.get("/bucket?delete", "POST", b"<Delete/>", Origin=origin)
        assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)
    form = {"Content_Type": "application/x-www-form-urlencoded", "Authorization": signed("sns")}
    assert door.get("/", "POST", b"Action=ListTopics", **form, Origin="https://bad.example")[0] == 403
    for origin in (
        "http://localhost:5173",
        "http://127.0.0.1:4566",
        "http://[::1]:4566",
        "http://a.localhost",
    ):
        assert door.get("/", "POST", b'{"Name":"x"}', **call, Origin=origin)[0] == 200
    made = AWSRequest(
        "POST", locked.url + "/", data=b'{"Name":"x"}', headers={"X-Amz-Target": "AWSGlue.GetDatabase"}
    )
    session = boto3.Session(aws_access_key_id="KEY", aws_secret_access_key="SECRET")
    SigV4Auth(session.get_credentials(), "glue", "eu-west-1").add_auth(made)
    verified = {k.replace("-", "_"): v for k, v in made.headers.items()}
    assert locked.get("/", "POST", made.data, **verified, Origin="https://app.example")[0] == 200


def conversation(door: Door, head: str) -> Any:
    parts = urlsplit(door.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=180)
    connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n")
    return connection


def test_the_body_is_asked_for_only_when_it_is_wanted(door: Door) -> None:
    door.get("/bucket/taken", "PUT", b"x")
    head = "PUT /bucket/{} HTTP/1.1\nHost: localhost\nContent-Length: 5\nExpect: 100-continue\nIf-None-Match: *\n"
    with conversation(door, head.format("taken")) as connection:
        reply = connection.makefile("rb").read()  # until the server closes: no body may follow
        assert reply.startswith(b"HTTP/1.1 412")
        assert b"connection: close" in reply.lower()
    (door.objects._path("fresh")).unlink(missing_ok=True)
    with conversation(door, head.format("fresh")) as connection:
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_connection_serves_many_requests(door: Door) -> None:
    parts = urlsplit(door.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=180)
    for key in ("one", "missing", "one"):
        connection.request("PUT" if key == "one" else "GET", f"/bucket/{key}", b"x" if key == "one" else None)
        reply = connection.getresponse()
        reply.read()
        assert reply.status == (200 if key == "one" else 404)
    connection.close()


def test_a_client_that_goes_away_does_not_keep_a_thread(door: Door) -> None:
    head = "PUT /bucket/cut HTTP/1.1\nHost: localhost\nContent-Length: 50000000\n"
    for _ in range(5):
        with conversation(door, head) as connection:
            connection.sendall(b"x" * 100_000)
    door.client("s3").put_object(Bucket="bucket", Key="after", Body=b"y")
    assert door.objects.seen["Key"] == "after"


def test_the_aws_cli(door: Door, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(9_000_000))
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")}, "AWS_ACCESS_KEY_ID": "KEY",
        "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": door.url,
        "HOME": str(tmp_path),
    }  # fmt: skip

    def aws(*words: str) -> str:
        command = [sys.executable, "-m", "awscli", *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    aws("s3api", "put-object", "--bucket", "bucket", "--key", "cli", "--body", str(source))
    assert door.objects._path("cli").read_bytes() == source.read_bytes()
    assert "a b<&>" in aws("s3", "ls", "s3://bucket")


def test_framing_is_none_of_the_handlers_business(door: Door) -> None:
    data = b"some trailing data"
    headers = {
        "Content_Encoding": "gzip,aws-chunked", "X_Amz_Trailer": "x-amz-checksum-crc32",
        "X_Amz_Content_SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "X_Amz_Decoded_Content_Length": str(len(data)),
    }  # fmt: skip
    body = trailing(data, zlib.crc32(data).to_bytes(4, "big"))
    assert door.get("/bucket/framed", "PUT", body, **headers)[0] == 200
    assert (door.objects.seen["ContentEncoding"], door.objects.seen["ContentLength"]) == ("gzip", len(data))


def test_compressed_documents(door: Door) -> None:
    data = [{"MetricName": f"metric-{i}", "Value": i, "Unit": "Count"} for i in range(1000)]
    cloudwatch = door.client("cloudwatch", request_min_compression_size_bytes=100)
    cloudwatch.put_metric_data(Namespace="big", MetricData=data)
    assert len(door.metrics.seen["MetricData"]) == 1000
    status, _, body = door.get("/", "POST", b"no gzip", X_Amz_Target="AWSGlue.GetDatabase", Content_Encoding="gzip",
                               Authorization=signed("glue"))  # fmt: skip
    assert (status, b"SerializationException" in body) == (400, True)


def test_a_refusal_before_the_handler_lets_no_body_follow(door: Door) -> None:
    head = "POST /bucket/k?acl HTTP/1.1\nHost: localhost\nContent-Length: 5\nExpect: 100-continue\n"
    with conversation(door, head) as connection:
        reply = connection.makefile("rb").read()
        assert reply.startswith(b"HTTP/1.1 405")
        assert b"connection: close" in reply.lower()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door that knows one key."""
    registry = Registry()
    objects, metrics = Objects(tmp_path_factory.mktemp("locked")), Metrics()
    for service, handlers in {
        "glue": Databases(), "s3": objects, "lambda": Functions(), "sts": Identities(), "cloudwatch": metrics,
    }.items():  # fmt: skip
        registry.add(service, handlers)
    arn = "arn:aws:iam::111122223333:user/me"
    known = {"KEY": Secret(secret_key="SECRET", account_id="111122223333", principal_arn=arn)}
    authenticator = Authenticator(clock=SystemClock(), credentials=known.get)
    gateway = Gateway(registry, authenticator=authenticator)
    gateway.delegate("sns", other)
    with serving(gateway) as url:
        yield Door(url, objects, metrics)
    gateway.close()


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_right_signatures_are_accepted(locked: Door, version: str) -> None:
    assert locked.client("sts").get_caller_identity()["Account"] == "111122223333"
    assert locked.client("glue").get_database(Name="x")["Database"]["CatalogId"] == "111122223333"
    name = "arn:aws:lambda:eu-west-1:111122223333:function:f:1"
    assert locked.client("lambda").invoke(FunctionName=name, Payload=b"{}")["StatusCode"] == 202
    assert locked.client("lambda").list_tags(Resource=name)["Tags"] == {"of": name}
    many = [{"MetricName": f"m{i}", "Value": i} for i in range(1000)]
    locked.client("cloudwatch").put_metric_data(Namespace="n", MetricData=many)
    s3 = locked.client("s3", signature_version=version)
    for key in ("plain", "a b+c/ü%2F=&?", "..", "a//b", "~'()*!$,;:@"):
        s3.put_object(
            Bucket="bucket", Key=key, Body=b"x" * 100_000, Metadata={"a": "b  c"}, ContentType="text/x"
        )
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == b"x" * 100_000
        url = s3.generate_presigned_url(
            "get_object", Params={"Bucket": "bucket", "Key": key, "VersionId": "v 1"}
        )
        with urllib.request.urlopen(url, timeout=180) as reply:
            assert len(reply.read()) == 100_000
    s3.list_objects_v2(Bucket="bucket", Prefix="a b/+ü", Delimiter="/", StartAfter="")
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "ü"}]})


def test_wrong_signatures_are_refused_in_the_services_own_words(locked: Door) -> None:
    def stranger(service: str) -> Any:
        return boto3.client(
            service, endpoint_url=locked.url, region_name="eu-west-1", aws_access_key_id="KEY",
            aws_secret_access_key="WRONG", config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    assert refusal(stranger("sts").get_caller_identity)["Error"]["Code"] == "SignatureDoesNotMatch"
    assert refusal(stranger("glue").get_database, Name="x")["Error"]["Code"] == "InvalidSignatureException"
    assert refusal(stranger("sns").list_topics)["Error"]["Code"] == "SignatureDoesNotMatch"
    found = refusal(stranger("lambda").invoke, FunctionName="f", Payload=b"")
    assert found["Error"]["Code"] == "InvalidSignatureException"
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 403
    found = refusal(stranger("s3").put_object, Bucket="bucket", Key="stolen", Body=b"x")
    assert (found["Error"]["Code"], found["Error"]["AWSAccessKeyId"]) == ("SignatureDoesNotMatch", "KEY")
    assert not locked.objects._path("stolen").exists()
    session = boto3.Session(aws_access_key_id="KEY", aws_secret_access_key="SECRET")
    made = AWSRequest(
        "POST", f"{locked.url}/bucket?delete", data=b"<Delete><Object><Key>a</Key></Object></Delete>"
    )
    S3SigV4Auth(session.get_credentials(), "s3", "eu-west-1").add_auth(made)
    stolen = {k.replace("-", "_"): v for k, v in made.headers.items()}
    assert locked.get("/bucket?delete", "POST", made.data, **stolen)[0] == 200
    status, _, body = locked.get("/bucket?delete", "POST", b"", **stolen)
    assert (status, b"<Code>XAmzContentSHA256Mismatch</Code>" in body) == (400, True)
    status, _, body = locked.get("/bucket/plain")
    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)


def test_a_waiting_call_leaves_threads_for_those_it_waits_for() -> None:
    class Waiters:
        url = ""

        @waits
        def invoke(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
            headers = {"Authorization": signed("lambda")}
            asked = urllib.request.Request(self.url + "/2015-03-31/functions/f/policy", headers=headers)
            with urllib.request.urlopen(asked, timeout=180) as reply:
                return {"StatusCode": 200, "Payload": reply.read()}

        def get_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
            return {"Policy": "inner"}

    waiters, registry = Waiters(), Registry()
    registry.add("lambda", waiters)
    gateway = Gateway(registry, threads=1, waiting_threads=1)
    with serving(gateway) as url:
        waiters.url = url
        door = Door(url, Objects(Path()), Metrics())
        reply = door.client("lambda").invoke(FunctionName="f", Payload=b"{}")
        assert reply["Payload"].read() == b'{"Policy":"inner"}'
    gateway.close()


def test_an_early_refusal_of_a_large_body_leaves_the_connection_usable(door: Door) -> None:
    parts = urlsplit(door.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=180)
    for _ in range(3):
        connection.request("PUT", "/bucket/k?uploads", b"x" * 5_000_000)
        reply = connection.getresponse()
        assert (reply.status, b"MethodNotAllowed" in reply.read()) == (405, True)
    connection.request("GET", "/bucket/missing")
    assert connection.getresponse().status == 404
    connection.close()
