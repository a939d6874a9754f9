"""All protocols by name. Owns one instance of each, with its compiled codecs."""

from __future__ import annotations

from mastic.wire.protocols.base import WireProtocol
from mastic.wire.protocols.json import Json
from mastic.wire.protocols.query import Query
from mastic.wire.protocols.rest_json import RestJson
from mastic.wire.protocols.rest_xml import RestXml
from mastic.wire.protocols.smithy_rpc_v2_cbor import RpcV2Cbor
from mastic.wire.spec import ServiceSpec


class Protocols:
    """The protocols this server speaks."""

    def __init__(self) -> None:
        every: tuple[WireProtocol, ...] = (
            Json(),
            RestJson(),
            RestXml(),
            Query(),
            Query(ec2=True),
            RpcV2Cbor(),
        )
        self._table: dict[str, WireProtocol] = {one.name: one for one in every}

    def named(self, name: str) -> WireProtocol:
        """The protocol of that name. Raises KeyError."""
        return self._table[name]

    def preferred(self, service: ServiceSpec | None) -> WireProtocol:
        """The protocol to answer in when the request itself shows none."""
        return self._table[service.preferred_protocol if service is not None else "json"]
