"""Errors of Delta tables, by the names that `delta.exceptions` gives them."""

from __future__ import annotations

from pyspark.errors import PySparkException


class DeltaConcurrentModificationException(PySparkException):
    """Somebody else changed the table."""


class ConcurrentModificationException(DeltaConcurrentModificationException):
    """Somebody else changed the table again and again."""


class InvariantViolation(PySparkException):
    """Rows that a constraint of the table forbids."""


class DeltaUnsupportedOperation(PySparkException):
    """What Delta itself does not do."""
