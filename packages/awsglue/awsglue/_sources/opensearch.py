"""OpenSearch indexes as frames, by opensearch-py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from awsglue._frames.body import Body, Encoded
from awsglue._sources.outside import first, missing, needed, settings
from awsglue._sources.request import SourceRequest, truth

PAGE = 1000
SCROLL = "5m"


def open_opensearch(request: SourceRequest, context: Any) -> Body:
    """The body of an index's frame. Raises ValueError."""
    options = settings(request.options)
    index = needed("opensearch", options, "opensearch.resource", "es.resource")
    query = query_of(first(options, "opensearch.query", "es.query"))
    return Body(lambda: _read(index, query, options, context.spark_session))


def query_of(text: str) -> dict[str, Any]:
    """The query as a search's body: JSON (with or without its outer `query`), or ?q=… as in an address."""
    if not text:
        return {"query": {"match_all": {}}}
    if text.startswith("?"):
        from urllib.parse import parse_qs

        given = parse_qs(text[1:]).get("q")
        if not given:
            raise ValueError(f"opensearch.query {text!r} has no q")
        return {"query": {"query_string": {"query": given[0]}}}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"opensearch.query is JSON or ?q=…: {error}") from None
    return found if "query" in found else {"query": found}


def client(options: dict[str, Any]) -> Any:
    """The client that the options describe. Raises ImportError, ValueError."""
    try:
        from opensearchpy import OpenSearch
    except ImportError:
        raise missing("OpenSearch", "opensearch-py") from None
    nodes = needed("opensearch", options, "opensearch.nodes", "es.nodes")
    port = int(first(options, "opensearch.port", "es.port") or 9200)
    encrypted = truth(options.get("opensearch.net.ssl") or options.get("es.net.ssl"))
    hosts = []
    for node in nodes.split(","):
        parts = urlsplit(node.strip() if "://" in node else f"//{node.strip()}")
        encrypted = encrypted or parts.scheme == "https"
        hosts.append({"host": parts.hostname, "port": parts.port or port})
    user = first(options, "opensearch.net.http.auth.user", "es.net.http.auth.user", "username")
    password = first(options, "opensearch.net.http.auth.pass", "es.net.http.auth.pass", "password")
    invalid = truth(options.get("opensearch.net.ssl.cert.allow.self.signed"))
    return OpenSearch(
        hosts=hosts,
        http_auth=(user, password) if user else None,
        use_ssl=encrypted,
        verify_certs=encrypted and not invalid,
        timeout=60,
        max_retries=2,
        retry_on_timeout=True,
    )


def _read(index: str, query: dict[str, Any], options: dict[str, Any], spark: Any) -> Encoded:
    from opensearchpy.helpers import scan

    from awsglue._sources.staged import StagedRecords

    staged = StagedRecords()
    arrays = {
        name.strip()
        for name in first(options, "opensearch.read.field.as.array.include").split(",")
        if name.strip()
    }
    size = int(first(options, "opensearch.scroll.size") or PAGE)
    search = client(options)
    try:
        staged.extend(documents(scan(search, query=query, index=index, size=size, scroll=SCROLL), arrays))
    finally:
        search.close()
    return staged.finish(spark)


def documents(hits: Any, arrays: set[str]) -> Iterator[dict[str, Any]]:
    """The documents of hits; fields that are to be arrays are, also where they hold one value."""
    for hit in hits:
        source = dict(hit["_source"])
        for name in arrays & source.keys():
            if source[name] is not None and not isinstance(source[name], list):
                source[name] = [source[name]]
        yield source
