"""What a file writer is asked for. (The work is in `saving`.)"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class WriteRequest:
    """One df.write…save(), saveAsTable or insertInto."""

    format: str
    mode: str
    frame: Any
    options: dict[str, str] = field(default_factory=dict)
    partition_by: list[str] = field(default_factory=list)
    files: int = 1
