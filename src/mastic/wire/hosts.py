"""Host names: the bucket of a virtual-host S3 request, the service a host name starts with. Owns no state."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

# Bases that always count, beside the configured ones. The last two patterns are wildcard-DNS names.
_BASES = (r"localhost", r"amazonaws\.com", r"localhost\.localdomain")
_WILDCARD = r"(?:\d{1,3}[.-]){3}\d{1,3}\.(?:nip|sslip)\.io"
_S3 = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack[.-])?[a-z0-9-]+)?")


class Hosts:
    """Understands host names below the given bases."""

    def __init__(self, bases: tuple[str, ...] = ()) -> None:
        self._bases = frozenset(base.lower() for base in bases)
        names = [re.escape(base.lower()) for base in bases if base]
        self._pattern = re.compile(rf"(?:(?P<rest>.+?)\.)?(?:{'|'.join([*names, *_BASES, _WILDCARD])})")
        self._rest = lru_cache(maxsize=1024)(self._find_rest)
        self._ours = lru_cache(maxsize=1024)(self._find_ours)

    def _find_rest(self, host: str) -> str:
        name = host.lower()
        if name.startswith("["):
            return ""
        name = name.partition(":")[0].rstrip(".")
        match = self._pattern.fullmatch(name)
        return (match["rest"] or "") if match is not None else ""

    def bucket(self, host: str) -> str:
        """The bucket in a Host header; empty for path-style requests.

        ``b.localhost``, ``b.s3.localhost``, ``b.s3.eu-west-1.localhost``, ``b.127-0-0-1.nip.io`` all name ``b``.
        """
        rest = self._rest(host)
        if not rest:
            return ""
        match = _S3.fullmatch(rest)
        if match is not None:
            return match["bucket"] or ""
        return rest

    def ours(self, host: str) -> bool:
        """True for the names of this machine and for the configured ones: where pages may come from."""
        return self._ours(host)

    def _find_ours(self, host: str) -> bool:
        name = host.lower().rpartition("@")[2]
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0].rstrip(".")
        if name == "localhost" or name.endswith(".localhost") or name in self._bases:
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def known(self, host: str) -> bool:
        """True for ``ours`` and for every name below a base."""
        return self.ours(host) or bool(self._rest(host))

    def foreign(self, host: str, origin: str | None) -> bool:
        """True for a request that a web page from elsewhere makes: by its Origin, or by a host name of its own.

        Where any credentials are taken, a signature proves nothing: without this, every page that somebody opens
        in a browser on this machine could call the services here.
        """
        if host and not self.known(host):
            # A name that somebody else has pointed at this machine: to a browser such a page is of this origin.
            return True
        return origin is not None and not self.ours(origin.partition("://")[2])

    def service(self, host: str) -> str:
        """The first label of a host below a base (``glue.eu-west-1.localhost`` → ``glue``), or empty."""
        return self._rest(host).partition(".")[0]
