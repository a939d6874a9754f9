"""A client's connection: uvicorn's, with a short way for brief requests.

An ASGI call costs a task, an event and several turns of the event loop. A brief request (``wire.brief``) goes from its
socket to a worker thread, and its reply from there to the socket. Owns what came while such a request is answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mastic.wire.brief import brief
from mastic.wire.messages import Outgoing
from mastic.wire.replies import header_bytes

if TYPE_CHECKING:
    from mastic.wire.asgi import Gateway

# Of what a client sends before it has its answer, so much is taken; then its socket is left alone.
MOST_HELD = 64 * 1024


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
        ready = self.cycle is None or self.cycle.response_complete
        if ready and not self._parsing and not self.transport.is_closing():
            incoming = brief(data)
            if incoming is not None and self._gateway.answer(incoming, self.scheme or "http", self._answered):
                self._unset_keepalive_if_required()
                self._answering = True
                return
        super().data_received(data)

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
        """The reply to a brief request. Its client may have gone."""
        self._answering = False
        if self.transport.is_closing():
            return
        parts = [STATUS_LINE[outgoing.status]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for key, text in outgoing.headers:
            parts += (key.encode("latin-1", "replace"), b": ", header_bytes(text), b"\r\n")
        if self._ending:
            parts.append(b"connection: close\r\n")
        assert isinstance(outgoing.body, bytes)
        parts += (b"\r\n", outgoing.body)
        self.transport.write(b"".join(parts))
        if self._ending:
            self.transport.close()
            return
        # As after any other: the next request is begun, or the connection's time of idleness.
        self.on_response_complete()
        if self._held:
            held, self._held = self._held, b""
            self.data_received(held)
