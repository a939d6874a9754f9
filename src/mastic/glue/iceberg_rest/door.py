"""The door at ``/iceberg``: from a request to its handler, and from replies and failures to JSON. Owns no state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

import orjson

from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.iceberg_rest import resources, routes
from mastic.glue.iceberg_rest.calls import Call, Reply
from mastic.glue.iceberg_rest.configuration import catalog_id
from mastic.glue.iceberg_rest.failures import Failure, of_door, of_service
from mastic.wire.dispatch import Guard
from mastic.wire.messages import Outgoing

PREFIX = "/iceberg"


class IcebergRest:
    """``parts`` are the objects whose methods are the handlers of ``routes.ENDPOINTS``. ``admit`` is asked as before
    the Glue operations that they stand for.

    Raises ValueError for an endpoint that none of them has.
    """

    def __init__(self, *parts: Any, admit: Guard) -> None:
        self._admit = admit
        self._handlers = {}
        for name in ("get_config", *routes.ENDPOINTS):
            found = [getattr(part, name) for part in parts if hasattr(part, name)]
            if len(found) != 1:
                raise ValueError(f"{name} has {len(found)} handlers")
            self._handlers[name] = found[0]

    def answer(self, context: Context, body: bytes) -> Outgoing:
        """The reply to an authenticated request."""
        try:
            return _outgoing(self._reply(context, body))
        except Failure as failure:
            return _failed(failure)
        except ServiceError as error:
            return _failed(of_service(error))

    def refuse(self, what: str, message: str) -> Outgoing:
        """The reply to a request that does not get in."""
        return _failed(of_door(what, message))

    def _reply(self, context: Context, body: bytes) -> Reply:
        assert context.http is not None
        match = routes.find(context.http.method, context.http.raw_path.removeprefix(PREFIX))
        call = Call(
            context=replace(context, operation=match.operation),
            catalog=context.account_id,
            labels=match.labels,
            query=_query(context.http.query_string),
            body=body,
        )
        if match.prefix:
            call = replace(call, catalog=catalog_id(call, match.prefix))
        for named in resources.of(call):
            request = {"CatalogId": call.catalog, **named}
            # The context in which it goes on: another account's, if its policy lets the caller in.
            admitted = self._admit(context, match.operation, request)
            call = replace(call, context=replace(admitted, operation=match.operation))
        reply: Reply = self._handlers[match.handler](call)
        return reply


def _query(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split("&") if part]
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def _outgoing(reply: Reply) -> Outgoing:
    headers = list(reply.headers.items())
    if reply.document is None:
        return Outgoing(status=reply.status, headers=headers)
    headers.append(("Content-Type", "application/json"))
    return Outgoing(status=reply.status, headers=headers, body=orjson.dumps(reply.document))


def _failed(failure: Failure) -> Outgoing:
    error = {"message": failure.message, "type": failure.kind, "code": failure.status}
    return Outgoing(
        status=failure.status,
        headers=[("Content-Type", "application/json")],
        body=orjson.dumps({"error": error}),
    )
