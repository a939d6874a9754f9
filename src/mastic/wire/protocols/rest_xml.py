"""rest-xml: S3, and the few other services that speak it.

Owns compiled codecs, one set per service, and the facts of S3's replies that its model leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import Shape, StructureShape

from mastic.errors import ServiceError
from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.protocols import timestamps
from mastic.wire.protocols.base import Decoder, Encoder, ErrorReply
from mastic.wire.protocols.eventstream import EventWriter
from mastic.wire.protocols.rest import InputBindings, OutputBindings, refusal
from mastic.wire.protocols.xml import Readers, Writers, escape, legible, parse
from mastic.wire.spec import OperationSpec, ServiceSpec

S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_KIND = ("Content-Type", "application/xml")

# Root elements of S3's documents (API reference, "Response Syntax"); the model does not name them.
S3_ROOTS: Mapping[str, str] = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListParts": "ListPartsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetObjectAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotification": "NotificationConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetObjectTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAttributes": "GetObjectAttributesOutput",
    "GetObjectLegalHold": "LegalHold",
    "GetObjectRetention": "Retention",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
}


def s3_refusal(location: str, name: str, problem: str) -> ServiceError:
    """What S3 answers for a header or parameter it cannot read."""
    if problem == "is not an integer":
        problem = "not an integer or within integer range"
    return ServiceError("InvalidArgument", f"Provided {name} {problem}", status=400, ArgumentName=name)


def _to_iso_millis(moment: Any) -> str:
    """S3 writes the milliseconds even when they are zero."""
    text = timestamps.to_iso(moment)
    return text if "." in text else text[:-1] + ".000Z"


class RestXml:
    """The rest-xml protocol."""

    name = "rest-xml"

    def __init__(self) -> None:
        self._readers: dict[str, Readers] = {}
        self._writers: dict[str, Writers] = {}

    def decoder(self, operation: OperationSpec) -> Decoder:
        """Request → input members."""
        service = operation.service
        bindings = InputBindings(operation, s3_refusal if service.id == "s3" else refusal)
        readers = self._readers.setdefault(service.id, Readers())
        payload = bindings.payload_shape
        if isinstance(payload, StructureShape):
            read_payload, name = readers.reader(payload), bindings.payload or ""

            def with_document(incoming: Incoming) -> dict[str, Any]:
                out = bindings.read(incoming)
                if incoming.body:
                    out[name] = read_payload(parse(incoming.body))
                return out

            return with_document
        if payload is not None:

            def with_payload(incoming: Incoming) -> dict[str, Any]:
                out = bindings.read(incoming)
                bindings.read_payload(incoming, out)
                return out

            return with_payload
        if not bindings.body:
            return bindings.read
        assert isinstance(operation.input, StructureShape)
        read_body = readers.structure(operation.input, bindings.body)

        def with_body(incoming: Incoming) -> dict[str, Any]:
            out = bindings.read(incoming)
            if incoming.body:
                out.update(read_body(parse(incoming.body)))
            return out

        return with_body

    def encoder(self, operation: OperationSpec) -> Encoder:
        """Output members → reply."""
        service = operation.service
        bindings = OutputBindings(operation)
        writers = self._writers.setdefault(service.id, Writers(_to_iso_millis))
        if operation.name == "GetBucketLocation" and service.id == "s3":
            return _location
        payload = bindings.payload_shape
        if operation.model.has_event_stream_output and isinstance(payload, StructureShape):
            writer = EventWriter(payload, writers.document, "text/xml")
            return lambda result, request_id: bindings.write_events(writer, result)
        if isinstance(payload, StructureShape):
            root = S3_ROOTS.get(operation.name) if service.id == "s3" else None
            return self._document(bindings, payload, writers, root, _default_namespace(service))
        if payload is not None:

            def with_payload(result: Mapping[str, Any], request_id: str) -> Outgoing:
                outgoing = bindings.write(result)
                bindings.write_payload(result, outgoing)
                return outgoing

            return with_payload
        if not bindings.body:
            return lambda result, request_id: bindings.write(result)
        root = _root(operation)
        write = writers.members(bindings.body)
        namespace = _default_namespace(service)

        def with_body(result: Mapping[str, Any], request_id: str) -> Outgoing:
            outgoing = bindings.write(result)
            out = [_DECLARATION, f"<{root}{namespace}>"]
            write(out, result)
            out.append(f"</{root}>")
            outgoing.headers.append(_KIND)
            outgoing.body = "".join(out).encode()
            return outgoing

        return with_body

    def _document(
        self,
        bindings: OutputBindings,
        payload: StructureShape,
        writers: Writers,
        root: str | None,
        namespace: str,
    ) -> Encoder:
        member = bindings.payload or ""
        root = root or str(payload.serialization.get("name", payload.name))
        write = writers.members(payload.members)

        def encode(result: Mapping[str, Any], request_id: str) -> Outgoing:
            outgoing = bindings.write(result)
            value = result.get(member)
            if value is not None:
                out = [_DECLARATION, f"<{root}{namespace}>"]
                write(out, value)
                out.append(f"</{root}>")
                outgoing.headers.append(_KIND)
                outgoing.body = "".join(out).encode()
            return outgoing

        return encode

    def error(self, service: ServiceSpec | None, reply: ErrorReply) -> Outgoing:
        """S3's bare ``<Error>``; an ``<ErrorResponse>`` for the others."""
        shape = service.error_shape(reply.code) if service is not None else None
        extra = _error_members(shape, reply)
        message = (
            f"<Code>{escape(legible(reply.code))}</Code><Message>{escape(legible(reply.message))}</Message>"
        )
        if service is None or service.id == "s3":
            text = (
                f"{_DECLARATION}<Error>{message}{extra}<Resource>{escape(legible(reply.resource))}</Resource>"
                f"<RequestId>{reply.request_id}</RequestId></Error>"
            )
        else:
            kind = "Receiver" if reply.fault else "Sender"
            text = (
                f"{_DECLARATION}<ErrorResponse{_default_namespace(service)}><Error><Type>{kind}</Type>"
                f"{message}{extra}</Error><RequestId>{reply.request_id}</RequestId></ErrorResponse>"
            )
        return Outgoing(status=reply.status, headers=[_KIND], body=text.encode())


