"""From a Thrift message to the method that answers it, and back. Owns no state.

The parts of a service are objects whose methods are named like those of the interface definition and take the same
arguments; each method has one. A method that the definition lacks answers TApplicationException UNKNOWN_METHOD, which
clients take for an older server and work around.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from mastic.wire.thrift.scanning import EXCEPTION, ONEWAY, REPLY, STRUCT, Message

log = structlog.get_logger("mastic.thrift")

# Arguments that clients leave out although they are structs.
_OPTIONAL = frozenset({"environment_context"})
UNKNOWN_METHOD, INTERNAL_ERROR, PROTOCOL_ERROR = 1, 6, 7


class Unserved(Exception):
    """Answered as if there were no such method."""


Translate = Callable[[Exception, dict[str, type[Exception]]], Exception | None]
"""``(error, exceptions that the method declares)`` → the one to answer with, or None."""


class Processor:
    """Decodes the arguments, calls the method, encodes what it returns or raises."""

    def __init__(self, service: Any, parts: Sequence[object], *, translate: Translate) -> None:
        self._service = service
        self._translate = translate
        self._methods: dict[str, Callable[..., Any]] = {}
        for name in service.thrift_services:
            found = [getattr(part, name) for part in parts if hasattr(type(part), name)]
            if len(found) != 1:
                raise ValueError(f"{name} is answered by {len(found)} parts")
            self._methods[name] = found[0]

    def answer(self, message: Message) -> bytes | None:
        """The bytes of the reply; None when the client expects none. Never raises."""
        method = self._methods.get(message.name)
        log.debug("called", method=message.name)
        if method is None:
            text = f"{message.name} is not served by Mastic"
            return None if message.kind == ONEWAY else self._refusal(message, UNKNOWN_METHOD, text)
        try:
            arguments = self._arguments(message)
        except (UnicodeDecodeError, TypeError, ValueError, RecursionError) as error:
            return self._refusal(message, PROTOCOL_ERROR, f"the arguments cannot be read: {error}")
        result = getattr(self._service, f"{message.name}_result")()
        try:
            result.success = method(*arguments)
        except Unserved as error:
            return self._refusal(message, UNKNOWN_METHOD, str(error))
        except Exception as error:  # noqa: BLE001 - the wire's edge: told to the client, logged when nobody modelled it
            declared = {
                spec[2].__name__: (spec[1], spec[2])
                for spec in result.thrift_spec.values()
                if spec[1] != "success"
            }
            told = self._translate(error, {name: kind for name, (_, kind) in declared.items()})
            if told is None or type(told).__name__ not in declared:
                return self._refusal(message, INTERNAL_ERROR, str(told or error))
            setattr(result, declared[type(told).__name__][0], told)
        if message.kind == ONEWAY:
            return None
        try:
            return _encoded(message, REPLY, result)
        except Exception as error:
            log.error("an answer cannot be written", method=message.name, exc_info=error)
            return self._refusal(message, INTERNAL_ERROR, "Internal error; the server's log has the reason")

    def _arguments(self, message: Message) -> list[Any]:
        from thriftpy2.protocol import TCyBinaryProtocol
        from thriftpy2.transport import TCyMemoryBuffer

        arguments = getattr(self._service, f"{message.name}_args")()
        arguments.read(TCyBinaryProtocol(TCyMemoryBuffer(message.body), strict_decode=True))
        found = []
        for _, spec in sorted(arguments.thrift_spec.items()):
            value = getattr(arguments, spec[1])
            if value is None and spec[0] == STRUCT and spec[1] not in _OPTIONAL:
                raise ValueError(f"{spec[1]} is missing")
            found.append(value)
        return found

    @staticmethod
    def _refusal(message: Message, kind: int, text: str) -> bytes:
        from thriftpy2.thrift import TApplicationException

        log.debug("refused", method=message.name, reason=text)
        return _encoded(message, EXCEPTION, TApplicationException(kind, text))


def _encoded(message: Message, kind: int, struct: Any) -> bytes:
    from thriftpy2.protocol import TCyBinaryProtocol
    from thriftpy2.transport import TCyMemoryBuffer

    buffer = TCyMemoryBuffer()
    protocol = TCyBinaryProtocol(buffer)
    protocol.write_message_begin(message.name, kind, message.sequence)
    struct.write(protocol)
    protocol.write_message_end()
    found: bytes = buffer.getvalue()
    return found
