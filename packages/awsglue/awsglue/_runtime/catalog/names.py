"""Names of catalogs, databases and tables as Spark resolves them. Pure functions."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

SESSION_CATALOG = "spark_catalog"
METADATA_TABLES = frozenset(
    {
        "snapshots",
        "history",
        "files",
        "manifests",
        "partitions",
        "refs",
        "entries",
        "all_data_files",
        "all_files",
        "data_files",
        "delete_files",
        "metadata_log_entries",
        "all_manifests",
        "all_entries",
        "position_deletes",
    }
)


@dataclass(frozen=True, kw_only=True)
class TableName:
    """A table: catalog, database, name, and the metadata table of it that is meant ("" for the table itself)."""

    catalog: str
    database: str
    table: str
    metadata: str = ""

    @property
    def shown(self) -> str:
        return ".".join(f"`{part}`" for part in (self.catalog, self.database, self.table))


def split_identifier(text: str) -> list[str]:
    """The parts of `a.b.c`, back-ticks undone. Raises ParseException for an empty part."""
    parts: list[str] = []
    current, quoted, index = "", False, 0
    while index < len(text):
        char = text[index]
        if char == "`":
            if quoted and text[index + 1 : index + 2] == "`":
                current += "`"
                index += 1
            else:
                quoted = not quoted
        elif char == "." and not quoted:
            parts.append(current)
            current = ""
        else:
            current += char
        index += 1
    parts.append(current.strip() if "`" not in text else current)
    if quoted or not all(parts):
        from pyspark.errors import ParseException

        raise ParseException(f"[PARSE_SYNTAX_ERROR] Syntax error at or near {text!r}.")
    return parts


def resolve(parts: list[str], *, catalogs: frozenset[str], catalog: str, database: str) -> TableName:
    """The table these parts name, given the configured catalogs and the current catalog and database."""
    rest = list(parts)
    named = catalog
    if len(rest) > 1 and rest[0] in catalogs | {SESSION_CATALOG}:
        named = rest.pop(0)
        database = database if named == catalog else "default"
    metadata = ""
    if len(rest) >= 3 and rest[-1].lower() in METADATA_TABLES:
        metadata = rest.pop().lower()
    if len(rest) > 2:
        from pyspark.errors import AnalysisException

        raise AnalysisException(
            f"[REQUIRES_SINGLE_PART_NAMESPACE] {named} requires a single-part namespace, but got "
            f"{'.'.join(f'`{part}`' for part in rest[:-1])}."
        )
    if len(rest) == 2:
        database = rest[0]
    return TableName(catalog=named, database=database.lower(), table=rest[-1].lower(), metadata=metadata)


def matches(pattern: str | None, name: str) -> bool:
    """SHOW TABLES patterns: `*` is anything, `|` is or, case does not matter."""
    if pattern is None:
        return True
    return any(
        re.fullmatch(fnmatch.translate(part.strip().lower()), name.lower()) for part in pattern.split("|")
    )
