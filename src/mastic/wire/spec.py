"""What the service models say: services, operations, error shapes, routing facts.

The models are botocore's, read at run time. Owns a cache of the specifications it has loaded, nothing else.
"""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NotRequired, TypedDict

import msgspec
import orjson
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.loaders import JSONFileLoader, Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from mastic.wire.facts import MORE_VALUES, QUERY_CODES, S3_STATUS

# The order in which a client's choice is looked for is fixed by the request; this is the preference for
# answering when the request itself shows none.
PROTOCOL_PREFERENCE = ("json", "rest-json", "rest-xml", "query", "ec2", "smithy-rpc-v2-cbor")


class OperationSpec:
    """One operation of the model, with what the wire needs precomputed. Compare by identity."""

    def __init__(self, service: ServiceSpec, name: str) -> None:
        self.service = service
        self.name = name
        self.snake: str = xform_name(name)  # type: ignore[no-untyped-call]
        self.model: OperationModel = service.model.operation_model(name)
        self.input: Shape | None = self.model.input_shape
        self.output: Shape | None = self.model.output_shape
        self.method: str = self.model.http.get("method", "POST")
        self.uri: str = self.model.http.get("requestUri", "/")
        self.status = int(self.model.http.get("responseCode", 200))

    def __repr__(self) -> str:
        return f"<{self.service.id}.{self.name}>"

    @cached_property
    def unsigned(self) -> bool:
        """True when the model lets anybody call it without a signature (AssumeRoleWithWebIdentity …)."""
        auth = self.model.auth or []
        return self.model.auth_type == "none" or "smithy.api#noAuth" in auth

    @cached_property
    def streams(self) -> bool:
        """Whether more than a document comes in or goes out."""
        if self.streaming_input is not None or self.model.has_event_stream_output:
            return True
        return bool(self.model.has_streaming_output)

    @cached_property
    def streaming_input(self) -> str | None:
        """The input member whose value is the raw request body as a stream, if there is one."""
        shape = self.input
        payload = shape.serialization.get("payload") if shape is not None else None
        if payload is None or not isinstance(shape, StructureShape):
            return None
        member = shape.members[payload]
        streaming = member.type_name == "blob" and bool(member.serialization.get("streaming"))
        return payload if streaming else None


class ServiceSpec:
    """One service of the models. ``id`` is botocore's directory name (``glue``, ``cloudwatch``).

    ``head`` is what it is known by, its metadata and the names of its operations; the rest is loaded when somebody
    calls it.
    """

    def __init__(self, service: str, head: Mapping[str, Any], load: Callable[[], Mapping[str, Any]]) -> None:
        self.id = service
        self.operation_names: tuple[str, ...] = tuple(head["operations"])
        self.metadata: Mapping[str, Any] = head["metadata"]
        self._load = load
        meta = self.metadata
        self.endpoint_prefix: str = meta["endpointPrefix"]
        self.signing_name: str = meta.get("signingName", self.endpoint_prefix)
        self.target_prefix: str = meta.get("targetPrefix", "")
        self.api_version: str = meta["apiVersion"]
        self.json_version: str = str(meta.get("jsonVersion", "1.0"))
        self.xml_namespace: str = meta.get("xmlNamespace", "")
        self.query_compatible = "awsQueryCompatible" in meta
        self.protocols: tuple[str, ...] = tuple(meta.get("protocols") or [meta["protocol"]])
        if self.query_compatible and "query" not in self.protocols:
            self.protocols += ("query",)
        self._operations: dict[str, OperationSpec] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<service {self.id}>"

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The model's own text."""
        return self._load()

    @cached_property
    def model(self) -> ServiceModel:
        """The model, as botocore reads it."""
        return ServiceModel(self.document, self.id)  # type: ignore[no-untyped-call]

    @cached_property
    def snake_names(self) -> Mapping[str, str]:
        """snake_case → operation name."""
        return {xform_name(name): name for name in self.operation_names}  # type: ignore[no-untyped-call]

    @cached_property
    def preferred_protocol(self) -> str:
        """The protocol to answer in when the request shows none."""
        return next(name for name in PROTOCOL_PREFERENCE if name in self.protocols)

    def operation(self, name: str) -> OperationSpec | None:
        """The operation of that exact name, or None."""
        found = self._operations.get(name)
        if found is None and name in self.operation_names:
            with self._lock:
                found = self._operations.setdefault(name, OperationSpec(self, name))
        return found

    @cached_property
    def _errors(self) -> Mapping[str, Shape]:
        shapes: dict[str, Shape] = {}
        for shape in self.model.error_shapes:
            code = shape.metadata.get("error", {}).get("code")
            if code:
                shapes.setdefault(code, shape)
            shapes[shape.name] = shape
        return shapes

    def error_shape(self, code: str) -> Shape | None:
        """The model's shape for an error, by shape name or by the code of its query form."""
        found = self._errors.get(code)
        if found is None and not code.endswith("Exception"):
            found = self._errors.get(code + "Exception")
        return found

    def query_code(self, code: str) -> str:
        """An error's code in the query protocol."""
        known = QUERY_CODES.get(self.id, {})
        shape = self.error_shape(code)
        if code in known or shape is None:
            return known.get(code, code)
        return str(shape.metadata.get("error", {}).get("code", shape.name))

    def error_status(self, code: str) -> int:
        """The HTTP status of an error: the model's, else S3's known one, else 500 for a fault, else 400."""
        if self.id == "s3" and code in S3_STATUS:
            return S3_STATUS[code]
        shape = self.error_shape(code)
        if shape is None:
            return 400
        error = shape.metadata.get("error", {})
        if "httpStatusCode" in error:
            return int(error["httpStatusCode"])
        return 500 if shape.metadata.get("fault") else 400


