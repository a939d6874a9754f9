"""A client's connection: uvicorn's, with a short way for brief requests.

An ASGI call costs a task, an event and several turns of the event loop. A brief request (``wire.brief``) goes from its
socket to a worker thread, and its reply from there to the socket. Owns what came while such a request is answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mastic.wire.brief import brief
from mastic.wire.messages import Outgoing
from mastic.wire.replies import header_bytes, header_name

if TYPE_CHECKING:
    from mastic.wire.asgi import Gateway

# Of what a client sends before it has its answer, so much is taken; then its socket is left alone.
MOST_HELD = 64 * 1024
# What uvicorn says when an application has failed.
FAILED = Outgoing(
    status=500,
    headers=[("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "21")],
    body=b"Internal Server Error",
)


class Connection(HttpToolsProtocol):
    """One connection. Like uvicorn's, it is used by the event loop alone."""

    def __init__(self, gateway: Gateway, **uvicorn: Any) -> None:
        super().__init__(**uvicorn)
        self._gateway = gateway
        self._answering = False
        self._ending = False
        self._parsing = False
        self._held = b""

    def data_received(self, data: bytes) -> None:
        if self._answering:
            self._held += data
            if len(self._held) > MOST_HELD:
                self.flow.pause_reading()
            return
        if self._ready and self._begun(data):
            self._unset_keepalive_if_required()
            self._answering = True
            return
        super().data_received(data)

    @property
    def _ready(self) -> bool:
        """Whether a request may begin here, and its reply be sent as soon as it is there."""
        answered = self.cycle is None or self.cycle.response_complete
        # The general way waits for a client that is slow to read.
        return answered and not (self._parsing or self.flow.write_paused or self.transport.is_closing())

    def _begun(self, data: bytes) -> bool:
        """Whether ``data`` is a brief request, which is being answered now."""
        incoming = brief(data)
        if incoming is None:
            return False
        try:
            return self._gateway.answer(incoming, self.scheme or "http", self._answered, self._failed)
        except Exception as error:
            self.logger.error("A brief request could not be begun\n", exc_info=error)
            return False

    def on_message_begin(self) -> None:
        self._parsing = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._parsing = False
        super().on_message_complete()

    def shutdown(self) -> None:
        if self._answering:
            self._ending = True
        else:
            super().shutdown()

    def _answered(self, outgoing: Outgoing) -> None:
        """The reply to a brief request."""
        try:
            reply = self._reply(outgoing)
        except Exception as error:  # noqa: BLE001 - what cannot be sent is logged, and the client told
            self._failed(error)
        else:
            self._send(reply)

    def _failed(self, error: BaseException) -> None:
        """There is no reply to a brief request."""
        self.logger.error("Exception in the answer to a brief request\n", exc_info=error)
        self._ending = True
        self._send(self._reply(FAILED))

    def _reply(self, outgoing: Outgoing) -> bytes:
        """As it is sent. Raises what says that it cannot be."""
        parts = [STATUS_LINE[outgoing.status]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for key, text in outgoing.headers:
            parts += (header_name(key), b": ", header_bytes(text), b"\r\n")
        if self._ending:
            parts.append(b"connection: close\r\n")
        if not isinstance(outgoing.body, bytes):
            raise TypeError("the reply to a brief request is a stream")
        parts += (b"\r\n", outgoing.body)
        return b"".join(parts)

    def _send(self, reply: bytes) -> None:
        self._answering = False
        if self.transport.is_closing():
            # Its client has gone.
            return
        self.transport.write(reply)
        if self._ending:
            self.transport.close()
            return
        # As after any other: the next request is begun, or the connection's time of idleness.
        self.on_response_complete()
        if self._held:
            held, self._held = self._held, b""
            self.data_received(held)
