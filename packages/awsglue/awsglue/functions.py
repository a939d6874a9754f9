"""Column functions that Glue adds to Spark's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column

__all__ = ["explodeWithIndex", "namedStruct", "replaceArrayElement"]


def replaceArrayElement(array: Column | str, index: int, value: Any) -> Column:
    """The array with the element at `index` (from 0) replaced."""
    from pyspark.sql import functions as F  # noqa: N812 (as everybody writes it)

    column = F.col(array) if isinstance(array, str) else array
    new = value if hasattr(value, "alias") else F.lit(value)
    return F.transform(column, lambda element, position: F.when(position == index, new).otherwise(element))


def namedStruct(*parts: Any) -> Column:
    """A struct of alternating names and columns."""
    from pyspark.sql import functions as F  # noqa: N812 (as everybody writes it)

    if len(parts) % 2:
        raise ValueError("namedStruct takes names and columns in turn")
    return F.struct(
        *(
            (F.col(column) if isinstance(column, str) else column).alias(name)
            for name, column in zip(parts[::2], parts[1::2], strict=True)
        )
    )


def explodeWithIndex(array: Column | str) -> Column:
    """One row per element, with its position: columns pos and col."""
    from pyspark.sql import functions as F  # noqa: N812 (as everybody writes it)

    return F.posexplode(array)
