"""Policy documents: what may be stored, and what a set of them decides about a request. Pure rules.

``evaluate`` follows IAM's order: an explicit deny wins, then an allow, else the implicit deny.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import orjson

from mastic.aws.iam import conditions
from mastic.errors import ServiceError

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
VERSIONS = ("2012-10-17", "2008-10-17")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of one policy; ``source`` names the policy."""

    source: str
    kind: str
    effect: str
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principal: Any
    not_principal: Any
    condition: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What somebody wants to do. ``keys`` are condition keys, folded, each with its values."""

    action: str
    resource: str = "*"
    principal: str = ""
    keys: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The decision, the statements that made it, and the condition keys that were asked for in vain."""

    decision: Decision
    matched: tuple[Statement, ...] = ()
    missing: tuple[str, ...] = ()


def parse(
    document: str, *, source: str = "PolicyInputList.1", kind: str = "IAM Policy"
) -> tuple[Statement, ...]:
    """The statements of a document. Raises MalformedPolicyDocument."""
    body = load(document)
    given = body.get("Statement", [])
    statements = given if isinstance(given, list) else [given]
    for each in statements:
        if not isinstance(each, dict) or each.get("Effect") not in ("Allow", "Deny"):
            raise malformed("Syntax errors in policy.")
        conditions.check(each.get("Condition") or {}, malformed)
    return tuple(_statement(each, source, kind) for each in statements)


def load(document: str) -> dict[str, Any]:
    """The document as JSON. Raises MalformedPolicyDocument."""
    try:
        body = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise malformed("Syntax errors in policy.") from None
    if not isinstance(body, dict):
        raise malformed("Syntax errors in policy.")
    return body


def check_identity(document: str) -> None:
    """Refuse what IAM would not store as an identity's policy."""
    for statement in checked(document):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        if not {"Resource", "NotResource"} & statement.keys():
            raise malformed("Policy statement must contain resources.")
        for each in _strings(statement.get("Resource", [])) or ():
            if each != "*" and not each.startswith(("arn:", "${")) and "*" not in each.split(":")[0]:
                raise malformed(f'Resource {each} must be in ARN format or "*".')


def check_trust(document: str) -> None:
    """Refuse what IAM would not store as a role's trust policy."""
    for statement in checked(document):
        if "Resource" in statement or "NotResource" in statement:
            raise malformed("Has prohibited field Resource")
        if not {"Principal", "NotPrincipal"} & statement.keys():
            raise malformed("Missing required field Principal")


def evaluate(statements: Iterable[Statement], request: Request) -> Verdict:
    """What ``statements`` together decide about ``request``."""
    matched = []
    missing: set[str] = set()
    for statement in statements:
        if not _covers(statement, request):
            continue
        holds, absent = conditions.holds(statement.condition, request.keys, _substitute)
        missing |= absent
        if holds:
            matched.append(statement)
    absent_keys = tuple(sorted(missing))
    for effect, decision in (("Deny", "explicitDeny"), ("Allow", "allowed")):
        found = tuple(s for s in matched if s.effect == effect)
        if found:
            return Verdict(decision=decision, matched=found, missing=absent_keys)  # type: ignore[arg-type]
    return Verdict(decision="implicitDeny", missing=absent_keys)


def principal_matches(declared: Any, arn: str, account: str) -> bool:
    """Whether a Principal element means the caller ``arn``; services are given as ``name.amazonaws.com``."""
    if declared == "*":
        return True
    if not isinstance(declared, dict):
        return False
    for kind, values in declared.items():
        for value in _strings(values) or ():
            if value == "*" or value == arn:
                return True
            if kind == "AWS" and value in (account, f"arn:aws:iam::{account}:root"):
                return True
    return False


def context_keys(documents: Iterable[str]) -> list[str]:
    """The condition keys that the documents mention, in order of their name."""
    found: set[str] = set()
    for document in documents:
        for statement in parse(document):
            for keys in statement.condition.values():
                found.update(keys)
        found.update(name for name in _VARIABLE.findall(document) if name not in "*?$")
    return sorted(found)


def malformed(message: str) -> ServiceError:
    """IAM's MalformedPolicyDocument."""
    return ServiceError("MalformedPolicyDocument", message, status=400)


@lru_cache(maxsize=4096)
def wildcard(pattern: str, *, fold: bool = False) -> re.Pattern[str]:
    """``*`` and ``?`` as IAM has them, over the entire text."""
    translated = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    return re.compile(translated, re.DOTALL | (re.IGNORECASE if fold else 0))


def checked(document: str) -> list[dict[str, Any]]:
    """The statements as JSON, each of a form that IAM knows. Raises MalformedPolicyDocument."""
    body = load(document)
    if "Version" in body and body["Version"] not in VERSIONS:
        raise malformed("Syntax errors in policy.")
    unknown = body.keys() - {"Version", "Id", "Statement"}
    if unknown or "Statement" not in body:
        raise malformed("Syntax errors in policy.")
    statements = body["Statement"] if isinstance(body["Statement"], list) else [body["Statement"]]
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise malformed("Syntax errors in policy.")
        if not {"Action", "NotAction"} & statement.keys():
            raise malformed("Policy statement must contain actions.")
        for element in ("Action", "NotAction", "Resource", "NotResource"):
            if element in statement and not _strings(statement[element]):
                raise malformed("Syntax errors in policy.")
        for action in (_strings(statement.get("Action", [])) or ()) + (
            _strings(statement.get("NotAction", [])) or ()
        ):
            if action != "*" and ":" not in action:
                raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        conditions.check(statement.get("Condition", {}), malformed)
    return statements


def _statement(body: Mapping[str, Any], source: str, kind: str) -> Statement:
    return Statement(
        source=source,
        kind=kind,
        effect=body["Effect"],
        actions=_strings(body.get("Action")),
        not_actions=_strings(body.get("NotAction")),
        resources=_strings(body.get("Resource")),
        not_resources=_strings(body.get("NotResource")),
        principal=body.get("Principal"),
        not_principal=body.get("NotPrincipal"),
        condition=body.get("Condition") or {},
    )


def _covers(statement: Statement, request: Request) -> bool:
    if statement.actions is not None and not _any(statement.actions, request.action, fold=True):
        return False
    if statement.not_actions is not None and _any(statement.not_actions, request.action, fold=True):
        return False
    if statement.resources is not None:
        return _any(_substituted(statement.resources, request.keys), request.resource)
    if statement.not_resources is not None:
        return not _any(_substituted(statement.not_resources, request.keys), request.resource)
    return True


def _any(patterns: Iterable[str], text: str, *, fold: bool = False) -> bool:
    return any(wildcard(pattern, fold=fold).fullmatch(text) for pattern in patterns)


def _substituted(patterns: Iterable[str], keys: Mapping[str, Sequence[str]]) -> list[str]:
    found = (_substitute(pattern, keys) for pattern in patterns)
    return [each for each in found if each is not None]


def _substitute(text: str, keys: Mapping[str, Sequence[str]]) -> str | None:
    """Replace policy variables; None when one has no single value, which matches nothing."""
    unknown = False

    def value(match: re.Match[str]) -> str:
        nonlocal unknown
        name, _, default = match[1].partition(",")
        if name in ("*", "?", "$"):
            return name
        values = keys.get(name.strip().lower(), ())
        if len(values) == 1:
            return values[0]
        if default:
            return default.strip().strip("'")
        unknown = True
        return ""

    result = _VARIABLE.sub(value, text)
    return None if unknown else result


def _strings(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return ()
