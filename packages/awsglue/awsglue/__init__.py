"""The awsglue API: the names a Glue script imports.

They are loaded when they are asked for: a Python shell job, which needs none of them, starts in half the time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awsglue.dynamicframe import DynamicFrame, DynamicFrameReader, DynamicFrameWriter

__all__ = ["DynamicFrame", "DynamicFrameReader", "DynamicFrameWriter"]


def __getattr__(name: str) -> Any:
    if name not in __all__ and name != "dynamicframe":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module("awsglue.dynamicframe")
    return module if name == "dynamicframe" else getattr(module, name)
