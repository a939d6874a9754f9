"""EvaluateDataQuality: its name is here so that scripts import; it refuses, because it is not built in yet."""

from __future__ import annotations

from typing import Any, NoReturn

from awsglue.transforms import GlueTransform

__all__ = ["EvaluateDataQuality"]


class EvaluateDataQuality(GlueTransform):
    """Evaluates a DQDL ruleset over a frame."""

    def __call__(self, frame: Any, ruleset: str, publishing_options: Any = None, **kwargs: Any) -> NoReturn:
        raise _missing()

    @classmethod
    def apply(cls, frame: Any, ruleset: str, publishing_options: Any = None, **kwargs: Any) -> NoReturn:
        """Rule outcomes of a frame. Raises NotImplementedError."""
        raise _missing()

    def process_rows(
        self,
        frame: Any,
        ruleset: str,
        publishing_options: Any = None,
        additional_options: Any = None,
        additional_data_sources: Any = None,
        **kwargs: Any,
    ) -> NoReturn:
        """Rule outcomes and row-level outcomes of a frame. Raises NotImplementedError."""
        raise _missing()


def _missing() -> NotImplementedError:
    return NotImplementedError(
        "EvaluateDataQuality is not implemented in this version of the library: no rule was evaluated"
    )
