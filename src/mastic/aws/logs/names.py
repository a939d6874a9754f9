"""Names, ARNs, page tokens and the errors that all of CloudWatch Logs shares. Pure; owns no state."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.store import logs

_GROUP_ARN = re.compile(r"arn:[\w-]+:logs:([\w-]*):(\d*):log-group:([^:*]+)(:\*|:log-stream:.*)?\Z")


def invalid(message: str) -> ServiceError:
    """``InvalidParameterException``."""
    return ServiceError("InvalidParameterException", message)


def no_group() -> ServiceError:
    """The group is missing."""
    return ServiceError("ResourceNotFoundException", "The specified log group does not exist.")


def no_stream() -> ServiceError:
    """The stream is missing."""
    return ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")


def group_arn(scope: str, name: str) -> str:
    """The group's ARN, without ``:*``."""
    account, region = split_scope(scope)
    return f"arn:aws:logs:{region}:{account}:log-group:{name}"


def stream_arn(scope: str, group: str, name: str) -> str:
    """The stream's ARN."""
    return f"{group_arn(scope, group)}:log-stream:{name}"


def group_name(identifier: str) -> str:
    """The name in a group's name or ARN, the latter with or without ``:*``. Raises InvalidParameterException."""
    if not identifier.startswith("arn:"):
        return identifier
    found = _GROUP_ARN.match(identifier)
    if found is None:
        raise invalid(f"Invalid log group identifier: {identifier}")
    return found[3]


def requested_name(request: dict[str, Any]) -> str:
    """The group that ``logGroupName`` or ``logGroupIdentifier`` names; exactly one must be there."""
    name, identifier = request.get("logGroupName"), request.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
    return group_name(name or identifier or "")


def existing_group(tx: Connection, context: Context, name: str) -> logs.Group:
    """The caller's group of that name. Raises ResourceNotFoundException."""
    group = logs.get_group(tx, context.scope, name)
    if group is None:
        raise no_group()
    return group


def existing_stream(tx: Connection, group: logs.Group, name: str) -> logs.Stream:
    """The group's stream of that name. Raises ResourceNotFoundException."""
    stream = logs.get_stream(tx, group, name)
    if stream is None:
        raise no_stream()
    return stream


def page_token(*key: Any) -> str:
    """An opaque token for the page after ``key``."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode()


def read_token(token: str | None, *kinds: type) -> list[Any] | None:
    """The key in a page token, of these types. Raises InvalidParameterException for anything else."""
    if token is None:
        return None
    try:
        key = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error) as error:
        raise invalid("The specified nextToken is invalid.") from error
    if not isinstance(key, list) or len(key) != len(kinds):
        raise invalid("The specified nextToken is invalid.")
    if not all(isinstance(part, kind) for part, kind in zip(key, kinds, strict=True)):
        raise invalid("The specified nextToken is invalid.")
    return key
