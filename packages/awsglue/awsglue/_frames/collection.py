"""DynamicFrameCollection: frames by name."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame


class DynamicFrameCollection:
    """Frames by name; a list of frames is keyed by the frames' own names."""

    def __init__(
        self, dynamic_frames: dict[str, DynamicFrame] | list[DynamicFrame], glue_ctx: GlueContext
    ) -> None:
        if isinstance(dynamic_frames, dict):
            self._frames = dict(dynamic_frames)
        elif isinstance(dynamic_frames, list | tuple):
            self._frames = {frame.name: frame for frame in dynamic_frames}
        else:
            raise TypeError(f"dynamic_frames must be a dict or a list, not {type(dynamic_frames).__name__}")
        self._glue_ctx = glue_ctx

    def __getitem__(self, key: str) -> DynamicFrame:
        return self._frames[key]

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __contains__(self, key: object) -> bool:
        return key in self._frames

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._frames.keys()

    def values(self) -> ValuesView[DynamicFrame]:
        """The frames."""
        return self._frames.values()

    def items(self) -> ItemsView[str, DynamicFrame]:
        """Names and frames."""
        return self._frames.items()

    def select(self, key: str, transformation_ctx: str = "") -> DynamicFrame:
        """The frame of this name; an empty one when there is none."""
        if key in self._frames:
            return self._frames[key]
        from awsglue._frames.body import Body
        from awsglue._frames.errors import no_errors
        from awsglue.dynamicframe import DynamicFrame

        return DynamicFrame(Body(lambda: no_errors(self._glue_ctx)), self._glue_ctx, key)

    def map(
        self, callable: Callable[..., DynamicFrame], transformation_ctx: str = ""
    ) -> DynamicFrameCollection:
        """A collection of what `callable(frame, ctx)` makes of each frame. Raises TypeError."""
        from awsglue.dynamicframe import DynamicFrame

        made: dict[str, DynamicFrame] = {}
        for key, frame in self._frames.items():
            result = callable(frame, self._context(transformation_ctx, key))
            if not isinstance(result, DynamicFrame):
                raise TypeError(f"{callable!r} must return a DynamicFrame, not {type(result).__name__}")
            made[key] = result
        return DynamicFrameCollection(made, self._glue_ctx)

    def flatmap(self, f: Callable[..., Any], transformation_ctx: str = "") -> DynamicFrameCollection:
        """Like map, where `f` may give a collection too; its frames are named `<key>_<name>`. Raises TypeError."""
        from awsglue.dynamicframe import DynamicFrame

        made: dict[str, DynamicFrame] = {}
        for key, frame in self._frames.items():
            result = f(frame, self._context(transformation_ctx, key))
            if isinstance(result, DynamicFrame):
                made[key] = result
            elif isinstance(result, DynamicFrameCollection):
                for name, one in result.items():
                    made[f"{key}_{name}"] = one
            else:
                raise TypeError(
                    f"{f!r} must return a DynamicFrame or a collection, not {type(result).__name__}"
                )
        return DynamicFrameCollection(made, self._glue_ctx)

    @staticmethod
    def _context(transformation_ctx: str, key: str) -> str:
        return f"{transformation_ctx}:{key}" if transformation_ctx else ""
