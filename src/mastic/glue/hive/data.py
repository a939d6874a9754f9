"""The data of managed tables, which the Metastore deletes and moves with them. Owns no state.

Only S3 is touched, only below a prefix, and only what belongs to a managed table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog

from mastic.errors import ServiceError
from mastic.glue.hive.failures import meta
from mastic.glue.hive.shapes import MANAGED, table_type
from mastic.objects.base import Objects, split_url

log = structlog.get_logger("mastic.hive")


def is_managed(table: dict[str, Any]) -> bool:
    """Whether the table's data lives and dies with it."""
    return table_type(table) == MANAGED


def is_iceberg(table: dict[str, Any]) -> bool:
    """Whether the table's files name each other by where they are, and its entry names one of them: moved or
    emptied, it could not be read any more."""
    return bool((table.get("Parameters") or {}).get("table_type", "").lower() == "iceberg")


class Data:
    """Deletes and moves what is at a location."""

    def __init__(self, *, objects: Objects) -> None:
        self._objects = objects

    def check(self, location: str | None) -> None:
        """Raise a MetaException unless the data at ``location`` can be deleted and moved here."""
        if location:
            _prefix(location)

    def delete(self, location: str | None) -> None:
        """Delete everything below a location."""
        if not location:
            return
        bucket, prefix = _prefix(location)
        try:
            gone = self._objects.delete_prefix(bucket, prefix)
        except ServiceError as error:
            if error.code == "NoSuchBucket":
                return
            raise meta(
                f"The catalog was changed, but the data at {location} is not deleted: {error.message}"
            ) from error
        log.info("data deleted", location=location, objects=gone)

    def delete_copied(self, location: str, copied: Iterable[str]) -> None:
        """Delete, at either of its places, what ``copy`` copied; what somebody else has put there stays."""
        bucket, prefix = _prefix(location)
        try:
            for name in copied:
                self._objects.delete(bucket, prefix + name)
        except ServiceError as error:
            raise meta(
                f"The catalog was changed, but the data at {location} is not deleted: {error.message}"
            ) from error

    def copy(self, source: str, target: str) -> list[str]:
        """Copy everything below ``source`` to ``target``; returns what was copied, by the keys below.

        Raises a MetaException when something is there, or when not all can be copied: then nothing is left there.
        """
        copied: list[str] = []
        try:
            if not self._has_any(source):
                return copied
            if self._has_any(target):
                raise meta(f"{target} is not empty: the table's data cannot be moved there")
            self._copy_all(_prefix(source), _prefix(target), copied)
        except BaseException as error:
            self._take_back(target, copied)
            if isinstance(error, ServiceError):
                raise meta(f"The data at {source} cannot be moved to {target}: {error.message}") from error
            raise
        return copied

    def _has_any(self, location: str) -> bool:
        bucket, prefix = _prefix(location)
        try:
            return bool(self._objects.list(bucket, prefix, limit=1).objects)
        except ServiceError as error:
            if error.code == "NoSuchBucket":
                return False
            raise

    def _copy_all(self, source: tuple[str, str], target: tuple[str, str], copied: list[str]) -> None:
        """``copied`` has the name of every object that may be there, before it is."""
        for one in self._objects.walk(*source):
            name = one.key[len(source[1]) :]
            copied.append(name)
            with self._objects.open(source[0], one.key) as reader:
                self._objects.put(
                    target[0],
                    target[1] + name,
                    reader,
                    content_type=one.content_type,
                    metadata=one.metadata,
                )

    def _take_back(self, target: str, copied: Iterable[str]) -> None:
        bucket, prefix = _prefix(target)
        try:
            for name in copied:
                self._objects.delete(bucket, prefix + name)
        except ServiceError as error:
            if error.code != "NoSuchBucket":
                # What went wrong first is what the client is told.
                log.warning("half-copied data is left", location=target, reason=error.message)


def _prefix(location: str) -> tuple[str, str]:
    try:
        bucket, key = split_url(location)
    except ValueError:
        raise meta(
            f"The data at {location} is out of this server's reach: it deletes and moves the data of managed "
            "tables on S3 only. Make the table external (SET TBLPROPERTIES ('EXTERNAL'='TRUE')) and see to its data "
            "yourself"
        ) from None
    if not key.strip("/"):
        raise meta(f"{location} is a whole bucket, whose data is neither deleted nor moved with a table")
    return bucket, key.strip("/") + "/"
