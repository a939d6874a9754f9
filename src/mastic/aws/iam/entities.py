"""What IAM's families share: finding or refusing, paging, tags, documents on the wire. Owns no state."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import iam
from mastic.store.engine import Store
from mastic.store.iam import Entity, Kind

Item = TypeVar("Item")

_ID_PREFIX: Mapping[str, str] = {
    "role": "AROA",
    "user": "AIDA",
    "group": "AGPA",
    "policy": "ANPA",
    "instance-profile": "AIPA",
}
_MISSING: Mapping[str, str] = {
    "role": "The role with name {} cannot be found.",
    "user": "The user with name {} cannot be found.",
    "group": "The group with name {} cannot be found.",
    "instance-profile": "Instance Profile {} cannot be found.",
}
_TAKEN: Mapping[str, str] = {
    "role": "Role with name {} already exists.",
    "user": "User with name {} already exists.",
    "group": "Group with name {} already exists.",
    "instance-profile": "Instance Profile {} already exists.",
    "policy": "A policy called {} already exists. Duplicate names are not allowed.",
}


@dataclass(frozen=True, kw_only=True)
class Base:
    """The collaborators of every family of IAM handlers."""

    store: Store
    clock: Clock
    ids: Ids


def unique_id(ids: Ids, prefix: str) -> str:
    """An identifier as IAM makes them: the prefix and base32 text."""
    return prefix + base64.b32encode(bytes.fromhex(ids.hex(22))).decode().rstrip("=")[:17]


def new(base: Base, account: str, kind: Kind, name: str, path: str, body: dict[str, Any]) -> Entity:
    """A new entity, not yet stored."""
    return Entity(
        account=account,
        kind=kind,
        name=name,
        id=unique_id(base.ids, _ID_PREFIX[kind]),
        arn=arn(account, kind, name, path),
        path=path,
        created=base.clock.now().replace(microsecond=0),
        body=body,
    )


def arn(account: str, kind: Kind, name: str, path: str) -> str:
    """The ARN of an entity."""
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def taken(kind: Kind, name: str) -> ServiceError:
    """IAM's EntityAlreadyExists."""
    return ServiceError("EntityAlreadyExists", _TAKEN[kind].format(name), status=409)


def missing(message: str) -> ServiceError:
    """IAM's NoSuchEntity."""
    return ServiceError("NoSuchEntity", message, status=404)


def conflict(message: str) -> ServiceError:
    """IAM's DeleteConflict."""
    return ServiceError("DeleteConflict", message, status=409)


def limit(message: str) -> ServiceError:
    """IAM's LimitExceeded."""
    return ServiceError("LimitExceeded", message, status=409)


def get(tx: Connection, account: str, kind: Kind, name: str) -> Entity:
    """The entity, or NoSuchEntity."""
    found = iam.find(tx, account, kind, name)
    if found is None:
        raise missing(_MISSING[kind].format(name))
    return found


def head(entity: Entity) -> dict[str, Any]:
    """The members that every entity shows, in AWS's names."""
    stem = {"instance-profile": "InstanceProfile"}.get(entity.kind, entity.kind.capitalize())
    return {
        "Path": entity.path,
        f"{stem}Name": entity.name,
        f"{stem}Id": entity.id,
        "Arn": entity.arn,
        "CreateDate": entity.created,
    }


def escaped(document: str) -> str:
    """A policy document as IAM returns it: percent-encoded (RFC 3986)."""
    return quote(document, safe="-_.~")


def page(items: Iterable[Item], request: Mapping[str, Any], key: Any) -> dict[str, Any]:
    """One page of ``items`` that are sorted by ``key``: ``Items``, ``IsTruncated`` and ``Marker``."""
    after = _unmark(request.get("Marker"))
    size = int(request.get("MaxItems", 100))
    rest = [item for item in items if after is None or key(item) > after]
    shown = rest[:size]
    result: dict[str, Any] = {"Items": shown, "IsTruncated": len(rest) > size}
    if len(rest) > size:
        result["Marker"] = base64.urlsafe_b64encode(f"iam:{key(shown[-1])}".encode()).decode()
    return result


def paged(
    name: str, items: Iterable[Any], request: Mapping[str, Any], key: Any, shape: Any
) -> dict[str, Any]:
    """A page whose items are called ``name`` and shown by ``shape``."""
    result = page(items, request, key)
    return {name: [shape(item) for item in result.pop("Items")], **result}


def _unmark(marker: str | None) -> str | None:
    if marker is None:
        return None
    try:
        kind, _, key = base64.urlsafe_b64decode(marker.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        kind = ""
    if kind != "iam":
        raise ServiceError("ValidationError", "Invalid Marker.", status=400)
    return key


def tagged(tx: Connection, entity: Entity, request: Mapping[str, Any]) -> None:
    """Add or replace tags."""
    tags = {**entity.body.get("Tags", {}), **checked_tags(request.get("Tags", []))}
    if len(tags) > 50:
        raise limit("The number of tags has reached the maximum limit.")
    iam.replace(tx, entity.name, replace(entity, body={**entity.body, "Tags": tags}))


def untagged(tx: Connection, entity: Entity, request: Mapping[str, Any]) -> None:
    """Take tags away."""
    gone = set(request["TagKeys"])
    tags = {key: value for key, value in entity.body.get("Tags", {}).items() if key not in gone}
    iam.replace(tx, entity.name, replace(entity, body={**entity.body, "Tags": tags}))


def checked_tags(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags by key; keys that differ only in case are refused."""
    tags: dict[str, str] = {}
    for tag in given:
        if tag["Key"].lower() in {key.lower() for key in tags}:
            raise ServiceError(
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                status=400,
            )
        tags[tag["Key"]] = tag["Value"]
    return tags


def shown_tags(entity: Entity) -> list[dict[str, str]]:
    """An entity's tags as the wire has them."""
    return [{"Key": key, "Value": value} for key, value in sorted(entity.body.get("Tags", {}).items())]


def list_tags(entity: Entity, request: Mapping[str, Any]) -> dict[str, Any]:
    """One page of an entity's tags."""
    return paged("Tags", shown_tags(entity), request, lambda tag: tag["Key"], lambda tag: tag)


def boundary(body: Mapping[str, Any]) -> dict[str, str] | None:
    """The permissions boundary as the wire shows it."""
    policy = body.get("PermissionsBoundary")
    return policy and {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy}
