"""How S3's notifications, EventBridge's deliveries and alarms reach queues and topics. Owns no state."""

from __future__ import annotations

from typing import Any

import orjson
from botocore.exceptions import ClientError

from mastic.aws.events.deliveries import Delivery, Undeliverable
from mastic.aws.iam import policies
from mastic.aws.neighbours.clients import Clients, parts

# Trying again does not bring back what does not exist.
_GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NotFound", "NotFoundException",
         "ResourceNotFoundException")  # fmt: skip
_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}


class MessageTargets:
    """Hands events over to queues and topics."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    # -- S3 ----------------------------------------------------------------------------------------

    def objection(self, arn: str, bucket_arn: str, account: str) -> str | None:
        """Why S3 could not deliver there: the destination must exist and its policy must let S3 in."""
        service, owner, _, _ = parts(arn)
        try:
            policy = self._clients.policy(arn)
        except ClientError as error:
            return f"The destination {arn} cannot be read: {error.response['Error'].get('Message', '')}"
        asked = policies.Request(
            action=_ACTIONS[service],
            resource=arn,
            keys={"aws:sourcearn": [bucket_arn], "aws:sourceaccount": [account]},
        )
        statements = [
            each
            for each in (policies.parse(policy, source=arn) if policy else ())
            if policies.principal_matches(each.principal, "s3.amazonaws.com", owner)
        ]
        if policies.evaluate(statements, asked).decision == "allowed":
            return None
        return f"The policy of {arn} does not allow s3.amazonaws.com to {_ACTIONS[service]} for {bucket_arn}"

    def notify(self, arn: str, event: dict[str, Any]) -> None:
        """Deliver S3's event document."""
        text = orjson.dumps(event).decode()
        if parts(arn)[0] == "sqs":
            self._clients.send(arn, text)
        else:
            self._clients.publish(arn, text, subject="Amazon S3 Notification")

    # -- EventBridge -------------------------------------------------------------------------------

    def to_queue(self, delivery: Delivery) -> None:
        """A rule's target is a queue."""
        group = delivery.target.get("SqsParameters", {}).get("MessageGroupId")
        with _told():
            self._clients.send(
                delivery.arn,
                delivery.text,
                group=group,
                deduplication=delivery.event["id"] if group else None,
            )

    def to_topic(self, delivery: Delivery) -> None:
        """A rule's target is a topic."""
        with _told():
            self._clients.publish(delivery.arn, delivery.text)

    def to_state_machine(self, delivery: Delivery) -> None:
        """A rule's target is a state machine; the delivery's key names the execution, so it starts once."""
        import hashlib

        _, account, region, _ = parts(delivery.arn)
        name = hashlib.sha256(delivery.key.encode()).hexdigest()[:64]
        with _told():
            try:
                self._clients.client("stepfunctions", account, region).start_execution(
                    stateMachineArn=delivery.arn, name=name, input=delivery.text
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                    raise

    def dead_letter(self, queue: str, text: str, attributes: Any) -> None:
        """An event that could not be delivered."""
        self._clients.send(queue, text, attributes=attributes)

    # -- alarms ------------------------------------------------------------------------------------

    def publish(self, topic: str, subject: str, message: str) -> None:
        """An alarm's action is a topic."""
        self._clients.publish(topic, message, subject=subject)


class _told:  # noqa: N801  reads like what it is: a block
    """Tells what will never succeed from what may succeed later."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in _GONE:
            raise Undeliverable("NO_RESOURCE", str(error)) from error
