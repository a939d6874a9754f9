"""Python source from values: literals, calls, and what the generators of node kinds have in common. Pure functions."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mastic.glue.jobs.codegen.graph import Node

WIDTH = 110


@dataclass(frozen=True, kw_only=True)
class Code:
    """What a node adds to a script: ``lines``, and the names of ``snippets.SNIPPETS`` that they use.

    ``last`` comes after all nodes' lines, so after what they write.
    ``stream``: the frame is a stream of micro-batches, so what follows belongs into a function for each of them.
    """

    lines: list[str]
    needs: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    stream: Mapping[str, str] = field(default_factory=dict)


Generator = Callable[[Node], Code]


def call(function: str, *positional: str, **named: str | None) -> str:
    """A call; arguments are source text, None leaves one out."""
    arguments = [*positional, *(f"{name}={text}" for name, text in named.items() if text is not None)]
    one_line = f"{function}({', '.join(arguments)})"
    if len(one_line) <= WIDTH and "\n" not in one_line:
        return one_line
    inner = "".join(f"    {_indented(argument)},\n" for argument in arguments)
    return f"{function}(\n{inner})"


def literal(value: Any) -> str:
    """A value as source text."""
    if isinstance(value, Mapping):
        entries = [f"{literal(key)}: {literal(item)}" for key, item in value.items() if item is not None]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, (list, tuple)):
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return opening + ", ".join(literal(item) for item in value) + comma + closing
    if isinstance(value, str):
        return quoted(value)
    return repr(value)


def is_name(text: str) -> bool:
    """Whether Python takes this as a name."""
    return text.isidentifier() and not keyword.iskeyword(text)


def quoted(text: str) -> str:
    """A string, in double quotes where they do."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in text and "\\'" not in plain else plain


def path(steps: Sequence[str]) -> str:
    """A field's path as the transforms take it: dots between steps, back quotes around those that have dots."""
    return ".".join(f"`{step}`" if "." in step else step for step in steps)


def assigned(node: Node, expression: str, *needs: str) -> Code:
    """``variable = expression``"""
    return Code(lines=[f"{node.variable} = {expression}"], needs=needs)


def context(node: Node) -> str:
    """The transformation context: the node's name, which bookmarks go by."""
    return literal(node.variable)


def switch(value: Any) -> Any:
    """Options of Glue are texts: true is "true"."""
    return str(value).lower() if isinstance(value, bool) else value


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
