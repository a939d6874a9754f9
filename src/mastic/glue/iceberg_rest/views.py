"""Views of the REST catalog: list, create, load, replace, register, rename, drop. State: ``catalog_tables``.

A view's metadata is a file in the object store, as the view specification has it. The Glue table beside it is a
VIRTUAL_VIEW whose ``table_type`` is ICEBERG-VIEW, with the view's SQL as its text, so that whoever reads Glue's
views reads this one.
"""

from __future__ import annotations

from typing import Any

from mastic.errors import ServiceError
from mastic.glue.catalog.attempts import again
from mastic.glue.catalog.entries import Entries, Lost, Swap
from mastic.glue.catalog.iceberg_metadata import (
    VIEW_TYPE,
    MetadataFiles,
    following,
    metadata_location,
    pointing,
)
from mastic.glue.catalog.iceberg_types import schema_columns
from mastic.glue.iceberg_rest import view_metadata
from mastic.glue.iceberg_rest.calls import (
    Call,
    Reply,
    identifier,
    list_of,
    new_name,
    object_of,
    text,
    texts,
)
from mastic.glue.iceberg_rest.failures import (
    already_exists,
    commit_failed,
    no_such_view,
    understanding,
)
from mastic.glue.iceberg_rest.listings import Listings, checked
from mastic.ids import Ids

ATTEMPTS = 20
# Iceberg's names of dialects → those of Glue's views of several dialects.
_DIALECTS = {"spark": "SPARK", "trino": "ATHENA", "presto": "ATHENA", "athena": "ATHENA"}


def is_view(body: dict[str, Any]) -> bool:
    """Whether an entry is an Iceberg view."""
    return metadata_location(body, VIEW_TYPE) is not None


