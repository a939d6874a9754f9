"""Ports for servers of tests, each given once."""

from __future__ import annotations

import random
import socket

# Below what the systems' kernels give to outgoing connections, which otherwise take a free port between choice and use.
_PORTS = range(12_000, 32_000)
# Held until this process ends: a UDP socket on a TCP port's number keeps the other test processes off it.
_claims: list[socket.socket] = []


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens and that no other test is given."""
    while True:
        port = random.choice(_PORTS)
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
