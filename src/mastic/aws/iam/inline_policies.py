"""Policies that are part of a role, user or group. Owns no state beyond the store's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mastic.aws.iam import entities, policies
from mastic.aws.iam.entities import Base
from mastic.context import Context
from mastic.store import iam
from mastic.store.iam import Kind

# The size that all inline policies of one identity may have together, white space not counted.
LARGEST: Mapping[str, int] = {"role": 10240, "user": 2048, "group": 5120}


@dataclass(frozen=True, kw_only=True)
class InlinePolicies(Base):
    """Operations on inline policies."""

    def put_role_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._put(context, "role", request)

    def put_user_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._put(context, "user", request)

    def put_group_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._put(context, "group", request)

    def get_role_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._get(context, "role", request)

    def get_user_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._get(context, "user", request)

    def get_group_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._get(context, "group", request)

    def list_role_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._list(context, "role", request)

    def list_user_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._list(context, "user", request)

    def list_group_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return self._list(context, "group", request)

    def delete_role_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._delete(context, "role", request)

    def delete_user_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._delete(context, "user", request)

    def delete_group_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._delete(context, "group", request)

    def _put(self, context: Context, kind: Kind, request: Mapping[str, Any]) -> None:
        name, document = request["PolicyName"], request["PolicyDocument"]
        policies.check_identity(document)
        with self.store.write() as tx:
            owner = entities.get(tx, context.account_id, kind, request[_name(kind)])
            all_of_them = {**iam.inline(tx, owner), name: document}
            if sum(len("".join(each.split())) for each in all_of_them.values()) > LARGEST[kind]:
                raise entities.limit(
                    f"Maximum policy size of {LARGEST[kind]} bytes exceeded for {kind} {owner.name}"
                )
            iam.put_inline(tx, owner, name, document)

    def _get(self, context: Context, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            owner = entities.get(tx, context.account_id, kind, request[_name(kind)])
            document = iam.inline(tx, owner).get(request["PolicyName"])
        if document is None:
            raise entities.missing(f"The {kind} policy with name {request['PolicyName']} cannot be found.")
        return {
            _name(kind): owner.name,
            "PolicyName": request["PolicyName"],
            "PolicyDocument": entities.escaped(document),
        }

    def _list(self, context: Context, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            names = sorted(iam.inline(tx, entities.get(tx, context.account_id, kind, request[_name(kind)])))
        return entities.paged("PolicyNames", names, request, lambda name: name, lambda name: name)

    def _delete(self, context: Context, kind: Kind, request: Mapping[str, Any]) -> None:
        with self.store.write() as tx:
            owner = entities.get(tx, context.account_id, kind, request[_name(kind)])
            if not iam.remove_inline(tx, owner, request["PolicyName"]):
                raise entities.missing(
                    f"The {kind} policy with name {request['PolicyName']} cannot be found."
                )


def _name(kind: Kind) -> str:
    return f"{kind.capitalize()}Name"
