"""Names, ARNs and the errors that all of Lambda shares. Pure; owns no state."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mastic.context import Context, split_scope
from mastic.errors import ServiceError
from mastic.store.lambda_ import LATEST

_NAME = re.compile(
    r"(?:(?:arn:[\w-]+:lambda:(?P<region>[a-z0-9-]+):)?(?P<account>\d{12}):function:|function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,140})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?\Z"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionRef:
    """A function as a client named it; ``qualifier`` is None, a version or an alias."""

    scope: str
    name: str
    qualifier: str | None

    @property
    def arn(self) -> str:
        """The ARN with the qualifier, if there is one."""
        return function_arn(self.scope, self.name, self.qualifier)


def invalid(message: str) -> ServiceError:
    """``InvalidParameterValueException``."""
    return ServiceError("InvalidParameterValueException", message, status=400, Type="User")


def not_found(arn: str) -> ServiceError:
    """The function, version or alias is missing."""
    return ServiceError("ResourceNotFoundException", f"Function not found: {arn}", status=404, Type="User")


def missing(message: str = "The resource you requested does not exist.") -> ServiceError:
    """Something that belongs to a function is missing."""
    return ServiceError("ResourceNotFoundException", message, status=404, Type="User")


def conflict(message: str) -> ServiceError:
    """``ResourceConflictException``."""
    return ServiceError("ResourceConflictException", message, status=409, Type="User")


def stale_revision() -> ServiceError:
    """The client changed something that has changed since it looked."""
    return ServiceError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
        "retrieve the latest Revision Id",
        status=412,
        Type="User",
    )


def function_arn(scope: str, name: str, qualifier: str | None = None) -> str:
    """The function's ARN, with a qualifier if one is given."""
    account, region = split_scope(scope)
    arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def parse(context: Context, text: str, qualifier: str | None = None) -> FunctionRef:
    """A function's name, partial ARN or ARN, with its own or a separate qualifier.

    Raises InvalidParameterValueException, ResourceNotFoundException.
    """
    found = _NAME.match(text)
    if found is None:
        raise invalid(f"{text} is not a function name or ARN")
    inner = found["qualifier"]
    if inner and qualifier and inner != qualifier:
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    account, region = found["account"] or context.account_id, found["region"] or context.region
    if (account, region) != (context.account_id, context.region):
        raise not_found(text)
    return FunctionRef(scope=f"{account}:{region}", name=found["name"], qualifier=inner or qualifier)


def parse_arn(arn: str) -> FunctionRef:
    """A function's ARN. Raises InvalidParameterValueException."""
    found = _NAME.match(arn)
    if found is None or not found["account"] or not found["region"]:
        raise invalid(f"{arn} is not a function ARN")
    return FunctionRef(
        scope=f"{found['account']}:{found['region']}", name=found["name"], qualifier=found["qualifier"]
    )


def version_of(qualifier: str | None) -> str | None:
    """The version that a qualifier names by itself; None for an alias."""
    if qualifier is None or qualifier == LATEST:
        return LATEST
    return qualifier if qualifier.isdigit() else None
