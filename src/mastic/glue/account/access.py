"""Who may do what in a catalog, by its resource policies. Asked before every operation, where keys are configured.

In its own account a caller may do what no statement denies; what another account's catalog holds is reached only where
a statement of that catalog's policy allows it. Owns what it remembers of policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from mastic.aws.iam import policies
from mastic.aws.iam.policies import Request, Statement
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.account.resources import catalog_path, paths, table_name
from mastic.store import catalog_databases, catalog_tables, documents, iam
from mastic.store.engine import Store
from mastic.store.recall import Recall

KIND = "resource_policy"
MOST = 1000
# A resource link may stand for a resource link.
MOST_LINKS = 5
# The condition keys that are known of every request.
KNOWN_KEYS = frozenset(
    {
        "aws:principalarn",
        "aws:principalaccount",
        "aws:username",
        "aws:currenttime",
        "aws:epochtime",
        "aws:securetransport",
        "aws:requestedregion",
    }
)
# With these the root of the account takes back a policy that shuts it out.
_RESCUE = frozenset({"GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Caller:
    """Whoever asks, under each name that a policy may give them."""

    account: str
    names: tuple[str, ...]
    keys: Mapping[str, Sequence[str]]


class CatalogAccess:
    """Admits calls of Glue, or refuses them."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._recall = Recall(
            store, documents.documents, catalog_databases.databases, catalog_tables.tables, iam.entities
        )

    def admit(self, context: Context, operation: str, request: Mapping[str, Any]) -> Context:
        """The context in which the call goes on: that of the catalog's account. Raises AccessDeniedException."""
        asked = paths(operation, request)
        if asked is None:
            return context
        owner = _owner(context, request)
        foreign = owner != context.account_id
        if not foreign and operation in _RESCUE and context.principal_arn.endswith(":root"):
            return context
        place = replace(context, account_id=owner) if foreign else context
        caller: _Caller | None = None
        for where, resources in self._resources(place, operation, request):
            statements = self._policies(where.scope)
            if not statements and not foreign:
                continue
            caller = caller or self._caller(context)
            speaking = [each for each in statements if _speaks_of(each, caller)]
            for resource in resources:
                if not _allowed(speaking, f"glue:{operation}", resource, caller, must=foreign):
                    raise denied(context, operation, resource)
        return place

    def _policies(self, scope: str) -> tuple[Statement, ...]:
        """Every region's catalog has policies of its own."""
        return self._recall.get(("policies", scope), lambda tx: _statements(tx, scope))

    def _resources(
        self, place: Context, operation: str, request: Mapping[str, Any]
    ) -> Iterator[tuple[Context, list[str]]]:
        """ARNs of what a request is about, and of what the resource links in it stand for, with where they are."""
        for _ in range(MOST_LINKS):
            # Of a link, or of a request that is about another region's tables.
            place = replace(place, region=request.get("Region") or place.region)
            within = catalog_path(request)
            prefix = f"arn:aws:glue:{place.region}:{place.account_id}:"
            yield place, [prefix + _nested(path, within) for path in paths(operation, request) or ()]
            if "DatabaseName" not in request or operation in ("DeleteTable", "BatchDeleteTable"):
                return
            names = within, request["DatabaseName"].lower(), table_name(request).lower()
            target = self._link(place.scope, names)
            if target is None:
                return
            request = {"TableName": names[2] or "*", **target}

    def _link(self, scope: str, names: tuple[str, str, str]) -> dict[str, Any] | None:
        return self._recall.get(("link", scope, *names), lambda tx: _target(tx, scope, *names))

    def _caller(self, context: Context) -> _Caller:
        arn, account = context.principal_arn, context.account_id
        names = [arn]
        kind, _, rest = arn.split(":", 5)[-1].partition("/")
        if kind == "assumed-role":
            role = rest.partition("/")[0]
            found = self._recall.get(("role", account, role), lambda tx: iam.find(tx, account, "role", role))
            names.append(found.arn if found else f"arn:aws:iam::{account}:role/{role}")
        now = self._clock.now()
        keys: dict[str, list[str]] = {
            # Of a session, this is its role.
            "aws:principalarn": [names[-1]],
            "aws:principalaccount": [account],
            "aws:currenttime": [now.strftime("%Y-%m-%dT%H:%M:%SZ")],
            "aws:epochtime": [str(int(now.timestamp()))],
            "aws:securetransport": ["true" if context.endpoint.startswith("https:") else "false"],
            "aws:requestedregion": [context.region],
        }
        if kind == "user":
            keys["aws:username"] = [arn.rpartition("/")[2]]
        return _Caller(account=account, names=tuple(names), keys=keys)


