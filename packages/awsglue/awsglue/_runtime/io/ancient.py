"""Dates and times that Spark does not write to Parquet unless told how: those before the calendars agree. No state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from awsglue._runtime.failures import EngineRefused

# Days to 1582-10-15 and microseconds to 1900-01-01T00:00:00Z, from 1970 on.
FIRST_DAY = -141_427
FIRST_MICROSECOND = -2_208_988_800_000_000
_MODE = "datetimeRebaseModeInWrite"
_MODE_96 = "int96RebaseModeInWrite"


@contextmanager
def within_years() -> Iterator[None]:
    """Values that Python has no date for are the engine's to refuse: Spark writes and counts such years."""
    try:
        yield
    except OverflowError as error:
        raise EngineRefused("dates or times outside the years 1 to 9999", str(error)) from None


def check(table: Any, conf: dict[str, str], *, int96: bool) -> None:
    """Raise SparkUpgradeException, as Spark does, for a table with such a value; EngineRefused where it would be moved
    to the older calendar."""
    modes = {"date": _mode(conf, _MODE), "timestamp": _mode(conf, _MODE_96 if int96 else _MODE)}
    for column in table.columns:
        for chunk in column.chunks:
            for kind in _ancient(chunk):
                if modes[kind] == "LEGACY":
                    raise EngineRefused(f"an ancient {kind} in the calendar of older versions")
                if modes[kind] != "CORRECTED":
                    raise _refused(_MODE_96 if kind == "timestamp" and int96 else _MODE)


def _mode(conf: dict[str, str], name: str) -> str:
    found = conf.get(f"spark.sql.parquet.{name}") or conf.get(f"spark.sql.legacy.parquet.{name}")
    return (found or "EXCEPTION").upper()


def _ancient(array: Any) -> set[str]:
    """ "date" and "timestamp", as far as there are ancient ones among the values or within them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_struct(kind):
        return set().union(*(_ancient(member) for member in array.flatten()))
    if pa.types.is_map(kind):
        return _ancient(array.keys) | _ancient(array.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _ancient(array.flatten())
    if pa.types.is_date32(kind):
        least = pc.min(array.view(pa.int32())).as_py()
        return {"date"} if least is not None and least < FIRST_DAY else set()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        least = pc.min(array.cast(pa.timestamp("us", kind.tz), safe=False).view(pa.int64())).as_py()
        return {"timestamp"} if least is not None and least < FIRST_MICROSECOND else set()
    return set()


def _refused(option: str) -> Exception:
    from pyspark.errors import SparkUpgradeException

    return SparkUpgradeException(
        "[INCONSISTENT_BEHAVIOR_CROSS_VERSION.WRITE_ANCIENT_DATETIME] Dates before 1582-10-15 or timestamps before "
        "1900-01-01T00:00:00Z would be written to Parquet, and older versions, which have another calendar, would "
        f'read others. Set "spark.sql.parquet.{option}" to "CORRECTED" to write them as they are, or to "LEGACY" to '
        "have them moved to the older calendar."
    )
