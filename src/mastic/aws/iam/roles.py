"""Roles and instance profiles. Owns the rules of entities of kind ``role`` and ``instance-profile``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.aws.iam import entities, managed, policies
from mastic.aws.iam.entities import Base
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import iam
from mastic.store.engine import Duplicate
from mastic.store.iam import Entity

DEFAULT_SESSION = 3600
SERVICE_LINKED = "/aws-service-role/"


def shape(role: Entity) -> dict[str, Any]:
    """A role on the wire."""
    return {
        **entities.head(role),
        "AssumeRolePolicyDocument": entities.escaped(role.body["AssumeRolePolicyDocument"]),
        "Description": role.body.get("Description"),
        "MaxSessionDuration": role.body["MaxSessionDuration"],
        "PermissionsBoundary": entities.boundary(role.body),
        "Tags": entities.shown_tags(role) or None,
    }


def listed(role: Entity) -> dict[str, Any]:
    """A role in a list, which shows neither tags nor boundary."""
    return {k: v for k, v in shape(role).items() if k not in ("Tags", "PermissionsBoundary")}


@dataclass(frozen=True, kw_only=True)
class Roles(Base):
    """Operations on roles."""

    def create_role(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        policies.check_trust(request["AssumeRolePolicyDocument"])
        role = entities.new(
            self, context.account_id, "role", request["RoleName"], request.get("Path", "/"),
            {
                "AssumeRolePolicyDocument": request["AssumeRolePolicyDocument"],
                "Description": request.get("Description"),
                "MaxSessionDuration": request.get("MaxSessionDuration", DEFAULT_SESSION),
                "PermissionsBoundary": request.get("PermissionsBoundary"),
                "Tags": entities.checked_tags(request.get("Tags", [])),
            },
        )  # fmt: skip
        self._add(role)
        return {"Role": shape(role)}

    def _add(self, role: Entity) -> None:
        try:
            with self.store.write() as tx:
                iam.create(tx, role)
        except Duplicate:
            raise entities.taken(role.kind, role.name) from None

    def get_role(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            role = entities.get(tx, context.account_id, "role", request["RoleName"])
        return {"Role": {**shape(role), "RoleLastUsed": {}}}

    def list_roles(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            roles = iam.listing(tx, context.account_id, "role", prefix=request.get("PathPrefix", "/"))
        return entities.paged("Roles", roles, request, lambda role: role.key, listed)

    def update_role(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        given = {
            "Description": request.get("Description"),
            "MaxSessionDuration": request.get("MaxSessionDuration", DEFAULT_SESSION),
        }
        self._change(context, request, **given)
        return {}

    def update_role_description(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"Role": shape(self._change(context, request, Description=request["Description"]))}

    def update_assume_role_policy(self, context: Context, request: dict[str, Any]) -> None:
        policies.check_trust(request["PolicyDocument"])
        self._change(context, request, AssumeRolePolicyDocument=request["PolicyDocument"])

    def put_role_permissions_boundary(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.read() as tx:
            managed.require(tx, context.account_id, request["PermissionsBoundary"])
        self._change(context, request, PermissionsBoundary=request["PermissionsBoundary"])

    def delete_role_permissions_boundary(self, context: Context, request: dict[str, Any]) -> None:
        self._change(context, request, PermissionsBoundary=None)

    def _change(self, context: Context, request: Mapping[str, Any], **members: Any) -> Entity:
        with self.store.write() as tx:
            role = entities.get(tx, context.account_id, "role", request["RoleName"])
            if "Description" not in members:
                _check_ours(role)
            changed = replace(role, body={**role.body, **members})
            iam.replace(tx, role.name, changed)
        return changed

    def delete_role(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            role = entities.get(tx, context.account_id, "role", request["RoleName"])
            _check_ours(role)
            if iam.containers_of(tx, role, "instance-profile"):
                raise entities.conflict(
                    "Cannot delete entity, must remove roles from instance profile first."
                )
            check_bare(tx, role)
            iam.remove(tx, role)

    def tag_role(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.tagged(tx, entities.get(tx, context.account_id, "role", request["RoleName"]), request)

    def untag_role(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.untagged(tx, entities.get(tx, context.account_id, "role", request["RoleName"]), request)

    def list_role_tags(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            return entities.list_tags(
                entities.get(tx, context.account_id, "role", request["RoleName"]), request
            )

    def create_service_linked_role(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        service = request["AWSServiceName"]
        stem = "".join(part.capitalize() for part in service.removesuffix(".amazonaws.com").split("-"))
        name = f"AWSServiceRoleFor{stem}" + (f"_{s}" if (s := request.get("CustomSuffix")) else "")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": [service]}, "Action": ["sts:AssumeRole"]}
            ],
        }
        role = entities.new(
            self, context.account_id, "role", name, f"/aws-service-role/{service}/",
            {
                "AssumeRolePolicyDocument": orjson.dumps(trust).decode(),
                "Description": request.get("Description"),
                "MaxSessionDuration": DEFAULT_SESSION,
            },
        )  # fmt: skip
        try:
            self._add(role)
        except ServiceError:
            raise ServiceError(
                "InvalidInput",
                f"Service role name {name} has been taken in this account, please try a different suffix.",
                status=400,
            ) from None
        return {"Role": shape(role)}

    def delete_service_linked_role(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.write() as tx:
            role = entities.get(tx, context.account_id, "role", request["RoleName"])
            if not role.path.startswith(SERVICE_LINKED):
                raise entities.missing(f"The role with name {role.name} cannot be found.")
            check_bare(tx, role)
            iam.remove(tx, role)
        return {"DeletionTaskId": f"task{role.path}{role.name}/{self.ids.uuid()}"}

    def get_service_linked_role_deletion_status(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        parts = request["DeletionTaskId"].split("/")
        if len(parts) != 5 or parts[:2] != ["task", "aws-service-role"]:
            raise entities.missing(f"The task {request['DeletionTaskId']} cannot be found.")
        # Deleting is done when it is answered.
        return {"Status": "SUCCEEDED"}


@dataclass(frozen=True, kw_only=True)
class InstanceProfiles(Base):
    """Operations on instance profiles."""

    def create_instance_profile(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        profile = entities.new(
            self, context.account_id, "instance-profile", request["InstanceProfileName"],
            request.get("Path", "/"), {"Tags": entities.checked_tags(request.get("Tags", []))},
        )  # fmt: skip
        try:
            with self.store.write() as tx:
                iam.create(tx, profile)
        except Duplicate:
            raise entities.taken(profile.kind, profile.name) from None
        return {"InstanceProfile": _profile(profile, [])}

    def get_instance_profile(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            profile = self._get(tx, context, request)
            return {"InstanceProfile": _profile(profile, iam.members_of(tx, profile, "role"))}

    def list_instance_profiles(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            found = iam.listing(
                tx, context.account_id, "instance-profile", prefix=request.get("PathPrefix", "/")
            )
            return entities.paged(
                "InstanceProfiles", found, request, lambda each: each.key,
                lambda each: _profile(each, iam.members_of(tx, each, "role")),
            )  # fmt: skip

    def list_instance_profiles_for_role(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            role = entities.get(tx, context.account_id, "role", request["RoleName"])
            return entities.paged(
                "InstanceProfiles", iam.containers_of(tx, role, "instance-profile"), request,
                lambda each: each.key, lambda each: _profile(each, iam.members_of(tx, each, "role")),
            )  # fmt: skip

    def add_role_to_instance_profile(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            profile = self._get(tx, context, request)
            role = entities.get(tx, context.account_id, "role", request["RoleName"])
            if iam.members_of(tx, profile, "role"):
                raise entities.limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
            iam.add_member(tx, profile, role)

    def remove_role_from_instance_profile(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            profile = self._get(tx, context, request)
            role = entities.get(tx, context.account_id, "role", request["RoleName"])
            if not iam.remove_member(tx, profile, role):
                raise entities.missing(f"The role with name {role.name} cannot be found.")

    def delete_instance_profile(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            profile = self._get(tx, context, request)
            if iam.members_of(tx, profile, "role"):
                raise entities.conflict(
                    "Cannot delete entity, must remove roles from instance profile first."
                )
            iam.remove(tx, profile)

    def tag_instance_profile(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.tagged(tx, self._get(tx, context, request), request)

    def untag_instance_profile(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.untagged(tx, self._get(tx, context, request), request)

    def list_instance_profile_tags(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            return entities.list_tags(self._get(tx, context, request), request)

    def _get(self, tx: Connection, context: Context, request: Mapping[str, Any]) -> Entity:
        return entities.get(tx, context.account_id, "instance-profile", request["InstanceProfileName"])


def _check_ours(role: Entity) -> None:
    if role.path.startswith(SERVICE_LINKED):
        raise ServiceError(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS",
            status=400,
        )


def _profile(profile: Entity, roles: list[Entity]) -> dict[str, Any]:
    return {
        **entities.head(profile),
        "Roles": [shape(role) for role in roles],
        "Tags": entities.shown_tags(profile) or None,
    }


def check_bare(tx: Connection, owner: Entity) -> None:
    """Refuse to delete an identity that still has policies."""
    if iam.attached(tx, owner):
        raise entities.conflict("Cannot delete entity, must detach all policies first.")
    if iam.inline(tx, owner):
        raise entities.conflict("Cannot delete entity, must delete policies first.")
