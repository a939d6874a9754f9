"""Which Kinesis stream options name, and a client for it. Owns no state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Named:
    """A stream as the API is told it: by ARN or by name."""

    arn: str = ""
    name: str = ""

    def given(self) -> dict[str, str]:
        """The request's member."""
        return {"StreamARN": self.arn} if self.arn else {"StreamName": self.name}

    @property
    def shown(self) -> str:
        """The name alone."""
        return self.arn.rsplit("/", 1)[-1] if self.arn else self.name


def named(options: dict[str, Any]) -> Named:
    """The stream that options name. Raises ValueError."""
    if options.get("streamARN"):
        return Named(arn=str(options["streamARN"]))
    if options.get("streamName"):
        return Named(name=str(options["streamName"]))
    raise ValueError('kinesis needs the connection option "streamARN" or "streamName"')


def client(options: dict[str, Any]) -> Any:
    """The Kinesis client, in another account's role if the options name one."""
    import os

    import boto3
    from botocore.config import Config

    given: dict[str, Any] = {}
    parts = str(options.get("streamARN") or "").split(":")
    if len(parts) > 3 and parts[3]:
        given["region_name"] = parts[3]
    endpoint = str(options.get("endpointUrl") or "")
    # Where this process has an address for AWS's services, AWS's own addresses mean that one.
    here = os.environ.get("AWS_ENDPOINT_URL_KINESIS") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint and not (here and "amazonaws.com" in endpoint):
        given["endpoint_url"] = endpoint if "://" in endpoint else "https://" + endpoint
    role = options.get("awsSTSRoleARN")
    if role:
        session = str(options.get("awsSTSSessionName") or "glue-kinesis-sts-session")
        sts: Any = boto3.client("sts")
        found = sts.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
        given |= {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }
    # A job is told to be patient with a server that restarts; its own option may only add to that.
    tries = max(int(options.get("numRetries") or 3) + 1, int(os.environ.get("AWS_MAX_ATTEMPTS") or 4))
    config = Config(retries={"total_max_attempts": tries, "mode": "standard"})
    return boto3.client("kinesis", config=config, **given)
