"""CALL catalog.system.…: Iceberg's stored procedures that can be done exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.failures import EngineRefused


def call(
    tables: Any, parts: list[str], arguments: str, conf: Mapping[str, str]
) -> tuple[list[tuple[Any, ...]], str]:
    """(rows, schema) of a procedure's result. Raises EngineRefused for procedures not served."""
    from awsglue._runtime.sql.tokens import split_commas

    if len(parts) != 3 or parts[1].lower() != "system" or parts[0] not in tables.catalogs:
        raise EngineRefused(f"CALL {'.'.join(parts)}")
    procedure = parts[2].lower()
    names = {
        "rollback_to_snapshot": ("table", "snapshot_id"),
        "set_current_snapshot": ("table", "snapshot_id"),
        "expire_snapshots": ("table", "older_than", "retain_last"),
        "rewrite_data_files": ("table", "strategy", "sort_order", "options", "where"),
    }
    if procedure not in names:
        raise EngineRefused(f"CALL {'.'.join(parts)}")
    given: dict[str, str] = {}
    for position, piece in enumerate(split_commas(arguments)):
        key, arrow, value = piece.partition("=>")
        name, text = (key.strip(), value) if arrow else (names[procedure][position], key)
        given[name] = re.sub(r"(?<=\d)[Ll]\Z", "", text.strip()).strip("'\"")
    catalog = tables.iceberg(parts[0])
    name = tables.name(f"{parts[0]}.{given['table'].removeprefix(parts[0] + '.')}")
    if procedure in ("expire_snapshots", "rewrite_data_files"):
        from awsglue._runtime.iceberg import maintenance

        return getattr(maintenance, procedure)(lambda: catalog.load(name), given, conf)  # type: ignore[no-any-return]
    table = catalog.load(name)
    previous = table.metadata.current_snapshot_id
    engine.mark_written()
    wanted = int(given["snapshot_id"])
    manager = table.manage_snapshots()
    if procedure == "rollback_to_snapshot":
        manager.rollback_to_snapshot(wanted).commit()
    else:
        manager.set_current_snapshot(snapshot_id=wanted).commit()
    return [(previous, wanted)], "previous_snapshot_id bigint, current_snapshot_id bigint"
