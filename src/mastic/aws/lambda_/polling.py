"""Feeds functions from SQS queues: receive a batch, call the function, delete what it has done. Owns no state:
a message that was not deleted comes back when its visibility timeout is over.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any, Protocol

import orjson
import structlog

from mastic.aws.lambda_ import sources
from mastic.aws.lambda_.functions import LARGEST_SYNC, Functions
from mastic.aws.lambda_.names import parse_arn
from mastic.clock import Clock
from mastic.context import split_scope
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import lambda_events
from mastic.store.engine import Store
from mastic.store.lambda_events import Mapping

log = structlog.get_logger()


class Queues(Protocol):
    """SQS as a poller needs it; ``message`` members as ReceiveMessage names them."""

    def receive(self, arn: str, most: int, wait_seconds: int) -> list[dict[str, Any]]:
        """Up to ``most`` (10 at most) messages, with all attributes."""
        ...

    def delete(self, arn: str, receipts: Sequence[str]) -> None:
        """Delete messages."""
        ...


class Poller:
    """Polls the queue of one mapping at a time."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, functions: Functions, queues: Queues) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._functions = functions
        self._queues = queues

    def mappings(self) -> list[Mapping]:
        """What is to be polled."""
        with self._store.read() as tx:
            return lambda_events.enabled(tx)

    def poll(self, mapping: Mapping, wait_seconds: int = 1) -> int:
        """One batch from the queue through the function; returns how many messages came."""
        messages = self._receive(mapping, wait_seconds)
        if not messages:
            return 0
        _, region = split_scope(mapping.scope)
        records = [_record(message, mapping.source_arn, region) for message in messages]
        chosen = [record for record in records if sources.wanted(mapping, record)]
        unwanted = [r["receiptHandle"] for r in records if r not in chosen]
        if unwanted:
            self._delete(mapping, unwanted)
        if chosen:
            self._process(mapping, chosen)
        return len(messages)

    def _receive(self, mapping: Mapping, wait_seconds: int) -> list[dict[str, Any]]:
        size = mapping.body["BatchSize"]
        messages = self._queues.receive(mapping.source_arn, min(size, 10), wait_seconds)
        window = mapping.body["MaximumBatchingWindowInSeconds"]
        until = self._clock.now().timestamp() + window
        while messages and len(messages) < size and window:
            left = until - self._clock.now().timestamp()
            if left <= 0:
                break
            messages += self._queues.receive(
                mapping.source_arn, min(size - len(messages), 10), min(int(left) + 1, 20)
            )
        return messages

    def _process(self, mapping: Mapping, records: list[dict[str, Any]]) -> None:
        payload = orjson.dumps({"Records": records})
        if len(payload) > LARGEST_SYNC and len(records) > 1:
            half = len(records) // 2
            self._process(mapping, records[:half])
            self._process(mapping, records[half:])
            return
        try:
            # The same messages, received again because a server died before it deleted them, are the same
            # invocation: what the function started is not started again.
            result = self._functions.call(
                parse_arn(mapping.function_arn),
                payload,
                request_id=_invocation(mapping, records),
                delivery=self._ids.uuid(),
            )
        except ServiceError as error:
            self._note(mapping, f"PROBLEM: {error.message}")
            log.warning("source_not_delivered", mapping=mapping.id, code=error.code, error=error.message)
            return
        if result.error is not None:
            self._note(mapping, "PROBLEM: Function call failed")
            return
        failed = _failed(mapping, result.payload, {r["messageId"] for r in records})
        self._delete(mapping, [r["receiptHandle"] for r in records if r["messageId"] not in failed])
        self._note(mapping, "OK")

    def _delete(self, mapping: Mapping, receipts: Sequence[str]) -> None:
        for start in range(0, len(receipts), 10):
            self._queues.delete(mapping.source_arn, receipts[start : start + 10])

    def _note(self, mapping: Mapping, result: str) -> None:
        with self._store.write() as tx:
            lambda_events.change(tx, mapping.id, result=result[:256])


def _record(message: dict[str, Any], arn: str, region: str) -> dict[str, Any]:
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "binaryValue": value.get("BinaryValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in (message.get("MessageAttributes") or {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": {
            n: {k: v for k, v in a.items() if v is not None} for n, a in attributes.items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }


def _invocation(mapping: Mapping, records: list[dict[str, Any]]) -> str:
    names = "\0".join([mapping.id, *sorted(record["messageId"] for record in records)])
    return str(uuid.UUID(bytes=hashlib.sha256(names.encode()).digest()[:16], version=4))


def _failed(mapping: Mapping, answer: bytes, sent: set[str]) -> set[str]:
    """The messages that the function reports as failed; all of them when its report makes no sense, as AWS does."""
    if "ReportBatchItemFailures" not in (mapping.body.get("FunctionResponseTypes") or []):
        return set()
    try:
        document = orjson.loads(answer or b"null")
    except orjson.JSONDecodeError:
        return sent
    if document is None:
        return set()
    if not isinstance(document, dict):
        return sent
    failures = document.get("batchItemFailures") or []
    named = {each.get("itemIdentifier") for each in failures if isinstance(each, dict)}
    if len(named) < len(failures) or not named <= sent:
        return sent
    return {name for name in named if name}