def denied(context: Context, operation: str, resource: str) -> ServiceError:
    """Glue's AccessDeniedException."""
    return ServiceError(
        "AccessDeniedException",
        f"User: {context.principal_arn} is not authorized to perform: glue:{operation} on resource: {resource}",
    )


def _owner(context: Context, request: Mapping[str, Any]) -> str:
    given = request.get("CatalogId") or request.get("CatalogID") or ""
    account = str(given).partition(":")[0]
    return account if len(account) == 12 and account.isdecimal() else context.account_id


def _nested(path: str, within: str) -> str:
    """The path of a resource in a catalog below the account's own."""
    if not within:
        return path
    kind, _, rest = path.partition("/")
    return f"{kind}/{within}/{rest}" if rest else f"{kind}/{within}"


def _target(tx: Connection, scope: str, within: str, database: str, table: str) -> dict[str, Any] | None:
    """What the database or table stands for, if it is a resource link."""
    found = catalog_databases.find(tx, f"{scope}:{within}" if within else scope, database)
    if found is None:
        return None
    if found.body.get("TargetDatabase"):
        members = ("CatalogId", "DatabaseName", "Region")
        return {m: v for m, v in found.body["TargetDatabase"].items() if m in members}
    row = catalog_tables.find(tx, found.id, table) if table not in ("", "*") else None
    target = row.body.get("TargetTable") if row is not None else None
    if not target:
        return None
    named = {
        "CatalogId": "CatalogId",
        "DatabaseName": "DatabaseName",
        "Name": "TableName",
        "Region": "Region",
    }
    return {to: target[member] for member, to in named.items() if member in target}


def _statements(tx: Connection, scope: str) -> tuple[Statement, ...]:
    every = [documents.find(tx, scope, KIND, ""), *documents.page(tx, scope, KIND, "", MOST)]
    return tuple(
        statement
        for one in every
        if one is not None
        for statement in policies.parse(
            one.body["PolicyInJson"], source=one.name or "catalog", kind="Resource Policy"
        )
    )


def _speaks_of(statement: Statement, caller: _Caller) -> bool:
    if statement.not_principal is not None:
        return not any(
            policies.principal_matches(statement.not_principal, name, caller.account) for name in caller.names
        )
    return any(policies.principal_matches(statement.principal, name, caller.account) for name in caller.names)


def _allowed(
    statements: Sequence[Statement], action: str, resource: str, caller: _Caller, *, must: bool
) -> bool:
    verdict = policies.evaluate(statements, Request(action=action, resource=resource, keys=caller.keys))
    if verdict.decision == "explicitDeny" or (must and verdict.decision != "allowed"):
        return False
    if not resource.endswith("*"):
        return True
    # A list would show what is denied one by one: then it is denied as a whole.
    below = policies.wildcard(resource)
    hidden = [
        pattern
        for each in statements
        if each.effect == "Deny"
        for pattern in each.resources or ()
        if below.fullmatch(pattern)
    ]
    return not any(
        policies.evaluate(statements, Request(action=action, resource=pattern, keys=caller.keys)).decision
        == "explicitDeny"
        for pattern in hidden
    )
