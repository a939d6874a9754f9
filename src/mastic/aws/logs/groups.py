"""Log groups: create, list, retention, encryption key, protection and tags. State: table ``log_groups``."""

from __future__ import annotations

import re
from typing import Any

from mastic.aws.logs import names
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import log_events, log_filters, logs
from mastic.store.engine import Store

RETENTIONS = (
    *(
        1,
        3,
        5,
        7,
        14,
        30,
        60,
        90,
        120,
        150,
        180,
        365,
        400,
        545,
        731,
        1096,
        1827,
        2192,
        2557,
        2922,
        3288,
        3653,
    ),
)
MOST_TAGS = 50


class LogGroups:
    """The operations on log groups."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create_log_group(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            created = logs.create_group(
                tx,
                scope=context.scope,
                name=request["logGroupName"],
                created=now_ms(self._clock),
                kms_key=request.get("kmsKeyId"),
                log_class=request.get("logGroupClass", "STANDARD"),
                protected=request.get("deletionProtectionEnabled", False),
                tags=request.get("tags"),
            )
            if not created:
                raise ServiceError("ResourceAlreadyExistsException", "The specified log group already exists")

    def delete_log_group(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            group = names.existing_group(tx, context, request["logGroupName"])
            if group.protected:
                raise ServiceError(
                    "ValidationException",
                    "The log group has deletion protection: turn it off before deleting it.",
                )
            log_events.delete_group(tx, group.id)
            log_filters.remove_all(tx, group.id)
            logs.delete_group(tx, group)

    def describe_log_groups(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        if prefix and pattern:
            raise names.invalid(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
            )
        identifiers = request.get("logGroupIdentifiers")
        limit = request.get("limit", 50)
        key = names.read_token(request.get("nextToken"), str)
        with self._store.read() as tx:
            found = logs.list_groups(
                tx,
                context.scope,
                prefix=prefix,
                contains=pattern,
                log_class=request.get("logGroupClass"),
                names=None if identifiers is None else [names.group_name(i) for i in identifiers],
                after=key[0] if key else "",
                limit=limit + 1,
            )
        answer: dict[str, Any] = {"logGroups": [_described(group) for group in found[:limit]]}
        if len(found) > limit:
            answer["nextToken"] = names.page_token(found[limit - 1].name)
        return answer

    def list_log_groups(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        for unsupported in ("dataSources", "fieldIndexNames"):
            if request.get(unsupported):
                raise names.invalid(f"{unsupported} is not supported by Mastic")
        wanted = _any_of(request.get("logGroupNamePattern"))
        tags = request.get("logGroupTags") or []
        limit = request.get("limit", 50)
        key = names.read_token(request.get("nextToken"), str)
        after = key[0] if key else ""
        found: list[logs.Group] = []
        with self._store.read() as tx:
            while len(found) <= limit:
                page = logs.list_groups(
                    tx, context.scope, log_class=request.get("logGroupClass"), after=after, limit=200
                )
                found += [g for g in page if wanted(g.name) and all(_tagged(g, tag) for tag in tags)]
                if len(page) < 200:
                    break
                after = page[-1].name
        answer: dict[str, Any] = {
            "logGroups": [
                {
                    "logGroupName": g.name,
                    "logGroupArn": names.group_arn(g.scope, g.name),
                    "logGroupClass": g.log_class,
                }
                for g in found[:limit]
            ]
        }
        if len(found) > limit:
            answer["nextToken"] = names.page_token(found[limit - 1].name)
        return answer

    # -- properties ----------------------------------------------------------------------------------

    def put_retention_policy(self, context: Context, request: dict[str, Any]) -> None:
        days = request["retentionInDays"]
        if days not in RETENTIONS:
            raise names.invalid(
                f"Invalid retentionInDays value {days}: it must be one of {', '.join(map(str, RETENTIONS))}."
            )
        self._change(context, request["logGroupName"], retention=days)

    def delete_retention_policy(self, context: Context, request: dict[str, Any]) -> None:
        self._change(context, request["logGroupName"], retention=None)

    def associate_kms_key(self, context: Context, request: dict[str, Any]) -> None:
        self._change(context, self._identified(request), kms_key=request["kmsKeyId"])

    def disassociate_kms_key(self, context: Context, request: dict[str, Any]) -> None:
        self._change(context, self._identified(request), kms_key=None)

    def put_log_group_deletion_protection(self, context: Context, request: dict[str, Any]) -> None:
        name = names.group_name(request["logGroupIdentifier"])
        self._change(context, name, protected=int(request["deletionProtectionEnabled"]))

    # -- tags ----------------------------------------------------------------------------------------

    def tag_resource(self, context: Context, request: dict[str, Any]) -> None:
        self._tag(context, names.group_name(request["resourceArn"]), request["tags"])

    def untag_resource(self, context: Context, request: dict[str, Any]) -> None:
        self._untag(context, names.group_name(request["resourceArn"]), request["tagKeys"])

    def list_tags_for_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return {"tags": names.existing_group(tx, context, names.group_name(request["resourceArn"])).tags}

    def tag_log_group(self, context: Context, request: dict[str, Any]) -> None:
        self._tag(context, request["logGroupName"], request["tags"])

    def untag_log_group(self, context: Context, request: dict[str, Any]) -> None:
        self._untag(context, request["logGroupName"], request["tags"])

    def list_tags_log_group(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return {"tags": names.existing_group(tx, context, request["logGroupName"]).tags}

    def _tag(self, context: Context, name: str, tags: dict[str, str]) -> None:
        with self._store.write() as tx:
            group = names.existing_group(tx, context, name)
            merged = {**group.tags, **tags}
            if len(merged) > MOST_TAGS:
                raise ServiceError(
                    "TooManyTagsException",
                    f"A log group can have {MOST_TAGS} tags.",
                    resourceName=names.group_arn(group.scope, group.name),
                )
            logs.change_group(tx, group, tags=merged)

    def _untag(self, context: Context, name: str, keys: list[str]) -> None:
        with self._store.write() as tx:
            group = names.existing_group(tx, context, name)
            logs.change_group(tx, group, tags={k: v for k, v in group.tags.items() if k not in keys})

    def _change(self, context: Context, name: str, **values: Any) -> None:
        with self._store.write() as tx:
            logs.change_group(tx, names.existing_group(tx, context, name), **values)

    def _identified(self, request: dict[str, Any]) -> str:
        if "resourceIdentifier" in request:
            return names.group_name(request["resourceIdentifier"])
        if "logGroupName" not in request:
            raise names.invalid("Either logGroupName or resourceIdentifier must be given.")
        return str(request["logGroupName"])


def now_ms(clock: Clock) -> int:
    """The present, in epoch milliseconds."""
    return int(clock.now().timestamp() * 1000)


def _described(group: logs.Group) -> dict[str, Any]:
    arn = names.group_arn(group.scope, group.name)
    return {
        "logGroupName": group.name,
        "creationTime": group.created,
        "retentionInDays": group.retention,
        "metricFilterCount": group.metric_filters,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": group.stored_bytes,
        "kmsKeyId": group.kms_key,
        "logGroupClass": group.log_class,
        "deletionProtectionEnabled": group.protected,
    }


def _any_of(pattern: str | None) -> Any:
    if pattern is None:
        return lambda name: True
    expression = re.compile(
        "|".join(
            ("^" if p.startswith("^") else "") + re.escape(p.removeprefix("^")) for p in pattern.split("|")
        )
    )
    return lambda name: expression.search(name) is not None


def _tagged(group: logs.Group, wanted: dict[str, Any]) -> bool:
    key, values = wanted.get("key"), wanted.get("values")
    return key in group.tags and (not values or group.tags[key] in values)
