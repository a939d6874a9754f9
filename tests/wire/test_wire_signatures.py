"""Signatures, checked against botocore's signers and the examples that AWS publishes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from mastic.clock import Clock, ManualClock, SystemClock
from mastic.errors import ServiceError
from mastic.wire.bodies import open_body
from mastic.wire.claims import Unauthentic, identify
from mastic.wire.messages import Incoming
from mastic.wire.sigv4 import Authenticator, Identity, Secret

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ME = Secret(secret_key=SECRET, account_id="111122223333", principal_arn="arn:aws:iam::111122223333:user/me")
HELD = Secret(
    secret_key=SECRET, account_id="111122223333", principal_arn="arn:aws:sts::111122223333:assumed-role/r/s",
    session_token="the/token==",
)  # fmt: skip


def lookup(access_key: str) -> Secret | None:
    return {KEY: ME, "ASIAHELD": HELD}.get(access_key)


def authenticate(incoming: Incoming, *, clock: Clock | None = None, bucket: str = "") -> Identity:
    authenticator = Authenticator(clock=clock or SystemClock(), credentials=lookup)
    return authenticator.authenticate(incoming, identify(incoming), bucket)


def received(request: AWSRequest) -> Incoming:
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = {
        k.lower(): v.decode("latin-1") if isinstance(v, bytes) else v for k, v in prepared.headers.items()
    }
    headers.setdefault("host", parts.netloc)
    body = prepared.body or b""
    return Incoming(
        method=prepared.method, raw_path=parts.path or "/", query_string=parts.query, headers=headers,
        body=body.encode() if isinstance(body, str) else body,
    )  # fmt: skip


def signed(
    signer: Any, url: str, *, access_key: str = KEY, token: str | None = None, **request: Any
) -> Incoming:
    if signer in (auth.S3SigV4QueryAuth, auth.SigV4QueryAuth):
        request.pop("data", None)  # botocore takes it for parameters
    made = AWSRequest(url=url, method=request.pop("method", "PUT"), **request)
    credentials = Credentials(access_key, SECRET, token)
    kind = {
        auth.HmacV1Auth: (),
        auth.HmacV1QueryAuth: (),
        auth.S3SigV4Auth: ("s3", "eu-west-1"),
        auth.S3SigV4QueryAuth: ("s3", "eu-west-1"),
    }
    signer(credentials, *kind.get(signer, ("glue", "eu-west-1"))).add_auth(made)
    return received(made)


S3_URL = "http://localhost:4566/bucket/"
KEYS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=20)
SIGNERS = [auth.S3SigV4Auth, auth.S3SigV4QueryAuth, auth.HmacV1Auth, auth.HmacV1QueryAuth]


@pytest.mark.parametrize("signer", SIGNERS)
@settings(max_examples=60)
@given(key=KEYS, value=KEYS)
def test_s3_signatures_hold(signer: Any, key: str, value: str) -> None:
    path = S3_URL + quote(key, safe="/~")
    url = f"{path}?tagging&versionId={quote(value, safe='')}"
    incoming = signed(
        signer, url, headers={"x-amz-meta-a": "  two   words ", "content-type": "text/x"}, data=b"x"
    )
    identity = authenticate(incoming)
    assert identity.account_id == "111122223333"
    assert identity.principal_arn.endswith("user/me")


@pytest.mark.parametrize("signer", [auth.S3SigV4Auth, auth.S3SigV4QueryAuth])
def test_a_space_may_be_sent_as_a_plus(signer: Any) -> None:
    sent = signed(signer, f"{S3_URL}?prefix=team%3Dother%20stuff%2B1%2F&list-type=2", method="GET")
    sent = replace(sent, query_string=sent.query_string.replace("%20", "+"))
    assert authenticate(sent).verified
    assert sent.params["prefix"] == "team=other stuff+1/"


def test_json_signatures_hold() -> None:
    for path in ("", "/", "/a//b/../c", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Af/invocations"):
        incoming = signed(
            auth.SigV4Auth, f"http://localhost:4566{path}", method="POST", data=b'{"Name":"x"}',
            headers={"X-Amz-Target": "AWSGlue.GetTable", "content-type": "application/x-amz-json-1.1"},
        )  # fmt: skip
        assert authenticate(incoming).region == "eu-west-1"


def test_a_presigned_query_call_holds() -> None:
    incoming = signed(
        auth.SigV4QueryAuth, "http://h/?Action=GetCallerIdentity&Version=2011-06-15", method="GET"
    )
    assert authenticate(incoming).access_key == KEY


# S3 compares the hash while the body streams; only the others see a changed body here.
CHANGES = [
    *(
        (signer, change)
        for signer in SIGNERS
        for change in ("method", "path", "query", "header", "signature")
    ),
    *((auth.SigV4Auth, change) for change in ("method", "path", "query", "header", "signature", "body")),
]


@pytest.mark.parametrize(("signer", "change"), CHANGES)
def test_any_change_is_noticed(signer: Any, change: str) -> None:
    incoming = signed(signer, S3_URL + "k?acl", headers={"x-amz-acl": "private"}, data=b"x")
    authenticate(incoming)
    if change == "method":
        incoming.method = "DELETE"
    elif change == "path":
        incoming.raw_path += "2"
    elif change == "query":
        incoming = Incoming(
            method=incoming.method, raw_path=incoming.raw_path, headers=incoming.headers, body=incoming.body,
            query_string=incoming.query_string.replace("acl", "tagging"),
        )  # fmt: skip
    elif change == "header":
        incoming.headers = {**incoming.headers, "x-amz-acl": "public-read"}
    elif change == "signature" and "authorization" in incoming.headers:
        text = incoming.headers["authorization"]
        incoming.headers = {
            **incoming.headers,
            "authorization": text[:-3] + ("abc" if text[-3:] != "abc" else "abd"),
        }
    elif change == "signature":
        text = incoming.query_string
        at = text.index("Signature=") + len("Signature=")
        incoming.query_string = text[:at] + ("a" if text[at] != "a" else "b") + text[at + 1 :]
        incoming.__dict__.pop("params", None)
        incoming.__dict__.pop("query", None)
    else:
        incoming.body = b"y"
    with pytest.raises(Unauthentic):
        authenticate(incoming)


def test_unknown_keys_tokens_and_unsigned_calls() -> None:
    with pytest.raises(Unauthentic) as problem:
        authenticate(signed(auth.S3SigV4Auth, S3_URL + "k", access_key="AKIANOBODY"))
    assert problem.value.what == "unknown key"
    held = signed(auth.S3SigV4Auth, S3_URL + "k", access_key="ASIAHELD", token="the/token==")
    assert "assumed-role" in authenticate(held).principal_arn
    held = signed(auth.S3SigV4QueryAuth, S3_URL + "k", access_key="ASIAHELD", token="the/token==")
    assert "assumed-role" in authenticate(held).principal_arn
    for token in (None, "another"):
        with pytest.raises(Unauthentic) as problem:
            authenticate(signed(auth.S3SigV4Auth, S3_URL + "k", access_key="ASIAHELD", token=token))
        assert problem.value.what == "token"
    with pytest.raises(Unauthentic) as problem:
        authenticate(received(AWSRequest(method="GET", url=S3_URL + "k")))
    assert problem.value.what == "missing"


def test_without_credentials_everybody_is_welcome() -> None:
    authenticator = Authenticator(clock=SystemClock())
    incoming = signed(auth.S3SigV4Auth, S3_URL + "k", access_key="whoever")
    identity = authenticator.authenticate(incoming, identify(incoming))
    assert (identity.account_id, identity.access_key, identity.region) == (
        "123456789012",
        "whoever",
        "eu-west-1",
    )


@pytest.mark.parametrize("minutes", [-16, 16])
def test_skewed_clocks(minutes: int) -> None:
    clock = ManualClock(datetime.now(UTC) + timedelta(minutes=minutes))
    for signer in (auth.S3SigV4Auth, auth.SigV4Auth, auth.HmacV1Auth):
        with pytest.raises(Unauthentic) as problem:
            authenticate(signed(signer, S3_URL + "k"), clock=clock)
        assert problem.value.what == "skewed"


def test_presigned_requests_expire() -> None:
    clock = ManualClock(datetime.now(UTC))
    for signer in (auth.S3SigV4QueryAuth, auth.HmacV1QueryAuth):
        incoming = signed(signer, S3_URL + "k")
        authenticate(incoming, clock=clock)
        clock.advance(seconds=3605)
        with pytest.raises(Unauthentic) as problem:
            authenticate(incoming, clock=clock)
        assert problem.value.what == "expired"
        clock.advance(seconds=-3605)


def test_a_header_added_on_the_way_is_refused() -> None:
    incoming = signed(auth.S3SigV4Auth, S3_URL + "k", data=b"x")
    incoming.headers = {**incoming.headers, "x-amz-copy-source": "/other/secret"}
    with pytest.raises(Unauthentic, match="not signed"):
        authenticate(incoming)


def test_virtual_hosts_sign_their_bucket_in_version_2() -> None:
    class HostAuth(auth.HmacV1Auth):
        def canonical_resource(self, split: Any, auth_path: str | None = None) -> str:
            return str(super().canonical_resource(split, auth_path="/bucket" + split.path))

    made = AWSRequest(method="GET", url="http://bucket.localhost:4566/k?acl")
    HostAuth(Credentials(KEY, SECRET)).add_auth(made)
    assert authenticate(received(made), bucket="bucket").access_key == KEY


@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256",
        "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/r/s/aws4_request, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 ,,,===",
    ],
)
def test_broken_headers(header: str) -> None:
    incoming = Incoming(method="GET", raw_path="/", query_string="", headers={"authorization": header})
    with pytest.raises(Unauthentic) as problem:
        identify(incoming)
    assert problem.value.what == "incomplete"


# The examples of "Signature calculations … transferring a payload in multiple chunks", with and without trailers.
PUBLISHED = {
    "payload": (
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        (
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ),
        "",
    ),
    "trailer": (
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class;x-amz-trailer",
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        (
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        ),
        "x-amz-checksum-crc32c:sOO8/Q==\r\n"
        "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
    ),
}


def chunked(form: str) -> tuple[Incoming, bytes]:
    sha256, names, seed, signatures, trailers = PUBLISHED[form]
    headers = {
        "host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": sha256,
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={seed}",
    }
    if trailers:
        headers["x-amz-trailer"] = "x-amz-checksum-crc32c"
    else:
        headers["content-length"] = "66824"
    body = b""
    for size, signature in zip((65536, 1024, 0), signatures, strict=True):
        body += f"{size:x};chunk-signature={signature}\r\n".encode()
        body += b"a" * size + (b"\r\n" if size else b"")
    body += trailers.encode() + b"\r\n"
    incoming = Incoming(
        method="PUT", raw_path="/examplebucket/chunkObject.txt", query_string="", headers=headers
    )
    return incoming, body


@pytest.mark.parametrize("form", PUBLISHED)
def test_published_chunk_signatures(form: str) -> None:
    incoming, body = chunked(form)
    identity = authenticate(incoming, clock=ManualClock(datetime(2013, 5, 24, tzinfo=UTC)))
    pieces = [body[i : i + 999] for i in range(0, len(body), 999)]
    reader = open_body(incoming.headers, pieces, identity.chunks)
    assert reader.read() == b"a" * 66560
    if form == "trailer":
        assert reader.checksums == {"CRC32C": "sOO8/Q=="}


@pytest.mark.parametrize(
    ("form", "old"),
    [
        *(("payload", old) for old in (b"aaaa", b"ad80", b"b6c6")),
        *(("trailer", old) for old in (b"aaaa", b"b474", b"2ca2", b"d81f", b"sOO8")),
    ],
)
def test_changed_chunks_are_refused(form: str, old: bytes) -> None:
    incoming, body = chunked(form)
    assert old in body
    identity = authenticate(incoming, clock=ManualClock(datetime(2013, 5, 24, tzinfo=UTC)))
    changed = body.replace(old, b"bcde", 1)
    with pytest.raises(ServiceError):
        open_body(incoming.headers, [changed], identity.chunks).read()