class Views:
    """The handlers."""

    def __init__(self, *, entries: Entries, files: MetadataFiles, listings: Listings, ids: Ids) -> None:
        self._entries = entries
        self._files = files
        self._listings = listings
        self._ids = ids

    def list_views(self, call: Call) -> Reply:
        """By name. Raises NoSuchNamespaceException."""
        return self._listings.answer(call, "ListViews", is_view)

    def create_view(self, call: Call) -> Reply:
        """Raises NoSuchNamespaceException, AlreadyExistsException."""
        namespace, document = call.namespace, call.document
        name = new_name(text(document, "name"), "view")
        location = self._listings.place(call, namespace, name, document.get("location"))
        if self._listings.find(call, namespace, name) is not None:
            raise already_exists(f"{namespace}.{name}")
        metadata = view_metadata.new(
            uuid=self._ids.uuid(),
            location=location,
            schema=view_metadata.read_schema(object_of(document, "schema")),
            version=view_metadata.read_version(object_of(document, "view-version")),
            properties=texts(document, "properties"),
        )
        body = _body(name, metadata, {})
        written = self._files.store(metadata, base=location, number=0)
        self._create(call, namespace, name, _pointed(body, written, None), written=written)
        return Reply(document=_loaded(metadata, written))

    def register_view(self, call: Call) -> Reply:
        """Puts a view into the catalog whose metadata is there already."""
        namespace, document = call.namespace, call.document
        name, location = new_name(text(document, "name"), "view"), text(document, "metadata-location")
        if self._listings.find(call, namespace, name) is not None:
            raise already_exists(f"{namespace}.{name}")
        metadata = view_metadata.read(self._files.load(location), location)
        self._create(call, namespace, name, _pointed(_body(name, metadata, {}), location, None), written=None)
        return Reply(document=_loaded(metadata, location))

    def _create(
        self, call: Call, namespace: str, name: str, body: dict[str, Any], *, written: str | None
    ) -> None:
        try:
            swap = Swap(database=namespace, name=name, body=body, seen=None)
            self._entries.swap(call.context, call.catalog, [swap])
        except ServiceError as error:
            if written is not None:
                self._files.discard(written)
            if error.code == "AlreadyExistsException":
                raise already_exists(f"{namespace}.{name}") from None
            raise

    def load_view(self, call: Call) -> Reply:
        """Raises NoSuchViewException."""
        location = self._found(call)[1]
        return Reply(document=_loaded(self._files.load(location), location))

    def view_exists(self, call: Call) -> Reply:
        """204, or 404."""
        self._found(call)
        return Reply(status=204)

    def replace_view(self, call: Call) -> Reply:
        """Applies updates. Raises NoSuchViewException, CommitFailedException."""
        document = call.document
        requirements, updates = list_of(document, "requirements"), list_of(document, "updates")
        slow = commit_failed("Other writers were faster every time; try again")
        return again(ATTEMPTS, lambda: self._replace(call, requirements, updates), slow)

    def _replace(self, call: Call, requirements: list[Any], updates: list[Any]) -> Reply:
        seen, location = self._found(call)
        before = view_metadata.read(self._files.load(location), location)
        view_metadata.check(requirements, before)
        metadata = view_metadata.applied(before, updates)
        if metadata is before:
            return Reply(document=_loaded(before, location))
        checked(metadata["location"])
        body = _body(seen.body["Name"], metadata, seen.body)
        written = self._files.store(metadata, base=metadata["location"], number=following(location))
        pointed = _pointed(body, written, location)
        swap = Swap(database=call.namespace, name=seen.name, body=pointed, seen=seen)
        try:
            self._entries.swap(call.context, call.catalog, [swap])
        except (Lost, ServiceError):
            # Refused means not done.
            self._files.discard(written)
            raise
        return Reply(document=_loaded(metadata, written))

    def rename_view(self, call: Call) -> Reply:
        """Raises NoSuchViewException, NoSuchNamespaceException, AlreadyExistsException."""
        document = call.document
        source, target = identifier(document, "source"), identifier(document, "destination")
        new_name(target[1], "view")
        if not self._listings.rename(call, source, target, is_view):
            raise no_such_view(*source)
        return Reply(status=204)

    def drop_view(self, call: Call) -> Reply:
        """Raises NoSuchViewException."""
        namespace, name = call.namespace, call.labels["view"]
        self._listings.namespace_of(call, namespace)
        if not self._entries.drop(call.context, call.catalog, namespace, name, wanted=is_view):
            raise no_such_view(namespace, name)
        return Reply(status=204)

    def _found(self, call: Call) -> tuple[Any, str]:
        namespace, name = call.namespace, call.labels["view"]
        row = self._listings.find(call, namespace, name, missing=no_such_view)
        location = metadata_location(row.body, VIEW_TYPE) if row is not None else None
        if row is None or location is None:
            raise no_such_view(namespace, name)
        return row, location


def _loaded(document: dict[str, Any], location: str) -> dict[str, Any]:
    return {"metadata-location": location, "metadata": document, "config": {}}


def _body(name: str, metadata: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The TableInput of a view but for its pointer."""
    from pyiceberg.schema import Schema

    texts_of = {
        one["dialect"].lower(): one["sql"] for one in view_metadata.current(metadata)["representations"]
    }
    with understanding("schema"):
        columns = schema_columns(Schema.model_validate(view_metadata.current_schema(metadata)))
    plain = texts_of.get("spark") or next(iter(texts_of.values()))
    body = {
        **{k: v for k, v in before.items() if k not in ("Description", "ViewDefinition")},
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "ViewOriginalText": plain,
        "ViewExpandedText": plain,
        "StorageDescriptor": {
            **(before.get("StorageDescriptor") or {}),
            "Columns": columns,
            "Location": metadata["location"],
        },
    }
    comment = (metadata.get("properties") or {}).get("comment")
    if comment:
        body["Description"] = comment[:2048]
    dialects = {_DIALECTS[dialect]: sql for dialect, sql in texts_of.items() if dialect in _DIALECTS}
    if "ATHENA" in dialects:
        # Without a text of its own Athena reads the plain one as Spark's.
        body["ViewDefinition"] = {
            "Representations": [
                {"Dialect": dialect, "ViewOriginalText": sql, "ViewExpandedText": sql}
                for dialect, sql in dialects.items()
            ]
        }
    return body


def _pointed(body: dict[str, Any], location: str, previous: str | None) -> dict[str, Any]:
    return {**body, "Parameters": pointing(body, VIEW_TYPE, location, previous)}
