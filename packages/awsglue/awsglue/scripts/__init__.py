"""The maintenance scripts of Glue's own image. Their names are here; none is built in, and each says so."""

from __future__ import annotations

from typing import NoReturn


def refuse(name: str, instead: str) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(f"awsglue.scripts.{name} is not implemented: nothing was changed. {instead}")
