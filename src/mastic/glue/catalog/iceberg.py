"""Iceberg tables that the catalog itself makes and changes: OpenTableFormatInput, UpdateOpenTableFormatInput.

The metadata file is written before the transaction that points the table at it. Owns those files; a change
that loses against another leaves a file that nothing points at, as any Iceberg writer does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mastic.errors import ServiceError, invalid_input
from mastic.glue.catalog.iceberg_types import columns
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
        self._objects = objects
        self._ids = ids

    def created(self, name: str, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """The TableInput of a new table. ``given`` is the OpenTableFormatInput, ``body`` any TableInput beside it.

        Raises InvalidInputException for a schema that Iceberg does not take.
        """
        from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
        from pyiceberg.schema import Schema
        from pyiceberg.table.metadata import new_table_metadata
        from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

        wanted = (given.get("IcebergInput") or {}).get("CreateIcebergTableInput")
        if wanted is None:
            raise invalid_input("OpenTableFormatInput needs IcebergInput with CreateIcebergTableInput")
        version = given["IcebergInput"].get("Version", "2")
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
        except (ValueError, TypeError, KeyError) as error:
            raise invalid_input(f"Invalid Iceberg table: {error}") from None
        return self._input(name, metadata, self._write(metadata, 0), body, previous=None)

    def updated(self, body: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """The TableInput after the updates of ``given``, an UpdateOpenTableFormatInput.

        Raises InvalidInputException for updates that cannot be applied.
        """
        from pyiceberg.table.update import update_table_metadata

        parameters = body.get("Parameters") or {}
        if parameters.get("table_type", "").upper() != "ICEBERG" or "metadata_location" not in parameters:
            raise invalid_input(f"Table {body['Name']} is not an Iceberg table")
        wanted = (given.get("UpdateIcebergInput") or {}).get("UpdateIcebergTableInput")
        if wanted is None:
            raise invalid_input("UpdateOpenTableFormatInput needs UpdateIcebergInput")
        location = parameters["metadata_location"]
        base = self._read(location)
        try:
            metadata = base
            for one in wanted["Updates"]:
                # One after the other: what is "last added" is what the one before added.
                for update in _updates(one, metadata):
                    metadata = update_table_metadata(metadata, (update,))
        except (ValueError, TypeError, KeyError) as error:
            raise invalid_input(f"Invalid Iceberg update: {error}") from None
        number = location.rpartition("/")[2].partition("-")[0]
        following = int(number) + 1 if number.isdecimal() else 1
        return self._input(body["Name"], metadata, self._write(metadata, following), body, previous=location)

    def _read(self, location: str) -> TableMetadata:
        from pyiceberg.table.metadata import TableMetadataUtil

        bucket, key = _split(location)
        try:
            return TableMetadataUtil.parse_raw(self._objects.read(bucket, key).decode())
        except (ServiceError, ValueError) as error:
            raise invalid_input(f"The table's metadata {location} cannot be read: {error}") from None

    def _write(self, metadata: TableMetadata, number: int) -> str:
        location = f"{metadata.location}/metadata/{number:05d}-{self._ids.uuid()}.metadata.json"
        bucket, key = _split(location)
        document = metadata.model_dump_json(exclude_none=True).encode()
        try:
            self._objects.put(bucket, key, document, content_type="application/json")
        except ServiceError as error:
            raise invalid_input(f"{location} cannot be written: {error.message}") from None
        return location

    @staticmethod
    def _input(
        name: str, metadata: TableMetadata, location: str, body: dict[str, Any], *, previous: str | None
    ) -> dict[str, Any]:
        parameters = {
            **(body.get("Parameters") or {}),
            "table_type": "ICEBERG",
            "metadata_location": location,
        }
        if previous is not None:
            parameters["previous_metadata_location"] = previous
        descriptor = {
            **(body.get("StorageDescriptor") or {}),
            "Columns": columns(metadata),
            "Location": metadata.location,
        }
        return {
            "TableType": "EXTERNAL_TABLE",
            **body,
            "Name": name,
            "Parameters": parameters,
            "StorageDescriptor": descriptor,
        }


def _split(location: str) -> tuple[str, str]:
    scheme, _, rest = location.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a") or not bucket or not key:
        raise invalid_input(f"Location must be s3://bucket/prefix, not {location}")
    return bucket, key


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
