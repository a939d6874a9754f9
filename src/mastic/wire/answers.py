"""What happens to a request in its worker thread: authenticate, open the body, call, and stamp the reply.

Owns nothing but the request in hand.
"""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from mastic.context import Context, HttpRequest
from mastic.errors import ServiceError
from mastic.wire.bodies import Pump, open_body, unchunked
from mastic.wire.claims import Claim, Unauthentic
from mastic.wire.dispatch import Dispatcher, refuse
from mastic.wire.hosts import Hosts
from mastic.wire.messages import Incoming, Outgoing
from mastic.wire.replies import settle
from mastic.wire.routing import Route
from mastic.wire.sigv4 import Authenticator, ChunkChain


class Cors(Protocol):
    """Decides about requests from web pages of another origin."""

    def allow(
        self, request: HttpRequest, bucket: str, *, method: str, preflight: bool
    ) -> Mapping[str, str] | None:
        """The Access-Control headers for a request to a bucket ("" for none), or None to refuse.

        Runs in a worker thread, for requests with an Origin header only.
        """
        ...


@dataclass(kw_only=True, slots=True)
class Exchange:
    """One request being answered. ``refusal`` is why it will not reach a handler."""

    scheme: str
    path: str
    incoming: Incoming
    request_id: str
    route: Route
    claim: Claim | None = None
    bucket: str = ""
    pump: Pump | None = None
    asked: bool = False
    refusal: Exception | None = None

    @property
    def expects(self) -> bool:
        """True when the client asks before it sends its body."""
        return self.incoming.headers.get("expect", "").lower() == "100-continue"

    @property
    def waiting(self) -> bool:
        """True when the client asked and nobody has read from it."""
        asked = self.asked or (self.pump is not None and self.pump.started)
        return self.expects and not asked

    @property
    def sent_body(self) -> bytes:
        """The body of a document as it was sent."""
        signed = self.incoming.signed_body
        return self.incoming.body if signed is None else signed

    @property
    def http(self) -> HttpRequest:
        """The request as handlers see it."""
        return HttpRequest(
            method=self.incoming.method,
            path=self.path,
            raw_path=self.incoming.raw_path,
            query_string=self.incoming.query_string,
            headers=self.incoming.headers,
        )


