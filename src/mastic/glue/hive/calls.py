"""Calls of the Glue API from inside the process: whatever rules the API has, this door has. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mastic.context import Context
from mastic.ids import Ids
from mastic.wire.dispatch import Dispatcher

# The catalog that Hive's clients speak of when they speak of none.
HIVE = "hive"
LONGEST_EXPRESSION = 2048


class Calls:
    """``calls("GetTable", DatabaseName=…, Name=…)``; raises ServiceError."""

    def __init__(self, *, dispatcher: Dispatcher, ids: Ids, account: str, region: str) -> None:
        self._dispatcher = dispatcher
        self._ids = ids
        self._account = account
        self._region = region

    def context(self, operation: str, region: str | None = None) -> Context:
        """The caller: nobody is told from anybody at this door, so it is the account itself."""
        return Context(
            account_id=self._account,
            region=region or self._region,
            request_id=self._ids.uuid(),
            principal_arn=f"arn:aws:iam::{self._account}:root",
            service="glue",
            operation=operation,
        )

    def __call__(self, operation: str, **request: Any) -> dict[str, Any]:
        # What a resource link leads to may be in another region.
        context = self.context(operation, request.pop("Region", None))
        if len(request.get("Expression", "")) > LONGEST_EXPRESSION:
            # A limit of the API's model; Hive's filters have none.
            handler = self._dispatcher.registry.handler("glue", operation)
            assert handler is not None
            admitted = self._dispatcher.registry.admitted(context, "glue", operation, request)
            found: dict[str, Any] = handler(admitted, request) or {}
            return found
        return self._dispatcher.invoke(context, "glue", operation, request)

    def pages(self, operation: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page."""
        token = None
        while True:
            reply = self(operation, **request, **({"NextToken": token} if token else {}))
            yield from reply[member]
            token = reply.get("NextToken")
            if not token:
                return


def place(database: str | None, catalog: str | None = None) -> dict[str, Any]:
    """The members of a Glue call that name a database.

    Clients of Hive 3 and later put the catalog before the name: ``@hive#sales``.
    """
    prefixed, name = split(database)
    chosen = catalog or prefixed
    members: dict[str, Any] = {"DatabaseName": name}
    if chosen and chosen.lower() != HIVE:
        members["CatalogId"] = chosen
    return members


def prefixed(database: str | None, catalog: str | None) -> str:
    """A database's name with its catalog before it, as older calls have them."""
    given = database or ""
    return given if not catalog or given.startswith("@") else f"@{catalog}#{given}"


def catalog_of(members: dict[str, Any]) -> dict[str, Any]:
    """Of the members that name a database those that name its catalog."""
    return {m: v for m, v in members.items() if m == "CatalogId"}


def split(database: str | None) -> tuple[str | None, str]:
    """``@catalog#database`` → (catalog, database); without a catalog (None, database)."""
    given = database or ""
    if not given.startswith("@"):
        return None, given
    catalog, _, name = given[1:].partition("#")
    # "!" stands for an empty name, which is not the same as none.
    return catalog or None, name.removesuffix("!")
