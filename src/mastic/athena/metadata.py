"""Athena's view of catalogs, databases and tables, and tags of its resources. Owns no state but the tags."""

from __future__ import annotations

import re
from typing import Any

from mastic.athena.catalog import Catalog
from mastic.athena.failures import invalid
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import tags
from mastic.store.engine import Store

NAME = "AwsDataCatalog"
_TAG_LIMIT = 50


class Metadata:
    """The catalog-reading operations and the tagging operations."""

    def __init__(self, *, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def get_data_catalog(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        _check_catalog(request["Name"])
        return {
            "DataCatalog": {
                "Name": NAME,
                "Type": "GLUE",
                "Parameters": {"catalog-id": context.account_id},
                "Status": "CREATE_COMPLETE",
            }
        }

    def list_data_catalogs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return {"DataCatalogsSummary": [{"CatalogName": NAME, "Type": "GLUE", "Status": "CREATE_COMPLETE"}]}

    def get_database(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        _check_catalog(request["CatalogName"])
        found = self._call(context, "GetDatabase", Name=request["DatabaseName"])
        return {"Database": _database(found["Database"])}

    def list_databases(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        _check_catalog(request["CatalogName"])
        answer = self._call(context, "GetDatabases", **_page(request, 100))
        return {
            "DatabaseList": [_database(d) for d in answer["DatabaseList"]],
            "NextToken": answer.get("NextToken"),
        }

    def get_table_metadata(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        _check_catalog(request["CatalogName"])
        found = self._call(
            context, "GetTable", DatabaseName=request["DatabaseName"], Name=request["TableName"]
        )
        return {"TableMetadata": _table(found["Table"])}

    def list_table_metadata(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        _check_catalog(request["CatalogName"])
        extra = {"Expression": request["Expression"]} if request.get("Expression") else {}
        answer = self._call(
            context, "GetTables", DatabaseName=request["DatabaseName"], **extra, **_page(request, 50)
        )
        return {
            "TableMetadataList": [_table(t) for t in answer["TableList"]],
            "NextToken": answer.get("NextToken"),
        }

    # -- tags --------------------------------------------------------------------------------------

    def tag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        given = tags_of(request)
        with self._store.write() as tx:
            present = tags.get(tx, context.scope, _checked_arn(request))
            if len({**present, **given}) > _TAG_LIMIT:
                raise invalid(f"A resource has at most {_TAG_LIMIT} tags")
            tags.put(tx, context.scope, request["ResourceARN"], given)
        return {}

    def untag_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.write() as tx:
            tags.remove(tx, context.scope, _checked_arn(request), request["TagKeys"])
        return {}

    def list_tags_for_resource(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            found = tags.get(tx, context.scope, _checked_arn(request))
        return {"Tags": [{"Key": k, "Value": v} for k, v in found.items()]}

    def _call(self, context: Context, operation: str, **request: Any) -> dict[str, Any]:
        try:
            return self._catalog.call(context, operation, **request)
        except ServiceError as error:
            raise ServiceError("MetadataException", error.message) from None


def _check_catalog(name: str) -> None:
    if name.lower() != NAME.lower():
        raise invalid(f"DataCatalog {name} was not found")


def _checked_arn(request: dict[str, Any]) -> str:
    arn: str = request["ResourceARN"]
    if not re.fullmatch(r"arn:aws:athena:[\w-]+:\d{12}:(workgroup|datacatalog|capacity-reservation)/.+", arn):
        raise ServiceError("ResourceNotFoundException", f"{arn} was not found", ResourceName=arn)
    return arn


def _page(request: dict[str, Any], most: int) -> dict[str, Any]:
    page: dict[str, Any] = {"MaxResults": min(request.get("MaxResults", most), 100)}
    if request.get("NextToken"):
        page["NextToken"] = request["NextToken"]
    return page


def _database(found: dict[str, Any]) -> dict[str, Any]:
    return {k: found[k] for k in ("Name", "Description", "Parameters") if found.get(k)}


def _table(found: dict[str, Any]) -> dict[str, Any]:
    descriptor = found.get("StorageDescriptor") or {}
    parameters = dict(found.get("Parameters") or {})
    for name, member in (
        ("location", "Location"),
        ("inputformat", "InputFormat"),
        ("outputformat", "OutputFormat"),
    ):
        if descriptor.get(member):
            parameters[name] = descriptor[member]
    serde = descriptor.get("SerdeInfo") or {}
    if serde.get("SerializationLibrary"):
        parameters["serde.serialization.lib"] = serde["SerializationLibrary"]
    for key, value in (serde.get("Parameters") or {}).items():
        parameters[f"serde.param.{key}"] = value
    return {
        "Name": found["Name"],
        "CreateTime": found.get("CreateTime"),
        "LastAccessTime": found.get("LastAccessTime"),
        "TableType": found.get("TableType"),
        "Columns": [_column(c) for c in descriptor.get("Columns") or ()],
        "PartitionKeys": [_column(c) for c in found.get("PartitionKeys") or ()],
        "Parameters": parameters,
    }


def _column(column: dict[str, Any]) -> dict[str, Any]:
    return {k: column[k] for k in ("Name", "Type", "Comment") if k in column}


def tags_of(request: dict[str, Any]) -> dict[str, str]:
    """The tags of a request, by key. Raises InvalidRequestException for one without a key."""
    given = request.get("Tags") or ()
    if not all("Key" in tag for tag in given):
        raise invalid("Tag keys must not be empty")
    return {tag["Key"]: tag.get("Value", "") for tag in given}
