"""apply_mapping: choose, rename, nest and cast fields in one select."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames import paths
from awsglue._frames.body import Encoded
from awsglue._frames.casts import cast, completed
from awsglue._frames.encoding import script_type
from awsglue._frames.trees import Placement, Steps, find, fold, reach
from awsglue._logger import GlueLogger


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """One field: where it comes from, where it goes, and as what."""

    source: Steps
    target: Steps
    kind: g.DataType | None


def parse_mappings(mappings: Iterable[Any]) -> list[Mapping]:
    """Mappings from tuples (source, source type, target, target type); also (source, target) and
    (source, target, target type). Raises TypeError and ValueError."""
    return [_parse(mapping) for mapping in mappings]


def _parse(mapping: Any) -> Mapping:
    if not isinstance(mapping, tuple | list):
        raise TypeError(f"Mapping must be specified as a tuple. Got {mapping!r}")
    if len(mapping) == 2:
        (source, target), kind = mapping, None
    elif len(mapping) == 3:
        source, target, kind = mapping
    elif len(mapping) == 4:
        source, _, target, kind = mapping
    else:
        raise ValueError(f"Mapping tuple must be of length 2, 3, or 4. Got tuple of length {len(mapping)}")
    return Mapping(
        source=paths.parse_name(source),
        target=paths.parse_name(target),
        kind=script_type(kind) if kind else None,
    )


def apply(frame: Encoded, mappings: list[Mapping], case_sensitive: bool) -> Encoded:
    """The mapped frame: fields that are not mapped are dropped, sources that are not there leave their target out."""
    placement = Placement()
    for mapping in mappings:
        source = mapping.source if case_sensitive else fold(frame.schema, mapping.source)
        kind = find(frame.schema, source) if source else None
        if source is None or kind is None:
            # A source without new files has no fields at all.
            if frame.schema.fields:
                GlueLogger().warn(
                    f"apply_mapping: there is no field {paths.text(mapping.source)} to make "
                    f"{paths.text(mapping.target)} of"
                )
            continue
        target = kind if mapping.kind is None else completed(mapping.kind, kind)
        if paths.ELEMENT in source:
            raise ValueError(f"apply_mapping cannot take fields out of array elements: {paths.text(source)}")
        placement.put(mapping.target, target, cast(reach(source), kind, target))
    return frame.select(placement.parts())
