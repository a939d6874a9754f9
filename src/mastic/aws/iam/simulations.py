"""What policies would decide: SimulatePrincipalPolicy and SimulateCustomPolicy. Owns no state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.aws.iam import entities, managed, policies
from mastic.aws.iam.entities import Base
from mastic.aws.iam.policies import Request, Statement, Verdict
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import iam
from mastic.store.iam import Entity


@dataclass(frozen=True, kw_only=True)
class Simulations(Base):
    """Operations that evaluate policies without doing anything."""

    def simulate_custom_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        statements = _numbered("PolicyInputList", request["PolicyInputList"])
        return _simulate(statements, None, request, caller=request.get("CallerArn", ""))

    def simulate_principal_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            principal = principal_of(tx, request["PolicySourceArn"])
            statements = statements_of(tx, principal)
            bound = principal.body.get("PermissionsBoundary")
            boundary = policies.parse(managed.document(tx, bound), source=bound) if bound else None
        statements += _numbered("PolicyInputList", request.get("PolicyInputList", []))
        return _simulate(statements, boundary, request, caller=request.get("CallerArn", principal.arn))

    def get_context_keys_for_custom_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"ContextKeyNames": policies.context_keys(request["PolicyInputList"])}

    def get_context_keys_for_principal_policy(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        with self.store.read() as tx:
            held = [d for _, _, d in documents_of(tx, principal_of(tx, request["PolicySourceArn"]))]
        return {"ContextKeyNames": policies.context_keys([*held, *request.get("PolicyInputList", [])])}


def principal_of(tx: Connection, arn: str) -> Entity:
    """The user, group or role of an ARN; an assumed role's session is its role."""
    parts = arn.split(":", 5)
    resource = parts[5] if len(parts) == 6 else ""
    kind, _, path = resource.partition("/")
    name = path.split("/")[0] if kind == "assumed-role" else path.rpartition("/")[2]
    kind = {"assumed-role": "role"}.get(kind, kind)
    if kind not in ("user", "group", "role") or not name:
        raise ServiceError(
            "InvalidInput",
            f"Invalid Entity Arn: {arn} does not clearly define entity type and name.",
            status=400,
        )
    return entities.get(tx, parts[4], kind, name)  # type: ignore[arg-type]


def documents_of(tx: Connection, principal: Entity) -> list[tuple[str, str, str]]:
    """Source, type and document of every policy that speaks for the principal."""
    owners = [principal, *(iam.containers_of(tx, principal, "group") if principal.kind == "user" else [])]
    found = []
    for owner in owners:
        for name, document in iam.inline(tx, owner).items():
            found.append((f"{owner.kind}_{owner.name}_{name}", "IAM Policy", document))
        for arn in iam.attached(tx, owner):
            found.append((arn.rpartition("/")[2], "IAM Policy", managed.document(tx, arn)))
    return found


def statements_of(tx: Connection, principal: Entity) -> list[Statement]:
    """All statements that speak for the principal."""
    return [
        statement
        for source, kind, document in documents_of(tx, principal)
        for statement in policies.parse(document, source=source, kind=kind)
    ]


def _numbered(name: str, documents: Iterable[str]) -> list[Statement]:
    return [
        statement
        for number, document in enumerate(documents, 1)
        for statement in policies.parse(document, source=f"{name}.{number}")
    ]


def _simulate(
    statements: list[Statement],
    boundary: tuple[Statement, ...] | None,
    request: Mapping[str, Any],
    *,
    caller: str,
) -> dict[str, Any]:
    if not all("ContextKeyName" in entry for entry in request.get("ContextEntries", [])):
        raise ServiceError("InvalidInput", "Every context entry needs a ContextKeyName.")
    keys = {
        entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", [])
        for entry in request.get("ContextEntries", [])
    }
    if caller:
        keys.setdefault("aws:principalarn", [caller])
        keys.setdefault("aws:username", [caller.rpartition("/")[2]])
    limits = _numbered(
        "PermissionsBoundaryPolicyInputList", request.get("PermissionsBoundaryPolicyInputList", [])
    )
    bounds = (*(boundary or ()), *limits) if boundary is not None or limits else None
    document = request.get("ResourcePolicy", '{"Statement": []}')
    resource_policy = policies.parse(document, source="ResourcePolicy", kind="Resource Policy")
    account = caller.split(":")[4] if caller.count(":") >= 5 else ""
    granted = [s for s in resource_policy if policies.principal_matches(s.principal, caller, account)]
    results = [
        _result(action, resource, [*statements, *granted], bounds, keys)
        for action in request["ActionNames"]
        for resource in request.get("ResourceArns", ["*"])
    ]
    numbered = [(f"{number:06}", result) for number, result in enumerate(results)]
    return entities.paged("EvaluationResults", numbered, request, lambda each: each[0], lambda each: each[1])


def _result(
    action: str,
    resource: str,
    statements: Iterable[Statement],
    bounds: Iterable[Statement] | None,
    keys: Mapping[str, Any],
) -> dict[str, Any]:
    asked = Request(action=action, resource=resource, keys=keys)
    verdict = policies.evaluate(statements, asked)
    bounded = policies.evaluate(bounds, asked) if bounds is not None else None
    decision = verdict.decision
    if bounded is not None and decision == "allowed" and bounded.decision != "allowed":
        decision = bounded.decision
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision,
        "MatchedStatements": _matched(verdict),
        "MissingContextValues": list(verdict.missing),
        "PermissionsBoundaryDecisionDetail": bounded
        and {"AllowedByPermissionsBoundary": bounded.decision == "allowed"},
    }


def _matched(verdict: Verdict) -> list[dict[str, Any]]:
    return [{"SourcePolicyId": each.source, "SourcePolicyType": each.kind} for each in verdict.matched]
