"""Cross-origin requests, judged by the bucket's CORS rules. Owns no state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mastic.context import HttpRequest
from mastic.store import buckets
from mastic.store.engine import Store


class BucketCors:
    """What the wire asks for requests that carry an Origin."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def allow(
        self, request: HttpRequest, bucket: str, *, method: str, preflight: bool
    ) -> Mapping[str, str] | None:
        """The Access-Control headers for a request to a bucket, or None to refuse."""
        with self._store.read() as tx:
            found = buckets.find(tx, bucket) if bucket else None
            configured = buckets.configuration(tx, found, "cors") if found is not None else None
        asked = request.headers.get("access-control-request-headers", "") if preflight else ""
        wanted = [name.strip().lower() for name in asked.split(",") if name.strip()]
        return answer((configured or {}).get("CORSRules", ()), request.headers["origin"], method, wanted)


def answer(rules: Any, origin: str, method: str, wanted: list[str]) -> dict[str, str] | None:
    """The headers of the first rule that allows the origin, the method and every header; None without one."""
    for rule in rules:
        pattern = next((p for p in rule["AllowedOrigins"] if _fits(p, origin)), None)
        allowed = [p.lower() for p in rule.get("AllowedHeaders") or ()]
        if pattern is None or method not in rule["AllowedMethods"]:
            continue
        if not all(any(_fits(p, name) for p in allowed) for name in wanted):
            continue
        out = {
            "Access-Control-Allow-Origin": "*" if pattern == "*" else origin,
            "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
            "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        }
        if pattern != "*":
            out["Access-Control-Allow-Credentials"] = "true"
        if wanted:
            out["Access-Control-Allow-Headers"] = ", ".join(wanted)
        if rule.get("ExposeHeaders"):
            out["Access-Control-Expose-Headers"] = ", ".join(rule["ExposeHeaders"])
        if rule.get("MaxAgeSeconds") is not None:
            out["Access-Control-Max-Age"] = str(rule["MaxAgeSeconds"])
        return out
    return None


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), text) is not None
