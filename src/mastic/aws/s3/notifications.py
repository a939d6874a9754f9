"""Which events a bucket tells of, and to whom: the configuration, and judging it. Owns rows of
``bucket_configurations``.

What matches an event is decided by pure functions here; ``deliveries`` carries the events out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from mastic.aws.s3.buckets import held
from mastic.clock import Clock
from mastic.context import Context
from mastic.ids import Ids
from mastic.objects.errors import refused
from mastic.store import buckets, tasks
from mastic.store.engine import Store

KIND = "notification"
QUEUE = "s3.notify"
# member of the configuration → (member of the ARN, the service in that ARN)
TARGETS: Mapping[str, tuple[str, str]] = {
    "TopicConfigurations": ("TopicArn", "sns"),
    "QueueConfigurations": ("QueueArn", "sqs"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "lambda"),
}


Check = Callable[[str, str, str], str | None]
Deliver = Callable[[str, dict[str, Any]], None]
Enqueue = Callable[[Connection, str, dict[str, Any], str], object]


class Destinations:
    """How notifications reach the services they go to: "lambda", "sqs" and "sns", each added when it is built."""

    def __init__(self) -> None:
        self._check: dict[str, Check] = {}
        self._deliver: dict[str, Deliver] = {}
        self._enqueue: dict[str, Enqueue] = {}

    def add(
        self, service: str, *, check: Check, deliver: Deliver | None = None, enqueue: Enqueue | None = None
    ) -> None:
        """Make a service a possible destination; give it either ``deliver`` or ``enqueue``.

        ``check(arn, bucket_arn, account)`` says why S3 could not deliver there, or None. ``deliver(arn,
        event)`` hands over S3's event document (``{"Records": […]}``, or the test event) outside of any
        transaction and raises when that failed, to be tried again later. ``enqueue(tx, arn, event, key)`` is for
        a destination with a durable queue of its own in the store: it takes the document in the transaction that
        takes the event out, so exactly once; ServiceError says that the destination is not there any more.
        """
        self._check[service] = check
        if deliver is not None:
            self._deliver[service] = deliver
        if enqueue is not None:
            self._enqueue[service] = enqueue

    def enqueue(self, service: str) -> Enqueue | None:
        """The destination's own queue, if it has one."""
        return self._enqueue.get(service)

    def objection(self, service: str, arn: str, bucket_arn: str, account: str) -> str | None:
        """Why S3 could not deliver there, or None."""
        if service not in self._check:
            return f"This server has no {service} that events could go to"
        return self._check[service](arn, bucket_arn, account)

    def hand_over(self, service: str, arn: str, event: dict[str, Any]) -> None:
        """Deliver one event. Raises when the destination did not take it."""
        self._deliver[service](arn, event)