class _Heads(JSONFileLoader):
    """Reads of models their metadata and the names of their operations: a server knows two dozen services."""

    def load_file(self, file_path: str) -> Any:
        """The document at a path without its suffix, or None."""
        text = _text(file_path)
        return None if text is None else msgspec.json.decode(text, type=_Head)


class _Wholes(JSONFileLoader):
    """Reads models without what they say to people, which is most of them."""

    def load_file(self, file_path: str) -> Any:
        """The document at a path without its suffix, or None."""
        text = _text(file_path)
        return None if text is None else _lean(orjson.loads(text), {})


class _Name(TypedDict):
    """An operation of which only the name counts."""


class _Head(TypedDict):
    """What is read of a model, or of what botocore adds to one."""

    metadata: NotRequired[dict[str, Any]]
    operations: NotRequired[dict[str, _Name]]
    merge: NotRequired[dict[str, Any]]


def _text(path: str) -> bytes | None:
    for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
        if os.path.isfile(path + suffix):
            with opened(path + suffix, "rb") as file:
                return file.read()
    return None


def _lean(value: Any, texts: dict[str, str]) -> Any:
    """The same without documentation; ``texts`` are those that it has, each kept once."""
    if isinstance(value, dict):
        # A member of this name would be a structure.
        return {
            k: _lean(v, texts) for k, v in value.items() if k != "documentation" or not isinstance(v, str)
        }
    if isinstance(value, list):
        return [_lean(item, texts) for item in value]
    return texts.setdefault(value, value) if isinstance(value, str) else value


class Models:
    """Loads service models on demand and keeps them."""

    def __init__(self) -> None:
        self._heads = Loader(file_loader=_Heads())  # type: ignore[no-untyped-call]
        self._specs: dict[str, ServiceSpec | None] = {}
        self._lock = threading.Lock()

    def find(self, service: str) -> ServiceSpec | None:
        """The specification of a service by its directory name, or None when botocore has no such model."""
        if service not in self._specs:
            with self._lock:
                if service not in self._specs:
                    self._specs[service] = self._load(service)
        return self._specs[service]

    def service(self, service: str) -> ServiceSpec:
        """As ``find``. Raises LookupError when there is no such model."""
        spec = self.find(service)
        if spec is None:
            raise LookupError(f"botocore has no model of a service named {service!r}")
        return spec

    def _load(self, service: str) -> ServiceSpec | None:
        if not service.replace("-", "").replace("_", "").isalnum():
            return None
        try:
            head = self._heads.load_service_model(service, "service-2")
            return ServiceSpec(service, head, lambda: _whole(service))
        except (UnknownServiceError, KeyError):
            return None


def _whole(service: str) -> Mapping[str, Any]:
    loader = Loader(file_loader=_Wholes())  # type: ignore[no-untyped-call]
    return _with_more_values(service, loader.load_service_model(service, "service-2"))


def _with_more_values(service: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The model, with the enum values that it leaves out; the loader's own copy stays as it is."""
    shapes = document["shapes"]
    more = {
        name: {**shapes[name], "enum": list(dict.fromkeys([*shapes[name]["enum"], *values]))}
        for name, values in MORE_VALUES.get(service, {}).items()
    }
    return {**document, "shapes": {**shapes, **more}} if more else document
