"""Iceberg's metadata files in the object store, and what a catalog entry says of the one it points at.

Owns those files. They are written before the transaction that points a table at them, and never changed.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from mastic.errors import ServiceError, invalid_input
from mastic.glue.catalog.iceberg_types import columns
from mastic.ids import Ids
from mastic.objects.base import Objects, split_url
from mastic.objects.errors import passing

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata

TABLE_TYPE = "ICEBERG"
# What Iceberg's Hive catalog writes for its views, so that readers of both know them.
VIEW_TYPE = "ICEBERG-VIEW"
COMMENT_LENGTH = 2048


class Unreadable(ServiceError):
    """There is no metadata, none that may be read, or it says nothing: asking again will not change that."""

    def __init__(self, message: str) -> None:
        super().__init__("InvalidInputException", message)


class MetadataFiles:
    """Reads and writes them. Raises InvalidInputException for places that cannot be read or written."""

    def __init__(self, *, objects: Objects, ids: Ids) -> None:
        self._objects = objects
        self._ids = ids

    def load(self, location: str) -> dict[str, Any]:
        """The document at ``location``, as it is. Raises Unreadable when it is not there, or no document."""
        bucket, key = _place(location)
        try:
            raw = self._objects.read(bucket, key)
            if key.endswith((".gz.metadata.json", ".metadata.json.gz")):
                raw = gzip.decompress(raw)
            document = orjson.loads(raw)
        except ServiceError as error:
            refusal = invalid_input if passing(error) else Unreadable
            raise refusal(f"The metadata {location} cannot be read: {error.message}") from None
        except (ValueError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise Unreadable(f"The metadata {location} cannot be read: {error}") from None
        if not isinstance(document, dict):
            raise Unreadable(f"The metadata {location} is not a JSON object")
        return document

    def table(self, location: str) -> TableMetadata:
        """The table metadata at ``location``."""
        return parsed(self.load(location), location)

    def store(self, document: Mapping[str, Any], *, base: str, number: int) -> str:
        """Write a document as version ``number`` of the table or view at ``base``; returns where it is."""
        folder = (document.get("properties") or {}).get("write.metadata.path") or f"{base}/metadata"
        location = f"{folder.rstrip('/')}/{number:05d}-{self._ids.uuid()}.metadata.json"
        bucket, key = _place(location)
        try:
            self._objects.put(bucket, key, orjson.dumps(document), content_type="application/json")
        except ServiceError as error:
            raise invalid_input(f"{location} cannot be written: {error.message}") from None
        return location

    def discard(self, location: str) -> None:
        """Take back a file that nothing points at: the change it was written for did not happen."""
        self._objects.delete(*_place(location))


def parsed(document: dict[str, Any], location: str = "") -> TableMetadata:
    """Table metadata out of its document. Raises Unreadable."""
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.table.metadata import TableMetadataUtil

    try:
        return TableMetadataUtil.parse_obj(document)
    except (ValueError, TypeError, KeyError, ValidationError, RecursionError) as error:
        raise Unreadable(f"The table's metadata {location} cannot be read: {error}") from None


def document_of(metadata: TableMetadata) -> dict[str, Any]:
    """The document that says the same. (PyIceberg's own writer refuses version 3.)"""
    document: dict[str, Any] = metadata.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


def following(location: str) -> int:
    """The number of the version after the one at ``location``."""
    number = location.rpartition("/")[2].partition("-")[0]
    return int(number) + 1 if number.isdecimal() and len(number) < 10 else 1


def table_input(
    name: str, metadata: TableMetadata, location: str, body: dict[str, Any], *, previous: str | None
) -> dict[str, Any]:
    """The TableInput of a table whose metadata is at ``location``; ``body`` is what it was before."""
    descriptor = {
        **(body.get("StorageDescriptor") or {}),
        "Columns": columns(metadata),
        "Location": metadata.location,
    }
    return {
        "TableType": "EXTERNAL_TABLE",
        **body,
        "Name": name,
        "Parameters": pointing(body, TABLE_TYPE, location, previous),
        "StorageDescriptor": descriptor,
    }


def pointing(body: dict[str, Any], kind: str, location: str, previous: str | None) -> dict[str, str]:
    """The Parameters that make an entry point at ``location``."""
    parameters = {**(body.get("Parameters") or {}), "table_type": kind, "metadata_location": location}
    if previous is not None:
        parameters["previous_metadata_location"] = previous
    return parameters


def metadata_location(body: Mapping[str, Any], kind: str = TABLE_TYPE) -> str | None:
    """Where the metadata of an entry is; None when it is no Iceberg table (or view, by ``kind``)."""
    parameters = body.get("Parameters") or {}
    if str(parameters.get("table_type", "")).upper() != kind:
        return None
    return parameters.get("metadata_location") or None


def _place(location: str) -> tuple[str, str]:
    try:
        bucket, key = split_url(location)
    except ValueError:
        bucket = key = ""
    if not key or "\0" in location:
        raise invalid_input(f"Location must be s3://bucket/prefix, not {location}")
    return bucket, key