def targets(configuration: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every (service, ARN, rule) of a configuration."""
    for member, (arn, service) in TARGETS.items():
        for rule in configuration.get(member) or ():
            yield service, rule[arn], rule


def affixes(rule: Mapping[str, Any]) -> tuple[str, str]:
    """The rule's key filter as (prefix, suffix)."""
    prefix = suffix = ""
    for item in ((rule.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ():
        if item.get("Name", "").lower() == "prefix":
            prefix = item.get("Value", "")
        else:
            suffix = item.get("Value", "")
    return prefix, suffix


def matches(rule: Mapping[str, Any], event: str, key: str) -> bool:
    """Whether a rule wants the event (``ObjectCreated:Put``) of a key."""
    prefix, suffix = affixes(rule)
    if not key.startswith(prefix) or not key.endswith(suffix):
        return False
    return any(_covers(wanted, event) for wanted in rule["Events"])


def _covers(wanted: str, event: str) -> bool:
    name = wanted.removeprefix("s3:")
    return name == event or (name.endswith(":*") and event.startswith(name[:-1]))


def overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether some event of some key would match both rules, which S3 does not allow."""
    common = any(
        _covers(a, b.removeprefix("s3:")) or _covers(b, a.removeprefix("s3:"))
        for a in one["Events"]
        for b in other["Events"]
    )
    (p1, s1), (p2, s2) = affixes(one), affixes(other)
    prefixes = p1.startswith(p2) or p2.startswith(p1)
    suffixes = s1.endswith(s2) or s2.endswith(s1)
    return common and prefixes and suffixes


def normalised(given: Mapping[str, Any], new_id: Callable[[], str]) -> dict[str, Any]:
    """The configuration as it is kept: with ids, filter names as S3 writes them. Raises InvalidArgument."""
    out: dict[str, Any] = {}
    if given.get("EventBridgeConfiguration") is not None:
        out["EventBridgeConfiguration"] = {}
    rules: list[Mapping[str, Any]] = []
    for member, (arn, service) in TARGETS.items():
        kept = []
        for rule in given.get(member) or ():
            _check_rule(rule, rule.get(arn, ""), service, arn)
            kept.append(_kept(rule, new_id))
        rules += kept
        if kept:
            out[member] = kept
    for index, rule in enumerate(rules):
        if any(overlap(rule, other) for other in rules[:index]):
            raise refused(
                "InvalidArgument",
                "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
            )
    if len({rule["Id"] for rule in rules}) != len(rules):
        raise refused("InvalidArgument", "Same ID used for multiple configurations. IDs must be unique")
    return out


def _check_rule(rule: Mapping[str, Any], arn: str, service: str, member: str) -> None:
    if not rule.get("Events"):
        raise refused("MalformedXML")
    if not arn.startswith("arn:") or arn.split(":")[2:3] != [service]:
        raise refused(
            "InvalidArgument", "The ARN could not be parsed", ArgumentName=member, ArgumentValue=arn
        )
    seen = set()
    for item in ((rule.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ():
        name = item.get("Name", "").lower()
        if name not in ("prefix", "suffix"):
            raise refused(
                "InvalidArgument", "filter rule name must be either prefix or suffix",
                ArgumentName="FilterRule.Name", ArgumentValue=item.get("Name"),
            )  # fmt: skip
        if name in seen:
            raise refused(
                "InvalidArgument",
                f"Cannot specify more than one {name} rule in a filter.",
                ArgumentName="FilterRule.Name",
                ArgumentValue=item.get("Name"),
            )
        if len(item.get("Value", "").encode()) > 1024:
            raise refused(
                "InvalidArgument",
                "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
            )
        seen.add(name)


def _kept(rule: Mapping[str, Any], new_id: Callable[[], str]) -> dict[str, Any]:
    out = {**rule, "Id": rule.get("Id") or new_id(), "Events": list(dict.fromkeys(rule["Events"]))}
    rules = ((rule.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    if rules:
        named = [{"Name": r["Name"].capitalize(), "Value": r.get("Value", "")} for r in rules]
        out["Filter"] = {"Key": {"FilterRules": named}}
    else:
        out.pop("Filter", None)
    return out


class Notifications:
    """Handlers."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, destinations: Destinations) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._destinations = destinations

    def get_bucket_notification_configuration(self, context: Context, request: dict[str, Any]) -> Any:
        """The configuration; empty when there is none."""
        with self._store.read() as tx:
            return buckets.configuration(tx, held(tx, request), KIND) or {}

    def put_bucket_notification_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Replace the configuration. Queues and topics named in it are sent a test event."""
        given = normalised(request["NotificationConfiguration"], self._ids.uuid)
        with self._store.read() as tx:
            bucket = held(tx, request)
        if not request.get("SkipDestinationValidation"):
            self._validate(given, bucket.arn, bucket.account)
        now = self._clock.now()
        test = {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "Bucket": bucket.name,
            "RequestId": context.request_id,
            "HostId": context.request_id,
        }
        with self._store.write() as tx:
            bucket = held(tx, request, lock="update")
            buckets.change(tx, bucket, events=bool(given))
            if not given:
                buckets.unconfigure(tx, bucket, KIND)
                return
            buckets.configure(tx, bucket, KIND, given)
            for service, arn in dict.fromkeys((s, a) for s, a, _ in targets(given) if s != "lambda"):
                payload = {"service": service, "arn": arn, "event": test}
                tasks.put(tx, QUEUE, f"test:{self._ids.uuid()}", payload, not_before=now)

    def _validate(self, given: Mapping[str, Any], bucket_arn: str, account: str) -> None:
        wrong = []
        for service, arn in dict.fromkeys((s, a) for s, a, _ in targets(given)):
            reason = self._destinations.objection(service, arn, bucket_arn, account)
            if reason is not None:
                wrong.append((arn, reason))
        if wrong:
            raise refused(
                "InvalidArgument",
                "Unable to validate the following destination configurations",
                ArgumentName=", ".join(arn for arn, _ in wrong),
                ArgumentValue="; ".join(reason for _, reason in wrong),
            )
