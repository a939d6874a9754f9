"""Everything about an account's identities at once: GetAccountAuthorizationDetails. Owns no state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.aws.iam import entities, managed, roles
from mastic.aws.iam.entities import Base
from mastic.context import Context
from mastic.store import iam
from mastic.store.iam import Entity

_LISTS = {"User": "UserDetailList", "Group": "GroupDetailList", "Role": "RoleDetailList"}


@dataclass(frozen=True, kw_only=True)
class Authorizations(Base):
    """The report."""

    def get_account_authorization_details(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("Filter", ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"])
        rows: list[tuple[str, dict[str, Any]]] = []
        with self.store.read() as tx:
            for kind in ("user", "group", "role"):
                if kind.capitalize() in wanted:
                    for entity in iam.listing(tx, context.account_id, kind, limit=10_000):
                        rows.append((_LISTS[kind.capitalize()], _detail(tx, entity)))
            if "LocalManagedPolicy" in wanted:
                for policy in iam.listing(tx, context.account_id, "policy", limit=10_000):
                    rows.append(("Policies", _policy(tx, policy)))
            if "AWSManagedPolicy" in wanted:
                used = iam.attachment_counts(tx, context.account_id)
                rows += [
                    ("Policies", _aws(each, used[each.arn])) for each in managed.listing() if each.arn in used
                ]
        numbered = [(f"{number:06}", row) for number, row in enumerate(rows)]
        page = entities.page(numbered, request, lambda each: each[0])
        shown: dict[str, Any] = {name: [] for name in (*_LISTS.values(), "Policies")}
        for _, (name, row) in page.pop("Items"):
            shown[name].append(row)
        return {**shown, **page}


def _detail(tx: Connection, entity: Entity) -> dict[str, Any]:
    stem = entity.kind.capitalize()
    shown = {
        **entities.head(entity),
        f"{stem}PolicyList": [
            {"PolicyName": name, "PolicyDocument": entities.escaped(document)}
            for name, document in iam.inline(tx, entity).items()
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in iam.attached(tx, entity)
        ],
    }
    if entity.kind != "group":
        shown |= {"PermissionsBoundary": entities.boundary(entity.body), "Tags": entities.shown_tags(entity)}
    if entity.kind == "user":
        shown["GroupList"] = [group.name for group in iam.containers_of(tx, entity, "group")]
    if entity.kind == "role":
        shown["AssumeRolePolicyDocument"] = entities.escaped(entity.body["AssumeRolePolicyDocument"])
        shown["InstanceProfileList"] = [
            {
                **entities.head(profile),
                "Roles": [roles.shape(each) for each in iam.members_of(tx, profile, "role")],
            }
            for profile in iam.containers_of(tx, entity, "instance-profile")
        ]
    return shown


def _policy(tx: Connection, policy: Entity) -> dict[str, Any]:
    versions = iam.version_list(tx, policy.arn)
    return {
        **entities.head(policy),
        "DefaultVersionId": next(f"v{each.version}" for each in versions if each.is_default),
        "AttachmentCount": len(iam.attached_to(tx, policy.account, policy.arn)),
        "IsAttachable": True,
        "UpdateDate": max(each.created for each in versions),
        "PolicyVersionList": [
            {
                "VersionId": f"v{each.version}",
                "IsDefaultVersion": each.is_default,
                "CreateDate": each.created,
                "Document": entities.escaped(each.document),
            }
            for each in versions
        ],
    }


def _aws(policy: managed.Managed, attached: int) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.version}",
        "AttachmentCount": attached,
        "IsAttachable": True,
        "CreateDate": managed.CREATED,
        "UpdateDate": managed.CREATED,
        "PolicyVersionList": [
            {
                "VersionId": f"v{policy.version}",
                "IsDefaultVersion": True,
                "CreateDate": managed.CREATED,
                "Document": entities.escaped(policy.document),
            }
        ],
    }
