"""ResolveOption: how one path is resolved when a DynamicFrame becomes a DataFrame."""

from __future__ import annotations

from typing import Any


class ResolveOption:
    """`path` is resolved by `action` ("Project" to the type `target`, or "KeepAsStruct")."""

    def __init__(self, path: str, action: str, target: Any = None) -> None:
        self.path = path
        self.action = action
        self.target = target

    def choice_action(self) -> str:
        """The action as resolveChoice spells it. Raises Exception for another action without a target."""
        from awsglue import gluetypes as g
        from awsglue._frames.encoding import ddl

        if self.action == "KeepAsStruct":
            return "make_struct"
        if self.target is None:
            raise Exception(f"Target type needs to be specified for action {self.action!r} on {self.path!r}")
        if self.action != "Project":
            raise ValueError(f"Invalid action {self.action!r} for ResolveOption: Project or KeepAsStruct")
        kind = self.target() if isinstance(self.target, type) else self.target
        if isinstance(kind, g.DataType):
            return f"project:{ddl(kind)}"
        return f"project:{kind.simpleString() if hasattr(kind, 'simpleString') else kind}"
