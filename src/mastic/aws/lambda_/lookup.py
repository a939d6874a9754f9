"""Finds functions, versions and aliases as clients name them, and shows them. Owns no state."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import Connection

from mastic.aws.lambda_ import configurations
from mastic.aws.lambda_.names import FunctionRef, function_arn, not_found, version_of
from mastic.aws.lambda_.packages import digest
from mastic.store import lambda_
from mastic.store.lambda_ import ALIAS, LATEST, Function, Version


def function(tx: Connection, ref: FunctionRef) -> Function:
    """The function. Raises ResourceNotFoundException."""
    found = lambda_.get(tx, ref.scope, ref.name)
    if found is None:
        raise not_found(ref.arn)
    return found


def version(tx: Connection, ref: FunctionRef) -> Version:
    """The version that a qualifier names, an alias's by its routing. Raises ResourceNotFoundException."""
    named = version_of(ref.qualifier)
    if named is None:
        alias = lambda_.get_part(tx, ref.scope, ref.name, ALIAS, ref.qualifier or "")
        if alias is None:
            raise not_found(ref.arn)
        named = _routed(alias.body)
    found = lambda_.get_version(tx, ref.scope, ref.name, named)
    if found is None:
        raise not_found(ref.arn)
    return found


def qualified(tx: Connection, ref: FunctionRef) -> FunctionRef:
    """``ref`` again, when what it names exists. Raises ResourceNotFoundException."""
    function(tx, ref)
    version(tx, ref)
    return ref


def latest(tx: Connection, ref: FunctionRef) -> Version:
    """``$LATEST``. Raises ResourceNotFoundException."""
    found = lambda_.get_version(tx, ref.scope, ref.name, LATEST)
    if found is None:
        raise not_found(ref.arn)
    return found


def shown(found: Version, *, arn: str | None = None) -> dict[str, Any]:
    """``FunctionConfiguration`` of a version; of ``$LATEST`` under the unqualified ARN unless one is given."""
    if arn is None:
        arn = function_arn(found.scope, found.name, None if found.version == LATEST else found.version)
    return configurations.shown(
        found.body,
        arn=arn,
        version=found.version,
        revision=found.revision,
        sha=digest(found.sha),
        modified=found.modified,
    )


def _routed(alias: dict[str, Any]) -> str:
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    chance = random.random()
    for other, weight in weights.items():
        if chance < weight:
            return str(other)
        chance -= weight
    return str(alias["FunctionVersion"])
