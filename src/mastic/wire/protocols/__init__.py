"""One module per AWS protocol: each decodes requests and encodes results and errors."""

from mastic.wire.protocols.table import Protocols

__all__ = ["Protocols"]
