"""Transforms of collections of frames."""

from __future__ import annotations

from typing import Any, ClassVar

from awsglue.transforms.transform import GlueTransform


class SelectFromCollection(GlueTransform):
    """One frame of a collection."""

    arguments: ClassVar[dict[str, str]] = {"dfc": "DynamicFrameCollection", "key": "Name of the frame"}

    def __call__(self, dfc: Any, key: str, transformation_ctx: str = "") -> Any:
        return dfc.select(key, transformation_ctx)


class MapToCollection(GlueTransform):
    """Applies a function to each frame of a collection."""

    arguments: ClassVar[dict[str, str]] = {
        "dfc": "DynamicFrameCollection",
        "callable": "Function (frame, transformation_ctx) to DynamicFrame",
    }
    returns = "A DynamicFrameCollection"

    def __call__(self, dfc: Any, callable: Any, transformation_ctx: str = "") -> Any:
        return dfc.map(callable, transformation_ctx)


class FlatMap(GlueTransform):
    """Applies a transform to each frame of a collection and flattens what comes out."""

    arguments: ClassVar[dict[str, str]] = {
        "dfc": "DynamicFrameCollection",
        "BaseTransform": "The transform's class",
        "frame_name": "The name of the transform's frame argument",
    }
    returns = "A DynamicFrameCollection"

    def __call__(
        self,
        dfc: Any,
        BaseTransform: Any,
        frame_name: str,
        transformation_ctx: str = "",
        **base_kwargs: Any,
    ) -> Any:
        def run(frame: Any, ctx: str) -> Any:
            return BaseTransform.apply(**{**base_kwargs, frame_name: frame, "transformation_ctx": ctx})

        return dfc.flatmap(run, transformation_ctx)
