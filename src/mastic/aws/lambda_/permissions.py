"""Resource policies: who may invoke a function. State: the policies in ``lambda_parts``."""

from __future__ import annotations

import re
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.aws.lambda_ import lookup
from mastic.aws.lambda_.names import FunctionRef, conflict, missing, parse, parse_arn, stale_revision
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import lambda_
from mastic.store.engine import Store
from mastic.store.lambda_ import POLICY, Part

LARGEST = 20 * 1024


class Permissions:
    """Handlers."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def add_permission(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        statement = _statement(ref, request)
        sid = request["StatementId"]
        with self._store.write() as tx:
            lookup.qualified(tx, ref)
            old = _policy(tx, ref)
            if request.get("RevisionId") not in (None, old.revision if old else None):
                raise stale_revision()
            statements = old.body["Statement"] if old else []
            if any(each["Sid"] == sid for each in statements):
                raise conflict(
                    f"The statement id ({sid}) provided already exists. Please provide a new statement id, or "
                    "remove the existing statement."
                )
            self._put(tx, ref, [*statements, statement])
        return {"Statement": orjson.dumps(statement).decode()}

    def remove_permission(self, context: Context, request: dict[str, Any]) -> None:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        sid = request["StatementId"]
        with self._store.write() as tx:
            lookup.function(tx, ref)
            old = _policy(tx, ref)
            if old is None:
                raise missing("No policy is associated with the given resource.")
            if request.get("RevisionId") not in (None, old.revision):
                raise stale_revision()
            left = [each for each in old.body["Statement"] if each["Sid"] != sid]
            if len(left) == len(old.body["Statement"]):
                raise missing(f"Statement {sid} is not found in resource policy.")
            if left:
                self._put(tx, ref, left)
            else:
                lambda_.remove_part(tx, ref.scope, ref.name, POLICY, ref.qualifier or "")

    def get_policy(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.read() as tx:
            lookup.function(tx, ref)
            found = _policy(tx, ref)
        if found is None:
            raise missing()
        return {"Policy": orjson.dumps(found.body).decode(), "RevisionId": found.revision}

    def _put(self, tx: Connection, ref: FunctionRef, statements: list[dict[str, Any]]) -> None:
        body = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
        size = len(orjson.dumps(body))
        if size > LARGEST:
            raise ServiceError(
                "PolicyLengthExceededException",
                f"The final policy size ({size}) is bigger than the limit ({LARGEST}).",
                status=400, Type="User",
            )  # fmt: skip
        lambda_.put_part(
            tx,
            Part(
                scope=ref.scope,
                name=ref.name,
                kind=POLICY,
                qualifier=ref.qualifier or "",
                revision=self._ids.uuid(),
                modified=self._clock.now(),
                body=body,
            ),
        )


def allows(
    store: Store, function_arn: str, principal: str, source_arn: str, source_account: str | None = None
) -> bool:
    """Whether the function exists and its policy lets a service (``s3.amazonaws.com``) call it for a source."""
    try:
        ref = parse_arn(function_arn)
        with store.read() as tx:
            lookup.qualified(tx, ref)
            policy = _policy(tx, ref)
    except ServiceError:
        return False
    if policy is None:
        return False
    account = source_account or (source_arn.split(":") + [""] * 5)[4] or ref.scope.partition(":")[0]
    return any(_grants(each, principal, source_arn, account) for each in policy.body["Statement"])


def _policy(tx: Connection, ref: FunctionRef) -> Part | None:
    return lambda_.get_part(tx, ref.scope, ref.name, POLICY, ref.qualifier or "")


def _statement(ref: FunctionRef, request: dict[str, Any]) -> dict[str, Any]:
    conditions: dict[str, dict[str, str]] = {}
    if "SourceAccount" in request:
        conditions.setdefault("StringEquals", {})["AWS:SourceAccount"] = request["SourceAccount"]
    if "EventSourceToken" in request:
        conditions.setdefault("StringEquals", {})["lambda:EventSourceToken"] = request["EventSourceToken"]
    if "PrincipalOrgID" in request:
        conditions.setdefault("StringEquals", {})["aws:PrincipalOrgID"] = request["PrincipalOrgID"]
    if "FunctionUrlAuthType" in request:
        conditions.setdefault("StringEquals", {})["lambda:FunctionUrlAuthType"] = request[
            "FunctionUrlAuthType"
        ]
    if "SourceArn" in request:
        conditions["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": ref.arn,
    }
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principal(text: str) -> Any:
    if text == "*":
        return "*"
    if re.fullmatch(r"\d{12}", text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    return {"AWS": text} if text.startswith("arn:") else {"Service": text}


def _grants(statement: dict[str, Any], principal: str, source_arn: str, account: str) -> bool:
    who = statement["Principal"]
    if who != "*" and who.get("Service") != principal:
        return False
    if statement["Action"] not in ("lambda:InvokeFunction", "lambda:*", "*"):
        return False
    conditions = statement.get("Condition") or {}
    equal = conditions.get("StringEquals") or {}
    if any(key != "AWS:SourceAccount" for key in equal) or equal.get("AWS:SourceAccount", account) != account:
        return False
    like = (conditions.get("ArnLike") or {}).get("AWS:SourceArn")
    return like is None or _like(like, source_arn)


def _like(pattern: str, arn: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(expression, arn) is not None
