"""Filter functions that are plain conditions, as SQL: `lambda r: r["a"] > 5 and r["b"] in ("x", "y")`.

The function's bytecode is followed with symbols in place of values. Whatever is not known here exactly, in Python's
meaning, makes the function run as Python; nothing is guessed. Python's meaning includes that comparing None by size is
a TypeError, which for Glue drops the record: so each condition has an SQL text for "true" and one for "false", and a
null is in neither of them.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.encoding import literal, member, quote
from awsglue._frames.records import DynamicRecord

STEPS = 400
_EXACT = 2**53
_SMALL = (g.ByteType, g.ShortType, g.IntegerType)
_FLOATS = (g.FloatType, g.DoubleType)
_SIZES = ("<", "<=", ">", ">=")
_TESTS = {
    "POP_JUMP_FORWARD_IF_FALSE": False,
    "POP_JUMP_FORWARD_IF_TRUE": True,
    "POP_JUMP_IF_FALSE": False,
    "POP_JUMP_IF_TRUE": True,
    "JUMP_IF_FALSE_OR_POP": False,
    "JUMP_IF_TRUE_OR_POP": True,
}
_NONE_TESTS = {
    "POP_JUMP_FORWARD_IF_NONE": True,
    "POP_JUMP_FORWARD_IF_NOT_NONE": False,
    "POP_JUMP_IF_NONE": True,
    "POP_JUMP_IF_NOT_NONE": False,
}
_IDLE = ("RESUME", "NOP", "CACHE", "COPY_FREE_VARS", "EXTENDED_ARG", "TO_BOOL", "NOT_TAKEN")


class Untranslatable(Exception):
    """Not a function that can be told in SQL."""


@dataclass(frozen=True)
class Record:
    """The function's argument."""


@dataclass(frozen=True)
class Value:
    """A field."""

    sql: str
    kind: g.DataType


@dataclass(frozen=True)
class Constant:
    value: Any


@dataclass(frozen=True)
class Condition:
    """SQL that is true exactly when Python's result is true, and SQL for when it is false."""

    true: str
    false: str


Symbol = Record | Value | Constant | Condition


@dataclass(frozen=True)
class Path:
    """One way through the function: where, with which stack and variables, under which conditions."""

    position: int
    stack: tuple[Symbol, ...]
    local: dict[str, Symbol]
    conditions: tuple[str, ...] = ()


def to_sql(function: Callable[..., Any], schema: g.StructType) -> str | None:
    """The rows that the function keeps, as an SQL condition; None when it has to run as Python."""
    if type(function) is not types.FunctionType:
        return None
    code = function.__code__
    plain = code.co_argcount == 1 and not code.co_kwonlyargcount and not code.co_flags & 0x2AC
    if not plain or getattr(code, "co_exceptiontable", None):
        return None
    try:
        return _Translation(function, schema).run()
    except Untranslatable:
        return None


