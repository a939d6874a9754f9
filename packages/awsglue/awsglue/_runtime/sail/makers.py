"""Expressions made of others, as SQL text or as Connect protobufs: rewrites are written once for both. No state."""

from __future__ import annotations

from typing import Any, Protocol


class Maker(Protocol):
    """Makes expressions of one kind."""

    def call(self, name: str, *arguments: Any) -> Any:
        """A function of these arguments."""

    def cast(self, value: Any, kind: str) -> Any:
        """CAST(value AS kind)."""

    @property
    def windowed(self) -> bool:
        """Whether aggregates are those of a window."""

    def literal(self, value: str | int | None) -> Any:
        """A text, a number, a truth value, or NULL."""

    def when(self, condition: Any, value: Any, otherwise: Any = None) -> Any:
        """CASE WHEN condition THEN value ELSE otherwise END; NULL without the last."""


_SIGNS = frozenset("+ - * / < > <= >= = and or rlike".split())


class TextMaker:
    """SQL text. `behind` is what stands behind every aggregate: the window's OVER (…), or nothing."""

    def __init__(self, behind: str = "") -> None:
        self._behind = behind

    @property
    def windowed(self) -> bool:
        return self._behind != ""

    def call(self, name: str, *arguments: Any) -> str:
        if name in _SIGNS and len(arguments) == 2:
            return f"({arguments[0]} {name.upper()} {arguments[1]})"
        if name == "not":
            return f"(NOT {arguments[0]})"
        return f"{name}({', '.join(arguments)})"

    def aggregate(self, name: str, *arguments: Any) -> str:
        return self.call(name, *arguments) + self._behind

    def cast(self, value: Any, kind: str) -> str:
        return f"CAST({value} AS {kind})"

    def literal(self, value: str | int | None) -> str:
        if value is None:
            return "NULL"
        return (
            str(value)
            if isinstance(value, int)
            else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        )

    def when(self, condition: Any, value: Any, otherwise: Any = None) -> str:
        behind = "" if otherwise is None else f" ELSE {otherwise}"
        return f"CASE WHEN {condition} THEN {value}{behind} END"


class PlanMaker:
    """Connect protobufs. `window` is the specification that stands behind every aggregate."""

    def __init__(self, window: Any = None) -> None:
        self._window = window

    @property
    def windowed(self) -> bool:
        return self._window is not None

    def call(self, name: str, *arguments: Any) -> Any:
        from pyspark.sql.connect import proto

        made = proto.Expression()
        made.unresolved_function.function_name = "==" if name == "=" else name
        made.unresolved_function.arguments.extend(arguments)
        return made

    def aggregate(self, name: str, *arguments: Any) -> Any:
        from pyspark.sql.connect import proto

        made = self.call(name, *arguments)
        if self._window is None:
            return made
        over = proto.Expression()
        over.window.CopyFrom(self._window)
        over.window.window_function.CopyFrom(made)
        return over

    def cast(self, value: Any, kind: str) -> Any:
        from awsglue._runtime.sail import plans

        return plans.cast(value, kind)

    def literal(self, value: str | int | None) -> Any:
        from pyspark.sql.connect import proto

        made = proto.Expression()
        if value is None:
            made.literal.null.null.SetInParent()
        elif isinstance(value, bool):
            made.literal.boolean = value
        elif isinstance(value, int):
            made.literal.integer = value
        else:
            made.literal.string = value
        return made

    def when(self, condition: Any, value: Any, otherwise: Any = None) -> Any:
        return self.call("when", condition, value, *([] if otherwise is None else [otherwise]))
