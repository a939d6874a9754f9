"""Iceberg tables that the catalog itself makes and changes: OpenTableFormatInput, UpdateOpenTableFormatInput.

The metadata file is written before the transaction that points the table at it; when that is refused, the file is
taken back. Owns no state of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mastic.errors import invalid_input
from mastic.glue.catalog.iceberg_columns import schema_of
from mastic.glue.catalog.iceberg_metadata import (
    TABLE_TYPE,
    MetadataFiles,
    document_of,
    following,
    metadata_location,
    pointing,
    table_input,
)
from mastic.ids import Ids
from mastic.objects.base import Objects

if TYPE_CHECKING:
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableUpdate

_JSON_NAMES = {
    "Id": "id", "Name": "name", "Type": "type", "Required": "required", "Doc": "doc",
    "InitialDefault": "initial-default", "WriteDefault": "write-default", "Fields": "fields",
    "SchemaId": "schema-id", "IdentifierFieldIds": "identifier-field-ids", "SpecId": "spec-id",
    "OrderId": "order-id", "SourceId": "source-id", "FieldId": "field-id", "Transform": "transform",
    "Direction": "direction", "NullOrder": "null-order",
}  # fmt: skip


class IcebergTables:
    """Writes metadata files, and the TableInput that belongs to each."""

    def __init__(self, *, objects: Objects, ids: Ids) -> None:
        self._files = MetadataFiles(objects=objects, ids=ids)

    def created(self, name: str, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """The TableInput of a new table. ``given`` is the OpenTableFormatInput, ``body`` any TableInput beside it.

        Raises InvalidInputException for a schema that Iceberg does not take.
        """
        from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
        from pyiceberg.schema import Schema
        from pyiceberg.table.metadata import new_table_metadata
        from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

        if "IcebergInput" not in given:
            raise invalid_input("OpenTableFormatInput needs IcebergInput")
        version = given["IcebergInput"].get("Version", "2")
        wanted = given["IcebergInput"].get("CreateIcebergTableInput")
        if wanted is None:
            return self._from_columns(name, version, body)
        try:
            metadata = new_table_metadata(
                schema=Schema.model_validate({"type": "struct", **_json(wanted["Schema"])}),
                partition_spec=_spec(wanted["PartitionSpec"])
                if "PartitionSpec" in wanted
                else UNPARTITIONED_PARTITION_SPEC,
                sort_order=SortOrder.model_validate(_json(wanted["WriteOrder"]))
                if "WriteOrder" in wanted
                else UNSORTED_SORT_ORDER,
                location=wanted["Location"].rstrip("/"),
                properties={**(wanted.get("Properties") or {}), "format-version": version},
            )
        except _refusals() as error:
            raise invalid_input(f"Invalid Iceberg table: {error}") from None
        location = self._files.store(document_of(metadata), base=metadata.location, number=0)
        return table_input(name, metadata, location, body, previous=None)

    def _from_columns(self, name: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """The older form: the schema is the TableInput's columns, which stay as they were given."""
        from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
        from pyiceberg.table.metadata import new_table_metadata
        from pyiceberg.table.sorting import UNSORTED_SORT_ORDER

        if body.get("PartitionKeys"):
            raise invalid_input("Cannot create partitions in an iceberg table")
        descriptor = body.get("StorageDescriptor") or {}
        if not descriptor.get("Location"):
            raise invalid_input("Cannot create an iceberg table without a location")
        try:
            metadata = new_table_metadata(
                schema=schema_of(descriptor.get("Columns") or []),
                partition_spec=UNPARTITIONED_PARTITION_SPEC,
                sort_order=UNSORTED_SORT_ORDER,
                location=descriptor["Location"].rstrip("/"),
                properties={"format-version": version},
            )
        except _refusals() as error:
            raise invalid_input(f"Invalid Iceberg table: {error}") from None
        location = self._files.store(document_of(metadata), base=metadata.location, number=0)
        parameters = pointing(body, TABLE_TYPE, location, None)
        return {"TableType": "EXTERNAL_TABLE", **body, "Name": name, "Parameters": parameters}

    def discard(self, body: dict[str, Any]) -> None:
        """Take back the metadata file of a TableInput that was made here, and that no table has."""
        location = metadata_location(body)
        if location is not None:
            self._files.discard(location)

    def updated(self, body: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """The TableInput after the updates of ``given``, an UpdateOpenTableFormatInput.

        Raises InvalidInputException for updates that cannot be applied.
        """
        from pyiceberg.table.update import update_table_metadata

        location = metadata_location(body)
        if location is None:
            raise invalid_input(f"Table {body['Name']} is not an Iceberg table")
        wanted = (given.get("UpdateIcebergInput") or {}).get("UpdateIcebergTableInput")
        if wanted is None:
            raise invalid_input("UpdateOpenTableFormatInput needs UpdateIcebergInput")
        base = self._files.table(location)
        try:
            metadata = base
            for one in wanted["Updates"]:
                # One after the other: what is "last added" is what the one before added.
                for update in _updates(one, metadata):
                    metadata = update_table_metadata(metadata, (update,))
        except _refusals() as error:
            raise invalid_input(f"Invalid Iceberg update: {error}") from None
        written = self._files.store(document_of(metadata), base=metadata.location, number=following(location))
        return table_input(body["Name"], metadata, written, body, previous=location)


def _refusals() -> tuple[type[Exception], ...]:
    """How pyiceberg refuses what does not fit: its own errors are no ValueErrors."""
    from pyiceberg.exceptions import CommitFailedException, ValidationError, ValidationException

    return (
        ValueError, TypeError, KeyError, RecursionError, ValidationError, ValidationException, CommitFailedException,
    )  # fmt: skip


def _json(given: Any) -> Any:
    """A structure of the API as Iceberg's JSON writes it; types are Iceberg's JSON already."""
    if isinstance(given, list):
        return [_json(one) for one in given]
    if not isinstance(given, dict):
        return given
    documents = ("Type", "InitialDefault", "WriteDefault")
    return {
        _JSON_NAMES.get(member, member): value if member in documents else _json(value)
        for member, value in given.items()
    }


def _spec(given: dict[str, Any]) -> PartitionSpec:
    """A partition spec; fields without an id are numbered as Iceberg does."""
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionSpec

    spec = _json(given)
    for number, one in enumerate(spec["fields"]):
        one.setdefault("field-id", PARTITION_FIELD_ID_START + number)
    return PartitionSpec.model_validate(spec)


def _updates(one: dict[str, Any], base: TableMetadata) -> list[TableUpdate]:
    """What one IcebergTableUpdate asks for. Without an Action it sets what it names."""
    from pyiceberg.schema import Schema
    from pyiceberg.table import update

    last = max(schema.schema_id for schema in base.schemas)

    def schema() -> Schema:
        given = _json(one["Schema"])
        used = {schema.schema_id for schema in base.schemas}
        if given.get("schema-id") in (None, *used):
            given["schema-id"] = last + 1
        return Schema.model_validate({"type": "struct", **given})

    def chosen(number: int | None, newest: int) -> int:
        return newest if number in (None, -1) else int(number or 0)

    match one.get("Action"):
        case "add-schema":
            return [update.AddSchemaUpdate(schema=schema())]
        case "set-current-schema":
            return [
                update.SetCurrentSchemaUpdate.model_validate(
                    {"schema-id": chosen(one["Schema"].get("SchemaId"), last)}
                )
            ]
        case "add-spec":
            return [update.AddPartitionSpecUpdate(spec=_spec(one["PartitionSpec"]))]
        case "set-default-spec":
            return [
                update.SetDefaultSpecUpdate.model_validate(
                    {
                        "spec-id": chosen(
                            one["PartitionSpec"].get("SpecId"), max(s.spec_id for s in base.partition_specs)
                        )
                    }
                )
            ]
        case "add-sort-order":
            return [update.AddSortOrderUpdate.model_validate({"sort-order": _json(one["SortOrder"])})]
        case "set-default-sort-order":
            return [
                update.SetDefaultSortOrderUpdate.model_validate(
                    {
                        "sort-order-id": chosen(
                            one["SortOrder"]["OrderId"], max(s.order_id for s in base.sort_orders)
                        )
                    }
                )
            ]
        case "set-location":
            return [update.SetLocationUpdate(location=one["Location"].rstrip("/"))]
        case "set-properties":
            return [update.SetPropertiesUpdate(updates=one.get("Properties") or {})]
        case "remove-properties":
            return [update.RemovePropertiesUpdate(removals=list(one.get("Properties") or {}))]
        case None:
            return _whole(one, schema(), base)
    raise invalid_input(f"The Iceberg update {one['Action']} is not supported")


def _whole(one: dict[str, Any], schema: Schema, base: TableMetadata) -> list[TableUpdate]:
    """What an update without an Action asks for: the table as it names it."""
    from pyiceberg.table import update

    found: list[TableUpdate] = []
    if schema.as_struct() != base.schema().as_struct():
        found += [
            update.AddSchemaUpdate(schema=schema),
            update.SetCurrentSchemaUpdate.model_validate({"schema-id": schema.schema_id}),
        ]
    location = one["Location"].rstrip("/")
    if location != base.location:
        found.append(update.SetLocationUpdate(location=location))
    if one.get("Properties"):
        found.append(update.SetPropertiesUpdate(updates=one["Properties"]))
    return found
