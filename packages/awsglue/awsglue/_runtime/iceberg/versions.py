"""Which versions of Iceberg's table format are written here: 1 and 2, as far as PyIceberg goes.

Version 3 (deletion vectors, default values of columns, variant, geometry, nanoseconds) is refused by name before
anything is made: a table that says it is of version 3 and is not would mislead every other reader.
"""

from __future__ import annotations

from collections.abc import Mapping

from awsglue._runtime.sql.tokens import split_commas, words

KEY = "format-version"
WRITTEN = ("1", "2")


def wanted(properties: Mapping[str, str]) -> int | None:
    """The version that these properties ask for, if any. Raises NotImplementedError, ValueError."""
    asked = str(properties.get(KEY, "")).strip()
    if not asked:
        return None
    if asked in WRITTEN:
        return int(asked)
    if asked.isdigit():
        raise NotImplementedError(
            f"Iceberg tables of format version {asked} are not served by Mastic: its tables are written by PyIceberg, "
            f"which writes the versions {' and '.join(WRITTEN)}"
        )
    raise ValueError(f"{KEY} {asked!r} is no number")


def refuse_defaults(columns: str) -> None:
    """Refuse default values among the definitions of columns. Raises NotImplementedError."""
    for column in split_commas(columns):
        found = words(column)
        if any(word.text == "DEFAULT" and word.depth == 0 for word in found[2:]):
            name = column[: found[0].end].strip()
            raise NotImplementedError(
                f"the default value of the column {name} is not served by Mastic: "
                "Iceberg keeps such values in tables of format version 3"
            )
