"""A neighbour that the settings name by its URL: requests are signed anew with the server's own credentials."""

from __future__ import annotations

import functools
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mastic.aws.neighbours.door import Outside

_KEPT = ("content-type", "x-amz-target", "x-amz-query-mode", "accept")


def service(name: str, endpoint: str) -> Outside:
    """The way to the service ``name`` at ``endpoint``."""
    return functools.partial(_call, name, endpoint.rstrip("/"))


def _call(
    name: str, endpoint: str, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    import boto3 as aws
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    boto3: Any = aws
    session = boto3.Session()
    credential = headers.get("authorization", "").partition("Credential=")[2].split("/")
    region = credential[2] if len(credential) > 2 else session.region_name or "us-east-1"
    url = endpoint + path + (f"?{query}" if query else "")
    kept = {key: value for key, value in headers.items() if key in _KEPT}
    signed: Any = AWSRequest(method=method, url=url, data=body, headers=kept)  # type: ignore[no-untyped-call]
    signing: Any = SigV4Auth(
        session.get_credentials(), credential[3] if len(credential) > 3 else name, region
    )  # type: ignore[no-untyped-call]
    signing.add_auth(signed)
    request = urllib.request.Request(url, data=body, headers=dict(signed.headers.items()), method=method)
    try:
        with urllib.request.urlopen(request, timeout=75) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()
