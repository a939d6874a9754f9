"""Expressions made of others, as SQL text or as Connect protobufs: rewrites are written once for both. No state."""

from __future__ import annotations

import re
from typing import Any, Protocol


class Maker(Protocol):
    """Makes expressions of one kind."""

    def call(self, name: str, *arguments: Any) -> Any:
        """A function of these arguments."""

    def python(self, name: str, *arguments: Any) -> Any:
        """One of Spark's functions, made by one of ours in Python."""

    def cast(self, value: Any, kind: str) -> Any:
        """CAST(value AS kind)."""

    @property
    def windowed(self) -> bool:
        """Whether aggregates are those of a window."""

    @property
    def moving(self) -> tuple[int, int] | bool:
        """(first, last) row of a frame that moves with its row, True for other such frames; False for all else."""

    def shifted(self, value: Any, rows: int) -> Any:
        """The value of the row so many rows further on in the window."""

    def try_cast(self, value: Any, kind: str) -> Any:
        """TRY_CAST(value AS kind)."""

    def literal(self, value: str | int | None) -> Any:
        """A text, a number, a truth value, or NULL."""

    def when(self, condition: Any, value: Any, otherwise: Any = None) -> Any:
        """CASE WHEN condition THEN value ELSE otherwise END; NULL without the last."""


_SIGNS = frozenset("+ - * / < > <= >= = and or rlike".split())


_BOUND = r"(?:UNBOUNDED|CURRENT|\S+)\s+(?:PRECEDING|FOLLOWING|ROW)"
_FRAME = re.compile(
    rf"\b(?P<unit>ROWS|RANGE)\s+(?:BETWEEN\s+(?P<first>{_BOUND})\s+AND\s+(?P<last>{_BOUND})|(?P<only>{_BOUND}))",
    re.IGNORECASE,
)


def _place(bound: str) -> int | None:
    """How many rows further on a bound of rows is; None where that is no number."""
    number, side = bound.upper().split()
    if number == "CURRENT":
        return 0
    if not number.isdigit():
        return None
    return int(number) if side == "FOLLOWING" else -int(number)


def _row(side: Any) -> int | None:
    """How many rows further on a bound of rows is; None where that is no number."""
    if side.current_row:
        return 0
    kind = side.value.literal.WhichOneof("literal_type") if side.HasField("value") else None
    return int(getattr(side.value.literal, kind)) if kind in ("integer", "long") else None


def _json_path() -> Any:
    from awsglue._runtime.io import json_paths

    return json_paths.column


# Spark's functions that ours in Python make; they answer texts.
_IN_PYTHON = {"get_json_object": _json_path}


def _java_text(name: str) -> Any:
    """Double.toString or Float.toString; row by row, as a batch could not tell a null from NaN."""
    from pyspark.sql.connect.functions import udf

    from awsglue._runtime.io import texts

    convert = getattr(texts, name)
    return udf(lambda value: None if value is None else convert(value), "string")


def _in_python(name: str) -> Any:
    """The function, which is called with batches, or with values."""
    import warnings

    if name in ("java_double", "java_float"):
        return _java_text(name)

    from pyspark.sql.connect.functions import pandas_udf
    from pyspark.sql.pandas.functions import PandasUDFType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pandas_udf(_IN_PYTHON[name](), "string", PandasUDFType.SCALAR)


class TextMaker:
    """SQL text. `behind` is what stands behind every aggregate: the window's OVER (…), or nothing."""

    def __init__(self, behind: str = "", text: str = "") -> None:
        self._behind = behind
        # What a window's name stands for, in the statement's text.
        name = behind.strip().partition(" ")[2].strip()
        named = re.search(rf"\b{re.escape(name)}\s+AS\s*(\((?:[^()]|\([^()]*\))*\))", text, re.IGNORECASE)
        self._window = f" OVER {named[1]}" if named and "(" not in behind else behind

    @property
    def windowed(self) -> bool:
        return self._behind != ""

    @property
    def moving(self) -> tuple[int, int] | bool:
        frame = _FRAME.search(self._window)
        if frame is None:
            # What a name stands for that is not found may be any frame.
            return self.windowed and "(" not in self._window
        first, last = frame["first"] or frame["only"], frame["last"] or "CURRENT ROW"
        if first.split()[0].upper() == "UNBOUNDED":
            return False
        bounds = [_place(bound) for bound in (first, last)]
        if frame["unit"].upper() != "ROWS" or None in bounds:
            return True
        return int(bounds[0] or 0), int(bounds[1] or 0)

    def shifted(self, value: Any, rows: int) -> str:
        over = _FRAME.sub("", self._window)
        return f"{'lead' if rows > 0 else 'lag'}({value}, {abs(rows)}){over}" if rows else str(value)

    def call(self, name: str, *arguments: Any) -> str:
        if name in _SIGNS and len(arguments) == 2:
            return f"({arguments[0]} {name.upper()} {arguments[1]})"
        if name == "not":
            return f"(NOT {arguments[0]})"
        return f"{name}({', '.join(arguments)})"

    def aggregate(self, name: str, *arguments: Any) -> str:
        return self.call(name, *arguments) + self._behind

    def python(self, name: str, *arguments: Any) -> str:
        from awsglue._runtime import engine

        session: Any = engine.get_or_create_session()
        ours = f"__mastic_{name}"
        if not hasattr(session, ours):
            session.udf.register(ours, _in_python(name))
            setattr(session, ours, True)
        return self.call(ours, *arguments)

    def cast(self, value: Any, kind: str) -> str:
        return f"CAST({value} AS {kind})"

    def try_cast(self, value: Any, kind: str) -> str:
        return f"TRY_CAST({value} AS {kind})"

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

    @property
    def moving(self) -> tuple[int, int] | bool:
        frame = None if self._window is None else self._window.frame_spec
        if frame is None or not frame.HasField("lower") or frame.lower.unbounded:
            return False
        bounds = [_row(side) for side in (frame.lower, frame.upper)]
        if frame.frame_type != frame.FRAME_TYPE_ROW or None in bounds:
            return True
        return int(bounds[0] or 0), int(bounds[1] or 0)

    def shifted(self, value: Any, rows: int) -> Any:
        from pyspark.sql.connect import proto

        if not rows:
            return value
        over = proto.Expression()
        over.window.CopyFrom(self._window)
        over.window.ClearField("frame_spec")
        other = self.call("lead" if rows > 0 else "lag", value, self.literal(abs(rows)))
        over.window.window_function.CopyFrom(other)
        return over

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

    def python(self, name: str, *arguments: Any) -> Any:
        from pyspark.sql.connect import functions as fn

        from awsglue._runtime import engine

        client = engine.get_or_create_session().client  # type: ignore[attr-defined]
        made = _in_python(name)(*(fn.lit(None) for _ in arguments)).to_plan(client)
        for given, argument in zip(
            made.common_inline_user_defined_function.arguments, arguments, strict=True
        ):
            given.CopyFrom(argument)
        return made

    def cast(self, value: Any, kind: str) -> Any:
        from awsglue._runtime.client import plans

        return plans.cast(value, kind)

    def try_cast(self, value: Any, kind: str) -> Any:
        made = self.cast(value, kind)
        made.cast.eval_mode = made.cast.EVAL_MODE_TRY
        return made

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
