"""What a target gets of an event: all of it, a part, a constant, or a template filled in. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from mastic.errors import ServiceError

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(?:'([^']+)'|"([^"]+)"|(\d+))\]""")
_VARIABLE = re.compile(r"<([A-Za-z0-9_.\-]+)>")


def render(target: Mapping[str, Any], event: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    """The text that the target gets. ``facts`` are the values of ``<aws.events.…>``."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = lookup(target["InputPath"], event)
        return orjson.dumps(found).decode()
    if "InputTransformer" in target:
        return _transform(target["InputTransformer"], event, facts)
    return orjson.dumps(event).decode()


def lookup(path: str, event: Any) -> Any:
    """The value at a JSON path such as ``$.detail.items[0]['name']``; None when there is none."""
    value = event
    for step in _STEP.finditer(path[1:]):
        name, quoted, double, index = step.groups()
        if index is not None:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        else:
            value = value.get(name or quoted or double) if isinstance(value, dict) else None
    return value


def check_path(path: str) -> None:
    """Refuse what is no JSON path of the kind that EventBridge knows."""
    if not path.startswith("$") or _STEP.sub("", path[1:]):
        raise ServiceError(
            "InvalidEventPatternException", f"Reason: InputPath for target is not a valid JSON path: {path}"
        )


def check(target: Mapping[str, Any]) -> None:
    """Refuse a target whose input cannot be made."""
    given = [member for member in ("Input", "InputPath", "InputTransformer") if member in target]
    if len(given) > 1:
        raise ServiceError(
            "ValidationException",
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}.",
        )
    if "Input" in target:
        try:
            orjson.loads(target["Input"])
        except orjson.JSONDecodeError:
            raise ServiceError(
                "ValidationException", f"JSON syntax error in input for target {target['Id']}"
            ) from None
    if "InputPath" in target:
        check_path(target["InputPath"])
    if "InputTransformer" in target:
        _check_transformer(target)


def _check_transformer(target: Mapping[str, Any]) -> None:
    transformer = target["InputTransformer"]
    paths = transformer.get("InputPathsMap", {})
    for path in paths.values():
        check_path(path)
    template = transformer["InputTemplate"]
    for name in _VARIABLE.findall(template):
        if name not in paths and not name.startswith("aws.events."):
            raise ServiceError(
                "ValidationException",
                f"InputTemplate for target {target['Id']} contains placeholder <{name}> that is not in "
                "InputPathsMap",
            )
    filled = _fill(template, dict.fromkeys(_VARIABLE.findall(template), 1))
    if not _is_json(filled) and not all(_is_json(line) for line in filled.splitlines() if line.strip()):
        raise ServiceError(
            "ValidationException", f"Invalid InputTemplate for target {target['Id']} : it is no valid JSON"
        )


def _transform(transformer: Mapping[str, Any], event: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    values: dict[str, Any] = {
        name: lookup(path, event) for name, path in transformer.get("InputPathsMap", {}).items()
    }
    values |= {f"aws.events.{name}": value for name, value in facts.items()}
    values["aws.events.event"] = {k: v for k, v in event.items() if k != "detail"}
    values["aws.events.event.json"] = dict(event)
    return _fill(transformer["InputTemplate"], values)


def _fill(template: str, values: Mapping[str, Any]) -> str:
    """Put values in: inside a quoted text without quotes of their own, elsewhere as JSON."""
    result, last, quoted = [], 0, False
    for found in _VARIABLE.finditer(template):
        between = template[last : found.start()]
        quoted ^= len(re.findall(r'(?<!\\)"', between)) % 2 == 1
        value = values.get(found[1])
        text = "" if value is None and quoted else orjson.dumps(value).decode()
        if quoted and value is not None:
            inner = value if isinstance(value, str) else text
            text = orjson.dumps(inner).decode()[1:-1]
        result += [between, text]
        last = found.end()
    return "".join([*result, template[last:]])


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
