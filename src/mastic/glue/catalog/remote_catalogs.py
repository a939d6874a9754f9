"""An outside Iceberg REST catalog, read: its namespaces, tables and their metadata. Owns no state.

Every call goes there: nothing is remembered, so that what is answered is what is there now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from mastic.errors import ServiceError

CONNECT, READ = 5.0, 20.0
LARGEST = 64 * 1024 * 1024
MOST_PAGES = 1000

# (method, URL, headers, body) → the headers that prove who asks.
Sign = Callable[[str, str, Mapping[str, str], bytes], Mapping[str, str]]


class Missing(Exception):
    """The outside catalog has no such namespace or table."""


@dataclass(frozen=True, kw_only=True)
class OAuth2:
    """Client credentials; without ``token_url`` the catalog itself gives tokens."""

    client_id: str
    client_secret: str
    token_url: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Where a catalog is and how it is asked. At most one of ``token``, ``oauth2`` and ``sign`` is given."""

    url: str
    warehouse: str = ""
    token: str = ""
    oauth2: OAuth2 | None = None
    sign: Sign | None = None


class RemoteCatalog:
    """One catalog for the length of one call. Raises FederationSourceException for everything that goes wrong there."""

    def __init__(self, remote: Remote) -> None:
        import urllib3

        self._remote = remote
        self._base = remote.url.rstrip("/")
        if not self._base.startswith(("http://", "https://")):
            raise failed(self._base, "its URL must begin with https:// or http://")
        timeout = urllib3.Timeout(connect=CONNECT, read=READ)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)
        self._token = remote.token
        if remote.oauth2 is not None:
            self._token = self._fetch_token(remote.oauth2)
        query = {"warehouse": remote.warehouse} if remote.warehouse else {}
        config = self._get("/v1/config", query)
        settings = {**(config.get("defaults") or {}), **(config.get("overrides") or {})}
        prefix = str(settings.get("prefix") or "")
        self._root = f"/v1/{prefix}" if prefix else "/v1"

    def namespaces(self) -> list[str]:
        """The names of the namespaces of the first level, in any order."""
        found = self._pages(f"{self._root}/namespaces", "namespaces")
        return [levels[0] for levels in found if isinstance(levels, list) and len(levels) == 1]

    def namespace(self, name: str) -> dict[str, str]:
        """The properties of a namespace. Raises Missing."""
        found = self._get(f"{self._root}/namespaces/{quote(name, safe='')}", {}).get("properties") or {}
        return {str(k): str(v) for k, v in found.items()}

    def tables(self, namespace: str) -> list[str]:
        """The names of the tables, in any order. Raises Missing for the namespace."""
        path = f"{self._root}/namespaces/{quote(namespace, safe='')}/tables"
        found = self._pages(path, "identifiers")
        return [str(one["name"]) for one in found if isinstance(one, dict) and "name" in one]

    def table(self, namespace: str, name: str) -> tuple[str, dict[str, Any]]:
        """Where the table's metadata is, and what it says. Raises Missing."""
        path = f"{self._root}/namespaces/{quote(namespace, safe='')}/tables/{quote(name, safe='')}"
        found = self._get(path, {})
        location, metadata = found.get("metadata-location"), found.get("metadata")
        if not isinstance(location, str) or not isinstance(metadata, dict):
            raise failed(self._base, f"its answer about {namespace}.{name} has no metadata")
        return location, metadata

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear()

    def _pages(self, path: str, member: str) -> list[Any]:
        found: list[Any] = []
        query: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = self._get(path, query)
            some = page.get(member)
            if not isinstance(some, list):
                raise failed(self._base, f"its answer to {path} has no {member}")
            found += some
            token = page.get("next-page-token")
            if not token:
                return found
            query = {"pageToken": str(token)}
        raise failed(self._base, f"{path} has more than {MOST_PAGES} pages")

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        url = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if self._remote.sign is not None:
            headers = dict(self._remote.sign("GET", url, headers, b""))
        return self._ask("GET", url, headers, b"")

    def _fetch_token(self, given: OAuth2) -> str:
        url = given.token_url or f"{self._base}/v1/oauth/tokens"
        form = {
            "grant_type": "client_credentials",
            "client_id": given.client_id,
            "client_secret": given.client_secret,
            **given.parameters,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        token = self._ask("POST", url, headers, urlencode(form).encode()).get("access_token")
        if not isinstance(token, str) or not token:
            raise failed(url, "its answer has no access_token")
        return token

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        from urllib3.exceptions import HTTPError

        try:
            answer = self._pool.request(
                method, url, headers=dict(headers), body=body or None, redirect=False, preload_content=False
            )
            try:
                data = answer.read(LARGEST + 1)
            finally:
                answer.release_conn()
        except HTTPError as error:
            raise failed(self._base, str(error)) from None
        if answer.status == 404:
            raise Missing(url)
        if answer.status != 200 or len(data) > LARGEST:
            raise failed(self._base, f"it answers {answer.status}: {_reason(data)}")
        try:
            document = orjson.loads(data)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise failed(self._base, f"its answer to {method} {url} is no JSON object")
        return document


def failed(url: str, reason: str) -> ServiceError:
    """The outside catalog cannot be read."""
    return ServiceError("FederationSourceException", f"The catalog at {url} cannot be read: {reason}")


def _reason(data: bytes) -> str:
    try:
        return str(orjson.loads(data)["error"]["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return data[:100].decode("utf-8", "replace")
