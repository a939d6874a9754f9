"""ApplyMapping on a plain DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ApplyMapping:
    """Chooses, renames, nests and casts columns."""

    @staticmethod
    def apply(df: DataFrame, mappings: list[tuple[Any, ...]]) -> DataFrame:
        """The DataFrame under these mappings (source, source type, target, target type)."""
        from awsglue._frames import mapping
        from awsglue._frames.body import Encoded

        return mapping.apply(Encoded.of(df), mapping.parse_mappings(mappings), case_sensitive=False).df
