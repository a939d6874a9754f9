"""Facts about the account: alias, password policy, summary. Owns settings named ``iam.…``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mastic.aws.iam import entities
from mastic.aws.iam.entities import Base
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import iam, settings

QUOTAS = {
    "AccessKeysPerUserQuota": 2,
    "AssumeRolePolicySizeQuota": 2048,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "AttachedPoliciesPerUserQuota": 10,
    "GroupPolicySizeQuota": 5120,
    "GroupsPerUserQuota": 10,
    "GroupsQuota": 300,
    "InstanceProfilesQuota": 1000,
    "PoliciesQuota": 1500,
    "PolicySizeQuota": 6144,
    "RolePolicySizeQuota": 10240,
    "RolesQuota": 1000,
    "UserPolicySizeQuota": 2048,
    "UsersQuota": 5000,
    "VersionsPerPolicyQuota": 5,
}
PASSWORD_DEFAULTS = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}


@dataclass(frozen=True, kw_only=True)
class Accounts(Base):
    """Operations on the account itself."""

    def get_account_summary(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            counts = {
                "Users": iam.count(tx, context.account_id, "user"),
                "Groups": iam.count(tx, context.account_id, "group"),
                "Roles": iam.count(tx, context.account_id, "role"),
                "Policies": iam.count(tx, context.account_id, "policy"),
                "InstanceProfiles": iam.count(tx, context.account_id, "instance-profile"),
            }
        return {"SummaryMap": {**QUOTAS, **counts}}

    def create_account_alias(self, context: Context, request: dict[str, Any]) -> None:
        alias = request["AccountAlias"]
        with self.store.write() as tx:
            if settings.set_once(tx, f"iam.alias_owner:{alias}", context.account_id) != context.account_id:
                raise ServiceError(
                    "EntityAlreadyExists", f"The account alias {alias} already exists.", status=409
                )
            old = settings.get(tx, f"iam.alias:{context.account_id}")
            if old and old != alias:
                settings.remove(tx, f"iam.alias_owner:{old}")
            settings.put(tx, f"iam.alias:{context.account_id}", alias)

    def delete_account_alias(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            alias = settings.get(tx, f"iam.alias:{context.account_id}")
            if alias != request["AccountAlias"]:
                raise entities.missing(f"The account alias {request['AccountAlias']} cannot be found.")
            settings.remove(tx, f"iam.alias:{context.account_id}")
            settings.remove(tx, f"iam.alias_owner:{alias}")

    def list_account_aliases(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            alias = settings.get(tx, f"iam.alias:{context.account_id}")
        return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}

    def update_account_password_policy(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            settings.put(tx, f"iam.passwords:{context.account_id}", {**PASSWORD_DEFAULTS, **request})

    def get_account_password_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            policy = settings.get(tx, f"iam.passwords:{context.account_id}")
        if policy is None:
            raise _no_password_policy(context)
        return {"PasswordPolicy": {**policy, "ExpirePasswords": bool(policy.get("MaxPasswordAge"))}}

    def delete_account_password_policy(self, context: Context, request: dict[str, Any]) -> None:
        with self.store.write() as tx:
            if settings.get(tx, f"iam.passwords:{context.account_id}") is None:
                raise _no_password_policy(context)
            settings.remove(tx, f"iam.passwords:{context.account_id}")


def _no_password_policy(context: Context) -> ServiceError:
    return entities.missing(f"The Password Policy with domain name {context.account_id} cannot be found.")
