"""Event buses and the policies on them. Owns the rows of ``event_buses``; ``default`` needs none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.store import events, tags
from mastic.store.engine import Duplicate, Store
from mastic.store.events import DEFAULT, Bus

MEMBERS = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


def name_of(given: str | None) -> str:
    """A bus's name from its name or ARN."""
    return (given or DEFAULT).rpartition("/")[2]


def arn(scope: str, name: str) -> str:
    """A bus's ARN."""
    account, region = split_scope(scope)
    return f"arn:aws:events:{region}:{account}:event-bus/{name}"


def require(tx: Connection, scope: str, name: str) -> None:
    """Refuse a bus that does not exist."""
    if name != DEFAULT and events.find_bus(tx, scope, name) is None:
        raise ServiceError("ResourceNotFoundException", f"Event bus {name} does not exist.")


@dataclass(frozen=True, kw_only=True)
class Buses:
    """Operations on event buses."""

    store: Store
    clock: Clock

    def create_event_bus(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        if "EventSourceName" in request:
            raise ServiceError(
                "ResourceNotFoundException", f"Event source {request['EventSourceName']} does not exist."
            )
        if name == DEFAULT or "/" in name:
            raise ServiceError("ValidationException", f"{name} is not a valid name of a custom event bus.")
        now = self.clock.now()
        bus = Bus(name=name, body=_members(request), created=now, modified=now)
        try:
            with self.store.write() as tx:
                events.create_bus(tx, context.scope, bus)
                given = {each["Key"]: each["Value"] for each in request.get("Tags", [])}
                tags.put(tx, context.scope, arn(context.scope, name), given)
        except Duplicate:
            raise ServiceError(
                "ResourceAlreadyExistsException", f"Event bus {name} already exists."
            ) from None
        return {"EventBusArn": arn(context.scope, name), **bus.body}

    def update_event_bus(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.write() as tx:
            bus = self._get(tx, context, request.get("Name"))
            body = {**bus.body, **_members(request)}
            events.put_bus(tx, context.scope, replace(bus, body=body, modified=self.clock.now()))
        shown = {k: v for k, v in body.items() if k != "Policy"}
        return {"Arn": arn(context.scope, bus.name), "Name": bus.name, **shown}

    def describe_event_bus(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            bus = self._get(tx, context, request.get("Name"))
        return _shape(context, bus)

    def list_event_buses(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            found = {bus.name: bus for bus in events.list_buses(tx, context.scope)}
            found.setdefault(DEFAULT, self._get(tx, context, DEFAULT))
        members = ("Name", "Arn", "Description", "Policy", "CreationTime", "LastModifiedTime")
        prefix = request.get("NamePrefix", "")
        shapes = [_shape(context, found[name]) for name in sorted(found) if name.startswith(prefix)]
        return {"EventBuses": [{m: shape.get(m) for m in members} for shape in shapes]}

    def delete_event_bus(self, context: Context, request: dict[str, Any]) -> None:
        name = name_of(request["Name"])
        if name == DEFAULT:
            raise ServiceError("ValidationException", "Cannot delete event bus default.")
        with self.store.write() as tx:
            if events.list_rules(tx, context.scope, name):
                raise ServiceError(
                    "ValidationException", f"Cannot delete event bus {name} since it has rules."
                )
            events.remove_bus(tx, context.scope, name)
            tags.delete_arn(tx, context.scope, arn(context.scope, name))

    def put_permission(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            bus = self._get(tx, context, request.get("EventBusName"))
            if "Policy" in request:
                policy = _policy(request["Policy"])
            else:
                for member in ("StatementId", "Action", "Principal"):
                    if member not in request:
                        raise ServiceError("ValidationException", f"Parameter {member} is not valid.")
                policy = _statements(bus, without=request["StatementId"])
                policy["Statement"].append(_statement(context, bus, request))
            self._set_policy(tx, context, bus, policy)

    def remove_permission(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            bus = self._get(tx, context, request.get("EventBusName"))
            if request.get("RemoveAllPermissions"):
                self._set_policy(tx, context, bus, None)
                return
            before = _statements(bus)
            after = _statements(bus, without=request.get("StatementId"))
            if len(before["Statement"]) == len(after["Statement"]):
                raise ServiceError(
                    "ResourceNotFoundException",
                    "Statement with the provided id does not exist.",
                )
            self._set_policy(tx, context, bus, after if after["Statement"] else None)

    def _set_policy(self, tx: Connection, context: Context, bus: Bus, policy: dict[str, Any] | None) -> None:
        body = {key: value for key, value in bus.body.items() if key != "Policy"}
        if policy is not None:
            body["Policy"] = orjson.dumps(policy).decode()
        events.put_bus(tx, context.scope, replace(bus, body=body, modified=self.clock.now()))

    def _get(self, tx: Connection, context: Context, given: str | None) -> Bus:
        name = name_of(given)
        found = events.find_bus(tx, context.scope, name)
        if found is not None:
            return found
        require(tx, context.scope, name)
        now = self.clock.now()
        return Bus(name=DEFAULT, body={}, created=now, modified=now)


def _members(request: Mapping[str, Any]) -> dict[str, Any]:
    return {member: request[member] for member in MEMBERS if member in request}


def _shape(context: Context, bus: Bus) -> dict[str, Any]:
    dates = {} if bus.name == DEFAULT else {"CreationTime": bus.created, "LastModifiedTime": bus.modified}
    return {"Name": bus.name, "Arn": arn(context.scope, bus.name), **bus.body, **dates}


def _statements(bus: Bus, *, without: str | None = None) -> dict[str, Any]:
    policy: dict[str, Any] = orjson.loads(
        bus.body.get("Policy", '{"Version": "2012-10-17", "Statement": []}')
    )
    policy["Statement"] = [each for each in policy["Statement"] if each.get("Sid") != without]
    return policy


def _policy(document: str) -> dict[str, Any]:
    """A policy as a client wrote it, its statements in a list."""
    try:
        policy = orjson.loads(document)
    except orjson.JSONDecodeError:
        policy = None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not all(isinstance(each, dict) for each in statements):
        raise ServiceError("ValidationException", "This policy contains invalid Json")
    return {**policy, "Statement": statements}


def _statement(context: Context, bus: Bus, request: Mapping[str, Any]) -> dict[str, Any]:
    principal = request["Principal"]
    made: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": request["Action"],
        "Resource": arn(context.scope, bus.name),
    }
    if "Condition" in request:
        given = request["Condition"]
        made["Condition"] = {given["Type"]: {given["Key"]: given["Value"]}}
    return made
