"""What Hudi's own writer and reader raise, by their names."""

from __future__ import annotations


class HoodieException(Exception):
    """A write or a read that Hudi refuses."""


class HoodieKeyException(HoodieException):
    """A row from which no record key can be made."""


class HoodieKeyGeneratorException(HoodieException):
    """A row from which no partition path can be made."""


class HoodieWriteConflictException(HoodieException):
    """Other writers were quicker, again and again."""


class SchemaCompatibilityException(HoodieException):
    """Rows that do not fit the table's schema."""


class TableNotFoundException(HoodieException):
    """A path without a Hudi table."""
