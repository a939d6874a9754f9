"""Metadata of Iceberg views: made, checked against requirements, and updated. Pure: owns no state.

Documents as the view specification writes them; PyIceberg checks their parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastic.glue.iceberg_rest.calls import list_of, object_of, text, texts
from mastic.glue.iceberg_rest.failures import bad_request, commit_failed, understanding

Document = dict[str, Any]

LAST_ADDED = -1
HISTORY_PROPERTY = "version.history.num-entries"
HISTORY = 10


def read_schema(given: Mapping[str, Any]) -> Document:
    """A schema of a client. Raises BadRequestException."""
    from pyiceberg.schema import Schema

    with understanding("schema"):
        schema = Schema.model_validate({"type": "struct", **given})
        found: Document = schema.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


def read_version(given: Mapping[str, Any]) -> Document:
    """A view version of a client. Raises BadRequestException."""
    from pyiceberg.view.metadata import ViewVersion

    with understanding("view version"):
        version = ViewVersion.model_validate(given)
        found: Document = version.model_dump(mode="json", by_alias=True, exclude_none=True)
    dialects = [one["dialect"].lower() for one in found["representations"]]
    if not dialects:
        raise bad_request("A view version needs a representation")
    if len(set(dialects)) < len(dialects):
        raise bad_request("A view version has one representation of every dialect")
    return found


def read(document: Document, location: str) -> Document:
    """Metadata from a file. Raises BadRequestException."""
    from pyiceberg.view.metadata import ViewMetadata

    with understanding(f"view metadata {location}"):
        ViewMetadata.model_validate(document)
    return document


def new(
    *, uuid: str, location: str, schema: Document, version: Document, properties: Mapping[str, str]
) -> Document:
    """The metadata of a new view with its first version."""
    schema = {**schema, "schema-id": 0}
    version = {**version, "version-id": 1, "schema-id": 0}
    return {
        "view-uuid": uuid,
        "format-version": 1,
        "location": location,
        "schemas": [schema],
        "current-version-id": 1,
        "versions": [version],
        "version-log": [_log_entry(version)],
        "properties": dict(properties),
    }


def current(document: Document) -> Document:
    """The current version."""
    number = document["current-version-id"]
    return next(one for one in document["versions"] if one["version-id"] == number)


def current_schema(document: Document) -> Document:
    """The schema of the current version."""
    number = current(document)["schema-id"]
    return next(one for one in document["schemas"] if one.get("schema-id", 0) == number)


def check(requirements: list[Any], document: Document) -> None:
    """Raises CommitFailedException for a requirement that does not hold, BadRequestException for an unknown one."""
    for one in requirements:
        kind = one.get("type") if isinstance(one, dict) else None
        if kind != "assert-view-uuid":
            raise bad_request(f"Unknown requirement of a view: {str(kind)[:100]}")
        wanted = text(one, "uuid")
        if wanted.lower() != str(document["view-uuid"]).lower():
            raise commit_failed(f"View UUID does not match: {wanted} != {document['view-uuid']}")


def applied(document: Document, updates: list[Any]) -> Document:
    """The metadata after the updates; the same object when they change nothing."""
    change = _Change(document)
    for one in updates:
        if not isinstance(one, dict):
            raise bad_request("updates must be a list of objects")
        change.apply(one)
    return change.result()


class _Change:
    """One view being changed."""

    def __init__(self, document: Document) -> None:
        self._before = document
        self._after = {
            **document,
            "schemas": list(document["schemas"]),
            "versions": list(document["versions"]),
            "properties": dict(document.get("properties") or {}),
        }
        self._last_schema: int | None = None
        self._last_version: int | None = None

    def apply(self, update: Document) -> None:
        match update.get("action"):
            case "assign-uuid":
                if text(update, "uuid").lower() != str(self._before["view-uuid"]).lower():
                    raise bad_request("The UUID of a view cannot be changed")
            case "upgrade-format-version":
                if update.get("format-version") != 1:
                    raise bad_request("Views have format version 1")
            case "add-schema":
                self._add_schema(read_schema(object_of(update, "schema")))
            case "set-location":
                self._after["location"] = text(update, "location").rstrip("/")
            case "set-properties":
                self._after["properties"] |= texts(update, "updates")
            case "remove-properties":
                for name in list_of(update, "removals"):
                    self._after["properties"].pop(str(name), None)
            case "add-view-version":
                self._add_version(read_version(object_of(update, "view-version")))
            case "set-current-view-version":
                self._choose(update.get("view-version-id"))
            case other:
                raise bad_request(f"Unknown update of a view: {str(other)[:100]}")

    def result(self) -> Document:
        if self._after == self._before:
            return self._before
        self._forget()
        return self._after

    def _add_schema(self, schema: Document) -> None:
        def content(one: Document) -> Document:
            return {k: v for k, v in one.items() if k != "schema-id"}

        known = self._after["schemas"]
        for one in known:
            if content(one) == content(schema):
                self._last_schema = one.get("schema-id", 0)
                return
        self._last_schema = max((one.get("schema-id", 0) for one in known), default=-1) + 1
        known.append({**schema, "schema-id": self._last_schema})

    def _add_version(self, version: Document) -> None:
        if version["schema-id"] == LAST_ADDED:
            if self._last_schema is None:
                raise bad_request("There is no last added schema: none was added")
            version = {**version, "schema-id": self._last_schema}
        if all(one.get("schema-id", 0) != version["schema-id"] for one in self._after["schemas"]):
            raise bad_request(f"There is no schema {version['schema-id']}")
        known = self._after["versions"]
        version = {**version, "version-id": max(one["version-id"] for one in known) + 1}
        self._last_version = version["version-id"]
        known.append(version)

    def _choose(self, number: Any) -> None:
        if number == LAST_ADDED:
            number = self._last_version
            if number is None:
                raise bad_request("There is no last added version: none was added")
        found = [one for one in self._after["versions"] if one["version-id"] == number]
        if not found:
            raise bad_request(f"There is no view version {str(number)[:20]}")
        if number != self._after["current-version-id"]:
            self._after["current-version-id"] = number
            self._after["version-log"] = [*self._after["version-log"], _log_entry(found[0])]

    def _forget(self) -> None:
        """Keep as many versions as the view's properties say, the current one among them."""
        wanted = str(self._after["properties"].get(HISTORY_PROPERTY, HISTORY))
        if not wanted.isascii() or not wanted.isdigit() or int(wanted[:9]) == 0:
            raise bad_request(f"{HISTORY_PROPERTY} must be a positive number, not {wanted[:20]}")
        number = self._after["current-version-id"]
        newest = sorted(self._after["versions"], key=lambda v: (v["version-id"] == number, v["version-id"]))
        kept = {one["version-id"] for one in newest[-int(wanted[:9]) :]}
        self._after["versions"] = [one for one in self._after["versions"] if one["version-id"] in kept]
        # A log with a hole would tell of versions in a wrong order: it begins behind the last hole.
        log = self._after["version-log"]
        holes = [i for i, entry in enumerate(log) if entry["version-id"] not in kept]
        self._after["version-log"] = log[holes[-1] + 1 :] if holes else log


def _log_entry(version: Document) -> Document:
    return {"timestamp-ms": version["timestamp-ms"], "version-id": version["version-id"]}
