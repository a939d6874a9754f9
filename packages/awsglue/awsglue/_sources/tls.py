"""What a connection demands of the transport: JDBC_ENFORCE_SSL and the certificate of one's own that goes with it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What Glue accepts of a certificate of one's own, unless it is told to skip the look.
_SIGNATURES = ("sha256WithRSAEncryption", "sha384WithRSAEncryption", "sha512WithRSAEncryption")
_BITS = 2048


@dataclass(frozen=True, kw_only=True)
class Tls:
    """`enforced`: no word in clear. `certificate`: who must have signed the server's one; `name`: what it must say."""

    enforced: bool = False
    certificate: str = ""
    skip_validation: bool = False
    name: str = ""

    def authority(self) -> str:
        """The local file (PEM) of the certificate, "" for none. Raises ValueError for one that Glue does not accept."""
        if not self.certificate:
            return ""
        text = _pem(_content(self.certificate))
        if not self.skip_validation:
            _check(text, self.certificate)
        descriptor, path = tempfile.mkstemp(prefix="mastic-ca-", suffix=".pem")
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        return path


def of_connection(properties: Mapping[str, Any]) -> Tls:
    """From a Glue connection's properties."""
    enforced = str(properties.get("JDBC_ENFORCE_SSL", "false")).lower() == "true"
    certificate = str(properties.get("CUSTOM_JDBC_CERT") or "")
    if certificate and not enforced:
        raise ValueError("CUSTOM_JDBC_CERT needs JDBC_ENFORCE_SSL: without it nothing is encrypted")
    return Tls(
        enforced=enforced,
        certificate=certificate,
        skip_validation=str(properties.get("SKIP_CUSTOM_JDBC_CERT_VALIDATION", "false")).lower() == "true",
        name=str(properties.get("CUSTOM_JDBC_CERT_STRING") or ""),
    )


def _content(place: str) -> bytes:
    from awsglue._runtime.io.storage import Storage

    return Storage().read(place)


def _pem(raw: bytes) -> str:
    import ssl

    if b"-----BEGIN CERTIFICATE-----" in raw:
        return raw.decode("ascii")
    return ssl.DER_cert_to_PEM_cert(raw)


def _check(text: str, place: str) -> None:
    """Glue takes RSA certificates of at least 2048 bits, signed with SHA-2."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    for certificate in x509.load_pem_x509_certificates(text.encode()):
        key = certificate.public_key()
        signed = certificate.signature_algorithm_oid._name
        if not isinstance(key, RSAPublicKey) or key.key_size < _BITS or signed not in _SIGNATURES:
            raise ValueError(
                f"the certificate {place} is signed with {signed}: AWS Glue accepts RSA keys of {_BITS} bits and more, "
                "signed with SHA-256, SHA-384 or SHA-512 (SKIP_CUSTOM_JDBC_CERT_VALIDATION skips this check)"
            )