def _error_members(shape: Shape | None, reply: ErrorReply) -> str:
    out: list[str] = []
    writers = Writers()
    for name, value in reply.members.items():
        if value is None:
            continue
        member = shape.members.get(name) if isinstance(shape, StructureShape) else None
        if member is not None:
            writers.writer(member)(out, str(member.serialization.get("name", name)), value)
        else:
            text = ("true" if value else "false") if isinstance(value, bool) else legible(str(value))
            out.append(f"<{name}>{escape(text)}</{name}>")
    return "".join(out)


def _root(operation: OperationSpec) -> str:
    assert operation.output is not None
    named = operation.output.serialization.get("name")
    if named:
        return str(named)
    if operation.service.id == "s3":
        return S3_ROOTS.get(operation.name, operation.name + "Result")
    return str(operation.output.name)


def _default_namespace(service: ServiceSpec) -> str:
    namespace = service.xml_namespace or (S3_NAMESPACE if service.id == "s3" else "")
    return f' xmlns="{escape(namespace)}"' if namespace else ""


def _location(result: Mapping[str, Any], request_id: str) -> Outgoing:
    """GetBucketLocation's document is one element whose text is the answer; us-east-1 is the empty text."""
    text = escape(result.get("LocationConstraint") or "")
    body = f'{_DECLARATION}<LocationConstraint xmlns="{S3_NAMESPACE}">{text}</LocationConstraint>'
    return Outgoing(status=200, headers=[_KIND], body=body.encode())
