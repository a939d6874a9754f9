"""Users, their access keys, and groups. Owns the rules of entities of kind ``user`` and ``group``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from mastic.aws.iam import entities, managed
from mastic.aws.iam.credentials import new_access_key, new_secret
from mastic.aws.iam.entities import Base
from mastic.aws.iam.roles import check_bare
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import credentials, iam, settings
from mastic.store.credentials import Credential
from mastic.store.engine import Duplicate
from mastic.store.iam import Entity


def shape(user: Entity) -> dict[str, Any]:
    """A user on the wire."""
    return {
        **entities.head(user),
        "PermissionsBoundary": entities.boundary(user.body),
        "Tags": entities.shown_tags(user) or None,
    }


@dataclass(frozen=True, kw_only=True)
class Users(Base):
    """Operations on users."""

    def create_user(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        user = entities.new(
            self, context.account_id, "user", request["UserName"], request.get("Path", "/"),
            {
                "PermissionsBoundary": request.get("PermissionsBoundary"),
                "Tags": entities.checked_tags(request.get("Tags", [])),
            },
        )  # fmt: skip
        try:
            with self.store.write() as tx:
                iam.create(tx, user)
        except Duplicate:
            raise entities.taken("user", user.name) from None
        return {"User": shape(user)}

    def get_user(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name = request.get("UserName") or caller_name(context)
        if name is None:
            return {"User": self._root(context)}
        with self.store.read() as tx:
            return {"User": shape(entities.get(tx, context.account_id, "user", name))}

    def _root(self, context: Context) -> dict[str, Any]:
        with self.store.write() as tx:
            opened = settings.set_once(
                tx, f"iam.account_opened:{context.account_id}", int(self.clock.now().timestamp())
            )
        return {
            "Path": "/",
            "UserName": "root",
            "UserId": context.account_id,
            "Arn": f"arn:aws:iam::{context.account_id}:root",
            "CreateDate": datetime.fromtimestamp(opened, UTC),
        }

    def list_users(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            users = iam.listing(tx, context.account_id, "user", prefix=request.get("PathPrefix", "/"))
        return entities.paged("Users", users, request, lambda user: user.key, entities.head)

    def update_user(self, context: Context, request: dict[str, Any]) -> None:
        try:
            with self.store.write() as tx:
                old = entities.get(tx, context.account_id, "user", request["UserName"])
                new = renamed(old, request.get("NewUserName"), request.get("NewPath"))
                iam.replace(tx, old.name, new)
                iam.rename(tx, old, new)
                credentials.rename_owner(tx, old.account, old.key, new.key, new.arn)
        except Duplicate:
            raise entities.taken("user", request["NewUserName"]) from None

    def delete_user(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            user = entities.get(tx, context.account_id, "user", request["UserName"])
            if credentials.owned(tx, user.account, user.key):
                raise entities.conflict("Cannot delete entity, must delete access keys first.")
            if iam.containers_of(tx, user, "group"):
                raise entities.conflict("Cannot delete entity, must remove users from group first.")
            check_bare(tx, user)
            iam.remove(tx, user)

    def put_user_permissions_boundary(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            managed.require(tx, context.account_id, request["PermissionsBoundary"])
            self._bound(tx, context, request, request["PermissionsBoundary"])

    def delete_user_permissions_boundary(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            self._bound(tx, context, request, None)

    def _bound(
        self, tx: Connection, context: Context, request: Mapping[str, Any], policy: str | None
    ) -> None:
        user = entities.get(tx, context.account_id, "user", request["UserName"])
        iam.replace(tx, user.name, replace(user, body={**user.body, "PermissionsBoundary": policy}))

    def tag_user(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.tagged(tx, entities.get(tx, context.account_id, "user", request["UserName"]), request)

    def untag_user(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.untagged(tx, entities.get(tx, context.account_id, "user", request["UserName"]), request)

    def list_user_tags(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            return entities.list_tags(
                entities.get(tx, context.account_id, "user", request["UserName"]), request
            )


@dataclass(frozen=True, kw_only=True)
class AccessKeys(Base):
    """Operations on the long-lived keys of users."""

    LARGEST = 2

    def create_access_key(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        now = self.clock.now().replace(microsecond=0)
        with self.store.write() as tx:
            user = self._user(tx, context, request)
            if len(credentials.owned(tx, user.account, user.key)) >= self.LARGEST:
                raise entities.limit(f"Cannot exceed quota for AccessKeysPerUser: {self.LARGEST}")
            key = Credential(
                access_key=new_access_key("AKIA"), secret=new_secret(), token=None, account=user.account,
                principal_arn=user.arn, principal_id=user.id, owner=user.key, active=True, created=now,
                expires=None, session={},
            )  # fmt: skip
            credentials.put(tx, key)
        return {"AccessKey": {**_metadata(user, key), "SecretAccessKey": key.secret}}

    def list_access_keys(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            user = self._user(tx, context, request)
            keys = sorted(credentials.owned(tx, user.account, user.key), key=lambda each: each.access_key)
        return entities.paged(
            "AccessKeyMetadata", keys, request, lambda key: key.access_key, lambda key: _metadata(user, key)
        )

    def update_access_key(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            user = self._user(tx, context, request)
            key, active = request["AccessKeyId"], request["Status"] == "Active"
            if not credentials.set_active(tx, user.account, user.key, key, active):
                raise _no_key(key)

    def delete_access_key(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            user = self._user(tx, context, request)
            if not credentials.remove(tx, user.account, user.key, request["AccessKeyId"]):
                raise _no_key(request["AccessKeyId"])

    def _user(self, tx: Connection, context: Context, request: Mapping[str, Any]) -> Entity:
        name = request.get("UserName") or caller_name(context)
        if name is None:
            raise ServiceError(
                "ValidationError", "Must specify userName when calling with non-User credentials", status=400
            )
        return entities.get(tx, context.account_id, "user", name)


@dataclass(frozen=True, kw_only=True)
class Groups(Base):
    """Operations on groups."""

    def create_group(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        group = entities.new(
            self, context.account_id, "group", request["GroupName"], request.get("Path", "/"), {}
        )
        try:
            with self.store.write() as tx:
                iam.create(tx, group)
        except Duplicate:
            raise entities.taken("group", group.name) from None
        return {"Group": entities.head(group)}

    def get_group(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            group = entities.get(tx, context.account_id, "group", request["GroupName"])
            users = iam.members_of(tx, group, "user")
        shown = entities.paged("Users", users, request, lambda user: user.key, entities.head)
        return {"Group": entities.head(group), **shown}

    def list_groups(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            groups = iam.listing(tx, context.account_id, "group", prefix=request.get("PathPrefix", "/"))
        return entities.paged("Groups", groups, request, lambda group: group.key, entities.head)

    def list_groups_for_user(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            user = entities.get(tx, context.account_id, "user", request["UserName"])
            groups = iam.containers_of(tx, user, "group")
        return entities.paged("Groups", groups, request, lambda group: group.key, entities.head)

    def update_group(self, context: Context, request: dict[str, Any]) -> None:
        try:
            with self.store.write() as tx:
                old = entities.get(tx, context.account_id, "group", request["GroupName"])
                new = renamed(old, request.get("NewGroupName"), request.get("NewPath"))
                iam.replace(tx, old.name, new)
                iam.rename(tx, old, new)
        except Duplicate:
            raise entities.taken("group", request["NewGroupName"]) from None

    def delete_group(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            group = entities.get(tx, context.account_id, "group", request["GroupName"])
            if iam.members_of(tx, group, "user"):
                raise entities.conflict("Cannot delete entity, must remove users from group first.")
            check_bare(tx, group)
            iam.remove(tx, group)

    def add_user_to_group(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            iam.add_member(tx, *self._both(tx, context, request))

    def remove_user_from_group(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            iam.remove_member(tx, *self._both(tx, context, request))

    def _both(self, tx: Connection, context: Context, request: Mapping[str, Any]) -> tuple[Entity, Entity]:
        return (
            entities.get(tx, context.account_id, "group", request["GroupName"]),
            entities.get(tx, context.account_id, "user", request["UserName"]),
        )


def caller_name(context: Context) -> str | None:
    """The calling user's name; None when no user calls."""
    kind, _, path = context.principal_arn.split(":", 5)[-1].partition("/")
    return path.rpartition("/")[2] if kind == "user" else None


def renamed(old: Entity, name: str | None, path: str | None) -> Entity:
    """The entity under its new name and path."""
    name, path = name or old.name, path or old.path
    return replace(old, name=name, path=path, arn=entities.arn(old.account, old.kind, name, path))


def _metadata(user: Entity, key: Credential) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "AccessKeyId": key.access_key,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created,
    }


def _no_key(key: str) -> ServiceError:
    return entities.missing(f"The Access Key with id {key} cannot be found.")
