"""Event source mappings: which queues feed which functions. State: ``lambda_mappings``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from mastic.aws.events import patterns
from mastic.aws.lambda_ import lookup
from mastic.aws.lambda_.names import conflict, invalid, missing, parse
from mastic.aws.lambda_.paging import MarkerPages
from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import lambda_events
from mastic.store.engine import Store, signal
from mastic.store.lambda_events import Mapping as SourceMapping

CHANGED = "lambda.sources"
_QUEUE = re.compile(r"arn:[\w-]+:sqs:[a-z0-9-]+:\d{12}:([\w.-]+)\Z")
_REFUSED = (
    "StartingPosition", "StartingPositionTimestamp", "Topics", "Queues", "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig", "AmazonManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig",
    "SourceAccessConfigurations", "BisectBatchOnFunctionError", "TumblingWindowInSeconds",
    "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "ParallelizationFactor", "ProvisionedPollerConfig",
    "DestinationConfig",
)  # fmt: skip
_KEPT = (
    "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "FilterCriteria", "ScalingConfig",
    "KMSKeyArn", "MetricsConfig",
)  # fmt: skip


class EventSourceMappings:
    """Handlers. ``queue_exists(arn)`` tells whether there is such an SQS queue."""

    def __init__(
        self, *, store: Store, clock: Clock, ids: Ids, pages: MarkerPages, queue_exists: Callable[[str], bool]
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._pages = pages
        self._queue_exists = queue_exists

    def create_event_source_mapping(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        source = request.get("EventSourceArn")
        if not source:
            raise invalid("Event source ARN is required: Mastic polls SQS queues only")
        queue = _QUEUE.match(source)
        if queue is None:
            raise invalid(f"Mastic polls SQS queues only, not {source}")
        if not self._queue_exists(source):
            raise invalid(
                "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
                "SQS Error Message: The specified queue does not exist"
            )
        body = _body({}, request, fifo=queue[1].endswith(".fifo"))
        mapping = SourceMapping(
            id=self._ids.uuid(),
            scope=ref.scope,
            source_arn=source,
            function_arn=ref.arn,
            state="Enabled" if request.get("Enabled", True) else "Disabled",
            modified=self._clock.now(),
            result="No records processed",
            body={**body, "Tags": request.get("Tags") or {}},
        )
        with self._store.write() as tx:
            lookup.qualified(tx, ref)
            if not lambda_events.add(tx, mapping):
                old = lambda_events.find(tx, ref.scope, source, ref.arn)
                raise conflict(
                    f'The event source arn (" {source} ") and function (" {ref.name} ") provided mapping already '
                    f"exists. Please update or delete the existing mapping with UUID {old.id if old else ''}"
                )
            signal(tx, CHANGED)
        return _shown(mapping, state="Creating")

    def update_event_source_mapping(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.write() as tx:
            old = _get(tx, context, request["UUID"])
            ref = parse(context, request.get("FunctionName", old.function_arn))
            lookup.qualified(tx, ref)
            state = old.state
            if "Enabled" in request:
                state = "Enabled" if request["Enabled"] else "Disabled"
            new = replace(
                old,
                function_arn=ref.arn,
                state=state,
                modified=self._clock.now(),
                body=_body(old.body, request, fifo=old.source_arn.endswith(".fifo")),
            )
            lambda_events.change(
                tx,
                new.id,
                function_arn=new.function_arn,
                state=new.state,
                modified=new.modified,
                body=new.body,
            )
            signal(tx, CHANGED)
        return _shown(new, state="Updating")

    def get_event_source_mapping(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return _shown(_get(tx, context, request["UUID"]))

    def delete_event_source_mapping(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.write() as tx:
            old = _get(tx, context, request["UUID"])
            lambda_events.remove(tx, old.id)
        return _shown(old, state="Deleting")

    def list_event_source_mappings(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        size = request.get("MaxItems", 100)
        after = self._pages.key(context, request, default="")
        name = request.get("FunctionName")
        with self._store.read() as tx:
            found = lambda_events.page(
                tx,
                context.scope,
                source_arn=request.get("EventSourceArn"),
                function_arn=parse(context, name).arn if name else None,
                after=after,
                limit=size + 1,
            )
        answer = self._pages.page(
            context, request, "EventSourceMappings", found, size, key=lambda each: each.id
        )
        answer["EventSourceMappings"] = [_shown(each) for each in answer["EventSourceMappings"]]
        return answer


def wanted(mapping: SourceMapping, message: Mapping[str, Any]) -> bool:
    """Whether the mapping's filters let a queue's message through."""
    filters = (mapping.body.get("FilterCriteria") or {}).get("Filters") or []
    if not filters:
        return True
    record = dict(message)
    try:
        record["body"] = orjson.loads(message["body"])
    except orjson.JSONDecodeError:
        pass  # a body that is not JSON is matched as text
    return any(patterns.matches(orjson.loads(each.get("Pattern") or "{}"), record) for each in filters)


def _body(old: Mapping[str, Any], request: Mapping[str, Any], *, fifo: bool) -> dict[str, Any]:
    for member in _REFUSED:
        if request.get(member):
            raise invalid(f"Unsupported parameter {member} for the event source type SQS")
    body = {**old, **{member: request[member] for member in _KEPT if member in request}}
    body.setdefault("BatchSize", 10)
    body.setdefault("MaximumBatchingWindowInSeconds", 0)
    if fifo and body["MaximumBatchingWindowInSeconds"]:
        raise invalid("Batching window is not supported for FIFO queues")
    most = 10 if fifo else 10_000
    if not 1 <= body["BatchSize"] <= most:
        raise invalid(f"BatchSize must be between 1 and {most}")
    if body["BatchSize"] > 10 and body["MaximumBatchingWindowInSeconds"] < 1:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    for each in (body.get("FilterCriteria") or {}).get("Filters") or []:
        try:
            patterns.parse(each.get("Pattern") or "")
        except ServiceError as error:
            raise invalid(f"Invalid filter pattern definition. {error.message}") from error
    return body


def _get(tx: Any, context: Context, mapping_id: str) -> SourceMapping:
    found = lambda_events.get(tx, context.scope, mapping_id)
    if found is None:
        raise missing()
    return found


def _shown(mapping: SourceMapping, *, state: str | None = None) -> dict[str, Any]:
    account, region = split_scope(mapping.scope)
    body = {member: value for member, value in mapping.body.items() if member != "Tags"}
    return {
        **body,
        "UUID": mapping.id,
        "EventSourceArn": mapping.source_arn,
        "FunctionArn": mapping.function_arn,
        "EventSourceMappingArn": f"arn:aws:lambda:{region}:{account}:event-source-mapping:{mapping.id}",
        "LastModified": mapping.modified,
        "LastProcessingResult": mapping.result,
        "State": state or mapping.state,
        "StateTransitionReason": "USER_INITIATED",
    }
