"""TagResource, UntagResource, GetTags for every Glue ARN.

Which ARN exists is asked of the family that owns the resource; each family hands in a callable for its types.
Tag values live in ``store.tags``; a family deletes them with the resource (``store.tags.delete_arn``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from mastic.context import Context, split_scope
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.store import tags
from mastic.store.engine import Store

# (transaction, scope, what follows "<type>/" in the ARN) → does it exist?
Exists = Callable[[Connection, str, str], bool]

MOST_TAGS = 50
_ARN = re.compile(r"^arn:(?:aws|aws-us-gov|aws-cn):glue:([a-z0-9-]*):(\d{12}):([A-Za-z]+)(?:/(.+))?$")


def arn(scope: str, kind: str, name: str) -> str:
    """The ARN of a resource: ``arn(scope, "job", "nightly")``."""
    account, region = split_scope(scope)
    return f"arn:aws:glue:{region}:{account}:{kind}/{name}"


def names_with(tx: Connection, scope: str, kind: str, wanted: Mapping[str, str] | None) -> set[str] | None:
    """The names of the resources that carry every one of the ``wanted`` tags; None when no tag is asked for."""
    if not wanted:
        return None
    prefix = arn(scope, kind, "")
    return {found.removeprefix(prefix) for found in tags.arns_with(tx, scope, prefix, wanted)}


class Tags:
    """``exists`` maps the resource type of an ARN ("job", "trigger", "database"…) to its family's answer."""

    def __init__(self, *, store: Store, exists: Mapping[str, Exists]) -> None:
        self._store = store
        self._exists = dict(exists)

    def tag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Add or replace tags."""
        with self._store.write() as tx:
            name = self._resource(tx, context.scope, request["ResourceArn"])
            tags.put(tx, context.scope, name, request["TagsToAdd"])
            if len(tags.get(tx, context.scope, name)) > MOST_TAGS:
                raise ServiceError("InvalidInputException", f"A resource has at most {MOST_TAGS} tags")
        return {}

    def untag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags by key."""
        with self._store.write() as tx:
            name = self._resource(tx, context.scope, request["ResourceArn"])
            tags.remove(tx, context.scope, name, request["TagsToRemove"])
        return {}

    def get_tags(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The tags of a resource."""
        with self._store.read() as tx:
            name = self._resource(tx, context.scope, request["ResourceArn"])
            return {"Tags": tags.get(tx, context.scope, name)}

    def _resource(self, tx: Connection, scope: str, given: str) -> str:
        matched = _ARN.match(given)
        if matched is None:
            raise invalid_input(f"Invalid ARN: {given}")
        region, account, kind, rest = matched.groups()
        if f"{account}:{region}" != scope:
            raise not_found(f"Resource {given} not found")
        exists = self._exists.get(kind)
        if exists is None:
            raise invalid_input(f"Resource type {kind} cannot be tagged: {given}")
        if not exists(tx, scope, rest or ""):
            raise not_found(f"Resource {given} not found")
        return given
