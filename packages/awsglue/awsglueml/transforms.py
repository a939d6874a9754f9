"""The names of Glue's ML transforms, so that scripts import; each refuses to run, because none is built in yet."""

from __future__ import annotations

from typing import Any, NoReturn

from awsglue.transforms import GlueTransform

__all__ = ["EntityDetector", "FillMissingValues", "FindIncrementalMatches", "FindMatches"]


def _missing(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"{name} is not implemented in this version of the library: no record was changed"
    )


class FillMissingValues(GlueTransform):
    """Fills missing values of a column with predicted ones."""

    def __call__(
        self,
        frame: Any,
        missing_values_column: str,
        output_column: str = "",
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> NoReturn:
        raise _missing("FillMissingValues")


class FindMatches(GlueTransform):
    """Labels records that mean the same thing."""

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
    ) -> NoReturn:
        raise _missing("FindMatches")


class FindIncrementalMatches(GlueTransform):
    """Labels new records that mean the same as existing ones."""

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
    ) -> NoReturn:
        raise _missing("FindIncrementalMatches")


class EntityDetector:
    """Finds sensitive data."""

    def detect(
        self,
        frame: Any,
        entityTypesToDetect: Any = None,
        outputColumnName: str = "DetectedEntities",
        detectionParameters: Any = None,
        detectionSensitivity: str = "LOW",
        **kwargs: Any,
    ) -> NoReturn:
        """Mark entities in records. Raises NotImplementedError."""
        raise _missing("EntityDetector.detect")

    def classify_columns(
        self,
        frame: Any,
        entityTypes: Any,
        sampleFraction: float = 1.0,
        thresholdFraction: float = 0.1,
        **kwargs: Any,
    ) -> NoReturn:
        """Find the columns that hold entities. Raises NotImplementedError."""
        raise _missing("EntityDetector.classify_columns")
