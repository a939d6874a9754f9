"""The canonical texts that signatures are made over. Pure functions; owns no state."""

from __future__ import annotations

import base64
import hashlib
import hmac
import posixpath
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote_to_bytes

from mastic.wire.messages import Incoming

# Query parameters that belong to the resource in Version 2 (S3 REST authentication guide).
V2_PARAMETERS = frozenset(
    (
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption", "inventory",
        "intelligent-tiering", "lifecycle", "location", "logging", "metrics", "notification", "object-lock",
        "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment",
        "response-cache-control", "response-content-disposition", "response-content-encoding",
        "response-content-language", "response-content-type", "response-expires", "restore", "select",
        "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
        "versions", "website", "legal-hold", "retention", "ownershipControls",
    )
)  # fmt: skip


def same(expected: str, given: str) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode())


def parse_amz_date(text: str) -> datetime | None:
    """``20260102T030405Z`` → aware UTC, or None."""
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def request_time(incoming: Incoming) -> datetime | None:
    """The signing time that the headers give, or None."""
    text = incoming.headers.get("x-amz-date")
    if text is not None:
        moment = parse_amz_date(text)
        if moment is not None:
            return moment
    text = text or incoming.headers.get("date", "")
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def paths(raw_path: str, *, s3: bool) -> list[str]:
    """The canonical path, and the forms of it that signers in use make."""
    if s3:
        plain = quote(unquote_to_bytes(raw_path), safe="/~-._")
        return [raw_path] if plain == raw_path else [raw_path, plain]
    normal = posixpath.normpath(raw_path or "/")
    if normal.startswith("//"):
        normal = normal[1:]
    if raw_path.endswith("/") and normal != "/":
        normal += "/"
    return [quote(normal, safe="/~-._"), raw_path]


def _query(query_string: str, *, presigned: bool) -> str:
    pairs = []
    # A plus is a space, as where the parameters are read: AWS's SDK for Java 1, and so Hadoop's S3A, sends it.
    for part in query_string.replace("+", "%20").split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if presigned and name == "X-Amz-Signature":
            continue
        pairs.append(
            (quote(unquote_to_bytes(name), safe="-_.~"), quote(unquote_to_bytes(value), safe="-_.~"))
        )
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def v4_request(
    incoming: Incoming, signed_headers: tuple[str, ...], path: str, payload_hash: str, presigned: bool
) -> str:
    """Version 4's canonical request."""
    headers = "".join(f"{n}:{' '.join(incoming.headers.get(n, '').split())}\n" for n in signed_headers)
    query = _query(incoming.query_string, presigned=presigned)
    return f"{incoming.method}\n{path}\n{query}\n{headers}\n{';'.join(signed_headers)}\n{payload_hash}"


def v2_strings(incoming: Incoming, date: str, bucket: str) -> list[str]:
    """Version 2's string to sign, in every form in use; ``bucket`` is that of a virtual-host request."""
    headers = incoming.headers
    # The header x-amz-date stands among the others; the Date line is then empty.
    amz = sorted((n, v.strip()) for n, v in headers.items() if n.startswith("x-amz-"))
    lines = "".join(f"{name}:{value}\n" for name, value in amz)
    resource = f"/{bucket}{incoming.raw_path}" if bucket else incoming.raw_path
    # botocore signs "/bucket/" for a request to "/bucket".
    resources = [resource] if resource.count("/") > 1 else [resource, resource + "/"]
    parts = []
    for part in sorted(incoming.query_string.split("&"), key=lambda p: p.partition("=")[0]):
        name, equals, value = part.partition("=")
        if name in V2_PARAMETERS:
            text = unquote_to_bytes(value).decode("utf-8", "replace")
            parts.append(f"{name}={text}" if equals else name)
    query = "?" + "&".join(parts) if parts else ""
    head = f"{incoming.method}\n{headers.get('content-md5', '')}\n{headers.get('content-type', '')}\n{date}\n"
    return [f"{head}{lines}{resource}{query}" for resource in resources]


def v2_signature(secret_key: str, text: str) -> str:
    """HMAC-SHA1, base64."""
    digest = hmac.digest(secret_key.encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(digest).decode("ascii")
