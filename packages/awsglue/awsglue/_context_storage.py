"""The S3 housekeeping of GlueContext: purge and transition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awsglue._defaults import NOTHING


class StorageMethods:
    """Deletes old files and changes storage classes, by path or by catalog table."""

    def purge_table(
        self,
        database: str,
        table_name: str,
        options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
        catalog_id: str | int | None = None,
    ) -> None:
        """Delete a table's old files and drop the partitions that lost all of theirs."""
        from awsglue._sinks.housekeeping import purge_table

        purge_table(database, table_name, options or {}, str(catalog_id) if catalog_id else None)

    def purge_s3_path(
        self, s3_path: str, options: Mapping[str, Any] | None = NOTHING, transformation_ctx: str = ""
    ) -> None:
        """Delete the old files under a path (retentionPeriod, excludeStorageClasses, manifestFilePath)."""
        from awsglue._sinks.housekeeping import purge_path

        purge_path(s3_path, options or {})

    def transition_table(
        self,
        database: str,
        table_name: str,
        transition_to: str,
        options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
        catalog_id: str | int | None = None,
    ) -> None:
        """Change the storage class of a table's old files."""
        from awsglue._sinks.housekeeping import transition_table

        transition_table(
            database, table_name, transition_to, options or {}, str(catalog_id) if catalog_id else None
        )

    def transition_s3_path(
        self,
        s3_path: str,
        transition_to: str,
        options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
    ) -> None:
        """Change the storage class of the old files under a path."""
        from awsglue._sinks.housekeeping import transition_path

        transition_path(s3_path, transition_to, options or {})
