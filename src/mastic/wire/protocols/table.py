"""All protocols by name. Owns one instance of each, with its compiled codecs."""

from __future__ import annotations

from mastic.wire.protocols.base import WireProtocol
from mastic.wire.protocols.json import Json
from mastic.wire.spec import ServiceSpec


class Protocols:
    """The protocols this server speaks."""

    def __init__(self) -> None:
        self._table: dict[str, WireProtocol] = {"json": Json()}

    def named(self, name: str) -> WireProtocol:
        """The protocol of that name. Raises KeyError."""
        return self._table[name]

    def preferred(self, service: ServiceSpec | None) -> WireProtocol:
        """The protocol to answer in when the request itself shows none."""
        return self._table[service.preferred_protocol if service is not None else "json"]

    def error_status(self, service: ServiceSpec | None, code: str) -> int:
        """The HTTP status of an error whose handler gave none."""
        return service.error_status(code) if service is not None else 400
