"""XML documents ↔ values of a shape, for rest-xml, query and ec2.

Owns compiled codecs. Reading refuses document type declarations, so that no entity is ever expanded.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape

from mastic.errors import ServiceError
from mastic.wire.protocols import timestamps

Element = ElementTree.Element
Reader = Callable[[Element], Any]
Writer = Callable[[list[str], str, Any], None]

_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_SPECIAL = re.compile('[&<>"\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff\r]')
_UNHOLDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAMES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def malformed() -> ServiceError:
    """What S3 answers to a document it cannot read."""
    return ServiceError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
        status=400,
    )


def escape(text: str) -> str:
    """Text safe inside an element or attribute; control characters become character references, as S3 does."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda m: _NAMES.get(m[0]) or f"&#x{ord(m[0]):X};", text)


def legible(text: str) -> str:
    """Text for error documents: what XML cannot hold becomes U+FFFD, so that every client can read the error."""
    return _UNHOLDABLE.sub("\ufffd", text)


def parse(body: bytes) -> Element:
    """The root element. Raises MalformedXML."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise malformed() from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise malformed()
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        raise malformed() from None


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def _attribute_key(name: str) -> str:
    prefix, _, rest = name.partition(":")
    return _SCHEMA_INSTANCE + rest if prefix == "xsi" else name


class Readers:
    """Element → Python value, compiled once per shape."""

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {}
        # Held while a structure and all its parts are compiled: no thread may meet one that is half made.
        self._lock = threading.RLock()

    def reader(self, shape: Shape) -> Reader:
        """The reader of a shape. The readers raise MalformedXML."""
        if isinstance(shape, StructureShape):
            with self._lock:
                return self._readers.get(shape.name) or self.structure(shape, shape.members)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        return _scalar(shape)

    def structure(self, shape: StructureShape, members: Mapping[str, Shape]) -> Reader:
        """The reader of a structure, or of those of its members that a body carries."""
        fields: dict[str, tuple[str, Reader]] = {}
        flattened: dict[str, tuple[str, Reader, bool]] = {}
        attributes: dict[str, tuple[str, Reader]] = {}

        def read(element: Element) -> Any:
            out: dict[str, Any] = {}
            for key, (name, convert) in attributes.items():
                if key in element.attrib:
                    holder = Element(key)
                    holder.text = element.attrib[key]
                    out[name] = convert(holder)
            for child in element:
                tag = local(child.tag) if isinstance(child.tag, str) else ""
                if tag in fields:
                    name, convert = fields[tag]
                    out[name] = convert(child)
                elif tag in flattened:
                    name, convert, is_map = flattened[tag]
                    if is_map:
                        out.setdefault(name, {}).update(convert(child))
                    else:
                        out.setdefault(name, []).append(convert(child))
            return out

        if members is shape.members:
            self._readers[shape.name] = read
        for name, member in members.items():
            tag = str(member.serialization.get("name", name))
            if member.serialization.get("xmlAttribute"):
                attributes[_attribute_key(tag)] = (name, self.reader(member))
            elif member.serialization.get("flattened") and isinstance(member, (ListShape, MapShape)):
                entry = self._entry(member) if isinstance(member, MapShape) else self.reader(member.member)
                flattened[tag] = (name, entry, isinstance(member, MapShape))
                if isinstance(member, ListShape) and "name" in member.member.serialization:
                    flattened[member.member.serialization["name"]] = flattened[tag]
            else:
                fields[tag] = (name, self.reader(member))
        return read

    def _list(self, shape: ListShape) -> Reader:
        convert: Reader | None = None

        def read(element: Element) -> Any:
            nonlocal convert
            if convert is None:
                convert = self.reader(shape.member)
            return [convert(child) for child in element]

        return read

    def _entry(self, shape: MapShape) -> Reader:
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        convert: Reader | None = None

        def read(element: Element) -> Any:
            nonlocal convert
            if convert is None:
                convert = self.reader(shape.value)
            parts = {local(child.tag): child for child in element if isinstance(child.tag, str)}
            if key_name not in parts or value_name not in parts:
                raise malformed()
            return {parts[key_name].text or "": convert(parts[value_name])}

        return read

    def _map(self, shape: MapShape) -> Reader:
        entry = self._entry(shape)

        def read(element: Element) -> Any:
            out: dict[str, Any] = {}
            for child in element:
                out.update(entry(child))
            return out

        return read


def _scalar(shape: Shape) -> Reader:
    kind = shape.type_name

    def read(element: Element) -> Any:
        text = element.text or ""
        if kind in ("string", "character"):
            return text
        try:
            if kind == "boolean":
                return {"true": True, "false": False, "1": True, "0": False}[text.strip().lower()]
            if kind in ("integer", "long"):
                return int(text)
            if kind in ("float", "double"):
                return float(text)
            if kind == "timestamp":
                return timestamps.parse(text)
            return base64.b64decode(text, validate=True)
        except (ValueError, KeyError, binascii.Error):
            raise malformed() from None

    return read


class Writers:
    """Python value → XML text, compiled once per shape. ``iso`` writes timestamps without a format."""

    def __init__(self, iso: Callable[[Any], str] = timestamps.to_iso) -> None:
        self._iso = iso
        self._writers: dict[str, Writer] = {}
        self._lock = threading.RLock()

    def writer(self, shape: Shape) -> Writer:
        """Writes ``<name>value</name>`` to a list of strings."""
        if isinstance(shape, StructureShape):
            key = f"{shape.name}|{_namespace(shape)}"
            with self._lock:
                return self._writers.get(key) or self._structure(shape, key)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        text = self.text(shape)

        def write(out: list[str], name: str, value: Any) -> None:
            out.append(f"<{name}>{escape(text(value))}</{name}>")

        return write

    def text(self, shape: Shape) -> Callable[[Any], str]:
        """Python scalar → text."""
        kind = shape.type_name
        if kind == "boolean":
            return lambda value: "true" if value else "false"
        if kind == "blob":
            return lambda value: base64.b64encode(
                value.encode() if isinstance(value, str) else bytes(value)
            ).decode("ascii")
        if kind == "timestamp":
            form = shape.serialization.get("timestampFormat", "iso8601").lower()
            if form == "rfc822":
                return timestamps.to_http
            if form == "unixtimestamp":
                return lambda value: str(int(timestamps.to_epoch(value)))
            return self._iso
        return str

    def document(self, shape: Shape, value: Any) -> bytes:
        """A document of its own with the shape's name for its root."""
        out: list[str] = []
        self.writer(shape)(out, shape.name, value)
        return "".join(out).encode()

    def members(self, members: Mapping[str, Shape]) -> Callable[[list[str], Mapping[str, Any]], None]:
        """Writes the given members of a structure, without an element around them."""
        fields = [
            (name, element_name(name, member), self.writer(member))
            for name, member in members.items()
            if not member.serialization.get("xmlAttribute")
        ]

        def write(out: list[str], value: Mapping[str, Any]) -> None:
            for name, tag, one in fields:
                item = value.get(name)
                if item is not None:
                    one(out, tag, item)

        return write

    def _structure(self, shape: StructureShape, key: str) -> Writer:
        inner: Callable[[list[str], Mapping[str, Any]], None] | None = None
        attributes = [
            (name, str(m.serialization.get("name", name)), self.text(m))
            for name, m in shape.members.items()
            if m.serialization.get("xmlAttribute")
        ]
        namespace = _namespace(shape)

        def write(out: list[str], name: str, value: Any) -> None:
            assert inner is not None
            extra = "".join(
                f' {tag}="{escape(text(value[member]))}"'
                for member, tag, text in attributes
                if value.get(member) is not None
            )
            out.append(f"<{name}{namespace}{extra}>")
            inner(out, value)
            out.append(f"</{name}>")

        self._writers[key] = write
        inner = self.members(shape.members)
        return write

    def _list(self, shape: ListShape) -> Writer:
        item: Writer | None = None
        flattened = shape.serialization.get("flattened")
        item_name = str(shape.member.serialization.get("name", "member"))

        def write(out: list[str], name: str, value: Any) -> None:
            nonlocal item
            if item is None:
                item = self.writer(shape.member)
            if flattened:
                for one in value:
                    item(out, name, one)
                return
            out.append(f"<{name}>")
            for one in value:
                item(out, item_name, one)
            out.append(f"</{name}>")

        return write

    def _map(self, shape: MapShape) -> Writer:
        item: Writer | None = None
        flattened = shape.serialization.get("flattened")
        key_name = str(shape.key.serialization.get("name", "key"))
        value_name = str(shape.value.serialization.get("name", "value"))

        def write(out: list[str], name: str, value: Any) -> None:
            nonlocal item
            if item is None:
                item = self.writer(shape.value)
            entry = name if flattened else "entry"
            if not flattened:
                out.append(f"<{name}>")
            for key, one in value.items():
                out.append(f"<{entry}><{key_name}>{escape(str(key))}</{key_name}>")
                item(out, value_name, one)
                out.append(f"</{entry}>")
            if not flattened:
                out.append(f"</{name}>")

        return write


def element_name(name: str, member: Shape) -> str:
    """The tag of a member: a flattened list takes the name of its items when they have one."""
    if isinstance(member, ListShape) and member.serialization.get("flattened"):
        item_name = member.member.serialization.get("name")
        if item_name is not None:
            return str(item_name)
    return str(member.serialization.get("name", name))


def _namespace(shape: Shape) -> str:
    namespace = shape.serialization.get("xmlNamespace")
    if not isinstance(namespace, Mapping):
        return ""
    prefix = namespace.get("prefix")
    return f' xmlns{":" + prefix if prefix else ""}="{escape(namespace["uri"])}"'
