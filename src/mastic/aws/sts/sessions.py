"""Who calls, and temporary credentials for roles, users and the account. Owns no state of its own.

The keys it issues are real: they live in ``credentials`` and signatures made with them are verified.
A role must exist to be assumed. Its trust policy decides only with ``enforce``, because a server that accepts
any credentials on loopback knows no caller but the account's root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mastic.aws.iam import policies
from mastic.aws.iam.credentials import Credentials, session_arn
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import credentials, iam
from mastic.store.engine import Store

CHAINED = 3600
_ROLE = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role(/.*)")


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """STS's operations."""

    store: Store
    clock: Clock
    credentials: Credentials
    enforce: bool = False

    def get_caller_identity(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            known = credentials.find(tx, context.access_key) if context.access_key else None
        if known is not None and known.principal_arn == context.principal_arn:
            return {"UserId": known.principal_id, "Account": known.account, "Arn": known.principal_arn}
        return {"UserId": context.account_id, "Account": context.account_id, "Arn": context.principal_arn}

    def assume_role(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn, name = request["RoleArn"], request["RoleSessionName"]
        found = _ROLE.fullmatch(arn)
        if found is None:
            raise ServiceError("ValidationError", f"{arn} is invalid", status=400)
        account, path = found.groups()
        with self.store.read() as tx:
            role = iam.find(tx, account, "role", path.rpartition("/")[2])
        # AWS does not tell a role that does not exist from one that is not for the caller.
        if role is None or role.arn != arn or not self._trusted(context, role, request):
            raise ServiceError(
                "AccessDenied",
                f"User: {context.principal_arn} is not authorized to perform: sts:AssumeRole "
                f"on resource: {arn}",
                status=403,
            )
        seconds = request.get("DurationSeconds", 3600)
        if seconds > role.body["MaxSessionDuration"]:
            raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        if ":assumed-role/" in context.principal_arn and seconds > CHAINED:
            raise _invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
                "chaining"
            )
        for document in (request["Policy"],) if "Policy" in request else ():
            policies.check_identity(document)
        kept = ("Policy", "PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity", "ExternalId")
        session = {member: request[member] for member in kept if member in request}
        shown = self._issue(account, arn, name, seconds, session)
        return {
            "Credentials": shown,
            "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{name}", "Arn": session_arn(arn, name)},
            "SourceIdentity": request.get("SourceIdentity"),
        }

    def get_session_token(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if ":assumed-role/" in context.principal_arn:
            raise ServiceError(
                "AccessDenied", "Cannot call GetSessionToken with session credentials", status=403
            )
        seconds = request.get("DurationSeconds", 43200)
        return {"Credentials": self._issue(context.account_id, context.principal_arn, "session", seconds, {})}

    def get_access_key_info(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        found = self.credentials.lookup(request["AccessKeyId"])
        if found is None:
            raise ServiceError("ValidationError", "The access key is unknown.", status=400)
        return {"Account": found.account}

    def assume_role_with_web_identity(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        raise ServiceError(
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account: Mastic does not federate web identities; "
            "use AssumeRole",
            status=400,
        )

    def _trusted(self, context: Context, role: iam.Entity, request: dict[str, Any]) -> bool:
        if not self.enforce:
            return True
        keys = {"aws:principalarn": [context.principal_arn], "aws:principalaccount": [context.account_id]}
        if "ExternalId" in request:
            keys["sts:externalid"] = [request["ExternalId"]]
        statements = [
            each
            for each in policies.parse(role.body["AssumeRolePolicyDocument"], source=role.arn)
            if policies.principal_matches(each.principal, context.principal_arn, context.account_id)
        ]
        asked = policies.Request(action="sts:AssumeRole", resource=role.arn, keys=keys)
        return policies.evaluate(statements, asked).decision == "allowed"

    def _issue(
        self, account: str, principal: str, name: str, seconds: int, session: dict[str, Any]
    ) -> dict[str, Any]:
        expires: datetime = self.clock.now().replace(microsecond=0) + timedelta(seconds=seconds)
        access_key, secret, token = self.credentials.issue(account, principal, name, expires, session=session)
        return {
            "AccessKeyId": access_key,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires,
        }


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationError", message, status=400)
