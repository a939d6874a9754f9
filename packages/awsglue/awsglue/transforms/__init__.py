"""The transforms of a Glue script: `from awsglue.transforms import *`."""

from awsglue.transforms.collections import FlatMap, MapToCollection, SelectFromCollection
from awsglue.transforms.fields import (
    ApplyMapping,
    DropFields,
    DropNullFields,
    Relationalize,
    RenameField,
    ResolveChoice,
    SelectFields,
    SplitFields,
    Unbox,
    UnnestFrame,
)
from awsglue.transforms.records import (
    Coalesce,
    ErrorsAsDynamicFrame,
    Filter,
    Join,
    Map,
    Repartition,
    Spigot,
    SplitRows,
    Union,
)
from awsglue.transforms.transform import GlueTransform, describe_transform, get_transform, get_transforms

__all__ = [
    "ApplyMapping",
    "Coalesce",
    "DropFields",
    "DropNullFields",
    "ErrorsAsDynamicFrame",
    "Filter",
    "FlatMap",
    "GlueTransform",
    "Join",
    "Map",
    "MapToCollection",
    "Relationalize",
    "RenameField",
    "Repartition",
    "ResolveChoice",
    "SelectFields",
    "SelectFromCollection",
    "Spigot",
    "SplitFields",
    "SplitRows",
    "Unbox",
    "Union",
    "UnnestFrame",
    "describe_transform",
    "get_transform",
    "get_transforms",
]
