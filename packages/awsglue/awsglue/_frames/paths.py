"""Field paths as Glue writes them: `a.b`, `` `a.b`.c `` for names with dots, `list[].price` for array elements."""

from __future__ import annotations

ELEMENT = "[]"


class PathError(ValueError):
    """The text is not a field path."""


def parse(path: str) -> tuple[str, ...]:
    """The steps of a path; an array element is the step "[]". Raises PathError."""
    if not isinstance(path, str):
        raise TypeError(f"a field path is a string, not {type(path).__name__}")
    steps: list[str] = []
    position = 0
    while position < len(path):
        if path[position] == "`":
            end = path.find("`", position + 1)
            if end < 0:
                raise PathError(f"back-tick without its partner in path {path!r}")
            steps.append(path[position + 1 : end])
            position = end + 1
        else:
            end = position
            while end < len(path) and path[end] != "." and not path.startswith(ELEMENT, end):
                end += 1
            steps.append(path[position:end])
            position = end
        while path.startswith(ELEMENT, position):
            steps.append(ELEMENT)
            position += len(ELEMENT)
        if position < len(path):
            if path[position] != ".":
                raise PathError(f"unexpected {path[position]!r} in path {path!r}")
            position += 1
            if position == len(path):
                raise PathError(f"path {path!r} ends with a dot")
    if not steps or any(step == "" for step in steps):
        raise PathError(f"path {path!r} has an empty name")
    return tuple(steps)


def parse_name(path: str) -> tuple[str, ...]:
    """Like parse, but a text that is no path (`.id`, the name a join gives) is one literal name."""
    try:
        return parse(path)
    except PathError:
        return (path.strip("`"),)


def text(steps: tuple[str, ...]) -> str:
    """The path of these steps, back-ticked where needed."""
    shown = ""
    for step in steps:
        if step == ELEMENT:
            shown += step
            continue
        shown += ("." if shown else "") + (f"`{step}`" if "." in step or step.endswith(ELEMENT) else step)
    return shown


def as_list(paths: str | list[str] | tuple[str, ...]) -> list[tuple[str, ...]]:
    """Parsed paths of one path or several."""
    if isinstance(paths, str):
        paths = [paths]
    return [parse_name(path) for path in paths]
