"""What options are when a script gives none: as in AWS's signatures an empty mapping, here one that nobody can fill."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})