class _Translation:
    def __init__(self, function: types.FunctionType, schema: g.StructType) -> None:
        self._schema = schema
        self._code = list(dis.get_instructions(function))
        self._offsets = {one.offset: position for position, one in enumerate(self._code)}
        self._globals = function.__globals__
        self._free = dict(
            zip(
                function.__code__.co_freevars,
                (cell.cell_contents for cell in function.__closure__ or ()),
                strict=True,
            )
        )
        self._argument = function.__code__.co_varnames[0]

    def run(self) -> str:
        """The condition. Raises Untranslatable."""
        paths = [Path(0, (), {self._argument: Record()})]
        kept: list[str] = []
        steps = 0
        while paths:
            steps += 1
            if steps > STEPS:
                raise Untranslatable
            found = self._step(paths.pop())
            if isinstance(found, str):
                kept.append(found)
            else:
                paths += found
        wanted = [one for one in kept if one != "false"]
        return " or ".join(f"({one})" for one in wanted) or "false"

    def _step(self, path: Path) -> list[Path] | str:
        """The paths after one instruction, or the condition under which a finished path keeps the record."""
        one = self._code[path.position]
        name = one.opname
        after = replace(path, position=path.position + 1)
        if name in _IDLE:
            return [after]
        if name in ("RETURN_VALUE", "RETURN_CONST"):
            result = Constant(one.argval) if name == "RETURN_CONST" else path.stack[-1]
            return " and ".join([*path.conditions, *_both(_truth(result))[0]]) or "true"
        if name in _TESTS:
            return self._fork(after, one, _truth(path.stack[-1]), _TESTS[name], "OR_POP" in name)
        if name in _NONE_TESTS:
            return self._fork(after, one, _is_none(path.stack[-1]), _NONE_TESTS[name], False)
        if name == "JUMP_FORWARD":
            return [replace(path, position=self._offsets[one.argval])]
        if name == "STORE_FAST":
            return [replace(after, stack=path.stack[:-1], local={**path.local, one.argval: path.stack[-1]})]
        if name == "POP_TOP":
            return [replace(after, stack=path.stack[:-1])]
        if name == "COPY":
            return [replace(after, stack=(*path.stack, path.stack[-one.arg]))]  # type: ignore[operator]
        if name == "SWAP":
            stack = list(path.stack)
            stack[-1], stack[-(one.arg or 1)] = stack[-(one.arg or 1)], stack[-1]
            return [replace(after, stack=tuple(stack))]
        if name == "UNARY_NOT":
            truth = _truth(path.stack[-1])
            return [replace(after, stack=(*path.stack[:-1], Condition(truth.false, truth.true)))]
        return self._value(one, after)

    def _value(self, one: dis.Instruction, path: Path) -> list[Path] | str:
        name, stack = one.opname, path.stack
        if name in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW"):
            if one.argval not in path.local:
                raise Untranslatable
            return [replace(path, stack=(*stack, path.local[one.argval]))]
        if name in ("LOAD_CONST", "LOAD_SMALL_INT"):
            return [replace(path, stack=(*stack, Constant(one.argval)))]
        if name == "LOAD_DEREF":
            if one.argval not in self._free:
                raise Untranslatable
            return [replace(path, stack=(*stack, _constant(self._free[one.argval])))]
        if name == "LOAD_GLOBAL" and one.argval in self._globals and not (one.arg or 0) & 1:
            return [replace(path, stack=(*stack, _constant(self._globals[one.argval])))]
        if name == "BINARY_SUBSCR":
            return self._item(path, stack[-2], stack[-1], 2)
        if name == "LOAD_ATTR" and isinstance(one.argval, str):
            if (
                hasattr(DynamicRecord, one.argval)
                or not isinstance(stack[-1], Record)
                or one.argval not in self._schema.field_map
            ):
                raise Untranslatable
            return self._item(path, stack[-1], Constant(one.argval), 1)
        if name in ("COMPARE_OP", "IS_OP", "CONTAINS_OP"):
            made = _operation(name, one, stack[-2], stack[-1])
            return [replace(path, stack=(*stack[:-2], made))]
        raise Untranslatable

    def _item(self, path: Path, holder: Symbol, key: Symbol, used: int) -> list[Path] | str:
        """A field of the record or of a struct. A missing one is a KeyError: the record is dropped."""
        if not isinstance(key, Constant) or not isinstance(key.value, str):
            raise Untranslatable
        rest = path.stack[:-used]
        if isinstance(holder, Record):
            field = self._schema.field_map.get(key.value)
            if field is None:
                return "false"
            return [replace(path, stack=(*rest, Value(quote(key.value), field.dataType)))]
        if not isinstance(holder, Value) or not isinstance(holder.kind, g.StructType):
            raise Untranslatable
        inner = holder.kind.field_map.get(key.value)
        if inner is None:
            return "false"
        # None["x"] is a TypeError: the record is dropped.
        there = (*path.conditions, f"{holder.sql} is not null")
        return [
            replace(
                path, stack=(*rest, Value(member(holder.sql, key.value), inner.dataType)), conditions=there
            )
        ]

    def _fork(self, path: Path, one: dis.Instruction, test: Condition, when: bool, keeps: bool) -> list[Path]:
        target = self._offsets.get(one.argval)
        if target is None or target < path.position:
            raise Untranslatable
        yes, no = _both(test)
        jump, stay = (yes, no) if when else (no, yes)
        jumped = replace(
            path,
            position=target,
            stack=path.stack if keeps else path.stack[:-1],
            conditions=(*path.conditions, *jump),
        )
        stayed = replace(path, stack=path.stack[:-1], conditions=(*path.conditions, *stay))
        return [two for two in (jumped, stayed) if "false" not in two.conditions]


def _both(condition: Condition) -> tuple[list[str], list[str]]:
    """What to add to a path's conditions for true and for false; nothing where it is always so."""
    return (
        [] if condition.true == "true" else [condition.true],
        [] if condition.false == "true" else [condition.false],
    )


def _constant(value: Any) -> Constant:
    if value is None or type(value) in (str, int, float, bool, tuple, frozenset, list, set):
        return Constant(value)
    raise Untranslatable


def _always(value: bool) -> Condition:
    return Condition("true", "false") if value else Condition("false", "true")


def _plain(sql: str) -> Condition:
    """A condition that is never null."""
    return Condition(sql, f"not ({sql})")


def _truth(symbol: Symbol) -> Condition:
    if isinstance(symbol, Condition):
        return symbol
    if isinstance(symbol, Constant):
        return _always(bool(symbol.value))
    if isinstance(symbol, Value):
        if isinstance(symbol.kind, g.StringType):
            return _plain(f"coalesce({symbol.sql} <> '', false)")
        if isinstance(symbol.kind, g.BooleanType):
            return _plain(f"coalesce({symbol.sql}, false)")
        if isinstance(symbol.kind, (*_SMALL, g.LongType, *_FLOATS)):
            return _plain(f"coalesce({symbol.sql} <> 0, false)")
    raise Untranslatable


