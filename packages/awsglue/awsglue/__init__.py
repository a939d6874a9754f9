"""The awsglue API: the names a Glue script imports.

They are loaded when they are asked for: a Python shell job, which needs none of them, starts in half the time.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awsglue.dynamicframe import DynamicFrame, DynamicFrameReader, DynamicFrameWriter

__all__ = ["DynamicFrame", "DynamicFrameReader", "DynamicFrameWriter"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("awsglue.dynamicframe"), name)
    # `import awsglue` alone is enough for awsglue.utils and the like.
    if not name.startswith("_") and importlib.util.find_spec(f"awsglue.{name}") is not None:
        return importlib.import_module(f"awsglue.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
