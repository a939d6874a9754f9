"""Mastic's own calls of the neighbours: queues and topics for notifications, events and alarms.

Through boto3, to the hosting process or to the outside service that the settings name. Owns the clients.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from mastic.errors import ServiceError
from mastic.executors.neighbours import Address


class Clients:
    """Clients by service, account and region. ``endpoints`` names outside services by AWS service name."""

    def __init__(self, *, address: Callable[[], Address], endpoints: Mapping[str, str]) -> None:
        self._address = address
        self._endpoints = endpoints
        self._made: dict[tuple[str, str, str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, account: str, region: str) -> Any:
        """A boto3 client that acts for the account in the region."""
        outside = self._endpoints.get(service)
        address = None if outside else self._address()
        endpoint = outside or f"http://127.0.0.1:{address.port if address else 0}"
        key = (service, account, region, endpoint)
        with self._lock:
            if key not in self._made:
                self._made[key] = _make(service, account, region, endpoint, address)
            return self._made[key]

    def publish(
        self,
        topic: str,
        message: str,
        *,
        subject: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Publish to a topic, by ARN. Raises botocore's ClientError."""
        _, account, region, _ = parts(topic)
        more: dict[str, Any] = {"Subject": subject} if subject else {}
        if attributes:
            more["MessageAttributes"] = _attributes(attributes)
        self.client("sns", account, region).publish(TopicArn=topic, Message=message, **more)

    def send(
        self,
        queue: str,
        message: str,
        *,
        attributes: Mapping[str, str] | None = None,
        group: str | None = None,
        deduplication: str | None = None,
    ) -> None:
        """Send to a queue, by ARN. Raises botocore's ClientError."""
        _, account, region, _ = parts(queue)
        more: dict[str, Any] = {}
        if attributes:
            more["MessageAttributes"] = _attributes(attributes)
        if group:
            more["MessageGroupId"] = group
            more["MessageDeduplicationId"] = deduplication or group
        url = self.queue_url(queue)
        self.client("sqs", account, region).send_message(QueueUrl=url, MessageBody=message, **more)

    def secret(self, account: str, region: str, name: str) -> str:
        """The text of a secret, by name or ARN. Raises ServiceError as Secrets Manager does."""
        from botocore.exceptions import ClientError

        try:
            found = self.client("secretsmanager", account, region).get_secret_value(SecretId=name)
        except ClientError as error:
            told = error.response["Error"]
            raise ServiceError(told["Code"], told.get("Message", "")) from error
        text: str = found.get("SecretString", "")
        return text

    def queue_url(self, queue: str) -> str:
        """The URL of a queue, by ARN."""
        _, account, region, name = parts(queue)
        found = self.client("sqs", account, region).get_queue_url(
            QueueName=name, QueueOwnerAWSAccountId=account
        )
        url: str = found["QueueUrl"]
        return url

    def policy(self, arn: str) -> str | None:
        """The access policy of a queue or topic. Raises botocore's ClientError for one that does not exist."""
        service, account, region, _ = parts(arn)
        client = self.client(service, account, region)
        if service == "sqs":
            found = client.get_queue_attributes(QueueUrl=self.queue_url(arn), AttributeNames=["Policy"])
        else:
            found = client.get_topic_attributes(TopicArn=arn)
        policy: str | None = found.get("Attributes", {}).get("Policy")
        return policy or None


def parts(arn: str) -> tuple[str, str, str, str]:
    """Service, account, region and name in an ARN."""
    _, _, service, region, account, name = arn.split(":", 5)
    return service, account, region, name


def _attributes(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items() if value}


def _make(service: str, account: str, region: str, endpoint: str, address: Address | None) -> Any:
    import boto3
    from botocore import config as botocore_config

    make: Any = boto3
    settings: Any = botocore_config
    config = settings.Config(
        retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=75, max_pool_connections=32
    )
    keys = {} if address is None else {"aws_access_key_id": account, "aws_secret_access_key": "unused"}
    client = make.client(service, endpoint_url=endpoint, region_name=region, config=config, **keys)
    if address is not None:
        told = {
            "x-mastic-secret": address.secret,
            "x-mastic-service": service,
            "x-mastic-account": account,
            "x-mastic-region": region,
        }

        def tell(request: Any, **_: Any) -> None:
            for name, value in told.items():
                request.headers[name] = value

        client.meta.events.register("before-sign.*", tell)
    return client
