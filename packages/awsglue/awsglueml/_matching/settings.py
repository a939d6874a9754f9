"""What is known of a machine-learning transform: its primary key and how careful it is to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

# Where nothing is said: matches have to be as likely as this.
LEAST, SPAN = 0.8, 0.19


@dataclass(frozen=True, kw_only=True)
class MatchSettings:
    """The parameters of a transform of type FIND_MATCHES."""

    primary_key: str = ""
    precision: float = 0.5

    @property
    def threshold(self) -> float:
        """How likely a match has to be: more so the more precision is wanted over recall."""
        return LEAST + SPAN * self.precision


def find(transform_id: str, log: Any) -> MatchSettings:
    """The settings of a transform. Raises ValueError when there is none of this id, or it is not READY.

    Where no server has transforms, the model is estimated from the data alone, and the log says so.
    """
    if not transform_id:
        raise ValueError("transformId is missing")
    if not os.environ.get("AWS_ENDPOINT_URL") and not os.environ.get("MASTIC_CHANNEL_URL"):
        log.warn(f"ML transform {transform_id}: no server has it; matches are estimated from the data alone")
        return MatchSettings()
    import boto3
    from botocore.exceptions import ClientError

    try:
        given = boto3.client("glue").get_ml_transform(TransformId=transform_id)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        message = error.response.get("Error", {}).get("Message", "")
        # A server that has the operation not at all says so in words; any other error is the transform's.
        if "NotImplemented" in code or "is not implemented" in message:
            log.warn(
                f"ML transform {transform_id}: the server keeps no ML transforms in this version; "
                "matches are estimated from the data alone, without labels"
            )
            return MatchSettings()
        raise
    if given.get("Status") != "READY":
        raise ValueError(f"ML transform {transform_id} is not READY but {given.get('Status')}")
    parameters = (given.get("Parameters") or {}).get("FindMatchesParameters") or {}
    return MatchSettings(
        primary_key=parameters.get("PrimaryKeyColumnName", ""),
        precision=float(parameters.get("PrecisionRecallTradeoff", 0.5)),
    )
