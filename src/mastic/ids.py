"""Identifiers, injected, in the forms that AWS gives them. Owns no state."""

from __future__ import annotations

import secrets
import uuid


class Ids:
    """The source of new identifiers; a test may hand in its own."""

    def hex(self, digits: int) -> str:
        """``digits`` random hexadecimal digits."""
        return secrets.token_hex((digits + 1) // 2)[:digits]

    def uuid(self) -> str:
        """A random UUID in its usual text form."""
        return str(uuid.UUID(hex=self.hex(32), version=4))

    def job_run(self) -> str:
        """Glue's job run id: ``jr_`` and 64 hexadecimal digits."""
        return f"jr_{self.hex(64)}"
