"""The constraints of the service models, enforced with AWS's wording.

Owns the validators compiled so far, one per operation.
"""

from __future__ import annotations

from typing import Any

from mastic.wire.spec import OperationSpec


class Validators:
    """Checks decoded input against the model."""

    def check(self, operation: OperationSpec, request: dict[str, Any]) -> None:
        """Raises the service's error for constraint failures, all of them in one message."""
