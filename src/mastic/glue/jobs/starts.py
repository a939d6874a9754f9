"""One StartJobRun call, delivered several times, starts one run.

A cause is what makes two calls the same one. For a function that an event invoked it is the invocation: every
delivery of the event carries the same trace root and a parent of its own, and the n-th call with the same
content of a later delivery is the n-th of the first. For any SDK client it is the SDK's invocation id, which
the SDK repeats when it sends a call again because the connection was lost before the answer.

Owns the rows of ``job_starts``. Rows older than ``KEPT`` are of no use: no delivery comes that late.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.glue.idempotency import plain
from mastic.store import job_starts, schema

KEPT = timedelta(days=2)
# Every AWS SDK tells its execution environment in User-Agent: "exec-env/AWS_Lambda_python3.12".
FUNCTION = "exec-env/AWS_Lambda"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """What called: ``root`` is the same over all deliveries, ``delivery`` over one, ``invocation`` over one call."""

    root: str
    delivery: str
    invocation: str


def cause(context: Context) -> Cause | None:
    """The cause of a call; None for a client that sends neither a trace nor an invocation id."""
    headers = context.http.headers if context.http else {}
    invocation = headers.get("amz-sdk-invocation-id", "")
    fields = dict(part.strip().partition("=")[::2] for part in context.trace.split(";") if "=" in part)
    # Other clients trace too, but with a parent per call: there it does not tell deliveries apart.
    from_function = FUNCTION in headers.get("user-agent", "")
    if from_function and fields.get("Root") and fields.get("Parent"):
        return Cause(root=f"trace:{fields['Root']}", delivery=fields["Parent"], invocation=invocation)
    if invocation:
        return Cause(root=f"sdk:{invocation}", delivery="", invocation=invocation)
    return None


def once(
    tx: Connection,
    context: Context,
    request: Mapping[str, Any],
    now: datetime,
    start: Callable[[], str],
) -> str:
    """The id of the run that this call started when it was first delivered, or that ``start`` starts now."""
    origin = cause(context)
    if origin is None:
        return start()
    digest = hashlib.sha256(_canonical(request)).hexdigest()
    known = job_starts.of_cause(tx, context.scope, origin.root, digest)
    for call in known:
        repeated = (
            call.delivery == origin.delivery and origin.invocation and call.invocation == origin.invocation
        )
        if repeated:
            return call.run_id
    for call in known:
        if call.delivery != origin.delivery:
            job_starts.repeat(
                tx, context.scope, origin.root, digest, call, origin.delivery, origin.invocation
            )
            return call.run_id
    run_id = start()
    job_starts.add(
        tx,
        scope=context.scope,
        root=origin.root,
        digest=digest,
        call=len(known),
        delivery=origin.delivery,
        invocation=origin.invocation,
        run_id=run_id,
        made_on=now,
    )
    return run_id


def _canonical(request: Mapping[str, Any]) -> bytes:
    return schema.dumps(_sorted(plain(request))).encode()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
