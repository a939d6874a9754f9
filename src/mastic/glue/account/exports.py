"""The export of the catalog's metadata to S3 Tables: it is off, and cannot be switched on here. Owns no state."""

from __future__ import annotations

from typing import Any

from mastic.context import Context
from mastic.errors import invalid_input


class MetadataExport:
    """The handlers."""

    def get_data_catalog_export_configuration(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Always off."""
        return {"ExportSetting": "DISABLED", "Status": "DISABLED"}

    def put_data_catalog_export_configuration(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Raises InvalidInputException for ENABLED."""
        if request["ExportSetting"] != "DISABLED":
            raise invalid_input(
                "The export of metadata writes to a table bucket of Amazon S3 Tables, which does not exist here"
            )
        return {"ExportSetting": "DISABLED"}