class Answers:
    """Makes the reply to a request. Used from worker threads."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        *,
        authenticator: Authenticator,
        hosts: Hosts,
        cors: Cors | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._authenticator = authenticator
        self._hosts = hosts
        self._cors = cors
        self._log = structlog.get_logger("mastic.wire")

    def check(self, exchange: Exchange) -> Exception | None:
        """Authenticate only: None when a delegate may have the request."""
        try:
            self._identify(exchange)
        except (ServiceError, Unauthentic) as problem:
            return problem
        return None

    def answer(self, exchange: Exchange) -> Outgoing:
        """The reply, ready to send. Never raises."""
        head = exchange.incoming.method == "HEAD"
        began = time.perf_counter()
        try:
            outgoing = self._outgoing(exchange)
            _stamp(outgoing, exchange)
            self._tell(exchange, outgoing, time.perf_counter() - began)
            return settle(outgoing, head=head)
        except Exception as error:  # noqa: BLE001 - the wire's edge: logged, answered as a 500
            outgoing = self._failure(error, Context(request_id=exchange.request_id), exchange)
            _stamp(outgoing, exchange)
            return settle(outgoing, head=head)

    def _tell(self, exchange: Exchange, outgoing: Outgoing, seconds: float) -> None:
        """One line per request for those who listen at debug level: names and numbers, no values."""
        route = exchange.route
        self._log.debug(
            "request",
            request_id=exchange.request_id,
            service=route.service.id if route.service is not None else "",
            operation=route.operation.name if route.operation is not None else "",
            method=exchange.incoming.method,
            status=outgoing.status,
            milliseconds=round(seconds * 1000, 2),
        )

    def _outgoing(self, exchange: Exchange) -> Outgoing:
        incoming, route = exchange.incoming, exchange.route
        cors: Mapping[str, str] = {}
        if self._cors is not None and "origin" in incoming.headers:
            if incoming.method == "OPTIONS":
                return self._preflight(self._cors, exchange)
            bucket = _bucket(exchange)
            cors = self._cors.allow(exchange.http, bucket, method=incoming.method, preflight=False) or {}
        context = Context(request_id=exchange.request_id)
        try:
            if exchange.refusal is not None:
                raise exchange.refusal
            assert route.operation is not None
            context, chunks = self._identify(exchange, welcome=bool(cors))
            self._open(exchange, chunks)
            outgoing = self._dispatcher.call(context, route.operation, route.protocol, incoming)
        except (ServiceError, Unauthentic) as error:
            outgoing = self._failure(error, context, exchange)
        outgoing.headers.extend(cors.items())
        return outgoing

    def _preflight(self, cors: Cors, exchange: Exchange) -> Outgoing:
        method = exchange.incoming.headers.get("access-control-request-method", "")
        headers = cors.allow(exchange.http, _bucket(exchange), method=method, preflight=True)
        if headers is not None:
            return Outgoing(status=200, headers=list(headers.items()))
        error = ServiceError(
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, "
            "request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted "
            "by the resource's CORS spec.",
            status=403,
        )
        return self._failure(error, Context(request_id=exchange.request_id), exchange)

    def _failure(self, error: Exception, context: Context, exchange: Exchange) -> Outgoing:
        route = exchange.route
        if isinstance(error, Unauthentic):
            error = _unauthentic(error, route)
        elif isinstance(error, ServiceError) and error.code == "RequestEntityTooLarge" and route.service:
            error = refuse("too large", route.service, route.protocol.name, error.message)
        return self._dispatcher.failure(
            error, context=context, service=route.service, protocol=route.protocol, incoming=exchange.incoming
        )

    def _identify(self, exchange: Exchange, *, welcome: bool = False) -> tuple[Context, ChunkChain | None]:
        """Who calls what, and how to check a streamed body's signatures. Raises Unauthentic.

        ``welcome``: the bucket's CORS configuration lets the page that asks do so.
        """
        incoming, service, operation = exchange.incoming, exchange.route.service, exchange.route.operation
        anyone = service is None or service.id == "s3" or (operation is not None and operation.unsigned)
        if exchange.claim is None and not anyone:
            raise Unauthentic("missing", "Request is missing Authentication Token")
        identity = self._authenticator.authenticate(incoming, exchange.claim, exchange.bucket)
        if not identity.verified and not welcome and self._foreign(exchange):
            raise Unauthentic(
                "foreign page", "Pages of other origins may not call this server without a known key"
            )
        context = Context(
            account_id=identity.account_id,
            region=identity.region,
            request_id=exchange.request_id,
            principal_arn=identity.principal_arn,
            access_key=identity.access_key,
            service=service.id if service is not None else "",
            operation=operation.name if operation is not None else "",
            endpoint=f"{exchange.scheme}://{incoming.headers.get('host', '')}",
            trace=incoming.headers.get("x-amzn-trace-id", ""),
            http=exchange.http,
        )
        return context, identity.chunks

    def _foreign(self, exchange: Exchange) -> bool:
        """True when a web page from elsewhere asks for more than to read an object."""
        headers = exchange.incoming.headers
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._hosts.foreign(host, origin):
            return False
        if origin is None or (host and not self._hosts.known(host)):
            return True
        service = exchange.route.service
        reading = exchange.incoming.method in ("GET", "HEAD")
        return not (reading and service is not None and service.id == "s3")

    @staticmethod
    def _open(exchange: Exchange, chunks: ChunkChain | None) -> None:
        """Turn what was received into what the protocol reads: a stream, or a checked document."""
        incoming, route = exchange.incoming, exchange.route
        assert route.operation is not None
        if route.operation.streaming_input is not None:
            pieces = exchange.pump if exchange.pump is not None else [incoming.body]
            incoming.stream = open_body(incoming.headers, pieces, chunks)
            incoming.headers = unchunked(incoming.headers)
        elif route.service is not None and route.service.id == "s3":
            # An empty body is checked as well: it may be what is left of a signed document.
            headers = incoming.headers
            if not route.operation.model.http_checksum:
                # Here x-amz-checksum-… is not of this document: CompleteMultipartUpload tells its object's.
                headers = {k: v for k, v in headers.items() if not k.startswith("x-amz-checksum-")}
            incoming.body = open_body(headers, [incoming.body], chunks).read()


def _unauthentic(problem: Unauthentic, route: Route) -> ServiceError:
    """The refusal of a signature as the service would say it."""
    if route.service is None:
        return ServiceError("IncompleteSignatureException", problem.message, status=403)
    error = refuse(problem.what, route.service, route.protocol.name, problem.message)
    if route.service.id == "s3":
        error.members.update(problem.members)
    return error


def _bucket(exchange: Exchange) -> str:
    """The bucket a request is about, by host or path."""
    return exchange.bucket or exchange.incoming.raw_path.lstrip("/").partition("/")[0]


def _stamp(outgoing: Outgoing, exchange: Exchange) -> None:
    """The request's ids, under the names that the service's clients look for."""
    request_id, service = exchange.request_id, exchange.route.service
    if service is not None and service.id == "s3":
        # The host id is opaque to clients; they only print it.
        host_id = b64encode(hashlib.sha256(request_id.encode()).digest()).decode("ascii")
        outgoing.headers.append(("x-amz-request-id", request_id))
        outgoing.headers.append(("x-amz-id-2", host_id))
    else:
        outgoing.headers.append(("x-amzn-RequestId", request_id))
