"""SQS as the source of a function's events. Owns no state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from mastic.aws.neighbours.clients import Clients, parts


class FunctionQueues:
    """Receives from queues and deletes what was done."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def exists(self, arn: str) -> bool:
        """Whether there is such a queue."""
        try:
            self._clients.queue_url(arn)
        except ClientError:
            return False
        return True

    def receive(self, arn: str, most: int, wait_seconds: int) -> list[dict[str, Any]]:
        """Up to ``most`` messages with all their attributes; none from a queue that is gone."""
        try:
            found = self._client(arn).receive_message(
                QueueUrl=self._clients.queue_url(arn),
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except ClientError as error:
            if "NonExistentQueue" in error.response["Error"]["Code"] or "DoesNotExist" in str(error):
                return []
            raise
        messages: list[dict[str, Any]] = found.get("Messages", [])
        return messages

    def delete(self, arn: str, receipts: Sequence[str]) -> None:
        """Delete messages, ten at most."""
        entries = [{"Id": str(number), "ReceiptHandle": each} for number, each in enumerate(receipts)]
        self._client(arn).delete_message_batch(QueueUrl=self._clients.queue_url(arn), Entries=entries)

    def _client(self, arn: str) -> Any:
        _, account, region, _ = parts(arn)
        return self._clients.client("sqs", account, region)
