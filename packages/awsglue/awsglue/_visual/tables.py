"""The two transforms of the canvas whose parameters AWS does not publish: gs_lookup and gs_unpivot.

What they do is documented, field by field; what the generated scripts call the fields is not. So a parameter is known
by a word in its name (`lookupTable`, `table_name`, `tableName` are the table), or by its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awsglue._frames.encoding import quote

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# In the order of the fields on the canvas; of several words that fit, the first decides.
_LOOKUP = {"catalog": ("catalog",), "database": ("database",), "table": ("table",), "take": ("take", "add", "return"),
           "match": ("match", "key", "condition"), "columns": ("col",)}  # fmt: skip
_UNPIVOT = {"names": ("name", "key", "label", "variable"), "values": ("value",), "columns": ("col", "list")}


def lookup(df: DataFrame, *args: Any, **given: Any) -> DataFrame:
    """Columns of a catalog table's rows whose keys match ("user_id=id, region"); null where none does.

    Parameters: the table ("database.table", or both apart), the columns to match, those to take. Raises TypeError.
    """
    from pyspark.sql import functions as f

    places = ("table", "match", "columns")
    found = _named("gs_lookup", _LOOKUP, places, args, given)
    table, match = found.get("table"), found.get("match")
    take = found.get("take") or found.get("columns")
    if not table or not match or not take:
        raise TypeError(f"gs_lookup needs a table, columns to match and columns to take, not {sorted(found)}")
    name = f"{found['database']}.{table}" if found.get("database") else str(table)
    pairs = []
    for one in _list(match):
        here, _, there = (part.strip() for part in one.partition("="))
        pairs.append((here, there or here))
    taken = _list(take)
    other = df.sparkSession.table(name).select(
        *(f.col(quote(there)).alias(f"_key{place}") for place, (_, there) in enumerate(pairs)),
        *(f.col(quote(one)) for one in taken),
    )
    condition = None
    for place, (here, _) in enumerate(pairs):
        equal = df[quote(here)] == other[f"_key{place}"]
        condition = equal if condition is None else condition & equal
    return df.join(other, condition, "left").drop(*(f"_key{place}" for place in range(len(pairs))))


def unpivot(df: DataFrame, *args: Any, **given: Any) -> DataFrame:
    """A row for each of several columns, with the column's name in one new column and its value in another.

    Parameters: the name of the column of names, that of the column of values, the columns. Raises TypeError.
    """
    found = _named("gs_unpivot", _UNPIVOT, ("names", "values", "columns"), args, given)
    if set(found) != {"names", "values", "columns"}:
        raise TypeError(f"gs_unpivot needs a names column, a values column and columns, not {sorted(found)}")
    columns = _list(found["columns"])
    for one in columns:
        if one not in df.columns:
            raise ValueError(f"gs_unpivot: there is no column {one}")
    kept = [quote(name) for name in df.columns if name not in columns]
    return df.unpivot(kept, [quote(name) for name in columns], str(found["names"]), str(found["values"]))


def _named(
    transform: str,
    words: dict[str, tuple[str, ...]],
    places: tuple[str, ...],
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(places, args, strict=False))
    if len(args) > len(places):
        raise TypeError(f"{transform} takes {len(places)} parameters by place, not {len(args)}")
    for parameter, value in given.items():
        lists = isinstance(value, (list, tuple)) or (isinstance(value, str) and "," in value)
        fitting = [role for role, said in words.items() if any(word in parameter.lower() for word in said)]
        if "columns" in fitting and lists and "match" not in fitting and "take" not in fitting:
            fitting = ["columns"]
        role = next((one for one in fitting if one not in found), None)
        if role is None:
            raise TypeError(f"{transform} does not know the parameter {parameter}")
        if value not in (None, ""):
            found[role] = value
    return found


def _list(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else [str(one) for one in value]
    return [part.strip() for part in parts if part.strip()]
