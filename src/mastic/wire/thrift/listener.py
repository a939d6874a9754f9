"""A TCP port on which messages are answered: one thread a connection, so many connections and no more.

Owns the listening socket and the connections. Clients of such doors keep a connection for as long as they live and
make a new one when theirs is gone; so when all places are taken, the one that has been silent longest makes room.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from mastic.errors import Refused
from mastic.wire.thrift.scanning import Malformed, Message, read_message

log = structlog.get_logger("mastic.thrift")

Answer = Callable[[Message], bytes | None]

MOST = 200
# A message that was begun has so many seconds to arrive, an answer so many to be taken.
WHOLE_MESSAGE = 120.0
WHOLE_ANSWER = 300.0


@dataclass(eq=False, slots=True)
class _Connection:
    socket: socket.socket
    silent_since: float = field(default_factory=time.monotonic)
    busy: bool = False


class Listener:
    """Listens when it is made, answers between ``start`` and ``stop``: who connects before has to wait."""

    def __init__(self, name: str, host: str, port: int, answer: Answer, *, most: int = MOST) -> None:
        self._name = name
        self._answer = answer
        self._most = most
        self._open: set[_Connection] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._socket = _bound(name, host, port)
        self._thread = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self._socket.getsockname()[1]
        return number

    def start(self) -> None:
        """Take connections."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more, let those answers go out that are being made, and end."""
        self._stopping.set()
        # Closing alone does not wake a thread that waits in accept.
        _shut(self._socket)
        self._socket.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with self._lock:
                idle = [one for one in self._open if not one.busy]
                busy = len(self._open) - len(idle)
            for one in idle:
                _shut(one.socket)
            if not busy:
                return
            time.sleep(0.02)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                accepted, _ = self._socket.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                log.warning("cannot take a connection", door=self._name, reason=str(error))
                time.sleep(0.1)
                continue
            self._admit(accepted)

    def _admit(self, accepted: socket.socket) -> None:
        connection = _Connection(accepted)
        with self._lock:
            if len(self._open) >= self._most:
                quiet = min(
                    (one for one in self._open if not one.busy),
                    key=lambda one: one.silent_since,
                    default=None,
                )
                if quiet is None:
                    accepted.close()
                    return
                _shut(quiet.socket)
                self._open.discard(quiet)
            self._open.add(connection)
        thread = threading.Thread(target=self._serve, args=(connection,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            log.warning("cannot serve a connection", door=self._name, reason=str(error))
            with self._lock:
                self._open.discard(connection)
            accepted.close()

    def _serve(self, connection: _Connection) -> None:
        try:
            with connection.socket as stream:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                incoming = _Incoming(stream)
                while not self._stopping.is_set() and self._one(connection, incoming):
                    pass
        except Malformed as error:
            log.info("a connection was closed", door=self._name, reason=str(error))
        except (OSError, EOFError) as error:
            log.debug("a connection has ended", door=self._name, reason=str(error))
        finally:
            with self._lock:
                self._open.discard(connection)

    def _one(self, connection: _Connection, incoming: _Incoming) -> bool:
        """Answer one message; false when the client has gone."""
        if not incoming.begins():
            return False
        connection.busy = True
        try:
            reply = self._answer(read_message(incoming.exactly))
            if reply is not None:
                connection.socket.settimeout(WHOLE_ANSWER)
                connection.socket.sendall(reply)
        finally:
            connection.silent_since = time.monotonic()
            connection.busy = False
        return True


class _Incoming:
    """What arrives on a connection, message by message."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._ahead = bytearray()
        self._deadline = 0.0

    def begins(self) -> bool:
        """Wait for the first byte of a message, however long; false when the client has gone."""
        if not self._ahead:
            self._stream.settimeout(None)
            self._ahead += self._stream.recv(65536)
        self._deadline = time.monotonic() + WHOLE_MESSAGE
        return bool(self._ahead)

    def exactly(self, count: int) -> bytes:
        """So many bytes. They are kept as they arrive: a length that is only claimed costs no memory."""
        while len(self._ahead) < count:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("a message took too long to arrive")
            self._stream.settimeout(left)
            some = self._stream.recv(65536)
            if not some:
                raise EOFError("the client went away in the middle of a message")
            self._ahead += some
        data = bytes(self._ahead[:count])
        del self._ahead[:count]
        return data


def _bound(name: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        raise Refused(
            f"cannot listen on {host}:{port} for {name} ({error.strerror}): choose another port"
        ) from error
    return made


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is gone already.
        return
