"""df.write.format("hudi"): save modes, the table's creation, its entry in the catalog."""

from __future__ import annotations

import re
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.hudi import lake, options, properties, syncing, writing
from awsglue._runtime.hudi.errors import HoodieException, TableNotFoundException
from awsglue._runtime.hudi.lake import Table
from awsglue._runtime.hudi.options import Asked
from awsglue._runtime.hudi.writing import Outcome
from awsglue._runtime.io.storage import join

_BASE_FILE = re.compile(r"_\d+-\d+-\d+_\d{14,17}\.parquet\Z")
_KEPT_BY_OVERWRITE = ("insert_overwrite", "insert_overwrite_table", "delete_partition")


def save(services: Any, path: str, request: Any, defaults: dict[str, str] | None = None) -> Outcome | None:
    """Carry out one write; None when mode ignore found a table. Raises HoodieException as Hudi does."""
    path = lake.plain(path)
    mode = {"errorifexists": "error", "default": "error"}.get(request.mode, request.mode)
    table = lake.find(services.storage, path)
    known = dict(defaults or {})
    if table is not None and mode != "overwrite" and table.config.record_keys:
        # What a table has by which rows are told apart need not be said again.
        known.setdefault(options.WRITE + "recordkey.field", ",".join(table.config.record_keys))
    asked = options.parse(request.options, request.partition_by, known)
    operation = asked.operation
    if operation == "delete" and mode != "append":
        raise HoodieException("Append is the only save mode applicable for delete operation")
    if table is not None and mode == "error":
        raise HoodieException(f"hoodie table at {path} already exists.")
    if table is not None and mode == "ignore":
        return None
    if table is None and operation in ("delete", "delete_partition"):
        raise TableNotFoundException(f"hoodie table at {path} does not exist")
    if mode == "overwrite" and table is not None and operation not in _KEPT_BY_OVERWRITE:
        return _overwritten(services, table, asked, request, operation)
    if table is not None:
        options.check_against(asked, table.config)
        writing.check_writable(table, asked)
    batch = writing.batch(services, request.frame)
    syncing.check(path, asked, table.config if table is not None else options.config(asked, batch.struct))
    if table is None:
        writing.rehearse(asked, batch, operation)
        _check_place(services, path, mode)
        table = writing.create(services, path, asked, batch.struct)
        # Another writer may have made it at the same time.
        options.check_against(asked, table.config)
    outcome = writing.run(services, table, asked, batch, operation)
    syncing.follow(table, asked, outcome)
    return outcome


def _overwritten(services: Any, table: Table, asked: Asked, request: Any, operation: str) -> Outcome:
    """SaveMode.Overwrite: the table goes, with all its history, and is made anew, once the rows are known."""
    batch = writing.batch(services, request.frame)
    writing.rehearse(asked, batch, operation)
    syncing.check(table.path, asked, options.config(asked, batch.struct))
    engine.mark_written()
    # First that by which it is a table: of one that is half gone nothing is read.
    services.storage.delete([join(table.path, properties.FILE)])
    services.storage.delete_folder(table.path)
    made = writing.create(services, table.path, asked, batch.struct)
    outcome = writing.run(services, made, asked, batch, operation)
    syncing.follow(made, asked, outcome, anew=True)
    return outcome


def _check_place(services: Any, path: str, mode: str) -> None:
    """A table is not made over base files that others have left: readers might take them for its own.

    Mode overwrite removes them. Raises HoodieException otherwise.
    """
    storage = services.storage
    left = next((one.path for one in storage.entries(path) if _BASE_FILE.search(one.name)), None)
    if left is None or lake.find(storage, path) is not None:
        return
    if mode != "overwrite":
        raise HoodieException(f"{path} holds what is left of another Hudi table: {left}")
    engine.mark_written()
    storage.delete_folder(path)
