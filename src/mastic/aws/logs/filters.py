"""Metric filters and subscription filters. State: table ``log_filters``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mastic.aws.logs import names
from mastic.aws.logs.events import compiled
from mastic.aws.logs.groups import now_ms
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import log_filters, logs
from mastic.store.engine import Store
from mastic.store.log_filters import METRIC, SUBSCRIPTION, Filter

MOST_METRIC_FILTERS = 100
MOST_SUBSCRIPTIONS = 2
_FUNCTION = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w$-]+)?\Z")

MayInvoke = Callable[[str, str, str, str], bool]
"""``(scope, function_arn, principal, source_arn)``: does the function's policy allow it?"""


class MetricFilters:
    """The operations on metric filters."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def put_metric_filter(self, context: Context, request: dict[str, Any]) -> None:
        compiled(request["filterPattern"])
        for unsupported in ("fieldSelectionCriteria", "emitSystemFieldDimensions"):
            if request.get(unsupported):
                raise names.invalid(f"{unsupported} is not supported by Mastic")
        for transformation in request["metricTransformations"]:
            _check_transformation(transformation)
        body = {
            "metricTransformations": request["metricTransformations"],
            "applyOnTransformedLogs": request.get("applyOnTransformedLogs", False),
        }
        with self._store.write() as tx:
            group = names.existing_group(tx, context, request["logGroupName"])
            _put(tx, self._clock, group, METRIC, request, body, most=MOST_METRIC_FILTERS)

    def delete_metric_filter(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            _delete(tx, context, METRIC, request)

    def describe_metric_filters(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name, namespace = request.get("metricName"), request.get("metricNamespace")
        if (name is None) != (namespace is None):
            raise names.invalid("metricName and metricNamespace must be given together.")

        def wanted(found: Filter) -> bool:
            return name is None or any(
                t["metricName"] == name and t["metricNamespace"] == namespace
                for t in found.body["metricTransformations"]
            )

        return _describe(self._store, context, METRIC, request, "metricFilters", wanted)

    def test_metric_filter(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        pattern = compiled(request["filterPattern"])
        matches = []
        for number, message in enumerate(request["logEventMessages"], 1):
            values = pattern.match(message)
            if values is not None:
                matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": values})
        return {"matches": matches}


class SubscriptionFilters:
    """The operations on subscription filters. Destinations are Lambda functions."""

    def __init__(self, *, store: Store, clock: Clock, may_invoke: MayInvoke) -> None:
        self._store = store
        self._clock = clock
        self._may_invoke = may_invoke

    def put_subscription_filter(self, context: Context, request: dict[str, Any]) -> None:
        compiled(request["filterPattern"])
        arn = request["destinationArn"]
        if not _FUNCTION.match(arn):
            raise names.invalid(f"Mastic delivers subscriptions to Lambda functions only, not to {arn}")
        for unsupported in ("fieldSelectionCriteria", "emitSystemFields"):
            if request.get(unsupported):
                raise names.invalid(f"{unsupported} is not supported by Mastic")
        source = f"{names.group_arn(context.scope, request['logGroupName'])}:*"
        allowed = any(
            self._may_invoke(context.scope, arn, principal, source)
            for principal in ("logs.amazonaws.com", f"logs.{context.region}.amazonaws.com")
        )
        if not allowed:
            raise names.invalid(
                "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to "
                "execute your function."
            )
        body = {
            "destinationArn": arn,
            "roleArn": request.get("roleArn"),
            "distribution": request.get("distribution", "ByLogStream"),
            "applyOnTransformedLogs": request.get("applyOnTransformedLogs", False),
        }
        with self._store.write() as tx:
            group = names.existing_group(tx, context, request["logGroupName"])
            _put(tx, self._clock, group, SUBSCRIPTION, request, body, most=MOST_SUBSCRIPTIONS)

    def delete_subscription_filter(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            _delete(tx, context, SUBSCRIPTION, request)

    def describe_subscription_filters(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return _describe(
            self._store, context, SUBSCRIPTION, request, "subscriptionFilters", lambda found: True
        )


def _check_transformation(transformation: dict[str, Any]) -> None:
    value = transformation["metricValue"]
    if not value.startswith("$"):
        try:
            float(value)
        except ValueError as error:
            raise names.invalid(
                f"Invalid metric transformation: metricValue '{value}' is not a number."
            ) from error
    if transformation.get("dimensions") and transformation.get("defaultValue") is not None:
        raise names.invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive."
        )


def _put(
    tx: Any,
    clock: Clock,
    group: logs.Group,
    kind: str,
    request: dict[str, Any],
    body: dict[str, Any],
    *,
    most: int,
) -> None:
    log_filters.put(
        tx,
        scope=group.scope,
        group_id=group.id,
        group_name=group.name,
        kind=kind,
        name=request["filterName"],
        pattern=request["filterPattern"],
        body=body,
        created=now_ms(clock),
    )
    if log_filters.count(tx, group.id, kind) > most:
        raise ServiceError("LimitExceededException", "Resource limit exceeded.")
    _recount(tx, group)


def _delete(tx: Any, context: Context, kind: str, request: dict[str, Any]) -> None:
    group = names.existing_group(tx, context, request["logGroupName"])
    if not log_filters.remove(tx, group.id, kind, request["filterName"]):
        what = "metric" if kind == METRIC else "subscription"
        raise ServiceError("ResourceNotFoundException", f"The specified {what} filter does not exist.")
    _recount(tx, group)


def _recount(tx: Any, group: logs.Group) -> None:
    logs.count_filters(
        tx,
        group,
        metric_filters=log_filters.count(tx, group.id, METRIC),
        subscriptions=log_filters.count(tx, group.id, SUBSCRIPTION),
    )


def _describe(
    store: Store,
    context: Context,
    kind: str,
    request: dict[str, Any],
    member: str,
    wanted: Callable[[Filter], bool],
) -> dict[str, Any]:
    limit = request.get("limit", 50)
    key = names.read_token(request.get("nextToken"), str, str)
    after = (key[0], key[1]) if key else None
    chosen: list[Filter] = []
    with store.read() as tx:
        group_id = None
        if "logGroupName" in request:
            group_id = names.existing_group(tx, context, request["logGroupName"]).id
        while len(chosen) <= limit:
            page = log_filters.page(
                tx,
                context.scope,
                kind,
                group_id=group_id,
                prefix=request.get("filterNamePrefix", ""),
                after=after,
                limit=100,
            )
            chosen += [found for found in page if wanted(found)]
            if len(page) < 100:
                break
            after = (page[-1].name, page[-1].group_name)
    answer: dict[str, Any] = {
        member: [
            {
                "filterName": found.name,
                "filterPattern": found.pattern,
                "creationTime": found.created,
                "logGroupName": found.group_name,
                **found.body,
            }
            for found in chosen[:limit]
        ]
    }
    if len(chosen) > limit:
        answer["nextToken"] = names.page_token(chosen[limit - 1].name, chosen[limit - 1].group_name)
    return answer
