"""Making versions out of ``$LATEST``. Owns no state."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from mastic.store import lambda_
from mastic.store.lambda_ import Version


def publish(tx: Connection, latest: Version, description: str | None, *, revision: str) -> Version:
    """The new version; the last one again when neither code nor configuration has changed since."""
    body = dict(latest.body)
    if description is not None:
        body["Description"] = description
    last = lambda_.newest_version(tx, latest.scope, latest.name)
    if last is not None and _unchanged(latest, since=last):
        return last
    function = lambda_.get(tx, latest.scope, latest.name)
    assert function is not None
    number = function.next_version
    lambda_.change(tx, function, next_version=number + 1)
    made = replace(latest, version=str(number), revision=revision, body=body)
    lambda_.add_version(tx, made)
    return made


def _unchanged(latest: Version, *, since: Version) -> bool:
    """Whether ``$LATEST`` was not touched since a version was made of it, or is the same again."""
    return since.modified == latest.modified or (since.sha == latest.sha and since.body == latest.body)
