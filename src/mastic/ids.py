"""Identifiers, injected, in the forms that AWS gives them. Owns no state."""

from __future__ import annotations

import secrets


class Ids:
    """The source of new identifiers; a test may hand in its own."""

    def hex(self, digits: int) -> str:
        """``digits`` random hexadecimal digits."""
        return secrets.token_hex((digits + 1) // 2)[:digits]

    def uuid(self) -> str:
        """A random UUID in its usual text form."""
        # By hand: every request has one, and ``uuid.UUID`` takes its time.
        digits = self.hex(32)
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def job_run(self) -> str:
        """Glue's job run id: ``jr_`` and 64 hexadecimal digits."""
        return f"jr_{self.hex(64)}"
