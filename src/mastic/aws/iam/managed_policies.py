"""Operations on managed policies, their versions and attachments. Owns the rules of kind ``policy``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.aws.iam import entities, managed, policies
from mastic.aws.iam.entities import Base
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import iam
from mastic.store.engine import Duplicate
from mastic.store.iam import Entity, Kind, Version

MOST_VERSIONS = 5
MOST_ATTACHED = 10


@dataclass(frozen=True, kw_only=True)
class Policies(Base):
    """Operations on customer and AWS managed policies."""

    def create_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        policies.check_identity(request["PolicyDocument"])
        policy = entities.new(
            self, context.account_id, "policy", request["PolicyName"], request.get("Path", "/"),
            {
                "Description": request.get("Description"),
                "Tags": entities.checked_tags(request.get("Tags", [])),
                "LastVersion": 1,
            },
        )  # fmt: skip
        first = Version(
            version=1, document=request["PolicyDocument"], is_default=True, created=policy.created
        )
        try:
            with self.store.write() as tx:
                iam.create(tx, policy)
                iam.add_version(tx, policy.arn, first)
        except Duplicate:
            raise entities.taken("policy", policy.name) from None
        return {"Policy": {**_shape(policy, first, [first], 0), "Tags": entities.shown_tags(policy) or None}}

    def get_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PolicyArn"]
        with self.store.read() as tx:
            count = iam.attachment_counts(tx, context.account_id).get(arn, 0)
            aws = managed.find(arn)
            if aws is not None:
                return {"Policy": {**_aws_shape(aws, count), "Tags": []}}
            policy = _get(tx, context, arn)
            versions = iam.version_list(tx, arn)
        shown = _shape(policy, _default(versions), versions, count)
        return {"Policy": {**shown, "Tags": entities.shown_tags(policy)}}

    def list_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        scope, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
        shown: list[dict[str, Any]] = []
        with self.store.read() as tx:
            counts = iam.attachment_counts(tx, context.account_id)
            if scope in ("All", "AWS"):
                aws = (each for each in managed.listing() if each.path.startswith(prefix))
                shown += [_aws_shape(each, counts.get(each.arn, 0)) for each in aws]
            if scope in ("All", "Local"):
                for policy in iam.listing(tx, context.account_id, "policy", prefix=prefix):
                    versions = iam.version_list(tx, policy.arn)
                    shown.append(_shape(policy, _default(versions), versions, counts.get(policy.arn, 0)))
        if request.get("OnlyAttached"):
            shown = [each for each in shown if each["AttachmentCount"]]
        shown = [{k: v for k, v in each.items() if k != "Description"} for each in shown]
        shown.sort(key=lambda each: each["Arn"])
        return entities.paged("Policies", shown, request, lambda each: each["Arn"], lambda each: each)

    def delete_policy(self, context: Context, request: dict[str, Any]) -> None:
        arn = request["PolicyArn"]
        with self.store.write() as tx:
            policy = _own(tx, context, arn)
            if iam.attached_to(tx, context.account_id, arn):
                raise entities.conflict("Cannot delete a policy attached to entities.")
            if len(iam.version_list(tx, arn)) > 1:
                raise entities.conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the "
                    "policy's versions. The default version is deleted with the policy."
                )
            iam.remove(tx, policy)

    def create_policy_version(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PolicyArn"]
        policies.check_identity(request["PolicyDocument"])
        with self.store.write() as tx:
            policy = _own(tx, context, arn)
            versions = iam.version_list(tx, arn)
            if len(versions) >= MOST_VERSIONS:
                raise entities.limit(
                    f"A managed policy can have up to {MOST_VERSIONS} versions. Before you create a new "
                    "version, you must delete an existing version."
                )
            number = policy.body["LastVersion"] + 1
            made = Version(
                version=number, document=request["PolicyDocument"],
                is_default=bool(request.get("SetAsDefault", False)),
                created=self.clock.now().replace(microsecond=0),
            )  # fmt: skip
            iam.add_version(tx, arn, made)
            _rewrite(tx, policy, LastVersion=number)
        return {"PolicyVersion": _version(made, document=False)}

    def get_policy_version(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn, wanted = request["PolicyArn"], request["VersionId"]
        with self.store.read() as tx:
            for each in _versions(tx, context, arn):
                if f"v{each.version}" == wanted:
                    return {"PolicyVersion": _version(each, document=True)}
        raise _no_version(arn, wanted)

    def list_policy_versions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            versions = _versions(tx, context, request["PolicyArn"])
        return entities.paged(
            "Versions", versions, request, lambda each: f"{10**6 - each.version}",
            lambda each: _version(each, document=False),
        )  # fmt: skip

    def delete_policy_version(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            policy, version = self._named_version(tx, context, request)
            if version.is_default:
                raise entities.conflict("Cannot delete the default version of a policy.")
            iam.remove_version(tx, policy.arn, version.version)

    def set_default_policy_version(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            policy, version = self._named_version(tx, context, request)
            iam.set_default_version(tx, policy.arn, version.version)

    def _named_version(
        self, tx: Connection, context: Context, request: Mapping[str, Any]
    ) -> tuple[Entity, Version]:
        policy = _own(tx, context, request["PolicyArn"])
        for each in iam.version_list(tx, policy.arn):
            if f"v{each.version}" == request["VersionId"]:
                return policy, each
        raise _no_version(policy.arn, request["VersionId"])

    def tag_policy(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.tagged(tx, _own(tx, context, request["PolicyArn"]), request)

    def untag_policy(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            entities.untagged(tx, _own(tx, context, request["PolicyArn"]), request)

    def list_policy_tags(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if managed.find(request["PolicyArn"]) is not None:
            return {"Tags": [], "IsTruncated": False}
        with self.store.read() as tx:
            return entities.list_tags(_get(tx, context, request["PolicyArn"]), request)

    def list_entities_for_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn, wanted = request["PolicyArn"], request.get("EntityFilter")
        found: dict[str, list[dict[str, str]]] = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
        with self.store.read() as tx:
            _versions(tx, context, arn)
            for kind, name in iam.attached_to(tx, context.account_id, arn):
                stem = kind.capitalize()
                if wanted in (None, stem):
                    entity = entities.get(tx, context.account_id, kind, name)
                    found[f"Policy{stem}s"].append({f"{stem}Name": name, f"{stem}Id": entity.id})
        return {**found, "IsTruncated": False}


@dataclass(frozen=True, kw_only=True)
class Attachments(Base):
    """Attaching managed policies to roles, users and groups."""

    def attach_role_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._attach(context, "role", request["RoleName"], request)

    def attach_user_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._attach(context, "user", request["UserName"], request)

    def attach_group_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._attach(context, "group", request["GroupName"], request)

    def detach_role_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._detach(context, "role", request["RoleName"], request)

    def detach_user_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._detach(context, "user", request["UserName"], request)

    def detach_group_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._detach(context, "group", request["GroupName"], request)

    def list_attached_role_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._list(context, "role", request["RoleName"], request)

    def list_attached_user_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._list(context, "user", request["UserName"], request)

    def list_attached_group_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._list(context, "group", request["GroupName"], request)

    def _attach(self, context: Context, kind: Kind, name: str, request: Mapping[str, Any]) -> None:
        arn = request["PolicyArn"]
        with self.store.write() as tx:
            owner = entities.get(tx, context.account_id, kind, name)
            managed.require(tx, context.account_id, arn)
            attached = iam.attached(tx, owner)
            if arn not in attached and len(attached) >= MOST_ATTACHED:
                raise entities.limit(
                    f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: {MOST_ATTACHED}"
                )
            iam.attach(tx, owner, arn)

    def _detach(self, context: Context, kind: Kind, name: str, request: Mapping[str, Any]) -> None:
        with self.store.write() as tx:
            owner = entities.get(tx, context.account_id, kind, name)
            if not iam.detach(tx, owner, request["PolicyArn"]):
                raise entities.missing(f"Policy {request['PolicyArn']} was not found.")

    def _list(self, context: Context, kind: Kind, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            arns = iam.attached(tx, entities.get(tx, context.account_id, kind, name))
        return entities.paged(
            "AttachedPolicies", [a for a in arns if _path(a).startswith(request.get("PathPrefix", "/"))],
            request, lambda arn: arn, lambda arn: {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn},
        )  # fmt: skip


def _path(arn: str) -> str:
    return "/" + "".join(part + "/" for part in arn.split(":policy/", 1)[1].split("/")[:-1])


def _rewrite(tx: Connection, policy: Entity, **members: Any) -> None:
    from dataclasses import replace

    iam.replace(tx, policy.name, replace(policy, body={**policy.body, **members}))


def _get(tx: Connection, context: Context, arn: str) -> Entity:
    found = managed.local(tx, context.account_id, arn)
    if found is None:
        raise entities.missing(f"Policy {arn} was not found.")
    return found


def _own(tx: Connection, context: Context, arn: str) -> Entity:
    if managed.is_managed(arn):
        raise managed.protected(arn)
    return _get(tx, context, arn)


def _versions(tx: Connection, context: Context, arn: str) -> list[Version]:
    aws = managed.find(arn)
    if aws is not None:
        return [Version(version=aws.version, document=aws.document, is_default=True, created=managed.CREATED)]
    return iam.version_list(tx, _get(tx, context, arn).arn)


def _no_version(arn: str, version: str) -> ServiceError:
    return entities.missing(f"Policy {arn} version {version} does not exist or is not attachable.")


def _default(versions: list[Version]) -> Version:
    return next(each for each in versions if each.is_default)


def _version(version: Version, *, document: bool) -> dict[str, Any]:
    shown = {
        "VersionId": f"v{version.version}",
        "IsDefaultVersion": version.is_default,
        "CreateDate": version.created,
    }
    return {**shown, "Document": entities.escaped(version.document)} if document else shown


def _shape(policy: Entity, default: Version, versions: list[Version], count: int) -> dict[str, Any]:
    return {
        **entities.head(policy),
        "DefaultVersionId": f"v{default.version}",
        "AttachmentCount": count,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "Description": policy.body.get("Description"),
        "UpdateDate": max(each.created for each in versions),
    }


def _aws_shape(policy: managed.Managed, count: int) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.version}",
        "AttachmentCount": count,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "Description": policy.description,
        "CreateDate": managed.CREATED,
        "UpdateDate": managed.CREATED,
    }
