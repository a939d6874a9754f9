"""Brief requests: a document posted to "/", which came whole in one piece, as SDKs send the JSON protocols' calls.

They are most of what a server is asked, and need none of what HTTP allows besides. Whatever is unusual about a request
makes it not brief, and leaves it to the general way. Owns no state.
"""

from __future__ import annotations

import re

from mastic.wire.messages import Incoming

_HEAD = re.compile(
    rb"POST / HTTP/1\.1\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}:[^\x00-\x08\x0a-\x1f\x7f]*\r\n){1,64})\r\n"
)
# What says how to read the rest, or that somebody else stands between.
_UNUSUAL = frozenset(
    {"content-encoding", "expect", "forwarded", "te", "trailer", "transfer-encoding", "upgrade"}
    | {"x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"}
)


def brief(data: bytes) -> Incoming | None:
    """The request that ``data`` is, no more and no less, if it is a brief one."""
    head = _HEAD.match(data)
    if head is None:
        return None
    headers: dict[str, str] = {}
    for line in head[1].decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        name = name.lower()
        if name in headers or name in _UNUSUAL:
            return None
        headers[name] = value.strip(" \t")
    del headers[""]
    length = headers.get("content-length", "")
    if not length.isdecimal() or len(length) > 9 or head.end() + int(length) != len(data):
        return None
    if "x-amz-target" not in headers or headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return Incoming(method="POST", raw_path="/", query_string="", headers=headers, body=data[head.end() :])