def _is_none(symbol: Symbol) -> Condition:
    if isinstance(symbol, Constant):
        return _always(symbol.value is None)
    if isinstance(symbol, Value) and not isinstance(symbol.kind, g.ChoiceType):
        return Condition(f"{symbol.sql} is null", f"{symbol.sql} is not null")
    raise Untranslatable


def _operation(name: str, one: dis.Instruction, left: Symbol, right: Symbol) -> Condition:
    if name == "IS_OP":
        if not isinstance(right, Constant) or right.value is not None:
            raise Untranslatable
        made = _is_none(left)
    elif name == "CONTAINS_OP":
        made = _contained(left, right)
    else:
        return _comparison(str(one.argval).removeprefix("bool(").removesuffix(")"), left, right)
    return Condition(made.false, made.true) if one.arg else made


def _comparison(operator: str, left: Symbol, right: Symbol) -> Condition:
    if isinstance(left, Constant) and isinstance(right, Value):
        turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
        return _comparison(turned.get(operator, operator), right, left)
    if not isinstance(left, Value):
        raise Untranslatable
    if operator in ("==", "!="):
        made = _equal(left, right)
        return made if operator == "==" else Condition(made.false, made.true)
    if operator not in _SIZES:
        raise Untranslatable
    other = _comparable(left, right)
    if other is None:
        raise Untranslatable
    sql = f"{left.sql} {operator} {other}"
    for symbol in (left, right):
        # Spark holds NaN to be the largest number; in Python every comparison with it is false.
        if isinstance(symbol, Value) and isinstance(symbol.kind, _FLOATS):
            sql += f" and not isnan({symbol.sql})"
    nulls = f"{left.sql} is not null" + (f" and {right.sql} is not null" if isinstance(right, Value) else "")
    return Condition(f"{nulls} and {sql}", f"{nulls} and not ({sql})")


def _equal(left: Value, right: Symbol) -> Condition:
    if isinstance(right, Constant) and right.value is None:
        return _is_none(left)
    other = _comparable(left, right)
    if other is None or (isinstance(right, Value) and isinstance(left.kind, _FLOATS)):
        raise Untranslatable
    if isinstance(right, Value):
        return _plain(f"{left.sql} <=> {other}")
    return _plain(f"coalesce({left.sql} = {other}, false)")


def _comparable(left: Value, right: Symbol) -> str | None:
    """The right side's SQL if SQL compares the two just as Python does."""
    if isinstance(right, Value):
        numbers = (*_SMALL, g.LongType)
        same = type(left.kind) is type(right.kind) and isinstance(
            left.kind, (g.StringType, *numbers, *_FLOATS)
        )
        return (
            right.sql
            if same or (isinstance(left.kind, numbers) and isinstance(right.kind, numbers))
            else None
        )
    if not isinstance(right, Constant):
        return None
    value = right.value
    if isinstance(left.kind, g.StringType):
        return literal(value) if type(value) is str and _sql_text(value) else None
    if isinstance(left.kind, (*_SMALL, g.LongType)) and type(value) is int and abs(value) < 2**63:
        return f"{value}L" if abs(value) >= 2**31 else str(value)
    exact = type(value) in (int, float) and value == value and abs(value) < _EXACT
    if exact and (
        isinstance(left.kind, g.DoubleType) or (isinstance(left.kind, _SMALL) and type(value) is float)
    ):
        return f"{float(value)!r}D"
    return None


def _sql_text(value: str) -> bool:
    """Whether the text is the same in an SQL literal on every engine."""
    return value.isprintable() and "\\" not in value


def _contained(left: Symbol, right: Symbol) -> Condition:
    if (
        isinstance(left, Value)
        and isinstance(right, Constant)
        and isinstance(right.value, tuple | frozenset | list | set)
    ):
        kind: Any = str if isinstance(left.kind, g.StringType) else int
        if not isinstance(left.kind, (g.StringType, *_SMALL, g.LongType)) or any(
            type(one) is not kind for one in right.value
        ):
            raise Untranslatable
        options = [_comparable(left, Constant(one)) for one in right.value]
        if None in options:
            raise Untranslatable
        return (
            _plain(f"coalesce({left.sql} in ({', '.join(map(str, options))}), false)")
            if options
            else _always(False)
        )
    if (
        isinstance(left, Constant)
        and type(left.value) is str
        and isinstance(right, Value)
        and isinstance(right.kind, g.StringType)
    ):
        if not left.value or not _sql_text(left.value):
            raise Untranslatable
        sql = f"instr({right.sql}, {literal(left.value)}) > 0"
        return Condition(f"{right.sql} is not null and {sql}", f"{right.sql} is not null and not ({sql})")
    raise Untranslatable
