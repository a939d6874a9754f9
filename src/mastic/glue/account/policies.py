"""Resource policies of the catalog. State: documents of the kind ``resource_policy``.

The name of a policy is the ARN of what it is for; the catalog's own has the empty name. ``access`` enforces them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from sqlalchemy import Connection

from mastic.aws.iam import policies
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.glue.account.access import KIND, KNOWN_KEYS
from mastic.glue.pages import Pager
from mastic.store import documents
from mastic.store.documents import Document
from mastic.store.engine import Store

PAGE = 100
LONGEST = 10_240


class ResourcePolicies:
    """The handlers."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager, enforced: bool) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager
        self._enforced = enforced

    def put_resource_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises ConditionCheckFailureException when the present policy is not the expected one."""
        text = request["PolicyInJson"]
        _check(text)
        if self._enforced:
            _check_enforceable(context, text)
        body = {"PolicyInJson": text, "PolicyHash": _hash(text)}
        if "EnableHybrid" in request:
            body["EnableHybrid"] = request["EnableHybrid"]
        with self._store.write() as tx:
            name = _name(context, request)
            found = documents.find(tx, context.scope, KIND, name)
            condition = request.get("PolicyExistsCondition", "NONE")
            if condition == "MUST_EXIST" and found is None:
                raise not_found("Policy not found.")
            if condition == "NOT_EXIST" and found is not None:
                raise _unexpected("A policy exists already.")
            _check_hash(request, found)
            documents.put(tx, context.scope, KIND, name, body, self._clock.now())
        return {"PolicyHash": body["PolicyHash"]}

    def get_resource_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            return _shape(_find(tx, context, request))

    def get_resource_policies(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Those of the catalog and of resources in it."""
        count = request.get("MaxResults", PAGE)
        after = self._pager.read(request.get("NextToken"), "GetResourcePolicies", context.scope)
        with self._store.read() as tx:
            own = documents.find(tx, context.scope, KIND, "") if after is None else None
            found = documents.page(tx, context.scope, KIND, after or "", count + 1)
        found = ([own] if own else []) + found
        token = self._pager.token(found, count, lambda d: d.name, "GetResourcePolicies", context.scope)
        return {"GetResourcePoliciesResponseList": [_shape(d) for d in found[:count]], "NextToken": token}

    def delete_resource_policy(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException, ConditionCheckFailureException."""
        with self._store.write() as tx:
            found = _find(tx, context, request)
            _check_hash(request, found)
            documents.remove(tx, context.scope, KIND, found.name)


def _name(context: Context, request: dict[str, Any]) -> str:
    arn: str = request.get("ResourceArn", "")
    return "" if arn == f"arn:aws:glue:{context.region}:{context.account_id}:catalog" else arn


def _find(tx: Connection, context: Context, request: dict[str, Any]) -> Document:
    found = documents.find(tx, context.scope, KIND, _name(context, request))
    if found is None:
        raise not_found("Policy not found")
    return found


def _check(text: str) -> None:
    if len(text.encode()) > LONGEST:
        raise invalid_input(f"The policy is longer than {LONGEST} bytes")
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid_input(f"The policy is not JSON: {error}") from None
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise invalid_input("The policy needs a Statement")
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise invalid_input("Every Statement needs an Effect, Allow or Deny")
        if not {"Principal", "NotPrincipal"} & set(statement):
            raise invalid_input("Every Statement needs a Principal")


def _check_enforceable(context: Context, text: str) -> None:
    """Refuse what would be stored and never decide anything."""
    try:
        statements = policies.checked(text)
    except ServiceError as error:
        raise invalid_input(f"The policy cannot be read: {error.message}") from None
    unknown = [key for key in policies.context_keys([text]) if key.lower() not in KNOWN_KEYS]
    if unknown:
        raise invalid_input(f"Condition keys that are not known of a request here: {', '.join(unknown)}")
    prefix = f"arn:aws:glue:{context.region}:{context.account_id}:"
    for statement in statements:
        given = statement.get("Resource", statement.get("NotResource"))
        if given is None:
            raise invalid_input("Every Statement needs a Resource")
        for resource in [given] if isinstance(given, str) else given:
            if not policies.wildcard(resource).fullmatch(prefix + "catalog") and not resource.startswith(
                prefix
            ):
                raise invalid_input(f"Resource {resource} is not of this catalog: it begins with {prefix}")


def _check_hash(request: dict[str, Any], found: Document | None) -> None:
    expected = request.get("PolicyHashCondition")
    if expected is not None and (found is None or found.body["PolicyHash"] != expected):
        raise _unexpected("PolicyHashCondition does not match the policy's hash.")


def _unexpected(message: str) -> ServiceError:
    return ServiceError("ConditionCheckFailureException", message)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _shape(found: Document) -> dict[str, Any]:
    return {
        "PolicyInJson": found.body["PolicyInJson"],
        "PolicyHash": found.body["PolicyHash"],
        "CreateTime": found.created,
        "UpdateTime": found.updated,
    }
