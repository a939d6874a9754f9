"""GlueTransform, the base of all transforms, and the functions that list them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

_TAIL = {
    "transformation_ctx": "A unique string that identifies this transform",
    "info": "Any string to be associated with errors in this transform",
    "stageThreshold": "Maximum number of errors in this transform before it fails; 0: no limit",
    "totalThreshold": "Maximum number of errors up to and in this transform before it fails; 0: no limit",
}


class GlueTransform:
    """A transform: an object that is called with a frame. `X.apply(...)` is `X()(...)`."""

    transformation: ClassVar[str] = ""
    arguments: ClassVar[dict[str, str]] = {}
    returns: ClassVar[str] = "A new DynamicFrame"
    errors: ClassVar[list[str]] = []

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the transform and call it."""
        transform: Callable[..., Any] = cls()  # type: ignore[assignment]
        return transform(*args, **kwargs)

    @classmethod
    def name(cls) -> str:
        """The transform's name."""
        return cls.__name__

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """Name, type, description, optionality and default of each argument."""
        import inspect

        signature = inspect.signature(cls.__call__)
        described = []
        for parameter in list(signature.parameters.values())[1:]:
            required = parameter.default is inspect.Parameter.empty
            described.append(
                {
                    "name": parameter.name,
                    "type": str(parameter.annotation),
                    "description": cls.arguments.get(parameter.name) or _TAIL.get(parameter.name, ""),
                    "optional": not required,
                    "defaultValue": None if required else parameter.default,
                }
            )
        return described

    @classmethod
    def describeReturn(cls) -> dict[str, str]:
        """What the transform returns."""
        return {"type": "DynamicFrame", "description": cls.returns}

    @classmethod
    def describeTransform(cls) -> str:
        """One line on what the transform does."""
        return (cls.__doc__ or "").strip().splitlines()[0] if cls.__doc__ else ""

    @classmethod
    def describeErrors(cls) -> list[str]:
        """What it raises."""
        return list(cls.errors)

    @classmethod
    def describe(cls) -> dict[str, Any]:
        """All of it."""
        return {
            "transform": {
                "name": cls.name(),
                "args": cls.describeArgs(),
                "returns": cls.describeReturn(),
                "description": cls.describeTransform(),
                "raises": cls.describeErrors(),
            }
        }


def _all(cls: type[GlueTransform]) -> list[type[GlueTransform]]:
    found = []
    for sub in cls.__subclasses__():
        found.append(sub)
        found += _all(sub)
    return found


def get_transforms() -> list[type[GlueTransform]]:
    """Every transform, by name."""
    return sorted(
        {one for one in _all(GlueTransform) if not one.__name__.startswith("_")}, key=lambda one: one.__name__
    )


def get_transform(name: str) -> type[GlueTransform]:
    """The transform of this name. Raises ValueError."""
    for transform in get_transforms():
        if transform.name() == name:
            return transform
    raise ValueError(f"there is no transform {name!r}")


def describe_transform(name: str) -> dict[str, Any]:
    """The description of the transform of this name. Raises ValueError."""
    return get_transform(name).describe()
