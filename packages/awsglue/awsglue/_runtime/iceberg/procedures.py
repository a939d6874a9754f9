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
        "expire_snapshots": (
            "table", "older_than", "retain_last", "max_concurrent_deletes", "stream_results", "snapshot_ids",
        ),
        "rewrite_data_files": ("table", "strategy", "sort_order", "options", "where", "branch"),
        "remove_orphan_files": (
            "table", "older_than", "location", "dry_run", "max_concurrent_deletes", "file_list_view",
            "equal_schemes", "equal_authorities", "prefix_mismatch_mode",
        ),
    }  # fmt: skip
    if procedure not in names:
        raise EngineRefused(f"CALL {'.'.join(parts)}")
    given: dict[str, str] = {}
    for position, piece in enumerate(split_commas(arguments)):
        key, arrow, value = piece.partition("=>")
        if not arrow and position >= len(names[procedure]):
            raise EngineRefused(f"CALL {'.'.join(parts)} with more than {len(names[procedure])} arguments")
        name, text = (key.strip(), value) if arrow else (names[procedure][position], key)
        if name not in names[procedure] or name in ("file_list_view", "equal_schemes", "equal_authorities"):
            raise EngineRefused(f"CALL {'.'.join(parts)} with {name}")
        if name in given:
            raise EngineRefused(f"CALL {'.'.join(parts)} with {name} said twice")
        given[name] = _value(text.strip())
    catalog = tables.iceberg(parts[0])
    name = tables.name(f"{parts[0]}.{given['table'].removeprefix(parts[0] + '.')}")
    if procedure in ("expire_snapshots", "rewrite_data_files", "remove_orphan_files"):
        from awsglue._runtime.iceberg import maintenance, orphans

        module: Any = orphans if procedure == "remove_orphan_files" else maintenance
        return getattr(module, procedure)(lambda: catalog.load(name), given, conf)  # type: ignore[no-any-return]
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


def _value(text: str) -> str:
    """An argument without its quotes, what is escaped in it as it is meant; a number without its L."""
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return re.sub(r"\\(.)", r"\1", text[1:-1].replace(text[0] * 2, text[0]))
    return re.sub(r"(?<=\d)[Ll]\Z", "", text)
