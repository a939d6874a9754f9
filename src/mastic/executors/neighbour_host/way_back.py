"""The way back to Mastic: messages to its door, and signed calls of its services."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

Answer = tuple[int, dict[str, str], bytes]


class Server:
    """The way back to Mastic: messages to its door, and signed calls of its services."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._order = order

    def tell(self, message: Mapping[str, Any]) -> None:
        """Give the server a message. Raises OSError unless it was taken."""
        request = urllib.request.Request(
            self._order["endpoint"] + self._order["path"],
            data=json.dumps(message).encode(),
            headers={"Authorization": f"Bearer {self._order['token']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            if reply.status != 200:
                raise OSError(f"the server answered {reply.status}")

    def call(
        self,
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | str,
        query: Mapping[str, Any],
    ) -> Answer:
        """Call one of Mastic's own services; returns status, headers and body."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        region = _region(headers) or self._order["region"]
        url = self._order["endpoint"] + path + ("?" + urlencode(query, doseq=True) if query else "")
        kept = {k: v for k, v in headers.items() if k.lower() in ("content-type", "x-amz-target")}
        kept |= {k: v for k, v in headers.items() if k.lower().startswith("x-amz-invocation")}
        data = body.encode() if isinstance(body, str) else body
        signed = AWSRequest(method=method, url=url, data=data, headers=kept)
        keys = Credentials(*self._order["credentials"])
        SigV4Auth(keys, _SIGNING.get(service, service), region).add_auth(signed)
        request = urllib.request.Request(url, data=data, headers=dict(signed.headers.items()), method=method)
        try:
            with urllib.request.urlopen(request, timeout=900) as reply:
                return reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


_SIGNING = {"monitoring": "monitoring", "cloudwatch": "monitoring"}


def _region(headers: Mapping[str, str]) -> str:
    credential = headers.get("authorization", "").partition("Credential=")[2].split("/")
    return credential[2] if len(credential) > 2 else ""
