"""The targets of rules as clients define them. Owns the rows of ``event_targets``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mastic.aws.events import inputs, paging, rules
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import events
from mastic.store.engine import Store
from mastic.store.events import Target

MOST = 5


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Operations on targets. ``served`` are the services that events can be delivered to."""

    store: Store
    clock: Clock
    served: Iterable[str]

    def put_targets(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        for target in request["Targets"]:
            self._check(target)
        with self.store.write() as tx:
            rule = rules.get(tx, context, request.get("EventBusName"), request["Rule"])
            ids = {each.id for each in events.list_targets(tx, rule)}
            ids |= {each["Id"] for each in request["Targets"]}
            if len(ids) > MOST:
                raise ServiceError(
                    "LimitExceededException",
                    f"The requested resource exceeds the maximum number allowed: {MOST}.",
                )
            for target in request["Targets"]:
                events.put_target(tx, rule, Target(id=target["Id"], arn=target["Arn"], body=target))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _check(self, target: dict[str, Any]) -> None:
        parts = target["Arn"].split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise ServiceError(
                "ValidationException",
                f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format."
            )  # fmt: skip
        if parts[2] not in self.served:
            raise ServiceError(
                "ValidationException",
                f"{target['Arn']} is not a target that Mastic delivers events to; it delivers to: "
                + ", ".join(sorted(self.served)),
            )
        if parts[2] == "sqs" and parts[5].endswith(".fifo") and "SqsParameters" not in target:
            raise ServiceError(
                "ValidationException",
                f"Parameter(s) SqsParameters must be specified for target: {target['Id']}.",
            )
        inputs.check(target)

    def remove_targets(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.write() as tx:
            rule = rules.get(tx, context, request.get("EventBusName"), request["Rule"])
            failed = [each for each in request["Ids"] if not events.remove_target(tx, rule, each)]
        entries = [
            {
                "TargetId": each,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {rule.name} does not have a target with the Id {each}.",
            }
            for each in failed
        ]
        return {"FailedEntryCount": len(entries), "FailedEntries": entries}

    def list_targets_by_rule(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self.store.read() as tx:
            rule = rules.get(tx, context, request.get("EventBusName"), request["Rule"])
            found = events.list_targets(tx, rule)
        return paging.paged("Targets", found, request, lambda target: target.id, lambda target: target.body)
