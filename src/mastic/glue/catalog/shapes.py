"""Tables as clients see them. Owns no state."""

from __future__ import annotations

from typing import Any

from mastic.glue.catalog import views
from mastic.glue.catalog.lookup import Place
from mastic.store.catalog_tables import TableRow
from mastic.wire.dispatch import AsIs

# Members that Glue answers though nobody gave them.
DESCRIPTOR = {"Compressed": False, "NumberOfBuckets": 0, "SortColumns": [], "StoredAsSubDirectories": False}
TABLE = {"Retention": 0, "PartitionKeys": []}
_OF_TARGET = (
    "StorageDescriptor", "PartitionKeys", "TableType", "Parameters", "Retention", "ViewOriginalText",
    "ViewExpandedText", "ViewDefinition", "IsMultiDialectView", "VersionId",
)  # fmt: skip
_ATTRIBUTES = {"NAME": "Name", "TABLE_TYPE": "TableType"}


def table(
    place: Place, row: TableRow, *, attributes: list[str] | None = None, status: bool = False
) -> dict[str, Any]:
    """A table in the version that ``row`` holds."""
    body = row.body
    if attributes:
        chosen = {"Name": row.name, "DatabaseName": place.database, "CatalogId": place.catalog.id}
        return chosen | {
            m: body[m] for m in (_ATTRIBUTES[a] for a in attributes) if m in body and m != "Name"
        }
    out = {
        **TABLE,
        **body,
        "Name": row.name,
        "DatabaseName": place.database,
        "CreateTime": row.created,
        "UpdateTime": row.updated,
        "CreatedBy": row.created_by,
        "IsRegisteredWithLakeFormation": False,
        "CatalogId": place.catalog.id,
        "VersionId": str(row.version),
    }
    if "TargetTable" in body:
        del out["Retention"], out["PartitionKeys"]
    if "StorageDescriptor" in body:
        out["StorageDescriptor"] = descriptor(body["StorageDescriptor"])
    if "ViewDefinition" in body:
        out["ViewDefinition"] = views.shape(body["ViewDefinition"], row.version)
        materialized = row.type == "MATERIALIZED_VIEW"
        out["IsMaterializedView" if materialized else "IsMultiDialectView"] = True
    if status:
        out["Status"] = views.status(
            body, version=row.version, created=row.created, updated=row.updated, by=row.created_by
        )
    return out


def linked(link: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    """A resource link as GetTable shows it: its own identity with what describes the target's data.

    The version is the target's too, because updates go there.
    """
    return {**link, **{member: target[member] for member in _OF_TARGET if member in target}}


def descriptor(given: dict[str, Any]) -> dict[str, Any]:
    """A StorageDescriptor as clients see it."""
    return AsIs(DESCRIPTOR | given)


def version(place: Place, row: TableRow) -> dict[str, Any]:
    """A TableVersion."""
    return {"Table": table(place, row), "VersionId": str(row.version)}
