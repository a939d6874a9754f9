"""Invoke and InvokeAsync. Owns no state."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from mastic.aws.lambda_ import lookup
from mastic.aws.lambda_.functions import Functions
from mastic.aws.lambda_.names import FunctionRef, invalid, parse
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store.engine import Store
from mastic.wire.dispatch import Response, waits

TAIL = 4096


class Invocations:
    """Handlers."""

    def __init__(self, *, store: Store, ids: Ids, functions: Functions) -> None:
        self._store = store
        self._ids = ids
        self._functions = functions

    @waits
    def invoke(self, context: Context, request: dict[str, Any]) -> Response:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        for member in ("DurableExecutionName", "TenantId"):
            if request.get(member):
                raise invalid(f"{member} is not implemented by Mastic")
        payload = _payload(request.get("Payload"))
        match request.get("InvocationType", "RequestResponse"):
            case "DryRun":
                with self._store.read() as tx:
                    lookup.qualified(tx, ref)
                return Response({"StatusCode": 204}, status=204)
            case "Event":
                self._accept(ref, payload, context, request)
                return Response({"StatusCode": 202}, status=202)
        result = self._functions.call(
            ref, payload, request_id=context.request_id, client_context=_client_context(request)
        )
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "FunctionError": result.error,
            "ExecutedVersion": result.version,
            "Payload": result.payload,
        }
        if request.get("LogType") == "Tail":
            answer["LogResult"] = base64.b64encode(result.tail.encode()[-TAIL:]).decode()
        return Response(answer, status=200)

    def invoke_async(self, context: Context, request: dict[str, Any]) -> Response:
        ref = parse(context, request["FunctionName"])
        self._accept(ref, _payload(request.get("InvokeArgs")), context, request)
        return Response({"Status": 202}, status=202)

    def _accept(self, ref: FunctionRef, payload: bytes, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            self._functions.accept(
                tx, ref, payload, request_id=context.request_id, client_context=_client_context(request)
            )


def _payload(given: Any) -> bytes:
    data: bytes = given.read() if hasattr(given, "read") else (given or b"")
    if not data.strip():
        return b"{}"
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ServiceError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
            status=400,
            Type="User",
        ) from error
    return data


def _client_context(request: dict[str, Any]) -> str:
    given = request.get("ClientContext")
    if not given:
        return ""
    try:
        return base64.b64decode(given, validate=True).decode()
    except ValueError as error:
        raise ServiceError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.",
            status=400, Type="User",
        ) from error  # fmt: skip
