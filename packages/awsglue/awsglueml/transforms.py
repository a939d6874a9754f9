"""Glue's ML transforms: filling gaps, matching records, finding sensitive data."""

from __future__ import annotations

from typing import Any, ClassVar

from awsglue.transforms import GlueTransform
from awsglueml._entities.detector import EntityDetector

__all__ = ["EntityDetector", "FillMissingValues", "FindIncrementalMatches", "FindMatches"]


class FillMissingValues(GlueTransform):
    """Fills missing values of a column with predicted ones."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to fill",
        "missing_values_column": "The column with nulls or empty texts",
        "output_column": "The column with all values; <missing_values_column>_filled",
    }

    def __call__(
        self,
        frame: Any,
        missing_values_column: str,
        output_column: str = "",
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        from awsglueml._filling import fill

        return fill(frame, missing_values_column, output_column or f"{missing_values_column}_filled")


class FindMatches(GlueTransform):
    """Labels records that mean the same thing."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to find matches in",
        "transformId": "Id of an ML transform",
        "enforcedMatches": "DynamicFrame of labels that have to be kept to",
        "computeMatchConfidenceScores": "Adds match_confidence_score",
    }

    def __call__(
        self,
        frame: Any,
        transformId: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        enforcedMatches: Any = None,
        computeMatchConfidenceScores: bool = False,
    ) -> Any:
        from awsglue._logger import GlueLogger
        from awsglueml._matching import settings
        from awsglueml._matching.matching import find_matches

        found = settings.find(transformId, GlueLogger())
        return find_matches(frame, found, enforcedMatches, scores=bool(computeMatchConfidenceScores))


class FindIncrementalMatches(GlueTransform):
    """Labels new records that mean the same as existing ones."""

    arguments: ClassVar[dict[str, str]] = {
        "existingFrame": "DynamicFrame with match_id, of FindMatches",
        "incrementalFrame": "DynamicFrame of new records",
        "transformId": "Id of an ML transform",
        "enforcedMatches": "DynamicFrame of labels that have to be kept to",
        "computeMatchConfidenceScores": "Adds match_confidence_score",
    }

    def __call__(
        self,
        existingFrame: Any,
        incrementalFrame: Any,
        transformId: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
        enforcedMatches: Any = None,
        computeMatchConfidenceScores: bool = False,
    ) -> Any:
        from awsglue._logger import GlueLogger
        from awsglueml._matching import settings
        from awsglueml._matching.matching import find_incremental

        return find_incremental(
            existingFrame,
            incrementalFrame,
            settings.find(transformId, GlueLogger()),
            enforcedMatches,
            scores=bool(computeMatchConfidenceScores),
        )
