"""Commits through the Glue API that are safe to repeat. Owns no state.

A client asks again when its connection breaks. If the server had already done the first call, the second one is
refused as a conflict, and a caller who then commits once more would write its rows twice. So a refused call looks
whether the table is already what it wanted to make it.
"""

from __future__ import annotations

from typing import Any

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchPropertyException,
    NoSuchTableError,
    TableAlreadyExistsError,
)


class RepeatedCalls(GlueCatalog):
    """PyIceberg's Glue catalog, where a commit that took effect is one that succeeded."""

    def _create_glue_table(self, database_name: str, table_name: str, table_input: Any) -> None:
        try:
            super()._create_glue_table(database_name, table_name, table_input)
        except TableAlreadyExistsError:
            if not self._took_effect(database_name, table_name, table_input):
                raise

    def _update_glue_table(
        self, database_name: str, table_name: str, table_input: Any, version_id: str
    ) -> None:
        try:
            super()._update_glue_table(database_name, table_name, table_input, version_id)
        except CommitFailedException:
            if not self._took_effect(database_name, table_name, table_input):
                raise

    def _took_effect(self, database: str, table: str, wanted: Any) -> bool:
        """Whether the metadata file of this call, whose name nobody else has, is the table's or was."""
        mine = wanted["Parameters"]["metadata_location"]
        try:
            current = self._get_glue_table(database, table)
            if current.get("Parameters", {}).get("metadata_location") == mine:
                return True
            metadata = self._convert_glue_to_iceberg(current).metadata
        except (NoSuchTableError, NoSuchPropertyException):
            return False  # it is gone, or is no Iceberg table
        return any(entry.metadata_file == mine for entry in metadata.metadata_log)
