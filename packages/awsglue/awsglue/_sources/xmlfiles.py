"""XML files: every element named by rowTag is a record."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

from awsglue._runtime.io.storage import Storage
from awsglue._sources.request import truth
from awsglue._sources.texts import read_bytes

_INTEGER = re.compile(r"[+-]?\d{1,18}\Z")
_DOUBLE = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?\Z")


def records(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
    """The records of one file. Raises ValueError without rowTag."""
    tag = options.get("rowTag")
    if not tag:
        raise ValueError("format xml needs the format option rowTag")
    raw = read_bytes(storage, path, options)
    encoding = options.get("encoding")
    parser = ElementTree.XMLParser(encoding=encoding) if encoding else None
    depth = 0
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(raw), events=("start", "end"), parser=parser):
            if _local(element.tag) != tag:
                continue
            depth += 1 if event == "start" else -1
            # One within another of its name is a part of it.
            if event == "end" and not depth:
                value = _value(element, options)
                yield value if isinstance(value, dict) else {options.get("valueTag", "_VALUE"): value}
                element.clear()
    except ElementTree.ParseError as error:
        yield ValueError(f"Unable to parse xml in {path}: {error}")


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _value(element: ElementTree.Element, options: dict[str, Any]) -> Any:
    members: dict[str, Any] = {}
    if not truth(options.get("excludeAttribute")):
        prefix = options.get("attributePrefix", "_")
        for name, text in element.attrib.items():
            members[prefix + _local(name)] = _scalar(text, options)
    for child in element:
        name, value = _local(child.tag), _value(child, options)
        if name in members:
            if not isinstance(members[name], list):
                members[name] = [members[name]]
            members[name].append(value)
        else:
            members[name] = value
    text = element.text if element.text is not None else ""
    if not members:
        return _scalar(text, options)
    if text.strip():
        members[options.get("valueTag", "_VALUE")] = _scalar(text, options)
    return members


def _scalar(text: str, options: dict[str, Any]) -> Any:
    shown = text.strip() if truth(options.get("ignoreSurroundingSpaces")) else text
    core = text.strip()
    if core == "":
        return None if truth(options.get("treatEmptyValuesAsNulls")) or text == "" else shown
    if core in ("true", "false"):
        return core == "true"
    if _INTEGER.match(core):
        return int(core)
    if _DOUBLE.match(core):
        return float(core)
    return shown
