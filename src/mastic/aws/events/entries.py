"""Events that clients put, and patterns that they try out. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from mastic.aws.events import buses, patterns
from mastic.aws.events.router import Router
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store.engine import Store

LARGEST = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Entries:
    """PutEvents and TestEventPattern, and the refusal of what is not served."""

    store: Store
    clock: Clock
    ids: Ids
    router: Router

    def put_events(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        given = request["Entries"]
        if sum(_size(entry) for entry in given) > LARGEST:
            raise ServiceError(
                "ValidationException", "Total size of the entries in the request is over the limit."
            )
        now = self.clock.now()
        results = []
        with self.store.write() as tx:
            for entry in given:
                wrong = _wrong(entry)
                if wrong is not None:
                    results.append({"ErrorCode": wrong[0], "ErrorMessage": wrong[1]})
                    continue
                bus = buses.name_of(entry.get("EventBusName"))
                try:
                    buses.require(tx, context.scope, bus)
                except ServiceError as error:
                    results.append({"ErrorCode": error.code, "ErrorMessage": error.message})
                    continue
                event = self._envelope(context, entry, now)
                self.router.route(tx, context.scope, bus, event)
                results.append({"EventId": event["id"]})
        failed = sum(1 for each in results if "ErrorCode" in each)
        return {"FailedEntryCount": failed, "Entries": results}

    def _envelope(self, context: Context, entry: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        return {
            "version": "0",
            "id": self.ids.uuid(),
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": context.account_id,
            "time": f"{entry.get('Time', now):%Y-%m-%dT%H:%M:%SZ}",
            "region": context.region,
            "resources": entry.get("Resources", []),
            "detail": orjson.loads(entry["Detail"]),
        }

    def test_event_pattern(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        try:
            event = orjson.loads(request["Event"])
        except orjson.JSONDecodeError:
            event = None
        required = ("id", "account", "source", "time", "region", "resources", "detail-type")
        if not isinstance(event, dict) or any(name not in event for name in required):
            raise ServiceError(
                "ValidationException", "Parameter Event is not valid. Reason: it lacks mandatory fields: "
                + ", ".join(required),
            )  # fmt: skip
        return {"Result": patterns.matches(patterns.parse(request["EventPattern"]), event)}

    def create_archive(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError("LimitExceededException", "Mastic does not keep archives of events.")


def _size(entry: Mapping[str, Any]) -> int:
    size = 14 if "Time" in entry else 0
    for member in ("Source", "DetailType", "Detail"):
        size += len(entry.get(member, "").encode())
    return size + sum(len(each.encode()) for each in entry.get("Resources", []))


def _wrong(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            return (
                "InvalidArgument",
                f"Parameter {member} is not valid. Reason: {member} is a required argument.",
            )
    if entry["Source"].startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    try:
        detail = orjson.loads(entry["Detail"])
    except orjson.JSONDecodeError:
        detail = None
    return None if isinstance(detail, dict) else ("MalformedDetail", "Detail is malformed.")
