"""DropNullFields: fields of which no record ever had a value with a type."""

from __future__ import annotations

from awsglue import gluetypes as g
from awsglue._frames.paths import ELEMENT
from awsglue._frames.trees import Steps


def null_paths(kind: g.DataType, above: Steps = ()) -> list[Steps]:
    """The paths of null-typed fields, in structs and in arrays of structs too (not in maps)."""
    if isinstance(kind, g.StructType):
        found: list[Steps] = []
        for field in kind.fields:
            found += null_paths(field.dataType, (*above, field.name))
        if (
            above
            and kind.fields
            and len(found) == len(kind.fields)
            and all(len(one) == len(above) + 1 for one in found)
        ):
            return [above]
        return found
    if isinstance(kind, g.ArrayType | g.SetType):
        if isinstance(kind.elementType, g.NullType):
            return [above]
        if isinstance(kind.elementType, g.StructType):
            inner = null_paths(kind.elementType, (*above, ELEMENT))
            return [above] if (*above, ELEMENT) in inner else inner
        return []
    return [above] if isinstance(kind, g.NullType) else []
