"""What tables and views of the REST catalog have in common: names in a namespace. Owns no state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mastic.errors import ServiceError
from mastic.glue.catalog.entries import Entries, Lost
from mastic.glue.iceberg_rest.calls import Call, Reply
from mastic.glue.iceberg_rest.failures import (
    Failure,
    already_exists,
    bad_request,
    commit_failed,
    no_such_namespace,
)
from mastic.glue.pages import Pager
from mastic.store.catalog_tables import TableRow

Wanted = Callable[[dict[str, Any]], bool]


class Listings:
    """Looks entries up for the handlers. Every method raises NoSuchNamespaceException."""

    def __init__(self, *, entries: Entries, pager: Pager) -> None:
        self._entries = entries
        self._pager = pager

    def answer(self, call: Call, operation: str, wanted: Wanted) -> Reply:
        """The identifiers of those entries whose body is ``wanted``."""
        namespace, page = call.namespace, call.page
        bound = f"{call.context.scope}:{call.catalog}:{namespace.lower()}"
        after = self._pager.read(page[0], operation, bound) if page is not None else None
        try:
            names = self._entries.names(
                call.context, call.catalog, namespace, wanted=wanted, after=after or "",
                count=page[1] + 1 if page is not None else None,
            )  # fmt: skip
        except ServiceError as error:
            raise _named(error, namespace) from None
        document: dict[str, Any] = {}
        if page is not None:
            document["next-page-token"] = self._pager.token(names, page[1], lambda n: n, operation, bound)
            names = names[: page[1]]
        document["identifiers"] = [{"namespace": [namespace.lower()], "name": name} for name in names]
        return Reply(document=document)

    def find(
        self,
        call: Call,
        namespace: str,
        name: str,
        *,
        missing: Callable[[str, str], Failure] | None = None,
    ) -> TableRow | None:
        """The entry, or None. ``missing`` is the answer when there is no such namespace."""
        try:
            return self._entries.find(call.context, call.catalog, namespace, name)
        except ServiceError as error:
            if missing is not None and error.code == "EntityNotFoundException":
                raise missing(namespace, name) from None
            raise _named(error, namespace) from None

    def namespace_of(self, call: Call, namespace: str) -> str | None:
        """The location of a namespace, if it has one."""
        try:
            return self._entries.location(call.context, call.catalog, namespace)
        except ServiceError as error:
            raise _named(error, namespace) from None

    def place(self, call: Call, namespace: str, name: str, given: Any) -> str:
        """Where something new is kept: where the client says, or below its namespace's location.

        Raises BadRequestException.
        """
        location = self.namespace_of(call, namespace)
        if given is not None and not isinstance(given, str):
            raise bad_request("location must be a text")
        if given:
            return checked(given)
        if not location:
            raise bad_request(
                f"{namespace}.{name} needs a location: give one, or give the namespace {namespace} a property "
                "location (s3://bucket/prefix)"
            )
        return checked(f"{location.rstrip('/')}/{name.lower()}")

    def rename(self, call: Call, source: tuple[str, str], target: tuple[str, str], wanted: Wanted) -> bool:
        """False when there is nothing of that name. Raises AlreadyExistsException."""
        self.namespace_of(call, source[0])
        self.namespace_of(call, target[0])
        try:
            return self._entries.rename(call.context, call.catalog, source, target, wanted=wanted)
        except Lost:
            raise commit_failed(f"{'.'.join(source)} is being changed by another writer") from None
        except ServiceError as error:
            if error.code == "AlreadyExistsException":
                raise already_exists(".".join(target)) from None
            raise _named(error, target[0]) from None


def checked(location: str) -> str:
    """A location without its last slashes. Raises BadRequestException for one that is not in S3."""
    scheme, _, rest = location.partition("://")
    bucket = rest.partition("/")[0]
    if scheme not in ("s3", "s3a", "s3n") or not bucket or "\0" in location or len(location) > 2056:
        raise bad_request(f"location must be s3://bucket/prefix, not {location[:200]}")
    return location.rstrip("/")


def _named(error: ServiceError, namespace: str) -> Failure | ServiceError:
    return no_such_namespace(namespace) if error.code == "EntityNotFoundException" else error
